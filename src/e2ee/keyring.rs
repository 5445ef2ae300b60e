//! The keys of a call from its first epoch to its last, and how its sealers and openers learn of a new one.
//!
//! ```text
//!  Keyring ──────────────────────────────────────────┐ newest
//!     epoch 0 ──next──▶ epoch 1 ──next──▶ epoch 2 ◀──┘
//!        ▲                 ▲
//!     a silent camera   everything that seals or opens now
//! ```
//!
//! Sealers and openers live on threads of their own and are never told anything: each holds the epoch that it is in and
//! looks at its successor before every item, one atomic read. An epoch that nobody is in any more is dropped, and wiped.
//! The caller seals under a new epoch at once; the callee once something of the caller's opened under it, for only then
//! does it know that the caller has it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::frame::{Opener, STEPS_AHEAD, Sealer, step_at};
use super::inbound::{Inbound, SealCounts};
use super::keys::{Direction, RootKey, StreamId};

/// All keys of one call: makes its sealers and openers, and leads them from epoch to epoch.
pub struct Keyring {
    direction: Direction,
    newest: Arc<Epoch>,
    inbound: Inbound,
    /// Where our streams stand, all of them or those that were not silent.
    sending: Place,
}

/// One root key, and what came after it.
pub(super) struct Epoch {
    pub root: RootKey,
    /// When we came to know it.
    since: Instant,
    /// When the first of our streams sealed under it: all of them count their ratchet steps from here.
    sending: OnceLock<Instant>,
    next: OnceLock<Arc<Epoch>>,
}

/// Where a sealer or an opener stands in the chain.
#[derive(Clone)]
pub(super) struct Place {
    epoch: Arc<Epoch>,
    inbound: Inbound,
    leads: bool,
}

impl Keyring {
    /// The keys of a call whose handshake gave `root` at `now`; `direction` is the one that we seal for.
    pub fn new(root: RootKey, direction: Direction, now: Instant) -> Self {
        let inbound = Inbound::new(now, Arc::<SealCounts>::default());
        let newest = Arc::new(Epoch { root, since: now, sending: OnceLock::from(now), next: OnceLock::new() });
        let leads = direction == Direction::CallerToCallee;
        let sending = Place { epoch: newest.clone(), inbound: inbound.clone(), leads };
        Self { direction, newest, inbound, sending }
    }

    /// The sealer of one of our streams. Make one a stream and call: a second would count from 0 again.
    pub fn sealer(&self, stream: StreamId) -> Sealer {
        let started = self.sending.epoch.sending_since(self.inbound.since);
        Sealer::new(&self.sending.epoch.root, self.direction, stream, started).following(self.sending.clone())
    }

    /// The opener of one of the peer's streams. Make one a stream and call.
    pub fn opener(&self, stream: StreamId) -> Opener {
        let opener = Opener::new(&self.newest.root, self.direction.reversed(), stream, &self.inbound);
        opener.following(Place { epoch: self.newest.clone(), inbound: self.inbound.clone(), leads: true })
    }

    /// The root key that the next one is made with.
    pub fn root(&self) -> &RootKey {
        &self.newest.root
    }

    /// Which way we seal.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// From now on `root`, of the epoch after the newest, opens; and seals, as the rule at the top says.
    pub fn advance(&mut self, now: Instant, root: RootKey) {
        debug_assert_eq!(root.epoch(), self.newest.root.epoch() + 1, "epochs follow one another");
        let next = Arc::new(Epoch { root, since: now, sending: OnceLock::new(), next: OnceLock::new() });
        // Nobody else sets it: the ring is the one writer of its chain.
        let _ = self.newest.next.set(next.clone());
        self.newest = next;
    }

    /// Epoch and ratchet step that we seal media under, for the peer's [`learn`](Self::learn).
    pub fn sending(&mut self, now: Instant) -> (u16, u32) {
        while self.sending.advance().is_some() {}
        (self.sending.epoch.root.epoch(), step_at(self.sending.epoch.sending_since(now), now))
    }

    /// The peer said, sealed, where its media stands. Its streams then open however long all of them were silent.
    ///
    /// A step that time does not account for is not believed: following it would cost as much as the peer likes.
    pub fn learn(&self, now: Instant, (epoch, step): (u16, u32)) {
        let plausible = step_at(self.newest.since, now) + STEPS_AHEAD;
        if epoch == self.newest.root.epoch() && step <= plausible {
            self.inbound.verified(epoch, step, now);
        }
    }

    /// What became of the items that came.
    pub fn counts(&self) -> Arc<SealCounts> {
        self.inbound.counts()
    }
}

