//! Privacy and security: the passphrase, the lock, the backup, who is blocked, and the end of it all.

use std::path::PathBuf;

use eframe::egui::{Align, Layout, Ui, vec2};

use super::card;
use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::settings::Settings;
use crate::ui::local::{Dialog, Local, SettingsLocal};
use crate::ui::tokens::{size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{choice, field::Field, label, strength};
use crate::ui::{icons, text, theme};

/// The whole page.
pub fn privacy_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, settings: &mut Settings) -> Option<Command> {
    let name = snapshot.me.as_ref().map_or("", |me| me.name.as_str());
    let state = &mut local.settings;
    let passphrase = card(ui, text::PASSPHRASE, |ui| passphrase_ui(ui, snapshot.sealed, name, state));
    let locked = card(ui, text::LOCK, |ui| lock_ui(ui, snapshot.sealed, settings));
    let exported = card(ui, text::BACKUP, |ui| backup_ui(ui, name, state));
    card(ui, text::BLOCKED_PEOPLE, |ui| blocked_ui(ui, snapshot, local));
    card(ui, text::WIPE, |ui| {
        second(ui, text::WIPE_SUB);
        ui.add_space(space::XS);
        if TextButton::new(Look::Danger, text::WIPE).icon(icons::TRASH).small().show(ui) {
            local.dialog = Some(Dialog::Wipe);
        }
    });
    passphrase.or(locked).or(exported)
}

/// Change, set or remove it. Removing says first what that means.
fn passphrase_ui(ui: &mut Ui, sealed: bool, name: &str, state: &mut SettingsLocal) -> Option<Command> {
    second(ui, if sealed { text::PASSPHRASE_SET_SUB } else { text::PASSPHRASE_NONE });
    ui.add_space(space::XS);
    ui.scope(|ui| {
        ui.set_max_width(size::TOAST.min(ui.available_width()));
        if sealed {
            strength::old(ui, text::CURRENT_PASSPHRASE, &mut state.current);
        }
        strength::new(ui, text::NEW_PASSPHRASE, &mut state.new, name);
        strength::meaning(ui, &state.new);
        ui.horizontal(|ui| {
            let known = !sealed || !state.current.text.is_empty();
            let verb = if sealed { text::CHANGE_PASSPHRASE } else { text::SET_PASSPHRASE };
            let ready = known && !state.new.text.is_empty();
            let change = TextButton::new(Look::Primary, verb).small().enabled(ready).show(ui);
            let mut remove = false;
            if sealed {
                let sure = state.new.sure_of_none;
                let verb = if sure { text::REMOVE_PASSPHRASE_SURE } else { text::REMOVE_PASSPHRASE };
                let none = known && state.new.text.is_empty();
                let pressed = TextButton::new(Look::Danger, verb).small().enabled(none).show(ui) && none;
                remove = pressed && sure;
                state.new.sure_of_none |= pressed;
            }
            let wanted = (change && ready) || remove;
            wanted.then(|| Command::ChangePassphrase { current: state.current.take(), new: state.new.take() })
        })
        .inner
    })
    .inner
}

fn lock_ui(ui: &mut Ui, sealed: bool, settings: &mut Settings) -> Option<Command> {
    second(ui, text::LOCK_SUB);
    ui.add_space(space::XS);
    if !sealed {
        label::text(ui, text::LOCK_NEEDS_PASSPHRASE, theme::regular(type_size::CAPTION), theme::palette(ui).text_third);
        return None;
    }
    label::text(ui, text::LOCK_AFTER, theme::medium(type_size::LABEL), theme::palette(ui).text);
    let chosen = text::LOCK_AFTERS.iter().position(|(_, minutes)| *minutes == settings.lock_after_minutes).unwrap_or_default();
    ui.scope(|ui| {
        ui.set_max_width(size::TOAST.min(ui.available_width()));
        if let Some(clicked) = choice::segments(ui, text::LOCK_AFTERS.map(|(name, _)| name), chosen) {
            settings.lock_after_minutes = text::LOCK_AFTERS[clicked].1;
        }
    });
    ui.add_space(space::XS);
    TextButton::new(Look::Secondary, text::LOCK_NOW).icon(icons::LOCK).small().show(ui).then_some(Command::Lock)
}

fn backup_ui(ui: &mut Ui, name: &str, state: &mut SettingsLocal) -> Option<Command> {
    second(ui, text::BACKUP_SUB);
    ui.add_space(space::XS);
    ui.scope(|ui| {
        ui.set_max_width(size::TOAST.min(ui.available_width()));
        Field::new(text::BACKUP_FILE, text::BACKUP_FILE_HINT, 4096).icon(icons::LINK).show(ui, &mut state.file);
        strength::new(ui, text::BACKUP_PASSPHRASE, &mut state.backup, name);
        strength::meaning(ui, &state.backup);
        let ready = !state.file.trim().is_empty() && !state.backup.text.is_empty();
        let pressed = TextButton::new(Look::Secondary, text::EXPORT).small().enabled(ready).show(ui);
        let file = PathBuf::from(state.file.trim());
        (pressed && ready).then(|| Command::Export { file, passphrase: state.backup.take() })
    })
    .inner
}

fn blocked_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) {
    let mut blocked = snapshot.contacts.iter().filter(|contact| contact.blocked).peekable();
    if blocked.peek().is_none() {
        second(ui, text::NOBODY_BLOCKED);
    }
    for contact in blocked {
        let row = vec2(ui.available_width(), size::TOOLBAR);
        ui.push_id(contact.key, |ui| {
            ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
                if TextButton::new(Look::Secondary, text::UNBLOCK).small().show(ui) {
                    local.dialog = Some(Dialog::Unblock { key: contact.key });
                }
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    label::text(ui, &contact.petname, theme::regular(type_size::BODY), theme::palette(ui).text);
                });
            });
        });
    }
}

fn second(ui: &mut Ui, sentence: &str) {
    label::text(ui, sentence, theme::regular(type_size::LABEL), theme::palette(ui).text_second);
}
