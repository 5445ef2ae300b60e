use std::fs;

use redb::ReadableTableMetadata;

use super::*;
use crate::contacts::{Contact, Hint, OpenInvitation, PairSecret, PendingRequest, SentKnock};
use crate::identity::{Identity, PublicKey};
use crate::settings::{Settings, Theme};

fn key() -> seal::SealKey {
    Zeroizing::new([7; 32])
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.redb");
    (folder, path)
}

fn contact(name: &str) -> Contact {
    let hints = vec![Hint::Address("10.0.0.2:7000".parse().unwrap())];
    Contact::new(Identity::generate().public(), None, name, PairSecret::generate(), hints, 1_700_000_000)
}

fn somebody() -> PublicKey {
    Identity::generate().public()
}

#[test]
fn everything_written_is_there_after_opening_again() {
    let (_folder, path) = place();
    let mut ana = contact("Ana");
    ana.last = Some(("missed call".into(), 1_700_000_100));
    let mut blocked = contact("bo");
    blocked.block();
    let open = OpenInvitation::new("Me", vec![Hint::Relay("https://relay.example/".into())], "for Cem", true, 5, 500);
    let request = PendingRequest {
        key: somebody(),
        proposed_name: "Cem".into(),
        hints: vec![],
        knock_id: open.invitation.knock_id,
        invitation: open.label.clone(),
        twice: true,
        k1: [9; 32],
        since: 6,
    };
    let invitation = OpenInvitation::new("Dora", vec![], "", false, 5, 500).invitation.clone();
    let knock = SentKnock { invitation, petname: Some("Do".into()), since: 7, pending: true, approved_relay: true };
    let settings = Settings { theme: Theme::Dark, camera: Some("USB".into()), ..Settings::default() };
    {
        let store = Store::create(&path, &key()).unwrap();
        assert_eq!(store.settings().unwrap(), Settings::default());
        store.put_contact(&blocked).unwrap();
        store.put_contact(&ana).unwrap();
        store.put_open_invitation(&open).unwrap();
        store.put_pending_request(&request).unwrap();
        store.put_sent_knock(&knock).unwrap();
        store.put_settings(&settings).unwrap();
    }
    let store = Store::open(&path, &key()).unwrap();
    assert_eq!(store.contacts().unwrap(), [ana.clone(), blocked.clone()]);
    assert_eq!(store.contact(&ana.key).unwrap(), Some(ana));
    assert_eq!(store.contact(&somebody()).unwrap(), None);
    let opened = &store.open_invitations().unwrap()[0];
    assert_eq!((&opened.invitation, &opened.label), (&open.invitation, &open.label));
    assert_eq!(opened.knock_identity().public(), open.invitation.knock_id);
    assert_eq!(store.pending_requests().unwrap(), [request]);
    assert_eq!(store.sent_knocks().unwrap(), [knock]);
    assert_eq!(store.settings().unwrap(), settings);
}

#[test]
fn what_is_removed_is_gone_and_removing_it_again_is_no_error() {
    let (_folder, path) = place();
    let store = Store::create(&path, &key()).unwrap();
    let ana = contact("Ana");
    store.put_contact(&ana).unwrap();
    store.remove_contact(&ana.key).unwrap();
    store.remove_contact(&ana.key).unwrap();
    store.remove_sent_knock(&ana.key).unwrap();
    assert_eq!(store.contacts().unwrap(), []);
}

#[test]
fn changes_that_fail_half_way_leave_everything_as_it_was() {
    let (_folder, path) = place();
    let store = Store::create(&path, &key()).unwrap();
    let ana = contact("Ana");
    let failed = store.change(|changes| {
        changes.put(&ana)?;
        Err(StoreError::DiskFull(path.clone()))
    });
    assert!(failed.is_err());
    assert_eq!(store.contacts().unwrap(), []);
}

#[test]
fn a_row_cannot_be_swapped_with_another_nor_moved_to_another_table() {
    let (_folder, path) = place();
    let store = Store::create(&path, &key()).unwrap();
    let (ana, bo) = (contact("Ana"), contact("Bo"));
    store.put_contact(&ana).unwrap();
    store.put_contact(&bo).unwrap();
    let rows = [ana.name(), bo.name()].map(|name| store.keys.row_key("contacts", name));
    let values = rows.map(|row| raw(&store, "contacts", &row).unwrap());

    write_raw(&store, "contacts", &rows[0], &values[1]);
    assert!(matches!(store.contact(&ana.key), Err(StoreError::Damaged(_))));
    assert!(matches!(store.contacts(), Err(StoreError::Damaged(_))));
    write_raw(&store, "contacts", &rows[0], &values[0]);
    assert_eq!(store.contacts().unwrap().len(), 2);

    write_raw(&store, "requests", &rows[0], &values[0]);
    assert!(matches!(store.pending_requests(), Err(StoreError::Damaged(_))));
}

