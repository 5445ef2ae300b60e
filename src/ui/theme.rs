//! Fonts and egui's own style, made from the tokens.

use std::sync::Arc;

use eframe::egui::{
    Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Id, Shadow, Stroke, Style, TextStyle, Theme,
    ThemePreference, Ui, Visuals, style::ScrollStyle, vec2,
};

use super::tokens::{DARK, LIGHT, Palette, motion, radius, space, type_size};
use super::{emoji, icons};
use crate::settings;

const MEDIUM: &str = "medium";
const SEMIBOLD: &str = "semibold";

/// The colours to draw with in `ui`.
pub fn palette(ui: &Ui) -> &'static Palette {
    of(ui.visuals())
}

fn of(visuals: &Visuals) -> &'static Palette {
    if visuals.dark_mode { &DARK } else { &LIGHT }
}

/// Running text.
pub fn regular(size: f32) -> FontId {
    FontId::proportional(size)
}

/// Labels and names on small things.
pub fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(MEDIUM.into()))
}

/// Titles, names, buttons.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD.into()))
}

/// Numbers that tick, keys, invitations.
pub fn mono(size: f32) -> FontId {
    FontId::monospace(size)
}

/// Gives `ctx` our fonts and both themes. Once, before the first frame.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    // What people write has emoji in it.
    ctx.add_glyph_rasterizer(emoji::rasterizer());
    ctx.set_style_of(Theme::Dark, style(&DARK, Visuals::dark()));
    ctx.set_style_of(Theme::Light, style(&LIGHT, Visuals::light()));
}

/// Follows what the person chose.
pub fn choose(ctx: &Context, theme: settings::Theme) {
    let wanted = match theme {
        settings::Theme::System => ThemePreference::System,
        settings::Theme::Dark => ThemePreference::Dark,
        settings::Theme::Light => ThemePreference::Light,
    };
    if ctx.options(|options| options.theme_preference) != wanted {
        ctx.set_theme(wanted);
    }
}

/// Lets nothing move by itself, or lets it again.
pub fn keep_still(ctx: &Context, still: bool) {
    let time = if still { 0.0 } else { motion::HOVER };
    let style = ctx.global_style();
    let blink = !still && blinks(ctx);
    if style.animation_time != time || style.visuals.text_cursor.blink != blink {
        ctx.all_styles_mut(|style| {
            style.animation_time = time;
            style.visuals.text_cursor.blink = blink;
        });
    }
}

/// Whether the cursor of a field blinks: not for long when nobody is there. A window with a field in it would be drawn twice a
/// second for ever.
fn blinks(ctx: &Context) -> bool {
    let id = Id::unique("last touch");
    let (now, touched) = ctx.input(|input| (input.time, !input.events.is_empty()));
    let last = ctx.data_mut(|data| {
        let last = data.get_temp_mut_or(id, now);
        if touched {
            *last = now;
        }
        *last
    });
    now - last < motion::BLINK
}

/// Whether nothing may move by itself.
pub fn is_still(ui: &Ui) -> bool {
    ui.style().animation_time == 0.0
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    let mut family = |family: FontFamily, name: &str, bytes: &'static [u8]| {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
        let fallbacks = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
        let list = fonts.families.entry(family).or_insert(fallbacks);
        list.insert(0, name.to_owned());
    };
    let named = |name: &str| FontFamily::Name(name.into());
    family(named(MEDIUM), "Inter Medium", include_bytes!("../../assets/fonts/Inter-Medium.otf"));
    family(named(SEMIBOLD), "Inter SemiBold", include_bytes!("../../assets/fonts/Inter-SemiBold.otf"));
    family(named(icons::REGULAR), "Phosphor", include_bytes!("../../assets/icons/Phosphor.ttf"));
    family(named(icons::FILL), "Phosphor Fill", include_bytes!("../../assets/icons/Phosphor-Fill.ttf"));
    family(FontFamily::Monospace, "JetBrains Mono", include_bytes!("../../assets/fonts/JetBrainsMono-Medium.ttf"));
    family(FontFamily::Proportional, "Inter", include_bytes!("../../assets/fonts/Inter-Regular.otf"));
    fonts
}

