use super::*;
use crate::contacts::PairSecret;

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/vesper/default");
    (folder, path)
}

#[test]
fn a_profile_is_the_same_person_with_the_same_contacts_when_opened_again() {
    let (_folder, path) = place();
    assert!(!Profile::exists(&path));
    let mut made = Profile::create(&path, " Ana\u{202e} ", None).unwrap();
    let bo = Contact::new(Identity::generate().public(), None, "Bo", PairSecret::generate(), vec![], 1);
    made.store().unwrap().put_contact(&bo).unwrap();
    assert_eq!(made.name, "Ana");
    made.set_name("Ana B").unwrap();
    let key = made.identity.public();
    drop(made);
    assert!(Profile::exists(&path) && !Profile::needs_passphrase(&path).unwrap());
    let opened = Profile::open(&path, None).unwrap();
    assert_eq!((opened.identity.public(), opened.name.as_str(), opened.path()), (key, "Ana B", path.as_path()));
    assert_eq!(opened.store().unwrap().contacts().unwrap(), [bo]);
}

#[test]
fn a_second_open_says_that_the_profile_is_in_use() {
    let (_folder, path) = place();
    let first = Profile::create(&path, "Ana", None).unwrap();
    assert!(matches!(Profile::open(&path, None), Err(ProfileError::InUse(_))));
    assert!(matches!(Profile::create(&path, "Bo", None), Err(ProfileError::InUse(_))));
    drop(first);
    Profile::open(&path, None).unwrap();
}

#[cfg(unix)]
#[test]
fn the_folder_and_its_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (_folder, path) = place();
    let check = || {
        assert_eq!(mode(&path), 0o700);
        let entries: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(entries.len(), 3);
        entries.iter().for_each(|file| assert_eq!(mode(file), 0o600, "{}", file.display()));
    };
    let mut profile = Profile::create(&path, "Ana", None).unwrap();
    profile.set_name("Bo").unwrap();
    check();
    drop(profile);
    for file in ["vault", "contacts.redb", "lock"] {
        files::restrict(&path.join(file), 0o644).unwrap();
    }
    let _profile = Profile::open(&path, None).unwrap();
    check();
}

#[cfg(unix)]
#[test]
fn an_empty_folder_is_closed_to_others_and_one_in_use_is_left_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let home = tempfile::tempdir().unwrap();
    let (empty, used) = (home.path().join("empty"), home.path().join("used"));
    for folder in [&empty, &used] {
        fs::create_dir(folder).unwrap();
        files::restrict(folder, 0o755).unwrap();
    }
    fs::write(used.join("log"), b"").unwrap();
    Profile::create(&empty, "Ana", None).unwrap();
    assert!(matches!(Profile::create(&used, "Ana", None), Err(ProfileError::NotOurs(_))));
    assert_eq!((mode(&empty), mode(&used)), (0o700, 0o755));
    assert_eq!(fs::read_dir(&used).unwrap().count(), 1);
}

#[test]
fn making_a_profile_never_overwrites_one_nor_contacts_that_lost_their_vault() {
    let (_folder, path) = place();
    drop(Profile::create(&path, "Ana", None).unwrap());
    let vault = fs::read(path.join("vault")).unwrap();
    assert!(matches!(Profile::create(&path, "Bo", None), Err(ProfileError::Vault(VaultError::Exists(_)))));
    assert_eq!(fs::read(path.join("vault")).unwrap(), vault);

    fs::remove_file(path.join("vault")).unwrap();
    assert!(matches!(Profile::open(&path, None), Err(ProfileError::Missing(_))));
    let store = fs::read(path.join("contacts.redb")).unwrap();
    drop(Profile::create(&path, "Bo", None).unwrap());
    assert_eq!(fs::read(path.join("contacts.redb.1")).unwrap(), store);
}

#[test]
fn a_damaged_vault_or_lost_contacts_say_so_and_nothing_is_made_in_their_place() {
    let (_folder, path) = place();
    drop(Profile::create(&path, "Ana", None).unwrap());
    let vault = fs::read(path.join("vault")).unwrap();
    fs::write(path.join("vault"), &vault[..40]).unwrap();
    assert!(matches!(Profile::open(&path, None), Err(ProfileError::Vault(VaultError::Damaged(_)))));
    assert_eq!(fs::read(path.join("vault")).unwrap(), &vault[..40]);

    fs::write(path.join("vault"), &vault).unwrap();
    fs::remove_file(path.join("contacts.redb")).unwrap();
    assert!(matches!(Profile::open(&path, None), Err(ProfileError::Store(StoreError::Missing(_)))));
    assert!(!path.join("contacts.redb").exists());
}

