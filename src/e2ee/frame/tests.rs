use super::*;
use proptest::prelude::*;
use zeroize::Zeroizing;

fn root(epoch: u16) -> RootKey {
    RootKey::new(epoch, Zeroizing::new([epoch as u8 + 1; 32]))
}

struct Pair {
    start: Instant,
    sealer: Sealer,
    opener: Opener,
    inbound: Inbound,
}

fn pair(stream: StreamId) -> Pair {
    let start = Instant::now();
    let inbound = Inbound::new(start, Arc::default());
    let direction = Direction::CallerToCallee;
    let sealer = Sealer::new(&root(0), direction, stream, start);
    Pair { start, sealer, opener: Opener::new(&root(0), direction, stream, &inbound), inbound }
}

impl Pair {
    fn seal(&mut self, seconds: u64, plaintext: &[u8]) -> Vec<u8> {
        let mut item = Vec::new();
        self.sealer.seal(self.start + Duration::from_secs(seconds), 0, plaintext, &mut item).unwrap();
        item
    }

    fn open(&mut self, seconds: u64, item: &[u8]) -> Result<Vec<u8>, OpenError> {
        let mut out = Vec::new();
        self.opener.open(self.start + Duration::from_secs(seconds), 0, item, &mut out).map(|_| out)
    }
}

#[test]
fn what_was_sealed_opens_once_and_is_counted() {
    let mut pair = pair(StreamId::Camera);
    let item = pair.seal(0, b"a picture");
    assert_eq!(pair.open(0, &item).unwrap(), b"a picture");
    assert_eq!(pair.open(0, &item), Err(OpenError::Duplicate));
    let counts = pair.inbound.counts();
    assert_eq!((counts.opened(), counts.duplicate(), counts.rejected(), counts.replayed(), counts.epochs()), (1, 1, 0, 0, 1));
}

#[test]
fn sealing_gives_the_bytes_of_the_fixed_vectors() {
    let vectors = include_str!("../../../tests/data/sealed_items.txt");
    let mut made =
        String::from("# RK[g]: 32 bytes of g + 1. Direction, stream, epoch, seconds of the epoch, CTR, meta, plaintext, item.\n");
    let start = Instant::now();
    for direction in [Direction::CallerToCallee, Direction::CalleeToCaller] {
        for stream in [StreamId::Audio, StreamId::Camera, StreamId::Screen, StreamId::Control] {
            let mut sealer = Sealer::new(&root(0), direction, stream, start);
            for (epoch, seconds, meta) in [(0, 0, 0), (0, 59, 1), (0, 60, 0), (0, 3600, 1), (1, 0, 0), (1, 125, 0)] {
                if sealer.epoch != epoch {
                    sealer.rekey(&root(epoch), start);
                }
                let mut item = Vec::new();
                let counter = sealer.seal(start + Duration::from_secs(seconds), meta, b"vesper", &mut item).unwrap();
                let item = data_encoding::HEXLOWER.encode(&item);
                let (direction, stream) = (direction as u8, stream as u8);
                made += &format!("{direction} {stream} {epoch} {seconds} {} {meta} vesper {item}\n", counter.0);
            }
        }
    }
    assert_eq!(made, vectors);
}

#[test]
fn an_item_altered_anywhere_does_not_open() {
    let mut pair = pair(StreamId::Audio);
    let item = pair.seal(0, b"sound");
    for position in 0..item.len() {
        for bit in 0..8 {
            let mut altered = item.clone();
            altered[position] ^= 1 << bit;
            assert!(pair.open(0, &altered).is_err(), "byte {position}, bit {bit}");
        }
    }
    for length in 0..item.len() {
        assert!(pair.open(0, &item[..length]).is_err());
    }
    let mut out = Vec::new();
    assert_eq!(pair.opener.open(pair.start, 1, &item, &mut out), Err(OpenError::Rejected), "meta is authenticated");
    assert!(out.is_empty());
    assert_eq!(pair.open(0, &item).unwrap(), b"sound", "no failure moved the window");
}

