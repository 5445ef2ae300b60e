//! When pictures are due that no device paces.

use super::clock::MediaTime;

/// A grid of frames that has one on each whole second of the media clock.
#[derive(Debug, Clone)]
pub struct Pace {
    fps: (u32, u32),
    origin: MediaTime,
    /// Index on the grid of the frame after the last one; nothing before the first.
    next: Option<u64>,
}

impl Pace {
    /// A grid of `fps.0` frames in `fps.1` seconds.
    pub fn new(fps: (u32, u32)) -> Self {
        Self { fps, origin: MediaTime::default(), next: None }
    }

    /// When the next frame is due. The first is due at once; those that should have come a frame or more before `now` are left out.
    pub fn next(&mut self, now: MediaTime) -> MediaTime {
        let Some(next) = self.next else {
            self.origin = MediaTime(now.0 / 1_000_000 * 1_000_000);
            self.next = Some(self.index(now) + 1);
            return now;
        };
        let index = next.max(self.index(now));
        self.next = Some(index + 1);
        let offset = u128::from(index) * 1_000_000 * u128::from(self.fps.1) / u128::from(self.fps.0);
        MediaTime(self.origin.0 + offset as u64)
    }

    /// The last frame of the grid that is due at `now`.
    fn index(&self, now: MediaTime) -> u64 {
        let passed = now.since(self.origin).as_micros();
        (passed * u128::from(self.fps.0) / (1_000_000 * u128::from(self.fps.1))) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_frame_is_due_at_once_and_one_on_every_whole_second() {
        let mut pace = Pace::new((30, 1));
        let start = MediaTime(55_512_345);
        let mut now = pace.next(start);
        assert_eq!(now, start);
        let due: Vec<u64> = std::iter::repeat_with(|| {
            now = pace.next(now);
            now.0
        })
        .take(75)
        .collect();
        assert_eq!(due.iter().filter(|at| **at % 1_000_000 == 0).count(), 3);
        assert!(due.windows(2).all(|pair| (33_333..=33_334).contains(&(pair[1] - pair[0]))));
    }

    #[test]
    fn after_a_pause_frames_are_left_out_instead_of_hurried() {
        let mut pace = Pace::new((25, 1));
        pace.next(MediaTime(1_000_000));
        assert_eq!(pace.next(MediaTime(1_000_500)), MediaTime(1_040_000));
        let late = MediaTime(1_040_000) + Duration::from_millis(505);
        assert_eq!(pace.next(late), MediaTime(1_520_000));
        assert_eq!(pace.next(late), MediaTime(1_560_000));
    }
}
