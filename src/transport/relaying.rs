//! What a TURN server is not asked for: to relay to an address of a private network that it is not part of.
//!
//! The library pairs each relayed address of ours with every address that the other side named, those within their home included.
//! Nothing good comes of asking: the server learns what their network looks like inside, refuses, or, as coturn does where its computer
//! has no route there, gives up the whole allocation, and with it the relayed path that would have worked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

/// Message types (RFC 8656 section 17): requests for a permission and for a channel, and data.
const CREATE_PERMISSION: u16 = 0x0008;
const CHANNEL_BIND: u16 = 0x0009;
const SEND: u16 = 0x0016;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
/// What a server hands on (RFC 8656 section 17).
const DATA_INDICATION: u16 = 0x0017;
/// A message in a channel begins with its number (RFC 8656 section 12.4).
pub(super) const CHANNELS: RangeInclusive<u8> = 0x40..=0x4f;
/// STUN's magic cookie (RFC 8489 section 5).
const COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;

/// Whether `message`, which is ours, asks the TURN server at `server` to relay to private networks that it is not part of.
pub(super) fn is_pointless(server: SocketAddr, message: &[u8]) -> bool {
    let Some([a, b]) = message.first_chunk::<2>() else { return false };
    let about_peers = [CREATE_PERMISSION, CHANNEL_BIND, SEND].contains(&u16::from_be_bytes([*a, *b]));
    if !about_peers || is_private(server.ip()) {
        return false;
    }
    let mut peers = peer_addresses(message).peekable();
    // A request about several renews what was granted before.
    peers.peek().is_some() && peers.all(is_private)
}

/// Whether `message` is one of STUN's.
pub(super) fn is_stun(message: &[u8]) -> bool {
    message.get(4..HEADER).is_some_and(|header| header.starts_with(&COOKIE.to_be_bytes()))
}

/// Whether `message` is for a peer behind the server, and not for the server.
pub(super) fn is_relayed(message: &[u8]) -> bool {
    message.first().is_some_and(|first| CHANNELS.contains(first)) || relayed(message).is_some()
}

/// What a TURN server is to send to a peer, or got from one, and who that is.
pub(super) fn relayed(message: &[u8]) -> Option<(IpAddr, &[u8])> {
    let [a, b] = message.first_chunk::<2>()?;
    let relayed = [SEND, DATA_INDICATION].contains(&u16::from_be_bytes([*a, *b])) && is_stun(message);
    let (_, data) = attributes(message).find(|(kind, _)| relayed && *kind == DATA)?;
    Some((peer_addresses(message).next()?, data))
}

/// The peers that a message names.
fn peer_addresses(message: &[u8]) -> impl Iterator<Item = IpAddr> {
    attributes(message).filter(|(kind, _)| *kind == XOR_PEER_ADDRESS).map_while(|(_, value)| unmask(message, value))
}

/// Kinds and values of a message's attributes, as far as they are whole.
fn attributes(message: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = message.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (&[a, b, c, d], after) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([c, d]));
        let value = after.get(..length)?;
        rest = after.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_be_bytes([a, b]), value))
    })
}

/// An address that is masked with the message's first bytes (RFC 8489 section 14.2).
fn unmask(message: &[u8], value: &[u8]) -> Option<IpAddr> {
    match (value.get(1)?, value.get(4..)?) {
        (1, masked) => Some(Ipv4Addr::from_bits(u32::from_be_bytes(*masked.first_chunk()?) ^ COOKIE).into()),
        (2, masked) => {
            let mask = u128::from_be_bytes(*message.get(4..)?.first_chunk()?);
            Some(Ipv6Addr::from_bits(u128::from_be_bytes(*masked.first_chunk()?) ^ mask).into())
        }
        _ => None,
    }
}

/// Whether the Internet has no way there (RFC 1918, RFC 6598, RFC 4193).
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || (ip.octets()[0] == 100 && ip.octets()[1] >> 6 == 1)
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtc::stun::attributes::AttrType;
    use rtc::stun::message::{Message, MessageType, Setter, TransactionId};
    use rtc::stun::xoraddr::XorMappedAddress;

    struct Peer(IpAddr);

    impl Setter for Peer {
        fn add_to(&self, message: &mut Message) -> rtc::shared::error::Result<()> {
            XorMappedAddress { ip: self.0, port: 4000 }.add_to_as(message, AttrType(XOR_PEER_ADDRESS))
        }
    }

    fn message(kind: u16, peers: &[&str]) -> Vec<u8> {
        let mut message = Message::new();
        let mut typ = MessageType::default();
        typ.read_value(kind);
        message.build(&[Box::new(typ), Box::new(TransactionId::new())]).unwrap();
        for peer in peers {
            Peer(peer.parse().unwrap()).add_to(&mut message).unwrap();
        }
        message.raw
    }

    const PUBLIC: &str = "198.51.100.1:3478";
    const AT_HOME: &str = "192.168.1.9:3478";

    #[test]
    fn a_server_on_the_internet_is_not_asked_for_addresses_of_private_networks() {
        for kind in [CREATE_PERMISSION, CHANNEL_BIND, SEND] {
            for (server, peers, expected) in [
                (PUBLIC, &["192.168.1.2"][..], true),
                (PUBLIC, &["10.1.2.3"], true),
                (PUBLIC, &["100.64.0.9"], true),
                (PUBLIC, &["fd00::7"], true),
                (PUBLIC, &["203.0.113.9"], false),
                (PUBLIC, &["2001:db8::7"], false),
                (PUBLIC, &["192.168.1.2", "203.0.113.9"], false),
                (AT_HOME, &["192.168.1.2"], false),
            ] {
                let is = is_pointless(server.parse().unwrap(), &message(kind, peers));
                assert_eq!(is, expected, "{kind:#x} {peers:?} by {server}");
            }
        }
    }

    #[test]
    fn all_else_that_a_server_is_told_passes() {
        let server = PUBLIC.parse().unwrap();
        // Allocate, refresh, binding; a channel's data; nothing; a message that is cut off.
        for kind in [0x0003, 0x0004, 0x0001] {
            assert!(!is_pointless(server, &message(kind, &[])));
        }
        let permission = message(CREATE_PERMISSION, &["192.168.1.2"]);
        for bytes in [&[][..], &[0x40, 0x00, 0, 4, 1, 2, 3, 4], &permission[..22], &permission[..26]] {
            assert!(!is_pointless(server, bytes), "{bytes:02x?}");
        }
    }
}
