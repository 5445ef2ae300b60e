//! What stands between a contact's call and the bell, and between a click and a call: silence, the limit of rings, and what of
//! our address this call may show.

use std::time::Instant;

use super::calls::Calls;
use super::command::Command;
use super::core::{Core, unix_seconds};
use super::event::What;
use super::options::AutoAccept;
use super::rings::Verdict;
use super::sentences;
use super::snapshot::{AddressQuestion, CallMedia, CallStage, NoticeKind};
use crate::contacts::Candidates;
use crate::conversation::{Call, Outcome};
use crate::identity::PublicKey;
use crate::settings::LinkMode;
use crate::signal::message::{CallId, Message};

/// Whether the other computer may learn our addresses in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OurAddress {
    Shown,
    /// The call goes through a relay.
    Hidden,
}

/// A click that waits for the person's word on their address.
#[derive(Debug, Clone, Copy)]
pub enum Asking {
    Call { peer: PublicKey, media: CallMedia },
    Accept { peer: PublicKey, call: Option<CallId>, media: CallMedia },
}

impl Asking {
    fn peer(self) -> PublicKey {
        let (Self::Call { peer, .. } | Self::Accept { peer, .. }) = self;
        peer
    }

    /// Whether what was clicked can still be done: the word on one person's call says nothing of the next one's, which may ring by now.
    fn holds(self, call: Option<(PublicKey, Option<CallId>, &CallStage)>) -> bool {
        match (self, call) {
            (Self::Call { .. }, call) => call.is_none_or(|(.., stage)| matches!(stage, CallStage::Ended { .. })),
            (Self::Accept { peer, call, .. }, Some((caller, rings, CallStage::Incoming))) => (caller, rings) == (peer, call),
            (Self::Accept { .. }, _) => false,
        }
    }
}

/// What `command` asks for while `ringing` rings: to call whoever calls is to accept. Nothing, if it answers another call than
/// that one, which was over before the click, or is answered already.
pub(super) fn meant(command: Command, ringing: Option<(PublicKey, CallId)>) -> Option<Command> {
    match (command, ringing) {
        (Command::Call { key, media }, Some((caller, call))) if key == caller => {
            Some(Command::Accept { call: Some(call), media })
        }
        (
            Command::Accept { call: Some(call), .. }
            | Command::Decline { call: Some(call) }
            | Command::DeclineWith { call: Some(call), .. },
            ringing,
        ) if ringing.is_none_or(|(_, rings)| rings != call) => None,
        (command, _) => Some(command),
    }
}

impl Core {
    /// Whether `message` may go on to the rules of a call. An invite of a contact who is silenced, or who rings too often, goes
    /// no further than the list of missed calls; the caller hears nothing of the difference.
    pub(super) fn screen(&mut self, peer: PublicKey, message: &Message, calls: &Calls, now: Instant) -> bool {
        let Message::Invite(invite) = message else { return true };
        // Whom we are calling ourselves may call us: both want the call.
        if calls
            .view(self)
            .is_some_and(|call| call.peer == peer && matches!(call.stage, CallStage::Dialing | CallStage::RingingThere))
        {
            return true;
        }
        let Some(contact) = self.people.accepted(peer) else { return true };
        let silent = contact.silent;
        // Hours of the day are for the ears of a person.
        let quiet = self.options.ring && self.is_quiet();
        // Where calls are answered by themselves no bell can be worn out.
        let verdict = match self.options.auto_accept {
            AutoAccept::Nobody => self.rings.judge(peer, invite.core.call, silent || quiet, now),
            _ if silent => Verdict::Again,
            _ => Verdict::Ring,
        };
        match verdict {
            Verdict::Ring => return true,
            Verdict::Again => return false,
            Verdict::Missed => {}
        }
        let call = Call { outgoing: false, video: invite.core.media.video, outcome: Outcome::Missed, seconds: 0 };
        self.note_call(peer, call);
        self.notices.tell(What::Missed { peer });
        let name = self.petname(peer);
        let noted = self.people.change(peer, |contact| {
            contact.missed_calls = contact.missed_calls.saturating_add(1);
            contact.last = Some((sentences::MISSED_CALL.into(), unix_seconds()));
        });
        if let Err(error) = noted {
            self.notices.error(&error);
        }
        if !silent && !quiet {
            self.notices.show(NoticeKind::Info, sentences::rings_too_often(&name));
        }
        false
    }

    /// Whether these are the hours in which nothing rings.
    fn is_quiet(&self) -> bool {
        let minute = self.conversations.minute_of_day(unix_seconds() * 1000);
        self.people.settings.quiet_hours.is_some_and(|hours| hours.cover(minute))
    }

    /// Whether `command` may begin a call now. If the person has to say first what of their address it may show, it waits.
    pub(super) fn may_call(&mut self, command: &Command, calls: &Calls) -> bool {
        let asking = match command {
            Command::Call { key, media } if !calls.in_call() => Asking::Call { peer: *key, media: *media },
            Command::Accept { media, .. } => match calls.view(self).filter(|call| call.stage == CallStage::Incoming) {
                Some(call) => Asking::Accept { peer: call.peer, call: call.id, media: *media },
                None => return true,
            },
            _ => return true,
        };
        self.asking = None;
        let asks = self.people.accepted(asking.peer()).is_some_and(|contact| contact.candidates == Candidates::Ask);
        if asks && self.link_mode() != LinkMode::Never {
            self.asking = Some(asking);
            return false;
        }
        self.our_address(asking.peer()) == OurAddress::Shown || self.has_relay(asking.peer())
    }

