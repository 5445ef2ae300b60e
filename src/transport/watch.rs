//! From what the library reports to what the owner of a connection is told.
//!
//! The library calls its handler on the task that drives the connection, so the handler only writes things down; [`Watcher`]
//! reads them on a task of its own, looks at the certificate, and speaks.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use webrtc::peer_connection::transport::IceTransport;
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionEventHandler, RTCIceCandidate, RTCIceConnectionState, RTCIceGatheringState,
    RTCPeerConnectionIceEvent, RTCPeerConnectionState,
};

use crate::media::clock::MediaTime;
use crate::media::repair::PictureFeedback;
use crate::signal::message::CandidateKind;

use super::addresses;
use super::config::{Carries, PeerEvent};
use super::counters::Counters;
use super::intake::Admission;
use super::path::Reading;

/// SHA-256 of a certificate in DER (RFC 8122 section 5).
pub(super) fn fingerprint(der: &[u8]) -> [u8; 32] {
    Sha256::digest(der).into()
}

/// What gathering found.
pub(super) enum Gathered {
    Candidate(RTCIceCandidate),
    Done,
}

/// The states that matter, newest only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct States {
    pub connection: RTCPeerConnectionState,
    pub ice: RTCIceConnectionState,
}

/// Writes down what the library reports. Never waits.
pub(super) struct Handler {
    /// Full: more candidates than anybody has; dropped.
    pub gathered: mpsc::Sender<Gathered>,
    pub states: watch::Sender<States>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_candidate(&self, event: RTCPeerConnectionIceEvent) {
        let _ = self.gathered.try_send(Gathered::Candidate(event.candidate));
    }

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(Gathered::Done);
        }
    }

    async fn on_ice_connection_state_change(&self, state: RTCIceConnectionState) {
        self.states.send_modify(|states| states.ice = state);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.states.send_modify(|states| states.connection = state);
    }
}

/// Turns states into events, each told once.
pub(super) struct Watcher {
    pub connection: Arc<dyn PeerConnection>,
    /// The fingerprint that the other side described, once we connect.
    pub expected: watch::Receiver<Option<[u8; 32]>>,
    pub states: watch::Receiver<States>,
    pub readings: watch::Receiver<Reading>,
    pub feedback: mpsc::Receiver<PictureFeedback>,
    /// Woken when the other side ended the connection.
    pub goodbye: Arc<Notify>,
    pub admission: Arc<Admission>,
    pub admitted: watch::Sender<bool>,
    pub counters: Arc<Counters>,
    pub events: mpsc::Sender<PeerEvent>,
    /// How long DTLS may take once ICE found a path.
    pub patience: Duration,
}

const GOODBYE: &str = "the other side closed the connection";

/// To the library only messages of STUN are life. A path on which media came so lately is not silent, however narrow or full it is.
const ALIVE: Duration = Duration::from_secs(1);

/// Least change of the estimate that is told, in percent.
const TELL_PERCENT: u32 = 3;

impl Watcher {
    /// Runs until the connection failed or nobody listens.
    pub async fn run(mut self) {
        let events = self.events.clone();
        let why = tokio::select! {
            why = self.watch() => why,
            () = events.closed() => return,
        };
        self.admission.decide(false);
        let _ = events.send(PeerEvent::Failed(why)).await;
    }

