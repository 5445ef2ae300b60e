//! Invitations: the one thing that makes two strangers contacts.
//!
//! ```text
//! "vesper:" base32{ ver u8 = 1, knock id 32, LP(hints), secret 16, expiry u32, one-use u8, LP(name <= 64), checksum 4 }
//! ```
//!
//! The checksum is the first four bytes of SHA-256 over everything before it, in every version, so that a mistake of the
//! hand is told from an invitation of a newer Vesper. Base32 is that of RFC 4648 without padding, written in lower case
//! and read in any, across line breaks. `hints` is the list of [`encode_hints`]; `expiry` is in Unix seconds.

use std::fmt;

use data_encoding::{BASE32_NOPAD, DecodeKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{Hint, MAX_HINTS, decode_hints, encode_hints, names};
use crate::identity::{PublicKey, ReadError, Reader, length_prefixed};

/// What an invitation begins with, also as a link.
const SCHEME: &str = "vesper:";
const VERSION: u8 = 1;
const CHECKSUM: usize = 4;
/// The longest list of hints: eight relays with the longest URL.
const MAX_HINT_BYTES: usize = 1 + MAX_HINTS * (2 + 255);

/// What one person hands to another, by whatever way they trust, to become contacts.
///
/// Whoever holds it can knock, so it is a secret until it is used: [`Debug`](fmt::Debug) leaves the secret out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Invitation {
    /// The key of the endpoint that waits for this one invitation's knock; says nothing of who made it.
    pub knock_id: PublicKey,
    /// Where the knock endpoint can be found.
    pub hints: Vec<Hint>,
    /// Proves to the inviter that a knock comes from somebody who holds the invitation.
    pub secret: [u8; 16],
    /// When it ends, Unix seconds, by the inviter's clock.
    pub expires: u32,
    pub one_use: bool,
    /// What the inviter calls themselves, cleaned.
    pub name: String,
}

/// What is wrong with an invitation, as a sentence for whoever pasted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvitationError {
    #[error("this is not an invitation: one begins with \"vesper:\"")]
    NotAnInvitation,
    #[error("this invitation is cut off: copy all of it, from \"vesper:\" to the end")]
    CutOff,
    #[error("this invitation is mistyped: copy it again, or scan the code instead of typing")]
    Mistyped,
    #[error("this invitation is from a newer Vesper: update this one and try again")]
    Newer,
    #[error("this invitation has expired: ask for a new one, and see that the clock of this computer is right")]
    Expired,
}

