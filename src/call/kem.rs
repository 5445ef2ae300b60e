//! The half of the key agreement that a quantum computer does not break: ML-KEM-768 (FIPS 203).
//!
//! The callee makes a pair of keys after the click and sends the public one in ACCEPT; the caller encapsulates a secret to
//! it, in REVEAL. X25519 stands beside it: the keys of a call are safe while either of the two is.

use ml_kem::kem::Decapsulate;
use ml_kem::ml_kem_768::{Ciphertext, DecapsulationKey, EncapsulationKey};
use ml_kem::{B32, KeyExport, Seed};
use zeroize::{Zeroize, Zeroizing};

use crate::e2ee::Secret;

/// The callee's secret key. Opening consumes it, dropping wipes it.
pub(super) struct KemKey(Box<DecapsulationKey>);

impl KemKey {
    /// The key of a seed (`d || z` of FIPS 203, algorithm 16).
    pub fn new(seed: &Zeroizing<[u8; 64]>) -> Self {
        let mut seed = Seed::from(**seed);
        let key = DecapsulationKey::from_seed(seed);
        seed.zeroize();
        Self(Box::new(key))
    }

    /// The encapsulation key, 1184 bytes.
    pub fn public(&self) -> Vec<u8> {
        self.0.encapsulation_key().to_bytes().to_vec()
    }

    /// The secret that `ciphertext` carries. One that was altered gives another secret (implicit rejection), so
    /// confirmation fails; `None` is for one of the wrong length.
    pub fn open(self, ciphertext: &[u8]) -> Option<Secret> {
        let mut shared = self.0.decapsulate(&Ciphertext::try_from(ciphertext).ok()?);
        let secret = Zeroizing::new(shared.into());
        shared.zeroize();
        Some(secret)
    }
}

/// Encapsulates a secret to the key that ACCEPT brought: the ciphertext, 1088 bytes, and the secret. `random` is used for
/// this alone. `None`: that is no key (FIPS 203 section 7.2 says what one is).
pub(super) fn encapsulate(key: &[u8], random: &Secret) -> Option<(Vec<u8>, Secret)> {
    let key = EncapsulationKey::new(&key.try_into().ok()?).ok()?;
    let mut random = B32::from(**random);
    let (ciphertext, mut shared) = key.encapsulate_deterministic(&random);
    let secret = Zeroizing::new(shared.into());
    random.zeroize();
    shared.zeroize();
    Some((ciphertext.to_vec(), secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_get_the_same_secret_and_the_sizes_are_those_of_the_standard() {
        let key = KemKey::new(&Zeroizing::new([1; 64]));
        let (ciphertext, ours) = encapsulate(&key.public(), &Zeroizing::new([2; 32])).unwrap();
        assert_eq!((key.public().len(), ciphertext.len()), (1184, 1088));
        assert_eq!(key.open(&ciphertext).unwrap(), ours);
    }

    #[test]
    fn a_key_with_a_coefficient_beyond_the_modulus_is_refused() {
        let mut key = KemKey::new(&Zeroizing::new([1; 64])).public();
        key[..3].copy_from_slice(&[0xff; 3]);
        assert!(encapsulate(&key, &Zeroizing::new([2; 32])).is_none());
        assert!(encapsulate(&key[1..], &Zeroizing::new([2; 32])).is_none());
    }
}
