//! Emoji in colour, wherever text is drawn.
//!
//! A font is drawn in one colour, and one with colours of its own weighs ten megabytes. So these are small pictures,
//! made by `assets/make`: egui asks for each sign once a size and keeps what it gets among its glyphs. Nothing else of them is in
//! memory, and text with emoji in it is laid out, selected and cut like any other.

use eframe::egui::{
    Align2, Color32, ColorImage, FontPriority, GlyphBitmap, GlyphRasterizer, GlyphRasterizerRequest, Painter, RasterizedGlyph,
    Rect, vec2,
};

use super::theme;

/// Pages of pictures below each other: for each, its length in four bytes, little-endian, and a PNG.
static PAGES: &[u8] = include_bytes!("../../assets/emoji/pages.bin");
/// Which emoji stands where, one a line, without [`SELECTORS`].
static INDEX: &str = include_str!("../../assets/emoji/index.txt");
/// Pictures a page.
const PAGE: usize = 16;
/// Pixels of a picture's side.
const SIDE: usize = 36;

/// Side of a picture, and how far above the line it begins, in heights of the font: those of the font that the pictures are from.
const EM: f32 = 1.25;
const RISE: f32 = 0.96;

/// Say whether a sign is meant as text or as a picture.
const SELECTORS: [char; 2] = ['\u{FE0E}', AS_PICTURE];
const AS_PICTURE: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';
/// Digits, ©, ™ and the like are below it: letters, unless somebody asks for a picture.
const FIRST_SIGN: char = '\u{2190}';
/// Characters of a sign that are looked at: no emoji has more, and whoever joins thousands to one waits for no drawing of them.
const LONGEST: usize = 16;

/// What egui asks for emoji.
pub fn rasterizer() -> GlyphRasterizer {
    GlyphRasterizer::new("emoji", |request: &GlyphRasterizerRequest<'_>| {
        let parts = parts(request.cluster);
        let side = (request.font_size_px * EM).round() as usize;
        if parts.is_empty() || side == 0 {
            return None;
        }
        let image = side_by_side(&parts, side);
        let advance_px = image.width() as f32;
        let offset_px = vec2(0.0, -(request.font_size_px * RISE).round());
        Some(RasterizedGlyph { bitmap: GlyphBitmap { image, offset_px, is_color: true }, advance_px })
    })
    .with_priority(FontPriority::Highest)
}

/// Draws `emoji` into `rect`, faded by `opacity`.
pub fn paint(painter: &Painter, rect: Rect, emoji: &str, opacity: f32) {
    let font = theme::regular(rect.height() / EM);
    painter.text(rect.center(), Align2::CENTER_CENTER, emoji, font, Color32::WHITE.gamma_multiply(opacity));
}

/// Whether `emoji` is drawn as one picture.
pub fn has(emoji: &str) -> bool {
    parts(emoji).len() == 1
}

/// The pictures of a sign: one, or several if it is joined of some in a way that has no picture; none if letters draw it.
fn parts(cluster: &str) -> Vec<usize> {
    let asked = cluster.contains([AS_PICTURE, KEYCAP]);
    if cluster.chars().next().is_none_or(|first| first < FIRST_SIGN && !asked) {
        return Vec::new();
    }
    let sign: String = cluster.chars().filter(|sign| !SELECTORS.contains(sign)).take(LONGEST).collect();
    let (mut rest, mut parts) = (sign.as_str(), Vec::new());
    while let Some(first) = rest.chars().next() {
        let longest = INDEX.lines().enumerate().filter(|(_, line)| rest.starts_with(line)).max_by_key(|(_, line)| line.len());
        // Joiners, and marks on a picture, are passed over; what begins with neither picture nor letter is left to the fonts.
        rest = &rest[longest.map_or(first.len_utf8(), |(_, line)| line.len())..];
        match longest {
            Some((index, _)) => parts.push(index),
            None if parts.is_empty() => break,
            None => {}
        }
    }
    parts
}

/// The pictures at `indices` in a row, each with this many pixels a side.
fn side_by_side(indices: &[usize], side: usize) -> ColorImage {
    let mut row = ColorImage::filled([side * indices.len(), side], Color32::TRANSPARENT);
    for (number, index) in indices.iter().enumerate() {
        let picture = picture(*index);
        for y in 0..side {
            for x in 0..side {
                row[(number * side + x, y)] = sample(&picture, x, y, side);
            }
        }
    }
    row
}

/// The picture at `index`, from its page.
fn picture(index: usize) -> ColorImage {
    let mut rest = PAGES;
    let mut page: &[u8] = &[];
    for _ in 0..=index / PAGE {
        let (length, after) = rest.split_first_chunk().expect("the program has a page for each line of the index");
        (page, rest) = after.split_at(u32::from_le_bytes(*length) as usize);
    }
    let page = eframe::icon_data::from_png_bytes(page).expect("each page is a PNG");
    let bytes = SIDE * SIDE * 4;
    ColorImage::from_rgba_unmultiplied([SIDE, SIDE], &page.rgba[index % PAGE * bytes..][..bytes])
}

