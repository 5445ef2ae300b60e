//! A sealed frame cut into payloads: one clear byte each (start, end, keyframe), then a piece of it.

use super::packet::{LONGEST_PAYLOAD, MAX_PAYLOAD};
use bytes::{BufMut, Bytes, BytesMut};

const START: u8 = 1;
const END: u8 = 2;
const KEYFRAME: u8 = 4;

/// A payload of a video frame, as the peer cut it. What it says is not authenticated before the whole frame is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub start: bool,
    pub end: bool,
    pub keyframe: bool,
    pub body: Bytes,
}

/// Cuts `sealed` into payloads of nearly equal length, none above [`MAX_PAYLOAD`].
pub fn cut(sealed: &[u8], keyframe: bool) -> Vec<Bytes> {
    let count = sealed.len().div_ceil(MAX_PAYLOAD - 1).max(1);
    let length = sealed.len().div_ceil(count).max(1);
    let mut all = BytesMut::with_capacity(sealed.len() + count);
    let mut rest = sealed;
    (0..count)
        .map(|index| {
            let body = rest.split_off(..length.min(rest.len())).expect("split where there is something");
            let flags = [(START, index == 0), (END, index + 1 == count), (KEYFRAME, keyframe)];
            all.put_u8(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag).sum());
            all.put_slice(body);
            all.split().freeze()
        })
        .collect()
}

impl Piece {
    /// Reads a payload; nothing if it is none of ours.
    pub fn parse(payload: &Bytes) -> Option<Self> {
        let flags = *payload.first()?;
        let known = flags & !(START | END | KEYFRAME) == 0 && payload.len() > 1 && payload.len() <= LONGEST_PAYLOAD;
        let is = |flag| flags & flag != 0;
        known.then(|| Self { start: is(START), end: is(END), keyframe: is(KEYFRAME), body: payload.slice(1..) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_frame_is_one_piece_with_both_ends() {
        let pieces = cut(b"sealed", true);
        assert_eq!(pieces.len(), 1);
        assert_eq!(&pieces[0][..], b"\x07sealed");
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_frame_are_the_frame(length in 1usize..20_000, keyframe: bool) {
            let sealed: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let pieces: Vec<Piece> = cut(&sealed, keyframe).iter().map(|piece| Piece::parse(piece).unwrap()).collect();
            prop_assert_eq!(pieces.iter().flat_map(|piece| piece.body.to_vec()).collect::<Vec<u8>>(), sealed);
            prop_assert!(pieces.iter().all(|piece| piece.keyframe == keyframe && piece.body.len() < MAX_PAYLOAD));
            let ends = |end: fn(&Piece) -> bool| pieces.iter().map(end).collect::<Vec<bool>>();
            prop_assert_eq!(ends(|piece| piece.start).iter().position(|start| *start), Some(0));
            prop_assert_eq!(ends(|piece| piece.end).iter().position(|end| *end), Some(pieces.len() - 1));
        }

        #[test]
        fn no_payload_makes_the_parser_panic(payload in prop::collection::vec(any::<u8>(), 0..1300)) {
            let piece = Piece::parse(&payload.into());
            prop_assert!(piece.is_none_or(|piece| !piece.body.is_empty()));
        }
    }
}
