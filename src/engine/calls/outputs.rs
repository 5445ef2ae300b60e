//! What the engine does when the rules of a call say so, output by output.

use std::time::{Duration, Instant};

use super::{CODECS, Calls, METER, SECOND};
use crate::call::{CallEvent, EndReason, Input, Output};
use crate::conversation::{Call, Outcome};
use crate::engine::core::{Core, unix_seconds};
use crate::engine::current::{Current, Switches};
use crate::engine::event::What;
use crate::engine::session::Session;
use crate::engine::snapshot::{CallMedia, CallStage};
use crate::identity::PublicKey;
use crate::media::clock::MediaTime;
use crate::signal::message::{CallId, MediaKind};
use crate::transport::LocalSecrets;

/// How long the line about an ended call stays.
const FAREWELL: Duration = Duration::from_secs(6);

impl Calls {
    pub(super) fn perform(&mut self, core: &mut Core, output: Output, now: Instant) {
        match output {
            Output::OpenLink { peer } => core.network.dial(peer),
            Output::Send { peer, message } => core.network.send(peer, message),
            Output::Ring { peer, call, media } => self.ring(core, peer, call, media, now),
            Output::StopRinging => {
                if let Some(current) = &mut self.current {
                    current.stop_ringing();
                }
            }
            Output::Gather { call, peer, role, description } => {
                let at = self.secrets.iter().position(|secrets| secrets.fingerprint == description.fingerprint);
                let Some(secrets) = at.map(|at| self.secrets.swap_remove(at)) else { return };
                let current =
                    self.current.get_or_insert_with(|| Current::dialing(core, peer, CallMedia::Video, core.our_address(peer)));
                current.call = Some(call);
                current.role = role;
                current.session = Some(Session::gather(core, (call, peer), role, secrets, current));
            }
            // The call that takes its place gathers next, and brings its own id.
            Output::Superseded { .. } => {}
            Output::MissedCall { peer } => {
                // A ring that nobody answered is about to end; a call that found us busy brings no more than its name.
                let rung = self.current.as_ref().filter(|current| current.peer == peer).map(|current| current.media);
                missed(core, peer, rung.unwrap_or(CallMedia::Video));
            }
            Output::Event(event) => self.event(core, event, now),
            Output::Ended { peer, reason, .. } => self.ended(core, peer, reason, now),
            output => self.perform_in_session(core, output, now),
        }
    }

    fn perform_in_session(&mut self, core: &mut Core, output: Output, now: Instant) {
        let Some(current) = &mut self.current else { return };
        let Some(session) = &mut current.session else { return };
        match output {
            Output::Connect { path, remote, candidates, .. } => session.paths().connect(path, remote, candidates),
            Output::AddCandidates { candidates, .. } => session.paths().add_candidates(candidates),
            Output::Regather { path, .. } => {
                let secrets = LocalSecrets::generate();
                let description = secrets.description(CODECS.to_vec());
                session.regather(core, path, secrets, description);
            }
            Output::Abandon { path, .. } => session.abandon(path),
            Output::Secure { keys, token, .. } => {
                current.words = Some(keys.words);
                session.secure(keys, token, current.switches, core, now);
            }
            Output::StartMedia { .. } => {
                session.start_media();
                session.peer_sends(current.remote);
                current.figures_begin(core);
                self.next_meter = core.screens.waker.is_some().then_some(now + METER);
            }
            Output::SendControl { control, copies, .. } => self.say(core, &control, copies, now),
            Output::Heartbeat { .. } => {
                if let Some(heartbeat) = session.heartbeat(now) {
                    self.say(core, &heartbeat, 1, now);
                }
            }
            _ => {}
        }
    }

    pub(super) fn switches_input(&self) -> Input {
        self.current.as_ref().map(|current| current.switches).unwrap_or_default().into()
    }

    fn ring(&mut self, core: &mut Core, peer: PublicKey, call: CallId, media: MediaKind, now: Instant) {
        let media = if media.video { CallMedia::Video } else { CallMedia::Audio };
        self.farewell = None;
        self.current = Some(Current::incoming(core, peer, call, media));
        core.notices.tell(What::Incoming { peer, name: core.petname(peer), media });
        if core.options.auto_accept.accepts(peer, &core.people.contacts) {
            self.accept(core, media, core.our_address(peer), now);
        }
    }

