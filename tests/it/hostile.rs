//! A contact who means harm: proven, accepted, and sending whatever does most damage.
//!
//! Ten thousand sessions are played against one set of rules, codecs and buffers on time that jumps, each an honest session that was
//! changed somewhere; and some thousand frames against a running program over a real link. Neither panics, hangs or grows, and
//! afterwards both take an honest call.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use iroh::endpoint::{ConnectOptions, RecvStream, SendStream, presets};
use iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode, SecretKey, TransportAddr};
use sha2::Sha256;
use vesper::call::control::{Heartbeat, MediaState, Report};
use vesper::call::rekey::Rekeying;
use vesper::call::{CallKeys, CallSecrets, Control, Dial, Input, Output, Rules, Stage};
use vesper::contacts::{Hint, Profile};
use vesper::e2ee::{Keyring, Opener, Sealer, StreamId};
use vesper::identity::{Identity, PublicKey};
use vesper::media::audio_jitter::{AudioJitter, VoicePacket};
use vesper::media::audio_payload::unpack;
use vesper::media::clock::MediaTime;
use vesper::media::fragment::{FrameKind, cut};
use vesper::media::nal::{Gate, MAX_UNIT};
use vesper::media::packet::IncomingPacket;
use vesper::media::video_jitter::VideoJitter;
use vesper::media::voice_decoder::samples_of;
use vesper::signal::message::{CallId, Description, MediaKind, Message};
use zeroize::Zeroizing;

use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::people::People;
use crate::lab::vesper::Vesper;

const SESSIONS: u32 = 10_000;
const VIDEO: MediaKind = MediaKind { video: true };
/// Tells [`the_hostile_contact`] whom to bother: a profile's folder, a key, the open ports.
const TARGET: &str = "VESPER_TEST_HOSTILE";

/// Seeded: what happens is the same in every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// A few changes: another byte, a bit, bytes more or less, the end cut off.
    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let (at, value) = (self.below(bytes.len() + 1), self.next() as u8);
            match (self.below(6), bytes.get_mut(at)) {
                (0 | 1, Some(byte)) => *byte = value,
                (2, Some(byte)) => *byte ^= 1 << (value & 7),
                (3, _) => bytes.truncate(at),
                (4, _) => bytes.insert(at, value),
                (5, Some(_)) => drop(bytes.remove(at)),
                _ => bytes.resize(bytes.len() + usize::from(value), value),
            }
        }
    }
}

/// What the victim has for the length of a call, as the engine has it.
struct Session {
    call: CallId,
    keyring: Keyring,
    rekeying: Rekeying,
    control: Opener,
    sound: Opener,
    camera: Opener,
    pictures: VideoJitter,
    voice: AudioJitter,
    gate: Gate,
}

/// The same of who attacks, who is in the call by right.
struct Attack {
    call: CallId,
    control: Sealer,
    sound: Sealer,
    camera: Sealer,
    sequence: u16,
}

struct World {
    now: Instant,
    media_now: MediaTime,
    dice: Dice,
    people: [Arc<Identity>; 2],
    /// Who attacks, made anew for every session; and the victim, who lives through all of them.
    mallory: Rules,
    bob: Rules,
    attack: Option<Attack>,
    session: Option<Session>,
    wire: VecDeque<(usize, Message)>,
    /// Messages of earlier sessions, to be said again.
    old: Vec<Message>,
    fresh: u64,
    reached: u32,
    opened: u64,
}

fn key(n: u8) -> Arc<Identity> {
    Arc::new(Identity::from_secret(&[n; 32]))
}

impl World {
    fn new() -> Self {
        let people = [key(1), key(2)];
        Self {
            now: Instant::now(),
            media_now: MediaTime(1_700_000_000_000_000),
            dice: Dice(42),
            mallory: Rules::new(people[0].clone()),
            bob: Rules::new(people[1].clone()),
            people,
            attack: None,
            session: None,
            wire: VecDeque::new(),
            old: Vec::new(),
            fresh: 0,
            reached: 0,
            opened: 0,
        }
    }

