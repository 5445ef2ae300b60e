//! The views of trust: safety numbers, the lock, passphrases, backups, what a contact may do.

use eframe::egui::{Theme, Vec2};
use egui_kittest::kittest::Queryable as _;
use vesper::engine::command::Command;
use vesper::engine::snapshot::*;
use vesper::settings::Settings;
use vesper::ui::local::{Dialog, Local, Page, SettingsPage};
use vesper::ui::text;
use vesper::ui::views::incoming;

use crate::ui::{CALL, NOW, SIZE, active, call, click, contact, in_call, key, people, window, window_of, write};

fn number(scan: Scan) -> VerifyView {
    let groups = ["37281", "90415", "66302", "18874", "52093", "71648", "04457", "93120", "28866", "41079", "60531", "87244"];
    let code = format!("VESPER-SAFETY:{}", "AEB4MQ2K".repeat(13));
    VerifyView { key: key(3), groups: groups.map(str::to_owned), code, scan }
}

fn verifying(scan: Scan) -> Snapshot {
    Snapshot { verify: Some(number(scan)), ..unverified() }
}

/// Amara is not verified.
fn unverified() -> Snapshot {
    let mut snapshot = people();
    for contact in snapshot.contacts.iter_mut().filter(|contact| contact.key == key(3)) {
        contact.verified_by = None;
    }
    snapshot
}

fn dialog(dialog: Dialog) -> Local {
    Local { dialog: Some(dialog), selected: Some(key(3)), ..Local::default() }
}

fn settings(sealed: bool) -> (Snapshot, Local) {
    let mut local = Local { page: Page::Settings, ..Local::default() };
    local.settings.page = SettingsPage::Privacy;
    (Snapshot { sealed, ..people() }, local)
}

fn locked(call: Option<CallView>) -> Snapshot {
    Snapshot { stage: Stage::Locked { wrong: false }, call, sealed: true, ..Snapshot::default() }
}

fn nobody(stage: CallStage) -> CallView {
    CallView { name: "Somebody you know".into(), locked: true, verified: false, words: None, ..call(stage) }
}

/// A name that looks like another contact's.
const ALIKE: &str = "“Мaya Lindqvist” looks like your contact Maya Lindqvist, whom you verified, but has a different key. Compare the words before you trust the call.";

/// The screens of trust, by the name of their picture.
pub(crate) fn screens() -> Vec<(&'static str, Snapshot, Local, Vec2)> {
    let verify = || dialog(Dialog::Verify { key: key(3) });
    let trouble = Scan::Trouble { text: "This code belongs to a different key from the one you have for Amara Okafor. Somebody may be in between: do not trust calls with this contact.".into(), danger: true };
    let mut permitted = people();
    permitted.contacts[1].relay = Some(("https://relay.amara.example/".into(), RelayAnswer::Open));
    let alike = CallView {
        warning: Some(ALIKE.into()),
        verified: false,
        name: "Мaya Lindqvist".into(),
        words: None,
        ..call(CallStage::Incoming)
    };
    let mut welcome = Local::default();
    welcome.welcome.name = "Alex Moreau".into();
    welcome.welcome.passphrase.text.push_str("walrus tiptoes beyond the quarry");
    let mut second = Local::default();
    second.welcome.second = true;
    let mut restore = Local::default();
    restore.welcome.restoring = true;
    let fresh = || Snapshot { stage: Stage::Welcome, ..Snapshot::default() };
    let (open, open_page) = settings(false);
    let question = AddressQuestion { peer: key(3), name: "Amara Okafor".into(), incoming: false, relay: true };
    vec![
        ("verify", verifying(Scan::Off), verify(), SIZE),
        ("verify-danger", verifying(trouble), verify(), SIZE),
        ("verify-matched", Snapshot { verify: Some(number(Scan::Match)), ..people() }, verify(), SIZE),
        ("permissions", permitted.clone(), dialog(Dialog::Permissions { key: key(3) }), SIZE),
        ("relay-asked", permitted, Local { selected: Some(key(3)), ..Local::default() }, SIZE),
        ("address-question", Snapshot { address_question: Some(question), ..people() }, Local::default(), SIZE),
        ("incoming-alike", in_call(alike), Local::default(), incoming::SIZE),
        ("incoming-locked", in_call(nobody(CallStage::Incoming)), Local::default(), incoming::SIZE),
        ("locked-ringing", locked(Some(nobody(CallStage::Incoming))), Local::default(), SIZE),
        ("locked-in-call", locked(Some(nobody(active()))), Local::default(), SIZE),
        ("onboarding", fresh(), welcome, SIZE),
        ("onboarding-second", fresh(), second, SIZE),
        ("onboarding-restore", fresh(), restore, SIZE),
        ("settings-unsealed", open, open_page, SIZE),
        ("wipe", people(), Local { page: Page::Settings, dialog: Some(Dialog::Wipe), ..Local::default() }, SIZE),
    ]
}

