//! The engine's way to contacts: the link, the second link to Echo, and the knocks that are tried again.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::sync::mpsc;

use super::calls::Calls;
use super::core::{Core, unix_seconds};
use super::echo_contact::EchoContact;
use super::event::What;
use super::options::Options;
use super::people::{Effect, Knock, KnockReply, People};
use super::snapshot::{self, NoticeKind};
use crate::contacts::{Contact, ContactState, MAX_OPEN_INVITATIONS, OpenInvitation};
use crate::identity::{Identity, PublicKey, random};
use crate::settings::{LinkMode, Reach, Settings};
use crate::signal::knock::{KnockAnswer, KnockOutcome, KnockRequest, Knocked};
use crate::signal::link::{self, Link, LinkConfig, LinkEvent, LinkPeer};
use crate::signal::message::Message;

/// Echo's engine ends so long after its call, when the last words are out.
const ECHO_LINGERS: Duration = Duration::from_secs(1);
/// How often invitations are looked at for having expired, and the profile's own requests.
const EXPIRY: Duration = Duration::from_secs(60);

/// Links, and what is known of who is there.
pub struct Network {
    link: Option<(Link, mpsc::Receiver<LinkEvent>)>,
    echo: Option<EchoContact>,
    status: String,
    online: HashSet<PublicKey>,
    knocks: HashMap<PublicKey, Patience>,
    next_expiry: Instant,
    echo_ends: Option<Instant>,
    /// The invitation that the window shows, by its knock id.
    pub shown_invitation: Option<PublicKey>,
}

