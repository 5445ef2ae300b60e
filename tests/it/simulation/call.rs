//! A call over a simulated link: both ends, millisecond by millisecond.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtrb::{Consumer, RingBuffer};
use tokio::sync::mpsc;
use vesper::e2ee::{Direction, Inbound, Opener, RootKey, SealCounts, Sealer, StreamId};
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
use vesper::media::packet::{IncomingPacket, OutgoingFrame};
use vesper::media::test_pattern::TestPattern;
use vesper::media::video_receive::{Step, VideoReceivePipeline};
use vesper::media::video_send::VideoSendPipeline;
use vesper::media::wav::WavSink;
use vesper::transport::bandwidth::{BandwidthEstimator, PacketFate};
use vesper::transport::nack::NackList;
use zeroize::Zeroizing;

use super::link::{Link, Random, Way};
use super::measure::{Measure, Outcome};

/// RTP with our extension, SRTP, UDP and IP around a payload.
const HEADERS: usize = 12 + 8 + 10 + 8 + 20;
/// As the engine has it: before the first estimate, the most, and what sound and control take.
const START_KBPS: u32 = 1500;
const MOST_KBPS: u32 = 2500;
const LEAST_KBPS: u32 = 100;
const SOUND_KBPS: u32 = 80;
/// Between two reports of what arrived.
const REPORT_EVERY_MS: u64 = 50;
/// The first seconds do not count: the link is not known yet.
const SETTLED_MS: u64 = 8000;
const FPS: u32 = 30;

/// A packet on its way to the other side.
#[derive(Clone)]
struct Packet {
    /// Counts all packets that left, as transport-wide feedback does.
    number: u64,
    sound: bool,
    sequence: u16,
    timestamp: u32,
    marker: bool,
    payload: Bytes,
    repaired: bool,
}

/// What travels back.
enum Back {
    /// From this number on: when each packet arrived, or that it did not.
    Report(u64, Vec<Option<Duration>>),
    Missing(Vec<u16>),
    Keyframe,
}

pub struct Call {
    now: MediaTime,
    instant: Instant,
    start: (MediaTime, Instant),
    forth: Way<Packet>,
    back: Way<Back>,
    rtt: Duration,
    // The sending end.
    pace: Pace,
    next_picture: MediaTime,
    pattern: TestPattern,
    frame: Frame,
    wind: Random,
    video_send: VideoSendPipeline,
    audio_send: AudioSend,
    estimator: BandwidthEstimator,
    sequence: u16,
    departures: BTreeMap<u64, (Instant, usize)>,
    sent: u64,
    bytes: u64,
    kept: BTreeMap<u16, Packet>,
    // The receiving end.
    video_receive: VideoReceivePipeline,
    audio_receive: AudioReceivePipeline,
    missing: NackList,
    arrived: BTreeMap<u64, Duration>,
    reported: u64,
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
        Self {
            now,
            instant,
            start: (now, instant),
            forth: Way::new(link, seed),
            back: Way::new(link, seed ^ 0x5555),
            rtt: Duration::from_millis(2 * link.delay_ms + link.jitter_ms),
            pace: Pace::new((FPS, 1)),
            next_picture: now,
            pattern: TestPattern::new(size.0, size.1),
            frame: Frame::black(16, 16),
            wind: Random(11),
            video_send: VideoSendPipeline::new(sealer(StreamId::Camera), FPS, START_KBPS),
            audio_send,
            estimator: BandwidthEstimator::new(MOST_KBPS),
            sequence: 100,
            departures: BTreeMap::new(),
            sent: 0,
            bytes: 0,
            kept: BTreeMap::new(),
            video_receive: VideoReceivePipeline::new(opener(StreamId::Camera), clock_offset, lip_sync).unwrap(),
            audio_receive: AudioReceivePipeline::new(audio_receive, now, instant).unwrap().0,
            missing: NackList::new(),
            arrived: BTreeMap::new(),
            reported: 0,
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
        for (_, back) in self.back.deliver(ms * 1000) {
            match back {
                Back::Report(first, arrivals) => self.read_report(first, &arrivals),
                Back::Missing(numbers) => {
                    for packet in numbers.iter().filter_map(|number| self.kept.get(number).cloned()).collect::<Vec<_>>() {
                        self.transmit(Packet { repaired: true, ..packet });
                    }
                }
                Back::Keyframe => self.video_send.request_keyframe(),
            }
        }
        while let Some(sound) = self.audio_send.step(self.now) {
            self.packets(sound, true);
        }
        if self.now >= self.next_picture {
            self.pattern.draw(self.next_picture, &mut self.frame);
            self.rustle();
            self.frame.captured = self.next_picture;
            self.next_picture = self.pace.next(self.now + Duration::from_micros(1));
            if let Some(picture) = self.video_send.step(self.now, self.instant, &self.frame, true).unwrap() {
                self.packets(picture, false);
            }
        }
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

    fn packets(&mut self, frame: OutgoingFrame, sound: bool) {
        let last = frame.pieces.len() - 1;
        for (index, payload) in frame.pieces.into_iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(u16::from(!sound));
            let (sequence, timestamp, marker) = (self.sequence, frame.timestamp, index == last);
            let packet = Packet { number: 0, sound, sequence, timestamp, marker, payload, repaired: false };
            if !sound {
                self.kept.insert(sequence, packet.clone());
                self.kept.remove(&sequence.wrapping_sub(1024));
            }
            self.transmit(packet);
        }
    }

