//! A call over a simulated link: both ends, millisecond by millisecond.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use rtrb::{Consumer, RingBuffer};
use tokio::sync::mpsc;
use vesper::e2ee::{Direction, Inbound, Opener, RootKey, SealCounts, Sealer, StreamId};
use vesper::media::allocation::Allocation;
use vesper::media::audio_playout::AudioReceivePipeline;
use vesper::media::audio_receive::AudioReceiveConfig;
use vesper::media::audio_send::{AudioSend, AudioSendConfig};
use vesper::media::audio_sink::AudioSinkSpec;
use vesper::media::audio_source::AudioSourceSpec;
use vesper::media::clock::{MediaTime, VIDEO_RATE};
use vesper::media::clock_offset::ClockOffset;
use vesper::media::echo::VoiceProcessing;
use vesper::media::frame::Frame;
use vesper::media::lip_sync::LipSync;
use vesper::media::pace::Pace;
use vesper::media::packet::OutgoingFrame;
use vesper::media::test_pattern::TestPattern;
use vesper::media::video_receive::{Step, VideoReceivePipeline};
use vesper::media::video_send::VideoSendPipeline;
use vesper::media::wav::WavSink;
use vesper::transport::StartRate;
use vesper::transport::bandwidth::START_KBPS;
use vesper::transport::bare::{Arrived, BarePath, Datagram};
use vesper::transport::{Numbering, Role};
use zeroize::Zeroizing;

use super::link::{Link, Random, Way};
use super::measure::{Measure, Outcome};

/// As the engine has it: the most for a picture, and the most in all.
const MOST_KBPS: u32 = 2500;
const MOST_IN_ALL_KBPS: u32 = 3600;
/// The first seconds do not count: the link is not known yet.
const SETTLED_MS: u64 = 8000;
const FPS: u32 = 30;

pub struct Call {
    now: MediaTime,
    instant: Instant,
    start: (MediaTime, Instant),
    forth: Way<Datagram>,
    back: Way<Datagram>,
    // The sending end.
    pace: Pace,
    next_picture: MediaTime,
    pattern: TestPattern,
    frame: Frame,
    wind: Random,
    video_send: VideoSendPipeline,
    audio_send: AudioSend,
    allocation: Allocation,
    here: BarePath,
    /// A picture that waits for room on the path: while there is one, no other is made.
    waits: Option<OutgoingFrame>,
    /// Of pictures, of sound.
    numbers: [Numbering; 2],
    bytes: u64,
    // The receiving end.
    there: BarePath,
    round_trip: Duration,
    video_receive: VideoReceivePipeline,
    audio_receive: AudioReceivePipeline,
    speaker: Consumer<f32>,
    requests: u64,
    measure: Measure,
    _folder: tempfile::TempDir,
}

