//! The task that owns a path of a call, so that the engine never waits for a socket: a peer connection, or the ride on the link.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::core::Core;
use super::screening::OurAddress;
use super::session::SessionEvent;
use crate::call;
use crate::media::packet::IncomingPacket;
use crate::media::repair::PictureFeedback;
use crate::signal::link::{Datagrams, Outgoing};
use crate::signal::message::{CallId, Candidate, Description};
use crate::transport::peer::Gathering;
use crate::transport::{
    self, Carries, LocalSecrets, MediaPorts, Numbered, PathStats, Peer, PeerConfig, PeerEvent, Ride, StartRate,
};

/// Orders that wait for the task. When full, the newest is dropped: connect and close are among the first and last.
const ORDERS: usize = 64;
/// Sealed frames that wait for room on the path. When full, no picture is made.
const VIDEO_OUT: usize = 1;
/// Sealed sound that waits for the transport: a fifth of a second. When full, the newest packet is dropped.
const AUDIO_OUT: usize = 10;
/// What waits to be told of pictures on the link; more is left out, for it is told again.
const FEEDBACK: usize = 16;
/// How often the path is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// A handle to the task. Dropping it closes the connection, with a goodbye.
pub struct Connection {
    orders: mpsc::Sender<Order>,
    stats: watch::Receiver<Option<PathStats>>,
    video_out: mpsc::Sender<Numbered>,
    audio_out: mpsc::Sender<Numbered>,
    /// What it carries, as told last.
    pub estimate: Option<Carries>,
    /// Of the path over the link: the link, and where what it is like is noted.
    link: Option<(Outgoing, StartRate)>,
    task: JoinHandle<()>,
}

/// Where a connection takes what is sent on it. It does not keep the connection open.
#[derive(Clone)]
pub struct Outlet {
    pub video: mpsc::Sender<Numbered>,
    pub audio: mpsc::Sender<Numbered>,
    orders: mpsc::WeakSender<Order>,
}

enum Order {
    Begin,
    Connect(Description, Vec<Candidate>),
    AddCandidates(Vec<Candidate>),
    Control(Bytes),
    Feedback(PictureFeedback),
}

impl Connection {
    /// Starts the task; it reports as `path` of `call` to `engine`. Payloads that arrive go to `video_in` and `audio_in`.
    pub fn open(
        call: CallId,
        path: u32,
        config: PeerConfig,
        (video_in, audio_in): (SyncSender<IncomingPacket>, SyncSender<IncomingPacket>),
        engine: mpsc::Sender<SessionEvent>,
    ) -> Self {
        let (video_out, video_frames) = mpsc::channel(VIDEO_OUT);
        let (audio_out, audio_frames) = mpsc::channel(AUDIO_OUT);
        let ports = MediaPorts { video_out: video_frames, audio_out: audio_frames, video_in, audio_in };
        let (orders, queue) = mpsc::channel(ORDERS);
        let (publish, stats) = watch::channel(None);
        let task = tokio::spawn(async move {
            match Peer::gather(config, ports).await {
                Ok(Gathering { peer, candidates, events }) => {
                    if engine.send(SessionEvent::Gathered { call, path, gathered: Ok(candidates) }).await.is_ok() {
                        serve((call, path), peer, events, queue, publish, engine).await;
                    }
                }
                Err(error) => {
                    let gathered = Err(error.to_string());
                    let _ = engine.send(SessionEvent::Gathered { call, path, gathered }).await;
                }
            }
        });
        Self { orders, stats, video_out, audio_out, estimate: None, link: None, task }
    }

    /// Starts the task of the path over the link, which carries nothing and reads nothing before [`begin`](Self::begin).
    pub fn over_link(
        call: CallId,
        (role, max_kbps, start): (call::Role, u32, StartRate),
        datagrams: Datagrams,
        (video_in, audio_in): (SyncSender<IncomingPacket>, SyncSender<IncomingPacket>),
        engine: mpsc::Sender<SessionEvent>,
    ) -> Self {
        let (video_out, video_frames) = mpsc::channel(VIDEO_OUT);
        let (audio_out, audio_frames) = mpsc::channel(AUDIO_OUT);
        let media = MediaPorts { video_out: video_frames, audio_out: audio_frames, video_in, audio_in };
        let (orders, queue) = mpsc::channel(ORDERS);
        let (publish, stats) = watch::channel(None);
        let link = Some((datagrams.out.clone(), start.clone()));
        let ride = Ride { role: transport_role(role), media, datagrams, max_kbps, start };
        let task = tokio::spawn(serve_ride(call, ride, queue, publish, engine));
        Self { orders, stats, video_out, audio_out, estimate: None, link, task }
    }

