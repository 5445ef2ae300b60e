//! The engine's loop: everything that can wake it, and what it does then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::calls::Calls;
use super::command::Command;
use super::conversations::{Conversations, Opened};
use super::device_check::DeviceCheck;
use super::event::{Event, What};
use super::locking::Locking;
use super::network::Network;
use super::opening;
use super::options::Options;
use super::people::{Effect, People};
use super::request::{Asked, Line, Reply, Request};
use super::rings::Rings;
use super::screening::{self, Asking};
use super::sentences;
use super::session::SessionEvent;
use super::snapshot::{self, NoticeKind, Snapshot, Stage};
use super::verifying::Verifying;
use super::words::{in_words, whole};
use super::{Start, Waker, device_news, devices};
use crate::contacts::VerifiedBy;
use crate::identity::PublicKey;
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;
use crate::media::place::ScreenSink;
use crate::signal::link::LinkEvent;
use crate::transport::watch_addresses;

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

/// Sentences for the person, and events for scripts.
pub struct Notices {
    tell: mpsc::Sender<Event>,
    shown: Vec<snapshot::Notice>,
    next: u64,
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

    async fn command(&mut self, command: Command, calls: &mut Calls, now: Instant) {
        let unix = unix_seconds();
        let Some(command) = screening::meant(command, calls.ringing()) else { return };
        if self.people.is_locked() && !may_while_locked(&command) {
            return self.notices.show(NoticeKind::Info, sentences::UNLOCK_FIRST.into());
        }
        if !self.may_call(&command, calls) {
            return;
        }
        let effects = match command {
            Command::CreateProfile { .. } | Command::Restore { .. } | Command::Quit | Command::Wipe => return,
            Command::Unlock { passphrase } => return self.unlock(passphrase),
            Command::Lock => return self.lock(),
            Command::ChangePassphrase { current, new } => return self.change_passphrase(current, new),
            Command::Export { file, passphrase } => return self.export(file, passphrase),
            Command::ShowNumber { key } => return self.show_number(key),
            Command::HideNumber => return self.hide_number(),
            Command::ScanCode { on } => return self.scan(on, calls.in_call()),
            Command::SetVerified { key, verified: true } => self.people.verify(key, VerifiedBy::Number, unix),
            Command::SetVerified { key, verified: false } => self.people.unverify(key),
            Command::WordsAgree { agree: false } => {
                // Whoever is there is not whom we verified.
                let peer = calls.view(self).filter(|call| !call.echo).map(|call| call.peer);
                let unmarked = peer.filter(|peer| self.people.accepted(*peer).is_some()).map(|peer| self.people.unverify(peer));
                calls.command(self, command, now).await;
                unmarked.unwrap_or(Ok(Vec::new()))
            }
            Command::SetCandidates { key, candidates } => {
                self.people.change(key, |contact| contact.candidates = candidates).map(|()| Vec::new())
            }
            Command::SetSilent { key, silent } => self.people.change(key, |contact| contact.silent = silent).map(|()| Vec::new()),
            Command::ApproveRelay { key, relay, approve } => self.people.approve_relay(key, relay, approve),
            Command::ApproveRequestRelay { knock_id, approve } => self.people.approve_request_relay(knock_id, approve),
            Command::ShareAddress { share } => return self.share_address(share, calls, now).await,
            Command::Invite { hours, label } => {
                if let Err(error) = self.invite(u64::from(hours) * 3600, &label).await {
                    self.notices.error(&error);
                }
                return;
            }
            Command::WithdrawInvitation { knock_id } => self.people.withdraw(knock_id),
            Command::AddContact { invitation, petname } => self.people.ask(&invitation, petname, unix),
            Command::AcceptRequest { key, petname } => self.people.accept(key, petname.as_deref(), unix),
            Command::RefuseRequest { key } => self.people.refuse(key),
            Command::Rename { key, petname } => self.people.rename(key, &petname),
            Command::Block { key } => self.people.block(key),
            Command::Remove { key } => self.people.remove(key),
            Command::Unblock { key } => {
                let (name, unblocked) = (self.petname(key), self.people.unblock(key));
                if unblocked.is_ok() {
                    self.notices.show(NoticeKind::Info, sentences::unblocked(&name));
                }
                unblocked
            }
            Command::ChangeSettings { settings } => return self.change_settings(*settings, calls, now),
            Command::DismissNotice { id } => return self.notices.shown.retain(|notice| notice.id != id),
            Command::SetName { name } => self.people.set_name(&name).map(|()| Vec::new()),
            Command::RefreshDevices => return self.look_at_devices(),
            Command::CheckDevices { on } => return self.check_devices(on, calls.in_call()),
            Command::TestSound { ring } => return self.test_sound(ring),
            Command::DeclineWith { call, body } => {
                let Some((key, _)) = calls.ringing() else { return };
                self.talk_command(Command::Write { key, body }, None, now);
                return calls.command(self, Command::Decline { call }, now).await;
            }
            command @ (Command::Write { .. }
            | Command::WriteInCall { .. }
            | Command::See { .. }
            | Command::DeleteMessage { .. }
            | Command::OpenLink { .. }
            | Command::DeleteConversation { .. }) => {
                let in_call = calls.view(self).map(|call| call.peer);
                return self.talk_command(command, in_call, now);
            }
            command => return calls.command(self, command, now).await,
        };
        match effects {
            Ok(effects) => self.carry_out(effects, calls, now).await,
            Err(error) => self.notices.failed(&error),
        }
    }

