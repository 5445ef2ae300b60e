//! One peer connection of one call.
//!
//! ```text
//!   gather: sockets open, candidates known, nobody is heard or answered
//!      │
//!   connect: checks are sent and answered; ICE, DTLS, certificate compared
//!      │
//!   Connected ──▶ payloads, control and feedback both ways ◀──▶ Disconnected
//!      │
//!   close, or Failed
//! ```
//!
//! A network change is answered with a new `Peer` under the same call: sealing state does not live here.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rtc::data_channel::RTCDataChannelInit;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use webrtc::peer_connection::{
    PeerConnection, RTCIceConnectionState, RTCPeerConnectionState, RTCSdpType, RTCSessionDescription, StatsSelector,
};
use webrtc::runtime::{Runtime, TokioRuntime};

use crate::media::repair::PictureFeedback;
use crate::signal::message::{Candidate, Description, MAX_CANDIDATES};

use super::chain::{self, Parts};
use super::config::{MediaPorts, PeerConfig, PeerEvent, Role, TransportError};
use super::counters::{Counters, PathStats};
use super::describe::{Streams, remote_sdp};
use super::gate::{Gate, GatedRuntime};
use super::intake::{Admission, Intake};
use super::path::{Path, Reading};
use super::tracks::{HEAD_START, Teller, Track};
use super::watch::{Gathered, Handler, States, Watcher, selected_pair};
use super::{addresses, control, servers};

/// Control messages that wait to be sent; more are dropped, for each is sent again anyway.
const CONTROL_QUEUE: usize = 64;
/// What the other side told of our pictures and nobody has looked at; more is left out, for it is told again.
const FEEDBACK_QUEUE: usize = 16;
/// Events that wait for the owner.
const EVENT_QUEUE: usize = 256;
/// How long DTLS may take once ICE found a path.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(8);
/// How long closing may take.
const GOODBYE: Duration = Duration::from_millis(100);

/// A prepared connection.
pub struct Gathering {
    pub peer: Peer,
    /// Ours, for the other side.
    pub candidates: Vec<Candidate>,
    pub events: mpsc::Receiver<PeerEvent>,
}

