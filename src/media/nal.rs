//! What an access unit must look like before the decoder sees a byte of it (ITU-T H.264, Annex B and section 7.3.2.1).
//!
//! The decoder is a large program in C. It gets what an authenticated peer sent, but no picture larger than we show, no kind of
//! stream that we never send, and no new parameter sets faster than a person could want them.

use super::clock::MediaTime;
use super::frame::Matrix;
use std::time::Duration;
use thiserror::Error;

/// Largest access unit.
pub const MAX_UNIT: usize = 1 << 20;
/// Longest and shortest side of a picture, whichever way it stands.
const MAX_SIDES: (usize, usize) = (1920, 1088);
/// NAL units in one access unit.
const MAX_NALS: usize = 64;
/// Parameter sets that may come in a burst, and how fast they may go on.
const BURST: u32 = 10;
const EVERY: Duration = Duration::from_millis(200);

/// Why an access unit was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    #[error("not an access unit")]
    Malformed,
    #[error("a kind of stream that we never send")]
    Kind,
    #[error("picture too large or too small")]
    Size,
    #[error("too many parameter sets")]
    Rate,
}

/// What a sequence parameter set says of the pictures that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sequence {
    /// Size as shown, after cropping.
    pub width: usize,
    pub height: usize,
    pub matrix: Matrix,
    pub full_range: bool,
}

/// Lets access units through to the decoder.
#[derive(Debug)]
pub struct Gate {
    tokens: u32,
    refilled: MediaTime,
    sequence: Option<Sequence>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { tokens: BURST, refilled: MediaTime::default(), sequence: None }
    }
}

impl Gate {
    /// Checks `unit`; returns what is known of its pictures.
    pub fn check(&mut self, now: MediaTime, unit: &[u8]) -> Result<Sequence, Refused> {
        if unit.len() > MAX_UNIT || !unit.starts_with(&[0, 0, 1]) && !unit.starts_with(&[0, 0, 0, 1]) {
            return Err(Refused::Malformed);
        }
        let (mut sequence, mut pictures) = (self.sequence, false);
        for (index, nal) in nals(unit).enumerate() {
            let header = *nal.first().filter(|header| **header & 0x80 == 0 && index < MAX_NALS).ok_or(Refused::Malformed)?;
            match header & 0x1F {
                1 | 5 => pictures = true,
                7 => sequence = Some(self.new_sequence(now, &nal[1..])?),
                6 | 8 | 9 | 12 => {}
                _ => return Err(Refused::Kind),
            }
        }
        self.sequence = sequence;
        sequence.filter(|_| pictures).ok_or(Refused::Malformed)
    }

    fn new_sequence(&mut self, now: MediaTime, bytes: &[u8]) -> Result<Sequence, Refused> {
        let earned = (now.since(self.refilled).as_micros() / EVERY.as_micros()) as u32;
        if earned > 0 {
            (self.tokens, self.refilled) = (self.tokens.saturating_add(earned).min(BURST), now);
        }
        self.tokens = self.tokens.checked_sub(1).ok_or(Refused::Rate)?;
        Sequence::parse(bytes)
    }
}

/// The NAL units between start codes, without those.
fn nals(unit: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(unit).map(|at| &unit[at + 3..]);
    std::iter::from_fn(move || {
        let current = rest?;
        let end = start_code(current);
        rest = end.map(|at| &current[at + 3..]);
        let nal = &current[..end.unwrap_or(current.len())];
        let trailing = nal.iter().rev().take_while(|byte| **byte == 0).count();
        Some(&nal[..nal.len() - trailing])
    })
}

/// Where the next 0 0 1 is.
fn start_code(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    while let Some(byte) = bytes.get(at) {
        match byte {
            0 => at += 1,
            1 if bytes[at - 1] == 0 && bytes[at - 2] == 0 => return Some(at - 2),
            _ => at += 3,
        }
    }
    None
}

