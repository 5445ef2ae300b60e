//! The caller's way: INVITE, ACCEPT, REVEAL, CONFIRM.

use std::time::Instant;

use super::control::MediaState;
use super::end::EndReason;
use super::event::{Accepted, CallEvent, CallSecrets, Dial, Input, Output, Role};
use super::glare;
use super::handshake::{Offer, Refusal, Revealed, Verified};
use super::live::Live;
use super::state::{
    CallState, Current, GATHER_TIMEOUT, HANDSHAKE_TIMEOUT, LINK_TIMEOUT, RESEND, RING_TIMEOUT, RINGING_TIMEOUT, Stage, Turn,
    abort, abort_reason, aborted,
};
use crate::identity::PublicKey;
use crate::signal::message::{Accept, CallId, Candidate, Confirm, Invite, MediaKind, Message};

/// Before ACCEPT.
pub(super) struct Dialing {
    pub peer: PublicKey,
    pub media: MediaKind,
    pub offer: Offer,
    pub spare: CallSecrets,
    pub lowest_suite: u16,
    /// The click, from which INVITE's age counts.
    started: Instant,
    progress: Progress,
    resend: Instant,
    deadline: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nothing was sent yet.
    Linking,
    Invited,
    RingingThere,
}

/// After an ACCEPT that holds.
pub(super) struct Revealing {
    call: CallId,
    peer: PublicKey,
    media: MediaKind,
    accept: Accept,
    token: Accepted,
    transport_up: bool,
    step: Step,
    deadline: Instant,
}

enum Step {
    Gathering(Verified),
    Sent { reveal: Box<Message>, revealed: Revealed, own: Vec<Candidate>, resend: Instant },
}

impl Dialing {
    pub fn start(turn: &mut Turn<'_>, dial: Dial) -> CallState {
        let Dial { peer, media, call, secrets, spare, linked, lowest_suite } = dial;
        let me = turn.memory.me.public();
        if peer == me {
            return CallState::Idle;
        }
        turn.memory.own = MediaState { version: 0, microphone: true, camera: media.video, screen: false };
        let mut dialing = Box::new(Self {
            peer,
            media,
            offer: Offer::new(me, peer, call, media, secrets),
            spare,
            lowest_suite,
            started: turn.now,
            progress: Progress::Linking,
            resend: turn.now + LINK_TIMEOUT,
            deadline: turn.now + LINK_TIMEOUT,
        });
        if linked {
            dialing.invite(turn);
        } else {
            turn.out.push(Output::OpenLink { peer });
        }
        CallState::Dialing(dialing)
    }

    pub fn step(mut self: Box<Self>, turn: &mut Turn<'_>, input: Input) -> CallState {
        let call = self.call();
        match input {
            Input::LinkUp { peer } if peer == self.peer => self.invite(turn),
            Input::Unreachable { peer } if peer == self.peer && self.progress == Progress::Linking => {
                return self.end(turn, EndReason::Unreachable, None);
            }
            Input::HangUp => {
                let cancel = (self.progress != Progress::Linking).then_some(Message::Cancel { call, reason: 0 });
                return self.end(turn, EndReason::Cancelled, cancel);
            }
            Input::Message { peer, message } if peer == self.peer => return self.message(turn, message),
            Input::Message { peer, message } => turn.stray(peer, message, Some(self.peer)),
            Input::Tick if turn.now >= self.deadline => {
                let reason = match self.progress {
                    Progress::Linking | Progress::Invited => EndReason::Unreachable,
                    Progress::RingingThere => EndReason::NoAnswer,
                };
                let cancel = (self.progress != Progress::Linking).then_some(Message::Cancel { call, reason: 0 });
                return self.end(turn, reason, cancel);
            }
            Input::Tick if turn.now >= self.resend => self.invite(turn),
            _ => {}
        }
        CallState::Dialing(self)
    }

    pub fn deadline(&self) -> Instant {
        self.deadline.min(self.resend)
    }

    pub fn current(&self) -> Current {
        let stage = if self.progress == Progress::RingingThere { Stage::RingingThere } else { Stage::Dialing };
        Current { call: self.call(), peer: self.peer, role: Role::Caller, stage, media: self.media }
    }

