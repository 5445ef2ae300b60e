//! One person: who they are, whether they can be reached, and how to call them.

use eframe::egui::{
    Align, Align2, CornerRadius, Layout, Popup, PopupCloseBehavior, Rect, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo,
    accesskit::Role, pos2, vec2,
};

use super::{conversation, lobby, manage, people};
use crate::engine::command::{CallMedia, Command};
use crate::engine::snapshot::{ContactView, RelayAnswer, Snapshot};
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{avatar::Avatar, button, callout, choice, label, paint};
use crate::ui::{icons, text, theme};

/// A pane that is lower has no room for a large picture.
const LOW: f32 = 400.0;
/// What the note at the foot takes.
const NOTE: f32 = 40.0;

/// The pane beside the list.
pub fn contact_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let pane = ui.available_rect_before_wrap();
    ui.painter().rect_filled(pane, 0.0, p.background);
    let contact = people::selected(snapshot, local)?;
    let head = Rect::from_min_size(pane.min, vec2(pane.width(), size::HEADER));
    let body = Rect::from_min_max(pos2(pane.left(), head.bottom()), pane.max);
    let called = ui.scope_builder(UiBuilder::new().max_rect(head), |ui| head_ui(ui, head, snapshot, contact, local)).inner;
    let wish = ui
        .scope_builder(UiBuilder::new().max_rect(body), |ui| {
            if contact.echo {
                body_ui(ui, body, snapshot, contact, local)
            } else if conversation::is_empty(snapshot, contact) {
                let (height, written) = conversation::first_words_ui(ui, body, snapshot, contact, local);
                let above = Rect::from_min_max(body.min, pos2(body.right(), body.bottom() - height));
                written.or(ui
                    .scope_builder(UiBuilder::new().max_rect(above), |ui| body_ui(ui, above, snapshot, contact, local))
                    .inner)
            } else {
                conversation::conversation_ui(ui, body, snapshot, contact, local)
            }
        })
        .inner;
    called.or(wish)
}

fn head_ui(ui: &mut Ui, rect: Rect, snapshot: &Snapshot, contact: &ContactView, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, (1.0, p.border));
    let avatar = Avatar { name: &contact.petname, key: &contact.key, echo: contact.echo };
    let at = rect.left_center() + vec2(44.0, 0.0);
    avatar.paint_with_presence(ui, at, size::AVATAR_M, contact.online, p.background);
    let wide = rect.width() >= size::WIDE_CONVERSATION;
    let tools_width = if contact.echo {
        112.0
    } else if wide {
        250.0
    } else {
        156.0
    };
    let room = rect.width() - 76.0 - tools_width - if contact.verified { 32.0 } else { space::S };
    let name_at = rect.left_top() + vec2(76.0, 22.0);
    let font = theme::semibold(type_size::HEADING);
    let name = label::heading(ui, name_at, Align2::LEFT_CENTER, &contact.petname, font, p.text, room);
    if contact.verified {
        icons::paint(ui.painter(), name.right_center() + vec2(15.0, 0.0), icons::SEAL_CHECK, 18.0, icons::FILL, p.accent_text);
    }
    let status_at = rect.left_top() + vec2(76.0, 44.0);
    let status = status(contact);
    let status_room = rect.width() - 76.0 - tools_width - space::S;
    let font = theme::regular(type_size::CAPTION);
    label::said(ui, status_at, Align2::LEFT_CENTER, &status, font, p.text_second, status_room);

    let tools = Rect::from_min_max(pos2(rect.right() - tools_width, rect.top()), pos2(rect.right() - space::L, rect.bottom()));
    let layout = Layout::right_to_left(Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(tools).layout(layout), |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        // Echo cannot be renamed, blocked or removed, and a menu without entries is none.
        let talk = !contact.echo && snapshot.conversations.threads.get(&contact.key).is_some_and(|thread| !thread.is_empty());
        let mut managed = if contact.echo { None } else { menu_ui(ui, contact, local, !wide, talk) };
        if wide && !contact.echo && !contact.blocked && button::icon(ui, icons::SHIELD_CHECK, text::VERIFY).clicked() {
            managed = Some(verify(contact, local));
        }
        if wide && talk && button::icon(ui, icons::MAGNIFYING_GLASS, text::SEARCH_CONVERSATION).clicked() {
            local.talk.toggle_search();
        }
        let callable = !contact.blocked && lobby::is_free(snapshot);
        let video = button::round(ui, icons::VIDEO_CAMERA, text::VIDEO_CALL, callable);
        let voice = button::round(ui, icons::PHONE, text::VOICE_CALL, callable);
        let media = if video { Some(CallMedia::Video) } else { voice.then_some(CallMedia::Audio) };
        managed.or(media.map(|media| Command::Call { key: contact.key, media }))
    })
    .inner
}

