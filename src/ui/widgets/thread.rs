//! A conversation: bubbles and calls by day, the newest at the bottom. Only what is in sight is laid out, whatever its length.
//!
//! The place is an entry and how far its lower edge lies below the pane, not a distance from the top: so nothing above it ever has
//! to be measured, and nothing moves when older entries or a new window width change their heights.

mod call_pill;
mod row;

use eframe::egui::{Align2, CursorIcon, EventFilter, Key, Rect, Sense, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2, vec2};

use self::row::Row;
use super::{label, paint};
use crate::engine::snapshot::{CallMedia, Position, Thread, Zone};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::{icons, text, theme};

/// What is shown of a thread, and how far it is scrolled. A new conversation starts afresh.
#[derive(Debug, Default)]
pub struct ThreadView {
    /// Where the lower edge of the pane is; absent at the newest entry, which is then kept in sight.
    at: Option<Place>,
    /// The entry above which the line of new messages stands.
    pub unread_from: Option<Position>,
    /// The entry that a search found.
    pub highlight: Option<Position>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    position: Position,
    /// How far the entry's lower edge lies below the pane's.
    below: f32,
}

/// What a thread is shown for.
pub struct Shown<'a> {
    pub thread: &'a Thread,
    /// The petname of the other side.
    pub name: &'a str,
    pub zone: &'a Zone,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// Whether calls can be made from here.
    pub calls: bool,
    /// The words that lead to the safety number, if anything does.
    pub verify: Option<&'static str>,
}

/// What somebody wants of an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    CallBack(CallMedia),
    Copy(String),
    Delete(Position),
    /// Open the link with this text.
    Open(String),
    /// Show the safety number.
    Verify,
}

impl ThreadView {
    /// Shows the entry at `position` in the middle of the pane, marked.
    pub fn go_to(&mut self, position: Position) {
        self.at = Some(Place { position, below: -120.0 });
        self.highlight = Some(position);
    }

    /// Shows the newest entry again.
    pub fn go_to_newest(&mut self) {
        self.at = None;
    }

    /// Opens a thread: at its newest entry, or where the unread ones begin if those fill more than a pane.
    pub fn open(&mut self, thread: &Thread) {
        *self = Self::default();
        if let Some(first) = thread.first_unread() {
            self.unread_from = thread.get(first).map(|entry| entry.position);
            if thread.len() - first > 8 {
                self.at = thread.get(first + 6).map(|entry| Place { position: entry.position, below: 0.0 });
            }
        }
    }

