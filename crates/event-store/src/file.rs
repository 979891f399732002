//! The file and its transactions.
//!
//! Two tables: the number of each history, and the records by history and place. Places count up;
//! those that are too old are taken out in the transaction that adds newer ones.

use std::path::{Path, PathBuf};

use redb::{
    Database, Durability, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition,
};
use thiserror::Error;

/// Which number a history has.
const HISTORIES: TableDefinition<'_, &str, u32> = TableDefinition::new("histories");

/// Records by the number of their history and their place in it.
const RECORDS: TableDefinition<'_, (u32, u64), &[u8]> = TableDefinition::new("records");

/// The file's name where a directory is given.
const NAME_IN_DIRECTORY: &str = "events.redb";

/// Why the file can't be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Its directory can't be made.
    #[error("the directory of the event store {0} can't be made: {1}")]
    Directory(PathBuf, std::io::Error),
    /// It can't be opened or read.
    #[error("the event store {0} can't be used: {1}")]
    Unusable(PathBuf, Box<redb::Error>),
}

/// A history: its name, and how many records are kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The name, the same at every start.
    pub name: String,
    /// How many records.
    pub limit: usize,
}

/// One of the histories of an open file.
#[derive(Debug)]
struct Open {
    number: u32,
    limit: u64,
    next: u64,
}

/// See the [module](self).
pub(crate) struct File {
    database: Database,
    histories: Vec<Open>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("histories", &self.histories).finish_non_exhaustive()
    }
}

/// The records of each history, the oldest first.
pub(crate) type Records = Vec<Vec<Vec<u8>>>;

impl File {
    /// Opens the file or makes it, and reads what is kept.
    pub(crate) fn open(path: &Path, histories: &[History]) -> Result<(Self, Records), StoreError> {
        let path = place(path)?;
        let unusable = |error: redb::Error| StoreError::Unusable(path.clone(), Box::new(error));
        let database = Database::create(&path).map_err(|error| unusable(error.into()))?;
        let mut file = Self { database, histories: Vec::new() };
        file.number(histories).map_err(unusable)?;
        let records = file.read().map_err(unusable)?;
        Ok((file, records))
    }

    /// Gives each history the number that it has had before, or a new one.
    fn number(&mut self, histories: &[History]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut numbers = transaction.open_table(HISTORIES)?;
            // So that it is there to be read.
            transaction.open_table(RECORDS)?;
            let mut next = 0;
            for entry in numbers.iter()? {
                next = next.max(entry?.1.value() + 1);
            }
            for history in histories {
                let known = numbers.get(history.name.as_str())?.map(|number| number.value());
                let number = match known {
                    Some(number) => number,
                    None => {
                        numbers.insert(history.name.as_str(), next)?;
                        next += 1;
                        next - 1
                    }
                };
                let limit = history.limit as u64;
                self.histories.push(Open { number, limit, next: 0 });
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn read(&mut self) -> Result<Records, redb::Error> {
        let transaction = self.database.begin_read()?;
        let records = transaction.open_table(RECORDS)?;
        let mut all = Vec::new();
        for history in &mut self.histories {
            let range = (history.number, 0)..=(history.number, u64::MAX);
            let mut latest = Vec::new();
            for entry in records.range(range)?.rev() {
                let (place, record) = entry?;
                history.next = history.next.max(place.value().1 + 1);
                if latest.len() as u64 == history.limit {
                    break;
                }
                latest.push(record.value().to_vec());
            }
            latest.reverse();
            all.push(latest);
        }
        Ok(all)
    }

    /// Adds records, each to the history at its place of the list, and takes out what is too old.
    /// When this returns, they are on the disk.
    pub(crate) fn append(&mut self, records: &[(usize, Vec<u8>)]) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(RECORDS)?;
            for (history, record) in records {
                let Some(history) = self.histories.get_mut(*history) else { continue };
                table.insert((history.number, history.next), record.as_slice())?;
                history.next += 1;
            }
            for history in &self.histories {
                trim(&mut table, history)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

fn trim(
    table: &mut Table<'_, (u32, u64), &'static [u8]>,
    history: &Open,
) -> Result<(), redb::Error> {
    let oldest = history.next.saturating_sub(history.limit);
    let is_old = (history.number, 0)..(history.number, oldest);
    table.retain_in(is_old, |_, _| false)?;
    Ok(())
}

/// The file that a path means.
fn place(path: &Path) -> Result<PathBuf, StoreError> {
    let is_directory = path.is_dir() || (path.extension().is_none() && !path.is_file());
    let path = if is_directory { path.join(NAME_IN_DIRECTORY) } else { path.to_owned() };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| StoreError::Directory(directory.to_owned(), error))?;
    }
    Ok(path)
}
