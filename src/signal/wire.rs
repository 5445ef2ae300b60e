//! What the fields of the wire are read with, and what is wrong when they cannot be.

use thiserror::Error;

use crate::identity::ReadError;
pub(crate) use crate::identity::Reader;

/// Why bytes of a peer are not a message. Whoever meets one drops the bytes and counts; it never ends a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Malformed {
    #[error("the message is cut off")]
    CutOff,
    #[error("bytes follow the end of the message")]
    Trailing,
    #[error("a part is longer than the protocol allows")]
    TooLong,
    #[error("no message has type {0:#04x}")]
    UnknownType(u8),
    #[error("the message has version {0}, which this program does not know")]
    Version(u8),
    #[error("a field holds what the protocol does not allow")]
    Field,
}

impl From<ReadError> for Malformed {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::CutOff => Self::CutOff,
            ReadError::Trailing => Self::Trailing,
            ReadError::TooLong => Self::TooLong,
            ReadError::NotText => Self::Field,
        }
    }
}

/// The count byte of a list. The caller's lists are our own, and their caps lie below 256.
pub(crate) fn count(len: usize) -> u8 {
    u8::try_from(len).expect("our own lists stay below the caps of the protocol")
}
