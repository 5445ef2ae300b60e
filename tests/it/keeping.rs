//! What is kept of a profile, and what is not, from the command line.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use vesper::engine::request::Request;

use crate::lab::vesper::Vesper;

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

#[test]
fn what_was_written_with_somebody_who_is_removed_is_gone_also_when_they_are_a_contact_again() {
    use vesper::contacts::{Contact, PairSecret, Profile};
    use vesper::identity::Identity;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("ana");
    let bo = Contact::new(Identity::generate().public(), Some("Bo"), "Bo", PairSecret::generate(), vec![], 0);
    let add = |profile: Profile| profile.store().unwrap().put_contact(&bo).unwrap();
    let written = || vesper(&folder, &[], &["messages", "Bo"]).1.len();
    add(Profile::create(&folder, "Ana", None).unwrap());
    vesper(&folder, &[], &["message", "Bo", "between us"]);
    vesper(&folder, &[], &["contacts", "block", "Bo"]);
    assert_eq!(written(), 1, "what was written with somebody blocked stays");
    for ends in ["unblock", "remove"] {
        let (ended, _) = vesper(&folder, &[], &["contacts", ends, "Bo"]);
        assert!(ended.status.success(), "{ended:?}");
        add(Profile::open(&folder, None).unwrap());
        assert_eq!(written(), 0, "{ends}");
        vesper(&folder, &[], &["message", "Bo", "anew"]);
        assert_eq!(written(), 1);
    }
}

/// Tells [`the_other_user`] which socket to try.
const SOCKET: &str = "VESPER_TEST_SOCKET";
/// A user that every system has and that owns nothing.
const NOBODY: u32 = 65534;

#[test]
fn nobody_else_on_this_computer_can_ask_the_process_that_has_the_profile() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("ana");
    vesper(&folder, &[], &["--name", "Ana", "id"]);
    let mut owner = Vesper::start(None, &folder, ["invite", "--wait"]);
    owner.wait("invitation");
    let socket = folder.join("control.sock");
    // Even where the folder and the socket are open to all.
    for (path, mode) in [(home.path(), 0o755), (&folder, 0o755), (&socket, 0o777)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let ask = |user: Option<u32>| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "keeping::the_other_user", "--nocapture"]).env(SOCKET, &socket);
        user.map(|user| command.uid(user));
        command.output().map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert!(ask(None).unwrap().contains("answer: {"));
    match ask(Some(NOBODY)) {
        Ok(said) => assert!(said.contains("answer: nothing"), "{said}"),
        // Who is not root cannot be somebody else, and the tests may lie where nobody else can start them.
        Err(error) => eprintln!("skipped: no other user can ask here: {error}"),
    }
    owner.terminate();
    owner.end();
}

/// What another user of this computer does, as a process. On its own it has nobody to ask.
#[test]
fn the_other_user() {
    let Ok(socket) = std::env::var(SOCKET) else { return };
    let mut stream = UnixStream::connect(socket).expect("the socket is open to all");
    // Whoever is not heard may find that nobody reads.
    let _ = writeln!(stream, "{}", serde_json::to_string(&Request::List).unwrap());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    println!("answer: {}", if answer.is_empty() { "nothing" } else { &answer });
}
