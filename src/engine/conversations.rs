//! The engine's side of conversations: opens the library off the loop, keeps what comes before it is acknowledged, sends what waits.
//!
//! ```text
//! Opening ──opened──▶ Ready ◀──unlock, lock──▶ Locked        Failed: a sentence, and calls work all the same
//! ```
//!
//! Texts that come within a few milliseconds of each other reach the disk as one change. While the library is locked nothing is
//! acknowledged: the sender's outbox keeps it and sends it again.

mod about;
mod opener;
pub mod requests;
mod texts;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::core::Core;
use super::people::People;
use super::request::Asked;
use super::snapshot::{self, ConversationsStage, Returned};
use crate::contacts::{Contact, StoreError};
use crate::conversation::{Allowance, Content, Entry, Library, Meanwhile, Noted, Outbox, Thread, Zone};
use crate::identity::seal::SealKey;
use crate::identity::{PublicKey, random};
use crate::media::clock::MediaTime;
use crate::signal::message::Text;

/// How long a text waits for others to reach the disk together with.
const GATHER: Duration = Duration::from_millis(5);
/// Texts that reach the disk together at most.
const BATCH: usize = 64;
/// Texts that wait for the library to open. More than these are not acknowledged, and sent again.
const MOST_EARLY: usize = 256;

/// What the engine holds of conversations.
pub struct Conversations {
    stage: Stage,
    /// Where the library lies; absent for Echo, which keeps nothing.
    directory: Option<PathBuf>,
    outboxes: BTreeMap<PublicKey, Outbox>,
    allowances: BTreeMap<PublicKey, Allowance>,
    inbox: Vec<(PublicKey, Text)>,
    keep_inbox_at: Option<Instant>,
    /// Calls that ended while the library was not open; absent for Echo.
    meanwhile: Option<Meanwhile>,
    /// Questions that came before it was.
    asked: Vec<Asked>,
    /// Each opening has a number, so that one that a lock overtook does not count.
    openings: u32,
    results: mpsc::Sender<Opened>,
    opened: mpsc::Receiver<Opened>,
    shown: Arc<BTreeMap<PublicKey, Arc<Thread>>>,
    returned: Option<Returned>,
    zone: Arc<Zone>,
    /// Contacts who said what they are on the connection there is, and those of them who do not show that they are online.
    heard: HashSet<PublicKey>,
    hidden: HashSet<PublicKey>,
    newer: Option<String>,
    /// A text came while the library was locked.
    waiting: bool,
}

enum Stage {
    Opening,
    Ready(Box<Library>),
    Locked,
    Failed(String),
}

/// What became of opening the library.
pub struct Opened {
    number: u32,
    result: Result<Box<Library>, StoreError>,
}

impl Conversations {
    /// Starts to open the library of `people`.
    pub fn new(people: &People) -> Self {
        // Holds one: only the newest opening counts.
        let (results, opened) = mpsc::channel(1);
        let mut this = Self {
            stage: Stage::Locked,
            directory: None,
            outboxes: BTreeMap::new(),
            allowances: BTreeMap::new(),
            inbox: Vec::new(),
            keep_inbox_at: None,
            meanwhile: people.calls_meanwhile(),
            asked: Vec::new(),
            openings: 0,
            results,
            opened,
            shown: Arc::default(),
            returned: None,
            zone: Arc::new(zone()),
            heard: HashSet::new(),
            hidden: HashSet::new(),
            newer: None,
            waiting: false,
        };
        if let Some((directory, key)) = people.message_place() {
            this.directory = Some(directory);
            this.unlock(key, people.identity.public());
        }
        this
    }

    /// The library was opened, or could not be.
    pub async fn opened(&mut self) -> Opened {
        // We hold a sender ourselves, so this ends only with an opening.
        match self.opened.recv().await {
            Some(opened) => opened,
            None => std::future::pending().await,
        }
    }

