//! The desktop around the window: announcements with buttons, one instance, links.

use crate::lab::Lab;
use crate::lab::bus::Bus;
use crate::lab::cable::Quality;
use crate::lab::desktop::{Desktop, wait};
use crate::lab::people::{People, Person};
use crate::lab::vesper::Vesper;

const SOURCES: [&str; 6] = ["--camera", "test", "--mic", "tone", "--speaker", "none"];

#[test]
fn a_call_is_declined_and_another_answered_by_the_buttons_of_its_announcement() {
    let Some(people) = People::meet() else { return };
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let Some(desktop) = Desktop::up() else { return };
    let Some(bus) = Bus::up(&desktop) else { return };
    let bob = Vesper::open(Some(&lab.b), &people.bob.folder, &bus.environment(&desktop), SOURCES);
    desktop.window(bob.id(), "Vesper");

    let mut first = people.alice.call(&lab.a, &people.bob, ["--seconds", "2"]);
    let announced = bus.wait_for("alice is calling with video");
    for button in ["Accept video", "Accept audio", "Decline"] {
        assert!(announced.contains(&format!("\"{button}\"")), "no {button} in {announced}");
    }
    bus.choose("Decline");
    first.wait("declined");
    first.end();
    wait(|| (bus.count() == 0).then_some(())).expect("it goes when it was answered");

    let mut second = people.alice.call(&lab.a, &people.bob, ["--seconds", "2"]);
    bus.wait_for("alice is calling with video");
    bus.choose("Accept audio");
    second.wait_all(&["accepted", "first_audio"]);
    let ended = second.end();
    assert!(!ended.saw("first_video"), "only the voice was accepted: {ended:#?}");
}

#[test]
fn a_call_that_nobody_answers_and_a_text_are_announced_while_nobody_looks() {
    let Some(people) = People::meet() else { return };
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let Some(desktop) = Desktop::up() else { return };
    let Some(bus) = Bus::up(&desktop) else { return };
    let bob = Vesper::open(Some(&lab.b), &people.bob.folder, &bus.environment(&desktop), SOURCES);
    desktop.window(bob.id(), "Vesper").minimise();

    let mut call = people.alice.call(&lab.a, &people.bob, []);
    bus.wait_for("alice is calling");
    call.say("hangup");
    let missed = bus.wait_for("Missed call from alice");
    assert!(missed.contains("\"Call back\""), "{missed}");
    call.end();

    let secret = "the walrus sings at noon";
    let sent = Vesper::start(Some(&lab.a), &people.alice.folder, ["message", &people.bob.key, secret, "--wait"]).end();
    assert_eq!(sent.code, Some(0), "{sent:#?}");
    let announced = bus.wait_for("New message from alice");
    assert!(!announced.contains("walrus"), "what was written stays in the window: {announced}");
}

#[test]
fn a_second_start_hands_its_link_to_the_first_window_and_ends() {
    let Some(desktop) = Desktop::up() else { return };
    let folder = tempfile::tempdir().unwrap();
    let person = Person::create(&folder.path().join("ann"), "ann");
    let first = Vesper::open(None, &person.folder, &desktop.environment(), SOURCES);
    let window = desktop.window(first.id(), "Vesper");
    let before = window.look_for("the list of people", |picture| (picture.colors() > 16).then(|| picture.brightness()));
    window.minimise();

    let second = Vesper::open(None, &person.folder, &desktop.environment(), ["vesper:not-a-real-invitation"]).end();
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(desktop.window(first.id(), "Vesper").id(), window.id(), "the first window is up again");
    // Over it is the form, and round the form a shade.
    window.look_for("the form", |picture| (picture.brightness() * 10 < before * 9).then_some(()));
    let requests = Vesper::start(None, &person.folder, ["contacts", "list"]).end();
    assert!(!requests.events.iter().any(|line| line["request"].is_string()), "nothing was sent: {requests:#?}");
}

#[test]
fn a_link_that_is_clicked_during_the_first_start_goes_to_the_window_that_asks_for_a_name() {
    let Some(desktop) = Desktop::up() else { return };
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("new");
    let first = Vesper::open(None, &profile, &desktop.environment(), SOURCES);
    desktop.window(first.id(), "Vesper").look_for("the welcome", |picture| (picture.colors() > 16).then_some(()));

    let second = Vesper::open(None, &profile, &desktop.environment(), ["vesper:not-a-real-invitation"]).end();
    assert_eq!(second.code, Some(0), "it hands over its link and ends: {second:#?}");
    first.terminate();
    first.end();
    assert!(!profile.exists(), "whoever looks at the welcome and leaves, leaves no folder");
}

#[test]
fn a_link_that_is_none_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Vesper::start(None, folder.path(), ["https://example.org"]).end();
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.errors.contains("starts with vesper:"), "{}", ended.errors);
}