impl Invitation {
    /// The text to hand over. In upper case it fits the denser mode of QR codes, and parses as well.
    pub fn encode(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.knock_id.as_bytes());
        length_prefixed(&mut bytes, &encode_hints(&self.hints));
        bytes.extend(self.secret);
        bytes.extend(self.expires.to_be_bytes());
        bytes.push(self.one_use.into());
        length_prefixed(&mut bytes, names::clean(&self.name).as_bytes());
        bytes.extend(checksum(&bytes));
        format!("{SCHEME}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// Reads what somebody pasted. Whether it has expired is asked apart, with [`check`](Self::check).
    pub fn parse(text: &str) -> Result<Self, InvitationError> {
        let text: String = text.split_whitespace().collect::<String>().to_ascii_uppercase();
        let digits = text.strip_prefix(&SCHEME.to_ascii_uppercase()).ok_or(InvitationError::NotAnInvitation)?;
        let bytes = base32(digits)?;
        // The checksum is looked at before the fields, but what it says depends on whether they are all there.
        let checked = bytes.split_last_chunk().filter(|(before, sum)| checksum(before) == **sum).map(|(before, _)| before);
        let intact = checked.is_some() && BASE32_NOPAD.encode(&bytes) == digits;
        match (intact, bytes.first()) {
            (_, None) => Err(InvitationError::CutOff),
            (true, Some(&version)) if version > VERSION => Err(InvitationError::Newer),
            (intact, Some(&VERSION)) => match Self::decode(&bytes[1..]) {
                Ok((invitation, rest)) if intact && rest.len() == CHECKSUM => Ok(invitation),
                Ok((_, rest)) if rest.len() < CHECKSUM => Err(InvitationError::CutOff),
                Err(InvitationError::CutOff) => Err(InvitationError::CutOff),
                _ => Err(InvitationError::Mistyped),
            },
            _ => Err(InvitationError::Mistyped),
        }
    }

    /// Refuses an invitation that has ended by `now`, in Unix seconds.
    pub fn check(&self, now: u64) -> Result<(), InvitationError> {
        if now < u64::from(self.expires) { Ok(()) } else { Err(InvitationError::Expired) }
    }

    /// The relays that it names.
    pub fn relays(&self) -> impl Iterator<Item = &str> {
        self.hints.iter().filter_map(|hint| match hint {
            Hint::Relay(url) => Some(url.as_str()),
            Hint::Address(_) => None,
        })
    }

    /// The fields after the version, and what follows them.
    fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), InvitationError> {
        use InvitationError::Mistyped;
        let mut reader = Reader::new(bytes);
        let knock_id = reader.array()?;
        let hints = reader.prefixed(MAX_HINT_BYTES)?;
        let secret = reader.array()?;
        let expires = reader.u32()?;
        let one_use = reader.u8()?;
        let name = reader.prefixed(names::MAX_NAME)?;
        let invitation = Self {
            knock_id: PublicKey::from_bytes(&knock_id).ok_or(Mistyped)?,
            hints: decode_hints(hints).ok_or(Mistyped)?,
            secret,
            expires,
            one_use: [false, true].get(usize::from(one_use)).copied().ok_or(Mistyped)?,
            name: names::clean(std::str::from_utf8(name).map_err(|_| Mistyped)?),
        };
        Ok((invitation, reader.unread()))
    }
}

impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { knock_id, expires, one_use, .. } = self;
        f.debug_struct("Invitation")
            .field("knock_id", knock_id)
            .field("expires", expires)
            .field("one_use", one_use)
            .finish_non_exhaustive()
    }
}

impl From<Invitation> for String {
    fn from(invitation: Invitation) -> Self {
        invitation.encode()
    }
}

impl TryFrom<String> for Invitation {
    type Error = InvitationError;

