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
    said
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
}
