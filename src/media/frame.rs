//! A picture in memory.

use super::clock::MediaTime;

/// Which numbers stand for which colours (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matrix {
    /// Standard definition.
    Bt601,
    /// High definition; what we encode.
    #[default]
    Bt709,
}

/// An I420 picture: full luma plane, then quarter-size U and V, tightly packed, limited or full range.
///
/// Invariant: width and height are even and at least 16; `data.len() == width * height * 3 / 2`.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
    pub matrix: Matrix,
    pub full_range: bool,
    /// When the light fell on the sensor, as near as the source can say.
    pub captured: MediaTime,
}

/// In which order the bytes of a pixel lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelOrder {
    #[default]
    Rgba,
    /// As most screens hold them.
    Bgra,
}

/// A picture for the screen: 4 bytes a pixel, opaque, tightly packed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScreenFrame {
    pub width: usize,
    pub height: usize,
    pub order: ChannelOrder,
    pub data: Vec<u8>,
    /// Grows by one a picture of the same stream: upload only when it changed.
    pub sequence: u64,
}

impl Frame {
    /// A black picture.
    pub fn black(width: usize, height: usize) -> Self {
        let luma = width * height;
        let mut data = vec![16; luma * 3 / 2];
        data[luma..].fill(128);
        Self { width, height, data, matrix: Matrix::default(), full_range: false, captured: MediaTime::default() }
    }

    /// The luma plane, the two chroma planes.
    pub fn planes(&self) -> (&[u8], &[u8], &[u8]) {
        let luma = self.width * self.height;
        let (y, chroma) = self.data.split_at(luma);
        let (u, v) = chroma.split_at(luma / 4);
        (y, u, v)
    }

    /// The three planes, to write to.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8], &mut [u8]) {
        let luma = self.width * self.height;
        let (y, chroma) = self.data.split_at_mut(luma);
        let (u, v) = chroma.split_at_mut(luma / 4);
        (y, u, v)
    }
}
