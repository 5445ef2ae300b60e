//! How much the path carries, from what the other side says it received. Pure: `now` is an argument.
//!
//! Delay is the signal: a queue that builds up on the path shows as packets that take longer than the fastest ones did. Loss by
//! itself is not: radio links lose at random, and answering that with less picture helps nobody.
//!
//! ```text
//!   queue that grows, or is long  ──▶ 85 % of what arrives now, and nothing new in until the path has drained (the window)
//!   a queue drains, and far more arrives than is asked for  ──▶ most of that at once: it was a dip, and is over
//!   no queue, rate in use         ──▶ +15 % a second; +1 % near where a queue built up last
//!   a train of packets came through faster than the target ──▶ most of that rate at once
//!   all that is wanted fits ──▶ packets leave no faster than the path lets them through, so that sound waits behind none
//!   packets that waited came out far faster than the target ──▶ half of that, in steps: a path of fits and starts queues at any rate
//!   no queue, rate not known to be all ──▶ a probe: a train of packets sent again, at 2.5 times the target
//!   the same where a picture would fill the path ──▶ a train of empty packets: what holds it up is what there is
//!   a queue that stays although we sent little ──▶ somebody else fills it: hold our share until losses or calm
//!   more than a quarter lost      ──▶ 85 % once a second, or half, as long as less rate means less loss or no less arrives
//!   lost in a queue that has just become long ──▶ no loss by chance: copies and parity would only lengthen it
//!   nothing heard for 1 s         ──▶ half of what arrived, each second, a quarter if nothing ever was; for 5 s: sound only
//! ```
//!
//! What the parts are taken from: base delay and trend from GCC (Carlucci et al. 2016), the window from SCReAM (RFC 8298), trains
//! as probes from libwebrtc and from packet-pair dispersion (Dovrolis et al. 2001), a mode of its own for competing flows from
//! Copa (Arun and Balakrishnan, NSDI 2018). The constants are those at which the links of `tests` keep their promises.

mod capacity;
mod delay;
mod dip;
mod loss;
mod pacing;
mod rival;
mod service;
mod throughput;
mod train;

#[cfg(test)]
pub(crate) mod link;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use delay::Delay;
use loss::Heavy;
use rival::{Rival, Standing};
use service::Service;
use throughput::Throughput;
use train::Trains;

/// Where a call starts, in kbit/s. The first picture is a train and says within a round trip what the path carries.
pub const START_KBPS: u32 = 900;
/// Never less than this: the narrowest sound.
pub const FLOOR_KBPS: u32 = 16;

