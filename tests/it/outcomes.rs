//! How calls between two computers end: whole programs, real sockets, a cable that can be pulled.
//!
//! The deadlines are those of the program; what is asserted is how each side ends, never how long it took.

use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::people::People;
use crate::lab::vesper::Vesper;

/// The lab and three people, or return: the skip is said already.
macro_rules! lab_and_people {
    ($quality:expr) => {{
        let Some(people) = People::meet() else { return };
        let Some(lab) = Lab::up($quality) else { return };
        (lab, people)
    }};
}

/// Waits until this side shows the other's picture and plays its sound.
fn seen_and_heard(side: &mut Vesper) {
    side.wait_all(&["first_video", "first_audio"]);
}

#[test]
fn an_accepted_call_goes_both_ways_until_somebody_hangs_up() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, ["--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    assert_eq!(bob.wait("incoming")["peer"], people.alice.key);
    bob.say("accept video");
    seen_and_heard(&mut alice);
    seen_and_heard(&mut bob);
    alice.say("mute on");
    bob.wait_for("muted", |event| event["remote"] == true && event["muted"] == true);
    alice.say("camera off");
    bob.wait_for("camera", |event| event["remote"] == true && event["on"] == false);
    bob.say("hangup");
    for ended in [alice.end(), bob.end()] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ended.report()["ended"], "hangup");
        assert_eq!(ended.report()["sealed"]["rejected"], 0);
        assert_eq!(ended.report()["path"]["relayed"], false);
    }
}

#[test]
fn both_sides_see_the_same_words() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
    let alice = people.alice.call(&lab.a, &people.bob, ["--seconds", "1"]);
    let (alice, bob) = (alice.end(), bob.end());
    let words = &alice.report()["sealed"]["words"];
    assert_eq!(words.as_array().map(Vec::len), Some(4), "{alice:#?}");
    assert_eq!(words, &bob.report()["sealed"]["words"]);
}

#[test]
fn a_bad_link_costs_pictures_but_neither_the_call_nor_a_seal() {
    let (lab, people) = lab_and_people!(Quality::LOSSY);
    let mut bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    seen_and_heard(&mut alice);
    seen_and_heard(&mut bob);
    // Long before a connection stands, pictures and sound came over the link: that was a call.
    alice.say("hangup");
    for ended in [alice.end(), bob.end()] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert!(ended.saw("connected"), "{ended:#?}");
        assert_eq!(ended.report()["sealed"]["rejected"], 0);
        assert!(ended.report()["sealed"]["opened"].as_u64() > Some(0), "{ended:#?}");
    }
}

#[test]
fn a_declined_call_ends_on_both_sides_and_was_never_connected() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, ["--once"]);
    let alice = people.alice.call(&lab.a, &people.bob, []);
    bob.wait("incoming");
    bob.say("decline");
    let (alice, bob) = (alice.end(), bob.end());
    assert_eq!((alice.code, bob.code), (Some(1), Some(0)), "{alice:#?} {bob:#?}");
    assert!(alice.saw("declined"), "{alice:#?}");
    for ended in [alice, bob] {
        assert_eq!(ended.report()["ended"], "declined");
        assert!(!ended.saw("accepted") && !ended.saw("connected"), "{ended:#?}");
    }
}

#[test]
fn a_third_caller_hears_busy_and_becomes_a_missed_call() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    alice.wait("connected");
    bob.wait("connected");
    let carol = people.carol.call(&lab.a, &people.bob, []).end();
    assert_eq!(carol.code, Some(1), "{carol:#?}");
    assert_eq!(carol.report()["ended"], "busy");
    bob.wait_for("missed", |event| event["peer"] == people.carol.key);
    alice.say("hangup");
    assert_eq!(alice.end().report()["ended"], "hangup");
    let bob = bob.end();
    assert_eq!((&bob.report()["ended"], &bob.report()["peer"]), (&"hangup".into(), &people.alice.key.as_str().into()));
}

