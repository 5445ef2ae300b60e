//! The question at a call with somebody whose computer may learn our address only if we say so.

use eframe::egui::Ui;

use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::ui::tokens::{space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{dialog, label};
use crate::ui::{text, theme};

const WIDTH: f32 = 460.0;

/// The dialog, while a call waits for its answer.
pub fn question_ui(ui: &mut Ui, snapshot: &Snapshot) -> Option<Command> {
    let question = snapshot.address_question.as_ref()?;
    let (share, closed) = dialog::show(ui.ctx(), &text::share_title(&question.name), WIDTH, |ui| {
        let p = theme::palette(ui);
        label::text(ui, text::share_sub(question.incoming), theme::regular(type_size::BODY), p.text_second);
        if !question.relay {
            label::text(ui, text::NO_RELAY_FOR_CALLS, theme::regular(type_size::CAPTION), p.warning_text);
        }
        ui.add_space(space::L);
        ui.horizontal(|ui| {
            let direct = TextButton::new(Look::Primary, text::SHARE_ADDRESS).show(ui);
            let relay = TextButton::new(Look::Secondary, text::USE_RELAY_ONCE).enabled(question.relay).show(ui);
            let none = TextButton::new(Look::Plain, text::CANCEL).show(ui);
            match (direct, relay, none) {
                (true, ..) => Some(Some(true)),
                (_, true, _) => Some(Some(false)),
                (.., true) => Some(None),
                _ => None,
            }
        })
        .inner
    });
    let share = share.or(closed.then_some(None))?;
    Some(Command::ShareAddress { share })
}
