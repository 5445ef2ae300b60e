//! What a connection counts, and what it tells of that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::media::clock::MediaTime;
use crate::signal::message::CandidateKind;

/// Counted where it happens, read when somebody asks.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub packets_in: AtomicU64,
    pub dropped: AtomicU64,
    pub nacks_sent: AtomicU64,
    pub nacks_received: AtomicU64,
    pub repaired: AtomicU64,
    pub recovered: AtomicU64,
    pub retransmitted: AtomicU64,
    pub lost: AtomicU64,
    pub control_dropped: AtomicU64,
    /// Of our sound, several packets in a row get lost.
    pub loses_in_runs: AtomicBool,
    /// When anything came that the other side sent and protected, in µs; 0 before.
    heard: AtomicU64,
}

impl Counters {
    /// Something came that the other side sent and protected.
    pub fn hear(&self, now: MediaTime) {
        self.heard.store(now.0, Relaxed);
    }

    /// How long ago that was; nothing before the first.
    pub fn silent_for(&self, now: MediaTime) -> Option<Duration> {
        let heard = self.heard.load(Relaxed);
        (heard > 0).then(|| now.since(MediaTime(heard)))
    }

    pub fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Relaxed);
    }

    /// The counters as they stand, the rest of the figures empty.
    pub fn read(&self) -> PathStats {
        PathStats {
            packets_in: self.packets_in.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            nacks_sent: self.nacks_sent.load(Relaxed),
            nacks_received: self.nacks_received.load(Relaxed),
            repaired: self.repaired.load(Relaxed),
            recovered: self.recovered.load(Relaxed),
            retransmitted: self.retransmitted.load(Relaxed),
            lost: self.lost.load(Relaxed),
            control_dropped: self.control_dropped.load(Relaxed),
            loses_in_runs: self.loses_in_runs.load(Relaxed),
            ..PathStats::default()
        }
    }
}

/// What carries a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Over {
    /// A peer connection of its own.
    #[default]
    Connection,
    /// The link, straight to the contact.
    Link,
    /// The link, through the relay that it goes through.
    Relay,
}

/// The path at one moment. Counts are since the connection began.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PathStats {
    /// Newest round trip of an ICE check, every half second; `None` before the first.
    pub rtt_ms: Option<f64>,
    /// UDP payload of the selected pair, both media and control.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Media payloads handed on.
    pub packets_in: u64,
    /// Media payloads that nobody took in time.
    pub dropped: u64,
    /// Packets we asked for again, and were asked for.
    pub nacks_sent: u64,
    pub nacks_received: u64,
    /// Packets we sent again, and got because we asked.
    pub retransmitted: u64,
    pub repaired: u64,
    /// Packets that parity gave back before anybody asked.
    pub recovered: u64,
    /// Pictures' packets that never came.
    pub lost: u64,
    /// Control messages that were too long, or that nobody took in time, either way.
    pub control_dropped: u64,
    /// Share of our packets that did not arrive at first, 0 to 100.
    pub loss_percent: f64,
    /// The same without what a queue had no room for.
    pub chance_loss_percent: f64,
    /// Whether several packets of our sound in a row often do not.
    pub loses_in_runs: bool,
    /// How long our packets wait on the path.
    pub queue_ms: f64,
    /// What arrived of ours lately, and what to send.
    pub delivered_kbps: u32,
    pub target_kbps: u32,
    /// What carries it.
    pub over: Over,
    /// Kinds of the two ends of the selected pair.
    pub local: Option<CandidateKind>,
    pub remote: Option<CandidateKind>,
}

impl PathStats {
    /// Whether a relay carries the call.
    pub fn relayed(&self) -> bool {
        self.over == Over::Relay || [self.local, self.remote].contains(&Some(CandidateKind::Relay))
    }
}
