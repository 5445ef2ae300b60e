//! Puts sound packets back in order and decides, 20 ms at a time, what is played: no I/O, no clock, no codec.
//!
//! ```text
//! Waiting ──first packet has been here for the target──▶ Playing: one step a call of `next`
//!                                                          │  here            → Packet
//!                                                          │  the one after   → Recover, from the copy in it
//!                                                          │  neither         → Conceal
//!    ▲──────── the sender is far ahead: we were stopped ────┘
//! ```
//!
//! The delay follows the link in steps of a frame. When packets come so late that nothing is left to play, the next to
//! come is played although its turn was concealed, and the delay has grown; when more than the target has been
//! waiting for [`DRAIN_AFTER`], [`Step::Shorten`] says to squeeze two frames into one.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock::MediaTime;

/// How long the first packet waits, to be ready for a second one that is late.
pub const TARGET: Duration = Duration::from_millis(40);
/// Sound of one packet.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

/// Steps over which the buffer must have stayed too full before it is drained: 2 s.
const DRAIN_AFTER: u32 = 100;
/// Steps from one squeeze to the next, so that speech gets a tenth faster and no more.
const SQUEEZE_EVERY: u32 = 10;
/// A packet this far ahead means that playout stood still, asleep perhaps: 1 s.
const RESTART: u64 = 50;
/// How far back a packet may turn the clock when a newer one has come before it: half a second.
const MOST_BACK: u64 = 25;
/// No call counts this far; a peer that does is not worth an overflow.
const LAST_NUMBER: u64 = 1 << 48;
/// The most that is kept: 2 s, and a peer that sends more loses it.
const CAPACITY: usize = 100;

/// A packet that is ready to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoicePacket {
    /// Capture time of its first sample on the sender's 48 kHz clock.
    pub timestamp: u32,
    /// One Opus packet, opened.
    pub opus: Vec<u8>,
    /// It came along with a later packet.
    pub copy: bool,
}

/// What to do for the next 20 ms.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Nothing has come yet: silence that counts as nothing.
    Silence,
    Packet(VoicePacket),
    /// Too much is waiting: decode both and fade from the first into the second.
    Shorten(VoicePacket, VoicePacket),
    /// The packet is lost, and the one after it, which stays, carries a copy.
    Recover(&'a VoicePacket),
    Conceal,
}

/// What became of a packet that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Kept,
    /// Its turn is over, or it is a copy of what came before all that was waited for.
    Late,
    Duplicate,
}

/// The jitter buffer for sound. See the diagram above.
///
/// Packets go by the counter of their seal: it is authenticated, counts packets, and neither wraps nor starts anew.
#[derive(Debug)]
pub struct AudioJitter {
    packets: BTreeMap<u64, VoicePacket>,
    target: Duration,
    playing: Option<Playing>,
    /// The last one that was really played; what is older never will be.
    played: Option<u64>,
    /// The newest that ever came.
    newest: Option<u64>,
    /// When the packets of a wait began to come.
    waiting_since: Option<MediaTime>,
}

#[derive(Debug)]
struct Playing {
    next: u64,
    /// The least that was waiting in this stretch of steps, and how long the stretch is.
    least_waiting: u64,
    stretch: u32,
    /// How many frames are still to be squeezed out.
    surplus: u64,
}

impl AudioJitter {
    /// An empty buffer that holds sound back for `target`.
    pub fn new(target: Duration) -> Self {
        Self { packets: BTreeMap::new(), target, playing: None, played: None, newest: None, waiting_since: None }
    }

    /// Takes packet `number`, which arrived at `now`.
    pub fn insert(&mut self, now: MediaTime, number: u64, packet: VoicePacket) -> Arrival {
        if self.packets.contains_key(&number) {
            return Arrival::Duplicate;
        }
        if number > LAST_NUMBER || self.played.is_some_and(|played| number <= played) {
            return Arrival::Late;
        }
        let newest = self.newest.is_none_or(|newest| number > newest);
        match &mut self.playing {
            Some(playing) if number > playing.next + RESTART => self.wait_anew(),
            Some(playing) if number < playing.next => {
                let worth_it = newest || playing.next - number <= MOST_BACK;
                if !worth_it || !self.packets.is_empty() {
                    return Arrival::Late;
                }
                playing.next = number;
            }
            None if packet.copy && !self.packets.is_empty() => return Arrival::Late,
            _ => {}
        }
        self.waiting_since.get_or_insert(now);
        self.newest = self.newest.max(Some(number));
        self.packets.insert(number, packet);
        if self.packets.len() > CAPACITY {
            self.packets.pop_first();
        }
        Arrival::Kept
    }

