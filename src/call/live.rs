//! A call whose both ends have proven who they are: connecting, active, reconnecting.
//!
//! From here on nothing that comes over the link in the clear changes anything: only control, which is sealed, or
//! silence, ends the call (protocol.md, section 6.3, rule 7).

use std::time::{Duration, Instant};

use super::budget::CandidateBudget;
use super::callee::Ringing;
use super::control::{Control, MediaState, hangup};
use super::end::EndReason;
use super::event::{Accepted, CallEvent, Input, Output, Role};
use super::handshake::CallKeys;
use super::recent::Admission;
use super::restart::{Reach, Restarts};
use super::state::{CallState, Current, RESEND, Stage, Turn, abort, abort_reason};
use crate::identity::PublicKey;
use crate::signal::message::{CallId, Candidate, CandidateKind, MediaKind, Message, Reveal};

/// How long after CONFIRM the connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The same where a relay is among the addresses.
const CONNECT_TIMEOUT_RELAY: Duration = Duration::from_secs(20);
/// How long a connection may be gone, or the peer silent, before the call ends.
const RECONNECT_TIMEOUT: Duration = Duration::from_secs(90);
/// Silence after which a person is told. Heartbeats come every second, at the lowest rates every five.
const SILENCE: Duration = Duration::from_secs(6);
const HEARTBEAT: Duration = Duration::from_secs(1);
/// One heartbeat in so many carries our media state along, for whoever missed its change.
const STATE_EVERY: u32 = 5;
/// How long after a path fell silent another one is tried; it often comes back by itself.
const RESTART_AFTER: Duration = Duration::from_secs(1);
/// How long the handshake's connection may take while the link carries. DTLS waits ever longer after each packet that is lost, and
/// another one that begins anew is there sooner. One over a TURN server has the whole time.
const FIRST_PATIENCE: Duration = Duration::from_secs(6);
/// How long after a connection fell silent the link may take to show that it carries, before a person is told.
const DOUBT: Duration = Duration::from_secs(2);
/// How often HANGUP is sent on a carrier that loses.
const HANGUP_COPIES: u8 = 3;

/// Keys, and what became of the connection.
pub(super) struct Live {
    role: Role,
    call: CallId,
    peer: PublicKey,
    media: MediaKind,
    phase: Phase,
    /// A connection stands; where none does, the link carries.
    transport_up: bool,
    /// The handshake's connection came to nothing, or was given up.
    first_failed: bool,
    /// Until when something has to be heard over the link.
    doubt: Option<Instant>,
    restarts: Restarts,
    /// The seal broke once, and another connection was asked to mend it.
    mended: bool,
    connect_by: Instant,
    /// When the handshake's connection is given up for another, if the link carries.
    first_by: Instant,
    /// When anything sealed by the peer last opened.
    heard: Option<Instant>,
    beat: Instant,
    beats: u32,
    /// The peer's newest media state.
    remote: Option<MediaState>,
    candidates_version: u32,
    budget: CandidateBudget,
    /// The callee's last word of the handshake, and what it answered.
    confirm: Option<(Reveal, Message, Instant)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Active,
    Reconnecting { until: Instant },
}

impl Live {
    /// Of a call whose handshake named these candidates, our `own` and `theirs`.
    pub fn new(
        turn: &Turn<'_>,
        role: Role,
        call: CallId,
        peer: PublicKey,
        media: MediaKind,
        own: &[Candidate],
        theirs: &[Candidate],
    ) -> Self {
        let relayed = own.iter().chain(theirs).any(|candidate| candidate.kind == CandidateKind::Relay);
        Self {
            role,
            call,
            peer,
            media,
            phase: Phase::Connecting,
            transport_up: false,
            first_failed: false,
            doubt: None,
            restarts: Restarts::new(call, peer),
            mended: false,
            connect_by: turn.now + if relayed { CONNECT_TIMEOUT_RELAY } else { CONNECT_TIMEOUT },
            first_by: turn.now + if relayed { CONNECT_TIMEOUT_RELAY } else { FIRST_PATIENCE },
            heard: None,
            beat: turn.now + HEARTBEAT,
            beats: 0,
            remote: None,
            candidates_version: 0,
            budget: CandidateBudget::new(turn.now, theirs.len()),
            confirm: None,
        }
    }

