//! The call in a small picture over whatever else is looked at: to be dragged to any corner, and to go back with.

use eframe::egui::{
    CornerRadius, CursorIcon, Rect, Sense, Shadow, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2, vec2,
};

use super::corners::{Margins, arrow, center_of, nearest, toward};
use super::{has_picture, self_view};
use crate::engine::command::Command;
use crate::engine::snapshot::{CallStage, CallView, Snapshot};
use crate::ui::local::Local;
use crate::ui::tokens::{DARK, radius, size, space, stage, type_size};
use crate::ui::video::Pictures;
use crate::ui::widgets::{avatar::Avatar, button, label, paint};
use crate::ui::{icons, text, theme};

/// It keeps clear of the head of a conversation and of the field at its foot.
const MARGINS: Margins = Margins { side: 16.0, top: size::HEADER + 16.0, bottom: 92.0 };
const SIZE: [f32; 2] = [256.0, 168.0];
/// The strip of its controls.
const STRIP: f32 = 52.0;

/// Draws it over `whole`.
pub fn small_ui(
    ui: &mut Ui,
    whole: Rect,
    snapshot: &Snapshot,
    call: &CallView,
    local: &mut Local,
    pictures: &Pictures,
) -> Option<Command> {
    let own_size = vec2(SIZE[0], SIZE[1]);
    let home = Rect::from_center_size(center_of(local.call.self_view.call_corner, whole, own_size, MARGINS), own_size);
    let response = ui.interact(home, ui.scope_id().with("small call"), Sense::click_and_drag()).on_hover_cursor(CursorIcon::Grab);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, text::CALL_PICTURE));
    let offset = response.total_drag_delta().unwrap_or_default();
    let at = if response.dragged() { home.translate(offset) } else { home };
    if response.double_clicked() {
        local.call.away = false;
    }
    draw(ui, at, call, pictures);
    line_ui(ui, at, call, local);
    paint::focus_ring(ui, &response, at, f32::from(radius::L), &DARK);
    let pressed = ui.scope_builder(UiBuilder::new().max_rect(at), |ui| strip_ui(ui, at, call, local)).inner;
    if let Some(way) = arrow(ui, &response) {
        local.call.self_view.call_corner = toward(local.call.self_view.call_corner, way);
        return Some(self_view::remember(snapshot, local.call.self_view));
    }
    if response.drag_stopped()
        && let Some(pointer) = ui.input(|input| input.pointer.latest_pos())
    {
        local.call.self_view.call_corner = nearest(pointer, whole);
        return Some(self_view::remember(snapshot, local.call.self_view));
    }
    pressed
}

fn draw(ui: &Ui, at: Rect, call: &CallView, pictures: &Pictures) {
    let corner = CornerRadius::same(radius::L);
    let painter = ui.painter();
    painter.add(Shadow { offset: [0, 6], blur: 24, spread: 0, color: DARK.shadow }.as_shape(at, corner));
    painter.rect_filled(at, corner, stage::SELF_VIEW);
    let there = call.remote_camera_on && has_picture(call);
    if !(there && pictures.remote.fill(painter, at, radius::L, false)) {
        let avatar = Avatar { name: &call.name, key: &call.peer, echo: call.echo };
        avatar.paint(painter, at.center() - vec2(0.0, 14.0), size::AVATAR_SELF_VIEW);
    }
    let corners = CornerRadius { nw: 0, ne: 0, sw: radius::L, se: radius::L };
    let strip = Rect::from_min_max(pos2(at.left(), at.bottom() - STRIP), at.max);
    painter.rect_filled(strip, corners, stage::PILL);
    painter.rect_stroke(at, corner, Stroke::new(1.0, stage::SELF_VIEW_BORDER), StrokeKind::Inside);
}

/// Who it is and what goes on, at the top.
fn line_ui(ui: &Ui, at: Rect, call: &CallView, local: &Local) {
    let state = match &call.stage {
        CallStage::Dialing => text::DIALING.to_owned(),
        CallStage::RingingThere => text::RINGING_THERE.to_owned(),
        CallStage::Reconnecting { .. } => text::RECONNECTING_SHORT.to_owned(),
        CallStage::Active { since } => text::duration(local.now.since(*since)),
        CallStage::Ended { result, .. } => result.clone(),
        CallStage::Connecting | CallStage::Incoming => text::CONNECTING.to_owned(),
    };
    let line = format!("{} · {state}", call.name);
    let font = theme::medium(type_size::CAPTION);
    let galley = label::cut(ui.painter(), &line, font, stage::TEXT, at.width() - 40.0);
    let tag = Rect::from_min_size(at.min + vec2(8.0, 8.0), galley.size() + vec2(20.0, 8.0));
    ui.painter().rect_filled(tag, CornerRadius::same(11), stage::PILL);
    let response = ui.interact(tag, ui.scope_id().with("small line"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &line));
    ui.painter().galley(tag.min + vec2(10.0, 4.0), galley, stage::TEXT);
}

/// Microphone, back, hang up; of a call that is over only the way back, to read how it ended.
fn strip_ui(ui: &mut Ui, at: Rect, call: &CallView, local: &mut Local) -> Option<Command> {
    let middle = at.bottom() - STRIP / 2.0;
    let place = |x: f32| Rect::from_center_size(pos2(at.center().x + x, middle), vec2(size::TOOLBAR, size::TOOLBAR));
    if button::control(ui, place(0.0), icons::ARROWS_OUT, text::BACK_TO_CALL, false, 1.0) {
        local.call.away = false;
    }
    if matches!(call.stage, CallStage::Ended { .. }) {
        return None;
    }
    let step = size::TOOLBAR + space::XL;
    let (icon, name) = if call.microphone_on { (icons::MICROPHONE, text::MUTE) } else { (icons::MICROPHONE_SLASH, text::UNMUTE) };
    if button::control(ui, place(-step), icon, name, !call.microphone_on, 1.0) {
        return Some(Command::SetMicrophone { on: !call.microphone_on });
    }
    let hang_up = Rect::from_center_size(pos2(at.center().x + step, middle), vec2(56.0, size::TOOLBAR));
    button::hang_up(ui, hang_up, text::HANG_UP, 1.0).then_some(Command::HangUp)
}
