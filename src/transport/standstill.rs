//! When a picture leaves although the path is full. Pure: `now` is an argument.
//!
//! Where a path becomes narrow by much, what is on its way fills the queue before it within a quarter of a second. If the other direction did
//! the same, what would tell of it lies in that one's queue for most of a second more, and so long nothing leaves but sound. A small picture
//! that needs nothing of what lies there finds room behind it, and is shown right after the last one that came through. `abandon` says the
//! same from what reports tell of losses; here it is that nothing is told.

use std::time::{Duration, Instant};

use super::bandwidth::{Estimate, PacketFate};

/// The newest packet that is known to have arrived left this much longer ago than a round trip, and nothing at all was said for so long.
const LATE: Duration = Duration::from_millis(200);
const SILENT: Duration = Duration::from_millis(120);
/// From one picture to the next, and how many there are: what waits longer is no queue that is about to be empty.
const APART: Duration = Duration::from_millis(150);
const MOST: u32 = 3;
/// Between two looks. After a longer pause it is this computer that stood still, and reports may lie here.
const PAUSE: Duration = Duration::from_millis(100);
/// Until something is told of that left after a picture was let through, nothing else goes in, for so long at the most: what is not out of a
/// path by then, nobody will tell of.
const HOLD: Duration = Duration::from_millis(1200);
/// A path moves again once reports have been of packets that are no older than this beyond a round trip, for so long.
const FRESH: Duration = Duration::from_millis(100);
const MOVES: Duration = Duration::from_millis(1000);
/// On a path of less, what lies in it is no more than a few small pictures anyway.
const ENOUGH_KBPS: u32 = 600;

/// What reports say of how a path moves.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    reported: Option<Instant>,
    /// When the newest packet left that arrived.
    newest: Option<Instant>,
    /// Since when reports are fresh.
    fresh: Option<Instant>,
    /// Since when more than the window is under way, and when that was looked at last.
    full: Option<Instant>,
    looked: Option<Instant>,
    /// How many pictures were let through since the path moved last, and when the last of them was.
    pictures: u32,
    last: Option<Instant>,
    stands: bool,
}

impl Standstill {
    /// Takes what a report says became of packets.
    pub fn report(&mut self, now: Instant, fates: &[PacketFate], round_trip: Option<Duration>) {
        let arrived = fates.iter().filter(|fate| fate.arrived.is_some()).map(|fate| fate.sent);
        (self.reported, self.newest) = (Some(now), arrived.chain(self.newest).max());
        let age = self.newest.map(|sent| now.saturating_duration_since(sent));
        if age.zip(round_trip).is_none_or(|(age, round_trip)| age >= round_trip + FRESH) {
            self.fresh = None;
        } else if now.saturating_duration_since(*self.fresh.get_or_insert(now)) >= MOVES {
            self.pictures = 0;
        }
    }

    /// Looks at the path, with `in_flight` bytes on it and `waiting` ones before it. True, once for each picture: what waits is to be left out
    /// for a picture that needs nothing of what lies in the path.
    pub fn look(
        &mut self,
        now: Instant,
        estimate: &Estimate,
        round_trip: Option<Duration>,
        (in_flight, waiting): (usize, usize),
    ) -> bool {
        let since = |at: Option<Instant>| at.map(|at| now.saturating_duration_since(at));
        let paused = since(self.looked.replace(now)).is_some_and(|pause| pause > PAUSE);
        self.full = (in_flight > estimate.window).then(|| self.full.filter(|_| !paused).unwrap_or(now));
        let Some(round_trip) = round_trip else { return false };
        let late = since(self.newest).is_some_and(|age| age > round_trip + LATE);
        let silent = since(self.reported).is_some_and(|silent| silent >= SILENT);
        // What was let through before has left.
        let may = self.pictures == 0 || self.pictures < MOST && waiting == 0 && since(self.last) > Some(APART);
        let through = late && silent && may && since(self.full) >= Some(round_trip) && estimate.target_kbps > ENOUGH_KBPS;
        if through {
            (self.pictures, self.last, self.fresh) = (self.pictures + 1, Some(now), None);
        }
        self.stands = late && self.newest < self.last && since(self.last).is_some_and(|last| last < HOLD);
        through
    }

