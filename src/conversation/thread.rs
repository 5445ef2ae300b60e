//! A contact's entries in memory, in order.
//!
//! Kept as blocks that copies share: a new copy for the window after each change costs a pointer a block, not one an entry,
//! and a thread of a hundred thousand entries is searched from end to end in a few milliseconds.

use std::sync::Arc;

use super::entry::{Content, Entry, State};
use super::order::{Clock, Position};

/// A block that grows past this is split.
const BLOCK: usize = 512;

/// What a text costs beside its body, in memory and on the disk. Without it, any number of texts of one byte would come to nothing.
const OVERHEAD: usize = 256;

/// One conversation. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Thread {
    /// None of them is empty.
    blocks: Vec<Arc<Vec<Arc<Entry>>>>,
    len: usize,
    unread: usize,
    missed: usize,
    /// Bytes of the other side's texts, [`OVERHEAD`] for each with them, and of those that nobody has looked at.
    their_bytes: usize,
    unread_bytes: usize,
    /// The highest number of any entry that ever was here, also of those that were deleted.
    pub(super) clock: Clock,
    /// The highest number of an entry of ours.
    pub(super) seq: u64,
}

impl Thread {
    /// An empty one whose numbers go on after these.
    pub(super) fn after(clock: Clock, seq: u64) -> Self {
        Self { clock, seq, ..Self::default() }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many entries nobody has looked at, missed calls with them.
    pub fn unread(&self) -> usize {
        self.unread
    }

    /// How many of those are missed calls.
    pub fn missed(&self) -> usize {
        self.missed
    }

    /// How many bytes the other side's texts take, 256 for each beside its body.
    pub fn their_bytes(&self) -> usize {
        self.their_bytes
    }

    /// How many of those nobody has looked at.
    pub fn unread_bytes(&self) -> usize {
        self.unread_bytes
    }

    /// The entry at `index`, the oldest at 0.
    pub fn get(&self, mut index: usize) -> Option<&Arc<Entry>> {
        for block in &self.blocks {
            if index < block.len() {
                return block.get(index);
            }
            index -= block.len();
        }
        None
    }

    /// The newest entry.
    pub fn last(&self) -> Option<&Arc<Entry>> {
        self.blocks.last()?.last()
    }

    /// From the oldest to the newest; walks both ways.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.blocks.iter().flat_map(|block| block.iter())
    }

    /// The index of the entry at `position`.
    pub fn find(&self, position: &Position) -> Option<usize> {
        let (block, index) = self.place(position).ok()?;
        Some(self.blocks[..block].iter().map(|block| block.len()).sum::<usize>() + index)
    }

    /// The index of the oldest entry that nobody has looked at.
    pub fn first_unread(&self) -> Option<usize> {
        if self.unread == 0 {
            return None;
        }
        self.iter().position(|entry| entry.is_unread())
    }

    /// Texts that hold `words`, whatever the case, the newest first, at most `most`.
    pub fn search<'a>(&'a self, words: &str, most: usize) -> Vec<&'a Arc<Entry>> {
        let folded = words.trim().to_lowercase();
        if folded.is_empty() {
            return Vec::new();
        }
        let fits = |entry: &&Arc<Entry>| match &entry.content {
            Content::Text(words) => words.folded().contains(&folded),
            Content::Call(_) => false,
        };
        self.iter().rev().filter(fits).take(most).collect()
    }

    /// Puts an entry where it belongs. One that is there already stays as it is.
    pub(super) fn insert(&mut self, entry: Arc<Entry>) {
        self.passed(&entry.position, entry.mine);
        let Err((block, index)) = self.place(&entry.position) else { return };
        self.count(&entry, true);
        self.len += 1;
        if self.blocks.is_empty() {
            self.blocks.push(Arc::new(vec![entry]));
            return;
        }
        let entries = Arc::make_mut(&mut self.blocks[block]);
        entries.insert(index, entry);
        if entries.len() > BLOCK {
            // At the end a block is left full: threads grow there.
            let at = if index + 1 == entries.len() { BLOCK } else { BLOCK / 2 };
            let rest = entries.split_off(at);
            self.blocks.insert(block + 1, Arc::new(rest));
        }
    }

    /// An entry that is not shown any more still counts for the numbers of the next ones.
    pub(super) fn passed(&mut self, position: &Position, mine: bool) {
        self.clock = self.clock.max(Clock(position.lamport));
        if mine {
            self.seq = self.seq.max(position.seq);
        }
    }

    /// Says what became of an entry.
    pub(super) fn set_state(&mut self, position: &Position, state: State) {
        let Ok((block, index)) = self.place(position) else { return };
        let old = self.blocks[block][index].clone();
        let new = Arc::new(Entry { state, ..(*old).clone() });
        self.count(&old, false);
        self.count(&new, true);
        Arc::make_mut(&mut self.blocks[block])[index] = new;
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, position: &Position) {
        let Ok((block, index)) = self.place(position) else { return };
        let entries = Arc::make_mut(&mut self.blocks[block]);
        let entry = entries.remove(index);
        if entries.is_empty() {
            self.blocks.remove(block);
        }
        self.len -= 1;
        self.count(&entry, false);
    }

    /// Takes everything out; the numbers go on.
    pub(super) fn clear(&mut self) {
        *self = Self::after(self.clock, self.seq);
    }

    fn count(&mut self, entry: &Entry, add: bool) {
        let step = |count: usize, by: usize| if add { count + by } else { count - by };
        let theirs = entry.text().filter(|_| !entry.mine).map_or(0, |body| OVERHEAD + body.len());
        self.their_bytes = step(self.their_bytes, theirs);
        if !entry.is_unread() {
            return;
        }
        self.unread = step(self.unread, 1);
        self.unread_bytes = step(self.unread_bytes, theirs);
        if matches!(entry.content, Content::Call(_)) {
            self.missed = step(self.missed, 1);
        }
    }

    /// Block and index of the entry at `position`, or where one would go.
    fn place(&self, position: &Position) -> Result<(usize, usize), (usize, usize)> {
        let after = self.blocks.partition_point(|block| block[0].position <= *position);
        let block = after.saturating_sub(1);
        let Some(entries) = self.blocks.get(block) else { return Err((0, 0)) };
        match entries.binary_search_by_key(position, |entry| entry.position) {
            Ok(index) => Ok((block, index)),
            Err(index) => Err((block, index)),
        }
    }
}

