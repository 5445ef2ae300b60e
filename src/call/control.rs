//! What two sides say to each other in a call, inside the sealed control stream.
//!
//! Each message goes out once sealed, over every carrier that is open, so it may come late, twice or never. Hence no
//! message depends on another's arrival: snapshots carry a version, of which the newest wins, and requests a number.
//!
//! ```text
//! item = u16 length || u8 type || body || zeros up to a multiple of 128     length counts type and body
//!
//! 0x01 HANGUP      reason u8
//! 0x02 STATE       version u32, flags u8 (bit 0 microphone, 1 camera, 2 screen)
//! 0x03 HEARTBEAT   epoch u16, step u32, time u64, flags u8 (bit 0 echo, 1 audio clock),
//!                  [their time u64, held u32], [audio timestamp u32, time u64]               times in microseconds
//! 0x04 CANDIDATES  version u32, the whole list as in ACCEPT
//! 0x05 RESTART     path u32, fingerprint 32, LP(ufrag), LP(pwd), codecs (u8 n, n x u8), candidates as in ACCEPT
//! 0x06 REKEY       epoch u16, eA 32          0x07 REKEY_OK   epoch u16, eB 32
//! 0x08 REPORT      shown pictures a second x 10 u16, received kbit/s u32, lost per 10 000 u16
//! 0x09 REPAIR      stream u8: a keyframe, please
//! ```
//!
//! This version sends no CANDIDATES, REPORT, REPAIR, screen flag or audio clock. It takes the addresses of CANDIDATES that come, and
//! ignores the rest.

use super::end::EndReason;
use crate::e2ee::StreamId;
use crate::identity::length_prefixed;
use crate::signal::message::{Candidate, Description};

/// Items are padded to a multiple of this, so that their size tells little.
pub const PADDING: usize = 128;
/// The most that an item may take before it is sealed.
pub const MAX_CONTROL: usize = 4096;

/// One message of the control stream.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    Hangup { reason: u8 },
    State(MediaState),
    Heartbeat(Heartbeat),
    Candidates { version: u32, candidates: Vec<Candidate> },
    Restart { path: u32, description: Description, candidates: Vec<Candidate> },
    Rekey { epoch: u16, e_a: [u8; 32] },
    RekeyOk { epoch: u16, e_b: [u8; 32] },
    Report(Report),
    Repair { stream: StreamId },
}

/// What a side sends now. The snapshot with the newest version holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaState {
    pub version: u32,
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
}

/// "I am here", and what the clocks said. Times are of the sender's media clock, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heartbeat {
    /// Epoch and ratchet step that the sender seals media under.
    pub epoch: u16,
    pub step: u32,
    /// When this was sent.
    pub time_us: u64,
    pub echo: Option<Echo>,
    pub audio: Option<AudioClock>,
}

/// The peer's last heartbeat, given back: from it the round trip and the clocks' offset follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// `time_us` of that heartbeat.
    pub time_us: u64,
    /// How long it lay here before this one was sent.
    pub held_us: u32,
}

/// Which moment a timestamp of the audio stream stands for, so that sound and picture can be shown together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioClock {
    pub timestamp: u32,
    pub time_us: u64,
}

/// What the receiver of our media got, for the sender's report and rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Pictures shown a second, times ten.
    pub shown_fps_x10: u16,
    pub received_kbps: u32,
    /// Packets lost of 10 000.
    pub lost_per_10k: u16,
}

impl Control {
    /// The padded item, to be sealed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0, 0];
        match self {
            Self::Hangup { reason } => out.extend_from_slice(&[kind::HANGUP, *reason]),
            Self::State(state) => {
                out.push(kind::STATE);
                out.extend_from_slice(&state.version.to_be_bytes());
                out.push(u8::from(state.microphone) | u8::from(state.camera) << 1 | u8::from(state.screen) << 2);
            }
            Self::Heartbeat(heartbeat) => heartbeat.write(&mut out),
            Self::Candidates { version, candidates } => {
                out.push(kind::CANDIDATES);
                out.extend_from_slice(&version.to_be_bytes());
                Candidate::write_list(candidates, &mut out);
            }
            Self::Restart { path, description, candidates } => {
                out.push(kind::RESTART);
                out.extend_from_slice(&path.to_be_bytes());
                write_description(description, &mut out);
                Candidate::write_list(candidates, &mut out);
            }
            Self::Rekey { epoch, e_a: key } => write_rekey(kind::REKEY, *epoch, key, &mut out),
            Self::RekeyOk { epoch, e_b: key } => write_rekey(kind::REKEY_OK, *epoch, key, &mut out),
            Self::Report(report) => {
                out.push(kind::REPORT);
                out.extend_from_slice(&report.shown_fps_x10.to_be_bytes());
                out.extend_from_slice(&report.received_kbps.to_be_bytes());
                out.extend_from_slice(&report.lost_per_10k.to_be_bytes());
            }
            Self::Repair { stream } => out.extend_from_slice(&[kind::REPAIR, *stream as u8]),
        }
        let length = u16::try_from(out.len() - 2).expect("no control message is near 64 KiB");
        out[..2].copy_from_slice(&length.to_be_bytes());
        out.resize(out.len().next_multiple_of(PADDING), 0);
        out
    }

    /// Reads an item that opened. `None` for what we do not know or the format does not allow: it is dropped.
    pub fn decode(item: &[u8]) -> Option<Self> {
        if item.len() > MAX_CONTROL || !item.len().is_multiple_of(PADDING) {
            return None;
        }
        let mut item = Fields(item);
        let length = item.u16()?;
        let mut fields = Fields(item.bytes(length.into())?);
        if item.0.len() >= PADDING || item.0.iter().any(|&padding| padding != 0) {
            return None;
        }
        let control = match fields.u8()? {
            kind::HANGUP => Self::Hangup { reason: fields.u8()? },
            kind::STATE => {
                let version = fields.u32()?;
                let [microphone, camera, screen] = fields.flags()?;
                Self::State(MediaState { version, microphone, camera, screen })
            }
            kind::HEARTBEAT => Self::Heartbeat(Heartbeat::read(&mut fields)?),
            kind::CANDIDATES => {
                let version = fields.u32()?;
                Self::Candidates { version, candidates: Candidate::decode_list(fields.rest()).ok()? }
            }
            kind::RESTART => {
                let (path, description) = (fields.u32()?, read_description(&mut fields)?);
                Self::Restart { path, description, candidates: Candidate::decode_list(fields.rest()).ok()? }
            }
            kind::REKEY => Self::Rekey { epoch: fields.u16()?, e_a: fields.array()? },
            kind::REKEY_OK => Self::RekeyOk { epoch: fields.u16()?, e_b: fields.array()? },
            kind::REPORT => {
                Self::Report(Report { shown_fps_x10: fields.u16()?, received_kbps: fields.u32()?, lost_per_10k: fields.u16()? })
            }
            kind::REPAIR => Self::Repair { stream: fields.stream()? },
            _ => return None,
        };
        fields.0.is_empty().then_some(control)
    }
}

