//! The way of sound out: source, mute, processing, encode, seal, leave in a steady rhythm; fifty times a second, or less often on a narrow
//! path, whatever happens.

mod departures;
mod pipeline;
mod rhythm;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::allocation::Share;
use super::audio_source::{AudioSource, AudioSourceSpec, SoundError};
use super::clock::MediaTime;
use super::echo::VoiceProcessing;
use super::events::MediaEvents;
use super::level::Level;
use super::packet::OutgoingFrame;
use super::priority::{self, Work};
use super::slot::{SlotReader, SlotWriter, Taken, slot};
use super::speaker::FarEnd;
use crate::e2ee::Sealer;

pub use departures::Departure;
use departures::departures;
pub use pipeline::AudioSend;

/// What a sender needs.
pub struct AudioSendConfig {
    pub sealer: Sealer,
    pub source: AudioSourceSpec,
    /// Mute is state of the program: it holds from the first sample on.
    pub muted: bool,
    /// Applied to microphones only.
    pub processing: VoiceProcessing,
    /// What our speaker plays, see [`far_end`](super::speaker::far_end).
    pub far_end: Option<SlotReader<FarEnd>>,
    /// Full: the packet is dropped and counted, like one that the link loses.
    pub out: mpsc::Sender<OutgoingFrame>,
    pub events: MediaEvents,
}

/// Sound on its way to the peer. Dropping it closes the microphone.
pub struct AudioSender {
    shared: Arc<Shared>,
    /// The newest source counts.
    sources: Option<SlotWriter<AudioSource>>,
    processing: SlotWriter<VoiceProcessing>,
    events: MediaEvents,
    /// What makes packets, and what lets them leave.
    threads: Vec<JoinHandle<()>>,
}

/// What was sent since the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AudioSendStats {
    pub packets: u64,
    /// Bytes of sealed payload.
    pub bytes: u64,
    /// Packets that the transport had no room for.
    pub dropped: u64,
    /// How loud the last half second was.
    pub level_dbfs: f32,
    /// How loud all was that was sent.
    pub loudness: Level,
}

#[derive(Default)]
struct Shared {
    begun: AtomicBool,
    muted: AtomicBool,
    /// A muted microphone stays open.
    held: AtomicBool,
    /// Percent: the bits of an `f32`.
    expected_loss: AtomicU32,
    loss_in_runs: AtomicBool,
    /// The step that the path allows, the copies, and whether it has room to spare for one.
    rung: AtomicU8,
    most_copies: AtomicU8,
    spare: AtomicBool,
    packets: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    /// The bits of an `f32`.
    level: AtomicU32,
    /// Of all that was sent: the bits of an `f64`, and samples.
    square_sum: AtomicU64,
    metered: AtomicU64,
}

impl Shared {
    fn expect_loss(&self, percent: f64, in_runs: bool) {
        self.expected_loss.store((percent as f32).to_bits(), Ordering::Relaxed);
        self.loss_in_runs.store(in_runs, Ordering::Relaxed);
    }

    fn follow(&self, Share { rung, copies, spare, .. }: Share) {
        self.rung.store(rung as u8, Ordering::Relaxed);
        self.most_copies.store(copies as u8, Ordering::Relaxed);
        self.spare.store(spare, Ordering::Relaxed);
    }

    /// Of all that was sent so far. Only one thread adds.
    fn loudness(&self) -> Level {
        let square_sum = f64::from_bits(self.square_sum.load(Ordering::Relaxed));
        Level { square_sum, samples: self.metered.load(Ordering::Relaxed) }
    }

    fn add_loudness(&self, pcm: &[f32]) {
        let mut loudness = self.loudness();
        loudness.add(pcm);
        self.square_sum.store(loudness.square_sum.to_bits(), Ordering::Relaxed);
        self.metered.store(loudness.samples, Ordering::Relaxed);
    }

    fn count_dropped(&self, dropped: bool) {
        self.dropped.fetch_add(u64::from(dropped), Ordering::Relaxed);
    }
}

impl AudioSender {
    /// Opens the source; nothing leaves before [`begin`](Self::begin). Fails if the file cannot be used; a microphone that cannot
    /// be opened is an event instead.
    pub fn prepare(config: AudioSendConfig) -> Result<Self, SoundError> {
        let (sources, source_reader) = slot();
        let (processing, processing_reader) = slot();
        let (out, events) = (config.out.clone(), config.events.clone());
        let mut pipeline = AudioSend::new(config, MediaTime::now(), Instant::now())?;
        pipeline.wishes = Some(processing_reader);
        let shared = pipeline.shared.clone();
        let (departures, gate) = departures(out, shared.clone())?;
        let thread = thread::Builder::new().name("audio send".into()).spawn(move || {
            priority::raise(Work::Sound);
            let mut wait = Duration::ZERO;
            loop {
                match source_reader.wait(wait) {
                    Taken::Value(source) => pipeline.set_source(source),
                    Taken::Nothing => {}
                    Taken::Closed => return,
                }
                while let Some(packet) = pipeline.step(MediaTime::now()) {
                    pipeline.shared.count_dropped(departures.try_send(packet).is_err());
                }
                wait = pipeline.source.wait(MediaTime::now());
            }
        })?;
        Ok(Self { shared, sources: Some(sources), processing, events, threads: vec![thread, gate] })
    }

    /// Sends from now on.
    pub fn begin(&self) {
        self.shared.begun.store(true, Ordering::Relaxed);
    }

    /// Takes sound from another source from now on. The seal and its counter go on.
    pub fn set_source(&self, spec: AudioSourceSpec) -> Result<(), SoundError> {
        let source = AudioSource::open(spec, &self.events)?;
        self.sources.as_ref().expect("it is there until the drop").put(source);
        Ok(())
    }

    /// Processes the microphone otherwise from the next packet on.
    pub fn set_processing(&self, processing: VoiceProcessing) {
        self.processing.put(processing);
    }

    /// Mutes at once: not one more sample is processed. Packets go on, of the same size and rhythm.
    pub fn set_muted(&self, muted: bool) {
        self.shared.muted.store(muted, Ordering::Relaxed);
    }

    /// Keeps a muted microphone open, for somebody who talks while a key is held. What it hears is dropped as ever.
    pub fn hold_open(&self, held: bool) {
        self.shared.held.store(held, Ordering::Relaxed);
    }

    /// Tells how many packets in a hundred get lost by chance, so that the next ones carry more of those before, and whether several in a row do.
    pub fn set_expected_loss(&self, percent: f64, in_runs: bool) {
        self.shared.expect_loss(percent, in_runs);
    }

    /// Tells what the path allows.
    pub fn set_share(&self, share: Share) {
        self.shared.follow(share);
    }

    /// What was sent since the start.
    pub fn stats(&self) -> AudioSendStats {
        AudioSendStats {
            packets: self.shared.packets.load(Ordering::Relaxed),
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            level_dbfs: f32::from_bits(self.shared.level.load(Ordering::Relaxed)),
            loudness: self.shared.loudness(),
        }
    }
}

impl Drop for AudioSender {
    fn drop(&mut self) {
        self.sources = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
