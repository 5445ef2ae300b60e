//! Eight hours of a call in seconds: what drifts, and what grows.

use super::audio_jitter::{AudioJitter, Step, VoicePacket};
use super::clock::{AUDIO_RATE, MediaTime, VIDEO_RATE};
use super::lip_sync::LipSync;
use super::sample_clock::SampleClock;
use super::video_playout::VideoPlayout;
use std::collections::VecDeque;
use std::time::Duration;

const START: MediaTime = MediaTime(1_700_000_000_000_000);
const HOURS: u64 = 8;
/// From lens and mouth to our network card, in µs, besides what fills a packet.
const LINK: u64 = 35_000;

fn drifted(us: u64, ppm: i64) -> MediaTime {
    MediaTime((START.0 as i64 + us as i64 + us as i64 / 1_000_000 * ppm) as u64)
}

/// Sound over two sound cards that are each off by so many parts in a million, with pictures beside it.
struct LongCall {
    jitter: AudioJitter,
    playout: VideoPlayout,
    lip_sync: LipSync,
    stamps: SampleClock,
    packets: u64,
    pictures: u64,
    ready: usize,
    captured_end: u32,
    since_stretch: u32,
    made_up: usize,
    due: VecDeque<(MediaTime, MediaTime)>,
}

impl LongCall {
    fn new() -> Self {
        Self {
            jitter: AudioJitter::default(),
            playout: VideoPlayout::default(),
            lip_sync: LipSync::default(),
            stamps: SampleClock::default(),
            packets: 0,
            pictures: 0,
            ready: 0,
            captured_end: 0,
            since_stretch: 0,
            made_up: 0,
            due: VecDeque::new(),
        }
    }

    /// Everything that arrives until `now`; the microphone is off by `ppm`.
    fn arrive(&mut self, now: MediaTime, ppm: i64) {
        loop {
            let captured = drifted(self.packets * 20_000, ppm);
            let arrival = captured + Duration::from_micros(20_000 + LINK + self.packets * 7919 % 6000);
            if arrival > now {
                break;
            }
            let timestamp = self.stamps.stamp(captured);
            let packet = VoicePacket { timestamp, samples: 960, opus: Vec::new(), copy: false };
            self.jitter.insert(arrival, self.packets, packet);
            self.packets += 1;
        }
        loop {
            let captured = MediaTime(START.0 + self.pictures * 33_333);
            let arrival = captured + Duration::from_micros(LINK + self.pictures * 104_729 % 9000);
            if arrival > now {
                break;
            }
            let due = self.playout.due(arrival, captured.rtp(VIDEO_RATE), self.lip_sync.picture_waits(now));
            self.due.push_back((due.at, captured));
            self.pictures += 1;
        }
        while let Some((at, captured)) = self.due.pop_front_if(|(at, _)| *at <= now) {
            let delay = at.since(captured).as_micros() as i64;
            self.lip_sync.shown(now, delay, delay);
        }
    }

    /// Plays the block that is due at `now`.
    fn block(&mut self, now: MediaTime) {
        while self.ready < 480 {
            self.ready += match self.jitter.next(now + Duration::from_micros(self.ready as u64 * 1000 / 48)) {
                Step::Packet(packet) => {
                    self.captured_end = packet.timestamp.wrapping_add(960);
                    packet.samples
                }
                Step::Silence => 480,
                Step::Skip(_) => 0,
                Step::Recover { samples, .. } | Step::Conceal { samples, .. } => {
                    self.made_up += samples;
                    samples
                }
            };
        }
        if self.captured_end != 0 {
            let captured = self.captured_end.wrapping_sub(self.ready as u32);
            let ticks = now.rtp(AUDIO_RATE).wrapping_sub(captured) as i32;
            let delay = i64::from(ticks) * 1_000_000 / i64::from(AUDIO_RATE);
            self.lip_sync.heard(now, delay, delay);
        }
        self.ready -= 480;
        self.since_stretch += 1;
        if self.jitter.surplus() != 0 && self.since_stretch > 12 {
            let by = if self.jitter.surplus() > 0 { -(self.ready.min(300) as i64) } else { 300 };
            self.ready = self.ready.strict_add_signed(by as isize);
            self.jitter.stretched(by);
            self.since_stretch = 0;
        }
    }
}

#[test]
fn after_eight_hours_lips_and_words_still_meet_and_nothing_has_grown() {
    let mut call = LongCall::new();
    let (mut worst, mut longest) = (0.0f64, Duration::ZERO);
    for block in 0..HOURS * 3600 * 100 {
        let now = drifted(block * 10_000, -70);
        call.arrive(now, 90);
        call.block(now);
        if block > 6000 {
            worst = worst.max(call.lip_sync.offset_ms(now).map_or(f64::INFINITY, f64::abs));
            longest = longest.max(call.jitter.delay());
        }
    }
    assert!(worst <= 40.0, "{worst:.1} ms apart");
    assert!(longest <= Duration::from_millis(60), "{longest:?} held back");
    // A three-thousandth of the call.
    assert!(call.made_up <= 48 * 10_000, "{} ms made up", call.made_up / 48);
    assert!(call.jitter.kept() <= 4 && call.due.len() <= 4, "{} packets, {} pictures", call.jitter.kept(), call.due.len());
}
