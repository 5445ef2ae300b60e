//! The program's own windows: what somebody chose on an announcement, and the popup that is closed, or pressed too early.

use std::sync::Arc;

use eframe::egui::{Event, IconData, PointerButton, RawInput, ViewportEvent, ViewportId, ViewportInfo};
use tokio::sync::{mpsc, watch};
use vesper::media::place::screen;
use vesper::settings::WindowPlace;
use vesper::ui::app::App;
use vesper::ui::notify::{Answer, Notifier};
use vesper::ui::{UiHandles, Waker};

use super::*;

/// The program without an engine, and what reaches the engine's end.
struct Program {
    window: Harness<'static, App>,
    commands: mpsc::Receiver<Command>,
    /// While these are there, it runs.
    _engine: (watch::Sender<Arc<Snapshot>>, mpsc::Sender<vesper::ui::Raise>, watch::Receiver<Option<WindowPlace>>),
}

impl Program {
    /// It starts with `snapshot`, and with what was `chosen` on announcements.
    fn start(snapshot: Snapshot, chosen: &[Answer]) -> Self {
        Self::start_as(snapshot, chosen, None)
    }

    /// The same with a name from the command line.
    fn start_as(snapshot: Snapshot, chosen: &[Answer], name: Option<&str>) -> Self {
        let name = name.map(str::to_owned);
        let (published, snapshot) = watch::channel(Arc::new(snapshot));
        let (wishes, commands) = mpsc::channel(16);
        let (raiser, raises) = mpsc::channel(1);
        let (place, kept) = watch::channel(None);
        let (remote, preview) = (screen().1, screen().1);
        let handles = UiHandles { snapshot, commands: wishes, remote, preview, waker: Waker::new(), raises, place };
        let notifier = Notifier::answered(chosen);
        let builder = Harness::builder().with_size(SIZE);
        let mut window = builder.build_eframe(|cc| {
            // As on a desktop: the popup is a window of its own.
            cc.egui_ctx.set_embed_viewports(false);
            App::new(&cc.egui_ctx, handles, notifier, Arc::new(IconData::default()), false).suggesting(name)
        });
        window.run_steps(4);
        Self { window, commands, _engine: (published, raiser, kept) }
    }

    fn commands(&mut self) -> Vec<Command> {
        std::iter::from_fn(|| self.commands.try_recv().ok()).collect()
    }
}

#[test]
fn an_announcement_of_a_message_opens_the_conversation_it_is_about() {
    let mut program = Program::start(people(), &[Answer::Open(Some(key(4)))]);
    program.window.get_by_label(&text::message_to("Dad"));
    assert_eq!(program.commands(), []);
    // One that names nobody brings up the window as it is.
    Program::start(people(), &[Answer::Open(None)]).window.get_by_label(&text::message_to("Maya Lindqvist"));
}

#[test]
fn a_name_on_the_command_line_stands_in_the_field_of_the_first_start() {
    let mut program = Program::start_as(Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, &[], Some("Alex"));
    for button in [text::CREATE, text::CREATE_OPEN, text::START] {
        program.window.get_by_label(button).click();
        program.window.run_steps(4);
    }
    let wish = Command::CreateProfile { name: "Alex".into(), reach: Reach::ThisNetwork, passphrase: "".into() };
    assert_eq!(program.commands(), [wish]);
}

#[test]
fn a_call_back_from_an_announcement_shows_how_one_looks_before_it_rings_there() {
    let back = [Answer::CallBack(key(3), CallMedia::Video)];
    let mut program = Program::start(people(), &back);
    program.window.get_by_label(&text::lobby_title("Amara Okafor", CallMedia::Video));
    assert_eq!(program.commands(), [Command::CheckDevices { on: true }], "nobody is called yet");
    let skipping = Program::start(people_without_lobby(), &back).commands();
    assert_eq!(skipping, [Command::Call { key: key(3), media: CallMedia::Video }]);
    let locked = Snapshot { stage: Stage::Locked { wrong: false }, ..people_without_lobby() };
    assert_eq!(Program::start(locked, &back).commands(), [], "a locked profile calls nobody");
    let ended = CallStage::Ended { result: "They hung up.".into(), lasted: None };
    let over = Snapshot { call: Some(call(ended)), ..people() };
    Program::start(over, &back).window.get_by_label(&text::lobby_title("Amara Okafor", CallMedia::Video));
    let busy = Snapshot { call: Some(call(active())), ..people_without_lobby() };
    assert_eq!(Program::start(busy, &back).commands(), [], "there is one call at a time");
}

