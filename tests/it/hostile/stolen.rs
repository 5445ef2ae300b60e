//! A contact's keys in the wrong hands: another process with them gets past the door.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use iroh::endpoint::{ConnectOptions, RecvStream, SendStream, presets};
use iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode, SecretKey, TransportAddr};
use sha2::Sha256;
use vesper::contacts::{Hint, Profile};
use vesper::identity::{Identity, PublicKey};

use crate::lab::Lab;
use crate::lab::people::People;
use crate::lab::vesper::Vesper;

/// Tells another process how to be Alice towards Bob: see [`Stolen::read`].
pub(crate) fn target(people: &People, bob: &Vesper, lab: &Lab) -> String {
    let ports: Vec<String> = bob.udp_ports().iter().map(u16::to_string).collect();
    format!("{}\n{}\n{}\n{}", people.alice.folder.display(), people.bob.key, lab.b.address, ports.join(" "))
}

/// A contact's keys in the wrong hands.
pub(crate) struct Stolen {
    pub(super) me: Arc<Identity>,
    pub(super) victim: PublicKey,
    secret: [u8; 32],
    places: Vec<SocketAddr>,
}

impl Stolen {
    /// What [`target`] said.
    pub fn read(target: &str) -> Self {
        let [folder, key, address, ports] = target.split('\n').collect::<Vec<_>>().try_into().unwrap();
        let profile = Profile::open(&PathBuf::from(folder), None).unwrap();
        let victim = PublicKey::parse(key).unwrap();
        let contact = profile.store().unwrap().contact(&victim).unwrap().unwrap();
        let secret = *contact.pair_secret.unwrap().as_bytes();
        let known = contact.hints.iter().filter_map(|hint| match hint {
            Hint::Address(address) => Some(*address),
            Hint::Relay(_) => None,
        });
        let open = ports.split(' ').map(|port| format!("{address}:{port}").parse::<SocketAddr>().unwrap());
        let places = known.chain(open).collect();
        Self { me: Arc::new(Identity::from_secret(&profile.identity.secret())), victim, secret, places }
    }

    pub async fn endpoint(&self) -> Endpoint {
        let secret = SecretKey::from_bytes(&self.me.secret());
        let builder = Endpoint::builder(presets::Minimal).secret_key(secret).relay_mode(RelayMode::Disabled);
        builder.bind().await.unwrap()
    }

    /// A link with a ticket of this nonce, if the victim lets it in.
    pub async fn connect(&self, endpoint: &Endpoint, nonce: u64) -> Option<(SendStream, RecvStream)> {
        let id = EndpointId::from_bytes(self.victim.as_bytes()).unwrap();
        let address = EndpointAddr::from_parts(id, self.places.iter().copied().map(TransportAddr::Ip));
        let options = ConnectOptions::new().with_additional_alpns(vec![ticket(&self.secret, &self.victim, nonce)]);
        let connecting = async { endpoint.connect_with_opts(address, b"vesper/1", options).await.ok()?.await.ok() };
        let connection = tokio::time::timeout(Duration::from_secs(5), connecting).await.ok()??;
        connection.open_bi().await.ok()
    }
}

/// What shows that a contact dials (section 5.1 of the protocol).
fn ticket(secret: &[u8; 32], callee: &PublicKey, n: u64) -> Vec<u8> {
    let n = n.to_be_bytes();
    let mac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(b"vesper/1 dial");
    let mac = mac.chain_update(callee.as_bytes()).chain_update(n).finalize().into_bytes();
    [b"vt", BASE32_NOPAD.encode(&[&n[..], &mac[..16]].concat()).as_bytes()].concat()
}
