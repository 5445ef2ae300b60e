//! A picture put on the screen by OpenGL itself, where the processor does what a graphics card would.
//!
//! egui lays each picture over what is there, through a shader that multiplies it by a colour. Mesa's software renderer does that pixel
//! by pixel, at four times the cost of all the rest of a frame. A picture that is as large as its place needs none of it: Mesa copies
//! its rows when it is blitted, provided that both have the same order of channels.

use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui::{PaintCallback, PaintCallbackInfo, Painter, Rect, Shape};
use eframe::egui_glow::CallbackFn;
use eframe::glow::{self, HasContext as _};

use crate::media::frame::ScreenFrame;

/// How many pixels a picture may be larger than its place to be copied, not scaled: its sides are even, those of a place need not be.
const SPARE: i32 = 2;

/// The newest picture of one stream, on its way to the screen.
#[derive(Debug, Default, Clone)]
pub struct Direct(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Not uploaded yet.
    newest: Option<Arc<ScreenFrame>>,
    objects: Option<Objects>,
}

#[derive(Debug, Clone, Copy)]
struct Objects {
    texture: glow::Texture,
    /// What the texture is read through.
    framebuffer: glow::Framebuffer,
    /// Width and height; nothing is in it before the first.
    size: [i32; 2],
}

impl Direct {
    /// Takes a new picture in the order [`ChannelOrder::Bgra`](crate::media::frame::ChannelOrder), to be uploaded when it is painted.
    pub fn put(&self, frame: &Arc<ScreenFrame>) {
        self.lock().newest = Some(frame.clone());
    }

    /// Fills `rect` with this part of the newest picture, square, opaque.
    pub fn paint(&self, painter: &Painter, rect: Rect, part: Rect) {
        let this = self.clone();
        let paint = move |info: PaintCallbackInfo, painter: &eframe::egui_glow::Painter| {
            this.lock().blit(painter.gl(), &info, part);
        };
        painter.add(Shape::Callback(PaintCallback { rect, callback: Arc::new(CallbackFn::new(paint)) }));
    }

