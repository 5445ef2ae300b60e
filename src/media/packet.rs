//! What crosses between the pipelines and the transport: sealed payloads, already cut to size.

use super::clock::MediaTime;
use bytes::Bytes;

/// Most bytes of one payload that is sent, so that a packet fits a QUIC datagram of the link, too, with parity and all headers.
pub const MAX_PAYLOAD: usize = 1100;
/// Most bytes of one payload that is read: with RTP, SRTP, UDP and IPv6 headers it fills 1280 (RFC 8200 section 5).
pub const LONGEST_PAYLOAD: usize = 1180;

/// One sealed frame on its way out. The transport numbers the pieces and marks the last.
#[derive(Debug, Clone)]
pub struct OutgoingFrame {
    /// RTP timestamp: capture time at 90 kHz for video; at 48 kHz, counted in samples, for audio.
    pub timestamp: u32,
    /// The pieces in order, each at most [`MAX_PAYLOAD`] bytes. Audio has one.
    pub pieces: Vec<Bytes>,
}

/// One payload as it arrived: out of order, doubled, or never.
#[derive(Debug, Clone)]
pub struct IncomingPacket {
    /// RTP sequence number; a repaired packet carries its original one.
    pub sequence: u16,
    /// RTP timestamp of the frame that this is a piece of.
    pub timestamp: u32,
    /// Last piece of its frame.
    pub marker: bool,
    /// The opaque payload.
    pub payload: Bytes,
    /// When the transport read it.
    pub arrived: MediaTime,
}
