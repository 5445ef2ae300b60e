//! Questions and small changes that another command may hand to the process that owns a profile.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

/// What is asked. Identifiers are as a person types them: a petname or a start of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    Id,
    List,
    /// Make an invitation and serve it; with `accept`, whoever uses it is accepted, as `vesper invite --wait` promises.
    Invite {
        seconds: u64,
        #[serde(default)]
        accept: bool,
    },
    Accept {
        id: String,
    },
    Refuse {
        id: String,
    },
    Rename {
        id: String,
        name: String,
    },
    Block {
        id: String,
    },
    Unblock {
        id: String,
    },
    Remove {
        id: String,
    },
    /// Print the safety number of a contact; with `mark`, set the mark or take it back.
    Verify {
        id: String,
        mark: Option<bool>,
    },
    /// Send a text; the answer comes when it is on the disk.
    Message {
        id: String,
        text: String,
    },
    /// A page of the last entries of a conversation, or of all, oldest first: from the one `after` on; an empty page is the end.
    Messages {
        id: String,
        last: Option<usize>,
        after: Option<String>,
    },
    /// What became of the text with this id.
    IsDelivered {
        message: String,
    },
    /// Bring the window up. A `vesper:` link is put where a person can use it; nothing happens by itself.
    Raise {
        link: Option<String>,
    },
}

impl Request {
    /// Whether the conversations have to be open to answer it.
    pub fn is_about_messages(&self) -> bool {
        matches!(self, Self::Message { .. } | Self::Messages { .. } | Self::IsDelivered { .. })
    }
}

/// One line of an answer, for scripts and for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub json: Value,
    pub text: String,
}

/// The lines to print, or a sentence that says why not.
pub type Reply = Result<Vec<Line>, String>;

/// A request on its way to the engine.
pub type Asked = (Request, oneshot::Sender<Reply>);

impl Line {
    pub fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into() }
    }
}