/// The rate grows only while at least this share of it is delivered: what nobody uses proves nothing.
const IN_USE: f64 = 0.75;
/// Growth a second while the path is calm, and near the rate where a queue built up last.
const GROWTH: f64 = 1.15;
const GROWTH_NEAR: f64 = 1.01;
const GROWTH_NEAR_SMALL: f64 = 1.04;
/// And where a step too far is a second of sound that waits.
const GROWTH_TINY: (f64, f64) = (1.08, 1.01);
/// Nearer than this share of the last known limit counts as near; the limit is forgotten after a while, for links change.
const NEAR: f64 = 0.85;
const REMEMBER_LIMIT: Duration = Duration::from_secs(12);
/// Share of what arrives that is asked for next when a queue builds up: the rest drains it.
const BACK_OFF: f64 = 0.85;
const BACK_OFF_SMALL: f64 = 0.9;
/// And when it is already so long that it is heard.
const BACK_OFF_HARD: f64 = 0.75;
const BACK_OFF_TINY: f64 = 0.85;
/// Share of a train's rate that is believed: a train is short, and others may share the path.
const BELIEVED: f64 = 0.85;
/// How much of a train's length jitter may take away, in multiples of the mean difference between two packets' delays.
const SQUEEZE: f64 = 1.5;
/// A train that came through faster than the rate where a queue built up last by no more than this says nothing new: that
/// rate was measured with all that was sent, and growth finds the rest.
const BEYOND_LIMIT: f64 = 1.4;
/// A probe is so much faster than the target.
const PROBE_FACTOR: f64 = 2.5;
/// How long one lasts: so many milliseconds, or so many times the mean difference between two packets' delays.
const PROBE_MS: f64 = 30.0;
const PROBE_JITTERS: f64 = 3.0;
/// Between probes while the last one changed nothing, and after one that did.
const PROBE_EVERY: Duration = Duration::from_secs(2);
const PROBE_AGAIN: Duration = Duration::from_millis(350);
/// After a queue built up, no probe for this long: the limit was just found.
const PROBE_AFTER_LIMIT: Duration = Duration::from_millis(1800);
/// Below this the last percent are picture; above, they are worth less than sound that does not wait.
const SMALL: f64 = 600.0;
/// Below this a train of pictures is a queue of seconds, so there is none: pictures are paced, probes are of empty packets, and each that
/// finds nothing is followed by a longer pause; and as sound alone does not use what there is, the rate grows whether it is used or not.
const TINY: f64 = 64.0;
const MOST_TRIES: u32 = 8;
/// Below this even that is a queue of a quarter of a second.
const TINIEST: f64 = 17.0;
/// A packet with nothing in it, with all headers: of a retransmission there is the number of what it repeats.
const MOST_EMPTY: usize = 64;
/// More loss than this lowers the rate whatever its cause.
const HEAVY_LOSS: f64 = 0.25;
/// Queues count as gone below this, and as building up above that; both plus what the path's jitter alone makes of them.
const CALM_MS: f64 = 14.0;
const FILLING_MS: f64 = 26.0;
/// A queue this long is acted on at the first report that shows it, if the one before showed some: a computer may stall.
const LONG_MS: f64 = 90.0;
/// Silence after which the rate is halved, again each second; and after which only sound is worth trying.
const SILENT: Duration = Duration::from_secs(1);
/// Where no report has come yet at all, the rate was a guess, and too bold.
const UNHEARD: f64 = 0.25;
/// What is halved is at most this much more than what arrived before.
const USED: f64 = 1.2;
const DEAF: Duration = Duration::from_secs(5);

/// What became of one packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PacketFate {
    /// The stream that it is of.
    pub ssrc: u32,
    /// When it left, on our clock.
    pub sent: Instant,
    /// When it arrived, on the other side's clock, whose zero is anyone's guess. `None`: it did not.
    pub arrived: Option<Duration>,
    /// Its size on the wire, headers of IP and UDP included.
    pub bytes: usize,
    /// Part of a [`Probe`].
    pub probe: bool,
}

/// What the path is thought to be like, and how to use it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// What to send, everything together and with all headers.
    pub target_kbps: u32,
    /// What arrived lately.
    pub delivered_kbps: u32,
    /// Share of packets that did not arrive at first, 0 to 100.
    pub loss_percent: f64,
    /// The same without what a queue had no room for: what copies, parity and second repairs are made for.
    pub chance_loss_percent: f64,
    /// How long packets wait on the path.
    pub queue_ms: f64,
    /// Bytes that may be on their way before nothing new is sent but sound.
    pub window: usize,
    /// How fast packets may follow each other.
    pub pace_kbps: u32,
    /// Nothing was heard for so long that a picture is pointless.
    pub deaf: bool,
}

/// A train of packets to send beyond what media gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    pub kbps: u32,
    /// At least so many bytes, in no fewer than [`Probe::PACKETS`]; 0: of packets with nothing in them.
    pub bytes: usize,
}

impl Probe {
    /// Fewer say nothing.
    pub const PACKETS: usize = 6;
    /// Together an eighth of a second at 28 kbit/s.
    pub const EMPTY_PACKETS: usize = 8;
}

