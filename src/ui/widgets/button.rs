//! Buttons: with a text, with an icon alone, and the round ones of a call.

use eframe::egui::{
    Align2, Color32, CornerRadius, CursorIcon, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, vec2,
};

use super::{label, paint};
use crate::ui::tokens::{DARK, motion, radius, size, space, stage, type_size};
use crate::ui::{icons, theme};

/// What a button with a text looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The one thing to do here.
    Primary,
    /// An outline.
    Secondary,
    /// An outline in the colour of danger.
    Danger,
    /// Only the text.
    Plain,
}

/// A button with a text and, if wanted, an icon before it.
pub struct TextButton<'a> {
    text: &'a str,
    name: &'a str,
    look: Look,
    icon: Option<char>,
    height: f32,
    width: Option<f32>,
    enabled: bool,
}

impl<'a> TextButton<'a> {
    pub fn new(look: Look, text: &'a str) -> Self {
        Self { text, name: text, look, icon: None, height: size::FIELD, width: None, enabled: true }
    }

    pub fn icon(mut self, icon: char) -> Self {
        self.icon = Some(icon);
        self
    }

    /// What screen readers say instead of the text: it begins like that, and tells the button from others with the same.
    pub fn named(mut self, name: &'a str) -> Self {
        self.name = name;
        self
    }

    /// As high as a toolbar button.
    pub fn small(mut self) -> Self {
        self.height = size::TOOLBAR;
        self
    }

    pub fn width(mut self, width: f32) -> Self {
        self.width = Some(width);
        self
    }

    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Draws it; true when it was pressed.
    pub fn show(self, ui: &mut Ui) -> bool {
        let p = theme::palette(ui);
        let small = self.height < size::FIELD;
        let font = if small { theme::medium(type_size::LABEL) } else { theme::semibold(type_size::BODY) };
        let ink = match self.look {
            Look::Primary => p.on_accent,
            Look::Secondary => p.text,
            Look::Danger => p.danger_text,
            Look::Plain => p.accent_text,
        };
        let galley = ui.painter().layout_no_wrap(self.text.to_owned(), font, ink);
        let icon_width = if self.icon.is_some() { size::ICON + space::XS } else { 0.0 };
        let padding = if self.look == Look::Plain { space::S } else { space::L };
        let width = self.width.unwrap_or(galley.size().x + icon_width + 2.0 * padding);
        let sense = if self.enabled { Sense::click() } else { Sense::hover() };
        let (rect, response) = ui.allocate_exact_size(vec2(width, self.height), sense);
        let response = if self.enabled { response.on_hover_cursor(CursorIcon::PointingHand) } else { response };
        response.widget_info(|| WidgetInfo::labeled(Role::Button, self.enabled, self.name));
        let hover = paint::moved(ui, &response, response.hovered() && self.enabled, motion::HOVER);
        let (fill, edge) = match self.look {
            Look::Primary => (paint::mix(p.accent, p.accent_hover, hover), Stroke::NONE),
            Look::Secondary | Look::Danger => (p.hover.gamma_multiply(hover), Stroke::new(1.0, p.border_strong)),
            Look::Plain => (p.accent_soft.gamma_multiply(hover), Stroke::NONE),
        };
        // What cannot be pressed yet is as flat as the ground, and can still be read.
        let (fill, edge, ink) =
            if self.enabled { (fill, edge, ink) } else { (p.surface, Stroke::new(1.0, p.border), p.text_third) };
        let corner = if small { 10 } else { radius::M };
        ui.painter().rect(rect, CornerRadius::same(corner), fill, edge, StrokeKind::Inside);
        let mut at = rect.center() - vec2((galley.size().x + icon_width) / 2.0, 0.0);
        if let Some(icon) = self.icon {
            icons::paint(ui.painter(), at + vec2(size::ICON / 2.0 - 1.0, 0.0), icon, 18.0, icons::REGULAR, ink);
            at.x += icon_width;
        }
        ui.painter().galley_with_override_text_color(at - vec2(0.0, galley.size().y / 2.0), galley, ink);
        paint::focus_ring(ui, &response, rect, f32::from(corner), p);
        response.clicked()
    }
}

/// A square button with an icon, as large as a toolbar wants; `name` is for screen readers and the tip.
pub fn icon(ui: &mut Ui, icon: char, name: &str) -> Response {
    let p = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(size::TOOLBAR, size::TOOLBAR), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let hover = paint::moved(ui, &response, response.hovered(), motion::HOVER);
    ui.painter().rect_filled(rect, CornerRadius::same(radius::S), p.hover.gamma_multiply(hover));
    icons::paint(ui.painter(), rect.center(), icon, size::ICON, icons::REGULAR, paint::mix(p.text_second, p.text, hover));
    paint::focus_ring(ui, &response, rect, f32::from(radius::S), p);
    response.on_hover_text(name)
}

