//! Who somebody is: the vault that says so on a disk, and the code that says so on a screen.

use std::sync::OnceLock;

use vesper::identity::{SafetyNumber, Vault, seal};
use zeroize::Zeroizing;

use super::{Dice, is_one_in, key};

/// A file that says what it likes: never opened by chance, never written to, and no memory or time taken because it says so. One input
/// in 64 is a file indeed; one in 256 that asks for a passphrase at the least cost that is allowed gets one, and then another.
pub fn vault(data: &[u8]) {
    static HONEST: OnceLock<(tempfile::TempDir, Vec<Vec<u8>>)> = OnceLock::new();
    let (folder, honest) = HONEST.get_or_init(|| {
        let folder = tempfile::tempdir().expect("there is room for a file");
        let path = folder.path().join("honest");
        Vault::create(&path, None, b"a body").expect("there is room for a file");
        let open = std::fs::read(&path).expect("it was just written");
        // One whose slot asks for a passphrase, and for as much as Vesper does.
        let mut asks = open.clone();
        asks[14] = 1;
        asks[15..27].copy_from_slice(&[0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4]);
        (folder, vec![open, asks, sealed_vault("passphrase", b"a body")])
    });
    let bytes = Dice(data).bytes(honest);
    let path = folder.path().join(format!("{:?}", std::thread::current().id()));
    let opened = Vault::open_bytes(&bytes, &path, None);
    assert_eq!(
        opened.as_ref().is_ok_and(|(_, body)| **body == b"a body"[..]),
        bytes == honest[0],
        "what opens is what was sealed"
    );
    if is_one_in(64, data) {
        std::fs::write(&path, &bytes).expect("there is room for a file");
        let needs = Vault::needs_passphrase(&path);
        assert_eq!(Vault::open(&path, None).is_ok(), opened.is_ok());
        assert!(opened.is_err() || !needs.expect("what opens says how"));
        assert!(std::fs::read(&path).expect("it is there") == bytes, "what does not open is left as it is");
    }
    // One slot, and not a cost beyond the least.
    if bytes.get(13..27) == Some(&honest[2][13..27]) && is_one_in(256, data) {
        let opened = Vault::open_bytes(&bytes, &path, Some("passphrase"));
        assert_eq!(opened.is_ok_and(|(_, body)| **body == b"a body"[..]), bytes == honest[2], "what opens is what was sealed");
        assert!(Vault::open_bytes(&bytes, &path, Some("another")).is_err());
    }
}

/// A vault with a passphrase, by the document and not by the code: 8 MiB, once, one lane.
fn sealed_vault(passphrase: &str, body: &[u8]) -> Vec<u8> {
    let params = argon2::Params::new(8 << 10, 1, 1, Some(32)).expect("a cost of the standard");
    let mut memory = vec![argon2::Block::default(); params.block_count()];
    let (mut key, data_key, salt) = (Zeroizing::new([0; 32]), Zeroizing::new([9; 32]), [5; 32]);
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.as_bytes(), &salt, &mut *key, &mut memory)
        .expect("there is room for 8 MiB");
    let fields = [&[1][..], &[0, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1], &salt].concat();
    let header = [&b"vesper vault\x01\x01"[..], &fields, &seal::seal(&key, &fields, &*data_key)].concat();
    [&header[..], &seal::seal(&data_key, &header, body)].concat()
}

/// What a camera reads off somebody's screen.
pub fn safety_code(data: &[u8]) {
    static HONEST: OnceLock<(SafetyNumber, Vec<Vec<u8>>)> = OnceLock::new();
    let (number, honest) = HONEST.get_or_init(|| {
        let (mine, theirs) = (key(1).public(), key(2).public());
        let code = SafetyNumber::between(&theirs, &mine).code();
        (SafetyNumber::between(&mine, &theirs), vec![code.into_bytes()])
    });
    let bytes = Dice(data).bytes(honest);
    let scanned = String::from_utf8_lossy(&bytes);
    let holds = number.compare(&scanned) == vesper::identity::Scanned::Match;
    assert_eq!(holds, scanned.trim().as_bytes() == honest[0], "one text alone says that nobody is in between");
}
