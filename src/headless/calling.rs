//! `check`, `call`, `answer`: calls from the command line.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::args::{CallArgs, MediaArgs, NetworkArgs};
use super::output::{Output, remark};
use super::owner::Owner;
use super::{Account, find, standard_input};
use crate::contacts::Profile;
use crate::engine::command::{CallMedia, Command};
use crate::engine::event::What;
use crate::engine::options::{AutoAccept, CameraChoice, MediaOptions, MicrophoneChoice, Options, SpeakerChoice};
use crate::engine::report::Report;
use crate::engine::snapshot::{ContactView, Snapshot, Stage};
use crate::engine::words::in_words;
use crate::engine::{Engine, Start};
use crate::media::sound_devices::SoundDevice;
use crate::media::{camera, sound_devices};

/// How long the end of the process may take when a call has to be hung up first.
const GOODBYE: Duration = Duration::from_millis(1400);
/// How long to wait for the report of a call that is being hung up.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A call to Echo through the real stack; fails unless picture, sound and sealing worked both ways.
pub async fn check(account: &Account, seconds: Duration, media: &MediaArgs, call: &CallArgs, output: Output) -> Result<()> {
    let mut options = options(media, call)?;
    options.hang_up_after = Some(seconds);
    let profile = account.own()?;
    replace_missing_devices(&mut options.media);
    let (mut engine, _owner) = start(profile, options);
    let echo = wait_for(&mut engine, |contact| contact.echo).await.context("Echo did not start")?;
    engine.command(Command::Call { key: echo.key, media: CallMedia::Video }).await;
    let report = until_report(&mut engine, output, None).await;
    engine.quit().await;
    let report = report?;
    let video = report.video.as_ref().is_some_and(|video| video.sent_fps > 0.0 && video.shown_fps > 0.0);
    let audio = report.audio.as_ref().is_some_and(|audio| audio.sent_kbps > 0.0 && audio.received_kbps > 0.0);
    let sealed = report.sealed.as_ref().is_some_and(|sealed| sealed.opened > 0 && sealed.rejected == 0);
    match (report.ended.as_deref(), video, audio, sealed) {
        (Some("hangup"), true, true, true) => Ok(()),
        (Some("hangup"), false, ..) => bail!("no picture came back; try again with --camera test"),
        (Some("hangup"), _, false, _) => bail!("no sound came back; try again with --mic tone"),
        (Some("hangup"), _, _, false) => bail!("sealed frames were rejected: something on this computer alters its own traffic"),
        (ended, ..) => bail!("the call to Echo ended early: {}", ended.unwrap_or("interrupted")),
    }
}

/// Calls a contact and stays until the call is over.
pub async fn call(
    account: &Account,
    contact: &str,
    audio_only: bool,
    media: &MediaArgs,
    call: &CallArgs,
    network: &NetworkArgs,
    output: Output,
) -> Result<()> {
    let options = Options { network: network.into(), hang_up_after: network.seconds, ..options(media, call)? };
    let (mut engine, _owner) = start(account.own()?, options);
    ready(&mut engine).await?;
    let contacts = engine.snapshot().contacts.clone();
    let found = find(contact, &contacts, |one| &one.petname, |one| one.key.to_string());
    let (key, is_echo) = match found {
        Ok(contact) => (contact.key, contact.echo),
        Err(error) => {
            engine.quit().await;
            return Err(error);
        }
    };
    if !is_echo && let Err(error) = reachable(&engine) {
        engine.quit().await;
        return Err(error);
    }
    let kind = if audio_only { CallMedia::Audio } else { CallMedia::Video };
    engine.command(Command::Call { key, media: kind }).await;
    let report = until_report(&mut engine, output, Some(standard_input::commands())).await;
    engine.quit().await;
    let report = report?;
    match report.ended.as_deref() {
        Some("hangup") if report.seconds > 0.0 => Ok(()),
        Some("declined") => bail!("{contact} declined; try again later"),
        Some("busy") => bail!("{contact} is in another call; try again later"),
        Some("no-answer") => bail!("{contact} did not answer; they see a missed call"),
        Some("unreachable") => bail!("{contact} could not be reached; are they online, and is a relay set if they are far away?"),
        Some("cancelled" | "hangup") => bail!("hung up before the call was answered"),
        ended => bail!("the call ended: {}; try again", ended.unwrap_or("interrupted")),
    }
}

/// Stays online, prints what happens, answers by itself if asked to.
pub async fn answer(
    account: &Account,
    auto: Option<Vec<String>>,
    once: bool,
    media: &MediaArgs,
    call: &CallArgs,
    network: &NetworkArgs,
    output: Output,
) -> Result<()> {
    let (network, hang_up_after) = (network.into(), network.seconds);
    let mut options = Options { network, hang_up_after, stay_online: true, ..options(media, call)? };
    if let Some(names) = auto {
        let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let who = if names.is_empty() { "every contact".to_owned() } else { names.join(", ") };
        remark(&format!("calls of {who} are accepted without asking; whoever calls learns this computer's address"));
        options.auto_accept = if names.is_empty() { AutoAccept::AllContacts } else { AutoAccept::Named(names) };
        // Nobody decides that a camera may see them by starting a service: it has to be named.
        if media.camera.is_none() {
            options.media.camera = CameraChoice::None;
        }
        if media.mic.is_none() {
            options.media.microphone = MicrophoneChoice::None;
        }
    }
    let (mut engine, _owner) = start(account.own()?, options);
    ready(&mut engine).await?;
    if let Err(error) = reachable(&engine) {
        engine.quit().await;
        return Err(error);
    }
    let mut typed = standard_input::commands();
    let mut typing = true;
    let asked = asked_to_end();
    tokio::pin!(asked);
    loop {
        let event = tokio::select! {
            event = engine.next_event() => event.context("the network went away; start again")?,
            command = typed.recv(), if typing => {
                match command {
                    Some(command) => engine.command(command).await,
                    None => typing = false,
                }
                continue;
            }
            () = &mut asked => break,
        };
        output.event(&event);
        if once && matches!(event.what, What::Report(_)) {
            break;
        }
    }
    goodbye(engine, output).await;
    Ok(())
}

