//! Y4M: uncompressed video in a file, as `ffmpeg -pix_fmt yuv420p out.y4m` writes it.

use super::convert::{Picture, reshape};
use super::frame::{Frame, Matrix};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Longest header or frame line that is looked at.
const MAX_LINE: u64 = 1024;
/// Largest picture that is read: 4K.
const MAX_SIDE: usize = 4096;

/// Why a file cannot serve as a camera, as a sentence with a way out.
#[derive(Debug, Error)]
pub enum Y4mError {
    #[error("{} cannot be read: {source}; choose another file", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} is not a Y4M file; make one with: ffmpeg -i {0} -pix_fmt yuv420p video.y4m")]
    NotY4m(PathBuf),
    #[error(
        "{0} has pixels of kind {1}, but only 8-bit 4:2:0 can be read; convert it with: ffmpeg -i {0} -pix_fmt yuv420p video.y4m"
    )]
    Pixels(PathBuf, String),
    #[error("{0} says it is {1}x{2}; pictures from 16x16 to 4096x4096 can be read")]
    Size(PathBuf, usize, usize),
    #[error("{0} holds no whole picture; it may have been cut off while it was written")]
    Empty(PathBuf),
}

/// Reads one frame after the other, and starts again at the end.
#[derive(Debug)]
pub struct Y4mReader {
    path: PathBuf,
    file: BufReader<File>,
    header: Header,
    first_frame: u64,
    /// Planes as they are in the file, where that is not as they are in a [`Frame`].
    odd: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq)]
struct Header {
    width: usize,
    height: usize,
    fps: (u32, u32),
    full_range: bool,
}

impl Y4mReader {
    /// Opens the file and reads its header.
    pub fn open(path: &Path) -> Result<Self, Y4mError> {
        let io = |error| Y4mError::Io { path: path.into(), source: error };
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        let line = read_line(&mut file).map_err(io)?.ok_or_else(|| Y4mError::NotY4m(path.into()))?;
        let header = Header::parse(path, &line)?;
        let first_frame = file.stream_position().map_err(io)?;
        Ok(Self { path: path.into(), file, header, first_frame, odd: Vec::new() })
    }

    /// The size of the frames: that of the file, rounded down to even.
    pub fn size(&self) -> (usize, usize) {
        (self.header.width & !1, self.header.height & !1)
    }

    /// Frames a second, as a fraction.
    pub fn fps(&self) -> (u32, u32) {
        self.header.fps
    }

    /// Reads the next frame into `frame`; after the last comes the first. A last frame cut short is left out.
    pub fn read(&mut self, frame: &mut Frame) -> Result<(), Y4mError> {
        if self.read_one(frame).map_err(|error| self.unreadable(error))? {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.first_frame)).map_err(|error| self.unreadable(error))?;
        match self.read_one(frame) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Y4mError::Empty(self.path.clone())),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    fn unreadable(&self, source: io::Error) -> Y4mError {
        Y4mError::Io { path: self.path.clone(), source }
    }

    fn read_one(&mut self, frame: &mut Frame) -> io::Result<bool> {
        match read_line(&mut self.file)? {
            Some(line) if line.starts_with("FRAME") => {}
            _ => return Ok(false),
        }
        let (width, height) = self.size();
        let header = &self.header;
        frame.full_range = header.full_range;
        frame.matrix = if height >= 720 { Matrix::Bt709 } else { Matrix::Bt601 };
        reshape(frame, width, height);
        if (width, height) == (header.width, header.height) {
            return filled(self.file.read_exact(&mut frame.data));
        }
        let (uv_stride, uv_height) = (header.width.div_ceil(2), header.height.div_ceil(2));
        let luma = header.width * header.height;
        self.odd.resize(luma + 2 * uv_stride * uv_height, 0);
        let whole = filled(self.file.read_exact(&mut self.odd))?;
        let (y, chroma) = self.odd.split_at(luma);
        let (u, v) = chroma.split_at(uv_stride * uv_height);
        let (matrix, full_range) = (frame.matrix, frame.full_range);
        Picture { width, height, y, u, v, y_stride: header.width, uv_stride, matrix, full_range }.copy_to(frame);
        Ok(whole)
    }
}

impl Header {
    fn parse(path: &Path, line: &str) -> Result<Self, Y4mError> {
        let mut words = line.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err(Y4mError::NotY4m(path.into()));
        }
        let mut header = Self { width: 0, height: 0, fps: (30, 1), full_range: false };
        for word in words.filter(|word| !word.is_empty()) {
            let (tag, value) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            match tag {
                "W" => header.width = value.parse().unwrap_or(0),
                "H" => header.height = value.parse().unwrap_or(0),
                "F" => header.fps = parse_fps(value).unwrap_or((30, 1)),
                "C" if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                    return Err(Y4mError::Pixels(path.into(), value.into()));
                }
                "X" => header.full_range |= value == "COLORRANGE=FULL",
                _ => {}
            }
        }
        let sides = 16..=MAX_SIDE;
        if !sides.contains(&header.width) || !sides.contains(&header.height) {
            return Err(Y4mError::Size(path.into(), header.width, header.height));
        }
        Ok(header)
    }
}

