//! Sealing what is kept on disk: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03).
//!
//! Nonces are 24 random bytes, fresh for every seal, so that a key may seal without a counter to keep. A sealed value is
//! `nonce 24 || ciphertext || tag 16`; what `context` holds is authenticated with it, and not stored.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::random;

/// How much longer a sealed value is than what it holds: nonce and tag.
pub const OVERHEAD: usize = NONCE + 16;

const NONCE: usize = 24;

/// A key of this file's, wiped when dropped.
pub type SealKey = Zeroizing<[u8; 32]>;

/// Seals `plain` so that it opens only under the same `key` and `context`.
pub fn seal(key: &SealKey, context: &[u8], plain: &[u8]) -> Vec<u8> {
    let nonce: [u8; NONCE] = random();
    let payload = Payload { msg: plain, aad: context };
    let sealed =
        cipher(key).encrypt(&XNonce::from(nonce), payload).expect("what we seal is far below the cipher's limit of 256 GiB");
    [&nonce[..], &sealed].concat()
}

/// Opens what [`seal`] returned. `None` for another key or context, or a value that is cut off or changed; which, is not told.
pub fn open(key: &SealKey, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>()?;
    cipher(key).decrypt(&XNonce::from(*nonce), Payload { msg, aad: context }).ok().map(Zeroizing::new)
}

fn cipher(key: &SealKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(**key).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_under_its_own_key_and_context_only() {
        let key = Zeroizing::new([1; 32]);
        let sealed = seal(&key, b"contacts", b"mum");
        assert_eq!(sealed.len(), 3 + OVERHEAD);
        assert_eq!(open(&key, b"contacts", &sealed).unwrap().as_slice(), b"mum");
        assert!(open(&key, b"settings", &sealed).is_none());
        assert!(open(&Zeroizing::new([2; 32]), b"contacts", &sealed).is_none());
        for cut in 0..sealed.len() {
            assert!(open(&key, b"contacts", &sealed[..cut]).is_none());
        }
    }

    #[test]
    fn the_same_value_never_looks_the_same_twice() {
        let key = Zeroizing::new([1; 32]);
        assert_ne!(seal(&key, b"", b"mum"), seal(&key, b"", b"mum"));
    }
}
