//! A contact who means harm: proven, accepted, and sending whatever does most damage.
//!
//! Ten thousand sessions are played against one set of rules, codecs and buffers on time that jumps, each an honest session that was
//! changed somewhere: see [`sessions`]. Some thousand frames are sent to a running program over a real link: that is here. Neither panics,
//! hangs or grows, and afterwards both take an honest call.

mod sessions;
pub(crate) mod stolen;

use std::sync::Arc;
use std::time::Instant;

use iroh::endpoint::SendStream;
use vesper::call::{CallSecrets, Dial, Input, Output, Rules};
use vesper::contacts::Hint;
use vesper::identity::{Identity, PublicKey};
use vesper::signal::message::{CallId, Description, MediaKind, Message};

use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::people::People;
use stolen::{Stolen, target};

const VIDEO: MediaKind = MediaKind { video: true };
/// Tells [`the_hostile_contact`] whom to bother: a profile's folder, a key, the open ports.
const TARGET: &str = "VESPER_TEST_HOSTILE";

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
