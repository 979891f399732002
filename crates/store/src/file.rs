//! The file, its tables and transactions.
//!
//! Places of a history count up; the records that are too old or too much are taken out in the
//! transaction that adds newer ones. The first and the next place of a history and its bytes are
//! kept beside it, with a checksum. So nothing has to be counted at the start, and records that a
//! damaged file no longer shows are known to be missing.

use std::any::Any;
use std::cell::Cell;
use std::io::{ErrorKind, Read as _};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase as _, ReadableTable as _,
    Table, TableDefinition, TableError, TableHandle as _, WriteTransaction,
};
use thiserror::Error;

use crate::file_reader::{FileReader, Gaps};
use crate::record::{self, RecordKey, StoredRecord};

/// Which number a history has.
const HISTORIES: TableDefinition<'_, &str, u32> = TableDefinition::new("histories");

/// Records by the number of their history and their place in it, as `record` writes them.
pub(crate) const EVENTS: TableDefinition<'_, RecordKey, &[u8]> = TableDefinition::new("events");

/// The place of a record, by the number of its history and its id.
pub(crate) const PLACES: TableDefinition<'_, (u32, u64), u64> = TableDefinition::new("places");

/// The extent of each history: its first place, its next place, its bytes, and a checksum.
const EXTENTS: TableDefinition<'_, u32, WrittenExtent> = TableDefinition::new("extents");

type WrittenExtent = (u64, u64, u64, u32);

/// Records as the first version has kept them, without id and checksum.
const UNCHECKED: TableDefinition<'_, RecordKey, &[u8]> = TableDefinition::new("records");

/// What is written to see whether the file can be written.
const PROBE: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("probe");

/// How many bytes that is: some space, so that the next transactions don't fail again at once.
const PROBE_BYTES: usize = 1 << 20;

/// The file's name where a directory is given.
const NAME_IN_DIRECTORY: &str = "events.redb";

/// Bytes that a record takes in the file beside its own.
const OVERHEAD: u64 = 64;

/// So many records more than it adds are taken out by a transaction; after a limit was lowered, the
/// rest follows with the next ones.
const MAX_TRIMMED: usize = 1_000;

/// How many bytes of records of the first version are moved in one transaction.
const CONVERTED_AT_ONCE: usize = 16 << 20;

/// Why the file can't be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Its directory can't be made.
    #[error("the directory of the event store {0} can't be made: {1}")]
    Directory(PathBuf, std::io::Error),
    /// It can't be opened or read.
    #[error(
        "the event store {0} can't be used: {1}. If its events are not needed, move the file away"
    )]
    Unusable(PathBuf, String),
    /// It is open already.
    #[error(
        "the event store {0} is open already: is another node running with it? Stop it, or choose \
         another file in the configuration"
    )]
    InUse(PathBuf),
    /// It can't be read.
    #[error("the event store {0} can't be used: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// There is another file in its place.
    #[error("the event store {0} can't be used: this is another file")]
    NoStore(PathBuf),
}

/// What went wrong in the file.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    #[error("{0}")]
    Database(#[from] redb::Error),
    /// The database has found what it takes for impossible.
    #[error("the file is damaged: {0}")]
    Panicked(String),
}

impl FileError {
    /// Whether a damaged part of the file is the reason, so that other parts may be readable.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self, Self::Panicked(_) | Self::Database(redb::Error::Corrupted(_)))
    }
}

thread_local! {
    static CATCHES_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread now is one of the database over a damaged file, which is caught
/// and reported as [`StoreReport`](crate::StoreReport). For hooks that log panics.
pub fn catches_panics() -> bool {
    CATCHES_PANICS.get()
}

/// Calls the database, which may panic over a damaged file.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, FileError> {
    let before = CATCHES_PANICS.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    CATCHES_PANICS.set(before);
    match outcome {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(panic) => Err(FileError::Panicked(text(panic.as_ref()))),
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// A history: its name, and how much is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryLimits {
    /// The name, the same at every start.
    pub name: String,
    /// How many records.
    pub max_records: u64,
    /// How many bytes they may hold. The newest record is kept whatever its size.
    pub max_bytes: u64,
}

/// What a history holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The places of its records.
    pub(crate) places: Range<u64>,
    bytes: u64,
}

