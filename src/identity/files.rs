//! Files and folders that only their owner may read, written so that a crash leaves the old or the new one, never a half.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes `path` and the folders above it that are missing, for the owner alone (0700).
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens `path` to read and write, makes it if it is missing, and keeps all but the owner out (0600) either way.
pub fn open_private(path: &Path) -> io::Result<File> {
    let file = private(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)?;
    restrict(path, 0o600)?;
    Ok(file)
}

/// Sets the permission bits of what is already there. Does nothing on systems without them.
pub fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// Replaces the file at `path` (0600) with `bytes`, whole or not at all, and returns once the disk has it.
///
/// Only one process may do so at a time: the profile's lock sees to that.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path);
    // One that a crash left behind was never in use, and creating refuses to go through whatever else is there.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_new(&new, bytes).and_then(|()| {
        #[cfg(test)]
        crash::step()?;
        fs::rename(&new, path)
    });
    if let Err(error) = written {
        #[cfg(test)]
        if crash::has_happened() {
            // Whoever crashed cleans nothing up.
            return Err(error);
        }
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    #[cfg(test)]
    crash::step()?;
    settle(path)
}

/// Waits until the disk knows which file stands at `path`.
fn settle(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder_of(path))?.sync_all()?;
    // There the name is written with the file that bears it.
    #[cfg(not(unix))]
    OpenOptions::new().write(true).open(path)?.sync_all()?;
    Ok(())
}

#[cfg(unix)]
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts the file at `new` in the place of the one at `path`, whose bytes are then written over.
pub fn take_place(new: &Path, path: &Path) -> io::Result<()> {
    let old = Superseded::at(path)?;
    fs::rename(new, path)?;
    settle(path)?;
    old.overwrite()
}

/// Writes other bytes over those of a file, as many, and waits for the disk.
pub fn overwrite(path: &Path) -> io::Result<()> {
    Superseded(Some(OpenOptions::new().write(true).open(path)?)).overwrite()
}

/// A file whose place another is about to take, held on to so that nothing of it stays readable in free blocks of the disk. (A disk
/// that moves its blocks about may keep a copy out of our reach.) A second name of the same file, a hard link, is spoilt with it.
#[derive(Default)]
pub struct Superseded(Option<File>);

impl Superseded {
    /// The file that stands at `path` now, if one does. What a link there leads to is not ours to spoil.
    pub fn at(path: &Path) -> io::Result<Self> {
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Self(Some(OpenOptions::new().write(true).open(path)?))),
            Ok(_) => Ok(Self(None)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    /// Writes other bytes over its own, as many, and waits for the disk.
    pub fn overwrite(self) -> io::Result<()> {
        let Some(mut file) = self.0 else { return Ok(()) };
        let mut left = file.metadata()?.len();
        while left > 0 {
            let bytes: [u8; 256] = super::random();
            let now = left.min(bytes.len() as u64);
            file.write_all(&bytes[..now as usize])?;
            left -= now;
        }
        file.sync_all()
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private(OpenOptions::new().write(true).create_new(true)).open(path)?;
    #[cfg(test)]
    let bytes = &bytes[..crash::bytes(bytes.len(), |cut| file.write_all(&bytes[..cut]))?];
    file.write_all(bytes)?;
    file.sync_all()
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Lets a test end a write after so many bytes and steps, as a crash of the computer would.
#[cfg(test)]
pub(crate) mod crash {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Crashes on this thread after `count` more bytes and steps; `None` never again.
    pub fn after(count: Option<usize>) {
        LEFT.set(count);
    }

    pub fn has_happened() -> bool {
        LEFT.get() == Some(0)
    }

    pub fn step() -> io::Result<()> {
        bytes(1, |_| Ok(())).map(drop)
    }

    /// How many of `length` bytes to write now: all of them, unless the crash comes before; then `cut` writes what still is.
    pub fn bytes(length: usize, cut: impl FnOnce(usize) -> io::Result<()>) -> io::Result<usize> {
        match LEFT.get() {
            Some(left) if left <= length => {
                LEFT.set(Some(0));
                cut(left.min(length))?;
                Err(io::Error::other("the computer crashed"))
            }
            left => {
                LEFT.set(left.map(|left| left - length));
                Ok(length)
            }
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_and_files_are_for_their_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("vesper/default");
        create_folder(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(folder.parent().unwrap()), 0o700);
        replace(&folder.join("a"), b"1").unwrap();
        assert_eq!(mode(&folder.join("a")), 0o600);
        fs::write(folder.join("b"), b"2").unwrap();
        restrict(&folder.join("b"), 0o644).unwrap();
        open_private(&folder.join("b")).unwrap();
        assert_eq!(mode(&folder.join("b")), 0o600);
        assert_eq!(fs::read(folder.join("b")).unwrap(), b"2");
    }

    #[test]
    fn what_a_crash_left_behind_is_in_nobodys_way_and_no_link_is_followed() {
        let home = tempfile::tempdir().unwrap();
        let (file, elsewhere) = (home.path().join("vault"), home.path().join("elsewhere"));
        fs::write(&elsewhere, b"untouched").unwrap();
        symlink(&elsewhere, home.path().join("vault.new")).unwrap();
        replace(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_a_link_leads_to_is_not_written_over() {
        let home = tempfile::tempdir().unwrap();
        let (link, elsewhere) = (home.path().join("vault"), home.path().join("elsewhere"));
        fs::write(&elsewhere, b"untouched").unwrap();
        symlink(&elsewhere, &link).unwrap();
        let old = Superseded::at(&link).unwrap();
        replace(&link, b"new").unwrap();
        old.overwrite().unwrap();
        assert_eq!((fs::read(&link).unwrap(), fs::read(&elsewhere).unwrap()), (b"new".to_vec(), b"untouched".to_vec()));
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let taken = home.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(replace(&taken, b"new").is_err());
        assert!(taken.is_dir());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
