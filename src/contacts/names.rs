//! Names: what people call themselves, made safe to show, and whether two of them could be taken for one another.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{MixedScript, skeleton};

use super::Contact;
use super::find::KEY_START;

/// The longest name, in bytes of UTF-8.
pub const MAX_NAME: usize = 64;

/// The name of the built-in contact, which nobody else may seem to have.
pub const ECHO: &str = "Echo";

/// What somebody is called who proposes no name that could be used.
const NAMELESS: &str = "Contact";

/// So many hexadecimal letters without a digit are no name any more: Ebba and Dada are.
const NO_NAME: usize = 8;

/// More marks than this on one letter write over the lines around it. No living script stacks as many.
const MAX_MARKS: usize = 4;

/// A proposed name as it may be shown: NFKC, on one line, without characters that are invisible or turn text around, at most
/// [`MAX_NAME`] bytes. May be empty. Cleaning a clean name changes nothing.
pub fn clean(proposed: &str) -> String {
    let mut name = String::new();
    let mut marks = 0;
    // NFKC maps some visible characters to spaces and fillers, and dropping a character can bring two together that compose.
    let visible: String = proposed.nfkc().filter(|letter| !is_invisible(*letter) && !is_mark_of_trust(*letter)).collect();
    for letter in visible.nfkc() {
        marks = if is_combining_mark(letter) { marks + 1 } else { 0 };
        let letter = if letter.is_whitespace() { ' ' } else { letter };
        let repeats_space = letter == ' ' && (name.is_empty() || name.ends_with(' '));
        if marks > MAX_MARKS || repeats_space {
            continue;
        }
        if name.len() + letter.len_utf8() > MAX_NAME {
            break;
        }
        name.push(letter);
    }
    name.truncate(name.trim_end().len());
    name
}

/// Whether somebody could take one for the other: the same skeleton (UTS 39, section 4), whatever the case, spaces,
/// punctuation or accents of Latin letters.
pub fn looks_like(a: &str, b: &str) -> bool {
    shapes(a).iter().any(|shape| shapes(b).contains(shape))
}

/// Whether a word of the name mixes letters of several writing systems (UTS 39, section 5.1), as look-alikes do and names do not.
pub fn mixes_scripts(name: &str) -> bool {
    name.split(|letter: char| !letter.is_alphanumeric()).any(|word| !word.is_single_script())
}

/// The one of `contacts` that `name` could be taken for.
pub fn similar_to<'a>(name: &str, contacts: impl IntoIterator<Item = &'a Contact>) -> Option<&'a Contact> {
    contacts.into_iter().find(|contact| looks_like(name, &contact.petname) || looks_like(name, &contact.proposed_name))
}

/// Whether `name` could be taken for the built-in contact.
pub fn is_reserved(name: &str) -> bool {
    looks_like(name, ECHO)
}

/// Whether `text` is the name of the built-in contact, in any case.
pub fn is_echo(text: &str) -> bool {
    text.trim().to_lowercase() == ECHO.to_lowercase()
}

/// What somebody is called as long as we choose no petname: what they propose. But a name that reads as the start of a key could be
/// that of somebody else's, and is left out as if they had proposed none.
pub fn default_petname(proposed: &str) -> String {
    let name = clean(proposed);
    let is_hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_key = is_hex && (name.len() >= NO_NAME || name.len() >= KEY_START && name.bytes().any(|byte| byte.is_ascii_digit()));
    if name.is_empty() || is_key { NAMELESS.to_owned() } else { name }
}

/// `wanted`, or `wanted 2`, `wanted 3` … if a contact has that petname: a command names a contact by it. Never empty, never Echo.
pub fn free_petname(wanted: &str, contacts: &[Contact]) -> String {
    let wanted = match clean(wanted) {
        empty if empty.is_empty() => NAMELESS.to_owned(),
        wanted => wanted,
    };
    let is_taken = |name: &str| {
        let lower = name.to_lowercase();
        is_echo(name) || contacts.iter().any(|contact| contact.petname.to_lowercase() == lower)
    };
    let numbered = (2..).map(|number| format!("{} {number}", first_bytes(&wanted, MAX_NAME - 5)));
    std::iter::once(wanted.clone()).chain(numbered).find(|name| !is_taken(name)).expect("there are fewer contacts than numbers")
}

