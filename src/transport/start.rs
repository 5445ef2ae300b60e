//! What the paths of a call know of the way between the two: the rate at which one begins before anything came back on it, and whether
//! that way is so narrow that everything beside sound has to be rare.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::bandwidth::{FLOOR_KBPS, START_KBPS};

/// A little more than TCP sends before it hears anything (ten packets a round trip, RFC 6928), in bits.
const FIRST_FLIGHT: f64 = 15.0 * 1200.0 * 8.0;
/// Answers that take longer than this, in seconds, come from far away or out of a queue: that of the messages themselves, on a narrow path. One
/// that is merely long is found to carry more a round trip later.
const LONG: f64 = 0.3;
/// Below this a path is narrow: twice what sound alone takes.
pub(super) const NARROW_KBPS: u32 = 24;

/// What the paths of a call learn of the way between the two, each for the one after it: most of them share the narrowest part.
///
/// Never above [`START_KBPS`]: a path that turns out to carry more is found to within a round trip or two.
#[derive(Debug, Clone)]
pub struct StartRate(Arc<Rates>);

#[derive(Debug)]
struct Rates {
    now: AtomicU32,
    /// Whatever a path learnt in a hurry, or where packets get lost: the link has a congestion control of its own, which takes every loss
    /// for a full path.
    least: AtomicU32,
    /// What a path carries by the last report that came. Silence says nothing: a path that is gone is not narrow.
    carried: AtomicU32,
}

impl Default for StartRate {
    fn default() -> Self {
        let [now, carried] = [START_KBPS; 2].map(AtomicU32::new);
        Self(Arc::new(Rates { now, least: AtomicU32::new(FLOOR_KBPS), carried }))
    }
}

impl StartRate {
    /// With what to begin now.
    pub fn kbps(&self) -> u32 {
        self.0.now.load(Ordering::Relaxed)
    }

    /// The messages that went before any media took `round_trip` there and back.
    pub fn after_round_trip(&self, round_trip: Duration) {
        let seconds = round_trip.as_secs_f64().max(1e-3);
        let kbps = (FIRST_FLIGHT / 1e3 / seconds * (LONG / seconds).min(1.0)) as u32;
        let kbps = kbps.clamp(FLOOR_KBPS, START_KBPS);
        self.0.least.store((kbps / 2).max(FLOOR_KBPS), Ordering::Relaxed);
        self.learnt(kbps, false);
    }

    /// Whether the way between the two carries sound and hardly anything else.
    pub fn is_narrow(&self) -> bool {
        self.0.carried.load(Ordering::Relaxed) < NARROW_KBPS
    }

    /// A path carries this much; `surely`, if it lost little and had the time to find out.
    pub fn learnt(&self, kbps: u32, surely: bool) {
        self.0.carried.store(kbps, Ordering::Relaxed);
        let least = if surely { FLOOR_KBPS } else { self.0.least.load(Ordering::Relaxed) };
        self.0.now.store(kbps.clamp(least, START_KBPS), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_round_trip_makes_a_careful_beginning_and_a_quick_one_none_beyond_the_usual() {
        let start = StartRate::default();
        assert_eq!(start.kbps(), START_KBPS);
        for (ms, kbps) in [(1, START_KBPS), (60, START_KBPS), (250, 576), (600, 120), (60_000, FLOOR_KBPS)] {
            start.after_round_trip(Duration::from_millis(ms));
            assert_eq!(start.kbps(), kbps, "{ms} ms");
        }
        start.clone().learnt(70, false);
        assert_eq!(start.kbps(), 70, "all paths of a call share it");
        start.after_round_trip(Duration::from_millis(60));
        start.learnt(70, false);
        assert_eq!(start.kbps(), START_KBPS / 2, "so quick an answer does not come from so narrow a path");
        start.learnt(70, true);
        assert_eq!(start.kbps(), 70, "but if that is what it was for seconds");
    }

    #[test]
    fn a_path_that_became_narrow_is_known_as_that_whatever_the_next_one_begins_with() {
        let start = StartRate::default();
        start.after_round_trip(Duration::from_millis(60));
        assert!(!start.is_narrow());
        start.learnt(20, false);
        assert!(start.is_narrow() && start.kbps() > 400);
        start.learnt(40, false);
        assert!(!start.is_narrow());
    }
}
