//! `message` and `messages`: what is written to a contact, from the command line.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

use super::args::NetworkArgs;
use super::output::Output;
use super::{Account, Opened, calling, owner, people};
use crate::contacts::Profile;
use crate::conversation::Library;
use crate::engine::conversations::{self, requests};
use crate::engine::event::What;
use crate::engine::people::People;
use crate::engine::request::{Line, Request};

/// How often another process is asked whether a text has arrived.
const ASK_AGAIN: Duration = Duration::from_millis(250);

const STILL_WAITING: &str =
    "not delivered yet; it goes out whenever both of you are online together, in `vesper answer` or the window";

/// Writes to a contact; with `wait`, stays until the contact has it.
pub async fn message(
    account: &Account,
    contact: String,
    text: String,
    wait: Option<Duration>,
    network: &NetworkArgs,
    output: Output,
) -> Result<()> {
    // Before anybody goes online for it.
    requests::check_body(&text)?;
    let request = Request::Message { id: contact, text };
    match (account.open()?, wait) {
        (Opened::Theirs(directory), wait) => {
            let lines = owner::ask(&directory, &request).await?.map_err(|sentence| anyhow!(sentence))?;
            match wait {
                Some(wait) => watch(&directory, &lines, wait, output).await,
                None => people::print(Ok(lines), output),
            }
        }
        (Opened::Ours(profile), None) => people::print(Ok(keep(*profile, &request)?), output),
        (Opened::Ours(profile), Some(wait)) => send(*profile, request, wait, network, output).await,
    }
}

/// Prints a conversation, page by page.
pub async fn messages(account: &Account, contact: String, last: Option<usize>, output: Output) -> Result<()> {
    let (opened, mut after) = (account.open()?, None);
    let library = match opened {
        Opened::Ours(profile) => {
            let people = People::load(*profile)?;
            Ok((open(&people)?, people))
        }
        Opened::Theirs(directory) => Err(directory),
    };
    loop {
        let request = Request::Messages { id: contact.clone(), last, after };
        let lines = match &library {
            Ok((library, people)) => requests::read(people, library, &request)?,
            Err(directory) => owner::ask(directory, &request).await?.map_err(|sentence| anyhow!(sentence))?,
        };
        if lines.is_empty() {
            return Ok(());
        }
        after = Some(id_of(&lines[lines.len() - 1..])?);
        people::print(Ok(lines), output)?;
    }
}

/// Keeps the text for the next process that is online with this profile.
fn keep(profile: Profile, request: &Request) -> Result<Vec<Line>> {
    let Request::Message { id, text } = request else { unreachable!("only texts are kept") };
    let people = People::load(profile)?;
    let peer = people.find(id)?;
    requests::check_message(&people, peer, text)?;
    let entry = open(&people)?.write(peer, text, people::now() * 1000)?;
    Ok(vec![requests::kept(&people, peer, entry.id())])
}

/// Deletes what was written with whoever is no contact any more.
pub fn forget_strangers(people: &People) -> Result<()> {
    Ok(conversations::forget_strangers(&mut open(people)?, &people.contacts)?)
}

fn open(people: &People) -> Result<Library> {
    let (directory, key) = people.message_place().context("this profile keeps no messages")?;
    Ok(Library::open(&directory, &key, people.identity.public())?)
}

/// Goes online and sends.
async fn send(profile: Profile, request: Request, wait: Duration, network: &NetworkArgs, output: Output) -> Result<()> {
    let until = Instant::now() + wait;
    let (mut engine, _owner) = people::start(profile, network).await?;
    let asked = calling::asked_to_end();
    tokio::pin!(asked);
    let delivered = async {
        let lines = engine.ask(request).await.map_err(|sentence| anyhow!(sentence))?;
        let id = id_of(&lines)?;
        people::print(Ok(lines), output)?;
        loop {
            let event = engine.next_event().await.context("the network went away; start again")?;
            output.event(&event);
            if matches!(&event.what, What::Delivered { id: delivered, .. } if delivered.to_string() == id) {
                return Ok(());
            }
        }
    };
    let done = tokio::select! {
        done = timeout_at(until, delivered) => done.unwrap_or_else(|_| Err(anyhow!(STILL_WAITING))),
        () = &mut asked => Err(anyhow!(STILL_WAITING)),
    };
    engine.quit().await;
    done
}

/// Asks the process that has the profile until the text has arrived.
async fn watch(directory: &Path, lines: &[Line], wait: Duration, output: Output) -> Result<()> {
    let (until, message) = (Instant::now() + wait, id_of(lines)?);
    people::print(Ok(lines.to_vec()), output)?;
    while Instant::now() < until {
        let state = owner::ask(directory, &Request::IsDelivered { message: message.clone() }).await?;
        let state = state.map_err(|sentence| anyhow!(sentence))?;
        if state.first().is_some_and(|line| line.json["state"] == "delivered") {
            return people::print(Ok(state), output);
        }
        sleep(ASK_AGAIN).await;
    }
    Err(anyhow!(STILL_WAITING))
}

fn id_of(lines: &[Line]) -> Result<String> {
    lines.first().and_then(|line| line.json["id"].as_str()).map(str::to_owned).context("the message got no id; try again")
}
