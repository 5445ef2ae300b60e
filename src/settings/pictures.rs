//! Where the small pictures of a call sit.

use serde::{Deserialize, Serialize};

/// A corner of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Corner {
    /// Where a page begins.
    TopLeft,
    /// Over the talk of a page.
    TopRight,
    /// Where a page's foot begins.
    BottomLeft,
    /// Where a page ends.
    #[default]
    BottomRight,
}

impl Corner {
    /// The next one, clockwise.
    pub fn next(self) -> Self {
        match self {
            Self::TopLeft => Self::TopRight,
            Self::TopRight => Self::BottomRight,
            Self::BottomRight => Self::BottomLeft,
            Self::BottomLeft => Self::TopLeft,
        }
    }
}

/// How our own picture is shown to ourselves in a call, and where the call sits while something else is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SelfView {
    /// Where it sits.
    pub corner: Corner,
    /// Its width in points, in a window of the size that Vesper opens with.
    pub width: u16,
    /// It is put away.
    pub hidden: bool,
    /// As in a mirror. What is sent is never mirrored.
    pub mirrored: bool,
    /// Where the small picture of the call sits over conversations.
    pub call_corner: Corner,
}

impl SelfView {
    /// The smallest and the largest width.
    pub const WIDTHS: [u16; 2] = [140, 420];

    /// As wide as that, within what is possible.
    pub fn resized(self, width: f32) -> Self {
        let [least, most] = Self::WIDTHS;
        Self { width: width.clamp(f32::from(least), f32::from(most)).round() as u16, ..self }
    }
}

impl Default for SelfView {
    fn default() -> Self {
        Self { corner: Corner::BottomRight, width: 236, hidden: false, mirrored: true, call_corner: Corner::TopRight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_never_too_small_to_see_nor_larger_than_the_call() {
        let widths = [0.0, 200.4, 9000.0].map(|width| SelfView::default().resized(width).width);
        assert_eq!(widths, [140, 200, 420]);
    }

    #[test]
    fn four_steps_lead_around_the_window() {
        assert_eq!(Corner::TopLeft.next().next().next().next(), Corner::TopLeft);
    }
}
