use super::*;
use proptest::prelude::*;

const START: MediaTime = MediaTime(1_700_000_000_000_000);
const SAMPLES: usize = 960;

fn at(milliseconds: u64) -> MediaTime {
    START + Duration::from_millis(milliseconds)
}

fn long(number: u64, samples: usize) -> VoicePacket {
    VoicePacket { timestamp: (number as usize * samples) as u32, samples, opus: number.to_be_bytes().to_vec(), copy: false }
}

fn packet(number: u64) -> VoicePacket {
    long(number, SAMPLES)
}

fn number(packet: &VoicePacket) -> u64 {
    u64::from_be_bytes(packet.opus[..].try_into().unwrap())
}

/// What was played, a letter a step of a call: `.` silence, `c` concealed, `w` waiting, `r` recovered, `s` skipped, or the number.
#[derive(Default)]
struct Player {
    jitter: AudioJitter,
    /// How much is ready, in samples, and how many ms passed.
    ready: usize,
    clock: u64,
    played: Vec<String>,
    concealed: usize,
    stretched: i64,
}

impl Player {
    /// Plays from the last moment on up to `to` ms; packet `n` arrives at 20 n + `arrive(n)` ms, or never.
    fn play(&mut self, to: u64, arrive: impl Fn(u64) -> Option<u64>) {
        for ms in self.clock..to {
            for n in ms.saturating_sub(2000) / 20..=ms / 20 {
                if arrive(n).is_some_and(|delay| 20 * n + delay == ms) {
                    self.jitter.insert(at(ms), n, packet(n));
                }
            }
            if ms % 10 == 0 {
                self.block(ms);
            }
        }
        self.clock = to;
    }

    fn block(&mut self, ms: u64) {
        while self.ready < 480 {
            self.step(ms);
        }
        self.ready -= 480;
        // As the pipeline does: a period of the voice at a time, at most every 120 ms.
        let surplus = self.jitter.surplus();
        if ms.is_multiple_of(120) && surplus != 0 {
            while surplus > 0 && self.ready < 1440 && self.jitter.has_next() {
                self.step(ms);
            }
            let by: i64 = if surplus < 0 {
                384
            } else if self.ready >= 1440 {
                -384
            } else {
                0
            };
            self.ready = self.ready.strict_add_signed(by as isize);
            self.stretched += by.abs();
            self.jitter.stretched(by);
        }
    }

    fn step(&mut self, ms: u64) {
        let due = at(ms) + time(self.ready);
        let (what, samples) = match self.jitter.next(due) {
            Step::Silence => (".".into(), 480),
            Step::Packet(packet) => (number(&packet).to_string(), packet.samples),
            Step::Skip(_) => ("s".into(), 0),
            Step::Recover { samples, .. } => ("r".into(), samples),
            Step::Conceal { samples, time_passes } => {
                self.concealed += samples;
                (if time_passes { "c" } else { "w" }.into(), samples)
            }
        };
        self.played.push(what);
        self.ready += samples;
    }

    fn numbers(&self) -> Vec<u64> {
        self.played.iter().filter_map(|what| what.parse().ok()).collect()
    }

    fn count(&self, what: &str) -> usize {
        self.played.iter().filter(|played| *played == what).count()
    }
}

/// A link with a delay of 30 ms and a jitter of a few.
fn calm(n: u64) -> Option<u64> {
    Some(30 + n * 7 % 5)
}

#[test]
fn on_a_clean_link_everything_is_played_once_and_a_packet_late() {
    let mut player = Player::default();
    player.play(20_000, calm);
    assert_eq!(player.numbers(), (0..player.numbers().len() as u64).collect::<Vec<_>>());
    assert_eq!((player.concealed, player.count("r"), player.count("s")), (0, 0, 0));
    assert!(player.jitter.delay() <= Duration::from_millis(35), "{:?}", player.jitter.delay());
    assert_eq!(player.jitter.target(), crate::media::delay_target::LEAST);
}

#[test]
fn a_lost_packet_is_recovered_from_the_one_after_it() {
    let mut player = Player::default();
    player.play(4000, |n| calm(n).filter(|_| n != 100));
    let lost = player.played.iter().position(|what| what == "99").unwrap();
    assert_eq!(player.played[lost..lost + 3], ["99", "r", "101"]);
    assert_eq!(player.concealed, 0);
}

#[test]
fn of_three_lost_packets_two_are_concealed_and_one_recovered_and_time_goes_on() {
    let mut player = Player::default();
    player.play(8000, |n| calm(n).filter(|_| !(100..103).contains(&n)));
    assert_eq!(player.count("r"), 1);
    assert!(player.concealed <= 2 * SAMPLES + 480, "{}", player.concealed);
    assert!(player.jitter.delay() <= Duration::from_millis(35), "{:?}", player.jitter.delay());
}

