//! Where pictures go that a person sees.

use super::convert::Picture;
use super::frame::{Frame, ScreenFrame};
use super::place::ScreenSink;
use super::scale::{Part, Scaler, fit};
use std::fmt;
use std::sync::Arc;

/// Called when there is something new in a slot, to wake the window.
pub type OnFrame = Arc<dyn Fn() + Send + Sync>;

/// Turns pictures into what the window takes, in buffers that it let go of.
pub struct Screen {
    sink: ScreenSink,
    on_frame: Option<OnFrame>,
    buffers: Vec<Arc<ScreenFrame>>,
    sequence: u64,
    /// The largest that is of use where no place is known.
    most: Option<(usize, usize)>,
    scaler: Scaler,
    /// A picture on its way to another size, before its colours are converted or after.
    scaled: Frame,
    pixels: Vec<u8>,
}

impl Screen {
    /// A screen whose pictures are as large as the other end of `sink` wants them. `on_frame` is called for each.
    pub fn new(sink: ScreenSink, on_frame: Option<OnFrame>) -> Self {
        let (scaler, scaled) = (Scaler::default(), Frame::black(16, 16));
        Self { sink, on_frame, buffers: Vec::new(), sequence: 0, most: None, scaler, scaled, pixels: Vec::new() }
    }

    /// The same with pictures no larger than this as long as nobody says how large they are seen: what is smaller costs less to convert,
    /// hand over and draw.
    pub fn at_most(self, width: usize, height: usize) -> Self {
        Self { most: Some((width, height)), ..self }
    }

    /// Shows `picture`.
    pub fn show(&mut self, picture: &Picture) {
        let size = (picture.width, picture.height);
        let wanted = self.sink.place.get();
        let order = wanted.map(|space| space.order).unwrap_or_default();
        let (part, width, height) = match (wanted, self.most) {
            (Some(space), _) => space.fitted(size),
            (None, Some((width, height))) if size.0 > width || size.1 > height => {
                let (width, height) = fit(size.0, size.1, width, height);
                (Part::WHOLE, width, height)
            }
            _ => (Part::WHOLE, size.0, size.1),
        };
        let mut buffer = self.free_buffer();
        // Nobody else holds it: made just now, or counted, and only we could clone it.
        let frame = Arc::get_mut(&mut buffer).expect("the buffer is ours alone");
        (frame.width, frame.height, frame.order) = (width, height, order);
        if (part, width, height) == (Part::WHOLE, size.0, size.1) {
            picture.to_screen(order, &mut frame.data);
        } else if part == Part::WHOLE && width * 2 <= size.0 {
            // So much smaller that the conversion is what costs.
            self.scaler.scale(picture, width, height, &mut self.scaled);
            Picture::from(&self.scaled).to_screen(order, &mut frame.data);
        } else {
            picture.to_screen(order, &mut self.pixels);
            self.scaler.scale_for_screen(&self.pixels, size, part, &mut frame.data, (width, height));
        }
        self.sequence += 1;
        frame.sequence = self.sequence;
        self.buffers.push(buffer.clone());
        self.sink.pictures.put(buffer);
        if let Some(wake) = &self.on_frame {
            wake();
        }
    }

    /// One that the window let go of, or a new one.
    fn free_buffer(&mut self) -> Arc<ScreenFrame> {
        let free = self.buffers.iter().position(|buffer| Arc::strong_count(buffer) == 1);
        free.map(|index| self.buffers.swap_remove(index)).unwrap_or_default()
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
    use crate::media::frame::ChannelOrder;
    use crate::media::place::{Space, screen};

    #[test]
    fn buffers_are_used_again_but_never_one_that_somebody_still_looks_at() {
        let (sink, view) = screen();
        let mut screen = Screen::new(sink, None);
        let frame = Frame::black(32, 16);
        screen.show(&Picture::from(&frame));
        let held = view.pictures.take().unwrap();
        for sequence in 2..20 {
            screen.show(&Picture::from(&frame));
            assert_eq!(view.pictures.take().unwrap().sequence, sequence);
        }
        assert_eq!(held.sequence, 1);
        assert!(screen.buffers.len() <= 3);
    }

    #[test]
    fn a_picture_larger_than_its_place_is_made_smaller_in_its_shape_and_a_smaller_one_is_left_alone() {
        let (sink, view) = screen();
        let mut screen = Screen::new(sink, None).at_most(640, 360);
        for (given, shown) in [((1280, 720), (640, 360)), ((640, 480), (480, 360)), ((320, 180), (320, 180))] {
            screen.show(&Picture::from(&Frame::black(given.0, given.1)));
            let frame = view.pictures.take().unwrap();
            assert_eq!((frame.width, frame.height), shown);
            assert_eq!(frame.data.len(), shown.0 * shown.1 * 4);
        }
    }

    #[test]
    fn a_picture_comes_as_its_place_wants_it() {
        let wants = |width, height, filled, order| Space { width, height, filled, order };
        let (sink, view) = screen();
        let mut screen = Screen::new(sink, None).at_most(640, 360);
        for (given, space, shown) in [
            // A little is cut; more than a little is not; what fills a small place comes whole; sizes are even and never too small.
            ((1280, 720), wants(1180, 760, false, ChannelOrder::Bgra), (1180, 760)),
            ((1280, 720), wants(1000, 1000, false, ChannelOrder::Bgra), (1000, 564)),
            ((1280, 720), wants(256, 168, true, ChannelOrder::Rgba), (300, 168)),
            ((320, 180), wants(1000, 1000, true, ChannelOrder::Rgba), (320, 180)),
            ((960, 540), wants(840, 1207, false, ChannelOrder::Bgra), (840, 474)),
            ((320, 180), wants(1281, 721, false, ChannelOrder::Bgra), (1282, 722)),
            ((1280, 720), wants(1280, 720, false, ChannelOrder::Bgra), (1280, 720)),
            ((1280, 720), wants(1, 1, true, ChannelOrder::Rgba), (16, 16)),
        ] {
            view.place.set(space);
            screen.show(&Picture::from(&Frame::black(given.0, given.1)));
            let frame = view.pictures.take().unwrap();
            assert_eq!(((frame.width, frame.height), frame.order), (shown, space.order), "{given:?} in {space:?}");
            assert_eq!(frame.data.len(), shown.0 * shown.1 * 4);
        }
    }

    #[test]
    fn colours_stay_what_they_are_however_a_picture_is_scaled() {
        let (sink, view) = screen();
        let mut screen = Screen::new(sink, None);
        let mut frame = Frame::black(1280, 720);
        let (y, u, v) = frame.planes_mut();
        y.fill(63);
        u.fill(102);
        v.fill(240);
        for (width, height, filled, order) in [
            (1280, 720, false, ChannelOrder::Bgra),
            (1180, 760, false, ChannelOrder::Bgra),
            (1000, 1000, false, ChannelOrder::Bgra),
            (256, 168, true, ChannelOrder::Rgba),
        ] {
            view.place.set(Space { width, height, filled, order });
            screen.show(&Picture::from(&frame));
            let red = if order == ChannelOrder::Rgba { 0 } else { 2 };
            let shown = view.pictures.take().unwrap();
            let is_red = |pixel: &[u8]| pixel[red] > 240 && pixel[1] < 15 && pixel[2 - red] < 15 && pixel[3] == 255;
            assert!(shown.data.chunks_exact(4).all(is_red), "{width}x{height}");
        }
    }
}
