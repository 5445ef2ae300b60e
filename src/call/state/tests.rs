use std::time::Duration;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::call::control::Control;
use crate::call::event::{CallSecrets, Dial};
use crate::signal::message::{Accept, Confirm, Description, Invite, Reveal};

mod live;

const VIDEO: MediaKind = MediaKind { video: true };
const AUDIO: MediaKind = MediaKind { video: false };

/// Alice's key is the smaller one: her call survives when both call each other.
struct Pair {
    now: Instant,
    alice: Rules,
    bob: Rules,
    fresh: u8,
}

fn identity(n: u8) -> Arc<Identity> {
    Arc::new(Identity::from_secret(&[n; 32]))
}

fn pair() -> Pair {
    let (a, b) = (identity(1), identity(2));
    let (a, b) = if a.public() < b.public() { (a, b) } else { (b, a) };
    Pair { now: Instant::now(), alice: Rules::new(a), bob: Rules::new(b), fresh: 0 }
}

fn sent(outputs: &[Output]) -> Vec<Message> {
    let message = |output: &Output| if let Output::Send { message, .. } = output { Some(message.clone()) } else { None };
    outputs.iter().filter_map(message).collect()
}

fn ended(outputs: &[Output]) -> Option<EndReason> {
    outputs.iter().find_map(|output| if let Output::Ended { reason, .. } = output { Some(*reason) } else { None })
}

fn missed(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::MissedCall { .. }))
}

fn connected(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Event(CallEvent::Connected { .. })))
}

impl Pair {
    fn secrets(&mut self) -> CallSecrets {
        self.fresh += 1;
        let n = self.fresh;
        let description = Description { fingerprint: [n; 32], ufrag: "u".into(), pwd: "p".into(), codecs: vec![1] };
        CallSecrets::from_bytes(Zeroizing::new([n; 32]), [n; 32], (Zeroizing::new([n; 64]), Zeroizing::new([n; 32])), description)
    }

    fn dial(&mut self, peer: PublicKey, media: MediaKind) -> Input {
        let (secrets, spare) = (self.secrets(), self.secrets());
        let call = CallId([self.fresh; 16]);
        Input::Dial(Box::new(Dial { peer, media, call, secrets, spare, linked: true, lowest_suite: 0 }))
    }

    fn alice_key(&self) -> PublicKey {
        self.alice.memory.me.public()
    }

    fn bob_key(&self) -> PublicKey {
        self.bob.memory.me.public()
    }

    fn alice(&mut self, input: Input) -> Vec<Output> {
        self.alice.step(self.now, input)
    }

    fn bob(&mut self, input: Input) -> Vec<Output> {
        self.bob.step(self.now, input)
    }

    fn alice_gets(&mut self, message: Message) -> Vec<Output> {
        let peer = self.bob_key();
        self.alice(Input::Message { peer, message })
    }

    fn bob_gets(&mut self, message: Message) -> Vec<Output> {
        let peer = self.alice_key();
        self.bob(Input::Message { peer, message })
    }

    fn invite(&mut self) -> Message {
        let dial = self.dial(self.bob_key(), VIDEO);
        sent(&self.alice(dial)).remove(0)
    }

    /// Alice dialled, it rings at Bob's, Bob accepted: his ACCEPT.
    fn accept(&mut self) -> Accept {
        let invite = self.invite();
        let ringing = sent(&self.bob_gets(invite)).remove(0);
        self.alice_gets(ringing);
        let secrets = self.secrets();
        self.bob(Input::Accept { media: AUDIO, secrets, lowest_suite: 0 });
        let call = self.call();
        match sent(&self.bob(Input::Gathered { call, candidates: vec![] })).remove(0) {
            Message::Accept(accept) => accept,
            other => panic!("{other:?}"),
        }
    }

