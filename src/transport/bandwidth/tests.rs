//! What the estimator promises, on links of all kinds.

use super::link::{Dice, Profile, Run};
use super::*;

fn home() -> Profile {
    Profile { jitter_ms: 3.0, loss: 0.001, ..Profile::new(5000.0, 200.0, 25.0) }
}

fn lte() -> Profile {
    let rates = vec![(0.0, 2500.0), (12.0, 400.0), (28.0, 2500.0)];
    Profile { rates, jitter_ms: 10.0, loss: 0.005, burst: 2.0, ..Profile::new(2500.0, 600.0, 35.0) }
}

/// A rate that wanders as a phone's does on the way: steps of a fifth of a second, a factor of two up or down, short standstills.
fn cellular(mean: f64, seconds: f64, seed: u64) -> Profile {
    let mut dice = Dice::new(seed);
    let mut level: f64 = 0.0;
    let rates = (0..(seconds * 5.0) as usize)
        .map(|step| {
            level = (level * 0.97 + (dice.roll() - 0.5) * 0.55).clamp(-1.6, 1.1);
            let stands = dice.roll() < 0.006;
            (step as f64 / 5.0, if stands { 60.0 } else { mean * level.exp() })
        })
        .collect();
    Profile { rates, jitter_ms: 4.0, loss: 0.002, ..Profile::new(mean, 2000.0, 30.0) }
}

fn report(name: &str, outcome: &super::link::Outcome) {
    let seconds: Vec<String> = outcome.kbps.chunks(10).map(|ten| format!("{:.0}", ten.iter().sum::<f64>() / 10.0)).collect();
    println!(
        "{name}: p95 {:.0} ms, longest gap {:.0}, frozen {:.0}, skipped {}, sound lost {}, rival {:.0}\n   kbit/s {}",
        outcome.p95_delay(),
        outcome.longest_gap(),
        outcome.frozen(),
        outcome.skipped,
        outcome.sound_lost,
        outcome.rival_kbps,
        seconds.join(" ")
    );
}

#[test]
fn a_wide_path_carries_1500_kbits_within_two_seconds_and_then_all_that_there_is() {
    let outcome = Run::new(home(), 12.0).go();
    report("home", &outcome);
    assert!(outcome.mean(1.5, 2.0) >= 1500.0);
    assert!(outcome.mean(4.0, 12.0) >= 2250.0);
    assert!(outcome.p95_delay() < 70.0);
}

#[test]
fn where_all_pictures_fit_sound_does_not_wait_behind_them() {
    for kbps in [5000.0, 8000.0] {
        let profile = Profile { jitter_ms: 1.0, ..Profile::new(kbps, 200.0, 25.0) };
        let outcome = Run { cap_kbps: 3600, content_kbps: 3000.0, ..Run::new(profile, 20.0) }.go();
        report(&format!("{kbps}"), &outcome);
        assert!(outcome.p98_sound(4000.0) <= 25.0 + 8.0, "{kbps}: {}", outcome.p98_sound(4000.0));
        assert!(outcome.p95_delay() < 60.0, "{kbps}: {}", outcome.p95_delay());
    }
}

#[test]
fn a_narrow_path_is_found_at_once_and_used_without_a_queue() {
    for kbps in [50.0, 150.0, 500.0, 1200.0] {
        let outcome = Run::new(Profile { jitter_ms: 5.0, ..Profile::new(kbps, 800.0, 40.0) }, 40.0).go();
        report(&format!("{kbps}"), &outcome);
        assert!(outcome.mean(10.0, 40.0) >= kbps * 0.75, "{kbps}: {}", outcome.mean(10.0, 40.0));
        let later = outcome.pictures.windows(2).filter(|pair| pair[0].1 > 6000.0).map(|pair| pair[1].1 - pair[0].1);
        assert!(later.fold(0.0, f64::max) <= 1000.0, "{kbps}: pictures stop");
        assert!(outcome.p95_delay() <= 400.0, "{kbps}");
    }
}

#[test]
fn sound_alone_survives_on_16_kbits() {
    let outcome = Run::new(Profile::new(16.0, 3000.0, 60.0), 60.0).go();
    report("16", &outcome);
    let late = outcome.kbps[300..].iter().sum::<f64>() / outcome.kbps[300..].len() as f64;
    assert!(late >= 10.0, "{late}");
    assert!(outcome.sound_late(30_000.0) <= 0.05, "{}", outcome.sound_late(30_000.0));
}

