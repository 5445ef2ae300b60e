//! The version of the message file's layout, and the steps from an older one to this.

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use super::key_ring::KeyRing;

/// `STEPS[n]` makes a file of schema n + 1 one of schema n + 2. All steps that a file needs, and the new number, reach the disk
/// together or not at all. What this program writes is schema 1 + the number of steps.
const STEPS: &[Step] = &[];

/// One step, within the transaction of all of them.
pub type Step = fn(&WriteTransaction, &KeyRing) -> Result<(), redb::Error>;

const META: TableDefinition<&str, u32> = TableDefinition::new("meta");

/// Why a file cannot be brought to this schema.
#[derive(Debug)]
pub enum Trouble {
    /// It was written by a later program.
    Newer,
    Failed(redb::Error),
}

/// Brings the file that `transaction` writes to to the newest schema; a new file gets its number. True if there is something to commit.
pub fn migrate(transaction: &WriteTransaction, ring: &KeyRing) -> Result<bool, Trouble> {
    run(transaction, ring, STEPS)
}

/// Writes the number of `from` into `to`, which is to be its copy.
pub fn copy(from: &ReadTransaction, to: &WriteTransaction) -> Result<(), redb::Error> {
    let number = from.open_table(META)?.get("schema")?.map(|number| number.value());
    let mut meta = to.open_table(META)?;
    if let Some(number) = number {
        meta.insert("schema", number)?;
    }
    Ok(())
}

fn run(transaction: &WriteTransaction, ring: &KeyRing, steps: &[Step]) -> Result<bool, Trouble> {
    let failed = |error: redb::Error| Trouble::Failed(error);
    let wanted = 1 + steps.len() as u32;
    let found = {
        let meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
        meta.get("schema").map_err(|error| failed(error.into()))?.map_or(wanted, |schema| schema.value())
    };
    let done = match found {
        0 => 0,
        found if found > wanted => return Err(Trouble::Newer),
        found => found as usize - 1,
    };
    for step in &steps[done..] {
        step(transaction, ring).map_err(failed)?;
    }
    let mut meta = transaction.open_table(META).map_err(|error| failed(error.into()))?;
    let before = meta.insert("schema", wanted).map_err(|error| failed(error.into()))?.map(|schema| schema.value());
    Ok(before != Some(wanted))
}

#[cfg(test)]
mod tests {
    use redb::{Database, ReadableDatabase};
    use zeroize::Zeroizing;

    use super::*;

    const NOTES: TableDefinition<u32, u32> = TableDefinition::new("notes");

    fn first(transaction: &WriteTransaction, _: &KeyRing) -> Result<(), redb::Error> {
        transaction.open_table(NOTES)?.insert(1, 1)?;
        Ok(())
    }

    fn second(transaction: &WriteTransaction, _: &KeyRing) -> Result<(), redb::Error> {
        let mut notes = transaction.open_table(NOTES)?;
        let was = notes.get(1)?.map_or(0, |note| note.value());
        notes.insert(1, was * 10 + 2)?;
        Ok(())
    }

    fn broken(_: &WriteTransaction, _: &KeyRing) -> Result<(), redb::Error> {
        Err(redb::Error::Corrupted("as this test wants".into()))
    }

    fn at(database: &Database, ring: &KeyRing, steps: &[Step]) -> Result<bool, Trouble> {
        let transaction = database.begin_write().unwrap();
        let migrated = run(&transaction, ring, steps)?;
        transaction.commit().unwrap();
        Ok(migrated)
    }

    fn note(database: &Database) -> Option<u32> {
        let table = database.begin_read().unwrap().open_table(NOTES).ok()?;
        table.get(1).unwrap().map(|note| note.value())
    }

    #[test]
    fn a_file_goes_through_every_step_it_has_not_been_through_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(folder.path().join("messages.redb")).unwrap();
        let ring = KeyRing::open(&folder.path().join("conversations.keys"), &Zeroizing::new([1; 32])).unwrap();
        assert!(at(&database, &ring, &[]).unwrap(), "a new file gets its number");
        assert!(!at(&database, &ring, &[]).unwrap());
        assert!(matches!(at(&database, &ring, &[first, broken]), Err(Trouble::Failed(_))));
        assert_eq!(note(&database), None, "half a way is none");
        assert!(at(&database, &ring, &[first]).unwrap());
        assert!(at(&database, &ring, &[first, second]).unwrap());
        assert!(!at(&database, &ring, &[first, second]).unwrap());
        assert_eq!(note(&database), Some(12));
        assert!(matches!(at(&database, &ring, &[first]), Err(Trouble::Newer)));
    }
}
