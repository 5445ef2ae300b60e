//! How somebody becomes a contact: invitations of ours and the requests that come by them, and our requests by those of others.

use anyhow::{Result, bail};

use super::{Effect, People, answer_relay, likeness};
use crate::contacts::{
    Admission, Contact, ContactState, Hint, Invitation, Knock, OpenInvitation, PairSecret, PendingRequest, SentKnock, names,
};
use crate::engine::event::What;
use crate::engine::sentences;
use crate::identity::PublicKey;

/// What became of an answer to our request.
#[derive(Debug)]
pub struct Welcomed {
    /// They are a contact, on the disk, and may be told that it is so.
    pub kept: bool,
    pub effects: Vec<Effect>,
}

/// What the answer to our request brought.
#[derive(Debug)]
pub struct Welcome {
    pub key: PublicKey,
    pub name: String,
    pub hints: Vec<Hint>,
    pub secret: PairSecret,
}

impl People {
    /// Keeps a new invitation.
    pub fn invited(&mut self, invitation: &OpenInvitation) -> Result<()> {
        self.keep(|store| store.put_open_invitation(invitation))?;
        Ok(())
    }

    /// Takes an invitation back, and with it the requests that came by it: no answer could reach whoever sent them.
    pub fn withdraw(&mut self, knock_id: PublicKey) -> Result<Vec<Effect>> {
        self.keep(|store| store.withdraw_invitation(&knock_id))?;
        Ok(vec![Effect::Unserve(knock_id)])
    }

    /// Takes back what has expired, ours and theirs.
    pub fn expire(&mut self, now: u64) -> Result<Vec<Effect>> {
        let ended = self.keep(|store| store.remove_ended_invitations(now))?.unwrap_or_default();
        let mut effects: Vec<Effect> = ended.into_iter().map(Effect::Unserve).collect();
        let expired = self.sent.iter().map(|sent| &sent.invitation).filter(|invitation| invitation.check(now).is_err());
        for knock_id in expired.map(|invitation| invitation.knock_id).collect::<Vec<_>>() {
            effects.extend(self.gone(knock_id)?);
        }
        Ok(effects)
    }

    /// Somebody holds an invitation of ours.
    pub fn knocked(&mut self, knock: &Knock, now: u64) -> Result<(Admission, Vec<Effect>)> {
        let known: Vec<PublicKey> = self.pending.iter().map(|pending| pending.key).collect();
        let admission = self.keep(|store| store.knocked(knock, now))?.unwrap_or(Admission::Gone);
        let mut tell = None;
        if admission == Admission::UsedUp {
            let text = sentences::OURS_USED_TWICE.into();
            tell = Some(What::Warning { text, cause: None });
        } else if let Some(request) = self.pending.iter().find(|request| !known.contains(&request.key)) {
            let warning = self.warning(request);
            tell = Some(What::Request { peer: request.key, name: request.proposed_name.clone(), warning });
        }
        Ok((admission, tell.into_iter().map(Effect::Tell).collect()))
    }

    /// The sentence that a request deserves before it is accepted.
    pub fn warning(&self, request: &PendingRequest) -> Option<String> {
        if request.twice {
            return Some(sentences::USED_TWICE.into());
        }
        if let Some(known) = self.contacts.iter().find(|contact| contact.key == request.key) {
            return Some(sentences::known_already(&known.petname));
        }
        let others = self.contacts.iter().filter(|contact| contact.key != request.key);
        likeness(&request.proposed_name, others).map(|likeness| sentences::request_looks_like(&likeness))
    }

    /// Makes a contact of a request. They hear it at their next knock. To let somebody back in who is blocked takes more than a name
    /// that they chose themselves: the block has to end first.
    pub fn accept(&mut self, key: PublicKey, petname: Option<&str>, now: u64) -> Result<Vec<Effect>> {
        if let Some(blocked) = self.blocked(key) {
            bail!("this request is from {}, whom you blocked; unblock them first, then invite them again", blocked.petname);
        }
        match self.keep(|store| store.accept_request(&key, petname, now))?.flatten() {
            Some(contact) => Ok(vec![Effect::Admit(contact.key)]),
            None => bail!("this request has ended; send the person a new invitation"),
        }
    }

    /// Lets a request go; whoever sent it learns only that the invitation is no longer valid.
    pub fn refuse(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        self.keep(|store| store.refuse_request(&key))?;
        Ok(Vec::new())
    }

