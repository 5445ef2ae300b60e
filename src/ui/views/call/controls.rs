//! The bar of the controls, and what stands there when the call is over.

use eframe::egui::{Align2, CornerRadius, Popup, PopupCloseBehavior, Rect, Stroke, StrokeKind, Ui, UiBuilder, pos2, vec2};

use super::self_view;
use crate::engine::command::{CallMedia, Command};
use crate::engine::snapshot::{CallStage, CallView, Snapshot};
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{DARK, size, space, stage, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{button, choice, label};
use crate::ui::{icons, text, theme};

/// Microphone, camera, messages (but for Echo, who reads none), more, hang up.
pub fn bar_ui(
    ui: &mut Ui,
    rect: Rect,
    snapshot: &Snapshot,
    call: &CallView,
    unread: usize,
    local: &mut Local,
    opacity: f32,
) -> Option<Command> {
    let [hang_up_width, height] = size::HANG_UP;
    let round = if call.echo { 3.0 } else { 4.0 };
    let width = 15.0 + round * (size::CONTROL + space::M) + hang_up_width + 15.0;
    let bar = Rect::from_center_size(pos2(rect.center().x, rect.bottom() - 66.0), vec2(width, 80.0));
    let edge = Stroke::new(1.0, stage::PILL_BORDER.gamma_multiply(opacity));
    ui.painter().rect(bar, CornerRadius::same(40), stage::PILL.gamma_multiply(opacity), edge, StrokeKind::Inside);
    let place = |index: f32, size: eframe::egui::Vec2| {
        Rect::from_min_size(pos2(bar.left() + 15.0 + index * (size::CONTROL + space::M), bar.center().y - size.y / 2.0), size)
    };
    let square = vec2(size::CONTROL, size::CONTROL);
    let (icon, name) = if call.microphone_on { (icons::MICROPHONE, text::MUTE) } else { (icons::MICROPHONE_SLASH, text::UNMUTE) };
    let microphone_at = place(0.0, square);
    let microphone = button::control(ui, microphone_at, icon, name, !call.microphone_on, opacity);
    level_ui(ui, microphone_at, call, opacity);
    let (icon, name) =
        if call.camera_on { (icons::VIDEO_CAMERA, text::CAMERA_OFF) } else { (icons::VIDEO_CAMERA_SLASH, text::CAMERA_ON) };
    let camera = button::control(ui, place(1.0, square), icon, name, !call.camera_on, opacity);
    let hang_up = button::hang_up(ui, place(round, vec2(hang_up_width, height)), text::HANG_UP, opacity);
    if !call.echo {
        messages_ui(ui, place(2.0, square), unread, local, opacity);
    }
    let more = menu_ui(ui, place(round - 1.0, square), snapshot, local, opacity);
    match (hang_up, microphone, camera) {
        (true, ..) => Some(Command::HangUp),
        (_, true, _) => Some(Command::SetMicrophone { on: !call.microphone_on }),
        (.., true) => Some(Command::SetCamera { on: !call.camera_on }),
        _ => more,
    }
}

/// What is seldom needed, and what else only a pointer could do.
fn menu_ui(ui: &Ui, place: Rect, snapshot: &Snapshot, local: &mut Local, opacity: f32) -> Option<Command> {
    let opener = button::control_menu(ui, place, text::CALL_MORE, opacity);
    let before = local.call.self_view;
    Popup::menu(&opener).close_behavior(PopupCloseBehavior::CloseOnClick).show(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        local.call.last_move = ui.input(|input| input.time);
        let view = &mut local.call.self_view;
        let (icon, name) =
            if view.hidden { (icons::EYE, text::SHOW_SELF_VIEW) } else { (icons::EYE_SLASH, text::HIDE_SELF_VIEW) };
        if choice::menu_item(ui, icon, name, false) {
            view.hidden = !view.hidden;
        }
        if !view.hidden {
            let name = if view.mirrored { text::UNMIRROR_SELF_VIEW } else { text::MIRROR_SELF_VIEW };
            if choice::menu_item(ui, icons::USER, name, false) {
                view.mirrored = !view.mirrored;
            }
            if choice::menu_item(ui, icons::ARROW_LEFT, text::MOVE_SELF_VIEW, false) {
                view.corner = view.corner.next();
            }
            if choice::menu_item(ui, icons::ARROWS_OUT, text::LARGER_SELF_VIEW, false) {
                *view = view.resized(f32::from(view.width) * 1.25);
            }
            if choice::menu_item(ui, icons::ARROWS_IN, text::SMALLER_SELF_VIEW, false) {
                *view = view.resized(f32::from(view.width) * 0.8);
            }
        }
        if choice::menu_item(ui, icons::INFO, text::STATISTICS, false) {
            local.call.statistics = !local.call.statistics;
        }
        if choice::menu_item(ui, icons::KEY, text::SHORTCUTS, false) {
            local.dialog = Some(Dialog::Shortcuts);
        }
    });
    (local.call.self_view != before).then(|| self_view::remember(snapshot, local.call.self_view))
}