/// Turns what became of packets into a rate.
#[derive(Debug)]
pub struct BandwidthEstimator {
    target: f64,
    cap: f64,
    /// Where it began, as a share of where it usually does.
    boldness: f64,
    delay: Delay,
    service: Service,
    throughput: Throughput,
    trains: Trains,
    loss: f64,
    /// Without what a queue lost that ran over; whether one did, by the last report; and since when and until when one was long.
    chance_loss: f64,
    runs_over: bool,
    long: Option<(Instant, Instant)>,
    /// The sending time of the newest packet whose fate was counted.
    counted: Option<Instant>,
    round_trip: Option<Duration>,
    /// When the last report came, and when something was sent for the first time since.
    heard: Option<Instant>,
    waiting_since: Option<Instant>,
    silences: u32,
    /// The target before the silence.
    before_silence: f64,
    /// The rate at which a queue built up last.
    limit: Option<Limit>,
    hold_until: Option<Instant>,
    /// The target before it.
    before_hold: f64,
    /// When much began to be lost.
    heavy: Option<Heavy>,
    loss_hold_until: Option<Instant>,
    next_probe: Option<Instant>,
    /// How many times the usual pause there is before the next probe of a tiny path.
    tries: u32,
    standing: Option<Standing>,
    backed_off: u32,
    /// Somebody else fills the queue; how long it was when that was found out.
    rival: Option<Rival>,
}

/// What the path carried when a queue built up.
#[derive(Debug, Clone, Copy)]
struct Limit {
    kbps: f64,
    until: Instant,
    /// How often in a row it turned out to be about the same.
    confirmed: u32,
}

impl BandwidthEstimator {
    /// Starts at [`START_KBPS`], never asks for more than `cap_kbps`.
    pub fn new(cap_kbps: u32) -> Self {
        let cap = f64::from(cap_kbps).max(f64::from(FLOOR_KBPS));
        Self {
            target: f64::from(START_KBPS).min(cap),
            cap,
            boldness: 1.0,
            delay: Delay::default(),
            service: Service::default(),
            throughput: Throughput::default(),
            trains: Trains::default(),
            loss: 0.0,
            chance_loss: 0.0,
            runs_over: false,
            long: None,
            counted: None,
            round_trip: None,
            heard: None,
            waiting_since: None,
            silences: 0,
            before_silence: 0.0,
            limit: None,
            hold_until: None,
            before_hold: 0.0,
            heavy: None,
            loss_hold_until: None,
            next_probe: None,
            tries: 1,
            standing: None,
            backed_off: 0,
            rival: None,
        }
    }

    /// Begins with this, for whoever knows something of the path before the first report.
    pub fn begin_at(&mut self, kbps: u32) {
        if self.heard.is_none() {
            self.target = f64::from(kbps).clamp(f64::from(FLOOR_KBPS), self.cap);
            self.boldness = (self.target / f64::from(START_KBPS)).min(1.0);
        }
    }

    /// Something left: from now on an answer is due.
    pub fn on_sent(&mut self, now: Instant) {
        self.waiting_since.get_or_insert(now);
    }

    /// Takes a report: packets in the order they were sent, each told once, and the round trip that the report measured.
    pub fn on_report(&mut self, now: Instant, packets: &[PacketFate], round_trip: Option<Duration>) -> Estimate {
        if packets.is_empty() {
            return self.estimate();
        }
        let lasted = self.heard.map_or(Duration::ZERO, |heard| now.saturating_duration_since(heard));
        // A report that took long itself came out of a queue: that path was never away.
        let returned = self.silences > 0 && round_trip.is_none_or(|round_trip| round_trip < SILENT);
        (self.heard, self.waiting_since, self.silences) = (Some(now), None, 0);
        if let Some(sample) = round_trip {
            let old = self.round_trip.unwrap_or(sample);
            self.round_trip = Some(if sample < old { sample } else { (old * 31 + sample) / 32 });
        }
        if returned {
            // A path that came back may be another one: what was learnt of the old one does not hold.
            (self.limit, self.hold_until, self.next_probe) = (None, None, Some(now));
            self.delay.forget();
            self.target = self.target.max(self.before_silence.min(f64::from(START_KBPS) / 2.0)).min(self.cap);
        }
        // On a tiny path they are faster than whatever has something in it, and the rest would always seem to wait.
        let empty = |packet: &PacketFate| packet.probe && packet.bytes <= MOST_EMPTY;
        self.delay.observe(now, packets.iter().filter(|packet| !empty(packet)));
        self.service.observe(packets, |sent| self.delay.earliest(sent));
        self.look_for_overflow(now);
        self.count_losses(packets);
        self.throughput.observe(packets);
        // Where a probe takes a tenth of a second, jitter is the smaller error.
        let squeeze = if self.target < TINY { 0.0 } else { SQUEEZE };
        self.trains.observe(packets, squeeze * self.delay.jitter_ms());
        self.decide(now, lasted.min(Duration::from_millis(500)));
        self.estimate()
    }

