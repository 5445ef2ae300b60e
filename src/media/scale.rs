//! Making a picture smaller or larger.

use super::convert::{Picture, reshape};
use super::frame::Frame;

/// Largest even size with the shape of `width` x `height` that fits into the box; never below 16.
pub fn fit(width: usize, height: usize, box_width: usize, box_height: usize) -> (usize, usize) {
    let even = |length: usize| (length & !1).max(16);
    if width * box_height >= height * box_width {
        (even(box_width), even((height * box_width + width / 2) / width).min(even(box_height)))
    } else {
        (even((width * box_height + height / 2) / height).min(even(box_width)), even(box_height))
    }
}

/// Writes `picture` into `frame` at this size: each pixel the mean of what it covers where it gets smaller, blended from its
/// neighbours where it gets larger. The capture time stays.
pub fn scale(picture: &Picture, width: usize, height: usize, frame: &mut Frame) {
    if (picture.width, picture.height) == (width, height) {
        return picture.copy_to(frame);
    }
    reshape(frame, width, height);
    (frame.matrix, frame.full_range) = (picture.matrix, picture.full_range);
    let (y, u, v) = frame.planes_mut();
    let half = |length: usize| length / 2;
    let luma = Plane { data: picture.y, stride: picture.y_stride, width: picture.width, height: picture.height };
    let chroma = |data| Plane { data, stride: picture.uv_stride, width: half(picture.width), height: half(picture.height) };
    luma.scale(y, width, height);
    chroma(picture.u).scale(u, half(width), half(height));
    chroma(picture.v).scale(v, half(width), half(height));
}

struct Plane<'a> {
    data: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl Plane<'_> {
    fn scale(&self, out: &mut [u8], width: usize, height: usize) {
        if width <= self.width && height <= self.height {
            self.shrink(out, width, height);
        } else {
            self.stretch(out, width, height);
        }
    }

    fn row(&self, index: usize) -> &[u8] {
        &self.data[index * self.stride..][..self.width]
    }

    fn shrink(&self, out: &mut [u8], width: usize, height: usize) {
        let covered =
            |index: usize, from: usize, to: usize| (index * from / to, ((index + 1) * from / to).max(index * from / to + 1));
        let columns: Vec<_> = (0..width).map(|x| covered(x, self.width, width)).collect();
        let mut sums = vec![0u32; self.width];
        for (y, out) in out.chunks_exact_mut(width).enumerate() {
            let (top, bottom) = covered(y, self.height, height);
            sums.fill(0);
            for row in top..bottom {
                for (sum, value) in sums.iter_mut().zip(self.row(row)) {
                    *sum += u32::from(*value);
                }
            }
            for (out, &(left, right)) in out.iter_mut().zip(&columns) {
                let count = ((right - left) * (bottom - top)) as u32;
                *out = ((sums[left..right].iter().sum::<u32>() + count / 2) / count) as u8;
            }
        }
    }

    fn stretch(&self, out: &mut [u8], width: usize, height: usize) {
        let columns: Vec<_> = (0..width).map(|x| blend(x, self.width, width)).collect();
        let mut mixed = vec![0u32; self.width];
        for (y, out) in out.chunks_exact_mut(width).enumerate() {
            let (top, bottom, weight) = blend(y, self.height, height);
            for ((mixed, a), b) in mixed.iter_mut().zip(self.row(top)).zip(self.row(bottom)) {
                *mixed = u32::from(*a) * (256 - weight) + u32::from(*b) * weight;
            }
            for (out, &(left, right, weight)) in out.iter_mut().zip(&columns) {
                *out = ((mixed[left] * (256 - weight) + mixed[right] * weight + 0x8000) >> 16) as u8;
            }
        }
    }
}

/// The two source pixels around the middle of pixel `index`, and the weight of the second of 256.
fn blend(index: usize, from: usize, to: usize) -> (usize, usize, u32) {
    let position = (((2 * index + 1) * from * 128) / to).saturating_sub(128);
    let first = (position / 256).min(from - 1);
    (first, (first + 1).min(from - 1), (position % 256) as u32)
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
        let mut other = Frame::black(16, 16);
        for (width, height) in [(640, 360), (854, 480), (320, 180), (1920, 1080), (1280, 720)] {
            scale(&Picture::from(&frame), width, height, &mut other);
            assert_eq!((other.width, other.height), (width, height));
            assert_eq!(marker::read(&Picture::from(&other)), Some(0xA5C3), "{width}x{height}");
        }
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let mut frame = Frame::black(64, 48);
        frame.data.fill(77);
        let mut other = Frame::black(16, 16);
        for (width, height) in [(30, 22), (100, 90), (64, 16), (16, 200)] {
            scale(&Picture::from(&frame), width, height, &mut other);
            assert!(other.data.iter().all(|value| *value == 77), "{width}x{height}");
        }
    }
}
