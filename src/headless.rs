//! The command line's view of the engine: the same code paths as the window, in text or JSON.

pub mod args;
mod backup;
mod calling;
mod devices;
mod messages;
mod output;
mod owner;
mod passphrase;
mod people;
mod standard_input;
pub mod window;

use std::env::VarError;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use crate::contacts::{Profile, ProfileError};
use crate::engine::options::Options;
use crate::engine::words::in_words;
use crate::identity::VaultError;
use crate::media::priority::{self, Work};
use args::{Cli, Command};
pub use calling::asked_to_end;
use output::{Output, remark};
pub use owner::{Owner, raise};

/// The longest that a process lives after it was asked to end.
const END: Duration = Duration::from_millis(1950);
/// How long devices and recordings may take to close at the end.
const CLOSING: Duration = Duration::from_millis(500);

/// Threads that the engine and the network share.
const WORKERS: usize = 2;

/// What the engine and the network run on. Its workers carry every packet of a call, so they come first; threads that wait for the disk are
/// started after them, come and go, and have no hurry.
pub fn runtime() -> std::io::Result<Runtime> {
    let started = AtomicUsize::new(0);
    let (raised, workers) = std::sync::mpsc::channel();
    let raise_worker = move || {
        if started.fetch_add(1, Ordering::Relaxed) < WORKERS {
            priority::raise(Work::Network);
            let _ = raised.send(());
        }
    };
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).on_thread_start(raise_worker).enable_all().build()?;
    // Else a thread that is to wait for the disk could begin to run before them, and be taken for one. A system that gives fewer
    // threads is not waited for.
    (0..WORKERS).take_while(|_| workers.recv_timeout(Duration::from_secs(1)).is_ok()).for_each(drop);
    Ok(runtime)
}

/// Runs one command to its end. What was asked happened: 0. It did not: 1, with a sentence on standard error.
pub fn run(cli: Cli, secrets: Secrets) -> ExitCode {
    let Some(command) = cli.command else { unreachable!("without a command the window opens") };
    let output = Output::new(cli.json);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("this system gives no threads to work with")),
    };
    runtime.spawn(end_in_time());
    let account = Account { profile: cli.profile, name: cli.name, passphrase: secrets.profile.clone() };
    let done = runtime.block_on(async move {
        match command {
            Command::Devices => devices::list(output),
            Command::Id => people::id(&account, output).await,
            Command::Contacts { action } => people::contacts(&account, action, output).await,
            Command::Invite { expires, wait, network } => people::invite(&account, expires, wait, &network, output).await,
            Command::Export { file } => backup::export(&account, &file, secrets.backup.as_ref(), output),
            Command::Import { file } => backup::import(&account, &file, secrets.backup.as_ref(), output),
            Command::Wipe { yes } => backup::wipe(&account, yes, output),
            Command::Add { invitation, petname, use_their_relay, timeout, network } => {
                people::add(&account, &invitation, petname, use_their_relay, timeout, &network, output).await
            }
            Command::Message { contact, text, wait, timeout, network } => {
                messages::message(&account, contact, text, wait.then_some(timeout), &network, output).await
            }
            Command::Messages { contact, last } => messages::messages(&account, contact, last, output).await,
            Command::Check { seconds, media, call } => {
                let options = Options { hang_up_after: Some(seconds), ..calling::options(&media, &call)? };
                calling::check(&account, options, output).await
            }
            Command::Call { contact, audio_only, talk } => {
                calling::call(&account, &contact, audio_only, calling::talk_options(&talk)?, output).await
            }
            Command::Answer { auto, once, talk } => {
                calling::answer(&account, auto, once, calling::talk_options(&talk)?, output).await
            }
        }
    });
    // Devices close and recordings reach the disk on threads of their own; what hangs must not keep the process.
    runtime.shutdown_timeout(CLOSING);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// A process that is asked to end does so, whatever it waits for: also for whoever does not read its output.
async fn end_in_time() {
    calling::asked_to_end().await;
    tokio::time::sleep(END).await;
    std::process::exit(1);
}

