//! Packets in, pictures out: put together → wait until due → open → decode. No thread, no clock.

use super::clock::MediaTime;
use super::clock_offset::ClockOffset;
use super::convert::Picture;
use super::fragment::FrameKind;
use super::h264::{CodecError, Decoder};
use super::lip_sync::LipSync;
use super::packet::IncomingPacket;
use super::repair::{PictureFeedback, RepairAsk};
use super::video_jitter::{SealedFrame, VideoJitter};
use super::video_playout::{Due, VideoPlayout};
use super::video_receive::VideoReceiveStats;
use super::video_stats::latency_ms;
use crate::e2ee::{OpenError, Opener};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest that an answer to a request for a repair is waited for.
const LONGEST_PATIENCE: Duration = Duration::from_millis(600);
/// Whole frames that wait for their time at the most.
const MOST_DUE: usize = 16;

/// The receiving pipeline's steps, and what they remember.
pub struct VideoReceivePipeline {
    jitter: VideoJitter,
    playout: VideoPlayout,
    /// Whole frames that wait for their time on the screen.
    due: VecDeque<(Due, SealedFrame)>,
    opener: Opener,
    decoder: Decoder,
    ask: RepairAsk,
    /// What had arrived when something was asked for last.
    asked_at: Option<u64>,
    clock_offset: Arc<ClockOffset>,
    lip_sync: Arc<LipSync>,
    unit: Vec<u8>,
    bytes: u64,
    unopened: u64,
    undecoded: u64,
    forgotten: Option<Instant>,
}

/// What became of a frame.
#[derive(Debug)]
pub enum Step<'a> {
    /// It is due on the screen now.
    Picture(Shown<'a>),
    /// It was dropped and counted.
    Dropped,
}

/// A picture with what is known of it.
#[derive(Debug)]
pub struct Shown<'a> {
    pub picture: Picture<'a>,
    /// Capture time at 90 kHz on the peer's clock.
    pub timestamp: u32,
    pub kind: FrameKind,
    pub concealed: bool,
}

impl VideoReceivePipeline {
    /// A pipeline that has seen nothing.
    pub fn new(opener: Opener, clock_offset: Arc<ClockOffset>, lip_sync: Arc<LipSync>) -> Result<Self, CodecError> {
        Ok(Self {
            jitter: VideoJitter::default(),
            playout: VideoPlayout::default(),
            due: VecDeque::new(),
            opener,
            decoder: Decoder::new()?,
            ask: RepairAsk::default(),
            asked_at: None,
            clock_offset,
            lip_sync,
            unit: Vec::new(),
            bytes: 0,
            unopened: 0,
            undecoded: 0,
            forgotten: None,
        })
    }

    /// Takes a packet.
    pub fn push(&mut self, packet: IncomingPacket) {
        self.bytes += packet.payload.len() as u64;
        self.jitter.push(packet);
    }

