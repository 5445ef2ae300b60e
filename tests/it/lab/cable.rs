//! What goes in at one end comes out at the other: later, slower, or not at all.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use tun_tap::Iface;

use super::packet::Packet;

/// How long a test waits for a packet before it gives up: a bound against hanging, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a cable treats packets, the same in both directions.
#[derive(Debug, Clone, Copy)]
pub struct Quality {
    /// One way.
    pub delay: Duration,
    pub loss_percent: u64,
    /// 0: no limit.
    pub kbps: u32,
    /// What the buffer before a limited rate holds; what comes on top is dropped.
    pub queue: Duration,
}

impl Quality {
    pub const CLEAN: Self = Self { delay: Duration::ZERO, loss_percent: 0, kbps: 0, queue: Duration::ZERO };
    /// Another country.
    pub const FAR: Self = Self { delay: Duration::from_millis(50), ..Self::CLEAN };
    /// A bad evening on a shared wireless network.
    pub const LOSSY: Self =
        Self { delay: Duration::from_millis(30), loss_percent: 10, kbps: 3000, queue: Duration::from_millis(200) };
}

/// Both directions. Its threads end by themselves when the devices are gone.
pub struct Cable {
    shared: Arc<Shared>,
}

struct Shared {
    pulled: AtomicBool,
    /// Flows that go through, once no others do: two ends each, in order.
    only: Mutex<Option<Vec<Flow>>>,
    seen: Mutex<Vec<Packet>>,
    more: Condvar,
}

impl Cable {
    /// Joins the far ends of two devices.
    pub fn lay(a: Arc<Iface>, b: Arc<Iface>, quality: Quality) -> Self {
        let shared = Arc::new(Shared {
            pulled: AtomicBool::new(false),
            only: Mutex::default(),
            seen: Mutex::default(),
            more: Condvar::new(),
        });
        for (from, to, seed) in [(a.clone(), b.clone(), 1), (b, a, 2)] {
            // Holds what is on its way; when the receiver is that far behind, packets are dropped as on any wire.
            let (sender, receiver) = sync_channel(4096);
            let shared = shared.clone();
            let way = Way { quality, free_at: Instant::now(), dice: seed };
            spawn("cable-in", move || take_in(&from, way, &shared, &sender));
            spawn("cable-out", move || put_out(&to, &receiver));
        }
        Self { shared }
    }

    /// From now on nothing comes through, and nobody is told.
    pub fn pull(&self) {
        self.shared.pulled.store(true, Ordering::SeqCst);
    }

    pub fn plug_in(&self) {
        self.shared.pulled.store(false, Ordering::SeqCst);
    }

    /// From now on nothing comes through but packets of flows that were seen already, as behind a strict firewall.
    pub fn keep_only_known_flows(&self) {
        let known = self.shared.seen.lock().unwrap().iter().map(flow).collect();
        *self.shared.only.lock().unwrap() = Some(known);
    }

    /// Lets everything through again.
    pub fn let_all_flow(&self) {
        *self.shared.only.lock().unwrap() = None;
    }

    /// Every packet that either host sent so far, also those that were lost on the way.
    pub fn seen(&self) -> Vec<Packet> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The first packet that fits, past or to come.
    pub fn wait_for(&self, fits: impl Fn(&Packet) -> bool) -> Packet {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.shared.seen.lock().unwrap();
        let mut looked_at = 0;
        loop {
            if let Some(packet) = seen[looked_at..].iter().find(|packet| fits(packet)) {
                return packet.clone();
            }
            looked_at = seen.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no such packet among the {looked_at} that were sent");
            seen = self.shared.more.wait_timeout(seen, left).unwrap().0;
        }
    }
}

/// Two ends that talk, the lesser one first.
type Flow = [(IpAddr, u16); 2];

fn flow(packet: &Packet) -> Flow {
    let mut ends = [(packet.source, packet.ports.0), (packet.destination, packet.ports.1)];
    ends.sort_unstable();
    ends
}

/// One direction: a drop-tail buffer drained at a rate, then loss, then delay. Keeps the order.
struct Way {
    quality: Quality,
    /// When the last byte that was taken in will have left the buffer.
    free_at: Instant,
    dice: u64,
}

impl Way {
    /// When a packet of `size` bytes that enters at `now` comes out; never, if it is lost.
    fn out_at(&mut self, now: Instant, size: usize) -> Option<Instant> {
        let Quality { delay, loss_percent, kbps, queue } = self.quality;
        let starts = self.free_at.max(now);
        if kbps > 0 {
            if starts - now > queue {
                return None;
            }
            self.free_at = starts + Duration::from_micros(size as u64 * 8000 / u64::from(kbps));
        } else {
            self.free_at = starts;
        }
        (self.roll() % 100 >= loss_percent).then(|| self.free_at + delay)
    }

    /// xorshift64 (Marsaglia 2003): the same losses in every run.
    fn roll(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice
    }
}

/// Reads what a host sends until its device is gone.
fn take_in(device: &Iface, mut way: Way, shared: &Shared, out: &SyncSender<(Instant, Vec<u8>)>) {
    let mut buffer = [0; 2048];
    while let Ok(size) = device.recv(&mut buffer) {
        let now = Instant::now();
        let mut passes = true;
        if let Some(packet) = Packet::parse(&buffer[..size]) {
            passes = shared.only.lock().unwrap().as_ref().is_none_or(|only| only.contains(&flow(&packet)));
            shared.seen.lock().unwrap().push(packet);
            shared.more.notify_all();
        }
        if !passes || shared.pulled.load(Ordering::SeqCst) {
            continue;
        }
        if let Some(due) = way.out_at(now, size) {
            let _ = out.try_send((due, buffer[..size].to_vec()));
        }
    }
}

/// Hands each packet to the other host when it is due; a host that is not up yet misses it.
fn put_out(device: &Iface, packets: &Receiver<(Instant, Vec<u8>)>) {
    for (due, packet) in packets {
        sleep(due.saturating_duration_since(Instant::now()));
        let _ = device.send(&packet);
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    Builder::new().name(name.into()).spawn(body).expect("a thread can be started");
}

#[test]
fn a_way_delays_drops_and_never_reorders() {
    let start = Instant::now();
    let quality = Quality { delay: Duration::from_millis(30), loss_percent: 10, kbps: 1000, queue: Duration::from_millis(100) };
    let mut way = Way { quality, free_at: start, dice: 1 };
    // 1250 bytes take 10 ms at 1000 kbit/s; one packet every 20 ms fits.
    let out: Vec<_> = (0..1000).map(|n| way.out_at(start + Duration::from_millis(20 * n), 1250)).collect();
    let lost = out.iter().filter(|out| out.is_none()).count();
    assert!((60..140).contains(&lost), "{lost} of 1000 were lost");
    assert_eq!(out.iter().flatten().next(), Some(&(start + Duration::from_millis(40))));
    assert!(out.iter().flatten().is_sorted());
}

#[test]
fn a_full_queue_drops_what_comes_on_top() {
    let start = Instant::now();
    let quality = Quality { kbps: 1000, queue: Duration::from_millis(100), ..Quality::CLEAN };
    let mut way = Way { quality, free_at: start, dice: 1 };
    let out: Vec<_> = (0..100).map(|_| way.out_at(start, 1250)).collect();
    assert_eq!(out.iter().flatten().count(), 11, "100 ms in the buffer and one on the wire");
}
