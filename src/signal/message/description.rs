//! What a peer connection needs to know of its other end: never as SDP, which is built locally from a template.

use std::net::{IpAddr, SocketAddr};

use super::Malformed;
use crate::identity::length_prefixed;
use crate::signal::wire::{Reader, count};

/// The most candidates that one message may carry.
pub const MAX_CANDIDATES: usize = 16;

const MAX_UFRAG: usize = 32;
const MAX_PWD: usize = 64;
const MAX_CODECS: usize = 16;

/// The fixed half of a peer connection. It holds no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// SHA-256 of the DTLS certificate in DER.
    pub fingerprint: [u8; 32],
    /// ICE's user name, letters and digits of RFC 8839 only: it goes into our SDP.
    pub ufrag: String,
    /// ICE's password, likewise.
    pub pwd: String,
    pub codecs: Vec<u8>,
}

/// An address where a peer may be reached for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Candidate {
    pub kind: CandidateKind,
    /// UDP, an address of one host: never multicast, unspecified, or IPv4 in IPv6's clothes.
    pub address: SocketAddr,
    pub priority: u32,
}

/// How the peer learnt the address (RFC 8445).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    Host,
    ServerReflexive,
    PeerReflexive,
    Relay,
}

impl Description {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.fingerprint);
        length_prefixed(out, self.ufrag.as_bytes());
        length_prefixed(out, self.pwd.as_bytes());
        out.push(count(self.codecs.len()));
        out.extend_from_slice(&self.codecs);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            fingerprint: reader.array()?,
            ufrag: ice_text(reader, MAX_UFRAG)?,
            pwd: ice_text(reader, MAX_PWD)?,
            codecs: reader.list(MAX_CODECS, Reader::u8)?,
        })
    }
}

impl Candidate {
    /// Whether a peer that is not Echo may name this address. Echo lives on loopback; everyone else's loopback is ours.
    pub fn leaves_this_computer(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// Appends a list as messages carry it. CONTROL sends the same form.
    pub fn write_list(candidates: &[Self], out: &mut Vec<u8>) {
        out.push(count(candidates.len()));
        candidates.iter().for_each(|candidate| candidate.write(out));
    }

    /// Reads a list that [`write_list`](Self::write_list) wrote from all of `bytes`.
    pub fn decode_list(bytes: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut reader = Reader::new(bytes);
        let candidates = Self::read_list(&mut reader)?;
        reader.end()?;
        Ok(candidates)
    }

    pub(super) fn read_list(reader: &mut Reader<'_>) -> Result<Vec<Self>, Malformed> {
        reader.list(MAX_CANDIDATES, Self::read)
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8);
        match self.address.ip() {
            IpAddr::V4(ip) => {
                out.push(4);
                out.extend_from_slice(&ip.octets());
            }
            IpAddr::V6(ip) => {
                out.push(6);
                out.extend_from_slice(&ip.octets());
            }
        }
        out.extend_from_slice(&self.address.port().to_be_bytes());
        out.extend_from_slice(&self.priority.to_be_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let kind = match reader.u8()? {
            0 => CandidateKind::Host,
            1 => CandidateKind::ServerReflexive,
            2 => CandidateKind::PeerReflexive,
            3 => CandidateKind::Relay,
            _ => return Err(Malformed::Field),
        };
        let ip = match reader.u8()? {
            4 => IpAddr::from(reader.array::<4>()?),
            6 => IpAddr::from(reader.array::<16>()?),
            _ => return Err(Malformed::Field),
        };
        let address = SocketAddr::new(ip, reader.u16()?);
        if !is_one_host(address) {
            return Err(Malformed::Field);
        }
        Ok(Self { kind, address, priority: reader.u32()? })
    }
}

/// Whether packets to `address` reach at most one computer.
fn is_one_host(address: SocketAddr) -> bool {
    let ip = address.ip();
    let other_form = match ip {
        IpAddr::V4(ip) => ip.is_broadcast(),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().is_some(),
    };
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !other_form
}

fn ice_text(reader: &mut Reader<'_>, most: usize) -> Result<String, Malformed> {
    let text = reader.text(most)?;
    let is_ice_char = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
    if !text.is_empty() && text.bytes().all(is_ice_char) { Ok(text.to_owned()) } else { Err(Malformed::Field) }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub fn description() -> impl Strategy<Value = Description> {
        let codecs = prop::collection::vec(any::<u8>(), 0..=MAX_CODECS);
        (any::<[u8; 32]>(), "[a-zA-Z0-9+/]{1,32}", "[a-zA-Z0-9+/]{1,64}", codecs)
            .prop_map(|(fingerprint, ufrag, pwd, codecs)| Description { fingerprint, ufrag, pwd, codecs })
    }

    pub fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        prop::collection::vec(candidate(), 0..=MAX_CANDIDATES)
    }

    fn candidate() -> impl Strategy<Value = Candidate> {
        let kind = prop_oneof![
            Just(CandidateKind::Host),
            Just(CandidateKind::ServerReflexive),
            Just(CandidateKind::PeerReflexive),
            Just(CandidateKind::Relay)
        ];
        let address = (any::<IpAddr>(), 1u16..)
            .prop_map(|(ip, port)| SocketAddr::new(ip, port))
            .prop_filter("one host", |address| is_one_host(*address));
        (kind, address, any::<u32>()).prop_map(|(kind, address, priority)| Candidate { kind, address, priority })
    }

    fn with_address(address: &str) -> Result<Vec<Candidate>, Malformed> {
        let candidate = Candidate { kind: CandidateKind::Host, address: address.parse().expect("an address"), priority: 1 };
        let mut bytes = Vec::new();
        Candidate::write_list(&[candidate], &mut bytes);
        Candidate::decode_list(&bytes)
    }

    #[test]
    fn a_candidate_names_one_host() {
        for good in ["192.168.1.7:4000", "[2001:db8::1]:4000", "127.0.0.1:4000"] {
            assert!(with_address(good).is_ok(), "{good}");
        }
        for bad in [
            "0.0.0.0:4000",
            "224.0.0.251:5353",
            "255.255.255.255:1",
            "[::]:1",
            "[ff02::fb]:1",
            "10.0.0.1:0",
            "[::ffff:127.0.0.1]:9",
        ] {
            assert_eq!(with_address(bad), Err(Malformed::Field), "{bad}");
        }
    }

    #[test]
    fn loopback_is_told_from_what_others_may_name() {
        assert!(!with_address("127.0.0.1:4000").unwrap()[0].leaves_this_computer());
        assert!(!with_address("[::1]:4000").unwrap()[0].leaves_this_computer());
        assert!(with_address("10.0.0.1:4000").unwrap()[0].leaves_this_computer());
    }

    #[test]
    fn seventeen_candidates_are_refused() {
        let candidate = Candidate { kind: CandidateKind::Relay, address: "10.0.0.1:4000".parse().unwrap(), priority: 9 };
        let mut bytes = Vec::new();
        Candidate::write_list(&[candidate; 17], &mut bytes);
        assert_eq!(Candidate::decode_list(&bytes), Err(Malformed::TooLong));
    }

    #[test]
    fn a_user_name_that_would_add_a_line_to_our_sdp_is_refused() {
        let bad = Description { fingerprint: [0; 32], ufrag: "u\r\na=x".into(), pwd: "p".into(), codecs: vec![] };
        let mut bytes = Vec::new();
        bad.write(&mut bytes);
        assert_eq!(Description::read(&mut Reader::new(&bytes)), Err(Malformed::Field));
    }
}
