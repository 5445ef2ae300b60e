//! People who ask to be our contacts, and our own requests that wait.

use eframe::egui::{CornerRadius, Frame, Margin, Stroke, Ui, vec2};

use crate::engine::command::Command;
use crate::engine::snapshot::{RequestView, Snapshot, Zone};
use crate::media::clock::MediaTime;
use crate::ui::tokens::{radius, space, type_size};
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::label;
use crate::ui::{text, theme};

/// The requests that wait for us, above the list.
pub fn requests_ui(ui: &mut Ui, snapshot: &Snapshot, now: MediaTime) -> Option<Command> {
    if snapshot.requests.is_empty() {
        return None;
    }
    section(ui, text::REQUESTS);
    let mut wish = None;
    for request in &snapshot.requests {
        let by = which_invitation(request, &snapshot.conversations.zone, now).map(|which| text::by_invitation(&which));
        wish = wish.or(ui.push_id(request.key, |ui| request_ui(ui, request, by)).inner);
    }
    ui.add_space(space::S);
    wish
}

/// Which of our invitations they came with, as far as that is known.
fn which_invitation(request: &RequestView, zone: &Zone, now: MediaTime) -> Option<String> {
    let made = || request.made.map(|made| text::made(zone.at(made * 1000), zone.at(now.unix_us() / 1000)));
    text::for_whom(&request.invitation).or_else(made)
}

/// `by` says which of our invitations it came by.
fn request_ui(ui: &mut Ui, request: &RequestView, by: Option<String>) -> Option<Command> {
    let p = theme::palette(ui);
    let frame = Frame::NONE
        .fill(p.raised)
        .stroke(Stroke::new(1.0, p.border))
        .corner_radius(CornerRadius::same(radius::M))
        .outer_margin(Margin { left: 12, right: 12, top: 0, bottom: 8 })
        .inner_margin(Margin::same(14));
    let mut wish = None;
    frame.show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(space::S, 6.0);
        label::text(ui, text::request_title(&request.proposed_name), theme::semibold(type_size::LABEL), p.text);
        if let Some(by) = by {
            label::text(ui, by, theme::regular(type_size::CAPTION), p.text_second);
        }
        if let Some(warning) = &request.warning {
            let frame =
                Frame::NONE.fill(p.warning_soft).corner_radius(CornerRadius::same(radius::S)).inner_margin(Margin::same(8));
            frame.show(ui, |ui| {
                ui.set_width(ui.available_width());
                label::text(ui, warning, theme::medium(type_size::CAPTION), p.warning_text);
            });
        }
        ui.add_space(2.0);
        ui.horizontal(|ui| {
            let half = (ui.available_width() - space::S) / 2.0;
            if TextButton::new(Look::Primary, text::ACCEPT).small().width(half).show(ui) {
                wish = Some(Command::AcceptRequest { key: request.key, petname: None });
            }
            if TextButton::new(Look::Secondary, text::REFUSE).small().width(half).show(ui) {
                wish = Some(Command::RefuseRequest { key: request.key });
            }
        });
    });
    wish
}

/// Our own requests, below the list.
pub fn sent_ui(ui: &mut Ui, snapshot: &Snapshot) -> Option<Command> {
    if snapshot.sent_requests.is_empty() {
        return None;
    }
    let mut wish = None;
    let p = theme::palette(ui);
    section(ui, text::WAITING);
    for sent in &snapshot.sent_requests {
        Frame::NONE.inner_margin(Margin { left: 20, right: 20, top: 2, bottom: 10 }).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            label::text(ui, &sent.name, theme::medium(type_size::LABEL), p.text);
            let Some(relay) = &sent.asks_relay else {
                label::text(ui, &sent.status, theme::regular(type_size::CAPTION), p.text_second);
                return;
            };
            label::text(ui, &sent.status, theme::medium(type_size::CAPTION), p.warning_text);
            label::text(ui, relay, theme::mono(type_size::CAPTION), p.text_second);
            ui.horizontal(|ui| {
                let allow = TextButton::new(Look::Secondary, text::ALLOW).small().show(ui);
                let no = TextButton::new(Look::Plain, text::DO_NOT_SEND).small().show(ui);
                if allow || no {
                    wish = Some(Command::ApproveRequestRelay { knock_id: sent.knock_id, approve: allow });
                }
            });
        });
    }
    wish
}

fn section(ui: &mut Ui, title: &str) {
    let p = theme::palette(ui);
    Frame::NONE.inner_margin(Margin { left: 20, right: 20, top: 8, bottom: 8 }).show(ui, |ui| {
        label::text(ui, title, theme::semibold(type_size::OVERLINE), p.text_third);
    });
}
