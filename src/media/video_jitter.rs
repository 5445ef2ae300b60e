//! Puts the pieces of frames together again, in order, and waits for a missing one only as long as a repair may take.
//!
//! A frame leaves the moment it is whole and nothing before it is missing. Where something is missing, what follows waits until
//! the piece comes, until a whole keyframe makes it needless, or until patience ends; then the gap is skipped and said aloud.

use super::clock::MediaTime;
use super::fragment::Piece;
use super::nal::MAX_UNIT;
use super::packet::IncomingPacket;
use std::collections::BTreeMap;
use std::time::Duration;

/// Packets that may wait. A peer that sends more than this past a gap loses it.
const MAX_PACKETS: usize = 4096;
/// Bytes that may wait, and that a frame may have.
const MAX_BYTES: usize = 4 * MAX_UNIT;
/// How far a packet may be from the newest one and still count as of the same run of numbers.
const MAX_JUMP: i64 = 8192;
/// A repair takes a round trip, the request's timer and a little.
const REPAIR: Duration = Duration::from_millis(30);
const LEAST_PATIENCE: Duration = Duration::from_millis(60);
/// A whole picture that is asked for instead takes a round trip, too, costs many usual ones, and all that waited are never shown: a second
/// try is waited for where it comes within this.
const TWO_TRIES: Duration = Duration::from_millis(300);
/// Even the first try is waited for only so long; beyond it, a whole picture is as near.
const ONE_TRY: Duration = Duration::from_millis(600);
/// A keyframe whose pieces come no further apart than this is on its way, on whatever narrow link.
const KEYFRAME_FLOWS: Duration = Duration::from_millis(250);
/// Before the first frame nobody knows of what is missing, so nobody repairs it: only reordering is waited for.
const FIRST_PATIENCE: Duration = Duration::from_millis(20);

/// A frame as the sender sealed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFrame {
    pub timestamp: u32,
    /// Clear, and authenticated as additional data when the frame is opened.
    pub keyframe: bool,
    /// Something between the frame before and this one was lost for good.
    pub after_loss: bool,
    pub data: Vec<u8>,
}

/// Counts over the call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JitterCounts {
    /// Packets that came a second time or after their gap was given up.
    pub late: u64,
    /// Packets that are none of ours.
    pub malformed: u64,
    /// Gaps that were given up.
    pub gaps: u64,
}

/// The reassembler of one stream.
#[derive(Debug)]
pub struct VideoJitter {
    /// By sequence number, counted on beyond 16 bits.
    waiting: BTreeMap<i64, Waiting>,
    bytes: usize,
    newest: Option<i64>,
    /// The number after the last frame that left; nothing before the first.
    next: Option<i64>,
    /// Of the last frame that left.
    timestamp: Option<u32>,
    lost: bool,
    patience: Duration,
    spare: Vec<u8>,
    counts: JitterCounts,
}

#[derive(Debug)]
struct Waiting {
    timestamp: u32,
    arrived: MediaTime,
    piece: Piece,
}

impl Default for VideoJitter {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            bytes: 0,
            newest: None,
            next: None,
            timestamp: None,
            lost: false,
            patience: Duration::from_millis(150),
            spare: Vec::new(),
            counts: JitterCounts::default(),
        }
    }
}

impl VideoJitter {
    /// Sets the round trip time, which bounds how long a repair is waited for.
    pub fn set_rtt(&mut self, rtt: Duration) {
        let (one, two) = (rtt + REPAIR, rtt * 2 + REPAIR + rtt / 4);
        let worth_it = [(two, TWO_TRIES), (one, ONE_TRY)].into_iter().find(|(takes, most)| takes <= most);
        self.patience = worth_it.map_or(LEAST_PATIENCE, |(takes, _)| takes.max(LEAST_PATIENCE));
    }

    /// How long a repair is waited for.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// The counts so far.
    pub fn counts(&self) -> JitterCounts {
        self.counts
    }

    /// Takes a packet, in whatever order they come.
    pub fn push(&mut self, packet: IncomingPacket) {
        let Some(piece) = Piece::parse(&packet.payload) else {
            self.counts.malformed += 1;
            return;
        };
        let number = self.extend(packet.sequence);
        if self.next.is_some_and(|next| number < next) && self.is_newer(packet.timestamp) {
            // Older by number and newer by time: the numbers began anew, on another path.
            self.restart();
            self.newest = Some(number);
        }
        if self.next.is_some_and(|next| number < next) || self.waiting.contains_key(&number) {
            self.counts.late += 1;
            return;
        }
        self.bytes += piece.body.len();
        self.waiting.insert(number, Waiting { timestamp: packet.timestamp, arrived: packet.arrived, piece });
        if self.waiting.len() > MAX_PACKETS || self.bytes > MAX_BYTES {
            self.restart();
        }
    }

