//! What the path carries, divided: sound first, then control, parity and headers, and the picture gets the rest. Pure.
//!
//! ```text
//!  kbit/s in all      sound                          picture
//!  1500 and more      20 ms, 128 kbit/s, full band   yes
//!  320 to 1500        20 ms, 48 kbit/s, wide band    yes
//!  180 to 320         20 ms, 32 kbit/s, wide band    yes
//!  100 to 180         40 ms, 20 kbit/s, wide band    yes
//!   70 to 100         60 ms, 18 kbit/s, wide band    yes
//!   48 to 70          60 ms, 14 kbit/s, wide band    yes
//!   31 to 48          120 ms, 9 kbit/s, wide band    yes, again from 33 on
//!   below             120 ms, 6 kbit/s, wide band    from 30 on
//! ```
//!
//! Everything counts with its headers: IP and UDP 28 bytes, RTP and SRTP 28, the seal and its header up to 25. Sound of 32 kbit/s is thus
//! 64 kbit/s on the wire. Going up needs more than going down took away, so that nothing swings.
//!
//! At few bits what lies above 8 kHz costs speech more than it gives: wide-band PESQ of recorded speech at a constant 32 kbit/s is 3.65
//! with it and 4.21 without, at 48 kbit/s 4.15 and 4.46; only at 128 kbit/s it is 4.43 with it. Below, each kilobit of sound is worth more than
//! one of the picture: 1.54 at 6 kbit/s, 2.23 at 9, 3.03 at 14, 3.53 at 18.

use super::clock::MediaTime;
use std::time::Duration;

/// A step of sound: how long a packet lasts, its bytes of Opus, and what is kept of the spectrum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    pub frame_ms: u32,
    pub bytes: usize,
    pub band: Band,
}

/// How high sound may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Band {
    /// All that is heard: 20 kHz.
    Full,
    /// All that speech needs: 8 kHz, and Opus spends all of its bits on the voice.
    Wide,
}

/// From good to just intelligible.
pub const RUNGS: [Rung; 8] = [
    Rung { frame_ms: 20, bytes: 320, band: Band::Full },
    Rung { frame_ms: 20, bytes: 120, band: Band::Wide },
    Rung { frame_ms: 20, bytes: 80, band: Band::Wide },
    Rung { frame_ms: 40, bytes: 100, band: Band::Wide },
    Rung { frame_ms: 60, bytes: 135, band: Band::Wide },
    Rung { frame_ms: 60, bytes: 105, band: Band::Wide },
    Rung { frame_ms: 120, bytes: 140, band: Band::Wide },
    Rung { frame_ms: 120, bytes: 90, band: Band::Wide },
];

/// As much as 720p30 of a person talking is worth, in kbit/s: beyond, nobody sees a difference.
pub const MOST_PICTURE_KBPS: u32 = 2250;

/// The best step where many packets get lost: a voice alone is concealed better, and its copies are smaller.
pub const LOSSY_RUNG: usize = 1;

/// From how many kbit/s in all each step is taken.
const RUNG_FROM: [u32; 8] = [1500, 320, 180, 100, 70, 48, 31, 0];
/// From where on a picture is sent, and where it begins again.
const PICTURE_FROM: u32 = 30;
const PICTURE_AGAIN: u32 = 33;
/// The best step to begin with: nobody knows yet what the path carries, and sound alone must not fill it.
const FIRST_RUNG: usize = 2;
/// How much more than a step asks for there must be before it is climbed, in percent, and for how long.
const HEADROOM: u32 = 15;
const CLIMB_AFTER: Duration = Duration::from_secs(3);
/// So many at once, if there is enough for them.
const CLIMB: usize = 2;
/// Bytes beside the Opus packets of a sound packet: the count of copies, seal, RTP, SRTP, UDP, IP.
const SOUND_OVERHEAD: usize = 1 + 22 + 28 + 28;
/// Bytes beside the piece of a picture's packet, and how much such a packet carries at most.
const PICTURE_OVERHEAD: f64 = 1.0 + 28.0 + 28.0;
const PICTURE_PACKET: f64 = 1179.0;
/// Copies of sound may take it to this share of everything, in percent.
const SOUND_SHARE: u32 = 55;

/// How much of the picture's and the sound's best is left, for telling it in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// Only sound is sent, and that in its narrowest form, or nobody answers at all.
    SoundOnly,
    /// Sound and picture give way.
    Slow,
    /// As good as it gets, or not much less.
    #[default]
    Full,
}

/// What each part gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// For the encoder; 0: no picture.
    pub video_kbps: u32,
    /// Index into [`RUNGS`].
    pub rung: usize,
    /// The most copies of earlier sound that a packet may carry.
    pub copies: usize,
    /// The best sound may have a copy, and the picture still has all that it can use.
    pub spare: bool,
    pub level: Level,
}

/// Divides, and remembers for the sake of steadiness.
#[derive(Debug, Default)]
pub struct Allocation {
    rung: Option<usize>,
    /// Since when there would be enough for a better step.
    better_since: Option<MediaTime>,
    no_picture: bool,
    level: Level,
}

