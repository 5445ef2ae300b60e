//! Where a contact said it can be found.
//!
//! On the wire a list of hints is `u8 n <= 8, n x {u8 kind, u8 length, value}`. Kind 1 is the URL of a relay, kind 2 an IP
//! address (4 or 16 bytes) and a UDP port (`u16`, big-endian). Other kinds are skipped, so that later versions can add some.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::identity::Reader;

/// The most hints in a list.
pub const MAX_HINTS: usize = 8;

const RELAY: u8 = 1;
const ADDRESS: u8 = 2;

/// One place where somebody may be reached. It is a claim of theirs: dialling it proves them or fails.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Hint {
    /// The URL of a relay. Whoever dials it shows it their address, so it must be one that the user chose or approved.
    Relay(String),
    /// An address of the link's UDP socket.
    Address(SocketAddr),
}

impl Hint {
    /// The hint as peers may send it: `None` for what nobody could dial, or should.
    fn checked(self) -> Option<Self> {
        let usable = match &self {
            Self::Relay(url) => {
                let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
                url.len() <= 255 && host.is_some_and(|host| !host.is_empty()) && url.bytes().all(|byte| byte.is_ascii_graphic())
            }
            Self::Address(address) => address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast(),
        };
        usable.then_some(self)
    }
}

/// The list as sent: the first eight that can be sent.
pub fn encode_hints(hints: &[Hint]) -> Vec<u8> {
    let hints: Vec<Hint> = hints.iter().cloned().filter_map(Hint::checked).take(MAX_HINTS).collect();
    let mut out = vec![hints.len() as u8];
    for hint in hints {
        let (kind, value) = match hint {
            Hint::Relay(url) => (RELAY, url.into_bytes()),
            Hint::Address(address) => (ADDRESS, address_bytes(address)),
        };
        out.extend([kind, value.len() as u8]);
        out.extend(value);
    }
    out
}

/// Reads a list that a peer sent. `None` if it is malformed or too long; hints that cannot be used are left out.
pub fn decode_hints(bytes: &[u8]) -> Option<Vec<Hint>> {
    let mut reader = Reader::new(bytes);
    let count = usize::from(reader.u8().ok()?);
    if count > MAX_HINTS {
        return None;
    }
    let mut hints = Vec::with_capacity(count);
    for _ in 0..count {
        let kind = reader.u8().ok()?;
        let length = usize::from(reader.u8().ok()?);
        let value = reader.bytes(length).ok()?;
        let hint = match kind {
            RELAY => std::str::from_utf8(value).ok().map(|url| Hint::Relay(url.to_owned())),
            ADDRESS => address(value),
            _ => None,
        };
        hints.extend(hint.and_then(Hint::checked));
    }
    reader.end().ok().map(|()| hints)
}

fn address_bytes(address: SocketAddr) -> Vec<u8> {
    let mut bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes.extend(address.port().to_be_bytes());
    bytes
}

fn address(value: &[u8]) -> Option<Hint> {
    let (ip, port) = value.split_last_chunk::<2>()?;
    let ip: IpAddr = match ip.len() {
        4 => <[u8; 4]>::try_from(ip).ok()?.into(),
        16 => <[u8; 16]>::try_from(ip).ok()?.into(),
        _ => return None,
    };
    Some(Hint::Address(SocketAddr::new(ip, u16::from_be_bytes(*port))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relay(url: &str) -> Hint {
        Hint::Relay(url.into())
    }

    fn at(address: &str) -> Hint {
        Hint::Address(address.parse().unwrap())
    }

    #[test]
    fn hints_are_read_back_as_they_were_sent() {
        let hints = vec![relay("https://relay.example/"), at("192.168.1.4:5000"), at("[2001:db8::1]:443"), at("127.0.0.1:9")];
        assert_eq!(decode_hints(&encode_hints(&hints)), Some(hints));
        assert_eq!(decode_hints(&encode_hints(&[])), Some(vec![]));
    }

    #[test]
    fn hints_are_laid_out_as_described() {
        assert_eq!(
            encode_hints(&[at("1.2.3.4:258"), relay("http://r")]),
            b"\x02\x02\x06\x01\x02\x03\x04\x01\x02\x01\x08http://r"
        );
    }

    #[test]
    fn at_most_eight_are_sent_and_accepted() {
        let many = vec![at("1.2.3.4:5"); 9];
        assert_eq!(decode_hints(&encode_hints(&many)).unwrap().len(), 8);
        let mut nine = encode_hints(&many[..8]);
        nine[0] = 9;
        nine.extend([ADDRESS, 6, 1, 2, 3, 4, 0, 5]);
        assert_eq!(decode_hints(&nine), None);
    }

    #[test]
    fn hints_that_nobody_can_or_should_dial_are_left_out_and_later_kinds_skipped() {
        let useless =
            [at("0.0.0.0:5"), at("224.0.0.1:5"), at("1.2.3.4:0"), relay("ftp://r"), relay("https://"), relay("http://a b")];
        assert_eq!(encode_hints(&useless), [0]);
        assert_eq!(
            decode_hints(&[3, 9, 1, 0, ADDRESS, 6, 0, 0, 0, 0, 0, 5, ADDRESS, 6, 1, 2, 3, 4, 0, 5]),
            Some(vec![at("1.2.3.4:5")])
        );
    }

    proptest! {
        #[test]
        fn whatever_a_peer_sends_is_read_or_refused(bytes in any::<Vec<u8>>()) {
            if let Some(hints) = decode_hints(&bytes) {
                prop_assert_eq!(decode_hints(&encode_hints(&hints)), Some(hints));
            }
        }

        #[test]
        fn a_list_that_is_cut_off_or_longer_is_refused(cut in 1usize..30) {
            let whole = encode_hints(&[at("192.168.1.4:5000"), relay("https://relay.example/")]);
            prop_assert_eq!(decode_hints(&whole[..whole.len() - cut.min(whole.len())]), None);
            prop_assert_eq!(decode_hints(&[whole.as_slice(), &[0]].concat()), None);
        }
    }
}