    /// The next frame that may leave at `now`.
    pub fn pop(&mut self, now: MediaTime) -> Option<SealedFrame> {
        loop {
            self.begin();
            match self.run(self.next.or_else(|| self.waiting.keys().next().copied())?) {
                Run::Whole { first, end } if self.next.is_some() => return Some(self.take(first, end)),
                Run::Broken(at) if self.next.is_some() => {
                    self.counts.malformed += 1;
                    self.skip_to(at);
                    continue;
                }
                _ => {}
            }
            if let Some((first, end)) = self.whole_keyframe() {
                self.skip_to(first);
                return Some(self.take(first, end));
            }
            if self.deadline().is_none_or(|deadline| now < deadline) {
                return None;
            }
            self.give_up();
        }
    }

    /// When [`pop`](Self::pop) may have something new to say although nothing came.
    pub fn deadline(&self) -> Option<MediaTime> {
        let first = self.next.or_else(|| self.waiting.keys().next().map(|first| first - 1))?;
        let behind = self.waiting.range(first..).zip(first..).find(|((number, _), expected)| **number != *expected);
        let patience = if self.next.is_some() { self.patience } else { FIRST_PATIENCE };
        behind.map(|((_, packet), _)| packet.arrived + patience)
    }

    /// Whether pieces of a keyframe are coming in at `now`: another one would only be in their way.
    pub fn keyframe_is_coming(&self, now: MediaTime) -> bool {
        let newest = self.waiting.values().filter(|packet| packet.piece.keyframe).map(|packet| packet.arrived).max();
        newest.is_some_and(|arrived| now.since(arrived) < self.patience.max(KEYFRAME_FLOWS))
    }

    /// Whether something was lost for good since the last frame left.
    pub fn has_loss(&self) -> bool {
        self.lost
    }

    /// Gives a buffer back, for the next frame.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare = buffer;
    }

    fn extend(&mut self, sequence: u16) -> i64 {
        // The first is far from zero, for those before it.
        let newest = self.newest.unwrap_or(i64::from(sequence) + (1 << 20));
        let number = newest + i64::from(sequence.wrapping_sub(newest as u16) as i16);
        if (number - newest).abs() > MAX_JUMP {
            self.restart();
            self.newest = Some(number);
        } else {
            self.newest = Some(newest.max(number));
        }
        number
    }

    fn is_newer(&self, timestamp: u32) -> bool {
        self.timestamp.is_some_and(|last| (timestamp.wrapping_sub(last) as i32) > 0)
    }

    /// Forgets everything that waits: only a keyframe helps now.
    fn restart(&mut self) {
        self.waiting.clear();
        self.bytes = 0;
        self.next = None;
        self.lose();
    }

    fn lose(&mut self) {
        self.lost = true;
        self.counts.gaps += 1;
    }

    /// Before the first frame: begins at the first start of a keyframe.
    fn begin(&mut self) {
        if self.next.is_none() {
            let first = self.waiting.iter().find(|(_, packet)| packet.piece.start && packet.piece.keyframe);
            if let Some(first) = first.map(|(number, _)| *number) {
                self.skip_to(first);
            }
        }
    }

    /// How far the frame that should start at `first` goes on without a gap.
    fn run(&self, first: i64) -> Run {
        let mut timestamp = None;
        for ((number, packet), expected) in self.waiting.range(first..).zip(first..) {
            if *number != expected {
                return Run::Open;
            }
            if packet.piece.start != (*number == first) || packet.timestamp != *timestamp.get_or_insert(packet.timestamp) {
                return Run::Broken((*number).max(first + 1));
            }
            if packet.piece.end {
                return Run::Whole { first, end: *number };
            }
        }
        Run::Open
    }

    /// The newest keyframe that is whole.
    fn whole_keyframe(&self) -> Option<(i64, i64)> {
        let starts = self.waiting.iter().rev().filter(|(_, packet)| packet.piece.start && packet.piece.keyframe);
        starts.map(|(number, _)| self.run(*number)).find_map(|run| match run {
            Run::Whole { first, end } => Some((first, end)),
            Run::Open | Run::Broken(_) => None,
        })
    }

    /// Takes the pieces of a whole frame out.
    fn take(&mut self, first: i64, end: i64) -> SealedFrame {
        let mut data = std::mem::take(&mut self.spare);
        data.clear();
        let head = &self.waiting[&first];
        let (timestamp, keyframe) = (head.timestamp, head.piece.keyframe);
        for number in first..=end {
            let packet = self.remove(number).expect("the run was found whole");
            data.extend_from_slice(&packet.piece.body);
        }
        (self.next, self.timestamp) = (Some(end + 1), Some(timestamp));
        SealedFrame { timestamp, keyframe, after_loss: std::mem::take(&mut self.lost), data }
    }

    /// Skips what is missing: goes on at the next start of a frame. Before the first frame, everything goes.
    fn give_up(&mut self) {
        let after_hole = match self.next {
            // The head is there, but its frame has a hole.
            Some(next) if self.waiting.contains_key(&next) => next + 1,
            Some(next) => next,
            None => return self.restart(),
        };
        let start = self.waiting.range(after_hole..).find(|(_, packet)| packet.piece.start).map(|(number, _)| *number);
        self.skip_to(start.unwrap_or(self.newest.map_or(after_hole, |newest| newest + 1)));
    }

    /// Goes on at `start`; if that leaves something out, it is lost.
    fn skip_to(&mut self, start: i64) {
        while let Some(number) = self.waiting.keys().next().copied().filter(|number| *number < start) {
            self.remove(number);
        }
        if self.next.replace(start).is_some_and(|next| next != start) {
            self.lose();
        }
    }

    fn remove(&mut self, number: i64) -> Option<Waiting> {
        let packet = self.waiting.remove(&number)?;
        self.bytes -= packet.piece.body.len();
        Some(packet)
    }
}

