use proptest::prelude::*;

use super::*;
use crate::conversation::order::Clock;
use crate::identity::{Identity, PublicKey};

fn me() -> PublicKey {
    Identity::from_secret(&[1; 32]).public()
}

fn position(seq: u64) -> Position {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    Position { lamport: seq, sender: me(), seq, id: MessageId(id) }
}

fn outbox(texts: u64) -> Outbox {
    let mut outbox = Outbox::new(7);
    (1..=texts).for_each(|seq| outbox.put(position(seq), 10));
    outbox
}

#[test]
fn a_text_to_somebody_who_is_not_there_dials_at_once_and_then_less_and_less_often() {
    let (mut outbox, mut now) = (outbox(1), Instant::now());
    let mut pauses = Vec::new();
    for _ in 0..12 {
        assert_eq!(outbox.step(now), [Step::Dial]);
        assert_eq!(outbox.step(now), [], "once is enough");
        let next = outbox.deadline().unwrap();
        pauses.push(next - now);
        now = next;
    }
    assert!(pauses.iter().all(|pause| (FIRST_TRY..=LAST_TRY).contains(pause)), "{pauses:?}");
    assert!(pauses[0] < Duration::from_secs(7) && pauses[11] > Duration::from_secs(440), "{pauses:?}");
    assert!(pauses[..6].windows(2).all(|pair| pair[0] < pair[1]), "{pauses:?}");
}

#[test]
fn two_outboxes_do_not_try_in_step() {
    let (mut ours, mut theirs, now) = (outbox(1), Outbox::new(99), Instant::now());
    theirs.put(position(1), 10);
    ours.step(now);
    theirs.step(now);
    let unlike = (0..6).any(|_| {
        let (a, b) = (ours.deadline().unwrap(), theirs.deadline().unwrap());
        ours.step(a);
        theirs.step(b);
        a != b
    });
    assert!(unlike);
}

#[test]
fn a_connection_sends_a_window_in_order_and_each_receipt_makes_room_for_the_next() {
    let (mut outbox, now) = (outbox(20), Instant::now());
    outbox.linked();
    let first: Vec<_> = (1..=16).map(|seq| Step::Send(position(seq))).collect();
    assert_eq!(outbox.step(now), first);
    assert_eq!(outbox.step(now), []);
    assert_eq!(outbox.settle(position(1).id), Some(position(1)));
    assert_eq!(outbox.settle(position(1).id), None, "a receipt that comes twice is one");
    assert_eq!(outbox.step(now), [Step::Send(position(17))]);
}

#[test]
fn long_texts_go_one_by_one() {
    let (mut outbox, now) = (Outbox::new(7), Instant::now());
    (1..=3).for_each(|seq| outbox.put(position(seq), 40_000));
    outbox.linked();
    assert_eq!(outbox.step(now), [Step::Send(position(1))]);
    outbox.settle(position(1).id);
    assert_eq!(outbox.step(now), [Step::Send(position(2))]);
}

#[test]
fn a_new_connection_sends_all_that_was_not_acknowledged_again() {
    let (mut outbox, now) = (outbox(2), Instant::now());
    outbox.linked();
    outbox.step(now);
    outbox.settle(position(1).id);
    outbox.unlinked(now);
    assert_eq!(outbox.step(now), [], "it is dialled when its time has come");
    outbox.linked();
    assert_eq!(outbox.step(now), [Step::Send(position(2))]);
}

#[test]
fn without_receipts_a_connection_is_tried_again_less_and_less_often() {
    let (mut outbox, mut now) = (outbox(1), Instant::now());
    outbox.linked();
    for _ in 0..4 {
        assert_eq!(outbox.step(now), [Step::Send(position(1))]);
        now = outbox.deadline().unwrap();
    }
    outbox.forget(&position(1).id);
    assert_eq!((outbox.step(now), outbox.deadline(), outbox.is_empty()), (vec![], None, true));
}

/// One side: what survives a crash is on its disk, the outbox does not.
struct Side {
    key: PublicKey,
    /// Position and whether it waits for the other side.
    disk: BTreeMap<Position, bool>,
    clock: Clock,
    outbox: Outbox,
}

impl Side {
    fn new(number: u8) -> Self {
        let key = Identity::from_secret(&[number; 32]).public();
        Self { key, disk: BTreeMap::new(), clock: Clock::default(), outbox: Outbox::new(u64::from(number)) }
    }

