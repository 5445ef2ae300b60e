//! The steps from a source to a sealed packet and its time to leave, and what they remember. Nothing here waits, and `now` is an argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::rhythm::Rhythm;
use super::{AudioSendConfig, Departure, Shared};
use crate::e2ee::Sealer;
use crate::media::allocation::{LOSSY_RUNG, RUNGS, Share, sound_kbps};
use crate::media::audio_payload::{Copies, Losses, MOST_COPIES};
use crate::media::audio_source::{AudioSource, SoundError};
use crate::media::clock::MediaTime;
use crate::media::echo::{VoiceProcessing, VoiceProcessor};
use crate::media::events::{MediaEvent, MediaEvents};
use crate::media::level::{DeadMicrophone, FLOOR_DBFS, Level};
use crate::media::opus::{BLOCK, FRAME, VoiceEncoder};
use crate::media::packet::OutgoingFrame;
use crate::media::sample_clock::SampleClock;
use crate::media::slot::SlotReader;
use crate::media::speaker::FarEnd;

/// How long a muted microphone stays open, for an unmute that follows at once.
const CLOSE_AFTER: Duration = Duration::from_secs(3);
/// Most blocks of what was played that are listened to for each packet: what is played in its time, and as much again.
const MOST_FAR_END: usize = 4;
/// How seldom packets may grow: seldom enough to tell nothing. On a path that carries less they are smaller at once.
const SIZE_HOLD: Duration = Duration::from_secs(5);
/// Copies go along for this long after losses made them worth it: losses that come in bursts are not over between two of them.
const LOSS_HOLD: Duration = Duration::from_secs(15);

/// The pipeline, one step a call.
pub struct AudioSend {
    pub(super) source: AudioSource,
    processor: VoiceProcessor,
    /// How it is to be processed from now on.
    pub(super) wishes: Option<SlotReader<VoiceProcessing>>,
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
    pub(super) shared: Arc<Shared>,
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

    /// As [`AudioSender::begin`](super::AudioSender::begin).
    pub fn begin(&self) {
        self.shared.begun.store(true, Ordering::Relaxed);
    }

    /// As [`AudioSender::set_expected_loss`](super::AudioSender::set_expected_loss).
    pub fn expect_loss(&self, percent: f64, in_runs: bool) {
        self.shared.expect_loss(percent, in_runs);
    }

    /// As [`AudioSender::set_share`](super::AudioSender::set_share).
    pub fn share(&self, share: Share) {
        self.shared.follow(share);
    }

    pub(super) fn set_source(&mut self, source: AudioSource) {
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
