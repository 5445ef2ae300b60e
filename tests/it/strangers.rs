//! Whoever is not a contact gets nothing: no ring, no reply, no address; judged by the packets on the cable.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use iroh::endpoint::{ConnectOptions, presets};
use iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode, RelayUrl, TransportAddr};
use vesper::identity::PublicKey;

use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::packet::{ICMP, Packet, UDP};
use crate::lab::people::People;
use crate::lab::vesper::Vesper;

/// Tells [`the_stranger_on_the_relay`] whom to try: a key and a relay.
pub(crate) const RELAY_TARGET: &str = "VESPER_TEST_RELAY_TARGET";
/// Tells [`the_stranger`] whom to try: a key, the address, and the open ports.
const TARGET: &str = "VESPER_TEST_TARGET";

#[test]
fn a_stranger_on_direct_udp_and_on_the_relay_gets_not_one_byte() {
    crate::before_accept::a_stranger_on_the_relay_gets_no_answer();
    let Some(people) = People::meet() else { return };
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    // She waits for somebody else at the door of an invitation, too.
    let invited = Vesper::start(Some(&lab.a), &people.alice.folder, ["invite"]).end();
    assert_eq!(invited.code, Some(0), "{invited:#?}");
    let mut alice = people.alice.answer(&lab.a, ["--auto"]);
    // She is online when her contact reaches her.
    assert_eq!(people.bob.call(&lab.b, &people.alice, ["--seconds", "0.1"]).end().code, Some(0));
    alice.wait("report");
    let before = lab.cable.seen().len();

    let ports: Vec<String> = alice.udp_ports().iter().map(u16::to_string).collect();
    let target = format!("{} {} {}", people.alice.key, lab.a.address, ports.join(" "));
    let mut stranger = lab.b.command(std::env::current_exe().unwrap());
    stranger.args(["--exact", "strangers::the_stranger"]).env(TARGET, target);
    assert!(stranger.output().unwrap().status.success());

    let seen = &lab.cable.seen()[before..];
    let (tried, answers) = judge(seen, lab.b.address, lab.a.address);
    assert!(tried.len() > 2, "the stranger did try: {tried:?}");
    assert_eq!(answers, [], "every answer tells that somebody is there");

    // The same place on the network, but a contact: it rings.
    assert_eq!(people.bob.call(&lab.b, &people.alice, ["--seconds", "0.1"]).end().code, Some(0));
    alice.terminate();
    let alice = alice.end();
    let rang: Vec<_> = alice.events.iter().filter(|event| event["event"] == "incoming").map(|event| &event["peer"]).collect();
    assert_eq!(rang, [people.bob.key.as_str(); 2], "nobody else ever rang");
    assert!(!alice.saw("request"), "{alice:#?}");
}

#[test]
fn a_contact_who_was_removed_is_a_stranger() {
    let Some(people) = People::meet() else { return };
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let removed = Vesper::start(None, &people.bob.folder, ["contacts", "remove", &people.carol.key]).end();
    assert_eq!(removed.code, Some(0), "{removed:#?}");
    let bob = people.bob.answer(&lab.b, ["--auto"]);
    assert_eq!(people.alice.call(&lab.a, &people.bob, ["--seconds", "0.1"]).end().code, Some(0), "bob is online");
    let before = lab.cable.seen().len();

    // Carol has the old pair secret, his key, and the address that he last told her.
    let carol = people.carol.call(&lab.a, &people.bob, []).end();
    assert_eq!(carol.code, Some(1), "{carol:#?}");
    assert_eq!(carol.report()["ended"], "unreachable");
    let seen = &lab.cable.seen()[before..];
    let (tried, answers) = judge(seen, lab.a.address, lab.b.address);
    assert!(!tried.is_empty(), "she did try");
    assert_eq!(answers, [], "and heard nothing");

    bob.terminate();
    let bob = bob.end();
    let rang = bob.events.iter().any(|event| event["event"] == "incoming" && event["peer"] == people.carol.key.as_str());
    assert!(!rang, "{bob:#?}");
}

