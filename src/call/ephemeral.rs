//! A secret of X25519 that is used once.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::e2ee::Secret;

/// An X25519 secret (RFC 7748). Agreeing consumes it, dropping wipes it.
pub(super) struct Ephemeral(Secret);

impl Ephemeral {
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    pub fn public(&self) -> [u8; 32] {
        x25519_dalek::x25519(*self.0, x25519_dalek::X25519_BASEPOINT_BYTES)
    }

    /// What both sides get to know; `None` if the result is zero (a point of small order) or `theirs` is our own key.
    pub fn agree(self, theirs: &[u8; 32]) -> Option<Secret> {
        if *theirs == self.public() {
            return None;
        }
        let shared = Zeroizing::new(x25519_dalek::x25519(*self.0, *theirs));
        (!bool::from(shared.ct_eq(&[0; 32]))).then_some(shared)
    }
}