    /// When [`Core::conversations_due`] has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        if !matches!(self.stage, Stage::Ready(_)) {
            return None;
        }
        self.outboxes.values().filter_map(Outbox::deadline).chain(self.keep_inbox_at).min()
    }

    /// Wipes keys and texts from memory. What comes in meanwhile is not acknowledged, so its senders keep it.
    pub fn lock(&mut self) {
        self.stage = Stage::Locked;
        self.waiting = false;
        self.openings += 1;
        self.outboxes.clear();
        self.inbox.clear();
        self.returned = None;
        self.keep_inbox_at = None;
        self.shown = Arc::default();
    }

    /// Lets go of everything, and comes back when nothing is being opened any more.
    pub async fn close(self) {
        let Self { results, mut opened, .. } = self;
        // Whoever opens holds another one of these until it is done.
        drop(results);
        while opened.recv().await.is_some() {}
    }

    /// Opens the library again, off the loop: a hundred thousand texts take a moment to read.
    pub fn unlock(&mut self, message_key: SealKey, me: PublicKey) {
        let Some(directory) = self.directory.clone() else { return };
        self.stage = Stage::Opening;
        self.waiting = false;
        self.openings += 1;
        let (number, results) = (self.openings, self.results.clone());
        tokio::task::spawn_blocking(move || {
            let result = Library::open(&directory, &message_key, me).map(Box::new);
            // Fails when the engine has ended, and with it whoever wanted to read.
            let _ = results.blocking_send(Opened { number, result });
        });
    }

    /// Whether a question about conversations has to wait for the library.
    pub fn is_opening(&self) -> bool {
        matches!(self.stage, Stage::Opening)
    }

    /// Keeps a question until the library is open.
    pub fn ask_later(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    /// What the window shows.
    pub fn view(&self) -> snapshot::Conversations {
        let stage = match &self.stage {
            Stage::Opening => ConversationsStage::Opening,
            Stage::Ready(_) => ConversationsStage::Ready,
            Stage::Locked => ConversationsStage::Locked,
            Stage::Failed(why) => ConversationsStage::Failed(super::words::whole(why)),
        };
        let (threads, returned) = (self.shown.clone(), self.returned.clone());
        let (zone, newer_version) = (self.zone.clone(), self.newer.clone());
        snapshot::Conversations { stage, threads, returned, zone, newer_version, waiting: self.waiting }
    }

    /// What the clock on the wall says at `unix_ms`, in minutes after midnight.
    pub fn minute_of_day(&self, unix_ms: u64) -> u16 {
        let at = self.zone.at(unix_ms);
        u16::from(at.hour) * 60 + u16::from(at.minute)
    }

    fn library(&mut self) -> Result<&mut Library, String> {
        match &mut self.stage {
            Stage::Ready(library) => Ok(library),
            Stage::Opening => Err("your messages are still being opened; try again in a moment".into()),
            Stage::Locked => Err("your messages are locked; unlock Vesper first".into()),
            Stage::Failed(why) => Err(why.clone()),
        }
    }

    /// How many calls of `peer` were missed and not seen yet.
    fn missed(&self, peer: PublicKey) -> u32 {
        let Stage::Ready(library) = &self.stage else { return 0 };
        library.thread(&peer).map_or(0, |thread| u32::try_from(thread.missed()).unwrap_or(u32::MAX))
    }

    /// Whether this call stands in the library already.
    fn has_call(&self, peer: PublicKey, noted: Noted) -> bool {
        let Stage::Ready(library) = &self.stage else { return false };
        let is_it = |entry: &Arc<Entry>| entry.at_ms == noted.at_ms && entry.content == Content::Call(noted.call);
        library.thread(&peer).is_some_and(|thread| thread.iter().any(is_it))
    }

    fn outbox(&mut self, peer: PublicKey) -> &mut Outbox {
        self.outboxes.entry(peer).or_insert_with(|| Outbox::new(u64::from_be_bytes(random())))
    }

    /// Shows the library as it is now.
    fn show(&mut self) {
        if let Stage::Ready(library) = &self.stage {
            self.shown = Arc::new(library.threads().clone());
        }
    }
}

impl Core {
    /// The library is open: what waits goes out, what came early is kept, who asked is answered.
    pub(super) fn conversations_opened(&mut self, opened: Opened, now: Instant) {
        if opened.number != self.conversations.openings {
            return;
        }
        match opened.result {
            Ok(mut library) => {
                if let Err(error) = forget_strangers(&mut library, &self.people.contacts) {
                    self.notices.error(&error.into());
                }
                let waiting = |(peer, thread): (&PublicKey, &Arc<Thread>)| {
                    let waits = thread.iter().filter(|entry| entry.waits());
                    waits.map(|entry| (*peer, entry.position, entry.text().map_or(0, str::len))).collect::<Vec<_>>()
                };
                let waiting: Vec<_> = library.threads().iter().flat_map(waiting).collect();
                self.conversations.stage = Stage::Ready(library);
                for (peer, position, bytes) in waiting {
                    let online = self.network.online(peer);
                    let outbox = self.conversations.outbox(peer);
                    if online && outbox.is_empty() {
                        outbox.linked();
                    }
                    outbox.put(position, bytes);
                }
            }
            Err(error) => {
                self.notices.error(&anyhow::Error::msg(error.to_string()));
                self.conversations.stage = Stage::Failed(error.to_string());
            }
        }
        self.keep_calls_of_meanwhile();
        self.keep_inbox();
        for (request, reply_to) in std::mem::take(&mut self.conversations.asked) {
            let _ = reply_to.send(self.answer_about_messages(&request, now));
        }
        self.conversations.show();
        self.send_what_waits(now);
        // Who held texts back while we were locked sends them when it hears of us.
        let online: Vec<_> =
            self.people.contacts.iter().map(|contact| contact.key).filter(|key| self.network.online(*key)).collect();
        online.into_iter().for_each(|peer| self.say_about_us(peer));
    }

