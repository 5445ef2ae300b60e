//! A screen that nobody sees, hands on it, and eyes: Xvfb, openbox, xdotool and ImageMagick.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use eframe::egui::Color32;
use vesper::ui::tokens::{DARK, LIGHT};

use super::skip;
use super::vesper::terminate;

/// How long a test waits for something to appear: a bound against hanging; software rendering on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// A virtual screen with a window manager; gone when dropped.
pub struct Desktop {
    display: String,
    server: Child,
    manager: Child,
}

/// A window on it.
pub struct Window<'a> {
    desktop: &'a Desktop,
    id: String,
}

/// What a window looks like.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// Red, green, blue, row by row.
    rgb: Vec<u8>,
}

impl Desktop {
    /// Puts up a screen, or says what this machine lacks for it and returns nothing.
    pub fn up() -> Option<Self> {
        let missing = ["Xvfb", "openbox", "xdotool", "import"].into_iter().find(|program| !is_there(program));
        if let Some(program) = missing {
            skip(&format!("it needs {program} for a screen of its own"));
            return None;
        }
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "2640x1000x24", "-nolisten", "tcp", "+extension", "GLX"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is there");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("it is piped")).read_line(&mut number).expect("Xvfb says its number");
        let display = format!(":{}", number.trim());
        let manager = Command::new("openbox")
            .env("DISPLAY", &display)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("openbox is there");
        let desktop = Self { display, server, manager };
        wait(|| desktop.tool(&["get_desktop"])).expect("openbox manages the screen");
        Some(desktop)
    }

    /// What a program needs to know to draw here, in software, and to find no other screen and no message bus.
    pub fn environment(&self) -> [(&str, &str); 4] {
        [
            ("DISPLAY", &self.display),
            ("WAYLAND_DISPLAY", ""),
            ("LIBGL_ALWAYS_SOFTWARE", "1"),
            ("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere"),
        ]
    }

    /// The visible window of process `pid` with this title, once it is there.
    pub fn window(&self, pid: u32, title: &str) -> Window<'_> {
        let pid = pid.to_string();
        let found = wait(|| self.tool(&["search", "--all", "--onlyvisible", "--pid", &pid, "--name", title]));
        let found = found.unwrap_or_else(|| panic!("no window \"{title}\" opened"));
        Window { desktop: self, id: found.lines().next().expect("a search that found nothing fails").to_owned() }
    }

    /// Whether process `pid` shows a window with this title.
    pub fn has_window(&self, pid: u32, title: &str) -> bool {
        self.tool(&["search", "--all", "--onlyvisible", "--pid", &pid.to_string(), "--name", title]).is_some()
    }

    /// What `xdotool` printed, if it did as it was told.
    fn tool(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("timeout");
        let output = command.args(["20", "xdotool"]).args(arguments).env("DISPLAY", &self.display).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for process in [&mut self.manager, &mut self.server] {
            // Not killed: the server has a lock file to take away.
            terminate(process);
            let _ = process.wait();
        }
    }
}

