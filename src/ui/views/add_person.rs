//! Adding a person: use their invitation, or make one for them.

use std::time::Duration;

use eframe::egui::{CornerRadius, Frame, Key, Label, Margin, RichText, ScrollArea, Ui, vec2};

use crate::engine::command::Command;
use crate::engine::snapshot::{InvitationView, Snapshot};
use crate::ui::local::{Add, Dialog, Local};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{choice, dialog, field::Field, label, qr};
use crate::ui::{icons, text, theme};

/// For how long the button says that the text was copied.
const SAYS_COPIED: Duration = Duration::from_secs(2);

/// The dialog with its two sides.
pub fn add_person_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let mut done = false;
    let (wish, closed) = dialog::show(ui.ctx(), text::ADD_TITLE, size::DIALOG, |ui| {
        let sides = [text::THEIRS, text::MINE];
        if let Some(side) = choice::segments(ui, sides, usize::from(local.add.inviting)) {
            local.add.inviting = side == 1;
        }
        ui.add_space(space::S);
        if local.add.inviting {
            invite_ui(ui, snapshot, local)
        } else {
            let wish = use_ui(ui, &mut local.add);
            done = wish.is_some();
            wish
        }
    });
    if !closed && !done {
        local.dialog = Some(Dialog::AddPerson);
    }
    wish
}

/// Somebody gave us an invitation.
fn use_ui(ui: &mut Ui, add: &mut Add) -> Option<Command> {
    let p = theme::palette(ui);
    label::text(ui, text::THEIRS_SUB, theme::regular(type_size::BODY), p.text_second);
    ui.add_space(space::S);
    let field = Field::new(text::INVITATION, text::INVITATION_HINT, 4096).icon(icons::LINK);
    // One that came by a link takes no key that was meant for something else.
    let invitation =
        if add.invitation.is_empty() { field.show_first(ui, &mut add.invitation) } else { field.show(ui, &mut add.invitation) };
    let written = add.invitation.trim();
    let plausible = written.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("vesper:"));
    if !written.is_empty() && !plausible {
        label::text(ui, text::INVITATION_WRONG, theme::regular(type_size::CAPTION), p.danger_text);
    }
    ui.add_space(space::XS);
    let petname = Field::new(text::PETNAME, text::PETNAME_HINT, 48).icon(icons::USER).show(ui, &mut add.petname);
    ui.add_space(space::L);
    let enter = ui.input(|input| input.key_pressed(Key::Enter));
    let entered = plausible && enter && [&invitation, &petname].iter().any(|field| field.lost_focus());
    let pressed =
        entered | TextButton::new(Look::Primary, text::SEND_REQUEST).enabled(plausible).width(ui.available_width()).show(ui);
    pressed.then(|| {
        let petname = std::mem::take(&mut add.petname).trim().to_owned();
        let invitation = std::mem::take(&mut add.invitation).trim().to_owned();
        Command::AddContact { invitation, petname: (!petname.is_empty()).then_some(petname) }
    })
}

/// We invite somebody.
fn invite_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    label::text(ui, text::MINE_SUB, theme::regular(type_size::BODY), p.text_second);
    ui.add_space(space::S);
    if let Some(invitation) = &snapshot.invitation {
        return invitation_ui(ui, invitation, local);
    }
    label::text(ui, text::HOLDS_FOR, theme::medium(type_size::LABEL), p.text);
    // One day is the choice of who does not choose.
    let chosen = local.add.holds.unwrap_or(1);
    if let Some(clicked) = choice::segments(ui, text::HOLDS.map(|(name, _)| name), chosen) {
        local.add.holds = Some(clicked);
    }
    ui.add_space(space::L);
    let pressed = TextButton::new(Look::Primary, text::MAKE_INVITATION).width(ui.available_width()).show(ui);
    pressed.then(|| Command::Invite { hours: text::HOLDS[chosen].1 })
}

/// The invitation as a code and as a text to copy.
fn invitation_ui(ui: &mut Ui, invitation: &InvitationView, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let mut wish = None;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::XL;
        qr::code(ui, &invitation.text, size::QR, text::QR_NAME);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing = vec2(space::S, space::M);
            let frame = Frame::NONE.fill(p.surface).corner_radius(CornerRadius::same(radius::M)).inner_margin(Margin::same(12));
            frame.show(ui, |ui| {
                ui.set_width(ui.available_width());
                ScrollArea::vertical().max_height(size::QR - 24.0 - 84.0).show(ui, |ui| {
                    let shown = RichText::new(&invitation.text).font(theme::mono(type_size::CAPTION)).color(p.text);
                    ui.add(Label::new(shown).wrap().selectable(true));
                });
            });
            let now = local.now.unix_us() / 1_000_000;
            let holds =
                if invitation.used { text::INVITATION_USED.to_owned() } else { text::invitation_holds(invitation.expires, now) };
            label::text(ui, holds, theme::regular(type_size::CAPTION), p.text_second);
            ui.horizontal(|ui| {
                let copied = local.add.copied.is_some_and(|at| local.now.since(at) < SAYS_COPIED);
                let (name, icon) = if copied { (text::COPIED, icons::CHECK) } else { (text::COPY, icons::COPY) };
                // Whoever got a used one would be turned away.
                if !invitation.used && TextButton::new(Look::Secondary, name).icon(icon).small().show(ui) {
                    local.copy = Some(invitation.text.clone());
                    local.add.copied = Some(local.now);
                    ui.ctx().request_repaint_after(SAYS_COPIED);
                }
                if TextButton::new(Look::Plain, text::WITHDRAW).small().show(ui) {
                    wish = Some(Command::WithdrawInvitation);
                }
            });
        });
    });
    wish
}
