//! One call's transport and pipelines. Dropping a session ends it: senders close, loops return, devices close.

mod pipelines;
mod secured;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::connection::{self, Connection};
use super::core::Core;
use super::current::Current;
use super::paths::{Paths, PipelineEnds};
use super::screening::OurAddress;
pub use super::session_event::SessionEvent;
use crate::call::Role;
use crate::identity::PublicKey;
use crate::media::allocation::{Allocation, Level, MOST_PICTURE_KBPS};
use crate::media::clock::MediaTime;
use crate::media::clock_offset::ClockOffset;
use crate::media::repair::PictureFeedback;
use crate::signal::message::{CallId, Description};
use crate::transport::{Carries, LocalSecrets, PathStats, PeerEvent, StartRate, bandwidth};

pub use pipelines::Pipelines;
use secured::Secured;

/// Before the first estimate.
pub const START_KBPS: u32 = bandwidth::START_KBPS;
/// Below this, a heartbeat goes out seldom and over the call's own connection alone.
const NARROW_KBPS: u32 = 60;
/// What may leave in all where nobody set a limit: the picture at its best, and parity and repairs on a path that loses.
const MOST_IN_ALL_KBPS: u32 = 3600;

/// A call's connection, keys and pipelines.
pub struct Session {
    call: CallId,
    role: Role,
    address: OurAddress,
    with_echo: bool,
    paths: Paths,
    /// What is said of the path that is being tried, once its sockets are open.
    described: Option<(u32, Description)>,
    ends: Option<PipelineEnds>,
    secured: Option<Secured>,
    clock_offset: Arc<ClockOffset>,
    pipelines: Option<Pipelines>,
    mirror: bool,
    /// For pictures, and for everything together.
    most_kbps: u32,
    cap_kbps: u32,
    start: StartRate,
    allocation: Allocation,
    /// What the path carries by the last estimate.
    path_kbps: u32,
    last_heartbeat: Option<Instant>,
    level: Level,
    /// What was opened when [`heard`](Self::heard) was last asked.
    opened: u64,
    refused_since: Option<Instant>,
}

impl Session {
    /// Opens sockets for a call with `peer`; [`SessionEvent::Gathered`] follows. Nothing is sent to the peer.
    pub fn gather(core: &Core, (call, peer): (CallId, PublicKey), role: Role, secrets: LocalSecrets, current: &Current) -> Self {
        let (address, with_echo) = (current.address, current.echo);
        let limit = core.options.media.max_kbps.or(core.people.settings.max_kbps);
        let most_kbps = limit.unwrap_or(MOST_PICTURE_KBPS);
        let cap_kbps = limit.unwrap_or(MOST_IN_ALL_KBPS);
        let start = StartRate::default();
        let config = connection::config(core, (role, address), secrets, with_echo, (cap_kbps, start.clone()));
        let engine = core.session_events.clone();
        let [a, b, c, d, ..] = call.0;
        let datagrams = core.network.datagrams(peer, [a, b, c, d]);
        let limits = (role, cap_kbps, start.clone());
        let ride = |inlets| Some(Connection::over_link(call, limits, datagrams?, inlets, engine.clone()));
        let (paths, ends) = Paths::open(call, config, ride, engine.clone());
        Self {
            call,
            role,
            address,
            with_echo,
            paths,
            described: None,
            ends: Some(ends),
            secured: None,
            clock_offset: Arc::default(),
            pipelines: None,
            mirror: core.options.media.mirror,
            most_kbps,
            cap_kbps,
            start,
            allocation: Allocation::default(),
            path_kbps: START_KBPS,
            last_heartbeat: None,
            level: Level::default(),
            opened: 0,
            refused_since: None,
        }
    }

    /// Opens sockets for another path of the call, described by `secrets`; not while a link carries that has hardly room for sound, for
    /// looking for another would fill it.
    pub fn regather(&mut self, core: &Core, path: u32, secrets: LocalSecrets, description: Description) {
        let is_heard = self.paths.estimate().is_some_and(|estimate| estimate.kbps > 0);
        if self.paths.link_carries() && is_heard && self.start.is_narrow() {
            self.described = Some((path, description));
            let gathered = Err("the link that carries the call has no room to look for it".into());
            let _ = core.session_events.try_send(SessionEvent::Gathered { call: self.call, path, gathered });
            return;
        }
        let (way, rates) = ((self.role, self.address), (self.cap_kbps, self.start.clone()));
        let config = connection::config(core, way, secrets, self.with_echo, rates);
        self.described = Some((path, description));
        self.paths.regather(path, config);
    }

