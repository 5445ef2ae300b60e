//! Decoding sound, and the lack of it: Opus packets (RFC 6716) of any length, recovered ones, and concealment.

use std::fmt;

use opusic_c::{Channels, Decoder, SampleRate, utils};

use super::opus::CodecError;

/// The longest packet that RFC 6716 allows: 120 ms.
pub const LONGEST_PACKET: usize = 5760;
/// The shortest that this program understands, 10 ms: shorter ones only cost.
const SHORTEST_PACKET: usize = 480;
/// Concealment works in steps of 2.5 ms.
pub const CONCEAL_STEP: usize = 120;
/// Samples that concealment holds its loudness for, and then fades over.
const HOLD: usize = 2880;
const FADE: usize = 6720;

/// From 5 on a neural net conceals what is lost, from 7 on another one (NoLACE) takes out of a voice of few bits what the lack of them left
/// in it. Wide-band PESQ of recorded speech, without and with them: 4.19 and 4.29 at 32 kbit/s, 3.44 and 3.65 at 20, 2.47 and 2.68 at 12; with 4 %
/// lost two by two 2.66 and 2.90 at 32. It costs a hundredth of a core, and nothing from 128 kbit/s on, where Opus codes no voice but a sound.
const COMPLEXITY: u8 = 7;

/// Turns packets, and the lack of them, into voice: 48 kHz, mono.
pub struct VoiceDecoder {
    decoder: Decoder,
    scratch: Vec<f32>,
    /// Samples concealed in a row.
    concealed: usize,
}

impl fmt::Debug for VoiceDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceDecoder").field("concealed", &self.concealed).finish_non_exhaustive()
    }
}

/// How many samples a packet makes; nothing if it is no packet that we understand.
pub fn samples_of(packet: &[u8]) -> Option<usize> {
    let samples = utils::get_nb_samples(packet, SampleRate::Hz48000).ok()?;
    (SHORTEST_PACKET..=LONGEST_PACKET).contains(&samples).then_some(samples)
}

impl VoiceDecoder {
    /// A decoder with no past.
    pub fn new() -> Result<Self, CodecError> {
        let mut decoder = Decoder::new(Channels::Mono, SampleRate::Hz48000)?;
        decoder.set_complexity(COMPLEXITY)?;
        Ok(Self { decoder, scratch: vec![0.0; LONGEST_PACKET], concealed: 0 })
    }

    /// Appends what `packet` says. Returns false, and conceals `samples`, if it makes no sense.
    #[must_use]
    pub fn decode(&mut self, packet: &[u8], samples: usize, pcm: &mut Vec<f32>) -> bool {
        // An empty packet would be concealment to libopus.
        let decoded =
            if packet.is_empty() { None } else { self.decoder.decode_float_to_slice(packet, &mut self.scratch, false).ok() };
        match decoded.filter(|decoded| *decoded == samples) {
            Some(_) => {
                self.concealed = 0;
                pcm.extend_from_slice(&self.scratch[..samples]);
                true
            }
            None => {
                self.conceal(samples, pcm);
                false
            }
        }
    }

    /// Appends the `samples` before `following` from the copy that it carries. Returns false, and appends nothing, if it carries
    /// none.
    #[must_use]
    pub fn recover(&mut self, following: &[u8], samples: usize, pcm: &mut Vec<f32>) -> bool {
        let fits = samples <= LONGEST_PACKET && samples.is_multiple_of(CONCEAL_STEP) && carries_previous(following);
        let Some(out) = self.scratch.get_mut(..samples).filter(|_| fits) else { return false };
        let recovered = self.decoder.decode_float_to_slice(following, out, true).is_ok_and(|decoded| decoded == samples);
        if recovered {
            self.concealed = 0;
            pcm.extend_from_slice(&self.scratch[..samples]);
        }
        recovered
    }

    /// Appends `samples` (in steps of [`CONCEAL_STEP`]) made up from what was heard before; fades to silence when nothing comes for
    /// long, where libopus alone would hum on.
    pub fn conceal(&mut self, samples: usize, pcm: &mut Vec<f32>) {
        let samples = samples.next_multiple_of(CONCEAL_STEP).min(LONGEST_PACKET);
        let out = &mut self.scratch[..samples];
        if self.decoder.decode_float_to_slice(&[], out, false).is_err() {
            out.fill(0.0);
        }
        for (index, sample) in out.iter().enumerate() {
            let faded = (self.concealed + index).saturating_sub(HOLD).min(FADE);
            pcm.push(sample * (1.0 - faded as f32 / FADE as f32));
        }
        self.concealed = (self.concealed + samples).min(HOLD + FADE);
    }
}

