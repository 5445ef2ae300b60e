//! Sets the library up: one codec a section, our interceptors, short timers, nothing discovered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::interceptor::{Registry, Slot};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX};
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCConfigurationBuilder, RTCIceServer,
    RTCIceTransportPolicy, SettingEngine, SettingEngineBuilder,
};
use webrtc::runtime::Runtime;

use super::describe::{H264, H264_FMTP, MAX_DATA_MESSAGE, OPUS, OPUS_FMTP, RTX, RTX_FMTP};
use super::intake::Intake;
use super::path::Path;
use super::secrets::LocalSecrets;

/// Between two ICE checks of a pair until connected: each round trip of the handshake waits for one. What is not answered is asked
/// less and less often, see [`checks`](super::checks).
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// More checks than fit before ICE gives up: the other side may begin seconds later.
const MAX_CHECKS: u16 = 10_000;
const DISCONNECTED_AFTER: Duration = Duration::from_secs(2);
/// As long as a call waits for its peer: a cable that is put back in a minute later finds the same sockets, keys and checks.
const FAILED_AFTER: Duration = Duration::from_secs(88);
/// Several within [`DISCONNECTED_AFTER`]: to the library only messages of STUN are life, media is not, and a bad link loses some of them.
const KEEPALIVE: Duration = Duration::from_millis(500);
/// A relayed pair is taken this long after checks began, if no direct one was found.
const RELAY_PATIENCE: Duration = Duration::from_millis(300);
/// Bytes of control that wait for the network.
const MAX_CONTROL_BACKLOG: usize = 64 * 1024;

/// What a connection is made of.
pub(super) struct Parts {
    pub runtime: Arc<dyn Runtime>,
    pub handler: Arc<dyn PeerConnectionEventHandler>,
    pub bind: Vec<SocketAddr>,
    pub ice_servers: Vec<RTCIceServer>,
    pub relay_only: bool,
    pub path: Path,
    pub intake: Intake,
}

/// Builds the connection; its sockets are bound when this returns.
pub(super) async fn build(secrets: LocalSecrets, parts: Parts) -> webrtc::error::Result<Arc<dyn PeerConnection>> {
    let policy = if parts.relay_only { RTCIceTransportPolicy::Relay } else { RTCIceTransportPolicy::All };
    let configuration = RTCConfigurationBuilder::new()
        .with_certificates(vec![secrets.certificate.clone()])
        .with_ice_servers(parts.ice_servers)
        .with_ice_transport_policy(policy)
        .build();
    // Nothing of the library's own: next to the wire ours sees every packet, and behind it comes only the way to the pipelines.
    let registry = Registry::new().with(Slot::CongestionControl, parts.path).with(Slot::from(13_500), parts.intake);
    let settings = settings(secrets, parts.bind.len());
    let connection = PeerConnectionBuilder::new()
        .with_configuration(configuration)
        .with_media_engine(media_engine()?)
        .with_setting_engine(settings)
        .with_interceptor_registry(registry)
        .with_handler(parts.handler)
        .with_runtime(parts.runtime)
        .with_udp_addrs(parts.bind)
        .with_data_channel_send_buffer_limit(MAX_CONTROL_BACKLOG)
        .build()
        .await?;
    Ok(Arc::new(connection))
}

fn settings(secrets: LocalSecrets, addresses: usize) -> SettingEngine {
    // Each address of ours is checked against each of theirs: with many, less often.
    let interval = CHECK_INTERVAL * addresses.clamp(1, 4) as u32;
    SettingEngineBuilder::new()
        .with_ice_credentials(secrets.ufrag, secrets.pwd)
        .with_ice_timeouts(Some(DISCONNECTED_AFTER), Some(FAILED_AFTER), Some(KEEPALIVE))
        .with_ice_connection_attempts(Some(interval), Some(MAX_CHECKS))
        .with_srflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_prflx_acceptance_min_wait(Some(Duration::ZERO))
        .with_relay_acceptance_min_wait(Some(RELAY_PATIENCE))
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(MAX_DATA_MESSAGE))
        .build()
}

fn media_engine() -> webrtc::error::Result<MediaEngine> {
    let mut engine = MediaEngine::default();
    engine.register_codec(parameters(OPUS, opus()), RtpCodecKind::Audio)?;
    engine.register_codec(parameters(H264, h264()), RtpCodecKind::Video)?;
    let rtx = codec(MIME_TYPE_RTX, 90_000, 0, RTX_FMTP, &[]);
    engine.register_codec(parameters(RTX, rtx), RtpCodecKind::Video)?;
    Ok(engine)
}

/// The sound's codec: the label says what it is.
pub(super) fn opus() -> RTCRtpCodec {
    codec(MIME_TYPE_OPUS, 48_000, 2, OPUS_FMTP, &[])
}

/// The pictures' codec: the label is for the library's sake, the payload is opaque.
pub(super) fn h264() -> RTCRtpCodec {
    codec(MIME_TYPE_H264, 90_000, 0, H264_FMTP, &[("nack", ""), ("nack", "pli")])
}

fn codec(mime: &str, clock_rate: u32, channels: u16, fmtp: &str, feedback: &[(&str, &str)]) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: feedback
            .iter()
            .map(|(typ, parameter)| RTCPFeedback { typ: (*typ).to_owned(), parameter: (*parameter).to_owned() })
            .collect(),
    }
}

fn parameters(payload_type: u8, rtp_codec: RTCRtpCodec) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters { rtp_codec, payload_type }
}
