use super::*;
use crate::signal::message::{Description, Message};
use ed25519_dalek::Signer;

const CALL: CallId = CallId([7; 16]);
const VIDEO: MediaKind = MediaKind { video: true };

fn identity(n: u8) -> Identity {
    Identity::from_secret(&[n; 32])
}

fn secrets(n: u8) -> CallSecrets {
    let description = Description { fingerprint: [n; 32], ufrag: format!("ufrag{n}"), pwd: "p".repeat(24), codecs: vec![1, 2] };
    let kem = (Zeroizing::new([n ^ 0x40; 64]), Zeroizing::new([n ^ 0xC0; 32]));
    CallSecrets::from_bytes(Zeroizing::new([n; 32]), [n ^ 0x80; 32], kem, description)
}

fn candidate(n: u8) -> Candidate {
    let kind = crate::signal::message::CandidateKind::Host;
    Candidate { kind, address: format!("192.0.2.{n}:4000").parse().unwrap(), priority: 1 << n }
}

fn offer() -> Offer {
    Offer::new(identity(1).public(), identity(2).public(), CALL, VIDEO, secrets(3))
}

fn answer(core: &InviteCore) -> (Accept, Answer) {
    Answer::new(&identity(2), core.clone(), secrets(4), VIDEO, vec![candidate(2)]).unwrap()
}

fn run() -> (CallKeys, CallKeys) {
    let offer = offer();
    let (accept, answer) = answer(offer.core());
    let (reveal, revealed) = offer.verify(&accept, 0).unwrap().reveal(&identity(1), vec![candidate(1)]);
    let (confirm, callee) = answer.open(&reveal).unwrap();
    (revealed.confirm(&confirm).unwrap(), callee)
}

/// Signs an ACCEPT that was changed, as the callee that chose to change it could.
fn sign_again(core: &InviteCore, accept: &mut Accept, by: &Identity) {
    let t2 = hash(&[b"vesper/1 T2", &core.encode(), &accept.unsigned()]);
    accept.sig_b = by.sign("vesper/1 accept", &t2);
}

fn refusal<T>(result: Result<T, Refusal>) -> Refusal {
    result.err().expect("a refusal")
}

#[test]
fn both_sides_get_the_same_words_and_keys_that_open_each_other() {
    let (caller, callee) = run();
    assert_eq!(caller.words, callee.words);
    assert_eq!((caller.direction, callee.direction), (Direction::CallerToCallee, Direction::CalleeToCaller));
    let now = std::time::Instant::now();
    let stream = crate::e2ee::StreamId::Camera;
    let inbound = crate::e2ee::Inbound::new(now, Default::default());
    let mut item = Vec::new();
    crate::e2ee::Sealer::new(&caller.root, caller.direction, stream, now).seal(now, 0, b"hello", &mut item).unwrap();
    let mut out = Vec::new();
    crate::e2ee::Opener::new(&callee.root, caller.direction, stream, &inbound).open(now, 0, &item, &mut out).unwrap();
    assert_eq!(out, b"hello");
}

#[test]
fn the_handshake_gives_the_bytes_of_the_fixed_vectors() {
    let offer = offer();
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let mut made = String::from(
        "# Identities: secrets 1 and 2, each byte. Ephemerals 3 and 4, nonces 0x83 and 0x84, B's KEM seed 0x44, A's KEM randomness 0xc3. Bodies as sent, in hexadecimal.\n",
    );
    made += &format!("invite-core {}\n", hex(&offer.core().encode()));
    let (accept, answer) = answer(offer.core());
    made += &format!("accept {}\n", hex(&Message::Accept(accept.clone()).encode()[1..]));
    let (reveal, _) = offer.verify(&accept, 0).unwrap().reveal(&identity(1), vec![candidate(1)]);
    made += &format!("reveal {}\n", hex(&Message::Reveal(reveal.clone()).encode()[1..]));
    let (confirm, keys) = answer.open(&reveal).unwrap();
    made += &format!("confirm {}\n", hex(&Message::Confirm(confirm).encode()[1..]));
    made += &format!("words {}\n", keys.words.map(|word| word.1).join(" "));
    let mut item = Vec::new();
    let now = std::time::Instant::now();
    let mut sealer = crate::e2ee::Sealer::new(&keys.root, keys.direction, crate::e2ee::StreamId::Control, now);
    sealer.seal(now, 0, b"vesper", &mut item).unwrap();
    made += &format!("first-control-of-the-callee {}\n", hex(&item));
    assert_eq!(made, include_str!("../../../tests/data/handshake.txt"));
}

