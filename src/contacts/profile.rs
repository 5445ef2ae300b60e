//! The profile folder: everything of one person on this computer, and the lock that lets one process at a time have it.
//!
//! ```text
//! lock            held while the profile is open; empty
//! vault           u8 1 || identity secret 32 || database key 32 || LP(name), sealed (see `identity/vault.rs`)
//! contacts.redb   contacts, invitations, requests, settings (see `contacts/store.rs`)
//! messages.redb, conversations.keys   what was written (see `conversation/library.rs`)
//! calls.meanwhile   calls that ended while it was locked (see `conversation/meanwhile.rs`)
//! window.json     where the window was, the one thing that is not sealed
//! ```
//!
//! The folder is 0700 and its files are 0600. The vault is written last: a folder with a vault is a whole profile.
//!
//! Here alone is said what belongs to a profile: what stands in its folder ([`FILES`], which [`Profile::wipe`] removes), and
//! which keys and stores are in memory only while it is unlocked ([`Unlocked`], which [`Profile::lock`] drops).

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use super::store::{Store, StoreError, expand as expand_key};
use super::{Contact, names};
use crate::identity::{Identity, NewLock, PublicKey, Reader, Vault, VaultError, files, length_prefixed, random, seal};

const BODY_VERSION: u8 = 1;

/// What stands in a profile's folder, the most secret first; `control.sock` is how other commands reach the owner, `window.json`
/// says where its window was. A name
/// stands for itself and for what begins with it and a dot: what a write left behind, what was set aside.
const FILES: [&str; 8] =
    ["vault", "conversations.keys", "messages.redb", "contacts.redb", "calls.meanwhile", "control.sock", "window.json", "lock"];

/// An open profile. It is kept from other processes until dropped.
///
/// Invariant: the identity is in memory as long as the profile is, so that a contact can ring; the rest only while unlocked.
pub struct Profile {
    pub identity: Identity,
    /// What we call ourselves.
    pub name: String,
    directory: PathBuf,
    unlocked: Option<Unlocked>,
    _lock: File,
}

/// What [`Profile::lock`] wipes from memory: stores with their keys, and the keys of the vault.
struct Unlocked {
    store: Store,
    vault: Vault,
    database_key: seal::SealKey,
}

/// What [`Profile::unlock`] needs, read off the loop: opening a vault takes a moment on purpose.
pub struct Unlocking {
    unlocked: Unlocked,
    /// Whose profile it is.
    key: PublicKey,
}

/// Why a profile cannot be made or opened. Each is a sentence for the person, with what to do.
#[derive(Debug, Error)]
pub enum ProfileError {
    #[error("this profile is in use by another Vesper: close that one, or choose another profile with --profile ({})", .0.display())]
    InUse(PathBuf),
    #[error("there is no profile here: start with a new one, or choose another with --profile ({})", .0.display())]
    Missing(PathBuf),
    #[error("there are other things in this folder, and it was left as it is: choose an empty or a new one with --profile ({})", .0.display())]
    NotOurs(PathBuf),
    #[error("the profile is locked: unlock it first")]
    Locked,
    #[error("a profile without a passphrase cannot be locked: set one in the settings")]
    NotSealed,
    #[error("the key file is not the one that this profile was opened with, and nothing was done with it: put the right one back ({})", .0.display())]
    Exchanged(PathBuf),
    #[error("a profile needs a name with something to see in it: choose one")]
    NoName,
    #[error("\"{0}\" cannot name a profile: use letters, digits, - and _, or the path of a folder")]
    BadProfileName(String),
    #[error("this computer does not say where programs keep their data: name a folder with --profile, or set HOME")]
    NoDataFolder,
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the profile folder cannot be used: {source}; choose another one with --profile ({})", path.display())]
    Io { source: io::Error, path: PathBuf },
}