#[test]
fn a_locked_profile_keeps_its_identity_and_nothing_else_until_it_is_unlocked() {
    let (_folder, path) = place();
    let mut profile = Profile::create(&path, "Ana", Some("p")).unwrap();
    let bo = Contact::new(Identity::generate().public(), None, "Bo", PairSecret::generate(), vec![], 1);
    profile.store().unwrap().put_contact(&bo).unwrap();
    let key = profile.identity.public();
    profile.lock().unwrap();
    assert!(profile.store().is_none() && profile.unlocked.is_none());
    assert_eq!(profile.identity.public(), key);
    assert!(matches!(profile.set_name("Bo"), Err(ProfileError::Locked)));
    let wrong = Unlocking::open(&path, Some("q"));
    assert!(matches!(wrong, Err(ProfileError::Vault(VaultError::WrongPassphrase))));
    profile.unlock(Unlocking::open(&path, Some("p")).unwrap()).unwrap();
    assert_eq!(profile.store().unwrap().contacts().unwrap(), [bo]);
}

#[test]
fn a_profile_without_a_passphrase_cannot_be_locked_until_it_has_one() {
    let (_folder, path) = place();
    let mut profile = Profile::create(&path, "Ana", None).unwrap();
    assert!(matches!(profile.lock(), Err(ProfileError::NotSealed)));
    profile.relock(NewLock::new(Some("p")).unwrap()).unwrap();
    profile.lock().unwrap();
    let key = profile.identity.public();
    drop(profile);
    assert!(Profile::check(&path, Some("p"), key).is_ok() && Profile::check(&path, None, key).is_err());
    assert_eq!(Profile::open(&path, Some("p")).unwrap().name, "Ana");
}

#[test]
fn wiping_removes_every_file_of_the_profile_and_none_of_anybody_else() {
    let (_folder, path) = place();
    drop(Profile::create(&path, "Ana", None).unwrap());
    for left_behind in ["vault.new", "contacts.redb.1", "control.sock"] {
        fs::write(path.join(left_behind), b"x").unwrap();
    }
    fs::write(path.join("vaulted-diary.txt"), b"mine").unwrap();
    Profile::wipe(&path).unwrap();
    let left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["vaulted-diary.txt"]);
    fs::remove_file(path.join("vaulted-diary.txt")).unwrap();
    drop(Profile::create(&path, "Ana", None).unwrap());
    Profile::wipe(&path).unwrap();
    assert!(!path.exists());
}

#[test]
fn everything_that_a_profile_writes_is_known_to_the_wipe() {
    let (_folder, path) = place();
    let mut profile = Profile::create(&path, "Ana", None).unwrap();
    profile.set_name("Bo").unwrap();
    assert!(fs::read_dir(&path).unwrap().all(|entry| rank(&entry.unwrap()).is_some()));
}

#[test]
fn a_name_that_nobody_can_see_is_refused_before_anything_is_made() {
    let (_folder, path) = place();
    assert!(matches!(Profile::create(&path, "\u{200b} ", None), Err(ProfileError::NoName)));
    assert!(!path.exists());
}

#[test]
fn the_argument_is_a_name_below_the_data_folder_or_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(Profile::directory(path).unwrap(), folder.path());
    assert_eq!(Profile::directory("./new").unwrap(), Path::new("./new"));
    for bad in ["", ".hidden", "a\nb"] {
        assert!(matches!(Profile::directory(bad), Err(ProfileError::BadProfileName(_))), "{bad:?}");
    }
    if let Ok(named) = Profile::directory("alice") {
        assert!(named.ends_with("vesper/alice"));
    }
}

#[test]
fn files_of_somebody_else_in_the_place_of_ours_open_no_lock_and_change_no_passphrase() {
    let (_folder, path) = place();
    let mut profile = Profile::create(&path, "Ana", Some("p")).unwrap();
    let key = profile.identity.public();
    profile.lock().unwrap();
    let keep: Vec<_> = ["vault", "contacts.redb"].map(|file| (path.join(file), fs::read(path.join(file)).unwrap())).into();
    for passphrase in [Some("theirs"), None] {
        let (_elsewhere, other) = place();
        drop(Profile::create(&other, "Mallory", passphrase).unwrap());
        for file in ["vault", "contacts.redb"] {
            fs::copy(other.join(file), path.join(file)).unwrap();
        }
        let unlocked = profile.unlock(Unlocking::open(&path, passphrase).unwrap());
        assert!(matches!(unlocked, Err(ProfileError::Exchanged(_))) && profile.store().is_none());
        assert!(matches!(Profile::check(&path, passphrase, key), Err(ProfileError::Exchanged(_))));
    }
    keep.iter().for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
    profile.unlock(Unlocking::open(&path, Some("p")).unwrap()).unwrap();
    assert!(profile.store().is_some());
}
