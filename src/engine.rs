//! The one task that owns everything that changes, and the handle that a view holds.
//!
//! ```text
//! Command, Request ──▶ core (one tokio task) ──▶ watch<Arc<Snapshot>>, events
//!                       │  ▲
//!           CallState::step, People, Link, Session (transport, pipelines)
//! ```
//!
//! - [`command`], [`request`]: what goes in. [`snapshot`], [`event`], [`report`]: what comes out.
//! - [`people`]: contacts, invitations and requests, in memory and on disk together.
//! - `core`: the loop; `calls`: what it does for a call; `session`: pipelines and keys of one call, `paths` its
//!   connections.
//! - `conversations`: texts and calls on their way to the disk and to the other side.
//! - `network`: the links to contacts; `reach`: what is told of how others reach this computer.
//! - `locking`, `verifying`, `screening`: the lock and the backup, safety numbers, who may ring.
//! - `sentences`: what it says by itself, in words.
//! - `echo_contact`: the second engine that answers when Echo is called.

mod calls;
pub mod command;
mod connection;
mod control_stream;
pub mod conversations;
mod core;
mod current;
pub mod device_check;
mod device_news;
mod devices;
mod echo_contact;
pub mod event;
mod figures;
mod knocks;
mod link_events;
mod locking;
mod network;
mod opening;
pub mod options;
mod paths;
pub mod people;
mod questions;
mod reach;
pub mod report;
pub mod request;
mod rings;
mod screening;
mod sentences;
mod session;
mod session_event;
pub mod snapshot;
mod sound_test;
mod sources;
mod verifying;
mod views;
mod wakers;
pub mod words;
mod written_path;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use crate::contacts::Profile;
use crate::media::place::{ScreenView, screen};
use command::Command;
use event::Event;
use network::Network;
use options::Options;
use people::People;
use request::{Asked, Reply, Request};
use snapshot::Snapshot;

/// Called when there is something new to show; it must not block.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Wishes that wait for the engine; a view that sends more than these waits.
const COMMANDS: usize = 32;
/// Events that wait to be printed. When full, new ones are dropped: the engine waits for no script.
const EVENTS: usize = 1024;
/// How long the end may take before the task is cut off.
const FAREWELL: Duration = Duration::from_secs(2);

/// Which profile the engine works for.
pub enum Start {
    /// One that is open already.
    Profile(Box<Profile>),
    /// One that the engine opens; a person names it first if it is not there, and unlocks it if it is sealed.
    Directory { directory: PathBuf, passphrase: Option<Zeroizing<String>> },
}

/// The engine's task, of one type for a person and for Echo, which the former starts.
type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A running engine. Dropping it stops the task without a goodbye; [`quit`](Self::quit) is the polite way.
pub struct Engine {
    commands: mpsc::Sender<Command>,
    requests: mpsc::Sender<Asked>,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    events: mpsc::Receiver<Event>,
    remote: ScreenView,
    preview: ScreenView,
    task: JoinHandle<()>,
}

impl Engine {
    /// Starts the engine on the current tokio runtime. `waker` is absent without a window.
    pub fn start(start: Start, options: Options, waker: Option<Waker>) -> Self {
        Self::with(options, waker, |options, ends| Box::pin(core::run(start, options, ends)))
    }

    /// Starts an engine for people who are there already; used for Echo, whose pictures nobody looks at.
    pub(super) fn start_for(people: People, network: Network, options: Options) -> Self {
        Self::with(options, None, |options, ends| Box::pin(core::run_for(people, network, options, ends)))
    }

    fn with(options: Options, waker: Option<Waker>, run: impl FnOnce(Options, core::Ends) -> Running) -> Self {
        let (commands, command_queue) = mpsc::channel(COMMANDS);
        let (requests, request_queue) = mpsc::channel(COMMANDS);
        let (publish, snapshot) = watch::channel(Arc::new(Snapshot::default()));
        let (tell, events) = mpsc::channel(EVENTS);
        let (remote_sink, remote) = screen();
        let (preview_sink, preview) = screen();
        let screens = core::Screens { remote: remote_sink, preview: preview_sink, waker };
        let ends = core::Ends { commands: command_queue, requests: request_queue, publish, tell, screens, next_notice: 0 };
        let task = tokio::spawn(run(options, ends));
        Self { commands, requests, snapshot, events, remote, preview, task }
    }

    /// Hands over a wish.
    pub async fn command(&self, command: Command) {
        // A closed queue means that the engine has ended: there is nobody left to wish anything of.
        let _ = self.commands.send(command).await;
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&self, request: Request) -> Reply {
        let (reply_to, reply) = oneshot::channel();
        let _ = self.requests.send((request, reply_to)).await;
        reply.await.unwrap_or_else(|_| Err("Vesper is ending; try again".into()))
    }

    /// The next event; `None` once the engine has ended.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// The state now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// To wait for a state.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.clone()
    }

    /// Where another thread or task puts its wishes.
    pub fn commands(&self) -> mpsc::Sender<Command> {
        self.commands.clone()
    }

    /// Where another task puts its questions.
    pub fn requests(&self) -> mpsc::Sender<Asked> {
        self.requests.clone()
    }

    /// The newest picture of the peer, and of our own camera.
    pub fn screens(&self) -> (ScreenView, ScreenView) {
        (self.remote.clone(), self.preview.clone())
    }

    /// Hangs up, says goodbye, closes devices and sockets; returns when that is done or two seconds are over.
    pub async fn quit(mut self) {
        self.command(Command::Quit).await;
        // Events that nobody reads any more must not hold up the end.
        let drained = async { while self.events.recv().await.is_some() {} };
        let _ = tokio::time::timeout(FAREWELL, drained).await;
        let _ = tokio::time::timeout(Duration::from_millis(200), &mut self.task).await;
        self.task.abort();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.task.abort();
    }
}
