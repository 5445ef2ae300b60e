//! The half of the library that reads what peers send, under the library's own name and paths, so that fuzzing builds a hundred
//! crates and not eight hundred: no network, no devices, no window. The sources are those of the library, not copies.

#![allow(dead_code, unused_imports, reason = "the other half of the library, which is not here, uses the rest")]

// What costs a handshake its time is looked up where it was computed before: see `remembered`.
extern crate remembered as ed25519_dalek;
extern crate remembered as ml_kem;
extern crate remembered as x25519_dalek;

#[path = "../../src"]
mod sources {
    pub mod call;
    pub mod contacts;
    pub mod e2ee;
    pub mod identity;
    pub mod settings;

    /// `conversation.rs` without the library on the disk.
    pub mod conversation {
        pub mod links;
        pub mod version;
    }

    /// `signal.rs` without what speaks to the network.
    pub mod signal {
        pub mod message;
        mod wire;

        pub mod knock {
            pub mod protocol;
        }
    }

    /// `transport.rs` without connections.
    pub mod transport {
        mod abandon;
        pub mod arrivals;
        pub mod bandwidth;
        pub mod bare;
        mod counters;
        pub mod datagram;
        pub mod departures;
        mod describe;
        mod feedback;
        mod kept;
        mod loss_runs;
        pub mod nack;
        pub mod numbers;
        pub mod pacer;
        pub mod parity;
        pub mod protection;
        mod receiving;
        mod sending;
        mod standstill;
        mod start;

        /// `config.rs`: who called.
        mod config {
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum Role {
                Caller,
                Callee,
            }
        }

        /// `path.rs`: what is read off one.
        mod path {
            #[derive(Debug, Clone, Copy, PartialEq)]
            pub(super) struct Reading {
                pub estimate: super::bandwidth::Estimate,
                pub repair_percent: u32,
                pub abandoned: u32,
            }
        }

        pub use config::Role;
        pub use numbers::Numbered;
        pub use start::StartRate;
    }

    /// `media.rs` without devices, screens and pictures.
    pub mod media {
        pub mod allocation;
        pub mod audio_jitter;
        pub mod audio_payload;
        pub mod clock;
        pub mod delay_histogram;
        pub mod delay_target;
        pub mod fragment;
        pub mod frame;
        pub mod lateness;
        pub mod nal;
        pub mod opus;
        pub mod packet;
        pub mod repair;
        pub mod video_jitter;
        pub mod voice_decoder;
    }
}

pub use sources::{call, contacts, conversation, e2ee, identity, media, settings, signal, transport};
