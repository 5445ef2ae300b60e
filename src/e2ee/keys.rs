//! From the root key of an epoch to the key of one stream and minute.
//!
//! ```text
//! base[g,d,s][0]   = Expand(RK[g], "vesper/1 stream" || u8 d || u8 s || u16 g, 32)
//! base[g,d,s][i+1] = Expand(Extract("", base[g,d,s][i]), "SFrame 1.0 Ratchet", 32)
//! key, salt        = RFC 9605 section 4.4.2 (base, KID, suite 0xF001)
//! nonce            = salt xor CTR                                      (section 4.4.3)
//! RK[g+1]          = Expand(Extract(salt = RK[g], ikm = LP(X25519(eA', eB'))), "vesper/1 rekey" || H(u16 g+1, eA', eB'), 32)
//! ```
//!
//! Extract and Expand are HKDF-SHA256 (RFC 5869). The ratchet goes one way: who takes a key out of memory cannot open
//! what came more than a minute before.

use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use hkdf::Hkdf;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

use super::header::{FrameCounter, KeyId};
use crate::identity::{hash, length_prefixed};

/// 32 secret bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Bytes that the seal adds after the plaintext.
pub(super) const TAG: usize = 16;

/// ChaCha20-Poly1305 with SHA-256, from the private range of RFC 9605 section 8.1.
const SUITE: u16 = 0xF001;
const KEY: usize = 32;
const NONCE: usize = 12;

/// Which way an item travels. The two ways never share a key, so an item sent back to its sender does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    CallerToCallee = 0,
    CalleeToCaller = 1,
}

/// What an item is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamId {
    Audio = 0,
    Camera = 1,
    Screen = 2,
    /// Requests and snapshots between the two rule sets.
    Control = 7,
}

/// The root key RK\[g\] of an epoch: everything sealed in it derives from this.
pub struct RootKey {
    epoch: u16,
    secret: Secret,
}

/// The key base\[g,d,s\]\[i\] of one stream and ratchet step.
pub(super) struct BaseKey(Secret);

/// A key that seals items, with the salt of its nonces.
pub(super) struct FrameKey {
    key: Secret,
    salt: Zeroizing<[u8; NONCE]>,
}

impl Direction {
    /// The way back.
    pub fn reversed(self) -> Self {
        match self {
            Self::CallerToCallee => Self::CalleeToCaller,
            Self::CalleeToCaller => Self::CallerToCallee,
        }
    }
}

impl StreamId {
    /// Whether the minute ratchet turns for this stream; control keeps one key an epoch, so that it opens however
    /// long nothing else came through.
    pub(super) fn ratchets(self) -> bool {
        self != Self::Control
    }
}

impl RootKey {
    /// The root key of `epoch`, as the handshake or a rekey made it.
    pub fn new(epoch: u16, secret: Zeroizing<[u8; 32]>) -> Self {
        Self { epoch, secret }
    }

    /// Which epoch this key opens; the handshake's is 0.
    pub fn epoch(&self) -> u16 {
        self.epoch
    }

    /// The root key of the epoch after this one, from what X25519 gave for the fresh public keys of caller and callee.
    /// `None` after the last epoch that has a number.
    pub fn next(&self, shared: &Zeroizing<[u8; 32]>, caller: &[u8; 32], callee: &[u8; 32]) -> Option<Self> {
        let epoch = self.epoch.checked_add(1)?;
        let mut material = Zeroizing::new(Vec::with_capacity(36));
        length_prefixed(&mut material, &shared[..]);
        let public = hash(&[&epoch.to_be_bytes(), caller, callee]);
        let info = [b"vesper/1 rekey".as_slice(), &public].concat();
        Some(Self::new(epoch, expand(&extract(&self.secret[..], &material), &info)))
    }

    pub(super) fn base(&self, direction: Direction, stream: StreamId) -> BaseKey {
        let mut info = b"vesper/1 stream".to_vec();
        info.extend_from_slice(&[direction as u8, stream as u8]);
        info.extend_from_slice(&self.epoch.to_be_bytes());
        BaseKey(expand(&self.secret, &info))
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey(epoch {})", self.epoch)
    }
}

impl BaseKey {
    /// The next step's key. This one cannot be computed from it.
    pub fn ratchet(&self) -> Self {
        Self(expand(&extract(b"", &self.0[..]), b"SFrame 1.0 Ratchet"))
    }

    /// Takes `steps` steps.
    pub fn ratchet_by(&self, steps: u32) -> Self {
        (0..steps).fold(Self(self.0.clone()), |base, _| base.ratchet())
    }

    pub fn frame_key(&self, id: KeyId) -> FrameKey {
        let mut key = Zeroizing::new([0; KEY]);
        let mut salt = Zeroizing::new([0; NONCE]);
        sframe_secrets(&self.0[..], id.number(), SUITE, &mut key[..], &mut salt[..]);
        FrameKey { key, salt }
    }
}

