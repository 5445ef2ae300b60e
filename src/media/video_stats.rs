//! What a receiving pipeline measures of the pictures it shows.

use super::clock::{MediaTime, VIDEO_RATE};

/// A gap between shown frames above this is a freeze.
const FREEZE_US: u64 = 200_000;
/// Delays are counted by the millisecond up to here; longer ones count as this.
const LONGEST_MS: usize = 3000;

/// How many frames took how many milliseconds. Cumulative: [`since`](Self::since) gives those of a second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LatencyHistogram {
    counts: Vec<u32>,
}

impl LatencyHistogram {
    /// Adds a frame.
    pub fn add(&mut self, ms: u32) {
        let bucket = (ms as usize).min(LONGEST_MS);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
    }

    /// How many frames were added.
    pub fn len(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The delay in ms that `percent` of the frames did not exceed; nothing if there are none.
    pub fn percentile(&self, percent: u32) -> Option<u32> {
        let rank = (self.len() * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        self.counts
            .iter()
            .position(|count| {
                seen += u64::from(*count);
                seen >= rank
            })
            .map(|ms| ms as u32)
    }

    /// What was added after `earlier`, a copy of this.
    pub fn since(&self, earlier: &Self) -> Self {
        let earlier = earlier.counts.iter().copied().chain(std::iter::repeat(0));
        Self { counts: self.counts.iter().zip(earlier).map(|(count, earlier)| count - earlier).collect() }
    }
}

/// Milliseconds from capture on the peer's clock to `shown` on ours, from the low 32 bits of the capture time at 90 kHz and how
/// far the peer's clock is ahead. Below zero (the offset is an estimate) counts as zero; nothing if the peer's stamp is far off.
pub fn latency_ms(timestamp: u32, shown: MediaTime, offset_us: i64) -> Option<u32> {
    let there = MediaTime(shown.0.saturating_add_signed(offset_us)).rtp(VIDEO_RATE);
    let ticks = there.wrapping_sub(timestamp) as i32;
    let ms = ticks / (VIDEO_RATE as i32 / 1000);
    (-1000..60_000).contains(&ms).then_some(ms.max(0) as u32)
}

/// Gaps between shown frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gaps {
    pub freezes: u64,
    pub frozen_ms: u64,
    pub longest_ms: u64,
    last: Option<MediaTime>,
}

impl Gaps {
    /// A frame was shown. Times are in order.
    pub fn shown(&mut self, at: MediaTime) {
        if let Some(last) = self.last.replace(at) {
            let gap = at.since(last).as_micros() as u64;
            self.longest_ms = self.longest_ms.max(gap / 1000);
            if gap > FREEZE_US {
                self.freezes += 1;
                self.frozen_ms += gap / 1000;
            }
        }
    }

    /// The peer turned its camera off: what follows is no gap.
    pub fn pause(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_added_since() {
        let mut all = LatencyHistogram::default();
        assert_eq!(all.percentile(50), None);
        [900; 10].into_iter().for_each(|ms| all.add(ms));
        let before = all.clone();
        (1..=100).for_each(|ms| all.add(ms));
        all.add(1_000_000);
        let second = all.since(&before);
        assert_eq!((second.len(), second.percentile(50), second.percentile(95)), (101, Some(51), Some(96)));
        assert_eq!(second.percentile(100), Some(3000));
    }

    #[test]
    fn latency_is_measured_across_clocks_and_the_wrap_of_the_stamp() {
        for (now, offset) in [(5_000_000_000u64, 0i64), (47_721_858_844, 7_000_000), (90_000_000, -80_000_000)] {
            let captured = MediaTime((now as i64 + offset) as u64 - 42_000);
            assert_eq!(latency_ms(captured.rtp(VIDEO_RATE), MediaTime(now), offset), Some(42));
        }
        assert_eq!(latency_ms(MediaTime(1_002_000).rtp(VIDEO_RATE), MediaTime(1_000_000), 0), Some(0));
        assert_eq!(latency_ms(0x8000_0000, MediaTime(1_000_000), 0), None);
    }

    #[test]
    fn only_gaps_over_200_ms_are_freezes_and_a_camera_that_is_off_is_none() {
        let mut gaps = Gaps::default();
        for ms in [0, 33, 233, 500] {
            gaps.shown(MediaTime(ms * 1000));
        }
        gaps.pause();
        gaps.shown(MediaTime(60_000_000));
        assert_eq!((gaps.freezes, gaps.frozen_ms, gaps.longest_ms), (1, 267, 267));
    }
}
