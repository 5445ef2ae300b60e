//! Whom I know: what the store keeps, in memory for the views, and what each change asks of the link.
//!
//! Every change is on the disk before anybody is told of it, and the copies here are read back from there.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::event::What;
use super::sentences;
use crate::contacts::{
    Admission, Contact, ContactState, Hint, Invitation, Knock, OpenInvitation, PairSecret, PendingRequest, Profile, ProfileError,
    SentKnock, Store, StoreError, Verified, VerifiedBy, names,
};
use crate::conversation::Meanwhile;
use crate::identity::seal::SealKey;
use crate::identity::{Identity, PublicKey};
use crate::settings::Settings;

/// The contacts, invitations and requests of a profile.
pub struct People {
    pub identity: Identity,
    pub name: String,
    pub contacts: Vec<Contact>,
    pub invitations: Vec<OpenInvitation>,
    pub pending: Vec<PendingRequest>,
    pub sent: Vec<SentKnock>,
    pub settings: Settings,
    /// Absent for Echo, which keeps nothing.
    pub(super) profile: Option<Profile>,
}

/// What a change of people asks of the engine.
#[derive(Debug, Clone)]
pub enum Effect {
    /// This contact may connect, with the secret and the hints it has now.
    Admit(PublicKey),
    /// Nobody of this key may connect any more; close what is open.
    Shut(PublicKey),
    /// Stop serving the invitation of this knock id.
    Unserve(PublicKey),
    /// Knock with the invitation of this knock id, now.
    Knock(PublicKey),
    Tell(What),
}

impl People {
    /// Takes everything out of an open profile.
    pub fn load(profile: Profile) -> Result<Self> {
        let store = profile.store().ok_or(ProfileError::Locked)?;
        Ok(Self {
            identity: Identity::from_secret(&profile.identity.secret()),
            name: profile.name.clone(),
            contacts: store.contacts()?,
            invitations: store.open_invitations()?,
            pending: store.pending_requests()?,
            sent: store.sent_knocks()?,
            settings: store.settings()?,
            profile: Some(profile),
        })
    }

    /// The people of Echo: one contact, nothing kept.
    pub fn echo(identity: Identity, only: Contact) -> Self {
        Self {
            identity,
            name: names::ECHO.into(),
            contacts: vec![only],
            invitations: Vec::new(),
            pending: Vec::new(),
            sent: Vec::new(),
            settings: Settings::default(),
            profile: None,
        }
    }

    /// Where messages are kept, and what they are sealed under; absent for Echo, and while the profile is locked.
    pub fn message_place(&self) -> Option<(PathBuf, SealKey)> {
        self.profile.as_ref().and_then(|profile| Some((profile.path().to_owned(), profile.message_key()?)))
    }

    /// Where calls are kept that end while the library is not open; absent for Echo.
    pub fn calls_meanwhile(&self) -> Option<Meanwhile> {
        self.profile.as_ref().map(|profile| Meanwhile::open(profile.path(), profile.calls_key()))
    }

