//! How many of the addresses that a peer names are tried in one call: each is sent packets, and it may be anybody's. Pure.

use std::time::{Duration, Instant};

use crate::signal::message::Candidate;

/// The most that a call takes at once.
const MOST: usize = 64;
/// How many more it takes each time that this has passed: a list for each attempt that may fail in an outage, and for whoever walks from
/// network to network.
const REFILL: (usize, Duration) = (16, Duration::from_secs(12));

/// What a call may still take, in all of its lists together.
#[derive(Debug)]
pub(super) struct CandidateBudget {
    left: usize,
    /// Up to when it was refilled.
    filled: Instant,
}

impl CandidateBudget {
    /// Of a call whose handshake named so many already.
    pub fn new(now: Instant, named: usize) -> Self {
        Self { left: MOST.saturating_sub(named), filled: now }
    }

    /// Whether there is room for so many at `now`.
    pub fn has_room(&mut self, now: Instant, named: usize) -> bool {
        self.refill(now);
        self.left >= named
    }

    /// As many of `named`, from the first on, as there is room for at `now`.
    pub fn take(&mut self, now: Instant, mut named: Vec<Candidate>) -> Vec<Candidate> {
        self.refill(now);
        named.truncate(self.left);
        self.left -= named.len();
        named
    }

    fn refill(&mut self, now: Instant) {
        let (more, every) = REFILL;
        while self.left < MOST && now.saturating_duration_since(self.filled) >= every {
            self.left = MOST.min(self.left + more);
            self.filled += every;
        }
        if self.left == MOST {
            // What is full does not save up.
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::message::CandidateKind;

    fn list(count: u16) -> Vec<Candidate> {
        let candidate =
            |port: u16| Candidate { kind: CandidateKind::Host, address: ([192, 0, 2, 1], port).into(), priority: port.into() };
        (1..=count).map(candidate).collect()
    }

    #[test]
    fn all_lists_of_a_call_share_what_it_may_name() {
        let now = Instant::now();
        let mut budget = CandidateBudget::new(now, 10);
        let taken: Vec<usize> = (0..5).map(|_| budget.take(now, list(16)).len()).collect();
        assert_eq!(taken, [16, 16, 16, 6, 0]);
    }

    #[test]
    fn whoever_moves_every_few_minutes_names_all_addresses_each_time() {
        let start = Instant::now();
        let mut budget = CandidateBudget::new(start, 16);
        assert!((1..500).all(|time| budget.take(start + Duration::from_secs(time * 120), list(16)).len() == 16));
    }

    #[test]
    fn an_outage_of_attempts_that_all_fail_has_a_whole_list_for_each() {
        let start = Instant::now();
        let mut budget = CandidateBudget::new(start, 16);
        assert!((1..100).all(|attempt| budget.take(start + Duration::from_secs(attempt * 13), list(16)).len() == 16));
    }

    #[test]
    fn a_budget_that_is_used_up_comes_back_slowly_and_a_full_one_grows_no_further() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut budget = CandidateBudget::new(start, 64);
        assert_eq!(budget.take(at(11), list(16)).len(), 0);
        assert!(budget.has_room(at(12), 16) && !budget.has_room(at(12), 17));
        assert_eq!(budget.take(at(12), list(20)).len(), 16);
        assert_eq!(budget.take(at(23), list(16)).len(), 0);
        assert_eq!(budget.take(at(9000), list(500)).len(), 64);
        assert_eq!(budget.take(at(9011), list(16)).len(), 0);
    }
}
