//! WAV files as a microphone and as a recorder.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

use super::clock::AUDIO_RATE;
use super::resample::Resampler;

/// Frames read from a file at a time.
const CHUNK: usize = 1024;
/// Rates that sound files come in; the rest are mistakes.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=768_000;

/// Why a sound file cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    #[error("the sound file cannot be opened: {source}; choose another file ({})", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("this is not a WAV file; convert it, for example with `ffmpeg -i IN OUT.wav` ({})", .0.display())]
    NotWav(PathBuf),
    #[error("this WAV file is packed in a way that cannot be read; convert it to 16-bit PCM ({})", .0.display())]
    Unsupported(PathBuf),
    #[error("this WAV file holds no sound ({})", .0.display())]
    Empty(PathBuf),
    #[error("the sound cannot be recorded there: {source}; choose another file ({})", path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
}

/// A WAV file that plays in a loop, as 48 kHz mono whatever it is.
pub struct WavSource {
    reader: WavReader<BufReader<File>>,
    spec: WavSpec,
    resampler: Resampler,
    chunk: Vec<f32>,
    ready: Vec<f32>,
}

/// A WAV file of 16-bit 48 kHz mono that grows as sound is played.
pub struct WavSink {
    writer: WavWriter<BufWriter<File>>,
    unflushed: usize,
}

impl WavSource {
    /// Opens the file and makes sure that there is sound in it.
    pub fn open(path: &Path) -> Result<Self, WavError> {
        let unreadable = |source| WavError::Unreadable { path: path.into(), source };
        let file = File::open(path).map_err(unreadable)?;
        let reader = WavReader::new(BufReader::new(file)).map_err(|error| match error {
            hound::Error::Unsupported => WavError::Unsupported(path.into()),
            hound::Error::IoError(error)
                if error.kind() != std::io::ErrorKind::UnexpectedEof && error.raw_os_error().is_some() =>
            {
                unreadable(error)
            }
            _ => WavError::NotWav(path.into()),
        })?;
        let spec = reader.spec();
        if spec.channels == 0 || !RATES.contains(&spec.sample_rate) || !(8..=32).contains(&spec.bits_per_sample) {
            return Err(WavError::Unsupported(path.into()));
        }
        let resampler = Resampler::new(spec.sample_rate, AUDIO_RATE);
        let mut source = Self { reader, spec, resampler, chunk: Vec::new(), ready: Vec::new() };
        if !source.read_chunk() {
            return Err(WavError::Empty(path.into()));
        }
        source.rewind();
        Ok(source)
    }

    /// Fills `pcm` with what comes next; silence once the file cannot be read any more.
    pub fn fill(&mut self, pcm: &mut [f32]) {
        while self.ready.len() < pcm.len() {
            if !self.read_chunk() {
                self.rewind();
                if !self.read_chunk() {
                    pcm.fill(0.0);
                    return;
                }
            }
            self.resampler.process(&self.chunk, &mut self.ready);
        }
        pcm.copy_from_slice(&self.ready[..pcm.len()]);
        self.ready.drain(..pcm.len());
    }

    /// Reads some frames, mixed to one channel. False at the end, and where the file is cut off.
    fn read_chunk(&mut self) -> bool {
        let channels = usize::from(self.spec.channels);
        let wanted = CHUNK * channels;
        self.chunk.clear();
        match self.spec.sample_format {
            SampleFormat::Float => self.chunk.extend(self.reader.samples::<f32>().take(wanted).map_while(Result::ok)),
            SampleFormat::Int => {
                let scale = 1.0 / (1u64 << (self.spec.bits_per_sample - 1)) as f32;
                let samples = self.reader.samples::<i32>().take(wanted).map_while(Result::ok);
                self.chunk.extend(samples.map(|sample| sample as f32 * scale));
            }
        }
        let frames = self.chunk.len() / channels;
        for frame in 0..frames {
            let sum: f32 = self.chunk[frame * channels..][..channels].iter().sum();
            // A file of floats may hold anything; what is not a number would stay in every filter after it.
            self.chunk[frame] = if sum.is_finite() { (sum / channels as f32).clamp(-1.0, 1.0) } else { 0.0 };
        }
        self.chunk.truncate(frames);
        frames > 0
    }

