//! What has been opened already, so that no item is shown twice.

use super::header::FrameCounter;

/// A sliding window over the counters of one stream (the method of RFC 4303 section 3.4.3).
#[derive(Debug)]
pub(super) struct ReplayWindow {
    /// One bit a counter, at `counter mod size`.
    seen: Vec<u64>,
    /// One more than the highest counter marked; zero before the first.
    next: u64,
}

/// What a window says of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    New,
    /// Within the window and marked: a copy of what we have.
    Seen,
    /// Behind the window: nobody can say, so it counts as replayed.
    TooOld,
}

impl ReplayWindow {
    /// A window of `size` counters, a multiple of 64.
    pub fn new(size: usize) -> Self {
        assert!(size > 0 && size.is_multiple_of(64), "a window is whole words");
        Self { seen: vec![0; size / 64], next: 0 }
    }

    pub fn standing(&self, counter: FrameCounter) -> Standing {
        if counter.0 >= self.next {
            return Standing::New;
        }
        if self.next - counter.0 > self.size() {
            return Standing::TooOld;
        }
        let (word, bit) = self.place(counter.0);
        if self.seen[word] & bit == 0 { Standing::New } else { Standing::Seen }
    }

    /// Marks `counter` as opened, moving the window up to it if it is the highest.
    pub fn mark(&mut self, counter: FrameCounter) {
        let FrameCounter(counter) = counter;
        if counter >= self.next {
            if counter - self.next >= self.size() {
                self.seen.fill(0);
            } else {
                for skipped in self.next..=counter {
                    let (word, bit) = self.place(skipped);
                    self.seen[word] &= !bit;
                }
            }
            self.next = counter.saturating_add(1);
        }
        let (word, bit) = self.place(counter);
        self.seen[word] |= bit;
    }

    fn size(&self) -> u64 {
        self.seen.len() as u64 * 64
    }

    fn place(&self, counter: u64) -> (usize, u64) {
        let index = counter % self.size();
        ((index / 64) as usize, 1 << (index % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_counter_is_new_once() {
        let mut window = ReplayWindow::new(128);
        assert_eq!(window.standing(FrameCounter(0)), Standing::New);
        window.mark(FrameCounter(0));
        assert_eq!(window.standing(FrameCounter(0)), Standing::Seen);
        window.mark(FrameCounter(128));
        assert_eq!(window.standing(FrameCounter(0)), Standing::TooOld);
        assert_eq!(window.standing(FrameCounter(1)), Standing::New);
    }

    #[test]
    fn the_highest_of_all_numbers_neither_stops_the_window_nor_empties_it() {
        let mut window = ReplayWindow::new(128);
        window.mark(FrameCounter(5));
        window.mark(FrameCounter(u64::MAX));
        assert_eq!(window.standing(FrameCounter(5)), Standing::TooOld);
    }

    proptest! {
        #[test]
        fn a_window_agrees_with_a_set_of_all_counters(counters in proptest::collection::vec(0u64..600, 0..400)) {
            let mut window = ReplayWindow::new(128);
            let mut seen = BTreeSet::new();
            for counter in counters {
                let highest = seen.last().copied();
                let expected = match highest {
                    Some(highest) if counter + 128 <= highest => Standing::TooOld,
                    _ if seen.contains(&counter) => Standing::Seen,
                    _ => Standing::New,
                };
                prop_assert_eq!(window.standing(FrameCounter(counter)), expected);
                if expected == Standing::New {
                    window.mark(FrameCounter(counter));
                    seen.insert(counter);
                }
            }
        }
    }
}