/// The ports that `from` sent to `to` from, and what `to` answered to any of them, or complained of to `from`.
fn judge(seen: &[Packet], from: Ipv4Addr, to: Ipv4Addr) -> (HashSet<u16>, Vec<Packet>) {
    let (from, to) = (IpAddr::from(from), IpAddr::from(to));
    let there = |packet: &&Packet| packet.source == from && packet.destination == to;
    let back = |packet: &&Packet| packet.source == to && packet.destination == from;
    let tried: HashSet<u16> =
        seen.iter().filter(there).filter(|packet| packet.protocol == UDP).map(|packet| packet.ports.0).collect();
    let to_them = |packet: &&Packet| packet.protocol == ICMP || tried.contains(&packet.ports.1);
    // The one thing that our QUIC library says before it asks us: "that version I do not speak". It holds nothing of ours.
    let ours = |packet: &&Packet| !(packet.protocol == UDP && packet.is_quic_version_negotiation());
    let answers = seen.iter().filter(back).filter(to_them).filter(ours).cloned().collect();
    (tried, answers)
}

/// What a stranger does, as a process in the other host. On its own it has nobody to bother.
#[test]
fn the_stranger() {
    let Ok(target) = std::env::var(TARGET) else { return };
    let mut words = target.split(' ');
    let key = PublicKey::parse(words.next().unwrap()).unwrap();
    let address: Ipv4Addr = words.next().unwrap().parse().unwrap();
    let targets: Vec<SocketAddr> = words.map(|port| (address, port.parse().unwrap()).into()).collect();
    shout(&targets);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        // As one who read the protocol; as one who also saw what a ticket looks like; as one with an invitation, but not ours.
        let forged: Vec<u8> = [b"vt".as_slice(), &[b'A'; 39]].concat();
        let attempts = [("vesper/1", vec![]), ("vesper/1", vec![forged]), ("vesper-knock/1", vec![])];
        let attempts = attempts.map(|(alpn, more)| tokio::spawn(dial(key, targets.clone(), alpn, more)));
        for attempt in attempts {
            assert_eq!(attempt.await.unwrap(), None, "nobody is let in");
        }
    });
}

/// The same from a relay that both use, which vouches for the stranger's own key.
#[test]
fn the_stranger_on_the_relay() {
    let Ok(target) = std::env::var(RELAY_TARGET) else { return };
    let (key, relay) = target.split_once(' ').unwrap();
    let (key, relay): (_, RelayUrl) = (PublicKey::parse(key).unwrap(), relay.parse().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let endpoint = Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::custom([relay.clone()]))
            .clear_ip_transports()
            .bind()
            .await
            .unwrap();
        let id = EndpointId::from_bytes(key.as_bytes()).unwrap();
        let forged: Vec<u8> = [b"vt".as_slice(), &[b'A'; 39]].concat();
        for (alpn, more) in [("vesper/1", vec![]), ("vesper/1", vec![forged]), ("vesper-knock/1", vec![])] {
            let address = EndpointAddr::from_parts(id, [TransportAddr::Relay(relay.clone())]);
            let options = ConnectOptions::new().with_additional_alpns(more);
            let connected = async { endpoint.connect_with_opts(address, alpn.as_bytes(), options).await.ok()?.await.ok() };
            let answered = tokio::time::timeout(Duration::from_secs(3), connected).await.ok().flatten();
            assert!(answered.is_none(), "nobody is let in");
        }
    });
}

/// Datagrams of every kind that a program on the network might answer to, at every open port.
fn shout(targets: &[SocketAddr]) {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    // A STUN binding request (RFC 8489), a DTLS record, a QUIC packet of an unknown version (RFC 9000 asks for an answer), noise.
    let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
    let dtls = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4][..], &[1, 0, 0, 0]].concat();
    let quic = [&[0xc0, 0xff, 0, 0, 1, 8][..], &[1; 8], &[8], &[2; 8], &[0; 1200]].concat();
    for target in targets {
        for datagram in [&stun[..], &dtls, &quic, b"hello?", &[]] {
            socket.send_to(datagram, target).unwrap();
        }
    }
}

/// Who answered, if anybody does.
async fn dial(key: PublicKey, targets: Vec<SocketAddr>, alpn: &'static str, more: Vec<Vec<u8>>) -> Option<EndpointId> {
    let endpoint = Endpoint::builder(presets::Minimal).relay_mode(RelayMode::Disabled).bind().await.unwrap();
    let id = EndpointId::from_bytes(key.as_bytes()).unwrap();
    let address = EndpointAddr::from_parts(id, targets.into_iter().map(TransportAddr::Ip));
    let options = ConnectOptions::new().with_additional_alpns(more);
    let connected = async { endpoint.connect_with_opts(address, alpn.as_bytes(), options).await.ok()?.await.ok() };
    // Long enough for several retries of the first packet; a contact is through in a tenth of a second.
    let answered = tokio::time::timeout(Duration::from_secs(3), connected).await.ok().flatten();
    answered.map(|connection| connection.remote_id())
}
