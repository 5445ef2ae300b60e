//! A cursor over bytes that somebody else wrote: the one reader of every format here, of files and of the wire.

use thiserror::Error;

/// Why bytes are not what they should be. Formats say more in errors of their own, which this one turns into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReadError {
    #[error("the bytes are cut off")]
    CutOff,
    #[error("bytes follow the end")]
    Trailing,
    #[error("a part is longer than the format allows")]
    TooLong,
    #[error("a text is not UTF-8")]
    NotText,
}

/// Reads fields in order, big-endian. It never reads past the end, and allocates nothing before a length was checked.
#[derive(Debug, Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], ReadError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ReadError::CutOff)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], ReadError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(ReadError::CutOff)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, ReadError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> Result<u16, ReadError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> Result<u32, ReadError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// The next eight bytes.
    pub fn u64(&mut self) -> Result<u64, ReadError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// `LP(x)` as [`length_prefixed`](super::length_prefixed) wrote it: a length of four bytes and so many bytes, at most `most`.
    pub fn prefixed(&mut self, most: usize) -> Result<&'a [u8], ReadError> {
        let length = usize::try_from(self.u32()?).ok().filter(|length| *length <= most).ok_or(ReadError::TooLong)?;
        self.bytes(length)
    }

    /// `LP(x)` of UTF-8.
    pub fn text(&mut self, most: usize) -> Result<&'a str, ReadError> {
        std::str::from_utf8(self.prefixed(most)?).map_err(|_| ReadError::NotText)
    }

    /// One byte of count, at most `most`, and so many of what `item` reads.
    pub fn list<T, E: From<ReadError>>(
        &mut self,
        most: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, E>,
    ) -> Result<Vec<T>, E> {
        let count = usize::from(self.u8()?);
        if count > most {
            return Err(ReadError::TooLong.into());
        }
        (0..count).map(|_| item(self)).collect()
    }

    /// All that is left, at most `most`.
    pub fn rest(&mut self, most: usize) -> Result<&'a [u8], ReadError> {
        if self.0.len() > most {
            return Err(ReadError::TooLong);
        }
        Ok(std::mem::take(&mut self.0))
    }

    /// What has not been read yet, which stays so.
    pub fn unread(&self) -> &'a [u8] {
        self.0
    }

    /// The last call of every decoder: nothing may follow.
    pub fn end(self) -> Result<(), ReadError> {
        if self.0.is_empty() { Ok(()) } else { Err(ReadError::Trailing) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_come_back_in_order_and_nothing_is_read_past_the_end() {
        let mut reader = Reader::new(&[7, 1, 2, 0, 0, 0, 2, b'h', b'i', 2, 5, 6, 9]);
        assert_eq!(reader.u8(), Ok(7));
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.text(2), Ok("hi"));
        assert_eq!(reader.list(2, Reader::u8), Ok(vec![5, 6]));
        assert_eq!(reader.clone().end(), Err(ReadError::Trailing));
        assert_eq!(reader.unread(), [9]);
        assert_eq!(reader.u16(), Err(ReadError::CutOff));
        assert_eq!(reader.unread(), [9], "what failed took nothing");
        assert_eq!(reader.rest(0), Err(ReadError::TooLong));
        assert_eq!(reader.rest(1), Ok(&[9][..]));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn lengths_and_counts_over_the_limit_are_refused_before_anything_is_taken_for_them() {
        assert_eq!(Reader::new(&[0xff; 40]).prefixed(30), Err(ReadError::TooLong));
        assert_eq!(Reader::new(&[0, 0, 0, 9, 1]).prefixed(30), Err(ReadError::CutOff));
        assert_eq!(Reader::new(&[200, 1, 2]).list(16, Reader::u8), Err(ReadError::TooLong));
        assert_eq!(Reader::new(&[0, 0, 0, 1, 0xff]).text(30), Err(ReadError::NotText));
    }

    proptest! {
        #[test]
        fn what_is_read_and_what_is_not_are_together_what_there_was(bytes in prop::collection::vec(any::<u8>(), 0..64), take in 0usize..80) {
            let mut reader = Reader::new(&bytes);
            match reader.bytes(take) {
                Ok(taken) => prop_assert_eq!([taken, reader.unread()].concat(), bytes),
                Err(error) => {
                    prop_assert_eq!(error, ReadError::CutOff);
                    prop_assert!(take > bytes.len());
                }
            }
        }
    }
}
