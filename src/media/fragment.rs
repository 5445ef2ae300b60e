//! A sealed frame cut into payloads: one clear byte each (start, end, and what the frame needs), then a piece of it.

use super::packet::{LONGEST_PAYLOAD, MAX_PAYLOAD};
use bytes::{BufMut, Bytes, BytesMut};

const START: u8 = 1;
const END: u8 = 2;
const KEYFRAME: u8 = 4;
const REPAIR: u8 = 8;

/// What a frame needs to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FrameKind {
    /// The frame before it.
    #[default]
    Delta,
    /// A long-term reference that the receiver said it has, and nothing since: it brings the picture back after a loss.
    Repair,
    /// Nothing.
    Keyframe,
}

impl FrameKind {
    /// What is sealed with the frame as additional data.
    pub fn meta(self) -> u8 {
        match self {
            Self::Delta => 0,
            Self::Keyframe => 1,
            Self::Repair => 2,
        }
    }

    fn flag(self) -> u8 {
        match self {
            Self::Delta => 0,
            Self::Keyframe => KEYFRAME,
            Self::Repair => REPAIR,
        }
    }

    fn of(flags: u8) -> Option<Self> {
        [Self::Delta, Self::Repair, Self::Keyframe].into_iter().find(|kind| kind.flag() == flags & (KEYFRAME | REPAIR))
    }
}

/// A payload of a video frame, as the peer cut it. What it says is not authenticated before the whole frame is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub start: bool,
    pub end: bool,
    pub kind: FrameKind,
    pub body: Bytes,
}

/// Cuts `sealed` into payloads of nearly equal length, none above [`MAX_PAYLOAD`].
pub fn cut(sealed: &[u8], kind: FrameKind) -> Vec<Bytes> {
    let count = sealed.len().div_ceil(MAX_PAYLOAD - 1).max(1);
    let length = sealed.len().div_ceil(count).max(1);
    let mut all = BytesMut::with_capacity(sealed.len() + count);
    let mut rest = sealed;
    (0..count)
        .map(|index| {
            let body = rest.split_off(..length.min(rest.len())).expect("split where there is something");
            let ends = [(START, index == 0), (END, index + 1 == count)].into_iter().filter(|(_, set)| *set);
            all.put_u8(kind.flag() | ends.map(|(flag, _)| flag).sum::<u8>());
            all.put_slice(body);
            all.split().freeze()
        })
        .collect()
}

impl Piece {
    /// Reads a payload; nothing if it is none of ours.
    pub fn parse(payload: &Bytes) -> Option<Self> {
        let flags = *payload.first()?;
        let known = flags & !(START | END | KEYFRAME | REPAIR) == 0 && payload.len() > 1 && payload.len() <= LONGEST_PAYLOAD;
        let kind = FrameKind::of(flags).filter(|_| known)?;
        Some(Self { start: flags & START != 0, end: flags & END != 0, kind, body: payload.slice(1..) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_small_frame_is_one_piece_with_both_ends() {
        let pieces = cut(b"sealed", FrameKind::Keyframe);
        assert_eq!(pieces.len(), 1);
        assert_eq!(&pieces[0][..], b"\x07sealed");
        assert_eq!(&cut(b"sealed", FrameKind::Repair)[0][..], b"\x0bsealed");
    }

    #[test]
    fn a_frame_is_of_one_kind_only() {
        assert_eq!(Piece::parse(&Bytes::from_static(b"\x0fsealed")), None);
    }

    fn kinds() -> impl Strategy<Value = FrameKind> {
        prop::sample::select(vec![FrameKind::Delta, FrameKind::Repair, FrameKind::Keyframe])
    }

    proptest! {
        #[test]
        fn the_pieces_of_a_frame_are_the_frame(length in 1usize..20_000, kind in kinds()) {
            let sealed: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let pieces: Vec<Piece> = cut(&sealed, kind).iter().map(|piece| Piece::parse(piece).unwrap()).collect();
            prop_assert_eq!(pieces.iter().flat_map(|piece| piece.body.to_vec()).collect::<Vec<u8>>(), sealed);
            prop_assert!(pieces.iter().all(|piece| piece.kind == kind && piece.body.len() < MAX_PAYLOAD));
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
