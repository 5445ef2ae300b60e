//! What was needed to start, or for a call, and is not any more goes back to the system.
//!
//! Two things stay behind: memory that the allocator keeps for the next time, and code. A program and the compiler of shaders that a
//! driver brings run through tens of megabytes of code when a window opens, and half a megabyte of it when it then waits.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::engine::snapshot::Snapshot;

/// How long after a start or a call nothing of it goes on any more.
const SETTLE: Duration = Duration::from_secs(5);
/// Code that is smaller is left alone: it is shared, or needed soon.
const LARGE: usize = 8 << 20;

/// Gives back what is spare, now and after each call, until the engine is gone.
pub async fn give_back(mut snapshot: watch::Receiver<Arc<Snapshot>>) {
    loop {
        tokio::time::sleep(SETTLE).await;
        if snapshot.borrow_and_update().call.is_none() {
            give_back_now();
        }
        let in_call = |snapshot: &Arc<Snapshot>| snapshot.call.is_some();
        if snapshot.wait_for(in_call).await.is_err() || snapshot.wait_for(|now| !in_call(now)).await.is_err() {
            return;
        }
    }
}

#[expect(unsafe_code, reason = "memory is given back by two calls of the C library")]
fn give_back_now() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    for code in large_code(&maps) {
        // SAFETY: the pages are those of a file, may not be written to and were not; whoever needs one again finds what stood there.
        // If they are unmapped meanwhile, the call fails.
        unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(code.start), code.len(), libc::MADV_DONTNEED);
        }
    }
}

/// Where code of files lies that nobody may write to and nobody wrote to, by what the system says of our memory.
fn large_code(maps: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some((start, end)) = first.split_once('-') {
            let place = usize::from_str_radix(start, 16).ok().zip(usize::from_str_radix(end, 16).ok());
            let file = words.next() == Some("r-xp") && words.nth(3).is_some_and(|name| name.starts_with('/'));
            // One that is not of this kind ends the one before all the same.
            found.push(place.filter(|_| file).map_or(0..0, |(start, end)| start..end));
        } else if first == "Anonymous:"
            && words.next() != Some("0")
            && let Some(written) = found.last_mut()
        {
            // Somebody changed it on its way here, and no file has what stands there now.
            written.end = written.start;
        }
    }
    found.retain(|code| code.len() >= LARGE);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_code_of_files_that_nobody_wrote_to_is_given_back() {
        let entry = |start: usize, rights: &str, name: &str, anonymous: usize| {
            let end = start + (16 << 20);
            format!("{start:x}-{end:x} {rights} 00000000 fd:00 77   {name}\nPrivate_Dirty: 8 kB\nAnonymous: {anonymous} kB\n")
        };
        let maps = [
            entry(0x1000_0000, "r--p", "/usr/bin/vesper", 0),
            entry(0x2000_0000, "r-xp", "/usr/bin/vesper", 0),
            entry(0x3000_0000, "rw-p", "/usr/bin/vesper", 0),
            entry(0x4000_0000, "r-xp", "/usr/lib/patched.so", 4),
            entry(0x5000_0000, "r-xp", "", 0),
            entry(0x6000_0000, "r-xp", "[vdso]", 0),
            "70000000-70001000 r-xp 00000000 fd:00 78 /usr/lib/small.so\nAnonymous: 0 kB\n".into(),
        ];
        assert_eq!(large_code(&maps.concat()), vec![0x2000_0000..0x2000_0000 + (16 << 20); 1]);
    }

    #[test]
    fn a_program_runs_on_after_it_gave_its_code_back() {
        let before: Vec<String> = (0..100).map(|n: u32| n.to_string()).collect();
        give_back_now();
        assert_eq!(before.concat().len(), 190);
    }
}
