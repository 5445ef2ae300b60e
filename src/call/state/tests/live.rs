//! A call that both sides talk in: control, loss, and the end.

use super::*;
use crate::signal::message::{Candidate, CandidateKind};

#[test]
fn late_and_doubled_control_never_undoes_a_mute_and_a_link_cancel_never_ends_a_call() {
    let mut pair = pair();
    let call = pair.connect();
    for message in [
        Message::Cancel { call, reason: 0 },
        abort(call, 0),
        abort(call, abort_reason::HUNG_UP),
        Message::Decline { call, reason: 0 },
        Message::Busy { call, reason: 0 },
    ] {
        assert!(pair.bob_gets(message.clone()).is_empty());
        assert!(pair.alice_gets(message).is_empty());
    }
    assert_eq!((pair.alice.current().unwrap().stage, pair.bob.current().unwrap().stage), (Stage::Active, Stage::Active));
    let state = |version, microphone| Control::State(MediaState { version, microphone, ..MediaState::default() });
    assert_eq!(pair.bob(Input::Control { call, control: state(2, false) }).len(), 1);
    // The change before it, which comes late; its own copy; and what no newer version says.
    for stale in [state(1, true), state(2, false), state(2, true), state(0, true)] {
        assert!(pair.bob(Input::Control { call, control: stale }).is_empty());
    }
    assert_eq!(pair.bob(Input::Control { call, control: state(3, true) }).len(), 1, "the next change does count");
}

/// What needs keys, or lets anything leave: sealed words, sealers and openers, media.
#[test]
fn no_media_is_sent_or_opened_before_reveal_and_confirm() {
    let sealed = |outputs: &[Output]| {
        outputs.iter().any(|output| {
            use Output::*;
            matches!(output, Secure { .. } | StartMedia { .. } | SendControl { .. } | Heartbeat { .. })
        })
    };
    let mut pair = pair();
    // All that a peer, a network and a hurried person could push forward before its time.
    let hurry = |pair: &mut Pair, call: CallId| {
        let state = Control::State(MediaState { version: 9, camera: true, ..MediaState::default() });
        let early = || {
            [
                Input::TransportConnected { call, path: 0 },
                Input::Heard { call },
                Input::Control { call, control: state.clone() },
                Input::SetMedia { microphone: true, camera: true, screen: true },
                Input::NetworkChanged,
                Input::Tick,
            ]
        };
        let (alice, bob): (Vec<_>, Vec<_>) =
            (early().map(|input| pair.alice(input)).into(), early().map(|input| pair.bob(input)).into());
        !alice.iter().chain(&bob).any(|outputs| sealed(outputs))
    };
    let invite = pair.invite();
    let call = pair.call();
    assert!(hurry(&mut pair, call));
    let ringing = pair.bob_gets(invite);
    assert!(!sealed(&ringing) && hurry(&mut pair, call));
    pair.alice_gets(sent(&ringing).remove(0));
    let secrets = pair.secrets();
    assert!(!sealed(&pair.bob(Input::Accept { media: VIDEO, secrets, lowest_suite: 0 })));
    let accept = pair.bob(Input::Gathered { call, candidates: vec![] });
    assert!(!sealed(&accept) && hurry(&mut pair, call));
    // A CONFIRM before its REVEAL confirms nothing, whoever makes it up.
    assert!(!sealed(&pair.alice_gets(Message::Confirm(Confirm { call, mac_b: [0; 32] }))));
    assert!(!sealed(&pair.alice_gets(sent(&accept).remove(0))));
    let reveal = pair.alice(Input::Gathered { call, candidates: vec![] });
    assert!(!sealed(&reveal) && hurry(&mut pair, call));
    let confirm = pair.bob_gets(sent(&reveal).remove(0));
    assert!(sealed(&confirm), "B has her proof");
    assert!(!sealed(&pair.alice(Input::Tick)), "A does not have his yet");
    assert!(sealed(&pair.alice_gets(sent(&confirm).remove(0))));
}

#[test]
fn hanging_up_is_said_three_times_and_heard_once() {
    let mut pair = pair();
    let call = pair.connect();
    let outputs = pair.alice(Input::HangUp);
    let [Output::SendControl { control, copies: 3, .. }, Output::Ended { reason: EndReason::HungUp, .. }] = &outputs[..] else {
        panic!("{outputs:?}")
    };
    let control = control.clone();
    assert_eq!(ended(&pair.bob(Input::Control { call, control: control.clone() })), Some(EndReason::PeerHungUp));
    assert!(pair.bob(Input::Control { call, control }).is_empty());
}

