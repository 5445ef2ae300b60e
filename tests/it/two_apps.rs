//! Two people who never met, each before their window: an invitation, a text, a call that is declined, one that is missed
//! and called back, and a talk in which they write. Nothing but the mouse, the keyboard and the screen does it.

use std::cell::Cell;

use eframe::egui::{Theme, Vec2, vec2};
use egui_kittest::kittest::Queryable as _;
use serde_json::Value;
use vesper::engine::snapshot::{Call, CallStage, CallView, InvitationUse, InvitationView, Outcome, Snapshot};
use vesper::ui::local::{Dialog, Local};
use vesper::ui::text;
use vesper::ui::views::incoming;

use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::desktop::{Desktop, Picture, Window, wait};
use crate::lab::people::Person;
use crate::lab::vesper::Vesper;
use crate::ui::talk::conversation;
use crate::ui::{NOW, active, call, in_call, key, people, window_of};

const SOURCES: [&str; 6] = ["--camera", "test", "--mic", "tone", "--speaker", "none"];
/// What [`Window::move_to`] makes of a window.
const SIZE: Vec2 = vec2(1280.0, 720.0);
/// The row below Echo's.
const SECOND_PERSON: (usize, usize) = (160, 228);
/// In the head of a conversation, whose buttons stand at the right edge: more, verify, search, and then this one.
const VIDEO_CALL: (usize, usize) = (1112, 32);
/// The field below a conversation.
const FIELD: (usize, usize) = (640, 676);

/// Where the thing with this name is, in a window that shows the same.
fn place(snapshot: Snapshot, local: Local, size: Vec2, name: &str) -> (usize, usize) {
    let center = window_of(snapshot, local, Theme::Dark, size).get_by_label(name).rect().center();
    (center.x as usize, center.y as usize)
}

fn with_second_person() -> Local {
    Local { selected: Some(key(2)), ..Local::default() }
}

fn dialog(inviting: bool) -> Local {
    let mut local = Local { dialog: Some(Dialog::AddPerson), ..Local::default() };
    local.add.inviting = inviting;
    local
}

/// What the profile of `person` holds of its only conversation.
fn entries(person: &Person, other: &Person) -> Vec<Value> {
    Vesper::start(None, &person.folder, ["messages", &other.key]).end().events
}

fn has_text(person: &Person, other: &Person, words: &str) -> bool {
    entries(person, other).iter().any(|entry| entry["text"] == words)
}

fn has_call(person: &Person, other: &Person, outcome: &str) -> bool {
    entries(person, other).iter().any(|entry| entry["call"]["outcome"] == outcome)
}

fn knows(person: &Person, other: &Person) -> bool {
    let listed = Vesper::start(None, &person.folder, ["contacts", "list"]).end();
    listed.events.iter().any(|line| line["key"] == other.key.as_str())
}

fn until(what: &str, happened: impl Fn() -> bool) {
    wait(|| happened().then_some(())).unwrap_or_else(|| panic!("{what} never happened"));
}

