//! From the lens to the packet: capture → scale → encode → seal → cut → hand over.
//!
//! While the connection is made, the first picture is encoded already, so that it leaves the moment it may.
//!
//! Nothing queues: the source overwrites what was not taken in time, and while the way out is full no frame is encoded.

use super::camera::FROZEN;
use super::clock::{MediaTime, VIDEO_RATE};
use super::convert::Picture;
use super::events::{MediaEvent, MediaEvents, MediaSource};
use super::fragment;
use super::frame::{Frame, RgbaFrame};
use super::h264::{CodecError, Encoded, Encoder};
use super::keyframes::KeyframeAnswer;
use super::marker;
use super::packet::OutgoingFrame;
use super::rate::{FrameSkip, RateRule};
use super::scale::scale;
use super::screen::{OnFrame, Screen};
use super::slot::{SlotReader, SlotWriter, Taken, slot};
use super::trace::{Trace, TraceEvent};
pub use super::video_source::VideoSourceSpec;
use super::video_source::{RunningSource, SourceContext};
use crate::e2ee::{Exhausted, Sealer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::{mpsc, watch};

/// How old the first picture may be when it leaves. An older one is encoded anew.
const READY_FOR: Duration = Duration::from_millis(400);

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
    pub preview: Option<SlotWriter<Arc<RgbaFrame>>>,
    pub on_frame: Option<OnFrame>,
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
    /// Frames left out for a lower frame rate, by the rate control, or because the way out was full.
    pub skipped: u64,
    /// Size of the last frame sent.
    pub width: usize,
    pub height: usize,
}