impl Window<'_> {
    /// Puts the window somewhere, as large as a call's picture, so that nothing of it is cut off.
    pub fn move_to(&self, x: i32, y: i32) {
        self.tool(&["windowsize", "--sync", &self.id, "1280", "720"]);
        self.tool(&["windowmove", &self.id, &x.to_string(), &y.to_string()]);
    }

    /// The number that the screen has for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Puts the window away, without closing it.
    pub fn minimise(&self) {
        self.tool(&["windowminimize", "--sync", &self.id]);
    }

    /// Brings the window up and clicks at this point of it.
    pub fn click(&self, x: usize, y: usize) {
        self.tool(&["windowactivate", "--sync", &self.id]);
        self.tool(&["mousemove", "--window", &self.id, &x.to_string(), &y.to_string()]);
        // A person's finger is slower than a frame; the button must be seen to go down and up.
        self.tool(&["mousedown", "1", "sleep", "0.2", "mouseup", "1"]);
    }

    /// Clicks at a point of the popup of a call, once that takes an answer: in its first moment it takes none.
    pub fn answer(&self, (x, y): (usize, usize)) {
        self.look_for("the popup", |picture| (picture.colors() > 16).then_some(()));
        sleep(Duration::from_millis(500));
        self.click(x, y);
    }

    /// Clicks at a point until that is seen: what it is for may not be on the screen yet.
    pub fn click_until(&self, (x, y): (usize, usize), what: &str, seen: impl Fn(&Picture) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !seen(&self.look()) {
            if Instant::now() > deadline {
                self.give_up(what);
            }
            self.click(x, y);
            // A second click too soon could undo the first.
            let patience = Instant::now() + Duration::from_secs(5);
            while Instant::now() < patience && !seen(&self.look()) {
                sleep(Duration::from_millis(200));
            }
        }
    }

    /// Brings the window up and presses a key in it.
    pub fn press(&self, key: &str) {
        self.tool(&["windowactivate", "--sync", &self.id]);
        self.tool(&["key", key]);
    }

    /// Types into whatever has the focus.
    pub fn write(&self, text: &str) {
        self.tool(&["windowactivate", "--sync", &self.id]);
        self.tool(&["type", "--delay", "40", text]);
    }

    /// Presses a key until `what` it is for is there: that may not be on the screen yet.
    pub fn press_until(&self, key: &str, what: &str, happened: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !happened() {
            if Instant::now() > deadline {
                self.give_up(&format!("{what}, for which {key} was pressed,"));
            }
            self.press(key);
            sleep(Duration::from_millis(500));
        }
    }

    /// The window as a person sees it, so nothing may lie over it.
    pub fn look(&self) -> Picture {
        let output = self.import(&["-window", &self.id, "-depth", "8", "ppm:-"]).output().expect("ImageMagick is there");
        Picture::parse(&output.stdout).unwrap_or_else(|| panic!("import: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Writes what the window looks like to `file`.
    pub fn save(&self, file: &std::path::Path) {
        std::fs::create_dir_all(file.parent().expect("a picture lies in a folder")).expect("a folder for the pictures");
        let written = self.import(&["-window", &self.id, "-strip"]).arg(file).status();
        assert!(written.is_ok_and(|status| status.success()), "{}", file.display());
    }

    /// Looks until `answer` is something.
    pub fn look_for<T>(&self, what: &str, answer: impl Fn(&Picture) -> Option<T>) -> T {
        wait(|| answer(&self.look())).unwrap_or_else(|| self.give_up(what))
    }

    /// Ends a test that waited for too long, with a picture of what was there instead.
    fn give_up(&self, what: &str) -> ! {
        let seen = format!("{}/{}.png", env!("CARGO_TARGET_TMPDIR"), what.replace(' ', "-"));
        let _ = self.import(&["-window", "root", &seen]).status();
        panic!("{what} never appeared; this was there instead: {seen}")
    }

    fn import(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["20", "import"]).args(arguments).env("DISPLAY", &self.desktop.display);
        command
    }

    fn tool(&self, arguments: &[&str]) {
        assert!(self.desktop.tool(arguments).is_some(), "xdotool {arguments:?}");
    }
}

impl Picture {
    /// Reads a binary PPM with 255 shades: `P6 width height 255` and the pixels.
    fn parse(ppm: &[u8]) -> Option<Self> {
        let mut rest = ppm;
        let mut word = || {
            let end = rest.iter().position(u8::is_ascii_whitespace)?;
            let word = std::str::from_utf8(&rest[..end]).ok()?;
            rest = &rest[end + 1..];
            Some(word)
        };
        let (magic, width, height, shades) = (word()?, word()?.parse().ok()?, word()?.parse().ok()?, word()?);
        let complete = magic == "P6" && shades == "255" && rest.len() == width * height * 3;
        complete.then(|| Self { width, height, rgb: rest.to_vec() })
    }

    /// The number of the 16:9 picture that fills this window, from the strip of 24 cells at its top left.
    ///
    /// Left to right: `1 0 1 0`, 16 bits of the number, the parity of those 20, `1 0 1`. White is what is nearer to the first cell
    /// than to the second, for the window shades its upper edge.
    pub fn marker(&self) -> Option<u16> {
        let wide = (self.width as f64).min(self.height as f64 * 16.0 / 9.0);
        let left = (self.width as f64 - wide) / 2.0;
        let top = (self.height as f64 - wide * 9.0 / 16.0) / 2.0;
        let cell = wide / 32.0;
        // Names and words lie over the upper part of the strip until they fade.
        [0.85, 0.7, 0.5].into_iter().find_map(|row| {
            let y = (top + cell * row) as usize;
            let cells: Vec<u32> = (0..24).map(|n| self.light((left + cell * (f64::from(n) + 0.5)) as usize, y)).collect();
            let (white, black) = (cells[0], cells[1]);
            let bits: Vec<u32> = cells.iter().map(|light| u32::from(*light * 2 > white + black)).collect();
            let number = bits[4..20].iter().fold(0, |number, bit| number << 1 | *bit as u16);
            let parity = bits[..20].iter().sum::<u32>() % 2;
            let fits = white > black + 60 && bits[..4] == [1, 0, 1, 0] && bits[20] == parity && bits[21..] == [1, 0, 1];
            fits.then_some(number)
        })
    }

    /// How many different colours there are.
    pub fn colors(&self) -> usize {
        self.rgb.as_chunks::<3>().0.iter().collect::<std::collections::HashSet<_>>().len()
    }

    /// The brightness of all of it, 0 to 25500.
    pub fn brightness(&self) -> u32 {
        let sum: u64 = self.rgb.iter().map(|shade| u64::from(*shade)).sum();
        (sum * 100 / self.rgb.len().max(1) as u64) as u32
    }

    /// Whether a point has the colour of the one thing to do there, under the pointer or not.
    pub fn is_accent(&self, x: usize, y: usize) -> bool {
        [&DARK, &LIGHT].iter().any(|p| [p.accent, p.accent_hover].iter().any(|color| self.is(x, y, *color)))
    }

    /// Whether this is the page of conversations, with the second one chosen.
    pub fn is_like_a_conversation(&self) -> bool {
        [&DARK, &LIGHT].iter().any(|p| self.is(308, 228, p.selected))
    }

    /// Whether something lies over the page of conversations.
    pub fn is_covered(&self) -> bool {
        ![&DARK, &LIGHT].iter().any(|p| self.is(8, 600, p.sidebar))
    }

    /// Whether the field below a conversation has the keyboard.
    pub fn is_writing(&self) -> bool {
        [&DARK, &LIGHT].iter().any(|p| self.is(349, 676, p.accent_text))
    }

    /// Whether the conversation stands beside the picture of a call.
    pub fn is_like_a_panel_beside_a_call(&self) -> bool {
        (80..120).all(|y| self.is(self.width - 24, y, DARK.background))
    }

    /// The middle of the largest thing to do that there is in the list of conversations.
    pub fn button_in_the_list(&self) -> Option<(usize, usize)> {
        let points = (120..self.height.saturating_sub(60)).flat_map(|y| (0..300).map(move |x| (x, y)));
        let found: Vec<_> = points.filter(|(x, y)| self.is_accent(*x, *y)).collect();
        // A number of unread messages is no button.
        let mean = |all: fn(&(usize, usize)) -> usize| found.iter().map(all).sum::<usize>() / found.len().max(1);
        (found.len() > 2000).then(|| (mean(|point| point.0), mean(|point| point.1)))
    }

    /// Whether a point has about this colour.
    fn is(&self, x: usize, y: usize, color: Color32) -> bool {
        let at = (y * self.width + x) * 3;
        let near = |(is, wanted): (&u8, u8)| is.abs_diff(wanted) <= 3;
        self.rgb.get(at..at + 3).is_some_and(|rgb| rgb.iter().zip([color.r(), color.g(), color.b()]).all(near))
    }

    /// The brightness of a small square around a point, 0 to 255.
    fn light(&self, x: usize, y: usize) -> u32 {
        let (xs, ys) = (x.saturating_sub(2)..(x + 3).min(self.width), y.saturating_sub(2)..(y + 3).min(self.height));
        let count = (xs.len() * ys.len() * 3).max(1);
        let pixels = ys.flat_map(|y| xs.clone().map(move |x| (y * self.width + x) * 3));
        pixels.flat_map(|at| &self.rgb[at..at + 3]).map(|shade| u32::from(*shade)).sum::<u32>() / count as u32
    }
}

/// Asks until there is an answer, or for too long.
pub fn wait<T>(mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(answer) = answer() {
            return Some(answer);
        }
        sleep(Duration::from_millis(200));
    }
    None
}

pub fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

#[test]
fn a_marker_is_read_from_a_shaded_picture_and_only_from_a_whole_one() {
    let (width, height) = (1180, 760);
    let draw = |bits: [u8; 24]| {
        let cell = |x: usize| usize::min(x * 32 / width, 31);
        // The picture is 664 high and starts at 48; the shade takes a third of the light.
        let shade = |x, y| if (48..85).contains(&y) && cell(x) < 24 { bits[cell(x)] * 150 + 10 } else { 90 };
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| [shade(x, y); 3])).collect();
        Picture { width, height, rgb }
    };
    let bits = [1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 1];
    assert_eq!(draw(bits).marker(), Some(0b10_0000_0011));
    for flipped in 0..24 {
        let mut wrong = bits;
        wrong[flipped] ^= 1;
        assert_eq!(draw(wrong).marker(), None, "bit {flipped} is wrong");
    }
}
