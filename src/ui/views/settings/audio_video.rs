//! Camera, microphone and speaker, each with a way to try it. Nothing opens before a person wants to see it.

use eframe::egui::{Ui, vec2};

use super::card;
use crate::engine::command::{CallMedia, Command};
use crate::engine::snapshot::Snapshot;
use crate::settings::Settings;
use crate::ui::local::Local;
use crate::ui::tokens::{space, type_size};
use crate::ui::video::Pictures;
use crate::ui::views::lobby;
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::device_check::{Check, meter_ui, picture_ui, troubles_ui};
use crate::ui::widgets::{choice, label, switch};
use crate::ui::{icons, text, theme};

/// A card that is narrower has its halves below each other.
const WIDE: f32 = 560.0;
/// The picture of the camera.
const PICTURE: f32 = 320.0;
/// From the top of a field's label to the field.
pub const LABEL: f32 = 24.0;

/// The whole page.
pub fn audio_video_ui(
    ui: &mut Ui,
    snapshot: &Snapshot,
    local: &mut Local,
    settings: &mut Settings,
    pictures: &Pictures,
) -> Option<Command> {
    let open = local.device_check.in_settings;
    local.device_check.shown |= open;
    let check = if open { Check::of(snapshot) } else { Check::Closed };
    let called = card(ui, text::CAMERA, |ui| camera_ui(ui, snapshot, local, settings, pictures, check));
    card(ui, text::MICROPHONE, |ui| microphone_ui(ui, snapshot, settings, check));
    let tested = card(ui, text::SPEAKER, |ui| speaker_ui(ui, snapshot, settings));
    card(ui, text::BEFORE_A_CALL, |ui| {
        switch::row(ui, text::LOBBY_SETTING, text::LOBBY_SETTING_SUB, &mut settings.lobby);
        switch::row(ui, text::PUSH_TO_TALK, text::PUSH_TO_TALK_SUB, &mut settings.push_to_talk);
    });
    called.or(tested)
}

fn camera_ui(
    ui: &mut Ui,
    snapshot: &Snapshot,
    local: &mut Local,
    settings: &mut Settings,
    pictures: &Pictures,
    check: Check,
) -> Option<Command> {
    let mut wish = None;
    let [left, _] = widths(ui, PICTURE);
    let mirrored = settings.self_view.mirrored;
    halves(
        ui,
        left,
        |ui| picture_ui(ui, check, mirrored, pictures, left.min(ui.available_width())),
        |ui| {
            choice::device(ui, text::CAMERA_DEVICE, &snapshot.devices.cameras, &mut settings.camera);
            missing(ui, snapshot.devices.cameras.is_empty(), text::NO_CAMERA);
            ui.add_space(space::S);
            switch::row(ui, text::MIRROR, text::MIRROR_SUB, &mut settings.self_view.mirrored);
            ui.add_space(space::XS);
            ui.horizontal_wrapped(|ui| {
                let open = local.device_check.in_settings;
                let (name, icon) = if open { (text::STOP_TRYING, icons::X) } else { (text::TRY_DEVICES, icons::EYE) };
                if TextButton::new(Look::Secondary, name).icon(icon).small().show(ui) {
                    local.device_check.in_settings = !open;
                }
                if let Some(echo) = snapshot.contacts.iter().find(|contact| contact.echo)
                    && TextButton::new(Look::Secondary, text::TEST_CALL)
                        .icon(icons::VIDEO_CAMERA)
                        .small()
                        .enabled(lobby::is_free(snapshot))
                        .show(ui)
                {
                    wish = Some(Command::Call { key: echo.key, media: CallMedia::Video });
                }
            });
        },
    );
    troubles_ui(ui, check);
    wish
}

fn microphone_ui(ui: &mut Ui, snapshot: &Snapshot, settings: &mut Settings, check: Check) {
    let half = (ui.available_width() - space::XXL) / 2.0;
    let [left, right] = widths(ui, half);
    halves(
        ui,
        left,
        |ui| {
            choice::device(ui, text::INPUT_DEVICE, &snapshot.devices.microphones, &mut settings.microphone);
            missing(ui, snapshot.devices.microphones.is_empty(), text::NO_MICROPHONE);
        },
        |ui| {
            label::text(ui, text::INPUT_LEVEL, theme::medium(type_size::LABEL), theme::palette(ui).text_second);
            ui.add_space(space::XS);
            meter_ui(ui, check, right.min(ui.available_width()));
        },
    );
    ui.add_space(space::S);
    switch::row(ui, text::NOISE, text::NOISE_SUB, &mut settings.noise_suppression);
    switch::row(ui, text::ECHO_CANCELLATION, text::ECHO_CANCELLATION_SUB, &mut settings.echo_cancellation);
    switch::row(ui, text::GAIN, text::GAIN_SUB, &mut settings.automatic_gain);
}

fn speaker_ui(ui: &mut Ui, snapshot: &Snapshot, settings: &mut Settings) -> Option<Command> {
    let half = (ui.available_width() - space::XXL) / 2.0;
    let [left, _] = widths(ui, half);
    let mut pressed = false;
    halves(
        ui,
        left,
        |ui| {
            choice::device(ui, text::OUTPUT_DEVICE, &snapshot.devices.speakers, &mut settings.speaker);
            missing(ui, snapshot.devices.speakers.is_empty(), text::NO_SPEAKER);
        },
        |ui| {
            if ui.available_width() >= WIDE / 2.0 {
                ui.add_space(LABEL);
            }
            ui.horizontal(|ui| {
                pressed = TextButton::new(Look::Secondary, text::TEST_SPEAKER).icon(icons::WAVEFORM).small().show(ui);
                label::text(ui, text::TEST_SPEAKER_SUB, theme::regular(type_size::CAPTION), theme::palette(ui).text_third);
            });
        },
    );
    pressed.then_some(Command::TestSound { ring: false })
}

/// How wide both halves of a card are, if the left one wants to be `left` wide; the whole card each where that is too narrow.
pub fn widths(ui: &Ui, left: f32) -> [f32; 2] {
    let whole = ui.available_width();
    if whole < WIDE { [whole, whole] } else { [left, whole - left - space::XL] }
}

/// Two halves of a card beside each other, the left one `left` wide, or below each other in a narrow one.
pub fn halves(ui: &mut Ui, left: f32, first: impl FnOnce(&mut Ui), second: impl FnOnce(&mut Ui)) {
    let whole = ui.available_width();
    if whole < WIDE {
        first(ui);
        ui.add_space(space::S);
        second(ui);
        return;
    }
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::XL;
        for (width, content) in
            [(left, Box::new(first) as Box<dyn FnOnce(&mut Ui) + '_>), (whole - left - space::XL, Box::new(second))]
        {
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing = vec2(space::S, space::S);
                content(ui);
            });
        }
    });
}

fn missing(ui: &mut Ui, none: bool, sentence: &str) {
    if none {
        label::text(ui, sentence, theme::regular(type_size::CAPTION), theme::palette(ui).warning_text);
    }
}
