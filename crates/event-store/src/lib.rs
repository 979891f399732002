//! Records that outlive the process, kept in one file: the latest of each of several histories.
//!
//! Whoever appends does not wait. A thread of its own writes whatever has come meanwhile in one
//! transaction and says then that all of it is safe: on the disk, even if the process is killed or
//! the machine loses its power. What a record means is not known here.
//!
//! | room | what it is for |
//! |---|---|
//! | `file` | the file and its transactions |
//! | `writer` | the queue before it, and the thread that empties it |

mod file;
mod writer;

pub use file::{History, StoreError};
pub use writer::{EventStore, Outcome};
