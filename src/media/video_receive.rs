//! From the packet to the screen: put together → wait until due → open → decode → show.
//!
//! A frame waits for a packet, or for the repair of one; and, when it is whole, for its time on the screen, which on a calm link is
//! at once. It is decoded only then, so that no picture is copied.

use super::clock::MediaTime;
use super::clock_offset::ClockOffset;
use super::convert::Picture;
use super::events::{MediaEvent, MediaEvents};
use super::frame::{Frame, RgbaFrame};
use super::h264::{CodecError, Decoder};
use super::keyframes::KeyframeAsk;
use super::lip_sync::LipSync;
use super::marker;
use super::packet::IncomingPacket;
pub use super::record::RecordFormat;
use super::record::Recorder;
use super::screen::{OnFrame, Screen};
use super::slot::SlotWriter;
use super::trace::{Trace, TraceEvent};
use super::video_jitter::{JitterCounts, SealedFrame, VideoJitter};
use super::video_playout::{Due, VideoPlayout};
use super::video_stats::{Gaps, LatencyHistogram, latency_ms};
use crate::e2ee::Opener;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long the thread may sleep before it looks whether it is to end.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// The longest that an answer to a request for a keyframe is waited for.
const LONGEST_PATIENCE: Duration = Duration::from_millis(600);
/// Whole frames that wait for their time at the most.
const MOST_DUE: usize = 16;

/// All that a receiver needs, for the whole call.
pub struct VideoReceiveConfig {
    /// The stream's one opener.
    pub opener: Opener,
    /// Payloads as they arrive.
    pub packets: Receiver<IncomingPacket>,
    /// The window, if there is one.
    pub screen: Option<SlotWriter<Arc<RgbaFrame>>>,
    pub on_frame: Option<OnFrame>,
    /// Whoever wants the decoded pictures themselves: Echo.
    pub frames: Option<SlotWriter<Frame>>,
    /// A Y4M file to write every shown picture to.
    pub record: Option<PathBuf>,
    pub record_format: RecordFormat,
    pub trace: Option<Trace>,
    pub clock_offset: Arc<ClockOffset>,
    /// Shared with the sound's pipeline.
    pub lip_sync: Arc<LipSync>,
    /// Asks the peer for a keyframe; called no more often than makes sense.
    pub request_keyframe: Arc<dyn Fn() + Send + Sync>,
    pub events: MediaEvents,
}

/// What was received and shown so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VideoReceiveStats {
    /// Payload bytes that arrived, repairs included.
    pub bytes: u64,
    /// Frames shown, keyframes among them, and the size of the last.
    pub frames: u64,
    pub keyframes: u64,
    pub width: usize,
    pub height: usize,
    /// Of these, frames where something was made up for.
    pub concealed: u64,
    /// Frames that did not open, or were refused or not understood by the decoder.
    pub unopened: u64,
    pub undecoded: u64,
    /// Keyframes asked for.
    pub requests: u64,
    /// How long pictures wait that are on time, so that all are shown evenly.
    pub playout_delay_ms: u32,
    pub jitter: JitterCounts,
    pub gaps: Gaps,
    /// Capture to shown, while the clock offset is known.
    pub latency: LatencyHistogram,
    /// Capture time of the last shown frame on the peer's 90 kHz clock, and when it was shown, for lip sync.
    pub newest: Option<(u32, MediaTime)>,
}

/// The receiving pipeline on its thread. Dropping it ends the thread.
pub struct VideoReceiver {
    control: Arc<Control>,
    stats: watch::Receiver<VideoReceiveStats>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Control {
    stop: AtomicBool,
    expected: AtomicBool,
    rtt_us: AtomicU32,
}

impl VideoReceiver {
    /// Starts receiving.
    pub fn start(config: VideoReceiveConfig) -> Self {
        let (publish, stats) = watch::channel(VideoReceiveStats::default());
        let control =
            Arc::new(Control { stop: AtomicBool::new(false), expected: AtomicBool::new(true), rtt_us: AtomicU32::new(0) });
        let its = control.clone();
        let run = move || run(config, &its, &publish);
        let thread = thread::Builder::new().name("video receive".into()).spawn(run).expect("the system has room for a thread");
        Self { control, stats, thread: Some(thread) }
    }

    /// What was received so far.
    pub fn stats(&self) -> VideoReceiveStats {
        self.stats.borrow().clone()
    }

    /// Whether the peer says that its camera is on: while it is off, no picture is no freeze.
    pub fn expect_video(&self, expected: bool) {
        self.control.expected.store(expected, Ordering::Relaxed);
    }

