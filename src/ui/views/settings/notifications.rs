//! What is announced on the desktop, and when nothing is.

use eframe::egui::Ui;

use super::audio_video::{LABEL, halves, widths};
use super::card;
use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::settings::{QuietHours, Settings};
use crate::ui::tokens::{space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{choice, label, slider, switch};
use crate::ui::{icons, text, theme};

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
    let pressed = card(ui, text::RINGTONE, |ui| ringtone_ui(ui, snapshot, settings));
    pressed.then_some(Command::TestSound { ring: true })
}

/// Where calls ring and how loud. True when the person wants to hear it.
fn ringtone_ui(ui: &mut Ui, snapshot: &Snapshot, settings: &mut Settings) -> bool {
    let half = (ui.available_width() - space::XXL) / 2.0;
    let [left, _] = widths(ui, half);
    let mut pressed = false;
    let speaker = &mut settings.ring_speaker;
    let volume = &mut settings.ring_volume;
    halves(
        ui,
        left,
        |ui| {
            choice::device_or(ui, text::RING_DEVICE, text::AS_SPEAKER, &snapshot.devices.speakers, speaker);
            label::text(ui, text::RING_DEVICE_SUB, theme::regular(type_size::CAPTION), theme::palette(ui).text_third);
        },
        |ui| {
            let button = 92.0;
            let room = ui.available_width() - button;
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| {
                    ui.set_width(room);
                    *volume = slider::percent(ui, text::RING_VOLUME, *volume).unwrap_or(*volume);
                });
                ui.vertical(|ui| {
                    ui.add_space(LABEL);
                    pressed = TextButton::new(Look::Secondary, text::TEST_RING).icon(icons::BELL).small().show(ui);
                });
            });
        },
    );
    pressed
}
