//! A path that stood nearly still for a moment and carries again: seen while what queued up there comes out.

use std::time::{Duration, Instant};

use super::{BELIEVED, BandwidthEstimator, CALM_MS, TINY};

/// So much more than the target has to come out of the queue: less is jitter, or the path's usual up and down.
const OVER: f64 = 1.5;
/// So long after a queue built up, it is what comes out of it that arrives.
const DRAINS_FOR: Duration = Duration::from_millis(600);
/// More than this share lost by chance, and it is not asked: a hundredth is what a bad wireless network loses.
const LOSES: f64 = 0.01;

impl BandwidthEstimator {
    /// Whether a queue that was acted on comes out. Where packets get lost by chance, the gaps that they leave look like a queue and its end.
    pub(super) fn drains(&self, now: Instant) -> bool {
        let lately = self.hold_until.is_some_and(|until| now < until + DRAINS_FOR);
        lately && self.chance_loss < LOSES && self.delay.queue_ms() > CALM_MS + self.delay.jitter_ms()
    }

    /// What comes out of a queue is what the path carries. If that is far more than what came when the queue built up, that was a dip, and
    /// the target that it left behind would take seconds to come back by growth.
    pub(super) fn follow_drain(&mut self, now: Instant) {
        let Some(carried) = self.throughput.since_mark_kbps().filter(|_| self.target >= TINY) else { return };
        let kbps = (carried * BELIEVED).min(self.before_hold);
        if kbps > self.target * OVER {
            self.target = kbps;
            self.found_limit(now, carried);
        }
    }
}
