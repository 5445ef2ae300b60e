//! The path over the link: what a connection of its own would carry, in datagrams of the connection that the two have already.
//!
//! It carries the first pictures and the first sound, while ICE and DTLS are under way, and whole calls where they find no path. It is
//! the same path as every other: paced, reported, repaired, protected, with the packets' own numbers, at a rate that the link can
//! be asked to carry. It begins once both sides have proven who they are; packets that come before wait in the link's queue.

use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;

use crate::media::clock::MediaTime;
use crate::media::packet::IncomingPacket;
use crate::media::repair::PictureFeedback;
use crate::signal::link::Datagrams;

use super::bare::{Arrived, BarePath};
use super::config::{Carries, MediaPorts, PeerEvent, Role};
use super::counters::{Over, PathStats};
use super::datagram::Datagram;
use super::start::StartRate;

/// Most kbit/s that ride the link, with all headers: it is a guest there, perhaps on a relay that others use, too.
const MOST_KBPS: u32 = 1000;
/// How often the path is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// What QUIC's own congestion control may keep back, by the rate that we think the link carries, and at the least: on a narrow link its queue
/// would hold sound back for many seconds, until nobody wants to hear it any more. What finds no room is lost, as on a full path.
const MOST_WAITING: Duration = Duration::from_millis(300);
const LEAST_WAITING: usize = 500;
/// Packets that are taken in one go, before others have their turn.
const BATCH: usize = 64;

/// One end of the path over the link.
pub struct Ride {
    pub role: Role,
    pub media: MediaPorts,
    pub datagrams: Datagrams,
    /// Most kbit/s to ever send.
    pub max_kbps: u32,
    /// What this path learns for the next one.
    pub start: StartRate,
}

impl Ride {
    /// Carries packets both ways until nobody sends any more. The other side is told `feedback` about its pictures; `tell` hears of
    /// estimates and wishes, as from any path, and says whether it took them.
    pub async fn run(
        self,
        mut feedback: mpsc::Receiver<PictureFeedback>,
        publish: &watch::Sender<Option<PathStats>>,
        tell: impl Fn(PeerEvent) -> bool,
    ) {
        let Self { role, mut media, mut datagrams, max_kbps, start } = self;
        let mut path = BarePath::new(role, max_kbps.min(MOST_KBPS), start);
        let mut bytes = Bytes::default();
        let (mut told, mut abandonments, mut looked) = (Carries::default(), 0, None);
        let mut readable = true;
        loop {
            let now = Instant::now();
            let (estimate, repair_percent) = path.reading();
            let most_waiting = most_waiting(estimate.target_kbps);
            for datagram in path.tick(now) {
                bytes.out += send(&datagrams, &datagram, most_waiting);
            }
            // What could not be told is told the next time around.
            let carries = Carries::of(&estimate, repair_percent);
            if told != carries && tell(PeerEvent::Estimate(carries)) {
                told = carries;
            }
            if abandonments != path.abandoned() && tell(PeerEvent::PicturesAbandoned) {
                abandonments = path.abandoned();
            }
            let deadline = path.deadline(now);
            if deadline.is_some() && looked.is_none_or(|looked| now.duration_since(looked) >= LOOK) {
                looked = Some(now);
                publish.send_replace(Some(stats(&path, &datagrams, bytes)));
            }
            let due = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                sound = media.audio_out.recv() => match sound {
                    Some(sound) => path.send_sound(Instant::now(), sound),
                    None => return,
                },
                picture = media.video_out.recv(), if path.has_room() => match picture {
                    Some(picture) => path.send_picture(Instant::now(), picture),
                    None => return,
                },
                packet = datagrams.arriving.recv(), if readable => {
                    readable = packet.is_some();
                    let more = std::iter::from_fn(|| datagrams.arriving.try_recv().ok());
                    for packet in packet.into_iter().chain(more).take(BATCH) {
                        bytes.arrived += packet.len() as u64;
                        let Some(datagram) = Datagram::parse(packet) else { continue };
                        for arrived in path.arrive(Instant::now(), MediaTime::now(), datagram) {
                            take(&mut path, &media.video_in, &media.audio_in, arrived, &tell);
                        }
                    }
                }
                Some(feedback) = feedback.recv() => path.send_feedback(feedback),
                () = due => {}
            }
        }
    }
}

/// What went each way.
#[derive(Debug, Clone, Copy, Default)]
struct Bytes {
    out: u64,
    arrived: u64,
}

/// How many bytes may wait on a link of `kbps`.
fn most_waiting(kbps: u32) -> usize {
    ((f64::from(kbps) * 125.0 * MOST_WAITING.as_secs_f64()) as usize).max(LEAST_WAITING)
}

/// Sends a datagram, unless more than `most_waiting` bytes wait already; how many bytes of it left.
fn send(datagrams: &Datagrams, datagram: &Datagram, most_waiting: usize) -> u64 {
    if datagrams.out.waiting() > most_waiting {
        return 0;
    }
    let encoded = datagram.encode().filter(|packet| datagrams.out.send(packet));
    encoded.map_or(0, |packet| packet.len() as u64)
}

fn take(
    path: &mut BarePath,
    video: &SyncSender<IncomingPacket>,
    audio: &SyncSender<IncomingPacket>,
    arrived: Arrived,
    tell: &impl Fn(PeerEvent) -> bool,
) {
    let taken = match arrived {
        Arrived::Picture(packet) => video.try_send(packet).is_ok(),
        Arrived::Sound(packet) => audio.try_send(packet).is_ok(),
        Arrived::Feedback(feedback) => {
            // Lost, it is asked for again.
            tell(PeerEvent::Feedback(feedback));
            return;
        }
    };
    path.note_taken(taken);
}

fn stats(path: &BarePath, datagrams: &Datagrams, bytes: Bytes) -> PathStats {
    let (estimate, _) = path.reading();
    PathStats {
        rtt_ms: path.measured_round_trip().map(|round_trip| round_trip.as_secs_f64() * 1e3),
        bytes_in: bytes.arrived,
        bytes_out: bytes.out,
        loss_percent: estimate.loss_percent,
        chance_loss_percent: estimate.chance_loss_percent,
        queue_ms: estimate.queue_ms,
        delivered_kbps: estimate.delivered_kbps,
        target_kbps: estimate.target_kbps,
        over: if datagrams.out.is_direct() == Some(false) { Over::Relay } else { Over::Link },
        ..path.counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_waits_on_the_link_than_it_carries_in_a_third_of_a_second() {
        for kbps in [16, 50, 300, 1000] {
            let milliseconds = most_waiting(kbps) * 8 / kbps as usize;
            assert!((295..=305).contains(&milliseconds), "{milliseconds} ms at {kbps} kbit/s");
        }
        // One packet of sound always finds room, or nothing would ever leave.
        assert_eq!(most_waiting(0), LEAST_WAITING);
    }
}
