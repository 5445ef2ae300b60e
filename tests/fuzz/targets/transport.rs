//! The packets of a path, the parity that brings lost ones back, and the two ends that rule how many there are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use vesper::media::clock::MediaTime;
use vesper::media::packet::OutgoingFrame;
use vesper::transport::bandwidth::FLOOR_KBPS;
use vesper::transport::bare::{Arrived, BarePath};
use vesper::transport::datagram::Datagram;
use vesper::transport::parity::{MOST_PACKETS, MOST_PARITIES, Recovery, protect};
use vesper::transport::{Numbered, Role, StartRate};

use super::{Dice, MOST, is_one_in};

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
