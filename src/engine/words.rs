//! Errors as sentences for a person.

use anyhow::Error;

/// What went wrong and why, each said once: some errors name their cause themselves.
pub fn in_words(error: &Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    without_numbers(&said)
}

/// With a capital in front and a full stop behind: what drivers and files say of themselves often has neither.
pub fn whole(text: &str) -> String {
    let text = without_numbers(text.trim());
    let mut letters = text.chars();
    let mut whole: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    if !whole.is_empty() && !whole.ends_with(['.', '!', '?', '…']) {
        whole.push('.');
    }
    whole
}

/// Leaves out the numbers that the system gives its errors: they say nothing to a person that the words before them do not.
fn without_numbers(text: &str) -> String {
    const NUMBER: &str = " (os error ";
    let mut rest = text;
    let mut kept = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once(NUMBER) {
        kept.push_str(before);
        match after.split_once(')') {
            Some((number, behind)) if number.parse::<i32>().is_ok() => rest = behind,
            _ => {
                kept.push_str(NUMBER);
                rest = after;
            }
        }
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the file cannot be read: {source} (a.wav)")]
    struct Telling {
        source: std::io::Error,
    }

    #[test]
    fn a_cause_is_said_once() {
        let telling = Telling { source: std::io::Error::other("it is a folder") };
        assert_eq!(in_words(&telling.into()), "the file cannot be read: it is a folder (a.wav)");
        assert_eq!(in_words(&anyhow!("no key").context("it does not open")), "it does not open: no key");
    }

    #[test]
    fn a_warning_is_a_whole_sentence_and_stays_one() {
        assert_eq!(whole("étrange"), "Étrange.");
        assert_eq!(whole("The camera is busy. Close it there."), "The camera is busy. Close it there.");
        assert_eq!(whole(""), "");
    }

    #[test]
    fn the_numbers_of_the_systems_errors_are_left_out() {
        let full = std::io::Error::from_raw_os_error(28);
        assert_eq!(
            whole(&format!("it stopped: {full}; free some space")),
            "It stopped: No space left on device; free some space."
        );
        let failed = anyhow::Error::from(std::io::Error::from_raw_os_error(21)).context("a cannot be read");
        assert_eq!(in_words(&failed), "a cannot be read: Is a directory");
        assert_eq!(whole("a (os error in its name"), "A (os error in its name.");
    }
}
