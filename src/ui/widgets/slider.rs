//! A value from nothing to all, to be dragged, or moved with the arrow keys.

use eframe::egui::{CornerRadius, CursorIcon, EventFilter, Key, Rect, Sense, Ui, WidgetInfo, lerp, pos2, vec2};

use super::paint;
use crate::ui::theme;
use crate::ui::tokens::{mark, size, type_size};

/// Half the height of the bar, and the radius of the knob.
const BAR: f32 = 2.0;
const KNOB: f32 = 9.0;
/// One press of an arrow key.
const STEP: u8 = 5;

/// A percentage under its name. Returns the new one when it was let go, so that what follows from it happens once.
pub fn percent(ui: &mut Ui, name: &str, value: u8) -> Option<u8> {
    let p = theme::palette(ui);
    super::label::text(ui, name, theme::medium(type_size::LABEL), p.text_second);
    let width = ui.available_width().min(420.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, size::TOOLBAR), Sense::click_and_drag());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    let track = Rect::from_center_size(rect.center(), vec2(rect.width() - 2.0 * KNOB, 2.0 * BAR));
    let at = |x: f32| (((x - track.left()) / track.width()).clamp(0.0, 1.0) * 100.0).round() as u8;
    let pointer = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked() || response.drag_stopped());
    let shown = pointer.map_or(value, |pointer| at(pointer.x));
    response.widget_info(|| WidgetInfo::slider(true, f64::from(shown), name));
    let knob = pos2(lerp(track.left()..=track.right(), f32::from(shown) / 100.0), track.center().y);
    ui.painter().rect_filled(track, CornerRadius::same(BAR as u8), p.border_strong.gamma_multiply(0.5));
    let filled = Rect::from_min_max(track.min, pos2(knob.x, track.bottom()));
    ui.painter().rect_filled(filled, CornerRadius::same(BAR as u8), p.accent);
    let grow = if response.hovered() || response.dragged() { 1.0 } else { 0.0 };
    ui.painter().circle_filled(knob, KNOB + grow, p.accent);
    ui.painter().circle_filled(knob, 3.0, mark::SWITCH_KNOB);
    paint::focus_ring(ui, &response, Rect::from_center_size(knob, vec2(KNOB, KNOB) * 2.0), KNOB, p);
    if response.has_focus() {
        // Else the arrows would take the focus elsewhere.
        let arrows = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let step = |key| ui.input(|input| input.key_pressed(key));
        let moved = match (step(Key::ArrowRight), step(Key::ArrowLeft)) {
            (true, false) => value.saturating_add(STEP).min(100),
            (false, true) => value.saturating_sub(STEP),
            _ => value,
        };
        if moved != value {
            return Some(moved);
        }
    }
    let let_go = response.clicked() || response.drag_stopped();
    (let_go && shown != value).then_some(shown)
}
