//! The keys of all conversations, in one small file, so that deleting a conversation can erase it.
//!
//! ```text
//! version u8 = 1 || salt 32 || nonce 24 || rings + tag 16
//!   sealed under HKDF-SHA256(message key, salt, "vesper/1 conversation keys") with version || salt as additional data
//! ```
//!
//! Whenever the file is written anew, what it was on the disk is written over; a deletion takes a new salt, too, hence a new
//! wrapping key. What is left of the deleted messages in the database, in its free pages and in any copy of it, opens no more. (A
//! disk that moves its blocks about may keep an old copy of this file out of our reach; that copy is still sealed.)

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::contacts::{StoreError, store_failure};
use crate::identity::files::Superseded;
use crate::identity::seal::{self, SealKey};
use crate::identity::{PublicKey, files, random};

const VERSION: u8 = 1;
const SALT: usize = 32;
/// A few hundred bytes a contact.
const MOST: u64 = 16 << 20;

/// How many of the last incoming texts a deleted conversation remembers by id: more than a sender has under way.
pub const RECENT: usize = 64;

/// The open file.
pub struct KeyRing {
    path: PathBuf,
    message_key: SealKey,
    salt: [u8; SALT],
    rings: BTreeMap<[u8; 32], Ring>,
}

/// What is kept of one conversation beside its rows.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ring {
    /// What the conversation's rows are sealed under.
    key: [u8; 32],
    /// What their row keys begin with; random, and another one after each deletion.
    pub tag: [u8; 16],
    /// The numbers that entries before the deletion had reached.
    pub clock: u64,
    pub seq: u64,
    /// Ids of the last texts that came before the deletion: one that comes again is not new.
    pub recent: Vec<[u8; 16]>,
}

impl Ring {
    fn new(clock: u64, seq: u64, recent: Vec<[u8; 16]>) -> Self {
        Self { key: random(), tag: random(), clock, seq, recent }
    }

    /// The conversation's key.
    pub fn key(&self) -> SealKey {
        Zeroizing::new(self.key)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl KeyRing {
    /// Opens the file at `path`, or starts an empty one, which is on the disk when this returns.
    pub fn open(path: &Path, message_key: &SealKey) -> Result<Self, StoreError> {
        let mut ring = Self { path: path.to_owned(), message_key: message_key.clone(), salt: random(), rings: BTreeMap::new() };
        match File::open(path) {
            Ok(file) => ring.read(file)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => ring.save()?,
            Err(error) => return Err(store_failure(path, error.into())),
        }
        Ok(ring)
    }

    pub fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    pub fn get(&self, peer: &PublicKey) -> Option<&Ring> {
        self.rings.get(peer.as_bytes())
    }

    /// All conversations.
    pub fn iter(&self) -> impl Iterator<Item = (PublicKey, &Ring)> {
        self.rings.iter().filter_map(|(peer, ring)| Some((PublicKey::from_bytes(peer)?, ring)))
    }

    /// Makes keys for those of `peers` that have none; on the disk when this returns.
    pub fn admit(&mut self, peers: impl IntoIterator<Item = PublicKey>) -> Result<(), StoreError> {
        let new: Vec<_> = peers.into_iter().filter(|peer| self.get(peer).is_none()).collect();
        if new.is_empty() {
            return Ok(());
        }
        self.rings.extend(new.iter().map(|peer| (*peer.as_bytes(), Ring::new(0, 0, Vec::new()))));
        self.save().inspect_err(|_| {
            new.iter().for_each(|peer| drop(self.rings.remove(peer.as_bytes())));
        })
    }

    /// Throws the key of a conversation away. The numbers go on where they were, for the other side counts on. If what the file was could
    /// not be written over, that is an error, but the new key is on the disk.
    pub fn erase(&mut self, peer: &PublicKey, clock: u64, seq: u64, recent: Vec<[u8; 16]>) -> Result<(), StoreError> {
        let failed = |error: std::io::Error| store_failure(&self.path, error.into());
        let old = Superseded::at(&self.path).map_err(failed)?;
        let before = (self.rings.clone(), self.salt);
        self.rings.insert(*peer.as_bytes(), Ring::new(clock, seq, recent));
        self.salt = random();
        if let Err(error) = self.write() {
            (self.rings, self.salt) = before;
            return Err(error);
        }
        old.overwrite().map_err(|error| store_failure(&self.path, error.into()))
    }

    fn read(&mut self, file: File) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes).map_err(|error| store_failure(&self.path, error.into()))?;
        let damaged = || StoreError::Damaged(self.path.clone());
        let (&version, rest) = bytes.split_first().ok_or_else(damaged)?;
        if version > VERSION {
            return Err(StoreError::Newer(self.path.clone()));
        }
        let (salt, sealed) = rest.split_first_chunk().ok_or_else(damaged)?;
        let plain = seal::open(&wrapping_key(&self.message_key, salt), &bytes[..=SALT], sealed).ok_or_else(damaged)?;
        self.rings = postcard::from_bytes(&plain).map_err(|_| damaged())?;
        self.salt = *salt;
        files::restrict(&self.path, 0o600).map_err(|error| store_failure(&self.path, error.into()))
    }

