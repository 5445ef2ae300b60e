//! When a picture goes to the screen: as evenly as it was captured, and hardly later than it could.
//!
//! A picture that is on time waits until most of the others would have come, too: nothing on a link without a queue, some milliseconds
//! where packets tremble, a round trip where many have to be sent again. One that is later than that is shown at once, and those that it held up
//! follow at twice the speed, so that nothing jumps and no delay stays.
//!
//! Where nothing comes for longer than pictures usually are late, those that still wait are shown further and further apart (adaptive
//! playout: Steinbach, Färber and Girod 2001): a short outage is seen as a slow moment, not as a frozen one.

use std::time::Duration;

use super::clock::{MediaTime, VIDEO_RATE};
use super::delay_histogram::DelayHistogram;
use super::lateness::Lateness;

/// The pictures that count: four seconds of them.
const MEMORY: u32 = 120;
/// Of five pictures, four are to be on time; waiting for the fifth would cost all of them.
const SHARE: f64 = 0.8;
/// Beyond this, even pictures are worth less than early ones.
const MOST: Duration = Duration::from_millis(100);
/// Between two pictures at the least: no screen shows more.
const CLOSEST: Duration = Duration::from_millis(15);
/// More than this behind, pictures are not spread any more: the newest counts.
const BEHIND: Duration = Duration::from_millis(250);

/// Nothing came for this much longer than usual: it is an outage.
const OUTAGE: Duration = Duration::from_millis(10);
/// The furthest that pictures are shown apart in one: what is further is frozen.
const APART: Duration = Duration::from_millis(170);
/// Pictures are captured this far apart, whatever their stamps say.
const INTERVAL: (Duration, Duration) = (Duration::from_millis(15), Duration::from_millis(150));

/// Gives each picture its time.
#[derive(Debug)]
pub struct VideoPlayout {
    lateness: Lateness,
    usual: DelayHistogram,
    /// When the last picture is due.
    last: Option<MediaTime>,
    /// When the newest picture could be decoded, its stamp, and how long after the one before it was captured.
    newest: Option<(MediaTime, u32)>,
    interval: Duration,
    /// When a picture was shown last.
    shown: Option<MediaTime>,
}

/// When a picture is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub at: MediaTime,
    /// How much of the wait is for the sound.
    pub for_sound: Duration,
}

impl Default for VideoPlayout {
    fn default() -> Self {
        Self {
            lateness: Lateness::new(VIDEO_RATE),
            usual: DelayHistogram::new(MEMORY),
            last: None,
            newest: None,
            interval: INTERVAL.1,
            shown: None,
        }
    }
}

impl VideoPlayout {
    /// A picture captured at `timestamp` can be decoded since `now`; sound wants pictures to wait for `extra`.
    pub fn due(&mut self, now: MediaTime, timestamp: u32, extra: Duration) -> Due {
        let late = self.lateness.note(now, timestamp);
        self.usual.add(late);
        let even = self.lateness.when(timestamp, self.delay()).map_or(now, |even| even.max(now));
        let with_sound = self.lateness.when(timestamp, self.delay() + extra).map_or(now, |even| even.max(now));
        let closest = self.last.map_or(now, |last| last + CLOSEST);
        let at = if late > BEHIND { with_sound } else { with_sound.max(closest) };
        // A clock that jumped is no reason to stand still.
        let at = at.min(now + MOST + extra + BEHIND);
        self.last = Some(at);
        if let Some((_, before)) = self.newest.replace((now, timestamp)) {
            let ticks = u64::from(timestamp.wrapping_sub(before));
            self.interval = Duration::from_micros(ticks * 1_000_000 / u64::from(VIDEO_RATE)).clamp(INTERVAL.0, INTERVAL.1);
        }
        Due { at, for_sound: with_sound.since(even) }
    }

    /// When the picture is shown that is next and was due at `due`, if nothing more comes until then.
    pub fn shown_at(&self, due: MediaTime) -> MediaTime {
        let (Some((came, _)), Some(shown)) = (self.newest, self.shown) else { return due };
        let silence = due.since(came);
        let is_outage = silence > self.interval + self.delay() + OUTAGE;
        if is_outage { due.max(shown + silence.min(APART)) } else { due }
    }

    /// A picture was shown.
    pub fn shown(&mut self, now: MediaTime) {
        self.shown = Some(now);
    }

