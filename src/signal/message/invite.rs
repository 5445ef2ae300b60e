//! INVITE: the caller commits to its secrets without showing them.

use super::{CallId, Description, Malformed};
use crate::identity::{PublicKey, length_prefixed};
use crate::signal::wire::{Reader, count};

/// The version of the call protocol.
pub const VERSION: u8 = 1;

/// The most suites one INVITE may offer.
const MAX_SUITES: usize = 8;

/// The most that a core may take: all of its parts at their caps.
const MAX_CORE: usize = 512;

/// "I call you." The callee may ring on it, and knows nothing of the keys yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// What both sides sign later.
    pub core: InviteCore,
    /// How long ago the caller clicked, by its monotonic clock; the only field that differs in a resend.
    pub age_ms: u32,
}

/// The part of INVITE that goes into the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteCore {
    pub call: CallId,
    pub caller: PublicKey,
    pub callee: PublicKey,
    /// The key agreements that the caller takes, the best first.
    pub suites: Vec<u16>,
    pub media: MediaKind,
    /// `H("vesper/1 commit", call, caller, callee, eA, nA)`.
    pub commit: [u8; 32],
    pub description: Description,
}

/// What somebody sends in a call. There is always sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MediaKind {
    pub video: bool,
}

impl Invite {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        length_prefixed(out, &self.core.encode());
        out.extend_from_slice(&self.age_ms.to_be_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { core: InviteCore::decode(reader.prefixed(MAX_CORE)?)?, age_ms: reader.u32()? })
    }
}

impl InviteCore {
    /// The bytes that the transcript hashes; the same that were sent.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.call.0);
        out.extend_from_slice(self.caller.as_bytes());
        out.extend_from_slice(self.callee.as_bytes());
        out.push(count(self.suites.len()));
        self.suites.iter().for_each(|suite| out.extend_from_slice(&suite.to_be_bytes()));
        self.media.write(&mut out);
        out.extend_from_slice(&self.commit);
        self.description.write(&mut out);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        match reader.u8()? {
            VERSION => {}
            newer => return Err(Malformed::Version(newer)),
        }
        let core = Self {
            call: CallId(reader.array()?),
            caller: key(&mut reader)?,
            callee: key(&mut reader)?,
            suites: reader.list(MAX_SUITES, Reader::u16)?,
            media: MediaKind::read(&mut reader)?,
            commit: reader.array()?,
            description: Description::read(&mut reader)?,
        };
        reader.end()?;
        Ok(core)
    }
}

impl MediaKind {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.push(1 | u8::from(self.video) << 1);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.u8()? {
            0b01 => Ok(Self { video: false }),
            0b11 => Ok(Self { video: true }),
            _ => Err(Malformed::Field),
        }
    }
}

fn key(reader: &mut Reader<'_>) -> Result<PublicKey, Malformed> {
    PublicKey::from_bytes(&reader.array()?).ok_or(Malformed::Field)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::{Message, description::tests::description};
    use super::*;
    use crate::identity::Identity;

    fn key() -> impl Strategy<Value = PublicKey> {
        any::<[u8; 32]>().prop_map(|secret| Identity::from_secret(&secret).public())
    }

    pub fn media() -> impl Strategy<Value = MediaKind> {
        any::<bool>().prop_map(|video| MediaKind { video })
    }

    pub fn invite() -> impl Strategy<Value = Invite> {
        let suites = prop::collection::vec(any::<u16>(), 0..=MAX_SUITES);
        (any::<[u8; 16]>(), key(), key(), suites, media(), any::<[u8; 32]>(), description(), any::<u32>()).prop_map(
            |(call, caller, callee, suites, media, commit, description, age_ms)| Invite {
                core: InviteCore { call: CallId(call), caller, callee, suites, media, commit, description },
                age_ms,
            },
        )
    }

    fn example() -> Invite {
        let (caller, callee) = (Identity::from_secret(&[1; 32]).public(), Identity::from_secret(&[2; 32]).public());
        let description = Description { fingerprint: [3; 32], ufrag: "u".repeat(32), pwd: "p".repeat(64), codecs: vec![0; 16] };
        Invite {
            core: InviteCore {
                call: CallId([4; 16]),
                caller,
                callee,
                suites: vec![1; MAX_SUITES],
                media: MediaKind { video: true },
                commit: [5; 32],
                description,
            },
            age_ms: 1200,
        }
    }

    #[test]
    fn the_largest_core_fits_its_cap() {
        let core = example().core.encode();
        assert!(core.len() <= MAX_CORE, "{} bytes", core.len());
    }

    #[test]
    fn an_invite_of_another_version_is_refused_with_its_number() {
        let mut bytes = Message::Invite(example()).encode();
        bytes[5] = 2;
        assert_eq!(Message::decode(&bytes), Err(Malformed::Version(2)));
    }

    #[test]
    fn an_invite_from_a_weak_key_is_refused() {
        let mut bytes = Message::Invite(example()).encode();
        bytes[22..54].fill(0);
        assert_eq!(Message::decode(&bytes), Err(Malformed::Field));
    }
}
