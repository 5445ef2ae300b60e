//! From what both ends wrote down to figures: pure, so that the same files always give the same figures.

use std::collections::HashMap;

use serde_json::Value;

/// A gap between pictures that a person calls frozen.
const FREEZE_US: i64 = 200_000;

/// What one end wrote down in a call. Times are Unix microseconds.
#[derive(Debug, Default)]
pub struct End {
    /// Pictures that were taken, and those that were shown, each with its number where one could be read.
    pub captured: Vec<(i64, Option<u16>)>,
    pub shown: Vec<(i64, Option<u16>)>,
    /// A line a second.
    pub seconds: Vec<Value>,
    /// What was printed.
    pub events: Vec<Value>,
}

/// The part of a call that counts.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub from: i64,
    pub to: i64,
}

impl Window {
    pub fn seconds(self) -> f64 {
        (self.to - self.from) as f64 / 1e6
    }

    fn holds(self, at: i64) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// A part of it, in seconds from its beginning.
    pub fn part(self, from: f64, to: f64) -> Self {
        Self { from: self.from + (from * 1e6) as i64, to: self.from + (to * 1e6) as i64 }
    }
}

impl End {
    /// Reads a trace (`event,unix_us,marker,width,height`), a line of statistics a second, and what was printed.
    pub fn read(trace: &str, statistics: &str, events: Vec<Value>) -> Self {
        let mut end = Self { events, ..Self::default() };
        for line in trace.lines() {
            let mut fields = line.split(',');
            let (Some(event), Some(at), Some(marker)) = (fields.next(), fields.next(), fields.next()) else { continue };
            let Ok(at) = at.parse() else { continue };
            let list = if event == "shown" { &mut end.shown } else { &mut end.captured };
            list.push((at, marker.parse().ok()));
        }
        end.seconds = statistics.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        end
    }

    /// When an event was first printed.
    pub fn first(&self, event: &str) -> Option<i64> {
        self.events.iter().find(|line| line["event"] == event)?["unix_us"].as_i64()
    }

    /// Pictures shown a second.
    pub fn fps(&self, window: Window) -> f64 {
        self.shown.iter().filter(|(at, _)| window.holds(*at)).count() as f64 / window.seconds()
    }

    /// Each time between two pictures, at its end; the edges of the window count as pictures. In µs.
    pub fn gaps(&self, window: Window) -> Vec<(i64, i64)> {
        let mut last = window.from;
        let shown = self.shown.iter().map(|(at, _)| *at).filter(|at| window.holds(*at));
        shown.chain([window.to]).map(|at| (at, at - std::mem::replace(&mut last, at))).collect()
    }

    /// How long the picture stood still, in seconds.
    pub fn frozen(&self, window: Window) -> f64 {
        self.gaps(window).iter().map(|(_, gap)| *gap).filter(|gap| *gap > FREEZE_US).sum::<i64>() as f64 / 1e6
    }

    pub fn longest_gap(&self, window: Window) -> f64 {
        self.gaps(window).iter().map(|(_, gap)| *gap).max().unwrap_or(0) as f64 / 1e6
    }

    /// A figure of each second of the window that has it, by its JSON pointer: when, and its value.
    pub fn each_second(&self, window: Window, pointer: &str) -> Vec<(i64, f64)> {
        let lines = self.seconds.iter().filter_map(|line| Some((line["unix_us"].as_i64()?, line)));
        lines.filter(|(at, _)| window.holds(*at)).filter_map(|(at, line)| Some((at, line.pointer(pointer)?.as_f64()?))).collect()
    }

    /// The mean of such a figure.
    pub fn mean(&self, window: Window, pointer: &str) -> Option<f64> {
        let values = self.each_second(window, pointer);
        (!values.is_empty()).then(|| values.iter().map(|(_, value)| value).sum::<f64>() / values.len() as f64)
    }

    /// Processor time a second, in cores.
    pub fn cores(&self, window: Window) -> Option<f64> {
        let spent = self.each_second(window, "/process/cpu_seconds");
        let ((from, before), (to, after)) = (spent.first()?, spent.last()?);
        (to > from).then(|| (after - before) * 1e6 / (to - from) as f64)
    }

    /// Seconds of the window in which neither a picture was shown nor half of the sound was real; a second that nobody wrote down
    /// is one of them.
    pub fn outage(&self, window: Window) -> f64 {
        let seen = self.seconds.iter().filter(|line| line["unix_us"].as_i64().is_some_and(|at| window.holds(at)));
        let alive = seen.filter(|line| {
            let number = |pointer: &str| line.pointer(pointer).and_then(Value::as_f64);
            let heard = number("/audio/received_kbps") > Some(0.0)
                && number("/audio/concealed_percent").is_some_and(|concealed| concealed < 50.0);
            heard || number("/video/shown_fps") > Some(0.0)
        });
        // A line more or less falls into a window by chance.
        let missing = (window.seconds() - alive.count() as f64).floor();
        if missing <= 1.0 { 0.0 } else { missing }
    }

