//! The vault: the one small file that holds a profile's secrets, sealed.
//!
//! ```text
//! header (see `vault/header.rs`) | nonce 24 | body + tag 16, sealed under the data key with the whole header as additional data
//! ```
//!
//! The data key is random and sealed in each slot of the header, so that one body opens in several ways. Every write seals
//! the body under a fresh nonce and replaces the file whole ([`files::replace`]); slots are copied as they are, so nothing is
//! ever sealed twice under one nonce. A file that does not open is never written to.

mod header;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use self::header::{Cost, Kind, Slot};
use super::files::Superseded;
use super::seal::{self, SealKey};
use super::{Reader, files, random};

/// Far above any body that we write (a backup with thousands of contacts); what is larger is not a vault.
const MAX_FILE: u64 = 8 << 20;

/// An open vault: it can be saved without asking for the passphrase again.
pub struct Vault {
    path: PathBuf,
    header: Vec<u8>,
    data_key: SealKey,
}

/// A new passphrase, or none, with a data key of its own: what changing the one of a vault takes, computed beforehand.
pub struct NewLock {
    header: Vec<u8>,
    data_key: SealKey,
}

/// Why a vault does not open, or cannot be written. Each is a sentence for the person, with what to do.
#[derive(Debug, Error)]
pub enum VaultError {
    #[error("this profile is sealed: enter its passphrase, or set VESPER_PASSPHRASE")]
    PassphraseNeeded,
    #[error("this is not the profile's passphrase: try again, and look at the keyboard layout and caps lock")]
    WrongPassphrase,
    #[error("the key file is damaged and was left as it is: put a copy of it back from a backup ({})", .0.display())]
    Damaged(PathBuf),
    #[error("this is not a key file of Vesper, and was left as it is: choose another profile folder ({})", .0.display())]
    NotAVault(PathBuf),
    #[error("the key file was made by a newer Vesper: update this one ({})", .0.display())]
    Newer(PathBuf),
    #[error(
        "the key file asks for memory or time that Vesper never does, so it was changed and was not opened: put a copy of it back from a backup ({})", .0.display()
    )]
    Unreasonable(PathBuf),
    #[error("there is a key file already, and it was left as it is: open it, or choose another profile folder ({})", .0.display())]
    Exists(PathBuf),
    #[error("there is no key file: put a copy of it back from a backup, or make a new profile ({})", .0.display())]
    Missing(PathBuf),
    #[error("there is too little memory to try the passphrase: close other programs and try again")]
    NoMemory,
    #[error("the disk is full and nothing was changed: free some space and try again ({})", .0.display())]
    DiskFull(PathBuf),
    #[error("the key file cannot be used: {source}; put that right, or choose another profile with --profile ({})", path.display())]
    Io { source: io::Error, path: PathBuf },
}

/// What is wrong with the bytes, before anybody says with which file.
enum Problem {
    Damaged,
    NotAVault,
    Newer,
    Unreasonable,
    NoMemory,
}

impl Vault {
    /// Makes the file at `path`, which must not be there. An empty passphrase is none.
    pub fn create(path: &Path, passphrase: Option<&str>, body: &[u8]) -> Result<Self, VaultError> {
        Self::create_at_cost(path, passphrase, Cost::NORMAL, body)
    }

    fn create_at_cost(path: &Path, passphrase: Option<&str>, cost: Cost, body: &[u8]) -> Result<Self, VaultError> {
        if path.symlink_metadata().is_ok() {
            return Err(VaultError::Exists(path.to_owned()));
        }
        let NewLock { header, data_key } = NewLock::at_cost(passphrase, cost).map_err(|problem| problem.at(path))?;
        let mut vault = Self { path: path.to_owned(), header, data_key };
        vault.save(body)?;
        Ok(vault)
    }

    /// Opens the file at `path` and returns its body. `passphrase` is not looked at where none is needed.
    pub fn open(path: &Path, passphrase: Option<&str>) -> Result<(Self, Zeroizing<Vec<u8>>), VaultError> {
        Self::open_bytes(&read(path)?, path, passphrase)
    }

    /// The same once it is read: `file` is what stands at `path`.
    pub fn open_bytes(file: &[u8], path: &Path, passphrase: Option<&str>) -> Result<(Self, Zeroizing<Vec<u8>>), VaultError> {
        let (slots, header_end) = split(file).map_err(|problem| problem.at(path))?;
        let (header, sealed_body) = file.split_at(header_end);
        let data_key = data_key(&slots, passphrase, path)?;
        let body = seal::open(&data_key, header, sealed_body).ok_or_else(|| Problem::Damaged.at(path))?;
        Ok((Self { path: path.to_owned(), header: header.to_vec(), data_key }, body))
    }

