//! Our own picture in a corner: mirrored for us alone, dragged to any corner, resized at the corner opposite, hidden with a double
//! click. Where it is left is remembered.

use eframe::egui::{
    Align2, CornerRadius, CursorIcon, Rect, Sense, Shadow, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, accesskit::Role, pos2, vec2,
};

use super::corners::{Margins, arrow, center_of, nearest, toward};
use crate::engine::command::Command;
use crate::engine::snapshot::{CallView, Snapshot};
use crate::settings::{Corner, SelfView, Settings};
use crate::ui::local::Local;
use crate::ui::tokens::{DARK, radius, size, stage, type_size};
use crate::ui::video::Pictures;
use crate::ui::widgets::{avatar::Avatar, label, paint};
use crate::ui::{icons, text, theme};

/// Between the self-view and the edge of the window, and between it and the top bar.
fn margins(rect: Rect) -> Margins {
    // In a narrow window the bar of the controls takes the foot, and the words of the call a row below the top bar.
    let (top, bottom) = if rect.width() < size::WIDE_STAGE { (120.0, 116.0) } else { (84.0, 26.0) };
    Margins { side: 24.0, top, bottom }
}

/// The height that the tag takes at the lower edge.
const TAG: f32 = 30.0;
/// What can be taken hold of to resize it.
const HANDLE: f32 = 22.0;
/// What an arrow key makes of its width.
const KEY_STEP: f32 = 20.0;
/// Of the window, at most.
const MOST: f32 = 0.42;

/// Draws it and lets it be moved. The command is to remember its new place.
pub fn self_view_ui(
    ui: &Ui,
    rect: Rect,
    snapshot: &Snapshot,
    call: &CallView,
    local: &mut Local,
    pictures: &Pictures,
) -> Option<Command> {
    let view = local.call.self_view;
    if view.hidden {
        return hidden_ui(ui, rect, snapshot, call, local);
    }
    let scale = scale(rect);
    let view_size = size_of(view, rect);
    let home = Rect::from_center_size(center_of(view.corner, rect, view_size, margins(rect)), view_size);
    let response = ui.interact(home, ui.scope_id().with("self-view"), Sense::click_and_drag()).on_hover_cursor(CursorIcon::Grab);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, text::SELF_VIEW));
    let offset = response.total_drag_delta().unwrap_or_default();
    let mut changed = view;
    if response.double_clicked() {
        changed.hidden = true;
    }
    if response.drag_stopped()
        && let Some(pointer) = ui.input(|input| input.pointer.latest_pos())
    {
        changed.corner = nearest(pointer, rect);
    }
    if let Some(way) = arrow(ui, &response) {
        changed.corner = toward(view.corner, way);
    }
    let at = if response.dragged() { home.translate(offset) } else { home };
    draw(ui, at, snapshot, call, view, pictures);
    paint::focus_ring(ui, &response, at, f32::from(radius::L), &DARK);
    let Grip { width, let_go, steps } = grip_ui(ui, at, view.corner);
    if let Some(width) = width {
        // Kept in the measure of a window of the usual size, so that it grows and shrinks with the window.
        local.call.self_view = view.resized(width / scale);
        changed = local.call.self_view;
    }
    if steps != 0.0 {
        changed = changed.resized(f32::from(changed.width) + steps * KEY_STEP);
    }
    if changed != view {
        local.call.self_view = changed;
    }
    (let_go || (changed != view && width.is_none())).then(|| remember(snapshot, local.call.self_view))
}

/// The settings with the small pictures as they are now.
pub fn remember(snapshot: &Snapshot, self_view: SelfView) -> Command {
    Command::ChangeSettings { settings: Box::new(Settings { self_view, ..snapshot.settings.clone() }) }
}

fn scale(rect: Rect) -> f32 {
    (rect.width() / size::WINDOW[0]).clamp(0.6, 1.4)
}

fn size_of(view: SelfView, rect: Rect) -> Vec2 {
    let [width, height] = size::SELF_VIEW;
    let most = (rect.width() * MOST).min(rect.height() * MOST * width / height);
    let wide = (f32::from(view.width) * scale(rect)).min(most);
    vec2(wide, wide * height / width)
}

/// What was done with the grip.
struct Grip {
    /// The new width, while it is dragged.
    width: Option<f32>,
    let_go: bool,
    /// How many steps larger by the keyboard; negative is smaller.
    steps: f32,
}

