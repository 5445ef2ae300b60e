//! Announcements of the desktop, beside the popup: on Wayland, where no window may push itself forward, the reliable way.
//!
//! What stands in them is chosen by [`news`](super::news); here is how they come up, go away, and what a click on them says.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc as answers;
use std::time::Duration;

use notify_rust::{Notification, Timeout};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::{Waker, text};
use crate::engine::snapshot::{CallId, CallMedia, PublicKey};

/// Wishes that wait for the bus. When it is that slow the newest is dropped: the window shows it all the same.
const WISHES: usize = 16;
/// How long the end of the program waits until its announcements are gone.
const FAREWELL: Duration = Duration::from_millis(200);

/// What an announcement is about. A new one about the same takes the place of the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum About {
    /// A call that rings.
    Ring,
    /// Texts of a contact, or missed calls.
    Contact(PublicKey),
    /// Somebody has an invitation of ours, or wrote while the profile is locked.
    Somebody,
}

/// What a person chose on an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Answer this call of this contact.
    Accept(PublicKey, Option<CallId>, CallMedia),
    Decline(PublicKey, Option<CallId>),
    CallBack(PublicKey, CallMedia),
    /// Bring up the window, with this contact if there is one.
    Open(Option<PublicKey>),
}

/// One announcement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    pub about: About,
    /// The line that stands out. It may name a contact, and says nothing else that a peer has chosen.
    pub summary: String,
    /// Some servers read markup in it, so it is always a sentence of ours.
    pub body: &'static str,
    /// What the freedesktop specification calls it.
    pub category: &'static str,
    /// It stays until it is answered.
    pub urgent: bool,
    /// Its buttons, in order.
    pub actions: Vec<(Answer, &'static str)>,
    /// A click beside them.
    pub click: Answer,
}

/// Sends announcements from a thread of its own: the bus may answer slowly, or not at all.
pub struct Notifier {
    wishes: Option<mpsc::Sender<Wish>>,
    answers: answers::Receiver<Answer>,
    ended: answers::Receiver<()>,
}

enum Wish {
    Show(Box<Announcement>),
    Close(About),
    CloseContacts,
}

/// Where answers go, from any thread.
type Tell = Arc<dyn Fn(Answer) + Send + Sync>;

impl Notifier {
    /// Starts the thread, which wakes the window through `waker` when something was chosen; it ends when this is dropped.
    pub fn start(waker: Waker) -> Self {
        let (wishes, inbox) = mpsc::channel(WISHES);
        let (tell, answers) = answers::sync_channel(WISHES);
        let (end, ended) = answers::sync_channel(1);
        let tell: Tell = Arc::new(move |answer| {
            // Full: nobody clicks so often.
            let _ = tell.try_send(answer);
            waker.wake();
        });
        let body = move || {
            match tokio::runtime::Builder::new_current_thread().build() {
                Ok(runtime) => tokio::task::LocalSet::new().block_on(&runtime, run(inbox, tell)),
                Err(error) => debug!("no announcements: {error}"),
            }
            let _ = end.send(());
        };
        // A thread of its own, not a task of the engine's runtime: this is the window's.
        let started = std::thread::Builder::new().name("notify".into()).spawn(body);
        Self { wishes: started.is_ok().then_some(wishes), answers, ended }
    }

    /// One that shows nothing, for tests.
    pub fn silent() -> Self {
        Self { wishes: None, answers: answers::sync_channel(1).1, ended: answers::sync_channel(1).1 }
    }

    /// The same of somebody who has chosen these, for tests.
    pub fn answered(chosen: &[Answer]) -> Self {
        let (tell, answers) = answers::sync_channel(WISHES);
        for answer in chosen {
            let _ = tell.try_send(*answer);
        }
        Self { wishes: None, answers, ended: answers::sync_channel(1).1 }
    }