#[test]
fn an_item_sent_back_or_into_another_stream_does_not_open() {
    let start = Instant::now();
    let inbound = Inbound::new(start, Arc::default());
    let mut item = Vec::new();
    Sealer::new(&root(0), Direction::CallerToCallee, StreamId::Camera, start).seal(start, 0, b"x", &mut item).unwrap();
    let mut out = Vec::new();
    for (direction, stream) in [(Direction::CalleeToCaller, StreamId::Camera), (Direction::CallerToCallee, StreamId::Screen)] {
        let mut opener = Opener::new(&root(0), direction, stream, &inbound);
        assert_eq!(opener.open(start, 0, &item, &mut out), Err(OpenError::Rejected));
    }
}

#[test]
fn items_out_of_order_open_within_the_window_and_not_behind_it() {
    let mut pair = pair(StreamId::Audio);
    let items: Vec<_> = (0..200).map(|_| pair.seal(0, b"x")).collect();
    assert!(pair.open(0, &items[150]).is_ok());
    assert!(pair.open(0, &items[23]).is_ok());
    assert_eq!(pair.open(0, &items[22]), Err(OpenError::Replayed));
    assert_eq!(pair.open(0, &items[23]), Err(OpenError::Duplicate));
}

#[test]
fn a_camera_off_for_an_hour_comes_back_without_loss() {
    let mut camera = pair(StreamId::Camera);
    let item = camera.seal(0, b"first");
    camera.open(0, &item).unwrap();
    let mut sealer = Sealer::new(&root(0), Direction::CallerToCallee, StreamId::Audio, camera.start);
    let mut sound = Opener::new(&root(0), Direction::CallerToCallee, StreamId::Audio, &camera.inbound);
    let (mut item, mut out) = (Vec::new(), Vec::new());
    for second in 0..3600 {
        let now = camera.start + Duration::from_secs(second);
        sealer.seal(now, 0, b"sound", &mut item).unwrap();
        sound.open(now, 0, &item, &mut out).unwrap();
    }
    let item = camera.seal(3600, b"back");
    assert_eq!(camera.open(3600, &item).unwrap(), b"back");
}

#[test]
fn a_step_more_than_four_ahead_is_not_believed() {
    let mut pair = pair(StreamId::Audio);
    let late = pair.seal(4 * 60, b"four");
    let later = pair.seal(9 * 60, b"nine");
    assert_eq!(pair.open(0, &later), Err(OpenError::Rejected));
    assert_eq!(pair.open(0, &late).unwrap(), b"four");
    assert_eq!(pair.open(0, &later), Err(OpenError::Rejected));
}

#[test]
fn the_key_before_opens_for_ten_seconds_and_is_then_wiped() {
    let mut pair = pair(StreamId::Camera);
    let old = [pair.seal(59, b"old"), pair.seal(59, b"older")];
    let new = pair.seal(60, b"new");
    assert!(pair.open(60, &new).is_ok());
    assert!(pair.open(69, &old[0]).is_ok());
    assert_eq!(pair.open(70, &old[1]), Err(OpenError::Rejected));
    assert_eq!(pair.opener.epochs[0].oldest, 1);
}

#[test]
fn the_ratchet_goes_past_256_steps() {
    let mut pair = pair(StreamId::Audio);
    for minute in 0..600 {
        let item = pair.seal(minute * 60, b"x");
        assert!(pair.open(minute * 60, &item).is_ok(), "minute {minute}");
    }
}

#[test]
fn control_keeps_its_key_however_long_nothing_came() {
    let mut pair = pair(StreamId::Control);
    let item = pair.seal(24 * 3600, b"hang up");
    assert_eq!(pair.open(24 * 3600, &item).unwrap(), b"hang up");
}

