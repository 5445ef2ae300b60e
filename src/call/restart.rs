//! How a call gets another connection while it lasts: the network changed, the path is gone for good, or the seal broke.
//!
//! ```text
//! either side                                         the other
//!   opens sockets for path n
//!   ── RESTART  n, description, candidates ──────────▶    opens sockets for path n, too
//!   ◀─ RESTART  n, description, candidates ───────────
//!   connects                                              connects
//!        the path before carries on until path n stands; then everything moves over
//! ```
//!
//! Both may begin at once: they choose the same number, and each takes the other's as the answer. A higher number replaces a
//! lower one. RESTART is sealed, so the new certificate is as much the peer's as the first one was; keys and counters belong
//! to the call and do not change (protocol.md, section 8.3). It is repeated twice a second, for it may travel on a path that is just
//! breaking.

use std::time::{Duration, Instant};

use super::budget::CandidateBudget;
use super::control::Control;
use super::event::Output;
use super::state::Turn;
use crate::identity::PublicKey;
use crate::signal::message::{CallId, Candidate, Description};

/// How soon RESTART is sent again.
const RESEND: Duration = Duration::from_millis(500);
/// How long an attempt may take once both sides know how to reach each other.
const CONNECT: Duration = Duration::from_secs(12);
/// How long an attempt goes on although the path before works again.
const NEEDLESS: Duration = Duration::from_secs(20);
/// From one attempt to the next: each opens sockets, and a peer may ask for as many as it likes.
const APART: Duration = Duration::from_secs(1);
/// The same while the call goes on over the link: twice as long after each attempt, up to the second.
const LEISURE: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(300));
/// How many attempts of the peer's may follow each other so soon; after each further one the next waits twice as long, up to this.
const SWIFT: u32 = 4;
const MOST_APART: Duration = Duration::from_secs(30);
/// After so long without one, the peer's attempts are counted anew.
const CALM: Duration = Duration::from_secs(120);

/// How one side can be reached on a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reach {
    pub description: Description,
    pub candidates: Vec<Candidate>,
}

/// The paths of a call, by number; 0 is the one that the handshake described.
pub(super) struct Restarts {
    call: CallId,
    peer: PublicKey,
    /// The path that carries, or carried last.
    path: u32,
    /// The highest number that either side has used, and the highest that the peer has named, taken up or not.
    newest: u32,
    named: u32,
    attempt: Option<Attempt>,
    /// When to begin another: unless the path has come back by then, or, if that is true, in any case.
    due: Option<(Instant, bool)>,
    began: Option<Instant>,
    /// How many attempts came to nothing while there was time; nothing while there is none.
    leisure: Option<u32>,
    from_peer: TheirAttempts,
}

/// The attempts that the peer began: each opens sockets here and sends packets to where it says.
#[derive(Debug, Default)]
struct TheirAttempts {
    count: u32,
    last: Option<Instant>,
}

struct Attempt {
    path: u32,
    ours: Option<Reach>,
    theirs: Option<Reach>,
    began: Instant,
    resend: Instant,
    /// Once it was told to connect: until when it may take.
    connect_by: Option<Instant>,
}

impl Restarts {
    pub fn new(call: CallId, peer: PublicKey) -> Self {
        Self {
            call,
            peer,
            path: 0,
            newest: 0,
            named: 0,
            attempt: None,
            due: None,
            began: None,
            leisure: None,
            from_peer: TheirAttempts::default(),
        }
    }

    /// Whether `path` is the one that carries.
    pub fn is_current(&self, path: u32) -> bool {
        path == self.path
    }

    /// Whether the handshake's path is the only one that there was.
    pub fn is_first(&self) -> bool {
        self.path == 0
    }

    /// The call cannot go on without another path, or it can.
    pub fn hurry(&mut self, hurry: bool) {
        self.leisure = (!hurry).then(|| self.leisure.unwrap_or(0));
    }

    pub fn is_trying(&self) -> bool {
        self.attempt.is_some()
    }

    /// Begins an attempt at `at`, unless the path has come back by then.
    pub fn plan(&mut self, at: Instant) {
        self.due.get_or_insert((at, false));
    }

    /// Begins an attempt now, or as soon as it may be; one that is under way is given up, for its sockets may be stale.
    pub fn begin(&mut self, turn: &mut Turn<'_>) {
        if let Some(began) = self.began.filter(|began| turn.now < *began + APART) {
            self.due = Some((began + APART, true));
            return;
        }
        // Nobody restarts four billion times; a peer that claimed to has no more restarts.
        if let Some(path) = self.newest.max(self.named).checked_add(1) {
            self.start(turn, path, None);
        }
    }

    /// The peer described itself for `path`. Its addresses count as the call's, but not those of a copy; what `budget` has no room for is not
    /// taken in part, for it is said again.
    pub fn asked(&mut self, turn: &mut Turn<'_>, path: u32, theirs: Reach, budget: &mut CandidateBudget) {
        self.named = self.named.max(path);
        if path <= self.path {
            return;
        }
        let fits = budget.has_room(turn.now, theirs.candidates.len());
        // In place of an attempt of ours that the peer did not answer, nothing more is opened than we opened ourselves.
        let unanswered = self.attempt.as_ref().is_some_and(|attempt| attempt.theirs.is_none());
        match &mut self.attempt {
            Some(attempt) if attempt.path == path => {
                if attempt.theirs.is_none() && fits {
                    attempt.theirs = Some(theirs.within(budget, turn.now));
                }
                self.connect(turn);
            }
            _ if fits
                && path > self.newest
                && self.began.is_none_or(|began| turn.now >= began + APART)
                && (unanswered || self.from_peer.may_follow(turn.now)) =>
            {
                self.from_peer.follow(turn.now);
                self.start(turn, path, Some(theirs.within(budget, turn.now)));
            }
            // Older than an attempt of ours, which the peer takes up; or too soon, or too many, and it will say it again.
            _ => {}
        }
    }

