//! Asking for keyframes and answering, so that neither end drowns the other in them.

use super::clock::MediaTime;
use std::time::Duration;

/// The receiver's side: asks once when something is lost, and again only if no keyframe came for a while.
#[derive(Debug, Default)]
pub struct KeyframeAsk {
    wanted: bool,
    asked: Option<MediaTime>,
}

impl KeyframeAsk {
    /// Something is missing that only a keyframe brings back.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// A keyframe was decoded.
    pub fn arrived(&mut self) {
        *self = Self::default();
    }

    /// Whether to ask now. A request is given `patience` (a round trip and what a keyframe takes) before it is repeated.
    pub fn due(&mut self, now: MediaTime, patience: Duration) -> bool {
        let due = self.wanted && self.asked.is_none_or(|asked| now.since(asked) >= patience);
        if due {
            self.asked = Some(now);
        }
        due
    }
}

/// The sender's side: keyframes are apart as the rate allows, and none that was asked for is forgotten.
#[derive(Debug, Default)]
pub struct KeyframeAnswer {
    wanted: bool,
    sent: Option<MediaTime>,
}

impl KeyframeAnswer {
    /// A keyframe costs as much as ten other frames: at most one in this time, and on a narrow path, where it takes longer to get
    /// through than others take to be made, in up to [`LONGEST`](Self::LONGEST).
    pub const SPACING: Duration = Duration::from_millis(300);
    /// See [`SPACING`](Self::SPACING).
    pub const LONGEST: Duration = Duration::from_millis(1500);
    /// From this rate on, keyframes may come as often as ever.
    const ENOUGH_KBPS: u32 = 600;

    /// The peer asked.
    pub fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether the next frame is to be a keyframe, at `kbps`.
    pub fn due(&self, now: MediaTime, kbps: u32) -> bool {
        let spacing = (Self::SPACING * Self::ENOUGH_KBPS / kbps.max(1)).clamp(Self::SPACING, Self::LONGEST);
        self.wanted && self.sent.is_none_or(|sent| now.since(sent) >= spacing)
    }

    /// A keyframe was sent, for whatever reason.
    pub fn sent(&mut self, now: MediaTime) {
        *self = Self { wanted: false, sent: Some(now) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(250);

    fn ms(ms: u64) -> MediaTime {
        MediaTime(1_000_000 + ms * 1000)
    }

    #[test]
    fn a_loss_leads_to_one_request_until_patience_ends() {
        let mut ask = KeyframeAsk::default();
        assert!(!ask.due(ms(0), PATIENCE));
        ask.want();
        assert!(ask.due(ms(1), PATIENCE));
        ask.want();
        assert!(!ask.due(ms(200), PATIENCE));
        assert!(ask.due(ms(251), PATIENCE));
        ask.arrived();
        assert!(!ask.due(ms(900), PATIENCE));
    }

    #[test]
    fn requests_in_a_flood_yield_a_keyframe_every_300_ms() {
        let mut answer = KeyframeAnswer::default();
        let mut sent = Vec::new();
        for now in (0..1000).step_by(33) {
            answer.want();
            if answer.due(ms(now), 2000) {
                answer.sent(ms(now));
                sent.push(now);
            }
        }
        assert_eq!(sent, [0, 330, 660, 990]);
    }

    #[test]
    fn a_request_soon_after_a_keyframe_is_answered_later() {
        let mut answer = KeyframeAnswer::default();
        answer.sent(ms(0));
        answer.want();
        assert!(!answer.due(ms(100), 2000));
        assert!(answer.due(ms(300), 2000));
        assert!(!answer.due(ms(300), 200) && answer.due(ms(900), 200), "less often on a narrow path");
    }
}
