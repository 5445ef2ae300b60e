//! Fresh keys in the middle of a call, every ten minutes: whoever learns today's keys does not have the next ones.
//!
//! ```text
//! A (caller)                                   B (callee)
//!   ─────── REKEY     g+1, eA' ───────────────▶           again every second, the same bytes, until answered
//!   ◀────── REKEY_OK  g+1, eB' ────────────────           the same bytes to each repetition; B opens g+1 from here on
//!   seals under g+1 ──────────────────────────▶           B seals under g+1 once this opened
//! ```
//!
//! Both messages travel in the sealed control stream, so each is the peer's; they may come late, twice or never. Words do
//! not change: they are those of the handshake.

use std::time::{Duration, Instant};

use super::control::Control;
use super::ephemeral::Ephemeral;
use crate::e2ee::{Direction, Keyring, Secret};

/// How long the keys of an epoch are used.
const EPOCH: Duration = Duration::from_secs(600);
/// How soon after the last a callee gives new keys: an epoch costs two multiplications, and memory until every stream has followed.
const SOONEST: Duration = Duration::from_secs(300);
/// How soon an unanswered REKEY is sent again.
const RESEND: Duration = Duration::from_secs(1);

/// One side of it, for the whole call.
pub struct Rekeying {
    /// When the caller has something to send.
    due: Instant,
    /// The caller's open question.
    asked: Option<Asked>,
    /// The callee's last answer, and to which key.
    answered: Option<Answered>,
    /// When the callee agreed to the newest keys.
    agreed: Instant,
}

struct Asked {
    epoch: u16,
    ephemeral: Ephemeral,
}

struct Answered {
    epoch: u16,
    e_a: [u8; 32],
    e_b: [u8; 32],
}

impl Rekeying {
    /// For a call whose first keys were agreed at `now`.
    pub fn new(now: Instant) -> Self {
        Self { due: now + EPOCH, asked: None, answered: None, agreed: now }
    }

    /// When [`tick`](Self::tick) has something to send; the callee waits to be asked.
    pub fn deadline(&self, keyring: &Keyring) -> Option<Instant> {
        (keyring.direction() == Direction::CallerToCallee).then_some(self.due)
    }

    /// The caller's question, if it is due, with a key from `fresh` secret bytes.
    pub fn tick(&mut self, now: Instant, keyring: &Keyring, fresh: impl FnOnce() -> Secret) -> Option<Control> {
        if self.deadline(keyring).is_none_or(|due| now < due) {
            return None;
        }
        if self.asked.is_none() {
            let epoch = keyring.root().epoch().checked_add(1)?;
            self.asked = Some(Asked { epoch, ephemeral: Ephemeral::new(fresh()) });
        }
        self.due = now + RESEND;
        let asked = self.asked.as_ref()?;
        Some(Control::Rekey { epoch: asked.epoch, e_a: asked.ephemeral.public() })
    }

    /// The callee's answer to REKEY. A question that is not the next one, comes too soon, or asks for the same epoch with another key,
    /// gets none.
    pub fn answer(
        &mut self,
        now: Instant,
        keyring: &mut Keyring,
        (epoch, e_a): (u16, [u8; 32]),
        fresh: impl FnOnce() -> Secret,
    ) -> Option<Control> {
        if keyring.direction() != Direction::CalleeToCaller {
            return None;
        }
        if let Some(last) = self.answered.as_ref().filter(|last| last.epoch == epoch) {
            return (last.e_a == e_a).then_some(Control::RekeyOk { epoch, e_b: last.e_b });
        }
        if keyring.root().epoch().checked_add(1) != Some(epoch) || now < self.agreed + SOONEST {
            return None;
        }
        let ephemeral = Ephemeral::new(fresh());
        let e_b = ephemeral.public();
        let shared = ephemeral.agree(&e_a)?;
        keyring.advance(now, keyring.root().next(&shared, &e_a, &e_b)?);
        self.answered = Some(Answered { epoch, e_a, e_b });
        self.agreed = now;
        Some(Control::RekeyOk { epoch, e_b })
    }

    /// What the caller does on REKEY_OK: from now on it seals under the new key.
    pub fn settle(&mut self, now: Instant, keyring: &mut Keyring, (epoch, e_b): (u16, [u8; 32])) {
        let Some(asked) = self.asked.take_if(|asked| asked.epoch == epoch) else { return };
        let e_a = asked.ephemeral.public();
        // A peer that answers with a point of small order is asked again, with another key.
        let Some(shared) = asked.ephemeral.agree(&e_b) else { return };
        if let Some(next) = keyring.root().next(&shared, &e_a, &e_b) {
            keyring.advance(now, next);
            self.due = now + EPOCH;
        }
    }
}

#[cfg(test)]
mod tests;