/// Whether `packet` carries a low-rate copy of the packet before it (RFC 6716 section 4.2.4).
///
/// Asked to recover from one that does not, libopus conceals without saying so.
#[expect(unsafe_code, reason = "the safe wrapper of libopus does not ask this")]
fn carries_previous(packet: &[u8]) -> bool {
    let Some(length) = i32::try_from(packet.len()).ok().filter(|length| *length > 0) else { return false };
    // SAFETY: libopus reads no more than these bytes, of which there is one at least, and keeps nothing of them.
    unsafe { opusic_c::sys::opus_packet_has_lbrr(packet.as_ptr(), length) == 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::clock::AUDIO_RATE;
    use opusic_c::{Application, Bitrate, Encoder, InbandFec};

    /// A voice-like sound: syllables of a few harmonics, their pitch gliding.
    fn voice(from: usize, samples: usize) -> Vec<f32> {
        let at = |index: usize| {
            let t = index as f32 / AUDIO_RATE as f32;
            let syllable = (t * 4.0 * std::f32::consts::TAU).sin().max(0.0);
            let phase = (t * 140.0 + (t * 5.0).sin() * 4.0) * std::f32::consts::TAU;
            (1..8).map(|harmonic| (phase * harmonic as f32).sin() * 0.2 / harmonic as f32).sum::<f32>() * syllable
        };
        (from..from + samples).map(at).collect()
    }

    fn energy(pcm: &[f32]) -> f32 {
        pcm.iter().map(|sample| sample * sample).sum()
    }

    /// Two seconds of voice in packets of this many samples.
    fn packets(samples: usize, bits: u32) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(Channels::Mono, SampleRate::Hz48000, Application::Voip).unwrap();
        encoder.set_bitrate(Bitrate::Value(bits)).unwrap();
        encoder.set_inband_fec(InbandFec::Mode1).unwrap();
        encoder.set_packet_loss(20).unwrap();
        let mut encode = |n| {
            let mut packet = Vec::with_capacity(1000);
            encoder.encode_float_to_vec(&voice(n * samples, samples), &mut packet).map(|_| packet).unwrap()
        };
        (0..96_000 / samples).map(&mut encode).collect()
    }

    #[test]
    fn packets_of_20_to_120_ms_are_decoded_and_the_lost_ones_recovered() {
        for (samples, bits) in [(960, 32_000), (1920, 28_000), (2880, 24_000), (5760, 6_000)] {
            let packets = packets(samples, bits);
            let mut decoder = VoiceDecoder::new().unwrap();
            let mut pcm = Vec::new();
            let (mut recovered, mut lost) = (0, 0);
            for (index, packet) in packets.iter().enumerate() {
                assert_eq!(samples_of(packet), Some(samples));
                let before = pcm.len();
                if index % 4 == 2 && index + 1 < packets.len() {
                    lost += 1;
                    if decoder.recover(&packets[index + 1], samples, &mut pcm) {
                        recovered += 1;
                    } else {
                        decoder.conceal(samples, &mut pcm);
                    }
                } else {
                    assert!(decoder.decode(packet, samples, &mut pcm));
                }
                assert_eq!(pcm.len() - before, samples);
            }
            assert!(energy(&pcm) > 0.3 * energy(&voice(0, 96_000)), "{samples}: {}", energy(&pcm));
            // Pauses carry no copy, and where the rate is that low nothing does.
            assert!(recovered > 0 || bits < 10_000, "{samples}: {recovered} of {lost}");
        }
    }

    #[test]
    fn concealment_goes_on_for_a_while_and_then_falls_silent() {
        let mut decoder = VoiceDecoder::new().unwrap();
        let mut pcm = Vec::new();
        for packet in &packets(960, 32_000)[..29] {
            assert!(decoder.decode(packet, 960, &mut pcm));
        }
        pcm.clear();
        (0..50).for_each(|_| decoder.conceal(960, &mut pcm));
        let first = energy(&pcm[..960]);
        assert!(first > 0.1 * energy(&voice(29 * 960, 960)));
        assert!(energy(&pcm[49 * 960..]) < 0.01 * first);
    }

    #[test]
    fn what_is_no_packet_is_concealed_and_never_a_panic() {
        let mut decoder = VoiceDecoder::new().unwrap();
        let mut pcm = Vec::new();
        assert!(!decoder.decode(&[], 960, &mut pcm));
        assert_eq!((pcm.len(), samples_of(&[])), (960, None));
        let mut seed = 7u32;
        for length in 0..300 {
            let garbage: Vec<u8> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            pcm.clear();
            let samples = samples_of(&garbage).unwrap_or(960);
            let _ = decoder.decode(&garbage, samples, &mut pcm);
            let _ = decoder.recover(&garbage, samples, &mut pcm);
            assert!(pcm.len() == samples || pcm.len() == 2 * samples);
        }
    }
}
