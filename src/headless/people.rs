//! `id`, `invite`, `add`, `contacts`: who I am and whom I know, from the command line.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::args::{CallNetworkArgs, ContactsAction, NetworkArgs};
use super::output::{Output, remark};
use super::{Account, Opened, Owner, calling, messages, owner};
use crate::contacts::{Invitation, Profile};
use crate::engine::Engine;
use crate::engine::command::Command;
use crate::engine::event::What;
use crate::engine::options::{NetworkOptions, Options};
use crate::engine::people::{Effect, People};
use crate::engine::request::{Reply, Request};
use crate::identity::PublicKey;
use crate::media::clock::MediaTime;
use crate::settings::LinkMode;

/// Of somebody who was removed while the disk did not let what was written with them go.
const STILL_WRITTEN: &str = "they are no longer a contact; your conversation will be deleted once the messages can be opened";

/// Prints this profile's name, key and version.
pub async fn id(account: &Account, output: Output) -> Result<()> {
    match account.open()? {
        Opened::Ours(profile) => print(People::load(*profile)?.answer(&Request::Id, now()).0, output),
        Opened::Theirs(directory) => print(owner::ask(&directory, &Request::Id).await?, output),
    }
}

/// Lists or changes contacts, here or in the process that has the profile open.
pub async fn contacts(account: &Account, action: Option<ContactsAction>, output: Output) -> Result<()> {
    let directory = account.directory()?;
    if !Profile::exists(&directory) {
        bail!("there is no profile in {}; `vesper id` makes one", directory.display());
    }
    let request = match action.unwrap_or(ContactsAction::List) {
        ContactsAction::List => Request::List,
        ContactsAction::Accept { id } => Request::Accept { id },
        ContactsAction::Refuse { id } => Request::Refuse { id },
        ContactsAction::Rename { id, name } => Request::Rename { id, name },
        ContactsAction::Block { id } => Request::Block { id },
        ContactsAction::Unblock { id } => Request::Unblock { id },
        ContactsAction::Remove { id } => Request::Remove { id },
        ContactsAction::Verify { id, matches, undo } => Request::Verify { id, mark: (matches || undo).then_some(matches) },
    };
    let reply = match account.open()? {
        Opened::Ours(profile) => {
            let mut people = People::load(*profile)?;
            let (reply, effects) = people.answer(&request, now());
            let is_contact = |key: &PublicKey| people.contacts.iter().any(|contact| contact.key == *key);
            if effects.iter().any(|effect| matches!(effect, Effect::Shut(key) if !is_contact(key))) {
                messages::forget_strangers(&people).context(STILL_WRITTEN)?;
            }
            reply
        }
        Opened::Theirs(directory) => owner::ask(&directory, &request).await?,
    };
    if matches!((&request, &reply), (Request::List, Ok(lines)) if lines.is_empty()) {
        remark("no contacts yet; `vesper invite` makes an invitation, `vesper add` uses one");
    }
    print(reply, output)
}

/// Makes an invitation and prints it; with `wait`, serves it and accepts whoever uses this one.
pub async fn invite(account: &Account, expires: Duration, wait: bool, network: &NetworkArgs, output: Output) -> Result<()> {
    let request = Request::Invite { seconds: expires.as_secs(), accept: wait };
    let profile = match account.open()? {
        Opened::Ours(profile) => *profile,
        Opened::Theirs(_) if wait => bail!("another Vesper has this profile open and serves the invitation; leave out --wait"),
        Opened::Theirs(directory) => return print(owner::ask(&directory, &request).await?, output),
    };
    let (mut engine, _owner) = start(profile, network).await?;
    let reply = engine.ask(request).await;
    let made = reply.as_ref().ok().and_then(|lines| Invitation::parse(&lines.first()?.text).ok()).map(|made| made.knock_id);
    print(reply, output)?;
    if wait {
        let limit = tokio::time::sleep(expires);
        let asked = calling::asked_to_end();
        tokio::pin!(limit, asked);
        loop {
            let event = tokio::select! {
                event = engine.next_event() => event.context("the network went away; start again")?,
                () = &mut limit => bail!("nobody used the invitation before it expired"),
                () = &mut asked => bail!("ended before anybody used the invitation"),
            };
            if !matches!(event.what, What::Invitation { .. }) {
                output.event(&event);
            }
            if matches!(event.what, What::Contact { by, .. } if by.is_some() && by == made) {
                break;
            }
        }
    }
    engine.quit().await;
    Ok(())
}

