//! The figures of a call over its picture.

use eframe::egui::{Align2, CornerRadius, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, pos2, vec2};

use crate::engine::snapshot::CallView;
use crate::settings::{Corner, SelfView};
use crate::ui::tokens::{size, space, stage, type_size};
use crate::ui::widgets::label;
use crate::ui::{text, theme};

const WIDTH: f32 = 304.0;
/// The height of a line, and in a low window.
const ROWS: [f32; 2] = [18.0, 16.0];

/// Where the figures are: below the top bar at the left, or at the right when the own picture is at the left.
pub fn panel(rect: Rect, call: &CallView, view: SelfView) -> Rect {
    let rows = lines(call).len().max(1) as f32;
    // In a narrow window the words of the call are in a second line.
    let top = if rect.width() < size::WIDE_STAGE { 120.0 } else { 92.0 };
    let (row_height, padding) = measures(rect);
    let at_left = view.hidden || matches!(view.corner, Corner::TopRight | Corner::BottomRight);
    let left = if at_left { rect.left() + space::XL } else { rect.right() - space::XL - WIDTH };
    Rect::from_min_size(pos2(left, rect.top() + top), vec2(WIDTH, rows * row_height + 2.0 * padding))
}

fn lines(call: &CallView) -> Vec<(&'static str, String)> {
    call.statistics.as_deref().map(text::statistics).unwrap_or_default()
}

/// How high a line is, and what is above the first.
fn measures(rect: Rect) -> (f32, f32) {
    if rect.height() < size::LOW_STAGE { (ROWS[1], space::S) } else { (ROWS[0], space::M) }
}

/// The last second of the call in figures.
pub fn statistics_ui(ui: &Ui, rect: Rect, call: &CallView, view: SelfView) {
    let lines = lines(call);
    let (row_height, padding) = measures(rect);
    let panel = panel(rect, call, view);
    let edge = Stroke::new(1.0, stage::PILL_BORDER);
    ui.painter().rect(panel, CornerRadius::same(12), stage::PILL, edge, StrokeKind::Inside);
    let response = ui.interact(panel, ui.scope_id().with("statistics"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, text::STATISTICS));
    let left = panel.left() + space::M;
    if lines.is_empty() {
        let at = pos2(left, panel.center().y);
        let (font, room) = (theme::regular(type_size::CAPTION), WIDTH - 2.0 * space::M);
        label::line(ui.painter(), at, Align2::LEFT_CENTER, text::NO_STATISTICS, font, stage::TEXT_SECOND, room);
    }
    for (row, (name, value)) in lines.iter().enumerate() {
        let middle = panel.top() + padding + (row as f32 + 0.5) * row_height;
        let font = theme::regular(type_size::CAPTION);
        label::line(ui.painter(), pos2(left, middle), Align2::LEFT_CENTER, name, font, stage::TEXT_SECOND, 112.0);
        let font = theme::mono(type_size::OVERLINE);
        let at = pos2(panel.right() - space::M, middle);
        label::line(ui.painter(), at, Align2::RIGHT_CENTER, value, font, stage::TEXT, WIDTH - 2.0 * space::M - 100.0);
        let line = Rect::from_center_size(pos2(panel.center().x, middle), vec2(WIDTH - 2.0 * space::M, row_height));
        let response = ui.interact(line, ui.scope_id().with(("figure", *name)), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name}: {value}")));
    }
}
