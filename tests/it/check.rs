//! The program on one computer: a call to Echo through the real stack, and what it says when it is used wrongly.

use std::process::Command;

use crate::lab::vesper::{Ended, Vesper};

#[test]
fn a_check_sends_picture_and_sound_to_echo_and_gets_them_back() {
    let ended = check(&["--camera", "test", "--mic", "tone"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(ended.saw("first_video") && ended.saw("first_audio"), "{ended:#?}");
    let report = ended.report();
    assert_eq!((&report["ended"], &report["role"]), (&"hangup".into(), &"caller".into()));
    assert_eq!((&report["sealed"]["rejected"], &report["sealed"]["replayed"]), (&0.into(), &0.into()));
    assert!(report["sealed"]["opened"].as_u64() > Some(0), "{report:#}");
    assert_eq!((&report["video"]["width"], &report["video"]["height"]), (&1280.into(), &720.into()));
    assert!(report["video"]["shown_fps"].as_f64() > Some(0.0), "{report:#}");
    assert!(report["audio"]["received_kbps"].as_f64() > Some(0.0), "{report:#}");
}

#[test]
fn a_check_takes_test_sources_where_there_are_no_devices() {
    // A machine for tests has no camera; one that has is checked with it.
    let ended = check(&[]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn a_trace_has_a_line_for_each_captured_and_each_shown_picture() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.csv");
    let ended = check(&["--camera", "test", "--mic", "tone", "--trace", trace.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let text = std::fs::read_to_string(trace).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("event,unix_us,marker,width,height"));
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(lines.iter().all(|line| line.len() == 5 && ["captured", "shown"].contains(&line[0])), "{text}");
    // What comes back from Echo is what was sent: each marker that was read was captured before.
    let captured: Vec<&str> = lines.iter().filter(|line| line[0] == "captured").map(|line| line[2]).collect();
    let shown: Vec<&str> = lines.iter().filter(|line| line[0] == "shown").map(|line| line[2]).filter(|m| !m.is_empty()).collect();
    assert!(!shown.is_empty(), "{text}");
    assert!(shown.iter().all(|marker| captured.contains(marker)), "{text}");
}

#[test]
fn the_same_profile_has_the_same_key_at_every_start() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("me");
    let key = || {
        let ended = Vesper::start(None, &profile, ["--name", "me", "id"]).end();
        ended.events.into_iter().find_map(|line| line["key"].as_str().map(str::to_owned)).expect("`id` prints the key")
    };
    assert_eq!(key(), key());
}

#[test]
fn every_mistake_is_one_sentence_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("me");
    let junk = folder.path().join("junk.y4m");
    std::fs::write(&junk, "this is no picture").unwrap();
    let junk = format!("file:{}", junk.display());
    let mistakes: [&[&str]; 6] = [
        &["add", "vesper:nonsense"],
        &["add", "https://example.org"],
        &["call", "nobody"],
        &["check", "--seconds", "1", "--camera", &junk],
        &["check", "--seconds", "1", "--camera", "file:/nowhere.y4m"],
        &["check", "--seconds", "1", "--mic", "file:/nowhere.wav"],
    ];
    for mistake in mistakes {
        let ended = Vesper::start(None, &profile, mistake).end();
        assert_eq!(ended.code, Some(1), "{mistake:?}: {ended:#?}");
        let complaints = ended.errors.lines().filter(|line| line.starts_with("vesper: ")).count();
        assert!(complaints >= 1 && !ended.errors.contains("panicked"), "{mistake:?}: {ended:#?}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for wrong in [&["dance"][..], &["check", "--size", "1281x720"], &["answer", "--auto", "extra"], &["call"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_vesper")).args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?} is explained");
    }
}

#[test]
fn a_second_process_on_a_profile_is_refused_in_words_or_served_by_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("me");
    let mut first = Vesper::start(None, &profile, ["--name", "me", "invite", "--wait"]);
    first.wait("invitation");
    let refused = Vesper::start(None, &profile, ["check", "--seconds", "1"]).end();
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.errors.contains("in use by another Vesper"), "{refused:#?}");
}

/// A short call to Echo from a new profile.
fn check(more: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--name", "me", "check", "--seconds", "2", "--speaker", "none"];
    Vesper::start(None, &folder.path().join("me"), arguments.iter().chain(more)).end()
}
