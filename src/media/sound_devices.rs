//! Microphones and speakers: which there are, how one is opened, and keeping one open while they come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, Device, ErrorKind, Host, SampleFormat, StreamConfig, SupportedStreamConfigRange};

use super::clock::AUDIO_RATE;
use super::sound_names::{is_monitor, is_offered, numbered};

/// A microphone or a speaker that a person can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SoundDevice {
    /// What the system calls it; what settings keep and what opens it again.
    pub name: String,
    /// The system uses it where no other is chosen.
    pub default: bool,
}

/// Why a device cannot be used, and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeviceError {
    #[error("there is no microphone; plug one in, or allow Vesper to use it in the system's settings")]
    NoMicrophone,
    #[error("there is no speaker; plug one in, or check the system's sound settings")]
    NoSpeaker,
    #[error("the microphone “{0}” is not there; plug it in, or choose another one")]
    NotThisMicrophone(String),
    #[error("the speaker “{0}” is not there; plug it in, or choose another one")]
    NotThisSpeaker(String),
    #[error("another program holds the device; close it there, or choose another one ({0})")]
    Busy(String),
    #[error("the system does not allow Vesper to use the device; allow it in the system's settings ({0})")]
    Forbidden(String),
    #[error("the device does not start: {reason}; choose another one ({name})")]
    Broken { name: String, reason: String },
}

/// Which way sound goes through a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Microphone,
    Speaker,
}

/// What a callback and the thread that watches over it share.
#[derive(Debug, Default)]
pub struct Health {
    failed: AtomicBool,
    /// Samples that found no room, or that there were none of.
    glitches: AtomicU64,
    /// Between the callback and the membrane.
    latency_us: AtomicU32,
}

impl Health {
    /// The device is gone or broken: callbacks are silent from now on, and somebody builds it anew.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Marks the device as failed.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    /// How many samples were lost or missing.
    pub fn glitches(&self) -> u64 {
        self.glitches.load(Ordering::Relaxed)
    }

    /// The device's own delay, as the system tells it.
    pub fn latency(&self) -> Duration {
        Duration::from_micros(self.latency_us.load(Ordering::Relaxed).into())
    }

    pub(super) fn glitch(&self, samples: usize) {
        self.glitches.fetch_add(samples as u64, Ordering::Relaxed);
    }

    pub(super) fn set_latency(&self, latency: Option<Duration>) {
        /// More than this is a system that does not know.
        const MOST: u128 = 500_000;
        if let Some(latency) = latency {
            self.latency_us.store(latency.as_micros().min(MOST) as u32, Ordering::Relaxed);
        }
    }

    /// The error callback of both sides. Some hosts call it in a hot loop once their server is gone: it sets a flag.
    pub(super) fn report(&self, error: &cpal::Error) {
        match error.kind() {
            ErrorKind::Xrun => self.glitch(1),
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
            _ => self.fail(),
        }
    }
}

/// The microphones of this computer, the default one marked; empty if there is no sound system.
pub fn microphones() -> Vec<SoundDevice> {
    list(Side::Microphone)
}

/// The speakers of this computer, the default one marked; empty if there is no sound system.
pub fn speakers() -> Vec<SoundDevice> {
    list(Side::Speaker)
}

fn list(side: Side) -> Vec<SoundDevice> {
    let host = sound_system();
    let default = default_device(&host, side).and_then(|device| device.id().ok());
    let is_default = |device: &Device| default.is_some() && device.id().ok() == default;
    all(&host, side).into_iter().map(|(name, device)| SoundDevice { name, default: is_default(&device) }).collect()
}

/// The sound system of this computer.
pub(super) fn sound_system() -> Host {
    keep_alsa_quiet();
    cpal::default_host()
}

/// Lets ALSA write into a buffer of this thread what it would print on standard error about every plugin that does not open.
/// What went wrong with a device that somebody wants comes back as an error all the same.
fn keep_alsa_quiet() {
    #[cfg(target_os = "linux")]
    if let Err(error) = alsa::Output::local_error_handler() {
        tracing::debug!("ALSA goes on printing: {error}");
    }
}

/// The devices that a person can choose from, each under a name of its own.
fn all(host: &Host, side: Side) -> Vec<(String, Device)> {
    keep_alsa_quiet();
    let mut devices: Vec<Device> = match side {
        Side::Microphone => host.input_devices().map(Iterator::collect).unwrap_or_default(),
        Side::Speaker => host.output_devices().map(Iterator::collect).unwrap_or_default(),
    };
    if is_plain_alsa(host) {
        devices.retain(|device| device.id().is_ok_and(|id| is_offered(id.id())));
        // It need not be listed to be there.
        let default = host.default_output_device().filter(|default| devices.iter().all(|device| device.id() != default.id()));
        if !devices.is_empty() {
            devices.splice(..0, default);
        }
    }
    if side == Side::Microphone {
        devices.retain(|device| !is_monitor(&device.id().map(|id| id.id().to_owned()).unwrap_or_default()));
    }
    numbered(devices.iter().map(name)).into_iter().zip(devices).collect()
}

/// Whether there is no sound server, so that ALSA's own list is what there is.
pub(super) fn is_plain_alsa(host: &Host) -> bool {
    host.id().name() == "ALSA"
}

