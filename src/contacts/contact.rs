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

/// What [`find`] made of a name that a person typed.
#[derive(Debug, PartialEq)]
pub enum Found<'a> {
    One(&'a Contact),
    /// The built-in contact.
    Echo,
    None,
    /// More than one fits: ask for more of the key.
    Several(Vec<&'a Contact>),
}

impl Contact {
    /// A new, accepted contact. `petname` is what the user chose, or else what they propose.
    pub fn new(
        key: PublicKey,
        petname: Option<&str>,
        proposed_name: &str,
        pair_secret: PairSecret,
        hints: Vec<Hint>,
        now: u64,
    ) -> Self {
        let proposed_name = names::clean(proposed_name);
        let petname = petname.map(names::clean).filter(|name| !name.is_empty()).unwrap_or_else(|| proposed_name.clone());
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

/// Finds whom `text` names: a petname in any case, a key or a unique start of one (four digits at least), or `Echo`.
///
/// A petname that fits exactly comes before one that fits in another case, and any petname before a key.
pub fn find<'a>(contacts: &'a [Contact], text: &str) -> Found<'a> {
    let text = text.trim();
    let lower = text.to_lowercase();
    if lower == names::ECHO.to_lowercase() {
        return Found::Echo;
    }
    let with = |fits: &dyn Fn(&Contact) -> bool| contacts.iter().filter(|contact| fits(contact)).collect::<Vec<_>>();
    let mut found = with(&|contact| contact.petname == text);
    if found.is_empty() {
        found = with(&|contact| contact.petname.to_lowercase() == lower);
    }
    if found.is_empty() && lower.len() >= 4 {
        found = with(&|contact| contact.key.to_string().starts_with(&lower));
    }
    match found.as_slice() {
        [] => Found::None,
        [one] => Found::One(one),
        _ => Found::Several(found),
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
    fn a_contact_is_found_by_petname_in_any_case_and_by_a_unique_start_of_the_key() {
        let contacts = [contact("Ana"), contact("ana"), contact("Bo")];
        assert_eq!(find(&contacts, "Ana"), Found::One(&contacts[0]));
        assert_eq!(find(&contacts, " bo "), Found::One(&contacts[2]));
        assert_eq!(find(&contacts, "ANA"), Found::Several(vec![&contacts[0], &contacts[1]]));
        let key = contacts[2].key.to_string();
        assert_eq!(find(&contacts, &key), Found::One(&contacts[2]));
        assert_eq!(find(&contacts, &key[..16].to_uppercase()), Found::One(&contacts[2]));
        assert_eq!(find(&contacts, &key[..3]), Found::None);
        assert_eq!(find(&contacts, ""), Found::None);
        assert_eq!(find(&contacts, "echo"), Found::Echo);
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
