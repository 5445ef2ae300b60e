//! The tree keeps its layers: what may import what, who may name which crate, and who may read the clock.
//!
//! Reads the sources token by token, so comments and strings do not count, and leaves out what is `#[cfg(test)]`.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// Each top module and what of ours it may import: `a` stands for all of `a`, `a::b` for that part alone. All of it stands above, as in
/// the maps of `lib.rs` and the readme.
const LAYERS: &[(&str, &[&str])] = &[
    ("identity", &[]),
    ("settings", &[]),
    ("contacts", &["identity", "settings"]),
    ("signal", &["identity", "contacts"]),
    ("conversation", &["identity", "contacts", "signal"]),
    ("e2ee", &["identity"]),
    ("call", &["identity", "contacts", "signal", "e2ee"]),
    ("media", &["e2ee"]),
    ("transport", &["identity", "signal", "media"]),
    ("engine", &["identity", "settings", "contacts", "signal", "conversation", "e2ee", "call", "media", "transport"]),
    ("headless", &["identity", "settings", "contacts", "signal", "conversation", "e2ee", "call", "media", "transport", "engine"]),
    ("ui", &["settings", "media::frame", "media::place", "media::clock", "engine::command", "engine::snapshot"]),
];

/// Crates that one place wraps, and that place: the rest of the tree does not know that they exist.
const WRAPPED: &[(&[&str], &[&str])] = &[
    (&["webrtc", "rtc"], &["transport"]),
    (&["iroh", "iroh_mdns_address_lookup", "noq_proto"], &["signal"]),
    (&["egui", "eframe", "egui_kittest"], &["ui", "main"]),
    (&["nokhwa"], &["media::camera"]),
    (&["cpal"], &["media::microphone", "media::speaker", "media::sound_devices", "media::sound_keeper"]),
    (
        &["openh264", "openh264_sys2", "opus", "sonora", "nnnoiseless", "rtrb", "yuv", "fast_image_resize", "zune_jpeg", "hound"],
        &["media"],
    ),
    (&["redb"], &["contacts", "conversation"]),
    (&["clap"], &["headless", "main"]),
    (&["x11_dl"], &["headless::window"]),
];

/// Modules that are rules only: no runtime, no device, and `now` is an argument.
const PURE: &[&str] = &[
    "call",
    "e2ee",
    "signal::message",
    "signal::knock::protocol",
    "signal::rate",
    "signal::sources",
    "signal::ticket",
    "conversation::allowance",
    "conversation::entry",
    "conversation::links",
    "conversation::order",
    "conversation::outbox",
    "conversation::thread",
    "conversation::version",
    "conversation::zone",
    "contacts::admission",
    "contacts::invitation",
    "contacts::names",
    "media::allocation",
    "media::audio_jitter",
    "media::audio_payload",
    "media::audio_playout",
    "media::clock_offset",
    "media::content",
    "media::cushion",
    "media::delay_histogram",
    "media::delay_target",
    "media::fragment",
    "media::frame",
    "media::lateness",
    "media::level",
    "media::lip_sync",
    "media::nal",
    "media::pace",
    "media::quality",
    "media::rate",
    "media::repair",
    "media::sample_clock",
    "media::time_stretch",
    "media::video_jitter",
    "media::video_playout",
    "transport::bandwidth",
    "transport::loss_runs",
    "transport::nack",
    "transport::numbers",
    "transport::pacer",
    "transport::parity",
    "transport::protection",
    "transport::standstill",
    "engine::reach",
    "engine::rings",
    "engine::words",
];

/// What lies among pure modules and is compiled for tests alone.
const FOR_TESTS: &str = "transport::bandwidth::link";

/// What pure modules never name.
const EFFECTS: &[&str] =
    &["tokio", "webrtc", "rtc", "iroh", "cpal", "nokhwa", "egui", "eframe", "std::net::UdpSocket", "std::fs", "std::thread"];

const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "MediaTime::now"];

#[test]
fn no_arrow_points_up() {
    let broken = check_all(|module, path| {
        let target = path.strip_prefix("crate::")?;
        let own = top(module);
        if own == "main" || own == "lib" || top(target) == own {
            return None;
        }
        let allowed = LAYERS.iter().find(|(name, _)| *name == own).map_or(&[][..], |(_, allowed)| allowed);
        (!allowed.iter().any(|layer| within(target, layer))).then(|| format!("{module} imports {target}"))
    });
    assert_eq!(broken, [""; 0], "lower layers know nothing of higher ones");
}

