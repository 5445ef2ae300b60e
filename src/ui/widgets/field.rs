//! Fields to write in.

use eframe::egui::{
    Color32, CornerRadius, Frame, Margin, Rect, Response, Stroke, StrokeKind, TextEdit, Ui, UiBuilder, WidgetInfo,
    accesskit::Role, vec2,
};

use super::{button, label, paint};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::{icons, text, theme};

/// A labelled line of text with an icon.
pub struct Field<'a> {
    label: &'a str,
    hint: &'a str,
    icon: Option<char>,
    limit: usize,
}

impl<'a> Field<'a> {
    /// `limit` is in characters.
    pub fn new(label: &'a str, hint: &'a str, limit: usize) -> Self {
        Self { label, hint, icon: None, limit }
    }

    pub fn icon(mut self, icon: char) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Draws it as wide as there is room.
    pub fn show(self, ui: &mut Ui, value: &mut String) -> Response {
        self.draw(ui, value, None)
    }

    /// The same, with the keyboard in it where nothing else has it: what one comes here to write.
    pub fn show_first(self, ui: &mut Ui, value: &mut String) -> Response {
        let response = self.draw(ui, value, None);
        if ui.memory(|memory| memory.focused().is_none()) {
            response.request_focus();
        }
        response
    }

    /// The same for a secret, with an eye that shows it.
    pub fn show_secret(self, ui: &mut Ui, value: &mut String, visible: &mut bool) -> Response {
        self.draw(ui, value, Some(visible))
    }

    fn draw(self, ui: &mut Ui, value: &mut String, visible: Option<&mut bool>) -> Response {
        let p = theme::palette(ui);
        let above = label::text(ui, self.label, theme::medium(type_size::LABEL), p.text);
        ui.add_space(-1.0);
        let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::FIELD), eframe::egui::Sense::hover());
        let below = ui.painter().add(eframe::egui::Shape::Noop);
        let mut inner = rect.shrink2(vec2(space::M, 0.0));
        if let Some(icon) = self.icon {
            let center = rect.left_center() + vec2(23.0, 0.0);
            icons::paint(ui.painter(), center, icon, 18.0, icons::REGULAR, p.text_second);
            inner.min.x = rect.left() + 40.0;
        }
        let secret = visible.as_ref().is_some_and(|visible| !**visible);
        if visible.is_some() {
            inner.max.x -= size::TOOLBAR;
        }
        let edit = TextEdit::singleline(value)
            .id(ui.scope_id().with(self.label))
            .font(theme::regular(type_size::BODY))
            .hint_text(eframe::egui::RichText::new(self.hint).color(p.text_third))
            .password(secret)
            .char_limit(self.limit)
            .frame(Frame::NONE)
            .margin(Margin::ZERO)
            .align(eframe::egui::Align2::LEFT_CENTER)
            .min_size(vec2(0.0, size::FIELD))
            .desired_width(inner.width());
        let response = ui.put(inner, edit).labelled_by(above.id);
        let edge = if response.has_focus() { Stroke::new(2.0, p.accent_text) } else { Stroke::new(1.0, p.border_strong) };
        let box_shape =
            eframe::egui::epaint::RectShape::new(rect, CornerRadius::same(radius::M), ground(ui), edge, StrokeKind::Inside);
        ui.painter().set(below, box_shape);
        // After the field, so that Tab comes to the field first.
        if let Some(visible) = visible {
            eye(ui, rect, visible);
        }
        response
    }
}

/// Shows or hides a secret, at the end of its field.
fn eye(ui: &mut Ui, field: Rect, visible: &mut bool) {
    let place = Rect::from_center_size(field.right_center() - vec2(24.0, 0.0), vec2(size::TOOLBAR, size::TOOLBAR));
    let (icon, name) = if *visible { (icons::EYE_SLASH, text::HIDE_PASSPHRASE) } else { (icons::EYE, text::SHOW_PASSPHRASE) };
    // It takes no room of its own: the field has it.
    let mut inside = ui.new_child(UiBuilder::new().max_rect(place));
    if button::icon(&mut inside, icon, name).clicked() {
        *visible = !*visible;
        ui.ctx().request_repaint();
    }
}

/// The search at the head of a list: its name is its hint.
pub fn search(ui: &mut Ui, rect: Rect, value: &mut String) -> Response {
    search_named(ui, rect, value, text::SEARCH)
}

/// The same for another thing to search.
pub fn search_named(ui: &mut Ui, rect: Rect, value: &mut String, name: &str) -> Response {
    let p = theme::palette(ui);
    ui.painter().rect(rect, CornerRadius::same(radius::M), ground(ui), Stroke::new(1.0, p.border), StrokeKind::Inside);
    icons::paint(
        ui.painter(),
        rect.left_center() + vec2(23.0, 0.0),
        icons::MAGNIFYING_GLASS,
        18.0,
        icons::REGULAR,
        p.text_second,
    );
    let mut inner = rect.shrink2(vec2(space::M, 0.0));
    inner.min.x = rect.left() + 40.0;
    let edit = TextEdit::singleline(value)
        .id(ui.scope_id().with(("search", name)))
        .font(theme::regular(type_size::BODY))
        .hint_text(eframe::egui::RichText::new(name).color(p.text_third))
        .char_limit(64)
        .frame(Frame::NONE)
        .margin(Margin::ZERO)
        .align(eframe::egui::Align2::LEFT_CENTER)
        .min_size(vec2(0.0, rect.height()))
        .desired_width(inner.width());
    let response = ui.put(inner, edit);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::SearchInput, true, name);
        info.current_text_value = Some(value.clone());
        info
    });
    paint::focus_ring(ui, &response, rect, f32::from(radius::M), p);
    response
}

/// What fields are filled with: a little lighter than ink, or paper.
fn ground(ui: &Ui) -> Color32 {
    let p = theme::palette(ui);
    if ui.visuals().dark_mode { p.surface } else { p.background }
}
