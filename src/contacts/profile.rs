//! The profile folder: everything of one person on this computer, and the lock that lets one process at a time have it.
//!
//! ```text
//! lock            held while the profile is open; empty
//! vault           u8 1 || identity secret 32 || database key 32 || LP(name), sealed (see `identity/vault.rs`)
//! contacts.redb   contacts, invitations, requests, settings (see `contacts/store.rs`)
//! messages.redb, conversations.keys   what was written (see `conversation/library.rs`)
//! ```
//!
//! The folder is 0700 and its files are 0600. The vault is written last: a folder with a vault is a whole profile.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use super::names;
use super::store::{Store, StoreError, expand as expand_key};
use crate::identity::{Identity, Reader, Vault, VaultError, files, length_prefixed, random, seal};

const BODY_VERSION: u8 = 1;

/// An open profile. It is locked against other processes until dropped.
pub struct Profile {
    pub identity: Identity,
    /// What we call ourselves.
    pub name: String,
    pub store: Store,
    directory: PathBuf,
    vault: Vault,
    database_key: seal::SealKey,
    _lock: File,
}

/// Why a profile cannot be made or opened. Each is a sentence for the person, with what to do.
#[derive(Debug, Error)]
pub enum ProfileError {
    #[error("this profile is in use by another Vesper: close that one, or choose another profile with --profile ({})", .0.display())]
    InUse(PathBuf),
    #[error("there is no profile here: start with a new one, or choose another with --profile ({})", .0.display())]
    Missing(PathBuf),
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
    #[error("the profile folder cannot be used: {source} ({})", path.display())]
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
        let name = Some(names::clean(name)).filter(|name| !name.is_empty()).ok_or(ProfileError::NoName)?;
        let failed = |source| ProfileError::Io { source, path: directory.to_owned() };
        files::create_folder(directory).map_err(failed)?;
        // A folder with other things in it is somebody's, and keeps its mode: our files have their own.
        if fs::read_dir(directory).map_err(failed)?.next().is_none() {
            files::restrict(directory, 0o700).map_err(failed)?;
        }
        let lock = lock(directory)?;
        if Self::exists(directory) {
            return Err(VaultError::Exists(vault_path(directory)).into());
        }
        let store_path = store_path(directory);
        set_aside(&store_path).map_err(failed)?;
        let (identity, database_key) = (Identity::generate(), Zeroizing::new(random()));
        let store = Store::create(&store_path, &database_key)?;
        let vault =
            Vault::create(&vault_path(directory), passphrase, &body(&identity, &database_key, &name)).inspect_err(|_| {
                // A store without a vault is of no use to anybody, and this one is new.
                let _ = fs::remove_file(&store_path);
            })?;
        Ok(Self { identity, name, store, directory: directory.to_owned(), vault, database_key, _lock: lock })
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
        Ok(Self { identity, name, store, directory: directory.to_owned(), vault, database_key, _lock: lock })
    }

    /// Changes what we call ourselves, on the disk first.
    pub fn set_name(&mut self, name: &str) -> Result<(), ProfileError> {
        let name = Some(names::clean(name)).filter(|name| !name.is_empty()).ok_or(ProfileError::NoName)?;
        self.vault.save(&body(&self.identity, &self.database_key, &name))?;
        self.name = name;
        Ok(())
    }

    /// What the messages are sealed under.
    pub fn message_key(&self) -> seal::SealKey {
        expand_key(&self.database_key, "vesper/1 messages")
    }

    /// Where the profile is.
    pub fn path(&self) -> &Path {
        &self.directory
    }
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
    let version = reader.u8()?;
    let secret = Zeroizing::new(reader.array()?);
    let database_key = Zeroizing::new(reader.array()?);
    let name = String::from_utf8(reader.length_prefixed(names::MAX_NAME)?.to_vec()).ok()?;
    (version == BODY_VERSION && reader.is_empty()).then(|| (Identity::from_secret(&secret), database_key, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::{Contact, PairSecret};

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/vesper/default");
        (folder, path)
    }

    #[test]
    fn a_profile_is_the_same_person_with_the_same_contacts_when_opened_again() {
        let (_folder, path) = place();
        assert!(!Profile::exists(&path));
        let mut made = Profile::create(&path, " Ana\u{202e} ", None).unwrap();
        let bo = Contact::new(Identity::generate().public(), None, "Bo", PairSecret::generate(), vec![], 1);
        made.store.put_contact(&bo).unwrap();
        assert_eq!(made.name, "Ana");
        made.set_name("Ana B").unwrap();
        let key = made.identity.public();
        drop(made);
        assert!(Profile::exists(&path) && !Profile::needs_passphrase(&path).unwrap());
        let opened = Profile::open(&path, None).unwrap();
        assert_eq!((opened.identity.public(), opened.name.as_str(), opened.path()), (key, "Ana B", path.as_path()));
        assert_eq!(opened.store.contacts().unwrap(), [bo]);
    }

    #[test]
    fn a_second_open_says_that_the_profile_is_in_use() {
        let (_folder, path) = place();
        let first = Profile::create(&path, "Ana", None).unwrap();
        assert!(matches!(Profile::open(&path, None), Err(ProfileError::InUse(_))));
        assert!(matches!(Profile::create(&path, "Bo", None), Err(ProfileError::InUse(_))));
        drop(first);
        Profile::open(&path, None).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn the_folder_and_its_files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (_folder, path) = place();
        let check = || {
            assert_eq!(mode(&path), 0o700);
            let entries: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert_eq!(entries.len(), 3);
            entries.iter().for_each(|file| assert_eq!(mode(file), 0o600, "{}", file.display()));
        };
        let mut profile = Profile::create(&path, "Ana", None).unwrap();
        profile.set_name("Bo").unwrap();
        check();
        drop(profile);
        for file in ["vault", "contacts.redb", "lock"] {
            files::restrict(&path.join(file), 0o644).unwrap();
        }
        let _profile = Profile::open(&path, None).unwrap();
        check();
    }

    #[cfg(unix)]
    #[test]
    fn an_empty_folder_is_closed_to_others_and_one_in_use_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let home = tempfile::tempdir().unwrap();
        let (empty, used) = (home.path().join("empty"), home.path().join("used"));
        for folder in [&empty, &used] {
            fs::create_dir(folder).unwrap();
            files::restrict(folder, 0o755).unwrap();
        }
        fs::write(used.join("log"), b"").unwrap();
        Profile::create(&empty, "Ana", None).unwrap();
        Profile::create(&used, "Ana", None).unwrap();
        assert_eq!((mode(&empty), mode(&used)), (0o700, 0o755));
    }

    #[test]
    fn making_a_profile_never_overwrites_one_nor_contacts_that_lost_their_vault() {
        let (_folder, path) = place();
        drop(Profile::create(&path, "Ana", None).unwrap());
        let vault = fs::read(path.join("vault")).unwrap();
        assert!(matches!(Profile::create(&path, "Bo", None), Err(ProfileError::Vault(VaultError::Exists(_)))));
        assert_eq!(fs::read(path.join("vault")).unwrap(), vault);

        fs::remove_file(path.join("vault")).unwrap();
        assert!(matches!(Profile::open(&path, None), Err(ProfileError::Missing(_))));
        let store = fs::read(path.join("contacts.redb")).unwrap();
        drop(Profile::create(&path, "Bo", None).unwrap());
        assert_eq!(fs::read(path.join("contacts.redb.1")).unwrap(), store);
    }

    #[test]
    fn a_damaged_vault_or_lost_contacts_say_so_and_nothing_is_made_in_their_place() {
        let (_folder, path) = place();
        drop(Profile::create(&path, "Ana", None).unwrap());
        let vault = fs::read(path.join("vault")).unwrap();
        fs::write(path.join("vault"), &vault[..40]).unwrap();
        assert!(matches!(Profile::open(&path, None), Err(ProfileError::Vault(VaultError::Damaged(_)))));
        assert_eq!(fs::read(path.join("vault")).unwrap(), &vault[..40]);

        fs::write(path.join("vault"), &vault).unwrap();
        fs::remove_file(path.join("contacts.redb")).unwrap();
        assert!(matches!(Profile::open(&path, None), Err(ProfileError::Store(StoreError::Missing(_)))));
        assert!(!path.join("contacts.redb").exists());
    }

    #[test]
    fn a_name_that_nobody_can_see_is_refused_before_anything_is_made() {
        let (_folder, path) = place();
        assert!(matches!(Profile::create(&path, "\u{200b} ", None), Err(ProfileError::NoName)));
        assert!(!path.exists());
    }

    #[test]
    fn the_argument_is_a_name_below_the_data_folder_or_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert_eq!(Profile::directory(path).unwrap(), folder.path());
        assert_eq!(Profile::directory("./new").unwrap(), Path::new("./new"));
        for bad in ["", ".hidden", "a\nb"] {
            assert!(matches!(Profile::directory(bad), Err(ProfileError::BadProfileName(_))), "{bad:?}");
        }
        if let Ok(named) = Profile::directory("alice") {
            assert!(named.ends_with("vesper/alice"));
        }
    }
}