    /// And Alice's REVEAL.
    fn reveal(&mut self) -> Reveal {
        let accept = self.accept();
        self.alice_gets(Message::Accept(accept));
        let call = self.call();
        match sent(&self.alice(Input::Gathered { call, candidates: vec![] })).remove(0) {
            Message::Reveal(reveal) => reveal,
            other => panic!("{other:?}"),
        }
    }

    /// And Bob's CONFIRM.
    fn confirm(&mut self) -> Confirm {
        let reveal = self.reveal();
        match sent(&self.bob_gets(Message::Reveal(reveal))).remove(0) {
            Message::Confirm(confirm) => confirm,
            other => panic!("{other:?}"),
        }
    }

    /// And both have keys.
    fn secure(&mut self) -> CallId {
        let confirm = self.confirm();
        self.alice_gets(Message::Confirm(confirm));
        self.call()
    }

    /// And the connection.
    fn connect(&mut self) -> CallId {
        let call = self.secure();
        for outputs in
            [self.alice(Input::TransportConnected { call, path: 0 }), self.bob(Input::TransportConnected { call, path: 0 })]
        {
            assert!(connected(&outputs));
        }
        self.alice(Input::Heard { call });
        self.bob(Input::Heard { call });
        call
    }

    fn call(&self) -> CallId {
        self.alice.current().expect("there is a call").call
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn a_dial_that_nothing_answers_could_not_be_reached() {
    let mut pair = pair();
    pair.invite();
    pair.pass(RINGING_TIMEOUT);
    assert_eq!(ended(&pair.alice(Input::Tick)), Some(EndReason::Unreachable));
    assert!(pair.alice.current().is_none());
}

#[test]
fn a_link_that_does_not_come_up_could_not_be_reached() {
    let mut pair = pair();
    let Input::Dial(dial) = pair.dial(pair.bob_key(), VIDEO) else { unreachable!() };
    let outputs = pair.alice(Input::Dial(Box::new(Dial { linked: false, ..*dial })));
    assert!(matches!(outputs[..], [Output::OpenLink { .. }]), "no INVITE waits anywhere");
    pair.pass(LINK_TIMEOUT);
    assert_eq!(ended(&pair.alice(Input::Tick)), Some(EndReason::Unreachable));
}

#[test]
fn an_unanswered_call_is_missed_after_one_minute() {
    let mut pair = pair();
    let invite = pair.invite();
    let ringing = sent(&pair.bob_gets(invite)).remove(0);
    pair.alice_gets(ringing);
    assert_eq!(pair.alice.current().unwrap().stage, Stage::RingingThere);
    pair.pass(RING_TIMEOUT);
    let outputs = pair.bob(Input::Tick);
    assert_eq!((ended(&outputs), missed(&outputs)), (Some(EndReason::Missed), true));
    assert_eq!(ended(&pair.alice(Input::Tick)), Some(EndReason::NoAnswer));
}

#[test]
fn a_declined_call_ends_on_both_sides_and_a_lost_decline_is_said_again() {
    let mut pair = pair();
    let invite = pair.invite();
    pair.bob_gets(invite.clone());
    let decline = sent(&pair.bob(Input::Decline));
    assert_eq!(sent(&pair.bob_gets(invite)), decline);
    assert_eq!(ended(&pair.alice_gets(decline[0].clone())), Some(EndReason::PeerDeclined));
}

#[test]
fn a_cancelled_call_stops_ringing_and_is_missed() {
    let mut pair = pair();
    let invite = pair.invite();
    pair.bob_gets(invite);
    let cancel = sent(&pair.alice(Input::HangUp)).remove(0);
    let outputs = pair.bob_gets(cancel);
    assert!(matches!(outputs[..2], [Output::StopRinging, Output::MissedCall { .. }]), "{outputs:?}");
    assert_eq!(ended(&outputs), Some(EndReason::PeerCancelled));
}

#[test]
fn a_third_party_is_told_busy_once_and_becomes_a_missed_call() {
    let mut pair = pair();
    pair.connect();
    let mut carol = Rules::new(identity(9));
    let carol_key = carol.memory.me.public();
    let dial = pair.dial(pair.bob_key(), VIDEO);
    let invite = sent(&carol.step(pair.now, dial)).remove(0);
    let outputs = pair.bob(Input::Message { peer: carol_key, message: invite.clone() });
    assert!(missed(&outputs));
    assert_eq!(pair.bob.current().unwrap().stage, Stage::Active);
    let again = pair.bob(Input::Message { peer: carol_key, message: invite });
    assert_eq!((sent(&again), missed(&again)), (sent(&outputs), false));
    let bob = pair.bob_key();
    let outputs = carol.step(pair.now, Input::Message { peer: bob, message: sent(&outputs).remove(0) });
    assert_eq!(ended(&outputs), Some(EndReason::Busy));
}

#[test]
fn no_socket_opens_before_accept_and_no_media_before_reveal_and_confirm() {
    let mut pair = pair();
    let opens = |outputs: &[Output]| {
        outputs.iter().any(|output| {
            matches!(output, Output::Gather { .. } | Output::Connect { .. } | Output::Secure { .. } | Output::StartMedia { .. })
        })
    };
    let invite = pair.invite();
    assert!(!opens(&pair.bob_gets(invite)), "ringing touches nothing");
    let secrets = pair.secrets();
    pair.bob(Input::Accept { media: VIDEO, secrets, lowest_suite: 0 });
    let call = pair.call();
    let accept = pair.bob(Input::Gathered { call, candidates: vec![] });
    assert!(!opens(&accept), "ICE waits for the caller's proof");
    assert!(!opens(&pair.bob(Input::TransportConnected { call, path: 0 })), "a connection that nobody asked for starts nothing");
    pair.alice_gets(sent(&accept).remove(0));
    let reveal = pair.alice(Input::Gathered { call, candidates: vec![] });
    pair.alice(Input::TransportConnected { call, path: 0 });
    let outputs = pair.bob_gets(sent(&reveal).remove(0));
    assert!(outputs.iter().any(|output| matches!(output, Output::Secure { .. })));
    let media = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::StartMedia { .. }));
    assert!(media(&outputs) && media(&pair.alice_gets(sent(&outputs).remove(0))), "each with the other's proof, and not later");
}

