//! A call: the other side's picture, and over it who, how safe, how good, and the controls.

mod bars;
mod controls;
mod corners;
mod overlay;
mod self_view;
mod small;
mod words;

use eframe::egui::{Align2, Color32, CursorIcon, Rect, Sense, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2, vec2};

pub use self::small::small_ui;
use super::conversation;
use crate::engine::command::Command;
use crate::engine::snapshot::{CallStage, CallView, Snapshot};
use crate::settings::Corner;
use crate::ui::local::{CallLocal, Local};
use crate::ui::tokens::{DARK, motion, size, space, stage, type_size};
use crate::ui::video::Pictures;
use crate::ui::widgets::{avatar::Avatar, label, paint};
use crate::ui::{icons, text, theme};

/// A hint has no room in less.
const MOST_NARROW_HINT: f32 = 240.0;

/// A new call starts afresh, with the small pictures where they were left.
pub fn begin(ui: &Ui, snapshot: &Snapshot, call: &CallView, local: &mut Local) {
    if local.call.peer != Some(call.peer) {
        let now = ui.input(|input| input.time);
        let self_view = snapshot.settings.self_view;
        local.call = CallLocal { peer: Some(call.peer), last_move: now, self_view, ..CallLocal::default() };
    }
    if !matches!(call.stage, CallStage::Ended { .. }) {
        local.call.dismissed = false;
        local.lobby = None;
    }
}

/// The stage, from dialling to the end.
pub fn call_ui(ui: &mut Ui, snapshot: &Snapshot, call: &CallView, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    let whole = ui.max_rect();
    let ended = matches!(call.stage, CallStage::Ended { .. });
    let (rect, beside) = beside(whole, local.talk.beside_call && !call.echo && !ended);
    let written = beside.and_then(|panel| {
        let column = Rect::from_min_max(pos2(rect.map_or(whole.left(), |stage| stage.right()), whole.top()), whole.max);
        ui.painter().rect_filled(column, 0.0, stage::BACKGROUND);
        ui.scope_builder(UiBuilder::new().max_rect(panel), |ui| {
            conversation::beside_call_ui(ui, panel, snapshot, call.peer, local)
        })
        .inner
    });
    let Some(rect) = rect else { return written };
    let picture = call.remote_camera_on && has_picture(call) && pictures.remote.letterbox(ui.painter(), rect);
    let opacity = controls_opacity(ui, local, picture);
    // In software each layer of the whole stage costs as much as the picture: nothing lies below that, nor unseen above it.
    if picture && opacity > 0.0 {
        let shade = stage::SHADE.gamma_multiply(opacity);
        paint::vertical_gradient(ui.painter(), top_shade(rect), shade, Color32::TRANSPARENT);
        paint::vertical_gradient(ui.painter(), bottom_shade(rect), Color32::TRANSPARENT, shade);
    } else if picture {
        ui.ctx().set_cursor_icon(CursorIcon::None);
    } else {
        ui.painter().rect_filled(rect, 0.0, stage::BACKGROUND);
        person_ui(ui, rect, call);
    }
    background_ui(ui, rect, local);
    if let CallStage::Ended { .. } = call.stage {
        return controls::ended_ui(ui, rect, call, local);
    }
    let moved = self_view::self_view_ui(ui, rect, snapshot, call, local, pictures);
    if local.call.statistics {
        overlay::statistics_ui(ui, rect, call, local.call.self_view);
    }
    let wish = bars::top_ui(ui, rect, call, local, opacity);
    hint_ui(ui, rect, snapshot, call, local, opacity);
    let unread = snapshot.conversations.threads.get(&call.peer).map_or(0, |thread| thread.unread());
    let pressed = controls::bar_ui(ui, rect, snapshot, call, unread, local, opacity);
    tick(ui, call, local);
    written.or(wish).or(pressed).or(moved)
}

/// The stage, and the panel beside it; in a narrow window there is room for the panel alone.
fn beside(whole: Rect, open: bool) -> (Option<Rect>, Option<Rect>) {
    if !open {
        return (Some(whole), None);
    }
    if whole.width() < size::BESIDE_CALL + size::STAGE_MIN {
        return (None, Some(whole.shrink(space::S)));
    }
    let panel = Rect::from_min_max(pos2(whole.right() - size::BESIDE_CALL, whole.top()), whole.max).shrink(space::S);
    (Some(Rect::from_min_max(whole.min, pos2(panel.left(), whole.bottom()))), Some(panel))
}

