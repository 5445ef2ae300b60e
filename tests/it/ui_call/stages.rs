//! What a call says of itself at each of its stages, and what can be done at that stage.

use std::time::Duration;

use vesper::engine::command::Command;

use super::*;
use crate::ui::{click, people_without_lobby};

#[test]
fn every_stage_of_a_call_says_what_goes_on() {
    let ended = CallStage::Ended { result: "They declined.".into(), lasted: None };
    for (stage, line) in [
        (CallStage::Dialing, text::DIALING),
        (CallStage::RingingThere, text::RINGING_THERE),
        (CallStage::Connecting, text::CONNECTING),
        (ended, "They declined."),
    ] {
        window(in_call(CallView { words: None, ..call(stage) }), Local::default())
            .get_by_label(&format!("Maya Lindqvist: {line}"));
    }
    let reconnecting = CallStage::Reconnecting { since: MediaTime(NOW * 1_000_000) };
    window(in_call(call(reconnecting)), Local::default()).get_by_label(text::RECONNECTING_LINK);
    let off = CallView { remote_camera_on: false, ..call(active()) };
    window(in_call(off), Local::default()).get_by_label(&format!("Maya Lindqvist: {}", text::THEIR_CAMERA_OFF));
    // A call that stands may carry sound alone for as long as it lasts.
    let mut without_picture = window(in_call(call(active())), Local::default());
    without_picture.state_mut().pictures.remote.clear();
    without_picture.run_steps(2);
    without_picture.get_by_label(&format!("Maya Lindqvist: {}", text::WAITING_FOR_PICTURE));
}

#[test]
fn there_is_one_call_at_a_time() {
    let mut window = window(in_call(call(active())), away());
    window.get_by_label(text::IN_CALL_SUB);
    assert!(window.query_by_label(text::START_VIDEO_CALL).is_none());
    for other in ["Maya Lindqvist, online, verified", "Amara Okafor, online, one missed call"] {
        click(&mut window, other);
        assert_eq!(click(&mut window, text::VOICE_CALL), [], "{other}");
        assert!(window.query_by_label(text::CALL_BACK).is_none(), "{other}");
    }
}

#[test]
fn the_end_of_a_call_says_why_and_calls_again_as_one_called_or_answered_but_not_unseen() {
    let ended = CallStage::Ended { result: "Nobody answered. Try again later.".into(), lasted: None };
    let mut window = window(in_call(CallView { words: None, ..call(ended.clone()) }), Local::default());
    window.get_by_label("Maya Lindqvist: Nobody answered. Try again later.");
    assert_eq!(click(&mut window, text::CALL_AGAIN), [Command::CheckDevices { on: true }], "nobody is called yet");
    window.get_by_label(&text::lobby_title("Maya Lindqvist", CallMedia::Video));
    assert_eq!(click(&mut window, text::LOBBY_VIDEO), [Command::Call { key: key(2), media: CallMedia::Video }]);
    let ended = in_call(CallView { words: None, camera_on: false, ..call(ended) });
    let mut unseen = self::window(Snapshot { settings: people_without_lobby().settings, ..ended }, Local::default());
    let voice = Command::Call { key: key(2), media: CallMedia::Audio };
    assert_eq!(click(&mut unseen, text::CALL_AGAIN), [voice], "a video call that was answered without a camera");
}

#[test]
fn the_end_of_a_call_can_be_put_away() {
    let ended = CallStage::Ended { result: "The call ended.".into(), lasted: Some(Duration::from_secs(754)) };
    let mut window = window(in_call(call(ended)), Local::default());
    click(&mut window, text::CLOSE);
    window.get_by_label(text::SETTINGS);
}

#[test]
fn reconnecting_says_whether_messages_still_go_through_and_stays_on_the_screen() {
    let reconnecting = CallStage::Reconnecting { since: MediaTime((NOW - 60) * 1_000_000) };
    let mut window = window(in_call(call(reconnecting)), Local::default());
    window.get_by_label(text::RECONNECTING_LINK);
    window.input_mut().time = Some(60.0);
    window.run_steps(4);
    window.get_by_label(text::RECONNECTING_LINK);
    for contact in &mut window.state_mut().snapshot.contacts {
        contact.online = false;
    }
    window.run_steps(2);
    window.get_by_label(text::RECONNECTING);
}

#[test]
fn echo_says_what_it_waits_for_when_it_is_sent_no_picture() {
    let echo =
        CallView { peer: key(1), name: "Echo".into(), echo: true, camera_on: false, remote_camera_on: false, ..call(active()) };
    window(in_call(echo), Local::default()).get_by_label(&format!("Echo: {}", text::ECHO_SEES_NOTHING));
}