#[test]
fn a_row_of_a_newer_version_says_so_and_a_changed_one_is_refused() {
    let (_folder, path) = place();
    let store = Store::create(&path, &key()).unwrap();
    let ana = contact("Ana");
    store.put_contact(&ana).unwrap();
    let row = store.keys.row_key("contacts", ana.name());
    let value = raw(&store, "contacts", &row).unwrap();
    for (at, wanted_newer) in [(0, true), (1, false), (value.len() - 1, false)] {
        let mut changed = value.clone();
        changed[at] ^= 2;
        write_raw(&store, "contacts", &row, &changed);
        match store.contact(&ana.key) {
            Err(StoreError::Newer(_)) => assert!(wanted_newer),
            Err(StoreError::Damaged(_)) => assert!(!wanted_newer),
            other => panic!("byte {at}: {other:?}"),
        }
    }
    write_raw(&store, "contacts", &row, &[]);
    assert!(matches!(store.contact(&ana.key), Err(StoreError::Damaged(_))));
}

#[test]
fn neither_names_nor_keys_nor_settings_can_be_read_from_the_file() {
    let (_folder, path) = place();
    let ana = contact("Ana Anaconda");
    {
        let store = Store::create(&path, &key()).unwrap();
        store.put_contact(&ana).unwrap();
        store.put_settings(&Settings { microphone: Some("Anaphone".into()), ..Settings::default() }).unwrap();
    }
    let file = fs::read(&path).unwrap();
    let hex_key = ana.key.to_string();
    for clear in [b"Anaconda".as_slice(), b"Anaphone", ana.key.as_bytes(), hex_key.as_bytes(), b"petname"] {
        assert!(!file.windows(clear.len()).any(|window| window == clear));
    }
}

#[test]
fn a_store_under_another_key_is_refused() {
    let (_folder, path) = place();
    drop(Store::create(&path, &key()).unwrap());
    assert!(matches!(Store::open(&path, &Zeroizing::new([8; 32])), Err(StoreError::OtherKey(_))));
    Store::open(&path, &key()).unwrap();
}

#[test]
fn a_store_that_is_missing_empty_open_already_or_another_file_says_so() {
    let (_folder, path) = place();
    assert!(matches!(Store::open(&path, &key()), Err(StoreError::Missing(_))));
    fs::write(&path, b"").unwrap();
    assert!(matches!(Store::open(&path, &key()), Err(StoreError::Missing(_))));
    fs::write(&path, [b'x'; 10_000]).unwrap();
    assert!(matches!(Store::open(&path, &key()), Err(StoreError::Damaged(_))));
    assert!(matches!(Store::create(&path, &key()), Err(StoreError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), [b'x'; 10_000]);
    fs::remove_file(&path).unwrap();
    let _store = Store::create(&path, &key()).unwrap();
    assert!(matches!(Store::open(&path, &key()), Err(StoreError::InUse(_))));
}

#[test]
fn a_store_that_was_cut_off_is_refused() {
    let (_folder, path) = place();
    {
        let store = Store::create(&path, &key()).unwrap();
        (0..20).for_each(|number| store.put_contact(&contact(&format!("contact {number}"))).unwrap());
    }
    let whole = fs::read(&path).unwrap();
    for length in [1, 9, 100, 511, 4096, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(Store::open(&path, &key()).is_err(), "cut to {length} of {} bytes", whole.len());
    }
}

#[test]
fn a_store_with_a_changed_byte_is_refused_or_whole_and_never_a_panic() {
    let (_folder, path) = place();
    {
        let store = Store::create(&path, &key()).unwrap();
        store.change(|changes| (0..8).try_for_each(|number| changes.put(&contact(&format!("contact {number}"))))).unwrap();
    }
    let whole = fs::read(&path).unwrap();
    for at in (0..128).step_by(8).chain((128..whole.len()).step_by(whole.len() / 24)) {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&path, &changed).unwrap();
        if let Ok(contacts) = Store::open(&path, &key()).and_then(|store| store.contacts()) {
            assert_eq!(contacts.len(), 8, "byte {at}");
        }
    }
}

#[test]
fn a_row_without_a_field_that_came_later_reads_its_default() {
    let (_folder, path) = place();
    let store = Store::create(&path, &key()).unwrap();
    store.change(|changes| changes.put_value("settings", b"settings", br#"{"theme":"Dark","from_the_future":1}"#)).unwrap();
    assert_eq!(store.settings().unwrap(), Settings { theme: Theme::Dark, ..Settings::default() });
}

fn raw(store: &Store, name: &'static str, row: &[u8; 32]) -> Option<Vec<u8>> {
    let table = store.database.begin_read().unwrap().open_table(table(name)).unwrap();
    assert!(!table.is_empty().unwrap());
    table.get(row).unwrap().map(|value| value.value().to_vec())
}

fn write_raw(store: &Store, name: &'static str, row: &[u8; 32], value: &[u8]) {
    let transaction = store.database.begin_write().unwrap();
    transaction.open_table(table(name)).unwrap().insert(row, value).unwrap();
    transaction.commit().unwrap();
}
