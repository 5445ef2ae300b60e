use super::*;
use crate::e2ee::{Direction, RootKey, StreamId};
use crate::media::audio_source::AudioSourceSpec;
use crate::media::clock::AUDIO_RATE;
use crate::media::speaker::{far_end, play, playback_ring};
use crate::media::wav::WavSink;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

const START: MediaTime = MediaTime(1_700_000_000_000_000);
/// How long an observer looks on.
const OBSERVED_MS: u64 = 20_000;

fn pipeline(source: AudioSourceSpec, muted: bool) -> AudioSend {
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
    let pipeline = AudioSend::new(config, START, instant).unwrap();
    pipeline.begin();
    pipeline
}

fn run(pipeline: &mut AudioSend, from_ms: u64, to_ms: u64) -> Vec<OutgoingFrame> {
    (from_ms..to_ms).filter_map(|ms| pipeline.step(START + Duration::from_millis(ms))).map(|packet| packet.frame).collect()
}

/// When each packet left, its RTP timestamp, and its sealed size: what an observer of sealed sound sees.
fn seen(source: AudioSourceSpec, muted: bool) -> Vec<(MediaTime, u32, usize)> {
    let mut pipeline = pipeline(source, muted);
    let packets = (0..OBSERVED_MS).filter_map(|ms| pipeline.step(START + Duration::from_millis(ms)));
    packets.map(|Departure { frame, at }| (at, frame.timestamp, frame.pieces[0].len())).collect()
}

/// Writes `sound` of the sample's number to a file of as many seconds as are observed.
fn file(folder: &Path, name: &str, sound: impl Fn(u64) -> f32) -> PathBuf {
    let path = folder.join(name);
    let mut wav = WavSink::create(&path).unwrap();
    let samples: Vec<f32> = (0..OBSERVED_MS * u64::from(AUDIO_RATE) / 1000).map(sound).collect();
    wav.write(&samples).unwrap();
    path
}

#[test]
fn muted_or_not_packets_have_the_same_size_and_rhythm() {
    let mut pipeline = pipeline(AudioSourceSpec::Tone, false);
    let spoken = run(&mut pipeline, 0, 6000);
    pipeline.shared.muted.store(true, Ordering::Relaxed);
    let muted = run(&mut pipeline, 6000, 12_000);
    assert_eq!((spoken.len(), muted.len()), (300, 300));
    // The counter in the clear grows by a byte at 8 and at 256 packets, for everybody alike.
    let size = |frame: &OutgoingFrame| frame.pieces[0].len();
    assert!(muted.iter().all(|frame| size(frame) == size(&spoken[299])));
    let stamps: Vec<_> = spoken.iter().chain(&muted).map(|frame| frame.timestamp).collect();
    assert!(stamps.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == FRAME as u32));
    assert_eq!(stamps[0], (START - Duration::from_millis(20)).rtp(AUDIO_RATE));
}

#[test]
fn before_it_may_send_the_microphone_is_heard_but_nothing_leaves() {
    let mut pipeline = pipeline(AudioSourceSpec::Tone, false);
    pipeline.shared.begun.store(false, Ordering::Relaxed);
    assert!(run(&mut pipeline, 0, 600).is_empty());
    assert!(pipeline.shared_level() > -40.0);
    assert_eq!(pipeline.shared.loudness(), Level::default());
    pipeline.begin();
    let frames = run(&mut pipeline, 600, 800);
    assert!(frames[0].timestamp.wrapping_sub((START + Duration::from_millis(560)).rtp(AUDIO_RATE)) < 4 * FRAME as u32);
}

#[test]
fn mute_silences_what_is_sent_from_the_next_packet_on() {
    let mut pipeline = pipeline(AudioSourceSpec::Tone, false);
    run(&mut pipeline, 0, 500);
    assert!(pipeline.shared_level() > -40.0);
    pipeline.shared.muted.store(true, Ordering::Relaxed);
    run(&mut pipeline, 500, 2500);
    assert_eq!(pipeline.shared_level(), FLOOR_DBFS);
    assert!(pipeline.shared.loudness().dbfs() > -60.0, "of the whole time");
}

#[test]
fn packets_change_their_size_for_loss_and_at_most_once_in_five_seconds() {
    let mut pipeline = pipeline(AudioSourceSpec::None, false);
    let sizes = |frames: Vec<OutgoingFrame>| frames.iter().map(|frame| frame.pieces[0].len()).max().unwrap();
    let plain = sizes(run(&mut pipeline, 0, 5200));
    pipeline.expect_loss(10.0, false);
    let with_copies = sizes(run(&mut pipeline, 5200, 6000));
    let extra = (1 + MOST_COPIES) * RUNGS[LOSSY_RUNG].bytes - RUNGS[0].bytes;
    assert_eq!(with_copies, plain + extra);
    pipeline.expect_loss(0.0, false);
    assert_eq!(sizes(run(&mut pipeline, 6000, 6020)), with_copies);
    run(&mut pipeline, 6020, 20_900);
    assert_eq!(sizes(run(&mut pipeline, 20_900, 20_940)), with_copies);
    run(&mut pipeline, 20_940, 21_200);
    assert_eq!(sizes(run(&mut pipeline, 21_200, 21_300)), plain);
}