    /// Returns why the connection failed.
    async fn watch(&mut self) -> String {
        let (mut told, mut abandonments) = (Carries::default(), 0);
        let mut connected = false;
        let mut deadline: Option<Instant> = None;
        // The library hears nothing; when to look again whether media does not come either.
        let mut doubt: Option<Instant> = None;
        loop {
            let look = doubt;
            let give_up = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
            tokio::select! {
                changed = self.states.changed() => {
                    if changed.is_err() {
                        return "the connection ended".into();
                    }
                    let states = *self.states.borrow_and_update();
                    doubt = None;
                    match states.connection {
                        RTCPeerConnectionState::Connected if !connected => {
                            if let Err(why) = self.admit().await {
                                return why;
                            }
                            (connected, deadline) = (true, None);
                            self.tell(self.selected().await).await;
                        }
                        RTCPeerConnectionState::Connected => self.tell(self.selected().await).await,
                        RTCPeerConnectionState::Disconnected => doubt = Some(Instant::now()),
                        RTCPeerConnectionState::Failed => return "no path to the other side was found, or it was lost".into(),
                        RTCPeerConnectionState::Closed => return GOODBYE.into(),
                        _ if !connected && deadline.is_none() && states.ice == RTCIceConnectionState::Connected => {
                            deadline = Some(Instant::now() + self.patience);
                        }
                        _ => {}
                    }
                }
                () = self.goodbye.notified() => return GOODBYE.into(),
                Some(feedback) = self.feedback.recv() => self.tell(PeerEvent::Feedback(feedback)).await,
                Ok(()) = self.readings.changed() => {
                    let reading = *self.readings.borrow_and_update();
                    let (carries, abandoned) = (Carries::of(&reading.estimate, reading.repair_percent), reading.abandoned);
                    let other = Carries { kbps: told.kbps, ..carries } != told;
                    let changed = carries.kbps.abs_diff(told.kbps) * 100 > carries.kbps * TELL_PERCENT || other;
                    // Full: the next one is compared with what was told.
                    if changed && self.events.try_send(PeerEvent::Estimate(carries)).is_ok() {
                        told = carries;
                    }
                    if std::mem::replace(&mut abandonments, abandoned) != abandoned {
                        self.tell(PeerEvent::PicturesAbandoned).await;
                    }
                }
                () = sleep_until(look.unwrap_or(give_up)), if look.is_some() => {
                    doubt = alive_for(self.counters.silent_for(MediaTime::now())).map(|left| Instant::now() + left);
                    if doubt.is_none() {
                        self.tell(PeerEvent::Disconnected).await;
                    }
                }
                () = sleep_until(give_up) => return "the other side did not prove that it is who it said".into(),
            }
        }
    }

    /// Lets media pass if the certificate is the one that was described. The library has compared it by then; this does not
    /// rely on it.
    async fn admit(&mut self) -> Result<(), String> {
        let sctp = self.connection.sctp().await.ok_or("the connection has no data channel")?;
        let chain = sctp.transport().get_remote_certificates().await.map_err(|error| error.to_string())?;
        let expected = *self.expected.borrow();
        let presented = chain.first().map(|der| fingerprint(der));
        if presented.is_none() || presented != expected {
            return Err("the other side is not who it said it is: its certificate is another".into());
        }
        self.admission.decide(true);
        self.admitted.send_replace(true);
        Ok(())
    }

    async fn selected(&self) -> PeerEvent {
        let (local, remote) = selected_pair(&*self.connection).await.unwrap_or((CandidateKind::Host, CandidateKind::Host));
        let relayed = [local, remote].contains(&CandidateKind::Relay);
        PeerEvent::Connected { local, remote, relayed }
    }

    async fn tell(&self, event: PeerEvent) {
        let _ = self.events.send(event).await;
    }
}

/// For how much longer a path counts as alive on which the last media came so long ago; nothing if it is silent.
fn alive_for(silent: Option<Duration>) -> Option<Duration> {
    ALIVE.checked_sub(silent?).filter(|left| !left.is_zero())
}

/// Kinds of the two ends of the pair that carries the call.
pub(super) async fn selected_pair(connection: &dyn PeerConnection) -> Option<(CandidateKind, CandidateKind)> {
    let ice: Arc<dyn IceTransport> = connection.sctp().await?.transport().ice_transport();
    let pair = ice.get_selected_candidate_pair().await.ok()??;
    Some((addresses::kind(pair.local().typ)?, addresses::kind(pair.remote().typ)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_brings_media_is_alive_whatever_its_checks_say() {
        let ms = Duration::from_millis;
        for (silent, left) in
            [(Some(0), Some(1000)), (Some(400), Some(600)), (Some(1000), None), (Some(5000), None), (None, None)]
        {
            assert_eq!(alive_for(silent.map(ms)), left.map(ms), "media came {silent:?} ms ago");
        }
    }
}
