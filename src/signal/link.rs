//! The link: one encrypted connection to each contact that is online, over iroh (QUIC, TLS 1.3 with raw keys).
//!
//! [`Link::start`] opens the profile's main endpoint, which exists for accepted contacts only: everyone else is ignored
//! before any handshake (`gate`). A task for each contact dials, keeps one connection and re-dials when it is lost (`peer`,
//! `carrier`); `network` keeps every endpoint within what the settings allow, and `own_address` notices when the address that
//! they may use alone is gone. Knocks of strangers who hold an invitation go to endpoints of their own
//! ([`knock`](super::knock)), which nothing connects to this one.
//!
//! No method waits: wishes go into queues, what happens comes out as [`LinkEvent`]s, and what is state (who is a contact,
//! which invitations are open) is simply replaced, so that removing a contact can never be lost in a full queue.

mod carrier;
mod datagrams;
mod gate;
pub(super) mod network;
mod own_address;
mod peer;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use zeroize::Zeroize;

pub use self::datagrams::{Datagrams, MAX_PACKET, Outgoing, Tag};
use self::network::{Network, steady_port};
use self::task::{Command, LinkTask};
use super::knock::{KnockOutcome, KnockRequest, Knocked};
use super::message::Message;
use crate::contacts::{Hint, OpenInvitation, PairSecret};
use crate::identity::{Identity, PublicKey};

/// The protocol of the link and its version, as QUIC negotiates it.
pub const PROTOCOL: &str = "vesper/1";
const ALPN: &[u8] = PROTOCOL.as_bytes();

/// Wishes that wait for the link task, which never blocks; more than this means that the computer stands still.
const COMMANDS: usize = 256;

/// Events that wait for the engine. When it is full, the contact whose event it is waits, and nobody else.
const EVENTS: usize = 256;

/// How long closing may take: what was said last should still arrive.
const CLOSE_LIMIT: Duration = Duration::from_millis(1500);

/// How many hints go into an invitation, which has to fit a QR code.
const INVITATION_HINTS: usize = 3;

/// Who the link is, and what of the network it may use.
#[derive(Debug)]
pub struct LinkConfig {
    pub identity: Identity,
    /// The URL of a relay that the user chose.
    pub relay: Option<String>,
    /// Use the public relays of the iroh project.
    pub public_relays: bool,
    pub mode: LinkMode,
    /// Find and be found on the local network. It tells that network our key.
    pub lan_discovery: bool,
    /// Use this address of ours only.
    pub bind: Option<IpAddr>,
    /// Never leave this computer: for Echo, and for the profile's side of the link to it.
    pub loopback_only: bool,
    pub peers: Vec<LinkPeer>,
}

/// What of our address a contact may learn over the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkMode {
    /// Direct connections and, if one is set, a relay.
    #[default]
    Direct,
    /// The relay alone, both to dial and to be dialled: nobody learns our address. The settings' *hide* and *never*.
    RelayOnly,
}

/// How others can reach this computer just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reachability {
    /// What holds of our relay; `None` for a link that uses none.
    pub relay: Option<RelayState>,
    /// There is an address of ours that contacts are told. One that was asked for counts while it is this computer's.
    pub addressed: bool,
}

/// Whether a relay passes on to us what it gets for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayState {
    /// Not yet, and nothing is known to be in the way.
    Connecting,
    Connected,
    /// It did not answer, and is tried again until it does.
    Unreachable,
}

/// An accepted contact, as the link knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkPeer {
    pub key: PublicKey,
    pub pair_secret: PairSecret,
    /// Where it said it can be found.
    pub hints: Vec<Hint>,
    /// Relays that are not ours and that the user let this contact's computer make us use.
    pub approved_relays: Vec<String>,
}

