//! Sealing and opening: one [`Sealer`] and one [`Opener`] a stream and direction, for the whole call.
//!
//! ```text
//! item = SFrame header || ChaCha20-Poly1305(key, nonce, plaintext, AD = header || u8 meta)
//! ```
//!
//! They belong to the call, not to the connection: a camera that goes off, a new path, another device never make a
//! new one, for a second sealer would count from 0 again under the same key.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::header::{self, FrameCounter, KeyId, MAX_HEADER};
use super::inbound::{Inbound, OpenError, SealCounts};
use super::keyring::Place;
use super::keys::{BaseKey, Direction, FrameKey, RootKey, StreamId, TAG};
use super::replay::{ReplayWindow, Standing};

/// How often a media key is replaced by its successor.
const RATCHET: Duration = Duration::from_secs(60);
/// How long the key before the newest one, or the epoch before, still opens what was on its way.
const GRACE: Duration = Duration::from_secs(10);
/// How far ahead of the newest verified step an item may claim to be: bounds the work that a forgery causes.
pub(super) const STEPS_AHEAD: u32 = 4;
/// Counters end here, for whoever seals and whoever opens, far before the nonce would (at 100 items a second, after 89 000 years).
const LAST_COUNTER: u64 = 1 << 48;

/// The most bytes that sealing adds to a plaintext.
pub const SEAL_OVERHEAD: usize = MAX_HEADER + TAG;

/// Seals one stream in one direction.
pub struct Sealer {
    direction: Direction,
    stream: StreamId,
    counter: u64,
    epoch: u16,
    /// When step 0 of this epoch began.
    started: Instant,
    step: u32,
    base: BaseKey,
    key: FrameKey,
    place: Option<Place>,
}

/// The stream has counted to its end. It cannot happen in a lifetime; sealing on would break the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this stream has sealed as much as one call may")]
pub struct Exhausted;

/// Opens one stream in one direction.
pub struct Opener {
    direction: Direction,
    stream: StreamId,
    window: ReplayWindow,
    /// The newest last; two while the one before still has its grace.
    epochs: VecDeque<OpenEpoch>,
    inbound: Inbound,
    place: Option<Place>,
}

struct OpenEpoch {
    epoch: u16,
    /// The newest verified step, and when it was first verified.
    newest: u32,
    newest_since: Instant,
    /// The oldest step that still opens, and its base: older ones are wiped.
    oldest: u32,
    base: BaseKey,
    /// Keys by step from `oldest` on, made when first used.
    keys: VecDeque<Option<FrameKey>>,
}

impl Sealer {
    /// A sealer that counts from 0. `started` is when the epoch began, the same for all streams of the direction.
    ///
    /// Make one a stream and call: see the rule at the top of this file.
    pub fn new(root: &RootKey, direction: Direction, stream: StreamId, started: Instant) -> Self {
        let base = root.base(direction, stream);
        let key = base.frame_key(KeyId::new(root.epoch(), 0, stream));
        Self { direction, stream, counter: 0, epoch: root.epoch(), started, step: 0, base, key, place: None }
    }

