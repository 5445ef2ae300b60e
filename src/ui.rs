//! The window: views of the engine's snapshot that return commands.
//!
//! In reading order: [`app`] takes what the engine publishes and sends what the views return; [`views`] are the screens, each a
//! function of a snapshot; [`news`] and [`notify`] announce on the desktop what happens meanwhile; [`local`] is what only the window knows; [`widgets`] are the pieces; [`video`] holds the pictures;
//! [`tokens`] names every colour and size, [`text`] every sentence; [`theme`], [`icons`] and [`emoji`] bring the
//! fonts and drawings, [`scripts`] the letters that those lack.
//!
//! Deliberately absent: a device, a socket, the disk, a wait of any kind, and a repaint that nobody needs. Somebody who has news
//! for the window (a snapshot, a picture) calls [`Waker::wake`]; while a call rings the popup pulses; else nothing repaints.

pub mod app;
pub mod emoji;
pub mod icons;
pub mod keys;
pub mod local;
pub mod news;
pub mod notify;
pub mod scripts;
pub mod text;
pub mod theme;
pub mod tokens;
pub mod video;
pub mod views;
pub mod widgets;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::anyhow;
use eframe::egui::{Context, IconData, ViewportBuilder, ViewportId};
use eframe::glow::HasContext as _;
use tokio::sync::{mpsc, watch};

use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::media::place::ScreenView;
use crate::settings::WindowPlace;

/// The name by which desktops group our windows.
const APP_ID: &str = "vesper";

/// The window's ends of everything between it and the engine.
pub struct UiHandles {
    /// What is shown. When its sender goes, the window closes.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// What the person wants. Bounded; when it is full the person is told and asks again.
    pub commands: mpsc::Sender<Command>,
    /// The newest picture of the other side.
    pub remote: ScreenView,
    /// The newest picture of our own camera.
    pub preview: ScreenView,
    /// The same that the engine has.
    pub waker: Waker,
    /// Somebody started Vesper again. Bounded; when it is full the window comes up all the same.
    pub raises: mpsc::Receiver<Raise>,
    /// Where the window is, for whoever keeps it.
    pub place: watch::Sender<Option<WindowPlace>>,
}

/// Bring the window up, and show this `vesper:` link where a person can use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    pub link: Option<String>,
}

/// How the window begins.
#[derive(Debug, Clone, Default)]
pub struct UiOptions {
    /// `None`: what is best here, which is OpenGL on Linux (a sixth of the cost in software) and wgpu elsewhere.
    pub renderer: Option<Renderer>,
    /// Where the window was the last time.
    pub place: Option<WindowPlace>,
    /// The processor draws: what a graphics card does for nothing is left out.
    pub software: bool,
    /// What stands in the field for the name at the first start.
    pub name: Option<String>,
}

/// What draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renderer {
    Glow,
    Wgpu,
}

/// Wakes the window from any thread: there is a new snapshot or a new picture.
///
/// Before the window exists and after it closed this does nothing, for it looks at everything when it opens.
#[derive(Clone, Default)]
pub struct Waker(Arc<OnceLock<Context>>);

impl Waker {
    /// One for [`UiHandles`] and its clones for whoever has news.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for one repaint soon; any number of calls before it make one repaint.
    pub fn wake(&self) {
        if let Some(ctx) = self.0.get() {
            // Not `request_repaint`: from another thread that paints twice.
            ctx.request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
        }
    }

    fn attach(&self, ctx: &Context) {
        // A second window of the same process would be a bug of the shell; the first one stays.
        let _ = self.0.set(ctx.clone());
    }
}

/// Opens the window on the main thread and returns when it was closed; before that it sends [`Command::Quit`].
pub fn run(handles: UiHandles, options: UiOptions) -> anyhow::Result<()> {
    let icon = Arc::new(app_icon());
    let mut viewport = ViewportBuilder::default()
        .with_title(text::APP)
        .with_app_id(APP_ID)
        .with_icon(icon.clone())
        .with_inner_size(options.place.map_or(tokens::size::WINDOW, |place| place.size))
        .with_min_inner_size(tokens::size::WINDOW_MIN);
    if let Some(place) = options.place {
        viewport = viewport.with_maximized(place.maximized);
        if let Some(at) = place.at {
            viewport = viewport.with_position(at);
        }
    }
    let renderer = options.renderer.unwrap_or(if cfg!(target_os = "linux") { Renderer::Glow } else { Renderer::Wgpu });
    let native = eframe::NativeOptions {
        viewport,
        renderer: match renderer {
            Renderer::Glow => eframe::Renderer::Glow,
            Renderer::Wgpu => eframe::Renderer::Wgpu,
        },
        persist_window: false,
        // In its time: see `scripts`.
        system_font_fallback: false,
        // It smooths gradients by less than a shade, for a sixth of what a frame costs the processor.
        dithering: !options.software,
        ..Default::default()
    };
    let (commands, waker) = (handles.commands.clone(), handles.waker.clone());
    let result = eframe::run_native(
        text::APP,
        native,
        Box::new(|cc| {
            // OpenGL for small devices does not take pictures in the order that screens hold.
            let software = options.software && cc.gl.as_ref().is_some_and(|gl| !gl.version().is_embedded);
            let app = app::App::new(&cc.egui_ctx, handles, notify::Notifier::start(waker), icon, software);
            Ok(Box::new(app.suggesting(options.name)))
        }),
    );
    // However the window ended, nobody is left to press a button.
    let _ = commands.try_send(Command::Quit);
    result.map_err(|error| anyhow!("the window cannot be opened: {error}; `vesper check` and `vesper call` work without one"))
}

/// Whether there is a screen that a window could open on. Elsewhere than on Linux, there always is.
pub fn has_display() -> bool {
    let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"].into_iter().any(named)
}

/// The icon of both windows.
fn app_icon() -> IconData {
    eframe::icon_data::from_png_bytes(include_bytes!("../assets/app/256.png")).expect("the icon in the program is a PNG")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waking_before_there_is_a_window_does_nothing() {
        Waker::new().wake();
    }

    #[test]
    fn the_icon_is_a_square() {
        let icon = app_icon();
        assert_eq!((icon.width, icon.height), (256, 256));
    }
}
