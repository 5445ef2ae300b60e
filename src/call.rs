//! The rules of a call, as a state machine that touches nothing: no socket, no clock, no device.
//!
//! [`Rules::step`] takes what happened and gives back what to do, in order. The engine owns the effects.
//!
//! - [`event`]: what can happen and what the engine must do; [`end`]: why calls end, in words.
//! - [`handshake`]: how two sides prove who they are and agree on keys, with `ephemeral` and `kem` as its two secrets;
//!   [`words`]: what people compare; [`rekey`]: fresh keys every ten minutes; `restart`: another connection for
//!   the same call, and `budget`: how many addresses are tried for it.
//! - [`control`]: what the sides say to each other once they are connected.
//! - [`state`]: the machine and what its states share; `caller`, `callee`, `glare` and `live` are the states; `recent` is
//!   the memory of calls that are over.

mod budget;
mod callee;
mod caller;
pub mod control;
pub mod end;
mod ephemeral;
pub mod event;
mod glare;
pub mod handshake;
mod kem;
mod live;
mod recent;
pub mod rekey;
mod restart;
pub mod state;
pub mod words;

pub use control::Control;
pub use end::EndReason;
pub use event::{Accepted, CallEvent, CallSecrets, Dial, Input, Output, Role};
pub use handshake::{CallKeys, Refusal};
pub use state::{Current, Rules, Stage};
