//! What becomes of a knock whose proof held: the rules by which somebody with an invitation of ours becomes a contact.
//!
//! Each step is on the disk before its answer may leave, so that a crash never lets a one-use invitation make two contacts.

use super::{Contact, ContactState, Hint, OpenInvitation, PairSecret, PendingRequest, Store, StoreError, names};
use crate::identity::PublicKey;

/// How many requests may wait for our answer, over all invitations.
pub const MAX_PENDING: usize = 20;
/// How many may wait for one invitation.
pub const MAX_PENDING_PER_INVITATION: usize = 3;

/// A knock as it arrived, its proof and signature already verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Knock {
    pub knock_id: PublicKey,
    pub knocker: PublicKey,
    /// What they call themselves, as sent.
    pub name: String,
    pub hints: Vec<Hint>,
    /// SHA-256 of the knock.
    pub k1: [u8; 32],
}

/// How to answer a knock.
#[derive(Debug, PartialEq)]
pub enum Admission {
    /// It waits for the person.
    Pending,
    /// The invitation has ended, or is not for them.
    Gone,
    /// Answer as if gone, and tell the person: somebody else was accepted through this one-use invitation, so one of the two is
    /// not whom they meant.
    UsedUp,
    /// They are a contact: this is the secret to share.
    Ok(PairSecret),
}

impl Store {
    /// Takes in a knock at `now` (Unix seconds) and says how to answer it. Knocking again is what a knocker does until answered.
    pub fn knocked(&self, knock: &Knock, now: u64) -> Result<Admission, StoreError> {
        let Some(mut open) = self.open_invitation(&knock.knock_id)?.filter(|open| open.invitation.check(now).is_ok()) else {
            return Ok(Admission::Gone);
        };
        let contact = self.contact(&knock.knocker)?;
        let blocked = contact.as_ref().is_some_and(|contact| contact.state == ContactState::Blocked);
        if blocked || open.refused.contains(&knock.knocker) {
            return Ok(Admission::Gone);
        }
        if open.accepted.contains(&knock.knocker) {
            return Ok(contact.and_then(|contact| contact.pair_secret).map_or(Admission::Gone, Admission::Ok));
        }
        let is_new = !open.used_by.contains(&knock.knocker);
        let twice = open.note_knock(knock.knocker) && open.invitation.one_use;
        if !open.is_open(now) {
            self.put_open_invitation(&open)?;
            return Ok(if is_new { Admission::UsedUp } else { Admission::Gone });
        }
        let (known, others): (Vec<_>, Vec<_>) =
            self.pending_requests()?.into_iter().partition(|request| request.key == knock.knocker);
        let (here, elsewhere): (Vec<_>, Vec<_>) = others.into_iter().partition(|request| request.knock_id == knock.knock_id);
        // One too many is told to wait like the rest, and gets in with a later knock when there is room.
        let full = here.len() >= MAX_PENDING_PER_INVITATION || here.len() + elsewhere.len() >= MAX_PENDING;
        if full && known.is_empty() {
            return Ok(Admission::Pending);
        }
        let request = PendingRequest {
            key: knock.knocker,
            proposed_name: names::clean(&knock.name),
            hints: knock.hints.clone(),
            knock_id: knock.knock_id,
            invitation: open.label.clone(),
            twice,
            k1: knock.k1,
            since: known.first().map_or(now, |request| request.since),
        };
        self.change(|changes| {
            changes.put(&open)?;
            changes.put(&request)?;
            here.into_iter().filter(|_| twice).try_for_each(|other| changes.put(&PendingRequest { twice, ..other }))
        })?;
        Ok(Admission::Pending)
    }

    /// The person accepts: a contact with a new secret, in one step with what it uses up. `None` if the request has gone, or the
    /// invitation has ended so that no answer would reach them: it takes a new one.
    ///
    /// Somebody who is a contact already keeps their petname and marks, and gets a new secret.
    pub fn accept_request(&self, key: &PublicKey, petname: Option<&str>, now: u64) -> Result<Option<Contact>, StoreError> {
        let (request, others): (Vec<_>, Vec<_>) = self.pending_requests()?.into_iter().partition(|request| request.key == *key);
        let Some(request) = request.into_iter().next() else { return Ok(None) };
        let Some(mut open) = self.open_invitation(&request.knock_id)?.filter(|open| open.is_open(now)) else {
            self.remove_pending_request(key)?;
            return Ok(None);
        };
        open.accepted.push(*key);
        let contact = match self.contact(key)? {
            Some(known) => Contact {
                pair_secret: Some(PairSecret::generate()),
                hints: request.hints,
                proposed_name: request.proposed_name,
                state: ContactState::Accepted,
                ..known
            },
            None => {
                let petname = petname.map_or_else(|| names::default_petname(&request.proposed_name), str::to_owned);
                let petname = names::free_petname(&petname, &self.contacts()?);
                Contact::new(*key, Some(&petname), &request.proposed_name, PairSecret::generate(), request.hints, now)
            }
        };
        let used_up = |other: &PendingRequest| open.invitation.one_use && other.knock_id == request.knock_id;
        self.change(|changes| {
            changes.put(&contact)?;
            changes.put(&open)?;
            changes.remove::<PendingRequest>(key.as_bytes())?;
            others
                .iter()
                .filter(|other| used_up(other))
                .try_for_each(|other| changes.remove::<PendingRequest>(other.key.as_bytes()))
        })?;
        Ok(Some(contact))
    }

