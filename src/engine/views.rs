//! The parts of a snapshot that show people.

use super::core::Core;
use super::people::People;
use super::sentences;
use super::snapshot::{Candidates, ContactView, InvitationUse, InvitationView, RelayAnswer, RequestView, SentRequest};
use crate::contacts::{Contact, ContactState, Hint, OpenInvitation, names};
use crate::identity::PublicKey;
use crate::signal::link::{is_relay_url, same_relay};

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
                relay: foreign_relay(contact, |url| self.network.uses_relay(url)),
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

/// A relay that a contact is reached through and that is none of ours, and what was said to that. One that was refused gives way to
/// another that they name.
fn foreign_relay(contact: &Contact, is_ours: impl Fn(&str) -> bool) -> Option<(String, RelayAnswer)> {
    let is_among = |answered: &[String], url: &str| answered.iter().any(|known| same_relay(known, url));
    let answer = |url: &str| {
        if is_among(&contact.approved_relays, url) {
            RelayAnswer::Approved
        } else if is_among(&contact.refused_relays, url) {
            RelayAnswer::Refused
        } else {
            RelayAnswer::Open
        }
    };
    let named = contact.hints.iter().filter_map(|hint| match hint {
        // What is no address of a relay could not be used, whatever was said.
        Hint::Relay(url) if is_relay_url(url) && !is_ours(url) => Some((url.clone(), answer(url))),
        _ => None,
    });
    named.min_by_key(|(_, answer)| *answer == RelayAnswer::Refused)
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
    use crate::contacts::{Knock, PairSecret, Profile};
    use crate::identity::Identity;

    fn people(folder: &Path) -> People {
        People::load(Profile::create(&folder.join("ana"), "Ana", None).unwrap()).unwrap()
    }

    #[test]
    fn a_relay_that_was_refused_is_not_offered_again_however_it_is_written_and_another_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = people(folder.path());
        let relays = |urls: &[&str]| urls.iter().map(|url| Hint::Relay((*url).into())).collect::<Vec<_>>();
        let named = |people: &People| {
            let relay = foreign_relay(&people.contacts[0], |url| url == "https://ours.example/");
            relay.map(|(url, answer)| (url.trim_end_matches('/').to_owned(), answer))
        };
        let told = |url: &str, answer| Some((url.to_owned(), answer));
        let (theirs, other) = ("https://theirs.example", "https://other.example");
        let bo = Contact::new(Identity::generate().public(), Some("Bo"), "Bo", PairSecret::generate(), vec![], 0);
        people.keep(|store| store.put_contact(&bo)).unwrap();
        let hear = |people: &mut People, urls: &[&str]| {
            people.change(bo.key, |contact| contact.hints = relays(urls)).unwrap();
            named(people)
        };
        assert_eq!(hear(&mut people, &["https://ours.example/", "https://no relay"]), None);
        assert_eq!(hear(&mut people, &[theirs]), told(theirs, RelayAnswer::Open));
        people.approve_relay(bo.key, theirs.into(), false).unwrap();
        // At the next connection.
        assert_eq!(hear(&mut people, &["https://theirs.example/"]), told(theirs, RelayAnswer::Refused));
        assert_eq!(hear(&mut people, &[theirs, other]), told(other, RelayAnswer::Open));
        people.approve_relay(bo.key, "https://theirs.example/".into(), true).unwrap();
        assert_eq!(hear(&mut people, &[theirs, other]), told(theirs, RelayAnswer::Approved), "a mind can be changed");
        people.approve_relay(bo.key, theirs.into(), false).unwrap();
        assert_eq!(people.contacts[0].approved_relays, [""; 0], "also back");
        (0..40).for_each(|n| drop(people.approve_relay(bo.key, format!("https://{n}.example"), n % 2 == 0)));
        assert_eq!((people.contacts[0].approved_relays.len(), people.contacts[0].refused_relays.len()), (4, 16));
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
