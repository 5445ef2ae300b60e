//! How far the peer's media clock is ahead of ours, shared by everything that measures delay.

use std::sync::atomic::{AtomicI64, Ordering};

/// Microseconds to add to our [`MediaTime`](super::clock::MediaTime) to get the peer's; unknown until measured.
///
/// The engine measures it over the control channel; pipelines only read it.
#[derive(Debug)]
pub struct ClockOffset(AtomicI64);

/// No clock is 292,000 years ahead.
const UNKNOWN: i64 = i64::MIN;

impl Default for ClockOffset {
    fn default() -> Self {
        Self(AtomicI64::new(UNKNOWN))
    }
}

impl ClockOffset {
    /// Sets the offset: remote minus local, in microseconds.
    pub fn set_us(&self, offset: i64) {
        self.0.store(offset, Ordering::Relaxed);
    }

    /// The offset, if it was measured.
    pub fn us(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|offset| *offset != UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_unknown_until_it_was_measured() {
        let offset = ClockOffset::default();
        assert_eq!(offset.us(), None);
        offset.set_us(-12);
        assert_eq!(offset.us(), Some(-12));
    }
}
