//! How often something may happen.

use std::time::{Duration, Instant};

/// Lets so many through in a second, and as many at once after a quiet second.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: u32,
    /// Permits there are, in units of which one second brings `per_second`.
    left: f64,
    last: Option<Instant>,
}

impl RateLimit {
    pub fn new(per_second: u32) -> Self {
        Self { per_second, left: f64::from(per_second), last: None }
    }

    /// Takes a permit, if there is one at `now`.
    pub fn allow(&mut self, now: Instant) -> bool {
        let passed = self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        let most = f64::from(self.per_second);
        self.left = (self.left + passed.as_secs_f64() * most).min(most);
        self.last = Some(now);
        let allowed = self.left >= 1.0;
        if allowed {
            self.left -= 1.0;
        }
        allowed
    }

    /// When somebody asked last.
    pub fn last(&self) -> Option<Instant> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_gets_as_many_as_a_second_allows() {
        let (mut limit, now) = (RateLimit::new(5), Instant::now());
        assert_eq!((0..100).filter(|_| limit.allow(now)).count(), 5);
        assert_eq!((0..100).filter(|_| limit.allow(now + Duration::from_millis(400))).count(), 2);
        assert_eq!((0..100).filter(|_| limit.allow(now + Duration::from_secs(60))).count(), 5);
    }
}
