//! Arguments, logging, then the window or the command line over the same engine.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::sync::{mpsc, watch};
use tracing_subscriber::EnvFilter;
use vesper::contacts::Profile;
use vesper::engine::command::Command;
use vesper::engine::words::in_words;
use vesper::engine::{Engine, Start};
use vesper::headless::args::{self, Cli};
use vesper::headless::{self, window};
use vesper::ui::{self, Raise, UiHandles, UiOptions};
use zeroize::Zeroizing;

fn main() -> ExitCode {
    let secrets = headless::secrets_from_environment();
    for name in headless::SECRETS.into_iter().filter(|name| std::env::var_os(name).is_some()) {
        // SAFETY: no other thread has been started yet, so nobody reads the environment meanwhile.
        #[expect(unsafe_code, reason = "no child process may inherit a passphrase")]
        unsafe {
            std::env::remove_var(name);
        }
    }
    let cli = Cli::read();
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(error) => {
            eprintln!("vesper: {}", in_words(&error));
            return ExitCode::FAILURE;
        }
    };
    log(if cli.command.is_some() { COMMAND_LOG } else { WINDOW_LOG });
    if cli.command.is_some() {
        return headless::run(cli, secrets);
    }
    match open_window(cli, secrets.profile) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vesper: {}", in_words(&error));
            ExitCode::FAILURE
        }
    }
}

/// Second starts that wait for the window.
const RAISES: usize = 8;

/// Opens the window; comes back when the person closed it and the engine said goodbye.
fn open_window(cli: Cli, passphrase: Option<Zeroizing<String>>) -> Result<()> {
    let directory = Profile::directory(&cli.profile)?;
    let options = headless::window_options(&cli);
    let waker = ui::Waker::default();
    let runtime = headless::runtime()?;
    if runtime.block_on(headless::raise(&directory, cli.link.clone()))? {
        return Ok(());
    }
    if !ui::has_display() {
        bail!("there is no display here, so no window can open; `vesper check` and `vesper call` work without one");
    }
    let engine = {
        let _context = runtime.enter();
        let waker = waker.clone();
        let start = Start::Directory { directory: directory.clone(), passphrase };
        Engine::start(start, options, Some(Arc::new(move || waker.wake())))
    };
    let (raising, raises) = mpsc::channel(RAISES);
    if cli.link.is_some() {
        let _ = raising.try_send(Raise { link: cli.link });
    }
    let raise = {
        let waker = waker.clone();
        move |link| {
            // Full: it comes up for those before.
            let _ = raising.try_send(Raise { link });
            waker.wake();
        }
    };
    let socket = runtime.spawn(window::serve(directory.clone(), engine.watch(), engine.requests(), raise));
    let before = window::read_place(&directory);
    let (place, placed) = watch::channel(before);
    let placed = runtime.spawn(window::keep_place(directory, placed));
    let stop_serving = socket.abort_handle();
    runtime.spawn(end_when_asked(engine.commands(), socket));
    #[cfg(target_os = "linux")]
    {
        window::lost_screen::end_well(runtime.handle().clone(), engine.commands());
        runtime.spawn(window::spare::give_back(engine.watch()));
    }
    let (remote, preview) = engine.screens();
    let handles = UiHandles { snapshot: engine.watch(), commands: engine.commands(), remote, preview, waker, raises, place };
    let renderer = cli.renderer.map(|renderer| match renderer {
        args::Renderer::Glow => ui::Renderer::Glow,
        args::Renderer::Wgpu => ui::Renderer::Wgpu,
    });
    let software = window::draws_in_software();
    let shown = ui::run(handles, UiOptions { renderer, place: before, software, name: cli.name });
    stop_serving.abort();
    // The window is gone, and with it the other end.
    let _ = runtime.block_on(placed);
    runtime.block_on(engine.quit());
    // Devices close on threads of their own.
    runtime.shutdown_timeout(Duration::from_millis(300));
    shown
}

/// Hangs up and ends when the system asks for it, as at the end of a session: the person on the other side must not wait.
async fn end_when_asked(commands: tokio::sync::mpsc::Sender<Command>, socket: tokio::task::JoinHandle<()>) {
    headless::asked_to_end().await;
    let _ = commands.try_send(Command::Quit);
    let over = async {
        commands.closed().await;
        // It ends with the engine, and takes its socket away.
        let _ = socket.await;
    };
    let _ = tokio::time::timeout(Duration::from_millis(1900), over).await;
    std::process::exit(0);
}

/// Our own warnings; the libraries log what strangers send them as errors.
const WINDOW_LOG: &str = "off,vesper=warn";
/// A command says in events and sentences what a person has to know.
const COMMAND_LOG: &str = "off,vesper=error";

fn log(default: &str) {
    let filter = EnvFilter::try_from_env("VESPER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Else it would complain, and panic, on a standard error that somebody closed.
        .log_internal_errors(false)
        .init();
}
