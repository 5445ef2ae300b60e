//! From the lens to the packet: capture → scale → encode → seal → cut → hand over.
//!
//! While the connection is made, the first picture is encoded already, so that it leaves the moment it may.
//!
//! Nothing queues: the source overwrites what was not taken in time, and while the way out is full no frame is encoded.

use super::camera::FROZEN;
use super::clock::MediaTime;
use super::convert::Picture;
use super::events::{MediaEvent, MediaEvents, MediaSource};
use super::frame::Frame;
use super::marker;
use super::packet::OutgoingFrame;
use super::repair::PictureFeedback;
use super::screen::Screen;
use super::slot::{SlotReader, SlotWriter, Taken, slot};
use super::trace::{Trace, TraceEvent};
pub use super::video_send_pipeline::{SendError, VideoSendPipeline};
pub use super::video_source::VideoSourceSpec;
use super::video_source::{RunningSource, SourceContext};
use crate::e2ee::Sealer;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// What a peer tells of the pictures and nobody has looked at yet; more is of no use.
const FEEDBACK: usize = 16;

/// Our own picture is a small one beside the other's: twice as wide as that, for displays with small pixels.
const PREVIEW: (usize, usize) = (640, 360);

/// All that a sender needs, for the whole call.
pub struct VideoSendConfig {
    /// The stream's one sealer: it counts on whatever the camera does.
    pub sealer: Sealer,
    pub source: VideoSourceSpec,
    /// The largest picture to send.
    pub width: usize,
    pub height: usize,
    pub fps: u32,
    pub bitrate_kbps: u32,
    /// Where frames go. While it is full, frames are left out before they are encoded.
    pub out: mpsc::Sender<OutgoingFrame>,
    /// The picture of oneself.
    pub preview: Option<Screen>,
    pub trace: Option<Trace>,
    pub events: MediaEvents,
}

/// What was sent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VideoSendStats {
    /// Frames taken from the source.
    pub captured: u64,
    /// Frames handed over, and their sealed bytes.
    pub frames: u64,
    pub bytes: u64,
    pub keyframes: u64,
    /// Frames made from a long-term reference, because the peer had lost something.
    pub repairs: u64,
    /// Frames left out for a lower frame rate, by the rate control, or because the way out was full.
    pub skipped: u64,
    /// Size of the last frame sent.
    pub width: usize,
    pub height: usize,
}

/// The sending pipeline on its thread. Dropping it closes the device and ends the thread.
pub struct VideoSender {
    commands: Option<Sender<VideoSourceSpec>>,
    feedback: SyncSender<PictureFeedback>,
    wake: SlotReader<Frame>,
    control: Arc<Control>,
    stats: watch::Receiver<VideoSendStats>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Control {
    begun: AtomicBool,
    /// The next picture has to do without those before it.
    renew: AtomicBool,
    kbps: AtomicU32,
}

impl VideoSender {
    /// Opens the source and encodes a first picture. Nothing leaves before [`begin`](Self::begin).
    pub fn prepare(config: VideoSendConfig) -> Self {
        let (frames, taken) = slot();
        let (publish, stats) = watch::channel(VideoSendStats::default());
        let (commands, heard) = channel();
        let (feedback, told) = sync_channel(FEEDBACK);
        let control = Arc::new(Control {
            begun: AtomicBool::new(false),
            renew: AtomicBool::new(false),
            kbps: AtomicU32::new(config.bitrate_kbps),
        });
        let (its, wake) = (control.clone(), taken.clone());
        let run = move || run(config, (frames, &taken), (&heard, &told), &its, &publish);
        let thread = thread::Builder::new().name("video send".into()).spawn(run).expect("the system has room for a thread");
        Self { commands: Some(commands), feedback, wake, control, stats, thread: Some(thread) }
    }

    /// Sends from now on, beginning with the picture that is ready.
    pub fn begin(&self) {
        self.control.begun.store(true, Ordering::Release);
        self.wake.wake();
    }

    /// Takes pictures from elsewhere from now on; [`VideoSourceSpec::None`] closes the camera at once.
    pub fn set_source(&self, source: VideoSourceSpec) {
        if let Some(commands) = &self.commands {
            let _ = commands.send(source);
            self.wake.wake();
        }
    }

    /// What the peer tells of the pictures; takes effect with the next frame.
    pub fn feedback(&self, feedback: PictureFeedback) {
        let _ = self.feedback.try_send(feedback);
    }