#[test]
fn a_packet_lost_now_and_then_brings_one_copy_and_leaves_the_sound_as_it_is_where_there_is_room() {
    for (spare, extra) in [(true, RUNGS[0].bytes), (false, 0)] {
        let mut pipeline = pipeline(AudioSourceSpec::None, false);
        pipeline.share(Share { copies: MOST_COPIES, spare, ..Share::default() });
        let largest = |frames: Vec<OutgoingFrame>| frames.iter().map(|frame| frame.pieces[0].len()).max().unwrap();
        let plain = largest(run(&mut pipeline, 0, 5200));
        pipeline.expect_loss(0.6, false);
        assert_eq!(largest(run(&mut pipeline, 5200, 11_000)), plain + extra, "{spare}");
        pipeline.expect_loss(0.0, false);
        assert_eq!(largest(run(&mut pipeline, 11_000, 20_000)), plain + extra, "the next one may come");
        run(&mut pipeline, 20_000, 27_000);
        assert_eq!(largest(run(&mut pipeline, 27_000, 27_100)), plain);
    }
}

#[test]
fn many_losses_bring_smaller_packets_with_two_copies_and_few_after_them_the_best_sound_with_one() {
    let mut pipeline = pipeline(AudioSourceSpec::None, false);
    pipeline.share(Share { copies: MOST_COPIES, spare: true, ..Share::default() });
    let largest = |frames: Vec<OutgoingFrame>| frames.iter().map(|frame| frame.pieces[0].len()).max().unwrap();
    let plain = largest(run(&mut pipeline, 0, 5200));
    let mut now = 5200;
    for (percent, held_ms, extra) in [
        (0.6, 6000, RUNGS[0].bytes),
        (10.0, 6000, (1 + MOST_COPIES) * RUNGS[LOSSY_RUNG].bytes - RUNGS[0].bytes),
        (0.6, 22_000, RUNGS[0].bytes),
        (0.0, 22_000, 0),
    ] {
        pipeline.expect_loss(percent, false);
        run(&mut pipeline, now, now + held_ms);
        now += held_ms + 100;
        // The counter in the clear grows by a byte at 256 packets.
        let found = largest(run(&mut pipeline, now - 100, now));
        assert!((plain + extra..=plain + extra + 1).contains(&found), "{percent} %: {found}");
    }
}

#[test]
fn on_a_narrow_path_packets_are_longer_and_none_tells_speech_from_mute() {
    for (rung, per_second) in RUNGS.iter().map(|rung| (rung, 1000.0 / f64::from(rung.frame_ms))) {
        let mut pipeline = pipeline(AudioSourceSpec::Tone, false);
        let index = RUNGS.iter().position(|other| other == rung).unwrap() as u8;
        pipeline.shared.rung.store(index, Ordering::Relaxed);
        let spoken = run(&mut pipeline, 0, 12_000);
        pipeline.shared.muted.store(true, Ordering::Relaxed);
        let muted = run(&mut pipeline, 12_000, 24_000);
        assert_eq!((spoken.len(), muted.len()), ((per_second * 12.0) as usize, (per_second * 12.0) as usize), "{rung:?}");
        let size = |frame: &OutgoingFrame| frame.pieces[0].len();
        // The counter in the clear grows by a byte at 8 and at 256 packets, for everybody alike.
        assert!(muted.iter().all(|frame| (size(&spoken[20])..=size(&spoken[20]) + 2).contains(&size(frame))));
        let step = rung.frame_ms * AUDIO_RATE / 1000;
        let stamps: Vec<_> = spoken.iter().chain(&muted).map(|frame| frame.timestamp).collect();
        assert!(stamps.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step));
    }
}

#[test]
fn what_was_played_meanwhile_never_keeps_a_packet_from_leaving() {
    let mut pipeline = pipeline(AudioSourceSpec::None, false);
    let (mut speaker, mut end) = playback_ring(AUDIO_RATE, 1, Arc::default());
    let (taps, reader) = far_end();
    taps.put(end.take_far_end().unwrap());
    pipeline.far_ends = Some(reader);
    play(&mut speaker, &mut [0.0f32; 30 * BLOCK]);
    assert_eq!(run(&mut pipeline, 0, 1).len(), 1);
    let tap = pipeline.far_end.as_mut().unwrap();
    let left = std::iter::from_fn(|| tap.next(&mut [0.0; BLOCK]).then_some(())).count();
    assert_eq!(left, 30 - MOST_FAR_END);
}

#[test]
fn a_wrong_file_is_told_before_anything_starts() {
    let error = AudioSource::open(AudioSourceSpec::File("/nowhere/speech.wav".into()), &mpsc::channel(1).0);
    assert!(error.err().unwrap().to_string().contains("cannot be opened"));
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
    assert!(speech.len() > 150, "{} packets in {OBSERVED_MS} ms", speech.len());
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

impl AudioSend {
    fn shared_level(&self) -> f32 {
        f32::from_bits(self.shared.level.load(Ordering::Relaxed))
    }
}
