//! How many packets may be on their way, and how fast they follow each other.

use std::time::Duration;

use super::{BandwidthEstimator, TINY};

/// How long packets may wait on the path before nothing new goes in: where answers are quick, less is noticed in time.
const QUEUE_SHARE: f64 = 0.35;
const MOST_QUEUE: (Duration, Duration) = (Duration::from_millis(35), Duration::from_millis(70));
/// Between two reports.
const REPORT: Duration = Duration::from_millis(35);
/// The least window: two frames of sound and one small picture must always fit.
const LEAST_WINDOW: f64 = 3500.0;
/// How much faster than the target packets follow each other, where there is room and where there is not.
const PACE: f64 = 2.5;
const PACE_FULL: f64 = 1.3;
/// Less than this is lost on most paths.
const LITTLE_LOSS: f64 = 0.03;
/// A path has room to spare if it carries this much more than is wanted.
const ROOM: f64 = 1.15;
/// Before the first report: a first picture fits, and a narrow path is not flooded for seconds.
const FIRST_WINDOW: f64 = 24_000.0;
/// And how fast that picture leaves: it is there as soon as the path allows.
const FIRST_PACE_KBPS: f64 = 10_000.0;

impl BandwidthEstimator {
    /// Bytes that may be on their way before nothing new is sent but sound.
    pub(super) fn window(&self) -> f64 {
        let Some(round_trip) = self.round_trip else { return (FIRST_WINDOW * self.boldness).max(LEAST_WINDOW) };
        let (least, most) = MOST_QUEUE;
        let queue = match &self.rival {
            // The queue of somebody else delays our packets, too.
            Some(_) => Duration::from_secs_f64(self.delay.steady_ms().max(0.0) / 500.0) + most,
            None => round_trip.mul_f64(QUEUE_SHARE).clamp(least, most) + Duration::from_secs_f64(self.delay.jitter_ms() / 500.0),
        };
        (self.target / 8.0 * (round_trip + queue + REPORT).as_secs_f64() * 1e3).max(LEAST_WINDOW)
    }

    /// How fast packets may follow each other, in kbit/s.
    pub(super) fn pace(&self) -> f64 {
        if self.round_trip.is_none() {
            // The first picture is the first train.
            return (FIRST_PACE_KBPS * self.boldness).min(self.cap * 8.0);
        }
        let (least, most) = (self.target * PACE_FULL, self.target * if self.target < TINY { PACE_FULL } else { PACE });
        // Trains that are faster than the path tell what it carries, until that is more than is wanted.
        // Where much is lost, sound waits for copies anyway, and repairs have no time to.
        let spare = |kbps: &f64| *kbps > self.target * ROOM && self.loss < LITTLE_LOSS;
        let found = self.trains.capacity_kbps().filter(spare);
        if self.is_calm() { found.map_or(most, |kbps| kbps.clamp(least, most)) } else { least }
    }
}
