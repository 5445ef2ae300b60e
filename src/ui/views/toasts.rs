//! Sentences for the person, at the foot of the window until they are put away. One that asks for nothing goes by itself.

use eframe::egui::{
    Align2, Area, Color32, Context, CornerRadius, Frame, Id, Margin, Order, Sense, Stroke, Ui, Vec2, WidgetInfo, accesskit::Role,
    vec2,
};

use crate::engine::command::Command;
use crate::engine::snapshot::{CallStage, NoticeKind, Snapshot, Stage};
use crate::ui::local::{Local, Page};
use crate::ui::tokens::{motion, radius, size, space, type_size};
use crate::ui::widgets::{button, paint};
use crate::ui::{icons, text, theme};

/// At most this many are shown, the newest; the others come when these go.
const SHOWN: usize = 3;
/// The lower edge of the words of a call, also where they have a row of their own, and a gap.
const BELOW_WORDS: f32 = 124.0;
/// The search in a conversation, below its head.
const SEARCH_BAR: f32 = 56.0;
/// Above the field for a message.
const ABOVE_FOOT: f32 = 92.0;

/// Draws the notices; returns the wish to dismiss one.
pub fn toasts_ui(ctx: &Context, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let now = ctx.input(|input| input.time);
    if let Some(notice) = local.notice {
        ctx.request_repaint_after_secs((notice.until - now).max(0.0) as f32);
        local.notice = Some(notice).filter(|notice| notice.until > now);
    }
    if snapshot.notices.is_empty() && local.notice.is_none() {
        return None;
    }
    let over = read(ctx, snapshot, local);
    let (anchor, offset) = place(ctx.content_rect().width(), snapshot, local);
    let area = Area::new(Id::unique("notices")).order(Order::Tooltip).anchor(anchor, offset);
    let wish = area.show(ctx, |ui| {
        ui.spacing_mut().item_spacing.y = space::S;
        let first = snapshot.notices.len().saturating_sub(SHOWN);
        let mut wish = None;
        for notice in &snapshot.notices[first..] {
            if ui.push_id(notice.id, |ui| toast_ui(ui, notice.kind, &notice.text)).inner {
                wish = Some(Command::DismissNotice { id: notice.id });
            }
        }
        if let Some(notice) = local.notice
            && toast_ui(ui, NoticeKind::Info, notice.text)
        {
            local.notice = None;
        }
        wish
    });
    wish.inner.or(over)
}

/// Clear of what else is there: in a call below its words, where neither the hint nor the self-view is, elsewhere off the newest of a
/// conversation or above the field for a message.
fn place(width: f32, snapshot: &Snapshot, local: &Local) -> (Align2, Vec2) {
    let on_stage = snapshot.call.as_ref().is_some_and(|call| {
        call.stage != CallStage::Incoming && snapshot.stage == Stage::Ready && !local.call.away && !local.call.dismissed
    });
    match (snapshot.stage, local.page) {
        _ if on_stage && local.talk.beside_call => (Align2::CENTER_TOP, vec2(-size::BESIDE_CALL / 2.0, BELOW_WORDS)),
        _ if on_stage => (Align2::CENTER_TOP, vec2(0.0, BELOW_WORDS)),
        // In the middle of the conversation, if that is wide enough: below its head, for the newest is at its foot; but a call in a
        // small picture begins at the top.
        (Stage::Ready, Page::People) if width - size::SIDEBAR >= size::TOAST + 2.0 * space::XXL => {
            let aside = size::SIDEBAR / 2.0;
            let head = size::HEADER + if local.talk.is_searching() { SEARCH_BAR } else { 0.0 } + space::M;
            match &snapshot.call {
                Some(call) if call.stage != CallStage::Incoming => (Align2::CENTER_BOTTOM, vec2(aside, -ABOVE_FOOT)),
                _ => (Align2::CENTER_TOP, vec2(aside, head)),
            }
        }
        (Stage::Ready, Page::People) => (Align2::CENTER_BOTTOM, vec2(0.0, -ABOVE_FOOT)),
        _ => (Align2::CENTER_BOTTOM, vec2(0.0, -space::XL)),
    }
}

/// Puts the oldest notice that asks for nothing away, when somebody had the time to read it.
fn read(ctx: &Context, snapshot: &Snapshot, local: &mut Local) -> Option<Command> {
    let first = snapshot.notices.len().saturating_sub(SHOWN);
    let oldest = snapshot.notices[first..].iter().find(|notice| notice.kind == NoticeKind::Info);
    let Some(notice) = oldest.filter(|_| ctx.input(|input| input.focused)) else {
        local.read = None;
        return None;
    };
    let now = ctx.input(|input| input.time);
    let since = match local.read {
        Some((id, since)) if id == notice.id => since,
        _ => now,
    };
    let left = since + motion::INFO_NOTICE - now;
    if left > 0.0 {
        local.read = Some((notice.id, since));
        ctx.request_repaint_after_secs(left as f32);
        return None;
    }
    // Asked once: the engine takes it away soon.
    local.read = Some((notice.id, now));
    Some(Command::DismissNotice { id: notice.id })
}

/// One sentence with its cross; true when the cross was pressed.
fn toast_ui(ui: &mut Ui, kind: NoticeKind, sentence: &str) -> bool {
    let p = theme::palette(ui);
    let (icon, ink): (char, Color32) = match kind {
        NoticeKind::Info => (icons::INFO, p.accent_text),
        NoticeKind::Warning => (icons::WARNING, p.warning_text),
        NoticeKind::Error => (icons::WARNING_CIRCLE, p.danger_text),
    };
    let frame = Frame::NONE
        .fill(p.raised)
        .stroke(Stroke::new(1.0, p.border))
        .corner_radius(CornerRadius::same(radius::M))
        .inner_margin(Margin { left: 14, right: 8, top: 8, bottom: 8 })
        .shadow(paint::shadow(p));
    frame
        .show(ui, |ui| {
            let width = size::TOAST.min(ui.ctx().content_rect().width() - 72.0);
            let room = width - size::ICON - size::TOOLBAR - 2.0 * space::M;
            let galley = ui.painter().layout(sentence.to_owned(), theme::regular(type_size::LABEL), p.text, room);
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                let row = vec2(width - size::TOOLBAR, galley.size().y.max(size::TOOLBAR));
                let (place, response) = ui.allocate_exact_size(row, Sense::hover());
                response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, sentence));
                let center = place.left_center() + vec2(size::ICON / 2.0, 0.0);
                icons::paint(ui.painter(), center, icon, size::ICON, icons::FILL, ink);
                let at = place.left_center() + vec2(size::ICON + space::M, -galley.size().y / 2.0);
                ui.painter().galley(at, galley, p.text);
                button::icon(ui, icons::X, text::DISMISS).clicked()
            })
            .inner
        })
        .inner
}