impl Epoch {
    /// When its steps began to count for what we seal: now, if nothing was sealed under it yet.
    pub fn sending_since(&self, now: Instant) -> Instant {
        *self.sending.get_or_init(|| now)
    }
}

impl Place {
    /// Moves one epoch on, if there is one that may be used.
    pub fn advance(&mut self) -> Option<&Epoch> {
        let next = self.epoch.next.get()?;
        if !self.leads && self.inbound.newest().0 < next.root.epoch() {
            return None;
        }
        self.epoch = next.clone();
        Some(&self.epoch)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zeroize::Zeroizing;

    use super::*;
    use crate::e2ee::OpenError;

    const MINUTE: Duration = Duration::from_secs(60);

    fn root(epoch: u16) -> RootKey {
        RootKey::new(epoch, Zeroizing::new([epoch as u8 + 1; 32]))
    }

    fn pair(now: Instant) -> (Keyring, Keyring) {
        let ring = |direction| Keyring::new(root(0), direction, now);
        (ring(Direction::CallerToCallee), ring(Direction::CalleeToCaller))
    }

    fn seal(sealer: &mut Sealer, now: Instant) -> Vec<u8> {
        let mut item = Vec::new();
        sealer.seal(now, 0, b"vesper", &mut item).unwrap();
        item
    }

    fn open(opener: &mut Opener, now: Instant, item: &[u8]) -> Result<(), OpenError> {
        opener.open(now, 0, item, &mut Vec::new()).map(drop)
    }

    #[test]
    fn the_callee_seals_under_a_new_epoch_only_once_the_caller_was_heard_under_it() {
        let start = Instant::now();
        let (mut caller, mut callee) = pair(start);
        let (mut says, mut hears) = (caller.sealer(StreamId::Audio), caller.opener(StreamId::Audio));
        let (mut answers, mut listens) = (callee.sealer(StreamId::Audio), callee.opener(StreamId::Audio));
        callee.advance(start, root(1));
        let early = seal(&mut answers, start);
        // The caller does not know the key yet, and need not.
        assert!(open(&mut hears, start, &early).is_ok());
        caller.advance(start, root(1));
        assert!(open(&mut listens, start, &seal(&mut says, start)).is_ok());
        assert!(open(&mut hears, start, &seal(&mut answers, start)).is_ok());
        assert_eq!((caller.counts().epochs(), callee.counts().epochs()), (2, 2));
    }

    #[test]
    fn a_stream_that_was_silent_for_epochs_joins_the_others_at_their_step() {
        let start = Instant::now();
        let (mut caller, mut callee) = pair(start);
        let (mut sound, mut picture) = (caller.sealer(StreamId::Audio), caller.sealer(StreamId::Camera));
        let (mut ear, mut eye) = (callee.opener(StreamId::Audio), callee.opener(StreamId::Camera));
        let mut now = start;
        for epoch in 1..4 {
            callee.advance(now, root(epoch));
            caller.advance(now, root(epoch));
            for _ in 0..10 {
                assert!(open(&mut ear, now, &seal(&mut sound, now)).is_ok());
                now += MINUTE;
            }
        }
        assert!(open(&mut eye, now, &seal(&mut picture, now)).is_ok());
    }

    #[test]
    fn a_camera_off_for_an_hour_comes_back_without_loss() {
        let start = Instant::now();
        let (mut caller, callee) = pair(start);
        let (mut camera, mut screen) = (caller.sealer(StreamId::Camera), callee.opener(StreamId::Camera));
        assert!(open(&mut screen, start, &seal(&mut camera, start)).is_ok());
        // There is no microphone either: only heartbeats say how far the ratchet has turned.
        let later = start + 60 * MINUTE;
        callee.learn(later, caller.sending(later));
        assert!(open(&mut screen, later, &seal(&mut camera, later)).is_ok());
    }

    #[test]
    fn a_step_far_beyond_the_clock_is_not_believed() {
        let start = Instant::now();
        let (caller, callee) = pair(start);
        let (mut camera, mut screen) = (caller.sealer(StreamId::Camera), callee.opener(StreamId::Camera));
        callee.learn(start, (0, u32::MAX));
        callee.learn(start, (9, 0));
        assert!(open(&mut screen, start, &seal(&mut camera, start)).is_ok());
    }

    #[test]
    fn an_epoch_that_nobody_is_in_is_dropped() {
        let start = Instant::now();
        let (mut caller, _) = pair(start);
        let first = Arc::downgrade(&caller.newest);
        let mut sealer = caller.sealer(StreamId::Audio);
        caller.advance(start, root(1));
        assert!(first.upgrade().is_some());
        seal(&mut sealer, start);
        assert_eq!(caller.sending(start).0, 1);
        assert!(first.upgrade().is_none());
    }
}
