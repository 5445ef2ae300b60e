//! The settings: a list of pages at the left, cards at the right. What is changed here holds at once.

mod about;
mod audio_video;
mod notifications;
mod privacy;
mod profile;

use eframe::egui::{
    Align2, CornerRadius, CursorIcon, Frame, Margin, Panel, Popup, Rect, ScrollArea, Sense, Stroke, Ui, UiBuilder, WidgetInfo,
    accesskit::Role, pos2, vec2,
};

use super::welcome;
use crate::engine::command::Command;
use crate::engine::snapshot::Snapshot;
use crate::settings::{LinkMode, Reach, Settings, Theme};
use crate::ui::local::{Local, Page, ReachKind, SettingsPage};
use crate::ui::tokens::{radius, size, space, type_size};
use crate::ui::video::Pictures;
use crate::ui::widgets::button::{Look, TextButton};
use crate::ui::widgets::{button, choice, label, paint, switch};
use crate::ui::{icons, text, theme};

const PAGES: [(SettingsPage, char, &str); 7] = [
    (SettingsPage::Profile, icons::USER, text::PROFILE),
    (SettingsPage::AudioVideo, icons::HEADPHONES, text::AUDIO_VIDEO),
    (SettingsPage::Notifications, icons::BELL, text::NOTIFICATIONS),
    (SettingsPage::Appearance, icons::PALETTE, text::APPEARANCE),
    (SettingsPage::Privacy, icons::SHIELD_CHECK, text::PRIVACY),
    (SettingsPage::Network, icons::GLOBE, text::NETWORK),
    (SettingsPage::About, icons::INFO, text::ABOUT),
];

/// The whole page.
pub fn settings_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, pictures: &Pictures) -> Option<Command> {
    let p = theme::palette(ui);
    let list = Panel::left("settings")
        .exact_size((ui.available_width() * 0.34).min(size::SETTINGS_LIST))
        .resizable(false)
        .show_separator_line(false);
    list.frame(Frame::NONE.fill(p.sidebar)).show(ui, |ui| list_ui(ui, local));
    let rect = ui.available_rect_before_wrap();
    ui.painter().rect_filled(rect, 0.0, p.background);
    let title = PAGES.iter().find(|(page, ..)| *page == local.settings.page).map_or("", |(.., name)| name);
    let title_at = rect.left_top() + vec2(space::XXL, 30.0);
    let room = rect.width() - space::XXL - 72.0;
    label::heading(ui, title_at, Align2::LEFT_CENTER, title, theme::semibold(type_size::TITLE), p.text, room);
    let close = Rect::from_center_size(pos2(rect.right() - 42.0, rect.top() + 32.0), vec2(size::TOOLBAR, size::TOOLBAR));
    let closed = ui.scope_builder(UiBuilder::new().max_rect(close), |ui| button::icon(ui, icons::X, text::CLOSE).clicked()).inner;
    // Escape closes what is open over the page first.
    let free = local.dialog.is_none() && !Popup::is_any_open(ui.ctx());
    if closed || (free && ui.input(|input| input.key_pressed(eframe::egui::Key::Escape))) {
        local.page = Page::People;
        local.device_check.in_settings = false;
    }
    let page = Rect::from_min_max(rect.min + vec2(space::XXL, 66.0), rect.max - vec2(space::M, 0.0));
    ui.scope_builder(UiBuilder::new().max_rect(page), |ui| {
        ScrollArea::vertical().id_salt(title).auto_shrink([false, false]).show(ui, |ui| {
            ui.set_max_width((page.width() - space::XL).min(size::SETTINGS_PAGE));
            ui.spacing_mut().item_spacing.y = space::S;
            let mut settings = snapshot.settings.clone();
            let wish = match local.settings.page {
                SettingsPage::Profile => profile::profile_ui(ui, snapshot, local),
                SettingsPage::AudioVideo => audio_video::audio_video_ui(ui, snapshot, local, &mut settings, pictures),
                SettingsPage::Notifications => notifications::notifications_ui(ui, snapshot, &mut settings),
                SettingsPage::Appearance => appearance_ui(ui, &mut settings),
                SettingsPage::Privacy => privacy::privacy_ui(ui, snapshot, local, &mut settings),
                SettingsPage::Network => network_ui(ui, snapshot, local, &mut settings),
                SettingsPage::About => about::about_ui(ui, snapshot),
            };
            ui.add_space(space::XL);
            wish.or_else(|| (settings != snapshot.settings).then(|| Command::ChangeSettings { settings: Box::new(settings) }))
        })
    })
    .inner
    .inner
}

fn list_ui(ui: &mut Ui, local: &mut Local) {
    let p = theme::palette(ui);
    let column = ui.max_rect();
    ui.painter().vline(column.right() - 0.5, column.y_range(), (1.0, p.border));
    let title_at = column.left_top() + vec2(24.0, 32.0);
    label::heading(ui, title_at, Align2::LEFT_CENTER, text::SETTINGS, theme::semibold(type_size::TITLE), p.text, 200.0);
    for (index, (page, icon, name)) in PAGES.into_iter().enumerate() {
        let min = column.left_top() + vec2(space::M, 68.0 + 44.0 * index as f32);
        let rect = Rect::from_min_size(min, vec2(column.width() - 2.0 * space::M, 42.0));
        let response = ui.interact(rect, ui.scope_id().with(name), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
        let on = local.settings.page == page;
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, on, name));
        if on || response.hovered() {
            ui.painter().rect_filled(rect, CornerRadius::same(10), if on { p.selected } else { p.hover });
        }
        let (family, ink, font, color) = if on {
            (icons::FILL, p.accent_text, theme::semibold(type_size::BODY), p.text)
        } else {
            (icons::REGULAR, p.text_second, theme::regular(type_size::BODY), p.text_second)
        };
        icons::paint(ui.painter(), rect.left_center() + vec2(22.0, 0.0), icon, size::ICON, family, ink);
        label::line(
            ui.painter(),
            rect.left_center() + vec2(42.0, 0.0),
            Align2::LEFT_CENTER,
            name,
            font,
            color,
            rect.width() - 50.0,
        );
        paint::focus_ring(ui, &response, rect, 10.0, p);
        if response.clicked() {
            local.settings.page = page;
        }
    }
    let foot = column.left_bottom() + vec2(24.0, -24.0);
    let font = theme::regular(type_size::CAPTION);
    label::said(ui, foot, Align2::LEFT_CENTER, &text::version(), font, p.text_third, column.width() - 48.0);
}

