//! Which source and sink a choice of the command line or of the settings stands for.

use super::current::Switches;
use super::options::{CameraChoice, MediaOptions, MicrophoneChoice, SpeakerChoice};
use crate::media::audio_sink::AudioSinkSpec;
use crate::media::audio_source::AudioSourceSpec;
use crate::media::echo::VoiceProcessing;
use crate::media::video_source::VideoSourceSpec;
use crate::settings::Settings;

/// What is sent as a picture: nothing while the camera is switched off.
pub fn camera(switches: Switches, options: &MediaOptions, settings: &Settings) -> VideoSourceSpec {
    if !switches.camera {
        return VideoSourceSpec::None;
    }
    match &options.camera {
        CameraChoice::None => VideoSourceSpec::None,
        CameraChoice::Test => VideoSourceSpec::Test,
        CameraChoice::File(path) => VideoSourceSpec::File(path.clone()),
        CameraChoice::Device(name) => VideoSourceSpec::Camera(Some(name.clone())),
        CameraChoice::Chosen => VideoSourceSpec::Camera(settings.camera.clone()),
    }
}

pub fn microphone(options: &MediaOptions, settings: &Settings) -> AudioSourceSpec {
    match &options.microphone {
        MicrophoneChoice::None => AudioSourceSpec::None,
        MicrophoneChoice::Tone => AudioSourceSpec::Tone,
        MicrophoneChoice::File(path) => AudioSourceSpec::File(path.clone()),
        MicrophoneChoice::Device(name) => AudioSourceSpec::Microphone(Some(name.clone())),
        MicrophoneChoice::Chosen => AudioSourceSpec::Microphone(settings.microphone.clone()),
    }
}

pub fn speaker(options: &MediaOptions, settings: &Settings) -> AudioSinkSpec {
    match &options.speaker {
        SpeakerChoice::None => AudioSinkSpec::None,
        SpeakerChoice::File(path) => AudioSinkSpec::File(path.clone()),
        SpeakerChoice::Device(name) => AudioSinkSpec::Speaker(Some(name.clone())),
        SpeakerChoice::Chosen => AudioSinkSpec::Speaker(settings.speaker.clone()),
    }
}

pub fn processing(settings: &Settings) -> VoiceProcessing {
    VoiceProcessing {
        echo_cancellation: settings.echo_cancellation,
        noise_suppression: settings.noise_suppression,
        automatic_gain: settings.automatic_gain,
    }
}
