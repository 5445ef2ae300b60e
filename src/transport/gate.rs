//! Sockets that are open, and answer nobody yet.
//!
//! A call's sockets are bound before the other side has proven who it is, for their addresses travel in the proof. Until
//! [`Gate::open`], nothing is read from them and nothing leaves through them, but for the STUN and TURN servers that the user
//! chose: a stranger's check gets no answer, not even a refusal. The library below would not answer either, since it is told
//! the remote credentials only then; this does not rely on it.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, Transmit};

use super::checks::Checks;
use super::relaying;
use super::start::StartRate;

/// Opens once, for all sockets of one connection.
#[derive(Debug)]
pub(super) struct Gate {
    open: AtomicBool,
    /// Whom the sockets talk to while closed.
    servers: Box<[SocketAddr]>,
    /// What the way to the peer is known to carry.
    start: StartRate,
}

/// From here on the handshake of DTLS is sent twice: each of its packets that gets lost is missed for a second, then for two, and the
/// library lets nobody say otherwise. A narrower path has no room for that.
const TWICE_FROM_KBPS: u32 = 400;

impl Gate {
    pub fn new(servers: Vec<SocketAddr>, start: StartRate) -> Arc<Self> {
        Arc::new(Self { open: AtomicBool::new(false), servers: servers.into(), start })
    }

    /// From now on the peer is heard and answered.
    pub fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    fn passes(&self, other: SocketAddr) -> bool {
        self.is_open() || self.servers.contains(&other)
    }
}

/// Whether the first byte is one of STUN or of a TURN channel (RFC 7983 section 7).
fn is_signalling(message: &[u8]) -> bool {
    message.first().is_some_and(|first| matches!(first, 0..=3 | 64..=79))
}

/// Whether the first byte is one of DTLS, but not of what it carries (RFC 6347 section 4.1: 20 to 22).
fn is_handshake(message: &[u8]) -> bool {
    message.first().is_some_and(|first| matches!(first, 20..=22))
}

/// A runtime like `inner`, whose UDP sockets are behind a gate.
#[derive(Debug)]
pub(super) struct GatedRuntime {
    pub inner: Arc<dyn Runtime>,
    pub gate: Arc<Gate>,
}

#[derive(Debug)]
struct GatedSocket {
    inner: Arc<dyn AsyncUdpSocket>,
    gate: Arc<Gate>,
    /// Looked at for messages of STUN only.
    checks: Mutex<Checks>,
}

impl GatedSocket {
    /// Whether a check may be repeated already; everything else may leave.
    fn is_due(&self, destination: SocketAddr, message: &[u8]) -> bool {
        !is_signalling(message) || self.checks().may_leave(Instant::now(), destination, message, self.gate.start.is_narrow())
    }

    fn heard(&self, source: SocketAddr, message: &[u8]) {
        if is_signalling(message) {
            self.checks().heard(source, message);
        }
    }

    fn checks(&self) -> MutexGuard<'_, Checks> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncUdpSocket for GatedSocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn max_gso_segments(&self) -> usize {
        self.inner.max_gso_segments()
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let whole = transmit.contents.len();
        if !self.gate.passes(transmit.destination) {
            return Poll::Ready(Ok(whole));
        }
        let destination = transmit.destination;
        if !self.gate.servers.contains(&destination) {
            let held_back = transmit.segment_size.is_none() && !self.is_due(destination, transmit.contents);
            if held_back {
                return Poll::Ready(Ok(whole));
            }
            if is_handshake(transmit.contents) && self.gate.start.kbps() >= TWICE_FROM_KBPS {
                // If it finds no room, there is the other one.
                let _ = self.inner.poll_send(cx, transmit);
            }
            return self.inner.poll_send(cx, transmit);
        }
        // One by one: requests about different peers may come together.
        let messages = transmit.contents.chunks(transmit.segment_size.unwrap_or(whole).max(1));
        let wanted = |message: &&[u8]| {
            let question = !relaying::is_relayed(message);
            !relaying::is_pointless(destination, message) && (question || self.is_due(destination, message))
        };
        for contents in messages.filter(wanted) {
            let message = Transmit { contents, segment_size: None, ..*transmit };
            std::task::ready!(self.inner.poll_send(cx, &message))?;
        }
        Poll::Ready(Ok(whole))
    }

    fn poll_recv(&self, cx: &mut Context<'_>, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
        while !self.gate.is_open() {
            // One at a time, so that what may not pass need not be cut out of a batch.
            let count = std::task::ready!(self.inner.poll_recv(cx, &mut bufs[..1], &mut meta[..1]))?;
            if count > 0 && self.gate.passes(meta[0].addr) {
                return Poll::Ready(Ok(count));
            }
        }
        let count = std::task::ready!(self.inner.poll_recv(cx, bufs, meta))?;
        for (buf, meta) in bufs.iter().zip(meta.iter()).take(count) {
            self.heard(meta.addr, &buf[..meta.len]);
        }
        Poll::Ready(Ok(count))
    }
}

impl Runtime for GatedRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.inner.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let inner = self.inner.wrap_udp_socket(socket)?;
        Ok(Arc::new(GatedSocket { inner, gate: self.gate.clone(), checks: Mutex::default() }))
    }

    fn wrap_tcp_listener(&self, listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        self.inner.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        remote: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Arc<dyn AsyncTcpStream>>> + Send + 'a>> {
        self.inner.connect_tcp(remote)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>> {
        self.inner.resolve_host(host)
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.inner.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.inner.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.inner.block_on(future);
    }

    fn yield_now(&self) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.inner.yield_now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::task::Waker;

    /// Counts what leaves.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl AsyncUdpSocket for Counting {
        fn local_addr(&self) -> io::Result<SocketAddr> {
            Ok(peer())
        }

        fn max_gso_segments(&self) -> usize {
            1
        }

        fn max_gro_segments(&self) -> usize {
            1
        }

        fn poll_send(&self, _: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(transmit.contents.len()))
        }

        fn poll_recv(&self, _: &mut Context<'_>, _: &mut [IoSliceMut<'_>], _: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
    }

    fn peer() -> SocketAddr {
        ([192, 0, 2, 7], 4000).into()
    }

    /// How often a packet that begins with `first` leaves through an open gate, on a path that carries `kbps`.
    fn leaves(kbps: u32, first: u8) -> usize {
        let (start, inner) = (StartRate::default(), Arc::new(Counting::default()));
        start.learnt(kbps, false);
        let gate = Gate::new(Vec::new(), start);
        gate.open();
        let socket = GatedSocket { inner: inner.clone(), gate, checks: Mutex::default() };
        let contents = [first, 0, 0, 0];
        let transmit = Transmit { destination: peer(), ecn: None, contents: &contents, segment_size: None, src_ip: None };
        assert!(socket.poll_send(&mut Context::from_waker(Waker::noop()), &transmit).is_ready());
        inner.0.load(Ordering::Relaxed)
    }

    #[test]
    fn the_handshake_leaves_twice_where_there_is_room_and_nothing_else_does() {
        const HANDSHAKE: u8 = 22;
        const RTP: u8 = 128;
        assert_eq!([400, 900].map(|kbps| leaves(kbps, HANDSHAKE)), [2, 2]);
        assert_eq!(leaves(399, HANDSHAKE), 1, "a narrow path has no room for it");
        assert_eq!(leaves(900, RTP), 1);
    }
}
