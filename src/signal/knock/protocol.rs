//! The bytes of a knock, and what proves what. Pure.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::contacts::{Hint, PairSecret, decode_hints, encode_hints};
use crate::identity::{Identity, PublicKey, Signature, hash, length_prefixed};
use crate::signal::wire::{Malformed, Reader};

/// K1: who knocks, and the proof that they hold the invitation.
pub const KNOCK: u8 = 0x01;
/// The person has not answered yet.
pub const PENDING: u8 = 0x02;
/// The answer was no, or the invitation is used up.
pub const GONE: u8 = 0x03;
/// They are contacts: the card of the inviter, the pair secret, a signature.
pub const OK: u8 = 0x04;
/// The OK is kept.
pub const DONE: u8 = 0x05;

const MAX_NAME: usize = 64;
const MAX_HINT_BYTES: usize = 4096;
const PROOF: usize = 32;
const SIGNATURE: usize = 64;

/// What ties a knock to one connection and one invitation.
pub struct Binding {
    /// The TLS exporter's value for this connection.
    pub x: [u8; 32],
    pub knock_id: PublicKey,
    /// The invitation's secret.
    pub secret: [u8; 16],
}

/// Who somebody says to be, in K1 and in OK alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Card {
    pub key: PublicKey,
    pub name: String,
    pub hints: Vec<Hint>,
}

/// What a knock is answered with.
#[derive(Debug)]
pub enum KnockAnswer {
    Pending,
    Gone,
    /// To be said only once the contact and the use of the invitation are on disk.
    Ok {
        name: String,
        hints: Vec<Hint>,
        pair_secret: PairSecret,
    },
}

/// K2, once its signature held.
#[derive(Debug)]
pub enum Answer {
    Pending,
    Gone,
    Ok(Card, PairSecret),
}

impl Binding {
    /// The context of the TLS exporter.
    pub fn context(knock_id: &PublicKey, throw_away: &[u8; 32]) -> Vec<u8> {
        [*knock_id.as_bytes(), *throw_away].concat()
    }

    /// K1, without its type.
    pub fn knock(&self, me: &Identity, name: &str, hints: &[Hint]) -> Vec<u8> {
        let mut k1 = Card { key: me.public(), name: name.to_owned(), hints: hints.to_vec() }.encode();
        let signature = me.sign("vesper/1 knock", &self.signed_knock(&k1));
        let proof = self.proof(&k1).finalize().into_bytes();
        k1.extend_from_slice(&proof);
        k1.extend_from_slice(&signature);
        k1
    }

    /// Checks K1: the proof first, so that who does not hold the invitation costs us one HMAC.
    pub fn check_knock(&self, k1: &[u8]) -> Option<Card> {
        let (rest, signature) = k1.split_last_chunk::<SIGNATURE>()?;
        let (body, proof) = rest.split_last_chunk::<PROOF>()?;
        self.proof(body).verify_slice(proof).ok()?;
        let mut reader = Reader::new(body);
        let card = Card::read(&mut reader).ok()?;
        reader.end().ok()?;
        card.key.verifies("vesper/1 knock", &self.signed_knock(body), signature).then_some(card)
    }

    /// K2 as type and body.
    pub fn answer(&self, me: &Identity, k1: &[u8], answer: &KnockAnswer) -> Vec<u8> {
        match answer {
            KnockAnswer::Pending => vec![PENDING],
            KnockAnswer::Gone => vec![GONE],
            KnockAnswer::Ok { name, hints, pair_secret } => {
                let card = Card { key: me.public(), name: name.clone(), hints: hints.clone() };
                let signature = me.sign("vesper/1 knock ok", &self.signed_ok(k1));
                [&[OK][..], &card.encode(), pair_secret.as_bytes(), &signature].concat()
            }
        }
    }

    /// Reads K2, type and body, in answer to our `k1`.
    pub fn check_answer(&self, k1: &[u8], k2: &[u8]) -> Result<Answer, Malformed> {
        let mut reader = Reader::new(k2);
        let answer = match reader.u8()? {
            PENDING => Answer::Pending,
            GONE => Answer::Gone,
            OK => {
                let card = Card::read(&mut reader)?;
                let pair_secret = PairSecret::from_bytes(reader.array()?);
                let signature: Signature = reader.array()?;
                if !card.key.verifies("vesper/1 knock ok", &self.signed_ok(k1), &signature) {
                    return Err(Malformed::Field);
                }
                Answer::Ok(card, pair_secret)
            }
            unknown => return Err(Malformed::UnknownType(unknown)),
        };
        reader.end()?;
        Ok(answer)
    }

