//! Asking for what brings a picture back, and answering, so that neither end drowns the other in it.
//!
//! A picture that is lost for good leaves all after it wrong. A frame made from a long-term reference that the receiver is known to
//! have brings them back for half the bytes of a keyframe, so that is asked for first; a keyframe is asked for where it does not help. Where
//! a path falls to a fraction of its rate, the sender knows of the loss first, or sees that nothing comes through at all, and makes such a
//! frame unasked.

use super::clock::MediaTime;
use super::fragment::FrameKind;
use std::time::Duration;

/// What a receiver of pictures tells their sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFeedback {
    /// Only a keyframe brings the picture back.
    Keyframe,
    /// Something after this picture is lost for good.
    Lost(Whole),
    /// This one is kept as a long-term reference.
    Kept(Whole),
}

/// A picture that was decoded with nothing missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// RTP timestamp of the keyframe that its run began with.
    pub keyframe: u32,
    /// Its number in that run: frame_num of H.264 section 7.4.3.
    pub frame: u16,
}

/// The receiver's side: asks once when something is lost, and again only if no answer came for a while.
#[derive(Debug, Default)]
pub struct RepairAsk {
    /// The last picture with nothing missing.
    whole: Option<Whole>,
    wanted: Option<FrameKind>,
    asked: Option<MediaTime>,
    /// How often since the picture broke.
    times: u32,
    /// A long-term reference to be told of, each time with another frame.
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    whole: Whole,
    told: u32,
    /// The frame it was told of with.
    told_with: Option<u16>,
}

impl RepairAsk {
    /// A repair is asked for so often. If it does not come, or is no help, a keyframe is.
    const REPAIRS: u32 = 2;
    /// A reference is told of so often with frames in a row, and then after so many, until there is another: what tells of it may get
    /// lost, and the sender keeps no other before it knows.
    const TELLINGS: u32 = 2;
    const AGAIN: u16 = 60;

    /// Something is missing that only a frame of this kind brings back, or a better one.
    pub fn want(&mut self, kind: FrameKind) {
        if self.wanted != Some(FrameKind::Keyframe) {
            self.wanted = Some(kind);
        }
    }

    /// How often something was asked for since the picture broke.
    pub fn times(&self) -> u32 {
        self.times
    }

    /// Whether something is missing.
    pub fn is_broken(&self) -> bool {
        self.wanted.is_some()
    }

    /// A frame was decoded with nothing missing in itself. `frame` is its number, and `kept` of a picture that it marks as a long-term
    /// reference.
    pub fn decoded(&mut self, kind: FrameKind, timestamp: u32, frame: u16, kept: Option<u16>) {
        if kind != FrameKind::Delta {
            (self.wanted, self.asked, self.times) = (None, None, 0);
        }
        if self.is_broken() {
            return;
        }
        let keyframe = match (kind, self.whole) {
            (FrameKind::Keyframe, _) => timestamp,
            (_, Some(whole)) => whole.keyframe,
            (_, None) => return,
        };
        if kind == FrameKind::Keyframe {
            self.kept = None;
        }
        self.whole = Some(Whole { keyframe, frame });
        if let Some(frame) = kept {
            self.kept = Some(Kept { whole: Whole { keyframe, frame }, told: 0, told_with: None });
        }
    }

    /// What to tell the sender now, if anything. A request is given `patience` (a round trip and what the answer takes to get through)
    /// before it is repeated.
    pub fn due(&mut self, now: MediaTime, patience: Duration) -> Option<PictureFeedback> {
        let wanted = self.wanted?;
        if self.asked.is_some_and(|asked| now.since(asked) < patience) {
            return None;
        }
        self.asked = Some(now);
        self.times += 1;
        Some(match self.whole.filter(|_| wanted == FrameKind::Repair && self.times <= Self::REPAIRS) {
            Some(whole) => PictureFeedback::Lost(whole),
            None => PictureFeedback::Keyframe,
        })
    }