impl Profile {
    /// The folder that `--profile` means: a path if it has a `/` or names a folder that is there, else a name below the data folder.
    pub fn directory(profile_arg: &str) -> Result<PathBuf, ProfileError> {
        let path = Path::new(profile_arg);
        if profile_arg.contains(std::path::is_separator) || path.is_dir() {
            return Ok(path.to_owned());
        }
        if profile_arg.is_empty() || profile_arg.starts_with('.') || profile_arg.contains(char::is_control) {
            return Err(ProfileError::BadProfileName(names::clean(profile_arg)));
        }
        let folders = directories::BaseDirs::new().ok_or(ProfileError::NoDataFolder)?;
        Ok(folders.data_dir().join("vesper").join(profile_arg))
    }

    /// Whether a profile is in `directory`, or could be made there: it is missing, or nothing in it is anybody else's.
    pub fn has_room(directory: &Path) -> bool {
        Self::exists(directory) || !has_other_things(directory).unwrap_or(false)
    }

    /// Whether there is a profile in `directory`.
    pub fn exists(directory: &Path) -> bool {
        vault_path(directory).symlink_metadata().is_ok()
    }

    /// Whether [`open`](Self::open) needs a passphrase.
    pub fn needs_passphrase(directory: &Path) -> Result<bool, ProfileError> {
        Ok(Vault::needs_passphrase(&vault_path(directory))?)
    }

    /// Makes a profile with a new identity. `name` is what we call ourselves; an empty passphrase is none.
    pub fn create(directory: &Path, name: &str, passphrase: Option<&str>) -> Result<Self, ProfileError> {
        Self::create_for(directory, Identity::generate(), name, &[], passphrase)
    }

    /// The same for an identity and contacts that there are already, as in a backup.
    pub(super) fn create_for(
        directory: &Path,
        identity: Identity,
        name: &str,
        contacts: &[Contact],
        passphrase: Option<&str>,
    ) -> Result<Self, ProfileError> {
        let name = Some(names::clean(name)).filter(|name| !name.is_empty()).ok_or(ProfileError::NoName)?;
        let failed = |source| ProfileError::Io { source, path: directory.to_owned() };
        files::create_folder(directory).map_err(failed)?;
        if has_other_things(directory).map_err(failed)? {
            return Err(ProfileError::NotOurs(directory.to_owned()));
        }
        files::restrict(directory, 0o700).map_err(failed)?;
        let lock = lock(directory)?;
        if Self::exists(directory) {
            return Err(VaultError::Exists(vault_path(directory)).into());
        }
        let store_path = store_path(directory);
        set_aside(&store_path).map_err(failed)?;
        let database_key = Zeroizing::new(random());
        let store = Store::create(&store_path, &database_key)?;
        store.change(|changes| contacts.iter().try_for_each(|contact| changes.put(contact)))?;
        let vault =
            Vault::create(&vault_path(directory), passphrase, &body(&identity, &database_key, &name)).inspect_err(|_| {
                // A store without a vault is of no use to anybody, and this one is new.
                let _ = fs::remove_file(&store_path);
            })?;
        let unlocked = Some(Unlocked { store, vault, database_key });
        Ok(Self { identity, name, directory: directory.to_owned(), unlocked, _lock: lock })
    }

    /// Opens the profile in `directory`.
    pub fn open(directory: &Path, passphrase: Option<&str>) -> Result<Self, ProfileError> {
        if !Self::exists(directory) {
            return Err(ProfileError::Missing(directory.to_owned()));
        }
        let lock = lock(directory)?;
        let vault_path = vault_path(directory);
        files::restrict(&vault_path, 0o600).map_err(|source| ProfileError::Io { source, path: vault_path.clone() })?;
        let (vault, body) = Vault::open(&vault_path, passphrase)?;
        let (identity, database_key, name) = read_body(&body).ok_or(VaultError::Newer(vault_path))?;
        let store = Store::open(&store_path(directory), &database_key)?;
        let unlocked = Some(Unlocked { store, vault, database_key });
        Ok(Self { identity, name, directory: directory.to_owned(), unlocked, _lock: lock })
    }