fn style(p: &Palette, mut visuals: Visuals) -> Style {
    visuals.override_text_color = Some(p.text);
    visuals.weak_text_color = Some(p.text_third);
    visuals.panel_fill = p.background;
    visuals.window_fill = p.raised;
    visuals.window_stroke = Stroke::new(1.0, p.border);
    visuals.window_corner_radius = CornerRadius::same(radius::XL);
    visuals.menu_corner_radius = CornerRadius::same(radius::M);
    visuals.popup_shadow = Shadow { offset: [0, 8], blur: 24, spread: 0, color: p.shadow };
    visuals.window_shadow = visuals.popup_shadow;
    visuals.extreme_bg_color = p.surface;
    visuals.text_edit_bg_color = Some(p.surface);
    visuals.hyperlink_color = p.accent_text;
    visuals.selection.bg_fill = p.accent.gamma_multiply(0.4);
    visuals.selection.stroke = Stroke::new(2.0, p.accent_text);
    visuals.text_cursor.stroke = Stroke::new(2.0, p.accent_text);
    for (widget, fill, stroke) in [
        (&mut visuals.widgets.noninteractive, p.raised, p.border),
        (&mut visuals.widgets.inactive, p.surface, p.border),
        (&mut visuals.widgets.hovered, p.hover, p.border_strong),
        (&mut visuals.widgets.active, p.selected, p.border_strong),
        (&mut visuals.widgets.open, p.selected, p.border_strong),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, stroke);
        widget.fg_stroke = Stroke::new(1.0, p.text);
        widget.corner_radius = CornerRadius::same(radius::S);
        widget.expansion = 0.0;
    }
    let mut style = Style { visuals, animation_time: motion::HOVER, ..Style::default() };
    style.text_styles = [
        (TextStyle::Heading, semibold(type_size::TITLE)),
        (TextStyle::Body, regular(type_size::BODY)),
        (TextStyle::Button, medium(type_size::BODY)),
        (TextStyle::Small, regular(type_size::CAPTION)),
        (TextStyle::Monospace, mono(type_size::MONO)),
    ]
    .into();
    style.spacing.item_spacing = vec2(space::S, space::S);
    style.spacing.button_padding = vec2(space::M, space::S);
    style.spacing.scroll = ScrollStyle::thin();
    style.interaction.selectable_labels = false;
    style
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Event, RawInput};

    use super::*;

    #[test]
    fn a_cursor_blinks_until_nobody_has_touched_the_window_for_a_while() {
        let ctx = Context::default();
        let frame = |time, events| {
            let input = RawInput { time: Some(time), events, ..RawInput::default() };
            ctx.run_ui(input, |ui| keep_still(ui.ctx(), false)).textures_delta.clear();
            ctx.global_style().visuals.text_cursor.blink
        };
        assert!(frame(100.0, vec![]) && frame(100.0 + motion::BLINK - 1.0, vec![]));
        assert!(!frame(100.0 + motion::BLINK + 1.0, vec![]));
        assert!(frame(200.0, vec![Event::PointerMoved(Default::default())]), "somebody is back");
    }

    #[test]
    fn emoji_have_their_own_colours_in_every_font_and_letters_have_that_of_the_text() {
        let ctx = Context::default();
        install(&ctx);
        let mut output = ctx.run_ui(RawInput::default(), |ui| {
            for font in [regular(14.5), medium(13.0), semibold(14.0), mono(13.0)] {
                let galley = ui.painter().layout_no_wrap("fox🦊👍🏽 1".to_owned(), font, palette(ui).text);
                let coloured: String =
                    galley.rows[0].glyphs.iter().filter(|glyph| glyph.is_color).map(|glyph| glyph.chr).collect();
                assert_eq!(coloured, "🦊👍");
                let tone = galley.rows[0].glyphs[5];
                assert_eq!((tone.chr, tone.advance_width), ('🏽', 0.0), "it is in the picture before it");
            }
        });
        output.textures_delta.clear();
    }
}