    /// Shows it, in place of an older one about the same.
    pub fn show(&self, announcement: Announcement) {
        self.wish(Wish::Show(Box::new(announcement)));
    }

    /// Takes the one about this away.
    pub fn close(&self, about: About) {
        self.wish(Wish::Close(about));
    }

    /// The person looks at the window: everything but a call that rings goes.
    pub fn seen(&self) {
        self.wish(Wish::CloseContacts);
    }

    /// What was chosen since the last time.
    pub fn answers(&self) -> impl Iterator<Item = Answer> {
        self.answers.try_iter()
    }

    fn wish(&self, wish: Wish) {
        if let Some(wishes) = &self.wishes {
            let _ = wishes.try_send(wish);
        }
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        if self.wishes.take().is_some() {
            // What is still there after this, the desktop takes away when our connection to it closes.
            let _ = self.ended.recv_timeout(FAREWELL);
        }
    }
}

async fn run(mut inbox: mpsc::Receiver<Wish>, tell: Tell) {
    // Dropping its sender takes an announcement away.
    let mut shown: HashMap<About, oneshot::Sender<()>> = HashMap::new();
    let mut tasks = tokio::task::JoinSet::new();
    while let Some(wish) = inbox.recv().await {
        match wish {
            Wish::Show(announcement) => {
                let (close, closed) = oneshot::channel();
                shown.insert(announcement.about, close);
                tasks.spawn_local(show(*announcement, closed, tell.clone()));
            }
            Wish::Close(about) => {
                shown.remove(&about);
            }
            Wish::CloseContacts => shown.retain(|about, _| *about == About::Ring),
        }
        while tasks.try_join_next().is_some() {}
    }
    shown.clear();
    while tasks.join_next().await.is_some() {}
}

/// Shows an announcement until something was chosen, it was put away there, or `closed` says so here.
#[cfg(all(unix, not(target_os = "macos")))]
async fn show(announcement: Announcement, closed: oneshot::Receiver<()>, tell: Tell) {
    use notify_rust::{Hint, NotificationResponse, Urgency};

    let mut notification = notification(&announcement);
    notification.icon(super::APP_ID).hint(Hint::DesktopEntry(super::APP_ID.into()));
    notification.hint(Hint::Category(announcement.category.into()));
    notification.urgency(if announcement.urgent { Urgency::Critical } else { Urgency::Normal });
    notification.action("default", text::OPEN);
    for (number, (_, name)) in announcement.actions.iter().enumerate() {
        notification.action(&number.to_string(), name);
    }
    let shown = match notification.show_async().await {
        Ok(shown) => shown,
        Err(error) => return debug!("no announcement: {error}"),
    };
    let mut response = None;
    tokio::select! {
        () = shown.wait_for_action_async(|given| response = Some(given.clone())) => {}
        _ = closed => {}
    }
    // Some servers leave it there when a button was pressed.
    if !matches!(response, Some(NotificationResponse::Closed(_))) {
        shown.close_async().await;
    }
    let answer = match response {
        Some(NotificationResponse::Default) => Some(announcement.click),
        Some(NotificationResponse::Action(number)) => {
            let number = number.parse::<usize>().ok();
            number.and_then(|number| announcement.actions.get(number)).map(|(answer, _)| *answer)
        }
        _ => None,
    };
    if let Some(answer) = answer {
        tell(answer);
    }
}

/// The same where nothing can be chosen on it.
#[cfg(not(all(unix, not(target_os = "macos"))))]
async fn show(announcement: Announcement, _closed: oneshot::Receiver<()>, _tell: Tell) {
    if let Err(error) = notification(&announcement).show() {
        debug!("no announcement: {error}");
    }
}

fn notification(announcement: &Announcement) -> Notification {
    let mut notification = Notification::new();
    notification.appname(text::APP).summary(&announcement.summary).body(announcement.body);
    notification.timeout(if announcement.urgent { Timeout::Never } else { Timeout::Default });
    notification
}
