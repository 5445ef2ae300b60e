//! Pictures of a call on the graphics card.

use std::sync::Arc;

use eframe::egui::{Color32, ColorImage, Context, Painter, Rect, TextureHandle, TextureOptions, pos2};

use super::tokens::stage;
use super::widgets::paint;
use crate::media::frame::RgbaFrame;

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
}

struct Shown {
    texture: TextureHandle,
    /// A tiny blurred copy, to lie beside a picture that does not fill its frame.
    blurred: Option<TextureHandle>,
    size: [usize; 2],
    sequence: u64,
}

/// The part of a picture that may be cut away to fill the window; beyond it somebody's face could go.
const MOST_CUT: f32 = 0.16;
/// Size of the blurred copy: stretched over the window it is soft.
const BLURRED: [usize; 2] = [32, 18];

impl Picture {
    /// Takes a new picture. Uploads only if its sequence changed, into the same texture as long as the size holds.
    ///
    /// Call it from `App::ui`: while the window is hidden nothing takes the uploads and they pile up.
    pub fn update(&mut self, ctx: &Context, name: &str, frame: &Arc<RgbaFrame>) {
        let size = [frame.width, frame.height];
        if frame.width == 0 || frame.height == 0 || frame.data.len() != frame.width * frame.height * 4 {
            return;
        }
        // The alpha of a camera's picture is 255 throughout, so premultiplied or not is the same, and bytes are copied as they are.
        let image = || ColorImage::new(size, bytemuck::pod_collect_to_vec(&frame.data));
        match &mut self.shown {
            Some(shown) if shown.sequence == frame.sequence => {}
            Some(shown) if shown.size == size => {
                shown.texture.set_partial([0, 0], image(), TextureOptions::LINEAR);
                if let Some(blurred) = &mut shown.blurred {
                    blurred.set_partial([0, 0], blur(frame), TextureOptions::LINEAR);
                }
                shown.sequence = frame.sequence;
            }
            shown => {
                let texture = ctx.load_texture(name, image(), TextureOptions::LINEAR);
                let blurred = || ctx.load_texture(format!("{name}, blurred"), blur(frame), TextureOptions::LINEAR);
                let blurred = (!self.bare).then(blurred);
                *shown = Some(Shown { texture, blurred, size, sequence: frame.sequence });
            }
        }
    }

    /// Forgets the picture: the call is over, or its camera is off.
    pub fn clear(&mut self) {
        self.shown = None;
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
        let Some(shown) = &self.shown else { return false };
        let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let at = paint::fit(shown.size, rect);
        if (rect.width() / at.width()).max(rect.height() / at.height()) <= 1.0 + MOST_CUT {
            painter.image(shown.texture.id(), rect, paint::cover(shown.size, rect.size(), false), Color32::WHITE);
            return true;
        }
        // The blurred copy only where it is seen: in software each layer of a large picture costs as much as the picture.
        let beside = if at.width() < rect.width() {
            [rect.with_max_x(at.left()), rect.with_min_x(at.right())]
        } else {
            [rect.with_max_y(at.top()), rect.with_min_y(at.bottom())]
        };
        for bar in beside {
            let Some(blurred) = &shown.blurred else { break };
            let painter = painter.with_clip_rect(bar.intersect(painter.clip_rect()));
            painter.image(blurred.id(), rect, paint::cover(BLURRED, rect.size(), false), stage::DIM);
        }
        painter.image(shown.texture.id(), at, whole, Color32::WHITE);
        true
    }

    /// Fills `rect` with the middle of the picture, mirrored as in a mirror, with round corners. False if there is none.
    pub fn mirror(&self, painter: &Painter, rect: Rect, radius: u8) -> bool {
        self.fill(painter, rect, radius, true)
    }

    /// The same, mirrored or not.
    pub fn fill(&self, painter: &Painter, rect: Rect, radius: u8, mirrored: bool) -> bool {
        let Some(shown) = &self.shown else { return false };
        paint::rounded_picture(painter, rect, radius, shown.texture.id(), paint::cover(shown.size, rect.size(), mirrored));
        true
    }
}

/// The picture at [`BLURRED`] size: each pixel the mean of a grid of samples that overlaps its neighbours'.
fn blur(frame: &RgbaFrame) -> ColorImage {
    const SAMPLES: usize = 6;
    let [width, height] = BLURRED;
    let sample = |x: f32, y: f32| {
        let column = ((x * frame.width as f32) as usize).min(frame.width - 1);
        let row = ((y * frame.height as f32) as usize).min(frame.height - 1);
        let at = (row * frame.width + column) * 4;
        [frame.data[at], frame.data[at + 1], frame.data[at + 2]]
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

    fn grey(width: usize, height: usize, sequence: u64) -> Arc<RgbaFrame> {
        Arc::new(RgbaFrame { width, height, data: vec![128; width * height * 4], sequence })
    }

    #[test]
    fn a_picture_is_uploaded_once_and_a_new_size_gets_a_new_texture() {
        let ctx = Context::default();
        let mut picture = Picture::default();
        picture.update(&ctx, "remote", &grey(64, 32, 1));
        let first = picture.shown.as_ref().unwrap().texture.id();
        ctx.tex_manager().write().take_delta().clear();
        picture.update(&ctx, "remote", &grey(64, 32, 1));
        assert!(ctx.tex_manager().write().take_delta().is_empty(), "the same picture is not sent again");
        picture.update(&ctx, "remote", &grey(64, 32, 2));
        assert_eq!(picture.shown.as_ref().unwrap().texture.id(), first);
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
        picture.update(&ctx, "remote", &Arc::new(RgbaFrame { width: 4, height: 4, data: vec![0; 7], sequence: 1 }));
        assert!(!picture.is_some());
    }

    #[test]
    fn the_blurred_copy_of_a_grey_picture_is_grey() {
        assert!(blur(&grey(40, 40, 1)).pixels.iter().all(|&pixel| pixel == Color32::from_gray(128)));
    }
}
