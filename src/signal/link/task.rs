//! The task that owns the endpoints: it lets contacts in, starts a task for each, and passes wishes on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iroh::EndpointAddr;
use iroh::Watcher;
use iroh::endpoint::{Connection, Incoming, RelayStatus, VarInt};
use iroh_mdns_address_lookup::{DiscoveryEvent, MdnsAddressLookup};
use n0_future::StreamExt;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tracing::debug;

use super::carrier::Closing;
use super::datagrams::Ride;
use super::gate::Gate;
use super::network::{Bound, Network, Purpose, key, relays_of, steady_port};
use super::own_address::watch_address;
use super::peer::{Input, Peer};
use super::{ALPN, Invitations, LinkError, LinkEvent, LinkPeer, Peers, Reachability, RelayState};
use crate::contacts::{Hint, MAX_HINTS};
use crate::identity::{Identity, PublicKey};
use crate::signal::knock::{Doorman, KnockRequest, knock};
use crate::signal::message::Message;
use crate::signal::sources::Source;

/// The time for a TLS handshake with a contact.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(8);

/// How long a relay is said to be connecting that nothing is heard of.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);

/// What waits for a peer task, beside its own outbox. When it is full the newest is dropped: the contact's connection
/// and the engine both stand still.
const INBOX: usize = 64;

/// How many computers on the LAN are remembered by what discovery says of them.
const MAX_DISCOVERED: usize = 256;

pub(super) enum Command {
    Send(PublicKey, Message),
    Dial(PublicKey),
    Redial(PublicKey),
    Ride(PublicKey, Ride),
    Knock(KnockRequest),
    Close(oneshot::Sender<()>),
}

/// The contact's task, as the link holds it.
struct PeerTask {
    peer: LinkPeer,
    inputs: mpsc::Sender<Input>,
    abort: AbortHandle,
}

pub(super) struct LinkTask {
    identity: Arc<Identity>,
    network: Network,
    bound: Bound,
    gate: Gate,
    peers: watch::Receiver<Peers>,
    tasks: BTreeMap<PublicKey, PeerTask>,
    doorman: Doorman,
    invitations: watch::Receiver<Invitations>,
    hints: watch::Sender<Vec<Hint>>,
    reach: watch::Sender<Reachability>,
    /// The one address that we may use is not this computer's now.
    lost: bool,
    discovered: BTreeMap<PublicKey, Vec<Hint>>,
    events: mpsc::Sender<LinkEvent>,
    /// Whose they are, and what came of each.
    handshakes: JoinSet<(PublicKey, Option<(Source, Connection)>)>,
    /// Our own knocks and the tasks of contacts.
    running: JoinSet<()>,
    /// Knocks of ours, which at the end get a moment to say that an OK is kept.
    knocks: JoinSet<()>,
}

impl LinkTask {
    pub async fn start(
        identity: Identity,
        network: Network,
        peers: watch::Receiver<Peers>,
        invitations: watch::Receiver<Invitations>,
        events: mpsc::Sender<LinkEvent>,
    ) -> Result<(Self, watch::Receiver<Vec<Hint>>, watch::Receiver<Reachability>), LinkError> {
        let purpose = Purpose { alpns: vec![ALPN.to_vec()], port: steady_port(&identity), advertise: true, ..Purpose::default() };
        let bound = network.bind(&identity, purpose).await?;
        let (hints, hints_seen) = watch::channel(network.hints(&bound.endpoint.addr()));
        let (reach, reach_seen) = watch::channel(network.reachability(&bound.endpoint.addr(), &[], Reachability::default()));
        let gate = Gate::new(identity.public(), network.is_direct());
        let identity = Arc::new(identity);
        let doorman = Doorman::new(identity.clone(), network.clone(), events.clone());
        let task = Self {
            identity,
            network,
            bound,
            gate,
            peers,
            tasks: BTreeMap::new(),
            doorman,
            invitations,
            hints,
            reach,
            lost: false,
            discovered: BTreeMap::new(),
            events,
            handshakes: JoinSet::new(),
            running: JoinSet::new(),
            knocks: JoinSet::new(),
        };
        Ok((task, hints_seen, reach_seen))
    }

