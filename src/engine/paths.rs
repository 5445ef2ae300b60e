//! The paths of one call: the link, the connection that takes over from it, and the one that may take over from that.
//!
//! ```text
//!  the link ──a connection stands──▶ it ──another stands──▶ that one
//!     ▲───────────nothing comes through─┘────────────────────┘
//! ```
//!
//! Pipelines are never told which path there is. What they send is numbered and goes through an outlet that leads to the current one;
//! what they receive comes from all that are open. As the numbers are the call's, no frame is lost or shown twice when a path takes
//! over; and the seal tells what is new.

use std::sync::Arc;
use std::sync::mpsc as threads;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::connection::{Connection, Outlet};
use super::session::SessionEvent;
use crate::media::packet::{IncomingPacket, OutgoingFrame};
use crate::media::repair::PictureFeedback;
use crate::signal::message::{CallId, Candidate, Description};
use crate::transport::{Carries, Numbered, Numbering, PathStats, PeerConfig};

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

/// The paths of a call, connections by their number.
pub struct Paths {
    call: CallId,
    /// Carries while no connection stands.
    link: Option<Connection>,
    current: (u32, Option<Connection>),
    /// Whether the current connection stands.
    stands: bool,
    next: Option<(u32, Connection)>,
    /// The one that carried before, and since when it does not.
    before: Option<(Connection, Instant)>,
    outlet: watch::Sender<Outlet>,
    video_in: threads::SyncSender<IncomingPacket>,
    audio_in: threads::SyncSender<IncomingPacket>,
    restarts: u32,
    engine: mpsc::Sender<SessionEvent>,
}

/// Where payloads go that arrive: pictures, sound.
pub type Inlets = (threads::SyncSender<IncomingPacket>, threads::SyncSender<IncomingPacket>);

/// The pipelines' ends of the channels.
pub struct PipelineEnds {
    pub video_out: mpsc::Sender<OutgoingFrame>,
    pub audio_out: mpsc::Sender<OutgoingFrame>,
    pub video_in: threads::Receiver<IncomingPacket>,
    pub audio_in: threads::Receiver<IncomingPacket>,
}

impl Paths {
    /// Opens the sockets of the first connection; [`SessionEvent::Gathered`] follows. Nothing is sent to the peer. `link` makes the path
    /// over the link from the pipelines' inlets.
    pub fn open(
        call: CallId,
        config: PeerConfig,
        link: impl FnOnce(Inlets) -> Option<Connection>,
        engine: mpsc::Sender<SessionEvent>,
    ) -> (Self, PipelineEnds) {
        let (video_in, video_packets) = threads::sync_channel(VIDEO_IN);
        let (audio_in, audio_packets) = threads::sync_channel(AUDIO_IN);
        let inlets = (video_in.clone(), audio_in.clone());
        let link = link(inlets.clone());
        let connection = Connection::open(call, 0, config, inlets, engine.clone());
        let (outlet, outlets) = watch::channel(link.as_ref().unwrap_or(&connection).outlet());
        let (video_out, video_frames) = mpsc::channel(VIDEO_OUTLET);
        let (audio_out, audio_frames) = mpsc::channel(AUDIO_OUTLET);
        tokio::spawn(lead(video_frames, outlets.clone(), |outlet| &outlet.video));
        tokio::spawn(lead(audio_frames, outlets, |outlet| &outlet.audio));
        let current = (0, Some(connection));
        let (stands, next, before, restarts) = (false, None, None, 0);
        let paths = Self { call, link, current, stands, next, before, outlet, video_in, audio_in, restarts, engine };
        (paths, PipelineEnds { video_out, audio_out, video_in: video_packets, audio_in: audio_packets })
    }

    /// Both sides have proven who they are: the link may carry.
    pub fn begin(&self) {
        if let Some(link) = &self.link {
            link.begin();
        }
    }

    /// Opens the sockets of another path beside the current one. One that was being tried is closed.
    pub fn regather(&mut self, path: u32, config: PeerConfig) {
        let inlets = (self.video_in.clone(), self.audio_in.clone());
        self.next = Some((path, Connection::open(self.call, path, config, inlets, self.engine.clone())));
    }

    /// Closes what was being tried.
    pub fn abandon(&mut self, path: u32) {
        self.next.take_if(|(at, _)| *at == path);
        if self.current.0 == path && self.link_carries() {
            self.current.1 = None;
        }
    }

    /// Only now may packets go to the peer on this path.
    pub fn connect(&self, path: u32, remote: Description, candidates: Vec<Candidate>) {
        if let Some(connection) = self.at(path) {
            connection.connect(remote, candidates);
        }
    }

    pub fn add_candidates(&self, candidates: Vec<Candidate>) {
        if let Some(current) = &self.current.1 {
            current.add_candidates(candidates);
        }
    }

    /// Whether the link carries where no connection stands.
    pub fn has_link(&self) -> bool {
        self.link.is_some()
    }

