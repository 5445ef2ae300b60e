//! What the engine does for a call: feeds the rules, performs what they say, tells the person.

mod news;
mod outputs;
mod wishes;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::core::Core;
use super::current::Current;
use super::snapshot::{CallStage, CallView};
use crate::call::{Control, Input, Role, Rules};
use crate::identity::PublicKey;
use crate::signal::message::{CallId, Message};
use crate::transport::LocalSecrets;

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

    /// One step of the rules, and everything that follows from it.
    fn feed(&mut self, core: &mut Core, input: Input, now: Instant) {
        for output in self.rules.step(now, input) {
            self.perform(core, output, now);
        }
    }
}

/// Which end of a call the report names.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Caller => "caller",
        Role::Callee => "callee",
    }
}
