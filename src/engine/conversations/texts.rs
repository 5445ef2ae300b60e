//! Texts and calls on their way to the disk, to the other side, and back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;

use super::requests::check_message;
use super::{BATCH, GATHER, MOST_EARLY, Stage, now_ms};
use crate::conversation::{Allowance, Call, State, Step, TooMuch, notes_missed};
use crate::engine::command::Command;
use crate::engine::core::Core;
use crate::engine::event::What;
use crate::engine::snapshot::{NoticeKind, Returned};
use crate::identity::PublicKey;
use crate::signal::message::{MAX_RECEIPTS, Message, MessageId, Text};

impl Core {
    /// A wish about a conversation. `peer` is whoever the call is with, if there is one.
    pub(in crate::engine) fn talk_command(&mut self, command: Command, in_call: Option<PublicKey>, now: Instant) {
        match command {
            Command::Write { key, body } => self.write(key, body, now),
            Command::WriteInCall { body } => match in_call {
                Some(peer) => self.write(peer, body, now),
                None => self.notices.failed(&anyhow::anyhow!("there is no call to write in; use `vesper message CONTACT TEXT`")),
            },
            Command::See { key } => self.see(key),
            Command::OpenLink { url } => {
                if let Err(error) = super::opener::open(&url) {
                    self.notices.error(&error);
                }
            }
            Command::DeleteMessage { key, position } => {
                let deleted = self.conversations.library().map(|library| library.delete(key, &position));
                if let Some(outbox) = self.conversations.outboxes.get_mut(&key) {
                    outbox.forget(&position.id);
                }
                self.changed(deleted);
            }
            Command::DeleteConversation { key } => {
                let deleted = self.conversations.library().map(|library| library.delete_conversation(key));
                if matches!(deleted, Ok(Ok(()))) {
                    self.conversations.outboxes.remove(&key);
                    if self.network.online(key) {
                        self.conversations.outbox(key).linked();
                    }
                    self.forget_last(key);
                    self.relent(key);
                }
                self.changed(deleted);
            }
            _ => {}
        }
    }

    /// A message of the link, if it is about a conversation; else it comes back.
    pub(in crate::engine) fn talk_message(&mut self, peer: PublicKey, message: Message, now: Instant) -> Option<Message> {
        match message {
            Message::Text(text) => self.take_in(peer, text, now),
            Message::Receipt(ids) => self.delivered(peer, &ids, now),
            Message::About(about) => self.heard_about(peer, &about, now),
            other => return Some(other),
        }
        None
    }

    /// Notes a call that is over.
    pub(in crate::engine) fn note_call(&mut self, peer: PublicKey, call: Call) {
        if self.people.accepted(peer).is_some() {
            self.keep_call(peer, call, now_ms());
            self.conversations.show();
        }
    }

    /// Keeps a call in the library, or beside it while that is not open. False if the disk did not take it; the person is told.
    fn keep_call(&mut self, peer: PublicKey, call: Call, at_ms: u64) -> bool {
        let kept = match &mut self.conversations.stage {
            Stage::Ready(library) if call.is_missed() && !notes_missed(library.thread(&peer).map(Arc::as_ref)) => Ok(()),
            Stage::Ready(library) => library.note_call(peer, call, at_ms).map(drop).map_err(anyhow::Error::from),
            Stage::Opening | Stage::Locked => match &mut self.conversations.meanwhile {
                Some(meanwhile) => meanwhile.put(peer, call, at_ms).context("a call cannot be noted on the disk"),
                None => Ok(()),
            },
            Stage::Failed(_) => Ok(()),
        };
        if let Err(error) = &kept {
            self.notices.error(error);
        }
        kept.is_ok()
    }

