//! The numbers of packets: the call's, not a path's, so that a receiver puts together what comes over one path and the next. Pure.

use crate::identity::random;
use crate::media::packet::OutgoingFrame;

/// A path does not begin nearer to the end of the numbers than this: SRTP counts their rounds from the first packet that it sees
/// (RFC 3711 section 3.3.1), and one that is lost right there would put sender and receiver a round apart for good.
const BEFORE_THE_END: u16 = 4096;

/// A frame with the number of its first piece; the others follow.
#[derive(Debug, Clone)]
pub struct Numbered {
    pub first: u16,
    pub frame: OutgoingFrame,
}

/// Counts the packets of one stream.
#[derive(Debug)]
pub struct Numbering {
    next: u16,
}

impl Default for Numbering {
    /// A random start, as RFC 3550 section 5.1 wants, but a low one: no round ends within the first seconds.
    fn default() -> Self {
        Self { next: u16::from_be_bytes(random()) >> 2 }
    }
}

impl Numbering {
    /// Numbers the pieces of a frame.
    pub fn number(&mut self, frame: OutgoingFrame) -> Numbered {
        let first = self.next;
        self.next = first.wrapping_add(frame.pieces.len() as u16);
        Numbered { first, frame }
    }

    /// What follows goes over another path.
    pub fn another_path(&mut self) {
        if self.next > u16::MAX - BEFORE_THE_END {
            self.next = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn frame(pieces: usize) -> OutgoingFrame {
        OutgoingFrame { timestamp: 0, pieces: vec![Bytes::from_static(b"x"); pieces] }
    }

    #[test]
    fn numbers_go_on_over_another_path_but_for_the_last_of_a_round() {
        let mut numbering = Numbering::default();
        let first = numbering.number(frame(3)).first;
        numbering.another_path();
        assert_eq!(numbering.number(frame(1)).first, first + 3);
        numbering.next = u16::MAX - 10;
        assert_eq!(numbering.number(frame(20)).first, u16::MAX - 10, "on one path the round ends as it comes");
        assert_eq!(numbering.number(frame(1)).first, 9);
        numbering.next = u16::MAX - 10;
        numbering.another_path();
        assert_eq!(numbering.number(frame(1)).first, 0);
    }
}
