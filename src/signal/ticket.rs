//! The ticket with which a contact shows who it is before any handshake.
//!
//! A dialler offers, beside the ALPN of the link, a second one: `"vt" || base32(n || mac)`, with eight random bytes `n` and
//! `mac = HMAC-SHA256(pair secret, "vesper/1 dial" || callee id || n)[..16]`. Base32 is that of RFC 4648, upper case, without
//! padding. The callee reads it from the client hello and ignores whoever has none: a stranger gets not one byte.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::identity::{PublicKey, random};

const PREFIX: &[u8] = b"vt";
const NONCE: usize = 8;
const MAC: usize = 16;

/// What makes each ticket another one. A callee takes one only once.
pub(crate) type TicketNonce = [u8; NONCE];

/// A new ticket for dialling `callee`, as an ALPN.
pub(crate) fn issue(pair_secret: &[u8; 32], callee: &PublicKey) -> Vec<u8> {
    let nonce: TicketNonce = random();
    let mac = mac(pair_secret, callee, &nonce).finalize().into_bytes();
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

    /// Whether somebody who has `pair_secret` made it to dial `callee`. Compares in constant time.
    pub fn is_from(&self, pair_secret: &[u8; 32], callee: &PublicKey) -> bool {
        mac(pair_secret, callee, &self.nonce).verify_truncated_left(&self.mac).is_ok()
    }

    pub fn nonce(&self) -> TicketNonce {
        self.nonce
    }
}

fn mac(pair_secret: &[u8; 32], callee: &PublicKey, nonce: &TicketNonce) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(pair_secret)
        .expect("HMAC takes keys of any length")
        .chain_update(b"vesper/1 dial")
        .chain_update(callee.as_bytes())
        .chain_update(nonce)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Identity;

    #[test]
    fn a_ticket_holds_for_its_secret_and_its_callee_only() {
        let (me, other) = (Identity::generate().public(), Identity::generate().public());
        let ticket = Ticket::read(&issue(&[1; 32], &me)).unwrap();
        assert!(ticket.is_from(&[1; 32], &me));
        assert!(!ticket.is_from(&[2; 32], &me));
        assert!(!ticket.is_from(&[1; 32], &other));
    }

    #[test]
    fn two_tickets_for_the_same_callee_have_nothing_in_common() {
        let me = Identity::generate().public();
        assert_ne!(issue(&[1; 32], &me), issue(&[1; 32], &me));
    }

    #[test]
    fn a_ticket_fits_an_alpn() {
        assert_eq!(issue(&[1; 32], &Identity::generate().public()).len(), 2 + 39);
    }

    proptest! {
        #[test]
        fn any_alpn_is_a_ticket_of_nobody(alpn in prop::collection::vec(any::<u8>(), 0..60)) {
            let me = Identity::from_secret(&[9; 32]).public();
            let ticket = Ticket::read(&[PREFIX, &alpn].concat());
            prop_assert!(ticket.is_none_or(|ticket| !ticket.is_from(&[1; 32], &me)));
        }
    }
}
