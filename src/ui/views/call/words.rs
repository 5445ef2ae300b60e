//! The four words of a call, and the question whether both sides see the same.

use eframe::egui::{
    Align2, CornerRadius, CursorIcon, Rect, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2, vec2,
};

use super::bars;
use crate::engine::command::Command;
use crate::engine::snapshot::CallView;
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{DARK, space, stage, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{label, paint};
use crate::ui::{emoji, text, theme};

const EMOJI: f32 = 18.0;

/// The words around `center`; nothing before both sides proved who they are.
pub fn words_ui(ui: &mut Ui, center: eframe::egui::Pos2, call: &CallView, local: &mut Local, opacity: f32) -> Option<Command> {
    let words = call.words.as_ref()?;
    let ink = stage::TEXT.gamma_multiply(opacity);
    let galleys = words.map(|(_, name)| label::cut(ui.painter(), name, theme::medium(type_size::CAPTION), ink, 120.0));
    let width = 38.0 + galleys.iter().map(|galley| EMOJI + 6.0 + galley.size().x + 15.0).sum::<f32>() - 15.0;
    let rect = Rect::from_center_size(center, vec2(width, 40.0));
    let response = ui.interact(rect, ui.scope_id().with("words"), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
    let spoken = format!("{}: {}", text::WORDS, words.map(|(_, name)| name).join(", "));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &spoken));
    bars::pill(ui, rect, opacity);
    let mut left = rect.left() + 19.0;
    for ((picture, _), galley) in words.iter().zip(galleys) {
        let square = Rect::from_center_size(pos2(left + EMOJI / 2.0, center.y), vec2(EMOJI, EMOJI));
        emoji::paint(ui.painter(), square, picture, opacity);
        let advance = EMOJI + 6.0 + galley.size().x + 15.0;
        ui.painter().galley(pos2(left + EMOJI + 6.0, center.y - galley.size().y / 2.0), galley, ink);
        left += advance;
    }
    paint::focus_ring(ui, &response, rect, 20.0, &DARK);
    if response.clicked() {
        local.call.words_open = !local.call.words_open;
    }
    if local.call.words_open { question_ui(ui, pos2(center.x, rect.bottom() + space::S), call, local) } else { None }
}

/// The question below the words, with its two answers.
fn question_ui(ui: &mut Ui, top: eframe::egui::Pos2, call: &CallView, local: &mut Local) -> Option<Command> {
    // Echo has no number: it is made anew at each start.
    let height = if call.echo { 128.0 } else { 168.0 };
    let card = Rect::from_min_size(pos2(top.x - 190.0, top.y), vec2(380.0, height));
    let edge = Stroke::new(1.0, DARK.border);
    ui.painter().rect(card, CornerRadius::same(16), DARK.raised, edge, StrokeKind::Inside);
    ui.scope_builder(UiBuilder::new().max_rect(card.shrink(space::L)), |ui| {
        // The stage is dark in both themes, and so is what lies on it.
        ui.style_mut().visuals.dark_mode = true;
        let sentence = ui.painter().layout(text::WORDS_QUESTION.to_owned(), theme::regular(type_size::LABEL), DARK.text, 348.0);
        let (at, response) = ui.allocate_exact_size(vec2(348.0, 44.0), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text::WORDS_QUESTION));
        let place = Align2::LEFT_CENTER.anchor_size(at.left_center(), sentence.size());
        ui.painter().galley(place.min, sentence, DARK.text);
        let answered = ui.horizontal(|ui| {
            let same = TextButton::new(Look::Primary, text::WORDS_SAME).small().width(170.0).show(ui);
            let differ = TextButton::new(Look::Danger, text::WORDS_DIFFER).small().width(170.0).show(ui);
            if same || differ {
                local.call.words_open = false;
            }
            (same || differ).then_some(Command::WordsAgree { agree: same })
        });
        let number = !call.echo && TextButton::new(Look::Plain, text::COMPARE_NUMBER).small().width(348.0).show(ui);
        if number {
            local.call.words_open = false;
            local.dialog = Some(Dialog::Verify { key: call.peer });
        }
        answered.inner.or(number.then_some(Command::ShowNumber { key: call.peer }))
    })
    .inner
}
