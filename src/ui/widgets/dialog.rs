//! A dialog over the rest of the window.

use eframe::egui::{Align, Context, CornerRadius, Frame, Id, Layout, Margin, Modal, ScrollArea, Stroke, Ui, vec2};

use super::{button, label, paint};
use crate::ui::tokens::{radius, space, type_size};
use crate::ui::{icons, text, theme};

/// Between its edge and what is in it, and between it and the edge of a window that is hardly larger.
const PADDING: i8 = 28;
const AIR: f32 = 12.0;
/// What scrolls is cut at its edge, and the ring of the keyboard's focus is around a button.
const RING: i8 = 4;

/// Shows `content` under `title`; it scrolls where the window is too low for it. Returns what `content` returned, and whether the
/// person wants the dialog gone.
pub fn show<T>(ctx: &Context, title: &str, width: f32, content: impl FnOnce(&mut Ui) -> T) -> (T, bool) {
    let dark = ctx.global_style().visuals.dark_mode;
    let p = if dark { &crate::ui::tokens::DARK } else { &crate::ui::tokens::LIGHT };
    let frame = Frame::NONE
        .fill(p.raised)
        .stroke(Stroke::new(1.0, p.border))
        .corner_radius(CornerRadius::same(radius::XL))
        .inner_margin(Margin { bottom: PADDING - RING, ..Margin::same(PADDING) })
        .shadow(paint::shadow(p));
    let modal = Modal::new(Id::unique(title)).frame(frame).backdrop_color(p.scrim).show(ctx, |ui| {
        ui.set_width((width - 56.0).min(ui.ctx().content_rect().width() - 88.0));
        let closed = ui
            .horizontal(|ui| {
                let room = ui.available_width() - 44.0;
                ui.allocate_ui_with_layout(vec2(room, 36.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_min_width(room);
                    ui.add_space(space::XS);
                    label::text(ui, title, theme::semibold(type_size::TITLE), p.text);
                });
                button::icon(ui, icons::X, text::CLOSE).clicked()
            })
            .inner;
        let head = ui.cursor().top() - ui.min_rect().top();
        let room = ui.ctx().content_rect().height() - 2.0 * (f32::from(PADDING) + AIR) - head;
        let scroll = ScrollArea::vertical().max_height(room).min_scrolled_height(room).auto_shrink([false, true]);
        let scroll = scroll.content_margin(Margin::symmetric(0, RING));
        (scroll.show(ui, content).inner, closed)
    });
    let close = modal.should_close();
    let (content, closed) = modal.inner;
    (content, closed || close)
}
