//! The identity key and the hash that everything signed goes through.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// An Ed25519 signature (RFC 8032).
pub type Signature = [u8; 64];

/// A person's public key, which is also their address on the link.
///
/// Invariant: a valid point of the curve in its canonical encoding (RFC 8032, 5.1.2), not one of the weak ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// The secret key of a profile. It signs, and never leaves but into the vault.
pub struct Identity(SigningKey);

impl PublicKey {
    /// Accepts a key as a peer sent it; `None` if it is not on the curve, of small order, or a second spelling of another key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        let canonical = VerifyingKey::from(key.to_edwards()).as_bytes() == bytes;
        (canonical && !key.is_weak()).then_some(Self(*bytes))
    }

    /// Reads the 64 hexadecimal digits that [`Display`](fmt::Display) prints.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
        Self::from_bytes(&bytes.try_into().ok()?)
    }

    /// The key as sent.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether `signature` is this key's over `label || 0x00 || hash`, checked strictly (no malleable form passes).
    pub fn verifies(&self, label: &str, hash: &[u8; 32], signature: &Signature) -> bool {
        let key = VerifyingKey::from_bytes(&self.0).expect("checked when this key was made");
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        key.verify_strict(&signed(label, hash), &signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    /// The first eight digits: logs do not tell who talks to whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", &self.to_string()[..8])
    }
}

impl Serialize for PublicKey {
    /// As [`Display`](fmt::Display) prints it.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    /// As [`parse`](PublicKey::parse) reads it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("not a public key"))
    }
}

impl Identity {
    /// A new key from the system's randomness.
    pub fn generate() -> Self {
        Self::from_secret(&Zeroizing::new(random()))
    }

    /// The key as the vault keeps it.
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// What the vault has to keep.
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `label || 0x00 || hash`.
    pub fn sign(&self, label: &str, hash: &[u8; 32]) -> Signature {
        self.0.sign(&signed(label, hash)).to_bytes()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?})", self.public())
    }
}

/// `SHA-256(LP(a) || LP(b) || ...)`: the length before each part keeps parts from running into each other.
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u32).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Appends `LP(part)`, its length as four big-endian bytes and then itself.
pub fn length_prefixed(out: &mut Vec<u8>, part: &[u8]) {
    out.extend_from_slice(&(part.len() as u32).to_be_bytes());
    out.extend_from_slice(part);
}

/// Bytes from the system's random source, which a program of this kind cannot do without.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has a random source");
    bytes
}

fn signed(label: &str, hash: &[u8; 32]) -> Vec<u8> {
    [label.as_bytes(), &[0], hash].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_label_and_hash_only() {
        let me = Identity::generate();
        let signature = me.sign("vesper/1 accept", &[1; 32]);
        assert!(me.public().verifies("vesper/1 accept", &[1; 32], &signature));
        assert!(!me.public().verifies("vesper/1 reveal", &[1; 32], &signature));
        assert!(!me.public().verifies("vesper/1 accept", &[2; 32], &signature));
        assert!(!Identity::generate().public().verifies("vesper/1 accept", &[1; 32], &signature));
    }

    #[test]
    fn weak_and_malformed_keys_are_refused() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity_point), None);
        assert_eq!(PublicKey::from_bytes(&[0; 32]), None);
        assert_eq!(PublicKey::from_bytes(&[0xff; 32]), None);
        assert_eq!(PublicKey::parse("vesper"), None);
    }

    #[test]
    fn a_key_is_read_back_as_printed() {
        let key = Identity::generate().public();
        assert_eq!(PublicKey::parse(&key.to_string()), Some(key));
    }

    #[test]
    fn parts_of_a_hash_do_not_run_into_each_other() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    }
}
