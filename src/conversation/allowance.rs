//! How much of what a contact writes is taken in. Rules only: `now` is an argument, nothing is kept or said here.
//!
//! A contact may fill neither our disk nor our memory, whoever uses their keys. What goes beyond is not acknowledged, and so not lost:
//! it stays in the sender's outbox and comes again, ever more seldom, until there is room.
//!
//! ```text
//! in a row      1000 texts, 8 MiB; then 4 texts and 4 KiB a second
//! unread        10 000 texts, 16 MiB, where there is a person who could look
//! altogether    64 MiB of theirs in one conversation
//! ```
//!
//! In what a conversation holds, unread or altogether, each text counts 256 bytes beside its body, so that a quarter of a million
//! texts fill it, however short. The longest novels have three MiB: nobody who means well comes near.

use std::time::{Duration, Instant};

use super::thread::Thread;

/// Texts that may come in a row, as after weeks apart, and how many a second after that.
const TEXTS: (f64, f64) = (1000.0, 4.0);
/// The same for their bytes.
const BYTES: (f64, f64) = ((8 << 20) as f64, 4096.0);
/// What may wait for a person to look at it.
const MOST_UNREAD: usize = 10_000;
const MOST_UNREAD_BYTES: usize = 16 << 20;
/// What one conversation holds of the other side's texts; all of it is in memory.
const MOST_BYTES: usize = 64 << 20;
/// Missed calls that nobody has looked at, each a line in the conversation. Further ones are counted on the contact alone.
const MOST_MISSED: usize = 1000;
/// How soon a person is told the same again.
const TOLD_AGAIN: Duration = Duration::from_secs(3600);

/// What one contact may still send.
#[derive(Debug)]
pub struct Allowance {
    texts: f64,
    bytes: f64,
    last: Option<Instant>,
    told: Option<(TooMuch, Instant)>,
    refused: bool,
}

/// Why a text is not taken in now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuch {
    /// They write faster than anybody.
    Fast,
    /// Nobody has looked at what there is.
    Unread,
    /// The conversation holds as much as one may.
    Full,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { texts: TEXTS.0, bytes: BYTES.0, last: None, told: None, refused: false }
    }
}

impl Allowance {
    /// Whether a text of `bytes` may be taken in, beside what `thread` has. `watched`: there is a person who could look at it.
    pub fn take(&mut self, now: Instant, bytes: usize, thread: Option<&Thread>, watched: bool) -> Result<(), TooMuch> {
        let judged = self.judge(now, bytes as f64, thread, watched);
        self.refused |= judged.is_err();
        judged
    }

    /// Whether the person has to hear of `why`; the same is not said again for an hour.
    pub fn is_news(&mut self, why: TooMuch, now: Instant) -> bool {
        let known = self.told.is_some_and(|(told, at)| told == why && now < at + TOLD_AGAIN);
        if !known {
            self.told = Some((why, now));
        }
        !known
    }

    /// The person made room. True if something was refused before, and may be sent again.
    pub fn relent(&mut self) -> bool {
        self.told = None;
        std::mem::take(&mut self.refused)
    }

    fn judge(&mut self, now: Instant, bytes: f64, thread: Option<&Thread>, watched: bool) -> Result<(), TooMuch> {
        let passed = self.last.replace(now).map_or(0.0, |last| now.saturating_duration_since(last).as_secs_f64());
        self.texts = (self.texts + passed * TEXTS.1).min(TEXTS.0);
        self.bytes = (self.bytes + passed * BYTES.1).min(BYTES.0);
        if thread.is_some_and(|thread| thread.their_bytes() >= MOST_BYTES) {
            return Err(TooMuch::Full);
        }
        let unread = |thread: &Thread| thread.unread() >= MOST_UNREAD || thread.unread_bytes() >= MOST_UNREAD_BYTES;
        if watched && thread.is_some_and(unread) {
            return Err(TooMuch::Unread);
        }
        if self.texts < 1.0 || self.bytes < bytes {
            return Err(TooMuch::Fast);
        }
        self.texts -= 1.0;
        self.bytes -= bytes;
        Ok(())
    }
}

impl TooMuch {
    /// What happened and what the person can do, about the contact called `name`.
    pub fn sentence(self, name: &str) -> String {
        match self {
            Self::Fast => {
                format!(
                    "{name} writes more at once than anybody reads. It is taken in little by little; block them if it is a flood."
                )
            }
            Self::Unread => {
                format!(
                    "{name} wrote more than is kept unread. What follows waits on their computer until you look at the conversation."
                )
            }
            Self::Full => {
                format!("The conversation with {name} is full. What follows waits on their computer until you delete it.")
            }
        }
    }
}

