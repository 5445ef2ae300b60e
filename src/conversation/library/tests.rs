use std::fs;

use super::*;
use crate::conversation::Outcome;
use crate::conversation::order::LEAP;
use crate::identity::Identity;
use zeroize::Zeroizing;

fn somebody(number: u8) -> PublicKey {
    Identity::from_secret(&[number; 32]).public()
}

fn key() -> SealKey {
    Zeroizing::new([3; 32])
}

/// A folder, and the conversations of person 1 in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> Library {
        self.try_open().unwrap()
    }

    fn try_open(&self) -> Result<Library, StoreError> {
        Library::open(self.folder.path(), &key(), somebody(1))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn incoming(number: u8, lamport: u64, body: &str) -> Text {
    Text { id: MessageId([number; 16]), seq: u64::from(number), lamport, sent_ms: 50, body: body.into() }
}

fn bodies(library: &Library, peer: PublicKey) -> Vec<String> {
    library.thread(&peer).map_or(Vec::new(), |thread| thread.iter().filter_map(|entry| entry.text().map(str::to_owned)).collect())
}

const MISSED: Call = Call { outgoing: false, video: true, outcome: Outcome::Missed, seconds: 0 };

#[test]
fn what_was_written_received_and_rung_is_there_after_opening_again() {
    let (place, bo, cem) = (Place::new(), somebody(2), somebody(3));
    let before = {
        let mut library = place.open();
        library.write(bo, "hello Bo", 100).unwrap();
        let texts = vec![(bo, incoming(1, 2, "hello Ana")), (cem, incoming(2, 1, "and me")), (bo, incoming(3, 3, "how are you"))];
        assert!(library.receive(texts, 100).unwrap().iter().all(|received| received.new.is_some()));
        library.note_call(bo, MISSED, 200).unwrap();
        let delivered = library.thread(&bo).unwrap().get(0).unwrap().position;
        library.set_state(bo, &[delivered], State::Delivered).unwrap();
        library.see(cem).unwrap();
        assert_eq!(bodies(&library, bo), ["hello Bo", "hello Ana", "how are you"]);
        library.threads().values().flat_map(|thread| thread.iter().cloned()).collect::<Vec<_>>()
    };
    let library = place.open();
    let after: Vec<_> = library.threads().values().flat_map(|thread| thread.iter().cloned()).collect();
    assert_eq!(after, before);
    let thread = library.thread(&bo).unwrap();
    assert_eq!((thread.unread(), thread.missed(), thread.get(0).unwrap().state), (3, 1, State::Delivered));
    let bytes = "hello Ana".len() + "how are you".len() + 2 * 256;
    assert_eq!((thread.their_bytes(), thread.unread_bytes()), (bytes, bytes), "what they may still send counts it as before");
    assert_eq!(library.thread(&cem).unwrap().unread(), 0);
}

#[test]
fn a_text_that_comes_again_is_known_whatever_happened_meanwhile() {
    let (place, bo) = (Place::new(), somebody(2));
    let mut library = place.open();
    let text = incoming(1, 1, "once");
    let twice = library.receive(vec![(bo, text.clone()), (bo, text.clone())], 100).unwrap();
    assert_eq!(twice.iter().filter(|received| received.new.is_some()).count(), 1);
    let again = |library: &mut Library| library.receive(vec![(bo, text.clone())], 100).unwrap()[0].new.clone();
    assert_eq!(again(&mut library), None);
    drop(library);
    let mut library = place.open();
    assert_eq!(again(&mut library), None, "after a restart");
    let position = library.thread(&bo).unwrap().get(0).unwrap().position;
    library.delete(bo, &position).unwrap();
    assert_eq!(again(&mut library), None, "after it was deleted");
    library.delete_conversation(bo).unwrap();
    library.receive(vec![(bo, incoming(2, 2, "later"))], 100).unwrap();
    library.delete_conversation(bo).unwrap();
    assert_eq!(library.receive(vec![(bo, incoming(2, 2, "later"))], 100).unwrap()[0].new, None, "after all was deleted");
}

#[test]
fn numbers_go_on_after_a_restart_and_after_a_deletion() {
    let (place, bo) = (Place::new(), somebody(2));
    let mut library = place.open();
    library.write(bo, "one", 100).unwrap();
    let two = library.write(bo, "two", 100).unwrap();
    library.delete(bo, &two.position).unwrap();
    drop(library);
    let mut library = place.open();
    let three = library.write(bo, "three", 100).unwrap();
    assert_eq!((three.position.lamport, three.position.seq), (3, 3));
    library.delete_conversation(bo).unwrap();
    drop(library);
    let four = place.open().write(bo, "four", 100).unwrap();
    assert_eq!((four.position.lamport, four.position.seq), (4, 4));
}

#[test]
fn a_peer_cannot_run_the_clock_away_nor_date_a_text_into_the_future() {
    let (place, bo) = (Place::new(), somebody(2));
    let mut library = place.open();
    let text = Text { sent_ms: u64::MAX, ..incoming(1, u64::MAX, "last for ever") };
    let received = library.receive(vec![(bo, text)], 100).unwrap();
    let entry = received[0].new.clone().unwrap();
    assert_eq!((entry.position.lamport, entry.at_ms), (LEAP, 100));
    assert_eq!(library.write(bo, "after it", 100).unwrap().position.lamport, LEAP + 1);
}

/// Whether any file of the folder holds `words`.
fn disk_holds(place: &Place, words: &str) -> bool {
    let holds = |file: fs::DirEntry| {
        let bytes = fs::read(file.path()).unwrap();
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    };
    fs::read_dir(place.folder.path()).unwrap().map(Result::unwrap).any(holds)
}

#[test]
fn the_disk_holds_no_plain_text_before_or_after_a_deletion() {
    let (place, bo) = (Place::new(), somebody(2));
    let words = "the heron stands in the harbour";
    fs::write(place.file("witness"), words).unwrap();
    assert!(disk_holds(&place, words), "this test can see");
    fs::remove_file(place.file("witness")).unwrap();
    let mut library = place.open();
    library.write(bo, words, 100).unwrap();
    library.receive(vec![(bo, incoming(1, 1, words))], 100).unwrap();
    let key = library.ring.get(&bo).unwrap().key();
    assert!(!disk_holds(&place, words));
    let first = library.thread(&bo).unwrap().get(0).unwrap().position;
    library.delete(bo, &first).unwrap();
    assert!(!disk_holds(&place, words));
    library.delete_conversation(bo).unwrap();
    let public = std::str::from_utf8(&words.as_bytes()[..10]).unwrap();
    assert!(!disk_holds(&place, words) && !disk_holds(&place, public));
    drop(library);
    let bytes: Vec<_> = ["messages.redb", "conversations.keys"].map(|name| fs::read(place.file(name)).unwrap()).concat();
    assert!(!bytes.windows(32).any(|window| window == key.as_slice()));
    for secret in [bo.as_bytes(), somebody(1).as_bytes()] {
        assert!(!bytes.windows(32).any(|window| window == secret), "with whom is not written down either");
    }
}

/// The sealed values of all rows, as they stand in the file.
fn values(library: &Library) -> Vec<Vec<u8>> {
    let table = library.database.as_ref().unwrap().begin_read().unwrap().open_table(MESSAGES).unwrap();
    table.iter().unwrap().map(|row| row.unwrap().1.value().to_vec()).collect()
}

/// Of a text that fills a page of the file by itself.
const LONG: &str = "to be forgotten ";

#[test]
fn of_a_deleted_text_not_even_what_was_sealed_is_left_in_any_of_its_states() {
    let (place, bo) = (Place::new(), somebody(2));
    let mut library = place.open();
    for number in 0..40 {
        library.write(bo, &format!("kept {number}"), 100).unwrap();
    }
    let gone = library.write(bo, &LONG.repeat(200), 100).unwrap().position;
    let long = |library: &Library| values(library).into_iter().find(|value| value.len() > LONG.len() * 200).unwrap();
    let mut sealed = vec![long(&library)];
    library.set_state(bo, &[gone], State::Delivered).unwrap();
    sealed.push(long(&library));
    let holds = |value: &[u8]| {
        let file = fs::read(place.file("messages.redb")).unwrap();
        // The random number in front, and a piece of what it seals.
        [&value[1..25], &value[40..72]].iter().any(|piece| file.windows(piece.len()).any(|window| window == *piece))
    };
    assert!(sealed.iter().all(|value| holds(value)), "this test can see");
    library.delete(bo, &gone).unwrap();
    assert!(!sealed.iter().any(|value| holds(value)));
    assert!(!place.file("messages.redb.new").exists());
    assert_eq!(bodies(&library, bo).len(), 40);
    library.write(bo, "after", 100).unwrap();
    drop(library);
    assert_eq!(bodies(&place.open(), bo).len(), 41);
}

#[test]
fn a_deletion_that_a_crash_cut_short_is_finished_at_the_next_start() {
    let (place, bo) = (Place::new(), somebody(2));
    let mut library = place.open();
    // Several, for closing the file writes over some of what was freed.
    let gone: Vec<_> = (0..10).map(|_| library.write(bo, &LONG.repeat(200), 100).unwrap()).collect();
    let sealed = values(&library);
    library.write(bo, "kept", 100).unwrap();
    // Here the process ends, after the deletion was written and before the file is made anew.
    library.announce_renewal().unwrap();
    let put = |entry: &Arc<Entry>| {
        let key = library.row_key(&bo, &entry.position.sender, &entry.position.id);
        (key, library.seal(&bo, &key, &Row::deleted(entry)))
    };
    let puts: Vec<_> = gone.iter().map(put).collect();
    library.commit(&puts).unwrap();
    drop(library);
    let left = || {
        let file = fs::read(place.file("messages.redb")).unwrap();
        sealed.iter().any(|value| file.windows(24).any(|window| *window == value[1..25]))
    };
    assert!(left(), "this test can see");
    assert_eq!(bodies(&place.open(), bo), ["kept"]);
    assert!(!left() && !place.file("messages.redb.new").exists());
}

#[test]
fn after_a_deletion_an_old_copy_of_the_messages_opens_no_more() {
    let (place, bo, cem) = (Place::new(), somebody(2), somebody(3));
    let mut library = place.open();
    library.write(bo, "gone", 100).unwrap();
    library.write(cem, "stays", 100).unwrap();
    drop(library);
    let old = fs::read(place.file("messages.redb")).unwrap();
    place.open().delete_conversation(bo).unwrap();
    fs::write(place.file("messages.redb"), old).unwrap();
    let library = place.open();
    assert_eq!((bodies(&library, bo), bodies(&library, cem)), (vec![], vec!["stays".to_owned()]));
}

#[test]
fn a_crash_between_the_key_and_the_rows_of_a_deletion_leaves_nothing_in_the_way() {
    let (place, bo) = (Place::new(), somebody(2));
    let mut library = place.open();
    library.write(bo, "gone", 100).unwrap();
    // The key goes first; here the process ends.
    library.ring.erase(&bo, 1, 1, Vec::new()).unwrap();
    drop(library);
    let mut library = place.open();
    assert!(library.thread(&bo).unwrap().is_empty());
    assert_eq!(library.write(bo, "new", 100).unwrap().position.seq, 2);
    drop(library);
    assert_eq!(bodies(&place.open(), bo), ["new"]);
}

#[test]
fn a_file_that_is_missing_cut_or_of_another_key_is_refused_and_left_as_it_is() {
    let (place, bo) = (Place::new(), somebody(2));
    place.open().write(bo, "kept", 100).unwrap();
    let (messages, ring) = (fs::read(place.file("messages.redb")).unwrap(), fs::read(place.file("conversations.keys")).unwrap());

    fs::remove_file(place.file("conversations.keys")).unwrap();
    assert!(matches!(place.try_open(), Err(StoreError::Missing(_))));
    assert!(!place.file("conversations.keys").exists());
    fs::write(place.file("conversations.keys"), &ring).unwrap();

    fs::remove_file(place.file("messages.redb")).unwrap();
    assert!(matches!(place.try_open(), Err(StoreError::Missing(_))));
    assert!(!place.file("messages.redb").exists());

    fs::write(place.file("messages.redb"), &messages[..messages.len() / 2]).unwrap();
    assert!(place.try_open().is_err());

    fs::write(place.file("messages.redb"), &messages).unwrap();
    assert!(Library::open(place.folder.path(), &Zeroizing::new([4; 32]), somebody(1)).is_err());
    assert_eq!(bodies(&place.open(), bo), ["kept"]);
}

#[test]
fn a_start_that_a_crash_cut_short_starts_again() {
    let place = Place::new();
    drop(place.open());
    for left in [0, 100] {
        let whole = fs::read(place.file("messages.redb")).unwrap();
        fs::write(place.file("messages.redb"), &whole[..left]).unwrap();
        place.open().write(somebody(2), "x", 1).unwrap();
        fs::remove_file(place.file("messages.redb")).unwrap();
        fs::remove_file(place.file("conversations.keys")).unwrap();
        drop(place.open());
    }
}

#[test]
fn after_an_error_of_the_disk_nothing_is_lost_and_the_next_write_works() {
    let (place, bo) = (Place::new(), somebody(2));
    let mut library = place.open();
    library.write(bo, "before", 100).unwrap();
    // The change fails as on a full disk, before anything was committed.
    let full = || redb::Error::Io(std::io::Error::from(std::io::ErrorKind::StorageFull));
    let error = library.transaction(|_| Err(full())).unwrap_err();
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert!(library.database.is_none());
    library.receive(vec![(bo, incoming(1, 5, "after"))], 100).unwrap();
    assert_eq!(library.receive(vec![(bo, incoming(1, 5, "after"))], 100).unwrap()[0].new, None);
    drop(library);
    assert_eq!(bodies(&place.open(), bo), ["before", "after"]);
}

#[cfg(unix)]
#[test]
fn its_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    place.open().write(somebody(2), "x", 1).unwrap();
    for name in ["messages.redb", "conversations.keys"] {
        assert_eq!(fs::metadata(place.file(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}