#[test]
fn a_peer_that_is_gone_is_noticed_in_seconds_and_given_a_minute_and_a_half() {
    let mut pair = pair();
    pair.connect();
    pair.pass(seconds(6));
    pair.alice(Input::Tick);
    assert_eq!(pair.alice.current().unwrap().stage, Stage::Reconnecting);
    pair.pass(seconds(83));
    assert_eq!(ended(&pair.alice(Input::Tick)), None);
    pair.pass(seconds(1));
    assert_eq!(ended(&pair.alice(Input::Tick)), Some(EndReason::PeerGone));
}

#[test]
fn a_peer_that_comes_back_is_reconnected() {
    let mut pair = pair();
    let call = pair.connect();
    pair.alice(Input::TransportDisconnected { call, path: 0 });
    pair.pass(seconds(2));
    pair.alice(Input::Tick);
    assert_eq!(pair.alice.current().unwrap().stage, Stage::Reconnecting, "nothing came over the link either");
    pair.pass(seconds(60));
    pair.alice(Input::TransportConnected { call, path: 0 });
    assert_eq!(pair.alice.current().unwrap().stage, Stage::Reconnecting, "nobody was heard for a minute");
    pair.alice(Input::Heard { call });
    assert_eq!(pair.alice.current().unwrap().stage, Stage::Active);
}

#[test]
fn a_connection_that_is_lost_is_not_missed_while_the_link_carries() {
    let mut pair = pair();
    let call = pair.connect();
    pair.alice(Input::TransportDisconnected { call, path: 0 });
    for _ in 0..30 {
        pair.pass(seconds(1));
        pair.alice(Input::Heard { call });
        pair.alice(Input::Tick);
        assert_eq!(pair.alice.current().unwrap().stage, Stage::Active);
    }
    pair.pass(seconds(6));
    pair.alice(Input::Tick);
    assert_eq!(pair.alice.current().unwrap().stage, Stage::Reconnecting, "now the link is gone, too");
}

#[test]
fn a_call_stands_once_the_peer_is_heard_over_the_link_and_moves_when_a_connection_comes() {
    let mut pair = pair();
    let call = pair.secure();
    assert!(connected(&pair.alice(Input::Heard { call })) && !connected(&pair.bob(Input::Tick)), "Bob has heard nothing yet");
    assert!(connected(&pair.bob(Input::Heard { call })));
    pair.pass(seconds(5));
    assert!(!connected(&pair.alice(Input::TransportConnected { call, path: 0 })), "that was said");
    pair.pass(seconds(30));
    pair.alice(Input::Heard { call });
    let outputs = pair.alice(Input::Tick);
    assert!(!outputs.iter().any(|output| matches!(output, Output::Abandon { .. } | Output::Regather { .. })), "it stands");
}

#[test]
fn on_the_link_other_connections_are_tried_ever_more_seldom() {
    let mut pair = pair();
    let call = pair.secure();
    let (mut given_up, mut tries) = (Vec::new(), Vec::new());
    for second in 0..600 {
        let (heard, ticked) = (pair.alice(Input::Heard { call }), pair.alice(Input::Tick));
        for output in heard.into_iter().chain(ticked) {
            match output {
                Output::Abandon { path: 0, .. } => given_up.push(second),
                Output::Regather { path, .. } => {
                    tries.push(second);
                    pair.alice(Input::Regathered { call, path, reach: None });
                }
                _ => {}
            }
        }
        pair.pass(seconds(1));
    }
    assert_eq!(given_up, [6], "what nobody found by then costs packets");
    assert_eq!(tries, [7, 22, 52, 112, 232, 472]);
    assert_eq!(pair.alice.current().unwrap().stage, Stage::Active);
}

#[test]
fn a_connection_that_fails_at_once_leaves_the_call_on_the_link() {
    let mut pair = pair();
    let call = pair.secure();
    assert_eq!(ended(&pair.alice(Input::TransportFailed { call, path: 0 })), None);
    assert!(connected(&pair.alice(Input::Heard { call })), "there is nothing to wait for");
}

#[test]
fn a_call_that_finds_no_path_and_hears_nothing_over_the_link_ends_after_fifteen_seconds() {
    let mut pair = pair();
    pair.secure();
    pair.pass(seconds(15));
    assert_eq!(ended(&pair.alice(Input::Tick)), Some(EndReason::NoPath));
    assert_eq!(ended(&pair.bob(Input::Tick)), Some(EndReason::NoPath));
}

#[test]
fn a_transport_of_an_earlier_call_changes_nothing() {
    let mut pair = pair();
    let old = pair.connect();
    pair.alice(Input::HangUp);
    pair.bob(Input::HangUp);
    let confirm = pair.confirm();
    pair.alice_gets(Message::Confirm(confirm));
    for input in [
        Input::TransportConnected { call: old, path: 0 },
        Input::TransportFailed { call: old, path: 0 },
        Input::Control { call: old, control: Control::Hangup { reason: 0 } },
        Input::SealBroken { call: old },
    ] {
        assert!(pair.alice(input).is_empty());
    }
}

