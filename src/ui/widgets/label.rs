//! Text: plain, cut with an ellipsis, and the pills around it.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Galley, Label, Painter, Pos2, Rect, Response, RichText, Sense, Ui, WidgetInfo,
    accesskit::Role, text::LayoutJob, vec2,
};

use crate::ui::{icons, theme, tokens::type_size};

/// A line or a paragraph, as wide as there is room.
pub fn text(ui: &mut Ui, text: impl Into<String>, font: FontId, color: Color32) -> Response {
    ui.add(Label::new(RichText::new(text).font(font).color(color)).wrap())
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

/// Draws one line as [`line`] does, and says it to screen readers, to whom what is only drawn is not there.
pub fn said(ui: &Ui, at: Pos2, anchor: Align2, text: &str, font: FontId, color: Color32, width: f32) -> Rect {
    let rect = line(ui.painter(), at, anchor, text, font, color, width);
    tell(ui, rect, Role::Label, text);
    rect
}

/// The same of the name of a page or a pane, to which screen readers can jump.
pub fn heading(ui: &Ui, at: Pos2, anchor: Align2, text: &str, font: FontId, color: Color32, width: f32) -> Rect {
    let rect = line(ui.painter(), at, anchor, text, font, color, width);
    tell(ui, rect, Role::Heading, text);
    rect
}

/// Says `words` to screen readers, of what is drawn at `rect` and is no part of anything that has a name.
pub fn tell(ui: &Ui, rect: Rect, role: Role, words: &str) {
    let response = ui.interact(rect, ui.scope_id().with(("said", words)), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(role, true, words));
}

/// Says more of a thing to screen readers than its name: what else can be read on it.
pub fn describe(response: &Response, words: &str) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_description(words));
}

/// An icon and a few words on a soft ground with round ends.
pub fn badge(ui: &mut Ui, icon: char, text: &str, ink: Color32, ground: Color32) -> Response {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), theme::medium(type_size::CAPTION), ink);
    let size = vec2(galley.size().x + 39.0, 26.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::same(13), ground);
    icons::paint(ui.painter(), rect.left_center() + vec2(17.0, 0.0), icon, 14.0, icons::FILL, ink);
    let at = rect.left_center() + vec2(28.0, -galley.size().y / 2.0);
    ui.painter().galley(at, galley, ink);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    response
}
