//! The views of a call, driven by the names of things: every state, the small pictures, the overlays, the check before.

use std::sync::Arc;

use eframe::egui::{CursorIcon, Event, Key, Modifiers, PointerButton, Pos2, Rect, Theme, Vec2, pos2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vesper::engine::command::{CallMedia, Command};
use vesper::engine::report::{Audio, Bandwidth, Path, Percentiles, Sealed, Video};
use vesper::engine::snapshot::*;
use vesper::media::clock::MediaTime;
use vesper::media::frame::ScreenFrame;
use vesper::settings::{Corner, SelfView, Settings};
use vesper::ui::local::{Dialog, Local, Page};
use vesper::ui::text;
use vesper::ui::tokens::motion;
use vesper::ui::views::incoming;
use vesper::ui::views::lobby::Lobby;

use crate::ui::{
    CALL, NOW, SIZE, Window, active, call, click, in_call, key, people, people_without_lobby, press, window, window_of, wishes,
    write,
};

const NARROW: Vec2 = vec2(640.0, 480.0);

fn away() -> Local {
    let mut local = Local { selected: Some(key(2)), ..Local::default() };
    local.call.peer = Some(key(2));
    local.call.away = true;
    local
}

fn remembered(self_view: SelfView) -> Command {
    Command::ChangeSettings { settings: Box::new(Settings { self_view, ..Settings::default() }) }
}

fn figures() -> Option<Arc<Statistics>> {
    Some(Arc::new(Statistics {
        sealed: Some(Sealed { suite: 2, opened: 48_120, rejected: 3, replayed: 1, epochs: 2, ..Sealed::default() }),
        path: Some(Path {
            kind: "direct",
            local: "host".into(),
            remote: "srflx".into(),
            relayed: false,
            rtt_ms: Some(38.0),
            restarts: 0,
        }),
        video: Some(Video {
            sent_fps: 29.8,
            shown_fps: 29.6,
            width: 1280,
            height: 720,
            sent_kbps: 1840.0,
            received_kbps: 1722.0,
            latency_ms: Percentiles { p50: Some(96.0), p95: Some(120.0) },
            ..Video::default()
        }),
        audio: Some(Audio {
            sent_kbps: 34.0,
            received_kbps: 33.0,
            concealed_percent: Some(0.4),
            jitter_buffer_ms: Some(42.0),
            ..Audio::default()
        }),
        bandwidth: Some(Bandwidth { target_kbps: 2500.0, estimate_kbps: None, loss_percent: Some(0.2) }),
        ..Statistics::default()
    }))
}

fn drag(window: &mut Window, from: Pos2, to: Pos2) -> Vec<Command> {
    window.run_steps(2);
    window.event(Event::PointerMoved(from));
    window.run_steps(1);
    for (pressed, at) in [(true, from), (false, to)] {
        if !pressed {
            for step in 1..=4 {
                window.event(Event::PointerMoved(from + (to - from) * (step as f32 / 4.0)));
                window.run_steps(1);
            }
        }
        window.event(Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
        window.run_steps(1);
    }
    window.run_steps(3);
    wishes(window)
}

#[test]
fn leaving_the_call_view_keeps_the_call_in_a_small_picture_with_its_controls() {
    let mut window = window(in_call(call(active())), Local::default());
    assert_eq!(click(&mut window, text::LEAVE_CALL_VIEW), []);
    window.get_by_label(text::SETTINGS);
    window.get_by_label("Maya Lindqvist · 12:34");
    assert_eq!(click(&mut window, text::MUTE), [Command::SetMicrophone { on: false }]);
    assert_eq!(click(&mut window, text::HANG_UP), [Command::HangUp]);
    assert_eq!(click(&mut window, text::BACK_TO_CALL), []);
    window.get_by_label(text::LEAVE_CALL_VIEW);
}

#[test]
fn the_small_picture_goes_to_the_corner_it_is_dragged_to_and_stays_there() {
    let mut window = window(in_call(call(active())), away());
    let from = window.get_by_label(text::CALL_PICTURE).rect();
    let wish = drag(&mut window, from.center() - vec2(0.0, 20.0), pos2(420.0, 620.0));
    assert_eq!(wish, [remembered(SelfView { call_corner: Corner::BottomLeft, ..SelfView::default() })]);
    let to = window.get_by_label(text::CALL_PICTURE).rect();
    assert!(to.left() < 100.0 && to.top() > SIZE.y / 2.0, "{to:?}");
}

#[test]
fn the_own_picture_is_moved_resized_mirrored_and_hidden_and_all_of_it_is_remembered() {
    let mut window = window(in_call(call(active())), Local::default());
    let own = window.get_by_label(text::SELF_VIEW).rect();
    let wish = drag(&mut window, own.center(), pos2(200.0, 250.0));
    let mut view = SelfView { corner: Corner::TopLeft, ..SelfView::default() };
    assert_eq!(wish, [remembered(view)]);
    let own = window.get_by_label(text::SELF_VIEW).rect();
    let wish = drag(&mut window, own.right_bottom() - vec2(7.0, 5.0), own.right_bottom() + vec2(64.0, 30.0));
    view.width = 300;
    assert_eq!(wish, [remembered(view)]);
    for (name, change) in [
        (text::UNMIRROR_SELF_VIEW, SelfView { mirrored: false, ..view }),
        (text::MOVE_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, ..view }),
        (text::LARGER_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, width: 375, ..view }),
        (text::SMALLER_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, width: 300, ..view }),
        (text::HIDE_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, width: 300, hidden: true, ..view }),
    ] {
        assert_eq!(click(&mut window, text::CALL_MORE), []);
        assert_eq!(click(&mut window, name), [remembered(change)], "{name}");
    }
    assert!(window.query_by_label(text::SELF_VIEW).is_none());
    let shown = SelfView { mirrored: false, corner: Corner::TopRight, width: 300, hidden: false, ..view };
    assert_eq!(click(&mut window, text::SHOW_SELF_VIEW), [remembered(shown)]);
}

