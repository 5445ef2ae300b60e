//! What camera and microphone give, for the person alone: before a call and in the settings.

use eframe::egui::{Align2, CornerRadius, Rect, Sense, Ui, Vec2, WidgetInfo, accesskit::Role, vec2};

use super::button::{Look, TextButton};
use super::{label, strength, switch};
use crate::engine::command::Command;
use crate::engine::snapshot::{DeviceCheckView, Snapshot};
use crate::settings::Settings;
use crate::ui::local::Local;
use crate::ui::tokens::{radius, size, space, stage, type_size};
use crate::ui::video::Pictures;
use crate::ui::{icons, text, theme};

/// Below this the microphone hears nothing worth a bar.
const QUIET: f32 = 0.05;

/// The picture and the meter below it, `width` wide.
pub fn device_check_ui(ui: &mut Ui, check: Option<&DeviceCheckView>, mirrored: bool, pictures: &Pictures, width: f32) {
    let size = vec2(width, width * 9.0 / 16.0);
    picture_ui(ui, check, mirrored, pictures, size);
    ui.add_space(space::XS);
    meter_ui(ui, check, width);
    let troubles = check.into_iter().flat_map(|check| [&check.camera_trouble, &check.microphone_trouble]).flatten();
    for trouble in troubles {
        strength::warning(ui, trouble);
    }
}

/// The same in the settings, where it opens on a click, with what a call begins with.
pub fn in_settings_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, settings: &mut Settings, pictures: &Pictures) {
    let open = local.device_check.in_settings;
    if open {
        local.device_check.shown = true;
        let width = ui.available_width().min(420.0);
        device_check_ui(ui, snapshot.device_check.as_ref(), settings.self_view.mirrored, pictures, width);
    }
    let (name, icon) = if open { (text::STOP_TRYING, icons::X) } else { (text::TRY_DEVICES, icons::VIDEO_CAMERA) };
    if TextButton::new(Look::Secondary, name).icon(icon).small().show(ui) {
        local.device_check.in_settings = !open;
    }
    switch::row(ui, text::LOBBY_SETTING, text::LOBBY_SETTING_SUB, &mut settings.lobby);
    switch::row(ui, text::PUSH_TO_TALK, text::PUSH_TO_TALK_SUB, &mut settings.push_to_talk);
}

/// Opens the devices while something shows them, and closes them when nothing does: the command that is due for that.
pub fn follow(snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let wanted = std::mem::take(&mut local.device_check.shown);
    if wanted == local.device_check.told {
        return None;
    }
    // A check that the engine has ended by itself needs no word.
    local.device_check.told = wanted;
    (wanted || snapshot.device_check.is_some()).then_some(Command::CheckDevices { on: wanted })
}

fn picture_ui(ui: &mut Ui, check: Option<&DeviceCheckView>, mirrored: bool, pictures: &Pictures, size: Vec2) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, text::YOUR_PICTURE));
    ui.painter().rect_filled(rect, CornerRadius::same(radius::L), stage::SELF_VIEW);
    if pictures.preview.fill(ui.painter(), rect, radius::L, mirrored) {
        return;
    }
    let failed = check.is_some_and(|check| check.camera_trouble.is_some());
    let (icon, sentence) = if failed { (icons::VIDEO_CAMERA_SLASH, "") } else { (icons::VIDEO_CAMERA, text::CAMERA_OPENS) };
    icons::paint(ui.painter(), rect.center() - vec2(0.0, 12.0), icon, size::ICON_ANSWER, icons::FILL, stage::TEXT_SECOND);
    let (at, font) = (rect.center() + vec2(0.0, 20.0), theme::regular(type_size::CAPTION));
    label::line(ui.painter(), at, Align2::CENTER_CENTER, sentence, font, stage::TEXT_SECOND, rect.width() - space::L);
}

fn meter_ui(ui: &mut Ui, check: Option<&DeviceCheckView>, width: f32) {
    let p = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 36.0), Sense::hover());
    let level = check.and_then(|check| check.level);
    let percent = (level.unwrap_or(0.0) * 100.0).round();
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, text::LEVEL);
        info.value = Some(f64::from(percent));
        info
    });
    let center = rect.left_top() + vec2(10.0, 10.0);
    icons::paint(ui.painter(), center, icons::MICROPHONE, size::ICON_S, icons::FILL, p.text_second);
    let track = Rect::from_min_max(rect.left_top() + vec2(26.0, 6.0), rect.right_top() + vec2(0.0, 14.0));
    ui.painter().rect_filled(track, CornerRadius::same(4), p.border);
    if let Some(level) = level.filter(|level| *level > QUIET) {
        let bar = Rect::from_min_size(track.min, vec2(track.width() * level, track.height()));
        ui.painter().rect_filled(bar, CornerRadius::same(4), p.success);
    }
    let sentence = if level.is_some() { text::SPEAK } else { text::MICROPHONE_OPENS };
    let failed = check.is_some_and(|check| check.microphone_trouble.is_some());
    if !failed {
        let (at, font) = (rect.left_top() + vec2(26.0, 26.0), theme::regular(type_size::CAPTION));
        label::line(ui.painter(), at, Align2::LEFT_CENTER, sentence, font, p.text_third, width - 26.0);
    }
}
