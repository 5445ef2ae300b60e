//! The tables by name: what the rest of the program calls.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Store, StoreError};
use crate::contacts::{Contact, OpenInvitation, PendingRequest, SentKnock};
use crate::identity::PublicKey;
use crate::settings::Settings;

/// What can be a row: kept as JSON, so that a field that a later version adds reads as its default here and there.
pub trait Row: Serialize + DeserializeOwned {
    /// The table's name in the file.
    const TABLE: &'static str;

    /// What no two rows of the table share.
    fn name(&self) -> &[u8];
}

impl Row for Contact {
    const TABLE: &'static str = "contacts";

    fn name(&self) -> &[u8] {
        self.key.as_bytes()
    }
}

impl Row for OpenInvitation {
    const TABLE: &'static str = "invitations";

    fn name(&self) -> &[u8] {
        self.invitation.knock_id.as_bytes()
    }
}

impl Row for PendingRequest {
    const TABLE: &'static str = "requests";

    fn name(&self) -> &[u8] {
        self.key.as_bytes()
    }
}

impl Row for SentKnock {
    const TABLE: &'static str = "knocks";

    fn name(&self) -> &[u8] {
        self.invitation.knock_id.as_bytes()
    }
}

impl Row for Settings {
    const TABLE: &'static str = "settings";

    fn name(&self) -> &[u8] {
        b"settings"
    }
}

impl Store {
    /// Everybody we know, blocked ones too, by petname.
    pub fn contacts(&self) -> Result<Vec<Contact>, StoreError> {
        let mut contacts = self.all::<Contact>()?;
        contacts.sort_by_cached_key(|contact| (contact.petname.to_lowercase(), contact.key));
        Ok(contacts)
    }

    /// The contact with this key.
    pub fn contact(&self, key: &PublicKey) -> Result<Option<Contact>, StoreError> {
        self.get(key.as_bytes())
    }

    /// Adds or replaces a contact.
    pub fn put_contact(&self, contact: &Contact) -> Result<(), StoreError> {
        self.change(|changes| changes.put(contact))
    }

    /// Forgets a contact, the pair secret with it.
    pub fn remove_contact(&self, key: &PublicKey) -> Result<(), StoreError> {
        self.change(|changes| changes.remove::<Contact>(key.as_bytes()))
    }

    /// Our invitations, oldest first, also those that have ended and were not removed yet.
    pub fn open_invitations(&self) -> Result<Vec<OpenInvitation>, StoreError> {
        let mut invitations = self.all::<OpenInvitation>()?;
        invitations.sort_by_key(|open| (open.made, open.invitation.knock_id));
        Ok(invitations)
    }

    /// Our invitation with this knock id.
    pub fn open_invitation(&self, knock_id: &PublicKey) -> Result<Option<OpenInvitation>, StoreError> {
        self.get(knock_id.as_bytes())
    }

    /// Adds or replaces an invitation of ours.
    pub fn put_open_invitation(&self, open: &OpenInvitation) -> Result<(), StoreError> {
        self.change(|changes| changes.put(open))
    }

    /// Forgets an invitation of ours, by its knock id.
    pub fn remove_open_invitation(&self, knock_id: &PublicKey) -> Result<(), StoreError> {
        self.change(|changes| changes.remove::<OpenInvitation>(knock_id.as_bytes()))
    }

    /// Who waits for our answer, longest first.
    pub fn pending_requests(&self) -> Result<Vec<PendingRequest>, StoreError> {
        let mut requests = self.all::<PendingRequest>()?;
        requests.sort_by_key(|request| (request.since, request.key));
        Ok(requests)
    }

    /// Adds or replaces a request that waits for our answer.
    pub fn put_pending_request(&self, request: &PendingRequest) -> Result<(), StoreError> {
        self.change(|changes| changes.put(request))
    }

    /// Forgets a request that waited for our answer.
    pub fn remove_pending_request(&self, key: &PublicKey) -> Result<(), StoreError> {
        self.change(|changes| changes.remove::<PendingRequest>(key.as_bytes()))
    }

    /// Our requests that wait for an answer, oldest first.
    pub fn sent_knocks(&self) -> Result<Vec<SentKnock>, StoreError> {
        let mut knocks = self.all::<SentKnock>()?;
        knocks.sort_by_key(|knock| (knock.since, knock.invitation.knock_id));
        Ok(knocks)
    }

    /// Adds or replaces a request of ours.
    pub fn put_sent_knock(&self, knock: &SentKnock) -> Result<(), StoreError> {
        self.change(|changes| changes.put(knock))
    }

    /// Forgets a request of ours, by the knock id of its invitation.
    pub fn remove_sent_knock(&self, knock_id: &PublicKey) -> Result<(), StoreError> {
        self.change(|changes| changes.remove::<SentKnock>(knock_id.as_bytes()))
    }

    /// What the person chose, or the defaults.
    pub fn settings(&self) -> Result<Settings, StoreError> {
        Ok(self.get(b"settings")?.unwrap_or_default())
    }

    /// Replaces the settings.
    pub fn put_settings(&self, settings: &Settings) -> Result<(), StoreError> {
        self.change(|changes| changes.put(settings))
    }
}
