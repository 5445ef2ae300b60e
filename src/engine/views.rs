//! The parts of a snapshot that show people.

use super::core::{Core, unix_seconds};
use super::sentences;
use super::snapshot::{Candidates, ContactView, InvitationView, RequestView, SentRequest};
use crate::contacts::{Contact, ContactState, Hint, names};
use crate::signal::link::same_relay;

impl Core {
    /// Echo first, then by name.
    pub(super) fn contact_views(&self) -> Vec<ContactView> {
        let mut views: Vec<ContactView> = self
            .people
            .contacts
            .iter()
            .map(|contact| ContactView {
                key: contact.key,
                petname: contact.petname.clone(),
                echo: false,
                online: self.network.online(contact.key)
                    && self.conversations.shows_presence(contact.key, self.people.settings.show_presence),
                verified: contact.verified.is_some(),
                blocked: contact.state == ContactState::Blocked,
                last: contact.last.clone(),
                missed_calls: contact.missed_calls,
                verified_by: contact.verified.map(|verified| (verified.by, verified.when)),
                candidates: contact.candidates,
                silent: contact.silent,
                relay: self.foreign_relay(contact),
                warning: self.people.look_alike(contact.key),
            })
            .collect();
        views.sort_by_cached_key(|view| (view.petname.to_lowercase(), view.key));
        if let Some(key) = self.network.echo_key() {
            let echo = ContactView {
                key,
                petname: names::ECHO.into(),
                echo: true,
                online: true,
                verified: true,
                blocked: false,
                last: None,
                missed_calls: 0,
                verified_by: None,
                candidates: Candidates::All,
                silent: false,
                relay: None,
                warning: None,
            };
            views.insert(0, echo);
        }
        views
    }

    /// A relay that a contact is reached through and that is none of ours, and whether it may be used.
    fn foreign_relay(&self, contact: &Contact) -> Option<(String, bool)> {
        let named = contact.hints.iter().find_map(|hint| match hint {
            Hint::Relay(url) if !self.network.uses_relay(url) => Some(url),
            _ => None,
        })?;
        let approved = contact.approved_relays.iter().any(|known| same_relay(known, named));
        Some((named.clone(), approved))
    }

    pub(super) fn request_views(&self) -> Vec<RequestView> {
        let view = |pending: &crate::contacts::PendingRequest| RequestView {
            key: pending.key,
            proposed_name: pending.proposed_name.clone(),
            invitation: pending.invitation.clone(),
            warning: self.people.warning(pending),
        };
        self.people.pending.iter().map(view).collect()
    }

    pub(super) fn sent_views(&self) -> Vec<SentRequest> {
        let view = |sent: &crate::contacts::SentKnock| SentRequest {
            name: sent.petname.clone().unwrap_or_else(|| sent.invitation.name.clone()),
            asks_relay: self.relay_to_ask_for(sent.invitation.knock_id),
            knock_id: sent.invitation.knock_id,
            status: match (sent.pending, self.network.knocks.cannot_reach(sent.invitation.knock_id)) {
                _ if self.relay_to_ask_for(sent.invitation.knock_id).is_some() => sentences::REQUEST_ASKS_RELAY.into(),
                (true, _) => sentences::REQUEST_ARRIVED.into(),
                (false, true) => sentences::REQUEST_UNREACHABLE.into(),
                (false, false) => sentences::REQUEST_LEAVES.into(),
            },
        };
        self.people.sent.iter().map(view).collect()
    }

    pub(super) fn invitation_view(&self) -> Option<InvitationView> {
        let knock_id = self.network.shown_invitation?;
        let open = self.people.invitations.iter().find(|open| open.invitation.knock_id == knock_id)?;
        let expires = u64::from(open.invitation.expires);
        let used = self.people.pending.iter().any(|request| request.knock_id == knock_id);
        (expires > unix_seconds()).then(|| InvitationView { text: open.invitation.encode(), expires, used })
    }
}
