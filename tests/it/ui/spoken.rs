//! What a person can read in the window, a screen reader can read to them.

use eframe::egui::accesskit::{Action, Role};
use eframe::egui::epaint::{ClippedShape, TextShape};
use eframe::egui::{Color32, Rect, Shape};
use egui_kittest::kittest::NodeT as _;

use super::screens::{opened, screens};
use super::*;

/// A text as it is drawn, and where it can be seen.
struct Seen {
    text: String,
    place: Rect,
}

fn seen(window: &Window) -> Vec<Seen> {
    let mut seen = Vec::new();
    for ClippedShape { clip_rect, shape, .. } in &window.output().shapes {
        collect(shape, *clip_rect, &mut seen);
    }
    seen
}

fn collect(shape: &Shape, clip: Rect, seen: &mut Vec<Seen>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, seen)),
        Shape::Text(shape) if is_visible(shape) => {
            let place = shape.visual_bounding_rect().intersect(clip);
            let text = words(shape);
            let initials = text.chars().count() <= 2 && text.chars().all(char::is_uppercase);
            if place.width() > 1.0 && place.height() > 1.0 && text.contains(char::is_alphanumeric) && !initials {
                seen.push(Seen { text, place });
            }
        }
        _ => {}
    }
}

/// The controls over a picture fade, and are there all the same.
fn is_visible(shape: &TextShape) -> bool {
    let inks = shape.galley.job.sections.iter().map(|section| match section.format.color {
        Color32::PLACEHOLDER => shape.fallback_color,
        color => color,
    });
    shape.opacity_factor > 0.0 && inks.map(|ink| shape.override_text_color.unwrap_or(ink)).any(|ink| ink.a() > 0)
}

/// What can be read of it: all, or what stands before the ellipsis; without icons, which are characters too.
fn words(shape: &TextShape) -> String {
    let galley = &shape.galley;
    if !galley.elided {
        return plain(&galley.job.text);
    }
    let shown: String = galley.rows.iter().flat_map(|row| &row.glyphs).map(|glyph| glyph.chr).collect();
    plain(shown.trim_end().trim_end_matches('…'))
}

/// Without spaces, for lines break at them, and without the icons.
fn plain(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_whitespace() && !('\u{e000}'..='\u{f8ff}').contains(sign)).collect()
}

/// Everything that a screen reader is told, and where.
fn told(window: &Window) -> Vec<(String, Rect)> {
    let nodes = window.root().children_recursive().filter(|node| !node.accesskit_node().is_hidden());
    let told = nodes.flat_map(|node| {
        let data = node.accesskit_node().data();
        let said = [data.label(), data.value(), data.description(), data.placeholder()];
        said.into_iter().flatten().map(|said| (plain(said), node.rect().expand(2.0))).collect::<Vec<_>>()
    });
    told.collect()
}

#[test]
fn everything_that_can_be_read_is_read_to_who_does_not_see_it() {
    let mut missing = Vec::new();
    for (view, snapshot, local, size) in screens() {
        let window = opened(view, snapshot, local, Theme::Light, size);
        let told = told(&window);
        for Seen { text, place } in seen(&window) {
            // What counts one thing says so in words.
            let counted = |said: &str| text == "1" && said.contains("one");
            if !told.iter().any(|(said, at)| at.intersects(place) && (said.contains(&text) || counted(said))) {
                missing.push(format!("{view}: \"{text}\" at {place:?}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn what_is_only_there_to_be_read_does_not_stop_the_tab_key() {
    for (view, snapshot, local, size) in screens() {
        let window = opened(view, snapshot, local, Theme::Light, size);
        for node in window.root().children_recursive() {
            let node = node.accesskit_node();
            let read = matches!(node.role(), Role::Label | Role::Heading | Role::Status | Role::Alert | Role::Timer);
            assert!(!(read && node.data().supports_action(Action::Focus)), "{view}: {:?} takes the focus", node.label());
        }
    }
}
