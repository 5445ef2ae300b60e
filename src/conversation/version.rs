//! Which of two versions of the program is newer.

/// Whether `theirs` is a later release than `ours`; both as `1.2.3`. What cannot be read is not newer.
pub fn is_newer(theirs: &str, ours: &str) -> bool {
    match (read(theirs), read(ours)) {
        (Some(theirs), Some(ours)) => theirs > ours,
        _ => false,
    }
}

fn read(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let read = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_release_is_newer_and_what_cannot_be_read_is_not() {
        assert!(is_newer("0.2.0", "0.1.9") && is_newer("1.0.0", "0.99.99") && is_newer("0.1.10", "0.1.9"));
        for theirs in ["0.1.0", "0.0.9", "", "9", "9.9", "9.9.9.9", "9.x.0", "99999999999.0.0"] {
            assert!(!is_newer(theirs, "0.1.0"), "{theirs}");
        }
    }
}
