//! Every sentence the window says, in one place, ready for translation.
//!
//! Those that the engine says (notices, results of calls) come through the snapshot, from `engine/sentences.rs`. egui 0.37 has no
//! bidirectional text: a run of right-to-left letters reads as it should, but runs and lines stand from left to right.

mod call;
mod desk;
mod invitation;
mod reach;
mod talk;

use std::time::Duration;

pub use self::call::*;
pub use self::desk::*;
pub use self::invitation::*;
pub use self::reach::*;
pub use self::talk::*;
use crate::engine::snapshot::{CallMedia, VerifiedBy};

pub const APP: &str = "Vesper";
pub const STARTING: &str = "Opening your profile…";

// Welcome and lock.
pub const WELCOME: &str = "Welcome to Vesper";
pub const WELCOME_SUB: &str =
    "Private calls, straight from you to them. No account, no phone number: your identity is a key that stays on this device.";
pub const YOUR_NAME: &str = "Your name";
pub const YOUR_NAME_HINT: &str = "What your contacts see first";
pub const REACH: &str = "How others reach you";
pub const REACH_SUB: &str = "You can change this at any time in the settings.";
pub const START: &str = "Start Vesper";
pub const BACK: &str = "Back";
pub const REACH_NETWORK: &str = "This network only";
pub const REACH_NETWORK_SUB: &str = "Calls work between computers on the same network. People elsewhere cannot reach you.";
/// At the first start, where this way turns [`LAN`] on.
pub const REACH_NETWORK_FOUND: &str =
    "Computers on this network can then see that your key is here; you can turn that off in the settings.";
pub const REACH_RELAY: &str = "My own relay";
pub const REACH_RELAY_SUB: &str =
    "Works from anywhere. Whoever runs the relay sees who talks to whom and when, never what is said.";
pub const REACH_PUBLIC: &str = "Public relays";
pub const REACH_PUBLIC_SUB: &str = "Works from anywhere with nothing to set up. The relays of the iroh project see who talks to whom and when, never what is said.";
pub const RELAY_ADDRESS: &str = "Address of the relay";
pub const RELAY_ADDRESS_HINT: &str = "https://relay.example.org";
pub const RELAY_ADDRESS_WRONG: &str = "The address of a relay starts with https://";
pub const CREATE: &str = "Create my identity";
pub const LOCKED: &str = "Welcome back";
pub const LOCKED_SUB: &str = "Your profile is sealed. Its passphrase opens it; nobody can reset it for you.";
pub const PASSPHRASE: &str = "Passphrase";
pub const PASSPHRASE_WRONG: &str =
    "That is not the passphrase of this profile. Check capital letters and the keyboard's language, then try again.";
pub const SHOW_PASSPHRASE: &str = "Show the passphrase";
pub const HIDE_PASSPHRASE: &str = "Hide the passphrase";
pub const UNLOCK: &str = "Unlock";
pub const PASSPHRASE_KEEP: &str = "Nobody can reset it for you. Write it down somewhere safe.";
pub const PASSPHRASE_NONE: &str =
    "Without a passphrase, whoever uses or steals this computer can read everything here and call your contacts as you.";
pub const CREATE_OPEN: &str = "Create without a passphrase";
pub const HAVE_BACKUP: &str = "I already have a backup";
pub const NO_BACKUP: &str = "Make a new identity instead";
pub const RESTORE_TITLE: &str = "Restore your identity";
pub const RESTORE_SUB: &str = "The backup brings back your key and your contacts. Use an identity on one computer at a time.";
pub const BACKUP_FILE: &str = "Backup file";
pub const BACKUP_FILE_HINT: &str = "/home/you/vesper.backup";
pub const BACKUP_PASSPHRASE: &str = "Passphrase of the backup";
pub const NEW_PASSPHRASE: &str = "New passphrase";
pub const RESTORE: &str = "Restore";
pub const RESTORE_OPEN: &str = "Restore without a passphrase";
pub const FORGOTTEN: &str = "I forgot it";
pub const FORGOTTEN_SUB: &str = "Nobody can open this profile without its passphrase. You can remove it from this computer and start again, from a backup if you have one.";
pub const LOCKED_CALL: &str = "Somebody you know is calling. Unlock to see who it is, and to answer.";
pub const LOCKED_IN_CALL: &str = "Your call continues.";

