//! The way of sound out: source, mute, processing, encode, seal, leave in a steady rhythm; fifty times a second, or less often on a narrow
//! path, whatever happens.

mod departures;
mod rhythm;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::allocation::{LOSSY_RUNG, RUNGS, Share, sound_kbps};
use super::audio_payload::{Copies, Losses, MOST_COPIES};
use super::audio_source::{AudioSource, AudioSourceSpec, SoundError};
use super::clock::MediaTime;
use super::echo::{VoiceProcessing, VoiceProcessor};
use super::events::{MediaEvent, MediaEvents};
use super::level::{DeadMicrophone, FLOOR_DBFS, Level};
use super::opus::{BLOCK, FRAME, VoiceEncoder};
use super::packet::OutgoingFrame;
use super::priority::{self, Work};
use super::sample_clock::SampleClock;
use super::slot::{SlotReader, SlotWriter, Taken, slot};
use super::speaker::FarEnd;
use crate::e2ee::Sealer;

pub use departures::Departure;
use departures::departures;
use rhythm::Rhythm;

/// How long a muted microphone stays open, for an unmute that follows at once.
const CLOSE_AFTER: Duration = Duration::from_secs(3);
/// Most blocks of what was played that are listened to for each packet: what is played in its time, and as much again.
const MOST_FAR_END: usize = 4;
/// How seldom packets may grow: seldom enough to tell nothing. On a path that carries less they are smaller at once.
const SIZE_HOLD: Duration = Duration::from_secs(5);
/// Copies go along for this long after losses made them worth it: losses that come in bursts are not over between two of them.
const LOSS_HOLD: Duration = Duration::from_secs(15);

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

/// The pipeline, one step a call.
pub struct AudioSend {
    source: AudioSource,
    processor: VoiceProcessor,
    /// How it is to be processed from now on.
    wishes: Option<SlotReader<VoiceProcessing>>,
    far_ends: Option<SlotReader<FarEnd>>,
    far_end: Option<FarEnd>,
    encoder: VoiceEncoder,
    copies: Copies,
    /// What packets are made for, and since when.
    sized_for: (Sizing, Option<MediaTime>),
    /// The most losses of late, and how long that holds.
    losses: (Losses, MediaTime),
    /// What the next packet is made of, and the stamp of its first sample.
    pcm: Vec<f32>,
    stamp: u32,
    sealer: Sealer,
    stamps: SampleClock,
    rhythm: Rhythm,
    muted_since: Option<MediaTime>,
    dead: DeadMicrophone,
    level: Level,
    level_frames: u32,
    events: MediaEvents,
    shared: Arc<Shared>,
    /// The same moment on both clocks.
    epoch: (MediaTime, Instant),
    opus: Vec<u8>,
    payload: Vec<u8>,
}

/// All that the size and the rhythm of packets depend on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sizing {
    rung: usize,
    copies: usize,
}

impl Sizing {
    /// What it takes on the wire.
    fn kbps(self) -> f64 {
        sound_kbps(RUNGS[self.rung], self.copies)
    }
}

impl AudioSend {
    /// Opens the source. Nothing leaves before [`begin`](Self::begin).
    pub fn new(config: AudioSendConfig, now: MediaTime, instant: Instant) -> Result<Self, SoundError> {
        let shared = Arc::new(Shared::default());
        shared.muted.store(config.muted, Ordering::Relaxed);
        shared.level.store(FLOOR_DBFS.to_bits(), Ordering::Relaxed);
        shared.most_copies.store(MOST_COPIES as u8, Ordering::Relaxed);
        Ok(Self {
            source: AudioSource::open(config.source, &config.events)?,
            processor: VoiceProcessor::new(config.processing),
            wishes: None,
            far_ends: config.far_end,
            far_end: None,
            encoder: VoiceEncoder::new()?,
            copies: Copies::default(),
            sized_for: (Sizing::default(), None),
            losses: (Losses::Nothing, now),
            pcm: Vec::new(),
            stamp: 0,
            sealer: config.sealer,
            stamps: SampleClock::default(),
            rhythm: Rhythm::default(),
            muted_since: config.muted.then_some(now - CLOSE_AFTER),
            dead: DeadMicrophone::default(),
            level: Level::default(),
            level_frames: 0,
            events: config.events,
            shared,
            epoch: (now, instant),
            opus: Vec::new(),
            payload: Vec::new(),
        })
    }

    /// As [`AudioSender::begin`].
    pub fn begin(&self) {
        self.shared.begun.store(true, Ordering::Relaxed);
    }

    /// As [`AudioSender::set_expected_loss`].
    pub fn expect_loss(&self, percent: f64, in_runs: bool) {
        self.shared.expect_loss(percent, in_runs);
    }

    /// As [`AudioSender::set_share`].
    pub fn share(&self, share: Share) {
        self.shared.follow(share);
    }

    fn set_source(&mut self, source: AudioSource) {
        self.source = source;
        self.dead.reset();
    }

