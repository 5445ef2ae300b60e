//! A frame in, a sealed and cut frame out: scale → encode → seal → cut. No thread, no clock.

use super::clock::{MediaTime, VIDEO_RATE};
use super::content::ContentWatch;
use super::convert::Picture;
use super::fragment::{self, FrameKind};
use super::frame::Frame;
use super::h264::{CodecError, Encoded, Encoder, Rate};
use super::packet::OutgoingFrame;
use super::rate::{FrameSkip, RateRule};
use super::repair::{PictureFeedback, RepairAnswer};
use super::scale::Scaler;
use super::video_send::VideoSendStats;
use crate::e2ee::{Exhausted, Sealer};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How old the first picture may be when it leaves. An older one is encoded anew.
const READY_FOR: Duration = Duration::from_millis(400);

/// Why a frame could not be sent.
#[derive(Debug, Error)]
pub enum SendError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// The sending pipeline's steps, and what they remember.
pub struct VideoSendPipeline {
    sealer: Sealer,
    encoder: Option<Encoder>,
    fps: u32,
    kbps: u32,
    content: ContentWatch,
    rule: RateRule,
    skip: FrameSkip,
    repairs: RepairAnswer,
    /// RTP timestamp of the last keyframe; feedback about another one is of the past.
    keyframe: Option<u32>,
    /// The number of the last frame after it that the peer has whole.
    whole: u16,
    /// That of one that it has for sure, with the last reference before it that it keeps; nothing while nobody knows of the keyframe.
    confirmed: Option<u16>,
    /// A repair was made unasked, and a request for one may have crossed it.
    unasked: bool,
    /// The next repair is for a path that is full.
    small: bool,
    scaler: Scaler,
    scaled: Frame,
    unit: Vec<u8>,
    sealed: Vec<u8>,
    /// The first picture, encoded in `unit`, until it may leave.
    ready: Option<EncodedPicture>,
    last: Option<MediaTime>,
    stats: VideoSendStats,
}

/// What is known of the access unit in [`VideoSendPipeline::unit`].
#[derive(Debug, Clone, Copy)]
struct EncodedPicture {
    captured: MediaTime,
    kind: FrameKind,
    width: usize,
    height: usize,
}

impl VideoSendPipeline {
    /// A pipeline for at most `fps` frames a second and at first `kbps`.
    pub fn new(sealer: Sealer, fps: u32, kbps: u32) -> Self {
        Self {
            sealer,
            encoder: None,
            fps,
            kbps,
            content: ContentWatch::default(),
            rule: RateRule::default(),
            skip: FrameSkip::default(),
            repairs: RepairAnswer::default(),
            keyframe: None,
            whole: 0,
            confirmed: None,
            unasked: false,
            small: false,
            scaler: Scaler::default(),
            scaled: Frame::black(16, 16),
            unit: Vec::new(),
            sealed: Vec::new(),
            ready: None,
            last: None,
            stats: VideoSendStats::default(),
        }
    }

    /// Keeps the keys of now and wipes older ones while nothing is sent.
    pub fn keep_up(&mut self, instant: Instant) {
        self.sealer.keep_up(instant);
    }

    /// Encodes a first picture ahead of time, and another one once that has grown old.
    pub fn prepare(&mut self, now: MediaTime, frame: &Frame) -> Result<(), SendError> {
        if self.wants_first(now) {
            self.restart();
            self.ready = self.encode(now, frame, true)?;
        }
        Ok(())
    }

    /// Whether [`prepare`](Self::prepare) has something to do.
    pub fn wants_first(&self, now: MediaTime) -> bool {
        self.ready.is_none_or(|ready| now.since(ready.captured) >= READY_FOR)
    }

    /// Makes a frame of the picture that is ready; nothing if there is none or it has grown old.
    pub fn release(&mut self, now: MediaTime, instant: Instant) -> Result<Option<OutgoingFrame>, SendError> {
        if self.wants_first(now) {
            self.restart();
        }
        self.ready.take().map(|ready| self.seal(instant, ready)).transpose()
    }

    /// Makes a frame of what was captured; nothing if it is left out. With `room` false nothing may leave now.
    pub fn step(
        &mut self,
        now: MediaTime,
        instant: Instant,
        frame: &Frame,
        room: bool,
    ) -> Result<Option<OutgoingFrame>, SendError> {
        let encoded = self.encode(now, frame, room)?;
        encoded.map(|picture| self.seal(instant, picture)).transpose()
    }

