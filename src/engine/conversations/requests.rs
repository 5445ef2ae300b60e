//! What the command line, here or in another process, may ask about conversations.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};

use super::zone;
use crate::conversation::{Call, Content, Entry, Library, Outcome, State, Thread, Zone};
use crate::engine::core::Core;
use crate::engine::people::People;
use crate::engine::request::{Line, Reply, Request};
use crate::engine::words::in_words;
use crate::identity::PublicKey;
use crate::signal::message::{MAX_BODY, MessageId};

/// What one answer holds at most, but for its last line; the socket between two processes takes four times as much.
const PAGE: usize = 1 << 20;

impl Core {
    /// Answers a question about conversations, with the library open.
    pub(in crate::engine) fn answer_about_messages(&mut self, request: &Request, now: Instant) -> Reply {
        self.perform_about_messages(request, now).map_err(|error| in_words(&error))
    }

    fn perform_about_messages(&mut self, request: &Request, now: Instant) -> Result<Vec<Line>> {
        if let Request::Message { id, text } = request {
            let peer = self.people.find(id)?;
            let message = self.keep_own(peer, text)?;
            self.conversations.show();
            self.send_what_waits(now);
            return Ok(vec![kept(&self.people, peer, message)]);
        }
        let library = self.conversations.library().map_err(anyhow::Error::msg)?;
        read(&self.people, library, request)
    }
}

/// Whether `body` can be written to `peer`; else what is wrong, in a sentence.
pub fn check_message(people: &People, peer: PublicKey, body: &str) -> Result<()> {
    if people.accepted(peer).is_none() {
        bail!("only contacts can be written to; add this person first");
    }
    check_body(body)
}

/// Whether `body` can be a message, whoever it is for.
pub fn check_body(body: &str) -> Result<()> {
    if body.trim().is_empty() {
        bail!("there is nothing in this message; write something");
    }
    if body.len() > MAX_BODY {
        bail!("a message can be 32 KiB long, and this one is {} KiB; send it in parts", body.len().div_ceil(1024));
    }
    Ok(())
}

/// Answers what only reads.
pub fn read(people: &People, library: &Library, request: &Request) -> Result<Vec<Line>> {
    match request {
        Request::Messages { id, last, after } => {
            let (peer, zone) = (people.find(id)?, zone());
            let Some(thread) = library.thread(&peer) else { return Ok(Vec::new()) };
            let name = petname(people, peer);
            let lines = from(thread, *last, after.as_deref()).map(|entry| line(entry, peer, &name, &zone));
            Ok(page(lines, PAGE))
        }
        Request::IsDelivered { message } => {
            let entries = library.threads().values().flat_map(|thread| thread.iter().rev());
            let entry = entries.into_iter().find(|entry| entry.mine && entry.id().to_string() == *message);
            let entry = entry.ok_or_else(|| anyhow!("there is no such message any more"))?;
            let state = state_name(entry.state);
            Ok(vec![Line::new(json!({"id": message, "state": state}), state)])
        }
        _ => bail!("this is no question about messages"),
    }
}

/// The last entries of `thread`, or those after the one that was shown last.
fn from<'a>(thread: &'a Thread, last: Option<usize>, after: Option<&str>) -> impl Iterator<Item = &'a Arc<Entry>> {
    let skip = match after {
        Some(id) => thread.iter().position(|entry| entry.id().to_string() == id).map_or(thread.len(), |index| index + 1),
        None => thread.len().saturating_sub(last.unwrap_or(usize::MAX)),
    };
    thread.iter().skip(skip)
}

/// As many lines as fit into `most` bytes, and one more.
fn page(lines: impl Iterator<Item = Line>, most: usize) -> Vec<Line> {
    let mut bytes = 0;
    let fits = |line: &Line| {
        let room = bytes < most;
        bytes += serde_json::to_string(line).map_or(0, |line| line.len());
        room
    };
    lines.take_while(fits).collect()
}

