//! The sending half of the path: sound at once, pictures paced, parity and repairs with them, and a rate from what became of it all.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use rtc::rtcp::transport_feedbacks::cc_feedback_report::CcFeedbackReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp::Packet;
use rtc::rtp::header::Header;

use super::abandon::Abandonment;
use super::bandwidth::{BandwidthEstimator, Estimate, PacketFate, Probe};
use super::counters::Counters;
use super::departures::Departures;
use super::describe::{PARITY, RTX, Streams};
use super::kept::Kept;
use super::loss_runs::{APART, LossRuns};
use super::pacer::{Class, Pacer};
use super::parity::{self, MOST_PACKETS};
use super::path::Reading;
use super::protection::Protection;
use super::standstill::Standstill;
use super::start::{NARROW_KBPS, StartRate};
use crate::media::fragment::{FrameKind, Piece};

/// RTP's header, SRTP's tag (RFC 7714), UDP and IPv4: what a payload takes more on the wire.
pub(super) const HEADERS: usize = 12 + 16 + 8 + 20;
/// How often time is looked at although nothing happens.
const TICK: Duration = Duration::from_millis(25);
/// Beyond this loss, repairs and requests for them are sent twice: a lost one costs another round trip.
const DOUBLE_REPAIRS: f64 = 3.0;
/// So many lost in a row are seldom chance; and so many of sound are more than two copies side by side bring back.
const LONG: u32 = 4;
const LONG_IN_SOUND: u32 = 3;
/// Repairs take at most this share of the rate, reckoned over so long.
const REPAIR_SHARE: f64 = 0.3;
const REPAIR_WINDOW: Duration = Duration::from_millis(500);
/// A picture that waits for the pacer longer than this keeps the next one from being made.
const LONGEST_WAIT: Duration = Duration::from_millis(40);
/// Repairs take at most this percentage of what they repair, for the reckoning: beyond it, fewer are asked for in time.
const MOST_AGAIN: f64 = 50.0;
/// Where losses come in runs, so much more is left free, in percent of the pictures: a run's repairs are as large as a picture or two, and
/// what they hold up is late.
const FREE_FOR_RUNS: f64 = 15.0;
/// How long it is remembered what repairs took.
const REPAIRS_MEMORY: Duration = Duration::from_secs(2);
/// On a path with room for little more than sound, no more of it goes in while what is on its way takes this long: it would come later than
/// anybody listens, and the queue would never empty.
const MOST_SOUND: Duration = Duration::from_millis(1000);
/// After something was given up, a picture that needs nothing of it is waited for this long. If none comes, the others leave again.
const STALE_FOR: Duration = Duration::from_millis(1000);
/// What a path was found to carry for so long is no beginner's mistake.
const TELLING: Duration = Duration::from_secs(3);
/// A usual picture, in packets, for telling what parity costs.
const USUAL: usize = 8;

/// See the top of the file.
pub(super) struct Sending {
    ours: Streams,
    estimator: BandwidthEstimator,
    start: StartRate,
    begun: bool,
    /// Since when reports come.
    heard: Option<Instant>,
    departures: Departures,
    pacer: Pacer<Outgoing>,
    kept: Kept,
    protection: Protection,
    /// Runs among all packets, and among those of sound.
    losses: LossRuns,
    sound_losses: LossRuns,
    abandonment: Abandonment,
    standstill: Standstill,
    /// How often what was lost or lay in the path was given up, and since when pictures are left out that need it.
    abandoned: u32,
    stale: Option<Instant>,
    /// When a picture came last that needs none before it.
    renewed: Option<Instant>,
    /// The payloads of the picture that is being sent, and the number and stamp of the first.
    block: Vec<Bytes>,
    first: u16,
    repairs: u16,
    /// What is to be sent again a second time, and when.
    again: VecDeque<(Instant, Packet)>,
    parities: u16,
    probe_kbps: u32,
    /// Bytes that left of late, of pictures and of repairs.
    left: (f64, f64),
    /// Bytes that were sent again, and since when.
    repaired: (Option<Instant>, usize),
    counters: Arc<Counters>,
    next_tick: Option<Instant>,
}

struct Outgoing {
    packet: Packet,
    probe: bool,
}