    /// What is due by the clock.
    pub(super) fn conversations_due(&mut self, now: Instant) {
        if self.conversations.keep_inbox_at.is_some_and(|at| at <= now) {
            self.keep_inbox();
        }
        self.send_what_waits(now);
    }

    /// A connection to `peer` is there, or a new one.
    pub(super) fn talk_begins(&mut self, peer: PublicKey, now: Instant) {
        if self.people.accepted(peer).is_none() {
            return;
        }
        self.say_about_us(peer);
        self.conversations.outbox(peer).linked();
        self.send_what_waits(now);
    }

    /// The connection to `peer` is gone.
    pub(super) fn talk_ends(&mut self, peer: PublicKey, now: Instant) {
        if let Some(outbox) = self.conversations.outboxes.get_mut(&peer) {
            outbox.unlinked(now);
        }
        self.conversations.heard.remove(&peer);
        self.conversations.hidden.remove(&peer);
    }

    /// Reads the conversations again when the profile was unlocked.
    pub(super) fn unlock_conversations(&mut self) {
        if let Some((_, key)) = self.people.message_place() {
            self.conversations.unlock(key, self.people.identity.public());
        }
    }

    /// Nothing more goes to `peer`; if they are no contact any more, what was written is deleted, for nobody could see it. Where the
    /// library is not open, [`forget_strangers`] does that once it is.
    pub(super) fn talk_is_over(&mut self, peer: PublicKey) {
        self.conversations.outboxes.remove(&peer);
        self.conversations.allowances.remove(&peer);
        if self.people.contacts.iter().any(|contact| contact.key == peer) {
            return;
        }
        if let Ok(library) = self.conversations.library()
            && let Err(error) = library.delete_conversation(peer)
        {
            self.notices.error(&error.into());
        }
        self.conversations.show();
    }
}

/// Deletes what was written with whoever is no contact: they may have been removed while the library was not open. What was written
/// with somebody who is blocked stays.
pub fn forget_strangers(library: &mut Library, contacts: &[Contact]) -> Result<(), StoreError> {
    let is_contact = |peer: &PublicKey| contacts.iter().any(|contact| contact.key == *peer);
    let written = library.threads().iter().filter(|(_, thread)| !thread.is_empty());
    let strangers: Vec<PublicKey> = written.map(|(peer, _)| *peer).filter(|peer| !is_contact(peer)).collect();
    strangers.into_iter().try_for_each(|peer| library.delete_conversation(peer))
}

/// Unix milliseconds.
fn now_ms() -> u64 {
    MediaTime::now().unix_us() / 1000
}

/// The time zone of this computer; UTC where it does not say.
pub fn zone() -> Zone {
    let named = std::env::var_os("TZ").filter(|name| !name.is_empty()).map(|name| Path::new("/usr/share/zoneinfo").join(name));
    let files = named.into_iter().chain([PathBuf::from("/etc/localtime")]);
    files.filter_map(|path| Zone::read(&std::fs::read(path).ok()?)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::contacts::PairSecret;
    use crate::identity::Identity;

    #[test]
    fn what_was_written_with_somebody_who_is_no_contact_is_deleted_and_with_somebody_blocked_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [me, ana, bo, eve] = [(); 4].map(|()| Identity::generate().public());
        let open = || Library::open(folder.path(), &Zeroizing::new([3; 32]), me).unwrap();
        let mut library = open();
        for peer in [ana, bo, eve] {
            library.write(peer, "hello", 1).unwrap();
        }
        let mut contacts = [ana, bo].map(|key| Contact::new(key, None, "A", PairSecret::generate(), vec![], 0));
        contacts[1].block();
        forget_strangers(&mut library, &contacts).unwrap();
        drop(library);
        let library = open();
        let kept = [ana, bo, eve].map(|peer| library.thread(&peer).map_or(0, |thread| thread.len()));
        assert_eq!(kept, [1, 1, 0]);
    }
}