#[test]
fn two_people_meet_write_ring_miss_a_call_and_talk_through_their_windows_alone() {
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let Some(desktop) = Desktop::up() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [alice, bob] = ["alice", "bob"].map(|name| Person::create(&folder.path().join(name), name));
    let start = |person: &Person, host| Vesper::open(Some(host), &person.folder, &desktop.environment(), SOURCES);
    let (alices, bobs) = (start(&alice, &lab.a), start(&bob, &lab.b));
    let (left, right) = (desktop.window(alices.id(), "Vesper"), desktop.window(bobs.id(), "Vesper"));
    left.move_to(0, 0);
    right.move_to(1320, 0);
    for window in [&left, &right] {
        window.look_for("the list of people", |picture| (picture.colors() > 16).then_some(()));
    }

    meet(&left, &right);
    until("the request is accepted", || knows(&alice, &bob) && knows(&bob, &alice));

    // Write.
    for window in [&left, &right] {
        window.click_until(SECOND_PERSON, "the conversation", Picture::is_like_a_conversation);
    }
    left.click_until(FIELD, "the field with the keyboard", Picture::is_writing);
    left.write("hello from the left");
    left.press_until("Return", "the text on the right", || has_text(&bob, &alice, "hello from the left"));

    // Ring, and decline.
    let rings = |at: &Vesper| desktop.has_window(at.id(), "Incoming call");
    let ring = || {
        right.click_until(VIDEO_CALL, "the check before the call", Picture::is_covered);
        right.press_until("Return", "the popup on the left", || rings(&alices));
    };
    ring();
    let decline = place(ringing(), Local::default(), incoming::SIZE, text::DECLINE);
    desktop.window(alices.id(), "Incoming call").answer(decline);
    until("the popup goes", || !rings(&alices));
    until("the declined call is noted", || has_call(&alice, &bob, "declined"));
    assert!(left.look().is_like_a_conversation(), "a call that was turned away does not take the window");
    // Who called is told, and puts that away.
    right.press_until("Escape", "the conversation after the call", || right.look().is_like_a_conversation());

    // Ring, and give up: a missed call.
    ring();
    right.press_until("ctrl+d", "the end of the ringing", || !rings(&alices));
    until("the missed call is noted", || has_call(&alice, &bob, "missed"));
    right.press_until("Escape", "the conversation after the second call", || right.look().is_like_a_conversation());

    // The entry of the missed call is the newest, and so the lowest.
    let missed = Call { outgoing: false, video: true, outcome: Outcome::Missed, seconds: 0 };
    let back = place(conversation([missed]), with_second_person(), SIZE, text::CALL_BACK);
    left.look_for("the conversation with the missed call", |picture| picture.is_like_a_conversation().then_some(()));
    left.click_until(back, "the check before the call", Picture::is_covered);
    left.press_until("Return", "the popup on the right", || rings(&bobs));
    talk(&desktop, &bobs, &left, &right);

    // Write while talking.
    let show = place(talking(), Local::default(), SIZE, text::SHOW_MESSAGES);
    let mut beside = Local::default();
    beside.talk.beside_call = true;
    let hang_up = place(talking(), beside, SIZE, text::HANG_UP);
    for (window, reader, writer, words) in [(&left, &bob, &alice, "do you see me"), (&right, &alice, &bob, "as in a mirror")] {
        window.click(show.0, show.1);
        // Its field has the keyboard at once.
        window.look_for("the conversation beside the call", |picture| picture.is_like_a_panel_beside_a_call().then_some(()));
        window.write(words);
        window.press_until("Return", "what was written in the call", || has_text(reader, writer, words));
    }

    // The pointer brings the buttons back before it presses one.
    right.click(hang_up.0, hang_up.1);
    until("the end of the call is noted", || has_call(&alice, &bob, "talked") && has_call(&bob, &alice, "talked"));
    for window in [&left, &right] {
        window.look_for("the conversation after the talk", |picture| picture.is_like_a_conversation().then_some(()));
    }
}

fn ringing() -> Snapshot {
    in_call(CallView { words: None, ..call(CallStage::Incoming) })
}

fn talking() -> Snapshot {
    in_call(call(active()))
}

/// Accepts in the popup, and waits until both see each other.
fn talk(desktop: &Desktop, ringing_at: &Vesper, left: &Window, right: &Window) {
    let accept = place(ringing(), Local::default(), incoming::SIZE, text::ACCEPT_VIDEO);
    desktop.window(ringing_at.id(), "Incoming call").answer(accept);
    for (window, whose) in [(left, "the picture from the right"), (right, "the picture from the left")] {
        let first = window.look_for(whose, Picture::marker);
        window.look_for("the next picture", |picture| picture.marker().filter(|number| *number != first));
    }
}

/// One invites, the other pastes the invitation, the first accepts the request.
fn meet(inviting: &Window, invited: &Window) {
    let add = place(people(), Local::default(), SIZE, text::ADD_PERSON);
    let mine = place(people(), dialog(false), SIZE, text::MINE);
    let make = place(people(), dialog(true), SIZE, text::MAKE_INVITATION);
    // How long an invitation is depends on the addresses in it, and each line of it moves the button.
    let copies = [96, 40, 140, 180].map(|length| {
        let invitation = InvitationView {
            knock_id: key(40),
            text: format!("vesper:{}", "a".repeat(length)),
            expires: NOW + 86_000,
            label: String::new(),
            made: NOW,
            used: InvitationUse::Unused,
        };
        place(Snapshot { invitations: vec![invitation], ..people() }, dialog(true), SIZE, text::COPY)
    });
    inviting.click_until(add, "the form", Picture::is_covered);
    inviting.click_until(mine, "the button for an invitation", |picture| picture.is_accent(make.0 - 100, make.1));
    inviting.click_until(make, "the invitation", |picture| !picture.is_accent(make.0 - 100, make.1));

    let field = place(people(), dialog(false), SIZE, text::INVITATION);
    let send = place(people(), dialog(false), SIZE, text::SEND_REQUEST);
    invited.click_until(add, "the form", Picture::is_covered);
    let tries = Cell::new(0);
    let pasted = || {
        let copy = copies[tries.replace(tries.get() + 1) % copies.len()];
        inviting.click(copy.0, copy.1);
        invited.click(field.0, field.1);
        invited.press("ctrl+a");
        invited.press("ctrl+v");
        // The form takes what is pasted in its next frame.
        invited.look();
        invited.look().is_accent(send.0 - 100, send.1)
    };
    until("the invitation is pasted", pasted);
    invited.click(send.0, send.1);

    inviting.press("Escape");
    let accept = inviting.look_for("the request", Picture::button_in_the_list);
    inviting.click(accept.0, accept.1);
}
