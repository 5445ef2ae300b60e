//! The pages of the settings: what is chosen holds at once.

use eframe::egui::accesskit::Role;
use vesper::settings::{self, QuietHours};

use super::*;

fn settings_page(page: SettingsPage) -> Local {
    let mut local = Local { page: Page::Settings, ..Local::default() };
    local.settings.page = page;
    local
}

/// What a click makes of the settings.
type Change = fn(&mut Settings);

fn changed(change: impl FnOnce(&mut Settings)) -> Vec<Command> {
    let mut settings = Settings::default();
    change(&mut settings);
    vec![Command::ChangeSettings { settings: Box::new(settings) }]
}

#[test]
fn settings_look_at_the_devices_and_hold_at_once() {
    let mut window = window(people(), Local::default());
    assert_eq!(click(&mut window, text::SETTINGS), [Command::RefreshDevices]);
    let settings = Settings { noise_suppression: false, ..Settings::default() };
    assert_eq!(click(&mut window, text::NOISE), [Command::ChangeSettings { settings: Box::new(settings) }]);
    click(&mut window, text::APPEARANCE);
    let settings = Settings { theme: settings::Theme::Light, ..Settings::default() };
    assert_eq!(click(&mut window, text::THEMES[2]), [Command::ChangeSettings { settings: Box::new(settings) }]);
    click(&mut window, text::NETWORK);
    let settings = Settings { reach: Reach::PublicRelays, ..Settings::default() };
    assert_eq!(click(&mut window, text::REACH_PUBLIC), [Command::ChangeSettings { settings: Box::new(settings) }]);
    assert_eq!(click(&mut window, text::LINK_NEVER), [], "an address cannot be hidden without a relay");
}

#[test]
fn a_camera_is_chosen_by_name() {
    let mut window = window(people(), Local { page: Page::Settings, ..Local::default() });
    click(&mut window, text::CAMERA_DEVICE);
    let settings = Settings { camera: Some("Integrated Camera".into()), ..Settings::default() };
    assert_eq!(click(&mut window, "Integrated Camera"), [Command::ChangeSettings { settings: Box::new(settings) }]);
}

#[test]
fn every_switch_of_the_notifications_holds_at_once() {
    let cases: [(&str, Change); 5] = [
        (text::ANNOUNCE_CALLS, |settings| settings.notify_calls = false),
        (text::ANNOUNCE_MESSAGES, |settings| settings.notify_messages = false),
        (text::ANNOUNCE_MISSED, |settings| settings.notify_missed = false),
        (text::ANNOUNCE_NAMES, |settings| settings.notify_names = false),
        (text::QUIET, |settings| settings.quiet_hours = Some(QuietHours::NIGHT)),
    ];
    let mut window = window(people(), settings_page(SettingsPage::Notifications));
    for (name, change) in cases {
        assert_eq!(click(&mut window, name), changed(change), "{name}");
    }
}

#[test]
fn quiet_hours_begin_when_the_person_says() {
    let settings = Settings { quiet_hours: Some(QuietHours::NIGHT), ..Settings::default() };
    let mut window = window(Snapshot { settings, ..people() }, settings_page(SettingsPage::Notifications));
    assert_eq!(click(&mut window, text::QUIET_FROM), []);
    let hours = QuietHours { from: 30, ..QuietHours::NIGHT };
    assert_eq!(click(&mut window, "00:30"), changed(|settings| settings.quiet_hours = Some(hours)));
}

#[test]
fn the_size_and_the_motion_of_the_window_can_be_chosen() {
    let mut window = window(people(), settings_page(SettingsPage::Appearance));
    assert_eq!(click(&mut window, "150 %"), changed(|settings| settings.scale_percent = 150));
    assert_eq!(click(&mut window, text::REDUCED_MOTION), changed(|settings| settings.reduced_motion = true));
}

#[test]
fn calls_can_ring_on_another_speaker_than_the_one_for_talking() {
    let mut snapshot = people();
    snapshot.devices.speakers = vec!["Desk speakers".into()];
    let mut window = window(snapshot, settings_page(SettingsPage::Notifications));
    click(&mut window, text::RING_DEVICE);
    assert_eq!(click(&mut window, "Desk speakers"), changed(|settings| settings.ring_speaker = Some("Desk speakers".into())));
}

#[test]
fn the_ringtone_is_as_loud_as_the_person_wants_and_can_be_heard() {
    let mut window = window(people(), settings_page(SettingsPage::Notifications));
    assert_eq!(click(&mut window, text::TEST_RING), [Command::TestSound { ring: true }]);
    window.get_by_role_and_label(Role::Slider, text::RING_VOLUME).focus();
    window.run_steps(2);
    assert_eq!(press(&mut window, Modifiers::NONE, Key::ArrowRight), changed(|settings| settings.ring_volume = 85));
    window.get_by_role_and_label(Role::Slider, text::RING_VOLUME).click();
    window.run_steps(3);
    let middle = changed(|settings| settings.ring_volume = 50);
    assert_eq!(wishes(&mut window), middle, "a click moves it there");
}

#[test]
fn a_speaker_can_be_heard_and_a_picture_mirrored_from_the_settings() {
    let mut window = window(people(), settings_page(SettingsPage::AudioVideo));
    assert_eq!(click(&mut window, text::TEST_SPEAKER), [Command::TestSound { ring: false }]);
    assert_eq!(click(&mut window, text::MIRROR), changed(|settings| settings.self_view.mirrored = false));
}

#[test]
fn the_data_rate_of_calls_is_limited_by_a_click() {
    let high = vec2(SIZE.x, 1400.0);
    let mut window = window_of(people(), settings_page(SettingsPage::Network), Theme::Dark, high);
    assert_eq!(click(&mut window, "200"), changed(|settings| settings.max_kbps = Some(200)));
}

#[test]
fn ones_own_name_can_be_changed() {
    let mut window = window(people(), settings_page(SettingsPage::Profile));
    assert_eq!(click(&mut window, text::SAVE_NAME), [], "it is the same yet");
    write(&mut window, text::YOUR_NAME, "!");
    assert_eq!(click(&mut window, text::SAVE_NAME), [Command::SetName { name: "Alex Moreau!".into() }]);
}

#[test]
fn about_says_that_a_newer_vesper_exists() {
    let mut snapshot = people();
    snapshot.conversations.newer_version = Some("9.1.0".into());
    let window = window(snapshot, settings_page(SettingsPage::About));
    window.get_by_label(&text::newer_exists("9.1.0"));
}
