//! Links over real sockets on 127.0.0.1.

mod flood;

use std::time::Duration;

use iroh::endpoint::{ApplicationClose, ConnectOptions, Connection, ConnectionError, VarInt, presets};
use iroh::test_utils::run_relay_server_with;
use iroh::{Endpoint, EndpointAddr, TransportAddr};
use tokio::net::UdpSocket;
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

use super::carrier::Closing;
use super::network::endpoint_id;
use super::*;
use crate::signal::message::CallId;
use crate::signal::ticket::{self, Secret};

/// Long enough for the busiest computer; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

struct Person {
    key: PublicKey,
    link: Link,
    events: Receiver<LinkEvent>,
}

impl Person {
    async fn new(secret: u8) -> Self {
        let mut config = LinkConfig::new(identity(secret));
        config.loopback_only = true;
        Self::with(config).await
    }

    async fn with(config: LinkConfig) -> Self {
        let key = config.identity.public();
        let (link, events) = Link::start(config).await.unwrap();
        Self { key, link, events }
    }

    fn knows(&self, other: &Person, pair_secret: [u8; 32]) {
        self.link.set_peer(LinkPeer::new(other.key, PairSecret::from_bytes(pair_secret), other.link.hints()));
    }

    async fn event(&mut self) -> LinkEvent {
        timeout(PATIENCE, self.events.recv()).await.expect("in time").expect("the link runs")
    }

    /// The next event for which `pick` has something; others are passed over.
    async fn until<T>(&mut self, pick: impl Fn(LinkEvent) -> Option<T>) -> T {
        loop {
            if let Some(picked) = pick(self.event().await) {
                return picked;
            }
        }
    }

    async fn message(&mut self) -> Message {
        self.until(|event| match event {
            LinkEvent::Message { message, .. } => Some(message),
            _ => None,
        })
        .await
    }

    async fn up(&mut self) -> bool {
        self.until(|event| match event {
            LinkEvent::Up { direct, .. } => Some(direct),
            _ => None,
        })
        .await
    }

    async fn down(&mut self) {
        self.until(|event| matches!(event, LinkEvent::Down { .. }).then_some(())).await;
    }

    async fn unreachable(&mut self) {
        self.until(|event| matches!(event, LinkEvent::Unreachable { .. }).then_some(())).await;
    }

    fn heard_nothing(&mut self) -> bool {
        std::iter::from_fn(|| self.events.try_recv().ok()).all(|event| matches!(event, LinkEvent::ReachChanged(_)))
    }
}

fn identity(secret: u8) -> Identity {
    // A random half keeps tests that run at the same time off each other's ports.
    let mut bytes: [u8; 32] = crate::identity::random();
    bytes[0] = secret;
    Identity::from_secret(&bytes)
}

fn ringing(n: u8) -> Message {
    Message::Ringing { call: CallId([n; 16]), reason: n }
}

async fn contacts() -> (Person, Person) {
    let (alice, bob) = (Person::new(1).await, Person::new(2).await);
    alice.knows(&bob, [7; 32]);
    bob.knows(&alice, [7; 32]);
    (alice, bob)
}

#[tokio::test]
async fn a_contact_that_moves_all_the_time_is_not_written_down_each_time() {
    let (mut alice, bob) = (Person::new(71).await, Person::new(72).await);
    alice.knows(&bob, [7; 32]);
    bob.knows(&alice, [7; 32]);
    bob.link.dial(alice.key);
    alice.until(|event| matches!(event, LinkEvent::Up { .. }).then_some(())).await;
    for port in 1..40 {
        bob.link.send(alice.key, Message::Hints(vec![Hint::Address(([192, 0, 2, 1], port).into())]));
    }
    bob.link.send(alice.key, Message::Cancel { call: CallId([1; 16]), reason: 0 });
    let mut told = 0;
    loop {
        match alice.event().await {
            LinkEvent::PeerHints { .. } => told += 1,
            LinkEvent::Message { .. } => break,
            _ => {}
        }
    }
    assert!((1..30).contains(&told), "told {told} times");
}

