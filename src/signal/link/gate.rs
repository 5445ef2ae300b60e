//! Who gets an answer at all.
//!
//! Completing a TLS handshake already shows our key at this address, so the gate decides before any: it reads the ticket
//! out of the client hello, and whoever has none that fits a contact is ignored. Never refused: that too would be a reply.

use std::collections::VecDeque;
use std::time::Instant;

use iroh::endpoint::{Incoming, IncomingAddr};

use super::Peers;
use super::network::key;
use crate::identity::PublicKey;
use crate::signal::rate::RateLimit;
use crate::signal::ticket::{Ticket, TicketNonce};

/// How many client hellos are looked into in a second; the rest are ignored unread.
const LOOKS_PER_SECOND: u32 = 200;

/// How many used tickets are remembered, so that one who saw a contact dial cannot make us answer with its ticket.
const REMEMBERED: usize = 512;

/// The most ALPNs that are tried; a contact offers two.
const MAX_ALPNS: usize = 4;

pub(super) struct Gate {
    me: PublicKey,
    looks: RateLimit,
    used: VecDeque<TicketNonce>,
    /// Whether somebody may come other than over a relay.
    direct: bool,
}

impl Gate {
    pub fn new(me: PublicKey, direct: bool) -> Self {
        Self { me, looks: RateLimit::new(LOOKS_PER_SECOND), used: VecDeque::new(), direct }
    }

    /// The contact that `incoming` claims to be and has a ticket for; TLS has yet to prove it. `None`: ignore it.
    pub fn admits(&mut self, incoming: &Incoming, peers: &Peers, now: Instant) -> Option<PublicKey> {
        let vouched = match incoming.remote_addr() {
            IncomingAddr::Ip(_) if self.direct => None,
            IncomingAddr::Relay { endpoint_id, .. } => Some(key(endpoint_id).filter(|key| peers.contains_key(key))?),
            _ => return None,
        };
        if !self.looks.allow(now) {
            return None;
        }
        let offered = incoming.decrypt()?.alpns()?;
        let contact = self.holder(offered.take(MAX_ALPNS).map_while(Result::ok), peers)?;
        vouched.is_none_or(|vouched| vouched == contact).then_some(contact)
    }

    /// Whose ticket is among `alpns`, if it was never used.
    fn holder(&mut self, alpns: impl Iterator<Item = impl AsRef<[u8]>>, peers: &Peers) -> Option<PublicKey> {
        for ticket in alpns.filter_map(|alpn| Ticket::read(alpn.as_ref())) {
            let holder = peers.values().find(|peer| ticket.is_from(peer.pair_secret.as_bytes(), &self.me));
            if let Some(peer) = holder {
                return self.use_up(ticket.nonce()).then_some(peer.key);
            }
        }
        None
    }

    /// Marks a ticket as used; false if it was.
    fn use_up(&mut self, nonce: TicketNonce) -> bool {
        if self.used.contains(&nonce) {
            return false;
        }
        if self.used.len() == REMEMBERED {
            self.used.pop_front();
        }
        self.used.push_back(nonce);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::LinkPeer;
    use super::*;
    use crate::contacts::PairSecret;
    use crate::identity::Identity;
    use crate::signal::ticket;

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
        let alpns = [b"vesper/1".to_vec(), ticket::issue(&[2; 32], &me)];
        assert_eq!(Gate::new(me, true).holder(alpns.iter(), &peers), Some(keys[1]));
    }

    #[test]
    fn no_ticket_another_secret_and_another_callee_name_nobody() {
        let me = Identity::generate().public();
        let (peers, _) = peers(&[[1; 32]]);
        let mut gate = Gate::new(me, true);
        assert_eq!(gate.holder([b"vesper/1".to_vec()].iter(), &peers), None);
        assert_eq!(gate.holder([ticket::issue(&[9; 32], &me)].iter(), &peers), None);
        assert_eq!(gate.holder([ticket::issue(&[1; 32], &Identity::generate().public())].iter(), &peers), None);
    }

    #[test]
    fn a_ticket_that_was_overheard_is_good_for_nothing() {
        let me = Identity::generate().public();
        let (peers, keys) = peers(&[[1; 32]]);
        let (mut gate, alpns) = (Gate::new(me, true), [ticket::issue(&[1; 32], &me)]);
        assert_eq!(gate.holder(alpns.iter(), &peers), Some(keys[0]));
        assert_eq!(gate.holder(alpns.iter(), &peers), None);
    }
}
