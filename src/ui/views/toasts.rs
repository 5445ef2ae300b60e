//! Sentences for the person, at the foot of the window until they are put away.

use eframe::egui::{
    Align2, Area, Color32, Context, CornerRadius, Frame, Id, Margin, Order, Sense, Stroke, Ui, WidgetInfo, accesskit::Role, vec2,
};

use crate::engine::command::Command;
use crate::engine::snapshot::{NoticeKind, Snapshot, Stage};
use crate::ui::local::{Local, Page};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::widgets::{button, paint};
use crate::ui::{icons, text, theme};

/// At most this many are shown, the newest; the others come when these go.
const SHOWN: usize = 3;

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
    // Above the controls of a call, and above the field for a message.
    let clear = match (snapshot.stage, snapshot.call.is_some(), local.page) {
        (_, true, _) => 124.0,
        (Stage::Ready, false, Page::People) => 92.0,
        _ => space::XL,
    };
    let area = Area::new(Id::unique("notices")).order(Order::Tooltip).anchor(Align2::CENTER_BOTTOM, vec2(0.0, -clear));
    area.show(ctx, |ui| {
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
    })
    .inner
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
