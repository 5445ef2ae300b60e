//! The sealed control stream of a call: sealing, opening, and what the clocks say to each other in heartbeats.

use std::time::Instant;

use bytes::Bytes;

use crate::call::Control;
use crate::call::control::{Echo, Heartbeat};
use crate::e2ee::{Keyring, Opener, Sealer, StreamId};
use crate::media::clock::MediaTime;
use crate::media::clock_offset::ClockOffset;

/// One call's control stream, both directions.
pub struct ControlStream {
    sealer: Sealer,
    opener: Opener,
    /// The peer's last heartbeat, and when it came.
    last: Option<(u64, MediaTime)>,
    /// The shortest round trip seen: the offset of the clocks is measured best on it.
    best_rtt_us: Option<u64>,
    rtt_us: Option<u64>,
}

impl ControlStream {
    pub fn new(keyring: &Keyring) -> Self {
        Self {
            sealer: keyring.sealer(StreamId::Control),
            opener: keyring.opener(StreamId::Control),
            last: None,
            best_rtt_us: None,
            rtt_us: None,
        }
    }

    /// Seals a message; `None` if the stream has counted to its end, which no call lives to see.
    pub fn seal(&mut self, control: &Control, now: Instant) -> Option<Bytes> {
        let mut item = Vec::new();
        self.sealer.seal(now, 0, &control.encode(), &mut item).ok()?;
        Some(item.into())
    }

    /// Opens an item and takes from heartbeats what they say of the clocks.
    pub fn open(&mut self, item: &[u8], now: Instant, offset: &ClockOffset) -> Option<Control> {
        let mut plaintext = Vec::new();
        self.opener.open(now, 0, item, &mut plaintext).ok()?;
        let control = Control::decode(&plaintext)?;
        if let Control::Heartbeat(heartbeat) = &control {
            self.hear(heartbeat, MediaTime::now(), offset);
        }
        Some(control)
    }

    /// What to send now; `place` is where our media stands.
    pub fn heartbeat(&self, (epoch, step): (u16, u32)) -> Control {
        let now = MediaTime::now();
        let echo = self.last.map(|(time_us, came)| Echo { time_us, held_us: now.since(came).as_micros() as u32 });
        Control::Heartbeat(Heartbeat { epoch, step, time_us: now.0, echo, ..Heartbeat::default() })
    }

    pub fn rtt_ms(&self) -> Option<f64> {
        self.rtt_us.map(|us| us as f64 / 1000.0)
    }

    /// Round trip and offset as NTP reckons them (RFC 5905 section 8), kept from the shortest round trip.
    fn hear(&mut self, heartbeat: &Heartbeat, now: MediaTime, offset: &ClockOffset) {
        self.last = Some((heartbeat.time_us, now));
        let Some(echo) = heartbeat.echo else { return };
        let Some(rtt) = now.0.checked_sub(echo.time_us).and_then(|away| away.checked_sub(u64::from(echo.held_us))) else {
            return;
        };
        self.rtt_us = Some(rtt);
        // A path that became longer for good must not keep an old measure for ever.
        let best = self.best_rtt_us.map_or(u64::MAX, |best| best + best / 64 + 100);
        if rtt <= best {
            self.best_rtt_us = Some(rtt);
            let theirs_now = heartbeat.time_us.saturating_add(rtt / 2);
            offset.set_us(theirs_now.wrapping_sub(now.0) as i64);
        } else {
            self.best_rtt_us = Some(best);
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::e2ee::{Direction, RootKey};

    fn pair() -> (ControlStream, ControlStream) {
        let end =
            |direction| ControlStream::new(&Keyring::new(RootKey::new(0, Zeroizing::new([7; 32])), direction, Instant::now()));
        (end(Direction::CallerToCallee), end(Direction::CalleeToCaller))
    }

    #[test]
    fn what_one_side_seals_the_other_opens_once() {
        let ((mut a, mut b), now, offset) = (pair(), Instant::now(), ClockOffset::default());
        let item = a.seal(&Control::Hangup { reason: 0 }, now).unwrap();
        assert_eq!(b.open(&item, now, &offset), Some(Control::Hangup { reason: 0 }));
        assert_eq!(b.open(&item, now, &offset), None, "the second carrier's copy is dropped");
    }

    #[test]
    fn the_offset_of_the_clocks_comes_out_of_two_heartbeats() {
        let ((mut a, _), offset) = (pair(), ClockOffset::default());
        // Sent at 1 s, held there for 10 ms, back at 1.05 s: 40 ms of round trip. Their clock is an hour ahead.
        let echo = Echo { time_us: 1_000_000, held_us: 10_000 };
        let heard = Heartbeat { time_us: 3_601_030_000, echo: Some(echo), ..Heartbeat::default() };
        a.hear(&heard, MediaTime(1_050_000), &offset);
        assert_eq!(offset.us(), Some(3_600_000_000));
        assert_eq!(a.rtt_ms(), Some(40.0));
    }

    #[test]
    fn a_peer_that_lies_about_time_hurts_nobody() {
        let ((mut a, _), offset) = (pair(), ClockOffset::default());
        let heard =
            Heartbeat { time_us: u64::MAX, echo: Some(Echo { time_us: u64::MAX, held_us: u32::MAX }), ..Heartbeat::default() };
        a.hear(&heard, MediaTime(5), &offset);
        let heard = Heartbeat { time_us: u64::MAX, echo: Some(Echo { time_us: 0, held_us: 0 }), ..Heartbeat::default() };
        a.hear(&heard, MediaTime(5), &offset);
    }
}
