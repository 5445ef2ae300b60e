//! Where packets that are made wait for their time.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc;

use super::Shared;
use crate::media::clock::MediaTime;
use crate::media::packet::OutgoingFrame;
use crate::media::priority::{self, Work};

/// Packets that wait; usually it is one.
const MOST_WAITING: usize = 8;

/// A packet, and when it is to leave.
pub struct Departure {
    pub frame: OutgoingFrame,
    pub at: MediaTime,
}

/// Lets each packet leave when it is to, on a thread that does nothing else: how soon a system wakes a thread depends on what that
/// thread did before, and what was done for a packet must not show. It ends with the sender, once what waits has left.
///
/// Full: packets wait that should have left long ago, and the newest is dropped.
pub(super) fn departures(
    out: mpsc::Sender<OutgoingFrame>,
    shared: Arc<Shared>,
) -> std::io::Result<(SyncSender<Departure>, JoinHandle<()>)> {
    let (departures, waiting) = sync_channel::<Departure>(MOST_WAITING);
    let thread = thread::Builder::new().name("audio depart".into()).spawn(move || {
        priority::raise(Work::Sound);
        for Departure { frame, at } in waiting {
            thread::sleep(at.since(MediaTime::now()));
            shared.count_dropped(out.try_send(frame).is_err());
        }
    })?;
    Ok((departures, thread))
}
