//! Asks before a link is opened, and shows where it really leads.

use eframe::egui::{Align, Layout, Ui, vec2};

use crate::engine::command::Command;
use crate::engine::snapshot::links;
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{callout, dialog, label};
use crate::ui::{icons, text, theme};

const WIDTH: f32 = 480.0;
/// Of a long link, so many characters are shown; the host is shown whole.
const MOST: usize = 300;

/// The question.
pub fn open_link_ui(ui: &Ui, url: String, local: &mut Local) -> Option<Command> {
    let (host, warning) = links::host(&url)?;
    let (answer, closed) = dialog::show(ui.ctx(), text::OPEN_LINK_TITLE, WIDTH, |ui| {
        let p = theme::palette(ui);
        label::text(ui, text::OPEN_LINK_SUB, theme::regular(type_size::BODY), p.text_second);
        ui.add_space(space::S);
        label::text(ui, &host, theme::semibold(type_size::TITLE), p.text);
        let shown: String = url.chars().take(MOST).collect();
        label::text(ui, shown, theme::mono(type_size::MONO), p.text_third);
        if let Some(warning) = warning {
            ui.add_space(space::S);
            callout::warning(ui, text::warning(warning));
        }
        answers_ui(ui, warning.is_some())
    });
    if closed {
        return None;
    }
    match answer {
        Some(Answer::Open) => return Some(Command::OpenLink { url }),
        Some(Answer::Copy) => local.copy = Some(url),
        Some(Answer::Leave) => {}
        None => local.dialog = Some(Dialog::OpenLink { url }),
    }
    None
}

enum Answer {
    Open,
    Copy,
    Leave,
}

fn answers_ui(ui: &mut Ui, suspicious: bool) -> Option<Answer> {
    ui.add_space(space::L);
    let row = vec2(ui.available_width(), size::FIELD);
    ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
        let look = if suspicious { Look::Danger } else { Look::Primary };
        if TextButton::new(look, text::OPEN_LINK).icon(icons::ARROW_SQUARE_OUT).show(ui) {
            return Some(Answer::Open);
        }
        if TextButton::new(Look::Secondary, text::COPY_LINK).show(ui) {
            return Some(Answer::Copy);
        }
        TextButton::new(Look::Plain, text::CANCEL).show(ui).then_some(Answer::Leave)
    })
    .inner
}
