//! What a person can ask of the engine, from the window or the command line.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

pub use crate::contacts::Candidates;
use crate::conversation::order::Position;
use crate::identity::PublicKey;
use crate::settings::{Reach, Settings};
use crate::signal::message::CallId;

/// A passphrase on its way: wiped when dropped, and never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Zeroizing<String>);

/// What somebody wants to send in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallMedia {
    Audio,
    Video,
}

/// A wish. The engine answers through its snapshot and its events, never by a return value.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// First start: make the profile's identity.
    CreateProfile {
        name: String,
        reach: Reach,
        /// Empty: the profile is not sealed.
        passphrase: Secret,
    },
    /// First start, of somebody who has a backup.
    Restore {
        file: PathBuf,
        /// The backup's own.
        passphrase: Secret,
        /// What seals the profile from now on; empty: nothing.
        new: Secret,
        reach: Reach,
    },
    /// Open a sealed profile.
    Unlock {
        passphrase: Secret,
    },
    /// Make an invitation that holds for `hours`; it becomes the first of
    /// [`Snapshot::invitations`](super::snapshot::Snapshot::invitations).
    Invite {
        hours: u32,
        /// Whom it is for, seen by nobody else; may be empty.
        label: String,
    },
    /// Close an invitation of ours; nobody can use it afterwards.
    WithdrawInvitation {
        knock_id: PublicKey,
    },
    /// Send a contact request to whoever made `invitation`; `petname` is what we will call them, if not as they propose.
    AddContact {
        invitation: String,
        petname: Option<String>,
    },
    AcceptRequest {
        key: PublicKey,
        petname: Option<String>,
    },
    RefuseRequest {
        key: PublicKey,
    },
    Rename {
        key: PublicKey,
        petname: String,
    },
    Block {
        key: PublicKey,
    },
    Unblock {
        key: PublicKey,
    },
    Remove {
        key: PublicKey,
    },
    Call {
        key: PublicKey,
        media: CallMedia,
    },
    /// Answer `call`, if it is the one that rings; without it, whichever does.
    Accept {
        call: Option<CallId>,
        media: CallMedia,
    },
    /// The same for a refusal.
    Decline {
        call: Option<CallId>,
    },
    /// Stop ringing here, and leave the caller waiting.
    Silence,
    /// Do not answer, and write this instead.
    DeclineWith {
        call: Option<CallId>,
        body: String,
    },
    /// End the call in whatever state it is, also while it dials.
    HangUp,
    SetMicrophone {
        on: bool,
    },
    SetCamera {
        on: bool,
    },
    /// Confirmed (or not) that the words of this call are the same on both sides.
    WordsAgree {
        agree: bool,
    },
    /// Show the safety number of this contact; it appears as [`Snapshot::verify`](super::snapshot::Snapshot::verify).
    ShowNumber {
        key: PublicKey,
    },
    /// Put the number away, and close the camera if it was open for it.
    HideNumber,
    /// Look for the code of the shown contact through the chosen camera, or stop that.
    ScanCode {
        on: bool,
    },
    /// The number was compared and is the same; or take the mark back.
    SetVerified {
        key: PublicKey,
        verified: bool,
    },
    /// Cover the window and wipe what only an unlocked profile may hold in memory.
    Lock,
    /// Change, set (`current` is empty) or remove (`new` is empty) the passphrase.
    ChangePassphrase {
        current: Secret,
        new: Secret,
    },
    /// Write a backup to `file`, which must not be there.
    Export {
        file: PathBuf,
        passphrase: Secret,
    },
    /// Remove everything of this profile from this computer.
    Wipe,
    /// What a contact's computer may learn of our address in a call.
    SetCandidates {
        key: PublicKey,
        candidates: Candidates,
    },
    /// Whether a contact's calls ring; if not, they are noted as missed.
    SetSilent {
        key: PublicKey,
        silent: bool,
    },
    /// Use the relay that a contact is reached through and that is none of ours, or do not, and do not ask about it again.
    ApproveRelay {
        key: PublicKey,
        relay: String,
        approve: bool,
    },
    /// Use the relay that this invitation of somebody else names, or let the request be.
    ApproveRequestRelay {
        knock_id: PublicKey,
        approve: bool,
    },
    /// The answer to [`Snapshot::address_question`](super::snapshot::Snapshot::address_question): whether their computer may
    /// learn our address in this call; `None` does not call.
    ShareAddress {
        share: Option<bool>,
    },
    ChangeSettings {
        settings: Box<Settings>,
    },
    DismissNotice {
        id: u64,
    },
    /// Send a text to a contact; it waits until both are online together.
    Write {
        key: PublicKey,
        body: String,
    },
    /// The same, to whoever the call is with.
    WriteInCall {
        body: String,
    },
    /// The conversation with this contact is on the screen: nothing in it is unread any more.
    See {
        key: PublicKey,
    },
    /// Open a link of a message in the browser, after the person was shown where it leads.
    OpenLink {
        url: String,
    },
    /// Delete one message or call here.
    DeleteMessage {
        key: PublicKey,
        position: Position,
    },
    /// Delete everything that was written with this contact, here.
    DeleteConversation {
        key: PublicKey,
    },
    /// Change what we call ourselves. Contacts keep the name they have for us.
    SetName {
        name: String,
    },
    /// Look at the devices again, for a list that a person is about to see.
    RefreshDevices,
    /// Open camera and microphone to look at them, as [`Snapshot::device_check`](super::snapshot::Snapshot::device_check), or
    /// close them. A call that begins closes them too.
    CheckDevices {
        on: bool,
    },
    /// Let the person hear the chosen speaker for a moment; with `ring`, how a call rings.
    TestSound {
        ring: bool,
    },
    /// Hang up, close everything, end.
    Quit,
}

impl Secret {
    /// The passphrase; `None` if it is empty.
    pub fn get(&self) -> Option<&str> {
        Some(self.0.as_str()).filter(|text| !text.is_empty())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_in_no_debug_print_of_a_command() {
        let command = Command::Unlock { passphrase: "walrus".into() };
        assert!(!format!("{command:?}").contains("walrus"));
        assert_eq!((Secret::default().get(), Secret::from("a").get()), (None, Some("a")));
    }
}
