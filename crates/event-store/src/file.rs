//! The file, its tables and transactions.
//!
//! Places of a history count up; the records that are too old or too much are taken out in the
//! transaction that adds newer ones. What a history holds in bytes is kept beside it, with a
//! checksum, so that nothing has to be counted at the start.

use std::any::Any;
use std::io::Read as _;
use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Builder, Database, Durability, ReadableDatabase as _, ReadableTable as _, Table,
    TableDefinition, TableError, TableHandle as _, WriteTransaction,
};
use thiserror::Error;

use crate::record::{self, Damaged, Key, Record};

/// Which number a history has.
const HISTORIES: TableDefinition<'_, &str, u32> = TableDefinition::new("histories");

/// Records by the number of their history and their place in it, as `record` writes them.
const EVENTS: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("events");

/// The place of a record, by the number of its history and its id.
const PLACES: TableDefinition<'_, (u32, u64), u64> = TableDefinition::new("places");

/// The bytes of a history, with a checksum.
const BYTES: TableDefinition<'_, u32, (u64, u32)> = TableDefinition::new("bytes");

/// Records as the first version has kept them, without id and checksum.
const UNCHECKED: TableDefinition<'_, Key, &[u8]> = TableDefinition::new("records");

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

/// How many records and bytes are read before others have their turn.
const SLICE_RECORDS: usize = 4_096;
const SLICE_BYTES: usize = 4 << 20;

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

