//! The top of a call: name and lock, the words, quality and duration, full screen.

use eframe::egui::{Align2, Color32, CornerRadius, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, accesskit::Role, pos2, vec2};

use super::words;
use crate::engine::command::Command;
use crate::engine::snapshot::{CallStage, CallView};
use crate::ui::local::{Local, Page};
use crate::ui::tokens::{DARK, size, stage, type_size};
use crate::ui::widgets::{avatar::Avatar, button, label};
use crate::ui::{icons, text, theme};

const MARGIN: f32 = 24.0;
const HEIGHT: f32 = 40.0;

/// The whole top bar.
pub fn top_ui(ui: &mut Ui, rect: Rect, call: &CallView, local: &mut Local, opacity: f32) -> Option<Command> {
    let middle = rect.top() + 40.0;
    let narrow = rect.width() < size::WIDE_STAGE;
    let right = if narrow { rect.right() - 190.0 } else { rect.center().x - 158.0 };
    let leave = Rect::from_center_size(pos2(rect.left() + MARGIN + HEIGHT / 2.0, middle), vec2(HEIGHT, HEIGHT));
    if button::control(ui, leave, icons::ARROW_LEFT, text::LEAVE_CALL_VIEW, false, opacity) {
        (local.call.away, local.selected, local.page) = (true, Some(call.peer), Page::People);
        local.full_screen = false;
    }
    // Before the path stands, the name is in the middle of the stage.
    if call.words.is_some() {
        let left = leave.right() + 12.0;
        name_ui(ui, pos2(left, middle), right - left - MARGIN, call, opacity);
    }
    let screen = Rect::from_center_size(pos2(rect.right() - MARGIN - HEIGHT / 2.0, middle), vec2(HEIGHT, HEIGHT));
    let (icon, name) =
        if local.full_screen { (icons::ARROWS_IN, text::LEAVE_FULL_SCREEN) } else { (icons::ARROWS_OUT, text::FULL_SCREEN) };
    if button::control(ui, screen, icon, name, false, opacity) {
        local.full_screen = !local.full_screen;
    }
    clock_ui(ui, pos2(screen.left() - 8.0, middle), call, local, opacity);
    let words = pos2(rect.center().x, if narrow { middle + HEIGHT + 12.0 } else { middle });
    words::words_ui(ui, words, call, local, opacity)
}

/// A dark ground with round ends.
pub fn pill(ui: &Ui, rect: Rect, opacity: f32) {
    let corner = CornerRadius::same((rect.height() / 2.0).min(24.0) as u8);
    let edge = Stroke::new(1.0, stage::PILL_BORDER.gamma_multiply(opacity));
    ui.painter().rect(rect, corner, stage::PILL.gamma_multiply(opacity), edge, StrokeKind::Inside);
}

fn name_ui(ui: &Ui, left: eframe::egui::Pos2, room: f32, call: &CallView, opacity: f32) {
    if opacity > 0.0 {
        let avatar = Avatar { name: &call.name, key: &call.peer, echo: call.echo };
        let mut painter = ui.painter().clone();
        painter.multiply_opacity(opacity);
        avatar.paint(&painter, left + vec2(HEIGHT / 2.0, 0.0), size::AVATAR_M);
    }
    let text_left = left + vec2(52.0, 0.0);
    let font = theme::semibold(type_size::HEADING);
    let ink = stage::TEXT.gamma_multiply(opacity);
    let name = label::heading(ui, text_left - vec2(0.0, 9.0), Align2::LEFT_CENTER, &call.name, font, ink, room - 52.0);
    if call.verified {
        let ink = DARK.accent_text.gamma_multiply(opacity);
        icons::paint(ui.painter(), name.right_center() + vec2(15.0, 0.0), icons::SEAL_CHECK, 17.0, icons::FILL, ink);
    }
    // The lock closes when both sides proved who they are, which is when there are words.
    if call.words.is_some() {
        let at = text_left + vec2(7.0, 11.0);
        icons::paint(ui.painter(), at, icons::LOCK, 15.0, icons::FILL, DARK.success_text.gamma_multiply(opacity));
        let at = text_left + vec2(19.0, 12.0);
        let ink = stage::TEXT_SECOND.gamma_multiply(opacity);
        let font = theme::medium(type_size::CAPTION);
        label::said(ui, at, Align2::LEFT_CENTER, text::ENCRYPTED, font, ink, room - 71.0);
    }
}

/// Quality bars and the time since it connected.
fn clock_ui(ui: &Ui, right: eframe::egui::Pos2, call: &CallView, local: &Local, opacity: f32) {
    let (CallStage::Active { since } | CallStage::Reconnecting { since }) = call.stage else { return };
    let lasted = text::duration(local.now.since(since));
    let ink = stage::TEXT.gamma_multiply(opacity);
    let galley = label::cut(ui.painter(), &lasted, theme::mono(type_size::MONO), ink, 120.0);
    let width = galley.size().x + 60.0;
    let rect = Rect::from_min_max(pos2(right.x - width, right.y - HEIGHT / 2.0), pos2(right.x, right.y + HEIGHT / 2.0));
    pill(ui, rect, opacity);
    quality(ui, rect.left_center() + vec2(14.0, 7.0), call.quality_bars, opacity);
    ui.painter().galley(rect.left_center() + vec2(44.0, -galley.size().y / 2.0), galley, ink);
    let response = ui.interact(rect, ui.scope_id().with("clock"), Sense::hover());
    let spoken = format!("{lasted}, {}", text::quality(call.quality_bars));
    response.widget_info(|| WidgetInfo::labeled(Role::Timer, true, &spoken));
    response.on_hover_text(text::quality(call.quality_bars));
}

/// Four bars from `foot`, the lower left corner of the first.
fn quality(ui: &Ui, foot: eframe::egui::Pos2, bars: u8, opacity: f32) {
    let color: Color32 = match bars {
        0 => stage::BAR_EMPTY,
        1 => DARK.danger_text,
        2 => DARK.warning_text,
        _ => DARK.success_text,
    };
    for bar in 0..4u8 {
        let height = 5.0 + 3.3 * f32::from(bar);
        let at = foot + vec2(5.5 * f32::from(bar), 0.0);
        let rect = Rect::from_min_max(pos2(at.x, at.y - height), pos2(at.x + 4.0, at.y));
        let color = if bar < bars { color } else { stage::BAR_EMPTY };
        ui.painter().rect_filled(rect, 1.0, color.gamma_multiply(opacity));
    }
}