/// Every byte of the three messages that make the keys, one at a time, and of CONFIRM.
#[test]
fn each_byte_of_invite_accept_and_reveal_flipped_is_refused() {
    let core = offer().core().clone();
    let (accept, first) = answer(&core);
    let (reveal, _) = offer().verify(&accept, 0).unwrap().reveal(&identity(1), vec![candidate(1)]);
    let (confirm, _) = first.open(&reveal).unwrap();

    // Type, LP length, then the core; the age at the end is not part of it. B answers what it got; A signed up for what it sent.
    let invite = Message::Invite(crate::signal::message::Invite { core: core.clone(), age_ms: 0 }).encode();
    each_flip(&invite, 5..invite.len() - 4, |message| {
        let Message::Invite(invite) = message else { return true };
        let answered = Answer::new(&identity(2), invite.core, secrets(4), VIDEO, vec![]);
        answered.is_err() || offer().verify(&answered.unwrap().0, 0).is_err()
    });
    let bytes = Message::Accept(accept.clone()).encode();
    each_flip(&bytes, 1..bytes.len(), |message| {
        let Message::Accept(accept) = message else { return true };
        offer().verify(&accept, 0).is_err()
    });
    let bytes = Message::Reveal(reveal).encode();
    each_flip(&bytes, 1..bytes.len(), |message| {
        let Message::Reveal(reveal) = message else { return true };
        answer(&core).1.open(&reveal).is_err()
    });
    let bytes = Message::Confirm(confirm).encode();
    each_flip(&bytes, 17..bytes.len(), |message| {
        let Message::Confirm(confirm) = message else { return true };
        let (_, revealed) = offer().verify(&accept, 0).unwrap().reveal(&identity(1), vec![candidate(1)]);
        refusal(revealed.confirm(&confirm)) == Refusal::Proof
    });
}

/// Flips a bit of each byte in `range`; what can still be read must be `refused`.
fn each_flip(bytes: &[u8], range: std::ops::Range<usize>, refused: impl Fn(Message) -> bool) {
    for position in range {
        let mut altered = bytes.to_vec();
        altered[position] ^= 0x10;
        if let Ok(message) = Message::decode(&altered) {
            assert!(refused(message), "byte {position} of type {:#04x}", bytes[0]);
        }
    }
}

#[test]
fn a_commit_that_does_not_open_ends_the_call_before_any_key() {
    let offer = offer();
    let (accept, answer) = answer(offer.core());
    let (mut reveal, _) = offer.verify(&accept, 0).unwrap().reveal(&identity(1), vec![]);
    // The caller itself signs another ephemeral than it committed to.
    reveal.e_a = Ephemeral::new(Zeroizing::new([9; 32])).public();
    let t3 = hash(&[b"vesper/1 T3", &answer.t2, &answer.sig_b, &reveal.unsigned()]);
    reveal.sig_a = identity(1).sign("vesper/1 reveal", &t3);
    assert_eq!(refusal(answer.open(&reveal)), Refusal::Proof);
}

#[test]
fn an_accept_signed_for_another_caller_is_refused() {
    let mallory = Offer::new(identity(6).public(), identity(2).public(), CALL, VIDEO, secrets(3));
    let (accept, _) = answer(mallory.core());
    assert_eq!(refusal(offer().verify(&accept, 0)), Refusal::Proof);
}

#[test]
fn an_accept_by_anyone_but_who_was_called_is_refused() {
    let offer = offer();
    let (mut accept, _) = answer(offer.core());
    sign_again(offer.core(), &mut accept, &identity(6));
    assert_eq!(refusal(offer.verify(&accept, 0)), Refusal::Proof);
}