/// A card with a heading.
fn card<T>(ui: &mut Ui, title: &str, content: impl FnOnce(&mut Ui) -> T) -> T {
    let p = theme::palette(ui);
    let ground = if ui.visuals().dark_mode { p.sidebar } else { p.raised };
    let frame = Frame::NONE
        .fill(ground)
        .stroke(Stroke::new(1.0, p.border))
        .corner_radius(CornerRadius::same(radius::L))
        .inner_margin(Margin::same(20))
        .outer_margin(Margin { left: 0, right: 0, top: 0, bottom: 12 });
    frame
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            label::text(ui, title, theme::semibold(type_size::HEADING), p.text);
            ui.add_space(space::S);
            content(ui)
        })
        .inner
}

fn appearance_ui(ui: &mut Ui, settings: &mut Settings) -> Option<Command> {
    const THEMES: [Theme; 3] = [Theme::System, Theme::Dark, Theme::Light];
    card(ui, text::THEME, |ui| {
        let chosen = THEMES.iter().position(|theme| *theme == settings.theme).unwrap_or_default();
        if let Some(clicked) = choice::segments(ui, text::THEMES, chosen) {
            settings.theme = THEMES[clicked];
        }
    });
    card(ui, text::SCALE, |ui| {
        let chosen = text::SCALES.iter().position(|(_, percent)| *percent == settings.scale_percent).unwrap_or_default();
        if let Some(clicked) = choice::segments(ui, text::SCALES.map(|(name, _)| name), chosen) {
            settings.scale_percent = text::SCALES[clicked].1;
        }
        label::text(ui, text::SCALE_SUB, theme::regular(type_size::CAPTION), theme::palette(ui).text_third);
    });
    card(ui, text::MOTION, |ui| {
        switch::row(ui, text::REDUCED_MOTION, text::REDUCED_MOTION_SUB, &mut settings.reduced_motion);
    });
    None
}

fn network_ui(ui: &mut Ui, snapshot: &Snapshot, local: &mut Local, settings: &mut Settings) -> Option<Command> {
    card(ui, text::REACH, |ui| {
        let state = &mut local.settings;
        if let Reach::OwnRelay(address) = &snapshot.settings.reach
            && state.reach.is_none()
            && state.relay.is_empty()
        {
            state.relay.clone_from(address);
        }
        let mut kind = state.reach.unwrap_or(ReachKind::of(&snapshot.settings.reach));
        let before = kind;
        welcome::reach_ui(ui, &mut kind, &mut state.relay);
        let reach = kind.reach(&state.relay);
        if kind == ReachKind::OwnRelay {
            // An address is applied when it is written, not letter by letter.
            state.reach = Some(kind);
            let ready = reach.as_ref().is_some_and(|reach| *reach != snapshot.settings.reach);
            ui.add_space(space::XS);
            if TextButton::new(Look::Primary, text::USE_RELAY).small().enabled(ready).show(ui)
                && let Some(reach) = reach
            {
                settings.reach = reach;
                state.reach = None;
            }
        } else if kind != before
            && let Some(reach) = reach
        {
            settings.reach = reach;
            state.reach = None;
        }
    });
    card(ui, text::ADDRESS, |ui| {
        let relayed = snapshot.settings.reach != Reach::ThisNetwork;
        for (mode, name, sentence) in [
            (LinkMode::Direct, text::LINK_DIRECT, text::LINK_DIRECT_SUB),
            (LinkMode::Hide, text::LINK_HIDE, text::LINK_HIDE_SUB),
            (LinkMode::Never, text::LINK_NEVER, text::LINK_NEVER_SUB),
        ] {
            let possible = relayed || mode == LinkMode::Direct;
            let clicked = ui.add_enabled_ui(possible, |ui| choice::card(ui, name, sentence, settings.link_mode == mode)).inner;
            if clicked && possible {
                settings.link_mode = mode;
            }
        }
        if !relayed {
            label::text(ui, text::LINK_NEEDS_RELAY, theme::regular(type_size::CAPTION), theme::palette(ui).text_third);
        }
        ui.add_space(space::S);
        switch::row(ui, text::LAN, text::LAN_SUB, &mut settings.lan_discovery);
        switch::row(ui, text::PRESENCE, text::PRESENCE_SUB, &mut settings.show_presence);
    });
    card(ui, text::DATA_RATE, |ui| {
        const RATES: [Option<u32>; 6] = [None, Some(1000), Some(500), Some(200), Some(50), Some(20)];
        let chosen = RATES.iter().position(|rate| *rate == settings.max_kbps).unwrap_or_default();
        if let Some(clicked) = choice::segments(ui, text::DATA_RATES, chosen) {
            settings.max_kbps = RATES[clicked];
        }
        label::text(ui, text::DATA_RATE_SUB, theme::regular(type_size::CAPTION), theme::palette(ui).text_third);
    });
    None
}
