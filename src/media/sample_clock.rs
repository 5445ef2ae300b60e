//! The RTP timestamps of the sound that we send.

use super::clock::{AUDIO_RATE, MediaTime};
use super::opus::FRAME;

/// RTP timestamps of sound: anchored to the capture time, then counted in samples, so that no jitter of the system
/// shows in them; anchored again when the two have come apart.
#[derive(Debug, Default)]
pub(super) struct SampleClock {
    next: Option<u32>,
    /// How far capture times are ahead of the count, smoothed, in samples.
    ahead: f64,
}

impl SampleClock {
    /// A gap, not jitter: 60 ms.
    const GAP: f64 = 2880.0;
    /// As much as two sample clocks may drift apart: 15 ms.
    const DRIFT: f64 = 720.0;

    /// The timestamp of the next frame, whose first sample was captured at `captured`.
    pub fn stamp(&mut self, captured: MediaTime) -> u32 {
        let actual = captured.rtp(AUDIO_RATE);
        let counted = self.next.unwrap_or(actual);
        let ahead = f64::from(actual.wrapping_sub(counted) as i32);
        self.ahead += (ahead - self.ahead) / 64.0;
        let anchored = ahead.abs() < Self::GAP && self.ahead.abs() < Self::DRIFT;
        let stamp = if anchored { counted } else { actual };
        if !anchored {
            self.ahead = 0.0;
        }
        self.next = Some(stamp.wrapping_add(FRAME as u32));
        stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const START: MediaTime = MediaTime(1_700_000_000_000_000);

    #[test]
    fn timestamps_count_samples_through_jitter_and_are_anchored_anew_after_a_gap_or_a_drift() {
        let mut clock = SampleClock::default();
        let mut at = START;
        let mut last = clock.stamp(at);
        for frame in 0..100 {
            at = at + Duration::from_millis(if frame % 2 == 0 { 15 } else { 25 });
            let stamp = clock.stamp(at);
            assert_eq!(stamp.wrapping_sub(last), FRAME as u32);
            last = stamp;
        }
        at = at + Duration::from_secs(2);
        assert_eq!(clock.stamp(at), at.rtp(AUDIO_RATE));
        for _ in 0..100_000 {
            at = at + Duration::from_micros(20_002);
            let apart = clock.stamp(at).wrapping_sub(at.rtp(AUDIO_RATE)) as i32;
            assert!(apart.abs() < 960, "{apart} samples apart");
        }
    }
}
