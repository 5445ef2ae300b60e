//! What did not arrive, and when to ask for it again. Pure.
//!
//! A gap is asked for once reordering had its chance, then again after a round trip, which is learnt from the answers: asking
//! sooner only makes the sender send twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time for a packet that was only overtaken to still turn up.
const REORDERING: Duration = Duration::from_millis(4);
/// Never ask for the same packet sooner than this.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Ask this often, then leave it to the next keyframe.
const MAX_REQUESTS: u8 = 8;
/// A packet that is later than this is of no use: the picture has moved on.
const GIVE_UP: Duration = Duration::from_millis(1000);
/// A longer gap is an outage, not a loss: only a keyframe helps.
const MAX_GAP: u64 = 400;
/// Most packets named in one request, so that it fits a datagram.
const MAX_A_REQUEST: usize = 64;

/// The packets of one stream that are missing.
#[derive(Debug, Default)]
pub struct NackList {
    /// Highest sequence number seen, counted on past 16 bits.
    highest: Option<u64>,
    missing: BTreeMap<u64, Missing>,
    round_trip: Option<Duration>,
    /// Packets that were given up.
    pub lost: u64,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    ask_at: Instant,
    asked: Option<Instant>,
    requests: u8,
}

impl NackList {
    /// A list that has seen nothing.
    pub fn new() -> Self {
        Self { highest: None, missing: BTreeMap::new(), round_trip: None, lost: 0 }
    }

    /// Notes that `sequence` arrived; `repaired` if as a retransmission. False: it had arrived before, or was given up.
    pub fn arrived(&mut self, now: Instant, sequence: u16, repaired: bool) -> bool {
        let Some(highest) = self.highest else {
            self.highest = Some(u64::from(sequence) + (1 << 16));
            return true;
        };
        // The nearest number to `highest` that ends in `sequence` (RFC 3711 appendix A).
        let ahead = sequence.wrapping_sub(highest as u16) as i16;
        let number = highest.wrapping_add_signed(i64::from(ahead));
        if ahead > 0 {
            self.highest = Some(number);
            let gap = highest + 1..number;
            if gap.end - gap.start > MAX_GAP {
                self.lost += (gap.end - gap.start) + self.missing.len() as u64;
                self.missing.clear();
            } else {
                let entry = || Missing { since: now, ask_at: now + REORDERING, asked: None, requests: 0 };
                self.missing.extend(gap.map(|number| (number, entry())));
            }
            return true;
        }
        let Some(found) = self.missing.remove(&number) else {
            return false;
        };
        if let (true, 1, Some(asked)) = (repaired, found.requests, found.asked) {
            let sample = now.saturating_duration_since(asked);
            self.round_trip = Some(self.round_trip.map_or(sample, |old| (old * 7 + sample) / 8));
        }
        true
    }

    /// The packets to ask for now. Gives up on those that were asked for too often or are too old.
    pub fn due(&mut self, now: Instant) -> Vec<u16> {
        let before = self.missing.len();
        self.missing.retain(|_, missing| {
            now.saturating_duration_since(missing.since) < GIVE_UP && (missing.requests < MAX_REQUESTS || missing.ask_at > now)
        });
        self.lost += (before - self.missing.len()) as u64;

        let wait = self.round_trip.map_or(SHORTEST_WAIT, |round_trip| round_trip + round_trip / 4 + REORDERING);
        let wait = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
        let due = self.missing.iter_mut().filter(|(_, missing)| missing.ask_at <= now).take(MAX_A_REQUEST);
        due.map(|(number, missing)| {
            missing.requests += 1;
            missing.asked = Some(now);
            missing.ask_at = now + wait;
            *number as u16
        })
        .collect()
    }

    /// When [`due`](Self::due) has something to do next.
    pub fn deadline(&self) -> Option<Instant> {
        self.missing.values().map(|missing| missing.ask_at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn nothing_is_asked_for_while_nothing_is_missing() {
        let (now, mut list) = (Instant::now(), NackList::new());
        assert!((0..100).all(|sequence| list.arrived(now, sequence, false)));
        assert_eq!(list.deadline(), None);
    }

    #[test]
    fn a_gap_is_asked_for_once_reordering_had_its_chance() {
        let (now, mut list) = (Instant::now(), NackList::new());
        list.arrived(now, 65_534, false);
        list.arrived(now, 1, false);
        assert!(list.due(now).is_empty());
        assert_eq!(list.due(now + REORDERING), [65_535, 0]);
        assert!(list.due(now + REORDERING + ms(1)).is_empty(), "asked again at once");
    }

    #[test]
    fn an_overtaken_packet_is_not_asked_for() {
        let (now, mut list) = (Instant::now(), NackList::new());
        list.arrived(now, 1, false);
        list.arrived(now, 3, false);
        assert!(list.arrived(now + ms(1), 2, false));
        assert_eq!(list.deadline(), None);
    }

    #[test]
    fn a_packet_that_came_already_is_told_from_a_new_one() {
        let (now, mut list) = (Instant::now(), NackList::new());
        list.arrived(now, 1, false);
        assert!(!list.arrived(now, 1, true));
    }

    #[test]
    fn the_wait_between_requests_follows_the_round_trip() {
        let (start, mut list) = (Instant::now(), NackList::new());
        list.arrived(start, 1, false);
        list.arrived(start, 3, false);
        let asked = start + REORDERING;
        assert_eq!(list.due(asked), [2]);
        list.arrived(asked + ms(80), 2, true);
        list.arrived(asked + ms(81), 5, false);
        let asked = asked + ms(90);
        assert_eq!(list.due(asked), [4]);
        assert!(list.due(asked + ms(80)).is_empty(), "asked again within a round trip");
        assert_eq!(list.due(asked + ms(110)), [4]);
    }

    #[test]
    fn what_never_comes_is_given_up() {
        let (start, mut list) = (Instant::now(), NackList::new());
        list.arrived(start, 1, false);
        list.arrived(start, 3, false);
        let requests: usize = (0..300).map(|step| list.due(start + ms(step * 10)).len()).sum();
        assert_eq!(requests, usize::from(MAX_REQUESTS));
        assert_eq!((list.lost, list.deadline()), (1, None));
    }

    #[test]
    fn an_outage_is_left_to_the_next_keyframe() {
        let (now, mut list) = (Instant::now(), NackList::new());
        list.arrived(now, 1, false);
        list.arrived(now, 2000, false);
        assert_eq!((list.deadline(), list.lost), (None, 1998));
    }
}