    /// The library is open: what ended meanwhile is put into it, once. A crash in the middle is made good by the next opening.
    pub(super) fn keep_calls_of_meanwhile(&mut self) {
        let calls = match (&self.conversations.stage, &self.conversations.meanwhile) {
            (Stage::Ready(_), Some(meanwhile)) => meanwhile.calls(),
            _ => return,
        };
        let mut all = true;
        for noted in calls {
            let Some(peer) = noted.peer().filter(|peer| self.people.accepted(*peer).is_some()) else { continue };
            if !self.conversations.has_call(peer, noted) {
                all &= self.keep_call(peer, noted.call, noted.at_ms);
            }
            // Whether the process that noted it lived to count it on the contact is not known; what stands here is.
            let missed = self.conversations.missed(peer);
            let counted = self.people.accepted(peer).is_none_or(|contact| contact.missed_calls >= missed);
            if !counted && let Err(error) = self.people.change(peer, |contact| contact.missed_calls = missed) {
                self.notices.error(&error);
            }
        }
        if let Some(meanwhile) = self.conversations.meanwhile.as_mut().filter(|_| all) {
            meanwhile.clear();
        }
    }

    /// Keeps a text and sends it. One that cannot be kept goes back to whoever wrote it.
    fn write(&mut self, peer: PublicKey, body: String, now: Instant) {
        if let Err(error) = self.keep_own(peer, &body) {
            self.notices.failed(&error);
            let number = self.conversations.returned.as_ref().map_or(1, |returned| returned.number + 1);
            self.conversations.returned = Some(Returned { number, peer, body });
            return;
        }
        self.conversations.show();
        self.send_what_waits(now);
    }

    /// Keeps a text of ours for `peer`; its id.
    pub(super) fn keep_own(&mut self, peer: PublicKey, body: &str) -> anyhow::Result<MessageId> {
        check_message(&self.people, peer, body)?;
        let entry = self.conversations.library().map_err(anyhow::Error::msg)?.write(peer, body, now_ms())?;
        let online = self.network.online(peer);
        let outbox = self.conversations.outbox(peer);
        if online && outbox.is_empty() {
            outbox.linked();
        }
        outbox.put(entry.position, body.len());
        Ok(entry.id())
    }

    fn take_in(&mut self, peer: PublicKey, text: Text, now: Instant) {
        let watched = self.screens.waker.is_some();
        let talk = &mut self.conversations;
        let thread = match &talk.stage {
            Stage::Ready(library) => library.thread(&peer),
            Stage::Opening if talk.inbox.len() < MOST_EARLY => None,
            // Not acknowledged, so it comes again.
            stage => {
                let locked = matches!(stage, Stage::Locked);
                talk.waiting |= locked && self.people.accepted(peer).is_some();
                return;
            }
        };
        let allowance = talk.allowances.entry(peer).or_default();
        if let Err(why) = allowance.take(now, text.body.len(), thread.map(Arc::as_ref), watched) {
            // Not acknowledged either: it waits where it is.
            let news = allowance.is_news(why, now);
            return self.too_much(peer, why, news);
        }
        talk.inbox.push((peer, text));
        talk.keep_inbox_at.get_or_insert(now + GATHER);
        if talk.inbox.len() >= BATCH {
            self.keep_inbox();
        }
    }

    fn too_much(&mut self, peer: PublicKey, why: TooMuch, news: bool) {
        if news {
            let name = self.petname(peer);
            self.notices.say(NoticeKind::Warning, &why.sentence(&name));
        }
    }

    /// There is room again in what `peer` may send: whoever hears of us sends what was refused.
    fn relent(&mut self, peer: PublicKey) {
        let refused = self.conversations.allowances.get_mut(&peer).is_some_and(Allowance::relent);
        if refused && self.network.online(peer) {
            self.say_about_us(peer);
        }
    }

