//! The half of the library that reads what peers send, under the library's own name and paths, so that fuzzing builds a hundred
//! crates and not eight hundred: no network, no devices, no window. The sources are those of the library, not copies.

#![allow(dead_code, unused_imports, reason = "the other half of the library, which is not here, uses the rest")]

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
        pub mod datagram;
        pub mod parity;

        /// `describe.rs`: the numbers in it.
        mod describe {
            pub(super) const OPUS: u8 = 111;
            pub(super) const H264: u8 = 102;
            pub(super) const RTX: u8 = 103;
            pub(super) const PARITY: u8 = 104;
        }
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
        pub mod video_jitter;
        pub mod voice_decoder;
    }
}

pub use sources::{call, contacts, conversation, e2ee, identity, media, settings, signal, transport};
