//! Ten thousand sessions against one victim, on time that jumps: its rules, seals and buffers as the engine puts them together.

mod sealed;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vesper::call::rekey::Rekeying;
use vesper::call::{CallKeys, CallSecrets, Dial, Input, Output, Rules, Stage};
use vesper::e2ee::{Keyring, Opener, Sealer, StreamId};
use vesper::identity::Identity;
use vesper::media::audio_jitter::AudioJitter;
use vesper::media::clock::MediaTime;
use vesper::media::nal::Gate;
use vesper::media::video_jitter::VideoJitter;
use vesper::signal::message::{CallId, Description, Message};
use zeroize::Zeroizing;

use super::{Dice, VIDEO};

const SESSIONS: u32 = 10_000;

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

fn key(n: u8) -> Arc<Identity> {
    Arc::new(Identity::from_secret(&[n; 32]))
}
