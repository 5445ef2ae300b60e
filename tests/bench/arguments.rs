//! What `./dev bench` is told.

use std::path::PathBuf;

/// How it is used.
pub const USAGE: &str = "\
./dev bench [ROW...] [--runs N] [--out FOLDER] [--clip FILE.y4m] [--speech FILE.wav] [--trace FILE]
./dev bench costs

Holds calls between two profiles over links that are good and bad, and prints what came out beside what must (all rows: ten minutes).
  ROW            only these; their names are the first column of the table
  --runs N       each row so many times; the table has the median
  --out FOLDER   where the page and the JSON go
  --clip FILE    the camera: 1280x720, 30 pictures a second; its pictures are numbered if they are not
  --speech FILE  the microphone
  --trace FILE   for the row `trace`: a line a packet of 1500 bytes that may leave, in ms, looped
  costs          what sealing, the handshake and a hundred thousand messages cost, without a call";

/// What is wanted.
#[derive(Debug, Default)]
pub struct Arguments {
    pub rows: Vec<String>,
    pub costs: bool,
    /// What `./dev speech` needs instead of a table.
    pub leak: bool,
    pub runs: usize,
    pub out: Option<PathBuf>,
    pub clip: Option<PathBuf>,
    pub speech: Option<PathBuf>,
    pub trace: Option<PathBuf>,
}

impl Arguments {
    /// Reads the words after the program's name; the error says what is wrong and how it would be right.
    pub fn read(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut read = Self { runs: 1, ..Self::default() };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n\n{USAGE}"));
            match word.as_str() {
                "--runs" => {
                    let runs = value()?.parse().ok().filter(|runs| (1..=99).contains(runs));
                    read.runs = runs.ok_or_else(|| format!("--runs takes a number from 1 to 99\n\n{USAGE}"))?;
                }
                "--out" => read.out = Some(value()?.into()),
                "--clip" => read.clip = Some(value()?.into()),
                "--speech" => read.speech = Some(value()?.into()),
                "--trace" => read.trace = Some(value()?.into()),
                "costs" => read.costs = true,
                "leak" => read.leak = true,
                "-h" | "--help" | "help" => return Err(USAGE.into()),
                option if option.starts_with('-') => return Err(format!("there is no {option}\n\n{USAGE}")),
                row => read.rows.push(row.into()),
            }
        }
        Ok(read)
    }
}
