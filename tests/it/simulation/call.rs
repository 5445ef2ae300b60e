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
use vesper::media::repair::PictureFeedback;
use vesper::media::test_pattern::TestPattern;
use vesper::media::video_receive::{Step, VideoReceivePipeline};
use vesper::media::video_send::VideoSendPipeline;
use vesper::media::wav::WavSink;
use vesper::transport::StartRate;
use vesper::transport::bare::{Arrived, BarePath, Datagram};
use vesper::transport::{Numbering, Role};
use zeroize::Zeroizing;

use super::measure::{Measure, Outcome};
use crate::lab::dice::Dice;
use crate::lab::quality::Quality;
use crate::lab::way::Way;

/// The most for a picture, a little more than the engine asks for, and the most in all, as it has it.
const MOST_KBPS: u32 = 2500;
const MOST_IN_ALL_KBPS: u32 = 3600;
/// The first seconds do not count: the link is not known yet.
const SETTLED_MS: u64 = 8000;
const FPS: u32 = 30;
/// Where the link changes by itself, each call begins so much later on it than the one of the seed before.
const LATER: Duration = Duration::from_secs(30);

/// Both ends and the two ways between them.
pub struct Call {
    start: (MediaTime, Instant),
    link: Quality,
    ends: [End; 2],
    /// From each end to the other.
    ways: [Way<Datagram>; 2],
    _folder: tempfile::TempDir,
}

/// One end: what it sends and what it shows and plays, all over one path.
struct End {
    now: MediaTime,
    instant: Instant,
    path: BarePath,
    // What it sends.
    pace: Pace,
    next_picture: MediaTime,
    pattern: TestPattern,
    frame: Frame,
    wind: Dice,
    video_send: VideoSendPipeline,
    audio_send: AudioSend,
    allocation: Allocation,
    /// A picture that waits for room on the path: while there is one, no other is made.
    waits: Option<OutgoingFrame>,
    /// Of pictures, of sound.
    numbers: [Numbering; 2],
    /// How often the path gave up what it lost, as far as pictures were renewed for it.
    abandoned: u32,
    bytes: u64,
    // What it gets.
    video_receive: VideoReceivePipeline,
    audio_receive: AudioReceivePipeline,
    speaker: Consumer<f32>,
    /// Keyframes and repairs.
    requests: (u64, u64),
    measure: Measure,
}

impl Call {
    /// A call over `link`, with pictures of `size` both ways.
    pub fn new(link: Quality, size: (usize, usize), seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let voice = folder.path().join("voice.wav");
        write_voice(&voice);
        let link_began = Instant::now();
        let start = (MediaTime(1_700_000_000_000_000), link_began + LATER * seed.saturating_sub(1) as u32);
        let ends = [Role::Caller, Role::Callee].map(|role| End::new(role, (size, link.round_trip()), &voice, start));
        let ways = [seed, seed ^ 0x5555].map(|seed| Way::new(link_began, link, seed));
        Self { start, link, ends, ways, _folder: folder }
    }

    /// Calls for so long, over a link that from some seconds on carries so many kbit/s, and says what it was like for the one who was called.
    pub fn run(mut self, seconds: u64, steps: &[(u64, u32)]) -> Outcome {
        let mut before = self.ends[1].audio_receive.stats();
        for ms in 0..seconds * 1000 {
            let passed = Duration::from_millis(ms);
            let (clock, now) = (self.start.0 + passed, self.start.1 + passed);
            if ms == SETTLED_MS {
                before = self.ends[1].audio_receive.stats();
            }
            if let Some((_, kbps)) = steps.iter().find(|(second, _)| second * 1000 == ms) {
                self.ways.iter_mut().for_each(|way| way.set(now, self.link.at(*kbps)));
            }
            for (from, to) in [(0, 1), (1, 0)] {
                let arriving = std::iter::from_fn(|| self.ways[to].take(now));
                let arriving = arriving.map(|(at, datagram)| (self.start.0 + (at - self.start.1), datagram));
                let leaving = self.ends[from].step((clock, now), arriving, ms >= SETTLED_MS);
                leaving.into_iter().for_each(|datagram| self.ways[from].put(now, datagram.bytes, datagram));
            }
        }
        let [caller, callee] = self.ends;
        let heard = callee.audio_receive.stats();
        let played = heard.played_samples - before.played_samples;
        let counted = (seconds * 1000 - SETTLED_MS) as f64 / 1000.0;
        Outcome {
            stretched_percent: (heard.stretched_samples - before.stretched_samples) as f64 * 100.0 / played.max(1) as f64,
            concealed_percent: (heard.concealed_samples - before.concealed_samples) as f64 * 100.0 / played.max(1) as f64,
            mouth_to_ear_ms: heard.playing.map_or(f64::INFINITY, |playing| playing.latency_ms(0)),
            av_offset_ms: heard.av_offset_ms,
            kbps: caller.bytes * 8 / 1000 / seconds,
            keyframe_requests: callee.requests.0,
            repair_requests: callee.requests.1,
            ..callee.measure.outcome(callee.now, counted)
        }
    }
}

