//! Lines on standard output: text for people, or one JSON object a line.

use std::io::Write;

use serde_json::Value;

use crate::engine::event::Event;

/// Says something on standard error. Whoever closed that does not want to hear it.
pub fn remark(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "vesper: {text}");
}

/// Where a command's lines go. A closed pipe is no error: whoever read has seen enough.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    pub fn event(self, event: &Event) {
        let line = if self.json { event.to_json().to_string() } else { event.what.to_text() };
        self.line(&line);
    }

    /// `value` with `--json`, `text` otherwise.
    pub fn both(self, value: &Value, text: &str) {
        self.line(&if self.json { value.to_string() } else { text.to_owned() });
    }

    fn line(self, line: &str) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}