    /// The next 20 ms of playout, which begin at `now`.
    pub fn next(&mut self, now: MediaTime) -> Step<'_> {
        let waiting = self.waiting();
        let enough = self.enough();
        self.start_when_due(now);
        let Some(playing) = &mut self.playing else { return Step::Silence };
        playing.least_waiting = playing.least_waiting.min(waiting);
        playing.stretch += 1;
        if playing.stretch >= DRAIN_AFTER {
            playing.surplus = playing.least_waiting.saturating_sub(enough);
            (playing.stretch, playing.least_waiting) = (0, u64::MAX);
        }
        let squeeze = playing.surplus > 0 && playing.stretch.is_multiple_of(SQUEEZE_EVERY);
        let number = playing.next;
        playing.next += 1;
        let Some(packet) = self.packets.remove(&number) else {
            return self.packets.get(&(number + 1)).map_or(Step::Conceal, Step::Recover);
        };
        self.played = Some(number);
        if squeeze && let Some(following) = self.packets.remove(&(number + 1)) {
            self.played = Some(number + 1);
            playing.next += 1;
            playing.surplus -= 1;
            return Step::Shorten(packet, following);
        }
        Step::Packet(packet)
    }

    /// How much sound is held back now, gaps included.
    pub fn delay(&self) -> Duration {
        FRAME_TIME * self.waiting() as u32
    }

    /// Changes how long sound is held back from the next wait on; what waits beyond it drains.
    pub fn set_target(&mut self, target: Duration) {
        self.target = target;
    }

    fn start_when_due(&mut self, now: MediaTime) {
        // Half a frame early is as near as a frame late: this is asked every 20 ms, whenever that falls.
        let begun = self.waiting_since.is_some_and(|since| now.since(since) + FRAME_TIME / 2 >= self.target);
        if let (None, true, Some((&last, _))) = (&self.playing, begun, self.packets.last_key_value()) {
            // What piled up while nobody played is old: it is not caught up with, it is left out.
            self.packets = self.packets.split_off(&(last + 1).saturating_sub(self.enough()));
            let next = *self.packets.first_key_value().expect("the last one stays").0;
            self.playing = Some(Playing { next, least_waiting: u64::MAX, stretch: 0, surplus: 0 });
        }
    }

    /// The most packets that wait when the delay is the target.
    fn enough(&self) -> u64 {
        self.target.as_millis().div_ceil(FRAME_TIME.as_millis()) as u64 + 1
    }

    /// How many packets lie between what plays next and the newest, lost ones included.
    fn waiting(&self) -> u64 {
        let next = self.playing.as_ref().map(|playing| playing.next).or(self.packets.keys().next().copied());
        match (next, self.packets.keys().next_back()) {
            (Some(next), Some(&last)) => (last + 1).saturating_sub(next).min(CAPACITY as u64),
            _ => 0,
        }
    }

    fn wait_anew(&mut self) {
        self.packets.clear();
        self.playing = None;
        self.waiting_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: MediaTime = MediaTime(1_000_000);

    fn packet(tag: u64) -> VoicePacket {
        VoicePacket { timestamp: tag as u32 * 960, opus: tag.to_be_bytes().to_vec(), copy: false }
    }

    fn at(milliseconds: u64) -> MediaTime {
        START + Duration::from_millis(milliseconds)
    }

    fn tag(step: &Step) -> Option<u64> {
        match step {
            Step::Packet(packet) | Step::Shorten(_, packet) => Some(u64::from(packet.timestamp / 960)),
            _ => None,
        }
    }

    /// A buffer that plays, with three packets taken in and the first played.
    fn playing(first: u64) -> AudioJitter {
        let mut jitter = AudioJitter::new(TARGET);
        for index in 0..3 {
            assert_eq!(jitter.insert(at(20 * index), first + index, packet(first + index)), Arrival::Kept);
        }
        assert_eq!(tag(&jitter.next(at(40))), Some(first));
        jitter
    }

    #[test]
    fn the_first_packet_waits_for_the_target() {
        let mut jitter = AudioJitter::new(TARGET);
        assert_eq!(jitter.next(at(0)), Step::Silence);
        jitter.insert(at(0), 7, packet(7));
        assert_eq!(jitter.next(at(20)), Step::Silence);
        assert_eq!(tag(&jitter.next(at(40))), Some(7));
    }

    #[test]
    fn packets_that_overtook_each_other_come_out_in_order() {
        let mut jitter = AudioJitter::new(TARGET);
        for number in [4, 6, 5] {
            jitter.insert(at(0), number, packet(number));
        }
        assert_eq!(tag(&jitter.next(at(40))), Some(4));
        for number in [7, 9, 8] {
            jitter.insert(at(50), number, packet(number));
        }
        let played: Vec<_> = (3..8).map(|step| tag(&jitter.next(at(20 * step)))).collect();
        assert_eq!(played, [5, 6, 7, 8, 9].map(Some));
    }

    #[test]
    fn a_lost_packet_is_recovered_from_the_one_after_it() {
        let mut jitter = playing(0);
        jitter.insert(at(80), 4, packet(4));
        assert_eq!(tag(&jitter.next(at(60))), Some(1));
        assert_eq!(tag(&jitter.next(at(80))), Some(2));
        assert_eq!(jitter.next(at(100)), Step::Recover(&packet(4)));
        assert_eq!(tag(&jitter.next(at(120))), Some(4));
    }

    #[test]
    fn two_lost_packets_are_one_concealed_and_one_recovered() {
        let mut jitter = playing(0);
        jitter.insert(at(90), 5, packet(5));
        jitter.next(at(60));
        jitter.next(at(80));
        assert_eq!(jitter.next(at(100)), Step::Conceal);
        assert!(matches!(jitter.next(at(120)), Step::Recover(_)));
    }

    #[test]
    fn a_packet_after_its_turn_is_late_and_a_second_copy_is_a_duplicate() {
        let mut jitter = playing(10);
        assert_eq!(jitter.insert(at(50), 12, packet(12)), Arrival::Duplicate);
        assert_eq!(jitter.insert(at(50), 10, packet(10)), Arrival::Late);
        assert_eq!(jitter.insert(at(50), 9, packet(9)), Arrival::Late);
    }

    #[test]
    fn a_link_that_became_slower_makes_the_delay_grow_instead_of_losing_everything() {
        let mut jitter = playing(0);
        jitter.next(at(60));
        jitter.next(at(80));
        assert_eq!(jitter.next(at(100)), Step::Conceal);
        assert_eq!(jitter.next(at(120)), Step::Conceal);
        assert_eq!(jitter.insert(at(130), 3, packet(3)), Arrival::Kept);
        assert_eq!(jitter.insert(at(130), 4, packet(4)), Arrival::Kept);
        assert_eq!(tag(&jitter.next(at(140))), Some(3));
        assert_eq!(tag(&jitter.next(at(160))), Some(4));
    }

    #[test]
    fn what_waits_for_two_seconds_beyond_the_target_is_squeezed_out() {
        let mut jitter = playing(0);
        let mut squeezed = 0;
        let mut number = 3;
        for burst in 0..5 {
            jitter.insert(at(50), 3 + burst, packet(3 + burst));
            number += 1;
        }
        for step in 0..1000u64 {
            jitter.insert(at(60 + 20 * step), number, packet(number));
            number += 1;
            squeezed += usize::from(matches!(jitter.next(at(60 + 20 * step)), Step::Shorten(..)));
        }
        assert_eq!(squeezed, 5);
        assert_eq!(jitter.delay(), FRAME_TIME * 2);
    }

    #[test]
    fn a_peer_that_stood_still_is_heard_again_at_once() {
        let mut jitter = playing(0);
        (3..100).for_each(|step| _ = jitter.next(at(20 * step)));
        assert_eq!(jitter.insert(at(2000), 4, packet(4)), Arrival::Kept);
        assert_eq!(tag(&jitter.next(at(2000))), Some(4));
    }

    #[test]
    fn a_number_that_no_call_reaches_is_refused() {
        let mut jitter = playing(0);
        assert_eq!(jitter.insert(at(50), u64::MAX, packet(0)), Arrival::Late);
        assert_eq!(tag(&jitter.next(at(60))), Some(1));
    }

    #[test]
    fn what_piled_up_before_the_first_step_is_left_out() {
        let mut jitter = AudioJitter::new(TARGET);
        for number in 0..40 {
            jitter.insert(at(20 * number), number, packet(number));
        }
        assert_eq!(tag(&jitter.next(at(800))), Some(37));
    }

    #[test]
    fn after_a_standstill_playout_waits_and_goes_on_with_what_is_new() {
        let mut jitter = playing(0);
        jitter.insert(at(100), 30_000, packet(30_000));
        assert_eq!(jitter.next(at(120)), Step::Silence);
        assert_eq!(tag(&jitter.next(at(140))), Some(30_000));
    }

    proptest! {
        #[test]
        fn nothing_is_played_twice_or_out_of_order(arrivals in proptest::collection::vec((0u64..400, 0u64..60), 0..300)) {
            let mut jitter = AudioJitter::new(TARGET);
            let (mut now, mut last) = (START, None);
            for (number, wait) in arrivals {
                now = now + Duration::from_millis(wait);
                jitter.insert(now, number, packet(number));
                for _ in 0..wait / 20 {
                    if let Some(tag) = tag(&jitter.next(now)) {
                        prop_assert!(last.is_none_or(|last| tag > last));
                        last = Some(tag);
                    }
                }
                prop_assert!(jitter.packets.len() <= CAPACITY);
            }
        }
    }
}
