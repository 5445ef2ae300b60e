//! The program's windows: takes what the engine publishes, shows the views, sends what they return.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eframe::egui::{self, Context, IconData, ViewportBuilder, ViewportCommand, ViewportId};
use tokio::sync::mpsc::{Sender, error::TrySendError};
use tracing::warn;

use super::local::{Dialog, Local, OwnNotice, Page};
use super::news::{self, News};
use super::notify::{About, Answer, Notifier};
use super::scripts::OtherScripts;
use super::tokens::{motion, size};
use super::video::Pictures;
use super::views;
use super::views::incoming::{self, IncomingLocal};
use super::{UiHandles, keys, text, theme};
use crate::engine::command::Command;
use crate::engine::snapshot::{CallStage, CallView, PublicKey, Scan, Snapshot, Stage};
use crate::media::clock::MediaTime;
use crate::settings::WindowPlace;

/// The window with everything it holds.
pub struct App {
    handles: UiHandles,
    snapshot: Arc<Snapshot>,
    local: Local,
    pictures: Pictures,
    notifier: Notifier,
    news: News,
    /// The person looks at the window.
    looking: bool,
    /// A link that waits until there is a profile to use it with.
    link: Option<String>,
    /// Whoever the notification and the popup are for.
    ringing: Option<CallView>,
    full_screen: bool,
    /// Seconds of egui's clock at which the window was last touched.
    touched: f64,
    locked: bool,
    icon: Arc<IconData>,
    /// What is written in the popup, which draws itself at times of its own.
    reply: Arc<Mutex<IncomingLocal>>,
    scripts: OtherScripts,
}

impl App {
    /// Before the first frame. `software`: the processor draws, and OpenGL can take pictures in the screen's order.
    pub fn new(ctx: &Context, mut handles: UiHandles, notifier: Notifier, icon: Arc<IconData>, software: bool) -> Self {
        theme::install(ctx);
        handles.waker.attach(ctx);
        // What was published before the window opened does not count as a change.
        let snapshot = handles.snapshot.borrow_and_update().clone();
        let mut pictures = Pictures::default();
        if software {
            pictures.remote.draw_in_software(handles.remote.place.clone());
            pictures.preview.draw_in_software(handles.preview.place.clone());
        }
        Self {
            handles,
            snapshot,
            local: Local::default(),
            pictures,
            notifier,
            news: News::default(),
            looking: false,
            link: None,
            ringing: None,
            full_screen: false,
            touched: 0.0,
            locked: false,
            icon,
            reply: Arc::default(),
            scripts: OtherScripts::install(ctx),
        }
    }

    /// With this name in the field of the first start.
    pub fn suggesting(mut self, name: Option<String>) -> Self {
        self.local.welcome.name = name.unwrap_or_default();
        self
    }

