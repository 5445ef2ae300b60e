//! Puts sound packets back in order and decides what is played: no I/O, no clock, no codec.
//!
//! ```text
//! Waiting ──the first packet is as late as the target──▶ Playing: one step a call of `next`
//!                                                          │  here                  → Packet
//!                                                          │  lost, the next is here → Recover, from the copy in it, or conceal
//!                                                          │  nothing is here       → Conceal; time stands still
//!                                                          │  far too old           → Skip
//! ```
//!
//! Everything is counted in *lateness* ([`Lateness`]): what is played now was captured this much longer ago than the fastest packet
//! would need. A packet that is less late than what is played is in time. [`DelayTarget`] says how late to play; what is off by more
//! than a little is stretched away ([`AudioJitter::surplus`]), and with it the drift between the two sound cards; what is off by
//! [`FAR_TOO_MUCH`] is left out at once.
//!
//! When nothing is left, concealment plays and the lateness grows by itself, just as far as packets need; what is then still older
//! than the target is left out, for it was concealed already.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::clock::{AUDIO_RATE, MediaTime};
use super::delay_target::{DelayTarget, MOST};
use super::lateness::Lateness;
use super::voice_decoder::CONCEAL_STEP;

/// Sound of one packet at the usual rate.
pub const FRAME_TIME: Duration = Duration::from_millis(20);

/// What is later than the target by this is not stretched but left out.
const FAR_TOO_MUCH: Duration = Duration::from_millis(200);
/// After concealment, what is later than the target by this is left out.
const TOO_OLD: Duration = Duration::from_millis(30);
/// So much later than the target, or earlier, is near enough: each stretch shifts all that follows, which is heard more than the rare
/// packet that comes later than is waited for.
const NEAR: (Duration, Duration) = (Duration::from_millis(8), Duration::from_millis(7));
/// Where packets come less evenly the target goes up and down: a quarter of it late is near enough, up to this, or all that is taken out
/// now is put in again soon.
const NEAR_MOST: Duration = Duration::from_millis(20);
/// But not before so many packets, eight seconds where they are of 20 ms: at first the target is a guess, and only comes down.
const SETTLED: u32 = 400;
/// A gap in the stamps longer than this is none: the sender's clock jumped.
const LONGEST_GAP: i64 = AUDIO_RATE as i64 * 2;
/// No call counts this far; a peer that does is not worth an overflow.
const LAST_NUMBER: u64 = 1 << 48;
/// Numbers further ahead than this are of a call that goes on elsewhere: what waits is of no use.
const RESTART: u64 = 500;
/// The most packets that are kept, and numbers that are remembered. A peer that sends more loses the oldest.
const CAPACITY: usize = 150;
/// What is concealed at once.
const CONCEAL: usize = 480;

/// A packet that is ready to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoicePacket {
    /// Capture time of its first sample on the sender's 48 kHz clock.
    pub timestamp: u32,
    /// How many samples it makes: 20 ms, or more where the link is narrow.
    pub samples: usize,
    /// One Opus packet, opened.
    pub opus: Vec<u8>,
    /// It came along with a later packet.
    pub copy: bool,
}

/// What to do for the next samples.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Nothing has come yet: silence that counts as nothing.
    Silence,
    /// Decode and play it.
    Packet(VoicePacket),
    /// Decode it, so that the decoder knows, but do not play it: its time is over.
    Skip(VoicePacket),
    /// This many samples are lost, and the packet after them, which stays, may carry a copy. If not, conceal as many.
    Recover { following: &'a VoicePacket, samples: usize },
    /// Make this many up. `time_passes`: they stand for lost ones; otherwise for packets that may still come.
    Conceal { samples: usize, time_passes: bool },
}

/// What became of a packet that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    Kept,
    /// Its turn is over.
    Late,
    Duplicate,
}

