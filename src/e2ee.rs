//! How picture, sound and control are sealed, item by item, under the keys that a call agreed on.
//!
//! The format is SFrame (RFC 9605) with ChaCha20-Poly1305, which it has no suite number for: 0xF001 is from the private range.
//! `keys` is the schedule from a root key to the key of one stream and minute; `header` the few clear bytes before
//! each item; `replay` remembers what was opened; `frame` seals and opens with them; `inbound` is what openers share; `keyring` holds
//! the keys of a call and leads its sealers and openers from one to the next.
//!
//! Three rules hold everywhere: a counter is never used twice under one key, nothing is believed before it opened,
//! and an item that does not open is dropped and counted, never passed on.

mod frame;
mod header;
mod inbound;
mod keyring;
mod keys;
mod replay;

pub use frame::{Exhausted, Opener, SEAL_OVERHEAD, Sealer};
pub use header::FrameCounter;
pub use inbound::{Inbound, OpenError, SealCounts};
pub use keyring::Keyring;
pub use keys::{Direction, RootKey, StreamId};
pub(crate) use keys::{Secret, expand, extract};
