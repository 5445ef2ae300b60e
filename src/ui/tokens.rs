//! Every colour and every size of the window. Nothing else in `ui` names one.
//!
//! Neutral ink and paper, one accent; green and red only for what a call means (accept, hang up, verified, danger), amber for "not
//! verified yet". The stage of a call is dark in both themes.

use eframe::egui::Color32;

/// The colours of one theme, by role.
#[derive(Debug, PartialEq)]
pub struct Palette {
    pub background: Color32,
    pub sidebar: Color32,
    /// Fields.
    pub surface: Color32,
    /// Dialogs, the popup.
    pub raised: Color32,
    pub hover: Color32,
    pub selected: Color32,
    pub border: Color32,
    pub border_strong: Color32,
    pub text: Color32,
    pub text_second: Color32,
    pub text_third: Color32,
    pub accent: Color32,
    pub accent_hover: Color32,
    pub on_accent: Color32,
    pub accent_text: Color32,
    pub accent_soft: Color32,
    pub success: Color32,
    pub success_text: Color32,
    pub success_soft: Color32,
    pub danger: Color32,
    pub danger_text: Color32,
    pub danger_soft: Color32,
    pub warning_text: Color32,
    pub warning_soft: Color32,
    /// Dots of presence, and the parts of a meter that are right and that are loud: marks without text.
    pub online: Color32,
    pub offline: Color32,
    pub loud: Color32,
    /// What the top of the welcome screen glows with.
    pub welcome_glow: Color32,
    /// How strongly the popup's top takes the colour of the caller's avatar, of 255.
    pub popup_glow: u8,
    /// Behind a dialog.
    pub scrim: Color32,
    pub shadow: Color32,
    pub bubble_in: Color32,
    pub bubble_out: Color32,
    /// The small print on a bubble of ours.
    pub bubble_out_print: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Ink.
pub const DARK: Palette = Palette {
    background: rgb(0x0F1014),
    sidebar: rgb(0x15161B),
    surface: rgb(0x1C1E25),
    raised: rgb(0x20222A),
    hover: rgb(0x1F2129),
    selected: rgb(0x272A38),
    border: rgb(0x262932),
    border_strong: rgb(0x666C7D),
    text: rgb(0xEEF0F4),
    text_second: rgb(0xA9AFBC),
    text_third: rgb(0x8B92A1),
    accent: rgb(0x5F5FDC),
    accent_hover: rgb(0x6767DF),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0xB3ADFF),
    accent_soft: rgb(0x262747),
    success: rgb(0x1A8456),
    success_text: rgb(0x4CCB8B),
    success_soft: rgb(0x132D22),
    danger: rgb(0xD53941),
    danger_text: rgb(0xFF9592),
    danger_soft: rgb(0x3A1A1E),
    warning_text: rgb(0xFFCA6B),
    warning_soft: rgb(0x33270F),
    online: rgb(0x2FB977),
    offline: rgb(0x868D9C),
    loud: rgb(0xE5A83B),
    welcome_glow: rgb(0x292242),
    popup_glow: 76,
    scrim: Color32::from_black_alpha(140),
    shadow: Color32::from_black_alpha(96),
    bubble_in: rgb(0x22252E),
    bubble_out: rgb(0x5656CF),
    bubble_out_print: rgb(0xE4E3FF),
};

/// Paper.
pub const LIGHT: Palette = Palette {
    background: rgb(0xFFFFFF),
    sidebar: rgb(0xF6F6F9),
    surface: rgb(0xF2F2F6),
    raised: rgb(0xFFFFFF),
    hover: rgb(0xECECF2),
    selected: rgb(0xE4E4FA),
    border: rgb(0xE3E4EA),
    border_strong: rgb(0x878C9A),
    text: rgb(0x191B22),
    text_second: rgb(0x565C69),
    text_third: rgb(0x606674),
    accent: rgb(0x5656D0),
    accent_hover: rgb(0x4848BE),
    on_accent: rgb(0xFFFFFF),
    accent_text: rgb(0x4D4AC0),
    accent_soft: rgb(0xEBEBFD),
    success: rgb(0x187E51),
    success_text: rgb(0x16734A),
    success_soft: rgb(0xE3F5EB),
    danger: rgb(0xD13138),
    danger_text: rgb(0xC4262D),
    danger_soft: rgb(0xFDEBEC),
    warning_text: rgb(0x8A5200),
    warning_soft: rgb(0xFFF4D6),
    online: rgb(0x1F935B),
    offline: rgb(0x7B8291),
    loud: rgb(0xB0720A),
    welcome_glow: rgb(0xE9E4F8),
    popup_glow: 44,
    scrim: Color32::from_black_alpha(90),
    shadow: Color32::from_black_alpha(28),
    bubble_in: rgb(0xEFEFF4),
    bubble_out: rgb(0x5656D0),
    bubble_out_print: rgb(0xE4E3FF),
};