/// A rate between one frame in ten seconds and 240 a second.
fn parse_fps(text: &str) -> Option<(u32, u32)> {
    let (count, seconds) = text.split_once(':')?;
    let (count, seconds): (u32, u32) = (count.parse().ok()?, seconds.parse().ok()?);
    let sane = seconds > 0 && u64::from(count) * 10 >= seconds.into() && u64::from(count) <= 240 * u64::from(seconds);
    sane.then_some((count, seconds))
}

/// A line without its end; nothing at the end of the file, or where no line ends soon.
fn read_line(file: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    file.take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok((line.pop() == Some(b'\n')).then(|| String::from_utf8_lossy(&line).into_owned()))
}

fn filled(read: io::Result<()>) -> io::Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes frames of one size.
#[derive(Debug)]
pub struct Y4mWriter(BufWriter<File>);

impl Y4mWriter {
    /// Creates the file and writes its header.
    pub fn create(path: &Path, width: usize, height: usize, fps: u32) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(path)?);
        writeln!(file, "YUV4MPEG2 W{width} H{height} F{fps}:1 Ip A1:1 C420jpeg")?;
        Ok(Self(file))
    }

    /// Adds a frame, which must have the size that the header says.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        self.0.write_all(b"FRAME\n")?;
        self.0.write_all(&frame.data)
    }

    /// Hands everything to the system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    fn failure(bytes: &[u8]) -> String {
        let file = file(bytes);
        let read = Y4mReader::open(file.path()).and_then(|mut reader| reader.read(&mut Frame::black(16, 16)));
        read.unwrap_err().to_string()
    }

    #[test]
    fn what_was_written_is_read_again_and_again() {
        let file = file(b"");
        let mut writer = Y4mWriter::create(file.path(), 32, 18, 25).unwrap();
        let frames: Vec<Frame> = (0..3).map(|n| Frame { data: vec![n * 50; 32 * 18 * 3 / 2], ..Frame::black(32, 18) }).collect();
        frames.iter().for_each(|frame| writer.write(frame).unwrap());
        writer.flush().unwrap();
        let mut reader = Y4mReader::open(file.path()).unwrap();
        assert_eq!((reader.size(), reader.fps()), ((32, 18), (25, 1)));
        let mut frame = Frame::black(16, 16);
        for expected in frames.iter().chain(&frames) {
            reader.read(&mut frame).unwrap();
            assert_eq!(frame.data, expected.data);
        }
    }

    #[test]
    fn an_odd_size_is_cut_to_even() {
        let mut bytes = b"YUV4MPEG2 W17 H17 F30:1 C420jpeg\nFRAME Ip\n".to_vec();
        bytes.extend((0..17 * 17).map(|i| (i % 17) as u8));
        bytes.extend([1; 81].iter().chain(&[2; 81]));
        let file = file(&bytes);
        let mut reader = Y4mReader::open(file.path()).unwrap();
        let mut frame = Frame::black(32, 32);
        reader.read(&mut frame).unwrap();
        assert_eq!((frame.width, frame.height), (16, 16));
        let (y, u, v) = frame.planes();
        assert!(y.chunks(16).all(|row| row.iter().enumerate().all(|(x, value)| *value == x as u8)));
        assert!(u.iter().all(|value| *value == 1) && v.iter().all(|value| *value == 2));
    }

    #[test]
    fn a_wrong_file_is_refused_with_a_sentence_that_helps() {
        assert!(failure(b"\0\0\0\x18ftypmp42").contains("is not a Y4M file"));
        assert!(failure(b"").contains("is not a Y4M file"));
        assert!(failure(&[b'Y'; 5000]).contains("is not a Y4M file"));
        assert!(failure(b"YUV4MPEG2 W32 H32 C444\n").contains("kind 444"));
        assert!(failure(b"YUV4MPEG2 W32 H32 C420p10\n").contains("-pix_fmt yuv420p"));
        assert!(failure(b"YUV4MPEG2 W4 H99999999999999999999\n").contains("4x0"));
        assert!(failure(b"YUV4MPEG2 W32 H32 F0:0 \xff\n").contains("no whole picture"));
        assert!(failure(b"YUV4MPEG2 W32 H32\nFRAME\nabc").contains("no whole picture"));
        let missing = Y4mReader::open(Path::new("/nowhere/x.y4m")).unwrap_err().to_string();
        assert!(missing.contains("/nowhere/x.y4m cannot be read"), "{missing}");
    }
}
