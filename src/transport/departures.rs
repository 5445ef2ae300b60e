//! What left, until the other side has said what became of it. Pure: `now` is an argument.
//!
//! A packet is lost only if a report says so: of a report that got lost, the next one repeats what mattered, and a packet that no
//! report ever names counts for nothing. That a later packet arrived is not enough, either: it may have overtaken.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use rtc::rtcp::transport_feedbacks::cc_feedback_report::CcFeedbackReport;

use super::bandwidth::PacketFate;

/// A packet that was not there when one that left this much later was is lost.
const REORDERING: Duration = Duration::from_millis(15);
/// Nobody has said anything of it for so long that nobody will, or that it is out of the path at least.
const FORGET: Duration = Duration::from_secs(12);
const OUT_OF_PATH: Duration = Duration::from_millis(1200);
/// Reports are made of milliseconds: RFC 8888 counts offsets in 1/1024 s, and the report's own time in 1/65536 s.
const OFFSET_UNIT: f64 = 1.0 / 1024.0;
const TIME_UNIT: f64 = 1.0 / 65_536.0;

/// Packets on their way.
#[derive(Debug, Default)]
pub struct Departures {
    /// In the order of departure; the first has the number `first`.
    sent: VecDeque<Departure>,
    first: u64,
    by_name: HashMap<(u32, u16), u64>,
    /// Those before this number are out of the path.
    landed: u64,
    in_flight: usize,
}

#[derive(Debug)]
struct Departure {
    name: (u32, u16),
    at: Instant,
    bytes: usize,
    probe: bool,
    /// Told already, or given up.
    settled: bool,
    /// Counts as on its way.
    counted: bool,
}

/// What one report says.
#[derive(Debug, Default)]
pub struct Told {
    /// In the order of departure.
    pub fates: Vec<PacketFate>,
    /// From the departure of the newest packet that the report names to its coming, without the time that it lay there.
    pub round_trip: Option<Duration>,
}

impl Departures {
    /// Notes that a packet left; `probe` if it is part of one.
    pub fn sent(&mut self, now: Instant, ssrc: u32, sequence: u16, bytes: usize, probe: bool) {
        self.expire(now);
        let number = self.first + self.sent.len() as u64;
        self.by_name.insert((ssrc, sequence), number);
        self.in_flight += bytes;
        self.sent.push_back(Departure { name: (ssrc, sequence), at: now, bytes, probe, settled: false, counted: true });
    }

    /// Bytes that are on their way as far as anybody knows.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Takes a report and says what is new in it.
    pub fn report(&mut self, now: Instant, report: &CcFeedbackReport) -> Told {
        self.expire(now);
        let time = f64::from(report.report_timestamp) * TIME_UNIT;
        let mut newest: Option<(Instant, f64)> = None;
        let mut arrived = Vec::new();
        let mut missing = Vec::new();
        for block in &report.report_blocks {
            for (index, metric) in block.metric_blocks.iter().enumerate() {
                let name = (block.media_ssrc, block.begin_sequence.wrapping_add(index as u16));
                let Some(number) = self.by_name.get(&name).copied() else { continue };
                if !metric.received {
                    missing.push(number);
                    continue;
                }
                let offset = f64::from(metric.arrival_time_offset) * OFFSET_UNIT;
                let at = self.get(number).at;
                if newest.is_none_or(|(newest, _)| newest < at) {
                    newest = Some((at, offset));
                }
                arrived.push((number, Duration::from_secs_f64((time - offset).max(0.0))));
            }
        }
        let Some((newest, held)) = newest else { return Told::default() };
        let round_trip = now.saturating_duration_since(newest).checked_sub(Duration::from_secs_f64(held));
        let mut fates: Vec<(u64, PacketFate)> =
            arrived.into_iter().filter_map(|(number, at)| Some((number, self.settle(number, Some(at))?))).collect();
        for number in missing {
            let out = newest.saturating_duration_since(self.get(number).at) > REORDERING;
            fates.extend(out.then(|| self.settle(number, None)).flatten().map(|fate| (number, fate)));
        }
        // A path keeps the order: what left well before has come out of it, one way or the other.
        let out = self.sent.partition_point(|departure| newest.saturating_duration_since(departure.at) > REORDERING);
        let from = (self.landed.max(self.first) - self.first) as usize;
        (from..out).for_each(|index| self.land(index));
        self.landed = self.landed.max(self.first + out as u64);
        fates.sort_unstable_by_key(|(number, _)| *number);
        Told { fates: fates.into_iter().map(|(_, fate)| fate).collect(), round_trip }
    }

    fn get(&self, number: u64) -> &Departure {
        &self.sent[(number - self.first) as usize]
    }

