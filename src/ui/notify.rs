//! The notification of the operating system beside the popup: on Wayland, where no window may push itself forward, the reliable way.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use notify_rust::{Hint, Notification, NotificationHandle, Timeout, Urgency};
use tracing::debug;

use super::text;
use crate::engine::snapshot::CallMedia;

/// Sends notifications from a thread of its own: the bus may answer slowly, or not at all.
pub struct Notifier(Option<SyncSender<Wish>>);

enum Wish {
    Ring(String),
    Stop,
}

impl Notifier {
    /// Starts the thread; it ends when the notifier is dropped.
    pub fn start() -> Self {
        let (wishes, inbox) = sync_channel(8);
        // A thread of its own, not a task: the calls block on the bus.
        let started = std::thread::Builder::new().name("notify".into()).spawn(move || run(&inbox));
        Self(started.is_ok().then_some(wishes))
    }

    /// One that shows nothing, for tests.
    pub fn silent() -> Self {
        Self(None)
    }

    /// Somebody calls.
    pub fn ring(&self, name: &str, media: CallMedia) {
        self.send(Wish::Ring(text::incoming_from(name, media)));
    }

    /// It rings no more.
    pub fn stop(&self) {
        self.send(Wish::Stop);
    }

    /// Never waits. When the bus is that slow, the newest wish is dropped: the popup is there all the same.
    fn send(&self, wish: Wish) {
        if let Some(wishes) = &self.0 {
            let _ = wishes.try_send(wish);
        }
    }
}

fn run(inbox: &Receiver<Wish>) {
    let mut shown: Option<NotificationHandle> = None;
    for wish in inbox {
        if let Some(old) = shown.take() {
            old.close();
        }
        if let Wish::Ring(summary) = wish {
            shown = show(&summary).inspect_err(|error| debug!("no notification: {error}")).ok();
        }
    }
    if let Some(old) = shown {
        old.close();
    }
}

fn show(summary: &str) -> Result<NotificationHandle, notify_rust::error::Error> {
    let mut notification = Notification::new();
    notification.appname(text::APP).summary(summary).body(text::NOTIFICATION_BODY).timeout(Timeout::Never);
    #[cfg(all(unix, not(target_os = "macos")))]
    notification.urgency(Urgency::Critical).hint(Hint::Category("call.incoming".into()));
    notification.show()
}