/// What is said of a text that was just kept.
pub fn kept(people: &People, peer: PublicKey, message: MessageId) -> Line {
    let text = format!("waiting until you and {} are online together", petname(people, peer));
    Line::new(json!({"id": message.to_string(), "peer": peer.to_string(), "state": state_name(State::Waiting)}), text)
}

fn line(entry: &Entry, peer: PublicKey, name: &str, zone: &Zone) -> Line {
    let at = zone.at(entry.at_ms);
    let when = format!("{}-{:02}-{:02} {:02}:{:02}", at.year, at.month, at.day, at.hour, at.minute);
    let mut json = json!({
        "id": entry.id().to_string(), "peer": peer.to_string(), "mine": entry.mine, "sent_us": entry.at_ms * 1000,
        "lamport": entry.position.lamport, "state": state_name(entry.state),
    });
    let said = match &entry.content {
        Content::Text(_) => {
            let text = entry.text().unwrap_or_default();
            json["text"] = Value::from(text);
            let mark = if entry.waits() { " (waiting)" } else { "" };
            format!("{}: {}{mark}", if entry.mine { "you" } else { name }, one_line(text))
        }
        Content::Call(call) => {
            json["mine"] = Value::from(call.outgoing);
            json["call"] = call_json(call);
            let direction = if call.outgoing { "you called" } else { "they called" };
            format!("{direction}: {}", outcome_name(call.outcome))
        }
    };
    Line::new(json, format!("{when}  {said}"))
}

fn call_json(call: &Call) -> Value {
    json!({
        "outgoing": call.outgoing, "media": if call.video { "video" } else { "audio" },
        "outcome": outcome_name(call.outcome), "seconds": call.seconds,
    })
}

/// A terminal obeys some characters: none of them comes from a peer.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect()
}

fn petname(people: &People, peer: PublicKey) -> String {
    people.contacts.iter().find(|contact| contact.key == peer).map(|contact| contact.petname.clone()).unwrap_or_default()
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Delivered => "delivered",
        State::Unseen => "unseen",
        State::Seen => "seen",
    }
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Talked => "talked",
        Outcome::Missed => "missed",
        Outcome::Declined => "declined",
        Outcome::Unanswered => "unanswered",
        Outcome::Busy => "busy",
        Outcome::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::order::Position;
    use crate::identity::Identity;

    #[test]
    fn a_message_has_words_and_at_most_32_kib_of_them() {
        assert!(check_body("x").is_ok() && check_body(&"x".repeat(MAX_BODY)).is_ok());
        let refused = |body: &str| check_body(body).unwrap_err().to_string();
        assert!(refused("").contains("write something") && refused(" \n\t").contains("write something"));
        assert!(refused(&"x".repeat(MAX_BODY + 1)).contains("this one is 33 KiB"));
    }

    #[test]
    fn pages_hold_every_entry_once_and_end() {
        let me = Identity::from_secret(&[1; 32]).public();
        let entry = |n: u64| {
            let position = Position { lamport: n, sender: me, seq: n, id: MessageId([n as u8; 16]) };
            Entry { position, mine: true, at_ms: n, content: Content::text(format!("text {n}")), state: State::Waiting }
        };
        let thread: Thread = (0..100).map(entry).collect();
        for (last, wanted) in [(None, 100), (Some(30), 30), (Some(0), 0), (Some(1000), 100)] {
            let (mut read, mut after): (Vec<Line>, Option<String>) = (Vec::new(), None);
            loop {
                let lines = from(&thread, last, after.as_deref()).map(|entry| line(entry, me, "Bo", &Zone::default()));
                let page = page(lines, 2000);
                assert!(page.len() < 20);
                let Some(line) = page.last() else { break };
                after = line.json["id"].as_str().map(str::to_owned);
                read.extend(page);
            }
            let numbers: Vec<_> = read.iter().map(|line| line.json["lamport"].as_u64().unwrap()).collect();
            assert_eq!(numbers, (100 - wanted..100).collect::<Vec<_>>());
        }
    }
}
