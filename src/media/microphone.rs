//! The microphone: a callback that only copies, and the end of the ring that the pipeline reads.

use std::sync::Arc;
use std::time::Duration;

use cpal::traits::DeviceTrait;
use cpal::{Device, FromSample, InputCallbackInfo, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use super::clock::AUDIO_RATE;
use super::resample::Resampler;
use super::sound_devices::{DeviceError, Health, OPEN_TIMEOUT, OpenDevice, Side, open_best};

/// Sound that the ring holds while the pipeline is busy.
const RING: Duration = Duration::from_millis(400);

/// All that the callback touches, allocated before the stream starts.
pub struct CaptureState {
    ring: Producer<f32>,
    channels: usize,
    health: Arc<Health>,
    /// What the device delivers first is whatever was in its buffers.
    first: bool,
}

/// The pipeline's end: 48 kHz mono, whatever the device delivers.
pub struct MicrophoneEnd {
    ring: Consumer<f32>,
    health: Arc<Health>,
    rate: u32,
    resampler: Resampler,
    raw: Vec<f32>,
    ready: Vec<f32>,
}

/// Makes both ends of a microphone's ring.
///
/// Full: the newest samples are dropped and counted, for the callback must not wait.
pub fn capture_ring(rate: u32, channels: u16, health: Arc<Health>) -> (CaptureState, MicrophoneEnd) {
    let (producer, consumer) = RingBuffer::new(samples(rate, RING));
    let state = CaptureState { ring: producer, channels: channels.max(1).into(), health: health.clone(), first: true };
    let resampler = Resampler::new(rate, AUDIO_RATE);
    (state, MicrophoneEnd { ring: consumer, health, rate, resampler, raw: Vec::new(), ready: Vec::new() })
}

/// The callback: mixes to one channel and hands over. No lock, no allocation, no log, no I/O.
pub fn capture<T: SizedSample>(state: &mut CaptureState, data: &[T])
where
    f32: FromSample<T>,
{
    if std::mem::take(&mut state.first) || state.health.failed() {
        return;
    }
    let scale = 1.0 / state.channels as f32;
    let frames = data.len() / state.channels;
    let room = frames.min(state.ring.slots());
    state.health.glitch(frames - room);
    let Ok(chunk) = state.ring.write_chunk_uninit(room) else { return };
    chunk.fill_from_iter(
        data.chunks_exact(state.channels).map(|frame| frame.iter().map(|&sample| f32::from_sample_(sample)).sum::<f32>() * scale),
    );
}

/// Opens `device` in the best way that it allows.
pub(super) fn open(device: &Device) -> Result<OpenDevice<MicrophoneEnd>, DeviceError> {
    open_best(device, Side::Microphone, capture_ring, |config, format, state, health| match format {
        SampleFormat::F32 => build::<f32>(device, config, state, health),
        SampleFormat::I16 => build::<i16>(device, config, state, health),
        _ => build::<i32>(device, config, state, health),
    })
}

fn build<T: SizedSample>(
    device: &Device,
    config: StreamConfig,
    mut state: CaptureState,
    health: Arc<Health>,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<T>,
{
    let callback = move |data: &[T], info: &InputCallbackInfo| {
        let timestamp = info.timestamp();
        state.health.set_latency(timestamp.callback.checked_duration_since(timestamp.capture));
        capture(&mut state, data);
    };
    device.build_input_stream::<T, _, _>(config, callback, move |error| health.report(&error), Some(OPEN_TIMEOUT))
}

impl MicrophoneEnd {
    /// Takes what the callback has left, and says whether there is enough to fill `pcm` now.
    pub fn fill(&mut self, pcm: &mut [f32]) -> bool {
        self.take();
        if self.ready.len() < pcm.len() {
            return false;
        }
        pcm.copy_from_slice(&self.ready[..pcm.len()]);
        self.ready.drain(..pcm.len());
        true
    }

    /// Samples at 48 kHz that wait.
    pub fn waiting(&mut self) -> usize {
        self.take();
        self.ready.len()
    }

    /// Forgets all but the newest `keep` samples.
    pub fn trim(&mut self, keep: usize) {
        let surplus = self.waiting().saturating_sub(keep);
        self.ready.drain(..surplus);
    }

    /// How long ago the first waiting sample was sound in the air.
    pub fn age(&self) -> Duration {
        let waiting = self.ready.len() as f64 / f64::from(AUDIO_RATE) + self.ring.slots() as f64 / f64::from(self.rate);
        self.health.latency() + Duration::from_secs_f64(waiting)
    }

    /// What became of the device.
    pub fn health(&self) -> &Health {
        &self.health
    }

    fn take(&mut self) {
        let slots = self.ring.slots();
        if let Ok(chunk) = self.ring.read_chunk(slots) {
            self.raw.clear();
            let (first, second) = chunk.as_slices();
            self.raw.extend_from_slice(first);
            self.raw.extend_from_slice(second);
            chunk.commit_all();
            self.resampler.process(&self.raw, &mut self.ready);
        }
    }
}

pub(super) fn samples(rate: u32, time: Duration) -> usize {
    (u128::from(rate) * time.as_micros() / 1_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_channels_arrive_as_one_and_the_first_delivery_is_thrown_away() {
        let (mut state, mut end) = capture_ring(48_000, 2, Arc::default());
        let mut pcm = [0.0; 4];
        capture(&mut state, &[i16::MAX; 8]);
        assert!(!end.fill(&mut pcm));
        capture(&mut state, &[16_384i16, 0, 0, 16_384, -32_768, -32_768, 0, 0]);
        assert!(end.fill(&mut pcm));
        assert_eq!(pcm, [0.25, 0.25, -1.0, 0.0]);
    }

    #[test]
    fn a_device_of_another_rate_delivers_as_many_seconds() {
        let (mut state, mut end) = capture_ring(16_000, 1, Arc::default());
        capture(&mut state, &[0.5f32; 160]);
        for _ in 0..20 {
            capture(&mut state, &[0.5f32; 160]);
        }
        assert!(end.waiting().abs_diff(20 * 480) < 100);
    }

    #[test]
    fn what_nobody_reads_is_dropped_and_counted() {
        let health = Arc::<Health>::default();
        let (mut state, mut end) = capture_ring(48_000, 1, health.clone());
        for _ in 0..51 {
            capture(&mut state, &[0.1f32; 480]);
        }
        assert_eq!(health.glitches(), 10 * 480);
        assert_eq!(end.waiting(), 40 * 480);
        end.trim(960);
        assert_eq!(end.waiting(), 960);
    }

    #[test]
    fn a_failed_device_is_silent() {
        let health = Arc::<Health>::default();
        let (mut state, mut end) = capture_ring(48_000, 1, health.clone());
        health.fail();
        capture(&mut state, &[0.1f32; 480]);
        capture(&mut state, &[0.1f32; 480]);
        assert_eq!(end.waiting(), 0);
    }
}
