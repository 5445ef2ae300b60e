//! Who wakes the window in a call. It draws all of itself each time, so two streams of pictures must not be twice the work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Waker;
use crate::media::clock::MediaTime;

/// Pictures of the other side that come further apart than this are too few to show ours in time, microseconds.
const APART_US: u64 = 50_000;

/// When the other side's newest picture came, in microseconds of [`MediaTime`].
#[derive(Debug, Default)]
struct Theirs(AtomicU64);

/// The waker for the other side's pictures, and the one for our own: that waits for theirs as long as those come.
pub fn in_call(waker: &Waker) -> (Waker, Waker) {
    let theirs = Arc::new(Theirs::default());
    let (wake, came) = (waker.clone(), theirs.clone());
    let remote = Arc::new(move || {
        came.note(MediaTime::now());
        wake();
    });
    let wake = waker.clone();
    let preview = Arc::new(move || {
        if !theirs.come(MediaTime::now()) {
            wake();
        }
    });
    (remote, preview)
}

impl Theirs {
    fn note(&self, now: MediaTime) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    /// Whether the next one is about to come.
    fn come(&self, now: MediaTime) -> bool {
        now.0.saturating_sub(self.0.load(Ordering::Relaxed)) < APART_US
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_picture_waits_for_theirs_only_while_those_come() {
        let theirs = Theirs::default();
        let at = |ms: u64| MediaTime(1_000_000_000 + ms * 1000);
        assert!(!theirs.come(at(0)), "none ever came");
        theirs.note(at(10));
        assert!(theirs.come(at(43)));
        assert!(!theirs.come(at(76)), "theirs have stopped");
    }

    #[test]
    fn both_kinds_of_pictures_reach_the_window() {
        let woken = Arc::new(AtomicU64::new(0));
        let counter = woken.clone();
        let waker: Waker = Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        let (remote, preview) = in_call(&waker);
        preview();
        remote();
        preview();
        assert_eq!(woken.load(Ordering::Relaxed), 2, "the last one is shown with theirs");
    }
}
