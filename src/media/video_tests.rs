//! Both video pipelines against each other, on time that jumps.

mod repairs;

use super::clock::MediaTime;
use super::clock_offset::ClockOffset;
use super::content::tests::write_page;
use super::convert::Picture;
use super::events::MediaEvent;
use super::frame::Frame;
use super::lip_sync::LipSync;
use super::marker;
use super::packet::{IncomingPacket, OutgoingFrame};
use super::place::screen;
use super::repair::PictureFeedback;
use super::screen::Screen;
use super::slot::slot;
use super::test_pattern::TestPattern;
use super::trace::Trace;
use super::video_receive::{RecordFormat, Step, VideoReceiveConfig, VideoReceivePipeline, VideoReceiver};
use super::video_send::{VideoSendConfig, VideoSendPipeline, VideoSender, VideoSourceSpec};
use crate::e2ee::{Direction, Inbound, Opener, RootKey, Sealer, StreamId};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const FRAME: Duration = Duration::from_micros(33_333);

/// A sender and a receiver with the packets between them in our hands.
struct Call {
    send: VideoSendPipeline,
    receive: VideoReceivePipeline,
    lip_sync: Arc<LipSync>,
    pattern: TestPattern,
    frame: Frame,
    sent: HashMap<u16, Frame>,
    sequence: u16,
    now: MediaTime,
    instant: Instant,
    requests: usize,
}

/// What a step of the receiver gave: the marker, whether something was made up for, and how much it looks like what was sent.
#[derive(Debug, Clone, Copy)]
struct Seen {
    marker: Option<u16>,
    concealed: bool,
    psnr: f64,
}

impl Call {
    fn new(width: usize, height: usize, kbps: u32) -> Self {
        let root = RootKey::new(0, Zeroizing::new([9; 32]));
        let instant = Instant::now();
        let sealer = Sealer::new(&root, Direction::CallerToCallee, StreamId::Camera, instant);
        let inbound = Inbound::new(instant, Arc::default());
        let opener = Opener::new(&root, Direction::CallerToCallee, StreamId::Camera, &inbound);
        let lip_sync = Arc::<LipSync>::default();
        Self {
            send: VideoSendPipeline::new(sealer, 30, kbps),
            receive: VideoReceivePipeline::new(opener, Arc::default(), lip_sync.clone()).unwrap(),
            lip_sync,
            pattern: TestPattern::new(width, height),
            frame: Frame::black(16, 16),
            sent: HashMap::new(),
            sequence: 65_500,
            now: MediaTime(1_700_000_000_000_000),
            instant,
            requests: 0,
        }
    }

    /// Captures the next frame.
    fn capture(&mut self) -> Option<u16> {
        self.now = self.now + FRAME;
        self.instant += FRAME;
        self.pattern.draw(self.now, &mut self.frame);
        self.frame.captured = self.now;
        let number = marker::read(&Picture::from(&self.frame)).unwrap();
        self.sent.insert(number, self.frame.clone());
        Some(number)
    }

    /// Lets time go by in which nothing is sent, until everything that arrived is shown.
    fn wait(&mut self) -> Vec<Seen> {
        (0..20)
            .flat_map(|_| {
                self.now = self.now + Duration::from_millis(20);
                self.instant += Duration::from_millis(20);
                self.deliver([])
            })
            .collect()
    }

    /// Captures the next frame while nothing may leave yet.
    fn prepare(&mut self) -> Option<u16> {
        let number = self.capture();
        self.send.prepare(self.now, &self.frame).unwrap();
        number
    }

    /// Now frames may leave.
    fn release(&mut self) -> Vec<Seen> {
        let ready = self.send.release(self.now, self.instant).unwrap();
        let packets = ready.map(|frame| self.packets(frame)).unwrap_or_default();
        self.deliver(packets)
    }

    /// Captures and sends the next frame.
    fn send(&mut self) -> Vec<IncomingPacket> {
        self.capture();
        let outgoing = self.send.step(self.now, self.instant, &self.frame, true).unwrap().expect("no frame is left out");
        self.packets(outgoing)
    }

    fn packets(&mut self, outgoing: OutgoingFrame) -> Vec<IncomingPacket> {
        let last = outgoing.pieces.len() - 1;
        let pieces = outgoing.pieces.into_iter().enumerate();
        pieces.map(|(index, payload)| self.packet(outgoing.timestamp, index == last, payload)).collect()
    }

