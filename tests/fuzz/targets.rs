//! What every parser of a peer's bytes must hold, one function each: `cargo fuzz` runs them for as long as one likes (see
//! `Cargo.toml` beside this file), `tests/it/parsers.rs` some hundred times in every test run.
//!
//! A function takes any bytes at all and panics if what it promises does not hold. Bytes that are only noise rarely get past the
//! first field, so most functions read them as instructions: which honest message to begin with, and what to change in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vesper::call::control::{AudioClock, Echo, Heartbeat, MediaState, Report};
use vesper::call::{CallSecrets, Control, Dial, Input, Output, Rules};
use vesper::contacts::{Hint, Invitation, OpenInvitation, PairSecret, decode_hints, encode_hints};
use vesper::conversation::{links, version};
use vesper::e2ee::{Direction, Inbound, Opener, RootKey, Sealer, StreamId};
use vesper::identity::{Identity, SafetyNumber, Vault, hash, seal};
use vesper::media::audio_jitter::{AudioJitter, Step, VoicePacket};
use vesper::media::audio_payload::{MOST_COPIES, unpack};
use vesper::media::clock::MediaTime;
use vesper::media::nal::{Gate, MAX_UNIT};
use vesper::media::packet::{IncomingPacket, OutgoingFrame};
use vesper::media::video_jitter::VideoJitter;
use vesper::media::voice_decoder::{VoiceDecoder, samples_of};
use vesper::signal::knock::protocol::{Answer, Binding, KNOCK, KnockAnswer, OK};
use vesper::signal::message::{
    About, Accept, CallId, Candidate, CandidateKind, Confirm, Description, Invite, InviteCore, MediaKind, Message, MessageId,
    Reveal, Text,
};
use vesper::transport::bandwidth::FLOOR_KBPS;
use vesper::transport::bare::{Arrived, BarePath};
use vesper::transport::datagram::Datagram;
use vesper::transport::parity::{MOST_PACKETS, MOST_PARITIES, Recovery, protect};
use vesper::transport::{Numbered, Role, StartRate};
use zeroize::Zeroizing;

/// A name, as `cargo fuzz run` knows it, and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: [Target; 16] = [
    ("link_message", link_message),
    ("candidates_and_hints", candidates_and_hints),
    ("written", written),
    ("invitation", invitation),
    ("knock", knock),
    ("handshake", handshake),
    ("control", control),
    ("sealed_item", sealed_item),
    ("video_reassembly", video_reassembly),
    ("sound", sound),
    ("parity", parity),
    ("datagram", datagram),
    ("path", path),
    ("h264", h264),
    ("vault", vault),
    ("safety_code", safety_code),
];

/// The most that one run looks at.
const MOST: usize = 4096;

/// Reads instructions; zero once they are used up.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn u8(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    fn below(&mut self, most: usize) -> usize {
        usize::from(self.u16()) % most.max(1)
    }

    fn take(&mut self, most: usize) -> Vec<u8> {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken.to_vec()
    }

    /// Either all that is left as it is, or one of `honest` with up to eight changes.
    fn bytes(&mut self, honest: &[Vec<u8>]) -> Vec<u8> {
        let choice = usize::from(self.u8());
        if choice < 64 {
            return self.take(MOST);
        }
        let mut bytes = honest[choice % honest.len()].clone();
        for _ in 0..self.u8() % 9 {
            self.change(&mut bytes);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (kind, at, value) = (self.u8(), self.below(bytes.len() + 1), self.u8());
        match (kind % 6, bytes.get_mut(at)) {
            (0 | 1, Some(byte)) => *byte = value,
            (2, Some(byte)) => *byte ^= 1 << (value & 7),
            (3, _) => bytes.truncate(at),
            (4, _) => bytes.insert(at, value),
            (5, Some(_)) => drop(bytes.remove(at)),
            _ => bytes.push(value),
        }
    }
}

/// Whether `data` is among the one in `many` inputs that also do what costs a thousand times as much as the rest. Always the same
/// ones, and chosen so that no fuzzer learns to ask for them.
fn is_one_in(many: u16, data: &[u8]) -> bool {
    let [a, b, ..] = <[u8; 32]>::from(<Sha256 as sha2::Digest>::digest(data));
    u16::from_be_bytes([a, b]).is_multiple_of(many)
}

/// One of a few people, whose public keys are computed once.
fn key(n: u8) -> &'static Arc<Identity> {
    static KEYS: OnceLock<[Arc<Identity>; 8]> = OnceLock::new();
    let keys = KEYS.get_or_init(|| std::array::from_fn(|n| Arc::new(Identity::from_secret(&[n as u8; 32]))));
    &keys[usize::from(n)]
}

fn description(n: u8) -> Description {
    Description { fingerprint: [n; 32], ufrag: "ufrag".into(), pwd: "p".repeat(24), codecs: vec![1, 2] }
}

fn candidates() -> Vec<Candidate> {
    let candidate = |kind, address: &str| Candidate { kind, address: address.parse().expect("an address"), priority: 1 << 20 };
    vec![candidate(CandidateKind::Host, "192.0.2.7:4000"), candidate(CandidateKind::Relay, "[2001:db8::7]:4000")]
}

