//! What the path lets through while packets wait for it: known from every small queue, however little is sent.
//!
//! The service rate of queueing theory, as Sprout (Winstein et al., NSDI 2013) takes it from a phone's network: a packet that was already
//! there when the one before it came out has taken as long as the path needs for it. What arrives in a while says less: it is no more than
//! was sent, and where a path lets packets through by fits and starts, a queue says nothing of what it carries.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{BandwidthEstimator, PacketFate, TINY};

/// Packets that count: those of the last while, for growth, and of the last moment, or the last few, for what is left when a queue has
/// built up.
const WHILE: Duration = Duration::from_millis(1200);
const MOMENT: Duration = Duration::from_millis(300);
/// Of what was before a queue built up, only this is kept: the path may be another one by now.
const KEPT: Duration = Duration::from_millis(200);
/// Fewer packets that had to wait say nothing.
const FEW: usize = 8;
/// Packets closer together than this came out at once.
const AT_ONCE: Duration = Duration::from_micros(700);
/// Networks that let packets through by fits and starts, of phones and over the air at home, send again what is lost on them, and lose less
/// than this. Where more is lost by chance, jitter and the gaps that lost packets leave look like a queue and its end.
const LOSES: f64 = 0.003;
/// What is thought before any packet is told of, and how many packets say otherwise.
const MAY_LOSE: f64 = 0.01;
const LOSS_PACKETS: f64 = 400.0;
/// So many standard errors below the mean are believed: of a while and of a moment.
const DOUBT: f64 = 1.0;
const DOUBT_OF_A_MOMENT: f64 = 0.5;
/// Share of it that is asked for: the path's rate goes up and down, and what is asked for must pass when it is down.
const SHARE: f64 = 0.5;
/// Less than this much more than the target is left to growth; and the most at once.
const OVER: f64 = 1.1;
const STEP: f64 = 1.5;

/// How long each packet took that had to wait for the one before it.
#[derive(Debug)]
pub(super) struct Service {
    /// The newest arrival.
    last: Option<Duration>,
    served: VecDeque<Served>,
    /// Share of packets that are lost by chance, over a longer while than copies ask for.
    loss: f64,
}

#[derive(Debug, Clone, Copy)]
struct Served {
    arrived: Duration,
    bytes: usize,
    took: Duration,
}

impl Default for Service {
    fn default() -> Self {
        Self { last: None, served: VecDeque::new(), loss: MAY_LOSE }
    }
}

impl Service {
    /// A packet was lost by chance, or was not.
    pub fn count(&mut self, lost: bool) {
        self.loss += (f64::from(u8::from(lost)) - self.loss) / LOSS_PACKETS;
    }

    /// Takes a report. `earliest` says when a packet would have arrived that waits for nothing, on the other side's clock.
    pub fn observe(&mut self, packets: &[PacketFate], earliest: impl Fn(Instant) -> Option<Duration>) {
        for packet in packets {
            let (Some(arrived), Some(earliest)) = (packet.arrived, earliest(packet.sent)) else { continue };
            if let Some(last) = self.last.filter(|last| earliest < *last && *last <= arrived) {
                self.served.push_back(Served { arrived, bytes: packet.bytes, took: arrived - last });
            }
            self.last = Some(self.last.map_or(arrived, |last| last.max(arrived)));
        }
        self.keep(WHILE);
    }

    /// What the path lets through at least, in kbit/s, by the packets of the last `window`: `doubt` standard errors below their mean, as if
    /// each took as long as chance has it. Nothing if they are few.
    fn kbps(&self, window: Duration, doubt: f64) -> Option<f64> {
        let within = || self.served.iter().filter(|served| self.is_within(served, window));
        // What came out at once was one opportunity.
        let count = within().filter(|served| served.took > AT_ONCE).count();
        let took: Duration = within().map(|served| served.took).sum();
        let bits = within().map(|served| served.bytes).sum::<usize>() as f64 * 8.0;
        (count >= FEW).then(|| bits / 1e3 / took.as_secs_f64() * (1.0 - doubt / (count as f64).sqrt()))
    }

