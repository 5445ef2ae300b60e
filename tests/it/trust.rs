//! Trust from outside: what catches somebody in between, and what a running engine does when it is locked, asked to scan, wiped.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qrcode::{Color, EcLevel, QrCode};
use vesper::call::{CallSecrets, Dial, Input, Output, Rules};
use vesper::contacts::{Contact, PairSecret, Profile, VerifiedBy};
use vesper::engine::command::Command;
use vesper::engine::options::{CameraChoice, Options};
use vesper::engine::snapshot::{Scan, Snapshot, Stage};
use vesper::engine::{Engine, Start};
use vesper::identity::{Identity, PublicKey, SafetyNumber, Scanned};
use vesper::media::frame::Frame;
use vesper::media::y4m::Y4mWriter;
use vesper::signal::message::{CallId, MediaKind, Message};
use vesper::transport::LocalSecrets;

/// A bound against hanging, far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// One side of a call, without a network: its rules, and the keys they came to.
struct Side {
    me: Arc<Identity>,
    rules: Rules,
    words: Option<[(&'static str, &'static str); 4]>,
}

impl Side {
    fn new(me: &Identity) -> Self {
        let me = Arc::new(Identity::from_secret(&me.secret()));
        Self { rules: Rules::new(me.clone()), me, words: None }
    }

    /// One step, and what it says to the other side.
    fn step(&mut self, now: Instant, input: Input) -> Vec<Message> {
        let mut said = Vec::new();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for output in self.rules.step(now, input) {
                match output {
                    Output::Send { message, .. } => said.push(message),
                    Output::Ring { .. } => {
                        inputs.push(Input::Accept { media: VIDEO, secrets: secrets(), lowest_suite: 0 });
                    }
                    Output::Gather { call, .. } => inputs.push(Input::Gathered { call, candidates: vec![] }),
                    Output::Secure { keys, .. } => self.words = Some(keys.words),
                    _ => {}
                }
            }
        }
        said
    }
}

const VIDEO: MediaKind = MediaKind { video: true };

fn secrets() -> CallSecrets {
    CallSecrets::generate(LocalSecrets::generate().description(vec![1, 2]))
}

/// Calls from one to the other until nobody has anything more to say; the words that each sees.
fn handshake(caller: &Identity, callee: &Identity) -> [[(&'static str, &'static str); 4]; 2] {
    let (mut a, mut b, now) = (Side::new(caller), Side::new(callee), Instant::now());
    let dial = Dial {
        peer: callee.public(),
        media: VIDEO,
        call: CallId::generate(),
        secrets: secrets(),
        spare: secrets(),
        linked: true,
        lowest_suite: 0,
    };
    let mut to_b = a.step(now, Input::Dial(Box::new(dial)));
    while !to_b.is_empty() {
        let to_a: Vec<Message> =
            to_b.into_iter().flat_map(|message| b.step(now, Input::Message { peer: a.me.public(), message })).collect();
        to_b = to_a.into_iter().flat_map(|message| a.step(now, Input::Message { peer: b.me.public(), message })).collect();
    }
    [&a, &b].map(|side| side.words.expect("the handshake came to its end"))
}

/// Mallory owned the way by which Ana and Bo exchanged invitations: each has Mallory's key for the other's. From then on Mallory
/// terminates both links and both handshakes with keys of his own, and nothing in them fails.
#[test]
fn man_in_the_middle_after_first_contact_swap_is_caught_by_words_and_number_only() {
    let [ana, bo, to_ana, to_bo] = [1, 2, 3, 4].map(|secret| Identity::from_secret(&[secret; 32]));
    let [at_ana, mallory_as_bo] = handshake(&ana, &to_ana);
    let [mallory_as_ana, at_bo] = handshake(&to_bo, &bo);
    // Each half is whole: signatures, key confirmation and words hold within it. No proof of the protocol tells them apart.
    assert_eq!(at_ana, mallory_as_bo);
    assert_eq!(at_bo, mallory_as_ana);

    // The words that Ana and Bo read to each other differ, for Mallory cannot choose either half's: he has one try in 2^32.
    assert_ne!(at_ana, at_bo);
    // So do the numbers, and the codes.
    let (seen_by_ana, seen_by_bo) =
        (SafetyNumber::between(&ana.public(), &to_ana.public()), SafetyNumber::between(&bo.public(), &to_bo.public()));
    assert_ne!(seen_by_ana.digits(), seen_by_bo.digits());
    assert_eq!(seen_by_ana.compare(&seen_by_bo.code()), Scanned::Strangers);
    // A Mallory who shows Bo's true key to Ana but not hers to Bo is caught by the code as well.
    let half = SafetyNumber::between(&ana.public(), &bo.public());
    assert_eq!(half.compare(&seen_by_bo.code()), Scanned::NotUs);

    // Without a swap, both agree.
    let [caller, callee] = handshake(&ana, &bo);
    assert_eq!(caller, callee);
    let numbers = [(&ana, &bo), (&bo, &ana)].map(|(own, other)| SafetyNumber::between(&own.public(), &other.public()).digits());
    assert_eq!(numbers[0], numbers[1]);
}

