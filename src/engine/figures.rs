//! What a call is like, second by second and as a whole, from the counters of its parts.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use super::core::Core;
use super::current::Switches;
use super::report::{Audio, Bandwidth, Path, Percentiles, Process, Repairs, Report, Sealed, Video};
use super::sentences;
use super::session::Session;
use super::snapshot::NoticeKind;
use crate::media::allocation::Level;
use crate::media::audio_receive::AudioReceiveStats;
use crate::media::audio_send::AudioSendStats;
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;
use crate::media::quality::{Experience, Trouble};
use crate::media::video_receive::VideoReceiveStats;
use crate::media::video_send::VideoSendStats;
use crate::signal::message::CandidateKind;
use crate::transport::{Over, PathStats};

/// For which share of a second something may wait for the processor before that is what the person notices: two thirds, where a call
/// alone comes to a third on two slow cores.
const TOO_BUSY: f64 = 0.67;
/// Of so many packets that come, in percent, some other was lost on the way: then it is the connection all the same.
const LOSSY: f64 = 3.0;

/// The figures of one call.
#[derive(Default)]
pub struct Figures {
    /// Where a line a second goes.
    lines: Option<BufWriter<File>>,
    /// When the call was connected; all counters were zero then.
    connected: Option<MediaTime>,
    last: Option<Counters>,
    bars: u8,
    /// Height of the tallest picture so far.
    tallest: usize,
    hint: Option<&'static str>,
    shown: Option<Arc<Report>>,
    level: Level,
    /// For how many seconds the link has carried the call, and whether that was said.
    on_link: (u32, bool),
}

/// For how long a call is on the link before that is worth a word: a connection may take so long to be found.
const LINK_SECONDS: u32 = 4;

/// What is said of a connection that carries less than it should.
fn slow(level: Level) -> Option<&'static str> {
    match level {
        Level::Full => None,
        Level::Slow => Some(sentences::SOUND_FIRST),
        Level::SoundOnly => Some(sentences::ONLY_SOUND),
    }
}

/// All counters of a call at one moment; each is absent where its part did not start.
#[derive(Clone)]
struct Counters {
    at: MediaTime,
    video_sent: Option<VideoSendStats>,
    video_received: Option<VideoReceiveStats>,
    audio_sent: Option<AudioSendStats>,
    audio_received: Option<AudioReceiveStats>,
    path: Option<PathStats>,
    restarts: u32,
    control_rtt_ms: Option<f64>,
    clock_offset_us: Option<i64>,
    /// How long programs of this computer waited for its processor, in microseconds since it was started.
    waited_us: Option<u64>,
    sealed: Option<Sealed>,
}

impl Figures {
    /// The call is connected: counting starts.
    pub fn begin(&mut self, core: &mut Core) {
        self.connected.get_or_insert_with(MediaTime::now);
        let Some(path) = core.options.stats.clone().filter(|_| self.lines.is_none()) else { return };
        match File::create(&path) {
            Ok(file) => self.lines = Some(BufWriter::new(file)),
            Err(error) => {
                let text = sentences::statistics_not_written(&path, &error);
                core.notices.media(MediaEvent::FileLost { text });
            }
        }
    }

    /// Takes the figures of the last second.
    pub fn second(&mut self, session: &Session, core: &mut Core) {
        let now = Counters::of(session);
        let Some(connected) = self.connected else { return };
        let second = now.since(self.last.as_ref(), self.last.as_ref().map_or(connected, |last| last.at));
        self.tallest = self.tallest.max(second.video.as_ref().map_or(0, |video| video.height));
        let experience = experience(&second, &now, self.tallest);
        self.bars = bars(&second, &experience);
        self.hint = slow(session.level()).or_else(|| hint(&second, &experience, now.busy(self.last.as_ref())));
        if std::mem::replace(&mut self.level, session.level()) != session.level() {
            core.notices.say(NoticeKind::Info, slow(session.level()).unwrap_or(sentences::FAST_AGAIN));
        }
        if let Some(text) = self.told_of_link(now.path.as_ref()) {
            core.notices.say(NoticeKind::Info, text);
        }
        if let Some(lines) = &mut self.lines {
            let mut line = second.to_json();
            line["event"] = "stats".into();
            line["unix_us"] = now.at.unix_us().into();
            if let Err(error) = writeln!(lines, "{line}").and_then(|()| lines.flush()) {
                self.lines = None;
                let text = sentences::statistics_stopped(&error);
                core.notices.media(MediaEvent::FileLost { text });
            }
        }
        self.shown = Some(Arc::new(second));
        self.last = Some(now);
    }

