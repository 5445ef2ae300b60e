//! How late packets were lately, as shares: what share of them a given delay would have caught.

use std::time::Duration;

/// Width of a bucket.
const BUCKET: Duration = Duration::from_millis(5);
/// Latenesses from here on count as this.
const BUCKETS: usize = 300;
/// Fewer say nothing.
const FEWEST: f64 = 25.0;
/// Weights are brought back to this size before they grow out of a float.
const TOO_HEAVY: f64 = 1e100;

/// A histogram that forgets: each entry weighs a little more than the one before.
#[derive(Debug, Clone)]
pub struct DelayHistogram {
    weights: Vec<f64>,
    total: f64,
    /// Weight of the next entry.
    next: f64,
    /// How many entries there were, and how many are remembered at the most and as a share of them.
    entries: f64,
    most: f64,
    share: f64,
}

impl DelayHistogram {
    /// One that remembers about `entries` entries.
    pub fn new(entries: u32) -> Self {
        Self { weights: vec![0.0; BUCKETS], total: 0.0, next: 1.0, entries: 0.0, most: f64::from(entries.max(2)), share: 1.0 }
    }

    /// One that remembers the last half of what there was, until that is about `entries` entries: how a call begins, while its path
    /// is still being found, is no measure of what it will be.
    pub fn of_a_call(entries: u32) -> Self {
        Self { share: 0.5, ..Self::new(entries) }
    }

    /// Adds an entry.
    pub fn add(&mut self, lateness: Duration) {
        let bucket = (lateness.as_micros() / BUCKET.as_micros()) as usize;
        self.weights[bucket.min(BUCKETS - 1)] += self.next;
        self.total += self.next;
        self.entries += 1.0;
        let remembered = if self.share < 1.0 { (self.entries * self.share).max(FEWEST).min(self.most) } else { self.most };
        self.next /= 1.0 - 1.0 / remembered;
        if self.next > TOO_HEAVY {
            let next = std::mem::replace(&mut self.next, 1.0);
            self.weights.iter_mut().for_each(|weight| *weight /= next);
            self.total /= next;
        }
    }

    /// The least delay that catches this share of the entries (0 to 1); zero if there are none, or if it is the first bucket.
    pub fn quantile(&self, share: f64) -> Duration {
        let mut above = self.total;
        let wanted = self.total * (1.0 - share);
        let caught = self.weights.iter().position(|weight| {
            above -= weight;
            above <= wanted
        });
        match caught {
            None | Some(0) => Duration::ZERO,
            Some(bucket) => BUCKET * (bucket as u32 + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_quantile_is_the_delay_that_catches_that_share() {
        let mut histogram = DelayHistogram::new(1_000_000);
        assert_eq!(histogram.quantile(0.97), Duration::ZERO);
        (0..100).for_each(|n| histogram.add(ms(n)));
        assert_eq!(histogram.quantile(0.48), ms(50));
        assert_eq!(histogram.quantile(0.97), ms(100));
        histogram.add(Duration::MAX);
        assert!(histogram.quantile(0.999) >= ms(1500));
    }

    #[test]
    fn how_a_call_began_is_forgotten_sooner_than_what_it_was_like_later() {
        let after = |usual: u32| {
            let mut histogram = DelayHistogram::of_a_call(1000);
            (0..usual).for_each(|_| histogram.add(ms(2)));
            (0..100).for_each(|_| histogram.add(ms(300)));
            (0..600).for_each(|_| histogram.add(ms(2)));
            histogram.quantile(0.99)
        };
        assert_eq!((after(0), after(10_000)), (Duration::ZERO, ms(305)));
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let mut histogram = DelayHistogram::new(200);
        (0..2000).for_each(|_| histogram.add(ms(80)));
        (0..900).for_each(|_| histogram.add(ms(2)));
        assert_eq!(histogram.quantile(0.97), Duration::ZERO);
        // Weights are scaled back on the way.
        (0..100_000).for_each(|_| histogram.add(ms(22)));
        assert_eq!(histogram.quantile(0.97), ms(25));
    }
}
