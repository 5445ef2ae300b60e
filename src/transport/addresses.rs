//! Which addresses count: our own to bind and to name, and the ones that a peer names.

use std::net::{IpAddr, SocketAddr};

use rtc::shared::ifaces::ifaces;
use webrtc::peer_connection::{RTCIceCandidate, RTCIceCandidateInit, RTCIceCandidateType, RTCIceProtocol};

use crate::signal::message::{Candidate, CandidateKind, MAX_CANDIDATES};

/// Most candidates of the other side that one connection tries, all lists together; what a whole call may name is a rule of calls.
pub(super) const MAX_CANDIDATES_A_CONNECTION: usize = 64;

/// Most local addresses that are bound: each is checked against each of the peer's.
const MAX_LOCAL: usize = 6;

/// The addresses to bind: the given ones, or each that another computer could reach us at.
pub(super) fn to_bind(bind: &[IpAddr], allow_loopback: bool) -> Vec<SocketAddr> {
    let mut ips: Vec<IpAddr> = if bind.is_empty() {
        let found = ifaces().unwrap_or_default();
        found.into_iter().filter_map(|interface| Some(interface.addr?.ip())).collect()
    } else {
        bind.to_vec()
    };
    ips.retain(|ip| usable(*ip, allow_loopback && !bind.is_empty()));
    ips.sort_by_key(IpAddr::is_ipv6);
    ips.dedup();
    ips.truncate(MAX_LOCAL);
    ips.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect()
}

/// A candidate that the library gathered, as the peer may learn it: never a related address, which would name another of ours.
pub(super) fn gathered(candidate: &RTCIceCandidate, allow_loopback: bool) -> Option<Candidate> {
    let address = SocketAddr::new(candidate.address.parse().ok()?, candidate.port);
    let udp = candidate.protocol == RTCIceProtocol::Udp;
    let kind = kind(candidate.typ)?;
    (udp && address.port() != 0 && usable(address.ip(), allow_loopback)).then_some(Candidate {
        kind,
        address,
        priority: candidate.priority,
    })
}

/// The kind of a candidate of the library.
pub(super) fn kind(kind: RTCIceCandidateType) -> Option<CandidateKind> {
    match kind {
        RTCIceCandidateType::Host => Some(CandidateKind::Host),
        RTCIceCandidateType::Srflx => Some(CandidateKind::ServerReflexive),
        RTCIceCandidateType::Prflx => Some(CandidateKind::PeerReflexive),
        RTCIceCandidateType::Relay => Some(CandidateKind::Relay),
        _ => None,
    }
}

/// Those of `named` that may be tried, best first; `used` counts the connection's and grows.
pub(super) fn acceptable(named: &[Candidate], allow_loopback: bool, used: &mut usize) -> Vec<Candidate> {
    let mut accepted: Vec<Candidate> = Vec::new();
    for candidate in named.iter().take(MAX_CANDIDATES) {
        if *used == MAX_CANDIDATES_A_CONNECTION {
            break;
        }
        *used += 1;
        let fresh = !accepted.iter().any(|other| other.address == candidate.address);
        if fresh && candidate.address.port() != 0 && usable(candidate.address.ip(), allow_loopback) {
            accepted.push(*candidate);
        }
    }
    accepted.sort_by_key(|candidate| std::cmp::Reverse(candidate.priority));
    accepted
}

/// A peer's candidate in the library's words.
pub(super) fn to_init(candidate: &Candidate) -> RTCIceCandidateInit {
    let (kind, related) = match candidate.kind {
        CandidateKind::Host => ("host", ""),
        CandidateKind::ServerReflexive | CandidateKind::PeerReflexive => ("srflx", " raddr 0.0.0.0 rport 0"),
        CandidateKind::Relay => ("relay", " raddr 0.0.0.0 rport 0"),
    };
    let Candidate { address, priority, .. } = candidate;
    let line = format!("candidate:1 1 udp {priority} {} {} typ {kind}{related}", address.ip(), address.port());
    RTCIceCandidateInit { candidate: line, sdp_mid: Some("0".into()), sdp_mline_index: Some(0), ..Default::default() }
}

/// Whether packets to `ip` reach one other computer (or, for Echo, this one).
fn usable(ip: IpAddr, allow_loopback: bool) -> bool {
    let one_link_only = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local() || ip.to_ipv4_mapped().is_some(),
    };
    !ip.is_unspecified() && !ip.is_multicast() && !one_link_only && (allow_loopback || !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(address: &str, priority: u32) -> Candidate {
        Candidate { kind: CandidateKind::Host, address: address.parse().unwrap(), priority }
    }

    #[test]
    fn addresses_that_reach_nobody_or_everybody_are_not_tried() {
        let bad = ["127.0.0.1:1", "[::1]:1", "0.0.0.0:1", "224.0.0.1:1", "[ff02::1]:1", "255.255.255.255:1", "192.0.2.1:0"];
        let named: Vec<_> = bad.iter().map(|address| host(address, 1)).collect();
        assert!(acceptable(&named, false, &mut 0).is_empty());
    }

    #[test]
    fn loopback_is_tried_only_where_it_is_allowed() {
        assert_eq!(acceptable(&[host("127.0.0.1:9", 1)], true, &mut 0).len(), 1);
    }

    #[test]
    fn a_connection_tries_no_more_than_its_share_of_candidates() {
        let named: Vec<_> = (1..=40).map(|n| host(&format!("192.0.2.1:{n}"), n)).collect();
        let mut used = 0;
        let total: usize = (0..9).map(|_| acceptable(&named, false, &mut used).len()).sum();
        assert_eq!((total, used), (MAX_CANDIDATES_A_CONNECTION, MAX_CANDIDATES_A_CONNECTION));
    }

    #[test]
    fn doubles_are_tried_once_and_the_best_first() {
        let named = [host("192.0.2.1:1", 5), host("192.0.2.2:1", 9), host("192.0.2.1:1", 7)];
        let order: Vec<_> = acceptable(&named, false, &mut 0).iter().map(|candidate| candidate.priority).collect();
        assert_eq!(order, [9, 5]);
    }

    #[test]
    fn what_is_named_to_the_peer_tells_no_related_address() {
        let relay = Candidate { kind: CandidateKind::Relay, ..host("192.0.2.7:4000", 3) };
        assert_eq!(to_init(&relay).candidate, "candidate:1 1 udp 3 192.0.2.7 4000 typ relay raddr 0.0.0.0 rport 0");
    }
}
