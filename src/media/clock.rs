//! One clock for everything that is captured, sent and shown.

use std::ops::{Add, Sub};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment on this process's media clock: microseconds, monotonic, anchored once to Unix time when first read.
///
/// Monotonic, because a step of the wall clock must not freeze a picture; anchored, because traces of two
/// processes on one machine are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MediaTime(pub u64);

/// The rate of video RTP timestamps (RFC 6184 section 8.2.1).
pub const VIDEO_RATE: u32 = 90_000;
/// The rate of audio RTP timestamps (RFC 7587 section 4.1).
pub const AUDIO_RATE: u32 = 48_000;

impl MediaTime {
    /// Reads the clock. Pure code takes a `MediaTime` as an argument instead.
    pub fn now() -> Self {
        static ANCHOR: OnceLock<(Instant, u64)> = OnceLock::new();
        let (instant, unix) = ANCHOR.get_or_init(|| {
            let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            (Instant::now(), unix.as_micros() as u64)
        });
        Self(unix + instant.elapsed().as_micros() as u64)
    }

    /// Unix microseconds, as records and reports print them.
    pub fn unix_us(self) -> u64 {
        self.0
    }

    /// The low 32 bits of this moment on an RTP clock of `rate` ticks a second.
    pub fn rtp(self, rate: u32) -> u32 {
        (u128::from(self.0) * u128::from(rate) / 1_000_000) as u32
    }

    /// Time since `earlier`, zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for MediaTime {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration.as_micros() as u64)
    }
}

impl Sub<Duration> for MediaTime {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_micros() as u64))
    }
}
