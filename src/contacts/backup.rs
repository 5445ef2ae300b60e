//! The backup of a profile: one file under a passphrase of its own, from which the same person comes back on another computer.
//!
//! ```text
//! vault file (see `identity/vault.rs`) with the body
//! u8 1 || identity secret 32 || LP(name) || LP(contacts as a JSON list)
//! ```
//!
//! Contacts go along with their pair secrets, for without them nobody could be called. Invitations, settings and messages do
//! not. A profile is meant to be used on one computer at a time: two that are online under one key take calls from each other.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use super::{Contact, Profile, ProfileError, names};
use crate::identity::{Identity, Reader, Vault, VaultError, length_prefixed};

const VERSION: u8 = 1;
/// As much as a backup can hold of contacts; some ten thousand.
const MAX_CONTACTS: usize = 7 << 20;

/// What a backup brings back.
pub struct Backup {
    pub identity: Identity,
    pub name: String,
    pub contacts: Vec<Contact>,
}

/// Why a backup cannot be written or read. Each is a sentence for the person, with what to do.
#[derive(Debug, Error)]
pub enum BackupError {
    #[error("a backup needs a passphrase of its own: whoever finds the file could be you")]
    NoPassphrase,
    #[error("this is not the passphrase of the backup: try again, and look at the keyboard layout and caps lock")]
    WrongPassphrase,
    #[error("there is a file of this name already, and it was left as it is: choose another name ({})", .0.display())]
    Exists(PathBuf),
    #[error("there is no such file: look at its name and folder ({})", .0.display())]
    Missing(PathBuf),
    #[error("this is not a backup of Vesper, and was left as it is: choose another file ({})", .0.display())]
    NotABackup(PathBuf),
    #[error("the backup is damaged and was left as it is: use another copy of it ({})", .0.display())]
    Damaged(PathBuf),
    #[error("the backup cannot be used: {source}; choose another file ({})", path.display())]
    Io { source: io::Error, path: PathBuf },
    #[error(transparent)]
    Vault(VaultError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

impl Backup {
    /// Writes `file`, which must not be there, under `passphrase`.
    pub fn write(&self, file: &Path, passphrase: &str) -> Result<(), BackupError> {
        if passphrase.is_empty() {
            return Err(BackupError::NoPassphrase);
        }
        Vault::create(file, Some(passphrase), &self.body()).map_err(|error| at(file, error)).map(drop)
    }

    /// Whether `file` looks like a backup at all: to be asked before anybody types its passphrase.
    pub fn check(file: &Path) -> Result<(), BackupError> {
        Vault::needs_passphrase(file).map_err(|error| at(file, error)).map(drop)
    }

    /// Reads `file`; it is never written to.
    pub fn read(file: &Path, passphrase: &str) -> Result<Self, BackupError> {
        let (vault, body) = Vault::open(file, Some(passphrase)).map_err(|error| at(file, error))?;
        // Anybody could have made one that opens for every passphrase, with contacts of theirs in it.
        if !vault.is_sealed() {
            return Err(BackupError::NotABackup(file.to_owned()));
        }
        // A vault of a profile opens as well, if its passphrase is the same, but is laid out in another way.
        Self::from_body(&body).ok_or_else(|| BackupError::NotABackup(file.to_owned()))
    }

    /// Makes a profile of it in `directory`, where there must be none. An empty passphrase is none.
    pub fn restore(self, directory: &Path, passphrase: Option<&str>) -> Result<Profile, BackupError> {
        Ok(Profile::create_for(directory, self.identity, &self.name, &self.contacts, passphrase)?)
    }

    fn body(&self) -> Zeroizing<Vec<u8>> {
        let contacts =
            Zeroizing::new(serde_json::to_vec(&self.contacts).expect("contacts have text for keys and no failing part"));
        let mut body = Zeroizing::new(Vec::with_capacity(1 + 32 + 4 + names::MAX_NAME + 4 + contacts.len()));
        body.push(VERSION);
        body.extend(*self.identity.secret());
        length_prefixed(&mut body, self.name.as_bytes());
        length_prefixed(&mut body, &contacts);
        body
    }

    fn from_body(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let version = reader.u8().ok()?;
        let secret = Zeroizing::new(reader.array().ok()?);
        let name = names::clean(reader.text(names::MAX_NAME).ok()?);
        let contacts = serde_json::from_slice(reader.prefixed(MAX_CONTACTS).ok()?).ok()?;
        reader.end().ok()?;
        (version == VERSION).then(|| Self { identity: Identity::from_secret(&secret), name, contacts })
    }
}

fn at(file: &Path, error: VaultError) -> BackupError {
    match error {
        VaultError::WrongPassphrase => BackupError::WrongPassphrase,
        VaultError::PassphraseNeeded => BackupError::NoPassphrase,
        VaultError::Exists(path) => BackupError::Exists(path),
        VaultError::Missing(path) => BackupError::Missing(path),
        VaultError::NotAVault(_) => BackupError::NotABackup(file.to_owned()),
        VaultError::Damaged(path) => BackupError::Damaged(path),
        VaultError::Io { source, path } => BackupError::Io { source, path },
        other => BackupError::Vault(other),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::contacts::PairSecret;

    fn backup() -> Backup {
        let bo = Contact::new(Identity::generate().public(), Some("Bo"), "Bob", PairSecret::generate(), vec![], 7);
        Backup { identity: Identity::generate(), name: "Ana".into(), contacts: vec![bo] }
    }

    #[test]
    fn a_restored_profile_is_the_same_person_with_the_same_contacts_under_a_passphrase_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (file, profile) = (folder.path().join("ana.backup"), folder.path().join("profile"));
        let made = backup();
        made.write(&file, "of the backup").unwrap();
        let restored = Backup::read(&file, "of the backup").unwrap().restore(&profile, Some("of the profile")).unwrap();
        assert_eq!((restored.identity.public(), restored.name.as_str()), (made.identity.public(), "Ana"));
        assert_eq!(restored.store().unwrap().contacts().unwrap(), made.contacts);
        drop(restored);
        assert!(Profile::check(&profile, Some("of the profile"), made.identity.public()).is_ok());
        assert!(Profile::check(&profile, Some("of the backup"), made.identity.public()).is_err());
    }

    #[test]
    fn a_wrong_passphrase_and_a_file_that_is_cut_or_changed_or_another_restore_nothing_and_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ana.backup");
        backup().write(&file, "p").unwrap();
        let whole = fs::read(&file).unwrap();
        assert!(matches!(Backup::read(&file, "q"), Err(BackupError::WrongPassphrase)));
        assert!(matches!(Backup::read(&file, ""), Err(BackupError::NoPassphrase)));
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        for bytes in [&whole[..whole.len() / 2], &changed, b"vesper va"] {
            fs::write(&file, bytes).unwrap();
            assert!(matches!(Backup::read(&file, "p"), Err(BackupError::Damaged(_))));
            assert_eq!(fs::read(&file).unwrap(), bytes);
        }
        fs::write(&file, b"a letter to grandmother").unwrap();
        assert!(matches!(Backup::read(&file, "p"), Err(BackupError::NotABackup(_))));
        assert!(matches!(Backup::read(&folder.path().join("none"), "p"), Err(BackupError::Missing(_))));
    }

    #[test]
    fn neither_a_backup_nor_a_restored_profile_takes_the_place_of_anything() {
        let folder = tempfile::tempdir().unwrap();
        let (file, profile) = (folder.path().join("ana.backup"), folder.path().join("profile"));
        drop(Profile::create(&profile, "Bo", None).unwrap());
        let vault = fs::read(profile.join("vault")).unwrap();
        assert!(matches!(backup().restore(&profile, None), Err(BackupError::Profile(_))));
        assert_eq!(fs::read(profile.join("vault")).unwrap(), vault);
        fs::write(&file, b"precious").unwrap();
        assert!(matches!(backup().write(&file, "p"), Err(BackupError::Exists(_))));
        assert!(matches!(backup().write(&folder.path().join("new"), ""), Err(BackupError::NoPassphrase)));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }

    #[test]
    fn a_file_that_opens_for_every_passphrase_is_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("planted.backup");
        Vault::create(&file, None, &backup().body()).unwrap();
        assert!(matches!(Backup::read(&file, "p"), Err(BackupError::NotABackup(_))));
    }

    #[test]
    fn a_vault_of_a_profile_is_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        drop(Profile::create(folder.path(), "Ana", Some("p")).unwrap());
        assert!(matches!(Backup::read(&folder.path().join("vault"), "p"), Err(BackupError::NotABackup(_))));
    }
}