/// The pixel at `x`, `y` of `picture` scaled to `side`: the mean of those around it, the nearer the more.
fn sample(picture: &ColorImage, x: usize, y: usize, side: usize) -> Color32 {
    let scale = SIDE as f32 / side as f32;
    // Pixels and their weights along one axis. Larger than it is, a picture is smoothed between its pixels.
    let along = |at: usize| {
        let (center, reach) = ((at as f32 + 0.5) * scale - 0.5, scale.max(1.0));
        let from = (center - reach).ceil().max(0.0) as usize;
        let to = ((center + reach).floor() as usize).min(SIDE - 1);
        (from..=to).map(move |pixel| (pixel, reach - (pixel as f32 - center).abs()))
    };
    let (mut sum, mut weights) = ([0.0; 4], 0.0);
    for (row, of_row) in along(y) {
        for (column, of_column) in along(x) {
            let weight = of_row * of_column;
            weights += weight;
            sum.iter_mut().zip(picture[(column, row)].to_array()).for_each(|(sum, value)| *sum += weight * f32::from(value));
        }
    }
    let [r, g, b, a] = sum.map(|sum| (sum / weights).round() as u8);
    Color32::from_rgba_premultiplied(r, g, b, a)
}

#[cfg(test)]
mod tests {
    use eframe::egui::FontFamily;

    use super::*;

    fn draw(cluster: &str, font_size_px: f32) -> Option<RasterizedGlyph> {
        let family = &FontFamily::Proportional;
        (rasterizer().rasterize)(&GlyphRasterizerRequest { cluster, family, font_size_px, subpixel_offset_px: 0.0 })
    }

    #[test]
    fn every_line_of_the_index_has_a_picture() {
        let count = INDEX.lines().count();
        let (mut rest, mut pages) = (PAGES, 0);
        while let Some((length, after)) = rest.split_first_chunk() {
            let (page, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            let page = eframe::icon_data::from_png_bytes(page).expect("a PNG");
            assert_eq!((page.width as usize, page.height as usize), (SIDE, SIDE * PAGE));
            (rest, pages) = (after, pages + 1);
        }
        assert_eq!(pages, count.div_ceil(PAGE));
        for index in (0..count).step_by(PAGE / 2 + 1).chain([count - 1]) {
            assert!(picture(index).pixels.iter().any(|pixel| pixel.a() > 0), "line {index} is empty");
        }
    }

    #[test]
    fn faces_tones_families_flags_and_keycaps_are_one_picture_each() {
        let one = ["😀", "☕", "❤", "❤️", "❤\u{FE0E}", "👍🏽", "👩‍🚀", "👨‍👩‍👧", "🏳️‍🌈", "🇩🇪", "🇩", "🏴󠁧󠁢󠁷󠁬󠁳󠁿", "1️⃣", "©️", "™️"];
        for emoji in one {
            assert!(has(emoji), "{emoji}: {:?}", parts(emoji));
        }
        let (yellow, brown) = (picture(parts("👍")[0]), picture(parts("👍🏾")[0]));
        assert_ne!(yellow, brown);
    }

    #[test]
    fn what_letters_draw_stays_letters() {
        for letters in ["a", "é", "7", "#", "©", "™", "→", "Я", "中", "", "\u{200D}", "\u{FE0F}"] {
            assert_eq!(parts(letters), [] as [usize; 0], "{letters:?}");
            assert!(draw(letters, 14.0).is_none());
        }
    }

    #[test]
    fn what_is_joined_in_a_way_without_a_picture_is_drawn_side_by_side_but_not_without_end() {
        let both = [parts("🦊"), parts("🚀")].concat();
        assert_eq!(parts("🦊\u{200D}🚀"), both);
        let wide = draw("🦊\u{200D}🚀", 16.0).expect("two pictures");
        assert_eq!((wide.bitmap.image.size, wide.advance_px), ([40, 20], 40.0));
        let many = ["🦊"; 5000].join("\u{200D}");
        assert!(parts(&many).len() <= LONGEST);
        assert_eq!(parts(&format!("🦊{}", "\u{308}".repeat(5000))), parts("🦊"));
    }

    #[test]
    fn a_picture_is_as_large_as_the_font_asks_and_keeps_its_colours() {
        for size in [11.0, 14.5, 28.8, 60.0] {
            let glyph = draw("❤️", size).expect("a picture");
            let side = (size * EM).round() as usize;
            assert_eq!(glyph.bitmap.image.size, [side, side]);
            assert!(glyph.bitmap.is_color);
            let middle = glyph.bitmap.image[(side / 2, side / 2)];
            assert!(middle.r() > 180 && middle.g() < 110 && middle.a() > 250, "{middle:?}: a heart is red");
            assert_eq!(glyph.bitmap.image[(0, 0)].a(), 0, "and round");
        }
    }
}
