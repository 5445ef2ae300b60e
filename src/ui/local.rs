//! What only the window knows: what is open, what is half written. Lost when it closes.

use zeroize::Zeroizing;

use crate::engine::command::Secret;
use crate::engine::snapshot::{PublicKey, is_relay_url};
use crate::media::clock::MediaTime;
use crate::settings::{Reach, SelfView};
use crate::ui::views::conversation::TalkLocal;
use crate::ui::views::incoming::IncomingLocal;
use crate::ui::views::lobby::Lobby;

/// The state of the views. Each part belongs to the view it is named after.
#[derive(Debug, Default)]
pub struct Local {
    /// The time of this frame; views never read a clock.
    pub now: MediaTime,
    /// Whoever is shown beside the list: the newest once conversations are read, until then the first in it.
    pub selected: Option<PublicKey>,
    pub search: String,
    pub page: Page,
    pub dialog: Option<Dialog>,
    pub welcome: Welcome,
    pub locked: Locked,
    pub add: Add,
    pub settings: SettingsLocal,
    pub call: CallLocal,
    pub talk: TalkLocal,
    /// Somebody is about to be called.
    pub lobby: Option<Lobby>,
    pub device_check: DeviceCheckLocal,
    pub incoming: IncomingLocal,
    /// The window fills the screen; the shell makes it so.
    pub full_screen: bool,
    /// Text for the clipboard; the shell takes it there.
    pub copy: Option<String>,
    /// A sentence of the window's own, shown with the notices.
    pub notice: Option<OwnNotice>,
    /// The notice that asks for nothing and is in sight, by its id, with the seconds of egui's clock since when.
    pub read: Option<(u64, f64)>,
}

/// A sentence that goes by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnNotice {
    pub text: &'static str,
    /// Seconds of egui's clock.
    pub until: f64,
}

/// What fills the window when there is no call.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    #[default]
    People,
    Settings,
}

/// What lies over the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialog {
    AddPerson,
    Rename {
        key: PublicKey,
        name: String,
    },
    Block {
        key: PublicKey,
    },
    /// They leave the contacts with it.
    Unblock {
        key: PublicKey,
    },
    Remove {
        key: PublicKey,
    },
    /// The safety number.
    Verify {
        key: PublicKey,
    },
    /// What a contact may do.
    Permissions {
        key: PublicKey,
    },
    /// Remove everything of this profile.
    Wipe,
    /// Erase what was written with a contact.
    DeleteConversation {
        key: PublicKey,
    },
    /// The keys.
    Shortcuts,
    /// Where a link leads.
    OpenLink {
        url: String,
    },
}

#[derive(Debug, Default)]
pub struct Welcome {
    pub passphrase: Passphrase,
    /// A backup is restored, rather than a new identity made.
    pub restoring: bool,
    /// The first card is done; the second asks how others reach this person.
    pub second: bool,
    pub file: String,
    pub backup: Passphrase,
    pub name: String,
    pub reach: ReachKind,
    pub relay: String,
}

/// [`Reach`] without the address, which is written in a field of its own.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum ReachKind {
    #[default]
    ThisNetwork,
    OwnRelay,
    PublicRelays,
}

impl ReachKind {
    /// The kind of `reach`.
    pub fn of(reach: &Reach) -> Self {
        match reach {
            Reach::ThisNetwork => Self::ThisNetwork,
            Reach::OwnRelay(_) => Self::OwnRelay,
            Reach::PublicRelays => Self::PublicRelays,
        }
    }

    /// The setting, with the address of the relay; none if the address cannot be one.
    pub fn reach(self, relay: &str) -> Option<Reach> {
        let relay = relay.trim();
        match self {
            Self::ThisNetwork => Some(Reach::ThisNetwork),
            Self::OwnRelay => is_relay_url(relay).then(|| Reach::OwnRelay(relay.to_owned())),
            Self::PublicRelays => Some(Reach::PublicRelays),
        }
    }
}

#[derive(Debug, Default)]
pub struct Locked {
    pub passphrase: Passphrase,
    /// The way out for who forgot it is open.
    pub forgotten: bool,
}

/// A passphrase while it is written. It is wiped when it is taken or dropped, and never printed.
#[derive(Default)]
pub struct Passphrase {
    pub text: Zeroizing<String>,
    pub visible: bool,
    /// What it means to have none was read.
    pub sure_of_none: bool,
}

impl Passphrase {
    /// Takes it out of the field.
    pub fn take(&mut self) -> Secret {
        (self.visible, self.sure_of_none) = (false, false);
        Secret::from(std::mem::take(&mut *self.text))
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passphrase").field("visible", &self.visible).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
pub struct Add {
    /// The side on which we invite, rather than use an invitation.
    pub inviting: bool,
    pub invitation: String,
    pub petname: String,
    /// Index into [`text::HOLDS`](super::text::HOLDS), once somebody chose.
    pub holds: Option<usize>,
    /// Whom the next invitation is for.
    pub whom: String,
    /// The form for another invitation is open, though some are there.
    pub another: bool,
    /// The newest invitation of the last frame, by its knock id.
    pub newest: Option<PublicKey>,
    /// Which invitation was last copied and when, for the word on its button.
    pub copied: Option<(PublicKey, MediaTime)>,
}

#[derive(Debug, Default)]
pub struct SettingsLocal {
    /// Our own name while it is written anew.
    pub name: Option<String>,
    pub page: SettingsPage,
    /// A reach that was picked but is not applied yet, because its address is still being written.
    pub reach: Option<ReachKind>,
    pub relay: String,
    pub current: Passphrase,
    pub new: Passphrase,
    pub backup: Passphrase,
    pub file: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum SettingsPage {
    Profile,
    #[default]
    AudioVideo,
    Notifications,
    Appearance,
    Privacy,
    Network,
    About,
}

#[derive(Debug, Default)]
pub struct CallLocal {
    /// Whose call this is about; a new call starts afresh.
    pub peer: Option<PublicKey>,
    /// As in the settings, but for what was just moved.
    pub self_view: SelfView,
    /// Something else is looked at; the call is a small picture.
    pub away: bool,
    pub statistics: bool,
    /// The key to talk is held.
    pub talking: bool,
    /// Somebody wrote in the frame before.
    pub writing: bool,
    /// The question about the words is open.
    pub words_open: bool,
    /// Seconds of egui's clock at which the pointer or a key last moved.
    pub last_move: f64,
    /// The same for the last Escape.
    pub last_escape: Option<f64>,
    /// The end of the call was read and put away.
    pub dismissed: bool,
}

/// The devices that a person looks at.
#[derive(Debug, Default)]
pub struct DeviceCheckLocal {
    /// Something in this frame shows them.
    pub shown: bool,
    /// What the engine was last told.
    pub told: bool,
    /// They were opened in the settings.
    pub in_settings: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_relay_needs_an_address() {
        assert_eq!(
            ReachKind::OwnRelay.reach(" https://relay.example.org "),
            Some(Reach::OwnRelay("https://relay.example.org".into()))
        );
        for wrong in ["https://", "relay", "https://relay.example.org:99999", "https://my relay.example.org", "ftp://relay"] {
            assert_eq!(ReachKind::OwnRelay.reach(wrong), None, "{wrong}");
        }
        assert_eq!(ReachKind::ThisNetwork.reach("relay"), Some(Reach::ThisNetwork));
    }
}