/// The jitter buffer for sound. See the diagram above.
///
/// Packets go by the counter of their seal: it is authenticated, counts packets, and neither wraps nor starts anew.
#[derive(Debug)]
pub struct AudioJitter {
    packets: BTreeMap<u64, VoicePacket>,
    /// Numbers that came in one way or another, the newest of them only.
    seen: BTreeSet<u64>,
    lateness: Lateness,
    target: DelayTarget,
    /// Sound waits this much longer for the picture.
    extra: Duration,
    /// Packets that were played or left out.
    passed: u32,
    playing: Option<Playing>,
}

#[derive(Debug)]
struct Playing {
    /// The packet whose turn is next, and the stamp of the sample after the last one.
    next: u64,
    position: u32,
    /// Samples concealed since the last packet while nothing was there.
    starved: usize,
    /// How late the sound is that is played now, smoothed, in µs; nothing before the first after a jump.
    level: Option<i64>,
}

impl Default for AudioJitter {
    fn default() -> Self {
        Self {
            packets: BTreeMap::new(),
            seen: BTreeSet::new(),
            lateness: Lateness::new(AUDIO_RATE),
            target: DelayTarget::default(),
            extra: Duration::ZERO,
            passed: 0,
            playing: None,
        }
    }
}

impl AudioJitter {
    /// Takes packet `number`, which arrived at `now`.
    pub fn insert(&mut self, now: MediaTime, number: u64, packet: VoicePacket) -> Arrival {
        if number > LAST_NUMBER {
            return Arrival::Late;
        }
        let oldest = self.seen.last().map_or(0, |newest| newest.saturating_sub(CAPACITY as u64));
        if number < oldest || !self.seen.insert(number) {
            return if number < oldest { Arrival::Late } else { Arrival::Duplicate };
        }
        while self.seen.len() > CAPACITY {
            self.seen.pop_first();
        }
        self.note(now, &packet);
        match &mut self.playing {
            Some(playing) if number > playing.next + RESTART => {
                self.packets.clear();
                self.playing = None;
            }
            Some(playing) if number < playing.next => return Arrival::Late,
            _ => {}
        }
        self.packets.insert(number, packet);
        if self.packets.len() > CAPACITY {
            self.packets.pop_first();
        }
        Arrival::Kept
    }

