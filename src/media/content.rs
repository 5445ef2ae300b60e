//! Whether a picture is what a camera sees or what a screen shows. Pure.
//!
//! A sensor trembles, so that hardly any part of a camera's picture is the same twice. A screen stands still but for what was touched,
//! and is full of hard edges: text. Of such a picture every pixel counts, and few pictures a second do.

use super::clock::MediaTime;
use super::frame::Frame;
use std::time::Duration;

/// Places that are looked at, across and down, and pixels in a row at each.
const PLACES: (usize, usize) = (32, 18);
const ROW: usize = 16;
/// Of a screen at least so many places, in percent, are the same as in the picture before, and have an edge of this height in luma.
const STILL: usize = 70;
const EDGED: usize = 8;
const EDGE: u8 = 64;
/// For how long it must look like one without a break, and no more like one: a slide that changes is no camera.
const BECOMES_SCREEN: Duration = Duration::from_millis(1500);
const BECOMES_CAMERA: Duration = Duration::from_secs(2);

/// What a source gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Content {
    /// People and rooms: motion counts.
    #[default]
    Camera,
    /// Text and drawings: sharpness counts.
    Screen,
}

/// Looks at one source's pictures in order.
#[derive(Debug, Default)]
pub struct ContentWatch {
    content: Content,
    /// The places as they were.
    rows: Vec<u8>,
    /// Since when it looks like the other kind.
    changing: Option<MediaTime>,
}

impl ContentWatch {
    /// What `frame` and those before it are.
    pub fn look(&mut self, frame: &Frame) -> Content {
        let seems = if self.looks_like_a_screen(frame) { Content::Screen } else { Content::Camera };
        if seems == self.content {
            self.changing = None;
            return self.content;
        }
        let since = *self.changing.get_or_insert(frame.captured);
        let takes = if seems == Content::Screen { BECOMES_SCREEN } else { BECOMES_CAMERA };
        if frame.captured.since(since) >= takes {
            (self.content, self.changing) = (seems, None);
        }
        self.content
    }

    fn looks_like_a_screen(&mut self, frame: &Frame) -> bool {
        let luma = frame.planes().0;
        self.rows.resize(PLACES.0 * PLACES.1 * ROW, 0);
        let (mut still, mut edged) = (0, 0);
        for (at, known) in self.rows.chunks_exact_mut(ROW).enumerate() {
            let (column, line) = (at % PLACES.0, at / PLACES.0);
            let x = (frame.width - ROW) * column / (PLACES.0 - 1);
            let y = (frame.height - 1) * (2 * line + 1) / (2 * PLACES.1);
            let row = &luma[y * frame.width + x..][..ROW];
            still += usize::from(row == known);
            edged += usize::from(row.windows(2).any(|pair| pair[0].abs_diff(pair[1]) >= EDGE));
            known.copy_from_slice(row);
        }
        let all = PLACES.0 * PLACES.1;
        still * 100 >= all * STILL && edged * 100 >= all * EDGED
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::media::test_pattern::TestPattern;

    fn noise(seed: &mut u32) -> u8 {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*seed >> 24) as u8
    }

    /// A page of something like letters, another one for each `page`.
    pub fn write_page(frame: &mut Frame, page: u32) {
        let (width, mut seed) = (frame.width, page + 1);
        for (at, luma) in frame.planes_mut().0.iter_mut().enumerate() {
            let (x, y) = (at % width, at / width);
            if x == 0 && y % 3 == 0 {
                seed = (page + 1).wrapping_mul(7919) ^ (y as u32 / 3 * 31);
            }
            let line_of_text = y % 24 < 15;
            *luma = if line_of_text && x % 3 == 0 && noise(&mut seed) < 90 || line_of_text && x % 9 == 1 { 20 } else { 230 };
        }
    }

    /// What is made of `seconds` of pictures that `draw` draws, at 30 a second from `from` seconds on.
    fn looked(watch: &mut ContentWatch, from: u64, seconds: u64, mut draw: impl FnMut(u64, &mut Frame)) -> Vec<Content> {
        let mut frame = Frame::black(1280, 720);
        let mut look = |n: u64| {
            frame.captured = MediaTime(1_700_000_000_000_000) + Duration::from_secs(from) + Duration::from_micros(n * 33_333);
            draw(n, &mut frame);
            watch.look(&frame)
        };
        (0..seconds * 30).map(&mut look).collect()
    }

    #[test]
    fn a_sensor_that_trembles_is_a_camera_and_so_is_our_own_test_picture() {
        let mut seed = 7;
        let mut scene = Frame::black(1280, 720);
        write_page(&mut scene, 3);
        let trembling = looked(&mut ContentWatch::default(), 0, 4, |_, frame| {
            let tremble = scene.planes().0.iter().map(|luma| luma.wrapping_add(noise(&mut seed) >> 6));
            frame.planes_mut().0.iter_mut().zip(tremble).for_each(|(to, luma)| *to = luma);
        });
        assert!(trembling.iter().all(|content| *content == Content::Camera), "even before a wall of text");
        let mut pattern = TestPattern::new(1280, 720);
        let drawn = looked(&mut ContentWatch::default(), 0, 4, |_, frame| pattern.draw(frame.captured, frame));
        assert!(drawn.iter().all(|content| *content == Content::Camera));
    }

    #[test]
    fn text_that_stands_still_is_a_screen_also_when_pages_are_turned() {
        let mut watch = ContentWatch::default();
        let read = looked(&mut watch, 0, 8, |n, frame| {
            write_page(frame, (n / 100) as u32);
            // Somebody types.
            let at = 1280 * 300 + n as usize;
            frame.planes_mut().0[at] = 90;
        });
        assert_eq!((read[30], read[60]), (Content::Camera, Content::Screen));
        assert!(read[60..].iter().all(|content| *content == Content::Screen));
        let mut seed = 9;
        let then = looked(&mut watch, 8, 4, |_, frame| frame.planes_mut().0.iter_mut().for_each(|luma| *luma = noise(&mut seed)));
        assert_eq!((then[45], then[75]), (Content::Screen, Content::Camera));
    }

    #[test]
    fn a_black_picture_is_no_screen() {
        assert_eq!(looked(&mut ContentWatch::default(), 0, 3, |_, _| {}).last(), Some(&Content::Camera));
    }
}