    /// The person refuses: further knocks of theirs with this invitation are answered as if it had ended.
    pub fn refuse_request(&self, key: &PublicKey) -> Result<(), StoreError> {
        let request = self.pending_requests()?.into_iter().find(|request| request.key == *key);
        let open = request.map(|request| self.open_invitation(&request.knock_id)).transpose()?.flatten();
        self.change(|changes| {
            if let Some(mut open) = open {
                open.refused.push(*key);
                changes.put(&open)?;
            }
            changes.remove::<PendingRequest>(key.as_bytes())
        })
    }

    /// The knocker has heard that they were accepted: a one-use invitation is over, and is forgotten.
    pub fn knock_done(&self, knock_id: &PublicKey, knocker: &PublicKey) -> Result<(), StoreError> {
        match self.open_invitation(knock_id)? {
            Some(open) if open.invitation.one_use && open.accepted.contains(knocker) => self.remove_open_invitation(knock_id),
            _ => Ok(()),
        }
    }

    /// Forgets an invitation of ours, with the requests that wait for it.
    pub fn withdraw_invitation(&self, knock_id: &PublicKey) -> Result<(), StoreError> {
        let waiting = self.pending_requests()?;
        self.change(|changes| {
            changes.remove::<OpenInvitation>(knock_id.as_bytes())?;
            let mut theirs = waiting.iter().filter(|request| request.knock_id == *knock_id);
            theirs.try_for_each(|request| changes.remove::<PendingRequest>(request.key.as_bytes()))
        })
    }

    /// Forgets our invitations that have ended by `now`, with the requests that waited for them. Returns their knock ids.
    pub fn remove_ended_invitations(&self, now: u64) -> Result<Vec<PublicKey>, StoreError> {
        let ended = |open: &OpenInvitation| open.invitation.check(now).is_err();
        let ended: Vec<PublicKey> =
            self.open_invitations()?.into_iter().filter(ended).map(|open| open.invitation.knock_id).collect();
        let waiting = self.pending_requests()?;
        self.change(|changes| {
            ended.iter().try_for_each(|knock_id| changes.remove::<OpenInvitation>(knock_id.as_bytes()))?;
            let mut orphans = waiting.iter().filter(|request| ended.contains(&request.knock_id));
            orphans.try_for_each(|request| changes.remove::<PendingRequest>(request.key.as_bytes()))
        })?;
        Ok(ended)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use zeroize::Zeroizing;

    use super::*;
    use crate::identity::Identity;

    fn store(folder: &Path) -> Store {
        let (path, key) = (folder.join("contacts.redb"), Zeroizing::new([1; 32]));
        if path.exists() { Store::open(&path, &key).unwrap() } else { Store::create(&path, &key).unwrap() }
    }

    fn invite(store: &Store, one_use: bool) -> PublicKey {
        let open = OpenInvitation::new("Me", vec![], "for Bo", one_use, 0, 1_000);
        store.put_open_invitation(&open).unwrap();
        open.invitation.knock_id
    }

    fn knock(knock_id: PublicKey, name: &str) -> Knock {
        Knock { knock_id, knocker: Identity::generate().public(), name: name.into(), hints: vec![], k1: [0; 32] }
    }

    #[test]
    fn a_knock_waits_for_the_person_and_then_gets_the_secret_until_it_was_heard() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let bo = knock(invite(&store, true), "Bo\u{202e}");
        assert_eq!(store.knocked(&bo, 1).unwrap(), Admission::Pending);
        assert_eq!(store.knocked(&bo, 6).unwrap(), Admission::Pending);
        let waiting = store.pending_requests().unwrap();
        assert_eq!((waiting.len(), waiting[0].proposed_name.as_str(), waiting[0].since, waiting[0].twice), (1, "Bo", 1, false));

        let contact = store.accept_request(&bo.knocker, Some("Bobby"), 7).unwrap().unwrap();
        assert_eq!(contact.petname, "Bobby");
        assert_eq!(store.pending_requests().unwrap(), []);
        for _ in 0..2 {
            assert_eq!(store.knocked(&bo, 999).unwrap(), Admission::Ok(contact.pair_secret.clone().unwrap()));
        }
        store.knock_done(&bo.knock_id, &bo.knocker).unwrap();
        assert_eq!(store.knocked(&bo, 999).unwrap(), Admission::Gone);
    }

