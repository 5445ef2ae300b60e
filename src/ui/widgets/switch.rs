//! A switch, and the line of a setting that it stands on.

use eframe::egui::{CornerRadius, CursorIcon, Rect, Sense, Ui, WidgetInfo, accesskit::Role, lerp, pos2, vec2};

use super::{label, paint};
use crate::ui::theme;
use crate::ui::tokens::{mark, motion, size, type_size};

/// Between the name and what it does, and the height of a line of which both are short.
const GAP: f32 = 3.0;
const LEAST: f32 = 40.0;

/// A name, what it does, and a switch at the right end; the whole line can be clicked. True when it changed.
pub fn row(ui: &mut Ui, name: &str, what: &str, on: &mut bool) -> bool {
    let p = theme::palette(ui);
    let [width, height] = size::SWITCH;
    let room = ui.available_width() - width - 16.0;
    let name_galley = ui.painter().layout(name.to_owned(), theme::regular(type_size::BODY), p.text, room);
    let what_galley = ui.painter().layout(what.to_owned(), theme::regular(type_size::CAPTION), p.text_third, room);
    let words = name_galley.size().y + GAP + what_galley.size().y;
    let (rect, mut response) = ui.allocate_exact_size(vec2(ui.available_width(), words.max(LEAST)), Sense::click());
    response = response.on_hover_cursor(CursorIcon::PointingHand);
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::Switch, true, *on, name));
    label::describe(&response, what);
    let top = rect.left_center() - vec2(0.0, words / 2.0);
    let below = top + vec2(0.0, name_galley.size().y + GAP);
    ui.painter().galley(top, name_galley, p.text);
    ui.painter().galley(below, what_galley, p.text_third);

    let track = Rect::from_center_size(pos2(rect.right() - width / 2.0, rect.center().y), vec2(width, height));
    let t = paint::moved(ui, &response, *on, motion::SWITCH);
    ui.painter().rect_filled(track, CornerRadius::same((height / 2.0) as u8), paint::mix(p.border_strong, p.accent, t));
    let knob = pos2(lerp((track.left() + height / 2.0)..=(track.right() - height / 2.0), t), track.center().y);
    ui.painter().circle_filled(knob, height / 2.0 - 3.0, mark::SWITCH_KNOB);
    paint::focus_ring(ui, &response, track, height / 2.0, p);
    response.changed()
}
