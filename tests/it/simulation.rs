//! The media engine over sixteen links, on virtual time, seeded: the same every time, and quick.
//!
//! The links are those that calls are measured over, by the same rules, and some that are worse. What the threads do in a call is done
//! here step by step, both ways: both ends' pipelines with their codecs and seals, our cutting and putting together, requests for what
//! was lost, reports and the estimator that reads them. Only what cannot be seeded is not there: DTLS, SRTP and sockets. Every profile
//! says what a person at the other end would notice, so that a change for the worse fails the build.

mod call;
mod measure;

use std::time::Duration;

use crate::lab::cellular;
use crate::lab::quality::{Quality, Spikes};
use call::Call;
use measure::Outcome;

/// A link, what is sent over it, and what has to come out at the other end.
struct Profile {
    name: &'static str,
    link: Quality,
    /// From these seconds on it carries so many kbit/s.
    steps: &'static [(u64, u32)],
    seconds: u64,
    /// How many calls there are, with the seeds from 1 on.
    calls: u64,
    size: (usize, usize),
    /// Pictures a second, frozen milliseconds, longest gap in ms, 95th percentile of the delay in ms: of the picture.
    least_fps: f64,
    most_frozen: u64,
    most_gap: u64,
    most_latency: u32,
    /// Concealed percent, and milliseconds from mouth to ear: of the sound.
    most_concealed: f64,
    most_mouth_to_ear: f64,
}

const MS: Duration = Duration::from_millis(1);
const WIDE: Quality = Quality {
    delay: Duration::from_millis(30),
    jitter: Duration::from_millis(2),
    kbps: 5000,
    queue: Duration::from_millis(300),
    ..Quality::CLEAN
};
const HIGH: (usize, usize) = (1280, 720);
const MEDIUM: (usize, usize) = (640, 360);
const SMALL: (usize, usize) = (320, 180);

const fn random(loss_percent: f64) -> Quality {
    Quality { loss_percent, ..WIDE }
}

const fn narrow(kbps: u32) -> Quality {
    WIDE.at(kbps)
}

/// The least number of calls over the same link: what one loses by chance, the other may not.
const CALLS: u64 = 2;

/// Runs a profile and holds what came out, on average, against what has to. Gives what came out of the first call.
fn holds(profile: &Profile) -> Outcome {
    let call = |seed| Call::new(profile.link, profile.size, seed).run(profile.seconds, profile.steps);
    let outcomes: Vec<_> = (1..=profile.calls).map(call).collect();
    outcomes.iter().for_each(|outcome| println!("{}: {outcome}", profile.name));
    let mean = |figure: fn(&Outcome) -> f64| outcomes.iter().map(figure).sum::<f64>() / outcomes.len() as f64;
    let mut wrong = Vec::new();
    let mut check = |what: &str, value: f64, most: f64| {
        if value > most {
            wrong.push(format!("{what}: {value:.1}, allowed {most:.1}"));
        }
    };
    check("pictures missing a second", profile.least_fps - mean(|outcome| outcome.fps), 0.0);
    check("ms frozen", mean(|outcome| outcome.frozen_ms as f64), profile.most_frozen as f64);
    check("ms longest gap", mean(|outcome| outcome.longest_gap_ms as f64), profile.most_gap as f64);
    check("ms lens to screen", mean(|outcome| f64::from(outcome.latency_ms)), f64::from(profile.most_latency));
    check("% concealed", mean(|outcome| outcome.concealed_percent), profile.most_concealed);
    check("ms mouth to ear", mean(|outcome| outcome.mouth_to_ear_ms), profile.most_mouth_to_ear);
    assert!(wrong.is_empty(), "{}: {wrong:?}", profile.name);
    outcomes.into_iter().next().expect("there is a first call")
}

macro_rules! profiles {
    ($($test:ident: $profile:expr;)*) => {
        $(
            #[test]
            fn $test() {
                holds(&Profile { name: stringify!($test), ..$profile });
            }
        )*
    };
}

/// What a link with room has to give.
const GOOD: Profile = Profile {
    name: "",
    link: WIDE,
    steps: &[],
    seconds: 20,
    calls: CALLS,
    size: MEDIUM,
    least_fps: 29.5,
    most_frozen: 0,
    most_gap: 60,
    most_latency: 75,
    most_concealed: 0.2,
    most_mouth_to_ear: 90.0,
};

/// A link that loses much: the picture suffers, the sound goes on.
const BAD: Profile = Profile { most_mouth_to_ear: 160.0, most_concealed: 4.0, most_gap: 600, ..GOOD };

/// A narrow link: the sound goes on, and where there is room for one, a small picture.
const NARROW: Profile = Profile {
    size: SMALL,
    most_gap: 800,
    most_frozen: 2500,
    most_latency: 450,
    most_concealed: 3.0,
    most_mouth_to_ear: 550.0,
    ..GOOD
};

