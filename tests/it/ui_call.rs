//! The views of a call, driven by the names of things: here what holds for each of them, below what each of them does.

mod before;
mod controls;
mod small_pictures;
mod stages;

use std::sync::Arc;

use eframe::egui::{Pos2, Rect, Theme, Vec2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use vesper::engine::command::CallMedia;
use vesper::engine::report::{Audio, Bandwidth, Path, Percentiles, Sealed, Video};
use vesper::engine::snapshot::*;
use vesper::media::clock::MediaTime;
use vesper::media::frame::ScreenFrame;
use vesper::settings::Settings;
use vesper::ui::local::{Dialog, Local, Page};
use vesper::ui::text;
use vesper::ui::views::incoming;
use vesper::ui::views::lobby::Lobby;

use crate::ui::{NOW, SIZE, active, call, in_call, key, people, window, window_of};

const NARROW: Vec2 = vec2(640.0, 480.0);

/// Every view of a call, with what is in it, by the name of its picture.
pub(crate) fn screens() -> Vec<(&'static str, Snapshot, Local, Vec2)> {
    let local = || Local { selected: Some(key(2)), ..Local::default() };
    let with = |view: CallView| in_call(CallView { statistics: figures(), ..view });
    let mut figures_open = local();
    figures_open.call.peer = Some(key(2));
    figures_open.call.statistics = true;
    let mut small_figures = local();
    small_figures.call.peer = Some(key(2));
    small_figures.call.statistics = true;
    let reconnecting = CallStage::Reconnecting { since: MediaTime((NOW - 754) * 1_000_000) };
    let slow = Some("Your connection is slow: sound comes first, and the picture returns as it recovers.".into());
    let poor = CallView { quality_bars: 1, hint: slow, ..call(active()) };
    let their_mute = CallView { remote_microphone_on: false, ..call(active()) };
    let both_off = CallView { remote_camera_on: false, camera_on: false, microphone_on: false, ..call(active()) };
    let lost = CallStage::Ended { result: "Nobody answered. Try again later.".into(), lasted: None };
    let before = |stage| CallView { words: None, ..call(stage) };
    let talk = Snapshot {
        settings: Settings { push_to_talk: true, ..Settings::default() },
        ..with(CallView { microphone_on: false, ..call(active()) })
    };
    let lobby = |media| Local { lobby: Some(Lobby { key: key(2), media }), ..local() };
    let checked =
        || Snapshot { device_check: Some(DeviceCheckView { level: Some(0.55), ..DeviceCheckView::default() }), ..people() };
    let trouble = DeviceCheckView {
        camera_trouble: Some("Another program uses the camera. Close it there, then choose it again.".into()),
        ..DeviceCheckView::default()
    };
    let mut replying = local();
    (replying.incoming.replying, replying.incoming.reply) = (true, "In ten minutes?".into());
    let mut trying = Local { page: Page::Settings, ..local() };
    trying.device_check.in_settings = true;
    let full = Local { full_screen: true, ..local() };
    vec![
        ("call-ringing-there", in_call(before(CallStage::RingingThere)), local(), SIZE),
        ("call-connecting", in_call(before(CallStage::Connecting)), local(), NARROW),
        ("call-their-mute", with(their_mute), local(), SIZE),
        ("call-both-off", with(both_off), local(), NARROW),
        ("call-poor", with(poor.clone()), local(), SIZE),
        ("call-poor-narrow", with(poor), local(), NARROW),
        ("call-reconnecting-narrow", with(call(reconnecting)), local(), NARROW),
        ("call-unanswered", in_call(before(lost)), local(), NARROW),
        ("call-push-to-talk", talk, local(), SIZE),
        ("call-statistics", with(call(active())), figures_open, SIZE),
        ("call-statistics-narrow", with(call(active())), small_figures, NARROW),
        ("call-full", with(call(active())), full, vec2(1920.0, 1080.0)),
        ("call-away", with(call(active())), away(), SIZE),
        ("call-away-narrow", with(CallView { remote_camera_on: false, ..call(active()) }), away(), NARROW),
        ("call-shortcuts", with(call(active())), Local { dialog: Some(Dialog::Shortcuts), ..local() }, NARROW),
        ("lobby", checked(), lobby(CallMedia::Video), SIZE),
        ("lobby-narrow", checked(), lobby(CallMedia::Audio), NARROW),
        ("lobby-trouble", Snapshot { device_check: Some(trouble), ..people() }, lobby(CallMedia::Video), SIZE),
        ("incoming-reply", in_call(before(CallStage::Incoming)), replying, incoming::SIZE),
        ("incoming-silenced", in_call(CallView { silenced: true, ..before(CallStage::Incoming) }), local(), incoming::SIZE),
        ("settings-trying", checked(), trying, SIZE),
    ]
}

#[test]
fn nothing_of_a_call_is_cut_off_at_the_smallest_size_and_everything_has_a_name() {
    for (name, snapshot, local, size) in screens().into_iter().filter(|screen| screen.0 != "settings-trying") {
        let size = if size == incoming::SIZE { size } else { NARROW };
        let window = window_of(snapshot, local, Theme::Light, size);
        let whole = Rect::from_min_size(Pos2::ZERO, size).expand(1.0);
        // The list behind a dialog scrolls, and what is below its edge is reached so.
        let in_call = name.starts_with("call") && !name.starts_with("call-away");
        for node in window.root().children_recursive() {
            let access = node.accesskit_node();
            let label = access.label().unwrap_or_default();
            let role = access.role();
            if matches!(role, eframe::egui::accesskit::Role::Button) {
                assert!(!label.is_empty(), "{name}: a button without a name at {:?}", node.rect());
            }
            if (in_call || name.starts_with("incoming")) && !label.is_empty() {
                assert!(whole.contains_rect(node.rect()), "{name}: \"{label}\" is cut off at {:?}", node.rect());
            }
        }
        // With a sentence more than these the lobby scrolls.
        if name.starts_with("lobby") && name != "lobby-trouble" {
            for label in [text::LOBBY_VIDEO, text::LOBBY_VOICE, text::CANCEL, text::LOBBY_SETTING, text::YOUR_PICTURE] {
                let rect = window.get_by_label(label).rect();
                assert!(whole.contains_rect(rect), "{name}: \"{label}\" is cut off at {rect:?}");
            }
        }
        if name.starts_with("call-away") {
            for label in [text::CALL_PICTURE, text::BACK_TO_CALL, text::HANG_UP] {
                assert!(whole.contains_rect(window.get_by_label(label).rect()), "{name}: \"{label}\" is cut off");
            }
        }
    }
}

#[test]
fn an_hour_of_a_call_leaves_nothing_behind_in_the_window() {
    let picture = |sequence| {
        let data = [sequence as u8, 90, 120, 255].repeat(16 * 9);
        Arc::new(ScreenFrame { width: 16, height: 9, data, sequence, ..ScreenFrame::default() })
    };
    let mut window = window(in_call(call(active())), Local::default());
    let mut held = Vec::new();
    for second in 1..=3600 {
        let ctx = window.ctx.clone();
        let world = window.state_mut();
        world.pictures.remote.update(&ctx, "remote", &picture(second));
        world.pictures.preview.update(&ctx, "preview", &picture(second));
        let since = MediaTime((NOW - second) * 1_000_000);
        world.local.call.statistics = true;
        world.snapshot = in_call(CallView { statistics: figures(), ..call(CallStage::Active { since }) });
        window.run_steps(1);
        if second % 600 == 0 {
            let textures = ctx.tex_manager().read().num_allocated();
            held.push((textures, ctx.data(|data| data.len())));
        }
    }
    assert!(held.windows(2).all(|pair| pair[0] == pair[1]), "textures and remembered things every ten minutes: {held:?}");
}

#[test]
fn no_view_of_a_call_repaints_when_nothing_changes() {
    for (name, snapshot, local, size) in screens() {
        let mut window = window_of(snapshot, local, Theme::Dark, size);
        window.state_mut().local.device_check.told = window.state().local.lobby.is_some();
        window.run_steps(12);
        let before = window.ctx.cumulative_frame_nr();
        assert!(window.try_run().is_ok(), "{name} never comes to rest");
        let painted = window.ctx.cumulative_frame_nr() - before;
        assert!(painted <= 2, "{name} asks for {painted} frames though nothing changes");
    }
}

fn away() -> Local {
    let mut local = Local { selected: Some(key(2)), ..Local::default() };
    local.call.peer = Some(key(2));
    local.call.away = true;
    local
}

fn figures() -> Option<Arc<Statistics>> {
    Some(Arc::new(Statistics {
        sealed: Some(Sealed { suite: 2, opened: 48_120, rejected: 3, replayed: 1, epochs: 2, ..Sealed::default() }),
        path: Some(Path {
            kind: "direct",
            local: "host".into(),
            remote: "srflx".into(),
            relayed: false,
            rtt_ms: Some(38.0),
            restarts: 0,
        }),
        video: Some(Video {
            sent_fps: 29.8,
            shown_fps: 29.6,
            width: 1280,
            height: 720,
            sent_kbps: 1840.0,
            received_kbps: 1722.0,
            latency_ms: Percentiles { p50: Some(96.0), p95: Some(120.0) },
            ..Video::default()
        }),
        audio: Some(Audio {
            sent_kbps: 34.0,
            received_kbps: 33.0,
            concealed_percent: Some(0.4),
            jitter_buffer_ms: Some(42.0),
            ..Audio::default()
        }),
        bandwidth: Some(Bandwidth { target_kbps: 2500.0, estimate_kbps: None, loss_percent: Some(0.2) }),
        ..Statistics::default()
    }))
}
