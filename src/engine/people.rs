//! Whom I know, in memory and on disk together: every change is kept before anybody is told of it.

use anyhow::{Result, anyhow, bail};
use serde_json::json;

use super::event::What;
use super::request::{Line, Reply, Request};
use crate::contacts::{
    Contact, ContactState, Found, Hint, Invitation, MAX_PENDING, MAX_PENDING_PER_INVITATION, OpenInvitation, PairSecret,
    PendingRequest, Profile, SentKnock, Store, StoreError, Verified, VerifiedBy, find, names,
};
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
    profile: Option<Profile>,
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

/// A knock whose proof held.
#[derive(Debug, Clone)]
pub struct Knock {
    pub knock_id: PublicKey,
    pub key: PublicKey,
    pub name: String,
    pub hints: Vec<Hint>,
    pub k1: [u8; 32],
}

/// What a knock is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum KnockReply {
    /// A person has to decide first.
    Pending,
    /// The invitation is used up, expired or unknown; or they are not wanted, which is not said.
    Gone,
    Welcome(PairSecret),
}

impl People {
    /// Takes everything out of an open profile.
    pub fn load(profile: Profile) -> Result<Self> {
        let store = &profile.store;
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

    /// A contact who may call and be called.
    pub fn accepted(&self, key: PublicKey) -> Option<&Contact> {
        self.contacts.iter().find(|contact| contact.key == key && contact.state == ContactState::Accepted)
    }

    /// Answers what another command or the command line itself asks.
    pub fn answer(&mut self, request: &Request, now: u64) -> (Reply, Vec<Effect>) {
        match self.perform(request, now) {
            Ok((lines, effects)) => (Ok(lines), effects),
            Err(error) => (Err(format!("{error:#}")), Vec::new()),
        }
    }

    fn perform(&mut self, request: &Request, now: u64) -> Result<(Vec<Line>, Vec<Effect>)> {
        let effects = match request {
            Request::Id => return Ok((vec![self.id()], Vec::new())),
            Request::List => return Ok((self.list(), Vec::new())),
            Request::Invite { .. } => bail!("an invitation is made by the process that serves it"),
            Request::Accept { id } => self.accept(self.find_request(id)?, None, now)?,
            Request::Rename { id, name } => self.rename(self.find(id)?, name)?,
            Request::Block { id } => self.block(self.find(id)?)?,
            Request::Remove { id } => self.remove(self.find(id)?)?,
            Request::Verify { id } => self.verify(self.find(id)?, VerifiedBy::Number, now)?,
        };
        Ok((Vec::new(), effects))
    }

    /// Keeps a new invitation; the link serves it already.
    pub fn invited(&mut self, invitation: OpenInvitation) -> Result<()> {
        self.keep(|store| store.put_open_invitation(&invitation))?;
        self.invitations.push(invitation);
        Ok(())
    }

    /// Takes an invitation back; requests that came by it stay.
    pub fn withdraw(&mut self, knock_id: PublicKey) -> Result<Vec<Effect>> {
        self.keep(|store| store.remove_open_invitation(&knock_id))?;
        self.invitations.retain(|open| open.invitation.knock_id != knock_id);
        Ok(vec![Effect::Unserve(knock_id)])
    }

    /// Takes back what has expired.
    pub fn expire(&mut self, now: u64) -> Result<Vec<Effect>> {
        let expired = |invitation: &Invitation| u64::from(invitation.expires) <= now;
        let open: Vec<PublicKey> =
            self.invitations.iter().filter(|open| expired(&open.invitation)).map(|open| open.invitation.knock_id).collect();
        let sent: Vec<PublicKey> =
            self.sent.iter().filter(|sent| expired(&sent.invitation)).map(|sent| sent.invitation.knock_id).collect();
        let mut effects = Vec::new();
        for knock_id in open {
            effects.extend(self.withdraw(knock_id)?);
        }
        for knock_id in sent {
            effects.extend(self.gone(knock_id)?);
        }
        Ok(effects)
    }

    /// Somebody holds an invitation of ours. What is answered is on disk first.
    pub fn knocked(&mut self, knock: Knock, now: u64) -> Result<(KnockReply, Vec<Effect>)> {
        let gone = Ok((KnockReply::Gone, Vec::new()));
        let Some(at) = self.invitations.iter().position(|open| open.invitation.knock_id == knock.knock_id) else { return gone };
        let mut open = self.invitations[at].clone();
        if u64::from(open.invitation.expires) <= now || knock.key == self.identity.public() {
            return gone;
        }
        if let Some(contact) = self.contacts.iter().find(|contact| contact.key == knock.key) {
            // Accepted before, by this invitation or another: they have not heard it yet, or lost it.
            return match &contact.pair_secret {
                Some(secret) => Ok((KnockReply::Welcome(secret.clone()), Vec::new())),
                None => gone,
            };
        }
        if let Some(at) = self.pending.iter().position(|pending| pending.key == knock.key) {
            let mut pending = self.pending[at].clone();
            (pending.hints, pending.k1) = (knock.hints, knock.k1);
            self.keep(|store| store.put_pending_request(&pending))?;
            self.pending[at] = pending;
            return Ok((KnockReply::Pending, Vec::new()));
        }
        if !open.used_by.contains(&knock.key) {
            open.used_by.push(knock.key);
        }
        let twice = open.used_by.len() > 1;
        let label = open.label.clone();
        self.keep(|store| store.put_open_invitation(&open))?;
        self.invitations[at] = open;
        if self.invitations[at].invitation.one_use && !self.invitations[at].accepted.is_empty() {
            let text =
                format!("The invitation {label} was used twice: one of them is not whom you meant. Compare safety numbers.");
            return Ok((KnockReply::Gone, vec![Effect::Tell(What::Warning { text })]));
        }
        let by_this = self.pending.iter().filter(|pending| pending.knock_id == knock.knock_id).count();
        if self.pending.len() >= MAX_PENDING || by_this >= MAX_PENDING_PER_INVITATION {
            return gone;
        }
        let pending = PendingRequest {
            key: knock.key,
            proposed_name: names::clean(&knock.name),
            hints: knock.hints,
            knock_id: knock.knock_id,
            invitation: label,
            twice,
            k1: knock.k1,
            since: now,
        };
        self.keep(|store| store.put_pending_request(&pending))?;
        let warning = self.warning(&pending);
        let tell = What::Request { peer: pending.key, name: pending.proposed_name.clone(), warning };
        self.pending.push(pending);
        Ok((KnockReply::Pending, vec![Effect::Tell(tell)]))
    }

    /// The sentence that a request deserves before it is accepted.
    pub fn warning(&self, pending: &PendingRequest) -> Option<String> {
        if pending.twice {
            return Some("This invitation was used twice: one of them is not whom you meant. Compare safety numbers.".into());
        }
        let similar = names::similar_to(&pending.proposed_name, &self.contacts)?;
        Some(format!("This name looks like {}, but it is another key. Ask the person before you accept.", similar.petname))
    }

    /// Makes a contact of a request. They hear it at their next knock.
    pub fn accept(&mut self, key: PublicKey, petname: Option<&str>, now: u64) -> Result<Vec<Effect>> {
        let pending = self.pending.iter().find(|pending| pending.key == key).cloned();
        let pending = pending.ok_or_else(|| anyhow!("there is no such request any more"))?;
        let petname = names::free_petname(petname.unwrap_or(&pending.proposed_name), &self.contacts);
        let hints = pending.hints.clone();
        let contact = Contact::new(key, Some(&petname), &pending.proposed_name, PairSecret::generate(), hints, now);
        let mut open = self.invitations.iter().find(|open| open.invitation.knock_id == pending.knock_id).cloned();
        let mut rivals = Vec::new();
        if let Some(open) = &mut open {
            open.accepted.push(key);
            if open.invitation.one_use {
                let same = |other: &&PendingRequest| other.knock_id == pending.knock_id && other.key != key;
                rivals = self.pending.iter().filter(same).map(|other| other.key).collect();
            }
        }
        self.keep(|store| {
            store.change(|changes| {
                changes.put(&contact)?;
                open.iter().try_for_each(|open| changes.put(open))?;
                rivals.iter().chain([&key]).try_for_each(|key| changes.remove::<PendingRequest>(key.as_bytes()))
            })
        })?;
        if let Some(open) = open {
            self.invitations
                .iter_mut()
                .filter(|other| other.invitation.knock_id == pending.knock_id)
                .for_each(|other| *other = open.clone());
        }
        self.pending.retain(|other| other.key != key && !rivals.contains(&other.key));
        self.contacts.push(contact);
        Ok(vec![Effect::Admit(key)])
    }

    /// Lets a request go; whoever sent it learns nothing but that the invitation is gone.
    pub fn refuse(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        let Some(pending) = self.pending.iter().find(|pending| pending.key == key).cloned() else { return Ok(Vec::new()) };
        self.keep(|store| store.remove_pending_request(&key))?;
        self.pending.retain(|other| other.key != key);
        self.withdraw(pending.knock_id)
    }

    /// They heard that they were accepted: a one-use invitation has done its work.
    pub fn welcomed(&mut self, knock_id: PublicKey, key: PublicKey) -> Result<Vec<Effect>> {
        let Some(open) = self.invitations.iter().find(|open| open.invitation.knock_id == knock_id) else { return Ok(Vec::new()) };
        let Some(contact) = self.accepted(key) else { return Ok(Vec::new()) };
        let mut effects = vec![Effect::Tell(What::Contact { peer: key, name: contact.petname.clone() })];
        if open.invitation.one_use {
            effects.extend(self.withdraw(knock_id)?);
        }
        Ok(effects)
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
            let sent = SentKnock { invitation, petname, since: now, pending: false };
            self.keep(|store| store.put_sent_knock(&sent))?;
            self.sent.push(sent);
        }
        Ok(vec![Effect::Knock(knock_id)])
    }

