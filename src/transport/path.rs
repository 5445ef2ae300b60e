//! Everything that leaves and arrives passes here, next to the wire: what we send is paced and protected, what we get is
//! reported and repaired. Runs on the connection's driver, so nothing waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use rtc::interceptor::{AttributedPacket, Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::rtcp::transport_feedbacks::cc_feedback_report::CcFeedbackReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::sansio::Protocol;
use rtc::shared::TransportContext;
use rtc::shared::error::Error;
use tokio::sync::watch;

use super::bandwidth::Estimate;
use super::counters::Counters;
use super::describe::Streams;
use super::receiving::Receiving;
use super::sending::Sending;
use super::start::StartRate;
use crate::media::clock::MediaTime;

/// What is known of the path, for whoever is interested.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub estimate: Estimate,
    /// How many packets of parity and repairs go along with 100 of pictures.
    pub repair_percent: u32,
    /// How often what was lost of pictures, or lay in a path that stood still, was given up: the next picture has to do without.
    pub abandoned: u32,
}

/// The interceptor, the only one beside the intake.
pub(super) struct Path {
    sending: Sending,
    receiving: Receiving,
    readings: watch::Sender<Reading>,
    room: watch::Sender<bool>,
    counters: Arc<Counters>,
    reads: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
    /// The newest time that is known here.
    now: Option<Instant>,
}

impl Path {
    /// The path, what is known of it, and whether there is room for another picture.
    pub fn new(
        ours: Streams,
        theirs: Streams,
        cap_kbps: u32,
        start: StartRate,
        counters: Arc<Counters>,
    ) -> (Self, watch::Receiver<Reading>, watch::Receiver<bool>) {
        let sending = Sending::new(ours, cap_kbps, start, counters.clone());
        let (readings, reader) = watch::channel(sending.reading());
        let (room, has_room) = watch::channel(true);
        let receiving = Receiving::new(ours, theirs, counters.clone());
        let (reads, writes) = (VecDeque::new(), VecDeque::new());
        (Self { sending, receiving, readings, room, counters, reads, writes, now: None }, reader, has_room)
    }

    /// Lets leave what may, and tells what changed.
    fn settle(&mut self, now: Instant) {
        self.now = Some(now);
        while let Some(packet) = self.sending.release(now) {
            self.writes.push_back(tagged(now, Packet::Rtp(packet)));
        }
        let (room, reading) = (self.sending.has_room(), self.sending.reading());
        self.room.send_if_modified(|old| std::mem::replace(old, room) != room);
        self.readings.send_if_modified(|old| std::mem::replace(old, reading) != reading);
    }
}

fn tagged(now: Instant, packet: Packet) -> TaggedPacket {
    TaggedPacket { now, transport: TransportContext::default(), message: AttributedPacket::new(packet) }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Path {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        let TaggedPacket { now, transport, message: AttributedPacket { packet, .. } } = message;
        self.counters.hear(MediaTime::now());
        match packet {
            Packet::Rtp(packet) => {
                for packet in self.receiving.packet(now, packet) {
                    let message = AttributedPacket::new(Packet::Rtp(packet));
                    self.reads.push_back(TaggedPacket { now, transport, message });
                }
            }
            Packet::Rtcp(packets) => {
                for packet in packets.iter().map(|packet| packet.as_any()) {
                    if let Some(report) = packet.downcast_ref::<CcFeedbackReport>() {
                        self.sending.report(now, report);
                        self.receiving.set_round_trip(self.sending.round_trip());
                        self.receiving.ask_twice(self.sending.loses_much());
                    } else if let Some(nack) = packet.downcast_ref::<TransportLayerNack>() {
                        self.sending.repair(now, nack);
                    }
                }
                self.settle(now);
                self.reads.push_back(TaggedPacket { now, transport, message: AttributedPacket::new(Packet::Rtcp(packets)) });
            }
            _ => {}
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.reads.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        let now = message.now;
        match message.message.packet {
            Packet::Rtp(packet) => {
                if let Some(packet) = self.sending.packet(now, packet) {
                    self.writes.push_back(tagged(now, Packet::Rtp(packet)));
                }
                self.settle(now);
            }
            _ => self.writes.push_back(message),
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.writes.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.sending.tick(now);
        for packets in self.receiving.tick(now) {
            self.writes.push_back(tagged(now, Packet::Rtcp(packets)));
        }
        self.settle(now);
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let now = self.now.unwrap_or_else(Instant::now);
        [self.sending.deadline(now), self.receiving.deadline()].into_iter().flatten().min()
    }
}

impl Interceptor for Path {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
