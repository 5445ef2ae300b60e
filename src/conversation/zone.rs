//! Local time from the system's time zone file (TZif, RFC 9636), for the small print under a text.

/// The offsets from UTC of one place, past and to come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone {
    /// From when (Unix seconds) which offset (seconds east of UTC) holds; in order.
    changes: Vec<(i64, i32)>,
    /// What holds before the first of them.
    first: i32,
    /// What holds after the last of them.
    rule: Option<Rule>,
}

/// A moment as the clock and the calendar on the wall show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// Days since 1 January 1970, to tell today from yesterday.
    pub day_number: i64,
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 is Monday.
    pub weekday: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

/// The part of a POSIX TZ string that Vesper reads: a standard time and, if there is one, a summer time by months and weekdays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    standard: i32,
    summer: Option<(i32, Turn, Turn)>,
}

/// `Mmonth.week.day/time`: the week 5 is the last one, the day 0 is Sunday, the time is seconds after midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Turn {
    month: u8,
    week: u8,
    day: u8,
    time: i32,
}

impl Zone {
    /// Reads the bytes of a TZif file; none if they are no such file.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = Header::read(bytes)?;
        if header.version == 0 {
            return header.body(rest, 4).map(|(zone, _)| zone);
        }
        // The second body has times of eight bytes; the first is for old readers.
        let (header, rest) = Header::read(rest.get(header.length(4)..)?)?;
        let (zone, footer) = header.body(rest, 8)?;
        let footer = std::str::from_utf8(footer.strip_prefix(b"\n")?).ok()?;
        Some(Self { rule: Rule::read(footer.split('\n').next()?), ..zone })
    }

    /// What the wall says at `unix_ms`.
    pub fn at(&self, unix_ms: u64) -> LocalTime {
        let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX / 2).min(1 << 40);
        let local = seconds + i64::from(self.offset(seconds));
        let (day_number, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil(day_number);
        LocalTime {
            day_number,
            year,
            month,
            day,
            weekday: (day_number + 3).rem_euclid(7) as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
        }
    }

    fn offset(&self, seconds: i64) -> i32 {
        let after = self.changes.partition_point(|(from, _)| *from <= seconds);
        match (&self.rule, after) {
            (Some(rule), after) if after == self.changes.len() => rule.offset(seconds),
            (_, 0) => self.first,
            (_, after) => self.changes[after - 1].1,
        }
    }
}

struct Header {
    version: u8,
    counts: [usize; 6],
}

impl Header {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (header, rest) = bytes.split_first_chunk::<44>()?;
        let counts = std::array::from_fn(|n| {
            let at = 20 + 4 * n;
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]) as usize
        });
        header.starts_with(b"TZif").then_some((Self { version: header[4], counts }, rest))
    }

    fn length(&self, time: usize) -> usize {
        let [utc, standard, leaps, times, types, chars] = self.counts;
        times * (time + 1) + types * 6 + chars + leaps * (time + 4) + standard + utc
    }

    fn body<'a>(&self, bytes: &'a [u8], time: usize) -> Option<(Zone, &'a [u8])> {
        let [.., times, types, _] = self.counts;
        let (body, footer) = bytes.split_at_checked(self.length(time))?;
        let (moments, body) = body.split_at_checked(times * time)?;
        let (kinds, body) = body.split_at_checked(times)?;
        let offset = |kind: usize| Some(i32::from_be_bytes(*body.get(..types * 6)?.get(kind * 6..)?.first_chunk()?));
        let moment = |bytes: &[u8]| match time {
            4 => i64::from(i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])),
            _ => i64::from_be_bytes(*bytes.first_chunk().expect("chunks of eight")),
        };
        let changes = moments.chunks_exact(time).zip(kinds).map(|(at, kind)| Some((moment(at), offset(usize::from(*kind))?)));
        Some((Zone { changes: changes.collect::<Option<_>>()?, first: offset(0)?, rule: None }, footer))
    }
}

impl Rule {
    fn read(text: &str) -> Option<Self> {
        let mut text = text;
        name(&mut text)?;
        let standard = -offset(&mut text)?;
        if text.is_empty() {
            return Some(Self { standard, summer: None });
        }
        name(&mut text)?;
        let summer = if text.starts_with(',') { standard + 3600 } else { -offset(&mut text)? };
        let mut turns = text.strip_prefix(',')?.split(',').map(Turn::read);
        Some(Self { standard, summer: Some((summer, turns.next()??, turns.next()??)) })
    }

    fn offset(&self, seconds: i64) -> i32 {
        let Some((summer, start, end)) = self.summer else { return self.standard };
        let (year, ..) = civil((seconds + i64::from(self.standard)).div_euclid(86_400));
        let start = start.at(year) - i64::from(self.standard);
        let end = end.at(year) - i64::from(summer);
        // South of the equator the summer goes over the turn of the year.
        let is_summer = if start < end { (start..end).contains(&seconds) } else { !(end..start).contains(&seconds) };
        if is_summer { summer } else { self.standard }
    }
}

impl Turn {
    fn read(text: &str) -> Option<Self> {
        let (date, time) = text.split_once('/').unwrap_or((text, "2"));
        let mut numbers = date.strip_prefix('M')?.split('.').map(|number| number.parse().ok());
        let turn = Self { month: numbers.next()??, week: numbers.next()??, day: numbers.next()??, time: offset(&mut { time })? };
        ((1..=12).contains(&turn.month) && (1..=5).contains(&turn.week) && turn.day < 7).then_some(turn)
    }

