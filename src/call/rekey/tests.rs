use super::*;
use crate::e2ee::{OpenError, Opener, RootKey, Sealer, StreamId};
use proptest::prelude::*;
use zeroize::Zeroizing;

struct Side {
    keyring: Keyring,
    rekeying: Rekeying,
    sealers: [Sealer; 3],
    openers: [Opener; 3],
    side: u8,
    secrets: u64,
}

const STREAMS: [StreamId; 3] = [StreamId::Audio, StreamId::Camera, StreamId::Control];

fn side(direction: Direction, start: Instant) -> Side {
    let keyring = Keyring::new(RootKey::new(0, Zeroizing::new([7; 32])), direction, start);
    let (sealers, openers) = (STREAMS.map(|stream| keyring.sealer(stream)), STREAMS.map(|stream| keyring.opener(stream)));
    Side { keyring, rekeying: Rekeying::new(start), sealers, openers, side: direction as u8, secrets: 0 }
}

fn pair(start: Instant) -> [Side; 2] {
    [Direction::CallerToCallee, Direction::CalleeToCaller].map(|direction| side(direction, start))
}

impl Side {
    fn fresh(&mut self) -> Secret {
        self.secrets += 1;
        let mut bytes = [self.side; 32];
        bytes[..8].copy_from_slice(&self.secrets.to_be_bytes());
        Zeroizing::new(bytes)
    }

    fn tick(&mut self, now: Instant) -> Option<Control> {
        let fresh = self.fresh();
        self.rekeying.tick(now, &self.keyring, || fresh)
    }

    fn hear(&mut self, now: Instant, control: Control) -> Option<Control> {
        let fresh = self.fresh();
        match control {
            Control::Rekey { epoch, e_a } => self.rekeying.answer(now, &mut self.keyring, (epoch, e_a), || fresh),
            Control::RekeyOk { epoch, e_b } => {
                self.rekeying.settle(now, &mut self.keyring, (epoch, e_b));
                None
            }
            _ => None,
        }
    }

    fn seal(&mut self, stream: usize, now: Instant, plaintext: &[u8]) -> Vec<u8> {
        let mut item = Vec::new();
        self.sealers[stream].seal(now, 0, plaintext, &mut item).unwrap();
        item
    }

    fn open(&mut self, stream: usize, now: Instant, item: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut out = Vec::new();
        self.openers[stream].open(now, 0, item, &mut out).map(|_| out)
    }
}

#[test]
fn the_caller_asks_after_ten_minutes_and_repeats_the_same_question_until_it_is_answered() {
    let start = Instant::now();
    let [mut caller, mut callee] = pair(start);
    assert_eq!(caller.tick(start + EPOCH - RESEND), None);
    let asked = caller.tick(start + EPOCH).unwrap();
    assert_eq!(caller.tick(start + EPOCH), None);
    assert_eq!(caller.tick(start + EPOCH + RESEND), Some(asked.clone()));
    assert_eq!(callee.tick(start + EPOCH), None, "the callee waits to be asked");
    let answer = callee.hear(start + EPOCH, asked.clone()).unwrap();
    assert_eq!(callee.hear(start + EPOCH, asked), Some(answer.clone()), "the same answer to each repetition");
    caller.hear(start + EPOCH, answer.clone());
    assert_eq!((caller.keyring.root().epoch(), callee.keyring.root().epoch()), (1, 1));
    caller.hear(start + EPOCH, answer);
    assert_eq!(caller.keyring.root().epoch(), 1, "an answer counts once");
}

#[test]
fn a_question_for_another_epoch_or_with_another_key_changes_nothing() {
    let start = Instant::now();
    let [_, mut callee] = pair(start);
    let then = start + EPOCH;
    assert_eq!(callee.hear(then, Control::Rekey { epoch: 2, e_a: [9; 32] }), None);
    assert_eq!(callee.hear(then, Control::Rekey { epoch: 1, e_a: [0; 32] }), None, "a point of small order");
    assert_eq!(callee.keyring.root().epoch(), 0);
    assert!(callee.hear(then, Control::Rekey { epoch: 1, e_a: [9; 32] }).is_some());
    assert_eq!(callee.hear(then, Control::Rekey { epoch: 1, e_a: [8; 32] }), None);
    assert_eq!(callee.keyring.root().epoch(), 1);
}

