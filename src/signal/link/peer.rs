//! One contact: the connections to it, what waits to be sent, and which connection sends it.
//!
//! When both dial at once there are two connections. The one that the smaller key dialled survives, once it is known to
//! carry; the other is drained: its sender finishes the stream, its reader reads to the end. So both sides choose the
//! same and no message is lost. A contact that dials again has lost its old connection: the newer one survives.

use std::collections::VecDeque;
use std::time::Duration;

use iroh::Endpoint;
use iroh::endpoint::{ConnectOptions, Connection};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::carrier::{Carrier, Closing, End, Report};
use super::datagrams::{Inlet, Ride};
use super::network::Network;
use super::{ALPN, LinkEvent, LinkPeer};
use crate::contacts::Hint;
use crate::identity::PublicKey;
use crate::signal::message::Message;
use crate::signal::rate::RateLimit;
use crate::signal::ticket::{self, Secret};

/// The time to reach a contact. iroh itself would try for half a minute.
const DIAL_LIMIT: Duration = Duration::from_secs(8);

/// Connections at once. Two who dial each other have two, and one more each time that a network changes; whoever makes more of them
/// loses the oldest.
const MAX_CARRIERS: usize = 6;

/// Messages that wait for a connection, or for one that is slow. When it is full the newest is dropped: it is the one
/// that has been heard of least, and every message of a call is sent again or has a deadline.
const OUTBOX: usize = 64;

/// What the link task tells a peer task.
pub(super) enum Input {
    Send(Message),
    Dial,
    /// Our addresses changed: the connections there are may be dead.
    Redial,
    /// A call's datagrams go along from now on.
    Ride(Ride),
    /// Say what is queued, then close.
    HangUp(oneshot::Sender<()>),
    /// A connection that TLS proved to be with this contact and that it dialled.
    Incoming(Connection),
    /// Where we can be found changed.
    OurHints(Vec<Hint>),
    /// Where the contact can be found changed, by its profile's word or by the LAN's.
    Peer(LinkPeer),
    Discovered(Vec<Hint>),
}

/// How often a contact may move. The newest place is dialled in any case.
const HINTS_PER_SECOND: u32 = 2;

pub(super) struct Peer {
    me: PublicKey,
    peer: LinkPeer,
    /// What LAN discovery says; newer than what the contact itself said.
    discovered: Vec<Hint>,
    our_hints: Vec<Hint>,
    /// How often the engine hears where the contact is.
    hints_told: RateLimit,
    endpoint: Endpoint,
    network: Network,
    events: mpsc::Sender<LinkEvent>,
    reports: mpsc::Sender<(u64, Report)>,
    /// Oldest first. The last that is not being drained sends.
    carriers: Vec<Carrier>,
    /// The connection that survives if it turns out to carry.
    contest: Option<u64>,
    next_id: u64,
    outbox: VecDeque<Message>,
    /// The datagrams of the call there is, and where the connections hand on what arrives of them.
    ride: Option<Ride>,
    inlet: watch::Sender<Option<Inlet>>,
    dialing: Option<JoinHandle<Result<Connection, String>>>,
    /// The dialling under way is to replace a connection that may be dead: what is said meanwhile waits for the new one.
    redialing: bool,
    up: bool,
    /// What waits is still sent; then the connections are drained.
    hanging_up: bool,
    /// Dropped once nothing is connected any more.
    hung_up: Option<oneshot::Sender<()>>,
    tasks: JoinSet<()>,
}

impl Peer {
    /// Runs one contact until `inputs` ends or the task is aborted; both close its connections.
    pub async fn run(
        peer: LinkPeer,
        our_hints: Vec<Hint>,
        endpoint: Endpoint,
        network: Network,
        mut inputs: mpsc::Receiver<Input>,
        events: mpsc::Sender<LinkEvent>,
    ) {
        // When it is full the connections wait, and QUIC makes the contact wait.
        let (reports, mut reported) = mpsc::channel(16);
        let me = super::network::key(endpoint.id()).expect("our own key is a good one");
        let mut this = Self {
            me,
            peer,
            discovered: Vec::new(),
            our_hints,
            hints_told: RateLimit::new(HINTS_PER_SECOND),
            endpoint,
            network,
            events,
            reports,
            carriers: Vec::new(),
            contest: None,
            next_id: 0,
            outbox: VecDeque::new(),
            ride: None,
            inlet: watch::Sender::new(None),
            dialing: None,
            redialing: false,
            up: false,
            hanging_up: false,
            hung_up: None,
            tasks: JoinSet::new(),
        };
        loop {
            let waiting = if this.outbox.is_empty() || this.redialing { None } else { this.sender().and_then(Carrier::queue) };
            tokio::select! {
                input = inputs.recv() => match input {
                    Some(input) => this.input(input).await,
                    None => return,
                },
                Some((id, report)) = reported.recv() => this.report(id, report).await,
                dialled = dialled(&mut this.dialing) => this.dialled(dialled).await,
                Some(_) = this.tasks.join_next() => {}
                () = room(waiting) => {}
            }
            this.flush();
            this.lead_datagrams();
            if this.hanging_up && this.outbox.is_empty() {
                this.hanging_up = false;
                this.carriers.iter_mut().for_each(Carrier::drain);
                if this.carriers.is_empty() {
                    this.hung_up = None;
                }
            }
        }
    }