    fn secrets(&mut self) -> CallSecrets {
        self.fresh += 1;
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&self.fresh.to_be_bytes());
        let kem = (Zeroizing::new([self.fresh as u8; 64]), Zeroizing::new(bytes));
        let description = Description { fingerprint: bytes, ufrag: "u".into(), pwd: "p".into(), codecs: vec![1, 2] };
        CallSecrets::from_bytes(Zeroizing::new(bytes), bytes, kem, description)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.media_now = self.media_now + time;
        self.step(1, Input::Tick);
        self.step(0, Input::Tick);
    }

    fn step(&mut self, side: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let rules = if side == 0 { &mut self.mallory } else { &mut self.bob };
            let outputs = rules.step(self.now, input);
            assert!(outputs.len() <= 12, "one input has no end of consequences: {outputs:?}");
            for output in outputs {
                match output {
                    Output::Send { message, .. } => self.wire.push_back((1 - side, message)),
                    Output::Ring { .. } if side == 1 => {
                        let secrets = self.secrets();
                        inputs.push_back(Input::Accept { media: VIDEO, secrets, lowest_suite: 2 });
                    }
                    Output::Gather { call, .. } => inputs.push_back(Input::Gathered { call, candidates: vec![] }),
                    Output::Connect { call, path, .. } => inputs.push_back(Input::TransportConnected { call, path }),
                    Output::Regather { call, path } => inputs.push_back(Input::Regathered { call, path, reach: None }),
                    Output::Secure { call, keys, .. } => self.secure(side, call, keys),
                    Output::Ended { call, .. } if side == 1 => drop(self.session.take_if(|session| session.call == call)),
                    _ => {}
                }
            }
        }
        assert!(self.wire.len() < 64, "nobody answers one message with many");
    }

    fn secure(&mut self, side: usize, call: CallId, keys: CallKeys) {
        let keyring = Keyring::new(keys.root, keys.direction, self.now);
        let (control, sound, camera) = (StreamId::Control, StreamId::Audio, StreamId::Camera);
        if side == 0 {
            let [control, sound, camera] = [control, sound, camera].map(|stream| keyring.sealer(stream));
            self.attack = Some(Attack { call, control, sound, camera, sequence: 0 });
            return;
        }
        self.reached += 1;
        let [control, sound, camera] = [control, sound, camera].map(|stream| keyring.opener(stream));
        self.session = Some(Session {
            call,
            keyring,
            rekeying: Rekeying::new(self.now),
            control,
            sound,
            camera,
            pictures: VideoJitter::default(),
            voice: AudioJitter::default(),
            gate: Gate::default(),
        });
    }

    fn dial(&mut self) {
        let (secrets, spare, peer) = (self.secrets(), self.secrets(), self.people[1].public());
        let mut call = [9; 16];
        call[..8].copy_from_slice(&self.fresh.to_be_bytes());
        let dial = Dial { peer, media: VIDEO, call: CallId(call), secrets, spare, linked: true, lowest_suite: 2 };
        self.step(0, Input::Dial(Box::new(dial)));
    }

    /// Everything that is under way arrives; what Mallory says, `spoilt` times in a hundred not as it was meant.
    fn deliver(&mut self, spoilt: u64) {
        for _ in 0..64 {
            let Some((to, message)) = self.wire.pop_front() else { return };
            let peer = self.people[1 - to].public();
            if to == 0 || !self.dice.chance(spoilt) {
                if to == 1 && self.old.len() < 512 {
                    self.old.push(message.clone());
                }
                self.step(to, Input::Message { peer, message });
                continue;
            }
            match self.dice.below(6) {
                0 => {}
                1 => {
                    self.step(1, Input::Message { peer, message: message.clone() });
                    self.step(1, Input::Message { peer, message });
                }
                2 if !self.old.is_empty() => {
                    let at = self.dice.below(self.old.len());
                    let message = std::mem::replace(&mut self.old[at], message);
                    self.step(1, Input::Message { peer, message });
                }
                _ => {
                    let mut bytes = message.encode();
                    self.dice.spoil(&mut bytes);
                    if let Ok(message) = Message::decode(&bytes) {
                        self.step(1, Input::Message { peer, message });
                    }
                }
            }
        }
    }

    /// One sealed item: honestly sealed, whatever it holds; or spoilt after it was.
    fn seal(dice: &mut Dice, sealer: &mut Sealer, now: Instant, meta: u8, mut plain: Vec<u8>) -> Vec<u8> {
        if dice.chance(70) {
            dice.spoil(&mut plain);
        }
        let mut item = Vec::new();
        sealer.seal(now, meta, &plain, &mut item).unwrap();
        if dice.chance(20) {
            dice.spoil(&mut item);
        }
        item
    }

    /// Sealed words, sound and pictures of somebody who has the keys.
    fn harass(&mut self) {
        for _ in 0..self.dice.below(24) {
            let (Some(attack), Some(session)) = (&mut self.attack, &mut self.session) else { return };
            if attack.call != session.call {
                return;
            }
            let (dice, now) = (&mut self.dice, self.now);
            let mut plain = Vec::new();
            match dice.below(3) {
                0 => {
                    let control = some_control(dice);
                    let item = Self::seal(dice, &mut attack.control, now, 0, control.encode());
                    if session.control.open(now, 0, &item, &mut plain).is_ok() {
                        self.opened += 1;
                        self.hear(&plain);
                    }
                }
                1 => {
                    let sound = (0..=dice.below(250)).map(|_| dice.next() as u8 & 3).collect();
                    let item = Self::seal(dice, &mut attack.sound, now, 0, sound);
                    if let Ok(number) = session.sound.open(now, 0, &item, &mut plain) {
                        self.opened += 1;
                        for (back, opus) in unpack(&plain) {
                            let Some(number) = number.0.checked_sub(back.into()) else { break };
                            let Some(samples) = samples_of(opus) else { continue };
                            let timestamp = (number as u32).wrapping_mul(960);
                            let packet = VoicePacket { timestamp, samples, opus: opus.to_vec(), copy: back > 0 };
                            let _ = session.voice.insert(self.media_now, number, packet);
                        }
                        let _ = session.voice.next(self.media_now);
                        assert!(session.voice.kept() <= 150);
                    }
                }
                _ => {
                    let kind = [FrameKind::Keyframe, FrameKind::Delta, FrameKind::Repair][dice.below(3)];
                    let length = dice.below(6000);
                    let unit = [&[0, 0, 0, 1, 0x65][..], &vec![dice.next() as u8; length]].concat();
                    let item = Self::seal(dice, &mut attack.camera, now, kind.meta(), unit);
                    for payload in cut(&item, kind) {
                        attack.sequence = attack.sequence.wrapping_add(if dice.chance(10) { dice.next() as u16 } else { 1 });
                        let mut payload = payload.to_vec();
                        if dice.chance(10) {
                            dice.spoil(&mut payload);
                        }
                        let (sequence, timestamp) = (attack.sequence, (self.media_now.0 / 11) as u32);
                        let packet = IncomingPacket {
                            sequence,
                            timestamp,
                            marker: false,
                            payload: payload.into(),
                            arrived: self.media_now,
                        };
                        session.pictures.push(packet);
                    }
                    while let Some(frame) = session.pictures.pop(self.media_now) {
                        assert!(frame.data.len() <= 4 * MAX_UNIT);
                        if session.camera.open(now, frame.kind.meta(), &frame.data, &mut plain).is_ok() {
                            self.opened += 1;
                            let _ = session.gate.check(self.media_now, &plain);
                        }
                    }
                }
            }
        }
    }

    /// What the engine does with a control item that opened.
    fn hear(&mut self, plain: &[u8]) {
        let Some(control) = Control::decode(plain) else { return };
        let Some(session) = &mut self.session else { return };
        let call = session.call;
        match control {
            Control::Rekey { epoch, e_a } => {
                let fresh = || Zeroizing::new([9; 32]);
                let _ = session.rekeying.answer(self.now, &mut session.keyring, (epoch, e_a), fresh);
            }
            Control::RekeyOk { epoch, e_b } => session.rekeying.settle(self.now, &mut session.keyring, (epoch, e_b)),
            Control::Heartbeat(heartbeat) => session.keyring.learn(self.now, (heartbeat.epoch, heartbeat.step)),
            control => self.step(1, Input::Control { call, control }),
        }
    }

    /// Lets time pass until the victim is free: whatever was said, a call that nobody keeps alive ends.
    fn rest(&mut self) {
        self.wire.clear();
        for _ in 0..2000 {
            if self.bob.current().is_none() {
                return;
            }
            let due = self.bob.deadline().expect("a call has a deadline").saturating_duration_since(self.now);
            self.pass(due.max(Duration::from_millis(1)));
            self.wire.clear();
        }
        panic!("stuck: {:?}", self.bob.current());
    }
}