    fn event(&mut self, core: &mut Core, event: CallEvent, now: Instant) {
        let Some(current) = &mut self.current else { return };
        match event {
            CallEvent::RingingThere { peer } => {
                current.rings_there(core);
                core.notices.tell(What::Ringing { peer });
            }
            CallEvent::Accepted { peer, role, .. } => {
                current.accepted(role);
                core.notices.tell(What::Accepted { peer });
            }
            CallEvent::Connected { peer } => {
                current.connected(core, now);
                self.next_second = Some(now + SECOND);
                let words = current.words.map(|words| words.map(|(_, name)| name)).unwrap_or_default();
                core.notices.tell(What::Connected { peer, words });
            }
            CallEvent::Reconnecting { .. } => {
                current.stage = CallStage::Reconnecting { since: current.times.connected.unwrap_or_else(MediaTime::now) };
                core.notices.tell(What::Reconnecting);
            }
            CallEvent::Reconnected { .. } => {
                current.stage = CallStage::Active { since: current.times.connected.unwrap_or_else(MediaTime::now) };
                core.notices.tell(What::Reconnected);
            }
            CallEvent::RemoteMedia { media, .. } => {
                if current.remote.microphone != media.microphone {
                    core.notices.tell(What::Muted { remote: true, muted: !media.microphone });
                }
                if current.remote.camera != media.camera {
                    core.notices.tell(What::Camera { remote: true, on: media.camera });
                }
                current.remote = Switches { microphone: media.microphone, camera: media.camera };
                if let Some(session) = &current.session {
                    session.peer_sends(current.remote);
                }
            }
        }
    }

    fn ended(&mut self, core: &mut Core, peer: PublicKey, reason: EndReason, now: Instant) {
        let Some(mut current) = self.current.take() else { return };
        self.secrets.clear();
        (self.next_second, self.next_meter) = (None, None);
        match reason {
            EndReason::PeerDeclined => core.notices.tell(What::Declined { peer }),
            EndReason::Busy => core.notices.tell(What::Busy { peer }),
            EndReason::NoAnswer => core.notices.tell(What::Missed { peer }),
            _ => {}
        }
        let lasted = current.times.connected.map(|since| MediaTime::now().since(since));
        // Whoever was not asked in, or was turned away, takes nobody's window.
        let only_rang = current.stage == CallStage::Incoming;
        current.stage = CallStage::Ended { result: reason.sentence().to_owned(), lasted };
        core.notices.tell(What::Report(Box::new(current.report(reason))));
        remember(core, &current, reason);
        if let (Some(call), false) = (current.entry(reason), current.echo) {
            core.note_call(peer, call);
        }
        self.farewell = (!only_rang).then(|| (current.view(core), now + FAREWELL));
        let echo = current.echo;
        self.closing = current.close();
        if echo {
            core.network.stop_echo_soon(now);
        }
    }
}

/// Notes on the contact what became of the call.
fn remember(core: &mut Core, current: &Current, reason: EndReason) {
    let line = current.line(reason);
    let suite = current.suite();
    let note = |contact: &mut crate::contacts::Contact| {
        contact.last = Some((line, unix_seconds()));
        contact.lowest_suite = contact.lowest_suite.max(suite);
        if current.times.connected.is_some() {
            contact.missed_calls = 0;
        }
    };
    if !current.echo
        && core.people.accepted(current.peer).is_some()
        && let Err(error) = core.people.change(current.peer, note)
    {
        core.notices.error(&error);
    }
}

fn missed(core: &mut Core, peer: PublicKey, media: CallMedia) {
    let video = media == CallMedia::Video;
    core.note_call(peer, Call { outgoing: false, video, outcome: Outcome::Missed, seconds: 0 });
    core.notices.tell(What::Missed { peer });
    if let Err(error) = core.people.change(peer, |contact| contact.missed_calls = contact.missed_calls.saturating_add(1)) {
        core.notices.error(&error);
    }
}
