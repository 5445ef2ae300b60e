//! A cursor over bytes that somebody else wrote.

/// Reads fields in order, big-endian. Every read says `None` instead of going past the end, and never allocates.
#[derive(Debug, Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// What [`length_prefixed`](super::length_prefixed) wrote, if it is no longer than `limit`.
    pub fn length_prefixed(&mut self, limit: usize) -> Option<&'a [u8]> {
        let length = usize::try_from(self.u32()?).ok().filter(|length| *length <= limit)?;
        self.take(length)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_in_order_and_nothing_is_read_past_the_end() {
        let mut reader = Reader::new(&[7, 1, 2, 0, 0, 0, 2, b'h', b'i', 9]);
        assert_eq!(reader.u8(), Some(7));
        assert_eq!(reader.u16(), Some(0x0102));
        assert_eq!(reader.length_prefixed(2), Some(&b"hi"[..]));
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.rest(), [9]);
        assert_eq!(reader.take(1), Some(&[9][..]));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_length_above_its_limit_or_the_end_is_refused() {
        assert_eq!(Reader::new(&[0, 0, 0, 3, 1, 2, 3]).length_prefixed(2), None);
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 1]).length_prefixed(usize::MAX), None);
    }
}