#[test]
fn every_top_module_has_its_layer() {
    let unknown: Vec<_> = sources()
        .into_iter()
        .map(|(module, _)| top(&module).to_owned())
        .filter(|name| name != "main" && name != "lib" && !LAYERS.iter().any(|(layer, _)| layer == name))
        .collect();
    assert_eq!(unknown, [""; 0], "say in LAYERS what these may import");
}

#[test]
fn a_layer_may_import_only_what_stands_above_it() {
    let mut wrong = Vec::new();
    for (at, (layer, allowed)) in LAYERS.iter().enumerate() {
        let above = |name: &str| LAYERS[..at].iter().any(|(other, _)| *other == top(name));
        wrong.extend(allowed.iter().filter(|name| !above(name)).map(|name| format!("{layer} may import {name}")));
    }
    assert_eq!(wrong, [""; 0], "the order is the one in which the code is read");
}

#[test]
fn every_name_in_these_lists_is_that_of_a_module() {
    let modules: Vec<String> = sources().into_iter().map(|(module, _)| module).collect();
    let layers = LAYERS.iter().flat_map(|(layer, allowed)| allowed.iter().chain([layer]));
    let wrapped = WRAPPED.iter().flat_map(|(_, places)| places.iter());
    let names = layers.chain(wrapped).chain(PURE).chain([&FOR_TESTS]).copied();
    let unknown: Vec<&str> = names.filter(|name| !modules.iter().any(|module| within(module, name))).collect();
    assert_eq!(unknown, [""; 0], "a rule about a module that is not there holds nothing");
}

#[test]
fn each_big_crate_is_named_in_one_place_only() {
    let broken = check_all(|module, path| {
        let (_, places) = WRAPPED.iter().find(|(crates, _)| crates.contains(&top(path)))?;
        (!places.iter().any(|place| within(module, place))).then(|| format!("{module} names {path}"))
    });
    assert_eq!(broken, [""; 0], "only the module that wraps a crate names it");
}

#[test]
fn rules_have_no_effects() {
    let broken = check_all(|module, path| {
        (is_pure(module) && EFFECTS.iter().any(|effect| within(path, effect))).then(|| format!("{module} names {path}"))
    });
    assert_eq!(broken, [""; 0], "rules here, effects there");
}

#[test]
fn rules_never_read_the_clock() {
    let broken = check_all(|module, path| {
        let clock = CLOCKS.iter().any(|clock| path == *clock || path.ends_with(&format!("::{clock}")));
        (is_pure(module) && clock).then(|| format!("{module} calls {path}"))
    });
    assert_eq!(broken, [""; 0], "`now` is an argument");
}

#[test]
fn no_file_is_two_things() {
    let length = |(module, source): (String, String)| (source.lines().count(), module);
    let long: Vec<_> = sources().into_iter().map(length).filter(|(lines, _)| *lines > 500).collect();
    assert_eq!(long, [], "over 500 lines: likely two things, each with a name of its own");
}

/// Every path in every source, put to `broken`; what it complains of, sorted.
fn check_all(broken: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for (module, source) in sources() {
        complaints.extend(paths(&module, &source).iter().filter_map(|path| broken(&module, path)));
    }
    complaints.sort();
    complaints.dedup();
    complaints
}

fn is_pure(module: &str) -> bool {
    module != FOR_TESTS && PURE.iter().any(|rules| within(module, rules))
}