    /// They have our request and have not decided.
    pub fn waiting(&mut self, knock_id: PublicKey) -> Result<()> {
        let Some(sent) = self.sent.iter_mut().find(|sent| sent.invitation.knock_id == knock_id) else { return Ok(()) };
        sent.pending = true;
        let sent = sent.clone();
        self.keep(|store| store.put_sent_knock(&sent))
    }

    /// Our request was refused, or its invitation is used up or expired.
    pub fn gone(&mut self, knock_id: PublicKey) -> Result<Vec<Effect>> {
        self.keep(|store| store.remove_sent_knock(&knock_id))?;
        self.sent.retain(|sent| sent.invitation.knock_id != knock_id);
        let text = "This invitation does not hold any more: it was used, withdrawn, or has expired. Ask for a new one.".into();
        Ok(vec![Effect::Tell(What::RequestFailed { text })])
    }

    /// Our request was accepted.
    pub fn welcome(
        &mut self,
        knock_id: PublicKey,
        key: PublicKey,
        name: &str,
        hints: Vec<Hint>,
        secret: PairSecret,
        now: u64,
    ) -> Result<Vec<Effect>> {
        let Some(sent) = self.sent.iter().find(|sent| sent.invitation.knock_id == knock_id) else { return Ok(Vec::new()) };
        let others: Vec<Contact> = self.contacts.iter().filter(|known| known.key != key).cloned().collect();
        let petname = names::free_petname(sent.petname.as_deref().unwrap_or(name), &others);
        let mut contact = Contact::new(key, Some(&petname), name, secret, hints, now);
        if let Some(known) = self.contacts.iter().find(|known| known.key == key) {
            (contact.petname, contact.verified) = (known.petname.clone(), known.verified);
        }
        self.keep(|store| {
            store.change(|changes| {
                changes.put(&contact)?;
                changes.remove::<SentKnock>(knock_id.as_bytes())
            })
        })?;
        self.sent.retain(|sent| sent.invitation.knock_id != knock_id);
        self.contacts.retain(|known| known.key != key);
        let name = contact.petname.clone();
        self.contacts.push(contact);
        Ok(vec![Effect::Admit(key), Effect::Tell(What::Contact { peer: key, name })])
    }