    /// Draws the part of the thread that is in sight in `rect`.
    pub fn show(&mut self, ui: &mut Ui, rect: Rect, shown: &Shown) -> Option<Wish> {
        let response = ui.interact(rect, ui.scope_id().with("thread"), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::List, true, text::CONVERSATION));
        if response.has_focus() {
            // Else the arrows would take the focus elsewhere.
            let arrows = EventFilter { vertical_arrows: true, ..EventFilter::default() };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        }
        let mut pane = ui.new_child(UiBuilder::new().max_rect(rect));
        pane.set_clip_rect(rect.intersect(ui.clip_rect()));
        let rows = self.rows_in_sight(&pane, rect, shown, self.moved(&pane, rect, response.has_focus()));
        let mut wish = None;
        for (row, top) in &rows {
            wish = wish.or(row.show(&pane, *top, shown));
        }
        paint::focus_ring(ui, &response, rect.shrink(4.0), f32::from(radius::S), theme::palette(ui));
        if let Some((first, last)) = rows.last().zip(rows.first()).map(|((first, _), (last, _))| (first.index, last.index)) {
            self.scroll_bar(ui, rect, shown.thread, first, last);
        }
        if self.at.is_some() && newest_button(ui, rect) {
            self.at = None;
        }
        wish
    }

    /// How far the wheel and the keys move the content down.
    fn moved(&self, ui: &Ui, rect: Rect, focused: bool) -> f32 {
        let wheel = if ui.rect_contains_pointer(rect) { ui.input(|input| input.smooth_scroll_delta().y) } else { 0.0 };
        if !focused {
            return wheel;
        }
        let pages = [(Key::PageUp, rect.height() * 0.9), (Key::ArrowUp, 40.0), (Key::Home, f32::MAX)];
        let back = [(Key::PageDown, rect.height() * 0.9), (Key::ArrowDown, 40.0), (Key::End, f32::MAX)];
        let pressed =
            |keys: [(Key, f32); 3]| keys.iter().find(|(key, _)| ui.input(|input| input.key_pressed(*key))).map(|key| key.1);
        wheel + pressed(pages).unwrap_or(0.0) - pressed(back).unwrap_or(0.0)
    }

    /// The rows that are in sight after a movement, from the lowest up, with their tops.
    fn rows_in_sight<'a>(&mut self, ui: &Ui, rect: Rect, shown: &Shown<'a>, moved: f32) -> Vec<(Row<'a>, f32)> {
        let Some(last) = shown.thread.len().checked_sub(1) else { return Vec::new() };
        let marks = [self.unread_from, self.highlight];
        let measure = |index: usize| Row::measure(ui, rect, shown, index, marks);
        let start = self.at.and_then(|place| Some((shown.thread.find(&place.position)?, place.below)));
        let (mut index, mut below) = start.unwrap_or((last, 0.0));
        if moved == f32::MAX {
            (index, below) = (0, 0.0);
        } else if moved == -f32::MAX {
            (index, below) = (last, 0.0);
        } else {
            below += moved;
        }
        while below > 0.0 && index > 0 {
            let height = measure(index).height;
            if below < height {
                break;
            }
            below -= height;
            index -= 1;
        }
        while below < 0.0 && index < last {
            index += 1;
            below += measure(index).height;
        }
        if index == last {
            below = below.max(0.0);
        }
        let floor = rect.bottom() - space::M;
        let fill = |index: usize, below: f32| {
            let (mut rows, mut top) = (Vec::new(), floor + below);
            for index in (0..=index).rev() {
                let row = measure(index);
                top -= row.height;
                rows.push((row, top));
                if top < rect.top() {
                    break;
                }
            }
            (rows, top)
        };
        let (mut rows, top) = fill(index, below);
        // Nothing is above the oldest entry: the thread does not leave the pane that way.
        let gap = top - (rect.top() + space::S);
        if gap > 0.0 && (below > 0.0 || index < last) {
            below -= gap;
            while below < 0.0 && index < last {
                index += 1;
                below += measure(index).height;
            }
            if index == last {
                below = below.max(0.0);
            }
            rows = fill(index, below).0;
        }
        let position = shown.thread.get(index).map(|entry| entry.position);
        self.at = position.filter(|_| index < last || below > 0.5).map(|position| Place { position, below });
        rows
    }

    /// A thin bar that says where in the thread the pane is, and takes it elsewhere.
    fn scroll_bar(&mut self, ui: &Ui, rect: Rect, thread: &Thread, first: usize, last: usize) {
        let shown = (last + 1 - first) as f32;
        if first == 0 && last + 1 == thread.len() {
            return;
        }
        let p = theme::palette(ui);
        let track =
            Rect::from_min_max(pos2(rect.right() - 10.0, rect.top() + 2.0), pos2(rect.right() - 2.0, rect.bottom() - 2.0));
        let response = ui.interact(track, ui.scope_id().with("scroll bar"), Sense::DRAG);
        let length = (track.height() * shown / thread.len() as f32).max(32.0);
        let free = (track.height() - length).max(1.0);
        let steps = (thread.len() as f32 - shown).max(1.0);
        if let Some(pointer) = response.interact_pointer_pos() {
            let part = ((pointer.y - track.top() - length / 2.0) / free).clamp(0.0, 1.0);
            let bottom = (part * steps + shown - 1.0).round() as usize;
            self.at = thread
                .get(bottom)
                .filter(|_| bottom + 1 < thread.len())
                .map(|entry| Place { position: entry.position, below: 0.0 });
        }
        let top = track.top() + free * (first as f32 / steps).min(1.0);
        let bar = Rect::from_min_size(pos2(track.left() + 2.0, top), vec2(4.0, length));
        let active = response.hovered() || response.dragged();
        ui.painter().rect_filled(bar, 2.0, if active { p.text_third } else { p.border_strong.gamma_multiply(0.6) });
    }
}

/// The round button that leads back to the newest entry.
fn newest_button(ui: &Ui, rect: Rect) -> bool {
    let p = theme::palette(ui);
    let place = Rect::from_center_size(rect.right_bottom() - vec2(44.0, 34.0), vec2(size::HEADER_BUTTON, size::HEADER_BUTTON));
    let response = ui.interact(place, ui.scope_id().with("newest"), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text::NEWEST));
    let edge = if response.hovered() { p.border_strong } else { p.border };
    ui.painter().circle(place.center(), place.width() / 2.0, p.raised, (1.0, edge));
    icons::paint(ui.painter(), place.center(), icons::ARROW_DOWN, size::ICON, icons::REGULAR, p.text);
    paint::focus_ring(ui, &response, place, place.width() / 2.0, p);
    response.on_hover_text(text::NEWEST).clicked()
}

/// A line of small print in the middle of the pane.
fn small_print(ui: &Ui, at: eframe::egui::Pos2, words: &str, room: f32) {
    let p = theme::palette(ui);
    label::said(ui, at, Align2::CENTER_CENTER, words, theme::medium(type_size::CAPTION), p.text_third, room);
}
