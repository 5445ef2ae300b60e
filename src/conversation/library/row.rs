//! An entry as it is on the disk: postcard of these fields. Another shape is another schema (see `schema.rs`).

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::conversation::entry::{Call, Content, Entry, State};
use crate::conversation::order::Position;
use crate::identity::PublicKey;
use crate::signal::message::MessageId;

/// One row, before it is sealed.
#[derive(Serialize, Deserialize)]
pub struct Row {
    id: [u8; 16],
    mine: bool,
    pub lamport: u64,
    pub seq: u64,
    at_ms: u64,
    state: State,
    kept: Kept,
}

#[derive(Serialize, Deserialize)]
enum Kept {
    Text(String),
    Call(Call),
    /// There was something that was deleted here.
    Deleted,
}

impl Row {
    pub fn of(entry: &Entry) -> Self {
        let kept = match &entry.content {
            Content::Text(_) => Kept::Text(entry.text().unwrap_or_default().to_owned()),
            Content::Call(call) => Kept::Call(*call),
        };
        Self::new(entry, entry.state, kept)
    }

    /// What stays of a deleted entry: its numbers.
    pub fn deleted(entry: &Entry) -> Self {
        Self::new(entry, State::Seen, Kept::Deleted)
    }

    fn new(entry: &Entry, state: State, kept: Kept) -> Self {
        let Position { id, lamport, seq, .. } = entry.position;
        Self { id: id.0, mine: entry.mine, lamport, seq, at_ms: entry.at_ms, state, kept }
    }

    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(postcard::to_stdvec(self).expect("texts and numbers always can be written"))
    }

    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Where it stands in the conversation of `me` with `peer`.
    pub fn position(&self, me: PublicKey, peer: PublicKey) -> Position {
        let sender = if self.mine { me } else { peer };
        Position { lamport: self.lamport, sender, seq: self.seq, id: MessageId(self.id) }
    }

    /// The entry; nothing for one that was deleted.
    pub fn into_entry(mut self, me: PublicKey, peer: PublicKey) -> Option<Entry> {
        let position = self.position(me, peer);
        let content = match std::mem::replace(&mut self.kept, Kept::Deleted) {
            Kept::Text(body) => Content::text(body),
            Kept::Call(call) => Content::Call(call),
            Kept::Deleted => return None,
        };
        Some(Entry { position, mine: self.mine, at_ms: self.at_ms, content, state: self.state })
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        if let Kept::Text(body) = &mut self.kept {
            body.zeroize();
        }
    }
}
