//! Locking the profile, and everything slow or final that is done to it: its passphrase, its backup, its end.
//!
//! What a locked engine still knows of a contact is what it takes to let them ring: key, pair secret, hints, and what a call
//! with them may do. Names, marks and what happened are read back from the disk when the profile is unlocked; what changed
//! meanwhile (a missed call, a new address) is added to that.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use zeroize::Zeroize;

use super::calls::Calls;
use super::command::Secret;
use super::core::Core;
use super::people::People;
use super::sentences;
use super::snapshot::NoticeKind;
use super::written_path::written_path;
use crate::contacts::{Backup, Contact, Profile, ProfileError, Unlocking};
use crate::identity::{Identity, NewLock, VaultError};

/// What is going on with the lock.
#[derive(Debug, Default)]
pub struct Locking {
    /// The last passphrase that was tried was not the right one.
    pub wrong: bool,
    /// Something is being computed with a passphrase; what is asked meanwhile waits for another click.
    busy: bool,
}

impl People {
    /// Whether keys and names are wiped from memory, until the passphrase is given.
    pub fn is_locked(&self) -> bool {
        self.profile.as_ref().is_some_and(|profile| profile.store().is_none())
    }

    /// Whether opening the profile takes a passphrase.
    pub fn is_sealed(&self) -> bool {
        self.profile.as_ref().is_some_and(Profile::is_sealed)
    }

    /// Where the profile is; Echo is nowhere.
    pub fn directory(&self) -> Option<&Path> {
        self.profile.as_ref().map(Profile::path)
    }

    /// Wipes what only an unlocked profile holds in memory.
    pub fn lock(&mut self) -> Result<()> {
        let Some(profile) = &mut self.profile else { return Ok(()) };
        profile.lock()?;
        self.contacts.iter_mut().for_each(strip);
        self.invitations.clear();
        self.pending.clear();
        self.sent.clear();
        Ok(())
    }

    /// Takes everything back in, and keeps what happened while it was locked.
    pub fn unlock(&mut self, unlocking: Unlocking) -> Result<()> {
        let Some(profile) = &mut self.profile else { return Ok(()) };
        profile.unlock(unlocking)?;
        let meanwhile = std::mem::take(&mut self.contacts);
        let kept = self.keep(|store| {
            let merged = store.contacts()?.into_iter().filter_map(|kept| {
                let news = meanwhile.iter().find(|contact| contact.key == kept.key)?;
                let merged = merge(&kept, news);
                (merged != kept).then_some(merged)
            });
            let merged: Vec<Contact> = merged.collect();
            store.change(|changes| merged.iter().try_for_each(|contact| changes.put(contact)))
        });
        if let Err(error) = kept {
            // It stays locked: what is known of people by half would be written over the whole.
            self.contacts = meanwhile;
            self.lock()?;
            return Err(error);
        }
        Ok(())
    }

    fn backup(&self) -> Result<Backup> {
        if self.is_locked() {
            bail!(ProfileError::Locked);
        }
        let identity = Identity::from_secret(&self.identity.secret());
        Ok(Backup { identity, name: self.name.clone(), contacts: self.contacts.clone() })
    }
}

/// Leaves of a contact what lets them ring.
fn strip(contact: &mut Contact) {
    contact.petname.zeroize();
    contact.proposed_name.zeroize();
    if let Some((what, _)) = &mut contact.last {
        what.zeroize();
    }
    (contact.last, contact.verified) = (None, None);
    contact.missed_calls = 0;
}

/// What was kept, with what happened since it was locked.
fn merge(kept: &Contact, news: &Contact) -> Contact {
    Contact {
        hints: news.hints.clone(),
        lowest_suite: kept.lowest_suite.max(news.lowest_suite),
        missed_calls: kept.missed_calls.saturating_add(news.missed_calls),
        last: news.last.clone().or_else(|| kept.last.clone()),
        ..kept.clone()
    }
}

impl Core {
    /// Covers the window. A call goes on.
    pub(super) fn lock(&mut self) {
        if self.people.is_locked() {
            return;
        }
        self.hide_number();
        self.close_device_check();
        if let Err(error) = self.people.lock() {
            return self.notices.error(&error);
        }
        self.locking = Locking::default();
        self.conversations.lock();
        // They name people.
        self.notices.forget();
    }

    /// Tries a passphrase, off the loop.
    pub(super) fn unlock(&mut self, passphrase: Secret) {
        let Some(directory) = self.people.directory().filter(|_| self.people.is_locked()).map(Path::to_owned) else { return };
        if std::mem::replace(&mut self.locking.busy, true) {
            return;
        }
        let open = move || Unlocking::open(&directory, passphrase.get());
        self.off_loop(open, |core, _, opened| {
            core.locking = Locking::default();
            match opened {
                Ok(unlocking) => match core.people.unlock(unlocking) {
                    Ok(()) => core.unlock_conversations(),
                    Err(error) => core.notices.error(&error),
                },
                Err(ProfileError::Vault(VaultError::WrongPassphrase | VaultError::PassphraseNeeded)) => core.locking.wrong = true,
                Err(error) => core.notices.error(&error.into()),
            }
        });
    }

