//! How long sound is held back: as little as catches what the link does, and back to little soon after.
//!
//! ```text
//!   most of the packets ──▶ the delay that catches 98 of a hundred
//!   packets that were lost and came back as copies ──▶ the delay that catches all but one of a thousand
//!   spikes that come again ──▶ as high as they were, within limits, until they stay away
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use super::clock::MediaTime;
use super::delay_histogram::DelayHistogram;

/// The target on a clean link: a packet's length and a little, so that the copy in the next packet is in time for one that got lost now and
/// then, and nothing is stretched for it.
pub const LEAST: Duration = Duration::from_millis(26);
/// A conversation ends where each waits longer than this to hear the other.
pub const MOST: Duration = Duration::from_millis(400);
/// For spikes less: pictures wait with the sound, and with the path and both computers' work they are then shown within 300 ms.
const MOST_FOR_SPIKES: Duration = Duration::from_millis(280);
/// The grain in which sound is asked for comes on top of what packets need.
const GRAIN: Duration = Duration::from_millis(5);
/// What a call starts with, until some packets have told better.
const PRIOR: (Duration, u32) = (Duration::from_millis(27), 12);

/// Entries that count: 3.4 s, and 20 s for what is rare.
const PACKETS: u32 = 170;
const COPIES: u32 = 1000;
const SHARE: f64 = 0.98;
/// One that came very late may be one that never does again; two of a thousand are not.
const COPY_SHARE: f64 = 0.9985;

/// A packet this much later than almost all others belongs to a spike.
const SPIKE: Duration = Duration::from_millis(100);
/// And counts as this much later than them: a little of what one spike was is kept for the next.
const OF_A_SPIKE: Duration = Duration::from_millis(60);
/// Packets held up together follow each other within this time, and come within that: a path that becomes narrow once is one spike for
/// as long as its queue takes to drain.
const SPIKE_LASTS: Duration = Duration::from_millis(600);
const SPIKE_MOST: Duration = Duration::from_millis(1800);
/// Packets in time for this long are a calm between two spikes.
const CALM: Duration = Duration::from_millis(200);
/// Two spikes within this time are prepared for: less at a call's beginning, when paths come and go.
const SPIKE_MEMORY: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(12));

/// Follows the link and says how late sound should be played.
#[derive(Debug)]
pub struct DelayTarget {
    packets: DelayHistogram,
    copies: DelayHistogram,
    spikes: VecDeque<Spike>,
    /// When the first packet came.
    began: Option<MediaTime>,
    target: Duration,
}

/// Packets that were held up together.
#[derive(Debug)]
struct Spike {
    since: MediaTime,
    /// The last packet that was held up.
    last: MediaTime,
    height: Duration,
    /// The most that was usual before it.
    usual: Duration,
    /// No calm lies between it and the one before: a queue drains that is longer than most.
    goes_on: bool,
}

impl Spike {
    /// How long it may last before what comes is usual, now that a packet is that late: twice as long if its queue drains all the while.
    fn most(&self, lateness: Duration) -> Duration {
        if lateness * 3 < self.height * 2 { SPIKE_MOST * 2 } else { SPIKE_MOST }
    }
}

impl Default for DelayTarget {
    fn default() -> Self {
        let mut packets = DelayHistogram::new(PACKETS);
        (0..PRIOR.1).for_each(|_| packets.add(PRIOR.0));
        let mut target =
            Self { packets, copies: DelayHistogram::of_a_call(COPIES), began: None, spikes: VecDeque::new(), target: LEAST };
        target.decide(MediaTime::default());
        target
    }
}

impl DelayTarget {
    /// A packet was there for the first time at `now`, that late; `copy`: a later packet brought it, the original was lost.
    pub fn note(&mut self, now: MediaTime, lateness: Duration, copy: bool) {
        let age = now.since(*self.began.get_or_insert(now));
        let memory = (age / 2).clamp(SPIKE_MEMORY.0, SPIKE_MEMORY.1);
        self.spikes.retain(|spike| now.since(spike.since) <= memory);
        // One spike holds up many packets at once, and copies with them; that does not make it usual.
        if copy {
            let held_up = self.spike(now, lateness).is_some_and(|spike| lateness > spike.usual + SPIKE);
            self.copies.add(if held_up { Duration::ZERO } else { lateness });
        } else {
            self.copies.add(Duration::ZERO);
            let usual = self.most_usual(now, lateness);
            // Without a calm before it, it may be a path that stays longer.
            let goes_on = self.spike(now, lateness).is_some_and(|spike| spike.goes_on);
            self.packets.add(lateness.min(usual + if goes_on { SPIKE } else { OF_A_SPIKE }));
        }
        self.decide(now);
    }