    fn packet(&mut self, timestamp: u32, marker: bool, payload: Bytes) -> IncomingPacket {
        self.sequence = self.sequence.wrapping_add(1);
        IncomingPacket { sequence: self.sequence, timestamp, marker, payload, arrived: self.now }
    }

    /// Delivers packets; what the receiver tells reaches the sender at once.
    fn deliver(&mut self, packets: impl IntoIterator<Item = IncomingPacket>) -> Vec<Seen> {
        packets.into_iter().for_each(|packet| self.receive.push(packet));
        let mut seen = Vec::new();
        while let Some(step) = self.receive.step(self.now, self.instant) {
            if let Step::Picture(shown) = step {
                let marker = marker::read(&shown.picture);
                let sent = marker.and_then(|number| self.sent.get(&number));
                let psnr = sent.map_or(0.0, |frame| psnr(frame, &shown.picture));
                seen.push(Seen { marker, concealed: shown.concealed, psnr });
            }
        }
        while let Some(feedback) = self.receive.feedback(self.now) {
            self.requests += usize::from(!matches!(feedback, PictureFeedback::Kept(_)));
            self.send.feedback(feedback);
        }
        seen
    }
}

fn psnr(frame: &Frame, picture: &Picture) -> f64 {
    let mut copy = Frame::black(16, 16);
    picture.copy_to(&mut copy);
    let (sent, shown) = (frame.planes().0, copy.planes().0);
    let squares: f64 = sent.iter().zip(shown).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0f64.powi(2) / (squares / sent.len() as f64).max(1e-9)).log10()
}

#[test]
fn every_frame_is_shown_when_its_last_packet_comes_and_looks_like_what_was_captured() {
    let mut call = Call::new(1280, 720, 2000);
    for number in 0..60 {
        let packets = call.send();
        let seen = call.deliver(packets);
        assert_eq!(seen.len(), 1, "frame {number}");
        assert_eq!(seen[0].marker, Some(number));
        assert!(seen[0].psnr >= 33.0 && !seen[0].concealed, "frame {number}: {seen:?}");
    }
    assert_eq!((call.requests, call.send.stats().keyframes), (0, 1));
}

#[test]
fn late_doubled_and_reordered_packets_lose_no_frame() {
    let mut call = Call::new(640, 360, 1500);
    let mut late: Vec<IncomingPacket> = Vec::new();
    let mut seen = Vec::new();
    for number in 0..90usize {
        let mut packets = call.send();
        packets.reverse();
        packets.push(packets[0].clone());
        // Every third frame loses a packet that is repaired a frame later.
        let repaired = std::mem::take(&mut late);
        if number % 3 == 1 {
            late.extend(packets.pop_if(|_| true));
            let lost = late[0].sequence;
            packets.retain(|packet| packet.sequence != lost);
        }
        seen.extend(call.deliver(repaired.into_iter().chain(packets)));
    }
    seen.extend(call.wait());
    let markers: Vec<u16> = seen.iter().filter_map(|seen| seen.marker).collect();
    assert_eq!(markers, (0..90).collect::<Vec<u16>>());
    assert!(seen.iter().all(|seen| seen.psnr >= 33.0 && !seen.concealed));
    assert_eq!(call.requests, 0);
}

#[test]
fn what_was_altered_or_sealed_by_another_is_dropped_and_the_picture_returns() {
    let mut call = Call::new(320, 180, 600);
    let mut stranger = Call::new(320, 180, 600);
    let other = RootKey::new(0, Zeroizing::new([1; 32]));
    let sealer = Sealer::new(&other, Direction::CallerToCallee, StreamId::Camera, stranger.instant);
    stranger.send = VideoSendPipeline::new(sealer, 30, 600);
    let mut shown = 0;
    for number in 0..60 {
        let mut packets = call.send();
        match number {
            10 => {
                let mut bytes = packets[0].payload.to_vec();
                *bytes.last_mut().unwrap() ^= 1;
                packets[0].payload = bytes.into();
            }
            20 => {
                let forged = stranger.send();
                packets.iter_mut().zip(forged).for_each(|(packet, forged)| packet.payload = forged.payload);
            }
            30 => packets.iter_mut().for_each(|packet| packet.payload = Bytes::from_static(b"\x07garbage")),
            _ => {}
        }
        shown += call.deliver(packets).len();
    }
    assert!(shown >= 56, "{shown} shown");
    assert!(call.requests >= 1);
    let packets = call.send();
    let seen = call.deliver(packets);
    assert!(seen[0].psnr >= 33.0 && !seen[0].concealed);
}