    fn transmit(&mut self, packet: Packet) {
        let bytes = packet.payload.len() + HEADERS;
        self.departures.insert(self.sent, (self.instant, bytes));
        self.forth.send(self.now.since(self.start.0).as_micros() as u64, bytes, Packet { number: self.sent, ..packet });
        self.sent += 1;
        self.bytes += bytes as u64;
    }

    fn read_report(&mut self, first: u64, arrivals: &[Option<Duration>]) {
        let fate = |(number, arrived): (u64, &Option<Duration>)| {
            let (sent, bytes) = *self.departures.get(&number)?;
            Some(PacketFate { sent, arrived: *arrived, bytes })
        };
        let fates: Vec<PacketFate> = (first..).zip(arrivals).filter_map(fate).collect();
        let estimate = self.estimator.on_report(self.instant, &fates);
        self.departures = self.departures.split_off(&(first + arrivals.len() as u64));
        self.video_send.set_kbps(estimate.target_kbps.saturating_sub(SOUND_KBPS).clamp(LEAST_KBPS, MOST_KBPS));
        self.audio_send.expect_loss(estimate.loss_percent.clamp(0.0, 50.0) as u8);
    }

    /// A millisecond at the receiving end.
    fn receive(&mut self, ms: u64) {
        for (us, packet) in self.forth.deliver(ms * 1000) {
            self.arrived.insert(packet.number, Duration::from_micros(us));
            let incoming = IncomingPacket {
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                marker: packet.marker,
                payload: packet.payload,
                arrived: self.start.0 + Duration::from_micros(us),
            };
            if packet.sound {
                self.audio_receive.arrive(self.now, &incoming);
            } else if self.missing.arrived(self.instant, packet.sequence, packet.repaired) || !packet.repaired {
                self.video_receive.push(incoming);
            }
        }
        let missing = self.missing.due(self.instant);
        if !missing.is_empty() {
            self.answer(ms, 60 + 4 * missing.len(), Back::Missing(missing));
        }
        if ms.is_multiple_of(REPORT_EVERY_MS)
            && let Some(newest) = self.arrived.last_key_value().map(|(number, _)| *number)
        {
            let first = std::mem::replace(&mut self.reported, newest + 1);
            let arrivals: Vec<_> = (first..=newest).map(|number| self.arrived.get(&number).copied()).collect();
            self.arrived.clear();
            self.answer(ms, 60 + 2 * arrivals.len(), Back::Report(first, arrivals));
        }
        self.show(ms);
        self.audio_receive.play(self.now);
        while let Ok(sample) = self.speaker.pop() {
            self.measure.played(sample);
        }
    }

    fn show(&mut self, ms: u64) {
        self.video_receive.set_rtt(self.rtt);
        while let Some(step) = self.video_receive.step(self.now, self.instant) {
            if let Step::Picture(shown) = step {
                let age = self.now.rtp(VIDEO_RATE).wrapping_sub(shown.timestamp);
                let captured = self.now - Duration::from_micros(u64::from(age) * 1_000_000 / u64::from(VIDEO_RATE));
                self.measure.shown(self.now, captured, &shown.picture, ms >= SETTLED_MS);
            }
        }
        if self.video_receive.wants_keyframe(self.now) {
            self.requests += 1;
            self.answer(ms, 70, Back::Keyframe);
        }
    }

    fn answer(&mut self, ms: u64, bytes: usize, back: Back) {
        self.back.send(ms * 1000, bytes, back);
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