/// Sends a contact request and waits for its answer.
pub async fn add(
    account: &Account,
    invitation: &str,
    petname: Option<String>,
    use_their_relay: bool,
    timeout: Duration,
    network: &NetworkArgs,
    output: Output,
) -> Result<()> {
    let (mut engine, _owner) = start(account.own()?, network).await?;
    let knock_id = Invitation::parse(invitation).map(|invitation| invitation.knock_id);
    engine.command(Command::AddContact { invitation: invitation.into(), petname }).await;
    if let (true, Ok(knock_id)) = (use_their_relay, &knock_id) {
        engine.command(Command::ApproveRequestRelay { knock_id: *knock_id, approve: true }).await;
    }
    let mut state = engine.watch();
    let limit = tokio::time::sleep(timeout);
    let asked = calling::asked_to_end();
    tokio::pin!(limit, asked);
    let done = loop {
        let event = tokio::select! {
            event = engine.next_event() => event.context("the network went away; start again")?,
            Ok(snapshot) = state.wait_for(|snapshot| snapshot.sent_requests.iter().any(|sent| sent.asks_relay.is_some())) => {
                let relay = snapshot.sent_requests.iter().find_map(|sent| sent.asks_relay.clone()).unwrap_or_default();
                break Err(anyhow!("{relay}, the relay of this invitation, is not one of yours and would see this computer's address; allow it with --use-their-relay"));
            }
            () = &mut limit => break Err(anyhow!("not accepted yet; the request goes on whenever this profile is online, in `vesper answer` or the window")),
            () = &mut asked => break Err(anyhow!("ended before the answer; the request goes on when this profile is online again")),
        };
        match &event.what {
            What::RequestFailed { text } => break Err(anyhow!("{text}")),
            what => {
                output.event(&event);
                if matches!(what, What::Contact { .. }) {
                    break Ok(());
                }
            }
        }
    };
    engine.quit().await;
    done
}

/// Starts the engine; fails where nobody could be reached.
pub(super) async fn start(profile: Profile, network: &NetworkArgs) -> Result<(Engine, Option<Owner>)> {
    let options = Options { network: network.into(), ..Options::default() };
    let (mut engine, owner) = calling::start(profile, options);
    calling::ready(&mut engine).await?;
    if let Err(error) = calling::reachable(&engine) {
        engine.quit().await;
        return Err(error);
    }
    Ok((engine, owner))
}

/// The wall clock, in seconds.
pub(super) fn now() -> u64 {
    MediaTime::now().unix_us() / 1_000_000
}

pub(super) fn print(reply: Reply, output: Output) -> Result<()> {
    for line in reply.map_err(|sentence| anyhow!(sentence))? {
        output.both(&line.json, &line.text);
    }
    Ok(())
}

impl From<&CallNetworkArgs> for NetworkOptions {
    fn from(args: &CallNetworkArgs) -> Self {
        Self { ice_servers: args.ice_servers.clone(), ..(&args.network).into() }
    }
}

impl From<&NetworkArgs> for NetworkOptions {
    fn from(args: &NetworkArgs) -> Self {
        use super::args::Policy;
        Self {
            relay: args.relay.clone(),
            mode: args.policy.map(|policy| match policy {
                Policy::Direct => LinkMode::Direct,
                Policy::Hide => LinkMode::Hide,
                Policy::Never => LinkMode::Never,
            }),
            lan: args.lan,
            bind: args.bind,
            ..Self::default()
        }
    }
}
