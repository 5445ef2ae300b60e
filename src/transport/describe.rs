//! The session description of the other side, written here from a template: SDP never crosses the link.
//!
//! Both sides know everything in it beforehand but fingerprint, `ufrag` and `pwd`: three sections (sound, picture, data),
//! one codec each, and the numbers of the streams, which follow from who called.

use std::fmt::Write;

use crate::signal::message::Description;

use super::config::Role;

/// Payload types. Picture is labelled H.264, but what the packets hold is opaque.
pub(super) const OPUS: u8 = 111;
pub(super) const H264: u8 = 102;
pub(super) const RTX: u8 = 103;
/// Parity over pictures' packets. Only our own interceptor sees it, so it is not described.
pub(super) const PARITY: u8 = 104;

pub(super) const OPUS_FMTP: &str = "minptime=10;useinbandfec=1";
pub(super) const H264_FMTP: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f";
pub(super) const RTX_FMTP: &str = "apt=102";

/// Longest message on the data channel that is put together again.
pub(super) const MAX_DATA_MESSAGE: u32 = 16 * 1024;

/// The numbers of one side's RTP streams. They need to differ only within a call, so the roles fix them: nothing to agree on,
/// nothing to tell callers apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Streams {
    pub audio: u32,
    pub video: u32,
    /// Retransmissions of `video` (RFC 4588).
    pub repair: u32,
    /// Parity over `video`.
    pub parity: u32,
}

impl Streams {
    pub const fn of(role: Role) -> Self {
        match role {
            Role::Caller => Self { audio: 0x11, video: 0x12, repair: 0x13, parity: 0x14 },
            Role::Callee => Self { audio: 0x21, video: 0x22, repair: 0x23, parity: 0x24 },
        }
    }

    /// Whether a packet of this number is one of theirs.
    pub fn has(self, ssrc: u32) -> bool {
        [self.audio, self.video, self.repair, self.parity].contains(&ssrc)
    }
}

/// What the side in `role` would have sent as its offer (the caller) or answer (the callee).
pub(super) fn remote_sdp(role: Role, remote: &Description) -> String {
    // The caller is DTLS server: `actpass` answered by `active`.
    let setup = match role {
        Role::Caller => "actpass",
        Role::Callee => "active",
    };
    let streams = Streams::of(role);
    let mut sdp = String::from("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\n");
    let mut line = |text: std::fmt::Arguments<'_>| write!(sdp, "{text}\r\n").expect("a String takes everything");
    line(format_args!("a=fingerprint:sha-256 {}", colon_hex(&remote.fingerprint)));

    let sections = [("audio 9 UDP/TLS/RTP/SAVPF 111", 0), ("video 9 UDP/TLS/RTP/SAVPF 102 103", 1)];
    for (section, mid) in sections.into_iter().chain([("application 9 UDP/DTLS/SCTP webrtc-datachannel", 2)]) {
        line(format_args!("m={section}"));
        line(format_args!("c=IN IP4 0.0.0.0"));
        line(format_args!("a=setup:{setup}"));
        line(format_args!("a=mid:{mid}"));
        line(format_args!("a=ice-ufrag:{}", remote.ufrag));
        line(format_args!("a=ice-pwd:{}", remote.pwd));
        line(format_args!("a=sendrecv"));
        if mid < 2 {
            line(format_args!("a=rtcp-mux"));
            line(format_args!("a=rtcp-rsize"));
        }
        match mid {
            0 => {
                line(format_args!("a=rtpmap:{OPUS} opus/48000/2"));
                line(format_args!("a=fmtp:{OPUS} {OPUS_FMTP}"));
                line(format_args!("a=ssrc:{} msid:call audio", streams.audio));
            }
            1 => {
                line(format_args!("a=rtpmap:{H264} H264/90000"));
                line(format_args!("a=fmtp:{H264} {H264_FMTP}"));
                line(format_args!("a=rtcp-fb:{H264} nack"));
                line(format_args!("a=rtcp-fb:{H264} nack pli"));
                line(format_args!("a=rtpmap:{RTX} rtx/90000"));
                line(format_args!("a=fmtp:{RTX} {RTX_FMTP}"));
                line(format_args!("a=ssrc-group:FID {} {}", streams.video, streams.repair));
                line(format_args!("a=ssrc:{} msid:call video", streams.video));
                line(format_args!("a=ssrc:{} msid:call video", streams.repair));
            }
            _ => {
                line(format_args!("a=sctp-port:5000"));
                line(format_args!("a=max-message-size:{MAX_DATA_MESSAGE}"));
            }
        }
    }
    sdp
}

/// `AB:CD:…`, as `a=fingerprint` wants it (RFC 8122 section 5).
fn colon_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description { fingerprint: [0xab; 32], ufrag: "user".into(), pwd: "word".into(), codecs: vec![] }
    }

    #[test]
    fn the_caller_waits_for_the_handshake_that_the_callee_begins() {
        assert!(remote_sdp(Role::Caller, &description()).contains("a=setup:actpass\r\n"));
        assert!(remote_sdp(Role::Callee, &description()).contains("a=setup:active\r\n"));
    }

    #[test]
    fn a_description_holds_the_three_things_that_the_other_side_chose_and_no_address() {
        let sdp = remote_sdp(Role::Callee, &description());
        assert!(sdp.contains("a=fingerprint:sha-256 AB:AB:AB"));
        assert_eq!(sdp.matches("a=ice-ufrag:user\r\n").count(), 3);
        assert_eq!(sdp.matches("a=ice-pwd:word\r\n").count(), 3);
        assert!(!sdp.contains("a=candidate"));
    }

    #[test]
    fn the_two_sides_streams_differ() {
        let (a, b) = (Streams::of(Role::Caller), Streams::of(Role::Callee));
        assert!([a.audio, a.video, a.repair, a.parity].iter().all(|ssrc| ![b.audio, b.video, b.repair, b.parity].contains(ssrc)));
    }
}