#[test]
fn own_invite_own_ephemeral_and_own_mac_reflected_are_refused() {
    let mine = offer();
    let own = Ephemeral::new(Zeroizing::new([3; 32])).public();
    let (mut accept, _) = answer(mine.core());
    accept.e_b = own;
    sign_again(mine.core(), &mut accept, &identity(2));
    assert_eq!(refusal(mine.verify(&accept, 0)), Refusal::Ephemeral);

    let mine = offer();
    let (mut accept, _) = answer(mine.core());
    accept.description = mine.core().description.clone();
    sign_again(mine.core(), &mut accept, &identity(2));
    assert_eq!(refusal(mine.verify(&accept, 0)), Refusal::Description);

    let mine = offer();
    let (accept, _) = answer(mine.core());
    let (reveal, revealed) = mine.verify(&accept, 0).unwrap().reveal(&identity(1), vec![]);
    assert_eq!(refusal(revealed.confirm(&Confirm { call: CALL, mac_b: reveal.mac_a })), Refusal::Proof);
}

#[test]
fn a_suite_that_was_not_offered_or_is_below_the_remembered_one_is_refused() {
    let mine = offer();
    let (mut accept, _) = answer(mine.core());
    accept.suite = 1;
    sign_again(mine.core(), &mut accept, &identity(2));
    assert_eq!(refusal(mine.verify(&accept, 0)), Refusal::Suite);
    let (accept, _) = answer(offer().core());
    assert_eq!(refusal(offer().verify(&accept, 3)), Refusal::Suite);
    assert!(!acceptable(offer().core(), 3));
    // X25519 alone, which an older Vesper or somebody who pretends to be one would offer.
    let old = InviteCore { suites: vec![1], ..offer().core().clone() };
    assert!(!acceptable(&old, 0));
}

#[test]
fn low_order_ephemerals_and_weak_identity_keys_are_refused() {
    // The points of small order of Curve25519, and the first two in a second spelling.
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for point in points {
        let point: [u8; 32] = data_encoding::HEXLOWER.decode(point.as_bytes()).unwrap().try_into().unwrap();
        assert!(Ephemeral::new(Zeroizing::new([3; 32])).agree(&point).is_none());
        let mine = offer();
        let (mut accept, _) = answer(mine.core());
        accept.e_b = point;
        sign_again(mine.core(), &mut accept, &identity(2));
        assert_eq!(refusal(mine.verify(&accept, 0)), Refusal::Ephemeral);
    }
    // The points of small order of Ed25519, under which one signature can hold for every message, and a second spelling of one.
    let weak = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
    ];
    let invite = Message::Invite(crate::signal::message::Invite { core: offer().core().clone(), age_ms: 0 }).encode();
    for key in weak {
        let key: [u8; 32] = data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap().try_into().unwrap();
        assert_eq!(PublicKey::from_bytes(&key), None);
        // Type, LP length, version, call id; then the caller, then the callee.
        for at in [22, 54] {
            let mut altered = invite.clone();
            altered[at..at + 32].copy_from_slice(&key);
            assert!(Message::decode(&altered).is_err(), "it cannot even be said in an INVITE");
        }
    }
}

