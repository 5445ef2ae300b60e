//! What contacts say to each other over the link, as bytes.
//!
//! A link frame is `u32 length || u8 type || body`, the length counting type and body, at most [`MAX_FRAME`]; a TEXT alone,
//! which contacts send and which may be 32 KiB of writing, at most [`MAX_TEXT_FRAME`]. All
//! numbers are big-endian; `LP(x)` is a `u32` length and then `x`; a list is a `u8` count and then its items.
//!
//! ```text
//! type  message  body
//! 0x01  HINTS    addresses, as contacts::encode_hints writes them: where the sender can be found from now on
//! 0x02  PING     u64, chosen by the sender
//! 0x03  PONG     the same u64
//! 0x10  INVITE   LP(core) || age_ms u32
//! 0x11  ACCEPT   call 16, suite u16, eB 32, nB 32, LP(ek), media u8, description, candidates, sigB 64
//! 0x12  REVEAL   call 16, eA 32, nA 32, LP(ct), candidates, sigA 64, macA 32
//! 0x13  CONFIRM  call 16, macB 32
//! 0x14  RINGING  call 16, reason u8        0x15  DECLINE   0x16  BUSY   0x17  CANCEL   0x18  ABORT: likewise
//! 0x20  CONTROL  one sealed item
//! 0x30  TEXT     id 16, seq u64, lamport u64, sent_ms u64, LP(body: 1 to 32768 bytes of UTF-8)
//! 0x31  RECEIPT  u8 n <= 64, n x id 16: these texts are on the receiver's disk
//! 0x32  ABOUT    u8 shows presence (0 | 1), LP(version: at most 32 printable ASCII): first on every connection
//! ```
//!
//! Every message of a call has exactly one form in bytes: what [`Message::decode`] takes, [`Message::encode`] gives back. So a hash
//! over a message that was decoded and encoded again is the hash over what was sent. Decoding never panics and
//! allocates no more than the message is long.

mod answer;
mod description;
mod invite;
mod text;

use std::fmt;

use bytes::Bytes;

pub use self::answer::{Accept, Confirm, Reveal};
pub use self::description::{Candidate, CandidateKind, Description, MAX_CANDIDATES};
pub use self::invite::{Invite, InviteCore, MediaKind, VERSION};
pub use self::text::{About, MAX_BODY, MAX_RECEIPTS, MessageId, Text};
pub use super::wire::Malformed;
use super::wire::Reader;
use crate::contacts::{Hint, decode_hints, encode_hints};
use crate::identity::random;

/// The most that type and body of one frame may take.
pub const MAX_FRAME: usize = 16 * 1024;

/// The same for a TEXT: its type, its 40 bytes of numbers, and the longest body with its length. One larger frame is
/// simpler than pieces to put together again, and only contacts get to send one.
pub const MAX_TEXT_FRAME: usize = 1 + 40 + 4 + MAX_BODY;

/// The most that one sealed CONTROL item may take: 4096 bytes of content, its header and its tag.
pub const MAX_CONTROL: usize = 4096 + 64;

/// One message of the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Where the sender can be found from now on.
    Hints(Vec<Hint>),
    Ping(u64),
    Pong(u64),
    Invite(Invite),
    Accept(Accept),
    Reveal(Reveal),
    Confirm(Confirm),
    /// It rings at the callee's.
    Ringing {
        call: CallId,
        reason: u8,
    },
    Decline {
        call: CallId,
        reason: u8,
    },
    /// The callee is in another call.
    Busy {
        call: CallId,
        reason: u8,
    },
    /// The caller gave up before the answer.
    Cancel {
        call: CallId,
        reason: u8,
    },
    /// A rule of the handshake was broken.
    Abort {
        call: CallId,
        reason: u8,
    },
    /// A sealed item of the call's control stream, which only the call can open.
    Control(Bytes),
    /// Something that a person wrote.
    Text(Text),
    /// Texts that the sender of this has on disk now.
    Receipt(Vec<MessageId>),
    /// What the sender's computer says about itself.
    About(About),
}

/// Names one call between two people; chosen at random by the caller, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub [u8; 16]);

