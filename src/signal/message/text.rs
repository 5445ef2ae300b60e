//! What a conversation says over the link: texts, their receipts, and what each side says about itself.

use std::fmt;

use super::Malformed;
use crate::identity::{length_prefixed, random};
use crate::signal::wire::{Reader, count};

/// The longest text, in bytes of UTF-8.
pub const MAX_BODY: usize = 32 * 1024;

/// The most receipts in one message; a sender has far fewer texts under way.
pub const MAX_RECEIPTS: usize = 64;

/// The longest version, in bytes: `1.2.3` and room for more.
pub const MAX_VERSION: usize = 32;

/// Names one text of one sender for ever; chosen at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

/// One text, as its sender numbered it.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    pub id: MessageId,
    /// Counts what its sender put into this conversation.
    pub seq: u64,
    /// One more than anything that the sender had seen in this conversation (Lamport 1978): answers come after questions.
    pub lamport: u64,
    /// By the sender's clock, Unix milliseconds.
    pub sent_ms: u64,
    /// Not empty, at most [`MAX_BODY`] bytes.
    pub body: String,
}

/// What a computer says about itself when a connection begins, and again when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Whether the person lets contacts see that they are online. Who hides does not see it of others either.
    pub shows_presence: bool,
    /// The version of the program, `1.2.3`.
    pub version: String,
}

impl MessageId {
    /// A new id.
    pub fn generate() -> Self {
        Self(random())
    }
}

impl fmt::Debug for MessageId {
    /// The first eight digits, enough to follow one text through a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({}…)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

impl fmt::Display for MessageId {
    /// All 32 digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Text {
    /// Without the body: no log holds what people say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, seq, lamport, .. } = self;
        f.debug_struct("Text").field("id", id).field("seq", seq).field("lamport", lamport).finish_non_exhaustive()
    }
}

impl Text {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        for number in [self.seq, self.lamport, self.sent_ms] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        length_prefixed(out, self.body.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        let id = MessageId(reader.array()?);
        let (seq, lamport, sent_ms) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let body = reader.text(MAX_BODY)?;
        if body.is_empty() {
            return Err(Malformed::Field);
        }
        Ok(Self { id, seq, lamport, sent_ms, body: body.to_owned() })
    }
}

impl About {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.shows_presence));
        length_prefixed(out, self.version.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader) -> Result<Self, Malformed> {
        let shows_presence = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::Field),
        };
        let version = reader.text(MAX_VERSION)?;
        if !version.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed::Field);
        }
        Ok(Self { shows_presence, version: version.to_owned() })
    }
}

pub(super) fn write_receipts(ids: &[MessageId], out: &mut Vec<u8>) {
    out.push(count(ids.len()));
    ids.iter().for_each(|id| out.extend_from_slice(&id.0));
}

pub(super) fn read_receipts(reader: &mut Reader) -> Result<Vec<MessageId>, Malformed> {
    reader.list(MAX_RECEIPTS, |reader| Ok(MessageId(reader.array()?)))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::{MAX_FRAME, MAX_TEXT_FRAME, Message};
    use super::*;

    pub fn text() -> impl Strategy<Value = Text> {
        let numbers = any::<(u64, u64, u64)>();
        (any::<[u8; 16]>(), numbers, "\\PC{1,200}").prop_map(|(id, (seq, lamport, sent_ms), body)| Text {
            id: MessageId(id),
            seq,
            lamport,
            sent_ms,
            body,
        })
    }

    pub fn receipts() -> impl Strategy<Value = Vec<MessageId>> {
        prop::collection::vec(any::<[u8; 16]>().prop_map(MessageId), 0..=MAX_RECEIPTS)
    }

    pub fn about() -> impl Strategy<Value = About> {
        (any::<bool>(), "[!-~]{0,32}").prop_map(|(shows_presence, version)| About { shows_presence, version })
    }

    fn of(body: String) -> Message {
        Message::Text(Text { id: MessageId([1; 16]), seq: 1, lamport: 2, sent_ms: 3, body })
    }

    #[test]
    fn the_longest_text_fits_one_frame_and_one_byte_more_is_refused() {
        let longest = of("x".repeat(MAX_BODY));
        assert_eq!(longest.encode().len(), MAX_TEXT_FRAME);
        assert_eq!(Message::decode(&longest.encode()), Ok(longest));
        assert_eq!(Message::decode(&of("x".repeat(MAX_BODY + 1)).encode()), Err(Malformed::TooLong));
    }

    #[test]
    fn only_a_text_may_be_longer_than_other_frames() {
        let mut other = of("x".repeat(MAX_FRAME)).encode();
        assert!(Message::decode(&other).is_ok());
        other[0] = 0x31;
        assert_eq!(Message::decode(&other), Err(Malformed::TooLong));
    }

    #[test]
    fn an_empty_text_half_a_letter_and_too_many_receipts_are_refused() {
        assert_eq!(Message::decode(&of(String::new()).encode()), Err(Malformed::Field));
        let mut half = of("é".into()).encode();
        half.pop();
        let length = half.len() - 2;
        half[length] = 1;
        assert_eq!(Message::decode(&half), Err(Malformed::Field));
        let many = [&[0x31, 65][..], &[0; 65 * 16]].concat();
        assert_eq!(Message::decode(&many), Err(Malformed::TooLong));
    }

    #[test]
    fn what_somebody_says_about_themselves_is_short_and_printable() {
        assert_eq!(Message::decode(&[0x32, 2, 0, 0, 0, 0]), Err(Malformed::Field));
        assert_eq!(Message::decode(&[&[0x32, 1, 0, 0, 0, 3][..], b"1\n2"].concat()), Err(Malformed::Field));
        assert_eq!(Message::decode(&[&[0x32, 1, 0, 0, 0, 33][..], &[b'1'; 33]].concat()), Err(Malformed::TooLong));
    }
}
