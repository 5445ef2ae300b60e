//! From a bitrate to a size and a number of frames a second.

use super::clock::MediaTime;
use super::content::Content;
use std::time::Duration;

/// What to encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The picture may be at most this many eighths of the full width and height.
    pub eighths: usize,
    /// At most this many frames a second.
    pub fps: u32,
}

/// Steps down: from how many kbit/s at 1280x720 on, and what is sent there.
struct Ladder {
    steps: &'static [(u32, Plan)],
    /// The last step with all pictures of a camera.
    plenty: usize,
}

/// Of what a camera sees, motion is kept longest.
const CAMERA: Ladder = Ladder {
    steps: &[
        (700, Plan { eighths: 8, fps: 60 }),
        (400, Plan { eighths: 6, fps: 30 }),
        (220, Plan { eighths: 4, fps: 30 }),
        (120, Plan { eighths: 4, fps: 15 }),
        (70, Plan { eighths: 3, fps: 12 }),
        (17, Plan { eighths: 2, fps: 10 }),
        (0, Plan { eighths: 2, fps: 6 }),
    ],
    plenty: 2,
};

/// Of what a screen shows, the size is: text that was made smaller cannot be read.
const SCREEN: Ladder = Ladder {
    steps: &[
        (700, Plan { eighths: 8, fps: 60 }),
        (400, Plan { eighths: 8, fps: 30 }),
        (220, Plan { eighths: 8, fps: 15 }),
        (120, Plan { eighths: 8, fps: 8 }),
        (50, Plan { eighths: 8, fps: 4 }),
        (0, Plan { eighths: 6, fps: 3 }),
    ],
    plenty: 1,
};
/// A picture of fewer lines shows nobody.
const LEAST_LINES: usize = 180;

impl Plan {
    /// The size of a picture of `width` x `height` under this plan: even, and never so small that it is pointless.
    pub fn size(&self, width: usize, height: usize) -> (usize, usize) {
        let least = (LEAST_LINES * 8).div_ceil(height.max(1));
        let eighths = self.eighths.max(least).min(8);
        let side = |length: usize| ((length * eighths / 8) & !1).max(16);
        (side(width), side(height))
    }
}

/// How much more than a step asks for there must be before it is climbed, so that it is not left again at once.
const HEADROOM: (u32, u32) = (5, 4);
/// How long after any change the next climb may come: each costs a keyframe.
const CLIMB_EVERY: Duration = Duration::from_secs(4);

/// How long a smaller picture waits for: it begins with a whole one, and a path that has just become narrow is full.
const SHRINK_AFTER: Duration = Duration::from_millis(700);

/// How long there must be enough for more frames before they come back: they cost no keyframe, and few of them look like a fault.
const FASTER_AFTER: Duration = Duration::from_millis(500);

/// Chooses the step: down at once, up after a while. Only the size waits a moment before it goes down, and frames come back first.
#[derive(Debug, Default)]
pub struct RateRule {
    content: Content,
    step: Option<usize>,
    changed: MediaTime,
    /// The size in use, and since when it is too large.
    size: Option<(usize, Option<MediaTime>)>,
    /// Since when there is enough for more frames than the step has.
    faster_since: Option<MediaTime>,
}

impl RateRule {
    /// The plan for a picture of `pixels` at `kbps`.
    pub fn plan(&mut self, now: MediaTime, kbps: u32, pixels: usize, content: Content) -> Plan {
        let Ladder { steps, plenty } = match content {
            Content::Camera => CAMERA,
            Content::Screen => SCREEN,
        };
        if std::mem::replace(&mut self.content, content) != content {
            self.step = None;
        }
        // Smaller pictures need less, but not in proportion: by the square root.
        let share = (pixels as f64 / (1280.0 * 720.0)).sqrt().clamp(0.2, 2.0);
        let fits = |kbps: f64| steps.iter().position(|(from, _)| kbps >= f64::from(*from) * share).unwrap_or(steps.len() - 1);
        let lowest = fits(f64::from(kbps));
        let comfortable = fits(f64::from(kbps * HEADROOM.1) / f64::from(HEADROOM.0));
        let step = match self.step {
            None => lowest,
            Some(step) if lowest > step => lowest,
            Some(step) => {
                let higher = comfortable.min(step);
                // Where there is plenty, all at once: each step would cost a whole picture.
                let next = if higher <= plenty { higher } else { higher.max(step.saturating_sub(1)) };
                if now.since(self.changed) >= CLIMB_EVERY { next } else { step }
            }
        };
        if self.step != Some(step) {
            (self.step, self.changed) = (Some(step), now);
        }
        let plan = steps[step].1;
        let fps = self.fps(now, plan.fps, steps[comfortable.min(step)].1.fps);
        Plan { eighths: self.size(now, plan.eighths), fps }
    }

    fn fps(&mut self, now: MediaTime, planned: u32, possible: u32) -> u32 {
        self.faster_since = (possible > planned).then(|| self.faster_since.unwrap_or(now));
        let is_ready = self.faster_since.is_some_and(|since| now.since(since) >= FASTER_AFTER);
        if is_ready { possible } else { planned }
    }

