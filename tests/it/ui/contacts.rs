//! The list of contacts and the page of each: whom it opens on, what is said of them, what can be done with them.

use super::*;

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
fn a_person_who_is_offline_is_told_so_and_not_that_others_are() {
    let window = window(offline(), Local { selected: Some(key(4)), ..Local::default() });
    window.get_by_label(&text::network(&Network::Unplugged));
    window.get_by_label(&text::yourself("Alex Moreau", false));
    window.get_by_label(text::UNREACHABLE_SUB);
    assert!(window.query_by_label(text::OFFLINE_SUB).is_none());
}

#[test]
fn a_contact_is_picked_and_called_by_name() {
    let mut window = window(people_without_lobby(), Local::default());
    click(&mut window, "Maya Lindqvist, online, verified");
    assert_eq!(click(&mut window, text::VIDEO_CALL), [Command::Call { key: key(2), media: CallMedia::Video }]);
    assert_eq!(click(&mut window, text::VOICE_CALL), [Command::Call { key: key(2), media: CallMedia::Audio }]);
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
fn a_newcomer_meets_echo_which_cannot_be_blocked_or_removed() {
    let mut snapshot = people_without_lobby();
    snapshot.contacts.truncate(1);
    let mut window = window(snapshot, Local::default());
    assert!(window.query_by_label(text::MORE).is_none());
    assert_eq!(click(&mut window, text::START_VIDEO_CALL), [Command::Call { key: key(1), media: CallMedia::Video }]);
}

#[test]
fn echo_reads_no_messages_and_says_so() {
    let window = window(people(), Local { selected: Some(key(1)), ..Local::default() });
    window.get_by_label(text::ECHO_SUB);
    assert!(window.query_by_label(&text::message_to("Echo")).is_none());
}
