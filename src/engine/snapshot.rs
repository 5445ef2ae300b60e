//! Everything a view may show, as one value that the engine publishes whenever something changed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::contacts::{Contact, Named};
use crate::media::clock::MediaTime;
use crate::settings::Settings;

pub use super::command::{CallMedia, Candidates};
pub use super::device_check::DeviceCheckView;
pub use super::report::Report as Statistics;
pub use crate::contacts::{MAX_OPEN_INVITATIONS, VerifiedBy};
pub use crate::conversation::order::Position;
pub use crate::conversation::{Call, Content, Entry, LocalTime, Outcome, State, Thread, Zone, links};
pub use crate::identity::PublicKey;
pub use crate::identity::passphrase::{Strength, strength};
pub use crate::signal::link::{PROTOCOL, is_relay_url};
pub use crate::signal::message::{CallId, MAX_BODY, MessageId};

/// The state of the program as a person sees it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    pub stage: Stage,
    pub me: Option<Me>,
    /// In the order to show: Echo first, then by name.
    pub contacts: Vec<ContactView>,
    /// People who have an invitation of ours and wait for an answer.
    pub requests: Vec<RequestView>,
    /// Requests of ours that wait for their answer.
    pub sent_requests: Vec<SentRequest>,
    /// Our invitations that are open, newest first.
    pub invitations: Vec<InvitationView>,
    pub call: Option<CallView>,
    /// Sentences for the person, newest last.
    pub notices: Vec<Notice>,
    pub network: Network,
    pub devices: Devices,
    pub settings: Settings,
    /// Whether the profile has a passphrase.
    pub sealed: bool,
    /// The safety number that is shown.
    pub verify: Option<VerifyView>,
    /// A call waits for the person to say whether their computer may learn our address.
    pub address_question: Option<AddressQuestion>,
    pub conversations: Conversations,
    /// Camera and microphone are open for a person to look at, before a call or in the settings.
    pub device_check: Option<DeviceCheckView>,
}

/// What people wrote to each other, and the calls between.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conversations {
    pub stage: ConversationsStage,
    /// By contact. Cheap to clone and to compare.
    pub threads: Arc<BTreeMap<PublicKey, Arc<Thread>>>,
    /// The last text that could not be kept, to be put back where it was written.
    pub returned: Option<Returned>,
    /// The time zone of this computer.
    pub zone: Arc<Zone>,
    /// The newest version that a contact runs, if it is newer than this one.
    pub newer_version: Option<String>,
    /// Somebody wrote while they were locked; it comes when they are open.
    pub waiting: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ConversationsStage {
    /// They are being read.
    #[default]
    Opening,
    Ready,
    Locked,
    /// They cannot be read; the sentence says why and what to do.
    Failed(String),
}

/// A text that could not be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Counts up, so that each is put back once.
    pub number: u64,
    pub peer: PublicKey,
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// The profile is being opened.
    #[default]
    Starting,
    /// There is no profile yet.
    Welcome,
    /// The profile is sealed and waits for its passphrase; `wrong` after a failed try.
    ///
    /// With a call in the snapshot it was unlocked before: the call goes on, and somebody who calls is not named.
    Locked {
        wrong: bool,
    },
    Ready,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Me {
    pub name: String,
    pub key: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactView {
    pub key: PublicKey,
    /// What we call them.
    pub petname: String,
    /// The built-in contact that answers from inside the program.
    pub echo: bool,
    /// The link to them is up now.
    pub online: bool,
    pub verified: bool,
    pub blocked: bool,
    /// The last thing that happened with them, in words, and when (Unix seconds).
    pub last: Option<(String, u64)>,
    pub missed_calls: u32,
    /// When they were verified (Unix seconds) and how.
    pub verified_by: Option<(VerifiedBy, u64)>,
    /// What their computer may learn of our address in a call.
    pub candidates: Candidates,
    /// Their calls are noted as missed and never ring.
    pub silent: bool,
    /// A relay that they are reached through, that is none of ours, and what the person said to that.
    pub relay: Option<(String, RelayAnswer)>,
    /// Their name looks like another contact's, or like none that a person has: the sentence to show.
    pub warning: Option<String>,
}

/// Whether a relay of a contact's may be used, which would see our address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayAnswer {
    /// The person has not said yet.
    Open,
    Approved,
    Refused,
}

impl Named for ContactView {
    const KIND: &'static str = Contact::KIND;

    fn name(&self) -> &str {
        &self.petname
    }

    fn key(&self) -> PublicKey {
        self.key
    }
}

/// A safety number: the same sixty digits on both sides, unless somebody is in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyView {
    pub key: PublicKey,
    /// Twelve groups of five digits.
    pub groups: [String; 12],
    /// What the QR code holds.
    pub code: String,
    pub scan: Scan,
}

/// What looking for the other side's code came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan {
    /// The camera is closed.
    Off,
    /// The camera is open, or about to be.
    Looking,
    /// It was the right code; the contact is verified.
    Match,
    /// It was another code, or the camera gives no picture: the sentence to show, and whether it means danger.
    Trouble { text: String, danger: bool },
}