    /// Gives back what OpenGL holds. `gl` must be the context of the window.
    pub fn free(&self, gl: &glow::Context) {
        let mut state = self.lock();
        state.newest = None;
        if let Some(objects) = state.objects.take() {
            // SAFETY: made with this context, and forgotten with this call.
            #[expect(unsafe_code, reason = "every call of OpenGL is")]
            unsafe {
                gl.delete_framebuffer(objects.framebuffer);
                gl.delete_texture(objects.texture);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    #[expect(unsafe_code, reason = "every call of OpenGL is")]
    fn blit(&mut self, gl: &glow::Context, info: &PaintCallbackInfo, part: Rect) {
        // SAFETY: the context is current while egui paints, and the objects are its own.
        let Some(objects) = (unsafe { self.upload(gl) }) else { return };
        let (at, clip) = (info.viewport_in_pixels(), info.clip_rect_in_pixels());
        let from = in_pixels(part, objects.size);
        let copied = copied_part(from, objects.size, [at.width_px, at.height_px]);
        let ([x0, y0, x1, y1], filter) = copied.map_or((from, glow::LINEAR), |copied| (copied, glow::NEAREST));
        let (right, top) = (at.left_px + at.width_px, at.from_bottom_px + at.height_px);
        let inside = at.left_px >= clip.left_px.max(0)
            && at.from_bottom_px >= clip.from_bottom_px.max(0)
            && right <= (clip.left_px + clip.width_px).min(info.screen_size_px[0] as i32)
            && top <= (clip.from_bottom_px + clip.height_px).min(info.screen_size_px[1] as i32);
        // SAFETY: as above; the texture holds pixels, and nothing outside the window's own framebuffer can be written.
        unsafe {
            // Through scissors Mesa does not copy. egui sets them anew after this.
            if inside {
                gl.disable(glow::SCISSOR_TEST);
            }
            gl.bind_framebuffer(glow::READ_FRAMEBUFFER, Some(objects.framebuffer));
            // The first row is the topmost; OpenGL counts from the bottom.
            gl.blit_framebuffer(x0, y0, x1, y1, at.left_px, top, right, at.from_bottom_px, glow::COLOR_BUFFER_BIT, filter);
            gl.bind_framebuffer(glow::READ_FRAMEBUFFER, None);
        }
    }

    /// Brings the newest picture into the texture, if it is not there; nothing if there is none at all.
    ///
    /// # Safety
    ///
    /// `gl` is current, and the one of the calls before.
    #[expect(unsafe_code, reason = "every call of OpenGL is")]
    unsafe fn upload(&mut self, gl: &glow::Context) -> Option<Objects> {
        let Some(frame) = self.newest.take() else { return self.objects };
        // SAFETY: the caller's; the bytes are as many as the size says, which `Picture` checks.
        unsafe {
            let mut objects = match self.objects {
                Some(objects) => objects,
                None => Objects { texture: gl.create_texture().ok()?, framebuffer: gl.create_framebuffer().ok()?, size: [0, 0] },
            };
            let size = [frame.width as i32, frame.height as i32];
            let format = glow::BGRA;
            let pixels = glow::PixelUnpackData::Slice(Some(&frame.data));
            gl.bind_texture(glow::TEXTURE_2D, Some(objects.texture));
            gl.pixel_store_i32(glow::UNPACK_ALIGNMENT, 4);
            if objects.size == size {
                gl.tex_sub_image_2d(glow::TEXTURE_2D, 0, 0, 0, size[0], size[1], format, glow::UNSIGNED_BYTE, pixels);
            } else {
                gl.tex_parameter_i32(glow::TEXTURE_2D, glow::TEXTURE_MIN_FILTER, glow::LINEAR as i32);
                // An internal format without a size lets Mesa keep the pixels in the order in which they come, which is the window's.
                let internal = glow::RGBA as i32;
                gl.tex_image_2d(glow::TEXTURE_2D, 0, internal, size[0], size[1], 0, format, glow::UNSIGNED_BYTE, pixels);
                gl.bind_framebuffer(glow::READ_FRAMEBUFFER, Some(objects.framebuffer));
                let (target, attachment) = (glow::READ_FRAMEBUFFER, glow::COLOR_ATTACHMENT0);
                gl.framebuffer_texture_2d(target, attachment, glow::TEXTURE_2D, Some(objects.texture), 0);
                objects.size = size;
            }
            self.objects = Some(objects);
        }
        self.objects
    }
}

/// What of a picture of `size` is copied to a place of `room` pixels instead of `from` being scaled to it; nothing if it does not fit.
/// Left, top, right, bottom.
fn copied_part(from: [i32; 4], size: [i32; 2], room: [i32; 2]) -> Option<[i32; 4]> {
    let fits = |low: usize| {
        let (side, spare) = (from[low + 2] - from[low], size[low] - room[low]);
        (side - room[low]).abs() <= SPARE && (0..=SPARE).contains(&spare)
    };
    let [left, top] = [(size[0] - room[0]) / 2, (size[1] - room[1]) / 2];
    (fits(0) && fits(1)).then(|| [left, top, left + room[0], top + room[1]])
}

/// A part of a picture in its pixels: left, top, right, bottom.
fn in_pixels(part: Rect, [width, height]: [i32; 2]) -> [i32; 4] {
    let (width, height) = (width as f32, height as f32);
    [part.left() * width, part.top() * height, part.right() * width, part.bottom() * height].map(|edge| edge.round() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_as_large_as_its_place_is_copied_and_another_one_scaled() {
        let whole = |[width, height]: [i32; 2]| [0, 0, width, height];
        for (size, room, copied) in [
            ([1180, 760], [1180, 760], Some([0, 0, 1180, 760])),
            // Sides are even, rooms need not be.
            ([1182, 762], [1181, 761], Some([0, 0, 1181, 761])),
            ([1182, 760], [1180, 760], Some([1, 0, 1181, 760])),
            ([1280, 720], [1180, 760], None),
            ([1178, 760], [1180, 760], None),
        ] {
            assert_eq!(copied_part(whole(size), size, room), copied, "{size:?} in {room:?}");
        }
        assert_eq!(copied_part([100, 0, 1180, 760], [1280, 760], [1280, 760]), None, "a part of it is shown larger");
    }
}
