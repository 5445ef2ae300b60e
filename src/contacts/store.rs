//! What a profile remembers, in one file: contacts, invitations, requests and settings, each row sealed on its own.
//!
//! ```text
//! table "contacts" | "invitations" | "requests" | "knocks" | "settings" | "meta" (redb)
//!   row key = HMAC-SHA256(key "vesper/1 store rows", LP(table) || LP(name of the row))
//!   value   = version u8 = 1 || nonce 24 || JSON + tag 16, sealed under key "vesper/1 store values"
//!             with LP(table) || LP(row key) || version as additional data
//! ```
//!
//! Both keys are HKDF-SHA256 expansions of the database key that the vault holds. Whoever reads the file without it learns
//! how many rows of what length each table has, and no more; whoever writes to it can put back an older state of a row, or
//! remove one, but cannot make, change or move one. The row "check" of the table "meta" shows that key and file belong together.

mod rows;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

pub use self::rows::Row;
use crate::identity::{files, length_prefixed, seal};

const VERSION: u8 = 1;
/// A profile has a few hundred rows: redb's own 1 GiB would only hide a leak.
const CACHE_BYTES: usize = 4 << 20;
const META: &str = "meta";
const CHECK: &[u8] = b"check";

type Table = TableDefinition<'static, &'static [u8; 32], &'static [u8]>;

/// The open file. Every write is on the disk when it returns, and every read sees it.
pub struct Store {
    database: Database,
    path: PathBuf,
    keys: Keys,
}

/// Writes that reach the disk together or not at all.
pub struct Changes<'a> {
    store: &'a Store,
    transaction: WriteTransaction,
}

/// What rows are named and sealed under.
pub(crate) struct Keys {
    rows: seal::SealKey,
    values: seal::SealKey,
}

/// Why the file does not open, or cannot be read or written. Each is a sentence for the person, with what to do.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("the file with your {} is missing or empty: put a copy of it back from a backup, or make a new profile ({})", kept(.0), .0.display())]
    Missing(PathBuf),
    #[error("the file with your {} is damaged and was left as it is: put a copy of it back from a backup ({})", kept(.0), .0.display())]
    Damaged(PathBuf),
    #[error("the file with your {} belongs to another key file: put back a copy of both from the same backup ({})", kept(.0), .0.display())]
    OtherKey(PathBuf),
    #[error("the file with your {} was written by a newer Vesper: update this one ({})", kept(.0), .0.display())]
    Newer(PathBuf),
    #[error("the file with your {} is in use by another program: close that and try again ({})", kept(.0), .0.display())]
    InUse(PathBuf),
    #[error("there is a file with {} already, and it was left as it is ({})", kept(.0), .0.display())]
    Exists(PathBuf),
    #[error("the disk is full and nothing was changed: free some space and start Vesper again ({})", .0.display())]
    DiskFull(PathBuf),
    #[error("the file with your {} cannot be used: {reason} ({})", kept(path), path.display())]
    Failed { reason: String, path: PathBuf },
}

impl Store {
    /// Makes the file at `path`, which must not be there, for rows sealed under `database_key`.
    pub fn create(path: &Path, database_key: &seal::SealKey) -> Result<Self, StoreError> {
        if path.symlink_metadata().is_ok() {
            return Err(StoreError::Exists(path.to_owned()));
        }
        files::open_private(path).map_err(|error| failed(path, error.into()))?;
        let store = Self::over(path, database_key, |builder| builder.create(path))?;
        store.change(|changes| changes.put_value(META, CHECK, &[]))?;
        Ok(store)
    }

    /// Opens the file at `path`. One that was cut off, changed, or belongs to another key is refused.
    pub fn open(path: &Path, database_key: &seal::SealKey) -> Result<Self, StoreError> {
        if fs::metadata(path).map_or(0, |file| file.len()) == 0 {
            return Err(StoreError::Missing(path.to_owned()));
        }
        files::restrict(path, 0o600).map_err(|error| failed(path, error.into()))?;
        let store = Self::over(path, database_key, |builder| builder.open(path))?;
        match store.get_value(META, CHECK) {
            Ok(Some(_)) => Ok(store),
            Ok(None) => Err(StoreError::OtherKey(path.to_owned())),
            Err(error) => Err(error),
        }
    }

    /// Makes several changes as one: after a crash either all of them are there, or none is.
    pub fn change(&self, make: impl FnOnce(&Changes) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().map_err(|error| self.failed(error))?;
        let changes = Changes { store: self, transaction };
        make(&changes)?;
        changes.transaction.commit().map_err(|error| self.failed(error))
    }

    /// All rows of one kind, in no order.
    fn all<R: Row>(&self) -> Result<Vec<R>, StoreError> {
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
        let table = match transaction.open_table(table(R::TABLE)) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(self.failed(error)),
        };
        let rows = table.iter().map_err(|error| self.failed(error))?;
        rows.map(|row| {
            let (key, value) = row.map_err(|error| self.failed(error))?;
            self.row(&self.open_value(R::TABLE, key.value(), value.value())?)
        })
        .collect()
    }

    /// The row of this name, if there is one.
    fn get<R: Row>(&self, name: &[u8]) -> Result<Option<R>, StoreError> {
        self.get_value(R::TABLE, name)?.map(|json| self.row(&json)).transpose()
    }

    fn row<R: Row>(&self, json: &[u8]) -> Result<R, StoreError> {
        serde_json::from_slice(json).map_err(|_| StoreError::Damaged(self.path.clone()))
    }

    fn get_value(&self, table_name: &'static str, name: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let transaction = self.database.begin_read().map_err(|error| self.failed(error))?;
        let table = match transaction.open_table(table(table_name)) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let key = self.keys.row_key(table_name, name);
        let value = table.get(&key).map_err(|error| self.failed(error))?;
        value.map(|value| self.open_value(table_name, &key, value.value())).transpose()
    }

    fn open_value(&self, table_name: &str, key: &[u8; 32], value: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.keys.open_value(table_name, key, value, &self.path)
    }

    fn over(
        path: &Path,
        database_key: &seal::SealKey,
        open: impl FnOnce(&Builder) -> Result<Database, redb::DatabaseError>,
    ) -> Result<Self, StoreError> {
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let database = open(&builder).map_err(|error| failed(path, error.into()))?;
        let keys = Keys::derive(database_key, "vesper/1 store rows", "vesper/1 store values");
        Ok(Self { database, path: path.to_owned(), keys })
    }

    fn failed(&self, error: impl Into<redb::Error>) -> StoreError {
        failed(&self.path, error.into())
    }
}

