//! All conversations: in memory as threads, and on the disk, sealed. Nothing changes in memory before the disk has it.
//!
//! ```text
//! messages.redb        table "messages"
//!   row key = tag 16 of the conversation || first 16 of HMAC-SHA256(its row key, LP("messages") || LP(sender 32 || id 16))
//!   value   = version u8 = 1 || nonce 24 || row + tag 16, sealed under the conversation's value key
//!             with LP("messages") || LP(row key) || version as additional data
//! conversations.keys   tag and key of each conversation (see `key_ring.rs`)
//! ```
//!
//! Both keys of a conversation are expansions of its one random key. Whoever reads the files without the profile's key learns how
//! many conversations there are and how long each one's entries are, not with whom; whoever writes to them can put back an older
//! entry or remove one, but cannot make, change or move one. A file that is full or broken is opened again at the next write.

mod renew;
mod row;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};

use self::row::Row;
use super::entry::{Call, Content, Entry, State};
use super::key_ring::{KeyRing, RECENT};
use super::order::{Clock, Position};
use super::schema::{self, Trouble};
use super::thread::Thread;
use crate::contacts::{StoreError, StoreKeys, store_failure};
use crate::identity::seal::SealKey;
use crate::identity::{PublicKey, files};
use crate::signal::message::{MAX_BODY, MessageId, Text};

/// What redb keeps of the file in memory; the threads hold what is needed.
const CACHE_BYTES: usize = 8 << 20;
const TABLE: &str = "messages";
const MESSAGES: TableDefinition<'static, &'static [u8; 32], &'static [u8]> = TableDefinition::new(TABLE);

/// The conversations of a profile.
pub struct Library {
    me: PublicKey,
    path: PathBuf,
    /// Absent after an error of the disk, until the next write.
    database: Option<Database>,
    ring: KeyRing,
    keys: BTreeMap<PublicKey, StoreKeys>,
    threads: BTreeMap<PublicKey, Arc<Thread>>,
}

/// What became of a text that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub peer: PublicKey,
    pub id: MessageId,
    /// The entry, if it was not here before.
    pub new: Option<Arc<Entry>>,
}

/// A row to put: its key, and what it holds, sealed.
type Put = ([u8; 32], Vec<u8>);

impl Library {
    /// Opens or starts the conversations of `me` in the profile at `directory`, and reads all of them: seconds for a million.
    pub fn open(directory: &Path, message_key: &SealKey, me: PublicKey) -> Result<Self, StoreError> {
        let (path, ring_path) = (directory.join("messages.redb"), directory.join("conversations.keys"));
        let (there, ring_there) = (path.symlink_metadata().is_ok(), ring_path.symlink_metadata().is_ok());
        if there && !ring_there {
            return Err(StoreError::Missing(ring_path));
        }
        let ring = KeyRing::open(&ring_path, message_key)?;
        if !there && !ring.is_empty() {
            return Err(StoreError::Missing(path));
        }
        let database = match open_file(&path) {
            // Without keys there were no entries: this is a start that a crash cut short.
            Err(_) if ring.is_empty() && there => {
                std::fs::remove_file(&path).map_err(|error| store_failure(&path, error.into()))?;
                open_file(&path)?
            }
            opened => opened?,
        };
        let keys = ring.iter().map(|(peer, ring)| (peer, keys(&ring.key()))).collect();
        let mut library = Self { me, path, database: Some(database), ring, keys, threads: BTreeMap::new() };
        library.migrate()?;
        library.load()?;
        if library.is_renewal_due()
            && let Err(error) = library.renew()
        {
            tracing::warn!("what was deleted is still in the message file, sealed: {error}");
        }
        Ok(library)
    }

    /// Every conversation that has entries or had.
    pub fn threads(&self) -> &BTreeMap<PublicKey, Arc<Thread>> {
        &self.threads
    }

    /// The conversation with `peer`.
    pub fn thread(&self, peer: &PublicKey) -> Option<&Arc<Thread>> {
        self.threads.get(peer)
    }

