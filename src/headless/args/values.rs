//! What the values of options look like, and the sentence for one that does not look so.

use std::str::FromStr;
use std::time::Duration;

use super::Names;
use crate::engine::options::{is_ice_server, is_relay_url};

/// A script whose variable is empty must not open the door to everybody.
pub fn parse_names(text: &str) -> Result<Names, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    match names.iter().any(String::is_empty) {
        true => Err("a name is missing; for all contacts, write --auto alone".into()),
        false => Ok(Names(names)),
    }
}

/// A link, as a browser hands it over. What is no link may be a command that was mistyped.
pub fn parse_link(text: &str) -> Result<String, String> {
    match is_link(text) {
        true => Ok(text.into()),
        false => Err("this is neither a command (`vesper help` lists them) nor a link, which starts with vesper:".into()),
    }
}

/// Whether `text` may be an invitation: the longest that the form takes, and nothing that a terminal would obey.
pub fn is_link(text: &str) -> bool {
    let scheme = text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("vesper:"));
    scheme && text.len() <= 4096 && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

pub fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let (width, height) = text.split_once('x').ok_or("a size looks like 1280x720")?;
    let side = |text: &str| usize::from_str(text).map_err(|_| "a size looks like 1280x720".to_owned());
    match (side(width)?, side(height)?) {
        (width, height) if !(64..=1920).contains(&width) || !(64..=1080).contains(&height) => {
            Err("sizes from 64x64 to 1920x1080 can be sent".into())
        }
        (width, height) if width % 2 != 0 || height % 2 != 0 => Err("both sides must be even".into()),
        size => Ok(size),
    }
}

/// Seconds of a call. More than a year is a slip of the finger, and would overflow the clock.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    const MOST: f64 = 366.0 * 86_400.0;
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds looks like 10 or 2.5".to_owned())?;
    if !(0.0..=MOST).contains(&seconds) {
        return Err("give a time between 0 seconds and one year".into());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// In less than a second, nothing that could be judged comes back.
pub fn parse_check_seconds(text: &str) -> Result<Duration, String> {
    parse_seconds(text).and_then(|seconds| match seconds.as_secs() {
        0 => Err("a check takes at least a second".into()),
        _ => Ok(seconds),
    })
}

pub fn parse_relay(text: &str) -> Result<String, String> {
    match is_relay_url(text) {
        true => Ok(text.into()),
        false => Err("a relay looks like https://relay.example".into()),
    }
}

pub fn parse_ice_server(text: &str) -> Result<String, String> {
    match is_ice_server(text) {
        true => Ok(text.into()),
        false => Err("a server looks like stun:HOST[:PORT] or turn:USER:PASSWORD@HOST[:PORT]".into()),
    }
}

pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| "a time looks like 30m, 24h or 7d".to_owned())?;
    let unit = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "" | "h" => 3600,
        "d" => 86_400,
        _ => return Err("a time looks like 30m, 24h or 7d".into()),
    };
    match number.checked_mul(unit) {
        Some(seconds @ 1..=2_592_000) => Ok(Duration::from_secs(seconds)),
        _ => Err("an invitation is valid for one second to 30 days".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_out_of_range_are_refused() {
        assert!(parse_check_seconds("0.9").is_err() && parse_check_seconds("1").is_ok());
        for text in ["1280", "0x0", "1281x720", "4000x3000", "axb"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(parse_size("640x360"), Ok((640, 360)));
        for text in ["", "h", "0h", "31d", "5y", "99999999999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_duration("90m"), Ok(Duration::from_secs(5400)));
        for text in ["", "-1", "nan", "inf", "1e300", "soon"] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
        assert_eq!(parse_seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}