/// What a name looks like, in the ways that case hides: a capital I is a small l, but its small form is an i.
fn shapes(name: &str) -> [String; 2] {
    let reduce = |skeleton: String| {
        let letters = || skeleton.to_lowercase().nfd().filter(|letter| !is_accent(*letter)).collect::<String>();
        // Signs, emoji and their skin tones beside a name make no other name of it: "Ana 💙" wants to be Ana.
        let bare: String = letters().chars().filter(|letter| letter.is_alphanumeric() || is_combining_mark(*letter)).collect();
        // Capital I, small l and the digit 1 share a skeleton; small i joins them, for a name in capitals has it as I.
        if bare.is_empty() { letters() } else { bare.replace('i', "l") }
    };
    [reduce(skeleton(name).collect()), reduce(skeleton(&name.to_lowercase()).collect())]
}

fn first_bytes(text: &str, limit: usize) -> &str {
    text[..text.floor_char_boundary(limit)].trim_end()
}

fn is_accent(letter: char) -> bool {
    matches!(letter, '\u{300}'..='\u{36f}')
}

/// Ticks, seals, locks and shields: in a name they would claim what only Vesper says of a contact.
fn is_mark_of_trust(letter: char) -> bool {
    matches!(
        letter,
        '\u{2611}'
            | '\u{2705}'
            | '\u{2713}'
            | '\u{2714}'
            | '\u{1f5f8}'
            | '\u{1f5f9}'
            | '\u{1f510}'
            | '\u{1f512}'
            | '\u{1f50f}'
            | '\u{1f6e1}'
            | '\u{1f197}'
            | '\u{1f4af}'
    )
}