    /// Changes what we call ourselves, on the disk first.
    pub fn set_name(&mut self, name: &str) -> Result<(), ProfileError> {
        let name = Some(names::clean(name)).filter(|name| !name.is_empty()).ok_or(ProfileError::NoName)?;
        let unlocked = self.unlocked.as_mut().ok_or(ProfileError::Locked)?;
        unlocked.vault.save(&body(&self.identity, &unlocked.database_key, &name))?;
        self.name = name;
        Ok(())
    }

    /// What the messages are sealed under; nothing while it is locked.
    pub fn message_key(&self) -> Option<seal::SealKey> {
        self.unlocked.as_ref().map(|unlocked| expand_key(&unlocked.database_key, "vesper/1 messages"))
    }

    /// What calls are sealed under that end while it is locked.
    pub fn calls_key(&self) -> seal::SealKey {
        expand_key(&self.identity.secret(), "vesper/1 calls.meanwhile")
    }

    /// What the profile remembers; nothing while it is locked.
    pub fn store(&self) -> Option<&Store> {
        self.unlocked.as_ref().map(|unlocked| &unlocked.store)
    }

    /// Whether opening the profile takes a passphrase; a locked one does.
    pub fn is_sealed(&self) -> bool {
        self.unlocked.as_ref().is_none_or(|unlocked| unlocked.vault.is_sealed())
    }

    /// Replaces the passphrase; the data key is another one afterwards. A crash leaves the old lock or the new one.
    pub fn relock(&mut self, lock: NewLock) -> Result<(), ProfileError> {
        let unlocked = self.unlocked.as_mut().ok_or(ProfileError::Locked)?;
        Ok(unlocked.vault.relock(lock, &body(&self.identity, &unlocked.database_key, &self.name))?)
    }

    /// Closes the stores and wipes their keys and the vault's from memory. The identity stays: it answers who calls.
    pub fn lock(&mut self) -> Result<(), ProfileError> {
        if !self.is_sealed() {
            return Err(ProfileError::NotSealed);
        }
        self.unlocked = None;
        Ok(())
    }

    /// Takes in what [`Unlocking::open`] brought, if that is this profile's: a lock would keep nobody out who may put files of their
    /// own in the place of ours, if it opened by a passphrase of theirs.
    pub fn unlock(&mut self, Unlocking { unlocked, key }: Unlocking) -> Result<(), ProfileError> {
        if key != self.identity.public() || !unlocked.vault.is_sealed() {
            return Err(ProfileError::Exchanged(vault_path(&self.directory)));
        }
        self.unlocked = Some(unlocked);
        Ok(())
    }

    /// Whether `passphrase` opens the profile in `directory`, which is the one of `key`; changes nothing. Where none is needed, any does.
    pub fn check(directory: &Path, passphrase: Option<&str>, key: PublicKey) -> Result<(), ProfileError> {
        let path = vault_path(directory);
        let (_, body) = Vault::open(&path, passphrase)?;
        match read_body(&body) {
            None => Err(VaultError::Newer(path).into()),
            Some((identity, ..)) if identity.public() != key => Err(ProfileError::Exchanged(path)),
            Some(_) => Ok(()),
        }
    }

    /// The same for whoever does not hold the profile; refused while a process does.
    pub fn wipe_unless_in_use(directory: &Path) -> Result<(), ProfileError> {
        let _lock = lock(directory)?;
        Self::wipe(directory)
    }

