//! What is wished of a call, by a person, by the settings, or by what the process was started to do.

use std::time::Instant;

use anyhow::anyhow;

use super::{CODECS, Calls};
use crate::call::{CallSecrets, Dial, Input};
use crate::contacts::VerifiedBy;
use crate::engine::command::{CallMedia, Command};
use crate::engine::core::{Core, unix_seconds};
use crate::engine::current::{Current, Switches};
use crate::engine::event::What;
use crate::engine::screening::OurAddress;
use crate::engine::sentences;
use crate::engine::snapshot::{CallStage, NoticeKind};
use crate::identity::PublicKey;
use crate::settings::Settings;
use crate::signal::message::{CallId, MediaKind};
use crate::transport::LocalSecrets;

impl Calls {
    /// A wish about a call.
    pub async fn command(&mut self, core: &mut Core, command: Command, now: Instant) {
        match command {
            Command::Call { key, media } => self.dial(core, key, media, core.our_address(key), now).await,
            Command::Accept { media, .. } => {
                let Some(address) = self.current.as_ref().map(|current| current.address) else { return };
                self.accept(core, media, address, now);
            }
            Command::Silence => {
                if let Some(current) = &mut self.current {
                    current.silence();
                }
            }
            Command::Decline { .. } => self.feed(core, Input::Decline, now),
            Command::HangUp if self.current.is_none() => self.farewell = None,
            Command::HangUp => self.feed(core, Input::HangUp, now),
            Command::SetMicrophone { on } => self.switch(core, |switches| switches.microphone = on, now),
            Command::SetCamera { on } => self.switch(core, |switches| switches.camera = on, now),
            Command::WordsAgree { agree: false } => self.feed(core, Input::WordsDiffer, now),
            Command::WordsAgree { agree: true } => {
                if let Some(current) = self.current.as_ref().filter(|current| !current.echo && current.words.is_some())
                    && let Err(error) = core.people.verify(current.peer, VerifiedBy::Words, unix_seconds())
                {
                    core.notices.error(&error);
                }
            }
            _ => {}
        }
    }

    /// Calls somebody.
    pub(in crate::engine) async fn dial(
        &mut self,
        core: &mut Core,
        peer: PublicKey,
        media: CallMedia,
        address: OurAddress,
        now: Instant,
    ) {
        if self.current.is_some() {
            return core.notices.failed(&anyhow!("you are in a call already; end it first"));
        }
        let echo = core.network.is_echo(peer);
        if echo && let Err(error) = core.network.start_echo(&core.people).await {
            return core.notices.failed(&error);
        }
        let lowest_suite = match core.people.accepted(peer) {
            Some(contact) => contact.lowest_suite,
            None if echo => 0,
            None => return core.notices.failed(&anyhow!("only contacts can be called; add this person first")),
        };
        core.close_device_check();
        core.scan(false, true);
        self.farewell = None;
        self.current = Some(Current::dialing(core, peer, media, address));
        let dial = Dial {
            peer,
            media: media.into(),
            call: CallId::generate(),
            secrets: self.fresh_secrets(),
            spare: self.fresh_secrets(),
            linked: core.network.online(peer),
            lowest_suite,
        };
        self.feed(core, Input::Dial(Box::new(dial)), now);
        self.feed(core, self.switches_input(), now);
    }

    /// Accepts the call that rings, if one does.
    pub(in crate::engine) fn accept(&mut self, core: &mut Core, media: CallMedia, address: OurAddress, now: Instant) {
        let Some(current) = self.current.as_mut().filter(|current| current.stage == CallStage::Incoming) else { return };
        core.close_device_check();
        core.scan(false, true);
        current.answer_with(core, media, address);
        let lowest_suite = core.people.accepted(current.peer).map_or(0, |contact| contact.lowest_suite);
        let secrets = self.fresh_secrets();
        self.feed(core, Input::Accept { media: media.into(), secrets, lowest_suite }, now);
        self.feed(core, self.switches_input(), now);
    }

    /// A call follows a change of the chosen devices, and of how one is heard.
    pub fn settings_changed(&mut self, core: &mut Core, before: &Settings, now: Instant) {
        if let Some(current) = &self.current
            && let Some(session) = &current.session
            && let Err(error) = session.choose_devices(current.switches, &core.options.media, before, &core.people.settings)
        {
            core.notices.say(NoticeKind::Error, &sentences::microphone_not_changed(&error));
        }
        if is_held_from_now_on(before, &core.people.settings, core.has_window()) {
            self.switch(core, |switches| switches.microphone = false, now);
        }
    }

    /// What the process was started to do at a time of the call.
    pub(super) fn planned(&mut self, core: &mut Core, now: Instant) {
        let Some(current) = &mut self.current else { return };
        let due = current.take_due(now);
        if due.mute {
            self.switch(core, |switches| switches.microphone = false, now);
        }
        if due.camera_off {
            self.switch(core, |switches| switches.camera = false, now);
        }
        if due.hang_up {
            self.feed(core, Input::HangUp, now);
        }
    }

    /// Turns a source on or off: here at once, there by the next control message.
    fn switch(&mut self, core: &mut Core, change: impl FnOnce(&mut Switches), now: Instant) {
        let Some(current) = &mut self.current else { return };
        let before = current.switches;
        change(&mut current.switches);
        let after = current.switches;
        if let Some(session) = &mut current.session {
            session.apply(before, after, &core.options.media, &core.people.settings);
        }
        if before.microphone != after.microphone {
            core.notices.tell(What::Muted { remote: false, muted: !after.microphone });
        }
        if before.camera != after.camera {
            core.notices.tell(What::Camera { remote: false, on: after.camera });
        }
        self.feed(core, after.into(), now);
    }

    fn fresh_secrets(&mut self) -> CallSecrets {
        let secrets = LocalSecrets::generate();
        let description = secrets.description(CODECS.to_vec());
        self.secrets.push(secrets);
        CallSecrets::generate(description)
    }
}

impl From<CallMedia> for MediaKind {
    fn from(media: CallMedia) -> Self {
        Self { video: media == CallMedia::Video }
    }
}

/// Whether a key has to be held to be heard, and did not have to before the settings changed.
fn is_held_from_now_on(before: &Settings, after: &Settings, window: bool) -> bool {
    window && after.push_to_talk && !before.push_to_talk
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_to_talk_that_is_turned_on_in_a_call_switches_the_microphone_off_and_turned_off_leaves_it() {
        let settings = |push_to_talk| Settings { push_to_talk, ..Settings::default() };
        assert!(is_held_from_now_on(&settings(false), &settings(true), true));
        assert!(!is_held_from_now_on(&settings(true), &settings(false), true));
        assert!(!is_held_from_now_on(&settings(true), &settings(true), true), "whoever talks just now goes on");
        assert!(!is_held_from_now_on(&settings(false), &settings(true), false), "without a window nobody holds a key");
    }
}