/// The first segment of a path.
fn top(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

/// Whether `path` is `part` or lies below it.
fn within(path: &str, part: &str) -> bool {
    path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Every module by its path, `media::frame`, and its text; without files of tests, which are named `tests.rs`.
fn sources() -> Vec<(String, String)> {
    let root = root();
    files(&root)
        .into_iter()
        .map(|file| {
            let module = file.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().replace('/', "::");
            (module, fs::read_to_string(&file).unwrap())
        })
        .filter(|(module, _)| !module.ends_with("::tests"))
        .collect()
}

/// Every path that `source` names outside its tests, groups taken apart and `self` and `super` resolved: `crate::media::frame::Frame`.
fn paths(module: &str, source: &str) -> Vec<String> {
    let stream: TokenStream = source.parse().expect("the compiler reads it, so it is Rust");
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let continues = at > 0 && tokens[at - 1] == "::";
        let starts = is_name(&tokens[at]) && !continues && tokens.get(at + 1).is_some_and(|next| next == "::");
        // `use<'a>` says what a type captures; it imports nothing.
        if starts || (at > 0 && tokens[at - 1] == "use" && tokens[at] != "<") {
            at = read_path(&tokens, at, &mut Vec::new(), &mut found);
        } else {
            at += 1;
        }
    }
    found.into_iter().map(|path| resolve(module, path)).collect()
}

/// Reads the path at `at`, and each branch of a group, into `found`; returns where it ends.
fn read_path(tokens: &[String], mut at: usize, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let shared = prefix.len();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("::") => at += 1,
            Some("{") => {
                at += 1;
                while tokens[at] != "}" {
                    at = if tokens[at] == "," { at + 1 } else { read_path(tokens, at, prefix, found) };
                }
                prefix.truncate(shared);
                return at + 1;
            }
            Some(token) if is_name(token) || token == "*" => {
                prefix.push(token.to_owned());
                at += 1;
                if tokens.get(at).is_none_or(|next| next != "::") {
                    break;
                }
            }
            _ => break,
        }
    }
    found.push(prefix.clone());
    prefix.truncate(shared);
    // `use a as b`: the new name is no path.
    if tokens.get(at).is_some_and(|token| token == "as") { at + 2 } else { at.max(1) }
}

/// Turns `self` and `super` at the start of `path` into the module that they mean in `module`.
fn resolve(module: &str, path: Vec<String>) -> String {
    let mut here: Vec<&str> = if module == "lib" { Vec::new() } else { module.split("::").collect() };
    let mut rest = path.as_slice();
    let relative = matches!(rest.first().map(String::as_str), Some("self" | "super"));
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "self" => {}
            "super" => drop(here.pop()),
            _ => break,
        }
        rest = after;
    }
    let start = if relative { ["crate"].iter().chain(&here).map(ToString::to_string).collect() } else { Vec::new() };
    start.into_iter().chain(rest.iter().cloned()).collect::<Vec<_>>().join("::")
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The tokens of `stream` in order, `::` as one, without literals and without what is `#[cfg(test)]`.
fn flatten(stream: TokenStream, out: &mut Vec<String>) {
    let mut trees = stream.into_iter().peekable();
    let mut skip_item = false;
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket && group.stream().to_string() == "cfg (test)" => {
                skip_item = true;
            }
            TokenTree::Group(group) => {
                let brace = group.delimiter() == Delimiter::Brace;
                if !skip_item {
                    let (open, close) = if brace { ("{", "}") } else { ("(", ")") };
                    out.push(open.to_owned());
                    flatten(group.stream(), out);
                    out.push(close.to_owned());
                }
                skip_item &= !brace;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint => {
                trees.next();
                if !skip_item {
                    out.push("::".to_owned());
                }
            }
            TokenTree::Punct(punct) => {
                if !skip_item {
                    out.push(punct.as_char().to_string());
                }
                skip_item &= punct.as_char() != ';';
            }
            TokenTree::Ident(ident) if !skip_item => out.push(ident.to_string()),
            TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
    }
}

mod the_reader {
    use super::paths;

    #[test]
    fn takes_groups_apart() {
        let source = "use crate::{call::{self, state::CallState}, media::*}; fn f() { std::fs::read(x); }";
        assert_eq!(
            paths("ui", source),
            ["crate::call::self", "crate::call::state::CallState", "crate::media::*", "std::fs::read"]
        );
    }

    #[test]
    fn resolves_where_super_points() {
        assert_eq!(paths("media::frame", "use super::clock::MediaTime;"), ["crate::media::clock::MediaTime"]);
        assert_eq!(paths("media::frame", "use super::super::engine::Engine;"), ["crate::engine::Engine"]);
        assert_eq!(paths("media", "use self::frame::Frame;"), ["crate::media::frame::Frame"]);
    }

    #[test]
    fn leaves_out_comments_strings_and_tests() {
        let source = r#"
            //! [`crate::ui`]
            /* crate::ui */ const URL: &str = "crate::ui";
            #[cfg(test)]
            use crate::ui::View;
            #[cfg(test)]
            mod tests { use crate::ui::View; }
            use a::b;
        "#;
        assert_eq!(paths("call", source), ["a::b"]);
    }

    #[test]
    fn sees_a_crate_that_is_used_whole() {
        assert_eq!(paths("engine", "use iroh; use webrtc as w; let x = y;"), ["iroh", "webrtc"]);
    }
}