/// A profile with one contact, and that contact's key.
fn profile(folder: &Path, passphrase: Option<&str>) -> (Profile, Identity) {
    let profile = Profile::create(folder, "Ana", passphrase).unwrap();
    let bo = Identity::generate();
    let contact = Contact::new(bo.public(), Some("Bo"), "Bo", PairSecret::generate(), vec![], 0);
    profile.store().unwrap().put_contact(&contact).unwrap();
    (profile, bo)
}

pub(crate) async fn until(engine: &Engine, fits: impl FnMut(&std::sync::Arc<Snapshot>) -> bool) -> std::sync::Arc<Snapshot> {
    let mut watch = engine.watch();
    let waited = tokio::time::timeout(PATIENCE, watch.wait_for(fits)).await;
    waited.expect("in time").expect("the engine runs").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_engine_shows_and_holds_no_name_until_the_passphrase_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let (profile, bo) = profile(&folder.path().join("ana"), Some("walrus"));
    let engine = Engine::start(Start::Profile(Box::new(profile)), Options::default(), None);
    until(&engine, |state| state.stage == Stage::Ready && state.sealed).await;
    engine.command(Command::Lock).await;
    let locked = until(&engine, |state| state.stage == Stage::Locked { wrong: false }).await;
    assert!(locked.contacts.is_empty() && locked.me.is_none() && locked.requests.is_empty());
    engine.command(Command::Rename { key: bo.public(), petname: "Mallory".into() }).await;
    engine.command(Command::Unlock { passphrase: "wombat".into() }).await;
    until(&engine, |state| state.stage == Stage::Locked { wrong: true }).await;
    engine.command(Command::Unlock { passphrase: "walrus".into() }).await;
    let ready = until(&engine, |state| state.stage == Stage::Ready).await;
    assert!(ready.contacts.iter().any(|contact| contact.petname == "Bo"), "{:?}", ready.contacts);
    engine.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_is_set_in_a_running_engine_and_holds_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana");
    let (profile, _) = profile(&path, None);
    let engine = Engine::start(Start::Profile(Box::new(profile)), Options::default(), None);
    until(&engine, |state| state.stage == Stage::Ready && !state.sealed).await;
    engine.command(Command::ChangePassphrase { current: "".into(), new: "walrus".into() }).await;
    until(&engine, |state| state.sealed).await;
    engine.command(Command::ChangePassphrase { current: "wombat".into(), new: "stolen".into() }).await;
    until(&engine, |state| state.notices.iter().any(|notice| notice.text.contains("not the profile's passphrase"))).await;
    engine.quit().await;
    assert!(Profile::open(&path, None).is_err());
    assert_eq!(Profile::open(&path, Some("walrus")).unwrap().name, "Ana");
}

#[tokio::test(flavor = "multi_thread")]
async fn wiping_leaves_nothing_says_so_and_lets_somebody_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana");
    let (profile, _) = profile(&path, Some("walrus"));
    let old = profile.identity.public();
    let engine = Engine::start(Start::Profile(Box::new(profile)), Options::default(), None);
    until(&engine, |state| state.stage == Stage::Ready).await;
    engine.command(Command::Wipe).await;
    let wiped = until(&engine, |state| state.stage == Stage::Welcome).await;
    assert!(wiped.notices.iter().any(|notice| notice.text.contains("removed from this computer")), "{:?}", wiped.notices);
    assert!(!path.exists());
    let reach = vesper::settings::Reach::ThisNetwork;
    engine.command(Command::CreateProfile { name: "Ana".into(), reach, passphrase: "".into() }).await;
    let anew = until(&engine, |state| state.stage == Stage::Ready).await;
    assert!(anew.me.as_ref().is_some_and(|me| me.key != old) && anew.contacts.iter().all(|contact| contact.echo));
    engine.quit().await;
}

/// How somebody holds a screen before a camera.
#[derive(Clone, Copy)]
struct Held {
    /// Width of the code in pixels of the camera, if it were held straight.
    side: f32,
    /// Turned in the picture's plane, and away from it, in degrees.
    turned: f32,
    tilted: f32,
    /// What the camera sees of white and of black, and how much noise is on both.
    white: f32,
    black: f32,
    noise: f32,
}

const STRAIGHT: Held = Held { side: 328.0, turned: 0.0, tilted: 0.0, white: 210.0, black: 40.0, noise: 0.0 };

