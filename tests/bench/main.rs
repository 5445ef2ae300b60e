//! `./dev bench`: what a call is like, over good links and bad, beside what it must be.
//!
//! Two profiles of the program (a release build that `VESPER_BINARY` names) call each other without a window, over the link emulator
//! of the tests. It asserts nothing; the tests do. `rows` has the table, `run` holds one call, `score` and `measure` make figures of
//! it, `report` and `page` show them.

#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

#[cfg(target_os = "linux")]
mod arguments;
#[cfg(target_os = "linux")]
mod clip;
#[cfg(target_os = "linux")]
mod costs;
#[cfg(target_os = "linux")]
mod interrupt;
#[cfg(target_os = "linux")]
#[path = "../it/lab/mod.rs"]
#[allow(dead_code, unused_imports, clippy::unwrap_used, reason = "the tests use the rest of it, and in them a panic is a result")]
mod lab;
#[cfg(target_os = "linux")]
#[allow(dead_code, unused_imports, reason = "its tests run where tests do, in `it`")]
mod likeness;
#[cfg(target_os = "linux")]
#[allow(dead_code, unused_imports, reason = "its tests run where tests do, in `it`")]
mod measure;
#[cfg(target_os = "linux")]
mod page;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod rows;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod score;
#[cfg(target_os = "linux")]
#[allow(clippy::unwrap_used, reason = "what cannot be measured says where it stopped")]
mod speech;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod tools;
#[cfg(target_os = "linux")]
mod voice;

/// Why something could not be measured.
type Failure = Box<dyn std::error::Error>;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    table::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("The bench puts two hosts and a link between them on one machine, which needs Linux.");
}