/// One peer connection. Dropping it closes it, too, without waiting for the goodbye.
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    role: Role,
    allow_loopback: bool,
    gate: Arc<Gate>,
    expected: watch::Sender<Option<[u8; 32]>>,
    candidates_used: usize,
    control: mpsc::Sender<Bytes>,
    teller: Teller,
    counters: Arc<Counters>,
    readings: watch::Receiver<Reading>,
    control_writer: Option<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Peer {
    /// Opens sockets and finds candidates. Nothing is sent to the other side, nothing of it is heard.
    pub async fn gather(config: PeerConfig, media: MediaPorts) -> Result<Gathering, TransportError> {
        Self::gather_on(config, media, Arc::new(TokioRuntime), HANDSHAKE_PATIENCE).await
    }

    pub(super) async fn gather_on(
        config: PeerConfig,
        media: MediaPorts,
        runtime: Arc<dyn Runtime>,
        patience: Duration,
    ) -> Result<Gathering, TransportError> {
        let bind = addresses::to_bind(&config.bind, config.allow_loopback);
        if bind.is_empty() {
            return Err(TransportError::NoNetwork);
        }
        let (ice_servers, server_addresses) = servers::resolve(&config.ice_servers).await?;
        if config.relay_only && !ice_servers.iter().any(|server| server.urls[0].starts_with("turn:")) {
            return Err(TransportError::NoRelay);
        }
        let has_servers = !ice_servers.is_empty();
        let gate = Gate::new(server_addresses, config.start.clone());
        let (ours, theirs) = (Streams::of(config.role), Streams::of(config.role.other()));

        let counters = Arc::new(Counters::default());
        let admission = Arc::new(Admission::default());
        let goodbye = Arc::default();
        let (feedback, told) = mpsc::channel(FEEDBACK_QUEUE);
        let (path, readings, room) = Path::new(ours, theirs, config.max_kbps, config.start, counters.clone());
        let (gathered, found) = mpsc::channel(EVENT_QUEUE);
        let start = States { connection: RTCPeerConnectionState::New, ice: RTCIceConnectionState::New };
        let (states, state_changes) = watch::channel(start);
        let intake = Intake {
            ours,
            theirs,
            video: media.video_in,
            audio: media.audio_in,
            feedback,
            admission: admission.clone(),
            counters: counters.clone(),
            held: Default::default(),
        };
        let parts = Parts {
            runtime: Arc::new(GatedRuntime { inner: runtime, gate: gate.clone() }),
            handler: Arc::new(Handler { gathered, states }),
            bind,
            ice_servers,
            relay_only: config.relay_only,
            path,
            intake,
        };
        let connection = chain::build(config.secrets, parts).await?;

        let head_start = if config.role == Role::Caller { HEAD_START } else { Duration::ZERO };
        let (audio, video) = (Track::audio(ours, chain::opus()), Track::video(ours, chain::h264()));
        connection.add_track(audio.local()).await?;
        connection.add_track(video.local()).await?;
        let options =
            RTCDataChannelInit { ordered: false, max_retransmits: Some(0), negotiated: Some(0), ..RTCDataChannelInit::default() };
        let channel = connection.create_data_channel("control", Some(options)).await?;

        let teller = video.teller(theirs);
        let (events, receiver) = mpsc::channel(EVENT_QUEUE);
        let (expected, expected_changes) = watch::channel(None);
        let (admitted, admissions) = watch::channel(false);
        let (control_out, outgoing) = mpsc::channel(CONTROL_QUEUE);
        let watcher = Watcher {
            connection: connection.clone(),
            expected: expected_changes,
            states: state_changes,
            readings: readings.clone(),
            feedback: told,
            goodbye: Arc::clone(&goodbye),
            admission,
            admitted,
            counters: counters.clone(),
            events: events.clone(),
            patience,
        };
        let tasks = vec![
            tokio::spawn(watcher.run()),
            tokio::spawn(control::read(channel.clone(), admissions.clone(), events, goodbye, counters.clone())),
            tokio::spawn(audio.run(media.audio_out, admissions.clone(), None, head_start)),
            tokio::spawn(video.run(media.video_out, admissions.clone(), Some(room), head_start)),
        ];
        let control_writer = Some(tokio::spawn(control::write(channel, admissions, outgoing, counters.clone())));
        let peer = Self {
            connection,
            role: config.role,
            allow_loopback: config.allow_loopback,
            gate,
            expected,
            candidates_used: 0,
            control: control_out,
            teller,
            counters,
            readings,
            control_writer,
            tasks,
        };

        let offer = peer.connection.create_offer(None).await?;
        peer.connection.set_local_description(offer).await?;
        let candidates = collect(found, config.allow_loopback, has_servers).await;
        match (candidates.is_empty(), config.relay_only) {
            (true, true) => Err(TransportError::NoRelay),
            (true, false) => Err(TransportError::NoNetwork),
            _ => Ok(Gathering { peer, candidates, events: receiver }),
        }
    }

    /// Starts ICE and then DTLS with the side that `remote` describes: from now on it is heard and answered.
    pub async fn connect(&mut self, remote: &Description, candidates: &[Candidate]) -> Result<(), TransportError> {
        if self.expected.borrow().is_some() {
            return Err(TransportError::Connected);
        }
        self.expected.send_replace(Some(remote.fingerprint));
        let sdp = remote_sdp(self.role.other(), remote);
        match self.role {
            Role::Caller => {
                self.connection.set_remote_description(RTCSessionDescription::answer(sdp)?).await?;
            }
            Role::Callee => {
                // Whoever offers is controlling. Our own offer was only there to gather.
                let mut rollback = RTCSessionDescription::default();
                rollback.sdp_type = RTCSdpType::Rollback;
                self.connection.set_local_description(rollback).await?;
                self.connection.set_remote_description(RTCSessionDescription::offer(sdp)?).await?;
                let answer = self.connection.create_answer(None).await?;
                self.connection.set_local_description(answer).await?;
            }
        }
        self.gate.open();
        self.add_candidates(candidates).await;
        Ok(())
    }

    /// Tries more addresses of the other side. Those that may not be tried, or are too many, are left out.
    pub async fn add_candidates(&mut self, candidates: &[Candidate]) {
        for candidate in addresses::acceptable(candidates, self.allow_loopback, &mut self.candidates_used) {
            if let Err(error) = self.connection.add_ice_candidate(addresses::to_init(&candidate)).await {
                tracing::debug!("a candidate was not taken: {error}");
            }
        }
    }

    /// Sends a control message, once and without order. Dropped and counted when too long or when the path is full.
    pub fn send_control(&self, message: Bytes) {
        if message.len() > control::MAX_CONTROL || self.control.try_send(message).is_err() {
            Counters::add(&self.counters.control_dropped, 1);
        }
    }

    /// Tells the other side of its pictures.
    pub async fn tell(&self, feedback: PictureFeedback) {
        self.teller.tell(feedback).await;
    }

    /// The path at this moment.
    pub async fn stats(&self) -> PathStats {
        let now = std::time::Instant::now();
        let report = self.connection.get_stats(now, StatsSelector::None).await;
        let mut stats = self.counters.read();
        if let Some(pair) = report.candidate_pairs().find(|pair| pair.nominated) {
            stats.rtt_ms = (pair.current_round_trip_time > 0.0).then_some(pair.current_round_trip_time * 1e3);
            (stats.bytes_in, stats.bytes_out) = (pair.bytes_received, pair.bytes_sent);
        }
        let estimate = self.readings.borrow().estimate;
        (stats.loss_percent, stats.chance_loss_percent) = (estimate.loss_percent, estimate.chance_loss_percent);
        stats.queue_ms = estimate.queue_ms;
        (stats.delivered_kbps, stats.target_kbps) = (estimate.delivered_kbps, estimate.target_kbps);
        if let Some((local, remote)) = selected_pair(&*self.connection).await {
            (stats.local, stats.remote) = (Some(local), Some(remote));
        }
        stats
    }

    /// Sends what control messages wait, says goodbye, and closes the sockets. Takes a tenth of a second at most, twice.
    pub async fn close(mut self) {
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.control, closed));
        if let Some(writer) = self.control_writer.take() {
            let abort = writer.abort_handle();
            if timeout(GOODBYE, writer).await.is_err() {
                abort.abort();
            }
        }
        if let Err(error) = self.connection.close().await {
            tracing::debug!("closing: {error}");
        }
    }
}

/// The candidates that gathering finds, as long as a server may take to answer.
async fn collect(mut found: mpsc::Receiver<Gathered>, allow_loopback: bool, has_servers: bool) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let all = async {
        while let Some(Gathered::Candidate(candidate)) = found.recv().await {
            candidates.extend(addresses::gathered(&candidate, allow_loopback));
        }
    };
    if timeout(servers::SERVER_PATIENCE, all).await.is_err() && has_servers {
        tracing::warn!("not every STUN or TURN server answered");
    }
    candidates.truncate(MAX_CANDIDATES);
    candidates
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.tasks.iter().chain(&self.control_writer).for_each(JoinHandle::abort);
        // The library's driver outlives its handle unless it is told. Closing twice is closing once.
        let connection = self.connection.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { connection.close().await });
        }
    }
}