    /// What there is to say of what carries the call, each time once.
    fn told_of_link(&mut self, path: Option<&PathStats>) -> Option<&'static str> {
        let over = path?.over;
        let (seconds, told) = &mut self.on_link;
        if over == Over::Connection {
            *seconds = 0;
            return std::mem::take(told).then_some(sentences::OFF_LINK);
        }
        *seconds += 1;
        let say = *seconds >= LINK_SECONDS && !std::mem::replace(told, *told || *seconds >= LINK_SECONDS);
        say.then_some(if over == Over::Relay { sentences::ON_RELAY } else { sentences::ON_LINK })
    }

    /// The figures of the whole call.
    pub fn whole(&self, session: &Session) -> Report {
        let now = Counters::of(session);
        match self.connected {
            Some(connected) => now.since(None, connected),
            None => Report { sealed: now.sealed.clone(), process: Process::measure(), ..Report::default() },
        }
    }

    /// 0 no data, 1 bad to 4 good.
    pub fn bars(&self) -> u8 {
        self.bars
    }

    /// The figures of the last second.
    pub fn last_second(&self) -> Option<Arc<Report>> {
        self.shown.clone()
    }

    /// What is wrong, in words.
    pub fn hint(&self, remote: Switches) -> Option<String> {
        self.hint.filter(|_| remote.camera || remote.microphone).map(str::to_owned)
    }
}

