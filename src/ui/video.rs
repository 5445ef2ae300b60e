//! Pictures of a call: drawn by the graphics card, or put on the screen as they are where there is none.

mod direct;

use std::sync::Arc;

use eframe::egui::{Color32, ColorImage, Context, Painter, Pos2, Rect, TextureHandle, TextureOptions, pos2, vec2};
use eframe::glow;

use self::direct::Direct;
use super::tokens::stage;
use super::widgets::paint;
use crate::media::frame::{ChannelOrder, ScreenFrame};
use crate::media::place::{Place, Space, cut};

/// The pictures that the views draw.
pub struct Pictures {
    /// What the other side sends.
    pub remote: Picture,
    /// What we send.
    pub preview: Picture,
}

impl Default for Pictures {
    fn default() -> Self {
        // Our own always fills its frame.
        Self { remote: Picture::default(), preview: Picture { bare: true, ..Picture::default() } }
    }
}

/// The newest picture of one stream.
#[derive(Default)]
pub struct Picture {
    shown: Option<Shown>,
    /// Nothing of it ever lies beside it.
    bare: bool,
    /// Set where the processor draws.
    software: Option<Software>,
}

/// Pictures are made as large as their place before they come here, and copied to the screen.
struct Software {
    place: Arc<Place>,
    direct: Direct,
}

struct Shown {
    layer: Layer,
    /// A tiny blurred copy, to lie beside a picture that does not fill its frame.
    blurred: Option<TextureHandle>,
    size: [usize; 2],
    sequence: u64,
}

/// Who draws the picture.
enum Layer {
    Texture(TextureHandle),
    Direct(Direct),
}

/// Size of the blurred copy: stretched over the window it is soft.
const BLURRED: [usize; 2] = [32, 18];
/// By how many pixels a side of a picture may differ from its room's: it is even and rounded up.
const SPARE: f32 = 2.0;

impl Picture {
    /// From now on `place` is told how large the picture is seen.
    pub fn draw_in_software(&mut self, place: Arc<Place>) {
        self.software = Some(Software { place, direct: Direct::default() });
    }

    /// Takes a new picture. Uploads only if its sequence changed, into the same texture as long as the size holds.
    ///
    /// Call it from `App::ui`: while the window is hidden nothing takes the uploads and they pile up.
    pub fn update(&mut self, ctx: &Context, name: &str, frame: &Arc<ScreenFrame>) {
        let size = [frame.width, frame.height];
        if frame.width == 0 || frame.height == 0 || frame.data.len() != frame.width * frame.height * 4 {
            return;
        }
        if self.shown.as_ref().is_some_and(|shown| shown.sequence == frame.sequence) {
            return;
        }
        let before = self.shown.take();
        let (before, blurred) = before.map_or((None, None), |shown| (Some((shown.layer, shown.size)), shown.blurred));
        let layer = match (&self.software, frame.order) {
            // The stage's, as `letterbox` asks for them.
            (Some(software), ChannelOrder::Bgra) => {
                software.direct.put(frame);
                Layer::Direct(software.direct.clone())
            }
            _ => Layer::Texture(match before {
                Some((Layer::Texture(mut texture), known)) if known == size => {
                    texture.set_partial([0, 0], image(frame), TextureOptions::LINEAR);
                    texture
                }
                _ => ctx.load_texture(name, image(frame), TextureOptions::LINEAR),
            }),
        };
        let blurred = (!self.bare).then(|| match blurred {
            Some(mut blurred) => {
                blurred.set_partial([0, 0], blur(frame), TextureOptions::LINEAR);
                blurred
            }
            None => ctx.load_texture(format!("{name}, blurred"), blur(frame), TextureOptions::LINEAR),
        });
        self.shown = Some(Shown { layer, blurred, size, sequence: frame.sequence });
    }

    /// Forgets the picture: the call is over, or its camera is off.
    pub fn clear(&mut self) {
        self.shown = None;
    }

    /// Gives back what a picture that is not shown any more holds of OpenGL.
    pub fn free_unused(&self, gl: &glow::Context) {
        if let (Some(software), None) = (&self.software, &self.shown) {
            software.direct.free(gl);
        }
    }

    /// Whether there is a picture.
    pub fn is_some(&self) -> bool {
        self.shown.is_some()
    }

    /// Columns and rows of the picture, if there is one.
    pub fn size(&self) -> Option<[usize; 2]> {
        self.shown.as_ref().map(|shown| shown.size)
    }

