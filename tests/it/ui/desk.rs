//! Settings, notices, announcements, and what holds for every view: a name for each thing, a way to it by keyboard, and room for it.

use std::collections::BTreeSet;

use eframe::egui::accesskit::{Action, Role};
use egui_kittest::kittest::NodeT as _;
use egui_kittest::{SnapshotOptions, SnapshotResults};
use vesper::settings::{self, QuietHours, Settings};
use vesper::ui::news::{News, ring};
use vesper::ui::notify::{About, Answer};
use vesper::ui::tokens::motion;

use super::screens::{opened, screens};
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

#[test]
fn a_notice_is_read_and_dismissed() {
    let notice = Notice { id: 5, kind: NoticeKind::Error, text: "No camera was found. Plug one in.".into() };
    let mut window = window(Snapshot { notices: vec![notice], ..people() }, Local::default());
    window.get_by_label("No camera was found. Plug one in.");
    assert_eq!(click(&mut window, text::DISMISS), [Command::DismissNotice { id: 5 }]);
}

#[test]
fn a_notice_that_asks_for_nothing_goes_when_there_was_time_to_read_it_and_a_warning_stays() {
    let notice = |id, kind| Notice { id, kind, text: format!("Sentence {id}.") };
    let notices = vec![notice(5, NoticeKind::Warning), notice(6, NoticeKind::Info)];
    let mut window = window(Snapshot { notices, ..people() }, Local::default());
    let step = window.ctx.input(|input| input.predicted_dt);
    let steps = (motion::INFO_NOTICE / f64::from(step)) as usize;
    window.run_steps(steps / 2);
    assert_eq!(wishes(&mut window), []);
    window.run_steps(steps);
    assert_eq!(wishes(&mut window), [Command::DismissNotice { id: 6 }]);
}

#[test]
fn what_was_there_is_no_news_and_what_comes_is() {
    let (before, after) = (talk::unread(1), talk::unread(2));
    let mut news = News::default();
    assert_eq!(news.follow(&before, NOW * 1000, false), [], "what is there when the profile is opened is old");
    assert_eq!(news.follow(&before, NOW * 1000, false), []);
    let announced = news.follow(&after, NOW * 1000, false);
    let [text] = &announced[..] else { panic!("{announced:?}") };
    assert_eq!((text.about, text.summary.as_str(), text.body), (About::Contact(key(2)), "New message from Maya Lindqvist", ""));
    assert_eq!(text.click, Answer::Open(Some(key(2))));
    assert_eq!(news.follow(&after, NOW * 1000, false), [], "once");
}

#[test]
fn an_announcement_says_no_more_than_the_person_wants() {
    let after = |change: fn(&mut Settings), looking| {
        let (mut before, mut after) = (talk::unread(1), talk::unread(2));
        change(&mut before.settings);
        change(&mut after.settings);
        let mut news = News::default();
        news.follow(&before, NOW * 1000, looking);
        news.follow(&after, NOW * 1000, looking).into_iter().map(|announced| announced.summary).collect::<Vec<_>>()
    };
    assert_eq!(after(|settings| settings.notify_names = false, false), [text::NEW_MESSAGE]);
    assert_eq!(after(|settings| settings.notify_messages = false, false), [""; 0]);
    assert_eq!(after(|_| (), true), [""; 0], "the person looks at the window");
    let always = |settings: &mut Settings| settings.quiet_hours = Some(QuietHours { from: 0, to: 1440 });
    assert_eq!(after(always, false), [""; 0], "quiet hours");
}

#[test]
fn a_locked_profile_names_nobody() {
    let locked = |waiting| Snapshot {
        stage: Stage::Locked { wrong: false },
        conversations: Conversations { waiting, ..Conversations::default() },
        ..Snapshot::default()
    };
    let mut news = News::default();
    news.follow(&talk::unread(2), NOW * 1000, false);
    assert_eq!(news.follow(&locked(false), NOW * 1000, false), []);
    let summaries: Vec<_> = news.follow(&locked(true), NOW * 1000, false).into_iter().map(|news| news.summary).collect();
    assert_eq!(summaries, [text::NEW_MESSAGE]);
    assert_eq!(news.follow(&locked(true), NOW * 1000, false), [], "once");
    let ringing = CallView { name: "Somebody you know".into(), locked: true, ..call(CallStage::Incoming) };
    let announced = ring(&locked(false), &ringing).unwrap();
    assert_eq!(announced.actions, [(Answer::Decline(key(2), CALL), text::DECLINE)], "answering takes the passphrase");
}

