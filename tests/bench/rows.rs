//! The table: over which link a call is held, for how long, and what must come out of it.

use std::time::Duration;

use crate::lab::cellular;
use crate::lab::quality::Quality;

/// How long a call may settle before anything is counted.
pub const SETTLING: Duration = Duration::from_secs(8);

/// A row of the table: one call.
pub struct Row {
    pub name: &'static str,
    /// What the link is, for people.
    pub about: &'static str,
    pub link: Quality,
    /// What it is until the call is connected, if that is another.
    pub at_first: Option<Quality>,
    /// Seconds after the settling, and the rate from then on.
    pub steps: &'static [(u64, u32)],
    /// What is measured after the settling.
    pub seconds: u64,
    /// Whether the first side's picture is recorded by the second. It costs processor time, so rows that count that do not.
    pub recorded: bool,
    pub sound_only: bool,
    pub wanted: Vec<Wanted>,
}

/// A figure of a row and what it must reach.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub figure: Figure,
    pub must: Must,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Must {
    AtMost(f64),
    AtLeast(f64),
    /// Nobody set a limit: it is printed to be seen.
    Told,
}

/// What is measured. Of the two ends, the worse one counts, unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    FirstPicture,
    LatencyMedian,
    LatencyHigh,
    Fps,
    Cores,
    Memory,
    Frozen,
    LongestGap,
    Concealed,
    RateAfter,
    Used,
    SilentAndBlind,
    MouthToEar,
    Pesq,
    Vmaf,
    Ssim,
    Psnr,
    PictureRate,
}

impl Must {
    /// Whether `value` is enough.
    pub fn holds(self, value: f64) -> Option<bool> {
        match self {
            Self::AtMost(most) => Some(value <= most),
            Self::AtLeast(least) => Some(value >= least),
            Self::Told => None,
        }
    }
}

impl Figure {
    /// A stable name for programs, what it is for people, its unit, and how many decimals it is worth.
    pub fn about(self) -> (&'static str, &'static str, &'static str, usize) {
        match self {
            Self::FirstPicture => ("first_picture_ms", "accept to first picture, both ends", "ms", 0),
            Self::LatencyMedian => ("latency_p50_ms", "lens to screen, half of the pictures", "ms", 0),
            Self::LatencyHigh => ("latency_p95_ms", "lens to screen, 95 %", "ms", 0),
            Self::Fps => ("fps", "pictures shown a second", "", 1),
            Self::Cores => ("cores", "processor, both ends together", "cores", 2),
            Self::Memory => ("memory_mib", "memory at the peak, both ends together", "MiB", 0),
            Self::Frozen => ("frozen_s", "time frozen (gaps over 200 ms)", "s", 2),
            Self::LongestGap => ("longest_gap_s", "longest gap between pictures", "s", 2),
            Self::Concealed => ("concealed_percent", "sound concealed", "%", 2),
            Self::RateAfter => ("rate_after_kbps", "rate 18 s after the way back", "kbit/s", 0),
            Self::Used => ("used_percent", "used of what the link carries", "%", 0),
            Self::SilentAndBlind => ("outage_s", "seconds without any picture and sound", "s", 0),
            Self::MouthToEar => ("mouth_to_ear_p95_ms", "mouth to ear, 95 % of the seconds", "ms", 0),
            Self::Pesq => ("pesq_wb", "sound as heard, wide-band PESQ", "", 2),
            Self::Vmaf => ("vmaf", "picture as shown, VMAF", "", 1),
            Self::Ssim => ("ssim", "picture as shown, SSIM (luma)", "", 3),
            Self::Psnr => ("psnr_db", "picture as shown, PSNR (luma)", "dB", 1),
            Self::PictureRate => ("picture_kbps", "rate of the pictures", "kbit/s", 0),
        }
    }

    pub fn key(self) -> &'static str {
        self.about().0
    }

    /// The value as it is printed.
    pub fn print(self, value: f64) -> String {
        let (_, _, unit, decimals) = self.about();
        format!("{value:.decimals$} {unit}").trim_end().into()
    }
}