/// The way to the safety number.
fn verify(contact: &ContactView, local: &mut Local) -> Command {
    local.dialog = Some(Dialog::Verify { key: contact.key });
    Command::ShowNumber { key: contact.key }
}

/// The menu; a `full` one has what there is no room for beside it, and the search of a conversation with `talk` in it.
fn menu_ui(ui: &mut Ui, contact: &ContactView, local: &mut Local, full: bool, talk: bool) -> Option<Command> {
    let key = contact.key;
    let opener = button::icon(ui, icons::DOTS_VERTICAL, text::MORE);
    let mut wish = None;
    Popup::menu(&opener).close_behavior(PopupCloseBehavior::CloseOnClick).show(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        if full && talk && choice::menu_item(ui, icons::MAGNIFYING_GLASS, text::SEARCH_CONVERSATION, false) {
            local.talk.toggle_search();
        }
        if full && !contact.blocked && choice::menu_item(ui, icons::SHIELD_CHECK, text::VERIFY, false) {
            wish = Some(verify(contact, local));
        }
        if choice::menu_item(ui, icons::PENCIL, text::RENAME, false) {
            local.dialog = Some(Dialog::Rename { key, name: contact.petname.clone() });
        }
        if !contact.blocked && choice::menu_item(ui, icons::PHONE, text::PERMISSIONS, false) {
            local.dialog = Some(Dialog::Permissions { key });
        }
        if contact.blocked {
            if choice::menu_item(ui, icons::PROHIBIT, text::UNBLOCK, false) {
                local.dialog = Some(Dialog::Unblock { key });
            }
        } else if choice::menu_item(ui, icons::PROHIBIT, text::BLOCK, false) {
            local.dialog = Some(Dialog::Block { key });
        }
        if choice::menu_item(ui, icons::TRASH, text::DELETE_CONVERSATION, true) {
            local.dialog = Some(Dialog::DeleteConversation { key });
        }
        if choice::menu_item(ui, icons::TRASH, text::REMOVE, true) {
            local.dialog = Some(Dialog::Remove { key });
        }
    });
    wish
}

fn status(contact: &ContactView) -> String {
    if contact.echo {
        return text::ECHO_STATUS.to_owned();
    }
    let presence = match contact {
        ContactView { blocked: true, .. } => text::BLOCKED,
        ContactView { online: true, .. } => text::ONLINE,
        _ => text::OFFLINE,
    };
    format!("{presence} · {}", if contact.verified { text::VERIFIED } else { text::NOT_VERIFIED })
}

/// The middle of the pane: the person, what a call to them means just now, and the button.
fn body_ui(ui: &mut Ui, rect: Rect, snapshot: &Snapshot, contact: &ContactView, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let free = lobby::is_free(snapshot);
    let avatar = Avatar { name: &contact.petname, key: &contact.key, echo: contact.echo };
    let low = rect.height() < LOW;
    let (diameter, up) = if low { (size::AVATAR_SELF_VIEW, rect.height() / 2.0 - 44.0) } else { (size::AVATAR_L, 118.0) };
    let center = pos2(rect.center().x, rect.center().y - up);
    avatar.paint(ui.painter(), center, diameter);
    let width = (rect.width() - 2.0 * space::XXL).min(400.0);
    let column = Rect::from_min_max(
        pos2(center.x - width / 2.0, center.y + diameter / 2.0 + if low { space::S } else { space::L }),
        pos2(center.x + width / 2.0, rect.bottom()),
    );
    let mut wish = None;
    let mut content = |ui: &mut Ui| {
        label::text(ui, &contact.petname, theme::semibold(type_size::NAME), p.text);
        let sentence = match contact {
            ContactView { echo: true, .. } if free => text::ECHO_SUB,
            ContactView { blocked: true, .. } => text::BLOCKED_SUB,
            _ if !free => text::IN_CALL_SUB,
            ContactView { online: true, .. } => text::ONLINE_SUB,
            _ if snapshot.network.is_cut_off() => text::UNREACHABLE_SUB,
            _ => text::OFFLINE_SUB,
        };
        label::text(ui, sentence, theme::regular(type_size::BODY), p.text_second);
        if let Some(warning) = &contact.warning {
            callout::warning(ui, warning);
        }
        if let Some((relay, RelayAnswer::Open)) = &contact.relay {
            wish = manage::relay_ui(ui, contact, relay, RelayAnswer::Open);
        }
        ui.add_space(if low { space::XS } else { space::M });
        let called = if contact.blocked {
            unblock_ui(ui, contact, local);
            None
        } else if free {
            call_ui(ui, contact)
        } else {
            None
        };
        wish = wish.take().or(called);
        if let Some((what, when)) = &contact.last {
            ui.add_space(if low { space::XS } else { space::L });
            wish = wish.take().or(last_ui(ui, contact, what, *when, free, local));
        }
        ui.min_rect().bottom()
    };
    let layout = UiBuilder::new().max_rect(column).layout(Layout::top_down(Align::Center));
    let bottom = ui
        .scope_builder(layout, |ui| {
            // What a warning adds has to be reached in a low window too.
            if low { ScrollArea::vertical().show(ui, content).inner } else { content(ui) }
        })
        .inner;
    if bottom + NOTE < rect.bottom() {
        note_ui(ui, rect, if contact.echo { text::ENCRYPTED_NOTE } else { text::MESSAGES_NOTE });
    }
    wish
}