/// Characters without a shape of their own: controls, marks that turn or join text, fillers, variation selectors, tags, and
/// those for private use.
fn is_invisible(letter: char) -> bool {
    let format = matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffc}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    let private = matches!(letter, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    (letter.is_control() && !letter.is_whitespace()) || format || private
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contacts::PairSecret;
    use crate::identity::Identity;

    fn contact(petname: &str, proposed: &str) -> Contact {
        Contact::new(Identity::generate().public(), Some(petname), proposed, PairSecret::generate(), vec![], 0)
    }

    proptest! {
        #[test]
        fn a_clean_name_is_short_on_one_line_and_stays_as_it_is(name in any::<String>()) {
            let clean_name = clean(&name);
            prop_assert!(clean_name.len() <= MAX_NAME);
            prop_assert!(!clean_name.chars().any(|letter| is_invisible(letter) || letter.is_control()));
            prop_assert_eq!(clean_name.trim(), &clean_name);
            prop_assert_eq!(clean(&clean_name), clean_name);
        }

        #[test]
        fn every_name_looks_like_itself_and_likeness_goes_both_ways(a in any::<String>(), b in any::<String>()) {
            prop_assert!(looks_like(&a, &a));
            prop_assert_eq!(looks_like(&a, &b), looks_like(&b, &a));
        }
    }

    #[test]
    fn names_lose_what_is_invisible_or_turns_text_around_and_keep_the_rest() {
        assert_eq!(clean("  Ana\tMaria\n"), "Ana Maria");
        assert_eq!(clean("Ana\u{202e}gpj.\u{200b}exe\u{7}"), "Anagpj.exe");
        assert_eq!(clean("\u{ff21}\u{ff4e}\u{ff41}"), "Ana");
        assert_eq!(clean("Zoe\u{308}"), "Zo\u{eb}");
        assert_eq!(clean("日本 Ελένη שרה 🦊"), "日本 Ελένη שרה 🦊");
        assert_eq!(clean("\u{200b}\u{2066}\u{3164}"), "");
    }

    #[test]
    fn a_long_name_is_cut_between_characters_and_piled_up_marks_are_dropped() {
        assert_eq!(clean(&"é".repeat(100)), "é".repeat(32));
        assert_eq!(clean(&format!("x{}", "\u{336}".repeat(30))), format!("x{}", "\u{336}".repeat(MAX_MARKS)));
    }

    #[test]
    fn look_alikes_are_seen_across_scripts_case_spaces_and_accents() {
        for (a, b) in [
            ("Alice", "\u{410}lice"),
            ("Alice", "ALICE"),
            ("Alice", "AIice"),
            ("Alice", "ALlCE"),
            ("Laura", "Iaura"),
            ("Rob", "R0b"),
            ("Miriam", "Miriarn"),
            ("José", "jose"),
            ("Anna Lee", "Anna  lee."),
            ("Anna Lee", "AnnaLee"),
            ("pаypаl", "paypal"),
        ] {
            assert!(looks_like(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn emoji_skin_tones_joiners_and_selectors_make_no_other_name() {
        for (a, b) in [("Ana", "Ana 💙"), ("Ana", "A\u{fe0f}na\u{200d}"), ("Ana 👩🏽", "Ana 👩🏿"), ("👩\u{200d}🚀 Zoe", "👩🚀 Zoe")]
        {
            assert!(looks_like(&clean(a), &clean(b)), "{a} and {b}");
        }
        assert_eq!(clean("Ana ✅🔒✔\u{fe0f}"), "Ana", "only Vesper says who is verified");
    }

    #[test]
    fn a_word_of_two_alphabets_is_noticed_and_a_name_of_two_words_is_not() {
        for name in ["Аlice", "pаypаl", "Gοogle", "ЛenaA"] {
            assert!(mixes_scripts(name), "{name}");
        }
        for name in ["Alice", "Алиса", "Alice Иванова", "山田たろう", "Zoë 🦊", "René-José 2", ""] {
            assert!(!mixes_scripts(name), "{name}");
        }
    }

    #[test]
    fn different_names_are_not_alike() {
        for (a, b) in [("Anna", "Hannah"), ("Bob", "Rob"), ("Mia", "Mio"), ("🦊", "🌵"), ("日本", "日木")] {
            assert!(!looks_like(a, b), "{a} and {b}");
        }
    }

    #[test]
    fn a_request_is_compared_with_petnames_and_with_what_contacts_call_themselves() {
        let contacts = [contact("Mum", "Margaret"), contact("Bo", "Bo")];
        assert_eq!(similar_to("mum", &contacts), Some(&contacts[0]));
        assert_eq!(similar_to("Маrgаret", &contacts), Some(&contacts[0]));
        assert_eq!(similar_to("Bea", &contacts), None);
    }

    #[test]
    fn echo_is_nobody_elses_name() {
        assert!(is_reserved("echo") && is_reserved("Есhо") && is_reserved("E c h o"));
        assert!(!is_reserved("Erika"));
        assert_eq!(free_petname("echo", &[]), "echo 2");
    }

    #[test]
    fn a_proposed_name_that_reads_as_the_start_of_a_key_names_nobody() {
        for key in ["be3f", "CAFE1", "0123456789abcdef", "d3\u{200b}ad", "\u{ff21}bb4", "DeadBeef"] {
            assert_eq!(default_petname(key), NAMELESS, "{key}");
        }
        for name in ["Bea", "Abby", "beef 2", "Ada", "Ebba", "4b2"] {
            assert_eq!(default_petname(name), name);
        }
        assert_eq!(contact("beef", "Bo").petname, "beef", "what we choose ourselves is ours to choose");
    }

    #[test]
    fn a_petname_that_is_taken_gets_a_number() {
        let contacts = [contact("Bo", "Bo"), contact("Bo 2", "Bo")];
        assert_eq!(free_petname("bo", &contacts), "bo 3");
        assert_eq!(free_petname("Ana", &contacts), "Ana");
        assert_eq!(free_petname(" ", &contacts), "Contact");
        let long = "x".repeat(MAX_NAME);
        let second = free_petname(&long, &[contact(&long, "")]);
        assert!(second.len() <= MAX_NAME && second.ends_with(" 2"));
    }
}