    fn settle(&mut self, number: u64, arrived: Option<Duration>) -> Option<PacketFate> {
        let index = (number - self.first) as usize;
        let departure = &mut self.sent[index];
        if std::mem::replace(&mut departure.settled, true) {
            return None;
        }
        let Departure { name: (ssrc, _), at: sent, bytes, probe, .. } = *departure;
        let fate = PacketFate { ssrc, sent, arrived, bytes, probe };
        self.land(index);
        Some(fate)
    }

    fn land(&mut self, index: usize) {
        let departure = &mut self.sent[index];
        if std::mem::replace(&mut departure.counted, false) {
            self.in_flight -= departure.bytes;
        }
    }

    /// Forgets the old.
    pub fn expire(&mut self, now: Instant) {
        let age = |departure: &Departure| now.saturating_duration_since(departure.at);
        self.landed = self.landed.max(self.first);
        while let Some(departure) = self.sent.get((self.landed - self.first) as usize)
            && age(departure) > OUT_OF_PATH
        {
            self.land((self.landed - self.first) as usize);
            self.landed += 1;
        }
        while let Some(oldest) = self.sent.front().filter(|oldest| age(oldest) > FORGET) {
            if self.by_name.get(&oldest.name) == Some(&self.first) {
                self.by_name.remove(&oldest.name);
            }
            self.sent.pop_front();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::arrivals::Arrivals;
    use super::*;

    const SSRC: u32 = 7;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    /// Sends packets 10 ms apart, of which those in `lost` do not arrive; 30 ms later each arrives. Reports as they come about.
    fn run(lost: &[u16], count: u16) -> (Instant, Departures, Vec<CcFeedbackReport>) {
        let (start, mut departures, mut arrivals) = (Instant::now(), Departures::default(), Arrivals::default());
        let mut reports = Vec::new();
        for sequence in 0..count {
            let at = start + ms(10 * u64::from(sequence));
            departures.sent(at, SSRC, sequence, 1000, false);
            if !lost.contains(&sequence) {
                arrivals.arrived(at + ms(30), SSRC, sequence, 1000, false);
            }
            if arrivals.deadline().is_some_and(|deadline| deadline <= at + ms(30)) {
                reports.extend(arrivals.report(at + ms(30)));
            }
        }
        (start, departures, reports)
    }

    #[test]
    fn a_report_says_of_each_packet_once_what_became_of_it() {
        let (start, mut departures, reports) = run(&[3, 4], 40);
        let mut fates = Vec::new();
        for report in reports {
            fates.extend(departures.report(start + ms(500), &report).fates);
        }
        assert!(fates.windows(2).all(|pair| pair[0].sent < pair[1].sent));
        let lost: Vec<_> =
            fates.iter().filter(|fate| fate.arrived.is_none()).map(|fate| (fate.sent - start).as_millis()).collect();
        assert_eq!(lost, [30, 40]);
        assert!(fates.len() >= 30);
    }

    #[test]
    fn a_lost_report_is_not_lost_media() {
        let (start, mut departures, reports) = run(&[], 60);
        let heard: Vec<_> = reports.iter().enumerate().filter(|(index, _)| index % 2 == 1).map(|(_, report)| report).collect();
        let fates: Vec<_> = heard.iter().flat_map(|report| departures.report(start + ms(700), report).fates).collect();
        assert!(fates.iter().all(|fate| fate.arrived.is_some()));
        assert!(fates.len() > 45, "each packet is told twice: {}", fates.len());
    }

    #[test]
    fn the_round_trip_is_measured_without_the_time_that_the_report_waited() {
        let (start, mut departures, reports) = run(&[], 30);
        let told = departures.report(start + ms(300), &reports[1]);
        let newest = told.fates.last().unwrap().sent;
        let (round_trip, passed) = (told.round_trip.unwrap(), start + ms(300) - newest);
        assert!(round_trip <= passed && round_trip + ms(15) > passed, "{round_trip:?} of {passed:?}");
    }

    #[test]
    fn what_is_on_its_way_is_what_nobody_has_spoken_of_for_a_while() {
        let (start, mut departures, reports) = run(&[2], 20);
        assert_eq!(departures.in_flight(), 20_000);
        reports.iter().for_each(|report| drop(departures.report(start + ms(240), report)));
        assert!(departures.in_flight() < 10_000);
        departures.expire(start + ms(2000));
        assert_eq!(departures.in_flight(), 0);
    }

    #[test]
    fn a_report_of_packets_that_never_left_is_no_news() {
        let mut departures = Departures::default();
        let (_, _, reports) = run(&[], 20);
        assert!(reports.iter().all(|report| departures.report(Instant::now(), report).fates.is_empty()));
    }
}
