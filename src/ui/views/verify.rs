//! The safety number of a contact: to read aloud, to show as a code, to scan theirs.

use eframe::egui::{
    Align, Align2, CornerRadius, Frame, Layout, Margin, Rect, Sense, Ui, UiBuilder, WidgetInfo, accesskit::Role, pos2, vec2,
};

use crate::engine::command::Command;
use crate::engine::snapshot::{ContactView, PublicKey, Scan, Snapshot, VerifyView};
use crate::ui::local::{Dialog, Local};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::video::Pictures;
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{callout, dialog, label, qr};
use crate::ui::{icons, text, theme};

/// The dialog. It closes the camera when it goes.
pub fn verify_ui(ui: &mut Ui, snapshot: &Snapshot, key: PublicKey, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    let Some(contact) = snapshot.contacts.iter().find(|contact| contact.key == key) else { return Some(Command::HideNumber) };
    let shown = snapshot.verify.as_ref().filter(|verify| verify.key == key);
    let title = text::verify_title(&contact.petname);
    let (answer, closed) = dialog::show(ui.ctx(), &title, size::VERIFY, |ui| {
        let p = theme::palette(ui);
        label::text(ui, text::verify_sub(&contact.petname), theme::regular(type_size::BODY), p.text_second);
        ui.add_space(space::M);
        // The number is there a moment after the dialog.
        let number = shown.and_then(|verify| number_ui(ui, verify, local, pictures));
        ui.add_space(space::L);
        let differs = shown.is_some_and(|verify| matches!(verify.scan, Scan::Trouble { danger: true, .. }));
        number.map(Answer::Wish).or(foot_ui(ui, contact, differs, local))
    });
    match answer {
        Some(Answer::Wish(command)) => {
            local.dialog = Some(Dialog::Verify { key });
            Some(command)
        }
        Some(Answer::Match) => Some(Command::SetVerified { key, verified: true }),
        Some(Answer::TakeBack) => {
            local.dialog = Some(Dialog::Verify { key });
            Some(Command::SetVerified { key, verified: false })
        }
        Some(Answer::Close) => Some(Command::HideNumber),
        None if closed => Some(Command::HideNumber),
        None => {
            local.dialog = Some(Dialog::Verify { key });
            None
        }
    }
}

enum Answer {
    Wish(Command),
    Match,
    TakeBack,
    Close,
}

/// The code, or what the camera sees, at the left; the digits at the right.
fn number_ui(ui: &mut Ui, verify: &VerifyView, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    let p = theme::palette(ui);
    let looking = matches!(verify.scan, Scan::Looking | Scan::Trouble { .. }) && pictures.preview.is_some();
    let mut wish = None;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = space::XL;
        if looking {
            let (rect, response) = ui.allocate_exact_size(vec2(size::QR, size::QR), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Image, true, text::SCAN_PICTURE));
            pictures.preview.mirror(ui.painter(), rect, radius::L);
        } else {
            qr::code(ui, &verify.code, size::QR, text::SAFETY_CODE);
        }
        ui.vertical(|ui| {
            label::text(ui, text::SAFETY_NUMBER, theme::semibold(type_size::OVERLINE), p.text_third);
            ui.add_space(space::XS);
            digits_ui(ui, verify);
            ui.add_space(space::M);
            wish = scan_ui(ui, verify, local);
        });
    });
    match &verify.scan {
        Scan::Off | Scan::Match => {}
        Scan::Looking => drop(label::text(ui, text::SCANNING, theme::regular(type_size::LABEL), p.text_second)),
        Scan::Trouble { text, danger: true } => callout::show(ui, icons::WARNING, text, p.danger_text, p.danger_soft),
        Scan::Trouble { text, danger: false } => callout::warning(ui, text),
    }
    if verify.scan == Scan::Match {
        callout::show(ui, icons::SHIELD_CHECK, text::SCAN_MATCHED, p.success_text, p.success_soft);
    }
    wish
}

/// Three rows of four groups. A screen reader reads them as one line.
fn digits_ui(ui: &mut Ui, verify: &VerifyView) {
    let p = theme::palette(ui);
    let frame = Frame::NONE.fill(p.surface).corner_radius(CornerRadius::same(radius::M)).inner_margin(Margin::same(12));
    frame.show(ui, |ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 88.0), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, verify.groups.join(" ")));
        let step = rect.width() / 4.0;
        for (index, group) in verify.groups.iter().enumerate() {
            let (column, row) = ((index % 4) as f32, (index / 4) as f32);
            let at = pos2(rect.left() + step * (column + 0.5), rect.top() + 13.0 + 31.0 * row);
            ui.painter().text(at, Align2::CENTER_CENTER, group, theme::mono(type_size::NUMBER), p.text);
        }
    });
}

fn scan_ui(ui: &mut Ui, verify: &VerifyView, local: &mut Local) -> Option<Command> {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let on = matches!(verify.scan, Scan::Looking);
        let (name, icon) = if on { (text::STOP_SCANNING, icons::X) } else { (text::SCAN_CODE, icons::VIDEO_CAMERA) };
        let scan = TextButton::new(Look::Secondary, name).icon(icon).small().show(ui);
        if TextButton::new(Look::Secondary, text::COPY_NUMBER).icon(icons::COPY).small().show(ui) {
            local.copy = Some(text::number_to_copy(&verify.groups));
        }
        scan.then_some(Command::ScanCode { on: !on })
    })
    .inner
}

/// What is known of the contact at the left, the answers at the right.
fn foot_ui(ui: &mut Ui, contact: &ContactView, differs: bool, local: &Local) -> Option<Answer> {
    let p = theme::palette(ui);
    let (row, _) = ui.allocate_exact_size(vec2(ui.available_width(), size::FIELD), Sense::hover());
    let left = UiBuilder::new().max_rect(row).layout(Layout::left_to_right(Align::Center));
    ui.scope_builder(left, |ui| match contact.verified_by {
        Some((by, when)) => {
            let said = text::verified_by(by, when, local.now.unix_us() / 1_000_000);
            label::badge(ui, icons::SHIELD_CHECK, &said, p.success_text, p.success_soft);
        }
        None => {
            label::badge(ui, icons::SHIELD_WARNING, text::YOU_HAVE_NOT_VERIFIED, p.warning_text, p.warning_soft);
        }
    });
    let narrow = Rect::from_min_max(pos2(row.left() + 230.0, row.top()), row.max);
    let right = UiBuilder::new().max_rect(narrow).layout(Layout::right_to_left(Align::Center));
    ui.scope_builder(right, |ui| {
        if contact.verified {
            let closed = TextButton::new(Look::Primary, text::CLOSE_VERIFY).show(ui);
            let back = TextButton::new(Look::Secondary, text::TAKE_BACK).show(ui);
            return if back { Some(Answer::TakeBack) } else { closed.then_some(Answer::Close) };
        }
        // Another key was seen: there is nothing to confirm.
        let same = !differs && TextButton::new(Look::Primary, text::THEY_MATCH).show(ui);
        let later = TextButton::new(Look::Secondary, text::NOT_NOW).show(ui);
        if same { Some(Answer::Match) } else { later.then_some(Answer::Close) }
    })
    .inner
}
