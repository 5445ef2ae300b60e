//! What we write to each other: one thread a contact, in which texts and calls stand in the same order on both sides.
//!
//! - [`Entry`]: one text or call. [`order`]: where it stands, by Lamport's clock, and why a peer cannot run that away.
//! - [`Thread`]: a contact's entries in memory, in order; what is unread; search.
//! - [`Allowance`]: how much of what a contact writes is taken in. A rule only.
//! - [`Outbox`]: what waits for the other side, and when to try again. A rule only: no clock, no socket.
//! - [`Library`]: all of it on the disk, sealed, one key a conversation. Nothing is told to anybody before it is there.
//! - [`Meanwhile`]: calls that ended while the library was not open, as when the profile is locked.
//! - [`links`]: the links in a text, and what is suspicious about their host. [`version`]: which of two programs is newer.
//! - [`Zone`]: which time of the day a moment was.
//!
//! A text is unique by its sender and id. The receiver commits it before it acknowledges it, and the sender keeps sending until
//! then, so a crash of either side at any point loses nothing and doubles nothing.
//!
//! Deliberately absent: a mailbox. Both must be online at some time together; until then a text *waits*, and says so.

mod allowance;
mod entry;
mod key_ring;
mod library;
pub mod links;
mod meanwhile;
pub mod order;
mod outbox;
mod schema;
mod thread;
pub mod version;
mod zone;

pub use allowance::{Allowance, TooMuch, notes_missed};
pub use entry::{Call, Content, Entry, Outcome, State};
pub use library::{Library, Received};
pub use meanwhile::{Meanwhile, Noted};
pub use outbox::{Outbox, Step};
pub use thread::Thread;
pub use zone::{LocalTime, Zone};
