//! Both pipelines back to back over a bad link, on virtual time.

use super::*;
use crate::e2ee::{Direction, Inbound, Keyring, RootKey, SealCounts, Sealer, StreamId};
use crate::media::allocation::Share;
use crate::media::audio_receive::Playing;
use crate::media::audio_send::{AudioSend, AudioSendConfig, Departure};
use crate::media::audio_sink::AudioSinkSpec;
use crate::media::audio_source::AudioSourceSpec;
use crate::media::echo::VoiceProcessing;
use crate::media::packet::OutgoingFrame;
use bytes::Bytes;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// Samples of a packet.
const FRAME: usize = 960;
const START: MediaTime = MediaTime(1_700_000_000_500_000);

/// A caller who speaks, a link, a callee whose speaker is a file.
struct Rig {
    send: AudioSend,
    receive: AudioReceivePipeline,
    events: mpsc::Receiver<MediaEvent>,
    /// Packets on their way, and when they arrive.
    flying: Vec<(u64, OutgoingFrame)>,
    sent: u64,
}

fn rig(source: &Path, sink: AudioSinkSpec) -> Rig {
    let instant = Instant::now();
    let root = RootKey::new(0, Zeroizing::new([3; 32]));
    let inbound = Inbound::new(instant, Arc::<SealCounts>::default());
    let (events_out, events) = mpsc::channel(8);
    let send = AudioSendConfig {
        sealer: Sealer::new(&root, Direction::CallerToCallee, StreamId::Audio, instant),
        source: AudioSourceSpec::File(source.into()),
        muted: false,
        processing: VoiceProcessing::default(),
        far_end: None,
        out: mpsc::channel(1).0,
        events: events_out.clone(),
    };
    let opener = Opener::new(&root, Direction::CallerToCallee, StreamId::Audio, &inbound);
    let receive = AudioReceiveConfig { opener, ..receive_config(sink, events_out) };
    let send = AudioSend::new(send, START, instant).unwrap();
    send.begin();
    Rig { send, receive: AudioReceivePipeline::new(receive, START, instant).unwrap().0, events, flying: Vec::new(), sent: 0 }
}

fn receive_config(sink: AudioSinkSpec, events: MediaEvents) -> AudioReceiveConfig {
    let root = RootKey::new(0, Zeroizing::new([3; 32]));
    let inbound = Inbound::new(Instant::now(), Arc::<SealCounts>::default());
    AudioReceiveConfig {
        opener: Opener::new(&root, Direction::CallerToCallee, StreamId::Audio, &inbound),
        packets: sync_channel(1).1,
        sink,
        record: None,
        far_end: None,
        clock_offset: Arc::default(),
        lip_sync: Arc::default(),
        events,
    }
}

impl Rig {
    /// Runs from `from` to `to` milliseconds; `link` says after how many ms a packet, known by its number, arrives.
    fn run(&mut self, from: u64, to: u64, mut link: impl FnMut(u64) -> Option<u64>) {
        for ms in from..to {
            let now = START + Duration::from_millis(ms);
            while let Some(Departure { frame, .. }) = self.send.step(now) {
                if let Some(delay) = link(self.sent) {
                    self.flying.push((ms + delay, frame));
                }
                self.sent += 1;
            }
            let (arrived, flying) = std::mem::take(&mut self.flying).into_iter().partition(|(arrival, _)| *arrival <= ms);
            self.flying = flying;
            let arrived: Vec<(u64, OutgoingFrame)> = arrived;
            for (_, frame) in arrived {
                let [payload] = frame.pieces.try_into().expect("sound is one piece");
                self.receive.arrive(
                    now,
                    &IncomingPacket { sequence: 0, timestamp: frame.timestamp, marker: true, payload, arrived: now },
                );
            }
            self.receive.play(now);
        }
    }

    fn stats(&self) -> AudioReceiveStats {
        self.receive.shared.stats()
    }

    fn concealed_percent(&self) -> f64 {
        100.0 * self.stats().concealed_samples as f64 / self.stats().played_samples as f64
    }
}

/// Ten seconds of something like speech: syllables of gliding harmonics, with pauses.
fn speech() -> Vec<f32> {
    (0..480_000)
        .map(|index| {
            let t = index as f32 / 48_000.0;
            let syllable = (t * 3.1 * std::f32::consts::TAU).sin().max(0.0) * f32::from(t % 1.7 < 1.2);
            let phase = (t * 130.0 + (t * 4.0).sin() * 5.0) * std::f32::consts::TAU;
            (1..9).map(|harmonic| (phase * harmonic as f32).sin() * 0.2 / harmonic as f32).sum::<f32>() * syllable
        })
        .collect()
}

fn write(path: &Path, pcm: &[f32]) {
    crate::media::wav::WavSink::create(path).unwrap().write(pcm).unwrap();
}

fn read(path: &Path) -> Vec<f32> {
    hound::WavReader::open(path).unwrap().into_samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect()
}

/// The best correlation of `played` with `source` over all delays up to a quarter of a second.
fn correlation(source: &[f32], played: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).step_by(7).map(|(a, b)| a * b).sum::<f32>();
    let at = |delay: usize| {
        let (a, b) = (&source[48_000..192_000], &played[48_000 + delay..192_000 + delay]);
        product(a, b) / (product(a, a) * product(b, b)).sqrt()
    };
    (0..12_000).step_by(4).map(at).fold(0.0, f32::max)
}

/// Whether packet `number` of a link with ten per cent random loss gets lost.
fn lost(number: u64) -> bool {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x1234_5678).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
        < (1 << 32) / 10
}

