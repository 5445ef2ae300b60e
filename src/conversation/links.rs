//! The links in a text, and what is suspicious about where they lead.
//!
//! A link is inert text until somebody opens it, and then they see the host it really leads to, not what the text around it
//! says. Only `https://` and `http://` count; nothing else that a peer sends is ever handed to the system.

use std::ops::Range;

use unicode_security::MixedScript;

/// A link in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The bytes of the text that are the link.
    pub range: Range<usize>,
    pub host: String,
    pub warning: Option<Warning>,
}

/// Why a host may not be the one it looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// It is spelled in punycode (RFC 3492): what a browser shows may look like another name.
    Punycode,
    /// It mixes scripts, as Latin and Cyrillic letters that look alike (UTS 39, section 5).
    MixedScripts,
    /// It is written with letters outside ASCII, or is not a name that a host can have.
    NotAscii,
    /// Something before an @ stands where the host seems to be (RFC 3986, 3.2.1).
    UserPart,
}

/// All links in `text`, in order.
pub fn find(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    let mut from = 0;
    while let Some(start) = next_scheme(text, from) {
        let end = end_of(text, start);
        from = end;
        if let Some((host, warning)) = host(&text[start..end]) {
            links.push(Link { range: start..end, host, warning });
        }
    }
    links
}

/// The host that `url` leads to, and what is suspicious about it; nothing if it is no link.
pub fn host(url: &str) -> Option<(String, Option<Warning>)> {
    let rest = SCHEMES
        .iter()
        .find_map(|scheme| url.get(..scheme.len()).filter(|s| s.eq_ignore_ascii_case(scheme)).map(|_| &url[scheme.len()..]))?;
    // A browser takes a backslash for a slash (WHATWG URL, 4.4).
    let authority = &rest[..rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len())];
    let (user, host_and_port) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let host = match host_and_port.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host_and_port.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() {
        return None;
    }
    let host = host.to_lowercase();
    let warning = if user.is_some() {
        Some(Warning::UserPart)
    } else if host.split('.').any(|label| label.starts_with("xn--")) {
        Some(Warning::Punycode)
    } else if !host.split('.').all(|label| label.is_single_script()) {
        Some(Warning::MixedScripts)
    } else {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
        (!host.chars().all(plain)).then_some(Warning::NotAscii)
    };
    Some((host, warning))
}

const SCHEMES: [&str; 2] = ["https://", "http://"];

fn next_scheme(text: &str, from: usize) -> Option<usize> {
    let mut from = from;
    while let Some(at) = text[from..].find("://").map(|at| from + at) {
        let start = SCHEMES.iter().filter_map(|scheme| at.checked_sub(scheme.len() - 3)).find(|start| {
            text.get(*start..at + 3).is_some_and(|found| SCHEMES.iter().any(|scheme| found.eq_ignore_ascii_case(scheme)))
                && !text[..*start].ends_with(|c: char| c.is_alphanumeric())
        });
        if let Some(start) = start {
            return Some(start);
        }
        from = at + 3;
    }
    None
}

/// Where a link that begins at `start` ends: before a space or a quote, without the punctuation of the sentence around it.
fn end_of(text: &str, start: usize) -> usize {
    let stops = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | '`' | '“' | '”');
    let mut link = &text[start..start + text[start..].find(stops).unwrap_or(text.len() - start)];
    loop {
        let unopened = link.ends_with(')') && link.matches(')').count() > link.matches('(').count();
        let shorter =
            link.strip_suffix(['.', ',', ';', ':', '!', '?', '\'', '…']).or(if unopened { link.strip_suffix(')') } else { None });
        match shorter {
            Some(shorter) => link = shorter,
            None => return start + link.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<&str> {
        find(text).into_iter().map(|link| &text[link.range]).collect()
    }

    #[test]
    fn links_end_where_the_sentence_goes_on() {
        let cases: [(&str, &[&str]); 9] = [
            ("see https://vesper.example/a?b=c#d.", &["https://vesper.example/a?b=c#d"]),
            ("(http://a.example)", &["http://a.example"]),
            ("https://en.example/wiki/X_(y), then", &["https://en.example/wiki/X_(y)"]),
            ("HTTPS://A.example and http://b.example!", &["HTTPS://A.example", "http://b.example"]),
            ("“https://a.example”", &["https://a.example"]),
            ("javascript:alert(1) file:///etc/passwd ftp://a.example vesper:abc", &[]),
            ("xhttps://a.example", &[]),
            ("https://", &[]),
            ("no link", &[]),
        ];
        for (text, wanted) in cases {
            assert_eq!(found(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_host_is_the_one_that_a_browser_would_go_to() {
        let cases = [
            ("https://Example.ORG:8080/x", "example.org", None),
            ("http://10.0.0.1/", "10.0.0.1", None),
            ("https://[2001:db8::1]:80/", "2001:db8::1", None),
            ("https://my-bank.example@evil.example/login", "evil.example", Some(Warning::UserPart)),
            ("https://evil.example\\@my-bank.example/", "evil.example", None),
            ("https://xn--pple-43d.com/", "xn--pple-43d.com", Some(Warning::Punycode)),
            ("https://www.xn--80ak6aa92e.com", "www.xn--80ak6aa92e.com", Some(Warning::Punycode)),
            ("https://раypal.com", "раypal.com", Some(Warning::MixedScripts)),
            ("https://яндекс.рф/", "яндекс.рф", Some(Warning::NotAscii)),
            ("https://bücher.example", "bücher.example", Some(Warning::NotAscii)),
            ("https://example.org\u{2044}evil", "example.org\u{2044}evil", Some(Warning::NotAscii)),
        ];
        for (url, wanted, warning) in cases {
            assert_eq!(host(url), Some((wanted.to_owned(), warning)), "{url}");
        }
        for none in ["mailto:a@b.example", "https://", "https://:80", "example.org"] {
            assert_eq!(host(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_searched_without_a_panic_and_links_lie_in_it_in_order(text in "(https?://|[a-zé@.:/\\\\ ()\\[\\]“”-]|\\PC){0,40}") {
            let mut end = 0;
            for link in find(&text) {
                prop_assert!(link.range.start >= end && text.is_char_boundary(link.range.start));
                prop_assert!(host(&text[link.range.clone()]).is_some());
                end = link.range.end;
            }
        }
    }
}
