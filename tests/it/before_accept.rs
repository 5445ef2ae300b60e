//! Before a call is accepted nothing of the callee moves: judged by the packets on the cable and by the files that are open.

use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use iroh_relay::server::{RelayConfig, Server, ServerConfig};
use tempfile::TempDir;
use vesper::media::frame::Frame;
use vesper::media::y4m::Y4mWriter;

use crate::lab::cable::Quality;
use crate::lab::packet::{Packet, UDP};
use crate::lab::people::{People, Person};
use crate::lab::vesper::Vesper;
use crate::lab::{Host, Lab};

/// Tells [`the_relay`] where to listen.
const RELAY: &str = "VESPER_TEST_RELAY";
const RELAY_PORT: u16 = 3340;

/// Whatever stands for a camera here: a film, opened like a device and only when it is wanted.
fn film(folder: &Path) -> String {
    let path = folder.join("film.y4m");
    let mut writer = Y4mWriter::create(&path, 320, 180, 15).unwrap();
    writer.write(&Frame::black(320, 180)).unwrap();
    writer.flush().unwrap();
    path.to_str().unwrap().to_owned()
}

/// How often a process has `path` open. Files are compared, not names: a process in another namespace may know them by others.
fn open_files(process: u32, path: &str) -> usize {
    let file = |path: &Path| std::fs::metadata(path).map(|file| (file.dev(), file.ino()));
    let wanted = file(Path::new(path)).unwrap();
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    entries.filter(|entry| file(&entry.path()).is_ok_and(|open| open == wanted)).count()
}

#[test]
fn before_accept_a_direct_profile_sends_nothing_outside_the_links_one_flow_and_opens_no_device() {
    let Some(people) = People::meet() else { return };
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let camera = format!("file:{film}");
    let arguments = ["answer", "--camera", &camera, "--mic", "tone", "--speaker", "none", "--size", "320x180"];
    let mut alice = Vesper::start(Some(&lab.a), &people.alice.folder, arguments);
    let mut bob = people.bob.call(&lab.b, &people.alice, []);
    alice.wait("incoming");
    bob.wait("ringing");
    let ringing = lab.cable.seen();
    assert_eq!(open_files(alice.id(), &film), 0, "no device is open while it rings");
    let (here, there) = (IpAddr::from(lab.a.address), IpAddr::from(lab.b.address));
    let sent: Vec<&Packet> = ringing.iter().filter(|packet| packet.source == here && packet.destination == there).collect();
    let mut flows: Vec<(u16, u16)> = sent.iter().map(|packet| packet.ports).collect();
    flows.sort_unstable();
    flows.dedup();
    assert_eq!(flows.len(), 1, "everything is the link's: {flows:?}");
    assert!(sent.iter().all(|packet| packet.protocol == UDP && !packet.is_stun() && !packet.is_dtls()));
    alice.say("accept video");
    alice.wait("connected");
    // Bob may be seen and heard before Alice's camera is open.
    bob.wait("first_video");
    assert!(open_files(alice.id(), &film) > 0, "the film is what a camera would be");
    // The call itself has both.
    lab.cable.wait_for(Packet::is_stun);
    lab.cable.wait_for(Packet::is_dtls);
    bob.terminate();
    alice.terminate();
}

