//! One entry with what stands above it: the day, the line of new messages.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, CornerRadius, CursorIcon, FontId, Galley, Id, Popup, PopupCloseBehavior, Pos2, Rect, Response, Sense,
    SetOpenCommand, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
    accesskit::Role,
    pos2,
    text::{CCursor, LayoutJob, TextFormat, TextWrapping},
    vec2,
};

use super::{Shown, Wish, call_pill, small_print};
use crate::engine::snapshot::{Call, Content, Entry, Position, State, links};
use crate::ui::tokens::{Palette, space, type_size};
use crate::ui::widgets::{choice, label, paint};
use crate::ui::{icons, text, theme};

/// Inside a bubble, beside the text and above and below it.
const PADDING: Vec2 = vec2(14.0, 9.0);
const LINE: f32 = 20.0;
/// The small print, where it has a line of its own.
const PRINT: f32 = 16.0;
/// Entries of one sender that follow each other within this time stand together.
const TOGETHER_MS: u64 = 5 * 60_000;
const NOTE: f32 = 32.0;
const DAY: f32 = 46.0;

/// An entry, measured.
pub struct Row<'a> {
    pub index: usize,
    /// With everything above it.
    pub height: f32,
    entry: &'a Entry,
    head: f32,
    day: Option<String>,
    unread: bool,
    marked: bool,
    time: String,
    /// Time and, of ours that wait or are the newest, what became of it.
    print: String,
    body: Body,
    pane: Rect,
}

enum Body {
    Text(Bubble),
    Call(Call),
}

struct Bubble {
    galley: Arc<Galley>,
    links: Vec<links::Link>,
    size: Vec2,
    /// The small print has a line of its own.
    own_line: bool,
    /// Whether the entry stands together with the one above, and with the one below.
    joins: [bool; 2],
}

/// The colours of a bubble.
struct Colors {
    ground: Color32,
    ink: Color32,
    print: Color32,
}

impl<'a> Row<'a> {
    /// Lays the entry at `index` out for a `pane`.
    pub fn measure(ui: &Ui, pane: Rect, shown: &Shown<'a>, index: usize, marks: [Option<Position>; 2]) -> Self {
        let [unread_from, marked] = marks;
        let entry: &'a Entry = shown.thread.get(index).expect("rows are of entries that are there");
        let day_of = |entry: &Entry| shown.zone.at(entry.at_ms).day_number;
        let breaks = |above: &Entry, below: &Entry| {
            day_of(above) != day_of(below)
                || unread_from == Some(below.position)
                || above.mine != below.mine
                || above.text().is_none()
                || below.text().is_none()
                || above.at_ms.abs_diff(below.at_ms) >= TOGETHER_MS
        };
        let above = index.checked_sub(1).and_then(|index| shown.thread.get(index));
        let joins_above = above.is_some_and(|above| !breaks(above, entry));
        let joins_below = shown.thread.get(index + 1).is_some_and(|below| !breaks(entry, below));
        let new_day = above.is_none_or(|above| day_of(above) != day_of(entry));
        let at = shown.zone.at(entry.at_ms);
        let time = text::clock(at);
        let newest = index + 1 == shown.thread.len();
        let print =
            if entry.mine && (newest || entry.state == State::Waiting) { text::state(entry.state, &time) } else { time.clone() };
        let unread = unread_from == Some(entry.position);
        let (body, height) = match &entry.content {
            Content::Text(_) => {
                let bubble = Bubble::lay_out(ui, pane, entry, &print, [joins_above, joins_below]);
                let height = bubble.size.y;
                (Body::Text(bubble), height)
            }
            Content::Call(call) => (Body::Call(*call), call_pill::HEIGHT),
        };
        let mut head = if joins_above { 3.0 } else { 12.0 };
        for (there, height) in [(index == 0, NOTE), (new_day, DAY), (unread, DAY)] {
            head += if there { height } else { 0.0 };
        }
        let day = new_day.then(|| text::day(at, shown.zone.at(shown.now_ms)));
        let marked = marked == Some(entry.position);
        Self { index, height: head + height, entry, head, day, unread, marked, time, print, body, pane }
    }

    /// Draws it with its upper edge at `top`.
    pub fn show(&self, ui: &Ui, top: f32, shown: &Shown) -> Option<Wish> {
        let asked = self.show_head(ui, top, shown);
        let top = top + self.head;
        let wish = match &self.body {
            Body::Text(bubble) => self.show_text(ui, top, bubble, shown),
            Body::Call(call) => call_pill::show(
                ui,
                pos2(self.pane.center().x, top + call_pill::HEIGHT / 2.0),
                self.entry,
                call,
                &self.time,
                shown,
            ),
        };
        asked.or(wish)
    }

