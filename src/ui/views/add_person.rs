//! Adding a person: use their invitation, or make one for them.

use std::time::Duration;

use eframe::egui::{
    Align, Align2, CornerRadius, Frame, Key, Label, Layout, Margin, RichText, ScrollArea, Sense, Ui, UiBuilder, vec2,
};

use crate::engine::command::Command;
use crate::engine::snapshot::{InvitationUse, InvitationView, MAX_OPEN_INVITATIONS, Snapshot};
use crate::ui::local::{Add, Dialog, Local};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{choice, dialog, field::Field, label, qr};
use crate::ui::{icons, text, theme};

/// For how long the button says that the text was copied.
const SAYS_COPIED: Duration = Duration::from_secs(2);

/// What the buttons of an invitation in the list take at most, with some air before them.
const ROW_BUTTONS: f32 = 216.0;

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
    if closed {
        local.add.another = false;
    } else if !done {
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
    let newest = snapshot.invitations.first().map(|invitation| invitation.knock_id);
    let before = std::mem::replace(&mut local.add.newest, newest);
    let is_there = |knock_id| snapshot.invitations.iter().any(|invitation| invitation.knock_id == knock_id);
    if before != newest && before.is_none_or(is_there) {
        // What was asked for is there. Until then the form stays, for it may come to nothing; that the newest went says nothing.
        local.add.another = false;
        local.add.whom.clear();
    }
    if newest.is_none() || local.add.another {
        form_ui(ui, newest.is_some(), &mut local.add)
    } else {
        open_ui(ui, snapshot, local)
    }
}

/// What an invitation needs before it is made; with `back`, there are some to go back to.
fn form_ui(ui: &mut Ui, back: bool, add: &mut Add) -> Option<Command> {
    let p = theme::palette(ui);
    let whom = Field::new(text::WHOM, text::WHOM_HINT, 48).icon(icons::USER).show(ui, &mut add.whom);
    ui.add_space(space::XS);
    label::text(ui, text::HOLDS_FOR, theme::medium(type_size::LABEL), p.text);
    // One day is the choice of who does not choose.
    let chosen = add.holds.unwrap_or(1);
    if let Some(clicked) = choice::segments(ui, text::HOLDS.map(|(name, _)| name), chosen) {
        add.holds = Some(clicked);
    }
    ui.add_space(space::L);
    let entered = whom.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let pressed = ui.horizontal(|ui| {
        if back && TextButton::new(Look::Secondary, text::BACK).show(ui) {
            add.another = false;
        }
        TextButton::new(Look::Primary, text::MAKE_INVITATION).width(ui.available_width()).show(ui)
    });
    (entered | pressed.inner).then(|| Command::Invite { hours: text::HOLDS[chosen].1, label: add.whom.trim().to_owned() })
}

/// The newest invitation in full, the others that are open below it, and the way to one more.
fn open_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let (newest, others) = snapshot.invitations.split_first()?;
    let mut wish = invitation_ui(ui, newest, &which(newest, snapshot, local), local);
    if !others.is_empty() {
        ui.add_space(space::S);
        label::text(ui, text::ALSO_OPEN, theme::semibold(type_size::OVERLINE), p.text_third);
    }
    for other in others {
        let name = which(other, snapshot, local);
        let asked = ui.push_id(other.knock_id, |ui| row_ui(ui, other, &name, local)).inner;
        wish = wish.or(asked);
    }
    ui.add_space(space::S);
    if snapshot.invitations.len() >= MAX_OPEN_INVITATIONS {
        label::text(ui, text::ALL_OPEN, theme::regular(type_size::BODY), p.text_second);
    } else {
        let another = TextButton::new(Look::Secondary, text::MAKE_ANOTHER).icon(icons::USER_PLUS);
        local.add.another = another.width(ui.available_width()).show(ui);
    }
    wish
}

/// What tells this invitation from the others, within a sentence.
fn which(invitation: &InvitationView, snapshot: &Snapshot, local: &Local) -> String {
    let zone = &snapshot.conversations.zone;
    let made = || text::made(zone.at(invitation.made * 1000), zone.at(local.now.unix_us() / 1000));
    text::for_whom(&invitation.label).unwrap_or_else(made)
}

/// The invitation as a code and as a text to copy.
fn invitation_ui(ui: &mut Ui, invitation: &InvitationView, which: &str, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let mut wish = None;
    label::text(ui, text::invitation_title(which), theme::medium(type_size::LABEL), p.text);
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
            let state = text::invitation_state(invitation.used, invitation.expires, unix_seconds(local));
            label::text(ui, state, theme::regular(type_size::CAPTION), p.text_second);
            ui.horizontal(|ui| {
                copy_ui(ui, text::COPY, text::COPY, invitation, local);
                if may_withdraw(invitation) && TextButton::new(Look::Plain, text::WITHDRAW).small().show(ui) {
                    wish = Some(Command::WithdrawInvitation { knock_id: invitation.knock_id });
                }
            });
        });
    });
    wish
}

/// An invitation on one line of the list.
fn row_ui(ui: &mut Ui, invitation: &InvitationView, which: &str, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::FIELD), Sense::hover());
    let (middle, room) = (rect.left_center(), rect.width() - ROW_BUTTONS);
    let (title, state) =
        (text::invitation_title(which), text::invitation_state_short(invitation.used, invitation.expires, unix_seconds(local)));
    let (above, below) = (middle - vec2(0.0, 9.0), middle + vec2(0.0, 9.0));
    label::said(ui, above, Align2::LEFT_CENTER, &title, theme::medium(type_size::LABEL), p.text, room);
    label::said(ui, below, Align2::LEFT_CENTER, &state, theme::regular(type_size::CAPTION), p.text_second, room);
    // They take no room of their own: the row has it.
    let mut buttons = ui.new_child(UiBuilder::new().max_rect(rect).layout(Layout::right_to_left(Align::Center)));
    let name = text::withdraw_which(which);
    let withdrawn =
        may_withdraw(invitation) && TextButton::new(Look::Plain, text::WITHDRAW).small().named(&name).show(&mut buttons);
    copy_ui(&mut buttons, text::COPY_ONE, &text::copy_which(which), invitation, local);
    withdrawn.then_some(Command::WithdrawInvitation { knock_id: invitation.knock_id })
}

/// Whom we accepted hears it through the invitation: until then it has to stay.
fn may_withdraw(invitation: &InvitationView) -> bool {
    invitation.used != InvitationUse::Accepted
}

/// The button that copies an invitation, and says for a moment that it has. `name` is for screen readers.
fn copy_ui(ui: &mut Ui, verb: &str, name: &str, invitation: &InvitationView, local: &mut Local) {
    // Whoever got a used one would be turned away.
    if invitation.used != InvitationUse::Unused {
        return;
    }
    let last = local.add.copied.filter(|(which, _)| *which == invitation.knock_id);
    let copied = last.is_some_and(|(_, at)| local.now.since(at) < SAYS_COPIED);
    let button = if copied {
        TextButton::new(Look::Secondary, text::COPIED).icon(icons::CHECK)
    } else {
        TextButton::new(Look::Secondary, verb).icon(icons::COPY).named(name)
    };
    if button.small().show(ui) {
        local.copy = Some(invitation.text.clone());
        local.add.copied = Some((invitation.knock_id, local.now));
        ui.ctx().request_repaint_after(SAYS_COPIED);
    }
}

fn unix_seconds(local: &Local) -> u64 {
    local.now.unix_us() / 1_000_000
}