#[test]
fn a_new_epoch_goes_on_counting_and_the_old_one_opens_ten_seconds_more() {
    let mut pair = pair(StreamId::Audio);
    let old = [pair.seal(600, b"old"), pair.seal(600, b"older")];
    let second = pair.start + Duration::from_secs(600);
    pair.opener.forget(second);
    pair.opener.epochs[0].learn(10, second);
    pair.opener.rekey(&root(1), second);
    pair.sealer.rekey(&root(1), second);
    let mut item = Vec::new();
    assert_eq!(pair.sealer.seal(second, 0, b"new", &mut item), Ok(FrameCounter(2)));
    assert_eq!(pair.open(601, &item).unwrap(), b"new");
    assert_eq!(pair.open(610, &old[0]).unwrap(), b"old");
    assert_eq!(pair.open(612, &old[1]), Err(OpenError::Rejected));
    assert_eq!(pair.open(612, &item), Err(OpenError::Duplicate), "the window goes on across epochs");
    assert_eq!(pair.inbound.counts().epochs(), 2);
}

#[test]
fn sealing_adds_at_most_24_bytes_to_a_frame_of_a_call_that_lasts_a_day() {
    let start = Instant::now();
    // New keys every ten minutes, a hundred frames a second.
    let mut sealer = Sealer::new(&root(24 * 6), Direction::CallerToCallee, StreamId::Camera, start);
    sealer.counter = 24 * 3600 * 100;
    let mut item = Vec::new();
    sealer.seal(start + Duration::from_secs(599), 1, b"picture", &mut item).unwrap();
    assert!(item.len() - b"picture".len() <= 24, "{} bytes", item.len() - b"picture".len());
}

#[test]
fn a_stream_that_counted_to_its_end_seals_no_more() {
    let mut pair = pair(StreamId::Audio);
    pair.sealer.counter = LAST_COUNTER;
    assert_eq!(pair.sealer.seal(pair.start, 0, b"x", &mut Vec::new()), Err(Exhausted));
}

#[test]
fn an_item_behind_the_end_of_all_counters_does_not_open_and_spoils_nothing() {
    let mut pair = pair(StreamId::Audio);
    for counter in [LAST_COUNTER, u64::MAX].map(FrameCounter) {
        // What a peer seals who keeps no rule but has the keys.
        let mut item = Vec::new();
        header::encode(pair.sealer.key_id(), counter, &mut item);
        let additional = Additional::new(&item, 0);
        let mut body = *b"x";
        let tag = pair.sealer.key.seal(counter, additional.bytes(), &mut body);
        item.extend_from_slice(&body);
        item.extend_from_slice(&tag);
        assert_eq!(pair.open(0, &item), Err(OpenError::Rejected));
    }
    let item = pair.seal(0, b"sound");
    assert_eq!(pair.open(0, &item).unwrap(), b"sound", "the window is where it was");
    pair.sealer.counter = LAST_COUNTER - 1;
    let last = pair.seal(0, b"the last");
    assert_eq!(pair.open(0, &last).unwrap(), b"the last");
}

proptest! {
    #[test]
    fn whatever_arrives_is_never_a_panic(item in proptest::collection::vec(any::<u8>(), 0..64), meta: u8) {
        let mut pair = pair(StreamId::Camera);
        prop_assert!(pair.opener.open(pair.start, meta, &item, &mut Vec::new()).is_err());
    }

    #[test]
    fn no_nonce_repeats_across_minutes_epochs_and_camera_toggles(gaps in proptest::collection::vec(0u64..200, 1..60)) {
        let mut pair = pair(StreamId::Camera);
        let (mut used, mut seconds) = (std::collections::BTreeSet::new(), 0);
        for (index, gap) in gaps.into_iter().enumerate() {
            seconds += gap;
            if index % 20 == 19 {
                let (next, now) = (pair.sealer.epoch + 1, pair.start + Duration::from_secs(seconds));
                pair.sealer.rekey(&root(next), now);
            }
            let item = pair.seal(seconds, b"x");
            let (_, counter, _) = header::decode(&item).unwrap();
            prop_assert!(used.insert(counter));
        }
    }
}
