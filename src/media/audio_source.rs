//! Where the sound that we send comes from, 20 ms at a time and in real time, whatever the source is.

use std::path::PathBuf;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::audio_jitter::FRAME_TIME;
use super::clock::MediaTime;
use super::events::MediaEvents;
use super::microphone::{self, MicrophoneEnd, samples};
use super::opus::{CodecError, FRAME};
use super::sound_devices::Side;
use super::sound_keeper::SoundKeeper;
use super::tone;
use super::wav::{WavError, WavSource};

/// What to send.
#[derive(Debug)]
pub enum AudioSourceSpec {
    /// Silence. It is sealed and sent like any other sound.
    None,
    /// The beep that goes with the test picture's flash.
    Tone,
    /// A WAV file, in a loop.
    File(PathBuf),
    /// The microphone of that name, or the system's default one.
    Microphone(Option<String>),
    /// What another pipeline plays, a while later: Echo.
    Push(DelayedSound),
}

/// Why sound cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    #[error(transparent)]
    Wav(#[from] WavError),
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error("the system refuses another thread; close other programs and try again: {0}")]
    Thread(#[from] std::io::Error),
}

/// The far end of a delay line.
#[derive(Debug)]
pub struct DelayedSound {
    ring: Consumer<f32>,
    /// What has to be in the line before it flows.
    hold: usize,
    flowing: bool,
}

/// Makes a line that sound leaves `delay` after it entered.
///
/// Full (nobody takes what is ready for a second): the newest sound is lost. Empty: silence until it is filled again.
pub fn delay_line(delay: Duration) -> (Producer<f32>, DelayedSound) {
    const RATE: u32 = super::clock::AUDIO_RATE;
    let hold = samples(RATE, delay);
    let (producer, ring) = RingBuffer::new(hold + RATE as usize);
    (producer, DelayedSound { ring, hold, flowing: false })
}

impl DelayedSound {
    fn fill(&mut self, pcm: &mut [f32]) {
        self.flowing |= self.ring.slots() >= self.hold.max(pcm.len());
        if !self.flowing || self.ring.pop_entire_slice(pcm).is_err() {
            self.flowing = false;
            pcm.fill(0.0);
        }
    }
}

/// A source that runs.
pub(super) struct AudioSource {
    kind: Kind,
    /// When the next frame begins.
    next: Option<MediaTime>,
}

enum Kind {
    Silence,
    Tone,
    File(Box<WavSource>),
    Microphone(LiveMicrophone),
    Push(DelayedSound),
}

struct LiveMicrophone {
    keeper: SoundKeeper<MicrophoneEnd>,
    name: Option<String>,
    open: bool,
    end: Option<MicrophoneEnd>,
}

/// A source this far behind real time has stood still: what was missed is skipped.
const STOOD_STILL: Duration = Duration::from_millis(200);
/// How long a microphone may be late before silence stands in.
const GRACE: Duration = Duration::from_millis(40);
/// A microphone's backlog that must have grown while nobody looked, and what is kept of it.
const BACKLOG: Duration = Duration::from_millis(120);
/// How often a microphone is asked.
const ASK: Duration = Duration::from_millis(4);

impl AudioSource {
    /// Opens files at once, so that a wrong one is told at once; a microphone opens while silence is sent.
    pub fn open(spec: AudioSourceSpec, events: &MediaEvents) -> Result<Self, SoundError> {
        let kind = match spec {
            AudioSourceSpec::None => Kind::Silence,
            AudioSourceSpec::Tone => Kind::Tone,
            AudioSourceSpec::File(path) => Kind::File(Box::new(WavSource::open(&path)?)),
            AudioSourceSpec::Push(line) => Kind::Push(line),
            AudioSourceSpec::Microphone(name) => {
                let keeper = SoundKeeper::start(Side::Microphone, microphone::open, events.clone())?;
                Kind::Microphone(LiveMicrophone { keeper, name, open: false, end: None })
            }
        };
        Ok(Self { kind, next: None })
    }

    /// The next 20 ms if they are over by `now`, and when their first sample was captured.
    pub fn next(&mut self, now: MediaTime, pcm: &mut [f32; FRAME]) -> Option<MediaTime> {
        if let Kind::Microphone(microphone) = &mut self.kind
            && let Some(captured) = microphone.fill(now, pcm)
        {
            self.next = Some(now);
            return Some(captured);
        }
        let begin = self.next.filter(|next| now.since(*next) < STOOD_STILL).unwrap_or(now - FRAME_TIME - self.grace());
        self.next = Some(begin);
        if now < begin + FRAME_TIME + self.grace() {
            return None;
        }
        match &mut self.kind {
            Kind::Silence | Kind::Microphone(_) => pcm.fill(0.0),
            Kind::Tone => tone::fill(begin, pcm),
            Kind::File(file) => file.fill(pcm),
            Kind::Push(line) => line.fill(pcm),
        }
        self.next = Some(begin + FRAME_TIME);
        Some(begin)
    }

