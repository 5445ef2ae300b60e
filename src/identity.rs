//! Who I am: one Ed25519 key a profile, and the vault that keeps it sealed.

pub mod files;
pub(crate) mod hex;
mod keys;
mod reader;
pub mod seal;
mod vault;

pub use keys::{Identity, PublicKey, Signature, hash, length_prefixed, random};
pub use reader::Reader;
pub use vault::{Vault, VaultError};