    fn size(&mut self, now: MediaTime, wanted: usize) -> usize {
        let (current, too_large) = self.size.unwrap_or((wanted, None));
        let since = (wanted < current).then(|| too_large.unwrap_or(now));
        let waits = since.is_some_and(|since| now.since(since) < SHRINK_AFTER);
        let next = if waits { current } else { wanted };
        self.size = Some((next, since.filter(|_| waits)));
        next
    }
}

/// Leaves frames out where a source gives more a second than wanted.
#[derive(Debug, Default)]
pub struct FrameSkip {
    due: Option<MediaTime>,
}

impl FrameSkip {
    /// Whether to take the frame captured at `captured`, of a source from which at most `fps` a second are wanted.
    pub fn take(&mut self, captured: MediaTime, fps: u32) -> bool {
        let interval = Duration::from_micros(1_000_000 / u64::from(fps.max(1)));
        let due = self.due.unwrap_or(captured);
        if captured + interval / 4 < due && due.since(captured) < 4 * interval {
            return false;
        }
        // On the grid while the source keeps up with it; a new grid after a pause.
        let late = captured.since(due) >= interval;
        self.due = Some(if late { captured + interval } else { due + interval });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HD: usize = 1280 * 720;

    fn at(seconds: u64) -> MediaTime {
        MediaTime(seconds * 1_000_000)
    }

    #[test]
    fn a_drop_is_followed_at_once_and_the_way_back_is_taken_once_it_lasts() {
        let mut rule = RateRule::default();
        assert_eq!(rule.plan(at(10), 2500, HD, Content::Camera).eighths, 8);
        assert_eq!(
            rule.plan(at(11), 130, HD, Content::Camera),
            Plan { eighths: 8, fps: 15 },
            "a smaller picture would begin with a whole one"
        );
        assert_eq!(rule.plan(at(11) + SHRINK_AFTER, 130, HD, Content::Camera), Plan { eighths: 4, fps: 15 });
        let way: Vec<usize> = (12..26).map(|second| rule.plan(at(second), 2500, HD, Content::Camera).eighths).collect();
        assert_eq!(way, [4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]);
    }

    #[test]
    fn after_a_dip_the_frames_are_back_before_the_size_is() {
        let mut rule = RateRule::default();
        rule.plan(at(10), 2500, HD, Content::Camera);
        rule.plan(at(11), 130, HD, Content::Camera);
        rule.plan(at(12), 130, HD, Content::Camera);
        let mut back = |after| rule.plan(at(13) + after, 350, HD, Content::Camera);
        assert_eq!(back(Duration::ZERO), Plan { eighths: 4, fps: 15 });
        assert_eq!(back(FASTER_AFTER), Plan { eighths: 4, fps: 30 });
        assert_eq!(rule.plan(at(14), 130, HD, Content::Camera), Plan { eighths: 4, fps: 15 }, "and gone at once");
        assert_eq!(rule.plan(at(14) + FASTER_AFTER, 230, HD, Content::Camera).fps, 15, "just enough is not enough");
    }

    #[test]
    fn a_rate_on_the_edge_of_a_step_does_not_swing() {
        let mut rule = RateRule::default();
        let plans: Vec<Plan> =
            (10..60).map(|second| rule.plan(at(second), 690 + (second as u32 % 2) * 30, HD, Content::Camera)).collect();
        assert!(plans.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 1);
    }

    #[test]
    fn of_a_screen_pictures_are_given_up_before_its_size_is() {
        let plan = |kbps| RateRule::default().plan(at(1), kbps, HD, Content::Screen);
        assert_eq!([2500, 300, 150, 60].map(plan).map(|plan| (plan.eighths, plan.fps)), [(8, 60), (8, 15), (8, 8), (8, 4)]);
        let mut rule = RateRule::default();
        rule.plan(at(1), 150, HD, Content::Camera);
        assert_eq!(rule.plan(at(2), 150, HD, Content::Screen), plan(150), "at once, for nobody can read it");
    }

    #[test]
    fn even_the_least_rate_has_a_plan() {
        assert_eq!(RateRule::default().plan(at(1), 0, HD, Content::Camera), CAMERA.steps[6].1);
        assert_eq!(RateRule::default().plan(at(1), u32::MAX / 8, 16 * 16, Content::Camera).eighths, 8);
    }

    #[test]
    fn no_picture_is_made_smaller_than_180_lines() {
        let least = Plan { eighths: 2, fps: 6 };
        let sizes =
            [(1280, 720), (640, 360), (1920, 1080), (320, 180), (160, 120)].map(|(width, height)| least.size(width, height));
        assert_eq!(sizes, [(320, 180), (320, 180), (480, 270), (320, 180), (160, 120)]);
    }

    #[test]
    fn frames_are_left_out_evenly() {
        let frames = |source_us: u64, fps| {
            let mut skip = FrameSkip::default();
            (0..120).filter(|n| skip.take(MediaTime(5_000_000 + n * source_us), fps)).count()
        };
        assert_eq!(frames(33_333, 30), 120);
        assert_eq!(frames(33_333, 60), 120);
        assert_eq!(frames(33_333, 15), 60);
        assert_eq!(frames(16_667, 30), 60);
        assert!((78..=82).contains(&frames(33_333, 20)));
    }
}
