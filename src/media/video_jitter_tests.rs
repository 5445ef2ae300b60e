//! Pieces of frames in whatever order, with whatever missing.

use super::*;
use crate::media::fragment;
use bytes::Bytes;
use proptest::prelude::*;

fn at(ms: u64) -> MediaTime {
    MediaTime(1_000_000 + ms * 1000)
}

fn kind(n: u32) -> FrameKind {
    if n.is_multiple_of(10) { FrameKind::Keyframe } else { FrameKind::Delta }
}

/// Frames of three pieces each, numbered from `first` on; every tenth is a keyframe.
fn packets(first: u16, frames: u32) -> Vec<IncomingPacket> {
    let cut = |n: u32| fragment::cut(&vec![n as u8; 3000], kind(n));
    let pieces = (0..frames).flat_map(|n| cut(n).into_iter().map(move |piece| (n, piece)));
    pieces
        .enumerate()
        .map(|(index, (n, payload))| IncomingPacket {
            sequence: first.wrapping_add(index as u16),
            timestamp: n * 3000,
            marker: index % 3 == 2,
            payload,
            arrived: at(u64::from(n) * 33),
        })
        .collect()
}

fn drain(jitter: &mut VideoJitter, now: MediaTime) -> Vec<u32> {
    std::iter::from_fn(|| jitter.pop(now)).map(|frame| frame.timestamp / 3000).collect()
}

#[test]
fn a_frame_leaves_the_moment_its_last_piece_comes() {
    let mut jitter = VideoJitter::default();
    for (index, packet) in packets(65_530, 20).into_iter().enumerate() {
        let now = packet.arrived;
        jitter.push(packet);
        let frame = jitter.pop(now);
        assert_eq!(frame.is_some(), index % 3 == 2, "piece {index}");
        assert!(frame.is_none_or(|frame| frame.data.len() == 3000 && !frame.after_loss));
        assert_eq!(jitter.deadline(), None, "nothing is missing");
    }
}

#[test]
fn a_repaired_piece_lets_everything_behind_it_go_in_order() {
    let mut jitter = VideoJitter::default();
    let mut all = packets(100, 6);
    let missing = all.remove(7);
    all.into_iter().for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(170)), [0, 1]);
    assert!(jitter.deadline().is_some());
    jitter.push(missing.clone());
    assert_eq!(drain(&mut jitter, at(171)), [2, 3, 4, 5]);
    jitter.push(missing);
    assert_eq!(jitter.counts(), JitterCounts { late: 1, malformed: 0, gaps: 0 });
}

#[test]
fn a_second_try_is_waited_for_up_to_a_round_trip_of_a_tenth_of_a_second_and_the_first_up_to_half_a_second() {
    let patience = |rtt: u64| {
        let mut jitter = VideoJitter::default();
        jitter.set_rtt(Duration::from_millis(rtt));
        jitter.patience().as_millis() as u64
    };
    assert!([60, 100, 119].map(|rtt| patience(rtt) >= rtt * 2 + 30).iter().all(|waits| *waits));
    assert!([130, 250, 500].map(|rtt| (rtt..rtt * 2).contains(&patience(rtt))).iter().all(|waits| *waits));
    assert_eq!((patience(2), patience(900)), (60, 60), "a whole picture is as near");
}

#[test]
fn a_gap_that_nobody_repairs_is_given_up_and_said() {
    let mut jitter = VideoJitter::default();
    let mut all = packets(100, 6);
    all.remove(7);
    all.into_iter().for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(100)), [0, 1]);
    let deadline = jitter.deadline().unwrap();
    assert_eq!(deadline, at(66) + jitter.patience());
    let frame = jitter.pop(deadline).unwrap();
    assert_eq!((frame.timestamp / 3000, frame.after_loss), (3, true));
    assert_eq!(drain(&mut jitter, deadline), [4, 5]);
    assert_eq!(jitter.counts().gaps, 1);
}

#[test]
fn a_whole_keyframe_ends_the_wait_for_what_came_before() {
    let mut jitter = VideoJitter::default();
    let mut all = packets(7, 12);
    all.drain(15..20);
    all.into_iter().for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(170)), [0, 1, 2, 3, 4, 10, 11]);
}

