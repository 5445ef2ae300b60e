//! Before the engine can work: the profile is made by a person, or unlocked by one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Error, Result};
use zeroize::Zeroizing;

use super::Start;
use super::command::{Command, Secret};
use super::core::Ends;
use super::people::People;
use super::sentences;
use super::snapshot::{Notice, NoticeKind, Snapshot, Stage};
use super::words::{in_words, whole};
use super::written_path::written_path;
use crate::contacts::{Backup, Profile, ProfileError};
use crate::identity::VaultError;
use crate::settings::Reach;

/// A sentence for the person who waits for the profile.
type Said = (NoticeKind, String);

/// Comes back with the people of an open profile; `None` if the person left before that.
pub async fn open(start: Start, ends: &mut Ends) -> Option<People> {
    let (directory, mut passphrase) = match start {
        Start::Profile(profile) => return load(*profile, ends).await,
        Start::Directory { directory, passphrase } => (directory, passphrase),
    };
    loop {
        if !Profile::exists(&directory) {
            return make(&directory, passphrase, None, ends).await;
        }
        let sealed = Profile::needs_passphrase(&directory).unwrap_or(false);
        if sealed && passphrase.is_none() {
            ends.show(Stage::Locked { wrong: false }, None);
            passphrase = ends.passphrase().await?;
            if passphrase.is_none() {
                return begin_again(directory, ends).await;
            }
        }
        if sealed {
            ends.show(Stage::Starting, None);
        }
        match unlock(&directory, passphrase.clone()).await {
            Ok(profile) => return load(profile, ends).await,
            Err(error) if sealed => {
                let wrong = matches!(error.downcast_ref(), Some(ProfileError::Vault(VaultError::WrongPassphrase)));
                ends.show(Stage::Locked { wrong }, (!wrong).then(|| failed(&error)));
                passphrase = ends.passphrase().await?;
                if passphrase.is_none() {
                    return begin_again(directory, ends).await;
                }
            }
            Err(error) => {
                ends.show(Stage::Starting, Some(failed(&error)));
                ends.until_quit().await;
                return None;
            }
        }
    }
}

/// Removes the profile in `directory`, whose engine has ended, says so, and waits for a new one.
pub async fn begin_again(directory: PathBuf, ends: &mut Ends) -> Option<People> {
    let folder = directory.clone();
    let wiped = tokio::task::spawn_blocking(move || Profile::wipe(&folder)).await;
    let said = match wiped.map_err(Error::new).and_then(|wiped| Ok(wiped?)) {
        Ok(()) => (NoticeKind::Info, sentences::WIPED.to_owned()),
        Err(error) => (NoticeKind::Error, whole(&sentences::wiped_in_part(&error))),
    };
    make(&directory, None, Some(said), ends).await
}

/// Asks for a name, and how others shall reach this person, until a profile could be made of it.
async fn make(
    directory: &Path,
    passphrase: Option<Zeroizing<String>>,
    mut said: Option<Said>,
    ends: &mut Ends,
) -> Option<People> {
    loop {
        ends.show(Stage::Welcome, said.take());
        let first = ends.first_choices().await?;
        // Sealing takes a moment on purpose, and the form would look as if nothing had happened.
        ends.show(Stage::Starting, None);
        let (directory, given) = (directory.to_owned(), passphrase.clone());
        let made =
            tokio::task::spawn_blocking(move || create(&directory, first, given.as_ref().map(|given| given.as_str()))).await;
        match made {
            Ok(Ok(people)) => return Some(people),
            Ok(Err(error)) => said = Some(failed(&error)),
            Err(error) => said = Some(failed(&error.into())),
        }
    }
}

/// What a person chose at the first start.
enum First {
    New { name: String, reach: Reach, passphrase: Secret },
    Restore { file: PathBuf, passphrase: Secret, new: Secret, reach: Reach },
}

/// Makes the profile. What was `given` in the environment seals it if nothing was written in the window.
fn create(directory: &Path, first: First, given: Option<&str>) -> Result<People> {
    let (profile, reach) = match first {
        First::New { name, reach, passphrase } => (Profile::create(directory, &name, passphrase.get().or(given))?, reach),
        First::Restore { file, passphrase, new, reach } => {
            let backup = Backup::read(&written_path(&file), passphrase.get().unwrap_or_default())?;
            (backup.restore(directory, new.get().or(given))?, reach)
        }
    };
    let mut people = People::load(profile)?;
    // Whoever chooses this network wants to be found on it; the welcome says what that tells.
    let lan_discovery = reach == Reach::ThisNetwork;
    let settings = crate::settings::Settings { reach, lan_discovery, ..people.settings.clone() };
    people.set_settings(settings)?;
    Ok(people)
}

/// Opens a profile off the loop: deriving the key from a passphrase takes a moment on purpose.
async fn unlock(directory: &Path, passphrase: Option<Zeroizing<String>>) -> Result<Profile> {
    let directory = directory.to_owned();
    let open = move || Profile::open(&directory, passphrase.as_ref().map(|passphrase| passphrase.as_str()));
    Ok(tokio::task::spawn_blocking(open).await??)
}

