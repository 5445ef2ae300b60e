//! Arguments, logging, then the window or the command line over the same engine.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tracing_subscriber::EnvFilter;
use vesper::contacts::Profile;
use vesper::engine::command::Command;
use vesper::engine::snapshot::Stage;
use vesper::engine::words::in_words;
use vesper::engine::{Engine, Start};
use vesper::headless::args::{self, Cli};
use vesper::headless::{self, Owner};
use vesper::ui::{self, UiHandles, UiOptions};
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
    let cli = Cli::parse();
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
    match window(cli, secrets.profile) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vesper: {}", in_words(&error));
            ExitCode::FAILURE
        }
    }
}

/// Opens the window; comes back when the person closed it and the engine said goodbye.
fn window(cli: Cli, passphrase: Option<Zeroizing<String>>) -> Result<()> {
    let directory = Profile::directory(&cli.profile)?;
    let options = headless::window_options(&cli);
    let waker = ui::Waker::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = {
        let _context = runtime.enter();
        let waker = waker.clone();
        let start = Start::Directory { directory: directory.clone(), passphrase };
        Engine::start(start, options, Some(Arc::new(move || waker.wake())))
    };
    let socket = runtime.spawn(serve_commands(directory, engine.watch(), engine.requests()));
    runtime.spawn(end_when_asked(engine.commands()));
    let (remote, preview) = engine.screens();
    let handles = UiHandles { snapshot: engine.watch(), commands: engine.commands(), remote, preview, waker };
    let renderer = cli.renderer.map(|renderer| match renderer {
        args::Renderer::Glow => ui::Renderer::Glow,
        args::Renderer::Wgpu => ui::Renderer::Wgpu,
    });
    let shown = ui::run(handles, UiOptions { renderer });
    socket.abort();
    runtime.block_on(engine.quit());
    // Devices close on threads of their own.
    runtime.shutdown_timeout(Duration::from_millis(300));
    shown.context("the window could not be opened; `vesper check` and `vesper call` work without one")
}

/// Hangs up and ends when the system asks for it, as at the end of a session: the person on the other side must not wait.
async fn end_when_asked(commands: tokio::sync::mpsc::Sender<Command>) {
    headless::asked_to_end().await;
    let _ = commands.try_send(Command::Quit);
    let _ = tokio::time::timeout(Duration::from_millis(1900), commands.closed()).await;
    std::process::exit(0);
}

/// Answers other commands for this profile once it is open.
async fn serve_commands(
    directory: std::path::PathBuf,
    mut snapshot: tokio::sync::watch::Receiver<Arc<vesper::engine::snapshot::Snapshot>>,
    requests: tokio::sync::mpsc::Sender<vesper::engine::request::Asked>,
) {
    while snapshot.wait_for(|snapshot| snapshot.stage == Stage::Ready).await.is_ok() {
        let _owner = Owner::serve(&directory, requests.clone())
            .inspect_err(|error| tracing::warn!("other commands cannot reach this window: {error:#}"));
        // Until there is no profile any more: the next one has a socket of its own.
        if snapshot.wait_for(|snapshot| snapshot.stage == Stage::Welcome).await.is_err() {
            return;
        }
    }
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
