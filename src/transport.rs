//! The peer connection that carries sealed payloads, and knows nothing of what is in them.
//!
//! The only folder that names `webrtc`. In reading order:
//!
//! - `secrets`: certificate and ICE credentials of one call, there before any socket is.
//! - [`peer`]: the connection: gather, connect, close, and what it tells its owner. `chain` sets the library up for it,
//!   `watch` turns what the library reports into events, `describe` writes the SDP that is never sent, `config` has the words.
//! - `gate`: the sockets, which answer nobody until the other side has proven who it is; `checks`: how often who does not answer is asked
//!   again; `relaying`: what a TURN server is not asked for. `start`: with what rate a path begins.
//! - `addresses`: which candidates count, ours and theirs; `servers`: who helps to find them.
//! - `network`: tells when our addresses change.
//! - `control`: short messages both ways.
//! - `tracks`: payloads out; `intake`: payloads in; `feedback`: what a receiver of pictures tells their sender; between them and the wire the `path`, in two halves:
//!   - `sending`: the [`pacer`], what [`departures`] became of as a rate by way of [`bandwidth`], and against loss [`parity`], as much
//!     as [`protection`] says, and `kept` packets for whoever asks; `abandon`: when what was lost is not worth that; `standstill`: when
//!     a small picture goes where nothing else may; `loss_runs`: which copies of sound help;
//!   - `receiving`: what [`arrivals`] there were is reported, what is missing comes back by parity or is asked for by [`nack`];
//!   - [`bare`]: both without a connection, for simulations and for `riding`: the path over the link, where [`datagram`]s carry it until a
//!     connection stands, and where none can. [`numbers`] are the call's, so that packets of both fit together.
//!
//! Deliberately absent: SDP from a peer, trickled host names, mDNS, TCP, and any path for media before the DTLS
//! certificate hashed to the fingerprint that the signed handshake named.

mod abandon;
mod addresses;
pub mod arrivals;
pub mod bandwidth;
pub mod bare;
mod chain;
mod checks;
mod config;
mod control;
mod counters;
pub mod datagram;
pub mod departures;
mod describe;
mod feedback;
mod gate;
mod intake;
mod kept;
mod loss_runs;
pub mod nack;
mod network;
pub mod numbers;
pub mod pacer;
pub mod parity;
mod path;
pub mod peer;
pub mod protection;
mod receiving;
mod relaying;
mod riding;
mod secrets;
mod sending;
mod servers;
mod standstill;
mod start;
mod tracks;
mod watch;

#[cfg(test)]
mod tests;

pub use config::{Carries, MediaPorts, PeerConfig, PeerEvent, Role, TransportError};
pub use counters::{Over, PathStats};
pub use network::watch_addresses;
pub use numbers::{Numbered, Numbering};
pub use peer::{Gathering, Peer};
pub use riding::Ride;
pub use secrets::LocalSecrets;
pub use servers::is_ice_server;
pub use start::StartRate;