    /// The round trip time: it bounds how long a repair is waited for.
    pub fn set_rtt(&self, rtt: Duration) {
        self.control.rtt_us.store(u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
    }
}

impl Drop for VideoReceiver {
    fn drop(&mut self) {
        self.control.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The loop around [`VideoReceivePipeline`]: packets in, pictures out.
fn run(config: VideoReceiveConfig, control: &Control, publish: &watch::Sender<VideoReceiveStats>) {
    let VideoReceiveConfig { opener, packets, events, request_keyframe, clock_offset, lip_sync, .. } = config;
    let mut pipeline = match VideoReceivePipeline::new(opener, clock_offset.clone(), lip_sync) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            let text = format!("The other side's picture cannot be shown: {error}. Call again.");
            let _ = events.try_send(MediaEvent::Warning { what: "video_receive", text });
            return;
        }
    };
    let mut shown = Showing {
        screen: config.screen.map(|slot| Screen::new(slot, config.on_frame)),
        frames: config.frames,
        spare: None,
        recorder: config.record.and_then(|path| {
            let failed = |error| format!("{} cannot be written: {error}; choose another file", path.display());
            let recorder = Recorder::create(&path, config.record_format, events.clone()).map_err(failed);
            recorder.map_err(|text| events.try_send(MediaEvent::FileLost { text })).ok()
        }),
        trace: config.trace,
        clock_offset,
        events,
        publish,
    };
    while !control.stop.load(Ordering::Relaxed) {
        let sleep = pipeline.deadline().map_or(LONGEST_SLEEP, |deadline| deadline.since(MediaTime::now()).min(LONGEST_SLEEP));
        match packets.recv_timeout(sleep) {
            Ok(packet) => std::iter::once(packet).chain(packets.try_iter()).for_each(|packet| pipeline.push(packet)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        pipeline.set_rtt(Duration::from_micros(control.rtt_us.load(Ordering::Relaxed).into()));
        let mut now = MediaTime::now();
        while let Some(step) = pipeline.step(now, Instant::now()) {
            now = MediaTime::now();
            if let Step::Picture(picture) = step {
                shown.show(now, &picture);
            }
        }
        let asked = pipeline.wants_keyframe(now);
        if asked {
            request_keyframe();
        }
        let expected = control.expected.load(Ordering::Relaxed);
        publish.send_modify(|stats| {
            stats.requests += u64::from(asked);
            pipeline.counted(stats);
            if !expected {
                stats.gaps.pause();
            }
        });
    }
}

/// Where shown pictures go.
struct Showing<'a> {
    screen: Option<Screen>,
    frames: Option<SlotWriter<Frame>>,
    spare: Option<Frame>,
    recorder: Option<Recorder>,
    trace: Option<Trace>,
    clock_offset: Arc<ClockOffset>,
    events: MediaEvents,
    publish: &'a watch::Sender<VideoReceiveStats>,
}

impl Showing<'_> {
    fn show(&mut self, now: MediaTime, shown: &Shown) {
        let picture = &shown.picture;
        if let Some(screen) = &mut self.screen {
            screen.show(picture);
        }
        if let Some(frames) = &self.frames {
            let mut frame = self.spare.take().unwrap_or_else(|| Frame::black(16, 16));
            picture.copy_to(&mut frame);
            frame.captured = now;
            self.spare = frames.put(frame);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.add(picture);
        }
        if let Some(trace) = &self.trace {
            trace.line(TraceEvent::Shown, now, marker::read(picture), picture.width, picture.height);
        }
        let latency = self.clock_offset.us().and_then(|offset| latency_ms(shown.timestamp, now, offset));
        self.publish.send_modify(|stats| {
            if stats.frames == 0 {
                let _ = self.events.try_send(MediaEvent::FirstVideo);
            }
            stats.frames += 1;
            stats.keyframes += u64::from(shown.keyframe);
            stats.concealed += u64::from(shown.concealed);
            (stats.width, stats.height) = (picture.width, picture.height);
            stats.gaps.shown(now);
            stats.newest = Some((shown.timestamp, now));
            if let Some(ms) = latency {
                stats.latency.add(ms);
            }
        });
    }
}

/// Packets in, pictures out; no thread, no clock.
pub struct VideoReceivePipeline {
    jitter: VideoJitter,
    playout: VideoPlayout,
    /// Whole frames that wait for their time on the screen.
    due: VecDeque<(Due, SealedFrame)>,
    opener: Opener,
    decoder: Decoder,
    ask: KeyframeAsk,
    /// Requests for a keyframe since the last one that came.
    unanswered: u32,
    clock_offset: Arc<ClockOffset>,
    lip_sync: Arc<LipSync>,
    unit: Vec<u8>,
    bytes: u64,
    unopened: u64,
    undecoded: u64,
    forgotten: Option<Instant>,
}

/// What became of a frame.
#[derive(Debug)]
pub enum Step<'a> {
    /// It is due on the screen now.
    Picture(Shown<'a>),
    /// It was dropped and counted.
    Dropped,
}

/// A picture with what is known of it.
#[derive(Debug)]
pub struct Shown<'a> {
    pub picture: Picture<'a>,
    /// Capture time at 90 kHz on the peer's clock.
    pub timestamp: u32,
    pub keyframe: bool,
    pub concealed: bool,
}

impl VideoReceivePipeline {
    /// A pipeline that has seen nothing.
    pub fn new(opener: Opener, clock_offset: Arc<ClockOffset>, lip_sync: Arc<LipSync>) -> Result<Self, CodecError> {
        Ok(Self {
            jitter: VideoJitter::default(),
            playout: VideoPlayout::default(),
            due: VecDeque::new(),
            opener,
            decoder: Decoder::new()?,
            ask: KeyframeAsk::default(),
            unanswered: 0,
            clock_offset,
            lip_sync,
            unit: Vec::new(),
            bytes: 0,
            unopened: 0,
            undecoded: 0,
            forgotten: None,
        })
    }

