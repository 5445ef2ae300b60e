//! Two rule sets over a link that loses, delays, repeats and reorders, and two people who click as they like.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use vesper::call::control::Heartbeat;
use vesper::call::{CallSecrets, Control, Dial, Input, Output, Rules, Stage};
use vesper::identity::{Identity, PublicKey};
use vesper::signal::message::{CallId, Description, MediaKind, Message};
use zeroize::Zeroizing;

/// Long enough after the last click for every deadline: a minute of ringing, the handshake, a minute and a half of silence.
const REST: Duration = Duration::from_secs(200);

#[derive(Debug, Clone, Copy)]
enum Click {
    Dial,
    Accept,
    Decline,
    HangUp,
    ToggleCamera,
    /// Not a click: the computer got another address, and no packet finds the old one.
    Move,
}

#[derive(Debug, Clone)]
struct Weather {
    seed: u64,
    /// Of a hundred messages.
    loss: u64,
    repeats: u64,
    /// Up to so many milliseconds, each message on its own: later ones overtake.
    delay_ms: u64,
    /// Whether ICE finds a path.
    path: bool,
}

struct World {
    now: Instant,
    start: Instant,
    weather: Weather,
    random: u64,
    sides: [Side; 2],
    queue: BinaryHeap<Event>,
    sequence: u64,
}

struct Side {
    me: Arc<Identity>,
    rules: Rules,
    /// Calls, paths and descriptions to which this side let ICE speak.
    connect: Vec<(CallId, u32, Description)>,
    described: Vec<(CallId, u32, Description)>,
    /// The newest path of each call that stands, as this side knows it.
    path: BTreeMap<CallId, u32>,
    secured: BTreeMap<CallId, [&'static str; 4]>,
    /// The calls that the person of this side agreed to.
    consented: BTreeSet<CallId>,
    dialled: BTreeSet<CallId>,
    media: BTreeSet<CallId>,
    over: BTreeSet<CallId>,
    calls: u8,
}

struct Event {
    at: Instant,
    sequence: u64,
    side: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Click(Click),
    Message(Message),
    Control(CallId, Control),
    LinkUp,
    Gathered(CallId),
    Regathered(CallId, u32),
    Connected(CallId, u32),
    Disconnected(CallId, u32),
}

impl World {
    fn new(weather: Weather) -> Self {
        let start = Instant::now();
        let side = |n: u8| {
            let me = Arc::new(Identity::from_secret(&[n; 32]));
            Side {
                rules: Rules::new(me.clone()),
                me,
                connect: Vec::new(),
                described: Vec::new(),
                path: BTreeMap::new(),
                secured: BTreeMap::new(),
                consented: BTreeSet::new(),
                dialled: BTreeSet::new(),
                media: BTreeSet::new(),
                over: BTreeSet::new(),
                calls: 0,
            }
        };
        let random = weather.seed | 1;
        Self { now: start, start, weather, random, sides: [side(1), side(2)], queue: BinaryHeap::new(), sequence: 0 }
    }

    fn click(&mut self, at_ms: u64, side: usize, click: Click) {
        self.push(self.start + Duration::from_millis(at_ms), side, What::Click(click));
    }

    /// Runs until `end`, and checks after every step what must always hold.
    fn run(&mut self, end: Instant) {
        for _ in 0..200_000 {
            let due = self.sides.iter().enumerate().filter_map(|(side, it)| Some((it.rules.deadline()?, side))).min();
            let event = self.queue.peek().map(|event| event.at);
            let next = event.into_iter().chain(due.map(|due| due.0)).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            match due {
                Some((at, side)) if Some(at) == Some(next) && event.is_none_or(|event| at < event) => {
                    self.step(side, Input::Tick);
                }
                _ => {
                    let event = self.queue.pop().expect("it was peeked at");
                    self.happen(event.side, event.what);
                }
            }
        }
        panic!("the rules spin: deadlines {:?}", self.sides.each_ref().map(|side| side.rules.deadline()));
    }

