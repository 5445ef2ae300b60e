//! The list of people at the left, with our own presence at its head and the network at its foot.

use eframe::egui::{
    Align2, CornerRadius, CursorIcon, Frame, Panel, Rect, ScrollArea, Sense, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2,
    vec2,
};

use super::{conversation, requests};
use crate::engine::command::Command;
use crate::engine::snapshot::{ContactView, Content, ConversationsStage, Snapshot};
use crate::ui::local::{Dialog, Local, Page};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{avatar::Avatar, button, field, label, paint};
use crate::ui::{icons, text, theme};

/// The whole column.
pub fn list_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    open_newest(snapshot, local);
    let column = ui.max_rect();
    ui.painter().vline(column.right() - 0.5, column.y_range(), (1.0, p.border));
    foot_ui(ui, snapshot);
    let opened = head_ui(ui, snapshot, local);
    let listed = ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let request = requests::requests_ui(ui, snapshot, local.now);
        for contact in by_newest(snapshot, &local.search) {
            let selected = selected(snapshot, local).is_some_and(|shown| shown.key == contact.key);
            if row_ui(ui, &Line::of(snapshot, contact, local), selected) {
                local.selected = Some(contact.key);
            }
        }
        let found = conversation::found_ui(ui, snapshot, local);
        if !found {
            empty_ui(ui, snapshot, local);
        }
        let sent = requests::sent_ui(ui, snapshot);
        request.or(sent)
    });
    opened.or(listed.inner)
}

/// The window opens on whoever was in touch last, and stays there until the person picks another.
fn open_newest(snapshot: &Snapshot, local: &mut Local) {
    if local.selected.is_none() && snapshot.conversations.stage == ConversationsStage::Ready {
        let met = |contact: &&ContactView| !contact.blocked && newest(snapshot, contact).is_some();
        let newest = by_newest(snapshot, "").into_iter().find(met);
        local.selected = newest.or(snapshot.contacts.first()).map(|contact| contact.key);
    }
}

/// Who is shown beside the list.
pub fn selected<'a>(snapshot: &'a Snapshot, local: &Local) -> Option<&'a ContactView> {
    let picked = local.selected.and_then(|key| snapshot.contacts.iter().find(|contact| contact.key == key));
    picked.or(snapshot.contacts.first())
}

fn matching<'a>(snapshot: &'a Snapshot, search: &str) -> impl Iterator<Item = &'a ContactView> {
    let search = search.trim().to_lowercase();
    snapshot.contacts.iter().filter(move |contact| contact.petname.to_lowercase().contains(&search))
}

fn head_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let p = theme::palette(ui);
    let width = ui.available_width();
    let (rect, _) = ui.allocate_exact_size(vec2(width, 124.0), Sense::hover());
    if let Some(me) = &snapshot.me {
        let at = rect.min + vec2(34.0, 32.0);
        let avatar = Avatar { name: &me.name, key: &me.key, echo: false };
        avatar.paint_with_presence(ui, at, size::AVATAR_S, snapshot.network.is_online(), p.sidebar);
        let place = Rect::from_center_size(at, vec2(size::AVATAR_S, size::AVATAR_S));
        let name = text::yourself(&me.name, snapshot.network.is_online());
        let response = ui.interact(place, ui.scope_id().with("me"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
        response.on_hover_text(name);
    }
    let title = rect.min + vec2(64.0, 32.0);
    label::heading(ui, title, Align2::LEFT_CENTER, text::CONTACTS, theme::semibold(type_size::TITLE), p.text, 150.0);
    let width_of_buttons = if snapshot.sealed { 128.0 } else { 88.0 };
    let buttons =
        Rect::from_min_max(pos2(rect.right() - width_of_buttons, rect.top() + 14.0), pos2(rect.right() - 8.0, rect.top() + 50.0));
    let mut opened = None;
    ui.scope_builder(
        UiBuilder::new().max_rect(buttons).layout(eframe::egui::Layout::left_to_right(eframe::egui::Align::Center)),
        |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if button::icon(ui, icons::USER_PLUS, text::ADD_PERSON).clicked() {
                local.dialog = Some(Dialog::AddPerson);
            }
            if snapshot.sealed && button::icon(ui, icons::LOCK, text::LOCK_NOW).clicked() {
                opened = Some(Command::Lock);
            }
            if button::icon(ui, icons::GEAR, text::SETTINGS).clicked() {
                local.page = Page::Settings;
                opened = Some(Command::RefreshDevices);
            }
        },
    );
    let search = Rect::from_min_size(rect.min + vec2(space::M, 64.0), vec2(width - 2.0 * space::M, size::FIELD));
    field::search(ui, search, &mut local.search);
    ui.add_space(space::XS);
    opened
}

