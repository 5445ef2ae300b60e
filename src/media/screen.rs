//! Where pictures go that a person sees.

use super::convert::Picture;
use super::frame::{Frame, RgbaFrame};
use super::scale::{fit, scale};
use super::slot::SlotWriter;
use std::fmt;
use std::sync::Arc;

/// Called when there is something new in a slot, to wake the window.
pub type OnFrame = Arc<dyn Fn() + Send + Sync>;

/// Turns pictures into RGBA for the window, in buffers that the window let go of.
pub struct Screen {
    slot: SlotWriter<Arc<RgbaFrame>>,
    on_frame: Option<OnFrame>,
    buffers: Vec<Arc<RgbaFrame>>,
    sequence: u64,
    /// The largest that is of use, and the picture at that size.
    most: Option<(usize, usize)>,
    small: Frame,
}

impl Screen {
    /// A screen that is read from the other end of `slot`.
    pub fn new(slot: SlotWriter<Arc<RgbaFrame>>, on_frame: Option<OnFrame>) -> Self {
        Self { slot, on_frame, buffers: Vec::new(), sequence: 0, most: None, small: Frame::black(16, 16) }
    }

    /// The same, for a place in the window that is never larger than this: what is smaller costs less to convert, hand over and draw.
    pub fn at_most(self, width: usize, height: usize) -> Self {
        Self { most: Some((width, height)), ..self }
    }

    /// Shows `picture`.
    pub fn show(&mut self, picture: &Picture) {
        match self.most {
            Some((width, height)) if picture.width > width || picture.height > height => {
                let (width, height) = fit(picture.width, picture.height, width, height);
                let mut small = std::mem::replace(&mut self.small, Frame::black(0, 0));
                scale(picture, width, height, &mut small);
                self.put(&Picture::from(&small));
                self.small = small;
            }
            _ => self.put(picture),
        }
    }

    fn put(&mut self, picture: &Picture) {
        self.sequence += 1;
        let free = self.buffers.iter().position(|buffer| Arc::strong_count(buffer) == 1);
        let mut buffer = free.map(|index| self.buffers.swap_remove(index)).unwrap_or_default();
        // Nobody else holds it: made just now, or counted above, and only we could clone it.
        let frame = Arc::get_mut(&mut buffer).expect("the buffer is ours alone");
        (frame.width, frame.height, frame.sequence) = (picture.width, picture.height, self.sequence);
        picture.to_rgba(&mut frame.data);
        self.buffers.push(buffer.clone());
        self.slot.put(buffer);
        if let Some(wake) = &self.on_frame {
            wake();
        }
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Screen({} shown)", self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::slot::slot;

    #[test]
    fn buffers_are_used_again_but_never_one_that_somebody_still_looks_at() {
        let (writer, reader) = slot();
        let mut screen = Screen::new(writer, None);
        let frame = Frame::black(32, 16);
        screen.show(&Picture::from(&frame));
        let held = reader.take().unwrap();
        for sequence in 2..20 {
            screen.show(&Picture::from(&frame));
            assert_eq!(reader.take().unwrap().sequence, sequence);
        }
        assert_eq!(held.sequence, 1);
        assert!(screen.buffers.len() <= 3);
    }

    #[test]
    fn a_picture_larger_than_its_place_is_made_smaller_in_its_shape_and_a_smaller_one_is_left_alone() {
        let (writer, reader) = slot();
        let mut screen = Screen::new(writer, None).at_most(640, 360);
        for (given, shown) in [((1280, 720), (640, 360)), ((640, 480), (480, 360)), ((320, 180), (320, 180))] {
            screen.show(&Picture::from(&Frame::black(given.0, given.1)));
            let frame = reader.take().unwrap();
            assert_eq!((frame.width, frame.height), shown);
            assert_eq!(frame.data.len(), shown.0 * shown.1 * 4);
        }
    }
}