fn hints() -> Vec<Hint> {
    vec![Hint::Relay("https://relay.example/".into()), Hint::Address("192.0.2.7:4433".parse().expect("an address"))]
}

fn controls() -> Vec<Control> {
    let echo = Some(Echo { time_us: 1_000_000, held_us: 5 });
    let audio = Some(AudioClock { timestamp: 48_000, time_us: 1_000_000 });
    vec![
        Control::Hangup { reason: 0 },
        Control::State(MediaState { version: 3, microphone: true, camera: true, screen: false }),
        Control::Heartbeat(Heartbeat { epoch: 1, step: 2, time_us: 3, echo, audio }),
        Control::Candidates { version: 1, candidates: candidates() },
        Control::Restart { path: 1, description: description(9), candidates: candidates() },
        Control::Rekey { epoch: 1, e_a: [9; 32] },
        Control::RekeyOk { epoch: 1, e_b: [9; 32] },
        Control::Report(Report { shown_fps_x10: 300, received_kbps: 2000, lost_per_10k: 10 }),
        Control::Repair { stream: StreamId::Camera },
    ]
}

/// Every message of the link, as an honest contact would send it.
fn messages() -> &'static [Vec<u8>] {
    static MESSAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let (call, media) = (CallId([7; 16]), MediaKind { video: true });
        let (caller, callee) = (key(1).public(), key(2).public());
        let core = InviteCore { call, caller, callee, suites: vec![2], media, commit: [5; 32], description: description(3) };
        let accept = Accept {
            call,
            suite: 2,
            e_b: [6; 32],
            n_b: [7; 32],
            ek: vec![8; 1184],
            media,
            description: description(4),
            candidates: candidates(),
            sig_b: [9; 64],
        };
        let reveal = Reveal {
            call,
            e_a: [6; 32],
            n_a: [7; 32],
            ct: vec![8; 1088],
            candidates: candidates(),
            sig_a: [9; 64],
            mac_a: [10; 32],
        };
        let all = [
            Message::Hints(hints()),
            Message::Ping(1),
            Message::Pong(1),
            Message::Invite(Invite { core, age_ms: 20 }),
            Message::Accept(accept),
            Message::Reveal(reveal),
            Message::Confirm(Confirm { call, mac_b: [1; 32] }),
            Message::Ringing { call, reason: 0 },
            Message::Cancel { call, reason: 0 },
            Message::Abort { call, reason: 1 },
            Message::Control(vec![1; 144].into()),
            Message::Text(Text { id: MessageId([4; 16]), seq: 1, lamport: 2, sent_ms: 3, body: "hello".into() }),
            Message::Receipt(vec![MessageId([4; 16]); 2]),
            Message::About(About { shows_presence: true, version: "1.2.3".into() }),
        ];
        all.iter().map(Message::encode).collect()
    })
}

/// What is read is written back as the same bytes, so that a hash over it is the hash over what was sent.
pub fn link_message(data: &[u8]) {
    let bytes = Dice(data).bytes(messages());
    match Message::decode(&bytes) {
        // Hints of unknown kinds are left out: the one message that may be written otherwise than it came.
        Ok(message @ Message::Hints(_)) => assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message)),
        Ok(message) => assert_eq!(message.encode(), bytes),
        Err(_) => {}
    }
}

/// Lists stay below their caps, and hold only what may be dialled.
pub fn candidates_and_hints(data: &[u8]) {
    static HONEST: OnceLock<[Vec<Vec<u8>>; 2]> = OnceLock::new();
    let [lists, hinted] = HONEST.get_or_init(|| {
        let mut list = Vec::new();
        Candidate::write_list(&candidates(), &mut list);
        [vec![list], vec![encode_hints(&hints())]]
    });
    let mut dice = Dice(data);
    if dice.u8().is_multiple_of(2) {
        let bytes = dice.bytes(lists);
        if let Ok(read) = Candidate::decode_list(&bytes) {
            let mut written = Vec::new();
            Candidate::write_list(&read, &mut written);
            assert_eq!(written, bytes);
            let usable = |candidate: &Candidate| {
                let ip = candidate.address.ip();
                candidate.address.port() != 0 && !ip.is_multicast() && !ip.is_unspecified()
            };
            assert!(read.len() <= 16 && read.iter().all(usable));
        }
    } else if let Some(read) = decode_hints(&dice.bytes(hinted)) {
        assert!(read.len() <= 8);
        assert_eq!(decode_hints(&encode_hints(&read)), Some(read));
    }
}

/// What a person wrote, and what a program says of itself: links are parts of the text, whole characters, with a host.
pub fn written(data: &[u8]) {
    static HONEST: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let honest = HONEST.get_or_init(|| {
        let texts =
            ["see https://example.org/a?b#c, or (http://user@xn--bcher-kva.example:80).", "https://раypal.example ü", "1.20.3"];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    });
    let bytes = Dice(data).bytes(honest);
    let text = String::from_utf8_lossy(&bytes);
    let mut end = 0;
    for link in links::find(&text) {
        assert!(link.range.start >= end && !link.range.is_empty() && !link.host.is_empty());
        assert!(text[link.range.clone()].to_ascii_lowercase().starts_with("http"), "nothing but a link to the web is one");
        end = link.range.end;
    }
    assert!(!(version::is_newer(&text, "1.2.3") && version::is_newer("1.2.3", &text)));
}

