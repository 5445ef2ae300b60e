//! The icons, as characters of the two Phosphor subsets in `assets/icons` (same code points in both).

use eframe::egui::{Align2, Color32, FontFamily, FontId, Painter, Pos2};

/// The thin drawing, at rest.
pub const REGULAR: &str = "phosphor";
/// The filled drawing, for what is selected and for calls.
pub const FILL: &str = "phosphor-fill";

pub const ARROW_DOWN: char = '\u{e03e}';
pub const ARROW_DOWN_LEFT: char = '\u{e040}';
pub const ARROW_LEFT: char = '\u{e058}';
pub const ARROWS_IN: char = '\u{e09e}';
pub const ARROWS_OUT: char = '\u{e0a6}';
pub const ARROW_SQUARE_OUT: char = '\u{e5de}';
pub const ARROW_UP_RIGHT: char = '\u{e092}';
pub const BELL: char = '\u{e0ce}';
pub const CARET_DOWN: char = '\u{e136}';
pub const CARET_UP: char = '\u{e13c}';
pub const CHAT_CIRCLE_DOTS: char = '\u{e16c}';
pub const CHECK: char = '\u{e182}';
pub const CHECKS: char = '\u{e53a}';
pub const CLOCK: char = '\u{e19a}';
pub const COPY: char = '\u{e1ca}';
pub const DOTS_VERTICAL: char = '\u{e208}';
pub const EYE: char = '\u{e220}';
pub const EYE_SLASH: char = '\u{e224}';
pub const GEAR: char = '\u{e272}';
pub const GLOBE: char = '\u{e28e}';
pub const HEADPHONES: char = '\u{e2a6}';
pub const INFO: char = '\u{e2ce}';
pub const KEY: char = '\u{e2d6}';
pub const LINK: char = '\u{e2e6}';
pub const LOCK: char = '\u{e308}';
pub const MAGNIFYING_GLASS: char = '\u{e30c}';
pub const MICROPHONE: char = '\u{e326}';
pub const MICROPHONE_SLASH: char = '\u{e328}';
pub const PALETTE: char = '\u{e6c8}';
pub const PAPER_PLANE_RIGHT: char = '\u{e396}';
pub const PENCIL: char = '\u{e3b4}';
pub const PHONE: char = '\u{e3b8}';
pub const PHONE_DISCONNECT: char = '\u{e3bc}';
pub const PHONE_INCOMING: char = '\u{e3be}';
pub const PHONE_OUTGOING: char = '\u{e3c0}';
pub const PHONE_X: char = '\u{e3c4}';
pub const PROHIBIT: char = '\u{e3de}';
pub const SEAL_CHECK: char = '\u{e606}';
pub const SHIELD_CHECK: char = '\u{e40c}';
pub const SHIELD_WARNING: char = '\u{e412}';
pub const TRASH: char = '\u{e4a6}';
pub const USER: char = '\u{e4c2}';
pub const USER_PLUS: char = '\u{e4d0}';
pub const VIDEO_CAMERA: char = '\u{e4da}';
pub const VIDEO_CAMERA_SLASH: char = '\u{e4dc}';
pub const WARNING: char = '\u{e4e0}';
pub const WARNING_CIRCLE: char = '\u{e4e2}';
pub const WAVEFORM: char = '\u{e802}';
pub const X: char = '\u{e4f6}';

/// An icon of `size` points in a `family`, [`REGULAR`] or [`FILL`].
pub fn font(size: f32, family: &'static str) -> FontId {
    FontId::new(size, FontFamily::Name(family.into()))
}

/// Draws an icon around `center`.
pub fn paint(painter: &Painter, center: Pos2, icon: char, size: f32, family: &'static str, color: Color32) {
    painter.text(center, Align2::CENTER_CENTER, icon, font(size, family), color);
}