#[test]
fn in_the_smallest_window_nothing_over_the_picture_lies_over_another_wherever_the_own_picture_is() {
    let slow = "Your connection is slow: sound comes first, and the picture returns as it recovers.";
    let words = format!("{}: fox, cactus, balloon, anchor", text::WORDS);
    for corner in [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight] {
        for figures_open in [false, true] {
            let mut snapshot = in_call(CallView { statistics: figures(), hint: Some(slow.into()), ..call(active()) });
            snapshot.settings.self_view = SelfView { corner, ..SelfView::default() };
            let mut window = window_of(snapshot, Local::default(), Theme::Dark, NARROW);
            window.state_mut().local.call.statistics = figures_open;
            window.run_steps(2);
            let names = [text::SELF_VIEW, &words, slow, text::HANG_UP, text::STATISTICS];
            let there: Vec<_> = names.into_iter().filter_map(|name| Some((name, window.query_by_label(name)?.rect()))).collect();
            assert_eq!(there.len(), if figures_open { 5 } else { 4 });
            for (index, (name, rect)) in there.iter().enumerate() {
                for (other, over) in &there[index + 1..] {
                    assert!(!rect.intersects(*over), "{corner:?}: {name} at {rect:?} and {other} at {over:?}");
                }
            }
        }
    }
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
fn the_small_pictures_are_moved_and_resized_with_the_arrow_keys() {
    let mut window = window(in_call(call(active())), Local::default());
    let arrow = |window: &mut Window, name: &str, key| {
        window.get_by_label(name).focus();
        window.run_steps(2);
        press(window, Modifiers::NONE, key)
    };
    let mut view = SelfView { corner: Corner::TopRight, ..SelfView::default() };
    assert_eq!(arrow(&mut window, text::SELF_VIEW, Key::ArrowUp), [remembered(view)]);
    view.corner = Corner::TopLeft;
    assert_eq!(arrow(&mut window, text::SELF_VIEW, Key::ArrowLeft), [remembered(view)]);
    assert_eq!(arrow(&mut window, text::SELF_VIEW, Key::ArrowLeft), [], "it is there already");
    view.width += 20;
    assert_eq!(arrow(&mut window, text::RESIZE_SELF_VIEW, Key::ArrowRight), [remembered(view)]);
    view.width -= 20;
    assert_eq!(arrow(&mut window, text::RESIZE_SELF_VIEW, Key::ArrowDown), [remembered(view)]);
    let mut window = self::window(in_call(call(active())), away());
    let moved = SelfView { call_corner: Corner::BottomRight, ..SelfView::default() };
    assert_eq!(arrow(&mut window, text::CALL_PICTURE, Key::ArrowDown), [remembered(moved)]);
}

#[test]
fn there_is_one_call_at_a_time() {
    let mut window = window(in_call(call(active())), away());
    window.get_by_label(text::IN_CALL_SUB);
    assert!(window.query_by_label(text::START_VIDEO_CALL).is_none());
    for other in ["Maya Lindqvist, online, verified", "Amara Okafor, online, one missed call"] {
        click(&mut window, other);
        assert_eq!(click(&mut window, text::VOICE_CALL), [], "{other}");
        assert!(window.query_by_label(text::CALL_BACK).is_none(), "{other}");
    }
}

#[test]
fn the_place_of_the_own_picture_comes_from_the_settings() {
    let self_view = SelfView { corner: Corner::TopLeft, ..SelfView::default() };
    let snapshot = Snapshot { settings: Settings { self_view, ..Settings::default() }, ..in_call(call(active())) };
    let own = window(snapshot, Local::default()).get_by_label(text::SELF_VIEW).rect();
    assert!(own.right() < SIZE.x / 2.0 && own.bottom() < SIZE.y / 2.0);
}

#[test]
fn the_end_of_a_call_says_why_and_calls_again_as_one_called_or_answered_but_not_unseen() {
    let ended = CallStage::Ended { result: "Nobody answered. Try again later.".into(), lasted: None };
    let mut window = window(in_call(CallView { words: None, ..call(ended.clone()) }), Local::default());
    window.get_by_label("Maya Lindqvist: Nobody answered. Try again later.");
    assert_eq!(click(&mut window, text::CALL_AGAIN), [Command::CheckDevices { on: true }], "nobody is called yet");
    window.get_by_label(&text::lobby_title("Maya Lindqvist", CallMedia::Video));
    assert_eq!(click(&mut window, text::LOBBY_VIDEO), [Command::Call { key: key(2), media: CallMedia::Video }]);
    let ended = in_call(CallView { words: None, camera_on: false, ..call(ended) });
    let mut unseen = self::window(Snapshot { settings: people_without_lobby().settings, ..ended }, Local::default());
    let voice = Command::Call { key: key(2), media: CallMedia::Audio };
    assert_eq!(click(&mut unseen, text::CALL_AGAIN), [voice], "a video call that was answered without a camera");
}

#[test]
fn reconnecting_says_whether_messages_still_go_through_and_stays_on_the_screen() {
    let reconnecting = CallStage::Reconnecting { since: MediaTime((NOW - 60) * 1_000_000) };
    let mut window = window(in_call(call(reconnecting)), Local::default());
    window.get_by_label(text::RECONNECTING_LINK);
    window.input_mut().time = Some(60.0);
    window.run_steps(4);
    window.get_by_label(text::RECONNECTING_LINK);
    for contact in &mut window.state_mut().snapshot.contacts {
        contact.online = false;
    }
    window.run_steps(2);
    window.get_by_label(text::RECONNECTING);
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
fn echo_says_what_it_waits_for_when_it_is_sent_no_picture() {
    let echo =
        CallView { peer: key(1), name: "Echo".into(), echo: true, camera_on: false, remote_camera_on: false, ..call(active()) };
    window(in_call(echo), Local::default()).get_by_label(&format!("Echo: {}", text::ECHO_SEES_NOTHING));
}

fn popup(call: CallView) -> Window {
    window_of(in_call(call), Local::default(), Theme::Dark, incoming::SIZE)
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

/// Every view of a call, with what is in it, by the name of its picture.
pub(crate) fn screens() -> Vec<(&'static str, Snapshot, Local, Vec2)> {
    let local = || Local { selected: Some(key(2)), ..Local::default() };
    let with = |view: CallView| in_call(CallView { statistics: figures(), ..view });
    let mut figures_open = local();
    figures_open.call.peer = Some(key(2));
    figures_open.call.statistics = true;
    let mut small_figures = local();
    small_figures.call.peer = Some(key(2));
    small_figures.call.statistics = true;
    let reconnecting = CallStage::Reconnecting { since: MediaTime((NOW - 754) * 1_000_000) };
    let slow = Some("Your connection is slow: sound comes first, and the picture returns as it recovers.".into());
    let poor = CallView { quality_bars: 1, hint: slow, ..call(active()) };
    let their_mute = CallView { remote_microphone_on: false, ..call(active()) };
    let both_off = CallView { remote_camera_on: false, camera_on: false, microphone_on: false, ..call(active()) };
    let lost = CallStage::Ended { result: "Nobody answered. Try again later.".into(), lasted: None };
    let before = |stage| CallView { words: None, ..call(stage) };
    let talk = Snapshot {
        settings: Settings { push_to_talk: true, ..Settings::default() },
        ..with(CallView { microphone_on: false, ..call(active()) })
    };
    let lobby = |media| Local { lobby: Some(Lobby { key: key(2), media }), ..local() };
    let checked =
        || Snapshot { device_check: Some(DeviceCheckView { level: Some(0.55), ..DeviceCheckView::default() }), ..people() };
    let trouble = DeviceCheckView {
        camera_trouble: Some("Another program uses the camera. Close it there, then choose it again.".into()),
        ..DeviceCheckView::default()
    };
    let mut replying = local();
    (replying.incoming.replying, replying.incoming.reply) = (true, "In ten minutes?".into());
    let mut trying = Local { page: Page::Settings, ..local() };
    trying.device_check.in_settings = true;
    let full = Local { full_screen: true, ..local() };
    vec![
        ("call-ringing-there", in_call(before(CallStage::RingingThere)), local(), SIZE),
        ("call-connecting", in_call(before(CallStage::Connecting)), local(), NARROW),
        ("call-their-mute", with(their_mute), local(), SIZE),
        ("call-both-off", with(both_off), local(), NARROW),
        ("call-poor", with(poor.clone()), local(), SIZE),
        ("call-poor-narrow", with(poor), local(), NARROW),
        ("call-reconnecting-narrow", with(call(reconnecting)), local(), NARROW),
        ("call-unanswered", in_call(before(lost)), local(), NARROW),
        ("call-push-to-talk", talk, local(), SIZE),
        ("call-statistics", with(call(active())), figures_open, SIZE),
        ("call-statistics-narrow", with(call(active())), small_figures, NARROW),
        ("call-full", with(call(active())), full, vec2(1920.0, 1080.0)),
        ("call-away", with(call(active())), away(), SIZE),
        ("call-away-narrow", with(CallView { remote_camera_on: false, ..call(active()) }), away(), NARROW),
        ("call-shortcuts", with(call(active())), Local { dialog: Some(Dialog::Shortcuts), ..local() }, NARROW),
        ("lobby", checked(), lobby(CallMedia::Video), SIZE),
        ("lobby-narrow", checked(), lobby(CallMedia::Audio), NARROW),
        ("lobby-trouble", Snapshot { device_check: Some(trouble), ..people() }, lobby(CallMedia::Video), SIZE),
        ("incoming-reply", in_call(before(CallStage::Incoming)), replying, incoming::SIZE),
        ("incoming-silenced", in_call(CallView { silenced: true, ..before(CallStage::Incoming) }), local(), incoming::SIZE),
        ("settings-trying", checked(), trying, SIZE),
    ]
}

#[test]
fn nothing_of_a_call_is_cut_off_at_the_smallest_size_and_everything_has_a_name() {
    for (name, snapshot, local, size) in screens().into_iter().filter(|screen| screen.0 != "settings-trying") {
        let size = if size == incoming::SIZE { size } else { NARROW };
        let window = window_of(snapshot, local, Theme::Light, size);
        let whole = Rect::from_min_size(Pos2::ZERO, size).expand(1.0);
        // The list behind a dialog scrolls, and what is below its edge is reached so.
        let in_call = name.starts_with("call") && !name.starts_with("call-away");
        for node in window.root().children_recursive() {
            let access = node.accesskit_node();
            let label = access.label().unwrap_or_default();
            let role = access.role();
            if matches!(role, eframe::egui::accesskit::Role::Button) {
                assert!(!label.is_empty(), "{name}: a button without a name at {:?}", node.rect());
            }
            if (in_call || name.starts_with("incoming")) && !label.is_empty() {
                assert!(whole.contains_rect(node.rect()), "{name}: \"{label}\" is cut off at {:?}", node.rect());
            }
        }
        // With a sentence more than these the lobby scrolls.
        if name.starts_with("lobby") && name != "lobby-trouble" {
            for label in [text::LOBBY_VIDEO, text::LOBBY_VOICE, text::CANCEL, text::LOBBY_SETTING, text::YOUR_PICTURE] {
                let rect = window.get_by_label(label).rect();
                assert!(whole.contains_rect(rect), "{name}: \"{label}\" is cut off at {rect:?}");
            }
        }
        if name.starts_with("call-away") {
            for label in [text::CALL_PICTURE, text::BACK_TO_CALL, text::HANG_UP] {
                assert!(whole.contains_rect(window.get_by_label(label).rect()), "{name}: \"{label}\" is cut off");
            }
        }
    }
}

#[test]
fn an_hour_of_a_call_leaves_nothing_behind_in_the_window() {
    let picture = |sequence| {
        let data = [sequence as u8, 90, 120, 255].repeat(16 * 9);
        Arc::new(ScreenFrame { width: 16, height: 9, data, sequence, ..ScreenFrame::default() })
    };
    let mut window = window(in_call(call(active())), Local::default());
    let mut held = Vec::new();
    for second in 1..=3600 {
        let ctx = window.ctx.clone();
        let world = window.state_mut();
        world.pictures.remote.update(&ctx, "remote", &picture(second));
        world.pictures.preview.update(&ctx, "preview", &picture(second));
        let since = MediaTime((NOW - second) * 1_000_000);
        world.local.call.statistics = true;
        world.snapshot = in_call(CallView { statistics: figures(), ..call(CallStage::Active { since }) });
        window.run_steps(1);
        if second % 600 == 0 {
            let textures = ctx.tex_manager().read().num_allocated();
            held.push((textures, ctx.data(|data| data.len())));
        }
    }
    assert!(held.windows(2).all(|pair| pair[0] == pair[1]), "textures and remembered things every ten minutes: {held:?}");
}

#[test]
fn no_view_of_a_call_repaints_when_nothing_changes() {
    for (name, snapshot, local, size) in screens() {
        let mut window = window_of(snapshot, local, Theme::Dark, size);
        window.state_mut().local.device_check.told = window.state().local.lobby.is_some();
        window.run_steps(12);
        let before = window.ctx.cumulative_frame_nr();
        assert!(window.try_run().is_ok(), "{name} never comes to rest");
        let painted = window.ctx.cumulative_frame_nr() - before;
        assert!(painted <= 2, "{name} asks for {painted} frames though nothing changes");
    }
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