/// A frame among what waits.
enum Run {
    Whole {
        first: i64,
        end: i64,
    },
    /// More has to come.
    Open,
    /// The sender cut it wrongly: nothing before this number makes a frame.
    Broken(i64),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::fragment;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn at(ms: u64) -> MediaTime {
        MediaTime(1_000_000 + ms * 1000)
    }

    /// Frames of three pieces each, numbered from `first` on; every tenth is a keyframe.
    fn packets(first: u16, frames: u32) -> Vec<IncomingPacket> {
        let cut = |n: u32| fragment::cut(&vec![n as u8; 3000], n.is_multiple_of(10));
        let pieces = (0..frames).flat_map(|n| cut(n).into_iter().map(move |piece| (n, piece)));
        pieces
            .enumerate()
            .map(|(index, (n, payload))| IncomingPacket {
                sequence: first.wrapping_add(index as u16),
                timestamp: n * 3000,
                marker: index % 3 == 2,
                payload,
                arrived: at(u64::from(n) * 33),
            })
            .collect()
    }

    fn drain(jitter: &mut VideoJitter, now: MediaTime) -> Vec<u32> {
        std::iter::from_fn(|| jitter.pop(now)).map(|frame| frame.timestamp / 3000).collect()
    }

    #[test]
    fn a_frame_leaves_the_moment_its_last_piece_comes() {
        let mut jitter = VideoJitter::default();
        for (index, packet) in packets(65_530, 20).into_iter().enumerate() {
            let now = packet.arrived;
            jitter.push(packet);
            let frame = jitter.pop(now);
            assert_eq!(frame.is_some(), index % 3 == 2, "piece {index}");
            assert!(frame.is_none_or(|frame| frame.data.len() == 3000 && !frame.after_loss));
            assert_eq!(jitter.deadline(), None, "nothing is missing");
        }
    }

