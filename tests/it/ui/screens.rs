//! All screens, which tests of every view go through, and how they are drawn.
//!
//! With `VESPER_SHOTS` set, `every_screen_can_be_drawn` also writes a picture of each screen in both themes to `ui-shots` in the
//! target folder, to be held beside the design.

use std::path::PathBuf;
use std::time::Duration;

use egui_kittest::{SnapshotOptions, SnapshotResults};
use vesper::settings;
use vesper::ui::local::ReachKind;

use super::*;

/// Every screen, by the name of its picture.
pub(super) fn screens() -> Vec<(&'static str, Snapshot, Local, Vec2)> {
    let local = Local::default;
    let request = RequestView {
        key: key(7),
        proposed_name: "Maya Lindqvist".into(),
        invitation: String::new(),
        made: Some(NOW - 90_000),
        warning: Some("This name looks like one of your contacts. Ask them in another way before you accept.".into()),
    };
    let sent = SentRequest { name: "Priya".into(), status: "Waits for their answer".into(), asks_relay: None, knock_id: key(8) };
    let notice = Notice {
        id: 1,
        kind: NoticeKind::Warning,
        text: "Another program uses the camera. Close it there, then turn the camera on.".into(),
    };
    let muted = CallView { microphone_on: false, camera_on: false, quality_bars: 2, ..call(active()) };
    let hint = Some("Nobody can hear you: the microphone sends only silence. Choose another one in the settings.".into());
    let off = CallView { remote_camera_on: false, remote_microphone_on: false, quality_bars: 1, hint, ..call(active()) };
    let unverified = CallView { verified: false, name: "Priya Raman".into(), peer: key(6), ..call(CallStage::Incoming) };
    let ended = CallStage::Ended { result: "The call ended.".into(), lasted: Some(Duration::from_secs(754)) };
    let reconnecting = CallStage::Reconnecting { since: MediaTime((NOW - 3723) * 1_000_000) };
    let page = |page| {
        let mut local = Local { page: Page::Settings, ..Local::default() };
        local.settings.page = page;
        local
    };
    let dialog = |dialog| Local { dialog: Some(dialog), selected: Some(key(2)), ..Local::default() };
    let inviting = || {
        let mut local = dialog(Dialog::AddPerson);
        local.add.inviting = true;
        local
    };
    let mut words = local();
    words.call.peer = Some(key(2));
    words.call.words_open = true;
    let mut welcome = local();
    welcome.welcome.name = "Alex Moreau".into();
    let mut relay = local();
    relay.welcome.reach = ReachKind::OwnRelay;
    relay.welcome.second = true;
    relay.welcome.relay = "relay".into();
    let stage = |stage| Snapshot { stage, ..Snapshot::default() };
    let invited = Snapshot { invitations: vec![inviting::invitation()], ..people() };
    let several = || Snapshot { invitations: inviting::three(), ..people() };
    let fresh = Snapshot { contacts: people().contacts[..1].to_vec(), ..people() };
    let narrow = vec2(640.0, 480.0);
    let night = Settings { quiet_hours: Some(settings::QuietHours::NIGHT), ..Settings::default() };
    let quiet = Snapshot { settings: night, ..people() };
    let mut screens = crate::ui_trust::screens();
    screens.extend([
        ("starting", stage(Stage::Starting), local(), SIZE),
        ("welcome", stage(Stage::Welcome), welcome, SIZE),
        ("welcome-relay", stage(Stage::Welcome), relay, SIZE),
        ("locked", stage(Stage::Locked { wrong: true }), local(), SIZE),
        ("main", people(), Local { selected: Some(key(2)), ..local() }, SIZE),
        ("main-missed", people(), Local { selected: Some(key(3)), ..local() }, SIZE),
        ("main-fresh", fresh, local(), SIZE),
        ("main-offline", offline(), Local { selected: Some(key(4)), ..local() }, SIZE),
        (
            "main-requests",
            Snapshot { requests: vec![request], sent_requests: vec![sent], notices: vec![notice], ..people() },
            Local { selected: Some(key(4)), ..local() },
            SIZE,
        ),
        ("main-narrow", people(), Local { selected: Some(key(9)), ..local() }, narrow),
        ("add-theirs", people(), dialog(Dialog::AddPerson), SIZE),
        ("add-make", people(), inviting(), SIZE),
        ("add-mine", invited, inviting(), SIZE),
        ("add-several", several(), inviting(), SIZE),
        ("add-several-narrow", several(), inviting(), narrow),
        ("rename", people(), dialog(Dialog::Rename { key: key(2), name: "Maya".into() }), SIZE),
        ("remove", people(), dialog(Dialog::Remove { key: key(2) }), SIZE),
        ("block", people(), dialog(Dialog::Block { key: key(2) }), SIZE),
        ("unblock", people(), dialog(Dialog::Unblock { key: key(9) }), SIZE),
        ("incoming", in_call(call(CallStage::Incoming)), local(), incoming::SIZE),
        ("incoming-unverified", in_call(unverified), local(), incoming::SIZE),
        ("call", in_call(call(active())), local(), SIZE),
        ("call-muted", in_call(muted), local(), SIZE),
        ("call-words", in_call(call(active())), words, SIZE),
        ("call-camera-off", in_call(off), local(), SIZE),
        ("call-letterbox", in_call(call(active())), local(), vec2(900.0, 800.0)),
        ("call-narrow", in_call(call(active())), local(), narrow),
        ("call-dialing", in_call(CallView { words: None, ..call(CallStage::Dialing) }), local(), SIZE),
        ("call-reconnecting", in_call(call(reconnecting)), local(), SIZE),
        ("call-ended", in_call(call(ended)), local(), SIZE),
        ("settings", people(), page(SettingsPage::AudioVideo), SIZE),
        ("settings-network", people(), page(SettingsPage::Network), SIZE),
        ("settings-profile", people(), page(SettingsPage::Profile), SIZE),
        ("settings-privacy", Snapshot { sealed: true, ..people() }, page(SettingsPage::Privacy), SIZE),
        ("settings-appearance", people(), page(SettingsPage::Appearance), SIZE),
        ("settings-notifications", quiet, page(SettingsPage::Notifications), SIZE),
        ("settings-about", people(), page(SettingsPage::About), SIZE),
        ("settings-narrow", people(), page(SettingsPage::AudioVideo), narrow),
    ]);
    screens.extend(talk::screens());
    screens.extend(crate::ui_call::screens());
    screens
}

