//! What is kept of a profile, and what is not, from the command line.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Runs `vesper` for the profile in `folder` until it ends by itself.
fn vesper(folder: &Path, environment: &[(&str, &OsStr)], arguments: &[&str]) -> (Output, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vesper"));
    command.arg("--profile").arg(folder).arg("--json").args(arguments).env("HOME", folder.parent().unwrap());
    command.env_remove("VESPER_PASSPHRASE").env_remove("VESPER_BACKUP_PASSPHRASE").envs(environment.iter().copied());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let lines = String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output, lines)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_identity_is_exported_wiped_and_imported_and_is_the_same_one() {
    let home = tempfile::tempdir().unwrap();
    let (folder, file) = (home.path().join("ana"), home.path().join("ana.backup"));
    let backup = file.to_str().unwrap();
    let secret: [(&str, &OsStr); 1] = [("VESPER_BACKUP_PASSPHRASE", OsStr::new("of the backup"))];
    let (_, id) = vesper(&folder, &[], &["--name", "Ana", "id"]);
    let key = id[0]["key"].clone();

    let (refused, _) = vesper(&folder, &[], &["export", backup]);
    assert!(!refused.status.success() && said(&refused).contains("needs a passphrase"), "{refused:?}");
    let (exported, _) = vesper(&folder, &secret, &["export", backup]);
    assert!(exported.status.success(), "{exported:?}");
    let bytes = std::fs::read(&file).unwrap();
    let (again, _) = vesper(&folder, &secret, &["export", backup]);
    assert!(!again.status.success() && said(&again).contains("left as it is"), "{again:?}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    let (taken, _) = vesper(&folder, &secret, &["import", backup]);
    assert!(!taken.status.success() && said(&taken).contains("already"), "{taken:?}");

    let (unsure, _) = vesper(&folder, &[], &["wipe"]);
    assert!(!unsure.status.success() && folder.exists(), "{unsure:?}");
    let (wiped, _) = vesper(&folder, &[], &["wipe", "--yes"]);
    assert!(wiped.status.success() && !folder.exists(), "{wiped:?}");

    let wrong: [(&str, &OsStr); 1] = [("VESPER_BACKUP_PASSPHRASE", OsStr::new("another"))];
    let (refused, _) = vesper(&folder, &wrong, &["import", backup]);
    assert!(!refused.status.success() && said(&refused).contains("not the passphrase of the backup"), "{refused:?}");
    assert!(!folder.exists(), "nothing is made of a backup that does not open");
    let (imported, lines) = vesper(&folder, &secret, &["import", backup]);
    assert!(imported.status.success(), "{imported:?}");
    assert_eq!(lines[0]["key"], key);
    assert_eq!(vesper(&folder, &[], &["id"]).1[0]["key"], key);
}

#[test]
fn a_passphrase_that_is_no_text_is_an_error_and_not_taken_for_none() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("ana");
    let broken: [(&str, &OsStr); 1] = [("VESPER_PASSPHRASE", OsStr::from_bytes(b"caf\xe9"))];
    let (refused, _) = vesper(&folder, &broken, &["--name", "Ana", "id"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(said(&refused).contains("VESPER_PASSPHRASE is not UTF-8"), "{refused:?}");
    assert!(!folder.exists(), "no profile is made open that was meant to be sealed");
}

#[test]
fn a_safety_number_is_printed_and_a_contact_marked_only_when_it_is_said_to_match() {
    use vesper::contacts::{Contact, PairSecret, Profile};
    use vesper::identity::{Identity, SafetyNumber};
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("ana");
    let profile = Profile::create(&folder, "Ana", None).unwrap();
    let bo = Contact::new(Identity::generate().public(), Some("Bo"), "Bo", PairSecret::generate(), vec![], 0);
    profile.store().unwrap().put_contact(&bo).unwrap();
    let number = SafetyNumber::between(&profile.identity.public(), &bo.key).digits();
    drop(profile);
    let verified = || Profile::open(&folder, None).unwrap().store().unwrap().contacts().unwrap()[0].verified.is_some();
    let (_, printed) = vesper(&folder, &[], &["contacts", "verify", "Bo"]);
    assert_eq!((printed[0]["number"].as_str(), printed[0]["verified"].as_bool()), (Some(number.as_str()), Some(false)));
    assert!(!verified());
    vesper(&folder, &[], &["contacts", "verify", "Bo", "--matches"]);
    assert!(verified());
    vesper(&folder, &[], &["contacts", "verify", "Bo", "--undo"]);
    assert!(!verified());
}