    /// What was sent of late did not arrive, or not in time: the next frame does without it.
    pub fn renew(&self) {
        self.control.renew.store(true, Ordering::Relaxed);
    }

    /// What the path carries; takes effect with the next frame. 0: no picture is sent.
    pub fn set_bitrate_kbps(&self, kbps: u32) {
        self.control.kbps.store(kbps, Ordering::Relaxed);
    }

    /// What was sent so far.
    pub fn stats(&self) -> VideoSendStats {
        *self.stats.borrow()
    }
}

impl Drop for VideoSender {
    fn drop(&mut self) {
        self.commands.take();
        self.wake.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The loop around [`VideoSendPipeline::step`]: source in, frames out.
fn run(
    config: VideoSendConfig,
    (frames, taken): (SlotWriter<Frame>, &SlotReader<Frame>),
    (commands, told): (&Receiver<VideoSourceSpec>, &Receiver<PictureFeedback>),
    control: &Control,
    publish: &watch::Sender<VideoSendStats>,
) {
    let VideoSendConfig { sealer, source, width, height, fps, bitrate_kbps, out, preview, trace, events } = config;
    let (used, spare) = slot();
    let context = SourceContext { width, height, fps, frames, spare, events: events.clone() };
    let mut pipeline = VideoSendPipeline::new(sealer, fps, bitrate_kbps);
    let mut preview = preview.map(|screen| screen.at_most(PREVIEW.0, PREVIEW.1));
    let mut source = RunningSource::start(source, context.clone());
    let (mut frozen, mut newest) = (false, Instant::now());
    let mut begun = false;
    loop {
        if !begun && control.begun.load(Ordering::Acquire) {
            begun = true;
            if let Ok(Some(first)) = pipeline.release(MediaTime::now(), Instant::now()) {
                let _ = out.try_send(first);
                publish.send_replace(pipeline.stats());
            }
        }
        // One wake may stand for several wishes; the last one counts.
        let mut wish = None;
        loop {
            match commands.try_recv() {
                Ok(spec) => wish = Some(spec),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        if let Some(spec) = wish {
            // The old device is closed before the new one opens: they may be the same.
            drop(source.take());
            taken.take();
            (source, frozen, newest) = (RunningSource::start(spec, context.clone()), false, Instant::now());
            pipeline.restart();
        }
        let frame = match taken.wait(FROZEN) {
            // A driver that hung while it was closed may still bring a picture; nobody is to see that one.
            Taken::Value(frame) if source.is_some() => frame,
            Taken::Value(_) => continue,
            Taken::Nothing | Taken::Closed => {
                pipeline.keep_up(Instant::now());
                let open = source.as_ref().is_some_and(RunningSource::is_open);
                if open && !frozen && newest.elapsed() >= FROZEN {
                    frozen = true;
                    let text = "The camera gives no picture. Unplug it and plug it in again, or choose another one.".into();
                    let _ = events.try_send(MediaEvent::SourceLost { source: MediaSource::Camera, text });
                }
                continue;
            }
        };
        newest = Instant::now();
        if std::mem::take(&mut frozen) {
            let _ = events.try_send(MediaEvent::SourceBack { source: MediaSource::Camera });
        }
        if let Some(trace) = trace.as_ref().filter(|_| begun || pipeline.wants_first(MediaTime::now())) {
            let picture = Picture::from(&frame);
            trace.line(TraceEvent::Captured, frame.captured, marker::read(&picture), frame.width, frame.height);
        }
        told.try_iter().for_each(|feedback| pipeline.feedback(feedback));
        if control.renew.swap(false, Ordering::Relaxed) {
            pipeline.renew();
        }
        pipeline.set_kbps(control.kbps.load(Ordering::Relaxed));
        let made = if begun {
            pipeline.step(MediaTime::now(), Instant::now(), &frame, out.capacity() > 0)
        } else {
            pipeline.prepare(MediaTime::now(), &frame).map(|()| None)
        };
        match made {
            Ok(Some(outgoing)) => drop(out.try_send(outgoing)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "no picture is sent any more");
                let text = format!("Your picture cannot be sent: {error}. Turn the camera off and on again.");
                let _ = events.try_send(MediaEvent::Warning { what: "video_send", text });
                drop(source.take());
            }
        }
        publish.send_replace(pipeline.stats());
        // After the peer's picture, for one's own can wait.
        if let Some(preview) = &mut preview {
            preview.show(&Picture::from(&frame));
        }
        used.put(frame);
    }
}
