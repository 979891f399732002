//! Counts the reads of a thread that returned bytes, an end or an error. A thread that compares two
//! counts knows whether it was busy between them.

use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The number of completed reads of this thread since its start.
pub fn count() -> u64 {
    COUNT.get()
}

pub(crate) fn add_one() {
    COUNT.set(COUNT.get().wrapping_add(1));
}
