//! Which source and sink a choice of the command line or of the settings stands for.

use super::current::Switches;
use super::options::{CameraChoice, MediaOptions, MicrophoneChoice, SpeakerChoice};
use crate::media::audio_sink::AudioSinkSpec;
use crate::media::audio_source::AudioSourceSpec;
use crate::media::echo::VoiceProcessing;
use crate::media::ringtone::Ring;
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

/// Where somebody hears `ring`: on the speaker that the process was started with, else on the one chosen for it. Nowhere if calls are
/// heard nowhere, or go into a file, which holds them alone.
pub fn ring_speaker(ring: Ring, options: &MediaOptions, settings: &Settings) -> AudioSinkSpec {
    match (&options.speaker, ring, &settings.ring_speaker) {
        (SpeakerChoice::File(_), ..) => AudioSinkSpec::None,
        (SpeakerChoice::Chosen, Ring::Incoming, Some(name)) => AudioSinkSpec::Speaker(Some(name.clone())),
        _ => speaker(options, settings),
    }
}

pub fn processing(settings: &Settings) -> VoiceProcessing {
    VoiceProcessing {
        echo_cancellation: settings.echo_cancellation,
        noise_suppression: settings.noise_suppression,
        automatic_gain: settings.automatic_gain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rings_on_the_speaker_that_was_named_and_nowhere_without_one() {
        let chosen = |name: &str| Some(name.to_owned());
        let settings = Settings { speaker: chosen("desk"), ring_speaker: chosen("lounge"), ..Settings::default() };
        let rings = |choice: SpeakerChoice| {
            let options = MediaOptions { speaker: choice, ..MediaOptions::default() };
            [Ring::Incoming, Ring::Ringback, Ring::Test].map(|ring| match ring_speaker(ring, &options, &settings) {
                AudioSinkSpec::Speaker(name) => name,
                _ => Some("nowhere".into()),
            })
        };
        assert_eq!(rings(SpeakerChoice::Chosen), [chosen("lounge"), chosen("desk"), chosen("desk")]);
        assert_eq!(rings(SpeakerChoice::Device("headset".into())), [(); 3].map(|()| chosen("headset")));
        assert_eq!(rings(SpeakerChoice::None), [(); 3].map(|()| chosen("nowhere")));
        assert_eq!(rings(SpeakerChoice::File("call.wav".into())), [(); 3].map(|()| chosen("nowhere")));
    }
}