/// A film of a screen that shows `code`.
fn film(path: &Path, code: &str, held: Held) {
    let code = QrCode::with_error_correction_level(code, EcLevel::L).unwrap();
    let (colors, width) = (code.to_colors(), code.width());
    let (turn, tilt) = (held.turned.to_radians().sin_cos(), held.tilted.to_radians().sin_cos());
    // What of the screen a point of the picture sees: 1 is white. The camera is as far away as its picture is wide.
    let seen = |x: f32, y: f32| {
        let (x, y) = (x - 320.0, y - 240.0);
        let (x, y) = (x * turn.1 + y * turn.0, y * turn.1 - x * turn.0);
        let across = x * 640.0 / (640.0 * tilt.1 - x * tilt.0);
        let down = y * (640.0 + across * tilt.0) / 640.0;
        let [column, row] = [across, down].map(|at| (at / held.side + 0.5) * width as f32);
        let inside = [column, row].iter().all(|at| (0.0..width as f32).contains(at));
        if inside && colors[row as usize * width + column as usize] == Color::Dark { 0.0 } else { 1.0 }
    };
    let mut seed = 1u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as f32 / 32_768.0 - 1.0
    };
    let mut writer = Y4mWriter::create(path, 640, 480, 15).unwrap();
    for _ in 0..8 {
        let mut frame = Frame::black(640, 480);
        for (at, pixel) in frame.planes_mut().0.iter_mut().enumerate() {
            let (x, y) = ((at % 640) as f32, (at / 640) as f32);
            // A pixel sees an area, which softens edges.
            let light = [(0.2, 0.2), (0.7, 0.2), (0.2, 0.7), (0.7, 0.7)].map(|(dx, dy)| seen(x + dx, y + dy)).iter().sum::<f32>();
            *pixel = (held.black + (held.white - held.black) * light / 4.0 + held.noise * noise()) as u8;
        }
        writer.write(&frame).unwrap();
    }
    writer.flush().unwrap();
}

/// Shows `code` to the camera of somebody who has Bo as a contact; what became of it, and whether Bo is verified then.
async fn scan(held: Held, code: impl FnOnce(PublicKey, PublicKey) -> String) -> (Scan, Option<VerifiedBy>) {
    let folder = tempfile::tempdir().unwrap();
    let (profile, bo) = profile(&folder.path().join("ana"), None);
    let film_path = folder.path().join("code.y4m");
    film(&film_path, &code(profile.identity.public(), bo.public()), held);
    let mut options = Options::default();
    options.media.camera = CameraChoice::File(film_path);
    let engine = Engine::start(Start::Profile(Box::new(profile)), options, None);
    engine.command(Command::ShowNumber { key: bo.public() }).await;
    let shown = until(&engine, |state| state.verify.is_some()).await;
    assert_eq!(shown.verify.as_ref().map(|verify| &verify.scan), Some(&Scan::Off), "no camera before it is wanted");
    engine.command(Command::ScanCode { on: true }).await;
    let done = |state: &std::sync::Arc<Snapshot>| {
        state.verify.as_ref().is_some_and(|verify| !matches!(verify.scan, Scan::Off | Scan::Looking))
    };
    let seen = until(&engine, done).await;
    let scan = seen.verify.as_ref().unwrap().scan.clone();
    let verified = seen.contacts.iter().find(|contact| contact.key == bo.public()).unwrap().verified_by.map(|(by, _)| by);
    engine.quit().await;
    (scan, verified)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_on_the_other_screen_verifies_and_that_of_another_key_warns() {
    let (scanned, verified) = scan(STRAIGHT, |ana, bo| SafetyNumber::between(&bo, &ana).code()).await;
    assert_eq!((scanned, verified), (Scan::Match, Some(VerifiedBy::Number)));
    let mallory = Identity::generate().public();
    let (scanned, verified) = scan(STRAIGHT, |ana, _| SafetyNumber::between(&mallory, &ana).code()).await;
    assert!(matches!(scanned, Scan::Trouble { danger: true, .. }), "{scanned:?}");
    assert_eq!(verified, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_verifies_as_people_hold_it_turned_tilted_small_and_in_the_dark() {
    let cases = [
        ("turned", Held { turned: 20.0, ..STRAIGHT }),
        ("tilted", Held { tilted: 30.0, ..STRAIGHT }),
        ("small", Held { side: 140.0, noise: 4.0, ..STRAIGHT }),
        ("dark", Held { white: 60.0, black: 25.0, noise: 5.0, ..STRAIGHT }),
        ("all of it a little", Held { side: 230.0, turned: -8.0, tilted: 15.0, white: 110.0, black: 40.0, noise: 6.0 }),
    ];
    for (how, held) in cases {
        let (scanned, verified) = scan(held, |ana, bo| SafetyNumber::between(&bo, &ana).code()).await;
        assert_eq!((scanned, verified), (Scan::Match, Some(VerifiedBy::Number)), "{how}");
    }
}