#[tokio::test]
async fn two_contacts_exchange_messages_by_key() {
    let (mut alice, mut bob) = contacts().await;
    assert!(alice.link.send(bob.key, ringing(1)));
    assert_eq!(bob.message().await, ringing(1));
    assert!(bob.link.send(alice.key, ringing(2)));
    assert_eq!(alice.message().await, ringing(2));
}

#[tokio::test]
async fn each_side_hears_that_the_other_is_there_and_where() {
    let (mut alice, mut bob) = contacts().await;
    alice.link.dial(bob.key);
    assert!(alice.up().await, "without a relay");
    bob.up().await;
    let told = bob
        .until(|event| match event {
            LinkEvent::PeerHints { hints, .. } => Some(hints),
            _ => None,
        })
        .await;
    assert_eq!(told, alice.link.hints());
    assert!(!told.is_empty());
}

#[tokio::test]
async fn messages_arrive_in_order_and_all_of_them() {
    let (mut alice, mut bob) = contacts().await;
    alice.link.dial(bob.key);
    alice.up().await;
    for n in 0..50 {
        assert!(alice.link.send(bob.key, ringing(n)));
    }
    for n in 0..50 {
        assert_eq!(bob.message().await, ringing(n));
    }
}

#[tokio::test]
async fn when_both_dial_at_once_no_message_is_lost() {
    for _ in 0..5 {
        let (mut alice, mut bob) = contacts().await;
        for n in 0..20 {
            alice.link.send(bob.key, ringing(n));
            bob.link.send(alice.key, ringing(n));
        }
        for person in [&mut alice, &mut bob] {
            let mut heard = Vec::new();
            while heard.len() < 20 {
                match person.message().await {
                    Message::Ringing { reason, .. } => heard.push(reason),
                    other => panic!("{other:?}"),
                }
            }
            heard.sort_unstable();
            assert_eq!(heard, (0..20).collect::<Vec<u8>>());
        }
    }
}

#[tokio::test]
async fn a_removed_contact_is_cut_at_once_and_stays_out() {
    let (mut alice, mut bob) = contacts().await;
    alice.link.dial(bob.key);
    alice.up().await;
    bob.up().await;
    bob.link.remove_peer(alice.key);
    alice.down().await;
    while bob.events.try_recv().is_ok() {}
    alice.link.send(bob.key, ringing(1));
    alice.unreachable().await;
    assert!(bob.heard_nothing());
}

#[tokio::test]
async fn a_contact_with_another_pair_secret_is_ignored() {
    let (mut alice, mut bob) = (Person::new(1).await, Person::new(2).await);
    alice.knows(&bob, [7; 32]);
    bob.knows(&alice, [8; 32]);
    alice.link.dial(bob.key);
    alice.unreachable().await;
    assert!(bob.heard_nothing());
}

#[tokio::test]
async fn a_link_that_starts_again_is_found_where_it_was() {
    let (mut alice, bob) = contacts().await;
    let again = identity(3);
    let secret = again.secret();
    let config = |secret: &[u8; 32]| {
        let mut config = LinkConfig::new(Identity::from_secret(secret));
        config.loopback_only = true;
        config
    };
    let carol = Person::with(config(&secret)).await;
    alice.knows(&carol, [7; 32]);
    carol.knows(&alice, [7; 32]);
    alice.link.dial(carol.key);
    alice.up().await;
    let (key, hints) = (carol.key, carol.link.hints());
    carol.link.close().await;
    alice.down().await;
    let mut carol = Person::with(config(&secret)).await;
    assert_eq!(carol.link.hints(), hints);
    carol.knows(&alice, [7; 32]);
    alice.link.send(key, ringing(1));
    assert_eq!(carol.message().await, ringing(1));
    drop(bob);
}

