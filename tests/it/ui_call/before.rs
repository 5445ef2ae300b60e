//! What stands before a call: the popup that rings at one end, and at the other the look at oneself.

use eframe::egui::{Key, Modifiers};
use vesper::engine::command::Command;

use super::*;
use crate::ui::{CALL, Window, click, people_without_lobby, press, wishes, write};

fn popup(call: CallView) -> Window {
    window_of(in_call(call), Local::default(), Theme::Dark, incoming::SIZE)
}

#[test]
fn the_popup_offers_three_answers_and_says_whether_the_caller_is_verified() {
    let ringing = |verified| popup(CallView { verified, words: None, ..call(CallStage::Incoming) });
    let mut window = ringing(true);
    window.get_by_label(text::VERIFIED_CONTACT);
    assert_eq!(click(&mut window, text::ACCEPT_VIDEO), [Command::Accept { call: CALL, media: CallMedia::Video }]);
    assert_eq!(click(&mut window, text::ACCEPT_AUDIO), [Command::Accept { call: CALL, media: CallMedia::Audio }]);
    assert_eq!(click(&mut window, text::DECLINE), [Command::Decline { call: CALL }]);
    ringing(false).get_by_label(text::NOT_VERIFIED_YET);
}

#[test]
fn an_incoming_call_is_answered_with_the_keys_too() {
    let both = Modifiers::CTRL | Modifiers::SHIFT;
    let mut window = window(in_call(call(CallStage::Incoming)), Local::default());
    assert_eq!(press(&mut window, both, Key::V), [Command::Accept { call: CALL, media: CallMedia::Video }]);
    assert_eq!(press(&mut window, both, Key::A), [Command::Accept { call: CALL, media: CallMedia::Audio }]);
    assert_eq!(press(&mut window, both, Key::D), [Command::Decline { call: CALL }]);
    // Somebody else rings in its place.
    let other = Some(CallId([8; 16]));
    window.state_mut().snapshot.call.as_mut().unwrap().id = other;
    assert_eq!(press(&mut window, both, Key::V), [], "that was meant for the one before");
    assert_eq!(press(&mut window, both, Key::D), [Command::Decline { call: other }]);
}

#[test]
fn a_ring_is_silenced_without_an_answer() {
    let mut window = popup(CallView { words: None, ..call(CallStage::Incoming) });
    assert_eq!(click(&mut window, text::SILENCE), [Command::Silence]);
    window.state_mut().snapshot.call.as_mut().unwrap().silenced = true;
    assert_eq!(click(&mut window, text::SILENCED), [], "it is silent already");
    assert_eq!(click(&mut window, text::ACCEPT_AUDIO), [Command::Accept { call: CALL, media: CallMedia::Audio }]);
}

#[test]
fn a_ring_is_answered_with_a_text_and_the_keys_answer_nothing_while_it_is_written() {
    let mut window = popup(CallView { words: None, ..call(CallStage::Incoming) });
    click(&mut window, text::REPLY);
    assert!(window.query_by_label(text::ACCEPT_VIDEO).is_none());
    assert!(window.get_by_label(&text::message_to("Maya Lindqvist")).is_focused(), "what is typed next is the message");
    click(&mut window, text::NO_REPLY);
    window.get_by_label(text::ACCEPT_VIDEO);
    click(&mut window, text::REPLY);
    write(&mut window, &text::message_to("Maya Lindqvist"), "In ten minutes?");
    assert_eq!(click(&mut window, text::SEND), [Command::DeclineWith { call: CALL, body: "In ten minutes?".into() }]);
}

#[test]
fn a_locked_profile_neither_names_nor_writes_to_who_calls() {
    let mut window = popup(CallView { locked: true, name: "Somebody you know".into(), ..call(CallStage::Incoming) });
    assert!(window.query_by_label(text::REPLY).is_none());
    assert_eq!(click(&mut window, text::SILENCE), [Command::Silence]);
    assert_eq!(click(&mut window, text::UNLOCK), []);
    assert!(window.state().local.incoming.raise, "the way to the passphrase");
}

#[test]
fn before_a_call_a_person_sees_themselves_and_the_devices_close_when_they_leave() {
    let mut window = window(people(), Local::default());
    click(&mut window, "Maya Lindqvist, online, verified");
    assert_eq!(click(&mut window, text::VIDEO_CALL), [Command::CheckDevices { on: true }], "nobody is called yet");
    window.state_mut().snapshot.device_check = Some(DeviceCheckView { level: Some(0.5), ..DeviceCheckView::default() });
    window.run_steps(2);
    window.get_by_label(text::YOUR_PICTURE);
    window.get_by_label(text::LEVEL);
    assert_eq!(click(&mut window, text::CANCEL), [Command::CheckDevices { on: false }]);
    window.state_mut().snapshot.device_check = None;
    assert_eq!(click(&mut window, text::VOICE_CALL), [Command::CheckDevices { on: true }]);
    assert_eq!(click(&mut window, text::LOBBY_VIDEO), [Command::Call { key: key(2), media: CallMedia::Video }]);
    assert_eq!(window.state().local.lobby, None);
}

#[test]
fn the_check_before_calls_is_skipped_for_good_and_enter_calls() {
    let lobby = Some(Lobby { key: key(2), media: CallMedia::Audio });
    let mut window = window(people(), Local { lobby, ..Local::default() });
    wishes(&mut window);
    let skipped = Settings { lobby: false, ..Settings::default() };
    assert_eq!(click(&mut window, text::LOBBY_SETTING), [Command::ChangeSettings { settings: Box::new(skipped) }]);
    assert_eq!(press(&mut window, Modifiers::NONE, Key::Enter), [Command::Call { key: key(2), media: CallMedia::Audio }]);
    let mut window = self::window(people_without_lobby(), Local { selected: Some(key(2)), ..Local::default() });
    assert_eq!(click(&mut window, text::VIDEO_CALL), [Command::Call { key: key(2), media: CallMedia::Video }]);
}

#[test]
fn what_is_wrong_with_a_device_is_said_before_the_call() {
    let trouble = DeviceCheckView {
        camera_trouble: Some("Another program uses the camera. Close it there.".into()),
        microphone_trouble: Some("The microphone is on but delivers nothing at all.".into()),
        level: None,
    };
    let lobby = Some(Lobby { key: key(2), media: CallMedia::Video });
    let window = window(Snapshot { device_check: Some(trouble), ..people() }, Local { lobby, ..Local::default() });
    window.get_by_label("Another program uses the camera. Close it there.");
    window.get_by_label("The microphone is on but delivers nothing at all.");
}

#[test]
fn the_settings_open_the_devices_on_a_click_and_close_them_with_the_page() {
    let mut window = window(people(), Local { page: Page::Settings, ..Local::default() });
    assert_eq!(wishes(&mut window), [], "nothing opens by itself");
    assert_eq!(click(&mut window, text::TRY_DEVICES), [Command::CheckDevices { on: true }]);
    window.state_mut().snapshot.device_check = Some(DeviceCheckView::default());
    window.run_steps(2);
    window.get_by_label(text::YOUR_PICTURE);
    assert_eq!(click(&mut window, text::APPEARANCE), [Command::CheckDevices { on: false }]);
}
