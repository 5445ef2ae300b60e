//! A sentence that must not be overlooked, on a ground of its own.

use eframe::egui::{Color32, CornerRadius, Frame, Margin, Sense, Ui, WidgetInfo, accesskit::Role, vec2};

use crate::ui::tokens::{radius, size, type_size};
use crate::ui::{icons, theme};

/// A sentence in the colours of a warning.
pub fn warning(ui: &mut Ui, sentence: &str) {
    let p = theme::palette(ui);
    show(ui, icons::WARNING, sentence, p.warning_text, p.warning_soft);
}

/// A sentence on a soft ground, with an icon before it.
pub fn show(ui: &mut Ui, icon: char, sentence: &str, ink: Color32, ground: Color32) {
    let frame = Frame::NONE.fill(ground).corner_radius(CornerRadius::same(radius::M)).inner_margin(Margin::same(14));
    frame.show(ui, |ui| {
        let room = ui.available_width() - 26.0;
        let galley = ui.painter().layout(sentence.to_owned(), theme::medium(type_size::LABEL), ink, room);
        let (rect, response) = ui.allocate_exact_size(vec2(room + 26.0, galley.size().y), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, sentence));
        icons::paint(ui.painter(), rect.left_top() + vec2(8.0, 8.0), icon, size::ICON_S, icons::FILL, ink);
        ui.painter().galley(rect.min + vec2(26.0, 0.0), galley, ink);
    });
}
