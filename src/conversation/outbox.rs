//! What waits to be on the other side's disk, and when to try again. Rules only: `now` is an argument, nothing is sent here.
//!
//! Texts go out in order, at most [`WINDOW`] of them and [`WINDOW_BYTES`] at a time, and stay here until their receipt comes. A new
//! connection sends all of them again. Without a connection, and on one that acknowledges nothing, there is another try after 5 s,
//! 10 s, 20 s … up to ten minutes, each a quarter earlier or later than that: two computers that wait for each other fall out of step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::order::Position;
use crate::signal::message::MessageId;

/// Texts that are under way at once. The link's own queue holds more, so none of them is dropped there.
pub const WINDOW: usize = 16;

/// How much of them; but one text goes out whatever its length.
pub const WINDOW_BYTES: usize = 32 * 1024;

const FIRST_TRY: Duration = Duration::from_secs(5);
const LAST_TRY: Duration = Duration::from_secs(600);

/// The outbox of one contact.
#[derive(Debug)]
pub struct Outbox {
    waiting: BTreeMap<Position, usize>,
    by_id: BTreeMap<MessageId, Position>,
    /// Went out on this connection and not acknowledged since.
    under_way: BTreeSet<MessageId>,
    linked: bool,
    tries: u32,
    next_try: Option<Instant>,
    dice: u64,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Look for the contact.
    Dial,
    /// Send the text at this position.
    Send(Position),
}

impl Outbox {
    /// An empty one for a contact that is not connected. `seed` is random: it spreads the tries.
    pub fn new(seed: u64) -> Self {
        Self {
            waiting: BTreeMap::new(),
            by_id: BTreeMap::new(),
            under_way: BTreeSet::new(),
            linked: false,
            tries: 0,
            next_try: None,
            dice: seed | 1,
        }
    }

    /// Takes in a text of `bytes` that is on our own disk.
    pub fn put(&mut self, position: Position, bytes: usize) {
        self.waiting.insert(position, bytes);
        self.by_id.insert(position.id, position);
    }

    /// The receipt of a text came. Where it stands, if it still waited.
    pub fn settle(&mut self, id: MessageId) -> Option<Position> {
        let position = self.by_id.remove(&id)?;
        self.waiting.remove(&position);
        self.under_way.remove(&id);
        // It goes on: what else is under way has its full time from here.
        (self.tries, self.next_try) = (0, None);
        Some(position)
    }

    /// Where a text that waits stands; it goes on waiting.
    pub fn position(&self, id: &MessageId) -> Option<Position> {
        self.by_id.get(id).copied()
    }

    /// The text was deleted: it does not go out again.
    pub fn forget(&mut self, id: &MessageId) {
        self.settle(*id);
    }

    /// There is a connection now, or a new one.
    pub fn linked(&mut self) {
        self.linked = true;
        self.under_way.clear();
        (self.tries, self.next_try) = (0, None);
    }

    /// The connection is gone.
    pub fn unlinked(&mut self, now: Instant) {
        self.linked = false;
        self.under_way.clear();
        self.tries = 0;
        self.next_try = (!self.waiting.is_empty()).then(|| now + self.pause());
    }

    /// What is due at `now`, to be done in this order.
    pub fn step(&mut self, now: Instant) -> Vec<Step> {
        if self.waiting.is_empty() {
            (self.tries, self.next_try) = (0, None);
            return Vec::new();
        }
        let due = self.next_try.is_some_and(|next| next <= now);
        if !self.linked {
            if !due && self.next_try.is_some() {
                return Vec::new();
            }
            self.next_try = Some(now + self.pause());
            self.tries += 1;
            return vec![Step::Dial];
        }
        if due {
            self.under_way.clear();
            self.tries += 1;
        }
        let steps = self.fill();
        if due || self.next_try.is_none() {
            self.next_try = Some(now + self.pause());
        }
        steps
    }

    /// When [`step`](Self::step) has something to do by the clock.
    pub fn deadline(&self) -> Option<Instant> {
        self.next_try
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends what the window has room for, oldest first.
    fn fill(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut room = WINDOW_BYTES;
        for (position, bytes) in self.waiting.iter().take(WINDOW) {
            let Some(left) = room.checked_sub(*bytes).or((room == WINDOW_BYTES).then_some(0)) else { break };
            room = left;
            if self.under_way.insert(position.id) {
                steps.push(Step::Send(*position));
            }
        }
        steps
    }

    /// Until the next try: doubles each time, with a quarter of it to either side left to the dice.
    fn pause(&mut self) -> Duration {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        let spread = 0.75 + (self.dice % 1000) as f64 / 2000.0;
        let even = FIRST_TRY.saturating_mul(1 << self.tries.min(10)).min(LAST_TRY);
        even.mul_f64(spread).clamp(FIRST_TRY, LAST_TRY)
    }
}

#[cfg(test)]
mod tests;
