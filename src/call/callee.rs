//! The callee's way: INVITE, the person's click, ACCEPT, REVEAL, CONFIRM.

use std::time::{Duration, Instant};

use super::control::MediaState;
use super::end::EndReason;
use super::event::{Accepted, CallEvent, CallSecrets, Input, Output, Role};
use super::handshake::{Answer, Refusal, acceptable};
use super::live::Live;
use super::recent::Admission;
use super::state::{
    CallState, Current, GATHER_TIMEOUT, HANDSHAKE_TIMEOUT, RESEND, RING_TIMEOUT, Stage, Turn, abort, abort_reason, aborted,
};
use crate::signal::message::{CallId, Candidate, Invite, InviteCore, MediaKind, Message, Reveal};

/// The popup is up.
pub(super) struct Ringing {
    core: InviteCore,
    pub deadline: Instant,
}

/// After the click, until the caller has proven who they are.
pub(super) struct Answering {
    core: InviteCore,
    media: MediaKind,
    token: Accepted,
    step: Step,
    deadline: Instant,
}

enum Step {
    Gathering(CallSecrets),
    Sent { accept: Message, answer: Box<Answer>, own: Vec<Candidate>, resend: Instant },
}

impl Ringing {
    /// Rings for an INVITE that rule 1 admitted.
    pub fn start(turn: &mut Turn<'_>, invite: Invite) -> CallState {
        let Invite { core, age_ms } = invite;
        let (peer, call, media) = (core.caller, core.call, core.media);
        turn.send(peer, Message::Ringing { call, reason: 0 });
        turn.out.push(Output::Ring { peer, call, media });
        let left = RING_TIMEOUT.saturating_sub(Duration::from_millis(age_ms.into()));
        CallState::Ringing(Box::new(Self { core, deadline: turn.now + left }))
    }

    pub fn step(self: Box<Self>, turn: &mut Turn<'_>, input: Input) -> CallState {
        match input {
            Input::Accept { media, secrets, lowest_suite } => return self.accept(turn, media, secrets, lowest_suite),
            // Calling whoever calls is accepting.
            Input::Dial(dial) if dial.peer == self.core.caller => {
                return self.accept(turn, dial.media, dial.secrets, dial.lowest_suite);
            }
            Input::Decline | Input::HangUp => {
                let decline = Message::Decline { call: self.core.call, reason: 0 };
                return self.end(turn, EndReason::Declined, Some(decline));
            }
            Input::Message { peer, message } if peer == self.core.caller => return self.message(turn, message),
            Input::Message { peer, message } => turn.stray(peer, message, Some(self.core.caller)),
            Input::Tick if turn.now >= self.deadline => return self.missed(turn, EndReason::Missed, None),
            _ => {}
        }
        CallState::Ringing(self)
    }

    pub fn current(&self) -> Current {
        let core = &self.core;
        Current { call: core.call, peer: core.caller, role: Role::Callee, stage: Stage::Incoming, media: core.media }
    }

    fn message(self: Box<Self>, turn: &mut Turn<'_>, message: Message) -> CallState {
        let (call, caller) = (self.core.call, self.core.caller);
        match message {
            Message::Invite(invite) if invite.core == self.core => turn.send(caller, Message::Ringing { call, reason: 0 }),
            Message::Invite(invite) if invite.core.call == call => {
                return self.missed(turn, EndReason::Refused(Refusal::Changed), Some(abort(call, abort_reason::REFUSED)));
            }
            // They have one call at a time: a new one says that the CANCEL of this one was lost.
            Message::Invite(invite) => match turn.memory.recent.admit(turn.now, turn.memory.me.public(), caller, &invite) {
                Admission::New => {
                    self.missed(turn, EndReason::PeerCancelled, None);
                    return Self::start(turn, invite);
                }
                Admission::Repeated | Admission::Refused => {}
            },
            Message::Cancel { call: of, .. } | Message::Abort { call: of, .. } if of == call => {
                return self.missed(turn, EndReason::PeerCancelled, None);
            }
            message => turn.stray(caller, message, Some(caller)),
        }
        CallState::Ringing(self)
    }

    fn accept(self: Box<Self>, turn: &mut Turn<'_>, media: MediaKind, secrets: CallSecrets, lowest_suite: u16) -> CallState {
        if !acceptable(&self.core, lowest_suite) {
            let last = abort(self.core.call, abort_reason::REFUSED);
            return self.end(turn, EndReason::Refused(Refusal::Suite), Some(last));
        }
        turn.out.push(Output::StopRinging);
        turn.memory.own = MediaState { version: 0, microphone: true, camera: media.video, screen: false };
        Answering::start(turn, self.core, media, secrets)
    }

    fn missed(self: Box<Self>, turn: &mut Turn<'_>, reason: EndReason, last: Option<Message>) -> CallState {
        turn.out.extend([Output::StopRinging, Output::MissedCall { peer: self.core.caller }]);
        turn.end(self.core.call, self.core.caller, reason, last)
    }

    fn end(self: Box<Self>, turn: &mut Turn<'_>, reason: EndReason, last: Option<Message>) -> CallState {
        turn.out.push(Output::StopRinging);
        turn.end(self.core.call, self.core.caller, reason, last)
    }
}

