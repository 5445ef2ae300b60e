//! Tells when this computer's addresses change, so that a call can move over before anybody misses a word.

use std::net::SocketAddr;

use n0_watcher::Watcher as _;
use netwatch::netmon::Monitor;
use tokio::sync::mpsc;

use super::addresses;

/// Says so whenever the addresses that a connection would be bound to are not those of before. Runs until nobody listens.
///
/// What the system says of its interfaces is mostly of no matter: a lease renewed, a counter, a bridge that came up.
pub async fn watch_addresses(tell: mpsc::Sender<()>) {
    let monitor = match Monitor::new().await {
        Ok(monitor) => monitor,
        Err(error) => return tracing::warn!("a change of the network will not be noticed at once: {error}"),
    };
    let mut state = monitor.interface_state();
    let mut known = current();
    loop {
        tokio::select! {
            updated = state.updated() => if updated.is_err() { return },
            () = tell.closed() => return,
        }
        let now = current();
        if now != known {
            known = now;
            // One that waits already says the same.
            let _ = tell.try_send(());
        }
    }
}

fn current() -> Vec<SocketAddr> {
    addresses::to_bind(&[], false)
}