impl Heartbeat {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(kind::HEARTBEAT);
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.step.to_be_bytes());
        out.extend_from_slice(&self.time_us.to_be_bytes());
        out.push(u8::from(self.echo.is_some()) | u8::from(self.audio.is_some()) << 1);
        if let Some(echo) = self.echo {
            out.extend_from_slice(&echo.time_us.to_be_bytes());
            out.extend_from_slice(&echo.held_us.to_be_bytes());
        }
        if let Some(audio) = self.audio {
            out.extend_from_slice(&audio.timestamp.to_be_bytes());
            out.extend_from_slice(&audio.time_us.to_be_bytes());
        }
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (epoch, step, time_us) = (fields.u16()?, fields.u32()?, fields.u64()?);
        let [has_echo, has_audio, false] = fields.flags()? else { return None };
        let echo = if has_echo { Some(Echo { time_us: fields.u64()?, held_us: fields.u32()? }) } else { None };
        let audio = if has_audio { Some(AudioClock { timestamp: fields.u32()?, time_us: fields.u64()? }) } else { None };
        Some(Self { epoch, step, time_us, echo, audio })
    }
}

/// What the reason byte of HANGUP says.
pub(super) mod hangup {
    use super::EndReason;

    pub const NORMAL: u8 = 0;
    pub const WORDS_DIFFER: u8 = 1;
    pub const SEAL_BROKEN: u8 = 2;
    pub const NO_PATH: u8 = 3;

    pub fn meaning(reason: u8) -> EndReason {
        match reason {
            SEAL_BROKEN => EndReason::SealBroken,
            NO_PATH => EndReason::NoPath,
            _ => EndReason::PeerHungUp,
        }
    }
}

/// The type bytes of the table above.
mod kind {
    pub const HANGUP: u8 = 0x01;
    pub const STATE: u8 = 0x02;
    pub const HEARTBEAT: u8 = 0x03;
    pub const CANDIDATES: u8 = 0x04;
    pub const RESTART: u8 = 0x05;
    pub const REKEY: u8 = 0x06;
    pub const REKEY_OK: u8 = 0x07;
    pub const REPORT: u8 = 0x08;
    pub const REPAIR: u8 = 0x09;
}

/// Walks over the fields of one message.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    fn u8(&mut self) -> Option<u8> {
        Some(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.array()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.array()?))
    }

    /// The low three bits of a byte whose others are zero.
    fn flags(&mut self) -> Option<[bool; 3]> {
        let flags = self.u8()?;
        (flags < 8).then_some([flags & 1 != 0, flags & 2 != 0, flags & 4 != 0])
    }

    fn stream(&mut self) -> Option<StreamId> {
        match self.u8()? {
            0 => Some(StreamId::Audio),
            1 => Some(StreamId::Camera),
            2 => Some(StreamId::Screen),
            _ => None,
        }
    }

    /// `LP(x)` of the characters that ICE allows (RFC 8839 section 5.4): it goes into our SDP.
    fn ice_text(&mut self, most: usize) -> Option<String> {
        let length = self.u32()? as usize;
        let text = if length <= most { self.bytes(length)? } else { return None };
        let allowed = text.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'+' || *c == b'/');
        (allowed && !text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}

fn write_rekey(kind: u8, epoch: u16, key: &[u8; 32], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(&epoch.to_be_bytes());
    out.extend_from_slice(key);
}

fn write_description(description: &Description, out: &mut Vec<u8>) {
    out.extend_from_slice(&description.fingerprint);
    length_prefixed(out, description.ufrag.as_bytes());
    length_prefixed(out, description.pwd.as_bytes());
    out.push(u8::try_from(description.codecs.len()).expect("there are not that many codecs"));
    out.extend_from_slice(&description.codecs);
}

fn read_description(fields: &mut Fields<'_>) -> Option<Description> {
    let (fingerprint, ufrag, pwd) = (fields.array()?, fields.ice_text(32)?, fields.ice_text(64)?);
    let codecs = fields.u8()?;
    Some(Description { fingerprint, ufrag, pwd, codecs: fields.bytes(codecs.into())?.to_vec() })
}

#[cfg(test)]
mod tests;