/// Whether the computer of this contact may learn our address in the call that is about to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressQuestion {
    pub peer: PublicKey,
    pub name: String,
    /// They call and we answer; else we call.
    pub incoming: bool,
    /// A call through a relay is possible: one is set.
    pub relay: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestView {
    pub key: PublicKey,
    /// The name they propose, already cleaned; show it in quotes.
    pub proposed_name: String,
    /// Whom the invitation was made for, as the person wrote it; may be empty.
    pub invitation: String,
    /// When the invitation was made (Unix seconds), if it is still open.
    pub made: Option<u64>,
    /// Set if the name looks like a contact's, or the invitation was used twice: the sentence to show.
    pub warning: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRequest {
    /// What we shall call them, or what they call themselves in the invitation.
    pub name: String,
    /// What is going on, in words.
    pub status: String,
    /// The relay that the invitation names, that is none of ours, and that would see our address: nothing is sent before the
    /// person allows it.
    pub asks_relay: Option<String>,
    /// The knock id of the invitation.
    pub knock_id: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationView {
    pub knock_id: PublicKey,
    /// `vesper:…`, to copy and to show as a QR code.
    pub text: String,
    /// When it ends, Unix seconds.
    pub expires: u64,
    /// Whom it was made for, as the person wrote it; may be empty.
    pub label: String,
    /// When it was made, Unix seconds.
    pub made: u64,
    pub used: InvitationUse,
}

/// What became of an invitation of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationUse {
    /// Nobody waits with it: it can be given to somebody.
    Unused,
    /// Somebody has used it and waits for an answer.
    Asked,
    /// Somebody was accepted through it, and their computer has not heard that yet.
    Accepted,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CallView {
    /// Which call it is, for an answer to this one and no other; one that we dial may have none yet.
    pub id: Option<CallId>,
    pub peer: PublicKey,
    pub name: String,
    pub verified: bool,
    pub echo: bool,
    pub stage: CallStage,
    /// What the caller asked for, or what we asked for when dialling.
    pub media: CallMedia,
    /// The four words (emoji, name), once both sides proved who they are.
    pub words: Option<[(&'static str, &'static str); 4]>,
    pub microphone_on: bool,
    pub camera_on: bool,
    pub remote_microphone_on: bool,
    pub remote_camera_on: bool,
    /// Loudness of the own microphone, 0 to 1; `None` while it is closed.
    pub microphone_level: Option<f32>,
    /// 0 no data, 1 bad to 4 good.
    pub quality_bars: u8,
    /// What is wrong and what to do about it, in words, while it is wrong.
    pub hint: Option<String>,
    /// Their name looks like another contact's, or is spelled as no name is: the sentence to show while it rings.
    pub warning: Option<String>,
    /// The profile is locked: nobody is named, and answering takes the passphrase.
    pub locked: bool,
    /// It rings without a sound here: the person asked for that.
    pub silenced: bool,
    /// The last second in figures; nothing before the first.
    pub statistics: Option<Arc<Statistics>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CallStage {
    /// We call; their computer has not answered yet.
    Dialing,
    /// We call; it rings there.
    RingingThere,
    /// They call.
    Incoming,
    /// Somebody accepted; the path is being made.
    Connecting,
    /// `since` is when it connected, for the duration.
    Active {
        since: MediaTime,
    },
    Reconnecting {
        since: MediaTime,
    },
    /// Over. A line for the person, shown for some seconds, then the call goes from the snapshot.
    Ended {
        result: String,
        lasted: Option<Duration>,
    },
}

/// A sentence for the person, with what to do next in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub id: u64,
    pub kind: NoticeKind,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    Info,
    Warning,
    Error,
}

/// Whether contacts can reach this computer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Network {
    /// Its sockets are being opened.
    #[default]
    Opening,
    /// They could not be, and nothing changes that but the settings or this computer: why.
    Closed(String),
    /// It has no address on any network.
    Unplugged,
    /// The one address that the command line lets it use is not its own any more.
    Moved(IpAddr),
    /// The relay is not there, or not yet.
    NoRelay {
        way: Way,
        /// It was tried and did not answer.
        failed: bool,
        /// Computers on this network reach it all the same.
        nearby: bool,
    },
    Reachable(Way),
}

/// How contacts reach this computer, by the settings or the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ThisNetwork,
    OwnRelay,
    PublicRelays,
}

impl Network {
    /// Whether it can be reached in the way that the settings ask for. Nearby computers may reach it all the same.
    pub fn is_online(&self) -> bool {
        matches!(self, Self::Reachable(_))
    }

    /// Whether nobody at all can.
    pub fn is_cut_off(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::Unplugged | Self::Moved(_) | Self::NoRelay { failed: true, nearby: false, .. })
    }
}

/// What is plugged in, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Devices {
    pub cameras: Vec<String>,
    pub microphones: Vec<String>,
    pub speakers: Vec<String>,
}
