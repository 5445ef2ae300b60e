//! What the engine says by itself: sentences that a window shows, and events that scripts read.

use tokio::sync::mpsc;

use crate::engine::device_news;
use crate::engine::event::{Event, What};
use crate::engine::snapshot::{self, NoticeKind};
use crate::engine::words::{in_words, whole};
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;

/// Sentences for the person, and events for scripts.
pub struct Notices {
    pub(super) tell: mpsc::Sender<Event>,
    pub(super) shown: Vec<snapshot::Notice>,
    pub(super) next: u64,
}

impl Notices {
    /// Notices that a person has not dismissed; older ones go.
    const MOST: usize = 5;

    /// Tells scripts what happened. A script that does not read for hundreds of events loses some.
    pub fn tell(&self, what: What) {
        let event = Event { at: MediaTime::now(), what };
        if self.tell.try_send(event).is_err() {
            tracing::debug!("an event was not read and is dropped");
        }
    }

    /// Shows a sentence, and tells scripts.
    pub fn say(&mut self, kind: NoticeKind, text: &str) {
        self.warn(kind, text, None);
    }

    /// What a pipeline tells, if that needs words.
    pub fn media(&mut self, event: MediaEvent) {
        if let Some((kind, text)) = device_news::sentence(&event) {
            self.warn(kind, &text, Some(event));
        }
    }

    /// A wish that came to nothing.
    pub fn error(&mut self, error: &anyhow::Error) {
        self.say(NoticeKind::Error, &in_words(error));
    }

    /// A request or change that came to nothing, as scripts wait for it.
    pub fn failed(&mut self, error: &anyhow::Error) {
        let text = whole(&in_words(error));
        self.tell(What::RequestFailed { text: text.clone() });
        self.show(NoticeKind::Error, text);
    }

    fn warn(&mut self, kind: NoticeKind, text: &str, cause: Option<MediaEvent>) {
        let text = whole(text);
        self.tell(What::Warning { text: text.clone(), cause });
        self.show(kind, text);
    }

    /// Puts all sentences away.
    pub fn forget(&mut self) {
        self.shown.clear();
    }

    pub fn show(&mut self, kind: NoticeKind, text: String) {
        if self.shown.iter().any(|notice| notice.text == text) {
            return;
        }
        self.shown.push(snapshot::Notice { id: self.next, kind, text });
        self.next += 1;
        if self.shown.len() > Self::MOST {
            self.shown.remove(0);
        }
    }
}
