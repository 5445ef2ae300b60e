//! What goes in at one end comes out at the other: later, slower, or not at all.

use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::Builder;
use std::time::{Duration, Instant};

use tun_tap::Iface;

use super::packet::Packet;
pub use super::quality::Quality;
use super::way::{Counts, Way};

/// How long a test waits for a packet before it gives up: a bound against hanging, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both directions. Its threads end by themselves when the devices are gone.
pub struct Cable {
    /// From the first host to the second, and back.
    ways: [Arc<Direction>; 2],
    log: Arc<Log>,
}

/// One direction, and what wakes whoever hands over what arrives.
struct Direction {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    way: Way,
    /// Its device is gone.
    over: bool,
}

/// Every packet that either host sent, if that is wanted.
struct Log {
    wanted: bool,
    seen: Mutex<Vec<Packet>>,
    more: Condvar,
    /// The flows that come through, once no others do.
    only: Mutex<Option<Vec<Flow>>>,
}

/// Two ends that talk, the lesser one first.
type Flow = [(IpAddr, u16); 2];

impl Cable {
    /// Joins the far ends of two devices. `seed` decides what is lost; with `log`, every packet is kept to be looked at.
    pub fn lay(a: Arc<Iface>, b: Arc<Iface>, quality: Quality, seed: u64, log: bool) -> Self {
        let log = Arc::new(Log { wanted: log, seen: Mutex::default(), more: Condvar::new(), only: Mutex::default() });
        let ways = [(a.clone(), b.clone(), 1), (b, a, 2)].map(|(from, to, way)| {
            let state = State { way: Way::new(Instant::now(), quality, 2 * seed + way), over: false };
            let direction = Arc::new(Direction { state: Mutex::new(state), changed: Condvar::new() });
            let (its, log) = (direction.clone(), log.clone());
            spawn("cable-in", move || take_in(&from, &its, &log));
            let its = direction.clone();
            spawn("cable-out", move || put_out(&to, &its));
            direction
        });
        Self { ways, log }
    }

    /// From now on nothing comes through, and nobody is told.
    pub fn pull(&self) {
        self.ways.iter().for_each(|direction| direction.lock().way.pull(true));
    }

    pub fn plug_in(&self) {
        self.ways.iter().for_each(|direction| direction.lock().way.pull(false));
    }

    /// From now on nothing comes through but packets of flows that were seen already, as behind a strict firewall.
    pub fn keep_only_known_flows(&self) {
        let known = self.log.seen.lock().unwrap().iter().map(flow).collect();
        *self.log.only.lock().unwrap() = Some(known);
    }

    /// Lets everything through again.
    pub fn let_all_flow(&self) {
        *self.log.only.lock().unwrap() = None;
    }

    /// From now on the cable is like this, in both directions.
    pub fn set(&self, quality: Quality) {
        for direction in &self.ways {
            direction.lock().way.set(Instant::now(), quality);
            direction.changed.notify_all();
        }
    }

    /// What the directions did so far: from the first host to the second, and back.
    pub fn counts(&self) -> [Counts; 2] {
        self.ways.each_ref().map(|direction| direction.lock().way.counts(Instant::now()))
    }

    /// Every packet that either host sent so far, also those that were lost on the way.
    pub fn seen(&self) -> Vec<Packet> {
        self.log.seen.lock().unwrap().clone()
    }

    /// The first packet that fits, past or to come.
    pub fn wait_for(&self, fits: impl Fn(&Packet) -> bool) -> Packet {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = self.log.seen.lock().unwrap();
        let mut looked_at = 0;
        loop {
            if let Some(packet) = seen[looked_at..].iter().find(|packet| fits(packet)) {
                return packet.clone();
            }
            looked_at = seen.len();
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no such packet among the {looked_at} that were sent");
            seen = self.log.more.wait_timeout(seen, left).unwrap().0;
        }
    }
}

fn flow(packet: &Packet) -> Flow {
    let mut ends = [(packet.source, packet.ports.0), (packet.destination, packet.ports.1)];
    ends.sort_unstable();
    ends
}

impl Direction {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Reads what a host sends until its device is gone.
fn take_in(device: &Iface, direction: &Direction, log: &Log) {
    let mut buffer = [0; 2048];
    while let Ok(size) = device.recv(&mut buffer) {
        if log.wanted
            && let Some(packet) = Packet::parse(&buffer[..size])
        {
            let passes = log.only.lock().unwrap().as_ref().is_none_or(|only| only.contains(&flow(&packet)));
            log.seen.lock().unwrap().push(packet);
            log.more.notify_all();
            if !passes {
                continue;
            }
        }
        let mut state = direction.lock();
        let before = state.way.next();
        state.way.put(Instant::now(), size, &buffer[..size]);
        // Whoever sleeps until then need not be woken.
        if state.way.next() != before {
            direction.changed.notify_all();
        }
    }
    direction.lock().over = true;
    direction.changed.notify_all();
}

/// Hands each packet to the other host when it is due; a host that is not up yet misses it.
fn put_out(device: &Iface, direction: &Direction) {
    let mut state = direction.lock();
    while !state.over {
        let now = Instant::now();
        if let Some((_, packet)) = state.way.take(now) {
            drop(state);
            let _ = device.send(&packet);
            state = direction.lock();
            continue;
        }
        state = match state.way.next() {
            Some(due) => direction.changed.wait_timeout(state, due.saturating_duration_since(now)).unwrap().0,
            None => direction.changed.wait(state).unwrap(),
        };
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    Builder::new().name(name.into()).spawn(body).expect("a thread can be started");
}
