//! The pipelines of a session: how they open, and how they follow what is switched on and which devices are chosen.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Session, SessionEvent};
use crate::call::Accepted;
use crate::e2ee::{Keyring, StreamId};
use crate::engine::core::{Core, Screens};
use crate::engine::current::Switches;
use crate::engine::options::{CameraChoice, MediaOptions, MicrophoneChoice, SpeakerChoice};
use crate::engine::sentences;
use crate::engine::snapshot::NoticeKind;
use crate::engine::sources::{camera, microphone, processing, speaker};
use crate::engine::wakers;
use crate::media::audio_receive::{AudioReceiveConfig, AudioReceiver};
use crate::media::audio_send::{AudioSendConfig, AudioSender};
use crate::media::audio_sink::AudioSinkSpec;
use crate::media::audio_source::{AudioSourceSpec, SoundError, delay_line};
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;
use crate::media::lip_sync::LipSync;
use crate::media::record::RecordFormat;
use crate::media::screen::Screen;
use crate::media::slot::slot;
use crate::media::speaker::far_end;
use crate::media::trace::Trace;
use crate::media::video_receive::{VideoReceiveConfig, VideoReceiver};
use crate::media::video_send::{VideoSendConfig, VideoSender};
use crate::media::video_source::VideoSourceSpec;
use crate::settings::Settings;

/// Events of the pipelines. When full, the newest is dropped.
const MEDIA_EVENTS: usize = 32;
/// Echo says everything back a second later.
const ECHO_DELAY: Duration = Duration::from_secs(1);

/// The four pipelines. Nobody makes them without the token that accepting mints.
pub struct Pipelines {
    pub video_send: VideoSender,
    pub video_receive: VideoReceiver,
    pub audio_send: Option<AudioSender>,
    pub audio_receive: Option<AudioReceiver>,
    _accepted: Accepted,
}

impl Session {
    /// Opens sources, codecs and sinks, while the connection is made.
    pub(super) fn open_media(&mut self, keyring: &Keyring, token: Accepted, switches: Switches, core: &mut Core) {
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

    /// Lets media leave.
    pub fn start_media(&mut self) {
        let Some(pipelines) = &mut self.pipelines else { return };
        pipelines.video_send.begin();
        if let Some(audio) = &pipelines.audio_send {
            audio.begin();
        }
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

    /// Tells the pipelines what the peer sends: lost silence is no loss, and a camera that is off is no freeze.
    pub fn peer_sends(&self, switches: Switches) {
        let Some(pipelines) = &self.pipelines else { return };
        pipelines.video_receive.expect_video(switches.camera);
        if let Some(audio) = &pipelines.audio_receive {
            audio.set_peer_muted(!switches.microphone);
        }
    }

    pub fn pipelines(&self) -> Option<&Pipelines> {
        self.pipelines.as_ref()
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