    pub fn rename(&mut self, key: PublicKey, name: &str) -> Result<Vec<Effect>> {
        let name = names::clean(name);
        if name.is_empty() {
            bail!("a name needs at least one letter");
        }
        self.change(key, |contact| contact.petname = name)?;
        Ok(Vec::new())
    }

    pub fn block(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        self.change(key, Contact::block)?;
        Ok(vec![Effect::Shut(key)])
    }

    pub fn verify(&mut self, key: PublicKey, by: VerifiedBy, now: u64) -> Result<Vec<Effect>> {
        self.change(key, |contact| contact.verified = Some(Verified { when: now, by }))?;
        Ok(Vec::new())
    }

    pub fn remove(&mut self, key: PublicKey) -> Result<Vec<Effect>> {
        self.keep(|store| store.remove_contact(&key))?;
        self.contacts.retain(|contact| contact.key != key);
        Ok(vec![Effect::Shut(key)])
    }

    /// Changes a contact on disk, then in memory.
    pub fn change(&mut self, key: PublicKey, change: impl FnOnce(&mut Contact)) -> Result<()> {
        let at =
            self.contacts.iter().position(|contact| contact.key == key).ok_or_else(|| anyhow!("there is no such contact"))?;
        let mut contact = self.contacts[at].clone();
        change(&mut contact);
        self.keep(|store| store.put_contact(&contact))?;
        self.contacts[at] = contact;
        Ok(())
    }

