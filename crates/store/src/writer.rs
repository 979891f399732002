//! The thread that writes, and opens the file again when it can't be written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::file::{FileError, FileOptions, StoreFile};
use crate::store::{StoreReport, StoreShared};

/// How long it is waited before the file is opened again.
const RETRY: Duration = Duration::from_secs(1);

/// What is said of records that are lost. What the database says is for the log.
const LOST: &str = "the event can't be stored at the moment";

/// Writes whatever has come, again and again, until the store is closed and everything is written.
pub(crate) fn run(shared: &StoreShared, opening: &FileOptions, mut file: StoreFile) {
    loop {
        match write(shared, &mut file) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                shared.fail(&error);
                drop(file);
                match reopen(shared, opening) {
                    Some(opened) => file = opened,
                    None => return,
                }
            }
        }
    }
}

/// Waits for records and writes them. Whether the store is still open.
fn write(shared: &StoreShared, file: &mut StoreFile) -> Result<bool, FileError> {
    let (records, last) = {
        let mut state = shared.state.lock();
        while state.records.is_empty() {
            if state.is_closed {
                return Ok(false);
            }
            shared.is_filled.wait(&mut state);
        }
        state.bytes = 0;
        (std::mem::take(&mut state.records), state.last)
    };
    if let Err(error) = file.append(&records) {
        // They are refused with what has come meanwhile.
        shared.state.lock().records.extend(records);
        return Err(error);
    }
    shared.settle(last, Ok(()));
    Ok(true)
}

/// Opens the file until it can be written; none when the store is closed before. The repairs on the
/// way are not reported.
fn reopen(shared: &StoreShared, opening: &FileOptions) -> Option<StoreFile> {
    let opening = FileOptions { repairing: Arc::new(|_| {}), ..opening.clone() };
    loop {
        let at = Instant::now() + RETRY;
        let mut state = shared.state.lock();
        while !state.is_closed && !shared.is_filled.wait_until(&mut state, at).timed_out() {}
        let is_closed = state.is_closed;
        drop(state);
        // What has been taken since the failure was seen.
        shared.refuse();
        if is_closed {
            return None;
        }
        if opening.has_space()
            && let Ok(file) = opening.open()
            && file.probe().is_ok()
        {
            shared.state.lock().file = Some(file.reader());
            shared.observer.report(StoreReport::Restarted);
            return Some(file);
        }
    }
}

impl StoreShared {
    /// The file can't be written: nothing is taken any more, and what waits is refused.
    fn fail(&self, error: &FileError) {
        // Those who read let go of the file, which can't be opened before.
        self.state.lock().file = None;
        let lost = self.refuse();
        self.observer.report(StoreReport::Stopped { reason: &error.to_string(), lost });
    }

    /// Refuses everything that waits, and says how much that is.
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

    fn settle(&self, last: u64, outcome: Result<(), &str>) {
        self.observer.stored(last, outcome);
        self.state.lock().settled = last;
        self.is_asked.notify_one();
    }
}
