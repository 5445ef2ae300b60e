//! The chosen speaker, and the ringtone where it rings, as a person hears them in the settings.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};

use super::core::{Core, Then};
use super::sentences;
use super::snapshot::NoticeKind;
use super::sources::ring_speaker;
use super::words::whole;
use crate::media::audio_sink::AudioSinkSpec;
use crate::media::events::MediaEvent;
use crate::media::ringtone::{Ring, RingPlayer};

/// How long it sounds.
const LASTS: Duration = Duration::from_secs(3);

impl Core {
    /// Lets a person hear the speaker for a moment, or how a call rings. A device that cannot be opened is told in words.
    pub(super) fn test_sound(&mut self, ring: bool) {
        let (settings, sound) = (&self.people.settings, if ring { Ring::Incoming } else { Ring::Test });
        let speaker = match ring_speaker(sound, &self.options.media, settings) {
            AudioSinkSpec::Speaker(name) if self.options.ring => name,
            _ => return self.notices.show(NoticeKind::Warning, sentences::NO_SPEAKER.into()),
        };
        let (events, heard) = channel(4);
        let player = match RingPlayer::start(sound, speaker, settings.ring_volume, events) {
            Ok(player) => player,
            Err(error) => return self.notices.show(NoticeKind::Error, whole(&error.to_string())),
        };
        let results = self.off_loop_results.clone();
        tokio::spawn(async move {
            if let Ok(text) = tokio::time::timeout(LASTS, trouble(heard)).await {
                let then: Then = Box::new(move |core, _| core.notices.show(NoticeKind::Error, whole(&text)));
                let _ = results.send(then).await;
            }
            // Some drivers take their time to close.
            let _ = tokio::task::spawn_blocking(move || drop(player)).await;
        });
    }
}

/// Waits for the speaker to fail.
async fn trouble(mut heard: Receiver<MediaEvent>) -> String {
    loop {
        match heard.recv().await {
            Some(MediaEvent::SourceLost { text, .. }) => return text,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}
