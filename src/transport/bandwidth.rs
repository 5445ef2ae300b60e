//! How much the path carries, from what the other side says it received. Pure: `now` is an argument.
//!
//! Delay is the signal: a queue that builds up on the path shows as packets that take longer than the fastest ones did. Loss is
//! not, below a quarter: radio links lose at random, and answering that with less picture helps nobody.
//!
//! ```text
//!   queue < 25 ms, rate in use ──▶ +12 % a second, up to the cap
//!   queue > 40 ms and growing, or > 120 ms ──▶ 85 % of what arrives, then wait for the queue to drain
//!   more than a quarter lost ──▶ 85 %, at most once a second
//! ```

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Where a call starts, in kbit/s.
pub const START_KBPS: u32 = 1500;
/// Never less than this: sound and a small picture.
const FLOOR_KBPS: f64 = 100.0;

const CALM_MS: f64 = 25.0;
const FILLING_MS: f64 = 40.0;
const FULL_MS: f64 = 120.0;
/// Growth a second while the path is calm.
const GROWTH: f64 = 1.12;
/// Share of what arrives that is asked for next when a queue builds up: the rest drains it.
const BACK_OFF: f64 = 0.85;
const HEAVY_LOSS: f64 = 0.25;
/// How long a decrease is given to show.
const SETTLE: Duration = Duration::from_millis(400);
const SETTLE_LOSS: Duration = Duration::from_secs(1);
/// The fastest packet of the last one to two of these is the path without a queue; clocks drift and routes change.
const BASE_AGE: Duration = Duration::from_secs(10);
/// What arrives is counted over this.
const RATE_WINDOW: Duration = Duration::from_millis(800);

/// What became of one packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PacketFate {
    /// When it left, on our clock.
    pub sent: Instant,
    /// When it arrived, on the other side's clock, whose zero is anyone's guess. `None`: it did not.
    pub arrived: Option<Duration>,
    pub bytes: usize,
}

/// What the path is thought to be like.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// What to send, pictures and sound and headers together.
    pub target_kbps: u32,
    /// What arrived lately.
    pub delivered_kbps: u32,
    /// Share of packets that did not arrive at first, 0 to 100.
    pub loss_percent: f64,
    /// How long packets wait on the path.
    pub queue_ms: f64,
}

/// Turns what became of packets into a rate.
#[derive(Debug)]
pub struct BandwidthEstimator {
    target: f64,
    cap: f64,
    loss: f64,
    queue_ms: f64,
    /// Sending time of the first packet: one-way delays are counted from it.
    epoch: Option<Instant>,
    /// Shortest one-way delay of the current and of the last [`BASE_AGE`], in ms of two clocks' difference.
    base: (f64, f64),
    base_since: Option<Instant>,
    arrivals: VecDeque<(Duration, usize)>,
    last: Option<Instant>,
    hold_until: Option<Instant>,
}

impl BandwidthEstimator {
    /// Starts at [`START_KBPS`], never asks for more than `cap_kbps`.
    pub fn new(cap_kbps: u32) -> Self {
        let cap = f64::from(cap_kbps).max(FLOOR_KBPS);
        Self {
            target: f64::from(START_KBPS).min(cap),
            cap,
            loss: 0.0,
            queue_ms: 0.0,
            epoch: None,
            base: (f64::INFINITY, f64::INFINITY),
            base_since: None,
            arrivals: VecDeque::new(),
            last: None,
            hold_until: None,
        }
    }

    /// Takes a report, packets in the order they were sent.
    pub fn on_report(&mut self, now: Instant, packets: &[PacketFate]) -> Estimate {
        if !packets.is_empty() {
            let lasted = self.last.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
            let before = self.queue_ms;
            self.observe(now, packets);
            self.decide(now, lasted.min(Duration::from_millis(500)), before);
        }
        self.estimate()
    }