    fn rewind(&mut self) {
        // Where it fails the next read fails too, and that ends in silence.
        let _ = self.reader.seek(0);
    }
}

impl WavSink {
    /// Makes the file, over whatever was there.
    pub fn create(path: &Path) -> Result<Self, WavError> {
        let spec = WavSpec { channels: 1, sample_rate: AUDIO_RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let writer = WavWriter::create(path, spec).map_err(|error| WavError::Unwritable {
            path: path.into(),
            source: match error {
                hound::Error::IoError(error) => error,
                other => std::io::Error::other(other),
            },
        })?;
        Ok(Self { writer, unflushed: 0 })
    }

    /// Appends `pcm`. Each second the header is brought up to date, so that a killed process leaves a file that plays.
    pub fn write(&mut self, pcm: &[f32]) -> std::io::Result<()> {
        for sample in pcm {
            let sample = (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
            self.writer.write_sample(sample).map_err(std::io::Error::other)?;
        }
        self.unflushed += pcm.len();
        if self.unflushed >= AUDIO_RATE as usize {
            self.unflushed = 0;
            self.writer.flush().map_err(std::io::Error::other)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, spec: WavSpec, frames: usize) {
        let mut writer = WavWriter::create(path, spec).unwrap();
        for frame in 0..frames {
            let value = (frame as f32 / spec.sample_rate as f32 * 300.0 * std::f32::consts::TAU).sin() * 0.5;
            for _ in 0..spec.channels {
                match spec.sample_format {
                    SampleFormat::Float => writer.write_sample(value).unwrap(),
                    SampleFormat::Int => {
                        writer.write_sample((value * ((1u64 << (spec.bits_per_sample - 1)) - 1) as f32) as i32).unwrap();
                    }
                }
            }
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn a_file_of_any_rate_and_format_sounds_the_same_and_loops() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sound.wav");
        for (channels, sample_rate, bits_per_sample, sample_format) in [
            (1, 48_000, 16, SampleFormat::Int),
            (2, 44_100, 24, SampleFormat::Int),
            (6, 96_000, 32, SampleFormat::Float),
            (1, 8_000, 8, SampleFormat::Int),
        ] {
            write(&path, WavSpec { channels, sample_rate, bits_per_sample, sample_format }, sample_rate as usize / 10);
            let mut source = WavSource::open(&path).unwrap();
            let mut pcm = vec![0.0; 48_000];
            source.fill(&mut pcm);
            let rms = (pcm.iter().map(|sample| sample * sample).sum::<f32>() / pcm.len() as f32).sqrt();
            assert!((rms - 0.3535).abs() < 0.02, "{sample_rate} Hz, {channels} channels: {rms}");
        }
    }

    #[test]
    fn a_recording_can_be_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record.wav");
        let mut sink = WavSink::create(&path).unwrap();
        sink.write(&[0.5; 960]).unwrap();
        drop(sink);
        let mut pcm = [0.0; 960];
        WavSource::open(&path).unwrap().fill(&mut pcm);
        assert!(pcm.iter().all(|sample| (sample - 0.5).abs() < 1e-3));
    }

    #[test]
    fn a_wrong_file_gives_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wrong.wav");
        let sentence = |path: &Path| WavSource::open(path).err().expect("it is refused").to_string();
        assert!(sentence(&path).contains("cannot be opened"));
        std::fs::write(&path, b"RIFF, but not quite").unwrap();
        assert!(sentence(&path).contains("not a WAV file"));
        std::fs::write(&path, b"").unwrap();
        assert!(sentence(&path).contains("not a WAV file"));
        write(&path, WavSpec { channels: 1, sample_rate: 48_000, bits_per_sample: 16, sample_format: SampleFormat::Int }, 0);
        assert!(sentence(&path).contains("holds no sound"));
        assert!(WavSink::create(folder.path()).err().expect("a folder is no file").to_string().contains("cannot be recorded"));
    }

    #[test]
    fn a_file_that_was_cut_off_loops_what_there_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut.wav");
        write(&path, WavSpec { channels: 1, sample_rate: 48_000, bits_per_sample: 16, sample_format: SampleFormat::Int }, 4800);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let mut pcm = [0.0; 9600];
        WavSource::open(&path).unwrap().fill(&mut pcm);
        assert!(pcm[8000..].iter().any(|sample| sample.abs() > 0.4));
    }
}