/// The screen of this name, with what only a click opens.
pub(super) fn opened(view: &str, snapshot: Snapshot, local: Local, theme: Theme, size: Vec2) -> Window {
    let mut window = window_of(snapshot, local, theme, size);
    match view {
        "talk-menu" => drop(click(&mut window, text::MORE)),
        "talk-searching" => {
            // Where there is no room for it, it is in the menu.
            if window.query_by_label(text::SEARCH_CONVERSATION).is_none() {
                click(&mut window, text::MORE);
            }
            click(&mut window, text::SEARCH_CONVERSATION);
            write(&mut window, text::WORDS_TO_FIND, "call");
        }
        _ => {}
    }
    window
}

/// Those of which there is a picture at 200 %, in the smallest window, too.
const TWICE: [&str; 12] = [
    "main",
    "talk",
    "call",
    "call-words",
    "lobby",
    "settings",
    "settings-network",
    "welcome",
    "add-mine",
    "verify",
    "permissions",
    "relay-asked",
];

#[test]
fn every_screen_can_be_drawn() {
    let shots = std::env::var_os("VESPER_SHOTS").map(|wanted| {
        let only = wanted.into_string().unwrap_or_default();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("ui-shots");
        std::fs::create_dir_all(&folder).expect("a folder for the pictures");
        (folder, only)
    });
    for (name, snapshot, local, size) in screens() {
        if let Some((folder, only)) = &shots {
            if only != "1" && !only.split(',').any(|wanted| wanted == name) {
                continue;
            }
            let (snapshot_again, local_again) = (snapshot.clone(), screens().into_iter().find(|screen| screen.0 == name));
            let local_again = local_again.expect("the same list").2;
            for (suffix, theme, snapshot, local) in
                [("dark", Theme::Dark, snapshot, local), ("light", Theme::Light, snapshot_again, local_again)]
            {
                let mut window = opened(name, snapshot, local, theme, size);
                window.run_steps(4);
                let image = window.render().expect("a software renderer");
                image.save(folder.join(format!("{name}-{suffix}.png"))).expect("a writable folder");
            }
            if TWICE.contains(&name) {
                let (_, snapshot, local, _) = screens().into_iter().find(|screen| screen.0 == name).expect("the same list");
                let mut window = opened(name, snapshot, local, Theme::Light, vec2(640.0, 480.0));
                window.set_pixels_per_point(2.0);
                window.run_steps(1);
                window.set_size(vec2(640.0, 480.0));
                window.run_steps(4);
                let image = window.render().expect("a software renderer");
                image.save(folder.join(format!("{name}-twice.png"))).expect("a writable folder");
            }
        } else {
            opened(name, snapshot, local, Theme::Light, size).run_steps(4);
        }
    }
}

/// The pictures that are kept in `tests/data/goldens`, at half the size; `./dev goldens` draws them anew.
const GOLDENS: [&str; 9] =
    ["main", "talk", "call", "incoming", "verify", "settings", "settings-notifications", "welcome", "locked"];

#[test]
fn the_main_views_look_as_they_did() {
    // Software renderers round differently; what moved by a pixel shows in more than these.
    let options = SnapshotOptions::new().threshold(1.6).max_failed_pixels(60usize).output_path("tests/data/goldens");
    let mut results = SnapshotResults::new();
    for (theme, suffix) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        for (view, snapshot, local, size) in screens().into_iter().filter(|screen| GOLDENS.contains(&screen.0)) {
            let mut window = window_of(snapshot, local, theme, size);
            // As many points as before, in half as many pixels; a frame lies between, for the first makes the window larger instead.
            window.set_pixels_per_point(0.5);
            window.run_steps(1);
            window.set_size(size);
            window.run_steps(4);
            window.snapshot_options(format!("{view}-{suffix}"), &options);
            results.extend_harness(&mut window);
        }
    }
}

#[test]
fn nothing_repaints_when_nothing_happens() {
    let mut window = window(people(), Local::default());
    window.run();
    assert!(window.try_run().is_ok_and(|steps| steps <= 2), "an idle window asks for more frames");
}
