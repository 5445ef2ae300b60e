//! Where the sound that we receive goes, 10 ms at a time and in real time, whatever the sink is.

use std::path::PathBuf;
use std::time::Duration;

use rtrb::Producer;

use super::audio_source::SoundError;
use super::clock::MediaTime;
use super::cushion::Cushion;
use super::events::{MediaEvent, MediaEvents};
use super::opus::BLOCK;
use super::slot::SlotWriter;
use super::sound_devices::Side;
use super::sound_keeper::SoundKeeper;
use super::speaker::{self, FarEnd, SpeakerEnd};
use super::wav::WavSink;

/// Where to play.
#[derive(Debug)]
pub enum AudioSinkSpec {
    /// Nowhere. Everything else happens as if it were heard.
    None,
    /// Into a WAV file, in real time.
    File(PathBuf),
    /// The speaker of that name, or the system's default one.
    Speaker(Option<String>),
    /// Into another pipeline: Echo. See [`delay_line`](super::audio_source::delay_line).
    Push(Producer<f32>),
}

/// A sink that runs.
pub(super) struct AudioSink {
    kind: Kind,
    /// When the next block begins, where no device asks for it.
    next: Option<MediaTime>,
    events: MediaEvents,
}

enum Kind {
    Nowhere,
    File(Box<WavSink>),
    Speaker(Box<LiveSpeaker>),
    Push(Producer<f32>),
}

struct LiveSpeaker {
    keeper: SoundKeeper<SpeakerEnd>,
    end: Option<SpeakerEnd>,
    cushion: Cushion,
    /// When its callback was last seen to have taken something.
    drained: Option<MediaTime>,
    far_end: Option<SlotWriter<FarEnd>>,
}

const BLOCK_TIME: Duration = Duration::from_millis(10);
/// A sink this far behind real time has stood still: what was missed is not made up for.
const STOOD_STILL: Duration = Duration::from_millis(200);

impl AudioSink {
    /// Makes a file at once, so that a wrong path is told at once; a speaker opens meanwhile.
    pub fn open(spec: AudioSinkSpec, far_end: Option<SlotWriter<FarEnd>>, events: &MediaEvents) -> Result<Self, SoundError> {
        let kind = match spec {
            AudioSinkSpec::None => Kind::Nowhere,
            AudioSinkSpec::File(path) => Kind::File(Box::new(WavSink::create(&path)?)),
            AudioSinkSpec::Push(line) => Kind::Push(line),
            AudioSinkSpec::Speaker(name) => {
                let keeper = SoundKeeper::start(Side::Speaker, speaker::open, events.clone())?;
                keeper.open(name);
                Kind::Speaker(Box::new(LiveSpeaker { keeper, end: None, cushion: Cushion::default(), drained: None, far_end }))
            }
        };
        Ok(Self { kind, next: None, events: events.clone() })
    }

    /// Plays from `name` on, if this is a speaker.
    pub fn set_speaker(&mut self, name: Option<String>) {
        if let Kind::Speaker(speaker) = &mut self.kind {
            speaker.keeper.open(name);
        }
    }

    /// Sound that is written now is heard: not so while a speaker opens.
    pub fn is_ready(&mut self, now: MediaTime) -> bool {
        match &mut self.kind {
            Kind::Speaker(speaker) => {
                speaker.look();
                speaker.wants(now).is_some()
            }
            _ => true,
        }
    }

    /// Whether it is time for another block.
    pub fn wants(&mut self, now: MediaTime) -> bool {
        if let Kind::Speaker(speaker) = &mut self.kind {
            speaker.look();
            if let Some(wants) = speaker.wants(now) {
                self.next = Some(now);
                return wants;
            }
        }
        let next = self.next.filter(|next| now.since(*next) < STOOD_STILL).unwrap_or(now);
        self.next = Some(next);
        now >= next
    }

    /// When the block that is wanted now is due: the clock of the sink, which runs evenly however late somebody looks.
    pub fn due(&self, now: MediaTime) -> MediaTime {
        match &self.kind {
            Kind::Speaker(speaker) if speaker.drained.is_some() => {
                let waiting = speaker.end.as_ref().map_or(Duration::ZERO, SpeakerEnd::waiting);
                (now + waiting) - speaker.cushion.ahead()
            }
            _ => self.next.unwrap_or(now),
        }
    }

