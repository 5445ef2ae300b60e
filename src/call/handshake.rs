//! How two contacts prove who they are and agree on the keys of one call (suite 2: X25519 and ML-KEM-768).
//!
//! ```text
//! A (caller)                                               B (callee)
//! Offer ────── INVITE   commits to eA, nA ───────────────▶
//!        ◀──── ACCEPT   eB, nB, ek, signed ────────────── Answer       after B's click
//! Verified                                                              A knows: this is B, now
//! Revealed ─── REVEAL   eA, nA, ct, signed, macA ────────▶              B knows: this is A
//!        ◀──── CONFIRM  macB ───────────────────────────── CallKeys
//! CallKeys
//!
//! commit = H("vesper/1 commit", call id, caller, callee, eA, nA)
//! T2     = H("vesper/1 T2", INVITE.core, ACCEPT without sigB)          sigB = Sign(idB, "vesper/1 accept", T2)
//! T3     = H("vesper/1 T3", T2, sigB, REVEAL without sigA and macA)    sigA = Sign(idA, "vesper/1 reveal", T3)
//! T4     = H("vesper/1 T4", T3, sigA)
//! PRK    = Extract(salt = T4, ikm = LP(X25519(eA, eB)) || LP(K))    ek, ct, K: ML-KEM-768, FIPS 203
//! macA   = HMAC(Expand(PRK, "vesper/1 confirm caller", 32), T4)
//! macB   = HMAC(Expand(PRK, "vesper/1 confirm callee", 32), T4 || macA)
//! words  = first 4 bytes of H("vesper/1 words", T2, eA, nA)
//! RK[0]  = Expand(PRK, "vesper/1 root", 32)
//! ```
//!
//! H hashes each part with its length before it; Extract and Expand are HKDF-SHA256. The descriptions, with both DTLS
//! fingerprints, are in T2. A commits before it sees eB, so whoever sits in between has one try at four words.
//! Each state is consumed by the step out of it: an ephemeral secret is used once and wiped.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::ephemeral::Ephemeral;
use super::event::CallSecrets;
use super::kem::{self, KemKey};
use super::words;
use crate::e2ee::{Direction, RootKey, Secret, expand, extract};
use crate::identity::{Identity, PublicKey, Signature, hash, length_prefixed};
use crate::signal::message::{Accept, CallId, Candidate, Confirm, InviteCore, MediaKind, Reveal};

/// X25519 with ML-KEM-768 beside it. Suite 1, X25519 alone, is history: one suite at a time leaves nothing to downgrade to.
pub const SUITE: u16 = 2;

/// What both sides know after a handshake that held.
#[derive(Debug)]
pub struct CallKeys {
    pub root: RootKey,
    /// The direction of what we send.
    pub direction: Direction,
    pub suite: u16,
    /// Picture and name of each of the four words. Equal on both sides, or somebody is in between.
    pub words: [(&'static str, &'static str); 4],
}

/// The rule that a message of the handshake broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// A suite that was not offered, that we do not have, or below what this contact used before.
    Suite,
    /// A signature, commitment or confirmation does not hold.
    Proof,
    /// An ephemeral key that would make the secret known to everyone, or that is ours come back.
    Ephemeral,
    /// A description equal to ours: somebody reflects.
    Description,
    /// A second, different message where the rules allow one.
    Changed,
}

/// A's state after INVITE.
pub(super) struct Offer {
    core: InviteCore,
    ephemeral: Ephemeral,
    nonce: [u8; 32],
    /// What the secret that is encapsulated to B comes from.
    kem_random: Secret,
}

/// A's state after an ACCEPT that holds: B is who we called, and it is now.
pub(super) struct Verified {
    call: CallId,
    t2: [u8; 32],
    sig_b: Signature,
    e_a: [u8; 32],
    nonce: [u8; 32],
    ct: Vec<u8>,
    shared: Shared,
}

/// A's state after REVEAL.
pub(super) struct Revealed {
    t4: [u8; 32],
    mac_a: [u8; 32],
    schedule: Schedule,
}

/// B's state after ACCEPT.
pub(super) struct Answer {
    core: InviteCore,
    t2: [u8; 32],
    sig_b: Signature,
    e_b: [u8; 32],
    ephemeral: Ephemeral,
    kem: KemKey,
}