impl Call {
    /// A call over `link`, with pictures of `size`.
    pub fn new(link: Link, size: (usize, usize), seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let voice = folder.path().join("voice.wav");
        write_voice(&voice);
        let (now, instant) = (MediaTime(1_700_000_000_000_000), Instant::now());
        let root = RootKey::new(0, Zeroizing::new([5; 32]));
        let inbound = Inbound::new(instant, Arc::<SealCounts>::default());
        let sealer = |stream| Sealer::new(&root, Direction::CallerToCallee, stream, instant);
        let opener = |stream| Opener::new(&root, Direction::CallerToCallee, stream, &inbound);
        let (speaker_end, speaker) = RingBuffer::new(48_000);
        let clock_offset = Arc::new(ClockOffset::default());
        clock_offset.set_us(0);
        let lip_sync = Arc::<LipSync>::default();
        let audio_send = AudioSendConfig {
            sealer: sealer(StreamId::Audio),
            source: AudioSourceSpec::File(voice),
            muted: false,
            processing: VoiceProcessing::default(),
            far_end: None,
            out: mpsc::channel(1).0,
            events: mpsc::channel(8).0,
        };
        let audio_receive = AudioReceiveConfig {
            opener: opener(StreamId::Audio),
            packets: sync_channel(1).1,
            sink: AudioSinkSpec::Push(speaker_end),
            record: None,
            far_end: None,
            clock_offset: clock_offset.clone(),
            lip_sync: lip_sync.clone(),
            events: mpsc::channel(8).0,
        };
        let audio_send = AudioSend::new(audio_send, now, instant).unwrap();
        audio_send.begin();
        let start = Allocation::default().divide(now, START_KBPS, 0);
        Self {
            now,
            instant,
            start: (now, instant),
            forth: Way::new(link, seed),
            back: Way::new(link, seed ^ 0x5555),
            pace: Pace::new((FPS, 1)),
            next_picture: now,
            pattern: TestPattern::new(size.0, size.1),
            frame: Frame::black(16, 16),
            wind: Random(11),
            video_send: VideoSendPipeline::new(sealer(StreamId::Camera), FPS, start.video_kbps),
            audio_send,
            allocation: Allocation::default(),
            here: BarePath::new(Role::Caller, MOST_IN_ALL_KBPS, StartRate::default()),
            waits: None,
            numbers: Default::default(),
            bytes: 0,
            there: BarePath::new(Role::Callee, MOST_IN_ALL_KBPS, StartRate::default()),
            round_trip: Duration::from_millis(2 * link.delay_ms + link.jitter_ms),
            video_receive: VideoReceivePipeline::new(opener(StreamId::Camera), clock_offset, lip_sync).unwrap(),
            audio_receive: AudioReceivePipeline::new(audio_receive, now, instant).unwrap().0,
            speaker,
            requests: 0,
            measure: Measure::default(),
            _folder: folder,
        }
    }

    /// Calls for so long and says what it was like.
    pub fn run(mut self, seconds: u64) -> Outcome {
        let mut before = self.audio_receive.stats();
        for ms in 0..seconds * 1000 {
            self.now = self.start.0 + Duration::from_millis(ms);
            self.instant = self.start.1 + Duration::from_millis(ms);
            if ms == SETTLED_MS {
                before = self.audio_receive.stats();
            }
            self.send(ms);
            self.receive(ms);
        }
        let heard = self.audio_receive.stats();
        let played = heard.played_samples - before.played_samples;
        let counted = (seconds * 1000 - SETTLED_MS) as f64 / 1000.0;
        Outcome {
            stretched_percent: (heard.stretched_samples - before.stretched_samples) as f64 * 100.0 / played.max(1) as f64,
            concealed_percent: (heard.concealed_samples - before.concealed_samples) as f64 * 100.0 / played.max(1) as f64,
            mouth_to_ear_ms: heard.playing.map_or(f64::INFINITY, |playing| playing.latency_ms(0)),
            av_offset_ms: heard.av_offset_ms,
            kbps: self.bytes * 8 / 1000 / seconds,
            keyframe_requests: self.requests,
            ..self.measure.outcome(self.now, counted)
        }
    }

    /// A millisecond at the sending end.
    fn send(&mut self, ms: u64) {
        for (_, datagram) in self.back.deliver(ms * 1000) {
            for arrived in self.here.arrive(self.instant, self.now, datagram) {
                if let Arrived::KeyframeRequest = arrived {
                    self.video_send.request_keyframe();
                }
            }
        }
        self.follow_path();
        while let Some(sound) = self.audio_send.step(self.now) {
            self.here.send_sound(self.instant, self.numbers[1].number(sound));
        }
        if self.now >= self.next_picture {
            self.pattern.draw(self.next_picture, &mut self.frame);
            self.rustle();
            self.frame.captured = self.next_picture;
            self.next_picture = self.pace.next(self.now + Duration::from_micros(1));
            let room = self.waits.is_none();
            self.waits = self.video_send.step(self.now, self.instant, &self.frame, room).unwrap().or(self.waits.take());
        }
        if let Some(picture) = self.waits.take_if(|_| self.here.has_room()) {
            self.here.send_picture(self.instant, self.numbers[0].number(picture));
        }
        for datagram in self.here.tick(self.instant) {
            self.bytes += datagram.bytes as u64;
            self.forth.send(ms * 1000, datagram.bytes, datagram);
        }
    }

