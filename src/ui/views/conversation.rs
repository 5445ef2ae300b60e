//! A contact's thread with its search and the field below it; beside a call the same in a narrow panel.

mod found;
mod link;

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{
    Align, Align2, CornerRadius, Layout, Rect, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2, vec2,
};

pub use self::found::{Hit, SidebarSearch, found_ui};
pub use self::link::open_link_ui;
use super::lobby;
use crate::engine::command::Command;
use crate::engine::snapshot::{ContactView, Conversations, ConversationsStage, Entry, PublicKey, Snapshot, Thread};
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::widgets::composer::composer;
use crate::ui::widgets::thread::{Shown, ThreadView, Wish};
use crate::ui::widgets::{button, field, label};
use crate::ui::{icons, text, theme};

/// Matches that a search in one conversation counts and goes through.
const MOST_MATCHES: usize = 999;
/// Entries from the newest among which one that waits is looked for.
const RECENT: usize = 100;
/// Height of the line about those.
const HELD: f32 = 24.0;

/// What the window knows of conversations beside what is in them.
#[derive(Debug, Default)]
pub struct TalkLocal {
    /// What is half written, by contact.
    drafts: BTreeMap<PublicKey, String>,
    /// Whose thread `view` is of.
    shown: Option<PublicKey>,
    view: ThreadView,
    search: Option<Search>,
    /// The conversation, and how much was unread in it, when the engine was last told that it is seen.
    seen: Option<(PublicKey, usize)>,
    /// The last text that came back and was put into its draft.
    returned: u64,
    /// The panel beside a call is open.
    pub beside_call: bool,
    /// It was just opened: what is typed next is a message.
    pub begin_writing: bool,
    pub sidebar: SidebarSearch,
}

/// A search in the thread that is shown.
#[derive(Debug, Default)]
struct Search {
    words: String,
    /// Which match is marked, the newest at 0.
    at: usize,
    /// What was searched for in which thread, and what came of it.
    done: Option<(String, usize, Vec<Arc<Entry>>)>,
    fresh: bool,
}

impl TalkLocal {
    /// Opens or closes the search in the conversation that is shown.
    pub fn toggle_search(&mut self) {
        self.search = if self.search.is_some() { None } else { Some(Search { fresh: true, ..Search::default() }) };
        self.view.highlight = None;
    }

    /// Whether the search in the conversation is open.
    pub fn is_searching(&self) -> bool {
        self.search.is_some()
    }

    /// Shows an entry of a conversation.
    pub fn go_to(&mut self, peer: PublicKey, thread: &Thread, entry: &Entry) {
        self.begin(peer, thread);
        self.view.go_to(entry.position);
    }

    fn begin(&mut self, peer: PublicKey, thread: &Thread) {
        if self.shown != Some(peer) {
            self.shown = Some(peer);
            self.search = None;
            self.view.open(thread);
        }
    }

    /// Puts a text that could not be kept back where it was written.
    fn take_back(&mut self, conversations: &Conversations) {
        if let Some(returned) = conversations.returned.as_ref().filter(|returned| returned.number != self.returned) {
            self.returned = returned.number;
            let draft = self.drafts.entry(returned.peer).or_default();
            if draft.is_empty() {
                draft.clone_from(&returned.body);
            }
        }
    }
}

/// The pane below a contact's head.
pub fn conversation_ui(
    ui: &mut Ui,
    rect: Rect,
    snapshot: &Snapshot,
    contact: &ContactView,
    local: &mut Local,
) -> Option<Command> {
    let conversations = &snapshot.conversations;
    if let Some(sentence) = not_open(conversations) {
        let failed = matches!(conversations.stage, ConversationsStage::Failed(_));
        status_ui(ui, rect, sentence, failed);
        return None;
    }
    let empty = Arc::new(Thread::default());
    let thread = conversations.threads.get(&contact.key).unwrap_or(&empty);
    local.talk.take_back(conversations);
    local.talk.begin(contact.key, thread);
    let mut top = rect.top();
    if local.talk.search.is_some() {
        let bar = Rect::from_min_size(rect.min, vec2(rect.width(), 56.0));
        top = bar.bottom();
        search_ui(ui, bar, thread, &mut local.talk);
    }
    let (height, written) = write_ui(ui, rect, contact, &mut local.talk);
    let height = height + held_ui(ui, rect.bottom() - height, rect, contact, thread);
    let pane = Rect::from_min_max(pos2(rect.left(), top), pos2(rect.right(), rect.bottom() - height));
    let now_ms = local.now.unix_us() / 1000;
    let calls = !contact.blocked && lobby::is_free(snapshot);
    let verify = (!contact.blocked).then_some(if contact.verified { text::VIEW_NUMBER } else { text::VERIFY_NOW });
    let shown = Shown { thread, name: &contact.petname, zone: &conversations.zone, now_ms, calls, verify };
    let wish = local.talk.view.show(ui, pane, &shown).and_then(|wish| perform(wish, contact.key, local));
    if let Some(body) = written {
        local.talk.view.go_to_newest();
        local.talk.view.unread_from = None;
        return Some(Command::Write { key: contact.key, body });
    }
    wish.or_else(|| see(ui, contact.key, thread, &mut local.talk))
}

