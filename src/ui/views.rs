//! The screens. Each is a function of the snapshot that draws itself and returns what the person wants.

pub mod add_person;
pub mod address;
pub mod call;
pub mod contact;
pub mod conversation;
pub mod incoming;
pub mod lobby;
pub mod manage;
pub mod people;
pub mod requests;
pub mod settings;
pub mod shortcuts;
pub mod toasts;
pub mod unlock;
pub mod verify;
pub mod welcome;

use eframe::egui::{Frame, Panel, Ui};

use super::local::{Dialog, Local, Page};
use super::tokens::size;
use super::video::Pictures;
use super::widgets::device_check;
use super::{keys, theme};
use crate::engine::command::Command;
use crate::engine::snapshot::{CallStage, Snapshot, Stage};

/// The whole main window.
pub fn window_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    let wish = match snapshot.stage {
        Stage::Starting => {
            welcome::starting_ui(ui);
            // What goes wrong now is said over the first card.
            local.welcome.second = false;
            None
        }
        Stage::Welcome => welcome::welcome_ui(ui, local),
        Stage::Locked { wrong } => unlock::locked_ui(ui, snapshot, wrong, local),
        Stage::Ready => ready_ui(ui, snapshot, local, pictures),
    };
    let dismissed = toasts::toasts_ui(ui.ctx(), snapshot, local);
    if let Some(wish) = wish.or(dismissed) {
        // One wish a frame: what the devices need is asked for in the next.
        ui.ctx().request_repaint();
        local.device_check.shown = false;
        return Some(wish);
    }
    device_check::follow(snapshot, local)
}

fn ready_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    keys::help_key(ui.ctx(), local);
    let mut pressed = None;
    if let Some(call) = &snapshot.call {
        call::begin(ui, snapshot, call, local);
        let key = keys::call_keys(ui.ctx(), call, snapshot.settings.push_to_talk, local);
        // While they call, the popup asks; the page below stays as it is. Before the next call, so does the lobby.
        let shown = !local.call.dismissed && !local.call.away && local.lobby.is_none();
        if call.stage != CallStage::Incoming && shown {
            let wish = call::call_ui(ui, snapshot, call, local, pictures);
            // The safety number can be compared, and a link looked at, from within a call.
            let dialog = match local.dialog {
                Some(Dialog::Verify { .. } | Dialog::OpenLink { .. } | Dialog::Shortcuts) => {
                    dialog_ui(ui, snapshot, local, pictures)
                }
                _ => None,
            };
            let wish = lobby::before_call(key.or(wish).or(dialog), snapshot, local);
            if local.lobby.is_some() {
                ui.ctx().request_repaint();
            }
            return wish;
        }
        pressed = key;
    }
    let whole = ui.max_rect();
    let asked = address::question_ui(ui, snapshot);
    let wish = match local.page {
        Page::People => people_ui(ui, snapshot, local, pictures),
        Page::Settings => {
            let wish = settings::settings_ui(ui, snapshot, local, pictures);
            wish.or(dialog_ui(ui, snapshot, local, pictures))
        }
    };
    let small = snapshot.call.as_ref().filter(|_| local.call.away && !local.call.dismissed);
    let small = small.and_then(|call| call::small_ui(ui, whole, snapshot, call, local, pictures));
    let wish = lobby::before_call(pressed.or(asked).or(small).or(wish), snapshot, local);
    wish.or(lobby::lobby_ui(ui, snapshot, local, pictures))
}

fn people_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    let p = theme::palette(ui);
    let list = Panel::left("people")
        .exact_size((ui.available_width() * 0.4).clamp(size::SIDEBAR_MIN, size::SIDEBAR))
        .resizable(false)
        .show_separator_line(false)
        .frame(Frame::NONE.fill(p.sidebar))
        .show(ui, |ui| people::list_ui(ui, snapshot, local))
        .inner;
    let contact = contact::contact_ui(ui, snapshot, local);
    let dialog = dialog_ui(ui, snapshot, local, pictures);
    dialog.or(list).or(contact)
}

fn dialog_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    match local.dialog.take()? {
        Dialog::AddPerson => add_person::add_person_ui(ui, snapshot, local),
        Dialog::Rename { key, name } => manage::rename_ui(ui, snapshot, key, name, local),
        Dialog::Block { key } => manage::block_ui(ui, snapshot, key, local),
        Dialog::Unblock { key } => manage::unblock_ui(ui, snapshot, key, local),
        Dialog::Remove { key } => manage::remove_ui(ui, snapshot, key, local),
        Dialog::DeleteConversation { key } => manage::delete_conversation_ui(ui, snapshot, key, local),
        Dialog::OpenLink { url } => conversation::open_link_ui(ui, url, local),
        Dialog::Verify { key } => verify::verify_ui(ui, snapshot, key, local, pictures),
        Dialog::Permissions { key } => manage::permissions_ui(ui, snapshot, key, local),
        Dialog::Shortcuts => {
            shortcuts::shortcuts_ui(ui, local);
            None
        }
        Dialog::Wipe => manage::wipe_ui(ui, local),
    }
}
