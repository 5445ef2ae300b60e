//! Writes every shown picture into a Y4M file, without ever making one late.

use super::convert::Picture;
use super::events::{MediaEvent, MediaEvents};
use super::frame::Frame;
use super::scale::Scaler;
use super::y4m::Y4mWriter;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// Pictures that may wait for the disk; beyond that they are left out, and a warning says so.
const WAITING: usize = 24;

/// The size and rate that the file's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordFormat {
    pub width: usize,
    pub height: usize,
    pub fps: u32,
}

/// Scales and writes on a thread of its own. Dropping it waits until all is on disk.
#[derive(Debug)]
pub struct Recorder {
    frames: Option<SyncSender<Frame>>,
    spare: Receiver<Frame>,
    events: MediaEvents,
    warned: bool,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Creates the file.
    pub fn create(path: &Path, format: RecordFormat, events: MediaEvents) -> io::Result<Self> {
        let mut file = Y4mWriter::create(path, format.width, format.height, format.fps)?;
        let (frames, waiting) = sync_channel::<Frame>(WAITING);
        let (give_back, spare) = channel();
        let trouble = events.clone();
        let thread = thread::Builder::new().name("record".into()).spawn(move || {
            if let Err(error) = write_frames(&mut file, format, waiting, &give_back) {
                let text = format!("the recording of the picture stopped: {error}; free some space, or choose another file");
                let _ = trouble.try_send(MediaEvent::FileLost { text });
            }
        })?;
        Ok(Self { frames: Some(frames), spare, events, warned: false, thread: Some(thread) })
    }

    /// Adds a picture. Copies it and returns.
    pub fn add(&mut self, picture: &Picture) {
        let mut frame = self.spare.try_recv().unwrap_or_else(|_| Frame::black(16, 16));
        picture.copy_to(&mut frame);
        let Some(frames) = &self.frames else { return };
        // Gone: the thread said why.
        if let Err(TrySendError::Full(_)) = frames.try_send(frame)
            && !std::mem::replace(&mut self.warned, true)
        {
            let text =
                "the disk is too slow for the recording, so some pictures are left out of it; choose a smaller --size".into();
            let _ = self.events.try_send(MediaEvent::FileLost { text });
        }
    }
}

fn write_frames(
    file: &mut Y4mWriter,
    format: RecordFormat,
    waiting: Receiver<Frame>,
    spare: &std::sync::mpsc::Sender<Frame>,
) -> io::Result<()> {
    let (mut scaler, mut scaled) = (Scaler::default(), Frame::black(16, 16));
    for frame in waiting {
        if (frame.width, frame.height) == (format.width, format.height) {
            file.write(&frame)?;
        } else {
            scaler.scale(&Picture::from(&frame), format.width, format.height, &mut scaled);
            file.write(&scaled)?;
        }
        let _ = spare.send(frame);
    }
    file.flush()
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.frames.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::marker;
    use crate::media::y4m::Y4mReader;

    #[test]
    fn every_picture_is_in_the_file_once_at_the_size_of_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.y4m");
        let (events, mut warnings) = tokio::sync::mpsc::channel(8);
        let format = RecordFormat { width: 320, height: 180, fps: 30 };
        let mut recorder = Recorder::create(&path, format, events).unwrap();
        for (number, (width, height)) in [(320, 180), (640, 360), (320, 180), (160, 90)].into_iter().enumerate() {
            let mut frame = Frame::black(width, height);
            marker::write(&mut frame, number as u16);
            recorder.add(&Picture::from(&frame));
        }
        drop(recorder);
        assert!(warnings.try_recv().is_err());
        assert_eq!(
            std::fs::metadata(&path).unwrap().len() as usize,
            "YUV4MPEG2 W320 H180 F30:1 Ip A1:1 C420jpeg\n".len() + 4 * (6 + 320 * 180 * 3 / 2)
        );
        let mut reader = Y4mReader::open(&path).unwrap();
        let mut frame = Frame::black(16, 16);
        for number in 0..4 {
            reader.read(&mut frame).unwrap();
            assert_eq!(marker::read(&Picture::from(&frame)), Some(number));
        }
    }
}
