//! Two profiles that write to each other: over a clean link, over one that loses a tenth, and while they are killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vesper::conversation::Library;
use vesper::identity::Identity;
use zeroize::Zeroizing;

use crate::lab::cable::Quality;
use crate::lab::people::{People, Person};
use crate::lab::vesper::Vesper;
use crate::lab::{Host, Lab, skip};

/// A bound against hanging, longer than any pause of an outbox that matters here.
const PATIENCE: Duration = Duration::from_secs(150);

/// What the profile of `person` holds of its conversation with `other`, oldest first.
fn conversation(person: &Person, other: &Person) -> Vec<Value> {
    let ended = Vesper::start(None, &person.folder, ["messages", &other.key]).end();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.events
}

fn texts(lines: &[Value]) -> Vec<String> {
    lines.iter().filter_map(|line| line["text"].as_str().map(str::to_owned)).collect()
}

/// Hands a text to the process that has the profile; true if it said that the text is on its disk.
fn write(folder: &Path, to: &str, text: &str) -> bool {
    let asked = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(folder.join("control.sock"))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        writeln!(stream, "{}", json!({"Message": {"id": to, "text": text}}))?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    asked().ok().and_then(|line| serde_json::from_str::<Value>(&line).ok()).is_some_and(|reply| reply.get("Ok").is_some())
}

fn online(person: &Person, host: &Host) -> Vesper {
    Vesper::start(Some(host), &person.folder, ["answer"])
}

#[test]
fn a_text_waits_until_both_are_online_and_is_then_delivered_once() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::CLEAN), People::meet()) else { return };
    let (alice, bob) = (&people.alice, &people.bob);
    let kept = Vesper::start(None, &alice.folder, ["message", &bob.key, "see you at eight"]).end();
    assert_eq!((kept.code, kept.events[0]["state"].as_str()), (Some(0), Some("waiting")), "{kept:#?}");
    let mut bobs = online(bob, &lab.b);
    let mut alices = online(alice, &lab.a);
    let message = bobs.wait("message");
    assert_eq!((message["text"].as_str(), message["peer"].as_str()), (Some("see you at eight"), Some(alice.key.as_str())));
    assert_eq!(alices.wait("delivered")["id"], message["id"]);

    // Another process hands its text to the one that has the profile, and waits.
    let answer = Vesper::start(None, &bob.folder, ["message", &alice.key, "at nine", "--wait"]).end();
    assert_eq!(answer.code, Some(0), "{answer:#?}");
    assert_eq!(answer.events.last().unwrap()["state"], "delivered");
    assert_eq!(alices.wait("message")["text"], "at nine");
    let both = [(alice, bob), (bob, alice)].map(|(one, other)| conversation(one, other));
    assert_eq!(texts(&both[0]), ["see you at eight", "at nine"]);
    assert_eq!(texts(&both[0]), texts(&both[1]));
    assert_eq!(both[0].iter().map(|line| line["state"].as_str().unwrap()).collect::<Vec<_>>(), ["delivered", "unseen"]);
}

#[test]
fn a_text_to_nobody_one_that_is_too_long_and_one_that_nobody_fetches_are_refused_in_words() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::CLEAN), People::meet()) else { return };
    let long = "x".repeat(32 * 1024 + 1);
    let cases: [(&[&str], &str); 4] = [
        (&["message", "nobody", "hello"], "vesper contacts"),
        (&["message", &people.bob.key, &long], "32 KiB"),
        (&["message", &people.bob.key, "  "], "write something"),
        (&["message", &people.bob.key, "hello", "--wait", "--timeout", "0.5"], "both of you are online"),
    ];
    for (arguments, wanted) in cases {
        let ended = Vesper::start(Some(&lab.a), &people.alice.folder, arguments).end();
        assert_eq!(ended.code, Some(1), "{:?}", arguments[0]);
        assert!(ended.errors.contains(wanted), "{}", ended.errors);
    }
}

#[test]
fn a_text_of_32_kib_crosses_a_link_that_loses_a_tenth() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::LOSSY), People::meet()) else { return };
    let mut bobs = online(&people.bob, &lab.b);
    let long: String = (0..32 * 1024).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let sent =
        Vesper::start(Some(&lab.a), &people.alice.folder, ["message", &people.bob.key, &long, "--wait", "--timeout", "120"]);
    assert_eq!(bobs.wait("message")["text"].as_str(), Some(long.as_str()));
    let sent = sent.end();
    assert_eq!(sent.code, Some(0), "{}", sent.errors);
}

#[test]
fn what_is_written_in_a_call_and_the_call_itself_stand_in_one_conversation() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::CLEAN), People::meet()) else { return };
    let (alice, bob) = (&people.alice, &people.bob);
    let mut bobs = bob.answer(&lab.b, ["--auto", "--once"]);
    let mut alices = alice.call(&lab.a, bob, []);
    alices.wait("connected");
    alices.say("message can you hear me");
    assert_eq!(bobs.wait("message")["text"], "can you hear me");
    alices.wait("delivered");
    alices.say("hangup");
    assert_eq!(alices.end().code, Some(0));
    assert_eq!(bobs.end().code, Some(0));
    for (one, other, outgoing) in [(alice, bob, true), (bob, alice, false)] {
        let lines = conversation(one, other);
        assert_eq!(texts(&lines), ["can you hear me"]);
        let call = lines.iter().find_map(|line| line.get("call")).expect("the call is noted");
        assert_eq!((call["outgoing"].as_bool(), call["outcome"].as_str()), (Some(outgoing), Some("talked")));
    }
}

