//! A line a frame, for measurements: when it was captured, when it was shown.

use super::clock::MediaTime;
use super::events::{MediaEvent, MediaEvents};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Lines that may wait for the disk; beyond that, lines are lost rather than pictures late.
const WAITING_LINES: usize = 4096;

/// Writes `event,unix_us,marker,width,height` lines from a thread of its own. Cheap to clone; the last clone to go waits until all
/// lines are on disk.
#[derive(Debug, Clone)]
pub struct Trace(Arc<Writer>);

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceEvent {
    /// A frame was taken from the source.
    Captured,
    /// A frame was handed to the screen at its playout time.
    Shown,
}

#[derive(Debug)]
struct Line {
    event: TraceEvent,
    at: MediaTime,
    marker: Option<u16>,
    width: usize,
    height: usize,
}

#[derive(Debug)]
struct Writer {
    lines: Option<SyncSender<Line>>,
    thread: Option<JoinHandle<()>>,
}

impl Trace {
    /// Creates the file with its header line.
    pub fn create(path: &Path, events: MediaEvents) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(b"event,unix_us,marker,width,height\n")?;
        // A disk that is full is told now, and not when the call is over.
        file.flush()?;
        let (lines, waiting) = sync_channel(WAITING_LINES);
        let thread = thread::Builder::new().name("trace".into()).spawn(move || {
            if let Err(error) = write_lines(&mut file, &waiting) {
                let text = format!("the trace stopped: {error}; free some space, or choose another file");
                let _ = events.try_send(MediaEvent::FileLost { text });
            }
        })?;
        Ok(Self(Arc::new(Writer { lines: Some(lines), thread: Some(thread) })))
    }

    /// Adds a line. Never waits: if the disk is that far behind, the line is lost.
    pub fn line(&self, event: TraceEvent, at: MediaTime, marker: Option<u16>, width: usize, height: usize) {
        if let Some(lines) = &self.0.lines {
            let _ = lines.try_send(Line { event, at, marker, width, height });
        }
    }
}

fn write_lines(file: &mut impl Write, waiting: &Receiver<Line>) -> io::Result<()> {
    loop {
        match waiting.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => write_line(file, &line)?,
            Err(RecvTimeoutError::Timeout) => file.flush()?,
            Err(RecvTimeoutError::Disconnected) => return file.flush(),
        }
    }
}

fn write_line(file: &mut impl Write, line: &Line) -> io::Result<()> {
    let event = match line.event {
        TraceEvent::Captured => "captured",
        TraceEvent::Shown => "shown",
    };
    let marker = line.marker.map(|number| number.to_string()).unwrap_or_default();
    writeln!(file, "{event},{},{marker},{},{}", line.at.unix_us(), line.width, line.height)
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lines.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_holds_every_line_once_its_last_handle_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trace.csv");
        let trace = Trace::create(&path, tokio::sync::mpsc::channel(1).0).unwrap();
        let other = trace.clone();
        trace.line(TraceEvent::Captured, MediaTime(5), Some(65_535), 1280, 720);
        drop(trace);
        other.line(TraceEvent::Shown, MediaTime(9), None, 640, 360);
        drop(other);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "event,unix_us,marker,width,height\ncaptured,5,65535,1280,720\nshown,9,,640,360\n");
    }
}
