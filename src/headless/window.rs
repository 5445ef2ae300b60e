//! What the window needs of the system around it: one instance a profile, the place where it was, a good end when its screen goes away, and
//! memory that goes back when it is spare.

#[cfg(target_os = "linux")]
pub mod lost_screen;
#[cfg(target_os = "linux")]
pub mod spare;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::Owner;
use super::args::is_link;
use crate::contacts::Profile;
use crate::engine::request::{Asked, Request};
use crate::engine::snapshot::{Snapshot, Stage};
use crate::identity::files;
use crate::settings::WindowPlace;

/// Its name in the profile's folder.
const PLACE: &str = "window.json";
/// A window that is being moved tells of each step; one in this time is kept.
const SETTLE: Duration = Duration::from_millis(500);
/// No desktop is larger, in points.
const FAR: f32 = 32_000.0;
/// Questions of other commands on their way to the engine.
const ASKED: usize = 32;

/// Answers other commands for the profile in `directory`, also while there is none yet. `raise` brings up the window,
/// with a link if it was given one; everything else the engine answers.
pub async fn serve(
    directory: PathBuf,
    mut snapshot: watch::Receiver<Arc<Snapshot>>,
    engine: mpsc::Sender<Asked>,
    raise: impl Fn(Option<String>) + Send + 'static,
) {
    let (asking, mut asked) = mpsc::channel::<Asked>(ASKED);
    tokio::spawn(async move {
        while let Some((request, reply_to)) = asked.recv().await {
            if let Request::Raise { link } = request {
                raise(link.filter(|link| is_link(link)));
                let _ = reply_to.send(Ok(Vec::new()));
            } else if engine.send((request, reply_to)).await.is_err() {
                return;
            }
        }
    });
    let is_there = |snapshot: &Arc<Snapshot>| matches!(snapshot.stage, Stage::Ready | Stage::Locked { .. });
    if !Profile::has_room(&directory) && snapshot.wait_for(is_there).await.is_err() {
        return;
    }
    loop {
        // Before there is a profile, too: a link that is clicked while the window asks for a name belongs into that window.
        let _folder = Folder::make(&directory);
        let _owner = Owner::serve(&directory, asking.clone())
            .inspect_err(|error| tracing::warn!("other commands cannot reach this window: {error:#}"));
        if snapshot.wait_for(is_there).await.is_err() {
            return;
        }
        // A profile that is wiped takes the folder along, with the socket in it.
        if snapshot.wait_for(|snapshot| snapshot.stage == Stage::Welcome).await.is_err() {
            return;
        }
    }
}

/// The folder of the socket. One that was made for it goes when this is dropped, if nothing is in it: whoever looks at the welcome
/// and leaves, leaves none.
struct Folder(Option<PathBuf>);

impl Folder {
    fn make(directory: &Path) -> Self {
        let missing = !directory.exists();
        if let Err(error) = files::create_folder(directory) {
            tracing::debug!("there is no folder for the profile's socket: {error}");
        }
        Self(missing.then(|| directory.to_owned()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(made) = &self.0 {
            let _ = std::fs::remove_dir(made);
        }
    }
}

/// Whether the processor draws what OpenGL is asked for: because the person wants it so, or there is no graphics card.
pub fn draws_in_software() -> bool {
    let files = |folder: &str| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let wanted = std::env::var_os("LIBGL_ALWAYS_SOFTWARE");
    cfg!(target_os = "linux") && is_software(wanted.as_deref(), files("/dev/dri").chain(files("/dev")))
}

/// The same, by Mesa's own switch and the names of devices. The one driver that needs no node of the kernel's has its own.
fn is_software(wanted: Option<&OsStr>, mut devices: impl Iterator<Item = OsString>) -> bool {
    let wanted = wanted.and_then(OsStr::to_str).is_some_and(|wanted| ["1", "true", "yes", "y"].contains(&wanted));
    let is_card = |name: OsString| name.to_str().is_some_and(|name| name.starts_with("renderD") || name == "nvidia0");
    wanted || !devices.any(is_card)
}

/// Where the window of the profile in `directory` was; nothing if that is not known, or cannot have been.
pub fn read_place(directory: &Path) -> Option<WindowPlace> {
    let place: WindowPlace = serde_json::from_slice(&std::fs::read(directory.join(PLACE)).ok()?).ok()?;
    let size = place.size.iter().all(|side| (1.0..FAR).contains(side));
    let at = place.at.is_none_or(|at| at.iter().all(|way| (-FAR..FAR).contains(way)));
    (size && at).then_some(place)
}

/// Keeps the place in the profile's folder whenever it is another one, until the window is gone.
pub async fn keep_place(directory: PathBuf, mut place: watch::Receiver<Option<WindowPlace>>) {
    while place.changed().await.is_ok() {
        let now = *place.borrow_and_update();
        write_place(&directory, now);
        tokio::time::sleep(SETTLE).await;
    }
    write_place(&directory, *place.borrow());
}

fn write_place(directory: &Path, place: Option<WindowPlace>) {
    // Without a profile there is nothing to keep it with.
    let Some(place) = place.filter(|_| Profile::exists(directory)) else { return };
    let written =
        serde_json::to_vec(&place).map_err(std::io::Error::from).and_then(|json| files::replace(&directory.join(PLACE), &json));
    if let Err(error) = written {
        tracing::debug!("the window's place is not kept: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_card_or_when_asked_to_the_processor_draws() {
        let drawn =
            |wanted: Option<&str>, devices: &[&str]| is_software(wanted.map(OsStr::new), devices.iter().map(OsString::from));
        assert!(drawn(None, &[]) && drawn(None, &["card0", "null"]) && drawn(Some("true"), &["renderD128"]));
        assert!(!drawn(None, &["card0", "renderD128"]) && !drawn(Some("0"), &["renderD128"]) && !drawn(None, &["nvidia0"]));
    }

    #[test]
    fn the_place_comes_back_as_it_was_and_one_that_cannot_be_is_none() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("profile");
        drop(Profile::create(&folder, "Ann", None).unwrap());
        let folder = folder.as_path();
        assert_eq!(read_place(folder), None);
        let place = WindowPlace { at: Some([-1200.0, 40.0]), size: [900.0, 700.0], maximized: false };
        write_place(folder, Some(place));
        assert_eq!(read_place(folder), Some(place));
        for wrong in
            ["", "{}", r#"{"at":null,"size":[0,5],"maximized":false}"#, r#"{"at":[1e9,0],"size":[9,9],"maximized":true}"#]
        {
            std::fs::write(folder.join(PLACE), wrong).unwrap();
            assert_eq!(read_place(folder), None, "{wrong}");
        }
    }
}
