//! How good a call is for the person in it, as bars and as the one thing that is wrong most.
//!
//! Only what a person notices counts: a loss that was repaired in time is no trouble, a low rate that still makes a good picture is
//! none either.

/// What came out at this end in the last second. What is not there (no camera, a muted microphone) is `None` and no fault.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Experience {
    /// The picture stood still for so long, in ms.
    pub frozen_ms: Option<f64>,
    /// Pictures shown a second.
    pub shown_fps: Option<f64>,
    /// From lens to screen, from mouth to ear, in ms.
    pub picture_delay_ms: Option<f64>,
    pub sound_delay_ms: Option<f64>,
    /// Made-up sound, in percent.
    pub concealed_percent: Option<f64>,
    /// Height of the picture, as a share of the tallest that this camera has given in this call.
    pub height_share: Option<f64>,
}

/// What a person would complain about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    SoundBroken,
    PictureFrozen,
    Delay,
    FewPictures,
    SmallPicture,
}

/// How a figure is read.
type Figure = fn(&Experience) -> Option<f64>;

/// For each trouble, from which figure on there are three bars, two, one. Made-up sound from ITU-T G.113's experience that some percent
/// are heard by most; delays from G.114 (150 ms unnoticed, 400 ms the limit of a conversation).
const STEPS: [(Trouble, Figure, [f64; 3]); 6] = [
    (Trouble::SoundBroken, |e| e.concealed_percent, [1.5, 4.0, 10.0]),
    (Trouble::PictureFrozen, |e| e.frozen_ms, [1.0, 250.0, 600.0]),
    (Trouble::Delay, |e| e.sound_delay_ms, [250.0, 400.0, 800.0]),
    (Trouble::Delay, |e| e.picture_delay_ms, [300.0, 500.0, 1000.0]),
    (Trouble::FewPictures, |e| e.shown_fps.map(|fps| 30.0 - fps), [12.0, 20.0, 27.0]),
    // A smaller picture alone never makes less than two bars.
    (Trouble::SmallPicture, |e| e.height_share.map(|share| 1.0 - share), [0.3, 0.65, f64::INFINITY]),
];

impl Experience {
    /// From 1, bad, to 4, good.
    pub fn bars(&self) -> u8 {
        STEPS.iter().map(|(_, figure, steps)| bars(figure(self), steps)).min().unwrap_or(4)
    }

    /// What takes the most bars away, if anything does; sound before picture where both take as many.
    pub fn trouble(&self) -> Option<Trouble> {
        let worst = STEPS.iter().map(|(trouble, figure, steps)| (*trouble, bars(figure(self), steps)));
        worst.min_by_key(|(_, bars)| *bars).filter(|(_, bars)| *bars < 4).map(|(trouble, _)| trouble)
    }
}

fn bars(figure: Option<f64>, steps: &[f64; 3]) -> u8 {
    4 - figure.map_or(0, |figure| steps.iter().filter(|step| figure >= **step).count() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call in order.
    const GOOD: Experience = Experience {
        frozen_ms: Some(0.0),
        shown_fps: Some(29.8),
        picture_delay_ms: Some(70.0),
        sound_delay_ms: Some(90.0),
        concealed_percent: Some(0.2),
        height_share: Some(1.0),
    };

    #[test]
    fn a_call_in_order_has_four_bars_and_so_has_one_without_cameras() {
        assert_eq!((GOOD.bars(), GOOD.trouble()), (4, None));
        assert_eq!((Experience::default().bars(), Experience::default().trouble()), (4, None));
    }

    #[test]
    fn bars_fall_with_what_a_person_notices_and_the_worst_is_named() {
        let cases = [
            (Experience { concealed_percent: Some(2.0), ..GOOD }, 3, Trouble::SoundBroken),
            (Experience { concealed_percent: Some(30.0), frozen_ms: Some(900.0), ..GOOD }, 1, Trouble::SoundBroken),
            (Experience { frozen_ms: Some(210.0), ..GOOD }, 3, Trouble::PictureFrozen),
            (Experience { frozen_ms: Some(1000.0), ..GOOD }, 1, Trouble::PictureFrozen),
            (Experience { sound_delay_ms: Some(450.0), ..GOOD }, 2, Trouble::Delay),
            (Experience { picture_delay_ms: Some(350.0), ..GOOD }, 3, Trouble::Delay),
            (Experience { shown_fps: Some(8.0), ..GOOD }, 2, Trouble::FewPictures),
            (Experience { height_share: Some(0.25), ..GOOD }, 2, Trouble::SmallPicture),
            (Experience { height_share: Some(0.0), ..GOOD }, 2, Trouble::SmallPicture),
        ];
        for (experience, bars, trouble) in cases {
            assert_eq!((experience.bars(), experience.trouble()), (bars, Some(trouble)), "{experience:?}");
        }
    }
}