    /// How much later the sound is heard than it was spoken, of each second in ms: as much as the picture, and by how much they are
    /// apart.
    pub fn mouth_to_ear(&self, window: Window) -> Vec<f64> {
        let apart: HashMap<i64, f64> = self.each_second(window, "/audio/av_offset_ms").into_iter().collect();
        let seen = self.each_second(window, "/video/latency_ms/p50");
        seen.into_iter().filter_map(|(at, picture)| Some(picture + apart.get(&at)?)).collect()
    }
}

/// From lens to screen, of each picture that was shown in the window: when it was shown, and the ms that took.
///
/// The numbers come round with the clip; the last one taken before is meant.
pub fn latencies(taken: &End, shown: &End, window: Window) -> Vec<(i64, f64)> {
    let mut moments: HashMap<u16, Vec<i64>> = HashMap::new();
    for (at, marker) in &taken.captured {
        if let Some(marker) = marker {
            moments.entry(*marker).or_default().push(*at);
        }
    }
    let delay = |(at, marker): &(i64, Option<u16>)| {
        let moments = moments.get(&(*marker)?)?;
        let taken = moments[..moments.partition_point(|taken| taken <= at)].last()?;
        Some((*at, (at - taken) as f64 / 1000.0))
    };
    shown.shown.iter().filter(|(at, _)| window.holds(*at)).filter_map(delay).collect()
}

/// The value that so many of a hundred are not above.
pub fn percentile(values: impl IntoIterator<Item = f64>, percent: usize) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get((values.len() * percent).div_ceil(100).max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SECOND: Window = Window { from: 1_000_000, to: 2_000_000 };

    #[test]
    fn a_freeze_is_the_whole_gap_and_counts_at_the_edges_as_far_as_it_is_inside() {
        let shown = [900, 1300, 1330, 1360, 1600, 2500].map(|ms| (ms * 1000, None)).to_vec();
        let end = End { shown, ..End::default() };
        assert_eq!(end.fps(SECOND), 4.0);
        assert_eq!(end.frozen(SECOND), 0.94);
        assert_eq!(end.longest_gap(SECOND), 0.4);
        assert_eq!(End::default().frozen(SECOND), 1.0, "no picture at all is one long freeze");
    }

    #[test]
    fn a_picture_is_found_again_by_the_last_of_its_number() {
        let trace = "event,unix_us,marker,width,height\ncaptured,200000,7,2,2\ncaptured,1100000,7,2,2\ncaptured,1900000,7,2,2\n";
        let taken = End::read(trace, "", vec![]);
        let shown = End::read("shown,1150000,7,2,2\nshown,1160000,8,2,2\nshown,1170000,,2,2\nshown,2150000,7,2,2\n", "", vec![]);
        assert_eq!(latencies(&taken, &shown, SECOND), [(1_150_000, 50.0)]);
    }

    #[test]
    fn figures_of_seconds_are_taken_from_the_window_alone() {
        let line = |at: i64, cpu: f64, concealed: f64| json!({"unix_us": at, "process": {"cpu_seconds": cpu}, "audio": {"concealed_percent": concealed, "received_kbps": 30.0}});
        let seconds =
            vec![line(500_000, 1.0, 90.0), line(1_200_000, 2.0, 1.0), line(1_700_000, 2.3, 3.0), line(2_500_000, 9.0, 90.0)];
        let end = End { seconds, ..End::default() };
        assert_eq!(end.mean(SECOND, "/audio/concealed_percent"), Some(2.0));
        assert!((end.cores(SECOND).unwrap() - 0.6).abs() < 1e-9);
        assert_eq!(end.mean(SECOND, "/nothing"), None);
    }

    #[test]
    fn seconds_of_silence_without_a_picture_are_an_outage_also_when_nothing_was_written_down() {
        let long = Window { from: 0, to: 10_000_000 };
        let line = |n: i64, concealed: f64| json!({"unix_us": n * 1_000_000, "audio": {"concealed_percent": concealed, "received_kbps": 30.0}, "video": {"shown_fps": 0.0}});
        let heard = End { seconds: (0..10).map(|n| line(n, 4.0)).collect(), ..End::default() };
        assert_eq!(heard.outage(long), 0.0);
        let silent = End { seconds: (0..10).map(|n| line(n, if n > 5 { 100.0 } else { 0.0 })).collect(), ..End::default() };
        assert_eq!(silent.outage(long), 4.0);
        assert_eq!(End::default().outage(long), 10.0);
    }

    #[test]
    fn percentiles_are_values_that_were_there() {
        assert_eq!(percentile([3.0, 1.0, 2.0], 50), Some(2.0));
        assert_eq!(percentile((1..=100).map(f64::from), 95), Some(95.0));
        assert_eq!(percentile([], 95), None);
    }
}