#[test]
fn what_is_heard_is_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let (said, heard) = (folder.path().join("said.wav"), folder.path().join("heard.wav"));
    write(&said, &speech());
    let mut rig = rig(&said, AudioSinkSpec::File(heard.clone()));
    rig.run(0, 6000, |number| Some(30 + number % 5));
    // Playout starts a little late, until the link is known, and the rest is stretched away.
    assert!(rig.stats().concealed_samples <= FRAME as u64);
    assert_eq!(rig.stats().concealed_samples, rig.stats().stretched_samples);
    assert_eq!(rig.events.try_recv(), Ok(MediaEvent::FirstAudio));
    assert!(rig.events.try_recv().is_err(), "told once");
    drop(rig);
    let likeness = correlation(&speech(), &read(&heard));
    assert!(likeness > 0.8, "{likeness}");
}

#[test]
fn a_tenth_of_the_packets_lost_is_hardly_heard() {
    let folder = tempfile::tempdir().unwrap();
    let (said, heard) = (folder.path().join("said.wav"), folder.path().join("heard.wav"));
    write(&said, &speech());
    let mut rig = rig(&said, AudioSinkSpec::File(heard.clone()));
    rig.send.expect_loss(10.0, false);
    rig.run(0, 10_000, |number| (!lost(number)).then_some(30));
    assert!(rig.stats().packets < 470, "the link did lose packets");
    assert!(rig.stats().recovered_samples > 20 * FRAME as u64);
    assert!(rig.concealed_percent() <= 0.5, "{} % concealed", rig.concealed_percent());
    drop(rig);
    let likeness = correlation(&speech(), &read(&heard));
    assert!(likeness > 0.8, "{likeness}");
}

#[test]
fn without_copies_the_codec_alone_recovers_the_lost_voice() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said.wav");
    write(&said, &speech());
    let mut rig = rig(&said, AudioSinkSpec::None);
    rig.send.expect_loss(10.0, false);
    rig.send.share(Share { rung: 2, ..Share::default() });
    rig.run(0, 10_000, |number| (!lost(number)).then_some(30));
    assert!(rig.stats().recovered_samples > 10 * FRAME as u64);
    assert!(rig.concealed_percent() < 8.0, "{} % concealed", rig.concealed_percent());
}

#[test]
fn the_delay_from_mouth_to_ear_is_told_whatever_the_clocks_say() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said.wav");
    write(&said, &speech());
    let mut rig = rig(&said, AudioSinkSpec::None);
    assert_eq!(rig.stats().playing, None);
    rig.run(0, 1000, |_| Some(30));
    let playing = rig.stats().playing.unwrap();
    // A frame to fill, the link, the jitter buffer within what counts as near enough.
    let latency = playing.latency_ms(0);
    assert!((68.0..=90.0).contains(&latency), "{latency} ms");
    let ahead = Playing { captured: playing.captured.wrapping_add(48_000 * 3600), ..playing };
    assert!((ahead.latency_ms(3_600_000_000) - latency).abs() < 0.1);
}

#[test]
fn a_link_that_stands_still_and_comes_back_is_heard_again_and_the_delay_shrinks_back() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said.wav");
    write(&said, &speech());
    let mut rig = rig(&said, AudioSinkSpec::None);
    // Packets 100 to 114 all arrive at the time of the 115th.
    rig.run(0, 20_000, |number| Some(if (100..115).contains(&number) { 30 + (115 - number) * 20 } else { 30 }));
    assert!(rig.stats().late <= 20);
    assert!(rig.stats().jitter_buffer_ms <= 35, "{} ms", rig.stats().jitter_buffer_ms);
    let before = rig.stats().concealed_samples;
    rig.run(20_000, 24_000, |_| Some(30));
    assert_eq!(rig.stats().concealed_samples, before);
}

#[test]
fn garbage_and_forged_payloads_are_dropped_and_the_call_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said.wav");
    write(&said, &speech());
    let mut rig = rig(&said, AudioSinkSpec::None);
    for ms in 0..2000 {
        let payload = Bytes::from((0..ms % 120).map(|byte| (byte * 37 + ms) as u8).collect::<Vec<_>>());
        let packet = IncomingPacket { sequence: 9, timestamp: 7, marker: false, payload, arrived: START };
        rig.receive.arrive(START, &packet);
    }
    rig.run(0, 2000, |_| Some(10));
    assert_eq!(rig.stats().concealed_samples, 0);
    assert_eq!(rig.stats().packets, 100);
}

#[test]
fn what_a_muted_peer_does_not_say_counts_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said.wav");
    write(&said, &speech());
    let mut rig = rig(&said, AudioSinkSpec::None);
    rig.run(0, 1000, |_| Some(10));
    let before = rig.stats();
    rig.receive.shared.peer_muted.store(true, Ordering::Relaxed);
    rig.run(1000, 3000, |_| None);
    assert_eq!(rig.stats().played_samples, before.played_samples);
    assert_eq!(rig.stats().concealed_samples, before.concealed_samples);
}

#[test]
fn a_peer_who_sends_no_sound_does_not_keep_the_keys_of_the_beginning_in_memory() {
    let (instant, root) = (Instant::now(), |epoch| RootKey::new(epoch, Zeroizing::new([3; 32])));
    let mut keyring = Keyring::new(root(0), Direction::CalleeToCaller, instant);
    let opener = keyring.opener(StreamId::Audio);
    let receive = AudioReceiveConfig { opener, ..receive_config(AudioSinkSpec::None, mpsc::channel(8).0) };
    let (mut receive, _packets) = AudioReceivePipeline::new(receive, START, instant).unwrap();
    keyring.advance(instant, root(1));
    assert_eq!(keyring.counts().epochs(), 1);
    receive.play(START + Duration::from_secs(1));
    assert_eq!(keyring.counts().epochs(), 2, "it has moved on, and holds the epoch before no more than others do");
}
