//! What the links tell the engine, and what changes of people ask of the links.

use std::time::Instant;

use anyhow::Result;

use super::calls::Calls;
use super::core::{Core, unix_seconds};
use super::event::What;
use super::network::peer;
use super::people::Effect;
use super::snapshot::NoticeKind;
use crate::settings::Settings;
use crate::signal::link::LinkEvent;

impl Core {
    /// What a link tells.
    pub(super) async fn link_event(&mut self, event: LinkEvent, calls: &mut Calls, now: Instant) {
        match event {
            LinkEvent::Up { peer, .. } => {
                self.network.set_online(peer, true);
                calls.link_up(self, peer, now);
                self.talk_begins(peer, now);
            }
            LinkEvent::Down { peer } => {
                self.network.set_online(peer, false);
                self.talk_ends(peer, now);
            }
            LinkEvent::Unreachable { peer, why } => {
                tracing::info!("a contact could not be reached: {why}");
                calls.unreachable(self, peer, now);
            }
            LinkEvent::Message { peer, message, .. } => {
                let known = self.network.is_echo(peer) || self.people.accepted(peer).is_some();
                if known
                    && self.screen(peer, &message, calls, now)
                    && let Some(message) = self.talk_message(peer, message, now)
                {
                    calls.message(self, peer, message, now);
                }
            }
            LinkEvent::PeerHints { peer, hints } => {
                if self.people.accepted(peer).is_some_and(|contact| contact.hints != hints) {
                    let changed = self.people.change(peer, |contact| contact.hints = hints);
                    self.told(changed.map(|()| vec![Effect::Admit(peer)]));
                }
            }
            LinkEvent::Knocked(knocked) => self.knocked(knocked),
            LinkEvent::KnockDone { invitation, knocker } => {
                // Locked, it is asked again at the end of the invitation, which then does no harm.
                if !self.people.is_locked() {
                    let effects = self.people.welcomed(invitation, knocker);
                    self.told(effects);
                }
            }
            LinkEvent::KnockAnswered { invitation, outcome } => self.knock_answered(invitation, outcome, now),
            LinkEvent::NoDiscovery { why } => tracing::info!("computers on this network cannot be discovered: {why}"),
            LinkEvent::Malformed { peer } => tracing::info!("{peer:?} sent bytes that are no message"),
            LinkEvent::ReachChanged(_) => self.reach_changed(now),
        }
    }

    /// Who was looked for in vain while we were away may be there.
    fn reach_changed(&mut self, now: Instant) {
        if self.network.reach_changed(now) {
            self.network.look_for(&self.people, &self.options);
        }
    }

    /// Serves the settings from now on.
    pub(super) fn change_settings(&mut self, settings: Settings, calls: &mut Calls, now: Instant) {
        let before = self.people.settings.clone();
        if let Err(error) = self.people.set_settings(settings) {
            return self.notices.error(&error);
        }
        let after = &self.people.settings;
        if (&before.reach, before.link_mode, before.lan_discovery) != (&after.reach, after.link_mode, after.lan_discovery) {
            self.network.outdated = true;
        }
        if before.show_presence != after.show_presence {
            self.say_about_us_to_all();
        }
        self.device_check_follows(&before);
        calls.settings_changed(self, &before, now);
    }

    /// What is due by the clock: knocks, the end of Echo, what has expired, who may have come online.
    pub(super) fn network_due(&mut self, now: Instant) {
        self.knock_where_due(now);
        self.network.stop_echo_where_due(now);
        // An event may have been left out, and a relay that was to be back at once may not be.
        self.reach_changed(now);
        if self.network.take_round(now) {
            // A locked profile forgets nothing: it cannot.
            if !self.people.is_locked() {
                let effects = self.people.expire(unix_seconds());
                self.told(effects);
            }
            self.network.look_for(&self.people, &self.options);
        }
    }

    /// Carries out what a change of people asks for.
    pub(super) fn told(&mut self, effects: Result<Vec<Effect>>) {
        match effects {
            Ok(effects) => effects.into_iter().for_each(|effect| self.perform(effect)),
            Err(error) => self.notices.error(&error),
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Admit(key) => {
                if let (Some(link), Some(peer)) = (self.network.link(), self.people.accepted(key).and_then(peer)) {
                    link.set_peer(peer);
                }
            }
            Effect::Shut(key) => {
                self.network.set_online(key, false);
                self.talk_is_over(key);
                if let Some(link) = self.network.link() {
                    link.remove_peer(key);
                }
            }
            Effect::Unserve(knock_id) => {
                if let Some(link) = self.network.link() {
                    link.close_invitation(knock_id);
                }
            }
            Effect::Knock(knock_id) => self.network.knocks.begin(knock_id, Instant::now()),
            Effect::Tell(what) => {
                if let What::Warning { text, .. } | What::RequestFailed { text } = &what {
                    self.notices.show(NoticeKind::Warning, text.clone());
                }
                self.notices.tell(what);
            }
        }
    }
}