    /// They heard that they were accepted: a one-use invitation has done its work.
    pub fn welcomed(&mut self, knock_id: PublicKey, key: PublicKey) -> Result<Vec<Effect>> {
        let serves = |people: &Self| people.invitations.iter().any(|open| open.invitation.knock_id == knock_id);
        let served = serves(self);
        self.keep(|store| store.knock_done(&knock_id, &key))?;
        let told =
            self.accepted(key).map(|contact| What::Contact { peer: key, name: contact.petname.clone(), by: Some(knock_id) });
        let over = (served && !serves(self)).then_some(Effect::Unserve(knock_id));
        Ok(told.filter(|_| served).map(Effect::Tell).into_iter().chain(over).collect())
    }

    /// Sends a request to whoever made the invitation.
    pub fn ask(&mut self, text: &str, petname: Option<String>, now: u64) -> Result<Vec<Effect>> {
        let invitation = Invitation::parse(text)?;
        invitation.check(now)?;
        let knock_id = invitation.knock_id;
        if self.invitations.iter().any(|open| open.invitation.knock_id == knock_id) {
            bail!("this is your own invitation; send it to somebody else");
        }
        if self.sent.iter().all(|sent| sent.invitation.knock_id != knock_id) {
            self.keep(|store| {
                store.put_sent_knock(&SentKnock { invitation, petname, since: now, pending: false, approved_relay: false })
            })?;
        }
        Ok(vec![Effect::Knock(knock_id)])
    }

    /// Uses the relay that the invitation of a request of ours names, or forgets the request.
    pub fn approve_request_relay(&mut self, knock_id: PublicKey, approve: bool) -> Result<Vec<Effect>> {
        let Some(sent) = self.sent.iter().find(|sent| sent.invitation.knock_id == knock_id).cloned() else {
            return Ok(Vec::new());
        };
        if approve {
            self.keep(|store| store.put_sent_knock(&SentKnock { approved_relay: true, ..sent }))?;
            return Ok(vec![Effect::Knock(knock_id)]);
        }
        self.keep(|store| store.remove_sent_knock(&knock_id))?;
        Ok(Vec::new())
    }

    /// They have our request and have not decided.
    pub fn waiting(&mut self, knock_id: PublicKey) -> Result<()> {
        let Some(sent) = self.sent.iter().find(|sent| sent.invitation.knock_id == knock_id && !sent.pending) else {
            return Ok(());
        };
        let sent = SentKnock { pending: true, ..sent.clone() };
        self.keep(|store| store.put_sent_knock(&sent))?;
        Ok(())
    }

    /// Our request was refused, or its invitation is used up or expired.
    pub fn gone(&mut self, knock_id: PublicKey) -> Result<Vec<Effect>> {
        self.keep(|store| store.remove_sent_knock(&knock_id))?;
        let text = sentences::INVITATION_ENDED.into();
        Ok(vec![Effect::Tell(What::RequestFailed { text })])
    }

    /// Our request was accepted. Whoever is blocked does not come back by an invitation under another name.
    pub fn welcome(&mut self, knock_id: PublicKey, welcome: Welcome, now: u64) -> Result<Welcomed> {
        let Welcome { key, name, hints, secret } = welcome;
        let Some(sent) = self.sent.iter().find(|sent| sent.invitation.knock_id == knock_id) else {
            return Ok(Welcomed { kept: false, effects: Vec::new() });
        };
        if let Some(blocked) = self.blocked(key) {
            let petname = blocked.petname.clone();
            return self.ask_no_more(knock_id, &petname);
        }
        // Both accept each other's invitations: each has made a secret, and both take the smaller.
        let crossing = self.invitations.iter().any(|open| open.accepted.contains(&key));
        let mut contact = match self.contacts.iter().find(|known| known.key == key) {
            Some(known) => {
                let ours = known.pair_secret.clone().filter(|ours| crossing && ours.as_bytes() < secret.as_bytes());
                Contact { pair_secret: Some(ours.unwrap_or(secret)), hints, state: ContactState::Accepted, ..known.clone() }
            }
            None => {
                let petname = sent.petname.clone().unwrap_or_else(|| names::default_petname(&name));
                let petname = names::free_petname(&petname, &self.contacts);
                Contact::new(key, Some(&petname), &name, secret, hints, now)
            }
        };
        let is_new = self.contacts.iter().all(|known| known.key != key);
        let alike = is_new.then(|| likeness(&name, self.contacts.iter())).flatten();
        if sent.approved_relay {
            sent.invitation.relays().for_each(|url| answer_relay(&mut contact, url.to_owned(), true));
        }
        self.keep(|store| {
            store.change(|changes| {
                changes.put(&contact)?;
                changes.remove::<PendingRequest>(key.as_bytes())?;
                changes.remove::<SentKnock>(knock_id.as_bytes())
            })
        })?;
        let warned = alike.map(|likeness| {
            let text = sentences::contact_looks_like(&likeness, &contact.petname);
            Effect::Tell(What::Warning { text, cause: None })
        });
        let told = [Effect::Admit(key), Effect::Tell(What::Contact { peer: key, name: contact.petname, by: None })];
        Ok(Welcomed { kept: true, effects: told.into_iter().chain(warned).collect() })
    }

