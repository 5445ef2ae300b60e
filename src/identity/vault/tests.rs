use std::fs;

use super::*;

/// The least that a file may ask for, so that the tests stay quick.
const CHEAP: Cost = Cost { memory_kib: 8 << 10, passes: 1, lanes: 1 };
/// Where the cost of the first slot begins: after magic, version, number of slots and kind.
const FIRST_COST: usize = 15;

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault");
    (folder, path)
}

fn body(path: &Path, passphrase: Option<&str>) -> Result<Vec<u8>, VaultError> {
    Vault::open(path, passphrase).map(|(_, body)| body.to_vec())
}

#[test]
fn a_body_comes_back_as_it_was_saved_last() {
    let (_folder, path) = place();
    let mut vault = Vault::create(&path, None, b"first").unwrap();
    assert_eq!(body(&path, None).unwrap(), b"first");
    vault.save(b"second").unwrap();
    let (mut vault, _) = Vault::open(&path, Some("not needed")).unwrap();
    assert_eq!(body(&path, None).unwrap(), b"second");
    vault.save(b"").unwrap();
    assert_eq!(body(&path, None).unwrap(), b"");
    assert!(!Vault::needs_passphrase(&path).unwrap());
}

#[test]
fn a_sealed_vault_opens_for_its_passphrase_only_however_it_is_typed() {
    let (_folder, path) = place();
    Vault::create_at_cost(&path, Some("caf\u{e9} noir"), CHEAP, b"secret").unwrap();
    assert!(Vault::needs_passphrase(&path).unwrap());
    assert_eq!(body(&path, Some("cafe\u{301} noir")).unwrap(), b"secret");
    assert!(matches!(body(&path, Some("cafe noir")), Err(VaultError::WrongPassphrase)));
    assert!(matches!(body(&path, None), Err(VaultError::PassphraseNeeded)));
    assert!(matches!(body(&path, Some("")), Err(VaultError::PassphraseNeeded)));
    assert!(!fs::read(&path).unwrap().windows(6).any(|window| window == b"secret"));
}

#[test]
fn an_empty_passphrase_is_none() {
    let (_folder, path) = place();
    Vault::create(&path, Some(""), b"body").unwrap();
    assert!(!Vault::needs_passphrase(&path).unwrap());
}

#[test]
fn a_vault_with_any_byte_changed_or_one_more_is_refused() {
    let (_folder, path) = place();
    Vault::create(&path, None, b"secret").unwrap();
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        assert!(body(&path, None).is_err(), "byte {at}");
    }
    fs::write(&path, [whole.as_slice(), &[0]].concat()).unwrap();
    assert!(matches!(body(&path, None), Err(VaultError::Damaged(_))));
}

#[test]
fn a_vault_with_huge_parameters_or_cut_at_any_byte_is_refused_and_left_untouched() {
    let (_folder, path) = place();
    Vault::create_at_cost(&path, Some("p"), CHEAP, b"secret").unwrap();
    let whole = fs::read(&path).unwrap();
    let refused = [
        (0, u32::MAX),
        (0, (1 << 20) + 1),
        (0, (8 << 10) - 1),
        (0, 0),
        (1, u32::MAX),
        (1, 11),
        (1, 0),
        (2, u32::MAX),
        (2, 9),
        (2, 0),
    ];
    for (field, value) in refused {
        let mut changed = whole.clone();
        changed[FIRST_COST + 4 * field..][..4].copy_from_slice(&u32::to_be_bytes(value));
        fs::write(&path, &changed).unwrap();
        assert!(matches!(body(&path, Some("p")), Err(VaultError::Unreasonable(_))), "field {field} of {value}");
        assert!(matches!(Vault::needs_passphrase(&path), Err(VaultError::Unreasonable(_))));
        assert_eq!(fs::read(&path).unwrap(), changed);
    }

    Vault::create(&path.with_file_name("open"), None, b"secret").unwrap();
    let whole = fs::read(path.with_file_name("open")).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(body(&path, None), Err(VaultError::Damaged(_))), "cut to {length} bytes");
        assert_eq!(fs::read(&path).unwrap(), whole[..length]);
    }
}

#[test]
fn a_new_passphrase_makes_a_new_data_key_and_the_old_one_opens_nothing_any_more() {
    let (_folder, path) = place();
    let mut vault = Vault::create_at_cost(&path, Some("old"), CHEAP, b"secret").unwrap();
    let old_key = vault.data_key.clone();
    vault.relock(NewLock::at_cost(Some("new"), CHEAP).unwrap_or_else(|_| unreachable!()), b"secret").unwrap();
    assert_ne!(*vault.data_key, *old_key);
    assert!(vault.is_sealed());
    assert!(matches!(body(&path, Some("old")), Err(VaultError::WrongPassphrase)));
    assert_eq!(body(&path, Some("new")).unwrap(), b"secret");
    vault.relock(NewLock::new(None).unwrap(), b"open").unwrap();
    assert!(!vault.is_sealed());
    assert_eq!(body(&path, None).unwrap(), b"open");
}

