//! Asks for pictures' packets that got lost, and makes of the answers what they were.
//!
//! Sits between the network and everything that looks at sequence numbers. The library unwraps retransmissions (RFC 4588)
//! only after its own chain, so a request list there never learns that a packet came and asks on: a storm.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::transport_layer_nack::{TransportLayerNack, nack_pairs_from_sequence_numbers};
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;

use super::counters::Counters;
use super::describe::{H264, Streams};
use super::nack::NackList;

/// The interceptor for it, at a slot of its own before the library's report writers.
pub(super) struct Repair {
    ours: Streams,
    theirs: Streams,
    missing: NackList,
    counters: Arc<Counters>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
}

impl Repair {
    pub fn new(ours: Streams, theirs: Streams, counters: Arc<Counters>) -> Self {
        Self { ours, theirs, missing: NackList::new(), counters, reads: VecDeque::new(), writes: VecDeque::new() }
    }

    /// Turns a retransmission back into the packet that was lost. False: there is nothing in it, as in a probe.
    fn unwrap(&self, packet: &mut rtc::rtp::Packet) -> bool {
        let Some((sequence, _)) = packet.payload.split_first_chunk::<2>() else {
            return false;
        };
        packet.header.sequence_number = u16::from_be_bytes(*sequence);
        packet.header.ssrc = self.theirs.video;
        packet.header.payload_type = H264;
        packet.payload = packet.payload.slice(2..);
        !packet.payload.is_empty()
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Repair {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, mut message: TaggedPacket) -> Result<(), Error> {
        match &mut message.message.packet {
            Packet::Rtp(packet) if packet.header.ssrc == self.theirs.repair => {
                if !self.unwrap(packet) || !self.missing.arrived(message.now, packet.header.sequence_number, true) {
                    return Ok(());
                }
                Counters::add(&self.counters.repaired, 1);
            }
            Packet::Rtp(packet) if packet.header.ssrc == self.theirs.video => {
                self.missing.arrived(message.now, packet.header.sequence_number, false);
            }
            Packet::Rtcp(packets) => {
                for nack in packets.iter().filter_map(|packet| packet.as_any().downcast_ref::<TransportLayerNack>()) {
                    if nack.media_ssrc == self.ours.video {
                        let asked: u32 = nack.nacks.iter().map(|pair| 1 + pair.lost_packets.count_ones()).sum();
                        Counters::add(&self.counters.nacks_received, u64::from(asked));
                    }
                }
            }
            _ => {}
        }
        self.reads.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.writes.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.missing.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let lost = self.missing.lost;
        let due = self.missing.due(now);
        Counters::add(&self.counters.lost, self.missing.lost - lost);
        if !due.is_empty() {
            Counters::add(&self.counters.nacks_sent, due.len() as u64);
            let nacks = nack_pairs_from_sequence_numbers(&due);
            let request = TransportLayerNack { sender_ssrc: self.ours.video, media_ssrc: self.theirs.video, nacks };
            let message = AttributedPacket::new(Packet::Rtcp(vec![Box::new(request)]));
            self.writes.push_back(TaggedPacket { now, transport: TransportContext::default(), message });
        }
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.missing.deadline()
    }
}

impl Interceptor for Repair {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Role;
    use bytes::Bytes;
    use std::time::Duration;

    const OURS: Streams = Streams::of(Role::Caller);
    const THEIRS: Streams = Streams::of(Role::Callee);

    fn read(repair: &mut Repair, ssrc: u32, sequence_number: u16, payload: &'static [u8]) -> Option<rtc::rtp::Packet> {
        let header = rtc::rtp::header::Header { version: 2, ssrc, sequence_number, ..Default::default() };
        let packet = rtc::rtp::Packet { header, payload: Bytes::from_static(payload) };
        let message = AttributedPacket::new(Packet::Rtp(packet));
        let now = Instant::now();
        repair.handle_read(TaggedPacket { now, transport: TransportContext::default(), message }).unwrap();
        match repair.poll_read()?.message.packet {
            Packet::Rtp(packet) => Some(packet),
            _ => None,
        }
    }

    #[test]
    fn a_retransmission_becomes_the_packet_that_was_lost() {
        let mut repair = Repair::new(OURS, THEIRS, Arc::default());
        read(&mut repair, THEIRS.video, 6, b"six");
        read(&mut repair, THEIRS.video, 8, b"eight");
        let packet = read(&mut repair, THEIRS.repair, 900, b"\x00\x07seven").unwrap();
        assert_eq!((packet.header.ssrc, packet.header.sequence_number, packet.header.payload_type), (THEIRS.video, 7, H264));
        assert_eq!(&packet.payload[..], b"seven");
        assert!(read(&mut repair, THEIRS.repair, 901, b"\x00\x07seven").is_none(), "came twice");
    }

    #[test]
    fn probes_and_stumps_are_dropped() {
        let mut repair = Repair::new(OURS, THEIRS, Arc::default());
        read(&mut repair, THEIRS.video, 6, b"six");
        for payload in [&b""[..], b"\x00", b"\x00\x07"] {
            assert!(read(&mut repair, THEIRS.repair, 1, payload).is_none());
        }
    }

    #[test]
    fn a_lost_packet_is_asked_for_until_it_comes_and_not_after() {
        let mut repair = Repair::new(OURS, THEIRS, Arc::default());
        read(&mut repair, THEIRS.video, 6, b"six");
        read(&mut repair, THEIRS.video, 8, b"eight");
        let deadline = repair.poll_timeout().unwrap();
        repair.handle_timeout(deadline).unwrap();
        assert!(matches!(repair.poll_write().unwrap().message.packet, Packet::Rtcp(_)));
        read(&mut repair, THEIRS.repair, 900, b"\x00\x07seven");
        assert_eq!(repair.poll_timeout(), None);
        repair.handle_timeout(deadline + Duration::from_secs(1)).unwrap();
        assert!(repair.poll_write().is_none());
    }
}
