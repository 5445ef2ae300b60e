//! Writes down what somebody on the cable sees of the sound of a call while a person speaks, pauses and mutes themselves.
//!
//! `./dev speech` runs it, and then `tests/speech_leak.py`, which tries to tell from it when that person spoke.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use vesper::media::wav::{WavSink, WavSource};

use crate::lab::Lab;
use crate::lab::packet::Packet;
use crate::lab::people::People;
use crate::lab::quality::Quality;
use crate::lab::vesper::Vesper;

const RATE: u32 = 48_000;
/// SSRC of the caller's sound, in the clear before SRTP's ciphertext.
const SOUND: [u8; 4] = [0, 0, 0, 0x11];

/// Holds the call that the environment describes, and writes down what was seen of it. It lasts as long as the call.
pub fn write_down() {
    let folder = std::env::var("VESPER_SPEECH_FOLDER").expect("a folder to write to");
    let seconds: u32 = std::env::var("VESPER_SPEECH_SECONDS").expect("how long").parse().unwrap();
    let folder = Path::new(&folder);
    let (people, lab) = (People::meet().expect("this needs the lab"), Lab::up(Quality::CLEAN).expect("this needs the lab"));
    let voice = match std::env::var("VESPER_SPEECH_WAV") {
        Ok(path) if !path.is_empty() => path.into(),
        _ => folder.join("voice.wav"),
    };
    if !voice.exists() {
        speak(&voice, seconds + 5);
    }
    let mut bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
    let mic = format!("file:{}", voice.display());
    let arguments = ["call", &people.bob.key, "--camera", "none", "--speaker", "none", "--mic", &mic];
    let mut alice = Vesper::start(Some(&lab.a), &people.alice.folder, arguments);
    let mine = |packet: &Packet| packet.is_srtp() && packet.payload.get(8..12) == Some(&SOUND);
    let first = lab.cable.wait_for(mine).at;
    bob.wait("first_audio");

    // Muted for five seconds in every seventeen, control running all the while.
    let mut mutes = String::from("at_us,on\n");
    let end = first + Duration::from_secs(seconds.into());
    let mut next = first + Duration::from_secs(12);
    let mut on = false;
    while next < end {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        on = !on;
        alice.say(if on { "mute on" } else { "mute off" });
        writeln!(mutes, "{},{}", first.elapsed().as_micros(), u8::from(on)).unwrap();
        next += Duration::from_secs(if on { 5 } else { 12 });
    }
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    alice.say("hangup");
    let ended = [alice.end(), bob.end()];
    assert!(ended.iter().all(|ended| ended.code == Some(0)), "{ended:#?}");

    let mut packets = String::from("at_us,bytes\n");
    for packet in lab.cable.seen().iter().filter(|packet| mine(packet)) {
        writeln!(packets, "{},{}", (packet.at - first).as_micros(), packet.payload.len()).unwrap();
    }
    std::fs::write(folder.join("packets.csv"), packets).unwrap();
    std::fs::write(folder.join("mutes.csv"), mutes).unwrap();
    std::fs::write(folder.join("voice.csv"), loudness(&voice, seconds + 5)).unwrap();
}

/// Syllables of a gliding voice in phrases of half a second to three, and pauses of a third to two.
fn speak(path: &Path, seconds: u32) {
    let mut random = 0x9e37_79b9_u32;
    let mut dice = move || {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random as f32 / u32::MAX as f32
    };
    let mut wav = WavSink::create(path).unwrap();
    let mut left = seconds * RATE;
    let (mut speaking, mut phase) = (false, 0.0f32);
    while left > 0 {
        speaking = !speaking;
        let length = if speaking { 0.5 + dice() * 2.5 } else { 0.35 + dice() * 1.65 };
        let samples = ((length * RATE as f32) as u32).min(left);
        left -= samples;
        let (pitch, pace) = (90.0 + dice() * 140.0, 3.0 + dice() * 3.0);
        let sound: Vec<f32> = (0..samples)
            .map(|at| {
                let t = at as f32 / RATE as f32;
                phase = (phase + (pitch + 20.0 * (t * 5.0).sin()) / RATE as f32).fract();
                let syllable = (t * pace * std::f32::consts::TAU).sin().max(0.1);
                let voiced: f32 = (1..12).map(|n| (phase * n as f32 * std::f32::consts::TAU).sin() * 0.12 / n as f32).sum();
                let breath = (dice() - 0.5) * 0.02;
                // A room is never quite silent.
                if speaking { voiced * syllable + breath } else { breath * 0.05 }
            })
            .collect();
        wav.write(&sound).unwrap();
    }
}

/// How loud each 20 ms of the voice are, in a loop as the microphone has it.
fn loudness(path: &Path, seconds: u32) -> String {
    let mut source = WavSource::open(path).unwrap();
    let mut lines = String::from("rms\n");
    let mut frame = [0.0f32; 960];
    for _ in 0..seconds * 50 {
        source.fill(&mut frame);
        let rms = (frame.iter().map(|sample| sample * sample).sum::<f32>() / 960.0).sqrt();
        writeln!(lines, "{rms}").unwrap();
    }
    lines
}
