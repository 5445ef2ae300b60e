//! What the engine does for a call: feeds the rules, performs what they say, tells the person.

mod outputs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::command::{CallMedia, Command};
use super::core::{Core, unix_seconds};
use super::current::{Current, Switches};
use super::event::What;
use super::screening::OurAddress;
use super::sentences;
use super::session::SessionEvent;
use super::snapshot::{CallStage, CallView, NoticeKind};
use crate::call::{CallSecrets, Control, Dial, Input, Role, Rules};
use crate::contacts::VerifiedBy;
use crate::identity::PublicKey;
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;
use crate::settings::Settings;
use crate::signal::message::{CallId, MediaKind, Message};
use crate::transport::{LocalSecrets, PeerEvent};

/// Opus and H.264, as descriptions number them.
const CODECS: [u8; 2] = [1, 2];
/// How often figures are taken while a call is connected.
const SECOND: Duration = Duration::from_secs(1);
/// How often the microphone's level is shown.
const METER: Duration = Duration::from_millis(200);

/// How long whoever did not hear that a call is over may still believe in it.
const DOUBT: Duration = Duration::from_secs(90);

/// How long the end of the program waits for devices to close and records to be written.
const CLOSING: Duration = Duration::from_millis(1500);

/// The rules, the one call there can be, and the last line about the one before.
pub struct Calls {
    rules: Rules,
    current: Option<Current>,
    /// Secrets that were handed to the rules and may be asked for when they gather.
    secrets: Vec<LocalSecrets>,
    farewell: Option<(CallView, Instant)>,
    /// That the last call is over, as it was said to the other side, and until when that may be news to them.
    goodbye: Option<(PublicKey, Bytes, Instant)>,
    next_second: Option<Instant>,
    next_meter: Option<Instant>,
    /// The session before, while it closes its devices and writes its records to the end.
    closing: Option<JoinHandle<()>>,
}

impl Calls {
    pub fn new(core: &Core) -> Self {
        let identity = Arc::new(crate::identity::Identity::from_secret(&core.people.identity.secret()));
        Self {
            rules: Rules::new(identity),
            current: None,
            secrets: Vec::new(),
            farewell: None,
            goodbye: None,
            next_second: None,
            next_meter: None,
            closing: None,
        }
    }

    /// When [`tick`](Self::tick) is due.
    pub fn deadline(&self) -> Option<Instant> {
        let current = self.current.as_ref().and_then(Current::deadline);
        let farewell = self.farewell.as_ref().map(|(_, until)| *until);
        [self.rules.deadline(), current, farewell, self.next_second, self.next_meter].into_iter().flatten().min()
    }

    pub fn view(&self, core: &Core) -> Option<CallView> {
        match &self.current {
            Some(current) => Some(current.view(core)),
            // Its name goes with the others when the profile is locked.
            None => self.farewell.as_ref().map(|(view, _)| CallView { name: core.petname(view.peer), ..view.clone() }),
        }
    }

    /// Who calls, and which call it is, while one rings.
    pub fn ringing(&self) -> Option<(PublicKey, CallId)> {
        let current = self.current.as_ref().filter(|current| current.stage == CallStage::Incoming)?;
        Some((current.peer, current.call?))
    }

    /// Whether there is a call, in whatever state.
    pub fn in_call(&self) -> bool {
        self.current.is_some()
    }

    /// A wish about a call.
    pub async fn command(&mut self, core: &mut Core, command: Command, now: Instant) {
        match command {
            Command::Call { key, media } => self.dial(core, key, media, core.our_address(key), now).await,
            Command::Accept { media, .. } => {
                let Some(address) = self.current.as_ref().map(|current| current.address) else { return };
                self.accept(core, media, address, now);
            }
            Command::Silence => {
                if let Some(current) = &mut self.current {
                    current.silence();
                }
            }
            Command::Decline { .. } => self.feed(core, Input::Decline, now),
            Command::HangUp if self.current.is_none() => self.farewell = None,
            Command::HangUp => self.feed(core, Input::HangUp, now),
            Command::SetMicrophone { on } => self.switch(core, |switches| switches.microphone = on, now),
            Command::SetCamera { on } => self.switch(core, |switches| switches.camera = on, now),
            Command::WordsAgree { agree: false } => self.feed(core, Input::WordsDiffer, now),
            Command::WordsAgree { agree: true } => {
                if let Some(current) = self.current.as_ref().filter(|current| !current.echo && current.words.is_some())
                    && let Err(error) = core.people.verify(current.peer, VerifiedBy::Words, unix_seconds())
                {
                    core.notices.error(&error);
                }
            }
            _ => {}
        }
    }

