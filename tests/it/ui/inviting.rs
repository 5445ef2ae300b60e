//! Invitations: one of somebody else's is used; one's own are made, and each that is open can be seen, copied and withdrawn.

use super::*;

pub(super) fn invitation() -> InvitationView {
    InvitationView {
        knock_id: key(40),
        text: format!("vesper:{}", "aq3fk7nzt2vw5yl4".repeat(9)),
        expires: NOW + 86_000,
        label: String::new(),
        made: NOW - 400,
        used: InvitationUse::Unused,
    }
}

/// Three that are open, newest first: for somebody, for nobody in particular, and one that was used.
pub(super) fn three() -> Vec<InvitationView> {
    let newest = InvitationView { knock_id: key(41), label: "Maya's brother".into(), made: NOW - 60, ..invitation() };
    let used = InvitationUse::Asked;
    let oldest = InvitationView { knock_id: key(42), label: "Priya".into(), made: NOW - 90_000, used, ..invitation() };
    vec![newest, invitation(), oldest]
}

fn inviting(invitations: Vec<InvitationView>, size: Vec2) -> Window {
    let mut local = Local { dialog: Some(Dialog::AddPerson), ..Local::default() };
    local.add.inviting = true;
    window_of(Snapshot { invitations, ..people() }, local, Theme::Dark, size)
}

fn withdraw(number: u8) -> [Command; 1] {
    [Command::WithdrawInvitation { knock_id: key(number) }]
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
fn another_invitation_is_made_and_the_first_stays_in_sight() {
    let mut window = inviting(vec![invitation()], SIZE);
    assert_eq!(click(&mut window, text::MAKE_ANOTHER), []);
    write(&mut window, text::WHOM, " Maya's brother ");
    let wish = Command::Invite { hours: 24, label: "Maya's brother".into() };
    assert_eq!(click(&mut window, text::MAKE_INVITATION), [wish]);
    window.get_by_label(text::MAKE_INVITATION);
    assert!(!window.state().local.add.whom.is_empty(), "it may have come to nothing");

    window.state_mut().snapshot.invitations = three()[..2].to_vec();
    window.run_steps(2);
    window.get_by_label("For Maya's brother");
    window.get_by_label("Made today at 14:06");
    window.get_by_label("Valid for 24 more hours");
    window.get_by_label(text::QR_NAME);
    assert!(window.query_by_label(text::MAKE_INVITATION).is_none() && window.state().local.add.whom.is_empty());
    click(&mut window, "Copy the invitation made today at 14:06");
    assert_eq!(window.state().local.copy.as_deref(), Some(invitation().text.as_str()));
    window.get_by_label(text::COPIED);
    window.get_by_label(text::COPY);
}

#[test]
fn each_invitation_is_withdrawn_by_itself_and_the_others_stay() {
    let mut window = inviting(three(), SIZE);
    assert_eq!(click(&mut window, "Withdraw the invitation made today at 14:06"), withdraw(40));
    window.state_mut().snapshot.invitations.remove(1);
    window.run_steps(2);
    window.get_by_label("For Maya's brother");
    window.get_by_label("For Priya");
    window.get_by_label("Used: the request waits in the list");
    assert!(window.query_by_label("Copy the invitation for Priya").is_none(), "whoever got it would be turned away");
    assert_eq!(click(&mut window, text::WITHDRAW), withdraw(41));
    window.state_mut().snapshot.invitations.remove(0);
    window.run_steps(2);
    window.get_by_label(text::INVITATION_USED);
    assert!(window.query_by_label(text::ALSO_OPEN).is_none());
    assert_eq!(click(&mut window, text::WITHDRAW), withdraw(42));
}

#[test]
fn who_does_not_want_another_invitation_goes_back_to_those_there_are() {
    let mut window = inviting(three(), SIZE);
    click(&mut window, text::MAKE_ANOTHER);
    assert!(window.query_by_label(text::QR_NAME).is_none());
    assert_eq!(click(&mut window, text::BACK), []);
    window.get_by_label(text::QR_NAME);
}

#[test]
fn enter_in_the_field_of_whom_it_is_for_makes_the_invitation() {
    let mut window = inviting(Vec::new(), SIZE);
    write(&mut window, text::WHOM, "Priya");
    let wish = Command::Invite { hours: 24, label: "Priya".into() };
    assert_eq!(press(&mut window, Modifiers::NONE, Key::Enter), [wish]);
}

#[test]
fn with_eight_invitations_open_one_has_to_go_before_another_is_made() {
    let numbered = |number: u8| InvitationView { knock_id: key(50 + number), label: format!("Guest {number}"), ..invitation() };
    let mut window = inviting((0..MAX_OPEN_INVITATIONS as u8).map(numbered).collect(), SIZE);
    window.get_by_label(text::ALL_OPEN);
    assert!(window.query_by_label(text::MAKE_ANOTHER).is_none());
    assert_eq!(click(&mut window, "Withdraw the invitation for Guest 1"), withdraw(51));
    window.state_mut().snapshot.invitations.remove(1);
    window.run_steps(2);
    window.get_by_label(text::MAKE_ANOTHER);
    assert!(window.query_by_label(text::ALL_OPEN).is_none());
}

#[test]
fn in_the_smallest_window_a_row_holds_its_words_and_its_buttons_beside_each_other() {
    let window = inviting(three(), vec2(640.0, 480.0));
    let title = window.get_by_label("Made today at 14:06").rect();
    let copy = window.get_by_label("Copy the invitation made today at 14:06").rect();
    let withdraw = window.get_by_label("Withdraw the invitation made today at 14:06").rect();
    assert!(title.right() < copy.left() && copy.right() < withdraw.left() && withdraw.right() <= 640.0);
}

#[test]
fn a_request_says_when_its_invitation_was_made_if_that_was_for_nobody_in_particular() {
    let made = Some(NOW - 90_000);
    let request = RequestView { key: key(7), proposed_name: "Priya".into(), invitation: String::new(), made, warning: None };
    let window = window(Snapshot { requests: vec![request], ..people() }, Local::default());
    window.get_by_label("With your invitation made yesterday at 13:13");
}
