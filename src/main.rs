//! Arguments, logging, then the window or the command line over the same engine.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use tracing_subscriber::EnvFilter;
use vesper::contacts::Profile;
use vesper::engine::snapshot::Stage;
use vesper::engine::{Engine, Start};
use vesper::headless::args::{self, Cli};
use vesper::headless::{self, Owner};
use vesper::ui::{self, UiHandles, UiOptions};
use zeroize::Zeroizing;

fn main() -> ExitCode {
    let passphrase = headless::passphrase_from_environment();
    if passphrase.is_some() {
        // SAFETY: no other thread has been started yet, so nobody reads the environment meanwhile.
        #[expect(unsafe_code, reason = "no child process may inherit the passphrase")]
        unsafe {
            std::env::remove_var("VESPER_PASSPHRASE");
        }
    }
    let cli = Cli::parse();
    log();
    if cli.command.is_some() {
        return headless::run(cli, passphrase);
    }
    match window(cli, passphrase) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vesper: {error:#}");
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
    let (remote, preview) = engine.screens();
    let handles = UiHandles { snapshot: engine.watch(), commands: engine.commands(), remote, preview, waker };
    let renderer = cli.renderer.map(|renderer| match renderer {
        args::Renderer::Glow => ui::Renderer::Glow,
        args::Renderer::Wgpu => ui::Renderer::Wgpu,
    });
    let shown = ui::run(handles, UiOptions { renderer });
    socket.abort();
    runtime.block_on(engine.quit());
    runtime.shutdown_background();
    shown.context("the window could not be opened; `vesper check` and `vesper call` work without one")
}

/// Answers other commands for this profile once it is open.
async fn serve_commands(
    directory: std::path::PathBuf,
    mut snapshot: tokio::sync::watch::Receiver<Arc<vesper::engine::snapshot::Snapshot>>,
    requests: tokio::sync::mpsc::Sender<vesper::engine::request::Asked>,
) {
    if snapshot.wait_for(|snapshot| snapshot.stage == Stage::Ready).await.is_err() {
        return;
    }
    match Owner::serve(&directory, requests) {
        Ok(_owner) => std::future::pending().await,
        Err(error) => tracing::warn!("other commands cannot reach this window: {error:#}"),
    }
}

/// Our own warnings; the libraries log what strangers send them as errors.
const DEFAULT_LOG: &str = "off,vesper=warn";

fn log() {
    let filter = EnvFilter::try_from_env("VESPER_LOG").unwrap_or_else(|_| EnvFilter::new(DEFAULT_LOG));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