impl Counters {
    fn of(session: &Session) -> Self {
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
    fn busy(&self, before: Option<&Self>) -> bool {
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
    fn since(&self, before: Option<&Self>, from: MediaTime) -> Report {
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

/// 0 no data, 1 bad to 4 good: what the last second was like for the person.
fn bars(second: &Report, experience: &Experience) -> u8 {
    if second.path.is_none() { 0 } else { experience.bars() }
}

/// What came out at this end; a stream that did not come is no fault of the link while the other one did.
fn experience(second: &Report, now: &Counters, tallest: usize) -> Experience {
    let video = second.video.as_ref().filter(|video| video.received_kbps > 0.0);
    let heard_after = |received: &AudioReceiveStats| Some(received.playing?.latency_ms(now.clock_offset_us?));
    Experience {
        frozen_ms: video.map(|video| video.frozen_ms),
        shown_fps: video.map(|video| video.shown_fps),
        picture_delay_ms: video.and_then(|video| video.latency_ms.p50),
        sound_delay_ms: now.audio_received.as_ref().and_then(heard_after),
        concealed_percent: second.audio.as_ref().and_then(|audio| audio.concealed_percent),
        height_share: video.filter(|_| tallest > 0).map(|video| video.height as f64 / tallest as f64),
    }
}

/// What to say of a second that was bad. Of few pictures nothing: a camera may give no more, and no connection is to blame for that.
fn hint(second: &Report, experience: &Experience, busy: bool) -> Option<&'static str> {
    if second.audio.as_ref().is_some_and(|audio| audio.received_kbps == 0.0) {
        return Some(sentences::NOTHING_ARRIVES);
    }
    if busy && matches!(bars(second, experience), 1 | 2) {
        return Some(sentences::BUSY_COMPUTER);
    }
    let rest = Experience { shown_fps: None, ..*experience };
    match rest.trouble().filter(|_| matches!(bars(second, &rest), 1 | 2))? {
        Trouble::SoundBroken => Some(sentences::SOUND_BROKEN),
        Trouble::Delay => Some(sentences::LONG_DELAY),
        Trouble::PictureFrozen | Trouble::SmallPicture => Some(sentences::SLOW),
        Trouble::FewPictures => None,
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

    fn second(concealed: f64, rtt: f64) -> Report {
        Report {
            path: Some(Path { rtt_ms: Some(rtt), ..Path::default() }),
            audio: Some(Audio { concealed_percent: Some(concealed), received_kbps: 30.0, ..Audio::default() }),
            ..Report::default()
        }
    }

    #[test]
    fn that_a_call_stays_on_the_link_is_said_once_and_so_is_that_it_leaves_it() {
        let mut figures = Figures::default();
        let over = |over| PathStats { over, ..PathStats::default() };
        let (connection, relay) = (over(Over::Connection), over(Over::Relay));
        let mut told = |path| figures.told_of_link(Some(path));
        assert_eq!([&relay, &connection].map(&mut told), [None; 2], "a second is not worth a word");
        assert_eq!([&relay; 6].map(&mut told), [None, None, None, Some(sentences::ON_RELAY), None, None]);
        assert_eq!([&connection; 2].map(&mut told), [Some(sentences::OFF_LINK), None]);
    }

    #[test]
    fn a_computer_that_is_too_busy_is_not_called_a_slow_connection() {
        let counters = |seconds: u64, waited_us, packets_in, lost| Counters {
            at: MediaTime(seconds * 1_000_000),
            path: Some(PathStats { packets_in, lost, ..PathStats::default() }),
            video_received: Some(VideoReceiveStats { frames: seconds, ..VideoReceiveStats::default() }),
            waited_us,
            ..nothing_counted()
        };
        let before = counters(10, Some(500), 1000, 5);
        let cases = [
            (None, 1100, 5, false),
            (Some(300_500), 1100, 5, false),
            (Some(900_500), 1100, 5, true),
            (Some(900_500), 1100, 25, false),
            (Some(900_500), 1000, 5, false),
        ];
        for (waited_us, packets_in, lost, busy) in cases {
            assert_eq!(counters(11, waited_us, packets_in, lost).busy(Some(&before)), busy, "{waited_us:?} {packets_in} {lost}");
        }
        let (sound, silent) = (Counters { video_received: None, ..counters(11, Some(900_500), 1100, 5) }, nothing_counted());
        assert_eq!([sound.busy(Some(&before)), silent.busy(None)], [false; 2]);
        let said = |concealed, busy| {
            let second = second(concealed, 50.0);
            hint(&second, &experience(&second, &nothing_counted(), 0), busy)
        };
        let wanted = [Some(sentences::BUSY_COMPUTER), Some(sentences::SOUND_BROKEN), None];
        assert_eq!([said(20.0, true), said(20.0, false), said(0.0, true)], wanted);
    }

    #[test]
    fn the_kernels_figure_is_read_and_a_kernel_without_it_is_none() {
        let text = "some avg10=0.00 avg60=4.60 avg300=5.60 total=10716191688\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(parse_pressure(text), Some(10_716_191_688));
        assert_eq!([parse_pressure(""), parse_pressure("some avg10=0.00 total=x")], [None, None]);
    }

    fn nothing_counted() -> Counters {
        Counters {
            at: MediaTime::default(),
            video_sent: None,
            video_received: None,
            audio_sent: None,
            audio_received: None,
            path: None,
            restarts: 0,
            control_rtt_ms: None,
            clock_offset_us: None,
            waited_us: None,
            sealed: None,
        }
    }

    #[test]
    fn bars_fall_as_a_person_begins_to_notice() {
        let now = nothing_counted();
        let of = |second: &Report| bars(second, &experience(second, &now, 0));
        assert_eq!(of(&Report::default()), 0, "no path, no opinion");
        for (concealed, expected) in [(0.0, 4), (2.0, 3), (5.0, 2), (20.0, 1)] {
            assert_eq!(of(&second(concealed, 20.0)), expected, "{concealed} % concealed");
        }
    }

    #[test]
    fn what_is_said_of_a_bad_second_names_what_is_wrong_with_it() {
        let good = Experience::default();
        let cases = [
            (Experience { concealed_percent: Some(20.0), ..good }, Some(sentences::SOUND_BROKEN)),
            (Experience { sound_delay_ms: Some(900.0), ..good }, Some(sentences::LONG_DELAY)),
            (Experience { picture_delay_ms: Some(1200.0), frozen_ms: Some(0.0), ..good }, Some(sentences::LONG_DELAY)),
            (Experience { frozen_ms: Some(700.0), ..good }, Some(sentences::SLOW)),
            (Experience { height_share: Some(0.25), ..good }, Some(sentences::SLOW)),
            // A healthy camera of ten pictures a second, and what it must not hide.
            (Experience { shown_fps: Some(10.0), ..good }, None),
            (Experience { shown_fps: Some(2.0), height_share: Some(0.25), ..good }, Some(sentences::SLOW)),
            // Three bars are worth no sentence.
            (Experience { concealed_percent: Some(2.0), ..good }, None),
            (good, None),
        ];
        for (experience, wanted) in cases {
            assert_eq!(hint(&second(0.0, 20.0), &experience, false), wanted, "{experience:?}");
        }
    }

    #[test]
    fn silence_from_the_other_side_is_said() {
        let mut silent = second(0.0, 20.0);
        silent.audio = Some(Audio::default());
        assert_eq!(hint(&silent, &Experience::default(), false), Some(sentences::NOTHING_ARRIVES));
        assert_eq!(hint(&second(0.0, 20.0), &Experience::default(), false), None);
    }
}