/// The round soft buttons of a contact's header.
pub fn round(ui: &mut Ui, icon: char, name: &str, enabled: bool) -> bool {
    let p = theme::palette(ui);
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(size::HEADER_BUTTON, size::HEADER_BUTTON), sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    let hover = paint::moved(ui, &response, response.hovered() && enabled, motion::HOVER);
    let fade = if enabled { 1.0 } else { 0.4 };
    ui.painter().circle_filled(
        rect.center(),
        rect.width() / 2.0,
        paint::mix(p.accent_soft, p.selected, hover).gamma_multiply(fade),
    );
    icons::paint(ui.painter(), rect.center(), icon, size::ICON, icons::FILL, p.accent_text.gamma_multiply(fade));
    paint::focus_ring(ui, &response, rect, rect.width() / 2.0, p);
    let response = if enabled { response.on_hover_cursor(CursorIcon::PointingHand) } else { response };
    response.on_hover_text(name).clicked()
}

/// One of the big round answers of the popup, its name below it.
pub fn answer(ui: &mut Ui, center: eframe::egui::Pos2, icon: char, name: &str, fill: Color32, ink: Color32) -> bool {
    let p = theme::palette(ui);
    let rect = Rect::from_center_size(center, vec2(size::ANSWER, size::ANSWER));
    let below = center + vec2(0.0, size::ANSWER / 2.0 + 16.0);
    let font = theme::medium(type_size::CAPTION);
    let words = label::line(ui.painter(), below, Align2::CENTER_CENTER, name, font, p.text, 104.0);
    let response = ui.interact(rect.union(words), ui.scope_id().with(name), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let grow = paint::moved(ui, &response, response.hovered(), motion::HOVER);
    ui.painter().circle_filled(center, size::ANSWER / 2.0 + grow * 1.5, fill);
    icons::paint(ui.painter(), center, icon, size::ICON_ANSWER, icons::FILL, ink);
    paint::focus_ring(ui, &response, rect, size::ANSWER / 2.0, p);
    response.clicked()
}

/// A round control on the stage of a call; light when what it stands for is switched `off`.
pub fn control(ui: &mut Ui, rect: Rect, icon: char, name: &str, off: bool, opacity: f32) -> bool {
    let response = stage_response(ui, rect, name);
    let hover = paint::moved(ui, &response, response.hovered(), motion::HOVER);
    let (rest, under, ink) = if off {
        (stage::CONTROL_OFF, stage::CONTROL_OFF_HOVER, stage::ON_CONTROL_OFF)
    } else {
        (stage::CONTROL, stage::CONTROL_HOVER, stage::TEXT)
    };
    let fill = paint::mix(rest, under, hover).gamma_multiply(opacity);
    ui.painter().circle_filled(rect.center(), rect.width() / 2.0, fill);
    let icon_size = if rect.width() < size::CONTROL { 18.0 } else { size::ICON_L };
    icons::paint(ui.painter(), rect.center(), icon, icon_size, icons::FILL, ink.gamma_multiply(opacity));
    paint::focus_ring(ui, &response, rect, rect.width() / 2.0, &DARK);
    response.on_hover_text(name).clicked()
}

/// The round control that opens a menu.
pub fn control_menu(ui: &Ui, rect: Rect, name: &str, opacity: f32) -> Response {
    let response = stage_response(ui, rect, name);
    let hover = paint::moved(ui, &response, response.hovered(), motion::HOVER);
    let fill = paint::mix(stage::CONTROL, stage::CONTROL_HOVER, hover).gamma_multiply(opacity);
    ui.painter().circle_filled(rect.center(), rect.width() / 2.0, fill);
    for dot in [-7.0, 0.0, 7.0] {
        ui.painter().circle_filled(rect.center() + vec2(dot, 0.0), 1.75, stage::TEXT.gamma_multiply(opacity));
    }
    paint::focus_ring(ui, &response, rect, rect.width() / 2.0, &DARK);
    response.on_hover_text(name)
}

/// The red one.
pub fn hang_up(ui: &mut Ui, rect: Rect, name: &str, opacity: f32) -> bool {
    let response = stage_response(ui, rect, name);
    let hover = paint::moved(ui, &response, response.hovered(), motion::HOVER);
    let fill = paint::mix(DARK.danger, LIGHT_DANGER, hover).gamma_multiply(opacity);
    ui.painter().rect_filled(rect, CornerRadius::same((rect.height() / 2.0) as u8), fill);
    let ink = DARK.on_accent.gamma_multiply(opacity);
    icons::paint(ui.painter(), rect.center(), icons::PHONE_DISCONNECT, size::ICON_ANSWER, icons::FILL, ink);
    paint::focus_ring(ui, &response, rect, rect.height() / 2.0, &DARK);
    response.on_hover_text(name).clicked()
}

const LIGHT_DANGER: Color32 = crate::ui::tokens::LIGHT.danger;

fn stage_response(ui: &Ui, rect: Rect, name: &str) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(rect.center().x as i32).with("control"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    response.on_hover_cursor(CursorIcon::PointingHand)
}
