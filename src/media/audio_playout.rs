//! From the packet to the ear: open → put in order → decode, repair or conceal → stretch → play.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::audio_jitter::{Arrival, AudioJitter, Step, VoicePacket};
use super::audio_payload::unpack;
use super::audio_receive::{AudioReceiveConfig, AudioReceiveStats, Shared};
use super::audio_sink::AudioSink;
use super::audio_source::SoundError;
use super::clock::{AUDIO_RATE, MediaTime};
use super::clock_offset::ClockOffset;
use super::events::{MediaEvent, MediaEvents};
use super::level::Level;
use super::lip_sync::LipSync;
use super::opus::BLOCK;
use super::packet::IncomingPacket;
use super::slot::SlotReader;
use super::time_stretch::{AHEAD, LONGEST, Need, lengthen, shorten};
use super::voice_decoder::{VoiceDecoder, samples_of};
use super::wav::WavSink;
use crate::e2ee::Opener;

/// Between two stretches, in blocks: speech gets at most a tenth faster or slower, and faster only when much is to be made good.
const STRETCH_EVERY: u32 = 12;
const HURRY_EVERY: u32 = 4;
/// How long a pause in speech is waited for: 4 s.
const PATIENCE: u32 = 400;
/// And by what is a little early, up to 15 ms: 1 s.
const SHORT_PATIENCE: u32 = 100;
const LITTLE: i64 = -720;
/// More than this off the target is much: 60 ms.
const MUCH: i64 = 2880;
/// The most that is decoded ahead of what is played.
const MOST_READY: usize = 4 * AHEAD;
/// What was played is kept this far, for stretching.
const MOST_PLAYED: usize = 8 * LONGEST;
/// How often the keys are wiped whose time is over, where nothing comes.
const FORGET_EVERY: Duration = Duration::from_secs(1);
/// A joint that nothing smoothes is led over this long: 2.5 ms.
const JOINT: usize = 120;

/// The receiving pipeline for sound, in two steps: a packet arrives, a block is due. No thread, no clock.
pub struct AudioReceivePipeline {
    opener: Opener,
    jitter: AudioJitter,
    decoder: VoiceDecoder,
    sink: AudioSink,
    record: Option<WavSink>,
    /// Sound: what was played, and from `at` on what is to be.
    pcm: Vec<f32>,
    at: usize,
    /// Capture time of the sample after the last in `pcm`; nothing before the first, and while playout waits for packets.
    captured_end: Option<u32>,
    /// The next samples do not follow from those before.
    joint: bool,
    blocks_since_stretch: u32,
    /// For how long playout has been later or earlier than it should be.
    blocks_off: u32,
    first_played: bool,
    level: Level,
    level_blocks: u32,
    clock_offset: Arc<ClockOffset>,
    lip_sync: Arc<LipSync>,
    events: MediaEvents,
    shared: Arc<Shared>,
    /// The same moment on both clocks.
    epoch: (MediaTime, Instant),
    /// When keys were last looked after that nothing came under.
    forgotten: Option<MediaTime>,
    opened: Vec<u8>,
}

