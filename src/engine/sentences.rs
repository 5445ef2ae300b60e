//! Every sentence that the engine says by itself, to both views, in one place and ready for translation. Errors say their own, where they
//! are defined; what the window says is in `ui::text`, and how calls end in [`EndReason`](crate::call::EndReason).

use std::path::Path;
use std::time::Duration;

use super::words::in_words;
use crate::contacts::names::ECHO;
use crate::media::events::MediaSource;

pub const UNLOCK_FIRST: &str = "Unlock Vesper first.";
pub const NEW_PASSPHRASE: &str = "Your new passphrase is set.";
pub const NO_PASSPHRASE: &str = "The passphrase is removed: whoever uses this computer can open the profile.";
pub const WIPED: &str = "Everything in this profile is removed from this computer. Backups that you made are where you put them.";
pub const WAITS_FOR_A_PERSON: &str = "the window still waits for a name or a passphrase; go there first";

/// In place of a name, while the profile is locked.
pub const SOMEBODY: &str = "Somebody you know";

// Devices.
pub const CAMERA_IN_CALL: &str = "The call is using the camera. What you see there is what they see.";
pub const MICROPHONE_IN_CALL: &str = "The call is using the microphone.";
pub const NO_CAMERA: &str = "Vesper was started without a camera.";
pub const NO_MICROPHONE: &str = "Vesper was started without a microphone.";
pub const NO_SPEAKER: &str = "Vesper was started without a speaker.";
/// Why follows, after a colon.
pub const SOUND_NOT_SENT: &str = "Your sound cannot be sent";
pub const SOUND_NOT_PLAYED: &str = "Their sound cannot be played";

// Invitations.
pub const OURS_USED_TWICE: &str =
    "Two people used one of your invitations, so one of them is not the person you invited. Compare safety numbers.";
pub const USED_TWICE: &str =
    "Two people used this invitation, so one of them is not the person you invited. Compare safety numbers.";
pub const INVITATION_ENDED: &str =
    "This invitation is no longer valid: it was used, withdrawn or has expired. Ask for a new one.";
/// Below a request of ours that waits.
pub const REQUEST_LEAVES: &str = "Sending your request…";
pub const REQUEST_ARRIVED: &str = "They have your request and have not answered yet";
pub const REQUEST_UNREACHABLE: &str = "Not reachable yet; trying again. They need to be online, on your network or with a relay";
pub const REQUEST_ASKS_RELAY: &str =
    "Their relay, which is not one of yours, would see this computer's address. Nothing is sent before you allow it";

// Safety numbers.
pub const SCAN_AFTER_CALL: &str = "The call is using the camera. Read the number to each other, or scan the code after the call.";
pub const SCAN_WITHOUT_CAMERA: &str = "Vesper was started without a camera. Read the number to each other.";
pub const CODE_OF_OTHERS: &str = "This code belongs to two other people. Each of you has to open the other's safety number.";
pub const CODE_OF_NEWER: &str = "This code was made by a newer Vesper. Update this one.";
pub const NO_CODE: &str = "This is not a Vesper safety number. Hold their code up to the camera.";

// A call.
pub const NOTHING_ARRIVES: &str = "Nothing arrives from the other side right now. Stay on the line: Vesper keeps trying.";
pub const BUSY_COMPUTER: &str = "This computer has too much to do, so picture and sound may stop. Close what you do not need.";
pub const SOUND_BROKEN: &str = "The sound breaks up: too much gets lost on the way.";
pub const LONG_DELAY: &str = "There is a long delay on the connection.";
pub const SLOW: &str = "Your connection is slow: sound comes first, and the picture returns as it recovers.";
pub const SOUND_FIRST: &str = "Your connection is slow: sound comes first.";
pub const ONLY_SOUND: &str = "Your connection is very slow: only sound is sent.";
pub const FAST_AGAIN: &str = "Your connection is fast enough again.";
pub const ON_LINK: &str = "The call goes over the same connection as your messages, with a smaller picture.";
pub const ON_RELAY: &str = "No direct connection was found, so the call goes through the relay, with a smaller picture.";
pub const OFF_LINK: &str = "A better connection was found; the picture improves.";
pub const MISSED_CALL: &str = "Missed call";

pub fn works_again(source: MediaSource) -> &'static str {
    match source {
        MediaSource::Camera => "Your camera works again.",
        MediaSource::Microphone => "Your microphone works again.",
        MediaSource::Speaker => "Your speaker works again.",
    }
}