    fn show_head(&self, ui: &Ui, top: f32, shown: &Shown) -> Option<Wish> {
        let p = theme::palette(ui);
        let room = self.pane.width() - 2.0 * space::XL;
        let mut y = top + 12.0;
        let mut wish = None;
        if self.index == 0 {
            wish = note(ui, pos2(self.pane.center().x, y + 4.0), room, shown.verify).then_some(Wish::Verify);
            y += NOTE;
        }
        if let Some(day) = &self.day {
            small_print(ui, pos2(self.pane.center().x, y + DAY / 2.0 - 8.0), day, room);
            y += DAY;
        }
        if self.unread {
            let at = pos2(self.pane.center().x, y + DAY / 2.0 - 8.0);
            let font = theme::semibold(type_size::CAPTION);
            let words = label::said(ui, at, Align2::CENTER_CENTER, text::UNREAD, font, p.accent_text, room);
            let line = |from: f32, to: f32| ui.painter().hline(from..=to, at.y, (1.0, p.accent_text.gamma_multiply(0.5)));
            line(self.pane.left() + space::XL, words.left() - space::M);
            line(words.right() + space::M, self.pane.right() - 30.0);
        }
        wish
    }

    fn show_text(&self, ui: &Ui, top: f32, bubble: &Bubble, shown: &Shown) -> Option<Wish> {
        let p = theme::palette(ui);
        let left = if self.entry.mine { self.pane.right() - 30.0 - bubble.size.x } else { self.pane.left() + space::XL };
        let rect = Rect::from_min_size(pos2(left, top), bubble.size);
        let body = self.entry.text().unwrap_or_default();
        let id = ui.scope_id().with(self.entry.position);
        let response = ui.interact(rect, id, Sense::click());
        let spoken = text::spoken_text(shown.name, self.entry.mine, &self.time, body, self.entry.state);
        response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &spoken));
        let colors = Colors::of(p, self.entry.mine);
        let corners = bubble.corners(self.entry.mine);
        ui.painter().rect_filled(rect, corners, colors.ground);
        if self.marked {
            ui.painter().rect_stroke(rect.expand(2.0), corners, Stroke::new(2.0, p.warning_text), StrokeKind::Middle);
        }
        ui.painter().galley(rect.min + PADDING, bubble.galley.clone(), colors.ink);
        let print = self.show_print(ui, rect, bubble.own_line, &colors);
        let over_print = response.hover_pos().is_some_and(|at| print.contains(at));
        let response = if over_print { response.on_hover_text(text::moment(shown.zone.at(self.entry.at_ms))) } else { response };
        paint::focus_ring(ui, &response, rect, 18.0, p);
        let opened = bubble.show_links(ui, id, rect.min + PADDING, body);
        opened.or_else(|| self.menu(ui, &response, body, &bubble.links))
    }

    /// Time and receipt, in the lower right corner; returns what of the bubble they take.
    fn show_print(&self, ui: &Ui, rect: Rect, own_line: bool, colors: &Colors) -> Rect {
        let mut right = rect.right() - PADDING.x;
        let y = rect.bottom() - if own_line { 16.0 } else { 15.0 };
        if self.entry.mine {
            let icon = if self.entry.state == State::Waiting { icons::CLOCK } else { icons::CHECKS };
            icons::paint(ui.painter(), pos2(right - 6.0, y), icon, 14.0, icons::REGULAR, colors.print);
            right -= 18.0;
        }
        let words =
            label::line(ui.painter(), pos2(right, y), Align2::RIGHT_CENTER, &self.print, print_font(), colors.print, 160.0);
        Rect::from_min_max(words.min - vec2(space::XS, space::XS), rect.max)
    }

    /// What can be done with a text: by the other button of the mouse, or by Enter.
    fn menu(&self, ui: &Ui, response: &Response, body: &str, links: &[links::Link]) -> Option<Wish> {
        let by_key = response.has_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter));
        let toggle = (response.secondary_clicked() || by_key).then_some(SetOpenCommand::Toggle);
        let popup = Popup::menu(response).open_memory(toggle).close_behavior(PopupCloseBehavior::CloseOnClick);
        let shown = popup.show(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let mut wish = None;
            if choice::menu_item(ui, icons::COPY, text::COPY_TEXT, false) {
                wish = Some(Wish::Copy(body.to_owned()));
            }
            for link in links {
                if choice::menu_item(ui, icons::ARROW_SQUARE_OUT, text::OPEN_LINK, false) {
                    wish = Some(Wish::Open(body[link.range.clone()].to_owned()));
                }
            }
            if choice::menu_item(ui, icons::TRASH, text::DELETE_MESSAGE, true) {
                wish = Some(Wish::Delete(self.entry.position));
            }
            wish
        });
        shown?.inner
    }
}