/// Alice and Bob, who met over a relay and know no address of each other.
pub(crate) struct Relayed {
    pub alice: Person,
    pub bob: Person,
    pub relay: String,
    _folder: TempDir,
    _process: Killed,
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Relayed {
    /// The relay is a process in Bob's host under its own address; Bob himself has another one.
    pub fn meet(lab: &Lab, policy: &str) -> Self {
        let relay = format!("http://{}:{RELAY_PORT}", lab.b.address);
        let mut server = lab.b.command(std::env::current_exe().unwrap());
        server.args(["--exact", "before_accept::the_relay"]).env(RELAY, format!("{}:{RELAY_PORT}", lab.b.address));
        let process = Killed(server.stdout(std::process::Stdio::null()).spawn().unwrap());
        let added = lab.b.command("ip").args(["address", "add", BOB, "dev", "eth0"]).status().unwrap();
        assert!(added.success());
        let folder = tempfile::tempdir().unwrap();
        let [alice, bob] = ["alice", "bob"].map(|name| Person::create(&folder.path().join(name), name));
        let mut inviting =
            Vesper::start(Some(&lab.a), &alice.folder, ["invite", "--wait", "--relay", &relay, "--policy", policy]);
        let invitation = inviting.wait("invitation")["invitation"].as_str().unwrap().to_owned();
        let added = Vesper::start(Some(&lab.b), &bob.folder, ["add", &invitation, "--relay", &relay, "--bind", BOB_IP]).end();
        assert_eq!(added.code, Some(0), "{added:#?}");
        assert_eq!(inviting.end().code, Some(0));
        Self { alice, bob, relay, _folder: folder, _process: process }
    }
}

const BOB: &str = "10.77.0.3/24";
pub(crate) const BOB_IP: &str = "10.77.0.3";

/// What `host` sent to anywhere but the relay, and what it sent that belongs to no link.
pub(crate) fn beside_the_relay(seen: &[Packet], host: &Host, lab: &Lab) -> Vec<Packet> {
    let relay = IpAddr::from(lab.b.address);
    // TCP to the relay's own address: its port, and once port 80, by which iroh looks whether a hotel's login page is in the way.
    let is_relays = |packet: &&Packet| packet.destination == relay && packet.protocol == 6;
    seen.iter()
        .filter(|packet| packet.source == IpAddr::from(host.address))
        .filter(|packet| !is_relays(packet))
        .cloned()
        .collect()
}

#[test]
fn before_accept_a_hidden_profile_sends_nothing_to_any_address_of_the_caller() {
    for policy in ["hide", "never"] {
        let Some(lab) = Lab::up(Quality::CLEAN) else { return };
        let people = Relayed::meet(&lab, policy);
        let folder = tempfile::tempdir().unwrap();
        let film = film(folder.path());
        let camera = format!("file:{film}");
        let before = lab.cable.seen().len();
        let arguments = ["answer", "--camera", &camera, "--mic", "tone", "--speaker", "none", "--relay", &people.relay];
        let mut alice = Vesper::start(Some(&lab.a), &people.alice.folder, arguments.into_iter().chain(["--policy", policy]));
        let calling = ["call", &people.alice.key, "--camera", "none", "--mic", "tone", "--speaker", "none"];
        let relayed = ["--relay", &people.relay, "--bind", BOB_IP];
        let mut bob = Vesper::start(Some(&lab.b), &people.bob.folder, calling.into_iter().chain(relayed));
        alice.wait("incoming");
        bob.wait("ringing");
        let sent = beside_the_relay(&lab.cable.seen()[before..], &lab.a, &lab);
        assert_eq!(sent, [], "{policy}: the relay is all that hears of her");
        assert_eq!(open_files(alice.id(), &film), 0, "{policy}: no device is open while it rings");
        alice.say("decline");
        bob.wait("declined");
        alice.terminate();
    }
}

/// Half of [`a_stranger_on_direct_udp_and_on_the_relay_gets_not_one_byte`](crate::strangers).
pub(crate) fn a_stranger_on_the_relay_gets_no_answer() {
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let people = Relayed::meet(&lab, "hide");
    let arguments = ["answer", "--relay", &people.relay, "--policy", "hide", "--auto"];
    let mut alice = Vesper::start(Some(&lab.a), &people.alice.folder, arguments);
    let calling = ["call", &people.alice.key, "--camera", "none", "--mic", "tone", "--speaker", "none", "--seconds", "0.1"];
    let relayed = ["--relay", &people.relay, "--bind", BOB_IP];
    // She is there: her contact reaches her over the same relay. What becomes of the call is another matter.
    let bob = Vesper::start(Some(&lab.b), &people.bob.folder, calling.into_iter().chain(relayed)).end();
    assert!(bob.saw("ringing"), "{bob:#?}");
    alice.wait("report");
    let before = lab.cable.seen().len();
    let mut stranger = lab.b.command(std::env::current_exe().unwrap());
    let target = format!("{} {}", people.alice.key, people.relay);
    stranger.args(["--exact", "strangers::the_stranger_on_the_relay"]).env(crate::strangers::RELAY_TARGET, target);
    assert!(stranger.output().unwrap().status.success());
    let seen = &lab.cable.seen()[before..];
    let arrived = seen.iter().filter(|packet| packet.destination == IpAddr::from(lab.a.address) && packet.payload.len() > 1000);
    assert!(arrived.count() > 0, "the stranger's client hello did reach her");
    // An answer of QUIC to a client hello fills a datagram of 1200 bytes (RFC 9000 section 14.1); a relay's ping does not.
    let answers = seen.iter().filter(|packet| packet.source == IpAddr::from(lab.a.address) && packet.payload.len() > 1000);
    assert_eq!(answers.count(), 0);
    assert_eq!(beside_the_relay(seen, &lab.a, &lab), []);
    alice.terminate();
    assert!(!alice.end().saw("request"));
}

/// A relay, as a process in one of the hosts. On its own it has nowhere to listen.
#[test]
fn the_relay() {
    let Ok(address) = std::env::var(RELAY) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut config = ServerConfig::default();
        config.relay = Some(RelayConfig::new(address.parse::<std::net::SocketAddr>().unwrap()));
        let _server = Server::spawn(config).await.unwrap();
        // Until whoever started it ends it.
        std::future::pending::<()>().await;
    });
}
