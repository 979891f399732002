//! The handle of a store: appends records and reads them through two threads.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::database::FileError;
use crate::file::{HistoryLimits, StoreFileOptions};
use crate::location::{StoreError, prepare};
use crate::queues::{StoreObserver, StoreReport, StoreShared, StoreState};
use crate::record::StoredRecord;
use crate::request::{ReadJob, ReadRequest};
use crate::{reader, writer};

/// The store has no room once this number of records waits. A disk that needs a few milliseconds
/// for each transaction writes some hundred thousand small records a second, so they wait for less
/// than a second. As many may be in the transaction that is being written; they wait again if it
/// fails, and are refused then. A publication asks for room once and may add a record to each of
/// its histories. So the store holds at most twice this number and the records of one publication.
const MAX_WAITING: usize = 65_536;

/// The store has no room once waiting records have this number of bytes. As with [`MAX_WAITING`],
/// it holds at most twice this and the records of one publication.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Most requests that wait to be answered.
const MAX_REQUESTS: usize = 1_024;

/// An open store. Dropping it waits until all records are written.
pub struct RecordStore {
    shared: Arc<StoreShared>,
    threads: Vec<JoinHandle<()>>,
}

impl RecordStore {
    /// Opens or creates the file at `path`, and starts the threads. At most `cache_bytes` of the
    /// file are kept in memory. `id_of` returns the id of a record that a version without ids has
    /// written.
    ///
    /// # Errors
    /// The file can't be used.
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
        let options = StoreFileOptions {
            path,
            histories: histories.to_vec(),
            cache_bytes,
            repairing: Arc::new(repairing),
            id_of,
            gaps: Arc::default(),
        };
        let file = options.open().map_err(|error| match error {
            FileError::Database(redb::Error::DatabaseAlreadyOpen) => {
                StoreError::InUse(options.path.clone())
            }
            error => StoreError::Unusable(options.path.clone(), error.to_string()),
        })?;
        let state = StoreState { file: Some(file.reader()), ..StoreState::default() };
        let shared = Arc::new(StoreShared {
            state: Mutex::new(state),
            has_records: Condvar::new(),
            has_requests: Condvar::new(),
            observer,
            names: histories.iter().map(|history| history.name.clone()).collect(),
        });
        let (writing, reading) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            thread::spawn(move || writer::run(&writing, &options, file)),
            thread::spawn(move || reader::run(&reading)),
        ];
        Ok(Self { shared, threads })
    }

    /// Whether the store accepts more records now.
    pub fn has_room(&self) -> bool {
        let state = self.shared.state.lock();
        state.file.is_some() && state.records.len() < MAX_WAITING && state.bytes < MAX_WAITING_BYTES
    }

    /// Appends a record to the history with this index, in the order of the calls, without waiting.
    /// Returns the number of the record; numbers count up.
    pub fn append(&self, history: usize, record: StoredRecord) -> u64 {
        let mut state = self.shared.state.lock();
        state.bytes += record.bytes.len();
        state.records.push((history, record));
        state.last += 1;
        let number = state.last;
        drop(state);
        self.shared.has_records.notify_one();
        number
    }

    /// Lets a request visit the records of the history with this index, including all records that
    /// were appended before.
    ///
    /// # Errors
    /// Too many requests wait already; the request is returned.
    pub fn read(
        &self,
        history: usize,
        request: Box<dyn ReadRequest>,
    ) -> Result<(), Box<dyn ReadRequest>> {
        let mut state = self.shared.state.lock();
        if state.requests.len() >= MAX_REQUESTS {
            return Err(request);
        }
        let job = ReadJob::new(history, request, state.last);
        state.requests.push_back(job);
        drop(state);
        self.shared.has_requests.notify_one();
        Ok(())
    }
}

impl Drop for RecordStore {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.has_records.notify_all();
        self.shared.has_requests.notify_all();
        for thread in self.threads.drain(..) {
            // One of these threads may drop the last handle.
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
