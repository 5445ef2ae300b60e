//! The knock: how somebody who holds an invitation becomes known to whoever made it.
//!
//! Each invitation has a key and an endpoint of its own, so that knocking shows neither who made it nor where their main
//! endpoint is. The knocker comes from a throw-away endpoint. Over ALPN `vesper-knock/1`, on one stream, in frames like those
//! of the link (`u32 length || u8 type || body`):
//!
//! ```text
//! X = TLS exporter("EXPORTER-vesper-knock", context = knock id || throw-away id, 32): binds all of it to this connection
//! 0x01 K1 ->  body = main id 32, LP(name <= 64), LP(hints);  proof 32 = HMAC-SHA256(secret, "vesper/1 knock" || X || body);
//!             sig 64 = Sign(main, "vesper/1 knock", H(X, knock id, secret, body))
//! 0x02 PENDING <-   the person has not answered yet: knock again
//! 0x03 GONE <-      the answer was no, or the invitation is used up
//! 0x04 OK <-        main id 32, LP(name <= 64), LP(hints), pair secret 32, Sign(main, "vesper/1 knock ok", H(X, knock id, K1))
//! 0x05 DONE ->      the OK is kept; it need not be said again
//! ```
//!
//! K1 in the last line is the K1 as sent, without its type. Whoever dials without a [ticket](super::ticket) that the invitation's
//! secret made is ignored, and a wrong proof is closed without a byte.

mod doorman;
mod knocker;
pub mod protocol;
#[cfg(test)]
mod tests;

use tokio::sync::oneshot;

pub(super) use self::doorman::Doorman;
pub(super) use self::knocker::knock;
pub use self::protocol::KnockAnswer;
use crate::contacts::{Hint, Invitation, PairSecret};
use crate::identity::PublicKey;

/// The protocol of the knock, as QUIC negotiates it.
const ALPN: &[u8] = b"vesper-knock/1";

/// The label of the TLS exporter whose value ties a knock to its connection.
const EXPORTER: &[u8] = b"EXPORTER-vesper-knock";

/// A knock of ours.
#[derive(Debug)]
pub struct KnockRequest {
    pub invitation: Invitation,
    /// What we call ourselves.
    pub name: String,
    /// Where our main endpoint can be found.
    pub hints: Vec<Hint>,
    /// The user knows that the relay that the invitation names, and that is none of theirs, will see this computer's address.
    pub approve_relay: bool,
}

/// What became of a knock of ours.
#[derive(Debug)]
pub enum KnockOutcome {
    /// The person there has not answered yet: knock again later.
    Pending,
    /// The invitation is used up, or the answer was no.
    Gone,
    /// We are contacts. Keep what is here, then call [`KnockConfirm::done`].
    Ok { key: PublicKey, name: String, hints: Vec<Hint>, pair_secret: PairSecret, confirm: KnockConfirm },
    /// What was answered is no answer of whoever made the invitation.
    Refused,
    /// Nobody answered at all.
    Unreachable { why: String },
}

/// Tells the other side that its OK is kept. Dropped instead, the OK will be said again at the next knock.
#[derive(Debug)]
pub struct KnockConfirm(oneshot::Sender<()>);

/// Somebody proved to hold an invitation of ours, and to be who they say by key. The name is only what they say.
#[derive(Debug)]
pub struct Knocked {
    /// The knock id of the invitation.
    pub invitation: PublicKey,
    pub knocker: PublicKey,
    /// As it came: to be cleaned before it is shown.
    pub name: String,
    pub hints: Vec<Hint>,
    /// SHA-256 of K1.
    pub k1: [u8; 32],
    /// To be answered within seconds; the person's answer can take until a later knock.
    pub reply: KnockReply,
}

/// Answers one knock. Dropped instead, the knocker hears nothing and knocks again.
#[derive(Debug)]
pub struct KnockReply(oneshot::Sender<KnockAnswer>);

impl KnockReply {
    /// Sends the answer, if the knocker is still there.
    pub fn send(self, answer: KnockAnswer) {
        let _ = self.0.send(answer);
    }
}

impl KnockConfirm {
    /// Says DONE.
    pub fn done(self) {
        let _ = self.0.send(());
    }
}