fn some_control(dice: &mut Dice) -> Control {
    let n = dice.next();
    match dice.below(9) {
        // Rarely, so that sessions last.
        0 if dice.chance(20) => Control::Hangup { reason: n as u8 },
        1 => Control::State(MediaState { version: n as u32, microphone: true, camera: true, screen: false }),
        2 => Control::Heartbeat(Heartbeat { epoch: n as u16, step: n as u32, time_us: n, echo: None, audio: None }),
        3 => Control::Candidates { version: n as u32, candidates: vec![] },
        4 => {
            let description = Description { fingerprint: [n as u8; 32], ufrag: "u".into(), pwd: "p".into(), codecs: vec![] };
            Control::Restart { path: n as u32, description, candidates: vec![] }
        }
        5 => Control::Rekey { epoch: (n & 3) as u16, e_a: [n as u8; 32] },
        6 => Control::RekeyOk { epoch: (n & 3) as u16, e_b: [n as u8; 32] },
        7 => Control::Report(Report { shown_fps_x10: n as u16, received_kbps: n as u32, lost_per_10k: n as u16 }),
        _ => Control::Repair { stream: StreamId::Camera },
    }
}

#[test]
fn ten_thousand_hostile_sessions_end_and_an_honest_one_follows() {
    let mut world = World::new();
    for session in 0..SESSIONS {
        world.mallory = Rules::new(world.people[0].clone());
        world.attack = None;
        // Some spoil every word; some behave until they have the keys.
        let spoilt = [0, 0, 10, 40, 90][session as usize % 5];
        world.dial();
        world.deliver(spoilt);
        world.harass();
        world.pass(Duration::from_millis(100));
        world.deliver(spoilt);
        if session % 7 == 0 {
            world.step(1, Input::NetworkChanged);
        }
        world.harass();
        world.rest();
        // At most 64 calls of one contact are heard of in ten minutes.
        world.pass(Duration::from_secs(10));
        world.wire.clear();
    }
    assert!(world.reached > SESSIONS / 4, "{} sessions got as far as keys", world.reached);
    assert!(world.opened > u64::from(SESSIONS), "{} items got past the seal", world.opened);

    world.mallory = Rules::new(world.people[0].clone());
    world.pass(Duration::from_secs(600));
    world.dial();
    world.deliver(0);
    let stages = [&world.mallory, &world.bob].map(|side| side.current().map(|current| current.stage));
    assert_eq!(stages, [Some(Stage::Active); 2]);
}

