//! One connection to a contact and the stream of messages on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use iroh::endpoint::{Connection, ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::datagrams::{self, Inlet, Route};
use crate::contacts::Hint;
use crate::identity::random;
use crate::signal::frame::{self, FrameError};
use crate::signal::message::{MAX_TEXT_FRAME, Message};

/// How often a connection is asked whether it still carries.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// How long it may take to answer. QUIC itself would notice after half a minute.
const PONG_LIMIT: Duration = Duration::from_secs(4);

/// How long the dialler may take to open the stream, and a closing side to hear that everything arrived.
const STREAM_LIMIT: Duration = Duration::from_secs(4);

/// The longest last word, in bytes: it has to fit what closes a connection, which is one packet with little room.
const LAST_WORD: usize = 600;

/// Messages on the way to the stream; whoever sends waits (internally) or keeps its own queue when it is full.
const QUEUE: usize = 8;

/// Why a connection ended, as QUIC's application error code. Beside it stands the last word, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Nothing is left to say, or this program ends.
    Done = 0,
    /// Not, or no longer, a contact; or a rule of the link was broken.
    Cut = 1,
    /// No answer to a ping.
    Silent = 2,
}

/// The peer task's end of a connection. Dropping it closes the connection at once.
pub(super) struct Carrier {
    pub id: u64,
    connection: Connection,
    /// Whether we dialled it.
    pub ours: bool,
    /// `None` once it is being drained: then the last queued message is followed by the end of the stream.
    outgoing: Option<mpsc::Sender<Message>>,
    probe: Arc<Notify>,
    /// The newest message of a call, in case it is the last thing that is said: a stream waits for QUIC to find that a path carries
    /// again, which takes seconds after a cable was out, and what closes a connection does not. Whoever has it already drops it.
    last_word: Bytes,
    pub closing: Closing,
}

/// What happens on a connection.
#[derive(Debug)]
pub(super) enum Report {
    /// The first frame arrived: the other side is there and takes us.
    Open,
    Message(Box<Message>, Instant),
    /// Where the contact can be found from now on.
    Hints(Vec<Hint>, Instant),
    /// A frame that is no message; it was dropped.
    Malformed,
    /// The answer to a ping arrived.
    Alive,
    /// The other side will send nothing more on it.
    Finished,
    /// It is over. `unsent` never reached the stream.
    Ended {
        unsent: Vec<Message>,
        end: End,
    },
}

/// The stream of messages broke off, or a rule of it was broken.
struct Broken;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides had finished.
    Drained,
    /// One side closed it on purpose.
    Closed,
    /// It stopped carrying.
    Lost,
}

impl Carrier {
    /// Starts to carry messages over `connection`. Reports go to `reports`, which makes the stream wait when it is full;
    /// datagrams go to whatever inlet there is.
    pub fn start(
        id: u64,
        connection: Connection,
        ours: bool,
        (reports, inlet): (mpsc::Sender<(u64, Report)>, watch::Receiver<Option<Inlet>>),
        tasks: &mut tokio::task::JoinSet<()>,
    ) -> Self {
        let (outgoing, queue) = mpsc::channel(QUEUE);
        let probe = Arc::new(Notify::new());
        tasks.spawn(carry((id, connection.clone(), ours), queue, probe.clone(), reports, inlet));
        let (outgoing, last_word) = (Some(outgoing), Bytes::new());
        Self { id, connection, ours, outgoing, probe, last_word, closing: Closing::Done }
    }

    /// Queues a message; gives it back when the queue is full or the connection is being drained.
    pub fn send(&mut self, message: Message) -> Option<Message> {
        let outgoing = self.outgoing.as_ref();
        match outgoing.map(|outgoing| outgoing.try_reserve()) {
            Some(Ok(permit)) => {
                if let Message::Control(item) = &message {
                    self.last_word = item.clone();
                }
                permit.send(message);
                None
            }
            _ => Some(message),
        }
    }

    /// Everything that was sent has arrived.
    pub fn all_arrived(&mut self) {
        self.last_word = Bytes::new();
    }

    /// The queue itself, to wait for room in it.
    pub fn queue(&self) -> Option<mpsc::Sender<Message>> {
        self.outgoing.clone()
    }

    /// Sends nothing more, but loses nothing either: what is queued goes out, what comes is read.
    pub fn drain(&mut self) {
        self.outgoing = None;
    }

    pub fn is_draining(&self) -> bool {
        self.outgoing.is_none()
    }

    /// Asks now, not in up to 15 seconds, whether it still carries.
    pub fn probe(&self) {
        self.probe.notify_one();
    }

    /// Whether the path in use is one without a relay.
    pub fn is_direct(&self) -> bool {
        datagrams::is_direct(&self.connection)
    }

    /// The way that datagrams take over it.
    pub fn route(&self) -> Route {
        Route { id: self.id, connection: self.connection.clone() }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        let last_word = Some(std::mem::take(&mut self.last_word)).filter(|item| !item.is_empty() && item.len() < LAST_WORD);
        let last_word = last_word.map(|item| Message::Control(item).encode()).unwrap_or_default();
        self.connection.close(VarInt::from_u32(self.closing as u32), &last_word);
    }
}

