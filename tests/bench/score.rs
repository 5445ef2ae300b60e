//! The figures of a call, and what they looked like over time.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use vesper::media::convert::Picture;
use vesper::media::frame::Frame;
use vesper::media::marker;
use vesper::media::y4m::{Y4mReader, Y4mWriter};

use crate::Failure;
use crate::clip::{self, Clip};
use crate::lab::way::Counts;
use crate::likeness::Likeness;
use crate::measure::{Window, latencies, percentile};
use crate::rows::{Figure, Row};
use crate::run::{Call, Glance, Media};
use crate::tools::Tools;

/// What came out of a call.
#[derive(Debug, Serialize)]
pub struct Outcome {
    #[serde(serialize_with = "by_key")]
    pub figures: BTreeMap<Figure, f64>,
    /// From the caller to the callee, and back.
    pub directions: [Vec<Plot>; 2],
}

/// Lines over one another, against the seconds since the settling.
#[derive(Debug, Serialize)]
pub struct Plot {
    pub title: &'static str,
    pub unit: &'static str,
    pub lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
pub struct Line {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

fn by_key<S: serde::Serializer>(figures: &BTreeMap<Figure, f64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(figures.iter().map(|(figure, value)| (figure.key(), value)))
}

/// Measures a call. What a tool is missing for is absent.
pub fn outcome(row: &Row, call: &Call, media: &Media, tools: &Tools) -> Result<Outcome, Failure> {
    let mut figures: BTreeMap<Figure, f64> =
        row.wanted.iter().filter_map(|wanted| Some((wanted.figure, figure(wanted.figure, row, call)?))).collect();
    if row.wanted.iter().any(|wanted| wanted.figure == Figure::Pesq)
        && let Some(python) = &tools.pesq
    {
        let scores = [&call.heard[0], &call.heard[1]].map(|heard| pesq(python, &media.speech, heard, row.seconds));
        let [one, two] = scores;
        figures.insert(Figure::Pesq, one?.min(two?));
    }
    if let Some(seen) = &call.seen {
        // What was shown before the window is in the recording, too.
        let before = call.ends[1].shown.iter().filter(|(at, _)| *at < call.window.from).count();
        let (shown, source) = (seen.with_file_name("shown.y4m"), seen.with_file_name("source.y4m"));
        let (ssim, psnr) = pairs(seen, before, row.seconds as usize, &media.clip, [&shown, &source])?;
        figures.extend([(Figure::Ssim, ssim), (Figure::Psnr, psnr)]);
        if let Some(ffmpeg) = &tools.ffmpeg {
            figures.insert(Figure::Vmaf, vmaf(ffmpeg, &shown, &source)?);
        }
    }
    Ok(Outcome { figures, directions: [0, 1].map(|from| plots(call, from)) })
}

/// One figure of a call; nothing if it was not measured, or needs a tool.
fn figure(figure: Figure, row: &Row, call: &Call) -> Option<f64> {
    let (ends, window) = (&call.ends, call.window);
    let worst = |values: [Option<f64>; 2], worse: fn(f64, f64) -> f64| Some(worse(values[0]?, values[1]?));
    let highest = |values| worst(values, f64::max);
    let lowest = |values| worst(values, f64::min);
    let latency = |percent| highest([0, 1].map(|from| percentile(delays(call, from), percent)));
    match figure {
        Figure::FirstPicture => {
            let accepted = ends[1].first("accepted")?;
            highest(ends.each_ref().map(|end| Some((end.first("first_video")? - accepted) as f64 / 1000.0)))
        }
        Figure::LatencyMedian => latency(50),
        Figure::LatencyHigh => latency(95),
        Figure::Fps => lowest(ends.each_ref().map(|end| Some(end.fps(window)))),
        Figure::Cores => Some(ends[0].cores(window)? + ends[1].cores(window)?),
        Figure::Memory => {
            let peak = |end: usize| ends[end].seconds.last()?.pointer("/process/peak_rss_mib")?.as_f64();
            Some(peak(0)? + peak(1)?)
        }
        Figure::Frozen => highest(ends.each_ref().map(|end| Some(end.frozen(window)))),
        Figure::LongestGap => highest(ends.each_ref().map(|end| Some(end.longest_gap(window)))),
        Figure::Concealed => highest(ends.each_ref().map(|end| end.mean(window, "/audio/concealed_percent"))),
        Figure::RateAfter => {
            let (back, _) = row.steps.last()?;
            let after = *back as f64 + 18.0;
            lowest([0, 1].map(|way| arrived(call, way, window.part(after - 1.5, after + 1.5))))
        }
        Figure::Used => lowest([0, 1].map(|way| {
            let ((_, before), (_, after)) = (call.link.first()?, call.link.last()?);
            let offered = after[way].offered_bytes - before[way].offered_bytes;
            (offered > 0).then(|| (after[way].arrived_bytes - before[way].arrived_bytes) as f64 * 100.0 / offered as f64)
        })),
        Figure::SilentAndBlind => highest(ends.each_ref().map(|end| Some(end.outage(window)))),
        Figure::MouthToEar => highest(ends.each_ref().map(|end| percentile(end.mouth_to_ear(window), 95))),
        Figure::PictureRate => ends[0].mean(window, "/video/sent_kbps"),
        Figure::Pesq | Figure::Vmaf | Figure::Ssim | Figure::Psnr => None,
    }
}

fn delays(call: &Call, from: usize) -> Vec<f64> {
    latencies(&call.ends[from], &call.ends[1 - from], call.window).into_iter().map(|(_, ms)| ms).collect()
}

/// The kbit/s of all IP packets that came out of the link in a part of the call.
fn arrived(call: &Call, way: usize, part: Window) -> Option<f64> {
    let mut inside = call.link.iter().filter(|(at, _)| (part.from..=part.to).contains(at));
    let (from, before) = inside.next()?;
    let (to, after) = inside.next_back()?;
    Some((after[way].arrived_bytes - before[way].arrived_bytes) as f64 * 8000.0 / (to - from) as f64)
}

/// SSIM and PSNR of the recorded pictures after the first `before`, each against that of its number in the clip; both are written
/// out side by side.
fn pairs(seen: &Path, before: usize, seconds: usize, clip: &Clip, [shown, source]: [&Path; 2]) -> Result<(f64, f64), Failure> {
    let (mut recording, mut original) = (Y4mReader::open(seen)?, Y4mReader::open(&clip.path)?);
    let mut write = [shown, source].map(|path| Y4mWriter::create(path, clip::WIDTH, clip::HEIGHT, clip::FPS));
    let [Ok(shown), Ok(source)] = &mut write else { return Err("there is no room for the pictures".into()) };
    let (mut picture, mut meant) = (Frame::black(16, 16), Frame::black(16, 16));
    let mut likeness = Likeness::default();
    let pictures = std::fs::metadata(seen)?.len() as usize / (clip::WIDTH * clip::HEIGHT * 3 / 2 + "FRAME\n".len());
    original.read(&mut meant)?;
    for number in 0..pictures.min(before + seconds * clip::FPS as usize) {
        recording.read(&mut picture)?;
        let Some(wanted) = marker::read(&Picture::from(&picture)).filter(|_| number >= before) else { continue };
        // Both go forward, so the next one of this number is the one.
        let found = (0..=clip.frames).try_fold(false, |found, _| {
            let found = found || marker::read(&Picture::from(&meant)) == Some(wanted);
            if !found {
                original.read(&mut meant)?;
            }
            Ok::<_, Failure>(found)
        })?;
        if found {
            likeness.add(picture.planes().0, meant.planes().0, clip::WIDTH);
            shown.write(&picture)?;
            source.write(&meant)?;
        }
    }
    shown.flush()?;
    source.flush()?;
    likeness.mean().ok_or_else(|| "no picture of the recording carries a number".into())
}

/// The mean VMAF of what ffmpeg says (the model of 1080p television, as everybody quotes it).
fn vmaf(ffmpeg: &Path, shown: &Path, source: &Path) -> Result<f64, Failure> {
    let mut command = Command::new(ffmpeg);
    command.args(["-hide_banner", "-nostdin", "-i"]).arg(shown).arg("-i").arg(source);
    let said = command.args(["-lavfi", "libvmaf=n_threads=2", "-f", "null", "-"]).output()?;
    let said = String::from_utf8_lossy(&said.stderr);
    let score = said.lines().find_map(|line| line.split_once("VMAF score: ")?.1.trim().parse().ok());
    score.ok_or_else(|| format!("ffmpeg gave no VMAF score: {}", said.lines().last().unwrap_or_default()).into())
}

/// Wide-band PESQ of what one end heard after the settling.
fn pesq(python: &Path, source: &Path, heard: &Path, seconds: u64) -> Result<f64, Failure> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/pesq_score.py");
    let mut command = Command::new(python);
    command.arg(script).args([source, heard]).args([crate::rows::SETTLING.as_secs(), seconds].map(|number| number.to_string()));
    let said = command.output().map_err(io::Error::other)?;
    let text = String::from_utf8_lossy(&said.stdout);
    text.trim().parse().map_err(|_| {
        let why = String::from_utf8_lossy(&said.stderr);
        format!("PESQ gave no score: {}", why.lines().last().unwrap_or_default()).into()
    })
}

/// What went from one end to the other, over time.
fn plots(call: &Call, from: usize) -> Vec<Plot> {
    let (sender, receiver, window) = (&call.ends[from], &call.ends[1 - from], call.window);
    let second = |at: i64| (at - window.from) as f64 / 1e6;
    let points = |values: Vec<(i64, f64)>| values.into_iter().map(|(at, value)| (second(at), value)).collect();
    let sent = |pointer: &str| points(sender.each_second(window, pointer));
    let got = |pointer: &str| points(receiver.each_second(window, pointer));
    let line = |name, points| Line { name, points };
    // Over a second each: shorter, a rate is mostly the pattern of pictures.
    let over_link = |value: fn(&Counts, &Counts, f64) -> Option<f64>| -> Vec<(f64, f64)> {
        let pairs = call.link.iter().zip(call.link.iter().skip(4));
        let each = |((from_at, before), (to_at, after)): (&Glance, &Glance)| {
            let seconds = (to_at - from_at) as f64 / 1e6;
            Some((second(*to_at), value(&before[from], &after[from], seconds)?))
        };
        pairs.filter_map(each).collect()
    };
    let delays = latencies(sender, receiver, window);
    let per_second = |percent| -> Vec<(f64, f64)> {
        let seconds = 0..window.seconds() as i64;
        let inside = |n: i64| delays.iter().filter(move |(at, _)| (at - window.from) / 1_000_000 == n).map(|(_, ms)| *ms);
        seconds.filter_map(|n| Some((n as f64 + 0.5, percentile(inside(n), percent)?))).collect()
    };
    let gaps = receiver.gaps(window).into_iter().map(|(at, gap)| (second(at), gap as f64 / 1000.0)).collect();
    vec![
        Plot {
            title: "Rate",
            unit: "kbit/s",
            lines: vec![
                line(
                    "link",
                    over_link(|a, b, s| Some((b.offered_bytes - a.offered_bytes) as f64 / 125.0 / s).filter(|rate| *rate > 0.0)),
                ),
                line("sent", over_link(|a, b, s| Some((b.sent_bytes - a.sent_bytes) as f64 / 125.0 / s))),
                line("target", sent("/bandwidth/target_kbps")),
                line("estimate", sent("/bandwidth/estimate_kbps")),
            ],
        },
        Plot { title: "Lens to screen", unit: "ms", lines: vec![line("95 %", per_second(95)), line("half", per_second(50))] },
        Plot {
            title: "Packets lost",
            unit: "%",
            lines: vec![
                line("on the link", over_link(|a, b, _| share(b.lost - a.lost, b.sent - a.sent))),
                line("queue full", over_link(|a, b, _| share(b.overflowed - a.overflowed, b.sent - a.sent))),
            ],
        },
        Plot { title: "Time between pictures", unit: "ms", lines: vec![line("gap", gaps)] },
        Plot {
            title: "Sound",
            unit: "ms, %",
            lines: vec![line("buffer", got("/audio/jitter_buffer_ms")), line("concealed", got("/audio/concealed_percent"))],
        },
    ]
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}