    /// Keeps a text of ours that is to go to `peer`. `body` is not empty and at most [`MAX_BODY`] bytes.
    pub fn write(&mut self, peer: PublicKey, body: &str, now_ms: u64) -> Result<Arc<Entry>, StoreError> {
        debug_assert!(!body.is_empty() && body.len() <= MAX_BODY, "whoever takes the text from a person checks that");
        self.put_own(peer, Content::text(body), State::Waiting, now_ms)
    }

    /// Notes a call with `peer`.
    pub fn note_call(&mut self, peer: PublicKey, call: Call, now_ms: u64) -> Result<Arc<Entry>, StoreError> {
        let state = if call.is_missed() { State::Unseen } else { State::Seen };
        self.put_own(peer, Content::Call(call), state, now_ms)
    }

    /// Keeps texts that came in. Only when this returns may they be acknowledged, those that were here before too.
    pub fn receive(&mut self, texts: Vec<(PublicKey, Text)>, now_ms: u64) -> Result<Vec<Received>, StoreError> {
        self.admit(texts.iter().map(|(peer, _)| *peer))?;
        self.reopen()?;
        let mut clocks: BTreeMap<PublicKey, Clock> = BTreeMap::new();
        let mut puts = Vec::new();
        let mut received = Vec::new();
        for (peer, text) in texts {
            let key = self.row_key(&peer, &peer, &text.id);
            if self.is_known(&peer, &text.id, &key, &puts)? {
                received.push(Received { peer, id: text.id, new: None });
                continue;
            }
            let clock = clocks.entry(peer).or_insert_with(|| self.threads.get(&peer).map_or(Clock(0), |thread| thread.clock));
            let Text { id, seq, lamport, sent_ms, body } = text;
            let position = Position { lamport: clock.admit(lamport), sender: peer, seq, id };
            let at_ms = sent_ms.min(now_ms);
            let entry = Entry { position, mine: false, at_ms, content: Content::text(body), state: State::Unseen };
            puts.push((key, self.seal(&peer, &key, &Row::of(&entry))));
            received.push(Received { peer, id, new: Some(Arc::new(entry)) });
        }
        self.commit(&puts)?;
        for (peer, entry) in received.iter().filter_map(|received| Some((received.peer, received.new.clone()?))) {
            self.thread_mut(peer).insert(entry);
        }
        Ok(received)
    }

    /// Sets what became of entries of `peer`'s conversation. Those that are not there any more are left out.
    pub fn set_state(&mut self, peer: PublicKey, positions: &[Position], state: State) -> Result<(), StoreError> {
        let Some(thread) = self.threads.get(&peer) else { return Ok(()) };
        let entries = positions.iter().filter_map(|position| thread.get(thread.find(position)?));
        let changed: Vec<Entry> =
            entries.filter(|entry| entry.state != state).map(|entry| Entry { state, ..(**entry).clone() }).collect();
        let put = |entry: &Entry| {
            let key = self.row_key(&peer, &entry.position.sender, &entry.position.id);
            (key, self.seal(&peer, &key, &Row::of(entry)))
        };
        self.commit(&changed.iter().map(put).collect::<Vec<_>>())?;
        changed.iter().for_each(|entry| self.thread_mut(peer).set_state(&entry.position, state));
        Ok(())
    }

    /// Everything in `peer`'s conversation has been looked at.
    pub fn see(&mut self, peer: PublicKey) -> Result<(), StoreError> {
        let Some(thread) = self.threads.get(&peer).filter(|thread| thread.unread() > 0) else { return Ok(()) };
        let unread: Vec<_> = thread.iter().filter(|entry| entry.is_unread()).map(|entry| entry.position).collect();
        self.set_state(peer, &unread, State::Seen)
    }

    /// Deletes one entry here, and what the file still holds of it. That it was there is remembered, so that it does not come back
    /// when it is sent again.
    pub fn delete(&mut self, peer: PublicKey, position: &Position) -> Result<(), StoreError> {
        let Some(thread) = self.threads.get(&peer) else { return Ok(()) };
        let Some(entry) = thread.find(position).and_then(|index| thread.get(index)) else { return Ok(()) };
        let key = self.row_key(&peer, &position.sender, &position.id);
        let put = (key, self.seal(&peer, &key, &Row::deleted(entry)));
        self.announce_renewal()?;
        self.commit(&[put])?;
        self.thread_mut(peer).remove(position);
        if let Err(error) = self.renew() {
            tracing::warn!("what is deleted stays in the message file, sealed, until the next start: {error}");
        }
        Ok(())
    }