/// What is read is an invitation that reads as the same again.
pub fn invitation(data: &[u8]) {
    static HONEST: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let honest = HONEST.get_or_init(|| {
        let open = OpenInvitation::new("Ana", hints(), "for Bo", true, 1, 90_000);
        vec![open.invitation.encode().into_bytes()]
    });
    let mut dice = Dice(data);
    let raw = dice.u8();
    let bytes = dice.bytes(honest);
    let text = if raw < 64 {
        // Past the checksum, which no chance gets right: any fields at all, with the right sum.
        let mut fields = [&[1][..], &bytes].concat();
        let sum = <Sha256 as sha2::Digest>::digest(&fields);
        fields.extend_from_slice(&sum[..4]);
        format!("vesper:{}", data_encoding::BASE32_NOPAD.encode(&fields))
    } else {
        String::from_utf8_lossy(&bytes).into_owned()
    };
    if let Ok(read) = Invitation::parse(&text) {
        assert!(read.hints.len() <= 8 && read.name.len() <= 64);
        assert_eq!(Invitation::parse(&read.encode()), Ok(read));
    }
}

/// A knock and its answer: only who holds secret and key gets past the proof, and what they say then is read or refused.
pub fn knock(data: &[u8]) {
    let binding = Binding { x: [1; 32], knock_id: key(2).public(), secret: [3; 16] };
    static HONEST: OnceLock<[Vec<Vec<u8>>; 2]> = OnceLock::new();
    let [knocks, answers] = HONEST.get_or_init(|| {
        let k1 = binding.knock(key(4), "Ada", &hints());
        let ok = KnockAnswer::Ok { name: "Bob".into(), hints: hints(), pair_secret: PairSecret::from_bytes([5; 32]) };
        [vec![k1.clone()], vec![binding.answer(key(6), &k1, &ok)]]
    });
    let k1 = &knocks[0];
    let mut dice = Dice(data);
    match dice.u8() % 4 {
        0 => {
            let bytes = dice.bytes(knocks);
            assert_eq!(binding.check_knock(&bytes).is_some(), bytes == *k1, "nothing but the knock that was signed holds");
        }
        1 => {
            let bytes = dice.bytes(answers);
            if let Ok(Answer::Ok(card, _)) = binding.check_answer(k1, &bytes) {
                assert_eq!(card.key, key(6).public());
            }
        }
        // Whoever holds the invitation signs any body at all.
        2 => {
            let body = dice.bytes(&[k1[..k1.len() - 96].to_vec()]);
            let proof = Hmac::<Sha256>::new_from_slice(&binding.secret).expect("any length").chain_update(b"vesper/1 knock");
            let proof = proof.chain_update(binding.x).chain_update(&body).finalize().into_bytes();
            let signed = hash(&[&binding.x, binding.knock_id.as_bytes(), &binding.secret, &body]);
            let knock = [&body[..], &proof, &key(4).sign("vesper/1 knock", &signed)].concat();
            if let Some(card) = binding.check_knock(&knock) {
                assert!(card.key == key(4).public() && card.name.len() <= 64 && card.hints.len() <= 8);
            }
        }
        _ => {
            let card = dice.bytes(&[answers[0][1..answers[0].len() - 96].to_vec()]);
            let signature = key(6).sign("vesper/1 knock ok", &hash(&[&binding.x, binding.knock_id.as_bytes(), k1]));
            let answer = [&[OK][..], &card, &[5; 32], &signature].concat();
            if let Ok(Answer::Ok(card, _)) = binding.check_answer(k1, &answer) {
                assert!(card.key == key(6).public() && card.name.len() <= 64 && card.hints.len() <= 8);
            }
        }
    }
    debug_assert_eq!(KNOCK, 1);
}

