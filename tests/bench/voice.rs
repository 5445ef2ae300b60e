//! What the microphone hears: a voice made of pulses and formants, with syllables, hisses and pauses.
//!
//! It speaks no language, but has what a codec and a measure of speech look at: a pitch that moves, four resonances that glide from
//! vowel to vowel (Peterson and Barney 1952), noise where there is no voice, and silence between phrases.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use vesper::media::wav::WavSource;

use crate::Failure;
use crate::lab::dice::Dice;

const RATE: u32 = 48_000;
const SECONDS: u32 = 12;
/// Goes up with every change of the sound, so that an older file is not taken for this one.
const VERSION: u32 = 1;
/// How loud the voice is, as a share of full scale: -24 dBFS on average.
const LOUDNESS: f64 = 0.063;

/// Resonances of ten vowels, Hz; the fourth is the same for all.
const VOWELS: [[f64; 4]; 10] = [
    [270.0, 2290.0, 3010.0, 3600.0],
    [390.0, 1990.0, 2550.0, 3600.0],
    [530.0, 1840.0, 2480.0, 3600.0],
    [660.0, 1720.0, 2410.0, 3600.0],
    [730.0, 1090.0, 2440.0, 3600.0],
    [570.0, 840.0, 2410.0, 3600.0],
    [440.0, 1020.0, 2240.0, 3600.0],
    [300.0, 870.0, 2240.0, 3600.0],
    [640.0, 1190.0, 2390.0, 3600.0],
    [490.0, 1350.0, 1690.0, 3600.0],
];
const BANDWIDTHS: [f64; 4] = [70.0, 100.0, 140.0, 200.0];

/// The voice that is made here, in `folder`, where it stays for the next time.
pub fn made(folder: &Path) -> Result<PathBuf, Failure> {
    let path = folder.join(format!("voice-{VERSION}.wav"));
    if !path.exists() {
        let unfinished = path.with_extension("unfinished");
        write(&unfinished, &speak(SECONDS * RATE))?;
        std::fs::rename(unfinished, &path)?;
    }
    Ok(path)
}

/// Speech that somebody brought, as 48 kHz mono in `folder`.
pub fn brought(path: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let mut source = WavSource::open(path)?;
    let file = WavReader::open(path)?;
    let samples = u64::from(file.duration()) * u64::from(RATE) / u64::from(file.spec().sample_rate);
    let mut sound = vec![0.0; samples as usize];
    source.fill(&mut sound);
    let copy = folder.join("speech.wav");
    write(&copy, &sound)?;
    Ok(copy)
}

fn write(path: &Path, sound: &[f32]) -> Result<(), Failure> {
    let spec = WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec)?;
    for sample in sound {
        writer.write_sample((sample * 32_767.0) as i16)?;
    }
    Ok(writer.finalize()?)
}

/// One formant: a resonator of two poles (Klatt 1980).
#[derive(Default)]
struct Resonator([f64; 2]);

impl Resonator {
    fn step(&mut self, input: f64, hz: f64, bandwidth: f64) -> f64 {
        let radius = (-std::f64::consts::PI * bandwidth / f64::from(RATE)).exp();
        let (b, c) = (2.0 * radius * (TAU * hz / f64::from(RATE)).cos(), -radius * radius);
        let output = (1.0 - b - c) * input + b * self.0[0] + c * self.0[1];
        self.0 = [output, self.0[0]];
        output
    }
}

/// A piece of speech: how long it is and what is in it.
struct Piece {
    samples: u32,
    voiced: f64,
    hiss: f64,
    vowel: [f64; 4],
}

/// `samples` of speech, beginning and ending in silence.
fn speak(samples: u32) -> Vec<f32> {
    let mut dice = Dice::new(1980);
    let mut sound = Vec::with_capacity(samples as usize);
    let (mut formants, mut breath) = (<[Resonator; 4]>::default(), <[Resonator; 2]>::default());
    let (mut now, mut voiced, mut hiss, mut phase, mut pitch) = (VOWELS[8], 0.0, 0.0, 0.0, 118.0);
    for piece in phrases(&mut dice, samples) {
        let aim = 96.0 + 46.0 * dice.uniform();
        for at in 0..piece.samples {
            // All moves towards what the piece asks for, as quickly as a mouth does.
            let (slow, quick) = (1.0 / 1900.0, 1.0 / 420.0);
            voiced += (piece.voiced - voiced) * quick;
            hiss += (piece.hiss - hiss) * quick;
            pitch += (aim - pitch) * slow / 3.0;
            now.iter_mut().zip(piece.vowel).for_each(|(now, aim)| *now += (aim - *now) * slow);
            let trembling = 1.0 + 0.012 * (TAU * 5.2 * f64::from(at) / f64::from(RATE)).sin() + 0.004 * dice.normal();
            phase = (phase + pitch * trembling / f64::from(RATE)).fract();
            let source = voiced * (pulse(phase) + 0.02 * dice.normal());
            let voice =
                formants.iter_mut().zip(now).zip(BANDWIDTHS).fold(source, |sound, ((it, hz), width)| it.step(sound, hz, width));
            let [low, high] = &mut breath;
            let noise = dice.normal();
            let breathed = hiss * (low.step(noise, 3200.0, 900.0) + 0.7 * high.step(noise, 5800.0, 1500.0));
            sound.push(voice + 0.35 * breathed);
        }
    }
    let power: f64 = sound.iter().map(|sample| sample * sample).sum::<f64>() / sound.len() as f64;
    let gain = LOUDNESS / power.sqrt();
    sound.iter().map(|sample| (sample * gain).clamp(-0.9, 0.9) as f32).collect()
}

/// Flow through the vocal folds, as its change: opens slowly, closes at once (after Rosenberg 1971).
fn pulse(phase: f64) -> f64 {
    match phase {
        opening if opening < 0.4 => 0.5 * (std::f64::consts::PI * opening / 0.4).sin() * 0.6,
        closing if closing < 0.56 => -(std::f64::consts::PI * (closing - 0.4) / 0.32).sin() * 1.5,
        _ => 0.0,
    }
}

/// Phrases of syllables with pauses between, filling `samples` to the end.
fn phrases(dice: &mut Dice, samples: u32) -> Vec<Piece> {
    let ms = |ms: f64| (ms * f64::from(RATE) / 1000.0) as u32;
    let mut pieces = Vec::new();
    let mut left = samples;
    let mut say = |samples: u32, voiced, hiss, vowel| {
        let samples = samples.min(left);
        left -= samples;
        pieces.push(Piece { samples, voiced, hiss, vowel });
        left
    };
    loop {
        let vowel = |dice: &mut Dice| VOWELS[(dice.uniform() * VOWELS.len() as f64) as usize];
        let next = vowel(dice);
        say(ms(120.0 + 330.0 * dice.uniform()), 0.0, 0.0, next);
        for _ in 0..5 + (dice.uniform() * 9.0) as u32 {
            let next = vowel(dice);
            match (dice.uniform() * 4.0) as u32 {
                0 => say(ms(60.0 + 60.0 * dice.uniform()), 0.0, 1.0, next),
                1 => say(ms(35.0 + 30.0 * dice.uniform()), 0.05, 0.0, next),
                2 => say(ms(40.0 + 30.0 * dice.uniform()), 0.4, 0.25, next),
                _ => say(ms(30.0), 0.6, 0.0, next),
            };
            let loud = 0.7 + 0.3 * dice.uniform();
            if say(ms(90.0 + 130.0 * dice.uniform()), loud, 0.0, next) < ms(400.0) {
                say(u32::MAX, 0.0, 0.0, next);
                return pieces;
            }
        }
    }
}