/// The stage of a call: dark in both themes, and over a picture whose colours nobody knows.
pub mod stage {
    use super::{Color32, rgb};

    pub const BACKGROUND: Color32 = rgb(0x0B0C10);
    /// The end of the shade under the top and the bottom bar; it starts from nothing.
    pub const SHADE: Color32 = Color32::from_black_alpha(178);
    /// What is left of the light of the blurred copy beside the picture.
    pub const DIM: Color32 = Color32::from_gray(145);
    /// Pills and the bar of the controls.
    pub const PILL: Color32 = Color32::from_rgba_premultiplied(15, 16, 20, 235);
    pub const PILL_BORDER: Color32 = Color32::from_rgba_premultiplied(26, 26, 26, 26);
    pub const CONTROL: Color32 = rgb(0x2C2F33);
    pub const CONTROL_HOVER: Color32 = rgb(0x3C3F46);
    /// A control that is switched off stands out.
    pub const CONTROL_OFF: Color32 = rgb(0xF1F1F2);
    pub const CONTROL_OFF_HOVER: Color32 = rgb(0xFFFFFF);
    pub const ON_CONTROL_OFF: Color32 = rgb(0x191B22);
    pub const SELF_VIEW: Color32 = rgb(0x1C1E25);
    pub const SELF_VIEW_BORDER: Color32 = Color32::from_rgba_premultiplied(64, 64, 64, 64);
    pub const TEXT: Color32 = rgb(0xEEF0F4);
    pub const TEXT_SECOND: Color32 = rgb(0xC9CDD6);
    pub const BAR_EMPTY: Color32 = Color32::from_rgba_premultiplied(64, 64, 64, 64);
}

/// Small marks that carry no text and are the same in both themes.
pub mod mark {
    use super::{Color32, rgb};

    pub const QR_INK: Color32 = rgb(0x111114);
    pub const QR_PAPER: Color32 = rgb(0xFFFFFF);
    pub const SWITCH_KNOB: Color32 = rgb(0xFFFFFF);
    /// The initials on an avatar.
    pub const ON_AVATAR: Color32 = rgb(0xFFFFFF);
}

/// The avatars' gradients, from top left to bottom right. A contact keeps theirs.
pub const AVATARS: [[Color32; 2]; 6] = [
    [rgb(0x8A5CF5), rgb(0x5B48D8)],
    [rgb(0x0F9D8E), rgb(0x0A757D)],
    [rgb(0xE06A5A), rgb(0xB8406A)],
    [rgb(0x4A84E8), rgb(0x2F5BBD)],
    [rgb(0xC97A1E), rgb(0xA65020)],
    [rgb(0x5B6985), rgb(0x434E69)],
];

/// Distances.
pub mod space {
    pub const XS: f32 = 4.0;
    pub const S: f32 = 8.0;
    pub const M: f32 = 12.0;
    pub const L: f32 = 16.0;
    pub const XL: f32 = 24.0;
    pub const XXL: f32 = 32.0;
    pub const HUGE: f32 = 48.0;
}

/// Corners.
pub mod radius {
    pub const S: u8 = 8;
    pub const M: u8 = 12;
    pub const L: u8 = 16;
    pub const XL: u8 = 22;
    pub const FULL: u8 = 255;
}

/// What a finger or a pointer has to hit, and the fixed measures of the layout.
pub mod size {
    pub const TOOLBAR: f32 = 36.0;
    pub const HEADER_BUTTON: f32 = 40.0;
    pub const FIELD: f32 = 44.0;
    pub const CONTROL: f32 = 52.0;
    pub const ANSWER: f32 = 60.0;
    pub const HANG_UP: [f32; 2] = [84.0, 52.0];