fn call_ui(ui: &mut Ui, contact: &ContactView) -> Option<Command> {
    let pressed = TextButton::new(Look::Primary, text::START_VIDEO_CALL).icon(icons::VIDEO_CAMERA).show(ui);
    pressed.then_some(Command::Call { key: contact.key, media: CallMedia::Video })
}

fn unblock_ui(ui: &mut Ui, contact: &ContactView, local: &mut Local) {
    if TextButton::new(Look::Secondary, text::UNBLOCK).icon(icons::PROHIBIT).show(ui) {
        local.dialog = Some(Dialog::Unblock { key: contact.key });
    }
}

/// The pill with what happened last, and a way to call back after a missed call.
fn last_ui(ui: &mut Ui, contact: &ContactView, what: &str, when: u64, free: bool, local: &Local) -> Option<Command> {
    let p = theme::palette(ui);
    let missed = contact.missed_calls > 0;
    let font = theme::medium(type_size::LABEL);
    let ink = if missed { p.danger_text } else { p.text };
    let happened = label::cut(ui.painter(), what, font.clone(), ink, 220.0);
    let ago = text::long_ago(when, local.now.unix_us() / 1_000_000);
    let time = label::cut(ui.painter(), &ago, theme::regular(type_size::CAPTION), p.text_third, 80.0);
    let back = (missed && free).then(|| label::cut(ui.painter(), text::CALL_BACK, font, p.accent_text, 120.0));
    let back_width = back.as_ref().map_or(0.0, |galley| galley.size().x + 33.0);
    let width = 44.0 + happened.size().x + 10.0 + time.size().x + back_width + space::L;
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::HEADER_BUTTON), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{what}, {ago}")));
    ui.painter().rect_filled(rect, CornerRadius::same(20), p.surface);
    let icon = if missed { icons::PHONE_X } else { icons::CLOCK };
    icons::paint(
        ui.painter(),
        rect.left_center() + vec2(26.0, 0.0),
        icon,
        18.0,
        icons::FILL,
        if missed { ink } else { p.text_second },
    );
    let mut at = rect.left_center() + vec2(44.0, 0.0);
    for (galley, gap) in [(happened, 10.0), (time, space::L)] {
        let advance = galley.size().x + gap;
        ui.painter().galley(at - vec2(0.0, galley.size().y / 2.0), galley, p.text);
        at.x += advance;
    }
    let galley = back?;
    ui.painter().vline(at.x, (rect.top() + 12.0)..=(rect.bottom() - 12.0), (1.0, p.border));
    let target = Rect::from_min_max(pos2(at.x + 4.0, rect.top()), rect.right_bottom() - vec2(4.0, 0.0));
    let response = ui.interact(target, ui.scope_id().with("call back"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text::CALL_BACK));
    ui.painter().galley(pos2(at.x + 17.0, at.y - galley.size().y / 2.0), galley, p.accent_text);
    paint::focus_ring(ui, &response, target, 18.0, p);
    response.clicked().then_some(Command::Call { key: contact.key, media: CallMedia::Video })
}

/// What is always true, at the foot of the pane.
fn note_ui(ui: &Ui, rect: Rect, note: &str) {
    let p = theme::palette(ui);
    let galley = label::cut(ui.painter(), note, theme::regular(type_size::CAPTION), p.text_third, rect.width());
    let at = pos2(rect.center().x + 10.0, rect.bottom() - 22.0);
    let left = at.x - galley.size().x / 2.0;
    icons::paint(ui.painter(), pos2(left - 13.0, at.y), icons::LOCK, 14.0, icons::FILL, p.text_third);
    let place = Rect::from_min_size(pos2(left, at.y - galley.size().y / 2.0), galley.size());
    ui.painter().galley(place.min, galley, p.text_third);
    label::tell(ui, place, Role::Label, note);
}
