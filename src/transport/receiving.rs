//! The receiving half of the path: says what arrived, makes of parity and retransmissions what they stand for, and asks for the rest.
//!
//! Next to the wire, for the library unwraps retransmissions (RFC 4588) only after its own chain: a request list there never
//! learns that a packet came and asks on, a storm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::rtcp;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::rtp::Packet;
use rtc::rtp::header::Header;

use super::arrivals::Arrivals;
use super::counters::Counters;
use super::describe::{H264, Streams};
use super::nack::NackList;
use super::parity::{Recovered, Recovery};

/// See the top of the file.
pub(super) struct Receiving {
    ours: Streams,
    theirs: Streams,
    arrivals: Arrivals,
    recovery: Recovery,
    missing: NackList,
    counters: Arc<Counters>,
}

impl Receiving {
    pub fn new(ours: Streams, theirs: Streams, counters: Arc<Counters>) -> Self {
        let (arrivals, recovery, missing) = (Arrivals::default(), Recovery::default(), NackList::new());
        Self { ours, theirs, arrivals, recovery, missing, counters }
    }

    /// Takes a packet; returns those that are to be handed on.
    pub fn packet(&mut self, now: Instant, mut packet: Packet) -> Vec<Packet> {
        let Header { ssrc, sequence_number, marker, timestamp, .. } = packet.header;
        // Else each number that a peer makes up would be kept and reported for as long as the call lasts.
        if !self.theirs.has(ssrc) {
            Counters::add(&self.counters.dropped, 1);
            return Vec::new();
        }
        self.arrivals.arrived(now, ssrc, sequence_number, packet.payload.len(), marker && ssrc == self.theirs.video);
        if ssrc == self.theirs.video {
            self.missing.arrived(now, sequence_number, false);
            self.complete(now, packet)
        } else if ssrc == self.theirs.repair {
            let lost = self.unwrap(&mut packet) && self.missing.arrived(now, packet.header.sequence_number, true);
            Counters::add(&self.counters.repaired, u64::from(lost));
            if lost { self.complete(now, packet) } else { Vec::new() }
        } else if ssrc == self.theirs.parity {
            let Some((last, found)) = self.recovery.parity(timestamp, &packet.payload) else { return Vec::new() };
            self.missing.sent(now, last);
            self.accept(now, found)
        } else {
            vec![packet]
        }
    }

    /// What is to be sent now: a report, a request.
    pub fn tick(&mut self, now: Instant) -> Vec<Vec<Box<dyn rtcp::Packet>>> {
        let mut out: Vec<Vec<Box<dyn rtcp::Packet>>> = Vec::new();
        if self.arrivals.deadline().is_some_and(|deadline| deadline <= now)
            && let Some(mut report) = self.arrivals.report(now)
        {
            report.sender_ssrc = self.ours.video;
            out.push(vec![Box::new(report)]);
        }
        if self.missing.deadline().is_some_and(|deadline| deadline <= now) {
            let due = self.missing.due(now);
            if !due.is_empty() {
                Counters::add(&self.counters.nacks_sent, due.len() as u64);
                let nacks = nack_pairs_from_sequence_numbers(&due);
                let request = TransportLayerNack { sender_ssrc: self.ours.video, media_ssrc: self.theirs.video, nacks };
                out.push(vec![Box::new(request)]);
            }
        }
        Counters::add(&self.counters.lost, self.missing.take_lost());
        out
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        [self.arrivals.deadline(), self.missing.deadline()].into_iter().flatten().min()
    }