/// Two rule sets and a link on which messages are changed, doubled, kept back and made up, and a peer that says anything at all in
/// its sealed control stream: no panic, media only after both sides have keys, and the same words wherever both have them.
pub fn handshake(data: &[u8]) {
    static SAID: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let said = SAID.get_or_init(|| controls().iter().map(Control::encode).collect());
    let mut dice = Dice(data);
    let now = Instant::now();
    let people = [key(1), key(2)].map(Clone::clone);
    let mut sides = people.each_ref().map(|me| Rules::new(me.clone()));
    let mut world = World { now, people, wire: VecDeque::new(), secured: [None, None], fresh: 0 };
    let dial = world.dial(1);
    world.step(&mut sides, 0, dial);
    for _ in 0..48 {
        if dice.is_empty() {
            break;
        }
        let op = dice.u8();
        match op % 14 {
            0..=4 => {
                if let Some((to, message)) = world.wire.pop_front() {
                    world.hand(&mut sides, to, message);
                }
            }
            5 => {
                if let Some((to, message)) = world.wire.pop_front() {
                    let mut bytes = message.encode();
                    dice.change(&mut bytes);
                    if let Ok(message) = Message::decode(&bytes) {
                        world.hand(&mut sides, to, message);
                    }
                }
            }
            6 => {
                if let Some(said) = world.wire.front().cloned() {
                    world.wire.push_back(said);
                }
            }
            7 => drop(world.wire.pop_front()),
            8 => {
                world.now += Duration::from_millis(u64::from(dice.u8()) * 100);
                world.step(&mut sides, 0, Input::Tick);
                world.step(&mut sides, 1, Input::Tick);
            }
            9 => {
                let secrets = world.secrets();
                world.step(&mut sides, 1, Input::Accept { media: MediaKind { video: true }, secrets, lowest_suite: 0 });
            }
            10 => {
                let (side, bytes) = (usize::from(dice.u8() & 1), dice.bytes(messages()));
                if let Ok(message) = Message::decode(&bytes) {
                    world.hand(&mut sides, side, message);
                }
            }
            11 => {
                let side = usize::from((op / 14) & 1);
                let input = if op & 64 == 0 { Input::HangUp } else { world.dial(1 - side) };
                world.step(&mut sides, side, input);
            }
            12 => {
                let side = usize::from((op / 14) & 1);
                let mut bytes = dice.bytes(said);
                bytes.resize(bytes.len().next_multiple_of(128), 0);
                if let (Some((call, _)), Some(control)) = (world.secured[side], Control::decode(&bytes)) {
                    world.step(&mut sides, side, Input::Control { call, control });
                }
            }
            _ => {
                let (side, path) = (usize::from((op / 14) & 1), u32::from(dice.u8() % 4));
                let Some(call) = sides[side].current().map(|current| current.call) else { continue };
                let input = match op / 28 {
                    0 => Input::TransportDisconnected { call, path },
                    1 => Input::TransportFailed { call, path },
                    2 => Input::TransportConnected { call, path },
                    3 => Input::SealBroken { call },
                    4 => Input::NetworkChanged,
                    _ => Input::Heard { call },
                };
                world.step(&mut sides, side, input);
            }
        }
    }
    if let [Some(alice), Some(bob)] = &world.secured {
        assert!(alice.0 != bob.0 || alice.1 == bob.1, "both have keys, and not the same words");
    }
}

