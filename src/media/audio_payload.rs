//! What is sealed in a sound packet: 20 ms of Opus, and on a lossy link the packets before it once more.
//!
//! ```text
//! u8 n (0..=2) || n + 1 Opus packets of one length: this one, the one before, the one before that
//! ```
//!
//! The idea of RFC 2198, inside the seal. Nothing asks for lost sound again, there is no time; and the copy that Opus
//! itself carries covers one packet and voice only. The size follows the loss, never what is said.

use super::opus::PACKET;

/// The most copies that a packet carries.
pub const MOST_COPIES: usize = 2;

/// The packets to send again, newest first.
#[derive(Debug)]
pub struct Copies {
    recent: [[u8; PACKET]; MOST_COPIES],
    count: usize,
}

impl Default for Copies {
    fn default() -> Self {
        Self { recent: [[0; PACKET]; MOST_COPIES], count: 0 }
    }
}

impl Copies {
    /// Sets how many copies go along for a loss of `percent`.
    pub fn set_expected_loss(&mut self, percent: u8) {
        self.count = match percent {
            0..3 => 0,
            3..7 => 1,
            _ => MOST_COPIES,
        };
    }

    /// Replaces the content of `out` by `packet` with its copies, and remembers it.
    pub fn pack(&mut self, packet: [u8; PACKET], out: &mut Vec<u8>) {
        out.clear();
        out.push(self.count as u8);
        out.extend_from_slice(&packet);
        out.extend_from_slice(self.recent[..self.count].as_flattened());
        self.recent.rotate_right(1);
        self.recent[0] = packet;
    }
}

/// The Opus packets in `payload`, newest first; nothing if it is none of ours.
pub fn unpack(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (copies, packets) = payload.split_first().unwrap_or((&0, &[]));
    let parts = usize::from(*copies) + 1;
    let whole = parts <= MOST_COPIES + 1 && packets.len().is_multiple_of(parts);
    let length = if whole { packets.len() / parts } else { 0 };
    packets.chunks(length.max(1)).take(if length == 0 { 0 } else { parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_the_packets_before_go_along_when_packets_get_lost() {
        let mut copies = Copies::default();
        let mut out = Vec::new();
        copies.pack([1; PACKET], &mut out);
        assert_eq!(unpack(&out).collect::<Vec<_>>(), [&[1; PACKET]]);
        copies.set_expected_loss(10);
        copies.pack([2; PACKET], &mut out);
        copies.pack([3; PACKET], &mut out);
        assert_eq!(out.len(), 1 + 3 * PACKET);
        assert_eq!(unpack(&out).collect::<Vec<_>>(), [&[3; PACKET], &[2; PACKET], &[1; PACKET]]);
    }

    #[test]
    fn what_is_not_ours_holds_nothing() {
        for payload in [&[][..], &[0], &[2], &[3, 1, 1, 1, 1], &[1, 7, 7, 7], &[255; 256]] {
            assert_eq!(unpack(payload).count(), 0, "{payload:?}");
        }
    }
}