impl Message {
    /// Type and body, without the length of the frame.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.kind()];
        match self {
            Self::Hints(hints) => out.extend_from_slice(&encode_hints(hints)),
            Self::Ping(n) | Self::Pong(n) => out.extend_from_slice(&n.to_be_bytes()),
            Self::Invite(invite) => invite.write(&mut out),
            Self::Accept(accept) => accept.write(&mut out),
            Self::Reveal(reveal) => reveal.write(&mut out),
            Self::Confirm(confirm) => confirm.write(&mut out),
            Self::Ringing { call, reason }
            | Self::Decline { call, reason }
            | Self::Busy { call, reason }
            | Self::Cancel { call, reason }
            | Self::Abort { call, reason } => {
                out.extend_from_slice(&call.0);
                out.push(*reason);
            }
            Self::Control(item) => out.extend_from_slice(item),
            Self::Text(text) => text.write(&mut out),
            Self::Receipt(ids) => text::write_receipts(ids, &mut out),
            Self::About(about) => about.write(&mut out),
        }
        out
    }

    /// Reads type and body. Refuses trailing bytes and everything above the caps of the protocol.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let most = if bytes.first() == Some(&kind::TEXT) { MAX_TEXT_FRAME } else { MAX_FRAME };
        if bytes.len() > most {
            return Err(Malformed::TooLong);
        }
        let mut reader = Reader::new(bytes);
        let kind = reader.u8()?;
        let message = match kind {
            kind::HINTS => Self::Hints(decode_hints(reader.rest(MAX_FRAME)?).ok_or(Malformed::Field)?),
            kind::PING => Self::Ping(reader.u64()?),
            kind::PONG => Self::Pong(reader.u64()?),
            kind::INVITE => Self::Invite(Invite::read(&mut reader)?),
            kind::ACCEPT => Self::Accept(Accept::read(&mut reader)?),
            kind::REVEAL => Self::Reveal(Reveal::read(&mut reader)?),
            kind::CONFIRM => Self::Confirm(Confirm::read(&mut reader)?),
            kind::RINGING..=kind::ABORT => {
                let (call, reason) = (CallId(reader.array()?), reader.u8()?);
                match kind {
                    kind::RINGING => Self::Ringing { call, reason },
                    kind::DECLINE => Self::Decline { call, reason },
                    kind::BUSY => Self::Busy { call, reason },
                    kind::CANCEL => Self::Cancel { call, reason },
                    _ => Self::Abort { call, reason },
                }
            }
            kind::CONTROL => Self::Control(Bytes::copy_from_slice(reader.rest(MAX_CONTROL)?)),
            kind::TEXT => Self::Text(Text::read(&mut reader)?),
            kind::RECEIPT => Self::Receipt(text::read_receipts(&mut reader)?),
            kind::ABOUT => Self::About(About::read(&mut reader)?),
            unknown => return Err(Malformed::UnknownType(unknown)),
        };
        reader.end()?;
        Ok(message)
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Hints(_) => kind::HINTS,
            Self::Ping(_) => kind::PING,
            Self::Pong(_) => kind::PONG,
            Self::Invite(_) => kind::INVITE,
            Self::Accept(_) => kind::ACCEPT,
            Self::Reveal(_) => kind::REVEAL,
            Self::Confirm(_) => kind::CONFIRM,
            Self::Ringing { .. } => kind::RINGING,
            Self::Decline { .. } => kind::DECLINE,
            Self::Busy { .. } => kind::BUSY,
            Self::Cancel { .. } => kind::CANCEL,
            Self::Abort { .. } => kind::ABORT,
            Self::Control(_) => kind::CONTROL,
            Self::Text(_) => kind::TEXT,
            Self::Receipt(_) => kind::RECEIPT,
            Self::About(_) => kind::ABOUT,
        }
    }
}

/// The type bytes of the table above.
mod kind {
    pub const HINTS: u8 = 0x01;
    pub const PING: u8 = 0x02;
    pub const PONG: u8 = 0x03;
    pub const INVITE: u8 = 0x10;
    pub const ACCEPT: u8 = 0x11;
    pub const REVEAL: u8 = 0x12;
    pub const CONFIRM: u8 = 0x13;
    pub const RINGING: u8 = 0x14;
    pub const DECLINE: u8 = 0x15;
    pub const BUSY: u8 = 0x16;
    pub const CANCEL: u8 = 0x17;
    pub const ABORT: u8 = 0x18;
    pub const CONTROL: u8 = 0x20;
    pub const TEXT: u8 = 0x30;
    pub const RECEIPT: u8 = 0x31;
    pub const ABOUT: u8 = 0x32;
}

impl CallId {
    /// A new id.
    pub fn generate() -> Self {
        Self(random())
    }
}

impl fmt::Debug for CallId {
    /// The first eight digits, enough to follow one call through a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CallId({}…)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contacts::MAX_HINTS;