    /// Wider than any picture that is shown, in pixels.
    pub const TEXTURE_SIDE: usize = 4096;
    pub const WINDOW: [f32; 2] = [1180.0, 760.0];
    pub const WINDOW_MIN: [f32; 2] = [640.0, 480.0];
    pub const POPUP: [f32; 2] = [360.0, 492.0];
    pub const SIDEBAR: f32 = 324.0;
    pub const SIDEBAR_MIN: f32 = 248.0;
    /// Below this the words of a call go under its top bar.
    pub const WIDE_STAGE: f32 = 960.0;
    /// Below this height what stands in the middle of a call is smaller.
    pub const LOW_STAGE: f32 = 560.0;
    /// A conversation that is narrower has its rarer buttons in its menu.
    pub const WIDE_CONVERSATION: f32 = 520.0;
    pub const SETTINGS_LIST: f32 = 264.0;
    pub const SETTINGS_PAGE: f32 = 822.0;
    pub const HEADER: f32 = 64.0;
    pub const FOOT: f32 = 44.0;
    pub const ROW: f32 = 68.0;
    pub const ROW_STEP: f32 = 70.0;
    pub const CARD: f32 = 440.0;
    pub const DIALOG: f32 = 620.0;
    pub const VERIFY: f32 = 678.0;
    pub const QR: f32 = 212.0;
    pub const TOAST: f32 = 440.0;
    pub const SWITCH: [f32; 2] = [40.0, 24.0];
    pub const SELF_VIEW: [f32; 2] = [236.0, 133.0];
    pub const MENU: f32 = 200.0;
    /// The conversation beside a call.
    pub const BESIDE_CALL: f32 = 344.0;
    /// A stage that is narrower has no room for its controls.
    pub const STAGE_MIN: f32 = 480.0;

    pub const AVATAR_S: f32 = 36.0;
    pub const AVATAR_M: f32 = 40.0;
    pub const AVATAR_ROW: f32 = 44.0;
    pub const AVATAR_SELF_VIEW: f32 = 56.0;
    pub const AVATAR_L: f32 = 104.0;
    pub const AVATAR_STAGE: f32 = 132.0;

    pub const ICON_S: f32 = 16.0;
    pub const ICON: f32 = 20.0;
    pub const ICON_L: f32 = 24.0;
    pub const ICON_ANSWER: f32 = 28.0;
}

/// Points of type.
pub mod type_size {
    pub const DISPLAY: f32 = 28.0;
    pub const NAME: f32 = 22.0;
    pub const TITLE: f32 = 20.0;
    pub const HEADING: f32 = 16.0;
    pub const MESSAGE: f32 = 14.5;
    pub const BODY: f32 = 14.0;
    pub const LABEL: f32 = 13.0;
    pub const CAPTION: f32 = 12.0;
    pub const OVERLINE: f32 = 11.0;
    pub const MONO: f32 = 13.0;
    /// The digits of a safety number.
    pub const NUMBER: f32 = 19.0;
}

/// The ring of keyboard focus.
pub const FOCUS_RING: f32 = 2.0;

