//! When what was lost of pictures is not worth sending again. Pure: `now` is an argument.
//!
//! Where a path becomes narrow by much, what is on its way fills the queue before it, and much of it is dropped. To send that again at the
//! rate that is left takes longer than a picture made anew from one that the other side has.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::pacer::lasts;

/// The rate fell if it is less than this share of what it was of late.
const FELL: f64 = 0.5;
const OF_LATE: Duration = Duration::from_millis(1500);
/// What takes longer than this to send again, with all the rate there is, is given up.
const TOO_LONG: Duration = Duration::from_millis(250);

/// Rates and losses of late.
#[derive(Debug, Default)]
pub(super) struct Abandonment {
    /// Of each report: when it came, the rate in kbit/s that it led to, and how many bytes of pictures it told lost.
    reports: VecDeque<(Instant, u32, usize)>,
}

impl Abandonment {
    /// Takes a report. True: what was lost so far is to be given up. It is said once.
    pub fn decide(&mut self, now: Instant, kbps: u32, lost: usize) -> bool {
        self.reports.retain(|(when, ..)| now.saturating_duration_since(*when) <= OF_LATE);
        self.reports.push_back((now, kbps, lost));
        let most = self.reports.iter().map(|(_, kbps, _)| *kbps).max().unwrap_or(kbps);
        let lost = self.reports.iter().map(|(.., lost)| lost).sum();
        let give_up = f64::from(kbps) < f64::from(most) * FELL && lasts(lost, kbps) > TOO_LONG;
        if give_up {
            self.reports.clear();
        }
        give_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After which of the reports, 40 ms apart, something is given up.
    fn given_up(reports: impl IntoIterator<Item = (u32, usize)>) -> Vec<usize> {
        let (start, mut abandonment) = (Instant::now(), Abandonment::default());
        let given_up = |(index, (kbps, lost)): (usize, (u32, usize))| {
            let now = start + Duration::from_millis(40) * index as u32;
            abandonment.decide(now, kbps, lost).then_some(index)
        };
        reports.into_iter().enumerate().filter_map(given_up).collect()
    }

    #[test]
    fn many_losses_are_given_up_once_where_the_rate_fell() {
        let steady = [(2000, 0); 10];
        let fall = [(900, 0), (300, 1100), (300, 20_000), (300, 20_000), (300, 3000)];
        assert_eq!(given_up(steady.into_iter().chain(fall)), [12]);
    }

    #[test]
    fn losses_alone_are_sent_again_and_so_are_few() {
        assert_eq!(given_up([(2000, 9000); 30]), [0usize; 0], "a third is lost, but the rate is there");
        let few = [(2000, 0); 10].into_iter().chain([(300, 2200), (300, 2200), (300, 2200)]);
        assert_eq!(given_up(few), [0usize; 0], "soon sent again");
    }

    #[test]
    fn a_rate_that_fell_long_ago_is_the_rate() {
        let long_ago = [(2000, 0); 10].into_iter().chain([(300, 0); 60]).chain([(300, 20_000); 3]);
        assert_eq!(given_up(long_ago), [0usize; 0]);
    }
}