impl Changes<'_> {
    /// Writes a row, in place of the one of the same name if there is one.
    pub fn put<R: Row>(&self, row: &R) -> Result<(), StoreError> {
        let json = Zeroizing::new(serde_json::to_vec(row).expect("rows have text for keys and no failing part"));
        self.put_value(R::TABLE, row.name(), &json)
    }

    /// Removes the row of this name, if there is one.
    pub fn remove<R: Row>(&self, name: &[u8]) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(table(R::TABLE)).map_err(|error| self.store.failed(error))?;
        table.remove(&self.store.keys.row_key(R::TABLE, name)).map_err(|error| self.store.failed(error))?;
        Ok(())
    }

    fn put_value(&self, table_name: &'static str, name: &[u8], plain: &[u8]) -> Result<(), StoreError> {
        let key = self.store.keys.row_key(table_name, name);
        let value = self.store.keys.seal_value(table_name, &key, plain);
        let mut table = self.transaction.open_table(table(table_name)).map_err(|error| self.store.failed(error))?;
        table.insert(&key, value.as_slice()).map_err(|error| self.store.failed(error))?;
        Ok(())
    }
}

impl Keys {
    /// Expands both from one key, each by its label.
    pub(crate) fn derive(key: &seal::SealKey, rows: &str, values: &str) -> Self {
        Self { rows: expand(key, rows), values: expand(key, values) }
    }

    /// `version u8 || nonce 24 || plain + tag 16`, bound to its place.
    pub(crate) fn seal_value(&self, table_name: &str, key: &[u8; 32], plain: &[u8]) -> Vec<u8> {
        let mut value = vec![VERSION];
        value.extend(seal::seal(&self.values, &context(table_name, key), plain));
        value
    }

    /// Opens what [`seal_value`](Self::seal_value) made for this place in the file at `path`.
    pub(crate) fn open_value(
        &self,
        table_name: &str,
        key: &[u8; 32],
        value: &[u8],
        path: &Path,
    ) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        match value.split_first() {
            Some((&VERSION, sealed)) => {
                seal::open(&self.values, &context(table_name, key), sealed).ok_or_else(|| StoreError::Damaged(path.to_owned()))
            }
            Some((&version, _)) if version > VERSION => Err(StoreError::Newer(path.to_owned())),
            _ => Err(StoreError::Damaged(path.to_owned())),
        }
    }

    /// The name of a row as it is on the disk.
    pub(crate) fn row_key(&self, table_name: &str, name: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.rows).expect("HMAC takes a key of any length");
        let mut message = Vec::new();
        length_prefixed(&mut message, table_name.as_bytes());
        length_prefixed(&mut message, name);
        mac.update(&message);
        mac.finalize().into_bytes().into()
    }
}

/// A key of its own for each label (HKDF-Expand, RFC 5869).
pub(crate) fn expand(key: &seal::SealKey, label: &str) -> seal::SealKey {
    let mut expanded = Zeroizing::new([0; 32]);
    let hkdf = Hkdf::<Sha256>::from_prk(&**key).expect("32 bytes are enough for SHA-256");
    hkdf.expand(label.as_bytes(), &mut *expanded).expect("32 bytes are few enough for SHA-256");
    expanded
}

fn table(name: &'static str) -> Table {
    TableDefinition::new(name)
}

fn context(table_name: &str, key: &[u8; 32]) -> Vec<u8> {
    let mut context = Vec::new();
    length_prefixed(&mut context, table_name.as_bytes());
    length_prefixed(&mut context, key);
    context.push(VERSION);
    context
}

/// What a file of a profile holds, by its name.
fn kept(path: &Path) -> &'static str {
    match path.file_name().and_then(|name| name.to_str()) {
        Some("messages.redb" | "messages.redb.new") => "messages",
        Some("conversations.keys") => "conversations",
        _ => "contacts",
    }
}

/// The sentence for what went wrong with the file at `path`.
pub(crate) fn failed(path: &Path, error: redb::Error) -> StoreError {
    use redb::Error as E;
    let path = path.to_owned();
    match error {
        E::DatabaseAlreadyOpen => StoreError::InUse(path),
        E::UpgradeRequired(_) => StoreError::Newer(path),
        E::Corrupted(_) | E::TableTypeMismatch { .. } | E::TableIsMultimap(_) | E::TypeDefinitionChanged { .. } => {
            StoreError::Damaged(path)
        }
        E::Io(error) => match error.kind() {
            io::ErrorKind::NotFound => StoreError::Missing(path),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => StoreError::Damaged(path),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull(path),
            _ => StoreError::Failed { reason: error.to_string(), path },
        },
        other => StoreError::Failed { reason: other.to_string(), path },
    }
}

#[cfg(test)]
mod tests;
