//! The card in the middle of an empty window: first start.

use std::path::PathBuf;

use eframe::egui::{Align2, Area, CornerRadius, Frame, Id, Key, Margin, ScrollArea, Sense, Stroke, Ui, vec2};

use crate::engine::command::Command;
use crate::ui::local::{Local, Passphrase, ReachKind, Welcome};
use crate::ui::tokens::{AVATARS, mark, radius, size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{choice, field::Field, label, paint, strength};
use crate::ui::{icons, text, theme};

/// The longest name in characters; the store allows 64 bytes.
const NAME_LIMIT: usize = 48;

/// First start: a name and a passphrase, or a backup; on a second card, how others reach this person.
pub fn welcome_ui(ui: &mut Ui, local: &mut Local) -> Option<Command> {
    let state = &mut local.welcome;
    card_ui(ui, |ui| match (state.second, state.restoring) {
        (true, _) => second_ui(ui, state),
        (_, true) => {
            restore_ui(ui, state);
            None
        }
        _ => {
            create_ui(ui, state);
            None
        }
    })
}

fn create_ui(ui: &mut Ui, state: &mut Welcome) {
    heading(ui, text::WELCOME, text::WELCOME_SUB);
    let field = Field::new(text::YOUR_NAME, text::YOUR_NAME_HINT, NAME_LIMIT).icon(icons::USER);
    let name = if state.name.is_empty() { field.show_first(ui, &mut state.name) } else { field.show(ui, &mut state.name) };
    ui.add_space(space::S);
    let passphrase = strength::new(ui, text::PASSPHRASE, &mut state.passphrase, &state.name);
    strength::meaning(ui, &state.passphrase);
    ui.add_space(space::M);
    let enter = ui.input(|input| input.key_pressed(Key::Enter));
    let entered = enter && passphrase.lost_focus();
    if enter && (name.lost_focus() || (entered && state.passphrase.text.is_empty())) {
        passphrase.request_focus();
    }
    let ready = !state.name.trim().is_empty();
    state.second = confirm_ui(ui, &mut state.passphrase, [text::CREATE, text::CREATE_OPEN], ready, entered);
    if TextButton::new(Look::Plain, text::HAVE_BACKUP).small().width(ui.available_width()).show(ui) {
        state.restoring = true;
    }
}

fn restore_ui(ui: &mut Ui, state: &mut Welcome) {
    heading(ui, text::RESTORE_TITLE, text::RESTORE_SUB);
    Field::new(text::BACKUP_FILE, text::BACKUP_FILE_HINT, 4096).icon(icons::LINK).show(ui, &mut state.file);
    ui.add_space(space::S);
    strength::old(ui, text::BACKUP_PASSPHRASE, &mut state.backup);
    ui.add_space(space::S);
    strength::new(ui, text::NEW_PASSPHRASE, &mut state.passphrase, "");
    strength::meaning(ui, &state.passphrase);
    ui.add_space(space::M);
    let ready = !state.file.trim().is_empty() && !state.backup.text.is_empty();
    state.second = confirm_ui(ui, &mut state.passphrase, [text::RESTORE, text::RESTORE_OPEN], ready, false);
    if TextButton::new(Look::Plain, text::NO_BACKUP).small().width(ui.available_width()).show(ui) {
        state.restoring = false;
    }
}

/// How others reach this person; then everything is known.
fn second_ui(ui: &mut Ui, state: &mut Welcome) -> Option<Command> {
    heading(ui, text::REACH, text::REACH_SUB);
    reach_ui(ui, &mut state.reach, &mut state.relay);
    if state.reach == ReachKind::ThisNetwork {
        label::text(ui, text::REACH_NETWORK_FOUND, theme::regular(type_size::CAPTION), theme::palette(ui).text_third);
    }
    ui.add_space(space::M);
    let reach = state.reach.reach(&state.relay);
    let start = TextButton::new(Look::Primary, text::START).width(ui.available_width()).enabled(reach.is_some()).show(ui);
    if TextButton::new(Look::Plain, text::BACK).small().width(ui.available_width()).show(ui) {
        (state.second, state.passphrase.sure_of_none) = (false, false);
    }
    let reach = reach.filter(|_| start)?;
    if state.restoring {
        let file = PathBuf::from(state.file.trim());
        return Some(Command::Restore { file, passphrase: state.backup.take(), new: state.passphrase.take(), reach });
    }
    Some(Command::CreateProfile { name: state.name.trim().to_owned(), reach, passphrase: state.passphrase.take() })
}

/// The button. With an empty passphrase the first click says what that means, and the second, on another name, does it.
fn confirm_ui(ui: &mut Ui, passphrase: &mut Passphrase, [sealed, open]: [&str; 2], ready: bool, entered: bool) -> bool {
    let name = if passphrase.sure_of_none && passphrase.text.is_empty() { open } else { sealed };
    let pressed = TextButton::new(Look::Primary, name).width(ui.available_width()).enabled(ready).show(ui);
    if !(ready && (pressed || entered)) {
        return false;
    }
    let understood = !passphrase.text.is_empty() || passphrase.sure_of_none;
    passphrase.sure_of_none = true;
    understood
}

/// The three ways to be reached, each with its sentence, and the address that the second one needs.
pub fn reach_ui(ui: &mut Ui, kind: &mut ReachKind, relay: &mut String) {
    for (card, name, sentence) in [
        (ReachKind::ThisNetwork, text::REACH_NETWORK, text::REACH_NETWORK_SUB),
        (ReachKind::OwnRelay, text::REACH_RELAY, text::REACH_RELAY_SUB),
        (ReachKind::PublicRelays, text::REACH_PUBLIC, text::REACH_PUBLIC_SUB),
    ] {
        if choice::card(ui, name, sentence, *kind == card) {
            *kind = card;
        }
    }
    if *kind == ReachKind::OwnRelay {
        Field::new(text::RELAY_ADDRESS, text::RELAY_ADDRESS_HINT, 256).icon(icons::LINK).show(ui, relay);
        if !relay.trim().is_empty() && kind.reach(relay).is_none() {
            label::text(ui, text::RELAY_ADDRESS_WRONG, theme::regular(type_size::CAPTION), theme::palette(ui).danger_text);
        }
    }
}

/// The moment before the profile is open.
pub fn starting_ui(ui: &mut Ui) {
    let p = theme::palette(ui);
    let rect = ui.max_rect();
    paint::vertical_gradient(ui.painter(), rect, p.welcome_glow, p.sidebar);
    logo(ui, eframe::egui::Rect::from_center_size(rect.center() - vec2(0.0, 30.0), vec2(52.0, 52.0)));
    let font = theme::regular(type_size::BODY);
    let at = rect.center() + vec2(0.0, 30.0);
    label::said(ui, at, Align2::CENTER_CENTER, text::STARTING, font, p.text_second, rect.width());
}

pub(super) fn heading(ui: &mut Ui, title: &str, sub: &str) {
    let p = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(52.0, 52.0), Sense::hover());
    logo(ui, rect);
    ui.add_space(space::M);
    label::text(ui, title, theme::semibold(type_size::TITLE), p.text);
    label::text(ui, sub, theme::regular(type_size::BODY), p.text_second);
    ui.add_space(space::M);
}

