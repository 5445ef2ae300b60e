//! What the openers of a call share: how far each direction's ratchet was seen to turn, and what became of the items.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::header::FrameCounter;

/// What the openers of one direction share: how far its ratchet was seen to have turned, and the counts.
///
/// All streams of a direction turn together, so a camera that was off for an hour opens at once: sound went on, and
/// told how far. Clones are the same value.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// `epoch u16 || step u16 || ms u32` of the newest verified step; the first 32 bits only ever grow.
    newest: Arc<AtomicU64>,
    pub(super) since: Instant,
    pub(super) counts: Arc<SealCounts>,
}

/// What became of the items that arrived, over all streams of a call.
#[derive(Debug, Default)]
pub struct SealCounts {
    opened: AtomicU64,
    rejected: AtomicU64,
    replayed: AtomicU64,
    duplicate: AtomicU64,
    rejected_in_a_row: AtomicU64,
    epochs: AtomicU64,
}

/// Why an item was dropped. It is already counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("an item did not open")]
    Rejected,
    #[error("an item is older than the window of this stream")]
    Replayed,
    #[error("an item was opened before")]
    Duplicate,
    #[error("an item has no header that makes sense")]
    Malformed,
}

impl Inbound {
    /// For one direction of a call that starts at `now`.
    pub fn new(now: Instant, counts: Arc<SealCounts>) -> Self {
        counts.entered(0);
        Self { newest: Arc::default(), since: now, counts }
    }

    /// The counts that all openers made with this one add to.
    pub fn counts(&self) -> Arc<SealCounts> {
        self.counts.clone()
    }

    /// An item of this step opened.
    pub(super) fn verified(&self, epoch: u16, step: u32, now: Instant) {
        let place = u64::from(epoch) << 48 | u64::from(step & 0xffff) << 32;
        let when = now.saturating_duration_since(self.since).as_millis() as u32;
        let newest = self.newest.load(Ordering::Relaxed);
        if place >> 32 > newest >> 32 {
            self.newest.fetch_max(place | u64::from(when), Ordering::Relaxed);
        }
    }

    /// Epoch and step of the newest item that opened, and when.
    pub(super) fn newest(&self) -> (u16, u32, Instant) {
        let newest = self.newest.load(Ordering::Relaxed);
        let when = self.since + Duration::from_millis(newest & 0xffff_ffff);
        ((newest >> 48) as u16, (newest >> 32 & 0xffff) as u32, when)
    }
}

impl SealCounts {
    /// Items that opened.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Items that were altered, of no known key, or no items at all.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Items from behind the window.
    pub fn replayed(&self) -> u64 {
        self.replayed.load(Ordering::Relaxed)
    }

    /// Copies of an item that opened: repair and the second carrier of control make these, too.
    pub fn duplicate(&self) -> u64 {
        self.duplicate.load(Ordering::Relaxed)
    }

    /// Rejected items since the last that opened. Many, for seconds, mean that the keys no longer agree.
    pub fn rejected_in_a_row(&self) -> u64 {
        self.rejected_in_a_row.load(Ordering::Relaxed)
    }

    /// How many root keys there were.
    pub fn epochs(&self) -> u64 {
        self.epochs.load(Ordering::Relaxed)
    }

    /// There is a root key for `epoch`.
    pub(super) fn entered(&self, epoch: u16) {
        self.epochs.fetch_max(u64::from(epoch) + 1, Ordering::Relaxed);
    }

    /// Counts what became of one item.
    pub(super) fn count(&self, result: &Result<FrameCounter, OpenError>) {
        let counter = match result {
            Ok(_) => &self.opened,
            Err(OpenError::Rejected | OpenError::Malformed) => &self.rejected,
            Err(OpenError::Replayed) => &self.replayed,
            Err(OpenError::Duplicate) => &self.duplicate,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        match result {
            Ok(_) => self.rejected_in_a_row.store(0, Ordering::Relaxed),
            Err(OpenError::Rejected | OpenError::Malformed) => {
                self.rejected_in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            Err(OpenError::Replayed | OpenError::Duplicate) => {}
        }
    }
}
