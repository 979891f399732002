//! The file of a store: it is opened, appended to and trimmed.
//!
//! The places of a history are consecutive numbers. The transaction that adds records also removes
//! the oldest ones beyond the limits.

use std::path::PathBuf;
use std::sync::Arc;

use redb::{
    Builder, Database, Durability, ReadableDatabase as _, ReadableTable as _, Table,
    TableDefinition, TableError, TableHandle as _, WriteTransaction,
};

use crate::database::{
    EVENTS, EXTENTS, FileError, HISTORIES, PLACES, UNCHECKED, WrittenExtent, guarded,
};
use crate::extent::{Extent, OVERHEAD};
use crate::file_reader::{FileReader, Gaps};
use crate::record::{self, RecordKey, StoredRecord};

/// The table of [`StoreFile::probe`].
const PROBE: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("probe");

/// Bytes that a probe writes: enough that the next transactions do not fail again at once.
const PROBE_BYTES: usize = 1 << 20;

/// A transaction removes at most this number of records more than it adds. After a limit was
/// lowered, the next transactions remove the rest.
const MAX_TRIMMED: usize = 1_000;

/// Bytes of records of the first version that one transaction converts.
const CONVERTED_AT_ONCE: usize = 16 << 20;

/// The name of a history and the limits of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLimits {
    /// The name, which identifies the history at the next start.
    pub name: String,
    /// Most records.
    pub max_records: u64,
    /// Most bytes of records. The newest record is kept whatever its size.
    pub max_bytes: u64,
}

/// A history of an open file.
#[derive(Debug, Clone)]
struct OpenHistory {
    number: u32,
    max_records: u64,
    max_bytes: u64,
    extent: Extent,
}

impl OpenHistory {
    const fn is_over_limit(&self) -> bool {
        let Extent { places, bytes } = &self.extent;
        let count = places.end - places.start;
        count > self.max_records || (*bytes > self.max_bytes && count > 1)
    }
}

/// The options for opening a file.
#[derive(Clone)]
pub(crate) struct StoreFileOptions {
    pub(crate) path: PathBuf,
    pub(crate) histories: Vec<HistoryLimits>,
    pub(crate) cache_bytes: usize,
    /// Called while the file is repaired after a crash, with the progress from 0 to 1.
    pub(crate) repairing: Arc<dyn Fn(f64) + Send + Sync>,
    /// Returns the id of a record of the first version.
    pub(crate) id_of: fn(&[u8]) -> Option<u64>,
    /// The known places that can't be read.
    pub(crate) gaps: Arc<Gaps>,
}

/// An open file.
pub(crate) struct StoreFile {
    database: Arc<Database>,
    histories: Vec<OpenHistory>,
    gaps: Arc<Gaps>,
}

impl StoreFileOptions {
    /// Whether the disk has space for a [`StoreFile::probe`]. Opening a file that was
    /// not closed repairs it, which needs space. `true` if the free space is unknown.
    pub(crate) fn has_space(&self) -> bool {
        rustix::fs::statvfs(&self.path)
            .map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= PROBE_BYTES as u64)
    }

    /// Opens the file, or creates it.
    pub(crate) fn open(&self) -> Result<StoreFile, FileError> {
        let repairing = Arc::clone(&self.repairing);
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes);
        builder.set_repair_callback(move |session| repairing(session.progress()));
        let database = guarded(|| Ok(builder.create(&self.path)?))?;
        let (database, gaps) = (Arc::new(database), Arc::clone(&self.gaps));
        let mut file = StoreFile { database, histories: Vec::new(), gaps };
        guarded(|| {
            file.assign_numbers(&self.histories)?;
            file.convert(self.id_of)?;
            file.read_extents()
        })?;
        Ok(file)
    }
}

impl StoreFile {
    /// A reader of the file, for any thread.
    pub(crate) fn reader(&self) -> FileReader {
        let numbers = self.histories.iter().map(|history| history.number).collect();
        FileReader::new(Arc::clone(&self.database), numbers, Arc::clone(&self.gaps))
    }

