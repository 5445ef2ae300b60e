//! The calls of the last minutes, so that none happens twice and whoever missed an ending is told it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::identity::PublicKey;
use crate::signal::message::{CallId, Invite, Message};

/// How long a call's id is remembered.
const MEMORY: Duration = Duration::from_secs(600);
/// The most calls of one contact in that time.
const MOST_PER_CONTACT: usize = 64;
/// The oldest that an INVITE may be, by the caller's own clock.
const MAX_AGE_MS: u32 = 60_000;

/// Ids that were used, and how each call ended.
#[derive(Default)]
pub(super) struct RecentCalls(HashMap<CallId, Recent>);

struct Recent {
    peer: PublicKey,
    at: Instant,
    /// Our last word, if it may be said again.
    last: Option<Message>,
}

/// What rule 1 says of an INVITE.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    New,
    /// Its id was used; [`RecentCalls::fate`] says how that ended.
    Repeated,
    /// Not from who sent it, not for us, too old, or one too many.
    Refused,
}

impl RecentCalls {
    /// Rule 1, all but the state; remembers the id of a call that is new.
    pub fn admit(&mut self, now: Instant, me: PublicKey, peer: PublicKey, invite: &Invite) -> Admission {
        let core = &invite.core;
        if core.caller != peer || core.callee != me || peer == me || invite.age_ms > MAX_AGE_MS {
            return Admission::Refused;
        }
        self.0.retain(|_, recent| now < recent.at + MEMORY);
        if let Some(recent) = self.0.get(&core.call) {
            return if recent.peer == peer { Admission::Repeated } else { Admission::Refused };
        }
        if self.0.values().filter(|recent| recent.peer == peer).count() >= MOST_PER_CONTACT {
            return Admission::Refused;
        }
        self.close(now, core.call, peer, None);
        Admission::New
    }

    /// Remembers `call`, with `last` to say to whoever still speaks of it.
    pub fn close(&mut self, now: Instant, call: CallId, peer: PublicKey, last: Option<Message>) {
        self.0.insert(call, Recent { peer, at: now, last });
    }

    /// Our last word on a call with `peer`; `None` if there was no such call.
    pub fn fate(&self, call: CallId, peer: PublicKey) -> Option<Option<Message>> {
        let recent = self.0.get(&call).filter(|recent| recent.peer == peer)?;
        Some(recent.last.clone())
    }
}
