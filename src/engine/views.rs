//! The parts of a snapshot that show people.

use super::core::{Core, unix_seconds};
use super::snapshot::{ContactView, InvitationView, RequestView, SentRequest};
use crate::contacts::{ContactState, names};

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
            };
            views.insert(0, echo);
        }
        views
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
            label: sent.petname.clone().unwrap_or_else(|| sent.invitation.name.clone()),
            status: match (sent.pending, self.network.knocks.cannot_reach(sent.invitation.knock_id)) {
                (true, _) => "They have your request and have not answered yet".into(),
                (false, true) => {
                    "Not reachable yet; trying again. They need to be online, on your network or with a relay".into()
                }
                (false, false) => "Sending your request…".into(),
            },
        };
        self.people.sent.iter().map(view).collect()
    }

    pub(super) fn invitation_view(&self) -> Option<InvitationView> {
        let knock_id = self.network.shown_invitation?;
        let open = self.people.invitations.iter().find(|open| open.invitation.knock_id == knock_id)?;
        let expires = u64::from(open.invitation.expires);
        (expires > unix_seconds()).then(|| InvitationView { text: open.invitation.encode(), expires })
    }
}
