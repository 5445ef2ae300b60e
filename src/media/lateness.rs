//! How much later a packet came than the fastest ones do: what a jitter buffer has to make up for.
//!
//! Capture times are of the peer's clock and arrivals of ours, and their difference is anyone's guess; but the least difference of the
//! last seconds is the path without a queue, and what is above it is lateness. Because old minima are forgotten, the drift of two
//! clocks and a new route are followed.

use std::time::Duration;

use super::clock::MediaTime;

/// The least difference is that of the last one to two of these.
const WINDOW: Duration = Duration::from_secs(5);
/// A difference that jumps further than this is another clock, not a slow path.
const JUMP_US: i64 = 10_000_000;

/// Compares capture times, as RTP timestamps, with arrivals.
#[derive(Debug)]
pub struct Lateness {
    /// Ticks of the timestamps a second.
    rate: i64,
    /// The newest timestamp, and the same counted on beyond 32 bits.
    last: Option<(u32, i64)>,
    /// Least arrival minus capture, in µs: of this window, of the one before.
    least: (i64, i64),
    window_since: MediaTime,
}

impl Lateness {
    /// For timestamps of `rate` ticks a second.
    pub fn new(rate: u32) -> Self {
        Self { rate: rate.into(), last: None, least: (i64::MAX, i64::MAX), window_since: MediaTime::default() }
    }

    /// Notes that what was captured at `timestamp` arrived at `at`, and says how late that is.
    pub fn note(&mut self, at: MediaTime, timestamp: u32) -> Duration {
        let transit = self.transit(at, timestamp);
        if self.last.is_none() || (transit - self.base()).abs() > JUMP_US {
            self.last = Some((timestamp, timestamp.into()));
            let transit = self.transit(at, timestamp);
            (self.least, self.window_since) = ((transit, i64::MAX), at);
            return Duration::ZERO;
        }
        self.last = Some((timestamp, self.extend(timestamp)));
        if at.since(self.window_since) >= WINDOW {
            (self.least, self.window_since) = ((i64::MAX, self.least.0), at);
        }
        self.least.0 = self.least.0.min(transit);
        Duration::from_micros((transit - self.base()).max(0) as u64)
    }

    /// How late it is at `at` for what was captured at `timestamp`, in µs; below zero if it can hardly have come yet.
    /// Nothing before the first arrival.
    pub fn at(&self, at: MediaTime, timestamp: u32) -> Option<i64> {
        self.last.map(|_| self.transit(at, timestamp) - self.base())
    }

    /// When what was captured at `timestamp` is as late as `lateness`. Nothing before the first arrival.
    pub fn when(&self, timestamp: u32, lateness: Duration) -> Option<MediaTime> {
        let early = -self.at(MediaTime::default(), timestamp)?;
        Some(MediaTime(early.max(0) as u64) + lateness)
    }

    fn base(&self) -> i64 {
        self.least.0.min(self.least.1)
    }

    fn transit(&self, at: MediaTime, timestamp: u32) -> i64 {
        // A peer chooses its stamps: none of them may overflow.
        (at.0 as i64).wrapping_sub(self.extend(timestamp).wrapping_mul(1_000_000) / self.rate)
    }

    fn extend(&self, timestamp: u32) -> i64 {
        let (last, extended) = self.last.unwrap_or((timestamp, timestamp.into()));
        extended + i64::from(timestamp.wrapping_sub(last) as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> MediaTime {
        MediaTime(1_700_000_000_000_000 + us)
    }

    #[test]
    fn the_fastest_is_on_time_and_the_rest_are_late_by_the_difference() {
        let mut lateness = Lateness::new(48_000);
        let of = |lateness: &mut Lateness, us, timestamp| lateness.note(at(us), timestamp).as_millis();
        assert_eq!(of(&mut lateness, 50_000, u32::MAX - 959), 0);
        assert_eq!(of(&mut lateness, 77_000, 0), 7);
        assert_eq!(of(&mut lateness, 87_000, 960), 0);
        assert_eq!(of(&mut lateness, 110_000, 1920), 3);
        assert_eq!(lateness.at(at(112_000), 1920), Some(5000));
        assert_eq!(lateness.when(1920, Duration::from_millis(20)), Some(at(127_000)));
    }

    #[test]
    fn a_slower_route_and_a_drift_are_followed_within_seconds() {
        let mut lateness = Lateness::new(90_000);
        let mut last = Duration::ZERO;
        for frame in 0..3000u64 {
            let detour = if frame > 600 { 40_000 } else { 0 };
            last = lateness.note(at(frame * 33_340 + detour), (frame * 3000) as u32);
            assert!(last <= Duration::from_millis(45));
        }
        assert!(last <= Duration::from_millis(1), "{last:?}");
    }

    #[test]
    fn stamps_that_jump_by_hours_start_anew() {
        let mut lateness = Lateness::new(48_000);
        lateness.note(at(0), 0);
        for timestamp in [1 << 31, u32::MAX / 3, 5] {
            assert_eq!(lateness.note(at(20_000), timestamp), Duration::ZERO);
        }
    }
}
