//! The counters of a call's parts, and what lies between two readings of them.

use crate::engine::report::{Audio, Bandwidth, Path, Percentiles, Process, Repairs, Report, Sealed, Video};
use crate::engine::session::Session;
use crate::media::audio_receive::AudioReceiveStats;
use crate::media::audio_send::AudioSendStats;
use crate::media::clock::MediaTime;
use crate::media::video_receive::VideoReceiveStats;
use crate::media::video_send::VideoSendStats;
use crate::signal::message::CandidateKind;
use crate::transport::{Over, PathStats};

/// For which share of a second something may wait for the processor before that is what the person notices: two thirds, where a call
/// alone comes to a third on two slow cores.
const TOO_BUSY: f64 = 0.67;
/// Of so many packets that come, in percent, some other was lost on the way: then it is the connection all the same.
const LOSSY: f64 = 3.0;

/// All counters of a call at one moment; each is absent where its part did not start.
#[derive(Clone)]
pub(super) struct Counters {
    pub(super) at: MediaTime,
    pub(super) video_sent: Option<VideoSendStats>,
    pub(super) video_received: Option<VideoReceiveStats>,
    pub(super) audio_sent: Option<AudioSendStats>,
    pub(super) audio_received: Option<AudioReceiveStats>,
    pub(super) path: Option<PathStats>,
    pub(super) restarts: u32,
    pub(super) control_rtt_ms: Option<f64>,
    pub(super) clock_offset_us: Option<i64>,
    /// How long programs of this computer waited for its processor, in microseconds since it was started.
    pub(super) waited_us: Option<u64>,
    pub(super) sealed: Option<Sealed>,
}

impl Counters {
    pub(super) fn of(session: &Session) -> Self {
        let pipelines = session.pipelines();
        Self {
            at: MediaTime::now(),
            video_sent: pipelines.map(|pipelines| pipelines.video_send.stats()),
            video_received: pipelines.map(|pipelines| pipelines.video_receive.stats()),
            audio_sent: pipelines.and_then(|p| p.audio_send.as_ref()).map(|audio| audio.stats()),
            audio_received: pipelines.and_then(|p| p.audio_receive.as_ref()).map(|audio| audio.stats()),
            path: session.path(),
            restarts: session.paths().restarts(),
            control_rtt_ms: session.control_rtt_ms(),
            clock_offset_us: session.clock_offset_us(),
            waited_us: waited_us(),
            sealed: session.counts().map(|counts| Sealed {
                suite: session.suite().unwrap_or(0),
                words: Vec::new(),
                opened: counts.opened(),
                rejected: counts.rejected(),
                replayed: counts.replayed(),
                epochs: counts.epochs(),
            }),
        }
    }

    /// Whether since `before` this computer was short of processor while the link brought nearly all of the pictures' packets: then no
    /// link is to blame. Of sound alone it is not known what was lost. What waits may be a program that is in nobody's way, so this says
    /// something only of a second that was bad.
    pub(super) fn busy(&self, before: Option<&Self>) -> bool {
        let waited = |before: &Self| Some(self.waited_us?.saturating_sub(before.waited_us?) as f64 / 1e6);
        let came = |before: &Self| {
            let pictures = |counters: &Self| counters.video_received.as_ref().map_or(0, |video| video.frames);
            if pictures(self) <= pictures(before) {
                return None;
            }
            let (now, before) = (self.path?, before.path?);
            let since = |count: fn(&PathStats) -> u64| count(&now).saturating_sub(count(&before)) as f64;
            let lost = since(|path| path.lost + path.repaired + path.recovered);
            Some(lost * 100.0 < LOSSY * since(|path| path.packets_in))
        };
        before.is_some_and(|before| {
            let seconds = self.at.since(before.at).as_secs_f64();
            waited(before).is_some_and(|waited| waited > TOO_BUSY * seconds) && came(before) == Some(true)
        })
    }

    /// The figures of the time from `from`, when the counters were `before` (or zero), to this.
    pub(super) fn since(&self, before: Option<&Self>, from: MediaTime) -> Report {
        let seconds = self.at.since(from).as_secs_f64().max(0.001);
        let kind = |kind: Option<CandidateKind>| kind.map(kind_name).unwrap_or_default().to_owned();
        Report {
            seconds,
            sealed: self.sealed.clone(),
            path: self.path.map(|path| Path {
                kind: path_kind(&path),
                local: kind(path.local),
                remote: kind(path.remote),
                relayed: path.relayed(),
                rtt_ms: path.rtt_ms.or(self.control_rtt_ms),
                restarts: self.restarts,
            }),
            video: self.video(before, seconds),
            audio: self.audio(before, seconds),
            bandwidth: self.path.map(|path| Bandwidth {
                target_kbps: f64::from(path.target_kbps),
                estimate_kbps: (path.delivered_kbps > 0).then_some(f64::from(path.delivered_kbps)),
                loss_percent: Some(path.loss_percent),
            }),
            process: Process::measure(),
            ..Report::default()
        }
    }

