//! The inviter's side: an endpoint for each open invitation, and an answer to who proves to hold it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use iroh::Endpoint;
use iroh::endpoint::{Connection, Incoming, IncomingAddr, RecvStream, SendStream, VarInt};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

use super::protocol::{Binding, Card, DONE, KNOCK};
use super::{ALPN, KnockAnswer, KnockReply, Knocked};
use crate::contacts::OpenInvitation;
use crate::identity::{Identity, PublicKey};
use crate::signal::frame;
use crate::signal::link::LinkEvent;
use crate::signal::link::network::{Network, Purpose, key, offered, steady_port};
use crate::signal::rate::RateLimit;
use crate::signal::sources::{Source, Sources};
use crate::signal::ticket::{Secret, Used};

/// How many client hellos are looked into in a second, of one source and of all; the rest are ignored unread.
const LOOKS: (u32, u32) = (10, 100);

/// Handshakes in a second, with who holds one of the invitations; who comes after them is ignored.
const HANDSHAKES_PER_SECOND: u32 = 5;

/// Knocks under way at once.
const MAX_KNOCKS: usize = 16;

/// The time for each step of a knocker.
const STEP_LIMIT: Duration = Duration::from_secs(8);

/// The time the engine has to say what to answer, as opposed to the person, who may take an hour.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Somebody, and the knock id of the invitation that they came for.
type AtDoor = (PublicKey, Incoming);

/// An open invitation. Dropping the sender closes its endpoint.
struct Door {
    invitation: OpenInvitation,
    used: Used,
    _stop: oneshot::Sender<()>,
}

pub(in crate::signal) struct Doorman {
    identity: Arc<Identity>,
    network: Network,
    events: mpsc::Sender<LinkEvent>,
    open: BTreeMap<PublicKey, Door>,
    /// Who is at which door. When it is full, who comes is ignored.
    knocks: mpsc::Sender<AtDoor>,
    knocked: mpsc::Receiver<AtDoor>,
    looks: Sources,
    handshakes: RateLimit,
    doors: JoinSet<()>,
    answering: JoinSet<()>,
}

impl Doorman {
    pub fn new(identity: Arc<Identity>, network: Network, events: mpsc::Sender<LinkEvent>) -> Self {
        let (knocks, knocked) = mpsc::channel(MAX_KNOCKS);
        Self {
            identity,
            network,
            events,
            open: BTreeMap::new(),
            knocks,
            knocked,
            looks: Sources::new(LOOKS.0, LOOKS.1),
            handshakes: RateLimit::new(HANDSHAKES_PER_SECOND),
            doors: JoinSet::new(),
            answering: JoinSet::new(),
        }
    }

    /// Serves exactly these invitations from now on.
    pub fn serve(&mut self, invitations: BTreeMap<PublicKey, OpenInvitation>) {
        self.open.retain(|id, _| invitations.contains_key(id));
        for (id, invitation) in invitations {
            if !self.open.contains_key(&id) {
                let (stop, stopped) = oneshot::channel();
                self.doors.spawn(door(invitation.knock_identity(), self.network.clone(), self.knocks.clone(), stopped));
                self.open.insert(id, Door { invitation, used: Used::default(), _stop: stop });
            }
        }
    }

    /// Handles whoever comes next. May be cancelled between two.
    pub async fn work(&mut self) {
        tokio::select! {
            Some((id, incoming)) = self.knocked.recv() => self.admit(id, incoming),
            Some(_) = self.doors.join_next() => {}
            Some(_) = self.answering.join_next() => {}
        }
    }

    /// Closes all doors.
    pub async fn close(&mut self) {
        self.open.clear();
        self.answering.shutdown().await;
        while self.doors.join_next().await.is_some() {}
    }

    fn admit(&mut self, id: PublicKey, incoming: Incoming) {
        match self.holds(id, &incoming, Instant::now()) {
            Some(secret) => {
                self.answering.spawn(answer(incoming, (id, secret), self.identity.clone(), self.events.clone()));
            }
            // Completing a handshake would show whoever found the port by chance that it is Vesper's, and our addresses.
            None => incoming.ignore(),
        }
    }