    #[test]
    fn a_repaired_piece_lets_everything_behind_it_go_in_order() {
        let mut jitter = VideoJitter::default();
        let mut all = packets(100, 6);
        let missing = all.remove(7);
        all.into_iter().for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(170)), [0, 1]);
        assert!(jitter.deadline().is_some());
        jitter.push(missing.clone());
        assert_eq!(drain(&mut jitter, at(171)), [2, 3, 4, 5]);
        jitter.push(missing);
        assert_eq!(jitter.counts(), JitterCounts { late: 1, malformed: 0, gaps: 0 });
    }

    #[test]
    fn a_second_try_is_waited_for_up_to_a_round_trip_of_a_tenth_of_a_second_and_the_first_up_to_half_a_second() {
        let patience = |rtt: u64| {
            let mut jitter = VideoJitter::default();
            jitter.set_rtt(Duration::from_millis(rtt));
            jitter.patience().as_millis() as u64
        };
        assert!([60, 100, 119].map(|rtt| patience(rtt) >= rtt * 2 + 30).iter().all(|waits| *waits));
        assert!([130, 250, 500].map(|rtt| (rtt..rtt * 2).contains(&patience(rtt))).iter().all(|waits| *waits));
        assert_eq!((patience(2), patience(900)), (60, 60), "a whole picture is as near");
    }

    #[test]
    fn a_gap_that_nobody_repairs_is_given_up_and_said() {
        let mut jitter = VideoJitter::default();
        let mut all = packets(100, 6);
        all.remove(7);
        all.into_iter().for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(100)), [0, 1]);
        let deadline = jitter.deadline().unwrap();
        assert_eq!(deadline, at(66) + jitter.patience());
        let frame = jitter.pop(deadline).unwrap();
        assert_eq!((frame.timestamp / 3000, frame.after_loss), (3, true));
        assert_eq!(drain(&mut jitter, deadline), [4, 5]);
        assert_eq!(jitter.counts().gaps, 1);
    }

    #[test]
    fn a_whole_keyframe_ends_the_wait_for_what_came_before() {
        let mut jitter = VideoJitter::default();
        let mut all = packets(7, 12);
        all.drain(15..20);
        all.into_iter().for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(170)), [0, 1, 2, 3, 4, 10, 11]);
    }

    #[test]
    fn before_the_first_keyframe_nothing_leaves_and_the_loss_is_said() {
        let mut jitter = VideoJitter::default();
        let all = packets(40_000, 11);
        for packet in &all[3..30] {
            jitter.push(packet.clone());
        }
        assert_eq!(drain(&mut jitter, at(120)), [0u32; 0]);
        assert_eq!(drain(&mut jitter, at(900)), [0u32; 0]);
        assert!(jitter.has_loss());
        // A slow link: the keyframe takes longer than patience, and is not given up while it comes.
        for (index, packet) in all[30..].iter().enumerate() {
            assert!(jitter.pop(at(2000 + 500 * index as u64)).is_none());
            jitter.push(packet.clone());
        }
        assert_eq!(drain(&mut jitter, at(9000)), [10]);
    }

    #[test]
    fn a_stream_that_starts_again_elsewhere_is_followed() {
        let mut jitter = VideoJitter::default();
        packets(100, 3).into_iter().for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(100)), [0, 1, 2]);
        packets(50_000, 3).into_iter().for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(200)), [0, 1, 2]);
        packets(20_000, 3).into_iter().for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(300)), [0, 1, 2]);
    }

    #[test]
    fn numbers_that_begin_anew_a_little_lower_are_not_taken_for_late_packets() {
        let mut jitter = VideoJitter::default();
        packets(5000, 10).into_iter().for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(300)).len(), 10);
        let again = |packet: IncomingPacket| IncomingPacket { timestamp: packet.timestamp + 100 * 3000, ..packet };
        packets(4800, 10).into_iter().map(again).for_each(|packet| jitter.push(packet));
        assert_eq!(drain(&mut jitter, at(300)), (100..110).collect::<Vec<u32>>());
        assert!(jitter.counts().late == 0 && jitter.counts().gaps == 1);
    }

    proptest! {
        #[test]
        fn reordered_and_doubled_packets_give_every_frame_once_in_order(first: u16, swaps in prop::collection::vec((0usize..90, 0usize..12), 0..60)) {
            let mut all = packets(first, 30);
            for (from, by) in swaps {
                let to = (from + by).min(all.len() - 1);
                all.swap(from, to);
                all.insert(to, all[from].clone());
            }
            let mut jitter = VideoJitter::default();
            let mut frames = Vec::new();
            for packet in all {
                jitter.push(packet);
                frames.extend(drain(&mut jitter, at(0)));
            }
            // Before the first keyframe came, or past a whole keyframe, frames may be left out; none may come twice or late.
            prop_assert!(frames.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(frames.last(), Some(&29));
        }

        #[test]
        fn nothing_a_peer_sends_makes_it_panic_stall_or_hoard(
            sent in prop::collection::vec((any::<u16>(), 0u32..4, 0u8..9, 0usize..5, 0u64..50), 0..400)
        ) {
            let mut jitter = VideoJitter::default();
            let mut now = 0;
            for (sequence, timestamp, flags, length, pause) in sent {
                now += pause;
                let mut payload = vec![flags];
                payload.resize(length, 7);
                let sequence = if sequence % 3 == 0 { sequence } else { sequence % 64 };
                jitter.push(IncomingPacket { sequence, timestamp, marker: false, payload: Bytes::from(payload), arrived: at(now) });
                while jitter.pop(at(now)).is_some() {}
                prop_assert!(jitter.deadline().is_none_or(|deadline| deadline > at(now)));
            }
            // Once the peer behaves, its next keyframe gets through.
            now += 1000;
            while jitter.pop(at(now)).is_some() {}
            let start = jitter.newest.map_or(0, |newest| newest as u16).wrapping_add(1);
            for mut packet in packets(start, 1) {
                packet.arrived = at(now);
                jitter.push(packet);
            }
            prop_assert_eq!(jitter.pop(at(now)).map(|frame| frame.data.len()), Some(3000));
        }
    }
}
