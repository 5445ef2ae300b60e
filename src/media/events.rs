//! What a pipeline tells the engine, once each time it happens.

use tokio::sync::mpsc;

/// Where pipelines report to. They use `try_send`: when the engine is that far behind, the event is dropped.
pub type MediaEvents = mpsc::Sender<MediaEvent>;

/// Something that a person or the call report wants to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// The first remote picture was shown.
    FirstVideo,
    /// The first remote sound was played.
    FirstAudio,
    /// Something is wrong; `text` says what and what to do next.
    Warning {
        /// Short and stable, for scripts: `microphone_dead`, …
        what: &'static str,
        text: String,
    },
    /// A recording or a trace that was asked for is not whole.
    FileLost { text: String },
    /// A device or file that should deliver does not; it is tried again until it does.
    SourceLost { source: MediaSource, text: String },
    /// It delivers again.
    SourceBack { source: MediaSource },
}

impl MediaEvent {
    /// Short and stable, for scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FirstVideo => "first_video",
            Self::FirstAudio => "first_audio",
            Self::Warning { what, .. } => what,
            Self::FileLost { .. } => "file_lost",
            Self::SourceLost { source: MediaSource::Camera, .. } => "camera_lost",
            Self::SourceLost { source: MediaSource::Microphone, .. } => "microphone_lost",
            Self::SourceLost { source: MediaSource::Speaker, .. } => "speaker_lost",
            Self::SourceBack { source: MediaSource::Camera } => "camera_back",
            Self::SourceBack { source: MediaSource::Microphone } => "microphone_back",
            Self::SourceBack { source: MediaSource::Speaker } => "speaker_back",
        }
    }
}

/// Which end of which pipeline an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaSource {
    Camera,
    Microphone,
    Speaker,
}
