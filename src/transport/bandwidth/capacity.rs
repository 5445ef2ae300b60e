//! How fast the path itself lets packets through, whatever of it we use. What leaves no faster makes no queue, and sound does not wait
//! behind pictures in it.

use std::time::Duration;

/// Trains that take longer to arrive than to leave by more than this share are held up; jitter makes one longer and the next shorter.
const HELD_UP: f64 = 1.08;
/// Before so many trains nothing is said, three seconds of pictures: a path that changes from second to second has no capacity to keep to.
const ENOUGH: u32 = 90;
/// What the trains before count for, each time one is added.
const KEPT: f64 = 0.8;
/// Each train that was not held up shows that there is room for a little more: a path that became wider is found within seconds.
const WIDER: f64 = 1.01;

/// What trains of packets say of the narrowest place on the path (packet-train dispersion, Dovrolis et al. 2001).
#[derive(Debug, Default)]
pub(super) struct Capacity {
    kbps: Option<f64>,
    /// Of the last trains together: kilobits, and seconds from the first packet to the last, as they left and as they arrived.
    kilobits: f64,
    sent: f64,
    arrived: f64,
    trains: u32,
}

impl Capacity {
    /// Takes a train: its first packet left `sent` before its last and arrived `arrived` before it, and what followed the first were
    /// `bytes`.
    pub fn observe(&mut self, bytes: usize, sent: Duration, arrived: Duration) {
        self.trains = self.trains.saturating_add(1);
        self.kilobits = self.kilobits * KEPT + bytes as f64 * 8.0 / 1e3;
        self.sent = self.sent * KEPT + sent.as_secs_f64();
        self.arrived = self.arrived * KEPT + arrived.as_secs_f64();
        if self.arrived > self.sent * HELD_UP {
            self.kbps = Some(self.kilobits / self.arrived);
        } else if let Some(kbps) = &mut self.kbps {
            *kbps *= WIDER;
        }
    }

    /// In kbit/s with all headers; nothing while no train was held up, for then it is more than we ever sent, and at first.
    pub fn kbps(&self) -> Option<f64> {
        self.kbps.filter(|_| self.trains >= ENOUGH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 12_000;

    /// What is thought after `trains` that left at `pace` and came over a path that carries `carries`, both in kbit/s.
    fn after(capacity: &mut Capacity, trains: u32, pace: impl Fn(&Capacity) -> f64, carries: f64) -> f64 {
        for _ in 0..trains {
            let sent = lasts(pace(capacity));
            capacity.observe(BYTES, sent, sent.max(lasts(carries)));
        }
        capacity.kbps().unwrap_or(f64::INFINITY)
    }

    fn lasts(kbps: f64) -> Duration {
        Duration::from_secs_f64(BYTES as f64 * 8.0 / 1e3 / kbps)
    }

    /// As a sender does that may send faster, but need not.
    fn follows(capacity: &Capacity) -> f64 {
        capacity.kbps().unwrap_or(9000.0).min(9000.0)
    }

    #[test]
    fn a_sender_that_follows_it_stays_within_a_tenth_of_what_the_path_carries() {
        let mut capacity = Capacity::default();
        assert_eq!(after(&mut capacity, ENOUGH - 1, follows, 5000.0), f64::INFINITY);
        assert_eq!(after(&mut capacity, 1, follows, 5000.0).round(), 5000.0);
        for _ in 0..100 {
            let kbps = after(&mut capacity, 7, follows, 5000.0);
            assert!((4900.0..5700.0).contains(&kbps), "{kbps}");
        }
    }

    #[test]
    fn a_path_that_changes_is_followed_both_ways_within_seconds() {
        let mut capacity = Capacity::default();
        after(&mut capacity, ENOUGH, follows, 5000.0);
        let narrow = after(&mut capacity, 30, follows, 3000.0);
        assert!((2900.0..3300.0).contains(&narrow), "{narrow}");
        assert!(after(&mut capacity, 90, follows, 50_000.0) > 7000.0);
    }

    #[test]
    fn a_path_that_holds_nothing_up_has_no_limit_and_jitter_alone_is_none() {
        let mut capacity = Capacity::default();
        assert_eq!(after(&mut capacity, 100, |_| 9000.0, 9000.0), f64::INFINITY);
        for late in [4u64, 0, 3, 1, 0, 4].iter().cycle().take(600) {
            let arrived = (lasts(9000.0) + Duration::from_millis(*late)).saturating_sub(Duration::from_millis(2));
            capacity.observe(BYTES, lasts(9000.0), arrived);
        }
        assert!(capacity.kbps().is_none_or(|kbps| kbps > 9000.0), "{:?}", capacity.kbps());
    }
}
