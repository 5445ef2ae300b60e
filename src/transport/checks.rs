//! How often the other side is asked "can you hear me?" while no answer comes.
//!
//! The library repeats an ICE check in one rhythm until it is answered. Quick enough that no handshake waits for it, that rhythm would
//! fill a narrow path whole, and the answers would wait behind the questions. So here the pauses grow:
//!
//! ```text
//!   asked        0   10   30   70   150   310   630   1030 ms …
//!   the first time that they ask, and that they answer: the pauses begin anew, for there is something new to ask
//! ```
//!
//! RFC 8445 section 14.3 wants 500 ms between two; in the first second this asks more often, eight times in all.
//!
//! On a path that carries sound and hardly anything else, signs of life are rare, too: two a second, with their answers, would take a
//! fifth of 16 kbit/s. That media arrives is life enough there ([`watch`](super::watch)).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::relaying;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// Shorter than between two signs of life on a connection that stands (`chain`): those are never held back.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// The least where the way is narrow, until they answer and from then on.
const NARROW_PAUSE: [Duration; 2] = [Duration::from_millis(900), Duration::from_millis(1900)];
/// As many paths as are remembered. Nobody has as many addresses.
const MOST: usize = 256;

/// Message types (RFC 8489 section 5): a request, and the answer to one.
const REQUEST: [u8; 2] = [0x00, 0x01];
const RESPONSE: [u8; 2] = [0x01, 0x01];
/// A channel's number, and the length of the message in it (RFC 8656 section 12.4).
const CHANNEL_HEADER: usize = 4;

/// What was asked on each path, and when it may be asked again.
#[derive(Debug, Default)]
pub(super) struct Checks {
    paths: HashMap<Path, Asked>,
}

/// Where a check goes: straight there, or through a TURN server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Path {
    Direct(SocketAddr),
    Channel(SocketAddr, [u8; 2]),
    Through(SocketAddr, IpAddr),
}

#[derive(Debug, Default)]
struct Asked {
    again: Option<Instant>,
    pause: Duration,
    /// They asked; they answered.
    heard: [bool; 2],
}

impl Checks {
    /// Whether `message` may leave for `destination` now, `narrow` if the way there carries little. All but checks may.
    pub fn may_leave(&mut self, now: Instant, destination: SocketAddr, message: &[u8], narrow: bool) -> bool {
        let Some((path, REQUEST)) = inner(destination, message) else { return true };
        if self.paths.len() >= MOST && !self.paths.contains_key(&path) {
            self.paths.clear();
        }
        let asked = self.paths.entry(path).or_default();
        if asked.again.is_some_and(|again| now < again) {
            return false;
        }
        asked.pause = (asked.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let least = if narrow { NARROW_PAUSE[usize::from(asked.heard[1])] } else { Duration::ZERO };
        asked.again = Some(now + asked.pause.max(least));
        true
    }

    /// Notes that `message` came from `source`.
    pub fn heard(&mut self, source: SocketAddr, message: &[u8]) {
        let Some((path, kind)) = inner(source, message) else { return };
        let Some(asked) = self.paths.get_mut(&path) else { return };
        if !std::mem::replace(&mut asked.heard[usize::from(kind == RESPONSE)], true) {
            (asked.again, asked.pause) = (None, Duration::ZERO);
        }
    }
}

/// The path and the type of a check or its answer, if `message` is one.
fn inner(other: SocketAddr, message: &[u8]) -> Option<(Path, [u8; 2])> {
    let (path, message) = match message.first()? {
        first if relaying::CHANNELS.contains(first) => {
            let (header, inside) = message.split_first_chunk::<CHANNEL_HEADER>()?;
            (Path::Channel(other, [header[0], header[1]]), inside)
        }
        _ => match relaying::relayed(message) {
            Some((peer, inside)) => (Path::Through(other, peer), inside),
            None => (Path::Direct(other), message),
        },
    };
    let kind = *message.first_chunk::<2>()?;
    (relaying::is_stun(message) && [REQUEST, RESPONSE].contains(&kind)).then_some((path, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stun(kind: [u8; 2], attributes: &[u8]) -> Vec<u8> {
        [&kind[..], &(attributes.len() as u16).to_be_bytes(), &[0x21, 0x12, 0xa4, 0x42], &[7; 12], attributes].concat()
    }

    fn peer() -> SocketAddr {
        "192.0.2.1:4000".parse().unwrap()
    }

    /// When the checks of two seconds leave if the library sends one every 10 ms from `from` on.
    fn leave(checks: &mut Checks, from: Instant, message: &[u8]) -> Vec<u64> {
        (0..200)
            .map(|n| n * 10)
            .filter(|ms| checks.may_leave(from + Duration::from_millis(*ms), peer(), message, false))
            .collect()
    }

    #[test]
    fn who_does_not_answer_is_asked_less_and_less_often() {
        let way = leave(&mut Checks::default(), Instant::now(), &stun(REQUEST, b""));
        assert_eq!(way, [0, 10, 30, 70, 150, 310, 630, 1030, 1430, 1830]);
    }

    #[test]
    fn who_asks_or_answers_for_the_first_time_is_asked_at_once() {
        let (mut checks, now) = (Checks::default(), Instant::now());
        leave(&mut checks, now, &stun(REQUEST, b""));
        let after = |ms: u64| now + Duration::from_millis(1840 + ms);
        assert!(!checks.may_leave(after(0), peer(), &stun(REQUEST, b""), false));
        for (ms, kind) in [(0, REQUEST), (200, RESPONSE)] {
            checks.heard(peer(), &stun(kind, b""));
            assert_eq!(leave(&mut checks, after(ms), &stun(REQUEST, b""))[..4], [0, 10, 30, 70]);
            checks.heard(peer(), &stun(kind, b""));
            assert!(!checks.may_leave(after(ms + 400), peer(), &stun(REQUEST, b""), false), "only the first time");
        }
    }

    #[test]
    fn a_narrow_way_is_spared_checks_and_signs_of_life() {
        let (mut checks, now) = (Checks::default(), Instant::now());
        let asks = |checks: &mut Checks, from: u32, narrow| {
            let at = |beat: u32| now + Duration::from_millis(500) * beat;
            (from..from + 20).filter(|beat| checks.may_leave(at(*beat), peer(), &stun(REQUEST, b""), narrow)).count()
        };
        assert_eq!(asks(&mut checks, 0, true), 10);
        checks.heard(peer(), &stun(RESPONSE, b""));
        assert_eq!(asks(&mut checks, 20, true), 5);
        assert_eq!(asks(&mut checks, 60, false), 20);
    }

    #[test]
    fn checks_through_a_server_are_held_back_like_all_others_and_nothing_else_is() {
        let data = stun(REQUEST, b"");
        let peer_attribute = [&[0, 0x12, 0, 8, 0, 1, 0x2e, 0xb2][..], &[0xe1, 0x12, 0xa6, 0x43]].concat();
        let through = [&peer_attribute[..], &[0, 0x13, 0, data.len() as u8], &data].concat();
        let channel = [&[0x40, 0x00, 0, data.len() as u8][..], &data].concat();
        for message in [stun([0, 0x16], &through), channel] {
            assert_eq!(leave(&mut Checks::default(), Instant::now(), &message).len(), 10);
        }
        for message in [stun(RESPONSE, b""), vec![0x80; 40], vec![22; 60], vec![], vec![0, 1]] {
            assert_eq!(leave(&mut Checks::default(), Instant::now(), &message).len(), 200, "{message:?}");
        }
    }
}
