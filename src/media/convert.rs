//! From what devices and decoders give to I420, and from I420 to what a screen takes.

use super::frame::{ChannelOrder, Frame, Matrix};
use thiserror::Error;
use yuv::{BufferStoreMut, YuvPackedImage, YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

/// An I420 picture in memory of somebody else's: rows may be further apart than they are wide.
///
/// Invariant: as for [`Frame`], and each plane holds its last row whole.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    pub width: usize,
    pub height: usize,
    pub y: &'a [u8],
    pub u: &'a [u8],
    pub v: &'a [u8],
    pub y_stride: usize,
    pub uv_stride: usize,
    pub matrix: Matrix,
    pub full_range: bool,
}

/// A device gave fewer bytes than its format says, or a picture that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("damaged picture")]
pub struct DamagedPicture;

impl<'a> From<&'a Frame> for Picture<'a> {
    fn from(frame: &'a Frame) -> Self {
        let (y, u, v) = frame.planes();
        let (y_stride, uv_stride) = (frame.width, frame.width / 2);
        let (matrix, full_range) = (frame.matrix, frame.full_range);
        Self { width: frame.width, height: frame.height, y, u, v, y_stride, uv_stride, matrix, full_range }
    }
}

impl Picture<'_> {
    /// Writes the picture as 4 bytes a pixel into `out`, which becomes exactly that long.
    pub fn to_screen(&self, order: ChannelOrder, out: &mut Vec<u8>) {
        out.resize(self.width * self.height * 4, 255);
        let image = YuvPlanarImage {
            y_plane: self.y,
            y_stride: self.y_stride as u32,
            u_plane: self.u,
            u_stride: self.uv_stride as u32,
            v_plane: self.v,
            v_stride: self.uv_stride as u32,
            width: self.width as u32,
            height: self.height as u32,
        };
        let range = if self.full_range { YuvRange::Full } else { YuvRange::Limited };
        let matrix = match self.matrix {
            Matrix::Bt601 => YuvStandardMatrix::Bt601,
            Matrix::Bt709 => YuvStandardMatrix::Bt709,
        };
        let convert = match order {
            ChannelOrder::Rgba => yuv::yuv420_to_rgba,
            ChannelOrder::Bgra => yuv::yuv420_to_bgra,
        };
        convert(&image, out, self.width as u32 * 4, range, matrix).expect("the planes are as large as they say");
    }

    /// Copies the picture into `frame`, whose buffer is used again. Its capture time stays.
    pub fn copy_to(&self, frame: &mut Frame) {
        reshape(frame, self.width, self.height);
        (frame.matrix, frame.full_range) = (self.matrix, self.full_range);
        let (y, u, v) = frame.planes_mut();
        copy_rows(self.y, self.y_stride, y, self.width);
        copy_rows(self.u, self.uv_stride, u, self.width / 2);
        copy_rows(self.v, self.uv_stride, v, self.width / 2);
    }
}

/// Gives `frame` this size; what it shows is undefined until it is written.
pub fn reshape(frame: &mut Frame, width: usize, height: usize) {
    debug_assert!(width.is_multiple_of(2) && height.is_multiple_of(2) && width >= 16 && height >= 16);
    (frame.width, frame.height) = (width, height);
    frame.data.resize(width * height * 3 / 2, 128);
}

/// YUYV (4:2:2 in one plane), as webcams give it uncompressed: BT.601, limited range.
pub fn yuyv_to_i420(data: &[u8], width: usize, height: usize, frame: &mut Frame) -> Result<(), DamagedPicture> {
    let packed = data.get(..width * height * 2).ok_or(DamagedPicture)?;
    reshape(frame, width, height);
    (frame.matrix, frame.full_range) = (Matrix::Bt601, false);
    let (y, u, v) = frame.planes_mut();
    let mut planar = YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: width as u32,
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: width as u32 / 2,
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: width as u32 / 2,
        width: width as u32,
        height: height as u32,
    };
    let packed = YuvPackedImage { yuy: packed, yuy_stride: width as u32 * 2, width: width as u32, height: height as u32 };
    yuv::yuyv422_to_yuv420(&mut planar, &packed).map_err(|_| DamagedPicture)
}

/// NV12 (luma, then U and V by turns): BT.601, limited range.
pub fn nv12_to_i420(data: &[u8], width: usize, height: usize, frame: &mut Frame) -> Result<(), DamagedPicture> {
    let luma = width * height;
    let data = data.get(..luma * 3 / 2).ok_or(DamagedPicture)?;
    reshape(frame, width, height);
    (frame.matrix, frame.full_range) = (Matrix::Bt601, false);
    let (y, u, v) = frame.planes_mut();
    y.copy_from_slice(&data[..luma]);
    for ((pair, u), v) in data[luma..].chunks_exact(2).zip(u).zip(v) {
        (*u, *v) = (pair[0], pair[1]);
    }
    Ok(())
}