    /// Fills `rect` with the picture: cut a little where that is enough, else whole with the blurred copy beside it. False if
    /// there is none.
    pub fn letterbox(&self, painter: &Painter, rect: Rect) -> bool {
        self.want(painter, rect, false, ChannelOrder::Bgra);
        let Some(shown) = &self.shown else { return false };
        if cut((shown.size[0], shown.size[1]), rect.size().into()) {
            self.layer(shown, painter, rect, paint::cover(shown.size, rect.size(), false));
            return true;
        }
        let at = match &shown.layer {
            Layer::Texture(_) => paint::fit(shown.size, rect),
            Layer::Direct(_) => fit_pixels(shown.size, rect, painter.pixels_per_point()),
        };
        // The blurred copy only where it is seen: in software each layer of a large picture costs as much as the picture.
        for bar in bars(at, rect) {
            let Some(blurred) = &shown.blurred else { break };
            let painter = painter.with_clip_rect(bar.intersect(painter.clip_rect()));
            painter.image(blurred.id(), rect, paint::cover(BLURRED, rect.size(), false), stage::DIM);
        }
        self.layer(shown, painter, at, Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)));
        true
    }

    /// Fills `rect` with the middle of the picture, mirrored as in a mirror, with round corners. False if there is none.
    pub fn mirror(&self, painter: &Painter, rect: Rect, radius: u8) -> bool {
        self.fill(painter, rect, radius, true)
    }

    /// The same, mirrored or not.
    pub fn fill(&self, painter: &Painter, rect: Rect, radius: u8, mirrored: bool) -> bool {
        self.want(painter, rect, true, ChannelOrder::Rgba);
        let Some(shown) = &self.shown else { return false };
        let part = paint::cover(shown.size, rect.size(), mirrored);
        match &shown.layer {
            Layer::Texture(texture) => paint::rounded_picture(painter, rect, radius, texture.id(), part),
            // Square, until a picture comes that was made for this place.
            Layer::Direct(_) => self.layer(shown, painter, rect, part),
        }
        true
    }

    /// Tells whoever makes the pictures how they are seen.
    fn want(&self, painter: &Painter, rect: Rect, filled: bool, order: ChannelOrder) {
        if let Some(software) = &self.software {
            let room = room_in_pixels(rect, painter.pixels_per_point());
            let [width, height] = [room.width(), room.height()].map(|side| side.clamp(1.0, f32::from(u16::MAX)) as u16);
            software.place.set(Space { width, height, filled, order });
        }
    }

    fn layer(&self, shown: &Shown, painter: &Painter, rect: Rect, part: Rect) {
        match &shown.layer {
            Layer::Texture(texture) => drop(painter.image(texture.id(), rect, part, Color32::WHITE)),
            Layer::Direct(direct) => direct.paint(painter, rect, part),
        }
    }
}

/// What of `rect` a picture at `at` leaves free: left and right of it, or above and below. Rounded to pixels, it may be short of both by a
/// hair.
fn bars(at: Rect, rect: Rect) -> [Rect; 2] {
    if rect.width() - at.width() > rect.height() - at.height() {
        [rect.with_max_x(at.left()), rect.with_min_x(at.right())]
    } else {
        [rect.with_max_y(at.top()), rect.with_min_y(at.bottom())]
    }
}

/// As [`paint::fit`], but pixel by pixel where the picture was made for this room, so that it need not be scaled again.
fn fit_pixels(size: [usize; 2], rect: Rect, pixels_per_point: f32) -> Rect {
    let room = room_in_pixels(rect, pixels_per_point);
    let size = [size[0] as f32, size[1] as f32];
    let (wide, high) = (size[0] - room.width(), size[1] - room.height());
    let made_for_it = wide.max(high).abs() <= SPARE;
    if !made_for_it {
        return paint::fit(size.map(|side| side as usize), rect);
    }
    let size = vec2(size[0].min(room.width()), size[1].min(room.height()));
    let corner = room.min + ((room.size() - size) / 2.0).floor();
    Rect::from_min_size(corner / pixels_per_point, size / pixels_per_point)
}

/// Between the edges as egui rounds them: that can be one more than the length.
fn room_in_pixels(rect: Rect, pixels_per_point: f32) -> Rect {
    let pixel = |corner: Pos2| pos2((corner.x * pixels_per_point).round(), (corner.y * pixels_per_point).round());
    Rect::from_min_max(pixel(rect.min), pixel(rect.max))
}

