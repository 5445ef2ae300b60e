//! The one call there is: who, since when, what is switched on, what it was like.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::calls::role_name;
use super::core::Core;
use super::figures::Figures;
use super::options::CameraChoice;
use super::report::{Process, Report, Setup};
use super::screening::OurAddress;
use super::sentences;
use super::session::Session;
use super::snapshot::{CallMedia, CallStage, CallView};
use super::sources::ring_speaker;
use crate::call::{EndReason, Input, Role};
use crate::conversation::{Call, Outcome};
use crate::identity::PublicKey;
use crate::media::audio_sink::AudioSinkSpec;
use crate::media::clock::MediaTime;
use crate::media::level::on_meter;
use crate::media::ringtone::{Ring, RingPlayer};
use crate::signal::message::CallId;

/// A call from the first ring or click to its end.
pub struct Current {
    pub peer: PublicKey,
    pub echo: bool,
    /// What of ours the other side may learn; for one that rings, as long as nobody says otherwise.
    pub address: OurAddress,
    pub call: Option<CallId>,
    pub role: Role,
    pub media: CallMedia,
    pub stage: CallStage,
    /// What we send, and what they say that they send.
    pub switches: Switches,
    pub remote: Switches,
    pub words: Option<[(&'static str, &'static str); 4]>,
    pub session: Option<Session>,
    pub times: Times,
    /// Plays the ringtone, or the ringback, while it is there.
    ringing: Option<RingPlayer>,
    figures: Figures,
    level: Option<f32>,
    plan: Plan,
    silenced: bool,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Switches {
    pub microphone: bool,
    pub camera: bool,
}

/// When things happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    pub began: MediaTime,
    pub ringing: Option<MediaTime>,
    pub accepted: Option<MediaTime>,
    pub connected: Option<MediaTime>,
    pub first_video: Option<MediaTime>,
    pub first_audio: Option<MediaTime>,
}

/// What the process was started to do at a time of the call.
#[derive(Debug, Default)]
struct Plan {
    mute: Option<Instant>,
    camera_off: Option<Instant>,
    hang_up: Option<Instant>,
}

/// What of the plan is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub mute: bool,
    pub camera_off: bool,
    pub hang_up: bool,
}

impl Current {
    /// We call.
    pub fn dialing(core: &Core, peer: PublicKey, media: CallMedia, address: OurAddress) -> Self {
        Self { address, ..Self::new(core, peer, Role::Caller, media, CallStage::Dialing) }
    }

    /// They call. Nothing is switched on before somebody accepts.
    pub fn incoming(core: &Core, peer: PublicKey, call: CallId, media: CallMedia) -> Self {
        let mut current = Self::new(core, peer, Role::Callee, media, CallStage::Incoming);
        current.call = Some(call);
        current.switches = Switches::default();
        current.ringing = ring(core, Ring::Incoming);
        current
    }

    fn new(core: &Core, peer: PublicKey, role: Role, media: CallMedia, stage: CallStage) -> Self {
        Self {
            peer,
            echo: core.network.is_echo(peer),
            address: core.our_address(peer),
            call: None,
            role,
            media,
            stage,
            switches: Switches::wanted(core, media),
            remote: Switches { microphone: true, camera: media == CallMedia::Video },
            words: None,
            session: None,
            times: Times { began: MediaTime::now(), ..Times::default() },
            ringing: None,
            figures: Figures::default(),
            level: None,
            plan: Plan::default(),
            silenced: false,
        }
    }

    /// We answer, with what the person chose.
    pub fn answer_with(&mut self, core: &Core, media: CallMedia, address: OurAddress) {
        self.address = address;
        self.switches = Switches::wanted(core, media);
    }

    /// It rings there.
    pub fn rings_there(&mut self, core: &Core) {
        self.times.ringing = Some(MediaTime::now());
        self.stage = CallStage::RingingThere;
        self.ringing = ring(core, Ring::Ringback);
    }

    /// Somebody accepted, here or there.
    pub fn accepted(&mut self, role: Role) {
        self.role = role;
        self.stop_ringing();
        self.times.accepted = Some(MediaTime::now());
        self.stage = CallStage::Connecting;
    }

    /// Media can flow.
    pub fn connected(&mut self, core: &mut Core, now: Instant) {
        let since = MediaTime::now();
        self.times.connected = Some(since);
        self.stage = CallStage::Active { since };
        let at = |after: Option<Duration>| after.map(|after| now + after);
        let options = &core.options;
        self.plan =
            Plan { mute: at(options.mute_after), camera_off: at(options.camera_off_after), hang_up: at(options.hang_up_after) };
    }

    /// Media flows from now on, and is counted.
    pub fn figures_begin(&mut self, core: &mut Core) {
        self.figures.begin(core);
    }

    /// When something of the plan is due.
    pub fn deadline(&self) -> Option<Instant> {
        [self.plan.mute, self.plan.camera_off, self.plan.hang_up].into_iter().flatten().min()
    }

    /// Takes what is due out of the plan.
    pub fn take_due(&mut self, now: Instant) -> Due {
        let take = |when: &mut Option<Instant>| when.take_if(|when| *when <= now).is_some();
        Due {
            mute: take(&mut self.plan.mute),
            camera_off: take(&mut self.plan.camera_off),
            hang_up: take(&mut self.plan.hang_up),
        }
    }

    /// Looks at the microphone's level.
    pub fn take_level(&mut self) {
        let pipelines = self.session.as_ref().and_then(Session::pipelines);
        let stats = pipelines.and_then(|pipelines| pipelines.audio_send.as_ref()).map(|audio| audio.stats());
        self.level = stats.filter(|_| self.switches.microphone).map(|stats| on_meter(stats.level_dbfs));
    }

