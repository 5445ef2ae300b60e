//! Profiles that know each other, made once by the program itself and copied for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::cable::Quality;
use super::vesper::Vesper;
use super::{Host, Lab};

/// A profile's folder and key.
#[derive(Debug, Clone)]
pub struct Person {
    pub folder: PathBuf,
    pub key: String,
}

/// Alice and Bob are contacts, Carol and Bob too; Alice and Carol do not know each other.
///
/// Alice and Carol live in host `a`, Bob in host `b`.
pub struct People {
    pub alice: Person,
    pub bob: Person,
    pub carol: Person,
    _folder: TempDir,
}

impl People {
    /// The three for one test; nothing where there can be no lab.
    pub fn meet() -> Option<Self> {
        static ORIGINAL: OnceLock<Option<People>> = OnceLock::new();
        let original = ORIGINAL.get_or_init(Self::introduce).as_ref()?;
        let folder = tempfile::tempdir().expect("there is room for a profile");
        let copy = |person: &Person| {
            let copy = folder.path().join(person.folder.file_name().expect("a profile's folder has a name"));
            copy_folder(&person.folder, &copy);
            Person { folder: copy, key: person.key.clone() }
        };
        Some(Self { alice: copy(&original.alice), bob: copy(&original.bob), carol: copy(&original.carol), _folder: folder })
    }

    fn introduce() -> Option<Self> {
        let lab = Lab::up(Quality::CLEAN)?;
        let folder = tempfile::tempdir().expect("there is room for a profile");
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| Person::create(&folder.path().join(name), name));
        for caller in [&alice, &carol] {
            bob.invite(&lab.b, caller, &lab.a);
        }
        Some(Self { alice, bob, carol, _folder: folder })
    }
}

impl Person {
    /// Makes a profile.
    pub fn create(folder: &Path, name: &str) -> Self {
        let made = Vesper::start(None, folder, ["--name", name, "id"]).end();
        assert_eq!(made.code, Some(0), "{made:#?}");
        let key = made.events.iter().find_map(|line| line["key"].as_str()).expect("`id` prints the key").to_owned();
        Self { folder: folder.to_owned(), key }
    }

    /// Makes an invitation that `other` uses; both know each other afterwards.
    pub fn invite(&self, here: &Host, other: &Self, there: &Host) {
        let mut inviting = Vesper::start(Some(here), &self.folder, ["invite", "--wait"]);
        let invitation = inviting.wait("invitation")["invitation"].as_str().expect("an invitation is text").to_owned();
        let added = Vesper::start(Some(there), &other.folder, ["add", &invitation]).end();
        assert_eq!(added.code, Some(0), "{added:#?}");
        let invited = inviting.end();
        assert_eq!(invited.code, Some(0), "{invited:#?}");
    }

    /// Stays online in `host` with the test picture and the tone, and does as it is told.
    pub fn answer<'a>(&self, host: &Host, more: impl IntoIterator<Item = &'a str>) -> Vesper {
        Vesper::start(Some(host), &self.folder, ["answer"].into_iter().chain(MEDIA).chain(more))
    }

    /// Calls `other` from `host` with the test picture and the tone.
    pub fn call<'a>(&self, host: &Host, other: &'a Self, more: impl IntoIterator<Item = &'a str>) -> Vesper {
        Vesper::start(Some(host), &self.folder, ["call", &other.key].into_iter().chain(MEDIA).chain(more))
    }
}

/// Sources that every machine has. Small pictures: what is tested here is the call.
const MEDIA: [&str; 10] = ["--camera", "test", "--mic", "tone", "--speaker", "none", "--size", "640x360", "--fps", "15"];

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the copy is new");
    fs::set_permissions(to, fs::metadata(from).expect("the original is there").permissions()).expect("the copy is ours");
    for entry in fs::read_dir(from).expect("the original is there").flatten() {
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &copy);
        } else if entry.path().is_file() {
            fs::copy(entry.path(), copy).expect("there is room for a profile");
        }
    }
}
