//! Whether a path stands still: what left long ago is the newest that is known to have arrived.
//!
//! Where a path becomes narrow, what is on its way fills the queue before it, and if the other direction does the same, what tells of it
//! lies in that one's. Long before the silence lasts a second, nothing should leave that has no hurry.

use std::time::{Duration, Instant};

/// Reports come many times in this. When the newest packet they tell of is this much older than a round trip, something stands still.
const STALLED: Duration = Duration::from_millis(200);

/// What was told of what left.
#[derive(Debug, Default)]
pub struct Stall {
    /// When something left last, and first after nothing had for a while: that nothing is told of then says nothing.
    sent: Option<Instant>,
    resumed: Option<Instant>,
    /// When the newest packet left that was told of.
    newest: Option<Instant>,
    stands: bool,
}

impl Stall {
    /// Something leaves.
    pub fn on_sent(&mut self, now: Instant) {
        if self.sent.is_none_or(|sent| now.saturating_duration_since(sent) > STALLED) {
            self.resumed = Some(now);
        }
        self.sent = Some(now);
    }

    /// A report tells of a packet that left at `newest`, and of none after it.
    pub fn on_report(&mut self, now: Instant, newest: Instant, round_trip: Option<Duration>) {
        self.newest = self.newest.max(Some(newest));
        self.on_time(now, round_trip);
    }

    /// Lets time pass. Until a round trip was measured nothing stands.
    pub fn on_time(&mut self, now: Instant, round_trip: Option<Duration>) {
        let since = self.newest.and_then(|newest| self.resumed.max(Some(newest)));
        let age = since.map(|since| now.saturating_duration_since(since));
        self.stands = age.zip(round_trip).is_some_and(|(age, round_trip)| age > round_trip + STALLED);
    }

    /// Whether the path stands still.
    pub fn stands(&self) -> bool {
        self.stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Option<Duration> = Some(Duration::from_millis(60));

    /// A packet every 20 ms up to `last`, each told of a round trip later, and the clock it was done by.
    fn carries(last: u64) -> (Stall, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let at = move |ms| start + Duration::from_millis(ms);
        let mut stall = Stall::default();
        for ms in (0..=last).step_by(20) {
            stall.on_sent(at(ms));
            stall.on_report(at(ms + 60), at(ms), ROUND_TRIP);
            assert!(!stall.stands());
        }
        (stall, at)
    }

    #[test]
    fn a_path_that_swallows_what_leaves_stands_until_something_new_is_told_of() {
        let (mut stall, at) = carries(1000);
        (1..30).for_each(|n| stall.on_sent(at(1000 + n * 20)));
        stall.on_time(at(1250), ROUND_TRIP);
        assert!(!stall.stands());
        stall.on_time(at(1270), ROUND_TRIP);
        assert!(stall.stands());
        stall.on_report(at(1600), at(1020), ROUND_TRIP);
        assert!(stall.stands(), "what comes out of a long queue tells of a time long ago");
        stall.on_report(at(1620), at(1560), ROUND_TRIP);
        assert!(!stall.stands());
    }

    #[test]
    fn a_path_that_nobody_used_for_a_while_does_not_stand() {
        let (mut stall, at) = carries(1000);
        stall.on_sent(at(9000));
        stall.on_time(at(9050), ROUND_TRIP);
        assert!(!stall.stands());
        stall.on_time(at(9300), ROUND_TRIP);
        assert!(stall.stands(), "but now it should have told of it");
    }
}