/// Calls the database, which may panic over a damaged file.
fn guarded<T>(call: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, FileError> {
    match catch_unwind(AssertUnwindSafe(call)) {
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
pub struct History {
    /// The name, the same at every start.
    pub name: String,
    /// How many records.
    pub max_records: u64,
    /// How many bytes they may hold. The newest record is kept whatever its size.
    pub max_bytes: u64,
}

/// One of the histories of an open file.
#[derive(Debug, Clone)]
struct Open {
    number: u32,
    max_records: u64,
    max_bytes: u64,
    /// The places of its records.
    places: Range<u64>,
    bytes: u64,
}

impl Open {
    fn has_too_much(&self) -> bool {
        let count = self.places.end - self.places.start;
        count > self.max_records || (self.bytes > self.max_bytes && count > 1)
    }
}

/// How a file is opened.
#[derive(Clone)]
pub(crate) struct Opening {
    pub(crate) path: PathBuf,
    pub(crate) histories: Vec<History>,
    pub(crate) cache_bytes: usize,
    /// Called while the file is repaired after a crash, with the share that is done.
    pub(crate) repairing: Arc<dyn Fn(f64) + Send + Sync>,
    /// The id of a record of the first version.
    pub(crate) id_of: fn(&[u8]) -> Option<u64>,
}

/// See the [module](self).
pub(crate) struct File {
    database: Arc<Database>,
    histories: Vec<Open>,
}

impl Opening {
    /// Opens the file, or makes it.
    pub(crate) fn open(&self) -> Result<File, FileError> {
        let repairing = Arc::clone(&self.repairing);
        let mut builder = Builder::new();
        builder.set_cache_size(self.cache_bytes);
        builder.set_repair_callback(move |session| repairing(session.progress()));
        let database = guarded(|| Ok(builder.create(&self.path)?))?;
        let mut file = File { database: Arc::new(database), histories: Vec::new() };
        guarded(|| {
            file.number(&self.histories)?;
            file.convert(self.id_of)?;
            file.look()
        })?;
        Ok(file)
    }
}

impl File {
    /// What reads the file.
    pub(crate) fn reader(&self) -> FileReader {
        let numbers = self.histories.iter().map(|history| history.number).collect();
        FileReader { database: Arc::clone(&self.database), numbers }
    }

    /// Gives each history the number that it has had before, or a new one.
    fn number(&mut self, histories: &[History]) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut numbers = transaction.open_table(HISTORIES)?;
            // So that they are there to be read.
            transaction.open_table(EVENTS)?;
            transaction.open_table(PLACES)?;
            transaction.open_table(BYTES)?;
            let mut next = 0;
            for entry in numbers.iter()? {
                next = next.max(entry?.1.value() + 1);
            }
            for History { name, max_records, max_bytes } in histories {
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
                self.histories.push(Open {
                    number,
                    max_records,
                    max_bytes,
                    places: 0..0,
                    bytes: 0,
                });
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
                let mut tables = Tables::of(&transaction)?;
                let mut moved = 0;
                loop {
                    let Some((key, bytes)) = old.pop_first()? else { break true };
                    let (key, bytes) = (key.value(), bytes.value().to_vec());
                    moved += bytes.len();
                    if let Some(id) = id_of(&bytes) {
                        tables.insert(key, &Record { id, bytes })?;
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

    /// Looks how much there is of each history.
    fn look(&mut self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_read()?;
        let events = transaction.open_table(EVENTS)?;
        let totals = transaction.open_table(BYTES)?;
        for history in &mut self.histories {
            let all = (history.number, 0)..=(history.number, u64::MAX);
            let mut range = events.range(all.clone())?;
            let first = range.next().transpose()?.map(|(key, _)| key.value().1);
            let last = range.next_back().transpose()?.map(|(key, _)| key.value().1).or(first);
            history.places = match (first, last) {
                (Some(first), Some(last)) => first..last + 1,
                _ => 0..0,
            };
            let total = totals.get(history.number)?.map(|total| total.value());
            history.bytes = match total {
                Some((bytes, checksum)) if checksum == checksum_of(history.number, bytes) => bytes,
                _ => {
                    let mut bytes = 0;
                    for entry in events.range(all)? {
                        bytes += entry?.1.value().len() as u64 + OVERHEAD;
                    }
                    bytes
                }
            };
        }
        Ok(())
    }

    /// Adds records, each to the history at its place of the list, and takes out what is too old.
    /// When this returns, they are on the disk. After an error none of them is there.
    pub(crate) fn append(&mut self, records: &[(usize, Record)]) -> Result<(), FileError> {
        let mut histories = self.histories.clone();
        guarded(|| {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(Durability::Immediate)?;
            {
                let mut tables = Tables::of(&transaction)?;
                for (history, record) in records {
                    let Some(history) = histories.get_mut(*history) else { continue };
                    let key = (history.number, history.places.end);
                    history.bytes += tables.insert(key, record)?;
                    history.places.end += 1;
                }
                let mut left = records.len() + MAX_TRIMMED;
                for history in &mut histories {
                    tables.trim(history, &mut left)?;
                }
                for Open { number, bytes, .. } in &histories {
                    tables.bytes.insert(number, (*bytes, checksum_of(*number, *bytes)))?;
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

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("histories", &self.histories).finish_non_exhaustive()
    }
}

fn checksum_of(number: u32, bytes: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(&bytes.to_le_bytes());
    hasher.finalize()
}

/// The tables of a transaction that writes.
struct Tables<'t> {
    events: Table<'t, Key, &'static [u8]>,
    places: Table<'t, (u32, u64), u64>,
    bytes: Table<'t, u32, (u64, u32)>,
    written: Vec<u8>,
}

impl<'t> Tables<'t> {
    fn of(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
        Ok(Self {
            events: transaction.open_table(EVENTS)?,
            places: transaction.open_table(PLACES)?,
            bytes: transaction.open_table(BYTES)?,
            written: Vec::new(),
        })
    }

    /// Adds a record. The bytes that it takes.
    fn insert(&mut self, key: Key, record: &Record) -> Result<u64, redb::Error> {
        self.written.clear();
        record.write(key, &mut self.written);
        self.events.insert(key, self.written.as_slice())?;
        self.places.insert((key.0, record.id), key.1)?;
        Ok(self.written.len() as u64 + OVERHEAD)
    }

    /// Takes out what a history has too much, as far as it is `left` to this transaction.
    fn trim(&mut self, history: &mut Open, left: &mut usize) -> Result<(), redb::Error> {
        while history.has_too_much() && *left > 0 {
            *left -= 1;
            let key = (history.number, history.places.start);
            history.places.start += 1;
            let Some(removed) = self.events.remove(key)? else { continue };
            history.bytes = history.bytes.saturating_sub(removed.value().len() as u64 + OVERHEAD);
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

/// Reads the file, on any thread.
#[derive(Clone)]
pub(crate) struct FileReader {
    database: Arc<Database>,
    numbers: Vec<u32>,
}

/// How a slice of reading has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slice {
    /// Everything was visited, or no more is wanted.
    Done,
    /// The places that are left are still to be visited.
    More,
}

impl FileReader {
    fn number(&self, history: usize) -> u32 {
        self.numbers.get(history).copied().unwrap_or(u32::MAX)
    }

    /// The places of the records of a history.
    pub(crate) fn places(&self, history: usize) -> Result<Range<u64>, FileError> {
        let number = self.number(history);
        guarded(|| {
            let events = self.database.begin_read()?.open_table(EVENTS)?;
            let mut range = events.range((number, 0)..=(number, u64::MAX))?;
            let first = range.next().transpose()?.map(|(key, _)| key.value().1);
            let last = range.next_back().transpose()?.map(|(key, _)| key.value().1).or(first);
            Ok(match (first, last) {
                (Some(first), Some(last)) => first..last + 1,
                _ => 0..0,
            })
        })
    }

    /// The place of a record.
    pub(crate) fn place(&self, history: usize, id: u64) -> Result<Option<u64>, FileError> {
        let number = self.number(history);
        guarded(|| {
            let transaction = self.database.begin_read()?;
            let place = transaction.open_table(PLACES)?.get((number, id))?;
            let Some(place) = place.map(|place| place.value()) else { return Ok(None) };
            let event = transaction.open_table(EVENTS)?.get((number, place))?;
            let is_there = event.is_some_and(|event| record::id(event.value()) == Some(id));
            Ok(is_there.then_some(place))
        })
    }

    /// Visits records of a history between `places`, of which those are left that are still to be
    /// visited, for one slice.
    pub(crate) fn visit(
        &self,
        history: usize,
        places: &mut Range<u64>,
        is_reverse: bool,
        mut visit: impl FnMut(u64, Result<(u64, &[u8]), Damaged>) -> ControlFlow<()>,
    ) -> Result<Slice, FileError> {
        let number = self.number(history);
        guarded(|| {
            let events = self.database.begin_read()?.open_table(EVENTS)?;
            let mut range = events.range((number, places.start)..(number, places.end))?;
            let (mut records, mut bytes) = (0, 0);
            loop {
                let next = if is_reverse { range.next_back() } else { range.next() };
                let Some(entry) = next else { break };
                let (key, written) = entry?;
                let (key, written) = (key.value(), written.value());
                let place = key.1;
                if is_reverse {
                    places.end = place;
                } else {
                    places.start = place + 1;
                }
                if visit(place, record::read(key, written)).is_break() {
                    break;
                }
                records += 1;
                bytes += written.len();
                if records >= SLICE_RECORDS || bytes >= SLICE_BYTES {
                    return Ok(Slice::More);
                }
            }
            Ok(Slice::Done)
        })
    }
}

impl std::fmt::Debug for FileReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileReader").field("numbers", &self.numbers).finish_non_exhaustive()
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
        let error = std::io::ErrorKind::NotADirectory.into();
        return Err(StoreError::Directory(directory.to_owned(), error));
    }
    let unreadable = |error| StoreError::Unreadable(path.clone(), error);
    match path.try_exists() {
        Ok(true) => {}
        Err(error) if error.kind() != std::io::ErrorKind::PermissionDenied => {
            return Err(unreadable(error));
        }
        Ok(false) | Err(_) => return Ok(path),
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
