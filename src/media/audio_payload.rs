//! What is sealed in a sound packet: an Opus packet, and on a lossy link the packets before it once more.
//!
//! ```text
//! u8 n (0..=2) || n + 1 Opus packets of one length: this one, the one before, the one before that
//! ```
//!
//! The idea of RFC 2198, inside the seal. Nothing asks for lost sound again, there is no time; and the copy that Opus
//! itself carries covers one packet and voice only. The size follows the loss and the rate, never what is said.

/// The most copies that a packet carries.
pub const MOST_COPIES: usize = 2;
/// Stands where a copy would, while there is none of the right length: an Opus packet of no frames, which RFC 6716 section
/// 3.2.5 forbids, so that nobody takes it for sound.
const FILLER: u8 = 3;

/// The packets to send again, newest first.
#[derive(Debug, Default)]
pub struct Copies {
    recent: [Vec<u8>; MOST_COPIES],
    count: usize,
}

impl Copies {
    /// How many copies are worth it for a loss of `percent`.
    pub fn worth(percent: u8) -> usize {
        match percent {
            0..2 => 0,
            2..5 => 1,
            _ => MOST_COPIES,
        }
    }

    /// Sets how many copies go along.
    pub fn set_count(&mut self, count: usize) {
        self.count = count.min(MOST_COPIES);
    }

    /// How many go along.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Replaces the content of `out` by `packet` with its copies, and remembers it.
    pub fn pack(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.push(self.count as u8);
        out.extend_from_slice(packet);
        for copy in &self.recent[..self.count] {
            if copy.len() == packet.len() {
                out.extend_from_slice(copy);
            } else {
                out.push(FILLER);
                out.resize(out.len() + packet.len() - 1, 0);
            }
        }
        self.recent.rotate_right(1);
        self.recent[0].clear();
        self.recent[0].extend_from_slice(packet);
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
    use crate::media::opus::PACKET;

    #[test]
    fn copies_of_the_packets_before_go_along_when_packets_get_lost() {
        let mut copies = Copies::default();
        let mut out = Vec::new();
        copies.pack(&[1; PACKET], &mut out);
        assert_eq!(unpack(&out).collect::<Vec<_>>(), [&[1; PACKET]]);
        copies.set_count(Copies::worth(10));
        copies.pack(&[2; PACKET], &mut out);
        copies.pack(&[3; PACKET], &mut out);
        assert_eq!(out.len(), 1 + 3 * PACKET);
        assert_eq!(unpack(&out).collect::<Vec<_>>(), [&[3; PACKET], &[2; PACKET], &[1; PACKET]]);
    }

    #[test]
    fn where_packets_change_their_length_the_size_is_still_that_of_the_step() {
        let (mut copies, mut out) = (Copies::default(), Vec::new());
        copies.set_count(2);
        let sizes = [80, 80, 100, 100, 100].map(|length| {
            copies.pack(&vec![9; length], &mut out);
            out.len()
        });
        assert_eq!(sizes, [241, 241, 301, 301, 301]);
        copies.pack(&[8; 80], &mut out);
        assert_eq!(opus::packet::get_nb_samples(unpack(&out).nth(1).unwrap(), 48_000).ok().filter(|n| *n > 0), None);
    }

    #[test]
    fn what_is_not_ours_holds_nothing() {
        for payload in [&[][..], &[0], &[2], &[3, 1, 1, 1, 1], &[1, 7, 7, 7], &[255; 256]] {
            assert_eq!(unpack(payload).count(), 0, "{payload:?}");
        }
    }
}
