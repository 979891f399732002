//! The queues before the file.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::file::{FileError, FileOptions, HistoryLimits, StoreError, prepare};
use crate::file_reader::FileReader;
use crate::reader::{self, ReadJob, ReadRequest};
use crate::record::StoredRecord;
use crate::writer;

/// Number of waiting records from which on the store has no room. A disk that takes a few
/// milliseconds for each transaction writes some hundred thousand small ones a second, so this is a
/// moment's worth. As many may be in the transaction that is being written; they wait again if it
/// fails, and are refused then. A publication is asked for once and may bring a record for each of
/// its histories. So the store holds at most twice this and the records of one publication.
const MAX_WAITING: usize = 65_536;

/// Bytes of waiting records from which on the store has no room. It holds at most twice this and
/// the records of one publication, as with [`MAX_WAITING`].
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The most requests for records that wait to be answered.
const MAX_READINGS: usize = 1_024;

/// What has become of everything up to a number: it is safe, or lost for a reason that may be told
/// to anybody.
pub type WriteOutcome<'a> = Result<(), &'a str>;

/// What happens in a store beside its answers; for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreReport<'a> {
    /// The file was not closed and is being repaired.
    Repairing {
        /// How much of it is done, in percent.
        percent: u8,
    },
    /// What stands in the place of a record is not what was written. It is passed over.
    Damaged {
        /// The name of its history.
        history: &'a str,
        /// Its place in it.
        place: u64,
    },
    /// No records can be read where some were written. They are passed over.
    Missing {
        /// The name of their history.
        history: &'a str,
        /// The first of their places in it.
        place: u64,
        /// How many they are.
        count: u64,
    },
    /// All records have been read once after the start.
    Checked {
        /// How many are as they were written.
        records: u64,
        /// How many are damaged.
        damaged: u64,
        /// How many were written and can't be found.
        missing: u64,
    },
    /// The file can't be read.
    Unreadable {
        /// What the database says.
        reason: &'a str,
    },
    /// The file can't be written. Nothing is taken until it can.
    Stopped {
        /// What the database says.
        reason: &'a str,
        /// How many records were to be written and are lost.
        lost: usize,
    },
    /// The file can be written again.
    Restarted,
}

/// Receives what happens in a store, on threads of the store.
pub trait StoreObserver: Send + Sync + 'static {
    /// Everything up to this number is safe, or is lost.
    fn stored(&self, up_to: u64, outcome: WriteOutcome<'_>);

    /// Something else has happened.
    fn report(&self, report: StoreReport<'_>);
}

/// What the threads of a store share.
pub(crate) struct StoreShared {
    pub(crate) state: Mutex<StoreState>,
    /// There is something to write, or the store is closed.
    pub(crate) is_filled: Condvar,
    /// There is something to read, or the store is closed.
    pub(crate) is_asked: Condvar,
    pub(crate) observer: Arc<dyn StoreObserver>,
    /// The names of the histories, for reports.
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct StoreState {
    pub(crate) records: Vec<(usize, StoredRecord)>,
    pub(crate) bytes: usize,
    /// The number of the last record that was appended.
    pub(crate) last: u64,
    /// The number up to which it is known what has become of them.
    pub(crate) settled: u64,
    pub(crate) readings: VecDeque<ReadJob>,
    /// What reads the file; none while it can't be used.
    pub(crate) file: Option<FileReader>,
    pub(crate) is_closed: bool,
}

/// A file that is appended to. Dropping it waits until everything is written.
pub struct RecordStore {
    shared: Arc<StoreShared>,
    threads: Vec<JoinHandle<()>>,
}

impl RecordStore {
    /// Opens the file of a path, or makes it, and starts its threads. `cache_bytes` bounds what is
    /// kept in memory of the file. `id_of` tells the id of a record that a version without ids has
    /// kept.
    ///
    /// # Errors
    /// When the file can't be used.
    pub fn open(
        path: &Path,
        histories: &[HistoryLimits],
        cache_bytes: usize,
        id_of: fn(&[u8]) -> Option<u64>,
        observer: impl StoreObserver,
    ) -> Result<Self, StoreError> {
        let path = prepare(path)?;
        let observer: Arc<dyn StoreObserver> = Arc::new(observer);
        let repairing = {
            let observer = Arc::clone(&observer);
            move |done: f64| {
                let percent = (done * 100.0).clamp(0.0, 100.0) as u8;
                observer.report(StoreReport::Repairing { percent });
            }
        };
        let opening = FileOptions {
            path,
            histories: histories.to_vec(),
            cache_bytes,
            repairing: Arc::new(repairing),
            id_of,
            gaps: Arc::default(),
        };
        let file = opening.open().map_err(|error| match error {
            FileError::Database(redb::Error::DatabaseAlreadyOpen) => {
                StoreError::InUse(opening.path.clone())
            }
            error => StoreError::Unusable(opening.path.clone(), error.to_string()),
        })?;
        let state = StoreState { file: Some(file.reader()), ..StoreState::default() };
        let shared = Arc::new(StoreShared {
            state: Mutex::new(state),
            is_filled: Condvar::new(),
            is_asked: Condvar::new(),
            observer,
            names: histories.iter().map(|history| history.name.clone()).collect(),
        });
        let (writing, reading) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            thread::spawn(move || writer::run(&writing, &opening, file)),
            thread::spawn(move || reader::run(&reading)),
        ];
        Ok(Self { shared, threads })
    }

    /// Whether it takes more now.
    pub fn has_room(&self) -> bool {
        let state = self.shared.state.lock();
        state.file.is_some() && state.records.len() < MAX_WAITING && state.bytes < MAX_WAITING_BYTES
    }

    /// Takes a record for the history at this place of the list, in the order of the calls; never
    /// waits. Returns its number; numbers count up.
    pub fn append(&self, history: usize, record: StoredRecord) -> u64 {
        let mut state = self.shared.state.lock();
        state.bytes += record.bytes.len();
        state.records.push((history, record));
        state.last += 1;
        let number = state.last;
        drop(state);
        self.shared.is_filled.notify_one();
        number
    }

    /// Lets a reading visit records of the history at this place of the list, with everything that
    /// was appended before.
    ///
    /// # Errors
    /// Too many wait already; the reading is given back.
    pub fn read(
        &self,
        history: usize,
        reading: Box<dyn ReadRequest>,
    ) -> Result<(), Box<dyn ReadRequest>> {
        let mut state = self.shared.state.lock();
        if state.readings.len() >= MAX_READINGS {
            return Err(reading);
        }
        let job = ReadJob::new(history, reading, state.last);
        state.readings.push_back(job);
        drop(state);
        self.shared.is_asked.notify_one();
        Ok(())
    }
}

impl Drop for RecordStore {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.is_filled.notify_all();
        self.shared.is_asked.notify_all();
        for thread in self.threads.drain(..) {
            // It may be one of these threads that drops the last handle.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for RecordStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordStore").field("histories", &self.shared.names).finish_non_exhaustive()
    }
}
