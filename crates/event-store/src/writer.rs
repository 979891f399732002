//! The queue before the file, and the thread that empties it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};

use crate::file::{File, History, Records, StoreError};

/// The most records that wait to be written. A disk that takes a few milliseconds for each
/// transaction writes some hundred thousand small ones a second, so this is a moment's worth.
const MAX_WAITING: usize = 65_536;

/// The most bytes that wait to be written.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// What has become of everything up to a number.
pub type Outcome<'a> = Result<(), &'a str>;

#[derive(Debug, Default)]
struct Queue {
    records: Vec<(usize, Vec<u8>)>,
    bytes: usize,
    /// The number of the last record that was appended.
    last: u64,
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    is_filled: Condvar,
}

/// A file that is appended to. Dropping it waits until everything is written.
pub struct EventStore {
    shared: Arc<Shared>,
    writing: Option<JoinHandle<()>>,
}

impl EventStore {
    /// Opens the file and starts the thread that writes. Returns what is kept of each history, the
    /// oldest first. `told` is called by that thread with the number of the last record of each
    /// transaction.
    pub fn open(
        path: &Path,
        histories: &[History],
        told: impl Fn(u64, Outcome<'_>) + Send + 'static,
    ) -> Result<(Self, Records), StoreError> {
        let (file, records) = File::open(path, histories)?;
        let shared = Arc::new(Shared::default());
        let writing = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.write(file, told))
        };
        Ok((Self { shared, writing: Some(writing) }, records))
    }

    /// Whether it takes more now.
    pub fn has_room(&self) -> bool {
        let queue = self.shared.queue.lock();
        queue.records.len() < MAX_WAITING && queue.bytes < MAX_WAITING_BYTES
    }

    /// Takes a record for the history at this place of the list, in the order of the calls; never
    /// waits. Returns its number; numbers count up.
    pub fn append(&self, history: usize, record: Vec<u8>) -> u64 {
        let mut queue = self.shared.queue.lock();
        queue.bytes += record.len();
        queue.records.push((history, record));
        queue.last += 1;
        let number = queue.last;
        drop(queue);
        self.shared.is_filled.notify_one();
        number
    }
}

impl Shared {
    /// Writes whatever has come, again and again, until the store is closed and everything written.
    fn write(&self, mut file: File, told: impl Fn(u64, Outcome<'_>)) {
        loop {
            let (records, last) = {
                let mut queue = self.queue.lock();
                while queue.records.is_empty() {
                    if queue.is_closed {
                        return;
                    }
                    self.is_filled.wait(&mut queue);
                }
                queue.bytes = 0;
                (std::mem::take(&mut queue.records), queue.last)
            };
            match file.append(&records) {
                Ok(()) => told(last, Ok(())),
                Err(error) => told(last, Err(&format!("the event can't be stored: {error}"))),
            }
        }
    }
}

impl Drop for EventStore {
    fn drop(&mut self) {
        self.shared.queue.lock().is_closed = true;
        self.shared.is_filled.notify_one();
        if let Some(writing) = self.writing.take() {
            // It may be this thread itself that drops the last handle.
            if writing.thread().id() != thread::current().id() {
                let _ = writing.join();
            }
        }
    }
}

impl fmt::Debug for EventStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStore").field("shared", &self.shared).finish_non_exhaustive()
    }
}