impl End {
    /// `round_trip`: as the messages before the call saw it.
    fn new(
        role: Role,
        (size, round_trip): ((usize, usize), Duration),
        voice: &Path,
        (now, instant): (MediaTime, Instant),
    ) -> Self {
        let first = StartRate::default();
        first.after_round_trip(round_trip);
        let root = RootKey::new(0, Zeroizing::new([5; 32]));
        let inbound = Inbound::new(instant, Arc::<SealCounts>::default());
        let (ours, theirs) = match role {
            Role::Caller => (Direction::CallerToCallee, Direction::CalleeToCaller),
            Role::Callee => (Direction::CalleeToCaller, Direction::CallerToCallee),
        };
        let sealer = |stream| Sealer::new(&root, ours, stream, instant);
        let opener = |stream| Opener::new(&root, theirs, stream, &inbound);
        let (speaker_end, speaker) = RingBuffer::new(48_000);
        let clock_offset = Arc::new(ClockOffset::default());
        clock_offset.set_us(0);
        let lip_sync = Arc::<LipSync>::default();
        let audio_send = AudioSendConfig {
            sealer: sealer(StreamId::Audio),
            source: AudioSourceSpec::File(voice.to_owned()),
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
        let start = Allocation::default().divide(now, first.kbps(), 0);
        Self {
            now,
            instant,
            path: BarePath::new(role, MOST_IN_ALL_KBPS, first),
            pace: Pace::new((FPS, 1)),
            next_picture: now,
            pattern: TestPattern::new(size.0, size.1),
            frame: Frame::black(16, 16),
            wind: Dice::new(11),
            video_send: VideoSendPipeline::new(sealer(StreamId::Camera), FPS, start.video_kbps),
            audio_send,
            allocation: Allocation::default(),
            waits: None,
            numbers: Default::default(),
            abandoned: 0,
            bytes: 0,
            video_receive: VideoReceivePipeline::new(opener(StreamId::Camera), clock_offset, lip_sync).unwrap(),
            audio_receive: AudioReceivePipeline::new(audio_receive, now, instant).unwrap().0,
            speaker,
            requests: (0, 0),
            measure: Measure::default(),
        }
    }

    /// A millisecond: takes what arrives, each with its time, and says what leaves.
    fn step(
        &mut self,
        (now, instant): (MediaTime, Instant),
        arriving: impl Iterator<Item = (MediaTime, Datagram)>,
        counts: bool,
    ) -> Vec<Datagram> {
        (self.now, self.instant) = (now, instant);
        for (at, datagram) in arriving {
            for arrived in self.path.arrive(instant, at, datagram) {
                match arrived {
                    Arrived::Sound(packet) => self.audio_receive.arrive(now, &packet),
                    Arrived::Picture(packet) => self.video_receive.push(packet),
                    Arrived::Feedback(feedback) => self.video_send.feedback(feedback),
                }
            }
        }
        self.show(counts);
        self.audio_receive.play(now);
        while let Ok(sample) = self.speaker.pop() {
            self.measure.played(sample);
        }
        self.follow_path();
        self.send();
        let leaving = self.path.tick(instant);
        self.bytes += leaving.iter().map(|datagram| datagram.bytes as u64).sum::<u64>();
        leaving
    }

    fn send(&mut self) {
        while let Some(sound) = self.audio_send.step(self.now) {
            self.path.send_sound(self.instant, self.numbers[1].number(sound.frame));
        }
        if self.now >= self.next_picture {
            self.pattern.draw(self.next_picture, &mut self.frame);
            self.rustle();
            self.frame.captured = self.next_picture;
            self.next_picture = self.pace.next(self.now + Duration::from_micros(1));
            let room = self.waits.is_none();
            self.waits = self.video_send.step(self.now, self.instant, &self.frame, room).unwrap().or(self.waits.take());
        }
        if let Some(picture) = self.waits.take_if(|_| self.path.has_room()) {
            self.path.send_picture(self.instant, self.numbers[0].number(picture));
        }
    }

    /// As the engine does it.
    fn follow_path(&mut self) {
        let (estimate, repair_percent) = self.path.reading();
        let share = self.allocation.divide(self.now, estimate.target_kbps, repair_percent);
        self.video_send.set_kbps(share.video_kbps.min(MOST_KBPS));
        self.audio_send.share(share);
        self.audio_send.expect_loss(estimate.chance_loss_percent, self.path.counts().loses_in_runs);
        if std::mem::replace(&mut self.abandoned, self.path.abandoned()) != self.path.abandoned() {
            self.video_send.renew();
        }
        self.video_receive.set_rtt(self.path.round_trip());
    }

    /// Leaves in the wind: a part of the picture that is hard to encode, so that it takes the rate that there is.
    fn rustle(&mut self) {
        let rows = self.frame.height / 4;
        let from = self.frame.width * rows * 2;
        let rows = from..from + self.frame.width * rows;
        for eight in self.frame.planes_mut().0[rows].chunks_exact_mut(8) {
            let noise = self.wind.bits().to_le_bytes();
            eight.iter_mut().zip(noise).for_each(|(luma, noise)| *luma = luma.wrapping_add(noise >> 4).max(16));
        }
    }

    fn show(&mut self, counts: bool) {
        while let Some(step) = self.video_receive.step(self.now, self.instant) {
            if let Step::Picture(shown) = step {
                let age = self.now.rtp(VIDEO_RATE).wrapping_sub(shown.timestamp);
                let captured = self.now - Duration::from_micros(u64::from(age) * 1_000_000 / u64::from(VIDEO_RATE));
                self.measure.shown(self.now, captured, &shown, counts);
            }
        }
        while let Some(feedback) = self.video_receive.feedback(self.now) {
            match feedback {
                PictureFeedback::Keyframe => self.requests.0 += 1,
                PictureFeedback::Lost(_) => self.requests.1 += 1,
                PictureFeedback::Kept(_) => {}
            }
            self.path.send_feedback(feedback);
        }
    }
}

/// Ten seconds of something like speech: syllables of gliding harmonics, hisses, and pauses.
fn write_voice(path: &Path) {
    let mut hiss = Dice::new(3);
    let pcm: Vec<f32> = (0..480_000)
        .map(|index| {
            let t = index as f32 / 48_000.0;
            let speaks = f32::from(t % 1.7 < 1.2);
            let syllable = (t * 3.1 * std::f32::consts::TAU).sin().max(0.0) * speaks;
            let phase = (t * 130.0 + (t * 4.0).sin() * 5.0) * std::f32::consts::TAU;
            let vowel = (1..9).map(|harmonic| (phase * harmonic as f32).sin() * 0.2 / harmonic as f32).sum::<f32>() * syllable;
            let noise = hiss.uniform() as f32 - 0.5;
            let consonant = (t * 3.1 * std::f32::consts::TAU).sin().min(0.0) * speaks;
            vowel + noise * 0.05 * consonant + noise * 0.001
        })
        .collect();
    WavSink::create(path).unwrap().write(&pcm).unwrap();
}
