//! One direction of a link, as rules: a drop-tail buffer drained at a rate or by a trace, then loss, then delay. Real packets go through it,
//! and those of a simulation.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::quality::{Quality, Spikes};

/// How much later than the others a packet comes that is overtaken.
const OVERTAKEN_BY: Duration = Duration::from_millis(25);

/// Carries packets.
pub struct Way<P = Vec<u8>> {
    quality: Quality,
    dice: Dice,
    /// Packets that wait for the rate with their bytes, the first of them on the wire.
    buffer: VecDeque<(usize, P)>,
    buffered: usize,
    /// What the wire took of the first packet, in bytes, until `drained`.
    taken: f64,
    drained: Instant,
    /// How often the trace went round since `began`, and its next opportunity.
    began: Instant,
    round: u32,
    opportunity: usize,
    /// Packets that left, by when they arrive and then by the order in which they left, with their bytes.
    flying: BTreeMap<(Instant, u64), (usize, P)>,
    left: u64,
    /// When the last one arrives that nothing overtakes.
    last: Option<Instant>,
    /// Whether a burst of losses is going on.
    losing: bool,
    pulled: bool,
    /// Bytes that the rate would have let through.
    offered: f64,
    counts: Counts,
}

/// What a direction did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets and IP bytes that were sent, and that arrived.
    pub sent: u64,
    pub sent_bytes: u64,
    pub arrived: u64,
    pub arrived_bytes: u64,
    /// Packets that found the buffer full, and that were lost on the way.
    pub overflowed: u64,
    pub lost: u64,
    /// Bytes that the rate would have let through; 0 without a limit.
    pub offered_bytes: u64,
    /// Bytes in the buffer now.
    pub waiting_bytes: u64,
}

impl<P> Way<P> {
    pub fn new(now: Instant, quality: Quality, seed: u64) -> Self {
        Self {
            quality,
            dice: Dice::new(seed),
            buffer: VecDeque::new(),
            buffered: 0,
            taken: 0.0,
            drained: now,
            began: now,
            round: 0,
            opportunity: 0,
            flying: BTreeMap::new(),
            left: 0,
            last: None,
            losing: false,
            pulled: false,
            offered: 0.0,
            counts: Counts::default(),
        }
    }

    /// From `now` on the link is like this. What waits goes on at the new rate.
    pub fn set(&mut self, now: Instant, quality: Quality) {
        self.advance(now);
        if self.quality.trace != quality.trace {
            (self.began, self.round, self.opportunity, self.taken) = (now, 0, 0, 0.0);
        }
        self.quality = quality;
    }

    /// Pulled, nothing new goes in.
    pub fn pull(&mut self, pulled: bool) {
        self.pulled = pulled;
    }

    /// Takes in a packet of `bytes` with all headers, or drops it.
    pub fn put(&mut self, now: Instant, bytes: usize, packet: impl Into<P>) {
        self.advance(now);
        self.counts.sent += 1;
        self.counts.sent_bytes += bytes as u64;
        if self.pulled {
            self.counts.lost += 1;
        } else if self.buffered + bytes > self.quality.queue_bytes() {
            self.counts.overflowed += 1;
        } else {
            self.buffered += bytes;
            self.buffer.push_back((bytes, packet.into()));
            self.advance(now);
        }
    }

    /// The next packet that arrived until `now`, and when it did.
    pub fn take(&mut self, now: Instant) -> Option<(Instant, P)> {
        self.advance(now);
        let next = self.flying.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((arrived, _), (bytes, packet)) = next.remove_entry();
        self.counts.arrived += 1;
        self.counts.arrived_bytes += bytes as u64;
        Some((arrived, packet))
    }

