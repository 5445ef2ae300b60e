//! The voice codec: Opus (RFC 6716), mono at 48 kHz, every packet of a step as long and as large as the others.

use opus::{Application, Bitrate, Channels, Decoder, Encoder};

use super::allocation::{RUNGS, Rung};
use super::clock::AUDIO_RATE;

/// Samples of one packet: 20 ms.
pub const FRAME: usize = 960;
/// Samples of one processing block: 10 ms.
pub const BLOCK: usize = FRAME / 2;
/// Bytes of every packet at the usual step: 32 kbit/s, hard constant rate, so that size tells nothing of what is said.
pub const PACKET: usize = RUNGS[0].bytes;
/// No step has larger packets.
pub const LARGEST: usize = 100;

const COMPLEXITY: i32 = 9;
/// Below this expected loss the packets carry too little of the one before to be worth a gap.
const LEAST_LOSS: u8 = 5;
const MOST_LOSS: u8 = 25;
/// The longest packet that RFC 6716 allows, 120 ms: a peer may send one, and it must not overrun a buffer.
const LONGEST: usize = 5760;
/// Frames that concealment holds its loudness for, and then fades over.
const HOLD: u16 = 3;
const FADE: u16 = 7;

/// libopus refused to start: out of memory, or it was built without what we need.
#[derive(Debug, thiserror::Error)]
#[error("the Opus codec could not be started: {0}")]
pub struct CodecError(#[from] opus::Error);

/// Turns voice into packets.
#[derive(Debug)]
pub struct VoiceEncoder {
    encoder: Encoder,
    rung: Rung,
}

/// Turns packets, and the lack of them, into voice.
#[derive(Debug)]
pub struct VoiceDecoder {
    decoder: Decoder,
    /// Where a packet is decoded to, for it may be longer than a frame.
    scratch: Vec<f32>,
    /// Frames concealed in a row.
    concealed: u16,
}

impl VoiceEncoder {
    /// An encoder for voice at the best step, without discontinuous transmission.
    pub fn new() -> Result<Self, CodecError> {
        let mut encoder = Encoder::new(AUDIO_RATE, Channels::Mono, Application::Voip)?;
        encoder.set_vbr(false)?;
        encoder.set_dtx(false)?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(LEAST_LOSS.into())?;
        let mut encoder = Self { encoder, rung: RUNGS[0] };
        encoder.set_rung(RUNGS[0]);
        Ok(encoder)
    }

    /// Makes packets of another length and size from the next one on.
    pub fn set_rung(&mut self, rung: Rung) {
        let bits = rung.bytes as i32 * 8 * 1000 / rung.frame_ms as i32;
        self.encoder.set_bitrate(Bitrate::Bits(bits)).expect("every step's rate is in Opus's range");
        self.rung = rung;
    }

    /// The step that packets are made for.
    pub fn rung(&self) -> Rung {
        self.rung
    }

    /// Spends more of the rate on repairing lost packets the more of them get lost.
    pub fn set_expected_loss(&mut self, percent: u8) {
        let percent = percent.clamp(LEAST_LOSS, MOST_LOSS);
        self.encoder.set_packet_loss_perc(percent.into()).expect("the percentage is in range");
    }

    /// Encodes as many milliseconds as the step says into `packet`, which is emptied before.
    pub fn encode(&mut self, pcm: &[f32], packet: &mut Vec<u8>) {
        debug_assert_eq!(pcm.len(), self.rung.frame_ms as usize * (AUDIO_RATE / 1000) as usize);
        packet.clear();
        packet.resize(self.rung.bytes, 0);
        let length = self.encoder.encode_float(pcm, packet).expect("a whole packet of floats encodes into any buffer");
        debug_assert_eq!(length, self.rung.bytes, "a constant rate makes packets of one size");
    }
}

impl VoiceDecoder {
    /// A decoder with no past.
    pub fn new() -> Result<Self, CodecError> {
        Ok(Self { decoder: Decoder::new(AUDIO_RATE, Channels::Mono)?, scratch: vec![0.0; LONGEST], concealed: 0 })
    }

    /// Decodes 20 ms. Returns false, and makes silence, if this is no packet of 20 ms.
    #[must_use]
    pub fn decode(&mut self, packet: &[u8], pcm: &mut [f32; FRAME]) -> bool {
        self.concealed = 0;
        let length = if packet.is_empty() { 0 } else { self.decoder.decode_float(packet, &mut self.scratch, false).unwrap_or(0) };
        pcm.copy_from_slice(&self.scratch[..FRAME]);
        if length != FRAME {
            pcm.fill(0.0);
        }
        length == FRAME
    }

    /// Decodes the 20 ms before `following` from the copy that it carries. Returns false if it carries none.
    #[must_use]
    pub fn recover(&mut self, following: &[u8], pcm: &mut [f32; FRAME]) -> bool {
        let recovered = carries_previous(following) && self.decoder.decode_float(following, pcm, true).is_ok_and(|n| n == FRAME);
        if recovered {
            self.concealed = 0;
        }
        recovered
    }

    /// Makes 20 ms up from what was heard before; fades to silence when nothing comes for long, where libopus alone
    /// would hum on.
    pub fn conceal(&mut self, pcm: &mut [f32; FRAME]) {
        if self.decoder.decode_float(&[], pcm, false).is_err() {
            pcm.fill(0.0);
        }
        let gain = |concealed: u16| (1.0 - f32::from(concealed.saturating_sub(HOLD)) / f32::from(FADE)).max(0.0);
        let (from, to) = (gain(self.concealed), gain(self.concealed.saturating_add(1)));
        self.concealed = self.concealed.saturating_add(1);
        for (index, sample) in pcm.iter_mut().enumerate() {
            *sample *= from + (to - from) * index as f32 / FRAME as f32;
        }
    }
}

/// Whether `packet` carries a low-rate copy of the packet before it (RFC 6716 section 4.2.4).
///
/// Asked to recover from one that does not, libopus conceals without saying so.
fn carries_previous(packet: &[u8]) -> bool {
    const FIRST_CELT_ONLY: u8 = 16;
    let Ok(parsed) = opus::packet::parse(packet) else { return false };
    if packet[0] >> 3 >= FIRST_CELT_ONLY {
        return false;
    }
    // After a voice flag for each 20 ms of the frame, the next bit says whether the copy follows; ours hold one.
    parsed.frames.first().and_then(|frame| frame.first()).is_some_and(|first| first & 0x40 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice-like sound: syllables of a few harmonics, their pitch gliding.
    fn voice(frame: usize) -> [f32; FRAME] {
        std::array::from_fn(|i| {
            let t = (frame * FRAME + i) as f32 / AUDIO_RATE as f32;
            let syllable = (t * 4.0 * std::f32::consts::TAU).sin().max(0.0);
            let phase = (t * 140.0 + (t * 5.0).sin() * 4.0) * std::f32::consts::TAU;
            (1..8).map(|harmonic| (phase * harmonic as f32).sin() * 0.2 / harmonic as f32).sum::<f32>() * syllable
        })
    }

    fn encoded(encoder: &mut VoiceEncoder, frame: usize) -> Vec<u8> {
        let mut packet = Vec::new();
        encoder.encode(&voice(frame), &mut packet);
        packet
    }

    fn energy(pcm: &[f32]) -> f32 {
        pcm.iter().map(|sample| sample * sample).sum()
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
            assert_eq!(encoder.encoder.encode_float(&pcm, &mut buffer[..PACKET]).unwrap(), PACKET);
            assert_eq!(encoder.encoder.encode_float(&pcm, &mut buffer).unwrap(), PACKET, "the rate alone sets the size");
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
                assert_eq!(encoder.encoder.encode_float(&pcm, &mut buffer).unwrap(), rung.bytes, "{rung:?}: by its rate alone");
                assert_eq!(opus::packet::get_nb_samples(&buffer[..rung.bytes], AUDIO_RATE).unwrap(), pcm.len());
            }
        }
    }

    #[test]
    fn a_lost_packet_comes_back_from_the_one_after_it() {
        /// In the middle of a syllable.
        const LOST: usize = 29;
        let (mut encoder, mut decoder) = (VoiceEncoder::new().unwrap(), VoiceDecoder::new().unwrap());
        encoder.set_expected_loss(10);
        let packets: Vec<_> = (0..40).map(|frame| encoded(&mut encoder, frame)).collect();
        let mut pcm = [0.0; FRAME];
        for packet in &packets[..LOST] {
            assert!(decoder.decode(packet, &mut pcm));
        }
        assert!(decoder.recover(&packets[LOST + 1], &mut pcm));
        assert!(energy(&pcm) > 0.2 * energy(&voice(LOST)));
        assert!(decoder.decode(&packets[LOST + 1], &mut pcm));
    }

    #[test]
    fn concealment_goes_on_for_a_while_and_then_falls_silent() {
        let (mut encoder, mut decoder) = (VoiceEncoder::new().unwrap(), VoiceDecoder::new().unwrap());
        let mut pcm = [0.0; FRAME];
        for frame in 0..29 {
            assert!(decoder.decode(&encoded(&mut encoder, frame), &mut pcm));
        }
        decoder.conceal(&mut pcm);
        let first = energy(&pcm);
        assert!(first > 0.1 * energy(&voice(29)));
        for _ in 0..50 {
            decoder.conceal(&mut pcm);
        }
        assert!(energy(&pcm) < 0.01 * first);
    }

    #[test]
    fn what_is_no_packet_is_silence_and_never_a_panic() {
        let mut decoder = VoiceDecoder::new().unwrap();
        let mut pcm = [1.0; FRAME];
        assert!(!decoder.decode(&[], &mut pcm));
        assert!(pcm.iter().all(|&sample| sample == 0.0));
        let mut seed = 7u32;
        for length in 0..300 {
            let garbage: Vec<u8> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            let _ = decoder.decode(&garbage, &mut pcm);
            let _ = decoder.recover(&garbage, &mut pcm);
        }
    }
}