impl Sending {
    pub fn new(ours: Streams, cap_kbps: u32, start: StartRate, counters: Arc<Counters>) -> Self {
        let mut estimator = BandwidthEstimator::new(cap_kbps);
        estimator.begin_at(start.kbps());
        Self {
            ours,
            estimator,
            start,
            begun: false,
            heard: None,
            departures: Departures::default(),
            pacer: Pacer::default(),
            kept: Kept::default(),
            protection: Protection::default(),
            losses: LossRuns::of(LONG),
            sound_losses: LossRuns::of(LONG_IN_SOUND),
            abandonment: Abandonment::default(),
            standstill: Standstill::default(),
            abandoned: 0,
            stale: None,
            renewed: None,
            block: Vec::new(),
            first: 0,
            repairs: 0,
            again: VecDeque::new(),
            parities: 0,
            probe_kbps: 0,
            left: (0.0, 0.0),
            repaired: (None, 0),
            counters,
            next_tick: None,
        }
    }

    /// Takes a packet on its way out; returns it if it may leave at once.
    pub fn packet(&mut self, now: Instant, packet: Packet) -> Option<Packet> {
        if !std::mem::replace(&mut self.begun, true) {
            self.estimator.begin_at(self.start.kbps());
        }
        if packet.header.ssrc != self.ours.video {
            if self.is_clogged() {
                Counters::add(&self.counters.dropped, 1);
                return None;
            }
            self.note(now, &packet, false);
            return Some(packet);
        }
        if self.is_stale(now, &packet.payload) {
            return None;
        }
        let Header { sequence_number, timestamp, marker, .. } = packet.header;
        if self.block.is_empty() {
            self.first = sequence_number;
        }
        self.block.push(packet.payload.clone());
        self.push(Class::Media, packet, false);
        if marker || self.block.len() == MOST_PACKETS {
            self.protect(timestamp, marker);
        }
        None
    }

    /// Whether a piece is of a picture that needs what was given up.
    fn is_stale(&mut self, now: Instant, payload: &Bytes) -> bool {
        if Piece::parse(payload).is_some_and(|piece| piece.start && piece.kind != FrameKind::Delta) {
            (self.stale, self.renewed) = (None, Some(now));
            self.abandonment.renew();
        }
        self.stale.is_some()
    }

    /// Whether sound that leaves now would only lengthen a queue that is too long for it already. Where nothing was heard for long there may
    /// be no queue but no path, and sound is the first to find out that there is one again.
    fn is_clogged(&self) -> bool {
        let Estimate { target_kbps: kbps, deaf, .. } = self.estimator.estimate();
        kbps < NARROW_KBPS && !deaf && super::pacer::lasts(self.departures.in_flight(), kbps) > MOST_SOUND
    }

    /// Sends parity after a picture.
    fn protect(&mut self, timestamp: u32, ends: bool) {
        let parities = self.protection.parities(self.block.len());
        let payloads = parity::protect(self.first, &self.block, parities, ends);
        self.block.clear();
        for payload in payloads {
            let header = Header {
                version: 2,
                payload_type: PARITY,
                sequence_number: self.parities,
                timestamp,
                ssrc: self.ours.parity,
                ..Default::default()
            };
            self.parities = self.parities.wrapping_add(1);
            self.push(Class::Media, Packet { header, payload }, false);
        }
    }

    /// The next packet whose time has come.
    pub fn release(&mut self, now: Instant) -> Option<Packet> {
        while let Some((_, packet)) = self.again.pop_front_if(|(at, _)| *at <= now) {
            let again = self.wrap(&packet);
            self.push(Class::Repair, again, false);
        }
        let pace = self.estimator.estimate().pace_kbps.max(self.probe_kbps);
        let Some(Outgoing { packet, probe }) = self.pacer.pop(now, pace) else {
            if self.pacer.bytes() == 0 {
                self.probe_kbps = 0;
            }
            return None;
        };
        self.note(now, &packet, probe);
        if packet.header.ssrc == self.ours.video {
            self.kept.keep(now, packet.clone());
        }
        Some(packet)
    }

