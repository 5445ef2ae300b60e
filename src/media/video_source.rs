//! Where pictures come from: one trait, one thread, whatever the source.

use super::camera;
use super::clock::MediaTime;
use super::convert::Picture;
use super::events::{MediaEvent, MediaEvents, MediaSource};
use super::frame::Frame;
use super::pace::Pace;
use super::scale::{Scaler, fit};
use super::slot::{SlotReader, SlotWriter, Taken};
use super::test_pattern::TestPattern;
use super::y4m::{Y4mError, Y4mReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long to wait before a source that failed is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// How long a device may take to close. A driver that hangs longer is left behind.
const CLOSING: Duration = Duration::from_millis(800);

/// What to send.
#[derive(Debug)]
pub enum VideoSourceSpec {
    /// Nothing: the camera is off and its device closed.
    None,
    /// The test pattern.
    Test,
    /// A Y4M file, in real time, over and over.
    File(PathBuf),
    /// The camera of this name, or the system's first.
    Camera(Option<String>),
    /// Whatever somebody puts into a slot: Echo sends back what it decoded.
    Push(SlotReader<Frame>),
}

impl VideoSourceSpec {
    /// Looks at what can be looked at without opening a device: a wrong file is better refused before a call than in it.
    pub fn check(&self) -> Result<(), Y4mError> {
        match self {
            Self::File(path) => Y4mReader::open(path)?.read(&mut Frame::black(16, 16)),
            _ => Ok(()),
        }
    }
}

/// What a source is asked for, and where its frames go.
#[derive(Debug, Clone)]
pub(super) struct SourceContext {
    pub width: usize,
    pub height: usize,
    pub fps: u32,
    pub frames: SlotWriter<Frame>,
    /// Frames that were sent, to be filled again.
    pub spare: SlotReader<Frame>,
    pub events: MediaEvents,
}

impl SourceContext {
    /// A frame to fill.
    pub fn frame(&self) -> Frame {
        self.spare.take().unwrap_or_else(|| Frame::black(16, 16))
    }

    pub fn lost(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::warn!(%text, "no picture from the source");
        let _ = self.events.try_send(MediaEvent::SourceLost { source: MediaSource::Camera, text });
    }

    pub fn back(&self) {
        let _ = self.events.try_send(MediaEvent::SourceBack { source: MediaSource::Camera });
    }
}

/// Tells a source thread to end, and back whether its device is open; the thread sleeps on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop {
    set: Arc<AtomicBool>,
    open: Arc<AtomicBool>,
}

impl Stop {
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// A device is open and should deliver; somebody else watches whether it does.
    pub fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    /// Sleeps until `due`; false if the thread is to end.
    pub fn sleep_until(&self, due: MediaTime) -> bool {
        loop {
            let left = due.since(MediaTime::now());
            if self.is_set() || left.is_zero() {
                return !self.is_set();
            }
            thread::park_timeout(left);
        }
    }
}

/// A source that runs. Dropping it closes its device.
#[derive(Debug)]
pub(super) struct RunningSource {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    ended: Receiver<()>,
    pushed: Option<SlotReader<Frame>>,
}

impl RunningSource {
    /// Starts the source; none for [`VideoSourceSpec::None`].
    pub fn start(spec: VideoSourceSpec, context: SourceContext) -> Option<Self> {
        if matches!(spec, VideoSourceSpec::None) {
            return None;
        }
        let pushed = if let VideoSourceSpec::Push(frames) = &spec { Some(frames.clone()) } else { None };
        let (stop, (end, ended)) = (Stop::default(), channel());
        let its = stop.clone();
        let run = move || {
            run(spec, &context, &its);
            let _ = end.send(());
        };
        let thread = thread::Builder::new().name("camera".into()).spawn(run).expect("the system has room for a thread");
        Some(Self { stop, thread: Some(thread), ended, pushed })
    }
}

impl RunningSource {
    /// Whether a device is open that should deliver.
    pub fn is_open(&self) -> bool {
        self.stop.open.load(Ordering::Relaxed)
    }
}

impl Drop for RunningSource {
    fn drop(&mut self) {
        self.stop.set.store(true, Ordering::Release);
        if let Some(pushed) = &self.pushed {
            pushed.wake();
        }
        let Some(thread) = self.thread.take() else { return };
        thread.thread().unpark();
        // An end that was dropped without a word is an end too: the thread panicked.
        if self.ended.recv_timeout(CLOSING) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            tracing::warn!("the camera does not close; left behind");
        } else {
            let _ = thread.join();
        }
    }
}

fn run(spec: VideoSourceSpec, context: &SourceContext, stop: &Stop) {
    match spec {
        VideoSourceSpec::None => {}
        VideoSourceSpec::Test => run_test(context, stop),
        VideoSourceSpec::File(path) => until_stopped(context, stop, |lost| run_file(&path, context, stop, lost)),
        VideoSourceSpec::Camera(name) => until_stopped(context, stop, |lost| camera::run(name.as_deref(), context, stop, lost)),
        VideoSourceSpec::Push(frames) => run_push(&frames, context, stop),
    }
}

