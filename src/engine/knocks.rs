//! Invitations of ours that are served, and knocks with those of others, tried again until they are answered.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::core::{Core, unix_seconds};
use super::event::What;
use super::people::{Effect, People, Welcome};
use crate::contacts::{Admission, Hint, Knock, MAX_OPEN_INVITATIONS, OpenInvitation, PendingRequest};
use crate::identity::{PublicKey, random};
use crate::signal::knock::{KnockAnswer, KnockOutcome, KnockRequest, Knocked};
use crate::signal::link::{Link, same_relay};

/// Our knocks that wait for their answer, by the knock id of the invitation.
#[derive(Default)]
pub struct Knocks(HashMap<PublicKey, Patience>);

/// When to knock again: every 5 s in the first two minutes, then ever less often, up to 5 minutes.
#[derive(Default)]
struct Patience {
    /// Absent while a knock is under way.
    next: Option<Instant>,
    tries: u32,
    unreachable: bool,
}

impl Knocks {
    /// Knocks with this invitation from `now` on.
    pub fn begin(&mut self, knock_id: PublicKey, now: Instant) {
        self.0.entry(knock_id).or_default().next = Some(now);
    }

    /// When the next knock is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.0.values().filter_map(|patience| patience.next).min()
    }

    /// Whether the last knock with this invitation found nobody.
    pub fn cannot_reach(&self, knock_id: PublicKey) -> bool {
        self.0.get(&knock_id).is_some_and(|patience| patience.unreachable)
    }

    fn take_due(&mut self, now: Instant) -> Vec<PublicKey> {
        let due = self.0.iter_mut().filter_map(|(id, patience)| patience.next.take_if(|next| *next <= now).map(|_| *id));
        due.collect()
    }

    fn again(&mut self, knock_id: PublicKey, unreachable: bool, now: Instant) {
        if let Some(patience) = self.0.get_mut(&knock_id) {
            patience.again(unreachable, now);
        }
    }
}

impl Core {
    /// Makes an invitation and serves it. `label` is whom it is for, if the person says so.
    pub(super) async fn invite(&mut self, seconds: u64, label: &str) -> Result<OpenInvitation> {
        // What has expired since the last round is open to nobody, and takes no place.
        let expired = self.people.expire(unix_seconds());
        self.told(expired);
        if self.people.invitations.len() >= MAX_OPEN_INVITATIONS {
            bail!(
                "{MAX_OPEN_INVITATIONS} invitations are open already; withdraw one in the window, or wait until one is used or expires"
            );
        }
        let Some(link) = self.network.link() else { bail!("this computer is offline; connect it, then make an invitation") };
        let now = unix_seconds();
        let mut open = OpenInvitation::new(&self.people.name, Vec::new(), label, true, now, now.saturating_add(seconds));
        open.invitation.hints = link.invitation_hints(&open.knock_identity());
        // The relay of the settings is known before it has answered, which takes a moment after the start.
        if let Some(relay) = self.network.own_relay()
            && !open.invitation.relays().any(|known| same_relay(known, relay))
        {
            open.invitation.hints.insert(0, Hint::Relay(relay.to_owned()));
        }
        if open.invitation.hints.is_empty() {
            bail!("nobody could find this computer yet: no relay has answered; try again in a moment");
        }
        link.open_invitation(open.clone());
        self.people.invited(&open)?;
        let (text, expires) = (open.invitation.encode(), u64::from(open.invitation.expires));
        self.notices.tell(What::Invitation { text, expires });
        Ok(open)
    }

    /// Knocks whose time has come.
    pub(super) fn knock_where_due(&mut self, now: Instant) {
        // What a locked profile hears it could not keep.
        let locked = self.people.is_locked();
        for knock_id in self.network.knocks.take_due(now) {
            if locked {
                self.network.knocks.again(knock_id, false, now);
                continue;
            }
            if self.relay_to_ask_for(knock_id).is_some() {
                // Nothing is sent before the person allows the relay; their word begins it anew.
                self.network.knocks.0.remove(&knock_id);
                continue;
            }
            let sent = self.people.sent.iter().find(|sent| sent.invitation.knock_id == knock_id);
            match (sent, self.network.link()) {
                (Some(sent), Some(link)) => link.knock(KnockRequest {
                    invitation: sent.invitation.clone(),
                    name: self.people.name.clone(),
                    hints: for_an_inviter(link.hints()),
                    approve_relay: sent.approved_relay,
                }),
                (Some(_), None) => self.network.knocks.again(knock_id, true, now),
                (None, _) => drop(self.network.knocks.0.remove(&knock_id)),
            }
        }
    }