#[test]
fn the_safety_number_is_opened_from_the_head_of_a_contact_compared_and_put_away() {
    let mut window = window(unverified(), Local { selected: Some(key(3)), ..Local::default() });
    assert_eq!(click(&mut window, text::VERIFY), [Command::ShowNumber { key: key(3) }]);
    window.state_mut().snapshot.verify = Some(number(Scan::Off));
    window.run_steps(3);
    window.get_by_label("37281 90415 66302 18874 52093 71648 04457 93120 28866 41079 60531 87244");
    window.get_by_label(text::SAFETY_CODE);
    window.get_by_label(text::YOU_HAVE_NOT_VERIFIED);
    click(&mut window, text::COPY_NUMBER);
    assert_eq!(window.state().local.copy.as_deref().map(|copied| copied.lines().count()), Some(3));
    assert_eq!(click(&mut window, text::SCAN_CODE), [Command::ScanCode { on: true }]);
    assert_eq!(click(&mut window, text::THEY_MATCH), [Command::SetVerified { key: key(3), verified: true }]);
    assert_eq!(window.state().local.dialog, None);
}

#[test]
fn a_mark_is_taken_back_and_another_key_is_told_loudly() {
    let mut snapshot = verifying(Scan::Looking);
    snapshot.contacts[1].verified_by = Some((VerifiedBy::Words, NOW - 7200));
    snapshot.contacts[1].verified = true;
    let mut window = window(snapshot, dialog(Dialog::Verify { key: key(3) }));
    window.get_by_label(text::SCANNING);
    window.get_by_label("Verified by the words of a call, 2 h ago");
    assert_eq!(click(&mut window, text::STOP_SCANNING), [Command::ScanCode { on: false }]);
    assert_eq!(click(&mut window, text::TAKE_BACK), [Command::SetVerified { key: key(3), verified: false }]);
    let text = "This code belongs to a different key.".to_owned();
    window.state_mut().snapshot.verify = Some(number(Scan::Trouble { text: text.clone(), danger: true }));
    window.run_steps(3);
    window.get_by_label(&text);
    assert_eq!(click(&mut window, text::CLOSE), [Command::HideNumber], "the camera closes with the dialog");
}

#[test]
fn nobody_can_confirm_a_number_after_another_key_was_seen() {
    let mut window = window(verifying(Scan::Looking), dialog(Dialog::Verify { key: key(3) }));
    window.get_by_label(text::THEY_MATCH);
    let trouble = Scan::Trouble { text: "This code belongs to a different key.".into(), danger: true };
    window.state_mut().snapshot.verify = Some(number(trouble));
    window.run_steps(3);
    assert!(window.query_by_label(text::THEY_MATCH).is_none());
}

#[test]
fn the_words_of_a_call_lead_to_the_number_and_can_differ() {
    let mut window = window(in_call(call(active())), Local::default());
    let words = "The words of this call: fox, cactus, balloon, anchor";
    click(&mut window, words);
    assert_eq!(click(&mut window, text::WORDS_DIFFER), [Command::WordsAgree { agree: false }]);
    click(&mut window, words);
    assert_eq!(click(&mut window, text::COMPARE_NUMBER), [Command::ShowNumber { key: key(2) }]);
    assert_eq!(window.state().local.dialog, Some(Dialog::Verify { key: key(2) }));
}

#[test]
fn a_locked_window_names_nobody_and_lets_a_call_be_declined_or_ended() {
    let mut ringing = window(locked(Some(nobody(CallStage::Incoming))), Local::default());
    ringing.get_by_label(text::LOCKED_CALL);
    assert!(ringing.query_by_label(text::ACCEPT_VIDEO).is_none() && ringing.query_by_label_contains("Maya").is_none());
    assert_eq!(click(&mut ringing, text::DECLINE), [Command::Decline { call: CALL }]);
    let mut talking = window(locked(Some(nobody(active()))), Local::default());
    assert_eq!(click(&mut talking, text::MUTE), [Command::SetMicrophone { on: false }]);
    assert_eq!(click(&mut talking, text::HANG_UP), [Command::HangUp]);

    let mut popup = window_of(in_call(nobody(CallStage::Incoming)), Local::default(), Theme::Dark, incoming::SIZE);
    assert!(popup.query_by_label(text::ACCEPT_AUDIO).is_none(), "answering takes the passphrase");
    assert_eq!(click(&mut popup, text::DECLINE), [Command::Decline { call: CALL }]);
}