    /// Takes the figures of the last second.
    pub fn every_second(&mut self, core: &mut Core) {
        if let Some(session) = &self.session {
            self.figures.second(session, core);
        }
    }

    pub fn view(&self, core: &Core) -> CallView {
        let contact = core.people.accepted(self.peer);
        CallView {
            id: self.call,
            peer: self.peer,
            name: core.petname(self.peer),
            verified: self.echo || contact.is_some_and(|contact| contact.verified.is_some()),
            echo: self.echo,
            stage: self.stage.clone(),
            media: self.media,
            words: self.words,
            microphone_on: self.switches.microphone,
            camera_on: self.switches.camera,
            remote_microphone_on: self.remote.microphone,
            // Echo shows what it is sent: without that, its last picture would stand still.
            remote_camera_on: self.remote.camera && (!self.echo || self.switches.camera),
            microphone_level: self.level,
            quality_bars: self.figures.bars(),
            hint: self.figures.hint(self.remote),
            warning: core.people.look_alike(self.peer).filter(|_| !core.people.is_locked()),
            locked: core.people.is_locked(),
            silenced: self.silenced,
            statistics: self.figures.last_second(),
        }
    }

    /// The report of the whole call.
    pub fn report(&self, reason: EndReason) -> Report {
        let times = &self.times;
        let since_accept = |at: Option<MediaTime>| Some(ms(at?.since(times.accepted?)));
        let unconnected = || Report { process: Process::measure(), ..Report::default() };
        let mut report = self.session.as_ref().map_or_else(unconnected, |session| self.figures.whole(session));
        report.role = Some(role_name(self.role));
        report.peer = self.peer.to_string();
        report.ended = Some(reason.name().to_owned());
        report.seconds = times.connected.map_or(0.0, |since| MediaTime::now().since(since).as_secs_f64());
        if let Some(sealed) = &mut report.sealed {
            sealed.words = self.words.map(|words| words.map(|(_, name)| name).to_vec()).unwrap_or_default();
        }
        report.setup_ms = Setup {
            ring: times.ringing.map(|at| ms(at.since(times.began))),
            accept_to_connected: since_accept(times.connected),
            accept_to_first_video: since_accept(times.first_video),
            accept_to_first_audio: since_accept(times.first_audio),
        };
        report
    }

    /// What the contact list says of this call.
    pub fn line(&self, reason: EndReason) -> String {
        let video = self.media == CallMedia::Video;
        match (self.times.connected, reason) {
            (Some(since), _) => sentences::talked(video, MediaTime::now().since(since)),
            (None, EndReason::Missed | EndReason::PeerCancelled) => sentences::missed(video),
            (None, EndReason::PeerDeclined | EndReason::Declined) => sentences::declined(video),
            (None, _) => sentences::no_answer(video),
        }
    }

    /// What the conversation notes of this call; nothing for one that was missed here, which is noted as that.
    pub fn entry(&self, reason: EndReason) -> Option<Call> {
        let (outgoing, video) = (self.role == Role::Caller, self.media == CallMedia::Video);
        let since = self.times.connected;
        let outcome = match reason {
            _ if since.is_some() => Outcome::Talked,
            EndReason::Missed | EndReason::PeerCancelled | EndReason::Refused(_)
                if self.times.accepted.is_none() && !outgoing =>
            {
                return None;
            }
            EndReason::PeerDeclined | EndReason::Declined => Outcome::Declined,
            EndReason::Busy => Outcome::Busy,
            EndReason::NoAnswer | EndReason::Cancelled | EndReason::Unreachable | EndReason::HungUp => Outcome::Unanswered,
            _ => Outcome::Failed,
        };
        let seconds = since.map_or(0, |since| u32::try_from(MediaTime::now().since(since).as_secs()).unwrap_or(u32::MAX));
        Some(Call { outgoing, video, outcome, seconds })
    }

    /// The suite that the keys were made with; 0 if there were none.
    pub fn suite(&self) -> u16 {
        self.session.as_ref().and_then(Session::suite).unwrap_or(0)
    }

    /// It rings on without a sound.
    pub fn silence(&mut self) {
        if self.stage == CallStage::Incoming {
            self.silenced = true;
            self.stop_ringing();
        }
    }

    /// Ends the ringtone, off the engine's task: the speaker takes a moment to close.
    pub fn stop_ringing(&mut self) {
        if let Some(player) = self.ringing.take() {
            tokio::task::spawn_blocking(move || drop(player));
        }
    }

    /// Closes devices, files and sockets; what comes back ends when that is done.
    pub fn close(mut self) -> Option<JoinHandle<()>> {
        self.stop_ringing();
        self.session.map(Session::close)
    }
}

/// Starts to ring, if a person is there to hear it. A speaker that does not open is no reason not to ring in the window.
fn ring(core: &Core, ring: Ring) -> Option<RingPlayer> {
    let (events, _) = tokio::sync::mpsc::channel(1);
    let settings = &core.people.settings;
    match ring_speaker(ring, &core.options.media, settings) {
        AudioSinkSpec::Speaker(name) if core.options.ring => RingPlayer::start(ring, name, settings.ring_volume, events).ok(),
        _ => None,
    }
}

impl Switches {
    /// What a person means who calls or answers so.
    fn wanted(core: &Core, media: CallMedia) -> Self {
        let camera = core.options.media.mirror || core.options.media.camera != CameraChoice::None;
        // In a window, who holds a key to talk is silent until then.
        let held = core.people.settings.push_to_talk && core.has_window();
        Self { microphone: !held, camera: media == CallMedia::Video && camera }
    }
}

impl From<Switches> for Input {
    fn from(switches: Switches) -> Self {
        Self::SetMedia { microphone: switches.microphone, camera: switches.camera, screen: false }
    }
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
