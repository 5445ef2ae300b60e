//! What a person or a script asks of the engine, and whether it may be asked now.

use std::time::Instant;

use super::{Core, unix_seconds};
use crate::contacts::VerifiedBy;
use crate::engine::calls::Calls;
use crate::engine::command::Command;
use crate::engine::people::Effect;
use crate::engine::request::{Line, Reply, Request};
use crate::engine::snapshot::NoticeKind;
use crate::engine::words::in_words;
use crate::engine::{screening, sentences};
use crate::media::clock::MediaTime;

impl Core {
    pub(super) async fn command(&mut self, command: Command, calls: &mut Calls, now: Instant) {
        let unix = unix_seconds();
        let Some(command) = screening::meant(command, calls.ringing()) else { return };
        if self.people.is_locked() && !may_while_locked(&command) {
            return self.notices.show(NoticeKind::Info, sentences::UNLOCK_FIRST.into());
        }
        if !self.may_call(&command, calls) {
            return;
        }
        let effects = match command {
            Command::CreateProfile { .. } | Command::Restore { .. } | Command::Quit | Command::Wipe => return,
            Command::Unlock { passphrase } => return self.unlock(passphrase),
            Command::Lock => return self.lock(),
            Command::ChangePassphrase { current, new } => return self.change_passphrase(current, new),
            Command::Export { file, passphrase } => return self.export(file, passphrase),
            Command::ShowNumber { key } => return self.show_number(key),
            Command::HideNumber => return self.hide_number(),
            Command::ScanCode { on } => return self.scan(on, calls.in_call()),
            Command::SetVerified { key, verified: true } => self.people.verify(key, VerifiedBy::Number, unix),
            Command::SetVerified { key, verified: false } => self.people.unverify(key),
            Command::WordsAgree { agree: false } => {
                // Whoever is there is not whom we verified.
                let peer = calls.view(self).filter(|call| !call.echo).map(|call| call.peer);
                let unmarked = peer.filter(|peer| self.people.accepted(*peer).is_some()).map(|peer| self.people.unverify(peer));
                calls.command(self, command, now).await;
                unmarked.unwrap_or(Ok(Vec::new()))
            }
            Command::SetCandidates { key, candidates } => {
                self.people.change(key, |contact| contact.candidates = candidates).map(|()| Vec::new())
            }
            Command::SetSilent { key, silent } => self.people.change(key, |contact| contact.silent = silent).map(|()| Vec::new()),
            Command::ApproveRelay { key, relay, approve } => self.people.approve_relay(key, relay, approve),
            Command::ApproveRequestRelay { knock_id, approve } => self.people.approve_request_relay(knock_id, approve),
            Command::ShareAddress { share } => return self.share_address(share, calls, now).await,
            Command::Invite { hours, label } => {
                if let Err(error) = self.invite(u64::from(hours) * 3600, &label).await {
                    self.notices.error(&error);
                }
                return;
            }
            Command::WithdrawInvitation { knock_id } => self.people.withdraw(knock_id),
            Command::AddContact { invitation, petname } => self.people.ask(&invitation, petname, unix),
            Command::AcceptRequest { key, petname } => self.people.accept(key, petname.as_deref(), unix),
            Command::RefuseRequest { key } => self.people.refuse(key),
            Command::Rename { key, petname } => self.people.rename(key, &petname),
            Command::Block { key } => self.people.block(key),
            Command::Remove { key } => self.people.remove(key),
            Command::Unblock { key } => {
                let (name, unblocked) = (self.petname(key), self.people.unblock(key));
                if unblocked.is_ok() {
                    self.notices.show(NoticeKind::Info, sentences::unblocked(&name));
                }
                unblocked
            }
            Command::ChangeSettings { settings } => return self.change_settings(*settings, calls, now),
            Command::DismissNotice { id } => return self.notices.shown.retain(|notice| notice.id != id),
            Command::SetName { name } => self.people.set_name(&name).map(|()| Vec::new()),
            Command::RefreshDevices => return self.look_at_devices(),
            Command::CheckDevices { on } => return self.check_devices(on, calls.in_call()),
            Command::TestSound { ring } => return self.test_sound(ring),
            Command::DeclineWith { call, body } => {
                let Some((key, _)) = calls.ringing() else { return };
                self.talk_command(Command::Write { key, body }, None, now);
                return calls.command(self, Command::Decline { call }, now).await;
            }
            command @ (Command::Write { .. }
            | Command::WriteInCall { .. }
            | Command::See { .. }
            | Command::DeleteMessage { .. }
            | Command::OpenLink { .. }
            | Command::DeleteConversation { .. }) => {
                let in_call = calls.view(self).map(|call| call.peer);
                return self.talk_command(command, in_call, now);
            }
            command => return calls.command(self, command, now).await,
        };
        match effects {
            Ok(effects) => self.carry_out(effects, calls, now).await,
            Err(error) => self.notices.failed(&error),
        }
    }

    /// Does what a change of people asks for. A call with somebody who is shut out ends first, while they can be told.
    async fn carry_out(&mut self, effects: Vec<Effect>, calls: &mut Calls, now: Instant) {
        let peer = calls.view(self).map(|call| call.peer);
        if effects.iter().any(|effect| matches!(effect, Effect::Shut(key) if Some(*key) == peer)) {
            calls.command(self, Command::HangUp, now).await;
        }
        self.told(Ok(effects));
    }

    /// Answers another command, or the command line itself.
    pub(super) async fn request(&mut self, request: Request, calls: &mut Calls, now: Instant) -> Reply {
        if self.people.is_locked() {
            return Err("the profile is locked; unlock it in its window first".into());
        }
        if let Request::Invite { seconds, accept } = request {
            let open = self.invite(seconds, "").await.map_err(|error| in_words(&error))?;
            if accept {
                self.awaited = Some(open.invitation.knock_id);
            }
            let (text, expires) = (open.invitation.encode(), open.invitation.expires);
            let json = serde_json::json!({"event": "invitation", "unix_us": MediaTime::now().unix_us(), "invitation": text, "expires": expires});
            return Ok(vec![Line::new(json, text)]);
        }
        if request.is_about_messages() {
            return self.answer_about_messages(&request, now);
        }
        let (reply, effects) = self.people.answer(&request, unix_seconds());
        self.carry_out(effects, calls, now).await;
        reply
    }
}

/// What can be asked of a locked engine: to go on with the call there is, to end it, to unlock.
fn may_while_locked(command: &Command) -> bool {
    matches!(
        command,
        Command::Unlock { .. }
            | Command::Lock
            | Command::Decline { .. }
            | Command::Silence
            | Command::HangUp
            | Command::SetMicrophone { .. }
            | Command::SetCamera { .. }
            | Command::DismissNotice { .. }
    )
}