/// The corner of the picture that points into the window: to be dragged, or moved with the arrow keys, up and to the right for larger.
fn grip_ui(ui: &Ui, at: Rect, corner: Corner) -> Grip {
    let inner = match corner {
        Corner::TopLeft => at.right_bottom(),
        Corner::TopRight => at.left_bottom(),
        Corner::BottomLeft => at.right_top(),
        Corner::BottomRight => at.left_top(),
    };
    let place = Rect::from_center_size(inner + (at.center() - inner).normalized() * 8.0, vec2(HANDLE, HANDLE));
    let cursor = match corner {
        Corner::TopLeft | Corner::BottomRight => CursorIcon::ResizeNwSe,
        Corner::TopRight | Corner::BottomLeft => CursorIcon::ResizeNeSw,
    };
    let response = ui.interact(place, ui.scope_id().with("resize self-view"), Sense::drag()).on_hover_cursor(cursor);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text::RESIZE_SELF_VIEW));
    let dot = inner + (at.center() - inner).normalized() * 14.0;
    if response.hovered() || response.dragged() || response.has_focus() {
        ui.painter().circle_filled(dot, 4.0, stage::TEXT);
    }
    paint::focus_ring(ui, &response, Rect::from_center_size(dot, vec2(12.0, 12.0)), 6.0, &DARK);
    let steps = arrow(ui, &response).map_or(0.0, |(right, down)| f32::from(right) - f32::from(down));
    let outer = at.center() + (at.center() - inner);
    let pointer = response.dragged().then(|| response.interact_pointer_pos()).flatten();
    Grip { width: pointer.map(|pointer| (pointer.x - outer.x).abs()), let_go: response.drag_stopped(), steps }
}

/// A small mark in the corner that brings it back.
fn hidden_ui(ui: &Ui, rect: Rect, snapshot: &Snapshot, call: &CallView, local: &mut Local) -> Option<Command> {
    let mark = vec2(62.0, 32.0);
    let at = Rect::from_center_size(center_of(local.call.self_view.corner, rect, mark, margins(rect)), mark);
    let response = ui.interact(at, ui.scope_id().with("hidden self-view"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text::SHOW_SELF_VIEW));
    tag(ui, at.translate(vec2(-8.0, 3.0)), call);
    paint::focus_ring(ui, &response, at, 16.0, &DARK);
    let shown = response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(text::SHOW_SELF_VIEW).clicked();
    shown.then(|| {
        local.call.self_view.hidden = false;
        remember(snapshot, local.call.self_view)
    })
}

fn draw(ui: &Ui, at: Rect, snapshot: &Snapshot, call: &CallView, view: SelfView, pictures: &Pictures) {
    let painter = ui.painter();
    let corner = CornerRadius::same(radius::L);
    painter.add(Shadow { offset: [0, 6], blur: 24, spread: 0, color: DARK.shadow }.as_shape(at, corner));
    painter.rect_filled(at, corner, stage::SELF_VIEW);
    if !(call.camera_on && pictures.preview.fill(painter, at, radius::L, view.mirrored))
        && let Some(me) = &snapshot.me
    {
        // In a small one it makes room for the tag.
        let diameter = size::AVATAR_SELF_VIEW.min(at.height() * 0.42);
        let up = (diameter / 2.0 + TAG - (at.height() / 2.0 - 4.0)).max(0.0);
        Avatar { name: &me.name, key: &me.key, echo: false }.paint(painter, at.center() - vec2(0.0, up), diameter);
    }
    painter.rect_stroke(at, corner, Stroke::new(1.0, stage::SELF_VIEW_BORDER), StrokeKind::Inside);
    tag(ui, at, call);
}

/// "You" at the lower left, with the microphone when it is off.
fn tag(ui: &Ui, at: Rect, call: &CallView) {
    let width = if call.microphone_on { 42.0 } else { 62.0 };
    let tag = Rect::from_min_size(pos2(at.left() + 8.0, at.bottom() - TAG), vec2(width, 22.0));
    ui.painter().rect_filled(tag, CornerRadius::same(11), stage::PILL);
    let font = theme::semibold(type_size::CAPTION);
    label::line(ui.painter(), tag.left_center() + vec2(10.0, 0.0), Align2::LEFT_CENTER, text::YOU, font, stage::TEXT, 40.0);
    if !call.microphone_on {
        let at = tag.right_center() - vec2(17.0, 0.0);
        icons::paint(ui.painter(), at, icons::MICROPHONE_SLASH, 13.0, icons::FILL, DARK.danger_text);
    }
}
