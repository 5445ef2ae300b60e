//! The frame number as a strip of black and white squares, so that a frame can be recognised wherever it is seen.
//!
//! 24 cells at the top left, each 1/32 of the frame's width: `1 0 1 0`, the number as 16 bits, most significant first, the
//! parity of those 20, `1 0 1`. It survives scaling and any usable bitrate.

use super::convert::Picture;
use super::frame::Frame;

const CELLS: usize = 24;
const WHITE: u8 = 235;
const BLACK: u8 = 16;

/// Writes the strip over the top left of `frame`.
pub fn write(frame: &mut Frame, number: u16) {
    let bits = bits(number);
    let width = frame.width;
    let side = (width / 32).max(1);
    let edge = |cell: usize| cell * width / 32;
    let (y, u, v) = frame.planes_mut();
    for row in y.chunks_exact_mut(width).take(side) {
        for cell in 0..CELLS {
            row[edge(cell)..edge(cell + 1)].fill(if bits >> (CELLS - 1 - cell) & 1 == 1 { WHITE } else { BLACK });
        }
    }
    for plane in [u, v] {
        for row in plane.chunks_exact_mut(width / 2).take(side.div_ceil(2)) {
            row[..edge(CELLS) / 2].fill(128);
        }
    }
}

/// Reads the strip; nothing unless the fixed cells and the parity fit.
pub fn read(picture: &Picture) -> Option<u16> {
    let row = picture.y.get(picture.width / 64 * picture.y_stride..)?.get(..picture.width)?;
    let read = (0..CELLS).fold(0, |bits, cell| bits << 1 | u32::from(row[(2 * cell + 1) * picture.width / 64] >= 128));
    let number = (read >> 4) as u16;
    (read == bits(number)).then_some(number)
}

fn bits(number: u16) -> u32 {
    let head = 0b1010 << 16 | u32::from(number);
    head << 4 | (head.count_ones() & 1) << 3 | 0b101
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_number_is_read_back_at_every_size() {
        for (width, height) in [(1280, 720), (640, 480), (320, 180), (640, 20), (1000, 600)] {
            for number in [0, 1, 0x8000, 0xFFFF, 0x5A5A] {
                let mut frame = Frame::black(width, height);
                write(&mut frame, number);
                assert_eq!(read(&Picture::from(&frame)), Some(number), "{number} at {width}x{height}");
            }
        }
    }

    #[test]
    fn a_strip_with_one_wrong_cell_is_no_number() {
        for cell in 0..CELLS {
            let mut frame = Frame::black(1280, 720);
            write(&mut frame, 0x1234);
            for row in frame.planes_mut().0.chunks_mut(1280).take(40) {
                row[cell * 40..][..40].iter_mut().for_each(|value| *value = 251 - *value);
            }
            assert_eq!(read(&Picture::from(&frame)), None, "cell {cell}");
        }
    }

    #[test]
    fn a_picture_without_strip_has_no_number() {
        assert_eq!(read(&Picture::from(&Frame::black(1280, 720))), None);
        assert_eq!(read(&Picture::from(&Frame::black(16, 16))), None);
    }
}