#[test]
fn words_that_differ_end_the_call() {
    let mut pair = pair();
    pair.connect();
    assert_eq!(ended(&pair.alice(Input::WordsDiffer)), Some(EndReason::WordsDiffer));
}

#[test]
fn a_broken_seal_is_mended_once_by_another_connection_and_then_ends_the_call() {
    let mut pair = pair();
    let call = pair.connect();
    let regathers = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::Regather { path: 1, .. }));
    assert!(regathers(&pair.alice(Input::SealBroken { call })));
    assert_eq!(ended(&pair.alice(Input::SealBroken { call })), None, "it is given its time");
    pair.alice(Input::Regathered { call, path: 1, reach: Some((pair_description(), vec![])) });
    let theirs = Control::Restart { path: 1, description: pair_description(), candidates: vec![] };
    pair.alice(Input::Control { call, control: theirs });
    pair.alice(Input::TransportConnected { call, path: 1 });
    assert_eq!(ended(&pair.alice(Input::SealBroken { call })), Some(EndReason::SealBroken));
}

#[test]
fn whoever_calls_again_while_the_call_is_lost_rings_instead_of_being_busy() {
    let mut pair = pair();
    let call = pair.connect();
    pair.bob(Input::TransportDisconnected { call, path: 0 });
    // Alice's program was started anew and knows of no call.
    pair.alice = Rules::new(pair.alice.memory.me.clone());
    let invite = pair.invite();
    let outputs = pair.bob_gets(invite);
    assert_eq!(ended(&outputs), Some(EndReason::PeerGone));
    assert!(outputs.iter().any(|output| matches!(output, Output::Ring { .. })));
}

#[test]
fn a_peer_that_restarts_each_second_makes_us_try_no_more_addresses_than_a_call_may_name() {
    let mut pair = pair();
    let call = pair.connect();
    let (mut tried, mut taken_up) = (0, Vec::new());
    for second in 0..600u16 {
        let somebody =
            |n: u8| Candidate { kind: CandidateKind::Host, address: ([192, 0, 2, n], 1000 + second).into(), priority: n.into() };
        let candidates = (0..16).map(somebody).collect();
        let theirs = Control::Restart { path: u32::from(second) + 1, description: pair_description(), candidates };
        for output in pair.alice(Input::Control { call, control: theirs }) {
            let Output::Regather { path, .. } = output else { continue };
            taken_up.push(second);
            for output in pair.alice(Input::Regathered { call, path, reach: Some((pair_description(), vec![])) }) {
                if let Output::Connect { candidates, .. } = output {
                    tried += candidates.len();
                }
            }
        }
        pair.pass(seconds(1));
    }
    assert_eq!(
        taken_up[..6],
        [0, 1, 2, 3, 12, 24],
        "a network that changes is left within a second; more waits for room for all it names"
    );
    assert!(taken_up.len() <= 4 + 600 / 24, "{taken_up:?}");
    assert_eq!(tried, 16 * taken_up.len(), "a list that has no room is waited for whole");
}

#[test]
fn whoever_needs_another_path_begins_it_over_the_head_of_a_peer_that_has_to_wait() {
    let mut pair = pair();
    let call = pair.connect();
    let restart = |pair: &mut Pair, path| {
        let theirs = Control::Restart { path, description: pair_description(), candidates: vec![] };
        let outputs = pair.alice(Input::Control { call, control: theirs });
        outputs.iter().any(|output| matches!(output, Output::Regather { .. }))
    };
    for path in 1..=8 {
        assert!(restart(&mut pair, path));
        pair.pass(seconds(16));
    }
    assert!(!restart(&mut pair, 9), "its ninth is too soon");
    let outputs = pair.alice(Input::NetworkChanged);
    assert!(outputs.iter().any(|output| matches!(output, Output::Regather { path: 10, .. })), "which the peer takes up");
}

#[test]
fn a_call_is_found_at_all_its_addresses_on_each_of_the_networks_that_somebody_walks_through() {
    let mut pair = pair();
    let call = pair.connect();
    for network in 1..40 {
        pair.pass(seconds(45));
        pair.alice(Input::Heard { call });
        let candidates: Vec<_> = (0..8)
            .map(|n: u8| Candidate { kind: CandidateKind::Host, address: ([192, 0, 2, n], 1000).into(), priority: 1 })
            .collect();
        let theirs = Control::Restart { path: network, description: pair_description(), candidates: candidates.clone() };
        pair.alice(Input::Control { call, control: theirs.clone() });
        pair.alice(Input::Control { call, control: theirs });
        let outputs = pair.alice(Input::Regathered { call, path: network, reach: Some((pair_description(), vec![])) });
        let named = |output: &Output| matches!(output, Output::Connect { candidates: named, .. } if *named == candidates);
        assert!(outputs.iter().any(named), "{network}: {outputs:?}");
        pair.alice(Input::TransportConnected { call, path: network });
    }
}
