//! Calls that ride the link: at first, until they have a connection of their own, and for good where none can be made.

use std::time::Instant;

use crate::before_accept::{BOB_IP, Relayed, beside_the_relay};
use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::packet::Packet;
use crate::lab::people::People;
use crate::lab::vesper::Vesper;

#[test]
fn nothing_is_lost_when_a_connection_takes_over_from_the_link() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::FAR), People::meet()) else { return };
    let mut bob = people.bob.answer(&lab.b, ["--auto", "--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    for side in [&mut alice, &mut bob] {
        side.wait_all(&["connected", "first_video", "first_audio"]);
    }
    // Whoever hangs up at once has counted nothing.
    lab.cable.wait_for(|packet| packet.is_srtp() && packet.source == lab.a.address);
    lab.cable.wait_for(|packet| packet.is_srtp() && packet.source == lab.b.address);
    alice.say("hangup");
    for ended in [alice.end(), bob.end()] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let report = ended.report();
        assert_eq!(report["path"]["kind"], "direct", "{report}");
        assert_eq!((&report["sealed"]["rejected"], &report["sealed"]["replayed"]), (&0.into(), &0.into()), "{report}");
        assert_eq!(report["video"]["repairs"]["pli"], 0, "no frame was lost when the connection took over: {report}");
        assert_eq!(report["video"]["repairs"]["ltr"], 0, "no frame was lost when the connection took over: {report}");
    }
}

#[test]
fn a_call_without_any_path_but_the_link_shows_pictures_both_ways_and_moves_when_one_opens() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::CLEAN), People::meet()) else { return };
    let [mut alice, mut bob] = on_the_link_alone(&lab, &people);
    for side in [&mut alice, &mut bob] {
        side.wait_for("warning", |line| line["text"].as_str().is_some_and(|text| text.contains("smaller picture")));
    }
    assert!(!lab.cable.seen().iter().any(|packet| packet.is_dtls()), "nothing answered a check");
    lab.cable.let_all_flow();
    for side in [&mut alice, &mut bob] {
        side.wait_for("warning", |line| line["text"].as_str().is_some_and(|text| text.starts_with("A better connection")));
    }
    alice.say("hangup");
    for ended in [alice.end(), bob.end()] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let report = ended.report();
        assert_eq!((&report["ended"], &report["path"]["kind"]), (&"hangup".into(), &"direct".into()), "{report}");
        assert_eq!(report["sealed"]["rejected"], 0, "{report}");
        assert!(!ended.saw("reconnecting"), "{ended:#?}");
    }
}

#[test]
fn whoever_hangs_up_on_the_link_is_heard_although_the_cable_was_out_a_moment_before() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::CLEAN), People::meet()) else { return };
    let [mut alice, bob] = on_the_link_alone(&lab, &people);
    lab.cable.pull();
    alice.wait("reconnecting");
    lab.cable.plug_in();
    // She is the first to hear the other, and what she sends is held back until QUIC tries her direction once more.
    alice.wait("reconnected");
    alice.say("hangup");
    for ended in [alice.end(), bob.end()] {
        assert_eq!(ended.report()["ended"], "hangup", "{ended:#?}");
    }
}

#[test]
fn whoever_hangs_up_while_the_cable_is_out_is_heard_once_it_is_back() {
    let (Some(lab), Some(people)) = (Lab::up(Quality::CLEAN), People::meet()) else { return };
    let mut bob = people.bob.answer(&lab.b, ["--auto"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    for side in [&mut alice, &mut bob] {
        side.wait_all(&["connected", "first_video", "first_audio"]);
    }
    let pulled = Instant::now();
    lab.cable.pull();
    bob.wait("reconnecting");
    bob.say("hangup");
    assert_eq!(bob.wait("report")["ended"], "hangup");
    // Until the link is given up, too, and what waited on it with it.
    let dials = |packet: &Packet| packet.at > pulled && packet.is_quic_initial();
    for host in [&lab.a, &lab.b] {
        lab.cable.wait_for(|packet| packet.source == host.address && dials(packet));
    }
    lab.cable.plug_in();
    assert_eq!(alice.end().report()["ended"], "hangup");
    bob.terminate();
}

#[test]
fn a_profile_that_never_shows_its_address_calls_and_is_called_through_its_relay_without_any_other_server() {
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let people = Relayed::meet(&lab, "never");
    let media = ["--camera", "test", "--mic", "tone", "--speaker", "none", "--size", "640x360", "--fps", "15"];
    for alice_calls in [false, true] {
        let before = lab.cable.seen().len();
        let alices = |words: &[&'static str], more: &[&str]| {
            let hidden = ["--relay", &people.relay, "--policy", "never"];
            let arguments = words.iter().copied().chain(more.iter().copied()).chain(hidden).chain(media);
            Vesper::start(Some(&lab.a), &people.alice.folder, arguments)
        };
        let bobs = |words: &[&'static str], more: &[&str]| {
            let open = ["--relay", &people.relay, "--bind", BOB_IP];
            let arguments = words.iter().copied().chain(more.iter().copied()).chain(open).chain(media);
            Vesper::start(Some(&lab.b), &people.bob.folder, arguments)
        };
        let answering = ["answer", "--auto", "--once"];
        let [mut alice, mut bob] = if alice_calls {
            let bob = bobs(&answering, &[]);
            [alices(&["call"], &[&people.bob.key]), bob]
        } else {
            [alices(&answering, &[]), bobs(&["call"], &[&people.alice.key])]
        };
        for side in [&mut alice, &mut bob] {
            side.wait_all(&["connected", "first_video", "first_audio"]);
            side.wait_for("warning", |line| line["text"].as_str().is_some_and(|text| text.contains("smaller picture")));
        }
        bob.say("hangup");
        for ended in [bob.end(), alice.end()] {
            assert_eq!(ended.code, Some(0), "{ended:#?}");
            let report = ended.report();
            assert_eq!((&report["ended"], &report["path"]["kind"]), (&"hangup".into(), &"relay".into()), "{report}");
        }
        assert_eq!(beside_the_relay(&lab.cable.seen()[before..], &lab.a, &lab), [], "the relay is all that hears of her");
    }
}

/// A call for which no path is found but the link, once both see and hear each other.
fn on_the_link_alone(lab: &Lab, people: &People) -> [Vesper; 2] {
    let mut bob = people.bob.answer(&lab.b, ["--once"]);
    let mut alice = people.alice.call(&lab.a, &people.bob, []);
    bob.wait("incoming");
    alice.wait("ringing");
    lab.cable.keep_only_known_flows();
    bob.say("accept video");
    [&mut alice, &mut bob].into_iter().for_each(|side| side.wait_all(&["connected", "first_video", "first_audio"]));
    [alice, bob]
}
