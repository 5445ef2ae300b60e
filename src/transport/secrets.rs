//! What one call's peer connection is known by: fresh each call, and chosen before any socket is open.

use rtc::crypto::{self, SignatureScheme};
use webrtc::peer_connection::RTCCertificate;

use crate::identity::random;
use crate::signal::message::Description;

/// RFC 8839 asks for 4 and 22 characters (24 and 128 bits); these are 48 and 192 bits.
const UFRAG_LENGTH: usize = 8;
const PWD_LENGTH: usize = 32;

/// Certificate and ICE credentials of one call. No other call, and no restart of this one's transport, uses them again.
pub struct LocalSecrets {
    pub(super) certificate: RTCCertificate,
    /// SHA-256 of the DTLS certificate in DER.
    pub fingerprint: [u8; 32],
    pub ufrag: String,
    pub pwd: String,
}

impl LocalSecrets {
    /// Makes a key on P-256 and a certificate that it signed itself: DTLS wants one, and nobody reads what it says.
    pub fn generate() -> Self {
        let provider = crypto::default_provider().expect("a crypto provider is compiled in");
        let certificate = RTCCertificate::generate(provider.crypto(), SignatureScheme::EcdsaP256Sha256, Default::default())
            .expect("the compiled-in provider signs with P-256");
        let der = certificate.dtls_certificate.certificate.first().expect("a certificate of our own has one link");
        let fingerprint = super::watch::fingerprint(der);
        Self { certificate, fingerprint, ufrag: ice_text(UFRAG_LENGTH), pwd: ice_text(PWD_LENGTH) }
    }

    /// What the other side needs to know. It holds no address.
    pub fn description(&self, codecs: Vec<u8>) -> Description {
        Description { fingerprint: self.fingerprint, ufrag: self.ufrag.clone(), pwd: self.pwd.clone(), codecs }
    }
}

impl std::fmt::Debug for LocalSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalSecrets(..)")
    }
}

/// `length` characters of RFC 8839's `ice-char`, each even among 64.
fn ice_text(length: usize) -> String {
    const CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    random::<PWD_LENGTH>()[..length].iter().map(|byte| char::from(CHARS[usize::from(byte % 64)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_has_secrets_of_its_own() {
        let (a, b) = (LocalSecrets::generate(), LocalSecrets::generate());
        assert_ne!(a.fingerprint, b.fingerprint);
        assert_ne!(a.ufrag, b.ufrag);
        assert_ne!(a.pwd, b.pwd);
    }

    #[test]
    fn credentials_have_the_length_that_ice_wants() {
        let secrets = LocalSecrets::generate();
        assert_eq!((secrets.ufrag.len(), secrets.pwd.len()), (UFRAG_LENGTH, PWD_LENGTH));
    }
}
