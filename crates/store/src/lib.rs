//! Records that outlive the process. One file keeps the newest records of several histories.
//!
//! Appending does not wait. A thread writes all records that have come meanwhile in one
//! transaction, and reports then that they are on the disk. They survive a killed process and a
//! power failure. Another thread reads requested records, one request after the other. Memory holds
//! a bounded cache of the file only. The store does not interpret records.
//!
//! When the file can't be written, waiting records are refused. The file is reopened once a second
//! until it can be written.
//!
//! | module | purpose |
//! |---|---|
//! | `store` | the handle: appends and reads through the threads |
//! | `writer` | the thread that writes, and reopens the file after a failure |
//! | `reader` | the thread that reads, and checks the file after the start |
//! | `queues` | the state that the threads share, outcomes and reports |
//! | `request` | requests for records |
//! | `file` | the open file: appends, trims, converts |
//! | `file_reader` | reads the file, past damaged parts |
//! | `extent` | the places and bytes of a history |
//! | `location` | the path of the file, and checks before it is opened |
//! | `database` | tables, errors, and calls that may panic |
//! | `record` | the encoding of a record, with its checksum |

mod database;
mod extent;
mod file;
mod file_reader;
mod location;
mod queues;
mod reader;
mod record;
mod request;
mod store;
mod writer;

pub use database::catches_panics;
pub use file::HistoryLimits;
pub use location::{StoreError, check};
pub use queues::{StoreObserver, StoreReport, WriteOutcome};
pub use record::StoredRecord;
pub use request::ReadRequest;
pub use store::RecordStore;
