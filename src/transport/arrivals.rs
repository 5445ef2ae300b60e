//! What arrived and when, told to whoever sent it (RFC 8888). Pure: `now` is an argument.
//!
//! A report leaves right after the last packet of a picture, for then there is something to say, and otherwise as often as the
//! rate is worth. Each packet is told in two reports, so that a lost report is not lost news.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rtc::rtcp::transport_feedbacks::cc_feedback_report::{CcFeedbackMetricBlock, CcFeedbackReport, CcFeedbackReportBlock};

/// Never report more often than this.
const SHORTEST: Duration = Duration::from_millis(22);
/// Between reports by what arrives, in kbit/s: on a narrow path, the way back is narrow, too.
const INTERVALS: [(f64, Duration); 4] = [
    (400.0, Duration::from_millis(40)),
    (150.0, Duration::from_millis(80)),
    (60.0, Duration::from_millis(200)),
    (0.0, Duration::from_millis(500)),
];
/// So many packets so close together are worth a report whatever the rate was.
const BURST: usize = 5;
const TOGETHER: Duration = Duration::from_millis(6);
/// Most packets of one stream in one report, so that it fits a datagram.
const MOST: i64 = 200;
/// The rate is looked at over this.
const RATE_WINDOW: Duration = Duration::from_millis(500);

/// The arrivals of one connection.
#[derive(Debug, Default)]
pub struct Arrivals {
    epoch: Option<Instant>,
    streams: BTreeMap<u32, Stream>,
    /// When the last report left, and how many packets came since.
    last: Option<Instant>,
    unreported: usize,
    /// A picture is whole.
    picture: bool,
    /// Packets that came in one go, until when.
    burst: (usize, Option<Instant>),
    counted: (Option<Instant>, usize),
    kbps: f64,
}

/// One stream: its packets from the one after those that were told twice.
#[derive(Debug)]
struct Stream {
    /// By sequence number, counted on beyond 16 bits.
    arrived: BTreeMap<i64, Instant>,
    highest: i64,
    /// The first number of the next report: one after the highest of the report before the last.
    begin: i64,
    /// One after the highest of the last report.
    told: i64,
}

impl Arrivals {
    /// Notes that a packet arrived; `marker` if it is the last of a picture.
    pub fn arrived(&mut self, now: Instant, ssrc: u32, sequence: u16, bytes: usize, marker: bool) {
        self.epoch.get_or_insert(now);
        self.last.get_or_insert(now);
        self.count(now, bytes);
        let follows = self.burst.1.is_some_and(|last| now.saturating_duration_since(last) < TOGETHER);
        self.burst = (if follows { self.burst.0 + 1 } else { 1 }, Some(now));
        let stream = self.streams.entry(ssrc).or_insert_with(|| {
            let number = i64::from(sequence) + (1 << 17);
            Stream { arrived: BTreeMap::new(), highest: number, begin: number, told: number }
        });
        let number = stream.highest + i64::from(sequence.wrapping_sub(stream.highest as u16) as i16);
        if number >= stream.begin {
            stream.arrived.entry(number).or_insert(now);
        }
        stream.highest = stream.highest.max(number);
        self.unreported += 1;
        self.picture |= marker;
    }

    /// When the next report is due; nothing while there is nothing to say.
    pub fn deadline(&self) -> Option<Instant> {
        let last = self.last.filter(|_| self.unreported > 0)?;
        let busy = self.kbps >= INTERVALS[2].0 || self.burst.0 >= BURST;
        Some(last + if self.picture && busy { SHORTEST } else { self.interval() })
    }

    /// The report that is due.
    pub fn report(&mut self, now: Instant) -> Option<CcFeedbackReport> {
        let (epoch, true) = (self.epoch?, self.unreported > 0) else { return None };
        let time = now.saturating_duration_since(epoch);
        let report_blocks = self.streams.iter_mut().filter_map(|(ssrc, stream)| stream.block(*ssrc, now)).collect();
        (self.last, self.unreported, self.picture) = (Some(now), 0, false);
        // 1/65536 s, in 32 bits.
        let report_timestamp = (time.as_micros() * 65_536 / 1_000_000) as u32;
        Some(CcFeedbackReport { sender_ssrc: 0, report_blocks, report_timestamp })
    }

