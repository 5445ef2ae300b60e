//! The way of sound in: open, jitter buffer, decode or repair or conceal, play.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::audio_jitter::{Arrival, AudioJitter, Step, TARGET, VoicePacket};
use super::audio_payload::unpack;
use super::audio_sink::{AudioSink, AudioSinkSpec};
use super::audio_source::SoundError;
use super::clock::{AUDIO_RATE, MediaTime};
use super::events::{MediaEvent, MediaEvents};
use super::level::{FLOOR_DBFS, Level};
use super::opus::{BLOCK, FRAME, VoiceDecoder};
use super::packet::IncomingPacket;
use super::slot::{SlotReader, SlotWriter, slot};
use super::speaker::FarEnd;
use super::wav::WavSink;
use crate::e2ee::Opener;

/// The longest that the thread sleeps: it looks for its end as often.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

/// What a receiver needs.
pub struct AudioReceiveConfig {
    pub opener: Opener,
    pub packets: Receiver<IncomingPacket>,
    pub sink: AudioSinkSpec,
    /// A WAV file that gets everything that is played, whatever the sink is.
    pub record: Option<PathBuf>,
    /// Where the echo canceller learns what the speaker plays, see [`far_end`](super::speaker::far_end).
    pub far_end: Option<SlotWriter<FarEnd>>,
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
    /// Samples played since the first packet's, and of them those made by concealment or squeezing. Time in which the
    /// peer said that it is muted counts for neither.
    pub played_samples: u64,
    pub concealed_samples: u64,
    /// Samples that were lost and came back from a copy in a later packet.
    pub recovered_samples: u64,
    /// How much sound the jitter buffer holds back now.
    pub jitter_buffer_ms: u32,
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

struct Shared {
    stop: AtomicBool,
    peer_muted: AtomicBool,
    packets: AtomicU64,
    bytes: AtomicU64,
    late: AtomicU64,
    played: AtomicU64,
    concealed: AtomicU64,
    recovered: AtomicU64,
    jitter_ms: AtomicU32,
    /// The bits of an `f32`.
    level: AtomicU32,
    /// `captured << 32 | heard`, so that the two are never of different moments; zero before the first sound.
    playing: AtomicU64,
}

impl AudioReceiver {
    /// Starts to play. Fails if a file cannot be made; a speaker that cannot be opened is an event instead.
    pub fn start(config: AudioReceiveConfig) -> Result<Self, SoundError> {
        let (speakers, speaker_reader) = slot();
        let (mut pipeline, packets) = AudioReceive::new(config, MediaTime::now(), Instant::now())?;
        let shared = pipeline.shared.clone();
        let thread = thread::Builder::new().name("audio receive".into()).spawn(move || {
            let mut wait = Duration::ZERO;
            while !pipeline.shared.stop.load(Ordering::Relaxed) {
                match packets.recv_timeout(wait) {
                    Ok(packet) => pipeline.arrive(MediaTime::now(), &packet),
                    Err(RecvTimeoutError::Timeout) => {}
                    // The path may be gone for good; what was received is still played.
                    Err(RecvTimeoutError::Disconnected) => thread::sleep(wait),
                }
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
    fn stats(&self) -> AudioReceiveStats {
        let load = |value: &AtomicU64| value.load(Ordering::Relaxed);
        let playing = load(&self.playing);
        AudioReceiveStats {
            packets: load(&self.packets),
            bytes: load(&self.bytes),
            late: load(&self.late),
            played_samples: load(&self.played),
            concealed_samples: load(&self.concealed),
            recovered_samples: load(&self.recovered),
            jitter_buffer_ms: self.jitter_ms.load(Ordering::Relaxed),
            level_dbfs: f32::from_bits(self.level.load(Ordering::Relaxed)),
            playing: (playing != 0).then_some(Playing { captured: (playing >> 32) as u32, heard: playing as u32 }),
        }
    }
}

/// The pipeline, in two steps: a packet arrives, a block is due.
struct AudioReceive {
    opener: Opener,
    jitter: AudioJitter,
    decoder: VoiceDecoder,
    sink: AudioSink,
    record: Option<WavSink>,
    /// The frame that is being played, and how much of it was.
    frame: [f32; FRAME],
    offset: usize,
    /// Capture time of the frame's first sample.
    captured: Option<u32>,
    first_played: bool,
    level: Level,
    level_blocks: u32,
    events: MediaEvents,
    shared: Arc<Shared>,
    /// The same moment on both clocks.
    epoch: (MediaTime, Instant),
    opened: Vec<u8>,
}

impl AudioReceive {
    fn new(config: AudioReceiveConfig, now: MediaTime, instant: Instant) -> Result<(Self, Receiver<IncomingPacket>), SoundError> {
        let zero = || AtomicU64::new(0);
        let shared = Shared {
            stop: AtomicBool::new(false),
            peer_muted: AtomicBool::new(false),
            packets: zero(),
            bytes: zero(),
            late: zero(),
            played: zero(),
            concealed: zero(),
            recovered: zero(),
            jitter_ms: AtomicU32::new(0),
            level: AtomicU32::new(FLOOR_DBFS.to_bits()),
            playing: zero(),
        };
        let pipeline = Self {
            opener: config.opener,
            jitter: AudioJitter::new(TARGET),
            decoder: VoiceDecoder::new()?,
            sink: AudioSink::open(config.sink, config.far_end, &config.events)?,
            record: config.record.map(|path| WavSink::create(&path)).transpose()?,
            frame: [0.0; FRAME],
            offset: FRAME,
            captured: None,
            first_played: false,
            level: Level::default(),
            level_blocks: 0,
            events: config.events,
            shared: Arc::new(shared),
            epoch: (now, instant),
            opened: Vec::new(),
        };
        Ok((pipeline, config.packets))
    }

    /// Takes a payload from the link; what does not open is dropped, and the opener has counted it.
    fn arrive(&mut self, now: MediaTime, packet: &IncomingPacket) {
        self.shared.bytes.fetch_add(packet.payload.len() as u64, Ordering::Relaxed);
        let instant = self.epoch.1 + now.since(self.epoch.0);
        let Ok(counter) = self.opener.open(instant, 0, &packet.payload, &mut self.opened) else { return };
        self.shared.packets.fetch_add(1, Ordering::Relaxed);
        for (age, opus) in (0u32..).zip(unpack(&self.opened)) {
            let Some(number) = counter.0.checked_sub(age.into()) else { break };
            let timestamp = packet.timestamp.wrapping_sub(age * FRAME as u32);
            let arrival = self.jitter.insert(now, number, VoicePacket { timestamp, opus: opus.to_vec(), copy: age > 0 });
            if age == 0 && arrival == Arrival::Late {
                self.shared.late.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Plays what is due; returns how long to wait for the next.
    fn play(&mut self, now: MediaTime) -> Duration {
        while self.sink.wants(now) {
            if self.offset == FRAME {
                self.next_frame(now);
            }
            let block: [f32; BLOCK] = self.frame[self.offset..][..BLOCK].try_into().expect("a frame is whole blocks");
            let heard = self.sink.write(now, &block).rtp(AUDIO_RATE);
            if let Some(captured) = self.captured {
                let captured = captured.wrapping_add(self.offset as u32);
                self.shared.playing.store(u64::from(captured) << 32 | u64::from(heard), Ordering::Relaxed);
            }
            self.offset += BLOCK;
            self.meter(&block);
            self.keep(&block);
        }
        self.sink.wait(now)
    }

    /// Decodes, repairs or conceals the next 20 ms.
    fn next_frame(&mut self, now: MediaTime) {
        const SAMPLES: u64 = FRAME as u64;
        self.offset = 0;
        self.captured = self.captured.map(|captured| captured.wrapping_add(FRAME as u32));
        let (mut concealed, mut recovered) = (0, 0);
        match self.jitter.next(now) {
            Step::Silence => {
                self.frame.fill(0.0);
                self.captured = None;
                return;
            }
            Step::Packet(packet) => {
                self.captured = Some(packet.timestamp);
                recovered = if packet.copy { SAMPLES } else { 0 };
                if !self.decoder.decode(&packet.opus, &mut self.frame) {
                    concealed = SAMPLES;
                }
            }
            Step::Shorten(first, second) => {
                let mut into = [0.0; FRAME];
                let whole = self.decoder.decode(&first.opus, &mut self.frame) & self.decoder.decode(&second.opus, &mut into);
                tracing::trace!(whole, "two frames of sound squeezed into one");
                fade(&mut self.frame, &into);
                self.captured = Some(second.timestamp);
                concealed = SAMPLES;
            }
            Step::Recover(following) if self.decoder.recover(&following.opus, &mut self.frame) => recovered = SAMPLES,
            Step::Recover(_) | Step::Conceal => {
                self.decoder.conceal(&mut self.frame);
                concealed = SAMPLES;
            }
        }
        self.count(concealed, recovered);
        self.shared.jitter_ms.store(self.jitter.delay().as_millis() as u32, Ordering::Relaxed);
        if !std::mem::replace(&mut self.first_played, true) {
            let _ = self.events.try_send(MediaEvent::FirstAudio);
        }
    }

    fn count(&self, concealed: u64, recovered: u64) {
        if !self.shared.peer_muted.load(Ordering::Relaxed) {
            self.shared.played.fetch_add(FRAME as u64, Ordering::Relaxed);
            self.shared.concealed.fetch_add(concealed, Ordering::Relaxed);
            self.shared.recovered.fetch_add(recovered, Ordering::Relaxed);
        }
    }

    fn follow_speaker(&mut self, speakers: &SlotReader<Option<String>>) {
        if let Some(name) = speakers.take() {
            self.sink.set_speaker(name);
        }
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
        let text = format!("the recording of the sound stopped: {error}");
        let _ = self.events.try_send(MediaEvent::Warning { what: "record_failed", text });
    }
}

/// Fades from `frame` into `into`, within one frame.
fn fade(frame: &mut [f32; FRAME], into: &[f32; FRAME]) {
    for (index, (sample, into)) in frame.iter_mut().zip(into).enumerate() {
        *sample += (into - *sample) * index as f32 / FRAME as f32;
    }
}

#[cfg(test)]
#[path = "audio_tests.rs"]
mod tests;