#[test]
fn malleable_and_bare_hash_signatures_are_refused() {
    let mine = offer();
    let (accept, _) = answer(mine.core());
    let t2 = hash(&[b"vesper/1 T2", &mine.core().encode(), &accept.unsigned()]);

    // s + L instead of s: the same signature to whoever does not check (RFC 8032 section 5.1.7).
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let order = data_encoding::HEXLOWER.decode(order.as_bytes()).unwrap();
    let mut malleable = accept.clone();
    let mut carry = 0;
    for (byte, add) in malleable.sig_b[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(refusal(offer().verify(&malleable, 0)), Refusal::Proof);

    let mut bare = accept;
    bare.sig_b = ed25519_dalek::SigningKey::from_bytes(&[2; 32]).sign(&t2).to_bytes();
    assert_eq!(refusal(mine.verify(&bare, 0)), Refusal::Proof);
}

#[test]
fn a_swapped_certificate_on_either_side_is_refused() {
    let mut core = offer().core().clone();
    core.description.fingerprint = [0xEE; 32];
    let (accept, _) = answer(&core);
    assert_eq!(refusal(offer().verify(&accept, 0)), Refusal::Proof);

    let mine = offer();
    let (mut accept, _) = answer(mine.core());
    accept.description.fingerprint = [0xEE; 32];
    assert_eq!(refusal(mine.verify(&accept, 0)), Refusal::Proof);
}

/// Mallory swapped both contacts' keys for his own when they first met, so both handshakes hold. What is left to notice:
/// the words, for he committed to one side before he knew the other's share.
#[test]
fn man_in_the_middle_after_first_contact_swap_is_caught_by_words_and_number_only() {
    let mallory = identity(6);
    let to_bob = Offer::new(mallory.public(), identity(2).public(), CALL, VIDEO, secrets(7));
    let from_alice = Offer::new(identity(1).public(), mallory.public(), CALL, VIDEO, secrets(3));
    let (accept, bob) = answer(to_bob.core());
    let (forged, as_bob) = Answer::new(&mallory, from_alice.core().clone(), secrets(8), VIDEO, vec![]).unwrap();
    let (reveal, alice) = from_alice.verify(&forged, 0).unwrap().reveal(&identity(1), vec![]);
    let (confirm, mallory_and_alice) = as_bob.open(&reveal).unwrap();
    let (forged, _) = to_bob.verify(&accept, 0).unwrap().reveal(&mallory, vec![]);
    let (_, bob) = bob.open(&forged).unwrap();
    let alice = alice.confirm(&confirm).unwrap();
    assert_eq!(alice.words, mallory_and_alice.words);
    assert_ne!(alice.words, bob.words);
}

#[test]
fn swapping_the_kem_key_changes_the_words() {
    let honest = offer();
    let (accept, _) = answer(honest.core());
    let words = |accept: &Accept| {
        let offer = offer();
        let t2 = hash(&[b"vesper/1 T2", &offer.core().encode(), &accept.unsigned()]);
        let e_a = offer.ephemeral.public();
        hash(&[b"vesper/1 words", &t2, &e_a, &offer.nonce])
    };
    let mut swapped = accept.clone();
    swapped.ek = KemKey::new(&Zeroizing::new([0x99; 64])).public();
    assert_eq!(refusal(honest.verify(&swapped, 0)), Refusal::Proof, "B did not sign that key");
    // B itself, or who stole B's identity, could sign it; the words then tell.
    sign_again(offer().core(), &mut swapped, &identity(2));
    assert!(offer().verify(&swapped, 0).is_ok());
    assert_ne!(words(&accept), words(&swapped));
}

#[test]
fn changing_the_ciphertext_fails_confirmation_and_leaves_the_words() {
    let offer = offer();
    let (accept, callee) = answer(offer.core());
    let (mut reveal, caller) = offer.verify(&accept, 0).unwrap().reveal(&identity(1), vec![]);
    let words = caller.schedule.words;
    let (other, _) = kem::encapsulate(&accept.ek, &Zeroizing::new([0x11; 32])).unwrap();
    reveal.ct = other;
    // Whoever could sign for A still does not know what A's confirmation key is.
    let t3 = hash(&[b"vesper/1 T3", &callee.t2, &callee.sig_b, &reveal.unsigned()]);
    reveal.sig_a = identity(1).sign("vesper/1 reveal", &t3);
    assert_eq!(refusal(callee.open(&reveal)), Refusal::Proof);
    let [a, b, c, d, ..] = hash(&[b"vesper/1 words", &answer(self::offer().core()).1.t2, &reveal.e_a, &reveal.n_a]);
    assert_eq!(words, [a, b, c, d], "the words are of the transcript, not of the secret");
}

#[test]
fn a_key_of_ml_kem_that_is_none_is_refused() {
    for broken in [vec![], vec![0; 1183], vec![0xff; 1184]] {
        let mine = offer();
        let (mut accept, _) = answer(mine.core());
        accept.ek = broken;
        sign_again(mine.core(), &mut accept, &identity(2));
        assert_eq!(refusal(mine.verify(&accept, 0)), Refusal::Ephemeral);
    }
}
