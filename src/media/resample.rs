//! From one sampling rate to another: a windowed sinc, interpolated between the phases of a table (Smith, "Digital
//! Audio Resampling", 2002).

/// Zero crossings of the sinc on each side. 16 keep aliases 80 dB down with a passband to 90 % of the lower rate's half.
const CROSSINGS: usize = 16;
/// Table entries between two crossings; linear interpolation between them adds less noise than 16-bit sound has.
const PHASES: usize = 256;
/// The part of the band that passes.
const PASS: f64 = 0.92;
/// Kaiser window parameter: side lobes below −80 dB.
const BETA: f64 = 8.0;

/// Resamples one channel as it streams. Equal rates pass through untouched.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// Input samples a step of the output.
    step: f64,
    /// Half the filter's length, in input samples.
    reach: usize,
    /// Table entries an input sample.
    scale: f64,
    table: Vec<f32>,
    /// Input not yet left behind; starts with `reach` zeros.
    history: Vec<f32>,
    /// Where the next output lies, in samples from the start of `history`.
    position: f64,
}

impl Resampler {
    /// From `from` to `to` samples a second, both above zero.
    pub fn new(from: u32, to: u32) -> Self {
        assert!(from > 0 && to > 0, "a rate is above zero");
        let cutoff = if from == to { 1.0 } else { (f64::from(to) / f64::from(from)).min(1.0) * PASS };
        let reach = (CROSSINGS as f64 / cutoff).ceil() as usize;
        let entries = CROSSINGS * PHASES + 2;
        let table = (0..entries)
            .map(|entry| {
                let crossings = entry as f64 / PHASES as f64;
                (sinc(crossings) * kaiser(crossings / CROSSINGS as f64) * cutoff) as f32
            })
            .collect();
        Self {
            step: f64::from(from) / f64::from(to),
            reach,
            scale: cutoff * PHASES as f64,
            table,
            history: vec![0.0; reach],
            position: reach as f64,
        }
    }

    /// Takes `input` and appends to `out` what can be made of all that came so far.
    pub fn process(&mut self, input: &[f32], out: &mut Vec<f32>) {
        if self.step == 1.0 {
            out.extend_from_slice(input);
            return;
        }
        self.history.extend_from_slice(input);
        while self.position + self.reach as f64 + 1.0 < self.history.len() as f64 {
            out.push(self.interpolate());
            self.position += self.step;
        }
        let behind = (self.position as usize).saturating_sub(self.reach).min(self.history.len());
        self.history.drain(..behind);
        self.position -= behind as f64;
    }

    fn interpolate(&self) -> f32 {
        let first = (self.position - self.reach as f64).ceil().max(0.0) as usize;
        let last = (self.position + self.reach as f64) as usize;
        let samples = &self.history[first..=last];
        let mut sum = 0.0;
        for (index, sample) in samples.iter().enumerate() {
            let distance = ((first + index) as f64 - self.position).abs() * self.scale;
            let entry = distance as usize;
            let Some([low, high]) = self.table.get(entry..entry + 2) else { continue };
            sum += sample * (low + (high - low) * (distance - entry as f64) as f32);
        }
        sum
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) }
}

fn kaiser(x: f64) -> f64 {
    if x >= 1.0 { 0.0 } else { bessel_i0(BETA * (1.0 - x * x).sqrt()) / bessel_i0(BETA) }
}

/// The modified Bessel function of the first kind, order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, hertz: f64, samples: usize) -> Vec<f32> {
        (0..samples).map(|i| (i as f64 / f64::from(rate) * hertz * std::f64::consts::TAU).sin() as f32).collect()
    }

    #[test]
    fn a_sine_stays_the_same_sine_at_every_usual_rate() {
        for (from, to) in
            [(44_100, 48_000), (48_000, 44_100), (16_000, 48_000), (8_000, 48_000), (96_000, 48_000), (48_000, 48_000)]
        {
            let input = sine(from, 440.0, from as usize / 2);
            let mut out = Vec::new();
            let mut resampler = Resampler::new(from, to);
            input.chunks(441).for_each(|chunk| resampler.process(chunk, &mut out));
            let expected = sine(to, 440.0, out.len());
            assert!(out.len().abs_diff(to as usize / 2) < 500, "{from} to {to} made {}", out.len());
            let worst = out.iter().zip(&expected).skip(800).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 2e-3, "{from} to {to} is off by {worst}");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_taken_out() {
        let mut out = Vec::new();
        Resampler::new(48_000, 16_000).process(&sine(48_000, 11_000.0, 48_000), &mut out);
        let loudest = out.iter().skip(100).fold(0.0, |loudest: f32, sample| loudest.max(sample.abs()));
        assert!(loudest < 1e-3, "an alias at {loudest}");
    }
}