    /// Keeps the settings.
    pub fn set_settings(&mut self, settings: Settings) -> Result<()> {
        self.keep(|store| store.put_settings(&settings))?;
        self.settings = settings;
        Ok(())
    }

    fn keep(&self, write: impl FnOnce(&Store) -> Result<(), StoreError>) -> Result<()> {
        Ok(self.profile.as_ref().map_or(Ok(()), |profile| write(&profile.store))?)
    }

    fn find(&self, text: &str) -> Result<PublicKey> {
        match find(&self.contacts, text) {
            Found::One(contact) => Ok(contact.key),
            Found::Echo => bail!("Echo is built in; it cannot be changed"),
            Found::None => bail!("there is no contact \"{text}\"; `vesper contacts` lists them"),
            Found::Several(_) => bail!("several contacts fit \"{text}\"; give the start of the key instead"),
        }
    }

    fn find_request(&self, text: &str) -> Result<PublicKey> {
        let fits = |pending: &&PendingRequest| {
            pending.proposed_name.eq_ignore_ascii_case(text) || (text.len() >= 4 && pending.key.to_string().starts_with(text))
        };
        match self.pending.iter().filter(fits).collect::<Vec<_>>()[..] {
            [pending] => Ok(pending.key),
            [] => bail!("there is no request of \"{text}\"; `vesper contacts` lists them"),
            _ => bail!("several requests fit \"{text}\"; give the start of the key instead"),
        }
    }

    fn id(&self) -> Line {
        let (key, version) = (self.identity.public().to_string(), env!("CARGO_PKG_VERSION"));
        Line::new(
            json!({"event": "id", "name": self.name, "key": key, "version": version}),
            format!("{}\n{key}\nvesper {version}", self.name),
        )
    }

    fn list(&self) -> Vec<Line> {
        let contacts = self.contacts.iter().map(|contact| {
            let (key, blocked, verified) =
                (contact.key.to_string(), contact.state == ContactState::Blocked, contact.verified.is_some());
            let marks = [(verified, " (verified)"), (blocked, " (blocked)")];
            let marks: String = marks.iter().filter(|mark| mark.0).map(|mark| mark.1).collect();
            Line::new(
                json!({"contact": contact.petname, "key": key, "verified": verified, "blocked": blocked}),
                format!("{key}  {}{marks}", contact.petname),
            )
        });
        let requests = self.pending.iter().map(|pending| {
            let (key, name, warning) = (pending.key.to_string(), &pending.proposed_name, self.warning(pending));
            let careful = warning.as_ref().map(|warning| format!(" Careful: {warning}")).unwrap_or_default();
            Line::new(
                json!({"request": name, "key": key, "warning": warning}),
                format!("{key}  \"{name}\" asks to become a contact.{careful}"),
            )
        });
        contacts.chain(requests).collect()
    }
}
