//! The safety number: sixty digits that two people read to each other to know that nobody stands between their keys.
//!
//! Signal's method (numeric fingerprint, version 0). Of each key thirty digits: `h₀ = 00 00 || key || id`,
//! `hᵢ = SHA-512(hᵢ₋₁ || key)`, 5200 rounds, then the first thirty bytes as six big-endian groups of five bytes modulo 100000.
//! A person's stable id is the key itself. The smaller half comes first, so that both sides see the same number.
//!
//! A code that a camera reads is `"VESPER-SAFETY:" || base32(version 1 || own hash 32 || other's hash 32)`, in the alphabet of
//! RFC 4648 without padding, where a hash is the first 32 bytes of h₅₂₀₀.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;

use super::PublicKey;

/// How often the hash is taken: what makes searching for a key with a similar number expensive.
const ROUNDS: u32 = 5200;
const CODE: &str = "VESPER-SAFETY:";
const CODE_VERSION: u8 = 1;
/// Far more than a code of any version to come; what is longer is not looked at.
const MAX_CODE: usize = 1024;

/// What two keys make together: the number to read aloud, and the code to hold before a camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyNumber {
    own: [u8; 32],
    other: [u8; 32],
}

/// What a scanned code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scanned {
    /// The other side sees our key and has the key that we know: nobody is in between.
    Match,
    /// It is a code for us, but of another key than the one that we know of this contact.
    OtherKey,
    /// It is a code of this contact's key, but they know another key of ours.
    NotUs,
    /// It is a code between two other people.
    Strangers,
    /// It was made by a newer Vesper.
    Newer,
    /// It is no code of this kind.
    NotACode,
}

impl SafetyNumber {
    /// The number of `own` and `other`. Takes some milliseconds.
    pub fn between(own: &PublicKey, other: &PublicKey) -> Self {
        let of = |key: &PublicKey| hash(key.as_bytes(), key.as_bytes());
        Self { own: of(own), other: of(other) }
    }

    /// The sixty digits, without spaces; the same on both sides.
    pub fn digits(&self) -> String {
        let mut halves = [digits(&self.own), digits(&self.other)];
        halves.sort();
        halves.concat()
    }

    /// The digits in twelve groups of five.
    pub fn groups(&self) -> [String; 12] {
        let digits = self.digits();
        std::array::from_fn(|group| digits[group * 5..][..5].to_owned())
    }

    /// What our QR code holds: characters of its alphanumeric mode.
    pub fn code(&self) -> String {
        let bytes = [&[CODE_VERSION][..], &self.own, &self.other].concat();
        format!("{CODE}{}", BASE32_NOPAD.encode(&bytes))
    }

    /// Compares what a camera read with what the code of the other side must be.
    pub fn compare(&self, scanned: &str) -> Scanned {
        let scanned = scanned.trim();
        let Some(text) = scanned.strip_prefix(CODE).filter(|text| text.len() <= MAX_CODE) else { return Scanned::NotACode };
        let Ok(bytes) = BASE32_NOPAD.decode(text.as_bytes()) else { return Scanned::NotACode };
        match bytes.split_first() {
            Some((&CODE_VERSION, hashes)) if hashes.len() == 64 => {
                let (theirs, ours) = hashes.split_at(32);
                match (bool::from(theirs.ct_eq(&self.other)), bool::from(ours.ct_eq(&self.own))) {
                    (true, true) => Scanned::Match,
                    (false, true) => Scanned::OtherKey,
                    (true, false) => Scanned::NotUs,
                    (false, false) => Scanned::Strangers,
                }
            }
            Some((&version, _)) if version > CODE_VERSION => Scanned::Newer,
            _ => Scanned::NotACode,
        }
    }
}

/// The first 32 bytes of h₅₂₀₀.
fn hash(key: &[u8], id: &[u8]) -> [u8; 32] {
    let mut hash = [&[0, 0][..], key, id].concat();
    for _ in 0..ROUNDS {
        hash = Sha512::new().chain_update(&hash).chain_update(key).finalize().to_vec();
    }
    *hash.first_chunk().expect("SHA-512 has 64 bytes")
}

/// Six groups of five digits.
fn digits(hash: &[u8; 32]) -> String {
    let group = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)) % 100_000;
    hash[..30].chunks_exact(5).map(|bytes| format!("{:05}", group(bytes))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::Identity;

    /// Signal's published vectors (libsignal, `fingerprint.rs`): key with its type byte, id, digits.
    const PUBLISHED: [(&str, &str, &str); 2] = [
        ("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868", "+14152222222", "300354477692869396892869876765"),
        ("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b", "+14153333333", "458257569162576843440918079131"),
    ];

    fn key(seed: u8) -> PublicKey {
        Identity::from_secret(&[seed; 32]).public()
    }

    #[test]
    fn the_published_vectors_of_the_method_come_out() {
        for (key, id, wanted) in PUBLISHED {
            let key = data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap();
            assert_eq!(digits(&hash(&key, id.as_bytes())), wanted);
        }
    }

    #[test]
    fn both_sides_see_the_same_sixty_digits_and_a_third_key_sees_others() {
        let (ana, bo, eve) = (key(1), key(2), key(3));
        let number = SafetyNumber::between(&ana, &bo);
        assert_eq!(number.digits(), SafetyNumber::between(&bo, &ana).digits());
        assert_ne!(number.digits(), SafetyNumber::between(&eve, &bo).digits());
        assert_eq!(number.groups().concat(), number.digits());
        assert!(number.digits().len() == 60 && number.digits().bytes().all(|digit| digit.is_ascii_digit()));
    }

    #[test]
    fn a_scanned_code_matches_the_other_side_only_and_each_trouble_has_its_name() {
        let (ana, bo, eve, dan) = (key(1), key(2), key(3), key(4));
        let mine = SafetyNumber::between(&ana, &bo);
        let code = |own: &PublicKey, other: &PublicKey| SafetyNumber::between(own, other).code();
        assert_eq!(mine.compare(&code(&bo, &ana)), Scanned::Match);
        assert_eq!(mine.compare(&mine.code()), Scanned::Strangers, "our own code held before our own camera");
        assert_eq!(mine.compare(&code(&eve, &ana)), Scanned::OtherKey);
        assert_eq!(mine.compare(&code(&bo, &eve)), Scanned::NotUs);
        assert_eq!(mine.compare(&code(&eve, &dan)), Scanned::Strangers);
        let newer = format!("{CODE}{}", BASE32_NOPAD.encode(&[2; 80]));
        assert_eq!(mine.compare(&newer), Scanned::Newer);
        for other in ["", "https://example.org", "vesper:aaaa", CODE, "VESPER-SAFETY:AE", "VESPER-SAFETY:!"] {
            assert_eq!(mine.compare(other), Scanned::NotACode, "{other}");
        }
    }

    #[test]
    fn a_code_is_made_of_what_a_small_qr_code_can_hold() {
        let code = SafetyNumber::between(&key(1), &key(2)).code();
        assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-:".contains(&byte)), "{code}");
        assert!(code.len() < 128);
    }

    proptest! {
        #[test]
        fn no_text_is_a_match_by_chance(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..70)) {
            let number = SafetyNumber { own: [1; 32], other: [2; 32] };
            prop_assert_eq!(number.compare(&text), Scanned::NotACode);
            let coded = format!("{CODE}{}", BASE32_NOPAD.encode(&bytes));
            prop_assert_ne!(number.compare(&coded), Scanned::Match);
        }
    }
}
