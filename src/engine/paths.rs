//! The connections of one call: the one that carries, and the one that may take over from it.
//!
//! Pipelines are never told which connection there is. What they send goes through an outlet that leads to the current one;
//! what they receive comes from all that are open, and the seal tells what is new.

use std::sync::Arc;
use std::sync::mpsc as threads;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::connection::{Connection, Outlet};
use super::session::SessionEvent;
use crate::media::packet::{IncomingPacket, OutgoingFrame};
use crate::signal::message::{CallId, Candidate, Description};
use crate::transport::{PathStats, PeerConfig};

/// What a pipeline handed over and the outlet has not taken yet.
const OUTLET: usize = 2;
/// Payloads that wait for a pipeline. When full, the newest is dropped and counts as lost.
const VIDEO_IN: usize = 2048;
const AUDIO_IN: usize = 128;
/// How long the connection before stays open, so that what is under way still arrives and the other side moves over, too.
const OVERLAP: Duration = Duration::from_secs(1);

/// The connections of a call, by the number of their path.
pub struct Paths {
    call: CallId,
    current: (u32, Connection),
    next: Option<(u32, Connection)>,
    outlet: watch::Sender<Outlet>,
    video_in: threads::SyncSender<IncomingPacket>,
    audio_in: threads::SyncSender<IncomingPacket>,
    restarts: u32,
    engine: mpsc::Sender<SessionEvent>,
}

/// The pipelines' ends of the channels.
pub struct PipelineEnds {
    pub video_out: mpsc::Sender<OutgoingFrame>,
    pub audio_out: mpsc::Sender<OutgoingFrame>,
    pub video_in: threads::Receiver<IncomingPacket>,
    pub audio_in: threads::Receiver<IncomingPacket>,
}

impl Paths {
    /// Opens the sockets of the first path; [`SessionEvent::Gathered`] follows. Nothing is sent to the peer.
    pub fn open(call: CallId, config: PeerConfig, engine: mpsc::Sender<SessionEvent>) -> (Self, PipelineEnds) {
        let (video_in, video_packets) = threads::sync_channel(VIDEO_IN);
        let (audio_in, audio_packets) = threads::sync_channel(AUDIO_IN);
        let connection = Connection::open(call, 0, config, (video_in.clone(), audio_in.clone()), engine.clone());
        let (outlet, outlets) = watch::channel(connection.outlet());
        let (video_out, video_frames) = mpsc::channel(OUTLET);
        let (audio_out, audio_frames) = mpsc::channel(OUTLET);
        tokio::spawn(lead(video_frames, outlets.clone(), |outlet| &outlet.video));
        tokio::spawn(lead(audio_frames, outlets, |outlet| &outlet.audio));
        let paths = Self { call, current: (0, connection), next: None, outlet, video_in, audio_in, restarts: 0, engine };
        (paths, PipelineEnds { video_out, audio_out, video_in: video_packets, audio_in: audio_packets })
    }

    /// Opens the sockets of another path beside the current one. One that was being tried is closed.
    pub fn regather(&mut self, path: u32, config: PeerConfig) {
        let inlets = (self.video_in.clone(), self.audio_in.clone());
        self.next = Some((path, Connection::open(self.call, path, config, inlets, self.engine.clone())));
    }

    /// Closes what was being tried.
    pub fn abandon(&mut self, path: u32) {
        self.next.take_if(|(at, _)| *at == path);
    }

    /// Only now may packets go to the peer on this path.
    pub fn connect(&self, path: u32, remote: Description, candidates: Vec<Candidate>) {
        if let Some(connection) = self.at(path) {
            connection.connect(remote, candidates);
        }
    }

    pub fn add_candidates(&self, candidates: Vec<Candidate>) {
        self.current.1.add_candidates(candidates);
    }

    /// Whether news of this path matter.
    pub fn has(&self, path: u32) -> bool {
        self.at(path).is_some()
    }

    pub fn is_current(&self, path: u32) -> bool {
        self.current.0 == path
    }

    /// This path stands. True if everything moves over to it, from another.
    pub fn connected(&mut self, path: u32) -> bool {
        let Some(next) = self.next.take_if(|(at, _)| *at == path) else { return false };
        self.outlet.send_replace(next.1.outlet());
        let (_, before) = std::mem::replace(&mut self.current, next);
        self.restarts += 1;
        tokio::spawn(async move {
            tokio::time::sleep(OVERLAP).await;
            before.close().await;
        });
        true
    }

    /// Sends an item of the control stream on every connection that there is.
    pub fn send_control(&self, item: &Bytes) {
        self.current.1.send_control(item.clone());
        if let Some((_, next)) = &self.next {
            next.send_control(item.clone());
        }
    }

    /// What a pipeline calls when it needs a keyframe.
    pub fn keyframe_requests(&self) -> Arc<dyn Fn() + Send + Sync> {
        let outlet = self.outlet.subscribe();
        Arc::new(move || outlet.borrow().request_keyframe())
    }

    /// The path, as last looked at.
    pub fn stats(&self) -> Option<PathStats> {
        self.current.1.stats()
    }

    /// How often everything moved over to another path.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Sends what is ordered, says goodbye, closes the sockets.
    pub async fn close(self) {
        drop(self.next);
        self.current.1.close().await;
    }

    fn at(&self, path: u32) -> Option<&Connection> {
        let mut all = std::iter::once(&self.current).chain(&self.next);
        all.find(|(at, _)| *at == path).map(|(_, connection)| connection)
    }
}

/// Takes frames to where the outlet leads, until nobody sends more. A frame that meets a full queue waits, and everything
/// after it is the pipeline's to leave out; one whose connection is replaced meanwhile is dropped, as its path was.
async fn lead(
    mut frames: mpsc::Receiver<OutgoingFrame>,
    mut outlets: watch::Receiver<Outlet>,
    to: fn(&Outlet) -> &mpsc::Sender<OutgoingFrame>,
) {
    let mut queue = to(&outlets.borrow_and_update()).clone();
    while let Some(frame) = frames.recv().await {
        if outlets.has_changed().unwrap_or(false) {
            queue = to(&outlets.borrow_and_update()).clone();
        }
        tokio::select! {
            biased;
            // It fails when the connection is gone; another one follows, or the call ends.
            _ = queue.send(frame) => {}
            Ok(()) = outlets.changed() => queue = to(&outlets.borrow_and_update()).clone(),
        }
    }
}
