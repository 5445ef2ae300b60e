//! What an observer of sealed sound sees: the same packets at the same times, whatever is said.

use super::audio_send::{AudioSend, AudioSendConfig};
use super::audio_source::AudioSourceSpec;
use super::clock::{AUDIO_RATE, MediaTime};
use super::echo::VoiceProcessing;
use super::wav::WavSink;
use crate::e2ee::{Direction, RootKey, Sealer, StreamId};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

const START: MediaTime = MediaTime(1_700_000_000_000_000);
const MILLISECONDS: u64 = 20_000;

/// When each packet left, in milliseconds, its RTP timestamp, and its sealed size.
type Seen = Vec<(u64, u32, usize)>;

fn seen(source: AudioSourceSpec, muted: bool) -> Seen {
    let instant = Instant::now();
    let root = RootKey::new(0, Zeroizing::new([1; 32]));
    let config = AudioSendConfig {
        sealer: Sealer::new(&root, Direction::CallerToCallee, StreamId::Audio, instant),
        source,
        muted,
        processing: VoiceProcessing::default(),
        far_end: None,
        out: mpsc::channel(1).0,
        events: mpsc::channel(1).0,
    };
    let mut pipeline = AudioSend::new(config, START, instant).unwrap();
    pipeline.begin();
    let step = |ms| pipeline.step(START + Duration::from_millis(ms)).map(|frame| (ms, frame.timestamp, frame.pieces[0].len()));
    (0..MILLISECONDS).filter_map(step).collect()
}

/// Writes `sound` of the sample's number to a file of as many seconds as are sent.
fn file(folder: &Path, name: &str, sound: impl Fn(u64) -> f32) -> PathBuf {
    let path = folder.join(name);
    let mut wav = WavSink::create(&path).unwrap();
    let samples: Vec<f32> = (0..MILLISECONDS * u64::from(AUDIO_RATE) / 1000).map(sound).collect();
    wav.write(&samples).unwrap();
    path
}

#[test]
fn speech_silence_noise_and_mute_leave_in_the_same_packets_at_the_same_times() {
    let folder = tempfile::tempdir().unwrap();
    let voice = |sample: u64| {
        let t = sample as f32 / AUDIO_RATE as f32;
        let phrase = f32::from(u8::from(t % 3.0 < 1.7));
        let syllable = (t * 4.0 * std::f32::consts::TAU).sin().max(0.0);
        let phase = (t * 140.0 + (t * 5.0).sin() * 4.0) * std::f32::consts::TAU;
        (1..8).map(|n| (phase * n as f32).sin() * 0.2 / n as f32).sum::<f32>() * syllable * phrase
    };
    let noise = |sample: u64| (sample.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f32 / (1 << 24) as f32 - 0.5;
    let speech = seen(AudioSourceSpec::File(file(folder.path(), "speech.wav", voice)), false);
    assert!(speech.len() > 150, "{} packets in {MILLISECONDS} ms", speech.len());
    let others = [
        ("silence", seen(AudioSourceSpec::File(file(folder.path(), "silence.wav", |_| 0.0)), false)),
        ("noise", seen(AudioSourceSpec::File(file(folder.path(), "noise.wav", noise)), false)),
        ("full scale", seen(AudioSourceSpec::File(file(folder.path(), "loud.wav", |_| 1.0)), false)),
        ("no microphone", seen(AudioSourceSpec::None, false)),
        ("speech, muted", seen(AudioSourceSpec::File(file(folder.path(), "muted.wav", voice)), true)),
    ];
    for (what, other) in others {
        assert!(other == speech, "{what} can be told from speech");
    }
}
