//! Where the sound that we send comes from, 20 ms at a time and in real time, whatever the source is.

use std::path::PathBuf;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::audio_jitter::FRAME_TIME;
use super::clock::{AUDIO_RATE, MediaTime};
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
    let hold = samples(AUDIO_RATE, delay);
    let (producer, ring) = RingBuffer::new(hold + AUDIO_RATE as usize);
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

/// When 20 ms of sound were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Captured {
    /// Its first sample was in the air.
    pub begin: MediaTime,
    /// Its last sample was there; of a device, when it was found there.
    pub ready: MediaTime,
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
    /// Something came from this end; until then, silence goes on.
    flows: bool,
    /// When the next 20 ms should be there.
    expected: MediaTime,
}

/// A source this far behind real time has stood still: what was missed is skipped.
const STOOD_STILL: Duration = Duration::from_millis(200);
/// How long a microphone may be late before silence stands in.
const GRACE: Duration = Duration::from_millis(40);
/// A microphone's backlog that must have grown while nobody looked, and what is kept of it.
const BACKLOG: Duration = Duration::from_millis(120);
/// How often a microphone is asked whose sound should be there.
const ASK: Duration = Duration::from_millis(2);

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
                Kind::Microphone(LiveMicrophone::new(keeper, name))
            }
        };
        Ok(Self { kind, next: None })
    }

    /// The next 20 ms if they are over by `now`, and when they were taken in.
    pub fn next(&mut self, now: MediaTime, pcm: &mut [f32; FRAME]) -> Option<Captured> {
        let silence_is_due = self.next.is_none_or(|next| now >= next + FRAME_TIME);
        if let Kind::Microphone(microphone) = &mut self.kind
            && let Some(begin) = microphone.fill(now, silence_is_due, pcm)
        {
            self.next = Some(now);
            return Some(Captured { begin, ready: now });
        }
        let begin = self.next.filter(|next| now.since(*next) < STOOD_STILL).unwrap_or(now - FRAME_TIME - self.grace());
        self.next = Some(begin);
        let ready = begin + FRAME_TIME + self.grace();
        if now < ready {
            return None;
        }
        match &mut self.kind {
            Kind::Silence | Kind::Microphone(_) => pcm.fill(0.0),
            Kind::Tone => tone::fill(begin, pcm),
            Kind::File(file) => file.fill(pcm),
            Kind::Push(line) => line.fill(pcm),
        }
        self.next = Some(begin + FRAME_TIME);
        Some(Captured { begin, ready })
    }

    /// How long to wait before asking again.
    pub fn wait(&self, now: MediaTime) -> Duration {
        match &self.kind {
            Kind::Microphone(microphone) if microphone.flows => microphone.expected.since(now).max(ASK),
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
        let flows = matches!(&self.kind, Kind::Microphone(microphone) if microphone.flows);
        if flows { GRACE } else { Duration::ZERO }
    }
}

impl LiveMicrophone {
    fn new(keeper: SoundKeeper<MicrophoneEnd>, name: Option<String>) -> Self {
        Self { keeper, name, open: false, end: None, flows: false, expected: MediaTime::default() }
    }

    fn set_open(&mut self, open: bool) {
        if std::mem::replace(&mut self.open, open) == open {
            return;
        }
        if open {
            self.keeper.open(self.name.clone());
        } else {
            self.keeper.close();
            (self.end, self.flows) = (None, false);
        }
    }

    /// The next 20 ms, and when the first of them was captured. The first of all take the place of the silence that `is_due`, so that
    /// the rhythm of packets does not tell that a microphone was opened.
    fn fill(&mut self, now: MediaTime, is_due: bool, pcm: &mut [f32; FRAME]) -> Option<MediaTime> {
        if let Some(end) = self.keeper.take().filter(|_| self.open) {
            (self.end, self.flows) = (Some(end), false);
        }
        if self.end.take_if(|end| end.health().failed()).is_some() {
            self.flows = false;
        }
        let end = self.end.as_mut().filter(|_| self.flows || is_due)?;
        let most = if self.flows { samples(AUDIO_RATE, BACKLOG) } else { FRAME };
        if end.waiting() > most {
            end.trim(FRAME);
        }
        let captured = now - end.age();
        if !end.fill(pcm) {
            return None;
        }
        let missing = FRAME.saturating_sub(end.waiting()) as f64 / f64::from(AUDIO_RATE);
        (self.flows, self.expected) = (true, now + Duration::from_secs_f64(missing));
        Some(captured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

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
            while let Some(Captured { begin, ready }) = source.next(at(ms), &mut pcm) {
                assert!(last.is_none_or(|last| begin == last + FRAME_TIME) && ready == begin + FRAME_TIME);
                last = Some(begin);
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

    /// A source whose microphone was just opened, and what its callback has.
    fn opened() -> (AudioSource, microphone::CaptureState) {
        let mut source = open(AudioSourceSpec::Microphone(Some("none of that name".into())));
        let (mut state, end) = microphone::capture_ring(AUDIO_RATE, 1, Arc::default());
        microphone::capture(&mut state, &[0.0f32; 480]);
        let Kind::Microphone(microphone) = &mut source.kind else { unreachable!() };
        (microphone.open, microphone.end) = (true, Some(end));
        (source, state)
    }

    #[test]
    fn a_microphone_that_was_opened_falls_into_the_rhythm_of_the_silence_before() {
        let (mut source, mut state) = opened();
        let mut pcm = [0.0; FRAME];
        let (mut ready, mut heard) = (Vec::new(), 0);
        for ms in 0..400 {
            // It delivers 10 ms at a time, at some other moment than silence does.
            if ms >= 53 && ms % 10 == 3 {
                microphone::capture(&mut state, &[0.5f32; 480]);
            }
            while let Some(captured) = source.next(at(ms), &mut pcm) {
                ready.push(captured.ready);
                heard += u32::from(pcm[0] == 0.5);
                assert!(captured.begin < captured.ready);
            }
        }
        let gaps: Vec<u128> = ready.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).collect();
        assert!(gaps.iter().all(|gap| (13..=20).contains(gap)), "{gaps:?}");
        assert!(gaps.iter().filter(|gap| **gap != 20).count() <= 1 && heard >= 15, "{gaps:?}, {heard} heard");
    }

    #[test]
    fn a_microphone_is_asked_when_its_sound_should_be_there_and_then_again_and_again() {
        let (mut source, mut state) = opened();
        let mut pcm = [0.0; FRAME];
        source.next(at(0), &mut pcm).unwrap();
        microphone::capture(&mut state, &[0.5f32; FRAME + 240]);
        source.next(at(20), &mut pcm).unwrap();
        assert_eq!(source.wait(at(20)), Duration::from_millis(20), "more than the newest was dropped");
        microphone::capture(&mut state, &[0.5f32; FRAME + 240]);
        source.next(at(40), &mut pcm).unwrap();
        assert_eq!(source.wait(at(40)), Duration::from_millis(15));
        assert!(source.next(at(55), &mut pcm).is_none());
        assert_eq!(source.wait(at(55)), ASK);
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