impl Extent {
    fn checksum(&self, number: u32) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&number.to_le_bytes());
        for part in [self.places.start, self.places.end, self.bytes] {
            hasher.update(&part.to_le_bytes());
        }
        hasher.finalize()
    }

    fn written(&self, number: u32) -> WrittenExtent {
        (self.places.start, self.places.end, self.bytes, self.checksum(number))
    }

    /// The extent of a history as it was written; `None` if it is damaged or was never written.
    pub(crate) fn of(
        transaction: &ReadTransaction,
        number: u32,
    ) -> Result<Option<Self>, redb::Error> {
        let Some(written) = transaction.open_table(EXTENTS)?.get(number)? else { return Ok(None) };
        let (start, end, bytes, checksum) = written.value();
        let extent = Self { places: start..end, bytes };
        Ok(Some(extent).filter(|extent| start <= end && extent.checksum(number) == checksum))
    }

    /// The extent of a history by its records: from the first intact one to the last.
    fn measured(transaction: &ReadTransaction, number: u32) -> Result<Self, redb::Error> {
        let events = transaction.open_table(EVENTS)?;
        let mut extent = Self::default();
        for entry in events.range((number, 0)..=(number, u64::MAX))? {
            let (key, written) = entry?;
            let ((_, place), written) = (key.value(), written.value());
            extent.bytes += written.len() as u64 + OVERHEAD;
            if record::read((number, place), written).is_ok() {
                let is_first = extent.places.is_empty();
                let start = if is_first { place } else { extent.places.start.min(place) };
                extent.places = start..extent.places.end.max(place + 1);
            }
        }
        Ok(extent)
    }
}

/// One of the histories of an open file.
#[derive(Debug, Clone)]
struct OpenHistory {
    number: u32,
    max_records: u64,
    max_bytes: u64,
    extent: Extent,
}

impl OpenHistory {
    const fn has_too_much(&self) -> bool {
        let Extent { places, bytes } = &self.extent;
        let count = places.end - places.start;
        count > self.max_records || (*bytes > self.max_bytes && count > 1)
    }
}

/// How a file is opened.
#[derive(Clone)]
pub(crate) struct FileOptions {
    pub(crate) path: PathBuf,
    pub(crate) histories: Vec<HistoryLimits>,
    pub(crate) cache_bytes: usize,
    /// Called while the file is repaired after a crash, with the share that is done.
    pub(crate) repairing: Arc<dyn Fn(f64) + Send + Sync>,
    /// The id of a record of the first version.
    pub(crate) id_of: fn(&[u8]) -> Option<u64>,
    /// The places that can't be read, as far as they are known.
    pub(crate) gaps: Arc<Gaps>,
}

/// See the [module](self).
pub(crate) struct StoreFile {
    database: Arc<Database>,
    histories: Vec<OpenHistory>,
    gaps: Arc<Gaps>,
}

impl FileOptions {
    /// Whether the disk has space for a [`StoreFile::probe`]. Opening a file that was
    /// not closed repairs it, which needs space. `true` if the free space is unknown.
    pub(crate) fn has_space(&self) -> bool {
        rustix::fs::statvfs(&self.path)
            .map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= PROBE_BYTES as u64)
    }

    /// Opens the file, or makes it.
    pub(crate) fn open(&self) -> Result<StoreFile, FileError> {
        let repairing = Arc::clone(&self.repairing);
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes);
        builder.set_repair_callback(move |session| repairing(session.progress()));
        let database = guarded(|| Ok(builder.create(&self.path)?))?;
        let (database, gaps) = (Arc::new(database), Arc::clone(&self.gaps));
        let mut file = StoreFile { database, histories: Vec::new(), gaps };
        guarded(|| {
            file.number(&self.histories)?;
            file.convert(self.id_of)?;
            file.look()
        })?;
        Ok(file)
    }
}

