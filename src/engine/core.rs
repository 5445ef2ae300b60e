//! The engine's loop: everything that can wake it, and what it does then.

mod commands;
mod notices;
mod publishing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::calls::Calls;
use super::command::Command;
use super::conversations::{Conversations, Opened};
use super::device_check::DeviceCheck;
use super::event::Event;
use super::locking::Locking;
use super::network::Network;
use super::opening;
use super::options::Options;
use super::people::People;
use super::request::Asked;
use super::rings::Rings;
use super::screening::Asking;
use super::sentences;
use super::session::SessionEvent;
use super::snapshot::{self, Snapshot};
use super::verifying::Verifying;
use super::{Start, Waker, devices};
use crate::identity::PublicKey;
use crate::media::clock::MediaTime;
use crate::media::place::ScreenSink;
use crate::signal::link::LinkEvent;
use crate::transport::watch_addresses;

pub use notices::Notices;

/// Results of slow work and of the call's own tasks, on their way to the loop. When full, the worker waits.
const RESULTS: usize = 256;

/// The engine's ends of the channels that its handle holds.
pub struct Ends {
    pub commands: mpsc::Receiver<Command>,
    pub requests: mpsc::Receiver<Asked>,
    pub publish: watch::Sender<Arc<Snapshot>>,
    pub tell: mpsc::Sender<Event>,
    pub screens: Screens,
    /// The number of the next notice: a window tells them apart by it.
    pub next_notice: u64,
}

/// Where pictures go, and who is told of them.
#[derive(Clone)]
pub struct Screens {
    pub remote: ScreenSink,
    pub preview: ScreenSink,
    pub waker: Option<Waker>,
}

/// Everything that can wake the engine.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, on the stack")]
enum Wake {
    Command(Option<Command>),
    Asked(Asked),
    Link(LinkEvent),
    Session(SessionEvent),
    Devices(snapshot::Devices),
    Conversations(Opened),
    NetworkChanged,
    OffLoop(Then),
    Deadline,
}

/// What follows from work that was done off the loop.
pub type Then = Box<dyn FnOnce(&mut Core, &mut Calls) + Send>;

/// How long what is being written when the loop ends may take.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Why the loop ended.
enum Over {
    Quit,
    /// The person wants everything of the profile removed.
    Wipe,
}

/// The state of an engine, the call apart.
pub struct Core {
    pub people: People,
    pub options: Options,
    pub network: Network,
    pub screens: Screens,
    /// Where the tasks of a call report to.
    pub session_events: mpsc::Sender<SessionEvent>,
    pub notices: Notices,
    pub devices: snapshot::Devices,
    pub conversations: Conversations,
    device_results: mpsc::Sender<snapshot::Devices>,
    pub off_loop_results: mpsc::Sender<Then>,
    pub locking: Locking,
    pub verifying: Option<Verifying>,
    pub device_check: Option<DeviceCheck>,
    pub rings: Rings,
    pub asking: Option<Asking>,
    /// The knock id of the invitation whose request is accepted without asking.
    pub awaited: Option<PublicKey>,
}

/// Opens the profile and runs the engine until it is asked to end.
pub async fn run(start: Start, options: Options, mut ends: Ends) {
    let mut opened = opening::open(start, &mut ends).await;
    while let Some(people) = opened {
        let network = Network::for_person(&people, &options).await;
        let folder = people.directory().map(std::path::Path::to_owned);
        match (run_until_over(people, network, options.clone(), &mut ends).await, folder) {
            (Over::Wipe, Some(folder)) => opened = opening::begin_again(folder, &mut ends).await,
            _ => return,
        }
    }
}

/// Runs the engine for `people` until it is asked to end.
pub async fn run_for(people: People, network: Network, options: Options, mut ends: Ends) {
    run_until_over(people, network, options, &mut ends).await;
}

