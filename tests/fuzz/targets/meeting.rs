//! How two people become contacts: the invitation, and the knock of who has it.

use std::sync::OnceLock;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vesper::contacts::{Invitation, OpenInvitation, PairSecret};
use vesper::identity::hash;
use vesper::signal::knock::protocol::{Answer, Binding, KNOCK, KnockAnswer, OK};

use super::{Dice, hints, key};

/// What is read is an invitation that reads as the same again.
pub fn invitation(data: &[u8]) {
    static HONEST: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let honest = HONEST.get_or_init(|| {
        let open = OpenInvitation::new("Ana", hints(), "for Bo", true, 1, 90_000);
        vec![open.invitation.encode().into_bytes()]
    });
    let mut dice = Dice(data);
    let raw = dice.u8();
    let bytes = dice.bytes(honest);
    let text = if raw < 64 {
        // Past the checksum, which no chance gets right: any fields at all, with the right sum.
        let mut fields = [&[1][..], &bytes].concat();
        let sum = <Sha256 as sha2::Digest>::digest(&fields);
        fields.extend_from_slice(&sum[..4]);
        format!("vesper:{}", data_encoding::BASE32_NOPAD.encode(&fields))
    } else {
        String::from_utf8_lossy(&bytes).into_owned()
    };
    if let Ok(read) = Invitation::parse(&text) {
        assert!(read.hints.len() <= 8 && read.name.len() <= 64);
        assert_eq!(Invitation::parse(&read.encode()), Ok(read));
    }
}

/// A knock and its answer: only who holds secret and key gets past the proof, and what they say then is read or refused.
pub fn knock(data: &[u8]) {
    let binding = Binding { x: [1; 32], knock_id: key(2).public(), secret: [3; 16] };
    static HONEST: OnceLock<[Vec<Vec<u8>>; 2]> = OnceLock::new();
    let [knocks, answers] = HONEST.get_or_init(|| {
        let k1 = binding.knock(key(4), "Ada", &hints());
        let ok = KnockAnswer::Ok { name: "Bob".into(), hints: hints(), pair_secret: PairSecret::from_bytes([5; 32]) };
        [vec![k1.clone()], vec![binding.answer(key(6), &k1, &ok)]]
    });
    let k1 = &knocks[0];
    let mut dice = Dice(data);
    match dice.u8() % 4 {
        0 => {
            let bytes = dice.bytes(knocks);
            assert_eq!(binding.check_knock(&bytes).is_some(), bytes == *k1, "nothing but the knock that was signed holds");
        }
        1 => {
            let bytes = dice.bytes(answers);
            if let Ok(Answer::Ok(card, _)) = binding.check_answer(k1, &bytes) {
                assert_eq!(card.key, key(6).public());
            }
        }
        // Whoever holds the invitation signs any body at all.
        2 => {
            let body = dice.bytes(&[k1[..k1.len() - 96].to_vec()]);
            let proof = Hmac::<Sha256>::new_from_slice(&binding.secret).expect("any length").chain_update(b"vesper/1 knock");
            let proof = proof.chain_update(binding.x).chain_update(&body).finalize().into_bytes();
            let signed = hash(&[&binding.x, binding.knock_id.as_bytes(), &binding.secret, &body]);
            let knock = [&body[..], &proof, &key(4).sign("vesper/1 knock", &signed)].concat();
            if let Some(card) = binding.check_knock(&knock) {
                assert!(card.key == key(4).public() && card.name.len() <= 64 && card.hints.len() <= 8);
            }
        }
        _ => {
            let card = dice.bytes(&[answers[0][1..answers[0].len() - 96].to_vec()]);
            let signature = key(6).sign("vesper/1 knock ok", &hash(&[&binding.x, binding.knock_id.as_bytes(), k1]));
            let answer = [&[OK][..], &card, &[5; 32], &signature].concat();
            if let Ok(Answer::Ok(card, _)) = binding.check_answer(k1, &answer) {
                assert!(card.key == key(6).public() && card.name.len() <= 64 && card.hints.len() <= 8);
            }
        }
    }
    debug_assert_eq!(KNOCK, 1);
}