/// What happens on the link.
#[derive(Debug)]
pub enum LinkEvent {
    /// A contact is online. `direct`: without a relay (so far; it may become so later).
    Up { peer: PublicKey, direct: bool },
    /// Its connection is gone. If it was lost, the link is dialling already.
    Down { peer: PublicKey },
    /// A contact said something. TLS proved that it was this one.
    Message { peer: PublicKey, message: Message, at: Instant },
    /// Where a contact can be found from now on: to be kept, for the next start.
    PeerHints { peer: PublicKey, hints: Vec<Hint> },
    /// Dialling failed and what waited to be sent was dropped.
    Unreachable { peer: PublicKey, why: String },
    /// A contact sent bytes that are no message; they were dropped.
    Malformed { peer: PublicKey },
    /// How others can reach us changed. Left out when the queue is full: [`Link::reachability`] has the newest anyway.
    ReachChanged(Reachability),
    /// LAN discovery was asked for and cannot work now, and why. Contacts are dialled where they were last.
    NoDiscovery { why: String },
    /// Somebody with an invitation of ours knocked and proved it. Answer with [`Knocked::reply`].
    Knocked(Knocked),
    /// Who knocked has our OK: the invitation need not be answered any more.
    KnockDone { invitation: PublicKey, knocker: PublicKey },
    /// What became of a knock of ours.
    KnockAnswered { invitation: PublicKey, outcome: KnockOutcome },
}

/// Why there is no link.
#[derive(Debug, Error)]
pub enum LinkError {
    #[error("hiding your address needs a relay: choose one in the settings or with --relay, or let contacts connect directly")]
    HiddenWithoutRelay,
    #[error("this is not the address of a relay; it should look like https://relay.example: {0}")]
    RelayUrl(String),
    #[error("no network socket could be opened; check that nothing forbids Vesper the network: {0}")]
    Bind(String),
    #[error("no network socket could be opened at {0}; `ip address` lists the addresses of this computer")]
    BindTo(IpAddr),
    #[error("no other computer can reach {0}; `ip address` lists the addresses of this computer")]
    BindToNobody(IpAddr),
}

/// The contacts, by key.
type Peers = BTreeMap<PublicKey, LinkPeer>;

/// The open invitations, by the key of their knock endpoint.
type Invitations = BTreeMap<PublicKey, OpenInvitation>;

/// The handle of a running link; clones are the same link, which closes with the last of them.
#[derive(Clone)]
pub struct Link {
    commands: mpsc::Sender<Command>,
    peers: watch::Sender<Peers>,
    invitations: watch::Sender<Invitations>,
    hints: watch::Receiver<Vec<Hint>>,
    reach: watch::Receiver<Reachability>,
}

impl Link {
    /// Opens the main endpoint and starts to listen for contacts. Nobody is dialled yet.
    pub async fn start(config: LinkConfig) -> Result<(Self, mpsc::Receiver<LinkEvent>), LinkError> {
        let network = Network::new(&config)?;
        let (commands, commanded) = mpsc::channel(COMMANDS);
        let (events, happened) = mpsc::channel(EVENTS);
        let (peers, peers_changed) = watch::channel(config.peers.into_iter().map(|peer| (peer.key, peer)).collect());
        let (invitations, invitations_changed) = watch::channel(Invitations::new());
        let (task, hints, reach) = LinkTask::start(config.identity, network, peers_changed, invitations_changed, events).await?;
        tokio::spawn(task.run(commanded));
        Ok((Self { commands, peers, invitations, hints, reach }, happened))
    }

    /// Sends `message`, dialling first where there is no connection. False if it was dropped right away: the queue was
    /// full. What happens to it later shows as [`LinkEvent::Unreachable`] or as the other side's silence.
    pub fn send(&self, peer: PublicKey, message: Message) -> bool {
        self.commands.try_send(Command::Send(peer, message)).is_ok()
    }

    /// Connects to a contact, if it is not connected.
    pub fn dial(&self, peer: PublicKey) {
        // Dropped when the queue is full; whoever wants a contact online dials again.
        let _ = self.commands.try_send(Command::Dial(peer));
    }

    /// Connects to a contact although it is connected: our addresses changed, and the old connection may be the last to notice.
    pub fn redial(&self, peer: PublicKey) {
        let _ = self.commands.try_send(Command::Redial(peer));
    }

    /// The datagrams of one call with a contact. They take the place of those of a call before, need a connection that is there,
    /// and dial none.
    pub fn datagrams(&self, peer: PublicKey, tag: Tag) -> Datagrams {
        let (datagrams, ride) = datagrams::datagrams(tag);
        // Dropped when the queue is full: then nothing rides the link.
        let _ = self.commands.try_send(Command::Ride(peer, ride));
        datagrams
    }

