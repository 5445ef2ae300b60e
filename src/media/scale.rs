//! Making a picture smaller or larger.

use super::convert::{Picture, reshape};
use super::frame::Frame;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x4};
use fast_image_resize::{FilterType, ImageView, ResizeAlg, ResizeOptions, Resizer};

/// Largest even size with the shape of `width` x `height` that fits into the box; never below 16.
pub fn fit(width: usize, height: usize, box_width: usize, box_height: usize) -> (usize, usize) {
    let even = |length: usize| (length & !1).max(16);
    if width * box_height >= height * box_width {
        (even(box_width), even((height * box_width + width / 2) / width).min(even(box_height)))
    } else {
        (even((width * box_height + height / 2) / height).min(even(box_width)), even(box_height))
    }
}

/// A part of a picture, in shares of its width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Part {
    /// All of it.
    pub const WHOLE: Self = Self { left: 0.0, top: 0.0, width: 1.0, height: 1.0 };

    /// The middle, with these shares of the width and the height.
    pub fn middle(width: f64, height: f64) -> Self {
        Self { left: (1.0 - width) / 2.0, top: (1.0 - height) / 2.0, width, height }
    }
}

/// Makes pictures smaller or larger, in memory that it uses again.
#[derive(Debug, Default)]
pub struct Scaler(Resizer);

impl Scaler {
    /// Writes `picture` into `frame` at this size: each pixel the weighted mean of what it covers where it gets smaller, blended from
    /// its neighbours where it gets larger. The capture time stays.
    pub fn scale(&mut self, picture: &Picture, width: usize, height: usize, frame: &mut Frame) {
        if (picture.width, picture.height) == (width, height) {
            return picture.copy_to(frame);
        }
        reshape(frame, width, height);
        (frame.matrix, frame.full_range) = (picture.matrix, picture.full_range);
        let (y, u, v) = frame.planes_mut();
        let half = |length: usize| length / 2;
        let [luma, blue, red] = [picture.y, picture.u, picture.v].map(row_of_pixels);
        let luma = Plane { pixels: luma.pixels(), stride: picture.y_stride, width: picture.width, height: picture.height };
        luma.scale(&mut self.0, y, width, height);
        for (plane, out) in [(blue, u), (red, v)] {
            let (width_now, height_now) = (half(picture.width), half(picture.height));
            let chroma = Plane { pixels: plane.pixels(), stride: picture.uv_stride, width: width_now, height: height_now };
            chroma.scale(&mut self.0, out, half(width), half(height));
        }
    }

    /// The same for a part of a picture for the screen, `width` by `height` pixels of 4 bytes, into `out`, which becomes exactly as long
    /// as its size says. Where little is changed that is faster than three planes: all channels are scaled at once.
    pub fn scale_for_screen(
        &mut self,
        pixels: &[u8],
        size: (usize, usize),
        part: Part,
        out: &mut Vec<u8>,
        out_size: (usize, usize),
    ) {
        out.resize(out_size.0 * out_size.1 * 4, 255);
        let from = TypedImageRef::<U8x4>::from_buffer(size.0 as u32, size.1 as u32, pixels);
        let to = TypedImage::<U8x4>::from_buffer(out_size.0 as u32, out_size.1 as u32, out);
        let (from, mut to) = from.ok().zip(to.ok()).expect("the pixels are as many as the size says");
        let (left, width) = span(part.left, part.width, size.0);
        let (top, height) = span(part.top, part.height, size.1);
        let options = bilinear().crop(left, top, width, height).use_alpha(false);
        self.0.resize_typed(&from, &mut to, &options).expect("a part lies within its picture");
    }
}

fn bilinear() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
}

/// One plane: rows that may be further apart than they are wide, the last one whole but without what would lie behind it.
struct Plane<'a> {
    pixels: &'a [U8],
    stride: usize,
    width: usize,
    height: usize,
}

// SAFETY: each row is exactly as long as the plane is wide.
#[expect(unsafe_code, reason = "the trait is unsafe to implement, for it must not give rows that are too short")]
unsafe impl ImageView for Plane<'_> {
    type Pixel = U8;

    fn width(&self) -> u32 {
        self.width as u32
    }

    fn height(&self) -> u32 {
        self.height as u32
    }

    fn iter_rows(&self, start: u32) -> impl Iterator<Item = &[U8]> {
        self.pixels.chunks(self.stride).take(self.height).skip(start as usize).map(|row| &row[..self.width])
    }
}

