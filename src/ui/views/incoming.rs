//! The popup while somebody calls. Nothing is captured, and no address leaves, before one of its buttons is pressed.

use eframe::egui::{
    Align, Align2, Color32, CornerRadius, Key, Layout, Rect, Sense, Stroke, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2,
    text::LayoutJob, vec2,
};

use crate::engine::command::{CallMedia, Command};
use crate::engine::snapshot::{CallId, CallView};
use crate::ui::tokens::{motion, radius, size, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{avatar::Avatar, button, composer::composer, label, paint};
use crate::ui::{icons, text, theme};

/// What only the popup knows.
#[derive(Debug, Default, Clone)]
pub struct IncomingLocal {
    /// A message is written instead of an answer.
    pub replying: bool,
    pub reply: String,
    /// The main window is wanted, which has the field for the passphrase.
    pub raise: bool,
    /// The call that is shown, and since when, in seconds of egui's clock.
    shown: Option<(Option<CallId>, f64)>,
    /// The button of the pointer has been down since before it could be meant.
    early: bool,
}

impl IncomingLocal {
    /// Whether what is pressed at `now` (seconds of egui's clock) can be meant for `call`: nobody answers in the moment in which
    /// a call appears, perhaps in the place of another.
    pub fn is_expected(&mut self, call: Option<CallId>, now: f64) -> bool {
        let since = match self.shown {
            // A window that was opened anew has a clock of its own.
            Some((shown, since)) if shown == call && since <= now => since,
            _ => now,
        };
        self.shown = Some((call, since));
        now - since >= motion::UNEXPECTED
    }

    /// Whether a click can be meant, too: it ends a press, which may have begun before the call was `expected`. `held`: the button of
    /// the pointer is down.
    fn takes_clicks(&mut self, expected: bool, held: bool) -> bool {
        let takes = expected && !self.early;
        self.early = held && !takes;
        takes
    }
}

/// The whole popup. `still` draws the rings at rest, for who wants no motion.
pub fn incoming_ui(ui: &mut Ui, call: &CallView, local: &mut IncomingLocal, still: bool) -> Option<Command> {
    let (now, held) = ui.input(|input| (input.time, input.pointer.any_down()));
    let expected = local.is_expected(call.id, now);
    let takes_clicks = local.takes_clicks(expected, held);
    let before = local.clone();
    let wish = popup_ui(ui, call, local, still);
    if takes_clicks {
        return wish;
    }
    *local = before;
    None
}

fn popup_ui(ui: &mut Ui, call: &CallView, local: &mut IncomingLocal, still: bool) -> Option<Command> {
    let p = theme::palette(ui);
    let rect = ui.max_rect();
    let avatar = Avatar { name: &call.name, key: &call.peer, echo: call.echo };
    ui.painter().rect_filled(rect, 0.0, p.raised);
    let color = if call.locked { p.accent_soft } else { avatar.colors()[0] };
    let glow = color.lerp_to_gamma(p.raised, 1.0 - f32::from(p.popup_glow) / 255.0);
    let top = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + 214.0));
    paint::vertical_gradient(ui.painter(), top, glow, p.raised);

    let center = pos2(rect.center().x, rect.top() + 124.0);
    rings(ui, center, p.accent_text, still || call.silenced);
    if call.locked {
        // Colours and initials would name them.
        ui.painter().circle_filled(center, size::AVATAR_L / 2.0, p.accent_soft);
        icons::paint(ui.painter(), center, icons::LOCK, size::AVATAR_L / 2.5, icons::FILL, p.accent_text);
    } else {
        avatar.paint(ui.painter(), center, size::AVATAR_L);
    }

    let column = Rect::from_min_max(pos2(rect.left() + 16.0, rect.top() + 26.0), pos2(rect.right() - 16.0, rect.bottom()));
    ui.scope_builder(UiBuilder::new().max_rect(column).layout(Layout::top_down(Align::Center)), |ui| {
        label::text(ui, text::incoming(call.media), theme::regular(type_size::LABEL), p.text_second);
    });
    let below = Rect::from_min_max(pos2(column.left(), rect.top() + 210.0), column.max);
    ui.scope_builder(UiBuilder::new().max_rect(below).layout(Layout::top_down(Align::Center)), |ui| {
        label::text(ui, &call.name, theme::semibold(type_size::NAME), p.text);
        if let Some(sentence) = call.warning.as_deref().or(call.locked.then_some(text::LOCKED_CALL)) {
            let (ink, ground) = if call.locked { (p.accent_text, p.accent_soft) } else { (p.warning_text, p.warning_soft) };
            let icon = if call.locked { icons::LOCK } else { icons::WARNING };
            warning_ui(ui, icon, sentence, ink, ground);
            return;
        }
        let (icon, words, ink, ground) = if call.echo {
            (icons::INFO, text::ECHO_CONTACT, p.accent_text, p.accent_soft)
        } else if call.verified {
            (icons::SHIELD_CHECK, text::VERIFIED_CONTACT, p.success_text, p.success_soft)
        } else {
            (icons::SHIELD_WARNING, text::NOT_VERIFIED_YET, p.warning_text, p.warning_soft)
        };
        label::badge(ui, icon, words, ink, ground);
    });

    if local.replying {
        return reply_ui(ui, rect, call, local);
    }
    let quiet = foot_ui(ui, rect, call, local);
    answers_ui(ui, rect, call).or(quiet)
}