    fn take_snapshot(&mut self, ctx: &Context) {
        match self.handles.snapshot.has_changed() {
            Ok(false) => {}
            Ok(true) => self.snapshot = self.handles.snapshot.borrow_and_update().clone(),
            // The engine is gone, so is what the window was for.
            Err(_) => ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Close),
        }
        if self.snapshot.call.is_none() {
            self.pictures.remote.clear();
            let scanning = self.snapshot.verify.as_ref().is_some_and(|verify| verify.scan != Scan::Off);
            if !scanning && self.snapshot.device_check.is_none() {
                self.pictures.preview.clear();
            }
            self.local.call = Default::default();
            self.local.full_screen = false;
        }
    }

    /// Starts and stops what rings beside the window.
    fn follow_ringing(&mut self, ctx: &Context) {
        let ringing = self.snapshot.call.as_ref().filter(|call| call.stage == CallStage::Incoming);
        if ringing.map(|call| (call.peer, call.id)) != self.ringing.as_ref().map(|call| (call.peer, call.id)) {
            match ringing {
                Some(call) => {
                    if let Some(announcement) = news::ring(&self.snapshot, call) {
                        self.notifier.show(announcement);
                    }
                }
                None => self.notifier.close(About::Ring),
            }
            *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = IncomingLocal::default();
            // A hidden window runs no views, and only a view can open the popup.
            ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::RequestPaintWhileHidden);
            ctx.request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
        }
        self.ringing = ringing.cloned();
    }

    /// Announces what happens while nobody looks, and takes that away when somebody does.
    fn follow_news(&mut self, ctx: &Context) {
        let looking = ctx.input(|input| {
            let window = input.viewport();
            window.focused.unwrap_or(input.focused) && window.minimized != Some(true)
        });
        if looking && !self.looking {
            self.notifier.seen();
        }
        self.looking = looking;
        let now_ms = MediaTime::now().unix_us() / 1000;
        for announcement in self.news.follow(&self.snapshot, now_ms, looking) {
            self.notifier.show(announcement);
        }
    }

    /// Does what was chosen on an announcement. A call that no longer rings is not answered.
    fn take_answers(&mut self, ctx: &Context) {
        let answers: Vec<Answer> = self.notifier.answers().collect();
        for answer in answers {
            let rings = |key, call| self.ringing.as_ref().is_some_and(|ringing| (ringing.peer, ringing.id) == (key, call));
            match answer {
                Answer::Accept(key, call, media) if rings(key, call) => {
                    raise(ctx);
                    self.perform(ctx, Command::Accept { call, media });
                }
                Answer::Decline(key, call) if rings(key, call) => self.perform(ctx, Command::Decline { call }),
                Answer::Accept(..) | Answer::Decline(..) => {}
                Answer::CallBack(key, media) => {
                    raise(ctx);
                    self.show_contact(key);
                    if self.snapshot.stage == Stage::Ready && views::lobby::is_free(&self.snapshot) {
                        // As from the window: nobody's camera is sent before they saw it, unless they skip that for good.
                        let wish = views::lobby::before_call(Some(Command::Call { key, media }), &self.snapshot, &mut self.local);
                        wish.into_iter().for_each(|wish| self.perform(ctx, wish));
                    }
                }
                Answer::Open(key) => {
                    raise(ctx);
                    key.into_iter().for_each(|key| self.show_contact(key));
                }
            }
        }
    }

    fn show_contact(&mut self, key: PublicKey) {
        (self.local.page, self.local.selected) = (Page::People, Some(key));
    }

    /// Somebody started Vesper again, perhaps with an invitation: it is put into the form, and the person does the rest.
    fn take_raises(&mut self, ctx: &Context) {
        while let Ok(raised) = self.handles.raises.try_recv() {
            raise(ctx);
            self.link = raised.link.or(self.link.take());
        }
        if self.snapshot.stage == Stage::Ready
            && let Some(link) = self.link.take()
        {
            self.local.page = Page::People;
            self.local.add = super::local::Add { invitation: link, ..Default::default() };
            self.local.dialog = Some(Dialog::AddPerson);
        }
    }

    /// Follows the size that the person chose, as far as the window has room for its smallest layout, and tells where it is.
    fn follow_window(&self, ctx: &Context) {
        let whole = ctx.content_rect().size() * ctx.zoom_factor();
        let room = (whole.x / size::WINDOW_MIN[0]).min(whole.y / size::WINDOW_MIN[1]);
        let chosen = f32::from(self.snapshot.settings.scale_percent.clamp(100, 200)) / 100.0;
        let zoom = chosen.min(room).max(1.0);
        if (zoom - ctx.zoom_factor()).abs() > 0.001 {
            ctx.set_zoom_factor(zoom);
        }
        let (outer, maximized, hidden) = ctx.input(|input| {
            let window = input.viewport();
            let hidden = window.minimized == Some(true) || window.fullscreen == Some(true);
            (window.outer_rect, window.maximized == Some(true), hidden)
        });
        if hidden {
            return;
        }
        let at = outer.map(|rect| rect.min * ctx.zoom_factor()).map(|corner| [corner.x, corner.y]);
        self.handles.place.send_if_modified(|place| {
            // What a maximised window was before stays known, for the day it is none.
            let now = match *place {
                Some(before) if maximized => WindowPlace { maximized, ..before },
                _ => WindowPlace { at, size: whole.into(), maximized },
            };
            place.replace(now) != Some(now)
        });
    }

    fn take_pictures(&mut self, ctx: &Context) {
        if let Some(frame) = self.handles.remote.pictures.take() {
            self.pictures.remote.update(ctx, "remote", &frame);
        }
        if let Some(frame) = self.handles.preview.pictures.take() {
            self.pictures.preview.update(ctx, "preview", &frame);
        }
        // A camera that was switched off and on again must not show its last picture of before.
        if let Some(call) = &self.snapshot.call {
            if !call.remote_camera_on {
                self.pictures.remote.clear();
            }
            if !call.camera_on {
                self.pictures.preview.clear();
            }
        }
    }

    /// Locks when nobody has touched the window for as long as the person chose. A call is not idle.
    fn lock_when_idle(&mut self, ctx: &Context) {
        let (now, touched) = ctx.input(|input| (input.time, !input.events.is_empty()));
        let ready = self.snapshot.stage == Stage::Ready && self.snapshot.sealed && self.snapshot.call.is_none();
        let Some(minutes) = self.snapshot.settings.lock_after_minutes.filter(|_| ready) else {
            self.touched = now;
            return;
        };
        if touched {
            self.touched = now;
        }
        let left = self.touched + f64::from(minutes) * 60.0 - now;
        if left <= 0.0 {
            send(&self.handles.commands, Command::Lock);
            self.touched = now;
        } else {
            ctx.request_repaint_after(Duration::from_secs_f64(left));
        }
    }

    /// Nobody sees what a camera shows in a window that is put away: it closes, and opens again when the window does.
    fn close_unseen_devices(&mut self, ctx: &Context) {
        if ctx.input(|input| input.viewport().minimized) != Some(true) {
            return;
        }
        if self.snapshot.device_check.is_some() && std::mem::take(&mut self.local.device_check.told) {
            send(&self.handles.commands, Command::CheckDevices { on: false });
        }
        if self.snapshot.verify.as_ref().is_some_and(|verify| verify.scan == Scan::Looking) {
            send(&self.handles.commands, Command::ScanCode { on: false });
        }
    }

    /// What the window holds of people goes when the profile is locked.
    fn forget_when_locked(&mut self) {
        if matches!(self.snapshot.stage, Stage::Locked { .. }) && !self.locked {
            let now = self.local.now;
            self.local = Local { now, ..Local::default() };
            self.pictures.remote.clear();
            self.pictures.preview.clear();
        }
        self.locked = matches!(self.snapshot.stage, Stage::Locked { .. });
    }

    fn popup(&self, ctx: &Context) {
        let Some(call) = self.ringing.clone() else { return };
        let builder = ViewportBuilder::default()
            .with_title(text::INCOMING_TITLE)
            .with_app_id(super::APP_ID)
            .with_icon(self.icon.clone())
            .with_inner_size(incoming::SIZE)
            .with_resizable(false)
            .with_minimize_button(false)
            .with_maximize_button(false)
            .with_always_on_top();
        let reply = self.reply.clone();
        let commands = self.handles.commands.clone();
        let still = self.snapshot.settings.reduced_motion;
        ctx.show_viewport_deferred(ViewportId::from_hash_of("incoming"), builder, move |ui, _| {
            let mut local = reply.lock().unwrap_or_else(PoisonError::into_inner);
            let expected = local.is_expected(call.id, ui.input(|input| input.time));
            let wish = incoming::incoming_ui(ui, &call, &mut local, still).or_else(|| keys::answer_keys(ui.ctx(), &call));
            if std::mem::take(&mut local.raise) {
                raise(ui.ctx());
            }
            // Whoever closes the popup does not want the call.
            let closed = ui.ctx().input(|input| input.viewport().close_requested());
            let wish = wish.or(closed.then_some(Command::Decline { call: call.id }));
            if let Some(command) = wish.filter(|_| expected) {
                if matches!(command, Command::Accept { .. }) {
                    ui.ctx().send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Minimized(false));
                    ui.ctx().send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Focus);
                }
                send(&commands, command);
                ui.ctx().request_repaint_after_for(Duration::from_millis(1), ViewportId::ROOT);
            }
        });
    }

    fn perform(&mut self, ctx: &Context, command: Command) {
        if matches!(command, Command::Accept { .. }) {
            ctx.send_viewport_cmd(ViewportCommand::Focus);
        }
        if !send(&self.handles.commands, command) {
            let until = ctx.input(|input| input.time) + motion::OWN_NOTICE;
            self.local.notice = Some(OwnNotice { text: text::BUSY, until });
        }
    }
}

