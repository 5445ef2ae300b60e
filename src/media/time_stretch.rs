//! Shorter or longer sound of the same pitch: one period of the voice is taken out or put in where nobody notices.
//!
//! WSOLA (Verhelst and Roelands 1993): two neighbouring stretches of sound that look alike are faded into one, or one is repeated. What
//! is found alike is a pitch period of a vowel, or, where it is quiet, anything.
//!
//! ```text
//!   shorten   … a |  b  |  c  | d …   ──▶   … a | b→c | d …     b leads over to c where the two are closest, within 2.5 ms
//!   lengthen  … a |  b  |  c  | d …   ──▶   … a |  b  | c→b | c | d …
//! ```

/// Shortest and longest period: 2.5 and 15 ms, voices from 66 to 400 Hz.
const SHORTEST: usize = 120;
pub const LONGEST: usize = 720;
/// What must be known ahead of the place to shorten: two of the longest periods.
pub const AHEAD: usize = 2 * LONGEST;
/// The search looks at every sixth sample of a smoothed copy first: 8 kHz.
const COARSE: usize = 6;
/// How alike two periods have to be, as normalised correlation: always, and when time presses.
const ALIKE: f32 = 0.9;
const ALIKE_ENOUGH: f32 = 0.5;
/// Mean square below which it is quiet: −50 dBFS.
const QUIET: f32 = 1e-5;
/// One piece of sound leads over to the next within this, 2.5 ms: what is mixed of two is heard, if anything is.
const JOINT: usize = SHORTEST;

/// How much it matters to find a place now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Only where nobody speaks: between words a pause is a little shorter or longer.
    Idle,
    /// Only where it is not heard.
    Gentle,
    /// In doubt rather now.
    Urgent,
}

/// What shortening did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortened {
    /// Samples that are gone.
    pub removed: usize,
    /// Samples that are a mixture now.
    pub mixed: usize,
}

/// Takes a period out of `pcm` at `at` if there is a place for it right there, and as many more that are alike as `surplus` samples have
/// room for. Needs [`AHEAD`] samples from `at` on.
pub fn shorten(pcm: &mut Vec<f32>, at: usize, need: Need, surplus: usize) -> Option<Shortened> {
    let ahead = pcm.get(at..at + AHEAD)?;
    let period = period(ahead, need)?;
    // Several at once leave one joint instead of many.
    let quiet = energy(ahead) < QUIET;
    let alike = |removed: &usize| quiet || likeness(&ahead[..LONGEST], &ahead[*removed..][..LONGEST]) >= ALIKE;
    let mut several = (2..=surplus.min(LONGEST) / period).rev().map(|periods| periods * period);
    let removed = several.find(alike).unwrap_or(period);
    let from = at + closest(ahead, removed);
    for index in 0..JOINT {
        let weight = (index as f32 + 0.5) / JOINT as f32;
        let next = pcm[from + removed + index];
        pcm[from + index] += (next - pcm[from + index]) * weight;
    }
    pcm.drain(from + JOINT..from + removed + JOINT);
    Some(Shortened { removed, mixed: JOINT })
}

/// Where within `ahead` a joint is closest to what comes `later` samples after it.
fn closest(ahead: &[f32], later: usize) -> usize {
    let apart = |from: usize| {
        let pairs = ahead[from..][..JOINT].iter().zip(&ahead[from + later..]);
        pairs.map(|(before, after)| (before - after) * (before - after)).sum::<f32>()
    };
    (0..=later - JOINT).step_by(COARSE).min_by(|a, b| apart(*a).total_cmp(&apart(*b))).unwrap_or(0)
}

