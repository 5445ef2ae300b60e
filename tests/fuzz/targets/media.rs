//! What is sealed, and what is in it: sound, and pictures in pieces.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use vesper::e2ee::{Direction, Inbound, Opener, RootKey, Sealer, StreamId};
use vesper::media::audio_jitter::{AudioJitter, Step, VoicePacket};
use vesper::media::audio_payload::{MOST_COPIES, unpack};
use vesper::media::clock::MediaTime;
use vesper::media::nal::{Gate, MAX_UNIT};
use vesper::media::packet::IncomingPacket;
use vesper::media::video_jitter::VideoJitter;
use vesper::media::voice_decoder::{VoiceDecoder, samples_of};
use zeroize::Zeroizing;

use super::{Dice, is_one_in};

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
