//! Whether the one address that we may use is still this computer's: a socket that is bound to it stays open when it goes, and the
//! endpoint goes on naming it.

use std::net::IpAddr;

use iroh::Watcher;
use netwatch::interfaces::{Interface, State};
use netwatch::netmon::Monitor;
use tokio::sync::watch;
use tracing::debug;

/// Tells whether `ip`, to which a socket of ours could be bound, is an address of this computer, each time that changes. Runs until
/// nobody listens.
pub async fn watch_address(ip: IpAddr, tell: watch::Sender<bool>) {
    let monitor = match Monitor::new().await {
        Ok(monitor) => monitor,
        Err(error) => return debug!("it will not be noticed when our address goes: {error}"),
    };
    let mut state = monitor.interface_state();
    let mut listed = false;
    loop {
        let own = has_address(&state.get(), ip);
        listed |= own;
        // One that never was in the list is ours all the same: it names the other end of some tunnels.
        if listed {
            tell.send_if_modified(|was| std::mem::replace(was, own) != own);
        }
        tokio::select! {
            updated = state.updated() => if updated.is_err() { return },
            () = tell.closed() => return,
        }
    }
}

fn has_address(state: &State, ip: IpAddr) -> bool {
    let up = state.interfaces.values().filter(|interface| interface.is_up());
    up.flat_map(Interface::addrs).any(|network| network.addr() == ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_goes_with_its_interface() {
        // The library's example of a computer: one interface, with this address.
        let (mut state, ip) = (State::fake(), IpAddr::from([192, 168, 0, 189]));
        assert!(has_address(&state, ip) && !has_address(&state, IpAddr::from([192, 168, 0, 190])));
        state.interfaces.clear();
        assert!(!has_address(&state, ip));
    }

    #[tokio::test]
    async fn an_address_that_this_computer_has_is_told_to_be_its_own() {
        let (tell, mut told) = watch::channel(false);
        let watching = tokio::spawn(watch_address(IpAddr::from([127, 0, 0, 1]), tell));
        told.changed().await.unwrap();
        assert!(*told.borrow());
        watching.abort();
    }
}