    /// Local seconds since 1970 in `year`.
    fn at(&self, year: i64) -> i64 {
        let first = days(year, self.month);
        let next = if self.month == 12 { days(year + 1, 1) } else { days(year, self.month + 1) };
        // 1 January 1970 was a Thursday, the fourth day after Sunday.
        let to_weekday = (i64::from(self.day) - (first + 4)).rem_euclid(7);
        let mut day = first + to_weekday + 7 * (i64::from(self.week) - 1);
        if day >= next {
            day -= 7;
        }
        day * 86_400 + i64::from(self.time)
    }
}

/// Takes the name of a time off: letters, or anything between < and >.
fn name(text: &mut &str) -> Option<()> {
    let end = match text.strip_prefix('<') {
        Some(rest) => rest.find('>')? + 2,
        None => text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()),
    };
    *text = text.get(end..)?;
    (end > 0).then_some(())
}

/// Takes `[+-]h[:m[:s]]` off, in seconds.
fn offset(text: &mut &str) -> Option<i32> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '-' | ':'))).unwrap_or(text.len());
    let (mine, rest) = text.split_at(end);
    *text = rest;
    let (sign, digits) = match mine.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, mine.trim_start_matches('+')),
    };
    let mut seconds = 0;
    for (part, unit) in digits.split(':').zip([3600, 60, 1]) {
        seconds += part.parse::<u16>().ok().map(i32::from)? * unit;
    }
    Some(sign * seconds)
}

/// Year, month and day of a day since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(day_number: i64) -> (i64, u8, u8) {
    let z = day_number + 719_468;
    let (era, of_era) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    (year_of_era + era * 400 + i64::from(month <= 2), month as u8, day as u8)
}

/// The day since 1970 on which a month begins.
fn days(year: i64, month: u8) -> i64 {
    let (year, month) = (if month <= 2 { year - 1 } else { year }, i64::from(month));
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clock(zone: &Zone, unix: u64) -> String {
        let at = zone.at(unix * 1000);
        format!("{}-{:02}-{:02} {:02}:{:02} {}", at.year, at.month, at.day, at.hour, at.minute, at.weekday)
    }

    /// A file as RFC 9636 appendix B has it: one change, then a rule.
    fn file(footer: &str) -> Vec<u8> {
        let header = |times: u8| [b"TZif2".as_slice(), &[0; 15], &[0; 15], &[times, 0, 0, 0, 2, 0, 0, 0, 4]].concat();
        let kinds = [&[0, 0, 0, 0, 0, 0][..], &3600i32.to_be_bytes(), &[0, 0], b"CET\0"].concat();
        let second = [&1_000_000i64.to_be_bytes()[..], &[1], &kinds, footer.as_bytes()].concat();
        [header(0), kinds.clone(), header(1), second].concat()
    }

    #[test]
    fn without_a_file_it_is_utc() {
        assert_eq!(clock(&Zone::default(), 1_790_000_000), "2026-09-21 14:13 0");
        assert_eq!(clock(&Zone::default(), 951_782_400), "2000-02-29 00:00 1");
    }

    #[test]
    fn a_file_holds_its_changes_and_then_its_rule() {
        let zone = Zone::read(&file("\nCET-1CEST,M3.5.0,M10.5.0/3\n")).unwrap();
        assert_eq!(clock(&zone, 999_999), "1970-01-12 13:46 0");
        // The last Sunday of March and of October 2026, one second before and at one o'clock UTC.
        assert_eq!(clock(&zone, 1_774_745_999), "2026-03-29 01:59 6");
        assert_eq!(clock(&zone, 1_774_746_000), "2026-03-29 03:00 6");
        assert_eq!(clock(&zone, 1_792_889_999), "2026-10-25 02:59 6");
        assert_eq!(clock(&zone, 1_792_890_000), "2026-10-25 02:00 6");
    }

    #[test]
    fn summer_in_the_south_goes_over_the_turn_of_the_year() {
        let zone = Zone::read(&file("\nAEST-10AEDT,M10.1.0,M4.1.0/3\n")).unwrap();
        assert_eq!(clock(&zone, 1_768_435_200), "2026-01-15 11:00 3");
        assert_eq!(clock(&zone, 1_784_073_600), "2026-07-15 10:00 2");
    }

    #[test]
    fn zones_without_summer_and_with_odd_names_are_read() {
        assert_eq!(Rule::read("<+0545>-5:45"), Some(Rule { standard: 20_700, summer: None }));
        assert_eq!(Rule::read("UTC0"), Some(Rule { standard: 0, summer: None }));
        assert_eq!(Rule::read("EST5EDT,M3.2.0,M11.1.0").and_then(|rule| rule.summer).map(|summer| summer.0), Some(-14_400));
        assert_eq!(Rule::read(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_tell_a_time(cut in 0usize..160, flips in prop::collection::vec((0usize..160, any::<u8>()), 0..6), at: u64) {
            let mut bytes = file("\nCET-1CEST,M3.5.0,M10.5.0/3\n");
            bytes.truncate(cut.max(44));
            for (place, with) in flips {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= with;
                }
            }
            if let Some(zone) = Zone::read(&bytes) {
                let at = zone.at(at);
                prop_assert!(at.hour < 24 && at.minute < 60 && at.weekday < 7 && (1..=31).contains(&at.day));
            }
        }
    }
}