/// Puts a period into `pcm` at `at`, one like that before it; says how many samples. Needs [`LONGEST`] samples before and after `at`.
pub fn lengthen(pcm: &mut Vec<f32>, at: usize, need: Need) -> Option<usize> {
    let around = pcm.get(at.checked_sub(LONGEST)?..at + LONGEST)?;
    let period = mirrored_period(around, need)?;
    let added: Vec<f32> = (0..period)
        .map(|index| {
            let weight = (index as f32 + 0.5) / period as f32;
            let (after, before) = (pcm[at + index], pcm[at + index - period]);
            after + (before - after) * weight
        })
        .collect();
    pcm.splice(at..at, added);
    Some(period)
}

/// The period whose first two repetitions in `ahead` are alike.
fn period(ahead: &[f32], need: Need) -> Option<usize> {
    best(ahead, need, |period| (0, period))
}

/// The period whose repetitions before and after the middle of `around` are alike.
fn mirrored_period(around: &[f32], need: Need) -> Option<usize> {
    best(around, need, |period| (LONGEST - period, LONGEST))
}

/// The best period, where `places` says where its two repetitions begin.
fn best(pcm: &[f32], need: Need, places: impl Fn(usize) -> (usize, usize)) -> Option<usize> {
    let energy = energy(pcm);
    if energy < QUIET * 1e-3 {
        // Silence is alike everywhere.
        return Some(LONGEST);
    }
    if need == Need::Idle && energy > QUIET {
        return None;
    }
    let smooth: Vec<f32> = pcm.chunks_exact(COARSE).map(|chunk| chunk.iter().sum::<f32>()).collect();
    let coarse = |period: usize| {
        let (first, second) = places(period * COARSE);
        likeness(&smooth[first / COARSE..][..period], &smooth[second / COARSE..][..period])
    };
    let periods = SHORTEST / COARSE..=LONGEST / COARSE;
    let (found, _) = periods.map(|period| (period, coarse(period))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let fine = |period: usize| {
        let (first, second) = places(period);
        likeness(&pcm[first..][..period], &pcm[second..][..period])
    };
    let near = (found * COARSE).saturating_sub(COARSE).max(SHORTEST)..=(found * COARSE + COARSE).min(LONGEST);
    let (period, alike) = near.map(|period| (period, fine(period))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    let least = if energy < QUIET {
        0.0
    } else if need == Need::Urgent {
        ALIKE_ENOUGH
    } else {
        ALIKE
    };
    (alike >= least).then_some(period)
}

/// Mean square.
fn energy(pcm: &[f32]) -> f32 {
    pcm.iter().map(|sample| sample * sample).sum::<f32>() / pcm.len() as f32
}

/// Normalised correlation of two stretches.
fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let (mut both, mut first, mut second) = (0.0f32, 0.0f32, 0.0f32);
    for (a, b) in a.iter().zip(b) {
        both += a * b;
        first += a * a;
        second += b * b;
    }
    both / (first * second).sqrt().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A vowel of this pitch.
    fn vowel(hertz: f32, samples: usize) -> Vec<f32> {
        let phase = |i: usize| i as f32 / 48_000.0 * hertz * std::f32::consts::TAU;
        (0..samples).map(|i| (1..9).map(|h| (phase(i) * h as f32 + h as f32).sin() * 0.2 / h as f32).sum()).collect()
    }

    fn noise(samples: usize, loudness: f32) -> Vec<f32> {
        let mut seed = 9u32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..samples).map(|_| next() * loudness).collect()
    }

    /// The greatest step from one sample to the next.
    fn steepest(pcm: &[f32]) -> f32 {
        pcm.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_vowel_loses_or_gains_whole_periods_without_a_click() {
        for hertz in [80.0, 110.0, 173.0, 240.0, 390.0] {
            let pcm = vowel(hertz, 4800);
            let (mut shorter, mut longer) = (pcm.clone(), pcm.clone());
            let removed = shorten(&mut shorter, 1000, Need::Gentle, 0).unwrap().removed;
            let added = lengthen(&mut longer, 1000, Need::Gentle).unwrap();
            assert_eq!((shorter.len(), longer.len()), (4800 - removed, 4800 + added));
            for changed in [removed, added] {
                let periods = changed as f32 * hertz / 48_000.0;
                assert!((periods - periods.round()).abs() < 0.03, "{hertz} Hz: {periods} periods");
            }
            for changed in [shorter, longer] {
                assert!(steepest(&changed) <= steepest(&pcm) * 1.05, "{hertz} Hz clicks");
            }
        }
    }

    #[test]
    fn whole_periods_go_and_only_a_joint_is_a_mixture() {
        // Periods of 3, 4 and 6 ms.
        for (hertz, period, most) in [(333.333, 144, 5), (250.0, 192, 3), (166.667, 288, 2)] {
            let pcm = vowel(hertz, 4800);
            for surplus in [0, 400, 5000] {
                let mut shorter = pcm.clone();
                let Shortened { removed, mixed } = shorten(&mut shorter, 1000, Need::Gentle, surplus).unwrap();
                let periods = (removed + 2) / period;
                assert!(removed.abs_diff(period * periods) <= 2 && (1..=most).contains(&periods), "{hertz} Hz: {removed}");
                assert!(surplus < LONGEST || removed > LONGEST / 2, "{hertz} Hz: {removed}, and many are too many");
                assert!(steepest(&shorter) <= steepest(&pcm) * 1.05, "{hertz} Hz clicks");
                let joint = (1000..1000 + LONGEST).find(|at| shorter[*at] != pcm[*at]).unwrap();
                assert_eq!(shorter[joint + mixed..], pcm[joint + mixed + removed..], "{hertz} Hz");
            }
        }
        let mut quiet = noise(4800, 0.002);
        let shortened = shorten(&mut quiet, 1000, Need::Idle, LONGEST).unwrap();
        assert!(shortened.removed > LONGEST / 2, "in a pause any piece will do: {shortened:?}");
    }

    #[test]
    fn what_is_before_and_after_the_place_stays_as_it_is() {
        let pcm = vowel(150.0, 4800);
        let mut shorter = pcm.clone();
        let removed = shorten(&mut shorter, 1000, Need::Gentle, 0).unwrap().removed;
        assert_eq!(shorter[..1000], pcm[..1000]);
        assert_eq!(shorter[1000 + removed..], pcm[1000 + 2 * removed..]);
        let mut longer = pcm.clone();
        let added = lengthen(&mut longer, 1000, Need::Gentle).unwrap();
        assert_eq!((&longer[..1000], &longer[1000 + added..]), (&pcm[..1000], &pcm[1000..]));
    }

    #[test]
    fn a_consonant_is_left_alone_unless_time_presses_and_quiet_is_not() {
        let mut loud = noise(4800, 0.5);
        assert_eq!(shorten(&mut loud, 1000, Need::Gentle, LONGEST), None);
        assert_eq!(lengthen(&mut loud, 1000, Need::Gentle), None);
        assert!(shorten(&mut noise(4800, 0.002), 1000, Need::Gentle, 0).is_some());
        assert!(shorten(&mut noise(4800, 0.002), 1000, Need::Idle, 0).is_some());
        assert_eq!(shorten(&mut vowel(150.0, 4800), 1000, Need::Idle, LONGEST), None, "somebody speaks");
        let silence = shorten(&mut vec![0.0; 4800], 1000, Need::Gentle, 0);
        assert_eq!(silence.map(|shortened| shortened.removed), Some(LONGEST));
    }

    #[test]
    fn too_little_sound_is_no_place() {
        let mut pcm = vowel(150.0, AHEAD);
        assert_eq!(shorten(&mut pcm, 1, Need::Urgent, LONGEST), None);
        assert_eq!(lengthen(&mut pcm, LONGEST - 1, Need::Urgent), None);
        assert_eq!(lengthen(&mut pcm, LONGEST + 1, Need::Urgent), None);
    }
}