    /// The invitation that we asked with turns out to be of somebody who is blocked.
    fn ask_no_more(&mut self, knock_id: PublicKey, blocked: &str) -> Result<Welcomed> {
        let text = sentences::invited_by_blocked(blocked);
        self.keep(|store| store.remove_sent_knock(&knock_id))?;
        Ok(Welcomed { kept: false, effects: vec![Effect::Tell(What::RequestFailed { text })] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::Profile;
    use crate::identity::Identity;

    fn with_mallory(folder: &std::path::Path) -> (People, PublicKey) {
        let profile = Profile::create(folder, "Ana", None).unwrap();
        let mallory = Contact::new(Identity::generate().public(), Some("Mallory"), "M", PairSecret::generate(), vec![], 0);
        profile.store().unwrap().put_contact(&mallory).unwrap();
        (People::load(profile).unwrap(), mallory.key)
    }

    #[test]
    fn an_invitation_under_another_name_lets_nobody_back_in_who_is_blocked() {
        let folder = tempfile::tempdir().unwrap();
        let (mut people, mallory) = with_mallory(folder.path());
        people.block(mallory).unwrap();
        let posing = OpenInvitation::new("Bo", vec![], "", true, 0, u64::from(u32::MAX));
        people.ask(&posing.invitation.encode(), None, 1).unwrap();
        let welcome = Welcome { key: mallory, name: "Bo".into(), hints: vec![], secret: PairSecret::generate() };
        let Welcomed { kept, effects } = people.welcome(posing.invitation.knock_id, welcome, 2).unwrap();
        assert!(!kept, "they are not told that it worked");
        assert!(
            matches!(&effects[..], [Effect::Tell(What::RequestFailed { text })] if text.contains("Mallory, whom you blocked"))
        );
        assert!(people.blocked(mallory).is_some_and(|contact| contact.pair_secret.is_none()) && people.sent.is_empty());
    }

    #[test]
    fn a_request_under_another_name_lets_nobody_back_in_who_is_blocked() {
        let folder = tempfile::tempdir().unwrap();
        let (mut people, mallory) = with_mallory(folder.path());
        let open = OpenInvitation::new("Ana", vec![], "for Bo", true, 0, u64::from(u32::MAX));
        let knock_id = open.invitation.knock_id;
        people.invited(&open).unwrap();
        let knock = Knock { knock_id, knocker: mallory, name: "Bo".into(), hints: vec![], k1: [0; 32] };
        people.knocked(&knock, 1).unwrap();
        let warning = people.warning(&people.pending[0]).unwrap();
        assert!(warning.contains("Mallory, whom you know already"), "{warning}");
        people.block(mallory).unwrap();
        assert!(people.pending.is_empty(), "what they asked before is let go");
        assert_eq!(people.knocked(&knock, 2).unwrap().0, Admission::Gone);
        // One that was kept by an earlier Vesper.
        let request = PendingRequest {
            key: mallory,
            proposed_name: "Bo".into(),
            hints: vec![],
            knock_id,
            invitation: "for Bo".into(),
            twice: false,
            k1: [0; 32],
            since: 1,
        };
        people.keep(|store| store.put_pending_request(&request)).unwrap();
        let error = people.accept(mallory, None, 3).unwrap_err().to_string();
        assert!(error.contains("Mallory, whom you blocked"), "{error}");
        assert!(people.blocked(mallory).is_some());
    }
}