    /// The relay by which alone a request of ours could go out, that is none of ours, and that nobody has allowed yet.
    pub(super) fn relay_to_ask_for(&self, knock_id: PublicKey) -> Option<String> {
        let sent = self.people.sent.iter().find(|sent| sent.invitation.knock_id == knock_id && !sent.approved_relay)?;
        let direct = self.network.is_direct()
            && (self.network.finds_on_lan() || sent.invitation.hints.iter().any(|hint| matches!(hint, Hint::Address(_))));
        let mut relays = sent.invitation.relays();
        let foreign = relays.next()?;
        let ours = self.network.uses_relay(foreign) || relays.any(|relay| self.network.uses_relay(relay));
        (!direct && !ours).then(|| foreign.to_owned())
    }

    /// What became of a knock of ours.
    pub(super) fn knock_answered(&mut self, knock_id: PublicKey, outcome: KnockOutcome, now: Instant) {
        if self.people.is_locked() {
            // Not kept, so not confirmed: it is said again.
            return self.network.knocks.again(knock_id, false, now);
        }
        let unreachable = matches!(outcome, KnockOutcome::Unreachable { .. });
        let effects = match outcome {
            KnockOutcome::Ok { key, name, hints, pair_secret, confirm } => {
                let welcomed = self.people.welcome(knock_id, Welcome { key, name, hints, secret: pair_secret }, unix_seconds());
                // Said only when the contact is on disk: otherwise the answer is asked for again.
                if welcomed.as_ref().is_ok_and(|welcomed| welcomed.kept) {
                    confirm.done();
                }
                welcomed.map(|welcomed| welcomed.effects)
            }
            KnockOutcome::Gone | KnockOutcome::Refused => self.people.gone(knock_id),
            KnockOutcome::Pending => self.people.waiting(knock_id).map(|()| Vec::new()),
            KnockOutcome::Unreachable { .. } => Ok(Vec::new()),
        };
        if self.people.sent.iter().any(|sent| sent.invitation.knock_id == knock_id) {
            self.network.knocks.again(knock_id, unreachable, now);
        }
        self.told(effects);
    }

    /// Somebody with an invitation of ours is there.
    pub(super) fn knocked(&mut self, knocked: Knocked) {
        if self.people.is_locked() {
            // It could not be kept, so it is not answered: they knock again.
            return;
        }
        let Knocked { invitation: knock_id, knocker, name, hints, k1, reply } = knocked;
        let knock = Knock { knock_id, knocker, name, hints, k1 };
        match self.admit(&knock) {
            Ok((answer, effects)) => {
                let hints = self.network.link().map(Link::hints).unwrap_or_default();
                reply.send(match answer {
                    Admission::Pending => KnockAnswer::Pending,
                    Admission::Gone | Admission::UsedUp => KnockAnswer::Gone,
                    Admission::Ok(pair_secret) => KnockAnswer::Ok { name: self.people.name.clone(), hints, pair_secret },
                });
                self.told(Ok(effects));
            }
            // Not kept, so not answered: they knock again.
            Err(error) => self.notices.error(&error),
        }
    }

    /// What to answer: a person decides, unless a command waits for whoever uses this one invitation.
    fn admit(&mut self, knock: &Knock) -> Result<(Admission, Vec<Effect>)> {
        let (answer, mut effects) = self.people.knocked(knock, unix_seconds())?;
        if !(answer == Admission::Pending && is_awaited(&self.people, knock, self.awaited)) {
            return Ok((answer, effects));
        }
        effects.extend(self.people.accept(knock.knocker, None, unix_seconds())?);
        let (answer, more) = self.people.knocked(knock, unix_seconds())?;
        effects.extend(more);
        Ok((answer, effects))
    }
}

