//! The order of a conversation, the same on both sides: by (lamport, sender, seq), and by id should a peer repeat itself.
//!
//! Each side numbers what it puts in with one more than the highest number it has seen (Lamport, "Time, clocks, and the ordering
//! of events", 1978), so an answer stands after its question although the clocks on the walls disagree.

use crate::identity::PublicKey;
use crate::signal::message::MessageId;

/// How far a peer may push our clock at once. Without the cap a single text with the highest number there is would stand
/// last for ever.
pub const LEAP: u64 = 1000;

/// Where an entry stands. The order of the fields is the order of the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub lamport: u64,
    pub sender: PublicKey,
    pub seq: u64,
    pub id: MessageId,
}

/// The highest number that a conversation has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Clock(pub u64);

impl Clock {
    /// The number of the next entry of our own.
    pub fn tick(&mut self) -> u64 {
        self.0 = self.0.saturating_add(1);
        self.0
    }

    /// The number under which an incoming entry is kept: its own, or [`LEAP`] above our highest if that is less.
    pub fn admit(&mut self, incoming: u64) -> u64 {
        let admitted = incoming.min(self.0.saturating_add(LEAP));
        self.0 = self.0.max(admitted);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_answer_stands_after_its_question_and_nobody_runs_the_clock_away() {
        let mut clock = Clock(5);
        assert_eq!(clock.admit(9), 9);
        assert_eq!(clock.tick(), 10);
        assert_eq!(clock.admit(3), 3, "what was written before we were heard stands before");
        assert_eq!(clock.admit(u64::MAX), 10 + LEAP);
        assert_eq!(Clock(u64::MAX).tick(), u64::MAX);
    }

    proptest! {
        #[test]
        fn the_clock_never_goes_back_and_never_leaps_further_than_the_cap(start: u64, incoming in prop::collection::vec(any::<u64>(), 0..50)) {
            let mut clock = Clock(start);
            for number in incoming {
                let before = clock;
                let admitted = clock.admit(number);
                prop_assert!(clock >= before && clock.0 - before.0 <= LEAP);
                prop_assert!(admitted <= number && admitted <= clock.0);
            }
        }
    }
}
