//! The path without a connection of its own: the same halves, over whatever carries packets. It rides the link, and a simulation of
//! a call drives it.
//!
//! No DTLS, no SRTP, no sockets: those draw random numbers that nobody can seed. Time is what it is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc::rtcp::transport_feedbacks::cc_feedback_report::CcFeedbackReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp::Packet;
use rtc::rtp::header::Header;

use super::Role;
use super::bandwidth::Estimate;
use super::counters::{Counters, PathStats};
use super::datagram::Content;
pub use super::datagram::Datagram;
use super::describe::{H264, OPUS, Streams};
use super::feedback;
use super::numbers::Numbered;
use super::receiving::Receiving;
use super::sending::{HEADERS, Sending};
use super::start::StartRate;
use crate::media::clock::MediaTime;
use crate::media::packet::IncomingPacket;
use crate::media::repair::PictureFeedback;

/// SRTCP's tag and index, UDP and IPv4: what a report takes more on the wire.
const REPORT_HEADERS: usize = 20 + 8 + 20;
/// A path on which nothing came or went for this long needs no timer.
const IDLE: Duration = Duration::from_secs(3);

/// One end of a path.
pub struct BarePath {
    ours: Streams,
    theirs: Streams,
    sending: Sending,
    receiving: Receiving,
    counters: Arc<Counters>,
    at_once: Vec<Datagram>,
    /// When anything came or went last.
    used: Option<Instant>,
}

/// What arrived for the pipelines.
pub enum Arrived {
    Sound(IncomingPacket),
    Picture(IncomingPacket),
    /// What the other side tells of our pictures.
    Feedback(PictureFeedback),
}

impl BarePath {
    /// The end of the side in `role`, which begins with what `start` says and sends at most `cap_kbps`.
    pub fn new(role: Role, cap_kbps: u32, start: StartRate) -> Self {
        let (ours, theirs) = match role {
            Role::Caller => (Streams::of(Role::Caller), Streams::of(Role::Callee)),
            Role::Callee => (Streams::of(Role::Callee), Streams::of(Role::Caller)),
        };
        let counters = Arc::<Counters>::default();
        let sending = Sending::new(ours, cap_kbps, start, counters.clone());
        let receiving = Receiving::new(ours, theirs, counters.clone());
        Self { ours, theirs, sending, receiving, counters, at_once: Vec::new(), used: None }
    }

    /// Sends a frame of sound.
    pub fn send_sound(&mut self, now: Instant, Numbered { first, frame }: Numbered) {
        self.used = Some(now);
        for (payload, number) in frame.pieces.into_iter().zip(0..) {
            let header = header(self.ours.audio, OPUS, first.wrapping_add(number), frame.timestamp, false);
            let leaves = self.sending.packet(now, Packet { header, payload });
            self.at_once.extend(leaves.map(media));
        }
    }

    /// Sends a picture, paced and protected.
    pub fn send_picture(&mut self, now: Instant, Numbered { first, frame }: Numbered) {
        self.used = Some(now);
        let last = frame.pieces.len().saturating_sub(1);
        for ((index, payload), number) in frame.pieces.into_iter().enumerate().zip(0..) {
            let header = header(self.ours.video, H264, first.wrapping_add(number), frame.timestamp, index == last);
            self.at_once.extend(self.sending.packet(now, Packet { header, payload }).map(media));
        }
    }

    /// Tells the other side of its pictures.
    pub fn send_feedback(&mut self, feedback: PictureFeedback) {
        let packet = feedback::write(feedback, self.ours.video, self.theirs.video);
        let bytes = packet.raw_size() + REPORT_HEADERS;
        self.at_once.push(Datagram { content: Content::Feedback(vec![packet]), bytes });
    }

