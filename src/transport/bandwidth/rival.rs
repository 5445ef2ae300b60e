//! A queue that does not go away: one of our own that nobody drains, or somebody else's, which we have to hold our share of.

use std::time::{Duration, Instant};

use super::{BandwidthEstimator, IN_USE, PROBE_EVERY, TINY};

/// A queue that stayed this long although we backed off is not ours, if we did send this much less; our share of what we had before is held then.
const STANDING: Duration = Duration::from_millis(1500);
const SHARE: f64 = 0.55;
const GAVE_WAY: f64 = 0.9;
const MOST_RIVAL_MS: f64 = 350.0;
/// Nor is one that got this long since: it is ours, and grows with what we send.
const NO_RIVAL_MS: f64 = 450.0;
/// A queue that neither grows nor goes away for this long is drained: it would become the measure of what is no queue.
const LINGERS: Duration = Duration::from_millis(900);

/// Since when a queue has stood without interruption, what we had then, and what arrived, in kbit/s.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    since: Instant,
    had: f64,
    kbps: f64,
}

/// Somebody else fills the queue; how long it was when that was found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rival {
    queue_ms: f64,
    calm_since: Option<Instant>,
    eased: Instant,
}

impl BandwidthEstimator {
    /// Notes how long a queue has been there. True if it was there for long: it does not go away by itself.
    pub(super) fn watch_standing(&mut self, now: Instant, queue: bool) -> bool {
        if !queue && self.is_calm() {
            self.standing = None;
            return false;
        }
        let (kbps, queue_ms) = (self.throughput.kbps(), self.delay.steady_ms());
        // Of the target, only what did arrive counts as had.
        let had = self.target.min(kbps * 1.2);
        let Standing { since, had, kbps: before } = *self.standing.get_or_insert(Standing { since: now, had, kbps });
        let stood = now.saturating_duration_since(since);
        // Were the queue ours, it would drain, and more would arrive than we send.
        let ours = kbps > self.target * 1.05;
        // Whoever did not send less cannot know whose it is.
        let gave_way = kbps < before * GAVE_WAY;
        // A path that became narrow by much holds a longer one, for as long as it takes to drain.
        let drains = queue_ms > MOST_RIVAL_MS;
        let stays = stood > STANDING && self.backed_off >= 3 && self.throughput.is_steady();
        if self.rival.is_none() && stays && gave_way && !ours && !drains {
            self.rival = Some(Rival { queue_ms, calm_since: None, eased: now });
            self.target = self.target.max(kbps).max(had * SHARE);
        }
        stood > LINGERS
    }

    /// Holds our share of a queue that somebody else keeps full: grows until it costs packets or gets far longer.
    pub(super) fn compete(&mut self, now: Instant, lasted: Duration) {
        let calm = self.is_calm();
        let Some(rival) = &mut self.rival else { return };
        rival.calm_since = if calm { rival.calm_since.or(Some(now)) } else { None };
        let gone = rival.calm_since.is_some_and(|since| now.saturating_duration_since(since) > Duration::from_millis(800));
        let steady_ms = self.delay.steady_ms();
        if gone || steady_ms > rival.queue_ms * 2.0 + 80.0 || steady_ms > NO_RIVAL_MS {
            self.rival = None;
            (self.standing, self.backed_off) = (None, 0);
            self.next_probe = Some(now + PROBE_EVERY);
            return;
        }
        rival.queue_ms = rival.queue_ms.max(self.delay.steady_ms() * 0.7);
        if self.loss > 0.08 && now.saturating_duration_since(rival.eased) > Duration::from_millis(700) {
            rival.eased = now;
            self.target *= 0.93;
        } else if self.target >= TINY && self.throughput.kbps() > self.target * IN_USE {
            // On a tiny path, where reports and checks of ours are a good part of what there is, the queue may still be our own.
            self.target *= 1.12f64.powf(lasted.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::bandwidth::PacketFate;

    #[test]
    fn a_share_grows_where_there_is_something_to_share_and_not_on_a_tiny_path() {
        let start = Instant::now();
        let ms = Duration::from_millis;
        for (kbps, grows) in [(40.0, false), (400.0, true)] {
            let mut estimator = BandwidthEstimator::new(2500);
            // All of it arrives, after a queue.
            let packet = |n: u64| PacketFate {
                ssrc: 1,
                sent: start + ms(20 * n),
                arrived: Some(ms(500 + 20 * n)),
                bytes: (kbps * 20.0 / 8.0) as usize,
                probe: false,
            };
            let packets: Vec<_> = (0..50).map(packet).collect();
            estimator.throughput.observe(&packets);
            (estimator.target, estimator.rival) = (kbps, Some(Rival { queue_ms: 100.0, calm_since: None, eased: start }));
            estimator.compete(start, ms(500));
            assert_eq!(estimator.target > kbps, grows, "{kbps} kbit/s");
        }
    }
}
