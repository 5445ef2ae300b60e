//! Measures calls and prints what came out: `./dev bench`. It asserts nothing; the tests do.

use std::error::Error;
use std::process::{Command, Stdio};

fn main() -> Result<(), Box<dyn Error>> {
    let vesper = std::env::var("VESPER_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_vesper").into());
    let profile = tempfile::tempdir()?;
    println!("a call to Echo over loopback, 20 s of the test picture at 1280x720 and a tone:");
    let mut check = Command::new(vesper);
    check.args(["check", "--seconds", "20", "--camera", "test", "--mic", "tone", "--speaker", "none", "--json", "--profile"]);
    check.arg(profile.path().join("bench"));
    let output = check.stderr(Stdio::inherit()).output()?;
    let lines = String::from_utf8(output.stdout)?;
    let Some(report) = lines.lines().rev().find_map(report) else {
        return Err(format!("there was no report; vesper ended with {}, after:\n{lines}", output.status).into());
    };
    println!("{report:#}");
    Ok(())
}

/// The line as JSON if it is the call report.
fn report(line: &str) -> Option<serde_json::Value> {
    serde_json::from_str::<serde_json::Value>(line).ok().filter(|value| value["event"] == "report")
}
