//! What the search above the list of people finds in messages.

use std::sync::Arc;

use eframe::egui::{Align2, CornerRadius, CursorIcon, Rect, Sense, Ui, WidgetInfo, accesskit::Role, pos2, vec2};

use crate::engine::snapshot::{Entry, PublicKey, Snapshot, Thread};
use crate::ui::local::Local;
use crate::ui::tokens::{radius, space, type_size};
use crate::ui::widgets::{label, paint};
use crate::ui::{text, theme};

/// Matches that are listed, and how many of one conversation at most.
const MOST: usize = 30;
const MOST_EACH: usize = 10;
/// Shorter words would find nearly everything.
const SHORTEST: usize = 2;
const ROW: f32 = 54.0;

/// A message that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    pub peer: PublicKey,
    pub entry: Arc<Entry>,
}

/// The last search, kept until the words or the messages are others.
#[derive(Debug, Default)]
pub struct SidebarSearch {
    words: String,
    threads: Option<Arc<std::collections::BTreeMap<PublicKey, Arc<Thread>>>>,
    hits: Vec<Hit>,
}

impl SidebarSearch {
    fn search(&mut self, words: &str, snapshot: &Snapshot) {
        let threads = &snapshot.conversations.threads;
        let same = self.threads.as_ref().is_some_and(|before| Arc::ptr_eq(before, threads)) && self.words == words;
        if same {
            return;
        }
        words.clone_into(&mut self.words);
        self.threads = Some(threads.clone());
        self.hits.clear();
        if words.trim().chars().count() >= SHORTEST {
            let of = |(peer, thread): (&PublicKey, &Arc<Thread>)| {
                let found = thread.search(words, MOST_EACH);
                found.into_iter().map(|entry| Hit { peer: *peer, entry: entry.clone() }).collect::<Vec<_>>()
            };
            self.hits = threads.iter().flat_map(of).collect();
            self.hits.sort_by_key(|hit| std::cmp::Reverse(hit.entry.at_ms));
            self.hits.truncate(MOST);
        }
    }
}

/// Lists the messages that hold the words of the search; a click goes there. True if there are any.
pub fn found_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local) -> bool {
    let words = local.search.clone();
    local.talk.sidebar.search(&words, snapshot);
    if local.talk.sidebar.hits.is_empty() {
        return false;
    }
    let p = theme::palette(ui);
    let (head, _) = ui.allocate_exact_size(vec2(ui.available_width(), 36.0), Sense::hover());
    let at = head.left_center() + vec2(20.0, 4.0);
    let font = theme::semibold(type_size::OVERLINE);
    label::said(ui, at, Align2::LEFT_CENTER, text::FOUND_MESSAGES, font, p.text_third, head.width() - 40.0);
    let clicked =
        local.talk.sidebar.hits.iter().enumerate().filter(|(index, hit)| hit_ui(ui, *index, hit, &words, snapshot, local)).last();
    if let Some(hit) = clicked.map(|(_, hit)| hit.clone())
        && let Some(thread) = snapshot.conversations.threads.get(&hit.peer)
    {
        local.selected = Some(hit.peer);
        local.talk.go_to(hit.peer, thread, &hit.entry);
    }
    true
}

fn hit_ui(ui: &mut Ui, index: usize, hit: &Hit, words: &str, snapshot: &Snapshot, local: &Local) -> bool {
    let p = theme::palette(ui);
    let Some(contact) = snapshot.contacts.iter().find(|contact| contact.key == hit.peer) else { return false };
    let (outer, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let rect = Rect::from_min_size(outer.min + vec2(space::S, 0.0), vec2(outer.width() - 2.0 * space::S, ROW - 2.0));
    let response = ui.interact(rect, ui.scope_id().with(("found", index)), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    let body = snippet(hit.entry.text().unwrap_or_default(), words);
    let said = text::last_text(hit.entry.mine, &body);
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, format!("{}: {said}", contact.petname)));
    if response.hovered() {
        ui.painter().rect_filled(rect, CornerRadius::same(radius::M), p.hover);
    }
    let zone = &snapshot.conversations.zone;
    let when = text::edge(zone.at(hit.entry.at_ms), zone.at(local.now.unix_us() / 1000));
    label::describe(&response, &when);
    let right = pos2(rect.right() - space::M, rect.top() + 17.0);
    let time =
        label::line(ui.painter(), right, Align2::RIGHT_CENTER, &when, theme::regular(type_size::LABEL), p.text_third, 90.0);
    let left = rect.left() + space::M;
    let room = time.left() - left - space::S;
    let name_at = pos2(left, rect.top() + 17.0);
    label::line(ui.painter(), name_at, Align2::LEFT_CENTER, &contact.petname, theme::semibold(type_size::LABEL), p.text, room);
    let said_at = pos2(left, rect.top() + 36.0);
    let room = rect.width() - 2.0 * space::M;
    label::line(ui.painter(), said_at, Align2::LEFT_CENTER, &said, theme::regular(type_size::LABEL), p.text_second, room);
    paint::focus_ring(ui, &response, rect, f32::from(radius::M), p);
    response.clicked()
}

/// The words with what stands around them, short enough to be seen on one line.
fn snippet(body: &str, words: &str) -> String {
    let at = body.to_lowercase().find(&words.trim().to_lowercase()).unwrap_or(0);
    let mut from = body.floor_char_boundary(at.saturating_sub(12).min(body.len()));
    if from > 0
        && let Some(space) = body[from..].find(char::is_whitespace).filter(|space| from + space < at)
    {
        from += space;
    }
    let from = from + body[from..].len() - body[from..].trim_start().len();
    let to = body.ceil_char_boundary((from + 120).min(body.len()));
    if from == 0 { body[..to].to_owned() } else { format!("…{}", &body[from..to]) }
}

#[cfg(test)]
mod tests {
    use super::snippet;

    #[test]
    fn a_snippet_begins_shortly_before_what_was_found() {
        assert_eq!(snippet("short", "ort"), "short");
        let long = format!("{} needle {}", "é".repeat(50), "x".repeat(300));
        let found = snippet(&long, "NEEDLE");
        assert!(found.starts_with('…') && found.contains("needle") && found.len() < 150, "{found}");
    }
}
