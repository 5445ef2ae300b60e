//! The key agreements and signatures of the library, as far as its sources ask for them, with a memory: what was computed before is
//! looked up. Nothing is left out and nothing made up; each answer is the real crate's, for the very same bytes.
//!
//! An honest handshake takes half a millisecond of arithmetic, and a fuzzer that changes one byte of it would repeat the other
//! ninety-nine hundredths of that in every run.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;

use sha2::{Digest, Sha256};

/// Answers that are kept; then all of them are forgotten.
const MOST: usize = 1 << 16;

thread_local! {
    static KNOWN: RefCell<HashMap<[u8; 32], Box<dyn Any>>> = RefCell::default();
}

/// What `compute` gives for `inputs`, which are all that it depends on.
fn remembered<T: Clone + 'static>(what: &str, inputs: &[&[u8]], compute: impl FnOnce() -> T) -> T {
    let mut hasher = Sha256::new();
    for part in [what.as_bytes()].iter().chain(inputs) {
        hasher.update((part.len() as u32).to_be_bytes());
        hasher.update(part);
    }
    let name: [u8; 32] = hasher.finalize().into();
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST {
            known.clear();
        }
        let value = known.entry(name).or_insert_with(|| Box::new(compute()));
        value.downcast_ref::<T>().expect("each kind of answer has a name of its own").clone()
    })
}

// As `x25519_dalek`.

pub use x25519::X25519_BASEPOINT_BYTES;

pub fn x25519(secret: [u8; 32], point: [u8; 32]) -> [u8; 32] {
    remembered("x25519", &[&secret, &point], || x25519::x25519(secret, point))
}

// As `ed25519_dalek`.

pub use ed25519::Signature;

pub trait Signer {
    fn sign(&self, message: &[u8]) -> Signature;
}

#[derive(Clone)]
pub struct SigningKey(ed25519::SigningKey);

impl SigningKey {
    pub fn from_bytes(secret: &[u8; 32]) -> Self {
        Self(remembered("signing key", &[secret], || ed25519::SigningKey::from_bytes(secret)))
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.0.verifying_key())
    }
}

impl Signer for SigningKey {
    fn sign(&self, message: &[u8]) -> Signature {
        remembered("sign", &[&self.0.to_bytes(), message], || ed25519::Signer::sign(&self.0, message))
    }
}

#[derive(Clone)]
pub struct VerifyingKey(ed25519::VerifyingKey);

/// A point, and the bytes that it was read from.
pub struct Point([u8; 32]);

impl VerifyingKey {
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, ()> {
        remembered("verifying key", &[bytes], || ed25519::VerifyingKey::from_bytes(bytes).map(Self).map_err(drop))
    }

    pub fn to_edwards(&self) -> Point {
        Point(*self.as_bytes())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    pub fn is_weak(&self) -> bool {
        self.0.is_weak()
    }

    pub fn verify_strict(&self, message: &[u8], signature: &Signature) -> Result<(), ()> {
        let inputs: [&[u8]; 3] = [self.as_bytes(), message, &signature.to_bytes()];
        remembered("verify", &inputs, || self.0.verify_strict(message, signature).map_err(drop))
    }
}

impl From<Point> for VerifyingKey {
    fn from(Point(bytes): Point) -> Self {
        let key = || ed25519::VerifyingKey::from_bytes(&bytes).expect("it was a point before");
        remembered("canonical key", &[&bytes], || Self(key().to_edwards().into()))
    }
}

// As `ml_kem`.

pub type Seed = [u8; 64];
pub type B32 = [u8; 32];

pub trait KeyExport {
    fn to_bytes(&self) -> [u8; 1184];
}

pub mod kem {
    pub trait Decapsulate {
        fn decapsulate(&self, ciphertext: &[u8; 1088]) -> [u8; 32];
    }
}

pub mod ml_kem_768 {
    use mlkem::KeyExport as _;
    use mlkem::kem::Decapsulate as _;
    use mlkem::ml_kem_768 as real;

    use super::{B32, Seed, remembered};

    pub type Ciphertext = [u8; 1088];

    pub struct DecapsulationKey {
        seed: Seed,
        public: EncapsulationKey,
    }

    #[derive(Clone)]
    pub struct EncapsulationKey([u8; 1184]);

    impl DecapsulationKey {
        pub fn from_seed(seed: Seed) -> Self {
            let public = || {
                let bytes = real::DecapsulationKey::from_seed(seed.into()).encapsulation_key().to_bytes();
                EncapsulationKey(bytes.as_slice().try_into().expect("the length of the standard"))
            };
            Self { seed, public: remembered("ml-kem key", &[&seed], public) }
        }

        pub fn encapsulation_key(&self) -> &EncapsulationKey {
            &self.public
        }
    }

    impl super::kem::Decapsulate for DecapsulationKey {
        fn decapsulate(&self, ciphertext: &Ciphertext) -> [u8; 32] {
            remembered("decapsulate", &[&self.seed, ciphertext], || {
                real::DecapsulationKey::from_seed(self.seed.into()).decapsulate(&(*ciphertext).into()).into()
            })
        }
    }

    impl EncapsulationKey {
        pub fn new(key: &[u8; 1184]) -> Result<Self, ()> {
            let valid = remembered("valid key", &[key], || real::EncapsulationKey::new(&(*key).into()).is_ok());
            valid.then(|| Self(*key)).ok_or(())
        }

        pub fn encapsulate_deterministic(&self, random: &B32) -> (Ciphertext, [u8; 32]) {
            remembered("encapsulate", &[&self.0, random], || {
                let key = real::EncapsulationKey::new(&self.0.into()).expect("it was valid before");
                let (ciphertext, shared) = key.encapsulate_deterministic(&(*random).into());
                (ciphertext.as_slice().try_into().expect("the length of the standard"), shared.into())
            })
        }
    }

    impl super::KeyExport for EncapsulationKey {
        fn to_bytes(&self) -> [u8; 1184] {
            self.0
        }
    }
}
