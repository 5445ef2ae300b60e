//! The sentences of conversations.

use crate::engine::snapshot::{Call, LocalTime, Outcome, State, links::Warning};

pub const MESSAGES_NOTE: &str = "Messages and calls are end-to-end encrypted.";
pub const VIEW_NUMBER: &str = "View safety number";
pub const VERIFY_NOW: &str = "Verify now";
pub const SEND: &str = "Send";
pub const NEWEST: &str = "Jump to the newest message";
pub const UNREAD: &str = "New messages";
pub const TODAY: &str = "Today";
pub const YESTERDAY: &str = "Yesterday";
pub const CONVERSATION: &str = "Conversation";
pub const SEARCH_CONVERSATION: &str = "Search this conversation";
pub const WORDS_TO_FIND: &str = "Words to find here";
pub const CLOSE_SEARCH: &str = "Close the search";
pub const OLDER: &str = "Older match";
pub const NEWER: &str = "Newer match";
pub const NOTHING_FOUND: &str = "No message contains these words.";
pub const FOUND_MESSAGES: &str = "MESSAGES";
pub const COPY_TEXT: &str = "Copy text";
pub const DELETE_MESSAGE: &str = "Delete here";
pub const DELETE_CONVERSATION: &str = "Delete conversation";
pub const DELETE_CONVERSATION_SUB: &str =
    "All messages and calls with them are erased from this computer and cannot be brought back. Theirs stay on their computer.";
pub const DELETE: &str = "Delete";
pub const MESSAGES_OPENING: &str = "Your messages are being opened…";
pub const MESSAGES_FAILED: &str = "Your messages cannot be read";
pub const MESSAGES_LOCKED: &str = "Your messages are locked. Unlock Vesper to read and write.";
pub const CANNOT_WRITE: &str = "To write to each other again, unblock and invite them.";
pub const OPEN_LINK: &str = "Open link";
pub const COPY_LINK: &str = "Copy link";
pub const OPEN_LINK_TITLE: &str = "Open this link?";
pub const OPEN_LINK_SUB: &str = "It opens in your browser, and whoever runs this site sees your address. It leads to:";
pub const SHOW_MESSAGES: &str = "Show messages";
pub const HIDE_MESSAGES: &str = "Hide messages";
pub const PRESENCE: &str = "Show that I am online";
pub const PRESENCE_SUB: &str = "To your contacts only. Without it, you do not see which of them are online either";

/// How many characters have to go before a message can be sent, said while it is written.
pub fn too_long(characters: usize) -> String {
    match characters {
        1 => "One character too many for one message. Send it in parts.".to_owned(),
        many => format!("{many} characters too many for one message. Send it in parts."),
    }
}

/// What stands in the empty field.
pub fn message_to(name: &str) -> String {
    format!("Message {}", name.split_whitespace().next().unwrap_or(name))
}

/// What stands below a text of ours where that has to be said: what became of it, and its time.
pub fn state(state: State, time: &str) -> String {
    let state = if state == State::Waiting { "Waiting" } else { "Delivered" };
    format!("{state} · {time}")
}

/// What holds texts back that wait.
pub fn waits_for(name: &str) -> String {
    format!("Waiting until you and {name} are both online")
}

/// A text, for screen readers.
pub fn spoken_text(name: &str, mine: bool, time: &str, body: &str, state: State) -> String {
    if mine { format!("You, {}: {body}", self::state(state, time)) } else { format!("{name}, {time}: {body}") }
}

/// A call in the thread.
pub fn call(call: &Call) -> String {
    let kind = if call.video { "video call" } else { "voice call" };
    let said = match (call.outcome, call.outgoing) {
        (Outcome::Talked, _) => format!("{kind} · {}", length(call.seconds)),
        (Outcome::Missed, _) => format!("missed {kind}"),
        (Outcome::Declined, true) => format!("{kind} declined"),
        (Outcome::Declined, false) => format!("you declined a {kind}"),
        (Outcome::Unanswered, _) => format!("{kind}, no answer"),
        (Outcome::Busy, _) => format!("{kind}, busy"),
        (Outcome::Failed, _) => format!("{kind}, not connected"),
    };
    capital(&said)
}

/// Which way a call went, for screen readers.
pub fn direction(call: &Call) -> &'static str {
    if call.outgoing { "you called" } else { "they called" }
}

