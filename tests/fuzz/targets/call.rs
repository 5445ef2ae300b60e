//! The rules of a call, and what its peer says in the sealed control stream.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use vesper::call::control::{AudioClock, Echo, Heartbeat, MediaState, Report};
use vesper::call::{CallSecrets, Control, Dial, Input, Output, Rules};
use vesper::e2ee::StreamId;
use vesper::identity::Identity;
use vesper::signal::message::{CallId, MediaKind, Message};
use zeroize::Zeroizing;

use super::link::messages;
use super::{Dice, candidates, description, key};

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
