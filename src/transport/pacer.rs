//! When each packet of a picture leaves: spread out enough to spare queues, early enough not to be seen. Pure.
//!
//! Sound never comes here: it leaves at once. Repairs go before pictures, for somebody waits for them, and probes last.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What may leave in one go: the timers that wake the pacer are no finer.
const GRAIN: Duration = Duration::from_micros(1500);
/// Most bytes that wait; what comes beyond is dropped. More than any picture that the codec makes.
const MOST: usize = 600_000;

/// In the order in which they leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Repair,
    Media,
    Probe,
}

/// Items of known size that leave at a rate.
#[derive(Debug)]
pub struct Pacer<T> {
    waiting: [VecDeque<(T, usize)>; 3],
    bytes: usize,
    next: Option<Instant>,
}

impl<T> Default for Pacer<T> {
    fn default() -> Self {
        Self { waiting: [VecDeque::new(), VecDeque::new(), VecDeque::new()], bytes: 0, next: None }
    }
}

impl<T> Pacer<T> {
    /// Takes an item. False if there is no room for it: it is gone.
    pub fn push(&mut self, class: Class, item: T, bytes: usize) -> bool {
        let room = self.bytes + bytes <= MOST;
        if room {
            self.waiting[class as usize].push_back((item, bytes));
            self.bytes += bytes;
        }
        room
    }

    /// The item that may leave at `now`, at `kbps`.
    pub fn pop(&mut self, now: Instant, kbps: u32) -> Option<T> {
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        let (item, bytes) = self.waiting.iter_mut().find_map(VecDeque::pop_front)?;
        self.bytes -= bytes;
        let from = self.next.map_or(now, |next| next.max(now.checked_sub(GRAIN).unwrap_or(now)));
        self.next = Some(from + lasts(bytes, kbps));
        Some(item)
    }

    /// When [`pop`](Self::pop) has something next.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let waits = self.waiting.iter().any(|queue| !queue.is_empty());
        waits.then(|| self.next.unwrap_or(now).max(now))
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Drops what waits in `class`.
    pub fn clear(&mut self, class: Class) {
        let dropped: usize = self.waiting[class as usize].drain(..).map(|(_, bytes)| bytes).sum();
        self.bytes -= dropped;
    }
}

/// How long `bytes` take at `kbps`.
pub fn lasts(bytes: usize, kbps: u32) -> Duration {
    Duration::from_secs_f64(bytes as f64 * 8.0 / 1e3 / f64::from(kbps.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of `count` items of 1000 bytes leaves at `kbps`, in ms, looked at every millisecond.
    fn departures(count: u32, kbps: u32) -> Vec<u128> {
        let (start, mut pacer) = (Instant::now(), Pacer::default());
        assert!((0..count).all(|item| pacer.push(Class::Media, item, 1000)));
        let at = |ms| start + Duration::from_millis(ms);
        (0..2000)
            .flat_map(|ms| std::iter::from_fn(|| pacer.pop(at(ms), kbps)).map(|_| u128::from(ms)).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn items_leave_at_the_rate_and_not_in_bursts() {
        let at = departures(100, 2000);
        assert!((390..=400).contains(at.last().unwrap()), "{at:?}");
        assert!(at.windows(3).all(|three| three[2] > three[0]), "three at once: {at:?}");
    }

    #[test]
    fn repairs_go_first_and_probes_last() {
        let (now, mut pacer) = (Instant::now(), Pacer::default());
        for (class, item) in [(Class::Probe, 3), (Class::Media, 2), (Class::Repair, 1)] {
            pacer.push(class, item, 100);
        }
        let order: Vec<_> = (0..3).filter_map(|step| pacer.pop(now + Duration::from_secs(step), 100)).collect();
        assert_eq!((order, pacer.bytes(), pacer.deadline(now)), (vec![1, 2, 3], 0, None));
    }

    #[test]
    fn what_waits_has_a_bound() {
        let mut pacer = Pacer::default();
        let taken = (0..10_000).filter(|item| pacer.push(Class::Media, *item, 1000)).count();
        assert_eq!(taken * 1000, MOST);
    }
}
