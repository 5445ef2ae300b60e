//! H.264 by OpenH264, set for faces over a network whose rate changes.
//!
//! Rate control follows the capture times, so no frame is skipped and none is spent on a clock that jitters. There is no
//! periodic keyframe: who lost something asks for a repair, a frame made from a long-term reference that they said they have, or
//! for a keyframe. A size or colour that changes starts a new encoder and thus a keyframe.

use super::clock::MediaTime;
use super::convert::Picture;
use super::fragment::FrameKind;
use super::frame::{Frame, Matrix};
use super::h264_raw;
use super::nal::{Gate, Refused};
use openh264::OpenH264API;
use openh264::decoder::{Decoder as RawDecoder, DecoderConfig, Flush};
use openh264::encoder::{
    BitRate, Complexity, Encoder as RawEncoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode,
    UsageType, VuiConfig,
};
use openh264::formats::YUVSource;
use openh264::{Error, Timestamp};
use thiserror::Error as ThisError;

/// What a keyframe that starts an encoder is made for: it is there soon, and the frames after it refine it at the full rate.
const FIRST_KBPS: u32 = 100;
/// What one that is asked for later is made for, at the most, and a repair: the codec means to spend four usual pictures on a keyframe.
const ASKED_KBPS: u32 = 540;
/// And what a repair is made for that nobody asked for: it has to find room on a path that is full. The codec makes pictures coarser by a
/// few steps each, so one that is larger than this is made again from the same reference, up to so many times in all.
const UNASKED_KBPS: u32 = 150;
const UNASKED_BYTES: usize = 3000;
const UNASKED_TRIES: u32 = 4;
/// A picture is kept as a long-term reference after so many frames: the younger it is, the less a repair takes.
const KEEP_EVERY: u32 = 10;
/// Numbers go round, so OpenH264 takes a reference of long ago for one to come and leaves a repair out without a word: from this age on, a
/// keyframe is made instead.
const OLDEST_REFERENCE: u16 = NUMBERS / 4;
/// Frames are numbered from their keyframe on, to this many (log2_max_frame_num of OpenH264's parameter sets).
const NUMBERS: u16 = 1 << 15;

/// The codec itself failed: not a matter of what it was given.
#[derive(Debug, ThisError)]
#[error("the video codec failed")]
pub struct CodecError(#[from] Error);

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// An access unit was written.
    Unit(FrameKind),
    /// The rate control left the frame out.
    Skipped,
}

/// Encodes frames of one size after the other.
pub struct Encoder {
    raw: RawEncoder,
    shape: Shape,
    /// At most so many frames a second: what keyframes and repairs are made for, however few others there are.
    fps: u32,
    rate: Rate,
    /// What the running encoder works with; nothing before its first frame.
    told: Option<Rate>,
    /// The next frame is to be a keyframe.
    whole: bool,
    /// The next frame is to be a repair.
    repair: Option<Repair>,
    /// Keyframes of the running encoder, and the number of its last frame.
    keyframes: u16,
    number: u16,
    /// Frames since the keyframe, the last repair, or what was confirmed last.
    since_reference: u16,
    /// The capture time that the encoder knows as one second: it takes zero for "no time".
    origin: Option<MediaTime>,
    last_ms: u64,
}

/// What is spent, and on how many frames a second: it is shared out among so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub kbps: u32,
    pub fps: u32,
}

/// A frame to be made from a reference, after the frame with this number.
#[derive(Debug, Clone, Copy)]
struct Repair {
    whole: u16,
    asked: bool,
}

/// What a stream cannot change without a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    width: usize,
    height: usize,
    matrix: Matrix,
    full_range: bool,
}

impl From<&Frame> for Shape {
    fn from(frame: &Frame) -> Self {
        Self { width: frame.width, height: frame.height, matrix: frame.matrix, full_range: frame.full_range }
    }
}

impl Encoder {
    /// An encoder for frames like `frame`, of which at most `fps` a second come.
    pub fn new(frame: &Frame, fps: u32, kbps: u32) -> Result<Self, CodecError> {
        let shape = Shape::from(frame);
        let raw = new_encoder(shape, fps, kbps.min(FIRST_KBPS))?;
        Ok(Self {
            raw,
            shape,
            fps,
            rate: Rate { kbps, fps },
            told: None,
            whole: false,
            repair: None,
            keyframes: 0,
            number: 0,
            since_reference: 0,
            origin: None,
            last_ms: 0,
        })
    }

