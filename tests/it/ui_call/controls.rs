//! What one does in a call: its buttons and their fading, its keys, its figures, the comparing of its words.

use eframe::egui::{CursorIcon, Event, Key, Modifiers};
use vesper::engine::command::Command;
use vesper::ui::tokens::motion;

use super::*;
use crate::ui::{click, press, wishes, write};

#[test]
fn the_controls_of_a_call_ask_for_the_opposite_of_what_is() {
    let mut window = window(in_call(call(active())), Local::default());
    assert_eq!(click(&mut window, text::MUTE), [Command::SetMicrophone { on: false }]);
    assert_eq!(click(&mut window, text::CAMERA_OFF), [Command::SetCamera { on: false }]);
    assert_eq!(click(&mut window, text::HANG_UP), [Command::HangUp]);
    let muted = CallView { microphone_on: false, camera_on: false, ..call(active()) };
    window.state_mut().snapshot.call = Some(muted);
    window.run_steps(2);
    assert_eq!(click(&mut window, text::UNMUTE), [Command::SetMicrophone { on: true }]);
    assert_eq!(click(&mut window, text::CAMERA_ON), [Command::SetCamera { on: true }]);
}

#[test]
fn the_keys_of_a_call_work_and_never_while_somebody_writes() {
    let mut window = window(in_call(call(active())), Local::default());
    assert_eq!(press(&mut window, Modifiers::NONE, Key::M), [Command::SetMicrophone { on: false }]);
    assert_eq!(press(&mut window, Modifiers::NONE, Key::V), [Command::SetCamera { on: false }]);
    assert_eq!(press(&mut window, Modifiers::CTRL, Key::D), [Command::HangUp]);
    press(&mut window, Modifiers::NONE, Key::F11);
    assert!(window.state().local.full_screen);

    let mut writing = self::window(people(), Local { dialog: Some(Dialog::AddPerson), ..Local::default() });
    writing.get_by_label(text::PETNAME).focus();
    writing.run_steps(2);
    writing.state_mut().snapshot.call = Some(call(CallStage::Incoming));
    let both = Modifiers::CTRL | Modifiers::SHIFT;
    assert_eq!(press(&mut writing, both, Key::A), []);
}

#[test]
fn the_controls_are_there_when_the_picture_comes_however_long_it_rang() {
    let mut window = window(in_call(CallView { words: None, ..call(CallStage::RingingThere) }), Local::default());
    let step = window.ctx.input(|input| input.predicted_dt);
    let fade = (motion::CONTROLS_FADE_AFTER / f64::from(step)) as usize;
    window.run_steps(2 * fade);
    window.state_mut().snapshot = in_call(call(active()));
    window.run_steps(fade / 2);
    // A pointer over a picture without controls is hidden with them.
    assert_ne!(window.output().platform_output.cursor_icon, CursorIcon::None);
    window.run_steps(fade);
    assert_eq!(window.output().platform_output.cursor_icon, CursorIcon::None);
}

#[test]
fn the_controls_fade_when_nothing_moves_and_come_back_with_a_key() {
    let mut window = window(in_call(call(active())), Local::default());
    window.input_mut().time = Some(60.0);
    window.run_steps(4);
    assert!(window.state().local.call.last_move < window.ctx.input(|input| input.time) - 5.0);
    press(&mut window, Modifiers::NONE, Key::Tab);
    assert!(window.state().local.call.last_move > window.ctx.input(|input| input.time) - 5.0);
}

#[test]
fn the_figures_are_shown_on_a_key_and_from_the_menu() {
    let mut window = window(in_call(CallView { statistics: figures(), ..call(active()) }), Local::default());
    assert!(window.query_by_label(text::STATISTICS).is_none());
    assert_eq!(press(&mut window, Modifiers::NONE, Key::S), []);
    window.get_by_label("Their picture: 1280×720 at 30 fps");
    window.get_by_label("Round trip: 38 ms");
    window.get_by_label("Path: direct (host – srflx)");
    window.get_by_label("Refused: 3 (1 replayed)");
    press(&mut window, Modifiers::NONE, Key::S);
    click(&mut window, text::CALL_MORE);
    click(&mut window, text::STATISTICS);
    window.get_by_label("Keys: suite 2, epoch 2");
}

#[test]
fn a_question_mark_shows_the_keys_in_and_out_of_a_call_and_never_while_somebody_writes() {
    for snapshot in [people(), in_call(call(active()))] {
        let mut window = window(snapshot, Local::default());
        window.event(Event::Text("?".into()));
        window.run_steps(3);
        window.get_by_label("M: Turn the microphone off or on");
        click(&mut window, text::CLOSE);
        assert!(window.query_by_label("M: Turn the microphone off or on").is_none());
    }
    let mut writing = window(people(), Local::default());
    write(&mut writing, text::SEARCH, "?");
    assert_eq!(writing.state().local.dialog, None);
}

#[test]
fn with_push_to_talk_the_microphone_is_on_exactly_while_space_is_held() {
    let held = Settings { push_to_talk: true, ..Settings::default() };
    let muted = CallView { microphone_on: false, ..call(active()) };
    let mut window = window(Snapshot { settings: held, ..in_call(muted.clone()) }, Local::default());
    window.get_by_label(text::HOLD_SPACE);
    let space = |pressed| Event::Key { key: Key::Space, physical_key: None, pressed, repeat: false, modifiers: Modifiers::NONE };
    window.event(space(true));
    window.run_steps(4);
    assert_eq!(wishes(&mut window), [Command::SetMicrophone { on: true }]);
    window.event(space(false));
    window.run_steps(4);
    assert_eq!(wishes(&mut window), [Command::SetMicrophone { on: false }]);
    let mut without = self::window(in_call(muted), Local::default());
    without.event(space(true));
    without.run_steps(3);
    assert_eq!(wishes(&mut without), [], "without the setting, Space does nothing");
}

#[test]
fn escape_leaves_what_is_written_or_open_before_it_is_about_the_call() {
    let mut window = window(in_call(call(active())), Local::default());
    click(&mut window, text::CALL_MORE);
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(window.state().local.notice, None, "it closed the menu");
    click(&mut window, text::SHOW_MESSAGES);
    write(&mut window, &text::message_to("Maya Lindqvist"), "one moment");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(window.state().local.notice, None, "it left the field");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(window.state().local.notice.map(|notice| notice.text), Some(text::ESCAPE_AGAIN));
    let mut elsewhere = self::window(in_call(call(active())), Local { page: Page::Settings, ..away() });
    press(&mut elsewhere, Modifiers::NONE, Key::Escape);
    assert_eq!((elsewhere.state().local.page, elsewhere.state().local.notice), (Page::People, None), "it left the settings");
}

#[test]
fn the_words_are_read_and_compared() {
    let mut window = window(in_call(call(active())), Local::default());
    click(&mut window, "The words of this call: fox, cactus, balloon, anchor");
    assert_eq!(click(&mut window, text::WORDS_SAME), [Command::WordsAgree { agree: true }]);
}

#[test]
fn every_word_of_a_call_has_its_picture() {
    for (emoji, name) in vesper::call::words::WORDS {
        assert!(vesper::ui::emoji::has(emoji), "{name}");
    }
}
