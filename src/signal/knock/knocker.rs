//! Our side, when we hold somebody's invitation.

use std::sync::Arc;
use std::time::Duration;

use iroh::endpoint::{ConnectOptions, Connection, VarInt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::protocol::{Answer, Binding, DONE, KNOCK};
use super::{ALPN, EXPORTER, KnockConfirm, KnockOutcome, KnockRequest};
use crate::contacts::{Hint, PairSecret};
use crate::identity::Identity;
use crate::signal::frame;
use crate::signal::link::LinkEvent;
use crate::signal::link::network::{Bound, Network, Paths, Purpose, find_on_lan};
use crate::signal::ticket::{self, Secret};

/// The time to reach the inviter, and as much again to hear the answer.
const DIAL_LIMIT: Duration = Duration::from_secs(8);

/// The time for the local network alone, when a relay can be tried after it.
const LAN_FIRST_LIMIT: Duration = Duration::from_secs(3);

/// The time for our own side to keep what an OK brought, before the connection is given up.
const KEEP_LIMIT: Duration = Duration::from_secs(5);

const NO_ANSWER: &str = "their computer did not answer";

/// Knocks once and says what became of it. Every try comes from a key that was never seen before and never is again.
pub(in crate::signal) async fn knock(
    identity: Arc<Identity>,
    network: Network,
    request: KnockRequest,
    events: mpsc::Sender<LinkEvent>,
) {
    let invitation = request.invitation.knock_id;
    let mut why = "it can only be reached in ways that your settings do not allow".to_owned();
    for (path, limit) in paths(&network, &request) {
        match reach(&network, &request, path, limit).await {
            Ok((bound, connection, throw_away)) => {
                ask(&identity, &request, &connection, &throw_away, &events).await;
                connection.close(VarInt::from_u32(0), b"");
                bound.endpoint.close().await;
                return;
            }
            Err(error) => why = error,
        }
    }
    let outcome = KnockOutcome::Unreachable { why };
    let _ = events.send(LinkEvent::KnockAnswered { invitation, outcome }).await;
}

/// The ways to try, one after the other: the local network shows our address to nobody else.
fn paths(network: &Network, request: &KnockRequest) -> Vec<(Paths, Duration)> {
    let hints = &request.invitation.hints;
    let relays = hints.iter().filter_map(|hint| match hint {
        Hint::Relay(url) => {
            let approved = if request.approve_relay { std::slice::from_ref(url) } else { &[] };
            network.relay(url, approved)
        }
        Hint::Address(_) => None,
    });
    let relays: Vec<_> = relays.map(|url| (Paths::RelayOnly(url), DIAL_LIMIT)).collect();
    let has_address = hints.iter().any(|hint| matches!(hint, Hint::Address(_)));
    let lan = network.is_direct() && (has_address || network.lan_discovery);
    let lan_limit = if relays.is_empty() { DIAL_LIMIT } else { LAN_FIRST_LIMIT };
    lan.then_some((Paths::LanOnly, lan_limit)).into_iter().chain(relays).collect()
}

/// Connects to the knock endpoint from a throw-away one.
async fn reach(
    network: &Network,
    request: &KnockRequest,
    path: Paths,
    limit: Duration,
) -> Result<(Bound, Connection, Identity), String> {
    let throw_away = Identity::generate();
    let relay = match &path {
        Paths::RelayOnly(url) => vec![url.to_string()],
        _ => Vec::new(),
    };
    let purpose = Purpose { path, ..Purpose::default() };
    let bound = network.bind(&throw_away, purpose).await.map_err(|error| error.to_string())?;
    let reached = timeout(limit, connect(network, request, &bound, &relay)).await;
    match reached.unwrap_or_else(|_| Err(NO_ANSWER.to_owned())) {
        Ok(connection) => Ok((bound, connection, throw_away)),
        Err(why) => {
            bound.endpoint.close().await;
            Err(why)
        }
    }
}

/// Dials where the invitation says and, at the same time, where the LAN says.
async fn connect(network: &Network, request: &KnockRequest, bound: &Bound, relay: &[String]) -> Result<Connection, String> {
    let id = &request.invitation.knock_id;
    let dial = async |hints: &[Hint]| {
        let hints: Vec<Hint> = hints.iter().filter(|hint| matches!(hint, Hint::Relay(_)) != relay.is_empty()).cloned().collect();
        let address = network.address(id, &hints, relay).ok_or("the invitation names no address that can be used")?;
        let ticket = ticket::issue(Secret::Invitation(&request.invitation.secret), id);
        let options = ConnectOptions::new().with_additional_alpns(vec![ticket]);
        let connecting = bound.endpoint.connect_with_opts(address, ALPN, options).await.map_err(|error| error.to_string())?;
        connecting.await.map_err(|error| error.to_string())
    };
    let Some(discovery) = &bound.discovery else { return dial(&request.invitation.hints).await };
    let found = async { dial(&find_on_lan(discovery, id).await).await };
    let named = dial(&request.invitation.hints);
    tokio::pin!(found, named);
    // Whichever fails first leaves it to the other.
    tokio::select! {
        by_name = &mut named => match by_name { Ok(connection) => Ok(connection), Err(_) => found.await },
        by_lan = &mut found => match by_lan { Ok(connection) => Ok(connection), Err(_) => named.await },
    }
}

/// K1, K2 and, once the contact is kept, K3.
async fn ask(
    identity: &Identity,
    request: &KnockRequest,
    connection: &Connection,
    throw_away: &Identity,
    events: &mpsc::Sender<LinkEvent>,
) {
    let invitation = request.invitation.knock_id;
    let say = async |outcome| {
        let _ = events.send(LinkEvent::KnockAnswered { invitation, outcome }).await;
    };
    let mut x = [0; 32];
    let context = Binding::context(&invitation, throw_away.public().as_bytes());
    if connection.export_keying_material(&mut x, EXPORTER, &context).is_err() {
        return say(KnockOutcome::Refused).await;
    }
    let binding = Binding { x, knock_id: invitation, secret: request.invitation.secret };
    let k1 = binding.knock(identity, &request.name, &request.hints);
    let asking = async {
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        frame::write(&mut send, &[&[KNOCK][..], &k1].concat()).await.ok()?;
        let k2 = frame::read(&mut receive).await.ok()??;
        Some((send, binding.check_answer(&k1, &k2)))
    };
    // A profile that is locked, or a computer that was just switched off, says nothing: it is asked again.
    let Some((mut send, answer)) = timeout(DIAL_LIMIT, asking).await.ok().flatten() else {
        return say(KnockOutcome::Unreachable { why: NO_ANSWER.to_owned() }).await;
    };
    match answer {
        Ok(Answer::Pending) => say(KnockOutcome::Pending).await,
        Ok(Answer::Gone) => say(KnockOutcome::Gone).await,
        Ok(Answer::Ok(card, pair_secret)) if card.key != identity.public() => {
            let (confirm, confirmed) = oneshot::channel();
            say(accepted(card, pair_secret, confirm)).await;
            if let Ok(Ok(())) = timeout(KEEP_LIMIT, confirmed).await {
                let done = async {
                    frame::write(&mut send, &[DONE]).await.ok()?;
                    send.finish().ok()?;
                    send.stopped().await.ok()
                };
                // If it does not arrive, the OK is said again to a knock that will not come, until the invitation ends.
                let _ = timeout(KEEP_LIMIT, done).await;
            }
        }
        _ => say(KnockOutcome::Refused).await,
    }
}

fn accepted(card: super::protocol::Card, pair_secret: PairSecret, confirm: oneshot::Sender<()>) -> KnockOutcome {
    let super::protocol::Card { key, name, hints } = card;
    KnockOutcome::Ok { key, name, hints, pair_secret, confirm: KnockConfirm(confirm) }
}