    /// Keeps what came in, then acknowledges it, then tells of it.
    pub(in crate::engine) fn keep_inbox(&mut self) {
        let talk = &mut self.conversations;
        let Stage::Ready(library) = &mut talk.stage else { return };
        talk.keep_inbox_at = None;
        // Somebody may have been shut out while it waited.
        let mut texts = std::mem::take(&mut talk.inbox);
        texts.retain(|(peer, _)| self.people.accepted(*peer).is_some());
        if texts.is_empty() {
            return;
        }
        let received = match library.receive(texts, now_ms()) {
            Ok(received) => received,
            // Nothing is acknowledged, so nothing is lost: it comes again.
            Err(error) => return self.notices.error(&error.into()),
        };
        let mut receipts: BTreeMap<PublicKey, Vec<MessageId>> = BTreeMap::new();
        received.iter().for_each(|text| receipts.entry(text.peer).or_default().push(text.id));
        for (peer, ids) in receipts {
            ids.chunks(MAX_RECEIPTS).for_each(|ids| self.network.send(peer, Message::Receipt(ids.to_vec())));
        }
        self.conversations.show();
        for (peer, entry) in received.into_iter().filter_map(|text| Some((text.peer, text.new?))) {
            let (name, text) = (self.petname(peer), entry.text().unwrap_or_default().to_owned());
            self.notices.tell(What::Message { peer, name, id: entry.id(), text, sent_ms: entry.at_ms });
        }
    }

    /// Texts of ours are on the other side's disk.
    fn delivered(&mut self, peer: PublicKey, ids: &[MessageId], now: Instant) {
        let Stage::Ready(library) = &mut self.conversations.stage else { return };
        let Some(outbox) = self.conversations.outboxes.get_mut(&peer) else { return };
        let positions: Vec<_> = ids.iter().filter_map(|id| outbox.position(id)).collect();
        if positions.is_empty() {
            return;
        }
        if let Err(error) = library.set_state(peer, &positions, State::Delivered) {
            // They stay in the outbox and are acknowledged again.
            return self.notices.error(&error.into());
        }
        for position in positions {
            if outbox.settle(position.id).is_some() {
                self.notices.tell(What::Delivered { peer, id: position.id });
            }
        }
        self.conversations.show();
        self.send_what_waits(now);
    }

    /// Does what the outboxes want done at `now`.
    pub(super) fn send_what_waits(&mut self, now: Instant) {
        let talk = &mut self.conversations;
        let Stage::Ready(library) = &talk.stage else { return };
        for (peer, outbox) in &mut talk.outboxes {
            if self.people.accepted(*peer).is_none() {
                continue;
            }
            for step in outbox.step(now) {
                match step {
                    Step::Dial => self.network.dial(*peer),
                    Step::Send(position) => {
                        let thread = library.thread(peer);
                        let entry = thread.and_then(|thread| thread.get(thread.find(&position)?));
                        if let Some(text) = entry.and_then(|entry| entry.to_send()) {
                            self.network.send(*peer, Message::Text(text));
                        }
                    }
                }
            }
        }
    }

    /// The person looks at the conversation with `peer`.
    fn see(&mut self, peer: PublicKey) {
        let seen = self.conversations.library().map(|library| library.see(peer));
        self.changed(seen);
        self.relent(peer);
        let missed = self.people.contacts.iter().any(|contact| contact.key == peer && contact.missed_calls > 0);
        if missed && let Err(error) = self.people.change(peer, |contact| contact.missed_calls = 0) {
            self.notices.error(&error);
        }
    }

    /// The line about the last call goes with the conversation.
    fn forget_last(&mut self, peer: PublicKey) {
        let known = self.people.contacts.iter().any(|contact| contact.key == peer && contact.last.is_some());
        if known && let Err(error) = self.people.change(peer, |contact| (contact.last, contact.missed_calls) = (None, 0)) {
            self.notices.error(&error);
        }
    }

    /// Shows what a change of the library made of it, or says why there was none.
    fn changed(&mut self, changed: Result<Result<(), crate::contacts::StoreError>, String>) {
        match changed {
            Ok(Ok(())) => self.conversations.show(),
            Ok(Err(error)) => self.notices.error(&error.into()),
            Err(why) => self.notices.error(&anyhow::Error::msg(why)),
        }
    }
}
