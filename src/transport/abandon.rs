//! When what was lost of pictures is not worth sending again. Pure: `now` is an argument.
//!
//! Where a path becomes narrow by much, what is on its way fills the queue before it, and much of it is dropped. To send that again at the
//! rate that is left takes longer than a picture made anew from one that the other side has.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::pacer::lasts;

/// The rate fell if it is less than this share of what arrived of late.
const FELL: f64 = 0.5;
const OF_LATE: Duration = Duration::from_millis(1500);
/// What takes longer than this to send again, with all the rate there is, is given up.
const TOO_LONG: Duration = Duration::from_millis(250);

/// Rates and losses of late.
#[derive(Debug, Default)]
pub(super) struct Abandonment {
    reports: VecDeque<Report>,
}

#[derive(Debug, Clone, Copy)]
struct Report {
    came: Instant,
    /// What arrived of what there was to send, in kbit/s.
    used_kbps: u32,
    /// Bytes of pictures that were lost, and of repairs that arrived.
    lost: usize,
    repaired: usize,
}

impl Abandonment {
    /// Takes a report: the rate that it led to, what of that arrived of late, how many bytes of pictures it tells lost and of repairs
    /// arrived. True: what was lost so far is to be given up. It is said once.
    pub fn decide(&mut self, now: Instant, (kbps, arrived_kbps): (u32, u32), lost: usize, repaired: usize) -> bool {
        self.reports.retain(|report| now.saturating_duration_since(report.came) <= OF_LATE);
        self.reports.push_back(Report { came: now, used_kbps: arrived_kbps, lost, repaired });
        let most = self.reports.iter().map(|report| report.used_kbps).max().unwrap_or(kbps);
        let lost: usize = self.reports.iter().map(|report| report.lost).sum();
        let missing = lost.saturating_sub(self.reports.iter().map(|report| report.repaired).sum());
        let give_up = f64::from(kbps) < f64::from(most) * FELL && lasts(missing, kbps) > TOO_LONG;
        if give_up {
            self.reports.clear();
        }
        give_up
    }

    /// A picture leaves that needs nothing of what was lost before.
    pub fn renew(&mut self) {
        self.reports.iter_mut().for_each(|report| report.lost = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is asked for arrives, and nothing is lost.
    const STEADY: [((u32, u32), usize); 10] = [((2000, 2000), 0); 10];

    /// After which of the reports, 40 ms apart, something is given up.
    fn given_up(reports: impl IntoIterator<Item = ((u32, u32), usize)>) -> Vec<usize> {
        let (start, mut abandonment) = (Instant::now(), Abandonment::default());
        let given_up = |(index, (rates, lost)): (usize, ((u32, u32), usize))| {
            let now = start + Duration::from_millis(40) * index as u32;
            abandonment.decide(now, rates, lost, 0).then_some(index)
        };
        reports.into_iter().enumerate().filter_map(given_up).collect()
    }

    #[test]
    fn many_losses_are_given_up_once_where_the_rate_fell() {
        let fall = [((900, 1900), 0), ((300, 900), 1100), ((300, 400), 20_000), ((300, 400), 20_000), ((300, 400), 3000)];
        assert_eq!(given_up(STEADY.into_iter().chain(fall)), [12]);
    }

    #[test]
    fn losses_alone_are_sent_again_and_so_are_few() {
        assert_eq!(given_up([((2000, 2000), 9000); 30]), [0usize; 0], "a third is lost, but the rate is there");
        let unused = [((3400, 1200), 0); 10].into_iter().chain([((1100, 1200), 9000); 30]);
        assert_eq!(given_up(unused), [0usize; 0], "what nobody used did not fall");
        let few = STEADY.into_iter().chain([((300, 400), 2200); 3]);
        assert_eq!(given_up(few), [0usize; 0], "soon sent again");
    }

    #[test]
    fn a_rate_that_fell_long_ago_is_the_rate() {
        let long_ago = STEADY.into_iter().chain([((300, 290), 0); 60]).chain([((300, 290), 20_000); 3]);
        assert_eq!(given_up(long_ago), [0usize; 0]);
    }

    #[test]
    fn what_came_again_or_is_needed_no_more_is_not_missing() {
        let (start, mut abandonment) = (Instant::now(), Abandonment::default());
        let at = |ms| start + Duration::from_millis(ms);
        abandonment.decide(start, (2000, 2000), 20_000, 0);
        assert!(!abandonment.decide(at(40), (300, 400), 0, 19_000), "repaired");
        abandonment.decide(at(80), (2000, 2000), 20_000, 0);
        abandonment.renew();
        assert!(!abandonment.decide(at(120), (300, 400), 2000, 0), "the newest picture needs nothing of it");
        assert!(abandonment.decide(at(160), (300, 400), 30_000, 0), "but it was lost as well");
    }
}