#[test]
fn a_second_different_accept_ends_the_call_and_reveals_nothing_more() {
    let mut pair = pair();
    let accept = pair.accept();
    pair.alice_gets(Message::Accept(accept.clone()));
    let call = pair.call();
    let reveal = sent(&pair.alice(Input::Gathered { call, candidates: vec![] })).remove(0);
    assert_eq!(sent(&pair.alice_gets(Message::Accept(accept.clone()))), [reveal], "the same again is answered the same");
    let outputs = pair.alice_gets(Message::Accept(Accept { n_b: [9; 32], ..accept }));
    assert_eq!(ended(&outputs), Some(EndReason::Refused(crate::call::Refusal::Changed)));
    assert_eq!(sent(&outputs), [abort(call, abort_reason::REFUSED)]);
}

#[test]
fn a_second_invite_with_the_same_id_and_another_commit_is_refused() {
    let mut pair = pair();
    let Message::Invite(invite) = pair.invite() else { unreachable!() };
    pair.bob_gets(Message::Invite(invite.clone()));
    let mut other = invite;
    other.core.commit = [9; 32];
    let outputs = pair.bob_gets(Message::Invite(other));
    assert_eq!(ended(&outputs), Some(EndReason::Refused(crate::call::Refusal::Changed)));
}

