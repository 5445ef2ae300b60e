//! What computers tell each other about themselves: whether their person shows that they are online, and which Vesper runs.

use std::time::Instant;

use super::Conversations;
use crate::contacts::ContactState;
use crate::conversation::version::is_newer;
use crate::engine::core::Core;
use crate::engine::sentences;
use crate::engine::snapshot::NoticeKind;
use crate::identity::PublicKey;
use crate::signal::message::{About, Message};

/// This program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Conversations {
    /// Whether `peer` shows that they are online. Who hides learns it of nobody.
    pub fn shows_presence(&self, peer: PublicKey, we_show: bool) -> bool {
        we_show && !self.hidden.contains(&peer)
    }
}

impl Core {
    /// Tells `peer` about us.
    pub(super) fn say_about_us(&mut self, peer: PublicKey) {
        let shows_presence = self.people.settings.show_presence;
        self.network.send(peer, Message::About(About { shows_presence, version: VERSION.into() }));
    }

    /// Tells everybody who is connected, as after a change of the setting.
    pub(in crate::engine) fn say_about_us_to_all(&mut self) {
        let contacts = self.people.contacts.iter().filter(|contact| contact.state == ContactState::Accepted);
        let online: Vec<_> = contacts.map(|contact| contact.key).filter(|key| self.network.online(*key)).collect();
        online.into_iter().for_each(|peer| self.say_about_us(peer));
    }

    /// `peer` is there and says what it is. Somebody who says so again may have been locked before: what waits is sent again.
    pub(super) fn heard_about(&mut self, peer: PublicKey, about: &About, now: Instant) {
        let talk = &mut self.conversations;
        if about.shows_presence {
            talk.hidden.remove(&peer);
        } else {
            talk.hidden.insert(peer);
        }
        if is_newer(&about.version, talk.newer.as_deref().unwrap_or(VERSION)) {
            talk.newer = Some(about.version.clone());
            let text = sentences::newer_exists(&self.petname(peer), &about.version, VERSION);
            self.notices.show(NoticeKind::Info, text);
        }
        let again = !self.conversations.heard.insert(peer);
        if let Some(outbox) = self.conversations.outboxes.get_mut(&peer).filter(|outbox| again && !outbox.is_empty()) {
            outbox.linked();
            self.send_what_waits(now);
        }
    }
}