/// A picture can only be there once both have proven who they are; the first comes before the call has a connection of its own.
fn has_picture(call: &CallView) -> bool {
    match call.stage {
        CallStage::Connecting => call.words.is_some(),
        CallStage::Active { .. } | CallStage::Reconnecting { .. } => true,
        _ => false,
    }
}

fn top_shade(rect: Rect) -> Rect {
    Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + 140.0))
}

fn bottom_shade(rect: Rect) -> Rect {
    Rect::from_min_max(pos2(rect.left(), rect.bottom() - 180.0), rect.max)
}

/// Who it is and what is going on, while there is no picture of them.
fn person_ui(ui: &Ui, rect: Rect, call: &CallView) {
    let avatar = Avatar { name: &call.name, key: &call.peer, echo: call.echo };
    let glow = avatar.colors()[0].lerp_to_gamma(stage::BACKGROUND, 0.72);
    let top = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + rect.height() * 0.7));
    paint::vertical_gradient(ui.painter(), top, glow, stage::BACKGROUND);
    // In a low window the words of the call stand right above.
    let (diameter, up) = if rect.height() < size::LOW_STAGE { (size::AVATAR_L, 52.0) } else { (size::AVATAR_STAGE, 70.0) };
    let center = rect.center() - vec2(0.0, up);
    avatar.paint(ui.painter(), center, diameter);
    let name_at = center + vec2(0.0, diameter / 2.0 + 36.0);
    let room = rect.width() - 2.0 * space::XXL;
    let font = theme::semibold(type_size::DISPLAY);
    let name = label::line(ui.painter(), name_at, Align2::CENTER_CENTER, &call.name, font, stage::TEXT, room);
    let (line, ink) = match &call.stage {
        CallStage::Dialing => (text::DIALING, stage::TEXT_SECOND),
        CallStage::RingingThere => (text::RINGING_THERE, stage::TEXT_SECOND),
        CallStage::Incoming => (text::incoming(call.media), stage::TEXT_SECOND),
        CallStage::Connecting => (text::CONNECTING, stage::TEXT_SECOND),
        CallStage::Active { .. } if call.remote_camera_on => (text::WAITING_FOR_PICTURE, stage::TEXT_SECOND),
        CallStage::Reconnecting { .. } if call.remote_camera_on => (text::RECONNECTING_SHORT, stage::TEXT_SECOND),
        CallStage::Active { .. } | CallStage::Reconnecting { .. } if call.echo => (text::ECHO_SEES_NOTHING, stage::TEXT_SECOND),
        CallStage::Active { .. } | CallStage::Reconnecting { .. } => (text::THEIR_CAMERA_OFF, stage::TEXT_SECOND),
        CallStage::Ended { result, .. } => (result.as_str(), stage::TEXT_SECOND),
    };
    let line_at = name_at + vec2(0.0, 34.0);
    let shown = label::line(ui.painter(), line_at, Align2::CENTER_CENTER, line, theme::regular(type_size::HEADING), ink, room);
    let response = ui.interact(name.union(shown), ui.scope_id().with("stage"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, format!("{}: {line}", call.name)));
}

/// A double click on the picture fills the screen; F11 does so from anywhere in a call.
fn background_ui(ui: &Ui, rect: Rect, local: &mut Local) {
    let response = ui.interact(rect, ui.scope_id().with("picture"), Sense::CLICK);
    let key = ui.input(|input| input.key_pressed(eframe::egui::Key::F11));
    if response.double_clicked() || key {
        local.full_screen = !local.full_screen;
    }
}