    /// The long-term reference to tell the sender of now, if any.
    pub fn kept(&mut self) -> Option<PictureFeedback> {
        let newest = self.whole?.frame;
        let kept = self.kept.as_mut()?;
        let wait = if kept.told < Self::TELLINGS { 1 } else { Self::AGAIN };
        if kept.told_with.is_some_and(|with| newest.wrapping_sub(with) < wait) {
            return None;
        }
        (kept.told, kept.told_with) = (kept.told.saturating_add(1), Some(newest));
        Some(PictureFeedback::Kept(kept.whole))
    }
}

/// The sender's side: answers are apart as the rate allows, and no request is forgotten.
#[derive(Debug, Default)]
pub struct RepairAnswer {
    wanted: Option<FrameKind>,
    keyframe: Option<MediaTime>,
    repair: Option<MediaTime>,
}

impl RepairAnswer {
    /// A keyframe costs as much as ten other frames: at most one in this time, and on a narrow path, where it takes longer to get
    /// through than others take to be made, in up to [`LONGEST`](Self::LONGEST).
    pub const SPACING: Duration = Duration::from_millis(300);
    /// See [`SPACING`](Self::SPACING).
    pub const LONGEST: Duration = Duration::from_millis(1500);
    /// From this rate on, keyframes may come as often as ever.
    const ENOUGH_KBPS: u32 = 600;

    /// The peer asked.
    pub fn want(&mut self, kind: FrameKind) {
        if self.wanted != Some(FrameKind::Keyframe) {
            self.wanted = Some(kind);
        }
    }

    /// What the next frame is to be, at `kbps`, if it is to bring the picture back. A repair may follow another one in half the time.
    pub fn due(&self, now: MediaTime, kbps: u32) -> Option<FrameKind> {
        let spacing = (Self::SPACING * Self::ENOUGH_KBPS / kbps.max(1)).clamp(Self::SPACING, Self::LONGEST);
        let after = |sent: Option<MediaTime>, spacing| sent.is_none_or(|sent| now.since(sent) >= spacing);
        self.wanted
            .filter(|wanted| after(self.keyframe, spacing) && (*wanted == FrameKind::Keyframe || after(self.repair, spacing / 2)))
    }

