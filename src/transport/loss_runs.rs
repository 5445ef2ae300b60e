//! Whether packets get lost one by one or several in a row: what copies of earlier sound and second repairs have to bridge. Pure.

use std::time::Duration;

/// What is sent a second time leaves so much later, so that one run does not take both: six packets at 2.5 Mbit/s.
pub(super) const APART: Duration = Duration::from_millis(20);
/// What a run and a packet still count after each one more: some forty runs and four hundred packets are remembered.
const KEPT: f64 = 0.975;
const KEPT_LOSS: f64 = 0.9975;
/// Losses come in runs from so many long ones on, beyond those that losses by chance make, and no more below the other.
const MANY: f64 = 1.5;
const FEW: f64 = 0.5;

/// Runs of lost packets, as reports tell of them.
#[derive(Debug)]
pub(super) struct LossRuns {
    /// So many in a row are a long run.
    least: u32,
    /// Packets that were lost since one arrived.
    current: u32,
    /// Share of packets that get lost.
    loss: f64,
    /// Runs, and long ones, of late.
    runs: f64,
    long: f64,
    many: bool,
}

impl LossRuns {
    /// Looks for runs of at least so many.
    pub fn of(least: u32) -> Self {
        Self { least, current: 0, loss: 0.0, runs: 0.0, long: 0.0, many: false }
    }

    /// Takes the next packet, in the order in which they left.
    pub fn observe(&mut self, lost: bool) {
        self.loss = self.loss * KEPT_LOSS + f64::from(u8::from(lost)) * (1.0 - KEPT_LOSS);
        if lost {
            self.current += 1;
            return;
        }
        let run = std::mem::take(&mut self.current);
        if run > 0 {
            self.runs = self.runs * KEPT + 1.0;
            self.long = self.long * KEPT + f64::from(u8::from(run >= self.least));
        }
        // By chance alone, a run goes on with each packet that is lost, too, and now and then there are twice as many of the long ones.
        let by_chance = self.runs * self.loss.powi(self.least as i32 - 1);
        self.many = self.long - 2.0 * by_chance > if self.many { FEW } else { MANY };
    }

    /// Whether several in a row often get lost.
    pub fn come_in_runs(&self) -> bool {
        self.many
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::bandwidth::link::Dice;

    /// For how many of two hundred seeds losses come in runs, after so many packets: `percent` lost, in runs of `length` on average.
    fn found(percent: f64, length: f64, packets: u32) -> usize {
        let is_found = |seed: &u64| {
            let (mut dice, mut runs, mut losing) = (Dice::new(*seed), LossRuns::of(3), false);
            let begins = percent / length / (100.0 - percent);
            for _ in 0..packets {
                losing = dice.roll() < if losing { 1.0 - 1.0 / length } else { begins };
                runs.observe(losing);
            }
            runs.come_in_runs()
        };
        (0..200).filter(is_found).count()
    }

    #[test]
    fn losses_by_chance_do_not_come_in_runs_however_many_there_are() {
        for percent in [1.0, 5.0, 10.0, 20.0, 30.0] {
            // As long as chance makes them.
            let length = 1.0 / (1.0 - percent / 100.0);
            let found = found(percent, length, 1500);
            assert!(found <= 20, "{percent} %: {found} of 200");
        }
    }

    #[test]
    fn losses_in_runs_are_found_within_half_a_minute_and_forgotten() {
        let found = found(5.0, 2.0, 1500);
        assert!(found >= 180, "{found} of 200");
        let mut runs = LossRuns::of(3);
        (0..100).for_each(|n| runs.observe(n % 20 < 3));
        assert!(runs.come_in_runs());
        (0..2000).for_each(|n| runs.observe(n % 20 < 1));
        assert!(!runs.come_in_runs());
    }
}