    fn video(&self, before: Option<&Self>, seconds: f64) -> Option<Video> {
        let (sent, received) = (self.video_sent.as_ref()?, self.video_received.as_ref()?);
        let sent_before = before.and_then(|before| before.video_sent.as_ref());
        let received_before = before.and_then(|before| before.video_received.as_ref());
        let sent_since = |count: fn(&VideoSendStats) -> u64| count(sent) - sent_before.map_or(0, count);
        let received_since = |count: fn(&VideoReceiveStats) -> u64| count(received) - received_before.map_or(0, count);
        let path_since = |count: fn(&PathStats) -> u64| {
            let before = before.and_then(|before| before.path.as_ref()).map_or(0, count);
            // Another path counts from zero.
            self.path.as_ref().map_or(0, count).saturating_sub(before)
        };
        let latency = received_before.map_or_else(|| received.latency.clone(), |before| received.latency.since(&before.latency));
        Some(Video {
            sent_fps: sent_since(|sent| sent.frames) as f64 / seconds,
            shown_fps: received_since(|received| received.frames) as f64 / seconds,
            width: received.width,
            height: received.height,
            sent_kbps: kbps(sent_since(|sent| sent.bytes), seconds),
            received_kbps: kbps(received_since(|received| received.bytes), seconds),
            freezes: received_since(|received| received.gaps.freezes),
            frozen_ms: received_since(|received| received.gaps.frozen_ms) as f64,
            // Of a second it is known only if it is the longest of the call so far.
            longest_gap_ms: received_before
                .is_none_or(|before| received.gaps.longest_ms > before.gaps.longest_ms)
                .then_some(received.gaps.longest_ms as f64),
            keyframes: sent_since(|sent| sent.keyframes),
            repairs: Repairs {
                nack: path_since(|path| path.nacks_sent),
                parity: path_since(|path| path.recovered),
                ltr: received_since(|received| received.repair_requests),
                pli: received_since(|received| received.requests),
            },
            latency_ms: Percentiles { p50: latency.percentile(50).map(f64::from), p95: latency.percentile(95).map(f64::from) },
        })
    }

    fn audio(&self, before: Option<&Self>, seconds: f64) -> Option<Audio> {
        let (sent, received) = (self.audio_sent.as_ref()?, self.audio_received.as_ref()?);
        let sent_before = before.and_then(|before| before.audio_sent.as_ref());
        let loudness = sent.loudness.since(sent_before.map(|before| before.loudness).unwrap_or_default());
        let received_before = before.and_then(|before| before.audio_received.as_ref());
        let received_since = |count: fn(&AudioReceiveStats) -> u64| count(received) - received_before.map_or(0, count);
        let played = received_since(|received| received.played_samples);
        let concealed = received_since(|received| received.concealed_samples);
        Some(Audio {
            sent_kbps: kbps(sent.bytes - sent_before.map_or(0, |before| before.bytes), seconds),
            received_kbps: kbps(received_since(|received| received.bytes), seconds),
            concealed_percent: (played > 0).then(|| concealed as f64 * 100.0 / played as f64),
            jitter_buffer_ms: (received.packets > 0).then_some(f64::from(received.jitter_buffer_ms)),
            level_dbfs: (loudness.samples > 0).then(|| loudness.dbfs().into()),
            av_offset_ms: received.av_offset_ms.map(f64::from),
        })
    }
}

fn kbps(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 * 8.0 / 1000.0 / seconds
}

fn path_kind(path: &PathStats) -> &'static str {
    match path.over {
        Over::Connection if path.relayed() => "turn",
        Over::Connection => "direct",
        Over::Link => "link",
        Over::Relay => "relay",
    }
}

fn kind_name(kind: CandidateKind) -> &'static str {
    match kind {
        CandidateKind::Host => "host",
        CandidateKind::ServerReflexive => "srflx",
        CandidateKind::PeerReflexive => "prflx",
        CandidateKind::Relay => "relay",
    }
}

/// What the kernel counted of it (/proc/pressure/cpu, Linux; nothing elsewhere).
fn waited_us() -> Option<u64> {
    parse_pressure(&std::fs::read_to_string("/proc/pressure/cpu").ok()?)
}

/// The total of the line `some avg10=… avg60=… avg300=… total=…`, in microseconds.
fn parse_pressure(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("some ")?.rsplit_once("total=")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_figure_is_read_and_a_kernel_without_it_is_none() {
        let text = "some avg10=0.00 avg60=4.60 avg300=5.60 total=10716191688\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(parse_pressure(text), Some(10_716_191_688));
        assert_eq!([parse_pressure(""), parse_pressure("some avg10=0.00 total=x")], [None, None]);
    }
}
