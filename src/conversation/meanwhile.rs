//! Calls that ended while the library was not open: kept until they stand in it, through a crash and a restart.
//!
//! ```text
//! calls.meanwhile   sealed under a key of the identity's: version u8 = 1 || postcard of a list of (peer 32, call, at_ms u64)
//! ```
//!
//! The library's own keys are not in memory while the profile is locked. The identity's is, for that is how contacts can ring.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::entry::Call;
use crate::identity::seal::{self, SealKey};
use crate::identity::{PublicKey, files};

const FILE: &str = "calls.meanwhile";
const VERSION: u8 = 1;
const CONTEXT: &[u8] = b"vesper/1 calls.meanwhile";
/// So many are kept; of more the oldest go.
const MOST: usize = 1000;

/// The calls, on the disk and here.
pub struct Meanwhile {
    path: PathBuf,
    key: SealKey,
    calls: VecDeque<Noted>,
}

/// A call that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    peer: [u8; 32],
    pub call: Call,
    /// When it ended, Unix milliseconds.
    pub at_ms: u64,
}

impl Meanwhile {
    /// Opens what there is in the profile at `directory`. What cannot be opened is taken for nothing: it is no reason not to start.
    pub fn open(directory: &Path, key: SealKey) -> Self {
        let path = directory.join(FILE);
        let read = || -> Option<VecDeque<Noted>> {
            let sealed = fs::read(&path).ok()?;
            let opened = seal::open(&key, CONTEXT, &sealed).and_then(|plain| match plain.split_first() {
                Some((&VERSION, calls)) => postcard::from_bytes(calls).ok(),
                _ => None,
            });
            if opened.is_none() {
                tracing::warn!("{} cannot be read: calls that ended while the profile was locked are not shown", path.display());
            }
            opened
        };
        let calls = read().unwrap_or_default();
        Self { path, key, calls }
    }

    /// Notes a call. It is kept in memory all the same when the disk does not take it.
    pub fn put(&mut self, peer: PublicKey, call: Call, at_ms: u64) -> io::Result<()> {
        if self.calls.len() == MOST {
            self.calls.pop_front();
        }
        self.calls.push_back(Noted { peer: *peer.as_bytes(), call, at_ms });
        let plain = postcard::to_extend(&self.calls, vec![VERSION]).expect("keys and numbers always can be written");
        files::replace(&self.path, &seal::seal(&self.key, CONTEXT, &plain))
    }

    /// All of them, the oldest first. They stay until [`clear`](Self::clear).
    pub fn calls(&self) -> Vec<Noted> {
        self.calls.iter().copied().collect()
    }

    /// They stand in the library now. The key of the file outlives that of a conversation, so it is written over before it goes.
    pub fn clear(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        self.calls.clear();
        let _ = files::overwrite(&self.path);
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("{} stays, of no use to anybody: {error}", self.path.display());
        }
    }
}

impl Noted {
    /// With whom; nothing for a key that is none.
    pub fn peer(&self) -> Option<PublicKey> {
        PublicKey::from_bytes(&self.peer)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::conversation::Outcome;
    use crate::identity::Identity;

    const MISSED: Call = Call { outgoing: false, video: true, outcome: Outcome::Missed, seconds: 0 };

    fn key(byte: u8) -> SealKey {
        Zeroizing::new([byte; 32])
    }

    #[test]
    fn a_call_that_was_missed_while_locked_is_there_after_a_restart_until_it_stands_in_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let peer = Identity::generate().public();
        let mut calls = Meanwhile::open(folder.path(), key(1));
        calls.put(peer, MISSED, 5).unwrap();
        calls.put(peer, MISSED, 6).unwrap();
        let again = Meanwhile::open(folder.path(), key(1)).calls();
        assert_eq!(again.iter().map(|noted| (noted.peer(), noted.at_ms)).collect::<Vec<_>>(), [(Some(peer), 5), (Some(peer), 6)]);
        calls.clear();
        assert_eq!(Meanwhile::open(folder.path(), key(1)).calls(), []);
    }

    #[test]
    fn the_file_names_nobody_and_a_foreign_or_broken_one_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let peer = Identity::generate().public();
        Meanwhile::open(folder.path(), key(1)).put(peer, MISSED, 5).unwrap();
        let bytes = fs::read(folder.path().join(FILE)).unwrap();
        assert!(!bytes.windows(32).any(|part| part == peer.as_bytes()));
        assert_eq!(Meanwhile::open(folder.path(), key(2)).calls(), []);
        fs::write(folder.path().join(FILE), &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(Meanwhile::open(folder.path(), key(1)).calls(), []);
    }

    #[test]
    fn of_more_than_a_thousand_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let peer = Identity::generate().public();
        let mut calls = Meanwhile::open(folder.path(), key(1));
        calls.calls = (0..MOST as u64).map(|at_ms| Noted { peer: *peer.as_bytes(), call: MISSED, at_ms }).collect();
        calls.put(peer, MISSED, 9999).unwrap();
        let kept = calls.calls();
        assert_eq!((kept.len(), kept[0].at_ms, kept[MOST - 1].at_ms), (MOST, 1, 9999));
    }
}