fn logo(ui: &Ui, rect: eframe::egui::Rect) {
    paint::gradient_square(ui.painter(), rect, f32::from(radius::L), AVATARS[0]);
    icons::paint(ui.painter(), rect.center(), icons::VIDEO_CAMERA, 28.0, icons::FILL, mark::ON_AVATAR);
}

/// A raised card in the middle of the glow; it scrolls where the window is too low for it.
pub(super) fn card_ui<T>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> Option<T>) -> Option<T> {
    let p = theme::palette(ui);
    let rect = ui.max_rect();
    ui.painter().rect_filled(rect, 0.0, p.sidebar);
    let glow = eframe::egui::Rect::from_min_max(rect.min, eframe::egui::pos2(rect.right(), rect.top() + rect.height() * 0.62));
    paint::vertical_gradient(ui.painter(), glow, p.welcome_glow, p.sidebar);
    let frame = Frame::NONE
        .fill(p.raised)
        .stroke(Stroke::new(1.0, p.border))
        .corner_radius(CornerRadius::same(radius::XL))
        .inner_margin(Margin::same(36))
        .shadow(paint::shadow(p));
    let area = Area::new(Id::unique("card")).anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0)).movable(false);
    area.show(ui.ctx(), |ui| {
        frame
            .show(ui, |ui| {
                ui.set_width(size::CARD - 72.0);
                let room = rect.height() - 72.0 - space::XXL;
                let scroll = ScrollArea::vertical().max_height(room).min_scrolled_height(room).auto_shrink([false, true]);
                scroll.show(ui, content).inner
            })
            .inner
    })
    .inner
}