/// For egui. Pictures are opaque, so premultiplied or not is the same, and bytes are copied as they are.
fn image(frame: &ScreenFrame) -> ColorImage {
    ColorImage::new([frame.width, frame.height], bytemuck::pod_collect_to_vec(&frame.data))
}

/// The picture at [`BLURRED`] size: each pixel the mean of a grid of samples that overlaps its neighbours'.
fn blur(frame: &ScreenFrame) -> ColorImage {
    const SAMPLES: usize = 6;
    let [width, height] = BLURRED;
    let sample = |x: f32, y: f32| {
        let column = ((x * frame.width as f32) as usize).min(frame.width - 1);
        let row = ((y * frame.height as f32) as usize).min(frame.height - 1);
        let at = (row * frame.width + column) * 4;
        let [a, b, c] = [frame.data[at], frame.data[at + 1], frame.data[at + 2]];
        if frame.order == ChannelOrder::Bgra { [c, b, a] } else { [a, b, c] }
    };
    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            let mut sum = [0u32; 3];
            for i in 0..SAMPLES * SAMPLES {
                // Three pixels wide and high, around this one.
                let (dx, dy) = ((i % SAMPLES) as f32 + 0.5, (i / SAMPLES) as f32 + 0.5);
                let spread = 3.0 / SAMPLES as f32;
                let x = (column as f32 - 1.0 + dx * spread) / width as f32;
                let y = (row as f32 - 1.0 + dy * spread) / height as f32;
                let rgb = sample(x.clamp(0.0, 1.0), y.clamp(0.0, 1.0));
                sum.iter_mut().zip(rgb).for_each(|(sum, channel)| *sum += u32::from(channel));
            }
            let [r, g, b] = sum.map(|sum| (sum / (SAMPLES * SAMPLES) as u32) as u8);
            pixels.push(Color32::from_rgb(r, g, b));
        }
    }
    ColorImage::new(BLURRED, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media;
    use crate::media::place::screen;
    use crate::media::screen::Screen;

    fn grey(width: usize, height: usize, sequence: u64) -> Arc<ScreenFrame> {
        Arc::new(ScreenFrame { width, height, data: vec![128; width * height * 4], sequence, order: ChannelOrder::Rgba })
    }

    #[test]
    fn a_picture_is_uploaded_once_and_a_new_size_gets_a_new_texture() {
        let ctx = Context::default();
        let mut picture = Picture::default();
        picture.update(&ctx, "remote", &grey(64, 32, 1));
        let texture = |picture: &Picture| match &picture.shown.as_ref().unwrap().layer {
            Layer::Texture(texture) => texture.id(),
            Layer::Direct(_) => panic!("nobody said that the processor draws"),
        };
        let first = texture(&picture);
        ctx.tex_manager().write().take_delta().clear();
        picture.update(&ctx, "remote", &grey(64, 32, 1));
        assert!(ctx.tex_manager().write().take_delta().is_empty(), "the same picture is not sent again");
        picture.update(&ctx, "remote", &grey(64, 32, 2));
        assert_eq!(texture(&picture), first);
        picture.update(&ctx, "remote", &grey(32, 64, 3));
        assert_eq!(picture.shown.as_ref().unwrap().size, [32, 64]);
        drop(picture);
        ctx.tex_manager().write().take_delta().clear();
    }

    #[test]
    fn only_the_other_sides_picture_has_a_blurred_copy() {
        let ctx = Context::default();
        let Pictures { mut remote, mut preview } = Pictures::default();
        for (picture, copies) in [(&mut remote, 2), (&mut preview, 1)] {
            let before = ctx.tex_manager().read().num_allocated();
            picture.update(&ctx, "picture", &grey(64, 32, 1));
            let made = ctx.tex_manager().read().num_allocated() - before;
            ctx.tex_manager().write().take_delta().clear();
            picture.clear();
            ctx.tex_manager().write().take_delta().clear();
            assert_eq!(made, copies);
        }
    }

    #[test]
    fn a_picture_whose_bytes_do_not_fit_its_size_is_dropped() {
        let ctx = Context::default();
        let mut picture = Picture::default();
        picture.update(
            &ctx,
            "remote",
            &Arc::new(ScreenFrame { width: 4, height: 4, data: vec![0; 7], sequence: 1, order: ChannelOrder::Rgba }),
        );
        assert!(!picture.is_some());
    }

    #[test]
    fn the_blurred_copy_of_a_grey_picture_is_grey() {
        assert!(blur(&grey(40, 40, 1)).pixels.iter().all(|&pixel| pixel == Color32::from_gray(128)));
    }

    #[test]
    fn where_the_processor_draws_pictures_are_made_for_their_place() {
        let ctx = Context::default();
        let (sink, view) = screen();
        let mut pictures = Screen::new(sink, None);
        let mut picture = Picture::default();
        picture.draw_in_software(view.place.clone());
        let stage = Rect::from_min_size(pos2(0.0, 0.0), eframe::egui::vec2(640.0, 400.0));
        let painter = Painter::new(ctx.clone(), eframe::egui::LayerId::background(), stage);
        // A large one, which is put on the screen as it is; then a small one with round corners, which egui draws.
        for (small, size, order) in [(false, [640, 400], ChannelOrder::Bgra), (true, [108, 60], ChannelOrder::Rgba)] {
            let corner = Rect::from_min_size(pos2(0.0, 0.0), eframe::egui::vec2(100.0, 60.0));
            let draw = |picture: &Picture| {
                if small { picture.fill(&painter, corner, 8, false) } else { picture.letterbox(&painter, stage) }
            };
            draw(&picture);
            pictures.show(&media::convert::Picture::from(&media::frame::Frame::black(320, 180)));
            let frame = view.pictures.take().unwrap();
            picture.update(&ctx, "remote", &frame);
            let drawn = draw(&picture);
            let direct = matches!(picture.shown.as_ref().unwrap().layer, Layer::Direct(_));
            ctx.tex_manager().write().take_delta().clear();
            assert_eq!((drawn, [frame.width, frame.height], frame.order, direct), (true, size, order, !small));
        }
        drop(picture);
        ctx.tex_manager().write().take_delta().clear();
    }

    #[test]
    fn a_picture_made_for_its_room_lies_on_whole_pixels_at_every_scale() {
        for scale in [1.0, 1.1, 1.25, 1.5, 1.75, 2.0] {
            for (width, height) in (0..400).map(|n| (320.0 + n as f32 * 3.7, 1207.0 - n as f32 * 1.3)) {
                let rect = Rect::from_min_size(pos2(64.0 / scale, 0.0), eframe::egui::vec2(width, height) / scale);
                let room = room_in_pixels(rect, scale);
                let space =
                    Space { width: room.width() as u16, height: room.height() as u16, filled: false, order: ChannelOrder::Bgra };
                let (_, columns, rows) = space.fitted((960, 540));
                if cut((960, 540), rect.size().into()) || cut((columns, rows), rect.size().into()) {
                    continue;
                }
                let at = room_in_pixels(fit_pixels([columns, rows], rect, scale), scale);
                for (side, place) in [(columns as f32, at.width()), (rows as f32, at.height())] {
                    assert!((0.0..=SPARE).contains(&(side - place)), "{columns}x{rows} at {at:?} of {room:?}, {scale}");
                }
            }
        }
    }

    #[test]
    fn the_bars_are_where_the_picture_is_not_though_pixels_are_rounded() {
        // 1366 pixels at 125 %, as egui rounds them to points.
        let rect = Rect::from_min_size(pos2(0.0, 0.0), vec2(1092.8125, 1000.0));
        let at = fit_pixels([1366, 770], rect, 1.25);
        let [above, below] = bars(at, rect);
        assert_eq!((above.width(), above.bottom(), below.top()), (rect.width(), at.top(), at.bottom()));
        let [left, right] = bars(Rect::from_min_max(pos2(100.0, 0.0), pos2(900.0, 1000.0)), rect);
        assert_eq!((left.right(), right.left(), left.height()), (100.0, 900.0, 1000.0));
    }

    #[test]
    fn a_blurred_copy_has_the_colour_of_the_picture_in_either_order() {
        for (order, pixel) in [(ChannelOrder::Rgba, [200, 10, 20, 255]), (ChannelOrder::Bgra, [20, 10, 200, 255])] {
            let frame = ScreenFrame { width: 40, height: 40, order, data: pixel.repeat(1600), sequence: 1 };
            assert!(blur(&frame).pixels.iter().all(|&pixel| pixel == Color32::from_rgb(200, 10, 20)));
        }
    }
}