/// Every row, in the order of the table. `trace` replaces the cellular one that is made here.
pub fn rows(trace: Option<&'static [u32]>) -> Vec<Row> {
    use Figure::*;
    let most = |figure, most| Wanted { figure, must: Must::AtMost(most) };
    let least = |figure, least| Wanted { figure, must: Must::AtLeast(least) };
    let told = |figure| Wanted { figure, must: Must::Told };
    let call = |name, about, link, wanted| Row {
        name,
        about,
        link,
        at_first: None,
        steps: &[],
        seconds: 20,
        recorded: false,
        sound_only: false,
        wanted,
    };
    let ms = Duration::from_millis;
    let trace = Quality::on_the_move(trace.unwrap_or_else(|| cellular::trace()));
    let narrow = |kbps| Quality { loss_percent: 0.0, queue: ms(1500), ..Quality::HOME.at(kbps) };
    vec![
        call("lan", "100 Mbit/s, 1 ms", Quality::LAN, vec![most(LatencyHigh, 60.0), most(MouthToEar, 120.0), told(Fps)]),
        call(
            "home",
            "5 Mbit/s, 25 ms, 0.1 % lost",
            Quality::HOME,
            vec![
                most(FirstPicture, 330.0),
                most(LatencyMedian, 65.0),
                most(LatencyHigh, 85.0),
                least(Fps, 29.5),
                most(Cores, 0.7),
                most(Memory, 250.0),
                least(Pesq, 4.2),
                told(Concealed),
            ],
        ),
        Row {
            recorded: true,
            ..call(
                "picture",
                "the same link; what one end shows is held against what the other's camera saw",
                Quality::HOME,
                vec![least(Vmaf, 88.0), least(Ssim, 0.93), told(Psnr), most(PictureRate, 2300.0)],
            )
        },
        call(
            "lossy",
            "3 Mbit/s, 30 ms, 10 % lost at random",
            Quality::LOSSY,
            vec![least(Fps, 29.0), most(Frozen, 0.2), most(LatencyHigh, 150.0), most(Concealed, 0.5), least(Pesq, 4.1)],
        ),
        call(
            "bursty",
            "3 Mbit/s, 30 ms, 5 % lost in bursts of 6",
            Quality::BURSTY,
            vec![least(Fps, 29.0), most(Frozen, 0.2), most(LatencyHigh, 200.0), most(Concealed, 1.0), least(Pesq, 3.7)],
        ),
        Row {
            steps: &[(0, 2500), (12, 400), (28, 2500)],
            seconds: 48,
            ..call(
                "lte",
                "2500, from 12 s 400, from 28 s 2500 kbit/s; 35 ms, 0.5 % lost, a buffer of 600 ms",
                Quality::LTE,
                vec![
                    most(LongestGap, 0.5),
                    most(Frozen, 1.0),
                    most(LatencyHigh, 250.0),
                    least(RateAfter, 2000.0),
                    told(Concealed),
                ],
            )
        },
        Row {
            seconds: 60,
            ..call(
                "trace",
                "a phone's network on the move, 1.9 Mbit/s on average; 25 ms, a buffer of 2 s",
                trace,
                vec![most(LatencyHigh, 300.0), least(Used, 55.0), most(Frozen, 1.0), most(Concealed, 1.0), told(Fps)],
            )
        },
        call(
            "3g",
            "500 kbit/s, 80 ms, 1 % lost in bursts of 2",
            Quality::THIRD_GENERATION,
            vec![told(Fps), told(Frozen), told(LatencyHigh), told(Concealed), told(Pesq)],
        ),
        call(
            "edge",
            "150 kbit/s, 150 ms, 1 % lost in bursts of 2",
            Quality::EDGE,
            vec![told(Fps), told(Frozen), told(LatencyHigh), told(Concealed), told(Pesq)],
        ),
        call(
            "50k",
            "50 kbit/s, 25 ms: picture and sound",
            narrow(50),
            vec![most(SilentAndBlind, 0.0), told(Fps), told(LongestGap), told(Concealed), told(Pesq)],
        ),
        Row {
            sound_only: true,
            at_first: Some(Quality::HOME),
            ..call(
                "16k",
                "16 kbit/s once it is connected, 25 ms: sound alone",
                narrow(16),
                vec![most(SilentAndBlind, 0.0), told(Concealed), told(Pesq)],
            )
        },
    ]
}