    fn write(&mut self, number: u64) {
        let mut id = [self.key.as_bytes()[0]; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let seq = 1 + self.disk.keys().filter(|position| position.sender == self.key).count() as u64;
        let position = Position { lamport: self.clock.tick(), sender: self.key, seq, id: MessageId(id) };
        self.disk.insert(position, true);
        self.outbox.put(position, 10);
    }

    /// Everything that was not on the disk is forgotten.
    fn crash(&mut self) {
        self.clock = Clock(self.disk.keys().map(|position| position.lamport).max().unwrap_or(0));
        self.outbox = Outbox::new(3);
        self.disk.iter().filter(|(_, waits)| **waits).for_each(|(position, _)| self.outbox.put(*position, 10));
        self.outbox.linked();
    }

    fn receive(&mut self, text: Position) {
        if !self.disk.keys().any(|known| (known.sender, known.id) == (text.sender, text.id)) {
            let lamport = self.clock.admit(text.lamport);
            self.disk.insert(Position { lamport, ..text }, false);
        }
    }

    fn receipt(&mut self, id: MessageId) {
        if let Some(position) = self.outbox.settle(id) {
            self.disk.insert(position, false);
        }
    }
}

/// What travels.
#[derive(Clone, Copy)]
enum Packet {
    Text(Position),
    Receipt(MessageId),
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Write(usize),
    /// The packet at this place of those under way arrives, and stays under way if `doubled`.
    Arrive {
        side: usize,
        at: usize,
        doubled: bool,
    },
    Lose {
        side: usize,
        at: usize,
    },
    Crash(usize),
    Wait,
}

fn fate() -> impl Strategy<Value = Fate> {
    let (side, at) = (0usize..2, any::<u16>().prop_map(usize::from));
    prop_oneof![
        4 => side.clone().prop_map(Fate::Write),
        8 => (side.clone(), at.clone(), any::<bool>()).prop_map(|(side, at, doubled)| Fate::Arrive { side, at, doubled }),
        3 => (side.clone(), at).prop_map(|(side, at)| Fate::Lose { side, at }),
        1 => side.prop_map(Fate::Crash),
        2 => Just(Fate::Wait),
    ]
}

/// Two sides and what is under way to each of them.
struct Link {
    sides: [Side; 2],
    ways: [Vec<Packet>; 2],
    now: Instant,
}

impl Link {
    fn new() -> Self {
        let mut sides = [Side::new(1), Side::new(2)];
        sides.iter_mut().for_each(|side| side.outbox.linked());
        Self { sides, ways: [Vec::new(), Vec::new()], now: Instant::now() }
    }

    fn arrive(&mut self, side: usize, packet: Packet) {
        match packet {
            Packet::Text(text) => {
                self.sides[side].receive(text);
                self.ways[1 - side].push(Packet::Receipt(text.id));
            }
            Packet::Receipt(id) => self.sides[side].receipt(id),
        }
    }

    fn send(&mut self) {
        for side in 0..2 {
            for step in self.sides[side].outbox.step(self.now) {
                if let Step::Send(position) = step {
                    self.ways[1 - side].push(Packet::Text(position));
                }
            }
        }
    }

    /// Brings all that is under way, and what is sent upon it, in order and once.
    fn calm(&mut self) {
        // An outbox that sends for ever fails the test; it does not hang it.
        for _ in 0..1000 {
            for side in 0..2 {
                for packet in std::mem::take(&mut self.ways[side]) {
                    self.arrive(side, packet);
                }
            }
            self.send();
        }
    }
}

proptest! {
    #[test]
    fn over_a_link_that_loses_doubles_and_reorders_nothing_is_lost_nothing_doubled_and_both_have_one_order(
        fates in prop::collection::vec(fate(), 0..200)
    ) {
        let (mut link, mut written) = (Link::new(), 0u64);
        for fate in fates {
            match fate {
                Fate::Write(side) => { link.sides[side].write(written); written += 1; }
                Fate::Arrive { side, at, doubled } if !link.ways[side].is_empty() => {
                    let at = at % link.ways[side].len();
                    let packet = if doubled { link.ways[side][at] } else { link.ways[side].remove(at) };
                    link.arrive(side, packet);
                }
                Fate::Lose { side, at } if !link.ways[side].is_empty() => {
                    let at = at % link.ways[side].len();
                    link.ways[side].remove(at);
                }
                Fate::Crash(side) => link.sides[side].crash(),
                Fate::Wait => link.now += LAST_TRY,
                Fate::Arrive { .. } | Fate::Lose { .. } => {}
            }
            link.send();
        }
        // A link that is merely in order ends the story: what was lost goes out again at the next try.
        link.calm();
        link.now += LAST_TRY;
        link.send();
        link.calm();
        let [a, b] = &link.sides;
        prop_assert!(a.outbox.is_empty() && b.outbox.is_empty(), "everything is delivered in the end");
        prop_assert_eq!(a.disk.len() as u64, written);
        let order = |side: &Side| side.disk.keys().copied().collect::<Vec<_>>();
        prop_assert_eq!(order(a), order(b));
    }
}
