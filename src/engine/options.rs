//! What the process was started with: where media come from, which way packets may go, who is accepted by itself.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Result, anyhow};

use crate::contacts::{Contact, find};
use crate::identity::PublicKey;
use crate::media::video_source::VideoSourceSpec;
use crate::media::wav::WavSource;
use crate::settings::LinkMode;
pub use crate::signal::link::is_relay_url;
pub use crate::transport::is_ice_server;

/// Everything about an engine that is chosen at its start and not by the person in the window.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub media: MediaOptions,
    pub network: NetworkOptions,
    pub auto_accept: AutoAccept,
    /// Look for contacts all the time: somebody is here to see who is online, or to be called.
    pub stay_online: bool,
    /// Play the ringtone and the ringback: there is a person at this computer.
    pub ring: bool,
    /// Hang up so long after the call connected.
    pub hang_up_after: Option<Duration>,
    pub mute_after: Option<Duration>,
    pub camera_off_after: Option<Duration>,
    /// One JSON object a second of a call goes here.
    pub stats: Option<PathBuf>,
}

/// Sources and sinks of picture and sound.
#[derive(Debug, Clone)]
pub struct MediaOptions {
    pub camera: CameraChoice,
    pub microphone: MicrophoneChoice,
    pub speaker: SpeakerChoice,
    pub width: usize,
    pub height: usize,
    pub fps: u32,
    pub max_kbps: Option<u32>,
    pub record_video: Option<PathBuf>,
    pub record_audio: Option<PathBuf>,
    pub trace: Option<PathBuf>,
    /// Send back what arrives, as Echo does, whatever the sources above say.
    pub mirror: bool,
}

/// Which way packets may go; what is absent comes from the settings.
#[derive(Debug, Clone, Default)]
pub struct NetworkOptions {
    pub relay: Option<String>,
    pub ice_servers: Vec<String>,
    pub mode: Option<LinkMode>,
    /// Find and be found on the local network, whatever the settings say.
    pub lan: bool,
    pub bind: Option<IpAddr>,
}

/// Whose calls are accepted without asking. Requests never are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AutoAccept {
    #[default]
    Nobody,
    /// Contacts with these petnames or starts of keys, as a command finds them.
    Named(Vec<String>),
    AllContacts,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CameraChoice {
    None,
    /// The moving test picture with marker and flash.
    Test,
    File(PathBuf),
    Device(String),
    /// The one in the settings, else the system's.
    #[default]
    Chosen,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MicrophoneChoice {
    None,
    /// Beeps with the flash of the test picture.
    Tone,
    File(PathBuf),
    Device(String),
    #[default]
    Chosen,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SpeakerChoice {
    None,
    File(PathBuf),
    Device(String),
    #[default]
    Chosen,
}

impl Default for MediaOptions {
    fn default() -> Self {
        Self {
            camera: CameraChoice::default(),
            microphone: MicrophoneChoice::default(),
            speaker: SpeakerChoice::default(),
            width: 1280,
            height: 720,
            fps: 30,
            max_kbps: None,
            record_video: None,
            record_audio: None,
            trace: None,
            mirror: false,
        }
    }
}

impl AutoAccept {
    /// Whether a call of `peer` is accepted. A name stands for whoever it finds when it rings: they may have become a contact since.
    pub fn accepts(&self, peer: PublicKey, contacts: &[Contact]) -> bool {
        match self {
            Self::Nobody => false,
            Self::AllContacts => true,
            Self::Named(names) => names.iter().any(|name| find(contacts, name).is_ok_and(|contact| contact.key == peer)),
        }
    }
}

impl Options {
    /// Looks at every file that was named: what is wrong with one is better said before a call than in it.
    pub fn check_files(&self) -> Result<()> {
        let media = &self.media;
        if let CameraChoice::File(path) = &media.camera {
            VideoSourceSpec::File(path.clone()).check()?;
        }
        if let MicrophoneChoice::File(path) = &media.microphone {
            WavSource::open(path)?;
        }
        let speaker = match &media.speaker {
            SpeakerChoice::File(path) => Some(path),
            _ => None,
        };
        let written =
            [speaker, media.record_video.as_ref(), media.record_audio.as_ref(), media.trace.as_ref(), self.stats.as_ref()];
        written.into_iter().flatten().try_for_each(|path| check_writable(path))
    }
}

/// Whether a file can be written at `path`; what is in it stays, and what was not there is not left behind.
fn check_writable(path: &Path) -> Result<()> {
    let is_new = path.symlink_metadata().is_err();
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(|error| anyhow!("{} cannot be written: {error}; choose another file", path.display()))?;
    if is_new {
        // It is made anew when there is something to write; a file that stays empty harms nobody.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

/// What every `--camera`, `--mic` and `--speaker` can name.
enum Named {
    Nothing,
    File(PathBuf),
    Device(String),
}

fn named(text: &str) -> Result<Named, String> {
    match (text, text.strip_prefix("file:")) {
        ("", _) => Err("a name is missing; `vesper devices` lists them".into()),
        (_, Some("")) => Err("file: needs a path after it".into()),
        (_, Some(path)) => Ok(Named::File(path.into())),
        ("none", _) => Ok(Named::Nothing),
        (name, _) => Ok(Named::Device(name.into())),
    }
}

impl FromStr for CameraChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match named(text)? {
            Named::Device(name) if name == "test" => Self::Test,
            Named::Device(name) => Self::Device(name),
            Named::File(path) => Self::File(path),
            Named::Nothing => Self::None,
        })
    }
}

impl FromStr for MicrophoneChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match named(text)? {
            Named::Device(name) if name == "tone" => Self::Tone,
            Named::Device(name) => Self::Device(name),
            Named::File(path) => Self::File(path),
            Named::Nothing => Self::None,
        })
    }
}

