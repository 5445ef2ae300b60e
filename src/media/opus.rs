//! Voice into packets: Opus (RFC 6716), mono at 48 kHz, every packet of a step as long and as large as the others.

use std::fmt;

use opusic_c::{Application, Bandwidth, Bitrate, Channels, Encoder, ErrorCode, InbandFec, SampleRate};

use super::allocation::{Band, RUNGS, Rung};
use super::clock::AUDIO_RATE;

/// Samples of one packet: 20 ms.
pub const FRAME: usize = 960;
/// Samples of one processing block: 10 ms.
pub const BLOCK: usize = FRAME / 2;
/// Bytes of every packet at the best step: 128 kbit/s, hard constant rate, so that size tells nothing of what is said.
pub const PACKET: usize = RUNGS[0].bytes;

const COMPLEXITY: u8 = 9;
/// Below this expected loss the packets carry nothing of the one before: even at 5 % it takes half a point of PESQ.
const LEAST_LOSS: u8 = 2;
const MOST_LOSS: u8 = 25;

/// libopus refused to start: out of memory, or it was built without what we need.
#[derive(Debug, thiserror::Error)]
#[error("the Opus codec could not be started: {}", .0.message())]
pub struct CodecError(ErrorCode);

impl From<ErrorCode> for CodecError {
    fn from(code: ErrorCode) -> Self {
        Self(code)
    }
}

/// Turns voice into packets.
pub struct VoiceEncoder {
    encoder: Encoder,
    rung: Rung,
}

impl fmt::Debug for VoiceEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceEncoder").field("rung", &self.rung).finish_non_exhaustive()
    }
}

impl VoiceEncoder {
    /// An encoder for voice at the best step, without discontinuous transmission.
    pub fn new() -> Result<Self, CodecError> {
        let mut encoder = Encoder::new(Channels::Mono, SampleRate::Hz48000, Application::Voip)?;
        encoder.set_vbr(false)?;
        encoder.set_dtx(false)?;
        encoder.set_complexity(COMPLEXITY)?;
        let mut encoder = Self { encoder, rung: RUNGS[0] };
        encoder.set_rung(RUNGS[0]);
        Ok(encoder)
    }

    /// Makes packets of another length and size from the next one on.
    pub fn set_rung(&mut self, rung: Rung) {
        let bits = rung.bytes as u32 * 8 * 1000 / rung.frame_ms;
        let highest = match rung.band {
            Band::Full => Bandwidth::Full,
            Band::Wide => Bandwidth::Wide,
        };
        self.encoder.set_bitrate(Bitrate::Value(bits)).expect("every step's rate is in Opus's range");
        self.encoder.set_max_bandwidth(highest).expect("Opus knows its own bands");
        self.rung = rung;
    }

    /// The step that packets are made for.
    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// Spends more of the rate on repairing lost packets the more of them get lost and nothing else brings them back.
    pub fn set_expected_loss(&mut self, percent: u8) {
        let copies = if percent < LEAST_LOSS { InbandFec::Off } else { InbandFec::Mode1 };
        self.encoder.set_inband_fec(copies).expect("Opus can");
        self.encoder.set_packet_loss(percent.min(MOST_LOSS)).expect("the percentage is in range");
    }

    /// Encodes as many milliseconds as the step says into `packet`, which is emptied before.
    pub fn encode(&mut self, pcm: &[f32], packet: &mut Vec<u8>) {
        debug_assert_eq!(pcm.len(), self.rung.frame_ms as usize * (AUDIO_RATE / 1000) as usize);
        packet.clear();
        packet.resize(self.rung.bytes, 0);
        let length = self.encoder.encode_float_to_slice(pcm, packet).expect("a whole packet of floats encodes into any buffer");
        debug_assert_eq!(length, self.rung.bytes, "a constant rate makes packets of one size");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::voice_decoder::{LONGEST_PACKET, samples_of};
    use opusic_c::Decoder;

    /// A voice-like sound: syllables of a few harmonics, their pitch gliding.
    fn voice(frame: usize) -> [f32; FRAME] {
        std::array::from_fn(|i| {
            let t = (frame * FRAME + i) as f32 / AUDIO_RATE as f32;
            let syllable = (t * 4.0 * std::f32::consts::TAU).sin().max(0.0);
            let phase = (t * 140.0 + (t * 5.0).sin() * 4.0) * std::f32::consts::TAU;
            (1..8).map(|harmonic| (phase * harmonic as f32).sin() * 0.2 / harmonic as f32).sum::<f32>() * syllable
        })
    }

    #[test]
    fn speech_silence_and_noise_make_packets_of_one_size() {
        let mut encoder = VoiceEncoder::new().unwrap();
        let mut seed = 1u32;
        for frame in 0..200 {
            let pcm = match frame / 50 {
                0 => voice(frame),
                1 => [0.0; FRAME],
                2 => std::array::from_fn(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    seed as f32 / u32::MAX as f32 - 0.5
                }),
                _ => [1.0; FRAME],
            };
            let mut buffer = [0; 400];
            assert_eq!(encoder.encoder.encode_float_to_slice(&pcm, &mut buffer[..PACKET]).unwrap(), PACKET);
            assert_eq!(encoder.encoder.encode_float_to_slice(&pcm, &mut buffer).unwrap(), PACKET, "the rate alone sets the size");
        }
    }

    #[test]
    fn at_every_step_speech_and_silence_make_packets_of_one_size_and_length() {
        for rung in RUNGS {
            let mut encoder = VoiceEncoder::new().unwrap();
            encoder.set_rung(rung);
            let frames = rung.frame_ms as usize / 20;
            for packet in 0..20 {
                let pcm: Vec<f32> =
                    (0..frames).flat_map(|n| if packet < 10 { voice(packet * frames + n) } else { [0.0; FRAME] }).collect();
                let mut buffer = [0; 600];
                assert_eq!(
                    encoder.encoder.encode_float_to_slice(&pcm, &mut buffer).unwrap(),
                    rung.bytes,
                    "{rung:?}: by its rate alone"
                );
                assert_eq!(samples_of(&buffer[..rung.bytes]), Some(pcm.len()));
                let mut decoder = Decoder::new(Channels::Mono, SampleRate::Hz48000).unwrap();
                decoder.decode_float_to_slice(&buffer[..rung.bytes], &mut [0.0; LONGEST_PACKET], false).unwrap();
                let band = decoder.get_bandwidth().unwrap();
                assert!((band == Bandwidth::Full) == (rung.band == Band::Full), "{rung:?} is {band:?}");
            }
        }
    }
}
