//! A runtime whose sockets lose some of the pictures' packets on the way out.

use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime, Transmit,
};

/// Loses a share of RTP, retransmissions too; control, checks and reports pass.
#[derive(Debug)]
pub struct LossyRuntime {
    inner: TokioRuntime,
    loss: Arc<Loss>,
}

#[derive(Debug)]
struct Loss {
    percent: u32,
    random: AtomicU32,
    dropped: AtomicU64,
}

impl LossyRuntime {
    pub fn dropping(percent: u32) -> Self {
        let loss = Loss { percent, random: AtomicU32::new(1), dropped: AtomicU64::new(0) };
        Self { inner: TokioRuntime, loss: Arc::new(loss) }
    }

    pub fn dropped(&self) -> u64 {
        self.loss.dropped.load(Ordering::Relaxed)
    }
}

impl Loss {
    fn takes(&self, datagram: &[u8]) -> bool {
        // RTP or RTCP by the first byte (RFC 7983), RTP of pictures by the payload type.
        let rtp = datagram.len() > 12 && (128..192).contains(&datagram[0]) && matches!(datagram[1] & 0x7f, 102 | 103);
        let next = |old: u32| Some(old.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let random = self.random.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
        let taken = rtp && (random >> 16) % 100 < self.percent;
        self.dropped.fetch_add(u64::from(taken), Ordering::Relaxed);
        taken
    }
}

#[derive(Debug)]
struct LossySocket {
    inner: Arc<dyn AsyncUdpSocket>,
    loss: Arc<Loss>,
}

impl AsyncUdpSocket for LossySocket {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn poll_send(&self, cx: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if self.loss.takes(transmit.contents) {
            return Poll::Ready(Ok(transmit.contents.len()));
        }
        self.inner.poll_send(cx, transmit)
    }

    fn poll_recv(&self, cx: &mut Context<'_>, bufs: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
        self.inner.poll_recv(cx, bufs, meta)
    }

    fn max_gro_segments(&self) -> usize {
        self.inner.max_gro_segments()
    }
}

impl Runtime for LossyRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        self.inner.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let inner = self.inner.wrap_udp_socket(socket)?;
        Ok(Arc::new(LossySocket { inner, loss: self.loss.clone() }))
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

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>> {
        self.inner.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        self.inner.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        self.inner.block_on(future);
    }
}
