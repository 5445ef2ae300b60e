//! Passphrases that a person types.

use std::io::{BufRead, IsTerminal, Read, stdin};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use zeroize::Zeroizing;

use super::output::remark;

/// The longest passphrase that is read from standard input, in bytes.
const LONGEST: u64 = 4096;

/// The passphrase of a backup: from the environment, or a line from standard input.
pub fn of_backup(given: Option<&Zeroizing<String>>, what: &str) -> Result<Zeroizing<String>> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let passphrase = read(what).context("the passphrase could not be read; set VESPER_BACKUP_PASSPHRASE instead")?;
    if passphrase.is_empty() {
        bail!("a backup needs a passphrase: set VESPER_BACKUP_PASSPHRASE, or write it on standard input");
    }
    Ok(passphrase)
}

/// The passphrase of a sealed profile, if somebody is there to type it: standard input of a script is for commands.
pub fn of_profile() -> Option<Zeroizing<String>> {
    if !stdin().is_terminal() {
        return None;
    }
    read("The passphrase of this profile").ok().filter(|passphrase| !passphrase.is_empty())
}

/// A line from standard input, which a terminal does not show.
fn read(what: &str) -> std::io::Result<Zeroizing<String>> {
    let terminal = stdin().is_terminal();
    if terminal {
        remark(&format!("{what}:"));
        echo(false);
    }
    let mut line = Zeroizing::new(String::new());
    let read = stdin().lock().take(LONGEST).read_line(&mut line);
    if terminal {
        echo(true);
    }
    read?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Lets the terminal show what is written, or not. One that cannot be told shows it.
fn echo(on: bool) {
    let flag = if on { "echo" } else { "-echo" };
    let _ = Command::new("stty").arg(flag).stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
