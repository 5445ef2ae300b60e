//! What holds for every view: a name for each thing, a way to it by keyboard, and room for it.

use std::collections::BTreeSet;

use eframe::egui::accesskit::{Action, Role};
use egui_kittest::kittest::NodeT as _;

use super::screens::{opened, screens};
use super::*;

/// What a person can do something with, as a screen reader sees it.
const INTERACTIVE: [Role; 16] = [
    Role::Button,
    Role::CheckBox,
    Role::ComboBox,
    Role::Link,
    Role::ListBoxOption,
    Role::ListItem,
    Role::MenuItem,
    Role::MultilineTextInput,
    Role::PasswordInput,
    Role::RadioButton,
    Role::SearchInput,
    Role::Slider,
    Role::SpinButton,
    Role::Switch,
    Role::Tab,
    Role::TextInput,
];

/// Number, role, name and place of each thing in a window that can be clicked or written in.
fn interactive(window: &Window) -> Vec<Thing> {
    things(window, |role| INTERACTIVE.contains(&role))
}

type Thing = (String, Role, String, eframe::egui::Rect);

/// The same of everything with such a role.
fn things(window: &Window, wanted: impl Fn(Role) -> bool) -> Vec<Thing> {
    let all = window.root().children_recursive();
    let there = all.filter(|node| {
        let node = node.accesskit_node();
        // A line of a list may only be there to be read.
        let read_only = node.role() == Role::ListItem && !node.data().supports_action(Action::Click);
        wanted(node.role()) && !read_only && !node.is_disabled() && !node.is_hidden()
    });
    let named = there.map(|node| {
        let inner = node.accesskit_node();
        let said = inner.label().or_else(|| inner.labelled_by().find_map(|label| label.value()));
        // What is only read says what it says as its value.
        let name = said.or_else(|| inner.value().filter(|_| inner.role() == Role::Label)).unwrap_or_default();
        (format!("{:?}", inner.locate().0), inner.role(), name, node.rect())
    });
    named.collect()
}

/// The screen, and the things on it that wait below a dialog.
fn with_below(view: &str, snapshot: Snapshot, local: Local, size: Vec2) -> (Window, BTreeSet<String>) {
    let below = match () {
        () if local.dialog.is_some() || local.lobby.is_some() => {
            Some((snapshot.clone(), Local { page: local.page, selected: local.selected, ..Local::default() }))
        }
        () if snapshot.address_question.is_some() => {
            Some((Snapshot { address_question: None, ..snapshot.clone() }, Local::default()))
        }
        () => None,
    };
    let below = below.map(|(snapshot, local)| things(&window_of(snapshot, local, Theme::Light, size), is_met));
    let below = below.unwrap_or_default().into_iter().map(|(id, ..)| id).collect();
    (opened(view, snapshot, local, Theme::Light, size), below)
}

#[test]
fn what_a_form_is_for_can_be_typed_at_once() {
    let forms = [
        (Snapshot { stage: Stage::Welcome, ..Snapshot::default() }, None, text::YOUR_NAME),
        (people(), Some(Dialog::AddPerson), text::INVITATION),
        (people(), Some(Dialog::Rename { key: key(2), name: "Maya".into() }), text::NAME),
    ];
    for (snapshot, dialog, field) in forms {
        let window = window(snapshot, Local { dialog, ..Local::default() });
        let focused = window.root().children_recursive().any(|node| node.is_focused());
        assert!(focused && window.get_by_label(field).is_focused(), "{field} has not the keyboard");
    }
    // What came by a link waits for a click: a key that was meant for something else must not change or send it.
    let mut add = Local { dialog: Some(Dialog::AddPerson), ..Local::default() };
    add.add.invitation = "vesper:abc".into();
    assert!(!window(people(), add).get_by_label(text::INVITATION).is_focused());
}

