//! A link that delays, queues, loses and reorders, by a seed.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a link does to packets. Times in ms.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub kbps: u32,
    pub delay_ms: u64,
    /// At most so much more, by chance.
    pub jitter_ms: u64,
    /// What the queue before the link holds; beyond it, packets are dropped.
    pub queue_ms: u64,
    pub loss: Loss,
    /// Every so often nothing comes for so long, and then all at once.
    pub spikes: Option<(u64, u64)>,
    /// From then until then, it carries only so many kbit/s.
    pub narrows: Option<(u64, u64, u32)>,
    /// Instead of `kbps`: when 1500 bytes may leave, in ms, over and over, and where in that the call begins.
    pub trace: Option<(&'static [u32], u64)>,
    /// Percent of the packets that are overtaken.
    pub reordered: u32,
}

#[derive(Debug, Clone, Copy)]
pub enum Loss {
    None,
    Random {
        percent: u32,
    },
    /// So many packets of a hundred, in runs of so many.
    Bursts {
        percent: u32,
        length: u32,
    },
}

impl Link {
    /// Of a message that fills a packet, and its answer.
    pub fn round_trip(&self) -> Duration {
        let packet = 1200 * 8 / u64::from(self.kbps);
        Duration::from_millis(2 * (self.delay_ms + packet) + self.jitter_ms)
    }
}

/// Bytes that leave at once on a trace.
const OPPORTUNITY: u64 = 1500;

/// Numbers that look random and are the same for the same seed (SplitMix64, Steele et al. 2014).
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// True so many times in `of`.
    fn chance(&mut self, times: u64, of: u64) -> bool {
        self.next() % of < times
    }
}

/// One direction of a link, with what is on its way. Times in µs since the start.
pub struct Way<T> {
    link: Link,
    random: Random,
    free_at: u64,
    /// Of a trace: the next opportunity, counted on over its rounds, and the bytes left in it.
    opportunity: (u64, u64),
    last_arrival: u64,
    burst_left: u32,
    flying: BTreeMap<(u64, u64), T>,
    sent: u64,
}

impl<T> Way<T> {
    pub fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            random: Random(seed),
            free_at: 0,
            opportunity: (0, OPPORTUNITY),
            last_arrival: 0,
            burst_left: 0,
            flying: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Sends `item`, a packet of `bytes` with all headers.
    pub fn send(&mut self, now: u64, bytes: usize, item: T) {
        self.sent += 1;
        let narrow = self.link.narrows.filter(|(from, until, _)| (from * 1000..until * 1000).contains(&now));
        let kbps = narrow.map_or(self.link.kbps, |(_, _, kbps)| kbps);
        let (leaves, opportunity) = match self.link.trace {
            Some((trace, begins)) => self.follow(trace, begins, now, bytes as u64),
            None => (self.free_at.max(now) + bytes as u64 * 8000 / u64::from(kbps), self.opportunity),
        };
        if leaves - now > self.link.queue_ms * 1000 {
            return;
        }
        (self.free_at, self.opportunity) = (leaves, opportunity);
        let jitter = self.random.next() % (self.link.jitter_ms * 1000 + 1);
        let lost = self.loses();
        let overtaken = self.random.chance(self.link.reordered.into(), 100);
        if lost {
            return;
        }
        let mut arrival = (leaves + self.link.delay_ms * 1000 + jitter).max(self.last_arrival);
        if overtaken {
            arrival += 25_000;
        } else {
            self.last_arrival = arrival;
        }
        if let Some((every, lasts)) = self.link.spikes
            && arrival >= every * 1000
            && arrival % (every * 1000) < lasts * 1000
        {
            arrival += lasts * 1000 - arrival % (every * 1000);
        }
        self.flying.insert((arrival, self.sent), item);
    }

    /// What arrives until `now`, in order, each with its time.
    pub fn deliver(&mut self, now: u64) -> Vec<(u64, T)> {
        let later = self.flying.split_off(&(now + 1, 0));
        std::mem::replace(&mut self.flying, later).into_iter().map(|((arrival, _), item)| (arrival, item)).collect()
    }

    /// When the last of `bytes` leaves, and what is left of the opportunity then. One that nobody waits for is gone.
    fn follow(&self, trace: &[u32], begins: u64, now: u64, mut bytes: u64) -> (u64, (u64, u64)) {
        let count = trace.len() as u64;
        let length = u64::from(trace[trace.len() - 1]);
        let at = |index: u64| (index / count * length + u64::from(trace[(index % count) as usize])) * 1000;
        let (mut index, mut room) = self.opportunity;
        let now = now + begins * 1000;
        if at(index) < now {
            let round = now / (length * 1000);
            index = round * count + trace.partition_point(|ms| u64::from(*ms) * 1000 < now % (length * 1000)) as u64;
            room = OPPORTUNITY;
        }
        while bytes > room {
            bytes -= room;
            (index, room) = (index + 1, OPPORTUNITY);
        }
        (at(index).max(now) - begins * 1000, (index, room - bytes))
    }

    fn loses(&mut self) -> bool {
        match self.link.loss {
            Loss::None => false,
            Loss::Random { percent } => self.random.chance(percent.into(), 100),
            Loss::Bursts { percent, length } => {
                if self.burst_left == 0 && self.random.chance(percent.into(), u64::from(length) * u64::from(100 - percent)) {
                    self.burst_left = length;
                }
                let lost = self.burst_left > 0;
                self.burst_left -= u32::from(lost);
                lost
            }
        }
    }
}

#[test]
fn a_link_loses_and_delays_what_it_says() {
    let link = Link {
        kbps: 1000,
        delay_ms: 20,
        jitter_ms: 0,
        queue_ms: 200,
        loss: Loss::Bursts { percent: 10, length: 10 },
        spikes: None,
        narrows: None,
        trace: None,
        reordered: 0,
    };
    let mut way = Way::new(link, 7);
    (0..20_000u64).for_each(|n| way.send(n * 10_000, 125, n));
    let arrived = way.deliver(u64::MAX - 1);
    let lost = 20_000 - arrived.len();
    assert!((1500..2600).contains(&lost), "{lost}");
    assert!(arrived.iter().all(|(arrival, n)| *arrival == n * 10_000 + 21_000));
    // Twice what the link carries: what does not fit into the queue is dropped.
    let mut way = Way::new(Link { loss: Loss::None, ..link }, 7);
    (0..1000u64).for_each(|n| way.send(n * 500, 125, n));
    let arrived = way.deliver(u64::MAX - 1);
    assert!((600..720).contains(&arrived.len()), "{}", arrived.len());
    // What 1500 bytes may leave with every 30 ms, three times and then over again, begun in the middle.
    let trace = Some((&[30, 60, 90][..], 45));
    let mut way = Way::new(Link { trace, loss: Loss::None, ..link }, 7);
    (0..9u64).for_each(|n| way.send(0, 750, n));
    let arrived: Vec<u64> = way.deliver(u64::MAX - 1).iter().map(|(arrival, _)| arrival / 1000 - 20).collect();
    assert_eq!(arrived, [15, 15, 45, 45, 75, 75, 105, 105, 135]);
}
