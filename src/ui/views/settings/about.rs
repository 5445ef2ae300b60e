//! Which Vesper this is, and what it is made of.

use eframe::egui::{ScrollArea, Ui};

use super::card;
use crate::engine::command::Command;
use crate::engine::snapshot::{PROTOCOL, Snapshot};
use crate::ui::tokens::{space, type_size};
use crate::ui::widgets::label;
use crate::ui::{text, theme};

/// Of the program, its fonts, its icons and its emoji, as their licences ask for.
const LICENCES: [&str; 4] = [
    include_str!("../../../../LICENSE"),
    include_str!("../../../../assets/fonts/LICENSE"),
    include_str!("../../../../assets/icons/LICENSE"),
    include_str!("../../../../assets/emoji/LICENSE"),
];

/// The whole page.
pub fn about_ui(ui: &mut Ui, snapshot: &Snapshot) -> Option<Command> {
    let p = theme::palette(ui);
    card(ui, &format!("{} {}", text::APP, env!("CARGO_PKG_VERSION")), |ui| {
        label::text(ui, text::ABOUT_SUB, theme::regular(type_size::BODY), p.text_second);
        ui.add_space(space::XS);
        label::text(ui, format!("{}: {PROTOCOL}", text::PROTOCOL), theme::regular(type_size::BODY), p.text_second);
        ui.add_space(space::XS);
        match &snapshot.conversations.newer_version {
            Some(version) => label::text(ui, text::newer_exists(version), theme::medium(type_size::BODY), p.warning_text),
            None => label::text(ui, text::UP_TO_DATE, theme::regular(type_size::CAPTION), p.text_third),
        };
    });
    card(ui, text::LICENCES, |ui| {
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for licence in LICENCES {
                label::text(ui, licence, theme::mono(type_size::CAPTION), p.text_second);
                ui.add_space(space::L);
            }
        });
    });
    None
}
