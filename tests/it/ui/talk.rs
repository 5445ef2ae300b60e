//! Conversations in the window.

use eframe::egui::{Event, PointerButton};
use vesper::conversation::Library;

use super::*;

fn position(number: u64, sender: PublicKey) -> Position {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Position { lamport: number, sender, seq: number, id: MessageId(id) }
}

/// The entry `number` of a thread with person 2, `ago` seconds before now.
fn entry(number: u64, mine: bool, ago: u64, body: &str, state: State) -> Entry {
    let sender = if mine { key(100) } else { key(2) };
    Entry { position: position(number, sender), mine, at_ms: (NOW - ago) * 1000, content: Content::text(body), state }
}

fn rang(number: u64, ago: u64, call: Call, state: State) -> Entry {
    Entry { content: Content::Call(call), ..entry(number, true, ago, "-", state) }
}

const DAY: u64 = 86_400;

/// What the design's picture shows.
fn maya() -> Thread {
    let talked = Call { outgoing: true, video: true, outcome: Outcome::Talked, seconds: 1440 };
    let missed = Call { outgoing: false, video: true, outcome: Outcome::Missed, seconds: 0 };
    [
        rang(1, DAY + 900, talked, State::Seen),
        entry(2, false, DAY, "That was good to catch up. I'll send you the floor plans tomorrow morning.", State::Seen),
        entry(
            3,
            false,
            700,
            "Morning! The architect moved the kitchen wall by forty centimetres and honestly it changes everything.",
            State::Seen,
        ),
        entry(4, false, 690, "Have a look before we talk? https://plans.example/kitchen", State::Seen),
        entry(5, true, 300, "Just opened them. The light from the east window is going to be lovely.", State::Delivered),
        entry(6, true, 240, "Do you have ten minutes for a call? Easier to point at things.", State::Delivered),
        rang(7, 180, missed, State::Seen),
        entry(8, false, 120, "Sorry, was pouring coffee ☕", State::Seen),
        entry(9, false, 60, "Perfect, calling you in five", State::Seen),
        entry(10, true, 10, "Good", State::Waiting),
    ]
    .into_iter()
    .collect()
}

fn with(threads: impl IntoIterator<Item = (u8, Thread)>) -> Snapshot {
    let threads = threads.into_iter().map(|(number, thread)| (key(number), Arc::new(thread))).collect();
    let conversations = Conversations { threads: Arc::new(threads), ..people().conversations };
    Snapshot { conversations, ..people() }
}

/// A profile in which Maya wrote, and so many of her texts were not seen yet.
pub(crate) fn unread(texts: u64) -> Snapshot {
    with_maya((1..=texts).map(|number| entry(number, false, 60 - number, "Are you there?", State::Unseen)).collect())
}

fn with_maya(thread: Thread) -> Snapshot {
    with([(2, thread)])
}

/// A profile whose conversation with Maya is nothing but these calls.
pub(crate) fn conversation(calls: impl IntoIterator<Item = Call>) -> Snapshot {
    with_maya((1..).zip(calls).map(|(number, call)| rang(number, 60, call, State::Seen)).collect())
}

/// The same while Maya is not online: what was written last waits.
fn away() -> Snapshot {
    let mut snapshot = with_maya(maya());
    snapshot.contacts.iter_mut().filter(|contact| contact.key == key(2)).for_each(|contact| contact.online = false);
    snapshot
}

fn local() -> Local {
    Local { selected: Some(key(2)), ..Local::default() }
}

fn talk() -> Window {
    window(with_maya(maya()), local())
}