    /// How long pictures wait that are on time.
    pub fn delay(&self) -> Duration {
        self.usual.quantile(SHARE).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    const START: MediaTime = MediaTime(1_700_000_000_000_000);

    fn at(us: u64) -> MediaTime {
        MediaTime(START.0 + us)
    }

    /// When each of 300 pictures is shown, in µs after its capture, if picture `n` can be decoded `late(n)` ms after.
    fn shown(extra: u64, late: impl Fn(u64) -> u64) -> Vec<u64> {
        let mut playout = VideoPlayout::default();
        let mut free = at(0);
        (0..300)
            .map(|n| {
                let captured = at(n * 33_333);
                // Pictures are decoded in order.
                free = free.max(captured + Duration::from_millis(late(n)));
                let due = playout.due(free, captured.rtp(VIDEO_RATE), Duration::from_millis(extra));
                assert!(due.at >= free);
                due.at.0 - captured.0
            })
            .collect()
    }

    #[test]
    fn on_a_calm_link_nothing_waits() {
        assert!(shown(0, |n| 30 + n % 3).iter().all(|delay| *delay < 40_000));
    }

    #[test]
    fn a_trembling_link_is_shown_evenly() {
        let delays = shown(0, |n| 30 + n * 37 % 24);
        let even = delays[150..].windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1000).count();
        assert!(even > 100, "{even} of 149 evenly");
        assert!(delays[150..].iter().all(|delay| *delay <= 62_000));
    }

    #[test]
    fn after_a_wait_pictures_follow_each_other_at_twice_the_speed_and_the_delay_is_gone() {
        let delays = shown(0, |n| if (200..206).contains(&n) { 30 + (206 - n) * 33 } else { 30 });
        let shown: Vec<u64> = (0..).zip(&delays).map(|(n, delay)| n * 33_333 + delay).collect();
        assert!(shown.windows(2).all(|pair| pair[1] - pair[0] >= 14_999));
        assert!(delays[220..].iter().all(|delay| *delay < 40_000), "{:?}", &delays[200..225]);
    }

    /// When the pictures are shown that wait when nothing more comes, in ms after the newest one came, if each waits for the sound this long.
    fn in_an_outage(waits: u64) -> Vec<u64> {
        let mut playout = VideoPlayout::default();
        let mut waiting = VecDeque::new();
        let show = |playout: &mut VideoPlayout, waiting: &mut VecDeque<MediaTime>, until: MediaTime| {
            let due = *waiting.front()?;
            let shown = playout.shown_at(due);
            waiting.pop_front_if(|_| shown <= until)?;
            playout.shown(shown);
            Some(shown)
        };
        let captured = |n: u64| at(n * 33_333);
        for n in 0..100 {
            let came = captured(n) + Duration::from_millis(30);
            while show(&mut playout, &mut waiting, came).is_some() {}
            waiting.push_back(playout.due(came, captured(n).rtp(VIDEO_RATE), Duration::from_millis(waits)).at);
        }
        let newest = captured(99) + Duration::from_millis(30);
        let far = newest + Duration::from_secs(5);
        let shown = std::iter::from_fn(|| show(&mut playout, &mut waiting, far));
        shown.map(|shown| shown.since(newest).as_millis() as u64).collect()
    }

    #[test]
    fn in_an_outage_what_waits_is_shown_further_and_further_apart() {
        let shown = in_an_outage(180);
        let apart: Vec<u64> = shown.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(apart.is_sorted() && apart.iter().all(|apart| *apart <= 171), "{shown:?}");
        assert!(*shown.last().unwrap() >= 450, "a third of a second later than without: {shown:?}");
        assert_eq!(in_an_outage(20).len(), 1);
        assert!(in_an_outage(20)[0] <= 21, "what does not wait is not held back: {:?}", in_an_outage(20));
    }

    #[test]
    fn what_waits_for_the_sound_waits_for_all_pictures_alike() {
        let delays = shown(60, |_| 30);
        assert!(delays.iter().all(|delay| (88_000..=92_000).contains(delay)));
    }

    #[test]
    fn stamps_that_make_no_sense_stop_nothing() {
        let mut playout = VideoPlayout::default();
        for n in 0..1000u32 {
            let now = at(u64::from(n) * 10_000);
            let due = playout.due(now, n.wrapping_mul(2_654_435_761), Duration::ZERO);
            assert!(due.at.since(now) < Duration::from_secs(1));
        }
    }
}
