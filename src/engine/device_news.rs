//! What happens to cameras, microphones and speakers, as a person reads it.

use super::sentences;
use super::snapshot::NoticeKind;
use super::words::whole;
use crate::media::events::MediaEvent;

/// The notice for an event of a pipeline; nothing for what needs no words.
pub fn sentence(event: &MediaEvent) -> Option<(NoticeKind, String)> {
    match event {
        MediaEvent::FirstVideo | MediaEvent::FirstAudio => None,
        MediaEvent::Warning { text, .. } | MediaEvent::FileLost { text } | MediaEvent::SourceLost { text, .. } => {
            Some((NoticeKind::Warning, whole(text)))
        }
        MediaEvent::SourceBack { source } => Some((NoticeKind::Info, sentences::works_again(*source).into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::events::MediaSource;

    #[test]
    fn a_loss_warns_with_its_reason_and_the_return_is_told_calmly() {
        for source in [MediaSource::Camera, MediaSource::Microphone, MediaSource::Speaker] {
            let lost = MediaEvent::SourceLost { source, text: "it was unplugged; plug it in again".into() };
            assert_eq!(sentence(&lost), Some((NoticeKind::Warning, "It was unplugged; plug it in again.".into())));
            let (kind, text) = sentence(&MediaEvent::SourceBack { source }).unwrap();
            assert_eq!(kind, NoticeKind::Info);
            assert_eq!(text, whole(&text));
        }
    }

    #[test]
    fn the_first_picture_and_the_first_sound_need_no_words() {
        assert_eq!(sentence(&MediaEvent::FirstVideo), None);
        assert_eq!(sentence(&MediaEvent::FirstAudio), None);
    }
}
