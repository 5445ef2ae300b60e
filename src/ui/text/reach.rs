//! The sentences about whether this computer can be reached.

use super::talk::capital;
use crate::engine::snapshot::{Network, Way};

/// What the person of a contact sees while nobody can be reached from here.
pub const UNREACHABLE_SUB: &str = "You are offline. What you write waits here, and calls work again when you are back.";

/// The foot of the list.
pub fn network(network: &Network) -> String {
    match network {
        Network::Opening => "Connecting…".to_owned(),
        Network::Closed(why) => format!("Offline: {why}"),
        Network::Unplugged => "Offline: this computer is on no network".to_owned(),
        Network::NoRelay { way, failed: false, .. } => format!("Connecting to {}…", relay(*way)),
        Network::NoRelay { way, failed: true, nearby } => {
            let silent = if *way == Way::PublicRelays { "do not answer" } else { "does not answer" };
            let rest = if *nearby { "reachable on this network only" } else { "trying again" };
            capital(&format!("{} {silent}; {rest}", relay(*way)))
        }
        Network::Reachable(Way::ThisNetwork) => "Reachable on this network".to_owned(),
        Network::Reachable(way) => format!("Reachable through {}", relay(*way)),
    }
}

fn relay(way: Way) -> &'static str {
    match way {
        Way::PublicRelays => "the public relays",
        _ => "your relay",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_way_is_said() {
        let no_relay = |way, failed, nearby| network(&Network::NoRelay { way, failed, nearby });
        assert_eq!(no_relay(Way::OwnRelay, false, true), "Connecting to your relay…");
        assert_eq!(no_relay(Way::OwnRelay, true, true), "Your relay does not answer; reachable on this network only");
        assert_eq!(no_relay(Way::PublicRelays, true, false), "The public relays do not answer; trying again");
    }
}