    /// Takes a packet.
    pub fn push(&mut self, packet: IncomingPacket) {
        self.bytes += packet.payload.len() as u64;
        self.jitter.push(packet);
    }

    /// Takes the next frame that is due as far as it goes; nothing if none is. Call it until then.
    pub fn step(&mut self, now: MediaTime, instant: Instant) -> Option<Step<'_>> {
        if self.forgotten.is_none_or(|last| instant.saturating_duration_since(last) >= Duration::from_secs(1)) {
            self.opener.forget(instant);
            self.forgotten = Some(instant);
        }
        self.line_up(now);
        let (due, sealed) = self.due.pop_front_if(|(due, _)| due.at <= now)?;
        let opened = self.opener.open(instant, u8::from(sealed.keyframe), &sealed.data, &mut self.unit);
        let (timestamp, keyframe) = (sealed.timestamp, sealed.keyframe);
        self.jitter.recycle(sealed.data);
        if opened.is_err() {
            // A copy of what came before leaves no hole; anything else may.
            self.unopened += 1;
            if opened != Err(crate::e2ee::OpenError::Duplicate) {
                self.ask.want();
            }
            return Some(Step::Dropped);
        }
        match self.decoder.decode(now, &self.unit) {
            Ok(decoded) => {
                match (decoded.damaged, keyframe) {
                    (true, _) => self.ask.want(),
                    (false, true) => {
                        self.ask.arrived();
                        self.unanswered = 0;
                    }
                    (false, false) => {}
                }
                let concealed = decoded.damaged;
                self.undecoded += u64::from(decoded.picture.is_none());
                if let Some(ms) = self.clock_offset.us().and_then(|offset| latency_ms(timestamp, now, offset)) {
                    let actual = i64::from(ms) * 1000;
                    self.lip_sync.shown(now, actual, actual - due.for_sound.as_micros() as i64);
                }
                Some(
                    decoded
                        .picture
                        .map_or(Step::Dropped, |picture| Step::Picture(Shown { picture, timestamp, keyframe, concealed })),
                )
            }
            Err(refused) => {
                tracing::debug!(%refused, "a frame does not reach the decoder");
                self.undecoded += 1;
                self.ask.want();
                Some(Step::Dropped)
            }
        }
    }

    /// Gives every frame that is whole its time.
    fn line_up(&mut self, now: MediaTime) {
        while let Some(sealed) = self.jitter.pop(now) {
            if sealed.after_loss && !sealed.keyframe {
                self.ask.want();
            }
            let due = self.playout.due(now, sealed.timestamp, self.lip_sync.picture_waits(now));
            self.due.push_back((due, sealed));
        }
        if self.jitter.has_loss() {
            self.ask.want();
        }
        // A peer that sends faster than anybody can watch is watched faster.
        let too_many = self.due.len().saturating_sub(MOST_DUE);
        self.due.iter_mut().take(too_many).for_each(|(due, _)| due.at = now);
    }

    /// When [`step`](Self::step) may have something to do although nothing came.
    pub fn deadline(&self) -> Option<MediaTime> {
        self.jitter.deadline().into_iter().chain(self.due.front().map(|(due, _)| due.at)).min()
    }

    /// Whether to ask the peer for a keyframe now. Says so once, and again only if none comes.
    pub fn wants_keyframe(&mut self, now: MediaTime) -> bool {
        // Each answer is as large as many pictures: where one did not get through, the next is given more time.
        let patience = (self.jitter.patience() + Duration::from_millis(100)) * (1 << (self.unanswered / 3).min(4));
        let due = !self.jitter.keyframe_is_coming(now) && self.ask.due(now, patience.min(LONGEST_PATIENCE));
        self.unanswered += u32::from(due);
        due
    }

    /// The round trip time; zero if it is not known.
    pub fn set_rtt(&mut self, rtt: Duration) {
        if !rtt.is_zero() {
            self.jitter.set_rtt(rtt);
        }
    }

    /// Puts the pipeline's own counts into `stats`.
    fn counted(&self, stats: &mut VideoReceiveStats) {
        (stats.bytes, stats.unopened, stats.undecoded) = (self.bytes, self.unopened, self.undecoded);
        stats.jitter = self.jitter.counts();
        stats.playout_delay_ms = self.playout.delay().as_millis() as u32;
    }
}
