//! The message file made anew, so that nothing of a deleted entry is left in it.
//!
//! The database writes beside what it replaces and frees the old pages without clearing them: after a deletion the file still
//! holds the sealed entry, in each state that it ever had. What is there to stay is therefore copied into a new file that takes
//! the place of the old one, and the old one is written over. A new file that is found at the start says that this was cut short.

use std::fs;
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, ReadableTable};

use super::{Library, MESSAGES, open_file};
use crate::contacts::{StoreError, store_failure};
use crate::conversation::schema;
use crate::identity::files;

impl Library {
    /// Notes that the file is to be made anew, whatever happens from here on.
    pub(super) fn announce_renewal(&self) -> Result<(), StoreError> {
        let new = new_path(&self.path);
        files::open_private(&new).and_then(|file| file.sync_all()).map_err(|error| store_failure(&new, error.into()))
    }

    /// Whether a renewal was announced and cut short.
    pub(super) fn is_renewal_due(&self) -> bool {
        new_path(&self.path).symlink_metadata().is_ok()
    }

    /// Makes the file anew. After an error the old one stays in use, and the next start tries again.
    pub(super) fn renew(&mut self) -> Result<(), StoreError> {
        self.reopen()?;
        let new = new_path(&self.path);
        let failed = |error: redb::Error| store_failure(&new, error);
        if new.symlink_metadata().is_ok() {
            fs::remove_file(&new).map_err(|error| failed(error.into()))?;
        }
        let copy = open_file(&new)?;
        let old = self.database.as_ref().expect("it was just opened");
        let copied = copy_all(old, &copy).map_err(failed);
        drop(copy);
        // Half a copy stays: it is as good a note as an empty file.
        copied?;
        self.database = None;
        files::take_place(&new, &self.path).map_err(|error| store_failure(&self.path, error.into()))?;
        self.reopen()
    }
}

fn copy_all(from: &Database, to: &Database) -> Result<(), redb::Error> {
    let read = from.begin_read()?;
    let write = to.begin_write()?;
    {
        let (rows, mut table) = (read.open_table(MESSAGES)?, write.open_table(MESSAGES)?);
        for row in rows.iter()? {
            let (key, value) = row?;
            table.insert(key.value(), value.value())?;
        }
    }
    schema::copy(&read, &write)?;
    Ok(write.commit()?)
}

fn new_path(path: &Path) -> PathBuf {
    path.with_extension("redb.new")
}
