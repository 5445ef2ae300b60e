//! The keys of a call. Never while somebody writes.

use eframe::egui::{Context, Event, Key, Modifiers, Popup};

use super::local::{Dialog, Local, OwnNotice};
use super::text;
use super::tokens::motion;
use crate::engine::command::{CallMedia, Command};
use crate::engine::snapshot::{CallStage, CallView};

/// What the keys of this frame ask for in `call`.
pub fn call_keys(ctx: &Context, call: &CallView, push_to_talk: bool, local: &mut Local) -> Option<Command> {
    if let Some(talk) = talk_key(ctx, call, push_to_talk, local) {
        return Some(talk);
    }
    let writing = ctx.text_edit_focused();
    let wrote = std::mem::replace(&mut local.call.writing, writing);
    if writing {
        return None;
    }
    if call.stage == CallStage::Incoming {
        let expected = local.incoming.is_expected(call.id, ctx.input(|input| input.time));
        return answer_keys(ctx, call).filter(|_| expected);
    }
    if matches!(call.stage, CallStage::Ended { .. }) {
        return None;
    }
    if pressed(ctx, Modifiers::CTRL, Key::D) {
        return Some(Command::HangUp);
    }
    if pressed(ctx, Modifiers::NONE, Key::M) {
        return Some(Command::SetMicrophone { on: !call.microphone_on });
    }
    if pressed(ctx, Modifiers::NONE, Key::V) {
        return Some(Command::SetCamera { on: !call.camera_on });
    }
    if pressed(ctx, Modifiers::NONE, Key::S) {
        local.call.statistics = !local.call.statistics;
    }
    // Where something lies over the call, or somebody writes or looks at something else, Escape leaves that.
    let over = wrote || local.call.away || local.dialog.is_some() || Popup::is_any_open(ctx);
    if !over && pressed(ctx, Modifiers::NONE, Key::Escape) {
        return escape(ctx.input(|input| input.time), local);
    }
    None
}

/// Ctrl+Shift+V, Ctrl+Shift+A and Ctrl+Shift+D while it rings.
pub fn answer_keys(ctx: &Context, call: &CallView) -> Option<Command> {
    if ctx.text_edit_focused() {
        return None;
    }
    let both = Modifiers::CTRL | Modifiers::SHIFT;
    if pressed(ctx, both, Key::V) {
        return Some(Command::Accept { call: call.id, media: CallMedia::Video });
    }
    if pressed(ctx, both, Key::A) {
        return Some(Command::Accept { call: call.id, media: CallMedia::Audio });
    }
    pressed(ctx, both, Key::D).then_some(Command::Decline { call: call.id })
}

/// "?" shows the keys. As a text, for it is another key on each keyboard.
pub fn help_key(ctx: &Context, local: &mut Local) {
    let asked = ctx.input(|input| input.events.iter().any(|event| matches!(event, Event::Text(text) if text == "?")));
    if asked && local.dialog.is_none() && local.lobby.is_none() && !ctx.text_edit_focused() {
        local.dialog = Some(Dialog::Shortcuts);
    }
}

/// Space, held, with push to talk. Whatever takes the key away (writing, another window) ends the talk.
fn talk_key(ctx: &Context, call: &CallView, push_to_talk: bool, local: &mut Local) -> Option<Command> {
    let connected = matches!(call.stage, CallStage::Active { .. } | CallStage::Reconnecting { .. });
    // Where the keyboard is on a button, Space presses that.
    let free = !ctx.text_edit_focused() && ctx.memory(|memory| memory.focused().is_none());
    let held = push_to_talk && connected && free && ctx.input(|input| input.key_down(Key::Space));
    if held == local.call.talking {
        return None;
    }
    local.call.talking = held;
    Some(Command::SetMicrophone { on: held })
}

/// One Escape leaves the full screen or warns; a second one soon after hangs up.
fn escape(now: f64, local: &mut Local) -> Option<Command> {
    if local.full_screen {
        local.full_screen = false;
        return None;
    }
    if local.call.last_escape.is_some_and(|before| now - before < motion::ESCAPE_TWICE) {
        local.call.last_escape = None;
        local.notice = None;
        return Some(Command::HangUp);
    }
    local.call.last_escape = Some(now);
    local.notice = Some(OwnNotice { text: text::ESCAPE_AGAIN, until: now + motion::OWN_NOTICE });
    None
}

/// A key that went down in this frame with exactly these modifiers. A key that is held repeats: that does not count.
fn pressed(ctx: &Context, wanted: Modifiers, key: Key) -> bool {
    ctx.input(|input| {
        input.events.iter().any(|event| {
            matches!(event, Event::Key { key: down, pressed: true, repeat: false, modifiers, .. }
                if *down == key && modifiers.matches_exact(wanted))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_escapes_hang_up_and_one_only_warns() {
        let mut local = Local::default();
        assert_eq!(escape(10.0, &mut local), None);
        assert_eq!(local.notice.map(|notice| notice.text), Some(text::ESCAPE_AGAIN));
        assert_eq!(escape(12.0, &mut local), None, "too late for the first, it counts as a first again");
        assert_eq!(escape(12.3, &mut local), Some(Command::HangUp));
    }

    #[test]
    fn escape_leaves_the_full_screen_first() {
        let mut local = Local { full_screen: true, ..Local::default() };
        assert_eq!(escape(10.0, &mut local), None);
        assert!(!local.full_screen && local.call.last_escape.is_none());
    }
}
