//! A camera without a call: its picture for the person alone, and the QR codes in it. It closes when dropped.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rqrr::PreparedImage;

use super::clock::MediaTime;
use super::convert::Picture;
use super::events::MediaEvent;
use super::frame::{Frame, ScreenFrame};
use super::slot::{SlotReader, SlotWriter, Taken, slot};
use super::video_source::{RunningSource, SourceContext, VideoSourceSpec};

/// Looking for a code in a picture takes longer than showing it.
const BETWEEN_LOOKS: Duration = Duration::from_millis(120);
/// As large as most cameras give; a code of forty squares a side needs a third of it.
const SIZE: (usize, usize) = (1280, 720);
const FPS: u32 = 15;

/// What the scanner has to tell, from a thread of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A code was read; the same one is told once until another comes.
    Code(String),
    /// There is no picture: why, and what to do.
    Trouble(String),
    /// A new picture is in the slot.
    Picture,
}

/// A camera that looks for codes. Dropping it closes the device, which may take most of a second.
pub struct Scanner {
    source: Option<RunningSource>,
    thread: Option<JoinHandle<()>>,
}

impl Scanner {
    /// Opens `camera` and shows its pictures in `preview`. `tell` must not block for long.
    pub fn start(camera: VideoSourceSpec, preview: SlotWriter<Arc<ScreenFrame>>, tell: impl Fn(Seen) + Send + 'static) -> Self {
        Self::open(camera, preview, true, tell)
    }

    /// The same without looking for codes: only [`Seen::Picture`] and [`Seen::Trouble`] are told.
    pub fn preview(camera: VideoSourceSpec, preview: SlotWriter<Arc<ScreenFrame>>, tell: impl Fn(Seen) + Send + 'static) -> Self {
        Self::open(camera, preview, false, tell)
    }

    fn open(
        camera: VideoSourceSpec,
        preview: SlotWriter<Arc<ScreenFrame>>,
        codes: bool,
        tell: impl Fn(Seen) + Send + 'static,
    ) -> Self {
        let (frames, pictures) = slot();
        let (_, spare) = slot();
        let (events, heard) = tokio::sync::mpsc::channel(4);
        let context = SourceContext { width: SIZE.0, height: SIZE.1, fps: FPS, frames, spare, events };
        let source = RunningSource::start(camera, context);
        let run = move || run(&pictures, heard, &preview, codes, tell);
        let thread = Builder::new().name("scanner".into()).spawn(run).expect("the system has room for a thread");
        Self { source, thread: Some(thread) }
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        // The source goes first: without it the slot is closed, and the thread ends.
        self.source = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    pictures: &SlotReader<Frame>,
    mut heard: tokio::sync::mpsc::Receiver<MediaEvent>,
    preview: &SlotWriter<Arc<ScreenFrame>>,
    codes: bool,
    tell: impl Fn(Seen),
) {
    let (mut next_look, mut last, mut sequence) = (MediaTime::default(), None, 0);
    loop {
        while let Ok(event) = heard.try_recv() {
            if let MediaEvent::SourceLost { text, .. } = event {
                tell(Seen::Trouble(text));
            }
        }
        let frame = match pictures.wait(Duration::from_millis(200)) {
            Taken::Value(frame) => frame,
            Taken::Nothing => continue,
            Taken::Closed => return,
        };
        sequence += 1;
        let mut shown = ScreenFrame { width: frame.width, height: frame.height, sequence, ..ScreenFrame::default() };
        Picture::from(&frame).to_screen(shown.order, &mut shown.data);
        preview.put(Arc::new(shown));
        tell(Seen::Picture);
        if !codes || frame.captured < next_look {
            continue;
        }
        next_look = frame.captured + BETWEEN_LOOKS;
        let code = read(&frame);
        if code.is_some() && code != last {
            last.clone_from(&code);
            code.into_iter().for_each(|code| tell(Seen::Code(code)));
        }
    }
}

/// The text of a code in the picture, if there is one that can be read.
pub fn read(frame: &Frame) -> Option<String> {
    let (luma, ..) = frame.planes();
    let mut picture = PreparedImage::prepare_from_greyscale(frame.width, frame.height, |x, y| luma[y * frame.width + x]);
    picture.detect_grids().into_iter().find_map(|grid| grid.decode().ok().map(|(_, text)| text))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use qrcode::{Color, EcLevel, QrCode};
    use std::sync::mpsc::channel;

    const CODE: &str = "VESPER-SAFETY:AEBAGBAFAYDQQCIK";

    /// A picture of a code, grey in grey as a camera in a room sees it, with a gradient of light over it.
    pub(crate) fn picture_of(code: &str, side: usize) -> Frame {
        let mut frame = Frame::black(640, 480);
        let code = QrCode::with_error_correction_level(code, EcLevel::L).unwrap();
        let (colors, width) = (code.to_colors(), code.width());
        let (left, top) = ((640 - side) / 2, (480 - side) / 2);
        let (luma, ..) = frame.planes_mut();
        for (at, pixel) in luma.iter_mut().enumerate() {
            let (x, y) = (at % 640, at / 640);
            let light = 150 + (x / 12) as u8;
            let inside = (left..left + side).contains(&x) && (top..top + side).contains(&y);
            let square = |at: usize, from: usize| (at - from) * width / side;
            let dark = inside && colors[square(y, top) * width + square(x, left)] == Color::Dark;
            *pixel = if dark { light - 100 } else { light };
        }
        frame
    }

    #[test]
    fn a_code_is_read_from_a_dim_picture_and_none_from_a_picture_without_one() {
        assert_eq!(read(&picture_of(CODE, 300)).as_deref(), Some(CODE));
        assert_eq!(read(&picture_of(CODE, 140)).as_deref(), Some(CODE));
        assert_eq!(read(&Frame::black(640, 480)), None);
    }

    #[test]
    fn a_scanner_tells_a_code_once_shows_what_it_sees_and_ends_when_dropped() {
        let (push, pushed) = slot();
        let (preview, shown) = slot();
        let (tell, told) = channel();
        let scanner = Scanner::start(VideoSourceSpec::Push(pushed), preview, move |seen| {
            let _ = tell.send(seen);
        });
        let mut codes = Vec::new();
        for moment in 0..4 {
            push.put(Frame { captured: MediaTime(moment * 1_000_000), ..picture_of(CODE, 240) });
            // One picture at a time: each is told when it is in the slot, and its code after that.
            while told.recv_timeout(Duration::from_secs(20)).unwrap() != Seen::Picture {}
            assert!(shown.take().is_some_and(|shown| shown.width == 640));
            if moment == 0 {
                codes.push(told.recv_timeout(Duration::from_secs(20)).unwrap());
            }
        }
        drop(scanner);
        codes.extend(told.iter().filter(|seen| *seen != Seen::Picture));
        assert_eq!(codes, [Seen::Code(CODE.into())]);
    }

    #[test]
    fn a_camera_that_is_not_there_is_told_in_words() {
        let (preview, _shown) = slot();
        let (tell, told) = channel();
        let nowhere = VideoSourceSpec::File("/nowhere/code.y4m".into());
        let scanner = Scanner::start(nowhere, preview, move |seen| drop(tell.send(seen)));
        let Ok(Seen::Trouble(text)) = told.recv_timeout(Duration::from_secs(20)) else { panic!("not told") };
        assert!(text.contains("/nowhere/code.y4m"), "{text}");
        drop(scanner);
    }
}
