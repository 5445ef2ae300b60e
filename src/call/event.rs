//! What can happen to a call, and what the engine must then do: the two sides of [`Rules::step`](super::Rules::step).

use zeroize::Zeroizing;

use super::control::{Control, MediaState};
use super::end::EndReason;
use super::handshake::CallKeys;
use crate::identity::{PublicKey, random};
use crate::signal::message::{CallId, Candidate, Description, MediaKind, Message};

/// Something that happened. Each is dropped where it makes no sense: most are chosen by the peer, or come late.
#[derive(Debug)]
pub enum Input {
    /// The person calls `peer`, who is an accepted contact.
    Dial(Box<Dial>),
    /// The person answers the call that rings.
    Accept { media: MediaKind, secrets: CallSecrets, lowest_suite: u16 },
    /// The person refuses the call that rings.
    Decline,
    /// The person ends the call, in whatever state it is.
    HangUp,
    /// The person says that the words are not the same on both sides.
    WordsDiffer,
    /// The person turned their microphone, camera or screen on or off.
    SetMedia { microphone: bool, camera: bool, screen: bool },
    /// A message from the link whose TLS peer is the accepted contact `peer`.
    Message { peer: PublicKey, message: Message },
    /// The link to `peer` is up.
    LinkUp { peer: PublicKey },
    /// No link to `peer` could be made, in the time that the link gives itself.
    Unreachable { peer: PublicKey },
    /// An item of the call's control stream that opened.
    Control { call: CallId, control: Control },
    /// Any other item of the call opened since the last time this was said: the first one at once, then once a second is enough.
    Heard { call: CallId },
    /// Items of the call have failed to open for so long that the keys cannot be the same any more (protocol.md, section 7.2).
    SealBroken { call: CallId },
    /// The answer to [`Output::Gather`].
    Gathered { call: CallId, candidates: Vec<Candidate> },
    /// The answer to [`Output::Regather`]; `None` if no socket could be opened.
    Regathered { call: CallId, path: u32, reach: Option<(Description, Vec<Candidate>)> },
    /// The peer connection of this path stands, and its certificate is the described one.
    TransportConnected { call: CallId, path: u32 },
    /// Nothing comes through for now.
    TransportDisconnected { call: CallId, path: u32 },
    /// The peer connection could not be made, or will not come back by itself.
    TransportFailed { call: CallId, path: u32 },
    /// Our own addresses changed: sockets may be bound to what is gone.
    NetworkChanged,
    /// The time of [`Rules::deadline`](super::Rules::deadline) has come, or any other time.
    Tick,
}

/// What dialling takes.
#[derive(Debug)]
pub struct Dial {
    pub peer: PublicKey,
    pub media: MediaKind,
    pub call: CallId,
    pub secrets: CallSecrets,
    /// Used in place of `secrets` if the peer turns out to be calling us and their call is the one that survives.
    pub spare: CallSecrets,
    /// The link to the peer is up now.
    pub linked: bool,
    /// The lowest suite that this contact may still use: the highest one seen with them.
    pub lowest_suite: u16,
}

/// What one side brings to a call, fresh each time. They are an input, so that a step is a pure function.
pub struct CallSecrets {
    pub(super) ephemeral: Zeroizing<[u8; 32]>,
    pub(super) nonce: [u8; 32],
    /// What the callee's key of ML-KEM is made from.
    pub(super) kem_seed: Zeroizing<[u8; 64]>,
    /// What the caller encapsulates with.
    pub(super) kem_random: Zeroizing<[u8; 32]>,
    pub(super) description: Description,
}

