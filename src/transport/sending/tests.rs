//! What leaves, in which order, and what is left out.

use super::*;
use crate::media::fragment;
use crate::transport::Role;
use crate::transport::arrivals::Arrivals;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::NackPair;

const OURS: Streams = Streams::of(Role::Caller);

fn packet(ssrc: u32, sequence_number: u16, marker: bool) -> Packet {
    let header = Header { version: 2, ssrc, sequence_number, marker, ..Default::default() };
    Packet { header, payload: Bytes::from(vec![9; 1000]) }
}

fn released(sending: &mut Sending, now: Instant) -> Vec<Packet> {
    (0..100).flat_map(|ms| std::iter::from_fn(|| sending.release(now + Duration::from_millis(ms))).collect::<Vec<_>>()).collect()
}

#[test]
fn sound_overtakes_the_picture_that_waits() {
    let (now, mut sending) = (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()));
    assert!((0..20).all(|sequence| sending.packet(now, packet(OURS.video, sequence, sequence == 19)).is_none()));
    assert!(sending.packet(now, packet(OURS.audio, 0, true)).is_some());
    assert_eq!(released(&mut sending, now).len(), 20, "a clean path gets no parity");
}

#[test]
fn where_sound_hardly_fits_none_joins_a_queue_that_takes_longer_than_anybody_listens() {
    let left = |kbps| {
        let (start, mut sending) = (Instant::now(), Sending::new(OURS, kbps, StartRate::default(), Arc::default()));
        let at = |number: u16| start + Duration::from_millis(30) * u32::from(number);
        let leaves = |number| {
            sending.tick(at(number));
            sending.packet(at(number), Packet { payload: Bytes::from(vec![9; 150]), ..packet(OURS.audio, number, true) })
        };
        (0..50).map(leaves).map(|packet| packet.is_some()).collect::<Vec<_>>()
    };
    let tight = left(16);
    assert_eq!(tight.iter().position(|leaves| !leaves), Some(10), "what takes a second at 16 kbit/s is on its way");
    assert!(tight[11..].contains(&true), "what nobody speaks of is out of the path some time");
    assert!(left(64)[..30].iter().all(|leaves| *leaves));
}

#[test]
fn what_was_asked_for_leaves_before_the_next_picture_as_a_retransmission() {
    let (now, mut sending) = (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()));
    (0..5).for_each(|sequence| drop(sending.packet(now, packet(OURS.video, sequence, sequence == 4))));
    released(&mut sending, now);
    let later = now + Duration::from_millis(150);
    (5..9).for_each(|sequence| drop(sending.packet(later, packet(OURS.video, sequence, sequence == 8))));
    let nack =
        TransportLayerNack { sender_ssrc: 1, media_ssrc: OURS.video, nacks: vec![NackPair { packet_id: 2, lost_packets: 0b10 }] };
    sending.repair(later, &nack);
    let left = released(&mut sending, later);
    let first: Vec<_> = left[..2].iter().map(|packet| (packet.header.ssrc, packet.payload[1])).collect();
    assert_eq!(first, [(OURS.repair, 2), (OURS.repair, 4)]);
    assert_eq!(sending.counters.read().retransmitted, 2);
}

#[test]
fn where_much_is_lost_repairs_leave_twice_and_well_apart_where_losses_come_in_runs() {
    let apart = |lost: fn(u16) -> bool| {
        let (start, mut sending, mut arrivals) =
            (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()), Arrivals::default());
        let at = |ms| start + Duration::from_millis(ms);
        for number in 0..400 {
            let now = at(u64::from(number) * 5);
            sending.packet(now, packet(OURS.video, number, true));
            for packet in std::iter::from_fn(|| sending.release(now)).filter(|packet| !lost(packet.header.sequence_number)) {
                arrivals.arrived(now, packet.header.ssrc, packet.header.sequence_number, 1000, true);
            }
            if arrivals.deadline().is_some_and(|due| due <= now) {
                arrivals.report(now).into_iter().for_each(|report| sending.report(now, &report));
            }
        }
        let nacks = vec![NackPair { packet_id: 399, lost_packets: 0 }];
        sending.repair(at(2100), &TransportLayerNack { sender_ssrc: 1, media_ssrc: OURS.video, nacks });
        let left: Vec<u64> =
            (2100..2150).flat_map(|ms| std::iter::from_fn(|| sending.release(at(ms))).map(|_| ms).collect::<Vec<_>>()).collect();
        let [first, second] = left[..] else { panic!("{left:?}") };
        Duration::from_millis(second - first)
    };
    assert!(apart(|number| number % 12 == 0) < APART);
    assert!(apart(|number| number % 90 < 9) >= APART);
}

