//! How often a contact may ring.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::identity::PublicKey;
use crate::signal::message::CallId;

/// More rings than these in a minute are noted as missed calls and make no sound.
const RINGS_PER_MINUTE: usize = 3;
/// More missed calls than these in a minute are not even noted: each is a line on the disk.
const MISSED_PER_MINUTE: usize = 10;
/// Calls of the last minute that are remembered of one contact.
const REMEMBERED: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);

/// The calls that each contact made in the last minute.
#[derive(Debug, Default)]
pub struct Rings(HashMap<PublicKey, VecDeque<(CallId, Instant, Verdict)>>);

/// What becomes of an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ring,
    /// Too many: a missed call, told once.
    Missed,
    /// The invite of a missed call again, or of one too many to note.
    Again,
}

impl Rings {
    /// Judges an invite at `now`. The same invite sent again is judged as before; one of a `silent` contact never rings.
    pub fn judge(&mut self, peer: PublicKey, call: CallId, silent: bool, now: Instant) -> Verdict {
        self.0.retain(|_, calls| {
            calls.retain(|(_, when, _)| now.saturating_duration_since(*when) < MINUTE);
            !calls.is_empty()
        });
        let calls = self.0.entry(peer).or_default();
        if let Some((.., verdict)) = calls.iter().find(|(known, ..)| *known == call) {
            return if *verdict == Verdict::Ring { Verdict::Ring } else { Verdict::Again };
        }
        let so_far = |verdict| calls.iter().filter(|(.., known)| *known == verdict).count();
        let verdict = match (so_far(Verdict::Ring), so_far(Verdict::Missed)) {
            (rang, _) if rang < RINGS_PER_MINUTE && !silent => Verdict::Ring,
            (_, noted) if noted < MISSED_PER_MINUTE => Verdict::Missed,
            _ => Verdict::Again,
        };
        // Whoever calls a hundred times a minute is not worth more memory: what is not noted is forgotten first.
        if calls.len() == REMEMBERED
            && let Some(at) = calls.iter().position(|(.., verdict)| *verdict == Verdict::Again)
        {
            calls.remove(at);
        }
        calls.push_back((call, now, verdict));
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    #[test]
    fn a_contact_rings_three_times_a_minute_and_further_calls_are_missed_once_each() {
        let (mut rings, ana, bo) = (Rings::default(), Identity::generate().public(), Identity::generate().public());
        let now = Instant::now();
        let calls: Vec<CallId> = (0..5).map(|_| CallId::generate()).collect();
        let verdicts: Vec<_> = calls.iter().map(|call| rings.judge(ana, *call, false, now)).collect();
        assert_eq!(verdicts, [Verdict::Ring, Verdict::Ring, Verdict::Ring, Verdict::Missed, Verdict::Missed]);
        assert_eq!(rings.judge(ana, calls[1], false, now), Verdict::Ring, "an invite is sent again until it is answered");
        assert_eq!(rings.judge(ana, calls[3], false, now), Verdict::Again);
        assert_eq!(rings.judge(bo, CallId::generate(), false, now), Verdict::Ring, "others ring as before");
        assert_eq!(rings.judge(ana, CallId::generate(), false, now + MINUTE), Verdict::Ring);
    }

    #[test]
    fn a_silent_contact_never_rings() {
        let (mut rings, ana, call) = (Rings::default(), Identity::generate().public(), CallId::generate());
        let now = Instant::now();
        assert_eq!(rings.judge(ana, call, true, now), Verdict::Missed);
        assert_eq!(rings.judge(ana, call, true, now), Verdict::Again);
    }

    #[test]
    fn a_flood_of_calls_takes_no_more_memory_than_some_calls() {
        let (mut rings, ana, now) = (Rings::default(), Identity::generate().public(), Instant::now());
        let rang = (0..10_000).filter(|_| rings.judge(ana, CallId::generate(), false, now) == Verdict::Ring).count();
        assert_eq!((rang, rings.0[&ana].len()), (RINGS_PER_MINUTE, REMEMBERED));
    }

    #[test]
    fn a_flood_of_calls_writes_some_lines_a_minute_and_no_more() {
        let (mut rings, ana, now) = (Rings::default(), Identity::generate().public(), Instant::now());
        let mut noted =
            |now, silent| (0..10_000).filter(|_| rings.judge(ana, CallId::generate(), silent, now) == Verdict::Missed).count();
        assert_eq!(noted(now, false), MISSED_PER_MINUTE);
        assert_eq!(noted(now + MINUTE / 2, false), 0);
        assert_eq!(noted(now + MINUTE, true), MISSED_PER_MINUTE, "the next minute, or a contact that never rings");
    }
}
