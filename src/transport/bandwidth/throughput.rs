//! What arrives a second, over a long while and over a short one.

use std::collections::VecDeque;
use std::time::Duration;

use super::PacketFate;

const LONG: Duration = Duration::from_millis(800);
/// Short enough to see a path that became narrow a moment ago.
const SHORT: Duration = Duration::from_millis(160);
/// A shorter time since the mark says little about what came since.
const SINCE_MARK: Duration = Duration::from_millis(120);
/// Fewer packets than this say little about a rate.
const FEW: usize = 6;

/// Arrivals of the last [`LONG`], on the other side's clock.
#[derive(Debug, Default)]
pub(super) struct Throughput {
    arrivals: VecDeque<(Duration, usize)>,
    mark: Duration,
}

impl Throughput {
    pub fn observe(&mut self, packets: &[PacketFate]) {
        self.arrivals.extend(packets.iter().filter_map(|packet| Some((packet.arrived?, packet.bytes))));
        let newest = self.newest();
        // A clock that jumps far is another clock.
        self.arrivals.retain(|(at, _)| *at + LONG >= newest);
    }

    /// Over the last 0.8 s.
    pub fn kbps(&self) -> f64 {
        self.over(LONG, LONG / 2)
    }

    /// Over the last 0.16 s, or longer if there were few packets.
    pub fn recent_kbps(&self) -> f64 {
        let newest = self.arrivals.back().map_or(Duration::ZERO, |(at, _)| *at);
        let few = self.arrivals.iter().rev().nth(FEW).map_or(LONG, |(at, _)| newest.saturating_sub(*at));
        self.over(SHORT.max(few).min(LONG), SHORT / 2)
    }

    /// What arrives from here on is counted by itself.
    pub fn mark(&mut self) {
        self.mark = self.newest();
    }

    /// Over the last 0.16 s, or since the mark if that is less; nothing if there was too little since.
    pub fn since_mark_kbps(&self) -> Option<f64> {
        let newest = self.newest();
        let from = self.mark.max(newest.saturating_sub(SHORT));
        let since = newest.saturating_sub(from);
        let within = || self.arrivals.iter().filter(|(at, _)| *at > from).map(|(_, bytes)| bytes);
        (since >= SINCE_MARK && within().count() >= FEW).then(|| within().sum::<usize>() as f64 * 8.0 / 1e3 / since.as_secs_f64())
    }

    /// Packets arrived in each third of the time: a path that stands still for a moment is not one that is shared.
    pub fn is_steady(&self) -> bool {
        let newest = self.arrivals.back().map_or(Duration::ZERO, |(at, _)| *at);
        let third = |index: u32| {
            let (from, to) = (LONG * (index + 1) / 3, LONG * index / 3);
            self.arrivals.iter().any(|(at, _)| (to..=from).contains(&newest.saturating_sub(*at)))
        };
        (0..3).all(third)
    }

    fn newest(&self) -> Duration {
        self.arrivals.iter().map(|(at, _)| *at).max().unwrap_or_default()
    }

    fn over(&self, window: Duration, least: Duration) -> f64 {
        let Some((newest, _)) = self.arrivals.back() else { return 0.0 };
        let from = newest.saturating_sub(window);
        let within = || self.arrivals.iter().filter(|(at, _)| *at >= from);
        let first = within().map(|(at, _)| *at).next().unwrap_or(*newest);
        // The first packet only starts the clock.
        let bytes: usize = within().map(|(_, bytes)| bytes).sum::<usize>() - within().next().map_or(0, |(_, bytes)| *bytes);
        bytes as f64 * 8.0 / 1e3 / newest.saturating_sub(first).max(least).as_secs_f64()
    }
}