#[test]
fn a_call_that_asks_for_care_cannot_be_answered_from_its_announcement() {
    let ringing = call(CallStage::Incoming);
    let accept = |media| {
        (Answer::Accept(key(2), CALL, media), if media == CallMedia::Video { text::ACCEPT_VIDEO } else { text::ACCEPT_AUDIO })
    };
    let decline = (Answer::Decline(key(2), CALL), text::DECLINE);
    let video = ring(&people(), &ringing).unwrap();
    assert_eq!(video.actions, [accept(CallMedia::Video), accept(CallMedia::Audio), decline]);
    let voice = ring(&people(), &CallView { media: CallMedia::Audio, ..ringing.clone() }).unwrap();
    assert_eq!(voice.actions, [accept(CallMedia::Audio), decline]);
    let careful =
        ring(&people(), &CallView { warning: Some("Their name looks like Maya's.".into()), ..ringing.clone() }).unwrap();
    assert_eq!((careful.actions, careful.body), (vec![decline], text::NOTIFICATION_CARE));
    let silent = Snapshot { settings: Settings { notify_calls: false, ..Settings::default() }, ..people() };
    assert_eq!(ring(&silent, &ringing), None);
}

/// What a person can do something with, as a screen reader sees it.
const INTERACTIVE: [Role; 16] = [
    Role::Button,
    Role::CheckBox,
    Role::ComboBox,
    Role::Link,
    Role::ListBoxOption,
    Role::ListItem,
    Role::MenuItem,
    Role::MultilineTextInput,
    Role::PasswordInput,
    Role::RadioButton,
    Role::SearchInput,
    Role::Slider,
    Role::SpinButton,
    Role::Switch,
    Role::Tab,
    Role::TextInput,
];

/// Number, role, name and place of each thing in a window that can be clicked or written in.
fn interactive(window: &Window) -> Vec<Thing> {
    things(window, |role| INTERACTIVE.contains(&role))
}

type Thing = (String, Role, String, eframe::egui::Rect);

/// The same of everything with such a role.
fn things(window: &Window, wanted: impl Fn(Role) -> bool) -> Vec<Thing> {
    let all = window.root().children_recursive();
    let there = all.filter(|node| {
        let node = node.accesskit_node();
        // A line of a list may only be there to be read.
        let read_only = node.role() == Role::ListItem && !node.data().supports_action(Action::Click);
        wanted(node.role()) && !read_only && !node.is_disabled() && !node.is_hidden()
    });
    let named = there.map(|node| {
        let inner = node.accesskit_node();
        let said = inner.label().or_else(|| inner.labelled_by().find_map(|label| label.value()));
        // What is only read says what it says as its value.
        let name = said.or_else(|| inner.value().filter(|_| inner.role() == Role::Label)).unwrap_or_default();
        (format!("{:?}", inner.locate().0), inner.role(), name, node.rect())
    });
    named.collect()
}

/// The screen, and the things on it that wait below a dialog.
fn with_below(view: &str, snapshot: Snapshot, local: Local, size: Vec2) -> (Window, BTreeSet<String>) {
    let below = match () {
        () if local.dialog.is_some() || local.lobby.is_some() => {
            Some((snapshot.clone(), Local { page: local.page, selected: local.selected, ..Local::default() }))
        }
        () if snapshot.address_question.is_some() => {
            Some((Snapshot { address_question: None, ..snapshot.clone() }, Local::default()))
        }
        () => None,
    };
    let below = below.map(|(snapshot, local)| things(&window_of(snapshot, local, Theme::Light, size), is_met));
    let below = below.unwrap_or_default().into_iter().map(|(id, ..)| id).collect();
    (opened(view, snapshot, local, Theme::Light, size), below)
}

#[test]
fn what_a_form_is_for_can_be_typed_at_once() {
    let forms = [
        (Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, None, text::YOUR_NAME),
        (people(), Some(Dialog::AddPerson), text::INVITATION),
        (people(), Some(Dialog::Rename { key: key(2), name: "Maya".into() }), text::NAME),
    ];
    for (snapshot, dialog, field) in forms {
        let window = window(snapshot, Local { dialog, ..Local::default() });
        let focused = window.root().children_recursive().any(|node| node.is_focused());
        assert!(focused && window.get_by_label(field).is_focused(), "{field} has not the keyboard");
    }
    // What came by a link waits for a click: a key that was meant for something else must not change or send it.
    let mut add = Local { dialog: Some(Dialog::AddPerson), ..Local::default() };
    add.add.invitation = "vesper:abc".into();
    assert!(!window(people(), add).get_by_label(text::INVITATION).is_focused());
}