    /// As the engine does it.
    fn follow_path(&mut self) {
        let (estimate, repair_percent) = self.here.reading();
        let share = self.allocation.divide(self.now, estimate.target_kbps, repair_percent);
        self.video_send.set_kbps(share.video_kbps.min(MOST_KBPS));
        self.audio_send.share(share.rung, share.copies);
        self.audio_send.expect_loss(estimate.loss_percent.clamp(0.0, 50.0) as u8);
    }

    /// Leaves in the wind: a part of the picture that is hard to encode, so that it takes the rate that there is.
    fn rustle(&mut self) {
        let rows = self.frame.height / 4;
        let from = self.frame.width * rows * 2;
        let rows = from..from + self.frame.width * rows;
        for eight in self.frame.planes_mut().0[rows].chunks_exact_mut(8) {
            let noise = self.wind.next().to_le_bytes();
            eight.iter_mut().zip(noise).for_each(|(luma, noise)| *luma = luma.wrapping_add(noise >> 4).max(16));
        }
    }

    /// A millisecond at the receiving end.
    fn receive(&mut self, ms: u64) {
        for (us, datagram) in self.forth.deliver(ms * 1000) {
            let arrived = self.start.0 + Duration::from_micros(us);
            for arrived in self.there.arrive(self.instant, arrived, datagram) {
                match arrived {
                    Arrived::Sound(packet) => self.audio_receive.arrive(self.now, &packet),
                    Arrived::Picture(packet) => self.video_receive.push(packet),
                    Arrived::KeyframeRequest => {}
                }
            }
        }
        self.show(ms);
        self.audio_receive.play(self.now);
        while let Ok(sample) = self.speaker.pop() {
            self.measure.played(sample);
        }
        for datagram in self.there.tick(self.instant) {
            self.back.send(ms * 1000, datagram.bytes, datagram);
        }
    }

    fn show(&mut self, ms: u64) {
        self.video_receive.set_rtt(self.round_trip.max(self.here.round_trip()));
        while let Some(step) = self.video_receive.step(self.now, self.instant) {
            if let Step::Picture(shown) = step {
                let age = self.now.rtp(VIDEO_RATE).wrapping_sub(shown.timestamp);
                let captured = self.now - Duration::from_micros(u64::from(age) * 1_000_000 / u64::from(VIDEO_RATE));
                self.measure.shown(self.now, captured, &shown.picture, ms >= SETTLED_MS);
            }
        }
        if self.video_receive.wants_keyframe(self.now) {
            self.requests += 1;
            self.there.request_keyframe();
        }
    }
}

/// Ten seconds of something like speech: syllables of gliding harmonics, hisses, and pauses.
fn write_voice(path: &Path) {
    let mut hiss = Random(3);
    let pcm: Vec<f32> = (0..480_000)
        .map(|index| {
            let t = index as f32 / 48_000.0;
            let speaks = f32::from(t % 1.7 < 1.2);
            let syllable = (t * 3.1 * std::f32::consts::TAU).sin().max(0.0) * speaks;
            let phase = (t * 130.0 + (t * 4.0).sin() * 5.0) * std::f32::consts::TAU;
            let vowel = (1..9).map(|harmonic| (phase * harmonic as f32).sin() * 0.2 / harmonic as f32).sum::<f32>() * syllable;
            let noise = (hiss.next() >> 40) as f32 / (1 << 24) as f32 - 0.5;
            let consonant = (t * 3.1 * std::f32::consts::TAU).sin().min(0.0) * speaks;
            vowel + noise * 0.05 * consonant + noise * 0.001
        })
        .collect();
    WavSink::create(path).unwrap().write(&pcm).unwrap();
}