#[test]
fn a_ring_that_is_over_cannot_be_answered_from_its_announcement() {
    let answers = [Answer::Accept(key(2), CALL, CallMedia::Audio), Answer::Decline(key(2), CALL)];
    assert_eq!(Program::start(people(), &answers).commands(), []);
    let ringing = in_call(call(CallStage::Incoming));
    let accepted = Program::start(ringing.clone(), &answers[..1]).commands();
    assert_eq!(accepted, [Command::Accept { call: CALL, media: CallMedia::Audio }]);
    assert_eq!(Program::start(ringing.clone(), &answers[1..]).commands(), [Command::Decline { call: CALL }]);
    let before = Some(CallId([9; 16]));
    let late = [Answer::Accept(key(2), before, CallMedia::Video), Answer::Decline(key(2), before)];
    assert_eq!(Program::start(ringing, &late).commands(), [], "she called before, and calls again");
}

#[test]
fn whoever_closes_the_popup_declines_the_call() {
    let mut program = Program::start(in_call(call(CallStage::Incoming)), &[]);
    assert_eq!(program.commands(), []);
    let popup = ViewportId::from_hash_of("incoming");
    let shown = program.window.output().viewport_output.get(&popup).and_then(|output| output.viewport_ui_cb.clone());
    let show = shown.expect("a window of its own rings");
    let ctx = program.window.ctx.clone();
    let frame = |time: f64, events: Vec<ViewportEvent>| {
        let info = ViewportInfo { parent: Some(ViewportId::ROOT), events, ..ViewportInfo::default() };
        let viewports = [(popup, info)].into_iter().collect();
        let input = RawInput { viewport_id: popup, viewports, time: Some(time), ..RawInput::default() };
        ctx.run_ui(input, |ui| show(ui)).textures_delta.clear();
    };
    frame(10.0, vec![]);
    frame(10.1, vec![ViewportEvent::Close]);
    assert_eq!(program.commands(), [], "that was meant for what was there before");
    frame(11.0, vec![ViewportEvent::Close]);
    assert_eq!(program.commands(), [Command::Decline { call: CALL }]);
}

#[test]
fn a_press_that_was_meant_for_what_was_there_before_answers_nothing_when_it_ends() {
    let mut popup = window_of(in_call(call(CallStage::Incoming)), Local::default(), Theme::Dark, incoming::SIZE);
    let pos = popup.get_by_label(text::ACCEPT_VIDEO).rect().center();
    let button = |pressed| Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE };
    popup.event(Event::PointerMoved(pos));
    popup.run_steps(1);
    // Somebody else rings in her place while the button goes down. A frame lasts a quarter of a second.
    let other = Some(CallId([8; 16]));
    popup.state_mut().snapshot.call.as_mut().unwrap().id = other;
    popup.event(button(true));
    popup.run_steps(2);
    popup.event(button(false));
    popup.run_steps(2);
    assert_eq!(wishes(&mut popup), []);
    let accepted = click(&mut popup, text::ACCEPT_VIDEO);
    assert_eq!(accepted, [Command::Accept { call: other, media: CallMedia::Video }]);
}

#[test]
fn a_window_that_nobody_touches_locks_after_the_minutes_that_were_chosen_but_never_in_a_call() {
    /// Frames a minute: a test's last a quarter of a second.
    const MINUTE: usize = 240;
    let settings = Settings { lock_after_minutes: Some(1), ..Settings::default() };
    let sealed = Snapshot { sealed: true, settings, ..people() };
    let mut program = Program::start(sealed.clone(), &[]);
    program.window.run_steps(MINUTE - 20);
    assert_eq!(program.commands(), []);
    program.window.run_steps(40);
    assert_eq!(program.commands(), [Command::Lock]);
    let mut talking = Program::start(Snapshot { call: Some(call(active())), ..sealed }, &[]);
    talking.window.run_steps(MINUTE + 40);
    assert_eq!(talking.commands(), []);
}