// The list of people.
pub const CONTACTS: &str = "Chats";
pub const SEARCH: &str = "Search";
pub const ADD_PERSON: &str = "Add a person";
pub const SETTINGS: &str = "Settings";
pub const REQUESTS: &str = "REQUESTS";
pub const WAITING: &str = "WAITING FOR AN ANSWER";
pub const ACCEPT: &str = "Accept";
pub const REFUSE: &str = "Refuse";
pub const NOBODY_FOUND: &str = "Nobody here has that name.";
pub const NO_CONTACTS: &str = "Add the first person you want to call, or call Echo to try your camera and microphone.";

// One person.
pub const ONLINE: &str = "Online";
pub const OFFLINE: &str = "Offline";
pub const VERIFIED: &str = "Verified";
pub const NOT_VERIFIED: &str = "Not verified";
pub const BLOCKED: &str = "Blocked";
pub const ECHO_STATUS: &str = "Answers from inside this program";
pub const ECHO_SUB: &str = "Echo is a second person inside Vesper. It answers every call, sends your picture back, and your voice a \
                            second later, so that you can try your camera and microphone. Nothing leaves this computer. \
                            Echo reads no messages: to write to somebody, add a person.";
pub const ONLINE_SUB: &str = "They are online. No picture or sound is sent before they answer.";
pub const OFFLINE_SUB: &str = "Their computer cannot be reached just now. You can still call: Vesper looks for them once more.";
pub const IN_CALL_SUB: &str = "One call at a time: to call from here, end the other one first.";
pub const BLOCKED_SUB: &str = "You blocked this person. They cannot reach you, and are not told.";
pub const VOICE_CALL: &str = "Voice call";
pub const VIDEO_CALL: &str = "Video call";
pub const START_VIDEO_CALL: &str = "Start a video call";
pub const CALL_BACK: &str = "Call back";
pub const ENCRYPTED_NOTE: &str = "Calls are end-to-end encrypted.";
pub const MORE: &str = "More";
pub const RENAME: &str = "Rename";
pub const BLOCK: &str = "Block";
pub const UNBLOCK: &str = "Unblock";
pub const REMOVE: &str = "Remove";
pub const CANCEL: &str = "Cancel";
pub const CLOSE: &str = "Close";
pub const DISMISS: &str = "Dismiss";
pub const SAVE: &str = "Save";
pub const RENAME_SUB: &str = "Only you see this name.";
pub const NAME: &str = "Name";
pub const REMOVE_SUB: &str = "They can no longer call you or write to you, and your conversation is deleted here. To be in touch again, one of you has to invite the other.";
pub const BLOCK_SUB: &str = "They can no longer reach you, and are not told. If you unblock them later, they leave your contacts, your conversation is deleted here, and one of you has to invite the other again.";
pub const UNBLOCK_SUB: &str =
    "They leave your contacts, and your conversation is deleted here. To be in touch again, one of you has to invite the other.";
pub const UNBLOCK_SURE: &str = "Unblock and remove";

// The safety number.
pub const VERIFY: &str = "Verify";
pub const SAFETY_NUMBER: &str = "SAFETY NUMBER";
pub const SAFETY_CODE: &str = "Your safety number as a QR code";
pub const SCAN_CODE: &str = "Scan their code";
pub const STOP_SCANNING: &str = "Close the camera";
pub const SCANNING: &str = "Hold their code up to your camera.";
pub const SCAN_PICTURE: &str = "What your camera sees";
pub const COPY_NUMBER: &str = "Copy number";
pub const NOT_NOW: &str = "Not now";
pub const THEY_MATCH: &str = "They match";
pub const CLOSE_VERIFY: &str = "Done";
pub const TAKE_BACK: &str = "Remove verification";
pub const YOU_HAVE_NOT_VERIFIED: &str = "You have not verified this contact";
pub const SCAN_MATCHED: &str = "The codes match: nobody is in between.";
pub const COMPARE_NUMBER: &str = "Compare the safety number";

