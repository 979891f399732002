//! Records that outlive the process, kept in one file: the latest of each of several histories.
//!
//! Appending does not wait. A thread writes whatever has come meanwhile in one transaction and says
//! then that all of it is safe: on the disk, even if the process is killed or the machine loses its
//! power. Another thread reads the records that are asked for, one after the other, and nothing is
//! kept in memory but a bounded cache of the file. What a record means is not known here.
//!
//! When the file can't be written, what was to be written is refused and the file is opened again,
//! once a second, until it can be written.
//!
//! | room | what it is for |
//! |---|---|
//! | `file` | the file, its tables and transactions |
//! | `file_reader` | reads the file, also where it is damaged |
//! | `record` | a record as it stands in the file, with its checksum |
//! | `store` | the queues before the file |
//! | `writer` | the thread that writes, and opens the file again when it can't be written |
//! | `reader` | the thread that reads, and checks the file after the start |

mod file;
mod file_reader;
mod reader;
mod record;
mod store;
mod writer;

pub use file::{HistoryLimits, StoreError, catches_panics, check};
pub use reader::ReadRequest;
pub use record::StoredRecord;
pub use store::{RecordStore, StoreObserver, StoreReport, WriteOutcome};
