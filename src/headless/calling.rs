//! `check`, `call`, `answer`: calls from the command line.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::args::{CallArgs, MediaArgs, Names, TalkArgs};
use super::output::{Output, remark};
use super::owner::Owner;
use super::{Account, standard_input};
use crate::contacts::{Profile, find};
use crate::engine::command::{CallMedia, Command};
use crate::engine::event::What;
use crate::engine::options::{AutoAccept, CameraChoice, MediaOptions, MicrophoneChoice, Options, SpeakerChoice};
use crate::engine::report::Report;
use crate::engine::snapshot::{ContactView, Network, Snapshot, Stage};
use crate::engine::words::in_words;
use crate::engine::{Engine, Start};
use crate::media::events::{MediaEvent, MediaSource};
use crate::media::sound_devices::SoundDevice;
use crate::media::{camera, sound_devices};

/// How long the end of the process may take when a call has to be hung up first.
const GOODBYE: Duration = Duration::from_millis(1400);
/// How long to wait for the report of a call that is being hung up.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A call to Echo through the real stack; fails unless picture, sound, sealing and the devices worked both ways.
pub async fn check(account: &Account, mut options: Options, output: Output) -> Result<()> {
    let profile = account.own()?;
    choose_devices(&mut options.media)?;
    let (mut engine, _owner) = start(profile, options);
    let echo = wait_for(&mut engine, |contact| contact.echo).await.context("Echo did not start")?;
    engine.command(Command::Call { key: echo.key, media: CallMedia::Video }).await;
    let ended = until_report(&mut engine, output, None).await;
    engine.quit().await;
    let (report, troubles) = ended?;
    let video = report.video.as_ref().is_some_and(|video| video.sent_fps > 0.0 && video.shown_fps > 0.0);
    let audio = report.audio.as_ref().is_some_and(|audio| audio.sent_kbps > 0.0 && audio.received_kbps > 0.0);
    let sealed = report.sealed.as_ref().is_some_and(|sealed| sealed.opened > 0 && sealed.rejected == 0);
    if report.ended.as_deref() == Some("hangup") {
        troubles.none_with_devices()?;
    }
    match (report.ended.as_deref(), video, audio, sealed) {
        (Some("hangup"), true, true, true) => troubles.none_with_files(),
        (Some("hangup"), false, ..) => bail!("no picture came back; try again with --camera test"),
        (Some("hangup"), _, false, _) => bail!("no sound came back; try again with --mic tone"),
        (Some("hangup"), _, _, false) => bail!("sealed frames were rejected: something on this computer alters its own traffic"),
        (ended, ..) => bail!("the call to Echo ended early ({}); try again", ended.unwrap_or("interrupted")),
    }
}

/// Calls a contact and stays until the call is over.
pub async fn call(account: &Account, contact: &str, audio_only: bool, options: Options, output: Output) -> Result<()> {
    let (mut engine, _owner) = start(account.own()?, options);
    ready(&mut engine).await?;
    let contacts = engine.snapshot().contacts.clone();
    let (key, is_echo) = match find(&contacts, contact) {
        Ok(contact) => (contact.key, contact.echo),
        Err(error) => {
            engine.quit().await;
            return Err(error.into());
        }
    };
    if !is_echo && let Err(error) = reachable(&engine) {
        engine.quit().await;
        return Err(error);
    }
    let kind = if audio_only { CallMedia::Audio } else { CallMedia::Video };
    engine.command(Command::Call { key, media: kind }).await;
    let ended = until_report(&mut engine, output, Some(standard_input::commands())).await;
    engine.quit().await;
    let (report, troubles) = ended?;
    match report.ended.as_deref() {
        Some("hangup") if report.seconds > 0.0 => troubles.none_with_files(),
        Some("declined") => bail!("{contact} declined; try again later"),
        Some("busy") => bail!("{contact} is in another call; try again later"),
        Some("no-answer") => bail!("{contact} did not answer; they see a missed call"),
        Some("unreachable") => bail!("{contact} could not be reached; are they online, and is a relay set if they are far away?"),
        Some("cancelled") => bail!("hung up before the call was answered"),
        Some("hangup") => bail!("hung up before picture or sound came"),
        ended => bail!("the call ended: {}; try again", ended.unwrap_or("interrupted")),
    }
}

