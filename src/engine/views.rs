//! The parts of a snapshot that show people.

use super::core::Core;
use super::people::People;
use super::sentences;
use super::snapshot::{Candidates, ContactView, InvitationUse, InvitationView, RequestView, SentRequest};
use crate::contacts::{Contact, ContactState, Hint, OpenInvitation, names};
use crate::identity::PublicKey;
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
            made: self.people.invitation(pending.knock_id).map(|open| open.made),
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
}

impl People {
    /// Our invitation with this knock id.
    fn invitation(&self, knock_id: PublicKey) -> Option<&OpenInvitation> {
        self.invitations.iter().find(|open| open.invitation.knock_id == knock_id)
    }

    /// Our invitations that are open at `now` (Unix seconds), newest first. A locked profile shows none.
    pub(super) fn invitation_views(&self, now: u64) -> Vec<InvitationView> {
        let used = |open: &OpenInvitation| {
            if open.invitation.one_use && !open.accepted.is_empty() {
                InvitationUse::Accepted
            } else if self.pending.iter().any(|request| request.knock_id == open.invitation.knock_id) {
                InvitationUse::Asked
            } else {
                InvitationUse::Unused
            }
        };
        let view = |open: &OpenInvitation| InvitationView {
            knock_id: open.invitation.knock_id,
            text: open.invitation.encode(),
            expires: u64::from(open.invitation.expires),
            label: open.label.clone(),
            made: open.made,
            used: used(open),
        };
        self.invitations.iter().rev().filter(|open| open.invitation.check(now).is_ok()).map(view).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::contacts::{Knock, Profile};
    use crate::identity::Identity;

    fn people(folder: &Path) -> People {
        People::load(Profile::create(&folder.join("ana"), "Ana", None).unwrap()).unwrap()
    }

    fn labels(people: &People, now: u64) -> Vec<String> {
        people.invitation_views(now).into_iter().map(|view| view.label).collect()
    }

    #[test]
    fn another_invitation_leaves_the_first_open_and_so_does_withdrawing_it_and_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = people(folder.path());
        let [bo, cem] = [("Bo", 1), ("Cem", 2)].map(|(label, made)| OpenInvitation::new("Ana", vec![], label, true, made, 1_000));
        people.invited(&bo).unwrap();
        people.invited(&cem).unwrap();
        assert_eq!(labels(&people, 3), ["Cem", "Bo"]);
        people.withdraw(cem.invitation.knock_id).unwrap();
        assert_eq!(labels(&people, 3), ["Bo"]);
        drop(people);
        let again = People::load(Profile::open(&folder.path().join("ana"), None).unwrap()).unwrap();
        assert_eq!(labels(&again, 3), ["Bo"]);
        assert_eq!(again.invitation_views(3)[0].text, bo.invitation.encode());
        assert_eq!(labels(&again, 1_000), [""; 0], "one that has expired is open to nobody");
    }

    #[test]
    fn an_invitation_says_what_became_of_it_until_it_has_done_its_work() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = people(folder.path());
        let open = OpenInvitation::new("Ana", vec![], "", true, 1, 1_000);
        let knock_id = open.invitation.knock_id;
        people.invited(&open).unwrap();
        let used = |people: &People| people.invitation_views(3)[0].used;
        assert_eq!(used(&people), InvitationUse::Unused);
        let knocker = Identity::generate().public();
        people.knocked(&Knock { knock_id, knocker, name: "Bo".into(), hints: vec![], k1: [0; 32] }, 2).unwrap();
        assert_eq!(used(&people), InvitationUse::Asked);
        people.accept(knocker, None, 2).unwrap();
        assert_eq!(used(&people), InvitationUse::Accepted);
        people.welcomed(knock_id, knocker).unwrap();
        assert_eq!(people.invitation_views(3), []);
    }
}