    /// A message of the link from a contact.
    pub fn message(&mut self, core: &mut Core, peer: PublicKey, message: Message, now: Instant) {
        let Message::Control(item) = message else { return self.feed(core, Input::Message { peer, message }, now) };
        if self.current.as_ref().is_some_and(|current| current.peer == peer) {
            self.control(core, &item, now);
        }
    }

    pub fn link_up(&mut self, core: &mut Core, peer: PublicKey, now: Instant) {
        if self.current.is_none()
            && let Some((_, item, _)) = self.goodbye.as_ref().filter(|(of, _, until)| *of == peer && now < *until)
        {
            core.network.send(peer, Message::Control(item.clone()));
        }
        self.feed(core, Input::LinkUp { peer }, now);
    }

    pub fn unreachable(&mut self, core: &mut Core, peer: PublicKey, now: Instant) {
        self.feed(core, Input::Unreachable { peer }, now);
    }

    /// News from the tasks of a call. News of a call that is over is dropped.
    pub fn session_event(&mut self, core: &mut Core, event: SessionEvent, now: Instant) {
        if self.current.as_ref().is_none_or(|current| current.call != Some(event.call())) {
            return;
        }
        match event {
            SessionEvent::Gathered { call, path: 0, gathered: Ok(candidates) } => {
                self.feed(core, Input::Gathered { call, candidates }, now);
            }
            SessionEvent::Gathered { call, path: 0, gathered: Err(error) } if self.rides_link() => {
                tracing::info!("no socket for the call, so it stays on the link: {error}");
                self.feed(core, Input::Gathered { call, candidates: Vec::new() }, now);
            }
            SessionEvent::Gathered { call, path: path @ 0, gathered: Err(error) } => {
                core.notices.say(NoticeKind::Error, &sentences::no_socket(&error));
                self.feed(core, Input::TransportFailed { call, path }, now);
            }
            SessionEvent::Gathered { call, path, gathered } => {
                let session = self.current.as_mut().and_then(|current| current.session.as_mut());
                let Some(description) = session.and_then(|session| session.take_description(path)) else { return };
                let reach = gathered.inspect_err(|why| tracing::info!("no other path for now: {why}")).ok();
                let reach = reach.map(|candidates| (description, candidates));
                self.feed(core, Input::Regathered { call, path, reach }, now);
            }
            SessionEvent::Transport { call, path, event } => self.transport_event(core, (call, path), event, now),
            SessionEvent::Ride { event, .. } => {
                if let Some(session) = self.current.as_mut().and_then(|current| current.session.as_mut()) {
                    session.transport_event(None, &event);
                }
            }
            SessionEvent::Media { event, .. } => self.media_event(core, event, now),
        }
    }

    /// A call follows a change of the chosen devices, and of how one is heard.
    pub fn settings_changed(&mut self, core: &mut Core, before: &Settings, now: Instant) {
        if let Some(current) = &self.current
            && let Some(session) = &current.session
            && let Err(error) = session.choose_devices(current.switches, &core.options.media, before, &core.people.settings)
        {
            core.notices.say(NoticeKind::Error, &sentences::microphone_not_changed(&error));
        }
        if is_held_from_now_on(before, &core.people.settings, core.has_window()) {
            self.switch(core, |switches| switches.microphone = false, now);
        }
    }

