//! Small pictures that sit in a corner, and go to the nearest one when they are let go.

use eframe::egui::{EventFilter, Key, Pos2, Rect, Response, Ui, Vec2, pos2};

use crate::settings::Corner;

/// How far a picture keeps from the edges of its frame.
#[derive(Debug, Clone, Copy)]
pub struct Margins {
    pub side: f32,
    pub top: f32,
    pub bottom: f32,
}

/// The middle of a picture of `size` in a corner of `frame`.
pub fn center_of(corner: Corner, frame: Rect, size: Vec2, margins: Margins) -> Pos2 {
    let (left, right) = (frame.left() + margins.side + size.x / 2.0, frame.right() - margins.side - size.x / 2.0);
    let (top, bottom) = (frame.top() + margins.top + size.y / 2.0, frame.bottom() - margins.bottom - size.y / 2.0);
    match corner {
        Corner::TopLeft => pos2(left, top),
        Corner::TopRight => pos2(right, top),
        Corner::BottomLeft => pos2(left, bottom),
        Corner::BottomRight => pos2(right, bottom),
    }
}

/// The corner that an arrow key leads to: one step to the right is (1, 0), one down (0, 1).
pub fn toward(corner: Corner, (right, down): (i8, i8)) -> Corner {
    let (mut at_left, mut at_top) = match corner {
        Corner::TopLeft => (true, true),
        Corner::TopRight => (false, true),
        Corner::BottomLeft => (true, false),
        Corner::BottomRight => (false, false),
    };
    if right != 0 {
        at_left = right < 0;
    }
    if down != 0 {
        at_top = down < 0;
    }
    match (at_left, at_top) {
        (true, true) => Corner::TopLeft,
        (false, true) => Corner::TopRight,
        (true, false) => Corner::BottomLeft,
        (false, false) => Corner::BottomRight,
    }
}

/// The arrow key that was pressed on something that has the keyboard's focus, which it keeps.
pub fn arrow(ui: &Ui, response: &Response) -> Option<(i8, i8)> {
    if !response.has_focus() {
        return None;
    }
    // Else the arrows would take the focus elsewhere.
    let arrows = EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    let keys = [(Key::ArrowRight, (1, 0)), (Key::ArrowLeft, (-1, 0)), (Key::ArrowDown, (0, 1)), (Key::ArrowUp, (0, -1))];
    keys.into_iter().find(|(key, _)| ui.input(|input| input.key_pressed(*key))).map(|(_, way)| way)
}

/// The corner of `frame` that `at` is nearest to.
pub fn nearest(at: Pos2, frame: Rect) -> Corner {
    match (at.x < frame.center().x, at.y < frame.center().y) {
        (true, true) => Corner::TopLeft,
        (false, true) => Corner::TopRight,
        (true, false) => Corner::BottomLeft,
        (false, false) => Corner::BottomRight,
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::vec2;

    use super::*;

    #[test]
    fn a_dragged_picture_goes_to_the_nearest_corner() {
        let frame = Rect::from_min_size(pos2(0.0, 0.0), vec2(1000.0, 800.0));
        let margins = Margins { side: 24.0, top: 84.0, bottom: 26.0 };
        for corner in [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight] {
            assert_eq!(nearest(center_of(corner, frame, vec2(236.0, 133.0), margins), frame), corner);
        }
    }

    #[test]
    fn an_arrow_key_leads_along_one_edge_and_not_beyond_it() {
        let ways = [(1, 0), (0, 1), (-1, 0), (0, -1)];
        let round = ways.into_iter().scan(Corner::TopLeft, |corner, way| {
            *corner = toward(*corner, way);
            Some(*corner)
        });
        assert_eq!(round.collect::<Vec<_>>(), [Corner::TopRight, Corner::BottomRight, Corner::BottomLeft, Corner::TopLeft]);
        assert_eq!(toward(Corner::TopLeft, (-1, 0)), Corner::TopLeft);
    }
}
