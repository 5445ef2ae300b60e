//! The engine's way to contacts: the link, and a second one to Echo.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::mpsc;

use super::echo_contact::EchoContact;
use super::knocks::Knocks;
use super::options::Options;
use super::people::People;
use super::reach::Standing;
use super::snapshot::{self, Way};
use crate::contacts::{Contact, ContactState};
use crate::identity::{Identity, PublicKey};
use crate::settings::{LinkMode, Reach, Settings};
use crate::signal::link::{self, Datagrams, Link, LinkConfig, LinkEvent, LinkPeer, Tag};
use crate::signal::message::Message;

/// Echo's engine ends so long after its call, when the last words are out.
const ECHO_LINGERS: Duration = Duration::from_secs(1);
/// A relay that comes and goes is no reason to look around more often than this.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often it is looked who has come online, and what has expired.
const ROUND: Duration = Duration::from_secs(60);

/// Links, and what is known of who is there.
pub struct Network {
    link: Option<(Link, mpsc::Receiver<LinkEvent>)>,
    echo: Option<EchoContact>,
    /// Why there is no link.
    closed: Option<String>,
    online: HashSet<PublicKey>,
    next_round: Instant,
    /// How others can reach us, and when contacts were last looked for because of that.
    standing: Standing,
    looked: Option<Instant>,
    echo_ends: Option<Instant>,
    pub knocks: Knocks,
    /// The settings ask for another link, which is opened when no call is in the way.
    pub outdated: bool,
    direct: bool,
    lan: bool,
    /// The relay of the settings, and whether the public ones are used.
    relays: (Option<String>, bool),
}

impl Network {
    /// Opens the link that `people` and `options` ask for. One that cannot be opened is said in words; Echo works anyway.
    pub async fn for_person(people: &People, options: &Options) -> Self {
        let mut network = Self::new(Some(EchoContact::new()));
        network.open(people, options).await;
        network
    }

    /// Echo's own, which is open already and leads to one contact.
    pub fn for_echo(link: Link, events: mpsc::Receiver<LinkEvent>) -> Self {
        Self { link: Some((link, events)), ..Self::new(None) }
    }

    fn new(echo: Option<EchoContact>) -> Self {
        Self {
            link: None,
            echo,
            closed: None,
            online: HashSet::new(),
            next_round: Instant::now() + ROUND,
            standing: Standing::new(Way::ThisNetwork, true, None),
            looked: None,
            echo_ends: None,
            knocks: Knocks::default(),
            outdated: false,
            direct: true,
            lan: false,
            relays: (None, false),
        }
    }

    /// Opens the link anew, as after a change of the settings.
    pub async fn open(&mut self, people: &People, options: &Options) {
        if let Some((link, _)) = self.link.take() {
            link.close().await;
        }
        self.online.clear();
        let now = Instant::now();
        people.sent.iter().for_each(|sent| self.knocks.begin(sent.invitation.knock_id, now));
        let (mode, relay, public) = way(&people.settings, options);
        self.outdated = false;
        self.direct = mode == LinkMode::Direct;
        let mut config = LinkConfig::new(Identity::from_secret(&people.identity.secret()));
        config.mode = if mode == LinkMode::Direct { link::LinkMode::Direct } else { link::LinkMode::RelayOnly };
        config.relay = relay.clone();
        config.public_relays = public;
        self.relays = (relay.clone(), public);
        let way = match &self.relays {
            (Some(_), _) => Way::OwnRelay,
            (None, true) => Way::PublicRelays,
            (None, false) => Way::ThisNetwork,
        };
        self.standing = Standing::new(way, self.direct, options.network.bind);
        config.lan_discovery = people.settings.lan_discovery || options.network.lan;
        self.lan = config.lan_discovery;
        config.bind = options.network.bind;
        config.peers = people.contacts.iter().filter_map(peer).collect();
        match Link::start(config).await {
            Ok((link, events)) => {
                for open in &people.invitations {
                    link.open_invitation(open.clone());
                }
                self.link = Some((link, events));
                self.look_for(people, options);
                self.closed = None;
            }
            Err(error) => {
                tracing::warn!("the link could not be opened: {error}");
                self.closed = Some(error.to_string());
            }
        }
    }