    pub fn call(&self) -> CallId {
        self.offer.core().call
    }

    /// Sends INVITE, the first time or again: the same but for its age.
    pub fn invite(&mut self, turn: &mut Turn<'_>) {
        let age_ms = turn.now.saturating_duration_since(self.started).as_millis().try_into().unwrap_or(u32::MAX);
        turn.send(self.peer, Message::Invite(Invite { core: self.offer.core().clone(), age_ms }));
        if self.progress == Progress::Linking {
            self.progress = Progress::Invited;
            self.deadline = turn.now + RINGING_TIMEOUT;
        }
        // It rings there already: only a lost DECLINE could make us wait in vain.
        self.resend = turn.now + if self.progress == Progress::RingingThere { 5 * RESEND } else { RESEND };
    }

    fn message(mut self: Box<Self>, turn: &mut Turn<'_>, message: Message) -> CallState {
        let call = self.call();
        match message {
            Message::Ringing { call: of, .. } if of == call => {
                if self.progress != Progress::RingingThere {
                    self.progress = Progress::RingingThere;
                    self.deadline = self.started + RING_TIMEOUT;
                    self.resend = turn.now + 5 * RESEND;
                    turn.event(CallEvent::RingingThere { peer: self.peer });
                }
            }
            Message::Accept(accept) if accept.call == call && self.progress != Progress::Linking => {
                return self.accepted(turn, accept);
            }
            Message::Decline { call: of, .. } if of == call => return self.end(turn, EndReason::PeerDeclined, None),
            Message::Busy { call: of, .. } if of == call => return self.end(turn, EndReason::Busy, None),
            Message::Abort { call: of, reason } if of == call => return self.end(turn, aborted(reason), None),
            Message::Invite(invite) => return glare::crossed(self, turn, invite),
            message => turn.stray(self.peer, message, Some(self.peer)),
        }
        CallState::Dialing(self)
    }

    /// Rule 3.
    fn accepted(self: Box<Self>, turn: &mut Turn<'_>, accept: Accept) -> CallState {
        let Self { peer, media, offer, lowest_suite, .. } = *self;
        let (call, description) = (offer.core().call, offer.core().description.clone());
        match offer.verify(&accept, lowest_suite) {
            Ok(verified) => {
                turn.event(CallEvent::Accepted { peer, role: Role::Caller, media: accept.media });
                turn.out.push(Output::Gather { call, peer, role: Role::Caller, description });
                CallState::Revealing(Box::new(Revealing {
                    call,
                    peer,
                    media,
                    accept,
                    token: Accepted(()),
                    transport_up: false,
                    step: Step::Gathering(verified),
                    deadline: turn.now + GATHER_TIMEOUT,
                }))
            }
            Err(refusal) => turn.end(call, peer, EndReason::Refused(refusal), Some(abort(call, abort_reason::REFUSED))),
        }
    }

    fn end(self: Box<Self>, turn: &mut Turn<'_>, reason: EndReason, last: Option<Message>) -> CallState {
        turn.end(self.call(), self.peer, reason, last)
    }
}

impl Revealing {
    pub fn step(mut self: Box<Self>, turn: &mut Turn<'_>, input: Input) -> CallState {
        match input {
            Input::Gathered { call, candidates } if call == self.call => return self.gathered(turn, candidates),
            Input::TransportConnected { call, .. } if call == self.call => self.transport_up = true,
            Input::TransportDisconnected { call, .. } if call == self.call => self.transport_up = false,
            Input::TransportFailed { call, .. } if call == self.call => {
                let reason = if self.is_gathering() { EndReason::NoNetwork } else { EndReason::NoPath };
                return self.abort(turn, reason, abort_reason::NO_NETWORK);
            }
            Input::HangUp => {
                let cancel = Message::Cancel { call: self.call, reason: 0 };
                return turn.end(self.call, self.peer, EndReason::Cancelled, Some(cancel));
            }
            Input::Message { peer, message } if peer == self.peer => return self.message(turn, message),
            Input::Message { peer, message } => turn.stray(peer, message, Some(self.peer)),
            Input::LinkUp { peer } if peer == self.peer => self.resend(turn),
            Input::Tick if turn.now >= self.deadline => {
                let reason = if self.is_gathering() { EndReason::NoNetwork } else { EndReason::HandshakeTimeout };
                return self.abort(turn, reason, abort_reason::TIMEOUT);
            }
            Input::Tick if turn.now >= self.deadline() => self.resend(turn),
            _ => {}
        }
        CallState::Revealing(self)
    }