/// The pictures of conversations.
pub fn screens() -> Vec<(&'static str, Snapshot, Local, Vec2)> {
    let unread = (20..26).map(|n| entry(n, false, 40 - n, "And one more thing before you go", State::Unseen));
    let unread: Thread = maya().iter().map(|entry| (**entry).clone()).chain(unread).collect();
    let weber: Thread = [entry(1, false, 3000, "The build is green again 🎉", State::Unseen)].into_iter().collect();
    let mut link = local();
    link.dialog = Some(Dialog::OpenLink { url: "https://раypal.com/login?next=account".into() });
    let mut searching = local();
    searching.search = "plans".into();
    let mut deleting = local();
    deleting.dialog = Some(Dialog::DeleteConversation { key: key(2) });
    let mut beside = Local::default();
    beside.talk.beside_call = true;
    let mut beside_narrow = Local::default();
    beside_narrow.talk.beside_call = true;
    let in_call = Snapshot { call: Some(call(active())), ..with_maya(maya()) };
    let narrow = vec2(640.0, 480.0);
    let failed = Conversations {
        stage: ConversationsStage::Failed("The disk is full: free some space.".into()),
        ..Conversations::default()
    };
    vec![
        ("talk", with([(2, maya()), (3, weber)]), local(), SIZE),
        ("talk-unread", with_maya(unread), local(), SIZE),
        ("talk-link", with_maya(maya()), link, SIZE),
        ("talk-search", with_maya(maya()), searching, SIZE),
        ("talk-waiting", away(), local(), SIZE),
        ("talk-searching", with_maya(maya()), local(), SIZE),
        ("talk-menu", with_maya(maya()), local(), SIZE),
        ("talk-delete", with_maya(maya()), deleting, SIZE),
        ("talk-narrow", with_maya(maya()), local(), narrow),
        ("talk-failed", Snapshot { conversations: failed, ..people() }, local(), SIZE),
        ("call-talk", in_call.clone(), beside, SIZE),
        ("call-talk-narrow", in_call, beside_narrow, narrow),
    ]
}

fn message(window: &Window) -> String {
    text::message_to(&window.state().snapshot.contacts.iter().find(|contact| contact.key == key(2)).unwrap().petname)
}

#[test]
fn a_message_is_sent_by_enter_and_shift_enter_begins_a_line() {
    let mut window = talk();
    let field = message(&window);
    write(&mut window, &field, "one");
    assert_eq!(press(&mut window, Modifiers::SHIFT, Key::Enter), []);
    window.get_by_label(&field).type_text("two");
    assert_eq!(press(&mut window, Modifiers::NONE, Key::Enter), [Command::Write { key: key(2), body: "one\ntwo".into() }]);
    assert_eq!(press(&mut window, Modifiers::NONE, Key::Enter), [], "an empty message is none");
}

#[test]
fn what_a_text_waits_for_is_said_while_they_are_away() {
    let waits = text::waits_for("Maya Lindqvist");
    assert!(talk().query_by_label(&waits).is_none(), "they are online: it goes out just now");
    window(away(), local()).get_by_label(&waits);
}

#[test]
fn a_click_anywhere_in_the_field_begins_a_message() {
    let mut window = talk();
    let field = message(&window);
    let line = window.get_by_label(&field).rect();
    for at in [line.left_top() - vec2(10.0, 9.0), line.right_bottom() + vec2(10.0, 9.0)] {
        window.get_by_label(text::SEARCH).focus();
        window.run_steps(2);
        assert!(!window.get_by_label(&field).is_focused());
        window.event(Event::PointerMoved(at));
        for pressed in [true, false] {
            let (pos, button, modifiers) = (at, PointerButton::Primary, Modifiers::NONE);
            window.event(Event::PointerButton { pos, button, pressed, modifiers });
            window.run_steps(2);
        }
        assert!(window.get_by_label(&field).is_focused(), "{at:?}");
    }
}

#[test]
fn a_message_can_be_sent_with_the_button_also_as_the_first_one() {
    let mut window = window(people(), local());
    let field = message(&window);
    window.get_by_label(text::START_VIDEO_CALL);
    write(&mut window, &field, "hello");
    assert_eq!(click(&mut window, text::SEND), [Command::Write { key: key(2), body: "hello".into() }]);
}

#[test]
fn a_message_that_is_too_long_says_so_and_stays() {
    let mut window = talk();
    let (field, long) = (message(&window), "x".repeat(MAX_BODY + 1));
    write(&mut window, &field, &long);
    window.get_by_label(&text::too_long(1));
    assert_eq!(press(&mut window, Modifiers::NONE, Key::Enter), []);
    assert_eq!(click(&mut window, text::SEND), []);
}

#[test]
fn each_message_says_who_wrote_it_when_and_whether_it_arrived() {
    let window = talk();
    window.get_by_label("Maya Lindqvist, 14:12: Perfect, calling you in five");
    window.get_by_label("You, Delivered · 14:09: Do you have ten minutes for a call? Easier to point at things.");
    window.get_by_label("You, Waiting · 14:13: Good");
    window.get_by_label("Video call · 24 min, you called, 13:58");
    window.get_by_label("Maya Lindqvist, online, verified");
}

