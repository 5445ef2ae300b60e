//! Knocks over real sockets on 127.0.0.1.

use std::time::Duration;

use iroh::endpoint::{ConnectOptions, presets};
use iroh::{Endpoint, EndpointAddr, TransportAddr};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::protocol::{Binding, KNOCK};
use super::*;
use crate::contacts::OpenInvitation;
use crate::identity::Identity;
use crate::signal::frame;
use crate::signal::link::network::endpoint_id;
use crate::signal::link::{Link, LinkConfig, LinkEvent};
use crate::signal::ticket::{self, Secret};

const PATIENCE: Duration = Duration::from_secs(30);
const TOMORROW: u64 = 4_000_000_000;

async fn person() -> (PublicKey, Link, Receiver<LinkEvent>) {
    let mut config = LinkConfig::new(Identity::generate());
    config.loopback_only = true;
    let key = config.identity.public();
    let (link, events) = Link::start(config).await.unwrap();
    (key, link, events)
}

/// Opens an invitation of `link` as the engine does.
fn invite(link: &Link) -> OpenInvitation {
    let mut open = OpenInvitation::new("Ada", Vec::new(), "for Bob", true, 0, TOMORROW);
    open.invitation.hints = link.invitation_hints(&open.knock_identity());
    link.open_invitation(open.clone());
    open
}

fn request(invitation: &Invitation) -> KnockRequest {
    let hints = vec![Hint::Address("192.168.1.7:4000".parse().unwrap())];
    KnockRequest { invitation: invitation.clone(), name: "Bob".into(), hints, approve_relay: false }
}

async fn knocked(events: &mut Receiver<LinkEvent>) -> Knocked {
    loop {
        if let LinkEvent::Knocked(knocked) = timeout(PATIENCE, events.recv()).await.expect("in time").unwrap() {
            return knocked;
        }
    }
}

async fn outcome(events: &mut Receiver<LinkEvent>) -> KnockOutcome {
    loop {
        if let LinkEvent::KnockAnswered { outcome, .. } = timeout(PATIENCE, events.recv()).await.expect("in time").unwrap() {
            return outcome;
        }
    }
}

#[tokio::test]
async fn a_knock_waits_for_the_person_and_then_makes_contacts() {
    let (ada, inviter, mut at_ada) = person().await;
    let (bob, knocker, mut at_bob) = person().await;
    let open = invite(&inviter);

    knocker.knock(request(&open.invitation));
    let knock = knocked(&mut at_ada).await;
    assert_eq!((knock.knocker, knock.name.as_str(), knock.invitation), (bob, "Bob", open.invitation.knock_id));
    assert_eq!(knock.hints, request(&open.invitation).hints);
    knock.reply.send(KnockAnswer::Pending);
    assert!(matches!(outcome(&mut at_bob).await, KnockOutcome::Pending));

    knocker.knock(request(&open.invitation));
    let secret = PairSecret::generate();
    let ok = KnockAnswer::Ok { name: "Ada".into(), hints: inviter.hints(), pair_secret: secret.clone() };
    knocked(&mut at_ada).await.reply.send(ok);
    match outcome(&mut at_bob).await {
        KnockOutcome::Ok { key, name, hints, pair_secret, confirm } => {
            assert_eq!((key, name.as_str(), hints), (ada, "Ada", inviter.hints()));
            assert!(pair_secret == secret);
            confirm.done();
        }
        other => panic!("{other:?}"),
    }
    loop {
        match timeout(PATIENCE, at_ada.recv()).await.expect("in time").unwrap() {
            LinkEvent::KnockDone { invitation, knocker } => {
                assert_eq!((invitation, knocker), (open.invitation.knock_id, bob));
                break;
            }
            _ => continue,
        }
    }
}

#[tokio::test]
async fn an_ok_that_was_not_kept_is_not_done() {
    let (_, inviter, mut at_ada) = person().await;
    let (_, knocker, mut at_bob) = person().await;
    let open = invite(&inviter);
    knocker.knock(request(&open.invitation));
    let ok = KnockAnswer::Ok { name: "Ada".into(), hints: Vec::new(), pair_secret: PairSecret::generate() };
    knocked(&mut at_ada).await.reply.send(ok);
    drop(outcome(&mut at_bob).await);

    knocker.knock(request(&open.invitation));
    knocked(&mut at_ada).await.reply.send(KnockAnswer::Gone);
    assert!(matches!(outcome(&mut at_bob).await, KnockOutcome::Gone));
    while let Ok(event) = at_ada.try_recv() {
        assert!(!matches!(event, LinkEvent::KnockDone { .. }));
    }
}

#[tokio::test]
async fn a_knock_without_the_secret_is_closed_without_a_byte_and_shown_to_nobody() {
    let (_, inviter, mut at_ada) = person().await;
    let (_, knocker, mut at_bob) = person().await;
    let mut invitation = invite(&inviter).invitation.clone();
    invitation.secret = [0; 16];
    knocker.knock(request(&invitation));
    assert!(matches!(outcome(&mut at_bob).await, KnockOutcome::Unreachable { .. }), "there is not even a handshake");
    while let Ok(event) = at_ada.try_recv() {
        assert!(!matches!(event, LinkEvent::Knocked(_)));
    }
}