// What a contact may do.
pub const PERMISSIONS: &str = "Calls and address";
pub const MAY_RING: &str = "Calls ring";
pub const MAY_RING_SUB: &str = "If off, their calls are only listed as missed. They are not told.";
pub const THEIR_VIEW: &str = "What their computer may learn of your address in a call";
pub const CANDIDATES_ALL: &str = "Your addresses";
pub const CANDIDATES_ALL_SUB: &str =
    "Calls take the shortest way and sound best. Their computer learns your address when you answer or are answered.";
pub const CANDIDATES_RELAY: &str = "Only a relay's";
pub const CANDIDATES_RELAY_SUB: &str = "Calls go through a relay, take longer to arrive, and need one to be set.";
pub const CANDIDATES_ASK: &str = "Ask me for each call";
pub const CANDIDATES_ASK_SUB: &str = "Nothing about your address is sent until you say so, for each call.";
pub const USE_THEIR_RELAY: &str = "Use their relay";
pub const STOP_THEIR_RELAY: &str = "Stop using their relay";
pub const ALLOW: &str = "Allow";
pub const DO_NOT_SEND: &str = "Do not send";
pub const SHARE_ADDRESS: &str = "Share my address";
pub const USE_RELAY_ONCE: &str = "Through the relay";
pub const NO_RELAY_FOR_CALLS: &str = "No relay hides your address in calls, so this call can only go directly.";

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

// A call.
pub const INCOMING_TITLE: &str = "Incoming call";
pub const DECLINE: &str = "Decline";
pub const ACCEPT_AUDIO: &str = "Accept audio";
pub const ACCEPT_VIDEO: &str = "Accept video";
pub const VERIFIED_CONTACT: &str = "Verified contact";
pub const NOT_VERIFIED_YET: &str = "Not verified yet";
/// Below the name in the notification.
pub const NOTIFICATION_BODY: &str = "Open Vesper to answer.";
pub const ECHO_CONTACT: &str = "Built-in contact";
pub const ENCRYPTED: &str = "End-to-end encrypted";
pub const DIALING: &str = "Looking for their computer…";
pub const RINGING_THERE: &str = "Ringing…";
pub const CONNECTING: &str = "Connecting…";
pub const WAITING_FOR_PICTURE: &str = "Waiting for their picture…";
pub const RECONNECTING: &str = "Reconnecting… Stay on the line: the call continues when the network is back.";
pub const THEIR_MICROPHONE_OFF: &str = "Their microphone is off";
pub const THEIR_CAMERA_OFF: &str = "Their camera is off";
pub const ECHO_SEES_NOTHING: &str = "Turn your camera on, and Echo sends your picture back";
pub const YOU: &str = "You";
pub const MUTE: &str = "Turn the microphone off";
pub const UNMUTE: &str = "Turn the microphone on";
pub const CAMERA_OFF: &str = "Turn the camera off";
pub const CAMERA_ON: &str = "Turn the camera on";
pub const HANG_UP: &str = "Hang up";
pub const FULL_SCREEN: &str = "Full screen";
pub const LEAVE_FULL_SCREEN: &str = "Leave full screen";
pub const SELF_VIEW: &str = "Your own picture";
pub const WORDS: &str = "The words of this call";
pub const WORDS_QUESTION: &str = "Read these four words to each other. If you both see the same ones, nobody is in between.";
pub const WORDS_SAME: &str = "They match";
pub const WORDS_DIFFER: &str = "They differ";
pub const ESCAPE_AGAIN: &str = "Press Esc again to hang up.";

// Settings.
pub const PROFILE: &str = "Profile";
pub const AUDIO_VIDEO: &str = "Audio & video";
pub const APPEARANCE: &str = "Appearance";
pub const PRIVACY: &str = "Privacy & security";
pub const PASSPHRASE_SET_SUB: &str = "It seals everything in this profile on this computer's disk.";
pub const CURRENT_PASSPHRASE: &str = "Current passphrase";
pub const SET_PASSPHRASE: &str = "Set passphrase";
pub const CHANGE_PASSPHRASE: &str = "Change passphrase";
pub const REMOVE_PASSPHRASE: &str = "Remove passphrase";
pub const REMOVE_PASSPHRASE_SURE: &str = "Remove it anyway";
pub const LOCK: &str = "Lock";
pub const LOCK_NOW: &str = "Lock now";
pub const LOCK_SUB: &str =
    "Locking covers the window and wipes keys and names from memory. Calls still ring, without a name, and a call continues.";
