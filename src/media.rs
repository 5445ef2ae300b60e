//! How picture and sound travel: sources, codecs, buffers, and the four pipelines.

pub mod clock;
pub mod frame;
pub mod packet;
pub mod slot;
