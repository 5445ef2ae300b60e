//! What a connection is asked for, and what it tells.

use std::net::IpAddr;
use std::sync::mpsc::SyncSender;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::media::packet::IncomingPacket;
use crate::media::repair::PictureFeedback;
use crate::signal::message::CandidateKind;

use super::bandwidth::Estimate;
use super::numbers::Numbered;
use super::secrets::LocalSecrets;
use super::start::StartRate;

/// Who called. Fixes what the two sides would otherwise negotiate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// ICE controlling, DTLS server.
    Caller,
    /// ICE controlled, DTLS client.
    Callee,
}

impl Role {
    /// The one at the other end.
    pub fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// How to reach the other side.
#[derive(Debug)]
pub struct PeerConfig {
    pub role: Role,
    pub secrets: LocalSecrets,
    /// Addresses to bind; empty: every one that another computer could reach. Echo: 127.0.0.1.
    pub bind: Vec<IpAddr>,
    /// `stun:HOST[:PORT]` or `turn:USER:PASSWORD@HOST[:PORT]`, over UDP.
    pub ice_servers: Vec<String>,
    /// Only through a TURN server: the other side learns no address of ours.
    pub relay_only: bool,
    /// Loopback addresses count, ours and theirs. For Echo and tests.
    pub allow_loopback: bool,
    /// Most kbit/s to ever send.
    pub max_kbps: u32,
    /// What the call's other paths learnt.
    pub start: StartRate,
}

/// Where payloads come from and go to.
#[derive(Debug)]
pub struct MediaPorts {
    pub video_out: mpsc::Receiver<Numbered>,
    pub audio_out: mpsc::Receiver<Numbered>,
    /// Full: the packet is dropped and counted.
    pub video_in: SyncSender<IncomingPacket>,
    pub audio_in: SyncSender<IncomingPacket>,
}

/// What the owner of a connection is told.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerEvent {
    /// The certificate is the described one and packets flow; again after each `Disconnected`.
    Connected {
        local: CandidateKind,
        remote: CandidateKind,
        relayed: bool,
    },
    /// Nothing was heard for two seconds. It may come back.
    Disconnected,
    /// Over, with a reason in words. The last event.
    Failed(String),
    /// Control messages can be sent.
    ControlOpen,
    /// A control message: sealed, perhaps doubled, in no order.
    Control(Bytes),
    /// What the other side tells of our pictures.
    Feedback(PictureFeedback),
    Estimate(Carries),
    /// What was lost of pictures, or lies in a path that stands still, is given up: the next one has to do without it.
    PicturesAbandoned,
}

/// What a path carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carries {
    /// Everything together should take this much, with all headers: nothing while nobody answers, and then only sound is worth trying.
    pub kbps: u32,
    /// Parity and repairs add so many to each 100 packets of pictures.
    pub repair_percent: u32,
}

impl Carries {
    /// What an estimate says of it.
    pub(super) fn of(estimate: &Estimate, repair_percent: u32) -> Self {
        let kbps = if estimate.deaf { 0 } else { estimate.target_kbps };
        Self { kbps, repair_percent }
    }
}

/// Why a connection could not be prepared or begun.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("this computer has no network address that another one could reach")]
    NoNetwork,
    #[error("this is not the address of a STUN or TURN server: {0}")]
    IceServer(String),
    #[error("no relay answered, and this call may only go through one")]
    NoRelay,
    #[error("connect was called twice")]
    Connected,
    #[error("the peer connection refused: {0}")]
    Library(#[from] webrtc::error::Error),
}
