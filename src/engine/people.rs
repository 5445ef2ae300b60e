//! Whom I know: what the store keeps, in memory for the views, and what each change asks of the link.
//!
//! Every change is on the disk before anybody is told of it, and the copies here are read back from there.

mod meeting;

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};

use super::event::What;
use super::sentences;
use crate::contacts::{
    Contact, ContactState, OpenInvitation, PendingRequest, Profile, ProfileError, SentKnock, Store, StoreError, Verified,
    VerifiedBy, names,
};
use crate::conversation::Meanwhile;
use crate::identity::seal::SealKey;
use crate::identity::{Identity, PublicKey};
use crate::settings::Settings;
use crate::signal::link::same_relay;

pub use meeting::{Welcome, Welcomed};

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

    /// The sentence that the name of an unverified contact deserves while it rings: it looks like somebody else's.
    pub fn look_alike(&self, key: PublicKey) -> Option<String> {
        let contact = self.accepted(key).filter(|contact| contact.verified.is_none())?;
        let others = || self.contacts.iter().filter(|other| other.key != key);
        let likeness = likeness(&contact.petname, others()).or_else(|| likeness(&contact.proposed_name, others()))?;
        Some(sentences::caller_looks_like(&likeness))
    }

    /// Somebody whom the person shut out.
    fn blocked(&self, key: PublicKey) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.key == key && contact.state == ContactState::Blocked)
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

    /// Uses a relay that this contact named, or does not, and does not ask about it again.
    pub fn approve_relay(&mut self, key: PublicKey, relay: String, approve: bool) -> Result<Vec<Effect>> {
        self.change(key, |contact| answer_relay(contact, relay, approve))?;
        Ok(vec![Effect::Admit(key)])
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

/// How many relays a contact can make us use, and of how many it is known that they shall not. The oldest answer goes first.
const MAX_APPROVED: usize = 4;
const MAX_REFUSED: usize = 16;

/// Notes whether a relay that a contact named may be used, in the place of what was said of it before.
fn answer_relay(contact: &mut Contact, relay: String, approve: bool) {
    let Contact { approved_relays: approved, refused_relays: refused, .. } = contact;
    for known in [&mut *approved, &mut *refused] {
        known.retain(|known| !same_relay(known, &relay));
    }
    let (answered, most) = if approve { (approved, MAX_APPROVED) } else { (refused, MAX_REFUSED) };
    if answered.len() >= most {
        answered.remove(0);
    }
    answered.push(relay);
}

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