    /// The next thing that a link tells.
    pub async fn event(&mut self) -> LinkEvent {
        let link = async {
            if let Some((_, events)) = &mut self.link
                && let Some(event) = events.recv().await
            {
                return event;
            }
            std::future::pending().await
        };
        let echo = async {
            match &mut self.echo {
                Some(echo) => echo.event().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! { event = link => event, event = echo => event }
    }

    /// When knocks, expiry, the end of Echo or the loss of a relay are due.
    pub fn deadline(&self) -> Option<Instant> {
        [self.knocks.deadline(), self.echo_ends, self.standing.deadline(), Some(self.next_round)].into_iter().flatten().min()
    }

    pub fn dial(&self, peer: PublicKey) {
        if let Some(link) = self.link_to(peer) {
            link.dial(peer);
        }
    }

    /// Dials although there is a connection: it may lead over an address that is gone.
    pub fn redial(&self, peer: PublicKey) {
        if let Some(link) = self.link_to(peer) {
            link.redial(peer);
        }
    }

    /// Sends over the link, if it is up; nothing is kept for later.
    pub fn send(&self, peer: PublicKey, message: Message) {
        if let Some(link) = self.link_to(peer) {
            link.send(peer, message);
        }
    }

    /// The datagrams of a call with `peer`, on the link that there is to them.
    pub fn datagrams(&self, peer: PublicKey, tag: Tag) -> Option<Datagrams> {
        self.link_to(peer).map(|link| link.datagrams(peer, tag))
    }

    /// Whether contacts may learn this computer's address.
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// Whether computers on this network are found by their key.
    pub fn finds_on_lan(&self) -> bool {
        self.lan
    }

    /// The relay that the settings or the command line name.
    pub fn own_relay(&self) -> Option<&str> {
        self.relays.0.as_deref()
    }

    /// Whether a relay is one that the settings name, which no contact's word is needed for.
    pub fn uses_relay(&self, url: &str) -> bool {
        let (own, public) = &self.relays;
        own.as_deref().is_some_and(|own| link::same_relay(own, url)) || (*public && link::is_public_relay(url))
    }

    pub fn is_echo(&self, key: PublicKey) -> bool {
        self.echo_key() == Some(key)
    }

    pub fn echo_key(&self) -> Option<PublicKey> {
        self.echo.as_ref().map(EchoContact::key)
    }

    pub async fn start_echo(&mut self, people: &People) -> Result<()> {
        self.echo_ends = None;
        match &mut self.echo {
            Some(echo) => echo.start(&people.identity).await,
            None => bail!("Echo cannot call itself"),
        }
    }

    pub fn stop_echo_soon(&mut self, now: Instant) {
        self.echo_ends = Some(now + ECHO_LINGERS);
    }

    /// Whether a link to this contact is up.
    pub fn online(&self, key: PublicKey) -> bool {
        self.online.contains(&key)
    }

    /// A link is up, or gone.
    pub fn set_online(&mut self, key: PublicKey, online: bool) {
        if online {
            self.online.insert(key);
        } else {
            self.online.remove(&key);
        }
    }

    /// Whether it is time to look around again; from then on it is not, for a while.
    pub fn take_round(&mut self, now: Instant) -> bool {
        let due = self.next_round <= now;
        if due {
            self.next_round = now + ROUND;
        }
        due
    }

    /// Takes how others can reach this computer now. True if that got better, so that it is worth looking for who is missing.
    pub fn reach_changed(&mut self, now: Instant) -> bool {
        // Not what an event says: it may be of the link to Echo, or of a moment ago.
        let Some(reach) = self.link().map(Link::reachability) else { return false };
        let better = self.standing.hear(reach, now);
        let again = self.looked.is_none_or(|looked| now.saturating_duration_since(looked) >= LOOK_AGAIN);
        if better && again {
            self.looked = Some(now);
        }
        better && again
    }

    /// Dials the contacts that are not online, if somebody is here to see them.
    pub fn look_for(&self, people: &People, options: &Options) {
        let Some(link) = self.link().filter(|_| options.stay_online) else { return };
        let missing =
            people.contacts.iter().filter(|contact| contact.state == ContactState::Accepted && !self.online(contact.key));
        missing.for_each(|contact| link.dial(contact.key));
    }

    /// Ends Echo's engine when its time has come.
    pub fn stop_echo_where_due(&mut self, now: Instant) {
        if self.echo_ends.take_if(|ends| *ends <= now).is_some()
            && let Some(echo) = &mut self.echo
        {
            self.online.remove(&echo.key());
            echo.stop();
        }
    }

    pub fn view(&self) -> snapshot::Network {
        let Some(link) = self.link() else {
            return self.closed.clone().map_or(snapshot::Network::Opening, snapshot::Network::Closed);
        };
        self.standing.told(link.reachability())
    }

    pub async fn close(&mut self) {
        if let Some(echo) = &mut self.echo {
            echo.stop();
        }
        if let Some((link, _)) = self.link.take() {
            link.close().await;
        }
    }

    /// The link to contacts, if this computer is online.
    pub fn link(&self) -> Option<&Link> {
        self.link.as_ref().map(|(link, _)| link)
    }

    fn link_to(&self, peer: PublicKey) -> Option<&Link> {
        match &self.echo {
            Some(echo) if echo.key() == peer => echo.link(),
            _ => self.link(),
        }
    }
}

/// The way that packets of the link take: what the command line says goes before what the settings say.
fn way(settings: &Settings, options: &Options) -> (LinkMode, Option<String>, bool) {
    let mode = options.network.mode.unwrap_or(settings.link_mode);
    match (&options.network.relay, &settings.reach) {
        (Some(url), _) | (None, Reach::OwnRelay(url)) => (mode, Some(url.clone()), false),
        (None, Reach::PublicRelays) => (mode, None, true),
        (None, Reach::ThisNetwork) => (mode, None, false),
    }
}

/// Somebody that the link lets in.
pub fn peer(contact: &Contact) -> Option<LinkPeer> {
    let secret = contact.pair_secret.clone().filter(|_| contact.state == ContactState::Accepted)?;
    let approved_relays = contact.approved_relays.clone();
    Some(LinkPeer { approved_relays, ..LinkPeer::new(contact.key, secret, contact.hints.clone()) })
}