pub const LOCK_NEEDS_PASSPHRASE: &str = "To lock Vesper, set a passphrase first.";
pub const LOCK_AFTER: &str = "Lock by itself when nobody uses the window for";
pub const LOCK_AFTERS: [(&str, Option<u32>); 4] = [("Never", None), ("5 min", Some(5)), ("15 min", Some(15)), ("1 h", Some(60))];
pub const BACKUP: &str = "Backup";
pub const BACKUP_SUB: &str = "One file with your key and your contacts, under a passphrase of its own. Without it a broken disk is the end of this identity.";
pub const EXPORT: &str = "Write backup";
pub const BLOCKED_PEOPLE: &str = "Blocked people";
pub const NOBODY_BLOCKED: &str = "You have blocked nobody.";
pub const WIPE: &str = "Remove everything";
pub const WIPE_SUB: &str =
    "Removes your key, your contacts and everything else in this profile from this computer, at once and for good.";
pub const WIPE_TITLE: &str = "Remove everything in this profile?";
pub const WIPE_SURE: &str = "Your contacts can no longer reach you, and nobody can undo this. A backup brings back your key and contacts; nothing else does.";
pub const NETWORK: &str = "Network";
pub const CAMERA: &str = "Camera";
pub const CAMERA_DEVICE: &str = "Camera device";
pub const MICROPHONE: &str = "Microphone";
pub const INPUT_DEVICE: &str = "Input device";
pub const SPEAKER: &str = "Speaker";
pub const OUTPUT_DEVICE: &str = "Output device";
pub const SYSTEM_DEFAULT: &str = "System default";
pub const NO_CAMERA: &str = "No camera found. Plug one in, or call with your voice alone.";
pub const NO_MICROPHONE: &str = "No microphone found. Plug one in; until then nobody hears you.";
pub const NO_SPEAKER: &str = "No speaker found. Plug one in; until then you hear nobody.";
pub const TEST_CALL: &str = "Test call";
pub const NOISE: &str = "Noise suppression";
pub const NOISE_SUB: &str = "Removes fans, keyboards and traffic";
pub const ECHO_CANCELLATION: &str = "Echo cancellation";
pub const ECHO_CANCELLATION_SUB: &str = "Leave on unless you wear headphones";
pub const GAIN: &str = "Automatic gain";
pub const GAIN_SUB: &str = "Keeps your voice at an even volume";
pub const THEME: &str = "Theme";
pub const THEMES: [&str; 3] = ["System", "Dark", "Light"];
pub const ADDRESS: &str = "Your address";
pub const LINK_DIRECT: &str = "Direct";
pub const LINK_DIRECT_SUB: &str = "Your contacts' computers connect straight to yours and learn its address.";
pub const LINK_HIDE: &str = "Hidden until I answer";
pub const LINK_HIDE_SUB: &str = "Contacts reach you through the relay; a computer learns your address when you answer its call.";
pub const LINK_NEVER: &str = "Always hidden";
pub const LINK_NEVER_SUB: &str = "Calls go through the relay, too. They take longer to arrive and depend on it.";
pub const LINK_NEEDS_RELAY: &str = "To hide your address, choose a relay above.";
pub const LAN: &str = "Find contacts on this network";
pub const LAN_SUB: &str = "Computers on the same network can see that your key is here";
pub const DATA_RATE: &str = "How much a call may send";
pub const DATA_RATE_SUB: &str =
    "In kbit/s, picture and sound together. Below about 30, only sound is sent. Takes effect from the next call.";
pub const DATA_RATES: [&str; 6] = ["No limit", "1000", "500", "200", "50", "20"];
pub const USE_RELAY: &str = "Use this relay";
pub const YOUR_KEY: &str = "Your public key";
pub const YOUR_KEY_SUB: &str = "This is who you are to your contacts. It is no secret; the secret half stays on this computer.";
pub const COPY_KEY: &str = "Copy key";
pub const BUSY: &str = "Vesper is still working on what you asked before. Try again in a moment.";

/// The last line of the list of settings.
pub fn version() -> String {
    format!("Vesper {} · no telemetry", env!("CARGO_PKG_VERSION"))
}

