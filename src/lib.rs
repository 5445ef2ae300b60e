//! Vesper: private video calls, straight from you to them.
//!
//! The modules in reading order are the sentence that the program is:
//!
//! - [`identity`]: who I am. One Ed25519 key a profile, the vault and the folder that keep it.
//! - [`settings`]: what I chose.
//! - [`contacts`]: whom I know. A contact *is* a public key; invitations, names, the store.
//! - [`signal`]: how we meet. The messages on the link, the link over iroh, the knock of a stranger with an invitation.
//! - [`conversation`]: what we write to each other: order, outbox, and the sealed store of it.
//! - [`e2ee`]: how picture and sound are sealed, frame by frame.
//! - [`call`]: the rules of a call and its handshake, as a pure state machine.
//! - [`media`]: how picture and sound travel: sources, codecs, jitter buffers, and four pipelines that each read as one function.
//! - [`transport`]: the WebRTC peer connection that carries sealed payloads and knows nothing of what is in them.
//! - [`engine`]: the one task that owns everything that changes.
//! - [`headless`]: the command line's view of the engine; [`ui`]: the window's.
//!
//! A module imports only what stands above it; `tests/it/layers.rs` holds that.
//!
//! What all of it says to other computers, byte by byte, is in [`protocol`](mod@protocol); what that is worth to whom, in [`threat_model`].
//!
//! What is deliberately absent: a server of ours, an account, a fallback to less encryption, a clock in the pure
//! modules (`now` is an argument), a lock or an allocation on a sound callback, and any way to start media without
//! the token that accepting a call mints.

// Rules do not read the clock: `.clippy.toml` refuses it, and here stands who may and why.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test makes its own moments and threads"))]

pub mod call;
pub mod contacts;
pub mod conversation;
pub mod e2ee;
#[allow(clippy::disallowed_methods, reason = "the engine reads the clock and hands it inward")]
pub mod engine;
#[allow(clippy::disallowed_methods, reason = "prints when things happened, measures how long they took")]
pub mod headless;
pub mod identity;
#[allow(clippy::disallowed_methods, reason = "devices and pipeline threads stamp what they take")]
pub mod media;
pub mod settings;
#[allow(clippy::disallowed_methods, reason = "the link stamps what arrives and has deadlines of its own")]
pub mod signal;
#[allow(clippy::disallowed_methods, reason = "the driver of a peer connection is timed by the clock")]
pub mod transport;
pub mod ui;

// Documents, to be read beside the code; a test checks the examples in the first.
#[doc = include_str!("protocol.md")]
pub mod protocol {}
#[doc = include_str!("threat_model.md")]
pub mod threat_model {}