#[test]
fn a_caller_who_asks_for_keys_all_the_time_gets_them_every_five_minutes() {
    let start = Instant::now();
    let [_, mut callee] = pair(start);
    for second in 0..3600 {
        let epoch = callee.keyring.root().epoch() + 1;
        callee.hear(start + Duration::from_secs(second), Control::Rekey { epoch, e_a: [9; 32] });
    }
    assert_eq!(callee.keyring.root().epoch(), 11);
}

#[test]
fn the_new_root_key_is_that_of_the_fixed_vector() {
    let start = Instant::now();
    let [mut caller, mut callee] = pair(start);
    let asked = caller.tick(start + EPOCH).unwrap();
    let answer = callee.hear(start + EPOCH, asked.clone()).unwrap();
    caller.hear(start + EPOCH, answer.clone());
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let item = caller.seal(2, start + EPOCH, b"vesper");
    assert_eq!(callee.open(2, start + EPOCH, &item).unwrap(), b"vesper");
    let made = format!(
        "# RK[0]: 32 bytes 07. Fresh secrets: the caller's u64 1 and 24 bytes 00, the callee's u64 2 and 24 bytes 01.\n\
         # Control messages before they are sealed, and the caller's first item under the new key, \"vesper\", in hexadecimal.\n\
         rekey {}\nrekey-ok {}\nfirst-control-of-the-caller {}\n",
        hex(&asked.encode()),
        hex(&answer.encode()),
        hex(&item)
    );
    assert_eq!(made, include_str!("../../../tests/data/rekey.txt"));
}

proptest! {
    /// An hour of a call over a link that loses, delays, doubles and reorders everything: control, sound and picture.
    #[test]
    fn rekey_under_loss_reordering_and_duplication_loses_no_frame(seed in any::<u64>()) {
        let start = Instant::now();
        let mut sides = pair(start);
        let mut chance = fastrand(seed);
        let mut flying: Vec<(u64, usize, usize, Vec<u8>)> = Vec::new();
        let mut lost = 0;
        for tick in 0..3600u64 {
            let now = start + Duration::from_secs(tick);
            for (from, side) in sides.iter_mut().enumerate() {
                let question = side.tick(now);
                let mut say = vec![(0, b"sound".to_vec()), (1, b"picture".to_vec())];
                say.extend(question.map(|control| (2, control.encode())));
                // The camera is off for a good while.
                say.retain(|(stream, _)| *stream != 1 || !(900..2900).contains(&tick));
                for (stream, plaintext) in say {
                    let item = side.seal(stream, now, &plaintext);
                    send(&mut flying, &mut chance, tick, 1 - from, stream, item);
                }
            }
            let (due, later) = flying.into_iter().partition::<Vec<_>, _>(|(at, ..)| *at <= tick);
            flying = later;
            for (_, to, stream, item) in due {
                match sides[to].open(stream, now, &item) {
                    Ok(plaintext) if stream == 2 => {
                        let answer = Control::decode(&plaintext).and_then(|control| sides[to].hear(now, control));
                        if let Some(answer) = answer {
                            let item = sides[to].seal(2, now, &answer.encode());
                            send(&mut flying, &mut chance, tick, 1 - to, 2, item);
                        }
                    }
                    Ok(_) | Err(OpenError::Duplicate) => {}
                    Err(_) => lost += 1,
                }
            }
        }
        prop_assert_eq!(lost, 0, "everything that arrived opened");
        let epochs = sides.each_ref().map(|side| side.keyring.root().epoch());
        prop_assert!(epochs[0] >= 5 && epochs[1].abs_diff(epochs[0]) <= 1, "{:?}", epochs);
    }
}

/// A third is lost, a tenth is doubled, and what arrives takes up to four seconds.
fn send(
    flying: &mut Vec<(u64, usize, usize, Vec<u8>)>,
    chance: &mut impl FnMut(u64) -> u64,
    now: u64,
    to: usize,
    stream: usize,
    item: Vec<u8>,
) {
    if chance(3) == 0 {
        return;
    }
    if chance(10) == 0 {
        flying.push((now + chance(5), to, stream, item.clone()));
    }
    flying.push((now + chance(5), to, stream, item));
}

/// Numbers below a bound, from a seed (xorshift).
fn fastrand(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    }
}