/// Stays online, prints what happens, answers by itself if asked to.
pub async fn answer(
    account: &Account,
    auto: Option<Option<Names>>,
    once: bool,
    mut options: Options,
    output: Output,
) -> Result<()> {
    let names = auto.map(|names| names.map(|Names(names)| names).unwrap_or_default());
    if let Some(names) = &names {
        let who = if names.is_empty() { "every contact".to_owned() } else { names.join(", ") };
        remark(&format!("calls of {who} are accepted without asking; whoever calls learns this computer's address"));
        options.auto_accept = if names.is_empty() { AutoAccept::AllContacts } else { AutoAccept::Named(names.clone()) };
        // Nobody decides that a camera may see them by starting a service: it has to be named.
        if options.media.camera == CameraChoice::Chosen {
            options.media.camera = CameraChoice::None;
        }
        if options.media.microphone == MicrophoneChoice::Chosen {
            options.media.microphone = MicrophoneChoice::None;
        }
    }
    let (mut engine, _owner) = start(account.own()?, options);
    ready(&mut engine).await?;
    if let Err(error) = reachable(&engine) {
        engine.quit().await;
        return Err(error);
    }
    let contacts = engine.snapshot().contacts.clone();
    for name in names.into_iter().flatten() {
        // They may become a contact yet.
        if let Err(error) = find(&contacts, &name) {
            remark(&error.to_string());
        }
    }
    remark("waiting for calls; Ctrl+C ends this");
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

/// What did not work as asked while a call lasted.
#[derive(Debug, Default)]
struct Troubles {
    /// Devices that do not work still.
    devices: Vec<(MediaSource, String)>,
    /// A file that is not whole.
    file: Option<String>,
}

impl Troubles {
    fn note(&mut self, event: &What) {
        let What::Warning { text, cause: Some(cause) } = event else { return };
        match cause {
            MediaEvent::SourceLost { source, .. } => self.devices.push((*source, text.clone())),
            MediaEvent::SourceBack { source } => self.devices.retain(|(lost, _)| lost != source),
            MediaEvent::FileLost { .. } => self.file = Some(text.clone()),
            MediaEvent::FirstVideo | MediaEvent::FirstAudio | MediaEvent::Warning { .. } => {}
        }
    }

    fn none_with_devices(&self) -> Result<()> {
        self.devices.first().map_or(Ok(()), |(_, text)| bail!("{text}"))
    }

    fn none_with_files(&self) -> Result<()> {
        self.file.as_ref().map_or(Ok(()), |text| bail!("{text}"))
    }
}

/// Prints events until the report of the one call, which is the last line.
async fn until_report(engine: &mut Engine, output: Output, typed: Option<mpsc::Receiver<Command>>) -> Result<(Report, Troubles)> {
    let mut troubles = Troubles::default();
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
        troubles.note(&event.what);
        match event.what {
            What::Report(report) => return Ok((*report, troubles)),
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
    match &engine.snapshot().network {
        Network::Closed(why) => bail!("Offline: {why}"),
        _ => Ok(()),
    }
}

/// Waits until the profile is open and its network is up.
pub async fn ready(engine: &mut Engine) -> Result<()> {
    let mut snapshot = engine.watch();
    let is_ready = |snapshot: &std::sync::Arc<Snapshot>| snapshot.stage == Stage::Ready && snapshot.network != Network::Opening;
    snapshot.wait_for(is_ready).await.context("Vesper ended while it started")?;
    Ok(())
}

async fn wait_for(engine: &mut Engine, wanted: impl Fn(&ContactView) -> bool) -> Result<ContactView> {
    ready(engine).await?;
    engine.snapshot().contacts.iter().find(|contact| wanted(contact)).cloned().context("there is no such contact")
}

/// Everything that the options of a call say; fails if a file that they name is of no use.
pub fn options(media: &MediaArgs, call: &CallArgs) -> Result<Options> {
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

/// The same for a call with somebody.
pub fn talk_options(talk: &TalkArgs) -> Result<Options> {
    let network = (&talk.network).into();
    Ok(Options { network, hang_up_after: talk.seconds, ..options(&talk.media, &talk.call)? })
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

/// `check` works on a computer without devices too, and says what it took instead. One that was named has to be there.
fn choose_devices(media: &mut MediaOptions) -> Result<()> {
    // A sound system lists converters and the like even where there is no device; then none of them is its default.
    let none = |devices: Vec<SoundDevice>| devices.iter().all(|device| !device.default);
    let named = |devices: Vec<SoundDevice>, name: &str| devices.iter().any(|device| device.name == name);
    match &media.camera {
        CameraChoice::Chosen if camera::cameras().is_empty() => {
            remark("no camera here; the test picture is sent instead");
            media.camera = CameraChoice::Test;
        }
        CameraChoice::Device(name) if camera::cameras().iter().all(|camera| camera.name != *name) => {
            return Err(not_here("camera", name));
        }
        _ => {}
    }
    match &media.microphone {
        MicrophoneChoice::Chosen if none(sound_devices::microphones()) => {
            remark("no microphone here; a tone is sent instead");
            media.microphone = MicrophoneChoice::Tone;
        }
        MicrophoneChoice::Device(name) if !named(sound_devices::microphones(), name) => return Err(not_here("microphone", name)),
        _ => {}
    }
    match &media.speaker {
        SpeakerChoice::Chosen if none(sound_devices::speakers()) => {
            remark("no speaker here; sound is measured, not played");
            media.speaker = SpeakerChoice::None;
        }
        SpeakerChoice::Device(name) if !named(sound_devices::speakers(), name) => return Err(not_here("speaker", name)),
        _ => {}
    }
    Ok(())
}

fn not_here(kind: &str, name: &str) -> anyhow::Error {
    anyhow!("there is no {kind} called \"{name}\" here; `vesper devices` lists them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_came_back_is_no_trouble_and_a_file_that_is_not_whole_stays_one() {
        let mut troubles = Troubles::default();
        let mut happens = |cause| troubles.note(&What::Warning { text: "what was said".into(), cause: Some(cause) });
        happens(MediaEvent::SourceLost { source: MediaSource::Camera, text: String::new() });
        happens(MediaEvent::SourceLost { source: MediaSource::Speaker, text: String::new() });
        happens(MediaEvent::SourceBack { source: MediaSource::Camera });
        happens(MediaEvent::FileLost { text: String::new() });
        assert_eq!(troubles.devices, [(MediaSource::Speaker, "what was said".to_owned())]);
        assert_eq!(troubles.none_with_files().unwrap_err().to_string(), "what was said");
        troubles.note(&What::Warning { text: "of the call".into(), cause: None });
        assert_eq!(troubles.devices.len(), 1);
    }
}
