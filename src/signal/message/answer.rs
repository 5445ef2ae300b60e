//! ACCEPT, REVEAL and CONFIRM: the three messages after the callee's click.

use super::{CallId, Candidate, Description, Malformed, MediaKind};
use crate::identity::{Signature, length_prefixed};
use crate::signal::wire::Reader;

/// The length of an ML-KEM-768 encapsulation key; suite 1 sends none.
const ENCAPSULATION_KEY: usize = 1184;

/// The length of an ML-KEM-768 ciphertext; suite 1 sends none.
const CIPHERTEXT: usize = 1088;

/// The callee's answer: its half of the key agreement, in the clear and signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    pub call: CallId,
    pub suite: u16,
    /// The callee's ephemeral X25519 key.
    pub e_b: [u8; 32],
    pub n_b: [u8; 32],
    /// The callee's encapsulation key: empty in suite 1.
    pub ek: Vec<u8>,
    pub media: MediaKind,
    pub description: Description,
    pub candidates: Vec<Candidate>,
    /// `Sign(B, "vesper/1 accept", T2)`.
    pub sig_b: Signature,
}

/// The caller opens its commitment and proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reveal {
    pub call: CallId,
    /// The caller's ephemeral X25519 key.
    pub e_a: [u8; 32],
    pub n_a: [u8; 32],
    /// What the caller encapsulated: empty in suite 1.
    pub ct: Vec<u8>,
    pub candidates: Vec<Candidate>,
    /// `Sign(A, "vesper/1 reveal", T3)`.
    pub sig_a: Signature,
    pub mac_a: [u8; 32],
}

/// The callee has the same keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    pub call: CallId,
    pub mac_b: [u8; 32],
}

impl Accept {
    /// The body without its signature: what the transcript T2 hashes.
    pub fn unsigned(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_unsigned(&mut out);
        out
    }

    fn write_unsigned(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.call.0);
        out.extend_from_slice(&self.suite.to_be_bytes());
        out.extend_from_slice(&self.e_b);
        out.extend_from_slice(&self.n_b);
        length_prefixed(out, &self.ek);
        self.media.write(out);
        self.description.write(out);
        Candidate::write_list(&self.candidates, out);
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.write_unsigned(out);
        out.extend_from_slice(&self.sig_b);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            call: CallId(reader.array()?),
            suite: reader.u16()?,
            e_b: reader.array()?,
            n_b: reader.array()?,
            ek: empty_or(reader, ENCAPSULATION_KEY)?,
            media: MediaKind::read(reader)?,
            description: Description::read(reader)?,
            candidates: Candidate::read_list(reader)?,
            sig_b: reader.array()?,
        })
    }
}

impl Reveal {
    /// The body without signature and MAC: what the transcript T3 hashes.
    pub fn unsigned(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_unsigned(&mut out);
        out
    }

    fn write_unsigned(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.call.0);
        out.extend_from_slice(&self.e_a);
        out.extend_from_slice(&self.n_a);
        length_prefixed(out, &self.ct);
        Candidate::write_list(&self.candidates, out);
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.write_unsigned(out);
        out.extend_from_slice(&self.sig_a);
        out.extend_from_slice(&self.mac_a);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            call: CallId(reader.array()?),
            e_a: reader.array()?,
            n_a: reader.array()?,
            ct: empty_or(reader, CIPHERTEXT)?,
            candidates: Candidate::read_list(reader)?,
            sig_a: reader.array()?,
            mac_a: reader.array()?,
        })
    }
}

impl Confirm {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.call.0);
        out.extend_from_slice(&self.mac_b);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { call: CallId(reader.array()?), mac_b: reader.array()? })
    }
}

/// A part that has one length or is not there.
fn empty_or(reader: &mut Reader<'_>, len: usize) -> Result<Vec<u8>, Malformed> {
    let part = reader.prefixed(len)?;
    if part.is_empty() || part.len() == len { Ok(part.to_vec()) } else { Err(Malformed::Field) }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::description::tests::{candidates, description};
    use super::super::invite::tests::media;
    use super::*;

    fn maybe(len: usize) -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), len)]
    }

    fn signature() -> impl Strategy<Value = Signature> {
        any::<([u8; 32], [u8; 32])>().prop_map(|(r, s)| [r, s].concat().try_into().expect("64 bytes"))
    }

    pub fn accept() -> impl Strategy<Value = Accept> {
        let fixed = any::<([u8; 16], u16, [u8; 32], [u8; 32])>();
        (fixed, maybe(ENCAPSULATION_KEY), media(), description(), candidates(), signature()).prop_map(
            |((call, suite, e_b, n_b), ek, media, description, candidates, sig_b)| Accept {
                call: CallId(call),
                suite,
                e_b,
                n_b,
                ek,
                media,
                description,
                candidates,
                sig_b,
            },
        )
    }

    pub fn reveal() -> impl Strategy<Value = Reveal> {
        let fixed = any::<([u8; 16], [u8; 32], [u8; 32], [u8; 32])>();
        (fixed, maybe(CIPHERTEXT), candidates(), signature()).prop_map(|((call, e_a, n_a, mac_a), ct, candidates, sig_a)| {
            Reveal { call: CallId(call), e_a, n_a, ct, candidates, sig_a, mac_a }
        })
    }

    pub fn confirm() -> impl Strategy<Value = Confirm> {
        any::<([u8; 16], [u8; 32])>().prop_map(|(call, mac_b)| Confirm { call: CallId(call), mac_b })
    }

    proptest! {
        #[test]
        fn the_signed_part_is_the_body_without_what_proves_it(accept in accept(), reveal in reveal()) {
            let (mut a, mut r) = (Vec::new(), Vec::new());
            accept.write(&mut a);
            reveal.write(&mut r);
            prop_assert_eq!(accept.unsigned(), &a[..a.len() - 64]);
            prop_assert_eq!(reveal.unsigned(), &r[..r.len() - 96]);
        }
    }

    #[test]
    fn an_encapsulation_key_of_another_length_is_refused() {
        let mut part = Vec::new();
        length_prefixed(&mut part, &[0; ENCAPSULATION_KEY - 1]);
        assert_eq!(empty_or(&mut Reader::new(&part), ENCAPSULATION_KEY), Err(Malformed::Field));
    }
}