/// Runs `source` again and again until it is to stop. Each trouble is told once; `source` is given whether it is in trouble, to
/// take that back when frames flow again.
fn until_stopped(context: &SourceContext, stop: &Stop, mut source: impl FnMut(&mut Option<String>) -> Result<(), String>) {
    let mut told = None;
    while !stop.is_set() {
        let ended = source(&mut told);
        stop.set_open(false);
        if let Err(text) = ended
            && told.as_ref() != Some(&text)
        {
            context.lost(text.clone());
            told = Some(text);
        }
        stop.sleep_until(MediaTime::now() + RETRY);
    }
}

/// Draws each frame before it is due, so that it leaves on time.
fn run_test(context: &SourceContext, stop: &Stop) {
    let mut pattern = TestPattern::new(context.width, context.height);
    let mut pace = Pace::new((context.fps.max(1), 1));
    loop {
        let due = pace.next(MediaTime::now());
        let mut frame = context.frame();
        pattern.draw(due, &mut frame);
        if !stop.sleep_until(due) {
            return;
        }
        frame.captured = due;
        context.frames.put(frame);
    }
}

/// Plays the file at its own rate, scaled to what is asked for.
fn run_file(path: &Path, context: &SourceContext, stop: &Stop, lost: &mut Option<String>) -> Result<(), String> {
    let mut file = Y4mReader::open(path).map_err(|error| error.to_string())?;
    let (width, height) = file.size();
    let (width, height) = fit(width, height, context.width, context.height);
    let mut pace = Pace::new(file.fps());
    let (mut scaler, mut read) = (Scaler::default(), Frame::black(16, 16));
    loop {
        let due = pace.next(MediaTime::now());
        let mut frame = context.frame();
        if file.size() == (width, height) {
            file.read(&mut frame).map_err(|error| error.to_string())?;
        } else {
            file.read(&mut read).map_err(|error| error.to_string())?;
            scaler.scale(&Picture::from(&read), width, height, &mut frame);
        }
        if !stop.sleep_until(due) {
            return Ok(());
        }
        if lost.take().is_some() {
            context.back();
        }
        frame.captured = due;
        context.frames.put(frame);
    }
}

/// Passes on what is pushed.
fn run_push(pushed: &SlotReader<Frame>, context: &SourceContext, stop: &Stop) {
    while !stop.is_set() {
        match pushed.wait(Duration::from_millis(500)) {
            Taken::Value(frame) => drop(context.frames.put(frame)),
            Taken::Nothing => {}
            Taken::Closed => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::marker;
    use crate::media::slot::slot;
    use crate::media::y4m::Y4mWriter;

    fn context(width: usize, height: usize) -> (SourceContext, SlotReader<Frame>, tokio::sync::mpsc::Receiver<MediaEvent>) {
        let ((frames, taken), (_, spare)) = (slot(), slot());
        let (events, heard) = tokio::sync::mpsc::channel(8);
        (SourceContext { width, height, fps: 30, frames, spare, events }, taken, heard)
    }

    fn next(frames: &SlotReader<Frame>) -> Frame {
        match frames.wait(Duration::from_secs(20)) {
            Taken::Value(frame) => frame,
            other => panic!("{other:?} instead of a frame"),
        }
    }

    #[test]
    fn a_file_of_another_size_is_played_scaled_and_again_from_its_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = Y4mWriter::create(file.path(), 640, 360, 120).unwrap();
        for number in 0..2 {
            let mut frame = Frame::black(640, 360);
            marker::write(&mut frame, number);
            writer.write(&frame).unwrap();
        }
        writer.flush().unwrap();
        let spec = VideoSourceSpec::File(file.path().into());
        spec.check().unwrap();
        let (context, frames, _heard) = context(320, 320);
        let source = RunningSource::start(spec, context).unwrap();
        let mut seen = [false; 2];
        while seen != [true; 2] {
            let frame = next(&frames);
            assert_eq!((frame.width, frame.height), (320, 180));
            seen[usize::from(marker::read(&Picture::from(&frame)).unwrap())] = true;
        }
        drop(source);
        frames.take();
        assert_eq!(frames.wait(Duration::from_secs(1)), Taken::Closed, "the thread has ended");
    }

    #[test]
    fn a_file_that_is_gone_is_told_once_in_words() {
        let (context, _frames, mut heard) = context(320, 180);
        let spec = VideoSourceSpec::File("/nowhere/picture.y4m".into());
        assert!(spec.check().is_err());
        let source = RunningSource::start(spec, context);
        let Some(MediaEvent::SourceLost { source: MediaSource::Camera, text }) = heard.blocking_recv() else {
            panic!("not told")
        };
        assert!(text.contains("/nowhere/picture.y4m cannot be read"), "{text}");
        drop(source);
        assert_eq!(heard.blocking_recv(), None);
    }

    #[test]
    fn what_is_pushed_comes_out_and_the_thread_ends_with_its_handle() {
        let (context, frames, _heard) = context(320, 180);
        let (push, pushed) = slot();
        let source = RunningSource::start(VideoSourceSpec::Push(pushed), context);
        push.put(Frame { captured: MediaTime(77), ..Frame::black(64, 48) });
        assert_eq!(next(&frames).captured, MediaTime(77));
        drop(source);
        assert_eq!(frames.wait(Duration::from_secs(1)), Taken::Closed);
    }
}
