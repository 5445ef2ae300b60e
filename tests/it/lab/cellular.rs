//! The rate of a phone's network on the move, as the moments at which packets may leave.
//!
//! The model is that of Sprout (Winstein et al., NSDI 2013): opportunities come as a Poisson process whose rate wanders, and now and
//! then nothing goes for a while. Made from a seed, so that everybody measures over the same one.

use std::sync::LazyLock;

use super::dice::Dice;

/// Its mean rate, kbit/s.
pub const MEAN_KBPS: f64 = 1900.0;
/// How long it lasts before it repeats, in ms.
const LENGTH_MS: u32 = 120_000;
/// How far the rate strays from its middle (deviation of its logarithm), and how many ms it takes to come back.
const SWING: f64 = 0.75;
const RETURN_MS: f64 = 5000.0;
/// Outages a second, and how long they are, in ms.
const OUTAGES: f64 = 0.06;
const OUTAGE_MS: (f64, f64) = (120.0, 480.0);

/// One opportunity of 1500 bytes an entry, in ms.
pub fn trace() -> &'static [u32] {
    static TRACE: LazyLock<Vec<u32>> = LazyLock::new(|| make(2013));
    &TRACE
}

fn make(seed: u64) -> Vec<u32> {
    let mut dice = Dice::new(seed);
    let (mut swing, mut silent_ms) = (0.0, 0.0);
    let weights: Vec<f64> = (0..LENGTH_MS)
        .map(|_| {
            // An Ornstein-Uhlenbeck process in steps of a millisecond.
            swing += -swing / RETURN_MS + SWING * (2.0 / RETURN_MS).sqrt() * dice.normal();
            if dice.chance(OUTAGES / 1000.0) {
                silent_ms = OUTAGE_MS.0 + dice.uniform() * (OUTAGE_MS.1 - OUTAGE_MS.0);
            }
            silent_ms -= 1.0;
            if silent_ms > 0.0 { 0.0 } else { swing.clamp(-2.5, 1.2).exp() }
        })
        .collect();
    // As many as the mean asks for, each at a moment drawn by weight.
    let wanted = (MEAN_KBPS * f64::from(LENGTH_MS) / (1500.0 * 8.0)) as usize;
    let mut sums: Vec<f64> = Vec::with_capacity(weights.len());
    weights.iter().for_each(|weight| sums.push(sums.last().unwrap_or(&0.0) + weight));
    let whole = *sums.last().expect("it lasts longer than a millisecond");
    let mut draw = || {
        let at = dice.uniform() * whole;
        sums.partition_point(|sum| *sum <= at) as u32
    };
    let mut trace: Vec<u32> = (1..wanted).map(|_| draw()).collect();
    // The last one says how long the whole is.
    trace.push(LENGTH_MS);
    trace.sort_unstable();
    trace
}

#[test]
fn the_trace_has_its_mean_swings_and_falls_silent() {
    let trace = trace();
    let mean = trace.len() as f64 * 12_000.0 / f64::from(LENGTH_MS);
    assert!((mean - MEAN_KBPS).abs() < 1.0, "{mean} kbit/s");
    let mut seconds = vec![0; LENGTH_MS as usize / 1000 + 1];
    trace.iter().for_each(|at| seconds[*at as usize / 1000] += 12);
    seconds.pop();
    seconds.sort_unstable();
    let (low, high) = (seconds[seconds.len() / 10], seconds[seconds.len() * 9 / 10]);
    assert!(low < 900 && high > 3000, "a tenth of the seconds below {low}, a tenth above {high} kbit/s");
    let longest = trace.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!((150..700).contains(&longest.unwrap()), "{longest:?} ms of silence");
    assert_eq!(trace, make(2013), "the same for everybody");
}
