//! Why calls end, in words for a person.

use super::handshake::Refusal;

/// Why a call ended. [`sentence`](Self::sentence) says it to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// We hung up.
    HungUp,
    /// They hung up.
    PeerHungUp,
    /// We said no.
    Declined,
    /// They said no.
    PeerDeclined,
    /// We gave up before they answered.
    Cancelled,
    /// They gave up before we answered.
    PeerCancelled,
    /// They are in another call.
    Busy,
    /// It rang there for a minute.
    NoAnswer,
    /// It rang here for a minute.
    Missed,
    /// No link, or nothing answered on it.
    Unreachable,
    /// The other side stopped answering between accepting and connecting.
    HandshakeTimeout,
    /// What they sent breaks a rule of the handshake.
    Refused(Refusal),
    /// They say that what we sent broke a rule.
    PeerRefused,
    /// Our own sockets could not be opened.
    NoNetwork,
    /// Both agreed, but no path between the computers was found.
    NoPath,
    /// A minute and a half of silence.
    PeerGone,
    /// What arrives does not open any more.
    SealBroken,
    /// We said that the words differ.
    WordsDiffer,
}

impl EndReason {
    /// One plain sentence about what happened and one about what to do next, where there is something to do.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::HungUp => "You ended the call.",
            Self::PeerHungUp => "The other side ended the call.",
            Self::Declined => "You declined the call.",
            Self::PeerDeclined => "The call was declined. You can try again later.",
            Self::Cancelled => "You cancelled the call.",
            Self::PeerCancelled => "They stopped calling before you answered. Call back when you like.",
            Self::Busy => "They are in another call. Try again in a few minutes.",
            Self::NoAnswer => "Nobody answered. Try again later.",
            Self::Missed => "You missed this call. Call back when you like.",
            Self::Unreachable => "They could not be reached. Ask them to open Vesper, and check that both of you are connected.",
            Self::HandshakeTimeout => "The other computer stopped answering while the call was being set up. Call again.",
            Self::Refused(refusal) => refusal.sentence(),
            Self::PeerRefused => {
                "The other computer refused the call's keys. Make sure both of you have the newest Vesper, then call again."
            }
            Self::NoNetwork => "This computer has no network that a call could use. Check the connection, then call again.",
            Self::NoPath => {
                "No path between the two computers was found. Try another network, or set a relay in the settings of both."
            }
            Self::PeerGone => "Nothing came from the other side for a minute and a half. Check your connection, then call again.",
            Self::SealBroken => "What arrived could not be opened any more, so the call was ended to stay private. Call again.",
            Self::WordsDiffer => {
                "You ended the call because the words differ: somebody may be in between. Compare safety numbers in person."
            }
        }
    }

    /// The name that events and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::HungUp | Self::PeerHungUp => "hangup",
            Self::Declined | Self::PeerDeclined => "declined",
            Self::Cancelled | Self::PeerCancelled => "cancelled",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Missed => "missed",
            Self::Unreachable => "unreachable",
            Self::HandshakeTimeout => "timeout",
            Self::Refused(_) | Self::PeerRefused => "refused",
            Self::NoNetwork => "no-network",
            Self::NoPath => "no-path",
            Self::PeerGone => "peer-gone",
            Self::SealBroken => "seal-broken",
            Self::WordsDiffer => "words-differ",
        }
    }
}
