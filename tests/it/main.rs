//! Everything that is tested from outside the modules, in one binary, for one link step.
//!
//! What needs more than any machine has (root for network namespaces, a program for a virtual screen) says so and is skipped;
//! `./dev test` as root has it all.

#![allow(clippy::disallowed_methods, reason = "tests stand outside: they read the clock and start what they need")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, also in the functions that tests share")]

#[path = "../bench/likeness.rs"]
#[allow(dead_code, reason = "the bench uses it; its rules are tested here, where tests run")]
mod bench_likeness;
#[path = "../bench/measure.rs"]
#[allow(dead_code, reason = "the bench uses it; its rules are tested here, where tests run")]
mod bench_measure;
mod calls;
mod holding;
mod invitations;
mod layers;
mod nonces;
mod parsers;
mod protocol;
mod simulation;
mod trust;
mod ui;
mod ui_call;
mod ui_trust;

#[cfg(target_os = "linux")]
mod bad_input;
#[cfg(target_os = "linux")]
mod before_accept;
#[cfg(target_os = "linux")]
mod check;
#[cfg(target_os = "linux")]
mod desk;
#[cfg(target_os = "linux")]
mod flood;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod keeping;
#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod moving;
#[cfg(target_os = "linux")]
mod outcomes;
#[cfg(target_os = "linux")]
mod riding;
#[cfg(target_os = "linux")]
mod strangers;
#[cfg(target_os = "linux")]
mod talk;
#[cfg(target_os = "linux")]
mod two_apps;
#[cfg(target_os = "linux")]
mod xvfb;
