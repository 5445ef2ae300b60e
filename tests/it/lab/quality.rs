//! How good a link is: the links that calls are tested and measured over, by name.

use std::time::Duration;

/// How a link treats packets, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// One way.
    pub delay: Duration,
    /// On top of it, a packet: the size of a normally distributed number with this deviation. Nothing is overtaken by that.
    pub jitter: Duration,
    /// Packets that are overtaken by others.
    pub overtaken_percent: f64,
    pub spikes: Option<Spikes>,
    pub loss_percent: f64,
    /// Packets that are lost in a row, on average; 1: each by itself.
    pub burst: f64,
    /// 0: no limit.
    pub kbps: u32,
    /// In place of a rate: when, in ms from the start, 1500 bytes may leave; after the last it starts anew.
    pub trace: Option<&'static [u32]>,
    /// What the buffer before a limited rate holds; what comes on top is dropped.
    pub queue: Duration,
}

/// Every so often nothing comes for so long, and then all at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spikes {
    pub every: Duration,
    pub last: Duration,
}

impl Quality {
    pub const CLEAN: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        overtaken_percent: 0.0,
        spikes: None,
        loss_percent: 0.0,
        burst: 1.0,
        kbps: 0,
        trace: None,
        queue: Duration::from_millis(500),
    };
    /// Another country.
    pub const FAR: Self = Self { delay: Duration::from_millis(50), ..Self::CLEAN };
    /// One room.
    pub const LAN: Self =
        Self { delay: Duration::from_millis(1), kbps: 100_000, queue: Duration::from_millis(100), ..Self::CLEAN };
    /// A good evening at home.
    pub const HOME: Self = Self { loss_percent: 0.1, ..link(25, 3, 5000, 200) };
    /// A bad evening on a shared wireless network.
    pub const LOSSY: Self = Self { loss_percent: 10.0, ..link(30, 5, 3000, 200) };
    /// What a moving obstacle does to a wireless network.
    pub const BURSTY: Self = Self { loss_percent: 5.0, burst: 6.0, ..link(30, 5, 3000, 200) };
    /// A phone's network, with the deep buffer that those have.
    pub const LTE: Self = Self { loss_percent: 0.5, burst: 2.0, ..link(35, 10, 2500, 600) };
    /// The networks before it.
    pub const THIRD_GENERATION: Self = Self { loss_percent: 1.0, burst: 2.0, ..link(80, 20, 500, 1000) };
    pub const EDGE: Self = Self { loss_percent: 1.0, burst: 2.0, ..link(150, 30, 150, 1500) };

    /// A phone's network on the move, with a buffer of two seconds: it lets go what `trace` says.
    pub fn on_the_move(trace: &'static [u32]) -> Self {
        let (delay, queue) = (Duration::from_millis(25), Duration::from_secs(2));
        Self { delay, trace: Some(trace), queue, ..Self::CLEAN }
    }

    /// The same link at another rate.
    pub const fn at(self, kbps: u32) -> Self {
        Self { kbps, ..self }
    }

    /// What a message that fills a packet takes there and back.
    pub fn round_trip(&self) -> Duration {
        let packet = self.mean_kbps().map_or(Duration::ZERO, |kbps| Duration::from_secs_f64(1200.0 / (kbps * 125.0)));
        (self.delay + packet) * 2 + self.jitter
    }

    /// The rate that its buffer is measured by, in kbit/s; nothing if there is no limit.
    pub fn mean_kbps(&self) -> Option<f64> {
        match self.trace {
            Some(trace) => Some(trace.len() as f64 * 1500.0 * 8.0 / f64::from(*trace.last()?)),
            None => (self.kbps > 0).then_some(f64::from(self.kbps)),
        }
    }

    /// Bytes that wait at most; at least two large packets do.
    pub fn queue_bytes(&self) -> usize {
        self.mean_kbps().map_or(usize::MAX, |kbps| ((kbps * self.queue.as_secs_f64() * 125.0) as usize).max(3000))
    }
}

const fn link(delay_ms: u64, jitter_ms: u64, kbps: u32, queue_ms: u64) -> Quality {
    Quality {
        delay: Duration::from_millis(delay_ms),
        jitter: Duration::from_millis(jitter_ms),
        kbps,
        queue: Duration::from_millis(queue_ms),
        ..Quality::CLEAN
    }
}
