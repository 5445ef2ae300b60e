//! The sentences of the settings: devices and sound, the look, the network, and what a call may send and show.

// The pages.
pub const PROFILE: &str = "Profile";
pub const AUDIO_VIDEO: &str = "Audio & video";
pub const APPEARANCE: &str = "Appearance";
pub const PRIVACY: &str = "Privacy & security";
pub const NETWORK: &str = "Network";

// Sound and pictures.
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

// The look.
pub const THEME: &str = "Theme";
pub const THEMES: [&str; 3] = ["System", "Dark", "Light"];

// Privacy and the network.
pub const BLOCKED_PEOPLE: &str = "Blocked people";
pub const NOBODY_BLOCKED: &str = "You have blocked nobody.";
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

/// The last line of the list of settings.
pub fn version() -> String {
    format!("Vesper {} · no telemetry", env!("CARGO_PKG_VERSION"))
}