    fn happen(&mut self, side: usize, what: What) {
        let peer = self.key(1 - side);
        match what {
            What::Click(click) => self.clicked(side, click),
            What::Message(message) => self.step(side, Input::Message { peer, message }),
            What::Control(call, control) => {
                if self.sides[side].secured.contains_key(&call) && !self.sides[side].over.contains(&call) {
                    self.step(side, Input::Control { call, control });
                }
            }
            What::LinkUp => self.step(side, Input::LinkUp { peer }),
            What::Gathered(call) => self.step(side, Input::Gathered { call, candidates: vec![] }),
            What::Regathered(call, path) => {
                let described = self.sides[side].described.iter().find(|(of, at, _)| (*of, *at) == (call, path));
                if let Some((.., description)) = described.cloned() {
                    self.step(side, Input::Regathered { call, path, reach: Some((description, vec![])) });
                }
            }
            What::Connected(call, path) => {
                self.sides[side].path.insert(call, path);
                self.step(side, Input::TransportConnected { call, path });
            }
            What::Disconnected(call, path) => self.step(side, Input::TransportDisconnected { call, path }),
        }
    }

    fn clicked(&mut self, side: usize, click: Click) {
        let current = self.sides[side].rules.current();
        let media = MediaKind { video: self.chance(50) };
        match click {
            Click::Dial => {
                if let Some(current) = current.filter(|current| current.stage == Stage::Incoming) {
                    self.sides[side].consented.insert(current.call);
                }
                let (peer, linked) = (self.key(1 - side), self.chance(70));
                let it = &mut self.sides[side];
                it.calls += 1;
                let call = CallId([side as u8 + 1, it.calls, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
                it.dialled.insert(call);
                let (secrets, spare) = (self.secrets(side, 0), self.secrets(side, 1));
                self.step(side, Input::Dial(Box::new(Dial { peer, media, call, secrets, spare, linked, lowest_suite: 0 })));
            }
            Click::Accept => {
                if let Some(current) = current.filter(|current| current.stage == Stage::Incoming) {
                    self.sides[side].consented.insert(current.call);
                }
                let secrets = self.secrets(side, 2);
                self.step(side, Input::Accept { media, secrets, lowest_suite: 0 });
            }
            Click::Decline => self.step(side, Input::Decline),
            Click::HangUp => self.step(side, Input::HangUp),
            Click::ToggleCamera => {
                let camera = self.chance(50);
                self.step(side, Input::SetMedia { microphone: true, camera, screen: false });
            }
            Click::Move => {
                for (side, after_ms) in [(side, 10), (1 - side, 2000)] {
                    if let Some((call, path)) = self.sides[side].path.iter().next_back().map(|(call, path)| (*call, *path)) {
                        self.push(self.now + Duration::from_millis(after_ms), side, What::Disconnected(call, path));
                    }
                }
                self.step(side, Input::NetworkChanged);
            }
        }
    }

    fn step(&mut self, side: usize, input: Input) {
        let ended = matches!(input, Input::HangUp).then(|| self.sides[side].rules.current()).flatten();
        let outputs = self.sides[side].rules.step(self.now, input);
        for output in outputs {
            self.perform(side, output);
        }
        if let Some(ended) = ended {
            assert!(self.sides[side].over.contains(&ended.call), "hanging up ends any call at once");
        }
    }

    fn perform(&mut self, side: usize, output: Output) {
        let other = 1 - side;
        let soon = self.now + Duration::from_millis(20);
        match output {
            Output::OpenLink { .. } => {
                if self.chance(90) {
                    self.push(self.now + Duration::from_millis(300), side, What::LinkUp);
                }
            }
            Output::Send { peer, message } => {
                assert_eq!(peer, self.key(other));
                self.transmit(other, What::Message(message));
            }
            Output::Gather { call, description, .. } => {
                let it = &mut self.sides[side];
                assert!(!it.over.contains(&call));
                assert!(it.agreed_to(call), "nothing is opened before the person agreed");
                it.described.push((call, 0, description));
                self.push(soon, side, What::Gathered(call));
            }
            Output::Regather { call, path } => {
                assert!(self.may_seal(side, call), "another path is for a call that both proved to be in");
                let secrets = self.secrets(side, 3);
                self.sides[side].described.push((call, path, secrets.description().clone()));
                self.push(soon, side, What::Regathered(call, path));
            }
            Output::Abandon { call, path } => self.sides[side].connect.retain(|(of, at, _)| (*of, *at) != (call, path)),
            Output::Connect { call, path, remote, .. } => {
                assert!(!self.sides[side].over.contains(&call));
                self.sides[side].connect.push((call, path, remote));
                if self.weather.path && self.agree(call, path) {
                    self.push(soon, side, What::Connected(call, path));
                    self.push(soon, other, What::Connected(call, path));
                }
            }
            Output::Secure { call, keys, .. } => {
                assert!(self.sides.iter().all(|it| it.agreed_to(call)), "no device opens before accept");
                let words = keys.words.map(|word| word.1);
                self.sides[side].secured.insert(call, words);
                if let Some(theirs) = self.sides[other].secured.get(&call) {
                    assert_eq!(*theirs, words, "both sides see the same words");
                }
            }
            Output::StartMedia { call, .. } => {
                assert!(self.sides[side].secured.contains_key(&call), "no media before both proved who they are");
                assert!(!self.sides[side].over.contains(&call), "no media after the end");
                assert!(self.sides.iter().all(|it| it.agreed_to(call)), "no media before accept");
                assert!(self.sides[side].media.insert(call), "media starts once a call");
            }
            Output::SendControl { call, control, copies } => {
                assert!(self.may_seal(side, call));
                for _ in 0..copies {
                    self.transmit(other, What::Control(call, control.clone()));
                }
            }
            Output::Heartbeat { call } => {
                assert!(self.may_seal(side, call));
                self.transmit(other, What::Control(call, Control::Heartbeat(Heartbeat::default())));
            }
            Output::Ended { call, peer, reason } => {
                assert_eq!(peer, self.key(other));
                assert!(!reason.sentence().is_empty());
                assert!(self.sides[side].over.insert(call), "a call ends once");
                let path = self.sides[other].path.get(&call).copied().unwrap_or(0);
                self.push(self.now + Duration::from_secs(5), other, What::Disconnected(call, path));
            }
            Output::Superseded { call, by } => {
                assert!(self.sides[side].dialled.contains(&call));
                self.sides[side].over.insert(call);
                self.sides[side].consented.insert(by);
            }
            Output::AddCandidates { .. }
            | Output::Ring { .. }
            | Output::StopRinging
            | Output::Event(_)
            | Output::MissedCall { .. } => {}
        }
    }

    /// Whether each side was told to connect to what the other opened for this path.
    fn agree(&self, call: CallId, path: u32) -> bool {
        let find = |list: &[(CallId, u32, Description)]| {
            list.iter().rev().find(|(of, at, _)| (*of, *at) == (call, path)).map(|(.., description)| description.clone())
        };
        (0..2).all(|side| {
            let told = find(&self.sides[side].connect);
            told.is_some() && told == find(&self.sides[1 - side].described)
        })
    }

    fn may_seal(&self, side: usize, call: CallId) -> bool {
        self.sides[side].secured.contains_key(&call) && !self.sides[side].over.contains(&call)
    }

    fn transmit(&mut self, to: usize, what: What) {
        let copies = 1 + u64::from(self.chance(self.weather.repeats));
        for _ in 0..copies {
            if !self.chance(self.weather.loss) {
                let delay = 5 + self.random() % (self.weather.delay_ms + 1);
                self.push(self.now + Duration::from_millis(delay), to, what.clone());
            }
        }
    }

    fn push(&mut self, at: Instant, side: usize, what: What) {
        self.sequence += 1;
        self.queue.push(Event { at, sequence: self.sequence, side, what });
    }

    fn key(&self, side: usize) -> PublicKey {
        self.sides[side].me.public()
    }

    fn secrets(&mut self, side: usize, kind: u8) -> CallSecrets {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.random().to_be_bytes());
        (bytes[8], bytes[9], bytes[10]) = (side as u8, self.sides[side].calls, kind);
        let description = Description { fingerprint: bytes, ufrag: "u".into(), pwd: "p".into(), codecs: vec![1] };
        CallSecrets::from_bytes(Zeroizing::new(bytes), bytes, (Zeroizing::new([kind; 64]), Zeroizing::new(bytes)), description)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random() % 100 < percent
    }

    /// xorshift64*: what happens is decided by the seed alone.
    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }

    fn stages(&self) -> [Option<(CallId, Stage)>; 2] {
        self.sides.each_ref().map(|side| side.rules.current().map(|current| (current.call, current.stage)))
    }
}

impl Side {
    /// Dialled it, accepted it, or dialled whoever was dialling.
    fn agreed_to(&self, call: CallId) -> bool {
        self.dialled.contains(&call) || self.consented.contains(&call)
    }
}

impl Ord for Event {
    /// The earliest is the greatest, for the heap.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Event {}

fn click() -> impl Strategy<Value = Click> {
    prop_oneof![
        4 => Just(Click::Dial),
        4 => Just(Click::Accept),
        1 => Just(Click::Decline),
        2 => Just(Click::HangUp),
        1 => Just(Click::ToggleCamera),
        2 => Just(Click::Move),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    (any::<u64>(), 0u64..50, 0u64..50, 0u64..1500, prop::bool::weighted(0.8))
        .prop_map(|(seed, loss, repeats, delay_ms, path)| Weather { seed, loss, repeats, delay_ms, path })
}

fn calm() -> Weather {
    Weather { seed: 7, loss: 0, repeats: 0, delay_ms: 40, path: true }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_call_is_ever_stuck_and_no_media_flows_outside_one(
        weather in weather(),
        clicks in prop::collection::vec((0u64..60_000, 0usize..2, click()), 1..12),
    ) {
        let mut world = World::new(weather);
        for (at, side, click) in clicks {
            world.click(at, side, click);
        }
        world.run(world.start + Duration::from_secs(60) + REST);
        match world.stages() {
            [None, None] => {}
            [Some((a, Stage::Active | Stage::Reconnecting)), Some((b, Stage::Active | Stage::Reconnecting))] => prop_assert_eq!(a, b),
            stuck => prop_assert!(false, "stuck: {:?}", stuck),
        }
    }

    #[test]
    fn calling_each_other_at_once_makes_one_call(weather in weather(), apart_ms in 0u64..400) {
        let mut world = World::new(Weather { loss: 0, delay_ms: weather.delay_ms.min(400), path: true, ..weather });
        world.click(0, 0, Click::Dial);
        world.click(apart_ms, 1, Click::Dial);
        world.run(world.start + Duration::from_secs(12));
        match world.stages() {
            [Some((a, Stage::Active)), Some((b, Stage::Active))] => prop_assert_eq!(a, b),
            // Neither found the other in time.
            [None, None] => {}
            other => prop_assert!(false, "two halves of a call: {:?}", other),
        }
    }
}

#[test]
fn an_accepted_call_connects_and_ends_on_both_sides() {
    let mut world = World::new(calm());
    world.click(0, 0, Click::Dial);
    world.click(2000, 1, Click::Accept);
    world.run(world.start + Duration::from_secs(4));
    let [Some((a, Stage::Active)), Some((b, Stage::Active))] = world.stages() else { panic!("{:?}", world.stages()) };
    assert_eq!(a, b);
    assert_eq!(world.sides[0].secured[&a], world.sides[1].secured[&a]);
    world.click(10_000, 1, Click::HangUp);
    world.run(world.start + Duration::from_secs(11));
    assert_eq!(world.stages(), [None, None]);
}

/// Who moved, in which order; both at once is the hard one: each asks the other.
#[test]
fn a_call_moves_over_to_another_path_when_an_address_changes() {
    for movers in [&[0][..], &[1], &[0, 1], &[1, 0, 1]] {
        let mut world = World::new(Weather { loss: 10, ..calm() });
        world.click(0, 0, Click::Dial);
        world.click(2000, 1, Click::Accept);
        for mover in movers {
            world.click(10_000, *mover, Click::Move);
        }
        world.run(world.start + Duration::from_secs(15));
        let [Some((a, Stage::Active)), Some((b, Stage::Active))] = world.stages() else { panic!("{:?}", world.stages()) };
        assert_eq!(a, b);
        let paths = world.sides.each_ref().map(|side| side.path[&a]);
        assert!(paths[0] > 0 && paths[0] == paths[1], "{paths:?} after {movers:?}");
    }
}

#[test]
fn both_dialling_in_the_same_moment_are_connected_without_a_click() {
    let mut world = World::new(calm());
    world.click(0, 0, Click::Dial);
    world.click(0, 1, Click::Dial);
    world.run(world.start + Duration::from_secs(3));
    let [Some((a, Stage::Active)), Some((b, Stage::Active))] = world.stages() else { panic!("{:?}", world.stages()) };
    assert_eq!(a, b);
}