#[test]
fn what_repairs_took_of_late_is_told_for_it_leaves_less_for_the_next_pictures() {
    let (start, mut sending) = (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()));
    (0..20).for_each(|sequence| drop(sending.packet(start, packet(OURS.video, sequence, false))));
    released(&mut sending, start);
    assert_eq!(sending.reading().repair_percent, 0);
    let nack = TransportLayerNack {
        sender_ssrc: 1,
        media_ssrc: OURS.video,
        nacks: vec![NackPair { packet_id: 2, lost_packets: 0b111 }],
    };
    let later = start + Duration::from_millis(150);
    sending.repair(later, &nack);
    released(&mut sending, later);
    assert_eq!(sending.reading().repair_percent, 20, "4 of 20");
    (0..20).for_each(|sequence| drop(sending.packet(later, packet(OURS.video, 20 + sequence, false))));
    released(&mut sending, later);
    assert_eq!(sending.reading().repair_percent, 10);
}

#[test]
fn what_is_given_up_leaves_no_more_and_pictures_that_need_it_are_left_out_until_one_comes_that_does_not() {
    let (start, mut sending) = (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()));
    let at = |ms| start + Duration::from_millis(ms);
    let piece = |kind, number| Packet { payload: fragment::cut(&[9; 900], kind).remove(0), ..packet(OURS.video, number, true) };
    (0..60).for_each(|number| drop(sending.packet(start, piece(FrameKind::Delta, number))));
    let before = std::iter::from_fn(|| sending.release(at(20))).count();
    assert!(before < 60 && !sending.has_room());
    sending.abandon(at(30));
    assert_eq!(sending.reading().abandoned, 1);
    assert!(sending.has_room(), "what was made before makes room");
    let nack = TransportLayerNack { sender_ssrc: 1, media_ssrc: OURS.video, nacks: vec![NackPair::default()] };
    sending.repair(at(40), &nack);
    sending.packet(at(40), piece(FrameKind::Delta, 60));
    assert!(released(&mut sending, at(40)).is_empty());
    sending.packet(at(170), piece(FrameKind::Repair, 61));
    sending.packet(at(200), piece(FrameKind::Delta, 62));
    let left: Vec<_> = released(&mut sending, at(200)).iter().map(|packet| packet.header.sequence_number).collect();
    assert_eq!(left, [61, 62]);
    sending.abandon(at(2000));
    sending.packet(at(2100), piece(FrameKind::Delta, 63));
    sending.tick(at(3900));
    sending.packet(at(4000), piece(FrameKind::Delta, 64));
    let left: Vec<_> = released(&mut sending, at(4000)).iter().map(|packet| packet.header.sequence_number).collect();
    assert_eq!((left, sending.reading().abandoned), (vec![64], 2), "whoever makes no such picture is not waited for forever");
}

#[test]
fn on_a_full_path_of_which_nothing_is_said_a_picture_leaves_that_needs_none_before_it() {
    let (start, mut sending, mut arrivals) =
        (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()), Arrivals::default());
    let at = |ms| start + Duration::from_millis(ms);
    let piece = |kind, number| Packet { payload: fragment::cut(&[9; 900], kind).remove(0), ..packet(OURS.video, number, true) };
    for number in 0..60 {
        let now = at(u64::from(number) * 33);
        sending.packet(now, piece(FrameKind::Delta, number));
        for packet in std::iter::from_fn(|| sending.release(now)) {
            arrivals.arrived(now, packet.header.ssrc, packet.header.sequence_number, 1000, true);
        }
        arrivals.report(now).into_iter().for_each(|report| sending.report(now, &report));
    }
    let mut left = Vec::new();
    for ms in (2000..2700).step_by(5) {
        let number = 60 + (ms - 2000) / 5;
        if sending.has_room() || ms == 2300 {
            let kind = if ms == 2300 { FrameKind::Repair } else { FrameKind::Delta };
            sending.packet(at(ms), piece(kind, number as u16));
        }
        sending.tick(at(ms));
        let released = std::iter::from_fn(|| sending.release(at(ms)));
        left.extend(released.map(|packet| (ms, Piece::parse(&packet.payload).unwrap().kind)));
    }
    let (before, after): (Vec<_>, Vec<_>) = left.into_iter().partition(|(ms, _)| *ms < 2300);
    assert!(before.len() > 8 && before.iter().all(|(ms, kind)| *ms < 2250 && *kind == FrameKind::Delta), "{before:?}");
    assert_eq!(after, [(2300, FrameKind::Repair)], "the path is as full as before");
    assert_eq!(sending.reading().abandoned, 3, "others may follow");
}