    /// Changes, sets or removes the passphrase: the old one is checked and the new one computed off the loop.
    pub(super) fn change_passphrase(&mut self, current: Secret, new: Secret) {
        let Some(directory) = self.people.directory().map(Path::to_owned) else { return };
        if std::mem::replace(&mut self.locking.busy, true) {
            return;
        }
        let (sealed, key) = (self.people.is_sealed(), self.people.identity.public());
        let work = move || -> Result<(NewLock, bool), ProfileError> {
            if sealed {
                Profile::check(&directory, current.get(), key)?;
            }
            Ok((NewLock::new(new.get())?, new.get().is_some()))
        };
        self.off_loop(work, |core, _, done| {
            core.locking.busy = false;
            let changed = done.and_then(|(lock, sealed)| {
                let profile = core.people.profile.as_mut().ok_or(ProfileError::Locked)?;
                profile.relock(lock).map(|()| sealed)
            });
            match changed {
                Ok(true) => core.notices.show(NoticeKind::Info, sentences::NEW_PASSPHRASE.into()),
                Ok(false) => {
                    core.notices.show(NoticeKind::Warning, sentences::NO_PASSPHRASE.into());
                }
                Err(error) => core.notices.error(&error.into()),
            }
        });
    }

    /// Writes a backup, off the loop.
    pub(super) fn export(&mut self, file: PathBuf, passphrase: Secret) {
        let backup = match self.people.backup() {
            Ok(backup) => backup,
            Err(error) => return self.notices.error(&error),
        };
        let file = written_path(&file);
        let shown = file.display().to_string();
        let write = move || backup.write(&file, passphrase.get().unwrap_or_default());
        self.off_loop(write, move |core, _, written| match written {
            Ok(()) => {
                core.notices.show(NoticeKind::Info, sentences::backup_written(&shown));
            }
            Err(error) => core.notices.error(&anyhow!(error)),
        });
    }

    /// Does `work` on a thread of its own, then `then` in the loop.
    pub(super) fn off_loop<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut Core, &mut Calls, T) + Send + 'static,
    ) {
        let results = self.off_loop_results.clone();
        tokio::task::spawn_blocking(move || {
            let done = work();
            // Fails only when the engine is gone.
            let _ = results.blocking_send(Box::new(move |core, calls| then(core, calls, done)));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::{Hint, PairSecret};
    use crate::engine::event::What;

    fn people(folder: &Path) -> People {
        let profile = Profile::create(folder, "Ana", Some("p")).unwrap();
        let mut bo = Contact::new(Identity::generate().public(), Some("Bobby"), "Bo", PairSecret::generate(), vec![], 1);
        (bo.missed_calls, bo.last) = (1, Some(("Video call".into(), 5)));
        profile.store().unwrap().put_contact(&bo).unwrap();
        People::load(profile).unwrap()
    }

    #[test]
    fn a_locked_profile_knows_who_may_ring_and_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = people(&folder.path().join("ana"));
        let before = people.contacts[0].clone();
        people.lock().unwrap();
        assert!(people.is_locked() && people.is_sealed());
        let locked = people.accepted(before.key).expect("they may still ring");
        assert_eq!((locked.petname.as_str(), locked.proposed_name.as_str(), &locked.last), ("", "", &None));
        assert_eq!(locked.pair_secret, before.pair_secret);
        assert!(people.rename(before.key, "X").is_ok(), "in memory only");
        assert!(people.remove(before.key).is_err() && people.ask("vesper:", None, 1).is_err());
    }

    #[test]
    fn what_happened_while_it_was_locked_is_kept_when_it_is_unlocked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ana");
        let mut people = people(&path);
        let before = people.contacts[0].clone();
        people.lock().unwrap();
        let hint = Hint::Address("10.0.0.9:9".parse().unwrap());
        people
            .change(before.key, |contact| {
                contact.missed_calls += 2;
                contact.hints = vec![hint.clone()];
            })
            .unwrap();
        people.unlock(Unlocking::open(&path, Some("p")).unwrap()).unwrap();
        let after = Contact { missed_calls: 3, hints: vec![hint], ..before };
        assert_eq!(people.contacts, [after]);
    }

    #[test]
    fn a_request_of_somebody_who_calls_themselves_like_a_contact_says_so_loudly() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = people(&folder.path().join("ana"));
        let open = crate::contacts::OpenInvitation::new("Ana", vec![], "for Cem", true, 0, 1_000);
        people.invited(&open).unwrap();
        let knock = crate::contacts::Knock {
            knock_id: open.invitation.knock_id,
            knocker: Identity::generate().public(),
            name: "Воbby ✅".into(),
            hints: vec![],
            k1: [0; 32],
        };
        let (_, effects) = people.knocked(&knock, 1).unwrap();
        let warning = effects.iter().find_map(|effect| match effect {
            super::super::people::Effect::Tell(What::Request { warning, .. }) => warning.clone(),
            _ => None,
        });
        let warning = warning.expect("a warning");
        assert!(warning.contains("looks like your contact Bobby") && warning.contains("a different key"), "{warning}");
        assert!(warning.starts_with("“Воbby” "), "the name stands in quotes, without the tick: {warning}");

        people.accept(knock.knocker, None, 2).unwrap();
        let ringing = people.look_alike(knock.knocker).expect("a warning at ring time, too");
        assert!(ringing.contains("Bobby"), "{ringing}");
        people.verify(knock.knocker, crate::contacts::VerifiedBy::Number, 3).unwrap();
        assert_eq!(people.look_alike(knock.knocker), None, "it was made sure who they are");
    }
}
