//! What a person is told without asking: notices in the window, announcements on the desktop.

use vesper::settings::QuietHours;
use vesper::ui::news::{News, ring};
use vesper::ui::notify::{About, Answer};
use vesper::ui::tokens::motion;

use super::*;

#[test]
fn a_notice_is_read_and_dismissed() {
    let notice = Notice { id: 5, kind: NoticeKind::Error, text: "No camera was found. Plug one in.".into() };
    let mut window = window(Snapshot { notices: vec![notice], ..people() }, Local::default());
    window.get_by_label("No camera was found. Plug one in.");
    assert_eq!(click(&mut window, text::DISMISS), [Command::DismissNotice { id: 5 }]);
}

#[test]
fn a_notice_that_asks_for_nothing_goes_when_there_was_time_to_read_it_and_a_warning_stays() {
    let notice = |id, kind| Notice { id, kind, text: format!("Sentence {id}.") };
    let notices = vec![notice(5, NoticeKind::Warning), notice(6, NoticeKind::Info)];
    let mut window = window(Snapshot { notices, ..people() }, Local::default());
    let step = window.ctx.input(|input| input.predicted_dt);
    let steps = (motion::INFO_NOTICE / f64::from(step)) as usize;
    window.run_steps(steps / 2);
    assert_eq!(wishes(&mut window), []);
    window.run_steps(steps);
    assert_eq!(wishes(&mut window), [Command::DismissNotice { id: 6 }]);
}

#[test]
fn what_was_there_is_no_news_and_what_comes_is() {
    let (before, after) = (talk::unread(1), talk::unread(2));
    let mut news = News::default();
    assert_eq!(news.follow(&before, NOW * 1000, false), [], "what is there when the profile is opened is old");
    assert_eq!(news.follow(&before, NOW * 1000, false), []);
    let announced = news.follow(&after, NOW * 1000, false);
    let [text] = &announced[..] else { panic!("{announced:?}") };
    assert_eq!((text.about, text.summary.as_str(), text.body), (About::Contact(key(2)), "New message from Maya Lindqvist", ""));
    assert_eq!(text.click, Answer::Open(Some(key(2))));
    assert_eq!(news.follow(&after, NOW * 1000, false), [], "once");
}

#[test]
fn an_announcement_says_no_more_than_the_person_wants() {
    let after = |change: fn(&mut Settings), looking| {
        let (mut before, mut after) = (talk::unread(1), talk::unread(2));
        change(&mut before.settings);
        change(&mut after.settings);
        let mut news = News::default();
        news.follow(&before, NOW * 1000, looking);
        news.follow(&after, NOW * 1000, looking).into_iter().map(|announced| announced.summary).collect::<Vec<_>>()
    };
    assert_eq!(after(|settings| settings.notify_names = false, false), [text::NEW_MESSAGE]);
    assert_eq!(after(|settings| settings.notify_messages = false, false), [""; 0]);
    assert_eq!(after(|_| (), true), [""; 0], "the person looks at the window");
    let always = |settings: &mut Settings| settings.quiet_hours = Some(QuietHours { from: 0, to: 1440 });
    assert_eq!(after(always, false), [""; 0], "quiet hours");
}

#[test]
fn a_locked_profile_names_nobody() {
    let locked = |waiting| Snapshot {
        stage: Stage::Locked { wrong: false },
        conversations: Conversations { waiting, ..Conversations::default() },
        ..Snapshot::default()
    };
    let mut news = News::default();
    news.follow(&talk::unread(2), NOW * 1000, false);
    assert_eq!(news.follow(&locked(false), NOW * 1000, false), []);
    let summaries: Vec<_> = news.follow(&locked(true), NOW * 1000, false).into_iter().map(|news| news.summary).collect();
    assert_eq!(summaries, [text::NEW_MESSAGE]);
    assert_eq!(news.follow(&locked(true), NOW * 1000, false), [], "once");
    let ringing = CallView { name: "Somebody you know".into(), locked: true, ..call(CallStage::Incoming) };
    let announced = ring(&locked(false), &ringing).unwrap();
    assert_eq!(announced.actions, [(Answer::Decline(key(2), CALL), text::DECLINE)], "answering takes the passphrase");
}

#[test]
fn a_call_that_asks_for_care_cannot_be_answered_from_its_announcement() {
    let ringing = call(CallStage::Incoming);
    let accept = |media| {
        (Answer::Accept(key(2), CALL, media), if media == CallMedia::Video { text::ACCEPT_VIDEO } else { text::ACCEPT_AUDIO })
    };
    let decline = (Answer::Decline(key(2), CALL), text::DECLINE);
    let video = ring(&people(), &ringing).unwrap();
    assert_eq!(video.actions, [accept(CallMedia::Video), accept(CallMedia::Audio), decline]);
    let voice = ring(&people(), &CallView { media: CallMedia::Audio, ..ringing.clone() }).unwrap();
    assert_eq!(voice.actions, [accept(CallMedia::Audio), decline]);
    let careful =
        ring(&people(), &CallView { warning: Some("Their name looks like Maya's.".into()), ..ringing.clone() }).unwrap();
    assert_eq!((careful.actions, careful.body), (vec![decline], text::NOTIFICATION_CARE));
    let silent = Snapshot { settings: Settings { notify_calls: false, ..Settings::default() }, ..people() };
    assert_eq!(ring(&silent, &ringing), None);
}