#[test]
fn an_unanswered_call_is_a_missed_call() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, []);
    let alice = people.alice.call(&lab.a, &people.bob, []).end();
    assert_eq!(alice.code, Some(1), "{alice:#?}");
    assert_eq!(alice.report()["ended"], "no-answer");
    bob.wait_for("missed", |event| event["peer"] == people.alice.key);
    bob.terminate();
    // It stands in the list; a sentence that has to be dismissed besides would be noise.
    assert!(!bob.end().saw("warning"));
}

#[test]
fn a_call_that_is_cancelled_while_it_rings_is_a_missed_call() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, []);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    alice.wait("ringing");
    bob.wait("incoming");
    alice.say("hangup");
    bob.wait_for("missed", |event| event["peer"] == people.alice.key);
    let alice = alice.end();
    assert_eq!(alice.report()["ended"], "cancelled");
    assert!(!alice.saw("connected"), "{alice:#?}");
}

#[test]
fn a_caller_who_vanishes_while_it_rings_leaves_a_missed_call() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, []);
    let alice = people.alice.call(&lab.a, &people.bob, []);
    bob.wait("incoming");
    alice.kill();
    bob.wait_for("missed", |event| event["peer"] == people.alice.key);
}

#[test]
fn a_peer_who_is_killed_is_waited_for_and_then_gone() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let bob = people.bob.answer(&lab.b, ["--auto"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    alice.wait("first_video");
    bob.kill();
    alice.wait("reconnecting");
    let alice = alice.end();
    assert_eq!(alice.code, Some(1), "{alice:#?}");
    assert_eq!(alice.report()["ended"], "peer-gone");
}

#[test]
fn a_cable_that_is_pulled_and_put_back_does_not_end_the_call() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    alice.wait("first_video");
    lab.cable.pull();
    alice.wait("reconnecting");
    lab.cable.plug_in();
    alice.wait("reconnected");
    alice.say("hangup");
    for ended in [alice.end(), bob.end()] {
        assert_eq!(ended.report()["ended"], "hangup", "{ended:#?}");
    }
}

#[test]
fn two_who_dial_each_other_at_once_are_in_one_call() {
    // Far apart, so that both have dialled before either hears of it.
    let (lab, people) = lab_and_people!(Quality::FAR);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    let mut bob = people.bob.call(&lab.b, &people.alice, []);
    seen_and_heard(&mut alice);
    seen_and_heard(&mut bob);
    alice.say("hangup");
    let (alice, bob) = (alice.end(), bob.end());
    assert_eq!((alice.code, bob.code), (Some(0), Some(0)), "{alice:#?} {bob:#?}");
    assert_eq!(alice.report()["sealed"]["words"], bob.report()["sealed"]["words"]);
    assert_ne!(alice.report()["role"], bob.report()["role"]);
}

#[test]
fn a_process_that_is_asked_to_end_hangs_up_first() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, ["--auto"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    alice.wait("connected");
    bob.wait("connected");
    bob.terminate();
    for ended in [bob.end(), alice.end()] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ended.report()["ended"], "hangup");
    }
}

#[test]
fn nothing_of_a_call_leaves_the_callee_before_it_is_accepted() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, ["--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    bob.wait("incoming");
    alice.wait("ringing");
    let early = lab.cable.seen().into_iter().find(|packet| packet.is_stun() || packet.is_dtls());
    assert_eq!(early, None, "ICE or DTLS before anybody accepted");
    bob.say("accept video");
    alice.wait("connected");
    // The media path is DTLS on sockets of its own.
    lab.cable.wait_for(|packet| packet.is_dtls());
    alice.say("hangup");
    bob.end();
}

#[test]
fn a_contact_who_is_blocked_in_the_middle_of_a_call_is_hung_up_on() {
    let (lab, people) = lab_and_people!(Quality::CLEAN);
    let mut bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    seen_and_heard(&mut alice);
    bob.wait("connected");
    let blocked = Vesper::start(None, &people.bob.folder, ["contacts", "block", &people.alice.key]).end();
    assert_eq!(blocked.code, Some(0), "{blocked:#?}");
    for ended in [alice.end(), bob.end()] {
        assert_eq!(ended.report()["ended"], "hangup", "{ended:#?}");
    }
}