    /// Whether news of this path matter.
    pub fn has(&self, path: u32) -> bool {
        self.at(path).is_some()
    }

    /// This connection stands. True if everything moves over to it from another connection; from the link, nothing gets lost.
    pub fn connected(&mut self, path: u32, now: Instant) -> bool {
        let link_carried = self.link_carries();
        let moves = self.next.take_if(|(at, _)| *at == path);
        let moved = moves.is_some();
        if let Some((path, next)) = moves {
            let (_, before) = std::mem::replace(&mut self.current, (path, Some(next)));
            self.before = before.map(|before| (before, now));
            self.restarts += 1;
        }
        if self.current.0 == path && !std::mem::replace(&mut self.stands, true) || moved {
            self.outlet.send_replace(self.carrier().outlet());
        }
        moved && !link_carried
    }

    /// Nothing comes through on this connection. True if the link carries from now on instead.
    pub fn disconnected(&mut self, path: u32) -> bool {
        let was_carrying = self.current.0 == path && std::mem::take(&mut self.stands);
        if was_carrying {
            self.outlet.send_replace(self.carrier().outlet());
        }
        was_carrying && self.link.is_some()
    }

    /// What a path carries, by its own word; the link's, if no number is named. True if it is the one in use.
    pub fn estimated(&mut self, path: Option<u32>, estimate: Carries) -> bool {
        let link_carries = self.link_carries();
        let (connection, carries) = match path {
            None => (self.link.as_mut(), link_carries),
            Some(path) if self.current.0 == path => (self.current.1.as_mut(), !link_carries),
            Some(path) => (self.next.as_mut().filter(|(at, _)| *at == path).map(|(_, next)| next), false),
        };
        if let Some(connection) = connection {
            connection.estimate = Some(estimate);
        }
        carries
    }

    /// What the path in use carries, as far as it knows.
    pub fn estimate(&self) -> Option<Carries> {
        self.carrier().estimate
    }

    /// Closes what has outlived its use. Call it now and then.
    pub fn tidy(&mut self, now: Instant) {
        self.before.take_if(|(_, since)| now >= *since + OVERLAP);
    }

    /// Sends an item of the control stream on every connection that there is.
    pub fn send_control(&self, item: &Bytes) {
        let next = self.next.as_ref().map(|(_, next)| next);
        let before = self.before.as_ref().map(|(before, _)| before);
        for connection in [self.current.1.as_ref(), next, before].into_iter().flatten() {
            connection.send_control(item.clone());
        }
    }

    /// How a pipeline tells the other side of its pictures.
    pub fn feedback(&self) -> Arc<dyn Fn(PictureFeedback) + Send + Sync> {
        let outlet = self.outlet.subscribe();
        Arc::new(move |feedback| outlet.borrow().feedback(feedback))
    }

    /// The path, as last looked at.
    pub fn stats(&self) -> Option<PathStats> {
        self.carrier().stats()
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
        let (current, link) = (self.current.1, self.link);
        let current = async {
            if let Some(current) = current {
                current.close().await;
            }
        };
        // The goodbye is control's, which the link sends by itself.
        drop(link);
        tokio::join!(current, before);
    }

    /// Whether the link carries now.
    pub fn link_carries(&self) -> bool {
        self.link.is_some() && !self.stands
    }

    /// The path in use.
    fn carrier(&self) -> &Connection {
        let link = self.link.as_ref().filter(|_| !self.stands);
        link.or(self.current.1.as_ref()).expect("a connection is given up for the link alone")
    }

    fn at(&self, path: u32) -> Option<&Connection> {
        let next = self.next.as_ref().filter(|(at, _)| *at == path).map(|(_, next)| next);
        next.or(self.current.1.as_ref().filter(|_| self.current.0 == path))
    }
}

/// Takes frames to where the outlet leads, until nobody sends more. While the queue there is full, frames stay where they are, and
/// everything after them is the pipeline's to leave out. Those of a connection that is gone are dropped, as its path was.
async fn lead(
    mut frames: mpsc::Receiver<OutgoingFrame>,
    mut outlets: watch::Receiver<Outlet>,
    to: fn(&Outlet) -> &mpsc::Sender<Numbered>,
) {
    let mut numbering = Numbering::default();
    loop {
        let queue = to(&outlets.borrow_and_update()).clone();
        // Room first, then a frame for it: nothing is in hand when the connection is replaced.
        let place = tokio::select! {
            Ok(()) = outlets.changed() => {
                numbering.another_path();
                continue;
            }
            place = queue.reserve() => place,
        };
        let frame = tokio::select! {
            Ok(()) = outlets.changed() => {
                numbering.another_path();
                continue;
            }
            frame = frames.recv() => frame,
        };
        let Some(frame) = frame else { return };
        if let Ok(place) = place {
            place.send(numbering.number(frame));
        }
    }
}