/// Completes when the process is asked to end.
pub async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
            return std::future::pending().await;
        };
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

/// Prints events until the report of the one call, which is the last line.
async fn until_report(engine: &mut Engine, output: Output, typed: Option<mpsc::Receiver<Command>>) -> Result<Report> {
    let (_keep, nothing) = mpsc::channel(1);
    let (mut typed, mut typing) = (typed.unwrap_or(nothing), true);
    let mut ends_by: Option<Instant> = None;
    let asked = asked_to_end();
    tokio::pin!(asked);
    loop {
        let limit = ends_by;
        let event = tokio::select! {
            event = engine.next_event() => event.context("the call went away; start again")?,
            () = async { if let Some(limit) = limit { sleep_until(limit).await } else { std::future::pending().await } } => {
                bail!("ended before there was a call");
            }
            command = typed.recv(), if typing => {
                match command {
                    Some(command) => engine.command(command).await,
                    None => typing = false,
                }
                continue;
            }
            () = &mut asked, if ends_by.is_none() => {
                ends_by = Some(Instant::now() + LAST_WORDS);
                engine.command(Command::HangUp).await;
                continue;
            }
        };
        output.event(&event);
        match event.what {
            What::Report(report) => return Ok(*report),
            What::RequestFailed { text } => bail!("{text}"),
            _ => {}
        }
    }
}

/// Hangs up whatever runs, prints what that brings, ends within [`GOODBYE`]. Dropping the engine then cuts off the rest.
async fn goodbye(mut engine: Engine, output: Output) {
    engine.command(Command::Quit).await;
    let rest = async {
        while let Some(event) = engine.next_event().await {
            output.event(&event);
        }
    };
    let _ = tokio::time::timeout(GOODBYE, rest).await;
}

/// Starts the engine, and answers other commands for its profile meanwhile; a call is worth more than that.
pub fn start(profile: Profile, options: Options) -> (Engine, Option<Owner>) {
    let directory = profile.path().to_owned();
    let engine = Engine::start(Start::Profile(Box::new(profile)), options, None);
    let owner = Owner::serve(&directory, engine.requests())
        .inspect_err(|error| remark(&format!("other commands cannot use this profile meanwhile: {}", in_words(error))));
    (engine, owner.ok())
}

/// Fails where no contact could ever be reached, as with a relay that is none.
pub fn reachable(engine: &Engine) -> Result<()> {
    let network = engine.snapshot().network.clone();
    if !network.online {
        bail!("{}", network.status);
    }
    Ok(())
}

/// Waits until the profile is open and its network is up.
pub async fn ready(engine: &mut Engine) -> Result<()> {
    let mut snapshot = engine.watch();
    let is_ready = |snapshot: &std::sync::Arc<Snapshot>| snapshot.stage == Stage::Ready && !snapshot.network.status.is_empty();
    snapshot.wait_for(is_ready).await.context("Vesper ended while it started")?;
    Ok(())
}

async fn wait_for(engine: &mut Engine, wanted: impl Fn(&ContactView) -> bool) -> Result<ContactView> {
    ready(engine).await?;
    engine.snapshot().contacts.iter().find(|contact| wanted(contact)).cloned().context("there is no such contact")
}

fn options(media: &MediaArgs, call: &CallArgs) -> Result<Options> {
    let options = Options {
        media: MediaOptions { max_kbps: call.max_kbps, trace: call.trace.clone(), ..media.into() },
        mute_after: call.mute_at,
        camera_off_after: call.camera_off_at,
        stats: call.stats.clone(),
        ..Options::default()
    };
    options.check_files()?;
    Ok(options)
}

impl From<&MediaArgs> for MediaOptions {
    fn from(args: &MediaArgs) -> Self {
        let (width, height) = args.size;
        Self {
            camera: args.camera.clone().unwrap_or_default(),
            microphone: args.mic.clone().unwrap_or_default(),
            speaker: args.speaker.clone().unwrap_or_default(),
            width,
            height,
            fps: args.fps,
            record_video: args.record_video.clone(),
            record_audio: args.record_audio.clone(),
            ..Self::default()
        }
    }
}

/// `check` works on a computer without devices too, and says what it took instead.
fn replace_missing_devices(media: &mut MediaOptions) {
    if media.camera == CameraChoice::Chosen && camera::cameras().is_empty() {
        remark("no camera here; the test picture is sent instead");
        media.camera = CameraChoice::Test;
    }
    // A sound system lists converters and the like even where there is no device; then none of them is its default.
    let none = |devices: Vec<SoundDevice>| devices.iter().all(|device| !device.default);
    if media.microphone == MicrophoneChoice::Chosen && none(sound_devices::microphones()) {
        remark("no microphone here; a tone is sent instead");
        media.microphone = MicrophoneChoice::Tone;
    }
    if media.speaker == SpeakerChoice::Chosen && none(sound_devices::speakers()) {
        remark("no speaker here; sound is measured, not played");
        media.speaker = SpeakerChoice::None;
    }
}
