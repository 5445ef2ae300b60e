//! The test tone: a beep that goes with the test picture's flash.

use std::time::Duration;

use super::clock::{AUDIO_RATE, MediaTime};

/// How long the beep at the start of each whole second lasts.
pub const BEEP: Duration = Duration::from_millis(50);

const HERTZ: f64 = 1_000.0;
const LOUDNESS: f64 = 0.4;
/// Fades in and out over this long, for an edge would click.
const EDGE_US: u64 = 2_000;

/// Fills `pcm` with what the tone is from `start` on: the same at the same moment, whoever asks.
pub fn fill(start: MediaTime, pcm: &mut [f32]) {
    for (index, sample) in pcm.iter_mut().enumerate() {
        let moment = start.unix_us() + index as u64 * 1_000_000 / u64::from(AUDIO_RATE);
        *sample = at(moment % 1_000_000);
    }
}

fn at(into_second_us: u64) -> f32 {
    let length = BEEP.as_micros() as u64;
    let Some(left) = length.checked_sub(into_second_us) else { return 0.0 };
    let edge = into_second_us.min(left).min(EDGE_US) as f64 / EDGE_US as f64;
    let phase = into_second_us as f64 / 1e6 * HERTZ * std::f64::consts::TAU;
    (phase.sin() * edge * LOUDNESS) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beeps_at_the_start_of_each_whole_second_and_is_silent_otherwise() {
        let second = MediaTime(1_700_000_000_000_000);
        let mut pcm = [0.0; 480];
        for (offset, beeps) in [(0, true), (20, true), (60, false), (500, false), (980, false), (1000, true)] {
            fill(second + Duration::from_millis(offset), &mut pcm);
            assert_eq!(pcm.iter().any(|sample| sample.abs() > 0.3), beeps, "{offset} ms");
            assert_eq!(pcm.iter().all(|&sample| sample == 0.0), !beeps, "{offset} ms");
        }
    }
}
