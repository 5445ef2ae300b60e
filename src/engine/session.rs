//! One call's transport and pipelines. Dropping a session ends it: senders close, loops return, devices close.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::connection::{self, Connection};
use super::control_stream::ControlStream;
use super::core::{Core, Screens};
use super::current::{Current, Switches};
use super::options::{CameraChoice, MediaOptions, MicrophoneChoice, SpeakerChoice};
use super::paths::{Paths, PipelineEnds};
use super::screening::OurAddress;
use super::sentences;
pub use super::session_event::SessionEvent;
use super::snapshot::NoticeKind;
use super::sources::{camera, microphone, processing, speaker};
use super::wakers;
use zeroize::Zeroizing;

use crate::call::rekey::Rekeying;
use crate::call::{Accepted, CallKeys, Control, Role};
use crate::e2ee::{Keyring, SealCounts, StreamId};
use crate::identity::{PublicKey, random};
use crate::media::allocation::{Allocation, Level, MOST_PICTURE_KBPS};
use crate::media::audio_receive::{AudioReceiveConfig, AudioReceiver};
use crate::media::audio_send::{AudioSendConfig, AudioSender};
use crate::media::audio_sink::AudioSinkSpec;
use crate::media::audio_source::{AudioSourceSpec, SoundError, delay_line};
use crate::media::clock::MediaTime;
use crate::media::clock_offset::ClockOffset;
use crate::media::events::MediaEvent;
use crate::media::lip_sync::LipSync;
use crate::media::record::RecordFormat;
use crate::media::repair::PictureFeedback;
use crate::media::screen::Screen;
use crate::media::slot::slot;
use crate::media::speaker::far_end;
use crate::media::trace::Trace;
use crate::media::video_receive::{VideoReceiveConfig, VideoReceiver};
use crate::media::video_send::{VideoSendConfig, VideoSender};
use crate::media::video_source::VideoSourceSpec;
use crate::settings::Settings;
use crate::signal::message::{CallId, Description};
use crate::transport::{Carries, LocalSecrets, PathStats, PeerEvent, StartRate, bandwidth};

/// Events of the pipelines. When full, the newest is dropped.
const MEDIA_EVENTS: usize = 32;
/// Echo says everything back a second later.
const ECHO_DELAY: Duration = Duration::from_secs(1);
/// Before the first estimate.
pub const START_KBPS: u32 = bandwidth::START_KBPS;
/// Below this, a heartbeat goes out this seldom and over the call's own connection alone.
const NARROW_KBPS: u32 = 60;
const NARROW_HEARTBEAT: Duration = Duration::from_millis(4900);
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

/// What there is once both have proven who they are.
struct Secured {
    keyring: Keyring,
    suite: u16,
    control: ControlStream,
    rekeying: Rekeying,
}

/// The four pipelines. Nobody makes them without the token that accepting mints.
pub struct Pipelines {
    pub video_send: VideoSender,
    pub video_receive: VideoReceiver,
    pub audio_send: Option<AudioSender>,
    pub audio_receive: Option<AudioReceiver>,
    _accepted: Accepted,
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

    /// The peer has proven who they are: the control stream opens, the link carries, and sources, codecs and sinks open. No media leaves
    /// yet.
    pub fn secure(&mut self, keys: CallKeys, token: Accepted, switches: Switches, core: &mut Core, now: Instant) {
        let keyring = Keyring::new(keys.root, keys.direction, now);
        let control = ControlStream::new(&keyring);
        self.paths.begin();
        self.open_media(&keyring, token, switches, core);
        self.secured = Some(Secured { keyring, suite: keys.suite, control, rekeying: Rekeying::new(now) });
    }

    /// Lets media leave.
    pub fn start_media(&mut self) {
        let Some(pipelines) = &mut self.pipelines else { return };
        pipelines.video_send.begin();
        if let Some(audio) = &pipelines.audio_send {
            audio.begin();
        }
    }