    /// Takes a report of what arrived.
    pub fn report(&mut self, now: Instant, report: &CcFeedbackReport) {
        let told = self.departures.report(now, report);
        let estimate = self.estimator.on_report(now, &told.fates, told.round_trip);
        // What a queue had no room for is no measure of what copies and parity are for.
        if !self.estimator.runs_over() {
            let sound = told.fates.iter().filter(|fate| fate.ssrc == self.ours.audio);
            sound.for_each(|fate| self.sound_losses.observe(fate.arrived.is_none()));
            self.counters.loses_in_runs.store(self.sound_losses.come_in_runs(), Ordering::Relaxed);
            let lost = || told.fates.iter().map(|fate| fate.arrived.is_none());
            lost().for_each(|lost| self.losses.observe(lost));
            self.protection.observe(lost());
        }
        self.protection.update(now, self.round_trip(), estimate.target_kbps);
        let since = *self.heard.get_or_insert(now);
        let surely = now.saturating_duration_since(since) > TELLING && estimate.loss_percent < DOUBLE_REPAIRS;
        self.start.learnt(estimate.target_kbps, surely);
        self.standstill.report(now, &told.fates, self.estimator.round_trip());
        let bytes =
            |which: &dyn Fn(&PacketFate) -> bool| told.fates.iter().filter(|fate| which(fate)).map(|fate| fate.bytes).sum();
        let needed = |fate: &PacketFate| self.renewed.is_none_or(|renewed| fate.sent >= renewed);
        let lost = bytes(&|fate| fate.ssrc == self.ours.video && fate.arrived.is_none() && needed(fate));
        let repaired = bytes(&|fate| fate.ssrc == self.ours.repair && fate.arrived.is_some() && !fate.probe);
        if self.abandonment.decide(now, (estimate.target_kbps, estimate.delivered_kbps), lost, repaired) {
            self.abandon(now);
        }
    }

    /// Gives up what was lost, or lies in a path that stands still, and with it all pictures that need it.
    fn abandon(&mut self, now: Instant) {
        [Class::Repair, Class::Media, Class::Probe].into_iter().for_each(|class| self.pacer.clear(class));
        self.kept = Kept::default();
        self.again.clear();
        self.block.clear();
        self.stale = Some(now);
        self.abandoned += 1;
    }

    /// Sends again what was asked for.
    pub fn repair(&mut self, now: Instant, nack: &TransportLayerNack) {
        if nack.media_ssrc != self.ours.video {
            return;
        }
        let doubled = self.loses_much();
        let sequences = nack.nacks.iter().flat_map(|pair| {
            let others = (0..16).filter(|bit| pair.lost_packets & 1 << bit != 0).map(|bit| pair.packet_id.wrapping_add(bit + 1));
            std::iter::once(pair.packet_id).chain(others)
        });
        for sequence in sequences {
            Counters::add(&self.counters.nacks_received, 1);
            if !self.may_repair(now) {
                continue;
            }
            let Some(packet) = self.kept.wanted(now, sequence, self.round_trip()) else { continue };
            Counters::add(&self.counters.retransmitted, 1);
            self.repaired.1 += packet.payload.len() + HEADERS;
            let again = self.wrap(&packet);
            self.push(Class::Repair, again, false);
            if doubled && self.losses.come_in_runs() {
                self.again.push_back((now + APART, packet));
            } else if doubled {
                // Behind what else there is to send.
                let again = self.wrap(&packet);
                self.push(Class::Probe, again, false);
            }
        }
    }

    /// Whether a repair may be added to what is under way: not on a path that is full, for it would only make it fuller, and not
    /// beyond a share of the rate. What is not repaired now is asked for again, or a keyframe is.
    fn may_repair(&mut self, now: Instant) -> bool {
        let estimate = self.estimator.estimate();
        let (since, bytes) = &mut self.repaired;
        if since.is_none_or(|since| now.saturating_duration_since(since) >= REPAIR_WINDOW) {
            (*since, *bytes) = (Some(now), 0);
        }
        let most = f64::from(estimate.target_kbps) * 125.0 * REPAIR_WINDOW.as_secs_f64() * REPAIR_SHARE;
        self.departures.in_flight() < estimate.window * 2 && (*bytes as f64) < most
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) {
        if self.next_tick.is_some_and(|next| now < next) {
            return;
        }
        self.next_tick = Some(now + TICK);
        let kept = 1.0 - TICK.as_secs_f64() / REPAIRS_MEMORY.as_secs_f64();
        self.left = (self.left.0 * kept, self.left.1 * kept);
        self.departures.expire(now);
        self.stale = self.stale.filter(|since| now.saturating_duration_since(*since) < STALE_FOR);
        self.estimator.on_time(now);
        let (estimate, round_trip) = (self.estimator.estimate(), self.estimator.round_trip());
        let under_way = (self.departures.in_flight(), self.pacer.bytes());
        if self.standstill.look(now, &estimate, round_trip, under_way) {
            self.abandon(now);
        }
        let Some(probe) = self.estimator.probe(now, self.departures.in_flight() + self.pacer.bytes()) else { return };
        self.probe_kbps = probe.kbps;
        let packets = match probe.bytes {
            0 => vec![Packet::default(); Probe::EMPTY_PACKETS],
            bytes => self.kept.newest(Probe::PACKETS, bytes),
        };
        for packet in packets {
            let again = self.wrap(&packet);
            self.push(Class::Probe, again, true);
        }
    }

