//! The state that the threads of a store share: queues of records and requests.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::file_reader::FileReader;
use crate::record::StoredRecord;
use crate::request::ReadJob;

/// Whether records are written, or lost for a reason that may be sent to clients.
pub type WriteOutcome<'a> = Result<(), &'a str>;

/// An incident in a store, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreReport<'a> {
    /// The file was not closed and is being repaired.
    Repairing {
        /// Progress in percent.
        percent: u8,
    },
    /// A record is not what was written. It is skipped.
    Damaged {
        /// The name of its history.
        history: &'a str,
        /// Its place in it.
        place: u64,
    },
    /// Records that were written can't be found. They are skipped.
    Missing {
        /// The name of their history.
        history: &'a str,
        /// The first of their places in it.
        place: u64,
        /// Number of missing records.
        count: u64,
    },
    /// The check after the start is complete: all records were read once.
    Checked {
        /// Number of intact records.
        records: u64,
        /// Number of damaged records.
        damaged: u64,
        /// Number of missing records.
        missing: u64,
    },
    /// The file can't be read.
    Unreadable {
        /// The error of the database.
        reason: &'a str,
    },
    /// The file can't be written. No records are accepted until it can.
    Stopped {
        /// The error of the database.
        reason: &'a str,
        /// Number of waiting records that are lost.
        lost: usize,
    },
    /// The file can be written again.
    Restarted,
}

/// Receives the outcomes and reports of a store, on the store's threads.
pub trait StoreObserver: Send + Sync + 'static {
    /// All records up to this number are written, or are lost.
    fn stored(&self, up_to: u64, outcome: WriteOutcome<'_>);

    /// Reports an incident.
    fn report(&self, report: StoreReport<'_>);
}

/// The state of a store, with the signals for its threads.
pub(crate) struct StoreShared {
    pub(crate) state: Mutex<StoreState>,
    /// Wakes the writer: records wait, or the store is closed.
    pub(crate) has_records: Condvar,
    /// Wakes the reader: requests can be answered, or the store is closed.
    pub(crate) has_requests: Condvar,
    pub(crate) observer: Arc<dyn StoreObserver>,
    /// The names of the histories, for reports.
    pub(crate) names: Vec<String>,
}

/// The queues of a store.
#[derive(Debug, Default)]
pub(crate) struct StoreState {
    /// Records to be written, each with the index of its history.
    pub(crate) records: Vec<(usize, StoredRecord)>,
    /// Bytes of these records.
    pub(crate) bytes: usize,
    /// Number of the last appended record.
    pub(crate) last: u64,
    /// Number up to which all records are written or lost.
    pub(crate) settled: u64,
    pub(crate) requests: VecDeque<ReadJob>,
    /// Reads the file; `None` while it can't be used.
    pub(crate) file: Option<FileReader>,
    pub(crate) is_closed: bool,
}