    /// Encodes `frame` into `unit` (Annex B), which is emptied before.
    pub fn encode(&mut self, frame: &Frame, unit: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        let unasked = self.repair.filter(|repair| !repair.asked);
        let mut encoded = self.encode_once(frame, unit)?;
        for _ in 1..UNASKED_TRIES {
            if unasked.is_none() || encoded != Encoded::Unit(FrameKind::Repair) || unit.len() <= UNASKED_BYTES {
                break;
            }
            self.repair = unasked;
            encoded = self.encode_once(frame, unit)?;
        }
        Ok(encoded)
    }

    /// One pass. A picture that is made again takes a number each time, so a gap is left in the numbers, as losses leave one.
    fn encode_once(&mut self, frame: &Frame, unit: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        unit.clear();
        self.follow(frame)?;
        let (asked, repair) = (std::mem::take(&mut self.whole), self.repair.take());
        let whole = asked || repair.is_some() && self.since_reference >= OLDEST_REFERENCE;
        let repair = repair.filter(|_| !whole);
        if whole {
            self.tell(self.at_most(ASKED_KBPS));
            self.raw.force_intra_frame();
        } else if let Some(repair) = repair {
            self.tell(self.at_most(if repair.asked { ASKED_KBPS } else { UNASKED_KBPS }));
            h264_raw::recover(&mut self.raw, self.keyframes, repair.whole, self.number);
        }
        let origin = *self.origin.get_or_insert(frame.captured);
        self.last_ms = (1_000 + frame.captured.since(origin).as_millis() as u64).max(self.last_ms + 1);
        let stream = self.raw.encode_at(&Planes(frame), Timestamp::from_millis(self.last_ms))?;
        let keyframe = stream.frame_type() == FrameType::IDR;
        stream.write_vec(unit);
        if self.told.is_none() {
            self.told = Some(self.at_most(FIRST_KBPS));
            h264_raw::keep_every(&mut self.raw, KEEP_EVERY);
        }
        if unit.is_empty() {
            self.repair = repair;
            return Ok(Encoded::Skipped);
        }
        if keyframe {
            (self.keyframes, self.number, self.since_reference) = (self.keyframes.wrapping_add(1), 0, 0);
            return Ok(Encoded::Unit(FrameKind::Keyframe));
        }
        self.number = (self.number + 1) % NUMBERS;
        self.since_reference = if repair.is_some() { 0 } else { self.since_reference.saturating_add(1) };
        Ok(Encoded::Unit(if repair.is_some() { FrameKind::Repair } else { FrameKind::Delta }))
    }

    /// Makes the next frame a keyframe, and no large one: who asks waits for it, on a path that has just lost something.
    pub fn request_keyframe(&mut self) {
        self.whole = self.told.is_some();
    }

    /// Makes the next frame from a reference that was [confirmed](Self::confirm), or from the keyframe. Who asks had the frame with number
    /// `whole` of the running keyframe, and lost something after it.
    pub fn request_repair(&mut self, whole: u16) {
        self.repair = self.told.map(|_| Repair { whole: whole % NUMBERS, asked: true });
    }

    /// The same, though nobody asked: a smaller one.
    pub fn repair_unasked(&mut self, whole: u16) {
        self.repair = self.told.map(|_| Repair { whole: whole % NUMBERS, asked: false });
    }

    /// The frame with number `frame` of the running keyframe is kept on the other side.
    pub fn confirm(&mut self, frame: u16) {
        if self.told.is_some() {
            h264_raw::confirm(&mut self.raw, self.keyframes, frame);
            self.since_reference = 0;
        }
    }

    /// Spends this much from the next frame on.
    pub fn set_rate(&mut self, Rate { kbps, fps }: Rate) {
        // With room in its buffer the codec gives a picture half as much again as its share, and takes it from the next ones. Told of half as
        // many frames more, it makes them all alike.
        self.rate = Rate { kbps: kbps.max(1), fps: (fps * 3 / 2).clamp(1, self.fps) };
    }

    /// Starts anew if the shape changed, tells the encoder of a new rate.
    fn follow(&mut self, frame: &Frame) -> Result<(), CodecError> {
        let shape = Shape::from(frame);
        if shape != self.shape {
            self.raw = new_encoder(shape, self.fps, self.rate.kbps.min(FIRST_KBPS))?;
            (self.shape, self.told, self.whole, self.repair) = (shape, None, false, None);
            (self.keyframes, self.number, self.since_reference) = (0, 0, 0);
            (self.origin, self.last_ms) = (None, 0);
        }
        if self.told.is_some() {
            self.tell(self.rate);
        }
        Ok(())
    }

    /// What a picture is made for that is not to be large.
    fn at_most(&self, kbps: u32) -> Rate {
        Rate { kbps: self.rate.kbps.min(kbps), fps: self.fps }
    }

