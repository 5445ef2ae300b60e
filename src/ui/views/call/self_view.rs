//! Our own picture in a corner: mirrored, to be dragged to any corner, and hidden with a double click.

use eframe::egui::{
    Align2, CornerRadius, CursorIcon, Pos2, Rect, Sense, Shadow, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, pos2, vec2,
};

use crate::engine::snapshot::{CallView, Snapshot};
use crate::ui::local::{Corner, Local};
use crate::ui::tokens::{DARK, radius, size, stage, type_size};
use crate::ui::video::Pictures;
use crate::ui::widgets::{avatar::Avatar, label};
use crate::ui::{icons, text, theme};

/// Between the self-view and the edge of the window, and between it and the top bar.
const MARGIN: f32 = 24.0;
const BELOW_BAR: f32 = 84.0;

/// Draws it and lets it be dragged.
pub fn self_view_ui(ui: &Ui, rect: Rect, snapshot: &Snapshot, call: &CallView, local: &mut Local, pictures: &Pictures) {
    let scale = (rect.width() / 1180.0).clamp(0.6, 1.4);
    let [width, height] = size::SELF_VIEW;
    let view_size = vec2(width, height) * scale;
    let home = Rect::from_center_size(center_of(local.call.corner, rect, view_size), view_size);
    let id = ui.scope_id().with("self-view");
    let response = ui.interact(home, id, Sense::click_and_drag()).on_hover_cursor(CursorIcon::Grab);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, text::SELF_VIEW));
    if response.double_clicked() {
        local.call.self_view_hidden = !local.call.self_view_hidden;
    }
    let offset = response.total_drag_delta().unwrap_or_default();
    if response.drag_stopped() {
        local.call.corner = nearest(home.center() + offset, rect);
    }
    let at = if response.dragged() { home.translate(offset) } else { home };
    let painter = ui.painter();
    let corner = CornerRadius::same(radius::L);
    if local.call.self_view_hidden {
        tag(ui, at, call);
        return;
    }
    painter.add(Shadow { offset: [0, 6], blur: 24, spread: 0, color: DARK.shadow }.as_shape(at, corner));
    painter.rect_filled(at, corner, stage::SELF_VIEW);
    if !(call.camera_on && pictures.preview.mirror(painter, at, radius::L))
        && let Some(me) = &snapshot.me
    {
        Avatar { name: &me.name, key: &me.key, echo: false }.paint(painter, at.center(), size::AVATAR_SELF_VIEW);
    }
    painter.rect_stroke(at, corner, Stroke::new(1.0, stage::SELF_VIEW_BORDER), StrokeKind::Inside);
    tag(ui, at, call);
}

/// "You" at the lower left, with the microphone when it is off.
fn tag(ui: &Ui, at: Rect, call: &CallView) {
    let width = if call.microphone_on { 42.0 } else { 62.0 };
    let tag = Rect::from_min_size(pos2(at.left() + 8.0, at.bottom() - 30.0), vec2(width, 22.0));
    ui.painter().rect_filled(tag, CornerRadius::same(11), stage::PILL);
    let font = theme::semibold(type_size::CAPTION);
    label::line(ui.painter(), tag.left_center() + vec2(10.0, 0.0), Align2::LEFT_CENTER, text::YOU, font, stage::TEXT, 40.0);
    if !call.microphone_on {
        let at = tag.right_center() - vec2(17.0, 0.0);
        icons::paint(ui.painter(), at, icons::MICROPHONE_SLASH, 13.0, icons::FILL, DARK.danger_text);
    }
}

fn center_of(corner: Corner, rect: Rect, view: eframe::egui::Vec2) -> Pos2 {
    let (left, right) = (rect.left() + MARGIN + view.x / 2.0, rect.right() - MARGIN - view.x / 2.0);
    let (top, bottom) = (rect.top() + BELOW_BAR + view.y / 2.0, rect.bottom() - MARGIN - 2.0 - view.y / 2.0);
    match corner {
        Corner::TopLeft => pos2(left, top),
        Corner::TopRight => pos2(right, top),
        Corner::BottomLeft => pos2(left, bottom),
        Corner::BottomRight => pos2(right, bottom),
    }
}

fn nearest(at: Pos2, rect: Rect) -> Corner {
    match (at.x < rect.center().x, at.y < rect.center().y) {
        (true, true) => Corner::TopLeft,
        (false, true) => Corner::TopRight,
        (true, false) => Corner::BottomLeft,
        (false, false) => Corner::BottomRight,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dragged_self_view_goes_to_the_nearest_corner() {
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(1000.0, 800.0));
        for corner in [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight] {
            assert_eq!(nearest(center_of(corner, rect, vec2(236.0, 133.0)), rect), corner);
        }
    }
}