impl Sequence {
    /// Reads a sequence parameter set, its header byte taken off.
    fn parse(bytes: &[u8]) -> Result<Self, Refused> {
        let mut bits = Bits::new(bytes);
        let profile = bits.take(8)?;
        bits.take(16)?; // constraint flags, level
        bits.count(31)?; // id
        match profile {
            66 | 77 => {}
            100 => {
                // 4:2:0, 8 bits luma, 8 bits chroma, no lossless bypass, no scaling lists.
                let format = (bits.count(3)?, bits.count(6)?, bits.count(6)?, bits.take(1)?, bits.take(1)?);
                if format != (1, 0, 0, 0, 0) {
                    return Err(Refused::Kind);
                }
            }
            _ => return Err(Refused::Kind),
        }
        bits.count(12)?; // length of frame_num
        match bits.count(2)? {
            0 => drop(bits.count(12)?),
            1 => return Err(Refused::Kind),
            _ => {}
        }
        bits.count(16)?; // reference frames
        bits.take(1)?; // gaps in frame_num
        let (width, height) = (bits.count(1 << 10)? as usize * 16 + 16, bits.count(1 << 10)? as usize * 16 + 16);
        if bits.take(1)? == 0 {
            return Err(Refused::Kind); // interlaced
        }
        bits.take(1)?; // direct_8x8_inference
        let (width, height) = if bits.take(1)? == 1 {
            let mut crop = || bits.count(1 << 9).map(|count| count as usize * 2);
            let (left, right, top, bottom) = (crop()?, crop()?, crop()?, crop()?);
            let cut = |length: usize, cut: usize| length.checked_sub(cut).ok_or(Refused::Malformed);
            (cut(width, left + right)?, cut(height, top + bottom)?)
        } else {
            (width, height)
        };
        if width.min(height) < 16 || width.max(height) > MAX_SIDES.0 || width.min(height) > MAX_SIDES.1 {
            return Err(Refused::Size);
        }
        let (matrix, full_range) = if bits.take(1)? == 1 { colours(&mut bits)? } else { (Matrix::default(), false) };
        Ok(Self { width, height, matrix, full_range })
    }
}

/// The head of the VUI parameters (section E.1.1), as far as the colours.
fn colours(bits: &mut Bits) -> Result<(Matrix, bool), Refused> {
    if bits.take(1)? == 1 && bits.take(8)? == 255 {
        bits.take(32)?; // aspect ratio
    }
    if bits.take(1)? == 1 {
        bits.take(1)?; // overscan
    }
    if bits.take(1)? == 0 {
        return Ok((Matrix::default(), false));
    }
    bits.take(3)?; // video format
    let full_range = bits.take(1)? == 1;
    let described = bits.take(1)? == 1;
    let matrix = if described { bits.take(24)? & 0xFF } else { 2 };
    Ok((if matches!(matrix, 4..=6) { Matrix::Bt601 } else { Matrix::Bt709 }, full_range))
}

