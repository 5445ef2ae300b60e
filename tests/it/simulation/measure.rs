//! What came out at the other end, as a person would notice it.

use std::fmt;

use sha2::{Digest, Sha256};
use vesper::media::clock::MediaTime;
use vesper::media::video_receive::Shown;
use vesper::media::video_stats::{Gaps, LatencyHistogram};

/// Collects what is shown and played.
#[derive(Default)]
pub struct Measure {
    digest: Sha256,
    shown: u64,
    wrong: u64,
    gaps: Gaps,
    latency: LatencyHistogram,
    size: (usize, usize),
}

/// What a call was like after its first seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub fps: f64,
    pub frozen_ms: u64,
    pub longest_gap_ms: u64,
    /// Lens to screen, 95th percentile.
    pub latency_ms: u32,
    pub median_latency_ms: u32,
    pub height: usize,
    pub concealed_percent: f64,
    /// Of them, those that were made by stretching.
    pub stretched_percent: f64,
    pub mouth_to_ear_ms: f64,
    /// Sound after picture.
    pub av_offset_ms: Option<f32>,
    pub kbps: u64,
    pub keyframe_requests: u64,
    pub repair_requests: u64,
    /// Pictures shown that may have been wrong, since something before them was lost.
    pub wrong: u64,
    /// Of every picture shown, with its time, and every sample played.
    pub digest: String,
}

impl Measure {
    /// A picture was shown.
    pub fn shown(&mut self, now: MediaTime, captured: MediaTime, shown: &Shown, counts: bool) {
        let picture = &shown.picture;
        self.digest.update(now.0.to_le_bytes());
        for (plane, stride, width) in [
            (picture.y, picture.y_stride, picture.width),
            (picture.u, picture.uv_stride, picture.width / 2),
            (picture.v, picture.uv_stride, picture.width / 2),
        ] {
            plane.chunks(stride).for_each(|row| self.digest.update(&row[..width]));
        }
        if counts {
            self.shown += 1;
            self.wrong += u64::from(shown.concealed);
            self.latency.add(now.since(captured).as_millis() as u32);
            self.size = (picture.width, picture.height);
            self.gaps.shown(now);
        }
    }

    /// Samples were played.
    pub fn played(&mut self, sample: f32) {
        self.digest.update(sample.to_le_bytes());
    }

    /// The call is over at `now`, `seconds` after counting began.
    pub fn outcome(mut self, now: MediaTime, seconds: f64) -> Outcome {
        // A picture that stands still at the end is frozen, too.
        let shown = self.shown;
        self.gaps.shown(now);
        Outcome {
            fps: shown as f64 / seconds,
            frozen_ms: self.gaps.frozen_ms,
            longest_gap_ms: self.gaps.longest_ms,
            latency_ms: self.latency.percentile(95).unwrap_or(0),
            median_latency_ms: self.latency.percentile(50).unwrap_or(0),
            height: self.size.1,
            concealed_percent: 0.0,
            stretched_percent: 0.0,
            mouth_to_ear_ms: 0.0,
            av_offset_ms: None,
            kbps: 0,
            keyframe_requests: 0,
            repair_requests: 0,
            wrong: self.wrong,
            digest: self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1}/s of {}p, {} ms frozen, longest gap {} ms, lens to screen {}/{} ms, {:.2} % concealed ({:.2} stretched), mouth to ear {:.0} ms, \
             sound after picture {:?} ms, {} kbit/s, {} keyframes and {} repairs asked for, {} pictures that may be wrong",
            self.fps,
            self.height,
            self.frozen_ms,
            self.longest_gap_ms,
            self.median_latency_ms,
            self.latency_ms,
            self.concealed_percent,
            self.stretched_percent,
            self.mouth_to_ear_ms,
            self.av_offset_ms,
            self.kbps,
            self.keyframe_requests,
            self.repair_requests,
            self.wrong,
        )
    }
}