#[test]
fn the_pointer_on_the_time_of_a_message_brings_up_the_moment_and_on_its_words_nothing() {
    let mut window = talk();
    let messages = [
        ("Maya Lindqvist, 14:12: Perfect, calling you in five", "Monday, 21 September 2026, 14:12:20"),
        ("You, Waiting · 14:13: Good", "Monday, 21 September 2026, 14:13:10"),
    ];
    for (message, moment) in messages {
        let bubble = window.get_by_label(message).rect();
        for (at, shown) in [(bubble.left_top() + vec2(16.0, 12.0), false), (bubble.right_bottom() - vec2(20.0, 15.0), true)] {
            window.event(Event::PointerMoved(at));
            window.run_steps(6);
            assert_eq!(window.query_by_label(moment).is_some(), shown, "{message}");
        }
    }
}

#[test]
fn a_missed_call_in_the_conversation_is_called_back() {
    let mut window = talk();
    window.state_mut().snapshot.settings.lobby = false;
    assert_eq!(click(&mut window, text::CALL_BACK), [Command::Call { key: key(2), media: CallMedia::Video }]);
}

#[test]
fn the_head_of_a_conversation_leads_to_the_safety_number() {
    let mut window = talk();
    window.get_by_label(text::CONVERSATION).focus();
    press(&mut window, Modifiers::NONE, Key::Home);
    assert_eq!(click(&mut window, text::VIEW_NUMBER), [Command::ShowNumber { key: key(2) }]);
    assert_eq!(window.state().local.dialog, Some(Dialog::Verify { key: key(2) }));
}

#[test]
fn what_is_unread_is_counted_seen_once_when_shown_and_marked_by_a_line() {
    let unread = || -> Thread {
        let new = [entry(20, false, 5, "news", State::Unseen), entry(21, false, 4, "more", State::Unseen)];
        maya().iter().map(|entry| (**entry).clone()).chain(new).collect()
    };
    let mut window = window(with_maya(unread()), Local { selected: Some(key(4)), ..Local::default() });
    assert_eq!(window.state().wishes, [], "nobody has looked yet");
    let wishes = click(&mut window, "Maya Lindqvist, online, verified, 2 new messages");
    assert_eq!(wishes, [Command::See { key: key(2) }]);
    let seen: Thread = unread().iter().map(|entry| Entry { state: State::Seen, ..(**entry).clone() }).collect();
    window.state_mut().snapshot = with_maya(seen);
    window.run_steps(4);
    assert_eq!(window.state().wishes, []);
    window.get_by_label("Maya Lindqvist, online, verified");
}

#[test]
fn the_search_above_the_list_finds_messages_and_goes_there() {
    let mut window = window(with_maya(maya()), Local { selected: Some(key(4)), ..Local::default() });
    window.state_mut().local.search = "FLOOR".into();
    window.run_steps(3);
    assert!(window.query_by_label(text::NOBODY_FOUND).is_none());
    click(&mut window, "Maya Lindqvist: …you the floor plans tomorrow morning.");
    assert_eq!(window.state().local.selected, Some(key(2)));
}

#[test]
fn a_search_in_a_conversation_counts_and_goes_from_match_to_match() {
    let mut window = talk();
    click(&mut window, text::SEARCH_CONVERSATION);
    window.run_steps(2);
    write(&mut window, text::WORDS_TO_FIND, "call");
    window.get_by_label("1 of 2");
    click(&mut window, text::OLDER);
    window.get_by_label("2 of 2");
    click(&mut window, text::CLOSE_SEARCH);
    assert!(!window.state().local.talk.is_searching());
}

#[test]
fn a_link_shows_its_true_host_and_asks_before_it_opens() {
    let mut window = talk();
    assert_eq!(click(&mut window, "Link to plans.example"), []);
    window.get_by_label("plans.example");
    let opened = click(&mut window, text::OPEN_LINK);
    assert_eq!(opened, [Command::OpenLink { url: "https://plans.example/kitchen".into() }]);

    window.state_mut().local.dialog = Some(Dialog::OpenLink { url: "https://xn--pple-43d.com/".into() });
    window.run_steps(3);
    window.get_by_label(text::warning(links::Warning::Punycode));
    assert_eq!(click(&mut window, text::COPY_LINK), []);
    assert_eq!(window.state().local.copy.as_deref(), Some("https://xn--pple-43d.com/"));
}