async fn carry(
    (id, connection, ours): (u64, Connection, bool),
    mut queue: mpsc::Receiver<Message>,
    probe: Arc<Notify>,
    reports: mpsc::Sender<(u64, Report)>,
    inlet: watch::Receiver<Option<Inlet>>,
) {
    let end = match open(&connection, ours).await {
        Some((send, receive)) => {
            let (replies, replied) = mpsc::channel(4);
            let (pongs, ponged) = watch::channel(0);
            let reading = read(id, receive, &reports, replies.clone(), pongs);
            let writing = write(send, &mut queue, replied, &probe);
            let both = async {
                match tokio::try_join!(reading, writing) {
                    Ok(_) => End::Drained,
                    Err(Broken) => broken(&connection),
                }
            };
            tokio::select! {
                end = both => end,
                () = datagrams::read(&connection, inlet) => End::Lost,
                () = ping(id, &probe, replies, ponged, &reports) => {
                    connection.close(VarInt::from_u32(Closing::Silent as u32), b"");
                    End::Lost
                }
                error = connection.closed() => ended(&error),
            }
        }
        None => broken(&connection),
    };
    debug!(connection = id, ?end, "a connection to a contact ended");
    queue.close();
    let mut unsent = Vec::new();
    while let Ok(message) = queue.try_recv() {
        unsent.push(message);
    }
    // Fails only when the peer task is gone, and with it whoever could care.
    if let Some(message) = last_word(&connection) {
        let _ = reports.send((id, Report::Message(Box::new(message), now()))).await;
    }
    let _ = reports.send((id, Report::Ended { unsent, end })).await;
}

/// The one stream of the connection: the dialler opens it.
async fn open(connection: &Connection, ours: bool) -> Option<(SendStream, RecvStream)> {
    let opening = async { if ours { connection.open_bi().await } else { connection.accept_bi().await } };
    let (send, receive) = timeout(STREAM_LIMIT, opening).await.ok()?.ok()?;
    // Early data could be a replay; our own side never sends any.
    (!receive.is_0rtt()).then_some((send, receive))
}

/// A stream that broke is a connection that broke, or else a rule that was, and then we end it.
fn broken(connection: &Connection) -> End {
    // Closing what is closed would take the place of the reason that it was closed for.
    if let Some(error) = connection.close_reason() {
        return ended(&error);
    }
    connection.close(VarInt::from_u32(Closing::Cut as u32), b"");
    End::Closed
}

/// What the other side said with the closing of the connection: something of a call, and nothing else.
fn last_word(connection: &Connection) -> Option<Message> {
    let Some(ConnectionError::ApplicationClosed(close)) = connection.close_reason() else { return None };
    Message::decode(&close.reason).ok().filter(|message| matches!(message, Message::Control(_)))
}

fn ended(error: &ConnectionError) -> End {
    match error {
        ConnectionError::ApplicationClosed(close) if close.error_code != VarInt::from_u32(Closing::Silent as u32) => End::Closed,
        _ => End::Lost,
    }
}

/// Reads until the other side finishes.
async fn read(
    id: u64,
    mut stream: RecvStream,
    reports: &mpsc::Sender<(u64, Report)>,
    replies: mpsc::Sender<Message>,
    pongs: watch::Sender<u64>,
) -> Result<(), Broken> {
    let mut open = false;
    loop {
        let report = match frame::read_up_to(&mut stream, MAX_TEXT_FRAME).await {
            Ok(Some(bytes)) => match Message::decode(&bytes) {
                Ok(Message::Ping(n)) => {
                    // While we drain there is nobody left to reply; the other side will see the end of the stream instead.
                    let _ = replies.send(Message::Pong(n)).await;
                    None
                }
                Ok(Message::Pong(n)) => {
                    pongs.send_replace(n);
                    None
                }
                Ok(Message::Hints(hints)) => Some(Report::Hints(hints, now())),
                Ok(message) => Some(Report::Message(Box::new(message), now())),
                Err(_) => Some(Report::Malformed),
            },
            Ok(None) => {
                let _ = reports.send((id, Report::Finished)).await;
                return Ok(());
            }
            Err(FrameError::Length(_)) => {
                let _ = reports.send((id, Report::Malformed)).await;
                return Err(Broken);
            }
            Err(FrameError::Broken(_)) => return Err(Broken),
        };
        if !open {
            open = true;
            let _ = reports.send((id, Report::Open)).await;
        }
        if let Some(report) = report {
            let _ = reports.send((id, report)).await;
        }
    }
}

/// Writes until the queue is closed and everything in it arrived.
async fn write(
    mut stream: SendStream,
    queue: &mut mpsc::Receiver<Message>,
    mut replies: mpsc::Receiver<Message>,
    probe: &Notify,
) -> Result<(), Broken> {
    loop {
        let next = tokio::select! {
            next = queue.recv() => next,
            Some(reply) = replies.recv() => Some(reply),
        };
        let Some(message) = next else { break };
        frame::write(&mut stream, &message.encode()).await.map_err(|_| Broken)?;
    }
    // From here on a ping cannot be sent; asking for one starts the deadline for the rest.
    drop(replies);
    probe.notify_one();
    stream.finish().map_err(|_| Broken)?;
    match timeout(STREAM_LIMIT, stream.stopped()).await {
        Ok(Ok(None)) => Ok(()),
        _ => Err(Broken),
    }
}

/// Returns when a ping was not answered in time.
async fn ping(
    id: u64,
    probe: &Notify,
    replies: mpsc::Sender<Message>,
    mut pongs: watch::Receiver<u64>,
    reports: &mpsc::Sender<(u64, Report)>,
) {
    loop {
        tokio::select! {
            () = sleep(PING_INTERVAL) => {}
            () = probe.notified() => {}
        }
        let n = u64::from_be_bytes(random());
        let answered = async {
            if replies.send(Message::Ping(n)).await.is_err() {
                std::future::pending::<()>().await;
            }
            // Fails only when the reader ended, which ends the connection by itself.
            let _ = pongs.wait_for(|pong| *pong == n).await;
        };
        if timeout(PONG_LIMIT, answered).await.is_err() {
            return;
        }
        let _ = reports.send((id, Report::Alive)).await;
    }
}

/// When a message arrived. The rules of a call take their time as an argument; this is where it is read.
fn now() -> Instant {
    Instant::now()
}
