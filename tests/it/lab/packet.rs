//! An IP packet as the cable sees it.

use std::net::IpAddr;
use std::time::Instant;

pub const ICMP: u8 = 1;
pub const UDP: u8 = 17;

/// One packet that a host sent, whether or not it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub protocol: u8,
    /// Source and destination port of UDP and TCP, else 0.
    pub ports: (u16, u16),
    /// What follows the UDP header, or the IP header.
    pub payload: Vec<u8>,
    /// When the cable took it.
    pub at: Instant,
}

impl Packet {
    /// Reads an IPv4 or IPv6 packet without extension headers; nothing if it is neither.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (source, destination, protocol, body) = match bytes.first()? >> 4 {
            4 => {
                let header = usize::from(bytes[0] & 15) * 4;
                let address = |at: usize| Some(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?.into());
                (address(12)?, address(16)?, *bytes.get(9)?, bytes.get(header..)?)
            }
            6 => {
                let address = |at: usize| Some(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?.into());
                (address(8)?, address(24)?, *bytes.get(6)?, bytes.get(40..)?)
            }
            _ => return None,
        };
        let port = |at: usize| Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?));
        let (ports, payload) = match protocol {
            UDP => ((port(0)?, port(2)?), body.get(8..)?),
            6 => ((port(0)?, port(2)?), body),
            _ => ((0, 0), body),
        };
        Some(Self { source, destination, protocol, ports, payload: payload.to_vec(), at: Instant::now() })
    }

    pub fn is_udp_to(&self, port: u16) -> bool {
        self.protocol == UDP && self.ports.1 == port
    }

    /// A STUN message by its magic cookie (RFC 8489 section 5): what ICE checks are made of.
    pub fn is_stun(&self) -> bool {
        self.protocol == UDP && self.payload.get(4..8) == Some(&[0x21, 0x12, 0xa4, 0x42])
    }

    /// A DTLS record by its content type and version (RFC 7983 section 7, RFC 6347 section 4.1).
    pub fn is_dtls(&self) -> bool {
        self.protocol == UDP && matches!(self.payload[..], [20..=63, 0xfe, 0xfd | 0xff, ..])
    }

    /// A packet of media, or of what is reported about it, by its first byte (RFC 7983 section 7).
    pub fn is_srtp(&self) -> bool {
        self.protocol == UDP && matches!(self.payload[..], [128..=191, ..])
    }

    /// A QUIC packet that lists versions, for one who sent an unknown version (RFC 9000 section 17.2.1).
    pub fn is_quic_version_negotiation(&self) -> bool {
        matches!(self.payload[..], [0x80..=0xff, 0, 0, 0, 0, ..])
    }

    /// The first packet of a QUIC connection, or that again (RFC 9000 section 17.2.2).
    pub fn is_quic_initial(&self) -> bool {
        self.protocol == UDP && matches!(self.payload[..], [0xc0..=0xcf, 0, 0, 0, 1, ..])
    }
}
