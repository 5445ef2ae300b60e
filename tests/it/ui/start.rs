//! The first start, which makes a profile or restores one, and the start of a profile that is sealed.

use super::*;

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
fn tab_goes_from_the_name_to_the_passphrase_and_only_then_to_its_eye() {
    let mut window = window(Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, Local::default());
    window.get_by_label(text::YOUR_NAME).focus();
    window.run_steps(2);
    press(&mut window, Modifiers::NONE, Key::Tab);
    assert!(window.get_by_label(text::PASSPHRASE).is_focused());
    press(&mut window, Modifiers::NONE, Key::Tab);
    assert!(window.get_by_label(text::SHOW_PASSPHRASE).is_focused());
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
fn the_strength_of_a_passphrase_is_said_while_it_is_written() {
    let mut window = window(Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, Local::default());
    write(&mut window, text::PASSPHRASE, "password");
    window.get_by_label("Weak: found within the hour");
    window.get_by_label(text::PASSPHRASE_KEEP);
    write(&mut window, text::PASSPHRASE, " of walrus tiptoes beyond the quarry");
    window.get_by_label("Strong: would take centuries to guess");
}

#[test]
fn a_backup_is_restored_under_both_passphrases() {
    let mut window = window(Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, Local::default());
    click(&mut window, text::HAVE_BACKUP);
    write(&mut window, text::BACKUP_FILE, "/media/stick/vesper.backup");
    write(&mut window, text::BACKUP_PASSPHRASE, "old one");
    assert_eq!(click(&mut window, text::RESTORE), [], "what it means to have no passphrase is said first");
    write(&mut window, text::NEW_PASSPHRASE, "new one");
    assert_eq!(click(&mut window, text::RESTORE), []);
    let reach = vesper::settings::Reach::ThisNetwork;
    let file = "/media/stick/vesper.backup".into();
    let wish = Command::Restore { file, passphrase: "old one".into(), new: "new one".into(), reach };
    assert_eq!(click(&mut window, text::START), [wish]);
}

#[test]
fn a_sealed_profile_takes_a_passphrase_and_forgets_it() {
    let mut window = window(Snapshot { stage: Stage::Locked { wrong: true }, ..Snapshot::default() }, Local::default());
    window.get_by_label(text::PASSPHRASE_WRONG);
    write(&mut window, text::PASSPHRASE, "a b");
    assert_eq!(click(&mut window, text::UNLOCK), [Command::Unlock { passphrase: "a b".into() }]);
    assert!(window.state().local.locked.passphrase.text.is_empty());
}
