//! What is done to a voice between the microphone and the codec: rumble, echo, level and noise, in 10 ms blocks.
//!
//! ```text
//! speaker (final mix) ──────▶ far_end ┐
//! microphone ─▶ high-pass ─▶ echo canceller ─▶ gain ─▶ noise suppression ─▶ codec
//! ```

use nnnoiseless::DenoiseState;
use sonora::config::{AdaptiveDigital, EchoCanceller, GainController2, HighPassFilter, MaxProcessingRate, Pipeline};
use sonora::{AudioProcessing, Config, StreamConfig};

use super::clock::AUDIO_RATE;
use super::opus::BLOCK;

/// What of the processing a person wants. All of it, unless they said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoiceProcessing {
    pub echo_cancellation: bool,
    pub noise_suppression: bool,
    pub automatic_gain: bool,
}

impl Default for VoiceProcessing {
    fn default() -> Self {
        Self { echo_cancellation: true, noise_suppression: true, automatic_gain: true }
    }
}

impl VoiceProcessing {
    /// Nothing at all: for files and tones, which are to arrive as they are.
    pub const NONE: Self = Self { echo_cancellation: false, noise_suppression: false, automatic_gain: false };
}

/// The processing chain with its memory of the room.
pub struct VoiceProcessor {
    wanted: VoiceProcessing,
    apm: Option<Box<AudioProcessing>>,
    denoise: Option<Box<DenoiseState<'static>>>,
    scratch: [f32; BLOCK],
}

impl VoiceProcessor {
    /// A chain that knows nothing of the room yet; the echo canceller takes about a second of speech to learn it.
    pub fn new(wanted: VoiceProcessing) -> Self {
        Self { wanted, apm: apm(wanted), denoise: wanted.noise_suppression.then(DenoiseState::new), scratch: [0.0; BLOCK] }
    }

    /// Does it otherwise from now on. What stays keeps its memory of the room.
    pub fn change(&mut self, wanted: VoiceProcessing) {
        let before = std::mem::replace(&mut self.wanted, wanted);
        if (before.echo_cancellation, before.automatic_gain) != (wanted.echo_cancellation, wanted.automatic_gain) {
            self.apm = apm(wanted);
        }
        if before.noise_suppression != wanted.noise_suppression {
            self.denoise = wanted.noise_suppression.then(DenoiseState::new);
        }
    }

    /// Hears 10 ms that the speaker plays, so that they can be taken out of what the microphone hears.
    pub fn far_end(&mut self, block: &[f32; BLOCK]) {
        if let Some(apm) = &mut self.apm {
            apm.process_render_f32(&[block], &mut [&mut self.scratch]).expect("the block is as long as configured");
        }
    }

    /// Cleans 10 ms of the microphone.
    pub fn near_end(&mut self, block: &mut [f32; BLOCK]) {
        if let Some(apm) = &mut self.apm {
            apm.process_capture_f32(&[&*block], &mut [&mut self.scratch]).expect("the block is as long as configured");
            *block = self.scratch;
        }
        if let Some(denoise) = &mut self.denoise {
            // RNNoise counts in 16-bit steps.
            let loud = block.map(|sample| sample * 32_768.0);
            denoise.process_frame(&mut self.scratch, &loud);
            *block = self.scratch.map(|sample| (sample / 32_768.0).clamp(-1.0, 1.0));
        }
    }
}

/// What works in one piece, for it shares what it knows; nothing if nothing of it is wanted.
fn apm(wanted: VoiceProcessing) -> Option<Box<AudioProcessing>> {
    let stream = StreamConfig::new(AUDIO_RATE, 1);
    (wanted.echo_cancellation || wanted.automatic_gain).then(|| {
        let config = Config {
            pipeline: Pipeline {
                maximum_internal_processing_rate: MaxProcessingRate::Rate48kHz,
                multi_channel_render: false,
                multi_channel_capture: false,
                ..Pipeline::default()
            },
            high_pass_filter: Some(HighPassFilter::default()),
            echo_canceller: wanted.echo_cancellation.then(EchoCanceller::default),
            gain_controller2: wanted.automatic_gain.then(gain),
            ..Config::default()
        };
        Box::new(AudioProcessing::builder().config(config).capture_config(stream).render_config(stream).build())
    })
}

/// A careful gain: it lifts a quiet voice, never the system's microphone volume, and never a quiet room.
fn gain() -> GainController2 {
    let adaptive_digital = AdaptiveDigital { max_gain_db: 24.0, initial_gain_db: 6.0, ..AdaptiveDigital::default() };
    GainController2 { adaptive_digital: Some(adaptive_digital), ..GainController2::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// White noise, the same for the same seed, as loud as `loudness`.
    fn noise(seed: &mut u32, loudness: f32) -> [f32; BLOCK] {
        std::array::from_fn(|_| {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (*seed as f32 / u32::MAX as f32 - 0.5) * 2.0 * loudness
        })
    }

    fn energy(block: &[f32]) -> f32 {
        block.iter().map(|sample| sample * sample).sum()
    }

    #[test]
    fn what_the_speaker_plays_does_not_come_back() {
        let mut chain = VoiceProcessor::new(VoiceProcessing { echo_cancellation: true, ..VoiceProcessing::NONE });
        let mut seed = 5;
        let mut played = std::collections::VecDeque::from(vec![[0.0; BLOCK]; 6]);
        let (mut before, mut after) = (0.0, 0.0);
        for block in 0..600 {
            let loudness = if block / 15 % 3 == 2 { 0.02 } else { 0.3 };
            let far = noise(&mut seed, loudness);
            chain.far_end(&far);
            played.push_back(far);
            let mut near = played.pop_front().unwrap().map(|sample| sample * 0.5);
            let echo = energy(&near);
            chain.near_end(&mut near);
            if block >= 400 {
                before += echo;
                after += energy(&near);
            }
        }
        assert!(after < before / 300.0, "the echo is only {} dB down", 10.0 * (before / after).log10());
    }

    #[test]
    fn steady_noise_gets_quieter() {
        let mut chain = VoiceProcessor::new(VoiceProcessing { noise_suppression: true, ..VoiceProcessing::NONE });
        let mut seed = 9;
        let (mut before, mut after) = (0.0, 0.0);
        for block in 0..300 {
            let mut near = noise(&mut seed, 0.05);
            if block >= 150 {
                before += energy(&near);
            }
            chain.near_end(&mut near);
            if block >= 150 {
                after += energy(&near);
            }
        }
        assert!(after < before / 10.0);
    }

    #[test]
    fn with_everything_off_nothing_is_touched() {
        let mut chain = VoiceProcessor::new(VoiceProcessing::NONE);
        let mut seed = 3;
        let block = noise(&mut seed, 0.5);
        let mut near = block;
        chain.near_end(&mut near);
        assert_eq!(near, block);
    }

    #[test]
    fn a_change_takes_effect_at_once_and_leaves_the_rest_its_memory() {
        let all = VoiceProcessing::default();
        let mut chain = VoiceProcessor::new(all);
        let memory = |chain: &VoiceProcessor| chain.apm.as_deref().map(std::ptr::from_ref);
        let before = memory(&chain);
        chain.change(VoiceProcessing { noise_suppression: false, ..all });
        assert!(chain.denoise.is_none());
        assert_eq!(memory(&chain), before);
        chain.change(VoiceProcessing::NONE);
        let block = noise(&mut 3, 0.5);
        let mut near = block;
        chain.near_end(&mut near);
        assert_eq!(near, block);
    }
}
