//! How loud a microphone is, without a call: nothing is recorded, and it closes when dropped.

use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};

use super::audio_source::{AudioSource, AudioSourceSpec};
use super::clock::MediaTime;
use super::events::MediaEvent;
use super::level::{DeadMicrophone, Level};
use super::opus::FRAME;
use super::slot::{SlotReader, SlotWriter, Taken, slot};

/// What is told at once: a tenth of a second of sound.
const FRAMES: u32 = 5;

/// What the meter has to tell, from a thread of its own.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// How loud the last tenth of a second was, in decibels of full scale.
    Level(f32),
    /// Nothing is heard: why, and what to do.
    Trouble(String),
    /// The trouble is over.
    Works,
}

/// An open microphone. Dropping it closes the device, which may take a second.
pub struct Meter {
    alive: Option<SlotWriter<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Meter {
    /// Opens `microphone`. `tell` must not block for long.
    pub fn start(microphone: AudioSourceSpec, tell: impl Fn(Heard) + Send + 'static) -> Self {
        let (alive, life) = slot();
        let (events, heard) = channel(4);
        let run = move || match AudioSource::open(microphone, &events) {
            Ok(source) => run(source, &life, heard, tell),
            Err(error) => tell(Heard::Trouble(error.to_string())),
        };
        let thread = Builder::new().name("meter".into()).spawn(run).expect("the system has room for a thread");
        Self { alive: Some(alive), thread: Some(thread) }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.alive = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(mut source: AudioSource, life: &SlotReader<()>, mut heard: Receiver<MediaEvent>, tell: impl Fn(Heard)) {
    let (mut level, mut frames, mut dead) = (Level::default(), 0, DeadMicrophone::default());
    let mut pcm = [0.0; FRAME];
    source.set_open(true);
    let mut wait = Duration::ZERO;
    while life.wait(wait) != Taken::Closed {
        while let Ok(event) = heard.try_recv() {
            match event {
                MediaEvent::SourceLost { text, .. } => tell(Heard::Trouble(text)),
                MediaEvent::SourceBack { .. } => tell(Heard::Works),
                _ => {}
            }
        }
        while source.next(MediaTime::now(), &mut pcm).is_some() {
            // Silence that stands in for a device that is not open yet says nothing of it.
            if source.is_microphone() && !source.is_live() {
                continue;
            }
            if source.is_microphone() && dead.look(MediaTime::now(), &pcm) {
                tell(Heard::Trouble(DEAD.into()));
            }
            level.add(&pcm);
            frames += 1;
            if frames == FRAMES {
                tell(Heard::Level(level.dbfs()));
                (level, frames) = (Level::default(), 0);
            }
        }
        wait = source.wait(MediaTime::now());
    }
}

const DEAD: &str = "the microphone is on but delivers nothing at all; check its own switch, or choose another one";

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_tone_has_a_level_and_nothing_is_told_after_the_drop() {
        let (tell, told) = channel();
        let meter = Meter::start(AudioSourceSpec::Tone, move |heard| drop(tell.send(heard)));
        // The tone beeps once a second: a tenth of a second of it is loud.
        let loud = |heard| matches!(heard, Heard::Level(dbfs) if dbfs > -40.0);
        while !loud(told.recv_timeout(PATIENCE).unwrap()) {}
        drop(meter);
        while told.try_recv().is_ok() {}
        assert!(told.recv().is_err(), "the thread is gone, and its end of the channel with it");
    }

    #[test]
    fn sound_that_cannot_be_opened_is_told_in_words() {
        let (tell, told) = channel();
        let meter = Meter::start(AudioSourceSpec::File("/nowhere/voice.wav".into()), move |heard| drop(tell.send(heard)));
        let Ok(Heard::Trouble(text)) = told.recv_timeout(PATIENCE) else { panic!("not told") };
        assert!(text.contains("voice.wav"), "{text}");
        drop(meter);
    }
}