#[test]
fn when_the_rate_falls_the_picture_gets_smaller_and_goes_on() {
    let mut call = Call::new(1280, 720, 2000);
    for _ in 0..10 {
        let packets = call.send();
        assert_eq!(call.deliver(packets).len(), 1);
    }
    call.send.set_kbps(300);
    for _ in 0..30 {
        let packets = call.send();
        assert_eq!(call.deliver(packets).len(), 1);
    }
    assert_eq!((call.send.stats().width, call.send.stats().height, call.requests), (640, 360, 0));
}

#[test]
fn what_a_screen_shows_stays_as_large_as_it_is_when_the_rate_falls() {
    let mut call = Call::new(1280, 720, 2000);
    let mut seen = 0;
    for number in 0..150u32 {
        call.capture();
        write_page(&mut call.frame, 1);
        call.send.set_kbps(if number < 60 { 2000 } else { 200 });
        let outgoing = call.send.step(call.now, call.instant, &call.frame, true).unwrap();
        let packets = outgoing.map(|frame| call.packets(frame)).unwrap_or_default();
        seen += call.deliver(packets).len();
    }
    assert_eq!((call.send.stats().width, call.send.stats().height), (1280, 720));
    assert!(seen < 110, "{seen} pictures");
}

#[test]
fn the_first_picture_is_encoded_before_it_may_leave_and_the_next_ones_refine_it() {
    let mut call = Call::new(1280, 720, 1500);
    let first = call.prepare();
    for _ in 0..6 {
        call.prepare();
    }
    let seen = call.release();
    assert_eq!((seen.len(), seen[0].marker), (1, first));
    let mut last = seen[0].psnr;
    for _ in 0..9 {
        let packets = call.send();
        last = call.deliver(packets)[0].psnr;
    }
    assert!(last > seen[0].psnr && last >= 33.0, "{:.1} dB, then {last:.1} dB", seen[0].psnr);
    assert_eq!((call.requests, call.send.stats().keyframes), (0, 1));
}

#[test]
fn a_first_picture_that_grew_old_is_encoded_anew() {
    let mut call = Call::new(320, 180, 1500);
    let first = call.prepare();
    let shown = (0..20).map(|_| call.prepare()).collect::<Vec<_>>();
    let seen = call.release();
    assert!(seen[0].marker != first && shown.contains(&seen[0].marker));
    // The camera stood still while the connection was made: the next picture is the first.
    let mut call = Call::new(320, 180, 1500);
    call.prepare();
    call.now = call.now + Duration::from_secs(2);
    assert!(call.release().is_empty());
    let packets = call.send();
    assert_eq!((call.deliver(packets).len(), call.requests), (1, 0));
}

/// Carries frames from a sender to a receiver as a transport would, until `enough` says so.
fn carry(
    sequence: &mut u16,
    frames: &mut tokio::sync::mpsc::Receiver<OutgoingFrame>,
    packets: &std::sync::mpsc::SyncSender<IncomingPacket>,
    mut enough: impl FnMut() -> bool,
) {
    while !enough() {
        let frame = frames.blocking_recv().expect("the sender sends on");
        let last = frame.pieces.len() - 1;
        for (index, payload) in frame.pieces.into_iter().enumerate() {
            *sequence = sequence.wrapping_add(1);
            let sequence = *sequence;
            let (timestamp, marker, arrived) = (frame.timestamp, index == last, MediaTime::now());
            packets.send(IncomingPacket { sequence, timestamp, marker, payload, arrived }).unwrap();
        }
    }
}