    /// When something is to be done although nothing comes.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let again = self.again.front().map(|(at, _)| *at);
        [self.pacer.deadline(now), again, self.next_tick].into_iter().flatten().min()
    }

    /// Whether another picture may be made.
    pub fn has_room(&self) -> bool {
        let estimate = self.estimator.estimate();
        let waiting = super::pacer::lasts(self.pacer.bytes(), estimate.pace_kbps);
        // What was made before something was given up is taken and left out, to make room for the one that is waited for.
        let fits = self.departures.in_flight() + self.pacer.bytes() < estimate.window && waiting < LONGEST_WAIT;
        self.stale.is_some() || fits && !self.standstill.stands()
    }

    pub fn reading(&self) -> Reading {
        let estimate = self.estimator.estimate();
        // What is lost is sent again, if parity does not give it back, and where much is lost twice; or what repairs did take, if that
        // is more. In steps of two, for this is told on.
        let times = if estimate.chance_loss_percent > DOUBLE_REPAIRS { 1.5 } else { 1.0 };
        let took = self.left.1 / self.left.0.max(1.0) * 100.0;
        let again = ((estimate.chance_loss_percent * times).max(took).min(MOST_AGAIN) / 2.0).round() * 2.0;
        let parity = (self.protection.overhead(USUAL) * 100.0).round();
        let free = if self.loses_much() && self.losses.come_in_runs() { FREE_FOR_RUNS } else { 0.0 };
        Reading { estimate, repair_percent: (parity + again + free) as u32, abandoned: self.abandoned }
    }

    /// Whether so much gets lost by chance that what matters is sent twice.
    pub fn loses_much(&self) -> bool {
        self.estimator.estimate().chance_loss_percent > DOUBLE_REPAIRS
    }

    pub fn measured_round_trip(&self) -> Option<Duration> {
        self.estimator.round_trip()
    }

    /// A guess before it is measured.
    pub fn round_trip(&self) -> Duration {
        self.estimator.round_trip().unwrap_or(Duration::from_millis(80))
    }

    fn push(&mut self, class: Class, packet: Packet, probe: bool) {
        let bytes = packet.payload.len() + HEADERS;
        if !self.pacer.push(class, Outgoing { packet, probe }, bytes) {
            Counters::add(&self.counters.dropped, 1);
        }
    }

    fn note(&mut self, now: Instant, packet: &Packet, probe: bool) {
        let Header { ssrc, sequence_number, .. } = packet.header;
        let bytes = packet.payload.len() + HEADERS;
        if ssrc == self.ours.video {
            self.left.0 += bytes as f64;
        } else if ssrc == self.ours.repair && !probe {
            self.left.1 += bytes as f64;
        }
        self.departures.sent(now, ssrc, sequence_number, bytes, probe);
        self.estimator.on_sent(now);
        self.next_tick.get_or_insert(now + TICK);
    }

    /// A retransmission (RFC 4588 section 4).
    fn wrap(&mut self, packet: &Packet) -> Packet {
        let mut payload = BytesMut::with_capacity(2 + packet.payload.len());
        payload.put_u16(packet.header.sequence_number);
        payload.put_slice(&packet.payload);
        let header = Header {
            version: 2,
            payload_type: RTX,
            sequence_number: self.repairs,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            ssrc: self.ours.repair,
            ..Default::default()
        };
        self.repairs = self.repairs.wrapping_add(1);
        Packet { header, payload: payload.freeze() }
    }
}

#[cfg(test)]
mod tests;
