//! H.264 by OpenH264, set for faces over a network whose rate changes.
//!
//! Rate control follows the capture times, so no frame is skipped and none is spent on a clock that jitters. There is no
//! periodic keyframe: who lost something asks for one. A size or colour that changes starts a new encoder and thus a keyframe.

use super::clock::MediaTime;
use super::convert::Picture;
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
/// What one that is asked for later is made for, at the most: the codec means to spend four usual pictures on it.
const WHOLE_KBPS: u32 = 540;

/// The codec itself failed: not a matter of what it was given.
#[derive(Debug, ThisError)]
#[error("the video codec failed")]
pub struct CodecError(#[from] Error);

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoded {
    /// An access unit was written.
    Unit { keyframe: bool },
    /// The rate control left the frame out.
    Skipped,
}

/// Encodes frames of one size after the other.
pub struct Encoder {
    raw: RawEncoder,
    shape: Shape,
    fps: u32,
    kbps: u32,
    /// What the running encoder works with; nothing before its first frame.
    told_kbps: Option<u32>,
    /// The next frame is to be a keyframe.
    whole: bool,
    /// The capture time that the encoder knows as one second: it takes zero for "no time".
    origin: Option<MediaTime>,
    last_ms: u64,
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
        Ok(Self { raw, shape, fps, kbps, told_kbps: None, whole: false, origin: None, last_ms: 0 })
    }

    /// Encodes `frame` into `unit` (Annex B), which is emptied before.
    pub fn encode(&mut self, frame: &Frame, unit: &mut Vec<u8>) -> Result<Encoded, CodecError> {
        unit.clear();
        self.follow(frame)?;
        if std::mem::take(&mut self.whole) {
            self.tell(self.kbps.min(WHOLE_KBPS));
            self.raw.force_intra_frame();
        }
        let origin = *self.origin.get_or_insert(frame.captured);
        self.last_ms = (1_000 + frame.captured.since(origin).as_millis() as u64).max(self.last_ms + 1);
        let stream = self.raw.encode_at(&Planes(frame), Timestamp::from_millis(self.last_ms))?;
        let keyframe = stream.frame_type() == FrameType::IDR;
        stream.write_vec(unit);
        self.told_kbps.get_or_insert(self.kbps.min(FIRST_KBPS));
        Ok(if unit.is_empty() { Encoded::Skipped } else { Encoded::Unit { keyframe } })
    }

    /// Makes the next frame a keyframe, and no large one: who asks waits for it, on a path that has just lost something.
    pub fn request_keyframe(&mut self) {
        self.whole = self.told_kbps.is_some();
    }

    /// Spends this much from the next frame on.
    pub fn set_kbps(&mut self, kbps: u32) {
        self.kbps = kbps.max(1);
    }

    /// Starts anew if the shape changed, tells the encoder of a new rate.
    fn follow(&mut self, frame: &Frame) -> Result<(), CodecError> {
        let shape = Shape::from(frame);
        if shape != self.shape {
            self.raw = new_encoder(shape, self.fps, self.kbps.min(FIRST_KBPS))?;
            (self.shape, self.told_kbps, self.whole) = (shape, None, false);
            (self.origin, self.last_ms) = (None, 0);
        }
        if self.told_kbps.is_some() {
            self.tell(self.kbps);
        }
        Ok(())
    }

    /// Has the running encoder work with `kbps`.
    fn tell(&mut self, kbps: u32) {
        let Some(told) = self.told_kbps.filter(|told| *told != kbps) else { return };
        if h264_raw::set_bitrate(&mut self.raw, bits(kbps), kbps > told) {
            self.told_kbps = Some(kbps);
        } else {
            tracing::debug!(kbps, "the encoder did not take the rate");
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
        .num_threads(1)
        .vui(vui.full_range(shape.full_range));
    Ok(RawEncoder::with_api_config(OpenH264API::from_source(), config)?)
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
    /// Something was missing: a keyframe is wanted.
    pub damaged: bool,
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
        let (state, raw) = h264_raw::decode(&mut self.raw, unit);
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
        Ok(Decoded { damaged: !state.is_clean() || picture.is_none(), picture })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::marker;
    use crate::media::test_pattern::TestPattern;
    use std::time::Duration;

    const START: MediaTime = MediaTime(1_700_000_000_000_000);

    /// Encodes `count` frames of the test pattern, calling `each` before each one.
    fn encode(count: u32, kbps: u32, mut each: impl FnMut(u32, &mut Encoder)) -> Vec<(Frame, Vec<u8>, Encoded)> {
        let mut pattern = TestPattern::new(640, 360);
        let mut frame = Frame::black(640, 360);
        let mut encoder = Encoder::new(&frame, 30, kbps).unwrap();
        (0..count)
            .map(|n| {
                frame.captured = START + Duration::from_micros(u64::from(n) * 33_333);
                pattern.draw(frame.captured, &mut frame);
                each(n, &mut encoder);
                let mut unit = Vec::new();
                let encoded = encoder.encode(&frame, &mut unit).unwrap();
                (frame.clone(), unit, encoded)
            })
            .collect()
    }

    fn psnr(frame: &Frame, picture: &Picture) -> f64 {
        let mut copy = Frame::black(16, 16);
        picture.copy_to(&mut copy);
        let squares: f64 = frame.planes().0.iter().zip(copy.planes().0).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
        10.0 * (255.0f64.powi(2) / (squares / frame.planes().0.len() as f64).max(1e-9)).log10()
    }

    #[test]
    fn every_frame_comes_back_at_once_and_looks_like_what_went_in() {
        let mut decoder = Decoder::new().unwrap();
        for (index, (frame, unit, encoded)) in encode(60, 1000, |_, _| {}).iter().enumerate() {
            assert_eq!(*encoded, Encoded::Unit { keyframe: index == 0 });
            let decoded = decoder.decode(START, unit).unwrap();
            let picture = decoded.picture.expect("a picture a unit");
            assert!(!decoded.damaged);
            assert_eq!(marker::read(&picture), Some(index as u16));
            let (psnr, least) = (psnr(frame, &picture), if index < 6 { 28.0 } else { 33.0 });
            assert!(psnr >= least, "frame {index}: {psnr:.1} dB");
        }
    }

    /// How many pieces of four by four pixels of `b` are nothing like those of `a`.
    fn specks(a: &[u8], b: &[u8], width: usize) -> usize {
        let height = a.len() / width;
        let off = |x: usize, y: usize| {
            let pixels = (0..4).flat_map(|row| (0..4).map(move |column| (y * 4 + row) * width + x * 4 + column));
            pixels.map(|at| u32::from(a[at].abs_diff(b[at]))).sum::<u32>() / 16
        };
        (0..height / 4).flat_map(|y| (0..width / 4).map(move |x| (x, y))).filter(|(x, y)| off(*x, *y) > 20).count()
    }

    #[test]
    fn at_a_low_rate_nothing_of_a_moving_picture_is_left_behind() {
        let (mut pattern, mut frame) = (TestPattern::new(1280, 720), Frame::black(1280, 720));
        let mut encoder = Encoder::new(&frame, 30, 2000).unwrap();
        let (mut decoder, mut unit, mut copy) = (Decoder::new().unwrap(), Vec::new(), Frame::black(16, 16));
        let (mut luma, mut chroma) = (0, 0);
        for n in 0..300u64 {
            frame.captured = START + Duration::from_micros(n * 33_333);
            pattern.draw(frame.captured, &mut frame);
            encoder.set_kbps(if n < 60 { 2000 } else { 600 });
            encoder.encode(&frame, &mut unit).unwrap();
            decoder.decode(frame.captured, &unit).unwrap().picture.unwrap().copy_to(&mut copy);
            if n >= 90 {
                luma += specks(frame.planes().0, copy.planes().0, 1280);
                chroma += specks(frame.planes().1, copy.planes().1, 640) + specks(frame.planes().2, copy.planes().2, 640);
            }
        }
        println!("{luma} specks of brightness and {chroma} of colour in 210 pictures");
        assert!(luma + chroma <= 210, "{luma} specks of brightness and {chroma} of colour in 210 pictures");
    }

    #[test]
    fn the_first_picture_is_as_small_at_any_rate_and_no_frame_is_left_out_for_it() {
        let [slow, fast] = [300, 3000].map(|kbps| encode(60, kbps, |_, _| {}));
        assert_eq!(slow[0].1.len(), fast[0].1.len());
        assert!(fast.iter().all(|unit| unit.2 != Encoded::Skipped));
    }

    #[test]
    fn the_encoder_takes_a_higher_rate_and_a_lower_one() {
        let units = encode(30, 500, |n, encoder| {
            assert!(n < 2 || encoder.told_kbps == Some(encoder.kbps), "frame {n}");
            encoder.set_kbps([500, 4000, 200][n as usize / 10]);
        });
        assert_eq!(units.iter().filter(|unit| unit.2 == Encoded::Unit { keyframe: true }).count(), 1);
    }

    #[test]
    fn a_new_bitrate_holds_without_a_keyframe() {
        let units = encode(240, 1200, |n, encoder| {
            if n == 120 {
                encoder.set_kbps(60);
            }
        });
        let bytes = |range: std::ops::Range<usize>| units[range].iter().map(|(_, unit, _)| unit.len()).sum::<usize>();
        assert!(bytes(180..240) * 2 < bytes(60..120), "{} then {}", bytes(60..120), bytes(180..240));
        assert_eq!(units.iter().filter(|unit| unit.2 == Encoded::Unit { keyframe: true }).count(), 1);
    }

    #[test]
    fn a_keyframe_comes_when_asked_for_and_starts_a_decoder() {
        let units = encode(12, 800, |n, encoder| {
            if n == 10 {
                encoder.request_keyframe();
            }
        });
        assert_eq!(units[10].2, Encoded::Unit { keyframe: true });
        let mut decoder = Decoder::new().unwrap();
        assert!(decoder.decode(START, &units[9].1).is_err(), "nothing is decoded before a keyframe");
        let decoded = decoder.decode(START, &units[10].1).unwrap();
        assert_eq!((decoded.damaged, decoded.picture.and_then(|picture| marker::read(&picture))), (false, Some(10)));
    }

    #[test]
    fn a_keyframe_that_was_asked_for_is_as_small_at_a_high_rate_as_at_a_low_one() {
        let mut noise = 1u32;
        let [slow, fast] = [600, 8000].map(|kbps| {
            let mut frame = Frame::black(640, 360);
            let (mut encoder, mut unit) = (Encoder::new(&frame, 30, kbps).unwrap(), Vec::new());
            for n in 0..40u64 {
                frame.captured = START + Duration::from_micros(n * 33_333);
                frame.planes_mut().0.iter_mut().for_each(|luma| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *luma = 96 + (noise >> 28) as u8;
                });
                if n == 39 {
                    encoder.request_keyframe();
                }
                encoder.encode(&frame, &mut unit).unwrap();
            }
            unit.len()
        });
        println!("{slow} bytes at 600 kbit/s, {fast} at 8000");
        assert!(fast * 4 <= slow * 5, "{slow} and {fast}");
    }

    #[test]
    fn another_size_and_other_colours_go_through_with_a_keyframe() {
        let mut encoder = Encoder::new(&Frame::black(320, 180), 30, 500).unwrap();
        let mut decoder = Decoder::new().unwrap();
        let mut unit = Vec::new();
        for (n, (width, matrix, full_range)) in
            [(320, Matrix::Bt709, false), (640, Matrix::Bt601, true), (640, Matrix::Bt709, true), (160, Matrix::Bt601, false)]
                .into_iter()
                .enumerate()
        {
            let captured = START + Duration::from_millis(33 * n as u64);
            let frame = Frame { matrix, full_range, captured, ..Frame::black(width, 180) };
            assert_eq!(encoder.encode(&frame, &mut unit).unwrap(), Encoded::Unit { keyframe: true });
            let picture = decoder.decode(captured, &unit).unwrap().picture.unwrap();
            assert_eq!((picture.width, picture.height, picture.matrix, picture.full_range), (width, 180, matrix, full_range));
        }
    }

    #[test]
    fn after_a_lost_frame_the_decoder_says_so_and_still_gives_pictures() {
        let units = encode(30, 800, |_, _| {});
        let mut decoder = Decoder::new().unwrap();
        let (mut damaged, mut pictures) = (0, 0);
        for (index, (_, unit, _)) in units.iter().enumerate().filter(|(index, _)| *index != 10) {
            let decoded = decoder.decode(START, unit).unwrap();
            pictures += usize::from(decoded.picture.is_some());
            damaged += usize::from(decoded.damaged);
            assert!(index > 10 || !decoded.damaged);
        }
        assert!(damaged >= 1 && pictures >= 28, "{damaged} damaged, {pictures} pictures");
    }
}
