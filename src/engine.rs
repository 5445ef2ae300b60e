//! The one task that owns everything that changes.

pub mod command;
pub mod snapshot;