#[test]
fn a_missed_call_stands_in_the_conversation_of_who_missed_it() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::CLEAN), People::meet()) else { return };
    let (alice, bob) = (&people.alice, &people.bob);
    let mut bobs = online(bob, &lab.b);
    let mut alices = alice.call(&lab.a, bob, ["--audio-only"]);
    bobs.wait("incoming");
    alices.say("hangup");
    bobs.wait("missed");
    alices.end();
    drop(bobs);
    let missed = &conversation(bob, alice)[0];
    assert_eq!((missed["call"]["outcome"].as_str(), missed["call"]["media"].as_str()), (Some("missed"), Some("audio")));
    assert_eq!(missed["state"], "unseen");
    assert_eq!(conversation(alice, bob)[0]["call"]["outcome"], "unanswered");
}

/// How often either process is killed, by default, and where the moments of that begin. A long run can be made in pieces, each
/// with moments of its own.
const KILLS: u64 = 20;
const MOMENTS: u64 = 0x5eed;

/// A number from the environment, for who wants more than a test run has time for.
fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn killed_at_random_over_a_lossy_link_two_profiles_lose_nothing_double_nothing_and_agree_on_the_order() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::LOSSY), People::meet()) else { return };
    let sides = [(&people.alice, &lab.a, &people.bob), (&people.bob, &lab.b, &people.alice)];
    let mut running: Vec<_> = sides.iter().map(|(person, host, _)| online(person, host)).collect();
    sides.iter().for_each(|(person, ..)| wait_for_socket(person));
    let kills = number_of("VESPER_KILLS").unwrap_or(KILLS);
    let (stop, mut dice) = (AtomicBool::new(false), number_of("VESPER_KILLS_FROM").unwrap_or(MOMENTS));
    let written: [BTreeSet<String>; 2] = thread::scope(|scope| {
        let writers = sides.map(|(person, _, other)| {
            let stop = &stop;
            scope.spawn(move || {
                let mut kept = BTreeSet::new();
                for number in 0u32.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let text = format!("{} {number}", &person.key[..8]);
                    if write(&person.folder, &other.key, &text) {
                        kept.insert(text);
                    }
                    // A person would type slower; this is fast enough to be under way at every kill.
                    thread::park_timeout(Duration::from_millis(40));
                }
                kept
            })
        });
        for _ in 0..kills {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            thread::park_timeout(Duration::from_millis(50 + (dice >> 33) % 1500));
            let side = (dice >> 62) as usize % 2;
            let (person, host, _) = sides[side];
            running.remove(side).kill();
            running.insert(side, online(person, host));
            wait_for_socket(person);
        }
        stop.store(true, Ordering::SeqCst);
        writers.map(|writer| writer.join().unwrap())
    });
    let deadline = Instant::now() + PATIENCE;
    let [ours, theirs] = loop {
        let both = sides.map(|(person, _, other)| conversation(person, other));
        let waiting = both.iter().flatten().filter(|line| line["state"] == "waiting").count();
        if waiting == 0 {
            // What the first had not received yet when it was asked is there now, for nobody writes any more.
            break sides.map(|(person, _, other)| conversation(person, other));
        }
        assert!(Instant::now() < deadline, "{waiting} texts still wait");
        thread::park_timeout(Duration::from_millis(500));
    };
    let (ours, theirs) = (texts(&ours), texts(&theirs));
    assert_eq!(ours, theirs, "the same texts in the same order");
    let once: BTreeSet<_> = ours.iter().cloned().collect();
    assert_eq!(once.len(), ours.len(), "nothing is there twice");
    let lost: Vec<_> = written.iter().flatten().filter(|text| !once.contains(*text)).collect();
    assert_eq!(lost, [""; 0], "whatever was on the disk has arrived");
    println!("{kills} kills, {} texts", ours.len());
}

/// Until the process answers on its socket; a text before that would only be refused.
fn wait_for_socket(person: &Person) {
    let deadline = Instant::now() + PATIENCE;
    while UnixStream::connect(person.folder.join("control.sock")).is_err() {
        assert!(Instant::now() < deadline, "the process does not answer");
        thread::park_timeout(Duration::from_millis(20));
    }
}

/// A small disk of its own, in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", "size=4m", "vesper"], folder.path());
        if !mounted {
            skip("it needs root to mount a small disk of its own");
        }
        mounted.then_some(Self(folder))
    }

    fn grow(&self) {
        assert!(mount(&["-o", "remount,size=64m"], self.0.path()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mounted = Command::new("mount").args(arguments).arg(at).stderr(Stdio::null()).status();
    mounted.is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_says_so_and_loses_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let person = |number: u8| Identity::from_secret(&[number; 32]).public();
    let (me, bo, key) = (person(1), person(2), Zeroizing::new([3; 32]));
    let mut library = Library::open(disk.0.path(), &key, me).unwrap();
    let body = |n: u32| format!("{n} {}", "x".repeat(8000));
    let mut kept = Vec::new();
    let error = loop {
        match library.write(bo, &body(kept.len() as u32), 1) {
            Ok(_) => kept.push(body(kept.len() as u32)),
            Err(error) => break error.to_string(),
        }
        assert!(kept.len() < 2000, "the disk never fills");
    };
    assert!(error.contains("the disk is full"), "{error}");
    assert!(library.write(bo, "still full", 1).is_err());
    disk.grow();
    library.write(bo, "there is room", 1).unwrap();
    kept.push("there is room".into());
    drop(library);
    let library = Library::open(disk.0.path(), &key, me).unwrap();
    let there: Vec<_> = library.thread(&bo).unwrap().iter().map(|entry| entry.text().unwrap().to_owned()).collect();
    assert!(there == kept, "{} of {} are there", there.len(), kept.len());
}