#[test]
fn a_hostile_contact_neither_stops_nor_fills_a_running_program() {
    let Some(people) = People::meet() else { return };
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let mut bob = people.bob.answer(&lab.b, ["--auto"]);
    assert_eq!(people.carol.call(&lab.a, &people.bob, ["--seconds", "0.1"]).end().code, Some(0));
    bob.wait("report");
    let before = memory_kib(bob.id());

    let mut hostile = lab.a.command(std::env::current_exe().unwrap());
    hostile.args(["--exact", "hostile::the_hostile_contact", "--nocapture"]).env(TARGET, target(&people, &bob, &lab));
    let output = hostile.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    // A call that the attacker began holds the line for the seconds that a handshake has, and then is reported.
    let mut answered = false;
    for _ in 0..100 {
        let ended = people.carol.call(&lab.a, &people.bob, ["--seconds", "0.1"]).end();
        answered = ended.code == Some(0);
        if answered {
            break;
        }
        assert_eq!(ended.report()["ended"], "busy", "{ended:#?}");
        bob.wait("report");
    }
    assert!(answered, "an honest contact is answered");
    let after = memory_kib(bob.id());
    assert!(after < before + 32 * 1024, "{before} KiB before, {after} KiB after");
    bob.terminate();
    let bob = bob.end();
    assert!(bob.code == Some(0) && !bob.errors.contains("panicked"), "{}", bob.errors);
}