impl Allocation {
    /// Divides `total_kbps`, where parity and repairs add `repair_percent` to the picture's packets.
    pub fn divide(&mut self, now: MediaTime, total_kbps: u32, repair_percent: u32) -> Share {
        let rung = self.choose_rung(now, total_kbps);
        let least = if self.no_picture { PICTURE_AGAIN } else { PICTURE_FROM };
        self.no_picture = total_kbps < least;
        // Reports and heartbeats of ours, for what comes the other way.
        let reserve = 2.0 + f64::from(total_kbps) * 0.013;
        let picture = |copies| {
            let kbps = f64::from(total_kbps) - sound_kbps(RUNGS[rung], copies) - reserve;
            payload_kbps(kbps / (1.0 + f64::from(repair_percent) / 100.0))
        };
        let video_kbps = if self.no_picture { 0 } else { picture(0) };
        let spare = rung == 0 && picture(1) >= MOST_PICTURE_KBPS;
        let fits = |copies: &usize| sound_kbps(RUNGS[rung], *copies) <= f64::from(total_kbps * SOUND_SHARE) / 100.0;
        let copies = (0..=2).rev().find(fits).unwrap_or(0);
        self.level = match total_kbps {
            _ if self.no_picture => Level::SoundOnly,
            ..200 => Level::Slow,
            200..240 if self.level < Level::Full => self.level,
            _ => Level::Full,
        };
        Share { video_kbps, rung, copies, spare, level: self.level }
    }

    /// Down at once, as far as it takes; up a step or two after a while.
    fn choose_rung(&mut self, now: MediaTime, total_kbps: u32) -> usize {
        let fits = |kbps: u32| RUNG_FROM.iter().position(|from| kbps >= *from).unwrap_or(RUNGS.len() - 1);
        let wanted = fits(total_kbps);
        let rung = self.rung.unwrap_or(wanted.max(FIRST_RUNG));
        let better = fits(total_kbps * 100 / (100 + HEADROOM));
        let since = (better < rung).then(|| self.better_since.unwrap_or(now));
        let climbs = since.is_some_and(|since| now.since(since) >= CLIMB_AFTER);
        self.better_since = since.filter(|_| !climbs);
        let next = if climbs { better.max(rung.saturating_sub(CLIMB)) } else { rung.max(wanted) };
        self.rung = Some(next);
        next
    }
}

/// What sound takes on the wire.
pub fn sound_kbps(rung: Rung, copies: usize) -> f64 {
    (rung.bytes * (1 + copies) + SOUND_OVERHEAD) as f64 * 8.0 / f64::from(rung.frame_ms)
}

/// What is left for the encoder of `kbps` on the wire: each packet has its headers, and each picture at least one packet.
fn payload_kbps(kbps: f64) -> u32 {
    let pictures: f64 = match kbps {
        ..23.0 => 6.0,
        ..150.0 => 12.0,
        _ => 30.0,
    };
    let packets = (kbps * 125.0 / (PICTURE_PACKET + PICTURE_OVERHEAD) + pictures / 2.0).max(pictures);
    (kbps - packets * PICTURE_OVERHEAD / 125.0).max(8.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> MediaTime {
        MediaTime(seconds * 1_000_000)
    }

    #[test]
    fn everything_together_never_takes_more_than_there_is() {
        for total in (16..4000).step_by(7) {
            for repair_percent in [0, 25, 60] {
                let share = Allocation::default().divide(at(1), total, repair_percent);
                let pictures: f64 = if share.video_kbps < 17 { 6.0 } else { 12.0 };
                let video = f64::from(share.video_kbps);
                let packets = if video > 0.0 { (video * 125.0 / PICTURE_PACKET).max(pictures) } else { 0.0 };
                let wire = (video + packets * PICTURE_OVERHEAD / 125.0) * (1.0 + f64::from(repair_percent) / 100.0);
                let sum = wire + sound_kbps(RUNGS[share.rung], 0);
                assert!(sum <= f64::from(total) * 1.02 + 6.0, "{total} and {repair_percent} %: {sum} in {share:?}");
            }
        }
    }

    #[test]
    fn sound_alone_goes_down_to_16_kbits_and_a_picture_is_there_at_50() {
        let share = |total| Allocation::default().divide(at(1), total, 0);
        assert_eq!((share(16).video_kbps, share(16).level), (0, Level::SoundOnly));
        assert!(sound_kbps(RUNGS[share(16).rung], share(16).copies) <= 16.0);
        assert!(share(50).video_kbps >= 15, "{:?}", share(50));
        assert!(share(2500).video_kbps >= 2200);
    }

    #[test]
    fn sound_gives_way_at_once_and_comes_back_step_by_step() {
        let mut allocation = Allocation::default();
        assert_eq!(allocation.divide(at(0), 2000, 0).rung, FIRST_RUNG);
        assert_eq!(allocation.divide(at(1), 30, 0).rung, 7);
        let way: Vec<usize> = (2..18).map(|second| allocation.divide(at(second), 2000, 0).rung).collect();
        assert_eq!(way, [7, 7, 7, 5, 5, 5, 5, 3, 3, 3, 3, 1, 1, 1, 1, 0]);
    }

    #[test]
    fn a_rate_on_an_edge_does_not_swing() {
        let mut allocation = Allocation::default();
        let shares: Vec<_> = (0..60).map(|second| allocation.divide(at(second), 95 + (second as u32 % 2) * 10, 0)).collect();
        let rungs = shares.windows(2).filter(|pair| pair[0].rung != pair[1].rung).count();
        assert!(rungs <= 1, "{rungs} changes");
        let mut allocation = Allocation::default();
        let levels: Vec<_> =
            (0..60).map(|second| allocation.divide(at(second), 190 + (second as u32 % 2) * 30, 0).level).collect();
        assert!(levels.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 1);
    }

    #[test]
    fn copies_of_sound_stay_within_their_share() {
        assert_eq!(Allocation::default().divide(at(1), 2000, 0).copies, 2);
        assert_eq!(Allocation::default().divide(at(1), 60, 0).copies, 0);
        let spare = |kbps| {
            let mut allocation = Allocation::default();
            (1..20).map(|second| allocation.divide(at(second), kbps, 0).spare).last()
        };
        assert_eq!(
            [2000, 2500, 3000].map(spare),
            [Some(false), Some(false), Some(true)],
            "what a copy takes the picture cannot use"
        );
    }
}