    async fn input(&mut self, input: Input) {
        match input {
            Input::Send(message) => {
                if self.outbox.len() < OUTBOX {
                    self.outbox.push_back(message);
                }
                self.dial().await;
            }
            Input::Dial => self.dial().await,
            Input::Redial => {
                self.stop_dialing();
                self.connect().await;
                self.redialing = self.dialing.is_some();
            }
            Input::Ride(ride) => {
                self.inlet.send_replace(Some(ride.inlet()));
                self.ride = Some(ride);
            }
            Input::HangUp(done) => {
                // What waits for a connection that is being made is still sent, if it is there soon enough for whoever closes.
                if self.sender().is_some() || self.outbox.is_empty() {
                    self.stop_dialing();
                }
                if self.sender().is_none() && self.dialing.is_none() {
                    self.outbox.clear();
                }
                self.hung_up = Some(done);
                self.hanging_up = true;
            }
            Input::Incoming(connection) => self.attach(connection, false),
            Input::OurHints(hints) => {
                self.our_hints = hints;
                let hints = Message::Hints(self.our_hints.clone());
                if let Some(carrier) = self.sender_mut() {
                    // A full queue means a stuck connection; the next one begins with the hints.
                    let _ = carrier.send(hints);
                }
            }
            Input::Peer(peer) => self.peer = peer,
            Input::Discovered(hints) => {
                self.discovered = hints;
                self.dial().await;
            }
        }
    }

    async fn report(&mut self, id: u64, report: Report) {
        let peer = self.peer.key;
        match report {
            Report::Open if !self.up => {
                self.up = true;
                let direct = self.carriers.iter().any(|carrier| carrier.id == id && carrier.is_direct());
                self.event(LinkEvent::Up { peer, direct }).await;
            }
            Report::Open => {}
            Report::Message(message, at) => self.event(LinkEvent::Message { peer, message: *message, at }).await,
            Report::Hints(hints, at) => {
                self.peer.hints = hints.clone();
                // Each is written to the disk; whoever says it faster is not worth that.
                if self.hints_told.allow(at) {
                    self.event(LinkEvent::PeerHints { peer, hints }).await;
                }
            }
            Report::Malformed => self.event(LinkEvent::Malformed { peer }).await,
            Report::Alive if self.contest == Some(id) => {
                self.contest = None;
                self.carriers.iter_mut().filter(|carrier| carrier.id != id).for_each(Carrier::drain);
            }
            Report::Alive => {}
            Report::Finished => self.carriers.iter_mut().filter(|carrier| carrier.id == id).for_each(Carrier::drain),
            Report::Ended { unsent, end } => self.ended(id, unsent, end).await,
        }
    }

    async fn ended(&mut self, id: u64, unsent: Vec<Message>, end: End) {
        if end == End::Drained {
            self.carriers.iter_mut().filter(|carrier| carrier.id == id).for_each(Carrier::all_arrived);
        }
        let was_draining = self.carriers.iter().any(|carrier| carrier.id == id && carrier.is_draining());
        self.carriers.retain(|carrier| carrier.id != id);
        if self.contest == Some(id) {
            self.contest = None;
        }
        for message in unsent.into_iter().rev().filter(|message| !matches!(message, Message::Hints(_))) {
            self.outbox.push_front(message);
        }
        if !self.carriers.is_empty() {
            return;
        }
        if self.outbox.is_empty() {
            self.hung_up = None;
        } else {
            self.hanging_up |= self.hung_up.is_some();
        }
        if self.up {
            self.up = false;
            self.event(LinkEvent::Down { peer: self.peer.key }).await;
        }
        if (end == End::Lost && !was_draining) || !self.outbox.is_empty() {
            self.dial().await;
        }
    }

    /// Dials, unless somebody already does or did.
    async fn dial(&mut self) {
        if self.dialing.is_none() && self.sender().is_none() {
            self.connect().await;
        }
    }

