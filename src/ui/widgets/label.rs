//! Text: plain, cut with an ellipsis, and the pills around it.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Label, Painter, Pos2, Rect, Response, RichText, Ui, text::LayoutJob, vec2,
};

use crate::ui::{icons, theme, tokens::type_size};

/// A line or a paragraph, as wide as there is room.
pub fn text(ui: &mut Ui, text: impl Into<String>, font: FontId, color: Color32) -> Response {
    ui.add(Label::new(RichText::new(text).font(font).color(color)).wrap())
}

/// The same in the middle of its line.
pub fn centered(ui: &mut Ui, text: impl Into<String>, font: FontId, color: Color32) -> Response {
    ui.vertical_centered(|ui| self::text(ui, text, font, color)).inner
}

/// Lays `text` out on one line of at most `width`, cut with an ellipsis.
pub fn cut(painter: &Painter, text: &str, font: FontId, color: Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap.max_width = width;
    job.wrap.max_rows = 1;
    job.wrap.break_anywhere = true;
    painter.layout_job(job)
}

/// Draws one line, cut to `width`; returns where it ended up.
pub fn line(painter: &Painter, at: Pos2, anchor: Align2, text: &str, font: FontId, color: Color32, width: f32) -> Rect {
    let galley = cut(painter, text, font, color, width);
    let rect = anchor.anchor_size(at, galley.size());
    painter.galley(rect.min, galley, color);
    rect
}

/// An icon and a few words on a soft ground with round ends.
pub fn badge(ui: &mut Ui, icon: char, text: &str, ink: Color32, ground: Color32) -> Response {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::medium(type_size::CAPTION), ink);
    let size = vec2(galley.size().x + 39.0, 26.0);
    let (rect, response) = ui.allocate_exact_size(size, eframe::egui::Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::same(13), ground);
    icons::paint(ui.painter(), rect.left_center() + vec2(17.0, 0.0), icon, 14.0, icons::FILL, ink);
    let at = rect.left_center() + vec2(28.0, -galley.size().y / 2.0);
    ui.painter().galley(at, galley, ink);
    response.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::accesskit::Role::Label, true, text));
    response
}
