//! `export`, `import`, `wipe`: what is kept of a profile, and what is not.

use std::io::{BufRead, IsTerminal, stdin};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::json;
use zeroize::Zeroizing;

use super::Account;
use super::output::{Output, remark};
use crate::contacts::{Backup, Profile};
use crate::identity::Identity;

/// The longest passphrase that is read from standard input, in bytes.
const LONGEST: u64 = 4096;

/// Writes the key and the contacts to `file`.
pub fn export(account: &Account, file: &Path, passphrase: Option<&Zeroizing<String>>, output: Output) -> Result<()> {
    let profile = account.own()?;
    let contacts = profile.store().context("the profile is locked")?.contacts()?;
    let backup = Backup { identity: Identity::from_secret(&profile.identity.secret()), name: profile.name.clone(), contacts };
    backup.write(file, &ask(passphrase, "A passphrase for the backup")?)?;
    let text = format!("The backup is written: {}. Keep it apart from this computer.", file.display());
    output.both(&json!({"event": "exported", "file": file.display().to_string(), "contacts": backup.contacts.len()}), &text);
    Ok(())
}

/// Makes a profile of the backup in `file`.
pub fn import(account: &Account, file: &Path, passphrase: Option<&Zeroizing<String>>, output: Output) -> Result<()> {
    let directory = account.directory()?;
    if Profile::exists(&directory) {
        bail!(
            "there is a profile in {} already, and it was left as it is; choose another one with --profile",
            directory.display()
        );
    }
    let backup = Backup::read(file, &ask(passphrase, "The passphrase of the backup")?)?;
    let contacts = backup.contacts.len();
    let seal = account.passphrase.as_ref().map(|passphrase| passphrase.as_str());
    let profile = backup.restore(&directory, seal)?;
    if seal.is_none() {
        remark("the restored profile is not sealed with a passphrase; set VESPER_PASSPHRASE to seal one");
    }
    let (name, key) = (&profile.name, profile.identity.public().to_string());
    let text = format!("{name} is back, with {contacts} contacts. Use this identity on one computer at a time.");
    output.both(&json!({"event": "imported", "name": name, "key": key, "contacts": contacts}), &text);
    Ok(())
}

/// Removes everything of the profile.
pub fn wipe(account: &Account, yes: bool, output: Output) -> Result<()> {
    let directory = account.directory()?;
    if !Profile::exists(&directory) {
        bail!("there is no profile in {}", directory.display());
    }
    if !yes {
        bail!(
            "this removes the key, the contacts and everything else of {} for good; say --yes if that is meant",
            directory.display()
        );
    }
    // Without its passphrase, too: whoever can delete the files needs none.
    Profile::wipe_unless_in_use(&directory)?;
    let text = format!("Everything of the profile {} is removed from this computer.", directory.display());
    output.both(&json!({"event": "wiped", "profile": directory.display().to_string()}), &text);
    Ok(())
}

/// The passphrase from the environment, or a line from standard input, which a terminal does not show.
fn ask(given: Option<&Zeroizing<String>>, what: &str) -> Result<Zeroizing<String>> {
    if let Some(given) = given {
        return Ok(given.clone());
    }
    let terminal = stdin().is_terminal();
    if terminal {
        remark(&format!("{what}:"));
        echo(false);
    }
    let mut line = Zeroizing::new(String::new());
    let read = std::io::Read::take(stdin().lock(), LONGEST).read_line(&mut line);
    if terminal {
        echo(true);
    }
    read.context("the passphrase could not be read; set VESPER_BACKUP_PASSPHRASE instead")?;
    let passphrase = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if passphrase.is_empty() {
        bail!("a backup needs a passphrase: set VESPER_BACKUP_PASSPHRASE, or write it on standard input");
    }
    Ok(passphrase)
}

/// Lets the terminal show what is written, or not. One that cannot be told shows it.
fn echo(on: bool) {
    let flag = if on { "echo" } else { "-echo" };
    let _ = Command::new("stty").arg(flag).stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
