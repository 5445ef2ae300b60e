//! What a person chose, kept sealed in the profile.

mod pictures;

use serde::{Deserialize, Serialize};

pub use self::pictures::{Corner, SelfView};

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
    /// As the desktop is set.
    #[default]
    System,
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
}

/// The hours of the day in which calls do not ring and nothing is announced, by the clock on the wall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// When they begin, in minutes after midnight.
    pub from: u16,
    /// When they end. Before `from`, they last over midnight.
    pub to: u16,
}

impl QuietHours {
    /// From ten in the evening to seven in the morning.
    pub const NIGHT: Self = Self { from: 22 * 60, to: 7 * 60 };

    /// Whether `minute` (after midnight) is one of them. Hours that end as they begin are none.
    pub fn cover(self, minute: u16) -> bool {
        if self.from <= self.to { (self.from..self.to).contains(&minute) } else { minute >= self.from || minute < self.to }
    }
}

/// Where the window was, in points at a size of 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WindowPlace {
    /// The corner of its frame on the desktop; absent where the desktop does not tell (Wayland).
    pub at: Option<[f32; 2]>,
    /// What it has inside of its frame.
    pub size: [f32; 2],
    pub maximized: bool,
}

/// All settings of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How contacts find this computer.
    pub reach: Reach,
    /// What they learn of its address.
    pub link_mode: LinkMode,
    /// Answer LAN discovery. It tells the local network our key.
    pub lan_discovery: bool,
    /// The camera by name; `None` follows the system's default, here and for the devices below.
    pub camera: Option<String>,
    /// The microphone by name.
    pub microphone: Option<String>,
    /// The speaker by name.
    pub speaker: Option<String>,
    /// Keep what the speaker plays out of what the microphone hears.
    pub echo_cancellation: bool,
    /// Keep fans, keyboards and traffic out of it.
    pub noise_suppression: bool,
    /// Bring a quiet or loud voice to an even level.
    pub automatic_gain: bool,
    /// The colours of the window.
    pub theme: Theme,
    /// Let contacts see that we are online. Who does not show it does not see it of others.
    pub show_presence: bool,
    /// Lock a profile that has a passphrase after so many minutes in which nobody touched the window; `None` never does.
    pub lock_after_minutes: Option<u32>,
    /// Look at camera and microphone before a call that we make.
    pub lobby: bool,
    /// The microphone is heard only while the space bar is held. It stays open between.
    pub push_to_talk: bool,
    /// The small pictures of a call.
    pub self_view: SelfView,
    /// Where calls ring, by name; `None` is where calls are heard.
    pub ring_speaker: Option<String>,
    /// How loud calls ring, in percent of the ringtone's own loudness.
    pub ring_volume: u8,
    /// Announce a call on the desktop, beside the popup.
    pub notify_calls: bool,
    /// Announce messages while nobody looks at the window.
    pub notify_messages: bool,
    /// Announce missed calls.
    pub notify_missed: bool,
    /// Say in announcements who it is. What they wrote is never in one.
    pub notify_names: bool,
    /// When nothing rings and nothing is announced.
    pub quiet_hours: Option<QuietHours>,
    /// The size of everything in the window, in percent: 100 to 200.
    pub scale_percent: u16,
    /// Nothing in the window moves by itself.
    pub reduced_motion: bool,
    /// The most kbit/s that a call may send, everything together; `None`: as much as is of use.
    pub max_kbps: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reach: Reach::default(),
            link_mode: LinkMode::default(),
            lan_discovery: false,
            camera: None,
            microphone: None,
            speaker: None,
            echo_cancellation: true,
            noise_suppression: true,
            automatic_gain: true,
            theme: Theme::default(),
            show_presence: true,
            lock_after_minutes: None,
            lobby: true,
            push_to_talk: false,
            self_view: SelfView::default(),
            ring_speaker: None,
            ring_volume: 80,
            notify_calls: true,
            notify_messages: true,
            notify_missed: true,
            notify_names: true,
            quiet_hours: None,
            scale_percent: 100,
            reduced_motion: false,
            max_kbps: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_and_those_of_an_older_version_get_defaults() {
        let chosen = Settings { reach: Reach::OwnRelay("https://r.example/".into()), theme: Theme::Light, ..Settings::default() };
        let json = serde_json::to_string(&chosen).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), chosen);
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    }

    #[test]
    fn quiet_hours_last_over_midnight_when_they_end_before_they_begin() {
        let covered =
            |hours: QuietHours| [0, 7 * 60 - 1, 7 * 60, 12 * 60, 22 * 60 - 1, 22 * 60].map(|minute| hours.cover(minute));
        assert_eq!(covered(QuietHours::NIGHT), [true, true, false, false, false, true]);
        assert_eq!(covered(QuietHours { from: 7 * 60, to: 22 * 60 }), [false, false, true, true, true, false]);
        assert_eq!(covered(QuietHours { from: 60, to: 60 }), [false; 6], "no hours at all");
    }
}