/// Something to do, in the order given.
#[derive(Debug)]
pub enum Output {
    /// Make a link to `peer`; answer with [`Input::LinkUp`] or [`Input::Unreachable`].
    OpenLink { peer: PublicKey },
    /// Send over the link, if it is up; never keep for later.
    Send { peer: PublicKey, message: Message },
    /// Show the popup, play the ringtone.
    Ring { peer: PublicKey, call: CallId, media: MediaKind },
    /// Take the popup away.
    StopRinging,
    /// Open sockets with the secrets that belong to `description`, one of those handed in; send nothing to the peer yet.
    /// Answer with [`Input::Gathered`].
    Gather { call: CallId, peer: PublicKey, role: Role, description: Description },
    /// Both called each other: `call`, which we dialled, is dead, and `by`, which they dialled, is accepted in its place.
    Superseded { call: CallId, by: CallId },
    /// Only now may ICE and DTLS speak on this path, with this peer. The handshake's path is 0.
    Connect { call: CallId, path: u32, remote: Description, candidates: Vec<Candidate> },
    /// Open sockets for another path of the same call, with secrets of their own, while the one before carries on. Answer
    /// with [`Input::Regathered`]; once it stands, everything moves over to it.
    Regather { call: CallId, path: u32 },
    /// Close the sockets of a path that came to nothing.
    Abandon { call: CallId, path: u32 },
    /// The peer has more addresses.
    AddCandidates { call: CallId, candidates: Vec<Candidate> },
    /// Somebody accepted and the peer has proven who they are: make the sealers and openers, open and send control, show
    /// the words, and open devices and codecs, so that they are ready when the connection is.
    Secure { call: CallId, keys: CallKeys, token: Accepted },
    /// Let media leave: the connection stands.
    StartMedia { call: CallId, media: MediaKind },
    /// Seal once and send the same bytes on every open carrier, `copies` times on one that loses.
    SendControl { call: CallId, control: Control, copies: u8 },
    /// Send [`Control::Heartbeat`] with what the clocks say now.
    Heartbeat { call: CallId },
    /// For the person.
    Event(CallEvent),
    /// Somebody called and was not answered. If it rang here, that has not ended yet.
    MissedCall { peer: PublicKey },
    /// The call is over: close its connection, devices and keys, after what was sent before this.
    Ended { call: CallId, peer: PublicKey, reason: EndReason },
}

/// What a person or a script is told while a call lives.
#[derive(Debug, Clone, PartialEq)]
pub enum CallEvent {
    /// It rings at the peer's.
    RingingThere {
        peer: PublicKey,
    },
    /// Somebody accepted; `media` is what the peer wants to send.
    Accepted {
        peer: PublicKey,
        role: Role,
        media: MediaKind,
    },
    /// Media flows from now on.
    Connected {
        peer: PublicKey,
    },
    Reconnecting {
        peer: PublicKey,
    },
    Reconnected {
        peer: PublicKey,
    },
    /// The peer turned something on or off.
    RemoteMedia {
        peer: PublicKey,
        media: MediaState,
    },
}

/// Which end of a call we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Sent the INVITE: ICE controlling, DTLS server.
    Caller,
    /// Sent the ACCEPT.
    Callee,
}

/// Proof that somebody accepted this call. Only the transitions that accept make one, and opening devices takes it.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted(pub(super) ());

impl CallSecrets {
    /// Fresh secrets to go with a fresh description.
    pub fn generate(description: Description) -> Self {
        let kem = (Zeroizing::new(random()), Zeroizing::new(random()));
        Self::from_bytes(Zeroizing::new(random()), random(), kem, description)
    }

    /// Secrets that are known beforehand, for vectors and simulations; `kem` is the seed of a key of ML-KEM and the
    /// randomness of an encapsulation.
    pub fn from_bytes(
        ephemeral: Zeroizing<[u8; 32]>,
        nonce: [u8; 32],
        (kem_seed, kem_random): (Zeroizing<[u8; 64]>, Zeroizing<[u8; 32]>),
        description: Description,
    ) -> Self {
        Self { ephemeral, nonce, kem_seed, kem_random, description }
    }

    /// The description that these secrets were made for.
    pub fn description(&self) -> &Description {
        &self.description
    }
}

impl std::fmt::Debug for CallSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallSecrets")
    }
}
