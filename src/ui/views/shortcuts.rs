//! The keys, on "?".

use eframe::egui::{Align2, CornerRadius, Sense, Ui, WidgetInfo, accesskit::Role, vec2};

use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{radius, size, type_size};
use crate::ui::widgets::{dialog, label};
use crate::ui::{text, theme};

const ROW: f32 = 26.0;
/// Room for the keys themselves.
const KEYS: f32 = 150.0;

/// The dialog.
pub fn shortcuts_ui(ui: &mut Ui, local: &mut Local) {
    let ((), closed) = dialog::show(ui.ctx(), text::SHORTCUTS, size::CARD, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (keys, what) in text::KEYS {
            row_ui(ui, keys, what);
        }
    });
    if !closed {
        local.dialog = Some(Dialog::Shortcuts);
    }
}

fn row_ui(ui: &mut Ui, keys: &str, what: &str) {
    let p = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{keys}: {what}")));
    let galley = label::cut(ui.painter(), keys, theme::mono(type_size::CAPTION), p.text, KEYS - 20.0);
    let cap = eframe::egui::Rect::from_min_size(
        rect.left_center() - vec2(0.0, galley.size().y / 2.0 + 3.0),
        galley.size() + vec2(14.0, 6.0),
    );
    ui.painter().rect_filled(cap, CornerRadius::same(radius::S), p.surface);
    ui.painter().galley(cap.min + vec2(7.0, 3.0), galley, p.text);
    let at = rect.left_center() + vec2(KEYS, 0.0);
    let font = theme::regular(type_size::LABEL);
    label::line(ui.painter(), at, Align2::LEFT_CENTER, what, font, p.text_second, rect.width() - KEYS);
}