impl PartialEq for Thread {
    /// Whether they are copies of one another; two threads that only happen to hold the same are not compared entry by entry.
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len
            && self.unread == other.unread
            && self.blocks.len() == other.blocks.len()
            && self.blocks.iter().zip(&other.blocks).all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

impl FromIterator<Entry> for Thread {
    fn from_iter<T: IntoIterator<Item = Entry>>(entries: T) -> Self {
        let mut thread = Self::default();
        entries.into_iter().for_each(|entry| thread.insert(Arc::new(entry)));
        thread
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Identity;
    use crate::signal::message::MessageId;

    fn entry(lamport: u64, seq: u64, body: &str) -> Entry {
        let sender = Identity::from_secret(&[(seq % 2) as u8 + 1; 32]).public();
        let position = Position { lamport, sender, seq, id: MessageId([seq as u8; 16]) };
        Entry { position, mine: false, at_ms: 0, content: Content::text(body), state: State::Unseen }
    }

    fn positions(thread: &Thread) -> Vec<Position> {
        thread.iter().map(|entry| entry.position).collect()
    }

    proptest! {
        #[test]
        fn entries_stand_in_order_whatever_order_they_come_in(numbers in prop::collection::vec((0u64..400, 0u64..6), 0..1500)) {
            let thread: Thread = numbers.iter().map(|(lamport, seq)| entry(*lamport, *seq, "x")).collect();
            let mut wanted: Vec<_> = numbers.iter().map(|(lamport, seq)| entry(*lamport, *seq, "x").position).collect();
            wanted.sort();
            wanted.dedup();
            prop_assert_eq!(positions(&thread), wanted.clone());
            prop_assert_eq!((thread.len(), thread.unread()), (wanted.len(), wanted.len()));
            for (index, position) in wanted.iter().enumerate().step_by(97) {
                prop_assert_eq!(thread.find(position), Some(index));
                prop_assert_eq!(thread.get(index).map(|entry| entry.position), Some(*position));
            }
        }

        #[test]
        fn what_is_taken_out_is_gone_and_its_number_is_not_used_again(count in 1u64..1200, step in 1usize..7) {
            let mut thread: Thread = (0..count).map(|n| entry(n, 2, "x")).collect();
            let gone: Vec<_> = positions(&thread).into_iter().step_by(step).collect();
            let clock = thread.clock;
            gone.iter().for_each(|position| thread.remove(position));
            prop_assert!(gone.iter().all(|position| thread.find(position).is_none()));
            prop_assert_eq!(thread.len(), count as usize - gone.len());
            prop_assert_eq!((thread.iter().count(), thread.unread(), thread.clock), (thread.len(), thread.len(), clock));
        }
    }

    #[test]
    fn a_copy_shows_what_was_and_the_thread_goes_on() {
        let mut thread: Thread = (0..2000).map(|n| entry(n, 2, "x")).collect();
        let copy = thread.clone();
        assert_eq!(copy, thread);
        thread.insert(Arc::new(entry(2000, 2, "new")));
        assert_ne!(copy, thread);
        assert_eq!((copy.len(), thread.len()), (2000, 2001));
    }

    #[test]
    fn seen_entries_are_not_unread_and_missed_calls_count_apart() {
        use super::super::entry::{Call, Outcome};
        let mut thread: Thread = [entry(1, 2, "a"), entry(2, 2, "b")].into_iter().collect();
        let call = Call { outgoing: false, video: true, outcome: Outcome::Missed, seconds: 0 };
        let missed = Entry { content: Content::Call(call), ..entry(3, 2, "") };
        thread.insert(Arc::new(missed.clone()));
        assert_eq!((thread.unread(), thread.missed(), thread.first_unread()), (3, 1, Some(0)));
        let bytes = |thread: &Thread| [thread.their_bytes(), thread.unread_bytes()];
        assert_eq!(bytes(&thread), [2 * (OVERHEAD + 1); 2], "a call costs them nothing");
        thread.set_state(&entry(1, 2, "a").position, State::Seen);
        thread.set_state(&missed.position, State::Seen);
        assert_eq!((thread.unread(), thread.missed(), thread.first_unread()), (1, 0, Some(1)));
        assert_eq!(bytes(&thread), [2 * (OVERHEAD + 1), OVERHEAD + 1]);
        thread.remove(&entry(2, 2, "b").position);
        assert_eq!(bytes(&thread), [OVERHEAD + 1, 0]);
    }

    #[test]
    fn a_search_finds_words_whatever_their_case_newest_first() {
        let thread: Thread =
            [entry(1, 2, "The Floor plans"), entry(2, 2, "nothing"), entry(3, 2, "FLOOR 2")].into_iter().collect();
        let found: Vec<_> = thread.search(" floor ", 10).iter().map(|entry| entry.text().unwrap().to_owned()).collect();
        assert_eq!(found, ["FLOOR 2", "The Floor plans"]);
        assert!(thread.search("  ", 10).is_empty() && thread.search("roof", 10).is_empty());
        assert_eq!(thread.search("o", 1).len(), 1);
    }
}
