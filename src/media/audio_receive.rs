//! The way of sound in: a thread around [`AudioReceivePipeline`].

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::audio_playout::AudioReceivePipeline;
use super::audio_sink::AudioSinkSpec;
use super::audio_source::SoundError;
use super::clock::{AUDIO_RATE, MediaTime};
use super::clock_offset::ClockOffset;
use super::events::MediaEvents;
use super::level::FLOOR_DBFS;
use super::lip_sync::LipSync;
use super::packet::IncomingPacket;
use super::priority::{self, Work};
use super::slot::{SlotWriter, slot};
use super::speaker::FarEnd;
use crate::e2ee::Opener;

/// The longest that the thread sleeps: it looks for its end as often.
const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// Packets that are taken in one go.
const AT_ONCE: usize = 64;

/// What a receiver needs.
pub struct AudioReceiveConfig {
    pub opener: Opener,
    pub packets: Receiver<IncomingPacket>,
    pub sink: AudioSinkSpec,
    /// A WAV file that gets everything that is played, whatever the sink is.
    pub record: Option<PathBuf>,
    /// Where the echo canceller learns what the speaker plays, see [`far_end`](super::speaker::far_end).
    pub far_end: Option<SlotWriter<FarEnd>>,
    pub clock_offset: Arc<ClockOffset>,
    /// Shared with the pictures' pipeline.
    pub lip_sync: Arc<LipSync>,
    pub events: MediaEvents,
}

/// Sound on its way from the peer. Dropping it closes the speaker.
pub struct AudioReceiver {
    shared: Arc<Shared>,
    speakers: SlotWriter<Option<String>>,
    thread: Option<JoinHandle<()>>,
}

/// What was received since the start. Samples are at 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AudioReceiveStats {
    /// Packets that opened.
    pub packets: u64,
    /// Bytes of sealed payload, whether it opened or not.
    pub bytes: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Samples played since the first packet's, and of them those made by concealment or stretching. Time in which the
    /// peer said that it is muted counts for neither.
    pub played_samples: u64,
    pub concealed_samples: u64,
    /// Samples made by stretching alone.
    pub stretched_samples: u64,
    /// Samples that were lost and came back from a copy in a later packet.
    pub recovered_samples: u64,
    /// How long the jitter buffer holds sound back now, and how long it means to.
    pub jitter_buffer_ms: u32,
    pub jitter_target_ms: u32,
    /// How much later the sound is heard than the picture of the same moment is seen; nothing while one of them is not there.
    pub av_offset_ms: Option<f32>,
    /// How loud the last half second was.
    pub level_dbfs: f32,
    pub playing: Option<Playing>,
}

/// Which sound is heard when: what lip sync and the delay from mouth to ear are computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playing {
    /// Capture time of a sample, 48 kHz on the peer's media clock.
    pub captured: u32,
    /// When that sample is heard, 48 kHz on our media clock.
    pub heard: u32,
}

impl Playing {
    /// Milliseconds from mouth to ear, if the peer's clock is `offset_us` ahead of ours.
    pub fn latency_ms(&self, offset_us: i64) -> f64 {
        let offset = (offset_us as f64 * f64::from(AUDIO_RATE) / 1e6).round() as i64 as u32;
        let ticks = self.heard.wrapping_add(offset).wrapping_sub(self.captured) as i32;
        f64::from(ticks) * 1000.0 / f64::from(AUDIO_RATE)
    }
}

/// What the pipeline counts, for whoever looks.
pub(super) struct Shared {
    pub stop: AtomicBool,
    pub peer_muted: AtomicBool,
    pub packets: AtomicU64,
    pub bytes: AtomicU64,
    pub late: AtomicU64,
    pub played: AtomicU64,
    pub concealed: AtomicU64,
    pub stretched: AtomicU64,
    pub recovered: AtomicU64,
    pub jitter_ms: AtomicU32,
    pub target_ms: AtomicU32,
    /// The bits of an `f32`.
    pub level: AtomicU32,
    /// The bits of an `f32`; no number while it is not known.
    pub av_offset: AtomicU32,
    /// `captured << 32 | heard`, so that the two are never of different moments; zero before the first sound.
    pub playing: AtomicU64,
}

impl Default for Shared {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            stop: AtomicBool::new(false),
            peer_muted: AtomicBool::new(false),
            packets: zero(),
            bytes: zero(),
            late: zero(),
            played: zero(),
            concealed: zero(),
            stretched: zero(),
            recovered: zero(),
            jitter_ms: AtomicU32::new(0),
            target_ms: AtomicU32::new(0),
            level: AtomicU32::new(FLOOR_DBFS.to_bits()),
            av_offset: AtomicU32::new(f32::NAN.to_bits()),
            playing: zero(),
        }
    }
}

impl AudioReceiver {
    /// Starts to play. Fails if a file cannot be made; a speaker that cannot be opened is an event instead.
    pub fn start(config: AudioReceiveConfig) -> Result<Self, SoundError> {
        let (speakers, speaker_reader) = slot();
        let (mut pipeline, packets) = AudioReceivePipeline::new(config, MediaTime::now(), Instant::now())?;
        let shared = pipeline.shared();
        let its = shared.clone();
        let thread = thread::Builder::new().name("audio receive".into()).spawn(move || {
            priority::raise(Work::Sound);
            let mut wait = Duration::ZERO;
            while !its.stop.load(Ordering::Relaxed) {
                match packets.recv_timeout(wait) {
                    Ok(packet) => pipeline.arrive(MediaTime::now(), &packet),
                    Err(RecvTimeoutError::Timeout) => {}
                    // The path may be gone for good; what was received is still played.
                    Err(RecvTimeoutError::Disconnected) => thread::sleep(wait),
                }
                // A thread that is woken late finds several, and none of what they bring is to be made up instead.
                packets.try_iter().take(AT_ONCE).for_each(|packet| pipeline.arrive(MediaTime::now(), &packet));
                pipeline.follow_speaker(&speaker_reader);
                wait = pipeline.play(MediaTime::now()).min(LONGEST_WAIT);
            }
        })?;
        Ok(Self { shared, speakers, thread: Some(thread) })
    }

    /// Plays on another speaker from now on: by name, or the system's default one.
    pub fn set_speaker(&self, name: Option<String>) {
        self.speakers.put(name);
    }

    /// Tells whether the peer says that it is muted: lost silence is no loss.
    pub fn set_peer_muted(&self, muted: bool) {
        self.shared.peer_muted.store(muted, Ordering::Relaxed);
    }

    /// What was received since the start.
    pub fn stats(&self) -> AudioReceiveStats {
        self.shared.stats()
    }
}

impl Drop for AudioReceiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    pub fn stats(&self) -> AudioReceiveStats {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let playing = load(&self.playing);
        AudioReceiveStats {
            packets: load(&self.packets),
            bytes: load(&self.bytes),
            late: load(&self.late),
            played_samples: load(&self.played),
            concealed_samples: load(&self.concealed),
            stretched_samples: load(&self.stretched),
            recovered_samples: load(&self.recovered),
            jitter_buffer_ms: self.jitter_ms.load(Ordering::Relaxed),
            jitter_target_ms: self.target_ms.load(Ordering::Relaxed),
            av_offset_ms: Some(f32::from_bits(self.av_offset.load(Ordering::Relaxed))).filter(|ms| ms.is_finite()),
            level_dbfs: f32::from_bits(self.level.load(Ordering::Relaxed)),
            playing: (playing != 0).then_some(Playing { captured: (playing >> 32) as u32, heard: playing as u32 }),
        }
    }
}
