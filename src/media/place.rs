//! Between the pipelines and the window: pictures one way, how large they are seen the other.

use super::frame::{ChannelOrder, ScreenFrame};
use super::scale::Part;
use super::slot::{SlotReader, SlotWriter, slot};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The part of a picture that may be cut away to fill its place; beyond it somebody's face could go.
const MOST_CUT: f32 = 0.16;
/// No place is larger, in pixels.
const LARGEST: f32 = 8192.0;

/// Makes the two ends of a screen.
pub fn screen() -> (ScreenSink, ScreenView) {
    let (writer, reader) = slot();
    let place = Arc::<Place>::default();
    (ScreenSink { pictures: writer, place: place.clone() }, ScreenView { pictures: reader, place })
}

/// The end that pictures are put into.
#[derive(Debug, Clone)]
pub struct ScreenSink {
    pub pictures: SlotWriter<Arc<ScreenFrame>>,
    pub place: Arc<Place>,
}

/// The window's end.
#[derive(Debug, Clone)]
pub struct ScreenView {
    pub pictures: SlotReader<Arc<ScreenFrame>>,
    pub place: Arc<Place>,
}

/// Where a stream's pictures are seen: the window says it, and gets pictures that need no more scaling. Where a graphics card draws,
/// nothing is said, and pictures come as they are.
#[derive(Debug, Default)]
pub struct Place(AtomicU64);

/// What a [`Place`] wants of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// In pixels of the screen.
    pub width: u16,
    pub height: u16,
    /// It is small and filled, whatever is cut away for that, by whoever draws it; else it is as [`cut`] says.
    pub filled: bool,
    pub order: ChannelOrder,
}

impl Place {
    /// Says what is wanted from the next picture on.
    pub fn set(&self, space: Space) {
        let flags = 1 | u64::from(space.filled) << 1 | u64::from(space.order == ChannelOrder::Bgra) << 2;
        self.0.store(flags << 32 | u64::from(space.width) << 16 | u64::from(space.height), Ordering::Relaxed);
    }

    /// What is wanted, if anybody said so.
    pub fn get(&self) -> Option<Space> {
        let packed = self.0.load(Ordering::Relaxed);
        let flag = |bit: u32| packed >> (32 + bit) & 1 == 1;
        let order = if flag(2) { ChannelOrder::Bgra } else { ChannelOrder::Rgba };
        flag(0).then_some(Space { width: (packed >> 16) as u16, height: packed as u16, filled: flag(1), order })
    }
}

impl Space {
    /// What of a picture of `size` is seen, and the width and height that it is scaled to: even, and no smaller than where it is seen,
    /// save that what fills a small place is never made larger.
    pub fn fitted(&self, size: (usize, usize)) -> (Part, usize, usize) {
        let room = [f32::from(self.width), f32::from(self.height)];
        // A little less, for floating-point products are a little more than they should be.
        let even = |length: f32| (((length - 0.01).clamp(16.0, LARGEST).ceil() as usize) + 1) & !1;
        let (cover, contain) = scales(size, room);
        if self.filled {
            // Whoever fills it cuts it: what is seen larger later must be whole.
            let cover = cover.min(1.0);
            (Part::WHOLE, even(size.0 as f32 * cover), even(size.1 as f32 * cover))
        } else if cut(size, room) {
            let share = |room: f32, length: usize| f64::from(room / (length as f32 * cover)).min(1.0);
            let part = Part::middle(share(room[0], size.0), share(room[1], size.1));
            (part, even(room[0]), even(room[1]))
        } else {
            (Part::WHOLE, even(size.0 as f32 * contain), even(size.1 as f32 * contain))
        }
    }
}

/// Whether a picture of `size` fills a room of this width and height with a little of it cut away; else it is shown whole, with
/// bars beside it.
pub fn cut(size: (usize, usize), room: [f32; 2]) -> bool {
    let (cover, contain) = scales(size, room);
    cover <= contain * (1.0 + MOST_CUT)
}

/// How much larger a picture gets that covers the room, and one that is contained in it.
fn scales((width, height): (usize, usize), room: [f32; 2]) -> (f32, f32) {
    let (wide, high) = (room[0] / width.max(1) as f32, room[1] / height.max(1) as f32);
    (wide.max(high), wide.min(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_seen_of_a_picture_that_is_cut() {
        let space = Space { width: 1180, height: 760, filled: false, order: ChannelOrder::Bgra };
        let (part, ..) = space.fitted((1280, 720));
        assert_eq!((part.top, part.height), (0.0, 1.0));
        assert!((part.width - 1180.0 / (1280.0 * 760.0 / 720.0)).abs() < 1e-6);
        assert!((part.left * 2.0 + part.width - 1.0).abs() < 1e-9);
    }
}
