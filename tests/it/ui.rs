//! The views, driven as a person or a screen reader would: by the names of things.
//!
//! With `VESPER_SHOTS` set, `every_screen_can_be_drawn` also writes a picture of each screen in both themes to `ui-shots` in the
//! target folder, to be held beside the design.

mod app;
mod desk;
mod inviting;
mod spoken;
pub(crate) mod talk;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::{Frame, Key, Modifiers, Theme, Ui, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vesper::engine::command::{CallMedia, Command};
use vesper::engine::snapshot::*;
use vesper::identity::Identity;
use vesper::media::clock::MediaTime;
use vesper::media::frame::ScreenFrame;
use vesper::settings::{self, Reach, Settings};
use vesper::ui::local::{Dialog, Local, Page, ReachKind, SettingsPage};
use vesper::ui::tokens::motion;
use vesper::ui::video::Pictures;
use vesper::ui::views::{incoming, window_ui};
use vesper::ui::{text, theme};

/// Unix seconds at which all of this happens.
pub(crate) const NOW: u64 = 1_790_000_000;
/// Which call it is that these views show.
pub(crate) const CALL: Option<CallId> = Some(CallId([7; 16]));
pub(crate) const SIZE: Vec2 = vec2(1180.0, 760.0);

/// A window without a system: what it shows, and every wish that came out of it.
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) local: Local,
    pub(crate) pictures: Pictures,
    /// Pictures to upload in the first frame.
    frames: Option<[Arc<ScreenFrame>; 2]>,
    wishes: Vec<Command>,
}

impl eframe::App for World {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        if let Some([remote, preview]) = self.frames.take() {
            self.pictures.remote.update(ui.ctx(), "remote", &remote);
            self.pictures.preview.update(ui.ctx(), "preview", &preview);
        }
        self.local.now = MediaTime(NOW * 1_000_000);
        let ringing = self.snapshot.call.as_ref().filter(|call| call.stage == CallStage::Incoming);
        let wish = match ringing {
            Some(call) if ui.max_rect().width() < 400.0 => {
                Frame::NONE.show(ui, |ui| incoming::incoming_ui(ui, call, &mut self.local.incoming, true)).inner
            }
            _ => window_ui(ui, &self.snapshot, &mut self.local, &self.pictures),
        };
        self.wishes.extend(wish);
    }
}

pub(crate) type Window = Harness<'static, World>;

pub(crate) fn window(snapshot: Snapshot, local: Local) -> Window {
    window_of(snapshot, local, Theme::Dark, SIZE)
}

pub(crate) fn window_of(snapshot: Snapshot, local: Local, theme: Theme, size: Vec2) -> Window {
    let frames = Some([picture([64, 110, 130]), picture([150, 120, 90])]);
    let world = World { snapshot, local, pictures: Pictures::default(), frames, wishes: Vec::new() };
    let builder = Harness::builder().with_size(size).with_theme(theme).with_context_setup(theme::install);
    let mut window = builder.build_eframe(|_| world);
    window.run_steps(4);
    window
}