/// When to knock again: every 5 s in the first two minutes, then ever less often, up to 5 minutes.
struct Patience {
    next: Option<Instant>,
    tries: u32,
    unreachable: bool,
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
            status: String::new(),
            online: HashSet::new(),
            knocks: HashMap::new(),
            next_expiry: Instant::now() + EXPIRY,
            echo_ends: None,
            shown_invitation: None,
        }
    }

    /// Opens the link anew, as after a change of the settings.
    async fn open(&mut self, people: &People, options: &Options) {
        if let Some((link, _)) = self.link.take() {
            link.close().await;
        }
        self.online.clear();
        let now = Instant::now();
        for sent in &people.sent {
            self.knocks.insert(sent.invitation.knock_id, Patience { next: Some(now), tries: 0, unreachable: false });
        }
        let (mode, relay, public) = way(&people.settings, options);
        let mut config = LinkConfig::new(Identity::from_secret(&people.identity.secret()));
        config.mode = if mode == LinkMode::Direct { link::LinkMode::Direct } else { link::LinkMode::RelayOnly };
        config.relay = relay.clone();
        config.public_relays = public;
        config.lan_discovery = people.settings.lan_discovery;
        config.bind = options.network.bind;
        config.peers = people.contacts.iter().filter_map(peer).collect();
        match Link::start(config).await {
            Ok((link, events)) => {
                for open in &people.invitations {
                    link.open_invitation(open.clone());
                }
                self.link = Some((link, events));
                self.status = match (relay, public) {
                    (Some(_), _) => "Reachable through your relay".into(),
                    (None, true) => "Reachable through the public relays".into(),
                    (None, false) => "Reachable on this network".into(),
                };
            }
            Err(error) => {
                tracing::warn!("the link could not be opened: {error}");
                self.status = format!("Offline: {error}");
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

    /// When knocks, expiry or the end of Echo are due.
    pub fn deadline(&self) -> Option<Instant> {
        let knocks = self.knocks.values().filter_map(|patience| patience.next);
        knocks.chain(self.echo_ends).chain([self.next_expiry]).min()
    }

    pub fn dial(&self, peer: PublicKey) {
        if let Some(link) = self.link_to(peer) {
            link.dial(peer);
        }
    }

    /// Sends over the link, if it is up; nothing is kept for later.
    pub fn send(&self, peer: PublicKey, message: Message) {
        if let Some(link) = self.link_to(peer) {
            link.send(peer, message);
        }
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

    /// Whether the last knock with this invitation found nobody.
    pub fn cannot_reach(&self, knock_id: PublicKey) -> bool {
        self.knocks.get(&knock_id).is_some_and(|patience| patience.unreachable)
    }

    pub fn view(&self) -> snapshot::Network {
        snapshot::Network { online: self.link.is_some(), status: self.status.clone() }
    }

    pub async fn close(&mut self) {
        if let Some(echo) = &mut self.echo {
            echo.stop();
        }
        if let Some((link, _)) = self.link.take() {
            link.close().await;
        }
    }

    fn link(&self) -> Option<&Link> {
        self.link.as_ref().map(|(link, _)| link)
    }

    fn link_to(&self, peer: PublicKey) -> Option<&Link> {
        match &self.echo {
            Some(echo) if echo.key() == peer => echo.link(),
            _ => self.link(),
        }
    }
}

impl Core {
    /// What a link tells.
    pub(super) async fn link_event(&mut self, event: LinkEvent, calls: &mut Calls, now: Instant) {
        match event {
            LinkEvent::Up { peer, .. } => {
                self.network.online.insert(peer);
                calls.link_up(self, peer, now);
            }
            LinkEvent::Down { peer } => {
                self.network.online.remove(&peer);
            }
            LinkEvent::Unreachable { peer, why } => {
                tracing::info!("a contact could not be reached: {why}");
                calls.unreachable(self, peer, now);
            }
            LinkEvent::Message { peer, message, .. } => {
                if self.network.is_echo(peer) || self.people.accepted(peer).is_some() {
                    calls.message(self, peer, message, now);
                }
            }
            LinkEvent::PeerHints { peer, hints } => {
                if self.people.accepted(peer).is_some_and(|contact| contact.hints != hints) {
                    let changed = self.people.change(peer, |contact| contact.hints = hints);
                    self.told(changed.map(|()| vec![Effect::Admit(peer)]));
                }
            }
            LinkEvent::Knocked(knocked) => self.knocked(knocked),
            LinkEvent::KnockDone { invitation, knocker } => {
                let effects = self.people.welcomed(invitation, knocker);
                self.told(effects);
            }
            LinkEvent::KnockAnswered { invitation, outcome } => self.knock_answered(invitation, outcome, now),
            LinkEvent::NoDiscovery { why } => tracing::info!("computers on this network cannot be discovered: {why}"),
            LinkEvent::Malformed { peer } => tracing::info!("{peer:?} sent bytes that are no message"),
            LinkEvent::HintsChanged(_) => {}
        }
    }

    /// Makes an invitation and serves it.
    pub(super) async fn invite(&mut self, seconds: u64) -> Result<OpenInvitation> {
        if self.people.invitations.len() >= MAX_OPEN_INVITATIONS {
            bail!("{MAX_OPEN_INVITATIONS} invitations are open already; wait until one is used or expires");
        }
        let Some(link) = self.network.link() else { bail!("this computer is offline; connect it, then make an invitation") };
        let now = unix_seconds();
        let label = format!("no. {}", self.people.invitations.len() + 1);
        let mut open = OpenInvitation::new(&self.people.name, Vec::new(), &label, true, now, now.saturating_add(seconds));
        open.invitation.hints = link.invitation_hints(&open.knock_identity());
        link.open_invitation(open.clone());
        self.people.invited(open.clone())?;
        self.network.shown_invitation = Some(open.invitation.knock_id);
        let (text, expires) = (open.invitation.encode(), u64::from(open.invitation.expires));
        self.notices.tell(What::Invitation { text, expires });
        Ok(open)
    }

    /// Serves the settings from now on.
    pub(super) async fn change_settings(&mut self, settings: Settings, calls: &mut Calls) {
        let before = self.people.settings.clone();
        if let Err(error) = self.people.set_settings(settings) {
            return self.notices.error(&error);
        }
        let after = &self.people.settings;
        if (&before.reach, before.link_mode, before.lan_discovery) != (&after.reach, after.link_mode, after.lan_discovery) {
            self.network.open(&self.people, &self.options).await;
        }
        calls.settings_changed(self, &before);
    }

    /// Knocks whose time has come, and what has expired.
    pub(super) fn network_due(&mut self, now: Instant) {
        let due: Vec<PublicKey> =
            self.network.knocks.iter().filter(|(_, p)| p.next.is_some_and(|next| next <= now)).map(|(id, _)| *id).collect();
        for knock_id in due {
            self.knock(knock_id);
        }
        if self.network.echo_ends.take_if(|ends| *ends <= now).is_some()
            && let Some(echo) = &mut self.network.echo
        {
            self.network.online.remove(&echo.key());
            echo.stop();
        }
        if self.network.next_expiry <= now {
            self.network.next_expiry = now + EXPIRY;
            let effects = self.people.expire(unix_seconds());
            self.told(effects);
        }
    }

    /// Carries out what a change of people asks for.
    pub(super) fn told(&mut self, effects: Result<Vec<Effect>>) {
        match effects {
            Ok(effects) => effects.into_iter().for_each(|effect| self.perform(effect)),
            Err(error) => self.notices.error(&error),
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Admit(key) => {
                if let (Some(link), Some(peer)) = (self.network.link(), self.people.accepted(key).and_then(peer)) {
                    link.set_peer(peer);
                }
            }
            Effect::Shut(key) => {
                self.network.online.remove(&key);
                if let Some(link) = self.network.link() {
                    link.remove_peer(key);
                }
            }
            Effect::Unserve(knock_id) => {
                self.network.shown_invitation.take_if(|shown| *shown == knock_id);
                if let Some(link) = self.network.link() {
                    link.close_invitation(knock_id);
                }
            }
            Effect::Knock(knock_id) => {
                self.network.knocks.insert(knock_id, Patience { next: None, tries: 0, unreachable: false });
                self.knock(knock_id);
            }
            Effect::Tell(what) => {
                if let What::Warning { text } | What::RequestFailed { text } = &what {
                    self.notices.show(NoticeKind::Warning, text.clone());
                }
                self.notices.tell(what);
            }
        }
    }

    fn knock(&mut self, knock_id: PublicKey) {
        let sent = self.people.sent.iter().find(|sent| sent.invitation.knock_id == knock_id);
        let (Some(sent), Some(link)) = (sent, self.network.link()) else {
            self.network.knocks.remove(&knock_id);
            return;
        };
        link.knock(KnockRequest {
            invitation: sent.invitation.clone(),
            name: self.people.name.clone(),
            hints: link.hints(),
            approve_relay: true,
        });
        if let Some(patience) = self.network.knocks.get_mut(&knock_id) {
            patience.next = None;
        }
    }

    fn knock_answered(&mut self, knock_id: PublicKey, outcome: KnockOutcome, now: Instant) {
        let unreachable = matches!(outcome, KnockOutcome::Unreachable { .. });
        let effects = match outcome {
            KnockOutcome::Ok { key, name, hints, pair_secret, confirm } => {
                let kept = self.people.welcome(knock_id, key, &name, hints, pair_secret, unix_seconds());
                // Said only when the contact is on disk: otherwise the answer is asked for again.
                if kept.is_ok() {
                    confirm.done();
                }
                kept
            }
            KnockOutcome::Gone | KnockOutcome::Refused => self.people.gone(knock_id),
            KnockOutcome::Pending => self.people.waiting(knock_id).map(|()| Vec::new()),
            KnockOutcome::Unreachable { .. } => Ok(Vec::new()),
        };
        let open = self.people.sent.iter().any(|sent| sent.invitation.knock_id == knock_id);
        match self.network.knocks.get_mut(&knock_id) {
            Some(patience) if open => patience.again(now, unreachable),
            _ => drop(self.network.knocks.remove(&knock_id)),
        }
        self.told(effects);
    }

    fn knocked(&mut self, knocked: Knocked) {
        let Knocked { invitation: knock_id, knocker: key, name, hints, k1, reply } = knocked;
        match self.people.knocked(Knock { knock_id, key, name, hints, k1 }, unix_seconds()) {
            Ok((answer, effects)) => {
                let hints = self.network.link().map(Link::hints).unwrap_or_default();
                reply.send(match answer {
                    KnockReply::Pending => KnockAnswer::Pending,
                    KnockReply::Gone => KnockAnswer::Gone,
                    KnockReply::Welcome(pair_secret) => KnockAnswer::Ok { name: self.people.name.clone(), hints, pair_secret },
                });
                self.told(Ok(effects));
            }
            // Not kept, so not answered: they knock again.
            Err(error) => self.notices.error(&error),
        }
    }
}

impl Patience {
    fn again(&mut self, now: Instant, unreachable: bool) {
        self.tries += 1;
        self.unreachable = unreachable;
        let seconds = match self.tries {
            0..24 => 5,
            tries => 10_u64 << (tries - 24).min(5),
        };
        // A fifth of jitter, so that many who start together do not knock together.
        let jitter = u64::from(u16::from_be_bytes(random())) * seconds * 200 / 65_536;
        self.next = Some(now + Duration::from_millis(seconds.min(300) * 1000 + jitter));
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
fn peer(contact: &Contact) -> Option<LinkPeer> {
    let secret = contact.pair_secret.clone().filter(|_| contact.state == ContactState::Accepted)?;
    Some(LinkPeer::new(contact.key, secret, contact.hints.clone()))
}
