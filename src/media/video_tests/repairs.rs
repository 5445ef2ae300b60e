//! What is made good of losses, by whom and how often.

use super::*;

#[test]
fn what_the_path_gave_up_is_made_good_by_the_next_picture_unasked() {
    let mut call = Call::new(640, 360, 1000);
    for _ in 0..60 {
        let packets = call.send();
        call.deliver(packets);
    }
    let before = call.send.stats();
    for _ in 0..4 {
        call.send();
    }
    call.send.renew();
    let packets = call.send();
    let newest = call.deliver(packets).pop().expect("it needs nothing of what was lost");
    assert!(newest.marker == Some(64) && newest.psnr >= 30.0 && !newest.concealed, "{newest:?}");
    let after = call.send.stats();
    assert_eq!((after.keyframes, after.repairs), (before.keyframes, before.repairs + 1));
}

#[test]
fn a_packet_lost_for_good_leads_to_one_request_and_a_repair_brings_the_picture_back() {
    let mut call = Call::new(640, 360, 1500);
    let mut seen = Vec::new();
    for number in 0..60 {
        let mut packets = call.send();
        if number == 20 {
            packets.pop();
        }
        seen.extend(call.deliver(packets));
    }
    let stats = call.send.stats();
    assert_eq!((call.requests, stats.repairs, stats.keyframes), (1, 1, 1));
    assert!(!seen.iter().any(|seen| seen.marker == Some(20)));
    assert!(seen.len() >= 58, "the rest is shown: {}", seen.len());
    let tail = &seen[seen.len() - 20..];
    assert!(tail.iter().all(|seen| !seen.concealed && seen.psnr >= 33.0), "{tail:?}");
}

#[test]
fn a_keyframe_lost_after_a_change_of_size_is_made_again() {
    let mut call = Call::new(640, 360, 1500);
    let mut seen = Vec::new();
    for number in 0..60 {
        if number == 20 {
            call.pattern = TestPattern::new(320, 180);
        }
        let packets = call.send();
        if number != 20 {
            seen.extend(call.deliver(packets));
        }
    }
    let stats = call.send.stats();
    assert_eq!((stats.repairs, stats.keyframes), (0, 3), "what the lost keyframe began has no reference that is known");
    let tail = &seen[seen.len() - 20..];
    assert!(tail.iter().all(|seen| !seen.concealed && seen.psnr >= 33.0), "{tail:?}");
}

#[test]
fn a_loss_behind_a_repair_that_waits_for_its_time_is_not_forgotten() {
    let mut call = Call::new(640, 360, 1500);
    call.receive.set_rtt(Duration::from_millis(20));
    for number in 0..60 {
        // Pictures wait 200 ms for the sound: the repair of the first loss is still there when the second is found.
        call.lip_sync.heard(call.now, 300_000, 300_000);
        call.lip_sync.shown(call.now, 60_000, 60_000);
        let packets = call.send();
        call.deliver(packets.into_iter().take(if [20, 25].contains(&number) { 0 } else { usize::MAX }));
    }
    assert_eq!(call.requests, 2);
    let last = call.wait().pop().unwrap();
    assert!(!last.concealed && last.psnr >= 33.0, "{last:?}");
}

#[test]
fn nothing_is_asked_for_again_while_nothing_comes() {
    let mut call = Call::new(640, 360, 1500);
    for number in 0..30 {
        let packets = call.send();
        call.deliver(packets.into_iter().take(if number == 20 { 0 } else { usize::MAX }));
        if call.requests > 0 {
            break;
        }
    }
    for _ in 0..10 {
        call.wait();
    }
    assert_eq!(call.requests, 1);
    let packets = call.send();
    call.deliver(packets.into_iter().skip(1));
    call.wait();
    assert_eq!(call.requests, 2, "pictures come, but not the one that was asked for");
}

#[test]
fn the_first_packets_lost_are_asked_for_again() {
    let mut call = Call::new(640, 360, 1500);
    let mut seen = Vec::new();
    for number in 0..30 {
        let packets = call.send();
        if number > 0 {
            seen.extend(call.deliver(packets));
        }
    }
    assert_eq!(call.requests, 1);
    assert_eq!(seen.last().and_then(|seen| seen.marker), Some(29));
    assert!(seen.iter().all(|seen| seen.psnr >= 33.0));
}