/// The screen of this name, with what only a click opens.
fn opened(view: &str, snapshot: Snapshot, local: Local, theme: Theme, size: Vec2) -> Window {
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

/// A soft picture of 16:9 with a bright disc in the middle.
fn picture([r, g, b]: [u8; 3]) -> Arc<ScreenFrame> {
    let (width, height) = (640, 360);
    let pixel = |i: usize| {
        let (x, y) = ((i % width) as f32 / width as f32 - 0.5, (i / width) as f32 / height as f32 - 0.5);
        let glow = 1.3 - (x * x * 3.2 + y * y).sqrt() * 1.4;
        let shade = if (x * 16.0).hypot(y * 9.0) < 3.0 { 1.5 } else { glow.max(0.2) };
        [r, g, b].map(|channel| (f32::from(channel) * shade).min(255.0) as u8)
    };
    let data = (0..width * height).flat_map(|i| pixel(i).into_iter().chain([255])).collect();
    Arc::new(ScreenFrame { width, height, data, sequence: 1, ..ScreenFrame::default() })
}

pub(crate) fn key(number: u8) -> PublicKey {
    Identity::from_secret(&[number; 32]).public()
}

pub(crate) fn contact(number: u8, petname: &str) -> ContactView {
    ContactView {
        key: key(number),
        petname: petname.into(),
        echo: false,
        online: true,
        verified: true,
        blocked: false,
        last: None,
        missed_calls: 0,
        verified_by: Some((VerifiedBy::Number, NOW - 90_000)),
        candidates: Candidates::All,
        silent: false,
        relay: None,
        warning: None,
    }
}

/// A profile in use.
pub(crate) fn people() -> Snapshot {
    let echo = ContactView { echo: true, verified: false, ..contact(1, "Echo") };
    let maya = ContactView { last: Some(("Video call · 24 min".into(), NOW - 1200)), ..contact(2, "Maya Lindqvist") };
    let amara = ContactView {
        verified: false,
        missed_calls: 1,
        last: Some(("Missed video call".into(), NOW - 4000)),
        ..contact(3, "Amara Okafor")
    };
    let dad = ContactView { online: false, last: Some(("Voice call · 12 min".into(), NOW - 100_000)), ..contact(4, "Dad") };
    let blocked = ContactView { online: false, blocked: true, verified: false, ..contact(9, "Telemarketing") };
    Snapshot {
        stage: Stage::Ready,
        me: Some(Me { name: "Alex Moreau".into(), key: key(100) }),
        contacts: vec![echo, amara, dad, maya, blocked],
        network: Network::Reachable(Way::OwnRelay),
        devices: Devices {
            cameras: vec!["Logitech BRIO 4K".into(), "Integrated Camera".into()],
            microphones: vec!["MacBook Pro Microphone".into()],
            speakers: Vec::new(),
        },
        conversations: Conversations { stage: ConversationsStage::Ready, ..Conversations::default() },
        ..Snapshot::default()
    }
}

/// The same profile on a computer without any network.
pub(crate) fn offline() -> Snapshot {
    let mut snapshot = Snapshot { network: Network::Unplugged, ..people() };
    snapshot.contacts.iter_mut().for_each(|contact| contact.online = contact.echo);
    snapshot
}

/// The same profile, of somebody who skips the check before calls.
pub(crate) fn people_without_lobby() -> Snapshot {
    Snapshot { settings: Settings { lobby: false, ..Settings::default() }, ..people() }
}

pub(crate) fn call(stage: CallStage) -> CallView {
    CallView {
        id: CALL,
        peer: key(2),
        name: "Maya Lindqvist".into(),
        verified: true,
        echo: false,
        stage,
        media: CallMedia::Video,
        words: Some([("🦊", "fox"), ("🌵", "cactus"), ("🎈", "balloon"), ("⚓", "anchor")]),
        microphone_on: true,
        camera_on: true,
        remote_microphone_on: true,
        remote_camera_on: true,
        microphone_level: Some(0.4),
        quality_bars: 4,
        hint: None,
        warning: None,
        locked: false,
        silenced: false,
        statistics: None,
    }
}

pub(crate) fn active() -> CallStage {
    CallStage::Active { since: MediaTime((NOW - 754) * 1_000_000) }
}

pub(crate) fn in_call(call: CallView) -> Snapshot {
    Snapshot { call: Some(call), ..people() }
}

/// Takes the wishes so far.
pub(crate) fn wishes(window: &mut Window) -> Vec<Command> {
    std::mem::take(&mut window.state_mut().wishes)
}

/// Clicks what has this name, and returns the wishes that came of it.
pub(crate) fn click(window: &mut Window, name: &str) -> Vec<Command> {
    window.run_steps(2);
    window.get_by_label(name).click();
    window.run_steps(4);
    std::mem::take(&mut window.state_mut().wishes)
}

pub(crate) fn press(window: &mut Window, modifiers: Modifiers, key: Key) -> Vec<Command> {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
    std::mem::take(&mut window.state_mut().wishes)
}

pub(crate) fn write(window: &mut Window, field: &str, what: &str) {
    window.get_by_label(field).focus();
    window.run_steps(2);
    window.get_by_label(field).type_text(what);
    window.run_steps(2);
}

#[test]
fn a_first_start_asks_for_a_name_and_makes_a_profile_on_this_network_only() {
    let mut window = window(Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, Local::default());
    assert_eq!(click(&mut window, text::CREATE), [], "no profile without a name");
    write(&mut window, text::YOUR_NAME, " Alex ");
    assert_eq!(click(&mut window, text::CREATE), [], "what it means to have no passphrase is said first");
    window.get_by_label(text::PASSPHRASE_NONE);
    let wish = Command::CreateProfile { name: "Alex".into(), reach: Reach::ThisNetwork, passphrase: "".into() };
    assert_eq!(click(&mut window, text::CREATE_OPEN), []);
    window.get_by_label(text::REACH_NETWORK_FOUND);
    assert_eq!(click(&mut window, text::START), [wish]);
}

#[test]
fn a_person_who_is_offline_is_told_so_and_not_that_others_are() {
    let window = window(offline(), Local { selected: Some(key(4)), ..Local::default() });
    window.get_by_label(&text::network(&Network::Unplugged));
    window.get_by_label(&text::yourself("Alex Moreau", false));
    window.get_by_label(text::UNREACHABLE_SUB);
    assert!(window.query_by_label(text::OFFLINE_SUB).is_none());
}

#[test]
fn enter_leads_through_the_first_start() {
    let mut window = window(Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, Local::default());
    write(&mut window, text::YOUR_NAME, "Alex");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert!(window.get_by_label(text::PASSPHRASE).is_focused());
    assert!(window.query_by_label(text::PASSPHRASE_NONE).is_none(), "nothing was said of having none");
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label(text::PASSPHRASE_NONE);
    window.get_by_label(text::PASSPHRASE).type_text("walrus tiptoes beyond the quarry");
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label(text::START);
}

#[test]
fn an_own_relay_is_used_once_its_address_can_be_one() {
    let mut window = window(Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, Local::default());
    write(&mut window, text::YOUR_NAME, "Alex");
    window.state_mut().local.welcome.passphrase.text.push_str("walrus tiptoes beyond the quarry");
    click(&mut window, text::CREATE);
    click(&mut window, text::REACH_RELAY);
    assert!(window.query_by_label(text::REACH_NETWORK_FOUND).is_none(), "only the first way lets this network find the key");
    write(&mut window, text::RELAY_ADDRESS, "relay");
    assert_eq!(click(&mut window, text::START), []);
    window.get_by_label(text::RELAY_ADDRESS_WRONG);
    window.state_mut().local.welcome.relay = "https://relay.example.org".into();
    let reach = Reach::OwnRelay("https://relay.example.org".into());
    let passphrase = "walrus tiptoes beyond the quarry".into();
    assert_eq!(click(&mut window, text::START), [Command::CreateProfile { name: "Alex".into(), reach, passphrase }]);
}

#[test]
fn a_sealed_profile_takes_a_passphrase_and_forgets_it() {
    let mut window = window(Snapshot { stage: Stage::Locked { wrong: true }, ..Snapshot::default() }, Local::default());
    window.get_by_label(text::PASSPHRASE_WRONG);
    write(&mut window, text::PASSPHRASE, "a b");
    assert_eq!(click(&mut window, text::UNLOCK), [Command::Unlock { passphrase: "a b".into() }]);
    assert!(window.state().local.locked.passphrase.text.is_empty());
}

#[test]
fn a_contact_is_picked_and_called_by_name() {
    let mut window = window(people_without_lobby(), Local::default());
    click(&mut window, "Maya Lindqvist, online, verified");
    assert_eq!(click(&mut window, text::VIDEO_CALL), [Command::Call { key: key(2), media: CallMedia::Video }]);
    assert_eq!(click(&mut window, text::VOICE_CALL), [Command::Call { key: key(2), media: CallMedia::Audio }]);
}

#[test]
fn a_newcomer_meets_echo_which_cannot_be_blocked_or_removed() {
    let mut snapshot = people_without_lobby();
    snapshot.contacts.truncate(1);
    let mut window = window(snapshot, Local::default());
    assert!(window.query_by_label(text::MORE).is_none());
    assert_eq!(click(&mut window, text::START_VIDEO_CALL), [Command::Call { key: key(1), media: CallMedia::Video }]);
}

#[test]
fn the_window_opens_on_whoever_was_in_touch_last_and_does_not_jump_to_who_comes_next() {
    let mut before = people_without_lobby();
    let blocked = before.contacts.iter_mut().find(|contact| contact.blocked).expect("somebody is blocked");
    blocked.last = Some(("Missed call".into(), NOW));
    let mut window = window(before, Local::default());
    assert_eq!(window.state().local.selected, Some(key(2)), "not on somebody blocked");
    let mut snapshot = people_without_lobby();
    snapshot.contacts[2].last = Some(("Voice call".into(), NOW));
    window.state_mut().snapshot = snapshot;
    window.run_steps(2);
    assert_eq!(window.state().local.selected, Some(key(2)));
}

#[test]
fn a_missed_call_is_told_and_called_back() {
    let mut window = window(people_without_lobby(), Local::default());
    click(&mut window, "Amara Okafor, online, one missed call");
    assert_eq!(click(&mut window, text::CALL_BACK), [Command::Call { key: key(3), media: CallMedia::Video }]);
}

#[test]
fn the_menu_of_a_contact_renames_blocks_and_removes_and_asks_before_harm() {
    let mut window = window(people(), Local { selected: Some(key(2)), ..Local::default() });
    click(&mut window, text::MORE);
    assert_eq!(click(&mut window, text::BLOCK), []);
    assert_eq!(click(&mut window, text::BLOCK), [Command::Block { key: key(2) }]);
    click(&mut window, text::MORE);
    click(&mut window, text::REMOVE);
    assert_eq!(click(&mut window, text::CANCEL), []);
    click(&mut window, text::MORE);
    click(&mut window, text::RENAME);
    write(&mut window, text::NAME, "!");
    assert_eq!(click(&mut window, text::SAVE), [Command::Rename { key: key(2), petname: "Maya Lindqvist!".into() }]);
}

#[test]
fn a_contact_is_removed_after_a_question() {
    let mut window = window(people(), Local { selected: Some(key(2)), ..Local::default() });
    click(&mut window, text::MORE);
    assert_eq!(click(&mut window, text::REMOVE), []);
    window.get_by_label(text::REMOVE_SUB);
    assert_eq!(click(&mut window, text::REMOVE), [Command::Remove { key: key(2) }]);
    assert_eq!(window.state().local.dialog, None);
}

#[test]
fn who_is_blocked_is_unblocked_after_a_word_that_they_leave_the_contacts() {
    let mut window = window(people(), Local { selected: Some(key(9)), ..Local::default() });
    assert_eq!(click(&mut window, text::UNBLOCK), []);
    window.get_by_label(text::UNBLOCK_SUB);
    assert_eq!(click(&mut window, text::CANCEL), []);
    assert_eq!(click(&mut window, text::UNBLOCK), []);
    assert_eq!(click(&mut window, text::UNBLOCK_SURE), [Command::Unblock { key: key(9) }]);
    assert_eq!(window.state().local.dialog, None);
}

#[test]
fn a_request_is_accepted_or_refused() {
    let request =
        RequestView { key: key(7), proposed_name: "Priya".into(), invitation: "Priya".into(), made: None, warning: None };
    let mut window = window(Snapshot { requests: vec![request], ..people() }, Local::default());
    window.get_by_label(&text::request_title("Priya"));
    window.get_by_label("With your invitation for Priya");
    assert_eq!(click(&mut window, text::ACCEPT), [Command::AcceptRequest { key: key(7), petname: None }]);
    assert_eq!(click(&mut window, text::REFUSE), [Command::RefuseRequest { key: key(7) }]);
}

#[test]
fn an_invitation_is_pasted_and_one_that_cannot_be_one_is_told_so() {
    let mut window = window(people(), Local::default());
    click(&mut window, text::ADD_PERSON);
    write(&mut window, text::INVITATION, "https://example.org");
    window.get_by_label(text::INVITATION_WRONG);
    assert_eq!(click(&mut window, text::SEND_REQUEST), []);
    assert_eq!(press(&mut window, Modifiers::NONE, Key::Enter), []);
    for enter in [false, true] {
        window.state_mut().local.add.invitation = " vesper:abc ".into();
        window.state_mut().local.dialog = Some(Dialog::AddPerson);
        window.run_steps(2);
        let wish = Command::AddContact { invitation: "vesper:abc".into(), petname: None };
        let sent = if enter {
            write(&mut window, text::PETNAME, " ");
            press(&mut window, Modifiers::NONE, Key::Enter)
        } else {
            click(&mut window, text::SEND_REQUEST)
        };
        assert_eq!(sent, [wish]);
        assert_eq!(window.state().local.dialog, None);
    }
}

#[test]
fn an_invitation_is_made_copied_and_withdrawn() {
    let mut window = window(people(), Local { dialog: Some(Dialog::AddPerson), ..Local::default() });
    click(&mut window, text::MINE);
    assert_eq!(click(&mut window, text::MAKE_INVITATION), [Command::Invite { hours: 24, label: String::new() }]);
    window.state_mut().snapshot.invitations = vec![invitation()];
    window.run_steps(2);
    window.get_by_label(text::QR_NAME);
    click(&mut window, text::COPY);
    assert_eq!(window.state().local.copy.as_deref(), Some(invitation().text.as_str()));
    assert_eq!(click(&mut window, text::WITHDRAW), [Command::WithdrawInvitation { knock_id: invitation().knock_id }]);
}

#[test]
fn an_invitation_that_was_used_says_so_and_is_not_given_to_a_second_person() {
    let mut window = window(people(), Local { dialog: Some(Dialog::AddPerson), ..Local::default() });
    click(&mut window, text::MINE);
    window.state_mut().snapshot.invitations = vec![InvitationView { used: InvitationUse::Asked, ..invitation() }];
    window.run_steps(2);
    window.get_by_label(text::INVITATION_USED);
    assert!(window.query_by_label(text::COPY).is_none());
    assert_eq!(click(&mut window, text::WITHDRAW), [Command::WithdrawInvitation { knock_id: invitation().knock_id }]);
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

fn invitation() -> InvitationView {
    InvitationView {
        knock_id: key(40),
        text: format!("vesper:{}", "aq3fk7nzt2vw5yl4".repeat(9)),
        expires: NOW + 86_000,
        label: String::new(),
        made: NOW - 400,
        used: InvitationUse::Unused,
    }
}

#[test]
fn the_popup_offers_three_answers_and_says_whether_the_caller_is_verified() {
    let popup = |verified| {
        let snapshot = in_call(CallView { verified, words: None, ..call(CallStage::Incoming) });
        window_of(snapshot, Local::default(), Theme::Dark, incoming::SIZE)
    };
    let mut window = popup(true);
    window.get_by_label(text::VERIFIED_CONTACT);
    assert_eq!(click(&mut window, text::ACCEPT_VIDEO), [Command::Accept { call: CALL, media: CallMedia::Video }]);
    assert_eq!(click(&mut window, text::ACCEPT_AUDIO), [Command::Accept { call: CALL, media: CallMedia::Audio }]);
    assert_eq!(click(&mut window, text::DECLINE), [Command::Decline { call: CALL }]);
    popup(false).get_by_label(text::NOT_VERIFIED_YET);
}

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
fn the_words_are_read_and_compared() {
    let mut window = window(in_call(call(active())), Local::default());
    click(&mut window, "The words of this call: fox, cactus, balloon, anchor");
    assert_eq!(click(&mut window, text::WORDS_SAME), [Command::WordsAgree { agree: true }]);
}

#[test]
fn every_stage_of_a_call_says_what_goes_on() {
    let ended = CallStage::Ended { result: "They declined.".into(), lasted: None };
    for (stage, line) in [
        (CallStage::Dialing, text::DIALING),
        (CallStage::RingingThere, text::RINGING_THERE),
        (CallStage::Connecting, text::CONNECTING),
        (ended, "They declined."),
    ] {
        window(in_call(CallView { words: None, ..call(stage) }), Local::default())
            .get_by_label(&format!("Maya Lindqvist: {line}"));
    }
    let reconnecting = CallStage::Reconnecting { since: MediaTime(NOW * 1_000_000) };
    window(in_call(call(reconnecting)), Local::default()).get_by_label(text::RECONNECTING_LINK);
    let off = CallView { remote_camera_on: false, ..call(active()) };
    window(in_call(off), Local::default()).get_by_label(&format!("Maya Lindqvist: {}", text::THEIR_CAMERA_OFF));
    // A call that stands may carry sound alone for as long as it lasts.
    let mut without_picture = window(in_call(call(active())), Local::default());
    without_picture.state_mut().pictures.remote.clear();
    without_picture.run_steps(2);
    without_picture.get_by_label(&format!("Maya Lindqvist: {}", text::WAITING_FOR_PICTURE));
}

#[test]
fn the_end_of_a_call_can_be_put_away() {
    let ended = CallStage::Ended { result: "The call ended.".into(), lasted: Some(Duration::from_secs(754)) };
    let mut window = window(in_call(call(ended)), Local::default());
    click(&mut window, text::CLOSE);
    window.get_by_label(text::SETTINGS);
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
fn nothing_repaints_when_nothing_happens() {
    let mut window = window(people(), Local::default());
    window.run();
    assert!(window.try_run().is_ok_and(|steps| steps <= 2), "an idle window asks for more frames");
}

/// Every screen, by the name of its picture.
fn screens() -> Vec<(&'static str, Snapshot, Local, Vec2)> {
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
    let invited = Snapshot { invitations: vec![invitation()], ..people() };
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

#[test]
fn every_word_of_a_call_has_its_picture() {
    for (emoji, name) in vesper::call::words::WORDS {
        assert!(vesper::ui::emoji::has(emoji), "{name}");
    }
}
