//! One entry of a thread: a text or a call.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::order::Position;
use crate::signal::message::{MessageId, Text};

/// An entry as it is shown and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    /// Whether we put it in. A call is always ours to note, whoever rang.
    pub mine: bool,
    /// When it was written, Unix milliseconds; by our own clock, or the sender's where that is not ahead of ours.
    pub at_ms: u64,
    pub content: Content,
    pub state: State,
}

/// What an entry holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// What was written. Wiped from memory when it is let go.
    Text(Words),
    Call(Call),
}

/// A text, and the same in small letters if those differ, for the search.
#[derive(Clone, PartialEq, Eq)]
pub struct Words {
    body: Zeroizing<String>,
    folded: Option<Zeroizing<String>>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Ours, and not on the other side's disk yet as far as we know.
    Waiting,
    /// Ours, and on their disk.
    Delivered,
    /// Theirs, and nobody has looked at it yet.
    Unseen,
    /// Theirs, and seen; and every call but an unseen missed one.
    Seen,
}

/// A call that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Whether we called.
    pub outgoing: bool,
    pub video: bool,
    pub outcome: Outcome,
    /// How long it was connected.
    pub seconds: u32,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// People talked.
    Talked,
    /// They called and nobody answered here.
    Missed,
    /// Whoever was called said no.
    Declined,
    /// We called and nobody answered, or gave up.
    Unanswered,
    /// They were in another call.
    Busy,
    /// It could not be set up.
    Failed,
}

impl Entry {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(words) => Some(&words.body),
            Content::Call(_) => None,
        }
    }

    /// Whether it counts as unread.
    pub fn is_unread(&self) -> bool {
        self.state == State::Unseen
    }

    /// Whether it is a text of ours that the other side does not have yet.
    pub fn waits(&self) -> bool {
        self.state == State::Waiting
    }

    /// As it goes over the link; none for a call, which each side notes for itself.
    pub fn to_send(&self) -> Option<Text> {
        let Position { id, seq, lamport, .. } = self.position;
        self.text().map(|body| Text { id, seq, lamport, sent_ms: self.at_ms, body: body.to_owned() })
    }

    /// Its id.
    pub fn id(&self) -> MessageId {
        self.position.id
    }
}

impl Words {
    pub(super) fn new(body: String) -> Self {
        let folded = Some(Zeroizing::new(body.to_lowercase())).filter(|folded| **folded != body);
        Self { body: Zeroizing::new(body), folded }
    }

    /// What the search looks through.
    pub(super) fn folded(&self) -> &str {
        self.folded.as_ref().unwrap_or(&self.body)
    }
}

impl Content {
    /// A text of this body.
    pub fn text(body: impl Into<String>) -> Self {
        Self::Text(Words::new(body.into()))
    }
}

impl fmt::Debug for Content {
    /// Without the text: no log holds what people say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(words) => write!(f, "Text({} bytes)", words.body.len()),
            Self::Call(call) => call.fmt(f),
        }
    }
}

impl Call {
    /// Whether somebody rang here in vain.
    pub fn is_missed(&self) -> bool {
        self.outcome == Outcome::Missed
    }
}
