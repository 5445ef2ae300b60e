//! What is heard before a call: the ringtone of an incoming one, the ringback tone of ours, and a sound to try a speaker with.

use std::io::Cursor;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::audio_sink::{AudioSink, AudioSinkSpec};
use super::audio_source::SoundError;
use super::clock::{AUDIO_RATE, MediaTime};
use super::events::MediaEvents;
use super::opus::BLOCK;
use super::resample::Resampler;
use super::slot::{SlotReader, SlotWriter, Taken, slot};

/// Made by `assets/make-ringtone`.
const RINGTONE: &[u8] = include_bytes!("../../assets/ringtone.wav");

/// Which sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ring {
    /// Somebody calls us.
    Incoming,
    /// Their side rings: 425 Hz, one second on and four off (ITU-T E.180, the tone of most of Europe).
    Ringback,
    /// Two soft notes, for somebody who wants to know whether they hear anything.
    Test,
}

/// Rings, over and over, until it is dropped.
pub struct RingPlayer {
    running: Option<SlotWriter<()>>,
    thread: Option<JoinHandle<()>>,
}

impl RingPlayer {
    /// Rings on the speaker of that name, or the default one; the ringtone at `volume` percent. A speaker that cannot be opened
    /// is an event.
    pub fn start(ring: Ring, speaker: Option<String>, volume: u8, events: MediaEvents) -> Result<Self, SoundError> {
        let (running, stopped) = slot();
        let mut sink = AudioSink::open(AudioSinkSpec::Speaker(speaker), None, &events)?;
        let thread = thread::Builder::new().name("ring".into()).spawn(move || play(&sound(ring, volume), &mut sink, &stopped))?;
        Ok(Self { running: Some(running), thread: Some(thread) })
    }
}

impl Drop for RingPlayer {
    fn drop(&mut self) {
        self.running = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn play(sound: &[f32], sink: &mut AudioSink, stopped: &SlotReader<()>) {
    let blocks = sound.as_chunks::<BLOCK>().0;
    let mut next = 0;
    let mut wait = Duration::ZERO;
    while stopped.wait(wait) != Taken::Closed {
        let now = MediaTime::now();
        // A speaker takes a moment to open, and the first note is not to be lost meanwhile.
        while sink.is_ready(now) && sink.wants(now) {
            sink.write(now, &blocks[next % blocks.len()]);
            next += 1;
        }
        wait = sink.wait(now).clamp(Duration::from_millis(1), Duration::from_millis(20));
    }
}

/// One round of it, at 48 kHz.
fn sound(ring: Ring, volume: u8) -> Vec<f32> {
    match ring {
        Ring::Incoming => {
            let mut reader = hound::WavReader::new(Cursor::new(RINGTONE)).expect("the ringtone is a WAV file");
            let mut resampler = Resampler::new(reader.spec().sample_rate, AUDIO_RATE);
            let samples: Vec<f32> =
                reader.samples::<i16>().map_while(Result::ok).map(|sample| f32::from(sample) / 32_768.0).collect();
            let mut sound = Vec::new();
            resampler.process(&samples, &mut sound);
            let gain = gain(volume);
            sound.iter_mut().for_each(|sample| *sample *= gain);
            sound
        }
        Ring::Ringback => ringback(),
        Ring::Test => chime(),
    }
}

/// What a percentage means: ears hear ratios, so half of it is a quarter of the amplitude, 12 dB less.
fn gain(percent: u8) -> f32 {
    let part = f32::from(percent.min(100)) / 100.0;
    part * part
}

/// Two notes, a fourth apart, that fade away, and the rest of three seconds.
fn chime() -> Vec<f32> {
    const NOTES: [(f32, f32); 2] = [(0.05, 659.26), (0.45, 880.0)];
    const LOUDNESS: f32 = 0.25;
    const ATTACK: f32 = 0.01;
    let rate = AUDIO_RATE as f32;
    let sample = |index: usize| {
        let t = index as f32 / rate;
        let notes = NOTES.iter().filter(|(start, _)| t > *start).map(|(start, hertz)| {
            let since = t - start;
            (since * hertz * std::f32::consts::TAU).sin() * (since / ATTACK).min(1.0) * (-since * 5.0).exp()
        });
        notes.sum::<f32>() * LOUDNESS
    };
    (0..3 * AUDIO_RATE as usize).map(sample).collect()
}

fn ringback() -> Vec<f32> {
    const HERTZ: f32 = 425.0;
    const LOUDNESS: f32 = 0.12;
    const EDGE: f32 = 0.02;
    let rate = AUDIO_RATE as f32;
    let mut sound = vec![0.0; 5 * AUDIO_RATE as usize];
    for (index, sample) in sound[..AUDIO_RATE as usize].iter_mut().enumerate() {
        let t = index as f32 / rate;
        let edge = (t.min(1.0 - t) / EDGE).min(1.0);
        *sample = (t * HERTZ * std::f32::consts::TAU).sin() * LOUDNESS * edge;
    }
    sound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sounds_and_then_rests_without_a_click_at_the_seam() {
        for ring in [Ring::Incoming, Ring::Ringback, Ring::Test] {
            let sound = sound(ring, 100);
            assert!(sound.len() >= 3 * AUDIO_RATE as usize);
            assert!(sound.iter().any(|sample| sample.abs() > 0.1));
            assert!(sound.iter().all(|sample| sample.abs() < 0.7));
            assert!((sound[0] - sound[sound.len() - 1]).abs() < 0.01);
        }
    }

    #[test]
    fn the_ringtone_is_as_loud_as_the_person_wants() {
        let loudest = |volume| sound(Ring::Incoming, volume).into_iter().fold(0.0, |most: f32, sample| most.max(sample.abs()));
        assert!((loudest(50) - loudest(100) / 4.0).abs() < 0.001);
        assert_eq!(loudest(0), 0.0);
        assert_eq!(loudest(255), loudest(100));
    }
}