    /// Encodes what was captured into `unit`.
    fn encode(&mut self, now: MediaTime, frame: &Frame, room: bool) -> Result<Option<EncodedPicture>, SendError> {
        self.stats.captured += 1;
        let content = self.content.look(frame);
        let plan = self.rule.plan(now, self.kbps, frame.width * frame.height, content);
        let room = room && self.kbps > 0;
        if !room || !self.skip.take(frame.captured, plan.fps.min(self.fps)) {
            self.stats.skipped += 1;
            return Ok(None);
        }
        let (width, height) = plan.size(frame.width, frame.height);
        let frame = if (width, height) != (frame.width, frame.height) {
            self.scaler.scale(&Picture::from(frame), width, height, &mut self.scaled);
            self.scaled.captured = frame.captured;
            &self.scaled
        } else {
            frame
        };
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::new(frame, self.fps, self.kbps)?),
        };
        encoder.set_rate(Rate { kbps: self.kbps, fps: plan.fps });
        match self.repairs.due(now, self.kbps) {
            Some(FrameKind::Keyframe) => encoder.request_keyframe(),
            Some(FrameKind::Repair) if self.small => encoder.repair_unasked(self.whole),
            Some(FrameKind::Repair) => encoder.request_repair(self.whole),
            Some(FrameKind::Delta) | None => {}
        }
        let Encoded::Unit(kind) = encoder.encode(frame, &mut self.unit)? else {
            self.stats.skipped += 1;
            return Ok(None);
        };
        self.repairs.sent(now, kind);
        self.small &= kind == FrameKind::Delta;
        Ok(Some(EncodedPicture { captured: frame.captured, kind, width: frame.width, height: frame.height }))
    }

    /// Seals and cuts what is in `unit`.
    fn seal(&mut self, instant: Instant, picture: EncodedPicture) -> Result<OutgoingFrame, SendError> {
        let EncodedPicture { captured, kind, width, height } = picture;
        self.sealer.seal(instant, kind.meta(), &self.unit, &mut self.sealed)?;
        // Two frames never share a stamp, whatever the source says.
        let captured = self.last.map_or(captured, |last| captured.max(MediaTime(last.0 + 1000)));
        self.last = Some(captured);
        self.stats.frames += 1;
        self.stats.keyframes += u64::from(kind == FrameKind::Keyframe);
        self.stats.repairs += u64::from(kind == FrameKind::Repair);
        self.stats.bytes += self.sealed.len() as u64;
        (self.stats.width, self.stats.height) = (width, height);
        let timestamp = captured.rtp(VIDEO_RATE);
        if kind == FrameKind::Keyframe {
            (self.keyframe, self.confirmed, self.unasked) = (Some(timestamp), None, false);
        }
        Ok(OutgoingFrame { timestamp, pieces: fragment::cut(&self.sealed, kind) })
    }

    /// What the peer tells of the pictures.
    pub fn feedback(&mut self, feedback: PictureFeedback) {
        match feedback {
            PictureFeedback::Lost(whole) if Some(whole.keyframe) == self.keyframe => {
                self.confirmed.get_or_insert(whole.frame);
                if !std::mem::take(&mut self.unasked) {
                    self.whole = whole.frame;
                    self.repairs.want(FrameKind::Repair);
                }
            }
            // It never had the last keyframe whole, so it has none of the references since.
            PictureFeedback::Lost(_) | PictureFeedback::Keyframe => self.repairs.want(FrameKind::Keyframe),
            PictureFeedback::Kept(whole) if Some(whole.keyframe) == self.keyframe => {
                if let Some(encoder) = &mut self.encoder {
                    encoder.confirm(whole.frame);
                    // It is the next frame that marks this one as a reference, and that was decoded, too, or nobody would know.
                    self.confirmed = Some(whole.frame.wrapping_add(1));
                    self.unasked = false;
                    if self.small {
                        self.whole = whole.frame.wrapping_add(1);
                    }
                }
            }
            PictureFeedback::Kept(_) => {}
        }
    }

    /// The path gave up what it lost, or what lies in it: the next picture is made from one that the peer has for sure.
    pub fn renew(&mut self) {
        match self.confirmed {
            Some(frame) => {
                (self.whole, self.unasked, self.small) = (frame, true, true);
                self.repairs.want(FrameKind::Repair);
            }
            None => self.repairs.want(FrameKind::Keyframe),
        }
    }

    /// What the path carries.
    pub fn set_kbps(&mut self, kbps: u32) {
        self.kbps = kbps;
    }

    /// Another source begins: with a keyframe, and without what was learnt of the last one.
    pub fn restart(&mut self) {
        (self.encoder, self.keyframe, self.ready) = (None, None, None);
        (self.skip, self.content) = (FrameSkip::default(), ContentWatch::default());
    }

    /// What was sent so far.
    pub fn stats(&self) -> VideoSendStats {
        self.stats
    }
}