    /// Goes from epoch to epoch with the call's keyring.
    pub(super) fn following(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Replaces the content of `out` by `plaintext`, sealed. `meta` travels in the clear elsewhere and is authenticated here.
    pub fn seal(&mut self, now: Instant, meta: u8, plaintext: &[u8], out: &mut Vec<u8>) -> Result<FrameCounter, Exhausted> {
        if self.counter >= LAST_COUNTER {
            return Err(Exhausted);
        }
        self.keep_up(now);
        let counter = FrameCounter(self.counter);
        self.counter += 1;
        out.clear();
        header::encode(self.key_id(), counter, out);
        let additional = Additional::new(out, meta);
        let header_length = out.len();
        out.extend_from_slice(plaintext);
        let tag = self.key.seal(counter, additional.bytes(), &mut out[header_length..]);
        out.extend_from_slice(&tag);
        Ok(counter)
    }

    /// Moves to the key that `now` asks for and wipes those before. Call it now and then on a stream that sends nothing.
    pub fn keep_up(&mut self, now: Instant) {
        if let Some(mut place) = self.place.take() {
            while let Some(epoch) = place.advance() {
                self.rekey(&epoch.root, epoch.sending_since(now));
            }
            self.place = Some(place);
        }
        self.turn(now);
    }

    /// Goes on under the root key of the next epoch, which began at `started`. The counter goes on too.
    fn rekey(&mut self, root: &RootKey, started: Instant) {
        *self = Self { counter: self.counter, ..Self::new(root, self.direction, self.stream, started) };
    }

    /// Turns the ratchet to the step that `now` falls into. The keys before are wiped.
    fn turn(&mut self, now: Instant) {
        let due = step_at(self.started, now);
        if !self.stream.ratchets() || due <= self.step {
            return;
        }
        self.base = self.base.ratchet_by(due - self.step);
        self.step = due;
        self.key = self.base.frame_key(self.key_id());
    }

    fn key_id(&self) -> KeyId {
        KeyId::new(self.epoch, self.step, self.stream)
    }
}

impl Opener {
    /// An opener that has seen nothing. Make one a stream and call; `inbound` is the direction's.
    pub fn new(root: &RootKey, direction: Direction, stream: StreamId, inbound: &Inbound) -> Self {
        let window = match stream {
            StreamId::Audio => 128,
            StreamId::Camera | StreamId::Screen | StreamId::Control => 1024,
        };
        let first = OpenEpoch::new(root, direction, stream, inbound.since);
        let epochs = VecDeque::from([first]);
        Self { direction, stream, window: ReplayWindow::new(window), epochs, inbound: inbound.clone(), place: None }
    }

    /// Goes from epoch to epoch with the call's keyring.
    pub(super) fn following(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    /// Replaces the content of `out` by what is in `item`, or drops and counts it.
    ///
    /// In this order, and nothing changes here before the item has opened: its counter is one that a stream can come to; its
    /// epoch is known; its counter is new to the window (audio 128, others 1024, the same across epochs); its step is not
    /// wiped and at most 4 ahead of the newest one that opened; it opens; its counter is still new; it is marked; the newest
    /// step moves.
    pub fn open(&mut self, now: Instant, meta: u8, item: &[u8], out: &mut Vec<u8>) -> Result<FrameCounter, OpenError> {
        out.clear();
        let result = self.try_open(now, meta, item, out);
        if result.is_err() {
            out.clear();
        }
        self.inbound.counts.count(&result);
        result
    }

    /// Learns of new keys and wipes those whose time is over. Call it now and then on a stream that nothing comes on.
    pub fn forget(&mut self, now: Instant) {
        if let Some(mut place) = self.place.take() {
            while let Some(epoch) = place.advance() {
                self.rekey(&epoch.root, now);
            }
            self.place = Some(place);
        }
        self.wipe(now);
    }

    /// Lets items of the next epoch open too. The epoch before goes 10 s after the first of them did.
    fn rekey(&mut self, root: &RootKey, now: Instant) {
        self.wipe(now);
        self.epochs.push_back(OpenEpoch::new(root, self.direction, self.stream, now));
        self.inbound.counts.entered(root.epoch());
        if self.epochs.len() > 2 {
            self.epochs.pop_front();
        }
    }

    fn wipe(&mut self, now: Instant) {
        let (epoch, step, since) = self.inbound.newest();
        for keys in self.epochs.iter_mut().filter(|keys| keys.epoch == epoch) {
            keys.learn(step, since);
        }
        while self.epochs.len() > 1 && self.epochs[0].epoch < epoch && now >= self.epochs[1].newest_since + GRACE {
            self.epochs.pop_front();
        }
        if self.stream.ratchets() {
            self.epochs.iter_mut().for_each(|keys| keys.forget(now));
        }
    }

    /// The counts that this opener adds to.
    pub fn counts(&self) -> Arc<SealCounts> {
        self.inbound.counts.clone()
    }

    fn try_open(&mut self, now: Instant, meta: u8, item: &[u8], out: &mut Vec<u8>) -> Result<FrameCounter, OpenError> {
        let (id, counter, header_length) = header::decode(item).ok_or(OpenError::Malformed)?;
        let (header, sealed) = item.split_at(header_length);
        let (body, tag) = sealed.split_last_chunk::<TAG>().ok_or(OpenError::Malformed)?;
        if id.stream != self.stream as u8 || counter.0 >= LAST_COUNTER {
            return Err(OpenError::Rejected);
        }
        self.forget(now);
        let stream = self.stream;
        let keys = self.epochs.iter_mut().find(|keys| keys.epoch == id.epoch).ok_or(OpenError::Rejected)?;
        self.window.check(counter)?;
        let step = keys.step_of(id.step, stream).ok_or(OpenError::Rejected)?;
        out.extend_from_slice(body);
        if !keys.key(step, stream).open(counter, Additional::new(header, meta).bytes(), out, tag) {
            return Err(OpenError::Rejected);
        }
        self.window.check(counter)?;
        self.window.mark(counter);
        self.inbound.verified(id.epoch, step, now);
        Ok(counter)
    }
}

impl OpenEpoch {
    fn new(root: &RootKey, direction: Direction, stream: StreamId, now: Instant) -> Self {
        let base = root.base(direction, stream);
        Self { epoch: root.epoch(), newest: 0, newest_since: now, oldest: 0, base, keys: VecDeque::new() }
    }

