//! The ticket with which one who dials shows, before any handshake, that they may.
//!
//! A dialler offers, beside its own ALPN, a second one: `"vt" || base32(n || mac)`, with eight random bytes `n` and
//! `mac = HMAC-SHA256(secret, label || callee id || n)[..16]`. A contact dials the callee's key with the pair secret and the
//! label `"vesper/1 dial"`, and who holds an invitation its knock id with the invitation's secret and `"vesper/1 knock dial"`.
//! Base32 is that of RFC 4648, upper case, without padding. The callee reads it from the client hello and ignores whoever has
//! none: a stranger learns no more than that something here speaks QUIC.

use std::collections::VecDeque;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::identity::{PublicKey, random};

const PREFIX: &[u8] = b"vt";
const NONCE: usize = 8;
const MAC: usize = 16;

/// How many used tickets are remembered, so that one who saw somebody dial cannot make us answer with their ticket.
const REMEMBERED: usize = 512;

/// What makes each ticket another one. A callee takes one only once.
pub(crate) type TicketNonce = [u8; NONCE];

/// What a ticket is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Secret<'a> {
    /// The link of a contact, by the pair secret.
    Pair(&'a [u8; 32]),
    /// A knock, by the invitation's secret.
    Invitation(&'a [u8; 16]),
}

/// A new ticket for dialling `callee`, as an ALPN.
pub(crate) fn issue(secret: Secret, callee: &PublicKey) -> Vec<u8> {
    let nonce: TicketNonce = random();
    let mac = secret.mac(callee, &nonce).finalize().into_bytes();
    let text = BASE32_NOPAD.encode(&[&nonce[..], &mac[..MAC]].concat());
    [PREFIX, text.as_bytes()].concat()
}

/// A ticket as it arrived, of which nothing is proven yet.
pub(crate) struct Ticket {
    nonce: TicketNonce,
    mac: [u8; MAC],
}

impl Ticket {
    /// Reads an ALPN; `None` if it is no ticket.
    pub fn read(alpn: &[u8]) -> Option<Self> {
        let bytes = BASE32_NOPAD.decode(alpn.strip_prefix(PREFIX)?).ok()?;
        let (nonce, mac) = bytes.split_at_checked(NONCE)?;
        Some(Self { nonce: nonce.try_into().ok()?, mac: mac.try_into().ok()? })
    }

    /// Whether somebody who has `secret` made it to dial `callee`. Compares in constant time.
    pub fn is_from(&self, secret: Secret, callee: &PublicKey) -> bool {
        secret.mac(callee, &self.nonce).verify_truncated_left(&self.mac).is_ok()
    }
}

impl Secret<'_> {
    fn mac(self, callee: &PublicKey, nonce: &TicketNonce) -> Hmac<Sha256> {
        let (secret, label): (&[u8], &[u8]) = match self {
            Self::Pair(secret) => (secret, b"vesper/1 dial"),
            Self::Invitation(secret) => (secret, b"vesper/1 knock dial"),
        };
        Hmac::<Sha256>::new_from_slice(secret)
            .expect("HMAC takes keys of any length")
            .chain_update(label)
            .chain_update(callee.as_bytes())
            .chain_update(nonce)
    }
}

/// The last tickets that one secret's holders used.
#[derive(Debug, Default)]
pub(crate) struct Used(VecDeque<TicketNonce>);

impl Used {
    /// Whether a ticket was used.
    pub fn has(&self, ticket: &Ticket) -> bool {
        self.0.contains(&ticket.nonce)
    }

    /// Marks a ticket as used; false if it was.
    pub fn take(&mut self, ticket: &Ticket) -> bool {
        if self.has(ticket) {
            return false;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(ticket.nonce);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Identity;

    #[test]
    fn a_ticket_is_good_for_its_secret_its_callee_and_its_purpose_only() {
        let (me, other) = (Identity::generate().public(), Identity::generate().public());
        let issued = |secret| Ticket::read(&issue(secret, &me)).unwrap();
        let (pair, invitation) = (Secret::Pair(&[1; 32]), Secret::Invitation(&[1; 16]));
        assert!(issued(pair).is_from(pair, &me) && issued(invitation).is_from(invitation, &me));
        assert!(!issued(pair).is_from(Secret::Pair(&[2; 32]), &me));
        assert!(!issued(invitation).is_from(Secret::Invitation(&[2; 16]), &me));
        assert!(!issued(pair).is_from(pair, &other));
        assert!(!issued(pair).is_from(invitation, &me) && !issued(invitation).is_from(pair, &me));
    }

    #[test]
    fn a_ticket_is_taken_once() {
        let ticket = || Ticket::read(&issue(Secret::Pair(&[1; 32]), &Identity::generate().public())).unwrap();
        let (mut used, first) = (Used::default(), ticket());
        assert!(used.take(&first) && !used.take(&first));
        (0..REMEMBERED - 1).for_each(|_| assert!(used.take(&ticket())));
        assert!(!used.take(&first), "so many later ones are remembered, too");
    }

    #[test]
    fn two_tickets_for_the_same_callee_have_nothing_in_common() {
        let me = Identity::generate().public();
        assert_ne!(issue(Secret::Pair(&[1; 32]), &me), issue(Secret::Pair(&[1; 32]), &me));
    }

    #[test]
    fn a_ticket_fits_an_alpn() {
        assert_eq!(issue(Secret::Pair(&[1; 32]), &Identity::generate().public()).len(), 2 + 39);
    }

    proptest! {
        #[test]
        fn any_alpn_is_a_ticket_of_nobody(alpn in prop::collection::vec(any::<u8>(), 0..60)) {
            let me = Identity::from_secret(&[9; 32]).public();
            let ticket = Ticket::read(&[PREFIX, &alpn].concat());
            prop_assert!(ticket.is_none_or(|ticket| !ticket.is_from(Secret::Pair(&[1; 32]), &me)));
        }
    }
}
