//! One call as a state machine: no I/O, no clock, no media.
//!
//! ```text
//!        ┌─dial──▶ Dialing ──ACCEPT──▶ Revealing ──CONFIRM─┐
//! Idle ──┤            │ glare, and ours loses              ├──▶ Live: Connecting ──▶ Active ◀──▶ Reconnecting
//!        └─INVITE─▶ Ringing ─accept─▶ Answering ──REVEAL───┘
//!                       hang up, or the state's own deadline, from any state ──▶ Idle
//! ```
//!
//! A deadline lives in the state that it guards, so leaving the state cancels it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::callee::{Answering, Ringing};
use super::caller::{Dialing, Revealing};
use super::control::MediaState;
use super::end::EndReason;
use super::event::{CallEvent, Input, Output, Role};
use super::live::Live;
use super::recent::{Admission, RecentCalls};
use crate::identity::{Identity, PublicKey};
use crate::signal::message::{CallId, MediaKind, Message};

/// How long the link may take to come up.
pub(super) const LINK_TIMEOUT: Duration = Duration::from_secs(8);
/// How long after INVITE it has to ring there.
pub(super) const RINGING_TIMEOUT: Duration = Duration::from_secs(5);
/// How long either side rings before the call counts as missed.
pub(super) const RING_TIMEOUT: Duration = Duration::from_secs(60);
/// How long our own sockets may take to open.
pub(super) const GATHER_TIMEOUT: Duration = Duration::from_secs(8);
/// ACCEPT to REVEAL, and REVEAL to CONFIRM.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How soon a message of the handshake that was not answered is sent again.
pub(super) const RESEND: Duration = Duration::from_secs(1);

/// All rules of calls for one profile: at most one call at a time, and a memory of the ids that were used.
pub struct Rules {
    memory: Memory,
    state: CallState,
}

/// Where the call is, for a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current {
    pub call: CallId,
    pub peer: PublicKey,
    pub role: Role,
    pub stage: Stage,
    /// What we chose to send; while it rings here, what the caller asks for.
    pub media: MediaKind,
}

/// The states, as far as a person can tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Dialing,
    RingingThere,
    Incoming,
    Connecting,
    Active,
    Reconnecting,
}

/// Where the call is.
#[derive(Default)]
pub(super) enum CallState {
    #[default]
    Idle,
    /// We call. INVITE is on its way, or it rings there.
    Dialing(Box<Dialing>),
    /// They accepted and proved who they are; we show what INVITE committed to.
    Revealing(Box<Revealing>),
    /// The popup is up. No address leaves before the person accepts: it would tell whoever calls where we are (RFC 8828).
    Ringing(Box<Ringing>),
    /// We accepted; they have to prove who they are.
    Answering(Box<Answering>),
    /// Both are who they say, and there are keys.
    Live(Box<Live>),
}

/// What outlives a call.
pub(super) struct Memory {
    pub me: Arc<Identity>,
    pub recent: RecentCalls,
    /// What we send, or would.
    pub own: MediaState,
}

/// One step: the moment, the memory, and what there is to do.
pub(super) struct Turn<'a> {
    pub now: Instant,
    pub memory: &'a mut Memory,
    pub out: Vec<Output>,
}

impl Rules {
    /// The rules of the profile with this key, with no call.
    pub fn new(me: Arc<Identity>) -> Self {
        let memory = Memory { me, recent: RecentCalls::default(), own: MediaState::default() };
        Self { memory, state: CallState::Idle }
    }

    /// Applies `input` at `now`; returns what the engine must do, in order.
    ///
    /// Never fails: an input that makes no sense here is dropped, for the peer chose it.
    pub fn step(&mut self, now: Instant, input: Input) -> Vec<Output> {
        let mut turn = Turn { now, memory: &mut self.memory, out: Vec::new() };
        self.state = std::mem::take(&mut self.state).step(&mut turn, input);
        turn.out
    }

    /// When to give [`Input::Tick`] at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            CallState::Idle => None,
            CallState::Dialing(dialing) => Some(dialing.deadline()),
            CallState::Revealing(revealing) => Some(revealing.deadline()),
            CallState::Ringing(ringing) => Some(ringing.deadline),
            CallState::Answering(answering) => Some(answering.deadline()),
            CallState::Live(live) => Some(live.deadline()),
        }
    }

    /// The call there is, if any.
    pub fn current(&self) -> Option<Current> {
        match &self.state {
            CallState::Idle => None,
            CallState::Dialing(dialing) => Some(dialing.current()),
            CallState::Revealing(revealing) => Some(revealing.current()),
            CallState::Ringing(ringing) => Some(ringing.current()),
            CallState::Answering(answering) => Some(answering.current()),
            CallState::Live(live) => Some(live.current()),
        }
    }
}