    /// How long to wait before asking again.
    pub fn wait(&self, now: MediaTime) -> Duration {
        match &self.kind {
            Kind::Microphone(microphone) if microphone.end.is_some() => ASK,
            _ => self.next.map_or(Duration::ZERO, |next| (next + FRAME_TIME).since(now)),
        }
    }

    /// Opens or closes the device, if the source is one.
    pub fn set_open(&mut self, open: bool) {
        if let Kind::Microphone(microphone) = &mut self.kind {
            microphone.set_open(open);
        }
    }

    /// A person speaks into it: it is to be processed and watched.
    pub fn is_microphone(&self) -> bool {
        matches!(self.kind, Kind::Microphone(_))
    }

    /// A microphone is open and delivers.
    pub fn is_live(&self) -> bool {
        matches!(&self.kind, Kind::Microphone(microphone) if microphone.end.is_some())
    }

    fn grace(&self) -> Duration {
        if self.is_live() { GRACE } else { Duration::ZERO }
    }
}

impl LiveMicrophone {
    fn set_open(&mut self, open: bool) {
        if std::mem::replace(&mut self.open, open) == open {
            return;
        }
        if open {
            self.keeper.open(self.name.clone());
        } else {
            self.keeper.close();
            self.end = None;
        }
    }

    fn fill(&mut self, now: MediaTime, pcm: &mut [f32; FRAME]) -> Option<MediaTime> {
        if let Some(end) = self.keeper.take().filter(|_| self.open) {
            self.end = Some(end);
        }
        self.end.take_if(|end| end.health().failed());
        let end = self.end.as_mut()?;
        if end.waiting() > samples(super::clock::AUDIO_RATE, BACKLOG) {
            end.trim(FRAME);
        }
        let captured = now - end.age();
        end.fill(pcm).then_some(captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MediaTime {
        MediaTime(1_700_000_000_000_000) + Duration::from_millis(ms)
    }

    fn open(spec: AudioSourceSpec) -> AudioSource {
        AudioSource::open(spec, &tokio::sync::mpsc::channel(1).0).unwrap()
    }

    #[test]
    fn a_file_runs_in_real_time_without_drift_however_irregularly_it_is_asked() {
        let mut source = open(AudioSourceSpec::Tone);
        let mut pcm = [0.0; FRAME];
        let (mut frames, mut last) = (0, None);
        for ms in (0..10_000).step_by(7) {
            while let Some(captured) = source.next(at(ms), &mut pcm) {
                assert!(last.is_none_or(|last| captured == last + FRAME_TIME));
                last = Some(captured);
                frames += 1;
            }
        }
        assert_eq!(frames, 500);
    }

    #[test]
    fn after_a_standstill_the_past_is_skipped() {
        let mut source = open(AudioSourceSpec::None);
        let mut pcm = [0.0; FRAME];
        assert!(source.next(at(0), &mut pcm).is_some());
        assert!(source.next(at(5000), &mut pcm).is_some());
        assert!(source.next(at(5000), &mut pcm).is_none());
    }

    #[test]
    fn sound_leaves_a_delay_line_a_second_after_it_entered() {
        let (mut line, mut sound) = delay_line(Duration::from_secs(1));
        let mut pcm = [0.0; FRAME];
        for frame in 0..200 {
            line.push_entire_slice(&[(frame + 1) as f32; FRAME]).unwrap();
            sound.fill(&mut pcm);
            let expected = if frame < 49 { 0 } else { frame - 48 };
            assert_eq!(pcm[0], expected as f32);
        }
    }

    #[test]
    fn a_delay_line_that_ran_dry_fills_up_again_first() {
        let (mut line, mut sound) = delay_line(Duration::from_millis(40));
        let mut pcm = [0.0; FRAME];
        line.push_entire_slice(&[1.0; 2 * FRAME]).unwrap();
        for expected in [1.0, 1.0, 0.0] {
            sound.fill(&mut pcm);
            assert_eq!(pcm, [expected; FRAME]);
        }
        line.push_entire_slice(&[2.0; FRAME]).unwrap();
        sound.fill(&mut pcm);
        assert_eq!(pcm, [0.0; FRAME]);
    }
}
