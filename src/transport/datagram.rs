//! A packet of a path without a connection of its own, and its bytes where it rides the link.
//!
//! The bytes are those that SRTP would seal: RTP (RFC 3550) with its shortest header, and of RTCP four kinds of feedback, one in
//! each datagram: reports (RFC 8888), requests for packets, and what is told of pictures (RFC 4585). The second byte tells which
//! (RFC 5761 section 4).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::raw_packet::RawPacket;
use rtc::rtcp::transport_feedbacks::cc_feedback_report::CcFeedbackReport;
use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp::Packet;
use rtc::rtp::header::Header;
use rtc::shared::marshal::Unmarshal;

use super::describe::{H264, OPUS, PARITY, RTX};
use super::feedback::{LENGTH, RPSI};

/// RTP version 2 without padding, extension or contributing sources.
const RTP: u8 = 0x80;
const RTP_HEADER: usize = 12;
const MARKER: u8 = 0x80;
const PAYLOADS: [u8; 4] = [OPUS, H264, RTX, PARITY];
/// RTCP version 2, without padding, and the kind of feedback in the lower bits.
const RTCP: u8 = 0x80;
/// Feedback about packets, and about pictures.
const ABOUT_PACKETS: u8 = 205;
const ABOUT_PICTURES: u8 = 206;
const NACK: u8 = RTCP | 1;
const REPORT: u8 = RTCP | 11;
const PLI: u8 = RTCP | 1;

/// A packet on the wire.
#[derive(Debug)]
pub struct Datagram {
    pub(super) content: Content,
    /// With all headers.
    pub bytes: usize,
}

/// What is in it.
#[derive(Debug)]
pub(super) enum Content {
    Media(Packet),
    Feedback(Vec<Box<dyn rtcp::Packet>>),
}

impl Datagram {
    /// Its bytes; nothing of what cannot be written, which is never made.
    pub fn encode(&self) -> Option<Bytes> {
        match &self.content {
            Content::Media(Packet { header, payload }) => {
                let mut out = BytesMut::with_capacity(RTP_HEADER + payload.len());
                out.put_slice(&[RTP, header.payload_type | if header.marker { MARKER } else { 0 }]);
                out.put_u16(header.sequence_number);
                out.put_u32(header.timestamp);
                out.put_u32(header.ssrc);
                out.put_slice(payload);
                Some(out.freeze())
            }
            Content::Feedback(packets) => rtcp::packet::marshal(packets).ok().map(BytesMut::freeze),
        }
    }

    /// Reads a packet; nothing if it is none that we know. Whoever reads the same again gets the same bytes from [`encode`](Self::encode).
    pub fn parse(bytes: Bytes) -> Option<Self> {
        let length = bytes.len();
        let content = match *bytes.first_chunk::<4>()? {
            [first, ABOUT_PACKETS | ABOUT_PICTURES, a, b] => {
                // One packet, and nothing after it.
                let whole = 4 * (usize::from(u16::from_be_bytes([a, b])) + 1) == length;
                Content::Feedback(vec![whole.then(|| feedback(first, &bytes)).flatten()?])
            }
            [RTP, kind, ..] if length > RTP_HEADER && PAYLOADS.contains(&(kind & !MARKER)) => Content::Media(media(bytes)),
            _ => return None,
        };
        Some(Self { content, bytes: length })
    }
}

fn media(mut bytes: Bytes) -> Packet {
    bytes.advance(1);
    let second = bytes.get_u8();
    let header = Header {
        version: 2,
        marker: second & MARKER != 0,
        payload_type: second & !MARKER,
        sequence_number: bytes.get_u16(),
        timestamp: bytes.get_u32(),
        ssrc: bytes.get_u32(),
        ..Default::default()
    };
    Packet { header, payload: bytes }
}

fn feedback(first: u8, bytes: &Bytes) -> Option<Box<dyn rtcp::Packet>> {
    let mut all = bytes.clone();
    Some(match (first, bytes[1]) {
        (NACK, ABOUT_PACKETS) => Box::new(TransportLayerNack::unmarshal(&mut all).ok()?),
        (REPORT, ABOUT_PACKETS) => Box::new(CcFeedbackReport::unmarshal(&mut all).ok()?),
        (PLI, ABOUT_PICTURES) => Box::new(PictureLossIndication::unmarshal(&mut all).ok()?),
        (first, second) if [first, second] == RPSI && bytes.len() == LENGTH => Box::new(RawPacket(all)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::rtcp::transport_feedbacks::cc_feedback_report::{CcFeedbackMetricBlock, CcFeedbackReportBlock};
    use rtc::rtcp::transport_feedbacks::transport_layer_nack::NackPair;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn again(content: Content) -> (String, Content) {
        let bytes = Datagram { content, bytes: 0 }.encode().unwrap();
        (hex(&bytes), Datagram::parse(bytes).unwrap().content)
    }

    #[test]
    fn a_picture_is_what_rtp_makes_of_it() {
        let header = Header {
            version: 2,
            marker: true,
            payload_type: 102,
            sequence_number: 1,
            timestamp: 3000,
            ssrc: 0x12,
            ..Default::default()
        };
        let packet = Packet { header, payload: Bytes::from_static(b"\x07sealed") };
        let (bytes, content) = again(Content::Media(packet.clone()));
        assert_eq!(bytes, "80e6000100000bb800000012077365616c6564");
        assert!(matches!(content, Content::Media(read) if read == packet));
    }

    #[test]
    fn feedback_is_what_rtcp_makes_of_it() {
        let nack =
            TransportLayerNack { sender_ssrc: 0x22, media_ssrc: 0x12, nacks: vec![NackPair { packet_id: 7, lost_packets: 1 }] };
        let metric = CcFeedbackMetricBlock { received: true, arrival_time_offset: 3, ..Default::default() };
        let block = CcFeedbackReportBlock { media_ssrc: 0x12, begin_sequence: 7, metric_blocks: vec![metric] };
        let report = CcFeedbackReport { sender_ssrc: 0x22, report_blocks: vec![block], report_timestamp: 9 };
        let pli = PictureLossIndication { sender_ssrc: 0x22, media_ssrc: 0x12 };
        let all: [(Box<dyn rtcp::Packet>, &str); 3] = [
            (Box::new(nack), "81cd0003000000220000001200070001"),
            (Box::new(report), "8bcd000500000022000000120007000180030000000000"),
            (Box::new(pli), "81ce00020000002200000012"),
        ];
        for (packet, expected) in all {
            let (bytes, content) = again(Content::Feedback(vec![packet.clone()]));
            assert!(bytes.starts_with(expected), "{bytes}");
            assert!(matches!(content, Content::Feedback(read) if *read[0] == *packet));
        }
    }

    #[test]
    fn what_is_cut_off_glued_together_or_of_another_kind_is_nothing() {
        let pli = b"\x81\xce\x00\x02\x00\x00\x00\x22\x00\x00\x00\x12";
        let sender_report = [&b"\x80\xc8\x00\x06"[..], &[0; 24]].concat();
        let header_alone = b"\x80\x66\x00\x01\x00\x00\x0b\xb8\x00\x00\x00\x12";
        let extended = b"\x90\x66\x00\x01\x00\x00\x0b\xb8\x00\x00\x00\x12abcdefgh";
        for bytes in [&[][..], b"\x80", &pli[..11], &[*pli, *pli].concat(), &sender_report, header_alone, extended] {
            assert!(Datagram::parse(Bytes::copy_from_slice(bytes)).is_none(), "{bytes:02x?}");
        }
    }
}
