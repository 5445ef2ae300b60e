//! The picture of a camera that is not there: it moves, it carries the frame marker, and it flashes once a second.

use super::clock::MediaTime;
use super::convert::reshape;
use super::frame::{Frame, Matrix};
use super::marker;

/// How long the flash stays on after each whole second of the media clock, where the test tone beeps as well.
pub const FLASH_US: u64 = 100_000;

/// One turn of the moving disc.
const TURN_US: u64 = 4_000_000;

/// Draws the pattern: the still part once, the rest a frame.
#[derive(Debug)]
pub struct TestPattern {
    still: Frame,
    number: u16,
}

/// A rectangle in pixels, all four even.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl TestPattern {
    /// A pattern of this size.
    pub fn new(width: usize, height: usize) -> Self {
        Self { still: still(width, height), number: 0 }
    }

    /// Draws the next frame as it looks at `at`.
    pub fn draw(&mut self, at: MediaTime, frame: &mut Frame) {
        reshape(frame, self.still.width, self.still.height);
        frame.data.copy_from_slice(&self.still.data);
        (frame.matrix, frame.full_range) = (Matrix::Bt709, false);
        self.draw_disc(at, frame);
        if flashes(at) {
            fill(frame, flash_area(frame.width, frame.height), [235, 128, 128]);
        }
        marker::write(frame, self.number);
        self.number = self.number.wrapping_add(1);
    }

    /// A disc that goes round the middle, with a shaded edge so that it looks the same whichever pixel it starts on.
    fn draw_disc(&self, at: MediaTime, frame: &mut Frame) {
        let (width, height) = (frame.width as f32, frame.height as f32);
        let angle = (at.0 % TURN_US) as f32 / TURN_US as f32 * std::f32::consts::TAU;
        let radius = height / 9.0;
        let (x, y) = (width * (0.5 + 0.36 * angle.cos()), height * (0.56 + 0.26 * angle.sin()));
        let rows = (y - radius).max(0.0) as usize..((y + radius) as usize + 1).min(frame.height);
        let stride = frame.width;
        let (luma, u, v) = frame.planes_mut();
        for row in rows {
            let reach = (radius * radius - (row as f32 - y).powi(2)).max(0.0).sqrt();
            let (left, right) = ((x - reach).max(0.0) as usize, ((x + reach) as usize).min(stride));
            for (column, value) in luma[row * stride..][left..right].iter_mut().enumerate() {
                *value = 190 - (((left + column) as f32 - x).abs() / radius * 50.0) as u8;
            }
            if row % 2 == 0 {
                let chroma = row / 2 * (stride / 2) + left / 2..row / 2 * (stride / 2) + right / 2;
                u[chroma.clone()].fill(70);
                v[chroma].fill(160);
            }
        }
    }
}

/// Whether the flash is on at this moment.
pub fn flashes(at: MediaTime) -> bool {
    at.0 % 1_000_000 < FLASH_US
}

/// Where the flash is: left, top, width, height, for a picture of this size.
pub fn flash_rectangle(width: usize, height: usize) -> (usize, usize, usize, usize) {
    let Area { left, top, width, height } = flash_area(width, height);
    (left, top, width, height)
}

fn flash_area(width: usize, height: usize) -> Area {
    let side = (height.min(width * 2) / 6) & !1;
    Area { left: (width - side - side / 4) & !1, top: (height - side - side / 4) & !1, width: side, height: side }
}

/// A soft slope from top to bottom with a band of colours, and the dark square where the flash will be.
fn still(width: usize, height: usize) -> Frame {
    const BAND: [[u8; 3]; 7] =
        [[168, 44, 136], [145, 147, 44], [134, 63, 52], [63, 193, 204], [51, 109, 212], [28, 212, 120], [110, 128, 128]];
    let mut frame = Frame::black(width, height);
    for (row, line) in frame.planes_mut().0.chunks_exact_mut(width).enumerate() {
        for (column, value) in line.iter_mut().enumerate() {
            *value = (50 + 40 * row / height + 20 * column / width) as u8;
        }
    }
    let each = (width / BAND.len()) & !1;
    for (index, colour) in BAND.into_iter().enumerate() {
        let area = Area { left: index * each, top: (height * 7 / 16) & !1, width: each, height: (height / 5) & !1 };
        fill(&mut frame, area, colour);
    }
    let area = flash_area(width, height);
    fill(&mut frame, area, [16, 128, 128]);
    frame
}

fn fill(frame: &mut Frame, area: Area, [y, u, v]: [u8; 3]) {
    let stride = frame.width;
    let planes = frame.planes_mut();
    for row in planes.0.chunks_exact_mut(stride).skip(area.top).take(area.height) {
        row[area.left..area.left + area.width].fill(y);
    }
    for (plane, value) in [(planes.1, u), (planes.2, v)] {
        for row in plane.chunks_exact_mut(stride / 2).skip(area.top / 2).take(area.height / 2) {
            row[area.left / 2..(area.left + area.width) / 2].fill(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::convert::Picture;

    #[test]
    fn frames_are_numbered_and_move() {
        let mut pattern = TestPattern::new(640, 360);
        let (mut one, mut two) = (Frame::black(16, 16), Frame::black(16, 16));
        pattern.draw(MediaTime(200_000), &mut one);
        pattern.draw(MediaTime(233_333), &mut two);
        assert_eq!(marker::read(&Picture::from(&one)), Some(0));
        assert_eq!(marker::read(&Picture::from(&two)), Some(1));
        let changed = one.data[640 * 30..].iter().zip(&two.data[640 * 30..]).filter(|(a, b)| a != b).count();
        assert!(changed > 500, "{changed} samples moved");
    }

    #[test]
    fn the_flash_is_on_at_the_whole_second_only() {
        let mut pattern = TestPattern::new(1280, 720);
        let mut frame = Frame::black(16, 16);
        for (at, luma) in [(7_000_000, 235), (7_066_666, 235), (7_100_000, 16), (7_966_666, 16)] {
            pattern.draw(MediaTime(at), &mut frame);
            let (left, top, width, height) = flash_rectangle(1280, 720);
            assert_eq!(frame.planes().0[(top + height / 2) * 1280 + left + width / 2], luma, "at {at}");
        }
    }

    #[test]
    fn small_and_odd_shaped_patterns_are_drawn_too() {
        for (width, height) in [(16, 16), (2000, 16), (16, 1000), (854, 480)] {
            let mut frame = Frame::black(16, 16);
            (0..40).for_each(|n| TestPattern::new(width, height).draw(MediaTime(n * 100_000), &mut frame));
        }
    }
}
