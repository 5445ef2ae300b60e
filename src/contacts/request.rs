//! Requests that are still open: those that wait for our answer, and ours that wait for somebody else's.

use serde::{Deserialize, Serialize};

use super::{Hint, Invitation};
use crate::identity::{PublicKey, hex};

/// Somebody with an invitation of ours knocked, proved who they are, and waits for our answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingRequest {
    pub key: PublicKey,
    /// What they call themselves, cleaned; shown in quotes.
    pub proposed_name: String,
    pub hints: Vec<Hint>,
    /// The knock id of the invitation that they used.
    pub knock_id: PublicKey,
    /// Whom that invitation was made for: [`OpenInvitation::label`](super::OpenInvitation::label).
    pub invitation: String,
    /// Somebody else knocked with the same invitation: one of them is not whom it was meant for.
    pub twice: bool,
    /// SHA-256 of their last knock, which our answer signs.
    #[serde(with = "hex")]
    pub k1: [u8; 32],
    /// When they first knocked, Unix seconds.
    pub since: u64,
}

/// A request of ours: we knocked, or are about to, and wait for their answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentKnock {
    pub invitation: Invitation,
    /// What the user wants to call them; `None` takes the name that they propose.
    pub petname: Option<String>,
    /// When it was first sent, Unix seconds.
    pub since: u64,
    /// They know of it and have not answered.
    pub pending: bool,
    /// The person knows that the relay that the invitation names, and that is none of theirs, will see this computer's address.
    #[serde(default)]
    pub approved_relay: bool,
}