    /// Deletes the whole conversation with `peer` here, and its key first: after that nothing opens what is left of it.
    pub fn delete_conversation(&mut self, peer: PublicKey) -> Result<(), StoreError> {
        let (Some(thread), Some(ring)) = (self.threads.get(&peer), self.ring.get(&peer)) else { return Ok(()) };
        let tag = ring.tag;
        let incoming = thread.iter().rev().filter(|entry| !entry.mine).map(|entry| entry.position.id.0);
        let mut recent: Vec<_> = incoming.take(RECENT).collect();
        recent.extend(ring.recent.iter().take(RECENT - recent.len()));
        let (clock, seq) = (thread.clock.0, thread.seq);
        let erased = self.ring.erase(&peer, clock, seq, recent);
        // Whatever became of it: what is written from now on opens under the key that is on the disk.
        self.keys.insert(peer, keys(&self.ring.get(&peer).expect("it has one").key()));
        erased?;
        self.thread_mut(peer).clear();
        self.sweep(|key| key[..16] == tag)
    }

    fn put_own(&mut self, peer: PublicKey, content: Content, state: State, now_ms: u64) -> Result<Arc<Entry>, StoreError> {
        self.admit(std::iter::once(peer))?;
        let (mut clock, seq) = self.threads.get(&peer).map_or((Clock(0), 0), |thread| (thread.clock, thread.seq));
        let position = Position { lamport: clock.tick(), sender: self.me, seq: seq + 1, id: MessageId::generate() };
        let entry = Arc::new(Entry { position, mine: true, at_ms: now_ms, content, state });
        let key = self.row_key(&peer, &self.me, &position.id);
        self.commit(&[(key, self.seal(&peer, &key, &Row::of(&entry)))])?;
        self.thread_mut(peer).insert(entry.clone());
        Ok(entry)
    }

    /// Gives conversations that begin now their keys.
    fn admit(&mut self, peers: impl Iterator<Item = PublicKey> + Clone) -> Result<(), StoreError> {
        self.ring.admit(peers.clone())?;
        for peer in peers {
            let ring = self.ring.get(&peer).expect("it was just admitted");
            self.keys.entry(peer).or_insert_with(|| keys(&ring.key()));
        }
        Ok(())
    }

    /// Whether a text came before: it is here, is about to be, was deleted, or was among the last of a deleted conversation.
    fn is_known(&self, peer: &PublicKey, id: &MessageId, key: &[u8; 32], puts: &[Put]) -> Result<bool, StoreError> {
        if puts.iter().any(|(put, _)| put == key) {
            return Ok(true);
        }
        if self.ring.get(peer).is_some_and(|ring| ring.recent.contains(&id.0)) {
            return Ok(true);
        }
        let Some(database) = &self.database else { return Ok(false) };
        let read = || -> Result<bool, redb::Error> { Ok(database.begin_read()?.open_table(MESSAGES)?.get(key)?.is_some()) };
        read().map_err(|error| store_failure(&self.path, error))
    }

    fn commit(&mut self, puts: &[Put]) -> Result<(), StoreError> {
        if puts.is_empty() {
            return Ok(());
        }
        self.transaction(|table| {
            for (key, value) in puts {
                table.insert(key, value.as_slice())?;
            }
            Ok(())
        })
    }

    /// Removes the rows whose key fits.
    fn sweep(&mut self, fits: impl Fn(&[u8; 32]) -> bool) -> Result<(), StoreError> {
        self.transaction(|table| {
            table.retain(|key, _| !fits(key))?;
            Ok(())
        })
    }