#[test]
fn a_repair_ends_the_wait_like_a_keyframe_but_begins_no_stream() {
    let mut all = packets(7, 12);
    let repair = fragment::cut(&[6; 3000], FrameKind::Repair);
    all[18..21].iter_mut().zip(repair).for_each(|(packet, payload)| packet.payload = payload);
    all.truncate(27);
    let behind = all.split_off(12);
    let mut jitter = VideoJitter::default();
    behind[3..].iter().for_each(|packet| jitter.push(packet.clone()));
    assert_eq!(drain(&mut jitter, at(300)), [0u32; 0], "it is made from what a new decoder does not have");

    let mut jitter = VideoJitter::default();
    all.into_iter().chain(behind.into_iter().skip(3)).for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(200)), [0, 1, 2, 3, 6, 7, 8]);
}

#[test]
fn before_the_first_keyframe_nothing_leaves_and_the_loss_is_said() {
    let mut jitter = VideoJitter::default();
    let all = packets(40_000, 11);
    for packet in &all[3..30] {
        jitter.push(packet.clone());
    }
    assert_eq!(drain(&mut jitter, at(120)), [0u32; 0]);
    assert_eq!(drain(&mut jitter, at(900)), [0u32; 0]);
    assert!(jitter.has_loss());
    // A slow link: the keyframe takes longer than patience, and is not given up while it comes.
    for (index, packet) in all[30..].iter().enumerate() {
        assert!(jitter.pop(at(2000 + 500 * index as u64)).is_none());
        jitter.push(packet.clone());
    }
    assert_eq!(drain(&mut jitter, at(9000)), [10]);
}

#[test]
fn a_stream_that_starts_again_elsewhere_is_followed() {
    let mut jitter = VideoJitter::default();
    packets(100, 3).into_iter().for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(100)), [0, 1, 2]);
    packets(50_000, 3).into_iter().for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(200)), [0, 1, 2]);
    packets(20_000, 3).into_iter().for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(300)), [0, 1, 2]);
}

#[test]
fn numbers_that_begin_anew_a_little_lower_are_not_taken_for_late_packets() {
    let mut jitter = VideoJitter::default();
    packets(5000, 10).into_iter().for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(300)).len(), 10);
    let again = |packet: IncomingPacket| IncomingPacket { timestamp: packet.timestamp + 100 * 3000, ..packet };
    packets(4800, 10).into_iter().map(again).for_each(|packet| jitter.push(packet));
    assert_eq!(drain(&mut jitter, at(300)), (100..110).collect::<Vec<u32>>());
    assert!(jitter.counts().late == 0 && jitter.counts().gaps == 1);
}

proptest! {
    #[test]
    fn reordered_and_doubled_packets_give_every_frame_once_in_order(first: u16, swaps in prop::collection::vec((0usize..90, 0usize..12), 0..60)) {
        let mut all = packets(first, 30);
        for (from, by) in swaps {
            let to = (from + by).min(all.len() - 1);
            all.swap(from, to);
            all.insert(to, all[from].clone());
        }
        let mut jitter = VideoJitter::default();
        let mut frames = Vec::new();
        for packet in all {
            jitter.push(packet);
            frames.extend(drain(&mut jitter, at(0)));
        }
        // Before the first keyframe came, or past a whole keyframe, frames may be left out; none may come twice or late.
        prop_assert!(frames.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert_eq!(frames.last(), Some(&29));
    }

    #[test]
    fn nothing_a_peer_sends_makes_it_panic_stall_or_hoard(
        sent in prop::collection::vec((any::<u16>(), 0u32..4, 0u8..9, 0usize..5, 0u64..50), 0..400)
    ) {
        let mut jitter = VideoJitter::default();
        let mut now = 0;
        for (sequence, timestamp, flags, length, pause) in sent {
            now += pause;
            let mut payload = vec![flags];
            payload.resize(length, 7);
            let sequence = if sequence % 3 == 0 { sequence } else { sequence % 64 };
            jitter.push(IncomingPacket { sequence, timestamp, marker: false, payload: Bytes::from(payload), arrived: at(now) });
            while jitter.pop(at(now)).is_some() {}
            prop_assert!(jitter.deadline().is_none_or(|deadline| deadline > at(now)));
        }
        // Once the peer behaves, its next keyframe gets through.
        now += 1000;
        while jitter.pop(at(now)).is_some() {}
        let start = jitter.newest.map_or(0, |newest| newest as u16).wrapping_add(1);
        for mut packet in packets(start, 1) {
            packet.arrived = at(now);
            jitter.push(packet);
        }
        prop_assert_eq!(jitter.pop(at(now)).map(|frame| frame.data.len()), Some(3000));
    }
}
