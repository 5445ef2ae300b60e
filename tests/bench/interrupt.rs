//! Somebody wants it to end: the call that is held is given up, and its processes and hosts are taken away as after any other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use crate::Failure;

static WANTED: AtomicBool = AtomicBool::new(false);

/// Takes note of Ctrl-C and of SIGTERM from now on.
pub fn watch() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let wait = async {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
            return;
        };
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        WANTED.store(true, Ordering::SeqCst);
    };
    Builder::new().name("interrupt".into()).spawn(move || runtime.block_on(wait))?;
    Ok(())
}

pub fn wanted() -> bool {
    WANTED.load(Ordering::SeqCst)
}

/// Waits until `due`, or fails because it is to end.
pub fn sleep_until(due: Instant) -> Result<(), Failure> {
    while !wanted() {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        sleep(left.min(Duration::from_millis(100)));
    }
    Err("interrupted".into())
}