    /// Whether nothing has come through since a picture was let through, as of the last look: nothing else goes in.
    pub fn stands(&self) -> bool {
        self.stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(60);
    const MUCH: usize = 60_000;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn estimate(target_kbps: u32) -> Estimate {
        Estimate {
            target_kbps,
            delivered_kbps: target_kbps,
            loss_percent: 0.0,
            chance_loss_percent: 0.0,
            queue_ms: 0.0,
            window: 50_000,
            pace_kbps: target_kbps,
            deaf: false,
        }
    }

    /// A path of which every 40 ms something was said, of a packet that left a round trip before, until two seconds in.
    fn moving() -> (Instant, Standstill) {
        let (start, mut standstill) = (Instant::now(), Standstill::default());
        (0..=50).for_each(|number| tell(&mut standstill, start, 40 * number, 60));
        (start, standstill)
    }

    /// A report at `at` ms, of a packet that left `before` ms earlier.
    fn tell(standstill: &mut Standstill, start: Instant, at: u64, before: u64) {
        let sent = (start + ms(at)).checked_sub(ms(before)).unwrap();
        let fate = PacketFate { ssrc: 1, sent, arrived: Some(ms(at)), bytes: 1000, probe: false };
        standstill.report(start + ms(at), &[fate], Some(ROUND_TRIP));
    }

    /// When pictures leave from two seconds on, looked at every 10 ms for a second.
    fn pictures(start: Instant, standstill: &mut Standstill, kbps: u32, in_flight: usize) -> Vec<u64> {
        let leaves = |at: &u64| standstill.look(start + ms(*at), &estimate(kbps), Some(ROUND_TRIP), (in_flight, 0));
        (2000..3000).step_by(10).filter(leaves).collect()
    }

    #[test]
    fn where_nothing_is_said_of_a_full_path_a_few_pictures_leave_after_a_moment() {
        let (start, mut standstill) = moving();
        assert_eq!(pictures(start, &mut standstill, 2000, MUCH), [2210, 2370, 2530]);
    }

    #[test]
    fn nothing_else_leaves_until_something_new_is_said_of_the_path() {
        let (start, mut standstill) = moving();
        assert!(!standstill.stands());
        pictures(start, &mut standstill, 2000, MUCH);
        standstill.look(start + ms(3000), &estimate(2000), Some(ROUND_TRIP), (20_000, 0));
        assert!(standstill.stands(), "with room, too");
        standstill.look(start + ms(3800), &estimate(2000), Some(ROUND_TRIP), (0, 0));
        assert!(!standstill.stands(), "but not for ever");
        let (start, mut standstill) = moving();
        pictures(start, &mut standstill, 2000, MUCH);
        tell(&mut standstill, start, 3010, 60);
        standstill.look(start + ms(3020), &estimate(2000), Some(ROUND_TRIP), (MUCH, 0));
        assert!(!standstill.stands());
    }

    #[test]
    fn a_path_with_room_or_with_little_to_lie_in_it_needs_none() {
        for (kbps, in_flight) in [(2000, 20_000), (400, MUCH)] {
            let (start, mut standstill) = moving();
            assert_eq!(pictures(start, &mut standstill, kbps, in_flight), [0u64; 0], "{kbps} kbit/s");
        }
    }

    #[test]
    fn a_picture_is_not_cut_off_by_the_next_and_a_computer_that_stood_still_lets_none_through() {
        let (start, mut standstill) = moving();
        let mut look = |at, waiting| standstill.look(start + ms(at), &estimate(2000), Some(ROUND_TRIP), (MUCH, waiting));
        let through: Vec<u64> = (2000..3000).step_by(10).filter(|at| look(*at, if *at < 2600 { 900 } else { 0 })).collect();
        assert_eq!(through, [2210, 2600, 2760]);
        let (start, mut standstill) = moving();
        let mut look = |at| standstill.look(start + ms(at), &estimate(2000), Some(ROUND_TRIP), (MUCH, 0));
        assert!(!look(2010) && !look(2300) && !look(2350), "nobody has read what came meanwhile");
        assert!(look(2360), "a round trip later");
    }

    #[test]
    fn a_round_trip_that_became_longer_is_no_standstill() {
        let (start, mut standstill) = moving();
        assert_eq!(pictures(start, &mut standstill, 2000, MUCH).len(), 3);
        tell(&mut standstill, start, 3010, 460);
        standstill.look(start + ms(3020), &estimate(2000), Some(ROUND_TRIP), (20_000, 0));
        assert!(!standstill.stands(), "what left after the last one came through");
    }

    #[test]
    fn old_news_every_moment_are_a_queue_that_moves() {
        let (start, mut standstill) = moving();
        for at in (2000..3000).step_by(40) {
            tell(&mut standstill, start, at, 700);
            assert!(!standstill.look(start + ms(at + 39), &estimate(2000), Some(ROUND_TRIP), (MUCH, 0)));
        }
    }

    #[test]
    fn a_path_that_moved_for_a_second_may_stand_still_again() {
        let (start, mut standstill) = moving();
        pictures(start, &mut standstill, 2000, MUCH);
        let again = |standstill: &mut Standstill, at| {
            let leaves = |at: &u64| standstill.look(start + ms(*at), &estimate(2000), Some(ROUND_TRIP), (MUCH, 0));
            (at..at + 1000).step_by(10).filter(leaves).count()
        };
        (0..20).for_each(|number| tell(&mut standstill, start, 3000 + 40 * number, 60));
        assert_eq!(again(&mut standstill, 3800), 0, "not a second yet");
        (0..30).for_each(|number| tell(&mut standstill, start, 5000 + 40 * number, 60));
        assert_eq!(again(&mut standstill, 6200), 3);
    }
}
