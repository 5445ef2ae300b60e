//! What a receiver of pictures tells their sender, as RTCP: PLI (RFC 4585 section 6.3.1) asks for a keyframe; RPSI (section 6.3.3)
//! tells which picture is whole. Its native bit string is ours:
//!
//! ```text
//!   u8 0 this picture is kept as a long-term reference, 1 what came after it is lost || u32 keyframe || u16 frame
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rtc::rtcp;
use rtc::rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::raw_packet::RawPacket;

use super::describe::H264;
use crate::media::repair::{PictureFeedback, Whole};

/// The first two bytes: version 2, format 3; payload-specific feedback.
pub(super) const RPSI: [u8; 2] = [0x83, 206];
/// All of it, and what is told in it; the rest is padding.
pub(super) const LENGTH: usize = 24;
const PADDING_BITS: u8 = 24;
const KEPT: u8 = 0;
const LOST: u8 = 1;

/// The packet that tells `feedback` about the stream `media`.
pub(super) fn write(feedback: PictureFeedback, sender: u32, media: u32) -> Box<dyn rtcp::Packet> {
    let (kind, whole) = match feedback {
        PictureFeedback::Keyframe => return Box::new(PictureLossIndication { sender_ssrc: sender, media_ssrc: media }),
        PictureFeedback::Kept(whole) => (KEPT, whole),
        PictureFeedback::Lost(whole) => (LOST, whole),
    };
    let mut bytes = BytesMut::with_capacity(LENGTH);
    bytes.put_slice(&RPSI);
    bytes.put_u16((LENGTH / 4 - 1) as u16);
    bytes.put_u32(sender);
    bytes.put_u32(media);
    bytes.put_slice(&[PADDING_BITS, H264, kind]);
    bytes.put_u32(whole.keyframe);
    bytes.put_u16(whole.frame);
    bytes.put_bytes(0, LENGTH - bytes.len());
    Box::new(RawPacket(bytes.freeze()))
}

/// What a packet tells about the stream `media`, if it does.
pub(super) fn read(packet: &dyn rtcp::Packet, media: u32) -> Option<PictureFeedback> {
    let packet = packet.as_any();
    if let Some(pli) = packet.downcast_ref::<PictureLossIndication>() {
        return (pli.media_ssrc == media).then_some(PictureFeedback::Keyframe);
    }
    if let Some(fir) = packet.downcast_ref::<FullIntraRequest>() {
        return fir.fir.iter().any(|entry| entry.ssrc == media).then_some(PictureFeedback::Keyframe);
    }
    selection(&packet.downcast_ref::<RawPacket>()?.0, media)
}

/// Reads an RPSI, all of it.
fn selection(bytes: &Bytes, media: u32) -> Option<PictureFeedback> {
    let mut rest = bytes.clone();
    if rest.len() != LENGTH || !rest.starts_with(&RPSI) {
        return None;
    }
    rest.advance(RPSI.len());
    let (length, _sender, about) = (rest.get_u16(), rest.get_u32(), rest.get_u32());
    let (padding, codec, kind) = (rest.get_u8(), rest.get_u8(), rest.get_u8());
    let whole = Whole { keyframe: rest.get_u32(), frame: rest.get_u16() };
    if (usize::from(length), about, padding, codec) != (LENGTH / 4 - 1, media, PADDING_BITS, H264) {
        return None;
    }
    match kind {
        KEPT => Some(PictureFeedback::Kept(whole)),
        LOST => Some(PictureFeedback::Lost(whole)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Whole = Whole { keyframe: 0x0102_0304, frame: 0x0506 };

    #[test]
    fn what_is_told_is_read_by_whom_it_is_about_and_nobody_else() {
        for feedback in [PictureFeedback::Keyframe, PictureFeedback::Kept(WHOLE), PictureFeedback::Lost(WHOLE)] {
            let packet = write(feedback, 0x11, 0x22);
            assert_eq!(read(&*packet, 0x22), Some(feedback));
            assert_eq!(read(&*packet, 0x11), None);
        }
    }

    #[test]
    fn the_library_sends_and_reads_it_as_the_standard_says() {
        let packet = write(PictureFeedback::Lost(WHOLE), 0x11, 0x22);
        let bytes = rtcp::packet::marshal(&[packet]).unwrap().freeze();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, format!("83ce0005000000110000002218{H264:02x}01010203040506000000"));
        let read_back = rtcp::packet::unmarshal(&mut bytes.clone()).unwrap();
        assert_eq!(read(&*read_back[0], 0x22), Some(PictureFeedback::Lost(WHOLE)));
    }

    #[test]
    fn what_is_not_ours_tells_nothing() {
        let whole = write(PictureFeedback::Kept(WHOLE), 0x11, 0x22).marshal().unwrap();
        for at in [0, 1, 3, 12, 13, 14] {
            let mut other = whole.to_vec();
            other[at] ^= 0x40;
            assert_eq!(read(&RawPacket(other.into()), 0x22), None, "byte {at}");
        }
        assert_eq!(read(&RawPacket(whole.freeze().slice(..20)), 0x22), None);
    }
}