/// A link too narrow for a picture: none is no fault. Where each packet is an eighth of a second, one wrong guess is a percent.
const SOUND_ALONE: Profile = Profile {
    least_fps: 0.0,
    most_frozen: 12_000,
    most_gap: 12_000,
    most_latency: 5000,
    most_concealed: 5.0,
    most_mouth_to_ear: 600.0,
    ..NARROW
};

profiles! {
    clean: GOOD;
    ten_percent_lost: Profile { link: Quality::LOSSY, least_fps: 29.0, most_gap: 150, most_latency: 130, most_concealed: 0.4, ..BAD };
    twenty_percent_lost: Profile { link: random(20.0), least_fps: 28.0, most_gap: 200, most_latency: 200, most_concealed: 2.2, ..BAD };
    thirty_percent_lost: Profile { link: random(30.0), least_fps: 26.0, most_frozen: 700, most_gap: 350, most_latency: 220, ..BAD };
    half_is_lost: Profile {
        link: random(50.0),
        calls: 4 * CALLS,
        least_fps: 1.0,
        most_frozen: 11_000,
        most_gap: 5000,
        most_latency: 2500,
        most_concealed: 20.0,
        most_mouth_to_ear: 450.0,
        ..BAD
    };
    five_percent_in_bursts_of_six: Profile { link: Quality::BURSTY, calls: 2 * CALLS, least_fps: 28.5, most_frozen: 300, most_gap: 240, most_latency: 220, most_concealed: 1.4, ..BAD };
    ten_percent_in_bursts_of_ten: Profile { link: Quality { burst: 10.0, ..random(10.0) }, least_fps: 26.0, most_frozen: 300, most_gap: 300, most_latency: 220, most_concealed: 3.0, most_mouth_to_ear: 170.0, ..BAD };
    three_hundred_kilobit: Profile { link: narrow(300), least_fps: 18.0, most_frozen: 500, most_gap: 300, most_mouth_to_ear: 300.0, ..NARROW };
    five_hundred_kilobit_of_the_third_generation: Profile {
        link: Quality::THIRD_GENERATION,
        seconds: 40,
        size: HIGH,
        least_fps: 22.0,
        most_frozen: 3500,
        most_gap: 450,
        most_latency: 350,
        most_concealed: 1.5,
        most_mouth_to_ear: 320.0,
        ..GOOD
    };
    a_hundred_kilobit: Profile { link: narrow(100), least_fps: 7.0, ..NARROW };
    fifty_kilobit: Profile { link: narrow(50), least_fps: 5.0, most_concealed: 2.0, ..NARROW };
    twenty_five_kilobit: Profile { link: narrow(25), ..SOUND_ALONE };
    a_link_that_becomes_narrow_for_a_while: Profile {
        link: Quality::LTE,
        steps: &[(12, 400), (28, 2500)],
        seconds: 40,
        size: HIGH,
        least_fps: 20.0,
        most_frozen: 1500,
        most_gap: 500,
        most_latency: 250,
        most_concealed: 3.0,
        most_mouth_to_ear: 200.0,
        ..GOOD
    };
    a_phone_on_the_move: Profile {
        link: Quality::on_the_move(cellular::trace()),
        seconds: 48,
        size: HIGH,
        least_fps: 20.0,
        most_frozen: 1500,
        most_gap: 500,
        most_latency: 300,
        most_concealed: 2.8,
        most_mouth_to_ear: 300.0,
        ..GOOD
    };
    spikes_of_half_a_second: Profile {
        link: Quality { spikes: Some(Spikes { every: 5000 * MS, last: 500 * MS }), ..WIDE },
        seconds: 29,
        least_fps: 26.0,
        most_frozen: 1000,
        most_gap: 550,
        most_latency: 450,
        most_concealed: 5.5,
        most_mouth_to_ear: 400.0,
        ..GOOD
    };
}

#[test]
fn far_away_with_loss_and_reordering_and_the_same_again_bit_for_bit() {
    let far = Quality { delay: 250 * MS, overtaken_percent: 5.0, ..random(10.0) };
    let profile = Profile {
        name: "far away",
        link: far,
        seconds: 40,
        least_fps: 28.0,
        most_frozen: 3200,
        most_gap: 700,
        most_latency: 550,
        most_concealed: 1.0,
        most_mouth_to_ear: 400.0,
        ..GOOD
    };
    let first = holds(&profile);
    let second = Call::new(far, profile.size, 1).run(profile.seconds, &[]);
    assert_eq!(first, second);
    let other = Call::new(far, profile.size, 2).run(9, &[]);
    assert_ne!(first.digest, other.digest, "another seed is another call");
}

/// With this seed one of 60 ms stands for two seconds while as much arrives as before: that says nothing of whose it is.
#[test]
fn a_queue_of_our_own_is_not_taken_for_somebody_elses() {
    let outcome = Call::new(Quality::THIRD_GENERATION, HIGH, 2).run(40, &[]);
    println!("{outcome}");
    assert!(outcome.latency_ms <= 350 && outcome.mouth_to_ear_ms <= 300.0, "{outcome}");
}