/// Opens and closes the conversation beside the call; a dot says that something new stands there.
fn messages_ui(ui: &mut Ui, place: Rect, unread: usize, local: &mut Local, opacity: f32) {
    let open = local.talk.beside_call;
    let name =
        if open { text::HIDE_MESSAGES.to_owned() } else { text::SHOW_MESSAGES.to_owned() + &text::unread_messages(unread) };
    if button::control(ui, place, icons::CHAT_CIRCLE_DOTS, &name, open, opacity) {
        local.talk.beside_call = !open;
        local.talk.begin_writing = !open;
    }
    if unread > 0 && !open {
        let at = place.center() + vec2(18.0, -18.0);
        ui.painter().circle_filled(at, 9.0, DARK.accent);
        let font = theme::semibold(type_size::OVERLINE);
        label::line(ui.painter(), at, Align2::CENTER_CENTER, &unread.min(99).to_string(), font, DARK.on_accent, 18.0);
    }
}

/// The loudness of the own microphone as an arc around its button: a silent one is seen before somebody has to say so.
fn level_ui(ui: &Ui, button: Rect, call: &CallView, opacity: f32) {
    let Some(level) = call.microphone_level.filter(|_| call.microphone_on) else { return };
    let (center, radius) = (button.center(), button.width() / 2.0 + 2.5);
    let turn = level.clamp(0.0, 1.0) * std::f32::consts::TAU;
    let steps = (turn * 12.0) as usize;
    if steps < 2 {
        return;
    }
    let points = (0..=steps).map(|step| {
        let angle = -std::f32::consts::FRAC_PI_2 + turn * step as f32 / steps as f32;
        center + vec2(angle.cos(), angle.sin()) * radius
    });
    ui.painter().line(points.collect(), Stroke::new(2.5, DARK.success_text.gamma_multiply(opacity)));
}

/// The call is over: how long it lasted, and a way out before it goes by itself.
pub fn ended_ui(ui: &mut Ui, rect: Rect, call: &CallView, local: &mut Local) -> Option<Command> {
    let CallStage::Ended { lasted, .. } = &call.stage else { return None };
    if let Some(lasted) = lasted {
        let at = pos2(rect.center().x, rect.center().y + 100.0);
        let font = theme::mono(type_size::MONO);
        label::said(ui, at, Align2::CENTER_CENTER, &text::duration(*lasted), font, stage::TEXT_SECOND, 120.0);
    }
    // What we sent, not what was asked of us: whoever answered without a camera is not seen the next time either.
    let media = if call.camera_on { CallMedia::Video } else { CallMedia::Audio };
    let place = Rect::from_center_size(pos2(rect.center().x, rect.center().y + 152.0), vec2(312.0, size::FIELD));
    let (again, closed) = ui
        .scope_builder(UiBuilder::new().max_rect(place), |ui| {
            ui.style_mut().visuals.dark_mode = true;
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::M;
                let icon = if media == CallMedia::Video { icons::VIDEO_CAMERA } else { icons::PHONE };
                let again = TextButton::new(Look::Primary, text::CALL_AGAIN).icon(icon).width(150.0).show(ui);
                (again, TextButton::new(Look::Secondary, text::CLOSE).width(150.0).show(ui))
            })
            .inner
        })
        .inner;
    if closed || ui.input(|input| input.key_pressed(eframe::egui::Key::Escape)) {
        local.call.dismissed = true;
    }
    local.full_screen = false;
    again.then_some(Command::Call { key: call.peer, media })
}