    fn interval(&self) -> Duration {
        let step = INTERVALS.iter().find(|(from, _)| self.kbps >= *from);
        step.map_or(INTERVALS[3].1, |(_, interval)| *interval)
    }

    fn count(&mut self, now: Instant, bytes: usize) {
        let (since, sum) = &mut self.counted;
        let began = *since.get_or_insert(now);
        *sum += bytes;
        let passed = now.saturating_duration_since(began);
        if passed >= RATE_WINDOW {
            self.kbps = *sum as f64 * 8.0 / 1e3 / passed.as_secs_f64();
            self.counted = (Some(now), 0);
        } else if passed > Duration::ZERO {
            // A rate that rises is seen before its window is full.
            self.kbps = self.kbps.max(*sum as f64 * 8.0 / 1e3 / RATE_WINDOW.as_secs_f64());
        }
    }
}

impl Stream {
    fn block(&mut self, media_ssrc: u32, now: Instant) -> Option<CcFeedbackReportBlock> {
        let end = self.highest + 1;
        let begin = self.begin.max(end - MOST);
        let has_news = self.begin < end;
        let metric_blocks = (begin..end)
            .map(|number| {
                let arrived = self.arrived.get(&number);
                let offset = arrived.map_or(0.0, |at| now.saturating_duration_since(*at).as_secs_f64() * 1024.0);
                // 0x1FFE and above have meanings of their own.
                let arrival_time_offset = offset.round().min(8189.0) as u16;
                CcFeedbackMetricBlock { received: arrived.is_some(), arrival_time_offset, ..Default::default() }
            })
            .collect();
        (self.begin, self.told) = (self.told.max(self.begin), end);
        self.arrived = self.arrived.split_off(&self.begin);
        has_news.then_some(CcFeedbackReportBlock { media_ssrc, begin_sequence: begin as u16, metric_blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_report_leaves_after_a_picture_and_each_packet_is_told_twice() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::default());
        let mut told = BTreeMap::new();
        for frame in 0..30u16 {
            let at = start + ms(33 * u64::from(frame));
            for piece in 0..6 {
                arrivals.arrived(at, 1, frame * 6 + piece, 1200, piece == 5);
            }
            let deadline = arrivals.deadline().unwrap();
            assert!(frame < 3 || deadline <= at, "a picture is not reported at once");
            for block in arrivals.report(at.max(deadline)).unwrap().report_blocks {
                for index in 0..block.metric_blocks.len() as u16 {
                    *told.entry(block.begin_sequence.wrapping_add(index)).or_insert(0) += 1;
                }
            }
        }
        assert!((0..174).all(|sequence| told[&sequence] == 2), "{told:?}");
    }

    #[test]
    fn sound_alone_is_reported_at_most_twice_a_second() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::default());
        let mut reports = 0;
        for packet in 0..500u16 {
            let now = start + ms(20 * u64::from(packet));
            arrivals.arrived(now, 1, packet, 90, false);
            if arrivals.deadline().is_some_and(|deadline| deadline <= now) {
                reports += usize::from(arrivals.report(now).is_some());
            }
        }
        assert!((15..=20).contains(&reports), "{reports} in ten seconds");
    }

    #[test]
    fn silence_is_not_reported() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::default());
        assert_eq!(arrivals.deadline(), None);
        arrivals.arrived(start, 1, 1, 100, false);
        assert!(arrivals.report(start + ms(500)).is_some());
        assert_eq!((arrivals.deadline(), arrivals.report(start + ms(900))), (None, None));
    }

    #[test]
    fn numbers_may_wrap_and_come_in_any_order() {
        let (start, mut arrivals) = (Instant::now(), Arrivals::default());
        for sequence in [65_534, 0, 65_535, 1] {
            arrivals.arrived(start, 1, sequence, 100, false);
        }
        let report = arrivals.report(start + ms(40)).unwrap();
        let block = &report.report_blocks[0];
        assert_eq!((block.begin_sequence, block.metric_blocks.len()), (65_534, 4));
        assert!(block.metric_blocks.iter().all(|metric| metric.received && metric.arrival_time_offset == 41));
    }
}
