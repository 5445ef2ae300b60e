//! Frames on a QUIC stream: `u32 length || bytes`, the length from 1 to what the reader allows: [`MAX_FRAME`] for a stranger,
//! [`MAX_TEXT_FRAME`](super::message::MAX_TEXT_FRAME) for a contact.

use iroh::endpoint::{ReadExactError, RecvStream, SendStream, WriteError};
use thiserror::Error;

use super::message::{MAX_FRAME, MAX_TEXT_FRAME};

/// Why a stream brings no more frames.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// After this the stream cannot be followed any more.
    #[error("a frame of {0} bytes, which the protocol does not allow")]
    Length(usize),
    #[error("the stream broke off")]
    Broken(#[from] ReadExactError),
}

/// Reads one frame; `None` when the other side has finished. Not to be cancelled half-way.
pub(crate) async fn read(stream: &mut RecvStream) -> Result<Option<Vec<u8>>, FrameError> {
    read_up_to(stream, MAX_FRAME).await
}

/// The same for a frame of at most `most` bytes.
pub(crate) async fn read_up_to(stream: &mut RecvStream, most: usize) -> Result<Option<Vec<u8>>, FrameError> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = u32::from_be_bytes(length) as usize;
    if !(1..=most).contains(&length) {
        return Err(FrameError::Length(length));
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await?;
    Ok(Some(bytes))
}

/// Writes one frame of our own.
pub(crate) async fn write(stream: &mut SendStream, bytes: &[u8]) -> Result<(), WriteError> {
    debug_assert!((1..=MAX_TEXT_FRAME).contains(&bytes.len()), "our own messages stay below the cap of a frame");
    let mut frame = Vec::with_capacity(4 + bytes.len());
    crate::identity::length_prefixed(&mut frame, bytes);
    stream.write_all(&frame).await
}
