//! The peer connection that carries sealed payloads, and knows nothing of what is in them.
//!
//! The only folder that names `webrtc`. In reading order:
//!
//! - `secrets`: certificate and ICE credentials of one call, there before any socket is.
//! - [`peer`]: the connection: gather, connect, close, and what it tells its owner. `chain` sets the library up for it,
//!   `watch` turns what the library reports into events, `describe` writes the SDP that is never sent, `config` has the words.
//! - `gate`: the sockets, which answer nobody until the other side has proven who it is.
//! - `addresses`: which candidates count, ours and theirs; `servers`: who helps to find them.
//! - `control`: short messages both ways.
//! - `tracks`: payloads out, paced by `pacer`; `intake`: payloads in; `repair` and `nack`: the ones that got lost.
//! - `feedback`: what the other side reports, as a rate by way of [`bandwidth`].
//!
//! Deliberately absent: SDP from a peer, trickled host names, mDNS, TCP, and any path for media before the DTLS
//! certificate hashed to the fingerprint that the signed handshake named.

mod addresses;
pub mod bandwidth;
mod chain;
mod config;
mod control;
mod counters;
mod describe;
mod feedback;
mod gate;
mod intake;
pub mod nack;
mod pacer;
pub mod peer;
mod repair;
mod secrets;
mod servers;
mod tracks;
mod watch;

#[cfg(test)]
mod tests;

pub use config::{MediaPorts, PeerConfig, PeerEvent, Role, TransportError};
pub use counters::PathStats;
pub use peer::{Gathering, Peer};
pub use secrets::LocalSecrets;
pub use servers::is_ice_server;
