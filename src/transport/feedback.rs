//! What the other side reports about our packets, handed to the estimator.

use std::time::Instant;

use rtc::interceptor::{self, PacketReport};
use tokio::sync::watch;

use super::bandwidth::{BandwidthEstimator, Estimate, PacketFate};

/// Our estimator where the library expects one.
pub(super) struct Feedback {
    estimator: BandwidthEstimator,
    fates: Vec<PacketFate>,
    /// Newest estimate; whoever is interested looks when it likes.
    out: watch::Sender<Estimate>,
}

impl Feedback {
    pub fn new(cap_kbps: u32) -> (Self, watch::Receiver<Estimate>) {
        let estimator = BandwidthEstimator::new(cap_kbps);
        let (out, estimates) = watch::channel(estimator.estimate());
        (Self { estimator, fates: Vec::new(), out }, estimates)
    }
}

impl interceptor::BandwidthEstimator for Feedback {
    fn on_reports(&mut self, now: Instant, reports: &[PacketReport]) {
        self.fates.clear();
        self.fates.extend(reports.iter().map(|report| PacketFate {
            sent: report.departure,
            arrived: report.arrival.filter(|_| report.arrived),
            bytes: report.size,
        }));
        self.out.send_replace(self.estimator.on_report(now, &self.fates));
    }

    fn target_bitrate(&self) -> f64 {
        f64::from(self.estimator.estimate().target_kbps) * 1e3
    }
}
