//! Who I am: one Ed25519 key a profile, and the vault that keeps it sealed.

pub mod files;
pub(crate) mod hex;
mod keys;
pub mod passphrase;
mod reader;
mod safety_number;
pub mod seal;
mod vault;

pub use keys::{Identity, PublicKey, Signature, hash, length_prefixed, random};
pub use reader::{ReadError, Reader};
pub use safety_number::{SafetyNumber, Scanned};
pub use vault::{NewLock, Vault, VaultError};
