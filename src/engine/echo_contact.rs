//! Echo, the built-in contact: a second engine with keys of its own, over real sockets on the loopback interface.
//!
//! It sends back the picture that it decoded and, a second later, the sound. It is made anew at each start, knows one
//! contact, is found by no discovery and no relay, and takes no way past the stack that a real contact would not take.

use anyhow::{Context, Result};
use tokio::sync::mpsc;

use super::Engine;
use super::core::unix_seconds;
use super::network::Network;
use super::options::{AutoAccept, MediaOptions, Options};
use super::people::People;
use crate::contacts::{Contact, PairSecret};
use crate::identity::{Identity, PublicKey};
use crate::signal::link::{Link, LinkConfig, LinkEvent, LinkPeer};

/// Echo as the person's engine sees it. Its engine runs only while it is called.
pub struct EchoContact {
    identity: Identity,
    secret: PairSecret,
    running: Option<Running>,
}

struct Running {
    /// Our end of the link to Echo, apart from the one that real contacts use.
    link: Link,
    events: mpsc::Receiver<LinkEvent>,
    _echo: Engine,
}

impl EchoContact {
    /// A new Echo with a new key.
    pub fn new() -> Self {
        Self { identity: Identity::generate(), secret: PairSecret::generate(), running: None }
    }

    pub fn key(&self) -> PublicKey {
        self.identity.public()
    }

    /// Starts Echo's engine for the profile of `me`, unless it runs.
    pub async fn start(&mut self, me: &Identity) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let copy = |identity: &Identity| Identity::from_secret(&identity.secret());
        let person = LinkPeer::new(me.public(), self.secret.clone(), Vec::new());
        let (echo_link, echo_events) =
            Link::start(config(copy(&self.identity), person)).await.context("Echo could not open its socket")?;
        let echo = LinkPeer::new(self.key(), self.secret.clone(), echo_link.hints());
        let (link, events) = Link::start(config(copy(me), echo)).await.context("the socket to Echo could not be opened")?;
        let contact = Contact::new(me.public(), None, "me", self.secret.clone(), Vec::new(), unix_seconds());
        let options = Options {
            auto_accept: AutoAccept::AllContacts,
            media: MediaOptions { mirror: true, ..MediaOptions::default() },
            ..Options::default()
        };
        let people = People::echo(copy(&self.identity), contact);
        let echo = Engine::start_for(people, Network::for_echo(echo_link, echo_events), options);
        self.running = Some(Running { link, events, _echo: echo });
        Ok(())
    }

    /// Ends Echo's engine: it costs nothing while nobody calls it.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Our link to it, while it runs.
    pub fn link(&self) -> Option<&Link> {
        self.running.as_ref().map(|running| &running.link)
    }

    /// What comes over that link; waits forever while Echo does not run.
    pub async fn event(&mut self) -> LinkEvent {
        if let Some(running) = &mut self.running
            && let Some(event) = running.events.recv().await
        {
            return event;
        }
        std::future::pending().await
    }
}

fn config(identity: Identity, peer: LinkPeer) -> LinkConfig {
    LinkConfig { loopback_only: true, peers: vec![peer], ..LinkConfig::new(identity) }
}
