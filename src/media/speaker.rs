//! The speaker: a callback that only copies, the end of the ring that the pipeline fills, and the tap that tells the
//! echo canceller what was played.

use std::sync::Arc;
use std::time::Duration;

use cpal::traits::DeviceTrait;
use cpal::{Device, FromSample, OutputCallbackInfo, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use super::clock::AUDIO_RATE;
use super::microphone::samples;
use super::opus::BLOCK;
use super::resample::Resampler;
use super::slot::{SlotReader, SlotWriter, slot};
use super::sound_devices::{DeviceError, Health, OPEN_TIMEOUT, OpenDevice, Side, open_best};

/// Sound that a ring holds at most; far above what the pipeline keeps in it.
const RING: Duration = Duration::from_millis(400);

/// All that the callback touches, allocated before the stream starts.
pub struct PlaybackState {
    ring: Consumer<f32>,
    /// Everything that is played goes here too, silence included. Nobody reads: it fills up and is forgotten.
    far_end: Producer<f32>,
    channels: usize,
    health: Arc<Health>,
}

/// The pipeline's end: takes 48 kHz mono, whatever the device wants.
pub struct SpeakerEnd {
    ring: Producer<f32>,
    health: Arc<Health>,
    rate: u32,
    resampler: Resampler,
    ready: Vec<f32>,
    far_end: Option<FarEnd>,
}

/// What one speaker played, as 48 kHz mono, for the echo canceller.
pub struct FarEnd {
    ring: Consumer<f32>,
    resampler: Resampler,
    raw: Vec<f32>,
    ready: Vec<f32>,
}

/// Joins a receiving pipeline to the echo canceller of a sending one: each time that a speaker is opened, its tap
/// goes through here.
pub fn far_end() -> (SlotWriter<FarEnd>, SlotReader<FarEnd>) {
    slot()
}

/// Makes both ends of a speaker's ring.
///
/// Full: the newest samples are dropped and counted. Empty: silence is played, and counted.
pub fn playback_ring(rate: u32, channels: u16, health: Arc<Health>) -> (PlaybackState, SpeakerEnd) {
    let (producer, consumer) = RingBuffer::new(samples(rate, RING));
    let (far_producer, far_consumer) = RingBuffer::new(samples(rate, RING));
    let far_end = FarEnd { ring: far_consumer, resampler: Resampler::new(rate, AUDIO_RATE), raw: Vec::new(), ready: Vec::new() };
    let state = PlaybackState { ring: consumer, far_end: far_producer, channels: channels.max(1).into(), health: health.clone() };
    let resampler = Resampler::new(AUDIO_RATE, rate);
    (state, SpeakerEnd { ring: producer, health, rate, resampler, ready: Vec::new(), far_end: Some(far_end) })
}

/// The callback: plays what is there on all channels. No lock, no allocation, no log, no I/O.
pub fn play<T: SizedSample + FromSample<f32>>(state: &mut PlaybackState, data: &mut [T]) {
    let frames = data.len() / state.channels;
    let available = if state.health.failed() { 0 } else { frames.min(state.ring.slots()) };
    state.health.glitch(frames - available);
    let Ok(chunk) = state.ring.read_chunk(available) else { return };
    let mut sound = chunk.into_iter();
    let mut heard = state.far_end.write_chunk_uninit(frames).ok();
    let played = data.chunks_exact_mut(state.channels).map(|frame| {
        let sample = sound.next().unwrap_or(0.0);
        frame.fill(T::from_sample_(sample));
        sample
    });
    match heard.take() {
        Some(heard) => _ = heard.fill_from_iter(played),
        None => played.for_each(drop),
    }
}

/// Opens `device` in the best way that it allows.
pub(super) fn open(device: &Device) -> Result<OpenDevice<SpeakerEnd>, DeviceError> {
    open_best(device, Side::Speaker, playback_ring, |config, format, state, health| match format {
        SampleFormat::F32 => build::<f32>(device, config, state, health),
        SampleFormat::I16 => build::<i16>(device, config, state, health),
        _ => build::<i32>(device, config, state, health),
    })
}

fn build<T: SizedSample + FromSample<f32>>(
    device: &Device,
    config: StreamConfig,
    mut state: PlaybackState,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error> {
    let callback = move |data: &mut [T], info: &OutputCallbackInfo| {
        let timestamp = info.timestamp();
        state.health.set_latency(timestamp.playback.checked_duration_since(timestamp.callback));
        play(&mut state, data);
    };
    device.build_output_stream::<T, _, _>(config, callback, move |error| health.report(&error), Some(OPEN_TIMEOUT))
}

impl SpeakerEnd {
    /// Hands `pcm` to the callback.
    pub fn write(&mut self, pcm: &[f32]) {
        self.ready.clear();
        self.resampler.process(pcm, &mut self.ready);
        let (_, dropped) = self.ring.push_partial_slice(&self.ready);
        self.health.glitch(dropped.len());
    }

    /// How much sound waits for the callback.
    pub fn waiting(&self) -> Duration {
        let filled = self.ring.buffer().capacity() - self.ring.slots();
        Duration::from_secs_f64(filled as f64 / f64::from(self.rate))
    }

    /// The tap for the echo canceller; there is one.
    pub fn take_far_end(&mut self) -> Option<FarEnd> {
        self.far_end.take()
    }

    /// What became of the device.
    pub fn health(&self) -> &Health {
        &self.health
    }
}

impl FarEnd {
    /// The next 10 ms that were played, if they have been by now.
    pub fn next(&mut self, block: &mut [f32; BLOCK]) -> bool {
        let slots = self.ring.slots();
        if let Ok(chunk) = self.ring.read_chunk(slots) {
            self.raw.clear();
            let (first, second) = chunk.as_slices();
            self.raw.extend_from_slice(first);
            self.raw.extend_from_slice(second);
            chunk.commit_all();
            self.resampler.process(&self.raw, &mut self.ready);
        }
        let enough = self.ready.len() >= BLOCK;
        if enough {
            block.copy_from_slice(&self.ready[..BLOCK]);
            self.ready.drain(..BLOCK);
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_played_on_every_channel_and_told_to_the_echo_canceller() {
        let (mut state, mut end) = playback_ring(48_000, 2, Arc::default());
        end.write(&[0.5; BLOCK]);
        assert_eq!(end.waiting(), Duration::from_millis(10));
        let mut data = [0i16; 2 * BLOCK];
        play(&mut state, &mut data);
        assert_eq!(data, [16_384; 2 * BLOCK]);
        let mut heard = [0.0; BLOCK];
        assert!(end.take_far_end().unwrap().next(&mut heard));
        assert_eq!(heard, [0.5; BLOCK]);
    }

    #[test]
    fn an_empty_ring_is_silence_that_is_counted() {
        let health = Arc::<Health>::default();
        let (mut state, mut end) = playback_ring(48_000, 1, health.clone());
        end.write(&[0.5; 100]);
        let mut data = [1.0f32; BLOCK];
        play(&mut state, &mut data);
        assert_eq!((data[99], data[100]), (0.5, 0.0));
        assert_eq!(health.glitches(), BLOCK as u64 - 100);
    }

    #[test]
    fn a_failed_speaker_is_silent_and_nobody_has_to_listen_to_the_tap() {
        let health = Arc::<Health>::default();
        let (mut state, mut end) = playback_ring(44_100, 1, health.clone());
        let mut data = [1.0f32; 441];
        for _ in 0..100 {
            end.write(&[0.5; BLOCK]);
            play(&mut state, &mut data);
        }
        health.fail();
        play(&mut state, &mut data);
        assert_eq!(data, [0.0; 441]);
    }
}