async fn load(profile: Profile, ends: &mut Ends) -> Option<People> {
    match tokio::task::spawn_blocking(move || People::load(profile)).await.map_err(Error::new).and_then(|loaded| loaded) {
        Ok(people) => Some(people),
        Err(error) => {
            ends.show(Stage::Starting, Some(failed(&error)));
            ends.until_quit().await;
            None
        }
    }
}

fn failed(error: &Error) -> Said {
    (NoticeKind::Error, whole(&in_words(error)))
}

impl Ends {
    fn show(&mut self, stage: Stage, said: Option<Said>) {
        let notices = said.map(|(kind, text)| Notice { id: self.next_notice, kind, text }).into_iter().collect();
        self.next_notice += 1;
        self.publish.send_replace(Arc::new(Snapshot { stage, notices, ..Snapshot::default() }));
        self.wake();
    }

    fn dismiss(&self, id: u64) {
        self.publish.send_modify(|shown| Arc::make_mut(shown).notices.retain(|notice| notice.id != id));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.screens.waker {
            waker();
        }
    }

    /// A passphrase to try; `Some(None)` if the person would rather have everything removed, `None` if they left.
    async fn passphrase(&mut self) -> Option<Option<Zeroizing<String>>> {
        loop {
            match self.next().await? {
                Command::Unlock { passphrase } => {
                    return Some(Some(Zeroizing::new(passphrase.get().unwrap_or_default().to_owned())));
                }
                Command::Wipe => return Some(None),
                _ => continue,
            }
        }
    }

    async fn first_choices(&mut self) -> Option<First> {
        loop {
            match self.next().await? {
                Command::CreateProfile { name, reach, passphrase } => return Some(First::New { name, reach, passphrase }),
                Command::Restore { file, passphrase, new, reach } => {
                    return Some(First::Restore { file, passphrase, new, reach });
                }
                _ => continue,
            }
        }
    }

    async fn until_quit(&mut self) {
        while self.next().await.is_some() {}
    }

    /// The next wish; `None` once the person leaves. Questions of other commands are answered meanwhile, and what was read is put
    /// away.
    async fn next(&mut self) -> Option<Command> {
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::DismissNotice { id }) => self.dismiss(id),
                    command => return command.filter(|command| *command != Command::Quit),
                },
                Some((_, reply_to)) = self.requests.recv() => {
                    let _ = reply_to.send(Err(sentences::WAITS_FOR_A_PERSON.into()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use tokio::sync::{mpsc, watch};

    use super::*;
    use crate::engine::core::Screens;
    use crate::media::place::screen;

    /// The ends of an engine, the wishes of its person, and what they see.
    fn ends() -> (Ends, mpsc::Sender<Command>, watch::Receiver<Arc<Snapshot>>) {
        let (wishes, commands) = mpsc::channel(8);
        let (publish, shown) = watch::channel(Arc::new(Snapshot::default()));
        let (requests, tell) = (mpsc::channel(1).1, mpsc::channel(1).0);
        let screens = Screens { remote: screen().0, preview: screen().0, waker: None };
        (Ends { commands, requests, publish, tell, screens, next_notice: 0 }, wishes, shown)
    }

    #[tokio::test]
    async fn what_is_said_before_the_profile_is_open_can_be_put_away() {
        let (mut ends, wishes, shown) = ends();
        ends.show(Stage::Starting, Some(failed(&anyhow!("it does not open"))));
        ends.show(Stage::Welcome, Some(failed(&anyhow!("it does not open either"))));
        let ids = |shown: &watch::Receiver<Arc<Snapshot>>| -> Vec<u64> {
            shown.borrow().notices.iter().map(|notice| notice.id).collect()
        };
        assert_eq!(ids(&shown), [1], "each is another one");
        wishes.try_send(Command::DismissNotice { id: 0 }).unwrap();
        wishes.try_send(Command::Lock).unwrap();
        assert_eq!((ends.next().await, ids(&shown)), (Some(Command::Lock), vec![1]));
        wishes.try_send(Command::DismissNotice { id: 1 }).unwrap();
        drop(wishes);
        assert_eq!((ends.next().await, ids(&shown)), (None, vec![]));
        assert_eq!(shown.borrow().stage, Stage::Welcome);
    }

    #[tokio::test]
    async fn that_a_profile_is_removed_is_said_as_what_was_wished() {
        let folder = tempfile::tempdir().unwrap();
        let (mut ends, wishes, shown) = ends();
        drop(wishes);
        assert!(begin_again(folder.path().to_owned(), &mut ends).await.is_none());
        let said = shown.borrow().notices[0].clone();
        assert_eq!((said.kind, said.text.as_str()), (NoticeKind::Info, sentences::WIPED));
    }

    #[test]
    fn what_went_wrong_is_said_in_a_whole_sentence_and_once() {
        let denied = Error::new(std::io::Error::from_raw_os_error(13))
            .context("the folder cannot be used: Permission denied (os error 13)");
        assert_eq!(failed(&denied), (NoticeKind::Error, "The folder cannot be used: Permission denied.".to_owned()));
    }
}