impl AudioReceivePipeline {
    /// Opens the sink. Hands the packets' end of the configuration back, for whoever runs this.
    pub fn new(
        config: AudioReceiveConfig,
        now: MediaTime,
        instant: Instant,
    ) -> Result<(Self, Receiver<IncomingPacket>), SoundError> {
        let pipeline = Self {
            opener: config.opener,
            jitter: AudioJitter::default(),
            decoder: VoiceDecoder::new()?,
            sink: AudioSink::open(config.sink, config.far_end, &config.events)?,
            record: config.record.map(|path| WavSink::create(&path)).transpose()?,
            pcm: vec![0.0; LONGEST],
            at: LONGEST,
            captured_end: None,
            joint: false,
            blocks_since_stretch: 0,
            blocks_off: 0,
            first_played: false,
            level: Level::default(),
            level_blocks: 0,
            clock_offset: config.clock_offset,
            lip_sync: config.lip_sync,
            events: config.events,
            shared: Arc::default(),
            epoch: (now, instant),
            forgotten: None,
            opened: Vec::new(),
        };
        Ok((pipeline, config.packets))
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// What was received since the start.
    pub fn stats(&self) -> AudioReceiveStats {
        self.shared.stats()
    }

    /// Tells whether the peer says that it is muted.
    pub fn set_peer_muted(&self, muted: bool) {
        self.shared.peer_muted.store(muted, Ordering::Relaxed);
    }

    /// Takes a payload from the link; what does not open is dropped, and the opener has counted it.
    pub fn arrive(&mut self, now: MediaTime, packet: &IncomingPacket) {
        self.shared.bytes.fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
        let instant = self.instant(now);
        let Ok(counter) = self.opener.open(instant, 0, &packet.payload, &mut self.opened) else { return };
        self.shared.packets.fetch_add(1, Ordering::Relaxed);
        for (age, opus) in unpack(&self.opened) {
            let (Some(number), Some(samples)) = (counter.0.checked_sub(age.into()), samples_of(opus)) else { break };
            let timestamp = packet.timestamp.wrapping_sub(samples as u32 * age);
            let voice = VoicePacket { timestamp, samples, opus: opus.to_vec(), copy: age > 0 };
            let arrival = self.jitter.insert(packet.arrived, number, voice);
            if age == 0 && arrival == Arrival::Late {
                self.shared.late.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Plays what is due; returns how long to wait for the next.
    pub fn play(&mut self, now: MediaTime) -> Duration {
        // Whoever sends no sound must not make us keep the keys of a call's beginning.
        if self.forgotten.is_none_or(|last| now.since(last) >= FORGET_EVERY) {
            self.opener.forget(self.instant(now));
            self.forgotten = Some(now);
        }
        self.jitter.set_extra(self.lip_sync.sound_waits(now));
        while self.sink.wants(now) {
            let due = self.sink.due(now);
            while self.ready() < BLOCK {
                self.decode_next(due);
            }
            self.stretch(due);
            let block: [f32; BLOCK] = self.pcm[self.at..][..BLOCK].try_into().expect("a block is ready");
            let captured = self.captured_end.map(|end| end.wrapping_sub(self.ready() as u32));
            let heard = self.sink.write(now, &block);
            if let Some(captured) = captured {
                self.tell(now, captured, heard);
            }
            self.at += BLOCK;
            self.meter(&block);
            self.keep(&block);
        }
        if self.at > MOST_PLAYED {
            self.pcm.drain(..self.at - LONGEST);
            self.at = LONGEST;
        }
        self.sink.wait(now)
    }

    /// Plays on another speaker from the newest wish on.
    pub(super) fn follow_speaker(&mut self, speakers: &SlotReader<Option<String>>) {
        if let Some(name) = speakers.take() {
            self.sink.set_speaker(name);
        }
    }

    fn instant(&self, now: MediaTime) -> Instant {
        self.epoch.1 + now.since(self.epoch.0)
    }

    fn ready(&self) -> usize {
        self.pcm.len() - self.at
    }

    /// Decodes, repairs or conceals what comes after what is ready.
    fn decode_next(&mut self, due: MediaTime) {
        let before = self.pcm.len();
        let time = |samples: usize| Duration::from_micros(samples as u64 * 1_000_000 / u64::from(AUDIO_RATE));
        let (mut concealed, mut recovered) = (false, false);
        match self.jitter.next(due + time(before - self.at)) {
            Step::Silence => {
                self.pcm.resize(before + BLOCK, 0.0);
                self.captured_end = None;
                return;
            }
            Step::Packet(packet) => {
                concealed = !self.decoder.decode(&packet.opus, packet.samples, &mut self.pcm);
                recovered = packet.copy && !concealed;
                self.captured_end = Some(packet.timestamp.wrapping_add(packet.samples as u32));
            }
            Step::Skip(packet) => {
                let _ = self.decoder.decode(&packet.opus, packet.samples, &mut self.pcm);
                self.pcm.truncate(before);
                self.joint = true;
                return;
            }
            Step::Recover { following, samples } => {
                recovered = self.decoder.recover(&following.opus, samples, &mut self.pcm);
                if !recovered {
                    self.decoder.conceal(samples, &mut self.pcm);
                    concealed = true;
                }
                self.captured_end = self.captured_end.map(|end| end.wrapping_add(samples as u32));
            }
            Step::Conceal { samples, time_passes } => {
                self.decoder.conceal(samples, &mut self.pcm);
                concealed = true;
                self.captured_end = self.captured_end.filter(|_| time_passes).map(|end| end.wrapping_add(samples as u32));
            }
        }
        if std::mem::take(&mut self.joint) {
            lead_over(&mut self.pcm, before);
        }
        let samples = self.pcm.len() - before;
        self.count(samples, if concealed { samples } else { 0 }, if recovered { samples } else { 0 });
        self.shared.jitter_ms.store(self.jitter.delay().as_millis() as u32, Ordering::Relaxed);
        self.shared.target_ms.store(self.jitter.target().as_millis() as u32, Ordering::Relaxed);
        if !std::mem::replace(&mut self.first_played, true) {
            let _ = self.events.try_send(MediaEvent::FirstAudio);
        }
    }

    /// Brings the delay nearer to where it should be.
    fn stretch(&mut self, due: MediaTime) {
        self.blocks_since_stretch = self.blocks_since_stretch.saturating_add(1);
        let surplus = self.jitter.surplus();
        if surplus == 0 {
            self.blocks_off = 0;
            return;
        }
        self.blocks_off = self.blocks_off.saturating_add(1);
        let (need, every) = match surplus {
            much if much.abs() > MUCH => (Need::Urgent, HURRY_EVERY),
            // What is a little late waits for a pause between words; what is early may be missing any time, and waits for one less.
            1.. if self.blocks_off < PATIENCE => (Need::Idle, STRETCH_EVERY),
            LITTLE..=-1 if self.blocks_off < SHORT_PATIENCE => (Need::Idle, STRETCH_EVERY),
            _ => (Need::Gentle, STRETCH_EVERY),
        };
        if self.blocks_since_stretch < every {
            return;
        }
        let changed = if surplus > 0 {
            while self.ready() < AHEAD && self.jitter.has_next() && self.ready() < MOST_READY {
                self.decode_next(due);
            }
            shorten(&mut self.pcm, self.at, need, surplus as usize).map(|short| (short.mixed, -(short.removed as i64)))
        } else {
            while self.ready() < LONGEST && self.jitter.has_next() {
                self.decode_next(due);
            }
            lengthen(&mut self.pcm, self.at, need).map(|samples| (samples, samples as i64))
        };
        if let Some((made, change)) = changed {
            self.blocks_since_stretch = 0;
            self.jitter.stretched(change);
            // Lengthening makes samples beyond those that were decoded.
            self.count(change.max(0) as usize, made, 0);
            self.shared.stretched.fetch_add(made as u64, Ordering::Relaxed);
        }
    }

    fn count(&self, samples: usize, concealed: usize, recovered: usize) {
        if !self.shared.peer_muted.load(Ordering::Relaxed) {
            self.shared.played.fetch_add(samples as u64, Ordering::Relaxed);
            self.shared.concealed.fetch_add(concealed as u64, Ordering::Relaxed);
            self.shared.recovered.fetch_add(recovered as u64, Ordering::Relaxed);
        }
    }

    /// Tells what is heard when, to whoever keeps lips and words together.
    fn tell(&self, now: MediaTime, captured: u32, heard: MediaTime) {
        let playing = super::audio_receive::Playing { captured, heard: heard.rtp(AUDIO_RATE) };
        self.shared.playing.store(u64::from(playing.captured) << 32 | u64::from(playing.heard), Ordering::Relaxed);
        if let Some(offset) = self.clock_offset.us() {
            let actual = (playing.latency_ms(offset) * 1000.0) as i64;
            let beyond = self.jitter.delay().saturating_sub(self.jitter.own_target());
            let waits = beyond.min(self.lip_sync.sound_waits(now)).as_micros() as i64;
            self.lip_sync.heard(now, actual, actual - waits);
        }
        let offset = self.lip_sync.offset_ms(now).map_or(f32::NAN, |ms| ms as f32);
        self.shared.av_offset.store(offset.to_bits(), Ordering::Relaxed);
    }

    fn meter(&mut self, block: &[f32]) {
        /// Half a second.
        const BLOCKS: u32 = 50;
        self.level.add(block);
        self.level_blocks += 1;
        if self.level_blocks == BLOCKS {
            self.shared.level.store(self.level.dbfs().to_bits(), Ordering::Relaxed);
            (self.level, self.level_blocks) = (Level::default(), 0);
        }
    }

    fn keep(&mut self, block: &[f32]) {
        let Some(Err(error)) = self.record.as_mut().map(|record| record.write(block)) else { return };
        self.record = None;
        let text = format!("the recording of the sound stopped: {error}; free some space, or choose another file");
        let _ = self.events.try_send(MediaEvent::FileLost { text });
    }
}

/// Makes `pcm` continuous at `joint`, where sound was left out: a step would click.
fn lead_over(pcm: &mut [f32], joint: usize) {
    let Some(step) = joint.checked_sub(1).and_then(|last| Some(pcm[last] - pcm.get(joint)?)) else { return };
    for (index, sample) in pcm[joint..].iter_mut().take(JOINT).enumerate() {
        *sample += step * (1.0 - index as f32 / JOINT as f32);
    }
}

#[cfg(test)]
#[path = "audio_tests.rs"]
mod tests;