    /// How we said that we are reached on `path`.
    pub fn take_description(&mut self, path: u32) -> Option<Description> {
        self.described.take_if(|(at, _)| *at == path).map(|(_, description)| description)
    }

    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    pub fn abandon(&mut self, path: u32) {
        self.paths.abandon(path);
    }

    /// A path stands. Where everything moves over to it, pictures begin anew: those on their way are lost.
    pub fn path_connected(&mut self, path: u32, now: Instant) {
        let moved = self.paths.connected(path, now);
        self.changed_over(moved);
    }

    /// Nothing comes through on a path. What was on its way is lost.
    pub fn path_disconnected(&mut self, path: u32) {
        if self.paths.disconnected(path) {
            self.changed_over(true);
        }
    }

    /// What is sent takes another path: as much as that carries, and where something got lost, from a whole picture on.
    fn changed_over(&mut self, lost: bool) {
        if let Some(estimate) = self.paths.estimate() {
            self.share(estimate);
        }
        if let (Some(pipelines), true) = (&self.pipelines, lost) {
            pipelines.video_send.feedback(PictureFeedback::Keyframe);
        }
    }

    /// What a path says that is not for the rules; the link, if no number is named.
    pub fn transport_event(&mut self, path: Option<u32>, event: &PeerEvent) {
        match *event {
            PeerEvent::Feedback(feedback) => {
                self.pipelines.iter().for_each(|pipelines| pipelines.video_send.feedback(feedback));
            }
            PeerEvent::PicturesAbandoned if path.is_none() == self.paths.link_carries() => {
                self.pipelines.iter().for_each(|pipelines| pipelines.video_send.renew());
            }
            PeerEvent::Estimate(carries) if self.paths.estimated(path, carries) => self.share(carries),
            _ => {}
        }
    }

    /// Divides what the path carries among the pipelines.
    fn share(&mut self, Carries { kbps, repair_percent }: Carries) {
        let Some(pipelines) = &self.pipelines else { return };
        let share = self.allocation.divide(MediaTime::now(), kbps, repair_percent);
        (self.level, self.path_kbps) = (share.level, kbps);
        pipelines.video_send.set_bitrate_kbps(share.video_kbps.min(self.most_kbps));
        if let Some(audio) = &pipelines.audio_send {
            audio.set_share(share);
        }
    }

    /// How much of its best our side can send.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether the path is so narrow that what is sent twice costs sound.
    pub fn is_narrow(&self) -> bool {
        self.path_kbps < NARROW_KBPS
    }

    /// Tells the pipelines what the path is like, and closes one that is not needed any more.
    pub fn follow_path(&mut self, now: Instant) {
        self.paths.tidy(now);
        let (Some(path), Some(pipelines)) = (self.path(), &self.pipelines) else { return };
        if let Some(ms) = path.rtt_ms.or(self.control_rtt_ms()) {
            pipelines.video_receive.set_rtt(Duration::from_secs_f64(ms / 1000.0));
        }
        if let Some(audio) = &pipelines.audio_send {
            audio.set_expected_loss(path.chance_loss_percent, path.loses_in_runs);
        }
        // What it carries may be the same for long; how steadily counts, too.
        if let Some(estimate) = self.paths.estimate() {
            self.share(estimate);
        }
    }

    /// The path, as last looked at.
    pub fn path(&self) -> Option<PathStats> {
        self.paths.stats()
    }

    /// The peer's clock minus ours.
    pub fn clock_offset_us(&self) -> Option<i64> {
        self.clock_offset.us()
    }

    /// Ends the connection with a goodbye, and the pipelines off the engine's task: devices take their time, and records
    /// their last lines. The task ends when all of it is done.
    pub fn close(self) -> JoinHandle<()> {
        let Self { paths, pipelines, .. } = self;
        tokio::spawn(async move {
            let devices = tokio::task::spawn_blocking(move || drop(pipelines));
            paths.close().await;
            let _ = devices.await;
        })
    }
}
