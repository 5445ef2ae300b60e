//! Whom a person means by what they typed: the one place where a name or the start of a key becomes somebody.

use thiserror::Error;

use super::{Contact, PendingRequest};
use crate::identity::PublicKey;

/// The fewest digits that are taken for the start of a key.
pub const KEY_START: usize = 4;

/// Somebody who has a name and a key.
pub trait Named {
    /// What they are, in a sentence.
    const KIND: &'static str;

    fn name(&self) -> &str;
    fn key(&self) -> PublicKey;
}

/// Why a text names nobody, or not one alone.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FindError {
    #[error("there is no {kind} \"{text}\"; `vesper contacts` lists them")]
    Nobody { kind: &'static str, text: String },
    #[error("several {kind}s fit \"{text}\"; give more of the key, or a name that only one has")]
    Several { kind: &'static str, text: String },
}

/// Finds whom `text` names: a name as it is written, else in any case; or a key, or a start of one of four digits at least.
///
/// A name of one and the start of another's key are two: people propose their own names, and could take digits of a key for one.
pub fn find<'a, T: Named>(all: &'a [T], text: &str) -> Result<&'a T, FindError> {
    let text = text.trim();
    let lower = text.to_lowercase();
    let exact = all.iter().any(|one| one.name() == text);
    let is_named = |one: &T| if exact { one.name() == text } else { one.name().to_lowercase() == lower };
    let is_keyed = |one: &T| lower.len() >= KEY_START && one.key().to_string().starts_with(&lower);
    let fits: Vec<&T> = all.iter().filter(|one| !text.is_empty() && (is_named(one) || is_keyed(one))).collect();
    match fits[..] {
        [one] => Ok(one),
        [] => Err(FindError::Nobody { kind: T::KIND, text: text.to_owned() }),
        _ => Err(FindError::Several { kind: T::KIND, text: text.to_owned() }),
    }
}

impl Named for Contact {
    const KIND: &'static str = "contact";

    fn name(&self) -> &str {
        &self.petname
    }

    fn key(&self) -> PublicKey {
        self.key
    }
}

impl Named for PendingRequest {
    const KIND: &'static str = "request";

    fn name(&self) -> &str {
        &self.proposed_name
    }

    fn key(&self) -> PublicKey {
        self.key
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::PairSecret;
    use crate::identity::Identity;

    fn contact(petname: &str) -> Contact {
        Contact::new(Identity::generate().public(), Some(petname), "Somebody", PairSecret::generate(), vec![], 0)
    }

    fn nobody(text: &str) -> FindError {
        FindError::Nobody { kind: "contact", text: text.into() }
    }

    fn several(text: &str) -> FindError {
        FindError::Several { kind: "contact", text: text.into() }
    }

    #[test]
    fn a_contact_is_found_by_petname_in_any_case_and_by_a_unique_start_of_the_key() {
        let contacts = [contact("Zoë"), contact("zoë"), contact("ÉVA")];
        assert_eq!(find(&contacts, "Zoë"), Ok(&contacts[0]));
        assert_eq!(find(&contacts, " éva "), Ok(&contacts[2]));
        assert_eq!(find(&contacts, "ZOË"), Err(several("ZOË")));
        let key = contacts[2].key.to_string();
        assert_eq!(find(&contacts, &key), Ok(&contacts[2]));
        assert_eq!(find(&contacts, &key[..16].to_uppercase()), Ok(&contacts[2]));
        assert_eq!(find(&contacts, &key[..3]), Err(nobody(&key[..3])));
        assert_eq!(find(&contacts, " "), Err(nobody("")));
    }

    #[test]
    fn who_is_called_as_the_key_of_another_begins_is_not_taken_for_them() {
        let bo = contact("Bo");
        let key = bo.key.to_string();
        for digits in [&key[..8], &key, &key[..8].to_uppercase()] {
            let contacts = [bo.clone(), contact(digits)];
            assert_eq!(find(&contacts, digits), Err(several(digits)));
            assert_eq!(find(&contacts, "Bo"), Ok(&contacts[0]));
            assert_eq!(find(&contacts, &contacts[1].key.to_string()), Ok(&contacts[1]));
        }
        let mut own = bo;
        own.petname = key[..8].to_owned();
        let contacts = [own];
        assert_eq!(find(&contacts, &key[..8]), Ok(&contacts[0]), "their own key is no other");
    }
}
