//! Payloads out: each piece one RTP packet, the last of a frame marked. The path paces them.

use std::sync::Arc;

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp::header::Header;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, sleep};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;

use super::describe::{H264, OPUS, Streams};
use super::feedback;
use super::numbers::Numbered;
use crate::media::repair::PictureFeedback;

/// How long a DTLS server waits with the first payload. Its last flight gives the client the keys; a payload that travels
/// with it comes before the client has made use of them, and is dropped: of a first keyframe that costs a round trip and more.
pub(super) const HEAD_START: Duration = Duration::from_millis(15);

/// One stream of ours.
pub(super) struct Track {
    rtp: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
}

impl Track {
    /// The sound's stream.
    pub fn audio(streams: Streams, codec: RTCRtpCodec) -> Self {
        Self::new(RtpCodecKind::Audio, "audio", streams.audio, None, OPUS, codec)
    }

    /// The pictures' stream, with its retransmissions.
    pub fn video(streams: Streams, codec: RTCRtpCodec) -> Self {
        Self::new(RtpCodecKind::Video, "video", streams.video, Some(streams.repair), H264, codec)
    }

    fn new(kind: RtpCodecKind, name: &str, ssrc: u32, repair: Option<u32>, payload_type: u8, codec: RTCRtpCodec) -> Self {
        let rtx = repair.map(|ssrc| RTCRtpRtxParameters { ssrc });
        let rtp_coding_parameters = RTCRtpCodingParameters { ssrc: Some(ssrc), rtx, ..Default::default() };
        let coding = RTCRtpEncodingParameters { rtp_coding_parameters, active: true, codec, ..Default::default() };
        let track = MediaStreamTrack::new("call".into(), name.into(), name.into(), kind, vec![coding]);
        Self { rtp: Arc::new(TrackLocalStaticRTP::new(track)), ssrc, payload_type }
    }

    /// The library's end of it.
    pub fn local(&self) -> Arc<dyn TrackLocal> {
        self.rtp.clone()
    }

    /// A handle that tells the other side of its pictures.
    pub fn teller(&self, theirs: Streams) -> Teller {
        Teller { rtp: self.rtp.clone(), sender_ssrc: self.ssrc, media_ssrc: theirs.video }
    }

    /// Sends what comes until nobody sends more. What comes before `admitted` is dropped: the other side could not read it.
    /// The first that is not waits for `head_start`, see [`HEAD_START`]. While there is no `room` on the path, frames are left
    /// where they are: whoever makes them sees that, and makes no more.
    pub async fn run(
        self,
        mut frames: mpsc::Receiver<Numbered>,
        admitted: watch::Receiver<bool>,
        mut room: Option<watch::Receiver<bool>>,
        head_start: Duration,
    ) {
        let mut head_start = Some(head_start);
        loop {
            if let Some(room) = &mut room
                && room.wait_for(|room| *room).await.is_err()
            {
                return;
            }
            let Some(frame) = frames.recv().await else { return };
            if !*admitted.borrow() {
                continue;
            }
            if let Some(wait) = head_start.take() {
                sleep(wait).await;
            }
            if self.send(frame).await.is_none() {
                return;
            }
        }
    }

    /// Sends one frame. `None`: the connection is gone.
    async fn send(&self, Numbered { first, frame }: Numbered) -> Option<()> {
        let count = frame.pieces.len();
        for ((index, piece), number) in frame.pieces.into_iter().enumerate().zip(0..) {
            self.write(first.wrapping_add(number), frame.timestamp, piece, index + 1 == count).await?;
        }
        Some(())
    }

    async fn write(&self, sequence_number: u16, timestamp: u32, payload: Bytes, marker: bool) -> Option<()> {
        let header = Header {
            version: 2,
            marker,
            payload_type: self.payload_type,
            sequence_number,
            timestamp,
            ssrc: self.ssrc,
            ..Default::default()
        };
        self.rtp.write_rtp(rtc::rtp::Packet { header, payload }).await.ok()
    }
}

/// Tells the other side of its pictures.
pub(super) struct Teller {
    rtp: Arc<TrackLocalStaticRTP>,
    sender_ssrc: u32,
    media_ssrc: u32,
}

impl Teller {
    pub async fn tell(&self, feedback: PictureFeedback) {
        // It fails only when the connection is gone, and then there is nobody to tell.
        let _ = self.rtp.write_rtcp(vec![feedback::write(feedback, self.sender_ssrc, self.media_ssrc)]).await;
    }
}