/// Whether there is anything to show of this contact's conversation.
pub fn is_empty(snapshot: &Snapshot, contact: &ContactView) -> bool {
    not_open(&snapshot.conversations).is_none()
        && snapshot.conversations.threads.get(&contact.key).is_none_or(|thread| thread.is_empty())
}

/// The field alone, for a conversation that has not begun: how high it is, and what was written.
pub fn first_words_ui(
    ui: &mut Ui,
    rect: Rect,
    snapshot: &Snapshot,
    contact: &ContactView,
    local: &mut Local,
) -> (f32, Option<Command>) {
    local.talk.take_back(&snapshot.conversations);
    local.talk.begin(contact.key, &Thread::default());
    let (height, written) = write_ui(ui, rect, contact, &mut local.talk);
    (height, written.map(|body| Command::Write { key: contact.key, body }))
}

fn write_ui(ui: &mut Ui, rect: Rect, contact: &ContactView, talk: &mut TalkLocal) -> (f32, Option<String>) {
    if contact.blocked {
        let p = theme::palette(ui);
        let place = Rect::from_min_max(pos2(rect.left() + space::XL, rect.bottom() - 52.0), rect.max - vec2(space::XL, 8.0));
        ui.scope_builder(UiBuilder::new().max_rect(place).layout(Layout::top_down(Align::Center)), |ui| {
            label::text(ui, text::CANNOT_WRITE, theme::regular(type_size::LABEL), p.text_second);
        });
        return (64.0, None);
    }
    let draft = talk.drafts.entry(contact.key).or_default();
    let id = ui.scope_id().with(("message", contact.key));
    if std::mem::take(&mut talk.begin_writing) {
        ui.memory_mut(|memory| memory.request_focus(id));
    }
    composer(ui, rect, id, &text::message_to(&contact.petname), draft)
}

/// Says, above `bottom`, what texts wait for, if some do; how high that is.
fn held_ui(ui: &Ui, bottom: f32, rect: Rect, contact: &ContactView, thread: &Thread) -> f32 {
    if contact.online || contact.blocked || !thread.iter().rev().take(RECENT).any(|entry| entry.waits()) {
        return 0.0;
    }
    let p = theme::palette(ui);
    let (at, font) = (pos2(rect.center().x, bottom - HELD / 2.0), theme::regular(type_size::CAPTION));
    let words = text::waits_for(&contact.petname);
    label::said(ui, at, Align2::CENTER_CENTER, &words, font, p.text_third, rect.width() - 2.0 * space::XL);
    HELD
}

/// Says once that what is on the screen has been seen, if somebody can have looked at it.
fn see(ui: &Ui, key: PublicKey, thread: &Thread, talk: &mut TalkLocal) -> Option<Command> {
    if thread.unread() == 0 {
        talk.seen = None;
        return None;
    }
    let told = talk.seen == Some((key, thread.unread()));
    if told || !ui.input(|input| input.focused) {
        return None;
    }
    talk.seen = Some((key, thread.unread()));
    Some(Command::See { key })
}

fn perform(wish: Wish, key: PublicKey, local: &mut Local) -> Option<Command> {
    match wish {
        Wish::CallBack(media) => return Some(Command::Call { key, media }),
        Wish::Delete(position) => return Some(Command::DeleteMessage { key, position }),
        Wish::Copy(text) => local.copy = Some(text),
        Wish::Open(url) => local.dialog = Some(Dialog::OpenLink { url }),
        Wish::Verify => {
            local.dialog = Some(Dialog::Verify { key });
            return Some(Command::ShowNumber { key });
        }
    }
    None
}

fn not_open(conversations: &Conversations) -> Option<&str> {
    match &conversations.stage {
        ConversationsStage::Ready => None,
        ConversationsStage::Opening => Some(text::MESSAGES_OPENING),
        ConversationsStage::Locked => Some(text::MESSAGES_LOCKED),
        ConversationsStage::Failed(why) => Some(why),
    }
}

/// Why there is nothing to read here just now.
fn status_ui(ui: &mut Ui, rect: Rect, sentence: &str, failed: bool) {
    let p = theme::palette(ui);
    let column = Rect::from_center_size(rect.center(), vec2((rect.width() - 48.0).min(420.0), 140.0));
    ui.scope_builder(UiBuilder::new().max_rect(column).layout(Layout::top_down(Align::Center)), |ui| {
        let (place, _) = ui.allocate_exact_size(vec2(size::AVATAR_SELF_VIEW, size::AVATAR_SELF_VIEW), Sense::hover());
        let (icon, ink, ground) = if failed {
            (icons::WARNING, p.warning_text, p.warning_soft)
        } else {
            (icons::CHAT_CIRCLE_DOTS, p.accent_text, p.accent_soft)
        };
        ui.painter().circle_filled(place.center(), place.width() / 2.0, ground);
        icons::paint(ui.painter(), place.center(), icon, size::ICON_L, icons::FILL, ink);
        ui.add_space(space::S);
        if failed {
            label::text(ui, text::MESSAGES_FAILED, theme::semibold(type_size::HEADING), p.text);
        }
        label::text(ui, sentence, theme::regular(type_size::BODY), p.text_second);
    });
}