impl StoreFile {
    /// What reads the file.
    pub(crate) fn reader(&self) -> FileReader {
        let numbers = self.histories.iter().map(|history| history.number).collect();
        FileReader::new(Arc::clone(&self.database), numbers, Arc::clone(&self.gaps))
    }

    /// Gives each history the number that it has had before, or a new one.
    fn number(&mut self, histories: &[HistoryLimits]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut numbers = transaction.open_table(HISTORIES)?;
            // So that they are there to be read.
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

    /// Takes over the records of the first version.
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
    fn look(&mut self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_read()?;
        for history in &mut self.histories {
            history.extent = match Extent::of(&transaction, history.number)? {
                Some(extent) => extent,
                None => Extent::measured(&transaction, history.number)?,
            };
        }
        Ok(())
    }

    /// Adds records, each to the history at its place of the list, and takes out what is too old.
    /// When this returns, they are on the disk. After an error none of them is there.
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

    /// Sees whether the file can be written.
    pub(crate) fn probe(&self) -> Result<(), FileError> {
        guarded(|| {
            for is_there in [true, false] {
                let mut transaction = self.database.begin_write()?;
                transaction.set_durability(Durability::Immediate)?;
                if is_there {
                    // On the heap: an array would be a constant of this size in the program.
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

/// The tables of a transaction that writes.
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

    /// Adds a record. The bytes that it takes.
    fn insert(&mut self, key: RecordKey, record: &StoredRecord) -> Result<u64, redb::Error> {
        self.written.clear();
        record.write(key, &mut self.written);
        self.events.insert(key, self.written.as_slice())?;
        self.places.insert((key.0, record.id), key.1)?;
        Ok(self.written.len() as u64 + OVERHEAD)
    }

    /// Takes out what a history has too much, as far as it is `left` to this transaction. Places
    /// that can't be read are left where they are: what is damaged there can't be removed.
    fn trim(
        &mut self,
        history: &mut OpenHistory,
        gaps: &Gaps,
        left: &mut usize,
    ) -> Result<(), redb::Error> {
        while history.has_too_much() && *left > 0 {
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
                // A newer record may have the id.
                if place == Some(key.1) {
                    self.places.remove(at)?;
                }
            }
        }
        Ok(())
    }
}

/// How a file of redb begins.
const MAGIC: [u8; 9] = *b"redb\x1A\x0A\xA9\x0D\x0A";

/// Looks whether the file of a store could be opened or made, without making or changing anything.
/// Returns the path of the file.
/// Not checked: whether another process has it open, and the permission to write it.
///
/// # Errors
/// When something else is in the place of the file or of one of its directories, or no file can
/// have this path.
pub fn check(path: &Path) -> Result<PathBuf, StoreError> {
    let path = file_of(path);
    let directories = path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
    if let Some(directory) = directories.into_iter().find(|directory| directory.exists())
        && !directory.is_dir()
    {
        let error = ErrorKind::NotADirectory.into();
        return Err(StoreError::Directory(directory.to_owned(), error));
    }
    let unreadable = |error| StoreError::Unreadable(path.clone(), error);
    match path.metadata() {
        Ok(file) if file.is_file() => {}
        // Opening a pipe waits for its other end.
        Ok(_) => return Err(StoreError::NoStore(path)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            return Ok(path);
        }
        Err(error) => return Err(unreadable(error)),
    }
    let mut beginning = Vec::new();
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    file.take(MAGIC.len() as u64).read_to_end(&mut beginning).map_err(unreadable)?;
    match beginning.is_empty() || beginning == MAGIC {
        true => Ok(path),
        false => Err(StoreError::NoStore(path)),
    }
}

/// The file that a path means: the path itself, or a file in the directory that it is.
fn file_of(path: &Path) -> PathBuf {
    let is_directory = path.is_dir() || (path.extension().is_none() && !path.is_file());
    if is_directory { path.join(NAME_IN_DIRECTORY) } else { path.to_owned() }
}

/// The file that a path means, in a directory that is there: it is made.
pub(crate) fn prepare(path: &Path) -> Result<PathBuf, StoreError> {
    let path = file_of(path);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .map_err(|error| StoreError::Directory(directory.to_owned(), error))?;
    }
    Ok(path)
}
