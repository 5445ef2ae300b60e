//! Refuses an x86-64 build without nasm: openh264 would fall back to plain C without a word and encode at a third of the speed.
//! Packs the addresses that the loader puts right when the program starts: three megabytes of file, and of memory, less.

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
    if loader_unpacks_addresses() {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Whether this system has the loader of glibc 2.36 or newer, and the program is for it.
fn loader_unpacks_addresses() -> bool {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") != "linux"
        || variable("CARGO_CFG_TARGET_ENV") != "gnu"
        || variable("HOST") != variable("TARGET")
    {
        return false;
    }
    let Ok(output) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let said = String::from_utf8_lossy(&output.stdout);
    let minor = said.trim().strip_prefix("glibc 2.").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    minor.is_some_and(|minor| minor >= 36)
}