    /// Removes everything of a profile from `directory`: first the keys, without which the rest cannot be read, then the rest,
    /// and the folder if nothing of anybody else's is in it. Goes on where something cannot be removed, and says so at the end.
    pub fn wipe(directory: &Path) -> Result<(), ProfileError> {
        let failed = |path: &Path, source| ProfileError::Io { source, path: path.to_owned() };
        let mut trouble = None;
        // What the blocks of the vault held is overwritten before they are given back; whether the drive keeps copies is its own affair.
        if let Ok(metadata) = vault_path(directory).symlink_metadata()
            && metadata.is_file()
        {
            let _ = files::overwrite(&vault_path(directory));
        }
        let entries = fs::read_dir(directory).map_err(|source| failed(directory, source))?.flatten();
        let mut ours: Vec<_> = entries.filter_map(|entry| Some((rank(&entry)?, entry.path()))).collect();
        ours.sort();
        for (_, path) in ours {
            if let Err(source) = fs::remove_file(&path) {
                trouble = trouble.or(Some(failed(&path, source)));
            }
        }
        // Fails, rightly, if something else is in it.
        let _ = fs::remove_dir(directory);
        trouble.map_or(Ok(()), Err)
    }

    /// Where the profile is.
    pub fn path(&self) -> &Path {
        &self.directory
    }
}

impl Unlocking {
    /// Opens the vault and the stores of a profile that this process holds and has locked.
    pub fn open(directory: &Path, passphrase: Option<&str>) -> Result<Self, ProfileError> {
        let vault_path = vault_path(directory);
        let (vault, body) = Vault::open(&vault_path, passphrase)?;
        let (identity, database_key, _) = read_body(&body).ok_or(VaultError::Newer(vault_path))?;
        let store = Store::open(&store_path(directory), &database_key)?;
        Ok(Self { unlocked: Unlocked { store, vault, database_key }, key: identity.public() })
    }
}

/// Whether anything in the folder is not a profile's: then it is somebody's, and a profile would be open to whoever may enter.
fn has_other_things(directory: &Path) -> io::Result<bool> {
    fs::read_dir(directory)?.try_fold(false, |others, entry| Ok(others || rank(&entry?).is_none()))
}

/// Where in [`FILES`] something in the folder stands; nothing if it is not ours.
fn rank(entry: &fs::DirEntry) -> Option<usize> {
    let name = entry.file_name();
    let name = name.to_str()?;
    FILES.iter().position(|file| name.strip_prefix(file).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

fn vault_path(directory: &Path) -> PathBuf {
    directory.join("vault")
}

fn store_path(directory: &Path) -> PathBuf {
    directory.join("contacts.redb")
}

fn lock(directory: &Path) -> Result<File, ProfileError> {
    let path = directory.join("lock");
    let lock = files::open_private(&path).map_err(|source| ProfileError::Io { source, path: path.clone() })?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(ProfileError::InUse(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(ProfileError::Io { source, path }),
    }
}

/// Renames a store that lost its vault: the vault may still come back from a backup.
fn set_aside(store: &Path) -> io::Result<()> {
    if store.symlink_metadata().is_err() {
        return Ok(());
    }
    let free = (1..).map(|number| store.with_extension(format!("redb.{number}"))).find(|path| path.symlink_metadata().is_err());
    fs::rename(store, free.expect("a folder has room for one more name"))
}

fn body(identity: &Identity, database_key: &seal::SealKey, name: &str) -> Zeroizing<Vec<u8>> {
    // Room for all of it at once: a vector that grows leaves copies of the keys behind.
    let mut body = Zeroizing::new(Vec::with_capacity(1 + 32 + 32 + 4 + names::MAX_NAME));
    body.push(BODY_VERSION);
    body.extend(*identity.secret());
    body.extend(**database_key);
    length_prefixed(&mut body, name.as_bytes());
    body
}

fn read_body(body: &[u8]) -> Option<(Identity, seal::SealKey, String)> {
    let mut reader = Reader::new(body);
    let version = reader.u8().ok()?;
    let secret = Zeroizing::new(reader.array().ok()?);
    let database_key = Zeroizing::new(reader.array().ok()?);
    let name = reader.text(names::MAX_NAME).ok()?.to_owned();
    reader.end().ok()?;
    (version == BODY_VERSION).then(|| (Identity::from_secret(&secret), database_key, name))
}

#[cfg(test)]
mod tests;