pub(super) fn name(device: &Device) -> String {
    device.description().map(|description| description.name().to_owned()).unwrap_or_else(|_| device.to_string())
}

pub(super) fn default_device(host: &Host, side: Side) -> Option<Device> {
    // ALSA names a default device on a computer without any.
    if is_plain_alsa(host) && all(host, side).is_empty() {
        return None;
    }
    match side {
        Side::Microphone => host.default_input_device(),
        Side::Speaker => host.default_output_device(),
    }
}

/// The device called `wanted`, or else the default one, and whether it is the one that was asked for.
pub(super) fn find(host: &Host, side: Side, wanted: Option<&str>) -> Result<(Device, bool), DeviceError> {
    if let Some(wanted) = wanted
        && let Some((_, device)) = all(host, side).into_iter().find(|(name, _)| name == wanted)
    {
        return Ok((device, true));
    }
    let device = default_device(host, side).ok_or_else(|| match (side, wanted) {
        (Side::Microphone, None) => DeviceError::NoMicrophone,
        (Side::Microphone, Some(name)) => DeviceError::NotThisMicrophone(name.into()),
        (Side::Speaker, None) => DeviceError::NoSpeaker,
        (Side::Speaker, Some(name)) => DeviceError::NotThisSpeaker(name.into()),
    })?;
    Ok((device, wanted.is_none()))
}

/// Opens `device` in the best way that it allows. `ring` makes what the callback and the pipeline hold of one; `build` builds the
/// stream around the callback's end.
pub(super) fn open_best<S, E>(
    device: &Device,
    side: Side,
    ring: impl Fn(u32, u16, Arc<Health>) -> (S, E),
    build: impl Fn(StreamConfig, SampleFormat, S, Arc<Health>) -> Result<cpal::Stream, cpal::Error>,
) -> Result<OpenDevice<E>, DeviceError> {
    let mut problem = None;
    for (config, format) in ways(device, side) {
        let health = Arc::new(Health::default());
        let (state, end) = ring(config.sample_rate, config.channels, health.clone());
        let stream = build(config, format, state, health.clone());
        match stream.and_then(|stream| stream.play().map(|()| stream)) {
            Ok(stream) => return Ok(OpenDevice { stream, health, end }),
            Err(error) => problem = Some(error),
        }
    }
    Err(explain(device, &problem.unwrap_or_else(|| ErrorKind::UnsupportedConfig.into())))
}

/// The ways to open `device`, best first: 48 kHz, floats, 10 ms at a time.
///
/// Never the default buffer: some hosts then play two seconds late.
fn ways(device: &Device, side: Side) -> Vec<(StreamConfig, SampleFormat)> {
    let default = match side {
        Side::Microphone => device.default_input_config(),
        Side::Speaker => device.default_output_config(),
    };
    let Ok(default) = default else { return Vec::new() };
    let ranges: Vec<SupportedStreamConfigRange> = match side {
        Side::Microphone => device.supported_input_configs().map(Iterator::collect).unwrap_or_default(),
        Side::Speaker => device.supported_output_configs().map(Iterator::collect).unwrap_or_default(),
    };
    let (channels, own_rate) = (default.channels(), default.sample_rate());
    let supported = |channels, rate, format| {
        ranges.iter().any(|range| range.channels() == channels && range.contains_rate(rate) && range.sample_format() == format)
    };
    let mut ways = Vec::new();
    for rate in [AUDIO_RATE, own_rate] {
        for format in [SampleFormat::F32, SampleFormat::I16, SampleFormat::I32] {
            if supported(channels, rate, format) {
                // 10 ms; then what hosts that want powers of two or more air take.
                for frames in [rate / 100, 512, rate / 50, 1024, 2048] {
                    let buffer_size = BufferSize::Fixed(frames);
                    ways.push((StreamConfig { channels, sample_rate: rate, buffer_size }, format));
                }
            }
        }
    }
    ways
}

/// Puts what a host says into our words.
fn explain(device: &Device, error: &cpal::Error) -> DeviceError {
    let name = name(device);
    match error.kind() {
        ErrorKind::DeviceBusy => DeviceError::Busy(name),
        ErrorKind::PermissionDenied => DeviceError::Forbidden(name),
        _ => DeviceError::Broken { name, reason: error.to_string() },
    }
}

/// How long a host may take to open a stream.
pub(super) const OPEN_TIMEOUT: Duration = Duration::from_secs(3);

/// A stream that runs, and what belongs to it. Dropping it closes the device.
pub(super) struct OpenDevice<E> {
    pub stream: cpal::Stream,
    pub health: Arc<Health>,
    /// The pipeline's end of the ring.
    pub end: E,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_error_that_ends_the_stream_is_a_failure() {
        let health = Health::default();
        health.report(&ErrorKind::Xrun.into());
        health.report(&ErrorKind::DeviceChanged.into());
        assert!(!health.failed());
        assert_eq!(health.glitches(), 1);
        health.report(&ErrorKind::DeviceNotAvailable.into());
        assert!(health.failed());
    }

    #[test]
    fn a_computer_without_sound_has_empty_lists() {
        // What there is depends on the computer; that looking never fails does not.
        assert!(microphones().iter().filter(|device| device.default).count() <= 1);
        assert!(speakers().iter().filter(|device| device.default).count() <= 1);
    }
}