/// `09:42`.
pub fn clock(at: LocalTime) -> String {
    format!("{:02}:{:02}", at.hour, at.minute)
}

/// When a text was written, to the second: what a thread of days and minutes leaves out.
pub fn moment(at: LocalTime) -> String {
    let (weekday, month) = (WEEKDAYS[usize::from(at.weekday)], MONTHS[usize::from(at.month) - 1]);
    format!("{weekday}, {} {month} {}, {}:{:02}", at.day, at.year, clock(at), at.second)
}

/// The heading of a day.
pub fn day(at: LocalTime, now: LocalTime) -> String {
    match now.day_number - at.day_number {
        0 => TODAY.to_owned(),
        1 => YESTERDAY.to_owned(),
        2..7 => WEEKDAYS[usize::from(at.weekday)].to_owned(),
        _ if at.year == now.year => format!("{} {}", at.day, MONTHS[usize::from(at.month) - 1]),
        _ => format!("{} {} {}", at.day, MONTHS[usize::from(at.month) - 1], at.year),
    }
}

/// The edge of a row in the list: a clock today, a day before.
pub fn edge(at: LocalTime, now: LocalTime) -> String {
    match now.day_number - at.day_number {
        0 => clock(at),
        2..7 => WEEKDAYS[usize::from(at.weekday)][..3].to_owned(),
        2.. if at.year == now.year => format!("{} {}", at.day, &MONTHS[usize::from(at.month) - 1][..3]),
        _ => day(at, now),
    }
}

/// What a person of the list wrote last.
pub fn last_text(mine: bool, body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    if mine { format!("You: {line}") } else { line }
}

/// What stands below a name in the list and at its edge, for screen readers.
pub fn last_and_when(last: &str, when: Option<&str>) -> String {
    when.map_or_else(|| last.to_owned(), |when| format!("{last}, {when}"))
}

/// What is unread, at the end of a row's sentence for screen readers.
pub fn unread_messages(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => ", one new message".to_owned(),
        many => format!(", {many} new messages"),
    }
}

/// Where the search stands: `3 of 12`.
pub fn match_of(at: usize, count: usize) -> String {
    format!("{at} of {count}")
}

pub fn delete_conversation_title(name: &str) -> String {
    format!("Delete the conversation with {name}?")
}

/// A link in a text, for screen readers.
pub fn link_to(host: &str) -> String {
    format!("Link to {host}")
}

/// Why a host is suspicious.
pub fn warning(warning: Warning) -> &'static str {
    match warning {
        Warning::Punycode => {
            "The name is spelled in code (xn--) and may be made to look like another one. Open it only if you expect it."
        }
        Warning::MixedScripts => {
            "The name mixes letters of several alphabets that look alike. This is how fake sites are made; it is safer not to open it."
        }
        Warning::NotAscii => {
            "The name has letters outside the Latin alphabet and may be made to look like another one. Look closely."
        }
        Warning::UserPart => {
            "What stands before the @ only looks like a site. The link leads to the name above. It is safer not to open it."
        }
    }
}

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

fn length(seconds: u32) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::snapshot::Zone;

    fn at(unix: u64) -> LocalTime {
        Zone::default().at(unix * 1000)
    }

    #[test]
    fn days_are_named_as_people_name_them() {
        let now = 1_790_000_000; // Monday, 21 September 2026, 14:13
        let cases = [
            (0, "Today", "14:13"),
            (1, "Yesterday", "Yesterday"),
            (3, "Friday", "Fri"),
            (30, "22 August", "22 Aug"),
            (400, "17 August 2025", "17 August 2025"),
        ];
        for (days, wanted, short) in cases {
            let then = at(now - days * 86_400);
            assert_eq!((day(then, at(now)).as_str(), edge(then, at(now)).as_str()), (wanted, short));
        }
    }

    #[test]
    fn a_moment_is_told_whole() {
        assert_eq!(moment(at(1_790_000_000)), "Monday, 21 September 2026, 14:13:20");
    }

    #[test]
    fn calls_read_as_sentences() {
        let of = |outcome, outgoing, seconds| call(&Call { outgoing, video: true, outcome, seconds });
        assert_eq!(of(Outcome::Talked, true, 1440), "Video call · 24 min");
        assert_eq!(of(Outcome::Missed, false, 0), "Missed video call");
        assert_eq!(of(Outcome::Declined, false, 0), "You declined a video call");
    }
}