    /// How late sound should be played, counted as [`Lateness`](super::lateness::Lateness) counts.
    pub fn get(&self) -> Duration {
        self.target
    }

    /// The most that is usual, before the spike that lasts if there is one. What is later than all that begins one.
    fn most_usual(&mut self, now: MediaTime, lateness: Duration) -> Duration {
        if let Some(spike) = self.spike(now, lateness) {
            spike.height = spike.height.max(lateness);
            if lateness > spike.usual + SPIKE {
                spike.last = now;
            }
            return spike.usual;
        }
        let usual = self.packets.quantile(SHARE);
        if lateness > usual + SPIKE {
            let goes_on = self.spikes.back().is_some_and(|before| now.since(before.last) < CALM);
            self.spikes.push_back(Spike { since: now, last: now, height: lateness, usual, goes_on });
        }
        usual
    }

    /// The spike that lasts, if one does.
    fn spike(&mut self, now: MediaTime, lateness: Duration) -> Option<&mut Spike> {
        let lasts = |spike: &&mut Spike| now.since(spike.last) < SPIKE_LASTS && now.since(spike.since) < spike.most(lateness);
        self.spikes.back_mut().filter(lasts)
    }

    /// Whether another spike is likely: the next comes as soon after the last as that came after the one before, or half as long again. To
    /// wait for it any longer is not worth a conversation in which each waits for the other.
    fn next_is_near(&self, now: MediaTime) -> bool {
        let mut last_first = self.spikes.iter().rev().filter(|spike| !spike.goes_on).map(|spike| spike.since);
        let (Some(last), Some(before)) = (last_first.next(), last_first.next()) else { return false };
        now.since(last) * 2 <= last.since(before) * 3
    }

