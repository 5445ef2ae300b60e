//! The sentences of calls: around the stage, before it, and of the overlays.

use std::time::Duration;

use crate::engine::snapshot::{CallMedia, Statistics};

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

// Leaving the call view.
pub const LEAVE_CALL_VIEW: &str = "Back to your conversations; the call continues";
pub const BACK_TO_CALL: &str = "Back to the call";
pub const CALL_PICTURE: &str = "The call, in a small picture; drag it to any corner, or use the arrow keys";

// Our own picture.
pub const RESIZE_SELF_VIEW: &str = "Resize your picture: drag it, or use the arrow keys";
pub const SHOW_SELF_VIEW: &str = "Show your picture";
pub const HIDE_SELF_VIEW: &str = "Hide your picture";
pub const MIRROR_SELF_VIEW: &str = "Mirror your picture";
pub const UNMIRROR_SELF_VIEW: &str = "Do not mirror it";
pub const MOVE_SELF_VIEW: &str = "Move your picture";
pub const LARGER_SELF_VIEW: &str = "Larger";
pub const SMALLER_SELF_VIEW: &str = "Smaller";
pub const CALL_MORE: &str = "More of this call";

// What goes on.
pub const RECONNECTING_SHORT: &str = "Reconnecting…";
pub const RECONNECTING_LINK: &str = "Reconnecting… Sound and picture come back by themselves. Messages still go through.";
pub const CALL_AGAIN: &str = "Call again";
pub const HOLD_SPACE: &str = "Hold the space bar to talk. Your microphone stays open, but you are heard only then.";

// While it rings.
pub const SILENCE: &str = "Silence";
pub const SILENCED: &str = "Silenced";
pub const REPLY: &str = "Reply";
pub const REPLY_HINT: &str = "Decline with a message";
pub const NO_REPLY: &str = "Back to the answers";

// Before a call.
pub const LOBBY_SUB: &str = "Only you see this. No picture or sound leaves this computer before they answer.";
pub const YOUR_PICTURE: &str = "What your camera sees";
pub const CAMERA_OPENS: &str = "Opening your camera…";
pub const LEVEL: &str = "How loud your microphone is";
pub const MICROPHONE_OPENS: &str = "Opening your microphone…";
pub const SPEAK: &str = "Speak normally: the meter should reach yellow at most.";
pub const CAMERA_CLOSED: &str = "Your camera is closed";
pub const METER_CLOSED: &str = "The meter moves while you try your devices.";
pub const INPUT_LEVEL: &str = "Input level";
pub const MIRROR: &str = "Mirror my video";
pub const MIRROR_SUB: &str = "Only you see it mirrored";
pub const TEST_SPEAKER: &str = "Test";
pub const TEST_SPEAKER_SUB: &str = "You should hear two notes.";
pub const LOBBY_VIDEO: &str = "Call with video";
pub const LOBBY_VOICE: &str = "Call with voice";
pub const LOBBY_SETTING: &str = "Check camera and microphone before a call";
pub const LOBBY_SETTING_SUB: &str = "You see yourself before anybody else does";
pub const TRY_DEVICES: &str = "Try camera and microphone";
pub const BEFORE_A_CALL: &str = "Calls";
pub const STOP_TRYING: &str = "Turn them off";
pub const PUSH_TO_TALK: &str = "Push to talk";
pub const PUSH_TO_TALK_SUB: &str = "You are heard only while you hold the space bar; the microphone stays open";

// Overlays.
pub const STATISTICS: &str = "Statistics";
pub const NO_STATISTICS: &str = "Figures come with the first second of a call.";
pub const SHORTCUTS: &str = "Keyboard shortcuts";
/// Keys and what they do.
pub const KEYS: [(&str, &str); 13] = [
    ("M", "Turn the microphone off or on"),
    ("V", "Turn the camera off or on"),
    ("Space", "Talk while it is held, with push to talk"),
    ("S", "Show or hide the statistics"),
    ("F11", "Full screen"),
    ("Ctrl + D", "Hang up"),
    ("Esc, Esc", "Hang up"),
    ("Ctrl + Shift + V", "Accept with video"),
    ("Ctrl + Shift + A", "Accept with your voice"),
    ("Ctrl + Shift + D", "Decline"),
    ("Enter", "Send; call, from the check before it"),
    ("Shift + Enter", "A new line in a message"),
    ("?", "Show these keys"),
];

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

/// The title of the check before a call.
pub fn lobby_title(name: &str, media: CallMedia) -> String {
    match media {
        CallMedia::Audio => format!("Voice call with {name}"),
        CallMedia::Video => format!("Video call with {name}"),
    }
}

/// How large the picture of a camera is.
pub fn picture_size(width: usize, height: usize) -> String {
    format!("{width} × {height}")
}

/// The lines of the overlay: what is measured, and nothing where nothing is.
pub fn statistics(second: &Statistics) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    let mut add = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    let ms = |value: f64| format!("{value:.0} ms");
    let percent = |value: f64| format!("{value:.1} %");
    if let Some(video) = &second.video {
        let size = (video.width > 0).then(|| format!("{}×{} at {:.0} fps", video.width, video.height, video.shown_fps));
        add("Their picture", size);
        add("Your picture", Some(format!("{:.0} fps", video.sent_fps)));
        add("Picture in / out", Some(format!("{:.0} / {:.0} kbit/s", video.received_kbps, video.sent_kbps)));
        add("Picture delay", video.latency_ms.p50.map(ms));
        add("Frozen", (video.frozen_ms > 0.0).then(|| ms(video.frozen_ms)));
    }
    if let Some(audio) = &second.audio {
        add("Sound in / out", Some(format!("{:.0} / {:.0} kbit/s", audio.received_kbps, audio.sent_kbps)));
        add("Jitter buffer", audio.jitter_buffer_ms.map(ms));
        add("Sound patched", audio.concealed_percent.map(percent));
    }
    if let Some(path) = &second.path {
        add("Round trip", path.rtt_ms.map(ms));
        let through = if path.relayed { "relayed" } else { "direct" };
        let ends = [&path.local, &path.remote].map(|end| if end.is_empty() { "?" } else { end.as_str() });
        let path = match path.kind {
            "link" => "along with messages".to_owned(),
            "relay" => "along with messages, relayed".to_owned(),
            _ => format!("{through} ({} – {})", ends[0], ends[1]),
        };
        add("Path", Some(path));
    }
    if let Some(bandwidth) = &second.bandwidth {
        add("Packets lost", bandwidth.loss_percent.map(percent));
        add("Room to send", Some(format!("{:.0} kbit/s", bandwidth.target_kbps)));
    }
    if let Some(sealed) = &second.sealed {
        add("Opened", Some(sealed.opened.to_string()));
        add("Refused", Some(format!("{} ({} replayed)", sealed.rejected, sealed.replayed)));
        add("Keys", Some(format!("suite {}, epoch {}", sealed.suite, sealed.epochs)));
    }
    lines
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
    fn a_figure_that_was_not_measured_has_no_line() {
        assert_eq!(statistics(&Statistics::default()), []);
    }
}
