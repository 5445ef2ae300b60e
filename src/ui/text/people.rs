//! The sentences about people: their list, one of them, the safety number, and what a contact may do.

use super::long_ago;
use crate::engine::snapshot::{RelayAnswer, VerifiedBy};

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
pub const RENAME: &str = "Rename";
pub const BLOCK: &str = "Block";
pub const UNBLOCK: &str = "Unblock";
pub const REMOVE: &str = "Remove";
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
pub const REFUSE_THEIR_RELAY: &str = "Do not use it";
pub const STOP_THEIR_RELAY: &str = "Stop using their relay";
pub const ALLOW: &str = "Allow";
pub const DO_NOT_SEND: &str = "Do not send";
pub const SHARE_ADDRESS: &str = "Share my address";
pub const USE_RELAY_ONCE: &str = "Through the relay";
pub const NO_RELAY_FOR_CALLS: &str = "No relay hides your address in calls, so this call can only go directly.";

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

/// The digits in groups, for the clipboard.
pub fn number_to_copy(groups: &[String; 12]) -> String {
    groups.chunks(4).map(|row| row.join(" ")).collect::<Vec<_>>().join("\n")
}

pub fn permissions_title(name: &str) -> String {
    format!("Calls with {name}")
}

/// A relay of a contact's that is none of ours.
pub fn their_relay(name: &str, relay: &str, answer: RelayAnswer) -> String {
    let host = relay.split_once("://").map_or(relay, |(_, host)| host.trim_end_matches('/'));
    match answer {
        RelayAnswer::Open => {
            format!(
                "{name} can be reached through {host}, which is not one of your relays. It would see this computer's address."
            )
        }
        RelayAnswer::Approved => format!("You reach {name} through {host}, which sees this computer's address."),
        RelayAnswer::Refused => format!("You do not use {host} to reach {name}. It would see this computer's address."),
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