    /// The full step that a key id's low byte stands for: the nearest to the newest one. `None` if that key is wiped, or
    /// too far ahead to be true.
    fn step_of(&self, low: u8, stream: StreamId) -> Option<u32> {
        if !stream.ratchets() {
            return (low == 0).then_some(0);
        }
        let distance = low.wrapping_sub(self.newest as u8) as i8;
        let step = self.newest.checked_add_signed(distance.into())?;
        (step >= self.oldest && step <= self.newest + STEPS_AHEAD).then_some(step)
    }

    fn key(&mut self, step: u32, stream: StreamId) -> &FrameKey {
        let ahead = (step - self.oldest) as usize;
        if self.keys.len() <= ahead {
            self.keys.resize_with(ahead + 1, || None);
        }
        let (base, epoch) = (&self.base, self.epoch);
        self.keys[ahead].get_or_insert_with(|| base.ratchet_by(ahead as u32).frame_key(KeyId::new(epoch, step, stream)))
    }

    fn learn(&mut self, step: u32, since: Instant) {
        if step >= self.newest {
            (self.newest, self.newest_since) = (step, since);
        }
    }

    /// Wipes what is older than the newest step, and in the first seconds of that all but the one before it.
    fn forget(&mut self, now: Instant) {
        let keep = if now >= self.newest_since + GRACE { self.newest } else { self.newest.saturating_sub(1) };
        if keep > self.oldest {
            let steps = keep - self.oldest;
            self.base = self.base.ratchet_by(steps);
            self.keys.drain(..self.keys.len().min(steps as usize));
            self.oldest = keep;
        }
    }
}

/// The ratchet step of an epoch that began at `started`.
pub(super) fn step_at(started: Instant, now: Instant) -> u32 {
    (now.saturating_duration_since(started).as_secs() / RATCHET.as_secs()) as u32
}

impl ReplayWindow {
    fn check(&self, counter: FrameCounter) -> Result<(), OpenError> {
        match self.standing(counter) {
            Standing::New => Ok(()),
            Standing::Seen => Err(OpenError::Duplicate),
            Standing::TooOld => Err(OpenError::Replayed),
        }
    }
}

/// `header || meta`, what an item's tag covers beside its body.
struct Additional([u8; MAX_HEADER + 1], usize);

impl Additional {
    fn new(header: &[u8], meta: u8) -> Self {
        let mut bytes = [0; MAX_HEADER + 1];
        bytes[..header.len()].copy_from_slice(header);
        bytes[header.len()] = meta;
        Self(bytes, header.len() + 1)
    }

    fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

#[cfg(test)]
mod tests;