#[test]
fn a_copy_fills_the_gap_that_its_original_left() {
    let mut jitter = AudioJitter::default();
    for n in 0..20u64 {
        if n != 9 {
            jitter.insert(at(20 * n), n, packet(n));
        }
        if n == 10 {
            assert_eq!(jitter.insert(at(200), 9, VoicePacket { copy: true, ..packet(9) }), Arrival::Kept);
            assert_eq!(jitter.insert(at(200), 8, VoicePacket { copy: true, ..packet(8) }), Arrival::Duplicate);
            assert_eq!(jitter.insert(at(201), 9, packet(9)), Arrival::Duplicate);
        }
    }
    let played: Vec<u64> = (0..20)
        .filter_map(|n| match jitter.next(at(40 + 20 * n)) {
            Step::Packet(packet) => Some(number(&packet)),
            _ => None,
        })
        .collect();
    assert_eq!(played, (0..20).collect::<Vec<_>>());
}

#[test]
fn jitter_makes_the_delay_grow_to_what_it_explains_and_calm_brings_it_back() {
    let mut player = Player::default();
    player.play(4000, calm);
    player.play(24_000, |n| Some(30 + n * 37 % 90));
    let rough = player.jitter.delay();
    assert!((Duration::from_millis(75)..Duration::from_millis(125)).contains(&rough), "{rough:?}");
    player.concealed = 0;
    player.play(44_000, |n| Some(30 + n * 37 % 90));
    assert!(player.concealed <= 20 * 1000 * 48 / 50, "{} samples", player.concealed);
    player.play(60_000, calm);
    assert!(player.jitter.delay() <= Duration::from_millis(35), "{:?}", player.jitter.delay());
}

#[test]
fn after_a_spike_the_delay_is_small_again_at_once_and_least_soon_after() {
    let mut player = Player::default();
    // The link holds everything back from 5.0 to 5.5 s.
    let spike = |n: u64| Some(if (250..275).contains(&n) { 530 - 20 * (n - 250) } else { 30 });
    player.play(5600, spike);
    assert!(player.jitter.delay() <= Duration::from_millis(180), "{:?}", player.jitter.delay());
    assert!(player.count("s") > 10, "what was concealed is not said after it");
    player.play(14_000, spike);
    assert!(player.jitter.delay() <= Duration::from_millis(35), "{:?}", player.jitter.delay());
}

#[test]
fn spikes_that_come_every_few_seconds_are_bridged_from_the_third_on() {
    let mut player = Player::default();
    let spike = |n: u64| Some(30 + if n % 250 < 15 { 300 - 20 * (n % 250) } else { 0 });
    player.play(16_000, spike);
    player.concealed = 0;
    player.play(40_000, spike);
    assert!(player.concealed < 48 * 240, "{} ms", player.concealed / 48);
}

#[test]
fn a_speaker_that_stood_still_is_caught_up_with_at_once() {
    let mut player = Player::default();
    player.play(3000, calm);
    // For 900 ms nobody asks.
    (150..195).for_each(|n| _ = player.jitter.insert(at(20 * n + 30), n, packet(n)));
    player.clock = 3900;
    player.play(4000, calm);
    assert!(player.jitter.delay() <= Duration::from_millis(240), "{:?}", player.jitter.delay());
    player.play(9000, calm);
    assert!(player.jitter.delay() <= Duration::from_millis(35), "{:?}", player.jitter.delay());
}

#[test]
fn where_packets_come_unevenly_a_quarter_of_the_target_late_is_near_enough_once_the_call_has_settled() {
    let uneven = |n: u64| Some(30 + n * 37 % 60);
    for (arrive, seconds, follows) in [(calm as fn(u64) -> Option<u64>, 20, true), (uneven, 4, true), (uneven, 20, false)] {
        let mut player = Player::default();
        player.play(seconds * 1000, arrive);
        let playing = player.jitter.playing.as_mut().unwrap();
        playing.level = Some(micros(player.jitter.target.get()) + 12_000);
        assert_eq!(player.jitter.surplus() > 0, follows, "after {seconds} s at {:?}", player.jitter.target());
        let playing = player.jitter.playing.as_mut().unwrap();
        playing.level = Some(micros(player.jitter.target.get()) + 22_000);
        assert!(player.jitter.surplus() > 0, "what is later by more is always taken out");
    }
}

#[test]
fn what_is_a_little_early_is_left_as_it_is() {
    for (early, follows) in [(6_000, false), (9_000, true)] {
        let mut player = Player::default();
        player.play(20_000, calm);
        let playing = player.jitter.playing.as_mut().unwrap();
        playing.level = Some(micros(player.jitter.target.get()) - early);
        assert_eq!(player.jitter.surplus() < 0, follows, "{early} us");
    }
}

#[test]
fn a_link_that_was_gone_for_seconds_is_heard_again_with_no_more_delay() {
    let mut player = Player::default();
    player.play(20_000, |n| calm(n).filter(|_| !(200..400).contains(&n)));
    assert!(player.numbers().contains(&402));
    assert!(player.jitter.delay() <= Duration::from_millis(35), "{:?}", player.jitter.delay());
    assert!(player.numbers().len() > 780);
}