/// What the window was started with.
pub fn window_options(cli: &Cli) -> Options {
    let (media, network) = ((&cli.media).into(), (&cli.network).into());
    Options { media, network, ring: true, stay_online: true, ..Options::default() }
}

/// Which profile to open, and how.
pub struct Account {
    pub profile: String,
    pub name: Option<String>,
    pub passphrase: Option<Zeroizing<String>>,
}

/// A profile that is ours, or the folder of one that another process has open.
enum Opened {
    Ours(Box<Profile>),
    Theirs(PathBuf),
}

impl Account {
    fn directory(&self) -> Result<PathBuf> {
        Ok(Profile::directory(&self.profile)?)
    }

    /// Opens the profile, or makes it if there is none.
    fn open(&self) -> Result<Opened> {
        let directory = self.directory()?;
        let passphrase = self.passphrase.as_ref().map(|passphrase| passphrase.as_str());
        let mut opened =
            if Profile::exists(&directory) { Profile::open(&directory, passphrase) } else { self.create(&directory, passphrase) };
        if matches!(opened, Err(ProfileError::Vault(VaultError::PassphraseNeeded)))
            && let Some(typed) = passphrase::of_profile()
        {
            opened = Profile::open(&directory, Some(&typed));
        }
        match opened {
            Ok(profile) => Ok(Opened::Ours(Box::new(profile))),
            Err(ProfileError::InUse { .. }) => Ok(Opened::Theirs(directory)),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the profile for a command that has to own it.
    fn own(&self) -> Result<Profile> {
        match self.open()? {
            Opened::Ours(profile) => Ok(*profile),
            Opened::Theirs(directory) => Err(ProfileError::InUse(directory).into()),
        }
    }

    fn create(&self, directory: &Path, passphrase: Option<&str>) -> Result<Profile, ProfileError> {
        let name = self.name.clone().unwrap_or_else(login_name);
        let profile = Profile::create(directory, &name, passphrase)?;
        if passphrase.is_none() {
            let folder = directory.display();
            remark(&format!("the new profile {folder} is not sealed with a passphrase; set VESPER_PASSPHRASE to seal one"));
        }
        Ok(profile)
    }
}

/// The passphrases that the environment brings, by the names of [`SECRETS`].
#[derive(Default)]
pub struct Secrets {
    pub profile: Option<Zeroizing<String>>,
    pub backup: Option<Zeroizing<String>>,
}

/// The variables that hold passphrases: of the profile, and of a backup. Whoever starts us clears them once they are read.
pub const SECRETS: [&str; 2] = ["VESPER_PASSPHRASE", "VESPER_BACKUP_PASSPHRASE"];

/// Reads the passphrases. An empty one is none; one that is no UTF-8 is an error, for to take it for none would leave a profile
/// open that was meant to be sealed.
pub fn secrets_from_environment() -> Result<Secrets> {
    let read = |name: &str| match std::env::var(name) {
        Ok(passphrase) => Ok(Some(Zeroizing::new(passphrase)).filter(|passphrase| !passphrase.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => bail!("{name} is not UTF-8 text; set it from a terminal that uses UTF-8"),
    };
    let [profile, backup] = SECRETS.map(read);
    Ok(Secrets { profile: profile?, backup: backup? })
}

fn login_name() -> String {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|key| std::env::var(key).ok()).unwrap_or_else(|| "me".into())
}

fn fail(error: &anyhow::Error) -> ExitCode {
    remark(&in_words(error));
    ExitCode::FAILURE
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn threads_that_carry_packets_come_first_where_that_is_allowed_and_those_that_wait_for_the_disk_never() {
        use crate::media::priority::tests::nice;
        let usual = nice();
        let raised = || {
            priority::raise(Work::Network);
            nice()
        };
        let raised = std::thread::spawn(raised).join().unwrap();
        let runtime = runtime().unwrap();
        let (worker, waiting) = runtime.block_on(async {
            let worker = tokio::spawn(async { nice() }).await.unwrap();
            (worker, tokio::task::spawn_blocking(nice).await.unwrap())
        });
        assert_eq!(waiting, usual);
        // Whom the system does not let do it at once may be let do it any moment, or never.
        assert!(raised == usual || worker == raised, "{worker}");
    }
}
