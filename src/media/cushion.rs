//! How much sound is kept ready for a speaker: little, unless it runs dry again and again.

use std::time::Duration;

use super::clock::MediaTime;

/// What a speaker in order needs: two periods of its callback.
const LEAST: Duration = Duration::from_millis(20);
/// Beyond this, more sound kept ready is worse than a gap now and then.
const MOST: Duration = Duration::from_millis(100);
const MORE: Duration = Duration::from_millis(20);
const LESS: Duration = Duration::from_millis(10);
/// Gaps closer together than this are one.
const ONE: Duration = Duration::from_millis(300);
/// So many gaps within this time are a computer that is busy, not an accident.
const MANY: u32 = 3;
const WITHIN: Duration = Duration::from_secs(10);
/// Without a gap for so long, less is tried.
const CALM: Duration = Duration::from_secs(30);

/// Grows with the gaps that are heard, shrinks while there are none. A computer stays as busy as it is when another speaker is opened.
#[derive(Debug)]
pub(super) struct Cushion {
    ahead: Duration,
    /// Samples that were missing so far, as the device counts them.
    missing: u64,
    /// The gaps that count: how many, when the first and the last were.
    gaps: u32,
    first: MediaTime,
    last: MediaTime,
}

impl Default for Cushion {
    fn default() -> Self {
        let never = MediaTime::default();
        Self { ahead: LEAST, missing: 0, gaps: 0, first: never, last: never }
    }
}

impl Cushion {
    /// How much to keep ready.
    pub fn ahead(&self) -> Duration {
        self.ahead
    }

    /// Looks at how many samples were missing up to now.
    pub fn look(&mut self, now: MediaTime, missing: u64) {
        let gap = std::mem::replace(&mut self.missing, missing) != missing;
        if gap {
            if now.since(self.last) >= ONE || self.gaps == 0 {
                if now.since(self.first) > WITHIN {
                    (self.gaps, self.first) = (0, now);
                }
                self.gaps += 1;
            }
            self.last = now;
            if self.gaps >= MANY {
                (self.ahead, self.gaps, self.first) = ((self.ahead + MORE).min(MOST), 0, now);
            }
        } else if now.since(self.last) >= CALM {
            self.ahead = self.ahead.saturating_sub(LESS).max(LEAST);
            self.last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MediaTime {
        MediaTime(1_000_000_000 + ms * 1000)
    }

    #[test]
    fn one_gap_is_an_accident_and_many_make_the_cushion_grow_up_to_a_limit() {
        let mut cushion = Cushion::default();
        cushion.look(at(100), 7);
        cushion.look(at(200), 500);
        assert_eq!(cushion.ahead(), LEAST);
        (1..200).for_each(|n| cushion.look(at(200 + n * 700), 500 + n));
        assert_eq!(cushion.ahead(), MOST);
    }

    #[test]
    fn samples_missing_in_a_row_are_one_gap() {
        let mut cushion = Cushion::default();
        (1..200).for_each(|n| cushion.look(at(n * 10), n * 480));
        assert_eq!(cushion.ahead(), LEAST);
    }

    #[test]
    fn a_computer_that_is_quiet_again_gets_its_short_delay_back() {
        let mut cushion = Cushion::default();
        (1..5).for_each(|n| cushion.look(at(n * 1000), n));
        assert!(cushion.ahead() > LEAST);
        (5..2000).for_each(|n| cushion.look(at(n * 100), 4));
        assert_eq!(cushion.ahead(), LEAST);
    }
}