    /// Our sockets for `path` are open.
    pub fn gathered(&mut self, turn: &mut Turn<'_>, path: u32, ours: Reach) {
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.path == path) {
            attempt.ours = Some(ours);
            attempt.say(self.call, turn);
            self.connect(turn);
        }
    }

    /// `path` stands: everything moves over to it. False if it is none that was tried.
    pub fn connected(&mut self, path: u32) -> bool {
        if self.attempt.take_if(|attempt| attempt.path == path).is_none() {
            return false;
        }
        (self.path, self.due) = (path, None);
        true
    }

    /// The attempt on `path` came to nothing. Another one follows unless the call is well without.
    pub fn failed(&mut self, turn: &mut Turn<'_>, path: u32) {
        if self.attempt.as_ref().is_some_and(|attempt| attempt.path == path) {
            self.give_up(turn);
            let pause = self.pause(2 * APART);
            self.plan(turn.now + pause);
        }
    }

    pub fn deadline(&self) -> Option<Instant> {
        let attempt = self.attempt.as_ref().map(Attempt::deadline);
        self.due.map(|(at, _)| at).into_iter().chain(attempt).min()
    }

    /// What is due by the clock; `well` says that the call has a path that works.
    pub fn tick(&mut self, turn: &mut Turn<'_>, well: bool) {
        if let Some(attempt) = &mut self.attempt {
            let needless = well && turn.now >= attempt.began + NEEDLESS;
            if needless || attempt.connect_by.is_some_and(|by| turn.now >= by) {
                self.give_up(turn);
                let pause = self.pause(APART);
                self.plan(turn.now + pause);
            } else if turn.now >= attempt.resend {
                attempt.say(self.call, turn);
            }
        }
        if let Some((_, anyway)) = self.due.take_if(|(at, _)| turn.now >= *at)
            && (anyway || !well)
        {
            self.begin(turn);
        }
    }

    fn start(&mut self, turn: &mut Turn<'_>, path: u32, theirs: Option<Reach>) {
        self.give_up(turn);
        (self.newest, self.due, self.began) = (path, None, Some(turn.now));
        self.attempt = Some(Attempt { path, ours: None, theirs, began: turn.now, resend: turn.now + RESEND, connect_by: None });
        turn.out.push(Output::OpenLink { peer: self.peer });
        turn.out.push(Output::Regather { call: self.call, path });
    }

    fn connect(&mut self, turn: &mut Turn<'_>) {
        let Some(attempt) = &mut self.attempt else { return };
        if let (Some(_), Some(theirs), None) = (&attempt.ours, &attempt.theirs, attempt.connect_by) {
            attempt.connect_by = Some(turn.now + CONNECT);
            let Reach { description: remote, candidates } = theirs.clone();
            turn.out.push(Output::Connect { call: self.call, path: attempt.path, remote, candidates });
        }
    }

    /// How long after an attempt that came to nothing the next one begins; `least` where there is no time.
    fn pause(&mut self, least: Duration) -> Duration {
        let Some(attempts) = &mut self.leisure else { return least };
        *attempts += 1;
        (LEISURE.0 * 2u32.pow((*attempts - 1).min(8))).min(LEISURE.1)
    }

    fn give_up(&mut self, turn: &mut Turn<'_>) {
        if let Some(attempt) = self.attempt.take() {
            turn.out.push(Output::Abandon { call: self.call, path: attempt.path });
        }
    }
}

impl Reach {
    /// With as many of its candidates as `budget` has room for.
    fn within(self, budget: &mut CandidateBudget, now: Instant) -> Self {
        Self { candidates: budget.take(now, self.candidates), ..self }
    }
}

impl TheirAttempts {
    /// Whether another one is taken up at `now`; one that is not is said again.
    fn may_follow(&self, now: Instant) -> bool {
        let pause = (APART * 2u32.pow(self.count.saturating_sub(SWIFT - 1).min(8))).min(MOST_APART);
        self.last.is_none_or(|last| now >= last + pause)
    }

    /// Counts one that is.
    fn follow(&mut self, now: Instant) {
        if self.last.replace(now).is_some_and(|last| now >= last + CALM) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
    }
}

impl Attempt {
    /// Says how we can be reached, if we know.
    fn say(&mut self, call: CallId, turn: &mut Turn<'_>) {
        self.resend = turn.now + RESEND;
        if let Some(Reach { description, candidates }) = self.ours.clone() {
            let control = Control::Restart { path: self.path, description, candidates };
            turn.out.push(Output::SendControl { call, control, copies: 1 });
        }
    }

    fn deadline(&self) -> Instant {
        self.resend.min(self.connect_by.unwrap_or(self.resend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_that_a_peer_begins_are_taken_up_at_once_and_then_ever_more_seldom_until_it_is_calm() {
        let start = Instant::now();
        let at = |second| start + Duration::from_secs(second);
        let mut theirs = TheirAttempts::default();
        let mut taken_up = |second: &u64| {
            let taken_up = theirs.may_follow(at(*second));
            if taken_up {
                theirs.follow(at(*second));
            }
            taken_up
        };
        let taken: Vec<u64> = (0..100).filter(&mut taken_up).collect();
        assert_eq!(taken, [0, 1, 2, 3, 5, 9, 17, 33, 63, 93]);
        let later: Vec<u64> = (213..220).filter(&mut taken_up).collect();
        assert_eq!(later, [213, 214, 215, 216, 218]);
    }
}
