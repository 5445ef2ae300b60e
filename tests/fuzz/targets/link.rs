//! What a contact says on the link, and what a person wrote in it.

use std::sync::OnceLock;

use vesper::contacts::{decode_hints, encode_hints};
use vesper::conversation::{links, version};
use vesper::signal::message::{
    About, Accept, CallId, Candidate, Confirm, Invite, InviteCore, MediaKind, Message, MessageId, Reveal, Text,
};

use super::{Dice, candidates, description, hints, key};

/// What is read is written back as the same bytes, so that a hash over it is the hash over what was sent.
pub fn link_message(data: &[u8]) {
    let bytes = Dice(data).bytes(messages());
    match Message::decode(&bytes) {
        // Hints of unknown kinds are left out: the one message that may be written otherwise than it came.
        Ok(message @ Message::Hints(_)) => assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message)),
        Ok(message) => assert_eq!(message.encode(), bytes),
        Err(_) => {}
    }
}

/// Lists stay below their caps, and hold only what may be dialled.
pub fn candidates_and_hints(data: &[u8]) {
    static HONEST: OnceLock<[Vec<Vec<u8>>; 2]> = OnceLock::new();
    let [lists, hinted] = HONEST.get_or_init(|| {
        let mut list = Vec::new();
        Candidate::write_list(&candidates(), &mut list);
        [vec![list], vec![encode_hints(&hints())]]
    });
    let mut dice = Dice(data);
    if dice.u8().is_multiple_of(2) {
        let bytes = dice.bytes(lists);
        if let Ok(read) = Candidate::decode_list(&bytes) {
            let mut written = Vec::new();
            Candidate::write_list(&read, &mut written);
            assert_eq!(written, bytes);
            let usable = |candidate: &Candidate| {
                let ip = candidate.address.ip();
                candidate.address.port() != 0 && !ip.is_multicast() && !ip.is_unspecified()
            };
            assert!(read.len() <= 16 && read.iter().all(usable));
        }
    } else if let Some(read) = decode_hints(&dice.bytes(hinted)) {
        assert!(read.len() <= 8);
        assert_eq!(decode_hints(&encode_hints(&read)), Some(read));
    }
}

/// What a person wrote, and what a program says of itself: links are parts of the text, whole characters, with a host.
pub fn written(data: &[u8]) {
    static HONEST: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let honest = HONEST.get_or_init(|| {
        let texts =
            ["see https://example.org/a?b#c, or (http://user@xn--bcher-kva.example:80).", "https://раypal.example ü", "1.20.3"];
        texts.map(|text| text.as_bytes().to_vec()).to_vec()
    });
    let bytes = Dice(data).bytes(honest);
    let text = String::from_utf8_lossy(&bytes);
    let mut end = 0;
    for link in links::find(&text) {
        assert!(link.range.start >= end && !link.range.is_empty() && !link.host.is_empty());
        assert!(text[link.range.clone()].to_ascii_lowercase().starts_with("http"), "nothing but a link to the web is one");
        end = link.range.end;
    }
    assert!(!(version::is_newer(&text, "1.2.3") && version::is_newer("1.2.3", &text)));
}

/// Every message of the link, as an honest contact would send it.
pub(super) fn messages() -> &'static [Vec<u8>] {
    static MESSAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let (call, media) = (CallId([7; 16]), MediaKind { video: true });
        let (caller, callee) = (key(1).public(), key(2).public());
        let core = InviteCore { call, caller, callee, suites: vec![2], media, commit: [5; 32], description: description(3) };
        let accept = Accept {
            call,
            suite: 2,
            e_b: [6; 32],
            n_b: [7; 32],
            ek: vec![8; 1184],
            media,
            description: description(4),
            candidates: candidates(),
            sig_b: [9; 64],
        };
        let reveal = Reveal {
            call,
            e_a: [6; 32],
            n_a: [7; 32],
            ct: vec![8; 1088],
            candidates: candidates(),
            sig_a: [9; 64],
            mac_a: [10; 32],
        };
        let all = [
            Message::Hints(hints()),
            Message::Ping(1),
            Message::Pong(1),
            Message::Invite(Invite { core, age_ms: 20 }),
            Message::Accept(accept),
            Message::Reveal(reveal),
            Message::Confirm(Confirm { call, mac_b: [1; 32] }),
            Message::Ringing { call, reason: 0 },
            Message::Cancel { call, reason: 0 },
            Message::Abort { call, reason: 1 },
            Message::Control(vec![1; 144].into()),
            Message::Text(Text { id: MessageId([4; 16]), seq: 1, lamport: 2, sent_ms: 3, body: "hello".into() }),
            Message::Receipt(vec![MessageId([4; 16]); 2]),
            Message::About(About { shows_presence: true, version: "1.2.3".into() }),
        ];
        all.iter().map(Message::encode).collect()
    })
}
