//! The state of an engine as views see it, and when they are told that it is another one.

use std::sync::Arc;

use tokio::sync::watch;

use super::{Core, unix_seconds};
use crate::engine::calls::Calls;
use crate::engine::snapshot::{self, Snapshot, Stage};

impl Core {
    /// Publishes the state, if it is another one than before, and wakes whoever looks at it.
    pub(super) fn publish(&self, calls: &Calls, publish: &watch::Sender<Arc<Snapshot>>) {
        let snapshot = self.snapshot(calls);
        let changed = publish.send_if_modified(|published| {
            let changed = **published != snapshot;
            if changed {
                *published = Arc::new(snapshot);
            }
            changed
        });
        if let (true, Some(waker)) = (changed, &self.screens.waker) {
            waker();
        }
    }

    fn snapshot(&self, calls: &Calls) -> Snapshot {
        let people = &self.people;
        if people.is_locked() {
            return Snapshot {
                stage: Stage::Locked { wrong: self.locking.wrong },
                call: calls.view(self),
                notices: self.notices.shown.clone(),
                network: self.network.view(),
                settings: people.settings.clone(),
                conversations: self.conversations.view(),
                sealed: true,
                ..Snapshot::default()
            };
        }
        Snapshot {
            stage: Stage::Ready,
            me: Some(snapshot::Me { name: people.name.clone(), key: people.identity.public() }),
            contacts: self.contact_views(),
            requests: self.request_views(),
            sent_requests: self.sent_views(),
            invitations: people.invitation_views(unix_seconds()),
            call: calls.view(self),
            notices: self.notices.shown.clone(),
            network: self.network.view(),
            devices: self.devices.clone(),
            settings: people.settings.clone(),
            conversations: self.conversations.view(),
            sealed: people.is_sealed(),
            verify: self.verify_view(),
            address_question: self.address_question(calls),
            device_check: self.device_check_view(),
        }
    }
}
