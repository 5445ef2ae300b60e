//! Puts the pieces of frames together again, in order, and waits for a missing one only as long as a repair may take.
//!
//! A frame leaves the moment it is whole and nothing before it is missing. Where something is missing, what follows waits until
//! the piece comes, until a whole keyframe or repair makes it needless, or until patience ends; then the gap is skipped and said aloud.

use super::clock::MediaTime;
use super::fragment::{FrameKind, Piece};
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
/// A keyframe or repair whose pieces come no further apart than this is on its way, on whatever narrow link.
const REPAIR_FLOWS: Duration = Duration::from_millis(250);
/// Before the first frame nobody knows of what is missing, so nobody repairs it: only reordering is waited for.
const FIRST_PATIENCE: Duration = Duration::from_millis(20);

/// A frame as the sender sealed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFrame {
    pub timestamp: u32,
    /// Clear, and authenticated as additional data when the frame is opened.
    pub kind: FrameKind,
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
            if let Some((first, end)) = self.whole_repair() {
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

    /// Whether pieces of a keyframe or a repair are coming in at `now`: another one would only be in their way.
    pub fn repair_is_coming(&self, now: MediaTime) -> bool {
        let newest = self.waiting.values().filter(|packet| self.needs_nothing(packet)).map(|packet| packet.arrived).max();
        newest.is_some_and(|arrived| now.since(arrived) < self.patience.max(REPAIR_FLOWS))
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

    /// Whether a packet is of a frame that needs none of those before it. A repair needs what the decoder has from earlier.
    fn needs_nothing(&self, packet: &Waiting) -> bool {
        match packet.piece.kind {
            FrameKind::Delta => false,
            FrameKind::Repair => self.timestamp.is_some(),
            FrameKind::Keyframe => true,
        }
    }

    /// Forgets everything that waits: only a keyframe or a repair helps now.
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

    /// Before the first frame, or past a break: begins at the first start of a frame that needs nothing.
    fn begin(&mut self) {
        if self.next.is_none() {
            let first = self.waiting.iter().find(|(_, packet)| packet.piece.start && self.needs_nothing(packet));
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

    /// The newest keyframe or repair that is whole.
    fn whole_repair(&self) -> Option<(i64, i64)> {
        let starts = self.waiting.iter().rev().filter(|(_, packet)| packet.piece.start && self.needs_nothing(packet));
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
        let (timestamp, kind) = (head.timestamp, head.piece.kind);
        for number in first..=end {
            let packet = self.remove(number).expect("the run was found whole");
            data.extend_from_slice(&packet.piece.body);
        }
        (self.next, self.timestamp) = (Some(end + 1), Some(timestamp));
        SealedFrame { timestamp, kind, after_loss: std::mem::take(&mut self.lost), data }
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
#[path = "video_jitter_tests.rs"]
mod tests;