    /// Gives each history its number of earlier starts, or a new one.
    fn assign_numbers(&mut self, histories: &[HistoryLimits]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut numbers = transaction.open_table(HISTORIES)?;
            // Readers need these tables to exist.
            transaction.open_table(EVENTS)?;
            transaction.open_table(PLACES)?;
            transaction.open_table(EXTENTS)?;
            let mut next = 0;
            for entry in numbers.iter()? {
                next = next.max(entry?.1.value() + 1);
            }
            for HistoryLimits { name, max_records, max_bytes } in histories {
                let known = numbers.get(name.as_str())?.map(|number| number.value());
                let number = match known {
                    Some(number) => number,
                    None => {
                        numbers.insert(name.as_str(), next)?;
                        next += 1;
                        next - 1
                    }
                };
                let (max_records, max_bytes) = (*max_records, *max_bytes);
                let extent = Extent::default();
                self.histories.push(OpenHistory { number, max_records, max_bytes, extent });
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Converts the records of the first version.
    fn convert(&self, id_of: fn(&[u8]) -> Option<u64>) -> Result<(), redb::Error> {
        loop {
            let transaction = self.database.begin_write()?;
            if !transaction.list_tables()?.any(|table| table.name() == UNCHECKED.name()) {
                transaction.abort()?;
                return Ok(());
            }
            let is_done = {
                let mut old = transaction.open_table(UNCHECKED)?;
                let mut tables = WriteTables::of(&transaction)?;
                let mut moved = 0;
                loop {
                    let Some((key, bytes)) = old.pop_first()? else { break true };
                    let (key, bytes) = (key.value(), bytes.value().to_vec());
                    moved += bytes.len();
                    if let Some(id) = id_of(&bytes) {
                        tables.insert(key, &StoredRecord { id, bytes })?;
                    }
                    if moved >= CONVERTED_AT_ONCE {
                        break false;
                    }
                }
            };
            if is_done {
                transaction.delete_table(UNCHECKED)?;
            }
            transaction.commit()?;
        }
    }

    /// Reads the extent of each history.
    fn read_extents(&mut self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_read()?;
        for history in &mut self.histories {
            history.extent = match Extent::of(&transaction, history.number)? {
                Some(extent) => extent,
                None => Extent::measured(&transaction, history.number)?,
            };
        }
        Ok(())
    }

    /// Appends records, each to the history with its index, and removes the oldest ones beyond the
    /// limits. All records are on the disk when this returns; after an error none is.
    pub(crate) fn append(&mut self, records: &[(usize, StoredRecord)]) -> Result<(), FileError> {
        let mut histories = self.histories.clone();
        guarded(|| {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            {
                let mut tables = WriteTables::of(&transaction)?;
                for (history, record) in records {
                    let Some(history) = histories.get_mut(*history) else { continue };
                    let extent = &mut history.extent;
                    let key = (history.number, extent.places.end);
                    extent.bytes += tables.insert(key, record)?;
                    extent.places.end += 1;
                }
                let mut left = records.len() + MAX_TRIMMED;
                for history in &mut histories {
                    tables.trim(history, &self.gaps, &mut left)?;
                    tables
                        .extents
                        .insert(history.number, history.extent.written(history.number))?;
                }
            }
            transaction.commit()?;
            Ok(())
        })?;
        self.histories = histories;
        Ok(())
    }

    /// Checks that the file can be written.
    pub(crate) fn probe(&self) -> Result<(), FileError> {
        guarded(|| {
            for is_there in [true, false] {
                let mut transaction = self.database.begin_write()?;
                transaction.set_durability(Durability::Immediate)?;
                if is_there {
                    // A vector: an array would be a constant of this size in the program.
                    transaction.open_table(PROBE)?.insert(0, vec![0; PROBE_BYTES].as_slice())?;
                } else {
                    transaction.delete_table(PROBE)?;
                }
                transaction.commit()?;
            }
            Ok(())
        })
    }
}

impl std::fmt::Debug for StoreFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreFile").field("histories", &self.histories).finish_non_exhaustive()
    }
}

/// The tables of a write transaction.
struct WriteTables<'t> {
    events: Table<'t, RecordKey, &'static [u8]>,
    places: Table<'t, (u32, u64), u64>,
    extents: Table<'t, u32, WrittenExtent>,
    written: Vec<u8>,
}

impl<'t> WriteTables<'t> {
    fn of(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            events: transaction.open_table(EVENTS)?,
            places: transaction.open_table(PLACES)?,
            extents: transaction.open_table(EXTENTS)?,
            written: Vec::new(),
        })
    }

    /// Adds a record. Returns the bytes that it needs, with [`OVERHEAD`].
    fn insert(&mut self, key: RecordKey, record: &StoredRecord) -> Result<u64, redb::Error> {
        self.written.clear();
        record.write(key, &mut self.written);
        self.events.insert(key, self.written.as_slice())?;
        self.places.insert((key.0, record.id), key.1)?;
        Ok(self.written.len() as u64 + OVERHEAD)
    }

    /// Removes the oldest records of a history beyond its limits, at most `left` of them. Places
    /// that can't be read are skipped: their records can't be removed.
    fn trim(
        &mut self,
        history: &mut OpenHistory,
        gaps: &Gaps,
        left: &mut usize,
    ) -> Result<(), redb::Error> {
        while history.is_over_limit() && *left > 0 {
            *left -= 1;
            let (number, extent) = (history.number, &mut history.extent);
            let key = (number, extent.places.start);
            if let Some(gap) = gaps.at(number, extent.places.start) {
                extent.places.start = gap.end.min(extent.places.end);
                continue;
            }
            extent.places.start += 1;
            let Some(removed) = self.events.remove(key)? else { continue };
            extent.bytes = extent.bytes.saturating_sub(removed.value().len() as u64 + OVERHEAD);
            if let Some(id) = record::id(removed.value()) {
                drop(removed);
                let at = (history.number, id);
                let place = self.places.get(at)?.map(|place| place.value());
                // A newer record may have the same id.
                if place == Some(key.1) {
                    self.places.remove(at)?;
                }
            }
        }
        Ok(())
    }
}