    /// The last moment, or longer if few packets waited in it.
    fn moment(&self) -> Duration {
        let few = self.served.iter().rev().filter(|served| served.took > AT_ONCE).nth(FEW - 1);
        let since = |served: &Served| self.last.map_or(MOMENT, |last| last.saturating_sub(served.arrived));
        few.map_or(MOMENT, |served| since(served).max(MOMENT))
    }

    /// Forgets what came before the last `window`.
    fn keep(&mut self, window: Duration) {
        let last = self.last;
        self.served.retain(|served| last.is_none_or(|last| served.arrived + window >= last));
    }

    fn is_within(&self, served: &Served, window: Duration) -> bool {
        self.last.is_none_or(|last| served.arrived + window >= last)
    }
}

impl BandwidthEstimator {
    /// What the path carries now that a queue has built up: what arrives, or more if it is known to let through more. A moment's standstill
    /// is a queue, too, and what arrives then is only what was sent.
    pub(super) fn carried_kbps(&self) -> f64 {
        let arrives = self.throughput.recent_kbps();
        if self.target < TINY || self.service.loss > LOSES {
            return arrives;
        }
        self.service.kbps(self.service.moment(), DOUBT_OF_A_MOMENT).map_or(arrives, |kbps| arrives.max(kbps.min(self.target)))
    }

    /// Asks for more at once where the path is known to let far more through. True if it did.
    pub(super) fn follow_service(&mut self) -> bool {
        if self.target < TINY || self.service.loss > LOSES {
            return false;
        }
        let known = self.service.kbps(WHILE, DOUBT).map(|kbps| kbps * SHARE);
        let Some(kbps) = known.filter(|kbps| *kbps > self.target * OVER) else { return false };
        self.target = kbps.min(self.target * STEP);
        true
    }

    /// A queue built up.
    pub(super) fn forget_service(&mut self) {
        self.service.keep(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is known after packets of 1250 bytes, each given by when it left and when it arrived, in ms, on a path of 30 ms.
    fn known(packets: &[(f64, f64)]) -> Option<f64> {
        let start = Instant::now();
        let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
        let fate = |&(sent, arrived): &(f64, f64)| PacketFate {
            ssrc: 1,
            sent: start + ms(sent),
            arrived: Some(ms(arrived)),
            bytes: 1250,
            probe: false,
        };
        let mut service = Service::default();
        service.observe(&packets.iter().map(fate).collect::<Vec<_>>(), |sent| Some(sent - start + ms(30.0)));
        service.kbps(WHILE, 0.0)
    }

    #[test]
    fn packets_that_waited_tell_what_the_path_lets_through_however_few_are_sent() {
        // Two every 100 ms are 200 kbit/s; the second always comes 10 ms after the first, as at 1000 kbit/s.
        let pairs: Vec<_> =
            (0..12).flat_map(|n| [0.0, 10.0].map(|more| (n as f64 * 100.0, n as f64 * 100.0 + 40.0 + more))).collect();
        let kbps = known(&pairs).expect("twelve waited");
        assert!((kbps - 1000.0).abs() < 1.0, "{kbps}");
    }

    #[test]
    fn packets_that_waited_for_nothing_tell_nothing() {
        let alone: Vec<_> = (0..40).map(|n| (n as f64 * 25.0, n as f64 * 25.0 + 40.0)).collect();
        assert_eq!(known(&alone), None);
    }

    #[test]
    fn what_comes_out_at_once_counts_with_what_it_came_out_with() {
        // Three at a time, every 30 ms: 1000 kbit/s, and no more for coming together.
        let threes: Vec<_> = (0..10).flat_map(|n| [0.0, 0.1, 0.2].map(|more| (0.0, 40.0 + n as f64 * 30.0 + more))).collect();
        let kbps = known(&threes).expect("nine times three waited");
        assert!((950.0..1150.0).contains(&kbps), "{kbps}");
    }
}
