//! One person we know, and the secret that we share with them.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::{Hint, names};
use crate::identity::{PublicKey, hex, random};

/// A person we know. The key is who they are; everything else is what we noted beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub key: PublicKey,
    /// What we call them.
    pub petname: String,
    /// What they call themselves, cleaned; never shown as if it were proven.
    pub proposed_name: String,
    /// Shared when we became contacts; without it the link lets neither reach the other.
    pub pair_secret: Option<PairSecret>,
    /// Where they last said they can be found.
    pub hints: Vec<Hint>,
    pub state: ContactState,
    /// When we became contacts, Unix seconds.
    pub added: u64,
    pub verified: Option<Verified>,
    /// The highest suite a call with them has used: nothing below it is accepted again. 0 before the first call.
    pub lowest_suite: u16,
    pub missed_calls: u32,
    /// The last thing that happened with them, in words, and when (Unix seconds).
    pub last: Option<(String, u64)>,
    /// What their computer may learn of our address in a call.
    #[serde(default)]
    pub candidates: Candidates,
    /// Their calls are noted as missed and never ring.
    #[serde(default)]
    pub silent: bool,
    /// Relays of theirs that are not ours and that the person let this contact make us use.
    #[serde(default)]
    pub approved_relays: Vec<String>,
    /// Relays of theirs that the person does not want to use, and is not asked about again.
    #[serde(default)]
    pub refused_relays: Vec<String>,
}

/// What of our addresses a contact's computer may learn in a call, once it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Candidates {
    /// All: the call goes the shortest way.
    #[default]
    All,
    /// None of ours: the call goes through a relay.
    RelayOnly,
    /// The person is asked at each call.
    Ask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContactState {
    Accepted,
    /// Kept so that a block survives a second invitation; they are strangers to the link.
    Blocked,
}

/// That we made sure whose key this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Unix seconds.
    pub when: u64,
    pub by: VerifiedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerifiedBy {
    /// The four words of a call were the same on both sides.
    Words,
    /// The safety number, or its QR code, was compared.
    Number,
}

/// Thirty-two bytes that only two contacts know. They let a dialler show whom it is before it learns whom it dialled.
#[derive(Clone, Serialize, Deserialize, ZeroizeOnDrop)]
pub struct PairSecret(#[serde(with = "hex")] [u8; 32]);

impl Contact {
    /// A new, accepted contact. `petname` is what the user chose, or else the [default](names::default_petname).
    pub fn new(
        key: PublicKey,
        petname: Option<&str>,
        proposed_name: &str,
        pair_secret: PairSecret,
        hints: Vec<Hint>,
        now: u64,
    ) -> Self {
        let proposed_name = names::clean(proposed_name);
        let petname = petname.map(names::clean).filter(|name| !name.is_empty());
        let petname = petname.unwrap_or_else(|| names::default_petname(&proposed_name));
        Self {
            key,
            petname,
            proposed_name,
            pair_secret: Some(pair_secret),
            hints,
            state: ContactState::Accepted,
            added: now,
            verified: None,
            lowest_suite: 0,
            missed_calls: 0,
            last: None,
            candidates: Candidates::default(),
            silent: false,
            approved_relays: Vec::new(),
            refused_relays: Vec::new(),
        }
    }

    /// Makes them a stranger to the link at once: the pair secret is gone for good, so that ending the block takes a new invitation.
    pub fn block(&mut self) {
        self.state = ContactState::Blocked;
        self.pair_secret = None;
        self.hints.clear();
    }
}

impl PairSecret {
    /// A new secret from the system's randomness.
    pub fn generate() -> Self {
        Self(random())
    }

    /// The secret as a peer sent it.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret itself, for an HMAC or to send to the contact.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for PairSecret {
    /// Takes the same time wherever the two differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for PairSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    fn contact(petname: &str) -> Contact {
        Contact::new(Identity::generate().public(), Some(petname), "Somebody", PairSecret::generate(), vec![], 0)
    }

    #[test]
    fn a_new_contact_is_called_what_we_chose_or_else_what_they_propose() {
        assert_eq!(contact("Mum").petname, "Mum");
        assert_eq!(contact(" \u{200b}").petname, "Somebody");
    }

    #[test]
    fn blocking_destroys_what_the_link_needs() {
        let mut ana = contact("Ana");
        ana.block();
        assert_eq!((ana.state, ana.pair_secret, ana.hints.len()), (ContactState::Blocked, None, 0));
    }

    #[test]
    fn a_pair_secret_is_not_printed() {
        let secret = PairSecret::from_bytes([0xab; 32]);
        assert_eq!(format!("{secret:?}"), "PairSecret(…)");
        assert_eq!(secret, secret.clone());
        assert_ne!(secret, PairSecret::generate());
    }
}
