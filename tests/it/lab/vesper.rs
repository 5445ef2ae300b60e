//! The program as a process: what it prints with `--json`, and what it is told on standard input.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Host;

/// How long a test waits for an event: a bound against hanging, longer than any deadline of a call.
const PATIENCE: Duration = Duration::from_secs(150);

/// A running `vesper`; killed when dropped.
pub struct Vesper {
    who: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Value>,
    errors: Option<JoinHandle<String>>,
    seen: Vec<Value>,
}

/// How a process ended and all that it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    pub events: Vec<Value>,
    pub errors: String,
}

impl Vesper {
    /// Starts `vesper` with `arguments` in `host`, or on this machine, for the profile in `folder`.
    pub fn start<S: AsRef<OsStr>>(host: Option<&Host>, folder: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        Self::start_with(host, folder, &[], arguments)
    }

    /// The same with more in the environment.
    pub fn start_with<S: AsRef<OsStr>>(
        host: Option<&Host>,
        folder: &Path,
        environment: &[(&str, &str)],
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        Self::launch(host, folder, environment, Some("--json"), arguments)
    }

    /// Opens the window, which prints nothing.
    pub fn open<S: AsRef<OsStr>>(
        host: Option<&Host>,
        folder: &Path,
        environment: &[(&str, &str)],
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        Self::launch(host, folder, environment, None, arguments)
    }

    fn launch<S: AsRef<OsStr>>(
        host: Option<&Host>,
        folder: &Path,
        environment: &[(&str, &str)],
        json: Option<&str>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let program = program();
        let mut command = host.map_or_else(|| Command::new(&program), |host| host.command(&program));
        command.arg("--profile").arg(folder).args(json).args(arguments);
        // Whatever the program looks for in a home, it is not this person's.
        command.env("HOME", folder).env_remove("XDG_DATA_HOME").env_remove("XDG_CONFIG_HOME").env_remove("VESPER_PASSPHRASE");
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program can be started");
        let output = read_lines(child.stdout.take().expect("it is piped"));
        let errors = read_all(child.stderr.take().expect("it is piped"));
        let who = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { who, input: child.stdin.take(), child, output, errors: Some(errors), seen: Vec::new() }
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to standard input.
    pub fn say(&mut self, line: &str) {
        let input = self.input.as_mut().expect("it is open until the process is waited for");
        writeln!(input, "{line}").unwrap_or_else(|error| panic!("{} does not listen: {error}", self.who));
    }

    /// Waits for `event`, skipping what comes before.
    pub fn wait(&mut self, event: &str) -> Value {
        self.wait_for(event, |_| true)
    }

    /// Waits until each of `events` came, in whatever order.
    pub fn wait_all(&mut self, events: &[&str]) {
        let mut missing = events.to_vec();
        while !missing.is_empty() {
            let line = self.wait_until(|line| missing.iter().any(|event| line["event"] == **event), &missing.join(", "));
            missing.retain(|event| line["event"] != **event);
        }
    }

    /// Waits for an `event` that fits, skipping what comes before.
    pub fn wait_for(&mut self, event: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.wait_until(|line| line["event"] == event && fits(line), event)
    }

    fn wait_until(&mut self, fits: impl Fn(&Value) -> bool, what: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.output.recv_timeout(left) else {
                panic!("{} never printed {what}", self.who);
            };
            self.seen.push(line.clone());
            if fits(&line) {
                return line;
            }
        }
    }

    /// Asks the process to end, as a service manager would.
    pub fn terminate(&self) {
        terminate(&self.child);
    }

    /// Ends the process as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("it is ours");
    }

    /// The process's UDP ports, by its own table of sockets.
    pub fn udp_ports(&self) -> Vec<u16> {
        let tables = ["udp", "udp6"].map(|table| format!("/proc/{}/net/{table}", self.child.id()));
        let lines = tables.iter().filter_map(|table| std::fs::read_to_string(table).ok()).collect::<String>();
        let port = |line: &str| u16::from_str_radix(line.split_whitespace().nth(1)?.rsplit_once(':')?.1, 16).ok();
        lines.lines().filter_map(port).collect()
    }

    /// Waits until the process ended by itself.
    pub fn end(mut self) -> Ended {
        drop(self.input.take());
        let deadline = Instant::now() + PATIENCE;
        while let Ok(line) = self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
        assert!(Instant::now() < deadline, "{} goes on and on; it printed {:#?}", self.who, self.seen);
        let code = self.child.wait().expect("it is ours").code();
        let errors = self.errors.take().map(|errors| errors.join().unwrap_or_default()).unwrap_or_default();
        Ended { code, events: std::mem::take(&mut self.seen), errors }
    }
}

impl Drop for Vesper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A test that fails elsewhere may have failed because of this one.
        if let Some(errors) = self.errors.take().filter(|_| std::thread::panicking()) {
            let seen: Vec<_> = self.seen.iter().map(Value::to_string).collect();
            eprintln!("{} printed:\n{}\nand:\n{}", self.who, seen.join("\n"), errors.join().unwrap_or_default());
        }
    }
}

/// The program that was built with this, or the one that `VESPER_BINARY` names: what is measured is a release build.
pub fn program() -> OsString {
    std::env::var_os("VESPER_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_vesper").into())
}

/// Asks a process to end.
pub fn terminate(process: &Child) {
    let kill = format!("kill -TERM {}", process.id());
    let _ = Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status();
}

impl Ended {
    /// Whether such an event was ever printed.
    pub fn saw(&self, event: &str) -> bool {
        self.events.iter().any(|line| line["event"] == event)
    }

    /// The call report; a test that asks for one cannot do without.
    pub fn report(&self) -> &Value {
        let report = self.events.iter().rev().find(|line| line["event"] == "report");
        report.unwrap_or_else(|| panic!("there is no report in {self:#?}"))
    }
}

/// Every line that is JSON, as it comes.
fn read_lines(output: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = channel();
    thread("stdout", move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("with --json, not JSON ({error}): {line}"));
            if sender.send(value).is_err() {
                break;
            }
        }
    });
    receiver
}

fn read_all(mut errors: impl Read + Send + 'static) -> JoinHandle<String> {
    thread("stderr", move || {
        let mut text = Vec::new();
        let _ = errors.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}

fn thread<T: Send + 'static>(name: &str, body: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().name(name.into()).spawn(body).expect("a thread can be started")
}