    fn try_from(text: String) -> Result<Self, InvitationError> {
        Self::parse(&text)
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    *Sha256::digest(bytes).first_chunk().expect("SHA-256 has 32 bytes")
}

impl From<ReadError> for InvitationError {
    /// A field that ends early was cut off; an impossible length was mistyped.
    fn from(error: ReadError) -> Self {
        if error == ReadError::CutOff { Self::CutOff } else { Self::Mistyped }
    }
}

/// The bytes of upper-case base32, without looking at the bits that the last digit has too many: a text that was cut off has some.
fn base32(digits: &str) -> Result<Vec<u8>, InvitationError> {
    let mut lenient = BASE32_NOPAD.specification();
    lenient.check_trailing_bits = false;
    let lenient = lenient.encoding().expect("the specification of an encoding that exists");
    lenient.decode(digits.as_bytes()).map_err(|error| match error.kind {
        DecodeKind::Length => InvitationError::CutOff,
        _ => InvitationError::Mistyped,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contacts::OpenInvitation;
    use crate::identity::Identity;

    fn invitation() -> Invitation {
        let hints = vec![Hint::Relay("https://relay.example/".into()), Hint::Address("192.168.1.7:4433".parse().unwrap())];
        OpenInvitation::new("Ana Müller", hints, "for Bo", true, 1_000, 90_000).invitation.clone()
    }

    fn any_hint() -> impl Strategy<Value = Hint> {
        let address = (any::<std::net::IpAddr>(), 1u16..).prop_map(|(ip, port)| Hint::Address((ip, port).into()));
        let usable = |hint: &Hint| !matches!(hint, Hint::Address(at) if at.ip().is_unspecified() || at.ip().is_multicast());
        prop_oneof!["https?://[a-z0-9.]{1,40}(:[0-9]{1,5})?/".prop_map(Hint::Relay), address].prop_filter("usable", usable)
    }

    prop_compose! {
        fn any_invitation()(
            key in any::<[u8; 32]>(), hints in prop::collection::vec(any_hint(), 0..=8), secret in any::<[u8; 16]>(), expires in any::<u32>(),
            one_use in any::<bool>(), name in any::<String>(),
        ) -> Invitation {
            Invitation { knock_id: Identity::from_secret(&key).public(), hints, secret, expires, one_use, name: names::clean(&name) }
        }
    }

    proptest! {
        #[test]
        fn any_invitation_is_read_back_as_it_was_written(invitation in any_invitation()) {
            let text = invitation.encode();
            prop_assert_eq!(Invitation::parse(&text).unwrap(), invitation.clone());
            prop_assert_eq!(Invitation::parse(&text.to_uppercase()).unwrap(), invitation);
        }

        #[test]
        fn no_text_makes_parsing_panic(text in any::<String>(), digits in "[a-z2-7]{0,300}") {
            let _ = Invitation::parse(&text);
            let parsed = Invitation::parse(&format!("vesper:{digits}"));
            prop_assert!(parsed.is_err());
        }
    }

    #[test]
    fn line_breaks_and_case_do_no_harm() {
        let invitation = invitation();
        let text = invitation.encode();
        let (first, second) = text.split_at(40);
        assert_eq!(Invitation::parse(&format!("  {first}\r\n {} \n", second.to_uppercase())), Ok(invitation));
    }

    #[test]
    fn any_flipped_character_is_refused_as_mistyped() {
        let text = invitation().encode();
        for at in SCHEME.len()..text.len() {
            for wrong in ["a", "b", "7", "8", "-", "ü"] {
                if &text[at..=at] != wrong {
                    let typo = format!("{}{wrong}{}", &text[..at], &text[at + 1..]);
                    let error = Invitation::parse(&typo).unwrap_err();
                    // A length that is wrong by a little looks like missing characters.
                    assert!(matches!(error, InvitationError::Mistyped | InvitationError::CutOff), "{typo}: {error}");
                }
            }
        }
    }

    #[test]
    fn an_invitation_cut_at_any_character_says_so() {
        let text = invitation().encode();
        for length in SCHEME.len()..text.len() {
            assert_eq!(Invitation::parse(&text[..length]), Err(InvitationError::CutOff), "{length} characters");
        }
        assert_eq!(Invitation::parse(&text[..3]), Err(InvitationError::NotAnInvitation));
    }

    #[test]
    fn other_text_is_no_invitation_and_text_after_one_is_a_mistake() {
        for other in ["", "hello", "https://example.org", "vesper", "vesp3r:abc"] {
            assert_eq!(Invitation::parse(other), Err(InvitationError::NotAnInvitation), "{other}");
        }
        let followed = format!("{} and hello", invitation().encode());
        assert!(matches!(Invitation::parse(&followed), Err(InvitationError::Mistyped | InvitationError::CutOff)));
    }

    #[test]
    fn an_invitation_of_a_newer_version_says_so_whatever_is_in_it() {
        let mut bytes = vec![VERSION + 1, 1, 2, 3];
        bytes.extend(checksum(&bytes));
        let text = format!("{SCHEME}{}", BASE32_NOPAD.encode(&bytes));
        assert_eq!(Invitation::parse(&text), Err(InvitationError::Newer));
    }

    #[test]
    fn an_invitation_ends_when_it_says() {
        let invitation = invitation();
        assert_eq!(invitation.check(89_999), Ok(()));
        assert_eq!(invitation.check(90_000), Err(InvitationError::Expired));
    }

    #[test]
    fn each_mistake_has_a_sentence_of_its_own() {
        use InvitationError::*;
        let sentences = [NotAnInvitation, CutOff, Mistyped, Newer, Expired].map(|error| error.to_string());
        assert!(sentences.iter().enumerate().all(|(at, sentence)| !sentences[..at].contains(sentence)));
    }
}
