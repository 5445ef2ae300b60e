//! What happened, once each, in order: what `--json` prints and what scripts wait for.

use serde_json::{Value, json};

use super::command::CallMedia;
use super::report::Report;
use crate::identity::PublicKey;
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;
use crate::signal::message::MessageId;

/// An event and when it happened.
#[derive(Debug, Clone)]
pub struct Event {
    pub at: MediaTime,
    pub what: What,
}

/// What happened. `peer` is always the contact's key.
#[derive(Debug, Clone)]
pub enum What {
    /// An invitation of ours is open.
    Invitation {
        text: String,
        expires: u64,
    },
    /// Somebody with an invitation of ours asks to become a contact.
    Request {
        peer: PublicKey,
        name: String,
        warning: Option<String>,
    },
    /// Somebody became a contact.
    Contact {
        peer: PublicKey,
        name: String,
        /// The invitation of ours that they came by, by its knock id.
        by: Option<PublicKey>,
    },
    /// A request of ours came to nothing; the sentence says why.
    RequestFailed {
        text: String,
    },
    /// A contact calls.
    Incoming {
        peer: PublicKey,
        name: String,
        media: CallMedia,
    },
    /// It rings at the contact's.
    Ringing {
        peer: PublicKey,
    },
    /// On the callee: accepted here. On the caller: the acceptance arrived.
    Accepted {
        peer: PublicKey,
    },
    Declined {
        peer: PublicKey,
    },
    Busy {
        peer: PublicKey,
    },
    /// Nobody answered, or the caller gave up.
    Missed {
        peer: PublicKey,
    },
    /// Picture and sound can flow.
    Connected {
        peer: PublicKey,
        words: [&'static str; 4],
    },
    FirstVideo,
    FirstAudio,
    Reconnecting,
    Reconnected,
    /// A microphone was switched, ours or theirs.
    Muted {
        remote: bool,
        muted: bool,
    },
    /// A camera was switched, ours or theirs.
    Camera {
        remote: bool,
        on: bool,
    },
    /// Something to know, with what to do about it.
    Warning {
        text: String,
        /// What a pipeline said, if it is about one.
        cause: Option<MediaEvent>,
    },
    /// A call is over.
    Report(Box<Report>),
    /// A contact wrote.
    Message {
        peer: PublicKey,
        name: String,
        id: MessageId,
        text: String,
        /// Unix milliseconds.
        sent_ms: u64,
    },
    /// A text of ours is on the contact's disk.
    Delivered {
        peer: PublicKey,
        id: MessageId,
    },
}

impl Event {
    /// One line of `--json`.
    pub fn to_json(&self) -> Value {
        let mut value = self.what.to_json();
        value["unix_us"] = json!(self.at.unix_us());
        value
    }
}

impl What {
    fn to_json(&self) -> Value {
        let with_peer = |event: &str, peer: &PublicKey| json!({"event": event, "peer": peer.to_string()});
        match self {
            Self::Invitation { text, expires } => json!({"event": "invitation", "invitation": text, "expires": expires}),
            Self::Request { peer, name, warning } => {
                json!({"event": "request", "peer": peer.to_string(), "name": name, "warning": warning})
            }
            Self::Contact { peer, name, .. } => json!({"event": "contact", "peer": peer.to_string(), "name": name}),
            Self::RequestFailed { text } => json!({"event": "request_failed", "text": text}),
            Self::Incoming { peer, name, media } => {
                json!({"event": "incoming", "peer": peer.to_string(), "name": name, "media": media_name(*media)})
            }
            Self::Ringing { peer } => with_peer("ringing", peer),
            Self::Accepted { peer } => with_peer("accepted", peer),
            Self::Declined { peer } => with_peer("declined", peer),
            Self::Busy { peer } => with_peer("busy", peer),
            Self::Missed { peer } => with_peer("missed", peer),
            Self::Connected { peer, words } => json!({"event": "connected", "peer": peer.to_string(), "words": words}),
            Self::FirstVideo => json!({"event": "first_video"}),
            Self::FirstAudio => json!({"event": "first_audio"}),
            Self::Reconnecting => json!({"event": "reconnecting"}),
            Self::Reconnected => json!({"event": "reconnected"}),
            Self::Muted { remote, muted } => json!({"event": "muted", "remote": remote, "muted": muted}),
            Self::Camera { remote, on } => json!({"event": "camera", "remote": remote, "on": on}),
            Self::Warning { text, cause } => {
                json!({"event": "warning", "what": cause.as_ref().map(MediaEvent::name), "text": text})
            }
            Self::Report(report) => report.to_json(),
            Self::Message { peer, name, id, text, sent_ms } => json!({
                "event": "message", "peer": peer.to_string(), "name": name, "id": id.to_string(), "text": text, "sent_us": sent_ms * 1000,
            }),
            Self::Delivered { peer, id } => json!({"event": "delivered", "peer": peer.to_string(), "id": id.to_string()}),
        }
    }

    /// The same for people.
    pub fn to_text(&self) -> String {
        match self {
            Self::Invitation { text, .. } => text.clone(),
            Self::Request { peer, name, warning: None } => {
                format!("\"{name}\" asks to become a contact (key {peer}): vesper contacts accept {}", short(peer))
            }
            Self::Request { peer, name, warning: Some(warning) } => {
                let accept = format!("vesper contacts accept {}", short(peer));
                format!("\"{name}\" asks to become a contact (key {peer}). Careful: {warning} To accept anyway: {accept}")
            }
            Self::Contact { name, .. } => format!("{name} is now a contact"),
            Self::RequestFailed { text } | Self::Warning { text, .. } => text.clone(),
            Self::Incoming { name, media, .. } => format!("{name} calls ({})", media_name(*media)),
            Self::Ringing { .. } => "it rings there".into(),
            Self::Accepted { .. } => "accepted".into(),
            Self::Declined { .. } => "declined".into(),
            Self::Busy { .. } => "busy in another call".into(),
            Self::Missed { .. } => "no answer".into(),
            Self::Connected { words, .. } => format!("connected; the words of this call: {}", words.join(" ")),
            Self::FirstVideo => "first picture".into(),
            Self::FirstAudio => "first sound".into(),
            Self::Reconnecting => "the connection is lost; reconnecting".into(),
            Self::Reconnected => "reconnected".into(),
            Self::Muted { remote, muted } => format!("{} microphone {}", whose(*remote), if *muted { "muted" } else { "on" }),
            Self::Camera { remote, on } => format!("{} camera {}", whose(*remote), if *on { "on" } else { "off" }),
            Self::Report(report) => report.to_text(),
            // A terminal obeys some characters: none of them comes from a peer.
            Self::Message { name, text, .. } => format!("{name}: {}", text.replace(|c: char| c.is_control() && c != '\t', " ")),
            Self::Delivered { .. } => "delivered".into(),
        }
    }
}

fn whose(remote: bool) -> &'static str {
    if remote { "their" } else { "your" }
}

fn media_name(media: CallMedia) -> &'static str {
    match media {
        CallMedia::Audio => "audio",
        CallMedia::Video => "video",
    }
}

fn short(key: &PublicKey) -> String {
    key.to_string()[..8].to_owned()
}