#[test]
fn a_change_of_passphrase_that_is_cut_at_any_byte_or_step_leaves_the_old_one_or_the_new_one() {
    let (_folder, path) = place();
    let lock = |passphrase| NewLock::at_cost(Some(passphrase), CHEAP).unwrap_or_else(|_| unreachable!());
    let mut vault = Vault::create_at_cost(&path, Some("old"), CHEAP, b"secret").unwrap();
    let length = fs::read(&path).unwrap().len();
    let old = fs::read(&path).unwrap();
    // After the bytes come the rename and the moment before the folder is on the disk.
    let mut became_new = false;
    for crash in 0..=length + 2 {
        fs::write(&path, &old).unwrap();
        files::crash::after(Some(crash));
        let changed = vault.relock(lock("new"), b"secret");
        files::crash::after(None);
        let now = fs::read(&path).unwrap();
        assert!(changed.is_err() || crash > length + 1, "the crash after {crash} was noticed");
        if now == old {
            assert!(crash <= length + 1);
            // Argon2id for each of a few hundred bytes would only heat the room.
            assert!(crash % 64 != 0 || body(&path, Some("old")).is_ok_and(|body| body == b"secret"));
        } else {
            became_new = true;
            assert_eq!(body(&path, Some("new")).unwrap(), b"secret", "after {crash}");
        }
        // Whatever the crash left beside it is in nobody's way.
        if crash % 64 == 0 {
            let (mut opened, _) = Vault::open(&path, Some(if now == old { "old" } else { "new" })).unwrap();
            opened.save(b"secret").unwrap();
        }
    }
    assert!(became_new);
}

#[test]
fn another_file_a_newer_vault_and_none_at_all_are_told_apart() {
    let (_folder, path) = place();
    assert!(matches!(body(&path, None), Err(VaultError::Missing(_))));
    fs::write(&path, b"\x89PNG\r\n").unwrap();
    assert!(matches!(body(&path, None), Err(VaultError::NotAVault(_))));
    fs::write(&path, vec![7; MAX_FILE as usize + 1]).unwrap();
    assert!(matches!(body(&path, None), Err(VaultError::NotAVault(_))));
    fs::write(&path, b"vesper vault\x02\x01").unwrap();
    assert!(matches!(body(&path, None), Err(VaultError::Newer(_))));
}

#[test]
fn making_a_vault_never_overwrites_a_file() {
    let (_folder, path) = place();
    fs::write(&path, b"precious").unwrap();
    assert!(matches!(Vault::create(&path, None, b"new"), Err(VaultError::Exists(_))));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn of_a_vault_without_a_passphrase_nothing_is_left_on_the_disk_once_it_has_one() {
    let (folder, path) = place();
    let mut vault = Vault::create(&path, None, b"secret").unwrap();
    // A second name holds on to the old file, as the disk itself may.
    let held = folder.path().join("held");
    fs::hard_link(&path, &held).unwrap();
    vault.relock(NewLock::at_cost(Some("new"), CHEAP).unwrap_or_else(|_| unreachable!()), b"secret").unwrap();
    assert!(body(&held, None).is_err());
    assert_eq!(body(&path, Some("new")).unwrap(), b"secret");
}

#[test]
fn every_save_is_sealed_anew_and_a_failed_one_changes_nothing() {
    let (folder, path) = place();
    let mut vault = Vault::create(&path, None, b"same").unwrap();
    let first = fs::read(&path).unwrap();
    vault.save(b"same").unwrap();
    let second = fs::read(&path).unwrap();
    let body_starts = vault.header.len();
    assert_ne!(first[body_starts..][..24], second[body_starts..][..24]);

    fs::create_dir(folder.path().join("vault.new")).unwrap();
    assert!(vault.save(b"lost").is_err());
    assert_eq!(fs::read(&path).unwrap(), second);
}

#[test]
fn the_file_is_laid_out_as_described() {
    let (_folder, path) = place();
    Vault::create(&path, None, b"12345").unwrap();
    let file = fs::read(&path).unwrap();
    assert_eq!(&file[..15], b"vesper vault\x01\x01\x00");
    assert_eq!(file.len(), 14 + (1 + 12 + 32 + 24 + 48) + 24 + 5 + 16);
}