    /// What a call with `peer` may show of our address, until the person says otherwise: no more than was chosen for them.
    pub(super) fn our_address(&self, peer: PublicKey) -> OurAddress {
        let chosen = self.people.accepted(peer).is_some_and(|contact| contact.candidates == Candidates::All);
        if self.network.is_echo(peer) || chosen && self.link_mode() != LinkMode::Never {
            OurAddress::Shown
        } else {
            OurAddress::Hidden
        }
    }

    /// The person's answer to the question.
    pub(super) async fn share_address(&mut self, share: Option<bool>, calls: &mut Calls, now: Instant) {
        let Some(asking) = self.asking.take().filter(|asking| self.still_asks(*asking, calls)) else { return };
        let Some(share) = share else { return };
        if !share && !self.has_relay(asking.peer()) {
            return;
        }
        let address = if share { OurAddress::Shown } else { OurAddress::Hidden };
        match asking {
            Asking::Call { peer, media } => calls.dial(self, peer, media, address, now).await,
            Asking::Accept { media, .. } => calls.accept(self, media, address, now),
        }
    }

    fn still_asks(&self, asking: Asking, calls: &Calls) -> bool {
        let call = calls.view(self);
        asking.holds(call.as_ref().map(|call| (call.peer, call.id, &call.stage)))
    }

    /// A call that may only go through a relay needs one, and says so before anybody waits for it.
    fn has_relay(&mut self, peer: PublicKey) -> bool {
        let has = self.relays_calls();
        if !has {
            let name = self.petname(peer);
            self.notices.say(NoticeKind::Error, &sentences::needs_relay(&name));
        }
        has
    }

    /// Whether a call can do without an address of ours: over a TURN server, or over a link that shows none.
    fn relays_calls(&self) -> bool {
        self.link_mode() != LinkMode::Direct || self.options.network.ice_servers.iter().any(|server| server.starts_with("turn"))
    }

    fn link_mode(&self) -> LinkMode {
        self.options.network.mode.unwrap_or(self.people.settings.link_mode)
    }

    pub(super) fn address_question(&self, calls: &Calls) -> Option<AddressQuestion> {
        let asking = self.asking.filter(|asking| self.still_asks(*asking, calls))?;
        let (peer, incoming) = (asking.peer(), matches!(asking, Asking::Accept { .. }));
        Some(AddressQuestion { peer, name: self.petname(peer), incoming, relay: self.relays_calls() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::media::clock::MediaTime;

    #[test]
    fn an_answer_is_for_the_call_that_was_seen_and_for_no_other() {
        let [ana, bo] = [(); 2].map(|()| Identity::generate().public());
        let [hers, his] = [CallId([1; 16]), CallId([2; 16])];
        let answers = |call| {
            [
                Command::Accept { call, media: CallMedia::Video },
                Command::Decline { call },
                Command::DeclineWith { call, body: "In ten minutes.".into() },
            ]
        };
        for answer in answers(Some(hers)) {
            assert_eq!(meant(answer.clone(), Some((ana, hers))), Some(answer.clone()));
            assert_eq!(meant(answer.clone(), Some((bo, his))), None, "she gave up, and he rings");
            assert_eq!(meant(answer.clone(), Some((ana, his))), None, "she calls again, perhaps for something else");
            assert_eq!(meant(answer, None), None);
        }
        for answer in answers(None) {
            assert_eq!(meant(answer.clone(), Some((bo, his))), Some(answer), "a script answers whichever rings");
        }
    }

    #[test]
    fn calling_whoever_calls_is_accepting_with_what_was_asked_for() {
        let [ana, bo] = [(); 2].map(|()| Identity::generate().public());
        let call = CallId([1; 16]);
        let dial = |key| Command::Call { key, media: CallMedia::Audio };
        let accept = Command::Accept { call: Some(call), media: CallMedia::Audio };
        assert_eq!(meant(dial(ana), Some((ana, call))), Some(accept));
        assert_eq!(meant(dial(bo), Some((ana, call))), Some(dial(bo)), "which is refused: there is one call at a time");
        assert_eq!(meant(dial(ana), None), Some(dial(ana)));
    }

    #[test]
    fn the_word_on_one_callers_call_accepts_no_other_callers() {
        let [ana, bo] = [(); 2].map(|()| Identity::generate().public());
        let [first, second] = [7, 9].map(|byte| Some(CallId([byte; 16])));
        let accept = Asking::Accept { peer: ana, call: first, media: CallMedia::Video };
        assert!(accept.holds(Some((ana, first, &CallStage::Incoming))));
        assert!(!accept.holds(Some((ana, second, &CallStage::Incoming))), "she gave up, and rings again");
        assert!(!accept.holds(Some((bo, second, &CallStage::Incoming))), "she gave up, and he rings");
        assert!(!accept.holds(Some((ana, first, &CallStage::Active { since: MediaTime::now() }))) && !accept.holds(None));
    }

    #[test]
    fn the_word_on_a_call_of_ours_is_void_once_there_is_another_call() {
        let [ana, bo] = [(); 2].map(|()| Identity::generate().public());
        let call = Asking::Call { peer: ana, media: CallMedia::Audio };
        assert!(call.holds(None));
        assert!(call.holds(Some((bo, None, &CallStage::Ended { result: String::new(), lasted: None }))));
        assert!(!call.holds(Some((bo, None, &CallStage::Incoming))) && !call.holds(Some((ana, None, &CallStage::Incoming))));
    }
}
