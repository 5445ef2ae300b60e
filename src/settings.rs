//! What a person chose, kept sealed in the profile.

use serde::{Deserialize, Serialize};

/// How others can reach this profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Reach {
    /// Only computers on the same network find it; nothing leaves that network.
    #[default]
    ThisNetwork,
    /// Through a relay that the person or somebody they trust runs.
    OwnRelay(String),
    /// Through the public relays of the iroh project, which see who talks to whom.
    PublicRelays,
}

/// What of our address a contact's computer may learn over the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum LinkMode {
    /// Direct connections; a contact who connects learns our addresses.
    #[default]
    Direct,
    /// Relay only until a call is answered.
    Hide,
    /// Relay only, calls too.
    Never,
}

/// The colours of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Theme {
    #[default]
    System,
    Dark,
    Light,
}

/// All settings of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub reach: Reach,
    pub link_mode: LinkMode,
    /// Answer LAN discovery. It tells the local network our key.
    pub lan_discovery: bool,
    /// Devices by name; `None` follows the system's default.
    pub camera: Option<String>,
    pub microphone: Option<String>,
    pub speaker: Option<String>,
    pub echo_cancellation: bool,
    pub noise_suppression: bool,
    pub automatic_gain: bool,
    pub theme: Theme,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reach: Reach::default(),
            link_mode: LinkMode::default(),
            lan_discovery: true,
            camera: None,
            microphone: None,
            speaker: None,
            echo_cancellation: true,
            noise_suppression: true,
            automatic_gain: true,
            theme: Theme::default(),
        }
    }
}
