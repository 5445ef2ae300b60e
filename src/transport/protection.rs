//! How much parity a picture gets: as much as the losses that were seen make worth it. Pure.
//!
//! Of the packets sent lately it is known which got lost, in order, save for those that a full queue had no room for. So for a
//! picture of `k` packets and `m` parities it can be counted how often more than `m` of `k + m` packets in a row were lost: this is
//! what a picture would have waited a round trip for. Bursts need no model of their own: where losses come six at a time, counting
//! shows that two parities help nobody, and none are sent; repair by request does it then. `m` is what makes least of
//!
//! ```text
//!   P(more than m of k + m lost) x what a wait costs  +  m / k x what rate costs
//! ```
//!
//! A wait costs 1 for each 10 ms of round trip, up to 12: at 60 ms, a late picture is as bad as six times its rate. Rate costs 1, and
//! up to 2 on a narrow path, where it is the picture itself. Three seconds hold few bursts, and by chance some that much parity would
//! have outlasted: of few losses no more parity follows than is in proportion, or it comes and goes, and the picture with it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::parity::MOST_PARITIES;

/// Packets that are looked back upon: 3 s of pictures at 2.5 Mbit/s; and for how long at the most, where packets are few.
const MEMORY: usize = 900;
const OLDEST: Duration = Duration::from_secs(12);
/// Fewer packets say nothing, and fewer losses among them are chance.
const FEWEST: usize = 60;
const FEWEST_LOST: usize = 4;
/// Between two looks.
const EVERY: Duration = Duration::from_millis(500);
/// Sizes of pictures that are reckoned with, in packets; others take the next smaller one in proportion.
const SIZES: [usize; 8] = [1, 2, 3, 5, 8, 12, 20, 40];
/// The most parity for each part that is lost, at a wait that costs 1.
const PROPORTION: f64 = 0.6;
/// What parity must gain over none, so that it does not come and go on a path that loses next to nothing.
const GAIN: f64 = 0.8;

/// What is known of losses, and the parities that follow from it.
#[derive(Debug, Default)]
pub struct Protection {
    lost: VecDeque<bool>,
    /// How many came before each look of late, and since the last.
    known: VecDeque<(Instant, usize)>,
    noted: usize,
    parities: [usize; SIZES.len()],
    looked: Option<Instant>,
}

impl Protection {
    /// Notes what became of packets, in the order they were sent.
    pub fn observe(&mut self, lost: impl Iterator<Item = bool>) {
        let before = self.lost.len();
        self.lost.extend(lost);
        self.noted += self.lost.len() - before;
        let over = self.lost.len().saturating_sub(MEMORY);
        self.lost.drain(..over);
    }

    /// Looks anew at what parity is worth, now and then.
    pub fn update(&mut self, now: Instant, round_trip: Duration, target_kbps: u32) {
        if self.looked.is_some_and(|looked| now.saturating_duration_since(looked) < EVERY) {
            return;
        }
        self.looked = Some(now);
        self.forget(now);
        let wait = (round_trip.as_secs_f64() * 100.0).clamp(1.0, 12.0);
        let rate = (1000.0 / f64::from(target_kbps.max(1))).clamp(1.0, 2.0);
        for (parities, size) in self.parities.iter_mut().zip(SIZES) {
            *parities = best(self.lost.make_contiguous(), size, wait, rate);
        }
    }

    /// Forgets what was long ago: a narrow path that was too full once is not one that loses.
    fn forget(&mut self, now: Instant) {
        self.known.push_back((now, std::mem::take(&mut self.noted)));
        while let Some((_, count)) = self.known.pop_front_if(|(at, _)| now.saturating_duration_since(*at) > OLDEST) {
            let kept: usize = self.known.iter().map(|(_, count)| count).sum();
            self.lost.drain(..count.min(self.lost.len().saturating_sub(kept)));
        }
    }

    /// How many parities a picture of `packets` packets gets.
    pub fn parities(&self, packets: usize) -> usize {
        let at = SIZES.iter().rposition(|size| *size <= packets).unwrap_or(0);
        (self.parities[at] * packets).div_ceil(SIZES[at]).min(MOST_PARITIES).min(packets.max(2))
    }

    /// Parity's share of a picture's packets, for pictures of `packets` packets.
    pub fn overhead(&self, packets: usize) -> f64 {
        self.parities(packets) as f64 / packets.max(1) as f64
    }
}