    /// Everything that is due by the clock.
    pub fn tick(&mut self, core: &mut Core, now: Instant) {
        if self.rules.deadline().is_some_and(|deadline| deadline <= now) {
            self.feed(core, Input::Tick, now);
        }
        if self.farewell.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.farewell = None;
        }
        if self.next_meter.is_some_and(|next| next <= now) {
            self.next_meter = Some(now + METER);
            if let Some(current) = &mut self.current {
                current.take_level();
            }
        }
        if self.next_second.is_some_and(|next| next <= now) {
            self.next_second = Some(now + SECOND);
            self.every_second(core, now);
        }
        self.planned(core, now);
    }

    /// Ends what runs, politely.
    pub async fn quit(&mut self, core: &mut Core) {
        if self.current.is_some() {
            self.feed(core, Input::HangUp, Instant::now());
        }
        if let Some(closing) = self.closing.take() {
            let _ = tokio::time::timeout(CLOSING, closing).await;
        }
    }

    /// Calls somebody.
    pub(super) async fn dial(&mut self, core: &mut Core, peer: PublicKey, media: CallMedia, address: OurAddress, now: Instant) {
        if self.current.is_some() {
            return core.notices.failed(&anyhow!("you are in a call already; end it first"));
        }
        let echo = core.network.is_echo(peer);
        if echo && let Err(error) = core.network.start_echo(&core.people).await {
            return core.notices.failed(&error);
        }
        let lowest_suite = match core.people.accepted(peer) {
            Some(contact) => contact.lowest_suite,
            None if echo => 0,
            None => return core.notices.failed(&anyhow!("only contacts can be called; add this person first")),
        };
        core.close_device_check();
        core.scan(false, true);
        self.farewell = None;
        self.current = Some(Current::dialing(core, peer, media, address));
        let dial = Dial {
            peer,
            media: media.into(),
            call: CallId::generate(),
            secrets: self.fresh_secrets(),
            spare: self.fresh_secrets(),
            linked: core.network.online(peer),
            lowest_suite,
        };
        self.feed(core, Input::Dial(Box::new(dial)), now);
        self.feed(core, self.switches_input(), now);
    }

    /// Accepts the call that rings, if one does.
    pub(super) fn accept(&mut self, core: &mut Core, media: CallMedia, address: OurAddress, now: Instant) {
        let Some(current) = self.current.as_mut().filter(|current| current.stage == CallStage::Incoming) else { return };
        core.close_device_check();
        core.scan(false, true);
        current.answer_with(core, media, address);
        let lowest_suite = core.people.accepted(current.peer).map_or(0, |contact| contact.lowest_suite);
        let secrets = self.fresh_secrets();
        self.feed(core, Input::Accept { media: media.into(), secrets, lowest_suite }, now);
        self.feed(core, self.switches_input(), now);
    }

    /// Turns a source on or off: here at once, there by the next control message.
    fn switch(&mut self, core: &mut Core, change: impl FnOnce(&mut Switches), now: Instant) {
        let Some(current) = &mut self.current else { return };
        let before = current.switches;
        change(&mut current.switches);
        let after = current.switches;
        if let Some(session) = &mut current.session {
            session.apply(before, after, &core.options.media, &core.people.settings);
        }
        if before.microphone != after.microphone {
            core.notices.tell(What::Muted { remote: false, muted: !after.microphone });
        }
        if before.camera != after.camera {
            core.notices.tell(What::Camera { remote: false, on: after.camera });
        }
        self.feed(core, after.into(), now);
    }

    fn transport_event(&mut self, core: &mut Core, (call, path): (CallId, u32), event: PeerEvent, now: Instant) {
        let Some(session) = self.current.as_mut().and_then(|current| current.session.as_mut()) else { return };
        // The last words of a path that was given up.
        if !session.paths().has(path) && !matches!(event, PeerEvent::Control(_)) {
            return;
        }
        match event {
            PeerEvent::Connected { .. } => {
                session.path_connected(path, now);
                self.feed(core, Input::TransportConnected { call, path }, now);
            }
            PeerEvent::Disconnected => {
                session.path_disconnected(path);
                self.feed(core, Input::TransportDisconnected { call, path }, now);
            }
            // The link has taken over already, unless this is the other side's goodbye.
            PeerEvent::Failed(why) => {
                tracing::info!("a connection of the call failed: {why}");
                self.feed(core, Input::TransportFailed { call, path }, now);
            }
            PeerEvent::Control(item) => self.control(core, &item, now),
            event => session.transport_event(Some(path), &event),
        }
    }

    /// Our addresses changed: a call moves over to those there are now.
    pub fn network_changed(&mut self, core: &mut Core, now: Instant) {
        if let Some(current) = self.current.as_ref().filter(|current| !current.echo && current.times.connected.is_some()) {
            core.network.redial(current.peer);
            self.feed(core, Input::NetworkChanged, now);
        }
    }

    /// Whether the call can do without a connection of its own.
    fn rides_link(&self) -> bool {
        let session = self.current.as_ref().and_then(|current| current.session.as_ref());
        session.is_some_and(|session| session.paths().has_link())
    }

    fn media_event(&mut self, core: &mut Core, event: MediaEvent, now: Instant) {
        // Whoever is seen or heard has the keys, and the call stands, whichever path that came by and before any connection does.
        if let (MediaEvent::FirstVideo | MediaEvent::FirstAudio, Some(call)) =
            (&event, self.current.as_ref().and_then(|current| current.call))
        {
            self.feed(core, Input::Heard { call }, now);
        }
        let Some(current) = &mut self.current else { return };
        match &event {
            MediaEvent::FirstVideo => {
                current.times.first_video = Some(MediaTime::now());
                core.notices.tell(What::FirstVideo);
            }
            MediaEvent::FirstAudio => {
                current.times.first_audio = Some(MediaTime::now());
                core.notices.tell(What::FirstAudio);
            }
            _ => {}
        }
        core.notices.media(event);
    }

    /// An item of the control stream, from whichever carrier brought it first.
    fn control(&mut self, core: &mut Core, item: &[u8], now: Instant) {
        let Some(current) = &mut self.current else { return };
        let (Some(call), Some(session)) = (current.call, &mut current.session) else { return };
        if let Some(control) = session.open_control(item, now) {
            if let Some(answer) = session.rekey(Some(&control), now) {
                self.say(core, &answer, 1, now);
            }
            self.feed(core, Input::Control { call, control }, now);
        }
    }

    /// Seals a message of the control stream once and sends the same bytes on every carrier, `copies` times on one that loses.
    fn say(&mut self, core: &mut Core, control: &Control, copies: u8, now: Instant) {
        let Some(current) = &mut self.current else { return };
        if let Some(session) = &mut current.session
            && let Some(item) = session.send_control(control, copies, now)
            && !(session.is_narrow() && matches!(control, Control::Heartbeat(_)))
        {
            if let Control::Hangup { .. } = control {
                self.goodbye = Some((current.peer, item.clone(), now + DOUBT));
            }
            core.network.send(current.peer, Message::Control(item));
        }
    }

    fn every_second(&mut self, core: &mut Core, now: Instant) {
        let Some(current) = &mut self.current else { return };
        current.every_second(core);
        let Some(call) = current.call else { return };
        let Some(session) = &mut current.session else { return };
        session.follow_path(now);
        let (heard, broken, rekey) = (session.heard(), session.seal_broken(now), session.rekey(None, now));
        if let Some(rekey) = rekey {
            self.say(core, &rekey, 1, now);
        }
        if heard {
            self.feed(core, Input::Heard { call }, now);
        }
        if broken {
            self.feed(core, Input::SealBroken { call }, now);
        }
    }

    /// What the process was started to do at a time of the call.
    fn planned(&mut self, core: &mut Core, now: Instant) {
        let Some(current) = &mut self.current else { return };
        let due = current.take_due(now);
        if due.mute {
            self.switch(core, |switches| switches.microphone = false, now);
        }
        if due.camera_off {
            self.switch(core, |switches| switches.camera = false, now);
        }
        if due.hang_up {
            self.feed(core, Input::HangUp, now);
        }
    }

    fn fresh_secrets(&mut self) -> CallSecrets {
        let secrets = LocalSecrets::generate();
        let description = secrets.description(CODECS.to_vec());
        self.secrets.push(secrets);
        CallSecrets::generate(description)
    }

    /// One step of the rules, and everything that follows from it.
    fn feed(&mut self, core: &mut Core, input: Input, now: Instant) {
        for output in self.rules.step(now, input) {
            self.perform(core, output, now);
        }
    }
}

impl From<CallMedia> for MediaKind {
    fn from(media: CallMedia) -> Self {
        Self { video: media == CallMedia::Video }
    }
}

/// Whether a key has to be held to be heard, and did not have to before the settings changed.
fn is_held_from_now_on(before: &Settings, after: &Settings, window: bool) -> bool {
    window && after.push_to_talk && !before.push_to_talk
}

/// Which end of a call the report names.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Caller => "caller",
        Role::Callee => "callee",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_to_talk_that_is_turned_on_in_a_call_switches_the_microphone_off_and_turned_off_leaves_it() {
        let settings = |push_to_talk| Settings { push_to_talk, ..Settings::default() };
        assert!(is_held_from_now_on(&settings(false), &settings(true), true));
        assert!(!is_held_from_now_on(&settings(true), &settings(false), true));
        assert!(!is_held_from_now_on(&settings(true), &settings(true), true), "whoever talks just now goes on");
        assert!(!is_held_from_now_on(&settings(false), &settings(true), false), "without a window nobody holds a key");
    }
}