    #[test]
    fn an_empty_frame_and_an_unknown_type_are_refused() {
        assert_eq!(Message::decode(&[]), Err(Malformed::CutOff));
        assert_eq!(Message::decode(&[0x7f, 1, 2]), Err(Malformed::UnknownType(0x7f)));
    }

    #[test]
    fn a_frame_above_the_cap_is_refused_before_it_is_read() {
        assert_eq!(Message::decode(&vec![kind::CONTROL; MAX_FRAME + 1]), Err(Malformed::TooLong));
        assert_eq!(Message::decode(&vec![kind::CONTROL; MAX_CONTROL + 2]), Err(Malformed::TooLong));
        assert!(Message::decode(&vec![kind::CONTROL; MAX_CONTROL + 1]).is_ok());
    }

    #[test]
    fn ringing_is_seventeen_bytes_after_its_type() {
        let bytes = Message::Ringing { call: CallId([7; 16]), reason: 2 }.encode();
        assert_eq!(bytes, [&[0x14][..], &[7; 16], &[2]].concat());
    }

    fn hint() -> impl Strategy<Value = Hint> {
        prop_oneof![
            "https://[a-z]{1,20}\\.example/".prop_map(Hint::Relay),
            (1u8..224, any::<[u8; 3]>(), 1u16..).prop_map(|(a, [b, c, d], port)| Hint::Address(([a, b, c, d], port).into())),
        ]
    }

    fn message() -> impl Strategy<Value = Message> {
        let small = || (any::<[u8; 16]>().prop_map(CallId), any::<u8>());
        prop_oneof![
            prop::collection::vec(hint(), 0..=MAX_HINTS).prop_map(Message::Hints),
            any::<u64>().prop_map(Message::Ping),
            any::<u64>().prop_map(Message::Pong),
            invite::tests::invite().prop_map(Message::Invite),
            answer::tests::accept().prop_map(Message::Accept),
            answer::tests::reveal().prop_map(Message::Reveal),
            answer::tests::confirm().prop_map(Message::Confirm),
            small().prop_map(|(call, reason)| Message::Ringing { call, reason }),
            small().prop_map(|(call, reason)| Message::Decline { call, reason }),
            small().prop_map(|(call, reason)| Message::Busy { call, reason }),
            small().prop_map(|(call, reason)| Message::Cancel { call, reason }),
            small().prop_map(|(call, reason)| Message::Abort { call, reason }),
            prop::collection::vec(any::<u8>(), 0..=MAX_CONTROL).prop_map(|item| Message::Control(item.into())),
            text::tests::text().prop_map(Message::Text),
            text::tests::receipts().prop_map(Message::Receipt),
            text::tests::about().prop_map(Message::About),
        ]
    }

    /// Hints of a kind that we do not know are left out, so those alone have more than one form.
    fn decode_signed(bytes: &[u8]) -> Option<Message> {
        Message::decode(bytes).ok().filter(|message| !matches!(message, Message::Hints(_)))
    }

    proptest! {
        #[test]
        fn every_message_is_read_back_as_written(message in message()) {
            let bytes = message.encode();
            prop_assert!(bytes.len() <= MAX_FRAME);
            prop_assert_eq!(Message::decode(&bytes), Ok(message));
        }

        #[test]
        fn a_message_cut_anywhere_or_with_a_byte_more_is_refused(message in message(), at in any::<prop::sample::Index>()) {
            let mut bytes = message.encode();
            // A sealed item has no length of its own: the frame gives it.
            prop_assume!(!matches!(message, Message::Control(_)));
            prop_assert!(Message::decode(&bytes[..at.index(bytes.len())]).is_err());
            bytes.push(0);
            prop_assert!(Message::decode(&bytes).is_err());
        }

        #[test]
        fn any_bytes_are_refused_or_have_exactly_one_form(kind in 0u8..0x34, body in prop::collection::vec(any::<u8>(), 0..512)) {
            let bytes = [&[kind][..], &body].concat();
            if let Some(message) = decode_signed(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            }
        }

        #[test]
        fn a_message_with_flipped_bytes_is_refused_or_has_exactly_one_form(
            message in message(),
            flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
        ) {
            let mut bytes = message.encode();
            for (at, with) in flips {
                let at = at.index(bytes.len());
                bytes[at] ^= with;
            }
            if let Some(message) = decode_signed(&bytes) {
                prop_assert_eq!(message.encode(), bytes);
            }
        }
    }
}
