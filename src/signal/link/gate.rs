//! Who gets an answer at all.
//!
//! Completing a TLS handshake already shows our key at this address, so the gate decides before any: it reads the ticket
//! out of the client hello, and whoever has none that fits a contact is ignored. Never refused: that too would be a reply.

use std::collections::BTreeMap;
use std::time::Instant;

use iroh::endpoint::{Incoming, IncomingAddr};

use super::Peers;
use super::network::{key, offered};
use crate::contacts::Hint;
use crate::identity::PublicKey;
use crate::signal::sources::{Source, Sources};
use crate::signal::ticket::{Secret, Ticket, Used};

/// How many client hellos are looked into in a second, of one source and of all; the rest are ignored unread. Who dials sends a few.
const LOOKS: (u32, u32) = (20, 200);

/// The same where contacts are or were last: no stranger elsewhere takes any of these, not even one who forges where it is.
const LOOKS_AT_CONTACTS: (u32, u32) = (50, 400);

/// Handshakes under way at once: of one contact, who may dial over several paths, and of all. Contacts alone get this far.
const HANDSHAKES: (usize, usize) = (4, 64);

pub(super) struct Gate {
    me: PublicKey,
    looks: Sources,
    looks_at_contacts: Sources,
    /// Where each contact came from when it was let in last.
    met: BTreeMap<PublicKey, Source>,
    /// The tickets that each contact used, so that none pushes those of another out.
    used: BTreeMap<PublicKey, Used>,
    /// Handshakes under way, by contact.
    under_way: BTreeMap<PublicKey, usize>,
    /// Whether somebody may come other than over a relay.
    direct: bool,
}

impl Gate {
    pub fn new(me: PublicKey, direct: bool) -> Self {
        Self {
            me,
            looks: Sources::new(LOOKS.0, LOOKS.1),
            looks_at_contacts: Sources::new(LOOKS_AT_CONTACTS.0, LOOKS_AT_CONTACTS.1),
            met: BTreeMap::new(),
            used: BTreeMap::new(),
            under_way: BTreeMap::new(),
            direct,
        }
    }

    /// The contact that `incoming` claims to be and has a ticket for, and where it comes from; TLS has yet to prove it, and
    /// [`ended`](Self::ended) to be told. `None`: ignore it.
    pub fn admits(&mut self, incoming: &Incoming, peers: &Peers, now: Instant) -> Option<(PublicKey, Source)> {
        let source = match incoming.remote_addr() {
            IncomingAddr::Ip(address) if self.direct => address.ip().into(),
            IncomingAddr::Relay { endpoint_id, .. } => Source::Relayed(key(endpoint_id).filter(|key| peers.contains_key(key))?),
            _ => return None,
        };
        if !self.looks_at(source, peers, now) {
            return None;
        }
        let contact = self.holder(&offered(incoming), peers)?;
        let other = matches!(source, Source::Relayed(vouched) if vouched != contact);
        if other {
            return None;
        }
        *self.under_way.entry(contact).or_default() += 1;
        Some((contact, source))
    }