pub fn backup_written(path: &str) -> String {
    format!("The backup was written to {path}. Keep it away from this computer.")
}

pub fn wiped_in_part(error: &anyhow::Error) -> String {
    format!("Not everything could be removed; look at the folder yourself: {}", in_words(error))
}

pub fn newer_exists(name: &str, theirs: &str, ours: &str) -> String {
    format!("A newer Vesper exists: {name} runs {theirs}, this is {ours}.")
}

pub fn unblocked(name: &str) -> String {
    format!("{name} is unblocked and is no longer a contact. To be in touch again, one of you has to invite the other.")
}

pub fn rings_too_often(name: &str) -> String {
    format!("{name} called several times; further calls are only noted for a minute.")
}

/// What is suspicious in a name that somebody proposes: a contact's name is like it.
pub fn looks_like(name: &str, petname: &str, verified: bool) -> String {
    let verified = if verified { ", whom you verified," } else { "" };
    format!("“{name}” looks like your contact {petname}{verified} but has a different key.")
}

pub fn looks_like_echo(name: &str) -> String {
    format!("“{name}” looks like {ECHO}, the built-in contact, but has a different key.")
}

pub fn mixes_alphabets(name: &str) -> String {
    format!("“{name}” mixes letters from several alphabets, a common way to imitate another name.")
}

/// Of a request from somebody who is a contact.
pub fn known_already(name: &str) -> String {
    format!("This is the key of {name}, whom you know already.")
}

/// Of a request whose name looks like a contact's, as `likeness` says.
pub fn request_looks_like(likeness: &str) -> String {
    format!(
        "{likeness} This may be somebody else, or the same person on a new computer. Ask them in another way before you accept."
    )
}

/// Of a new contact whose name looks like another one's.
pub fn contact_looks_like(likeness: &str, petname: &str) -> String {
    format!("{likeness} They are called {petname} here. Compare the safety number before you trust them.")
}

/// Of a call by somebody whose name looks like another contact's.
pub fn caller_looks_like(likeness: &str) -> String {
    format!("{likeness} Compare the words before you trust the call.")
}

pub fn invited_by_blocked(name: &str) -> String {
    format!("This invitation was made by {name}, whom you blocked. Unblock them first if you want to talk to them.")
}

pub fn code_of_another_key(name: &str) -> String {
    format!(
        "This code belongs to a different key from the one you have for {name}. Somebody may be in between: do not trust calls with this contact."
    )
}

pub fn code_for_another_key(name: &str) -> String {
    format!("The key that {name} has for you is not yours. Somebody may be in between: do not trust calls with this contact.")
}

/// Of a call that must not show our address.
pub fn needs_relay(name: &str) -> String {
    format!(
        "A call with {name} may only go through a relay, and none for calls is set. Set one in the settings and hide your address there, start Vesper with --ice-server turn:…, or let this contact learn your address."
    )
}

pub fn statistics_not_written(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{} cannot be written: {error}; choose another file", path.display())
}

pub fn statistics_stopped(error: &dyn std::fmt::Display) -> String {
    format!("the statistics stopped: {error}; free some space, or choose another file")
}

pub fn no_socket(error: &dyn std::fmt::Display) -> String {
    format!("No socket for the call could be opened: {error}")
}

pub fn microphone_not_changed(error: &dyn std::fmt::Display) -> String {
    format!("The microphone could not be changed: {error}")
}

/// What happened last with a contact, in a few words: a call that lasted, or how else it went.
pub fn talked(video: bool, lasted: Duration) -> String {
    format!("{} · {}", kind(video), length(lasted))
}

pub fn missed(video: bool) -> String {
    format!("Missed {}", kind(video).to_lowercase())
}

pub fn declined(video: bool) -> String {
    format!("{} declined", kind(video))
}

pub fn no_answer(video: bool) -> String {
    format!("{}, no answer", kind(video))
}

fn kind(video: bool) -> &'static str {
    if video { "Video call" } else { "Voice call" }
}

fn length(lasted: Duration) -> String {
    match lasted.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_any_length_reads_as_people_say_it() {
        let lasted = |seconds| talked(true, Duration::from_secs(seconds));
        assert_eq!(lasted(59), "Video call · 59 s");
        assert_eq!(lasted(3599), "Video call · 59 min");
        assert_eq!(lasted(5400), "Video call · 1 h 30 min");
        assert_eq!(missed(false), "Missed voice call");
    }
}