impl Bubble {
    /// Lays a text out: as narrow as it can be, the small print on its last line if there is room.
    fn lay_out(ui: &Ui, pane: Rect, entry: &Entry, print: &str, joins: [bool; 2]) -> Self {
        let colors = Colors::of(theme::palette(ui), entry.mine);
        let body = entry.text().unwrap_or_default();
        let links = links::find(body);
        let most = ((pane.width() - 54.0) * 0.72).clamp(120.0, 520.0) - 2.0 * PADDING.x;
        let mut job = LayoutJob { wrap: TextWrapping { max_width: most, ..TextWrapping::default() }, ..LayoutJob::default() };
        let format = TextFormat { line_height: Some(LINE), ..TextFormat::simple(theme::regular(type_size::MESSAGE), colors.ink) };
        let mut from = 0;
        for link in &links {
            job.append(&body[from..link.range.start], 0.0, format.clone());
            let underline = Stroke::new(1.0, colors.ink);
            job.append(&body[link.range.clone()], 0.0, TextFormat { underline, ..format.clone() });
            from = link.range.end;
        }
        job.append(&body[from..], 0.0, format);
        let galley = ui.painter().layout_job(job);
        let print = ui.painter().layout_no_wrap(print.to_owned(), print_font(), colors.print).size().x;
        let print = print + 12.0 + if entry.mine { 18.0 } else { 0.0 };
        let last = galley.rows.last().map_or(0.0, |row| row.rect().right());
        let own_line = last + print > most;
        let width = galley.size().x.max(if own_line { print } else { last + print });
        let height = galley.size().y + if own_line { PRINT } else { 0.0 };
        let size = vec2(width, height) + 2.0 * PADDING;
        Self { galley, links, size, own_line, joins }
    }

    /// Round, but where it stands together with another bubble.
    fn corners(&self, mine: bool) -> CornerRadius {
        let [above, below] = self.joins.map(|joined| if joined { 6 } else { 18 });
        if mine {
            CornerRadius { nw: 18, sw: 18, ne: above, se: below }
        } else {
            CornerRadius { ne: 18, se: 18, nw: above, sw: below }
        }
    }

    /// Every link is a thing of its own to the pointer, the keyboard and a screen reader; it asks before it opens.
    fn show_links(&self, ui: &Ui, id: Id, at: Pos2, body: &str) -> Option<Wish> {
        let mut wish = None;
        for link in &self.links {
            let cursor = |byte: usize| self.galley.pos_from_cursor(CCursor::new(body[..byte].chars().count()));
            let (start, end) = (cursor(link.range.start), cursor(link.range.end));
            let one_line = (end.top() - start.top()).abs() < 1.0;
            let right = if one_line { end.right() } else { self.galley.size().x };
            let place = Rect::from_min_max(start.min, pos2(right, start.bottom())).translate(at.to_vec2());
            let response = ui.interact(place, id.with(link.range.start), Sense::click());
            let response = response.on_hover_cursor(CursorIcon::PointingHand);
            response.widget_info(|| WidgetInfo::labeled(Role::Link, true, text::link_to(&link.host)));
            paint::focus_ring(ui, &response, place, 4.0, theme::palette(ui));
            if response.on_hover_text(text::link_to(&link.host)).clicked() {
                wish = Some(Wish::Open(body[link.range.clone()].to_owned()));
            }
        }
        wish
    }
}

impl Colors {
    fn of(p: &Palette, mine: bool) -> Self {
        if mine {
            Self { ground: p.bubble_out, ink: p.on_accent, print: p.bubble_out_print }
        } else {
            Self { ground: p.bubble_in, ink: p.text, print: p.text_third }
        }
    }
}

fn print_font() -> FontId {
    theme::regular(type_size::OVERLINE)
}

/// What is true of everything here, above the first entry, and where that can be checked. True when somebody wants to.
fn note(ui: &Ui, at: Pos2, room: f32, verify: Option<&str>) -> bool {
    let p = theme::palette(ui);
    let font = theme::regular(type_size::CAPTION);
    let galley = label::cut(ui.painter(), text::MESSAGES_NOTE, font, p.text_third, room);
    let link = verify.map(|words| label::cut(ui.painter(), words, theme::medium(type_size::CAPTION), p.accent_text, room));
    let gap = 6.0;
    // A narrow pane has the sentence alone; the way to the number is in the head, too.
    let link = link.filter(|link| galley.size().x + gap + link.size().x + 20.0 <= room);
    let width = galley.size().x + link.as_ref().map_or(0.0, |link| gap + link.size().x);
    let left = at.x + 10.0 - width / 2.0;
    icons::paint(ui.painter(), pos2(left - 13.0, at.y), icons::LOCK, 14.0, icons::FILL, p.text_third);
    let said = galley.size().x;
    let place = Rect::from_min_size(pos2(left, at.y - galley.size().y / 2.0), galley.size());
    ui.painter().galley(place.min, galley, p.text_third);
    label::tell(ui, place, Role::Label, text::MESSAGES_NOTE);
    let Some((link, words)) = link.zip(verify) else { return false };
    let place = Rect::from_min_size(pos2(left + said + gap, at.y - link.size().y / 2.0), link.size());
    let target = place.expand2(vec2(4.0, 6.0));
    let response = ui.interact(target, ui.scope_id().with("verify"), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, words));
    ui.painter().galley(place.min, link, p.accent_text);
    paint::focus_ring(ui, &response, place, 4.0, p);
    response.clicked()
}
