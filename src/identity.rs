//! Who I am: one Ed25519 key a profile, the vault that keeps it sealed, the folder that holds both.

mod keys;

pub use keys::{Identity, PublicKey, Signature, hash, length_prefixed, random};