#[test]
fn whoever_forgot_the_passphrase_is_told_what_is_left_and_asked_before_it_is_done() {
    let mut window = window(locked(None), Local::default());
    click(&mut window, text::FORGOTTEN);
    window.get_by_label(text::FORGOTTEN_SUB);
    assert_eq!(click(&mut window, text::WIPE), []);
    window.get_by_label(text::WIPE_SURE);
    assert_eq!(click(&mut window, text::WIPE), [Command::Wipe]);
}

#[test]
fn a_popup_with_a_name_like_another_shows_the_warning() {
    let alike = CallView { warning: Some(ALIKE.into()), verified: false, ..call(CallStage::Incoming) };
    let popup = window_of(in_call(alike), Local::default(), Theme::Light, incoming::SIZE);
    popup.get_by_label(ALIKE);
    assert!(popup.query_by_label(text::NOT_VERIFIED_YET).is_none());
}

#[test]
fn a_passphrase_is_set_changed_and_removed_only_after_its_meaning_was_said() {
    let (snapshot, local) = settings(false);
    let mut window = window(snapshot, local);
    write(&mut window, text::NEW_PASSPHRASE, "first");
    let set = Command::ChangePassphrase { current: "".into(), new: "first".into() };
    assert_eq!(click(&mut window, text::SET_PASSPHRASE), [set]);
    window.state_mut().snapshot.sealed = true;
    window.run_steps(2);
    write(&mut window, text::CURRENT_PASSPHRASE, "first");
    write(&mut window, text::NEW_PASSPHRASE, "second");
    let change = Command::ChangePassphrase { current: "first".into(), new: "second".into() };
    assert_eq!(click(&mut window, text::CHANGE_PASSPHRASE), [change]);
    write(&mut window, text::CURRENT_PASSPHRASE, "second");
    assert_eq!(click(&mut window, text::REMOVE_PASSPHRASE), []);
    window.get_by_label(text::PASSPHRASE_NONE);
    let remove = Command::ChangePassphrase { current: "second".into(), new: "".into() };
    assert_eq!(click(&mut window, text::REMOVE_PASSPHRASE_SURE), [remove]);
}

#[test]
fn the_privacy_page_locks_exports_unblocks_and_asks_before_it_removes_everything() {
    let (snapshot, local) = settings(true);
    let mut window = window_of(snapshot, local, Theme::Dark, eframe::egui::vec2(1180.0, 1500.0));
    assert_eq!(click(&mut window, text::LOCK_NOW), [Command::Lock]);
    let settings = Settings { lock_after_minutes: Some(15), ..Settings::default() };
    assert_eq!(click(&mut window, "15 min"), [Command::ChangeSettings { settings: Box::new(settings) }]);
    write(&mut window, text::BACKUP_FILE, "/tmp/me.backup");
    write(&mut window, text::BACKUP_PASSPHRASE, "of the backup");
    let wish = Command::Export { file: "/tmp/me.backup".into(), passphrase: "of the backup".into() };
    assert_eq!(click(&mut window, text::EXPORT), [wish]);
    assert_eq!(click(&mut window, text::UNBLOCK), []);
    window.get_by_label(text::UNBLOCK_SUB);
    assert_eq!(click(&mut window, text::UNBLOCK_SURE), [Command::Unblock { key: key(9) }]);
    let (snapshot, local) = (people(), Local { page: Page::Settings, dialog: Some(Dialog::Wipe), ..Local::default() });
    let mut sure = self::window(snapshot, local);
    assert_eq!(click(&mut sure, text::CANCEL), []);
    assert_eq!(sure.state().local.dialog, None);
}