    /// Lets time pass without a report. True if the estimate changed.
    pub fn on_time(&mut self, now: Instant) -> bool {
        let since = self.waiting_since.into_iter().chain(self.heard).max();
        let silent = match (self.waiting_since, since) {
            (Some(_), Some(since)) => now.saturating_duration_since(since),
            _ => return false,
        };
        let due = (silent.as_millis() / SILENT.as_millis()) as u32;
        let more = due.saturating_sub(self.silences);
        if more == 0 {
            return false;
        }
        if self.silences == 0 {
            self.before_silence = self.target;
            // Half of what nobody used would still be far too much for sound alone on a path that became narrow.
            let used = self.throughput.kbps() * USED;
            self.target = if used > 0.0 { self.target.min(used) } else { self.target };
        }
        self.silences = due;
        let share = if self.heard.is_some() { 0.5f64 } else { UNHEARD };
        self.target = (self.target * share.powi(more as i32)).max(f64::from(FLOOR_KBPS));
        true
    }

    /// The probe that is due, if one is. `in_flight` bytes are on their way.
    pub fn probe(&mut self, now: Instant, in_flight: usize) -> Option<Probe> {
        let due = self.next_probe.is_some_and(|next| next <= now);
        let room = (TINIEST..self.cap * 0.95).contains(&self.target) && (in_flight as f64) < self.window() * 0.8;
        if !due || !room || self.silences > 0 || self.rival.is_some() || !self.is_calm() || self.loss > HEAVY_LOSS {
            return None;
        }
        let kbps = (self.target * PROBE_FACTOR).min(self.cap * 1.2);
        if self.target < TINY {
            self.next_probe = Some(now + PROBE_EVERY * self.tries);
            self.tries = (self.tries * 2).min(MOST_TRIES);
            return Some(Probe { kbps: kbps as u32, bytes: 0 });
        }
        self.next_probe = Some(now + PROBE_EVERY);
        // Long enough for a clock of milliseconds to see and for what jitter takes away, short enough not to be a queue itself.
        let lasts_ms = PROBE_MS.max(PROBE_JITTERS * self.delay.jitter_ms());
        let bytes = (kbps / 8.0 * lasts_ms).clamp(600.0, 24_000.0);
        Some(Probe { kbps: kbps as u32, bytes: bytes as usize })
    }

    /// From a departure to its report, the shortest of late; nothing before the first.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What the last report led to.
    pub fn estimate(&self) -> Estimate {
        Estimate {
            target_kbps: self.target.round() as u32,
            delivered_kbps: self.throughput.kbps().round() as u32,
            loss_percent: self.loss * 100.0,
            chance_loss_percent: self.chance_loss * 100.0,
            queue_ms: self.delay.queue_ms(),
            window: self.window() as usize,
            pace_kbps: self.pace() as u32,
            deaf: u128::from(self.silences) * SILENT.as_millis() >= DEAF.as_millis(),
        }
    }

    fn is_calm(&self) -> bool {
        self.delay.steady_ms() < CALM_MS + self.delay.jitter_ms()
    }

    fn is_long(&self) -> bool {
        self.delay.queue_ms() > LONG_MS + self.delay.jitter_ms() && self.delay.steady_ms() > LONG_MS / 3.0
    }