impl FromStr for SpeakerChoice {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match named(text)? {
            Named::Device(name) => Self::Device(name),
            Named::File(path) => Self::File(path),
            Named::Nothing => Self::None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::PairSecret;
    use crate::identity::Identity;

    #[test]
    fn whoever_takes_the_start_of_a_key_for_a_name_is_not_accepted_as_whose_key_it_is() {
        let contact =
            |petname: &str| Contact::new(Identity::generate().public(), Some(petname), "", PairSecret::generate(), vec![], 0);
        let eva = contact("Éva");
        let start = eva.key.to_string()[..8].to_owned();
        let mallory = contact(&start);
        let contacts = [eva.clone(), mallory.clone()];
        let named = |name: &str| AutoAccept::Named(vec!["nobody".into(), name.into()]);
        assert!(named("éVA").accepts(eva.key, &contacts) && !named("éVA").accepts(mallory.key, &contacts));
        assert!(!named(&start).accepts(mallory.key, &contacts) && !named(&start).accepts(eva.key, &contacts));
        assert!(named(&start).accepts(eva.key, &contacts[..1]));
        assert!(AutoAccept::AllContacts.accepts(eva.key, &contacts) && !AutoAccept::Nobody.accepts(eva.key, &contacts));
    }

    #[test]
    fn a_source_is_nothing_made_up_a_file_or_a_device_by_name_and_never_no_name() {
        assert_eq!("test".parse(), Ok(CameraChoice::Test));
        assert_eq!("none".parse(), Ok(MicrophoneChoice::None));
        assert_eq!("file:a.wav".parse(), Ok(SpeakerChoice::File("a.wav".into())));
        assert_eq!("tone".parse(), Ok(CameraChoice::Device("tone".into())));
        for wrong in ["", "file:"] {
            assert!(wrong.parse::<CameraChoice>().is_err() && wrong.parse::<SpeakerChoice>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_file_that_could_be_written_is_neither_made_nor_changed_by_asking() {
        let folder = tempfile::tempdir().unwrap();
        let (new, old) = (folder.path().join("new.csv"), folder.path().join("old.csv"));
        std::fs::write(&old, "kept").unwrap();
        let options = |path: &Path| Options { stats: Some(path.into()), ..Options::default() };
        options(&new).check_files().unwrap();
        options(&old).check_files().unwrap();
        assert!(!new.exists());
        assert_eq!(std::fs::read_to_string(old).unwrap(), "kept");
        let refused = options(&folder.path().join("no/such/folder")).check_files().unwrap_err();
        assert!(refused.to_string().contains("cannot be written"), "{refused}");
    }
}