#[test]
fn everything_that_can_be_used_has_a_name_and_can_be_reached_by_the_tab_key() {
    let mut missing = Vec::new();
    for (view, snapshot, local, size) in screens() {
        // While a dialog asks, what lies below it waits.
        let (mut window, below) = with_below(view, snapshot, local, size);
        let mut things = interactive(&window);
        things.retain(|(id, ..)| !below.contains(id));
        assert!(!things.is_empty() || view == "starting", "{view}: nothing to do here");
        missing.extend(
            things
                .iter()
                .filter(|(.., name, _)| name.trim().is_empty())
                .map(|thing| format!("{view}: {:?} without a name", thing.1)),
        );
        let mut reached = BTreeSet::new();
        // Twice round: a menu or a list may scroll on the way.
        for _ in 0..things.len() * 2 + 4 {
            window.key_press(Key::Tab);
            window.run_steps(1);
            let focused = window.root().children_recursive().find(|node| node.is_focused());
            reached.extend(focused.map(|node| format!("{:?}", node.accesskit_node().locate().0)));
        }
        let lost = things.iter().filter(|(id, ..)| !reached.contains(id));
        missing.extend(lost.map(|(_, role, name, _)| format!("{view}: {role:?} \"{name}\" is not reached by Tab")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What lies over a page on purpose, and can be dragged away or put away, by its name and by what it is.
const FLOATING: [&str; 6] =
    [text::DISMISS, text::CALL_PICTURE, text::BACK_TO_CALL, text::MUTE, text::HANG_UP, text::RESIZE_SELF_VIEW];

const FLOATS: [Role; 2] = [Role::MenuItem, Role::Alert];

/// Whether two things cover each other; one may be a part of the other.
fn lie_over(rect: eframe::egui::Rect, over: eframe::egui::Rect) -> bool {
    let both = rect.intersect(over);
    let inside = rect.contains_rect(over) || over.contains_rect(rect);
    both.width() > 1.0 && both.height() > 1.0 && !inside
}

/// Scrolls `to` this thing, as far as it can be; then says where the others are.
fn brought(window: &mut Window, to: &str, others: [&str; 2]) -> Option<[eframe::egui::Rect; 2]> {
    let by = |window: &Window, id: &str, scroll: bool| {
        let mut nodes = window.root().children_recursive();
        let node = nodes.find(|node| format!("{:?}", node.accesskit_node().locate().0) == id)?;
        if scroll {
            node.scroll_to_me();
        }
        Some(node.rect())
    };
    by(window, to, true)?;
    window.run_steps(24);
    Some([by(window, others[0], false)?, by(window, others[1], false)?])
}

/// What is read beside what is used.
const READ: [Role; 4] = [Role::Label, Role::Heading, Role::Status, Role::Alert];

fn is_met(role: Role) -> bool {
    INTERACTIVE.contains(&role) || READ.contains(&role)
}

#[test]
fn nothing_is_cut_off_or_covered_in_the_smallest_window_nor_at_twice_the_size() {
    let mut wrong = Vec::new();
    for (view, snapshot, local, size) in screens() {
        // 1280x960 at 200 % leaves as many points as 640x480 at 100 %; the window sees to it that there are never fewer. The popup
        // has one size.
        let size = if size == incoming::SIZE { size } else { vec2(640.0, 480.0) };
        let (mut window, below) = with_below(view, snapshot, local, size);
        window.run_steps(2);
        let mut things = things(&window, is_met);
        things.retain(|(id, ..)| !below.contains(id));
        // What of a conversation is above or below its pane is drawn there no more.
        let pane = window.query_by_role_and_label(Role::List, text::CONVERSATION).map(|list| list.rect());
        if let Some(pane) = pane {
            things.retain_mut(|(_, role, name, rect)| {
                let entry =
                    *role == Role::Link || name == text::CALL_BACK || (*role == Role::ListItem && rect.left() >= pane.left());
                let in_thread = (entry || READ.contains(role)) && rect.intersects(pane);
                if in_thread {
                    *rect = rect.intersect(pane);
                }
                // What stands above the window scrolls with the conversation, as nothing else beside it does.
                let scrolled_out = !in_thread && pane.x_range().contains(rect.center().x) && (entry || rect.top() < 0.0);
                rect.height() > 1.0 && !scrolled_out
            });
        }
        for (_, role, name, rect) in &things {
            // A page scrolls up and down, never sideways.
            if rect.left() < -0.5 || rect.right() > size.x + 0.5 || rect.width() < 8.0 || rect.height() < 8.0 {
                wrong.push(format!("{view}: {role:?} \"{name}\" is at {rect:?}"));
            }
        }
        for (index, (id, role, name, rect)) in things.iter().enumerate() {
            for (other_id, other_role, other, over) in &things[index + 1..] {
                let floats = |role: Role, name: &str| FLOATS.contains(&role) || FLOATING.contains(&name);
                let fine = !lie_over(*rect, *over) || floats(*role, name) || floats(*other_role, other);
                // What is below the edge of something that scrolls is not drawn where it would be.
                if !fine
                    && [id, other_id]
                        .iter()
                        .all(|to| brought(&mut window, to, [id, other_id]).is_none_or(|at| lie_over(at[0], at[1])))
                {
                    wrong.push(format!("{view}: {role:?} \"{name}\" and {other_role:?} \"{other}\" lie over each other"));
                }
            }
        }
        let whole = eframe::egui::Rect::from_min_size(eframe::egui::Pos2::ZERO, size).expand(0.5);
        for (id, role, name, rect) in &things {
            // What is higher than the window, as a licence is, can be scrolled through.
            let high = rect.height() > size.y;
            let inside = |rect: eframe::egui::Rect| high || (rect.top() >= whole.top() && rect.bottom() <= whole.bottom());
            if !inside(*rect) && brought(&mut window, id, [id, id]).is_none_or(|at| !inside(at[0])) {
                wrong.push(format!("{view}: {role:?} \"{name}\" is at {rect:?}, and no way of scrolling leads there"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
