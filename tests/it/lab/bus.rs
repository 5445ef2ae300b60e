//! A message bus that only a test knows, with a notification server on it: dbus-daemon and dunst.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::desktop::{Desktop, is_there, wait};
use super::skip;
use super::vesper::terminate;

/// How long a test waits for an announcement: a bound against hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// The bus of a desktop; gone when dropped.
pub struct Bus {
    address: String,
    folder: TempDir,
    daemon: Child,
    server: Child,
    printed: Receiver<String>,
}

impl Bus {
    /// Starts one for `desktop`, or says what this machine lacks for it and returns nothing.
    pub fn up(desktop: &Desktop) -> Option<Self> {
        if let Some(program) = ["dbus-daemon", "dunst", "dunstctl"].into_iter().find(|program| !is_there(program)) {
            skip(&format!("it needs {program} for announcements"));
            return None;
        }
        let folder = tempfile::tempdir().expect("there is room for a socket");
        let socket = folder.path().join("bus");
        // A path, not an abstract name: those end at a network namespace.
        let address = format!("unix:path={}", socket.display());
        let daemon = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--address", &address])
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is there");
        wait(|| socket.exists().then_some(())).expect("the bus listens");
        let wanted = folder.path().join("wanted");
        let settings = folder.path().join("dunstrc");
        // dunst asks a menu which button to press; this one knows the answer.
        fs::write(&settings, format!("[global]\ndmenu = /bin/grep -m1 -F -f {}\n", wanted.display())).expect("a folder of ours");
        let mut server = Command::new("dunst")
            .args(["-print", "-conf"])
            .arg(&settings)
            .envs(desktop.environment())
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dunst is there");
        let output = BufReader::new(server.stdout.take().expect("it is piped"));
        let (lines, printed) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let bus = Self { address, folder, daemon, server, printed };
        wait(|| bus.tool(&["is-paused"])).expect("dunst has its name on the bus");
        Some(bus)
    }

    /// What a program needs to know to announce something here.
    pub fn environment<'a>(&'a self, desktop: &'a Desktop) -> Vec<(&'a str, &'a str)> {
        let others = desktop.environment().into_iter().filter(|(name, _)| *name != "DBUS_SESSION_BUS_ADDRESS");
        others.chain([("DBUS_SESSION_BUS_ADDRESS", self.address.as_str())]).collect()
    }

    /// Waits for an announcement with `words` in its first line, and returns all that the server says of it.
    pub fn wait_for(&self, words: &str) -> String {
        let (deadline, mut seen) = (Instant::now() + PATIENCE, String::new());
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.printed.recv_timeout(left) else { panic!("nothing announced \"{words}\", but:\n{seen}") };
            seen += &line;
            seen.push('\n');
            if line == "}" {
                if seen.lines().any(|line| line.trim_start().starts_with("summary:") && line.contains(words)) {
                    return seen;
                }
                seen.clear();
            }
        }
    }

    /// Presses the button of this name on what is announced.
    pub fn choose(&self, button: &str) {
        fs::write(self.folder.path().join("wanted"), button).expect("a folder of ours");
        assert!(self.tool(&["context"]).is_some(), "dunstctl context");
    }

    /// How many announcements are up.
    pub fn count(&self) -> usize {
        self.tool(&["count", "displayed"]).and_then(|count| count.trim().parse().ok()).unwrap_or_default()
    }

    fn tool(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("timeout");
        command.args(["20", "dunstctl"]).args(arguments).env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        let output = command.output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        for process in [&mut self.server, &mut self.daemon] {
            terminate(process);
            let _ = process.wait();
        }
    }
}
