//! The connections of one call: the one that carries, and the one that may take over from it.
//!
//! Pipelines are never told which connection there is. What they send goes through an outlet that leads to the current one;
//! what they receive comes from all that are open, and the seal tells what is new.

use std::sync::Arc;
use std::sync::mpsc as threads;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::connection::{Connection, Outlet};
use super::session::SessionEvent;
use crate::media::packet::{IncomingPacket, OutgoingFrame};
use crate::signal::message::{CallId, Candidate, Description};
use crate::transport::{PathStats, PeerConfig};

/// What a pipeline handed over and the outlet has not taken yet. When full, no picture is made: it is left out at the source, for a
/// picture that waits is late.
const VIDEO_OUTLET: usize = 1;
const AUDIO_OUTLET: usize = 4;
/// Payloads that wait for a pipeline. When full, the newest is dropped and counts as lost.
const VIDEO_IN: usize = 2048;
const AUDIO_IN: usize = 128;
/// How long the connection before stays open, at least: what is under way still arrives, and control goes both ways until
/// the other side has moved over, too.
const OVERLAP: Duration = Duration::from_secs(1);

/// The connections of a call, by the number of their path.
pub struct Paths {
    call: CallId,
    current: (u32, Connection),
    next: Option<(u32, Connection)>,
    /// The one that carried before, and since when it does not.
    before: Option<(Connection, Instant)>,
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
        let (video_out, video_frames) = mpsc::channel(VIDEO_OUTLET);
        let (audio_out, audio_frames) = mpsc::channel(AUDIO_OUTLET);
        tokio::spawn(lead(video_frames, outlets.clone(), |outlet| &outlet.video));
        tokio::spawn(lead(audio_frames, outlets, |outlet| &outlet.audio));
        let paths =
            Self { call, current: (0, connection), next: None, before: None, outlet, video_in, audio_in, restarts: 0, engine };
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
    pub fn connected(&mut self, path: u32, now: Instant) -> bool {
        let Some(next) = self.next.take_if(|(at, _)| *at == path) else { return false };
        self.outlet.send_replace(next.1.outlet());
        let (_, before) = std::mem::replace(&mut self.current, next);
        self.before = Some((before, now));
        self.restarts += 1;
        true
    }

    /// Closes what has outlived its use. Call it now and then.
    pub fn tidy(&mut self, now: Instant) {
        self.before.take_if(|(_, since)| now >= *since + OVERLAP);
    }

    /// Sends an item of the control stream on every connection that there is.
    pub fn send_control(&self, item: &Bytes) {
        let next = self.next.as_ref().map(|(_, next)| next);
        let before = self.before.as_ref().map(|(before, _)| before);
        for connection in [Some(&self.current.1), next, before].into_iter().flatten() {
            connection.send_control(item.clone());
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
        let before = async {
            if let Some((before, _)) = self.before {
                before.close().await;
            }
        };
        tokio::join!(self.current.1.close(), before);
    }

    fn at(&self, path: u32) -> Option<&Connection> {
        let mut all = std::iter::once(&self.current).chain(&self.next);
        all.find(|(at, _)| *at == path).map(|(_, connection)| connection)
    }
}

/// Takes frames to where the outlet leads, until nobody sends more. While the queue there is full, frames stay where they are, and
/// everything after them is the pipeline's to leave out. Those of a connection that is gone are dropped, as its path was.
async fn lead(
    mut frames: mpsc::Receiver<OutgoingFrame>,
    mut outlets: watch::Receiver<Outlet>,
    to: fn(&Outlet) -> &mpsc::Sender<OutgoingFrame>,
) {
    loop {
        let queue = to(&outlets.borrow_and_update()).clone();
        // Room first, then a frame for it: nothing is in hand when the connection is replaced.
        let place = tokio::select! {
            Ok(()) = outlets.changed() => continue,
            place = queue.reserve() => place,
        };
        let frame = tokio::select! {
            Ok(()) = outlets.changed() => continue,
            frame = frames.recv() => frame,
        };
        let Some(frame) = frame else { return };
        if let Ok(place) = place {
            place.send(frame);
        }
    }
}