impl CallState {
    fn step(self, turn: &mut Turn<'_>, input: Input) -> Self {
        if let Input::SetMedia { microphone, camera, screen } = input {
            turn.memory.own = MediaState { version: turn.memory.own.version + 1, microphone, camera, screen };
        }
        match (self, input) {
            (Self::Idle, Input::Dial(dial)) => Dialing::start(turn, *dial),
            (Self::Idle, Input::Message { peer, message: Message::Invite(invite) }) => {
                let call = invite.core.call;
                match turn.memory.recent.admit(turn.now, turn.memory.me.public(), peer, &invite) {
                    Admission::New => Ringing::start(turn, invite),
                    Admission::Repeated => {
                        turn.fate(peer, call);
                        Self::Idle
                    }
                    Admission::Refused => Self::Idle,
                }
            }
            (Self::Idle, Input::Message { peer, message }) => {
                turn.stray(peer, message, None);
                Self::Idle
            }
            (Self::Idle, _) => Self::Idle,
            (Self::Dialing(state), input) => state.step(turn, input),
            (Self::Revealing(state), input) => state.step(turn, input),
            (Self::Ringing(state), input) => state.step(turn, input),
            (Self::Answering(state), input) => state.step(turn, input),
            (Self::Live(state), input) => state.step(turn, input),
        }
    }
}

impl Turn<'_> {
    pub fn send(&mut self, peer: PublicKey, message: Message) {
        self.out.push(Output::Send { peer, message });
    }

    pub fn event(&mut self, event: CallEvent) {
        self.out.push(Output::Event(event));
    }

    /// Ends `call`, with `last` as the answer to whatever still comes for it.
    pub fn end(&mut self, call: CallId, peer: PublicKey, reason: EndReason, last: Option<Message>) -> CallState {
        if let Some(last) = &last {
            self.send(peer, last.clone());
        }
        self.memory.recent.close(self.now, call, peer, last);
        self.out.push(Output::Ended { call, peer, reason });
        CallState::Idle
    }

    /// A message that belongs to no call there is, or to no step of it; `busy_with` is the peer of the call there is.
    ///
    /// A new INVITE is answered BUSY and counts as missed. Whoever is still in a call that is over here is told how it
    /// ended. Everything else is dropped.
    pub fn stray(&mut self, peer: PublicKey, message: Message, busy_with: Option<PublicKey>) {
        match message {
            Message::Invite(invite) => match self.memory.recent.admit(self.now, self.memory.me.public(), peer, &invite) {
                Admission::New => {
                    let busy = Message::Busy { call: invite.core.call, reason: 0 };
                    self.memory.recent.close(self.now, invite.core.call, peer, Some(busy.clone()));
                    self.send(peer, busy);
                    if busy_with != Some(peer) {
                        self.out.push(Output::MissedCall { peer });
                    }
                }
                Admission::Repeated => self.fate(peer, invite.core.call),
                Admission::Refused => {}
            },
            Message::Ringing { call, .. } => self.fate(peer, call),
            Message::Accept(accept) => self.fate(peer, accept.call),
            Message::Reveal(reveal) => self.fate(peer, reveal.call),
            _ => {}
        }
    }

    /// Says our last word on `call` again; if there was no such call, that there is none.
    fn fate(&mut self, peer: PublicKey, call: CallId) {
        let fate = self.memory.recent.fate(call, peer).unwrap_or_else(|| Some(abort(call, abort_reason::UNKNOWN)));
        if let Some(last) = fate {
            self.send(peer, last);
        }
    }
}

/// What the reason byte of ABORT says; whoever does not know one takes it as a refusal.
pub(super) mod abort_reason {
    pub const REFUSED: u8 = 1;
    pub const TIMEOUT: u8 = 2;
    pub const HUNG_UP: u8 = 3;
    /// There is no such call, for instance because the program was started anew.
    pub const UNKNOWN: u8 = 4;
    pub const NO_NETWORK: u8 = 5;
}

pub(super) fn abort(call: CallId, reason: u8) -> Message {
    Message::Abort { call, reason }
}

/// Why the call ended when the other side sent ABORT with this reason.
pub(super) fn aborted(reason: u8) -> EndReason {
    match reason {
        abort_reason::TIMEOUT | abort_reason::UNKNOWN => EndReason::HandshakeTimeout,
        abort_reason::HUNG_UP => EndReason::PeerHungUp,
        abort_reason::NO_NETWORK => EndReason::NoPath,
        _ => EndReason::PeerRefused,
    }
}

#[cfg(test)]
mod tests;