    /// Runs until the last handle is gone or asks to close.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        if let Some(why) = self.bound.no_discovery.take() {
            self.say(LinkEvent::NoDiscovery { why });
        }
        let mut address = self.bound.endpoint.watch_addr();
        let mut relay = self.bound.endpoint.home_relay_status();
        // When it is full, discovery itself leaves sightings out; they come again.
        let (found, mut discoveries) = mpsc::channel(16);
        self.watch_lan(&found);
        // What changed since the sockets were opened.
        self.found_at(address.get(), &relay.get());
        let (tell_own, mut is_own) = watch::channel(true);
        if let Some(ip) = self.network.only_address() {
            self.running.spawn(watch_address(ip, tell_own));
        }
        let silent = tokio::time::sleep(RELAY_PATIENCE);
        tokio::pin!(silent);
        let endpoint = self.bound.endpoint.clone();
        self.peers_changed();
        loop {
            tokio::select! {
                biased;
                Ok(()) = self.peers.changed() => self.peers_changed(),
                Ok(()) = self.invitations.changed() => {
                    let open = self.invitations.borrow_and_update().clone();
                    self.doorman.serve(open);
                }
                command = commands.recv() => match command {
                    Some(Command::Close(done)) => {
                        self.close().await;
                        let _ = done.send(());
                        return;
                    }
                    Some(command) => self.command(command),
                    None => return self.close().await,
                },
                Ok(address) = address.updated() => {
                    self.found_at(address, &relay.get());
                    if self.network.rediscover(&mut self.bound) {
                        self.watch_lan(&found);
                    }
                }
                () = &mut silent, if !silent.is_elapsed() => self.relay_is_silent(),
                Ok(relay) = relay.updated() => self.found_at(address.get(), &relay),
                Ok(()) = is_own.changed() => {
                    self.lost = !*is_own.borrow_and_update();
                    self.found_at(address.get(), &relay.get());
                }
                Some((key, addresses)) = discoveries.recv() => self.discovered(key, addresses),
                Some(done) = self.handshakes.join_next() => {
                    if let Ok((contact, proven)) = done {
                        self.gate.ended(contact);
                        proven.into_iter().for_each(|(source, connection)| self.welcome(contact, source, connection));
                    }
                }
                Some(_) = self.running.join_next() => {}
                Some(_) = self.knocks.join_next() => {}
                Some(incoming) = endpoint.accept() => self.incoming(incoming),
                () = self.doorman.work() => {}
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Send(peer, message) => self.tell(peer, Input::Send(message)),
            Command::Dial(peer) => self.tell(peer, Input::Dial),
            Command::Redial(peer) => self.tell(peer, Input::Redial),
            Command::Ride(peer, ride) => self.tell(peer, Input::Ride(ride)),
            Command::Knock(request) => {
                self.knocks.spawn(knock(self.identity.clone(), self.network.clone(), request, self.events.clone()));
            }
            Command::Close(_) => unreachable!("the loop keeps this one to itself"),
        }
    }

    fn tell(&self, peer: PublicKey, input: Input) {
        match self.tasks.get(&peer) {
            // Dropped when full: see [`INBOX`].
            Some(task) => drop(task.inputs.try_send(input)),
            None => self.say(LinkEvent::Unreachable { peer, why: "they are not a contact".to_owned() }),
        }
    }

    /// Ends what belongs to who is no contact any more, and starts what belongs to who is one now.
    fn peers_changed(&mut self) {
        let peers = self.peers.borrow_and_update().clone();
        self.tasks.retain(|key, task| {
            let stays = peers.get(key).is_some_and(|peer| peer.pair_secret == task.peer.pair_secret);
            if !stays {
                task.abort.abort();
            }
            stays
        });
        for (key, peer) in peers {
            match self.tasks.get_mut(&key) {
                Some(task) if task.peer == peer => {}
                Some(task) => {
                    task.peer = peer.clone();
                    let _ = task.inputs.try_send(Input::Peer(peer));
                }
                None => self.start_peer(peer),
            }
        }
    }

    fn start_peer(&mut self, peer: LinkPeer) {
        let (inputs, inbox) = mpsc::channel(INBOX);
        let key = peer.key;
        let our_hints = self.hints.borrow().clone();
        let (endpoint, network, events) = (self.bound.endpoint.clone(), self.network.clone(), self.events.clone());
        let abort = self.running.spawn(Peer::run(peer.clone(), our_hints, endpoint, network, inbox, events));
        self.tasks.insert(key, PeerTask { peer, inputs, abort });
        if let Some(hints) = self.discovered.get(&key) {
            self.tell(key, Input::Discovered(hints.clone()));
        }
    }

    /// Somebody is at the door. Nothing has been sent to them yet.
    fn incoming(&mut self, incoming: Incoming) {
        let Some((contact, source)) = self.gate.admits(&incoming, &self.peers.borrow(), Instant::now()) else {
            debug!("ignored a connection");
            return incoming.ignore();
        };
        self.handshakes.spawn(async move {
            let handshake = async { incoming.accept().ok()?.await.ok() };
            let connected = timeout(HANDSHAKE_LIMIT, handshake).await.ok().flatten();
            let proven = connected.filter(|connection| {
                let is_theirs = key(connection.remote_id()) == Some(contact) && connection.alpn() == ALPN;
                if !is_theirs {
                    connection.close(VarInt::from_u32(Closing::Cut as u32), b"");
                }
                is_theirs
            });
            (contact, proven.map(|connection| (source, connection)))
        });
    }

    /// A contact proved to be who its ticket said; it may have been removed while it did.
    fn welcome(&mut self, key: PublicKey, source: Source, connection: Connection) {
        let peers = self.peers.borrow();
        if peers.contains_key(&key) {
            self.gate.met(key, source, &peers);
            self.tell(key, Input::Incoming(connection));
        }
    }

    /// Takes where our endpoint is now, and what holds of its connections to `relays`.
    fn found_at(&mut self, address: EndpointAddr, relays: &[RelayStatus]) {
        let address = if self.lost { relays_of(address) } else { address };
        self.address_changed(self.network.hints(&address));
        self.reach_changed(&address, relays);
    }

    fn address_changed(&mut self, hints: Vec<Hint>) {
        if *self.hints.borrow() == hints {
            return;
        }
        for task in self.tasks.values() {
            let _ = task.inputs.try_send(Input::OurHints(hints.clone()));
        }
        self.hints.send_replace(hints);
    }

    fn reach_changed(&mut self, address: &EndpointAddr, relays: &[RelayStatus]) {
        let before = *self.reach.borrow();
        let reach = self.network.reachability(address, relays, before);
        if reach != before {
            self.reach.send_replace(reach);
            self.say(LinkEvent::ReachChanged(reach));
        }
    }

    /// A relay that has not been heard of by now counts as one that does not answer: nobody says so of one that never was there.
    fn relay_is_silent(&mut self) {
        let reach = *self.reach.borrow();
        if reach.relay == Some(RelayState::Connecting) {
            let reach = Reachability { relay: Some(RelayState::Unreachable), ..reach };
            self.reach.send_replace(reach);
            self.say(LinkEvent::ReachChanged(reach));
        }
    }

    fn discovered(&mut self, key: PublicKey, addresses: Vec<SocketAddr>) {
        let hints: Vec<Hint> = addresses.into_iter().map(Hint::Address).take(MAX_HINTS).collect();
        if self.tasks.contains_key(&key) {
            self.tell(key, Input::Discovered(hints.clone()));
        }
        if self.discovered.len() < MAX_DISCOVERED || self.discovered.contains_key(&key) {
            self.discovered.insert(key, hints);
        }
    }

    fn watch_lan(&mut self, found: &mpsc::Sender<(PublicKey, Vec<SocketAddr>)>) {
        if let Some(discovery) = &self.bound.discovery {
            self.running.spawn(watch_lan(discovery.clone(), found.clone()));
        }
    }

    /// For what the engine can do without when its queue is full.
    fn say(&self, event: LinkEvent) {
        let _ = self.events.try_send(event);
    }

    async fn close(&mut self) {
        let drained = self.tasks.values().map(|task| {
            let (done, drained) = oneshot::channel();
            let _ = task.inputs.try_send(Input::HangUp(done));
            drained
        });
        let all = async {
            for drained in drained.collect::<Vec<_>>() {
                let _ = drained.await;
            }
        };
        let _ = timeout(super::CLOSE_LIMIT / 2, all).await;
        self.doorman.close().await;
        // Else the inviter would wait for the word of somebody who has what they came for.
        let knocked = async { while self.knocks.join_next().await.is_some() {} };
        let _ = timeout(super::CLOSE_LIMIT / 3, knocked).await;
        self.knocks.shutdown().await;
        self.running.shutdown().await;
        self.bound.endpoint.close().await;
    }
}

/// Passes on which computers LAN discovery sees, by key and addresses; a relay that one names is left out.
async fn watch_lan(discovery: MdnsAddressLookup, found: mpsc::Sender<(PublicKey, Vec<SocketAddr>)>) {
    let mut events = discovery.subscribe().await;
    while let Some(event) = events.next().await {
        if let DiscoveryEvent::Discovered { endpoint_info, .. } = event
            && let Some(key) = key(endpoint_info.endpoint_id)
            && found.send((key, endpoint_info.data.ip_addrs().copied().collect())).await.is_err()
        {
            return;
        }
    }
}