impl FrameKey {
    /// Encrypts `body` in place and returns its tag. The caller never repeats `counter`.
    pub fn seal(&self, counter: FrameCounter, additional: &[u8], body: &mut [u8]) -> [u8; TAG] {
        let cipher = ChaCha20Poly1305::new((&*self.key).into());
        let tag = cipher.encrypt_inout_detached(&self.nonce(counter).into(), additional, body.into());
        tag.expect("an item is far below 256 GiB").into()
    }

    /// Decrypts `body` in place if `tag` holds; else `body` is of no use.
    #[must_use]
    pub fn open(&self, counter: FrameCounter, additional: &[u8], body: &mut [u8], tag: &[u8; TAG]) -> bool {
        let cipher = ChaCha20Poly1305::new((&*self.key).into());
        cipher.decrypt_inout_detached(&self.nonce(counter).into(), additional, body.into(), tag.into()).is_ok()
    }

    fn nonce(&self, counter: FrameCounter) -> [u8; NONCE] {
        let mut nonce = *self.salt;
        for (byte, counter) in nonce[NONCE - 8..].iter_mut().zip(counter.0.to_be_bytes()) {
            *byte ^= counter;
        }
        nonce
    }
}

/// HKDF-Extract with SHA-256 (RFC 5869 section 2.2).
pub(crate) fn extract(salt: &[u8], material: &[u8]) -> Secret {
    let (mut key, _) = Hkdf::<Sha256>::extract(Some(salt), material);
    let secret = Zeroizing::new(key.into());
    zeroize::Zeroize::zeroize(key.as_mut_slice());
    secret
}

/// HKDF-Expand with SHA-256 to 32 bytes (RFC 5869 section 2.3).
pub(crate) fn expand(key: &Secret, info: &[u8]) -> Secret {
    let mut out = Zeroizing::new([0; 32]);
    expand_into(key, info, &mut out[..]);
    out
}

fn expand_into(key: &Secret, info: &[u8], out: &mut [u8]) {
    let hkdf = Hkdf::<Sha256>::from_prk(&key[..]).expect("32 bytes are enough for SHA-256");
    hkdf.expand(info, out).expect("no key is longer than 255 hashes");
}

/// Key and salt of an SFrame suite with SHA-256 (RFC 9605 section 4.4.2).
fn sframe_secrets(base: &[u8], key_id: u64, suite: u16, key: &mut [u8], salt: &mut [u8]) {
    let secret = extract(b"", base);
    let info = |label: &[u8]| [label, &key_id.to_be_bytes(), &suite.to_be_bytes()].concat();
    expand_into(&secret, &info(b"SFrame 1.0 Secret key "), key);
    expand_into(&secret, &info(b"SFrame 1.0 Secret salt "), salt);
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    /// Appendix C.3 of RFC 9605, AES_128_GCM_SHA256_128: the schedule is ours but for the suite's number and key length.
    #[test]
    fn key_salt_and_nonce_are_those_of_the_rfc() {
        let base = HEXLOWER.decode(b"000102030405060708090a0b0c0d0e0f").unwrap();
        assert_eq!(HEXLOWER.encode(&extract(b"", &base)[..]), "d926952ca8b7ec4a95941d1ada3a5203ceff8cceee34f574d23909eb314c40c0");
        let (mut key, mut salt) = ([0; 16], [0; 12]);
        sframe_secrets(&base, 0x123, 4, &mut key, &mut salt);
        assert_eq!(HEXLOWER.encode(&key), "d34f547f4ca4f9a7447006fe7fcbf768");
        assert_eq!(HEXLOWER.encode(&salt), "75234edefe07819026751816");
        let frame_key = FrameKey { key: Zeroizing::new([0; 32]), salt: Zeroizing::new(salt) };
        assert_eq!(HEXLOWER.encode(&frame_key.nonce(FrameCounter(0x4567))), "75234edefe07819026755d71");
    }

    #[test]
    fn every_epoch_direction_stream_and_step_has_a_key_of_its_own() {
        let mut keys = std::collections::BTreeSet::new();
        for epoch in 0..2 {
            let root = RootKey::new(epoch, Zeroizing::new([7; 32]));
            for direction in [Direction::CallerToCallee, Direction::CalleeToCaller] {
                for stream in [StreamId::Audio, StreamId::Camera, StreamId::Screen, StreamId::Control] {
                    for step in 0..3 {
                        let base = root.base(direction, stream).ratchet_by(step);
                        keys.insert(*base.frame_key(KeyId::new(epoch, step, stream)).key);
                    }
                }
            }
        }
        assert_eq!(keys.len(), 2 * 2 * 4 * 3);
    }

    #[test]
    fn no_secret_is_printed() {
        assert_eq!(format!("{:?}", RootKey::new(2, Zeroizing::new([9; 32]))), "RootKey(epoch 2)");
    }
}
