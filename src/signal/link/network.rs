//! What of the network this profile uses, and the endpoints that keep to it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use iroh::address_lookup::{AddrFilter, AddressLookup, EndpointData};
use iroh::endpoint::{
    AckFrequencyConfig, BindOpts, Incoming, PortmapperConfig, QuicTransportConfig, RelayStatus, VarInt, presets,
};
use iroh::{Endpoint, EndpointAddr, RelayMode, RelayUrl, SecretKey, TransportAddr};
use iroh_mdns_address_lookup::{DiscoveryEvent, MdnsAddressLookup};
use n0_future::StreamExt;

use super::datagrams::SEND_BUFFER;
use super::{LinkConfig, LinkError, LinkMode, Reachability, RelayState};
use crate::contacts::{Hint, MAX_HINTS};
use crate::identity::{Identity, PublicKey, hash};
use crate::signal::ticket::Ticket;

/// How often LAN discovery asks around: half of iroh's default traffic, and still there within two seconds.
const DISCOVERY_CADENCE: Duration = Duration::from_millis(1400);

/// What a connection sends before it knows the path, in bytes: a call's first picture goes in one round trip. It is paced, and by then
/// the path has carried the handshake of the call. Twice what QUIC suggests (RFC 9002 section 7.2), and less than a web page takes.
const FIRST_WINDOW: u64 = 30_000;
/// Every so many packets are acknowledged at once, and others after so long, but never later than a round trip: QUIC sees to that. A gap is
/// no reason to hurry, for on a full path there is one in every second packet.
const ACKNOWLEDGED: u32 = 10;
const ACKNOWLEDGED_AFTER: Duration = Duration::from_millis(1000);
const AT_A_GAP: u32 = 0;
/// How often a port that is taken is tried again, and after how long.
const AGAIN: u32 = 3;
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// The most ALPNs that are tried; who may dial offers two.
const MAX_ALPNS: usize = 4;

/// The settings that every endpoint of a profile shares.
#[derive(Debug, Clone)]
pub(in crate::signal) struct Network {
    /// The relays we use, and the only ones that a contact can make us use without approval.
    relays: Vec<RelayUrl>,
    pub mode: LinkMode,
    pub lan_discovery: bool,
    bind: Option<IpAddr>,
    pub loopback_only: bool,
}

/// How one endpoint differs from the others of the profile.
#[derive(Debug, Clone, Default)]
pub(in crate::signal) struct Purpose {
    pub alpns: Vec<Vec<u8>>,
    /// The UDP port to take if it is free, so that the last known address still holds after a restart.
    pub port: u16,
    /// Answer LAN discovery, and not only ask.
    pub advertise: bool,
    pub path: Paths,
}

/// Which paths an endpoint may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::signal) enum Paths {
    /// What the mode of the profile allows.
    #[default]
    ByMode,
    /// No relay.
    LanOnly,
    /// No packet to any address but this relay's.
    RelayOnly(RelayUrl),
}

/// An endpoint and what came with it.
pub(in crate::signal) struct Bound {
    pub endpoint: Endpoint,
    pub discovery: Option<MdnsAddressLookup>,
    /// LAN discovery was asked for and cannot work here: why.
    pub no_discovery: Option<String>,
}

impl Network {
    pub fn new(config: &LinkConfig) -> Result<Self, LinkError> {
        let mut relays = Vec::new();
        if !config.loopback_only {
            if let Some(url) = &config.relay {
                relays.push(url.parse().map_err(|_| LinkError::RelayUrl(url.clone()))?);
            }
            if config.public_relays {
                relays.extend(RelayMode::Default.relay_map().urls::<Vec<_>>());
            }
        }
        if config.mode == LinkMode::RelayOnly && relays.is_empty() && !config.loopback_only {
            return Err(LinkError::HiddenWithoutRelay);
        }
        let network = Self {
            relays,
            mode: config.mode,
            lan_discovery: config.lan_discovery && !config.loopback_only && config.mode == LinkMode::Direct,
            bind: config.bind,
            loopback_only: config.loopback_only,
        };
        // Through a relay we are reached whatever the address.
        match network.only_address() {
            Some(ip) if network.relays.is_empty() && !network.is_told(&SocketAddr::new(ip, 0)) => {
                Err(LinkError::BindToNobody(ip))
            }
            _ => Ok(network),
        }
    }

