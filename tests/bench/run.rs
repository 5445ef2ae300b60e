//! One call of one row: two hosts, a link, two profiles, and what both ends and the link wrote down.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use vesper::media::clock::MediaTime;

use crate::Failure;
use crate::clip::{self, Clip};
use crate::interrupt::sleep_until;
use crate::lab::Lab;
use crate::lab::people::People;
use crate::lab::vesper::Vesper;
use crate::lab::way::Counts;
use crate::measure::{End, Window};
use crate::rows::{Row, SETTLING};

/// How often the link is looked at.
const EVERY: Duration = Duration::from_millis(250);
/// How much longer than measured a call lasts, so that nothing that is measured is its end.
const AFTER: Duration = Duration::from_secs(2);

/// What camera and microphone of both ends are.
pub struct Media {
    pub clip: Clip,
    pub speech: PathBuf,
}

/// What both directions of the link had done by a moment (Unix microseconds): from the caller to the callee, and back.
pub type Glance = (i64, [Counts; 2]);

/// What is known of a call when it is over.
pub struct Call {
    /// The caller and the callee.
    pub ends: [End; 2],
    pub window: Window,
    /// The link, four times a second.
    pub link: Vec<Glance>,
    /// What the two heard, and what the callee saw if the row records it.
    pub heard: [PathBuf; 2],
    pub seen: Option<PathBuf>,
}

/// Holds the call. `seed` decides what the link loses; everything is written into `folder`.
pub fn call(row: &Row, media: &Media, seed: u64, folder: &Path) -> Result<Call, Failure> {
    let people = People::meet().ok_or("two hosts cannot be put up here")?;
    let lab = Lab::try_up(row.at_first.unwrap_or(row.link), seed, false)?;
    let seen = row.recorded.then(|| folder.join("bob.y4m"));
    let length = SETTLING + Duration::from_secs(row.seconds) + AFTER;

    let mut answer: Vec<String> = ["answer", "--auto", "--once"].map(String::from).into();
    answer.extend(arguments(row, media, folder, "bob"));
    if let Some(seen) = &seen {
        answer.extend(["--record-video".into(), seen.display().to_string()]);
    }
    let mut dial: Vec<String> = vec!["call".into(), people.bob.key.clone(), "--seconds".into(), length.as_secs().to_string()];
    dial.extend(row.sound_only.then(|| "--audio-only".into()));
    dial.extend(arguments(row, media, folder, "alice"));
    let mut bob = Vesper::start(Some(&lab.b), &people.bob.folder, &answer);
    let mut alice = Vesper::start(Some(&lab.a), &people.alice.folder, &dial);
    bob.wait("connected");
    alice.wait("connected");
    lab.cable.set(row.link);

    sleep_until(Instant::now() + SETTLING)?;
    let (begins, from) = (Instant::now(), MediaTime::now().unix_us() as i64);
    let window = Window { from, to: from + row.seconds as i64 * 1_000_000 };
    let mut steps = row.steps.iter().peekable();
    let mut link = Vec::new();
    while begins.elapsed() < Duration::from_secs(row.seconds) {
        while let Some((_, kbps)) = steps.next_if(|(at, _)| begins.elapsed() >= Duration::from_secs(*at)) {
            lab.cable.set(row.link.at(*kbps));
        }
        link.push((MediaTime::now().unix_us() as i64, lab.cable.counts()));
        sleep_until(begins + EVERY * link.len() as u32)?;
    }
    link.push((MediaTime::now().unix_us() as i64, lab.cable.counts()));

    let ended = [alice.end(), bob.end()];
    if let Some(failed) = ended.iter().find(|ended| ended.code != Some(0)) {
        return Err(format!("an end of the call failed: {}", failed.errors.trim()).into());
    }
    let names = ["alice", "bob"];
    let mut ends = ended.map(|ended| ended.events).into_iter().zip(names).map(|(events, name)| {
        let read = |kind: &str| fs::read_to_string(folder.join(format!("{name}.{kind}"))).unwrap_or_default();
        End::read(&read("csv"), &read("jsonl"), events)
    });
    let ends = [ends.next(), ends.next()].map(|end| end.expect("there are two"));
    Ok(Call { ends, window, link, heard: names.map(|name| folder.join(format!("{name}.wav"))), seen })
}

/// What both ends are told alike.
fn arguments(row: &Row, media: &Media, folder: &Path, name: &str) -> Vec<String> {
    let file = |kind: &str| folder.join(format!("{name}.{kind}")).display().to_string();
    let camera = if row.sound_only { "none".into() } else { format!("file:{}", media.clip.path.display()) };
    let (size, fps) = (format!("{}x{}", clip::WIDTH, clip::HEIGHT), clip::FPS.to_string());
    let mic = format!("file:{}", media.speech.display());
    let [record, statistics, trace] = ["wav", "jsonl", "csv"].map(file);
    let told = [
        ["--camera", &camera],
        ["--mic", &mic],
        ["--speaker", "none"],
        ["--size", &size],
        ["--fps", &fps],
        ["--record-audio", &record],
        ["--stats", &statistics],
        ["--trace", &trace],
    ];
    told.concat().into_iter().map(String::from).collect()
}
