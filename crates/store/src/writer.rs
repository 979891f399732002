//! The thread that writes, and reopens the file when it can't be written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::database::FileError;
use crate::file::{StoreFile, StoreFileOptions};
use crate::queues::{StoreReport, StoreShared};

/// Interval between attempts to reopen the file.
const RETRY: Duration = Duration::from_secs(1);

/// The error of records that are lost. The error of the database is for the log only.
const LOST: &str = "the event can't be stored at the moment";

/// Writes waiting records until the store is closed and all are written.
pub(crate) fn run(shared: &StoreShared, options: &StoreFileOptions, mut file: StoreFile) {
    loop {
        match write(shared, &mut file) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                shared.fail(&error);
                drop(file);
                match reopen(shared, options) {
                    Some(opened) => file = opened,
                    None => return,
                }
            }
        }
    }
}

/// Waits for records and writes them. Returns `false` if the store is closed and none wait.
fn write(shared: &StoreShared, file: &mut StoreFile) -> Result<bool, FileError> {
    let (records, last) = {
        let mut state = shared.state.lock();
        while state.records.is_empty() {
            if state.is_closed {
                return Ok(false);
            }
            shared.has_records.wait(&mut state);
        }
        state.bytes = 0;
        (std::mem::take(&mut state.records), state.last)
    };
    if let Err(error) = file.append(&records) {
        // They are refused together with those that came meanwhile.
        shared.state.lock().records.extend(records);
        return Err(error);
    }
    shared.settle(last, Ok(()));
    Ok(true)
}

/// Tries to reopen the file until it can be written. Returns `None` if the store is closed before.
/// Repairs are not reported.
fn reopen(shared: &StoreShared, options: &StoreFileOptions) -> Option<StoreFile> {
    let options = StoreFileOptions { repairing: Arc::new(|_| {}), ..options.clone() };
    loop {
        let at = Instant::now() + RETRY;
        let mut state = shared.state.lock();
        while !state.is_closed && !shared.has_records.wait_until(&mut state, at).timed_out() {}
        let is_closed = state.is_closed;
        drop(state);
        // Records that were appended after the failure.
        shared.refuse();
        if is_closed {
            return None;
        }
        if options.has_space()
            && let Ok(file) = options.open()
            && file.probe().is_ok()
        {
            shared.state.lock().file = Some(file.reader());
            shared.observer.report(StoreReport::Restarted);
            return Some(file);
        }
    }
}

impl StoreShared {
    /// The file can't be written: no records are accepted, and waiting ones are refused.
    fn fail(&self, error: &FileError) {
        // The reader drops the file, which can't be reopened before.
        self.state.lock().file = None;
        let lost = self.refuse();
        self.observer.report(StoreReport::Stopped { reason: &error.to_string(), lost });
    }

    /// Refuses all waiting records. Returns their number.
    fn refuse(&self) -> usize {
        let (records, last) = {
            let mut state = self.state.lock();
            state.bytes = 0;
            (std::mem::take(&mut state.records), state.last)
        };
        if !records.is_empty() {
            self.settle(last, Err(LOST));
        }
        records.len()
    }

    /// Reports the outcome of all records up to `last`.
    fn settle(&self, last: u64, outcome: Result<(), &str>) {
        self.observer.stored(last, outcome);
        self.state.lock().settled = last;
        self.has_requests.notify_one();
    }
}
