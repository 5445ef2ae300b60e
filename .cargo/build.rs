//! Refuses an x86-64 build without nasm: openh264 would fall back to plain C without a word and encode at a third of the speed.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=.cargo/build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    let x86_64 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    if x86_64 && Command::new("nasm").arg("-v").output().is_err() {
        println!(
            "cargo:error=nasm is not installed, and without it video would be encoded three times slower; `./dev build` installs it, or use your system's package `nasm`"
        );
    }
}
