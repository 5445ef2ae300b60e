//! What a session has once both have proven who they are: the keys, and the control stream that is sealed under them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zeroize::Zeroizing;

use super::Session;
use crate::call::rekey::Rekeying;
use crate::call::{Accepted, CallKeys, Control};
use crate::e2ee::{Keyring, SealCounts};
use crate::engine::control_stream::ControlStream;
use crate::engine::core::Core;
use crate::engine::current::Switches;
use crate::identity::random;

/// On a narrow path, a heartbeat goes out this seldom.
const NARROW_HEARTBEAT: Duration = Duration::from_millis(4900);

/// What there is once both have proven who they are.
pub(super) struct Secured {
    keyring: Keyring,
    suite: u16,
    control: ControlStream,
    rekeying: Rekeying,
}

impl Session {
    /// The peer has proven who they are: the control stream opens, the link carries, and sources, codecs and sinks open. No media leaves
    /// yet.
    pub fn secure(&mut self, keys: CallKeys, token: Accepted, switches: Switches, core: &mut Core, now: Instant) {
        let keyring = Keyring::new(keys.root, keys.direction, now);
        let control = ControlStream::new(&keyring);
        self.paths.begin();
        self.open_media(&keyring, token, switches, core);
        self.secured = Some(Secured { keyring, suite: keys.suite, control, rekeying: Rekeying::new(now) });
    }

    /// Opens an item of the control stream; `None` if it is false, doubled or older than it may be.
    pub fn open_control(&mut self, item: &[u8], now: Instant) -> Option<Control> {
        let secured = self.secured.as_mut()?;
        let control = secured.control.open(item, now, &self.clock_offset)?;
        if let Control::Heartbeat(heartbeat) = &control {
            secured.keyring.learn(now, (heartbeat.epoch, heartbeat.step));
        }
        Some(control)
    }

    /// Seals once and sends over the connection; the same bytes are for the link, too.
    pub fn send_control(&mut self, control: &Control, copies: u8, now: Instant) -> Option<Bytes> {
        let item = self.secured.as_mut()?.control.seal(control, now)?;
        for _ in 0..copies {
            self.paths.send_control(&item);
        }
        Some(item)
    }

    /// A sign of life, if one is due: on a narrow path, fewer are.
    pub fn heartbeat(&mut self, now: Instant) -> Option<Control> {
        let seldom = self.is_narrow() && self.last_heartbeat.is_some_and(|last| now.duration_since(last) < NARROW_HEARTBEAT);
        let secured = self.secured.as_mut().filter(|_| !seldom)?;
        self.last_heartbeat = Some(now);
        Some(secured.control.heartbeat(secured.keyring.sending(now)))
    }

    /// What there is to say about fresh keys: the question, when it is due, or the answer to one.
    pub fn rekey(&mut self, heard: Option<&Control>, now: Instant) -> Option<Control> {
        let Secured { keyring, rekeying, .. } = self.secured.as_mut()?;
        let fresh = || Zeroizing::new(random());
        match heard {
            None => rekeying.tick(now, keyring, fresh),
            Some(&Control::Rekey { epoch, e_a }) => rekeying.answer(now, keyring, (epoch, e_a), fresh),
            Some(&Control::RekeyOk { epoch, e_b }) => {
                rekeying.settle(now, keyring, (epoch, e_b));
                None
            }
            Some(_) => None,
        }
    }

    /// Whether anything opened since the last time this was asked.
    pub fn heard(&mut self) -> bool {
        let opened = self.counts().map_or(0, |counts| counts.opened());
        std::mem::replace(&mut self.opened, opened) != opened
    }

    /// A hundred failures in a row, and five seconds without success (protocol.md, section 7.2).
    pub fn seal_broken(&mut self, now: Instant) -> bool {
        let failing = self.counts().is_some_and(|counts| counts.rejected_in_a_row() >= 100);
        let since = failing.then(|| self.refused_since.unwrap_or(now));
        self.refused_since = since;
        since.is_some_and(|since| now.duration_since(since) >= Duration::from_secs(5))
    }

    pub fn counts(&self) -> Option<Arc<SealCounts>> {
        self.secured.as_ref().map(|secured| secured.keyring.counts())
    }

    pub fn suite(&self) -> Option<u16> {
        self.secured.as_ref().map(|secured| secured.suite)
    }

    pub fn control_rtt_ms(&self) -> Option<f64> {
        self.secured.as_ref()?.control.rtt_ms()
    }
}