    /// The one address of ours that may be used, if one was asked for.
    pub fn only_address(&self) -> Option<IpAddr> {
        self.bind.filter(|ip| self.mode == LinkMode::Direct && !self.loopback_only && !ip.is_unspecified())
    }

    /// Whether packets may go to addresses of others at all.
    pub fn is_direct(&self) -> bool {
        self.loopback_only || self.mode == LinkMode::Direct
    }

    /// Opens an endpoint. It refuses nobody and admits nobody by itself: whoever accepts from it decides.
    pub async fn bind(&self, secret: &Identity, purpose: Purpose) -> Result<Bound, LinkError> {
        let mut tried = self.builder(secret, &purpose, purpose.port)?.bind().await;
        // A moment ago this was perhaps our own, and is not let go of yet; contacts know us by it.
        for _ in 0..AGAIN {
            if tried.is_ok() || purpose.port == 0 {
                break;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            tried = self.builder(secret, &purpose, purpose.port)?.bind().await;
        }
        if tried.is_err() && purpose.port != 0 {
            tried = self.builder(secret, &purpose, 0)?.bind().await;
        }
        let endpoint = tried.map_err(|error| match self.bind {
            Some(ip) => LinkError::BindTo(ip),
            None => LinkError::Bind(error.to_string()),
        })?;
        let (mut discovery, mut no_discovery) = (None, None);
        if self.lan_discovery && !matches!(purpose.path, Paths::RelayOnly(_)) {
            match discover(&endpoint, purpose.advertise) {
                Ok(found) => discovery = Some(found),
                Err(why) => no_discovery = Some(why),
            }
        }
        Ok(Bound { endpoint, discovery, no_discovery })
    }

    /// Tries LAN discovery once more, after the network changed; true if it works from now on.
    pub fn rediscover(&self, bound: &mut Bound) -> bool {
        if !self.lan_discovery || bound.discovery.is_some() {
            return false;
        }
        bound.discovery = discover(&bound.endpoint, true).ok();
        bound.discovery.is_some()
    }

    fn builder(&self, secret: &Identity, purpose: &Purpose, port: u16) -> Result<iroh::endpoint::Builder, LinkError> {
        let relays = match &purpose.path {
            Paths::ByMode => self.relays.clone(),
            Paths::LanOnly => Vec::new(),
            Paths::RelayOnly(url) => vec![url.clone()],
        };
        let direct = self.is_direct() && !matches!(purpose.path, Paths::RelayOnly(_));
        let port_mapper = if self.mode == LinkMode::Direct && direct && !relays.is_empty() {
            PortmapperConfig::default()
        } else {
            PortmapperConfig::Disabled
        };
        let relay_mode = if relays.is_empty() { RelayMode::Disabled } else { RelayMode::custom(relays) };
        let mut congestion = noq_proto::congestion::CubicConfig::default();
        congestion.initial_window(FIRST_WINDOW);
        // Where a call rides a narrow link, each acknowledgement that does not go along with something is sound that does not fit.
        let mut acknowledgements = AckFrequencyConfig::default();
        acknowledgements
            .ack_eliciting_threshold(VarInt::from_u32(ACKNOWLEDGED))
            .max_ack_delay(Some(ACKNOWLEDGED_AFTER))
            .reordering_threshold(VarInt::from_u32(AT_A_GAP));
        // One stream carries all messages; the rest is room for files.
        let transport = QuicTransportConfig::builder()
            .max_concurrent_uni_streams(VarInt::from_u32(0))
            .max_concurrent_bidi_streams(VarInt::from_u32(4))
            .datagram_send_buffer_size(SEND_BUFFER)
            .congestion_controller_factory(Arc::new(congestion))
            .ack_frequency_config(Some(acknowledgements))
            .build();
        let mut builder = Endpoint::builder(presets::Minimal)
            .secret_key(SecretKey::from_bytes(&secret.secret()))
            .alpns(purpose.alpns.clone())
            .relay_mode(relay_mode)
            .portmapper_config(port_mapper)
            .transport_config(transport)
            // No session is resumed: nothing is ever sent before the other side is proven anew.
            .max_tls_tickets(0)
            .clear_ip_transports();
        if direct {
            let bind = if self.loopback_only { Some(Ipv4Addr::LOCALHOST.into()) } else { self.bind };
            let addresses = match bind {
                Some(ip) => vec![(ip, true)],
                None => vec![(Ipv4Addr::UNSPECIFIED.into(), true), (Ipv6Addr::UNSPECIFIED.into(), false)],
            };
            for (ip, required) in addresses {
                let opts = BindOpts::default().set_is_required(required);
                let bound = builder.bind_addr_with_opts(SocketAddr::new(ip, port), opts);
                builder = bound.map_err(|error| LinkError::Bind(error.to_string()))?;
            }
        }
        #[cfg(test)]
        {
            // The relay of the tests signs its own certificate.
            builder = builder.ca_tls_config(iroh::tls::CaTlsConfig::insecure_skip_verify());
        }
        Ok(builder)
    }

    /// Where to dial `id`: of what it or the LAN said, that which this profile's settings allow.
    pub fn address(&self, id: &PublicKey, hints: &[Hint], approved_relays: &[String]) -> Option<EndpointAddr> {
        let addresses = hints.iter().filter_map(|hint| match hint {
            Hint::Relay(url) => self.relay(url, approved_relays).map(TransportAddr::Relay),
            Hint::Address(address) => self.may_dial(address).then_some(TransportAddr::Ip(*address)),
        });
        let address = EndpointAddr::from_parts(endpoint_id(id), addresses);
        (!address.is_empty()).then_some(address)
    }

    /// The relay that `url` names, if it is ours or approved. Any other would learn our address from a contact's word.
    pub fn relay(&self, url: &str, approved: &[String]) -> Option<RelayUrl> {
        let parsed: RelayUrl = url.parse().ok()?;
        let is_ours = self.relays.contains(&parsed);
        let is_approved = !self.loopback_only && approved.iter().any(|url| url.parse().is_ok_and(|url: RelayUrl| url == parsed));
        (is_ours || is_approved).then_some(parsed)
    }

    /// Whether a packet to `address` is one to another computer (or, for Echo, to this one) and allowed.
    fn may_dial(&self, address: &SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        self.is_direct() && ip.is_loopback() == self.loopback_only && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
    }

    /// What contacts are told of `address`: our relay first, then the addresses, none that only means something here.
    pub fn hints(&self, address: &EndpointAddr) -> Vec<Hint> {
        let relays = address.relay_urls().map(|url| Hint::Relay(url.to_string()));
        let direct = address.ip_addrs().filter(|address| self.is_told(address));
        relays.chain(direct.map(|address| Hint::Address(*address))).take(MAX_HINTS).collect()
    }

    /// Whether an address of ours means something to others.
    fn is_told(&self, address: &SocketAddr) -> bool {
        self.may_dial(address) && !is_link_local(address.ip())
    }

    /// How others can reach an endpoint with this `address` and these connections to `relays`, where `before` held until now: one
    /// that did not answer counts as that until it does, however often it is tried.
    pub fn reachability(&self, address: &EndpointAddr, relays: &[RelayStatus], before: Reachability) -> Reachability {
        let failed = |relay: &RelayStatus| relay.last_error().is_some();
        let relay = match (before.relay, relays) {
            _ if self.relays.is_empty() => None,
            (_, relays) if relays.iter().any(RelayStatus::is_connected) => Some(RelayState::Connected),
            (Some(RelayState::Connected | RelayState::Unreachable), _) => Some(RelayState::Unreachable),
            (_, relays) if relays.iter().any(failed) => Some(RelayState::Unreachable),
            _ => Some(RelayState::Connecting),
        };
        Reachability { relay, addressed: self.hints(address).iter().any(|hint| matches!(hint, Hint::Address(_))) }
    }
}

/// The port of an endpoint, the same after every start and known only to those who were told.
pub(in crate::signal) fn steady_port(secret: &Identity) -> u16 {
    let hash = hash(&[b"vesper/1 port", secret.secret().as_slice()]);
    0xc000 | u16::from_be_bytes([hash[0], hash[1]])
}

pub(in crate::signal) fn endpoint_id(key: &PublicKey) -> iroh::EndpointId {
    iroh::EndpointId::from_bytes(key.as_bytes()).expect("our public keys are points of the curve")
}

/// The tickets among the ALPNs that `incoming` offers, of which nothing is proven yet.
pub(in crate::signal) fn offered(incoming: &Incoming) -> Vec<Ticket> {
    let Some(hello) = incoming.decrypt() else { return Vec::new() };
    let Some(alpns) = hello.alpns() else { return Vec::new() };
    alpns.take(MAX_ALPNS).map_while(Result::ok).filter_map(|alpn| Ticket::read(&alpn)).collect()
}

/// The key of whom TLS proved; `None` for the weak keys that iroh lets pass.
pub(in crate::signal) fn key(id: iroh::EndpointId) -> Option<PublicKey> {
    PublicKey::from_bytes(id.as_bytes())
}

/// Lets `endpoint` be found on the LAN. Fails where there is no route for multicast, as on a laptop without network.
fn discover(endpoint: &Endpoint, advertise: bool) -> Result<MdnsAddressLookup, String> {
    let discovery = MdnsAddressLookup::builder()
        .advertise(advertise)
        .discovery_cadence(DISCOVERY_CADENCE)
        .addr_filter(AddrFilter::ip_only())
        .build(endpoint.id())
        .map_err(|error| error.to_string())?;
    let services = endpoint.address_lookup().map_err(|error| error.to_string())?;
    services.add(PublishOnly(discovery.clone()));
    Ok(discovery)
}

/// Waits until LAN discovery sees `key`.
pub(in crate::signal) async fn find_on_lan(discovery: &MdnsAddressLookup, key: &PublicKey) -> Vec<Hint> {
    let mut events = discovery.subscribe().await;
    while let Some(event) = events.next().await {
        if let DiscoveryEvent::Discovered { endpoint_info, .. } = event
            && endpoint_info.endpoint_id == endpoint_id(key)
        {
            return endpoint_info.data.ip_addrs().copied().map(Hint::Address).collect();
        }
    }
    Vec::new()
}

/// Publishes on the LAN and resolves nothing: what the LAN says of a contact may name a relay, and so goes through
/// [`Network::address`] like everything else.
#[derive(Debug)]
struct PublishOnly(MdnsAddressLookup);

impl AddressLookup for PublishOnly {
    fn publish(&self, data: &EndpointData) {
        self.0.publish(data);
    }
}

/// What is left of an address once nothing comes to our sockets any more.
pub(super) fn relays_of(mut address: EndpointAddr) -> EndpointAddr {
    address.addrs.retain(TransportAddr::is_relay);
    address
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        // Without the number of the interface, which differs between computers, it cannot be dialled.
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(change: impl FnOnce(&mut LinkConfig)) -> Network {
        let mut config = LinkConfig::new(Identity::generate());
        change(&mut config);
        Network::new(&config).unwrap()
    }

    fn dialled(network: &Network, hints: &[Hint], approved: &[String]) -> Vec<String> {
        let address = network.address(&Identity::generate().public(), hints, approved);
        address.map_or(Vec::new(), |address| address.addrs.iter().map(|addr| addr.to_string()).collect())
    }

    fn relay(url: &str) -> Hint {
        Hint::Relay(url.to_owned())
    }

    fn address(address: &str) -> Hint {
        Hint::Address(address.parse().unwrap())
    }

    #[test]
    fn a_relay_that_is_neither_ours_nor_approved_is_not_dialled() {
        let network = network(|config| config.relay = Some("https://relay.example".into()));
        assert_eq!(dialled(&network, &[relay("https://other.example")], &[]).len(), 0);
        assert_eq!(dialled(&network, &[relay("https://relay.example")], &[]).len(), 1);
        assert_eq!(dialled(&network, &[relay("https://other.example")], &["https://other.example".into()]).len(), 1);
    }

    #[test]
    fn addresses_that_are_no_other_computer_are_not_dialled() {
        let network = network(|_| {});
        for hint in ["127.0.0.1:9", "224.0.0.251:9", "0.0.0.0:9", "255.255.255.255:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            assert_eq!(dialled(&network, &[address(hint)], &[]).len(), 0, "{hint}");
        }
        assert_eq!(dialled(&network, &[address("192.168.1.7:9")], &[]).len(), 1);
    }

    #[test]
    fn a_hidden_profile_dials_no_address_and_needs_a_relay() {
        let mut config = LinkConfig::new(Identity::generate());
        config.mode = LinkMode::RelayOnly;
        assert!(matches!(Network::new(&config), Err(LinkError::HiddenWithoutRelay)));
        config.relay = Some("https://relay.example".into());
        let network = Network::new(&config).unwrap();
        assert_eq!(dialled(&network, &[address("192.168.1.7:9")], &[]).len(), 0);
        assert!(!network.lan_discovery);
    }

    #[test]
    fn an_address_that_reaches_nobody_is_refused_where_no_relay_leads_past_it() {
        let opened = |ip: &str, relay: Option<&str>| {
            let mut config = LinkConfig::new(Identity::generate());
            (config.bind, config.relay) = (Some(ip.parse().unwrap()), relay.map(str::to_owned));
            Network::new(&config)
        };
        for ip in ["127.0.0.1", "::1", "224.0.0.251", "fe80::1"] {
            assert!(matches!(opened(ip, None), Err(LinkError::BindToNobody(_))), "{ip}");
            assert!(opened(ip, Some("https://relay.example")).is_ok(), "{ip}");
        }
        for ip in ["192.168.1.7", "0.0.0.0", "::"] {
            assert!(opened(ip, None).is_ok(), "{ip}");
        }
    }

    #[test]
    fn of_an_address_that_is_lost_nothing_is_told_and_a_relay_is_all_the_same() {
        let ip = "192.168.1.7";
        let network = network(|config| {
            (config.bind, config.relay) = (Some(ip.parse().unwrap()), Some("https://relay.example".into()));
        });
        let (relay, own) = ("https://relay.example".parse().unwrap(), SocketAddr::new(ip.parse().unwrap(), 9));
        let id = endpoint_id(&Identity::generate().public());
        let address = EndpointAddr::from_parts(id, [TransportAddr::Relay(relay), TransportAddr::Ip(own)]);
        let reach = |address: &EndpointAddr| network.reachability(address, &[], Reachability::default());
        assert!(network.hints(&address).contains(&Hint::Address(own)) && reach(&address).addressed);
        let left = relays_of(address);
        assert!(matches!(network.hints(&left)[..], [Hint::Relay(_)]) && !reach(&left).addressed);
    }

    #[test]
    fn echo_dials_this_computer_only() {
        let network = network(|config| config.loopback_only = true);
        assert_eq!(dialled(&network, &[address("192.168.1.7:9"), relay("https://relay.example")], &[]).len(), 0);
        assert_eq!(dialled(&network, &[address("127.0.0.1:9")], &[]).len(), 1);
    }

    #[test]
    fn a_port_is_the_same_after_every_start() {
        let me = Identity::generate();
        assert_eq!(steady_port(&me), steady_port(&Identity::from_secret(&me.secret())));
        assert!(steady_port(&me) >= 49152);
    }
}
