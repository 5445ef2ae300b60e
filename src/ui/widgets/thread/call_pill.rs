//! A call in the thread: a pill with what it was, which way it went, how it ended and when.

use eframe::egui::{CornerRadius, CursorIcon, Pos2, Rect, Sense, Ui, WidgetInfo, accesskit::Role, pos2, vec2};

use super::{Shown, Wish};
use crate::engine::snapshot::{Call, CallMedia, Entry, Outcome};
use crate::ui::tokens::{space, type_size};
use crate::ui::widgets::{label, paint};
use crate::ui::{icons, text, theme};

/// How high it is.
pub const HEIGHT: f32 = 40.0;
/// An icon with the space before what follows it, and the arrow beside an icon that has none of its own.
const ICON: f32 = 44.0;
const ARROW: f32 = 15.0;

/// Draws the `call` of `entry` around `center`, with a way to call back after one that came to nothing.
pub fn show(ui: &Ui, center: Pos2, entry: &Entry, call: &Call, time: &str, shown: &Shown) -> Option<Wish> {
    let p = theme::palette(ui);
    let missed = call.is_missed();
    let said = text::call(call);
    let ink = if missed { p.danger_text } else { p.text };
    let font = theme::semibold(type_size::LABEL);
    let name = label::cut(ui.painter(), &said, font.clone(), ink, 280.0);
    let clock = label::cut(ui.painter(), time, theme::regular(type_size::CAPTION), p.text_third, 60.0);
    let again = shown.calls && call.outcome != Outcome::Talked;
    let back = again.then(|| label::cut(ui.painter(), text::CALL_BACK, font, p.accent_text, 120.0));
    let back_width = back.as_ref().map_or(0.0, |galley| galley.size().x + 33.0);
    let (icon, arrow) = icons_of(call);
    let icons_width = ICON + arrow.map_or(0.0, |_| ARROW);
    let size = vec2(icons_width + name.size().x + 10.0 + clock.size().x + back_width + space::L, HEIGHT);
    let rect = Rect::from_center_size(center, size);
    let response = ui.interact(rect, ui.scope_id().with(entry.position), Sense::hover());
    let spoken = format!("{said}, {}, {time}", text::direction(call));
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &spoken));
    ui.painter().rect_filled(rect, CornerRadius::same(20), p.surface);
    let icon_ink = if missed { ink } else { p.text_second };
    let icon_at = rect.left_center() + vec2(26.0, 0.0);
    icons::paint(ui.painter(), icon_at, icon, 18.0, icons::FILL, icon_ink);
    if let Some(arrow) = arrow {
        icons::paint(ui.painter(), icon_at + vec2(18.0, 0.0), arrow, 14.0, icons::REGULAR, icon_ink);
    }
    let mut at = rect.left_center() + vec2(icons_width, 0.0);
    for (galley, gap) in [(name, 10.0), (clock, space::L)] {
        let advance = galley.size().x + gap;
        ui.painter().galley(at - vec2(0.0, galley.size().y / 2.0), galley, ink);
        at.x += advance;
    }
    let galley = back?;
    ui.painter().vline(at.x, (rect.top() + 12.0)..=(rect.bottom() - 12.0), (1.0, p.border));
    let target = Rect::from_min_max(pos2(at.x + 4.0, rect.top()), rect.right_bottom() - vec2(4.0, 0.0));
    let response = ui.interact(target, ui.scope_id().with((entry.position, "back")), Sense::click());
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, text::CALL_BACK));
    ui.painter().galley(pos2(at.x + 17.0, at.y - galley.size().y / 2.0), galley, p.accent_text);
    paint::focus_ring(ui, &response, target, 18.0, p);
    let media = if call.video { CallMedia::Video } else { CallMedia::Audio };
    response.clicked().then_some(Wish::CallBack(media))
}

/// What stands before the words. The phones have their arrow in them; Phosphor has no camera like that. Who missed a call was called.
fn icons_of(call: &Call) -> (char, Option<char>) {
    match (call.is_missed(), call.video, call.outgoing) {
        (true, ..) => (icons::PHONE_X, None),
        (false, true, true) => (icons::VIDEO_CAMERA, Some(icons::ARROW_UP_RIGHT)),
        (false, true, false) => (icons::VIDEO_CAMERA, Some(icons::ARROW_DOWN_LEFT)),
        (false, false, true) => (icons::PHONE_OUTGOING, None),
        (false, false, false) => (icons::PHONE_INCOMING, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_shows_which_way_it_went_with_video_as_well_as_without() {
        for outcome in [Outcome::Talked, Outcome::Declined, Outcome::Failed] {
            for video in [true, false] {
                let of = |outgoing| icons_of(&Call { outgoing, video, outcome, seconds: 0 });
                assert_ne!(of(true), of(false), "{outcome:?}, video: {video}");
            }
        }
        let missed = Call { outgoing: false, video: true, outcome: Outcome::Missed, seconds: 0 };
        assert_eq!(icons_of(&missed), (icons::PHONE_X, None));
    }
}