/// The sending pipeline on its thread. Dropping it closes the device and ends the thread.
pub struct VideoSender {
    commands: Option<Sender<VideoSourceSpec>>,
    wake: SlotReader<Frame>,
    control: Arc<Control>,
    stats: watch::Receiver<VideoSendStats>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Control {
    begun: AtomicBool,
    keyframe: AtomicBool,
    kbps: AtomicU32,
}

impl VideoSender {
    /// Opens the source and encodes a first picture. Nothing leaves before [`begin`](Self::begin).
    pub fn prepare(config: VideoSendConfig) -> Self {
        let (frames, taken) = slot();
        let (publish, stats) = watch::channel(VideoSendStats::default());
        let (commands, heard) = channel();
        let control = Arc::new(Control {
            begun: AtomicBool::new(false),
            keyframe: AtomicBool::new(false),
            kbps: AtomicU32::new(config.bitrate_kbps),
        });
        let (its, wake) = (control.clone(), taken.clone());
        let run = move || run(config, (frames, &taken), &heard, &its, &publish);
        let thread = thread::Builder::new().name("video send".into()).spawn(run).expect("the system has room for a thread");
        Self { commands: Some(commands), wake, control, stats, thread: Some(thread) }
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

    /// The peer lost something and needs a whole picture.
    pub fn request_keyframe(&self) {
        self.control.keyframe.store(true, Ordering::Relaxed);
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
    commands: &Receiver<VideoSourceSpec>,
    control: &Control,
    publish: &watch::Sender<VideoSendStats>,
) {
    let VideoSendConfig { sealer, source, width, height, fps, bitrate_kbps, out, preview, on_frame, trace, events } = config;
    let (used, spare) = slot();
    let context = SourceContext { width, height, fps, frames, spare, events: events.clone() };
    let mut pipeline = VideoSendPipeline::new(sealer, fps, bitrate_kbps);
    let mut preview = preview.map(|slot| Screen::new(slot, on_frame));
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
        if control.keyframe.swap(false, Ordering::Relaxed) {
            pipeline.request_keyframe();
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

/// Why a frame could not be sent.
#[derive(Debug, Error)]
pub enum SendError {
    #[error(transparent)]
    Codec(#[from] CodecError),
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// A frame in, a sealed and cut frame out; no thread, no clock.
pub struct VideoSendPipeline {
    sealer: Sealer,
    encoder: Option<Encoder>,
    fps: u32,
    kbps: u32,
    rule: RateRule,
    skip: FrameSkip,
    keyframes: KeyframeAnswer,
    scaled: Frame,
    unit: Vec<u8>,
    sealed: Vec<u8>,
    /// The first picture, encoded in `unit`, until it may leave.
    ready: Option<EncodedPicture>,
    last: Option<MediaTime>,
    stats: VideoSendStats,
}

/// What is known of the access unit in [`VideoSendPipeline::unit`].
#[derive(Debug, Clone, Copy)]
struct EncodedPicture {
    captured: MediaTime,
    keyframe: bool,
    width: usize,
    height: usize,
}

impl VideoSendPipeline {
    /// A pipeline for at most `fps` frames a second and at first `kbps`.
    pub fn new(sealer: Sealer, fps: u32, kbps: u32) -> Self {
        Self {
            sealer,
            encoder: None,
            fps,
            kbps,
            rule: RateRule::default(),
            skip: FrameSkip::default(),
            keyframes: KeyframeAnswer::default(),
            scaled: Frame::black(16, 16),
            unit: Vec::new(),
            sealed: Vec::new(),
            ready: None,
            last: None,
            stats: VideoSendStats::default(),
        }
    }

    /// Keeps the keys of now and wipes older ones while nothing is sent.
    pub fn keep_up(&mut self, instant: Instant) {
        self.sealer.keep_up(instant);
    }

    /// Encodes a first picture ahead of time, and another one once that has grown old.
    pub fn prepare(&mut self, now: MediaTime, frame: &Frame) -> Result<(), SendError> {
        if self.wants_first(now) {
            self.restart();
            self.ready = self.encode(now, frame, true)?;
        }
        Ok(())
    }

    /// Whether [`prepare`](Self::prepare) has something to do.
    pub fn wants_first(&self, now: MediaTime) -> bool {
        self.ready.is_none_or(|ready| now.since(ready.captured) >= READY_FOR)
    }

    /// Makes a frame of the picture that is ready; nothing if there is none or it has grown old.
    pub fn release(&mut self, now: MediaTime, instant: Instant) -> Result<Option<OutgoingFrame>, SendError> {
        if self.wants_first(now) {
            self.restart();
        }
        self.ready.take().map(|ready| self.seal(instant, ready)).transpose()
    }

    /// Makes a frame of what was captured; nothing if it is left out. With `room` false nothing may leave now.
    pub fn step(
        &mut self,
        now: MediaTime,
        instant: Instant,
        frame: &Frame,
        room: bool,
    ) -> Result<Option<OutgoingFrame>, SendError> {
        let encoded = self.encode(now, frame, room)?;
        encoded.map(|picture| self.seal(instant, picture)).transpose()
    }

    /// Encodes what was captured into `unit`.
    fn encode(&mut self, now: MediaTime, frame: &Frame, room: bool) -> Result<Option<EncodedPicture>, SendError> {
        self.stats.captured += 1;
        let plan = self.rule.plan(now, self.kbps, frame.width * frame.height);
        let room = room && self.kbps > 0;
        if !room || !self.skip.take(frame.captured, plan.fps.min(self.fps)) {
            self.stats.skipped += 1;
            return Ok(None);
        }
        let (width, height) = plan.size(frame.width, frame.height);
        let frame = if (width, height) != (frame.width, frame.height) {
            scale(&Picture::from(frame), width, height, &mut self.scaled);
            self.scaled.captured = frame.captured;
            &self.scaled
        } else {
            frame
        };
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::new(frame, self.fps, self.kbps)?),
        };
        encoder.set_kbps(self.kbps);
        if self.keyframes.due(now, self.kbps) {
            encoder.request_keyframe();
        }
        let Encoded::Unit { keyframe } = encoder.encode(frame, &mut self.unit)? else {
            self.stats.skipped += 1;
            return Ok(None);
        };
        if keyframe {
            self.keyframes.sent(now);
        }
        Ok(Some(EncodedPicture { captured: frame.captured, keyframe, width: frame.width, height: frame.height }))
    }

    /// Seals and cuts what is in `unit`.
    fn seal(&mut self, instant: Instant, picture: EncodedPicture) -> Result<OutgoingFrame, SendError> {
        let EncodedPicture { captured, keyframe, width, height } = picture;
        self.sealer.seal(instant, u8::from(keyframe), &self.unit, &mut self.sealed)?;
        // Two frames never share a stamp, whatever the source says.
        let captured = self.last.map_or(captured, |last| captured.max(MediaTime(last.0 + 1000)));
        self.last = Some(captured);
        self.stats.frames += 1;
        self.stats.keyframes += u64::from(keyframe);
        self.stats.bytes += self.sealed.len() as u64;
        (self.stats.width, self.stats.height) = (width, height);
        Ok(OutgoingFrame { timestamp: captured.rtp(VIDEO_RATE), pieces: fragment::cut(&self.sealed, keyframe) })
    }

    /// The peer needs a whole picture.
    pub fn request_keyframe(&mut self) {
        self.keyframes.want();
    }

    /// What the path carries.
    pub fn set_kbps(&mut self, kbps: u32) {
        self.kbps = kbps;
    }

    /// Another source begins: with a keyframe, and without what was learnt of the last one.
    pub fn restart(&mut self) {
        (self.encoder, self.skip, self.ready) = (None, FrameSkip::default(), None);
    }

    /// What was sent so far.
    pub fn stats(&self) -> VideoSendStats {
        self.stats
    }
}