    async fn connect(&mut self) {
        // Both lists are asked: what is stale costs a packet, what is missing costs the call.
        let hints: Vec<Hint> = self.discovered.iter().chain(&self.peer.hints).cloned().collect();
        let Some(address) = self.network.address(&self.peer.key, &hints, &self.peer.approved_relays) else {
            return self.unreachable("no address of theirs is known that your settings allow".to_owned()).await;
        };
        let ticket = ticket::issue(Secret::Pair(self.peer.pair_secret.as_bytes()), &self.peer.key);
        let endpoint = self.endpoint.clone();
        self.dialing = Some(tokio::spawn(async move {
            let dialing = async {
                let options = ConnectOptions::new().with_additional_alpns(vec![ticket]);
                let connecting = endpoint.connect_with_opts(address, ALPN, options).await.map_err(|error| error.to_string())?;
                connecting.await.map_err(|error| error.to_string())
            };
            timeout(DIAL_LIMIT, dialing).await.unwrap_or_else(|_| Err("their computer did not answer".to_owned()))
        }));
    }

    async fn dialled(&mut self, dialled: Result<Connection, String>) {
        self.redialing = false;
        match dialled {
            Ok(connection) => self.attach(connection, true),
            // They reached us meanwhile.
            Err(_) if self.sender().is_some() => {}
            Err(why) => self.unreachable(why).await,
        }
    }

    async fn unreachable(&mut self, why: String) {
        self.outbox.clear();
        self.event(LinkEvent::Unreachable { peer: self.peer.key, why }).await;
    }

    /// Takes a new connection in and decides which one survives.
    fn attach(&mut self, connection: Connection, ours: bool) {
        let id = self.next_id;
        self.next_id += 1;
        self.redialing = false;
        if self.carriers.len() == MAX_CARRIERS {
            self.carriers.remove(0);
        }
        let mut carrier = Carrier::start(id, connection, ours, (self.reports.clone(), self.inlet.subscribe()), &mut self.tasks);
        // Goes first, so that the other side knows that we are there.
        let _ = carrier.send(Message::Hints(self.our_hints.clone()));
        let we_are_smaller = self.me < self.peer.key;
        for old in &mut self.carriers {
            if old.is_draining() {
                continue;
            }
            if old.ours == ours || ours == we_are_smaller {
                old.drain();
            } else {
                self.contest = Some(old.id);
                old.probe();
            }
        }
        self.carriers.push(carrier);
    }

    /// Hands what waits to the connection that sends.
    fn flush(&mut self) {
        if self.redialing {
            return;
        }
        while let Some(message) = self.outbox.pop_front() {
            let refused = match self.sender_mut() {
                Some(carrier) => carrier.send(message),
                None => Some(message),
            };
            if let Some(message) = refused {
                self.outbox.push_front(message);
                return;
            }
        }
    }

    /// Lets datagrams leave by the connection that sends, while somebody wants them.
    fn lead_datagrams(&mut self) {
        if self.ride.take_if(|ride| !ride.is_wanted()).is_some() {
            self.inlet.send_replace(None);
        }
        if let Some(ride) = &self.ride {
            ride.lead(self.sender().map(Carrier::route));
        }
    }

    fn sender(&self) -> Option<&Carrier> {
        self.carriers.iter().rev().find(|carrier| !carrier.is_draining())
    }

    fn sender_mut(&mut self) -> Option<&mut Carrier> {
        self.carriers.iter_mut().rev().find(|carrier| !carrier.is_draining())
    }

    async fn event(&self, event: LinkEvent) {
        // Waits while the engine is busy, and lets this contact wait with it. Fails when the engine is gone.
        let _ = self.events.send(event).await;
    }

    fn stop_dialing(&mut self) {
        self.redialing = false;
        if let Some(dialing) = self.dialing.take() {
            dialing.abort();
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop_dialing();
        self.carriers.iter_mut().for_each(|carrier| carrier.closing = Closing::Cut);
    }
}

/// Until there is room in the queue of a connection; never, if nothing waits for it.
async fn room(queue: Option<mpsc::Sender<Message>>) {
    match queue {
        Some(queue) if queue.reserve().await.is_ok() => {}
        // Also when the connection ended, which is reported by itself.
        _ => std::future::pending().await,
    }
}

/// The end of the dialling that is under way; never, if there is none.
async fn dialled(dialing: &mut Option<JoinHandle<Result<Connection, String>>>) -> Result<Connection, String> {
    let Some(task) = dialing else { return std::future::pending().await };
    let dialled = task.await.unwrap_or_else(|_| Err("the dialling task failed".to_owned()));
    *dialing = None;
    dialled
}