    #[test]
    fn two_knocks_on_a_one_use_invitation_warn_and_yield_one_contact_across_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path());
        let invitation = invite(&first, true);
        let (bo, eve, late) = (knock(invitation, "Bo"), knock(invitation, "Bo"), knock(invitation, "Bo"));
        first.knocked(&bo, 1).unwrap();
        drop(first);
        let second = store(folder.path());
        second.knocked(&eve, 2).unwrap();
        assert!(second.pending_requests().unwrap().iter().all(|request| request.twice));
        let contact = second.accept_request(&bo.knocker, None, 3).unwrap().unwrap();
        drop(second);
        let third = store(folder.path());
        assert_eq!(third.accept_request(&eve.knocker, None, 4).unwrap(), None);
        assert_eq!(third.knocked(&eve, 4).unwrap(), Admission::Gone);
        assert_eq!(third.knocked(&late, 5).unwrap(), Admission::UsedUp);
        assert_eq!(third.knocked(&late, 6).unwrap(), Admission::Gone);
        assert_eq!(third.knocked(&bo, 7).unwrap(), Admission::Ok(contact.pair_secret.clone().unwrap()));
        assert_eq!(third.contacts().unwrap(), [contact]);
    }

    #[test]
    fn many_may_use_an_invitation_that_is_not_for_one_but_only_three_wait_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let invitation = invite(&store, false);
        let knocks: Vec<Knock> = (0..4).map(|_| knock(invitation, "Bo")).collect();
        for knock in &knocks {
            assert_eq!(store.knocked(knock, 1).unwrap(), Admission::Pending);
        }
        let waiting = store.pending_requests().unwrap();
        assert_eq!((waiting.len(), waiting.iter().any(|request| request.twice)), (3, false));
        let petnames = knocks[..2].iter().map(|knock| store.accept_request(&knock.knocker, None, 2).unwrap().unwrap().petname);
        assert_eq!(petnames.collect::<Vec<_>>(), ["Bo", "Bo 2"]);
        store.knocked(&knocks[3], 3).unwrap();
        assert_eq!(store.pending_requests().unwrap().len(), 2);
    }

    #[test]
    fn whoever_is_refused_blocked_or_too_late_hears_only_that_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let invitation = invite(&store, false);
        let (refused, blocked, late) = (knock(invitation, "R"), knock(invitation, "B"), knock(invitation, "L"));
        store.knocked(&refused, 1).unwrap();
        store.refuse_request(&refused.knocker).unwrap();
        assert_eq!(store.knocked(&refused, 2).unwrap(), Admission::Gone);
        assert_eq!(store.pending_requests().unwrap(), []);

        let mut contact = Contact::new(blocked.knocker, None, "B", PairSecret::generate(), vec![], 0);
        contact.block();
        store.put_contact(&contact).unwrap();
        assert_eq!(store.knocked(&blocked, 2).unwrap(), Admission::Gone);

        store.knocked(&late, 999).unwrap();
        assert_eq!(store.knocked(&late, 1_000).unwrap(), Admission::Gone);
        assert_eq!(store.accept_request(&late.knocker, None, 1_000).unwrap(), None);
        assert_eq!(store.pending_requests().unwrap(), []);
        let nobody = Identity::generate().public();
        assert_eq!(store.knocked(&knock(nobody, "N"), 1).unwrap(), Admission::Gone);
    }

    #[test]
    fn a_contact_who_knocks_again_keeps_their_petname_and_gets_a_new_secret() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let bo = knock(invite(&store, true), "Bo");
        let before = Contact::new(bo.knocker, Some("Bobby"), "Bo", PairSecret::generate(), vec![], 0);
        store.put_contact(&before).unwrap();
        store.knocked(&bo, 1).unwrap();
        let after = store.accept_request(&bo.knocker, None, 2).unwrap().unwrap();
        assert_eq!((after.petname.as_str(), after.added), ("Bobby", 0));
        assert_ne!(after.pair_secret, before.pair_secret);
    }

    #[test]
    fn nobody_becomes_a_contact_under_the_start_of_a_key_unless_we_choose_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let invitation = invite(&store, false);
        let accept = |petname| {
            let digits = knock(invitation, "DeadBeef");
            store.knocked(&digits, 1).unwrap();
            store.accept_request(&digits.knocker, petname, 2).unwrap().unwrap().petname
        };
        assert_eq!([accept(None), accept(None), accept(Some("deadbeef"))], ["Contact", "Contact 2", "deadbeef"]);
    }

    #[test]
    fn invitations_that_have_ended_go_with_the_requests_that_waited() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let bo = knock(invite(&store, true), "Bo");
        store.knocked(&bo, 1).unwrap();
        assert_eq!(store.remove_ended_invitations(999).unwrap(), []);
        assert_eq!(store.remove_ended_invitations(1_000).unwrap(), [bo.knock_id]);
        assert!(store.open_invitations().unwrap().is_empty() && store.pending_requests().unwrap().is_empty());
    }
}