    /// Takes a contact in, or replaces what is known of it. Another pair secret closes its connections.
    pub fn set_peer(&self, peer: LinkPeer) {
        self.peers.send_modify(|peers| drop(peers.insert(peer.key, peer)));
    }

    /// Makes a contact a stranger. Its connections close at once, with what they were carrying.
    pub fn remove_peer(&self, key: PublicKey) {
        self.peers.send_modify(|peers| drop(peers.remove(&key)));
    }

    /// Where contacts can find us now: our relay, then our addresses.
    pub fn hints(&self) -> Vec<Hint> {
        self.hints.borrow().clone()
    }

    /// How others can reach us now.
    pub fn reachability(&self) -> Reachability {
        *self.reach.borrow()
    }

    /// The hints to put into a new invitation whose knock endpoint will have the key `knock`.
    pub fn invitation_hints(&self, knock: &Identity) -> Vec<Hint> {
        let port = steady_port(knock);
        let hints = self.hints().into_iter().map(|hint| match hint {
            Hint::Address(mut address) => {
                address.set_port(port);
                Hint::Address(address)
            }
            relay => relay,
        });
        let mut hints: Vec<Hint> = hints.collect();
        // Addresses of IPv4 first: a LAN always has those.
        hints.sort_by_key(|hint| matches!(hint, Hint::Address(address) if address.is_ipv6()));
        hints.dedup();
        hints.truncate(INVITATION_HINTS);
        hints
    }

    /// Answers knocks of this invitation from now on.
    pub fn open_invitation(&self, mut invitation: OpenInvitation) {
        // Whom it is for is nobody's business here, where it would outlive a lock.
        invitation.label.zeroize();
        let id = invitation.invitation.knock_id;
        self.invitations.send_modify(|open| drop(open.insert(id, invitation)));
    }

    /// Answers them no more.
    pub fn close_invitation(&self, knock_id: PublicKey) {
        self.invitations.send_modify(|open| drop(open.remove(&knock_id)));
    }

    /// Knocks once; [`LinkEvent::KnockAnswered`] follows.
    pub fn knock(&self, request: KnockRequest) {
        let _ = self.commands.try_send(Command::Knock(request));
    }

    /// Sends what is queued and closes everything, within 1.5 seconds.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        // An error means that it is closed, or too busy to be closed politely.
        if self.commands.try_send(Command::Close(done)).is_ok() {
            let _ = timeout(CLOSE_LIMIT, closed).await;
        }
    }
}

/// Whether `text` is the address of a relay.
pub fn is_relay_url(text: &str) -> bool {
    let has_host = text.split_once("://").is_some_and(|(scheme, rest)| matches!(scheme, "https" | "http") && !rest.is_empty());
    has_host && text.parse::<iroh::RelayUrl>().is_ok()
}

/// Whether two texts name the same relay.
pub fn same_relay(a: &str, b: &str) -> bool {
    matches!((a.parse::<iroh::RelayUrl>(), b.parse::<iroh::RelayUrl>()), (Ok(a), Ok(b)) if a == b)
}

/// Whether `url` is one of the public relays of the iroh project.
pub fn is_public_relay(url: &str) -> bool {
    let public: Vec<iroh::RelayUrl> = iroh::RelayMode::Default.relay_map().urls();
    url.parse().is_ok_and(|url: iroh::RelayUrl| public.contains(&url))
}

impl LinkConfig {
    /// The link of a profile that uses its own network only, is not to be discovered, and has no contacts.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            relay: None,
            public_relays: false,
            mode: LinkMode::Direct,
            lan_discovery: false,
            bind: None,
            loopback_only: false,
            peers: Vec::new(),
        }
    }
}

impl LinkPeer {
    /// A contact that may not make us use any relay but our own.
    pub fn new(key: PublicKey, pair_secret: PairSecret, hints: Vec<Hint>) -> Self {
        Self { key, pair_secret, hints, approved_relays: Vec::new() }
    }
}
