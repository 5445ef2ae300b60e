//! The sentences of the desktop around the window, and of the settings about it.

pub const OPEN: &str = "Open";
pub const NEW_MESSAGE: &str = "New message";
pub const NEW_REQUEST: &str = "Somebody with your invitation wants to be your contact";
pub const MISSED_CALL: &str = "Missed call";
/// Below the name in the announcement of a call that asks for care.
pub const NOTIFICATION_CARE: &str = "Look at the window before you answer: this may be somebody else.";

pub const YOUR_NAME_SUB: &str = "What new contacts see first. Those you have keep the name they gave you.";
pub const SAVE_NAME: &str = "Save name";
pub const NOTIFICATIONS: &str = "Notifications";
pub const ANNOUNCE: &str = "On your desktop";
pub const ANNOUNCE_CALLS: &str = "Calls";
pub const ANNOUNCE_CALLS_SUB: &str = "With Accept and Decline, beside the popup";
pub const ANNOUNCE_MESSAGES: &str = "Messages";
pub const ANNOUNCE_MESSAGES_SUB: &str = "While you do not look at Vesper; never what they say";
pub const ANNOUNCE_MISSED: &str = "Missed calls";
pub const ANNOUNCE_MISSED_SUB: &str = "With a button to call back";
pub const ANNOUNCE_NAMES: &str = "Say who it is";
pub const ANNOUNCE_NAMES_SUB: &str = "While Vesper is locked nobody is named";
pub const QUIET_HOURS: &str = "Quiet hours";
pub const QUIET: &str = "Keep quiet at certain hours";
pub const QUIET_SUB: &str = "Calls do not ring and are noted as missed; nothing is announced";
pub const QUIET_FROM: &str = "From";
pub const QUIET_TO: &str = "To";
pub const RINGTONE: &str = "Ringtone";
pub const RING_DEVICE: &str = "Ring on";
pub const RING_DEVICE_SUB: &str = "So that you hear a call even when headphones are selected for talking.";
pub const RING_VOLUME: &str = "Volume";
pub const TEST_RING: &str = "Ring";
pub const AS_SPEAKER: &str = "Same as the speaker";
pub const SCALE: &str = "Size";
pub const SCALE_SUB: &str = "Of everything in the window, as far as the window has room for it.";
pub const SCALES: [(&str, u16); 5] = [("100 %", 100), ("125 %", 125), ("150 %", 150), ("175 %", 175), ("200 %", 200)];
pub const MOTION: &str = "Motion";
pub const REDUCED_MOTION: &str = "Reduced motion";
pub const REDUCED_MOTION_SUB: &str = "Nothing slides, fades or pulses";
pub const ABOUT: &str = "About";
pub const ABOUT_SUB: &str = "Private calls, straight from you to them. Free software under the MIT licence, without warranty.";
pub const PROTOCOL: &str = "Protocol";
pub const UP_TO_DATE: &str = "None of your contacts runs a newer Vesper.";
pub const LICENCES: &str = "Licences";

/// The announcement of a text. What it says is never in it.
pub fn message_from(name: &str) -> String {
    format!("New message from {name}")
}

/// The announcement of a missed call.
pub fn missed_from(name: &str) -> String {
    format!("Missed call from {name}")
}

/// What a contact's computer told about itself.
pub fn newer_exists(version: &str) -> String {
    format!("A newer Vesper exists: one of your contacts runs {version}. Get it where you got this one.")
}

/// `22:00`, of minutes after midnight.
pub fn time_of_day(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}
