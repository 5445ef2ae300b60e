//! Choices: one of a few cards, one of a few words, one of a list of devices.

use eframe::egui::{
    Align2, ComboBox, CornerRadius, CursorIcon, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, vec2,
};

use super::{label, paint};
use crate::ui::tokens::{motion, radius, size, space, type_size};
use crate::ui::{icons, text, theme};

/// A card with a name and one honest sentence. True when it was chosen.
pub fn card(ui: &mut Ui, name: &str, sentence: &str, chosen: bool) -> bool {
    let p = theme::palette(ui);
    let width = ui.available_width();
    let left = 44.0;
    let wrapped =
        ui.painter().layout(sentence.to_owned(), theme::regular(type_size::CAPTION), p.text_second, width - left - space::M);
    let (rect, response) = ui.allocate_exact_size(vec2(width, wrapped.size().y + 41.0), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, chosen, name));
    label::describe(&response, sentence);
    let hover = paint::moved(ui, &response, response.hovered(), motion::HOVER);
    let (fill, edge) = if chosen {
        (p.accent_soft, Stroke::new(1.5, p.accent))
    } else {
        (p.hover.gamma_multiply(hover), Stroke::new(1.0, p.border))
    };
    ui.painter().rect(rect, CornerRadius::same(radius::M), fill, edge, StrokeKind::Inside);
    let dot = rect.left_top() + vec2(22.0, 20.0);
    if chosen {
        ui.painter().circle_filled(dot, 8.0, p.accent);
        ui.painter().circle_filled(dot, 3.0, p.on_accent);
    } else {
        ui.painter().circle_stroke(dot, 7.25, Stroke::new(1.5, p.border_strong));
    }
    let at = rect.left_top() + vec2(left, 20.0);
    label::line(ui.painter(), at, Align2::LEFT_CENTER, name, theme::medium(type_size::BODY), p.text, width - left);
    ui.painter().galley(rect.left_top() + vec2(left, 31.0), wrapped, p.text_second);
    paint::focus_ring(ui, &response, rect, f32::from(radius::M), p);
    response.clicked()
}

/// A row of words of which one is chosen; returns the index of the one that was clicked.
pub fn segments<'a>(ui: &mut Ui, names: impl IntoIterator<Item = &'a str>, chosen: usize) -> Option<usize> {
    let p = theme::palette(ui);
    let names: Vec<&str> = names.into_iter().collect();
    let mut clicked = None;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::TOOLBAR + 4.0), Sense::hover());
    ui.painter().rect_filled(rect, CornerRadius::same(radius::M), p.surface);
    let width = (rect.width() - 4.0) / names.len().max(1) as f32;
    for (index, name) in names.into_iter().enumerate() {
        let min = rect.min + vec2(2.0 + index as f32 * width, 2.0);
        let segment = Rect::from_min_size(min, vec2(width, size::TOOLBAR));
        let response = ui.interact(segment, ui.scope_id().with(name), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
        let on = index == chosen;
        response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, name));
        if on {
            let edge = Stroke::new(1.0, p.border);
            ui.painter().rect(segment, CornerRadius::same(10), p.selected, edge, StrokeKind::Inside);
        }
        let ink = if on || response.hovered() { p.text } else { p.text_second };
        let font = theme::medium(type_size::LABEL);
        label::line(ui.painter(), segment.center(), Align2::CENTER_CENTER, name, font, ink, width - space::S);
        paint::focus_ring(ui, &response, segment, 10.0, p);
        if response.clicked() {
            clicked = Some(index);
        }
    }
    clicked
}

/// A device by name, or the system's default; the label stands above it. True when another one was chosen.
pub fn device(ui: &mut Ui, name: &str, devices: &[String], chosen: &mut Option<String>) -> bool {
    device_or(ui, name, text::SYSTEM_DEFAULT, devices, chosen)
}

/// The same with something else for who chooses none.
pub fn device_or(ui: &mut Ui, name: &str, none: &str, devices: &[String], chosen: &mut Option<String>) -> bool {
    let before = chosen.clone();
    let shown = chosen.as_deref().unwrap_or(none).to_owned();
    combo(ui, name, shown, |ui| {
        ui.selectable_value(chosen, None, none);
        for device in devices {
            ui.selectable_value(chosen, Some(device.clone()), device);
        }
        // A chosen device that is unplugged just now stays chosen, and says so by being in the list.
        if let Some(gone) = before.as_ref().filter(|name| !devices.contains(name)) {
            ui.selectable_value(chosen, Some(gone.clone()), gone);
        }
    });
    *chosen != before
}

/// A time of day in minutes after midnight, by the half hour; the label stands above it. True when another one was chosen.
pub fn time_of_day(ui: &mut Ui, name: &str, minute: &mut u16) -> bool {
    let before = *minute;
    combo(ui, name, text::time_of_day(before), |ui| {
        for half_hour in 0..48 {
            ui.selectable_value(minute, half_hour * 30, text::time_of_day(half_hour * 30));
        }
    });
    *minute != before
}

/// A field that opens a list.
fn combo(ui: &mut Ui, name: &str, shown: String, list: impl FnOnce(&mut Ui)) {
    let p = theme::palette(ui);
    let above = label::text(ui, name, theme::medium(type_size::LABEL), p.text_second);
    let response = ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = size::TOOLBAR;
        ui.spacing_mut().button_padding.x = space::M;
        let color = p.text_second;
        let icon = move |ui: &Ui, rect: Rect, _: &_, _| {
            let center = rect.center() - vec2(2.0, 0.0);
            icons::paint(ui.painter(), center, icons::CARET_DOWN, size::ICON_S, icons::REGULAR, color);
        };
        let field =
            ComboBox::from_id_salt(name).width(ui.available_width().min(440.0)).truncate().selected_text(shown).icon(icon);
        field.show_ui(ui, list).response
    });
    name_combo(response.inner, name, above.id);
}

fn name_combo(response: Response, name: &str, label: eframe::egui::Id) {
    response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, name));
    response.labelled_by(label);
}

/// A line of a menu. True when it was clicked.
pub fn menu_item(ui: &mut Ui, icon: char, name: &str, danger: bool) -> bool {
    let p = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(size::MENU, size::TOOLBAR), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::MenuItem, true, name));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, CornerRadius::same(radius::S), if danger { p.danger_soft } else { p.hover });
    }
    let ink = if danger { p.danger_text } else { p.text };
    icons::paint(ui.painter(), rect.left_center() + vec2(20.0, 0.0), icon, 18.0, icons::REGULAR, ink);
    let at = rect.left_center() + vec2(40.0, 0.0);
    label::line(ui.painter(), at, Align2::LEFT_CENTER, name, theme::regular(type_size::BODY), ink, rect.width() - 48.0);
    response.clicked()
}