/// The big answers.
fn answers_ui(ui: &mut Ui, rect: Rect, call: &CallView) -> Option<Command> {
    let p = theme::palette(ui);
    let row = rect.bottom() - 130.0;
    let at = |column: f32| pos2(rect.center().x + column * 104.0, row);
    // The only answer stands in the middle.
    let first = if call.locked { 0.0 } else { -1.0 };
    let decline = button::answer(ui, at(first), icons::PHONE_DISCONNECT, text::DECLINE, p.danger, p.on_accent);
    if call.locked {
        return decline.then_some(Command::Decline { call: call.id });
    }
    let audio = button::answer(ui, at(0.0), icons::PHONE, text::ACCEPT_AUDIO, p.accent_soft, p.accent_text);
    // Nothing green for a name that may be a trick; the answer is there for who read the warning.
    let (fill, ink) = if call.warning.is_some() { (p.warning_soft, p.warning_text) } else { (p.success, p.on_accent) };
    let video = button::answer(ui, at(1.0), icons::VIDEO_CAMERA, text::ACCEPT_VIDEO, fill, ink);
    match (decline, audio, video) {
        (true, ..) => Some(Command::Decline { call: call.id }),
        (_, true, _) => Some(Command::Accept { call: call.id, media: CallMedia::Audio }),
        (.., true) => Some(Command::Accept { call: call.id, media: CallMedia::Video }),
        _ => None,
    }
}

/// What is neither yes nor no: stop the sound here, or write instead.
fn foot_ui(ui: &mut Ui, rect: Rect, call: &CallView, local: &mut IncomingLocal) -> Option<Command> {
    let field = ui.scope_id().with("reply");
    let width = 132.0;
    let whole = vec2(2.0 * width + space::S, size::TOOLBAR);
    let row = Rect::from_center_size(pos2(rect.center().x, rect.bottom() - 34.0), whole);
    ui.scope_builder(UiBuilder::new().max_rect(row).layout(Layout::left_to_right(Align::Center)), |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let name = if call.silenced { text::SILENCED } else { text::SILENCE };
        let silence = TextButton::new(Look::Secondary, name).small().width(width).enabled(!call.silenced).show(ui);
        // A locked profile neither says who calls nor writes to them.
        if call.locked {
            local.raise |= TextButton::new(Look::Secondary, text::UNLOCK).icon(icons::KEY).small().width(width).show(ui);
        } else if TextButton::new(Look::Secondary, text::REPLY).icon(icons::CHAT_CIRCLE_DOTS).small().width(width).show(ui) {
            local.replying = true;
            // What is typed next is the message.
            ui.memory_mut(|memory| memory.request_focus(field));
        }
        silence.then_some(Command::Silence)
    })
    .inner
}

