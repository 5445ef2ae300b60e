//! How long a passphrase would hold, in honest words.
//!
//! The estimate is zxcvbn's (Wheeler, USENIX Security 2016): words, names, keyboard walks and dates are what guessers try first.
//! One guess costs a guesser 64 MiB and three passes (see the vault's `header.rs`); ten thousand guesses a second are a rack of
//! machines, which is what the sentence assumes.

use std::time::Duration;

use zxcvbn::{Score, zxcvbn};

/// Guesses a second of a guesser who spends real money.
const GUESSES_A_SECOND: f64 = 10_000.0;
/// What follows is not looked at: the estimate takes time that grows with the square of the length.
const MOST: usize = 100;
const YEAR: f64 = 365.25 * 86_400.0;

/// How strong a passphrase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// 0 for none, 1 for one that is found at once, to 4 for one that is not found.
    pub bars: u8,
    /// The sentence to show beside the bars.
    pub words: &'static str,
}

/// Estimates `passphrase`; `own` are words that a guesser knows, such as the person's name.
pub fn strength(passphrase: &str, own: &[&str]) -> Strength {
    if passphrase.is_empty() {
        return Strength { bars: 0, words: "" };
    }
    let start: String = passphrase.chars().take(MOST).collect();
    let estimate = zxcvbn(&start, own);
    let seconds = 10f64.powf(estimate.guesses_log10()) / GUESSES_A_SECOND;
    let (bars, words) = match seconds {
        s if s < Duration::from_secs(3600).as_secs_f64() => (1, "Weak: found within the hour"),
        s if s < 30.0 * 86_400.0 => (1, "Weak: found within days"),
        s if s < YEAR => (2, "Fair: found within a year by somebody determined"),
        s if s < 100.0 * YEAR => (3, "Good: would take years to guess"),
        _ if estimate.score() < Score::Four => (3, "Good: would take years to guess"),
        _ => (4, "Strong: would take centuries to guess"),
    };
    Strength { bars, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guessers_try_first_is_weak_and_a_row_of_rare_words_is_strong() {
        for (passphrase, bars) in [
            ("", 0),
            ("password", 1),
            ("qwertyuiop", 1),
            ("Summer2024!", 1),
            ("alexmoreau", 1),
            ("correct horse battery staple", 4),
            ("walrus tiptoes beyond the quarry", 4),
        ] {
            assert_eq!(strength(passphrase, &["Alex", "Moreau"]).bars, bars, "{passphrase}: {:?}", strength(passphrase, &[]));
        }
    }

    #[test]
    fn a_whole_book_is_estimated_by_its_start() {
        let book = "gable otter prism lantern ".repeat(40_000);
        assert_eq!(strength(&book, &[]), strength(&book[..MOST], &[]));
    }
}