struct World {
    now: Instant,
    people: [Arc<Identity>; 2],
    wire: VecDeque<(usize, Message)>,
    secured: [Option<(CallId, [&'static str; 4])>; 2],
    fresh: u8,
}

impl World {
    fn secrets(&mut self) -> CallSecrets {
        self.fresh = self.fresh.wrapping_add(1);
        let n = self.fresh;
        let kem = (Zeroizing::new([n; 64]), Zeroizing::new([n; 32]));
        CallSecrets::from_bytes(Zeroizing::new([n; 32]), [n; 32], kem, description(n))
    }

    fn dial(&mut self, whom: usize) -> Input {
        let (secrets, spare) = (self.secrets(), self.secrets());
        let (peer, media, call) = (self.people[whom].public(), MediaKind { video: true }, CallId([self.fresh; 16]));
        Input::Dial(Box::new(Dial { peer, media, call, secrets, spare, linked: true, lowest_suite: 0 }))
    }

    fn hand(&mut self, sides: &mut [Rules; 2], to: usize, message: Message) {
        let peer = self.people[1 - to].public();
        self.step(sides, to, Input::Message { peer, message });
    }

    fn step(&mut self, sides: &mut [Rules; 2], side: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in sides[side].step(self.now, input) {
                match output {
                    Output::Send { message, .. } if self.wire.len() < 64 => self.wire.push_back((1 - side, message)),
                    Output::Gather { call, .. } => inputs.push_back(Input::Gathered { call, candidates: candidates() }),
                    Output::Connect { call, path, .. } => inputs.push_back(Input::TransportConnected { call, path }),
                    Output::Regather { call, path } => {
                        let reach = Some((description(path as u8), candidates()));
                        inputs.push_back(Input::Regathered { call, path, reach });
                    }
                    Output::AddCandidates { candidates, .. } => assert!(candidates.len() <= 16),
                    Output::Secure { call, keys, .. } => self.secured[side] = Some((call, keys.words.map(|word| word.1))),
                    Output::StartMedia { call, .. } => {
                        assert!(self.secured[side].as_ref().is_some_and(|(of, _)| *of == call), "media without keys");
                    }
                    _ => {}
                }
            }
        }
        assert!(sides[side].deadline().is_none() || sides[side].current().is_some());
    }
}

/// What is read is written back as the same bytes.
pub fn control(data: &[u8]) {
    static HONEST: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let honest = HONEST.get_or_init(|| controls().iter().map(Control::encode).collect());
    let mut bytes = Dice(data).bytes(honest);
    if data.first().is_some_and(|first| first.is_multiple_of(2)) {
        // As a peer would pad it.
        bytes.resize(bytes.len().next_multiple_of(128), 0);
    }
    if let Some(control) = Control::decode(&bytes) {
        assert_eq!(control.encode(), bytes);
    }
}

/// Nothing opens but what was sealed, each once, whatever comes between.
pub fn sealed_item(data: &[u8]) {
    let (mut dice, start) = (Dice(data), Instant::now());
    let stream = [StreamId::Audio, StreamId::Camera, StreamId::Control][dice.below(3)];
    let root = RootKey::new(0, Zeroizing::new([7; 32]));
    let mut sealer = Sealer::new(&root, Direction::CallerToCallee, stream, start);
    let mut opener = Opener::new(&root, Direction::CallerToCallee, stream, &Inbound::new(start, Arc::default()));
    let (mut sent, mut shown): (Vec<(Vec<u8>, u8)>, BTreeSet<u64>) = (Vec::new(), BTreeSet::new());
    let (mut now, mut out) = (start, Vec::new());
    for _ in 0..64 {
        if dice.is_empty() {
            break;
        }
        let op = dice.u8();
        match op % 4 {
            0 => {
                now += Duration::from_secs(u64::from(op / 4) * 4);
                let mut item = Vec::new();
                let plain = (sent.len() as u64).to_be_bytes();
                sealer.seal(now, op & 1, &plain, &mut item).expect("no stream counts that far");
                sent.push((item, op & 1));
            }
            1 if !sent.is_empty() => {
                let at = dice.below(sent.len());
                let (item, meta) = sent[at].clone();
                if opener.open(now, meta, &item, &mut out).is_ok() {
                    assert_eq!(out, (at as u64).to_be_bytes());
                    assert!(shown.insert(at as u64), "item {at} was opened twice");
                }
            }
            2 if !sent.is_empty() => {
                let at = dice.below(sent.len());
                let (mut item, meta) = sent[at].clone();
                dice.change(&mut item);
                if sent.iter().all(|(honest, _)| *honest != item) {
                    assert!(opener.open(now, meta, &item, &mut out).is_err() && out.is_empty());
                }
                assert!(opener.open(now, meta ^ 2, &sent[at].0, &mut out).is_err(), "what travels beside it counts too");
            }
            _ => {
                let length = dice.below(64);
                assert!(opener.open(now, op, &dice.take(length), &mut out).is_err());
            }
        }
    }
}

/// Pieces in any order and shape: frames stay below their cap, and nobody is asked to wait for a moment that has passed. All that wait are
/// gone through for each that comes, so only one input in 64 is long.
pub fn video_reassembly(data: &[u8]) {
    let most = if is_one_in(64, data) { 512 } else { 64 };
    let (mut dice, mut jitter) = (Dice(data), VideoJitter::default());
    let (mut now, mut sequence, mut timestamp) = (MediaTime(1_700_000_000_000_000), 65_530u16, 1u32);
    for _ in 0..most {
        if dice.is_empty() {
            break;
        }
        let op = dice.u8();
        match op % 8 {
            0..=3 => sequence = sequence.wrapping_add(1),
            4 => sequence = sequence.wrapping_add(dice.u16()),
            5 => timestamp = timestamp.wrapping_add(3000),
            6 => timestamp = dice.u32(),
            _ => now = now + Duration::from_millis(u64::from(dice.u8())),
        }
        let flags = if op & 0x80 == 0 { op >> 4 & 7 } else { dice.u8() };
        let length = if op & 8 == 0 { 3 } else { dice.below(1300) };
        let payload = [&[flags][..], &vec![op; length]].concat().into();
        jitter.push(IncomingPacket { sequence, timestamp, marker: flags & 2 != 0, payload, arrived: now });
        while let Some(frame) = jitter.pop(now) {
            assert!(!frame.data.is_empty() && frame.data.len() <= 4 * MAX_UNIT);
            jitter.recycle(frame.data);
        }
        assert!(jitter.deadline().is_none_or(|deadline| now < deadline), "a moment that has passed is no deadline");
    }
}

/// Parity and the packets that it protects, some of them lost, late or changed: what it gives back has the numbers of its block, is no
/// longer than a packet may be, and is what was lost if nobody changed anything. One input in 16 has more than one parity for a block:
/// whatever its length, giving back by codes takes twenty times as long as all the rest, and no way of it is ours.
pub fn parity(data: &[u8]) {
    let (mut dice, mut recovery) = (Dice(data), Recovery::default());
    let most_parities = if is_one_in(16, data) { 5 } else { 1 };
    let mut first = dice.u16();
    // Most packets are short, as codes of short ones take as little time; what can go wrong in one depends on its length last of all.
    for _ in 0..8 {
        if dice.is_empty() {
            break;
        }
        let (count, parities) = (1 + dice.below(12), 1 + usize::from(dice.u8() % most_parities));
        let longest = if dice.u8().is_multiple_of(8) { 1100 } else { 60 };
        let payloads: Vec<bytes::Bytes> = (0..count).map(|_| vec![dice.u8(); 1 + dice.below(longest)].into()).collect();
        let mut honest = true;
        let mut given = Vec::new();
        for (index, payload) in payloads.iter().enumerate() {
            if dice.u8() % 4 != 0 {
                given.extend(recovery.media(first.wrapping_add(index as u16), payload));
            }
        }
        for payload in protect(first, &payloads, parities, true) {
            let changed = dice.bytes(&[payload.to_vec()]);
            honest &= changed == payload;
            given.extend(recovery.parity(u32::from(first), &changed.into()).into_iter().flat_map(|(_, found)| found));
        }
        for packet in given {
            let index = usize::from(packet.sequence.wrapping_sub(first));
            assert!(packet.payload.len() <= 1200, "longer than a packet");
            assert!(!honest || index < count && packet.payload == payloads[index], "not what was lost");
        }
        assert!(count <= MOST_PACKETS && parities <= MOST_PARITIES);
        if !honest {
            // Of a block that somebody changed anything may be remembered; the next one stands for itself.
            recovery = Recovery::default();
        }
        first = first.wrapping_add(count as u16);
    }
}

/// Packets of a path, as the callee sends them: a picture, sound, a request for packets, a report, a request for a keyframe, and one for a repair.
fn datagrams() -> &'static [Vec<u8>] {
    static DATAGRAMS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    DATAGRAMS.get_or_init(|| {
        let all = [
            &b"\x80\xe6\x00\x01\x00\x00\x0b\xb8\x00\x00\x00\x12\x07sealed"[..],
            b"\x80\x6f\x00\x01\x00\x00\x0b\xb8\x00\x00\x00\x11sealed",
            b"\x81\xcd\x00\x03\x00\x00\x00\x22\x00\x00\x00\x12\x00\x07\x00\x01",
            b"\x8b\xcd\x00\x06\x00\x00\x00\x22\x00\x00\x00\x12\x00\x07\x00\x02\x80\x03\x80\x04\x00\x00\x00\x09\x00\x00\x00\x00",
            b"\x81\xce\x00\x02\x00\x00\x00\x22\x00\x00\x00\x12",
            b"\x83\xce\x00\x05\x00\x00\x00\x22\x00\x00\x00\x12\x18\x66\x01\x00\x00\x0b\xb8\x00\x09\x00\x00\x00",
        ];
        all.map(<[u8]>::to_vec).to_vec()
    })
}

/// A packet that rides the link: whatever is read is written again as it came, but for what RTCP leaves open.
pub fn datagram(data: &[u8]) {
    let bytes = Dice(data).bytes(datagrams());
    let Some(read) = Datagram::parse(bytes.clone().into()) else { return };
    assert_eq!(read.bytes, bytes.len());
    let written = read.encode().expect("what was read can be written");
    let media = !matches!(bytes[1], 205 | 206);
    assert!(!media || written == bytes, "media comes through bit by bit");
    let again = Datagram::parse(written.clone()).and_then(|again| again.encode());
    assert!(media || again.is_none_or(|again| again == written), "one form is written");
}

/// Two ends of a path and a link on which packets are lost, late, doubled, changed and made up, reports and requests among them: the rate
/// stays one, no packet is longer than it may be, nobody floods, and what arrives was sent unless somebody changed something.
pub fn path(data: &[u8]) {
    const MOST_KBPS: u32 = 2500;
    let mut dice = Dice(data);
    let mut now = Instant::now();
    let mut ends = [Role::Caller, Role::Callee].map(|role| BarePath::new(role, MOST_KBPS, StartRate::default()));
    let (mut wire, mut next) = ([VecDeque::new(), VecDeque::new()], [[0u16; 2]; 2]);
    let (mut sent, mut honest): ([BTreeMap<u16, bytes::Bytes>; 2], bool) = (Default::default(), true);
    let (mut out, mut passed) = (0, Duration::ZERO);
    for _ in 0..256 {
        if dice.is_empty() {
            break;
        }
        let op = dice.u8();
        let side = usize::from(op >> 7);
        let mut arriving = None;
        match op % 8 {
            0 | 1 => {
                let picture = op % 8 == 0;
                let count = if picture { 1 + dice.u8() % 12 } else { 1 };
                let pieces: Vec<bytes::Bytes> = (0..count).map(|_| vec![op; 1 + dice.below(90)].into()).collect();
                let first = next[side][usize::from(picture)];
                next[side][usize::from(picture)] = first.wrapping_add(count.into());
                if picture {
                    sent[side].extend(pieces.iter().cloned().zip(0..).map(|(piece, number)| (first.wrapping_add(number), piece)));
                }
                let frame = OutgoingFrame { timestamp: u32::from(first).wrapping_mul(3000), pieces };
                let numbered = Numbered { first, frame };
                if picture { ends[side].send_picture(now, numbered) } else { ends[side].send_sound(now, numbered) }
            }
            2 | 3 => {
                let pause = Duration::from_millis(u64::from(dice.u8()) * if op & 8 == 0 { 1 } else { 20 });
                (now, passed) = (now + pause, passed + pause);
                for (end, wire) in ends.iter_mut().zip(&mut wire) {
                    for datagram in end.tick(now) {
                        let bytes = datagram.encode().expect("what is sent can be written");
                        assert!(bytes.len() <= 1200, "{} bytes are no packet", bytes.len());
                        out += bytes.len();
                        wire.push_back(bytes.to_vec());
                    }
                }
            }
            4 | 5 => arriving = wire[1 - side].pop_front(),
            6 => {
                let Some(mut bytes) = wire[1 - side].pop_front() else { continue };
                match op >> 3 & 3 {
                    0 => {}
                    1 => wire[1 - side].push_back(bytes),
                    2 => {
                        wire[1 - side].push_back(bytes.clone());
                        arriving = Some(bytes);
                    }
                    _ => {
                        dice.change(&mut bytes);
                        (arriving, honest) = (Some(bytes), false);
                    }
                }
            }
            _ => (arriving, honest) = (Some(dice.bytes(datagrams())), false),
        }
        if let Some(datagram) = arriving.and_then(|bytes| Datagram::parse(bytes.into())) {
            for arrived in ends[side].arrive(now, MediaTime(1_700_000_000_000_000), datagram) {
                let Arrived::Picture(packet) = arrived else { continue };
                assert!(packet.payload.len() <= MOST, "longer than what came");
                assert!(!honest || sent[1 - side].get(&packet.sequence) == Some(&packet.payload), "not what was sent");
            }
        }
        for end in &ends {
            let (estimate, _) = end.reading();
            assert!((FLOOR_KBPS..=MOST_KBPS).contains(&estimate.target_kbps), "{estimate:?}");
            assert!((0.0..=100.0).contains(&estimate.loss_percent), "{estimate:?}");
            assert!((0.0..=100.0).contains(&estimate.chance_loss_percent) && estimate.queue_ms.is_finite(), "{estimate:?}");
        }
    }
    // Paced at no more than what the estimator lets through at the beginning, and sound, and reports.
    assert!(out < 4_000_000 + passed.as_millis() as usize * 5_000, "{out} bytes in {passed:?}");
}

/// Sound payloads, their copies and their numbers: the buffer stays as long as it may be, and there is always something to play. One
/// input in 64 is also decoded, which costs more than all the rest and is done in C, where no fuzzer of ours sees its way.
pub fn sound(data: &[u8]) {
    let (mut dice, mut jitter) = (Dice(data), AudioJitter::default());
    let mut decoder = is_one_in(64, data).then(|| VoiceDecoder::new().expect("the codec starts"));
    let (mut now, mut number, mut pcm) = (MediaTime(1_700_000_000_000_000), 0u64, Vec::new());
    for _ in 0..128 {
        if dice.is_empty() {
            break;
        }
        let op = dice.u8();
        number = match op % 8 {
            0..=4 => number.wrapping_add(1),
            5 => number.wrapping_add(u64::from(dice.u8())),
            6 => number.saturating_sub(u64::from(dice.u8())),
            _ => u64::from(dice.u32()) << (op / 8),
        };
        let length = usize::from(dice.u8());
        let payload = dice.take(length);
        let packets: Vec<(u32, &[u8])> = unpack(&payload).collect();
        assert!(packets.len() <= MOST_COPIES + 1);
        assert!(packets.windows(2).all(|pair| pair[0].1.len() == pair[1].1.len() && pair[0].0 < pair[1].0 && pair[1].0 <= 5));
        for (back, opus) in packets {
            let back = u64::from(back);
            assert!(!opus.is_empty());
            // What is no Opus packet has no length in time, and is dropped.
            if let (Some(number), Some(samples)) = (number.checked_sub(back), samples_of(opus)) {
                assert!(samples <= 5760, "no packet is longer than 120 ms");
                let timestamp = if op & 0x20 == 0 { (number as u32).wrapping_mul(960) } else { dice.u32() };
                let _ = jitter.insert(now, number, VoicePacket { timestamp, samples, opus: opus.to_vec(), copy: back > 0 });
            }
        }
        if op & 0x40 == 0 {
            now = now + Duration::from_millis(20);
            pcm.clear();
            let step = jitter.next(now);
            if let Step::Conceal { samples, .. } | Step::Recover { samples, .. } = &step {
                assert!((1..=5760).contains(samples), "what is made up is no longer than a packet");
            }
            let _ = match (step, &mut decoder) {
                (Step::Packet(packet) | Step::Skip(packet), Some(decoder)) => {
                    decoder.decode(&packet.opus, packet.samples, &mut pcm)
                }
                (Step::Recover { following, samples }, Some(decoder)) => decoder.recover(&following.opus, samples, &mut pcm),
                (Step::Conceal { samples, .. }, Some(decoder)) => {
                    decoder.conceal(samples, &mut pcm);
                    true
                }
                _ => true,
            };
            assert!(pcm.len() <= 5760 && pcm.iter().all(|sample| !sample.is_nan()));
            let _ = jitter.surplus();
        }
        assert!(jitter.kept() <= 150);
    }
}

/// What the decoder may see: no picture above the cap, no kind of unit that we never send.
pub fn h264(data: &[u8]) {
    // A baseline sequence of 64x48 and a picture after it, as OpenH264 begins a stream.
    const SEQUENCE: [u8; 14] = [0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xda, 0x11, 0x1e, 0x90, 0, 0];
    const PICTURE: [u8; 10] = [0, 0, 0, 1, 0x65, 0xb8, 0, 4, 0, 0x80];
    static HONEST: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let honest = HONEST.get_or_init(|| vec![[&SEQUENCE[..], &PICTURE].concat(), PICTURE.to_vec()]);
    let (mut dice, mut gate, mut now) = (Dice(data), Gate::default(), MediaTime(1_700_000_000_000_000));
    for _ in 0..8 {
        if dice.is_empty() {
            break;
        }
        now = now + Duration::from_millis(u64::from(dice.u8()));
        let unit = dice.bytes(honest);
        if let Ok(sequence) = gate.check(now, &unit) {
            let (short, long) = (sequence.width.min(sequence.height), sequence.width.max(sequence.height));
            assert!((16..=1088).contains(&short) && long <= 1920);
            assert!(unit.starts_with(&[0, 0, 1]) || unit.starts_with(&[0, 0, 0, 1]));
        }
    }
}

/// A file that says what it likes: never opened by chance, never written to, and no memory or time taken because it says so. One input
/// in 64 is a file indeed; one in 256 that asks for a passphrase at the least cost that is allowed gets one, and then another.
pub fn vault(data: &[u8]) {
    static HONEST: OnceLock<(tempfile::TempDir, Vec<Vec<u8>>)> = OnceLock::new();
    let (folder, honest) = HONEST.get_or_init(|| {
        let folder = tempfile::tempdir().expect("there is room for a file");
        let path = folder.path().join("honest");
        Vault::create(&path, None, b"a body").expect("there is room for a file");
        let open = std::fs::read(&path).expect("it was just written");
        // One whose slot asks for a passphrase, and for as much as Vesper does.
        let mut asks = open.clone();
        asks[14] = 1;
        asks[15..27].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4]);
        (folder, vec![open, asks, sealed_vault("passphrase", b"a body")])
    });
    let bytes = Dice(data).bytes(honest);
    let path = folder.path().join(format!("{:?}", std::thread::current().id()));
    let opened = Vault::open_bytes(&bytes, &path, None);
    assert_eq!(
        opened.as_ref().is_ok_and(|(_, body)| **body == b"a body"[..]),
        bytes == honest[0],
        "what opens is what was sealed"
    );
    if is_one_in(64, data) {
        std::fs::write(&path, &bytes).expect("there is room for a file");
        let needs = Vault::needs_passphrase(&path);
        assert_eq!(Vault::open(&path, None).is_ok(), opened.is_ok());
        assert!(opened.is_err() || !needs.expect("what opens says how"));
        assert!(std::fs::read(&path).expect("it is there") == bytes, "what does not open is left as it is");
    }
    // One slot, and not a cost beyond the least.
    if bytes.get(13..27) == Some(&honest[2][13..27]) && is_one_in(256, data) {
        let opened = Vault::open_bytes(&bytes, &path, Some("passphrase"));
        assert_eq!(opened.is_ok_and(|(_, body)| **body == b"a body"[..]), bytes == honest[2], "what opens is what was sealed");
        assert!(Vault::open_bytes(&bytes, &path, Some("another")).is_err());
    }
}

