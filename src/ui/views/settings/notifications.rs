//! What is announced on the desktop, and when nothing is.

use eframe::egui::Ui;

use super::card;
use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::settings::{QuietHours, Settings};
use crate::ui::text;
use crate::ui::tokens::space;
use crate::ui::widgets::{choice, switch};

/// The whole page.
pub fn notifications_ui(ui: &mut Ui, snapshot: &Snapshot, settings: &mut Settings) -> Option<Command> {
    card(ui, text::ANNOUNCE, |ui| {
        switch::row(ui, text::ANNOUNCE_CALLS, text::ANNOUNCE_CALLS_SUB, &mut settings.notify_calls);
        switch::row(ui, text::ANNOUNCE_MESSAGES, text::ANNOUNCE_MESSAGES_SUB, &mut settings.notify_messages);
        switch::row(ui, text::ANNOUNCE_MISSED, text::ANNOUNCE_MISSED_SUB, &mut settings.notify_missed);
        switch::row(ui, text::ANNOUNCE_NAMES, text::ANNOUNCE_NAMES_SUB, &mut settings.notify_names);
    });
    card(ui, text::QUIET_HOURS, |ui| {
        let mut on = settings.quiet_hours.is_some();
        if switch::row(ui, text::QUIET, text::QUIET_SUB, &mut on) {
            settings.quiet_hours = on.then_some(QuietHours::NIGHT);
        }
        if let Some(hours) = &mut settings.quiet_hours {
            ui.add_space(space::XS);
            ui.columns_const(|[left, right]| {
                choice::time_of_day(left, text::QUIET_FROM, &mut hours.from);
                choice::time_of_day(right, text::QUIET_TO, &mut hours.to);
            });
        }
    });
    card(ui, text::RINGTONE, |ui| {
        choice::device_or(ui, text::RING_DEVICE, text::AS_SPEAKER, &snapshot.devices.speakers, &mut settings.ring_speaker);
    });
    None
}