    /// What our own packets take there and back: a first guess for how long an answer takes.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.missing.guess_round_trip(round_trip);
    }

    /// Whether what we send gets lost so often that requests are sent twice.
    pub fn ask_twice(&mut self, twice: bool) {
        self.missing.ask_twice(twice);
    }

    /// The packet, and what parity makes of it.
    fn complete(&mut self, now: Instant, packet: Packet) -> Vec<Packet> {
        let found = self.recovery.media(packet.header.sequence_number, &packet.payload);
        let mut packets = vec![packet];
        packets.extend(self.accept(now, found));
        packets
    }

    fn accept(&mut self, now: Instant, found: Vec<Recovered>) -> Vec<Packet> {
        let mut packets = Vec::new();
        for Recovered { sequence, timestamp, marker, payload } in found {
            if !self.missing.arrived(now, sequence, false) {
                continue;
            }
            Counters::add(&self.counters.recovered, 1);
            packets.push(Packet { header: self.header(sequence, timestamp, marker), payload });
        }
        packets
    }

    /// Turns a retransmission back into the packet that was lost. False: there is nothing in it.
    fn unwrap(&self, packet: &mut Packet) -> bool {
        let Some((sequence, _)) = packet.payload.split_first_chunk::<2>() else {
            return false;
        };
        packet.header = self.header(u16::from_be_bytes(*sequence), packet.header.timestamp, packet.header.marker);
        packet.payload = packet.payload.slice(2..);
        !packet.payload.is_empty()
    }

    fn header(&self, sequence_number: u16, timestamp: u32, marker: bool) -> Header {
        Header {
            version: 2,
            ssrc: self.theirs.video,
            payload_type: H264,
            sequence_number,
            timestamp,
            marker,
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Role, parity};
    use bytes::Bytes;

    const OURS: Streams = Streams::of(Role::Caller);
    const THEIRS: Streams = Streams::of(Role::Callee);

    fn receiving() -> Receiving {
        Receiving::new(OURS, THEIRS, Arc::default())
    }

    fn read(receiving: &mut Receiving, ssrc: u32, sequence_number: u16, payload: impl Into<Bytes>) -> Vec<Packet> {
        let header = Header { version: 2, ssrc, sequence_number, timestamp: 5, ..Default::default() };
        receiving.packet(Instant::now(), Packet { header, payload: payload.into() })
    }

    #[test]
    fn a_retransmission_becomes_the_packet_that_was_lost() {
        let mut receiving = receiving();
        read(&mut receiving, THEIRS.video, 6, "six");
        read(&mut receiving, THEIRS.video, 8, "eight");
        let packets = read(&mut receiving, THEIRS.repair, 900, "\x00\x07seven");
        let header = &packets[0].header;
        assert_eq!((header.ssrc, header.sequence_number, header.payload_type), (THEIRS.video, 7, H264));
        assert_eq!(&packets[0].payload[..], b"seven");
        assert!(read(&mut receiving, THEIRS.repair, 901, "\x00\x07seven").is_empty(), "came twice");
    }

    #[test]
    fn probes_and_stumps_are_dropped() {
        let mut receiving = receiving();
        read(&mut receiving, THEIRS.video, 6, "six");
        for payload in ["", "\x00", "\x00\x07", "\x00\x06six"] {
            assert!(read(&mut receiving, THEIRS.repair, 1, payload).is_empty());
            assert!(read(&mut receiving, THEIRS.parity, 1, payload).is_empty());
        }
    }

    #[test]
    fn a_stream_that_nobody_described_is_dropped_counted_and_not_reported() {
        let mut receiving = receiving();
        for made_up in [0, OURS.video, 0x9999] {
            assert!(read(&mut receiving, made_up, 1, "payload").is_empty());
        }
        assert_eq!(receiving.counters.read().dropped, 3);
        assert_eq!(receiving.deadline(), None, "there is nothing to report");
        assert_eq!(read(&mut receiving, THEIRS.audio, 1, "payload").len(), 1);
    }

    #[test]
    fn parity_brings_a_lost_packet_back_and_nobody_asks_for_it() {
        let mut receiving = receiving();
        let payloads: Vec<Bytes> = (0..4u8).map(|index| Bytes::from(vec![index; 500])).collect();
        read(&mut receiving, THEIRS.video, 9, "before");
        for (index, payload) in payloads.iter().enumerate().filter(|(index, _)| *index != 3) {
            read(&mut receiving, THEIRS.video, 10 + index as u16, payload.clone());
        }
        let parity = parity::protect(10, &payloads, 1, true).remove(0);
        let packets = read(&mut receiving, THEIRS.parity, 1, parity);
        assert_eq!((packets[0].header.sequence_number, packets[0].header.marker), (13, true));
        assert_eq!(packets[0].payload, payloads[3]);
        assert_eq!(receiving.missing.deadline(), None);
        assert_eq!(receiving.counters.read().recovered, 1);
    }

    #[test]
    fn a_lost_packet_is_asked_for_until_it_comes_and_not_after() {
        let mut receiving = receiving();
        read(&mut receiving, THEIRS.video, 6, "six");
        read(&mut receiving, THEIRS.video, 8, "eight");
        let deadline = receiving.missing.deadline().unwrap();
        assert_eq!(receiving.tick(deadline).len(), 1);
        read(&mut receiving, THEIRS.repair, 900, "\x00\x07seven");
        assert_eq!(receiving.missing.deadline(), None);
        assert!(receiving.tick(deadline).is_empty());
    }
}
