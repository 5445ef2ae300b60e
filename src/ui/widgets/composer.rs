//! The field for a message: Enter sends, Shift+Enter begins a line.

use eframe::egui::{
    Align2, Color32, CornerRadius, CursorIcon, Frame, Id, Key, KeyboardShortcut, Margin, Modifiers, Rect, RichText, ScrollArea,
    Sense, Stroke, StrokeKind, TextEdit, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2, vec2,
};

use super::{label, paint};
use crate::engine::snapshot::MAX_BODY;
use crate::ui::tokens::{size, space, type_size};
use crate::ui::{icons, text, theme};

/// Lines that are shown at once; a longer message is scrolled.
const MOST_LINES: f32 = 6.0;
/// Above and below the text, and the height of a field with one line in it.
const PADDING: f32 = 15.0;
const LEAST: f32 = 48.0;
/// Far above what can be sent, so that pasting too much says so instead of cutting it off.
const MOST_CHARS: usize = 4 * MAX_BODY;

/// Draws the field at the foot of `rect`, `id` telling drafts apart. Returns how high it is, and the message that was sent.
pub fn composer(ui: &mut Ui, rect: Rect, id: Id, hint: &str, draft: &mut String) -> (f32, Option<String>) {
    let p = theme::palette(ui);
    let excess = too_many(draft);
    let too_long = excess > 0;
    let warning = if too_long { 22.0 } else { 0.0 };
    let send = size::FIELD;
    let width = rect.width() - 2.0 * space::XL - send - space::M;
    let written = written_height(ui, draft, width - 2.0 * space::L);
    let height = (written + 2.0 * PADDING).max(LEAST);
    let field = Rect::from_min_size(pos2(rect.left() + space::XL, rect.bottom() - 20.0 - height), vec2(width, height));
    let ground = ui.painter().add(eframe::egui::Shape::Noop);
    // Below the text, so that all of the field takes a click and not its one line alone.
    let around = ui.interact(field, id.with("field"), Sense::CLICK).on_hover_cursor(CursorIcon::Text);
    let inner = field.shrink2(vec2(space::L, (height - written) / 2.0));
    let edit = TextEdit::multiline(draft)
        .id(id)
        .font(theme::regular(type_size::MESSAGE))
        .hint_text(RichText::new(hint).color(p.text_third))
        .frame(Frame::NONE)
        .margin(Margin::ZERO)
        .desired_rows(1)
        .desired_width(inner.width())
        .char_limit(MOST_CHARS)
        .return_key(KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter));
    let response = ui
        .scope_builder(UiBuilder::new().max_rect(inner), |ui| {
            ScrollArea::vertical().id_salt(id).max_height(inner.height()).show(ui, |ui| ui.add(edit)).inner
        })
        .inner;
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::MultilineTextInput, true, hint);
        info.current_text_value = Some(draft.clone());
        info
    });
    let edge = if response.has_focus() { Stroke::new(2.0, p.accent_text) } else { Stroke::new(1.0, p.border) };
    let corner = CornerRadius::same(24);
    ui.painter().set(ground, eframe::egui::epaint::RectShape::new(field, corner, p.surface, edge, StrokeKind::Inside));
    if too_long {
        let at = pos2(field.left() + space::L, field.top() - 12.0);
        let font = theme::regular(type_size::CAPTION);
        let sentence = text::too_long(excess);
        let shown = label::line(ui.painter(), at, Align2::LEFT_CENTER, &sentence, font, p.danger_text, width);
        let said = ui.interact(shown, id.with("too long"), Sense::hover());
        said.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &sentence));
    }
    let ready = !too_long && !draft.trim().is_empty();
    let place = Rect::from_min_size(pos2(field.right() + space::M, field.bottom() - send - 2.0), vec2(send, send));
    let pressed = send_button(ui, place, id, ready);
    let entered = response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter) && input.modifiers.is_none());
    let sent = ((pressed || entered) && ready).then(|| std::mem::take(draft));
    if pressed || around.clicked() {
        response.request_focus();
    }
    (height + 32.0 + warning, sent)
}

/// How many characters at the end of `draft` are too many. The engine counts bytes, of which a character has up to four.
fn too_many(draft: &str) -> usize {
    draft.char_indices().rev().take_while(|(at, character)| at + character.len_utf8() > MAX_BODY).count()
}

/// How high the text stands, up to the most lines that are shown.
fn written_height(ui: &Ui, draft: &str, width: f32) -> f32 {
    let font = theme::regular(type_size::MESSAGE);
    let line = ui.painter().layout_no_wrap(" ".to_owned(), font.clone(), Color32::WHITE).size().y;
    // What fills the field anyway need not be laid out twice.
    if draft.len() > 4096 {
        return MOST_LINES * line;
    }
    let galley = ui.painter().layout(draft.to_owned(), font, Color32::WHITE, width.max(40.0));
    galley.size().y.clamp(line, MOST_LINES * line)
}

fn send_button(ui: &Ui, rect: Rect, id: Id, ready: bool) -> bool {
    let p = theme::palette(ui);
    let sense = if ready { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, id.with("send"), sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ready, text::SEND));
    let fade = if ready { 1.0 } else { 0.5 };
    let fill = if response.hovered() && ready { p.selected } else { p.accent_soft };
    ui.painter().circle_filled(rect.center(), rect.width() / 2.0, fill.gamma_multiply(fade));
    let ink = p.accent_text.gamma_multiply(fade);
    icons::paint(ui.painter(), rect.center() + vec2(1.0, 0.0), icons::PAPER_PLANE_RIGHT, size::ICON, icons::FILL, ink);
    paint::focus_ring(ui, &response, rect, rect.width() / 2.0, p);
    let response = if ready { response.on_hover_cursor(CursorIcon::PointingHand) } else { response };
    response.on_hover_text(text::SEND).clicked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_characters_are_too_many_as_have_to_go_whatever_bytes_they_have() {
        let cases = [
            (String::new(), 0),
            ("x".repeat(MAX_BODY), 0),
            ("x".repeat(MAX_BODY + 1), 1),
            ("é".repeat(MAX_BODY / 2), 0),
            ("é".repeat(MAX_BODY / 2 + 3), 3),
            // The last one that would fit by its beginning does not by its end.
            (format!("x{}", "é".repeat(MAX_BODY / 2)), 1),
            (format!("{}🎈", "x".repeat(MAX_BODY - 3)), 1),
        ];
        for (draft, many) in cases {
            assert_eq!(too_many(&draft), many, "{} bytes", draft.len());
            let kept: String = draft.chars().take(draft.chars().count() - many).collect();
            assert!(kept.len() <= MAX_BODY, "what is left can be sent");
        }
    }
}