#[test]
fn a_whole_call_on_threads_shows_records_and_traces_what_was_captured() {
    let folder = tempfile::tempdir().unwrap();
    let (record, trace) = (folder.path().join("record.y4m"), folder.path().join("trace.csv"));
    let root = RootKey::new(0, Zeroizing::new([9; 32]));
    let now = Instant::now();
    let (out, mut frames) = tokio::sync::mpsc::channel(4);
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let (to_receiver, packets) = std::sync::mpsc::sync_channel(256);
    let ((preview, own), (theirs, seen), (echo, echoed)) = (screen(), screen(), slot());
    let (mut sequence, traces) = (0, Trace::create(&trace, tokio::sync::mpsc::channel(1).0).unwrap());
    let sender = VideoSender::prepare(VideoSendConfig {
        sealer: Sealer::new(&root, Direction::CalleeToCaller, StreamId::Camera, now),
        source: VideoSourceSpec::Test,
        width: 320,
        height: 180,
        fps: 30,
        bitrate_kbps: 800,
        out,
        preview: Some(Screen::new(preview, None)),
        trace: Some(traces.clone()),
        events: events.clone(),
    });
    sender.begin();
    let clock_offset = Arc::new(ClockOffset::default());
    clock_offset.set_us(0);
    let receiver = VideoReceiver::start(VideoReceiveConfig {
        opener: Opener::new(&root, Direction::CalleeToCaller, StreamId::Camera, &Inbound::new(now, Arc::default())),
        packets,
        screen: Some(Screen::new(theirs, None)),
        frames: Some(echo),
        record: Some(record.clone()),
        record_format: RecordFormat { width: 320, height: 180, fps: 30 },
        trace: Some(traces),
        clock_offset,
        lip_sync: Arc::default(),
        feedback: Arc::new(|_| {}),
        events,
    });
    carry(&mut sequence, &mut frames, &to_receiver, || receiver.stats().frames >= 20);
    sender.feedback(PictureFeedback::Keyframe);
    carry(&mut sequence, &mut frames, &to_receiver, || receiver.stats().keyframes >= 2);
    let (own, seen) = (own.pictures.take().unwrap(), seen.pictures.take().unwrap());
    assert_eq!((own.width, own.height, seen.width, seen.height), (320, 180, 320, 180));
    assert!(marker::read(&Picture::from(&echoed.take().unwrap())).is_some());

    // The camera off and on again: the sealer counts on, so everything still opens.
    sender.set_source(VideoSourceSpec::None);
    sender.set_source(VideoSourceSpec::Test);
    let before = receiver.stats();
    carry(&mut sequence, &mut frames, &to_receiver, || receiver.stats().frames >= before.frames + 10);
    drop(frames);
    drop(sender);
    let stats = receiver.stats();
    assert_eq!((stats.unopened, stats.undecoded, stats.concealed, stats.requests), (0, 0, 0, 0));
    assert_eq!(stats.latency.len(), stats.frames);
    drop(receiver);

    assert_eq!(heard.blocking_recv(), Some(MediaEvent::FirstVideo));
    let lines = std::fs::read_to_string(&trace).unwrap();
    let shown = lines.lines().filter(|line| line.starts_with("shown,")).count();
    assert!(shown >= 30 && lines.lines().filter(|line| line.starts_with("captured,")).count() >= shown);
    assert!(lines.lines().skip(1).all(|line| line.ends_with(",320,180") && !line.contains(",,")));
    let recorded = std::fs::metadata(&record).unwrap().len() as usize / (6 + 320 * 180 * 3 / 2);
    assert_eq!(recorded, shown);
}

#[test]
fn garbage_on_the_channel_ends_nothing() {
    let root = RootKey::new(0, Zeroizing::new([9; 32]));
    let (now, (events, _heard)) = (Instant::now(), tokio::sync::mpsc::channel(16));
    let (to_receiver, packets) = std::sync::mpsc::sync_channel(16);
    let receiver = VideoReceiver::start(VideoReceiveConfig {
        opener: Opener::new(&root, Direction::CallerToCallee, StreamId::Camera, &Inbound::new(now, Arc::default())),
        packets,
        screen: None,
        frames: None,
        record: None,
        record_format: RecordFormat { width: 320, height: 180, fps: 30 },
        trace: None,
        clock_offset: Arc::default(),
        lip_sync: Arc::default(),
        feedback: Arc::new(|_| {}),
        events,
    });
    for n in 0..2000u32 {
        let payload: Vec<u8> = (0..n % 60).map(|i| (n * 31 + i * 7) as u8 % 11).collect();
        let (sequence, payload) = ((n * n % 977) as u16, Bytes::from(payload));
        to_receiver
            .send(IncomingPacket { sequence, timestamp: n / 7, marker: false, payload, arrived: MediaTime::now() })
            .unwrap();
    }
    while receiver.stats().jitter.malformed == 0 {
        std::thread::yield_now();
    }
    assert_eq!(receiver.stats().frames, 0);
}
