//! The end of the library's chain: payloads to the pipelines, what is told of pictures to the owner, all else nowhere.
//!
//! Runs on the connection's driver, so nothing here waits: a pipeline that does not keep up loses packets, and they are counted.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;
use tokio::sync::mpsc;

use crate::media::clock::MediaTime;
use crate::media::packet::IncomingPacket;
use crate::media::repair::PictureFeedback;

use super::counters::Counters;
use super::describe::Streams;
use super::feedback;

/// Packets kept while the certificate is looked at: media may overtake that by a few.
const MAX_WAITING: usize = 256;
/// How soon to look again whether the certificate was right.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Whether the other side's certificate is the one that was described. Decided once.
#[derive(Debug, Default)]
pub(super) struct Admission(AtomicU8);

const PENDING: u8 = 0;
const ADMITTED: u8 = 1;
const REFUSED: u8 = 2;

impl Admission {
    /// Decides; a refusal stands.
    pub fn decide(&self, admitted: bool) {
        let verdict = if admitted { ADMITTED } else { REFUSED };
        let _ = self.0.compare_exchange(PENDING, verdict, Ordering::AcqRel, Ordering::Acquire);
    }

    fn verdict(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

/// The interceptor for it, last before the application.
pub(super) struct Intake {
    pub ours: Streams,
    pub theirs: Streams,
    pub video: SyncSender<IncomingPacket>,
    pub audio: SyncSender<IncomingPacket>,
    /// What the other side tells of our pictures. While it is full, more is left out: it is told again.
    pub feedback: mpsc::Sender<PictureFeedback>,
    pub admission: Arc<Admission>,
    pub counters: Arc<Counters>,
    pub held: Held,
}

/// What is not where it belongs yet.
#[derive(Default)]
pub(super) struct Held {
    /// Media that came before the verdict.
    waiting: VecDeque<TaggedPacket>,
    writes: VecDeque<TaggedPacket>,
    /// When to look for the verdict again.
    look_at: Option<Instant>,
}

impl Intake {
    fn take(&mut self, message: TaggedPacket) {
        match message.message.packet {
            Packet::Rtp(packet) => {
                let queue = match packet.header.ssrc {
                    ssrc if ssrc == self.theirs.video => &self.video,
                    ssrc if ssrc == self.theirs.audio => &self.audio,
                    _ => return,
                };
                let incoming = IncomingPacket {
                    sequence: packet.header.sequence_number,
                    timestamp: packet.header.timestamp,
                    marker: packet.header.marker,
                    payload: packet.payload,
                    arrived: MediaTime::now() - message.now.elapsed(),
                };
                let counter = if queue.try_send(incoming).is_ok() { &self.counters.packets_in } else { &self.counters.dropped };
                Counters::add(counter, 1);
            }
            Packet::Rtcp(packets) => {
                for feedback in packets.iter().filter_map(|packet| feedback::read(&**packet, self.ours.video)) {
                    let _ = self.feedback.try_send(feedback);
                }
            }
            _ => {}
        }
    }

    /// Lets through what waited, if the verdict is there.
    fn settle(&mut self) {
        match self.admission.verdict() {
            PENDING => return,
            ADMITTED => {
                while let Some(message) = self.held.waiting.pop_front() {
                    self.take(message);
                }
            }
            _ => {
                Counters::add(&self.counters.dropped, self.held.waiting.len() as u64);
                self.held.waiting.clear();
            }
        }
        self.held.look_at = None;
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Intake {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.settle();
        match self.admission.verdict() {
            ADMITTED => self.take(message),
            PENDING if self.held.waiting.len() < MAX_WAITING => {
                self.held.look_at.get_or_insert(message.now + LOOK_AGAIN);
                self.held.waiting.push_back(message);
            }
            _ => Counters::add(&self.counters.dropped, 1),
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        None
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.held.writes.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.held.writes.pop_front()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        if self.held.look_at.is_some_and(|look_at| look_at <= now) {
            self.held.look_at = Some(now + LOOK_AGAIN);
            self.settle();
        }
        Ok(())
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.held.look_at
    }
}

impl Interceptor for Intake {
    fn bind_local_stream(&mut self, _: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Role;
    use rtc::interceptor::AttributedPacket;
    use rtc::shared::TransportContext;
    use std::sync::mpsc::{Receiver, sync_channel};

    fn intake(room: usize) -> (Intake, Receiver<IncomingPacket>) {
        let (video, packets) = sync_channel(room);
        let intake = Intake {
            ours: Streams::of(Role::Caller),
            theirs: Streams::of(Role::Callee),
            video,
            audio: sync_channel(1).0,
            feedback: mpsc::channel(1).0,
            admission: Arc::default(),
            counters: Arc::default(),
            held: Held::default(),
        };
        (intake, packets)
    }

    fn video(sequence_number: u16) -> TaggedPacket {
        let ssrc = Streams::of(Role::Callee).video;
        let header = rtc::rtp::header::Header { version: 2, ssrc, sequence_number, ..Default::default() };
        let packet = rtc::rtp::Packet { header, payload: bytes::Bytes::from_static(b"sealed") };
        let message = AttributedPacket::new(Packet::Rtp(packet));
        TaggedPacket { now: Instant::now(), transport: TransportContext::default(), message }
    }

    #[test]
    fn media_waits_for_the_verdict_on_the_certificate_and_keeps_its_order() {
        let (mut intake, packets) = intake(8);
        intake.handle_read(video(1)).unwrap();
        intake.handle_read(video(2)).unwrap();
        assert!(packets.try_recv().is_err());
        intake.admission.decide(true);
        let look_at = intake.poll_timeout().unwrap();
        intake.handle_timeout(look_at).unwrap();
        intake.handle_read(video(3)).unwrap();
        assert_eq!(packets.try_iter().map(|packet| packet.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(intake.poll_timeout(), None);
    }

    #[test]
    fn a_wrong_certificate_gets_no_media_through_then_or_later() {
        let (mut intake, packets) = intake(8);
        intake.handle_read(video(1)).unwrap();
        intake.admission.decide(false);
        intake.admission.decide(true);
        intake.handle_read(video(2)).unwrap();
        assert!(packets.try_recv().is_err());
        assert_eq!(intake.counters.read().dropped, 2);
    }

    #[test]
    fn a_pipeline_that_does_not_keep_up_loses_packets_that_are_counted() {
        let (mut intake, packets) = intake(2);
        intake.admission.decide(true);
        (1..=5).for_each(|sequence| intake.handle_read(video(sequence)).unwrap());
        assert_eq!(packets.try_iter().count(), 2);
        assert_eq!(intake.counters.read().dropped, 3);
    }

    #[test]
    fn waiting_media_has_a_bound() {
        let (mut intake, _packets) = intake(1);
        (0..1000).for_each(|sequence| intake.handle_read(video(sequence)).unwrap());
        assert_eq!(intake.held.waiting.len(), MAX_WAITING);
    }
}