    fn proof(&self, body: &[u8]) -> Hmac<Sha256> {
        Hmac::<Sha256>::new_from_slice(&self.secret)
            .expect("HMAC takes keys of any length")
            .chain_update(b"vesper/1 knock")
            .chain_update(self.x)
            .chain_update(body)
    }

    fn signed_knock(&self, body: &[u8]) -> [u8; 32] {
        hash(&[&self.x, self.knock_id.as_bytes(), &self.secret, body])
    }

    fn signed_ok(&self, k1: &[u8]) -> [u8; 32] {
        hash(&[&self.x, self.knock_id.as_bytes(), k1])
    }
}

impl Card {
    fn encode(&self) -> Vec<u8> {
        let mut out = self.key.as_bytes().to_vec();
        length_prefixed(&mut out, &self.name.as_bytes()[..self.name.floor_char_boundary(MAX_NAME)]);
        length_prefixed(&mut out, &encode_hints(&self.hints));
        out
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            key: PublicKey::from_bytes(&reader.array()?).ok_or(Malformed::Field)?,
            name: reader.text(MAX_NAME)?.to_owned(),
            hints: decode_hints(reader.prefixed(MAX_HINT_BYTES)?).ok_or(Malformed::Field)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn binding() -> Binding {
        Binding { x: [1; 32], knock_id: Identity::from_secret(&[2; 32]).public(), secret: [3; 16] }
    }

    fn hints() -> Vec<Hint> {
        vec![Hint::Address("192.168.1.7:4000".parse().unwrap()), Hint::Relay("https://relay.example/".into())]
    }

    #[test]
    fn a_knock_says_who_knocks() {
        let me = Identity::generate();
        let card = binding().check_knock(&binding().knock(&me, "Ada", &hints())).unwrap();
        assert_eq!(card, Card { key: me.public(), name: "Ada".into(), hints: hints() });
    }

    #[test]
    fn a_knock_holds_for_its_connection_its_invitation_and_its_secret_only() {
        let k1 = binding().knock(&Identity::generate(), "Ada", &[]);
        assert!(Binding { x: [9; 32], ..binding() }.check_knock(&k1).is_none());
        assert!(Binding { knock_id: Identity::generate().public(), ..binding() }.check_knock(&k1).is_none());
        assert!(Binding { secret: [9; 16], ..binding() }.check_knock(&k1).is_none());
    }

    #[test]
    fn a_knock_with_any_byte_changed_or_missing_is_refused() {
        let k1 = binding().knock(&Identity::generate(), "Ada", &hints());
        for at in 0..k1.len() {
            let mut changed = k1.clone();
            changed[at] ^= 1;
            assert!(binding().check_knock(&changed).is_none(), "byte {at}");
            assert!(binding().check_knock(&k1[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn an_ok_holds_for_its_knock_only() {
        let (me, they) = (Identity::generate(), Identity::generate());
        let (k1, other) = (binding().knock(&me, "Ada", &[]), binding().knock(&me, "Ada", &hints()));
        let pair_secret = PairSecret::generate();
        let ok = KnockAnswer::Ok { name: "Bob".into(), hints: hints(), pair_secret: pair_secret.clone() };
        let k2 = binding().answer(&they, &k1, &ok);
        assert!(binding().check_answer(&other, &k2).is_err());
        assert!(Binding { x: [9; 32], ..binding() }.check_answer(&k1, &k2).is_err());
        match binding().check_answer(&k1, &k2) {
            Ok(Answer::Ok(card, secret)) => {
                assert_eq!(card, Card { key: they.public(), name: "Bob".into(), hints: hints() });
                assert!(secret == pair_secret);
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_cut_between_letters() {
        let me = Identity::generate();
        let card = binding().check_knock(&binding().knock(&me, &"ä".repeat(40), &[])).unwrap();
        assert_eq!(card.name, "ä".repeat(32));
        let card = binding().check_knock(&binding().knock(&me, &"€".repeat(40), &[])).unwrap();
        assert_eq!(card.name, "€".repeat(21));
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_knock_and_no_ok(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(binding().check_knock(&bytes).is_none());
            let ok = binding().check_answer(&[], &[&[OK][..], &bytes].concat());
            prop_assert!(ok.is_err());
        }
    }
}
