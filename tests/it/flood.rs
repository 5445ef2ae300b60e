//! A contact who writes without end: what nobody could read waits on their side, and the person is told.

use std::time::{Duration, Instant};

use vesper::signal::message::{Message, MessageId, Text};

use crate::hostile::stolen::{Stolen, target};
use crate::lab::Lab;
use crate::lab::cable::Quality;
use crate::lab::people::People;
use crate::lab::vesper::Vesper;

/// Tells [`the_writer`] whom to write to.
const TARGET: &str = "VESPER_TEST_FLOOD";
const TEXTS: u64 = 3000;
/// How many come in a row, and how many more a second.
const IN_A_ROW: usize = 1000;
const A_SECOND: usize = 4;

#[test]
fn a_contact_who_writes_without_end_is_taken_in_little_by_little_and_the_person_is_told() {
    let (Some(people), Some(lab)) = (People::meet(), Lab::up(Quality::CLEAN)) else { return };
    let mut bob = Vesper::start(Some(&lab.b), &people.bob.folder, ["answer"]);
    let carol_writes = |text: &str| {
        let sent = Vesper::start(Some(&lab.a), &people.carol.folder, ["message", &people.bob.key, text, "--wait"]).end();
        assert_eq!(sent.code, Some(0), "{}", sent.errors);
    };
    carol_writes("are you there?");
    let mut writer = lab.a.command(std::env::current_exe().unwrap());
    writer.args(["--exact", "flood::the_writer", "--nocapture"]).env(TARGET, target(&people, &bob, &lab));
    let began = Instant::now();
    let output = writer.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // Whoever runs tests one by one has their name before it on the line.
    let (_, acknowledged) = said.split_once("acknowledged ").unwrap();
    let acknowledged: usize = acknowledged.lines().next().unwrap().parse().unwrap();
    // On a slow disk it lasts longer, and more are taken.
    let most = IN_A_ROW + A_SECOND * (began.elapsed().as_secs() as usize + 1);
    assert!((IN_A_ROW..=most).contains(&acknowledged), "{acknowledged} of {TEXTS}, at most {most}");

    bob.wait_for("warning", |warning| warning["text"].as_str().is_some_and(|text| text.contains("writes more at once")));
    carol_writes("others are heard as before");
    bob.terminate();
    assert_eq!(bob.end().code, Some(0));
    let kept = Vesper::start(None, &people.bob.folder, ["messages", &people.alice.key]).end();
    assert_eq!(kept.events.len(), acknowledged, "what was acknowledged is kept, and nothing else");
}

/// Alice's keys in the wrong hands, as a process in the other host: says how many of its texts were acknowledged.
#[test]
fn the_writer() {
    let Ok(target) = std::env::var(TARGET) else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(write(&Stolen::read(&target)));
}

async fn write(stolen: &Stolen) {
    let endpoint = stolen.endpoint().await;
    let (mut send, mut receive) = stolen.connect(&endpoint, 1).await.expect("a contact is let in");
    let receipts = tokio::spawn(async move {
        let mut acknowledged = 0;
        let mut length = [0; 4];
        while tokio::time::timeout(Duration::from_secs(5), receive.read_exact(&mut length)).await.is_ok_and(|read| read.is_ok()) {
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            receive.read_exact(&mut frame).await.unwrap();
            if let Ok(Message::Receipt(ids)) = Message::decode(&frame) {
                acknowledged += ids.len();
            }
        }
        acknowledged
    });
    for n in 1..=TEXTS {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        let text = Text { id: MessageId(id), seq: n, lamport: n, sent_ms: n, body: "buy this".into() };
        let bytes = Message::Text(text).encode();
        send.write_all(&[&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()).await.unwrap();
    }
    println!("acknowledged {}", receipts.await.unwrap());
    endpoint.close().await;
}
