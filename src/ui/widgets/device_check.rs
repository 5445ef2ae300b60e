//! What camera and microphone give, for the person alone: before a call and in the settings.

use eframe::egui::{Align2, CornerRadius, Rect, Sense, Ui, Vec2, WidgetInfo, accesskit::Role, vec2};

use super::{callout, label};
use crate::engine::command::Command;
use crate::engine::snapshot::{DeviceCheckView, Snapshot};
use crate::ui::local::Local;
use crate::ui::tokens::{radius, size, space, stage, type_size};
use crate::ui::video::Pictures;
use crate::ui::{icons, text, theme};

/// The meter: how wide a step is with the gap behind it, and how wide and high without.
const STEP: f32 = 13.4;
const BLOCK: Vec2 = vec2(10.0, 12.0);
/// From here on of all, a voice is loud; from here on it is cut off.
const LOUD: f32 = 0.78;
const TOO_LOUD: f32 = 0.93;

/// What is known of the devices.
#[derive(Clone, Copy)]
pub enum Check<'a> {
    /// They are closed, and nobody asked for them.
    Closed,
    /// They open; nothing is known yet.
    Opening,
    Open(&'a DeviceCheckView),
}

impl<'a> Check<'a> {
    /// Of devices that somebody wants to look at.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        snapshot.device_check.as_ref().map_or(Self::Opening, Self::Open)
    }

    fn view(self) -> Option<&'a DeviceCheckView> {
        match self {
            Self::Open(view) => Some(view),
            _ => None,
        }
    }
}

/// The picture and the meter below it, `width` wide.
pub fn device_check_ui(ui: &mut Ui, check: Check, mirrored: bool, pictures: &Pictures, width: f32) {
    picture_ui(ui, check, mirrored, pictures, width);
    ui.add_space(space::XS);
    meter_ui(ui, check, width);
    troubles_ui(ui, check);
}

/// What is wrong with the devices, in words.
pub fn troubles_ui(ui: &mut Ui, check: Check) {
    let troubles = check.view().into_iter().flat_map(|check| [&check.camera_trouble, &check.microphone_trouble]).flatten();
    for trouble in troubles {
        callout::warning(ui, trouble);
    }
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

/// What the camera sees, or why it shows nothing, in 16:9.
pub fn picture_ui(ui: &mut Ui, check: Check, mirrored: bool, pictures: &Pictures, width: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(width, width * 9.0 / 16.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, text::YOUR_PICTURE));
    ui.painter().rect_filled(rect, CornerRadius::same(radius::L), stage::SELF_VIEW);
    let closed = matches!(check, Check::Closed);
    if !closed && pictures.preview.fill(ui.painter(), rect, radius::L, mirrored) {
        if let Some([width, height]) = pictures.preview.size() {
            let words = text::picture_size(width, height);
            tag(ui, rect, &words);
            label::describe(&response, &words);
        }
        return;
    }
    let failed = check.view().is_some_and(|check| check.camera_trouble.is_some());
    let (icon, sentence) = match (closed, failed) {
        (true, _) => (icons::VIDEO_CAMERA_SLASH, text::CAMERA_CLOSED),
        (_, true) => (icons::VIDEO_CAMERA_SLASH, ""),
        _ => (icons::VIDEO_CAMERA, text::CAMERA_OPENS),
    };
    icons::paint(ui.painter(), rect.center() - vec2(0.0, 12.0), icon, size::ICON_ANSWER, icons::FILL, stage::TEXT_SECOND);
    let (at, font) = (rect.center() + vec2(0.0, 20.0), theme::regular(type_size::CAPTION));
    label::line(ui.painter(), at, Align2::CENTER_CENTER, sentence, font, stage::TEXT_SECOND, rect.width() - space::L);
    label::describe(&response, sentence);
}

/// A few words at the lower left of a picture.
fn tag(ui: &Ui, picture: Rect, words: &str) {
    let galley = label::cut(ui.painter(), words, theme::medium(type_size::CAPTION), stage::TEXT, picture.width() - 40.0);
    let size = galley.size() + vec2(20.0, 8.0);
    let place = Rect::from_min_size(picture.left_bottom() + vec2(10.0, -10.0 - size.y), size);
    ui.painter().rect_filled(place, CornerRadius::same(12), stage::PILL);
    ui.painter().galley(place.min + vec2(10.0, 4.0), galley, stage::TEXT);
}

/// How loud the microphone is, and what to do to see it.
pub fn meter_ui(ui: &mut Ui, check: Check, width: f32) {
    let p = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 40.0), Sense::hover());
    let level = check.view().and_then(|check| check.level);
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, text::LEVEL);
        info.value = Some(f64::from((level.unwrap_or(0.0) * 100.0).round()));
        info
    });
    let blocks = (((rect.width() - BLOCK.x) / STEP).floor() + 1.0).max(1.0);
    for block in 0..blocks as usize {
        let part = block as f32 / blocks;
        let color = match level {
            Some(level) if part < level && part < LOUD => p.online,
            Some(level) if part < level && part < TOO_LOUD => p.loud,
            Some(level) if part < level => p.danger,
            _ => p.border,
        };
        let at = rect.left_top() + vec2(block as f32 * STEP, 4.0);
        ui.painter().rect_filled(Rect::from_min_size(at, BLOCK), CornerRadius::same(3), color);
    }
    let failed = check.view().is_some_and(|check| check.microphone_trouble.is_some());
    let sentence = match check {
        Check::Closed => text::METER_CLOSED,
        _ if failed => return,
        _ if level.is_some() => text::SPEAK,
        _ => text::MICROPHONE_OPENS,
    };
    let (at, font) = (rect.left_top() + vec2(0.0, 31.0), theme::regular(type_size::CAPTION));
    label::line(ui.painter(), at, Align2::LEFT_CENTER, sentence, font, p.text_third, width);
    label::describe(&response, sentence);
}
