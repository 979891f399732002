//! The database of a store: its tables, its errors, and calls that may panic.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::TableDefinition;
use thiserror::Error;

use crate::record::RecordKey;

/// The number of each history, by its name.
pub(crate) const HISTORIES: TableDefinition<'_, &str, u32> = TableDefinition::new("histories");

/// Records as `record` writes them, by the number of their history and their place in it.
pub(crate) const EVENTS: TableDefinition<'_, RecordKey, &[u8]> = TableDefinition::new("events");

/// The place of each record, by the number of its history and its id.
pub(crate) const PLACES: TableDefinition<'_, (u32, u64), u64> = TableDefinition::new("places");

/// The extent of each history, by its number.
pub(crate) const EXTENTS: TableDefinition<'_, u32, WrittenExtent> = TableDefinition::new("extents");

/// First place, next place, bytes and checksum of an extent.
pub(crate) type WrittenExtent = (u64, u64, u64, u32);

/// Records of the first version of the format: without id and checksum.
pub(crate) const UNCHECKED: TableDefinition<'_, RecordKey, &[u8]> = TableDefinition::new("records");

/// An error of the database.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    #[error("{0}")]
    Database(#[from] redb::Error),
    /// The database panicked over content that it takes for impossible.
    #[error("the file is damaged: {0}")]
    Panicked(String),
}

impl FileError {
    /// Whether a damaged part of the file caused it, so that other parts may be readable.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self, Self::Panicked(_) | Self::Database(redb::Error::Corrupted(_)))
    }
}

thread_local! {
    static CATCHES_PANICS: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in a call of the database whose panics are caught and reported as
/// [`StoreReport`](crate::StoreReport). Panic hooks use it to skip these panics.
pub fn catches_panics() -> bool {
    CATCHES_PANICS.get()
}

/// Calls the database and turns a panic over a damaged file into an error.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, FileError> {
    let before = CATCHES_PANICS.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    CATCHES_PANICS.set(before);
    match outcome {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(panic) => Err(FileError::Panicked(text(panic.as_ref()))),
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
