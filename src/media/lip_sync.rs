//! Lips and words meet: the stream that would be early waits for the other, as far as is reasonable.
//!
//! Each pipeline says how long after capture its stream is shown or heard, and how long that would be if it waited for nobody. From
//! the two natural delays follows who waits and how long, with no memory and nothing to swing:
//!
//! ```text
//!   sound later than the picture by more than a person overlooks ──▶ the picture waits, by what is more
//!   picture later than the sound by more                         ──▶ the sound waits
//! ```

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::clock::MediaTime;

/// How much later, in µs, the sound may be, and how much earlier: below what people detect (ITU-R BT.1359: 125 ms late, 45 early).
const SOUND_LATE: i64 = 25_000;
const SOUND_EARLY: i64 = 25_000;
/// The longest that one waits for the other, in µs: a call is a conversation first.
const PICTURE_WAITS: i64 = 200_000;
const SOUND_WAITS: i64 = 200_000;
/// A pipeline that said nothing for this long shows or plays nothing.
const STALE: Duration = Duration::from_secs(2);
/// Delays further apart than this, in µs, are a mistake of some clock.
const ABSURD: i64 = 10_000_000;

/// What both receiving pipelines know of each other. Each writes its own half.
#[derive(Debug, Default)]
pub struct LipSync {
    sound: Half,
    picture: Half,
}

/// One stream. Delays are from capture, across the clocks, in µs, smoothed.
#[derive(Debug, Default)]
struct Half {
    /// When something was last said, on the media clock; zero: never.
    at: AtomicI64,
    natural: AtomicI64,
    actual: AtomicI64,
}

impl LipSync {
    /// Sound is heard `actual` µs after capture; it would be `natural` µs if it waited for no picture.
    pub fn heard(&self, now: MediaTime, actual: i64, natural: i64) {
        self.sound.say(now, actual, natural);
    }

    /// A picture was shown so long after its capture.
    pub fn shown(&self, now: MediaTime, actual: i64, natural: i64) {
        self.picture.say(now, actual, natural);
    }

    /// How long sound waits for the picture.
    pub fn sound_waits(&self, now: MediaTime) -> Duration {
        self.natural_offset(now).map_or(Duration::ZERO, |late| waits(-late - SOUND_EARLY, SOUND_WAITS))
    }

    /// How long the picture waits for the sound.
    pub fn picture_waits(&self, now: MediaTime) -> Duration {
        self.natural_offset(now).map_or(Duration::ZERO, |late| waits(late - SOUND_LATE, PICTURE_WAITS))
    }

    /// How much later than the picture the sound is, in ms; nothing while one of them is not there.
    pub fn offset_ms(&self, now: MediaTime) -> Option<f64> {
        let (sound, picture) = (self.sound.get(now)?, self.picture.get(now)?);
        Some((sound.0 - picture.0) as f64 / 1000.0)
    }

    fn natural_offset(&self, now: MediaTime) -> Option<i64> {
        let (sound, picture) = (self.sound.get(now)?, self.picture.get(now)?);
        Some(sound.1 - picture.1).filter(|offset| offset.abs() < ABSURD)
    }
}

impl Half {
    fn say(&self, now: MediaTime, actual: i64, natural: i64) {
        let known = self.get(now).is_some();
        for (smooth, new) in [(&self.actual, actual), (&self.natural, natural)] {
            let old = smooth.load(Ordering::Relaxed);
            let near = known && (new - old).abs() < ABSURD;
            smooth.store(if near { old + (new - old) / 32 } else { new }, Ordering::Relaxed);
        }
        self.at.store(now.0 as i64, Ordering::Release);
    }

    fn get(&self, now: MediaTime) -> Option<(i64, i64)> {
        let at = self.at.load(Ordering::Acquire);
        let fresh = at != 0 && now.since(MediaTime(at as u64)) < STALE;
        fresh.then(|| (self.actual.load(Ordering::Relaxed), self.natural.load(Ordering::Relaxed)))
    }
}

fn waits(us: i64, most: i64) -> Duration {
    Duration::from_micros(us.clamp(0, most) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: MediaTime = MediaTime(1_700_000_000_000_000);

    /// Who waits how many ms, for these natural delays of sound and picture.
    fn waits_for(sound: i64, picture: i64) -> (u128, u128) {
        let sync = LipSync::default();
        sync.heard(NOW, sound * 1000, sound * 1000);
        sync.shown(NOW, picture * 1000, picture * 1000);
        (sync.sound_waits(NOW).as_millis(), sync.picture_waits(NOW).as_millis())
    }

    #[test]
    fn the_earlier_waits_until_it_is_within_what_nobody_notices_and_no_longer_than_is_reasonable() {
        for (sound, picture, expected) in [
            (85, 60, (0, 0)),
            (60, 85, (0, 0)),
            (130, 60, (0, 45)),
            (60, 130, (45, 0)),
            (900, 60, (0, 200)),
            (60, 900, (200, 0)),
            (20_000, 60, (0, 0)),
        ] {
            assert_eq!(waits_for(sound, picture), expected, "sound {sound} ms, picture {picture} ms");
        }
    }

    #[test]
    fn nobody_waits_for_a_camera_that_is_off_or_a_peer_that_is_silent() {
        let sync = LipSync::default();
        sync.heard(NOW, 300_000, 300_000);
        assert_eq!((sync.picture_waits(NOW), sync.offset_ms(NOW)), (Duration::ZERO, None));
        sync.shown(NOW, 60_000, 60_000);
        assert!(sync.picture_waits(NOW) > Duration::ZERO);
        let later = NOW + STALE;
        sync.heard(later, 300_000, 300_000);
        assert_eq!((sync.picture_waits(later), sync.offset_ms(later)), (Duration::ZERO, None));
    }

    #[test]
    fn what_is_told_is_smoothed() {
        let sync = LipSync::default();
        sync.shown(NOW, 60_000, 60_000);
        (0..300).for_each(|n| sync.heard(NOW, 80_000 + n % 2 * 20_000, 80_000));
        let offset = sync.offset_ms(NOW).unwrap();
        assert!((25.0..35.0).contains(&offset), "{offset}");
    }
}