    /// Plays one block, and says when its first sample is heard.
    pub fn write(&mut self, now: MediaTime, block: &[f32; BLOCK]) -> MediaTime {
        let begin = self.next.unwrap_or(now);
        self.next = Some(begin + BLOCK_TIME);
        match &mut self.kind {
            Kind::Nowhere => begin,
            Kind::Push(line) => {
                let _ = line.push_partial_slice(block);
                begin
            }
            Kind::File(file) => {
                if let Err(error) = file.write(block) {
                    self.stop_file(&error);
                }
                begin
            }
            Kind::Speaker(speaker) => match &mut speaker.end {
                Some(end) if speaker.drained.is_some() => {
                    let heard = now + end.waiting() + end.health().latency();
                    end.write(block);
                    heard
                }
                _ => begin,
            },
        }
    }

    /// How long to wait before asking again.
    pub fn wait(&self, now: MediaTime) -> Duration {
        match &self.kind {
            Kind::Speaker(speaker) if speaker.drained.is_some() => {
                let waiting = speaker.end.as_ref().map_or(Duration::ZERO, SpeakerEnd::waiting);
                waiting.saturating_sub(speaker.cushion.ahead()).max(Duration::from_millis(1))
            }
            _ => self.next.map_or(Duration::ZERO, |next| next.since(now)),
        }
    }

    fn stop_file(&mut self, error: &std::io::Error) {
        self.kind = Kind::Nowhere;
        let text = format!("playing into the sound file stopped: {error}; free some space, or choose another file");
        let _ = self.events.try_send(MediaEvent::FileLost { text });
    }
}

impl LiveSpeaker {
    /// Takes over a speaker that was opened, lets go of one that failed.
    fn look(&mut self) {
        self.end.take_if(|end| end.health().failed());
        if let Some(mut end) = self.keeper.take() {
            // A start from empty would pull two blocks at once out of the jitter buffer.
            end.write(&[0.0; 2 * BLOCK]);
            if let (Some(far_end), Some(tap)) = (&self.far_end, end.take_far_end()) {
                far_end.put(tap);
            }
            self.end = Some(end);
            self.drained = None;
        }
    }

    /// Whether the callback has taken so much that it needs more; `None` if it takes nothing: a system may open a
    /// speaker and let it rest for a second, and sound must not pile up meanwhile.
    fn wants(&mut self, now: MediaTime) -> Option<bool> {
        let end = self.end.as_ref()?;
        self.cushion.look(now, end.health().glitches());
        let wants = end.waiting() < self.cushion.ahead();
        if wants {
            self.drained = Some(now);
        }
        self.drained.take_if(|drained| now.since(*drained) > STOOD_STILL);
        self.drained.map(|_| wants)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> MediaTime {
        MediaTime(1_700_000_000_000_000) + Duration::from_millis(ms)
    }

    #[test]
    fn a_file_takes_as_much_sound_as_time_goes_by() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("played.wav");
        let mut sink = AudioSink::open(AudioSinkSpec::File(path.clone()), None, &tokio::sync::mpsc::channel(1).0).unwrap();
        for ms in (0..=1000).step_by(7) {
            while sink.wants(at(ms)) {
                sink.write(at(ms), &[0.25; BLOCK]);
            }
        }
        drop(sink);
        assert_eq!(hound::WavReader::open(path).unwrap().duration(), 100 * BLOCK as u32);
    }

    #[test]
    fn after_a_standstill_what_was_missed_is_not_made_up_for() {
        let mut sink = AudioSink::open(AudioSinkSpec::None, None, &tokio::sync::mpsc::channel(1).0).unwrap();
        let mut blocks = 0;
        for ms in [0, 5000] {
            while sink.wants(at(ms)) {
                assert_eq!(sink.write(at(ms), &[0.0; BLOCK]), at(ms));
                blocks += 1;
            }
        }
        assert_eq!(blocks, 2);
    }
}
