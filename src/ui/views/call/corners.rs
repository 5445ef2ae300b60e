//! Small pictures that sit in a corner, and go to the nearest one when they are let go.

use eframe::egui::{Pos2, Rect, Vec2, pos2};

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
}