#[test]
fn there_is_no_room_for_pictures_when_nobody_says_that_they_arrive() {
    let (now, mut sending) = (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()));
    assert!(sending.has_room());
    (0..40).for_each(|sequence| drop(sending.packet(now, packet(OURS.video, sequence, sequence == 39))));
    released(&mut sending, now);
    assert!(!sending.has_room());
    sending.tick(now + Duration::from_secs(2));
    assert!(sending.has_room(), "nobody answers, but what left is gone");
}

/// The most parity that a picture of eight packets gets within 2 s of a path that takes `way` of the n-th packet, by when it left in ms: how
/// long it is under way in ms, or nothing if it gets lost.
fn parity_on_a_path(way: impl Fn(u64, usize) -> Option<u64>) -> f64 {
    let (start, mut sending, mut arrivals) =
        (Instant::now(), Sending::new(OURS, 2500, StartRate::default(), Arc::default()), Arrivals::default());
    let (mut sequence, mut left, mut flying, mut most) = (0, 0, Vec::new(), 0.0f64);
    for ms in 0..2000 {
        let now = start + Duration::from_millis(ms);
        sending.tick(now);
        if ms % 33 == 0 && sending.has_room() {
            for piece in 0..8 {
                sending.packet(now, packet(OURS.video, sequence, piece == 7));
                sequence += 1;
            }
        }
        for packet in std::iter::from_fn(|| sending.release(now)) {
            left += 1;
            flying.extend(way(ms, left).map(|takes| (ms + takes, packet.header)));
        }
        for (_, Header { ssrc, sequence_number, marker, .. }) in flying.extract_if(.., |(at, _)| *at <= ms) {
            arrivals.arrived(now, ssrc, sequence_number, 1000, marker);
        }
        if arrivals.deadline().is_some_and(|due| due <= now) {
            arrivals.report(now).into_iter().for_each(|report| sending.report(now, &report));
        }
        most = most.max(sending.protection.overhead(8));
    }
    most
}

#[test]
fn what_is_lost_by_chance_brings_parity_and_what_a_queue_had_no_room_for_does_not() {
    let way = |queue_ms: u64| {
        move |ms: u64, packet: usize| if ms < 500 { Some(30) } else { (!packet.is_multiple_of(5)).then_some(30 + queue_ms) }
    };
    assert!(parity_on_a_path(way(0)) > 0.0);
    assert_eq!(parity_on_a_path(way(250)), 0.0);
}

#[test]
fn on_a_path_for_hardly_more_than_sound_a_probe_is_of_packets_with_nothing_in_them() {
    let (start, rate) = (Instant::now(), StartRate::default());
    rate.learnt(30, false);
    let (mut sending, mut arrivals) = (Sending::new(OURS, 2500, rate, Arc::default()), Arrivals::default());
    let mut probe = Vec::new();
    for ms in 0..1000 {
        let now = start + Duration::from_millis(ms);
        sending.tick(now);
        let sound = Packet { payload: Bytes::from(vec![9; 110]), ..packet(OURS.audio, (ms / 120) as u16, true) };
        if ms.is_multiple_of(120) && sending.packet(now, sound).is_some() {
            arrivals.arrived(now, OURS.audio, (ms / 120) as u16, 110, true);
        }
        if arrivals.deadline().is_some_and(|due| due <= now) {
            arrivals.report(now).into_iter().for_each(|report| sending.report(now, &report));
        }
        probe.extend(std::iter::from_fn(|| sending.release(now)));
    }
    assert!(probe.len() >= Probe::EMPTY_PACKETS, "{}", probe.len());
    assert!(probe.iter().all(|packet| packet.header.ssrc == OURS.repair && packet.payload.len() == 2));
}