    /// Has the running encoder work with `rate`.
    fn tell(&mut self, rate: Rate) {
        let Some(told) = self.told.filter(|told| *told != rate) else { return };
        let is_shared = told.fps == rate.fps || h264_raw::set_frame_rate(&mut self.raw, rate.fps);
        if is_shared && h264_raw::set_bitrate(&mut self.raw, bits(rate.kbps), rate.kbps > told.kbps) {
            self.told = Some(rate);
        } else {
            tracing::debug!(?rate, "the encoder did not take the rate");
        }
    }
}

fn new_encoder(shape: Shape, fps: u32, kbps: u32) -> Result<RawEncoder, CodecError> {
    let vui = match shape.matrix {
        Matrix::Bt601 => VuiConfig::bt601(),
        Matrix::Bt709 => VuiConfig::bt709(),
    };
    let config = EncoderConfig::new()
        .usage_type(UsageType::CameraVideoRealTime)
        .complexity(Complexity::Low)
        .rate_control_mode(RateControlMode::Timestamp)
        .bitrate(BitRate::from_bps(bits(kbps) as u32))
        .max_frame_rate(FrameRate::from_hz(fps as f32))
        .scene_change_detect(true)
        // It takes what moves slowly for background and leaves specks of its colour behind, and costs 1.7 dB of a talking head at
        // 2.2 Mbit/s; without it, a picture takes a sixth longer to encode.
        .background_detection(false)
        .long_term_reference(true)
        .intra_frame_period(IntraFramePeriod::from_num_frames(0))
        // It would leave out several after one that was large, and does so when the rate falls: a coarser picture is better than none.
        .skip_frames(false)
        .num_threads(1)
        .vui(vui.full_range(shape.full_range));
    let mut encoder = RawEncoder::with_api_config(OpenH264API::from_source(), config)?;
    // It warns of what is meant as it is.
    h264_raw::silence(&mut encoder);
    Ok(encoder)
}

/// What OpenH264 counts in, held to what it takes.
fn bits(kbps: u32) -> i32 {
    i32::try_from(u64::from(kbps.max(10)) * 1000).unwrap_or(i32::MAX)
}

struct Planes<'a>(&'a Frame);

impl YUVSource for Planes<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.width, self.0.height)
    }
    fn strides(&self) -> (usize, usize, usize) {
        (self.0.width, self.0.width / 2, self.0.width / 2)
    }
    fn y(&self) -> &[u8] {
        self.0.planes().0
    }
    fn u(&self) -> &[u8] {
        self.0.planes().1
    }
    fn v(&self) -> &[u8] {
        self.0.planes().2
    }
}

/// Decodes access units of an authenticated peer, each checked by a [`Gate`] first.
pub struct Decoder {
    raw: RawDecoder,
    gate: Gate,
}

/// What came out of an access unit.
#[derive(Debug)]
pub struct Decoded<'a> {
    /// Nothing if too much was missing.
    pub picture: Option<Picture<'a>>,
    /// Something was missing: a repair is wanted.
    pub damaged: bool,
    /// Its number, and that of the picture which it marks as a long-term reference.
    pub frame: u16,
    pub kept: Option<u16>,
}

impl Decoder {
    /// A decoder that makes up for what is missing instead of stopping.
    pub fn new() -> Result<Self, CodecError> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let mut raw = RawDecoder::with_api_config(OpenH264API::from_source(), config)?;
        if !h264_raw::conceal_errors(&mut raw) {
            return Err(Error::msg("no concealment").into());
        }
        Ok(Self { raw, gate: Gate::default() })
    }

    /// Decodes one access unit (Annex B).
    pub fn decode(&mut self, now: MediaTime, unit: &[u8]) -> Result<Decoded<'_>, Refused> {
        let sequence = self.gate.check(now, unit)?;
        let (state, numbers, raw) = h264_raw::decode(&mut self.raw, unit);
        if !state.is_clean() {
            tracing::debug!(state = state.code(), concealed = state.is_concealed(), "a frame is not whole");
        }
        let picture = raw.map(|raw| Picture {
            width: raw.width,
            height: raw.height,
            y: raw.y,
            u: raw.u,
            v: raw.v,
            y_stride: raw.y_stride,
            uv_stride: raw.uv_stride,
            matrix: sequence.matrix,
            full_range: sequence.full_range,
        });
        let (frame, kept) = numbers.unwrap_or_default();
        Ok(Decoded { damaged: !state.is_clean() || picture.is_none() || numbers.is_none(), picture, frame, kept })
    }
}

#[cfg(test)]
#[path = "h264_tests.rs"]
mod tests;
