//! The call report: every figure is measured, or absent.

use serde::Serialize;
use serde_json::{Value, json};

/// What a call was like, for its whole length or for one second of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    pub role: Option<&'static str>,
    pub peer: String,
    /// How it ended, in one word: hangup, declined, busy, no-answer, cancelled, unreachable and so on.
    pub ended: Option<String>,
    /// Connected time.
    pub seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
    pub setup_ms: Setup,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<Video>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio: Option<Audio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Bandwidth>,
    pub process: Process,
}

/// The sealing layer: frames and control items together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sealed {
    pub suite: u16,
    pub words: Vec<&'static str>,
    pub opened: u64,
    pub rejected: u64,
    pub replayed: u64,
    pub epochs: u64,
}

/// From this side's `accepted`; `ring` from dialling to RINGING.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Setup {
    pub ring: Option<f64>,
    pub accept_to_connected: Option<f64>,
    pub accept_to_first_video: Option<f64>,
    pub accept_to_first_audio: Option<f64>,
}

/// What carries the call, and the pair of candidates in use.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Path {
    /// `direct` or `turn`: a connection of the call's own; `link` or `relay`: the link, straight or through its relay.
    pub kind: &'static str,
    pub local: String,
    pub remote: String,
    pub relayed: bool,
    pub rtt_ms: Option<f64>,
    /// How often the call moved over to another connection so far.
    pub restarts: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Video {
    pub sent_fps: f64,
    pub shown_fps: f64,
    pub width: usize,
    pub height: usize,
    pub sent_kbps: f64,
    pub received_kbps: f64,
    /// Gaps of more than 200 ms between shown pictures, and their sum.
    pub freezes: u64,
    pub frozen_ms: f64,
    pub longest_gap_ms: Option<f64>,
    /// Keyframes sent.
    pub keyframes: u64,
    pub repairs: Repairs,
    pub latency_ms: Percentiles,
}

/// What was asked of the sender to repair a picture.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Repairs {
    pub nack: u64,
    /// Packets that parity gave back before anybody asked.
    pub parity: u64,
    /// Repairs from a long-term reference, and keyframes, that were asked for.
    pub ltr: u64,
    pub pli: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: Option<f64>,
    pub p95: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Audio {
    pub sent_kbps: f64,
    pub received_kbps: f64,
    pub concealed_percent: Option<f64>,
    pub jitter_buffer_ms: Option<f64>,
    /// How loud the own microphone was as it was sent, over that time.
    pub level_dbfs: Option<f64>,
    /// How much later the sound is heard than the picture is seen.
    pub av_offset_ms: Option<f64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Bandwidth {
    pub target_kbps: f64,
    pub estimate_kbps: Option<f64>,
    pub loss_percent: Option<f64>,
}

/// This process since its start; absent where the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Process {
    pub cpu_seconds: Option<f64>,
    pub peak_rss_mib: Option<u64>,
}

impl Report {
    /// The object of `--json`.
    pub fn to_json(&self) -> Value {
        let mut value = serde_json::to_value(self).expect("a report is plain data");
        round(&mut value);
        value["event"] = json!("report");
        value
    }

    /// A few lines for people.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!("call ended: {}, {:.1} s", self.ended.as_deref().unwrap_or("running"), self.seconds)];
        if let Some(video) = &self.video {
            let sent = format!("picture: sent {:.1}/s at {:.0} kbit/s", video.sent_fps, video.sent_kbps);
            let shown = match video.shown_fps > 0.0 {
                true => format!("shown {:.1}/s at {}x{}", video.shown_fps, video.width, video.height),
                false => "none shown".into(),
            };
            let gap = video.longest_gap_ms.filter(|_| video.shown_fps > 0.0).map(|ms| format!(", longest gap {ms:.0} ms"));
            let latency = video.latency_ms.p50.map(|ms| format!(", lens to screen {ms:.0} ms"));
            lines.push(format!("{sent}, {shown}{}{}", gap.unwrap_or_default(), latency.unwrap_or_default()));
        }
        if let Some(audio) = &self.audio {
            lines.push(format!(
                "sound: sent {:.0} kbit/s, received {:.0} kbit/s{}",
                audio.sent_kbps,
                audio.received_kbps,
                audio.concealed_percent.map(|percent| format!(", {percent:.1} % concealed")).unwrap_or_default(),
            ));
        }
        if let Some(sealed) = &self.sealed {
            lines.push(format!("sealing: {} opened, {} rejected, {} replayed", sealed.opened, sealed.rejected, sealed.replayed));
        }
        lines.join("\n")
    }
}

impl Process {
    /// Reads what the kernel counted for this process (Linux; nothing elsewhere).
    pub fn measure() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let peak_kib =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok());
        Self { cpu_seconds: cpu_seconds(), peak_rss_mib: peak_kib.map(|kib| kib / 1024) }
    }
}

/// User and system time of all threads: fields 14 and 15 of /proc/self/stat, in ticks of 1/100 s (proc(5)).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

/// One decimal is as much as these figures are worth.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().map(|float| (float * 10.0).round() / 10.0);
            *value = rounded.map_or(Value::Null, |float| json!(float));
        }
        Value::Array(items) => items.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_that_was_not_measured_is_null_or_absent_never_zero() {
        let json = Report { peer: "ab".into(), ..Report::default() }.to_json();
        assert_eq!(json["event"], "report");
        assert!(json["setup_ms"]["ring"].is_null());
        assert!(json.get("video").is_none());
    }

    #[test]
    fn figures_have_one_decimal() {
        let report = Report { seconds: 10.123_456, ..Report::default() };
        assert_eq!(report.to_json()["seconds"], json!(10.1));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_measures_itself() {
        let process = Process::measure();
        assert!(process.peak_rss_mib.is_some_and(|mib| mib > 0));
        assert!(process.cpu_seconds.is_some());
    }
}