    /// Opens sources, codecs and sinks, while the connection is made.
    fn open_media(&mut self, keyring: &Keyring, token: Accepted, switches: Switches, core: &mut Core) {
        let Some(ends) = self.ends.take() else { return };
        let events = self.forward_media_events(core);
        let start = self.allocation.divide(MediaTime::now(), self.start.kbps().min(self.most_kbps), 0);
        let (options, settings) = (&core.options.media, &core.people.settings);
        let trace = options.trace.as_ref().and_then(|path| match Trace::create(path, events.clone()) {
            Ok(trace) => Some(trace),
            Err(error) => {
                let text = format!("{} cannot be written: {error}; choose another file", path.display());
                core.notices.media(MediaEvent::FileLost { text });
                None
            }
        });
        let Screens { remote, preview, waker } = core.screens.clone();
        let (wake_for_theirs, wake_for_ours) = waker.as_ref().map(wakers::in_call).unzip();
        let (echo_frames, echo_camera) = slot();
        let (echo_sound, echo_voice) = delay_line(ECHO_DELAY);
        let (far_end_writer, far_end_reader) = far_end();
        let feedback = self.paths.feedback();
        let lip_sync = Arc::<LipSync>::default();
        let video_receive = VideoReceiver::start(VideoReceiveConfig {
            opener: keyring.opener(StreamId::Camera),
            packets: ends.video_in,
            screen: wake_for_theirs.map(|wake| Screen::new(remote, Some(wake))),
            frames: self.mirror.then_some(echo_frames),
            record: options.record_video.clone(),
            record_format: RecordFormat { width: options.width, height: options.height, fps: options.fps },
            trace: trace.clone(),
            clock_offset: self.clock_offset.clone(),
            lip_sync: lip_sync.clone(),
            feedback,
            events: events.clone(),
        });
        let video_send = VideoSender::prepare(VideoSendConfig {
            sealer: keyring.sealer(StreamId::Camera),
            source: if self.mirror { VideoSourceSpec::Push(echo_camera) } else { camera(switches, options, settings) },
            width: options.width,
            height: options.height,
            fps: options.fps,
            bitrate_kbps: start.video_kbps,
            out: ends.video_out,
            preview: wake_for_ours.map(|wake| Screen::new(preview, Some(wake))),
            trace,
            events: events.clone(),
        });
        let audio_receive = AudioReceiver::start(AudioReceiveConfig {
            opener: keyring.opener(StreamId::Audio),
            packets: ends.audio_in,
            sink: if self.mirror { AudioSinkSpec::Push(echo_sound) } else { speaker(options, settings) },
            record: options.record_audio.clone(),
            far_end: Some(far_end_writer),
            clock_offset: self.clock_offset.clone(),
            lip_sync,
            events: events.clone(),
        });
        let audio_send = AudioSender::prepare(AudioSendConfig {
            sealer: keyring.sealer(StreamId::Audio),
            source: if self.mirror { AudioSourceSpec::Push(echo_voice) } else { microphone(options, settings) },
            muted: !switches.microphone,
            processing: processing(settings),
            far_end: Some(far_end_reader),
            out: ends.audio_out,
            events,
        });
        if let Ok(audio) = &audio_send {
            audio.hold_open(settings.push_to_talk && !self.mirror);
        }
        let mut started = |what: &str, error: SoundError| core.notices.say(NoticeKind::Error, &format!("{what}: {error}"));
        self.pipelines = Some(Pipelines {
            video_send,
            video_receive,
            audio_send: audio_send.map_err(|error| started(sentences::SOUND_NOT_SENT, error)).ok(),
            audio_receive: audio_receive.map_err(|error| started(sentences::SOUND_NOT_PLAYED, error)).ok(),
            _accepted: token,
        });
    }

    /// Sends what is switched on, and nothing else.
    pub fn apply(&mut self, before: Switches, after: Switches, options: &MediaOptions, settings: &Settings) {
        let Some(pipelines) = &self.pipelines else { return };
        if let (Some(audio), true) = (&pipelines.audio_send, before.microphone != after.microphone) {
            audio.set_muted(!after.microphone);
        }
        if before.camera != after.camera && !self.mirror {
            pipelines.video_send.set_source(camera(after, options, settings));
        }
    }