impl Answering {
    /// The person accepted, by a click or by calling at the same time.
    pub fn start(turn: &mut Turn<'_>, core: InviteCore, media: MediaKind, secrets: CallSecrets) -> CallState {
        let (call, peer) = (core.call, core.caller);
        turn.event(CallEvent::Accepted { peer, role: Role::Callee, media: core.media });
        turn.out.push(Output::Gather { call, peer, role: Role::Callee, description: secrets.description().clone() });
        let (step, deadline) = (Step::Gathering(secrets), turn.now + GATHER_TIMEOUT);
        CallState::Answering(Box::new(Self { core, media, token: Accepted(()), step, deadline }))
    }

    pub fn step(mut self: Box<Self>, turn: &mut Turn<'_>, input: Input) -> CallState {
        match input {
            Input::Gathered { call, candidates } if call == self.core.call => return self.gathered(turn, candidates),
            Input::TransportFailed { call, .. } if call == self.core.call => {
                return self.abort(turn, EndReason::NoNetwork, abort_reason::NO_NETWORK);
            }
            Input::HangUp | Input::Decline => return self.abort(turn, EndReason::HungUp, abort_reason::HUNG_UP),
            Input::Message { peer, message } if peer == self.core.caller => return self.message(turn, message),
            Input::Message { peer, message } => turn.stray(peer, message, Some(self.core.caller)),
            Input::LinkUp { peer } if peer == self.core.caller => self.resend(turn),
            Input::Tick if turn.now >= self.deadline => {
                let reason = if self.is_gathering() { EndReason::NoNetwork } else { EndReason::HandshakeTimeout };
                return self.abort(turn, reason, abort_reason::TIMEOUT);
            }
            Input::Tick if turn.now >= self.deadline() => self.resend(turn),
            _ => {}
        }
        CallState::Answering(self)
    }

    pub fn deadline(&self) -> Instant {
        match &self.step {
            Step::Gathering(_) => self.deadline,
            Step::Sent { resend, .. } => self.deadline.min(*resend),
        }
    }

    pub fn current(&self) -> Current {
        let core = &self.core;
        Current { call: core.call, peer: core.caller, role: Role::Callee, stage: Stage::Connecting, media: self.media }
    }

    /// Our sockets are open, and silent: ACCEPT tells where they are, ICE waits for rule 4.
    fn gathered(mut self: Box<Self>, turn: &mut Turn<'_>, own: Vec<Candidate>) -> CallState {
        self.step = match self.step {
            Step::Gathering(secrets) => match Answer::new(&turn.memory.me, self.core.clone(), secrets, self.media, own.clone()) {
                Ok((accept, answer)) => {
                    let accept = Message::Accept(accept);
                    turn.send(self.core.caller, accept.clone());
                    self.deadline = turn.now + HANDSHAKE_TIMEOUT;
                    Step::Sent { accept, answer: Box::new(answer), own, resend: turn.now + RESEND }
                }
                Err(refusal) => return end(turn, &self.core, EndReason::Refused(refusal), abort_reason::REFUSED),
            },
            sent => sent,
        };
        CallState::Answering(self)
    }

    fn message(mut self: Box<Self>, turn: &mut Turn<'_>, message: Message) -> CallState {
        let (call, caller) = (self.core.call, self.core.caller);
        match message {
            Message::Reveal(reveal) if reveal.call == call => return self.revealed(turn, reveal),
            Message::Invite(invite) if invite.core == self.core => self.resend(turn),
            Message::Invite(invite) if invite.core.call == call => {
                return self.abort(turn, EndReason::Refused(Refusal::Changed), abort_reason::REFUSED);
            }
            Message::Cancel { call: of, .. } if of == call => return turn.end(call, caller, EndReason::PeerCancelled, None),
            Message::Abort { call: of, reason } if of == call => return turn.end(call, caller, aborted(reason), None),
            message => turn.stray(caller, message, Some(caller)),
        }
        CallState::Answering(self)
    }

    /// Rule 4: only now may ICE start, control be sent, and the words be shown.
    fn revealed(self: Box<Self>, turn: &mut Turn<'_>, reveal: Reveal) -> CallState {
        let Self { core, media, token, step, deadline } = *self;
        match step {
            Step::Sent { answer, own, .. } => match answer.open(&reveal) {
                Ok((confirm, keys)) => {
                    let (call, peer) = (core.call, core.caller);
                    let candidates = reveal.candidates.clone();
                    turn.out.push(Output::Connect { call, path: 0, remote: core.description, candidates });
                    let mut live = Live::new(turn, Role::Callee, call, peer, media, &own, &reveal.candidates);
                    live.confirm(turn, reveal, Message::Confirm(confirm));
                    live.start(turn, keys, token, false)
                }
                Err(refusal) => end(turn, &core, EndReason::Refused(refusal), abort_reason::REFUSED),
            },
            // Nobody can answer an ACCEPT that was not sent.
            step @ Step::Gathering(_) => CallState::Answering(Box::new(Self { core, media, token, step, deadline })),
        }
    }

    fn resend(&mut self, turn: &mut Turn<'_>) {
        if let Step::Sent { accept, resend, .. } = &mut self.step {
            turn.send(self.core.caller, accept.clone());
            *resend = turn.now + RESEND;
        }
    }

    fn is_gathering(&self) -> bool {
        matches!(self.step, Step::Gathering(_))
    }

    fn abort(self: Box<Self>, turn: &mut Turn<'_>, reason: EndReason, code: u8) -> CallState {
        end(turn, &self.core, reason, code)
    }
}

fn end(turn: &mut Turn<'_>, core: &InviteCore, reason: EndReason, code: u8) -> CallState {
    let call: CallId = core.call;
    turn.end(call, core.caller, reason, Some(abort(call, code)))
}
