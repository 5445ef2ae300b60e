//! Two hosts on one machine and the cable between them.
//!
//! Each host is a network namespace with one TUN device; the far ends of both devices are here, in [`cable`], which sees every
//! IP packet, treats it by the rules of [`way`] and writes it down; [`quality`] has the links by name. [`vesper`] runs the program in a host and reads what it prints, [`people`]
//! makes profiles that know each other, [`desktop`] is a screen for their windows.
//!
//! Needs root and `ip` (iproute2). Without them a test says so and is skipped, but never where `CI` is set.

pub mod bus;
pub mod cable;
pub mod cellular;
pub mod desktop;
pub mod dice;
pub mod packet;
pub mod people;
pub mod quality;
pub mod vesper;
pub mod way;

use std::ffi::OsStr;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cable::{Cable, Quality};
use tun_tap::{Iface, Mode};

/// Two hosts and their cable; taken down when dropped.
pub struct Lab {
    pub cable: Cable,
    pub a: Host,
    pub b: Host,
}

/// One host: its own addresses, its own loopback, one way out.
pub struct Host {
    namespace: String,
    pub address: Ipv4Addr,
}

impl Lab {
    /// Puts up two hosts, or says why this machine cannot and returns nothing.
    pub fn up(quality: Quality) -> Option<Self> {
        match Self::try_up(quality, 0, true) {
            Ok(lab) => Some(lab),
            Err(why) => {
                skip(&format!("it needs root, /dev/net/tun and iproute2 for two hosts of its own ({why})"));
                None
            }
        }
    }

    /// The same; `seed` decides what is lost, and only with `log` is every packet kept. The error says what is missing.
    pub fn try_up(quality: Quality, seed: u64, log: bool) -> Result<Self, String> {
        sweep();
        static LABS: AtomicU32 = AtomicU32::new(0);
        let lab = format!("vesper-{}-{}", std::process::id(), LABS.fetch_add(1, Ordering::Relaxed));
        let (a, to_a) = Host::up(format!("{lab}-a"), Ipv4Addr::new(10, 77, 0, 1))?;
        let (b, to_b) = Host::up(format!("{lab}-b"), Ipv4Addr::new(10, 77, 0, 2))?;
        Ok(Self { cable: Cable::lay(to_a, to_b, quality, seed, log), a, b })
    }
}

impl Host {
    /// Makes the namespace and its device; returns the end of the device that stays with us.
    fn up(namespace: String, address: Ipv4Addr) -> Result<(Self, Arc<Iface>), String> {
        ip(&format!("netns add {namespace}"))?;
        let host = Self { namespace, address };
        // Made here and moved over: the file descriptor goes on working, and this thread never changes its namespace.
        let device = Iface::without_packet_info("vesper%d", Mode::Tun).map_err(|error| format!("/dev/net/tun: {error}"))?;
        let (name, namespace) = (device.name(), &host.namespace);
        ip(&format!("link set {name} netns {namespace}"))?;
        ip(&format!("-n {namespace} link set {name} name eth0"))?;
        ip(&format!("-n {namespace} address add {address}/24 dev eth0"))?;
        ip(&format!("-n {namespace} link set lo up"))?;
        ip(&format!("-n {namespace} link set eth0 mtu 1500 up"))?;
        ip(&format!("-n {namespace} route add default dev eth0"))?;
        Ok((host, Arc::new(device)))
    }

    /// Gives up the address for another one, as after a change of networks.
    pub fn move_to(&self, address: Ipv4Addr) {
        let namespace = &self.namespace;
        for change in [format!("delete {}", self.address), format!("add {address}")] {
            ip(&format!("-n {namespace} address {change}/24 dev eth0")).unwrap();
        }
        ip(&format!("-n {namespace} route replace default dev eth0")).unwrap();
    }

    /// `program`, to run in this host.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The device goes first: that ends the cable's reads even if a process still holds the namespace.
        let _ = ip(&format!("-n {} link delete eth0", self.namespace));
        let _ = ip(&format!("netns delete {}", self.namespace));
    }
}

/// Says on the real standard error, which the test runner does not swallow, why a test did not run.
pub fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "this test must run here, but {why}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(std::io::stderr(), "{test} is skipped: {why}");
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("ip {arguments}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Takes away the hosts of test processes that were killed.
fn sweep() {
    let names = std::fs::read_dir("/run/netns").into_iter().flatten().flatten();
    for name in names.filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name.strip_prefix("vesper-").and_then(|rest| rest.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = ip(&format!("netns delete {name}"));
        }
    }
}

#[test]
fn what_one_host_sends_the_other_receives_and_the_cable_sees() {
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let send = "printf hello > /dev/udp/10.77.0.2/4000";
    assert!(lab.a.command("bash").args(["-c", send]).status().unwrap().success());
    let seen = lab.cable.wait_for(|packet| packet.is_udp_to(4000));
    assert_eq!(
        (seen.source, seen.destination, seen.payload.as_slice()),
        (lab.a.address.into(), lab.b.address.into(), &b"hello"[..])
    );
    // Nobody listens there, so the other host's kernel says so: the packet arrived.
    let answer = lab.cable.wait_for(|packet| packet.protocol == packet::ICMP);
    assert_eq!(answer.source, std::net::IpAddr::from(lab.b.address));
}

#[test]
fn a_pulled_cable_carries_nothing() {
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    lab.cable.pull();
    for _ in 0..3 {
        assert!(lab.a.command("bash").args(["-c", "printf x > /dev/udp/10.77.0.2/4000"]).status().unwrap().success());
    }
    lab.cable.plug_in();
    assert!(lab.a.command("bash").args(["-c", "printf y > /dev/udp/10.77.0.2/4001"]).status().unwrap().success());
    lab.cable.wait_for(|packet| packet.protocol == packet::ICMP);
    let refused = lab.cable.seen().into_iter().filter(|packet| packet.protocol == packet::ICMP).count();
    assert_eq!(refused, 1, "only the packet after plugging in came through");
}

#[test]
fn a_cable_changes_while_it_carries_and_counts_what_it_does() {
    let Some(lab) = Lab::up(Quality::CLEAN) else { return };
    let send = |port: u16| {
        let send = format!("printf x > /dev/udp/10.77.0.2/{port}");
        assert!(lab.a.command("bash").args(["-c", &send]).status().unwrap().success());
        lab.cable.wait_for(|packet| packet.is_udp_to(port));
    };
    send(4000);
    lab.cable.wait_for(|packet| packet.protocol == packet::ICMP);
    let [before, _] = lab.cable.counts();
    assert_eq!(before.lost, 0);
    lab.cable.set(Quality { loss_percent: 100.0, ..Quality::CLEAN });
    send(4001);
    let [after, _] = lab.cable.counts();
    assert!(after.lost > 0 && after.arrived == before.arrived, "{before:?}, then {after:?}");
}