    /// Follows a change of the chosen devices in the middle of a call.
    pub fn choose_devices(
        &self,
        switches: Switches,
        options: &MediaOptions,
        before: &Settings,
        after: &Settings,
    ) -> Result<(), SoundError> {
        let Some(pipelines) = self.pipelines.as_ref().filter(|_| !self.mirror) else { return Ok(()) };
        if before.camera != after.camera && options.camera == CameraChoice::Chosen {
            pipelines.video_send.set_source(camera(switches, options, after));
        }
        let new_speaker = before.speaker != after.speaker && options.speaker == SpeakerChoice::Chosen;
        if let (Some(audio), true) = (&pipelines.audio_receive, new_speaker) {
            audio.set_speaker(after.speaker.clone());
        }
        let Some(audio) = &pipelines.audio_send else { return Ok(()) };
        if processing(before) != processing(after) {
            audio.set_processing(processing(after));
        }
        audio.hold_open(after.push_to_talk);
        let new_microphone = before.microphone != after.microphone && options.microphone == MicrophoneChoice::Chosen;
        if new_microphone { audio.set_source(microphone(options, after)) } else { Ok(()) }
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

    /// Opens an item of the control stream; `None` if it is false, doubled or older than it may be.
    pub fn open_control(&mut self, item: &[u8], now: Instant) -> Option<Control> {
        let secured = self.secured.as_mut()?;
        let control = secured.control.open(item, now, &self.clock_offset)?;
        if let Control::Heartbeat(heartbeat) = &control {
            secured.keyring.learn(now, (heartbeat.epoch, heartbeat.step));
        }
        Some(control)
    }

    /// Seals once and sends over the connection; the same bytes are for the link, too.
    pub fn send_control(&mut self, control: &Control, copies: u8, now: Instant) -> Option<Bytes> {
        let item = self.secured.as_mut()?.control.seal(control, now)?;
        for _ in 0..copies {
            self.paths.send_control(&item);
        }
        Some(item)
    }

    /// A sign of life, if one is due: on a narrow path, fewer are.
    pub fn heartbeat(&mut self, now: Instant) -> Option<Control> {
        let seldom = self.is_narrow() && self.last_heartbeat.is_some_and(|last| now.duration_since(last) < NARROW_HEARTBEAT);
        let secured = self.secured.as_mut().filter(|_| !seldom)?;
        self.last_heartbeat = Some(now);
        Some(secured.control.heartbeat(secured.keyring.sending(now)))
    }

    /// What there is to say about fresh keys: the question, when it is due, or the answer to one.
    pub fn rekey(&mut self, heard: Option<&Control>, now: Instant) -> Option<Control> {
        let Secured { keyring, rekeying, .. } = self.secured.as_mut()?;
        let fresh = || Zeroizing::new(random());
        match heard {
            None => rekeying.tick(now, keyring, fresh),
            Some(&Control::Rekey { epoch, e_a }) => rekeying.answer(now, keyring, (epoch, e_a), fresh),
            Some(&Control::RekeyOk { epoch, e_b }) => {
                rekeying.settle(now, keyring, (epoch, e_b));
                None
            }
            Some(_) => None,
        }
    }

    /// Whether the path is so narrow that what is sent twice costs sound.
    pub fn is_narrow(&self) -> bool {
        self.path_kbps < NARROW_KBPS
    }

    /// Tells the pipelines what the peer sends: lost silence is no loss, and a camera that is off is no freeze.
    pub fn peer_sends(&self, switches: Switches) {
        let Some(pipelines) = &self.pipelines else { return };
        pipelines.video_receive.expect_video(switches.camera);
        if let Some(audio) = &pipelines.audio_receive {
            audio.set_peer_muted(!switches.microphone);
        }
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

    /// Whether anything opened since the last time this was asked.
    pub fn heard(&mut self) -> bool {
        let opened = self.counts().map_or(0, |counts| counts.opened());
        std::mem::replace(&mut self.opened, opened) != opened
    }

    /// A hundred failures in a row, and five seconds without success (protocol.md, section 7.2).
    pub fn seal_broken(&mut self, now: Instant) -> bool {
        let failing = self.counts().is_some_and(|counts| counts.rejected_in_a_row() >= 100);
        let since = failing.then(|| self.refused_since.unwrap_or(now));
        self.refused_since = since;
        since.is_some_and(|since| now.duration_since(since) >= Duration::from_secs(5))
    }

    pub fn counts(&self) -> Option<Arc<SealCounts>> {
        self.secured.as_ref().map(|secured| secured.keyring.counts())
    }

    pub fn suite(&self) -> Option<u16> {
        self.secured.as_ref().map(|secured| secured.suite)
    }

    pub fn pipelines(&self) -> Option<&Pipelines> {
        self.pipelines.as_ref()
    }

    /// The path, as last looked at.
    pub fn path(&self) -> Option<PathStats> {
        self.paths.stats()
    }

    pub fn control_rtt_ms(&self) -> Option<f64> {
        self.secured.as_ref()?.control.rtt_ms()
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

    fn forward_media_events(&self, core: &Core) -> mpsc::Sender<MediaEvent> {
        let (events, mut queue) = mpsc::channel(MEDIA_EVENTS);
        let (call, to_engine) = (self.call, core.session_events.clone());
        tokio::spawn(async move {
            while let Some(event) = queue.recv().await {
                if to_engine.send(SessionEvent::Media { call, event }).await.is_err() {
                    return;
                }
            }
        });
        events
    }
}