    /// A handshake of `contact` came to its end.
    pub fn ended(&mut self, contact: PublicKey) {
        if let Some(count) = self.under_way.get_mut(&contact) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&contact);
            }
        }
    }

    /// TLS proved that `contact` came from there.
    pub fn met(&mut self, contact: PublicKey, source: Source, peers: &Peers) {
        self.met.retain(|key, _| peers.contains_key(key));
        self.met.insert(contact, source);
    }

    /// Whether one more hello from `source` is looked into.
    fn looks_at(&mut self, source: Source, peers: &Peers, now: Instant) -> bool {
        let told = |hint: &Hint| matches!(hint, Hint::Address(address) if Source::from(address.ip()) == source);
        let is_contacts = matches!(source, Source::Relayed(_))
            || peers.iter().any(|(key, peer)| self.met.get(key) == Some(&source) || peer.hints.iter().any(told));
        let looks = if is_contacts { &mut self.looks_at_contacts } else { &mut self.looks };
        looks.allow(source, now)
    }

    /// Whose ticket is among `tickets`, if it was never used and its holder may begin another handshake: one that has to wait may come
    /// again with the same.
    fn holder(&mut self, tickets: &[Ticket], peers: &Peers) -> Option<PublicKey> {
        let holder = |ticket: &Ticket| {
            peers.values().find(|peer| ticket.is_from(Secret::Pair(peer.pair_secret.as_bytes()), &self.me)).map(|peer| peer.key)
        };
        let (ticket, contact) = tickets.iter().find_map(|ticket| Some((ticket, holder(ticket)?)))?;
        let (of_one, of_all) = HANDSHAKES;
        let theirs = self.under_way.get(&contact).copied().unwrap_or(0);
        if theirs >= of_one || self.under_way.values().sum::<usize>() >= of_all {
            return None;
        }
        self.used.retain(|key, _| peers.contains_key(key));
        self.used.entry(contact).or_default().take(ticket).then_some(contact)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::LinkPeer;
    use super::*;
    use crate::contacts::PairSecret;
    use crate::identity::Identity;
    use crate::signal::ticket;

    fn ticket(secret: u8, callee: &PublicKey) -> Ticket {
        Ticket::read(&ticket::issue(Secret::Pair(&[secret; 32]), callee)).unwrap()
    }

    fn peers(secrets: &[[u8; 32]]) -> (Peers, Vec<PublicKey>) {
        let peers: Vec<LinkPeer> = secrets
            .iter()
            .map(|secret| LinkPeer::new(Identity::generate().public(), PairSecret::from_bytes(*secret), Vec::new()))
            .collect();
        let keys = peers.iter().map(|peer| peer.key).collect();
        (peers.into_iter().map(|peer| (peer.key, peer)).collect(), keys)
    }

    #[test]
    fn a_ticket_names_the_contact_that_holds_its_secret() {
        let me = Identity::generate().public();
        let (peers, keys) = peers(&[[1; 32], [2; 32], [3; 32]]);
        assert_eq!(Gate::new(me, true).holder(&[ticket(9, &me), ticket(2, &me)], &peers), Some(keys[1]));
    }

    #[test]
    fn no_ticket_another_secret_and_another_callee_name_nobody() {
        let me = Identity::generate().public();
        let (peers, _) = peers(&[[1; 32]]);
        let mut gate = Gate::new(me, true);
        assert_eq!(gate.holder(&[], &peers), None);
        assert_eq!(gate.holder(&[ticket(9, &me)], &peers), None);
        assert_eq!(gate.holder(&[ticket(1, &Identity::generate().public())], &peers), None);
    }

    /// How many of a thousand hellos from `ip` are looked into at `now`.
    fn looks(gate: &mut Gate, ip: [u8; 4], peers: &Peers, now: Instant) -> usize {
        let source = Source::from(IpAddr::from(ip));
        (0..1000).filter(|_| gate.looks_at(source, peers, now)).count()
    }

    #[test]
    fn strangers_however_many_leave_the_looks_at_where_contacts_said_they_are_and_came_from() {
        let (mut peers, keys) = peers(&[[1; 32], [2; 32], [3; 32]]);
        peers.get_mut(&keys[0]).unwrap().hints = vec![Hint::Address(([192, 0, 2, 1], 7).into())];
        let (mut gate, now) = (Gate::new(Identity::generate().public(), true), Instant::now());
        gate.met(keys[1], Source::from(IpAddr::from([192, 0, 2, 2])), &peers);
        let strangers = (0..50).map(|n| looks(&mut gate, [198, 51, 100, n], &peers, now));
        assert_eq!(strangers.sum::<usize>(), LOOKS.1 as usize);
        assert_eq!(looks(&mut gate, [203, 0, 113, 1], &peers, now), 0, "there is nothing left for one more of them");
        assert_eq!(looks(&mut gate, [192, 0, 2, 1], &peers, now), LOOKS_AT_CONTACTS.0 as usize);
        assert_eq!(looks(&mut gate, [192, 0, 2, 2], &peers, now), LOOKS_AT_CONTACTS.0 as usize);
        assert!(gate.looks_at(Source::Relayed(keys[2]), &peers, now), "a relay vouches for her");
    }

    #[test]
    fn one_who_floods_leaves_the_looks_at_a_contact_who_is_somewhere_new() {
        let (peers, _) = peers(&[[1; 32]]);
        let (mut gate, now) = (Gate::new(Identity::generate().public(), true), Instant::now());
        assert_eq!(looks(&mut gate, [198, 51, 100, 1], &peers, now), LOOKS.0 as usize);
        assert!(gate.looks_at(Source::from(IpAddr::from([203, 0, 113, 1])), &peers, now));
    }

    #[test]
    fn where_somebody_was_who_is_no_contact_any_more_is_forgotten() {
        let (mut peers, keys) = peers(&[[1; 32], [2; 32]]);
        let (mut gate, now) = (Gate::new(Identity::generate().public(), true), Instant::now());
        let source = |n| Source::from(IpAddr::from([192, 0, 2, n]));
        gate.met(keys[0], source(1), &peers);
        peers.remove(&keys[0]);
        assert_eq!(looks(&mut gate, [192, 0, 2, 1], &peers, now), LOOKS.0 as usize);
        gate.met(keys[1], source(2), &peers);
        assert_eq!(gate.met.len(), 1);
    }

    #[test]
    fn a_ticket_that_was_overheard_is_good_for_nothing() {
        let me = Identity::generate().public();
        let (peers, keys) = peers(&[[1; 32]]);
        let (mut gate, tickets) = (Gate::new(me, true), [ticket(1, &me)]);
        assert_eq!(gate.holder(&tickets, &peers), Some(keys[0]));
        assert_eq!(gate.holder(&tickets, &peers), None);
    }

    #[test]
    fn a_contact_who_begins_handshakes_and_ends_none_keeps_no_other_out() {
        let me = Identity::generate().public();
        let (peers, keys) = peers(&[[1; 32], [2; 32]]);
        let (mut gate, waiting) = (Gate::new(me, true), [ticket(1, &me)]);
        gate.under_way.insert(keys[0], HANDSHAKES.0);
        assert_eq!(gate.holder(&waiting, &peers), None);
        assert_eq!(gate.holder(&[ticket(2, &me)], &peers), Some(keys[1]));
        gate.ended(keys[0]);
        assert_eq!(gate.holder(&waiting, &peers), Some(keys[0]), "the same ticket is still good");
        (0..HANDSHAKES.0).for_each(|_| gate.ended(keys[0]));
        assert_eq!(gate.under_way.len(), 0);
    }
}
