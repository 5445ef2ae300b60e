//! From the packet to the screen: put together → wait until due → open → decode → show.
//!
//! A frame waits for a packet, or for the repair of one; and, when it is whole, for its time on the screen, which on a calm link is
//! at once. It is decoded only then, so that no picture is copied.

use super::clock::MediaTime;
use super::clock_offset::ClockOffset;
use super::events::{MediaEvent, MediaEvents};
use super::fragment::FrameKind;
use super::frame::Frame;
use super::lip_sync::LipSync;
use super::marker;
use super::packet::IncomingPacket;
pub use super::record::RecordFormat;
use super::record::Recorder;
use super::repair::PictureFeedback;
use super::screen::Screen;
use super::slot::SlotWriter;
use super::trace::{Trace, TraceEvent};
use super::video_jitter::JitterCounts;
pub use super::video_receive_pipeline::{Shown, Step, VideoReceivePipeline};
use super::video_stats::{Gaps, LatencyHistogram, latency_ms};
use crate::e2ee::Opener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long the thread may sleep before it looks whether it is to end.
const LONGEST_SLEEP: Duration = Duration::from_millis(50);
/// All that a receiver needs, for the whole call.
pub struct VideoReceiveConfig {
    /// The stream's one opener.
    pub opener: Opener,
    /// Payloads as they arrive.
    pub packets: Receiver<IncomingPacket>,
    /// The window, if there is one.
    pub screen: Option<Screen>,
    /// Whoever wants the decoded pictures themselves: Echo.
    pub frames: Option<SlotWriter<Frame>>,
    /// A Y4M file to write every shown picture to.
    pub record: Option<PathBuf>,
    pub record_format: RecordFormat,
    pub trace: Option<Trace>,
    pub clock_offset: Arc<ClockOffset>,
    /// Shared with the sound's pipeline.
    pub lip_sync: Arc<LipSync>,
    /// Tells the peer of lost pictures and kept references; called no more often than makes sense.
    pub feedback: Arc<dyn Fn(PictureFeedback) + Send + Sync>,
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
    /// Keyframes and repairs asked for.
    pub requests: u64,
    pub repair_requests: u64,
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
    let VideoReceiveConfig { opener, packets, events, feedback, clock_offset, lip_sync, .. } = config;
    let mut pipeline = match VideoReceivePipeline::new(opener, clock_offset.clone(), lip_sync) {
        Ok(pipeline) => pipeline,
        Err(error) => {
            let text = format!("The other side's picture cannot be shown: {error}. Call again.");
            let _ = events.try_send(MediaEvent::Warning { what: "video_receive", text });
            return;
        }
    };
    let mut shown = Showing {
        screen: config.screen,
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
        let mut asked = (0, 0);
        while let Some(told) = pipeline.feedback(now) {
            match told {
                PictureFeedback::Keyframe => asked.0 += 1,
                PictureFeedback::Lost(_) => asked.1 += 1,
                PictureFeedback::Kept(_) => {}
            }
            feedback(told);
        }
        let expected = control.expected.load(Ordering::Relaxed);
        publish.send_modify(|stats| {
            stats.requests += asked.0;
            stats.repair_requests += asked.1;
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
            stats.keyframes += u64::from(shown.kind == FrameKind::Keyframe);
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