/// Comes back when everything is closed, and `people` are out of memory.
async fn run_until_over(people: People, network: Network, options: Options, ends: &mut Ends) -> Over {
    let Ends { commands, requests, publish, tell, screens, next_notice } = ends;
    let (tell, screens) = (tell.clone(), screens.clone());
    let (off_loop_results, mut off_loop_queue) = mpsc::channel(RESULTS);
    let (session_events, mut session_queue) = mpsc::channel(RESULTS);
    let (device_results, mut device_queue) = mpsc::channel(1);
    let conversations = Conversations::new(&people);
    let (network_news, mut network_queue) = mpsc::channel(1);
    if !options.media.mirror {
        tokio::spawn(watch_addresses(network_news));
    }
    let notices = Notices { tell, shown: Vec::new(), next: *next_notice };
    let mut core = Core {
        people,
        options,
        network,
        screens,
        session_events,
        notices,
        devices: snapshot::Devices::default(),
        conversations,
        device_results,
        off_loop_results,
        locking: Locking::default(),
        verifying: None,
        device_check: None,
        rings: Rings::default(),
        asking: None,
        awaited: None,
    };
    let mut calls = Calls::new(&core);
    let over = loop {
        if core.network.outdated && !calls.in_call() {
            core.network.open(&core.people, &core.options).await;
        }
        core.publish(&calls, publish);
        let deadline = calls.deadline().into_iter().chain(core.network.deadline()).chain(core.conversations.deadline()).min();
        let sleep = deadline.map(|deadline| tokio::time::sleep_until(deadline.into()));
        let wake = tokio::select! {
            command = commands.recv() => Wake::Command(command),
            Some(asked) = requests.recv() => Wake::Asked(asked),
            event = core.network.event() => Wake::Link(event),
            Some(event) = session_queue.recv() => Wake::Session(event),
            Some(devices) = device_queue.recv() => Wake::Devices(devices),
            opened = core.conversations.opened() => Wake::Conversations(opened),
            Some(()) = network_queue.recv() => Wake::NetworkChanged,
            Some(then) = off_loop_queue.recv() => Wake::OffLoop(then),
            () = async { if let Some(sleep) = sleep { sleep.await } else { std::future::pending().await } } => Wake::Deadline,
        };
        let now = Instant::now();
        match wake {
            Wake::Command(None | Some(Command::Quit)) => break Over::Quit,
            Wake::Command(Some(Command::Wipe)) => break Over::Wipe,
            Wake::Command(Some(command)) => core.command(command, &mut calls, now).await,
            Wake::Asked(asked) if asked.0.is_about_messages() && core.conversations.is_opening() => {
                core.conversations.ask_later(asked);
            }
            Wake::Asked((request, reply_to)) => {
                let reply = core.request(request, &mut calls, now).await;
                // Whoever asked may have gone.
                let _ = reply_to.send(reply);
            }
            Wake::Link(event) => core.link_event(event, &mut calls, now).await,
            Wake::Session(event) => calls.session_event(&mut core, event, now),
            Wake::Devices(devices) => core.devices = devices,
            Wake::Conversations(opened) => core.conversations_opened(opened, now),
            Wake::NetworkChanged => calls.network_changed(&mut core, now),
            Wake::OffLoop(then) => then(&mut core, &mut calls),
            Wake::Deadline => {
                core.network_due(now);
                core.conversations_due(now);
                calls.tick(&mut core, now);
            }
        }
    };
    core.keep_inbox();
    calls.quit(&mut core).await;
    core.hide_number();
    core.close_device_check();
    core.publish(&calls, publish);
    core.network.close().await;
    drop(calls);
    *next_notice = core.notices.next;
    let conversations = core.into_conversations();
    // What is being written off the loop would be there again after a wipe. A device that hangs is not waited for.
    let written = async {
        conversations.close().await;
        while off_loop_queue.recv().await.is_some() {}
    };
    let _ = tokio::time::timeout(LAST_WRITES, written).await;
    over
}

impl Core {
    /// Drops all the rest.
    fn into_conversations(self) -> Conversations {
        self.conversations
    }

    /// Lists devices on a thread of its own: some drivers take seconds.
    pub(super) fn look_at_devices(&self) {
        let results = self.device_results.clone();
        tokio::task::spawn_blocking(move || {
            // Full: a list is on its way already.
            let _ = results.try_send(devices::list());
        });
    }

    /// Whether a person sees what happens, and has keys to press.
    pub fn has_window(&self) -> bool {
        self.screens.waker.is_some()
    }

    /// What we call somebody.
    pub fn petname(&self, key: PublicKey) -> String {
        if self.network.is_echo(key) {
            return crate::contacts::names::ECHO.into();
        }
        if self.people.is_locked() {
            return sentences::SOMEBODY.into();
        }
        self.people.contacts.iter().find(|contact| contact.key == key).map(|contact| contact.petname.clone()).unwrap_or_default()
    }
}

/// The wall clock, for dates that a person sees and invitations that expire.
pub fn unix_seconds() -> u64 {
    MediaTime::now().unix_us() / 1_000_000
}
