//! Before a call: how we look and sound, with which devices. Nobody is called before the button is pressed.

use eframe::egui::{Align, Key, Layout, Ui, UiBuilder, vec2};

use crate::engine::command::{CallMedia, Command};
use crate::engine::snapshot::{CallStage, PublicKey, Snapshot};
use crate::settings::Settings;
use crate::ui::local::Local;
use crate::ui::tokens::{size, space, type_size};
use crate::ui::video::Pictures;
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::device_check::{Check, device_check_ui};
use crate::ui::widgets::{choice, dialog, label, switch};
use crate::ui::{icons, text, theme};

/// Whom the lobby is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lobby {
    pub key: PublicKey,
    pub media: CallMedia,
}

/// Whether somebody can be called: there is one call at a time.
pub fn is_free(snapshot: &Snapshot) -> bool {
    snapshot.call.as_ref().is_none_or(|call| matches!(call.stage, CallStage::Ended { .. }))
}

/// Lets every wish through but that of a call, which waits in the lobby if the person did not skip that for good. The end of the
/// call before is then put away.
pub fn before_call(wish: Option<Command>, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    match wish {
        Some(Command::Call { key, media }) if snapshot.settings.lobby && is_free(snapshot) => {
            local.lobby = Some(Lobby { key, media });
            local.call.dismissed = true;
            None
        }
        wish => wish,
    }
}

/// The dialog, while there is somebody to call.
pub fn lobby_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    let lobby = local.lobby?;
    let Some(contact) = snapshot.contacts.iter().find(|contact| contact.key == lobby.key && !contact.blocked) else {
        local.lobby = None;
        return None;
    };
    local.device_check.shown = true;
    let mut settings = snapshot.settings.clone();
    let title = text::lobby_title(&contact.petname, lobby.media);
    // What was written in before has no more to do with what is typed now.
    if ui.ctx().text_edit_focused() {
        ui.memory_mut(|memory| memory.focused().into_iter().for_each(|id| memory.surrender_focus(id)));
    }
    let entered = ui.input(|input| input.key_pressed(Key::Enter));
    let nothing_focused = ui.memory(|memory| memory.focused().is_none());
    let (answer, closed) = dialog::show(ui.ctx(), &title, size::DIALOG, |ui| {
        body_ui(ui, snapshot, &mut settings, pictures);
        ui.add_space(space::S);
        foot_ui(ui, lobby)
    });
    let answer = answer.or((entered && nothing_focused).then_some(Answer::Call(lobby.media)));
    match answer {
        Some(Answer::Call(media)) => {
            local.lobby = None;
            // The call itself ends the check, and takes the devices over.
            (local.device_check.shown, local.device_check.told) = (false, false);
            return Some(Command::Call { key: lobby.key, media });
        }
        Some(Answer::Leave) => local.lobby = None,
        None if closed => local.lobby = None,
        None => {}
    }
    if local.lobby.is_none() {
        local.device_check.shown = false;
    }
    (settings != snapshot.settings).then(|| Command::ChangeSettings { settings: Box::new(settings) })
}

enum Answer {
    Call(CallMedia),
    Leave,
}

/// The picture and the meter at the left, the devices at the right.
fn body_ui(ui: &mut Ui, snapshot: &Snapshot, settings: &mut Settings, pictures: &Pictures) {
    let p = theme::palette(ui);
    label::text(ui, text::LOBBY_SUB, theme::regular(type_size::LABEL), p.text_second);
    ui.add_space(space::S);
    let half = (ui.available_width() - space::XL) / 2.0;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::XL;
        ui.vertical(|ui| {
            ui.set_width(half);
            let mirrored = settings.self_view.mirrored;
            device_check_ui(ui, Check::of(snapshot), mirrored, pictures, half);
        });
        ui.vertical(|ui| {
            ui.set_width(half);
            ui.spacing_mut().item_spacing.y = space::XS;
            let devices = &snapshot.devices;
            choice::device(ui, text::CAMERA_DEVICE, &devices.cameras, &mut settings.camera);
            choice::device(ui, text::INPUT_DEVICE, &devices.microphones, &mut settings.microphone);
            choice::device(ui, text::OUTPUT_DEVICE, &devices.speakers, &mut settings.speaker);
        });
    });
    switch::row(ui, text::LOBBY_SETTING, text::LOBBY_SETTING_SUB, &mut settings.lobby);
}

fn foot_ui(ui: &mut Ui, lobby: Lobby) -> Option<Answer> {
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::FIELD), eframe::egui::Sense::hover());
    ui.scope_builder(UiBuilder::new().max_rect(row).layout(Layout::right_to_left(Align::Center)), |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let look = |media| if media == lobby.media { Look::Primary } else { Look::Secondary };
        let video = TextButton::new(look(CallMedia::Video), text::LOBBY_VIDEO).icon(icons::VIDEO_CAMERA).show(ui);
        let voice = TextButton::new(look(CallMedia::Audio), text::LOBBY_VOICE).icon(icons::PHONE).show(ui);
        let leave = TextButton::new(Look::Plain, text::CANCEL).show(ui);
        match (video, voice, leave) {
            (true, ..) => Some(Answer::Call(CallMedia::Video)),
            (_, true, _) => Some(Answer::Call(CallMedia::Audio)),
            (.., true) => Some(Answer::Leave),
            _ => None,
        }
    })
    .inner
}