    /// When there is something to do again, if nothing more is put in.
    pub fn next(&self) -> Option<Instant> {
        let leaves = self.buffer.front().map(|(bytes, _)| match self.quality.trace {
            Some(trace) => self.opportunity_at(trace),
            None => self.drained + self.transmission(*bytes as f64 - self.taken),
        });
        let arrives = self.flying.keys().next().map(|(due, _)| *due);
        leaves.into_iter().chain(arrives).min()
    }

    pub fn counts(&mut self, now: Instant) -> Counts {
        self.advance(now);
        Counts { offered_bytes: self.offered.round() as u64, waiting_bytes: self.buffered as u64, ..self.counts }
    }

    /// Lets go what the rate let go until `now`.
    fn advance(&mut self, now: Instant) {
        match self.quality.trace {
            Some(trace) => self.follow(trace, now),
            None if self.quality.kbps > 0 => self.drain(now),
            None => {
                self.drained = now;
                (0..self.buffer.len()).for_each(|_| self.depart(now));
            }
        }
    }

    fn drain(&mut self, now: Instant) {
        let bytes_per_second = f64::from(self.quality.kbps) * 125.0;
        let elapsed = now.saturating_duration_since(self.drained);
        self.offered += elapsed.as_secs_f64() * bytes_per_second;
        let mut at = self.drained;
        while let Some((bytes, _)) = self.buffer.front() {
            let leaves = at + self.transmission(*bytes as f64 - self.taken);
            if leaves > now {
                self.taken += (now - at).as_secs_f64() * bytes_per_second;
                break;
            }
            (at, self.taken) = (leaves, 0.0);
            self.depart(leaves);
        }
        self.drained = self.drained.max(now);
    }

    fn follow(&mut self, trace: &[u32], now: Instant) {
        loop {
            let at = self.opportunity_at(trace);
            if at > now {
                break;
            }
            self.opportunity += 1;
            if self.opportunity == trace.len() {
                (self.round, self.opportunity) = (self.round + 1, 0);
            }
            self.offered += 1500.0;
            let mut room = 1500.0;
            while let Some((bytes, _)) = self.buffer.front() {
                let left = *bytes as f64 - self.taken;
                if left > room {
                    self.taken += room;
                    break;
                }
                (room, self.taken) = (room - left, 0.0);
                self.depart(at);
            }
        }
        self.drained = now;
    }

    fn opportunity_at(&self, trace: &[u32]) -> Instant {
        let length = Duration::from_millis(trace.last().copied().unwrap_or(1).into());
        let ms = trace.get(self.opportunity).copied().unwrap_or(1);
        self.began + length * self.round + Duration::from_millis(ms.into())
    }

    fn transmission(&self, bytes: f64) -> Duration {
        Duration::from_secs_f64(bytes.max(0.0) / (f64::from(self.quality.kbps) * 125.0))
    }

    /// The first packet left the buffer at `at`: it is lost, or on its way.
    fn depart(&mut self, at: Instant) {
        let Some((bytes, packet)) = self.buffer.pop_front() else { return };
        self.buffered -= bytes;
        if self.loses() {
            self.counts.lost += 1;
            return;
        }
        let mut due = at + self.quality.delay + self.quality.jitter.mul_f64(self.dice.normal().abs());
        due = self.last.map_or(due, |last| due.max(last));
        if self.quality.overtaken_percent > 0.0 && self.dice.chance(self.quality.overtaken_percent / 100.0) {
            due += OVERTAKEN_BY;
        } else {
            self.last = Some(due);
        }
        self.left += 1;
        self.flying.insert((self.held_up(due), self.left), (bytes, packet));
    }

    /// When what is due at `due` arrives, for now and then nothing does.
    fn held_up(&self, due: Instant) -> Instant {
        let Some(Spikes { every, last }) = self.quality.spikes else { return due };
        let since = due - self.began;
        let into = Duration::from_nanos((since.as_nanos() % every.as_nanos()) as u64);
        if since >= every && into < last { due + (last - into) } else { due }
    }