/// Seconds.
pub mod motion {
    pub const HOVER: f32 = 0.12;
    pub const SWITCH: f32 = 0.18;
    /// The pulse around an avatar while it rings; the only thing that repaints by itself.
    pub const RING_PULSE: f64 = 1.8;
    /// The controls of a call go after this long without a movement.
    pub const CONTROLS_FADE_AFTER: f64 = 5.0;
    /// Two Escapes within this time hang up.
    pub const ESCAPE_TWICE: f64 = 0.6;
    /// What is pressed this soon after somebody begins to call was meant for something else.
    pub const UNEXPECTED: f64 = 0.3;
    /// A sentence of the window's own goes after this long.
    pub const OWN_NOTICE: f64 = 3.0;
    /// A notice that asks for nothing goes after this long before somebody's eyes.
    pub const INFO_NOTICE: f64 = 8.0;
    /// The cursor of a field blinks for this long after somebody touched the window.
    pub const BLINK: f64 = 10.0;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// WCAG 2.2 relative luminance.
    fn luminance(color: Color32) -> f64 {
        let linear = |channel: u8| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_and_every_mark_is_readable_on_everything_it_stands_on() {
        for (theme, p) in [("dark", &DARK), ("light", &LIGHT)] {
            let papers = [
                ("background", p.background),
                ("sidebar", p.sidebar),
                ("surface", p.surface),
                ("raised", p.raised),
                ("hover", p.hover),
                ("selected", p.selected),
            ];
            let inks = [
                ("text", p.text, 7.0),
                ("second", p.text_second, 4.5),
                ("third", p.text_third, 4.5),
                ("accent text", p.accent_text, 4.5),
                ("success text", p.success_text, 4.5),
                ("danger text", p.danger_text, 4.5),
                ("warning text", p.warning_text, 4.5),
            ];
            for (paper, below) in papers {
                for (ink, color, least) in inks {
                    let is = contrast(color, below);
                    assert!(is >= least, "{theme}: {ink} on {paper} has a contrast of {is:.2}, not {least}");
                }
                for (mark, color) in [("online", p.online), ("offline", p.offline), ("loud", p.loud)] {
                    let is = contrast(color, below);
                    assert!(is >= 3.0, "{theme}: the mark {mark} on {paper} has a contrast of {is:.2}, not 3");
                }
            }
            let pairs = [
                ("on accent", p.on_accent, p.accent, 4.5),
                ("on accent under the pointer", p.on_accent, p.accent_hover, 4.5),
                ("on danger", p.on_accent, p.danger, 4.5),
                ("on success", p.on_accent, p.success, 4.5),
                ("accent on its soft", p.accent_text, p.accent_soft, 4.5),
                ("success on its soft", p.success_text, p.success_soft, 4.5),
                ("danger on its soft", p.danger_text, p.danger_soft, 4.5),
                ("warning on its soft", p.warning_text, p.warning_soft, 4.5),
                ("text in a bubble of theirs", p.text, p.bubble_in, 7.0),
                ("small print in a bubble of theirs", p.text_third, p.bubble_in, 4.5),
                ("text in a bubble of ours", p.on_accent, p.bubble_out, 4.5),
                ("small print in a bubble of ours", p.bubble_out_print, p.bubble_out, 4.5),
                ("text on accent soft", p.text, p.accent_soft, 7.0),
                ("third on accent soft", p.text_third, p.accent_soft, 4.5),
                ("a field's edge", p.border_strong, p.background, 3.0),
                ("a field's edge on a dialog", p.border_strong, p.raised, 3.0),
                ("a field's edge beside a list", p.border_strong, p.sidebar, 3.0),
            ];
            for (pair, ink, below, least) in pairs {
                let is = contrast(ink, below);
                assert!(is >= least, "{theme}: {pair} has a contrast of {is:.2}, not {least}");
            }
        }
    }

    #[test]
    fn the_stage_of_a_call_is_readable() {
        let pairs = [
            (stage::TEXT, stage::BACKGROUND),
            (stage::TEXT_SECOND, stage::BACKGROUND),
            (stage::TEXT, stage::CONTROL),
            (stage::TEXT, stage::CONTROL_HOVER),
            (stage::ON_CONTROL_OFF, stage::CONTROL_OFF),
            (stage::ON_CONTROL_OFF, stage::CONTROL_OFF_HOVER),
            (DARK.success_text, stage::BACKGROUND),
            (DARK.warning_text, stage::BACKGROUND),
            (DARK.danger_text, stage::SELF_VIEW),
        ];
        for (ink, below) in pairs {
            assert!(contrast(ink, below) >= 4.5, "{ink:?} on {below:?} has a contrast of {:.2}", contrast(ink, below));
        }
    }

    /// Type that is large has to have 3. The initials of a row are smaller, but for WCAG they are decoration: the name that they
    /// are of stands beside them, in ink that the test above is about, and they say nothing else.
    #[test]
    fn initials_are_readable_on_every_avatar() {
        for [from, to] in AVATARS {
            for below in [from, to] {
                let is = contrast(mark::ON_AVATAR, below);
                assert!(is >= 3.0, "white on {below:?} has a contrast of {is:.2}, large type needs 3");
            }
        }
    }
}
