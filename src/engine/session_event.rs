//! What the tasks of a call tell the engine.

use crate::media::events::MediaEvent;
use crate::signal::message::{CallId, Candidate};
use crate::transport::PeerEvent;

/// What the tasks of a call tell the engine; each names its call, for it may be over by then.
pub enum SessionEvent {
    /// The sockets are open, or could not be opened.
    Gathered {
        call: CallId,
        path: u32,
        gathered: Result<Vec<Candidate>, String>,
    },
    Transport {
        call: CallId,
        path: u32,
        event: PeerEvent,
    },
    /// The same of the path over the link.
    Ride {
        call: CallId,
        event: PeerEvent,
    },
    Media {
        call: CallId,
        event: MediaEvent,
    },
}

impl SessionEvent {
    pub fn call(&self) -> CallId {
        match self {
            Self::Gathered { call, .. } | Self::Transport { call, .. } | Self::Ride { call, .. } | Self::Media { call, .. } => {
                *call
            }
        }
    }
}