    fn save(&self) -> Result<(), StoreError> {
        // It holds keys that may be thrown away one day. If it cannot be written over, the new file stands all the same.
        let old = Superseded::at(&self.path).unwrap_or_default();
        self.write()?;
        let _ = old.overwrite();
        Ok(())
    }

    fn write(&self) -> Result<(), StoreError> {
        let plain = Zeroizing::new(postcard::to_stdvec(&self.rings).expect("keys and numbers always can be written"));
        let mut file = vec![VERSION];
        file.extend(self.salt);
        let sealed = seal::seal(&wrapping_key(&self.message_key, &self.salt), &file, &plain);
        file.extend(sealed);
        files::replace(&self.path, &file).map_err(|error| store_failure(&self.path, error.into()))
    }
}

fn wrapping_key(message_key: &SealKey, salt: &[u8; SALT]) -> SealKey {
    let mut key = Zeroizing::new([0; 32]);
    let hkdf = Hkdf::<Sha256>::new(Some(salt), &**message_key);
    hkdf.expand(b"vesper/1 conversation keys", &mut *key).expect("32 bytes are few enough for SHA-256");
    key
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::identity::Identity;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conversations.keys");
        (folder, path)
    }

    fn key() -> SealKey {
        Zeroizing::new([5; 32])
    }

    fn somebody() -> PublicKey {
        Identity::generate().public()
    }

    #[test]
    fn keys_are_the_same_after_opening_again_and_belong_to_their_profile() {
        let (_folder, path) = place();
        let (ana, bo) = (somebody(), somebody());
        let mut ring = KeyRing::open(&path, &key()).unwrap();
        ring.admit([ana, bo, ana]).unwrap();
        let before = [ana, bo].map(|peer| ring.get(&peer).unwrap().key());
        ring.admit([ana]).unwrap();
        let ring = KeyRing::open(&path, &key()).unwrap();
        assert_eq!([ana, bo].map(|peer| ring.get(&peer).unwrap().key()), before);
        assert_ne!(before[0], before[1]);
        assert!(matches!(KeyRing::open(&path, &Zeroizing::new([6; 32])), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_deletion_makes_a_new_key_under_a_new_wrapping_key_and_leaves_the_others() {
        let (_folder, path) = place();
        let (ana, bo) = (somebody(), somebody());
        let mut ring = KeyRing::open(&path, &key()).unwrap();
        ring.admit([ana, bo]).unwrap();
        let (old, salt, bos) = (ring.get(&ana).unwrap().clone(), ring.salt, ring.get(&bo).unwrap().key());
        // A second name holds on to the old file, as the disk itself may.
        let held = path.with_extension("held");
        fs::hard_link(&path, &held).unwrap();
        ring.erase(&ana, 40, 7, vec![[1; 16]]).unwrap();
        let again = KeyRing::open(&path, &key()).unwrap();
        let new = again.get(&ana).unwrap();
        assert!(new.key() != old.key() && new.tag != old.tag && again.salt != salt);
        assert_eq!((new.clock, new.seq, new.recent.clone()), (40, 7, vec![[1; 16]]));
        assert_eq!(again.get(&bo).unwrap().key(), bos);
        assert!(KeyRing::open(&held, &key()).is_err(), "what the old file was is written over");
    }

    #[test]
    fn a_new_conversation_leaves_no_copy_of_the_others_keys_behind() {
        let (_folder, path) = place();
        let mut ring = KeyRing::open(&path, &key()).unwrap();
        ring.admit([somebody()]).unwrap();
        let held = path.with_extension("held");
        fs::hard_link(&path, &held).unwrap();
        ring.admit([somebody()]).unwrap();
        assert!(KeyRing::open(&held, &key()).is_err(), "what the old file was is written over");
    }

    #[test]
    fn a_file_that_is_cut_changed_or_newer_is_refused_and_left_as_it_is() {
        let (_folder, path) = place();
        let mut ring = KeyRing::open(&path, &key()).unwrap();
        ring.admit([somebody()]).unwrap();
        let whole = fs::read(&path).unwrap();
        for cut in [0, 1, 33, 60, whole.len() - 1] {
            fs::write(&path, &whole[..cut]).unwrap();
            assert!(matches!(KeyRing::open(&path, &key()), Err(StoreError::Damaged(_))), "{cut}");
            assert_eq!(fs::read(&path).unwrap(), &whole[..cut]);
        }
        for (at, wanted_newer) in [(0, true), (1, false), (50, false)] {
            let mut other = whole.clone();
            other[at] ^= 0x40;
            fs::write(&path, &other).unwrap();
            let error = KeyRing::open(&path, &key()).err().unwrap();
            assert_eq!(matches!(error, StoreError::Newer(_)), wanted_newer, "{error}");
        }
    }
}
