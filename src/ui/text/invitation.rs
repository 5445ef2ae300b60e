//! The sentences of adding a person, and of our invitations that are open: which is which, how long each holds, and what became of it.

use super::talk::{capital, clock, day};
use crate::engine::snapshot::{InvitationUse, LocalTime};

// Adding a person.
pub const ADD_TITLE: &str = "Add a person";
pub const THEIRS: &str = "I have an invitation";
pub const MINE: &str = "Invite somebody";
pub const THEIRS_SUB: &str = "Paste the invitation that somebody made for you. They are asked before you can call each other.";
pub const INVITATION: &str = "Invitation";
pub const INVITATION_HINT: &str = "vesper:…";
pub const INVITATION_WRONG: &str = "An invitation starts with vesper: — copy the whole text that you were sent.";
pub const PETNAME: &str = "What you call them";
pub const PETNAME_HINT: &str = "As they call themselves";
pub const SEND_REQUEST: &str = "Send request";
pub const MINE_SUB: &str = "Give it to one person, by a way you trust: on paper, in person, over a messenger. Whoever has it can ask to be your contact, and you decide.";
pub const MAKE_INVITATION: &str = "Make an invitation";
pub const HOLDS_FOR: &str = "Valid for";
pub const HOLDS: [(&str, u32); 3] = [("1 hour", 1), ("1 day", 24), ("1 week", 168)];
pub const COPY: &str = "Copy invitation";
pub const COPIED: &str = "Copied";
pub const WITHDRAW: &str = "Withdraw";
pub const QR_NAME: &str = "The invitation as a QR code";

// The invitations that are open.
pub const WHOM: &str = "For whom? (only you see this)";
pub const WHOM_HINT: &str = "Optional";
pub const MAKE_ANOTHER: &str = "Make another";
pub const ALSO_OPEN: &str = "ALSO OPEN";
pub const ALL_OPEN: &str = "Eight invitations are open. Withdraw one to make another.";
pub const COPY_ONE: &str = "Copy";
pub const INVITATION_USED: &str = "Somebody has used it: their request waits for your answer in the list.";
pub const INVITATION_ACCEPTED: &str =
    "You accepted the person who used it. It disappears from this list once their computer has been told.";

/// Which invitation it is, if the person said for whom: `for Maya`.
pub fn for_whom(label: &str) -> Option<String> {
    (!label.is_empty()).then(|| format!("for {label}"))
}

/// Which invitation it is, if nothing but the time tells it from others: `made today at 14:05`.
pub fn made(at: LocalTime, now: LocalTime) -> String {
    let day = day(at, now);
    let day = match now.day_number - at.day_number {
        0 | 1 => day.to_lowercase(),
        _ => format!("on {day}"),
    };
    format!("made {day} at {}", clock(at))
}

/// Which invitation it is, above it.
pub fn invitation_title(which: &str) -> String {
    capital(which)
}

/// The button beside an invitation in the list, for screen readers.
pub fn copy_which(which: &str) -> String {
    format!("{COPY_ONE} the invitation {which}")
}

/// The other one.
pub fn withdraw_which(which: &str) -> String {
    format!("{WITHDRAW} the invitation {which}")
}

/// How long an invitation holds, or what became of it.
pub fn invitation_state(used: InvitationUse, expires: u64, now: u64) -> String {
    match used {
        InvitationUse::Unused => invitation_holds(expires, now),
        InvitationUse::Asked => INVITATION_USED.to_owned(),
        InvitationUse::Accepted => INVITATION_ACCEPTED.to_owned(),
    }
}

/// The same on one line of the list.
pub fn invitation_state_short(used: InvitationUse, expires: u64, now: u64) -> String {
    match used {
        InvitationUse::Unused => valid_for(expires.saturating_sub(now)),
        InvitationUse::Asked => "Used: the request waits in the list".to_owned(),
        InvitationUse::Accepted => "Used: you accepted the request".to_owned(),
    }
}

/// When an invitation ends.
pub fn invitation_holds(expires: u64, now: u64) -> String {
    let left = left(expires.saturating_sub(now));
    left.map_or_else(|| "It has expired. Make a new one.".to_owned(), |left| format!("Works once, for {left}."))
}

fn valid_for(seconds: u64) -> String {
    left(seconds).map_or_else(|| "Expired".to_owned(), |left| format!("Valid for {left}"))
}

/// `24 more hours`, `one more minute`; nothing once it is over. What has begun of the last unit counts as a whole one.
fn left(seconds: u64) -> Option<String> {
    let (count, unit) = match seconds {
        0 => return None,
        1..=7200 => (seconds.div_ceil(60), "minute"),
        7201..=172_800 => (seconds.div_ceil(3600), "hour"),
        _ => (seconds.div_ceil(86_400), "day"),
    };
    Some(if count == 1 { format!("one more {unit}") } else { format!("{count} more {unit}s") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::snapshot::{MAX_OPEN_INVITATIONS, Zone};

    #[test]
    fn an_invitation_is_told_from_others_by_whom_it_is_for_or_by_when_it_was_made() {
        assert_eq!(for_whom("Maya").as_deref().map(invitation_title).as_deref(), Some("For Maya"));
        assert_eq!(for_whom(""), None);
        let now = 1_790_000_000; // Monday, 21 September 2026, 14:13
        let made = |ago: u64| made(Zone::default().at((now - ago) * 1000), Zone::default().at(now * 1000));
        assert_eq!(made(400), "made today at 14:06");
        assert_eq!(made(86_400), "made yesterday at 14:13");
        assert_eq!(made(3 * 86_400), "made on Friday at 14:13");
        assert_eq!(made(30 * 86_400), "made on 22 August at 14:13");
    }

    #[test]
    fn an_invitation_of_the_list_says_for_how_long_it_is_valid_or_that_it_was_used() {
        assert_eq!(invitation_state_short(InvitationUse::Unused, 86_399, 0), "Valid for 24 more hours");
        assert_eq!(invitation_state_short(InvitationUse::Unused, 130, 100), "Valid for one more minute");
        assert_eq!(invitation_state_short(InvitationUse::Unused, 100, 100), "Expired");
        assert_eq!(invitation_state_short(InvitationUse::Asked, 100, 0), "Used: the request waits in the list");
    }

    #[test]
    fn an_invitation_says_how_long_it_is_valid_and_a_fresh_one_as_long_as_was_chosen() {
        assert_eq!(invitation_holds(100, 100), "It has expired. Make a new one.");
        assert_eq!(invitation_holds(86_400, 0), "Works once, for 24 more hours.");
        assert_eq!(invitation_holds(160, 100), "Works once, for one more minute.");
        assert_eq!(invitation_holds(161, 100), "Works once, for 2 more minutes.");
        assert_eq!(invitation_holds(3600, 0), "Works once, for 60 more minutes.");
        assert_eq!(invitation_holds(7201, 0), "Works once, for 3 more hours.");
        assert_eq!(invitation_holds(86_399, 0), "Works once, for 24 more hours.");
        assert_eq!(invitation_holds(604_799, 0), "Works once, for 7 more days.");
    }

    #[test]
    fn as_many_are_open_as_the_sentence_says() {
        assert!(ALL_OPEN.starts_with("Eight ") && MAX_OPEN_INVITATIONS == 8);
    }
}