#[test]
fn sound_alone_does_not_keep_a_path_from_being_found_wider_and_asks_for_no_more_where_it_is_not() {
    for (then, least, most) in [(25.0, 16.0, 33.0), (50.0, 38.0, 55.0), (1000.0, 500.0, 1100.0)] {
        let profile = Profile { rates: vec![(0.0, 25.0), (20.0, then)], jitter_ms: 2.0, ..Profile::new(25.0, 1500.0, 25.0) };
        let outcome = Run::new(profile, 60.0).go();
        report(&format!("25, then {then}"), &outcome);
        assert!(outcome.targets[80..200].iter().all(|target| *target < 33.0), "no picture is tried at 25 kbit/s");
        let late = &outcome.targets[380..];
        let mean = late.iter().sum::<f64>() / late.len() as f64;
        assert!((least..most).contains(&mean), "{then}: {mean}");
    }
}

#[test]
fn ten_percent_random_loss_costs_no_rate() {
    let lossy = Profile { jitter_ms: 5.0, loss: 0.1, ..Profile::new(3000.0, 200.0, 30.0) };
    let outcome = Run::new(lossy, 20.0).go();
    report("lossy", &outcome);
    // A tenth of what was sent did not arrive.
    assert!(outcome.mean(4.0, 20.0) >= 2500.0 * 0.9 * 0.88);
}

#[test]
fn loss_in_bursts_costs_no_rate() {
    let bursty = Profile { jitter_ms: 5.0, loss: 0.05, burst: 6.0, ..Profile::new(3000.0, 200.0, 30.0) };
    let outcome = Run::new(bursty, 20.0).go();
    report("bursty", &outcome);
    assert!(outcome.mean(4.0, 20.0) >= 2500.0 * 0.95 * 0.88);
}

#[test]
fn what_a_queue_had_no_room_for_is_no_loss_by_chance() {
    let rates = vec![(0.0, 2500.0), (12.0, 400.0)];
    let narrows = Profile { rates, jitter_ms: 4.0, ..Profile::new(2500.0, 150.0, 35.0) };
    let lossy = Profile { loss: 0.1, ..narrows.clone() };
    for (profile, least, most) in [(narrows, 0.0, 2.0), (lossy, 2.0, 20.0)] {
        let losses = Run::new(profile, 20.0).go().losses.split_off(60);
        let all = losses.iter().map(|(all, _)| *all).fold(0.0, f64::max);
        assert!(all >= 5.0, "{all}");
        assert!(losses.iter().all(|(_, chance)| (least..=most).contains(chance)), "{losses:?}");
    }
}

#[test]
fn where_packets_are_few_whatever_is_lost_is_worth_a_copy() {
    let rates = vec![(0.0, 400.0), (12.0, 100.0)];
    let narrows = Profile { rates, jitter_ms: 4.0, ..Profile::new(400.0, 300.0, 35.0) };
    let losses = Run::new(narrows, 30.0).go().losses.split_off(150);
    let most = losses.iter().copied().fold((0.0, 0.0), |most: (f64, f64), loss| (most.0.max(loss.0), most.1.max(loss.1)));
    assert!(most.0 >= 1.0 && most.1 >= most.0 * 0.99, "{most:?}");
}

#[test]
fn what_is_lost_in_a_queue_that_somebody_else_keeps_full_is_loss_by_chance() {
    let shared = Profile { jitter_ms: 2.0, loss: 0.05, ..Profile::new(4000.0, 300.0, 25.0) };
    let losses = Run { rival: Some((10.0, 40.0)), ..Run::new(shared, 40.0) }.go().losses;
    let late = &losses[200..];
    let mean = |which: fn(&(f64, f64)) -> f64| late.iter().map(which).sum::<f64>() / late.len() as f64;
    assert!(mean(|loss| loss.1) >= mean(|loss| loss.0) * 0.6, "{} of {}", mean(|loss| loss.1), mean(|loss| loss.0));
}

#[test]
fn a_busy_computer_at_the_other_end_costs_little_rate() {
    for (loss, burst) in [(0.001, 1.0), (0.05, 6.0), (0.1, 1.0)] {
        let busy = Profile { jitter_ms: 5.0, loss, burst, stalls: (80.0, 3.0), ..Profile::new(3000.0, 200.0, 30.0) };
        let outcome = Run::new(busy, 30.0).go();
        report("busy", &outcome);
        assert!(outcome.mean(5.0, 30.0) >= 1900.0 * (1.0 - loss), "{}", outcome.mean(5.0, 30.0));
    }
}

#[test]
fn lost_reports_are_not_lost_media() {
    let outcome = Run { reports_lost: 0.3, ..Run::new(home(), 20.0) }.go();
    report("reports lost", &outcome);
    assert!(outcome.mean(5.0, 20.0) >= 2200.0);
}

