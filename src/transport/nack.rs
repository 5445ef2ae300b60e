//! What did not arrive, and when to ask for it again. Pure.
//!
//! A gap is asked for once reordering had its chance, whether or not parity may bring it, for waiting for that costs all that parity does
//! not bring back; then again after a round trip, which is learnt from the answers: asking sooner only makes the sender send twice.
//! Where what we send gets lost, too, each request is sent a second time a moment later, which costs next to nothing: the sender
//! answers one of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::loss_runs::APART;

/// Time for a packet that was only overtaken to still turn up.
const REORDERING: Duration = Duration::from_millis(4);
/// Never ask for the same packet sooner than this.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// Ask this often, then leave it to the next keyframe.
const MAX_REQUESTS: u8 = 8;
/// A packet that would come later than this is of no use: the picture has moved on. Four round trips, within these.
const GIVE_UP: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(1000));
/// A longer gap is an outage, not a loss: only a keyframe helps.
const MAX_GAP: u64 = 400;
/// More than this in all is an outage in pieces, or numbers that somebody made up; the list is walked for each packet.
const MOST_MISSING: u64 = 1024;
/// Most packets named in one request, so that it fits a datagram.
const MAX_A_REQUEST: usize = 64;

/// The packets of one stream that are missing.
#[derive(Debug, Default)]
pub struct NackList {
    /// Highest sequence number seen, counted on past 16 bits.
    highest: Option<u64>,
    missing: BTreeMap<u64, Missing>,
    round_trip: Option<Duration>,
    /// Requests get lost.
    twice: bool,
    /// Packets that were given up and not yet [told](Self::take_lost).
    lost: u64,
}

#[derive(Debug)]
struct Missing {
    since: Instant,
    ask_at: Instant,
    asked: Option<Instant>,
    /// When the last request is to be sent a second time.
    again: Option<Instant>,
    requests: u8,
}

impl Missing {
    fn is_due(&self, now: Instant) -> bool {
        self.ask_at <= now || self.again.is_some_and(|again| again <= now)
    }
}

impl NackList {
    /// A list of a stream that nobody has seen yet.
    pub fn new() -> Self {
        Self::default()
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
            self.miss(now, highest + 1..number);
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

    /// Notes that the packets up to `sequence` were sent, as parity says of them. Those that are not there are missing.
    pub fn sent(&mut self, now: Instant, sequence: u16) {
        let Some(highest) = self.highest else { return };
        let ahead = sequence.wrapping_sub(highest as u16) as i16;
        if ahead > 0 {
            self.highest = Some(highest + ahead as u64);
            self.miss(now, highest + 1..highest + 1 + ahead as u64);
        }
    }

    /// How long an answer takes, as long as none has come.
    pub fn guess_round_trip(&mut self, round_trip: Duration) {
        self.round_trip.get_or_insert(round_trip);
    }

    /// Whether requests get lost, as all that we send.
    pub fn ask_twice(&mut self, twice: bool) {
        self.twice = twice;
    }

    fn miss(&mut self, now: Instant, gap: std::ops::Range<u64>) {
        let (length, waiting) = (gap.end - gap.start, self.missing.len() as u64);
        if length > MAX_GAP || length + waiting > MOST_MISSING {
            self.lost += length + waiting;
            self.missing.clear();
            return;
        }
        let ask_at = now + REORDERING;
        self.missing.extend(gap.map(|number| (number, Missing { since: now, ask_at, asked: None, again: None, requests: 0 })));
    }

    /// The packets to ask for now. Gives up on those that were asked for too often or are too old.
    pub fn due(&mut self, now: Instant) -> Vec<u16> {
        let before = self.missing.len();
        let give_up = self.round_trip.map_or(GIVE_UP.1, |round_trip| (round_trip * 4).clamp(GIVE_UP.0, GIVE_UP.1));
        self.missing.retain(|_, missing| {
            now.saturating_duration_since(missing.since) < give_up && (missing.requests < MAX_REQUESTS || missing.ask_at > now)
        });
        self.lost += (before - self.missing.len()) as u64;

        let wait = self.round_trip.map_or(SHORTEST_WAIT, |round_trip| round_trip + round_trip / 4 + REORDERING);
        let wait = wait.clamp(SHORTEST_WAIT, LONGEST_WAIT);
        let again = (self.twice && wait > APART * 2).then_some(now + APART);
        let due = self.missing.iter_mut().filter(|(_, missing)| missing.is_due(now)).take(MAX_A_REQUEST);
        due.map(|(number, missing)| {
            missing.again = None;
            if missing.ask_at <= now {
                missing.requests += 1;
                (missing.asked, missing.again, missing.ask_at) = (Some(now), again, now + wait);
            }
            *number as u16
        })
        .collect()
    }

    /// How many packets were given up since this was asked last.
    pub fn take_lost(&mut self) -> u64 {
        std::mem::take(&mut self.lost)
    }

    /// When [`due`](Self::due) has something to do next.
    pub fn deadline(&self) -> Option<Instant> {
        self.missing.values().map(|missing| missing.again.map_or(missing.ask_at, |again| again.min(missing.ask_at))).min()
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
        assert_eq!((list.take_lost(), list.deadline()), (1, None));
    }

    #[test]
    fn the_last_of_a_picture_is_missed_where_its_parity_came() {
        let (now, mut list) = (Instant::now(), NackList::new());
        list.arrived(now, 1, false);
        list.sent(now, 3);
        list.arrived(now + ms(2), 2, false);
        assert_eq!(list.due(now + REORDERING), [3]);
    }

    #[test]
    fn where_requests_get_lost_each_is_sent_a_second_time_before_the_next() {
        let asked = |twice| {
            let (start, mut list) = (Instant::now(), NackList::new());
            list.guess_round_trip(ms(80));
            list.ask_twice(twice);
            list.arrived(start, 1, false);
            list.arrived(start, 3, false);
            (0..150).filter(|at| !list.due(start + ms(*at)).is_empty()).collect::<Vec<u64>>()
        };
        assert_eq!(asked(false), [4, 108]);
        assert_eq!(asked(true), [4, 24, 108, 128]);
    }

    #[test]
    fn an_outage_is_left_to_the_next_keyframe() {
        let (now, mut list) = (Instant::now(), NackList::new());
        list.arrived(now, 1, false);
        list.arrived(now, 2000, false);
        assert_eq!((list.deadline(), list.take_lost(), list.take_lost()), (None, 1998, 0));
    }

    #[test]
    fn gaps_that_are_too_many_together_are_left_to_the_next_keyframe_too() {
        let (now, mut list) = (Instant::now(), NackList::new());
        let (mut most, mut lost) = (0u64, 0u64);
        for jump in 0..300u16 {
            list.arrived(now, jump.wrapping_mul(401), false);
            most = most.max(list.missing.len() as u64);
            lost += list.take_lost();
        }
        assert!(most <= MOST_MISSING, "{most} are waited for");
        assert_eq!(lost + list.missing.len() as u64, 299 * 400, "none of them is forgotten");
    }
}