    /// Whether [`open`](Self::open) needs a passphrase for the file at `path`.
    pub fn needs_passphrase(path: &Path) -> Result<bool, VaultError> {
        let file = read(path)?;
        let (slots, _) = split(&file).map_err(|problem| problem.at(path))?;
        Ok(slots.iter().all(|slot| slot.kind() != Kind::None))
    }

    /// Whether opening it takes a passphrase.
    pub fn is_sealed(&self) -> bool {
        let slots = header::decode(&mut Reader::new(&self.header));
        slots.is_ok_and(|slots| slots.iter().all(|slot| slot.kind() != Kind::None))
    }

    /// Puts a new lock on the vault: the old passphrase and the old data key open nothing that is written from now on.
    ///
    /// The file is replaced whole, so that a crash leaves either the old lock or the new one.
    pub fn relock(&mut self, lock: NewLock, body: &[u8]) -> Result<(), VaultError> {
        let mut new = Self { path: self.path.clone(), header: lock.header, data_key: lock.data_key };
        new.save(body)?;
        *self = new;
        Ok(())
    }

    /// Replaces the body, and writes over what the file was: it may have been locked with less. On an error the file is what it was.
    pub fn save(&mut self, body: &[u8]) -> Result<(), VaultError> {
        let sealed_body = seal::seal(&self.data_key, &self.header, body);
        // Whether the old file can be held on to or not, the new one is what was asked for.
        let old = Superseded::at(&self.path).unwrap_or_default();
        files::replace(&self.path, &[self.header.as_slice(), &sealed_body].concat()).map_err(|error| at(&self.path, error))?;
        let _ = old.overwrite();
        Ok(())
    }
}

impl NewLock {
    /// Computes what a passphrase costs, a fifth of a second and 64 MiB; an empty one is none.
    pub fn new(passphrase: Option<&str>) -> Result<Self, VaultError> {
        Self::at_cost(passphrase, Cost::NORMAL).map_err(|problem| problem.at(Path::new("")))
    }

    fn at_cost(passphrase: Option<&str>, cost: Cost) -> Result<Self, Problem> {
        let data_key = Zeroizing::new(random());
        let slot = Slot::new(passphrase.filter(|passphrase| !passphrase.is_empty()), cost, &data_key)?;
        Ok(Self { header: header::encode(&[slot]), data_key })
    }
}

impl From<super::ReadError> for Problem {
    fn from(_: super::ReadError) -> Self {
        Self::Damaged
    }
}

impl Problem {
    fn at(self, path: &Path) -> VaultError {
        let path = path.to_owned();
        match self {
            Self::Damaged => VaultError::Damaged(path),
            Self::NotAVault => VaultError::NotAVault(path),
            Self::Newer => VaultError::Newer(path),
            Self::Unreasonable => VaultError::Unreasonable(path),
            Self::NoMemory => VaultError::NoMemory,
        }
    }
}

fn at(path: &Path, source: io::Error) -> VaultError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => VaultError::Missing(path),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => VaultError::DiskFull(path),
        _ => VaultError::Io { source, path },
    }
}

fn read(path: &Path) -> Result<Vec<u8>, VaultError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| at(path, error))?;
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|error| at(path, error))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(VaultError::NotAVault(path.to_owned()));
    }
    Ok(bytes)
}

/// The slots, and where the header ends and the sealed body begins.
fn split(file: &[u8]) -> Result<(Vec<Slot>, usize), Problem> {
    let mut reader = Reader::new(file);
    let slots = header::decode(&mut reader)?;
    Ok((slots, file.len() - reader.unread().len()))
}

fn data_key(slots: &[Slot], passphrase: Option<&str>, path: &Path) -> Result<SealKey, VaultError> {
    if let Some(open) = slots.iter().find(|slot| slot.kind() == Kind::None) {
        return open.open(None).map_err(|problem| problem.at(path))?.ok_or_else(|| Problem::Damaged.at(path));
    }
    let mut sealed = slots.iter().filter(|slot| slot.kind() == Kind::Passphrase).peekable();
    if sealed.peek().is_none() {
        return Err(Problem::Newer.at(path));
    }
    let passphrase = passphrase.filter(|passphrase| !passphrase.is_empty()).ok_or(VaultError::PassphraseNeeded)?;
    for slot in sealed {
        if let Some(key) = slot.open(Some(passphrase)).map_err(|problem| problem.at(path))? {
            return Ok(key);
        }
    }
    Err(VaultError::WrongPassphrase)
}

#[cfg(test)]
mod tests;