#[test]
fn a_path_that_narrows_to_a_sixth_freezes_nothing_and_one_that_widens_again_is_used() {
    let mut gaps = Vec::new();
    for seed in 1..=5 {
        let outcome = Run { seed, ..Run::new(lte(), 48.0) }.go();
        report("lte", &outcome);
        // Nothing is repaired here, so a picture of which a packet is lost makes the gap longer than it is in a call.
        gaps.push(outcome.longest_gap());
        assert!(outcome.frozen() <= 1000.0, "{}", outcome.frozen());
        assert!(outcome.p95_delay() <= 200.0, "{}", outcome.p95_delay());
        let back = outcome.reaches(28.0, 2000.0).expect("2000 kbit/s are reached again");
        assert!(back <= 8.0, "{back}");
        assert!(outcome.mean(44.0, 48.0) >= 2000.0);
        assert!(outcome.mean(16.0, 28.0) >= 300.0, "{}", outcome.mean(16.0, 28.0));
    }
    gaps.sort_by(f64::total_cmp);
    assert!(gaps[2] <= 500.0 && gaps[4] <= 700.0, "{gaps:?}");
}

#[test]
fn a_path_that_jitters_is_used_without_going_back_and_forth() {
    for (kbps, jitter_ms) in [(2500.0, 10.0), (3000.0, 5.0), (1200.0, 15.0), (600.0, 20.0)] {
        let profile = Profile { jitter_ms, loss: 0.005, burst: 2.0, ..Profile::new(kbps, 600.0, 35.0) };
        let outcome = Run { cap_kbps: 3600, content_kbps: 2400.0, ..Run::new(profile, 60.0) }.go();
        report(&format!("{kbps} with {jitter_ms} ms"), &outcome);
        let later = &outcome.targets[100..];
        let beyond = later.iter().filter(|target| **target > kbps * 1.15).count() as f64 / later.len() as f64;
        println!("   beyond {beyond:.2}");
        assert!(beyond <= 0.1, "asked for more than there is, {beyond} of the time");
        assert!(outcome.mean(10.0, 60.0) >= kbps.min(2400.0) * 0.8, "{}", outcome.mean(10.0, 60.0));
        // A picture takes up to 40 ms to leave at the rate of the link; the rest is queue and jitter.
        assert!(outcome.p95_delay() <= 35.0 + 40.0 + 3.0 * jitter_ms + 40.0, "{}", outcome.p95_delay());
    }
}

#[test]
fn a_returned_rate_is_used_to_four_fifths_within_eight_seconds() {
    for (low, high) in [(150.0, 1500.0), (400.0, 2500.0), (300.0, 1000.0)] {
        let rates = vec![(0.0, high), (10.0, low), (25.0, high)];
        let outcome = Run::new(Profile { rates, jitter_ms: 4.0, ..Profile::new(high, 400.0, 30.0) }, 40.0).go();
        report(&format!("{low} to {high}"), &outcome);
        let after = outcome.reaches(25.0, high * 0.8 * 0.97).expect("it is reached");
        assert!(after <= 8.0, "{low} to {high}: {after} s");
    }
}

#[test]
fn after_a_dip_of_a_quarter_second_the_rate_is_back_at_once() {
    let rates = vec![(0.0, 2000.0), (12.0, 200.0), (12.25, 2000.0)];
    let outcome = Run::new(Profile { rates, jitter_ms: 3.0, ..Profile::new(2000.0, 2000.0, 30.0) }, 18.0).go();
    report("dip", &outcome);
    assert!(outcome.mean(12.5, 15.0) >= 1300.0, "{}", outcome.mean(12.5, 15.0));
    assert!(outcome.frozen() <= 300.0 && outcome.p95_delay() <= 130.0);
}

#[test]
fn a_wandering_rate_is_used_without_long_waits() {
    let (mut used, mut frozen) = (Vec::new(), Vec::new());
    for seed in 1..=6 {
        let profile = cellular(1500.0, 60.0, seed);
        let carried: f64 = profile.rates.iter().map(|(_, kbps)| kbps.min(2500.0)).sum::<f64>() / profile.rates.len() as f64;
        let outcome = Run { seed, ..Run::new(profile, 60.0) }.go();
        report("cellular", &outcome);
        assert!(outcome.p95_delay() <= 170.0, "{}", outcome.p95_delay());
        frozen.push(outcome.frozen());
        used.push(outcome.mean(3.0, 60.0) / carried);
    }
    let mean = used.iter().sum::<f64>() / used.len() as f64;
    assert!(mean >= 0.55, "{used:?}");
    // In a standstill pictures are rare, nothing is repaired here, and each one lost is a gap: it is the usual run that counts.
    frozen.sort_by(f64::total_cmp);
    assert!(frozen[3] <= 500.0 && frozen[5] <= 2000.0, "{frozen:?}");
}

