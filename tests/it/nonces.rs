//! One number, once: whatever a call goes through, nothing is ever sealed twice under one key and nonce.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use vesper::call::Control;
use vesper::call::control::MediaState;
use vesper::call::rekey::Rekeying;
use vesper::e2ee::{Direction, Keyring, RootKey, Sealer, StreamId};
use vesper::media::clock::MediaTime;
use vesper::media::frame::Frame;
use vesper::media::repair::PictureFeedback;
use vesper::media::video_send::VideoSendPipeline;
use zeroize::Zeroizing;

/// What stands in the clear before a sealed item (RFC 9605 section 4.3): its key's number and its counter.
fn header(item: &[u8]) -> (u64, u64) {
    let field = |bits: u8, rest: &mut &[u8]| {
        if bits < 8 {
            return u64::from(bits);
        }
        let (number, left) = rest.split_at(usize::from(bits & 7) + 1);
        *rest = left;
        number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let mut rest = &item[1..];
    (field(item[0] >> 4, &mut rest), field(item[0] & 15, &mut rest))
}

/// All that one side sealed. Its direction is fixed, so key and nonce are one with stream, KID and CTR.
#[derive(Default)]
struct Sealed {
    used: BTreeSet<(u64, u64)>,
    /// By stream: the counter goes on by one whatever happens.
    next: [u64; 8],
    epochs: BTreeSet<u64>,
}

impl Sealed {
    fn note(&mut self, item: &[u8]) {
        let (kid, counter) = header(item);
        assert!(self.used.insert((kid, counter)), "KID {kid:#x}, CTR {counter} came twice");
        let stream = (kid & 7) as usize;
        assert_eq!(counter, self.next[stream], "stream {stream} counts each item once and never begins again");
        self.next[stream] += 1;
        self.epochs.insert(kid >> 11);
    }
}

/// One side: its keys, its sealers and its camera.
struct Side {
    keyring: Keyring,
    rekeying: Rekeying,
    audio: Sealer,
    control: Sealer,
    camera: VideoSendPipeline,
    sealed: Sealed,
}

impl Side {
    fn new(direction: Direction, now: Instant) -> Self {
        let keyring = Keyring::new(RootKey::new(0, Zeroizing::new([7; 32])), direction, now);
        let [audio, control, camera] = [StreamId::Audio, StreamId::Control, StreamId::Camera].map(|of| keyring.sealer(of));
        let camera = VideoSendPipeline::new(camera, 30, 300);
        Self { keyring, rekeying: Rekeying::new(now), audio, control, camera, sealed: Sealed::default() }
    }

    fn say(&mut self, now: Instant, control: &Control) {
        let mut item = Vec::new();
        self.control.seal(now, 0, &control.encode(), &mut item).unwrap();
        self.sealed.note(&item);
    }

    fn speak(&mut self, now: Instant) {
        let mut item = Vec::new();
        self.audio.seal(now, 0, &[0; 81], &mut item).unwrap();
        assert!(item.len() <= 81 + 24, "a seal of {} bytes", item.len() - 81);
        self.sealed.note(&item);
    }

    fn show(&mut self, now: Instant, at: MediaTime) {
        let mut frame = Frame::black(64, 64);
        frame.captured = at;
        if let Some(outgoing) = self.camera.step(at, now, &frame, true).unwrap() {
            let item: Vec<u8> = outgoing.pieces.iter().flat_map(|piece| piece[1..].to_vec()).collect();
            self.sealed.note(&item);
        }
    }
}

#[test]
fn no_nonce_repeats_across_restart_rebuild_rekey_and_camera_toggle() {
    let start = Instant::now();
    let media_start = MediaTime(1_700_000_000_000_000);
    let [mut caller, mut callee] =
        [Direction::CallerToCallee, Direction::CalleeToCaller].map(|direction| Side::new(direction, start));
    let mut fresh = 0u8;
    // Four hours and a half: more ratchet steps than the byte of the KID counts, and two dozen epochs.
    for second in 0..270 * 60 {
        let (now, at) = (start + Duration::from_secs(second), media_start + Duration::from_secs(second));
        let mut secret = || {
            fresh = fresh.wrapping_add(1);
            Zeroizing::new([fresh | 1; 32])
        };
        if let Some(question) = caller.rekeying.tick(now, &caller.keyring, &mut secret) {
            caller.say(now, &question);
            let Control::Rekey { epoch, e_a } = question else { panic!("{question:?}") };
            // Every third question is lost, and asked again.
            if second % 3 > 0
                && let Some(answer) = callee.rekeying.answer(now, &mut callee.keyring, (epoch, e_a), &mut secret)
            {
                callee.say(now, &answer);
                let Control::RekeyOk { epoch, e_b } = answer else { panic!("{answer:?}") };
                caller.rekeying.settle(now, &mut caller.keyring, (epoch, e_b));
            }
        }
        for side in [&mut caller, &mut callee] {
            side.speak(now);
            match second % 100 {
                // Off for half a minute in every hundred seconds, and back with another encoder, as another camera has one.
                40..70 => {}
                70 => side.camera.restart(),
                // A path breaks, another is built, and a keyframe goes out at once on the new one.
                90 => side.camera.feedback(PictureFeedback::Keyframe),
                _ => side.show(now, at),
            }
            if second % 5 == 0 {
                let state = MediaState { version: second as u32, microphone: true, camera: second % 100 < 40, screen: false };
                side.say(now, &Control::State(state));
            }
        }
    }
    assert!(caller.sealed.epochs.len() > 20, "the keys were renewed: {:?}", caller.sealed.epochs);
    for side in [&caller, &callee] {
        let [audio, camera, .., control] = side.sealed.next;
        assert!(audio == 270 * 60 && camera > 5000 && control > 3000, "{:?}", side.sealed.next);
    }
}