    /// Takes the next frame that is due as far as it goes; nothing if none is. Call it until then.
    pub fn step(&mut self, now: MediaTime, instant: Instant) -> Option<Step<'_>> {
        if self.forgotten.is_none_or(|last| instant.saturating_duration_since(last) >= Duration::from_secs(1)) {
            self.opener.forget(instant);
            self.forgotten = Some(instant);
        }
        self.line_up(now);
        let shown_at = self.next_at().filter(|at| *at <= now)?;
        let (due, sealed) = self.due.pop_front()?;
        let opened = self.opener.open(instant, sealed.kind.meta(), &sealed.data, &mut self.unit);
        let (timestamp, kind) = (sealed.timestamp, sealed.kind);
        self.jitter.recycle(sealed.data);
        if sealed.after_loss && kind == FrameKind::Delta {
            // Said when it was lined up, but a repair from before the loss may have been decoded since.
            self.ask.want(FrameKind::Repair);
        }
        if opened.is_err() {
            // A copy of what came before leaves no hole; anything else may.
            self.unopened += 1;
            if opened != Err(OpenError::Duplicate) {
                self.ask.want(FrameKind::Repair);
            }
            return Some(Step::Dropped);
        }
        match self.decoder.decode(now, &self.unit) {
            Ok(decoded) => {
                // A keyframe needs nothing: what the decoder still says is of what came before.
                let damaged = decoded.damaged && (kind != FrameKind::Keyframe || decoded.picture.is_none());
                match (damaged, kind) {
                    (false, _) => self.ask.decoded(kind, timestamp, decoded.frame, decoded.kept),
                    (true, FrameKind::Delta) => self.ask.want(FrameKind::Repair),
                    (true, FrameKind::Repair | FrameKind::Keyframe) => self.ask.want(FrameKind::Keyframe),
                }
                let concealed = damaged || self.ask.is_broken();
                self.undecoded += u64::from(decoded.picture.is_none());
                if decoded.picture.is_some() {
                    self.playout.shown(now);
                }
                if let Some(ms) = self.clock_offset.us().and_then(|offset| latency_ms(timestamp, now, offset)) {
                    let actual = i64::from(ms) * 1000;
                    let waited = due.for_sound + shown_at.since(due.at);
                    self.lip_sync.shown(now, actual, actual - waited.as_micros() as i64);
                }
                Some(
                    decoded.picture.map_or(Step::Dropped, |picture| Step::Picture(Shown { picture, timestamp, kind, concealed })),
                )
            }
            Err(refused) => {
                tracing::debug!(%refused, "a frame does not reach the decoder");
                self.undecoded += 1;
                self.ask.want(FrameKind::Keyframe);
                Some(Step::Dropped)
            }
        }
    }

    /// Gives every frame that is whole its time.
    fn line_up(&mut self, now: MediaTime) {
        while let Some(sealed) = self.jitter.pop(now) {
            if sealed.after_loss && sealed.kind == FrameKind::Delta {
                self.ask.want(FrameKind::Repair);
            }
            let due = self.playout.due(now, sealed.timestamp, self.lip_sync.picture_waits(now));
            self.due.push_back((due, sealed));
        }
        if self.jitter.has_loss() {
            self.ask.want(FrameKind::Repair);
        }
        // A peer that sends faster than anybody can watch is watched faster.
        let too_many = self.due.len().saturating_sub(MOST_DUE);
        self.due.iter_mut().take(too_many).for_each(|(due, _)| due.at = now);
    }

    /// When the next picture is shown.
    fn next_at(&self) -> Option<MediaTime> {
        self.due.front().map(|(due, _)| self.playout.shown_at(due.at))
    }

    /// When [`step`](Self::step) may have something to do although nothing came.
    pub fn deadline(&self) -> Option<MediaTime> {
        self.jitter.deadline().into_iter().chain(self.next_at()).min()
    }

    /// What to tell the peer now, if anything. Call it until there is nothing. A request is made once, and again only if no answer comes.
    pub fn feedback(&mut self, now: MediaTime) -> Option<PictureFeedback> {
        // Each answer is as large as many pictures: where one did not get through, the next is given more time.
        let patience = (self.jitter.patience() + Duration::from_millis(100)) * (1 << (self.ask.times() / 3).min(4));
        // Nothing came since: no picture is sent, or the path is out, and another request would help nobody.
        let pointless = self.asked_at == Some(self.bytes) || self.jitter.repair_is_coming(now) || self.is_repaired_ahead();
        let request = if pointless { None } else { self.ask.due(now, patience.min(LONGEST_PATIENCE)) };
        if request.is_some() {
            self.asked_at = Some(self.bytes);
        }
        request.or_else(|| self.ask.kept())
    }

    /// Whether what brings the picture back is there already, waits for its time, and nothing is missing after it.
    fn is_repaired_ahead(&self) -> bool {
        let newest_first = self.due.iter().rev().map(|(_, sealed)| sealed);
        let mut repaired = newest_first.take_while(|sealed| sealed.kind != FrameKind::Delta || !sealed.after_loss);
        !self.jitter.has_loss() && repaired.any(|sealed| sealed.kind != FrameKind::Delta)
    }

    /// The round trip time; zero if it is not known.
    pub fn set_rtt(&mut self, rtt: Duration) {
        if !rtt.is_zero() {
            self.jitter.set_rtt(rtt);
        }
    }

    /// Puts the pipeline's own counts into `stats`.
    pub(super) fn counted(&self, stats: &mut VideoReceiveStats) {
        (stats.bytes, stats.unopened, stats.undecoded) = (self.bytes, self.unopened, self.undecoded);
        stats.jitter = self.jitter.counts();
        stats.playout_delay_ms = self.playout.delay().as_millis() as u32;
    }
}
