//! Losses: how many there are, and what much of them does to the rate.

use std::time::{Duration, Instant};

use super::{BandwidthEstimator, HEAVY_LOSS, PacketFate};

/// Where less than this share comes through, half is tried at once.
const FAR_LESS: f64 = 0.4;
const LOSS_EVERY: Duration = Duration::from_secs(1);
/// How long losses are remembered at least; at high rates it is 150 packets.
const LOSS_AGE: Duration = Duration::from_millis(1500);

/// What is lost is put down to a long queue for so long after it became long; and what found no room in it is told of up to so long after
/// it is gone.
const RUNS_OVER: Duration = Duration::from_millis(2500);
const TOLD_LATE: Duration = Duration::from_millis(150);
/// Where there is less, a packet of sound lasts 40 ms or more and its copy takes little, as do parity and repairs of small pictures: they are
/// worth it whatever the cause.
const FEW_PACKETS_KBPS: f64 = 180.0;

/// What was when much began to be lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heavy {
    target: f64,
    delivered: f64,
    loss: f64,
}

impl BandwidthEstimator {
    pub(super) fn count_losses(&mut self, packets: &[PacketFate]) {
        for packet in packets {
            let since = self.counted.map_or(Duration::ZERO, |last| packet.sent.saturating_duration_since(last));
            self.counted = Some(self.counted.map_or(packet.sent, |last| last.max(packet.sent)));
            // Where packets are few, each says more: what was lost seconds ago is no loss of now.
            let weight = (since.as_secs_f64() / LOSS_AGE.as_secs_f64()).clamp(1.0 / 150.0, 1.0 / 12.0);
            let lost = f64::from(u8::from(packet.arrived.is_none()));
            self.loss += (lost - self.loss) * weight;
            if !self.runs_over {
                self.chance_loss += (lost - self.chance_loss) * weight;
                self.service.count(packet.arrived.is_none());
            }
        }
    }

    /// Whether what the last report calls lost most likely found no room in a queue that has just become long: more packets would only
    /// lengthen it. One that stays is that of somebody else, and what is lost in it is worth a copy.
    pub fn runs_over(&self) -> bool {
        self.runs_over
    }

    pub(super) fn look_for_overflow(&mut self, now: Instant) {
        self.long = if self.is_long() {
            Some((self.long.map_or(now, |(since, _)| since), now))
        } else {
            self.long.filter(|(_, until)| now.saturating_duration_since(*until) < TOLD_LATE)
        };
        let young = self.long.is_some_and(|(since, _)| now.saturating_duration_since(since) < RUNS_OVER);
        self.runs_over = young && self.rival.is_none() && self.target >= FEW_PACKETS_KBPS;
    }

    /// Lowers the rate while much is lost, as long as that helps: a path that loses as much at half the rate is not overloaded.
    pub(super) fn follow_heavy_loss(&mut self, now: Instant) {
        if self.loss < HEAVY_LOSS * 0.8 {
            self.heavy = None;
        }
        if self.loss <= HEAVY_LOSS || self.loss_hold_until.is_some_and(|until| now < until) {
            return;
        }
        let delivered = self.throughput.kbps();
        let heavy = *self.heavy.get_or_insert(Heavy { target: self.target, delivered, loss: self.loss });
        // A full path gives as much for half as much, and one that loses by chance gives half.
        let is_full = self.loss < heavy.loss * 0.75 || delivered > heavy.delivered * 0.75;
        if self.target > heavy.target * 0.5 || is_full && delivered < self.target * (1.0 - HEAVY_LOSS) {
            self.target *= if delivered < self.target * FAR_LESS { 0.5 } else { 0.85 };
        }
        self.loss_hold_until = Some(now + LOSS_EVERY);
    }
}
