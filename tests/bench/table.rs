//! The whole of it: what was asked for, measured row by row, printed and written down.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::arguments::{Arguments, USAGE};
use crate::lab::quality::Quality;
use crate::lab::{Lab, vesper};
use crate::report::{self, Measured, Setting};
use crate::rows::{self, Row};
use crate::run::{self, Media};
use crate::score::{self, Outcome};
use crate::tools::Tools;
use crate::{Failure, clip, costs, interrupt, page, speech, voice};

/// Measures what the command line asks for. 0 if every call took place, whatever came out of it.
pub fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(text) => {
            println!("{text}");
            return ExitCode::from(if text == USAGE { 0 } else { 2 });
        }
    };
    match measure(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every call took place.
fn measure(arguments: &Arguments) -> Result<bool, Failure> {
    if arguments.leak {
        speech::write_down();
        return Ok(true);
    }
    if arguments.costs {
        costs::measure()?;
        if arguments.rows.is_empty() {
            return Ok(true);
        }
    }
    let rows = chosen(arguments)?;
    if let Err(why) = Lab::try_up(Quality::CLEAN, 0, false) {
        return Err(
            format!("The bench needs two hosts of its own: run it as root, with /dev/net/tun and iproute2 ({why}).").into()
        );
    }
    let built = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let out = arguments.out.clone().unwrap_or_else(|| built.with_file_name("bench"));
    fs::create_dir_all(&out)?;
    let work = tempfile::tempdir_in(built)?;
    let media = Media {
        clip: arguments.clip.as_deref().map_or_else(|| clip::made(built), |path| clip::brought(path, work.path()))?,
        speech: arguments.speech.as_deref().map_or_else(|| voice::made(built), |path| voice::brought(path, work.path()))?,
    };
    let setting = setting(arguments);
    println!("{}; camera {}, microphone {}", setting.machine, setting.clip, setting.speech);
    let tools = Tools::find();

    interrupt::watch()?;
    // A call that fails says so in its row.
    panic::set_hook(Box::new(|_| {}));
    let mut measured = Vec::new();
    for row in rows {
        let mut runs = Vec::new();
        for number in 1..=arguments.runs {
            println!("{}, run {number} of {}: {}", row.name, arguments.runs, row.about);
            let folder = tempfile::tempdir_in(work.path())?;
            let outcome = one(&row, &media, &tools, number as u64, folder.path());
            match &outcome {
                Ok(outcome) => outcome.figures.iter().for_each(|(figure, value)| {
                    println!("  {}: {}", figure.about().1, figure.print(*value));
                }),
                Err(why) => println!("  failed: {why}"),
            }
            runs.push(outcome);
            if interrupt::wanted() {
                return Err(format!("interrupted; the rows before are in {}", out.display()).into());
            }
        }
        measured.push(Measured { row, runs });
        // After each row: what is there is not lost if somebody ends it.
        write(&out, &setting, &measured)?;
    }
    println!("\n{}", report::table(&measured));
    let [page, json] = write(&out, &setting, &measured)?;
    println!("{}\n{}", page.display(), json.display());
    Ok(measured.iter().all(|it| it.runs.iter().all(Result::is_ok)))
}

/// The rows that were asked for, or all.
fn chosen(arguments: &Arguments) -> Result<Vec<Row>, Failure> {
    let trace = arguments.trace.as_ref().map(|path| {
        let text = fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let moments: Result<Vec<u32>, _> = text.split_whitespace().map(str::parse).collect();
        let moments = moments.ok().filter(|moments| moments.is_sorted() && moments.last().is_some_and(|last| *last > 0));
        let moments = moments.ok_or_else(|| format!("{} must be growing whole numbers of ms, one a line", path.display()))?;
        Ok::<&'static [u32], String>(moments.leak())
    });
    let all = rows::rows(trace.transpose()?);
    if let Some(unknown) = arguments.rows.iter().find(|name| all.iter().all(|row| row.name != **name)) {
        let names: Vec<_> = all.iter().map(|row| row.name).collect();
        return Err(format!("there is no row \"{unknown}\"; there are: {}, costs", names.join(", ")).into());
    }
    Ok(all.into_iter().filter(|row| arguments.rows.is_empty() || arguments.rows.iter().any(|name| name == row.name)).collect())
}

/// One call. What panics in it is a call that failed; its processes and hosts are gone then, too.
fn one(row: &Row, media: &Media, tools: &Tools, seed: u64, folder: &Path) -> Result<Outcome, String> {
    let run = || {
        let call = run::call(row, media, seed, folder)?;
        score::outcome(row, &call, media, tools)
    };
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(outcome) => outcome.map_err(|why| why.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            Err(text.or_else(|| panic.downcast_ref().map(|text: &&str| (*text).into())).unwrap_or_else(|| "it panicked".into()))
        }
    }
}

fn setting(arguments: &Arguments) -> Setting {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let name = |path: &Option<PathBuf>| path.as_ref().map_or_else(|| "made here".into(), |path| path.display().to_string());
    Setting {
        program: vesper::program().to_string_lossy().into_owned(),
        clip: name(&arguments.clip),
        speech: name(&arguments.speech),
        machine: format!(
            "{cores} cores, {}, load before {}",
            model.unwrap_or("of a kind that is not told"),
            load.split(' ').next().unwrap_or_default()
        ),
        at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs(),
    }
}

/// The page and the JSON, and where they are.
fn write(out: &Path, setting: &Setting, measured: &[Measured]) -> Result<[PathBuf; 2], Failure> {
    let paths = ["bench.html", "bench.json"].map(|name| out.join(name));
    fs::write(&paths[0], page::html(setting, measured))?;
    fs::write(&paths[1], serde_json::to_string(&report::json(setting, measured))?)?;
    Ok(paths)
}
