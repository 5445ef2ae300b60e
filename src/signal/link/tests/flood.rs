//! A stranger who sends one client hello after the other, from a place of its own.

use super::*;

/// Client hellos of a stranger for `bob`, none of the same connection. They were sent elsewhere.
async fn hellos(bob: &Person) -> Vec<Vec<u8>> {
    let (socket, mut buffer, mut hellos) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), [0; 2048], Vec::<Vec<u8>>::new());
    let stranger = Endpoint::builder(presets::Minimal).bind().await.unwrap();
    let elsewhere = EndpointAddr::from_parts(endpoint_id(&bob.key), [TransportAddr::Ip(socket.local_addr().unwrap())]);
    while hellos.len() < 8 {
        let connecting = stranger.connect_with_opts(elsewhere.clone(), ALPN, ConnectOptions::new()).await.unwrap();
        let length = socket.recv(&mut buffer).await.unwrap();
        drop(connecting);
        // The header in the clear: flags, version, and the id that the connection has at the callee (RFC 9000 section 17.2).
        let id = |hello: &[u8]| hello[5..6 + usize::from(hello[5])].to_vec();
        if hellos.iter().all(|hello| id(hello) != id(&buffer[..length])) {
            hellos.push(buffer[..length].to_vec());
        }
    }
    hellos
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_stranger_who_floods_does_not_keep_a_contact_out_whom_nobody_has_met_there() {
    let (alice, mut bob) = contacts().await;
    bob.link.set_peer(LinkPeer::new(alice.key, PairSecret::from_bytes([7; 32]), Vec::new()));
    let (hellos, bob_at) = (hellos(&bob).await, only_address(&bob));
    let stranger = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let flood = tokio::spawn(async move {
        for hello in hellos.iter().cycle() {
            let _ = stranger.send_to(hello, bob_at).await;
            sleep(Duration::from_micros(100)).await;
        }
    });
    // Until nothing is left of what there was for all at the beginning.
    sleep(Duration::from_secs(1)).await;
    alice.link.send(bob.key, ringing(1));
    assert_eq!(timeout(Duration::from_secs(3), bob.message()).await.expect("at once"), ringing(1));
    flood.abort();
}