/// What a process keeps in memory.
fn memory_kib(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Tells another process how to be Alice towards Bob: see [`Stolen::read`].
pub(crate) fn target(people: &People, bob: &Vesper, lab: &Lab) -> String {
    let ports: Vec<String> = bob.udp_ports().iter().map(u16::to_string).collect();
    format!("{}\n{}\n{}\n{}", people.alice.folder.display(), people.bob.key, lab.b.address, ports.join(" "))
}

/// A contact's keys in the wrong hands.
pub(crate) struct Stolen {
    me: Arc<Identity>,
    victim: PublicKey,
    secret: [u8; 32],
    places: Vec<SocketAddr>,
}

impl Stolen {
    /// What [`target`] said.
    pub fn read(target: &str) -> Self {
        let [folder, key, address, ports] = target.split('\n').collect::<Vec<_>>().try_into().unwrap();
        let profile = Profile::open(&PathBuf::from(folder), None).unwrap();
        let victim = PublicKey::parse(key).unwrap();
        let contact = profile.store().unwrap().contact(&victim).unwrap().unwrap();
        let secret = *contact.pair_secret.unwrap().as_bytes();
        let known = contact.hints.iter().filter_map(|hint| match hint {
            Hint::Address(address) => Some(*address),
            Hint::Relay(_) => None,
        });
        let open = ports.split(' ').map(|port| format!("{address}:{port}").parse::<SocketAddr>().unwrap());
        let places = known.chain(open).collect();
        Self { me: Arc::new(Identity::from_secret(&profile.identity.secret())), victim, secret, places }
    }

    pub async fn endpoint(&self) -> Endpoint {
        let secret = SecretKey::from_bytes(&self.me.secret());
        let builder = Endpoint::builder(presets::Minimal).secret_key(secret).relay_mode(RelayMode::Disabled);
        builder.bind().await.unwrap()
    }

    /// A link with a ticket of this nonce, if the victim lets it in.
    pub async fn connect(&self, endpoint: &Endpoint, nonce: u64) -> Option<(SendStream, RecvStream)> {
        let id = EndpointId::from_bytes(self.victim.as_bytes()).unwrap();
        let address = EndpointAddr::from_parts(id, self.places.iter().copied().map(TransportAddr::Ip));
        let options = ConnectOptions::new().with_additional_alpns(vec![ticket(&self.secret, &self.victim, nonce)]);
        let connecting = async { endpoint.connect_with_opts(address, b"vesper/1", options).await.ok()?.await.ok() };
        let connection = tokio::time::timeout(Duration::from_secs(5), connecting).await.ok()??;
        connection.open_bi().await.ok()
    }
}

/// Alice's keys in the wrong hands, as a process in the other host. On its own it has nobody to bother.
#[test]
fn the_hostile_contact() {
    let Ok(target) = std::env::var(TARGET) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(bother(&Stolen::read(&target)));
}

/// Some thousand frames, most of them wrong, on as many connections as the other side makes necessary.
async fn bother(stolen: &Stolen) {
    let endpoint = stolen.endpoint().await;
    let mut dice = Dice(7);
    let (mut frames, mut connections) = (0, 0);
    while frames < 4000 {
        connections += 1;
        assert!(connections < 400, "the other side lets a contact in");
        let Some((mut send, mut receive)) = stolen.connect(&endpoint, dice.next()).await else { continue };
        let drained = tokio::spawn(async move { while let Ok(Some(_)) = receive.read_chunk(4096).await {} });
        for _ in 0..50 {
            frames += 1;
            if say(&mut send, &stolen.me, stolen.victim, &mut dice).await.is_err() {
                break;
            }
        }
        drained.abort();
    }
    endpoint.close().await;
}

/// A session's first words, honest or spoilt, and frames that are none.
async fn say(send: &mut SendStream, me: &Arc<Identity>, victim: PublicKey, dice: &mut Dice) -> Result<(), ()> {
    let secrets = || {
        let description = Description { fingerprint: [3; 32], ufrag: "u".into(), pwd: "p".into(), codecs: vec![1, 2] };
        CallSecrets::generate(description)
    };
    let call = CallId::generate();
    let dial = Dial { peer: victim, media: VIDEO, call, secrets: secrets(), spare: secrets(), linked: true, lowest_suite: 0 };
    let said = Rules::new(me.clone()).step(Instant::now(), Input::Dial(Box::new(dial)));
    let invite = said.into_iter().find_map(|output| match output {
        Output::Send { message, .. } => Some(message),
        _ => None,
    });
    let mut bytes = match dice.below(6) {
        0 => invite.expect("dialling sends an INVITE").encode(),
        1 => Message::Cancel { call, reason: 0 }.encode(),
        2 => Message::Control(vec![dice.next() as u8; dice.below(4000)].into()).encode(),
        3 => Message::Hints(vec![Hint::Address("203.0.113.7:4000".parse().unwrap())]).encode(),
        4 => Message::Ping(dice.next()).encode(),
        _ => (0..=dice.below(200)).map(|_| dice.next() as u8).collect(),
    };
    if dice.chance(60) {
        dice.spoil(&mut bytes);
    }
    // Sometimes a length that is not that of what follows.
    let length = if dice.chance(2) { dice.next() as u32 } else { bytes.len() as u32 };
    send.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await.map_err(drop)?;
    Ok(())
}

/// What shows that a contact dials (section 5.1 of the protocol).
fn ticket(secret: &[u8; 32], callee: &PublicKey, n: u64) -> Vec<u8> {
    let n = n.to_be_bytes();
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(b"vesper/1 dial");
    let mac = mac.chain_update(callee.as_bytes()).chain_update(n).finalize().into_bytes();
    [b"vt", BASE32_NOPAD.encode(&[&n[..], &mac[..16]].concat()).as_bytes()].concat()
}
