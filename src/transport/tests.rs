//! Two connections over loopback: real sockets, real DTLS, nothing of the library replaced.

mod lossy;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::stun::attributes::ATTR_USERNAME;
use rtc::stun::fingerprint::FINGERPRINT;
use rtc::stun::integrity::MessageIntegrity;
use rtc::stun::message::{BINDING_REQUEST, Message, TransactionId};
use rtc::stun::textattrs::Username;
use tokio::sync::mpsc;
use webrtc::runtime::{Runtime, TokioRuntime};

use super::{
    Gathering, LocalSecrets, MediaPorts, Numbered, Numbering, Peer, PeerConfig, PeerEvent, Role, StartRate, TransportError,
};
use crate::media::packet::{IncomingPacket, OutgoingFrame};
use crate::media::repair::{PictureFeedback, Whole};
use crate::signal::message::{Candidate, CandidateKind, Description};

/// Long enough for a machine that does ten other things; nothing waits this long unless it fails.
const PATIENCE: Duration = Duration::from_secs(30);

struct Side {
    peer: Peer,
    description: Description,
    candidates: Vec<Candidate>,
    events: mpsc::Receiver<PeerEvent>,
    video_out: Out,
    audio_out: Out,
    video_in: Receiver<IncomingPacket>,
    audio_in: Receiver<IncomingPacket>,
}

/// Numbers what it sends, as the engine does.
struct Out {
    frames: mpsc::Sender<Numbered>,
    numbering: Mutex<Numbering>,
}

impl Out {
    fn new(frames: mpsc::Sender<Numbered>) -> Self {
        Self { frames, numbering: Mutex::default() }
    }

    async fn send(&self, frame: OutgoingFrame) -> Result<(), ()> {
        let numbered = self.numbering.lock().unwrap().number(frame);
        self.frames.send(numbered).await.map_err(drop)
    }

    fn try_send(&self, frame: OutgoingFrame) -> Result<(), ()> {
        self.frames.try_reserve().map_err(drop)?.send(self.numbering.lock().unwrap().number(frame));
        Ok(())
    }
}

impl Side {
    async fn new(role: Role) -> Self {
        Self::on(role, Arc::new(TokioRuntime), Duration::from_secs(8)).await
    }

    async fn on(role: Role, runtime: Arc<dyn Runtime>, patience: Duration) -> Self {
        let secrets = LocalSecrets::generate();
        let description = secrets.description(vec![]);
        let (video_out, video_frames) = mpsc::channel(8);
        let (audio_out, audio_frames) = mpsc::channel(8);
        let (video_packets, video_in) = sync_channel(4096);
        let (audio_packets, audio_in) = sync_channel(1024);
        let media =
            MediaPorts { video_out: video_frames, audio_out: audio_frames, video_in: video_packets, audio_in: audio_packets };
        let config = PeerConfig {
            role,
            secrets,
            bind: vec![Ipv4Addr::LOCALHOST.into()],
            ice_servers: vec![],
            relay_only: false,
            allow_loopback: true,
            max_kbps: 2500,
            start: StartRate::default(),
        };
        let Gathering { peer, candidates, events } = Peer::gather_on(config, media, runtime, patience).await.unwrap();
        let (video_out, audio_out) = (Out::new(video_out), Out::new(audio_out));
        Self { peer, description, candidates, events, video_out, audio_out, video_in, audio_in }
    }

    async fn connect(&mut self, other: &Description, candidates: &[Candidate]) {
        self.peer.connect(other, candidates).await.unwrap();
    }

    /// The next event that is not an estimate.
    async fn event(&mut self) -> PeerEvent {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("a peer");
            if !matches!(event, PeerEvent::Estimate(_)) {
                return event;
            }
        }
    }

    async fn until(&mut self, wanted: impl Fn(&PeerEvent) -> bool) -> PeerEvent {
        loop {
            let event = self.event().await;
            if wanted(&event) {
                return event;
            }
        }
    }
}

async fn connect(a: &mut Side, b: &mut Side) {
    a.connect(&b.description, &b.candidates).await;
    b.connect(&a.description, &a.candidates).await;
    for side in [a, b] {
        let event = side.until(|event| matches!(event, PeerEvent::Connected { .. } | PeerEvent::Failed(_))).await;
        // A check that comes before the candidate it is from is from somebody who is not known yet.
        let PeerEvent::Connected { local: CandidateKind::Host, remote, relayed: false } = event else { panic!("{event:?}") };
        assert!(matches!(remote, CandidateKind::Host | CandidateKind::PeerReflexive), "{remote:?}");
    }
}