    /// Both sides have proven who they are: the path over the link may carry. How long messages took on it says with how much to begin.
    pub fn begin(&self) {
        if let Some((link, start)) = &self.link
            && let Some(round_trip) = link.round_trip()
        {
            start.after_round_trip(round_trip);
        }
        self.order(Order::Begin);
    }

    /// Sends what is ordered, says goodbye, closes the sockets.
    pub async fn close(self) {
        let Self { orders, task, .. } = self;
        drop(orders);
        let _ = task.await;
    }

    pub fn connect(&self, remote: Description, candidates: Vec<Candidate>) {
        self.order(Order::Connect(remote, candidates));
    }

    pub fn add_candidates(&self, candidates: Vec<Candidate>) {
        self.order(Order::AddCandidates(candidates));
    }

    pub fn send_control(&self, item: Bytes) {
        self.order(Order::Control(item));
    }

    /// Where it takes what is sent.
    pub fn outlet(&self) -> Outlet {
        Outlet { video: self.video_out.clone(), audio: self.audio_out.clone(), orders: self.orders.downgrade() }
    }

    /// The path, as last looked at.
    pub fn stats(&self) -> Option<PathStats> {
        *self.stats.borrow()
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::debug!("the connection is behind or gone; an order is dropped");
        }
    }
}

impl Outlet {
    /// Tells the other side of its pictures.
    pub fn feedback(&self, feedback: PictureFeedback) {
        if let Some(orders) = self.orders.upgrade() {
            let _ = orders.try_send(Order::Feedback(feedback));
        }
    }
}

/// Carries out orders until the handle is dropped, then says goodbye.
async fn serve(
    (call, path): (CallId, u32),
    mut peer: Peer,
    mut events: mpsc::Receiver<PeerEvent>,
    mut orders: mpsc::Receiver<Order>,
    publish: watch::Sender<Option<PathStats>>,
    engine: mpsc::Sender<SessionEvent>,
) {
    let mut look = tokio::time::interval(LOOK);
    let mut connected = false;
    let mut open = true;
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Connect(remote, candidates)) => {
                    if let Err(error) = peer.connect(&remote, &candidates).await {
                        let event = PeerEvent::Failed(error.to_string());
                        let _ = engine.send(SessionEvent::Transport { call, path, event }).await;
                    }
                }
                Some(Order::AddCandidates(candidates)) => peer.add_candidates(&candidates).await,
                Some(Order::Control(item)) => peer.send_control(item),
                Some(Order::Feedback(feedback)) => peer.tell(feedback).await,
                Some(Order::Begin) => {}
                None => break,
            },
            event = events.recv(), if open => match event {
                Some(event) => {
                    connected |= matches!(event, PeerEvent::Connected { .. });
                    let _ = engine.send(SessionEvent::Transport { call, path, event }).await;
                }
                None => open = false,
            },
            _ = look.tick(), if connected => {
                publish.send_replace(Some(peer.stats().await));
            }
        }
    }
    peer.close().await;
}

/// Rides the link until the handle is dropped. Nothing is sent after that.
async fn serve_ride(
    call: CallId,
    ride: Ride,
    mut orders: mpsc::Receiver<Order>,
    publish: watch::Sender<Option<PathStats>>,
    engine: mpsc::Sender<SessionEvent>,
) {
    loop {
        match orders.recv().await {
            Some(Order::Begin) => break,
            Some(_) => {}
            None => return,
        }
    }
    let (told, feedback) = mpsc::channel(FEEDBACK);
    // False where the engine has not taken what it was told before.
    let tell = |event| engine.try_send(SessionEvent::Ride { call, event }).is_ok();
    let wishes = async {
        while let Some(order) = orders.recv().await {
            if let Order::Feedback(feedback) = order {
                let _ = told.try_send(feedback);
            }
        }
    };
    tokio::select! { () = ride.run(feedback, &publish, tell) => {}, () = wishes => {} }
}

fn transport_role(role: call::Role) -> transport::Role {
    match role {
        call::Role::Caller => transport::Role::Caller,
        call::Role::Callee => transport::Role::Callee,
    }
}

/// How the peer connection of a call is to be made.
pub fn config(
    core: &Core,
    (role, address): (call::Role, OurAddress),
    secrets: LocalSecrets,
    with_echo: bool,
    (max_kbps, start): (u32, StartRate),
) -> PeerConfig {
    // Echo itself is on this computer like its caller, and works without any network.
    let with_echo = with_echo || core.options.media.mirror;
    let loopback = std::net::IpAddr::from([127, 0, 0, 1]);
    let bind = if with_echo { vec![loopback] } else { core.options.network.bind.into_iter().collect() };
    PeerConfig {
        role: transport_role(role),
        secrets,
        bind,
        ice_servers: if with_echo { Vec::new() } else { core.options.network.ice_servers.clone() },
        relay_only: !with_echo && address == OurAddress::Hidden,
        allow_loopback: with_echo,
        max_kbps,
        start,
    }
}
