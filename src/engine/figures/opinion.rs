//! What a second of a call was like for the person: the bars, and a sentence if it was bad.

use super::counters::Counters;
use crate::engine::report::Report;
use crate::engine::sentences;
use crate::media::allocation::Level;
use crate::media::audio_receive::AudioReceiveStats;
use crate::media::quality::{Experience, Trouble};

/// 0 no data, 1 bad to 4 good: what the last second was like for the person.
pub(super) fn bars(second: &Report, experience: &Experience) -> u8 {
    if second.path.is_none() { 0 } else { experience.bars() }
}

/// What to say of a second that was bad. Of few pictures nothing: a camera may give no more, and no connection is to blame for that.
pub(super) fn hint(second: &Report, experience: &Experience, busy: bool) -> Option<&'static str> {
    if second.audio.as_ref().is_some_and(|audio| audio.received_kbps == 0.0) {
        return Some(sentences::NOTHING_ARRIVES);
    }
    if busy && matches!(bars(second, experience), 1 | 2) {
        return Some(sentences::BUSY_COMPUTER);
    }
    let rest = Experience { shown_fps: None, ..*experience };
    match rest.trouble().filter(|_| matches!(bars(second, &rest), 1 | 2))? {
        Trouble::SoundBroken => Some(sentences::SOUND_BROKEN),
        Trouble::Delay => Some(sentences::LONG_DELAY),
        Trouble::PictureFrozen | Trouble::SmallPicture => Some(sentences::SLOW),
        Trouble::FewPictures => None,
    }
}

/// What is said of a connection that carries less than it should.
pub(super) fn slow(level: Level) -> Option<&'static str> {
    match level {
        Level::Full => None,
        Level::Slow => Some(sentences::SOUND_FIRST),
        Level::SoundOnly => Some(sentences::ONLY_SOUND),
    }
}

/// What came out at this end; a stream that did not come is no fault of the link while the other one did.
pub(super) fn experience(second: &Report, now: &Counters, tallest: usize) -> Experience {
    let video = second.video.as_ref().filter(|video| video.received_kbps > 0.0);
    let heard_after = |received: &AudioReceiveStats| Some(received.playing?.latency_ms(now.clock_offset_us?));
    Experience {
        frozen_ms: video.map(|video| video.frozen_ms),
        shown_fps: video.map(|video| video.shown_fps),
        picture_delay_ms: video.and_then(|video| video.latency_ms.p50),
        sound_delay_ms: now.audio_received.as_ref().and_then(heard_after),
        concealed_percent: second.audio.as_ref().and_then(|audio| audio.concealed_percent),
        height_share: video.filter(|_| tallest > 0).map(|video| video.height as f64 / tallest as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::report::{Audio, Path};
    use crate::media::clock::MediaTime;
    use crate::media::video_receive::VideoReceiveStats;
    use crate::transport::PathStats;

    fn second(concealed: f64, rtt: f64) -> Report {
        Report {
            path: Some(Path { rtt_ms: Some(rtt), ..Path::default() }),
            audio: Some(Audio { concealed_percent: Some(concealed), received_kbps: 30.0, ..Audio::default() }),
            ..Report::default()
        }
    }

    #[test]
    fn a_computer_that_is_too_busy_is_not_called_a_slow_connection() {
        let counters = |seconds: u64, waited_us, packets_in, lost| Counters {
            at: MediaTime(seconds * 1_000_000),
            path: Some(PathStats { packets_in, lost, ..PathStats::default() }),
            video_received: Some(VideoReceiveStats { frames: seconds, ..VideoReceiveStats::default() }),
            waited_us,
            ..nothing_counted()
        };
        let before = counters(10, Some(500), 1000, 5);
        let cases = [
            (None, 1100, 5, false),
            (Some(300_500), 1100, 5, false),
            (Some(900_500), 1100, 5, true),
            (Some(900_500), 1100, 25, false),
            (Some(900_500), 1000, 5, false),
        ];
        for (waited_us, packets_in, lost, busy) in cases {
            assert_eq!(counters(11, waited_us, packets_in, lost).busy(Some(&before)), busy, "{waited_us:?} {packets_in} {lost}");
        }
        let (sound, silent) = (Counters { video_received: None, ..counters(11, Some(900_500), 1100, 5) }, nothing_counted());
        assert_eq!([sound.busy(Some(&before)), silent.busy(None)], [false; 2]);
        let said = |concealed, busy| {
            let second = second(concealed, 50.0);
            hint(&second, &experience(&second, &nothing_counted(), 0), busy)
        };
        let wanted = [Some(sentences::BUSY_COMPUTER), Some(sentences::SOUND_BROKEN), None];
        assert_eq!([said(20.0, true), said(20.0, false), said(0.0, true)], wanted);
    }

    fn nothing_counted() -> Counters {
        Counters {
            at: MediaTime::default(),
            video_sent: None,
            video_received: None,
            audio_sent: None,
            audio_received: None,
            path: None,
            restarts: 0,
            control_rtt_ms: None,
            clock_offset_us: None,
            waited_us: None,
            sealed: None,
        }
    }

    #[test]
    fn bars_fall_as_a_person_begins_to_notice() {
        let now = nothing_counted();
        let of = |second: &Report| bars(second, &experience(second, &now, 0));
        assert_eq!(of(&Report::default()), 0, "no path, no opinion");
        for (concealed, expected) in [(0.0, 4), (2.0, 3), (5.0, 2), (20.0, 1)] {
            assert_eq!(of(&second(concealed, 20.0)), expected, "{concealed} % concealed");
        }
    }

    #[test]
    fn what_is_said_of_a_bad_second_names_what_is_wrong_with_it() {
        let good = Experience::default();
        let cases = [
            (Experience { concealed_percent: Some(20.0), ..good }, Some(sentences::SOUND_BROKEN)),
            (Experience { sound_delay_ms: Some(900.0), ..good }, Some(sentences::LONG_DELAY)),
            (Experience { picture_delay_ms: Some(1200.0), frozen_ms: Some(0.0), ..good }, Some(sentences::LONG_DELAY)),
            (Experience { frozen_ms: Some(700.0), ..good }, Some(sentences::SLOW)),
            (Experience { height_share: Some(0.25), ..good }, Some(sentences::SLOW)),
            // A healthy camera of ten pictures a second, and what it must not hide.
            (Experience { shown_fps: Some(10.0), ..good }, None),
            (Experience { shown_fps: Some(2.0), height_share: Some(0.25), ..good }, Some(sentences::SLOW)),
            // Three bars are worth no sentence.
            (Experience { concealed_percent: Some(2.0), ..good }, None),
            (good, None),
        ];
        for (experience, wanted) in cases {
            assert_eq!(hint(&second(0.0, 20.0), &experience, false), wanted, "{experience:?}");
        }
    }

    #[test]
    fn silence_from_the_other_side_is_said() {
        let mut silent = second(0.0, 20.0);
        silent.audio = Some(Audio::default());
        assert_eq!(hint(&silent, &Experience::default(), false), Some(sentences::NOTHING_ARRIVES));
        assert_eq!(hint(&second(0.0, 20.0), &Experience::default(), false), None);
    }
}
