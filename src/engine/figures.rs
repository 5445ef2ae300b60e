//! What a call is like, second by second and as a whole, from the counters of its parts.

mod counters;
mod opinion;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;

use super::core::Core;
use super::current::Switches;
use super::report::{Process, Report};
use super::sentences;
use super::session::Session;
use super::snapshot::NoticeKind;
use crate::media::allocation::Level;
use crate::media::clock::MediaTime;
use crate::media::events::MediaEvent;
use crate::transport::{Over, PathStats};

use counters::Counters;
use opinion::{bars, experience, hint, slow};

/// The figures of one call.
#[derive(Default)]
pub struct Figures {
    /// Where a line a second goes.
    lines: Option<BufWriter<File>>,
    /// When the call was connected; all counters were zero then.
    connected: Option<MediaTime>,
    last: Option<Counters>,
    bars: u8,
    /// Height of the tallest picture so far.
    tallest: usize,
    hint: Option<&'static str>,
    shown: Option<Arc<Report>>,
    level: Level,
    /// For how many seconds the link has carried the call, and whether that was said.
    on_link: (u32, bool),
}

/// For how long a call is on the link before that is worth a word: a connection may take so long to be found.
const LINK_SECONDS: u32 = 4;

impl Figures {
    /// The call is connected: counting starts.
    pub fn begin(&mut self, core: &mut Core) {
        self.connected.get_or_insert_with(MediaTime::now);
        let Some(path) = core.options.stats.clone().filter(|_| self.lines.is_none()) else { return };
        match File::create(&path) {
            Ok(file) => self.lines = Some(BufWriter::new(file)),
            Err(error) => {
                let text = sentences::statistics_not_written(&path, &error);
                core.notices.media(MediaEvent::FileLost { text });
            }
        }
    }

    /// Takes the figures of the last second.
    pub fn second(&mut self, session: &Session, core: &mut Core) {
        let now = Counters::of(session);
        let Some(connected) = self.connected else { return };
        let second = now.since(self.last.as_ref(), self.last.as_ref().map_or(connected, |last| last.at));
        self.tallest = self.tallest.max(second.video.as_ref().map_or(0, |video| video.height));
        let experience = experience(&second, &now, self.tallest);
        self.bars = bars(&second, &experience);
        self.hint = slow(session.level()).or_else(|| hint(&second, &experience, now.busy(self.last.as_ref())));
        if std::mem::replace(&mut self.level, session.level()) != session.level() {
            core.notices.say(NoticeKind::Info, slow(session.level()).unwrap_or(sentences::FAST_AGAIN));
        }
        if let Some(text) = self.told_of_link(now.path.as_ref()) {
            core.notices.say(NoticeKind::Info, text);
        }
        if let Some(lines) = &mut self.lines {
            let mut line = second.to_json();
            line["event"] = "stats".into();
            line["unix_us"] = now.at.unix_us().into();
            if let Err(error) = writeln!(lines, "{line}").and_then(|()| lines.flush()) {
                self.lines = None;
                let text = sentences::statistics_stopped(&error);
                core.notices.media(MediaEvent::FileLost { text });
            }
        }
        self.shown = Some(Arc::new(second));
        self.last = Some(now);
    }

    /// What there is to say of what carries the call, each time once.
    fn told_of_link(&mut self, path: Option<&PathStats>) -> Option<&'static str> {
        let over = path?.over;
        let (seconds, told) = &mut self.on_link;
        if over == Over::Connection {
            *seconds = 0;
            return std::mem::take(told).then_some(sentences::OFF_LINK);
        }
        *seconds += 1;
        let say = *seconds >= LINK_SECONDS && !std::mem::replace(told, true);
        say.then_some(if over == Over::Relay { sentences::ON_RELAY } else { sentences::ON_LINK })
    }

    /// The figures of the whole call.
    pub fn whole(&self, session: &Session) -> Report {
        let now = Counters::of(session);
        match self.connected {
            Some(connected) => now.since(None, connected),
            None => Report { sealed: now.sealed.clone(), process: Process::measure(), ..Report::default() },
        }
    }

    /// 0 no data, 1 bad to 4 good.
    pub fn bars(&self) -> u8 {
        self.bars
    }

    /// The figures of the last second.
    pub fn last_second(&self) -> Option<Arc<Report>> {
        self.shown.clone()
    }

    /// What is wrong, in words.
    pub fn hint(&self, remote: Switches) -> Option<String> {
        self.hint.filter(|_| remote.camera || remote.microphone).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_a_call_stays_on_the_link_is_said_once_and_so_is_that_it_leaves_it() {
        let mut figures = Figures::default();
        let over = |over| PathStats { over, ..PathStats::default() };
        let (connection, relay) = (over(Over::Connection), over(Over::Relay));
        let mut told = |path| figures.told_of_link(Some(path));
        assert_eq!([&relay, &connection].map(&mut told), [None; 2], "a second is not worth a word");
        assert_eq!([&relay; 6].map(&mut told), [None, None, None, Some(sentences::ON_RELAY), None, None]);
        assert_eq!([&connection; 2].map(&mut told), [Some(sentences::OFF_LINK), None]);
    }
}
