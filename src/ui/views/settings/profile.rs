//! Who we are to others.

use eframe::egui::Ui;

use super::card;
use crate::engine::command::Command;
use crate::engine::snapshot::{Me, Snapshot};
use crate::ui::local::Local;
use crate::ui::tokens::{size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{field::Field, label};
use crate::ui::{icons, text, theme};

/// The whole page.
pub fn profile_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let me = snapshot.me.as_ref()?;
    let renamed = card(ui, &me.name, |ui| ui.scope(|ui| rename_ui(ui, me, local)).inner);
    card(ui, text::YOUR_KEY, |ui| {
        label::text(ui, me.key.to_string(), theme::mono(type_size::MONO), p.text);
        label::text(ui, text::YOUR_KEY_SUB, theme::regular(type_size::CAPTION), p.text_third);
        ui.add_space(space::XS);
        if TextButton::new(Look::Secondary, text::COPY_KEY).icon(icons::COPY).small().show(ui) {
            local.copy = Some(me.key.to_string());
        }
    });
    renamed
}

/// What new contacts see first.
fn rename_ui(ui: &mut Ui, me: &Me, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    ui.set_max_width(size::TOAST.min(ui.available_width()));
    let mut name = local.settings.name.take().unwrap_or_else(|| me.name.clone());
    Field::new(text::YOUR_NAME, text::YOUR_NAME_HINT, 48).icon(icons::USER).show(ui, &mut name);
    label::text(ui, text::YOUR_NAME_SUB, theme::regular(type_size::CAPTION), p.text_third);
    ui.add_space(space::XS);
    let another = !name.trim().is_empty() && name.trim() != me.name;
    if TextButton::new(Look::Primary, text::SAVE_NAME).small().enabled(another).show(ui) && another {
        return Some(Command::SetName { name: name.trim().to_owned() });
    }
    local.settings.name = (name != me.name).then_some(name);
    None
}