    /// Sends the callee's CONFIRM, now and until the caller is heard under the keys that it confirms.
    pub fn confirm(&mut self, turn: &mut Turn<'_>, reveal: Reveal, confirm: Message) {
        turn.send(self.peer, confirm.clone());
        self.confirm = Some((reveal, confirm, turn.now + RESEND));
    }

    /// Hands out the keys, says the first sealed words, and lets media leave: over the link, until a connection stands.
    pub fn start(mut self, turn: &mut Turn<'_>, keys: CallKeys, token: Accepted, transport_up: bool) -> CallState {
        turn.out.push(Output::Secure { call: self.call, keys, token });
        turn.out.push(Output::StartMedia { call: self.call, media: self.media });
        self.send_state(turn);
        turn.out.push(Output::Heartbeat { call: self.call });
        if transport_up {
            self.connected(turn);
        }
        CallState::Live(Box::new(self))
    }

    pub fn step(mut self: Box<Self>, turn: &mut Turn<'_>, input: Input) -> CallState {
        match input {
            Input::HangUp | Input::Decline => return self.end(turn, EndReason::HungUp, Some(hangup::NORMAL)),
            Input::WordsDiffer => return self.end(turn, EndReason::WordsDiffer, Some(hangup::WORDS_DIFFER)),
            Input::SetMedia { .. } => self.send_state(turn),
            Input::Control { call, control } if call == self.call => return self.control(turn, control),
            Input::Heard { call } if call == self.call => self.heard(turn),
            Input::SealBroken { call } if call == self.call => {
                if self.mended && !self.restarts.is_trying() {
                    return self.end(turn, EndReason::SealBroken, Some(hangup::SEAL_BROKEN));
                }
                if !std::mem::replace(&mut self.mended, true) {
                    self.restarts.begin(turn);
                }
            }
            Input::TransportConnected { call, path }
                if call == self.call && (self.restarts.connected(path) || self.restarts.is_current(path)) =>
            {
                self.connected(turn);
            }
            Input::TransportDisconnected { call, path } if call == self.call && self.restarts.is_current(path) => {
                self.disconnected(turn);
            }
            Input::TransportFailed { call, path } if call == self.call => {
                if self.phase == Phase::Connecting {
                    self.first_failed = true;
                } else if self.restarts.is_current(path) {
                    self.disconnected(turn);
                }
                self.restarts.failed(turn, path);
            }
            Input::Regathered { call, path, reach } if call == self.call => match reach {
                Some((description, candidates)) => self.restarts.gathered(turn, path, Reach { description, candidates }),
                None => self.restarts.failed(turn, path),
            },
            Input::NetworkChanged if self.phase != Phase::Connecting => self.restarts.begin(turn),
            // They have no such call any more: they were started anew, and call again.
            Input::Message { peer, message: Message::Invite(invite) }
                if peer == self.peer && (matches!(self.phase, Phase::Reconnecting { .. }) || self.doubt.is_some()) =>
            {
                let me = turn.memory.me.public();
                if turn.memory.recent.admit(turn.now, me, peer, &invite) == Admission::New {
                    self.end(turn, EndReason::PeerGone, None);
                    return Ringing::start(turn, invite);
                }
            }
            Input::Message { peer, message: Message::Reveal(reveal) } if peer == self.peer && reveal.call == self.call => {
                self.confirm_again(turn, &reveal);
            }
            // INVITE, ACCEPT and the like of this very call are old copies.
            Input::Message { peer, message } if peer == self.peer && call_of(&message) == Some(self.call) => {}
            Input::Message { peer, message } => turn.stray(peer, message, Some(self.peer)),
            Input::Tick => return self.tick(turn),
            _ => {}
        }
        CallState::Live(self)
    }