/// Echo first, then whoever was in touch last.
fn by_newest<'a>(snapshot: &'a Snapshot, search: &str) -> Vec<&'a ContactView> {
    let mut contacts: Vec<_> = matching(snapshot, search).collect();
    contacts.sort_by_key(|contact| (!contact.echo, std::cmp::Reverse(newest(snapshot, contact))));
    contacts
}

/// When something last happened with somebody, in Unix milliseconds.
fn newest(snapshot: &Snapshot, contact: &ContactView) -> Option<u64> {
    let thread = snapshot.conversations.threads.get(&contact.key);
    let written = thread.and_then(|thread| thread.last()).map(|entry| entry.at_ms);
    written.max(contact.last.as_ref().map(|(_, seconds)| seconds * 1000))
}

/// A row of the list: a contact with what happened last.
struct Line<'a> {
    contact: &'a ContactView,
    last: Option<String>,
    when: Option<String>,
    /// Texts and missed calls that nobody has looked at.
    unread: usize,
    /// The last thing is a call that was missed.
    missed: bool,
    spoken: String,
}

impl<'a> Line<'a> {
    fn of(snapshot: &Snapshot, contact: &'a ContactView, local: &Local) -> Self {
        let talk = &snapshot.conversations;
        let now = talk.zone.at(local.now.unix_us() / 1000);
        let spoken = text::contact_row(&contact.petname, contact.online, contact.verified, contact.missed_calls);
        let thread = talk.threads.get(&contact.key);
        let Some((thread, entry)) = thread.and_then(|thread| Some((thread, thread.last()?))) else {
            let (last, when) = contact.last.clone().unzip();
            let when = when.map(|seconds| text::edge(talk.zone.at(seconds * 1000), now));
            let (unread, missed) = (contact.missed_calls as usize, contact.missed_calls > 0);
            return Self { contact, last, when, unread, missed, spoken };
        };
        let missed = matches!(&entry.content, Content::Call(call) if call.is_missed()) && entry.is_unread();
        let last = match &entry.content {
            Content::Text(_) => text::last_text(entry.mine, entry.text().unwrap_or_default()),
            Content::Call(call) => text::call(call),
        };
        let when = Some(text::edge(talk.zone.at(entry.at_ms), now));
        let spoken = spoken + &text::unread_messages(thread.unread() - thread.missed());
        Self { contact, last: Some(last), when, unread: thread.unread(), missed, spoken }
    }

    /// What stands below the name: what was written or happened last, or what the contact is.
    fn last(&self) -> &str {
        match &self.last {
            _ if self.contact.blocked => text::BLOCKED,
            Some(last) => last,
            None if self.contact.echo => text::ECHO_STATUS,
            None if self.contact.online => text::ONLINE,
            None => text::OFFLINE,
        }
    }
}

fn row_ui(ui: &mut Ui, line: &Line, selected: bool) -> bool {
    let p = theme::palette(ui);
    let contact = line.contact;
    let (outer, response) = ui.allocate_exact_size(vec2(ui.available_width(), size::ROW_STEP), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, &line.spoken));
    label::describe(&response, &text::last_and_when(line.last(), line.when.as_deref()));
    let rect = Rect::from_min_size(outer.min + vec2(space::S, 0.0), vec2(outer.width() - 2.0 * space::S, size::ROW));
    let hovered = response.hovered();
    let ground = if selected {
        p.selected
    } else if hovered {
        p.hover
    } else {
        p.sidebar
    };
    ui.painter().rect_filled(rect, CornerRadius::same(radius::M), ground);
    let at = rect.left_center() + vec2(34.0, 0.0);
    let avatar = Avatar { name: &contact.petname, key: &contact.key, echo: contact.echo };
    avatar.paint_with_presence(ui, at, size::AVATAR_ROW, contact.online, ground);

    let right = rect.right() - space::M;
    let mut room = right - rect.left() - 68.0;
    if let Some(when) = &line.when {
        let ink = if line.unread > 0 { p.accent_text } else { p.text_third };
        let at = pos2(right, rect.top() + 24.0);
        let time = label::line(ui.painter(), at, Align2::RIGHT_CENTER, when, theme::regular(type_size::LABEL), ink, 100.0);
        room -= time.width() + space::S;
    }
    let name_at = pos2(rect.left() + 68.0, rect.top() + 24.0);
    let name_room = room - if contact.verified { 24.0 } else { 0.0 };
    let font = theme::semibold(type_size::BODY);
    let name = label::line(ui.painter(), name_at, Align2::LEFT_CENTER, &contact.petname, font, p.text, name_room);
    if contact.verified {
        let at = name.right_center() + vec2(13.0, 0.0);
        icons::paint(ui.painter(), at, icons::SEAL_CHECK, 16.0, icons::FILL, p.accent_text);
    }
    second_line(ui, line, rect, right);
    paint::focus_ring(ui, &response, rect, f32::from(radius::M), p);
    response.clicked()
}

