//! The sentences about how this computer is reached, and whether it can be.

use super::talk::capital;
use crate::engine::snapshot::{Network, Way};

// How others reach this computer.
pub const REACH: &str = "How others reach you";
pub const REACH_SUB: &str = "You can change this at any time in the settings.";
pub const REACH_NETWORK: &str = "This network only";
pub const REACH_NETWORK_SUB: &str = "Calls work between computers on the same network. People elsewhere cannot reach you.";
/// At the first start, where this way turns [`LAN`](super::LAN) on.
pub const REACH_NETWORK_FOUND: &str =
    "Computers on this network can then see that your key is here; you can turn that off in the settings.";
pub const REACH_RELAY: &str = "My own relay";
pub const REACH_RELAY_SUB: &str =
    "Works from anywhere. Whoever runs the relay sees who talks to whom and when, never what is said.";
pub const REACH_PUBLIC: &str = "Public relays";
pub const REACH_PUBLIC_SUB: &str = "Works from anywhere with nothing to set up. The relays of the iroh project see who talks to whom and when, never what is said.";
pub const RELAY_ADDRESS: &str = "Address of the relay";
pub const RELAY_ADDRESS_HINT: &str = "https://relay.example.org";
pub const RELAY_ADDRESS_WRONG: &str = "The address of a relay starts with https://";
pub const USE_RELAY: &str = "Use this relay";

/// What the person of a contact sees while nobody can be reached from here.
pub const UNREACHABLE_SUB: &str = "You are offline. What you write waits here, and calls work again when you are back.";

/// The foot of the list.
pub fn network(network: &Network) -> String {
    match network {
        Network::Opening => "Connecting…".to_owned(),
        Network::Closed(why) => format!("Offline: {why}"),
        Network::Unplugged => "Offline: this computer is on no network".to_owned(),
        Network::Moved(address) => format!("Offline: {address} is no longer an address of this computer"),
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