    /// What the last report led to.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            target_kbps: self.target.round() as u32,
            delivered_kbps: self.delivered().round() as u32,
            loss_percent: self.loss * 100.0,
            queue_ms: self.queue_ms,
        }
    }

    fn observe(&mut self, now: Instant, packets: &[PacketFate]) {
        let epoch = *self.epoch.get_or_insert(packets[0].sent);
        let mut fastest = f64::INFINITY;
        for packet in packets {
            let lost = f64::from(u8::from(packet.arrived.is_none()));
            self.loss += (lost - self.loss) / 100.0;
            if let Some(arrived) = packet.arrived {
                let sent = packet.sent.saturating_duration_since(epoch);
                fastest = fastest.min((arrived.as_secs_f64() - sent.as_secs_f64()) * 1e3);
                self.arrivals.push_back((arrived, packet.bytes));
            }
        }
        while self.arrivals.len() > 1 && self.arrivals[0].0 + RATE_WINDOW < self.arrivals[self.arrivals.len() - 1].0 {
            self.arrivals.pop_front();
        }
        if fastest.is_finite() {
            let since = *self.base_since.get_or_insert(now);
            if now.saturating_duration_since(since) > BASE_AGE {
                self.base = (f64::INFINITY, self.base.0);
                self.base_since = Some(now);
            }
            self.base.0 = self.base.0.min(fastest);
            self.queue_ms = fastest - self.base.0.min(self.base.1);
        }
    }

    fn decide(&mut self, now: Instant, lasted: Duration, queue_before: f64) {
        if self.hold_until.is_some_and(|until| now < until) {
            return;
        }
        let filling = self.queue_ms > FILLING_MS && self.queue_ms >= queue_before;
        if filling || self.queue_ms > FULL_MS {
            self.target = self.target.min(self.delivered()) * BACK_OFF;
            self.hold_until = Some(now + SETTLE);
        } else if self.loss > HEAVY_LOSS {
            self.target *= BACK_OFF;
            self.hold_until = Some(now + SETTLE_LOSS);
        } else if self.queue_ms < CALM_MS && self.delivered() > self.target * 0.4 {
            self.target *= GROWTH.powf(lasted.as_secs_f64());
        }
        self.target = self.target.clamp(FLOOR_KBPS, self.cap);
    }

    fn delivered(&self) -> f64 {
        let (Some(first), Some(last)) = (self.arrivals.front(), self.arrivals.back()) else {
            return 0.0;
        };
        let span = last.0.saturating_sub(first.0).max(RATE_WINDOW / 2);
        let bytes: usize = self.arrivals.iter().map(|(_, bytes)| bytes).sum();
        bytes as f64 * 8.0 / 1e3 / span.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link of `kbps` with a queue of at most `most`, fed at the target for `seconds` in pictures of 30 a second; every
    /// `nth` packet is lost at random. Returns the targets, ten a second.
    struct Link {
        start: Instant,
        clock: Duration,
        free_at: Duration,
        random: u32,
        estimator: BandwidthEstimator,
    }

    impl Link {
        fn new(cap: u32) -> Self {
            let estimator = BandwidthEstimator::new(cap);
            Self { start: Instant::now(), clock: Duration::ZERO, free_at: Duration::ZERO, random: 1, estimator }
        }

        fn run(&mut self, seconds: u32, kbps: f64, loss_percent: u32) -> Vec<u32> {
            let mut targets = Vec::new();
            let mut report = Vec::new();
            for frame in 0..seconds * 30 {
                let target = f64::from(self.estimator.estimate().target_kbps);
                for _ in 0..(target * 1e3 / 8.0 / 30.0 / 1200.0).ceil() as u32 {
                    let leaves = self.clock.max(self.free_at) + Duration::from_secs_f64(1200.0 * 8.0 / (kbps * 1e3));
                    self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let lost = (self.random >> 16) % 100 < loss_percent || leaves - self.clock > Duration::from_millis(400);
                    if leaves - self.clock <= Duration::from_millis(400) {
                        self.free_at = leaves;
                    }
                    let arrived = (!lost).then(|| leaves + Duration::from_secs(1000));
                    report.push(PacketFate { sent: self.start + self.clock, arrived, bytes: 1200 });
                }
                self.clock += Duration::from_micros(33_333);
                if frame % 3 == 2 {
                    let now = self.start + self.clock + Duration::from_millis(30);
                    targets.push(self.estimator.on_report(now, &report).target_kbps);
                    report.clear();
                }
            }
            targets
        }
    }

    #[test]
    fn a_calm_path_is_used_up_to_the_cap() {
        let targets = Link::new(2500).run(10, 20_000.0, 0);
        assert_eq!(targets.last(), Some(&2500));
        assert!(targets.iter().all(|kbps| (1500..=2500).contains(kbps)));
    }

    #[test]
    fn ten_percent_random_loss_costs_no_rate() {
        let targets = Link::new(2500).run(20, 20_000.0, 10);
        assert_eq!(targets.last(), Some(&2500));
    }

    #[test]
    fn a_narrow_path_is_neither_overrun_nor_left_idle() {
        let targets = Link::new(2500).run(30, 800.0, 0);
        let later = &targets[100..];
        let mean = later.iter().sum::<u32>() / later.len() as u32;
        assert!((450..=850).contains(&mean), "{mean}");
    }

    #[test]
    fn a_path_that_narrows_and_widens_again_is_followed() {
        let mut link = Link::new(2500);
        link.run(10, 5000.0, 0);
        let narrow = link.run(10, 400.0, 0);
        assert!(*narrow.last().unwrap() < 500, "{narrow:?}");
        let wide = link.run(20, 5000.0, 0);
        assert!(*wide.last().unwrap() > 2000, "{wide:?}");
    }

    #[test]
    fn heavy_loss_lowers_the_rate_but_never_to_nothing() {
        let targets = Link::new(2500).run(30, 20_000.0, 50);
        let last = f64::from(*targets.last().unwrap());
        assert!((FLOOR_KBPS..1000.0).contains(&last), "{last}");
    }

    #[test]
    fn an_empty_report_is_no_news() {
        let mut estimator = BandwidthEstimator::new(900);
        assert_eq!(estimator.on_report(Instant::now(), &[]).target_kbps, 900);
    }
}
