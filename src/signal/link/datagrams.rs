//! Datagrams of one call on the link: unreliable, in no order, and gone where there is no connection.
//!
//! ```text
//! datagram = u8 1 || first 4 bytes of the call id || packet
//! ```
//!
//! They go over whatever connection sends messages to that contact, and are taken from any that there is. What is in a packet is
//! nobody's business here. They open no connection and learn no address: where the link does not lead, they do not go.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use iroh::endpoint::Connection;
use tokio::sync::{mpsc, watch};

/// The first byte of a datagram of a call. Others are for what comes later, and dropped today.
const CALL: u8 = 1;
/// Bytes before the packet.
const HEADER: usize = 5;
/// Longest packet: with QUIC's own headers it still fits the smallest datagram that QUIC may rely on (RFC 9000 section 14).
pub const MAX_PACKET: usize = 1140;
/// Packets that wait to be read. When full, the newest is dropped: it counts as lost on the way.
const ARRIVING: usize = 256;
/// Packets that QUIC keeps until its congestion control lets them go; beyond, the oldest is dropped. A quarter of a second at the
/// most that is sent.
pub(super) const SEND_BUFFER: usize = 32 * 1024;

/// Which call a datagram is of: the first bytes of its id.
pub type Tag = [u8; 4];

/// One call's datagrams, both ways.
#[derive(Debug)]
pub struct Datagrams {
    pub out: Outgoing,
    /// Packets as they come.
    pub arriving: mpsc::Receiver<Bytes>,
}

/// Sends packets.
#[derive(Debug, Clone)]
pub struct Outgoing {
    tag: Tag,
    route: watch::Receiver<Option<Route>>,
}

/// The connection that sends, by its number.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub id: u64,
    pub connection: Connection,
}

/// The peer task's end of a call's datagrams.
#[derive(Debug)]
pub(super) struct Ride {
    inlet: Inlet,
    route: watch::Sender<Option<Route>>,
}

/// Where datagrams of a call go that arrive.
#[derive(Debug, Clone)]
pub(super) struct Inlet {
    tag: Tag,
    packets: mpsc::Sender<Bytes>,
}

/// Both ends of a call's datagrams.
pub(super) fn datagrams(tag: Tag) -> (Datagrams, Ride) {
    let (packets, arriving) = mpsc::channel(ARRIVING);
    let (route, routes) = watch::channel(None);
    (Datagrams { out: Outgoing { tag, route: routes }, arriving }, Ride { inlet: Inlet { tag, packets }, route })
}

impl Outgoing {
    /// Sends a packet, at once or never. False: it was too long, or there is no connection.
    pub fn send(&self, packet: &[u8]) -> bool {
        let route = self.route.borrow();
        let Some(route) = route.as_ref().filter(|_| packet.len() <= MAX_PACKET) else { return false };
        let mut datagram = BytesMut::with_capacity(HEADER + packet.len());
        datagram.put_u8(CALL);
        datagram.put_slice(&self.tag);
        datagram.put_slice(packet);
        route.connection.send_datagram(datagram.freeze()).is_ok()
    }

    /// Bytes that QUIC keeps back until its congestion control lets them go.
    pub fn waiting(&self) -> usize {
        let route = self.route.borrow();
        route.as_ref().map_or(0, |route| SEND_BUFFER.saturating_sub(route.connection.datagram_send_buffer_space()))
    }

    /// How long there and back took lately; nothing where there is no connection.
    pub fn round_trip(&self) -> Option<Duration> {
        let route = self.route.borrow();
        let paths = route.as_ref()?.connection.paths();
        paths.iter().find(|path| path.is_selected()).map(|path| path.rtt())
    }

    /// Whether the link leads straight to the contact, and not through a relay; nothing where there is no connection.
    pub fn is_direct(&self) -> Option<bool> {
        self.route.borrow().as_ref().map(|route| is_direct(&route.connection))
    }
}

impl Ride {
    /// Whether somebody still wants the datagrams.
    pub fn is_wanted(&self) -> bool {
        !self.inlet.packets.is_closed()
    }

    pub fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }

    /// From now on this connection sends, or none does.
    pub fn lead(&self, route: Option<Route>) {
        let id = route.as_ref().map(|route| route.id);
        self.route.send_if_modified(|old| {
            let changed = old.as_ref().map(|old| old.id) != id;
            if changed {
                *old = route;
            }
            changed
        });
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        self.lead(None);
    }
}

impl Inlet {
    /// Takes a datagram that is of this call.
    fn take(&self, datagram: &Bytes) {
        if let Some(packet) = packet(datagram, self.tag) {
            // Full: lost, as on any path.
            let _ = self.packets.try_send(packet);
        }
    }
}

/// The packet in a datagram of this call.
fn packet(datagram: &Bytes, tag: Tag) -> Option<Bytes> {
    let ours = datagram.first() == Some(&CALL) && datagram.get(1..HEADER) == Some(&tag);
    (ours && (HEADER + 1..=HEADER + MAX_PACKET).contains(&datagram.len())).then(|| datagram.slice(HEADER..))
}

/// Hands on what arrives on `connection` for whom there is, and drops the rest, until the connection ends; then it never returns.
pub(super) async fn read(connection: &Connection, inlet: watch::Receiver<Option<Inlet>>) {
    while let Ok(datagram) = connection.read_datagram().await {
        if let Some(inlet) = inlet.borrow().as_ref() {
            inlet.take(&datagram);
        }
    }
    std::future::pending::<()>().await;
}

/// Whether the path in use is one without a relay.
pub(super) fn is_direct(connection: &Connection) -> bool {
    connection.paths().iter().any(|path| path.is_selected() && path.is_ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_of_one_call_and_of_a_bounded_length() {
        let tag = [7, 8, 9, 10];
        let datagram = |bytes: &[u8]| packet(&Bytes::copy_from_slice(bytes), tag);
        assert_eq!(datagram(b"\x01\x07\x08\x09\x0apacket").as_deref(), Some(&b"packet"[..]));
        for other in [&b""[..], b"\x01", b"\x01\x07\x08\x09\x0a", b"\x02\x07\x08\x09\x0apacket", b"\x01\x07\x08\x09\x0bpacket"] {
            assert_eq!(datagram(other), None, "{other:?}");
        }
        let long = [&b"\x01\x07\x08\x09\x0a"[..], &[0; MAX_PACKET]].concat();
        assert_eq!(datagram(&long).map(|packet| packet.len()), Some(MAX_PACKET));
        assert_eq!(datagram(&[&long[..], &[0]].concat()), None);
    }

    #[test]
    fn what_nobody_reads_is_bounded_and_what_has_no_connection_is_not_sent() {
        let (datagrams, ride) = datagrams([1; 4]);
        let datagram = Bytes::from_static(b"\x01\x01\x01\x01\x01x");
        (0..1000).for_each(|_| ride.inlet().take(&datagram));
        assert_eq!(datagrams.arriving.len(), ARRIVING);
        assert!(!datagrams.out.send(b"x"));
        assert_eq!(datagrams.out.waiting(), 0);
        drop(datagrams);
        assert!(!ride.is_wanted());
    }
}
