//! A passphrase with what can be said of it: how long it would hold, and what having none means.

use std::hash::{DefaultHasher, Hash, Hasher};

use eframe::egui::{CornerRadius, Id, Rect, Response, Sense, Ui, vec2};

use super::{callout, field::Field, label};
use crate::engine::snapshot::{Strength, strength};
use crate::ui::local::Passphrase;
use crate::ui::tokens::{space, type_size};
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
    callout::warning(ui, sentence);
}

fn bars(ui: &mut Ui, Strength { bars, words }: Strength) {
    if bars == 0 {
        return;
    }
    let p = theme::palette(ui);
    let (fill, ink) = match bars {
        1 => (p.danger, p.danger_text),
        2 => (p.warning_text, p.warning_text),
        _ => (p.online, p.success_text),
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
