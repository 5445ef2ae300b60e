//! Before the engine can work: the profile is made by a person, or unlocked by one.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use zeroize::Zeroizing;

use super::Start;
use super::command::Command;
use super::core::Ends;
use super::people::People;
use super::snapshot::{Notice, NoticeKind, Snapshot, Stage};
use crate::contacts::Profile;
use crate::settings::Reach;

/// Comes back with the people of an open profile; `None` if the person left before that.
pub async fn open(start: Start, ends: &mut Ends) -> Option<People> {
    let (directory, mut passphrase) = match start {
        Start::Profile(profile) => return load(*profile, ends).await,
        Start::Directory { directory, passphrase } => (directory, passphrase),
    };
    loop {
        if !Profile::exists(&directory) {
            return make(&directory, passphrase, ends).await;
        }
        let sealed = Profile::needs_passphrase(&directory).unwrap_or(false);
        if sealed && passphrase.is_none() {
            ends.show(Stage::Locked { wrong: false }, None);
            passphrase = Some(ends.passphrase().await?);
        }
        match unlock(&directory, passphrase.clone()).await {
            Ok(profile) => return load(profile, ends).await,
            Err(error) if sealed => {
                ends.show(Stage::Locked { wrong: true }, Some(format!("{error:#}")));
                passphrase = Some(ends.passphrase().await?);
            }
            Err(error) => {
                ends.show(Stage::Starting, Some(format!("{error:#}")));
                ends.until_quit().await;
                return None;
            }
        }
    }
}

/// Asks for a name, and how others shall reach this person, until a profile could be made of it.
async fn make(directory: &Path, passphrase: Option<Zeroizing<String>>, ends: &mut Ends) -> Option<People> {
    let mut problem = None;
    loop {
        ends.show(Stage::Welcome, problem.take());
        let (name, reach) = ends.first_choices().await?;
        let (directory, passphrase) = (directory.to_owned(), passphrase.clone());
        let made =
            tokio::task::spawn_blocking(move || create(&directory, &name, passphrase.as_ref().map(|p| p.as_str()), reach)).await;
        match made {
            Ok(Ok(people)) => return Some(people),
            Ok(Err(error)) => problem = Some(format!("{error:#}")),
            Err(error) => problem = Some(format!("{error:#}")),
        }
    }
}

fn create(directory: &Path, name: &str, passphrase: Option<&str>, reach: Reach) -> Result<People> {
    let mut people = People::load(Profile::create(directory, name, passphrase)?)?;
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
    match tokio::task::spawn_blocking(move || People::load(profile)).await.map_err(anyhow::Error::new).and_then(|loaded| loaded) {
        Ok(people) => Some(people),
        Err(error) => {
            ends.show(Stage::Starting, Some(format!("{error:#}")));
            ends.until_quit().await;
            None
        }
    }
}

impl Ends {
    fn show(&self, stage: Stage, problem: Option<String>) {
        let notices = problem.map(|text| Notice { id: 0, kind: NoticeKind::Error, text }).into_iter().collect();
        self.publish.send_replace(Arc::new(Snapshot { stage, notices, ..Snapshot::default() }));
        if let Some(waker) = &self.screens.waker {
            waker();
        }
    }

    async fn passphrase(&mut self) -> Option<Zeroizing<String>> {
        loop {
            match self.next().await? {
                Command::Unlock { passphrase } => return Some(Zeroizing::new(passphrase)),
                _ => continue,
            }
        }
    }

    async fn first_choices(&mut self) -> Option<(String, Reach)> {
        loop {
            match self.next().await? {
                Command::CreateProfile { name, reach } => return Some((name, reach)),
                _ => continue,
            }
        }
    }

    async fn until_quit(&mut self) {
        while self.next().await.is_some() {}
    }

    /// The next wish; `None` once the person leaves. Questions of other commands are answered meanwhile.
    async fn next(&mut self) -> Option<Command> {
        loop {
            tokio::select! {
                command = self.commands.recv() => return command.filter(|command| *command != Command::Quit),
                Some((_, reply_to)) = self.requests.recv() => {
                    let _ = reply_to.send(Err("the window still waits for a name or a passphrase; go there first".into()));
                }
            }
        }
    }
}