#[tokio::test]
async fn what_was_said_last_arrives_before_the_link_closes() {
    let (mut alice, mut bob) = contacts().await;
    alice.link.dial(bob.key);
    alice.up().await;
    for n in 0..10 {
        alice.link.send(bob.key, ringing(n));
    }
    alice.link.close().await;
    for n in 0..10 {
        assert_eq!(bob.message().await, ringing(n));
    }
    bob.down().await;
}

/// Passes datagrams on between one stranger and `to`, counting those that come back.
async fn wiretap(to: std::net::SocketAddr) -> (std::net::SocketAddr, tokio::sync::watch::Receiver<(u32, u32)>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (count, counted) = tokio::sync::watch::channel((0, 0));
    tokio::spawn(async move {
        let (mut stranger, mut buffer) = (None, [0; 2048]);
        while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
            if from == to {
                count.send_modify(|(_, back)| *back += 1);
                if let Some(stranger) = stranger {
                    let _ = socket.send_to(&buffer[..len], stranger).await;
                }
            } else {
                stranger = Some(from);
                count.send_modify(|(there, _)| *there += 1);
                let _ = socket.send_to(&buffer[..len], to).await;
            }
        }
    });
    (address, counted)
}

fn only_address(person: &Person) -> std::net::SocketAddr {
    match person.link.hints()[..] {
        [Hint::Address(address)] => address,
        ref other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_stranger_who_knows_key_and_address_gets_not_one_packet() {
    let (_alice, mut bob) = contacts().await;
    let (address, counted) = wiretap(only_address(&bob)).await;
    let stranger = Endpoint::builder(presets::Minimal).bind().await.unwrap();
    let bob_at = EndpointAddr::from_parts(endpoint_id(&bob.key), [TransportAddr::Ip(address)]);
    let forged = ConnectOptions::new().with_additional_alpns(vec![ticket::issue(Secret::Pair(&[9; 32]), &bob.key)]);
    for options in [ConnectOptions::new(), forged] {
        let connecting = stranger.connect_with_opts(bob_at.clone(), ALPN, options).await.unwrap();
        assert!(timeout(Duration::from_millis(1500), connecting).await.is_err(), "no answer, not even a refusal");
    }
    let (there, back) = *counted.borrow();
    assert!(there > 0);
    assert_eq!(back, 0);
    assert!(bob.heard_nothing());
}

#[tokio::test]
async fn a_contact_is_answered_where_a_stranger_is_not() {
    let (alice, mut bob) = contacts().await;
    let (address, counted) = wiretap(only_address(&bob)).await;
    alice.link.set_peer(LinkPeer::new(bob.key, PairSecret::from_bytes([7; 32]), vec![Hint::Address(address)]));
    alice.link.send(bob.key, ringing(1));
    assert_eq!(bob.message().await, ringing(1));
    assert!(counted.borrow().1 > 0);
}

#[tokio::test]
async fn a_stranger_with_a_contacts_ticket_is_cut_after_tls() {
    let (_alice, mut bob) = contacts().await;
    let stranger = Endpoint::builder(presets::Minimal).bind().await.unwrap();
    let bob_at = EndpointAddr::from_parts(endpoint_id(&bob.key), [TransportAddr::Ip(only_address(&bob))]);
    let stolen = ConnectOptions::new().with_additional_alpns(vec![ticket::issue(Secret::Pair(&[7; 32]), &bob.key)]);
    let connecting = stranger.connect_with_opts(bob_at, ALPN, stolen).await.unwrap();
    if let Ok(connection) = timeout(PATIENCE, connecting).await.expect("in time") {
        timeout(PATIENCE, connection.closed()).await.expect("cut");
    }
    assert!(bob.heard_nothing());
}

/// A contact of Bob's that speaks QUIC as it likes.
struct Wild {
    key: PublicKey,
    endpoint: Endpoint,
    secret: [u8; 32],
}

impl Wild {
    async fn known_to(bob: &Person) -> Self {
        let (alice, secret) = (identity(1), [6; 32]);
        bob.link.set_peer(LinkPeer::new(alice.public(), PairSecret::from_bytes(secret), Vec::new()));
        let secret_key = iroh::SecretKey::from_bytes(&alice.secret());
        let endpoint = Endpoint::builder(presets::Minimal).secret_key(secret_key).bind().await.unwrap();
        Self { key: alice.public(), endpoint, secret }
    }

    async fn connect(&self, bob: &Person) -> Connection {
        let bob_at = EndpointAddr::from_parts(endpoint_id(&bob.key), [TransportAddr::Ip(only_address(bob))]);
        let options = ConnectOptions::new().with_additional_alpns(vec![ticket::issue(Secret::Pair(&self.secret), &bob.key)]);
        let connecting = self.endpoint.connect_with_opts(bob_at, ALPN, options).await.unwrap();
        timeout(PATIENCE, connecting).await.expect("in time").unwrap()
    }
}

fn frame(message: &Message) -> Vec<u8> {
    let bytes = message.encode();
    [&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()
}

async fn closed(connection: &Connection) -> ApplicationClose {
    match timeout(PATIENCE, connection.closed()).await.expect("in time") {
        ConnectionError::ApplicationClosed(close) => close,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn whoever_makes_one_connection_after_the_other_loses_the_oldest_at_once() {
    let mut bob = Person::new(2).await;
    let wild = Wild::known_to(&bob).await;
    let mut connections = Vec::new();
    for n in 0..10 {
        let connection = wild.connect(&bob).await;
        let (mut send, receive) = connection.open_bi().await.unwrap();
        send.write_all(&frame(&ringing(n))).await.unwrap();
        assert_eq!(bob.message().await, ringing(n));
        connections.push((connection, send, receive));
    }
    // Left alone, one that was replaced is closed because its pings are unanswered.
    for (connection, ..) in &connections[..4] {
        assert_eq!(closed(connection).await.error_code, VarInt::from_u32(Closing::Done as u32));
    }
}

#[tokio::test]
async fn what_was_said_last_of_a_call_stands_in_the_closing_where_the_stream_did_not_bring_it() {
    let (bob, item) = (Person::new(2).await, bytes::Bytes::from_static(&[5; 150]));
    let wild = Wild::known_to(&bob).await;
    let connection = wild.connect(&bob).await;
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    send.write_all(&frame(&ringing(1))).await.unwrap();
    bob.link.send(wild.key, Message::Control(item.clone()));
    // She never says that she is done, so Bob cannot know that all has arrived.
    bob.link.close().await;
    assert_eq!(closed(&connection).await.reason, Message::Control(item).encode());
}

#[tokio::test]
async fn a_closing_is_read_for_what_it_says_of_a_call_and_for_nothing_else() {
    let mut bob = Person::new(2).await;
    let wild = Wild::known_to(&bob).await;
    let control = Message::Control(bytes::Bytes::from_static(&[5; 150]));
    for said in [ringing(1), control.clone()] {
        let connection = wild.connect(&bob).await;
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        send.write_all(&frame(&ringing(2))).await.unwrap();
        assert_eq!(bob.message().await, ringing(2));
        connection.close(VarInt::from_u32(0), &said.encode());
        if said == control {
            assert_eq!(bob.message().await, control);
        }
        bob.down().await;
    }
}

#[tokio::test]
async fn garbage_from_a_contact_is_dropped_and_counted() {
    let mut bob = Person::new(2).await;
    let wild = Wild::known_to(&bob).await;
    let connection = wild.connect(&bob).await;
    let (mut send, _receive) = connection.open_bi().await.unwrap();
    send.write_all(&[0, 0, 0, 3, 0x7f, 1, 2]).await.unwrap();
    bob.until(|event| matches!(event, LinkEvent::Malformed { .. }).then_some(())).await;
    send.write_all(&frame(&ringing(9))).await.unwrap();
    assert_eq!(bob.message().await, ringing(9));
    send.write_all(&[0xff; 4]).await.unwrap();
    bob.until(|event| matches!(event, LinkEvent::Malformed { .. }).then_some(())).await;
    timeout(PATIENCE, connection.closed()).await.expect("cut, for a frame that long breaks a rule");
}

#[tokio::test]
async fn two_hidden_contacts_meet_at_their_relay_and_a_stranger_there_gets_nothing() {
    let (map, url, _server) = run_relay_server_with(false).await.unwrap();
    let hidden = |secret| {
        let mut config = LinkConfig::new(identity(secret));
        config.relay = Some(url.to_string());
        config.mode = LinkMode::RelayOnly;
        config
    };
    let (mut alice, mut bob) = (Person::with(hidden(1)).await, Person::with(hidden(2)).await);
    for person in [&mut alice, &mut bob] {
        while person.link.hints().is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(person.link.hints().iter().all(|hint| matches!(hint, Hint::Relay(_))), "no address in what it tells");
    }
    alice.knows(&bob, [7; 32]);
    bob.knows(&alice, [7; 32]);
    alice.link.send(bob.key, ringing(1));
    assert_eq!(bob.message().await, ringing(1));
    assert!(!alice.up().await, "over the relay");

    while bob.events.try_recv().is_ok() {}
    let stranger = Endpoint::builder(presets::Minimal)
        .relay_mode(iroh::RelayMode::Custom(map))
        .ca_tls_config(iroh::tls::CaTlsConfig::insecure_skip_verify())
        .bind()
        .await
        .unwrap();
    let bob_at = EndpointAddr::from_parts(endpoint_id(&bob.key), [TransportAddr::Relay(url)]);
    let stolen = ConnectOptions::new().with_additional_alpns(vec![ticket::issue(Secret::Pair(&[7; 32]), &bob.key)]);
    let connecting = stranger.connect_with_opts(bob_at, ALPN, stolen).await.unwrap();
    assert!(timeout(Duration::from_millis(1500), connecting).await.is_err(), "the relay vouches for another key");
    assert!(bob.heard_nothing());
}

#[tokio::test]
async fn a_relay_that_goes_away_is_noticed() {
    let (_, url, server) = run_relay_server_with(false).await.unwrap();
    let mut config = LinkConfig::new(identity(1));
    config.relay = Some(url.to_string());
    config.mode = LinkMode::RelayOnly;
    let mut person = Person::with(config).await;
    let connected = Reachability { relay: Some(RelayState::Connected), addressed: false };
    person.until(|event| matches!(event, LinkEvent::ReachChanged(reach) if reach == connected).then_some(())).await;
    assert_eq!(person.link.reachability(), connected);
    server.shutdown().await.unwrap();
    let gone =
        |event| matches!(event, LinkEvent::ReachChanged(reach) if reach.relay == Some(RelayState::Unreachable)).then_some(());
    person.until(gone).await;
}

#[tokio::test]
async fn a_relay_that_was_never_there_is_noticed_too() {
    let mut config = LinkConfig::new(identity(1));
    // The port that nothing listens at.
    config.relay = Some("https://127.0.0.1:9".into());
    config.mode = LinkMode::RelayOnly;
    let mut person = Person::with(config).await;
    assert_eq!(person.link.reachability().relay, Some(RelayState::Connecting));
    let silent =
        |event| matches!(event, LinkEvent::ReachChanged(reach) if reach.relay == Some(RelayState::Unreachable)).then_some(());
    person.until(silent).await;
}

#[tokio::test]
async fn a_profile_that_hides_and_has_no_relay_is_told_so() {
    let mut config = LinkConfig::new(identity(1));
    config.mode = LinkMode::RelayOnly;
    let error = Link::start(config).await.err().expect("no link");
    assert!(error.to_string().contains("needs a relay"), "{error}");
}
