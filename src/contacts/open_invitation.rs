//! An invitation of ours while it can be used: its knock key, and who has used it.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{Hint, Invitation, names};
use crate::identity::{Identity, PublicKey, hex, random};

/// How many invitations of ours may be open at once.
pub const MAX_OPEN_INVITATIONS: usize = 8;

/// An invitation that we made and that can still be used.
#[derive(Clone, Serialize, Deserialize)]
pub struct OpenInvitation {
    pub invitation: Invitation,
    /// The secret key behind [`Invitation::knock_id`].
    #[serde(with = "hex")]
    knock_secret: [u8; 32],
    /// Whom it was made for, in the words of the person who made it: shown to them alone, with every request that it brings.
    /// May be empty, and then [`made`](Self::made) tells it from others.
    pub label: String,
    /// When it was made, Unix seconds.
    pub made: u64,
    /// Who knocked with a valid proof, in order. More than one means that it went further than it was meant to.
    pub used_by: Vec<PublicKey>,
    /// Whom we accepted through it: they are answered OK until they have heard it or the invitation ends.
    pub accepted: Vec<PublicKey>,
    /// Whom we refused: to them it is gone.
    pub refused: Vec<PublicKey>,
}

/// How many knockers are noted: whoever holds the invitation can make keys at will.
const MAX_USED_BY: usize = 32;

impl OpenInvitation {
    /// Makes a new invitation with a knock key and a secret of its own. `name` is what we call ourselves, `label` whom it is for;
    /// both are cleaned.
    pub fn new(name: &str, hints: Vec<Hint>, label: &str, one_use: bool, now: u64, expires: u64) -> Self {
        let knock = Identity::generate();
        let expires = u32::try_from(expires).unwrap_or(u32::MAX);
        let invitation =
            Invitation { knock_id: knock.public(), hints, secret: random(), expires, one_use, name: names::clean(name) };
        let knock_secret = *knock.secret();
        let (used_by, accepted, refused) = Default::default();
        Self { invitation, knock_secret, label: names::clean(label), made: now, used_by, accepted, refused }
    }

    /// The key that the endpoint for its knocks runs under.
    pub fn knock_identity(&self) -> Identity {
        Identity::from_secret(&self.knock_secret)
    }

    /// Whether a knock of somebody new is still heard at `now`, in Unix seconds.
    ///
    /// One that is used up stays open to whom it was used by, until they know: the check on those is [`accepted`](Self::accepted).
    pub fn is_open(&self, now: u64) -> bool {
        let used_up = self.invitation.one_use && !self.accepted.is_empty();
        !used_up && self.invitation.check(now).is_ok()
    }

    /// Notes a knock with a valid proof, and says whether anybody else has knocked.
    pub fn note_knock(&mut self, knocker: PublicKey) -> bool {
        if !self.used_by.contains(&knocker) && self.used_by.len() < MAX_USED_BY {
            self.used_by.push(knocker);
        }
        self.used_by.iter().any(|other| *other != knocker)
    }
}

impl Drop for OpenInvitation {
    fn drop(&mut self) {
        self.knock_secret.zeroize();
        self.label.zeroize();
    }
}

impl fmt::Debug for OpenInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invitation, used_by, accepted, .. } = self;
        f.debug_struct("OpenInvitation")
            .field("invitation", invitation)
            .field("used_by", used_by)
            .field("accepted", accepted)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_one_use_invitation_closes_once_somebody_was_accepted_and_notices_a_second_knocker() {
        let mut open = OpenInvitation::new("Ana", vec![], "for Bo", true, 0, 100);
        let (bo, eve) = (Identity::generate().public(), Identity::generate().public());
        assert!(!open.note_knock(bo));
        assert!(!open.note_knock(bo));
        assert!(open.note_knock(eve));
        assert!(open.note_knock(bo));
        assert!(open.is_open(99) && !open.is_open(100));
        open.accepted.push(bo);
        assert!(!open.is_open(99));
    }

    #[test]
    fn whom_an_invitation_is_for_is_cleaned_as_names_are() {
        assert_eq!(OpenInvitation::new("Ana", vec![], " Bo\u{202e}\nand Cem ", true, 0, 100).label, "Bo and Cem");
    }

    #[test]
    fn a_debug_print_lets_nobody_knock() {
        let open = OpenInvitation::new("Ana", vec![], "for Bo", true, 0, 100);
        let printed = format!("{open:?}");
        assert!(!printed.contains("secret") && !printed.contains(&open.invitation.encode()));
    }
}