    /// One change, on the disk when this returns. After an error the file is closed and opened anew by the next change.
    fn transaction(
        &mut self,
        change: impl FnOnce(&mut redb::Table<&'static [u8; 32], &'static [u8]>) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        self.reopen()?;
        let database = self.database.as_ref().expect("it was just opened");
        let done = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(MESSAGES)?;
                change(&mut table)?;
            }
            Ok(transaction.commit()?)
        };
        done().map_err(|error| {
            self.database = None;
            store_failure(&self.path, error)
        })
    }

    /// Opens the file again if an error closed it.
    fn reopen(&mut self) -> Result<(), StoreError> {
        if self.database.is_none() {
            self.database = Some(open_file(&self.path)?);
        }
        Ok(())
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let database = self.database.as_ref().expect("it was just opened");
        let failed = |error: redb::Error| store_failure(&self.path, error);
        let transaction = database.begin_write().map_err(|error| failed(error.into()))?;
        transaction.open_table(MESSAGES).map_err(|error| failed(error.into()))?;
        match schema::migrate(&transaction, &self.ring) {
            Ok(true) => transaction.commit().map_err(|error| failed(error.into())),
            Ok(false) => transaction.abort().map_err(|error| failed(error.into())),
            Err(Trouble::Newer) => Err(StoreError::Newer(self.path.clone())),
            Err(Trouble::Failed(error)) => Err(failed(error)),
        }
    }

    /// Reads everything, and removes what belongs to no conversation any more.
    fn load(&mut self) -> Result<(), StoreError> {
        let tags: BTreeMap<[u8; 16], PublicKey> = self.ring.iter().map(|(peer, ring)| (ring.tag, peer)).collect();
        for (peer, ring) in self.ring.iter() {
            self.threads.insert(peer, Arc::new(Thread::after(Clock(ring.clock), ring.seq)));
        }
        let mut strays = false;
        let mut read: BTreeMap<PublicKey, Vec<Row>> = BTreeMap::new();
        let database = self.database.as_ref().expect("it was just opened");
        let failed = |error: redb::Error| store_failure(&self.path, error);
        let table = database.begin_read().map_err(|error| failed(error.into()))?;
        let table = table.open_table(MESSAGES).map_err(|error| failed(error.into()))?;
        for row in table.iter().map_err(|error| failed(error.into()))? {
            let (key, value) = row.map_err(|error| failed(error.into()))?;
            let tag: &[u8; 16] = key.value().first_chunk().expect("a key has 32 bytes");
            let Some(peer) = tags.get(tag) else {
                strays = true;
                continue;
            };
            let plain = self.keys[peer].open_value(TABLE, key.value(), value.value(), &self.path)?;
            let row = Row::decode(&plain).ok_or_else(|| StoreError::Damaged(self.path.clone()))?;
            read.entry(*peer).or_default().push(row);
        }
        for (peer, mut rows) in read {
            // In order each goes to the end, which costs nothing.
            rows.sort_unstable_by_key(|row| (row.lamport, row.seq));
            let me = self.me;
            let thread = self.thread_mut(peer);
            for row in rows {
                let position = row.position(me, peer);
                match row.into_entry(me, peer) {
                    Some(entry) => thread.insert(Arc::new(entry)),
                    None => thread.passed(&position, position.sender == me),
                }
            }
        }
        if strays {
            self.sweep(|key| key.first_chunk::<16>().is_some_and(|tag| !tags.contains_key(tag)))?;
        }
        Ok(())
    }

    fn thread_mut(&mut self, peer: PublicKey) -> &mut Thread {
        Arc::make_mut(self.threads.entry(peer).or_default())
    }

    fn row_key(&self, peer: &PublicKey, sender: &PublicKey, id: &MessageId) -> [u8; 32] {
        let ring = self.ring.get(peer).expect("a conversation has its keys before its rows");
        let mut key = self.keys[peer].row_key(TABLE, &[sender.as_bytes().as_slice(), &id.0].concat());
        key.copy_within(..16, 16);
        key[..16].copy_from_slice(&ring.tag);
        key
    }

    fn seal(&self, peer: &PublicKey, key: &[u8; 32], row: &Row) -> Vec<u8> {
        self.keys[peer].seal_value(TABLE, key, &row.encode())
    }
}

fn keys(key: &SealKey) -> StoreKeys {
    StoreKeys::derive(key, "vesper/1 message rows", "vesper/1 message values")
}

fn open_file(path: &Path) -> Result<Database, StoreError> {
    files::open_private(path).map_err(|error| store_failure(path, error.into()))?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder.create(path).map_err(|error| store_failure(path, error.into()))
}

#[cfg(test)]
mod tests;