    fn decide(&mut self, now: Instant, lasted: Duration) {
        let filling = self.delay.steady_ms() > FILLING_MS + self.delay.jitter_ms() && self.delay.is_growing();
        let long = self.is_long();
        let held = self.hold_until.is_some_and(|until| now < until);
        let stands = self.watch_standing(now, filling || long);
        if self.rival.is_some() {
            self.compete(now, lasted);
        } else if (filling || long) && (!held || self.delay.is_worse()) || stands && !held {
            self.back_off(now, long);
        } else if self.drains(now) {
            self.follow_drain(now);
        } else if !held && self.is_calm() && self.loss < HEAVY_LOSS {
            self.grow(now, lasted);
        }
        self.follow_heavy_loss(now);
        self.target = self.target.clamp(f64::from(FLOOR_KBPS), self.cap);
        if self.target < self.cap {
            // A path that does not carry all that is wanted changes, or has no room to spare.
            self.trains.forget_capacity();
        }
    }

    fn back_off(&mut self, now: Instant, long: bool) {
        let carried = self.carried_kbps().max(f64::from(FLOOR_KBPS));
        let share = match long {
            // There a quarter less may be the whole picture.
            true if carried < TINY => BACK_OFF_TINY,
            true => BACK_OFF_HARD,
            false if carried < SMALL => BACK_OFF_SMALL,
            false => BACK_OFF,
        };
        if self.hold_until.is_none_or(|until| now >= until) {
            self.before_hold = self.target;
        }
        self.throughput.mark();
        self.target = self.target.min(carried * share).max(self.target * 0.1);
        self.found_limit(now, carried);
        self.backed_off += 1;
        self.hold_until = Some(now + self.settle());
        self.next_probe = Some(now + PROBE_AFTER_LIMIT);
        self.trains.clear();
        self.forget_service();
        self.delay.acted();
    }

    /// The path carries `kbps` and no more.
    fn found_limit(&mut self, now: Instant, kbps: f64) {
        let confirmed =
            self.limit.filter(|limit| (0.7..1.4).contains(&(kbps / limit.kbps))).map_or(0, |limit| limit.confirmed + 1);
        // A step too far on a tiny path is a second of sound that waits: what was found there twice is tried less and less often.
        let lasts = if self.target < TINY { REMEMBER_LIMIT * (1 << confirmed.min(2)) } else { REMEMBER_LIMIT };
        self.limit = Some(Limit { kbps, until: now + lasts, confirmed });
    }

    fn grow(&mut self, now: Instant, lasted: Duration) {
        self.backed_off = 0;
        // At first at once: nobody knows anything yet.
        self.next_probe.get_or_insert(now);
        let tiny = self.target < TINY;
        let limit = self.limit.filter(|limit| now < limit.until).map(|limit| limit.kbps);
        let train = self.trains.take();
        // There, what came through as fast as it went says that the limit is another one by now.
        let known = limit.filter(|_| !tiny || train.is_some_and(|train| train.held_up)).map_or(0.0, |limit| limit * BEYOND_LIMIT);
        if let Some(kbps) = train.map(|train| train.kbps).filter(|kbps| kbps * BELIEVED > self.target && *kbps > known) {
            self.target = (kbps * BELIEVED).min(self.target * PROBE_FACTOR);
            self.tries = 1;
            self.next_probe = Some(now + PROBE_AGAIN.max(self.settle()));
            return;
        }
        if let Some(train) = train.filter(|train| tiny && train.held_up) {
            // There, growth asks nobody whether there is room.
            self.found_limit(now, train.kbps);
            self.target = self.target.min(train.kbps);
        }
        if self.follow_service() {
            return;
        }
        let near = limit.is_some_and(|limit| self.target > limit * NEAR);
        if tiny || self.throughput.kbps() > self.target * IN_USE {
            let growth = match (near, tiny) {
                (false, true) => GROWTH_TINY.0,
                (true, true) => GROWTH_TINY.1,
                (true, false) if self.target < SMALL => GROWTH_NEAR_SMALL,
                (true, false) => GROWTH_NEAR,
                (false, false) => GROWTH,
            };
            self.target *= growth.powf(lasted.as_secs_f64());
        }
    }

    /// How long a change takes to show: there and back, and a report.
    fn settle(&self) -> Duration {
        self.round_trip.unwrap_or(Duration::from_millis(100)) + Duration::from_millis(80)
    }
}
