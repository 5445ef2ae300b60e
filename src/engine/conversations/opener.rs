//! Hands a link that a person chose to open to the system.

use std::process::Stdio;

use anyhow::{Result, bail};
use tokio::process::Command;

use crate::conversation::links;

/// The program of this system that opens links, and what stands before the link.
#[cfg(target_os = "linux")]
const OPENER: (&str, &[&str]) = ("xdg-open", &[]);
#[cfg(target_os = "macos")]
const OPENER: (&str, &[&str]) = ("open", &[]);
#[cfg(windows)]
const OPENER: (&str, &[&str]) = ("rundll32", &["url.dll,FileProtocolHandler"]);

/// Opens `url` in the browser. Only what [`links::host`] takes for a link is handed over, so never a file or an option.
pub fn open(url: &str) -> Result<()> {
    if links::host(url).is_none() {
        bail!("this is no link that can be opened; copy it and look at it first");
    }
    let (program, before) = OPENER;
    let started =
        Command::new(program).args(before).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match started {
        Ok(mut child) => {
            // Only so that it leaves no trace in the table of processes.
            tokio::spawn(async move { child.wait().await });
            Ok(())
        }
        Err(_) => bail!("no program here opens links ({program} is missing); copy the link and open it in a browser"),
    }
}

#[cfg(test)]
mod tests {
    use super::open;

    #[test]
    fn what_is_no_link_is_handed_to_nobody() {
        for url in ["file:///etc/passwd", "--help", "/bin/sh", "javascript:alert(1)", ""] {
            assert!(open(url).is_err(), "{url}");
        }
    }
}