/// Whether the request that this knock brought came by the invitation of knock id `awaited`, and nobody else has used that.
fn is_awaited(people: &People, knock: &Knock, awaited: Option<PublicKey>) -> bool {
    let is_it = |request: &PendingRequest| request.key == knock.knocker && request.knock_id == knock.knock_id && !request.twice;
    awaited == Some(knock.knock_id) && people.pending.iter().any(is_it)
}

/// What an inviter needs to reach us once they accept: the relay, if we have one. Addresses are for contacts, and so are told to somebody
/// who is none yet only where nothing else leads here.
fn for_an_inviter(hints: Vec<Hint>) -> Vec<Hint> {
    let (relays, addresses): (Vec<_>, Vec<_>) = hints.into_iter().partition(|hint| matches!(hint, Hint::Relay(_)));
    if relays.is_empty() { addresses } else { relays }
}

impl Patience {
    fn again(&mut self, unreachable: bool, now: Instant) {
        self.tries += 1;
        self.unreachable = unreachable;
        let seconds = match self.tries {
            0..24 => 5,
            tries => 10_u64 << (tries - 24).min(5),
        };
        let seconds = seconds.min(300);
        // A fifth of jitter, so that many who start together do not knock together.
        let jitter = u64::from(u16::from_be_bytes(random())) * seconds * 200 / 65_536;
        self.next = Some(now + Duration::from_millis(seconds * 1000 + jitter));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::Profile;
    use crate::identity::Identity;

    #[test]
    fn knocks_come_less_and_less_often_but_never_stop() {
        let (mut now, id, mut knocks) = (Instant::now(), Identity::generate().public(), Knocks::default());
        knocks.begin(id, now);
        let mut waits = Vec::new();
        for _ in 0..40 {
            assert_eq!(knocks.take_due(now), [id]);
            assert_eq!(knocks.deadline(), None, "one knock at a time");
            knocks.again(id, true, now);
            let next = knocks.deadline().unwrap();
            waits.push((next - now).as_secs());
            now = next;
        }
        assert!(waits[..23].iter().all(|wait| (5..=6).contains(wait)), "{waits:?}");
        assert!(waits[39] >= 300 && waits[39] <= 360, "{waits:?}");
        assert!(knocks.cannot_reach(id));
    }

    #[test]
    fn an_inviter_is_told_the_relay_and_addresses_only_where_there_is_none() {
        let relay = Hint::Relay("https://relay.example/".into());
        let address = Hint::Address("192.0.2.1:4000".parse().unwrap());
        assert_eq!(for_an_inviter(vec![relay.clone(), address.clone()]), std::slice::from_ref(&relay));
        assert_eq!(for_an_inviter(vec![address.clone()]), [address]);
        assert_eq!(for_an_inviter(Vec::new()), []);
    }

    #[test]
    fn who_waits_for_one_invitation_accepts_nobody_by_another_and_none_of_two_who_share_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = People::load(Profile::create(folder.path(), "Ana", None).unwrap()).unwrap();
        let [leaked, awaited] = [(); 2].map(|()| OpenInvitation::new("Ana", vec![], "", true, 0, u64::from(u32::MAX)));
        people.invited(&leaked).unwrap();
        people.invited(&awaited).unwrap();
        let [leaked, awaited] = [&leaked, &awaited].map(|open| open.invitation.knock_id);
        let knock = |knock_id| {
            let knocker = Identity::generate().public();
            Knock { knock_id, knocker, name: "Bo".into(), hints: vec![], k1: [0; 32] }
        };
        let (stranger, bo, eve) = (knock(leaked), knock(awaited), knock(awaited));
        people.knocked(&stranger, 1).unwrap();
        assert!(!is_awaited(&people, &stranger, Some(awaited)));
        people.knocked(&bo, 1).unwrap();
        assert!(is_awaited(&people, &bo, Some(awaited)) && !is_awaited(&people, &bo, None));
        people.knocked(&eve, 2).unwrap();
        assert!(!is_awaited(&people, &bo, Some(awaited)) && !is_awaited(&people, &eve, Some(awaited)));
    }
}