/// Whether another missed call gets a line in a conversation.
pub fn notes_missed(thread: Option<&Thread>) -> bool {
    thread.is_none_or(|thread| thread.missed() < MOST_MISSED)
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Call, Content, Entry, Outcome, State};
    use super::super::order::Position;
    use super::*;
    use crate::identity::Identity;
    use crate::signal::message::{MAX_BODY, MessageId};

    const SECOND: Duration = Duration::from_secs(1);

    fn thread(count: u64, content: impl Fn() -> Content, state: State) -> Thread {
        let sender = Identity::from_secret(&[2; 32]).public();
        let position = |n| Position { lamport: n, sender, seq: n, id: MessageId([0; 16]) };
        (0..count).map(|n| Entry { position: position(n), mine: false, at_ms: 0, content: content(), state }).collect()
    }

    fn taken(allowance: &mut Allowance, now: Instant, count: usize, bytes: usize) -> usize {
        (0..count).filter(|_| allowance.take(now, bytes, None, true).is_ok()).count()
    }

    #[test]
    fn weeks_of_letters_come_at_once_and_a_flood_gets_four_texts_a_second() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        assert_eq!(taken(&mut allowance, now, 5000, 100), 1000);
        assert_eq!(allowance.take(now, 100, None, true), Err(TooMuch::Fast));
        assert_eq!(taken(&mut allowance, now + 10 * SECOND, 5000, 100), 40);
    }

    #[test]
    fn a_day_of_the_longest_texts_is_some_hundred_mebibytes_and_not_the_disk() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        let day: usize = (0..86_400).map(|second| taken(&mut allowance, now + second * SECOND, 4, MAX_BODY)).sum();
        assert!((300 << 20..400 << 20).contains(&(day * MAX_BODY)), "{} MiB", (day * MAX_BODY) >> 20);
    }

    #[test]
    fn what_nobody_looks_at_is_bounded_until_somebody_looks() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        let long = || Content::text("x".repeat(MAX_BODY));
        for unread in [thread(10_000, || Content::text("x"), State::Unseen), thread(512, long, State::Unseen)] {
            assert_eq!(allowance.take(now, 1, Some(&unread), true), Err(TooMuch::Unread));
            assert_eq!(allowance.take(now, 1, Some(&unread), false), Ok(()), "where nobody can look, nobody is waited for");
            assert!(allowance.relent() && !allowance.relent());
        }
        assert_eq!(allowance.take(now, 1, Some(&thread(512, long, State::Seen)), true), Ok(()));
    }

    #[test]
    fn a_conversation_that_is_full_takes_in_nothing_more() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        let full = thread(2048, || Content::text("x".repeat(MAX_BODY)), State::Seen);
        assert_eq!(allowance.take(now, 1, Some(&full), false), Err(TooMuch::Full));
    }

    #[test]
    fn a_quarter_of_a_million_texts_fill_a_conversation_however_short_they_are() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        let short = |count| thread(count, || Content::text("x"), State::Seen);
        assert_eq!(allowance.take(now, 1, Some(&short(261_000)), false), Ok(()));
        assert_eq!(allowance.take(now, 1, Some(&short(262_000)), false), Err(TooMuch::Full));
    }

    #[test]
    fn the_person_hears_it_once_an_hour_and_again_when_it_is_something_else() {
        let (mut allowance, now) = (Allowance::default(), Instant::now());
        assert!(allowance.is_news(TooMuch::Fast, now));
        assert!(!allowance.is_news(TooMuch::Fast, now + 60 * SECOND));
        assert!(allowance.is_news(TooMuch::Unread, now + 60 * SECOND));
        assert!(allowance.is_news(TooMuch::Unread, now + TOLD_AGAIN + 60 * SECOND));
    }

    #[test]
    fn a_thousand_missed_calls_that_nobody_looked_at_are_enough() {
        let missed = || Content::Call(Call { outgoing: false, video: true, outcome: Outcome::Missed, seconds: 0 });
        assert!(notes_missed(None) && notes_missed(Some(&thread(999, missed, State::Unseen))));
        assert!(!notes_missed(Some(&thread(1000, missed, State::Unseen))));
    }
}
