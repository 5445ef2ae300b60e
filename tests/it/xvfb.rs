//! Two windows, one screen: one rings the other, and a click starts the call.

use crate::lab::cable::Quality;
use crate::lab::desktop::{Desktop, Picture};
use crate::lab::people::{People, Person};
use crate::lab::vesper::Vesper;
use crate::lab::{Host, Lab};

/// Where things are in the main window at 1280x720, and in the popup of 360x492: `src/ui/tokens.rs` has the sizes.
const SECOND_PERSON: (usize, usize) = (160, 228);
const VIDEO_CALL: (usize, usize) = (1154, 32);
/// With Echo there is nothing to verify and no menu, so its buttons stand at the edge.
const CALL_ECHO: (usize, usize) = (1244, 32);
const ACCEPT_VIDEO: (usize, usize) = (284, 362);
const CAMERA: (usize, usize) = (560, 654);

#[test]
fn a_window_that_is_put_away_rings_all_the_same_and_a_click_on_accept_video_brings_it_up_with_the_call() {
    let Some(people) = People::meet() else { return };
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let Some(desktop) = Desktop::up() else { return };
    let alice = open(&people.alice, &lab.a, &desktop);
    let bob = open(&people.bob, &lab.b, &desktop);
    let (callers, callees) = (desktop.window(alice.id(), "Vesper"), desktop.window(bob.id(), "Vesper"));
    callers.move_to(0, 0);
    callees.move_to(1320, 0);
    callees.minimise();

    // Echo is first in the list, the only contact second.
    callers.click(SECOND_PERSON.0, SECOND_PERSON.1);
    callers.click(VIDEO_CALL.0, VIDEO_CALL.1);
    // First one's own picture, where Enter calls.
    callers.press_until("Return", "the popup", || desktop.has_window(bob.id(), "Incoming call"));
    let popup = desktop.window(bob.id(), "Incoming call");
    assert!(popup.look().marker().is_none(), "nothing is shown before the click");
    popup.answer(ACCEPT_VIDEO);

    let first = callers.look_for("the callee's picture", Picture::marker);
    callers.look_for("the callee's next picture", |picture| picture.marker().filter(|number| *number != first));
    assert_eq!(desktop.window(bob.id(), "Vesper").id(), callees.id(), "it is up again");
    callees.look_for("the caller's picture", Picture::marker);
    assert!(!desktop.has_window(bob.id(), "Incoming call"), "the popup is gone");

    callees.click(CAMERA.0, CAMERA.1);
    callers.look_for("a screen without the callee's picture", |picture| picture.marker().is_none().then_some(()));
    callees.look_for("the caller's picture, still", Picture::marker);
    callees.click(CAMERA.0, CAMERA.1);
    callers.look_for("the callee's picture again", Picture::marker);
}

#[test]
fn a_window_opens_for_a_newcomer() {
    let Some(desktop) = Desktop::up() else { return };
    let folder = tempfile::tempdir().unwrap();
    let vesper = Vesper::open(None, &folder.path().join("new"), &desktop.environment(), SOURCES);
    let window = desktop.window(vesper.id(), "Vesper");
    // Something is drawn: a window of one colour is no welcome.
    window.look_for("the first screen", |picture| (picture.colors() > 16).then_some(()));
}

#[test]
fn a_window_whose_screen_goes_away_ends_with_a_sentence_and_loses_nothing() {
    let Some(desktop) = Desktop::up() else { return };
    let folder = tempfile::tempdir().unwrap();
    let ann = Person::create(&folder.path().join("ann"), "Ann");
    let vesper = Vesper::open(None, &ann.folder, &desktop.environment(), SOURCES);
    let window = desktop.window(vesper.id(), "Vesper");
    window.look_for("the list of people", |picture| (picture.colors() > 16).then_some(()));
    drop(desktop);
    let ended = vesper.end();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.errors.contains("the screen that the window was on is gone"), "{ended:?}");
    let again = Vesper::start(None, &ann.folder, ["id"]).end();
    assert_eq!(again.code, Some(0), "{again:?}");
}

/// With `VESPER_SHOTS` set, `./dev screens` finds the picture beside those of the views.
#[test]
fn the_whole_app_is_drawn() {
    let Some(desktop) = Desktop::up() else { return };
    let folder = tempfile::tempdir().unwrap();
    let ann = Person::create(&folder.path().join("ann"), "Ann");
    let vesper = Vesper::open(None, &ann.folder, &desktop.environment(), SOURCES);
    let window = desktop.window(vesper.id(), "Vesper");
    window.move_to(0, 0);
    window.look_for("the list of people", |picture| (picture.colors() > 16).then_some(()));
    let shots = std::env::var_os("VESPER_SHOTS").map(|_| std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui-shots"));
    if let Some(shots) = &shots {
        window.save(&shots.join("app.png"));
    }
    window.click(CALL_ECHO.0, CALL_ECHO.1);
    window.press_until("Return", "Echo's picture", || window.look().marker().is_some());
    if let Some(shots) = &shots {
        window.save(&shots.join("app-call.png"));
    }
}

const SOURCES: [&str; 6] = ["--camera", "test", "--mic", "tone", "--speaker", "none"];

fn open(person: &Person, host: &Host, desktop: &Desktop) -> Vesper {
    Vesper::open(Some(host), &person.folder, &desktop.environment(), SOURCES)
}
