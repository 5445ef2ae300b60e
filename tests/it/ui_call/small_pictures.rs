//! The small pictures: the call while something else is shown, and one's own picture over the other's.

use eframe::egui::{Event, Key, Modifiers, PointerButton, pos2};
use vesper::engine::command::Command;
use vesper::settings::{Corner, SelfView};

use super::*;
use crate::ui::{Window, click, press, wishes};

fn remembered(self_view: SelfView) -> Command {
    Command::ChangeSettings { settings: Box::new(Settings { self_view, ..Settings::default() }) }
}

fn drag(window: &mut Window, from: Pos2, to: Pos2) -> Vec<Command> {
    window.run_steps(2);
    window.event(Event::PointerMoved(from));
    window.run_steps(1);
    for (pressed, at) in [(true, from), (false, to)] {
        if !pressed {
            for step in 1..=4 {
                window.event(Event::PointerMoved(from + (to - from) * (step as f32 / 4.0)));
                window.run_steps(1);
            }
        }
        window.event(Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
        window.run_steps(1);
    }
    window.run_steps(3);
    wishes(window)
}

#[test]
fn leaving_the_call_view_keeps_the_call_in_a_small_picture_with_its_controls() {
    let mut window = window(in_call(call(active())), Local::default());
    assert_eq!(click(&mut window, text::LEAVE_CALL_VIEW), []);
    window.get_by_label(text::SETTINGS);
    window.get_by_label("Maya Lindqvist · 12:34");
    assert_eq!(click(&mut window, text::MUTE), [Command::SetMicrophone { on: false }]);
    assert_eq!(click(&mut window, text::HANG_UP), [Command::HangUp]);
    assert_eq!(click(&mut window, text::BACK_TO_CALL), []);
    window.get_by_label(text::LEAVE_CALL_VIEW);
}

#[test]
fn the_small_picture_goes_to_the_corner_it_is_dragged_to_and_stays_there() {
    let mut window = window(in_call(call(active())), away());
    let from = window.get_by_label(text::CALL_PICTURE).rect();
    let wish = drag(&mut window, from.center() - vec2(0.0, 20.0), pos2(420.0, 620.0));
    assert_eq!(wish, [remembered(SelfView { call_corner: Corner::BottomLeft, ..SelfView::default() })]);
    let to = window.get_by_label(text::CALL_PICTURE).rect();
    assert!(to.left() < 100.0 && to.top() > SIZE.y / 2.0, "{to:?}");
}

#[test]
fn the_own_picture_is_moved_resized_mirrored_and_hidden_and_all_of_it_is_remembered() {
    let mut window = window(in_call(call(active())), Local::default());
    let own = window.get_by_label(text::SELF_VIEW).rect();
    let wish = drag(&mut window, own.center(), pos2(200.0, 250.0));
    let mut view = SelfView { corner: Corner::TopLeft, ..SelfView::default() };
    assert_eq!(wish, [remembered(view)]);
    let own = window.get_by_label(text::SELF_VIEW).rect();
    let wish = drag(&mut window, own.right_bottom() - vec2(7.0, 5.0), own.right_bottom() + vec2(64.0, 30.0));
    view.width = 300;
    assert_eq!(wish, [remembered(view)]);
    for (name, change) in [
        (text::UNMIRROR_SELF_VIEW, SelfView { mirrored: false, ..view }),
        (text::MOVE_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, ..view }),
        (text::LARGER_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, width: 375, ..view }),
        (text::SMALLER_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, width: 300, ..view }),
        (text::HIDE_SELF_VIEW, SelfView { mirrored: false, corner: Corner::TopRight, width: 300, hidden: true, ..view }),
    ] {
        assert_eq!(click(&mut window, text::CALL_MORE), []);
        assert_eq!(click(&mut window, name), [remembered(change)], "{name}");
    }
    assert!(window.query_by_label(text::SELF_VIEW).is_none());
    let shown = SelfView { mirrored: false, corner: Corner::TopRight, width: 300, hidden: false, ..view };
    assert_eq!(click(&mut window, text::SHOW_SELF_VIEW), [remembered(shown)]);
}

#[test]
fn in_the_smallest_window_nothing_over_the_picture_lies_over_another_wherever_the_own_picture_is() {
    let slow = "Your connection is slow: sound comes first, and the picture returns as it recovers.";
    let words = format!("{}: fox, cactus, balloon, anchor", text::WORDS);
    for corner in [Corner::TopLeft, Corner::TopRight, Corner::BottomLeft, Corner::BottomRight] {
        for figures_open in [false, true] {
            let mut snapshot = in_call(CallView { statistics: figures(), hint: Some(slow.into()), ..call(active()) });
            snapshot.settings.self_view = SelfView { corner, ..SelfView::default() };
            let mut window = window_of(snapshot, Local::default(), Theme::Dark, NARROW);
            window.state_mut().local.call.statistics = figures_open;
            window.run_steps(2);
            let names = [text::SELF_VIEW, &words, slow, text::HANG_UP, text::STATISTICS];
            let there: Vec<_> = names.into_iter().filter_map(|name| Some((name, window.query_by_label(name)?.rect()))).collect();
            assert_eq!(there.len(), if figures_open { 5 } else { 4 });
            for (index, (name, rect)) in there.iter().enumerate() {
                for (other, over) in &there[index + 1..] {
                    assert!(!rect.intersects(*over), "{corner:?}: {name} at {rect:?} and {other} at {over:?}");
                }
            }
        }
    }
}

#[test]
fn the_small_pictures_are_moved_and_resized_with_the_arrow_keys() {
    let mut window = window(in_call(call(active())), Local::default());
    let arrow = |window: &mut Window, name: &str, key| {
        window.get_by_label(name).focus();
        window.run_steps(2);
        press(window, Modifiers::NONE, key)
    };
    let mut view = SelfView { corner: Corner::TopRight, ..SelfView::default() };
    assert_eq!(arrow(&mut window, text::SELF_VIEW, Key::ArrowUp), [remembered(view)]);
    view.corner = Corner::TopLeft;
    assert_eq!(arrow(&mut window, text::SELF_VIEW, Key::ArrowLeft), [remembered(view)]);
    assert_eq!(arrow(&mut window, text::SELF_VIEW, Key::ArrowLeft), [], "it is there already");
    view.width += 20;
    assert_eq!(arrow(&mut window, text::RESIZE_SELF_VIEW, Key::ArrowRight), [remembered(view)]);
    view.width -= 20;
    assert_eq!(arrow(&mut window, text::RESIZE_SELF_VIEW, Key::ArrowDown), [remembered(view)]);
    let mut window = self::window(in_call(call(active())), away());
    let moved = SelfView { call_corner: Corner::BottomRight, ..SelfView::default() };
    assert_eq!(arrow(&mut window, text::CALL_PICTURE, Key::ArrowDown), [remembered(moved)]);
}

#[test]
fn the_place_of_the_own_picture_comes_from_the_settings() {
    let self_view = SelfView { corner: Corner::TopLeft, ..SelfView::default() };
    let snapshot = Snapshot { settings: Settings { self_view, ..Settings::default() }, ..in_call(call(active())) };
    let own = window(snapshot, Local::default()).get_by_label(text::SELF_VIEW).rect();
    assert!(own.right() < SIZE.x / 2.0 && own.bottom() < SIZE.y / 2.0);
}