#[tokio::test]
async fn an_inviter_who_cannot_answer_now_costs_the_knocker_nothing_but_time() {
    let (_, inviter, mut at_ada) = person().await;
    let (_, knocker, mut at_bob) = person().await;
    let open = invite(&inviter);
    knocker.knock(request(&open.invitation));
    // As by a profile that is locked.
    drop(knocked(&mut at_ada).await.reply);
    assert!(matches!(outcome(&mut at_bob).await, KnockOutcome::Unreachable { .. }));
}

#[tokio::test]
async fn nobody_at_an_invitations_door_is_answered_who_does_not_hold_it() {
    let (_, inviter, mut at_ada) = person().await;
    let (_, knocker, mut at_bob) = person().await;
    let open = invite(&inviter);
    let id = open.invitation.knock_id;
    let stranger = Endpoint::bind(presets::Minimal).await.unwrap();
    let tickets = [Vec::new(), vec![ticket::issue(Secret::Invitation(&[0; 16]), &id)]];
    let dials = tickets.map(|more| {
        let (stranger, at) = (stranger.clone(), at(&open.invitation));
        let options = ConnectOptions::new().with_additional_alpns(more);
        async move { stranger.connect_with_opts(at, ALPN, options).await.ok()?.await.ok() }
    });
    for dial in dials {
        // A holder is through in a tenth of a second; see below.
        assert!(!matches!(timeout(Duration::from_secs(2), dial).await, Ok(Some(_))), "not even a handshake");
    }
    knocker.knock(request(&open.invitation));
    knocked(&mut at_ada).await.reply.send(KnockAnswer::Pending);
    assert!(matches!(outcome(&mut at_bob).await, KnockOutcome::Pending));
}

fn at(invitation: &Invitation) -> EndpointAddr {
    let address = invitation.hints.iter().find_map(|hint| match hint {
        Hint::Address(address) => Some(TransportAddr::Ip(*address)),
        Hint::Relay(_) => None,
    });
    EndpointAddr::from_parts(endpoint_id(&invitation.knock_id), address)
}

/// Two invitations that share a secret, as a program with a mistake in it might make: whoever is knocked at by the
/// first passes the knock on to the second.
#[tokio::test]
async fn a_knock_forwarded_to_another_invitation_with_the_same_secret_is_refused() {
    let (_, inviter, mut at_ada) = person().await;
    let first = Identity::generate();
    let second = invite(&inviter);
    let victim = Identity::generate();
    let throw_away = Endpoint::bind(presets::Minimal).await.unwrap();
    let ticket = ticket::issue(Secret::Invitation(&second.invitation.secret), &second.invitation.knock_id);
    let options = ConnectOptions::new().with_additional_alpns(vec![ticket]);
    let connecting = throw_away.connect_with_opts(at(&second.invitation), ALPN, options).await.unwrap();
    let connection = timeout(PATIENCE, connecting).await.expect("in time").unwrap();
    let exported = |knock_id: &PublicKey| {
        let mut x = [0; 32];
        let context = Binding::context(knock_id, throw_away.id().as_bytes());
        connection.export_keying_material(&mut x, EXPORTER, &context).unwrap();
        x
    };
    // The victim knocked at the first invitation; even with the exporter's value of this very connection it does not hold.
    let meant_for_first = Binding { x: exported(&first.public()), knock_id: first.public(), secret: second.invitation.secret };
    let k1 = meant_for_first.knock(&victim, "Victim", &[]);
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    frame::write(&mut send, &[&[KNOCK][..], &k1].concat()).await.unwrap();
    let answer = timeout(PATIENCE, frame::read(&mut receive)).await.expect("in time");
    assert!(!matches!(answer, Ok(Some(_))), "not a byte");
    while let Ok(event) = at_ada.try_recv() {
        assert!(!matches!(event, LinkEvent::Knocked(_)));
    }
}

#[tokio::test]
async fn a_withdrawn_invitation_answers_nobody() {
    let (_, inviter, mut at_ada) = person().await;
    let (_, knocker, mut at_bob) = person().await;
    let open = invite(&inviter);
    knocker.knock(request(&open.invitation));
    knocked(&mut at_ada).await.reply.send(KnockAnswer::Pending);
    outcome(&mut at_bob).await;
    inviter.close_invitation(open.invitation.knock_id);
    knocker.knock(request(&open.invitation));
    assert!(matches!(outcome(&mut at_bob).await, KnockOutcome::Unreachable { .. }));
}

#[tokio::test]
async fn an_invitation_over_a_relay_that_nobody_approved_is_not_used() {
    let (_, knocker, mut at_bob) = person().await;
    let mut open = OpenInvitation::new("Ada", vec![Hint::Relay("https://relay.example/".into())], "", true, 0, TOMORROW);
    open.invitation.hints = vec![Hint::Relay("https://relay.example/".into())];
    knocker.knock(request(&open.invitation));
    assert!(matches!(outcome(&mut at_bob).await, KnockOutcome::Unreachable { .. }));
}
