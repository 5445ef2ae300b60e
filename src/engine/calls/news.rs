//! What the link, the tasks of a call and the network tell of a call.

use std::time::Instant;

use super::Calls;
use crate::call::Input;
use crate::engine::core::Core;
use crate::engine::event::What;
use crate::engine::sentences;
use crate::engine::session::SessionEvent;
use crate::engine::snapshot::NoticeKind;
use crate::identity::PublicKey;
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;
use crate::signal::message::{CallId, Message};
use crate::transport::PeerEvent;

impl Calls {
    /// A message of the link from a contact.
    pub fn message(&mut self, core: &mut Core, peer: PublicKey, message: Message, now: Instant) {
        let Message::Control(item) = message else { return self.feed(core, Input::Message { peer, message }, now) };
        if self.current.as_ref().is_some_and(|current| current.peer == peer) {
            self.control(core, &item, now);
        }
    }

    /// News from the tasks of a call. News of a call that is over is dropped.
    pub fn session_event(&mut self, core: &mut Core, event: SessionEvent, now: Instant) {
        if self.current.as_ref().is_none_or(|current| current.call != Some(event.call())) {
            return;
        }
        match event {
            SessionEvent::Gathered { call, path: 0, gathered: Ok(candidates) } => {
                self.feed(core, Input::Gathered { call, candidates }, now);
            }
            SessionEvent::Gathered { call, path: 0, gathered: Err(error) } if self.rides_link() => {
                tracing::info!("no socket for the call, so it stays on the link: {error}");
                self.feed(core, Input::Gathered { call, candidates: Vec::new() }, now);
            }
            SessionEvent::Gathered { call, path: path @ 0, gathered: Err(error) } => {
                core.notices.say(NoticeKind::Error, &sentences::no_socket(&error));
                self.feed(core, Input::TransportFailed { call, path }, now);
            }
            SessionEvent::Gathered { call, path, gathered } => {
                let session = self.current.as_mut().and_then(|current| current.session.as_mut());
                let Some(description) = session.and_then(|session| session.take_description(path)) else { return };
                let reach = gathered.inspect_err(|why| tracing::info!("no other path for now: {why}")).ok();
                let reach = reach.map(|candidates| (description, candidates));
                self.feed(core, Input::Regathered { call, path, reach }, now);
            }
            SessionEvent::Transport { call, path, event } => self.transport_event(core, (call, path), event, now),
            SessionEvent::Ride { event, .. } => {
                if let Some(session) = self.current.as_mut().and_then(|current| current.session.as_mut()) {
                    session.transport_event(None, &event);
                }
            }
            SessionEvent::Media { event, .. } => self.media_event(core, event, now),
        }
    }

    fn transport_event(&mut self, core: &mut Core, (call, path): (CallId, u32), event: PeerEvent, now: Instant) {
        let Some(session) = self.current.as_mut().and_then(|current| current.session.as_mut()) else { return };
        // The last words of a path that was given up.
        if !session.paths().has(path) && !matches!(event, PeerEvent::Control(_)) {
            return;
        }
        match event {
            PeerEvent::Connected { .. } => {
                session.path_connected(path, now);
                self.feed(core, Input::TransportConnected { call, path }, now);
            }
            PeerEvent::Disconnected => {
                session.path_disconnected(path);
                self.feed(core, Input::TransportDisconnected { call, path }, now);
            }
            // The link has taken over already, unless this is the other side's goodbye.
            PeerEvent::Failed(why) => {
                tracing::info!("a connection of the call failed: {why}");
                self.feed(core, Input::TransportFailed { call, path }, now);
            }
            PeerEvent::Control(item) => self.control(core, &item, now),
            event => session.transport_event(Some(path), &event),
        }
    }

    fn media_event(&mut self, core: &mut Core, event: MediaEvent, now: Instant) {
        // Whoever is seen or heard has the keys, and the call stands, whichever path that came by and before any connection does.
        if let (MediaEvent::FirstVideo | MediaEvent::FirstAudio, Some(call)) =
            (&event, self.current.as_ref().and_then(|current| current.call))
        {
            self.feed(core, Input::Heard { call }, now);
        }
        let Some(current) = &mut self.current else { return };
        match &event {
            MediaEvent::FirstVideo => {
                current.times.first_video = Some(MediaTime::now());
                core.notices.tell(What::FirstVideo);
            }
            MediaEvent::FirstAudio => {
                current.times.first_audio = Some(MediaTime::now());
                core.notices.tell(What::FirstAudio);
            }
            _ => {}
        }
        core.notices.media(event);
    }

    /// An item of the control stream, from whichever carrier brought it first.
    fn control(&mut self, core: &mut Core, item: &[u8], now: Instant) {
        let Some(current) = &mut self.current else { return };
        let (Some(call), Some(session)) = (current.call, &mut current.session) else { return };
        if let Some(control) = session.open_control(item, now) {
            if let Some(answer) = session.rekey(Some(&control), now) {
                self.say(core, &answer, 1, now);
            }
            self.feed(core, Input::Control { call, control }, now);
        }
    }

    /// Whether the call can do without a connection of its own.
    fn rides_link(&self) -> bool {
        let session = self.current.as_ref().and_then(|current| current.session.as_ref());
        session.is_some_and(|session| session.paths().has_link())
    }

    pub fn link_up(&mut self, core: &mut Core, peer: PublicKey, now: Instant) {
        if self.current.is_none()
            && let Some((_, item, _)) = self.goodbye.as_ref().filter(|(of, _, until)| *of == peer && now < *until)
        {
            core.network.send(peer, Message::Control(item.clone()));
        }
        self.feed(core, Input::LinkUp { peer }, now);
    }

    pub fn unreachable(&mut self, core: &mut Core, peer: PublicKey, now: Instant) {
        self.feed(core, Input::Unreachable { peer }, now);
    }

    /// Our addresses changed: a call moves over to those there are now.
    pub fn network_changed(&mut self, core: &mut Core, now: Instant) {
        if let Some(current) = self.current.as_ref().filter(|current| !current.echo && current.times.connected.is_some()) {
            core.network.redial(current.peer);
            self.feed(core, Input::NetworkChanged, now);
        }
    }
}