#[test]
fn everything_that_can_be_used_has_a_name_and_can_be_reached_by_the_tab_key() {
    let mut missing = Vec::new();
    for (view, snapshot, local, size) in screens() {
        // While a dialog asks, what lies below it waits.
        let (mut window, below) = with_below(view, snapshot, local, size);
        let mut things = interactive(&window);
        things.retain(|(id, ..)| !below.contains(id));
        assert!(!things.is_empty() || view == "starting", "{view}: nothing to do here");
        missing.extend(
            things
                .iter()
                .filter(|(.., name, _)| name.trim().is_empty())
                .map(|thing| format!("{view}: {:?} without a name", thing.1)),
        );
        let mut reached = BTreeSet::new();
        // Twice round: a menu or a list may scroll on the way.
        for _ in 0..things.len() * 2 + 4 {
            window.key_press(Key::Tab);
            window.run_steps(1);
            let focused = window.root().children_recursive().find(|node| node.is_focused());
            reached.extend(focused.map(|node| format!("{:?}", node.accesskit_node().locate().0)));
        }
        let lost = things.iter().filter(|(id, ..)| !reached.contains(id));
        missing.extend(lost.map(|(_, role, name, _)| format!("{view}: {role:?} \"{name}\" is not reached by Tab")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What lies over a page on purpose, and can be dragged away or put away, by its name and by what it is.
const FLOATING: [&str; 6] =
    [text::DISMISS, text::CALL_PICTURE, text::BACK_TO_CALL, text::MUTE, text::HANG_UP, text::RESIZE_SELF_VIEW];

const FLOATS: [Role; 2] = [Role::MenuItem, Role::Alert];

/// Whether two things cover each other; one may be a part of the other.
fn lie_over(rect: eframe::egui::Rect, over: eframe::egui::Rect) -> bool {
    let both = rect.intersect(over);
    let inside = rect.contains_rect(over) || over.contains_rect(rect);
    both.width() > 1.0 && both.height() > 1.0 && !inside
}

/// Scrolls `to` this thing, as far as it can be; then says where the others are.
fn brought(window: &mut Window, to: &str, others: [&str; 2]) -> Option<[eframe::egui::Rect; 2]> {
    let by = |window: &Window, id: &str, scroll: bool| {
        let mut nodes = window.root().children_recursive();
        let node = nodes.find(|node| format!("{:?}", node.accesskit_node().locate().0) == id)?;
        if scroll {
            node.scroll_to_me();
        }
        Some(node.rect())
    };
    by(window, to, true)?;
    window.run_steps(24);
    Some([by(window, others[0], false)?, by(window, others[1], false)?])
}

/// What is read beside what is used.
const READ: [Role; 4] = [Role::Label, Role::Heading, Role::Status, Role::Alert];

fn is_met(role: Role) -> bool {
    INTERACTIVE.contains(&role) || READ.contains(&role)
}

#[test]
fn nothing_is_cut_off_or_covered_in_the_smallest_window_nor_at_twice_the_size() {
    let mut wrong = Vec::new();
    for (view, snapshot, local, size) in screens() {
        // 1280x960 at 200 % leaves as many points as 640x480 at 100 %; the window sees to it that there are never fewer. The popup
        // has one size.
        let size = if size == incoming::SIZE { size } else { vec2(640.0, 480.0) };
        let (mut window, below) = with_below(view, snapshot, local, size);
        window.run_steps(2);
        let mut things = things(&window, is_met);
        things.retain(|(id, ..)| !below.contains(id));
        // What of a conversation is above or below its pane is drawn there no more.
        let pane = window.query_by_role_and_label(Role::List, text::CONVERSATION).map(|list| list.rect());
        if let Some(pane) = pane {
            things.retain_mut(|(_, role, name, rect)| {
                let entry =
                    *role == Role::Link || name == text::CALL_BACK || (*role == Role::ListItem && rect.left() >= pane.left());
                let in_thread = (entry || READ.contains(role)) && rect.intersects(pane);
                if in_thread {
                    *rect = rect.intersect(pane);
                }
                // What stands above the window scrolls with the conversation, as nothing else beside it does.
                let scrolled_out = !in_thread && pane.x_range().contains(rect.center().x) && (entry || rect.top() < 0.0);
                rect.height() > 1.0 && !scrolled_out
            });
        }
        for (_, role, name, rect) in &things {
            // A page scrolls up and down, never sideways.
            if rect.left() < -0.5 || rect.right() > size.x + 0.5 || rect.width() < 8.0 || rect.height() < 8.0 {
                wrong.push(format!("{view}: {role:?} \"{name}\" is at {rect:?}"));
            }
        }
        for (index, (id, role, name, rect)) in things.iter().enumerate() {
            for (other_id, other_role, other, over) in &things[index + 1..] {
                let floats = |role: Role, name: &str| FLOATS.contains(&role) || FLOATING.contains(&name);
                let fine = !lie_over(*rect, *over) || floats(*role, name) || floats(*other_role, other);
                // What is below the edge of something that scrolls is not drawn where it would be.
                if !fine
                    && [id, other_id]
                        .iter()
                        .all(|to| brought(&mut window, to, [id, other_id]).is_none_or(|at| lie_over(at[0], at[1])))
                {
                    wrong.push(format!("{view}: {role:?} \"{name}\" and {other_role:?} \"{other}\" lie over each other"));
                }
            }
        }
        let whole = eframe::egui::Rect::from_min_size(eframe::egui::Pos2::ZERO, size).expand(0.5);
        for (id, role, name, rect) in &things {
            // What is higher than the window, as a licence is, can be scrolled through.
            let high = rect.height() > size.y;
            let inside = |rect: eframe::egui::Rect| high || (rect.top() >= whole.top() && rect.bottom() <= whole.bottom());
            if !inside(*rect) && brought(&mut window, id, [id, id]).is_none_or(|at| !inside(at[0])) {
                wrong.push(format!("{view}: {role:?} \"{name}\" is at {rect:?}, and no way of scrolling leads there"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
