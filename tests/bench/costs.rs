//! What single parts cost, without a call: `./dev bench costs`.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::egui::{Key, Ui, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use ml_kem::kem::Decapsulate;
use ml_kem::ml_kem_768::DecapsulationKey;
use ml_kem::{B32, Seed};
use vesper::conversation::Library;
use vesper::e2ee::{Direction, Inbound, Opener, RootKey, Sealer, StreamId};
use vesper::engine::snapshot::{Candidates, ContactView, Conversations, ConversationsStage, MessageId, Snapshot, Stage};
use vesper::identity::Identity;
use vesper::signal::message::Text;
use vesper::ui::local::Local;
use vesper::ui::video::Pictures;
use vesper::ui::views::window_ui;
use vesper::ui::{text, theme};
use zeroize::Zeroizing;

/// Measures them all and prints what came out.
pub fn measure() -> Result<(), Box<dyn Error>> {
    println!("what ML-KEM-768 adds to a handshake, both sides together: {:.2} ms", lattice().as_secs_f64() * 1000.0);
    let (seal, open) = sealing();
    println!("sealing 2 Mbit/s of pictures and 50 packets of sound a second: {seal:.3} % of a core; opening: {open:.3} %");
    conversations()
}

/// The time of one key, one encapsulation and one opening.
fn lattice() -> Duration {
    const ROUNDS: u32 = 200;
    let start = Instant::now();
    for round in 0..ROUNDS {
        let key = DecapsulationKey::from_seed(Seed::from([round as u8; 64]));
        let (ciphertext, sent) = key.encapsulation_key().encapsulate_deterministic(&B32::from([round as u8; 32]));
        assert_eq!(key.decapsulate(&ciphertext), sent);
    }
    start.elapsed() / ROUNDS
}

/// What sealing and opening take of a core, in percent: ten seconds of a call, as fast as they go.
fn sealing() -> (f64, f64) {
    const SECONDS: u32 = 10;
    let (root, start) = (RootKey::new(0, Zeroizing::new([1; 32])), Instant::now());
    let inbound = Inbound::new(start, Arc::default());
    let mut streams = [(StreamId::Camera, 30, 2_000_000 / 8 / 30), (StreamId::Audio, 50, 81)].map(|(stream, rate, size)| {
        let sealer = Sealer::new(&root, Direction::CallerToCallee, stream, start);
        (sealer, Opener::new(&root, Direction::CallerToCallee, stream, &inbound), rate, vec![7; size])
    });
    let (mut sealing, mut opening) = (Duration::ZERO, Duration::ZERO);
    let (mut item, mut out) = (Vec::new(), Vec::new());
    for (sealer, opener, rate, plain) in &mut streams {
        for _ in 0..SECONDS * *rate {
            let began = Instant::now();
            sealer.seal(start, 0, plain, &mut item).expect("no stream counts that far");
            sealing += began.elapsed();
            let began = Instant::now();
            opener.open(start, 0, &item, &mut out).expect("it was just sealed");
            opening += began.elapsed();
        }
    }
    [sealing, opening].map(|time| time.as_secs_f64() * 100.0 / f64::from(SECONDS)).into()
}

/// Opening, searching and scrolling a profile with a hundred thousand messages.
fn conversations() -> Result<(), Box<dyn Error>> {
    const MESSAGES: u64 = 100_000;
    let folder = tempfile::tempdir()?;
    let person = |number: u8| Identity::from_secret(&[number; 32]).public();
    let (me, key) = (person(1), Zeroizing::new([7; 32]));
    let mut library = Library::open(folder.path(), &key, me)?;
    let words = ["the", "floor", "plans", "of", "harbour", "street", "are", "in", "your", "folder", "since", "Monday"];
    let body = |n: u64| (0..4 + n % 17).map(|w| words[((n * 7 + w * 5) % 12) as usize]).collect::<Vec<_>>().join(" ");
    let text = |n: u64| {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        Text { id: MessageId(id), seq: n, lamport: n / 10, sent_ms: n * 60_000, body: body(n) }
    };
    for batch in 0..MESSAGES / 1000 {
        let texts = (0..1000).map(|n| (person(2 + (n % 10 == 9) as u8 * (1 + (n / 10 % 5) as u8)), text(batch * 1000 + n)));
        library.receive(texts.collect(), u64::MAX)?;
    }
    let thread = library.thread(&person(2)).ok_or("the largest conversation is there")?.clone();
    let disk = std::fs::metadata(folder.path().join("messages.redb"))?.len() >> 20;
    println!(
        "{MESSAGES} messages of {} conversations, {disk} MiB on the disk, {} in the largest:",
        library.threads().len(),
        thread.len()
    );
    drop(library);
    let (library, background) = timed(|| Library::open(folder.path(), &key, me));
    let library = library?;
    println!("  read into memory in the background after unlock: {background:.0} ms");
    for words in ["harbour street", "nothing of the kind", "e"] {
        // As the window does at each change of the words, but for all that is found.
        let search = || library.threads().values().map(|thread| thread.search(words, usize::MAX).len()).sum::<usize>();
        let (found, took) = timed(search);
        println!("  a search for \"{words}\" in all of them: {took:.1} ms, {found} found");
    }
    let snapshot = Snapshot {
        stage: Stage::Ready,
        conversations: Conversations {
            stage: ConversationsStage::Ready,
            threads: Arc::new(library.threads().clone()),
            ..Conversations::default()
        },
        contacts: vec![ContactView {
            key: person(2),
            petname: "Bo".into(),
            echo: false,
            online: true,
            verified: true,
            blocked: false,
            last: None,
            missed_calls: 0,
            verified_by: None,
            candidates: Candidates::default(),
            silent: false,
            relay: None,
            warning: None,
        }],
        ..Snapshot::default()
    };
    let (mut local, pictures) = (Local::default(), Pictures::default());
    let harness = Harness::builder().with_size(vec2(1180.0, 760.0)).with_context_setup(theme::install);
    let show = |ui: &mut Ui| {
        window_ui(ui, &snapshot, &mut local, &pictures);
    };
    let (mut window, first) = timed(|| harness.build_ui(show));
    window.get_by_label(text::CONVERSATION).focus();
    window.step();
    // A page a frame: no row of the one before is left in sight.
    let mut frames: Vec<f64> = (0..300)
        .map(|_| {
            window.key_press(Key::PageUp);
            timed(|| window.step()).1
        })
        .collect();
    frames.sort_by(f64::total_cmp);
    println!(
        "  the conversation opens in the window in {first:.1} ms; scrolling lays a frame out in {:.1} ms (median), {:.1} ms (99 of 100), {:.1} ms (worst)",
        frames[150], frames[297], frames[299]
    );
    Ok(())
}

/// What `work` returns, and the milliseconds it took.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed().as_secs_f64() * 1000.0)
}
