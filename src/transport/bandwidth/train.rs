//! Packets that left close together: how far apart they arrive says what the path carries, without filling it.

use std::time::{Duration, Instant};

use super::capacity::Capacity;
use super::{MOST_EMPTY, PacketFate};

/// A longer pause between two departures ends a train, but for one that is meant to be slow: a probe.
const APART: Duration = Duration::from_micros(12_500);
const APART_IN_PROBE: Duration = Duration::from_millis(120);
/// One that takes so much longer to arrive than to leave was held up.
const HELD_UP: f64 = 1.25;
/// Shorter ones say nothing: the other side's clock counts milliseconds, and a packet is one.
const FEWEST: usize = 5;
const SHORTEST: Duration = Duration::from_millis(4);

/// The trains of one path.
#[derive(Debug, Default)]
pub(super) struct Trains {
    open: Option<Train>,
    /// Rates of the last trains that said something, newest last.
    rates: Vec<Rate>,
    capacity: Capacity,
    /// What the path's jitter may have squeezed out of a train, in ms.
    jitter_ms: f64,
}

/// What a train came through at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub kbps: f64,
    /// It left faster: this is what the path carries, and not what was sent.
    pub held_up: bool,
}

#[derive(Debug, Clone, Copy)]
struct Train {
    first: (Instant, Duration),
    last: (Instant, Duration),
    packets: usize,
    /// Of all but the first.
    bytes: usize,
    probe: bool,
    /// That probe is of packets with nothing in them.
    empty: bool,
    /// Bytes of what left since the last packet of such a probe: in the train if another of the probe follows, and if none does, only what
    /// came after. Whole packets are followed by pictures at once, which say what the path carries as well as they do.
    between: usize,
}

impl Train {
    fn goes_on(&self, packet: &PacketFate) -> bool {
        let apart = packet.sent.saturating_duration_since(self.last.0);
        apart < if self.probe { APART_IN_PROBE } else { APART } && (self.probe || !packet.probe)
    }

    fn take(&mut self, packet: &PacketFate, arrived: Duration) {
        self.between += packet.bytes;
        if packet.probe == self.probe || !self.empty {
            self.last = (packet.sent.max(self.last.0), arrived.max(self.last.1));
            self.packets += 1;
            self.bytes += std::mem::take(&mut self.between);
        }
    }
}

impl Trains {
    /// Takes a report from a path that delays packets by up to `jitter_ms` more or less than others.
    pub fn observe(&mut self, packets: &[PacketFate], jitter_ms: f64) {
        self.jitter_ms = jitter_ms;
        for packet in packets {
            let Some(arrived) = packet.arrived else { continue };
            let at = (packet.sent, arrived);
            match &mut self.open {
                Some(train) if train.goes_on(packet) => train.take(packet, arrived),
                _ => {
                    self.close();
                    let empty = packet.probe && packet.bytes <= MOST_EMPTY;
                    self.open = Some(Train { first: at, last: at, packets: 1, bytes: 0, probe: packet.probe, empty, between: 0 });
                }
            }
        }
        // A report ends where a train does, mostly; half a train says less, not wrong.
        self.close();
    }

    /// What the last trains came through at, the slower of two; nothing twice.
    pub fn take(&mut self) -> Option<Rate> {
        let rate = match self.rates.as_slice() {
            [] => return None,
            [only] => *only,
            [.., a, b] => {
                if a.kbps < b.kbps {
                    *a
                } else {
                    *b
                }
            }
        };
        self.clear();
        Some(rate)
    }

    /// Forgets how fast the last trains were: what they found is known by now.
    pub fn clear(&mut self) {
        self.rates.clear();
    }

    /// Measures anew what the path itself lets through.
    pub fn forget_capacity(&mut self) {
        self.capacity = Capacity::default();
    }

    /// What the path itself lets through, in kbit/s; nothing if that is more than was ever sent.
    pub fn capacity_kbps(&self) -> Option<f64> {
        self.capacity.kbps()
    }

    fn close(&mut self) {
        let Some(train) = self.open.take().filter(|train| train.packets >= FEWEST) else { return };
        let kbps = |span: Duration| train.bytes as f64 * 8.0 / 1e3 / span.max(SHORTEST).as_secs_f64();
        let (leaving, arriving) =
            (train.last.0.saturating_duration_since(train.first.0), train.last.1.saturating_sub(train.first.1));
        let sent = kbps(leaving);
        // A first packet that was held up closes up with the last one: the rate of what came through so is jitter, not the path's.
        let squeezed = Duration::from_secs_f64(self.jitter_ms.max(0.0) / 1e3);
        self.capacity.observe(train.bytes, leaving, arriving);
        let arrived = kbps(arriving + squeezed);
        // Nor can it have come faster than it went.
        self.rates.push(Rate { kbps: sent.min(arrived), held_up: sent > arrived * HELD_UP });
        if self.rates.len() > 4 {
            self.rates.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_that_follows_a_probe_is_no_part_of_it_and_sound_within_one_is() {
        let start = Instant::now();
        // Eight empty packets of 9 ms each on a path of 50 kbit/s, sent in half of the time.
        let empty = |n: u64, waits: u64| fate(start, 5 * n, 10 * n + waits, 58, true);
        let alone: Vec<_> = (0..8).map(|n| empty(n, 0)).collect();
        let followed: Vec<_> = alone.iter().copied().chain([fate(start, 150, 180, 169, false)]).collect();
        let amid: Vec<_> =
            (0..4).map(|n| empty(n, 0)).chain([fate(start, 16, 65, 169, false)]).chain((4..8).map(|n| empty(n, 27))).collect();
        for packets in [alone, followed, amid] {
            let mut trains = Trains::default();
            trains.observe(&packets, 0.0);
            let train = trains.take().expect("eight packets say something");
            assert!(train.held_up && (44.0..52.0).contains(&train.kbps), "{train:?}");
        }
    }

    fn fate(start: Instant, sent: u64, arrived: u64, bytes: usize, probe: bool) -> PacketFate {
        let (sent, arrived) = (start + Duration::from_millis(sent), Some(Duration::from_millis(1000 + arrived)));
        PacketFate { ssrc: 1, sent, arrived, bytes, probe }
    }
}