    pub fn deadline(&self) -> Instant {
        match &self.step {
            Step::Gathering(_) => self.deadline,
            Step::Sent { resend, .. } => self.deadline.min(*resend),
        }
    }

    pub fn current(&self) -> Current {
        Current { call: self.call, peer: self.peer, role: Role::Caller, stage: Stage::Connecting, media: self.media }
    }

    /// Rule 3, the end of it: ICE may start, and eA leaves, this once.
    fn gathered(mut self: Box<Self>, turn: &mut Turn<'_>, own: Vec<Candidate>) -> CallState {
        self.step = match self.step {
            Step::Gathering(verified) => {
                let (reveal, revealed) = verified.reveal(&turn.memory.me, own.clone());
                let reveal = Box::new(Message::Reveal(reveal));
                let (remote, candidates) = (self.accept.description.clone(), self.accept.candidates.clone());
                turn.out.push(Output::Connect { call: self.call, path: 0, remote, candidates });
                turn.send(self.peer, (*reveal).clone());
                self.deadline = turn.now + HANDSHAKE_TIMEOUT;
                Step::Sent { reveal, revealed, own, resend: turn.now + RESEND }
            }
            sent => sent,
        };
        CallState::Revealing(self)
    }

    fn message(mut self: Box<Self>, turn: &mut Turn<'_>, message: Message) -> CallState {
        match message {
            Message::Accept(accept) if accept.call == self.call => {
                if accept != self.accept {
                    return self.abort(turn, EndReason::Refused(Refusal::Changed), abort_reason::REFUSED);
                }
                self.resend(turn);
            }
            Message::Confirm(confirm) if confirm.call == self.call => return self.confirmed(turn, confirm),
            Message::Decline { call, .. } | Message::Busy { call, .. } if call == self.call => {
                return turn.end(self.call, self.peer, EndReason::PeerDeclined, None);
            }
            Message::Abort { call, reason } if call == self.call => {
                return turn.end(self.call, self.peer, aborted(reason), None);
            }
            message => turn.stray(self.peer, message, Some(self.peer)),
        }
        CallState::Revealing(self)
    }

    /// Rule 5.
    fn confirmed(self: Box<Self>, turn: &mut Turn<'_>, confirm: Confirm) -> CallState {
        let Self { call, peer, media, accept, token, transport_up, step, deadline } = *self;
        match step {
            Step::Sent { revealed, own, .. } => match revealed.confirm(&confirm) {
                Ok(keys) => {
                    let live = Live::new(turn, Role::Caller, call, peer, media, &own, &accept.candidates);
                    live.start(turn, keys, token, transport_up)
                }
                Err(refusal) => turn.end(call, peer, EndReason::Refused(refusal), Some(abort(call, abort_reason::REFUSED))),
            },
            // Nothing was revealed that it could confirm.
            step @ Step::Gathering(_) => {
                CallState::Revealing(Box::new(Self { call, peer, media, accept, token, transport_up, step, deadline }))
            }
        }
    }

    fn resend(&mut self, turn: &mut Turn<'_>) {
        if let Step::Sent { reveal, resend, .. } = &mut self.step {
            turn.send(self.peer, (**reveal).clone());
            *resend = turn.now + RESEND;
        }
    }

    fn is_gathering(&self) -> bool {
        matches!(self.step, Step::Gathering(_))
    }

    fn abort(self: Box<Self>, turn: &mut Turn<'_>, reason: EndReason, code: u8) -> CallState {
        turn.end(self.call, self.peer, reason, Some(abort(self.call, code)))
    }
}