    /// The secret of the invitation that they came for, if they have a ticket that only its holder can make and there is room for them.
    fn holds(&mut self, id: PublicKey, incoming: &Incoming, now: Instant) -> Option<[u8; 16]> {
        let source = match incoming.remote_addr() {
            IncomingAddr::Ip(address) => address.ip().into(),
            IncomingAddr::Relay { endpoint_id, .. } => Source::Relayed(key(endpoint_id)?),
            _ => return None,
        };
        let door = self.open.get_mut(&id).filter(|_| self.looks.allow(source, now))?;
        let secret = door.invitation.invitation.secret;
        let ticket = offered(incoming).into_iter().find(|ticket| ticket.is_from(Secret::Invitation(&secret), &id))?;
        // One that has to wait may come again with the same ticket, and one that was overheard takes nobody's place.
        let has_room = self.answering.len() < MAX_KNOCKS && !door.used.has(&ticket) && self.handshakes.allow(now);
        (has_room && door.used.take(&ticket)).then_some(secret)
    }
}

/// Keeps the endpoint of one invitation open until `stopped`.
async fn door(secret: Identity, network: Network, knocks: mpsc::Sender<AtDoor>, mut stopped: oneshot::Receiver<()>) {
    let id = secret.public();
    let purpose = Purpose { alpns: vec![ALPN.to_vec()], port: steady_port(&secret), advertise: true, ..Purpose::default() };
    let bound = match network.bind(&secret, purpose).await {
        Ok(bound) => bound,
        Err(error) => return warn!(%error, "an invitation cannot be used until the next start"),
    };
    let endpoint: &Endpoint = &bound.endpoint;
    loop {
        tokio::select! {
            Some(incoming) = endpoint.accept() => {
                if let Err(error) = knocks.try_send((id, incoming)) {
                    error.into_inner().1.ignore();
                }
            }
            _ = &mut stopped => break,
        }
    }
    endpoint.close().await;
}

/// One knock, from the handshake to DONE. Whoever proves nothing gets nothing.
async fn answer(
    incoming: Incoming,
    (id, secret): (PublicKey, [u8; 16]),
    identity: Arc<Identity>,
    events: mpsc::Sender<LinkEvent>,
) {
    let Some(connection) = handshake(incoming).await else { return };
    if let Some((binding, k1, card, send, receive)) = proven(&connection, id, secret).await {
        let knocker = card.key;
        let (reply, replied) = oneshot::channel();
        let Card { key: _, name, hints } = card;
        let (k1_hash, reply) = (Sha256::digest(&k1).into(), KnockReply(reply));
        let knocked = Knocked { invitation: id, knocker, name, hints, k1: k1_hash, reply };
        let asked = events.send(LinkEvent::Knocked(knocked)).await.is_ok();
        if asked
            && let Ok(Ok(answer)) = timeout(ANSWER_LIMIT, replied).await
            && reply_with(&binding, &identity, &k1, &answer, send, receive).await
        {
            let _ = events.send(LinkEvent::KnockDone { invitation: id, knocker }).await;
        }
    }
    connection.close(VarInt::from_u32(0), b"");
}

async fn handshake(incoming: Incoming) -> Option<Connection> {
    let handshake = async { incoming.accept().ok()?.await.ok() };
    timeout(STEP_LIMIT, handshake).await.ok()?.filter(|connection| connection.alpn() == ALPN)
}

type Proven = (Binding, Vec<u8>, Card, SendStream, RecvStream);

/// Reads K1 and checks it.
async fn proven(connection: &Connection, id: PublicKey, secret: [u8; 16]) -> Option<Proven> {
    let reading = async {
        let (send, mut receive) = connection.accept_bi().await.ok()?;
        let frame = frame::read(&mut receive).await.ok()??;
        Some((send, receive, frame))
    };
    let (send, receive, frame) = timeout(STEP_LIMIT, reading).await.ok()??;
    let k1 = frame.strip_prefix(&[KNOCK])?.to_vec();
    let mut x = [0; 32];
    let context = Binding::context(&id, connection.remote_id().as_bytes());
    connection.export_keying_material(&mut x, super::EXPORTER, &context).ok()?;
    let binding = Binding { x, knock_id: id, secret };
    let card = binding.check_knock(&k1)?;
    Some((binding, k1, card, send, receive))
}

/// Sends K2 and, after an OK, waits for DONE. Whether it came.
async fn reply_with(
    binding: &Binding,
    identity: &Identity,
    k1: &[u8],
    answer: &KnockAnswer,
    mut send: SendStream,
    mut receive: RecvStream,
) -> bool {
    let replying = async {
        frame::write(&mut send, &binding.answer(identity, k1, answer)).await.ok()?;
        send.finish().ok()?;
        match answer {
            KnockAnswer::Ok { .. } => frame::read(&mut receive).await.ok()?.filter(|frame| *frame == [DONE]),
            // The knocker closes when it has read the answer.
            _ => send.stopped().await.ok().and(None),
        }
    };
    timeout(STEP_LIMIT, replying).await.is_ok_and(|done| done.is_some())
}