/// A vault with a passphrase, by the document and not by the code: 8 MiB, once, one lane.
fn sealed_vault(passphrase: &str, body: &[u8]) -> Vec<u8> {
    let params = argon2::Params::new(8 << 10, 1, 1, Some(32)).expect("a cost of the standard");
    let mut memory = vec![argon2::Block::default(); params.block_count()];
    let (mut key, data_key, salt) = (Zeroizing::new([0; 32]), Zeroizing::new([9; 32]), [5; 32]);
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.as_bytes(), &salt, &mut *key, &mut memory)
        .expect("there is room for 8 MiB");
    let fields = [&[1][..], &[0, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1], &salt].concat();
    let header = [&b"vesper vault\x01\x01"[..], &fields, &seal::seal(&key, &fields, &*data_key)].concat();
    [&header[..], &seal::seal(&data_key, &header, body)].concat()
}

/// What a camera reads off somebody's screen.
pub fn safety_code(data: &[u8]) {
    static HONEST: OnceLock<(SafetyNumber, Vec<Vec<u8>>)> = OnceLock::new();
    let (number, honest) = HONEST.get_or_init(|| {
        let (mine, theirs) = (key(1).public(), key(2).public());
        let code = SafetyNumber::between(&theirs, &mine).code();
        (SafetyNumber::between(&mine, &theirs), vec![code.into_bytes()])
    });
    let bytes = Dice(data).bytes(honest);
    let scanned = String::from_utf8_lossy(&bytes);
    let holds = number.compare(&scanned) == vesper::identity::Scanned::Match;
    assert_eq!(holds, scanned.trim().as_bytes() == honest[0], "one text alone says that nobody is in between");
}