/// One sentence above the controls: what is wrong, or what the other side has switched off.
fn hint_ui(ui: &Ui, rect: Rect, snapshot: &Snapshot, call: &CallView, local: &Local, opacity: f32) {
    let reconnecting = matches!(call.stage, CallStage::Reconnecting { .. });
    let (icon, sentence, ink) = if reconnecting {
        let linked = snapshot.contacts.iter().any(|contact| contact.key == call.peer && contact.online && !contact.echo);
        (icons::WARNING, if linked { text::RECONNECTING_LINK } else { text::RECONNECTING }, DARK.warning_text)
    } else if let Some(hint) = &call.hint {
        (icons::WARNING, hint.as_str(), DARK.warning_text)
    } else if has_picture(call) && !call.remote_microphone_on {
        (icons::MICROPHONE_SLASH, text::THEIR_MICROPHONE_OFF, stage::TEXT)
    } else if snapshot.settings.push_to_talk && !call.microphone_on && matches!(call.stage, CallStage::Active { .. }) {
        (icons::MICROPHONE, text::HOLD_SPACE, stage::TEXT)
    } else {
        return;
    };
    // A warning stays while the controls fade.
    let opacity = if ink == DARK.warning_text { 1.0 } else { opacity };
    let layout = |room: f32| {
        let font = theme::medium(type_size::LABEL);
        let galley = ui.painter().layout(sentence.to_owned(), font, ink.gamma_multiply(opacity), room);
        let pill_size = vec2(galley.size().x + 58.0, galley.size().y + 20.0);
        (galley, pill_size)
    };
    // Between the two corners where the self-view can sit.
    let (mut galley, mut pill_size) =
        layout((rect.width() - 2.0 * (size::SELF_VIEW[0] + space::HUGE) - 58.0).clamp(240.0, 640.0));
    let foot = rect.bottom() - 128.0;
    let mut pill = Rect::from_center_size(pos2(rect.center().x, foot - pill_size.y / 2.0), pill_size);
    if let Some(beside) = beside_figures(rect, pill, call, local) {
        (galley, pill_size) = layout(beside.width() - 58.0);
        let top_taken = matches!(local.call.self_view.corner, Corner::TopLeft | Corner::TopRight) && !local.call.self_view.hidden;
        let middle = if top_taken { foot - pill_size.y / 2.0 } else { beside.top() + pill_size.y / 2.0 };
        pill = Rect::from_center_size(pos2(beside.center().x, middle), pill_size);
    }
    bars::pill(ui, pill, opacity);
    let at = pill.left_center() + vec2(24.0, 0.0);
    icons::paint(ui.painter(), at, icon, 18.0, icons::FILL, ink.gamma_multiply(opacity));
    ui.painter().galley(pill.min + vec2(42.0, 10.0), galley, ink);
    let response = ui.interact(pill, ui.scope_id().with("hint"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, sentence));
}

/// The column beside the figures, if they lie where `pill` would be and leave room for one.
fn beside_figures(rect: Rect, pill: Rect, call: &CallView, local: &Local) -> Option<Rect> {
    if !local.call.statistics {
        return None;
    }
    let figures = overlay::panel(rect, call, local.call.self_view);
    if !figures.intersects(pill) {
        return None;
    }
    let (left, right) = if figures.center().x < rect.center().x {
        (figures.right() + space::S, rect.right() - space::XL)
    } else {
        (rect.left() + space::XL, figures.left() - space::S)
    };
    (right - left >= MOST_NARROW_HINT).then(|| Rect::from_x_y_ranges(left..=right, figures.y_range()))
}

/// How visible the controls are: over a picture they fade when nothing moved for a while and come back on a movement,
/// a key or the keyboard's focus.
fn controls_opacity(ui: &Ui, local: &mut Local, picture: bool) -> f32 {
    if !picture {
        // Once it comes, the controls stay for as long as after a movement.
        local.call.last_move = ui.input(|input| input.time);
        return 1.0;
    }
    let (now, moved) = ui.input(|input| (input.time, input.pointer.is_moving() || !input.events.is_empty()));
    // Writing beside the picture is not looking for a button.
    let focused = ui.memory(|memory| memory.focused().is_some()) && !ui.ctx().text_edit_focused();
    if moved || focused || local.call.words_open {
        local.call.last_move = now;
    }
    let left = local.call.last_move + motion::CONTROLS_FADE_AFTER - now;
    if left > 0.0 {
        ui.ctx().request_repaint_after_secs(left as f32);
    }
    let fade = if theme::is_still(ui) { 0.0 } else { motion::SWITCH };
    ui.ctx().animate_bool_with_time(ui.scope_id().with("controls"), left > 0.0, fade)
}

/// Repaints when the clock of the call shows its next second, and not before.
fn tick(ui: &Ui, call: &CallView, local: &Local) {
    if let CallStage::Active { since } | CallStage::Reconnecting { since } = call.stage {
        let past = local.now.since(since).subsec_millis();
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(u64::from(1005 - past)));
    }
}
