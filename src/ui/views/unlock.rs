//! A sealed profile waits for its passphrase. While it is locked in the middle of a call, the call goes on, and can be ended.

use eframe::egui::{Key, Ui};

use super::welcome::{card_ui, heading};
use crate::engine::command::Command;
use crate::engine::snapshot::{CallStage, CallView, Snapshot};
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{callout, label, strength};
use crate::ui::{icons, text, theme};

/// The card over an otherwise empty window.
pub fn locked_ui(ui: &mut Ui, snapshot: &Snapshot, wrong: bool, local: &mut Local) -> Option<Command> {
    let busy = snapshot.call.as_ref();
    if local.dialog == Some(Dialog::Wipe) {
        local.dialog = None;
        return super::manage::wipe_ui(ui, local);
    }
    let (state, dialog) = (&mut local.locked, &mut local.dialog);
    card_ui(ui, |ui| {
        let p = theme::palette(ui);
        heading(ui, text::LOCKED, text::LOCKED_SUB);
        let in_call = busy.and_then(|call| call_ui(ui, call));
        let response = strength::old(ui, text::PASSPHRASE, &mut state.passphrase);
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let empty = state.passphrase.text.is_empty();
        if ui.memory(|memory| memory.focused().is_none()) && empty {
            response.request_focus();
        }
        if wrong && empty {
            label::text(ui, text::PASSPHRASE_WRONG, theme::regular(type_size::CAPTION), p.danger_text);
        }
        ui.add_space(space::M);
        let unlock = TextButton::new(Look::Primary, text::UNLOCK).width(ui.available_width()).enabled(!empty).show(ui);
        if state.forgotten {
            callout::warning(ui, text::FORGOTTEN_SUB);
            if TextButton::new(Look::Danger, text::WIPE).width(ui.available_width()).show(ui) {
                *dialog = Some(Dialog::Wipe);
            }
        } else if busy.is_none() && TextButton::new(Look::Plain, text::FORGOTTEN).width(ui.available_width()).small().show(ui) {
            state.forgotten = true;
        }
        in_call.or_else(|| (!empty && (unlock || entered)).then(|| Command::Unlock { passphrase: state.passphrase.take() }))
    })
}

/// What may be done with a call without the passphrase: decline it, mute, end it.
fn call_ui(ui: &mut Ui, call: &CallView) -> Option<Command> {
    let p = theme::palette(ui);
    let sentence = match call.stage {
        CallStage::Ended { .. } => return None,
        CallStage::Incoming => text::LOCKED_CALL,
        _ => text::LOCKED_IN_CALL,
    };
    callout::show(ui, icons::PHONE, sentence, p.accent_text, p.accent_soft);
    let wish = ui
        .horizontal(|ui| {
            if call.stage == CallStage::Incoming {
                return TextButton::new(Look::Danger, text::DECLINE)
                    .small()
                    .show(ui)
                    .then_some(Command::Decline { call: call.id });
            }
            let (name, on) = if call.microphone_on { (text::MUTE, false) } else { (text::UNMUTE, true) };
            let mute = TextButton::new(Look::Secondary, name).small().show(ui);
            let end = TextButton::new(Look::Danger, text::HANG_UP).small().show(ui);
            if end { Some(Command::HangUp) } else { mute.then_some(Command::SetMicrophone { on }) }
        })
        .inner;
    ui.add_space(space::S);
    wish
}
