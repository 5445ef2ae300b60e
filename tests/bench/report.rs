//! What came out of the rows: the table that is printed, and the JSON of every run.

use serde_json::{Value, json};

use crate::rows::{Must, Row, Wanted};
use crate::score::Outcome;

/// A row and its runs; one that failed says why.
pub struct Measured {
    pub row: Row,
    pub runs: Vec<Result<Outcome, String>>,
}

/// Where and with what it was measured, for the page and the JSON.
pub struct Setting {
    pub program: String,
    pub clip: String,
    pub speech: String,
    pub machine: String,
    /// Unix seconds.
    pub at: u64,
}

/// One line of the table, in words.
pub struct Cells {
    pub row: &'static str,
    pub figure: &'static str,
    pub today: String,
    pub must: String,
    /// Yes, no, or nothing where there is no limit or no figure.
    pub holds: Option<bool>,
}

impl Measured {
    /// The median of a figure over the runs that have it.
    pub fn median(&self, wanted: Wanted) -> Option<f64> {
        let done = self.runs.iter().filter_map(|run| run.as_ref().ok());
        let mut values: Vec<f64> = done.filter_map(|outcome| outcome.figures.get(&wanted.figure).copied()).collect();
        values.sort_by(f64::total_cmp);
        let upper = *values.get(values.len() / 2)?;
        Some(if values.len() % 2 == 1 { upper } else { (upper + values[values.len() / 2 - 1]) / 2.0 })
    }

    /// Its lines of the table.
    pub fn cells(&self) -> Vec<Cells> {
        let line = |wanted: &Wanted| {
            let value = self.median(*wanted);
            let must = match wanted.must {
                Must::AtMost(most) => format!("≤ {}", wanted.figure.print(most)),
                Must::AtLeast(least) => format!("≥ {}", wanted.figure.print(least)),
                Must::Told => String::new(),
            };
            Cells {
                row: self.row.name,
                figure: wanted.figure.about().1,
                today: value.map_or_else(|| "not measured".into(), |value| wanted.figure.print(value)),
                must,
                holds: value.and_then(|value| wanted.must.holds(value)),
            }
        };
        self.row.wanted.iter().map(line).collect()
    }

    fn to_json(&self) -> Value {
        let figures = self.row.wanted.iter().map(|wanted| {
            let median = self.median(*wanted);
            let (at_most, at_least) = match wanted.must {
                Must::AtMost(most) => (Some(most), None),
                Must::AtLeast(least) => (None, Some(least)),
                Must::Told => (None, None),
            };
            let holds = median.and_then(|median| wanted.must.holds(median));
            json!({"figure": wanted.figure.key(), "median": median, "at_most": at_most, "at_least": at_least, "holds": holds})
        });
        let runs = self.runs.iter().map(|run| match run {
            Ok(outcome) => json!(outcome),
            Err(why) => json!({"failed": why}),
        });
        json!({
            "row": self.row.name,
            "link": self.row.about,
            "seconds": self.row.seconds,
            "figures": figures.collect::<Vec<_>>(),
            "runs": runs.collect::<Vec<_>>(),
        })
    }
}

impl Cells {
    pub fn verdict(&self) -> &'static str {
        match self.holds {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        }
    }
}

/// The table as text, its columns as wide as they have to be.
pub fn table(measured: &[Measured]) -> String {
    let head = ["row", "figure", "today", "must reach", "ok?"].map(String::from);
    let body = measured.iter().flat_map(Measured::cells);
    let lines: Vec<[String; 5]> = [head]
        .into_iter()
        .chain(body.map(|cells| {
            [cells.row.into(), cells.figure.into(), cells.today.clone(), cells.must.clone(), cells.verdict().into()]
        }))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let again = number > 1 && lines[number - 1][0] == line[0];
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let cell = if column == 0 && again { "" } else { cell.as_str() };
            text += &format!("{cell:width$}{}", if column < 4 { " | " } else { "" });
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Every run with all its figures and what they were over time.
pub fn json(setting: &Setting, measured: &[Measured]) -> Value {
    json!({
        "unix_s": setting.at,
        "program": setting.program,
        "machine": setting.machine,
        "clip": setting.clip,
        "speech": setting.speech,
        "rows": measured.iter().map(Measured::to_json).collect::<Vec<_>>(),
    })
}
