//! A passphrase with what can be said of it: how long it would hold, and what having none means.

use std::hash::{DefaultHasher, Hash, Hasher};

use eframe::egui::{Color32, CornerRadius, Frame, Id, Margin, Rect, Response, Sense, Ui, WidgetInfo, accesskit::Role, vec2};

use super::{field::Field, label};
use crate::engine::snapshot::{Strength, strength};
use crate::ui::local::Passphrase;
use crate::ui::tokens::{mark, radius, size, space, type_size};
use crate::ui::{icons, text, theme};

/// The longest passphrase that a field takes, in characters.
const LIMIT: usize = 1024;

/// A field for a passphrase that exists.
pub fn old(ui: &mut Ui, name: &str, passphrase: &mut Passphrase) -> Response {
    Field::new(name, "", LIMIT).icon(icons::KEY).show_secret(ui, &mut passphrase.text, &mut passphrase.visible)
}

/// A field for a new one, with its bars and words; `own` are words that a guesser knows.
pub fn new(ui: &mut Ui, name: &str, passphrase: &mut Passphrase, own: &str) -> Response {
    let response = old(ui, name, passphrase);
    if response.changed() {
        passphrase.sure_of_none = false;
    }
    bars(ui, estimate(ui, response.id, &passphrase.text, own));
    response
}

/// What is said below a new passphrase: that nobody can reset it, or what having none means.
pub fn meaning(ui: &mut Ui, passphrase: &Passphrase) {
    let sentence = match (passphrase.text.is_empty(), passphrase.sure_of_none) {
        (false, _) => text::PASSPHRASE_KEEP,
        (true, true) => text::PASSPHRASE_NONE,
        (true, false) => return,
    };
    ui.add_space(space::XS);
    warning(ui, sentence);
}

/// A sentence in the colours of a warning.
pub fn warning(ui: &mut Ui, sentence: &str) {
    let p = theme::palette(ui);
    boxed(ui, icons::WARNING, sentence, p.warning_text, p.warning_soft);
}

/// A sentence on a soft ground, with an icon before it.
pub fn boxed(ui: &mut Ui, icon: char, sentence: &str, ink: Color32, ground: Color32) {
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

fn bars(ui: &mut Ui, Strength { bars, words }: Strength) {
    if bars == 0 {
        return;
    }
    let p = theme::palette(ui);
    let (fill, ink) = match bars {
        1 => (p.danger, p.danger_text),
        2 => (p.warning_text, p.warning_text),
        _ => (mark::ONLINE, p.success_text),
    };
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 5.0), Sense::hover());
    let width = (rect.width() - 3.0 * 6.0) / 4.0;
    for bar in 0..4u8 {
        let min = rect.min + vec2(f32::from(bar) * (width + 6.0), 0.0);
        let color = if bar < bars { fill } else { p.border };
        ui.painter().rect_filled(Rect::from_min_size(min, vec2(width, 5.0)), CornerRadius::same(2), color);
    }
    label::text(ui, words, theme::regular(type_size::CAPTION), ink);
}

/// The estimate, made once for each passphrase: it takes longer than a frame may.
fn estimate(ui: &Ui, field: Id, passphrase: &str, own: &str) -> Strength {
    let mut hasher = DefaultHasher::new();
    (passphrase, own).hash(&mut hasher);
    let (id, hash) = (field.with("strength"), hasher.finish());
    if let Some((known, strength)) = ui.data(|data| data.get_temp::<(u64, Strength)>(id))
        && known == hash
    {
        return strength;
    }
    let words: Vec<&str> = own.split_whitespace().collect();
    let estimated = strength(passphrase, &words);
    ui.data_mut(|data| data.insert_temp(id, (hash, estimated)));
    estimated
}