    /// Does what a change of people asks for. A call with somebody who is shut out ends first, while they can be told.
    async fn carry_out(&mut self, effects: Vec<Effect>, calls: &mut Calls, now: Instant) {
        let peer = calls.view(self).map(|call| call.peer);
        if effects.iter().any(|effect| matches!(effect, Effect::Shut(key) if Some(*key) == peer)) {
            calls.command(self, Command::HangUp, now).await;
        }
        self.told(Ok(effects));
    }

    /// Answers another command, or the command line itself.
    async fn request(&mut self, request: Request, calls: &mut Calls, now: Instant) -> Reply {
        if self.people.is_locked() {
            return Err("the profile is locked; unlock it in its window first".into());
        }
        if let Request::Invite { seconds, accept } = request {
            let open = self.invite(seconds, "").await.map_err(|error| in_words(&error))?;
            if accept {
                self.awaited = Some(open.invitation.knock_id);
            }
            let (text, expires) = (open.invitation.encode(), open.invitation.expires);
            let json = serde_json::json!({"event": "invitation", "unix_us": MediaTime::now().unix_us(), "invitation": text, "expires": expires});
            return Ok(vec![Line::new(json, text)]);
        }
        if request.is_about_messages() {
            return self.answer_about_messages(&request, now);
        }
        let (reply, effects) = self.people.answer(&request, unix_seconds());
        self.carry_out(effects, calls, now).await;
        reply
    }

    /// Publishes the state, if it is another one than before, and wakes whoever looks at it.
    fn publish(&self, calls: &Calls, publish: &watch::Sender<Arc<Snapshot>>) {
        let snapshot = self.snapshot(calls);
        let changed = publish.send_if_modified(|published| {
            let changed = **published != snapshot;
            if changed {
                *published = Arc::new(snapshot);
            }
            changed
        });
        if let (true, Some(waker)) = (changed, &self.screens.waker) {
            waker();
        }
    }

    fn snapshot(&self, calls: &Calls) -> Snapshot {
        let people = &self.people;
        if people.is_locked() {
            return Snapshot {
                stage: Stage::Locked { wrong: self.locking.wrong },
                call: calls.view(self),
                notices: self.notices.shown.clone(),
                network: self.network.view(),
                settings: people.settings.clone(),
                conversations: self.conversations.view(),
                sealed: true,
                ..Snapshot::default()
            };
        }
        Snapshot {
            stage: Stage::Ready,
            me: Some(snapshot::Me { name: people.name.clone(), key: people.identity.public() }),
            contacts: self.contact_views(),
            requests: self.request_views(),
            sent_requests: self.sent_views(),
            invitations: people.invitation_views(unix_seconds()),
            call: calls.view(self),
            notices: self.notices.shown.clone(),
            network: self.network.view(),
            devices: self.devices.clone(),
            settings: people.settings.clone(),
            conversations: self.conversations.view(),
            sealed: people.is_sealed(),
            verify: self.verify_view(),
            address_question: self.address_question(calls),
            device_check: self.device_check_view(),
        }
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

impl Notices {
    /// Notices that a person has not dismissed; older ones go.
    const MOST: usize = 5;

    /// Tells scripts what happened. A script that does not read for hundreds of events loses some.
    pub fn tell(&self, what: What) {
        let event = Event { at: MediaTime::now(), what };
        if self.tell.try_send(event).is_err() {
            tracing::debug!("an event was not read and is dropped");
        }
    }

    /// Shows a sentence, and tells scripts.
    pub fn say(&mut self, kind: NoticeKind, text: &str) {
        self.warn(kind, text, None);
    }

    /// What a pipeline tells, if that needs words.
    pub fn media(&mut self, event: MediaEvent) {
        if let Some((kind, text)) = device_news::sentence(&event) {
            self.warn(kind, &text, Some(event));
        }
    }

    /// A wish that came to nothing.
    pub fn error(&mut self, error: &anyhow::Error) {
        self.say(NoticeKind::Error, &in_words(error));
    }

    /// A request or change that came to nothing, as scripts wait for it.
    pub fn failed(&mut self, error: &anyhow::Error) {
        let text = whole(&in_words(error));
        self.tell(What::RequestFailed { text: text.clone() });
        self.show(NoticeKind::Error, text);
    }

    fn warn(&mut self, kind: NoticeKind, text: &str, cause: Option<MediaEvent>) {
        let text = whole(text);
        self.tell(What::Warning { text: text.clone(), cause });
        self.show(kind, text);
    }

    /// Puts all sentences away.
    pub fn forget(&mut self) {
        self.shown.clear();
    }

    pub fn show(&mut self, kind: NoticeKind, text: String) {
        if self.shown.iter().any(|notice| notice.text == text) {
            return;
        }
        self.shown.push(snapshot::Notice { id: self.next, kind, text });
        self.next += 1;
        if self.shown.len() > Self::MOST {
            self.shown.remove(0);
        }
    }
}

/// What can be asked of a locked engine: to go on with the call there is, to end it, to unlock.
fn may_while_locked(command: &Command) -> bool {
    matches!(
        command,
        Command::Unlock { .. }
            | Command::Lock
            | Command::Decline { .. }
            | Command::Silence
            | Command::HangUp
            | Command::SetMicrophone { .. }
            | Command::SetCamera { .. }
            | Command::DismissNotice { .. }
    )
}

/// The wall clock, for dates that a person sees and invitations that expire.
pub fn unix_seconds() -> u64 {
    MediaTime::now().unix_us() / 1_000_000
}
