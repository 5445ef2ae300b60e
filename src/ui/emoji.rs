//! The emoji of the words of a call, in colour, from one picture.
//!
//! egui draws text in one colour, so the 256 emoji come as an atlas; `assets/make` draws it and its index from the list of words.

use std::collections::HashMap;
use std::sync::LazyLock;

use eframe::egui::{Color32, Context, Id, Painter, Rect, TextureHandle, TextureOptions, pos2, vec2};

/// The picture: this many emoji a row, of this many pixels each.
const COLUMNS: usize = 16;
static ATLAS: &[u8] = include_bytes!("../../assets/emoji/words.png");
/// Which emoji stands where, one a line.
static INDEX: LazyLock<HashMap<&'static str, usize>> = LazyLock::new(|| {
    include_str!("../../assets/emoji/words.txt").lines().enumerate().map(|(index, emoji)| (emoji, index)).collect()
});

/// Draws `emoji` into `rect`, faded by `opacity`. One that is not in the atlas draws nothing: its word still stands beside it.
pub fn paint(painter: &Painter, rect: Rect, emoji: &str, opacity: f32) {
    let Some(&index) = INDEX.get(emoji) else { return };
    let rows = INDEX.len().div_ceil(COLUMNS);
    let cell = vec2(1.0 / COLUMNS as f32, 1.0 / rows as f32);
    let from = pos2((index % COLUMNS) as f32 * cell.x, (index / COLUMNS) as f32 * cell.y);
    painter.image(texture(painter.ctx()).id(), rect, Rect::from_min_size(from, cell), Color32::WHITE.gamma_multiply(opacity));
}

/// Whether the atlas has a picture of `emoji`.
pub fn has(emoji: &str) -> bool {
    INDEX.contains_key(emoji)
}

/// The atlas on the graphics card, sent there when the first word is shown.
fn texture(ctx: &Context) -> TextureHandle {
    let id = Id::unique("emoji of the words");
    if let Some(texture) = ctx.data(|data| data.get_temp::<TextureHandle>(id)) {
        return texture;
    }
    let atlas = eframe::icon_data::from_png_bytes(ATLAS).expect("the atlas in the program is a PNG");
    let size = [atlas.width as usize, atlas.height as usize];
    let image = eframe::egui::ColorImage::from_rgba_unmultiplied(size, &atlas.rgba);
    let texture = ctx.load_texture("emoji of the words", image, TextureOptions::LINEAR);
    ctx.data_mut(|data| data.insert_temp(id, texture.clone()));
    texture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_atlas_has_a_picture_for_each_of_256_words() {
        assert_eq!(INDEX.len(), 256, "the index names 256 different emoji");
        assert!(has("🦊") && has("⚓"));
        let atlas = eframe::icon_data::from_png_bytes(ATLAS).expect("a PNG");
        assert_eq!(atlas.width % COLUMNS as u32, 0);
        assert_eq!(atlas.width, atlas.height, "16 rows of 16 squares");
    }
}