#[test]
fn what_a_contact_may_do_is_chosen_on_a_sheet_of_their_own() {
    let mut snapshot = people();
    snapshot.contacts[1].relay = Some(("https://relay.amara.example/".into(), RelayAnswer::Open));
    let mut window = window(snapshot, Local { selected: Some(key(3)), ..Local::default() });
    click(&mut window, text::MORE);
    click(&mut window, text::PERMISSIONS);
    assert_eq!(click(&mut window, text::MAY_RING), [Command::SetSilent { key: key(3), silent: true }]);
    let relayed = Command::SetCandidates { key: key(3), candidates: Candidates::RelayOnly };
    assert_eq!(click(&mut window, text::CANDIDATES_RELAY), [relayed]);
    let ask = Command::SetCandidates { key: key(3), candidates: Candidates::Ask };
    assert_eq!(click(&mut window, text::CANDIDATES_ASK), [ask]);
}

#[test]
fn a_relay_that_was_allowed_is_used_no_more_when_the_person_says_so() {
    let relay = "https://relay.amara.example/".to_owned();
    let mut snapshot = people();
    snapshot.contacts[1].relay = Some((relay.clone(), RelayAnswer::Approved));
    let mut window = window(snapshot, dialog(Dialog::Permissions { key: key(3) }));
    assert!(window.query_by_label(text::USE_THEIR_RELAY).is_none(), "it is used already");
    assert_eq!(click(&mut window, text::STOP_THEIR_RELAY), [Command::ApproveRelay { key: key(3), relay, approve: false }]);
}

#[test]
fn the_lock_above_the_list_is_there_once_there_is_a_passphrase_and_locks_at_once() {
    let mut window = window(people(), Local::default());
    assert!(window.query_by_label(text::LOCK_NOW).is_none());
    window.state_mut().snapshot.sealed = true;
    assert_eq!(click(&mut window, text::LOCK_NOW), [Command::Lock]);
}

#[test]
fn a_relay_of_a_contact_and_an_address_are_asked_for() {
    let mut snapshot = people();
    let relay = "https://relay.amara.example/".to_owned();
    snapshot.contacts[1].relay = Some((relay.clone(), RelayAnswer::Open));
    let mut shown = window(snapshot, Local { selected: Some(key(3)), ..Local::default() });
    for (answer, approve) in [(text::USE_THEIR_RELAY, true), (text::REFUSE_THEIR_RELAY, false)] {
        assert_eq!(click(&mut shown, answer), [Command::ApproveRelay { key: key(3), relay: relay.clone(), approve }]);
    }
    // Who refused it is left alone with it, and can still change their mind where the rest is chosen.
    shown.state_mut().snapshot.contacts[1].relay = Some((relay.clone(), RelayAnswer::Refused));
    shown.run_steps(2);
    assert!(shown.query_by_label(text::USE_THEIR_RELAY).is_none());
    shown.state_mut().local.dialog = Some(Dialog::Permissions { key: key(3) });
    assert_eq!(click(&mut shown, text::USE_THEIR_RELAY), [Command::ApproveRelay { key: key(3), relay, approve: true }]);

    let sent = SentRequest {
        name: "Priya".into(),
        status: "Their relay would see this computer's address".into(),
        asks_relay: Some("https://relay.priya.example/".into()),
        knock_id: key(8),
    };
    let mut asked = window(Snapshot { sent_requests: vec![sent], ..people() }, Local::default());
    assert_eq!(click(&mut asked, text::ALLOW), [Command::ApproveRequestRelay { knock_id: key(8), approve: true }]);
    assert_eq!(click(&mut asked, text::DO_NOT_SEND), [Command::ApproveRequestRelay { knock_id: key(8), approve: false }]);

    let question = AddressQuestion { peer: key(3), name: "Amara Okafor".into(), incoming: true, relay: false };
    let mut calling = window(Snapshot { address_question: Some(question), ..people() }, Local::default());
    calling.get_by_label(text::NO_RELAY_FOR_CALLS);
    assert_eq!(click(&mut calling, text::USE_RELAY_ONCE), [], "there is none");
    assert_eq!(click(&mut calling, text::SHARE_ADDRESS), [Command::ShareAddress { share: Some(true) }]);
    assert_eq!(click(&mut calling, text::CANCEL), [Command::ShareAddress { share: None }]);
}

#[test]
fn a_contact_whose_name_looks_like_another_carries_the_warning_on_their_page() {
    let mut snapshot = people();
    snapshot.contacts.push(ContactView { warning: Some(ALIKE.into()), verified: false, ..contact(20, "Мaya Lindqvist") });
    window(snapshot, Local { selected: Some(key(20)), ..Local::default() }).get_by_label(ALIKE);
}