/// Reads bits, leaving out emulation prevention bytes (section 7.4.1).
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    zeros: usize,
    left: u32,
    current: u8,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, zeros: 0, left: 0, current: 0 }
    }

    fn bit(&mut self) -> Result<u32, Refused> {
        if self.left == 0 {
            let mut next = *self.bytes.get(self.at).ok_or(Refused::Malformed)?;
            if self.zeros >= 2 && next == 3 {
                (self.at, self.zeros) = (self.at + 1, 0);
                next = *self.bytes.get(self.at).ok_or(Refused::Malformed)?;
            }
            (self.at, self.left, self.current) = (self.at + 1, 8, next);
            self.zeros = if next == 0 { self.zeros + 1 } else { 0 };
        }
        self.left -= 1;
        Ok(u32::from(self.current >> self.left & 1))
    }

    /// `count` bits, at most 32, as a number.
    fn take(&mut self, count: u32) -> Result<u32, Refused> {
        (0..count).try_fold(0u32, |value, _| Ok(value << 1 | self.bit()?))
    }

    /// An Exp-Golomb number (section 9.1) of at most `most`.
    fn count(&mut self, most: u32) -> Result<u32, Refused> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 16 {
                return Err(Refused::Malformed);
            }
        }
        let value = (1 << zeros) - 1 + self.take(zeros)?;
        if value <= most { Ok(value) } else { Err(Refused::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Builds a baseline parameter set and a picture after it.
    fn unit(width_mbs: u32, height_mbs: u32, crop_bottom: u32) -> Vec<u8> {
        let mut bits = String::new();
        let ue = |value: u32| format!("{:0>width$b}", value + 1, width = 2 * (32 - (value + 1).leading_zeros() as usize) - 1);
        bits += &format!("{:08b}{:016b}", 66, 0xC01F);
        [0, 0, 2, 1].iter().for_each(|value| bits += &ue(*value));
        bits += "0";
        bits += &(ue(width_mbs - 1) + &ue(height_mbs - 1));
        bits += "111";
        [0, 0, 0, crop_bottom].iter().for_each(|value| bits += &ue(*value));
        bits += "1001";
        bits += &format!("10111{:08b}{:08b}{:08b}", 6, 6, 6);
        bits += "1";
        bits += &"0".repeat((8 - bits.len() % 8) % 8);
        let mut unit = vec![0, 0, 0, 1, 0x67];
        unit.extend(bits.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | (bit - b'0'))));
        unit.extend([0, 0, 1, 0x65, 0x88]);
        unit
    }

    #[test]
    fn size_and_colours_are_read_from_the_parameter_set() {
        let sequence = Gate::default().check(MediaTime(0), &unit(120, 68, 4)).unwrap();
        assert_eq!((sequence.width, sequence.height), (1920, 1080));
        assert_eq!((sequence.matrix, sequence.full_range), (Matrix::Bt601, true));
    }

    #[test]
    fn a_picture_larger_than_full_hd_never_reaches_the_decoder() {
        let check = |width, height| Gate::default().check(MediaTime(0), &unit(width, height, 0));
        assert_eq!(check(121, 68).unwrap_err(), Refused::Size);
        assert_eq!(check(80, 69).map(|sequence| sequence.height), Err(Refused::Size));
        assert_eq!(check(1024, 1024).unwrap_err(), Refused::Size);
        assert!(check(45, 80).is_ok());
    }

    #[test]
    fn parameter_sets_in_a_flood_are_refused_until_it_calms_down() {
        let mut gate = Gate::default();
        let unit = unit(80, 45, 0);
        let start = MediaTime(5_000_000);
        assert_eq!((0..50).filter(|_| gate.check(start, &unit).is_ok()).count(), 10);
        assert_eq!(gate.check(start + Duration::from_millis(100), &unit), Err(Refused::Rate));
        assert!(gate.check(start + Duration::from_millis(300), &unit).is_ok());
        assert!(gate.check(start + Duration::from_millis(300), &[0, 0, 0, 1, 0x61, 0x88]).is_ok());
    }

    #[test]
    fn pictures_before_any_parameter_set_and_strange_units_are_refused() {
        let mut gate = Gate::default();
        assert_eq!(gate.check(MediaTime(0), &[0, 0, 0, 1, 0x65, 0x88]), Err(Refused::Malformed));
        assert_eq!(gate.check(MediaTime(0), b""), Err(Refused::Malformed));
        assert_eq!(gate.check(MediaTime(0), &[0, 0, 1]), Err(Refused::Malformed));
        assert_eq!(gate.check(MediaTime(0), &[0, 0, 1, 0xE5, 1]), Err(Refused::Malformed));
        assert_eq!(gate.check(MediaTime(0), &[0, 0, 1, 0x74, 1]), Err(Refused::Kind));
        assert_eq!(gate.check(MediaTime(0), &[0, 0, 1, 0x67, 110, 0, 0, 255]), Err(Refused::Kind));
        assert_eq!(gate.check(MediaTime(0), &vec![0; MAX_UNIT + 1]), Err(Refused::Malformed));
        assert_eq!(gate.check(MediaTime(0), &[0, 0, 1, 0x61].repeat(65)), Err(Refused::Malformed));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_gate_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), profile in prop::sample::select(vec![66u8, 77, 100, 0])) {
            let _ = Gate::default().check(MediaTime(0), &bytes);
            let mut unit = vec![0, 0, 1, 0x67, profile, 0, 0];
            unit.extend(&bytes);
            let _ = Gate::default().check(MediaTime(0), &unit);
        }

        #[test]
        fn a_changed_parameter_set_never_lets_a_large_picture_through(at in 0usize..40, value: u8) {
            let mut unit = unit(80, 45, 0);
            let at = at % unit.len();
            unit[at] = value;
            if let Ok(sequence) = Gate::default().check(MediaTime(0), &unit) {
                prop_assert!(sequence.width * sequence.height <= 1920 * 1088);
            }
        }
    }
}