    pub fn deadline(&self) -> Instant {
        let phase = match (self.phase, self.heard) {
            (Phase::Connecting, _) | (Phase::Active, None) => self.connect_by,
            (Phase::Active, Some(heard)) => self.doubt.unwrap_or(heard + SILENCE).min(heard + SILENCE),
            (Phase::Reconnecting { until }, _) => until,
        };
        let resend = self.confirm.as_ref().filter(|_| self.heard.is_none()).map(|(_, _, resend)| *resend);
        phase.min(self.beat).min(resend.unwrap_or(self.beat)).min(self.restarts.deadline().unwrap_or(self.beat))
    }

    pub fn current(&self) -> Current {
        let stage = match self.phase {
            Phase::Connecting => Stage::Connecting,
            Phase::Active => Stage::Active,
            Phase::Reconnecting { .. } => Stage::Reconnecting,
        };
        Current { call: self.call, peer: self.peer, role: self.role, stage, media: self.media }
    }

    fn connected(&mut self, turn: &mut Turn<'_>) {
        (self.transport_up, self.doubt) = (true, None);
        self.restarts.hurry(true);
        if self.phase == Phase::Connecting {
            self.phase = Phase::Active;
            turn.event(CallEvent::Connected { peer: self.peer });
        } else {
            self.reconnected(turn);
        }
    }

    /// Sealed words of the peer came over the link: the call stands, and a connection that is found later takes over.
    fn settle(&mut self, turn: &mut Turn<'_>) {
        if self.phase == Phase::Connecting {
            self.phase = Phase::Active;
            self.restarts.hurry(false);
            turn.event(CallEvent::Connected { peer: self.peer });
            if self.first_failed {
                self.restarts.plan(turn.now + RESTART_AFTER);
            }
        }
    }

    /// Gives up the handshake's connection, which nobody found in all that time: it costs packets. Others are tried at leisure.
    fn give_up_first(&mut self, turn: &mut Turn<'_>) {
        if self.restarts.is_first() && !self.transport_up && !std::mem::replace(&mut self.first_failed, true) {
            turn.out.push(Output::Abandon { call: self.call, path: 0 });
            self.restarts.plan(turn.now + RESTART_AFTER);
        }
    }

    fn disconnected(&mut self, turn: &mut Turn<'_>) {
        self.transport_up = false;
        if self.phase != Phase::Connecting {
            self.restarts.plan(turn.now + RESTART_AFTER);
        }
        if self.phase == Phase::Active {
            self.doubt.get_or_insert(turn.now + DOUBT);
        }
    }

    fn reconnecting(&mut self, turn: &mut Turn<'_>, until: Instant) {
        (self.phase, self.doubt) = (Phase::Reconnecting { until }, None);
        self.restarts.hurry(true);
        self.restarts.plan(turn.now);
        turn.event(CallEvent::Reconnecting { peer: self.peer });
    }

    fn heard(&mut self, turn: &mut Turn<'_>) {
        self.heard = Some(turn.now);
        if self.doubt.take().is_some() {
            // It came over the link: there is time to look for another connection.
            self.restarts.hurry(false);
        }
        self.settle(turn);
        self.reconnected(turn);
    }

    /// Back to active, if the peer was heard lately, over whatever path.
    fn reconnected(&mut self, turn: &mut Turn<'_>) {
        let heard = self.heard.is_some_and(|heard| turn.now < heard + SILENCE);
        if heard && matches!(self.phase, Phase::Reconnecting { .. }) {
            self.phase = Phase::Active;
            turn.event(CallEvent::Reconnected { peer: self.peer });
        }
    }

