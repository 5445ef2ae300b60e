//! STUN and TURN servers as people write them.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use webrtc::peer_connection::RTCIceServer;

use super::config::TransportError;

/// How long servers may take to be found, and then to answer; what is missing by then is left out.
pub(super) const SERVER_PATIENCE: Duration = Duration::from_secs(2);

/// The library's form of the servers, names resolved, and whom the sockets may talk to for them.
pub(super) async fn resolve(servers: &[String]) -> Result<(Vec<RTCIceServer>, Vec<SocketAddr>), TransportError> {
    let (mut resolved, mut addresses) = (Vec::new(), Vec::new());
    // One limit for all names: a call has to begin before its own deadline, however many servers are gone.
    let deadline = Instant::now() + SERVER_PATIENCE;
    for server in servers {
        let parsed = IceServer::parse(server).ok_or_else(|| TransportError::IceServer(server.clone()))?;
        let found = timeout_at(deadline, tokio::net::lookup_host((parsed.host, parsed.port))).await;
        let Ok(Ok(found)) = found else {
            tracing::warn!("the name of a STUN or TURN server was not found");
            continue;
        };
        // The library writes TURN servers' IPv6 addresses in a way that it cannot read.
        if let Some(address) = found.into_iter().find(SocketAddr::is_ipv4) {
            addresses.push(address);
            resolved.push(RTCIceServer {
                urls: vec![format!("{}:{address}{}", parsed.scheme, parsed.query)],
                username: parsed.user.to_owned(),
                credential: parsed.password.to_owned(),
            });
        }
    }
    Ok((resolved, addresses))
}

/// Whether `text` names a server in the way that [`PeerConfig`](super::PeerConfig) takes it.
pub fn is_ice_server(text: &str) -> bool {
    IceServer::parse(text).is_some()
}

#[derive(Debug, PartialEq)]
struct IceServer<'a> {
    scheme: &'static str,
    query: &'static str,
    user: &'a str,
    password: &'a str,
    host: &'a str,
    port: u16,
}

impl<'a> IceServer<'a> {
    /// Reads `stun:HOST[:PORT]` or `turn:USER:PASSWORD@HOST[:PORT]`.
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once(':')?;
        let rest = rest.trim_end_matches("?transport=udp");
        let (scheme, query, login, place) = match scheme {
            "stun" => ("stun", "", ("", ""), rest),
            "turn" => {
                let (login, place) = rest.rsplit_once('@')?;
                ("turn", "?transport=udp", login.split_once(':')?, place)
            }
            _ => return None,
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, port.parse().ok()?),
            _ => (place, 3478),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (user, password) = login;
        (!host.is_empty()).then_some(Self { scheme, query, user, password, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_as_people_write_them() {
        let turn = IceServer::parse("turn:ann:pa:ss@relay.example:5000?transport=udp").unwrap();
        assert_eq!((turn.user, turn.password, turn.host, turn.port), ("ann", "pa:ss", "relay.example", 5000));
        let stun = IceServer::parse("stun:stun.example").unwrap();
        assert_eq!((stun.host, stun.port), ("stun.example", 3478));
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in ["", "stun:", "http://x", "turn:relay.example", "turns:a:b@c", "stun:x:99999"] {
            assert_eq!(IceServer::parse(text), None, "{text}");
        }
    }
}