#[test]
fn a_sound_card_that_runs_too_fast_or_too_slow_is_followed_for_hours() {
    for drift in [-300i64, 300] {
        let (mut jitter, mut ready, mut most) = (AudioJitter::default(), 0usize, 0);
        let (mut concealed, mut since) = (0usize, 0);
        let mut arrived = 0u64;
        for block in 0..3 * 3600 * 100i64 {
            let now = START + Duration::from_micros((block * 10_000 + block * drift / 100) as u64);
            while at(20 * arrived + 20) <= now {
                jitter.insert(at(20 * arrived + 20), arrived, packet(arrived));
                arrived += 1;
            }
            while ready < 480 {
                ready += match jitter.next(now) {
                    Step::Packet(packet) => packet.samples,
                    Step::Silence => 480,
                    Step::Skip(_) => 0,
                    Step::Recover { samples, .. } | Step::Conceal { samples, .. } => {
                        concealed += samples;
                        samples
                    }
                };
            }
            ready -= 480;
            since += 1;
            if jitter.surplus() != 0 && since > 12 {
                let by: i64 = if jitter.surplus() > 0 { -(ready.min(300) as i64) } else { 300 };
                ready = (ready as i64 + by) as usize;
                jitter.stretched(by);
                since = 0;
            }
            if block > 3000 {
                most = most.max(jitter.delay().as_millis());
            }
        }
        assert!(most <= 40, "{drift} ppm: {most} ms");
        assert!(concealed <= 48 * 100, "{drift} ppm: {concealed} samples");
        assert!(jitter.packets.len() < 10 && jitter.seen.len() <= CAPACITY);
    }
}

#[test]
fn packets_of_any_length_follow_each_other() {
    let mut jitter = AudioJitter::default();
    let (mut timestamp, mut now) = (0, 0);
    let mut played = 0;
    for (n, samples) in [960, 960, 1920, 2880, 5760, 960].into_iter().cycle().take(60).enumerate() {
        now += samples as u64 / 48;
        jitter.insert(at(now), n as u64, VoicePacket { timestamp, ..long(n as u64, samples) });
        timestamp += samples as u32;
        while let Step::Packet(packet) = jitter.next(at(now + 200)) {
            played += packet.samples;
        }
    }
    assert_eq!(played, timestamp as usize);
}

#[test]
fn a_number_that_no_call_reaches_is_refused_and_a_second_copy_is_a_duplicate() {
    let mut jitter = AudioJitter::default();
    assert_eq!(jitter.insert(at(0), u64::MAX, packet(0)), Arrival::Late);
    assert_eq!(jitter.insert(at(0), 500, packet(500)), Arrival::Kept);
    assert_eq!(jitter.insert(at(0), 500, packet(500)), Arrival::Duplicate);
    assert_eq!(jitter.insert(at(0), 100, packet(100)), Arrival::Late);
}

#[test]
fn what_piled_up_before_the_first_step_is_left_out() {
    let mut jitter = AudioJitter::default();
    (0..40).for_each(|n| _ = jitter.insert(at(20 * n), n, packet(n)));
    let mut skipped = 0;
    let first = loop {
        match jitter.next(at(800)) {
            Step::Skip(_) => skipped += 1,
            Step::Packet(packet) => break number(&packet),
            step => panic!("{step:?}"),
        }
    };
    assert!(skipped > 30 && first >= 36, "{skipped} left out, {first} first");
}

#[test]
fn sound_waits_for_the_picture_when_it_is_told_to() {
    let mut player = Player::default();
    player.play(4000, calm);
    player.jitter.set_extra(Duration::from_millis(80));
    player.play(12_000, calm);
    let delay = player.jitter.delay();
    assert!((Duration::from_millis(85)..=Duration::from_millis(115)).contains(&delay), "{delay:?}");
    assert_eq!(player.concealed, 0);
}

proptest! {
    #[test]
    fn nothing_is_played_twice_or_out_of_order_and_nothing_is_hoarded(
        arrivals in proptest::collection::vec((0u64..700, 0u64..60, any::<u32>(), any::<bool>()), 0..300)
    ) {
        let mut jitter = AudioJitter::default();
        let (mut now, mut last) = (START, None);
        for (n, wait, stamp, odd) in arrivals {
            now = now + Duration::from_millis(wait);
            let timestamp = if odd { stamp } else { n as u32 * 960 };
            jitter.insert(now, n, VoicePacket { timestamp, copy: stamp % 3 == 0, ..packet(n) });
            for _ in 0..wait / 20 {
                if let Step::Packet(packet) = jitter.next(now) {
                    let n = number(&packet);
                    prop_assert!(last.is_none_or(|last| n > last));
                    last = Some(n);
                }
            }
            prop_assert!(jitter.packets.len() <= CAPACITY && jitter.seen.len() <= CAPACITY);
            prop_assert!(jitter.target() <= MOST);
        }
    }
}
