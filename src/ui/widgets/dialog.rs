//! A dialog over the rest of the window.

use eframe::egui::{Align, Context, CornerRadius, Frame, Id, Layout, Margin, Modal, Stroke, Ui, vec2};

use super::{button, label, paint};
use crate::ui::tokens::{radius, space, type_size};
use crate::ui::{icons, text, theme};

/// Shows `content` under `title`. Returns what it returned, and whether the person wants the dialog gone.
pub fn show<T>(ctx: &Context, title: &str, width: f32, content: impl FnOnce(&mut Ui) -> T) -> (T, bool) {
    let dark = ctx.global_style().visuals.dark_mode;
    let p = if dark { &crate::ui::tokens::DARK } else { &crate::ui::tokens::LIGHT };
    let frame = Frame::NONE
        .fill(p.raised)
        .stroke(Stroke::new(1.0, p.border))
        .corner_radius(CornerRadius::same(radius::XL))
        .inner_margin(Margin::same(28))
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
        ui.add_space(space::XS);
        (content(ui), closed)
    });
    let close = modal.should_close();
    let (content, closed) = modal.inner;
    (content, closed || close)
}