/// The bar of the search: words, how many matches, to the next older and newer.
fn search_ui(ui: &mut Ui, bar: Rect, thread: &Thread, talk: &mut TalkLocal) {
    let p = theme::palette(ui);
    ui.painter().hline(bar.x_range(), bar.bottom() - 0.5, (1.0, p.border));
    let mut close = false;
    let Some(search) = &mut talk.search else { return };
    let words = Rect::from_min_size(bar.min + vec2(space::XL, 8.0), vec2((bar.width() - 260.0).max(140.0), 40.0));
    let response = field::search_named(ui, words, &mut search.words, text::WORDS_TO_FIND);
    if std::mem::take(&mut search.fresh) {
        response.request_focus();
    }
    let again = search.done.as_ref().is_none_or(|(words, len, _)| *words != search.words || *len != thread.len());
    if again {
        let matches = thread.search(&search.words, MOST_MATCHES).into_iter().cloned().collect();
        search.done = Some((search.words.clone(), thread.len(), matches));
        search.at = 0;
    }
    let matches = search.done.as_ref().map_or(&[][..], |(.., matches)| matches);
    let mut step = again && !matches.is_empty();
    let enter = response.lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
    let tools = Rect::from_min_max(pos2(words.right() + space::S, bar.top()), bar.max - vec2(space::M, 0.0));
    let layout = Layout::left_to_right(Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(tools).layout(layout), |ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let (older, newer) = (
            button::icon(ui, icons::CARET_UP, text::OLDER).clicked(),
            button::icon(ui, icons::CARET_DOWN, text::NEWER).clicked(),
        );
        if (older || enter) && search.at + 1 < matches.len() {
            (search.at, step) = (search.at + 1, true);
        } else if newer && search.at > 0 {
            (search.at, step) = (search.at - 1, true);
        }
        close = button::icon(ui, icons::X, text::CLOSE_SEARCH).clicked();
        let said = match (search.words.trim().is_empty(), matches.len()) {
            (true, _) => String::new(),
            (_, 0) => text::NOTHING_FOUND.to_owned(),
            (_, count) => text::match_of(search.at + 1, count),
        };
        label::text(ui, said, theme::regular(type_size::CAPTION), p.text_second);
    });
    if enter {
        response.request_focus();
    }
    match matches.get(search.at).filter(|_| step) {
        Some(entry) => talk.view.go_to(entry.position),
        None if again => talk.view.highlight = None,
        None => {}
    }
    if close || ui.input(|input| input.key_pressed(eframe::egui::Key::Escape)) {
        talk.toggle_search();
    }
}

/// The same thread in a panel beside a call.
pub fn beside_call_ui(ui: &mut Ui, rect: Rect, snapshot: &Snapshot, peer: PublicKey, local: &mut Local) -> Option<Command> {
    let contact = snapshot.contacts.iter().find(|contact| contact.key == peer && !contact.echo)?;
    // The stage of a call is dark in both themes, and so is what lies on it.
    ui.style_mut().visuals.dark_mode = true;
    let p = theme::palette(ui);
    ui.painter().rect(rect, CornerRadius::same(radius::L), p.background, Stroke::new(1.0, p.border), StrokeKind::Inside);
    let cover = ui.interact(rect, ui.scope_id().with("beside call"), Sense::CLICK);
    cover.widget_info(|| WidgetInfo::labeled(Role::Group, true, text::CONVERSATION));
    let head = Rect::from_min_size(rect.min, vec2(rect.width(), 52.0));
    let room = head.width() - 90.0;
    let title = head.left_center() + vec2(space::XL, 0.0);
    label::heading(ui, title, Align2::LEFT_CENTER, &contact.petname, theme::semibold(type_size::HEADING), p.text, room);
    let close = Rect::from_center_size(head.right_center() - vec2(30.0, 0.0), vec2(size::TOOLBAR, size::TOOLBAR));
    let closed =
        ui.scope_builder(UiBuilder::new().max_rect(close), |ui| button::icon(ui, icons::X, text::HIDE_MESSAGES).clicked());
    if closed.inner {
        local.talk.beside_call = false;
    }
    ui.painter().hline(head.x_range().shrink(1.0), head.bottom(), (1.0, p.border));
    let body = Rect::from_min_max(pos2(rect.left(), head.bottom()), rect.max);
    conversation_ui(ui, body, snapshot, contact, local)
}
