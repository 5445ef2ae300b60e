//! What every parser of a peer's bytes must hold, one function each: `cargo fuzz` runs them for as long as one likes (see
//! `Cargo.toml` beside this file), `tests/it/parsers.rs` some hundred times in every test run.
//!
//! A function takes any bytes at all and panics if what it promises does not hold. Bytes that are only noise rarely get past the
//! first field, so most functions read them as instructions: which honest message to begin with, and what to change in it.

// A file that is included by its path has its modules beside it, unless they say theirs.
#[path = "targets/call.rs"]
mod call;
#[path = "targets/identity.rs"]
mod identity;
#[path = "targets/link.rs"]
mod link;
#[path = "targets/media.rs"]
mod media;
#[path = "targets/meeting.rs"]
mod meeting;
#[path = "targets/transport.rs"]
mod transport;

use std::sync::{Arc, OnceLock};

use sha2::Sha256;
use vesper::contacts::Hint;
use vesper::identity::Identity;
use vesper::signal::message::{Candidate, CandidateKind, Description};

pub use call::{control, handshake};
pub use identity::{safety_code, vault};
pub use link::{candidates_and_hints, link_message, written};
pub use media::{h264, sealed_item, sound, video_reassembly};
pub use meeting::{invitation, knock};
pub use transport::{datagram, parity, path};

/// A name, as `cargo fuzz run` knows it, and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: [Target; 16] = [
    ("link_message", link_message),
    ("candidates_and_hints", candidates_and_hints),
    ("written", written),
    ("invitation", invitation),
    ("knock", knock),
    ("handshake", handshake),
    ("control", control),
    ("sealed_item", sealed_item),
    ("video_reassembly", video_reassembly),
    ("sound", sound),
    ("parity", parity),
    ("datagram", datagram),
    ("path", path),
    ("h264", h264),
    ("vault", vault),
    ("safety_code", safety_code),
];

/// The most that one run looks at.
const MOST: usize = 4096;

/// Reads instructions; zero once they are used up.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn u8(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    fn below(&mut self, most: usize) -> usize {
        usize::from(self.u16()) % most.max(1)
    }

    fn take(&mut self, most: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }

    /// Either all that is left as it is, or one of `honest` with up to eight changes.
    fn bytes(&mut self, honest: &[Vec<u8>]) -> Vec<u8> {
        let choice = usize::from(self.u8());
        if choice < 64 {
            return self.take(MOST);
        }
        let mut bytes = honest[choice % honest.len()].clone();
        for _ in 0..self.u8() % 9 {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (kind, at, value) = (self.u8(), self.below(bytes.len() + 1), self.u8());
        match (kind % 6, bytes.get_mut(at)) {
            (0 | 1, Some(byte)) => *byte = value,
            (2, Some(byte)) => *byte ^= 1 << (value & 7),
            (3, _) => bytes.truncate(at),
            (4, _) => bytes.insert(at, value),
            (5, Some(_)) => drop(bytes.remove(at)),
            _ => bytes.push(value),
        }
    }
}

/// Whether `data` is among the one in `many` inputs that also do what costs a thousand times as much as the rest. Always the same
/// ones, and chosen so that no fuzzer learns to ask for them.
fn is_one_in(many: u16, data: &[u8]) -> bool {
    let [a, b, ..] = <[u8; 32]>::from(<Sha256 as sha2::Digest>::digest(data));
    u16::from_be_bytes([a, b]).is_multiple_of(many)
}

/// One of a few people, whose public keys are computed once.
fn key(n: u8) -> &'static Arc<Identity> {
    static KEYS: OnceLock<[Arc<Identity>; 8]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| std::array::from_fn(|n| Arc::new(Identity::from_secret(&[n as u8; 32]))));
    &keys[usize::from(n)]
}

fn description(n: u8) -> Description {
    Description { fingerprint: [n; 32], ufrag: "ufrag".into(), pwd: "p".repeat(24), codecs: vec![1, 2] }
}

fn candidates() -> Vec<Candidate> {
    let candidate = |kind, address: &str| Candidate { kind, address: address.parse().expect("an address"), priority: 1 << 20 };
    vec![candidate(CandidateKind::Host, "192.0.2.7:4000"), candidate(CandidateKind::Relay, "[2001:db8::7]:4000")]
}

fn hints() -> Vec<Hint> {
    vec![Hint::Relay("https://relay.example/".into()), Hint::Address("192.0.2.7:4433".parse().expect("an address"))]
}
