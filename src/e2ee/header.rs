//! The clear bytes before each sealed item (RFC 9605 section 4.3), and what our key ids mean.
//!
//! ```text
//!  0 1 2 3 4 5 6 7
//! +-+-----+-+-----+---------------+---------------+
//! |X|  K  |Y|  C  |   KID 0..8    |   CTR 0..8    |   X, Y: K, C is a length less one, not the value itself
//! +-+-----+-+-----+---------------+---------------+
//! ```

use super::keys::StreamId;

/// The most bytes that a header takes.
pub(super) const MAX_HEADER: usize = 17;

/// How many items a stream sealed before this one. Never repeated in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FrameCounter(pub u64);

/// Which key sealed an item: `KID = epoch << 11 | (ratchet step mod 256) << 3 | stream`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyId {
    pub epoch: u16,
    /// The low byte of the ratchet step; the opener knows the rest.
    pub step: u8,
    /// Three bits; need not be a stream that exists.
    pub stream: u8,
}

impl KeyId {
    pub fn new(epoch: u16, step: u32, stream: StreamId) -> Self {
        Self { epoch, step: step as u8, stream: stream as u8 }
    }

    pub fn number(self) -> u64 {
        u64::from(self.epoch) << 11 | u64::from(self.step) << 3 | u64::from(self.stream)
    }

    fn from_number(number: u64) -> Option<Self> {
        let epoch = u16::try_from(number >> 11).ok()?;
        Some(Self { epoch, step: (number >> 3) as u8, stream: number as u8 & 7 })
    }
}

/// Appends the header of item `counter` under `key`.
pub(super) fn encode(key: KeyId, counter: FrameCounter, out: &mut Vec<u8>) {
    encode_numbers(key.number(), counter.0, out);
}

/// Splits `item` into what its header says and the header's length; `None` if it is no header that we would write.
pub(super) fn decode(item: &[u8]) -> Option<(KeyId, FrameCounter, usize)> {
    let (key, counter, length) = decode_numbers(item)?;
    Some((KeyId::from_number(key)?, FrameCounter(counter), length))
}

fn encode_numbers(key: u64, counter: u64, out: &mut Vec<u8>) {
    let (key_bits, key_length) = field(key);
    let (counter_bits, counter_length) = field(counter);
    out.push(key_bits << 4 | counter_bits);
    out.extend_from_slice(&key.to_be_bytes()[8 - key_length..]);
    out.extend_from_slice(&counter.to_be_bytes()[8 - counter_length..]);
}

/// The four bits that a number takes in the first byte, and how many bytes follow.
fn field(number: u64) -> (u8, usize) {
    if number < 8 {
        return (number as u8, 0);
    }
    let length = 8 - number.leading_zeros() as usize / 8;
    (0b1000 | (length - 1) as u8, length)
}

fn decode_numbers(item: &[u8]) -> Option<(u64, u64, usize)> {
    let (&first, rest) = item.split_first()?;
    let (key, rest) = decode_field(first >> 4, rest)?;
    let (counter, rest) = decode_field(first & 0b1111, rest)?;
    Some((key, counter, item.len() - rest.len()))
}

/// Reads one number; a longer form of it than needed is refused, so that each header has one spelling.
fn decode_field(bits: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    if bits < 8 {
        return Some((u64::from(bits), rest));
    }
    let (bytes, rest) = rest.split_at_checked(usize::from(bits & 7) + 1)?;
    let number = bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte));
    (field(number) == (bits, bytes.len())).then_some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix C.1 of RFC 9605: each line is KID, CTR, header.
    const HEADERS: &str = include_str!("../../tests/data/rfc9605_headers.txt");

    #[test]
    fn headers_are_those_of_the_rfc() {
        for line in HEADERS.lines().filter(|line| !line.starts_with('#')) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let number = |hex| u64::from_str_radix(hex, 16).unwrap();
            let (key, counter) = (number(fields[0]), number(fields[1]));
            let header = data_encoding::HEXLOWER.decode(fields[2].as_bytes()).unwrap();
            let mut encoded = Vec::new();
            encode_numbers(key, counter, &mut encoded);
            assert_eq!(encoded, header, "{line}");
            assert_eq!(decode_numbers(&header), Some((key, counter, header.len())), "{line}");
        }
    }

    #[test]
    fn a_header_cut_anywhere_is_refused() {
        let mut header = Vec::new();
        encode(KeyId::new(3, 700, StreamId::Screen), FrameCounter(1 << 40), &mut header);
        for length in 0..header.len() {
            assert_eq!(decode(&header[..length]), None);
        }
    }

    #[test]
    fn a_longer_spelling_of_a_number_is_refused() {
        assert_eq!(decode(&[0x08, 0x07]), None);
        assert_eq!(decode(&[0x90, 0x00, 0x09]), None);
    }

    #[test]
    fn a_key_id_keeps_epoch_step_and_stream_apart() {
        let key = KeyId::new(u16::MAX, 0x1ff, StreamId::Control);
        assert_eq!(KeyId::from_number(key.number()), Some(KeyId { epoch: u16::MAX, step: 0xff, stream: 7 }));
        assert_eq!(KeyId::from_number(1 << 27), None);
    }
}
