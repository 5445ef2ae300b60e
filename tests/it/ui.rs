//! The views, driven as a person or a screen reader would: by the names of things.
//!
//! Here is what these tests share: a window without a system, a profile to show in it, and hands.

mod app;
mod contacts;
mod inviting;
mod news;
mod reachable;
mod screens;
mod settings_pages;
mod spoken;
mod start;
pub(crate) mod talk;

use std::sync::Arc;

use eframe::egui::{Frame, Key, Modifiers, Theme, Ui, Vec2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use vesper::engine::command::{CallMedia, Command};
use vesper::engine::snapshot::*;
use vesper::identity::Identity;
use vesper::media::clock::MediaTime;
use vesper::media::frame::ScreenFrame;
use vesper::settings::{Reach, Settings};
use vesper::ui::local::{Dialog, Local, Page, SettingsPage};
use vesper::ui::video::Pictures;
use vesper::ui::views::{incoming, window_ui};
use vesper::ui::{text, theme};

/// Unix seconds at which all of this happens.
pub(crate) const NOW: u64 = 1_790_000_000;
/// Which call it is that these views show.
pub(crate) const CALL: Option<CallId> = Some(CallId([7; 16]));
pub(crate) const SIZE: Vec2 = vec2(1180.0, 760.0);

/// A window without a system: what it shows, and every wish that came out of it.
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) local: Local,
    pub(crate) pictures: Pictures,
    /// Pictures to upload in the first frame.
    frames: Option<[Arc<ScreenFrame>; 2]>,
    wishes: Vec<Command>,
}

impl eframe::App for World {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        if let Some([remote, preview]) = self.frames.take() {
            self.pictures.remote.update(ui.ctx(), "remote", &remote);
            self.pictures.preview.update(ui.ctx(), "preview", &preview);
        }
        self.local.now = MediaTime(NOW * 1_000_000);
        let ringing = self.snapshot.call.as_ref().filter(|call| call.stage == CallStage::Incoming);
        let wish = match ringing {
            Some(call) if ui.max_rect().width() < 400.0 => {
                Frame::NONE.show(ui, |ui| incoming::incoming_ui(ui, call, &mut self.local.incoming, true)).inner
            }
            _ => window_ui(ui, &self.snapshot, &mut self.local, &self.pictures),
        };
        self.wishes.extend(wish);
    }
}

pub(crate) type Window = Harness<'static, World>;

pub(crate) fn window(snapshot: Snapshot, local: Local) -> Window {
    window_of(snapshot, local, Theme::Dark, SIZE)
}

pub(crate) fn window_of(snapshot: Snapshot, local: Local, theme: Theme, size: Vec2) -> Window {
    let frames = Some([picture([64, 110, 130]), picture([150, 120, 90])]);
    let world = World { snapshot, local, pictures: Pictures::default(), frames, wishes: Vec::new() };
    let builder = Harness::builder().with_size(size).with_theme(theme).with_context_setup(theme::install);
    let mut window = builder.build_eframe(|_| world);
    window.run_steps(4);
    window
}

/// A soft picture of 16:9 with a bright disc in the middle.
fn picture([r, g, b]: [u8; 3]) -> Arc<ScreenFrame> {
    let (width, height) = (640, 360);
    let pixel = |i: usize| {
        let (x, y) = ((i % width) as f32 / width as f32 - 0.5, (i / width) as f32 / height as f32 - 0.5);
        let glow = 1.3 - (x * x * 3.2 + y * y).sqrt() * 1.4;
        let shade = if (x * 16.0).hypot(y * 9.0) < 3.0 { 1.5 } else { glow.max(0.2) };
        [r, g, b].map(|channel| (f32::from(channel) * shade).min(255.0) as u8)
    };
    let data = (0..width * height).flat_map(|i| pixel(i).into_iter().chain([255])).collect();
    Arc::new(ScreenFrame { width, height, data, sequence: 1, ..ScreenFrame::default() })
}

pub(crate) fn key(number: u8) -> PublicKey {
    Identity::from_secret(&[number; 32]).public()
}

