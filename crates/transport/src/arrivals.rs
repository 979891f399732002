//! How many reads of this thread have brought something, bytes or an end: by that a thread knows
//! whether it is busy.
//!
//! Not a measure of traffic: it is only compared with itself.

use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The reads of this thread that have brought something, since it began.
pub fn count() -> u64 {
    COUNT.get()
}

pub(crate) fn add_one() {
    COUNT.set(COUNT.get().wrapping_add(1));
}