    /// Gilbert's model: lost packets come in runs of a mean length.
    fn loses(&mut self) -> bool {
        let Quality { loss_percent, burst, .. } = self.quality;
        let loss = loss_percent / 100.0;
        if burst <= 1.0 {
            return loss > 0.0 && self.dice.chance(loss);
        }
        let ends = 1.0 / burst;
        let begins = ends * loss / (1.0 - loss);
        self.losing = if self.losing { !self.dice.chance(ends) } else { self.dice.chance(begins) };
        self.losing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// What arrives, and when (ms), of packets of 1250 bytes that are sent at `times` (ms).
    fn arrivals(way: &mut Way<u8>, start: Instant, times: impl IntoIterator<Item = u32>) -> Vec<(u8, u128)> {
        let mut arrived = Vec::new();
        let mut due: VecDeque<_> = times.into_iter().enumerate().collect();
        loop {
            let put = due.front().map(|(_, at)| start + MS * *at);
            let Some(now) = put.into_iter().chain(way.next()).min() else { return arrived };
            if put == Some(now) {
                let (number, _) = due.pop_front().unwrap();
                way.put(now, 1250, number as u8);
            }
            while let Some((at, number)) = way.take(now) {
                arrived.push((number, (at - start).as_millis()));
            }
        }
    }

    fn way(start: Instant, quality: Quality) -> Way<u8> {
        Way::new(start, quality, 1)
    }

    #[test]
    fn a_way_delays_drops_and_never_reorders() {
        let start = Instant::now();
        let quality = Quality { delay: 30 * MS, jitter: 20 * MS, loss_percent: 10.0, kbps: 1000, ..Quality::CLEAN };
        let mut way = way(start, quality);
        // 1250 bytes take 10 ms at 1000 kbit/s; one packet every 20 ms fits.
        let arrived = arrivals(&mut way, start, (0..2000).map(|n| 20 * n));
        assert!((1700..1900).contains(&arrived.len()), "{} of 2000 arrived", arrived.len());
        assert!(arrived.iter().all(|(_, at)| *at >= 40) && arrived.is_sorted_by_key(|(_, at)| *at));
        let mean = arrived.iter().map(|(_, at)| (at % 20) as f64).sum::<f64>() / arrived.len() as f64;
        assert!(mean > 5.0, "and they do not come in step any more");
        let counts = way.counts(start + 100_000 * MS);
        assert_eq!((counts.sent, counts.arrived + counts.lost, counts.overflowed), (2000, 2000, 0));
    }

    #[test]
    fn what_is_overtaken_comes_after_what_was_sent_later() {
        let start = Instant::now();
        let mut way = way(start, Quality { overtaken_percent: 20.0, ..Quality::CLEAN });
        let arrived = arrivals(&mut way, start, (0..200).map(|n| 10 * n));
        assert_eq!(arrived.len(), 200);
        let late = arrived.iter().filter(|(number, at)| *at == u128::from(*number) * 10 + 25).count();
        assert!((20..60).contains(&late), "{late} of 200");
        assert_eq!(arrived.iter().filter(|(number, at)| *at == u128::from(*number) * 10).count(), 200 - late);
        assert!(!arrived.is_sorted_by_key(|(number, _)| *number));
    }

    #[test]
    fn now_and_then_nothing_comes_and_then_all_at_once() {
        let start = Instant::now();
        let mut way = way(start, Quality { spikes: Some(Spikes { every: 1000 * MS, last: 300 * MS }), ..Quality::CLEAN });
        let arrived = arrivals(&mut way, start, [0, 500, 999, 1000, 1299, 1300, 2100]);
        let at: Vec<_> = arrived.iter().map(|(_, at)| *at).collect();
        assert_eq!(at, [0, 500, 999, 1300, 1300, 1300, 2300]);
    }

    #[test]
    fn a_full_queue_drops_what_comes_on_top() {
        let start = Instant::now();
        let mut way = way(start, Quality { kbps: 1000, queue: 100 * MS, ..Quality::CLEAN });
        let arrived = arrivals(&mut way, start, [0; 100]);
        assert_eq!(arrived.iter().map(|(_, at)| *at).collect::<Vec<_>>(), (1..=10).map(|n| n * 10).collect::<Vec<_>>());
        assert_eq!(way.counts(start + 100 * MS).overflowed, 90);
    }

    #[test]
    fn what_waits_goes_on_at_the_new_rate() {
        let start = Instant::now();
        let quality = Quality { kbps: 1000, ..Quality::CLEAN };
        let mut way = way(start, quality);
        (0..3).for_each(|_| way.put(start, 1250, 0));
        // Half of the second packet is through; the other half and the third take ten times as long.
        way.set(start + 15 * MS, quality.at(100));
        let at: Vec<_> = arrivals(&mut way, start, []).iter().map(|(_, at)| *at).collect();
        assert_eq!(at[1..], [65, 165]);
        assert_eq!(way.counts(start + 165 * MS).offered_bytes, 1875 + 1875);
    }

    #[test]
    fn a_trace_lets_go_when_it_says_so_and_what_nobody_uses_is_gone() {
        static TRACE: [u32; 4] = [10, 20, 30, 100];
        let start = Instant::now();
        let quality = Quality { trace: Some(&TRACE), ..Quality::CLEAN };
        let mut way = way(start, quality);
        // The chance at 10 ms passes; 1500 bytes hold one packet and a part of the next; then the trace starts anew.
        let arrived = arrivals(&mut way, start, [11, 11, 11, 31, 31]);
        assert_eq!(arrived.iter().map(|(_, at)| *at).collect::<Vec<_>>(), [20, 30, 100, 110, 120]);
    }

    #[test]
    fn every_link_carries_its_rate_and_loses_its_share() {
        use super::super::cellular;
        let phone = Quality { trace: Some(cellular::trace()), ..Quality::CLEAN };
        for quality in [
            Quality::LAN,
            Quality::HOME,
            Quality::LOSSY,
            Quality::BURSTY,
            Quality::LTE,
            Quality::THIRD_GENERATION,
            Quality::EDGE,
            phone,
        ] {
            let start = Instant::now();
            let mut way = way(start, quality);
            // Twice as much as it carries.
            let kbps = quality.mean_kbps().unwrap();
            let each = Duration::from_secs_f64(1250.0 / (2.0 * kbps * 125.0));
            let mut now = start;
            for _ in 0..60_000 {
                way.put(now, 1250, 0);
                while way.take(now).is_some() {}
                now += each;
            }
            let seconds = (now - start).as_secs_f64();
            let counts = way.counts(now);
            let carried = (counts.arrived + counts.lost) as f64 * 1250.0 / (kbps * 125.0 * seconds);
            assert!((0.9..1.05).contains(&carried), "{carried} of the rate; {quality:?}");
            let lost = counts.lost as f64 * 100.0 / (counts.arrived + counts.lost) as f64;
            assert!((lost - quality.loss_percent).abs() < 0.5 + quality.loss_percent / 4.0, "{lost} % lost; {quality:?}");
        }
    }

    #[test]
    fn bursts_are_as_long_and_as_many_as_the_profile_says() {
        let start = Instant::now();
        let mut way = way(start, Quality { kbps: 0, delay: Duration::ZERO, jitter: Duration::ZERO, ..Quality::BURSTY });
        let lost: Vec<bool> = (0..50_000)
            .map(|_| {
                way.put(start, 100, 0);
                way.take(start).is_none()
            })
            .collect();
        let count = lost.iter().filter(|lost| **lost).count();
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count();
        assert!((2000..3000).contains(&count), "{count} of 50000 were lost");
        assert!((5.0..7.0).contains(&(count as f64 / bursts as f64)), "{count} in {bursts} bursts");
    }
}
