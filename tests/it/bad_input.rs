//! What goes wrong in front of the program: each mistake is one sentence and an exit code, and nothing is lost or hangs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use vesper::contacts::OpenInvitation;

use crate::lab::vesper::{Ended, Vesper, terminate};

/// A folder with a profile in it, and room for files.
struct Place {
    folder: tempfile::TempDir,
    profile: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("me");
        let place = Self { folder, profile };
        assert_eq!(place.run(&["--name", "me", "id"]).code, Some(0));
        place
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Vesper::start(None, &self.profile, arguments).end()
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// It did not happen, and one line says why: without a call, a panic, or anything that only its makers understand.
fn refused(ended: &Ended, why: &str) {
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let complaints: Vec<&str> = ended.errors.lines().filter(|line| line.starts_with("vesper: ")).collect();
    assert!(complaints.len() == 1 && complaints[0].contains(why), "expected \"{why}\": {ended:#?}");
    assert!(!ended.saw("ringing") && !ended.errors.contains("panicked"), "{ended:#?}");
}

#[test]
fn a_wrong_picture_or_sound_file_is_refused_before_anybody_is_called() {
    let place = Place::new();
    let cut = place.file("cut.y4m", b"YUV4MPEG2 W64 H64 F30:1 Ip C420jpeg\nFRAME\nonly the beginning");
    let empty = place.file("empty", b"");
    let junk = place.file("junk", b"RIFF is how it begins, and nothing follows");
    let folder = place.folder.path().to_str().unwrap();
    let wrong = [
        ("--camera", "/nowhere.y4m", "cannot be read"),
        ("--camera", folder, "cannot be read"),
        ("--camera", &empty, "not a Y4M file"),
        ("--camera", &junk, "not a Y4M file"),
        ("--camera", &cut, "no whole picture"),
        ("--mic", "/nowhere.wav", "cannot be opened"),
        ("--mic", folder, "cannot be opened"),
        ("--mic", &empty, "not a WAV file"),
        ("--mic", &junk, "not a WAV file"),
    ];
    for (option, path, why) in wrong {
        refused(&place.run(&["call", "Echo", option, &format!("file:{path}")]), why);
    }
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anybody_is_called() {
    let place = Place::new();
    let folder = place.folder.path().to_str().unwrap();
    for option in ["--stats", "--trace", "--record-video", "--record-audio"] {
        for path in ["/nowhere/at/all", folder] {
            refused(&place.run(&["call", "Echo", option, path]), "cannot be written");
        }
    }
    refused(&place.run(&["call", "Echo", "--speaker", "file:/nowhere/at/all.wav"]), "cannot be written");
}

#[test]
fn values_that_mean_nothing_are_wrong_usage() {
    let wrong: [&[&str]; 17] = [
        &["--camera", "none", "answer"],
        &["answer", "--auto="],
        &["check", "--seconds", "0"],
        &["check", "--camera", ""],
        &["check", "--seconds", "nan"],
        &["check", "--seconds", "1e300"],
        &["check", "--seconds=-1"],
        &["check", "--fps", "0"],
        &["check", "--size", "12"],
        &["check", "--camera", "file:"],
        &["answer", "--relay", "nonsense"],
        &["answer", "--ice-server", "nonsense"],
        &["answer", "--bind", "here"],
        &["answer", "--policy", "maybe"],
        &["call", "Echo", "--max-kbps", "0"],
        &["add", "vesper:x", "--timeout", "soon"],
        &["invite", "--expires", "later"],
    ];
    for arguments in wrong {
        let output = Command::new(env!("CARGO_BIN_EXE_vesper")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?} is explained: {output:?}");
    }
}

#[test]
fn who_can_reach_nobody_is_told_at_once_and_can_still_call_echo() {
    let place = Place::new();
    // RFC 5737: an address that no computer has; and one that every computer has for itself.
    for network in [["--policy", "hide"], ["--bind", "203.0.113.9"], ["--bind", "127.0.0.1"]] {
        for command in ["answer", "invite"] {
            refused(&place.run(&[&[command], &network[..]].concat()), "Offline: ");
        }
    }
    let echo = ["call", "Echo", "--camera", "test", "--mic", "tone", "--speaker", "none", "--seconds", "0.5", "--policy", "hide"];
    let ended = place.run(&echo);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn an_invitation_that_cannot_be_used_is_refused_in_words() {
    let place = Place::new();
    let expired = OpenInvitation::new("Ann", Vec::new(), "no. 1", true, 1_000, 2_000).invitation.encode();
    let mine = place.run(&["invite"]).events[0]["invitation"].as_str().expect("it is printed").to_owned();
    let mut mistyped = mine.clone();
    let last = if mistyped.pop() == Some('a') { 'b' } else { 'a' };
    mistyped.push(last);
    let wrong = [
        ("", "not an invitation"),
        ("https://example.org", "not an invitation"),
        ("vesper:", "cut off"),
        (&mistyped, "mistyped"),
        (&expired, "expired"),
        (&mine, "your own invitation"),
    ];
    for (invitation, why) in wrong {
        let ended = place.run(&["add", invitation]);
        refused(&ended, why);
    }
    assert!(place.run(&["contacts"]).events.is_empty());
}

#[test]
fn a_sealed_profile_opens_with_its_passphrase_only_and_never_asks_a_script() {
    let place = Place::new();
    let sealed = place.folder.path().join("sealed");
    let with = |passphrase: &str| Vesper::start_with(None, &sealed, &[("VESPER_PASSPHRASE", passphrase)], ["id"]).end();
    let key = |ended: &Ended| ended.events[0]["key"].as_str().map(str::to_owned);
    let made = with("correct horse");
    assert_eq!((made.code, made.errors.as_str()), (Some(0), ""), "nothing to remark on: {made:#?}");
    refused(&Vesper::start(None, &sealed, ["id"]).end(), "VESPER_PASSPHRASE");
    refused(&with("wrong horse"), "not the profile's passphrase");
    assert_eq!(key(&with("correct horse")), key(&made));
}

#[test]
fn a_damaged_profile_is_refused_and_left_as_it_is() {
    let damages: [fn(&mut Vec<u8>); 3] =
        [|file| file.truncate(60), Vec::clear, |file| file.iter_mut().for_each(|byte| *byte ^= 1)];
    for name in ["vault", "contacts.redb"] {
        for damage in damages {
            let place = Place::new();
            let path = place.profile.join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            damage(&mut bytes);
            std::fs::write(&path, &bytes).unwrap();
            for command in ["id", "contacts", "answer"] {
                refused(&place.run(&[command]), if bytes.is_empty() && name != "vault" { "backup" } else { "left as it is" });
            }
            assert!(std::fs::read(&path).unwrap() == bytes, "{name} was changed");
        }
    }
}

#[test]
fn a_camera_that_is_not_there_is_named_and_the_call_goes_on_without() {
    let place = Place::new();
    let camera = ["--camera", "No such camera"];
    let ended = place.run(&[&["call", "Echo", "--mic", "tone", "--speaker", "none", "--seconds", "1"], &camera[..]].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let warned =
        |line: &serde_json::Value| line["event"] == "warning" && line["text"].as_str().is_some_and(|text| text.contains("amera"));
    assert!(ended.events.iter().any(warned), "{ended:#?}");
    assert!(ended.saw("first_audio"), "{ended:#?}");
}

#[test]
fn a_check_of_a_device_that_is_not_there_fails_and_names_it() {
    let place = Place::new();
    for (option, kind) in [("--camera", "camera"), ("--mic", "microphone"), ("--speaker", "speaker")] {
        let made_up = ["check", "--seconds", "1", "--camera", "test", "--mic", "tone", "--speaker", "none"];
        let given = made_up.iter().position(|word| *word == option).unwrap();
        let mut words = made_up;
        words[given + 1] = "No such device";
        refused(&place.run(&words), &format!("there is no {kind} called \"No such device\""));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_call_whose_recording_stopped_for_want_of_space_says_so_and_has_not_done_what_was_asked() {
    let place = Place::new();
    for option in ["--stats", "--trace"] {
        let call = ["call", "Echo", "--camera", "test", "--mic", "tone", "--speaker", "none", "--seconds", "2.5"];
        let ended = place.run(&[&call[..], &[option, "/dev/full"]].concat());
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        assert!(ended.events.iter().any(|line| line["what"] == "file_lost"), "{ended:#?}");
        assert!(ended.errors.contains("choose another file"), "{ended:#?}");
        assert!(ended.saw("first_audio") && ended.saw("report"), "the call goes on: {ended:#?}");
    }
}

#[test]
fn what_was_recorded_is_whole_when_the_process_ends() {
    let place = Place::new();
    let path = |name: &str| place.folder.path().join(name).to_str().unwrap().to_owned();
    let (video, audio, trace) = (path("v.y4m"), path("a.wav"), path("t.csv"));
    let call =
        ["call", "Echo", "--camera", "test", "--mic", "tone", "--speaker", "none", "--seconds", "1.2", "--size", "320x180"];
    let files = ["--record-video", &video, "--record-audio", &audio, "--trace", &trace];
    let ended = place.run(&[&call[..], &files].concat());
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let sound = std::fs::read(audio).unwrap();
    let said = u32::from_le_bytes(sound[4..8].try_into().unwrap()) as usize + 8;
    assert_eq!(said, sound.len(), "the header knows of every sample");
    let pictures = std::fs::read(video).unwrap();
    let header = pictures.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!((pictures.len() - header) % (6 + 320 * 180 * 3 / 2), 0, "the last picture is whole");
    assert!(std::fs::read_to_string(trace).unwrap().ends_with('\n'), "the last line is whole");
}

#[test]
fn a_profile_too_deep_for_a_socket_works_but_for_other_commands() {
    let place = Place::new();
    let deep = place.folder.path().join("d".repeat(120));
    let ended = Vesper::start(None, &deep, ["invite"]).end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.saw("invitation") && ended.errors.contains("other commands cannot use this profile"), "{ended:#?}");
}

#[test]
fn what_cannot_be_found_is_said_by_name() {
    let place = Place::new();
    let me = place.run(&["id"]).events[0]["key"].as_str().expect("`id` prints the key").to_owned();
    for nobody in ["nobody", &me, ""] {
        refused(&place.run(&["call", nobody]), "there is no contact");
        refused(&place.run(&["contacts", "rename", nobody, "somebody"]), "there is no contact");
        refused(&place.run(&["contacts", "accept", nobody]), "there is no request");
        refused(&place.run(&["contacts", "refuse", nobody]), "there is no request");
        refused(&place.run(&["contacts", "unblock", nobody]), "there is no contact");
    }
    refused(&place.run(&["contacts", "remove", "Echo"]), "built in");
    refused(&Vesper::start(None, &place.folder.path().join("nowhere"), ["contacts"]).end(), "there is no profile");
    refused(&Vesper::start(None, Path::new("/proc/nowhere"), ["id"]).end(), "cannot be used");
}

#[test]
fn other_commands_go_through_the_process_that_has_the_profile_and_rubbish_does_not_stop_it() {
    let place = Place::new();
    let mut answering = Vesper::start(None, &place.profile, ["answer"]);
    answering.say("accept everything, please");
    answering.say("\u{0}\u{7f}");
    answering.say("accept video");
    answering.say("hangup");
    let made = once_served(&place, &["invite"]);
    assert!(made.saw("invitation"), "{made:#?}");
    answering.wait("invitation");
    for command in [&["contacts"][..], &["id"]] {
        assert_eq!(place.run(command).code, Some(0));
    }
    refused(&place.run(&["contacts", "block", "nobody"]), "there is no contact");
    refused(&place.run(&["check", "--seconds", "1"]), "this profile is in use by another Vesper");
    answering.terminate();
    let ended = answering.end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.errors.contains("is none of"), "{ended:#?}");
    assert!(!ended.errors.contains("panicked"), "{ended:#?}");
}

#[test]
fn a_process_whose_output_nobody_reads_any_more_goes_on_and_ends_in_order() {
    let place = Place::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vesper"));
    command.arg("--profile").arg(&place.profile).args(["--json", "answer", "--auto"]);
    let mut answering =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program can be started");
    drop((answering.stdout.take(), answering.stderr.take()));
    std::io::Write::write_all(answering.stdin.as_mut().expect("it is piped"), b"rubbish\n").unwrap();
    assert_eq!(once_served(&place, &["invite"]).code, Some(0));
    terminate(&answering);
    assert_eq!(answering.wait().unwrap().code(), Some(0));
}

#[test]
fn devices_are_listed_line_by_line_whatever_there_is() {
    let place = Place::new();
    let ended = place.run(&["devices"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let kinds = ["camera", "microphone", "speaker"];
    assert!(ended.events.iter().all(|line| kinds.iter().any(|kind| line["device"] == *kind)), "{ended:#?}");
}

/// Asks once the process that has the profile listens.
fn once_served(place: &Place, command: &[&str]) -> Ended {
    while !place.profile.join("control.sock").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    place.run(command)
}