impl Plane<'_> {
    fn scale(&self, resizer: &mut Resizer, out: &mut [u8], width: usize, height: usize) {
        let mut to = TypedImage::from_buffer(width as u32, height as u32, out).expect("the frame is as large as it says");
        resizer.resize_typed(self, &mut to, &bilinear()).expect("no part of it is cut");
    }
}

/// Bytes as the resizer wants them.
fn row_of_pixels(bytes: &[u8]) -> TypedImageRef<'_, U8> {
    TypedImageRef::from_buffer(bytes.len() as u32, 1, bytes).expect("any byte is a pixel")
}

/// Where a part begins and how long it is, for sure within `length`, as floating-point sums need not be.
fn span(begin: f64, share: f64, length: usize) -> (f64, f64) {
    let length = length as f64;
    let begin = begin * length;
    let long = (share * length).min(length - begin);
    (begin, if begin + long > length { long - 1e-6 } else { long })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::marker;

    #[test]
    fn a_picture_keeps_its_shape_in_the_box() {
        assert_eq!(fit(1280, 720, 640, 360), (640, 360));
        assert_eq!(fit(640, 480, 1280, 720), (960, 720));
        assert_eq!(fit(720, 1280, 1280, 720), (404, 720));
        assert_eq!(fit(4000, 16, 1280, 720), (1280, 16));
        assert_eq!(fit(1920, 1081, 1280, 720), (1278, 720));
    }

    #[test]
    fn the_marker_survives_scaling_both_ways() {
        let mut frame = Frame::black(1280, 720);
        marker::write(&mut frame, 0xA5C3);
        let (mut scaler, mut other) = (Scaler::default(), Frame::black(16, 16));
        for (width, height) in [(640, 360), (854, 480), (320, 180), (1920, 1080), (1280, 720)] {
            scaler.scale(&Picture::from(&frame), width, height, &mut other);
            assert_eq!((other.width, other.height), (width, height));
            assert_eq!(marker::read(&Picture::from(&other)), Some(0xA5C3), "{width}x{height}");
        }
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let mut frame = Frame::black(64, 48);
        frame.data.fill(77);
        let (mut scaler, mut other) = (Scaler::default(), Frame::black(16, 16));
        for (width, height) in [(30, 22), (100, 90), (64, 16), (16, 200)] {
            scaler.scale(&Picture::from(&frame), width, height, &mut other);
            assert!(other.data.iter().all(|value| *value == 77), "{width}x{height}");
        }
    }

    #[test]
    fn a_part_lies_within_its_picture_whatever_its_size() {
        for length in 8..3000 {
            for share in 1..60 {
                let part = Part::middle(f64::from(share) / 60.0, 1.0);
                let (begin, long) = span(part.left, part.width, length);
                assert!(begin >= 0.0 && long > 0.0 && begin + long <= length as f64, "{share}/60 of {length}");
            }
        }
    }

    #[test]
    fn a_part_of_a_picture_fills_the_whole_frame() {
        let row: Vec<u8> =
            (0..64).flat_map(|x| if (14..50).contains(&x) { [200, 40, 90, 255] } else { [0, 0, 0, 255] }).collect();
        let mut out = Vec::new();
        Scaler::default().scale_for_screen(&row.repeat(32), (64, 32), Part::middle(0.5, 1.0), &mut out, (96, 90));
        assert_eq!(out.len(), 96 * 90 * 4);
        assert!(out.chunks_exact(4).all(|pixel| pixel == [200, 40, 90, 255]));
    }

    #[test]
    fn rows_that_are_far_apart_are_scaled_to_the_last_without_what_lies_between() {
        // As a decoder gives them: nothing lies behind the last row, which is brighter than the others.
        let plane = |width: usize, stride: usize, rows: usize| {
            let mut plane = [vec![90; width], vec![255; stride - width]].concat().repeat(rows);
            plane.truncate(stride * (rows - 1) + width);
            plane[stride * (rows - 1)..].fill(200);
            plane
        };
        let (y, chroma) = (plane(32, 48, 16), plane(16, 32, 8));
        let black = Frame::black(32, 16);
        let picture = Picture { y: &y, u: &chroma, v: &chroma, y_stride: 48, uv_stride: 32, ..Picture::from(&black) };
        let mut other = Frame::black(16, 16);
        for (width, height) in [(16, 16), (64, 48)] {
            Scaler::default().scale(&picture, width, height, &mut other);
            let (y, u, _) = other.planes();
            for (plane, width, height) in [(y, width, height), (u, width / 2, height / 2)] {
                assert!(plane[..width * height / 2].iter().all(|value| *value == 90), "{width}x{height}");
                assert!(plane[width * (height - 1)..].iter().all(|value| *value > 140), "{width}x{height}: the last row");
            }
        }
    }
}