#[test]
fn a_retry_after_reveal_is_a_new_call_with_new_secrets() {
    let mut pair = pair();
    let first = pair.reveal();
    pair.pass(HANDSHAKE_TIMEOUT);
    assert_eq!(ended(&pair.alice(Input::Tick)), Some(EndReason::HandshakeTimeout));
    assert_eq!(ended(&pair.bob(Input::Tick)), Some(EndReason::HandshakeTimeout));
    assert!(
        sent(&pair.alice_gets(Message::Ringing { call: first.call, reason: 0 })).iter().all(|m| !matches!(m, Message::Reveal(_)))
    );
    let second = pair.reveal();
    assert_ne!((first.call, first.e_a, first.n_a), (second.call, second.e_a, second.n_a));
}

#[test]
fn an_id_that_was_used_never_rings_again() {
    let mut pair = pair();
    let invite = pair.invite();
    pair.bob_gets(invite.clone());
    let cancel = sent(&pair.alice(Input::HangUp)).remove(0);
    pair.bob_gets(cancel);
    assert!(pair.bob_gets(invite).is_empty());
    assert!(pair.bob.current().is_none());
}

#[test]
fn clocks_a_day_apart_still_ring_and_a_minute_old_invite_does_not() {
    let mut pair = pair();
    let Message::Invite(invite) = pair.invite() else { unreachable!() };
    pair.pass(seconds(24 * 3600));
    assert!(pair.bob_gets(Message::Invite(Invite { age_ms: 60_001, ..invite.clone() })).is_empty());
    assert!(!pair.bob_gets(Message::Invite(invite)).is_empty());
}

#[test]
fn an_invite_in_anothers_name_or_to_another_or_reflected_never_rings() {
    let mut pair = pair();
    let Message::Invite(invite) = pair.invite() else { unreachable!() };
    let carol = identity(9).public();
    assert!(pair.bob(Input::Message { peer: carol, message: Message::Invite(invite.clone()) }).is_empty());
    let mut to_carol = invite.clone();
    to_carol.core.callee = carol;
    assert!(pair.bob_gets(Message::Invite(to_carol)).is_empty());
    pair.alice(Input::HangUp);
    assert!(pair.alice_gets(Message::Invite(invite)).is_empty(), "her own INVITE come back");
}

#[test]
fn a_contact_rings_at_most_64_times_in_ten_minutes() {
    let mut pair = pair();
    let mut rings = 0;
    for _ in 0..70 {
        let invite = pair.invite();
        rings += usize::from(!pair.bob_gets(invite).is_empty());
        pair.alice(Input::HangUp);
        pair.bob(Input::Decline);
    }
    assert_eq!(rings, 64);
}

#[test]
fn glare_ends_in_one_call_with_the_media_that_each_chose() {
    let mut pair = pair();
    let (to_bob, to_alice) = (pair.dial(pair.bob_key(), AUDIO), pair.dial(pair.alice_key(), VIDEO));
    let from_alice = sent(&pair.alice(to_bob)).remove(0);
    let from_bob = sent(&pair.bob(to_alice)).remove(0);
    pair.alice_gets(from_bob);
    assert_eq!(pair.alice.current().unwrap().stage, Stage::Dialing, "the smaller key's call survives");
    let outputs = pair.bob_gets(from_alice);
    assert!(outputs.iter().all(|output| !matches!(output, Output::Ring { .. })), "calling each other is consent");
    let call = pair.call();
    let bob = pair.bob.current().unwrap();
    assert_eq!((bob.call, bob.stage, bob.media), (call, Stage::Connecting, VIDEO), "nothing widens or narrows what he chose");
    let accept = sent(&pair.bob(Input::Gathered { call, candidates: vec![] })).remove(0);
    assert!(pair.alice_gets(accept).iter().any(|output| matches!(output, Output::Gather { .. })));
}

