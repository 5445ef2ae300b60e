//! How loud it is: the meter that is always in view, and the watch over a microphone that delivers nothing.

use std::time::Duration;

use super::clock::MediaTime;

/// Silence, in decibels below full scale: nothing is measured below.
pub const FLOOR_DBFS: f32 = -100.0;
/// Where the meter begins to move: quieter is silence to a person.
const QUIET_DBFS: f32 = -60.0;
/// How long a microphone may deliver digital zeros. A quiet room is never all zeros.
const DEAD_AFTER: Duration = Duration::from_secs(3);

/// Sums up how loud sound is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Level {
    pub square_sum: f64,
    pub samples: u64,
}

impl Level {
    /// Adds sound.
    pub fn add(&mut self, pcm: &[f32]) {
        self.square_sum += pcm.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
        self.samples += pcm.len() as u64;
    }

    /// What was added since it was `before`.
    pub fn since(self, before: Self) -> Self {
        Self { square_sum: self.square_sum - before.square_sum, samples: self.samples.saturating_sub(before.samples) }
    }

    /// Root mean square in decibels of full scale, at least [`FLOOR_DBFS`].
    pub fn dbfs(&self) -> f32 {
        if self.samples == 0 {
            return FLOOR_DBFS;
        }
        (10.0 * (self.square_sum.max(0.0) / self.samples as f64).log10()).max(FLOOR_DBFS.into()) as f32
    }
}

/// How far a loudness moves the meter: from 0, silence, to 1, as loud as it gets.
pub fn on_meter(dbfs: f32) -> f32 {
    (1.0 - dbfs / QUIET_DBFS).clamp(0.0, 1.0)
}

/// Notices when an open, unmuted microphone delivers nothing but zeros.
#[derive(Debug, Default)]
pub struct DeadMicrophone {
    silent_since: Option<MediaTime>,
    told: bool,
}

impl DeadMicrophone {
    /// Looks at what the microphone delivered at `now`; true once for each time that it went dead.
    pub fn look(&mut self, now: MediaTime, pcm: &[f32]) -> bool {
        if pcm.iter().any(|&sample| sample != 0.0) {
            *self = Self::default();
            return false;
        }
        let since = *self.silent_since.get_or_insert(now);
        now.since(since) >= DEAD_AFTER && !std::mem::replace(&mut self.told, true)
    }

    /// Forgets the silence so far: muted, closed, or another device.
    pub fn reset(&mut self) {
        *self = Self { silent_since: None, told: self.told };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_scale_is_zero_decibels_and_silence_the_floor() {
        let mut level = Level::default();
        assert_eq!(level.dbfs(), FLOOR_DBFS);
        level.add(&[1.0, -1.0]);
        assert_eq!(level.dbfs(), 0.0);
        level.add(&[0.0; 198]);
        assert!((level.dbfs() + 20.0).abs() < 0.01);
        let before = level;
        level.add(&[0.1; 50]);
        assert!((level.since(before).dbfs() + 20.0).abs() < 0.01);
        assert_eq!(level.since(level).dbfs(), FLOOR_DBFS);
    }

    #[test]
    fn the_meter_is_empty_in_a_quiet_room_and_full_at_full_scale() {
        assert_eq!([FLOOR_DBFS, -60.0, -30.0, 0.0, 3.0].map(on_meter), [0.0, 0.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn three_seconds_of_digital_zero_are_told_once_and_a_quiet_room_never() {
        let at = |ms| MediaTime(1_000_000) + Duration::from_millis(ms);
        let mut dead = DeadMicrophone::default();
        assert!(!dead.look(at(0), &[0.0; 4]));
        assert!(!dead.look(at(2900), &[0.0; 4]));
        assert!(dead.look(at(3000), &[0.0; 4]));
        assert!(!dead.look(at(9000), &[0.0; 4]));
        assert!(!dead.look(at(9020), &[0.0, 1e-5]));
        assert!(!dead.look(at(9040), &[0.0; 4]));
        dead.reset();
        assert!(!dead.look(at(12_500), &[0.0; 4]));
    }
}