/// Three bytes a pixel, Y, Cb, Cr, as a JPEG decoder gives them: BT.601, full range. Colour is averaged over two by two pixels.
pub fn ycbcr_to_i420(data: &[u8], width: usize, height: usize, frame: &mut Frame) -> Result<(), DamagedPicture> {
    let data = data.get(..width * height * 3).ok_or(DamagedPicture)?;
    reshape(frame, width, height);
    (frame.matrix, frame.full_range) = (Matrix::Bt601, true);
    let (y, u, v) = frame.planes_mut();
    let half = width / 2;
    for (pair, rows) in data.chunks_exact(width * 6).enumerate() {
        let (upper, lower) = rows.split_at(width * 3);
        for (luma, row) in y[pair * 2 * width..][..2 * width].chunks_exact_mut(width).zip([upper, lower]) {
            for (luma, pixel) in luma.iter_mut().zip(row.chunks_exact(3)) {
                *luma = pixel[0];
            }
        }
        let chroma = u[pair * half..][..half].iter_mut().zip(&mut v[pair * half..][..half]);
        for ((u, v), (a, b)) in chroma.zip(upper.chunks_exact(6).zip(lower.chunks_exact(6))) {
            let mean = |i: usize| ((u16::from(a[i]) + u16::from(a[i + 3]) + u16::from(b[i]) + u16::from(b[i + 3]) + 2) / 4) as u8;
            (*u, *v) = (mean(1), mean(2));
        }
    }
    Ok(())
}

fn copy_rows(from: &[u8], stride: usize, to: &mut [u8], width: usize) {
    if stride == width {
        to.copy_from_slice(&from[..to.len()]);
    } else {
        for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
            to.copy_from_slice(&from[..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey_on_the_screen() {
        let mut frame = Frame::black(32, 16);
        frame.planes_mut().0.fill(126);
        let mut rgba = Vec::new();
        Picture::from(&frame).to_screen(ChannelOrder::Rgba, &mut rgba);
        assert_eq!(rgba.len(), 32 * 16 * 4);
        assert!(rgba.chunks_exact(4).all(|pixel| pixel[0].abs_diff(128) <= 1 && pixel[..3] == [pixel[0]; 3] && pixel[3] == 255));
    }

    #[test]
    fn red_is_where_the_order_of_the_channels_says() {
        let mut frame = Frame::black(32, 16);
        let (y, u, v) = frame.planes_mut();
        y.fill(63);
        u.fill(102);
        v.fill(240);
        for (order, red) in [(ChannelOrder::Rgba, 0), (ChannelOrder::Bgra, 2)] {
            let mut bytes = Vec::new();
            Picture::from(&frame).to_screen(order, &mut bytes);
            assert!(
                bytes.chunks_exact(4).all(|pixel| pixel[red] > 240 && pixel[2 - red] < 15 && pixel[1] < 15 && pixel[3] == 255)
            );
        }
    }

    #[test]
    fn rows_that_are_far_apart_are_copied_tight() {
        let y: Vec<u8> = (0..16 * 40).map(|i| (i % 40) as u8).collect();
        let chroma = vec![9; 8 * 40];
        let (matrix, full_range) = (Matrix::Bt601, true);
        let picture =
            Picture { width: 32, height: 16, y: &y, u: &chroma, v: &chroma, y_stride: 40, uv_stride: 40, matrix, full_range };
        let mut frame = Frame::black(16, 16);
        picture.copy_to(&mut frame);
        assert_eq!((frame.width, frame.height, frame.matrix, frame.full_range), (32, 16, Matrix::Bt601, true));
        assert!(frame.planes().0.chunks(32).all(|row| row.iter().enumerate().all(|(x, value)| *value == x as u8)));
        assert!(frame.planes().1.iter().chain(frame.planes().2).all(|value| *value == 9));
    }

    #[test]
    fn every_camera_format_gives_the_same_flat_picture() {
        let (width, height) = (32, 16);
        let mut frame = Frame::black(16, 16);
        let expect = |frame: &Frame| {
            assert_eq!(frame.data.len(), width * height * 3 / 2);
            let (y, u, v) = frame.planes();
            assert!(
                y.iter().all(|value| *value == 50) && u.iter().all(|value| *value == 60) && v.iter().all(|value| *value == 70)
            );
        };
        yuyv_to_i420(&[50, 60, 50, 70].repeat(width * height / 2), width, height, &mut frame).unwrap();
        expect(&frame);
        let nv12 = [vec![50; width * height], [60, 70].repeat(width * height / 4)].concat();
        nv12_to_i420(&nv12, width, height, &mut frame).unwrap();
        expect(&frame);
        ycbcr_to_i420(&[50, 60, 70].repeat(width * height), width, height, &mut frame).unwrap();
        expect(&frame);
        assert!(frame.full_range);
    }

    #[test]
    fn a_picture_cut_short_by_the_device_is_refused() {
        let mut frame = Frame::black(16, 16);
        assert_eq!(yuyv_to_i420(&[0; 100], 16, 16, &mut frame), Err(DamagedPicture));
        assert_eq!(nv12_to_i420(&[0; 100], 16, 16, &mut frame), Err(DamagedPicture));
        assert_eq!(ycbcr_to_i420(&[0; 100], 16, 16, &mut frame), Err(DamagedPicture));
    }
}
