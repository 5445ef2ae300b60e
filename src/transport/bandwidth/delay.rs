//! How long packets wait on the path: what they took beyond the fastest ones.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::PacketFate;

/// The fastest packet of the last one to two of these is the path without a queue; clocks drift and routes change.
const BASE_AGE: Duration = Duration::from_secs(10);
/// The other side's clock counts milliseconds: so much may be rounding.
const CLOCK_MS: f64 = 1.5;
/// Reports that are remembered to tell growth from jitter.
const REMEMBERED: usize = 4;

/// One-way delays against their base, in milliseconds.
#[derive(Debug)]
pub(super) struct Delay {
    /// Sending time of the first packet: delays are counted from it.
    epoch: Option<Instant>,
    /// Shortest delay of the current and of the last [`BASE_AGE`], in ms of two clocks' difference.
    base: (f64, f64),
    base_since: Option<Instant>,
    /// Of the last reports, the fastest packet's wait each.
    queues: VecDeque<f64>,
    jitter: f64,
    /// The delay of the last report's first packet.
    first: Option<f64>,
    /// What the wait was when it was acted on last.
    acted_on: f64,
}

impl Default for Delay {
    fn default() -> Self {
        let none = f64::INFINITY;
        Self {
            epoch: None,
            base: (none, none),
            base_since: None,
            queues: VecDeque::new(),
            jitter: 0.0,
            first: None,
            acted_on: 0.0,
        }
    }
}

impl Delay {
    /// When what was sent then would have arrived had it waited for nothing, on the other side's clock, as far as that one tells.
    pub fn earliest(&self, sent: Instant) -> Option<Duration> {
        let since = sent.checked_duration_since(self.epoch?)?;
        Duration::try_from_secs_f64(since.as_secs_f64() + (self.base.0.min(self.base.1) + CLOCK_MS) / 1e3).ok()
    }

    /// Another path begins.
    pub fn forget(&mut self) {
        *self = Self { epoch: self.epoch, jitter: self.jitter, ..Self::default() };
    }

    pub fn observe<'a>(&mut self, now: Instant, packets: impl Iterator<Item = &'a PacketFate>) {
        let delays = packets.filter_map(|packet| {
            let epoch = *self.epoch.get_or_insert(packet.sent);
            let sent = packet.sent.checked_duration_since(epoch).unwrap_or_default();
            packet.arrived.map(|arrived| (arrived.as_secs_f64() - sent.as_secs_f64()) * 1e3)
        });
        let (fastest, first, count) = delays.fold((f64::INFINITY, None, 0), |(fastest, first, count), delay| {
            (delay.min(fastest), first.or(Some(delay)), count + 1)
        });
        let (Some(first), true) = (first, count > 0) else { return };
        let since = *self.base_since.get_or_insert(now);
        if now.saturating_duration_since(since) > BASE_AGE {
            self.base = (f64::INFINITY, self.base.0);
            self.base_since = Some(now);
        }
        self.base.0 = self.base.0.min(fastest);
        let base = self.base.0.min(self.base.1);
        let queue = fastest - base;
        // How much the first packets of two reports differ: a queue moves both.
        let differ = self.first.replace(first).map_or(0.0, |before| (first - before).abs().min(40.0));
        self.jitter += (differ - self.jitter) / 30.0;
        self.queues.push_back(queue);
        if self.queues.len() > REMEMBERED {
            self.queues.pop_front();
        }
    }

    /// By the newest report.
    pub fn queue_ms(&self) -> f64 {
        self.queues.back().copied().unwrap_or(0.0)
    }

    /// By the last two reports: jitter seldom strikes twice.
    pub fn steady_ms(&self) -> f64 {
        let last = self.queues.iter().rev().take(2).copied();
        if self.queues.is_empty() { 0.0 } else { last.fold(f64::INFINITY, f64::min) }
    }

    /// What jitter alone adds, roughly.
    pub fn jitter_ms(&self) -> f64 {
        self.jitter.min(15.0)
    }

    /// Whether packets wait no less than three reports ago.
    pub fn is_growing(&self) -> bool {
        self.queues.front().is_none_or(|before| self.queue_ms() >= before - 3.0)
    }

    /// Whether it got much worse since it was acted on.
    pub fn is_worse(&self) -> bool {
        self.steady_ms() > self.acted_on * 1.4 + 20.0
    }

    /// The wait as it is was acted on.
    pub fn acted(&mut self) {
        self.acted_on = self.queue_ms();
    }
}
