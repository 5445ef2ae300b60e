//! Every sentence the window says, in one place, ready for translation.
//!
//! Those that the engine says (notices, results of calls) come through the snapshot, from `engine/sentences.rs`. egui 0.37 has no
//! bidirectional text: a run of right-to-left letters reads as it should, but runs and lines stand from left to right.

mod call;
mod desk;
mod invitation;
mod people;
mod profile;
mod reach;
mod settings;
mod talk;

pub use self::call::*;
pub use self::desk::*;
pub use self::invitation::*;
pub use self::people::*;
pub use self::profile::*;
pub use self::reach::*;
pub use self::settings::*;
pub use self::talk::*;

pub const APP: &str = "Vesper";
pub const STARTING: &str = "Opening your profile…";
pub const BUSY: &str = "Vesper is still working on what you asked before. Try again in a moment.";

// On buttons in many places.
pub const BACK: &str = "Back";
pub const MORE: &str = "More";
pub const CANCEL: &str = "Cancel";
pub const CLOSE: &str = "Close";
pub const DISMISS: &str = "Dismiss";
pub const SAVE: &str = "Save";

/// How long ago `then` was, both Unix seconds: short, for the edge of a row. Free of time zones and locales.
pub fn ago(then: u64, now: u64) -> String {
    match now.saturating_sub(then) {
        0..60 => "now".to_owned(),
        past @ 60..3600 => format!("{} min", past / 60),
        past @ 3600..86_400 => format!("{} h", past / 3600),
        past @ 86_400..604_800 => format!("{} d", past / 86_400),
        past => format!("{} wk", past / 604_800),
    }
}

/// The same in a sentence of its own.
pub fn long_ago(then: u64, now: u64) -> String {
    match ago(then, now) {
        just if just == "now" => "just now".to_owned(),
        past => format!("{past} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_ago_are_short_and_a_clock_set_back_is_now() {
        let now = 1_700_000_000;
        assert_eq!(ago(now + 50, now), "now");
        assert_eq!(ago(now - 300, now), "5 min");
        assert_eq!(ago(now - 90_000, now), "1 d");
    }
}
