//! The small dialogs of a contact's menu.

use eframe::egui::{Align, Key, Layout, Ui, vec2};

use crate::engine::command::Command;
use crate::engine::snapshot::{Candidates, ContactView, PublicKey, RelayAnswer, Snapshot};
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{callout, choice, dialog, field::Field, label, switch};
use crate::ui::{icons, text, theme};

const WIDTH: f32 = 420.0;

/// A new petname.
pub fn rename_ui(ui: &mut Ui, snapshot: &Snapshot, key: PublicKey, mut name: String, local: &mut Local) -> Option<Command> {
    let title = text::rename_title(petname(snapshot, key)?);
    let (answer, closed) = dialog::show(ui.ctx(), &title, WIDTH, |ui| {
        label::text(ui, text::RENAME_SUB, theme::regular(type_size::BODY), theme::palette(ui).text_second);
        ui.add_space(space::S);
        let field = Field::new(text::NAME, "", 48).icon(icons::USER).show_first(ui, &mut name);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let ready = !name.trim().is_empty();
        match answers_ui(ui, Look::Primary, text::SAVE, ready) {
            None if entered && ready => Some(true),
            answer => answer,
        }
    });
    match answer {
        Some(true) => Some(Command::Rename { key, petname: name.trim().to_owned() }),
        None if !closed => {
            local.dialog = Some(Dialog::Rename { key, name });
            None
        }
        _ => None,
    }
}

/// Asks before blocking.
pub fn block_ui(ui: &mut Ui, snapshot: &Snapshot, key: PublicKey, local: &mut Local) -> Option<Command> {
    let title = text::block_title(petname(snapshot, key)?);
    let sure = sure_ui(ui, &title, text::BLOCK_SUB, text::BLOCK);
    settle(sure, Command::Block { key }, Dialog::Block { key }, local)
}

/// Asks before unblocking, which removes.
pub fn unblock_ui(ui: &mut Ui, snapshot: &Snapshot, key: PublicKey, local: &mut Local) -> Option<Command> {
    let title = text::unblock_title(petname(snapshot, key)?);
    let sure = sure_ui(ui, &title, text::UNBLOCK_SUB, text::UNBLOCK_SURE);
    settle(sure, Command::Unblock { key }, Dialog::Unblock { key }, local)
}

/// Asks before removing.
pub fn remove_ui(ui: &mut Ui, snapshot: &Snapshot, key: PublicKey, local: &mut Local) -> Option<Command> {
    let title = text::remove_title(petname(snapshot, key)?);
    let sure = sure_ui(ui, &title, text::REMOVE_SUB, text::REMOVE);
    settle(sure, Command::Remove { key }, Dialog::Remove { key }, local)
}

/// Asks before deleting what was written.
pub fn delete_conversation_ui(ui: &mut Ui, snapshot: &Snapshot, key: PublicKey, local: &mut Local) -> Option<Command> {
    let title = text::delete_conversation_title(petname(snapshot, key)?);
    let sure = sure_ui(ui, &title, text::DELETE_CONVERSATION_SUB, text::DELETE);
    settle(sure, Command::DeleteConversation { key }, Dialog::DeleteConversation { key }, local)
}

/// What a contact may do: ring, learn our address, make us use their relay.
pub fn permissions_ui(ui: &mut Ui, snapshot: &Snapshot, key: PublicKey, local: &mut Local) -> Option<Command> {
    let contact = snapshot.contacts.iter().find(|contact| contact.key == key)?;
    let title = text::permissions_title(&contact.petname);
    let (wish, closed) = dialog::show(ui.ctx(), &title, 480.0, |ui| {
        let p = theme::palette(ui);
        let mut wish = None;
        let mut rings = !contact.silent;
        if switch::row(ui, text::MAY_RING, text::MAY_RING_SUB, &mut rings) {
            wish = Some(Command::SetSilent { key, silent: !rings });
        }
        ui.add_space(space::S);
        label::text(ui, text::THEIR_VIEW, theme::medium(type_size::LABEL), p.text);
        for (candidates, name, sentence) in [
            (Candidates::All, text::CANDIDATES_ALL, text::CANDIDATES_ALL_SUB),
            (Candidates::RelayOnly, text::CANDIDATES_RELAY, text::CANDIDATES_RELAY_SUB),
            (Candidates::Ask, text::CANDIDATES_ASK, text::CANDIDATES_ASK_SUB),
        ] {
            if choice::card(ui, name, sentence, contact.candidates == candidates) {
                wish = Some(Command::SetCandidates { key, candidates });
            }
        }
        if let Some((relay, answer)) = &contact.relay {
            ui.add_space(space::S);
            wish = relay_ui(ui, contact, relay, *answer).or(wish);
        }
        wish
    });
    if !closed {
        local.dialog = Some(Dialog::Permissions { key });
    }
    wish
}

/// What is to be known of a relay that a contact is reached through, and what can be said to it.
pub fn relay_ui(ui: &mut Ui, contact: &ContactView, relay: &str, answer: RelayAnswer) -> Option<Command> {
    callout::warning(ui, &text::their_relay(&contact.petname, relay, answer));
    let answers: &[(&str, bool)] = match answer {
        RelayAnswer::Open => &[(text::USE_THEIR_RELAY, true), (text::REFUSE_THEIR_RELAY, false)],
        RelayAnswer::Approved => &[(text::STOP_THEIR_RELAY, false)],
        RelayAnswer::Refused => &[(text::USE_THEIR_RELAY, true)],
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let width = (ui.available_width() - space::S) / 2.0;
        let mut wish = None;
        for (name, approve) in answers {
            if TextButton::new(Look::Secondary, name).small().width(width).show(ui) {
                wish = Some(Command::ApproveRelay { key: contact.key, relay: relay.to_owned(), approve: *approve });
            }
        }
        wish
    })
    .inner
}

/// Asks before everything is removed.
pub fn wipe_ui(ui: &mut Ui, local: &mut Local) -> Option<Command> {
    let sure = sure_ui(ui, text::WIPE_TITLE, text::WIPE_SURE, text::WIPE);
    settle(sure, Command::Wipe, Dialog::Wipe, local)
}

/// The name of a contact that is still there.
fn petname(snapshot: &Snapshot, key: PublicKey) -> Option<&str> {
    snapshot.contacts.iter().find(|contact| contact.key == key).map(|contact| contact.petname.as_str())
}

fn sure_ui(ui: &Ui, title: &str, sentence: &str, verb: &str) -> Option<bool> {
    let (answer, closed) = dialog::show(ui.ctx(), title, WIDTH, |ui| {
        label::text(ui, sentence, theme::regular(type_size::BODY), theme::palette(ui).text_second);
        answers_ui(ui, Look::Danger, verb, true)
    });
    if closed { Some(false) } else { answer }
}

fn settle(sure: Option<bool>, wish: Command, again: Dialog, local: &mut Local) -> Option<Command> {
    if sure.is_none() {
        local.dialog = Some(again);
    }
    sure.unwrap_or_default().then_some(wish)
}

/// The row of answers at the foot of a dialog: yes, no, or none yet.
fn answers_ui(ui: &mut Ui, look: Look, verb: &str, ready: bool) -> Option<bool> {
    ui.add_space(space::L);
    let row = vec2(ui.available_width(), size::FIELD);
    ui.allocate_ui_with_layout(row, Layout::right_to_left(Align::Center), |ui| {
        if TextButton::new(look, verb).enabled(ready).show(ui) {
            return Some(true);
        }
        TextButton::new(Look::Secondary, text::CANCEL).show(ui).then_some(false)
    })
    .inner
}
