//! What a person can ask of the engine, from the window or the command line.

use crate::conversation::order::Position;
use crate::identity::PublicKey;
use crate::settings::{Reach, Settings};

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
    },
    /// Open a sealed profile.
    Unlock {
        passphrase: String,
    },
    /// Make an invitation that holds for `hours`; it appears as [`Snapshot::invitation`](super::snapshot::Snapshot::invitation).
    Invite {
        hours: u32,
    },
    /// Close the invitation that is shown; nobody can use it afterwards.
    WithdrawInvitation,
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
    /// Answer the call that rings.
    Accept {
        media: CallMedia,
    },
    Decline,
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
    /// Look at the devices again, for a list that a person is about to see.
    RefreshDevices,
    /// Hang up, close everything, end.
    Quit,
}
