//! Which news are announced on the desktop, and in which words: a pure function of what is shown and what was shown before.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::notify::{About, Announcement, Answer};
use super::text;
use crate::engine::snapshot::{CallMedia, CallView, Content, ConversationsStage, PublicKey, Snapshot, Stage, Thread};

/// What was there when somebody last looked.
#[derive(Debug, Default)]
pub struct News {
    threads: Option<Arc<BTreeMap<PublicKey, Arc<Thread>>>>,
    requests: Option<usize>,
    waiting: bool,
}

impl News {
    /// What is new in `snapshot` since the last one, and to be announced at `unix_ms`. Nothing is while the person looks at
    /// the window, nor in quiet hours; what is there when the profile is opened is old.
    pub fn follow(&mut self, snapshot: &Snapshot, unix_ms: u64, looking: bool) -> Vec<Announcement> {
        let settings = &snapshot.settings;
        let mut news = Vec::new();
        if matches!(snapshot.stage, Stage::Locked { .. }) {
            let waiting = snapshot.conversations.waiting;
            if waiting && !self.waiting && settings.notify_messages {
                news.push(somebody(text::NEW_MESSAGE, "im.received"));
            }
            *self = Self { waiting, ..Self::default() };
        } else if snapshot.stage == Stage::Ready {
            self.waiting = false;
            let requests = snapshot.requests.len();
            if self.requests.is_some_and(|before| before < requests) && settings.notify_messages {
                news.push(somebody(text::NEW_REQUEST, "im.received"));
            }
            self.requests = Some(requests);
            self.follow_threads(snapshot, &mut news);
        }
        if looking || is_quiet(snapshot, unix_ms) { Vec::new() } else { news }
    }

    fn follow_threads(&mut self, snapshot: &Snapshot, news: &mut Vec<Announcement>) {
        if snapshot.conversations.stage != ConversationsStage::Ready {
            return;
        }
        let threads = &snapshot.conversations.threads;
        let Some(before) = self.threads.replace(threads.clone()) else { return };
        if Arc::ptr_eq(&before, threads) {
            return;
        }
        let settings = &snapshot.settings;
        for contact in snapshot.contacts.iter().filter(|contact| !contact.blocked) {
            let Some(thread) = threads.get(&contact.key) else { continue };
            let (unread, missed) = before.get(&contact.key).map_or((0, 0), |thread| (thread.unread(), thread.missed()));
            let name = settings.notify_names.then_some(contact.petname.as_str());
            let texts = |unread: usize, missed: usize| unread.saturating_sub(missed);
            if thread.missed() > missed && settings.notify_missed && !contact.silent {
                news.push(missed_call(contact.key, name, thread));
            } else if texts(thread.unread(), thread.missed()) > texts(unread, missed) && settings.notify_messages {
                news.push(message(contact.key, name));
            }
        }
    }
}

/// The announcement of a call that rings; none if the person wants none. Where the popup asks for care, so does this: what
/// would answer is not on it.
pub fn ring(snapshot: &Snapshot, call: &CallView) -> Option<Announcement> {
    let settings = &snapshot.settings;
    if !settings.notify_calls {
        return None;
    }
    let accept = |media| {
        (
            Answer::Accept(call.peer, call.id, media),
            if media == CallMedia::Video { text::ACCEPT_VIDEO } else { text::ACCEPT_AUDIO },
        )
    };
    let mut actions = match call.media {
        _ if call.locked || call.warning.is_some() => Vec::new(),
        CallMedia::Video => vec![accept(CallMedia::Video), accept(CallMedia::Audio)],
        CallMedia::Audio => vec![accept(CallMedia::Audio)],
    };
    actions.push((Answer::Decline(call.peer, call.id), text::DECLINE));
    let named = settings.notify_names || call.locked;
    let summary = if named { text::incoming_from(&call.name, call.media) } else { text::incoming(call.media).to_owned() };
    let body = if call.warning.is_some() { text::NOTIFICATION_CARE } else { text::NOTIFICATION_BODY };
    let click = Answer::Open(None);
    Some(Announcement { about: About::Ring, summary, body, category: "call.incoming", urgent: true, actions, click })
}

fn message(key: PublicKey, name: Option<&str>) -> Announcement {
    Announcement {
        about: About::Contact(key),
        summary: name.map_or_else(|| text::NEW_MESSAGE.to_owned(), text::message_from),
        body: "",
        category: "im.received",
        urgent: false,
        actions: Vec::new(),
        click: Answer::Open(Some(key)),
    }
}

fn missed_call(key: PublicKey, name: Option<&str>, thread: &Thread) -> Announcement {
    let newest = thread.iter().rev().find_map(|entry| match &entry.content {
        Content::Call(call) if call.is_missed() => Some(call.video),
        _ => None,
    });
    let media = if newest == Some(true) { CallMedia::Video } else { CallMedia::Audio };
    Announcement {
        about: About::Contact(key),
        summary: name.map_or_else(|| text::MISSED_CALL.to_owned(), text::missed_from),
        body: "",
        category: "call.unanswered",
        urgent: false,
        actions: vec![(Answer::CallBack(key, media), text::CALL_BACK)],
        click: Answer::Open(Some(key)),
    }
}

/// One that names nobody.
fn somebody(summary: &str, category: &'static str) -> Announcement {
    let (about, click) = (About::Somebody, Answer::Open(None));
    Announcement { about, summary: summary.to_owned(), body: "", category, urgent: false, actions: Vec::new(), click }
}

fn is_quiet(snapshot: &Snapshot, unix_ms: u64) -> bool {
    let at = snapshot.conversations.zone.at(unix_ms);
    let minute = u16::from(at.hour) * 60 + u16::from(at.minute);
    snapshot.settings.quiet_hours.is_some_and(|hours| hours.cover(minute))
}