/// The best number of parities for pictures of `size` packets.
fn best(lost: &[bool], size: usize, wait: f64, rate: f64) -> usize {
    let gone = lost.iter().filter(|lost| **lost).count();
    if lost.len() < FEWEST || gone < FEWEST_LOST {
        return 0;
    }
    let cost = |parities: usize| failing(lost, size, parities) * wait + parities as f64 / size as f64 * rate;
    let share = gone as f64 / lost.len() as f64;
    let most = (size as f64 * share * wait * PROPORTION).ceil() as usize;
    let costs = (1..=size.min(12).min(most)).map(|parities| (parities, cost(parities)));
    let (parities, least) = costs.min_by(|(_, a), (_, b)| a.total_cmp(b)).unwrap_or((0, f64::INFINITY));
    if least < cost(0) * GAIN { parities } else { 0 }
}

/// The share of runs of `size + parities` packets of which more than `parities` were lost.
fn failing(lost: &[bool], size: usize, parities: usize) -> f64 {
    let length = size + parities;
    let Some(runs) = (lost.len() + 1).checked_sub(length).filter(|runs| *runs > 0) else { return 1.0 };
    let mut inside = lost[..length].iter().filter(|lost| **lost).count();
    let mut failed = usize::from(inside > parities);
    for end in length..lost.len() {
        inside = inside + usize::from(lost[end]) - usize::from(lost[end - length]);
        failed += usize::from(inside > parities);
    }
    failed as f64 / runs as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::bandwidth::link::Dice;

    const ROUND_TRIP: Duration = Duration::from_millis(66);

    fn after(losses: impl Iterator<Item = bool>, round_trip: Duration, kbps: u32) -> Protection {
        let mut protection = Protection::default();
        protection.observe(losses);
        protection.update(Instant::now(), round_trip, kbps);
        protection
    }

    fn random(share: f64) -> impl Iterator<Item = bool> {
        let mut dice = Dice::new(3);
        (0..MEMORY).map(move |_| dice.roll() < share)
    }

    fn bursts(share: f64, length: f64, seed: u64) -> impl Iterator<Item = bool> {
        let (mut dice, mut bad) = (Dice::new(seed), false);
        (0..MEMORY).map(move |_| {
            bad = if bad { dice.roll() >= 1.0 / length } else { dice.roll() < share / length / (1.0 - share) };
            bad
        })
    }

    #[test]
    fn a_clean_path_pays_nothing() {
        for losses in [0.0, 0.001] {
            let protection = after(random(losses), ROUND_TRIP, 2000);
            assert!((1..40).all(|packets| protection.parities(packets) == 0), "{losses}");
        }
        assert_eq!(Protection::default().parities(8), 0);
    }

    #[test]
    fn ten_percent_random_loss_leaves_few_pictures_to_wait() {
        let protection = after(random(0.1), ROUND_TRIP, 2000);
        for packets in [5, 8, 12] {
            let parities = protection.parities(packets);
            let fails = failing(&random(0.1).collect::<Vec<_>>(), packets, parities);
            assert!(fails < 0.05, "{packets} packets and {parities} parities: {fails}");
            assert!(protection.overhead(packets) <= 0.6);
        }
    }

    #[test]
    fn long_bursts_are_left_to_repair_by_request() {
        let protection = after(bursts(0.05, 6.0, 5), ROUND_TRIP, 2000);
        assert!(protection.overhead(8) <= 0.25, "{}", protection.parities(8));
    }

    #[test]
    fn a_few_long_bursts_more_than_usual_are_no_reason_for_much_parity() {
        let overhead = |seed| after(bursts(0.05, 6.0, seed), ROUND_TRIP, 2000).overhead(8);
        let most = (0..50).map(overhead).fold(0.0, f64::max);
        assert!(most <= 0.65, "{most} of a picture");
    }

    #[test]
    fn a_short_round_trip_needs_less_parity_than_a_long_one() {
        let [short, long] = [6, 250].map(|ms| after(random(0.08), Duration::from_millis(ms), 2000).parities(8));
        assert!(short < long, "{short} and {long}");
    }

    #[test]
    fn losses_are_forgotten_also_where_packets_are_few() {
        let (start, mut protection) = (Instant::now(), Protection::default());
        protection.observe(random(0.2).take(100));
        protection.update(start, ROUND_TRIP, 50);
        assert!(protection.parities(2) > 0);
        for second in 1..30 {
            protection.observe((0..8).map(|_| false));
            protection.update(start + Duration::from_secs(second), ROUND_TRIP, 50);
        }
        assert_eq!(protection.parities(2), 0);
    }

    #[test]
    fn it_is_looked_at_anew_as_losses_go() {
        let mut protection = after(random(0.1), ROUND_TRIP, 2000);
        protection.observe((0..MEMORY).map(|_| false));
        protection.update(Instant::now() + EVERY, ROUND_TRIP, 2000);
        assert_eq!(protection.parities(8), 0);
    }
}
