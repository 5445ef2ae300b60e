//! Reading and writing the fields of the wire: big-endian, every length checked before anything is allocated.

use thiserror::Error;

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

/// Walks over the bytes of one message, from the first to exactly the last.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.0.split_at_checked(len).ok_or(Malformed::CutOff)?;
        self.0 = tail;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Malformed::CutOff)?;
        self.0 = tail;
        Ok(*head)
    }

    pub fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// `LP(x)`: a length of four bytes and so many bytes, at most `most`.
    pub fn prefixed(&mut self, most: usize) -> Result<&'a [u8], Malformed> {
        let len = self.u32()? as usize;
        if len > most {
            return Err(Malformed::TooLong);
        }
        self.bytes(len)
    }

    /// `LP(x)` of UTF-8.
    pub fn text(&mut self, most: usize) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.prefixed(most)?).map_err(|_| Malformed::Field)
    }

    /// One byte of count, and so many of what `item` reads.
    pub fn list<T>(&mut self, most: usize, mut item: impl FnMut(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let count = self.u8()? as usize;
        if count > most {
            return Err(Malformed::TooLong);
        }
        (0..count).map(|_| item(self)).collect()
    }

    /// All that is left.
    pub fn rest(&mut self, most: usize) -> Result<&'a [u8], Malformed> {
        if self.0.len() > most {
            return Err(Malformed::TooLong);
        }
        Ok(std::mem::take(&mut self.0))
    }

    /// The last call of every decoder: nothing may follow.
    pub fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed::Trailing) }
    }
}

/// The count byte of a list. The caller's lists are our own, and their caps lie below 256.
pub(crate) fn count(len: usize) -> u8 {
    u8::try_from(len).expect("our own lists stay below the caps of the protocol")
}