/// Brings the main window up, from wherever it was put.
fn raise(ctx: &Context) {
    ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Minimized(false));
    ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::Focus);
    // Where no window may push itself forward, its entry in the task bar blinks.
    ctx.send_viewport_cmd_to(ViewportId::ROOT, ViewportCommand::RequestUserAttention(egui::UserAttentionType::Informational));
}

/// Hands `command` to the engine. False when its queue is full: then the person is told and asks again.
fn send(commands: &Sender<Command>, command: Command) -> bool {
    match commands.try_send(command) {
        Ok(()) | Err(TrySendError::Closed(_)) => true,
        Err(TrySendError::Full(_)) => {
            warn!("the engine does not keep up with the window's wishes");
            false
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.take_snapshot(ctx);
        self.follow_ringing(ctx);
        self.follow_news(ctx);
        self.take_answers(ctx);
        self.forget_when_locked();
        self.take_raises(ctx);
        self.lock_when_idle(ctx);
        self.close_unseen_devices(ctx);
        if ctx.input(|input| input.viewport().close_requested()) {
            send(&self.handles.commands, Command::Quit);
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        theme::choose(&ctx, self.snapshot.settings.theme);
        theme::keep_still(&ctx, self.snapshot.settings.reduced_motion);
        self.follow_window(&ctx);
        self.take_pictures(&ctx);
        if let Some(gl) = frame.gl() {
            self.pictures.remote.free_unused(gl);
        }
        self.local.now = MediaTime::now();
        if let Some(command) = views::window_ui(ui, &self.snapshot, &mut self.local, &self.pictures) {
            self.perform(&ctx, command);
        }
        self.popup(&ctx);
        self.scripts.follow(&ctx);
        if let Some(text) = self.local.copy.take() {
            ctx.copy_text(text);
        }
        if self.full_screen != self.local.full_screen {
            self.full_screen = self.local.full_screen;
            ctx.send_viewport_cmd(ViewportCommand::Fullscreen(self.full_screen));
        }
    }

    /// egui makes its picture of glyphs as wide as the card allows, and holds it twice.
    fn raw_input_hook(&mut self, _ctx: &Context, input: &mut egui::RawInput) {
        input.max_texture_side = input.max_texture_side.map(|side| side.min(size::TEXTURE_SIDE));
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn persist_egui_memory(&self) -> bool {
        false
    }
}