#[test]
fn glare_never_accepts_after_cancel_nor_widens_media() {
    for cancelled in [false, true] {
        let mut pair = pair();
        let (to_bob, to_alice) = (pair.dial(pair.bob_key(), VIDEO), pair.dial(pair.alice_key(), AUDIO));
        let from_alice = sent(&pair.alice(to_bob)).remove(0);
        pair.bob(to_alice);
        if cancelled {
            pair.bob(Input::HangUp);
        }
        let outputs = pair.bob_gets(from_alice);
        let rings = outputs.iter().any(|output| matches!(output, Output::Ring { .. }));
        assert_eq!(rings, cancelled, "after a CANCEL it rings, as any call does");
        let bob = pair.bob.current().unwrap();
        if cancelled {
            assert_eq!(bob.stage, Stage::Incoming);
            assert!(!outputs.iter().any(|output| matches!(output, Output::Gather { .. })), "nothing opens without a click");
            continue;
        }
        assert_eq!(bob.media, AUDIO, "her camera does not turn his on");
        let call = pair.call();
        let Message::Accept(accept) = sent(&pair.bob(Input::Gathered { call, candidates: vec![] })).remove(0) else {
            panic!("an ACCEPT")
        };
        assert_eq!(accept.media, AUDIO);
        assert!(!pair.bob.memory.own.camera);
    }
}

/// Brings a pair to each state that Alice or Bob can be in.
fn in_state(state: usize) -> Pair {
    let mut pair = pair();
    match state {
        0 => {}
        1 => drop(pair.invite()),
        2 => {
            let invite = pair.invite();
            pair.bob_gets(invite);
        }
        3 => drop(pair.accept()),
        4 => {
            let accept = pair.accept();
            pair.alice_gets(Message::Accept(accept));
        }
        5 => drop(pair.reveal()),
        6 => drop(pair.confirm()),
        _ => drop(pair.connect()),
    }
    pair
}

proptest! {
    /// Every state, every message: with the right call and with another, from the peer and from somebody else.
    #[test]
    fn no_message_in_any_state_is_a_panic_or_starts_media(
        state in 0usize..8, kind in 0usize..11, right_call: bool, from_peer: bool, at_bob: bool, noise in any::<[u8; 32]>(),
    ) {
        let mut pair = in_state(state);
        let call = pair.alice.current().filter(|_| right_call).map_or(CallId([0xEE; 16]), |current| current.call);
        let reason = noise[0];
        let mut donor = in_state(0);
        let accept = Accept { call, n_b: noise, ..donor.accept() };
        let mut donor = in_state(0);
        let reveal = Reveal { call, n_a: noise, ..donor.reveal() };
        let Message::Invite(mut invite) = in_state(0).invite() else { unreachable!() };
        (invite.core.call, invite.core.commit) = (call, noise);
        let message = match kind {
            0 => Message::Invite(invite),
            1 => Message::Accept(accept),
            2 => Message::Reveal(reveal),
            3 => Message::Confirm(Confirm { call, mac_b: noise }),
            4 => Message::Ringing { call, reason },
            5 => Message::Decline { call, reason },
            6 => Message::Busy { call, reason },
            7 => Message::Cancel { call, reason },
            8 => Message::Abort { call, reason },
            9 => Message::Control(noise.to_vec().into()),
            _ => Message::Ping(1),
        };
        let stranger = identity(9).public();
        let peer = match (from_peer, at_bob) {
            (false, _) => stranger,
            (true, true) => pair.alice_key(),
            (true, false) => pair.bob_key(),
        };
        let input = Input::Message { peer, message };
        let outputs = if at_bob { pair.bob(input) } else { pair.alice(input) };
        let starts = |output: &Output| matches!(output, Output::StartMedia { .. } | Output::Secure { .. } | Output::Connect { .. });
        prop_assert!(!outputs.iter().any(starts));
        if state >= 7 || !from_peer {
            prop_assert_eq!(ended(&outputs), None, "neither a stranger nor an unsealed message ends a call that stands");
        }
        let side = if at_bob { &pair.bob } else { &pair.alice };
        prop_assert_eq!(side.deadline().is_some(), side.current().is_some(), "every state but idle ends by itself");
    }
}

fn pair_description() -> Description {
    Description { fingerprint: [9; 32], ufrag: "u".into(), pwd: "p".into(), codecs: vec![1] }
}