#[test]
fn a_message_is_copied_and_deleted_from_its_menu_which_a_key_opens_too() {
    let mut window = talk();
    let name = "Maya Lindqvist, 14:12: Perfect, calling you in five";
    window.get_by_label(name).click_secondary();
    window.run_steps(3);
    click(&mut window, text::COPY_TEXT);
    assert_eq!(window.state().local.copy.as_deref(), Some("Perfect, calling you in five"));
    window.get_by_label(name).focus();
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(click(&mut window, text::DELETE_MESSAGE), [Command::DeleteMessage { key: key(2), position: position(9, key(2)) }]);
}

#[test]
fn a_conversation_is_deleted_after_a_question() {
    let mut window = talk();
    click(&mut window, text::MORE);
    assert_eq!(click(&mut window, text::DELETE_CONVERSATION), []);
    assert_eq!(click(&mut window, text::DELETE), [Command::DeleteConversation { key: key(2) }]);
}

#[test]
fn a_message_that_could_not_be_kept_is_back_in_its_field() {
    let mut window = talk();
    let returned = Some(Returned { number: 1, peer: key(2), body: "not lost".into() });
    let mut snapshot = with_maya(maya());
    snapshot.conversations.returned = returned;
    window.state_mut().snapshot = snapshot;
    window.run_steps(2);
    assert_eq!(click(&mut window, text::SEND), [Command::Write { key: key(2), body: "not lost".into() }]);
    window.run_steps(2);
    assert_eq!(click(&mut window, text::SEND), [], "it comes back once");
}

#[test]
fn the_chat_of_a_call_is_the_same_conversation() {
    let mut window = window(Snapshot { call: Some(call(active())), ..with_maya(maya()) }, Local::default());
    click(&mut window, text::SHOW_MESSAGES);
    window.get_by_label("Maya Lindqvist, 14:12: Perfect, calling you in five");
    let field = message(&window);
    write(&mut window, &field, "mvm");
    let wishes = press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(wishes, [Command::Write { key: key(2), body: "mvm".into() }], "letters are no keys of the call here");
}

#[test]
fn of_a_hundred_thousand_messages_only_those_in_sight_are_laid_out() {
    let long: Thread =
        (0..100_000).map(|n| entry(n, n % 3 == 0, (100_000 - n) * 60, &format!("message {n}"), State::Seen)).collect();
    let mut window = window(with_maya(long), local());
    let rows = |window: &Window| window.get_all_by_label_contains("message ").count();
    assert!(rows(&window) < 60, "{} rows", rows(&window));
    window.get_by_label_contains("message 99999");
    window.get_by_label(text::CONVERSATION).focus();
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::PageUp);
    assert!(window.query_by_label_contains("message 99999").is_none());
    press(&mut window, Modifiers::NONE, Key::Home);
    assert!(window.query_by_label_contains(": message 0").is_some());
    assert!(rows(&window) < 60);
    click(&mut window, text::NEWEST);
    window.get_by_label_contains("message 99999");
}

#[test]
fn presence_can_be_switched_off() {
    let mut page = Local { page: Page::Settings, ..Local::default() };
    page.settings.page = SettingsPage::Network;
    let mut window = window_of(people(), page, Theme::Dark, vec2(1180.0, 1300.0));
    let wanted = Settings { show_presence: false, ..Settings::default() };
    assert_eq!(click(&mut window, text::PRESENCE), [Command::ChangeSettings { settings: Box::new(wanted) }]);
}

#[test]
fn what_the_library_keeps_is_what_the_window_shows() {
    let folder = tempfile::tempdir().unwrap();
    let mut library = Library::open(folder.path(), &zeroize::Zeroizing::new([1; 32]), key(100)).unwrap();
    library.write(key(2), "kept and shown", NOW * 1000).unwrap();
    let thread = library.thread(&key(2)).unwrap();
    let window = window(with_maya((**thread).clone()), local());
    window.get_by_label_contains("kept and shown");
}