    /// Makes the next packet if its sound is there and packets may leave, and says when this one is to.
    ///
    /// Nothing here waits: a microphone that has nothing yet is asked again.
    pub fn step(&mut self, now: MediaTime) -> Option<Departure> {
        let muted = self.follow_mute(now);
        let mut pcm = [0.0; FRAME];
        let captured = self.source.next(now, &mut pcm)?;
        if let Some(wanted) = self.wishes.as_ref().and_then(SlotReader::take) {
            self.processor.change(wanted);
        }
        self.hear_far_end();
        if muted {
            pcm.fill(0.0);
        } else if self.source.is_microphone() {
            self.watch(now, &pcm);
            for block in pcm.as_chunks_mut::<BLOCK>().0 {
                self.processor.near_end(block);
            }
        }
        self.meter(&pcm);
        if !self.shared.begun.load(Ordering::Relaxed) {
            return None;
        }
        let stamp = self.stamps.stamp(captured.begin);
        if self.pcm.is_empty() {
            self.follow_path(now);
            self.stamp = stamp;
        }
        self.pcm.extend_from_slice(&pcm);
        let frame_ms = self.encoder.rung().frame_ms;
        if self.pcm.len() < frame_ms as usize / 20 * FRAME {
            return None;
        }
        self.encoder.encode(&self.pcm, &mut self.opus);
        self.pcm.clear();
        self.copies.pack(&self.opus, &mut self.payload);
        let mut sealed = Vec::new();
        self.sealer.seal(self.instant(now), 0, &self.payload, &mut sealed).ok()?;
        self.shared.packets.fetch_add(1, Ordering::Relaxed);
        self.shared.bytes.fetch_add(sealed.len() as u64, Ordering::Relaxed);
        let frame = OutgoingFrame { timestamp: self.stamp, pieces: vec![Bytes::from(sealed)] };
        let at = self.rhythm.departure(captured.ready, Duration::from_millis(frame_ms.into()));
        Some(Departure { frame, at })
    }

    /// Reads the mute switch; closes the microphone when it has been on for a while, opens it when it goes off.
    fn follow_mute(&mut self, now: MediaTime) -> bool {
        let muted = self.shared.muted.load(Ordering::Relaxed);
        if muted {
            let since = *self.muted_since.get_or_insert(now);
            self.dead.reset();
            let held = self.shared.held.load(Ordering::Relaxed);
            self.source.set_open(held || now.since(since) < CLOSE_AFTER);
        } else {
            self.muted_since = None;
            self.source.set_open(true);
        }
        muted
    }

    fn hear_far_end(&mut self) {
        if let Some(newer) = self.far_ends.as_ref().and_then(SlotReader::take) {
            self.far_end = Some(newer);
        }
        let mut block = [0.0; BLOCK];
        // On a computer that is too slow, more is played meanwhile: without an end, sending would never have its turn.
        for _ in 0..MOST_FAR_END {
            if !self.far_end.as_mut().is_some_and(|far_end| far_end.next(&mut block)) {
                break;
            }
            self.processor.far_end(&block);
        }
    }

    fn watch(&mut self, now: MediaTime, pcm: &[f32]) {
        if !self.source.is_live() {
            self.dead.reset();
        } else if self.dead.look(now, pcm) {
            let text = "the microphone is on but delivers nothing at all; check its own switch, or choose another one".into();
            let _ = self.events.try_send(MediaEvent::Warning { what: "microphone_dead", text });
        }
    }

    fn meter(&mut self, pcm: &[f32]) {
        /// Half a second.
        const FRAMES: u32 = 25;
        if self.shared.begun.load(Ordering::Relaxed) {
            self.shared.add_loudness(pcm);
        }
        self.level.add(pcm);
        self.level_frames += 1;
        if self.level_frames == FRAMES {
            self.shared.level.store(self.level.dbfs().to_bits(), Ordering::Relaxed);
            (self.level, self.level_frames) = (Level::default(), 0);
        }
    }

    fn follow_path(&mut self, now: MediaTime) {
        let load = |value: &AtomicU8| value.load(Ordering::Relaxed);
        let loss = f32::from_bits(self.shared.expected_loss.load(Ordering::Relaxed));
        let losses = Losses::of(loss.into());
        if losses >= self.losses.0 || now >= self.losses.1 {
            self.losses = (losses, now + LOSS_HOLD);
        }
        let losses = self.losses.0;
        let copies = losses.copies(self.shared.spare.load(Ordering::Relaxed)).min(load(&self.shared.most_copies).into());
        let best = if copies > 0 && losses > Losses::Few { LOSSY_RUNG } else { 0 };
        let wanted = Sizing { rung: usize::from(load(&self.shared.rung)).clamp(best, RUNGS.len() - 1), copies };
        // Within its constant rate the codec may spend as it likes: that does not show. What is copied whole it need not copy.
        self.encoder.set_expected_loss(if self.copies.count() > 0 { 0 } else { loss as u8 });
        // Other packets of the same size: that tells nobody anything.
        self.copies.set_runs(self.shared.loss_in_runs.load(Ordering::Relaxed));
        let (current, since) = self.sized_for;
        let narrower = wanted.kbps() < current.kbps();
        if wanted != current && (narrower || since.is_none_or(|since| now.since(since) >= SIZE_HOLD)) {
            self.sized_for = (wanted, Some(now));
            self.encoder.set_rung(RUNGS[wanted.rung]);
            self.copies.set_count(wanted.copies);
        }
    }

    fn instant(&self, now: MediaTime) -> Instant {
        self.epoch.1 + now.since(self.epoch.0)
    }
}

#[cfg(test)]
mod tests;