    /// A contact who may call and be called.
    pub fn accepted(&self, key: PublicKey) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.key == key && contact.state == ContactState::Accepted)
    }

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

    /// The sentence that the name of an unverified contact deserves while it rings: it looks like somebody else's.
    pub fn look_alike(&self, key: PublicKey) -> Option<String> {
        let contact = self.accepted(key).filter(|contact| contact.verified.is_none())?;
        let others = || self.contacts.iter().filter(|other| other.key != key);
        let likeness = likeness(&contact.petname, others()).or_else(|| likeness(&contact.proposed_name, others()))?;
        Some(sentences::caller_looks_like(&likeness))
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

    /// Somebody whom the person shut out.
    fn blocked(&self, key: PublicKey) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.key == key && contact.state == ContactState::Blocked)
    }

    /// The invitation that we asked with turns out to be of somebody who is blocked.
    fn ask_no_more(&mut self, knock_id: PublicKey, blocked: &str) -> Result<Welcomed> {
        let text = sentences::invited_by_blocked(blocked);
        self.keep(|store| store.remove_sent_knock(&knock_id))?;
        Ok(Welcomed { kept: false, effects: vec![Effect::Tell(What::RequestFailed { text })] })
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
        let contact = match self.contacts.iter().find(|known| known.key == key) {
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
        let mut contact = contact;
        if sent.approved_relay {
            for url in sent.invitation.relays() {
                if !contact.approved_relays.iter().any(|known| known == url) {
                    contact.approved_relays.push(url.to_owned());
                }
            }
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

    pub fn rename(&mut self, key: PublicKey, name: &str) -> Result<Vec<Effect>> {
        let name = names::clean(name);
        if name.is_empty() {
            bail!("a name needs at least one letter");
        }
        let others: Vec<Contact> = self.contacts.iter().filter(|contact| contact.key != key).cloned().collect();
        if names::free_petname(&name, &others) != name {
            bail!("somebody else has this name already; choose another one");
        }
        self.change(key, |contact| contact.petname = name)?;
        Ok(Vec::new())
    }

    /// Shuts a contact out, and lets go what they ask under whatever name.
    pub fn block(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        self.change(key, Contact::block)?;
        self.keep(|store| store.refuse_request(&key))?;
        Ok(vec![Effect::Shut(key)])
    }

    /// Ends a block. The secret went with it, so there is nothing to go back to: whoever it was is no contact, until invited again.
    pub fn unblock(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        if self.blocked(key).is_none() {
            bail!("this contact is not blocked");
        }
        self.remove(key)
    }

    /// Notes that it was made sure whose key this is.
    pub fn verify(&mut self, key: PublicKey, by: VerifiedBy, now: u64) -> Result<Vec<Effect>> {
        self.change(key, |contact| contact.verified = Some(Verified { when: now, by }))?;
        Ok(Vec::new())
    }

    /// Takes the mark back.
    pub fn unverify(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        self.change(key, |contact| contact.verified = None)?;
        Ok(Vec::new())
    }

    /// Uses a relay that this contact named, or no longer.
    pub fn approve_relay(&mut self, key: PublicKey, relay: String, approve: bool) -> Result<Vec<Effect>> {
        self.change(key, |contact| {
            contact.approved_relays.retain(|known| *known != relay);
            if approve && contact.approved_relays.len() < MAX_APPROVED {
                contact.approved_relays.push(relay);
            }
        })?;
        Ok(vec![Effect::Admit(key)])
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

    pub fn remove(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        self.keep(|store| store.remove_contact(&key))?;
        Ok(vec![Effect::Shut(key)])
    }

    /// Changes a contact.
    pub fn change(&mut self, key: PublicKey, change: impl FnOnce(&mut Contact)) -> Result<()> {
        let contact = self.contacts.iter().find(|contact| contact.key == key);
        let mut contact = contact.cloned().ok_or_else(|| anyhow!("there is no such contact"))?;
        change(&mut contact);
        if self.is_locked() {
            // Noted on what little is known of them, and kept when the profile is unlocked.
            self.contacts.iter_mut().filter(|known| known.key == key).for_each(|known| *known = contact.clone());
            return Ok(());
        }
        self.keep(|store| store.put_contact(&contact))?;
        Ok(())
    }

    /// Changes what we call ourselves.
    pub fn set_name(&mut self, name: &str) -> Result<()> {
        let Some(profile) = &mut self.profile else { return Ok(()) };
        profile.set_name(name)?;
        self.name.clone_from(&profile.name);
        Ok(())
    }

    /// Keeps the settings.
    pub fn set_settings(&mut self, settings: Settings) -> Result<()> {
        self.keep(|store| store.put_settings(&settings))?;
        self.settings = settings;
        Ok(())
    }

    /// Writes, then reads back what views show. Echo has nothing to write to.
    pub(super) fn keep<T>(&mut self, write: impl FnOnce(&Store) -> Result<T, StoreError>) -> Result<Option<T>> {
        let Some(profile) = &self.profile else { return Ok(None) };
        let store = profile.store().ok_or(ProfileError::Locked)?;
        let written = write(store)?;
        self.contacts = store.contacts()?;
        self.invitations = store.open_invitations()?;
        self.pending = store.pending_requests()?;
        self.sent = store.sent_knocks()?;
        Ok(Some(written))
    }
}

/// How many relays a contact can make us use.
const MAX_APPROVED: usize = 4;

/// What is suspicious in a name that somebody proposes, seen beside the names of `others`.
fn likeness<'a>(name: &str, others: impl Iterator<Item = &'a Contact>) -> Option<String> {
    if let Some(similar) = names::similar_to(name, others) {
        return Some(sentences::looks_like(name, &similar.petname, similar.verified.is_some()));
    }
    if names::is_reserved(name) {
        return Some(sentences::looks_like_echo(name));
    }
    names::mixes_scripts(name).then(|| sentences::mixes_alphabets(name))
}

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

#[cfg(test)]
mod tests {
    use super::*;

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
