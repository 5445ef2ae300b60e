//! A link on virtual time: a drop-tail queue drained at a rate that changes, then loss, delay and jitter; and a sender of
//! pictures and sound on it that does what the estimator says.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rtc::rtcp::transport_feedbacks::cc_feedback_report::CcFeedbackReport;

use super::{BandwidthEstimator, Probe};
use crate::transport::arrivals::Arrivals;
use crate::transport::departures::Departures;
use crate::transport::pacer::{Class, Pacer};

const VIDEO: u32 = 2;
const AUDIO: u32 = 1;
const PROBE: u32 = 3;
const PACKET: usize = 1200;
/// One with nothing in it.
const EMPTY: usize = 58;

/// A repeatable source of chance.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 to 1.
    pub fn roll(&mut self) -> f64 {
        // xorshift64* (Vigna 2016).
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The size of a normally distributed error.
    pub fn error(&mut self, deviation: f64) -> f64 {
        let (u, v) = (self.roll().max(1e-12), self.roll());
        ((-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()).abs() * deviation
    }
}

/// One way of a path.
#[derive(Debug, Clone)]
pub struct Profile {
    /// From which second on how many kbit/s.
    pub rates: Vec<(f64, f64)>,
    pub queue_ms: f64,
    pub delay_ms: f64,
    pub jitter_ms: f64,
    pub loss: f64,
    pub burst: f64,
    /// The computer at the other end is busy: how long it does not look at its packets at most, and how often a second.
    pub stalls: (f64, f64),
}

impl Profile {
    pub fn new(kbps: f64, queue_ms: f64, delay_ms: f64) -> Self {
        Self { rates: vec![(0.0, kbps)], queue_ms, delay_ms, jitter_ms: 0.0, loss: 0.0, burst: 1.0, stalls: (0.0, 0.0) }
    }

    fn kbps(&self, ms: f64) -> f64 {
        self.rates.iter().rev().find(|(from, _)| *from * 1e3 <= ms).map_or(0.0, |(_, kbps)| *kbps)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Owner {
    Media { ssrc: u32, sequence: u16, frame: Option<u32>, last: bool, made: f64 },
    Rival(u64),
}

/// The forward direction: what is queued, served and lost.
#[derive(Debug)]
struct Link {
    profile: Profile,
    queue: VecDeque<(usize, Owner)>,
    queued: usize,
    /// Bytes that may be served.
    credit: f64,
    dice: Dice,
    bad: bool,
    last_out: f64,
    /// By arrival in microseconds.
    arriving: BTreeMap<(u64, u64), (usize, Owner)>,
    number: u64,
    dropped: Vec<Owner>,
}

impl Link {
    fn push(&mut self, ms: f64, bytes: usize, owner: Owner) {
        let most = (self.profile.kbps(ms) / 8.0 * self.profile.queue_ms).max(3000.0);
        if self.queued as f64 + bytes as f64 > most {
            self.dropped.push(owner);
        } else {
            self.queue.push_back((bytes, owner));
            self.queued += bytes;
        }
    }

    /// One millisecond passes.
    fn serve(&mut self, ms: f64) {
        self.credit += self.profile.kbps(ms) / 8.0;
        while let Some((bytes, owner)) = self.queue.front().copied().filter(|(bytes, _)| *bytes as f64 <= self.credit) {
            self.queue.pop_front();
            self.queued -= bytes;
            self.credit -= bytes as f64;
            if self.loses() {
                self.dropped.push(owner);
                continue;
            }
            let out = ms + self.profile.delay_ms + self.dice.error(self.profile.jitter_ms);
            self.last_out = self.last_out.max(out);
            self.number += 1;
            self.arriving.insert(((self.last_out * 1e3) as u64, self.number), (bytes, owner));
        }
        if self.queue.is_empty() {
            self.credit = self.credit.min(0.0);
        }
    }

    fn loses(&mut self) -> bool {
        let Profile { loss, burst, .. } = self.profile;
        if burst <= 1.0 {
            return self.dice.roll() < loss;
        }
        let leave = 1.0 / burst;
        let enter = loss * leave / (1.0 - loss);
        self.bad = if self.bad { self.dice.roll() >= leave } else { self.dice.roll() < enter };
        self.bad
    }

    fn arrivals(&mut self, ms: f64) -> Vec<(usize, Owner)> {
        let later = self.arriving.split_off(&((ms * 1e3) as u64 + 1, 0));
        std::mem::replace(&mut self.arriving, later).into_values().collect()
    }
}

/// A TCP flow that wants everything (CUBIC, RFC 9438, without slow start's details).
#[derive(Debug)]
struct Tcp {
    window: f64,
    most: f64,
    since_loss: f64,
    recovering_until: f64,
    in_flight: u64,
    sent: u64,
    acks: VecDeque<f64>,
    pub delivered: u64,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Kbit/s that arrived, every 100 ms.
    pub kbps: Vec<f64>,
    pub targets: Vec<f64>,
    /// Percent that were lost, and of them those by chance, as the estimator has it.
    pub losses: Vec<(f64, f64)>,
    /// For each picture that arrived whole: when it was made and when it was there, in ms.
    pub pictures: Vec<(f64, f64)>,
    pub skipped: usize,
    pub sound_lost: usize,
    /// For each packet of sound that arrived, when, and how long it took, in ms.
    pub sound: Vec<(f64, f64)>,
    pub rival_kbps: f64,
    pub deaf: Vec<bool>,
}

impl Outcome {
    /// The mean of what arrived from one second to another.
    pub fn mean(&self, from: f64, to: f64) -> f64 {
        let part = &self.kbps[(from * 10.0) as usize..((to * 10.0) as usize).min(self.kbps.len())];
        part.iter().sum::<f64>() / part.len() as f64
    }

    pub fn p95_delay(&self) -> f64 {
        let mut delays: Vec<f64> = self.pictures.iter().map(|(made, there)| there - made).collect();
        delays.sort_by(f64::total_cmp);
        delays.get(delays.len() * 95 / 100).copied().unwrap_or_default()
    }

    pub fn gaps(&self) -> impl Iterator<Item = f64> + '_ {
        self.pictures.windows(2).map(|pair| pair[1].1 - pair[0].1)
    }

    pub fn longest_gap(&self) -> f64 {
        self.gaps().fold(0.0, f64::max)
    }

    /// As goals reckon it: gaps above 200 ms, together.
    pub fn frozen(&self) -> f64 {
        self.gaps().filter(|gap| *gap > 200.0).sum()
    }

    /// The share of sound packets after `from` ms that took more than 400 ms.
    pub fn sound_late(&self, from: f64) -> f64 {
        let later = self.sound.iter().filter(|(at, _)| *at >= from);
        let late = later.clone().filter(|(_, took)| *took > 400.0).count();
        late as f64 / later.count().max(1) as f64
    }

    /// How long a sound packet after `from` ms took, if it was slower than all but two of a hundred.
    pub fn p98_sound(&self, from: f64) -> f64 {
        let mut took: Vec<f64> = self.sound.iter().filter(|(at, _)| *at >= from).map(|(_, took)| *took).collect();
        took.sort_by(f64::total_cmp);
        took.get(took.len() * 98 / 100).copied().unwrap_or_default()
    }

    /// When, after `from`, the rate was above `kbps` for half a second for the first time.
    pub fn reaches(&self, from: f64, kbps: f64) -> Option<f64> {
        let start = (from * 10.0) as usize;
        self.kbps[start..].windows(5).position(|five| five.iter().sum::<f64>() / 5.0 >= kbps).map(|index| index as f64 / 10.0)
    }
}

/// A whole run: sender, link, receiver.
pub struct Run {
    pub profile: Profile,
    pub seconds: f64,
    pub cap_kbps: u32,
    /// Share of reports that get lost.
    pub reports_lost: f64,
    /// From when to when, in seconds, a TCP flow shares the link.
    pub rival: Option<(f64, f64)>,
    /// No report arrives within these seconds.
    pub silence: (f64, f64),
    /// What there is to send at most.
    pub content_kbps: f64,
    pub seed: u64,
}

impl Run {
    pub fn new(profile: Profile, seconds: f64) -> Self {
        Self { profile, seconds, cap_kbps: 2500, reports_lost: 0.0, rival: None, silence: (0.0, 0.0), content_kbps: 1e6, seed: 1 }
    }

    pub fn go(&self) -> Outcome {
        let start = Instant::now();
        let at = |ms: f64| start + Duration::from_micros((ms * 1e3) as u64);
        let mut estimator = BandwidthEstimator::new(self.cap_kbps);
        let (mut departures, mut arrivals) = (Departures::default(), Arrivals::default());
        let mut pacer: Pacer<(u32, usize, Option<u32>, bool)> = Pacer::default();
        let mut dice = Dice::new(self.seed);
        let mut link = Link {
            profile: self.profile.clone(),
            queue: VecDeque::new(),
            queued: 0,
            credit: 0.0,
            dice: Dice::new(self.seed + 77),
            bad: false,
            last_out: 0.0,
            arriving: BTreeMap::new(),
            number: 0,
            dropped: Vec::new(),
        };
        let mut tcp = Tcp {
            window: 10.0,
            most: 80.0,
            since_loss: 0.0,
            recovering_until: 0.0,
            in_flight: 0,
            sent: 0,
            acks: VecDeque::new(),
            delivered: 0,
        };
        let mut reports: VecDeque<(f64, CcFeedbackReport)> = VecDeque::new();
        let mut sequences = BTreeMap::from([(VIDEO, 0u16), (AUDIO, 0), (PROBE, 0)]);
        let mut outcome = Outcome::default();
        let mut made: BTreeMap<u32, (f64, usize)> = BTreeMap::new();
        let (mut next_frame, mut frame_number, mut bytes_now, mut probe_pace) = (0.0, 0u32, 0usize, 0u32);
        let (mut packet, mut stalled_until) = (PACKET, 0.0);

        for step in 0..(self.seconds * 1e3) as u64 {
            let (ms, now) = (step as f64, at(step as f64));
            while reports.front().is_some_and(|(due, _)| *due <= ms) {
                let (_, report) = reports.pop_front().unwrap();
                let told = departures.report(now, &report);
                estimator.on_report(now, &told.fates, told.round_trip);
            }
            departures.expire(now);
            estimator.on_time(now);
            let estimate = estimator.estimate();

            // Sound at once, in longer and smaller packets the less there is.
            let (every, sound_bytes) = match estimate.target_kbps {
                0..38 => (120, 165),
                38..100 => (60, 165),
                100..180 => (40, 175),
                _ => (20, 160),
            };
            let sound_kbps = f64::from(sound_bytes) * 8.0 / f64::from(every);
            if step % every as u64 == 0 {
                let sequence = next(&mut sequences, AUDIO);
                departures.sent(now, AUDIO, sequence, sound_bytes as usize, false);
                estimator.on_sent(now);
                link.push(ms, sound_bytes as usize, Owner::Media { ssrc: AUDIO, sequence, frame: None, last: false, made: ms });
            }
            // A picture thirty times a second, if the path has room for it.
            if ms >= next_frame {
                let fps = if estimate.target_kbps < 120 { 8.0 } else { 30.0 };
                next_frame += 1000.0 / fps;
                let room =
                    departures.in_flight() + pacer.bytes() < estimate.window && !estimate.deaf && estimate.target_kbps >= 38;
                if room {
                    let kbps = (f64::from(estimate.target_kbps) * 0.97 - sound_kbps).max(12.0).min(self.content_kbps);
                    let bytes = if frame_number == 0 { 9000.0 } else { kbps / 8.0 * 1000.0 / fps * (0.75 + 0.5 * dice.roll()) };
                    let count = (bytes / PACKET as f64).ceil().max(1.0) as usize;
                    made.insert(frame_number, (ms, count));
                    for index in 0..count {
                        let size = (bytes as usize / count).max(90);
                        packet = size;
                        pacer.push(Class::Media, (VIDEO, size, Some(frame_number), index + 1 == count), size);
                    }
                    frame_number += 1;
                } else {
                    outcome.skipped += 1;
                }
            }
            if let Some(probe) = estimator.probe(now, departures.in_flight()) {
                probe_pace = probe.kbps;
                let (count, bytes) = match probe.bytes {
                    0 => (Probe::EMPTY_PACKETS, EMPTY),
                    bytes => (bytes.div_ceil(packet).max(Probe::PACKETS), packet),
                };
                for _ in 0..count {
                    pacer.push(Class::Probe, (PROBE, bytes, None, false), bytes);
                }
            }
            while let Some((ssrc, bytes, frame, last)) = pacer.pop(now, estimate.pace_kbps.max(probe_pace)) {
                let sequence = next(&mut sequences, ssrc);
                departures.sent(now, ssrc, sequence, bytes, ssrc == PROBE);
                estimator.on_sent(now);
                link.push(ms, bytes, Owner::Media { ssrc, sequence, frame, last, made: ms });
            }
            if pacer.bytes() == 0 {
                probe_pace = 0;
            }
            if let Some((from, to)) = self.rival {
                tcp.step(ms, (from * 1e3..to * 1e3).contains(&ms), &mut link);
            }
            link.serve(ms);
            for owner in std::mem::take(&mut link.dropped) {
                match owner {
                    Owner::Rival(_) => tcp.lost(ms, self.profile.delay_ms * 2.0),
                    Owner::Media { ssrc: AUDIO, .. } => outcome.sound_lost += 1,
                    Owner::Media { .. } => {}
                }
            }
            if dice.roll() < self.profile.stalls.1 / 1000.0 {
                stalled_until = ms + dice.roll() * self.profile.stalls.0;
            }
            let arrived = if ms < stalled_until { Vec::new() } else { link.arrivals(ms) };
            for (bytes, owner) in arrived {
                match owner {
                    Owner::Rival(_) => tcp.acks.push_back(ms + self.profile.delay_ms),
                    Owner::Media { ssrc, sequence, frame, last, made: left_at } => {
                        if ssrc == AUDIO {
                            outcome.sound.push((ms, ms - left_at));
                        }
                        bytes_now += bytes;
                        arrivals.arrived(now, ssrc, sequence, bytes, last);
                        let Some((when, left)) = frame.and_then(|frame| made.get_mut(&frame)) else { continue };
                        *left -= 1;
                        if *left == 0 {
                            outcome.pictures.push((*when, ms));
                        }
                    }
                }
            }
            if ms >= stalled_until
                && arrivals.deadline().is_some_and(|deadline| deadline <= now)
                && let Some(report) = arrivals.report(now)
            {
                let silent = (self.silence.0..self.silence.1).contains(&(ms / 1e3));
                if !silent && dice.roll() >= self.reports_lost {
                    let back = self.profile.delay_ms + dice.error(self.profile.jitter_ms);
                    let due = reports.back().map_or(0.0, |(due, _): &(f64, _)| *due).max(ms + back);
                    reports.push_back((due, report));
                }
            }
            if step % 100 == 99 {
                outcome.kbps.push(bytes_now as f64 * 8.0 / 100.0);
                outcome.targets.push(f64::from(estimate.target_kbps));
                outcome.losses.push((estimate.loss_percent, estimate.chance_loss_percent));
                outcome.deaf.push(estimate.deaf);
                bytes_now = 0;
            }
        }
        if let Some((from, to)) = self.rival {
            outcome.rival_kbps = tcp.delivered as f64 * 1500.0 * 8.0 / 1e3 / (to - from);
        }
        outcome
    }
}

impl Tcp {
    fn step(&mut self, ms: f64, on: bool, link: &mut Link) {
        while self.acks.front().is_some_and(|due| *due <= ms) {
            self.acks.pop_front();
            self.in_flight = self.in_flight.saturating_sub(1);
            self.delivered += u64::from(on);
        }
        self.since_loss += 1e-3;
        let k = (self.most * 0.3 / 0.4).cbrt();
        self.window = (0.4 * (self.since_loss - k).powi(3) + self.most).max(2.0);
        while on && (self.in_flight as f64) < self.window {
            self.in_flight += 1;
            self.sent += 1;
            link.push(ms, 1500, Owner::Rival(self.sent));
        }
    }

    fn lost(&mut self, ms: f64, round_trip: f64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if ms >= self.recovering_until {
            self.most = self.window;
            self.since_loss = 0.0;
            self.recovering_until = ms + round_trip + 200.0;
        }
    }
}

fn next(sequences: &mut BTreeMap<u32, u16>, ssrc: u32) -> u16 {
    let sequence = sequences.get_mut(&ssrc).expect("one of ours");
    *sequence = sequence.wrapping_add(1);
    *sequence
}