/// The field for a message that declines.
fn reply_ui(ui: &mut Ui, rect: Rect, call: &CallView, local: &mut IncomingLocal) -> Option<Command> {
    let p = theme::palette(ui);
    let head =
        Rect::from_min_size(pos2(rect.left() + space::XL, rect.bottom() - 128.0), vec2(rect.width() - 2.0 * space::XL, 40.0));
    label::said(
        ui,
        head.left_center(),
        Align2::LEFT_CENTER,
        text::REPLY_HINT,
        theme::medium(type_size::LABEL),
        p.text_second,
        head.width() - 44.0,
    );
    let back = Rect::from_min_size(head.right_top() - vec2(size::TOOLBAR, 0.0), vec2(size::TOOLBAR, size::TOOLBAR));
    let back = ui.scope_builder(UiBuilder::new().max_rect(back), |ui| button::icon(ui, icons::X, text::NO_REPLY).clicked());
    if back.inner || ui.input(|input| input.key_pressed(Key::Escape)) {
        local.replying = false;
        return None;
    }
    let field = Rect::from_min_max(head.left_bottom() - vec2(space::XL, 0.0), rect.max);
    let id = ui.scope_id().with("reply");
    let (_, sent) = composer(ui, field, id, &text::message_to(&call.name), &mut local.reply);
    sent.map(|body| Command::DeclineWith { call: call.id, body })
}

/// A sentence in the room that there is above the answers; a longer one, for names can be long, is whole in its tip.
fn warning_ui(ui: &mut Ui, icon: char, sentence: &str, ink: Color32, ground: Color32) {
    const ROWS: usize = 4;
    let width = ui.available_width();
    let mut job = LayoutJob::simple(sentence.to_owned(), theme::medium(type_size::CAPTION), ink, width - 48.0);
    job.wrap.max_rows = ROWS;
    let galley = ui.painter().layout_job(job);
    let (rect, response) = ui.allocate_exact_size(vec2(width, galley.size().y + 16.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, sentence));
    ui.painter().rect_filled(rect, CornerRadius::same(radius::M), ground);
    icons::paint(ui.painter(), rect.left_top() + vec2(20.0, 16.0), icon, size::ICON_S, icons::FILL, ink);
    ui.painter().galley(rect.min + vec2(36.0, 8.0), galley, ink);
    response.on_hover_text(sentence);
}

/// Two rings around the avatar that swell and fade: the one thing in the window that repaints by itself.
fn rings(ui: &Ui, center: eframe::egui::Pos2, color: Color32, still: bool) {
    let phase = if still { 0.0 } else { (ui.input(|input| input.time) / motion::RING_PULSE).fract() as f32 };
    // At rest and at the start of each pulse, the rings stand where the design has them.
    let swell = (phase * std::f32::consts::TAU).sin().max(0.0);
    let inner = size::AVATAR_L / 2.0 + 12.0 + 2.0 * swell;
    let outer = size::AVATAR_L / 2.0 + 24.0 + 4.0 * swell;
    ui.painter().circle_stroke(center, inner, Stroke::new(2.0, color.gamma_multiply(0.35 + 0.2 * swell)));
    ui.painter().circle_stroke(center, outer, Stroke::new(2.0, color.gamma_multiply(0.07 + 0.1 * swell)));
    if !still {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(33));
    }
}

/// The size that the popup is drawn for.
pub const SIZE: eframe::egui::Vec2 = vec2(size::POPUP[0], size::POPUP[1]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_the_moment_in_which_a_call_takes_the_place_of_another_is_for_neither() {
        let [hers, his] = [1, 2].map(|number| Some(CallId([number; 16])));
        let mut popup = IncomingLocal::default();
        assert!(!popup.is_expected(hers, 10.0) && !popup.is_expected(hers, 10.2));
        assert!(popup.is_expected(hers, 10.4) && popup.is_expected(hers, 70.0));
        assert!(!popup.is_expected(his, 70.1), "she gave up, and he rings");
        assert!(popup.is_expected(his, 70.5));
        assert!(!popup.is_expected(his, 0.1) && popup.is_expected(his, 0.5), "in a window with a clock of its own");
    }

    #[test]
    fn a_click_counts_if_its_press_did() {
        let mut popup = IncomingLocal::default();
        let frames = [
            (false, true, false, "pressed too early"),
            (true, true, false, "and held"),
            (true, false, false, "until the popup takes clicks"),
            (true, false, true, "that press is over"),
            (true, true, true, "the next one is meant"),
            (true, false, true, "and so is its click"),
        ];
        for (expected, held, takes, what) in frames {
            assert_eq!(popup.takes_clicks(expected, held), takes, "{what}");
        }
    }
}
