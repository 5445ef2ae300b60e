//! A call to Echo out of a running engine with a window: what push to talk does to the microphone.

use std::sync::Arc;
use std::time::Duration;

use vesper::contacts::Profile;
use vesper::engine::command::{CallMedia, Command};
use vesper::engine::options::{CameraChoice, MediaOptions, MicrophoneChoice, Options, SpeakerChoice};
use vesper::engine::snapshot::{CallStage, CallView, Snapshot};
use vesper::engine::{Engine, Start};
use vesper::settings::Settings;

/// A bound against hanging, far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn until(engine: &Engine, fits: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
    let mut watch = engine.watch();
    let waited = tokio::time::timeout(PATIENCE, watch.wait_for(|state| fits(state))).await;
    waited.expect("in time").expect("the engine runs").clone()
}

fn has_call(state: &Snapshot, fits: impl Fn(&CallView) -> bool) -> bool {
    state.call.as_ref().is_some_and(fits)
}

#[tokio::test(flavor = "multi_thread")]
async fn push_to_talk_that_is_turned_on_in_a_call_switches_the_microphone_off_and_turned_off_leaves_it() {
    let folder = tempfile::tempdir().unwrap();
    let profile = Profile::create(&folder.path().join("ana"), "Ana", None).unwrap();
    let media = MediaOptions {
        camera: CameraChoice::Test,
        microphone: MicrophoneChoice::Tone,
        speaker: SpeakerChoice::None,
        ..MediaOptions::default()
    };
    let options = Options { media, ..Options::default() };
    let engine = Engine::start(Start::Profile(Box::new(profile)), options, Some(Arc::new(|| {})));
    let ready = until(&engine, |state| state.contacts.iter().any(|contact| contact.echo)).await;
    let echo = ready.contacts.iter().find(|contact| contact.echo).unwrap().key;
    engine.command(Command::Call { key: echo, media: CallMedia::Audio }).await;
    until(&engine, |state| has_call(state, |call| call.microphone_on && matches!(call.stage, CallStage::Active { .. }))).await;
    let set = |push_to_talk| {
        let settings = Box::new(Settings { push_to_talk, ..ready.settings.clone() });
        engine.command(Command::ChangeSettings { settings })
    };
    set(true).await;
    until(&engine, |state| has_call(state, |call| !call.microphone_on)).await;
    set(false).await;
    let after = until(&engine, |state| !state.settings.push_to_talk).await;
    assert!(has_call(&after, |call| !call.microphone_on), "nobody is heard again without saying so");
    engine.quit().await;
}