/// What both sides know and nobody else: one secret for today's computers, one for tomorrow's.
struct Shared {
    x25519: Secret,
    ml_kem: Secret,
}

/// What PRK expands to; PRK itself is gone.
struct Schedule {
    confirm_caller: Secret,
    confirm_callee: Secret,
    root: Secret,
    words: [u8; 4],
}

impl Offer {
    /// Commits to `secrets`, without showing them.
    pub fn new(me: PublicKey, peer: PublicKey, call: CallId, media: MediaKind, secrets: CallSecrets) -> Self {
        let ephemeral = Ephemeral::new(secrets.ephemeral);
        let commit = commitment(call, me, peer, &ephemeral.public(), &secrets.nonce);
        let description = secrets.description;
        let core = InviteCore { call, caller: me, callee: peer, suites: vec![SUITE], media, commit, description };
        Self { core, ephemeral, nonce: secrets.nonce, kem_random: secrets.kem_random }
    }

    /// What INVITE says.
    pub fn core(&self) -> &InviteCore {
        &self.core
    }

    /// Rule 3. A refusal ends the call: eA is wiped either way.
    pub fn verify(self, accept: &Accept, lowest_suite: u16) -> Result<Verified, Refusal> {
        let Self { core, ephemeral, nonce, kem_random } = self;
        let offered = core.suites.contains(&accept.suite);
        if !offered || accept.suite != SUITE || accept.suite < lowest_suite {
            return Err(Refusal::Suite);
        }
        let t2 = hash(&[b"vesper/1 T2", &core.encode(), &accept.unsigned()]);
        if accept.call != core.call || !core.callee.verifies("vesper/1 accept", &t2, &accept.sig_b) {
            return Err(Refusal::Proof);
        }
        if accept.description.fingerprint == core.description.fingerprint {
            return Err(Refusal::Description);
        }
        let e_a = ephemeral.public();
        let x25519 = ephemeral.agree(&accept.e_b).ok_or(Refusal::Ephemeral)?;
        let (ct, ml_kem) = kem::encapsulate(&accept.ek, &kem_random).ok_or(Refusal::Ephemeral)?;
        Ok(Verified { call: core.call, t2, sig_b: accept.sig_b, e_a, nonce, ct, shared: Shared { x25519, ml_kem } })
    }
}

impl Verified {
    /// Shows what INVITE committed to. From here on this call has had its one try.
    pub fn reveal(self, me: &Identity, candidates: Vec<Candidate>) -> (Reveal, Revealed) {
        let Self { call, t2, sig_b, e_a, nonce, ct, shared } = self;
        let mut reveal = Reveal { call, e_a, n_a: nonce, ct, candidates, sig_a: [0; 64], mac_a: [0; 32] };
        let t3 = hash(&[b"vesper/1 T3", &t2, &sig_b, &reveal.unsigned()]);
        reveal.sig_a = me.sign("vesper/1 reveal", &t3);
        let t4 = hash(&[b"vesper/1 T4", &t3, &reveal.sig_a]);
        let schedule = Schedule::new(&t4, &shared, &t2, &e_a, &nonce);
        reveal.mac_a = mac(&schedule.confirm_caller, &[&t4]);
        let mac_a = reveal.mac_a;
        (reveal, Revealed { t4, mac_a, schedule })
    }
}

impl Revealed {
    /// Rule 5. Only now does A have keys to use.
    pub fn confirm(self, confirm: &Confirm) -> Result<CallKeys, Refusal> {
        let expected = mac(&self.schedule.confirm_callee, &[&self.t4, &self.mac_a]);
        if !bool::from(expected.ct_eq(&confirm.mac_b)) {
            return Err(Refusal::Proof);
        }
        Ok(self.schedule.keys(Direction::CallerToCallee))
    }
}

