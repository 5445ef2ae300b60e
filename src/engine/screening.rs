//! What stands between a contact's call and the bell, and between a click and a call: silence, the limit of rings, and what of
//! our address this call may show.

use std::time::Instant;

use super::calls::Calls;
use super::command::Command;
use super::core::{Core, unix_seconds};
use super::event::What;
use super::options::AutoAccept;
use super::rings::Verdict;
use super::snapshot::{AddressQuestion, CallStage, NoticeKind};
use crate::contacts::Candidates;
use crate::conversation::{Call, Outcome};
use crate::identity::PublicKey;
use crate::settings::LinkMode;
use crate::signal::message::Message;

/// A call that waits for the person's word on their address.
pub struct Asking {
    peer: PublicKey,
    command: Command,
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
        if !calls.in_call() {
            // Until a person says otherwise: nobody learns more of our address than was chosen for them.
            self.relayed_call = contact.candidates != Candidates::All;
        }
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
            contact.last = Some(("Missed call".into(), unix_seconds()));
        });
        if let Err(error) = noted {
            self.notices.error(&error);
        }
        if !silent && !quiet {
            self.notices
                .show(NoticeKind::Info, format!("{name} called several times; further calls are only noted for a minute."));
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
        let peer = match command {
            Command::Call { key, .. } if !calls.in_call() => *key,
            Command::Accept { .. } => match calls.view(self).filter(|call| call.stage == CallStage::Incoming) {
                Some(call) => call.peer,
                None => return true,
            },
            _ => return true,
        };
        self.asking = None;
        self.relayed_call = false;
        let Some(contact) = self.people.accepted(peer) else { return true };
        let mode = self.options.network.mode.unwrap_or(self.people.settings.link_mode);
        match (mode, contact.candidates) {
            (LinkMode::Never, _) => self.relayed_call = true,
            (_, Candidates::All) => return true,
            (_, Candidates::RelayOnly) => self.relayed_call = true,
            (_, Candidates::Ask) => {
                self.asking = Some(Asking { peer, command: command.clone() });
                return false;
            }
        }
        self.has_relay(peer)
    }

    /// The person's answer to the question.
    pub(super) async fn share_address(&mut self, share: Option<bool>, calls: &mut Calls, now: Instant) {
        let Some(Asking { peer, command }) = self.asking.take() else { return };
        let Some(share) = share else { return };
        self.relayed_call = !share;
        if share || self.has_relay(peer) {
            calls.command(self, command, now).await;
        }
    }

    /// A call that may only go through a relay needs one, and says so before anybody waits for it.
    fn has_relay(&mut self, peer: PublicKey) -> bool {
        let has = self.has_turn();
        if !has {
            let name = self.petname(peer);
            let text = format!(
                "A call with {name} may only go through a relay, and none for calls is set. Start Vesper with --ice-server turn:…, or let this contact learn your address."
            );
            self.notices.say(NoticeKind::Error, &text);
        }
        has
    }

    fn has_turn(&self) -> bool {
        self.options.network.ice_servers.iter().any(|server| server.starts_with("turn"))
    }

    pub(super) fn address_question(&self) -> Option<AddressQuestion> {
        let Asking { peer, command } = self.asking.as_ref()?;
        let incoming = matches!(command, Command::Accept { .. });
        Some(AddressQuestion { peer: *peer, name: self.petname(*peer), incoming, relay: self.has_turn() })
    }
}
