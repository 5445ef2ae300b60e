//! A screen that goes away under the window: the X server ends, or the connection to it breaks.
//!
//! Xlib says so in the middle of a call of whoever draws, and then ends the process by `exit`, which takes things down under the
//! threads of the driver that still use them. So we are told first, say goodbye, and end without it.

use std::ffi::c_int;
use std::io::Write;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::Sender;
use x11_dl::xlib::{Display, Xlib};

use crate::engine::command::Command;

/// How long the goodbye may take.
const GOODBYE: Duration = Duration::from_millis(1500);

/// Whom to tell, and what runs them.
static ENGINE: OnceLock<(Handle, Sender<Command>)> = OnceLock::new();

/// From now on the process ends with a goodbye, a sentence and exit code 1 when its X server is gone. Where a window is not drawn
/// by X, this does nothing: there the window closes with an error as any other.
pub fn end_well(runtime: Handle, engine: Sender<Command>) {
    let wayland =
        ["WAYLAND_DISPLAY", "WAYLAND_SOCKET"].iter().any(|name| std::env::var_os(name).is_some_and(|at| !at.is_empty()));
    if wayland || ENGINE.set((runtime, engine)).is_err() {
        return;
    }
    let Ok(xlib) = Xlib::open() else { return };
    // SAFETY: the handler is a function of the program and there as long as it; Xlib was not used before, and once opened it is
    // never unloaded.
    #[expect(unsafe_code, reason = "Xlib has no other way to say that the screen is gone")]
    unsafe {
        (xlib.XSetIOErrorHandler)(Some(gone));
    }
}

/// Called by Xlib on the thread of the window, which has nothing to come back to.
#[expect(
    unsafe_code,
    reason = "the type of Xlib's handler is that of an unsafe function, and ending without clean-up is unsafe in C"
)]
unsafe extern "C" fn gone(_: *mut Display) -> c_int {
    // Standard error may be gone with the terminal.
    let _ = writeln!(
        std::io::stderr(),
        "vesper: the screen that the window was on is gone, so Vesper ended; your messages and contacts are kept"
    );
    if let Some((runtime, engine)) = ENGINE.get() {
        let _ = engine.try_send(Command::Quit);
        let _ = runtime.block_on(async { tokio::time::timeout(GOODBYE, engine.closed()).await });
    }
    // SAFETY: it takes nothing but a number and does not come back.
    unsafe { libc::_exit(1) }
}