impl Answer {
    /// Answers an INVITE, after the click: the ACCEPT to send, signed, and what to keep.
    pub fn new(
        me: &Identity,
        core: InviteCore,
        secrets: CallSecrets,
        media: MediaKind,
        candidates: Vec<Candidate>,
    ) -> Result<(Accept, Self), Refusal> {
        if secrets.description.fingerprint == core.description.fingerprint {
            return Err(Refusal::Description);
        }
        let (ephemeral, kem) = (Ephemeral::new(secrets.ephemeral), KemKey::new(&secrets.kem_seed));
        let e_b = ephemeral.public();
        let mut accept = Accept {
            call: core.call,
            suite: SUITE,
            e_b,
            n_b: secrets.nonce,
            ek: kem.public(),
            media,
            description: secrets.description,
            candidates,
            sig_b: [0; 64],
        };
        let t2 = hash(&[b"vesper/1 T2", &core.encode(), &accept.unsigned()]);
        accept.sig_b = me.sign("vesper/1 accept", &t2);
        let sig_b = accept.sig_b;
        Ok((accept, Self { core, t2, sig_b, e_b, ephemeral, kem }))
    }

    /// Rule 4. A refusal ends the call: eB is wiped either way.
    pub fn open(self, reveal: &Reveal) -> Result<(Confirm, CallKeys), Refusal> {
        let Self { core, t2, sig_b, e_b, ephemeral, kem } = self;
        let commit = commitment(core.call, core.caller, core.callee, &reveal.e_a, &reveal.n_a);
        if reveal.call != core.call || commit != core.commit {
            return Err(Refusal::Proof);
        }
        if reveal.e_a == e_b {
            return Err(Refusal::Ephemeral);
        }
        let t3 = hash(&[b"vesper/1 T3", &t2, &sig_b, &reveal.unsigned()]);
        if !core.caller.verifies("vesper/1 reveal", &t3, &reveal.sig_a) {
            return Err(Refusal::Proof);
        }
        let x25519 = ephemeral.agree(&reveal.e_a).ok_or(Refusal::Ephemeral)?;
        let ml_kem = kem.open(&reveal.ct).ok_or(Refusal::Proof)?;
        let shared = Shared { x25519, ml_kem };
        let t4 = hash(&[b"vesper/1 T4", &t3, &reveal.sig_a]);
        let schedule = Schedule::new(&t4, &shared, &t2, &reveal.e_a, &reveal.n_a);
        if !bool::from(mac(&schedule.confirm_caller, &[&t4]).ct_eq(&reveal.mac_a)) {
            return Err(Refusal::Proof);
        }
        let mac_b = mac(&schedule.confirm_callee, &[&t4, &reveal.mac_a]);
        Ok((Confirm { call: core.call, mac_b }, schedule.keys(Direction::CalleeToCaller)))
    }
}

/// Whether a suite that we have is among those offered, and not below what this contact used before.
pub(super) fn acceptable(core: &InviteCore, lowest_suite: u16) -> bool {
    core.suites.contains(&SUITE) && SUITE >= lowest_suite
}

impl Schedule {
    fn new(t4: &[u8; 32], shared: &Shared, t2: &[u8; 32], e_a: &[u8; 32], n_a: &[u8; 32]) -> Self {
        let mut material = Zeroizing::new(Vec::with_capacity(72));
        length_prefixed(&mut material, &shared.x25519[..]);
        length_prefixed(&mut material, &shared.ml_kem[..]);
        let prk = extract(t4, &material);
        let [a, b, c, d, ..] = hash(&[b"vesper/1 words", t2, e_a, n_a]);
        Self {
            confirm_caller: expand(&prk, b"vesper/1 confirm caller"),
            confirm_callee: expand(&prk, b"vesper/1 confirm callee"),
            root: expand(&prk, b"vesper/1 root"),
            words: [a, b, c, d],
        }
    }

    fn keys(self, direction: Direction) -> CallKeys {
        CallKeys { root: RootKey::new(0, self.root), direction, suite: SUITE, words: words::words(self.words) }
    }
}

impl Refusal {
    /// What happened and what to do next, for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Suite => "The other Vesper offers weaker protection than this one. Ask them to update, and call again.",
            Self::Proof => {
                "The other side could not prove who they are, so the call was not made. Compare safety numbers before you call again."
            }
            Self::Ephemeral | Self::Description => {
                "The answer was not made for this call, so the call was stopped. Call again from another network."
            }
            Self::Changed => "Two different answers came to one call, so it was ended. Call again from another network.",
        }
    }
}

fn commitment(call: CallId, caller: PublicKey, callee: PublicKey, e_a: &[u8; 32], n_a: &[u8; 32]) -> [u8; 32] {
    hash(&[b"vesper/1 commit", &call.0, caller.as_bytes(), callee.as_bytes(), e_a, n_a])
}

fn mac(key: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key[..]).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
