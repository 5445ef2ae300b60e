//! The invitations of a running engine: what it shows of them, across a lock and a restart.

use vesper::contacts::{OpenInvitation, Profile};
use vesper::engine::command::Command;
use vesper::engine::options::Options;
use vesper::engine::snapshot::{Snapshot, Stage};
use vesper::engine::{Engine, Start};

use crate::trust::until;

fn labels(state: &Snapshot) -> Vec<&str> {
    state.invitations.iter().map(|invitation| invitation.label.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_invitations_are_shown_again_after_a_lock_and_a_restart_and_each_is_withdrawn_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana");
    let profile = Profile::create(&path, "Ana", Some("walrus")).unwrap();
    for (label, made) in [("Bo", 1), ("Cem", 2), ("Dora", 3)] {
        let open = OpenInvitation::new("Ana", vec![], label, true, made, u64::from(u32::MAX));
        profile.store().unwrap().put_open_invitation(&open).unwrap();
    }
    let engine = Engine::start(Start::Profile(Box::new(profile)), Options::default(), None);
    let all = until(&engine, |state| state.stage == Stage::Ready).await;
    assert_eq!(labels(&all), ["Dora", "Cem", "Bo"], "newest first");
    engine.command(Command::WithdrawInvitation { knock_id: all.invitations[1].knock_id }).await;
    let left = until(&engine, |state| state.invitations.len() == 2).await;
    assert_eq!(labels(&left), ["Dora", "Bo"]);

    engine.command(Command::Lock).await;
    let locked = until(&engine, |state| state.stage == Stage::Locked { wrong: false }).await;
    assert_eq!(locked.invitations, []);
    engine.command(Command::Unlock { passphrase: "walrus".into() }).await;
    let unlocked = until(&engine, |state| state.stage == Stage::Ready).await;
    assert_eq!(unlocked.invitations, left.invitations);
    engine.quit().await;

    let profile = Profile::open(&path, Some("walrus")).unwrap();
    let engine = Engine::start(Start::Profile(Box::new(profile)), Options::default(), None);
    let again = until(&engine, |state| state.stage == Stage::Ready).await;
    assert_eq!(again.invitations, left.invitations);
    engine.quit().await;
}
