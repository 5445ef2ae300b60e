//! Letters that our own fonts lack, from the fonts of this computer: Arabic, Devanagari, Han and whatever else is written.
//!
//! Looking through a computer's fonts takes a moment and some memory, and most people never need one of them. So it begins when
//! the first such letter is to be drawn, on a thread of its own; what was a box until then is drawn anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eframe::egui::epaint::text::{FallbackRequest, FontProvider as _};
use eframe::egui::{Context, FontFamily};
use egui_system_font_provider::SystemFontProvider;

/// Waits for the first letter that no font of ours has.
pub struct OtherScripts {
    wanted: Arc<AtomicBool>,
    begun: bool,
}

impl OtherScripts {
    /// One for all windows of `ctx`.
    pub fn install(ctx: &Context) -> Self {
        let wanted = Arc::new(AtomicBool::new(false));
        let asked = wanted.clone();
        ctx.add_font_provider(Arc::new(move |_: &FallbackRequest<'_>| {
            asked.store(true, Ordering::Relaxed);
            None
        }));
        Self { wanted, begun: false }
    }

    /// After each frame: begins to look if a letter was missing in it.
    pub fn follow(&mut self, ctx: &Context) {
        if self.begun || !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        self.begun = true;
        let ctx = ctx.clone();
        let look = move || {
            let fonts = SystemFontProvider::new();
            // Comes back when all fonts have been looked through; egui, which asks while it draws, does not wait for that then.
            fonts.font_for(&FallbackRequest { cluster: "ا", family: &FontFamily::Proportional });
            ctx.add_font_provider(Arc::new(fonts));
        };
        if let Err(error) = std::thread::Builder::new().name("fonts".into()).spawn(look) {
            tracing::warn!("other scripts are drawn as boxes: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use eframe::egui::{Color32, RawInput};

    use super::*;
    use crate::ui::theme;

    /// Whether `text` is drawn with letters of some font, and not with boxes.
    fn is_drawn(ctx: &Context, scripts: &mut OtherScripts, text: &str) -> bool {
        let mut drawn = false;
        let mut output = ctx.run_ui(RawInput::default(), |ui| {
            let font = theme::regular(14.0);
            let _ = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), Color32::WHITE);
            drawn = ui.fonts_mut(|fonts| fonts.has_glyphs(&font, text));
        });
        output.textures_delta.clear();
        scripts.follow(ctx);
        drawn
    }

    #[test]
    fn a_letter_that_our_fonts_lack_is_drawn_with_one_of_this_computer() {
        let ctx = Context::default();
        theme::install(&ctx);
        let mut scripts = OtherScripts::install(&ctx);
        assert!(is_drawn(&ctx, &mut scripts, "Käthe"));
        assert!(!scripts.begun, "our own fonts have these, and nothing was looked for");
        let hebrew = "שלום";
        let has_one =
            SystemFontProvider::new().font_for(&FallbackRequest { cluster: "ש", family: &FontFamily::Proportional }).is_some();
        if !has_one {
            return eprintln!("skipped: no font of this computer has Hebrew letters");
        }
        let soon = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            is_drawn(&ctx, &mut scripts, hebrew)
        });
        assert!(soon && scripts.begun);
    }
}
