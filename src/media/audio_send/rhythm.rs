//! When each packet of sound leaves: on a grid of its own, so that neither the work that it took nor the moment at which a device
//! handed over its samples shows. Pure.

use std::time::Duration;

use crate::media::clock::MediaTime;

/// A packet leaves this long after its last sample was there: longer than processing and encoding take, and threads to wake up. On a
/// computer that is slower still, it leaves when it is made.
const HAND_OVER: Duration = Duration::from_millis(6);
/// By how much the grid moves for one packet at most, to a later or an earlier time: so much faster to a later one that, of a device that
/// delivers by fits and starts, the late packets decide, and so slowly that what is late once in a while does not.
const LATER: Duration = Duration::from_micros(500);
const EARLIER: Duration = Duration::from_micros(20);
/// A source this far from the grid has stood still or begun anew, and the grid with it.
const GAP: Duration = Duration::from_millis(100);

/// The grid.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    /// When the last packet left, as the next one is to follow it.
    last: Option<MediaTime>,
}

impl Rhythm {
    /// When the next packet leaves, which lasts `length` and whose last sample was there at `ready`.
    pub fn departure(&mut self, ready: MediaTime, length: Duration) -> MediaTime {
        let wanted = ready + HAND_OVER;
        let on_grid = self.last.map(|last| last + length);
        let departure = on_grid.filter(|at| at.since(wanted).max(wanted.since(*at)) < GAP).unwrap_or(wanted);
        let (late, early) = (wanted.since(departure).min(LATER), departure.since(wanted).min(EARLIER));
        self.last = Some(departure + late - early);
        departure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: MediaTime = MediaTime(1_700_000_000_000_000);
    const FRAME: Duration = Duration::from_millis(20);

    /// The packet of that number's departure after its last sample was there `late_us` after it should have been.
    fn departures(rhythm: &mut Rhythm, late_us: impl Fn(u64) -> u64, numbers: std::ops::Range<u64>) -> Vec<u64> {
        let departure =
            |n: u64| rhythm.departure(START + FRAME * n as u32 + Duration::from_micros(late_us(n)), FRAME).0 - START.0;
        numbers.map(departure).collect()
    }

    fn gaps(departures: &[u64]) -> Vec<u64> {
        departures.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn where_nothing_trembles_each_packet_leaves_at_the_same_time_after_its_last_sample() {
        let departures = departures(&mut Rhythm::default(), |_| 0, 0..1000);
        assert!(departures.iter().zip(0..).all(|(departure, n)| *departure == n * 20_000 + 6000));
    }

    #[test]
    fn a_device_that_delivers_by_fits_and_starts_does_not_show_and_costs_no_more_than_it_makes_wait() {
        let mut rhythm = Rhythm::default();
        // It is asked every 4 ms, and hands over 10 ms at a time.
        let late = |n: u64| n * 1237 % 4000 + n * 7919 % 10 * 100;
        departures(&mut rhythm, late, 0..2000);
        let later = departures(&mut rhythm, late, 2000..4000);
        assert!(gaps(&later).iter().all(|gap| (19_980..=20_500).contains(gap)));
        let waits: Vec<u64> =
            later.iter().zip(2000..).map(|(departure, n)| departure.saturating_sub(n * 20_000 + late(n))).collect();
        let mean = waits.iter().sum::<u64>() / waits.len() as u64;
        assert!((6000..9000).contains(&mean), "{mean} us");
        assert!(waits.iter().all(|wait| *wait > 5000), "hardly any time is left to make them in");
    }

    #[test]
    fn a_computer_that_stumbles_leaves_the_others_where_they_were() {
        let stumbles = |n: u64| if n % 100 == 50 { 30_000 } else { 0 };
        let departures = departures(&mut Rhythm::default(), stumbles, 0..1000);
        assert!(gaps(&departures).iter().all(|gap| (19_980..=20_500).contains(gap)));
        assert!(departures.iter().zip(0..).all(|(departure, n)| *departure < n * 20_000 + 7000));
    }

    #[test]
    fn clocks_that_run_apart_are_followed() {
        for drift in [-3i64, 3] {
            let late = |n: u64| (100_000 + drift * n as i64) as u64;
            let departures = departures(&mut Rhythm::default(), late, 0..10_000);
            assert!(departures.iter().zip(0..).all(|(departure, n)| departure.abs_diff(n * 20_000 + late(n) + 6000) < 10));
        }
    }

    #[test]
    fn packets_that_become_longer_leave_as_long_after_their_last_sample() {
        let mut rhythm = Rhythm::default();
        departures(&mut rhythm, |_| 0, 0..100);
        let mut ready = START + FRAME * 99;
        for length in [60, 60, 120, 20, 40].map(Duration::from_millis) {
            ready = ready + length;
            assert_eq!(rhythm.departure(ready, length), ready + HAND_OVER);
        }
    }

    #[test]
    fn a_source_that_begins_anew_elsewhere_is_followed_within_seconds_and_after_a_gap_at_once() {
        let mut rhythm = Rhythm::default();
        departures(&mut rhythm, |_| 0, 0..100);
        let later = departures(&mut rhythm, |_| 15_000, 100..200);
        assert_eq!(later[99], 199 * 20_000 + 15_000 + 6000);
        let earlier = departures(&mut rhythm, |_| 0, 200..1000);
        assert_eq!(earlier[799], 999 * 20_000 + 6000);
        let after_a_gap = departures(&mut rhythm, |_| 0, 1200..1201);
        assert_eq!(after_a_gap, [1200 * 20_000 + 6000]);
    }
}