    /// A frame of this kind was made, for whatever reason.
    pub fn sent(&mut self, now: MediaTime, kind: FrameKind) {
        match kind {
            FrameKind::Delta => return,
            FrameKind::Keyframe => self.keyframe = Some(now),
            FrameKind::Repair => self.repair = Some(now),
        }
        if kind == FrameKind::Keyframe || self.wanted == Some(FrameKind::Repair) {
            self.wanted = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(250);

    fn ms(ms: u64) -> MediaTime {
        MediaTime(1_000_000 + ms * 1000)
    }

    /// One that has seen a keyframe at 3000 and the seven frames after it.
    fn after_eight_frames() -> RepairAsk {
        let mut ask = RepairAsk::default();
        ask.decoded(FrameKind::Keyframe, 3000, 0, None);
        (1..8).for_each(|frame| ask.decoded(FrameKind::Delta, 3000 + u32::from(frame) * 3000, frame, None));
        ask
    }

    #[test]
    fn a_loss_leads_to_one_request_until_patience_ends() {
        let mut ask = after_eight_frames();
        assert_eq!(ask.due(ms(0), PATIENCE), None);
        ask.want(FrameKind::Repair);
        assert_eq!(ask.due(ms(1), PATIENCE), Some(PictureFeedback::Lost(Whole { keyframe: 3000, frame: 7 })));
        ask.want(FrameKind::Repair);
        assert_eq!(ask.due(ms(200), PATIENCE), None);
        assert!(ask.due(ms(251), PATIENCE).is_some());
        ask.decoded(FrameKind::Repair, 60_000, 19, None);
        assert_eq!(ask.due(ms(900), PATIENCE), None);
    }

    #[test]
    fn what_is_decoded_after_a_loss_is_not_whole_until_the_repair() {
        let mut ask = after_eight_frames();
        ask.want(FrameKind::Repair);
        ask.decoded(FrameKind::Delta, 40_000, 12, Some(11));
        assert_eq!(ask.kept(), None, "a picture that may be wrong is no reference");
        assert_eq!(ask.due(ms(0), PATIENCE), Some(PictureFeedback::Lost(Whole { keyframe: 3000, frame: 7 })));
        ask.decoded(FrameKind::Repair, 43_000, 13, None);
        ask.decoded(FrameKind::Delta, 46_000, 14, None);
        ask.want(FrameKind::Repair);
        assert_eq!(ask.due(ms(999), PATIENCE), Some(PictureFeedback::Lost(Whole { keyframe: 3000, frame: 14 })));
    }

    #[test]
    fn a_keyframe_is_asked_for_where_nothing_was_seen_yet_and_where_repairs_do_not_come() {
        let mut new = RepairAsk::default();
        new.want(FrameKind::Repair);
        assert_eq!(new.due(ms(0), PATIENCE), Some(PictureFeedback::Keyframe));

        let mut ask = after_eight_frames();
        ask.want(FrameKind::Repair);
        let lost = Some(PictureFeedback::Lost(Whole { keyframe: 3000, frame: 7 }));
        let asked = [0, 300, 600].map(|at| ask.due(ms(at), PATIENCE));
        assert_eq!(asked, [lost, lost, Some(PictureFeedback::Keyframe)]);

        let mut unreadable = after_eight_frames();
        unreadable.want(FrameKind::Keyframe);
        unreadable.want(FrameKind::Repair);
        assert_eq!(unreadable.due(ms(0), PATIENCE), Some(PictureFeedback::Keyframe));
    }

    #[test]
    fn a_long_term_reference_is_told_of_twice_and_again_until_there_is_another() {
        let mut ask = after_eight_frames();
        ask.decoded(FrameKind::Delta, 30_000, 8, Some(7));
        let kept = Some(PictureFeedback::Kept(Whole { keyframe: 3000, frame: 7 }));
        assert_eq!([ask.kept(), ask.kept()], [kept, None]);
        let told = [9, 10].map(|frame| {
            ask.decoded(FrameKind::Delta, u32::from(frame) * 3000 + 6000, frame, None);
            ask.kept()
        });
        assert_eq!(told, [kept, None]);
        let later: Vec<u16> = (11..200)
            .filter(|frame| {
                ask.decoded(FrameKind::Delta, u32::from(*frame) * 3000 + 6000, *frame, None);
                ask.kept() == kept
            })
            .collect();
        assert_eq!(later, [69, 129, 189]);
        ask.decoded(FrameKind::Keyframe, 900_000, 0, None);
        assert_eq!(ask.kept(), None, "the sender keeps none from before its last keyframe");
    }

    #[test]
    fn requests_in_a_flood_yield_a_keyframe_every_300_ms_or_a_repair_every_150() {
        for (kind, expected) in [(FrameKind::Keyframe, vec![0, 330, 660, 990]), (FrameKind::Repair, vec![0, 165, 330, 495])] {
            let mut answer = RepairAnswer::default();
            let mut sent = Vec::new();
            for now in (0..1000).step_by(33) {
                answer.want(kind);
                if answer.due(ms(now), 2000) == Some(kind) {
                    answer.sent(ms(now), kind);
                    sent.push(now);
                }
            }
            assert_eq!(sent[..4], expected, "{kind:?}");
        }
    }

    #[test]
    fn a_request_soon_after_a_keyframe_is_answered_later() {
        for kind in [FrameKind::Keyframe, FrameKind::Repair] {
            let mut answer = RepairAnswer::default();
            answer.sent(ms(0), FrameKind::Keyframe);
            answer.want(kind);
            assert_eq!(answer.due(ms(100), 2000), None);
            assert_eq!(answer.due(ms(300), 2000), Some(kind));
            assert_eq!((answer.due(ms(300), 200), answer.due(ms(900), 200)), (None, Some(kind)), "less often on a narrow path");
        }
    }

    #[test]
    fn a_repair_is_no_answer_to_who_asked_for_a_keyframe() {
        let mut answer = RepairAnswer::default();
        answer.want(FrameKind::Keyframe);
        answer.want(FrameKind::Repair);
        answer.sent(ms(0), FrameKind::Repair);
        assert_eq!(answer.due(ms(1), 2000), Some(FrameKind::Keyframe));
    }
}