    /// What is played at `due`.
    pub fn next(&mut self, due: MediaTime) -> Step<'_> {
        let target = micros(self.target());
        let first = self.packets.first_key_value();
        let level = first.and_then(|(_, packet)| self.lateness.at(due, packet.timestamp));
        let (Some((&number, packet)), Some(level)) = (first, level) else {
            return match &mut self.playing {
                None => Step::Silence,
                Some(playing) => playing.starve(),
            };
        };
        let Some(playing) = &mut self.playing else {
            if level < target {
                return Step::Silence;
            }
            self.playing = Some(Playing { next: number, position: packet.timestamp, starved: 0, level: None });
            // What piled up while nobody played is old: it is not caught up with, it is left out.
            return if level > target + micros(TOO_OLD) && self.packets.len() > 1 { self.skip() } else { self.take(level) };
        };
        let too_late = if playing.anew() { micros(TOO_OLD) } else { micros(FAR_TOO_MUCH) };
        if level > target + too_late && self.packets.len() > 1 {
            return self.skip();
        }
        // What was concealed already need not be concealed again.
        let gap = i64::from(packet.timestamp.wrapping_sub(playing.position) as i32) - playing.starved as i64;
        if number == playing.next || !(CONCEAL_STEP as i64..LONGEST_GAP).contains(&gap) {
            return self.take(level);
        }
        playing.follow(level + micros(time(gap as usize)));
        let whole = gap as usize <= packet.samples;
        let samples = if whole { gap as usize } else { (gap as usize - packet.samples).min(CONCEAL) };
        playing.position = playing.position.wrapping_add((playing.starved + samples) as u32);
        playing.starved = 0;
        if !whole {
            return Step::Conceal { samples, time_passes: true };
        }
        playing.next = number;
        Step::Recover { following: &self.packets[&number], samples }
    }

    /// Whether the next packet is here, so that [`next`](Self::next) gives it.
    pub fn has_next(&self) -> bool {
        self.playing.as_ref().is_some_and(|playing| self.packets.contains_key(&playing.next))
    }

    /// How many samples too many wait (or, below zero, too few) to be stretched away; zero when it is near enough.
    pub fn surplus(&self) -> i64 {
        let Some(level) = self.playing.as_ref().and_then(|playing| playing.level) else { return 0 };
        let off = level - micros(self.target());
        let most = if self.passed < SETTLED { NEAR.0 } else { NEAR_MOST };
        let late = (self.target() / 4).clamp(NEAR.0, most);
        let near = (-micros(NEAR.1)..=micros(late)).contains(&off);
        if near { 0 } else { off * i64::from(AUDIO_RATE) / 1_000_000 }
    }

    /// Tells that `samples` were put in by stretching, or taken out, below zero.
    pub fn stretched(&mut self, samples: i64) {
        if let Some(level) = self.playing.as_mut().and_then(|playing| playing.level.as_mut()) {
            *level += samples * 1_000_000 / i64::from(AUDIO_RATE);
        }
    }

    /// How late the sound is that is played now.
    pub fn delay(&self) -> Duration {
        let level = self.playing.as_ref().and_then(|playing| playing.level);
        Duration::from_micros(level.unwrap_or(0).max(0) as u64)
    }

    /// How late it should be if it waited for no picture.
    pub fn own_target(&self) -> Duration {
        self.target.get()
    }

    /// How late it should be.
    pub fn target(&self) -> Duration {
        (self.target.get() + self.extra).min(MOST)
    }

    /// How many packets wait.
    pub fn kept(&self) -> usize {
        self.packets.len()
    }

    /// Holds sound back for this much longer, for the picture.
    pub fn set_extra(&mut self, extra: Duration) {
        self.extra = extra;
    }

    fn note(&mut self, now: MediaTime, packet: &VoicePacket) {
        let lateness = if packet.copy {
            // It says nothing of the path that its companion does not say.
            self.lateness.at(now, packet.timestamp).map(|late| Duration::from_micros(late.max(0) as u64))
        } else {
            Some(self.lateness.note(now, packet.timestamp))
        };
        if let Some(lateness) = lateness {
            self.target.note(now, lateness, packet.copy);
        }
    }

    /// Plays the first packet, which is `level` late.
    fn take(&mut self, level: i64) -> Step<'_> {
        let (packet, playing) = self.pass();
        if playing.starved > 0 {
            playing.level = None;
        }
        playing.follow(level);
        playing.starved = 0;
        Step::Packet(packet)
    }

    /// Leaves the first packet out.
    fn skip(&mut self) -> Step<'_> {
        let (packet, playing) = self.pass();
        playing.level = None;
        Step::Skip(packet)
    }

    /// Takes the first packet out: its turn is over.
    fn pass(&mut self) -> (VoicePacket, &mut Playing) {
        let (number, packet) = self.packets.pop_first().expect("somebody looked at the first");
        let playing = self.playing.as_mut().expect("it plays");
        self.passed = self.passed.saturating_add(1);
        playing.next = number + 1;
        playing.position = packet.timestamp.wrapping_add(packet.samples as u32);
        (packet, playing)
    }
}

impl Playing {
    fn starve(&mut self) -> Step<'static> {
        self.starved += CONCEAL;
        Step::Conceal { samples: CONCEAL, time_passes: false }
    }

    /// Whether playout is set down anew with the next packet.
    fn anew(&self) -> bool {
        self.starved > 0 || self.level.is_none()
    }

    /// Smooths the level over some packets: the hand of a busy system trembles.
    fn follow(&mut self, level: i64) {
        self.level = Some(self.level.map_or(level, |smooth| smooth + (level - smooth) / 8));
    }
}

fn time(samples: usize) -> Duration {
    Duration::from_micros(samples as u64 * 1_000_000 / u64::from(AUDIO_RATE))
}

fn micros(duration: Duration) -> i64 {
    duration.as_micros() as i64
}

#[cfg(test)]
mod tests;
