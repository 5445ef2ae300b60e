//! What is sealed in a sound packet: an Opus packet, and where packets get lost, earlier ones once more.
//!
//! ```text
//! u8 n (0..=2) + 4 g (0..=3) || n + 1 Opus packets of one length: this one, the one before, the one g + 2 before
//! ```
//!
//! The idea of RFC 2198, inside the seal. Nothing asks for lost sound again, there is no time; and the copy that Opus
//! itself carries covers one packet and voice only. The size follows the loss and the rate, never what is said.
//!
//! Where packets get lost several in a row, the second copy is of an older packet: with g = 1, three in a row come back instead of two,
//! and what comes back last is 60 ms late instead of 40.

/// The most copies that a packet carries.
pub const MOST_COPIES: usize = 2;
/// The most packets between the two.
const MOST_GAP: usize = 3;
/// How many there are where losses come in runs.
const RUNS_GAP: usize = 1;
/// Stands where a copy would, while there is none of the right length: an Opus packet of no frames, which RFC 6716 section
/// 3.2.5 forbids, so that nobody takes it for sound.
const FILLER: u8 = 3;

/// How much is lost, as far as it matters to sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Losses {
    Nothing,
    /// A packet now and then: each is heard, and where there is room to spare for a copy it need not be.
    Few,
    Several,
    Many,
}

impl Losses {
    /// Of so many percent lately, 0 to 100. A single loss counts as most of a percent at first, and for seconds as more than nothing.
    pub fn of(percent: f64) -> Self {
        match percent {
            ..0.05 => Self::Nothing,
            ..2.0 => Self::Few,
            ..5.0 => Self::Several,
            _ => Self::Many,
        }
    }

    /// How many copies are worth it, on a path that has room to spare for one or has not.
    pub fn copies(self, spare: bool) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Few => usize::from(spare),
            Self::Several => 1,
            Self::Many => MOST_COPIES,
        }
    }
}

/// The packets to send again, newest first.
#[derive(Debug, Default)]
pub struct Copies {
    recent: [Vec<u8>; MOST_COPIES + RUNS_GAP],
    count: usize,
    gap: usize,
}

impl Copies {
    /// Sets how many copies go along.
    pub fn set_count(&mut self, count: usize) {
        self.count = count.min(MOST_COPIES);
    }

    /// How many go along.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Tells whether packets get lost several in a row.
    pub fn set_runs(&mut self, runs: bool) {
        self.gap = if runs { RUNS_GAP } else { 0 };
    }

    /// Replaces the content of `out` by `packet` with its copies, and remembers it.
    pub fn pack(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        let gap = if self.count == MOST_COPIES { self.gap } else { 0 };
        out.clear();
        out.push((self.count | gap << 2) as u8);
        out.extend_from_slice(packet);
        for copy in [0, 1 + gap].iter().take(self.count).map(|age| &self.recent[*age]) {
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

/// The Opus packets in `payload`, newest first, each with how many packets ago it was new; nothing if it is none of ours.
pub fn unpack(payload: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let (head, packets) = payload.split_first().unwrap_or((&0, &[]));
    let (copies, gap) = (usize::from(head & 3), usize::from(head >> 2));
    let parts = copies + 1;
    let ours = copies <= MOST_COPIES && gap <= if copies == MOST_COPIES { MOST_GAP } else { 0 };
    let length = if ours && packets.len().is_multiple_of(parts) { packets.len() / parts } else { 0 };
    let ages = [0, 1, 2 + gap as u32].into_iter().take(if length == 0 { 0 } else { parts });
    ages.zip(packets.chunks(length.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::opus::PACKET;
    use crate::media::voice_decoder::samples_of;

    #[test]
    fn copies_of_the_packets_before_go_along_when_packets_get_lost() {
        let mut copies = Copies::default();
        let mut out = Vec::new();
        copies.pack(&[1; PACKET], &mut out);
        assert_eq!(unpack(&out).collect::<Vec<_>>(), [(0, &[1; PACKET][..])]);
        copies.set_count(Losses::of(10.0).copies(false));
        copies.pack(&[2; PACKET], &mut out);
        copies.pack(&[3; PACKET], &mut out);
        assert_eq!(out.len(), 1 + 3 * PACKET);
        let packets: Vec<_> = unpack(&out).map(|(age, packet)| (age, packet[0])).collect();
        assert_eq!(packets, [(0, 3), (1, 2), (2, 1)]);
    }

    #[test]
    fn how_much_is_lost_and_what_room_there_is_say_how_many_copies_go_along() {
        for (percent, copies) in [
            (0.0, [0, 0]),
            (0.04, [0, 0]),
            (0.05, [0, 1]),
            (1.9, [0, 1]),
            (2.0, [1, 1]),
            (4.9, [1, 1]),
            (5.0, [2, 2]),
            (100.0, [2, 2]),
        ] {
            assert_eq!([false, true].map(|spare| Losses::of(percent).copies(spare)), copies, "{percent} %");
        }
    }

    #[test]
    fn three_packets_lost_in_a_row_come_back_where_losses_come_in_runs() {
        for (runs, back) in [(false, vec![21, 22]), (true, vec![20, 21, 22])] {
            let (mut copies, mut out) = (Copies::default(), Vec::new());
            copies.set_count(2);
            copies.set_runs(runs);
            let mut found = std::collections::BTreeSet::new();
            for number in 10..40u8 {
                copies.pack(&[number; 80], &mut out);
                if !(20..23).contains(&number) {
                    let packets = unpack(&out).filter(|(_, packet)| packet[0] != FILLER);
                    found.extend(packets.map(|(age, packet)| (number - age as u8, packet[0])));
                }
            }
            let back_again: Vec<u8> = (20..23).filter(|number| found.contains(&(*number, *number))).collect();
            assert_eq!(back_again, back);
        }
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
        assert_eq!(samples_of(unpack(&out).nth(1).unwrap().1), None);
    }

    #[test]
    fn what_is_not_ours_holds_nothing() {
        for payload in [&[][..], &[0], &[2], &[3, 1, 1, 1, 1], &[1, 7, 7, 7], &[5, 7, 7], &[18, 7, 7, 7], &[255; 256]] {
            assert_eq!(unpack(payload).count(), 0, "{payload:?}");
        }
    }
}
