//! What a person is told of how others reach this computer. A relay that is back at once was never gone.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::snapshot::{Network, Way};
use crate::signal::link::{Reachability, RelayState};

/// How long a relay that was there may be gone before that is told: its connection is renewed within a second or two.
const RENEWED: Duration = Duration::from_secs(3);

/// How this computer stands towards those who look for it, as was heard last.
#[derive(Debug)]
pub struct Standing {
    way: Way,
    /// Contacts may learn our addresses.
    direct: bool,
    /// The one address that may be used, if the command line names one.
    only: Option<IpAddr>,
    heard: Reachability,
    /// The relay was there and is gone, since so short a time that nobody is told.
    gone: Option<Instant>,
}

impl Standing {
    /// For a link that was just opened.
    pub fn new(way: Way, direct: bool, only: Option<IpAddr>) -> Self {
        let only = only.filter(|ip| !ip.is_unspecified());
        Self { way, direct, only, heard: Reachability::default(), gone: None }
    }

    /// Takes what holds at `now`. True if that got better, so that it is worth looking for who is missing.
    pub fn hear(&mut self, reach: Reachability, now: Instant) -> bool {
        let before = std::mem::replace(&mut self.heard, reach);
        self.gone = match (is_connected(before), is_connected(reach)) {
            (_, true) => None,
            (true, false) => Some(now),
            (false, false) => self.gone.filter(|since| now < *since + RENEWED),
        };
        is_connected(reach) && !is_connected(before) || reach.addressed && !before.addressed
    }

    /// When a relay has been gone for so long that it is told, once that is heard again.
    pub fn deadline(&self) -> Option<Instant> {
        self.gone.map(|since| since + RENEWED)
    }

    /// What is told of `newest`, which may not have been heard yet.
    pub fn told(&self, newest: Reachability) -> Network {
        match newest {
            Reachability { relay: Some(RelayState::Connected), .. } | Reachability { relay: None, addressed: true } => {
                Network::Reachable(self.way)
            }
            Reachability { relay: None, addressed: false } => self.only.map_or(Network::Unplugged, Network::Moved),
            // Whoever hides has no address to tell anyway, and a relay may answer past the one address that is gone.
            Reachability { addressed: false, .. } if self.direct && self.only.is_none() => Network::Unplugged,
            Reachability { relay: Some(_), .. } if self.gone.is_some() || is_connected(self.heard) => {
                Network::Reachable(self.way)
            }
            Reachability { relay: Some(state), addressed } => {
                Network::NoRelay { way: self.way, failed: state == RelayState::Unreachable, nearby: addressed }
            }
        }
    }
}

fn is_connected(reach: Reachability) -> bool {
    reach.relay == Some(RelayState::Connected)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Reachability = Reachability { relay: Some(RelayState::Connected), addressed: true };
    const SILENT: Reachability = Reachability { relay: Some(RelayState::Unreachable), addressed: true };
    const LOST: Network = Network::NoRelay { way: Way::OwnRelay, failed: true, nearby: true };
    const REACHABLE: Network = Network::Reachable(Way::OwnRelay);

    /// A computer that was reachable through its relay, and a second.
    fn connected() -> (Standing, Instant, Duration) {
        let (mut standing, start) = (Standing::new(Way::OwnRelay, true, None), Instant::now());
        assert!(standing.hear(THERE, start), "it is worth looking for contacts");
        (standing, start, Duration::from_secs(1))
    }

    #[test]
    fn a_relay_whose_connection_is_renewed_was_there_all_the_while() {
        let (mut standing, start, second) = connected();
        assert_eq!(standing.told(SILENT), REACHABLE, "what is not heard of yet is not told either");
        assert!(!standing.hear(SILENT, start + second));
        assert!(!standing.hear(SILENT, start + 2 * second));
        assert_eq!(standing.told(SILENT), REACHABLE);
        assert!(standing.hear(THERE, start + 3 * second), "contacts may have looked for us meanwhile");
        assert_eq!((standing.told(THERE), standing.deadline()), (REACHABLE, None));
    }

    #[test]
    fn a_relay_that_stays_away_is_told_and_what_is_tried_meanwhile_does_not_put_that_off() {
        let (mut standing, start, second) = connected();
        standing.hear(SILENT, start);
        standing.hear(Reachability { relay: Some(RelayState::Connecting), ..SILENT }, start + second);
        standing.hear(SILENT, start + 2 * second);
        let due = standing.deadline().expect("it is told then");
        assert_eq!(due, start + 3 * second);
        standing.hear(SILENT, due);
        assert_eq!((standing.told(SILENT), standing.deadline()), (LOST, None));
    }

    #[test]
    fn a_relay_that_never_was_there_and_a_cable_that_is_pulled_are_told_at_once() {
        let mut fresh = Standing::new(Way::OwnRelay, true, None);
        fresh.hear(SILENT, Instant::now());
        assert_eq!(fresh.told(SILENT), LOST);
        let (mut standing, start, _) = connected();
        let pulled = Reachability { addressed: false, ..SILENT };
        standing.hear(pulled, start);
        assert_eq!(standing.told(pulled), Network::Unplugged);
        assert_eq!(Standing::new(Way::ThisNetwork, true, None).told(Reachability::default()), Network::Unplugged);
        let hidden = Standing::new(Way::OwnRelay, false, None);
        assert_eq!(hidden.told(pulled), Network::NoRelay { way: Way::OwnRelay, failed: true, nearby: false });
    }

    #[test]
    fn who_may_use_one_address_only_is_told_when_it_is_gone_and_reached_through_a_relay_all_the_same() {
        let (address, nowhere) = (IpAddr::from([192, 168, 1, 7]), Reachability::default());
        let told = |only, reach| Standing::new(Way::OwnRelay, true, only).told(reach);
        assert_eq!(told(Some(address), nowhere), Network::Moved(address));
        assert_eq!(told(Some(address), Reachability { addressed: false, ..THERE }), REACHABLE);
        let no_relay = Network::NoRelay { way: Way::OwnRelay, failed: true, nearby: false };
        assert_eq!(told(Some(address), Reachability { addressed: false, ..SILENT }), no_relay);
        assert_eq!(told(Some(IpAddr::from([0, 0, 0, 0])), nowhere), Network::Unplugged, "all addresses are no single one");
    }
}