/// What rings.
pub fn incoming(media: CallMedia) -> &'static str {
    match media {
        CallMedia::Audio => "Incoming voice call",
        CallMedia::Video => "Incoming video call",
    }
}

/// The notification beside the popup.
pub fn incoming_from(name: &str, media: CallMedia) -> String {
    match media {
        CallMedia::Audio => format!("{name} is calling"),
        CallMedia::Video => format!("{name} is calling with video"),
    }
}

/// Our own name at the head of the list, for screen readers.
pub fn yourself(name: &str, online: bool) -> String {
    format!("You are {name}, {}", if online { "online" } else { "offline" })
}

/// A row of the list, for screen readers: what the row shows, in one sentence.
pub fn contact_row(name: &str, online: bool, verified: bool, missed: u32) -> String {
    let mut row = format!("{name}, {}", if online { "online" } else { "offline" });
    if verified {
        row += ", verified";
    }
    match missed {
        0 => {}
        1 => row += ", one missed call",
        many => row += &format!(", {many} missed calls"),
    }
    row
}

pub fn request_title(proposed_name: &str) -> String {
    format!("“{proposed_name}” wants to be your contact")
}

/// Which of our invitations somebody came with: `for Maya`.
pub fn by_invitation(which: &str) -> String {
    format!("With your invitation {which}")
}

pub fn verify_title(name: &str) -> String {
    format!("Verify {name}")
}

pub fn verify_sub(name: &str) -> String {
    format!(
        "Compare this number with the one on {name}'s screen, in person or over a call you trust. If they match, nobody is listening in between."
    )
}

/// How a contact came to be verified, and when.
pub fn verified_by(by: VerifiedBy, when: u64, now: u64) -> String {
    let how = match by {
        VerifiedBy::Words => "by the words of a call",
        VerifiedBy::Number => "by the safety number",
    };
    format!("Verified {how}, {}", long_ago(when, now))
}

pub fn permissions_title(name: &str) -> String {
    format!("Calls with {name}")
}

/// A relay of a contact's that is none of ours.
pub fn their_relay(name: &str, relay: &str, approved: bool) -> String {
    let host = relay.split_once("://").map_or(relay, |(_, host)| host.trim_end_matches('/'));
    if approved {
        format!("You reach {name} through {host}, which sees this computer's address.")
    } else {
        format!("{name} can be reached through {host}, which is not one of your relays. It would see this computer's address.")
    }
}

pub fn share_title(name: &str) -> String {
    format!("Let {name} learn your address?")
}

pub fn share_sub(incoming: bool) -> &'static str {
    if incoming {
        "If you answer directly, their computer learns this computer's address. It is not told anything before you choose."
    } else {
        "If you call directly, their computer learns this computer's address once they answer."
    }
}

/// The digits in groups, for the clipboard.
pub fn number_to_copy(groups: &[String; 12]) -> String {
    groups.chunks(4).map(|row| row.join(" ")).collect::<Vec<_>>().join("\n")
}

pub fn remove_title(name: &str) -> String {
    format!("Remove {name}?")
}

pub fn block_title(name: &str) -> String {
    format!("Block {name}?")
}

pub fn unblock_title(name: &str) -> String {
    format!("Unblock {name}?")
}

pub fn rename_title(name: &str) -> String {
    format!("Rename {name}")
}

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

/// The clock of a call: `12:34`, `1:02:03`.
pub fn duration(lasted: Duration) -> String {
    let seconds = lasted.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes:02}:{seconds:02}") }
}

/// The quality bars, for screen readers.
pub fn quality(bars: u8) -> &'static str {
    match bars {
        0 => "Connection quality unknown",
        1 => "Connection bad",
        2 => "Connection weak",
        3 => "Connection fair",
        _ => "Connection good",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_a_clock() {
        assert_eq!(duration(Duration::from_secs(754)), "12:34");
        assert_eq!(duration(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn times_ago_are_short_and_a_clock_set_back_is_now() {
        let now = 1_700_000_000;
        assert_eq!(ago(now + 50, now), "now");
        assert_eq!(ago(now - 300, now), "5 min");
        assert_eq!(ago(now - 90_000, now), "1 d");
    }
}
