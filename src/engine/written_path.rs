//! Files as a person names them in the window, where no shell has read the name before.

use std::path::{Path, PathBuf};

/// Where a person means: their own folder for `~` and for names without one, for the window's own folder is nobody's choice.
pub fn written_path(written: &Path) -> PathBuf {
    match directories::BaseDirs::new() {
        Some(folders) => below(folders.home_dir(), written),
        None => written.to_owned(),
    }
}

fn below(home: &Path, written: &Path) -> PathBuf {
    home.join(written.strip_prefix("~").unwrap_or(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_folder_is_in_ones_own() {
        let home = Path::new("/home/ann");
        assert_eq!(below(home, Path::new("ann.backup")), Path::new("/home/ann/ann.backup"));
        assert_eq!(below(home, Path::new("~/safe/ann.backup")), Path::new("/home/ann/safe/ann.backup"));
        assert_eq!(below(home, Path::new("/media/stick/ann.backup")), Path::new("/media/stick/ann.backup"));
        assert_eq!(below(home, Path::new("~ann")), Path::new("/home/ann/~ann"), "another's folder is not guessed");
    }
}
