//! `export`, `import`, `wipe`: what is kept of a profile, and what is not.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zeroize::Zeroizing;

use super::Account;
use super::output::{Output, remark};
use super::passphrase::of_backup;
use crate::contacts::{Backup, Profile};
use crate::identity::Identity;

/// Writes the key and the contacts to `file`.
pub fn export(account: &Account, file: &Path, passphrase: Option<&Zeroizing<String>>, output: Output) -> Result<()> {
    let profile = account.own()?;
    let contacts = profile.store().context("the profile is locked")?.contacts()?;
    let backup = Backup { identity: Identity::from_secret(&profile.identity.secret()), name: profile.name.clone(), contacts };
    backup.write(file, &of_backup(passphrase, "A passphrase for the backup")?)?;
    let text = format!("The backup was written to {}. Keep it away from this computer.", file.display());
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
    Backup::check(file)?;
    let backup = Backup::read(file, &of_backup(passphrase, "The passphrase of the backup")?)?;
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