async fn pair() -> (Side, Side) {
    let (mut a, mut b) = (Side::new(Role::Caller).await, Side::new(Role::Callee).await);
    connect(&mut a, &mut b).await;
    (a, b)
}

fn frame(number: u32, pieces: usize) -> OutgoingFrame {
    let piece = |index: usize| {
        let mut bytes = vec![index as u8; 1000];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Bytes::from(bytes)
    };
    OutgoingFrame { timestamp: number * 3000, pieces: (0..pieces).map(piece).collect() }
}

async fn receive(packets: &Receiver<IncomingPacket>, count: usize) -> Vec<IncomingPacket> {
    let deadline = Instant::now() + PATIENCE;
    let mut received = Vec::new();
    while received.len() < count && Instant::now() < deadline {
        received.extend(packets.try_iter());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    received
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_and_sound_arrive_whole_and_in_order_both_ways() {
    let begin = Instant::now();
    let (mut a, mut b) = (Side::new(Role::Caller).await, Side::new(Role::Callee).await);
    let gathered = begin.elapsed();
    let begin = Instant::now();
    connect(&mut a, &mut b).await;
    println!("gathered in {gathered:?}, connected in {:?}", begin.elapsed());

    for (from, to) in [(&a, &b), (&b, &a)] {
        for number in 0..20 {
            from.video_out.send(frame(number, 30)).await.unwrap();
            from.audio_out.send(frame(number, 1)).await.unwrap();
        }
        let packets = receive(&to.video_in, 20 * 30).await;
        assert_eq!(packets.len(), 20 * 30);
        for (index, packet) in packets.iter().enumerate() {
            let (number, piece) = (index / 30, index % 30);
            assert_eq!(packet.sequence, packets[0].sequence.wrapping_add(index as u16));
            assert_eq!((packet.timestamp, packet.marker), (number as u32 * 3000, piece == 29));
            assert_eq!(packet.payload, frame(number as u32, 30).pieces[piece]);
        }
        let sound = receive(&to.audio_in, 20).await;
        assert_eq!(sound.len(), 20);
        assert!(sound.iter().all(|packet| packet.marker && packet.payload.len() == 1000));
    }
    let stats = a.peer.stats().await;
    assert!(stats.bytes_out > 600_000 && stats.bytes_in > 600_000, "{stats:?}");
    assert_eq!((stats.local, stats.remote, stats.relayed()), (Some(CandidateKind::Host), Some(CandidateKind::Host), false));
    assert_eq!((stats.retransmitted, stats.lost, stats.dropped), (0, 0, 0));
}

#[tokio::test]
async fn control_messages_go_both_ways_and_long_ones_do_not_go() {
    let (mut a, mut b) = pair().await;
    for side in [&mut a, &mut b] {
        side.until(|event| *event == PeerEvent::ControlOpen).await;
    }
    a.peer.send_control(Bytes::from(vec![7; 5000]));
    a.peer.send_control(Bytes::from_static(b"\x00\xff garbage as far as anybody here knows"));
    let message = b.until(|event| matches!(event, PeerEvent::Control(_))).await;
    assert_eq!(message, PeerEvent::Control(Bytes::from_static(b"\x00\xff garbage as far as anybody here knows")));
    b.peer.send_control(Bytes::from(vec![9; 4096]));
    let message = a.until(|event| matches!(event, PeerEvent::Control(_))).await;
    assert_eq!(message, PeerEvent::Control(Bytes::from(vec![9; 4096])));
    assert_eq!(a.peer.stats().await.control_dropped, 1);
}

#[tokio::test]
async fn what_is_told_of_pictures_arrives() {
    let (mut a, b) = pair().await;
    let whole = Whole { keyframe: 0xFFFF_FFFE, frame: 517 };
    for feedback in [PictureFeedback::Keyframe, PictureFeedback::Kept(whole), PictureFeedback::Lost(whole)] {
        b.peer.tell(feedback).await;
        assert_eq!(a.until(|event| matches!(event, PeerEvent::Feedback(_))).await, PeerEvent::Feedback(feedback));
    }
}

#[tokio::test]
async fn a_dtls_certificate_other_than_the_described_one_gets_no_media() {
    for deceived in [Role::Caller, Role::Callee] {
        let patience = Duration::from_millis(500);
        let mut a = Side::on(Role::Caller, Arc::new(TokioRuntime), patience).await;
        let mut b = Side::on(Role::Callee, Arc::new(TokioRuntime), patience).await;
        let other = LocalSecrets::generate().fingerprint;
        let victim_expects = |side: &Side| Description { fingerprint: other, ..side.description.clone() };
        let (b_as_told, a_as_told) = match deceived {
            Role::Caller => (victim_expects(&b), a.description.clone()),
            Role::Callee => (b.description.clone(), victim_expects(&a)),
        };
        a.connect(&b_as_told, &b.candidates).await;
        b.connect(&a_as_told, &a.candidates).await;

        let victim = if deceived == Role::Caller { &mut a } else { &mut b };
        let event = victim.event().await;
        assert!(matches!(event, PeerEvent::Failed(_)), "{event:?}");
        println!("{deceived:?}: {event:?}");
        for side in [&a, &b] {
            let _ = side.video_out.try_send(frame(0, 3));
            side.peer.send_control(Bytes::from_static(b"hello"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(a.video_in.try_recv().is_err() && b.video_in.try_recv().is_err());
        let victim = if deceived == Role::Caller { &mut a } else { &mut b };
        assert!(victim.events.try_recv().is_err(), "something was told after the failure");
    }
}

/// A check as the described caller would send it, good in every respect.
fn binding_request(to: &Description, from: &Description) -> Vec<u8> {
    let mut message = Message::new();
    let provider = rtc::crypto::default_provider().unwrap();
    let username = Username::new(ATTR_USERNAME, format!("{}:{}", to.ufrag, from.ufrag));
    let integrity = MessageIntegrity::new_short_term_integrity_with_provider(to.pwd.clone(), provider.crypto());
    message
        .build(&[
            Box::new(BINDING_REQUEST),
            Box::new(TransactionId::new()),
            Box::new(username),
            Box::new(rtc::ice::attributes::control::AttrControlling(1)),
            Box::new(rtc::ice::attributes::priority::PriorityAttr(1)),
            Box::new(integrity),
            Box::new(FINGERPRINT),
        ])
        .unwrap();
    message.raw.to_vec()
}

#[tokio::test]
async fn nobody_is_answered_before_connect() {
    let mut answer = [0; 1500];
    for (role, other) in [(Role::Callee, Role::Caller), (Role::Caller, Role::Callee)] {
        let prober = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (mut side, peer) = (Side::new(role).await, Side::new(other).await);
        let request = binding_request(&side.description, &peer.description);
        for candidate in &side.candidates {
            prober.send_to(&request, candidate.address).await.unwrap();
            prober.send_to(&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], candidate.address).await.unwrap();
        }
        let silence = tokio::time::timeout(Duration::from_millis(200), prober.recv_from(&mut answer)).await;
        assert!(silence.is_err(), "{role:?} answered before connect");

        // The same request is answered afterwards: it was the gate that kept silent, not a fault of the request.
        side.connect(&peer.description, &[]).await;
        prober.send_to(&request, side.candidates[0].address).await.unwrap();
        let (_, from) = tokio::time::timeout(PATIENCE, prober.recv_from(&mut answer)).await.unwrap().unwrap();
        assert_eq!(from, side.candidates[0].address);
    }
}

#[tokio::test]
async fn garbage_to_every_socket_hurts_nobody() {
    let (a, b) = pair().await;
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut random = 1u32;
    let targets: Vec<SocketAddr> = a.candidates.iter().chain(&b.candidates).map(|candidate| candidate.address).collect();
    for round in 0..3000usize {
        let mut noise = vec![0u8; round % 90];
        for byte in &mut noise {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (random >> 24) as u8;
        }
        // STUN, TURN channels, DTLS, RTP and RTCP by their first byte; with STUN's cookie every other time.
        if let Some(first) = noise.first_mut() {
            *first = [0, 1, 64, 20, 21, 22, 23, 128, 129, 144][round % 10];
        }
        if round % 2 == 0 && noise.len() >= 20 {
            let length = (noise.len() as u16 - 20).to_be_bytes();
            noise[2..4].copy_from_slice(&length);
            noise[4..8].copy_from_slice(&[0x21, 0x12, 0xa4, 0x42]);
        }
        stranger.send_to(&noise, targets[round % targets.len()]).unwrap();
        if round % 50 == 0 {
            // Let the two read: what is meant to be seen is garbage that is read, not a socket buffer that is full.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    a.video_out.send(frame(1, 40)).await.unwrap();
    assert_eq!(receive(&b.video_in, 40).await.len(), 40);
    b.video_out.send(frame(1, 40)).await.unwrap();
    assert_eq!(receive(&a.video_in, 40).await.len(), 40);
}

#[tokio::test]
async fn five_percent_loss_is_repaired_with_few_packets_more_than_were_lost() {
    let lossy = Arc::new(lossy::LossyRuntime::dropping(5));
    let mut a = Side::on(Role::Caller, lossy.clone(), Duration::from_secs(8)).await;
    let mut b = Side::new(Role::Callee).await;
    connect(&mut a, &mut b).await;
    let (frames, pieces) = (100, 12);
    for number in 0..frames {
        a.video_out.send(frame(number, pieces)).await.unwrap();
    }
    // The last packets of all may be lost, and nothing after them tells: one more frame does.
    for number in frames..frames + 5 {
        a.video_out.send(frame(number, 1)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let wanted = frames as usize * pieces;
    // One of the frames after them may overtake what is sent again.
    let (mut whole, deadline) = (0, Instant::now() + PATIENCE);
    while whole < wanted && Instant::now() < deadline {
        let packets = receive(&b.video_in, wanted - whole).await;
        whole += packets.iter().filter(|packet| packet.timestamp < frames * 3000).count();
    }
    let (sender, receiver) = (a.peer.stats().await, b.peer.stats().await);
    println!("{} dropped, {} sent again, {whole} of {wanted} arrived", lossy.dropped(), sender.retransmitted);
    assert!(lossy.dropped() > 20, "the test lost nothing");
    assert_eq!(whole, wanted, "{receiver:?}");
    assert!(sender.retransmitted < lossy.dropped() * 3 / 2 + 20, "a storm: {sender:?}");
}

#[tokio::test]
async fn a_side_that_closes_is_heard_out_and_missed_at_once() {
    let (mut a, mut b) = pair().await;
    a.until(|event| *event == PeerEvent::ControlOpen).await;
    a.peer.send_control(Bytes::from_static(b"goodbye"));
    let begin = Instant::now();
    a.peer.close().await;
    let closed = begin.elapsed();
    let last = b.until(|event| matches!(event, PeerEvent::Failed(_) | PeerEvent::Control(_))).await;
    assert_eq!(last, PeerEvent::Control(Bytes::from_static(b"goodbye")));
    let event = b.until(|event| matches!(event, PeerEvent::Failed(_) | PeerEvent::Disconnected)).await;
    println!("closed in {closed:?}, missed after {:?}", begin.elapsed());
    assert_eq!(event, PeerEvent::Failed("the other side closed the connection".into()));
}

#[tokio::test]
async fn payloads_of_a_closed_connection_go_nowhere_and_nothing_hangs() {
    let (a, b) = pair().await;
    a.peer.close().await;
    b.peer.close().await;
    assert_eq!(a.video_in.recv_timeout(Duration::from_secs(5)).err(), Some(RecvTimeoutError::Disconnected));
    assert!(a.video_out.send(frame(0, 1)).await.is_err() || a.video_out.send(frame(1, 1)).await.is_err());
}

#[tokio::test]
async fn loopback_alone_is_no_network() {
    let (_, out) = mpsc::channel(1);
    let (_, sound) = mpsc::channel(1);
    let media = MediaPorts { video_out: out, audio_out: sound, video_in: sync_channel(1).0, audio_in: sync_channel(1).0 };
    let config = PeerConfig {
        role: Role::Caller,
        secrets: LocalSecrets::generate(),
        bind: vec![Ipv4Addr::LOCALHOST.into()],
        ice_servers: vec![],
        relay_only: false,
        allow_loopback: false,
        max_kbps: 2500,
        start: StartRate::default(),
    };
    assert!(matches!(Peer::gather(config, media).await, Err(TransportError::NoNetwork)));
}
