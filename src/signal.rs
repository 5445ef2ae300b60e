//! How we meet: the messages of the link, the link itself, and the knock of a stranger with an invitation.
//!
//! - [`message`]: what contacts say to each other, as bytes. Pure.
//! - [`link`]: the connections to contacts. Strangers are ignored before they cost or learn anything.
//! - [`knock`]: how a stranger with an invitation becomes a contact.
//!
//! Only this folder names iroh.

mod frame;
pub mod knock;
pub mod link;
pub mod message;
mod rate;
mod sources;
mod ticket;
mod wire;