#[test]
fn a_path_of_fits_and_starts_is_used_for_what_it_carries_on_average() {
    let mut used = Vec::new();
    for seed in 1..=4 {
        // In two of five moments of 15 ms it carries everything, in the others nothing.
        let mut dice = Dice::new(seed);
        let rates = (0..2000).map(|step| (f64::from(step) * 0.015, if dice.roll() < 0.4 { 2500.0 } else { 1.0 })).collect();
        let outcome = Run { seed, ..Run::new(Profile { rates, ..Profile::new(1000.0, 200_000.0, 25.0) }, 30.0) }.go();
        report("fits and starts", &outcome);
        used.push(outcome.mean(8.0, 30.0) / 1000.0);
        assert!(outcome.p95_delay() <= 220.0, "{}", outcome.p95_delay());
    }
    let mean = used.iter().sum::<f64>() / used.len() as f64;
    assert!(mean >= 0.52, "{used:?}");
}

#[test]
fn a_tcp_flow_on_the_same_link_leaves_us_a_fair_share_and_gets_one() {
    let mut shares = Vec::new();
    for seed in 1..=3 {
        let shared = Profile { jitter_ms: 2.0, ..Profile::new(4000.0, 200.0, 25.0) };
        let outcome = Run { seed, rival: Some((10.0, 50.0)), ..Run::new(shared, 60.0) }.go();
        report("shared", &outcome);
        shares.push(outcome.mean(20.0, 50.0) / 4000.0);
        assert!(outcome.mean(54.0, 60.0) >= 2200.0, "after it ended");
    }
    assert!(shares.iter().all(|share| (0.3..=0.7).contains(share)), "{shares:?}");
}

#[test]
fn nobody_answers_for_a_second_and_the_rate_goes_down_for_five_and_only_sound_is_tried() {
    let outcome = Run { silence: (10.0, 20.0), ..Run::new(home(), 30.0) }.go();
    report("silence", &outcome);
    let target = |second: f64| outcome.targets[(second * 10.0) as usize];
    assert!(target(9.9) > 2000.0);
    assert!(target(11.8) <= 0.55 * target(9.9));
    assert!(!outcome.deaf[140] && outcome.deaf[165]);
    assert!(outcome.mean(16.0, 20.0) < 100.0, "only sound");
    assert!(outcome.mean(23.0, 30.0) > 2000.0, "back");
}

#[test]
fn heavy_loss_lowers_the_rate_until_that_turns_out_to_be_of_no_use() {
    let lossy = Profile { loss: 0.5, ..Profile::new(5000.0, 200.0, 30.0) };
    let outcome = Run::new(lossy, 30.0).go();
    report("half lost", &outcome);
    assert!((300.0..1500.0).contains(outcome.targets.last().unwrap()), "{:?}", outcome.targets.last());
}

#[test]
fn a_still_picture_does_not_make_the_estimate_forget_the_path() {
    let outcome = Run { content_kbps: 300.0, ..Run::new(home(), 30.0) }.go();
    report("still", &outcome);
    assert!(*outcome.targets.last().unwrap() >= 1500.0, "{:?}", outcome.targets.last());
}

#[test]
fn a_cap_is_a_cap_and_an_empty_report_is_no_news() {
    let outcome = Run { cap_kbps: 300, ..Run::new(home(), 10.0) }.go();
    assert!(outcome.mean(2.0, 10.0) <= 300.0, "{}", outcome.mean(2.0, 10.0));
    let mut estimator = BandwidthEstimator::new(300);
    assert_eq!(estimator.on_report(Instant::now(), &[], None).target_kbps, 300);
}

#[test]
fn the_same_link_gives_the_same_run() {
    let run = || Run::new(lte(), 20.0).go();
    assert_eq!(run().targets, run().targets);
}

#[test]
fn a_path_that_was_never_heard_of_is_left_to_sound_within_seconds_and_one_that_falls_silent_is_halved_from_what_it_carried() {
    let start = Instant::now();
    let after = |estimator: &mut BandwidthEstimator, ms: u64| {
        estimator.on_time(start + Duration::from_millis(ms));
        estimator.estimate().target_kbps
    };
    let mut unheard = BandwidthEstimator::new(2500);
    unheard.on_sent(start);
    assert_eq!([500, 1000, 2000, 3000].map(|ms| after(&mut unheard, ms)), [900, 225, 56, 16]);

    // A second of sound alone: 64 kbit/s of 900.
    let mut heard = BandwidthEstimator::new(2500);
    let packets: Vec<PacketFate> = (0..50)
        .map(|n| Duration::from_millis(20 * n))
        .map(|at| PacketFate { ssrc: 1, sent: start + at, arrived: Some(at), bytes: 160, probe: false })
        .collect();
    heard.on_report(start + Duration::from_secs(1), &packets, Some(Duration::from_millis(50)));
    heard.on_sent(start + Duration::from_secs(1));
    let halved = after(&mut heard, 2000);
    assert!((30..=40).contains(&halved), "{halved}");
}