pub(crate) fn contact(number: u8, petname: &str) -> ContactView {
    ContactView {
        key: key(number),
        petname: petname.into(),
        echo: false,
        online: true,
        verified: true,
        blocked: false,
        last: None,
        missed_calls: 0,
        verified_by: Some((VerifiedBy::Number, NOW - 90_000)),
        candidates: Candidates::All,
        silent: false,
        relay: None,
        warning: None,
    }
}

/// A profile in use.
pub(crate) fn people() -> Snapshot {
    let echo = ContactView { echo: true, verified: false, ..contact(1, "Echo") };
    let maya = ContactView { last: Some(("Video call · 24 min".into(), NOW - 1200)), ..contact(2, "Maya Lindqvist") };
    let amara = ContactView {
        verified: false,
        missed_calls: 1,
        last: Some(("Missed video call".into(), NOW - 4000)),
        ..contact(3, "Amara Okafor")
    };
    let dad = ContactView { online: false, last: Some(("Voice call · 12 min".into(), NOW - 100_000)), ..contact(4, "Dad") };
    let blocked = ContactView { online: false, blocked: true, verified: false, ..contact(9, "Telemarketing") };
    Snapshot {
        stage: Stage::Ready,
        me: Some(Me { name: "Alex Moreau".into(), key: key(100) }),
        contacts: vec![echo, amara, dad, maya, blocked],
        network: Network::Reachable(Way::OwnRelay),
        devices: Devices {
            cameras: vec!["Logitech BRIO 4K".into(), "Integrated Camera".into()],
            microphones: vec!["MacBook Pro Microphone".into()],
            speakers: Vec::new(),
        },
        conversations: Conversations { stage: ConversationsStage::Ready, ..Conversations::default() },
        ..Snapshot::default()
    }
}

/// The same profile on a computer without any network.
fn offline() -> Snapshot {
    let mut snapshot = Snapshot { network: Network::Unplugged, ..people() };
    snapshot.contacts.iter_mut().for_each(|contact| contact.online = contact.echo);
    snapshot
}

/// The same profile, of somebody who skips the check before calls.
pub(crate) fn people_without_lobby() -> Snapshot {
    Snapshot { settings: Settings { lobby: false, ..Settings::default() }, ..people() }
}

pub(crate) fn call(stage: CallStage) -> CallView {
    CallView {
        id: CALL,
        peer: key(2),
        name: "Maya Lindqvist".into(),
        verified: true,
        echo: false,
        stage,
        media: CallMedia::Video,
        words: Some([("🦊", "fox"), ("🌵", "cactus"), ("🎈", "balloon"), ("⚓", "anchor")]),
        microphone_on: true,
        camera_on: true,
        remote_microphone_on: true,
        remote_camera_on: true,
        microphone_level: Some(0.4),
        quality_bars: 4,
        hint: None,
        warning: None,
        locked: false,
        silenced: false,
        statistics: None,
    }
}

pub(crate) fn active() -> CallStage {
    CallStage::Active { since: MediaTime((NOW - 754) * 1_000_000) }
}

pub(crate) fn in_call(call: CallView) -> Snapshot {
    Snapshot { call: Some(call), ..people() }
}

/// Takes the wishes so far.
pub(crate) fn wishes(window: &mut Window) -> Vec<Command> {
    std::mem::take(&mut window.state_mut().wishes)
}

/// Clicks what has this name, and returns the wishes that came of it.
pub(crate) fn click(window: &mut Window, name: &str) -> Vec<Command> {
    window.run_steps(2);
    window.get_by_label(name).click();
    window.run_steps(4);
    std::mem::take(&mut window.state_mut().wishes)
}

pub(crate) fn press(window: &mut Window, modifiers: Modifiers, key: Key) -> Vec<Command> {
    window.key_press_modifiers(modifiers, key);
    window.run_steps(3);
    std::mem::take(&mut window.state_mut().wishes)
}

pub(crate) fn write(window: &mut Window, field: &str, what: &str) {
    window.get_by_label(field).focus();
    window.run_steps(2);
    window.get_by_label(field).type_text(what);
    window.run_steps(2);
}