    fn decide(&mut self, now: MediaTime) {
        let usual = self.packets.quantile(SHARE).max(self.copies.quantile(COPY_SHARE)) + GRAIN;
        let spiky = self.spikes.iter().map(|spike| spike.height + GRAIN).max().filter(|_| self.next_is_near(now));
        self.target = usual.max(spiky.unwrap_or_default().min(MOST_FOR_SPIKES)).clamp(LEAST, MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Feeds a packet every 20 ms from `from` to `to` seconds.
    fn feed(target: &mut DelayTarget, from: u64, to: u64, lateness: impl Fn(u64) -> (u64, bool)) -> Vec<Duration> {
        (from * 50..to * 50)
            .map(|n| {
                let (late, copy) = lateness(n);
                target.note(MediaTime(1_000_000) + ms(20 * n), ms(late), copy);
                target.get()
            })
            .collect()
    }

    #[test]
    fn a_clean_link_is_played_a_packet_late() {
        let mut target = DelayTarget::default();
        assert!(target.get() > LEAST, "nobody knows at first");
        feed(&mut target, 0, 10, |n| (n % 4, false));
        assert_eq!(target.get(), LEAST);
    }

    #[test]
    fn a_packet_that_comes_back_in_the_next_one_is_no_reason_to_stretch() {
        let mut target = DelayTarget::default();
        let way = feed(&mut target, 0, 30, |n| if n % 250 == 249 { (23, true) } else { (n % 4, false) });
        // What is off by 4 ms is near enough.
        let most = way[250..].iter().max().unwrap();
        assert!(*most <= LEAST + ms(4), "{most:?}");
    }

    #[test]
    fn jitter_is_caught_but_for_the_last_packets_of_a_hundred() {
        let mut target = DelayTarget::default();
        feed(&mut target, 0, 20, |n| (n * 37 % 60, false));
        assert!((ms(55)..=ms(70)).contains(&target.get()), "{:?}", target.get());
    }

    #[test]
    fn copies_of_lost_packets_are_waited_for_as_long_as_they_come() {
        let mut target = DelayTarget::default();
        feed(&mut target, 0, 20, |n| if n % 50 == 0 { (42, true) } else { (2, false) });
        assert!(target.get() >= ms(45), "{:?}", target.get());
        feed(&mut target, 20, 90, |n| (n % 3, false));
        assert_eq!(target.get(), LEAST);
    }

    #[test]
    fn a_single_copy_that_comes_far_later_than_all_others_is_not_waited_for() {
        let late = |again: u64| {
            let mut target = DelayTarget::default();
            let copies = |n: u64| match n {
                _ if n == 1500 || n == again => (120, true),
                _ if n.is_multiple_of(20) => (42, true),
                _ => (2, false),
            };
            feed(&mut target, 0, 35, copies);
            target.get()
        };
        assert!((ms(45)..=ms(60)).contains(&late(1500)), "{:?}", late(1500));
        assert!(late(1550) >= ms(120), "two are no chance: {:?}", late(1550));
    }

    #[test]
    fn a_single_spike_is_forgotten_soon_and_never_taken_whole() {
        let mut target = DelayTarget::default();
        let way = feed(&mut target, 0, 20, |n| if (500..525).contains(&n) { (500 - 20 * (n - 500), false) } else { (2, false) });
        assert!(way.iter().all(|target| *target <= ms(150)), "{:?}", way.iter().max());
        assert_eq!(way[999], LEAST);
    }

    #[test]
    fn a_path_that_becomes_narrow_once_is_waited_for_no_longer_than_seconds() {
        let mut target = DelayTarget::default();
        // A queue of 600 ms that takes a second and a half to drain.
        let narrow = |n: u64| if (500..575).contains(&n) { (600 - 8 * (n - 500), false) } else { (2, false) };
        let way = feed(&mut target, 0, 24, narrow);
        assert!(way.iter().all(|target| *target <= ms(150)), "{:?}", way.iter().max());
        assert_eq!(way[1199], LEAST);
    }

    #[test]
    fn copies_that_a_spike_held_up_say_nothing_of_the_next() {
        let mut target = DelayTarget::default();
        let spike = |n: u64| if (500..525).contains(&n) { (500 - 20 * (n - 500), n % 5 == 4) } else { (2, false) };
        let way = feed(&mut target, 0, 20, spike);
        assert!(way.iter().all(|target| *target <= ms(150)), "{:?}", way.iter().max());
        assert_eq!(way[999], LEAST);
    }

    #[test]
    fn a_long_queue_that_drains_is_one_spike() {
        let mut target = DelayTarget::default();
        // Three seconds: a rate that fell to a sixth, and a buffer that holds more than a second of it.
        let drains = |n: u64| if (500..650).contains(&n) { (1200 - 8 * (n - 500), false) } else { (2, false) };
        let way = feed(&mut target, 0, 30, drains);
        assert!(way.iter().all(|target| *target <= ms(260)), "{:?}", way.iter().max());
        assert!(way[900] <= ms(150), "five seconds later {:?}", way[900]);
    }

    #[test]
    fn spikes_that_follow_each_other_twice_a_second_are_not_taken_for_one() {
        let mut target = DelayTarget::default();
        feed(&mut target, 0, 10, |n| (n % 3, false));
        let spike = |n: u64| (300u64.saturating_sub(20 * (n % 25)).max(2), false);
        let way = feed(&mut target, 10, 13, spike);
        assert_eq!(way[149], MOST_FOR_SPIKES);
    }

    #[test]
    fn a_path_that_stays_longer_is_followed() {
        let mut target = DelayTarget::default();
        feed(&mut target, 0, 20, |n| (if n < 500 { 2 } else { 300 }, false));
        assert!(target.get() >= ms(300), "{:?}", target.get());
    }

    #[test]
    fn spikes_that_come_again_are_prepared_for_until_they_stay_away() {
        let mut target = DelayTarget::default();
        let spike = |n: u64| if n % 250 < 20 { (400 - 20 * (n % 250), false) } else { (2, false) };
        feed(&mut target, 1, 17, spike);
        assert_eq!(target.get(), MOST_FOR_SPIKES);
        feed(&mut target, 17, 40, |_| (2, false));
        assert_eq!(target.get(), LEAST);
    }

    #[test]
    fn two_spikes_close_together_are_not_waited_for_again_long_after() {
        let mut target = DelayTarget::default();
        let spike = |n: u64| if matches!(n, 1000..1020 | 1100..1120) { (400 - 20 * (n % 100), false) } else { (2, false) };
        let way = feed(&mut target, 0, 30, spike);
        let at = |second: usize| way[second * 50];
        assert!(at(24) == MOST_FOR_SPIKES && at(26) <= ms(150), "{:?} {:?}", at(24), at(26));
    }
}