/// The line below the name, with how much of it is new.
fn second_line(ui: &Ui, line: &Line, rect: Rect, right: f32) {
    let p = theme::palette(ui);
    let at = pos2(rect.left() + 68.0, rect.top() + 45.0);
    let mut room = right - at.x;
    if line.unread > 0 {
        let count = line.unread.min(99).to_string();
        let font = theme::semibold(type_size::OVERLINE);
        let badge = pos2(right - 10.0, at.y);
        ui.painter().circle_filled(badge, 10.0, p.accent);
        ui.painter().text(badge, Align2::CENTER_CENTER, count, font, p.on_accent);
        room -= 28.0;
    }
    let said = line.last();
    if line.missed {
        let font = theme::regular(type_size::LABEL);
        icons::paint(ui.painter(), at + vec2(7.0, 0.0), icons::PHONE_X, 15.0, icons::FILL, p.danger_text);
        label::line(ui.painter(), at + vec2(20.0, 0.0), Align2::LEFT_CENTER, said, font, p.danger_text, room - 20.0);
    } else if line.unread > 0 {
        label::line(ui.painter(), at, Align2::LEFT_CENTER, said, theme::medium(type_size::LABEL), p.text, room);
    } else {
        label::line(ui.painter(), at, Align2::LEFT_CENTER, said, theme::regular(type_size::LABEL), p.text_second, room);
    }
}

/// What stands below a list that has nobody but Echo in it, or nobody who is searched for.
fn empty_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) {
    let p = theme::palette(ui);
    let searching = !local.search.trim().is_empty();
    let sentence = if searching && matching(snapshot, &local.search).next().is_none() {
        text::NOBODY_FOUND
    } else if !searching && snapshot.requests.is_empty() && snapshot.contacts.iter().all(|contact| contact.echo) {
        text::NO_CONTACTS
    } else {
        return;
    };
    Frame::NONE.inner_margin(20).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::M;
        label::text(ui, sentence, theme::regular(type_size::LABEL), p.text_second);
        if !searching && TextButton::new(Look::Secondary, text::ADD_PERSON).icon(icons::USER_PLUS).small().show(ui) {
            local.dialog = Some(Dialog::AddPerson);
        }
    });
}

fn foot_ui(ui: &mut Ui, snapshot: &Snapshot) {
    let p = theme::palette(ui);
    let foot = Panel::bottom("foot").exact_size(size::FOOT).resizable(false).show_separator_line(false).frame(Frame::NONE);
    foot.show(ui, |ui| {
        let (rect, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
        ui.painter().hline(rect.x_range(), rect.top() + 0.5, (1.0, p.border));
        let dot = rect.left_center() + vec2(20.0, 0.0);
        ui.painter().circle_filled(dot, 4.0, if snapshot.network.is_online() { p.online } else { p.offline });
        let at = rect.left_center() + vec2(32.0, 0.0);
        let status = text::network(&snapshot.network);
        let font = theme::regular(type_size::LABEL);
        label::line(ui.painter(), at, Align2::LEFT_CENTER, &status, font, p.text_second, rect.width() - 48.0);
        response.widget_info(|| WidgetInfo::labeled(Role::Status, true, &status));
        response.on_hover_text(status);
    });
}