    /// Takes what arrived; `arrived` is `now` on the media clock.
    pub fn arrive(&mut self, now: Instant, arrived: MediaTime, datagram: Datagram) -> Vec<Arrived> {
        self.used = Some(now);
        let Streams { audio, video: picture, repair, parity } = self.theirs;
        let packets = match datagram.content {
            Content::Media(packet) if [audio, picture, repair, parity].contains(&packet.header.ssrc) => {
                self.receiving.packet(now, packet)
            }
            Content::Media(_) => return Vec::new(),
            Content::Feedback(packets) => {
                let mut told = Vec::new();
                for packet in &packets {
                    if let Some(report) = packet.as_any().downcast_ref::<CcFeedbackReport>() {
                        self.sending.report(now, report);
                        self.receiving.set_round_trip(self.sending.round_trip());
                        self.receiving.ask_twice(self.sending.loses_much());
                    } else if let Some(nack) = packet.as_any().downcast_ref::<TransportLayerNack>() {
                        self.sending.repair(now, nack);
                    } else {
                        told.extend(feedback::read(&**packet, self.ours.video).map(Arrived::Feedback));
                    }
                }
                return told;
            }
        };
        let incoming = |packet: Packet| {
            let Header { ssrc, sequence_number: sequence, timestamp, marker, .. } = packet.header;
            let incoming = IncomingPacket { sequence, timestamp, marker, payload: packet.payload, arrived };
            if ssrc == picture { Arrived::Picture(incoming) } else { Arrived::Sound(incoming) }
        };
        packets.into_iter().map(incoming).collect()
    }

    /// Lets time pass; returns what leaves now.
    pub fn tick(&mut self, now: Instant) -> Vec<Datagram> {
        self.sending.tick(now);
        let mut out = std::mem::take(&mut self.at_once);
        for packets in self.receiving.tick(now) {
            let bytes = packets.iter().map(|packet| packet.raw_size()).sum::<usize>() + REPORT_HEADERS;
            out.push(Datagram { content: Content::Feedback(packets), bytes });
        }
        out.extend(std::iter::from_fn(|| self.sending.release(now)).map(media));
        out
    }

    /// When [`tick`](Self::tick) has something to do; nothing while the path is not used.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        if !self.at_once.is_empty() {
            return Some(now);
        }
        let used = self.used.is_some_and(|used| now.saturating_duration_since(used) < IDLE);
        used.then(|| [self.sending.deadline(now), self.receiving.deadline()].into_iter().flatten().min()).flatten()
    }

    /// What the path is thought to be like, and how many packets of parity and repairs go with 100 of pictures.
    pub fn reading(&self) -> (Estimate, u32) {
        let reading = self.sending.reading();
        (reading.estimate, reading.repair_percent)
    }

    /// Whether another picture may be made.
    pub fn has_room(&self) -> bool {
        self.sending.has_room()
    }

    /// How often what was lost of pictures, or lay in a path that stood still, was given up: the next picture has to do without.
    pub fn abandoned(&self) -> u32 {
        self.sending.reading().abandoned
    }

    /// How long there and back takes.
    pub fn round_trip(&self) -> Duration {
        self.sending.round_trip()
    }

    /// What was counted so far.
    pub fn counts(&self) -> PathStats {
        self.counters.read()
    }

    /// Notes whether somebody took a packet that arrived in time.
    pub fn note_taken(&self, taken: bool) {
        Counters::add(if taken { &self.counters.packets_in } else { &self.counters.dropped }, 1);
    }

    /// How long there and back takes, once that was measured.
    pub fn measured_round_trip(&self) -> Option<Duration> {
        self.sending.measured_round_trip()
    }
}

fn header(ssrc: u32, payload_type: u8, sequence_number: u16, timestamp: u32, marker: bool) -> Header {
    Header { version: 2, ssrc, payload_type, sequence_number, timestamp, marker, ..Default::default() }
}

fn media(packet: Packet) -> Datagram {
    let bytes = packet.payload.len() + HEADERS;
    Datagram { content: Content::Media(packet), bytes }
}