    fn control(mut self: Box<Self>, turn: &mut Turn<'_>, control: Control) -> CallState {
        self.heard(turn);
        match control {
            Control::Hangup { reason } => return self.end(turn, hangup::meaning(reason), None),
            Control::State(state) if self.remote.is_none_or(|known| state.version > known.version) => {
                self.remote = Some(state);
                turn.event(CallEvent::RemoteMedia { peer: self.peer, media: state });
            }
            Control::Candidates { version, candidates } if version > self.candidates_version => {
                self.candidates_version = version;
                let candidates = self.budget.take(turn.now, candidates);
                turn.out.push(Output::AddCandidates { call: self.call, candidates });
            }
            Control::Restart { path, description, candidates } if self.phase != Phase::Connecting => {
                self.restarts.asked(turn, path, Reach { description, candidates }, &mut self.budget);
            }
            // Heartbeats and fresh keys are the engine's; reports and repairs are reserved, and nobody acts on them.
            _ => {}
        }
        CallState::Live(self)
    }

    fn tick(mut self: Box<Self>, turn: &mut Turn<'_>) -> CallState {
        match (self.phase, self.heard) {
            (Phase::Connecting, _) if turn.now >= self.connect_by => {
                return self.end(turn, EndReason::NoPath, Some(hangup::NO_PATH));
            }
            (Phase::Active, None) if turn.now >= self.connect_by => {
                return self.end(turn, EndReason::HandshakeTimeout, Some(hangup::NORMAL));
            }
            (Phase::Active, Some(heard)) if turn.now >= heard + SILENCE => self.reconnecting(turn, heard + RECONNECT_TIMEOUT),
            (Phase::Active, _) if self.doubt.is_some_and(|doubt| turn.now >= doubt) => {
                self.reconnecting(turn, turn.now + RECONNECT_TIMEOUT);
            }
            (Phase::Active, _) if turn.now >= self.first_by => self.give_up_first(turn),
            (Phase::Reconnecting { until }, _) if turn.now >= until => {
                return self.end(turn, EndReason::PeerGone, Some(hangup::NORMAL));
            }
            _ => {}
        }
        self.restarts.tick(turn, self.transport_up && self.phase == Phase::Active);
        if self.heard.is_none()
            && let Some((_, confirm, resend)) = &mut self.confirm
            && turn.now >= *resend
        {
            *resend = turn.now + RESEND;
            turn.send(self.peer, confirm.clone());
        }
        if turn.now >= self.beat {
            self.beat = turn.now + HEARTBEAT;
            self.beats += 1;
            turn.out.push(Output::Heartbeat { call: self.call });
            if self.beats.is_multiple_of(STATE_EVERY) {
                self.send_state(turn);
            }
        }
        CallState::Live(self)
    }

    fn confirm_again(&self, turn: &mut Turn<'_>, reveal: &Reveal) {
        if let Some((answered, confirm, _)) = &self.confirm
            && answered == reveal
        {
            turn.send(self.peer, confirm.clone());
        }
    }

    fn send_state(&self, turn: &mut Turn<'_>) {
        let control = Control::State(turn.memory.own);
        turn.out.push(Output::SendControl { call: self.call, control, copies: 1 });
    }

    /// Ends the call; `hangup` is what the peer is told, if anything.
    fn end(self: Box<Self>, turn: &mut Turn<'_>, reason: EndReason, hangup: Option<u8>) -> CallState {
        let (call, peer) = (self.call, self.peer);
        if let Some(reason) = hangup {
            let control = Control::Hangup { reason };
            turn.out.push(Output::SendControl { call, control, copies: HANGUP_COPIES });
        }
        let state = turn.end(call, peer, reason, None);
        // A caller who still waits for CONFIRM has no keys to read HANGUP with.
        turn.memory.recent.close(turn.now, call, peer, Some(abort(call, abort_reason::HUNG_UP)));
        state
    }
}

/// The call that a message of the handshake names.
fn call_of(message: &Message) -> Option<CallId> {
    match message {
        Message::Invite(invite) => Some(invite.core.call),
        Message::Accept(accept) => Some(accept.call),
        Message::Reveal(reveal) => Some(reveal.call),
        Message::Confirm(confirm) => Some(confirm.call),
        Message::Ringing { call, .. }
        | Message::Decline { call, .. }
        | Message::Busy { call, .. }
        | Message::Cancel { call, .. }
        | Message::Abort { call, .. } => Some(*call),
        _ => None,
    }
}
