//! The protocol document says what the code does: each example in it is computed again.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use data_encoding::HEXLOWER;
use vesper::call::Control;
use vesper::call::control::{Echo, Heartbeat, MediaState, PADDING};
use vesper::call::{CallSecrets, Dial, Input, Output, Rules};
use vesper::contacts::{Hint, Invitation, encode_hints};
use vesper::e2ee::{Direction, RootKey, Sealer, StreamId};
use vesper::identity::{Identity, SafetyNumber, Vault, hash};
use vesper::media::audio_payload::unpack;
use vesper::media::fragment::{FrameKind, cut};
use vesper::signal::knock::protocol::Binding;
use vesper::signal::message::{CallId, Candidate, CandidateKind, Description, MediaKind, Message, MessageId, Text};
use vesper::transport::datagram::Datagram;
use zeroize::Zeroizing;

const DOCUMENT: &str = include_str!("../../src/protocol.md");
const HANDSHAKE: &str = include_str!("../data/handshake.txt");

/// The examples by name: what stands after the line that describes each, without blanks.
fn examples() -> BTreeMap<&'static str, String> {
    let blocks = DOCUMENT.split("```text\nexample: ").skip(1);
    let example = |block: &'static str| {
        let (name, rest) = block.split_once('\n').expect("a name ends its line");
        let (_, content) = rest.split_once('\n').expect("a description follows");
        let content = content.split("```").next().unwrap_or_default();
        (name, content.split_whitespace().collect())
    };
    blocks.map(example).collect()
}

fn key(n: u8) -> Identity {
    Identity::from_secret(&[n; 32])
}

fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn hints() -> Vec<Hint> {
    vec![Hint::Address(address("192.168.1.7:4433")), Hint::Relay("https://r.example/".into())]
}

/// A control message without the zeros that pad it.
fn unpadded(control: &Control) -> String {
    let item = control.encode();
    assert!(item.len().is_multiple_of(PADDING));
    let length = usize::from(u16::from_be_bytes([item[0], item[1]]));
    hex(&item[..2 + length])
}

/// What A of `tests/data/handshake.txt` sends first.
fn invite_core() -> String {
    let description =
        |n: u8| Description { fingerprint: [n; 32], ufrag: format!("ufrag{n}"), pwd: "p".repeat(24), codecs: vec![1, 2] };
    let secrets = |n: u8| {
        let kem = (Zeroizing::new([n ^ 0x40; 64]), Zeroizing::new([n ^ 0xc0; 32]));
        CallSecrets::from_bytes(Zeroizing::new([n; 32]), [n ^ 0x80; 32], kem, description(n))
    };
    let dial = Dial {
        peer: key(2).public(),
        media: MediaKind { video: true },
        call: CallId([7; 16]),
        secrets: secrets(3),
        spare: secrets(5),
        linked: true,
        lowest_suite: 0,
    };
    let said = Rules::new(key(1).into()).step(Instant::now(), Input::Dial(Box::new(dial)));
    let invite = said.into_iter().find_map(|output| match output {
        Output::Send { message: Message::Invite(invite), .. } => Some(invite),
        _ => None,
    });
    hex(&invite.expect("dialling sends an INVITE").core.encode())
}

fn computed() -> BTreeMap<&'static str, String> {
    let (a, b) = (key(1).public(), key(2).public());
    let call = CallId([7; 16]);
    let mut list = Vec::new();
    let candidate = Candidate { kind: CandidateKind::Host, address: address("192.0.2.7:4000"), priority: 1 << 20 };
    Candidate::write_list(&[candidate], &mut list);
    let ringing = Message::Ringing { call, reason: 0 }.encode();
    let name = "Ana".to_owned();
    let invitation = Invitation { knock_id: b, hints: hints(), secret: [3; 16], expires: 2_000_000_000, one_use: true, name };
    let text = Text { id: MessageId([4; 16]), seq: 1, lamport: 2, sent_ms: 3, body: "hello".into() };
    let binding = Binding { x: [1; 32], knock_id: b, secret: [3; 16] };
    let state = MediaState { version: 3, microphone: true, camera: true, screen: false };
    let echo = Some(Echo { time_us: 4, held_us: 5 });
    let heartbeat = Heartbeat { epoch: 1, step: 2, time_us: 3, echo, audio: None };
    let (mut sealed, now) = (Vec::new(), Instant::now());
    let root = RootKey::new(0, Zeroizing::new([1; 32]));
    Sealer::new(&root, Direction::CallerToCallee, StreamId::Camera, now).seal(now, 0, b"vesper", &mut sealed).unwrap();
    BTreeMap::from([
        ("hash", hex(&hash(&[b"vesper", b""]))),
        ("sign", hex(&key(1).sign("vesper/1 accept", &[2; 32]))),
        ("hints", hex(&encode_hints(&hints()))),
        ("candidates", hex(&list)),
        ("invitation", invitation.encode()),
        ("knock", hex(&binding.knock(&key(4), "Ada", &[]))),
        ("ringing", hex(&[&(ringing.len() as u32).to_be_bytes()[..], &ringing].concat())),
        ("text", hex(&Message::Text(text).encode())),
        ("invite-core", invite_core()),
        ("sealed", hex(&sealed)),
        ("state", unpadded(&Control::State(state))),
        ("heartbeat", unpadded(&Control::Heartbeat(heartbeat))),
        ("pieces", hex(&cut(b"sealed", FrameKind::Keyframe)[0])),
        ("safety-number", SafetyNumber::between(&a, &b).digits()),
    ])
}

#[test]
fn every_example_of_the_protocol_document_is_what_the_code_makes() {
    let mut examples = examples();
    let sound = HEXLOWER.decode(examples.remove("sound").unwrap().as_bytes()).unwrap();
    assert_eq!(unpack(&sound).collect::<Vec<_>>(), [(0, &[0xaa; 3][..]), (1, &[0xbb; 3])]);
    let datagram = HEXLOWER.decode(examples.remove("datagram").unwrap().as_bytes()).unwrap();
    let (head, packet) = datagram.split_at(5);
    assert_eq!(head, [1, 7, 7, 7, 7]);
    let read = Datagram::parse(packet.to_vec().into()).and_then(|datagram| datagram.encode());
    assert_eq!(read.as_deref(), Some(packet));
    assert!(packet.ends_with(&cut(b"sealed", FrameKind::Keyframe)[0]));
    let vault = HEXLOWER.decode(examples.remove("vault").unwrap().as_bytes()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault");
    std::fs::write(&file, vault).unwrap();
    assert_eq!(Vault::open(&file, None).map(|(_, body)| body.to_vec()).ok().as_deref(), Some(&b"a body"[..]));
    assert_eq!(examples, computed());
}

#[test]
fn the_handshake_of_the_document_is_that_of_the_vectors() {
    let core = HANDSHAKE.lines().find_map(|line| line.strip_prefix("invite-core ")).unwrap();
    assert_eq!(core, examples()["invite-core"]);
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).unwrap() {
        let name = file.unwrap().file_name();
        let name = format!("tests/data/{}", name.to_str().unwrap());
        assert!(!name.ends_with(".txt") || DOCUMENT.contains(&name), "{name} is not spoken of");
    }
}
